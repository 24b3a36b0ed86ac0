"""Intervals and tests: over seeds, over images, and between two models on the same images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import special  # scipy.stats, which wraps these functions, takes a job more than a second to import

Numbers = TypeVar("Numbers", float, pd.Series)


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval; `low` and `high` are NaN if there is only one value."""

    mean: float
    low: float
    high: float


def t_interval(values: Sequence[float], confidence: float) -> Interval:
    """Student's t-interval for the mean of a few independent values, such as one per seed."""
    values = np.asarray(values, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, math.nan, math.nan)
    half = t_quantile(len(values), confidence) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def t_quantile(values: int, confidence: float) -> float:
    """Half the width of a t-interval of so many values, 2 or more, in standard errors of their mean."""
    return float(special.stdtrit(values - 1, (1 + confidence) / 2))


def prediction_interval(mean: Numbers, low: Numbers, high: Numbers, values: Numbers) -> tuple[Numbers, Numbers]:
    """Where one more value like those behind a t-interval, low to high, falls, with the same confidence.

    Student's, for values from one normal distribution: the t-interval's half width times the square root of
    `values` + 1 (Patil, Peng and Leek 2016, doi:10.1177/1745691616646366, judge replications by it). NaN for one value.
    """
    half = (high - low) / 2 * np.sqrt(values + 1)
    return mean - half, mean + half


def wilson_interval(events: int, trials: int, confidence: float) -> tuple[float, float]:
    """Wilson's (1927) score interval for a proportion, as fractions: the chance in the test images only."""
    z2 = special.ndtri((1 + confidence) / 2) ** 2
    centre = (events + z2 / 2) / (trials + z2)
    half = math.sqrt(z2 * (events * (trials - events) / trials + z2 / 4)) / (trials + z2)
    low = 0.0 if events == 0 else centre - half
    high = 1.0 if events == trials else centre + half
    return float(low), float(high)


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same images: how many only one of them has right, and the exact two-sided p-value."""

    only_first_right: int
    only_second_right: int
    p_value: float


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> McNemar:
    """McNemar's exact test (1947) from two boolean arrays (n,): which images each classifier gets right."""
    only_first = int((first_right & ~second_right).sum())
    only_second = int((~first_right & second_right).sum())
    differing = only_first + only_second
    p_value = min(1.0, 2 * float(special.bdtr(min(only_first, only_second), differing, 0.5)))
    return McNemar(only_first, only_second, p_value)


def two_way_shares(values: np.ndarray) -> tuple[float, float, float]:
    """Shares of rows, columns and interaction in the variance of a table (rows, columns): eta squared.

    Each is a sum of squares over the total; they add up to 1, or are NaN if all values are equal.
    """
    values = np.asarray(values, dtype=np.float64)
    centred = values - values.mean()
    rows, columns = centred.mean(axis=1, keepdims=True), centred.mean(axis=0, keepdims=True)
    effects = np.broadcast_arrays(rows, columns, centred - rows - columns)
    total = (centred**2).sum()
    shares = [(effect**2).sum() / total if total > 0 else math.nan for effect in effects]
    return float(shares[0]), float(shares[1]), float(shares[2])
