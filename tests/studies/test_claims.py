"""Every claim is supported, refuted or undecided by the rule that it states, and absent where nothing was measured."""

import dataclasses
import json
import math
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

import judge_claims as judge_script
from invariance.record.artefacts import sha256_of
from invariance.results.claims import CLAIMS, EXACT_CONTROLS, Claim, judge_claims, verdict_above, verdict_below

CONFIG = yaml.safe_load((Path(__file__).resolve().parents[2] / "config.yaml").read_text())
SETTINGS = {claim_id: rule for claim_id, rule in CONFIG["claims"].items() if claim_id != "C3"}  # test_equivariance.py
TRAINED_RANGES = CONFIG["studies"]["augmentation_range"]["cells"]["stride_fc"]["trainings"]
RANGES = [int(name.removeprefix("range_")) for name in TRAINED_RANGES]
RINGS = range(7)
Tables = dict[str, pd.DataFrame]
NAN = float("nan")


# ----------------------------------------------------------------------------------------------------------------------
# Made-up tables


def tables_of(seeds: int = 3) -> Tables:
    """All tables that the claims read, for every cell of config.yaml; each run differs a little from the next."""
    random = np.random.default_rng(1)
    tables = {}
    for study, settings in CONFIG["studies"].items():
        runs, rings = [], []
        for model, cell in settings["cells"].items():
            for training, seed in product(cell["trainings"], range(seeds)):
                run = {"study": study, "model": model, "training": training, "seed": seed}
                runs.append(run | made_up_measures(random))
                rings += [
                    run | {"ring": r, "shifts": 8 * r or 1, "accuracy": 90.0, "consistency": 100.0 - 2 * r}
                    for r in RINGS
                ]
        tables[f"{study}-runs"] = pd.DataFrame(runs)
        if study == "class_transfer":
            tables[f"{study}-class-runs"] = pd.DataFrame(by_class(runs, random))
        tables[f"{study}-ring-runs"] = pd.DataFrame(rings)
    tables["two_positions-runs"]["chance"] = 50.0
    tables["two_positions-runs"]["accuracy"] = 75.0 + 20 * random.random(len(tables["two_positions-runs"]))
    tables["two_positions-runs"]["float64_drift"] = random.random(len(tables["two_positions-runs"]))
    shares = [
        {
            "measure": measure,
            "seed": seed,
            "architecture": 30.0 + seed,
            "augmentation": 60.0 - seed,
            "interaction": 10.0,
        }
        for measure, seed in product(("mean_error", "mean_consistency"), range(seeds))
    ]
    tables["split-variance-seeds"] = pd.DataFrame(shares)
    pair = {"model": "simard_cnn", "training": "elastic", "against": "none", "mcnemar_p": 0.004}
    others = [pair | {"model": "mlp", "mcnemar_p": 0.9}, pair | {"against": "affine", "mcnemar_p": 0.8}]
    tables["simard2003-pairs"] = pd.DataFrame([*others, pair])
    return tables


def by_class(runs: list[dict], random: np.random.Generator) -> list[dict]:
    """A row a run and group of classes: 0-4 and 5-9, as the trainings of config.yaml show them."""
    shown = {"centred": ("plain", "plain"), "translated": ("distorted", "distorted")}
    shown |= {"low_translated": ("distorted", "plain"), "high_translated": ("plain", "distorted")}
    errors = {"centred": 60.0, "low_translated": 40.0, "high_translated": 40.0, "translated": 10.0}
    return [
        run
        | {"group": group, "shown": shown[run["training"]][place], "images": 500, "mean_called_other": random.random()}
        | {"mean_error": errors[run["training"]] + random.random()}
        for run in runs
        for place, group in enumerate(("0-4", "5-9"))
    ]


def made_up_measures(random: np.random.Generator) -> dict[str, float]:
    return {
        "test_error": 1.0 + 0.1 * random.random(),
        "clean_error": 1.2 + 0.1 * random.random(),
        "mean_error": 30.0 + random.random(),
        "worst_error": 80.0 + random.random(),
        "mean_consistency": 70.0 + random.random(),
        "worst_consistency": 20.0 + random.random(),
        "radius": 1.0,
        "drift": 3.0 + random.random(),
    }


def put(table: pd.DataFrame, model: str, training: str, measure: str, values: Sequence[float]) -> None:
    """Set a measure of one cell, a value a seed."""
    for seed, value in enumerate(values):
        here = (table.model == model) & (table.training == training) & (table.seed == seed)
        assert here.any()
        table.loc[here, measure] = value


def cell(table: pd.DataFrame, model: str, training: str) -> pd.DataFrame:
    return table[(table.model == model) & (table.training == training)].sort_values("seed")


def judged(tables: Tables, settings: dict = SETTINGS) -> dict[str, Claim]:
    claims, missing = judge_claims(tables, settings, 0.95)
    assert not missing
    return {claim.id: claim for claim in claims}


def plant(claim_id: str, values: Sequence[float]) -> Tables:
    """Tables in which the number of a claim is `values`, one a seed."""
    tables = tables_of(len(values))
    runs, values = tables["architectures-runs"], np.array(values)
    seeds = range(len(values))
    if claim_id in ("C1", "C7"):
        model = {"C1": "stride_fc", "C7": "stn"}[claim_id]
        put(runs, model, "centred", "clean_error", [1.0 + seed for seed in seeds])
        put(runs, model, "centred", "mean_error", [1.0 + seed + values[seed] for seed in seeds])
    elif claim_id == "C2":
        put(tables["simard2003-runs"], "simard_cnn", "elastic", "test_error", [0.5 + seed for seed in seeds])
        put(
            tables["simard2003-runs"], "simard_cnn", "none", "test_error", [0.5 + seed + values[seed] for seed in seeds]
        )
    elif claim_id == "C4":
        put(runs, "stride_fc", "centred", "mean_consistency", [50.0 + seed for seed in seeds])
        put(runs, "stride_gap", "centred", "mean_consistency", [50.0 + seed + values[seed] for seed in seeds])
    elif claim_id == "C6":
        rings = tables["architectures-ring-runs"]
        near = rings.ring.isin([1, 2])
        for share, pool in zip((-1, 0, 4), ("max_pool", "avg_pool", "blur_pool"), strict=True):
            for seed in seeds:
                here = near & (rings.model == f"{pool}_fc") & (rings.seed == seed)
                stride = near & (rings.model == "stride_fc") & (rings.training == "centred") & (rings.seed == seed)
                rings.loc[here, "consistency"] = rings.loc[stride, "consistency"].to_numpy() + share * values[seed]
    elif claim_id == "C8":
        for reach in RANGES:
            radii = 0.5 + np.arange(len(values)) + values * reach
            put(tables["augmentation_range-runs"], "stride_fc", f"range_{reach}", "radius", radii)
    elif claim_id == "C9":
        classes = tables["class_transfer-class-runs"]
        centred, gain = 60.0 + np.arange(len(values)), 20.0 + np.arange(len(values))
        for group, training, aside in (("0-4", "high_translated", -3), ("5-9", "low_translated", 3)):
            of_group = classes[classes.group == group].copy()
            put(of_group, "stride_fc", "centred", "mean_error", centred)
            put(of_group, "stride_fc", "translated", "mean_error", centred - gain)
            put(of_group, "stride_fc", training, "mean_error", centred - gain * (values + aside) / 100)
            classes.loc[of_group.index] = of_group
    elif claim_id == "C10":
        circular = 50.0 + np.arange(len(values))
        put(tables["two_positions-runs"], "stride_gap_circular", "placed", "accuracy", circular)
        put(tables["two_positions-runs"], "stride_gap", "placed", "accuracy", circular + values)
    elif claim_id == "C11":
        shares = tables["split-variance-seeds"]
        of_error = shares.measure == "mean_error"
        shares.loc[of_error, "augmentation"] = shares.loc[of_error, "architecture"] + values
    return tables


STUDIES = {
    **dict.fromkeys(("C1", "C4", "C5", "C6", "C7"), "architectures"),
    "C2": "simard2003",
    "C8": "augmentation_range",
    "C9": "class_transfer",
    "C10": "two_positions",
    "C11": "split",
}
BY_SEEDS = [claim_id for claim_id in SETTINGS if claim_id != "C5"]
BELOW = ("C1", "C7")  # supported by a small number


# ----------------------------------------------------------------------------------------------------------------------
# Rules


def test_every_claim_of_the_config_has_its_function_and_its_place():
    assert set(CLAIMS) == set(CONFIG["claims"])
    assert set(SETTINGS) == set(STUDIES)
    for claim_id, claim in judged(tables_of()).items():
        assert claim.id == claim_id
        assert claim.study == STUDIES[claim_id]
        assert claim.threshold == SETTINGS[claim_id].get("threshold", SETTINGS[claim_id].get("min_consistency"))
        assert claim.statement.endswith(".")
        assert "supported if" in claim.rule


@pytest.mark.parametrize("claim_id", BY_SEEDS)
@pytest.mark.parametrize("side", ["above", "below", "across"])
def test_verdict_is_by_the_side_of_the_threshold_that_the_interval_is_on(claim_id, side):
    threshold = SETTINGS[claim_id]["threshold"]
    offsets = {"above": [0.5, 0.52, 0.54], "below": [-0.5, -0.54, -0.52], "across": [0.5, -0.1, 0.2]}[side]
    values = [threshold + offset for offset in offsets]
    claim = judged(plant(claim_id, values))[claim_id]
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
    verdicts = []
    for confidence in (0.99, 0.5):
        claims, _ = judge_claims(tables, {claim_id: SETTINGS[claim_id]}, confidence)
        verdicts.append(claims[0].verdict)
    assert verdicts == ["undecided", "refuted" if claim_id in BELOW else "supported"]


@pytest.mark.parametrize("claim_id", BY_SEEDS)
def test_one_seed_decides_nothing(claim_id):
    claim = judged(plant(claim_id, [SETTINGS[claim_id]["threshold"] + 50]))[claim_id]
    assert (claim.verdict, claim.low, claim.high) == ("undecided", None, None)
    assert claim.number == pytest.approx(SETTINGS[claim_id]["threshold"] + 50)


@pytest.mark.parametrize("claim_id", BY_SEEDS)
def test_threshold_is_read_from_the_config(claim_id):
    tables = plant(claim_id, [10.0, 10.1, 10.2])
    verdicts = [judged(tables, {claim_id: SETTINGS[claim_id] | {"threshold": at}})[claim_id].verdict for at in (9, 11)]
    assert sorted(verdicts) == ["refuted", "supported"]
    assert verdicts[0] == ("refuted" if claim_id in BELOW else "supported")


def test_an_interval_that_touches_the_threshold_is_undecided():
    assert verdict_above(2, 1, 3, 1) == verdict_above(0, -1, 1, 1) == "undecided"
    assert verdict_below(2, 1, 3, 1) == verdict_below(0, -1, 1, 1) == "undecided"
    assert [verdict_above(2, 1.1, 3, 1), verdict_above(0, -1, 0.9, 1)] == ["supported", "refuted"]
    assert [verdict_below(2, 1.1, 3, 1), verdict_below(0, -1, 0.9, 1)] == ["refuted", "supported"]
    assert verdict_above(5, NAN, NAN, 1) == verdict_below(5, NAN, NAN, 1) == "undecided"


def test_differences_are_paired_by_seed_whatever_the_order_of_the_rows():
    for claim_id in ("C1", "C2", "C4", "C6", "C7", "C8", "C9", "C10", "C11"):
        tables = plant(claim_id, [1.0, 2.0, 4.0])
        shuffled = {name: table.sample(frac=1, random_state=5) for name, table in tables.items()}
        first, second = judged(tables)[claim_id], judged(shuffled)[claim_id]
        assert (first.number, first.low, first.high) == pytest.approx((second.number, second.low, second.high))
        assert first.low == pytest.approx(stats.t.interval(0.95, 2, 7 / 3, stats.sem([1, 2, 4]))[0])


# ----------------------------------------------------------------------------------------------------------------------
# C5, the exact controls


def exact(seeds: int = 3) -> Tables:
    """Tables in which every exact control is exact and good."""
    tables = tables_of(seeds)
    for name in EXACT_CONTROLS:
        for measure, value in {"worst_consistency": 100.0, "drift": 1e-6, "test_error": 1.5}.items():
            put(tables["architectures-runs"], name, "centred", measure, [value] * seeds)
    return tables


def verdict_of_c5(tables: Tables) -> str:
    return judged(tables)["C5"].verdict


@pytest.mark.parametrize("seeds", [1, 3])
def test_exact_and_good_controls_support(seeds):
    claim = judged(exact(seeds))["C5"]
    assert (claim.verdict, claim.number, claim.low, claim.high) == ("supported", 100, 100, 100)
    assert claim.details["runs"] == 2 * seeds


@pytest.mark.parametrize("name", EXACT_CONTROLS)
@pytest.mark.parametrize(("measure", "value"), [("worst_consistency", 99.9), ("drift", 2e-4), ("drift", NAN)])
def test_one_seed_of_one_control_refutes(name, measure, value):
    """Consistency without a small drift does not count; nor does that of a network that has become a constant."""
    tables = exact()
    put(tables["architectures-runs"], name, "centred", measure, [100.0 if measure[0] == "w" else 0.0, value])
    claim = judged(tables)["C5"]
    assert claim.verdict == "refuted"
    if measure == "worst_consistency":
        assert (claim.number, claim.low, claim.high) == (99.9, 99.9, 100)


def test_limits_themselves_still_count_as_exact_and_good():
    tables = exact()
    put(tables["architectures-runs"], "phase_averaged", "centred", "drift", [1e-4])
    put(tables["architectures-runs"], "phase_averaged", "centred", "test_error", [2.0] * 3)
    assert verdict_of_c5(tables) == "supported"


@pytest.mark.parametrize("name", EXACT_CONTROLS)
def test_exact_but_poor_controls_are_undecided(name):
    tables = exact()
    put(tables["architectures-runs"], name, "centred", "test_error", [1.9, 2.2, 2.2])
    claim = judged(tables)["C5"]
    assert claim.verdict == "undecided"
    assert claim.details["max_error"] == pytest.approx(2.1)


def test_other_models_have_no_say_in_c5():
    tables = exact()
    put(tables["architectures-runs"], "stride_gap_circular", "centred", "worst_consistency", [3.0] * 3)
    assert verdict_of_c5(tables) == "supported"


# ----------------------------------------------------------------------------------------------------------------------
# Which numbers


def test_c6_weights_rings_by_their_shifts_within_its_reach():
    """Rings 1 and 2 have 8 and 16 shifts; ring 0 is consistent by definition, and rings beyond the reach are far."""
    tables = tables_of(2)
    rings = tables["architectures-ring-runs"]
    rings["consistency"] = 0.0
    rings.loc[rings.ring == 0, "consistency"] = 100.0
    for model, (one, two) in {"stride_fc": (60, 30), "max_pool_fc": (90, 60), "avg_pool_fc": (90, 90)}.items():
        here = (rings.model == model) & (rings.training == "centred")
        rings.loc[here & (rings.ring == 1), "consistency"] = one
        rings.loc[here & (rings.ring == 2), "consistency"] = two
    details = judged(tables)["C6"].details
    assert details["stride_consistency"] == pytest.approx((8 * 60 + 16 * 30) / 24)
    assert details["max_pool_consistency"] == pytest.approx((8 * 90 + 16 * 60) / 24)
    assert details["avg_pool_consistency"] == pytest.approx(90)
    assert details["blur_pool_consistency"] == 0
    assert details["pooled_consistency"] == pytest.approx((70 + 90 + 0) / 3)
    near = judged(tables, {"C6": SETTINGS["C6"] | {"small_shift": 1}})["C6"]
    assert near.number == pytest.approx((90 + 90 + 0) / 3 - 60)
    assert "within 1 pixels" in near.unit


def test_c8_is_a_slope_by_seed_over_the_ranges_that_were_trained():
    tables = tables_of(2)
    runs = tables["augmentation_range-runs"]
    for reach in RANGES:
        put(runs, "stride_fc", f"range_{reach}", "radius", [min(reach, 3), reach])
        put(runs, "stride_fc", f"range_{reach}", "mean_error", [50.0 - reach, 60.0 - reach])
        put(runs, "stride_fc", f"range_{reach}", "drift", [1.0 + reach, 3.0 + reach])
    claim = judged(tables)["C8"]
    saturating = np.polyfit(RANGES, [min(reach, 3) for reach in RANGES], 1)[0]
    assert claim.number == pytest.approx((saturating + 1) / 2)
    smallest, largest = min(RANGES), max(RANGES)
    assert claim.details == {
        "smallest_range": smallest,
        "largest_range": largest,
        "smallest_range_radius": (min(smallest, 3) + smallest) / 2,
        "largest_range_radius": (min(largest, 3) + largest) / 2,
        "smallest_range_shifted_error": 55 - smallest,
        "largest_range_shifted_error": 55 - largest,
        "smallest_range_drift": 2 + smallest,
        "largest_range_drift": 2 + largest,
    }
    some = {"augmentation_range-runs": runs[runs.training.isin(["range_0", "range_2"])]}
    [claim], _ = judge_claims(some, {"C8": SETTINGS["C8"]}, 0.95)
    assert claim.number == pytest.approx(1)
    assert (claim.details["smallest_range"], claim.details["largest_range"]) == (0, 2)


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


def test_c9_is_the_mean_of_both_directions_and_compares_the_classes_that_were_not_translated():
    tables = tables_of(1)
    classes = tables["class_transfer-class-runs"].set_index(["training", "group"])
    classes.loc[("centred", "0-4"), "mean_error"], classes.loc[("centred", "5-9"), "mean_error"] = 50, 80
    classes.loc[("translated", "0-4"), "mean_error"], classes.loc[("translated", "5-9"), "mean_error"] = 10, 30
    classes.loc[("low_translated", "0-4"), "mean_error"], classes.loc[("low_translated", "5-9"), "mean_error"] = 7, 70
    classes.loc[("high_translated", "0-4"), "mean_error"], classes.loc[("high_translated", "5-9"), "mean_error"] = 60, 8
    claim = judged(tables | {"class_transfer-class-runs": classes.reset_index()})["C9"]
    assert claim.details["low_translated_carried"] == pytest.approx(100 * (80 - 70) / (80 - 30))
    assert claim.details["high_translated_carried"] == pytest.approx(100 * (50 - 60) / (50 - 10))
    assert claim.number == pytest.approx((20 - 25) / 2)
    for name, error in {"seen": 7, "unseen": 70, "centred": 80, "translated": 30}.items():
        assert claim.details[f"low_translated_{name}_error"] == error
    assert claim.details["high_translated_seen_error"] == 8


def test_c9_is_about_all_classes_that_were_not_translated_whatever_other_groups_there_are():
    """A further training with classes of its own makes further groups, some of them within those of the claim."""
    tables = plant("C9", [70.0, 71.0])
    classes = tables["class_transfer-class-runs"]
    part = classes[classes.group == "5-9"].assign(group="5-6", images=100, mean_error=99.0)
    mixed = classes[classes.group == "5-9"].assign(group="0-6", images=700, shown="partly", mean_error=99.0)
    more = judged(tables | {"class_transfer-class-runs": pd.concat([part, mixed, classes])})["C9"]
    assert (more.number, more.details) == (judged(tables)["C9"].number, judged(tables)["C9"].details)


def test_c9_has_no_number_where_translating_a_class_gains_nothing():
    tables = plant("C9", [70.0, 71.0])
    classes = tables["class_transfer-class-runs"]
    put(classes, "stride_fc", "translated", "mean_error", [99.0])
    assert set(reasons(tables)) == {"C9"}


def test_c10_and_c11_print_every_seed_and_share():
    tables = tables_of()
    details = {claim_id: claim.details for claim_id, claim in judged(tables).items()}
    runs = tables["two_positions-runs"]
    assert details["C10"]["chance"] == 50
    for padding, model in {"zeros": "stride_gap", "circular": "stride_gap_circular"}.items():
        told = cell(runs, model, "placed").accuracy
        of_padding = {name: details["C10"][f"{padding}_{name}accuracy"] for name in ("", "min_", "max_")}
        assert of_padding == pytest.approx({"": told.sum() / 3, "min_": min(told), "max_": max(told)})
        assert details["C10"][f"{padding}_drift"] == max(cell(runs, model, "placed").drift)
        assert details["C10"][f"{padding}_float64_drift"] == max(cell(runs, model, "placed").float64_drift)
    assert details["C11"]["augmentation"] == pytest.approx(59)
    low, high = stats.t.interval(0.95, 2, 31, stats.sem([30, 31, 32]))
    of_consistency = [details["C11"][f"architecture_of_consistency{end}"] for end in ("", "_low", "_high")]
    assert of_consistency == pytest.approx([31, low, high])
    split = tables["split-runs"]
    for model, settings in CONFIG["studies"]["split"]["cells"].items():
        for training in settings["trainings"]:
            error = details["C11"][f"{model}_{training}_error"]
            assert error == pytest.approx(cell(split, model, training).mean_error.sum() / 3)


# ----------------------------------------------------------------------------------------------------------------------
# What is not measured


def reasons(tables: Tables) -> dict[str, str]:
    claims, missing = judge_claims(tables, SETTINGS, 0.95)
    assert {claim.id for claim in claims} | set(missing) == set(SETTINGS)
    assert not {claim.id for claim in claims} & set(missing)
    return missing


@pytest.mark.parametrize("study", sorted(set(STUDIES.values())))
def test_without_a_study_its_claims_are_absent(study):
    tables = {name: table for name, table in tables_of().items() if not name.startswith(study)}
    missing = reasons(tables)
    assert set(missing) == {claim_id for claim_id, of in STUDIES.items() if of == study}
    assert all(reason.startswith(f"not trained: {study}") for reason in missing.values())


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
    ("class_transfer", "stride_fc", "centred", {"C9"}),
    ("class_transfer", "stride_fc", "low_translated", {"C9"}),
    ("class_transfer", "stride_fc", "high_translated", {"C9"}),
    ("class_transfer", "stride_fc", "translated", {"C9"}),
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
    assert all(reason.startswith("not trained: ") and model in reason for reason in missing.values())


def test_one_range_has_no_slope():
    tables = tables_of()
    runs = tables["augmentation_range-runs"]
    assert set(reasons(tables | {"augmentation_range-runs": runs[runs.training == TRAINED_RANGES[-1]]})) == {"C8"}


def test_a_study_without_shifts_leaves_its_claims_absent():
    """With max_shift 0 there are no measures over shifts: NaN can be neither judged nor written as JSON."""
    tables = tables_of()
    for study in ("architectures", "augmentation_range"):
        over_shifts = ["mean_error", "worst_error", "mean_consistency", "worst_consistency", "radius", "drift"]
        tables[f"{study}-runs"][over_shifts] = NAN
        rings = tables[f"{study}-ring-runs"]
        tables[f"{study}-ring-runs"] = rings[rings.ring == 0]
    tables["class_transfer-class-runs"]["mean_error"] = NAN
    tables["split-variance-seeds"] = tables["split-variance-seeds"][:0]
    assert set(reasons(tables)) == {"C1", "C4", "C5", "C6", "C7", "C8", "C9", "C11"}


def test_a_claim_that_the_config_leaves_out_is_neither_judged_nor_missed():
    claims, missing = judge_claims(tables_of(), {"C4": SETTINGS["C4"]}, 0.95)
    assert [claim.id for claim in claims] == ["C4"]
    assert missing == {}


# ----------------------------------------------------------------------------------------------------------------------
# The script


@pytest.mark.parametrize("seeds", [1, 3])
def test_script_writes_claims_with_the_files_they_were_read_from(seeds, monkeypatch, tmp_path, capsys):
    tables = tables_of(seeds)
    del tables["augmentation_range-runs"], tables["augmentation_range-ring-runs"]
    tables["architectures-runs"].loc[tables["architectures-runs"].model == "stn", "drift"] = NAN
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    arguments = ["--tables", *sorted(tmp_path.glob("*.csv")), "--claims", json.dumps(SETTINGS)]
    arguments += ["--confidence", 0.95, "--output", tmp_path / "claims.json"]
    monkeypatch.setattr(sys, "argv", ["judge_claims.py", *map(str, arguments)])
    judge_script.main()

    records = json.loads((tmp_path / "claims.json").read_text())
    assert [record["id"] for record in records] == [claim_id for claim_id in SETTINGS if claim_id != "C8"]
    assert "C8 not measured: not trained: augmentation_range-runs" in capsys.readouterr().err
    fields = {field.name for field in dataclasses.fields(Claim)}
    for record in records:
        assert set(record) == fields | {"read_from"}
        files = {Path(file["path"]).stem: file["sha256"] for file in record["read_from"]}
        assert f"{STUDIES[record['id']]}-runs" in files
        assert all(name.startswith(STUDIES[record["id"]]) for name in files)
        assert all(digest == sha256_of(tmp_path / f"{name}.csv") for name, digest in files.items())
    by_id = {record["id"]: record for record in records}
    assert by_id["C7"]["details"]["drift"] is None
    assert (by_id["C1"]["low"] is None) == (seeds == 1)
    assert math.isfinite(by_id["C1"]["number"])
