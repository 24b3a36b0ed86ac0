"""Bad input to the config, how overlays merge, and how one config gives two plans."""

import copy
import datetime
import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
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
from running import ROOT
from studies.class_transfer import distorts_some_classes

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


COMPUTED = {  # values of bad_configs.yaml that are made of the real ones
    "equivariance_untrained_cell": CONFIG["equivariance"]
    | {"training": "translated", "models": ["stride_fc", "max_pool_fc"]},
    "data_not_there": CONFIG["datasets"]["digits"] | {"embedded": None, "folder": "no/images"},
    "data_sets_that_share_a_folder": CONFIG["datasets"]["digits"],
    "data_set_named_as_a_folder_of_results": CONFIG["datasets"]["kmnist"],
}


def bad_configs() -> Iterator[Any]:
    """The cases of bad_configs.yaml: path, value, and every line of the message."""
    table = yaml.safe_load((ROOT / "tests/library/bad_configs.yaml").read_text(encoding="utf-8"))
    for name, case in table.items():
        lines = case.pop("says").splitlines()
        ((path, value),) = case.items()
        yield pytest.param(path, COMPUTED[name] if value == "COMPUTED" else value, lines, id=name)


@pytest.mark.parametrize(("path", "value", "lines"), [*bad_configs()])
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
