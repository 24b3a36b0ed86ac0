"""Invariance by class: groups of digits, their measures by plain loops, their tables, and claim C9b."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from invariance.data.images import shift_grid
from invariance.results.reading import read_table, write_table
from judging import judged, plant, put, reasons, tables_of
from studies.class_transfer.summary import (
    MEASURES,
    class_groups,
    class_measures,
    class_runs,
    classes,
    group_name,
    how_shown,
)
from studies.class_transfer.table import tabular

LOW, HIGH = frozenset(range(5)), frozenset(range(5, 10))
DIGITS = frozenset(range(10))
TRAININGS = {
    "centred": {"distortion": "none"},
    "low": {"distortion": "shift_1", "copies": 1, "classes": [4, 0, 1, 2, 3]},
    "translated": {"distortion": "shift_1", "copies": 1},
}
SHIFTS = shift_grid(1)


def made_up_run(seed: int, images: int = 30) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A grid, predictions over it, and labels of more test images than are shifted."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, images + 7).astype(np.uint8)
    predictions = random.integers(0, 10, (len(SHIFTS), images)).astype(np.uint8)
    keep = random.random(predictions.shape) < 0.6
    predictions = np.where(keep, labels[:images], predictions).astype(np.uint8)
    drifts = [0.0 if shift == (0, 0) else random.random() for shift in SHIFTS]
    return pd.DataFrame(SHIFTS, columns=["dx", "dy"]).assign(logit_drift=drifts), predictions, labels


# ----------------------------------------------------------------------------------------------------------------------
# Groups


def test_groups_are_the_classes_of_the_trainings_and_the_others():
    assert class_groups(TRAININGS, DIGITS) == [LOW, HIGH]
    assert class_groups(TRAININGS | {"high": {"classes": [9, 8, 7, 6, 5]}}, DIGITS) == [LOW, HIGH]
    assert class_groups({"odd": {"classes": [3]}}, DIGITS) == [DIGITS - {3}, frozenset({3})]
    assert class_groups({"centred": {}}, DIGITS) == []


def test_groups_of_one_class_stay_text_in_the_table(tmp_path):
    trainings = {"first": {"distortion": "shift_1", "copies": 1, "classes": [0]}}
    grid, predictions, labels = made_up_run(0)
    named = {"study": "class_transfer", "model": "mlp", "training": "first", "seed": 0}
    runs = class_runs(grid.assign(**named), {"class_transfer/mlp/first/0": predictions % 2}, labels % 2, trainings)
    assert runs.group.tolist() == ["0", "1"]
    write_table(tmp_path / "classes.csv", classes(runs, 0.95))
    read = read_table(tmp_path / "classes.csv")
    assert set(read.group) == {"0", "1"}
    text = tabular(read)
    assert (" & 0 & yes & " in text, " & 1 & no & " in text) == (True, True)


@given(st.frozensets(st.integers(0, 9), min_size=1))
def test_a_group_is_named_after_its_digits(group):
    digits = set()
    for part in group_name(group).split("+"):
        first, _, last = part.partition("-")
        digits |= set(range(int(first), int(last or first) + 1))
    assert digits == group


def test_runs_of_digits_are_joined():
    assert [group_name(frozenset(group)) for group in ([0, 1, 2, 3, 4], [7], [9, 2, 0, 3])] == ["0-4", "7", "0+2-3+9"]


@pytest.mark.parametrize(
    ("training", "shown"),
    [
        ("centred", ["plain", "plain", "plain"]),
        ("low", ["distorted", "plain", "partly"]),
        ("translated", ["distorted", "distorted", "distorted"]),
    ],
)
def test_how_a_training_shows_a_group(training, shown):
    groups = [LOW, HIGH, frozenset({4, 5})]
    assert [how_shown(group, TRAININGS[training], DIGITS) for group in groups] == shown


# ----------------------------------------------------------------------------------------------------------------------
# Measures


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.frozensets(st.integers(0, 9), min_size=3, max_size=9))
def test_class_measures_by_loops(seed, group):
    grid, predictions, labels = made_up_run(seed)
    members = [image for image in range(predictions.shape[1]) if labels[image] in group]
    measures = class_measures(grid, predictions, labels, group)
    assert measures["images"] == len(members)
    if not members:
        assert set(measures) == {"images"}
        return
    wrong, same, other = {}, {}, {}
    unshifted = predictions[SHIFTS.index((0, 0))]
    for shift, row in zip(SHIFTS, predictions, strict=True):
        wrong[shift] = 100 * sum(1 for image in members if row[image] != labels[image]) / len(members)
        same[shift] = 100 * sum(1 for image in members if row[image] == unshifted[image]) / len(members)
        other[shift] = 100 * sum(1 for image in members if row[image] not in group) / len(members)
    moved = [shift for shift in SHIFTS if shift != (0, 0)]
    assert measures == pytest.approx(
        {
            "images": len(members),
            "clean_error": wrong[0, 0],
            "mean_error": sum(wrong[shift] for shift in moved) / 8,
            "worst_error": max(wrong[shift] for shift in moved),
            "mean_consistency": sum(same[shift] for shift in moved) / 8,
            "mean_called_other": sum(other[shift] for shift in moved) / 8,
            "drift": max(grid.logit_drift),
        }
    )


def test_the_groups_together_make_the_whole():
    grid, predictions, labels = made_up_run(5)
    parts = [class_measures(grid, predictions, labels, group) for group in (LOW, HIGH)]
    moved = [row for row, shift in enumerate(SHIFTS) if shift != (0, 0)]
    whole = 100 * (predictions[moved] != labels[: predictions.shape[1]]).mean()
    assert sum(part["images"] * part["mean_error"] for part in parts) / predictions.shape[1] == pytest.approx(whole)


def test_a_grid_of_one_point_has_no_measures_over_shifts():
    grid, predictions, labels = made_up_run(1)
    centre = SHIFTS.index((0, 0))
    measures = class_measures(grid[centre : centre + 1], predictions[centre : centre + 1], labels, LOW)
    assert set(measures) == {"images", "clean_error"}


# ----------------------------------------------------------------------------------------------------------------------
# The tables


def test_tables_have_a_row_for_each_trained_model_and_group_and_their_means(tmp_path):
    inputs, labels = {"grids": {}, "predictions": {}}, None
    for training, seed in (("centred", 0), ("centred", 1), ("low", 0), ("low", 1)):
        path = tmp_path / f"{training}-{seed}.csv"
        grid, predictions, labels = made_up_run(7)
        grid.to_csv(path, index=False)
        np.save(path.with_suffix(".npy"), np.roll(predictions, seed, axis=0) if seed else predictions)
        inputs["grids"][f"transfer/stride_fc/{training}/{seed}"] = str(path)
        inputs["predictions"][f"transfer/stride_fc/{training}/{seed}"] = str(path.with_suffix(".npy"))
    np.save(tmp_path / "labels.npy", labels)
    inputs["labels"] = str(tmp_path / "labels.npy")
    of_runs, over_seeds = tmp_path / "runs.csv", tmp_path / "summary.csv"
    derive.main(function=class_runs, inputs=inputs, settings={"trainings": TRAININGS}, output=of_runs)
    derive.main(function=classes, inputs={"runs": str(of_runs)}, settings={"confidence": 0.95}, output=over_seeds)
    runs, summary = pd.read_csv(of_runs), pd.read_csv(over_seeds)

    assert runs[["training", "seed", "group", "shown"]].to_numpy().tolist() == [
        ["centred", 0, "0-4", "plain"],
        ["centred", 0, "5-9", "plain"],
        ["centred", 1, "0-4", "plain"],
        ["centred", 1, "5-9", "plain"],
        ["low", 0, "0-4", "distorted"],
        ["low", 0, "5-9", "plain"],
        ["low", 1, "0-4", "distorted"],
        ["low", 1, "5-9", "plain"],
    ]
    grid, predictions, labels = made_up_run(7)
    expected = class_measures(grid, predictions, labels, HIGH)
    assert dict(runs.loc[5, list(expected)]) == pytest.approx(expected)
    assert len(summary) == 4 * len(MEASURES)
    one = summary[(summary.training == "low") & (summary.group == "5-9") & (summary.measure == "mean_called_other")]
    both = runs.loc[[5, 7], "mean_called_other"]
    assert one[["mean", "best", "worst"]].to_numpy()[0] == pytest.approx([both.mean(), both.min(), both.max()])
    assert of_runs.read_text().startswith("study,model,training,seed,group,shown,images,clean_error")


# ----------------------------------------------------------------------------------------------------------------------
# C9b


def test_c9b_is_the_mean_of_both_directions_and_compares_the_classes_that_were_not_translated():
    tables = tables_of(1)
    classes = tables["class_transfer-class-runs"].set_index(["training", "group"])
    classes.loc[("centred", "0-4"), "mean_error"], classes.loc[("centred", "5-9"), "mean_error"] = 50, 80
    classes.loc[("translated", "0-4"), "mean_error"], classes.loc[("translated", "5-9"), "mean_error"] = 10, 30
    classes.loc[("low_translated", "0-4"), "mean_error"], classes.loc[("low_translated", "5-9"), "mean_error"] = 7, 70
    classes.loc[("high_translated", "0-4"), "mean_error"], classes.loc[("high_translated", "5-9"), "mean_error"] = 60, 8
    claim = judged(tables | {"class_transfer-class-runs": classes.reset_index()})["C9b"]
    assert claim.details["low_translated_carried"] == pytest.approx(100 * (80 - 70) / (80 - 30))
    assert claim.details["high_translated_carried"] == pytest.approx(100 * (50 - 60) / (50 - 10))
    assert claim.number == pytest.approx((20 - 25) / 2)
    for name, error in {"seen": 7, "unseen": 70, "centred": 80, "translated": 30}.items():
        assert claim.details[f"low_translated_{name}_error"] == error
    assert claim.details["high_translated_seen_error"] == 8


def test_c9b_is_about_all_classes_that_were_not_translated_whatever_other_groups_there_are():
    """A further training with classes of its own makes further groups, some of them within those of the claim."""
    tables = plant("C9b", [70.0, 71.0])
    classes = tables["class_transfer-class-runs"]
    part = classes[classes.group == "5-9"].assign(group="5-6", images=100, mean_error=99.0)
    mixed = classes[classes.group == "5-9"].assign(group="0-6", images=700, shown="partly", mean_error=99.0)
    more = judged(tables | {"class_transfer-class-runs": pd.concat([part, mixed, classes])})["C9b"]
    assert (more.number, more.details) == (judged(tables)["C9b"].number, judged(tables)["C9b"].details)


def test_c9b_has_no_number_where_translating_a_class_gains_nothing():
    tables = plant("C9b", [70.0, 71.0])
    classes = tables["class_transfer-class-runs"]
    put(classes, "stride_fc", "translated", "mean_error", [99.0])
    assert set(reasons(tables)) == {"C9b"}
