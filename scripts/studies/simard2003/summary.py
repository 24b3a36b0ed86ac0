"""Our test errors beside Simard's Table 1, and what one training saves over another."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from invariance.results.statistics import mcnemar, prediction_interval, t_interval, wilson_interval

COLUMNS = [
    *("model", "training", "loss", "distortion", "published", "mean", "low", "high", "one_more_low", "one_more_high"),
    *("best", "worst", "seeds", "wilson_low", "wilson_high", "verdict"),
]

ROUNDING = 0.05  # percentage points: the published errors have one decimal

# Which trainings are compared, paired over seeds: the first against the second.
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


def published(
    summary: pd.DataFrame,
    table1: pd.DataFrame,
    labels: np.ndarray,
    cells: Mapping[str, Mapping[str, Any]],
    confidence: float,
) -> pd.DataFrame:
    """Our test error of each cell beside the published one, in percent, with a verdict; the columns are COLUMNS.

    Args:
        summary: `over_seeds` of the study.
        table1: columns model, training, error_percent (Simard et al. 2003, Table 1).
        labels: (test images,); their number sets Wilson's interval.
        cells: for each model/training its `distortion` and `loss`.
        confidence: of the intervals.
    """
    errors = summary[summary.measure == "test_error"].drop(columns=["study", "measure"])
    table = errors.merge(table1[["model", "training", "error_percent"]], on=["model", "training"], how="left")
    table = table.rename(columns={"error_percent": "published"})
    for setting in ("loss", "distortion"):
        table[setting] = [cells[f"{row.model}/{row.training}"][setting] for row in table.itertuples()]
    wilson = [wilson_interval(round(mean / 100 * len(labels)), len(labels), confidence) for mean in table["mean"]]
    table["wilson_low"], table["wilson_high"] = (100 * np.array(wilson)).T
    return judged(table)[COLUMNS]


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the interval for one more run of ours, and the verdict on each published run by it."""
    low, high = prediction_interval(table["mean"], table["low"], table["high"], table["seeds"])
    table = table.assign(one_more_low=low, one_more_high=high)
    verdicts = map(replication_verdict, table.published, table.one_more_low, table.one_more_high)
    return table.assign(verdict=list(verdicts))


def replication_verdict(published: float, low: float, high: float) -> str:
    """Whether the published error, of a single run, is one that a run of ours may well have.

    `reproduced` if it lies in the interval for one more run; `ours lower` or `ours higher` if not; empty if nothing is
    published, or if a single seed of ours gives no interval.
    """
    if math.isnan(published) or math.isnan(low):
        return ""
    if low <= published <= high:
        return "reproduced"
    return "ours lower" if high < published else "ours higher"


def decided_by_rounding(published: float, low: float, high: float) -> bool:
    """Whether another error that rounds to the published one would have another verdict."""
    errors = (published - ROUNDING, published, published + ROUNDING)
    return len({replication_verdict(error, low, high) for error in errors}) > 1


PAIR_COLUMNS = [
    *("model", "training", "against", "difference", "low", "high", "seeds"),
    *("mcnemar_seed", "mcnemar_p", "only_first_right", "only_second_right"),
]


def pairs(
    runs: pd.DataFrame, predictions: Mapping[str, np.ndarray], labels: np.ndarray, confidence: float
) -> pd.DataFrame:
    """Test error saved by one training over another, in percentage points, paired over seeds; McNemar over images.

    Args:
        runs: one row per trained model, with `test_error`.
        predictions: of each study/model/training/seed, uint8 (test images,). McNemar's test looks at the first common
            seed alone, since the images of different seeds are the same images.
        labels: uint8 (test images,).
        confidence: of the interval over seeds.
    """
    rows = []
    for (study, model), group in runs.groupby(["study", "model"], sort=False):
        errors = group.pivot(index="seed", columns="training", values="test_error")
        for training, against in COMPARISONS:
            if {training, against} <= set(errors.columns):
                both = errors[[training, against]].dropna()
                interval = t_interval(both[against] - both[training], confidence)
                seed = both.index[0]
                right = [predictions[f"{study}/{model}/{name}/{seed}"] == labels for name in (training, against)]
                test = mcnemar(*right)
                about = (model, training, against, interval.mean, interval.low, interval.high, len(both))
                rows.append((*about, seed, test.p_value, test.only_first_right, test.only_second_right))
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)
