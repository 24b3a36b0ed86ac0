"""Tables: one row a trained model, then over seeds, then beside Simard's.

Errors and consistencies are in percent here, the radius in pixels, drift in standard deviations of the logits. A run is
one trained model: a (study, model, training, seed).
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from invariance.record.artefacts import whole_file
from invariance.results.measures import pairwise_consistency, radius_of_invariance, reach, ring_means, robust_error
from invariance.results.reading import read_table  # noqa: F401, until no script takes it from here
from invariance.results.statistics import mcnemar, t_interval, two_way_shares, wilson_interval

CELL = ["study", "model", "training"]
# Measures of a run that are summarised over seeds.
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
# Which trainings of the Simard study are compared, paired over seeds: the first against the second.
COMPARISONS = [
    ("translation", "none"),
    ("affine", "none"),
    ("elastic", "none"),
    ("affine_elastic", "none"),
    ("elastic_centred", "none"),
    ("elastic", "affine"),
    ("elastic", "translation"),
    ("affine_elastic", "elastic"),
    ("elastic_centred", "elastic"),
    ("elastic", "elastic_mse"),
]


def write_table(path: Path | str, table: pd.DataFrame) -> None:
    """Write a CSV file with eight significant digits and line feeds."""
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.8g", lineterminator="\n")


def run_measures(
    grid: pd.DataFrame,
    predictions: np.ndarray,
    test_predictions: np.ndarray,
    labels: np.ndarray,
    radius_consistency: float,
    pairwise_pairs: int,
) -> dict[str, float]:
    """All measures of one run.

    Args:
        grid: a row a shift: dx, dy, n, accuracy, consistency, logit_drift; fractions.
        predictions: uint8 (shifts, n), rows as in the grid, of the first n test images.
        test_predictions: uint8 (test images,), unshifted.
        labels: uint8 (test images,).
        radius_consistency: percent of consistency that counts as invariant.
        pairwise_pairs: pairs of shifts for each image.
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
            "pairwise_consistency": 100 * pairwise_consistency(predictions, pairwise_pairs),
            "radius": radius_of_invariance(same, shifts, radius_consistency),
            "drift": grid.logit_drift.to_numpy()[moved].max(),
        }
    return measures


def rings_of_run(grid: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy and consistency, percent, over the shifts of each ring; columns ring, shifts, and those two."""
    shifts = list(zip(grid.dx, grid.dy, strict=True))
    rings = [reach(shift) for shift in shifts]
    counts = np.bincount(rings)
    return pd.DataFrame(
        {
            "ring": np.arange(len(counts)),
            "shifts": counts,
            "accuracy": 100 * np.array(ring_means(grid.accuracy.to_numpy(), shifts)),
            "consistency": 100 * np.array(ring_means(grid.consistency.to_numpy(), shifts)),
        }
    )


def over_seeds(runs: pd.DataFrame, by: Sequence[str], measures: Sequence[str], confidence: float) -> pd.DataFrame:
    """Long table: for each group `by` and each measure that it has, mean, t-interval, best and worst over seeds.

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


# ----------------------------------------------------------------------------------------------------------------------
# Groups of classes of which a training translated some

# Measures of a run on the images of one group.
CLASS_MEASURES = ["clean_error", "mean_error", "worst_error", "mean_consistency", "mean_called_other", "drift"]
DIGITS = frozenset(range(10))


def class_groups(trainings: Mapping[str, Mapping[str, Any]]) -> list[frozenset[int]]:
    """The digits that some training distorts alone, and those that it leaves; sorted, and each once.

    Args:
        trainings: those of the study; the `classes` of each, where it has them, are the digits that it distorts.
    """
    chosen = [frozenset(training["classes"]) for training in trainings.values() if "classes" in training]
    return sorted({group for classes in chosen for group in (classes, DIGITS - classes)}, key=sorted)


def group_name(group: frozenset[int]) -> str:
    """The digits of a group, runs of them joined: 0-4, or 0+2-3+9."""
    firsts = [digit for digit in sorted(group) if digit - 1 not in group]
    lasts = [digit for digit in sorted(group) if digit + 1 not in group]
    return "+".join(f"{a}-{b}" if a < b else f"{a}" for a, b in zip(firsts, lasts, strict=True))


def how_shown(group: frozenset[int], training: Mapping[str, Any]) -> str:
    """How a training shows the digits of a group: `distorted`, `plain`, or `partly` where it distorts some of them."""
    distorted = DIGITS if training["distortion"] != "none" else frozenset()
    distorted = frozenset(training.get("classes", distorted))
    return "distorted" if group <= distorted else "partly" if group & distorted else "plain"


def class_measures(
    grid: pd.DataFrame, predictions: np.ndarray, labels: np.ndarray, group: frozenset[int]
) -> dict[str, float]:
    """The measures of one run on the images of one group of digits; those of the moved images as far as there are any.

    `mean_called_other` is the percentage of them that are called a digit of another group; the drift is that of the
    whole run.

    Args:
        grid: a row a shift: dx, dy, logit_drift.
        predictions: uint8 (shifts, n), rows as in the grid, of the first n test images.
        labels: uint8 (test images,).
        group: digits.
    """
    moved = ((grid.dx != 0) | (grid.dy != 0)).to_numpy()
    labels = labels[: predictions.shape[1]]
    chosen = np.isin(labels, list(group))
    labels, predictions = labels[chosen], predictions[:, chosen]
    measures: dict[str, float] = {"images": len(labels)}
    if len(labels):
        wrong = 100 * (predictions != labels).mean(axis=1)
        measures["clean_error"] = wrong[~moved][0]
        if moved.any():
            measures |= {
                "mean_error": wrong[moved].mean(),
                "worst_error": wrong[moved].max(),
                "mean_consistency": 100 * (predictions == predictions[~moved]).mean(axis=1)[moved].mean(),
                "mean_called_other": 100 * (~np.isin(predictions[moved], list(group))).mean(),
                "drift": grid.logit_drift.to_numpy()[moved].max(),
            }
    return measures


# ----------------------------------------------------------------------------------------------------------------------
# Positions that are told

POSITION_MEASURES = ["accuracy", "drift", "float64_drift"]


def position_measures(positions: pd.DataFrame) -> dict[str, float]:
    """The measures of one run that tells positions.

    Args:
        positions: a row a position: dx, dy, n, accuracy (fraction told rightly), logit_drift, float64_drift.
    """
    return {
        "test_images": int(positions.n.iloc[0]),
        "chance": 100 / len(positions),
        "accuracy": 100 * positions.accuracy.mean(),
        "drift": positions.logit_drift.max(skipna=False),
        "float64_drift": positions.float64_drift.max(skipna=False),
    }


# ----------------------------------------------------------------------------------------------------------------------
# Augmentation against architecture

SHARES = ["architecture", "augmentation", "interaction"]
SPLIT_MEASURES = ["mean_error", "mean_consistency"]


def variance_shares(runs: pd.DataFrame) -> pd.DataFrame:
    """How the variance between the cells of a study splits into architecture, augmentation and their interaction.

    Args:
        runs: a row a run. A seed counts where every model has every training with it.

    Returns:
        A row a measure and seed: measure, seed, and the three shares in percent.
    """
    rows = []
    for measure in SPLIT_MEASURES:
        for seed, group in runs.groupby("seed"):
            cells = group.pivot(index="model", columns="training", values=measure)
            if cells.notna().all(axis=None):
                rows.append((measure, seed, *(100 * share for share in two_way_shares(cells.to_numpy()))))
    return pd.DataFrame(rows, columns=["measure", "seed", *SHARES])


def shares_over_seeds(shares: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Mean and t-interval over seeds of each share of each measure: measure, share, seeds, mean, low, high."""
    rows = []
    for measure, group in shares.groupby("measure", sort=False):
        for share in SHARES:
            interval = t_interval(group[share], confidence)
            rows.append((measure, share, len(group), interval.mean, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["measure", "share", "seeds", "mean", "low", "high"])


# ----------------------------------------------------------------------------------------------------------------------
# Simard's table


def beside_simard(
    summary: pd.DataFrame,
    published: pd.DataFrame,
    trainings: Mapping[str, Mapping[str, Any]],
    test_images: int,
    confidence: float,
) -> pd.DataFrame:
    """Our test error of each cell beside the published one, in percent, with a verdict.

    Args:
        summary: `over_seeds` of the study.
        published: columns model, training, error_percent (Simard et al. 2003, Table 1).
        trainings: for each training its `distortion` and `loss`.
        test_images: for Wilson's interval.
        confidence: of the intervals.
    """
    errors = summary[summary.measure == "test_error"].drop(columns=["study", "measure"])
    table = errors.merge(published[["model", "training", "error_percent"]], on=["model", "training"], how="left")
    table = table.rename(columns={"error_percent": "published"})
    table["loss"] = [trainings[name]["loss"] for name in table.training]
    table["distortion"] = [trainings[name]["distortion"] for name in table.training]
    wilson = [wilson_interval(round(mean / 100 * test_images), test_images, confidence) for mean in table["mean"]]
    table["wilson_low"], table["wilson_high"] = (100 * np.array(wilson)).T
    table["verdict"] = [replication_verdict(row, table) for _, row in table.iterrows()]
    order = ["model", "training", "loss", "distortion", "published", "mean", "low", "high", "best", "worst", "seeds"]
    return table[[*order, "wilson_low", "wilson_high", "verdict"]]


def replication_verdict(cell: pd.Series, table: pd.DataFrame) -> str:
    """What our error says of the published one.

    `reproduced`: the published error is in our interval over seeds, or ours is lower. `ordering reproduced`: it is not,
    but every other published cell is on the same side of this one as in the paper. Empty: there is no published cell.
    """
    if math.isnan(cell.published):
        return ""
    upper = cell["mean"] if math.isnan(cell.high) else cell.high
    lower = cell["mean"] if math.isnan(cell.low) else cell.low
    if lower <= cell.published <= upper or cell["mean"] < cell.published:
        return "reproduced"
    others = table[table.published.notna() & (table.published != cell.published)]
    same_side = np.sign(others.published - cell.published) == np.sign(others["mean"] - cell["mean"])
    return "ordering reproduced" if same_side.all() else "not reproduced"


def paired_comparisons(
    runs: pd.DataFrame, right: Mapping[tuple[str, str, int], np.ndarray], confidence: float
) -> pd.DataFrame:
    """Test error saved by one training over another, in percentage points, paired over seeds; McNemar over images.

    Args:
        runs: a row a run, with `test_error`.
        right: for each (model, training, seed), bool (test images,): which images the run has right. McNemar's test
            looks at the first common seed alone, since the images of different seeds are the same images.
        confidence: of the interval over seeds.
    """
    rows = []
    for model, group in runs.groupby("model", sort=False):
        errors = group.pivot(index="seed", columns="training", values="test_error")
        for training, against in COMPARISONS:
            if {training, against} <= set(errors.columns):
                both = errors[[training, against]].dropna()
                interval = t_interval(both[against] - both[training], confidence)
                seed = both.index[0]
                test = mcnemar(right[model, training, seed], right[model, against, seed])
                rows.append(
                    {
                        "model": model,
                        "training": training,
                        "against": against,
                        "difference": interval.mean,
                        "low": interval.low,
                        "high": interval.high,
                        "seeds": len(both),
                        "mcnemar_seed": seed,
                        "mcnemar_p": test.p_value,
                        "only_first_right": test.only_first_right,
                        "only_second_right": test.only_second_right,
                    }
                )
    columns = ["model", "training", "against", "difference", "low", "high", "seeds", "mcnemar_seed", "mcnemar_p"]
    return pd.DataFrame(rows, columns=[*columns, "only_first_right", "only_second_right"])
