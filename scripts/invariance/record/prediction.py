"""How long a run that is on record would take on other machines: one with more cores, or a Slurm cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from invariance.record.compute import Job, Jobs, Times, core_seconds, replay, seconds_of


@dataclass(frozen=True)
class Overhead:
    """Seconds that no job's own time includes.

    Attributes:
        run: from the command until the first job starts.
        each: of each thing that is started: a job on one machine, a submission on a cluster.
    """

    run: float
    each: float


def predicted(jobs: Jobs, cores: int, overhead: Overhead) -> float:
    """Seconds from the command to its end, for jobs, or submissions as `submissions` makes them, of one core each."""
    return overhead.run + replay(jobs, cores, overhead.each)


def submissions(jobs: Jobs, logs: Path, together: Mapping[str, int], each: float) -> Jobs:
    """The jobs of a run as a cluster gets them: those of one submission as one job, which lasts as long as all of them.

    Downloads are left out: the login node does them. Which parts of a group share a submission is up to Snakemake; here
    neighbours in the order of their logs do, such as the seeds of one training.

    Args:
        jobs: by their log.
        logs: folder of the logs of this dataset.
        together: how many distortions of one canvas are one submission ("distort"), and how many trainings of one
            network in one study ("train"), as `group-components` in profiles/slurm/config.yaml says.
        each: seconds of a job beside its CPU time.
    """
    groups: dict[tuple[str, ...], Jobs] = {}
    for _, job in sorted(jobs.items()):
        if job.stage == "download":
            continue
        groups.setdefault(group_of(Path(job.log).relative_to(logs).parts), {})[job.log] = job
    of_log, merged = {}, {}
    for group, members in groups.items():
        parts = connected(members)
        size = together.get(group[0], len(parts))
        for number, start in enumerate(range(0, len(parts), size)):
            name = "/".join((*group, str(number)))
            merged[name] = [job for part in parts[start : start + size] for job in part]
            of_log |= {job.log: name for job in merged[name]}
    return {name: as_one(name, members, of_log, each) for name, members in merged.items()}


def connected(jobs: Jobs) -> list[list[Job]]:
    """Connected components of the jobs, such as one seed with the trainings that start from it."""
    parts: list[set[str]] = []
    for log, job in jobs.items():
        needed = {log, *job.needs} & jobs.keys()
        linked = [part for part in parts if part & needed]
        parts = [*(part for part in parts if part not in linked), needed.union(*linked)]
    return [[job for log, job in jobs.items() if log in part] for part in sorted(parts, key=min)]


def group_of(log: tuple[str, ...]) -> tuple[str, ...]:
    """The group of a job, as in profiles/slurm/config.yaml.

    Args:
        log: its path below the logs of the dataset, in parts.
    """
    match log:
        case ["source.log"]:
            return log
        case ["train" | "evaluate", study, model, *_]:
            return ("train", study, model)
        case ["distort", canvas, *_]:
            return ("distort", canvas)
    return ("results",)


def as_one(name: str, members: list[Job], of_log: Mapping[str, str], each: float) -> Job:
    """One job that lasts as long as all of these and needs what they need of others."""
    cpu, first = core_seconds(members) + each * len(members), min(job.order[0] for job in members)
    needs = {of_log[need] for job in members for need in job.needs if need in of_log} - {name}
    return Job(name, members[0].stage, first + cpu, set(), needs, Times(cpu, cpu, None))


def critical_path(jobs: Jobs) -> list[Job]:
    """The jobs, each of which needs the one before, that take longest together: no number of cores is faster."""
    ends: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for log in TopologicalSorter({log: job.needs for log, job in jobs.items()}).static_order():
        last = max(sorted(jobs[log].needs), key=ends.__getitem__, default=None)
        before[log], ends[log] = last, seconds_of(jobs[log]) + (ends[last] if last else 0.0)
    path, log = [], max(sorted(ends), key=ends.__getitem__, default=None)
    while log is not None:
        path.append(jobs[log])
        log = before[log]
    return path[::-1]
