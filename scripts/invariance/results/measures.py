"""Measures of invariance, from logits and predictions over a grid of shifts.

Logits are (shifts, images, classes) and predictions (shifts, images); `shifts` lists the (dx, dy) of each, in order,
and holds (0, 0). Consistency alone proves nothing: a constant classifier is 100% consistent. Read it beside accuracy
and drift.
"""

from collections.abc import Sequence

import numpy as np

Shifts = Sequence[tuple[int, int]]


def accuracy(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Fraction of images that are classified correctly under each shift, (shifts,)."""
    return (predictions == labels).mean(axis=1)


def consistency(predictions: np.ndarray, shifts: Shifts) -> np.ndarray:
    """Fraction of images predicted as the same class, right or wrong, as unshifted, for each shift, (shifts,)."""
    return (predictions == predictions[shifts.index((0, 0))]).mean(axis=1)


def logit_drift(logits: np.ndarray, shifts: Shifts) -> np.ndarray:
    """The largest change of any logit of any image under each shift, in standard deviations of the logits, (shifts,).

    The standard deviation is over all unshifted logits. Drift distinguishes an exact invariance (rounding, about 1e-6)
    from a network whose predictions merely did not change, and from a constant network (NaN).
    """
    unshifted = logits[shifts.index((0, 0))].astype(np.float64)
    return drift_of(np.array([np.abs(shifted - unshifted).max() for shifted in logits]), unshifted)


def drift_of(largest: np.ndarray, unshifted: np.ndarray) -> np.ndarray:
    """`logit_drift`, from the largest change under each shift (shifts,) and the unshifted logits (images, classes)."""
    spread = unshifted.astype(np.float64).std()
    return largest / spread if spread > 0 else np.full(len(largest), np.nan)


def largest_differences(logits: np.ndarray) -> np.ndarray:
    """The largest difference of any logit from the same logit at another position, (positions,).

    Logits are (positions, images, classes); the unit is the standard deviation of all logits, as in `logit_drift`.
    """
    logits = logits.astype(np.float64)
    lowest, highest = logits.min(axis=0), logits.max(axis=0)
    largest = np.array([np.maximum(highest - here, here - lowest).max() for here in logits])
    return drift_of(largest, logits)


def robust_error(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of images that are classified wrongly under at least one shift."""
    return float((predictions != labels).any(axis=0).mean())


def radius_of_invariance(consistencies: np.ndarray, shifts: Shifts, at_least: float) -> int:
    """The largest r, in pixels, such that all shifts with max(|dx|, |dy|) <= r have a consistency of `at_least`."""
    rings = np.abs(shifts).max(axis=1)
    failing = rings[consistencies < at_least]
    return int(failing.min() - 1 if len(failing) else rings.max())


def pairwise_consistency(predictions: np.ndarray) -> float:
    """Probability that an image gets the same class under two independent, uniformly random shifts of the grid.

    Zhang (ICML 2019). Two shifts agree on a class with the square of its share of the image's shifts.
    """
    shares = [(predictions == label).mean(axis=0) for label in np.unique(predictions)]
    return float(np.square(shares).sum(axis=0).mean())
