"""Tables: one row per trained model, and means over seeds.

Errors and consistencies are in percent, the radius in pixels, drift in standard deviations of the logits.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from invariance.results.measures import pairwise_consistency, radius_of_invariance, robust_error
from invariance.results.statistics import t_interval

CELL = ["study", "model", "training"]
# Measures of a trained model that are summarised over seeds.
MEASURES = [
    "test_error",
    "clean_error",
    "mean_error",
    "worst_error",
    "robust_error",
    "mean_consistency",
    "worst_consistency",
    "pairwise_consistency",
    "radius",
    "drift",
]


def by_trained_model(table: pd.DataFrame) -> Iterator[tuple[dict[str, str | int], pd.DataFrame]]:
    """Study, model, training and seed of each trained model, with its rows of a table that `read_inputs` joined."""
    for names, rows in table.groupby([*CELL, "seed"], sort=False):
        yield dict(zip([*CELL, "seed"], names, strict=True)), rows


def label_of(trained: Mapping[str, str | int]) -> str:
    """The label of a trained model: study/model/training/seed."""
    return "/".join(str(trained[key]) for key in [*CELL, "seed"])


def run_measures(
    grid: pd.DataFrame,
    predictions: np.ndarray,
    test_predictions: np.ndarray,
    labels: np.ndarray,
    radius_consistency: float,
) -> dict[str, float]:
    """All measures of one trained model.

    Args:
        grid: one row per shift: dx, dy, n, accuracy, consistency, logit_drift; fractions.
        predictions: uint8 (shifts, n), rows as in the grid, of the first n test images.
        test_predictions: uint8 (test images,), unshifted.
        labels: uint8 (test images,).
        radius_consistency: consistency, in percent, that counts as invariant.
    """
    shifts = list(zip(grid.dx, grid.dy, strict=True))
    moved = np.array([shift != (0, 0) for shift in shifts])
    wrong, same = 100 * (1 - grid.accuracy.to_numpy()), 100 * grid.consistency.to_numpy()
    measures = {
        "test_images": len(labels),
        "test_error": 100 * (test_predictions != labels).mean(),
        "shift_images": predictions.shape[1],
        "clean_error": wrong[~moved][0],
        "robust_error": 100 * robust_error(predictions, labels[: predictions.shape[1]]),
    }
    if moved.any():
        measures |= {
            "mean_error": wrong[moved].mean(),
            "worst_error": wrong[moved].max(),
            "mean_consistency": same[moved].mean(),
            "worst_consistency": same[moved].min(),
            "pairwise_consistency": 100 * pairwise_consistency(predictions),
            "radius": radius_of_invariance(same, shifts, radius_consistency),
            "drift": grid.logit_drift.to_numpy()[moved].max(),
        }
    return measures


def rings_of_run(grid: pd.DataFrame) -> pd.DataFrame:
    """Means over the shifts of each ring: ring, shifts, and those of accuracy and consistency that there are, in %."""
    rings = grid.groupby(grid[["dx", "dy"]].abs().max(axis=1).rename("ring"))
    percent = 100 * rings[[name for name in ("accuracy", "consistency") if name in grid]].mean()
    percent.insert(0, "shifts", rings.size())
    return percent.reset_index()


def over_seeds(runs: pd.DataFrame, by: Sequence[str], measures: Sequence[str], confidence: float) -> pd.DataFrame:
    """Long table: mean, t-interval, best and worst over seeds for each group `by` and each measure that it has.

    Best is the lowest error, loss or drift, and the highest consistency, accuracy or radius.
    """
    rows = []
    for names, group in runs.groupby(list(by), sort=False):
        for measure in measures:
            values = group[measure].dropna() if measure in group else []
            if len(values):
                interval = t_interval(values, confidence)
                lower_is_better = measure.endswith(("error", "loss", "drift", "called_other"))
                best, worst = (values.min(), values.max()) if lower_is_better else (values.max(), values.min())
                row = [*names, measure, len(values), interval.mean, interval.low, interval.high, best, worst]
                rows.append(row)
    return pd.DataFrame(rows, columns=[*by, "measure", "seeds", "mean", "low", "high", "best", "worst"])
