"""Timing: contenders take turns, round after round, so that a slow minute of the machine falls on all of them.

Each ratio compares two calls of the same round, made within seconds of each other; the median and the range are over
rounds.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Contender:
    """One way to do a task."""

    name: str
    run: Callable[[Any], Any]  # gets what `prepare` returned; this is what is timed
    images: int  # of one call; 1 for a ceiling
    prepare: Callable[[], Any] = nothing  # before every call, not timed
    repeats: int = 1  # calls in a round, of which the fastest counts
    facts: dict[str, Any] = field(default_factory=dict)  # `note`, `rms` and the like


@dataclass(frozen=True)
class Task:
    """Contenders for the same work; the first one is ours, and ratios are taken to it."""

    name: str
    contenders: Sequence[Contender]
    flops: float = 0.0  # floating-point operations per image
    moved: float = 0.0  # bytes read and written per image


def measure(
    tasks: Sequence[Task],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[tuple[str, str], list[float]]:
    """Seconds of each contender: (task, contender) -> one number per round.

    A first round, which is not kept, warms up caches, compilers and allocators.
    """
    seconds: dict[tuple[str, str], list[float]] = {
        (task.name, contender.name): [] for task in tasks for contender in task.contenders
    }
    gc.collect()
    gc.freeze()  # so that collecting before each turn skips what exists already
    for number in range(rounds + 1):
        progress(f"round {number} of {rounds}" if number else "warming up")
        for task, contender in turns(tasks, number):
            gc.collect()
            elapsed = fastest(contender, clock)
            if number:
                seconds[task.name, contender.name].append(elapsed)
    gc.unfreeze()
    return seconds


def turns(tasks: Sequence[Task], number: int) -> Iterator[tuple[Task, Contender]]:
    """The order of round `number`: task after task, contenders forwards in one round and backwards in the next."""
    for task in tasks:
        for contender in task.contenders[:: -1 if number % 2 else 1]:
            yield task, contender


def fastest(contender: Contender, clock: Callable[[], float]) -> float:
    """Seconds of the fastest of the contender's calls in one round."""
    times = []
    for _ in range(contender.repeats):
        prepared = contender.prepare()
        start = clock()
        contender.run(prepared)
        times.append(clock() - start)
    return min(times)


def median_and_range(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, lowest and highest."""
    return median(values), min(values), max(values)


def speeds(images: int, seconds: Sequence[float]) -> list[float]:
    """Images per second, round by round."""
    return [images / one for one in seconds]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """How many times as fast ours is, round by round."""
    return [our / their for our, their in zip(ours, theirs, strict=True)]


def shares(work: float, speed: Sequence[float], ceiling: Sequence[float]) -> list[float]:
    """Percent of a ceiling, round by round.

    Args:
        work: operations or bytes per image.
        speed: images per second, by round.
        ceiling: operations or bytes per second, by round.
    """
    return [100 * work * one / most for one, most in zip(speed, ceiling, strict=True)]
