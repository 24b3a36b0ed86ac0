"""Simard's table beside ours: verdicts, paired comparisons, and their two tables."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import derive
from invariance.plan.merging import merge
from invariance.plan.reading import load, resolve
from invariance.record.artefacts import InputError
from invariance.results.reading import write_table
from invariance.results.statistics import prediction_interval, t_interval, wilson_interval
from invariance.results.tables import CELL, MEASURES, over_seeds
from judging import NAN, ROOT, runs_of
from printed import is_whole, keys_of_the_paper, rows_of
from studies.simard2003 import distortion_and_loss
from studies.simard2003 import table as as_tex
from studies.simard2003.summary import (
    COLUMNS,
    COMPARISONS,
    decided_by_rounding,
    judged,
    pairs,
    published,
    replication_verdict,
)

PUBLISHED = ROOT / "paper" / "published.csv"
CELLS = {
    f"{model}/{training}": {"distortion": distortion, "loss": loss}
    for model in ("mlp", "simard_cnn")
    for training, distortion, loss in (
        ("none", "none", "cross_entropy"),
        ("affine", "affine", "cross_entropy"),
        ("elastic", "elastic", "cross_entropy"),
        ("elastic_mse", "elastic", "mse"),
    )
}


EMPTY = ("published", "low", "high", "one_more_low", "one_more_high", "verdict")


def beside(ours: dict[tuple[str, str], list[float]], test_images: int = 10_000) -> pd.DataFrame:
    """Our errors, one per seed, beside those of paper/published.csv; indexed by (model, training)."""
    runs = runs_of({cell: {"test_error": values, "radius": values} for cell, values in ours.items()}, "simard2003")
    summary = over_seeds(runs, CELL, MEASURES, 0.95)
    table = published(summary, pd.read_csv(PUBLISHED), np.zeros(test_images), CELLS, 0.95)
    return table.set_index(["model", "training"])


def test_the_loss_of_a_cell_is_its_own():
    changes = {"studies": {"simard2003": {"cells": {"mlp": {"optimisation": {"loss": "mse"}}}}}}
    plan = resolve(merge(load([ROOT / "config.yaml"]), changes))["mnist"]
    cells = distortion_and_loss(plan, "simard2003")["cells"]
    assert cells["mlp/elastic"] == {"distortion": "elastic", "loss": "mse"}
    assert cells["simard_cnn/elastic"] == {"distortion": "elastic", "loss": "cross_entropy"}


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
        *("model", "training", "loss", "distortion", "published", "mean", "low", "high"),
        *("one_more_low", "one_more_high", "best", "worst", "seeds", "wilson_low", "wilson_high", "verdict"),
    ]


def test_one_more_run_lies_in_its_interval_as_often_as_it_says():
    """Simulated: the t-interval of the mean, by which the verdict once went, holds far fewer single runs."""
    generator = np.random.default_rng(3)
    runs, once_more = generator.normal(0.6, 0.05, (4000, 5)), generator.normal(0.6, 0.05, 4000)
    means = [t_interval(seeds, 0.95) for seeds in runs]
    bounds = np.array([prediction_interval(mean.mean, mean.low, mean.high, 5) for mean in means])
    inside = (bounds[:, 0] <= once_more) & (once_more <= bounds[:, 1])
    assert inside.mean() == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))
    assert np.mean([mean.low <= value <= mean.high for mean, value in zip(means, once_more, strict=True)]) < 0.85


def test_the_interval_for_one_more_run_by_hand():
    """Mean 1.5, standard deviation 0.1, and 4.303 from the table of t with two degrees of freedom."""
    row = beside({("mlp", "none"): [1.4, 1.5, 1.6]}).iloc[0]
    half = 4.302653 * 0.1 * np.sqrt(1 + 1 / 3)
    assert (row.one_more_low, row.one_more_high) == pytest.approx((1.5 - half, 1.5 + half), rel=1e-6)


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ([1.4, 1.5, 1.6], "reproduced"),
        ([1.65, 1.70, 1.75], "reproduced"),  # outside of the interval for the mean
        ([0.8, 0.8, 0.81], "ours lower"),
        ([2.0, 2.05, 2.1], "ours higher"),
        ([1.6], ""),  # one seed has no interval
        ([1.6, 1.6], "reproduced"),
    ],
)
def test_a_published_run_is_judged_by_the_interval_for_one_more(errors, verdict):
    assert beside({("mlp", "none"): errors}).verdict.item() == verdict  # 1.6%


def test_unpublished_cells_have_an_interval_and_no_verdict():
    row = beside({("simard_cnn", "none"): [1.0, 1.1, 1.2]}).iloc[0]
    assert row.verdict == ""
    assert row.one_more_low < 1.0 < 1.2 < row.one_more_high
    assert replication_verdict(NAN, 1.0, 2.0) == ""


@pytest.mark.parametrize(
    ("published", "low", "high", "decided"),
    [
        (0.7, 0.72, 0.9, True),
        (0.7, 0.76, 0.9, False),
        (0.7, 0.6, 0.8, False),
        (0.7, 0.5, 0.73, True),
        (NAN, 0.5, 0.7, False),
    ],
)
def test_rounding_decides_where_an_interval_ends_within_it(published, low, high, decided):
    """0.7 may stand for all from 0.65 to 0.75."""
    assert decided_by_rounding(published, low, high) == decided


def test_the_paper_has_the_numbers_of_the_committed_longer_runs():
    tables = {name: pd.read_csv(ROOT / f"paper/reference/mnist-{name}.csv") for name in ("long", "fresh", "all")}
    lines = as_tex.long_numbers(tables).splitlines()
    longest = "long/fresh/simard_cnn/affine_elastic_500_epochs"
    assert rf"\result{{{longest}/mean}}{{0.47}}" in lines
    assert rf"\result{{{longest}/one_more}}{{0.35--0.59}}" in lines
    assert {key for key in keys_of_the_paper() if key.startswith("long/")} <= {line[8:].split("}")[0] for line in lines}


@pytest.mark.parametrize("name", ["long", "fresh", "all"])
def test_the_committed_longer_runs_are_judged_by_the_same_rule(name):
    committed = pd.read_csv(ROOT / f"paper/reference/mnist-{name}.csv")
    assert committed.columns.tolist() == COLUMNS
    again = judged(committed.drop(columns=["one_more_low", "one_more_high", "verdict"]))[COLUMNS]
    pd.testing.assert_frame_equal(committed.drop(columns="verdict"), again.drop(columns="verdict"), rtol=1e-6)
    assert committed.verdict.astype("object").fillna("").tolist() == again.verdict.tolist()


# ----------------------------------------------------------------------------------------------------------------------
# Paired comparisons


def test_paired_comparisons_pair_by_seed_and_point_the_right_way():
    """Elastic saves 0.5, 0.6 and 0.7 points, though the seeds themselves are far apart."""
    errors = {"none": [1.0, 3.0, 9.0], "elastic": [0.5, 2.4, 8.3]}
    runs = runs_of({("simard_cnn", name): {"test_error": values} for name, values in errors.items()})
    runs = runs.sample(frac=1, random_state=3)  # the order of the rows is not what pairs them
    elastic, none = np.zeros(20, dtype=bool), np.zeros(20, dtype=bool)
    elastic[:12] = none[9:13] = True  # 9 only the first, 1 only the second, 3 both
    predictions = {f"study/simard_cnn/{name}/{seed}": np.zeros(20) for name in errors for seed in (1, 2)}
    predictions |= {"study/simard_cnn/elastic/0": elastic, "study/simard_cnn/none/0": none}
    [row] = pairs(runs, predictions, np.ones(20), 0.95).to_dict("records")
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
    predictions = {f"study/m/{name}/{seed}": np.ones(5) for name in ("none", "elastic") for seed in (0, 1, 2)}
    [row] = pairs(runs, predictions, np.ones(5), 0.95).to_dict("records")
    assert (row["seeds"], row["mcnemar_seed"], row["difference"]) == (2, 1, 1.0)


def test_all_comparisons_of_the_config_are_made():
    names = sorted({name for pair in COMPARISONS for name in pair})
    models = ("mlp", "simard_cnn")
    runs = runs_of({(model, name): {"test_error": [1.0, 2.0]} for model in models for name in names})
    predictions = {f"study/{model}/{name}/{seed}": np.ones(5) for model in models for name in names for seed in (0, 1)}
    table = pairs(runs, predictions, np.ones(5), 0.95)
    found = list(zip(table.model, table.training, table.against, strict=True))
    assert found == [(model, *pair) for model in models for pair in COMPARISONS]
    assert set(table.difference) == {0.0}


def test_no_comparison_leaves_an_empty_table_with_its_columns():
    table = pairs(runs_of({("mlp", "none"): {"test_error": [1.0]}}), {}, np.ones(5), 0.95)
    assert table.empty
    assert {"model", "training", "against", "difference", "mcnemar_p", "only_first_right"} <= set(table.columns)


# ----------------------------------------------------------------------------------------------------------------------
# From files


def test_tables_of_a_study(tmp_path):
    """Elastic has five more of ten images right with each seed than none has."""
    labels = np.arange(20, dtype=np.uint8) % 10
    errors = {"none": [75.0, 50.0], "elastic": [50.0, 25.0]}
    runs = runs_of({("mlp", name): {"test_error": values} for name, values in errors.items()}, "simard2003")
    write_table(tmp_path / "runs.csv", runs)
    write_table(tmp_path / "summary.csv", over_seeds(runs, CELL, ["test_error"], 0.95))
    np.save(tmp_path / "labels.npy", labels)
    predictions = {}
    for row in runs.itertuples():
        path = tmp_path / f"{row.training}-{row.seed}.npy"
        wrong = np.arange(20) < row.test_error / 5
        np.save(path, np.where(wrong, (labels + 1) % 10, labels).astype(np.uint8))
        predictions[f"simard2003/mlp/{row.training}/{row.seed}"] = str(path)
    inputs = {"runs": str(tmp_path / "runs.csv"), "predictions": predictions, "labels": str(tmp_path / "labels.npy")}
    settings, output = {"confidence": 0.95}, tmp_path / "table.csv"
    derive.main(function=pairs, inputs=inputs, settings=settings, output=output)
    [pair] = pd.read_csv(output).to_dict("records")
    assert (pair["difference"], pair["only_first_right"], pair["only_second_right"]) == (25, 5, 0)

    inputs = {"summary": str(tmp_path / "summary.csv"), "table1": str(PUBLISHED), "labels": inputs["labels"]}
    derive.main(function=published, inputs=inputs, settings=settings | {"cells": CELLS}, output=output)
    table = pd.read_csv(output)
    assert table.published.tolist() == [1.6, 0.7]
    assert table.verdict.tolist() == ["reproduced", "reproduced"]  # two seeds, 25 points apart
    with pytest.raises(InputError, match="'cells'; it takes summary, table1, labels"):
        derive.main(function=published, inputs=inputs, settings=settings, output=output)


# ----------------------------------------------------------------------------------------------------------------------
# As TeX


def test_simard_tabular_of_unpublished_cells_and_single_seeds():
    row = dict.fromkeys(EMPTY, NAN) | {"model": "mlp", "training": "none"}
    row |= {"mean": 1.5, "wilson_low": 1.2, "wilson_high": 1.8}
    text = as_tex.published(pd.DataFrame([row]))
    assert is_whole(text)
    assert "MLP & no distortion & -- & 1.50 & -- & 1.20--1.80 &  \\\\" in text


def test_pairs_tabular():
    row = {"model": "mlp", "training": "elastic", "against": "none", "difference": -0.5, "low": -0.75, "high": -0.25}
    row |= {"only_first_right": 3, "only_second_right": 30, "mcnemar_p": 1e-6}
    text = as_tex.pairs(pd.DataFrame([row]))
    assert is_whole(text)
    assert "elastic / no distortion & $-$0.50 [$-$0.75, $-$0.25] & 3 / 30 & ${<}0.001$" in text


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [(0.1, 0.2, "elastic"), (-0.2, -0.1, "affine"), (-0.1, 0.1, "neither"), (NAN, NAN, "neither")],
)
def test_a_training_is_better_if_the_whole_interval_says_so(low, high, named):
    pair = SimpleNamespace(training="elastic", against="affine", low=low, high=high)
    assert as_tex.better(pair) == named


def test_runs_in_several_files_become_one_table_model_by_model(tmp_path):
    row = dict.fromkeys(EMPTY, NAN)
    row |= {"mean": 1.5, "wilson_low": 1.2, "wilson_high": 1.8}
    for name, training in (("long", "elastic"), ("all", "affine_elastic_all_180_epochs")):
        cells = [row | {"model": model, "training": training} for model in ("mlp", "simard_cnn")]
        pd.DataFrame(cells).to_csv(tmp_path / f"{name}.csv", index=False)
    paths = {name: str(tmp_path / f"{name}.csv") for name in ("long", "all")}
    output = tmp_path / "table.tex"
    derive.main(function=as_tex.long_runs, inputs={"tables": paths}, output=output)
    shown = [[cell.strip() for cell in line.split("&")[:2]] for line in rows_of(output.read_text())[1:]]
    assert shown == [
        ["MLP", "elastic"],
        ["", "affine and elastic, all images, 180 epochs"],
        ["Simard's CNN", "elastic"],
        ["", "affine and elastic, all images, 180 epochs"],
    ]


def test_only_the_replication_prints_its_comparisons():
    """Studies that repeat some of its cells are set beside the same table, and would take its keys."""
    row = {"model": "mlp", "training": "elastic"}
    judged_row = {"published": 0.7, "one_more_low": 0.72, "one_more_high": 0.86, "verdict": "ours higher"}
    compared = row | {"against": "none", "difference": 0.5, "low": 0.25, "high": 0.75, "mcnemar_p": 0.01}
    shown = ["0.7", "1", "0", "0", "1", "1", "0.50", "0.25", "0.75", "0.010", "elastic"]
    for study, expected in (("simard2003", shown), ("simard2003_long", [])):
        tables = {f"{study}-published": pd.DataFrame([row | judged_row])}
        tables[f"{study}-pairs"] = pd.DataFrame([compared])
        assert [value for _, value in as_tex.numbers(study, tables)] == expected
