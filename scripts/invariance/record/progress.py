"""What a run shows while it goes on: a line for each job, and in a terminal a bar with the time left.

It takes the place of the handler that Snakemake's logger writes to the screen with. A plugin would have to be installed
to be found, while this comes with the project's folder; `snakemake-logger-plugin-rich` has bars, but does not tell the
time left. Snakemake's own log of a run (.snakemake/log) has everything, the command of every job too.
"""

import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

from snakemake.logging import ColorizingTextHandler, DefaultFormatter, get_event, is_quiet_about
from snakemake_interface_logger_plugins.common import LogEvent

from invariance.record.time_left import Job, TimeLeft, benchmarked, in_words

HIDDEN = (LogEvent.WORKFLOW_STARTED, LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED, LogEvent.RESOURCES_INFO)
CHATTER = ("Select jobs to execute...", "Using shell: ", "Conda environments: ignored")
EVERY = 5  # seconds between two looks at the clock
WIDEST = 30  # columns of the bar itself
ERASE = "\r\x1b[K"
# What a cluster says of a job that it ended, and the resource that the job should have asked for more of.
ENDED_FOR = {
    "runtime": re.compile(r"DUE TO TIME LIMIT|status is: 'TIMEOUT'"),
    "mem_mb": re.compile(r"oom[-_]kill|exceeded memory limit|status is: 'OUT_OF_MEMORY'", re.IGNORECASE),
}


def show(workflow: Any, logger: logging.Logger) -> "Progress | None":
    """Show the progress of a run; None where the screen is left to Snakemake: `--verbose`, `-n`, `--logger`."""
    settings = workflow.output_settings
    for handler in logger.handlers:
        if settings.verbose or isinstance(handler, logging.FileHandler):
            for known in handler.filters:
                known.printshellcmds = True
    plain = next((handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"), None)
    if plain is None or settings.verbose or settings.dryrun or not workflow.is_main_process:
        return None
    progress = Progress(plain, bar=not is_quiet_about(settings.quiet or (), "progress"))
    logger.removeHandler(plain)
    logger.addHandler(progress)
    return progress


class Lines(DefaultFormatter):
    """A job in one line; errors, with the command that failed and its log, as Snakemake words them."""

    def __init__(self, like: DefaultFormatter, suffix: Callable[[], str]) -> None:
        super().__init__(like.quiet, like.show_failed_logs)
        self.suffix = suffix

    def format(self, record: logging.LogRecord) -> str:
        if get_event(record) in HIDDEN or str(record.msg).startswith(CHATTER):
            return ""
        return super().format(record)

    def format_job_info(self, msg: dict[str, Any]) -> str:
        return f"[{time.strftime('%H:%M:%S')}] {msg['rule_msg']}{self.suffix()}" if msg["rule_msg"] else ""

    def format_job_error(self, msg: dict[str, Any]) -> str:
        return with_advice(super().format_job_error(msg))

    def format_group_error(self, msg: dict[str, Any]) -> str:
        return with_advice(super().format_group_error(msg))

    def format_progress(self, msg: dict[str, Any]) -> str:
        return super().format_progress(msg) if msg["done"] == msg["total"] else ""


def with_advice(error: str) -> str:
    """The text of an error, and what to do where a cluster ended the job for using more than it had asked for."""
    lines = [
        f"The cluster killed this job for exceeding its {resource}: raise that of its rule under set-resources in "
        "profiles/slurm/config.yaml, then run the same command again; a training resumes."
        for resource, words in ENDED_FOR.items()
        if words.search(error)
    ]
    return "\n".join([error, *lines])


class Progress(ColorizingTextHandler):
    """Writes messages, and keeps the bar below them."""

    def __init__(self, plain: ColorizingTextHandler, bar: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: plain, the handler whose place it takes; bar, whether to draw one in a terminal; clock, in seconds."""
        super().__init__(plain.nocolor, plain.stream)
        self.setFormatter(Lines(plain.formatter, lambda: "" if self.draws or not bar else self.suffix()))
        self.filters = plain.filters
        self.draws = bar and self.is_tty and os.environ.get("TERM") != "dumb"
        self.clock, self.begun = clock, clock()
        self.total = self.done = 0
        self.time_left: TimeLeft | None = None
        self.talking: set[int] = set()  # running jobs that make no file, and so write to the terminal
        self.closed = threading.Event()

    def expect(self, dag: Any, cores: int) -> None:
        """Take note of the jobs that a run is to do, before it starts."""
        numbers = {job: dag.jobid(job) for job in dag.needrun_jobs()}

        def described(job: Any) -> Job:
            needs = frozenset(numbers[other] for other in dag.dependencies[job] if other in numbers)
            rule = None if job.is_norun else job.rule.name
            return Job(rule, frozenset(job.wildcards_dict.items()), needs, benchmarked(job.benchmark))

        jobs = {number: described(job) for job, number in numbers.items()}
        others = [described(job) for job in dag.jobs if job not in numbers]
        with self.lock:
            self.time_left, self.total, self.begun = TimeLeft(jobs, cores, others), len(jobs), self.clock()
        if self.draws:
            threading.Thread(target=self.keep_drawing, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message above the bar."""
        try:
            self.count(record)
            message = self.format(record)
            written = f"{self.decorate(record, message)}\n" if message and message != "None" else ""
            self.stream.write((ERASE if self.draws and self.total else "") + written)
            self.draw()
            self.flush()
        except BrokenPipeError:
            raise
        except Exception:
            self.handleError(record)

    def count(self, record: logging.LogRecord) -> None:
        """Take note of what a message says of a job."""
        event = get_event(record)
        if event == LogEvent.PROGRESS:
            self.done, self.total = record.done, record.total
        number = getattr(record, "jobid", getattr(record, "job_id", None))
        if event == LogEvent.JOB_INFO and not record.output and record.rule_msg:
            self.talking.add(number)
        elif event in (LogEvent.JOB_FINISHED, LogEvent.JOB_ERROR):
            self.talking.discard(number)
        if self.time_left is None:
            return
        if event == LogEvent.JOB_STARTED:
            for started in record.jobs:
                self.time_left.start(started, self.clock())
        elif event == LogEvent.JOB_FINISHED:
            self.time_left.finish(number, self.clock())
        elif event == LogEvent.JOB_ERROR:
            self.time_left.stop(number)

    def status(self) -> tuple[str, float]:
        """How far the run is, in words, and as the part of its time that has passed (0 to 1)."""
        done = f"{self.done} of {self.total} jobs done"
        if self.time_left is None:
            return done, self.done / max(self.total, 1)
        now = self.clock()
        left, unknown = self.time_left.left(now)
        passed = now - self.begun
        share = passed / (passed + left) if left and not unknown else self.done / max(self.total, 1)
        if unknown:
            return f"{done}, more than {in_words(left)} left (not yet timed: {', '.join(sorted(unknown))})", share
        return f"{done}, about {in_words(left)} left", share

    def suffix(self) -> str:
        """The same status, appended to the line of each job where no bar is drawn."""
        return f" ({self.status()[0]})" if self.total else ""

    def draw(self) -> None:
        """The bar, where the next message is to be, no wider than the terminal."""
        if not self.draws or not self.total or self.talking or self.done == self.total or self.closed.is_set():
            return
        words, share = self.status()
        room = shutil.get_terminal_size().columns - 1
        width = min(WIDEST, room - len(words) - 1)
        full, empty = "█░" if "utf" in str(getattr(self.stream, "encoding", "")).lower() else "#."
        filled = round(share * width)
        bar = f"{full * filled}{empty * (width - filled)} " if width >= 8 else ""
        self.stream.write(f"{bar}{words}"[:room])

    def keep_drawing(self) -> None:
        while not self.closed.wait(EVERY):
            with self.lock:
                if not self.closed.is_set() and not self.talking:
                    self.stream.write(ERASE)
                    self.draw()
                    self.flush()

    def close(self) -> None:
        """Take the bar away."""
        with self.lock:
            if self.draws and self.total and not self.closed.is_set():
                self.stream.write(ERASE)
                self.flush()
            self.closed.set()
        super().close()
