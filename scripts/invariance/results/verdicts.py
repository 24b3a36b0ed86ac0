"""Verdicts: the decisive number of a claim, its interval over seeds, and the side of the threshold on which it lies.

The catalogue states the claims; a function `(tables, settings) -> Measured` of a study measures each. A claim whose
cells were not trained is left out, never guessed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from invariance.results.statistics import t_interval

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"

Tables = Mapping[str, pd.DataFrame]
Settings = Mapping[str, Any]


class CellsMissingError(Exception):
    """A claim cannot be measured: the plan lacks its cells, or their errors leave its number undefined."""


@dataclass(frozen=True)
class Decided:
    """A number with a verdict by a rule of its own, not by an interval over seeds."""

    number: float
    low: float
    high: float
    threshold: float
    verdict: str


@dataclass(frozen=True)
class Measured:
    """What was measured for one claim.

    `decisive` is one number per seed, whose t-interval `judge` compares with the threshold, or what the study decided
    by a rule of its own. `details` are further numbers for the paper's paragraph on the claim.
    """

    decisive: Sequence[float] | Decided
    details: Mapping[str, float] = field(default_factory=dict)


def verdict_of(low: float, high: float, threshold: float, direction: str) -> str:
    """`supported` if the whole interval is on the claim's side of the threshold, `refuted` if on the other side.

    Else `undecided`, as with one seed, whose interval is NaN.
    """
    above, below = low > threshold, high < threshold
    supported, refuted = {"above": (above, below), "below": (below, above)}[direction]
    return SUPPORTED if supported else REFUTED if refuted else UNDECIDED


def judge(
    claim: Mapping[str, Any],
    measure: Callable[[Tables, Settings], Measured],
    tables: Tables,
    settings: Settings,
    confidence: float,
) -> dict[str, Any]:
    """The record of one claim, as in claims.json.

    Args:
        claim: `id`, `statement`, `study`, `unit`, `rule`, `direction` and `reads`, as in the catalogue. The unit may
            contain settings, as in "within {small_shift} pixels".
        measure: measures the claim. It gets only the tables and columns that `reads` names.
        tables: by name, such as "architectures-runs".
        settings: of this claim, in the config.
        confidence: of the intervals; added to the settings of `measure`.

    Raises:
        CellsMissingError: a table, a column or a cell is missing, because the plan does not train it.
    """
    chosen = {name: only(tables, name, columns) for name, columns in claim["reads"].items()}
    measured = measure(chosen, {**settings, "confidence": confidence})
    found = measured.decisive
    if not isinstance(found, Decided):
        found = decided_over_seeds(found, claim["direction"], settings["threshold"], confidence)
    return {
        **{key: claim[key] for key in ("id", "statement", "study", "rule")},
        "unit": claim["unit"].format_map(settings),
        "number": found.number,
        "low": None if math.isnan(found.low) else found.low,
        "high": None if math.isnan(found.high) else found.high,
        "threshold": found.threshold,
        "verdict": found.verdict,
        "details": {name: None if pd.isna(value) else float(value) for name, value in measured.details.items()},
    }


def only(tables: Tables, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """These columns of a table; raises CellsMissingError if they are missing, as for cells that are not trained."""
    if name not in tables:
        raise CellsMissingError(name)
    if missing := [column for column in columns if column not in tables[name]]:
        raise CellsMissingError(f"{name} with {', '.join(missing)}")
    return tables[name][list(columns)]


def decided_over_seeds(values: Sequence[float], direction: str, threshold: float, confidence: float) -> Decided:
    """The mean over seeds with t-interval and verdict; raises CellsMissingError if a value is missing or NaN."""
    if not len(values) or pd.isna(values).any():
        raise CellsMissingError("a grid of more than one shift")
    interval = t_interval(values, confidence)
    verdict = verdict_of(interval.low, interval.high, threshold, direction)
    return Decided(interval.mean, interval.low, interval.high, threshold, verdict)


# Shared by the claims of several studies ------------------------------------------------------------------------------


def mean_details(name: str, values: Sequence[float], confidence: float) -> dict[str, float]:
    """The mean of values over seeds, and the ends of its t-interval, as details: `name`, `name_low` and `name_high`."""
    interval = t_interval(values, confidence)
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def cell_runs(runs: pd.DataFrame, model: str, training: str) -> pd.DataFrame:
    """The rows of one cell, indexed by seed; raises CellsMissingError if the study has no such cell."""
    rows = runs[(runs.model == model) & (runs.training == training)]
    if rows.empty:
        raise CellsMissingError(f"{model}/{training}")
    return rows.set_index("seed")
