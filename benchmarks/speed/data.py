"""Images and labels for every contender: the digits inside scikit-learn, repeated as needed. No download."""

from pathlib import Path

import numpy as np

from invariance.data.digits import read_digits
from invariance.data.images import place_on_canvas
from invariance.plan.reading import load, resolve
from speed.surroundings import ROOT

VALIDATION = 100  # images evaluated after an epoch, by ours and by the peers
SIMARD = ("simard_cnn", "mlp")  # measured on Simard's canvas, the others on that of the architectures


def tiled_digits(images: int, canvas: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `images` of the digits, repeated: uint8 (n, canvas, canvas), labels uint8 (n,)."""
    digits, labels, *_ = read_digits(train=1200, validation=237, test=360)
    chosen = np.arange(images) % len(digits)
    return place_on_canvas(digits, canvas)[chosen], labels[chosen]


def validation_digits(canvas: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels that are not among those of `tiled_digits`."""
    *_, digits, labels = read_digits(train=1200, validation=237, test=360)
    return place_on_canvas(digits[:VALIDATION], canvas), labels[:VALIDATION]


def study_of(model: str) -> tuple[str, str]:
    """The study, and a training in it, whose canvas and optimisation a model is measured with."""
    return ("simard2003", "none") if model in SIMARD else ("architectures", "centred")


def settings_of(model: str, config: Path = ROOT / "config.yaml") -> dict:
    """A model's entry in the config as `model`, its canvas and its `optimisation`, for one epoch."""
    plan = resolve(load([config]))["mnist"]
    training = plan.training_settings(study_of(model)[0], model, study_of(model)[1])
    return {
        "model": plan["models"][model],
        "canvas": training["canvas"],
        "optimisation": {**training["optimisation"], "epochs": 1},
    }
