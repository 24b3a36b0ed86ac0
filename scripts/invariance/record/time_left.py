"""How long a run still takes: the rest of its jobs, played through on its cores at the pace of the jobs so far."""

import csv
import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from invariance.record.artefacts import InputError


@dataclass(frozen=True)
class Job:
    """What makes jobs alike: their rule, and the wildcards that they share. A job without a rule takes no time."""

    rule: str | None
    wildcards: frozenset[tuple[str, str]] = frozenset()
    needs: frozenset[int] = frozenset()
    earlier: float | None = None  # seconds that the same job took in an earlier run


def benchmarked(path: str | Path | None, column: str = "s") -> float | None:
    """Seconds in a benchmark file of Snakemake's; None if there is no such file, or not one of these."""
    try:
        with Path(path or "").open(newline="", encoding="utf-8") as stream:
            return float(next(csv.DictReader(stream, delimiter="\t"))[column])
    except (OSError, StopIteration, KeyError, TypeError, ValueError):
        return None


def makespan(seconds: Mapping[Any, float], needs: Mapping[Any, Collection[Any]], cores: int) -> float:
    """Seconds that jobs take on some cores, each job on one, as soon as those that it needs are done.

    Args:
        seconds: Of each job, by its name, in the order in which a free core takes them.
        needs: Names of jobs that a job waits for; those without `seconds` are done.
        cores: How many jobs may run at once, at least 1.

    Raises:
        InputError: jobs need one another in a circle.
    """
    waiting = {job: {need for need in needs[job] if need in seconds} for job in seconds}
    needed_by = defaultdict(list)
    for job, others in waiting.items():
        for other in others:
            needed_by[other].append(job)
    order = {job: place for place, job in enumerate(seconds)}
    ready = [(order[job], job) for job, others in waiting.items() if not others]
    running: list[tuple[float, Any]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < cores:
            _, job = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds[job], job))
        now = running[0][0]
        while running and running[0][0] == now:  # all that end now, before anything starts
            done = heapq.heappop(running)[1]
            for job in needed_by[done]:
                waiting[job].remove(done)
                if not waiting[job]:
                    heapq.heappush(ready, (order[job], job))
    if any(waiting.values()):
        raise InputError("the jobs on record need one another in a circle; run snakemake in an empty folder")
    return now


class TimeLeft:
    """What is known of the times of a run's jobs, and what follows for those that are left. Times in seconds."""

    def __init__(self, jobs: Mapping[int, Job], cores: int, others: Iterable[Job] = ()) -> None:
        """Args: the jobs to run, by number; how many run at once; jobs of earlier runs that are not run again."""
        self.jobs, self.cores = dict(jobs), cores
        self.started: dict[int, float] = {}
        self.took: dict[int, float] = {}
        self.earlier = [job for job in [*self.jobs.values(), *others] if job.earlier is not None]

    def start(self, number: int, now: float) -> None:
        self.started[number] = now

    def stop(self, number: int) -> None:
        """A job failed."""
        self.started.pop(number, None)

    def finish(self, number: int, now: float) -> None:
        self.took[number] = now - self.started.pop(number, now)

    def pace(self, rule: str) -> float:
        """How much longer the finished jobs of a rule took than in the earlier run: of its machine, or its settings."""
        again = [number for number in self.took if self.jobs[number].rule == rule and self.jobs[number].earlier]
        if not again:
            return 1.0
        return sum(self.took[number] for number in again) / sum(self.jobs[number].earlier for number in again)

    def known(self) -> dict[str, dict[frozenset, float]]:
        """Seconds by rule and wildcards: of this run, or of an earlier one at the pace of this."""
        known: dict[str, dict[frozenset, float]] = defaultdict(dict)
        pace = {job.rule: self.pace(job.rule) for job in self.earlier}
        for job in self.earlier:
            known[job.rule][job.wildcards] = job.earlier * pace[job.rule]
        for number, seconds in self.took.items():
            known[self.jobs[number].rule][self.jobs[number].wildcards] = seconds
        return known

    def left(self, now: float) -> tuple[float, set[str]]:
        """Seconds to the end of the run, and the rules of unknown duration, whose jobs count as 0 s."""
        known, unknown, seconds = self.known(), set(), {}
        unfinished = [number for number in self.jobs if number not in self.took]
        for number in sorted(unfinished, key=lambda number: number not in self.started):
            job = self.jobs[number]
            if job.rule and job.rule not in known:
                unknown.add(job.rule)
            expected = most_alike(job.wildcards, known[job.rule]) if job.rule in known else 0.0
            seconds[number] = max(0.0, expected - (now - self.started.get(number, now)))
        return makespan(seconds, {number: self.jobs[number].needs for number in seconds}, self.cores), unknown


def most_alike(wildcards: frozenset, known: Mapping[frozenset, float]) -> float:
    """Mean of the jobs that share the most wildcards: a training with another seed tells more than another network."""
    shared = {other: len(wildcards & other) for other in known}
    most = max(shared.values())
    return fmean(known[other] for other, count in shared.items() if count == most)


def in_words(seconds: float) -> str:
    """A time to wait: 40 s, 12 min, 1 h 25 min."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
