"""Augmentation against architecture: the split of the variance by least squares, seed by seed, and over seeds."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

import derive
from invariance.results.statistics import two_way_shares
from judging import CONFIG, cell, judged, tables_of
from printed import is_whole
from studies.split import table as as_tex
from studies.split.claims import augmentation_leads, reversing
from studies.split.summary import SHARES, variance, variance_seeds

NAN = float("nan")
tables = npst.arrays(
    float, npst.array_shapes(min_dims=2, max_dims=2, max_side=4), elements=st.integers(-50, 50).map(float)
)


def residual(design: list[np.ndarray], values: np.ndarray) -> float:
    """What is left of the sum of squares of `values` (n,) when the columns of `design` are fitted to it."""
    columns = np.column_stack(design)
    fitted = columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    return float(((values - fitted) ** 2).sum())


# ----------------------------------------------------------------------------------------------------------------------
# The split of one table


@settings(max_examples=60, deadline=None)
@given(tables.filter(lambda values: np.ptp(values) > 0))
def test_shares_are_those_of_least_squares_with_dummy_variables(values):
    """What each factor takes off the residual when its dummies join the fit; the table is balanced, so in any order."""
    row, column = (indices.ravel() for indices in np.indices(values.shape))
    flat = values.ravel()
    rows = [(row == level).astype(float) for level in range(values.shape[0])]
    columns = [(column == level).astype(float) for level in range(values.shape[1])]
    nothing, total = [np.ones(flat.size)], residual([np.ones(flat.size)], flat)
    expected = [
        total - residual([*nothing, *rows], flat),
        residual([*nothing, *rows], flat) - residual([*nothing, *rows, *columns], flat),
        residual([*nothing, *rows, *columns], flat),
    ]
    assert two_way_shares(values) == pytest.approx(np.array(expected) / total, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(tables.filter(lambda values: np.ptp(values) > 0), st.floats(0.1, 10), st.floats(-100, 100))
def test_shares_add_up_and_know_no_unit_and_no_origin(values, scale, origin):
    shares = two_way_shares(values)
    assert sum(shares) == pytest.approx(1)
    assert two_way_shares(scale * values + origin) == pytest.approx(shares, abs=1e-6)
    assert two_way_shares(values.T) == pytest.approx((shares[1], shares[0], shares[2]))


def test_shares_of_pure_effects():
    assert two_way_shares([[1, 1, 1], [5, 5, 5]]) == (1, 0, 0)
    assert two_way_shares([[1, 2, 9], [1, 2, 9]]) == (0, 1, 0)
    assert two_way_shares([[0, 1], [1, 0]]) == (0, 0, 1)
    assert two_way_shares([[0, 3], [1, 4]]) == pytest.approx((0.1, 0.9, 0))
    assert all(math.isnan(share) for share in two_way_shares([[2, 2], [2, 2]]))


# ----------------------------------------------------------------------------------------------------------------------
# Of a study


def runs_of(errors: dict[int, np.ndarray]) -> pd.DataFrame:
    """One row per trained model, from a table (models, trainings) of mean errors per seed; consistency is 100 less."""
    rows = [
        {"model": f"m{m}", "training": f"t{t}", "seed": seed, "mean_error": error, "mean_consistency": 100 - error}
        for seed, table in errors.items()
        for (m, t), error in np.ndenumerate(table)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=3)


def test_shares_are_taken_seed_by_seed():
    errors = {0: np.array([[1.0, 2, 9], [4, 4, 7]]), 3: np.array([[0.0, 0, 0], [6, 6, 6]])}
    shares = variance_seeds(runs_of(errors)).set_index(["measure", "seed"])
    for measure, seed in product(("mean_error", "mean_consistency"), errors):
        assert tuple(shares.loc[(measure, seed)]) == pytest.approx([100 * s for s in two_way_shares(errors[seed])])
    assert tuple(shares.loc[("mean_error", 3)]) == (100, 0, 0)


def test_a_seed_without_every_cell_does_not_count():
    runs = runs_of({0: np.eye(2), 1: np.eye(2)})
    lacking = runs[~((runs.seed == 1) & (runs.model == "m0") & (runs.training == "t1"))]
    assert variance_seeds(lacking).seed.unique().tolist() == [0]
    assert variance_seeds(runs.assign(mean_error=NAN)).measure.unique().tolist() == ["mean_consistency"]
    assert variance_seeds(runs[(runs.model == "m0") | (runs.training == "t1")]).empty


def test_intervals_are_over_seeds():
    errors = {seed: np.random.default_rng(seed).random((2, 3)) for seed in (0, 1, 2)}
    by_seed = pd.DataFrame([100 * np.array(two_way_shares(table)) for table in errors.values()], columns=SHARES)
    summary = variance(variance_seeds(runs_of(errors)), 0.95).set_index(["measure", "share"])
    assert summary.loc["mean_error"].index.tolist() == SHARES
    for share in SHARES:
        mean = by_seed[share].mean()
        expected = stats.t.interval(0.95, 2, mean, stats.sem(by_seed[share]))
        found = summary.loc[("mean_error", share), ["seeds", "mean", "low", "high"]]
        assert tuple(found) == pytest.approx((3, mean, *expected))
    assert math.isnan(variance(variance_seeds(runs_of({4: errors[0]})), 0.95).low[0])


@pytest.mark.parametrize("cells", [(3, 3), (1, 2)])
def test_tables(cells, tmp_path):
    errors = {seed: np.random.default_rng(seed).random(cells) for seed in (0, 1)}
    runs_of(errors).to_csv(tmp_path / "runs.csv", index=False)
    runs, by_seed, output = (tmp_path / f"{name}.csv" for name in ("runs", "by_seed", "summary"))
    derive.main(function=variance_seeds, inputs={"runs": str(runs)}, settings={}, output=by_seed)
    derive.main(function=variance, inputs={"shares": str(by_seed)}, settings={"confidence": 0.95}, output=output)
    seeds, summary = pd.read_csv(by_seed), pd.read_csv(output)
    assert len(seeds) == 4
    assert seeds[SHARES].sum(axis=1).to_numpy() == pytest.approx(100)
    of_error = summary[summary.measure == "mean_error"].set_index("share")
    expected = np.mean([two_way_shares(table)[1] for table in errors.values()])
    assert of_error["mean"]["augmentation"] == pytest.approx(100 * expected)


# ----------------------------------------------------------------------------------------------------------------------
# C11


def test_c11_prints_every_share_and_the_error_of_every_cell():
    tables = tables_of()
    details = judged(tables)["C11"].details
    assert details["augmentation"] == pytest.approx(59)
    assert details["left_out_cases"] == 6
    low, high = stats.t.interval(0.95, 2, 31, stats.sem([30, 31, 32]))
    of_consistency = [details[f"architecture_of_consistency{end}"] for end in ("", "_low", "_high")]
    assert of_consistency == pytest.approx([31, low, high])
    for model, chosen in CONFIG["studies"]["split"]["cells"].items():
        for training in chosen["trainings"]:
            error = details[f"{model}_{training}_error"]
            assert error == pytest.approx(cell(tables["split-runs"], model, training).mean_error.sum() / 3)


def test_a_level_counts_if_the_order_of_the_shares_is_another_without_it():
    """Means of MNIST: augmentation leads, but not without the MLP, the FC trunk or the translated digits."""
    cells = pd.DataFrame({"none": [71.5, 55.5, 3.7], "elastic": [48.2, 26.0, 3.4], "translated": [6.1, 1.8, 1.7]})
    assert augmentation_leads(cells)
    assert [augmentation_leads(cells.drop(index=model)) for model in range(3)] == [False, False, True]
    assert [augmentation_leads(cells.drop(columns=training)) for training in cells] == [True, True, False]
    assert reversing(cells) == reversing(cells.T) == 3
    assert reversing(pd.DataFrame([[1.0, 2, 3]] * 3)) == 0


# ----------------------------------------------------------------------------------------------------------------------
# As TeX


def test_tabular_has_a_column_for_each_share():
    shares = [("mean_error", share, 2, 10.0 * place, NAN, NAN) for place, share in enumerate(SHARES, 1)]
    text = as_tex.variance(pd.DataFrame(shares, columns=["measure", "share", "seeds", "mean", "low", "high"]))
    assert is_whole(text)
    assert r"mean error & 10.0 & 20.0 & 30.0 \\" in text
