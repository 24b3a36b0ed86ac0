"""How well a trained network tells at which position a test image stands."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from invariance.command_line import counted, progress
from invariance.data.images import place_on_canvas
from invariance.learning.evaluation import InDoublePrecision, logits_over_shifts
from invariance.learning.training import Device, find_device, one_thread
from invariance.learning.weights import load_weights
from invariance.networks.building import build_model
from invariance.results.measures import largest_differences

COLUMNS = ["dx", "dy", "n", "accuracy", "logit_drift", "float64_drift"]


def evaluate(
    *,
    images: np.ndarray,
    weights: Path,
    model: Mapping[str, Any],
    canvas: int,
    positions: Sequence[Sequence[int]],
    classes: int,
    device: Device,
    may_lose_ink: bool = False,
) -> pd.DataFrame:
    """Put every test image at every position: how often the network is right, and how far its logits differ.

    Args:
        images: test images, uint8 (n, h, w).
        weights: .safetensors.
        model: the trained model's entry in the config.
        canvas: side of the canvas, pixels.
        positions: shifts (dx, dy), pixels; the network predicts the index.
        classes: of the data set; the network has as many outputs, or as there are positions if these are more.
        device: where to compute.
        may_lose_ink: whether a position may.

    Returns:
        One row per position, with COLUMNS: accuracy within 0 and 1, drifts in standard deviations of the logits.

    Raises:
        InputError: the weights are not of this model, or a position would lose ink, and may not.
    """
    one_thread()
    places = [tuple(position) for position in positions]
    network = build_model(model, canvas, max(classes, len(places)))
    load_weights(network, weights)
    network.to(find_device(device))
    placed = place_on_canvas(images, canvas)
    with counted():
        logits = logits_over_shifts(network, placed, places, may_lose_ink)
        exact = logits_over_shifts(InDoublePrecision(network), placed, places, may_lose_ink)
    # Only the outputs of positions count as answers: a network that tells nothing is then right by chance.
    answers = logits[:, :, : len(places)].argmax(axis=2)
    right = (answers == np.arange(len(places))[:, None]).mean(axis=1)
    progress(f"{len(places)} positions of {len(images)} images: {100 * right.mean():.2f}% right")
    measured = right, largest_differences(logits), largest_differences(exact)
    rows = [(*place, len(images), *values) for place, *values in zip(places, *measured, strict=True)]
    return pd.DataFrame(rows, columns=COLUMNS)
