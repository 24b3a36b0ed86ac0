"""Bad input to the config, how overlays merge, and how one config gives two plans."""

import copy
import datetime
import doctest
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

import studies
from invariance.plan import merging, reading, text, validation, words
from invariance.plan.declarations import families, network_files
from invariance.plan.merging import merge
from invariance.plan.plan import Cell
from invariance.plan.reading import MOST_PROBLEMS, load, resolve
from invariance.plan.validation import validate
from invariance.record.artefacts import InputError
from studies.class_transfer import distorts_some_classes

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
CONFIG = load([ROOT / "config.yaml"])
STUDIES = studies.declared()
OVERLAYS = sorted((ROOT / "tests" / "configs").glob("*.yaml"))
LAST_LINE = "Nothing was started. Fix config.yaml, or the file given with --configfile; config.yaml explains each key."


def edited(path: str, value: Any) -> dict[str, Any]:
    """The real config with `value` set at `path` (keys joined by slashes); None removes a key."""
    config = copy.deepcopy(CONFIG)
    *above, last = path.split("/")
    mapping = config
    for key in above:
        mapping = mapping.setdefault(key, {})
    mapping[last] = value
    return config


def problems(config: dict[str, Any]) -> list[str]:
    """The problems that `validate` lists, if any; checks the text around them."""
    try:
        validate(config, SCHEMA, STUDIES)
    except InputError as error:
        first, *lines, last = str(error).split("\n")
        assert (first, last) == ("the config is not valid:", LAST_LINE)
        assert 1 <= len(lines) <= MOST_PROBLEMS + 1
        return [line.removeprefix("  ") for line in lines]
    return []


def case(name: str, path: str, value: Any, *lines: str) -> Any:
    """One bad config: the real one with `value` at `path`, and every line of its message."""
    return pytest.param(path, value, list(lines), id=name)


BAD = [
    case(
        "dataset_unknown",
        "dataset",
        "minst",
        'dataset: "minst": not one of the choices; did you mean "mnist"?; allowed: mnist, fashion_mnist, kmnist, '
        "digits (the dataset "
        "that plain `snakemake` reproduces)",
    ),
    case(
        "dataset_missing",
        "dataset",
        None,
        "dataset: missing; allowed: mnist, fashion_mnist, kmnist, "
        "digits (the dataset that plain `snakemake` reproduces)",
    ),
    case(
        "top_level_typo",
        "studys",
        {},
        'studys: {}: unknown key; did you mean "studies"?; allowed: dataset, device, keep_copies, datasets, '
        "distortions, audit, models, studies, measures, equivariance, claims, plans",
    ),
    case(
        "device_unknown",
        "device",
        "gpu",
        'device: "gpu": not one of the choices; did you mean "cpu"?; allowed: auto, cpu, cuda '
        "(where networks are trained and evaluated)",
    ),
    case("models_missing", "models", None, "models: missing; allowed: a mapping (name -> model)"),
    case(
        "text_for_number",
        "studies/simard2003/optimisation/epochs",
        "40",
        'studies.simard2003.optimisation.epochs: "40": not a whole number but text: write 40 without quotes '
        "(`--config a=b` passes text: use --configfile); allowed: a whole number, at least 1, at most 100000 "
        "(passes over the training images)",
    ),
    case(
        "exponent_without_point",
        "studies/simard2003/optimisation/learning_rate",
        "1e-4",
        'studies.simard2003.optimisation.learning_rate: "1e-4": not a number but text: write 0.0001 without '
        "quotes (`--config a=b` passes text: use --configfile); allowed: a number, over 0, at most 10 (peak of "
        "the schedule)",
    ),
    case(
        "text_for_switch",
        "distortions/elastic/elastic/centred",
        "true",
        'distortions.elastic.elastic.centred: "true": not true or false but text: write true without quotes '
        "(`--config a=b` passes text: use --configfile); allowed: true or false (whether the net translation "
        "of each field is removed)",
    ),
    case(
        "words_for_number",
        "datasets/mnist/timeout",
        "soon",
        'datasets.mnist.timeout: "soon": not a number; allowed: a number, over 0, at most 3600 (seconds '
        "without an answer before the next mirror is tried)",
    ),
    case(
        "true_for_whole_number",
        "studies/simard2003/optimisation/epochs",
        True,
        "studies.simard2003.optimisation.epochs: true: not a whole number; allowed: a whole number, at least "
        "1, at most 100000 (passes over the training images)",
    ),
    case(
        "fraction_for_whole_number",
        "studies/simard2003/optimisation/epochs",
        15.0,
        "studies.simard2003.optimisation.epochs: 15.0: not a whole number; allowed: a whole number, at least "
        "1, at most 100000 (passes over the training images)",
    ),
    case(
        "epochs_zero",
        "studies/simard2003/optimisation/epochs",
        0,
        "studies.simard2003.optimisation.epochs: 0: too small; allowed: a whole number, at least 1, at most "
        "100000 (passes over the training images)",
    ),
    case(
        "rate_zero",
        "studies/simard2003/optimisation/learning_rate",
        0,
        "studies.simard2003.optimisation.learning_rate: 0: too small; allowed: a number, over 0, at most 10 "
        "(peak of the schedule)",
    ),
    case(
        "rate_large",
        "studies/simard2003/optimisation/learning_rate",
        10.5,
        "studies.simard2003.optimisation.learning_rate: 10.5: too large; allowed: a number, over 0, at most 10 "
        "(peak of the schedule)",
    ),
    case(
        "momentum_one",
        "studies/simard2003/optimisation/momentum",
        1,
        "studies.simard2003.optimisation.momentum: 1: too large; allowed: a number, at least 0, under 1 (Nesterov)",
    ),
    case(
        "warmup_whole",
        "studies/simard2003/optimisation/warmup",
        0.95,
        "studies.simard2003.optimisation.warmup: 0.95: too large; allowed: a number, at least 0, at most 0.9 "
        "(fraction of the steps over which the rate rises)",
    ),
    case(
        "batch_large",
        "studies/simard2003/optimisation/batch",
        5000,
        "studies.simard2003.optimisation.batch: 5000: too large; allowed: a whole number, at least 1, at most "
        "4096 (images of one step)",
    ),
    case(
        "weight_decay_negative",
        "studies/simard2003/optimisation/weight_decay",
        -0.1,
        "studies.simard2003.optimisation.weight_decay: -0.1: too small; allowed: a number, at least 0, at most "
        "1 (L2 penalty)",
    ),
    case(
        "loss_unknown",
        "studies/simard2003/optimisation/loss",
        "crossentropy",
        'studies.simard2003.optimisation.loss: "crossentropy": not one of the choices; did you mean '
        '"cross_entropy"?; allowed: cross_entropy, mse (what is minimised)',
    ),
    case(
        "optimisation_typo",
        "studies/simard2003/optimisation/epoch",
        3,
        'studies.simard2003.optimisation.epoch: 3: unknown key; did you mean "epochs"?; allowed: epochs, '
        "batch, learning_rate, schedule, plateaus, warmup, averaging, momentum, weight_decay, loss",
    ),
    case(
        "optimisation_missing",
        "studies/simard2003/optimisation/momentum",
        None,
        "studies.simard2003.optimisation.momentum: missing; allowed: a number, at least 0, under 1 (Nesterov)",
    ),
    case(
        "sigma_zero",
        "distortions/elastic/elastic/sigma",
        0,
        "distortions.elastic.elastic.sigma: 0: too small; allowed: a number, over 0, at most 96 (pixels)",
    ),
    case(
        "alpha_negative",
        "distortions/elastic/elastic/alpha",
        -1,
        "distortions.elastic.elastic.alpha: -1: too small; allowed: a number, at least 0, at most 10000 (pixels)",
    ),
    case(
        "sigma_nan",
        "distortions/elastic/elastic/sigma",
        float("nan"),
        "distortions.elastic.elastic.sigma: nan: not a finite number",
    ),
    case(
        "normalisation_unknown",
        "distortions/elastic/elastic/normalisation",
        "L2",
        'distortions.elastic.elastic.normalisation: "L2": not one of the choices; allowed: none, l2 (of each '
        "component of the field before alpha)",
    ),
    case(
        "shift_fraction",
        "distortions/shift_2/translation/max_shift",
        2.5,
        "distortions.shift_2.translation.max_shift: 2.5: not a whole number; allowed: a whole number, at least "
        "0, at most 16 (pixels either way)",
    ),
    case(
        "scaling_one",
        "distortions/affine/affine/max_scaling",
        1,
        "distortions.affine.affine.max_scaling: 1: too large; allowed: a number, at least 0, under 1 (of "
        "the size of each axis)",
    ),
    case(
        "distortion_part_typo",
        "distortions/elastic/elstic",
        {"sigma": 4},
        'distortions.elastic.elstic: {"sigma": 4}: unknown key; did you mean "elastic"?; allowed: translation, '
        "affine, elastic",
    ),
    case(
        "distortion_empty",
        "distortions/shift_2",
        {},
        "distortions.shift_2: {}: distorts nothing; allowed: one or more of translation, affine, elastic",
    ),
    case(
        "distortion_none",
        "distortions/none",
        {"translation": {"max_shift": 1}},
        "distortions.none: this name is taken: it stands for no distortion; allowed: another name",
    ),
    case(
        "translation_and_affine",
        "distortions/affine/translation",
        {"max_shift": 1},
        'distortions.affine.translation: {"max_shift": 1}: not together with affine, which translates too; '
        "allowed: one of the two",
    ),
    case(
        "name_with_dash",
        "distortions/shift-7",
        {"translation": {"max_shift": 7}},
        "distortions.shift-7: not a name; allowed: a letter, then letters, digits and underscores, 64 at most, "
        "because it becomes a folder",
    ),
    case(
        "name_with_newline",
        "models/mlp\n",
        {"family": "simard_cnn"},
        'models."mlp\\n": not a name; allowed: a letter, then letters, digits and underscores, 64 at most, '
        "because it becomes a folder",
    ),
    case(
        "key_not_text",
        "models",
        {1: {"family": "simard_cnn"}},
        "models: the key 1 is read as int, not text; put it in quotes",
    ),
    case(
        "huge_number",
        "models/mlp/hidden",
        2**70,
        "models.mlp.hidden: a number of 71 bits: too large; allowed: at most 64 bits",
    ),
    case(
        "family_unknown",
        "models/mlp/family",
        "mpl",
        'models.mlp.family: "mpl": not one of the choices; did you mean "mlp"?; allowed: file, mlp, '
        "phase_average, simard_cnn, stn, trunk (what kind of model it is)",
    ),
    case(
        "family_missing",
        "models/mlp/family",
        None,
        "models.mlp.family: missing; allowed: file, mlp, phase_average, simard_cnn, stn, trunk (what kind of model it "
        "is)",
    ),
    case(
        "family_key_of_another", "models/mlp/head", "fc", 'models.mlp.head: "fc": unknown key; allowed: family, hidden'
    ),
    case(
        "family_key_missing",
        "models/stride_fc/padding",
        None,
        "models.stride_fc.padding: missing; allowed: zeros, circular (what the convolutions see outside the map)",
    ),
    case(
        "downsampling_unknown",
        "models/stride_fc/downsampling",
        "strided",
        'models.stride_fc.downsampling: "strided": not one of the choices; did you mean "stride"?; allowed: '
        "stride, avg_pool, blur_pool, max_pool, polyphase (how the first two convolutions halve the map)",
    ),
    case(
        "padding_unknown",
        "models/stride_fc/padding",
        "same",
        'models.stride_fc.padding: "same": not one of the choices; allowed: zeros, circular (what the '
        "convolutions see outside the map)",
    ),
    case(
        "head_unknown",
        "models/stride_fc/head",
        "GAP",
        'models.stride_fc.head: "GAP": not one of the choices; allowed: fc, gap (fully connected, or global '
        "average pooling)",
    ),
    case(
        "channels_short",
        "models/stride_fc/channels",
        [8, 16],
        "models.stride_fc.channels: [8, 16]: too short; allowed: a list of 3; each a whole number, at least 1, "
        "at most 4096 (of the three convolutions)",
    ),
    case(
        "channels_long",
        "models/stride_fc/channels",
        [8, 16, 32, 64],
        "models.stride_fc.channels: [8, 16, 32, 64]: too long; allowed: a list of 3; each a whole number, at "
        "least 1, at most 4096 (of the three convolutions)",
    ),
    case(
        "channels_empty",
        "models/stride_fc/channels",
        [],
        "models.stride_fc.channels: []: empty; allowed: a list of 3; each a whole number, at least 1, at most "
        "4096 (of the three convolutions)",
    ),
    case(
        "channel_zero",
        "models/stride_fc/channels",
        [8, 0, 32],
        "models.stride_fc.channels[1]: 0: too small; allowed: a whole number, at least 1, at most 4096 "
        "(channels of one convolution)",
    ),
    case(
        "phase_average_of_nothing",
        "models/phase_averaged/of",
        "stride_gap_circle",
        'models.phase_averaged.of: "stride_gap_circle": no such model; did you mean "stride_gap_circular"?; '
        "allowed: stride_gap_circular",
    ),
    case(
        "phase_average_of_zeros",
        "models/phase_averaged/of",
        "stride_gap",
        'models.phase_averaged.of: "stride_gap": it has family trunk, downsampling stride, padding zeros, head '
        "gap; allowed: a model with family trunk, downsampling stride, padding circular, head gap",
    ),
    case(
        "stn_shift_large",
        "models/stn/max_shift",
        20,
        "models.stn.max_shift: 20: too large for the canvas of architectures; allowed: under 20, half of its 40 pixels",
        "models.stn.max_shift: 20: too large for the canvas of architectures; allowed: under 18, half of its 36 pixels "
        "(in the digits plan; to change that plan alone: plans.digits.models.stn.max_shift)",
    ),
    case(
        "canvas_small",
        "studies/architectures/canvas",
        36,
        "studies.architectures.canvas: 36: too small for shifts of up to 6 pixels, which would lose ink; "
        "allowed: at least 40, or a smaller max_shift",
    ),
    case(
        "canvas_under_28",
        "studies/simard2003/canvas",
        27,
        "studies.simard2003.canvas: 27: too small for the images of mnist; allowed: at least 28, their side in pixels",
    ),
    case(
        "canvas_odd_for_phases",
        "studies/architectures/canvas",
        42,
        "studies.architectures.canvas: 42: wrong for phase_averaged and polyphase_gap_circular; allowed: "
        "a multiple of 4",
    ),
    case(
        "grid_large",
        "studies/architectures/max_shift",
        17,
        "studies.architectures.max_shift: 17: too large; allowed: a whole number, at least 0, at most 16 "
        "(pixels either way of the grid of shifts)",
    ),
    case(
        "seeds_empty",
        "studies/simard2003/seeds",
        [],
        "studies.simard2003.seeds: []: empty; allowed: a list of at least 1, all different; each a whole "
        "number, at least 0, at most 4294967295 (one model is trained for each)",
    ),
    case(
        "seeds_repeated",
        "studies/simard2003/seeds",
        [0, 1, 0],
        "studies.simard2003.seeds: [0, 1, 0]: has duplicates; allowed: a list of at least 1, all different; "
        "each a whole number, at least 0, at most 4294967295 (one model is trained for each)",
    ),
    case(
        "seed_negative",
        "studies/simard2003/seeds",
        [0, -1],
        "studies.simard2003.seeds[1]: -1: too small; allowed: a whole number, at least 0, at most 4294967295 (a seed)",
    ),
    case(
        "seeds_scalar",
        "studies/simard2003/seeds",
        3,
        "studies.simard2003.seeds: 3: not a list; allowed: a list of at least 1, all different; each a whole "
        "number, at least 0, at most 4294967295 (one model is trained for each)",
    ),
    case(
        "shift_images_large",
        "studies/simard2003/shift_images",
        10001,
        "studies.simard2003.shift_images: 10001: too large; allowed: at most 10000, the test images of mnist",
    ),
    case(
        "cell_shift_images_zero",
        "studies/architectures/cells/phase_averaged/shift_images",
        0,
        "studies.architectures.cells.phase_averaged.shift_images: 0: too small; allowed: a whole number, at "
        "least 1, at most 1000000 (the first test images, at each shift)",
    ),
    case(
        "training_unknown_distortion",
        "studies/simard2003/trainings/elastic/distortion",
        "elastik",
        'studies.simard2003.trainings.elastic.distortion: "elastik": no such distortion; did you mean '
        '"elastic"?; allowed: none, translation, affine, elastic, affine_elastic, elastic_centred, shift_1, '
        "shift_2, shift_3, shift_4, shift_5, shift_6",
    ),
    case(
        "copies_missing",
        "studies/augmentation_range/trainings/range_1/copies",
        None,
        "studies.augmentation_range.trainings.range_1.copies: missing; allowed: a whole number, at least 1, of "
        "distorted copies",
    ),
    case(
        "copies_zero",
        "studies/augmentation_range/trainings/range_1/copies",
        0,
        "studies.augmentation_range.trainings.range_1.copies: 0: too small; allowed: a whole number, at least "
        "1, at most 999 (distorted copies of the training images)",
    ),
    case(
        "copies_of_nothing",
        "studies/architectures/trainings/centred/copies",
        2,
        "studies.architectures.trainings.centred.copies: 2: nothing to copy, as the distortion is none; "
        "allowed: no copies here (null removes it)",
    ),
    case(
        "cell_unknown_model",
        "studies/architectures/cells/mlpp",
        {"trainings": ["centred"]},
        'studies.architectures.cells.mlpp: no such model; did you mean "mlp"?; allowed: mlp, simard_cnn, '
        "stride_fc, max_pool_fc, avg_pool_fc, blur_pool_fc, stride_gap, stride_gap_circular, "
        "polyphase_gap_circular, phase_averaged, stn",
    ),
    case(
        "cell_unknown_training",
        "studies/architectures/cells/stn/trainings",
        ["centred", "translate"],
        'studies.architectures.cells.stn.trainings[1]: "translate": no such training in this study; did you '
        'mean "translated"?; allowed: centred, translated',
    ),
    case(
        "cell_no_training",
        "studies/architectures/cells/stn/trainings",
        [],
        "studies.architectures.cells.stn.trainings: []: empty; allowed: a list of at least 1, all different; "
        "each text (names of trainings of the same study)",
    ),
    case(
        "cell_repeated_training",
        "studies/architectures/cells/stn/trainings",
        ["centred", "centred"],
        'studies.architectures.cells.stn.trainings: ["centred", "centred"]: has duplicates; allowed: a list of '
        "at least 1, all different; each text (names of trainings of the same study)",
    ),
    case(
        "cells_empty",
        "studies/augmentation_range/cells",
        {},
        "studies.augmentation_range.cells: {}: empty; allowed: a mapping (model -> its trainings)",
    ),
    case(
        "base_of_phase_average_absent",
        "studies/architectures/cells/stride_gap_circular",
        None,
        'studies.architectures.cells.phase_averaged.trainings[0]: "centred": uses the weights of '
        "stride_gap_circular, which lacks this training; allowed: nothing (cells.stride_gap_circular)",
        'equivariance.models[5]: "stride_gap_circular": not a network with measurable layers that architectures '
        'trains in this way; did you mean "polyphase_gap_circular"?; allowed: simard_cnn, stride_fc, max_pool_fc, '
        "avg_pool_fc, blur_pool_fc, stride_gap, polyphase_gap_circular",
    ),
    case(
        "base_of_phase_average_untrained",
        "studies/architectures/cells/phase_averaged/trainings",
        ["centred", "translated"],
        'studies.architectures.cells.phase_averaged.trainings[1]: "translated": uses the weights of '
        "stride_gap_circular, which lacks this training; allowed: centred (cells.stride_gap_circular)",
    ),
    case(
        "phase_average_trained",
        "studies/architectures/cells/phase_averaged/optimisation",
        {"epochs": 3},
        'studies.architectures.cells.phase_averaged.optimisation: {"epochs": 3}: has no training of its own; '
        "allowed: no optimisation here, but under cells.stride_gap_circular",
    ),
    case(
        "distortion_beyond_canvas",
        "distortions/shift_5/translation/max_shift",
        8,
        'studies.augmentation_range.trainings.range_5.distortion: "shift_5": translates by up to 8 pixels, which would '
        "lose ink on the canvas of 40; allowed: a smaller translation, or a canvas of at least 44",
    ),
    case(
        "range_of_another_name",
        "distortions/shift_5/translation/max_shift",
        4,
        'studies.augmentation_range.cells.stride_fc.trainings[5]: "range_5": the figure of this study reads a number '
        "from this name, which does not say it; allowed: range_4",
    ),
    case(
        "length_of_another_name",
        "studies/training_length/trainings/epochs_8/optimisation/epochs",
        9,
        'studies.training_length.cells.simard_cnn.trainings[1]: "epochs_8": the figure of this study reads a number '
        "from this name, which does not say it; allowed: epochs_9",
    ),
    case(
        "title_in_other_letters",
        "datasets/mnist/title",
        "MNIST \N{GREEK SMALL LETTER ALPHA}",
        'datasets.mnist.title: "MNIST \N{GREEK SMALL LETTER ALPHA}": "\N{GREEK SMALL LETTER ALPHA}" is not in the '
        "paper's fonts; allowed: Latin letters, digits, punctuation",
    ),
    case(
        "title_in_a_letter_that_latex_lacks",
        "datasets/mnist/title",
        "MNIST \N{LATIN SMALL LETTER H WITH STROKE}",
        'datasets.mnist.title: "MNIST \N{LATIN SMALL LETTER H WITH STROKE}": "\N{LATIN SMALL LETTER H WITH STROKE}" is '
        "not in the paper's fonts; allowed: Latin letters, digits, punctuation",
    ),
    case(
        "only_in_simards_table",
        "studies/simard2003/trainings/none/only",
        [0, 1],
        "studies.simard2003.trainings.none.only: [0, 1]: not in a study of Simard's table, which is about all classes; "
        "allowed: no only here",
    ),
    case(
        "model_removed_but_used",
        "models/stn",
        None,
        "studies.architectures.cells.stn: no such model; allowed: mlp, simard_cnn, stride_fc, max_pool_fc, "
        "avg_pool_fc, blur_pool_fc, stride_gap, stride_gap_circular, polyphase_gap_circular, phase_averaged",
    ),
    case(
        "training_removed_but_used",
        "studies/augmentation_range/trainings/range_4",
        None,
        'studies.augmentation_range.cells.stride_fc.trainings[4]: "range_4": no such training in this study; '
        'did you mean "range_6"?; allowed: range_0, range_1, range_2, range_3, range_5, range_6',
        'plans.digits.studies.augmentation_range.cells.stride_fc.trainings[2]: "range_4": no such training in this '
        'study; did you mean "range_6"?; allowed: range_0, range_1, range_2, range_3, range_5, range_6',
    ),
    case(
        "study_misspelt",
        "studies/architecture",
        {"seeds": [0]},
        "studies.architecture: lacks canvas, max_shift, shift_images, optimisation, trainings, cells, and its "
        'name is like another\'s; did you mean "architectures"?',
    ),
    case(
        "images_of_mnist",
        "datasets/mnist/train_images",
        55000,
        "datasets.mnist.train_images: 55000: train_images + validation_images is 65000; allowed: at most "
        "60000, all that mnist has",
    ),
    case(
        "images_of_a_training",
        "studies/simard2003/trainings/elastic/train_images",
        60001,
        "studies.simard2003.trainings.elastic.train_images: 60001: too large; allowed: at most 60000, train_images + "
        "validation_images of mnist",
        "studies.simard2003.trainings.elastic.train_images: 60001: too large; allowed: at most 1437, train_images + "
        "validation_images of digits (in the digits plan; to change that plan alone: "
        "plans.digits.studies.simard2003.trainings.elastic.train_images)",
    ),
    case(
        "images_of_digits",
        "datasets/digits/test_images",
        361,
        "datasets.digits.train_images: 1200: train_images + validation_images + test_images is 1798; allowed: "
        "at most 1797, all that digits has",
    ),
    case(
        "mirrors_empty",
        "datasets/mnist/mirrors",
        [],
        "datasets.mnist.mirrors: []: empty; allowed: a list of at least 1, all different; each text (https://, "
        "http:// or file:// addresses, or directories, tried in this order)",
    ),
    case(
        "hash_short",
        "datasets/mnist/sha256/train-images-idx3-ubyte.gz",
        "440f",
        'datasets.mnist.sha256.train-images-idx3-ubyte.gz: "440f": has the wrong form; allowed: text (64 '
        "hexadecimal digits in lower case)",
    ),
    case(
        "audit_images_large",
        "audit/images",
        2000,
        "audit.images: 2000: too large; allowed: at most 1200, the training images of digits (in the digits "
        "plan; to change that plan alone: plans.digits.audit.images)",
    ),
    case(
        "confidence_percent",
        "measures/confidence",
        95,
        "measures.confidence: 95: too large; allowed: a number, over 0, under 1 (of every interval, 0.95 for 95%)",
    ),
    case(
        "claim_unknown",
        "claims/X1",
        {"threshold": 1.0},
        'claims.X1: {"threshold": 1.0}: unknown key; allowed: C1, C2, C3, C4, C5, C6, C7, C8, C9, C9b, C10, C11',
    ),
    case(
        "classes_of_nothing",
        "studies/class_transfer/trainings/centred/classes",
        [1, 2],
        "studies.class_transfer.trainings.centred.classes: [1, 2]: no classes to distort, as the distortion is none; "
        "allowed: no classes here (null removes it)",
    ),
    case(
        "classes_all",
        "studies/class_transfer/trainings/low_translated/classes",
        list(range(10)),
        "studies.class_transfer.trainings.low_translated.classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]: all classes of "
        "mnist; allowed: some of them, or no classes here for all",
    ),
    case(
        "position_beyond_max_shift",
        "studies/two_positions/positions",
        [[-6, 0], [6, -7]],
        "studies.two_positions.positions[1]: [6, -7]: beyond the max_shift of this study, and so might lose ink; "
        "allowed: pixels from -6 to 6",
    ),
    case(
        "positions_of_distorted_images",
        "studies/two_positions/trainings/placed",
        {"distortion": "elastic", "copies": 1},
        'studies.two_positions.trainings.placed.distortion: "elastic": a study with positions moves undistorted '
        "images only; allowed: none",
    ),
    case(
        "positions_by_an_average",
        "studies/two_positions/cells/phase_averaged",
        {"trainings": ["placed"]},
        "studies.two_positions.cells.phase_averaged: uses the weights of stride_gap_circular, and learns nothing "
        "itself; allowed: a model that is trained",
    ),
    case(
        "equivariance_study_misspelt",
        "equivariance/study",
        "architecture",
        'equivariance.study: "architecture": no such study; did you mean "architectures"?; allowed: simard2003, '
        "training_length, architectures, augmentation_range, class_transfer, class_sequence, split, two_positions",
        'equivariance.study: "architecture": no such study; did you mean "architectures"?; allowed: architectures, '
        "augmentation_range, class_transfer, class_sequence, split, two_positions (in the fashion_mnist plan; to "
        "change "
        "that plan alone: plans.fashion_mnist.equivariance.study)",
    ),
    case(
        "equivariance_training",
        "equivariance/training",
        "none",
        'equivariance.training: "none": no such training in architectures; allowed: centred, translated',
    ),
    *(
        case(
            f"equivariance_{name}",
            "equivariance/models",
            [model],
            f'equivariance.models[0]: "{model}": not a network with measurable layers that '
            f"architectures trains in this way{meant}"
            "; allowed: simard_cnn, stride_fc, max_pool_fc, avg_pool_fc, blur_pool_fc, stride_gap, "
            "stride_gap_circular, polyphase_gap_circular",
        )
        for name, model, meant in (
            ("model", "stride_fcc", '; did you mean "stride_fc"?'),
            ("mlp", "mlp", ""),
            ("stn", "stn", ""),
            ("average", "phase_averaged", ""),
        )
    ),
    case(
        "equivariance_untrained_cell",
        "equivariance",
        CONFIG["equivariance"] | {"training": "translated", "models": ["stride_fc", "max_pool_fc"]},
        'equivariance.models[1]: "max_pool_fc": not a network with measurable layers that architectures trains '
        "in this way; allowed: simard_cnn, stride_fc",
    ),
    case(
        "equivariance_images",
        "equivariance/images",
        361,
        "equivariance.images: 361: too large; allowed: at most 360, the test images of digits (in the digits plan; to "
        "change that plan alone: plans.digits.equivariance.images)",
    ),
    case(
        "claim_key_missing",
        "claims/C5/max_drift",
        None,
        "claims.C5.max_drift: missing; allowed: a number, at least 0, at most 1 (standard deviations of the logits)",
    ),
    case(
        "claim_shift_beyond_grid",
        "claims/C6/small_shift",
        7,
        "claims.C6.small_shift: 7: too large; allowed: at most 6, the max_shift of studies.architectures",
        "claims.C6.small_shift: 7: too large; allowed: at most 4, the max_shift of studies.architectures "
        "(in the digits plan; to change that plan alone: plans.digits.claims.C6.small_shift)",
    ),
    case("plan_not_a_mapping", "plans/digits", 3, "plans.digits: 3: not a mapping; allowed: a mapping of changes"),
    case(
        "plan_of_no_data_set",
        "plans/fashion",
        {},
        'plans.fashion: {}: unknown key; did you mean "fashion_mnist"?; allowed: mnist, fashion_mnist, kmnist, digits',
    ),
    case(
        "data_of_two_sources",
        "datasets/digits/npz",
        "config.yaml",
        "datasets.digits: has npz and embedded; allowed: one of mirrors, idx, npz, folder, embedded",
    ),
    case(
        "data_of_no_source",
        "datasets/digits/embedded",
        None,
        "datasets.digits: has no source; allowed: one of mirrors, idx, npz, folder, embedded",
    ),
    case(
        "data_not_there",
        "datasets/digits",
        {**CONFIG["datasets"]["digits"], "embedded": None, "folder": "no/images"},
        'datasets.digits.folder: "no/images": no such file or folder; allowed: an existing one, by its path from '
        "the project's folder",
    ),
    case(
        "names_for_some_classes",
        "datasets/fashion_mnist/class_names",
        ["top", "shoe"],
        "datasets.fashion_mnist.class_names: 2 names; allowed: 10, one for each of the classes, or null",
    ),
    case(
        "a_blank_name_of_a_class",
        "datasets/fashion_mnist/class_names",
        [" ", *map(str, range(9))],
        'datasets.fashion_mnist.class_names[0]: " ": has the wrong form; allowed: text (text of 60 characters at most, '
        "not only spaces, none of them a control character or a dollar sign)",
    ),
    case(
        "mirrors_without_hashes",
        "datasets/mnist/sha256",
        None,
        "datasets.mnist.sha256: missing, but needed with mirrors; allowed: mirrors, sha256, timeout and "
        "attempts together",
    ),
    case(
        "data_sets_that_share_a_folder",
        "datasets/MNIST",
        CONFIG["datasets"]["digits"],
        'datasets.MNIST: differs from "mnist" in capitals alone, and some disks would give both one folder; allowed: '
        "another name",
    ),
    case(
        "data_set_named_as_a_folder_of_results",
        "datasets/benchmark",
        CONFIG["datasets"]["kmnist"],
        "datasets.benchmark: this name is taken by the folder results/benchmark; allowed: another name",
    ),
    case(
        "side_too_large",
        "datasets/digits/side",
        65,
        "datasets.digits.side: 65: too large; allowed: a whole number, at least 8, at most 64 (of the square that "
        "holds an image, pixels)",
    ),
    case(
        "one_class",
        "datasets/digits/classes",
        1,
        "datasets.digits.classes: 1: too small; allowed: a whole number, at least 2, at most 100 (labels are 0 to one "
        "less than this)",
    ),
    case(
        "images_larger_than_the_canvas",
        "datasets/fashion_mnist/side",
        41,
        *(
            f"studies.{study}.canvas: 40: too small for the images of fashion_mnist; allowed: at least 41, their side "
            "in pixels (in the fashion_mnist plan; to change that plan alone: "
            f"plans.fashion_mnist.studies.{study}.canvas)"
            for study in (
                *("architectures", "augmentation_range", "class_transfer", "class_sequence", "split"),
                "two_positions",
            )
        ),
    ),
    case(
        "classes_left_out_and_distorted",
        "studies/class_sequence/trainings/low_translated/classes",
        [1, 2],
        "studies.class_sequence.trainings.low_translated.classes: [1, 2]: not beside only, which leaves the others "
        "out; "
        "allowed: one of the two",
    ),
    case(
        "part_of_fresh_weights",
        "studies/class_sequence/trainings/low_centred/trained_part",
        "head",
        'studies.class_sequence.trainings.low_centred.trained_part: "head": only allowed with after: without it, all '
        "weights are trained; allowed: no trained_part here",
    ),
    case(
        "part_unknown",
        "studies/class_sequence/trainings/low_centred/trained_part",
        "trunk",
        'studies.class_sequence.trainings.low_centred.trained_part: "trunk": not one of the choices; allowed: all, '
        "head, "
        "last_layer (what it changes of those weights, all if left out; the head is what follows the convolutions)",
    ),
    case(
        "only_one_class",
        "studies/class_sequence/trainings/low_centred/only",
        [1],
        "studies.class_sequence.trainings.low_centred.only: [1]: too short; allowed: a list of at least 2, all "
        "different; "
        "each a whole number, at least 0, at most 99 (the classes that are trained on and tested, of which the "
        "others are "
        "left out)",
    ),
    case(
        "classes_left_out_beside_distorted_ones",
        "studies/class_transfer/trainings/centred/only",
        [1, 2],
        *(
            f"studies.class_transfer.trainings.{name}.classes: {classes}: not in a study where others leave classes "
            "out (only): its tables compare all; allowed: another study"
            for name, classes in (("low_translated", "[0, 1, 2, 3, 4]"), ("high_translated", "[5, 6, 7, 8, 9]"))
        ),
    ),
    case(
        "only_where_positions_are_told",
        "studies/two_positions/trainings/placed/only",
        [1, 2],
        "studies.two_positions.trainings.placed.only: [1, 2]: not in a study with positions, whose networks "
        "predict positions, not classes; allowed: no only here",
    ),
    case(
        "after_unknown",
        "studies/split/trainings/elastic/after",
        "translate",
        'studies.split.trainings.elastic.after: "translate": no such training in this study; did you mean '
        '"translated"?; '
        "allowed: none, translated",
    ),
    case(
        "after_itself",
        "studies/split/trainings/elastic/after",
        "elastic",
        'studies.split.trainings.elastic.after: "elastic": leads back to itself; allowed: none, translated',
    ),
    case(
        "after_not_in_the_cell",
        "studies/class_sequence/cells/stride_fc/trainings",
        ["high_centred", "low_centred_after_high_centred", "high_centred_after_low_centred"],
        'studies.class_sequence.cells.stride_fc.trainings[2]: "high_centred_after_low_centred": goes on from '
        "low_centred; "
        "allowed: low_centred in this list, too",
    ),
    case(
        "class_beyond_the_last",
        "studies/class_sequence/trainings/high_centred/only",
        [5, 10],
        "studies.class_sequence.trainings.high_centred.only[1]: 10: too large; allowed: at most 9, the last class of "
        "mnist",
    ),
    case(
        "demo_key_unknown",
        "plans/digits/study",
        {},
        'plans.digits.study: {}: unknown key; did you mean "studies"?; allowed: datasets, distortions, audit, models, '
        "studies, measures, equivariance, claims",
    ),
    case(
        "demo_dataset",
        "plans/digits/dataset",
        "digits",
        'plans.digits.dataset: "digits": unknown key; did you mean "datasets"?; allowed: datasets, distortions, audit, '
        "models, studies, measures, equivariance, claims",
    ),
    case(
        "demo_value",
        "plans/digits/studies/simard2003/seeds",
        [],
        "plans.digits.studies.simard2003.seeds: []: empty; allowed: a list of at least 1, all different; each a whole "
        "number, at least 0, at most 4294967295 (one model is trained for each)",
    ),
    case(
        "demo_name_misspelt",
        "plans/digits/studies/simard2003/trainings/elastc",
        {"copies": 2},
        "plans.digits.studies.simard2003.trainings.elastc: lacks distortion, and its name is like another's; did you "
        'mean "elastic"?',
    ),
    case(
        "demo_shift_images",
        "plans/digits/studies/simard2003/shift_images",
        361,
        "plans.digits.studies.simard2003.shift_images: 361: too large; allowed: at most 360, the test images of digits",
    ),
    case(
        "demo_without_shift_images",
        "plans/digits/studies/simard2003/shift_images",
        None,
        "plans.digits.studies.simard2003.shift_images: missing; allowed: a whole number, at least 1, at most 1000000 "
        "(the first test images, at each shift)",
    ),
    case(
        "demo_training",
        "plans/digits/studies/architectures/cells",
        {"mlp": {"trainings": ["centered"]}},
        'plans.digits.studies.architectures.cells.mlp.trainings[0]: "centered": no such training in this study; did '
        'you mean "centred"?; allowed: centred, translated',
    ),
    case(
        "cell_shift_images_beyond_digits",
        "studies/architectures/cells/phase_averaged/shift_images",
        1000,
        "studies.architectures.cells.phase_averaged.shift_images: 1000: too large; allowed: at most 360, the "
        "test images of digits (in the digits plan; to change that plan alone: "
        "plans.digits.studies.architectures.cells.phase_averaged.shift_images)",
    ),
    case(
        "demo_batch",
        "plans/digits/studies/simard2003/optimisation/batch",
        1300,
        "plans.digits.studies.simard2003.optimisation.batch: 1300: too large; allowed: at most 1200, the training "
        "images of digits",
    ),
]


@pytest.mark.parametrize(("path", "value", "lines"), BAD)
def test_bad_config_is_told_in_full(path, value, lines):
    assert problems(edited(path, value)) == lines


def test_an_option_that_is_left_out_is_checked_by_its_default(monkeypatch):
    monkeypatch.setitem(families()["stn"]["max_shift"], "default", 20.0)
    monkeypatch.setitem(families()["phase_average"]["of"], "default", "stride_fc")
    said = problems(edited("models/stn", {"family": "stn"}))
    assert said[0].startswith("models.stn.max_shift: 20.0: too large for the canvas of architectures")
    said = problems(edited("models/phase_averaged", {"family": "phase_average"}))
    assert said[0].startswith('models.phase_averaged.of: "stride_fc": it has family trunk')


def test_a_layer_that_is_left_out_is_its_default(monkeypatch):
    monkeypatch.setitem(families()["trunk"]["downsampling"], "default", "blur_pool")
    model = {name: value for name, value in CONFIG["models"]["stride_fc"].items() if name != "downsampling"}
    assert problems(edited("models/stride_fc", model)) == []
    assert any(file.endswith("layers/blur_pool.py") for file in network_files(model))


def test_layers_of_a_users_own_network_may_be_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(validation, "user_file", lambda name: tmp_path / name)
    config = edited("models/mine", {"family": "file", "file": "net.py", "class": "Net", "options": {}})
    config["studies"]["architectures"]["cells"]["mine"] = {"trainings": ["centred"]}
    config["equivariance"] = config["equivariance"] | {"models": ["stride_fc", "mine"]}
    what = "no such file; allowed: a Python file, by its path from the project's folder"
    assert problems(config) == [f'models.mine.file: "net.py": {what}']
    (tmp_path / "net.py").touch()
    assert problems(config) == []


def test_real_config_is_valid():
    assert problems(CONFIG) == []


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_overlay_is_valid(overlay):
    assert problems(load([ROOT / "config.yaml", overlay])) == []


def test_all_problems_are_told_at_once():
    config = merge(
        CONFIG,
        {
            "dataset": "emnist",
            "audit": {"images": 0},
            "models": {"mlp": {"hidden": -1}},
            "claims": {"C1": {"limit": 1}},
        },
    )
    assert [line.split(":")[0] for line in problems(config)] == [
        "dataset",
        "audit.images",
        "models.mlp.hidden",
        "claims.C1.limit",
    ]


def test_ten_problems_are_told_and_the_rest_counted():
    lines = problems(merge(CONFIG, {f"key_{letter}": 1 for letter in "abcdefghijklmn"}))
    assert [line.split(":")[0] for line in lines] == [*(f"key_{letter}" for letter in "abcdefghij"), "... and 4 more"]


def test_long_values_are_shortened():
    (line,) = problems(edited("dataset", "mnist" * 100))
    assert line.startswith('dataset: "' + ("mnist" * 100)[:56] + "...: not one of the choices")


@pytest.mark.parametrize("config", [None, [], "text", 3])
def test_config_that_is_no_mapping(config):
    assert problems(config) == ["config: not a mapping; allowed: a mapping of keys to values, as in config.yaml"]


def test_alias_that_contains_itself():
    config = copy.deepcopy(CONFIG)
    config["models"]["mlp"]["mlp"] = config["models"]
    assert problems(config)[0] == "models.mlp.mlp: nested more than 20 deep; does an alias contain itself?"


# Taking a config apart ------------------------------------------------------------------------------------------------


def tiny() -> dict[str, Any]:
    return resolve(load([ROOT / "config.yaml", ROOT / "tests" / "configs" / "tiny.yaml"]))["digits"]


def smoke() -> dict[str, Any]:
    return resolve(load([ROOT / "config.yaml", ROOT / "tests" / "configs" / "mnist-smoke.yaml"]))["mnist"]


def test_mirrors_of_other_data_may_hold_more_images_than_mnist():
    more = merge(CONFIG["datasets"]["mnist"], {"train_images": 100_000})
    assert problems(merge(CONFIG, {"datasets": {"letters": more}})) == []


def test_a_canvas_that_is_too_small_for_a_network_is_refused():
    small = {"datasets": {"digits": {"side": 8}}, "studies": {"simard2003": {"canvas": 12}}}
    found = problems(merge(CONFIG, {"plans": {"digits": small}}))
    assert found == ["plans.digits.studies.simard2003.canvas: 12: too small for simard_cnn; allowed: at least 13"]


def test_what_a_plan_changes_of_another_is_named():
    ours = resolve(CONFIG)
    change = {
        "studies": {"split": {"shift_images": 30, "cells": {"mlp": {"shift_images": 20}}}},
        "claims": {"C4": None},
    }
    changed = resolve(merge(CONFIG, change))["mnist"]
    paths = "studies.split.cells.mlp.shift_images studies.split.shift_images claims.C4"
    assert text.changed(changed, ours) == paths.split()
    assert text.lacking(changed, ours) == {"C4", ("setting", "claims.C4.threshold")}
    same = resolve(merge(CONFIG, {"keep_copies": False, "device": "cuda"}))["mnist"]
    assert (text.changed(same, ours), text.lacking(same, ours)) == ([], set())


OTHER = {"studies": {"split": {"trainings": {"elastic": {"distortion": "elastic_centred"}}}}}


@pytest.mark.parametrize(
    "change",
    [
        {"studies": {"simard2003": {"cells": {"mlp": {"optimisation": None}}}}},
        {"distortions": {"affine": {"affine": None, "translation": {"max_shift": 2}}}},
        {"plans": {"fashion_mnist": OTHER}},  # so that no training reads elastic images
    ],
)
def test_a_plan_that_lacks_what_the_text_prints_says_so(change):
    """Else its paper, the last job, would fail."""
    assert any(text.lacking(plan, resolve(CONFIG)) for plan in resolve(merge(CONFIG, change)).values())


def test_cells_of_the_tiny_config():
    run = tiny()
    assert run.cells == [
        Cell("simard2003", "mlp", "none", 0),
        Cell("simard2003", "simard_cnn", "none", 0),
        Cell("simard2003", "simard_cnn", "elastic", 0),
        Cell("architectures", "stride_fc", "centred", 0),
        Cell("architectures", "stride_gap_circular", "centred", 0),
        Cell("architectures", "phase_averaged", "centred", 0),
        Cell("augmentation_range", "stride_fc", "range_0", 0),
        Cell("augmentation_range", "stride_fc", "range_2", 0),
        Cell("class_transfer", "stride_fc", "low_translated", 0),
        Cell("class_sequence", "stride_fc", "low_centred", 0),
        Cell("class_sequence", "stride_fc", "high_translated_after_low_centred", 0),
        Cell("two_positions", "stride_gap", "placed", 0),
    ]
    borrowed = {
        Cell("architectures", "phase_averaged", "centred", 0),
        Cell("augmentation_range", "stride_fc", "range_0", 0),
    }
    assert set(run.cells) - set(run.trained) == borrowed
    telling = Cell("two_positions", "stride_gap", "placed", 0)
    assert [cell for cell in run.cells if run.tells_positions(cell.study)] == [telling]
    assert set(run.cells) - set(run.evaluations) == {telling}
    assert [study for study in run["studies"] if run.tells_positions(study)] == ["two_positions"]
    assert [study for study in run["studies"] if distorts_some_classes(run, study)] == ["class_transfer"]
    assert run.base_model("phase_averaged") == "stride_gap_circular"
    assert run.base_model("stride_fc") == "stride_fc"
    assert run.copies == {(29, "elastic"): 1, (32, "shift_2"): 1}


def test_cells_come_in_the_order_of_studies_models_trainings_seeds():
    run = resolve(CONFIG)["mnist"]
    written = [
        (study, model, training, seed)
        for study in CONFIG["studies"]
        for model in CONFIG["studies"][study]["cells"]
        for training in CONFIG["studies"][study]["cells"][model]["trainings"]
        for seed in CONFIG["studies"][study]["seeds"]
    ]
    assert run.cells == written


def test_smoke_config_covers_every_kind_at_the_least_cost():
    run, whole = smoke(), resolve(CONFIG)["mnist"]
    trained = run.trained
    assert len(trained) <= 40
    assert {(cell.study, cell.model) for cell in run.cells} == {(cell.study, cell.model) for cell in whole.cells}
    assert {seed for *_, seed in trained} == {0}
    assert set(run.copies.values()) == {1}
    for study, model, training, _ in trained:
        used = run.training_settings(study, model, training)
        assert used["optimisation"]["epochs"] <= 2
        assert (used["train_images"], used["validation_images"]) == (3000, 1000)


def test_optimisation_of_the_cell_wins_over_the_training_and_that_over_the_study():
    config = copy.deepcopy(CONFIG)
    study = config["studies"]["simard2003"]
    study["optimisation"] |= {"epochs": 1, "batch": 1, "warmup": 0.1}
    study["trainings"]["elastic"]["optimisation"] = {"epochs": 2, "batch": 2}
    study["cells"]["mlp"]["optimisation"] = {"epochs": 3}
    used = resolve(config)["mnist"].training_settings("simard2003", "mlp", "elastic")
    assert {key: used["optimisation"][key] for key in ("epochs", "batch", "warmup", "loss")} == {
        "epochs": 3,
        "batch": 2,
        "warmup": 0.1,
        "loss": "cross_entropy",
    }
    assert list(used["optimisation"]) == sorted(used["optimisation"])
    del used["optimisation"]
    assert used == {
        "distortion": "elastic",
        "copies": study["trainings"]["elastic"]["copies"],
        "canvas": 29,
        "train_images": 50000,
        "validation_images": 10000,
    }


def test_a_training_may_read_other_images_than_the_dataset_says():
    config = copy.deepcopy(CONFIG)
    config["studies"]["simard2003"]["trainings"]["elastic"]["train_images"] = 60000
    run = resolve(config)["mnist"]
    used = run.training_settings("simard2003", "mlp", "elastic")
    assert (used["train_images"], used["validation_images"]) == (60000, 10000)
    others = run.training_settings("simard2003", "mlp", "affine")
    assert others["train_images"] == run["datasets"]["mnist"]["train_images"] == 50000


def test_only_some_trainings_have_classes_or_positions():
    run = resolve(CONFIG)["mnist"]
    low = run.training_settings("class_transfer", "stride_fc", "low_translated")
    assert low["classes"] == run["studies"]["class_transfer"]["trainings"]["low_translated"]["classes"]
    placed = run.training_settings("two_positions", "stride_gap", "placed")
    assert placed["positions"] == run["studies"]["two_positions"]["positions"]
    special = [
        {"classes", "positions"} & set(run.training_settings(study, model, training))
        for study, model, training, _ in run.cells
        if study not in ("class_transfer", "two_positions")
    ]
    assert set(map(frozenset, special)) == {frozenset()}


def test_equal_trainings_are_made_once_and_what_differs_is_made_apart():
    run = resolve(CONFIG)["mnist"]
    used = run.weights
    assert used[Cell("class_transfer", "stride_fc", "centred", 1)] == Cell("architectures", "stride_fc", "centred", 1)
    assert used[Cell("split", "stride_gap", "none", 2)] == Cell("architectures", "stride_gap", "centred", 2)
    for cell in used:
        if cell.study == "two_positions" or cell.training in ("low_translated", "high_translated"):
            assert used[cell] == cell
    assert run.trained == list(dict.fromkeys(used.values()))


OURS = sorted({path.name for path in ROOT.glob("*.yaml")} - {"config.yaml", "metadata.yaml"})


def test_every_overlay_is_one_of_ours():
    assert OURS == ["long.yaml", "readings.yaml", "selection.yaml"]


@pytest.mark.parametrize("overlay", OURS)
def test_overlays_are_valid_and_say_a_command_that_asks_for_them(overlay):
    """An overlay adds trainings and leaves those of config.yaml as they are."""
    with_overlay = load([ROOT / "config.yaml", ROOT / overlay])
    validate(with_overlay, SCHEMA, STUDIES)
    runs, plain = resolve(with_overlay), resolve(CONFIG)
    assert runs["digits"] == plain["digits"]
    added = set(runs["mnist"].cells) - set(plain["mnist"].cells)
    assert added
    assert set(plain["mnist"].trained) <= set(runs["mnist"].trained)
    text = " ".join(line.strip("#\\ ") for line in (ROOT / overlay).read_text().split("studies:")[0].splitlines())
    commands = re.findall(r"snakemake --cores 8 (.*?\.yaml(?: --config dataset=\w+)?)", text)
    assert commands
    for command in commands:
        *targets, option, named = command.partition(" --config ")[0].split()
        assert (option, named) == ("--configfile", overlay)  # it would take targets that follow it for further files
        dataset = command.partition("dataset=")[2] or "mnist"
        studies = {cell.study for cell in set(runs[dataset].cells) - set(plain[dataset].cells)}
        form = rf"results/{dataset}/tables/({'|'.join(studies)})(-\w+)?\.csv"
        assert all(re.fullmatch(form, target) for target in targets)


def test_equal_evaluations_are_made_once_and_what_differs_is_made_apart():
    run = resolve(CONFIG)["mnist"]
    used = run.evaluations
    assert list(used) == [cell for cell in run.cells if not run.tells_positions(cell.study)]
    assert used[Cell("split", "stride_gap", "none", 2)] == Cell("architectures", "stride_gap", "centred", 2)
    assert used[Cell("augmentation_range", "stride_fc", "range_0", 0)] == Cell(
        "architectures", "stride_fc", "centred", 0
    )
    # The same weights, but averaged over phases.
    averaged = Cell("architectures", "phase_averaged", "centred", 0)
    assert used[averaged] == averaged
    # The same weights on another number of images, or over another grid.
    for key, value in (("shift_images", 100), ("max_shift", 5)):
        run = resolve(CONFIG)["mnist"]
        run["studies"]["split"][key] = value
        apart = run.evaluations
        assert apart[Cell("split", "stride_gap", "none", 2)] == Cell("split", "stride_gap", "none", 2)
        assert run.weights[Cell("split", "stride_gap", "none", 2)].study == "architectures"


def test_equivariance_is_measured_of_every_seed_and_not_without_its_key_or_study():
    run = resolve(CONFIG)["mnist"]
    cells = run.equivariance_cells
    assert set(cells) <= set(run.trained)
    seeds = run["studies"]["architectures"]["seeds"]
    assert [cell[1:] for cell in cells[: len(seeds)]] == [("simard_cnn", "centred", seed) for seed in seeds]
    assert len(cells) == len(run["equivariance"]["models"]) * len(seeds)
    for removed in ({"equivariance": None}, {"studies": {"architectures": None}}):
        less = merge(CONFIG, removed)
        assert problems(less) == []
        assert resolve(less)["mnist"].equivariance_cells == []


def test_no_more_copies_are_made_than_there_are_epochs_to_read_them():
    epochs = {"simard2003": {"optimisation": {"epochs": 2}, "cells": {"mlp": {"optimisation": {"epochs": 3}}}}}
    run = resolve(merge(CONFIG, {"studies": epochs | {"training_length": None}}))["mnist"]
    assert run.copies[29, "elastic"] == 3
    assert run.copies_made(29, "elastic") == run.copies_read("simard2003", "mlp", "elastic")


def test_training_on_undistorted_images_has_no_copies():
    used = resolve(CONFIG)["mnist"].training_settings("simard2003", "mlp", "none")
    assert (used["distortion"], used["copies"]) == ("none", 0)


def test_shift_images_of_a_cell_win_over_those_of_its_study():
    run = tiny()
    assert run.shift_settings("architectures", "phase_averaged", "centred") == {
        "canvas": 32,
        "max_shift": 2,
        "shift_images": 20,
    }
    assert run.shift_settings("architectures", "stride_fc", "centred")["shift_images"] == 50


def test_shared_copies_are_as_many_as_the_largest_training_reads():
    config = merge(CONFIG, {"studies": {"simard2003": {"trainings": {"elastic": {"copies": 40}}}}})
    assert resolve(config)["mnist"].copies[29, "elastic"] == 40


# Merging --------------------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
keys = st.sampled_from(["a", "b", "c", "studies", "cells"])
mappings = st.dictionaries(
    keys, st.recursive(scalars, lambda inner: st.dictionaries(keys, inner, min_size=1, max_size=3), max_leaves=8)
)


@settings(max_examples=60, deadline=None)
@given(mappings, mappings)
def test_merge_is_that_of_snakemake(base, override):
    expected = copy.deepcopy(base)
    update_config(expected, copy.deepcopy(override))
    assert merge(base, override) == expected


@settings(max_examples=60, deadline=None)
@given(mappings, mappings)
def test_merge_changes_neither_argument_and_shares_nothing_with_them(base, override):
    before = copy.deepcopy((base, override))
    merged = merge(base, override)
    spoil(merged)
    assert (base, override) == before


@settings(max_examples=60, deadline=None)
@given(mappings, mappings)
def test_merge_has_an_identity_and_is_idempotent(base, override):
    assert merge(base, {}) == merge({}, base) == base
    assert merge(merge(base, override), override) == merge(base, override)


@settings(max_examples=60, deadline=None)
@given(mappings, mappings)
def test_resolve_changes_nothing_and_leaves_no_null(base, demo):
    config = base | {"datasets": {"mnist": {}, "digits": {}}, "plans": {"digits": demo}}
    before = copy.deepcopy(config)
    runs = resolve(config)
    assert None not in leaves(runs)
    assert runs["mnist"]["dataset"] == "mnist"
    assert runs["digits"]["dataset"] == "digits"
    spoil(runs)
    assert config == before


def test_overlay_that_changes_nothing_leaves_the_order_of_settings():
    overlay = {"studies": {"simard2003": {"optimisation": {"momentum": 0.9, "batch": 128}}}}
    as_snakemake_merges = merge(merge(overlay, CONFIG), overlay)  # the overlay is read before config.yaml
    for name, run in resolve(CONFIG).items():
        other = resolve(as_snakemake_merges)[name]
        if "simard2003" not in run["studies"]:
            continue
        study, same = run["studies"]["simard2003"], other["studies"]["simard2003"]
        assert list(study["optimisation"].items()) == list(same["optimisation"].items())


def test_removed_study_stays_removed_although_demo_names_it():
    runs = resolve(merge(CONFIG, {"studies": {"architectures": None}}))
    others = [study for study in CONFIG["studies"] if study != "architectures"]
    assert [list(runs[name]["studies"]) for name in ("mnist", "digits")] == [others] * 2
    assert problems(merge(CONFIG, {"studies": {"architectures": None}})) == []


def test_a_study_may_say_that_shifts_lose_ink():
    tight = merge(CONFIG, {"studies": {"augmentation_range": {"canvas": 28, "may_lose_ink": True}}})
    assert problems(tight) == []
    plan = resolve(tight)["mnist"]
    assert plan.shift_settings("augmentation_range", "stride_fc", "range_0")["may_lose_ink"] is True
    assert "may_lose_ink" not in plan.shift_settings("split", "stride_fc", "none")


def test_a_plan_knows_its_own_data_set_alone():
    for name, plan in resolve(CONFIG).items():
        assert (list(plan["datasets"]), plan["dataset"]) == ([name], name)
    fewer = resolve(merge(CONFIG, {"datasets": {"kmnist": None}}))
    assert "kmnist" not in fewer
    assert problems(merge(CONFIG, {"datasets": {"kmnist": None}})) == []


def test_demo_can_remove_and_add():
    config = merge(
        CONFIG,
        {"plans": {"digits": {"studies": {"architectures": None}, "models": {"small": {"family": "simard_cnn"}}}}},
    )
    runs = resolve(config)
    assert "architectures" in runs["mnist"]["studies"]
    assert "architectures" not in runs["digits"]["studies"]
    assert "small" not in runs["mnist"]["models"]
    assert "small" in runs["digits"]["models"]
    assert problems(config) == []


def spoil(value: Any) -> None:
    """Change every mapping and list within `value` in place."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        spoil(inner)
    if isinstance(value, dict):
        value["spoilt"] = True
    elif isinstance(value, list):
        value.append("spoilt")


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    return [value]


# Anything at all ------------------------------------------------------------------------------------------------------


def paths_of(value: Any, path: tuple = ()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, below in inner for found in paths_of(below, (*path, key)))]


PLACES = paths_of(CONFIG)[1:]
plausible = st.sampled_from(
    [0, 1, 2, 4, 28, 32, 40, 41, 0.5, "", "none", "elastic", "mlp", "stride_fc", "phase_averaged", "gap", {}, []]
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.dates()
    | st.just({1, 2})
    | st.just(datetime.datetime(2003, 8, 3)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.booleans() | st.none(), inner, max_size=3)
    ),
    max_leaves=5,
)
edits = st.tuples(
    st.sampled_from(PLACES),
    st.sampled_from(["replace", "delete", "add"]),
    st.sampled_from(PLACES).map(lambda place: place[-1]) | st.text(max_size=4),
    plausible | anything,
)


def apply_edit(config: dict[str, Any], edit: tuple) -> None:
    """Replace, delete or add a value in place; does nothing if an earlier edit removed the place."""
    place, action, new_key, value = edit
    container: Any = config
    for key in place[:-1]:
        if not (isinstance(container, dict) and key in container):
            return
        container = container[key]
    if isinstance(container, dict):
        if action == "delete":
            container.pop(place[-1], None)
        else:
            container[place[-1] if action == "replace" else new_key] = value


@settings(max_examples=100, deadline=None)
@given(st.lists(edits, min_size=1, max_size=3))
def test_any_edit_gives_a_usable_config_or_an_input_error(changes):
    config = copy.deepcopy(CONFIG)
    for change in changes:
        apply_edit(config, change)
    if problems(config):
        return
    for run in resolve(config).values():
        for study, model, training, _ in run.cells:
            run.training_settings(study, model, training)
            run.shift_settings(study, model, training)
            assert run.base_model(model) in run["models"]
        assert all(copies > 0 for copies in run.copies.values())


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:{}[]-&*<!?|>#\"' \n\t1.e=%@`,"), max_size=30))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        config, message = load([file]), str(file)
    except InputError as error:
        config, message = {}, str(error)
    assert isinstance(config, dict)
    assert message.startswith(str(file))


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": is empty; a config is a mapping of keys to values, as in config.yaml"),
        ("# nothing\n", ": is empty; a config is a mapping of keys to values, as in config.yaml"),
        ("- a\n- b\n", ': holds ["a", "b"]; a config is a mapping of keys to values, as in config.yaml'),
        ("mnist\n", ': holds "mnist"; a config is a mapping of keys to values, as in config.yaml'),
        (
            "a: 1\nb: [1, 2\nc: 3\n",
            ", line 3, column 2: not valid YAML: while parsing a flow sequence expected ',' or ']', but got ':'. "
            "Indent with spaces, and close what you open.",
        ),
        (
            "a:\n\tb: 1\n",
            ", line 2, column 1: not valid YAML: while scanning for the next token found character '\\t' that cannot "
            "start any token. Indent with spaces, and close what you open.",
        ),
        (
            "a: *b\n",
            ", line 1, column 4: not valid YAML: found undefined alias 'b'. "
            "Indent with spaces, and close what you open.",
        ),
        (
            "a: {b: 1, c: 2, b: 3}\n",
            ", line 1, column 17: not valid YAML: the key b is repeated. Indent with spaces, and close what you open.",
        ),
        ("a: 2003-13-45\n", ": holds a value that is not valid YAML: month must be in 1..12"),
        ("a: &a {b: *a}\n", ": a.b.b: nested more than 20 deep; does an alias contain itself?"),
        ("1: a\n", ": the key 1 is read as int, not text; put it in quotes"),
        ("a: .nan\n", ": a: nan: not a finite number"),
    ],
)
def test_file_that_is_no_config(tmp_path, text, message):
    file = tmp_path / "my.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load([file])
    assert str(caught.value) == f"{file}{message}"


def test_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read \(No such file or directory\)"):
        load([tmp_path / "none.yaml"])
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        load([tmp_path])
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml: not UTF-8 text; save it as UTF-8"):
        load([tmp_path / "latin.yaml"])


def test_merge_keys_may_override(tmp_path):
    """A chain of `<<` overrides is not a repeated key, in whatever order PyYAML builds it."""
    file = tmp_path / "my.yaml"
    file.write_text("x: {y: {z: &a {p: 1, q: 1}, w: &b {<<: *a, q: 2}}}\nv: {<<: *b, p: 3}\n", encoding="utf-8")
    assert load([file])["v"] == {"p": 3, "q": 2}


def by_hand(*arguments: Path | str) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "scripts" / "validate_config.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)


def test_script_says_how_much_a_valid_config_asks_for():
    done = by_hand(ROOT / "config.yaml", ROOT / "tests" / "configs" / "tiny.yaml")
    assert done.returncode == 0, done.stderr
    first, run, other, *_ = done.stdout.splitlines()
    assert first == "config is valid"
    assert run == "  digits: 10 trainings, 12 evaluations, 2 distorted copies of 2 kinds, 6 studies"
    assert other.startswith("  mnist: ")


def test_script_refuses_with_one_message(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(yaml.safe_dump({"dataset": "minst"}), encoding="utf-8")
    done = by_hand(ROOT / "config.yaml", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[:2] == [
        "error: the config is not valid:",
        '  dataset: "minst": not one of the choices; did you mean "mnist"?; allowed: mnist, fashion_mnist, kmnist, '
        "digits (the dataset that "
        "plain `snakemake` reproduces)",
    ]
    assert "Traceback" not in done.stderr


def test_examples_in_the_documentation():
    results = [doctest.testmod(module) for module in (merging, reading, words)]
    assert [result.attempted for result in results] == [1, 1, 1]
    assert sum(result.failed for result in results) == 0
