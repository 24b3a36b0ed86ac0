"""What a run cost: its jobs, what each used, and how long they would take on more or fewer cores.

Dependencies between jobs come from Snakemake's own records (.snakemake/metadata). What a job used comes from the last
line of its log, written by `invariance.command_line.used`, and from Snakemake's benchmark file beside the log.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invariance.record.artefacts import InputError
from invariance.record.time_left import benchmarked, makespan

WORKERS = (1, 2, 4, 8)
STAGES = ("download", "source", "distort", "train", "evaluate", "tables", "figures", "paper", "pages")
LOOP_STAGES = ("distort", "train", "evaluate")  # whose loops are counted
USED = re.compile(
    r"^used (?P<cpu>[\d.]+) s of CPU, (?P<loop>[\d.]+) s of them in the loop, (?P<wall>[\d.]+) s by the clock, "
    r"(?P<memory>\d+) MB at most$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Times:
    """Seconds of one job: CPU time, wall time, and CPU time in its loop (None if its log does not say)."""

    cpu: float
    wall: float
    loop: float | None


@dataclass
class Job:
    """One job of a run: its log, which identifies it; its stage; its outputs; the logs of the jobs that it needs."""

    log: str
    stage: str
    ended: float
    outputs: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)
    times: Times | None = None
    resumed: bool = False

    @property
    def order(self) -> tuple[float, str]:
        """Sorts jobs in the order in which Snakemake started them."""
        return self.ended - (self.times.wall if self.times else 0), self.log


Jobs = dict[str, Job]


# What was run ---------------------------------------------------------------------------------------------------------


def read_records(metadata: Path) -> dict[str, dict[str, Any]]:
    """Snakemake's records of finished jobs, by output; raises InputError if there are none of this version."""
    records = {}
    try:
        for path in sorted(metadata.rglob("*")):
            if path.is_file():
                name = "".join(part.removeprefix("@") for part in path.relative_to(metadata).parts)
                output = base64.urlsafe_b64decode(name).decode("utf-8")
                records[output] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, binascii.Error) as error:
        raise InputError(f"{path}: not a record of Snakemake's ({error})") from None
    if not records:
        raise InputError(f"{metadata}: no records of a run; run this where snakemake ran")
    return records


def read_jobs(records: Mapping[str, Mapping[str, Any]], target: str, logs: Path) -> Jobs:
    """Every job that `target` depends on, by its log, with what it used.

    Args:
        records: as `read_records` gives them.
        target: path of an output, as Snakemake names it, such as results/mnist/manifest.json.
        logs: folder of the logs of this dataset; below it the first part of a log's path is its job's stage.

    Raises:
        InputError: the target was not made here, its job has no log there, or no log is left.
    """
    if target not in records:
        raise InputError(f"{target}: Snakemake has no record of making it here; run snakemake first")
    jobs: Jobs = {}
    waiting, seen = [target], {target}
    while waiting:
        output = waiting.pop()
        record = records[output]
        log = next(iter(record["log"] or ()), "")
        if not Path(log).is_relative_to(logs):
            raise InputError(f"{output}: its job's log {log!r} is not in {logs}; name the logs of the same run")
        job = jobs.setdefault(log, Job(log, Path(log).relative_to(logs).with_suffix("").parts[0], 0.0))
        job.outputs.add(output)
        job.ended = max(job.ended, record["endtime"] or 0.0)
        made = [path for path in record["input"] or () if path in records]
        job.needs |= {records[path]["log"][0] for path in made if records[path]["log"]} - {log}
        waiting += {path for path in made if path not in seen}
        seen.update(made)
    for job in jobs.values():
        job.times, job.resumed = read_times(Path(job.log))
    if not core_seconds(jobs.values()):
        raise InputError(f"{logs}: no log there says what its job used; name the logs of the same run")
    return jobs


def read_times(log: Path) -> tuple[Times | None, bool]:
    """What a job used, if recorded, and whether it continued an interrupted attempt."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    said = list(USED.finditer(text))
    used = {name: float(value) for name, value in said[-1].groupdict().items()} if said else {}
    wall, cpu = (benchmarked(log.with_suffix(".tsv"), column) for column in ("s", "cpu_time"))
    wall = used.get("wall") if wall is None else wall
    if wall is None:
        return None, False
    cpu = used.get("cpu", wall if cpu is None else cpu)
    return Times(cpu, wall, used.get("loop")), "going on after epoch" in text


# What it cost ---------------------------------------------------------------------------------------------------------


def behind(jobs: Jobs, outputs: Collection[str]) -> Jobs:
    """The jobs that make these files and everything that they depend on."""
    found = {log for log, job in jobs.items() if job.outputs & set(outputs)}
    waiting = list(found)
    while waiting:
        new = jobs[waiting.pop()].needs - found
        found |= new
        waiting += new
    return {log: jobs[log] for log in jobs if log in found}


def seconds_of(job: Job) -> float:
    """CPU seconds of a job; 0 if they are not known."""
    return job.times.cpu if job.times else 0.0


def core_seconds(jobs: Iterable[Job]) -> float:
    """CPU seconds of jobs."""
    return sum(map(seconds_of, jobs))


def replay(jobs: Jobs, workers: int, beside: float = 0.0) -> float:
    """Seconds that the jobs take on `workers` cores, each free worker taking the ready job that the run started first.

    A job computes in one thread and waits for nothing, so it lasts as long as its CPU time, which other load on the
    machine changes less than its time by the clock, and `beside`: seconds that its worker spends before and after.
    """
    in_order = sorted(jobs.values(), key=lambda job: job.order)
    seconds = {job.log: seconds_of(job) + beside for job in in_order}
    return makespan(seconds, {log: job.needs for log, job in jobs.items()}, workers)


def start_up_share(jobs: Iterable[Job]) -> float | None:
    """The share of CPU time outside distorting, training and evaluating; None if some job does not say."""
    jobs = list(jobs)
    if any(job.stage in LOOP_STAGES and (job.times is None or job.times.loop is None) for job in jobs):
        return None
    return 1 - sum(job.times.loop or 0 for job in jobs if job.times) / core_seconds(jobs)


def stage_rows(jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """For each stage: jobs, CPU and wall seconds, share of all CPU time."""
    jobs = list(jobs)
    total = core_seconds(jobs)
    stages = {job.stage for job in jobs}
    rows = []
    for stage in [*(stage for stage in STAGES if stage in stages), *sorted(stages.difference(STAGES))]:
        of_stage = [job for job in jobs if job.stage == stage]
        cpu = core_seconds(of_stage)
        rows.append(
            {
                "stage": stage,
                "jobs": len(of_stage),
                "core_seconds": round(cpu, 1),
                "wall_seconds": round(sum(job.times.wall for job in of_stage if job.times), 1),
                "share": round(cpu / total, 4),
            }
        )
    return rows


def summarised(jobs: Jobs) -> dict[str, Any]:
    """A run's cost as in a reference: stages, total, start-up share, seconds on 1, 2, 4 and 8 workers."""
    rows, share = stage_rows(jobs.values()), start_up_share(jobs.values())
    return {
        "stages": rows,
        "jobs": len(jobs),
        "core_seconds": round(core_seconds(jobs.values()), 1),
        "start_up_share": None if share is None else round(share, 4),
        "replayed_seconds": {str(workers): round(replay(jobs, workers), 1) for workers in WORKERS},
        # Of a resumed training only the last part was measured.
        "resumed_jobs": sum(job.resumed for job in jobs.values()),
        "unmeasured_jobs": sum(job.times is None for job in jobs.values()),
    }


def compute_lines(compute: Mapping[str, Any]) -> list[str]:
    """The cost as plain text."""
    lines = [f"{'stage':10} {'jobs':>6} {'core min':>9} {'share':>7}"]
    for row in compute["stages"]:
        minutes, share = row["core_seconds"] / 60, 100 * row["share"]
        lines.append(f"{row['stage']:10} {row['jobs']:6} {minutes:9.1f} {share:6.1f}%")
    lines.append(f"{'all':10} {compute['jobs']:6} {compute['core_seconds'] / 60:9.1f} {100:6.1f}%")
    share = compute["start_up_share"]
    known = "not known: some logs do not say" if share is None else f"{100 * share:.1f}%"
    lines.append(f"CPU outside distorting, training and evaluating: {known}")
    for workers, seconds in compute["replayed_seconds"].items():
        lines.append(f"replayed with {workers} {'worker' if workers == '1' else 'workers'}: {seconds / 60:.1f} min")
    for key, what in (("resumed_jobs", "resumed, and measured in part"), ("unmeasured_jobs", "not measured at all")):
        if compute[key]:
            lines.append(f"warning: {compute[key]} jobs were {what}; the times above are too short")
    return lines
