"""Simulate `verify` from a committed reference: how often an honest re-run fails it, and which drift it finds.

    python scripts/simulate_verify.py

An honest re-run has the recorded means and spreads over seeds. It and the reference are drawn anew each time, every
seed of every number from a normal distribution, independently. The result is written into docs/reference.md.
"""

import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from invariance.command_line import progress, run
from invariance.record.blocks import replace_block
from invariance.record.reference import DRIFTED, read_reference, status_of
from invariance.results.statistics import t_interval, t_quantile

ROOT = Path(__file__).resolve().parents[1]
REFERENCE, DOCS = ROOT / "paper" / "reference" / "mnist.json", ROOT / "docs" / "reference.md"
RUNS = 1000
POWER = 0.9  # of the runs that a drift is to be found in
STEP = 0.25  # of the drifts that are tried, in standard deviations over seeds
LARGEST = 40.0

Entry = Mapping[str, Any]


def main(*, runs: Annotated[int, Parameter(validator=Number(gte=1))] = RUNS) -> None:
    """Simulate, and write the block of docs/reference.md.

    Args:
        runs: pairs of a reference and a re-run.
    """
    reference = read_reference(REFERENCE, "mnist")
    text = simulated_block(reference, runs)
    replace_block(DOCS, "simulated", text)
    progress(text)


def simulated_block(reference: Mapping[str, Any], runs: int) -> str:
    """What the simulation found, in words."""
    numbers, confidence = recorded_numbers(reference), reference["confidence"]
    alarms = failing_share(numbers, confidence, runs, drift=0)

    def found_from(among: Sequence[Number]) -> float:
        return smallest_found(lambda drift: failing_share(among, confidence, max(runs // 10, 1), drift))

    common, alone = found_from(numbers), [found_from([number]) for number in numbers]
    points = [drift * number.spread for drift, number in zip(alone, numbers, strict=True) if number.key == "mean"]
    text = (
        f"In {runs:,} simulated pairs of a reference and an honest re-run, with the {len(numbers)} numbers of MNIST's "
        f"reference that differ between seeds, {100 * alarms:.1f}% of the re-runs fail. A drift of all numbers by "
        f"{common:g} standard deviations over seeds is found nine times in ten. A drift of one number alone must be "
        f"larger, as few seeds say little about their spread: {np.median(alone):g} standard deviations in the median, "
        f"which for the percentages of cells is {np.median(points):.2f} points (middle half: "
        f"{np.percentile(points, 25):.2f} to {np.percentile(points, 75):.2f})."
    )
    return textwrap.fill(text, 120)


@dataclass(frozen=True)
class Number:
    """A recorded number as the mean of `seeds` draws from a normal distribution.

    Attributes:
        entry: of the reference, with an interval.
        seeds: 2 or more.
        confidence: of the interval.
    """

    entry: Entry
    seeds: int
    confidence: float

    @property
    def key(self) -> str:
        """Where the entry has the number."""
        return "number" if "id" in self.entry else "mean"

    @property
    def spread(self) -> float:
        """The standard deviation over seeds that the interval implies."""
        half = (self.entry["high"] - self.entry["low"]) / 2
        return half * math.sqrt(self.seeds) / t_quantile(self.seeds, self.confidence)

    def drawn(self, random: np.random.Generator, drift: float = 0) -> Entry:
        """The entry of a run, whose true mean lies `drift` standard deviations higher, or lower where it is over 50."""
        sign = -1 if self.entry[self.key] > 50 else 1
        values = random.normal(self.entry[self.key] + sign * drift * self.spread, self.spread, self.seeds)
        found = t_interval(values, self.confidence)
        return {**self.entry, "verdict": None, self.key: found.mean, "low": found.low, "high": found.high}


def recorded_numbers(reference: Mapping[str, Any]) -> list[Number]:
    """The numbers that differ between seeds; a claim's is taken to have as many seeds as the cells of its study."""
    cells = reference["cells"]
    seeds = {cell["study"]: cell["seeds"] for cell in cells}
    fewest = min(seeds.values())
    entries = [(claim, seeds.get(claim["study"], fewest)) for claim in reference["claims"]]
    entries += [(cell, cell["seeds"]) for cell in cells]
    numbers = [Number(entry, count, reference["confidence"]) for entry, count in entries if entry["low"] is not None]
    return [number for number in numbers if number.spread > 0]


def failing_share(numbers: Sequence[Number], confidence: float, runs: int, drift: float) -> float:
    """The share of re-runs in which any of the numbers is reported as drifted."""
    return float(np.mean([any(drifts(numbers, confidence, seed, drift)) for seed in range(runs)]))


def drifts(numbers: Sequence[Number], confidence: float, seed: int, drift: float) -> Iterator[bool]:
    """For each number whether `verify` says that it drifted, in one pair of runs."""
    random = np.random.default_rng(seed)
    for number in numbers:
        yield status_of(number.drawn(random), number.drawn(random, drift), (confidence, confidence)) == DRIFTED


def smallest_found(share: Callable[[float], float]) -> float:
    """The smallest drift, in steps of `STEP`, that is found with probability `POWER`; by bisection."""
    low, high = 0, round(LARGEST / STEP)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if share(middle * STEP) >= POWER else (middle + 1, high)
    return low * STEP


if __name__ == "__main__":
    run(main)
