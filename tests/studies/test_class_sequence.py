"""Classes learned one after the other: which training measures what, what carries over, the table, and claim C9."""

import numpy as np
import pandas as pd
import pytest

from invariance.plan.merging import merge
from invariance.plan.reading import load, resolve
from judging import PLANS, ROOT, judge_all, judged, runs_of, tables_of
from studies.class_sequence import goes_on
from studies.class_sequence.class_sequence import draw
from studies.class_sequence.summary import ERRORS, PARTS, carried, carried_runs, kind
from studies.class_sequence.table import tabular

LOW, HIGH = [0, 1, 2, 3, 4], [5, 6, 7, 8, 9]
MOVED = {"distortion": "shift_6", "copies": 4}
STILL = {"distortion": "none"}
TRAININGS = {
    "low": STILL | {"only": LOW},
    "low_moved": MOVED | {"only": LOW},
    "high": STILL | {"only": HIGH},
    "high_after_low": STILL | {"only": HIGH, "after": "low"},
    "high_after_low_moved": STILL | {"only": HIGH, "after": "low_moved"},
    "high_moved_after_low": MOVED | {"only": HIGH, "after": "low"},
    "head": STILL | {"only": HIGH, "after": "low", "trained_part": "head"},
    "head_after_moved": STILL | {"only": HIGH, "after": "low_moved", "trained_part": "head"},
    "head_moved": MOVED | {"only": HIGH, "after": "low", "trained_part": "head"},
    "both_moved": MOVED | {"only": HIGH, "after": "low_moved"},
}
SHIFTED = {
    "low": [40.0, 42.0],
    "low_moved": [2.0, 3.0],
    "high": [54.0, 56.0],
    "high_after_low": [52.0, 50.0],
    "high_after_low_moved": [47.0, 30.0],
    "high_moved_after_low": [2.0, 10.0],
    "head": [60.0, 60.0],
    "head_after_moved": [20.0, 60.0],
    "head_moved": [10.0, 70.0],
    "both_moved": [1.0, 1.0],
}


def made_up_runs() -> pd.DataFrame:
    errors = {
        name: {"mean_error": values, "clean_error": [value / 10 for value in values]}
        for name, values in SHIFTED.items()
    }
    return runs_of({("net", name): measures for name, measures in errors.items()}, "class_sequence")


@pytest.mark.parametrize(
    ("training", "part", "place"),
    [
        ("low", "all", "after_nothing_error"),
        ("low_moved", "all", None),
        ("high_after_low", "all", "after_plain_error"),
        ("high_after_low_moved", "all", "after_distorted_error"),
        ("high_moved_after_low", "all", "distorted_itself_error"),
        ("head_after_moved", "head", "after_distorted_error"),
        ("both_moved", "all", None),
    ],
)
def test_each_training_measures_one_thing(training, part, place):
    found = kind(training, TRAININGS)
    assert (found["trained_part"], found["place"]) == (part, place)
    assert found["classes"] == ("0+1+2+3+4" if training.startswith("low") else "5+6+7+8+9")


def test_what_carries_over_is_a_part_of_the_gain():
    runs = carried_runs(made_up_runs(), TRAININGS).set_index(["trained_part", "classes", "seed"])
    first = runs.loc[("all", "5+6+7+8+9", 0)]
    assert first[ERRORS].tolist() == [54, 52, 47, 2]
    assert first.carried == pytest.approx(100 * (52 - 47) / (52 - 2))
    assert first.after_distorted_clean_error == pytest.approx(4.7)
    assert runs.loc[("all", "5+6+7+8+9", 1)].carried == pytest.approx(100 * (50 - 30) / (50 - 10))
    assert runs.loc[("head", "5+6+7+8+9", 0)].carried == pytest.approx(100 * (60 - 20) / (60 - 10))
    # Where the classes gain nothing from being translated themselves, there is nothing to share in.
    assert np.isnan(runs.loc[("head", "5+6+7+8+9", 1)].carried)
    # The low classes were only learned first.
    assert "0+1+2+3+4" not in runs.index.get_level_values("classes")


def test_means_over_both_groups_and_seeds():
    runs = carried_runs(made_up_runs(), TRAININGS)
    other = runs[runs.trained_part == "all"].assign(classes="other", carried=30.0)
    whole = runs[(runs.trained_part == "all") & (runs.classes == "5+6+7+8+9")]
    summary = carried(pd.concat([whole, other[:2]]), 0.95)
    row = summary[summary.measure == "carried"].iloc[0]
    assert (row["mean"], row.seeds) == (pytest.approx((20 + 40) / 2), 2)
    assert row.low < 20 < 40 < row.high


def test_every_network_stands_in_the_table_and_in_the_figure():
    runs = carried_runs(made_up_runs(), TRAININGS)
    text = tabular(carried(runs[runs.classes == "5+6+7+8+9"], 0.95))
    lines = [line for line in text.splitlines() if "weights" in line or "head" in line]
    assert [line.split(" & ")[1] for line in lines] == [PARTS["all"], PARTS["head"]]
    assert "55.00 & 51.00 & 38.50 & 3.85 & 6.00" in lines[0]
    figure = draw(runs)
    bars = [bar for axes in figure.axes for bar in axes.patches if bar.get_height() > 0]
    assert len(figure.axes) == 1
    assert {bar.get_height() for bar in bars} >= {51.0, 38.5, 6.0}
    assert {bar.get_hatch() for bar in bars} >= {"", "////"}


def test_a_network_need_not_have_every_part_of_the_others():
    """Global pooling has no layer between its head and its last layer."""
    runs = carried_runs(made_up_runs(), TRAININGS)
    figure = draw(pd.concat([runs, runs[runs.trained_part == "all"].assign(model="another")]))
    hatches = [{bar.get_hatch() for bar in axes.patches if bar.get_height() > 0} for axes in figure.axes]
    assert hatches == [{"", "////"}, {""}]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        f"went on learning: {PARTS[part]}" for part in ("all", "head")
    ]


def test_c9_is_about_all_weights_of_the_network_with_a_fully_connected_head():
    tables = tables_of(2)
    runs = tables["class_sequence-carried-runs"]
    chosen = (runs.model == "stride_fc") & (runs.trained_part == "all")
    runs.loc[chosen, "carried"] = [10.0, 20.0, 30.0, 60.0]  # two seeds of each half
    claim = judged(tables)["C9"]
    assert claim.number == pytest.approx((20 + 40) / 2)
    assert claim.details["stride_gap_all_carried"] == pytest.approx(runs[runs.model == "stride_gap"].carried.mean())


def test_c9_has_no_number_where_translating_classes_gains_nothing():
    tables = tables_of(2)
    tables["class_sequence-carried-runs"].loc[0, "carried"] = np.nan
    assert "translated themselves" in judge_all(tables)[1]["C9"]


def test_without_the_network_c9_is_absent():
    tables = tables_of(2)
    runs = tables["class_sequence-carried-runs"]
    tables["class_sequence-carried-runs"] = runs[runs.model != "stride_fc"]
    assert set(judge_all(tables)[1]) == {"C9"}


def test_a_study_is_of_this_kind_if_a_training_goes_on():
    plan = PLANS["mnist"]
    assert [study for study in plan["studies"] if goes_on(plan, study)] == ["class_sequence"]


@pytest.mark.parametrize(
    "change",
    [
        {"class_sequence": {"max_shift": 0}},
        {"class_sequence": {"cells": {"stride_fc": {"trainings": ["low_centred"]}, "stride_gap": None}}},
        {"two_positions": {"trainings": {"longer": {"distortion": "none", "after": "placed"}}}, "class_sequence": None},
    ],
    ids=["no shifts", "no network goes on", "positions"],
)
def test_a_study_without_shifted_images_after_others_is_of_another_kind(change):
    if "two_positions" in change:
        change["two_positions"]["cells"] = {"stride_gap": {"trainings": ["placed", "longer"]}}
    plan = resolve(merge(load([ROOT / "config.yaml"]), {"studies": change}))["mnist"]
    assert not [study for study in plan["studies"] if goes_on(plan, study)]


def test_of_several_trainings_of_one_kind_the_first_counts():
    again = {"high_moved_again": MOVED | {"only": HIGH, "after": "low"}}
    runs = made_up_runs()
    more = runs[runs.training == "high_moved_after_low"].assign(training="high_moved_again", mean_error=40.0)
    expected = carried_runs(runs, TRAININGS)
    pd.testing.assert_frame_equal(carried_runs(pd.concat([runs, more]), TRAININGS | again), expected)
