"""Architectures: the exact controls of C5, and the pooled rings of C6."""

import pytest

from judging import NAN, SETTINGS, Tables, judged, put, tables_of
from studies.architectures.claims import EXACT_CONTROLS


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
