"""A run compared with a reference: every kind of difference is found."""

import copy
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import verify
from finished import TINY, copy_of_finished_run
from invariance.record.artefacts import InputError, sha256_of, write_json
from invariance.record.reference import (
    DRIFTED,
    MISSING,
    NEW,
    REPRODUCED,
    cell_entries,
    claim_entries,
    compare,
    comparison_lines,
    interval,
    read_reference,
)
from invariance.results.reading import write_table
from invariance.results.statistics import t_interval
from running import snakemake

TEST_IMAGES, SHIFT_IMAGES = 10_000, 4_000
BOTH = 0.95, 0.95  # confidence of the intervals of reference and run
SUMMARY = ["study", "model", "training", "measure", "seeds", "mean", "low", "high", "best", "worst"]
RUNS = ["study", "model", "training", "seed", "test_images", "shift_images"]


def row(study: str, model: str, training: str, measure: str, mean: float, half: float | None) -> list:
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return [study, model, training, measure, 1 if half is None else 3, mean, low, high, mean, mean]


TABLES = {
    "simard2003": [
        row("simard2003", "simard_cnn", "none", "test_error", 1.1, 0.1),
        row("simard2003", "simard_cnn", "none", "clean_error", 1.1, 0.1),
        row("simard2003", "simard_cnn", "elastic", "test_error", 0.5, 0.05),
    ],
    "architectures": [
        row("architectures", "stride_fc", "centred", "test_error", 0.8, None),
        row("architectures", "stride_fc", "centred", "mean_error", 55.0, 2.0),
        row("architectures", "stride_fc", "centred", "mean_consistency", 45.0, 2.0),
    ],
}


def claim(name: str, study: str, number: float, low: float | None, high: float | None, verdict: str, unit: str) -> dict:
    return {
        "id": name,
        "statement": "So it is.",
        "study": study,
        "number": number,
        "low": low,
        "high": high,
        "unit": unit,
        "threshold": 1.0,
        "verdict": verdict,
        "rule": "by the interval",
        "details": {},
    }


CLAIMS = [
    claim("C1", "architectures", 54.0, 52.0, 56.0, "refuted", "percentage points of extra error"),
    claim("C2", "simard2003", 0.6, None, None, "undecided", "percentage points of test error saved"),
    claim("C5", "architectures", 100.0, 100.0, 100.0, "supported", "percent of consistency at the worst shift"),
    claim("C8", "architectures", 0.8, 0.8, 0.8, "supported", "pixels of invariance radius for each pixel"),
]


class Written:
    """The tables, verdicts and config of a run, to be changed before they are written to results/digits."""

    def __init__(self) -> None:
        self.tables, self.claims = copy.deepcopy(TABLES), copy.deepcopy(CLAIMS)
        studies = {study: {} for study in TABLES}
        self.config = {"dataset": "digits", "studies": studies, "measures": {"confidence": 0.95}}

    def at(self, folder: Path) -> Path:
        results = folder / "results" / "digits"
        write_json(results / "config.json", self.config, sort_keys=False)
        write_json(results / "claims.json", self.claims)
        for study, rows in self.tables.items():
            cells = dict.fromkeys(tuple(cell[:3]) for cell in rows)
            runs = [[*cell, seed, TEST_IMAGES, SHIFT_IMAGES] for cell in cells for seed in (0, 1, 2)]
            write_table(results / "tables" / f"{study}.csv", pd.DataFrame(rows, columns=SUMMARY))
            write_table(results / "tables" / f"{study}-runs.csv", pd.DataFrame(runs, columns=RUNS))
        if "simard2003" in self.tables:
            errors = [["simard_cnn", "none", None], ["simard_cnn", "elastic", 0.4]]
            published = pd.DataFrame(errors, columns=["model", "training", "published"])
            write_table(results / "tables" / "simard2003-published.csv", published)
        return results


@pytest.fixture
def reference(tmp_path) -> Path:
    """The reference recorded from the run above."""
    results = Written().at(tmp_path / "reference")
    path = tmp_path / "digits.json"
    text = {
        "dataset": "digits",
        "config_sha256": sha256_of(results / "config.json"),
        "confidence": 0.95,
        "claims": claim_entries(results),
        "cells": cell_entries(results),
        "compute": {},
    }
    write_json(path, text, sort_keys=False)
    return path


def verified(reference: Path, results: Path, capsys) -> tuple[int, str]:
    """Exit status and what was printed."""
    status = 0
    try:
        verify.main(reference=reference, results=results)
    except SystemExit as left:
        status = left.code
    return status, capsys.readouterr().out


def test_a_run_reproduces_itself(reference, tmp_path, capsys):
    status, said = verified(reference, Written().at(tmp_path), capsys)
    assert status == 0
    assert said.endswith("\n9 reproduced, 0 drifted, 0 missing, 0 new\nreproduced\n")
    lines = [line.split() for line in said.splitlines()]
    assert [
        "simard_cnn",
        "elastic",
        "test_error",
        "0.50",
        "[0.45,",
        "0.55]",
        "0.50",
        "[0.45,",
        "0.55]",
        "reproduced",
    ] in lines
    assert [
        "C1",
        "54.00",
        "[52.00,",
        "56.00]",
        "refuted",
        "54.00",
        "[52.00,",
        "56.00]",
        "refuted",
        "reproduced",
    ] in lines
    assert ["architectures"] in lines
    assert "config" not in said


def test_every_row_has_its_columns_below_one_another(reference, tmp_path, capsys):
    _, said = verified(reference, Written().at(tmp_path), capsys)
    rows = [line for line in said.splitlines() if line.endswith(REPRODUCED) and line.startswith("  ")]
    assert len(rows) == 9
    assert len({line.rindex(REPRODUCED) for line in rows}) == 1


def test_the_published_error_stands_in_the_reference(reference):
    cells = {(cell["training"], cell["measure"]): cell for cell in json.loads(reference.read_text())["cells"]}
    assert cells["elastic", "test_error"]["published"] == 0.4
    assert "published" not in cells["none", "test_error"]
    assert ("none", "clean_error") not in cells


def set_cell(study: str, number: int, **values: float | None):
    def change(run: Written) -> None:
        for name, value in values.items():
            run.tables[study][number][SUMMARY.index(name)] = value

    return change


def set_claim(place: int, /, **values: float | str | None):
    return lambda run: run.claims[place].update(values)


def without_study(study: str):
    def change(run: Written) -> None:
        del run.tables[study], run.config["studies"][study]

    return change


DAMAGE = {
    "a percentage of three seeds": (
        set_cell("simard2003", 2, mean=1.2, low=1.1, high=1.3),
        "elastic test_error",
        DRIFTED,
    ),
    "a lower one": (set_cell("simard2003", 0, mean=0.6, low=0.55, high=0.65), "none test_error", DRIFTED),
    "a percentage of one seed": (set_cell("architectures", 0, mean=1.5), "centred test_error", DRIFTED),
    "an error over shifts": (
        set_cell("architectures", 1, mean=62.0, low=60.0, high=64.0),
        "centred mean_error",
        DRIFTED,
    ),
    "a consistency": (
        set_cell("architectures", 2, mean=38.0, low=36.0, high=40.0),
        "centred mean_consistency",
        DRIFTED,
    ),
    "a decisive number": (set_claim(0, number=60.0, low=58.0, high=62.0), "C1", DRIFTED),
    "a decisive number of one seed": (set_claim(1, number=40.0), "C2", DRIFTED),
    "a decisive number in pixels": (set_claim(3, number=0.5, low=0.4, high=0.6), "C8", DRIFTED),
    "a verdict, its number as it was": (set_claim(0, verdict="supported"), "C1", DRIFTED),
    "a verdict, with the least of drifts": (set_claim(2, low=99.98, number=99.98, verdict="refuted"), "C5", DRIFTED),
    "a unit": (set_claim(0, unit="percent of extra error"), "C1", DRIFTED),
    "a cell that is not there": (lambda run: run.tables["simard2003"].pop(0), "none test_error", MISSING),
    "a claim that is not there": (lambda run: run.claims.pop(3), "C8", MISSING),
    "a study that is not there": (without_study("simard2003"), "elastic test_error", MISSING),
}


@pytest.mark.parametrize(("change", "name", "status"), DAMAGE.values(), ids=DAMAGE)
def test_what_differs_is_told(reference, tmp_path, capsys, change, name, status):
    run = Written()
    change(run)
    left, said = verified(reference, run.at(tmp_path), capsys)
    assert left == 1
    assert said.endswith("not reproduced\n")
    told = [line for line in said.splitlines() if line.startswith("  ") and line.endswith((DRIFTED, MISSING, NEW))]
    assert any(f" {name} " in line and line.endswith(status) for line in told), told
    assert len(told) == (2 if status == MISSING and name == "elastic test_error" else 1), told


HARMLESS = {
    "another seed's percentage": set_cell("simard2003", 2, mean=0.58, low=0.5, high=0.66),
    "seeds that happen to agree, within Wilson's interval": set_cell("simard2003", 2, mean=0.6, low=0.59, high=0.61),
    "a percentage of one seed, within Wilson's interval": set_cell("architectures", 0, mean=0.95),
    "an interval that touches": set_cell("architectures", 1, mean=60.0, low=57.0, high=63.0),
    "another seed's decisive number": set_claim(0, number=57.0, low=55.0, high=59.0),
    "a verdict that is decided now": set_claim(1, verdict="supported"),
    "equal radii for every seed, and then others": set_claim(3, number=0.89, low=0.89, high=0.89),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_another_seed_may_change_is_reproduced(reference, tmp_path, capsys, change):
    run = Written()
    change(run)
    status, said = verified(reference, run.at(tmp_path), capsys)
    assert status == 0, said
    assert "9 reproduced, 0 drifted, 0 missing, 0 new" in said


def test_what_only_the_run_has_is_new_and_does_no_harm(reference, tmp_path, capsys):
    run = Written()
    run.tables["simard2003"].append(row("simard2003", "mlp", "none", "test_error", 1.6, 0.1))
    run.claims.append(claim("C7", "architectures", 1.0, None, None, "undecided", "percentage points of extra error"))
    status, said = verified(reference, run.at(tmp_path), capsys)
    assert status == 0
    assert "9 reproduced, 0 drifted, 0 missing, 2 new" in said


def test_another_config_is_said(reference, tmp_path, capsys):
    run = Written()
    run.config["audit"] = {"images": 8}
    status, said = verified(reference, run.at(tmp_path), capsys)
    assert status == 0
    assert "is not that of the reference" in said
    assert "another experiment" in said


BROKEN = {
    "no reference": (lambda reference, results: reference.unlink(), "no reference numbers are committed for digits"),
    "no JSON": (lambda reference, results: reference.write_text("{"), "not a JSON file"),
    "another JSON": (lambda reference, results: reference.write_text("[1]"), "not reference numbers"),
    "of another dataset": (
        lambda reference, results: reference.write_text(reference.read_text().replace('"digits"', '"mnist"')),
        "reference numbers of mnist, and the results are of digits",
    ),
    "no table": (
        lambda reference, results: (results / "tables/simard2003.csv").unlink(),
        "simard2003.csv: no such file",
    ),
    "an altered table": (
        lambda reference, results: (results / "tables/architectures.csv").write_text("a,b\n"),
        "architectures.csv: altered since it was made",
    ),
    "no claims": (lambda reference, results: (results / "claims.json").unlink(), "claims.json: no such file"),
    "no config": (lambda reference, results: (results / "config.json").unlink(), "config.json: no such file"),
}


@pytest.mark.parametrize(("damage", "message"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_one_message(reference, tmp_path, monkeypatch, capsys, damage, message):
    monkeypatch.chdir(tmp_path)
    results = Written().at(tmp_path)
    damage(reference, results)
    with pytest.raises(InputError, match=message):
        verified(reference, results, capsys)
    assert capsys.readouterr().out == ""


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 100), st.integers(1, 10_000), st.none() | st.floats(0, 20), st.floats(0, 100))
def test_the_interval_holds_its_number_and_agreement_is_mutual(mean, images, half, other):
    def cell(value: float) -> dict:
        low, high = (None, None) if half is None else (value - half, value + half)
        names = {"study": "s", "model": "m", "training": "t", "measure": "test_error"}
        return {**names, "seeds": 3, "images": images, "mean": value, "low": low, "high": high}

    low, high = interval(cell(mean), 0.95)
    assert low - 51 / images <= mean <= high + 51 / images  # events are whole images
    there, back = compare([cell(mean)], [cell(other)], BOTH), compare([cell(other)], [cell(mean)], BOTH)
    assert there[0].status == back[0].status
    assert compare([cell(mean)], [cell(mean)], BOTH)[0].status == REPRODUCED


def test_a_run_with_another_confidence_is_compared_by_the_same_one():
    """Of the same three seeds: the reference has their 95% interval, the run their 60% interval."""
    names = {"study": "s", "model": "m", "training": "t", "measure": "test_error", "seeds": 3, "images": 10**9}

    def cell(seeds: list[float], confidence: float) -> dict:
        return names | dict(
            zip(("mean", "low", "high"), dataclasses.astuple(t_interval(seeds, confidence)), strict=True)
        )

    seeds, others = [20.0, 20.5, 21.6], [24.3, 24.8, 25.9]
    assert interval(cell(seeds, 0.6), 0.6) == pytest.approx(interval(cell(seeds, 0.95), 0.95))
    (both,) = compare([cell(seeds, 0.95)], [cell(others, 0.95)], BOTH)
    (one,) = compare([cell(seeds, 0.95)], [cell(others, 0.6)], (0.95, 0.6))
    assert both.status == one.status == REPRODUCED
    assert compare([cell(seeds, 0.95)], [cell(others, 0.6)], BOTH)[0].status == DRIFTED


def test_the_interval_over_seeds_is_wider_than_the_recorded_one():
    """Of the same three seeds, with 98% in place of 95%; no image is left to chance."""
    seeds = [20.0, 20.5, 21.6]
    recorded = dict(zip(("mean", "low", "high"), dataclasses.astuple(t_interval(seeds, 0.95)), strict=True))
    expected = t_interval(seeds, 0.98)
    found = interval({"seeds": 3, "images": 10**9, **recorded}, 0.95)
    assert found == pytest.approx((expected.low, expected.high))


def test_nothing_to_compare_is_no_error():
    assert comparison_lines([])[-1] == "0 reproduced, 0 drifted, 0 missing, 0 new"


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A finished tiny run, with the reference that was recorded of it."""
    folder = copy_of_finished_run(tmp_path_factory, "verified")
    for path in (folder / "paper" / "reference").glob("*.json"):
        path.unlink()
    return folder


@pytest.mark.pipeline
def test_without_a_reference_verify_says_so_before_anything_starts(finished):
    refused = snakemake(finished, "--cores", "1", "verify", "--config", "dataset=mnist", *TINY)
    assert refused.returncode == 1
    assert (
        "error: paper/reference/mnist.json: no such file: no reference numbers are committed for mnist"
        in refused.stderr
    )
    assert "Traceback" not in refused.stderr
    assert not (finished / "results/mnist").exists()


@pytest.mark.pipeline
def test_verify_is_held_to_the_reference_each_time_it_is_asked(finished):
    reference = finished / "paper/reference/digits.json"
    command = [
        "scripts/record_reference.py",
        "--results",
        "results/digits",
        "--logs",
        "logs/digits",
        "--output",
        reference,
    ]
    subprocess.run([sys.executable, *command], cwd=finished, check=True, capture_output=True)
    before = set((finished / "results").rglob("*"))
    said = snakemake(finished, "--cores", "1", "verify", *TINY)
    assert said.returncode == 0, said.stderr
    assert " reproduced, 0 drifted, 0 missing, 0 new\nreproduced\n" in said.stdout

    changed = read_reference(reference, "digits")
    changed["cells"][0]["mean"] = 100 - changed["cells"][0]["mean"]
    reference.write_text(json.dumps(changed))
    drifted = snakemake(finished, "--cores", "1", "verify", *TINY)
    assert drifted.returncode == 1
    assert (drifted.stdout + drifted.stderr).count(", 1 drifted, 0 missing, 0 new\nnot reproduced") == 1
    assert set((finished / "results").rglob("*")) == before
