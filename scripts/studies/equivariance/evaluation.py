"""Equivariance errors of every layer of trained networks, before and after training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from invariance.command_line import counted, progress
from invariance.data.images import place_on_canvas
from invariance.learning.equivariance import COLUMNS, measure, untrained
from invariance.learning.training import as_input, one_thread
from invariance.learning.weights import load_weights
from invariance.record.artefacts import InputError


def equivariance(
    *,
    images: np.ndarray,
    weights: Mapping[str, Path],
    models: Mapping[str, Mapping[str, Any]],
    canvas: int,
    classes: int,
    number: int,
    max_shift: int,
) -> pd.DataFrame:
    """Measure every network with the weights that its training started from, and with those that it ended with.

    Args:
        images: test images, uint8 (n, h, w).
        weights: cell, study/model/training/seed -> .safetensors.
        models: model -> its entry in the config.
        canvas: side of the canvas, pixels.
        classes: of the data set.
        number: how many images are shifted, the first ones.
        max_shift: pixels, round the edge.

    Returns:
        One row per layer, place and shift, with model, seed, weights (untrained or trained) and COLUMNS.

    Raises:
        InputError: a cell names no model, its weights are another model's, or the window of a layer is not known.
    """
    one_thread()
    rows: list[tuple] = []
    pixels = as_input(place_on_canvas(images[:number], canvas)).double()
    for cell, path in weights.items():
        _, name, _, seed = cell.split("/")
        if name not in models:
            raise InputError(f"{cell}: no model {name!r}; allowed: {', '.join(models)}")
        network = untrained(models[name], canvas, int(seed), classes)
        for state in ("untrained", "trained"):
            if state == "trained":
                load_weights(network, path)
            with counted():
                measured = list(measure(network, pixels, max_shift))
            rows += [(name, int(seed), state, *row) for row in measured]
            largest = max((error for *_, exact, error in measured if exact), default=0)
            progress(f"{name}, seed {seed}, {state}: error of at most {largest:.2g} where theory says 0")
    return pd.DataFrame(rows, columns=["model", "seed", "weights", *COLUMNS])
