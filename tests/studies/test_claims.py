"""Every claim is supported, refuted or undecided by the rule that it states, and absent where nothing was measured."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import judge_claims
from invariance.command_line import function_named
from invariance.record.artefacts import InputError, sha256_of
from invariance.results.verdicts import Decided, Measured, judge, verdict_of
from judging import (
    CLAIMS,
    CONFIG,
    NAN,
    SETTINGS,
    Tables,
    cell,
    judge_all,
    judged,
    judged_alone,
    plant,
    put,
    reasons,
    tables_of,
)

STUDIES = {claim_id: claim["study"] for claim_id, claim in CLAIMS.items()}
BY_SEEDS = [claim_id for claim_id, claim in CLAIMS.items() if claim["direction"]]
BELOW = ("C1", "C7")  # supported by a small number


# ----------------------------------------------------------------------------------------------------------------------
# Rules


def test_every_claim_of_the_config_has_its_function_and_its_place():
    assert set(CLAIMS) == set(CONFIG["claims"])
    for claim_id, claim in judged(tables_of()).items():
        assert claim.id == claim_id
        assert claim.study == STUDIES[claim_id]
        name = {"C3": "max_exact", "C5": "min_consistency"}.get(claim_id, "threshold")
        assert claim.threshold == SETTINGS[claim_id][name]
        assert "{" not in claim.unit
        assert claim.statement.endswith(".")
        assert "supported if" in claim.rule


@pytest.mark.parametrize("claim_id", BY_SEEDS)
@pytest.mark.parametrize("side", ["above", "below", "across"])
def test_verdict_is_by_the_side_of_the_threshold_that_the_interval_is_on(claim_id, side):
    threshold = SETTINGS[claim_id]["threshold"]
    offsets = {"above": [0.5, 0.52, 0.54], "below": [-0.5, -0.54, -0.52], "across": [0.5, -0.1, 0.2]}[side]
    values = [threshold + offset for offset in offsets]
    claim = judged_alone(claim_id, plant(claim_id, values))
    sides = ("above", "below") if claim_id not in BELOW else ("below", "above")
    assert claim.verdict == dict(zip((*sides, "across"), ("supported", "refuted", "undecided"), strict=True))[side]
    assert claim.number == pytest.approx(np.mean(values))
    expected = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert (claim.low, claim.high) == pytest.approx(expected)


@pytest.mark.parametrize("claim_id", BY_SEEDS)
def test_confidence_is_that_of_the_config(claim_id):
    """At 50% the interval that lay across the threshold does not any more."""
    threshold = SETTINGS[claim_id]["threshold"]
    tables = plant(claim_id, [threshold + offset for offset in (0.1, 0.5, 0.9)])
    verdicts = [judged_alone(claim_id, tables, confidence).verdict for confidence in (0.99, 0.5)]
    assert verdicts == ["undecided", "refuted" if claim_id in BELOW else "supported"]


@pytest.mark.parametrize("claim_id", BY_SEEDS)
def test_one_seed_decides_nothing(claim_id):
    claim = judged_alone(claim_id, plant(claim_id, [SETTINGS[claim_id]["threshold"] + 50]))
    assert (claim.verdict, claim.low, claim.high) == ("undecided", None, None)
    assert claim.number == pytest.approx(SETTINGS[claim_id]["threshold"] + 50)


@pytest.mark.parametrize("claim_id", BY_SEEDS)
def test_threshold_is_read_from_the_config(claim_id):
    tables = plant(claim_id, [10.0, 10.1, 10.2])
    verdicts = [judged(tables, {claim_id: SETTINGS[claim_id] | {"threshold": at}})[claim_id].verdict for at in (9, 11)]
    assert sorted(verdicts) == ["refuted", "supported"]
    assert verdicts[0] == ("refuted" if claim_id in BELOW else "supported")


def test_an_interval_that_touches_the_threshold_is_undecided():
    for direction in ("above", "below"):
        assert {verdict_of(low, high, 1, direction) for low, high in [(1, 3), (-1, 1), (NAN, NAN)]} == {"undecided"}
    assert [verdict_of(1.1, 3, 1, "above"), verdict_of(-1, 0.9, 1, "above")] == ["supported", "refuted"]
    assert [verdict_of(1.1, 3, 1, "below"), verdict_of(-1, 0.9, 1, "below")] == ["refuted", "supported"]


def test_differences_are_paired_by_seed_whatever_the_order_of_the_rows():
    for claim_id in BY_SEEDS:
        tables = plant(claim_id, [1.0, 2.0, 4.0])
        shuffled = {name: table.sample(frac=1, random_state=5) for name, table in tables.items()}
        first, second = judged_alone(claim_id, tables), judged_alone(claim_id, shuffled)
        assert (first.number, first.low, first.high) == pytest.approx((second.number, second.low, second.high))
        assert first.low == pytest.approx(stats.t.interval(0.95, 2, 7 / 3, stats.sem([1, 2, 4]))[0])


# ----------------------------------------------------------------------------------------------------------------------
# Which numbers


def test_details_are_the_means_over_seeds_of_the_right_cells():
    tables = tables_of()
    runs, simard = tables["architectures-runs"], tables["simard2003-runs"]

    def mean(model: str, training: str, measure: str, table: pd.DataFrame = runs) -> float:
        return pytest.approx(sum(cell(table, model, training)[measure]) / 3)

    details = {claim_id: claim.details for claim_id, claim in judged(tables).items()}
    assert details["C1"] == {
        "clean_error": mean("stride_fc", "centred", "clean_error"),
        "shifted_error": mean("stride_fc", "centred", "mean_error"),
        "worst_error": mean("stride_fc", "centred", "worst_error"),
        "consistency": mean("stride_fc", "centred", "mean_consistency"),
        "drift": max(cell(runs, "stride_fc", "centred").drift),
    }
    assert details["C2"] == {
        "none_error": mean("simard_cnn", "none", "test_error", simard),
        "elastic_error": mean("simard_cnn", "elastic", "test_error", simard),
        "mcnemar_p": 0.004,
    }
    for head, model in {"fc": "stride_fc", "gap": "stride_gap"}.items():
        assert details["C4"][f"{head}_consistency"] == mean(model, "centred", "mean_consistency")
        assert details["C4"][f"{head}_error"] == mean(model, "centred", "test_error")
        assert details["C4"][f"{head}_shifted_error"] == mean(model, "centred", "mean_error")
        assert details["C4"][f"{head}_drift"] == max(cell(runs, model, "centred").drift)
    assert details["C5"]["phase_averaged_error"] == mean("phase_averaged", "centred", "test_error")
    assert details["C5"]["polyphase_error"] == mean("polyphase_gap_circular", "centred", "test_error")
    for kind in ("stride", "max_pool", "avg_pool", "blur_pool"):
        assert details["C6"][f"{kind}_radius"] == mean(f"{kind}_fc", "centred", "radius")
        assert details["C6"][f"{kind}_shifted_error"] == mean(f"{kind}_fc", "centred", "mean_error")
    assert details["C7"]["clean_error"] == mean("stn", "centred", "clean_error")
    assert details["C7"]["shifted_error"] == mean("stn", "centred", "mean_error")
    assert details["C7"]["translated_clean_error"] == mean("stn", "translated", "clean_error")
    assert details["C7"]["translated_shifted_error"] == mean("stn", "translated", "mean_error")
    assert details["C7"]["plain_shifted_error"] == mean("simard_cnn", "centred", "mean_error")
    assert details["C7"]["plain_translated_shifted_error"] == mean("simard_cnn", "translated", "mean_error")


def test_what_a_transformer_gains_is_paired_by_seed():
    tables = tables_of()
    runs = tables["architectures-runs"]
    put(runs, "simard_cnn", "translated", "mean_error", [3.0, 9.0, 5.0])
    put(runs, "stn", "translated", "mean_error", [2.0, 6.0, 4.5])
    details = judged({**tables, "architectures-runs": runs.sample(frac=1, random_state=5)})["C7"].details
    paired = stats.ttest_rel([3.0, 9.0, 5.0], [2.0, 6.0, 4.5]).confidence_interval(0.95)
    found = [details[f"translated_gain{end}"] for end in ("", "_low", "_high")]
    assert found == pytest.approx([1.5, paired.low, paired.high])


# ----------------------------------------------------------------------------------------------------------------------
# What a claim reads

READ = [
    (claim_id, table, column)
    for claim_id, claim in CLAIMS.items()
    for table, columns in claim["reads"].items()
    for column in columns
]


def declared(claim_id: str) -> Tables:
    """The tables and columns that a claim says it reads."""
    tables = tables_of()
    return {name: tables[name][list(columns)] for name, columns in CLAIMS[claim_id]["reads"].items()}


def measured(claim_id: str, tables: Tables) -> Measured:
    return function_named(CLAIMS[claim_id]["function"])(tables, SETTINGS[claim_id] | {"confidence": 0.95})


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_a_claim_needs_no_more_than_it_declares(claim_id):
    some, everything = measured(claim_id, declared(claim_id)), measured(claim_id, tables_of())
    assert some.details == pytest.approx(everything.details, nan_ok=True)
    if isinstance(some.decisive, Decided):
        assert some.decisive == everything.decisive
    else:
        assert list(some.decisive) == list(everything.decisive)


@pytest.mark.parametrize(("claim_id", "table", "column"), READ)
def test_a_claim_needs_every_column_that_it_declares(claim_id, table, column):
    tables = declared(claim_id)
    with pytest.raises((KeyError, AttributeError), match=column):
        measured(claim_id, tables | {table: tables[table].drop(columns=column)})


def test_a_claim_is_given_only_the_columns_that_it_declares():
    claim = {"id": "C4", **CLAIMS["C4"], "reads": {"architectures-runs": ["model", "test_error"]}}
    seen = {}

    def measure(tables, settings):
        seen.update({name: list(table) for name, table in tables.items()}, **settings)
        return Measured([1.0, 2.0])

    judge(claim, measure, tables_of(), {"threshold": 3}, 0.9)
    assert seen == {"architectures-runs": ["model", "test_error"], "threshold": 3, "confidence": 0.9}


def test_a_column_that_was_not_measured_leaves_its_claim_absent():
    """A study without positions has no such column."""
    tables = tables_of()
    tables["two_positions-runs"] = tables["two_positions-runs"].drop(columns=["chance", "float64_drift"])
    assert reasons(tables) == {"C10": "two_positions-runs with chance, float64_drift"}


# ----------------------------------------------------------------------------------------------------------------------
# What is not measured


@pytest.mark.parametrize("study", sorted(set(STUDIES.values())))
def test_without_a_study_its_claims_are_absent(study):
    tables = {name: table for name, table in tables_of().items() if not name.startswith(study)}
    missing = reasons(tables)
    assert set(missing) == {claim_id for claim_id, of in STUDIES.items() if of == study}
    assert all(reason.startswith(study) for reason in missing.values())


NEEDED = [
    ("architectures", "stride_fc", "centred", {"C1", "C4", "C6"}),
    ("architectures", "stride_gap", "centred", {"C4"}),
    ("architectures", "phase_averaged", "centred", {"C5"}),
    ("architectures", "polyphase_gap_circular", "centred", {"C5"}),
    ("architectures", "blur_pool_fc", "centred", {"C6"}),
    ("architectures", "stn", "centred", {"C7"}),
    ("architectures", "stn", "translated", {"C7"}),
    ("architectures", "simard_cnn", "translated", {"C7"}),
    ("architectures", "mlp", "centred", set()),
    ("simard2003", "simard_cnn", "none", {"C2"}),
    ("simard2003", "simard_cnn", "elastic", {"C2"}),
    ("simard2003", "mlp", "elastic", set()),
    ("class_transfer", "stride_fc", "centred", {"C9b"}),
    ("class_transfer", "stride_fc", "low_translated", {"C9b"}),
    ("class_transfer", "stride_fc", "high_translated", {"C9b"}),
    ("class_transfer", "stride_fc", "translated", {"C9b"}),
    ("two_positions", "stride_gap", "placed", {"C10"}),
    ("two_positions", "stride_gap_circular", "placed", {"C10"}),
]


@pytest.mark.parametrize(("study", "model", "training", "absent"), NEEDED)
def test_without_a_cell_its_claims_are_absent(study, model, training, absent):
    tables = {
        name: table[~((table.model == model) & (table.training == training))] if name.startswith(study) else table
        for name, table in tables_of().items()
    }
    missing = reasons(tables)
    assert set(missing) == absent
    assert all(model in reason for reason in missing.values())


def test_a_study_without_shifts_leaves_its_claims_absent():
    """With max_shift 0 there are no measures over shifts: NaN can be neither judged nor written as JSON."""
    tables = tables_of()
    for study in ("architectures", "augmentation_range"):
        over_shifts = ["mean_error", "worst_error", "mean_consistency", "worst_consistency", "radius", "drift"]
        tables[f"{study}-runs"][over_shifts] = NAN
        rings = tables[f"{study}-ring-runs"]
        tables[f"{study}-ring-runs"] = rings[rings.ring == 0]
    tables["class_transfer-class-runs"]["mean_error"] = NAN
    tables["class_sequence-carried-runs"]["carried"] = NAN
    tables["split-variance-seeds"] = tables["split-variance-seeds"][:0]
    assert set(reasons(tables)) == {"C1", "C4", "C5", "C6", "C7", "C8", "C9", "C9b", "C11"}


def test_a_claim_that_the_config_leaves_out_is_neither_judged_nor_missed():
    claims, missing = judge_all(tables_of(), {"C4": SETTINGS["C4"]})
    assert list(claims) == ["C4"]
    assert missing == {}


# ----------------------------------------------------------------------------------------------------------------------
# The script


@pytest.mark.parametrize("seeds", [1, 3])
def test_script_writes_claims_with_the_files_and_columns_they_were_read_from(seeds, tmp_path, capsys):
    tables = tables_of(seeds)
    del tables["augmentation_range-runs"], tables["augmentation_range-ring-runs"]
    tables["architectures-runs"].loc[tables["architectures-runs"].model == "stn", "drift"] = NAN
    paths = {name: str(tmp_path / f"{name}.csv") for name in tables}
    for name, table in tables.items():
        table.to_csv(paths[name], index=False)
    claims = {claim_id: claim | {"settings": SETTINGS[claim_id]} for claim_id, claim in reversed(CLAIMS.items())}
    judge_claims.main(claims=claims, tables=paths, confidence=0.95, output=tmp_path / "claims.json")

    records = json.loads((tmp_path / "claims.json").read_text())
    assert [record["id"] for record in records] == [claim_id for claim_id in claims if claim_id != "C8"]
    assert "C8 not measured for lack of augmentation_range-runs" in capsys.readouterr().err
    keys = {"id", "statement", "study", "number", "low", "high", "unit", "rule", "threshold", "verdict", "details"}
    for record in records:
        assert set(record) == keys | {"read_from"}
        read = {Path(file["path"]).stem: file for file in record["read_from"]}
        declared = {name: list(columns) for name, columns in CLAIMS[record["id"]]["reads"].items()}
        assert {name: file["columns"] for name, file in read.items()} == declared
        assert all(file["sha256"] == sha256_of(paths[name]) for name, file in read.items())
    by_id = {record["id"]: record for record in records}
    assert by_id["C7"]["details"]["drift"] is None
    assert (by_id["C1"]["low"] is None) == (seeds == 1)
    assert math.isfinite(by_id["C1"]["number"])


def test_script_refuses_what_is_no_function(tmp_path):
    claims = {"C1": CLAIMS["C1"] | {"function": "studies.architectures.claims:nothing", "settings": SETTINGS["C1"]}}
    with pytest.raises(InputError, match=r"'studies.architectures.claims:nothing' names no function; allowed"):
        judge_claims.main(claims=claims, tables={}, confidence=0.95, output=tmp_path / "claims.json")
    with pytest.raises(InputError, match="'os:getcwd' names no function"):
        function_named("os:getcwd")
    with pytest.raises(InputError, match=r"'studies\.nowhere\.claims:x' names no function"):
        function_named("studies.nowhere.claims:x")
