"""Reference numbers: the committed results of a whole run, and the comparison of another run with them by intervals.

A run on another processor, or with other versions, differs in the last bits of each step, and after thousands of steps
about as much as a run with other seeds. So a number is reproduced if the intervals of the two runs overlap:

* the interval of a cell's percentage covers both the t-interval over seeds (from two seeds on) and the Wilson interval
  over the images that it was counted on, with a confidence of `COMPARED`: at 95%, which is recorded, 9% of honest
  re-runs would fail by one of some 240 numbers (scripts/simulate_verify.py);
* the interval of a claim's decisive number is its own over seeds, widened by `SLACK`; with one seed it is `ONE_SEED`;
* no verdict may change from supported to refuted, or back.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from invariance.record.artefacts import InputError, read_json
from invariance.results.reading import read_table
from invariance.results.statistics import t_quantile, wilson_interval
from invariance.results.verdicts import REFUTED, SUPPORTED

# Recorded measures of a study, and the column that holds the number of images of each.
MEASURES = {
    "test_error": "test_images",
    "mean_error": "shift_images",
    "mean_consistency": "shift_images",
    "accuracy": "test_images",
}
COMPARED = 0.98
# By the first word of a claim's unit: the distance always allowed between two numbers, and that with one seed each.
SLACK = {"percentage": 0.1, "percent": 0.1, "pixels": 0.05, "relative": 1e-12}  # rounding in float64
ONE_SEED = {"percentage": 15.0, "percent": 15.0, "pixels": 0.5, "relative": 1e-12}
REPRODUCED, DRIFTED, MISSING, NEW = "reproduced", "drifted", "missing", "new"
CLAIM_KEYS = ("id", "statement", "study", "number", "low", "high", "unit", "threshold", "verdict")
CELL_KEYS = ("study", "model", "training", "measure", "seeds", "images", "mean", "low", "high")


# What a run found -----------------------------------------------------------------------------------------------------


def claim_entries(results: Path) -> list[dict[str, Any]]:
    """The claims of a run, without their details."""
    return [{key: claim[key] for key in CLAIM_KEYS} for claim in read_json(results / "claims.json")]


def cell_entries(results: Path) -> list[dict[str, Any]]:
    """The recorded measures of every cell of a run's studies, in percent, with published errors if there are any."""
    published = published_errors(results)
    return [
        entry | ({"published": published[entry_name(entry)]} if entry_name(entry) in published else {})
        for study in read_json(results / "config.json")["studies"]
        for entry in study_entries(results / "tables", study)
    ]


def study_entries(tables: Path, study: str) -> Iterator[dict[str, Any]]:
    """The recorded measures of every cell of one study."""
    summary, runs = read_table(tables / f"{study}.csv"), read_table(tables / f"{study}-runs.csv")
    images = runs.drop_duplicates(["model", "training"]).set_index(["model", "training"])
    for row in summary.to_dict("records"):
        if row["measure"] in MEASURES:
            counted = images.loc[(row["model"], row["training"]), MEASURES[row["measure"]]]
            entry = {**row, "images": int(counted)}
            yield {key: None if pd.isna(entry[key]) else entry[key] for key in CELL_KEYS}


def published_errors(results: Path) -> dict[tuple[str, ...], float]:
    """The errors of Simard's table, percent, by the name of our entry."""
    path = results / "tables" / "simard2003-published.csv"
    if "simard2003" not in read_json(results / "config.json")["studies"]:
        return {}
    return {
        ("simard2003", row.model, row.training, "test_error"): row.published
        for row in read_table(path).itertuples()
        if not math.isnan(row.published)
    }


def entry_name(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The name of an entry: a claim's id, or study, model, training and measure of a cell."""
    return (entry["id"],) if "id" in entry else tuple(entry[key] for key in CELL_KEYS[:4])


def read_reference(path: Path, dataset: str) -> dict[str, Any]:
    """Read a committed reference; raises InputError if it is missing, unreadable, or of another data set."""
    if not path.exists():
        raise InputError(
            f"{path}: no such file: no reference numbers are committed for {dataset}; after a whole run, "
            f"scripts/record_reference.py writes them"
        )
    reference = read_json(path)
    needed = {"dataset", "config_sha256", "confidence", "claims", "cells", "compute"}
    if not isinstance(reference, dict) or needed - reference.keys():
        raise InputError(f"{path}: not reference numbers; restore the file with git, or record them again")
    if reference["dataset"] != dataset:
        raise InputError(f"{path}: reference numbers of {reference['dataset']}, and the results are of {dataset}")
    return reference


# The comparison -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """One entry of the comparison, ready to print."""

    study: str
    name: str
    reference: str
    found: str
    status: str


def interval(entry: Mapping[str, Any], confidence: float) -> tuple[float, float]:
    """The interval of a claim's number, in its unit, or of a cell's percentage; entries have that of `confidence`."""
    if "id" in entry:
        kind = entry["unit"].split()[0]
        if entry["low"] is None:
            return entry["number"] - ONE_SEED[kind], entry["number"] + ONE_SEED[kind]
        return entry["low"] - SLACK[kind], entry["high"] + SLACK[kind]
    images = entry["images"]
    events = min(max(round(entry["mean"] / 100 * images), 0), images)
    low, high = (100 * end for end in wilson_interval(events, images, COMPARED))
    if entry["low"] is None:
        return low, high
    wider = t_quantile(entry["seeds"], COMPARED) / t_quantile(entry["seeds"], confidence)
    half = wider * (entry["high"] - entry["low"]) / 2
    return min(low, entry["mean"] - half), max(high, entry["mean"] + half)


def compare(
    expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]], confidences: tuple[float, float]
) -> list[Outcome]:
    """Every entry of the reference, in its order, then the entries that only the run has.

    Args: entries of the reference and of the run, and the confidence of the intervals of both.
    """
    run = {entry_name(entry): entry for entry in found}
    known = {entry_name(entry) for entry in expected}
    outcomes = [outcome(entry, run.get(entry_name(entry)), confidences) for entry in expected]
    return outcomes + [outcome(None, entry, confidences) for name, entry in run.items() if name not in known]


def outcome(
    expected: Mapping[str, Any] | None, found: Mapping[str, Any] | None, confidences: tuple[float, float]
) -> Outcome:
    """Compare an entry of the reference with the run's; one of the two may be missing."""
    entry = expected or found
    name = " ".join(entry_name(entry)[1:]) or entry["id"]
    status = NEW if expected is None else MISSING if found is None else status_of(expected, found, confidences)
    return Outcome(entry["study"], name, shown(expected), shown(found), status)


def status_of(expected: Mapping[str, Any], found: Mapping[str, Any], confidences: tuple[float, float]) -> str:
    """Whether the run's entry reproduces the reference's."""
    if {expected.get("verdict"), found.get("verdict")} == {SUPPORTED, REFUTED}:
        return DRIFTED
    if expected.get("unit") != found.get("unit"):
        return DRIFTED
    (low, high), (run_low, run_high) = map(interval, (expected, found), confidences)
    return REPRODUCED if low <= run_high and run_low <= high else DRIFTED


def shown(entry: Mapping[str, Any] | None) -> str:
    """The number with its interval, and a claim's verdict."""
    if entry is None:
        return "-"
    number = entry["number"] if "id" in entry else entry["mean"]
    return with_interval(number, entry["low"], entry["high"]) + (f" {entry['verdict']}" if "id" in entry else "")


def with_interval(number: float, low: float | None, high: float | None) -> str:
    """A number with its interval in brackets, if it has one."""
    return plain(number) if low is None else f"{plain(number)} [{plain(low)}, {plain(high)}]"


def plain(number: float) -> str:
    """A number with two decimals, or as a power of ten if both decimals are 0."""
    return f"{number:.2f}" if number == 0 or abs(number) >= 0.005 else f"{number:.1e}"


def comparison_lines(outcomes: Iterable[Outcome]) -> list[str]:
    """A table in plain text, one block per study, and the counts."""
    outcomes = list(outcomes)
    rows = [(found.name, found.reference, found.found, found.status) for found in outcomes]
    widths = [max(map(len, column)) for column in zip(("", "reference", "this run", ""), *rows, strict=True)]
    lines = []
    for study in dict.fromkeys(found.study for found in outcomes):
        lines += ["", study, line(("", "reference", "this run", ""), widths)]
        lines += [line(row, widths) for row, found in zip(rows, outcomes, strict=True) if found.study == study]
    statuses = [found.status for found in outcomes]
    counts = (f"{statuses.count(status)} {status}" for status in (REPRODUCED, DRIFTED, MISSING, NEW))
    return [*lines[1:], "", ", ".join(counts)]


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table with columns of these widths."""
    return "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
