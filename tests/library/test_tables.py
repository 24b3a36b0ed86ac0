"""The tables of a study over shifts: every measure of a trained model by plain loops, and summaries over seeds."""

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

import summarise
from invariance.data.images import shift_grid
from invariance.record.artefacts import InputError
from invariance.results.measures import consistency, pairwise_consistency
from invariance.results.reading import require_trained_model, trained_model, write_table
from invariance.results.tables import CELL, MEASURES, over_seeds, rings_of_run, run_measures
from judging import runs_of

NAN = float("nan")
IMAGES, TEST = 40, 60  # shifted, and all test images


def made_up_run(seed: int, max_shift: int = 2) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """A grid, predictions over it, test predictions and labels, which hang together as those of evaluate.py do."""
    random = np.random.default_rng(seed)
    shifts = shift_grid(max_shift)
    labels = random.integers(0, 10, TEST).astype(np.uint8)
    test_predictions = np.where(random.random(TEST) < 0.8, labels, (labels + 1) % 10).astype(np.uint8)
    predictions = np.tile(test_predictions[:IMAGES], (len(shifts), 1))
    for row, (dx, dy) in enumerate(shifts):
        changed = random.random(IMAGES) < 0.1 * max(abs(dx), abs(dy))
        predictions[row, changed] = random.integers(0, 10, changed.sum())
    grid = pd.DataFrame(shifts, columns=["dx", "dy"]).assign(
        n=IMAGES,
        accuracy=(predictions == labels[:IMAGES]).mean(axis=1),
        consistency=consistency(predictions, shifts),
        logit_drift=[0.0 if shift == (0, 0) else random.random() for shift in shifts],
    )
    return grid, predictions, test_predictions, labels


# ----------------------------------------------------------------------------------------------------------------------
# One run


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([80, 95]))
def test_run_measures_by_loops(seed, radius_consistency):
    grid, predictions, test_predictions, labels = made_up_run(seed)
    shifts = shift_grid(2)
    wrong, changed, broken = {}, {}, set()
    unshifted = predictions[shifts.index((0, 0))].tolist()
    for shift, row in zip(shifts, predictions.tolist(), strict=True):
        mistakes = {i for i, (got, label) in enumerate(zip(row, labels[:IMAGES].tolist(), strict=True)) if got != label}
        broken |= mistakes
        wrong[shift] = 100 * len(mistakes) / IMAGES
        changed[shift] = 100 * sum(1 for got, was in zip(row, unshifted, strict=True) if got != was) / IMAGES
    moved = [shift for shift in shifts if shift != (0, 0)]
    radius = 0
    while radius < 2 and all(100 - changed[s] >= radius_consistency - 1e-9 for s in shifts if reach(s) <= radius + 1):
        radius += 1
    expected = {
        "test_images": TEST,
        "test_error": 100 * sum(a != b for a, b in zip(test_predictions, labels, strict=True)) / TEST,
        "shift_images": IMAGES,
        "clean_error": wrong[0, 0],
        "mean_error": sum(wrong[shift] for shift in moved) / 24,
        "worst_error": max(wrong[shift] for shift in moved),
        "robust_error": 100 * len(broken) / IMAGES,
        "mean_consistency": 100 - sum(changed[shift] for shift in moved) / 24,
        "worst_consistency": 100 - max(changed.values()),
        "pairwise_consistency": 100 * pairwise_consistency(predictions),
        "radius": radius,
        "drift": max(grid.logit_drift),
    }
    assert run_measures(grid, predictions, test_predictions, labels, radius_consistency) == pytest.approx(expected)


def reach(shift: tuple[int, int]) -> int:
    return max(abs(shift[0]), abs(shift[1]))


def test_a_grid_of_one_point_has_no_measures_over_shifts():
    measures = run_measures(*made_up_run(1, max_shift=0), 95)
    assert set(measures) == {"test_images", "test_error", "shift_images", "clean_error", "robust_error"}
    assert measures["clean_error"] == measures["robust_error"]


def test_a_collapsed_model_has_no_drift():
    grid, *rest = made_up_run(2)
    assert math.isnan(run_measures(grid.assign(logit_drift=NAN), *rest, 95)["drift"])


def test_rings_of_a_run():
    grid, *_ = made_up_run(3)
    rings = rings_of_run(grid)
    assert rings.ring.tolist() == [0, 1, 2]
    assert rings.shifts.tolist() == [1, 8, 16]
    for ring, accuracy, same in zip(rings.ring, rings.accuracy, rings.consistency, strict=True):
        rows = grid[[reach(shift) == ring for shift in zip(grid.dx, grid.dy, strict=True)]]
        assert accuracy == pytest.approx(100 * sum(rows.accuracy) / len(rows))
        assert same == pytest.approx(100 * sum(rows.consistency) / len(rows))


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.float64, 49, elements=st.floats(0, 1)), st.integers(0, 100))
def test_means_of_rings_by_counting_in_any_order(values, seed):
    shifts = np.random.default_rng(seed).permutation(shift_grid(3))
    expected = []
    for ring in range(4):
        total = number = 0
        for (dx, dy), value in zip(shifts.tolist(), values.tolist(), strict=True):
            if (abs(dx) == ring and abs(dy) <= ring) or (abs(dy) == ring and abs(dx) <= ring):
                total, number = total + value, number + 1
        assert number == (1 if ring == 0 else 8 * ring)
        expected.append(total / number)
    rings = rings_of_run(pd.DataFrame(shifts, columns=["dx", "dy"]).assign(consistency=values))
    assert rings.columns.tolist() == ["ring", "shifts", "consistency"]
    assert rings.consistency.tolist() == pytest.approx([100 * mean for mean in expected])


def test_trained_models_are_named_in_labels():
    assert trained_model("architectures/stride_fc/centred/12") == {
        "study": "architectures",
        "model": "stride_fc",
        "training": "centred",
        "seed": 12,
    }


@pytest.mark.parametrize("text", ["", "a/b/c", "a/b/c/d", "a/b/c/-1", "a//c/1", "a/b/c/1/2", "a/b/c/\u0663"])
def test_what_names_no_trained_model(text):
    assert trained_model(text) is None
    with pytest.raises(InputError, match="allowed: study/model/training/seed"):
        require_trained_model(text)


def test_tables_are_written_alike_everywhere(tmp_path):
    write_table(tmp_path / "new" / "table.csv", pd.DataFrame({"a": [1 / 3, NAN], "b": [1, 2], "c": ["x", ""]}))
    assert (tmp_path / "new" / "table.csv").read_bytes() == b"a,b,c\n0.33333333,1,x\n,2,\n"


# ----------------------------------------------------------------------------------------------------------------------
# Over seeds


def test_over_seeds_knows_which_way_is_better():
    runs = runs_of({("m", "t"): {name: [1.0, 5.0, 3.0] for name in MEASURES}})
    summary = over_seeds(runs, CELL, MEASURES, 0.95).set_index("measure")
    assert list(summary.index) == MEASURES
    lower = {"test_error", "clean_error", "mean_error", "worst_error", "robust_error", "drift"}
    higher = {"mean_consistency", "worst_consistency", "pairwise_consistency", "radius"}
    assert lower | higher == set(MEASURES)
    for name in MEASURES:
        assert (summary.best[name], summary.worst[name]) == ((1, 5) if name in lower else (5, 1))
        assert summary["mean"][name] == 3
        low, high = stats.t.interval(0.95, 2, 3, 2 / math.sqrt(3))
        assert (summary.low[name], summary.high[name]) == pytest.approx((low, high))
        assert summary.seeds[name] == 3


def test_over_seeds_keeps_cells_apart_and_in_order():
    runs = runs_of(
        {("z", "b"): {"radius": [1.0, 2.0]}, ("a", "b"): {"radius": [4.0, 4.0]}, ("a", "a"): {"radius": [0.0, 6.0]}}
    )
    summary = over_seeds(runs, CELL, MEASURES, 0.95)
    cells = list(zip(summary.model, summary.training, summary["mean"], strict=True))
    assert cells == [("z", "b", 1.5), ("a", "b", 4.0), ("a", "a", 3.0)]
    assert summary.columns.tolist() == [*CELL, "measure", "seeds", "mean", "low", "high", "best", "worst"]


def test_over_seeds_leaves_out_what_was_not_measured():
    runs = runs_of({("m", "t"): {"test_error": [1.0, 2.0], "drift": [NAN, 0.5], "radius": [NAN, NAN]}})
    summary = over_seeds(runs, CELL, MEASURES, 0.95).set_index("measure")
    assert list(summary.index) == ["test_error", "drift"]
    assert summary.seeds.tolist() == [2, 1]
    assert summary["mean"]["drift"] == 0.5
    assert math.isnan(summary.low["drift"])


def test_over_seeds_by_ring():
    rings = pd.DataFrame({"study": "s", "model": "m", "training": "t", "ring": [0, 1] * 2, "accuracy": [9.0, 5, 9, 7]})
    summary = over_seeds(rings, [*CELL, "ring"], ["accuracy", "consistency"], 0.95)
    assert summary[["ring", "measure", "mean", "best", "worst"]].to_numpy().tolist() == [
        [0, "accuracy", 9, 9, 9],
        [1, "accuracy", 6, 7, 5],
    ]


# ----------------------------------------------------------------------------------------------------------------------
# The script


@pytest.fixture
def study(tmp_path) -> Path:
    """The artefacts of a study of two cells and two seeds, on the same test images."""
    labels = None
    for number, (training, seed) in enumerate(product(("none", "elastic"), (0, 1))):
        grid, predictions, test_predictions, labels = made_up_run(5)
        test_predictions = test_predictions.copy()
        test_predictions[: 5 * (number + 1)] = labels[: 5 * (number + 1)]  # each run has more images right
        folder = tmp_path / "shifts" / "simard2003" / "mlp" / training
        folder.mkdir(parents=True, exist_ok=True)
        grid.to_csv(folder / f"seed-{seed}.csv", index=False)
        np.save(folder / f"seed-{seed}.predictions.npy", predictions)
        np.save(folder / f"seed-{seed}.test.npy", test_predictions)
        (folder / f"card-{seed}.json").write_text(json.dumps({"parameters": 100 + number}))
    np.save(tmp_path / "labels.npy", labels)
    return tmp_path


def test_script_writes_the_tables_of_a_study(study):
    grids = {
        f"simard2003/mlp/{path.parent.name}/{path.stem.removeprefix('seed-')}": str(path)
        for path in sorted(study.glob("shifts/*/*/*/seed-*.csv"), reverse=True)
    }
    cards = {name: str(Path(path).with_name(f"card-{name[-1]}.json")) for name, path in grids.items()}
    outputs = {name: study / f"{name}.csv" for name in ("runs", "ring_runs", "summary", "rings")}
    measures = {"radius_consistency": 95, "confidence": 0.95}
    inputs = {"grids": grids, "cards": cards, "labels": str(study / "labels.npy")}
    summarise.main(inputs=inputs, measures=measures, **outputs)

    runs = pd.read_csv(outputs["runs"])
    assert runs.columns.tolist() == [*CELL, "seed", "parameters", "test_images", "shift_images", *MEASURES]
    cells = dict(zip(zip(runs.training, runs.seed, strict=True), runs.parameters, strict=True))
    assert cells == {("none", 1): 101, ("none", 0): 100, ("elastic", 1): 103, ("elastic", 0): 102}
    labels = np.load(study / "labels.npy")
    for row in runs.itertuples():
        path = study / "shifts" / "simard2003" / "mlp" / row.training / f"seed-{row.seed}.test.npy"
        assert row.test_error == pytest.approx(100 * (np.load(path) != labels).mean(), rel=1e-7)
    ring_runs = pd.read_csv(outputs["ring_runs"])
    assert ring_runs.columns.tolist() == [*CELL, "seed", "ring", "shifts", "accuracy", "consistency"]
    assert len(ring_runs) == 4 * 3
    summary = pd.read_csv(outputs["summary"])
    assert sorted(set(summary.measure)) == sorted(MEASURES)
    means = summary[summary.measure == "test_error"].set_index("training")["mean"]
    assert means.to_dict() == pytest.approx(runs.groupby("training").test_error.mean().to_dict(), rel=1e-7)
    rings = pd.read_csv(outputs["rings"])
    assert set(zip(rings.training, rings.ring, rings.measure, strict=True)) == set(
        product(("none", "elastic"), (0, 1, 2), ("accuracy", "consistency"))
    )
