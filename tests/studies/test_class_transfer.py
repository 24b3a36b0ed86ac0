"""Invariance by class: groups of digits, their measures by plain loops, and the tables that the script writes."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import summarise_classes
from invariance.data.images import shift_grid
from invariance.results.tables import CLASS_MEASURES, DIGITS, class_groups, class_measures, group_name, how_shown

LOW, HIGH = frozenset(range(5)), frozenset(range(5, 10))
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
    assert class_groups(TRAININGS) == [LOW, HIGH]
    assert class_groups(TRAININGS | {"high": {"classes": [9, 8, 7, 6, 5]}}) == [LOW, HIGH]
    assert class_groups({"odd": {"classes": [3]}}) == [DIGITS - {3}, frozenset({3})]
    assert class_groups({"centred": {}}) == []


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
    assert [how_shown(group, TRAININGS[training]) for group in groups] == shown


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
# The script


def test_script_writes_a_row_a_run_and_group_and_their_means(tmp_path, monkeypatch):
    grids, cells, labels = [], [], None
    for training, seed in (("centred", 0), ("centred", 1), ("low", 0), ("low", 1)):
        path = tmp_path / "shifts" / "transfer" / "stride_fc" / training / f"seed-{seed}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        grid, predictions, labels = made_up_run(7)
        grid.to_csv(path, index=False)
        np.save(path.with_suffix(".predictions.npy"), np.roll(predictions, seed, axis=0) if seed else predictions)
        grids.append(path)
        cells.append(f"transfer/stride_fc/{training}/{seed}")
    np.save(tmp_path / "labels.npy", labels)
    arguments = ["--cells", *cells, "--grids", *grids, "--labels", tmp_path / "labels.npy"]
    arguments += ["--trainings", json.dumps(TRAININGS)]
    arguments += ["--confidence", 0.95, "--runs", tmp_path / "runs.csv", "--summary", tmp_path / "summary.csv"]
    monkeypatch.setattr(sys, "argv", ["summarise_classes.py", *map(str, arguments)])
    summarise_classes.main()

    runs, summary = pd.read_csv(tmp_path / "runs.csv"), pd.read_csv(tmp_path / "summary.csv")
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
    assert len(summary) == 4 * len(CLASS_MEASURES)
    one = summary[(summary.training == "low") & (summary.group == "5-9") & (summary.measure == "mean_called_other")]
    both = runs.loc[[5, 7], "mean_called_other"]
    assert one[["mean", "best", "worst"]].to_numpy()[0] == pytest.approx([both.mean(), both.min(), both.max()])
    assert (
        Path(tmp_path / "runs.csv").read_text().startswith("study,model,training,seed,group,shown,images,clean_error")
    )
