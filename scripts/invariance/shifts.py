"""Is a network invariant to translation? All measures of one that is already trained, on any images."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import pandas as pd

from invariance.data.images import shift_grid as every_shift
from invariance.data.sources import conversion, unscaled
from invariance.learning.any_network import Answers, By, Network, answers_over_shifts, evaluating, require_fitting
from invariance.networks.file import are_probabilities
from invariance.record.artefacts import InputError
from invariance.results.measures import (
    accuracy,
    consistency,
    drift_of,
    pairwise_consistency,
    radius_of_invariance,
    robust_error,
)
from invariance.results.tables import rings_of_run

SMALLEST, LARGEST_CANVAS, LARGEST_IMAGE = 8, 224, 512  # pixels
CHANNELS = (1, 3)  # fewer than an image has pixels, so that an array says which of its axes they are
RADIUS_CONSISTENCY = 95.0  # percent that count as invariant


@dataclass(frozen=True)
class Measured:
    """What `shift_grid` measured.

    Attributes:
        measures: name -> value. Accuracies and consistencies are in percent, over all shifts but none for those that
            are called mean and worst; the radius is in pixels, and drift in standard deviations of the logits.
        grid: one row per shift: dx, dy (pixels; right and down are positive), accuracy, consistency (fractions) and
            logit_drift. Without labels it has no accuracy.
        rings: one row per shift size max(|dx|, |dy|): ring, accuracy, consistency, in percent.
        predictions: uint16 (shifts, n), in the rows' order.
        classes: number of logits.
        notes: what one must know to understand the measures, in sentences; often nothing.
    """

    measures: dict[str, float]
    grid: pd.DataFrame
    rings: pd.DataFrame
    predictions: np.ndarray
    classes: int
    notes: list[str]


def shift_grid(
    network: Network,
    images: np.ndarray,
    labels: Sequence[int] | np.ndarray | None = None,
    *,
    max_shift: int = 6,
    canvas: int | None = None,
    by: By = "canvas",
) -> Measured:
    """Measure how invariant a network is to whole-pixel shifts of up to `max_shift` either way.

    Args:
        network: an nn.Module, which is in evaluation mode meanwhile, or any callable; if that calls a module, call its
            eval() before. It is given float32 tensors (n, channels, canvas, canvas), 0 to 1, and gives logits
            (n, classes) as a tensor or an array.
        images: uint8 (n, h, w), grey, or (n, h, w, 3), in colour; or as PyTorch has them, (n, 1 or 3, h, w).
        labels: whole numbers (n,) from 0; None if there are none.
        max_shift: pixels.
        canvas: side of the images that the network sees, pixels; None for the image with room for the shifts.
        by: canvas, images stand on an empty canvas; roll, what leaves an image comes in on its other side; crop, the
            network sees a crop of a larger image, in other places.

    Raises:
        InputError: images, labels or network are not like that, or a shift would lose ink.
    """
    images = checked_images(images)
    if by not in ("canvas", "roll", "crop"):
        raise InputError(f"by: {by!r}; allowed: canvas, roll, crop")
    canvas = default_canvas(images, max_shift, by) if canvas is None else canvas
    require_measurable(images, max_shift, canvas, by)
    truth = None if labels is None else checked_labels(labels, len(images))
    shifts = every_shift(max_shift)
    with evaluating(network):
        answers = answers_over_shifts(network, images, shifts, canvas, by)
    classes = answers.unshifted.shape[1]
    if truth is not None and truth.max() >= classes:
        raise InputError(
            f"labels: {truth.max()} is among them, and the network has {classes} outputs; allowed: 0 to {classes - 1}"
        )
    fractions = {"consistency": consistency(answers.predictions, shifts)}
    if truth is not None:
        fractions = {"accuracy": accuracy(answers.predictions, truth), **fractions}
    drift = drift_of(answers.largest_changes, answers.unshifted)
    grid = pd.DataFrame({"dx": [dx for dx, _ in shifts], "dy": [dy for _, dy in shifts], **fractions})
    return Measured(
        measures=measures_of(answers.predictions, truth, fractions, drift, shifts),
        grid=grid.assign(logit_drift=drift),
        rings=rings_of_run(grid).drop(columns="shifts"),
        predictions=answers.predictions,
        classes=classes,
        notes=notes_on(images, answers, by),
    )


def notes_on(images: np.ndarray, answers: Answers, by: By) -> list[str]:
    """What is odd about images (n, c, h, w) and answers, and what follows for the measures."""
    notes = []
    if len(images) > 1 and (answers.predictions == answers.predictions[0, 0]).all():
        notes.append("All images get one class, wherever they stand, so consistency says nothing about this network.")
    if are_probabilities(answers.unshifted):
        notes.append("The network gives probabilities. Drift is measured in logits: leave out its softmax.")
    if by == "canvas" and share_without_background(images) > 0.5:
        notes.append(
            "Most images have no background of 0 at their border: on the canvas a black frame surrounds them, which "
            "training did not show. Invert dark ink on white; shift photographs by roll or crop."
        )
    return notes


def share_without_background(images: np.ndarray) -> float:
    """The share of images (n, c, h, w) with something else than 0 in most pixels of their border."""
    edges = (images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1])
    border = np.concatenate([edge.max(axis=1) for edge in edges], axis=1)
    return float(((border > 0).mean(axis=1) > 0.5).mean())


def default_canvas(images: np.ndarray, max_shift: int, by: By) -> int:
    """The canvas in pixels on which images (n, c, h, w) have room for the shifts."""
    height, width = images.shape[2:]
    rooms = {"canvas": max(height, width) + 2 * max_shift, "roll": max(height, width)}
    return rooms.get(by, min(height, width) - 2 * max_shift)


def measures_of(
    predictions: np.ndarray,
    labels: np.ndarray | None,
    fractions: dict[str, np.ndarray],
    drift: np.ndarray,
    shifts: list[tuple[int, int]],
) -> dict[str, float]:
    """The measures of the whole grid; those over shifted images leave (0, 0) out, unless there is nothing else."""
    moved = np.array([shift != (0, 0) or len(shifts) == 1 for shift in shifts])
    percent = {name: 100 * values[moved] for name, values in fractions.items()}
    measures = {}
    if labels is not None:
        measures["accuracy"] = 100 * fractions["accuracy"][shifts.index((0, 0))]
    for name, values in percent.items():
        measures |= {f"mean_{name}": values.mean(), f"worst_{name}": values.min()}
    if labels is not None:
        measures["robust_accuracy"] = 100 * (1 - robust_error(predictions, labels))
    measures["pairwise_consistency"] = 100 * pairwise_consistency(predictions)
    measures["radius"] = radius_of_invariance(100 * fractions["consistency"], shifts, RADIUS_CONSISTENCY)
    measures["drift"] = drift[moved].max()
    return {name: float(value) for name, value in measures.items()}


def checked_images(images: np.ndarray) -> np.ndarray:
    """Images uint8 (n, h, w), (n, h, w, c) or (n, c, h, w), c 1 or 3, as (n, c, h, w); raises InputError for others."""
    images = np.asarray(images)
    if images.dtype != np.uint8:
        what = f"images: {images.dtype} {images.shape}"
        raise InputError(f"{what}; allowed: uint8, as of {conversion('images', images.dtype, images.shape)}")
    shape = images.shape
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and shape[3] in CHANNELS:
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in CHANNELS:
        what = "uint8 (n, h, w), grey, or (n, h, w, 3), in colour; or with the channels first, (n, 1 or 3, h, w)"
        raise InputError(f"images: uint8 {shape}; allowed: {what}")
    if not len(images):
        raise InputError("images: there are none; allowed: one or more")
    if not all(SMALLEST <= size <= LARGEST_IMAGE for size in images.shape[2:]):
        size = f"{images.shape[2]}x{images.shape[3]} pixels"
        raise InputError(f"images: {size}; allowed: {SMALLEST} to {LARGEST_IMAGE} either way; scale them")
    if problem := unscaled(images):
        raise InputError(f"images: {problem}")
    return images


def checked_labels(labels: Sequence[int] | np.ndarray, images: int) -> np.ndarray:
    """Labels, whole numbers (n,) from 0; raises InputError for others."""
    truth = np.asarray(labels)
    if truth.dtype.kind not in "iu" or truth.shape != (images,):
        what = f"labels: {truth.dtype} {truth.shape}; allowed: one whole number for each of {images} images"
        hint = "" if truth.shape[:1] != (images,) else f", as of {conversion('labels', truth.dtype, truth.shape)}"
        raise InputError(what + hint)
    if truth.min() < 0:
        raise InputError(f"labels: {truth.min()} is among them; allowed: whole numbers from 0")
    return truth


def require_measurable(images: np.ndarray, max_shift: int, canvas: int, by: By) -> None:
    """Raise InputError unless images (n, c, h, w) can be shifted and seen in this way, in pixels."""
    for name, value in {"canvas": canvas, "max_shift": max_shift}.items():
        if not isinstance(value, Integral):
            raise InputError(f"{name}: {value!r}; allowed: a whole number of pixels")
    if not SMALLEST <= canvas <= LARGEST_CANVAS:
        raise InputError(f"canvas: {canvas} pixels; allowed: {SMALLEST} to {LARGEST_CANVAS}")
    if not 0 <= max_shift <= canvas:
        raise InputError(f"max_shift: {max_shift} pixels; allowed: 0 to the canvas, {canvas}")
    require_fitting(images, max_shift, canvas, by)
