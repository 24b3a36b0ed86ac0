"""Reference numbers: what a whole run found, committed, and how another run is held to it, by intervals, not bytes.

A run on another processor, or with other versions, differs in the last bits of each step, and so, after thousands of
steps, about as much as a run with other seeds. So a number is reproduced if the intervals of the two runs overlap:

* a percentage of one cell of a study has the hull of two intervals: Student's over seeds (from two seeds on) and
  Wilson's over the images that it was counted on;
* the decisive number of a claim has its own interval over seeds, widened by `SLACK`; from one seed there is none, and
  `ONE_SEED` stands in;
* and no verdict may turn from supported to refuted, or back.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from invariance.record.artefacts import InputError, read_json
from invariance.results.reading import read_table
from invariance.results.statistics import wilson_interval
from invariance.results.verdicts import REFUTED, SUPPORTED

# Which measures of a study are recorded, and the column of its runs with the number of images behind each.
MEASURES = {
    "test_error": "test_images",
    "mean_error": "shift_images",
    "mean_consistency": "shift_images",
    "accuracy": "test_images",
}
# By the first word of a claim's unit: how far two numbers may always be apart, and how far if each is of one seed.
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
    """The recorded measures of every cell of a run's studies, in percent; with the published error where there is one.

    Raises:
        InputError: a table of a study is missing, altered or no table.
    """
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
    """The errors of Simard's table, percent, by the name of the entry that they stand beside."""
    path = results / "tables" / "simard2003-published.csv"
    if "simard2003" not in read_json(results / "config.json")["studies"]:
        return {}
    return {
        ("simard2003", row.model, row.training, "test_error"): row.published
        for row in read_table(path).itertuples()
        if not math.isnan(row.published)
    }


def entry_name(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What an entry is known by: a claim by its id, a measure of a cell by study, model, training and measure."""
    return (entry["id"],) if "id" in entry else tuple(entry[key] for key in CELL_KEYS[:4])


def read_reference(path: Path, dataset: str) -> dict[str, Any]:
    """A committed reference.

    Raises:
        InputError: there is none, or it cannot be read, or is of another dataset.
    """
    if not path.exists():
        raise InputError(
            f"{path}: no such file: no reference numbers are committed for {dataset}; after a whole run, "
            f"scripts/record_reference.py writes them"
        )
    reference = read_json(path)
    needed = {"dataset", "config_sha256", "confidence", "claims", "cells", "compute"}
    if not isinstance(reference, dict) or needed - reference.keys():
        raise InputError(f"{path}: not reference numbers; restore the file with git, or record them anew")
    if reference["dataset"] != dataset:
        raise InputError(f"{path}: reference numbers of {reference['dataset']}, and the results are of {dataset}")
    return reference


# The comparison -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """One entry of the comparison, ready to be printed."""

    study: str
    name: str
    reference: str
    found: str
    status: str


def interval(entry: Mapping[str, Any], confidence: float) -> tuple[float, float]:
    """The interval of one entry: where the number of another run may be."""
    return claim_interval(entry) if "id" in entry else cell_interval(entry, confidence)


def claim_interval(claim: Mapping[str, Any]) -> tuple[float, float]:
    """That of a claim's number, in its unit."""
    kind = claim["unit"].split()[0]
    if claim["low"] is None:
        return claim["number"] - ONE_SEED[kind], claim["number"] + ONE_SEED[kind]
    return claim["low"] - SLACK[kind], claim["high"] + SLACK[kind]


def cell_interval(cell: Mapping[str, Any], confidence: float) -> tuple[float, float]:
    """That of a percentage: the hull of Student's interval over seeds and Wilson's over images."""
    events = min(max(round(cell["mean"] / 100 * cell["images"]), 0), cell["images"])
    low, high = (100 * end for end in wilson_interval(events, cell["images"], confidence))
    if cell["low"] is None:
        return low, high
    return min(low, cell["low"]), max(high, cell["high"])


def compare(
    expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]], confidence: float
) -> list[Outcome]:
    """Every entry of the reference, then those that only the run has, in the order of the reference."""
    run = {entry_name(entry): entry for entry in found}
    known = {entry_name(entry) for entry in expected}
    outcomes = [outcome(entry, run.get(entry_name(entry)), confidence) for entry in expected]
    return outcomes + [outcome(None, entry, confidence) for name, entry in run.items() if name not in known]


def outcome(expected: Mapping[str, Any] | None, found: Mapping[str, Any] | None, confidence: float) -> Outcome:
    """One entry of the reference held to the run's, either of which may not be there."""
    entry = expected or found
    name = " ".join(entry_name(entry)[1:]) or entry["id"]
    status = NEW if expected is None else MISSING if found is None else status_of(expected, found, confidence)
    return Outcome(entry["study"], name, shown(expected), shown(found), status)


def status_of(expected: Mapping[str, Any], found: Mapping[str, Any], confidence: float) -> str:
    """Whether the run's entry reproduces the reference's."""
    if {expected.get("verdict"), found.get("verdict")} == {SUPPORTED, REFUTED}:
        return DRIFTED
    if expected.get("unit") != found.get("unit"):
        return DRIFTED
    (low, high), (run_low, run_high) = interval(expected, confidence), interval(found, confidence)
    return REPRODUCED if low <= run_high and run_low <= high else DRIFTED


def shown(entry: Mapping[str, Any] | None) -> str:
    """Number with interval, and a claim's verdict."""
    if entry is None:
        return "-"
    number = entry["number"] if "id" in entry else entry["mean"]
    return with_interval(number, entry["low"], entry["high"]) + (f" {entry['verdict']}" if "id" in entry else "")


def with_interval(number: float, low: float | None, high: float | None) -> str:
    """A number with its interval in brackets, if it has one."""
    return plain(number) if low is None else f"{plain(number)} [{plain(low)}, {plain(high)}]"


def plain(number: float) -> str:
    """A number with two decimals, or as a power of ten where they would all be 0."""
    return f"{number:.2f}" if number == 0 or abs(number) >= 0.005 else f"{number:.0e}"


def comparison_lines(outcomes: Iterable[Outcome]) -> list[str]:
    """A table in plain text, a block a study, and the counts."""
    outcomes = list(outcomes)
    rows = [(found.name, found.reference, found.found, found.status) for found in outcomes]
    widths = [max(map(len, column)) for column in zip(("", "reference", "this run", ""), *rows, strict=True)]
    lines = []
    for study in dict.fromkeys(found.study for found in outcomes):
        lines += ["", study, line(("", "reference", "this run", ""), widths)]
        lines += [line(row, widths) for row, found in zip(rows, outcomes, strict=True) if found.study == study]
    counts = [f"{sum(found.status == status for found in outcomes)} {status}" for status in (REPRODUCED, DRIFTED)]
    counts += [f"{sum(found.status == status for found in outcomes)} {status}" for status in (MISSING, NEW)]
    return [*lines[1:], "", ", ".join(counts)]


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table whose columns have these widths."""
    return "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
