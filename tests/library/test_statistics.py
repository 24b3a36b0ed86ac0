"""Intervals and tests against textbook numbers, formulas written out, and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from invariance.results.statistics import mcnemar, t_interval, wilson_interval

examples = settings(max_examples=60, deadline=None)
errors = st.floats(-100, 100).map(lambda value: round(value, 3))


# ----------------------------------------------------------------------------------------------------------------------
# Student's t


def test_t_interval_of_a_textbook():
    """Mean 2, standard error 1 / sqrt(3), and 4.303 from the table of t with two degrees of freedom."""
    interval = t_interval([1, 2, 3], 0.95)
    assert interval.mean == 2
    assert interval.high - 2 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert 2 - interval.low == pytest.approx(interval.high - 2)


@examples
@given(st.lists(errors, min_size=2, max_size=8).filter(lambda v: np.std(v) > 1e-6), st.sampled_from([0.5, 0.95, 0.99]))
def test_t_interval_is_scipys(values, confidence):
    interval = t_interval(values, confidence)
    low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
    assert (interval.mean, interval.low, interval.high) == pytest.approx((np.mean(values), low, high), abs=1e-9)


def test_one_value_has_a_mean_and_no_interval():
    interval = t_interval([3.5], 0.95)
    assert interval.mean == 3.5
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_equal_values_have_an_interval_of_no_width():
    interval = t_interval([1.5, 1.5, 1.5], 0.95)
    assert (interval.mean, interval.low, interval.high) == (1.5, 1.5, 1.5)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_t_interval_covers_as_often_as_it_says(confidence):
    """The spread of three seeds as if it were known, or divided by 3 rather than 2, would cover too seldom."""
    samples = np.random.default_rng(7).normal(10, 2, (2000, 3))
    covered = np.mean(
        [interval.low <= 10 <= interval.high for interval in (t_interval(s, confidence) for s in samples)]
    )
    assert covered == pytest.approx(confidence, abs=4 * math.sqrt(confidence * (1 - confidence) / 2000))


# ----------------------------------------------------------------------------------------------------------------------
# Wilson


def wilson_by_formula(events: int, trials: int, confidence: float) -> tuple[float, float]:
    z = stats.norm.ppf((1 + confidence) / 2)
    p = events / trials
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
    return centre - half, centre + half


@examples
@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95]))
def test_wilson_is_its_formula(counts, confidence):
    low, high = wilson_interval(*counts, confidence)
    assert (low, high) == pytest.approx(wilson_by_formula(*counts, confidence), abs=1e-9)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1


def test_wilson_of_simards_best_error():
    """40 errors in 10,000. The normal approximation, 0.28 to 0.52%, is symmetric; Wilson's interval is not."""
    low, high = wilson_interval(40, 10_000, 0.95)
    assert (100 * low, 100 * high) == pytest.approx((0.294, 0.544), abs=5e-4)
    half = 1.959964 * math.sqrt(0.004 * 0.996 / 10_000)
    assert (round(0.4 - 100 * half, 2), round(0.4 + 100 * half, 2)) == (0.28, 0.52)
    assert high - 0.004 > half > 0.004 - low


def test_wilson_of_no_errors_is_not_empty():
    low, high = wilson_interval(0, 100, 0.95)
    assert low == 0
    assert high == pytest.approx(0.037, abs=5e-4)


# ----------------------------------------------------------------------------------------------------------------------
# McNemar


def two_sided(first: int, second: int) -> float:
    """Twice the smaller tail of Binomial(first + second, 1/2), at most 1."""
    trials = first + second
    tail = sum(math.comb(trials, k) for k in range(min(first, second) + 1)) / 2**trials
    return min(1.0, 2 * tail)


def answers(both: int, first: int, second: int, neither: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two classifiers of which each has so many images right, in a random order."""
    right = [(1, 1)] * both + [(1, 0)] * first + [(0, 1)] * second + [(0, 0)] * neither
    pairs = np.random.default_rng(seed).permutation(np.array(right, dtype=bool).reshape(-1, 2))
    return pairs[:, 0], pairs[:, 1]


@examples
@given(*[st.integers(0, 60)] * 2, *[st.integers(0, 40)] * 2)
def test_mcnemar_is_the_binomial_sum_over_differing_images(first, second, both, neither):
    result = mcnemar(*answers(both, first, second, neither + 1))
    assert (result.only_first_right, result.only_second_right) == (first, second)
    assert result.p_value == pytest.approx(two_sided(first, second), rel=1e-9)


def test_mcnemar_by_hand():
    """1 against 9: 2 (1 + 10) / 1024. Images that both have right do not matter."""
    assert mcnemar(*answers(0, 1, 9, 0)).p_value == pytest.approx(22 / 1024)
    assert mcnemar(*answers(500, 1, 9, 30)).p_value == pytest.approx(22 / 1024)


def test_mcnemar_of_equal_answers():
    result = mcnemar(*answers(5, 0, 0, 5))
    assert (result.only_first_right, result.only_second_right, result.p_value) == (0, 0, 1.0)
