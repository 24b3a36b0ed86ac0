"""The tables: every measure of a run by plain loops, summaries over seeds, and Simard's table beside ours."""

import argparse
import json
import math
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import compare_with_simard
import summarise
import summarise_validation
from invariance.data.images import shift_grid
from invariance.plan.cells import cell
from invariance.results.measures import consistency, pairwise_consistency
from invariance.results.statistics import wilson_interval
from invariance.results.tables import (
    CELL,
    COMPARISONS,
    MEASURES,
    beside_simard,
    over_seeds,
    paired_comparisons,
    replication_verdict,
    rings_of_run,
    run_measures,
    write_table,
)

PUBLISHED = Path(__file__).resolve().parents[2] / "paper" / "published.csv"
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
        "pairwise_consistency": 100 * pairwise_consistency(predictions, 20),
        "radius": radius,
        "drift": max(grid.logit_drift),
    }
    assert run_measures(grid, predictions, test_predictions, labels, radius_consistency, 20) == pytest.approx(expected)


def reach(shift: tuple[int, int]) -> int:
    return max(abs(shift[0]), abs(shift[1]))


def test_a_grid_of_one_point_has_no_measures_over_shifts():
    measures = run_measures(*made_up_run(1, max_shift=0), 95, 20)
    assert set(measures) == {"test_images", "test_error", "shift_images", "clean_error", "robust_error"}
    assert measures["clean_error"] == measures["robust_error"]


def test_a_collapsed_model_has_no_drift():
    grid, *rest = made_up_run(2)
    assert math.isnan(run_measures(grid.assign(logit_drift=NAN), *rest, 95, 20)["drift"])


def test_rings_of_a_run():
    grid, *_ = made_up_run(3)
    rings = rings_of_run(grid)
    assert rings.ring.tolist() == [0, 1, 2]
    assert rings.shifts.tolist() == [1, 8, 16]
    for ring, accuracy, same in zip(rings.ring, rings.accuracy, rings.consistency, strict=True):
        rows = grid[[reach(shift) == ring for shift in zip(grid.dx, grid.dy, strict=True)]]
        assert accuracy == pytest.approx(100 * sum(rows.accuracy) / len(rows))
        assert same == pytest.approx(100 * sum(rows.consistency) / len(rows))


def test_cells_are_told_by_name():
    assert cell("architectures/stride_fc/centred/12") == {
        "study": "architectures",
        "model": "stride_fc",
        "training": "centred",
        "seed": 12,
    }


def test_script_summarises_validation_over_seeds(tmp_path, monkeypatch):
    optimisation = {"epochs": 3, "schedule": "constant", "learning_rate": 0.03, "averaging": 0.5, "momentum": 0.9}
    cards = []
    for seed, (error, loss) in enumerate([(0.7, 0.03), (0.9, 0.02)]):
        final = {"epoch": 3, "validation_error": error, "validation_loss": loss}
        card = {"training": {"distortion": "elastic", "optimisation": optimisation}, "final": final}
        cards.append(tmp_path / f"card-{seed}.json")
        cards[-1].write_text(json.dumps(card))
    arguments = ["--cells", "selection/mlp/slow/0", "selection/mlp/slow/1", "--cards", *cards]
    arguments += ["--confidence", 0.95, "--output", tmp_path / "table.csv"]
    monkeypatch.setattr(sys, "argv", ["summarise_validation.py", *map(str, arguments)])
    summarise_validation.main()

    error, loss = pd.read_csv(tmp_path / "table.csv").to_dict("records")
    assert {key: error[key] for key in ("study", "model", "training", "distortion", "schedule", "learning_rate")} == {
        "study": "selection",
        "model": "mlp",
        "training": "slow",
        "distortion": "elastic",
        "schedule": "constant",
        "learning_rate": 0.03,
    }
    assert (error["measure"], loss["measure"]) == ("validation_error", "validation_loss")
    assert (error["mean"], error["best"], error["worst"], error["seeds"]) == (pytest.approx(0.8), 0.7, 0.9, 2)
    assert (loss["best"], loss["worst"]) == (0.02, 0.03)
    low, high = stats.t.interval(0.95, 1, loc=0.8, scale=0.1)
    assert (error["low"], error["high"]) == pytest.approx((low, high))


@pytest.mark.parametrize("text", ["", "a/b/c", "a/b/c/d", "a/b/c/-1", "a//c/1", "a/b/c/1/2", "a/b/c/\u0663"])
def test_what_names_no_cell(text):
    with pytest.raises(argparse.ArgumentTypeError, match="allowed: study/model/training/seed"):
        cell(text)


def test_tables_are_written_alike_everywhere(tmp_path):
    write_table(tmp_path / "new" / "table.csv", pd.DataFrame({"a": [1 / 3, NAN], "b": [1, 2], "c": ["x", ""]}))
    assert (tmp_path / "new" / "table.csv").read_bytes() == b"a,b,c\n0.33333333,1,x\n,2,\n"


# ----------------------------------------------------------------------------------------------------------------------
# Over seeds


def runs_of(values: dict[tuple[str, str], dict[str, list[float]]], study: str = "study") -> pd.DataFrame:
    """A row a run: for each (model, training) the values of each measure, one a seed."""
    rows = [
        {"study": study, "model": model, "training": training, "seed": seed}
        | {name: by_seed[seed] for name, by_seed in measures.items()}
        for (model, training), measures in values.items()
        for seed in range(len(next(iter(measures.values()))))
    ]
    return pd.DataFrame(rows)


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
# Simard's table

TRAININGS = {
    "none": {"distortion": "none", "loss": "cross_entropy"},
    "affine": {"distortion": "affine", "loss": "cross_entropy"},
    "elastic": {"distortion": "elastic", "loss": "cross_entropy"},
    "elastic_mse": {"distortion": "elastic", "loss": "mse"},
}


def beside(ours: dict[tuple[str, str], list[float]], test_images: int = 10_000) -> pd.DataFrame:
    """Our errors, one a seed, beside those of paper/published.csv; indexed by (model, training)."""
    runs = runs_of({cell: {"test_error": values, "radius": values} for cell, values in ours.items()}, "simard2003")
    summary = over_seeds(runs, CELL, MEASURES, 0.95)
    table = beside_simard(summary, pd.read_csv(PUBLISHED), TRAININGS, test_images, 0.95)
    return table.set_index(["model", "training"])


def test_beside_simard_joins_by_model_and_training():
    ours = {("mlp", "none"): [1.5, 1.7], ("simard_cnn", "none"): [1.0, 1.2], ("mlp", "elastic_mse"): [0.9, 0.9]}
    table = beside(ours)
    assert list(table.index) == list(ours)
    assert table.published.tolist() == pytest.approx([1.6, NAN, 0.9], nan_ok=True)
    assert table.loss.tolist() == ["cross_entropy", "cross_entropy", "mse"]
    assert table.distortion.tolist() == ["none", "none", "elastic"]
    assert table["mean"].tolist() == pytest.approx([1.6, 1.1, 0.9])
    assert (table.best["simard_cnn", "none"], table.worst["simard_cnn", "none"]) == (1.0, 1.2)
    low, high = wilson_interval(110, 10_000, 0.95)
    wilson = table.wilson_low["simard_cnn", "none"], table.wilson_high["simard_cnn", "none"]
    assert wilson == pytest.approx((100 * low, 100 * high))


def test_columns_are_those_that_the_figures_read():
    columns = beside({("mlp", "none"): [1.5]}).reset_index().columns
    assert columns.tolist() == [
        *("model", "training", "loss", "distortion", "published", "mean", "low", "high", "best", "worst", "seeds"),
        *("wilson_low", "wilson_high", "verdict"),
    ]


def test_reproduced_when_the_published_error_is_in_the_interval():
    assert beside({("mlp", "none"): [1.5, 1.6, 1.9]}).verdict.item() == "reproduced"


def test_reproduced_when_ours_is_lower():
    assert beside({("mlp", "none"): [0.8, 0.8, 0.81]}).verdict.item() == "reproduced"
    assert beside({("mlp", "none"): [0.8]}).verdict.item() == "reproduced"


def test_one_seed_reproduces_only_what_it_equals_or_beats():
    table = beside({("mlp", "none"): [1.6], ("mlp", "affine"): [1.2], ("mlp", "elastic"): [1.3]})
    assert table.verdict.tolist() == ["reproduced", "not reproduced", "not reproduced"]


def test_ordering_reproduced_when_all_other_cells_are_on_the_right_side():
    """Ours are all one point worse: 2.6, 2.1 and 1.7% for 1.6, 1.1 and 0.7%."""
    ours = {("mlp", "none"): [2.6] * 3, ("mlp", "affine"): [2.1] * 3, ("mlp", "elastic"): [1.7] * 3}
    assert beside(ours).verdict.tolist() == ["ordering reproduced"] * 3


def test_not_reproduced_when_two_cells_change_places():
    ours = {("mlp", "none"): [2.6] * 3, ("mlp", "affine"): [1.7] * 3, ("mlp", "elastic"): [2.1] * 3}
    assert beside(ours).verdict.tolist() == ["ordering reproduced", "not reproduced", "not reproduced"]


def test_the_ordering_is_over_all_published_cells():
    """0.9% for the MLP with MSE is between 0.7 and 1.1% of its other cells, and above every error of the CNN."""
    ours = {("mlp", "elastic_mse"): [2.0] * 3, ("simard_cnn", "affine"): [2.1] * 3, ("mlp", "none"): [3.0] * 3}
    assert beside(ours).verdict.tolist() == ["not reproduced", "not reproduced", "ordering reproduced"]


def test_unpublished_cells_have_no_verdict_and_no_say():
    """The CNN without distortion is worse than anything; the paper does not have it, and so it breaks no ordering."""
    ours = {("simard_cnn", "none"): [9.0] * 3, ("mlp", "none"): [2.6] * 3, ("mlp", "affine"): [2.1] * 3}
    assert beside(ours).verdict.tolist() == ["", "ordering reproduced", "ordering reproduced"]


def test_equal_published_errors_have_no_order():
    table = pd.DataFrame(
        {"published": [1.0, 1.0, 2.0], "mean": [1.5, 1.4, 2.5], "low": [1.4, 1.3, 2.4], "high": [1.6, 1.5, 2.6]}
    )
    assert [replication_verdict(row, table) for _, row in table.iterrows()] == ["ordering reproduced"] * 3


# ----------------------------------------------------------------------------------------------------------------------
# Paired comparisons


def test_paired_comparisons_pair_by_seed_and_point_the_right_way():
    """Elastic saves 0.5, 0.6 and 0.7 points, though the seeds themselves are far apart."""
    errors = {"none": [1.0, 3.0, 9.0], "elastic": [0.5, 2.4, 8.3]}
    runs = runs_of({("simard_cnn", name): {"test_error": values} for name, values in errors.items()})
    runs = runs.sample(frac=1, random_state=3)  # the order of the rows is not what pairs them
    elastic, none = np.zeros(20, dtype=bool), np.zeros(20, dtype=bool)
    elastic[:12] = none[9:13] = True  # 9 only the first, 1 only the second, 3 both
    right = {("simard_cnn", name, seed): np.zeros(20, dtype=bool) for name in errors for seed in (1, 2)}
    right |= {("simard_cnn", "elastic", 0): elastic, ("simard_cnn", "none", 0): none}
    [row] = paired_comparisons(runs, right, 0.95).to_dict("records")
    assert (row["training"], row["against"], row["seeds"], row["mcnemar_seed"]) == ("elastic", "none", 3, 0)
    assert row["difference"] == pytest.approx(0.6)
    half = stats.t.ppf(0.975, 2) * 0.1 / math.sqrt(3)
    assert (row["low"], row["high"]) == pytest.approx((0.6 - half, 0.6 + half))
    assert (row["only_first_right"], row["only_second_right"]) == (9, 1)
    assert row["mcnemar_p"] == pytest.approx(22 / 1024)


def test_paired_comparisons_use_common_seeds_alone():
    runs = runs_of({("m", name): {"test_error": [2.0, 4.0, 6.0]} for name in ("none", "elastic")})
    runs = runs[~((runs.training == "none") & (runs.seed == 0))]
    runs.loc[runs.training == "elastic", "test_error"] -= 1
    right = {("m", name, seed): np.ones(5, dtype=bool) for name in ("none", "elastic") for seed in (0, 1, 2)}
    [row] = paired_comparisons(runs, right, 0.95).to_dict("records")
    assert (row["seeds"], row["mcnemar_seed"], row["difference"]) == (2, 1, 1.0)


def test_all_comparisons_of_the_config_are_made():
    names = sorted({name for pair in COMPARISONS for name in pair})
    models = ("mlp", "simard_cnn")
    runs = runs_of({(model, name): {"test_error": [1.0, 2.0]} for model in models for name in names})
    right = {(model, name, seed): np.ones(5, dtype=bool) for model in models for name in names for seed in (0, 1)}
    table = paired_comparisons(runs, right, 0.95)
    found = list(zip(table.model, table.training, table.against, strict=True))
    assert found == [(model, *pair) for model in models for pair in COMPARISONS]
    assert set(table.difference) == {0.0}


def test_no_comparison_leaves_an_empty_table_with_its_columns():
    table = paired_comparisons(runs_of({("mlp", "none"): {"test_error": [1.0]}}), {}, 0.95)
    assert table.empty
    assert {"model", "training", "against", "difference", "mcnemar_p", "only_first_right"} <= set(table.columns)


# ----------------------------------------------------------------------------------------------------------------------
# The scripts


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


def test_scripts_write_the_tables_of_a_study(study, monkeypatch):
    grids = sorted(study.glob("shifts/*/*/*/seed-*.csv"), reverse=True)
    cards = [path.with_name(f"card-{path.stem[-1]}.json") for path in grids]
    outputs = {name: study / f"{name}.csv" for name in ("runs", "ring-runs", "summary", "rings")}
    measures = {"radius_consistency": 95, "pairwise_pairs": 20, "confidence": 0.95}
    cells = [f"simard2003/mlp/{path.parent.name}/{path.stem.removeprefix('seed-')}" for path in grids]
    arguments = ["--cells", *cells, "--grids", *grids, "--cards", *cards, "--labels", study / "labels.npy"]
    arguments += ["--measures", json.dumps(measures)]
    for name, path in outputs.items():
        arguments += [f"--{name}", path]
    monkeypatch.setattr(sys, "argv", ["summarise.py", *map(str, arguments)])
    summarise.main()

    runs = pd.read_csv(outputs["runs"])
    assert runs.columns.tolist() == [*CELL, "seed", "parameters", "test_images", "shift_images", *MEASURES]
    cells = dict(zip(zip(runs.training, runs.seed, strict=True), runs.parameters, strict=True))
    assert cells == {("none", 1): 101, ("none", 0): 100, ("elastic", 1): 103, ("elastic", 0): 102}
    labels = np.load(study / "labels.npy")
    for row in runs.itertuples():
        path = study / "shifts" / "simard2003" / "mlp" / row.training / f"seed-{row.seed}.test.npy"
        assert row.test_error == pytest.approx(100 * (np.load(path) != labels).mean(), rel=1e-7)
    ring_runs = pd.read_csv(outputs["ring-runs"])
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

    predictions = sorted(study.glob("shifts/*/*/*/seed-*.test.npy"))
    arguments = ["--runs", outputs["runs"], "--summary", outputs["summary"], "--published", PUBLISHED]
    named = [
        f"simard2003/mlp/{path.parent.name}/{path.name.split('.')[0].removeprefix('seed-')}" for path in predictions
    ]
    arguments += [
        "--cells",
        *named,
        "--predictions",
        *predictions,
        "--labels",
        study / "labels.npy",
        "--confidence",
        0.95,
    ]
    arguments += ["--trainings", json.dumps(TRAININGS), "--table", study / "table.csv", "--pairs", study / "pairs.csv"]
    monkeypatch.setattr(sys, "argv", ["compare_with_simard.py", *map(str, arguments)])
    compare_with_simard.main()
    [pair] = pd.read_csv(study / "pairs.csv").to_dict("records")
    assert pair["difference"] == pytest.approx(means["none"] - means["elastic"], abs=1e-5)
    assert pair["difference"] >= 0
    assert pair["only_second_right"] == 0
    table = pd.read_csv(study / "table.csv")
    assert table.published.tolist() == [1.6, 0.7]
    assert set(table.verdict) <= {"reproduced", "ordering reproduced", "not reproduced"}
