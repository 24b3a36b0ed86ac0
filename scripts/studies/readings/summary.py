"""The test error of each reading, beside what it takes for each choice."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from invariance.results.statistics import prediction_interval, t_interval, t_quantile

ERRORS = ["seeds", "mean", "low", "high", "one_more_low", "one_more_high", "best", "worst"]


def curve(runs: pd.DataFrame, choices: Mapping[str, Mapping[str, Any]], confidence: float) -> pd.DataFrame:
    """One row per reading, from the lowest error to the highest: model, training, ERRORS (percent), and its choices.

    `one_more_low` to `one_more_high` is where one more run falls, as Simard's was one.

    Args:
        runs: one row per trained model: model, training, test_error (percent).
        choices: of each model/training, value by name.
        confidence: of the intervals.
    """
    rows = []
    for (model, training), cell in runs.groupby(["model", "training"], sort=False):
        errors, mean = cell.test_error, t_interval(cell.test_error, confidence)
        interval = (mean.mean, mean.low, mean.high)
        one_more = prediction_interval(*interval, len(errors))
        measured = dict(zip(ERRORS, (len(errors), *interval, *one_more, errors.min(), errors.max()), strict=True))
        rows.append({"model": model, "training": training} | measured | choices[f"{model}/{training}"])
    return joined({"": pd.DataFrame(rows)})


def joined(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Several curves as one, from the lowest error to the highest."""
    return pd.concat(tables.values()).sort_values(["mean", "model", "training"], ignore_index=True)


def choice_columns(curve: pd.DataFrame) -> list[str]:
    """The choices that differ between the readings of a curve."""
    names = [name for name in curve.columns if name not in ("model", "training", *ERRORS)]
    return [name for name in names if curve[name].nunique() > 1]


def changes(curve: pd.DataFrame) -> list[dict[str, Any]]:
    """For each reading of a curve, the choices in which it differs from most of them: value by name."""
    names = choice_columns(curve)
    counts = {name: curve[name].value_counts() for name in names}
    usual = {name: count.idxmax() for name, count in counts.items() if 2 * count.max() > len(curve)}
    return [
        {name: reading[name] for name in names if name not in usual or reading[name] != usual[name]}
        for reading in curve.to_dict("records")
    ]


def words(name: str, value: object) -> str:
    """A choice in words."""
    text = f"{value:g}" if isinstance(value, float | int) else str(value)
    return f"{name}: {text}".replace("_", " ")


def pooled_reach(curve: pd.DataFrame, confidence: float) -> pd.Series:
    """How far from each mean one more run falls, percent, if the seeds of all readings spread alike.

    A few seeds say little of their spread; those of all readings together say more.

    Args:
        curve: readings of 2 seeds or more.
        confidence: of its intervals, and of the reach.
    """
    seeds = curve["seeds"]
    errors_of_means = (curve["high"] - curve["low"]) / 2 / [t_quantile(each, confidence) for each in seeds]
    freedom = (seeds - 1).sum()
    variance = ((seeds - 1) * seeds * errors_of_means**2).sum() / freedom
    return t_quantile(freedom + 1, confidence) * (variance * (1 + 1 / seeds)) ** 0.5


def published_error(table1: pd.DataFrame) -> float:
    """The published error of the network on elastic distortions, percent; table1: model, training, error_percent."""
    cell = table1[(table1["model"] == "simard_cnn") & (table1["training"] == "elastic")]
    return cell["error_percent"].item()
