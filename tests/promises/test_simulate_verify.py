"""How sharp `verify` is: the simulation agrees with a second one, and with what docs/reference.md says."""

import math
import re

import numpy as np
import pytest
from scipy import stats

import simulate_verify
from invariance.record import reference
from invariance.record.reference import read_reference
from invariance.results.statistics import t_interval
from recipes import block_of
from simulate_verify import Number, failing_share, recorded_numbers, smallest_found

SEEDS, IMAGES, CONFIDENCE = 3, 10**9, 0.8  # with so many images the chance in them is nothing


def number(mean: float, spread: float, **entry) -> Number:
    half = stats.t.ppf((1 + CONFIDENCE) / 2, SEEDS - 1) * spread / math.sqrt(SEEDS)
    cell = {"study": "s", "seeds": SEEDS, "images": IMAGES, "mean": mean, "low": mean - half, "high": mean + half}
    return Number(cell | entry, SEEDS, CONFIDENCE)


def test_the_spread_is_that_of_the_values_behind_the_interval():
    values = [3.0, 3.5, 5.0, 4.0]
    found = t_interval(values, 0.95)
    entry = {"mean": found.mean, "low": found.low, "high": found.high, "images": IMAGES}
    assert Number(entry, 4, 0.95).spread == pytest.approx(np.std(values, ddof=1))


@pytest.fixture
def often(monkeypatch):
    """Intervals narrow enough that honest re-runs often fail."""
    monkeypatch.setattr(reference, "COMPARED", CONFIDENCE)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("drift", [0, 2, 6])
def test_a_second_simulation_agrees(drift):
    runs, random = 20_000, np.random.default_rng(0)
    both = random.normal(size=(2, runs, SEEDS)) + np.reshape([0, drift], (2, 1, 1))
    means, spreads = both.mean(axis=2), both.std(axis=2, ddof=1)
    halves = stats.t.ppf((1 + CONFIDENCE) / 2, SEEDS - 1) * spreads / math.sqrt(SEEDS)
    apart = np.mean(abs(means[1] - means[0]) > halves.sum(axis=0))
    found = failing_share([number(20, 0.5)], CONFIDENCE, 1000, drift)
    assert found == pytest.approx(apart, abs=4 * math.sqrt(max(apart * (1 - apart), 1e-3) / 1000))


@pytest.mark.usefixtures("often")
def test_one_number_of_many_is_enough():
    alone = failing_share([number(20, 0.5)], CONFIDENCE, 500, 0)
    among = failing_share([number(20, 0.5)] * 10, CONFIDENCE, 500, 0)
    assert among == pytest.approx(1 - (1 - alone) ** 10, abs=0.1)
    assert among > 2 * alone


def test_a_number_near_a_hundred_drifts_down():
    drawn = number(99.5, 0.1).drawn(np.random.default_rng(0), drift=3)
    assert drawn["mean"] < 99.5
    assert number(0.5, 0.1).drawn(np.random.default_rng(0), drift=3)["mean"] > 0.5


def test_the_smallest_drift_that_is_found():
    assert smallest_found(lambda drift: min(1, drift / 5)) == 4.5
    assert smallest_found(lambda drift: 1) == 0
    assert smallest_found(lambda drift: 0) == simulate_verify.LARGEST


def test_numbers_that_no_seed_changes_are_left_out():
    still = number(100, 0.0).entry | {"id": "C5", "number": 100.0}
    single = number(1, 0.1).entry | {"low": None, "high": None, "seeds": 1}
    moving = number(1, 0.1).entry | {"seeds": SEEDS}
    recorded = {"claims": [still], "cells": [single, moving], "confidence": CONFIDENCE}
    assert [found.entry for found in recorded_numbers(recorded)] == [moving]


def test_fewer_than_one_in_twenty_honest_runs_fail_as_the_docs_say():
    recorded = read_reference(simulate_verify.REFERENCE, "mnist")
    numbers = recorded_numbers(recorded)
    text = block_of(simulate_verify.DOCS, "simulated")
    runs, said = re.search(r"In ([\d,]+) simulated.*?([\d.]+)% of the\s+re-runs fail", text, re.DOTALL).groups()
    assert f"the {len(numbers)} numbers" in text, "run: python scripts/simulate_verify.py"
    assert float(said) < 5
    assert int(runs.replace(",", "")) >= 1000
    found = 100 * failing_share(numbers, recorded["confidence"], 200, 0)
    assert found == pytest.approx(float(said), abs=4)
