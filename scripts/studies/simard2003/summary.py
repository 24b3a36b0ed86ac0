"""Our test errors beside Simard's Table 1, and what one training saves over another."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from invariance.results.statistics import mcnemar, t_interval, wilson_interval

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
    trainings: Mapping[str, Mapping[str, Any]],
    confidence: float,
) -> pd.DataFrame:
    """Our test error of each cell beside the published one, in percent, with a verdict.

    Args:
        summary: `over_seeds` of the study.
        table1: columns model, training, error_percent (Simard et al. 2003, Table 1).
        labels: (test images,); their number sets Wilson's interval.
        trainings: for each training its `distortion` and `loss`.
        confidence: of the intervals.
    """
    errors = summary[summary.measure == "test_error"].drop(columns=["study", "measure"])
    table = errors.merge(table1[["model", "training", "error_percent"]], on=["model", "training"], how="left")
    table = table.rename(columns={"error_percent": "published"})
    table["loss"] = [trainings[name]["loss"] for name in table.training]
    table["distortion"] = [trainings[name]["distortion"] for name in table.training]
    wilson = [wilson_interval(round(mean / 100 * len(labels)), len(labels), confidence) for mean in table["mean"]]
    table["wilson_low"], table["wilson_high"] = (100 * np.array(wilson)).T
    table["verdict"] = [replication_verdict(row, table) for _, row in table.iterrows()]
    order = ["model", "training", "loss", "distortion", "published", "mean", "low", "high", "best", "worst", "seeds"]
    return table[[*order, "wilson_low", "wilson_high", "verdict"]]


def replication_verdict(cell: pd.Series, table: pd.DataFrame) -> str:
    """How our error compares with the published one.

    `reproduced`: the published error is in our interval over seeds, or ours is lower. `ordering reproduced`: neither,
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
