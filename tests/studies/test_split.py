"""Augmentation against architecture: the split of the variance by least squares, seed by seed, and over seeds."""

import math
import sys
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

import split_variance
from invariance.results.statistics import two_way_shares
from invariance.results.tables import SHARES, shares_over_seeds, variance_shares

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
    """A row a run, for each seed from a table (models, trainings) of mean errors; consistency is 100 less."""
    rows = [
        {"model": f"m{m}", "training": f"t{t}", "seed": seed, "mean_error": error, "mean_consistency": 100 - error}
        for seed, table in errors.items()
        for (m, t), error in np.ndenumerate(table)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=3)


def test_shares_are_taken_seed_by_seed():
    errors = {0: np.array([[1.0, 2, 9], [4, 4, 7]]), 3: np.array([[0.0, 0, 0], [6, 6, 6]])}
    shares = variance_shares(runs_of(errors)).set_index(["measure", "seed"])
    for measure, seed in product(("mean_error", "mean_consistency"), errors):
        assert tuple(shares.loc[(measure, seed)]) == pytest.approx([100 * s for s in two_way_shares(errors[seed])])
    assert tuple(shares.loc[("mean_error", 3)]) == (100, 0, 0)


def test_a_seed_without_every_cell_does_not_count():
    runs = runs_of({0: np.eye(2), 1: np.eye(2)})
    lacking = runs[~((runs.seed == 1) & (runs.model == "m0") & (runs.training == "t1"))]
    assert variance_shares(lacking).seed.unique().tolist() == [0]
    assert variance_shares(runs.assign(mean_error=NAN)).measure.unique().tolist() == ["mean_consistency"]
    assert variance_shares(runs[(runs.model == "m0") | (runs.training == "t1")]).empty


def test_intervals_are_over_seeds():
    shares = pd.DataFrame(
        {"measure": "mean_error", "seed": [0, 1, 2], "architecture": [10.0, 20, 60], "augmentation": [80.0, 70, 30]}
    ).assign(interaction=10.0)
    summary = shares_over_seeds(shares, 0.95).set_index("share")
    assert summary.index.tolist() == SHARES
    expected = stats.t.interval(0.95, 2, 30, stats.sem([10, 20, 60]))
    assert tuple(summary.loc["architecture", ["mean", "low", "high"]]) == pytest.approx((30, *expected))
    assert tuple(summary.loc["interaction", ["seeds", "mean", "low", "high"]]) == (3, 10, 10, 10)
    assert math.isnan(shares_over_seeds(shares[:1], 0.95).low[0])


@pytest.mark.parametrize("cells", [(3, 3), (1, 2)])
def test_script(cells, tmp_path, monkeypatch):
    errors = {seed: np.random.default_rng(seed).random(cells) for seed in (0, 1)}
    runs_of(errors).to_csv(tmp_path / "runs.csv", index=False)
    arguments = ["--runs", tmp_path / "runs.csv", "--confidence", 0.95]
    arguments += ["--seeds", tmp_path / "seeds.csv", "--summary", tmp_path / "summary.csv"]
    monkeypatch.setattr(sys, "argv", ["split_variance.py", *map(str, arguments)])
    split_variance.main()
    seeds, summary = pd.read_csv(tmp_path / "seeds.csv"), pd.read_csv(tmp_path / "summary.csv")
    assert len(seeds) == 4
    assert seeds[SHARES].sum(axis=1).to_numpy() == pytest.approx(100)
    of_error = summary[summary.measure == "mean_error"].set_index("share")
    expected = np.mean([two_way_shares(table)[1] for table in errors.values()])
    assert of_error["mean"]["augmentation"] == pytest.approx(100 * expected)
