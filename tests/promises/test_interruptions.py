"""A run that is killed, again and again, and started again by the same command: nothing is lost, nothing differs."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from finished import TINY, copy_of_finished_run, fresh_copy_with_compiled_code
from running import fresh_copy, hashes, snakemake

pytestmark = pytest.mark.pipeline

# Of the tiny config, two studies; one of their trainings is long enough to be killed in its middle.
FEWER = """\
plans:
  digits:
    studies:
      simard2003: null
      training_length: null
      class_transfer: null
      split: null
      two_positions: null
      architectures:
        cells: {stride_fc: {optimisation: {epochs: 400}}}
"""
LONG_TRAINING = "digits/train/architectures/stride_fc/centred/seed-0"
COMMAND = ["--cores", "2", *TINY, "fewer.yaml"]
PATIENCE = 240  # seconds for what takes a few, on a machine that does much else
# SIGINT goes to every process, as Ctrl-C in a terminal. SIGTERM goes to Snakemake. SIGKILL goes to every process, or to
# Snakemake alone, as from a system that has run out of memory. Each comes while this script runs, in the run's order.
KILLS = [
    ("kill all", "train"),
    ("terminate", "train"),
    ("interrupt", "evaluate"),
    ("interrupt", "derive"),
    ("kill all", "draw"),
    ("terminate", "draw"),
    ("kill all", "build_paper"),
]


# A Snakemake that is told to end while it holds the lock that its own handler waits for.
TOLD_AT_WORK = """
import os, signal, sys
from snakemake.cli import main
from snakemake.scheduling.job_scheduler import JobScheduler
finish_jobs = JobScheduler._finish_jobs
def told(scheduler):
    os.kill(os.getpid(), signal.SIGTERM)
    finish_jobs(scheduler)
JobScheduler._finish_jobs = told
main(sys.argv[1:])
"""


class Attempt:
    """A running Snakemake in a session of its own, and what it has said so far."""

    def __init__(self, folder: Path, output: Path, arguments: list[str]) -> None:
        self.folder, self.output = folder, output
        with output.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--verbose", *arguments],  # it says when each job starts and ends
                cwd=folder,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def running_jobs(self) -> list[str]:
        """The scripts, or the messages of jobs without one, that have been started and not finished."""
        said = self.said()
        finished = set(re.findall(r"^Finished jobid: (\d+)", said, re.MULTILINE))
        started = re.findall(
            r"^Job (\d+): (.*)\n(?:Reason: .*\n)?(?:Shell command: (?:python scripts/(\w+))?)?", said, re.MULTILINE
        )
        return [script or message for number, message, script in started if number not in finished]

    def finished_jobs(self) -> int:
        return len(re.findall(r"^Finished jobid: ", self.said(), re.MULTILINE))

    def planned_jobs(self) -> int:
        total = re.search(r"^total +(\d+)$", self.said(), re.MULTILINE)
        return int(total[1]) if total else 0

    def until(self, condition: Callable[[], bool]) -> bool:
        """Wait for the condition, or for the end of the process; whether the condition came true."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            if condition():
                return True
            if ended:
                return False
            time.sleep(0.02)
        raise TimeoutError(self.said()[-3000:])

    def until_running(self, script: str) -> bool:
        """Wait for a job of this script, or for the end of the process; whether one runs."""
        return self.until(lambda: script in self.running_jobs())

    def stop(self, kind: str) -> None:
        """Send the signal and wait for the end."""
        number = {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}.get(kind, signal.SIGKILL)
        if kind in ("kill all", "interrupt"):
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        self.process.wait(PATIENCE)

    def jobs(self) -> list[str]:
        """The command lines of all that is alive of this session, but for Snakemake and what jobs are forked from."""
        return [
            command
            for number, command in living_processes(self.process.pid).items()
            if number != self.process.pid and not is_server(number)
        ]


def living_processes(session: int) -> dict[int, str]:
    """The command lines of a session's processes, by number."""
    living = {}
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                living[process.pid] = " ".join(process.cmdline())
    return living


def is_server(number: int) -> bool:
    """Whether this is the process that jobs are forked from, and none of its forks."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        return [("serve.py" in " ".join(each.cmdline())) for each in (process, *process.parents()[:1])] == [True, False]
    return False


@pytest.fixture(scope="module")
def attempts(tmp_path_factory) -> Iterator[Callable[[Path], Attempt]]:
    """Starts Snakemake in a folder; kills what a failed test leaves running."""
    started: list[Attempt] = []
    said = tmp_path_factory.mktemp("said")

    def start(folder: Path) -> Attempt:
        started.append(Attempt(folder, said / f"attempt-{len(started)}.txt", COMMAND))
        return started[-1]

    yield start
    for attempt in started:
        for number in living_processes(attempt.process.pid):
            os.kill(number, signal.SIGKILL)


@pytest.fixture(scope="module")
def begun(attempts, tmp_path_factory) -> Attempt:
    """A whole run, from nothing but compiled code, of which something is running."""
    folder = fresh_copy_with_compiled_code(tmp_path_factory, tmp_path_factory.mktemp("killed"))
    (folder / "fewer.yaml").write_text(FEWER)
    attempt = attempts(folder)
    assert attempt.until(lambda: bool(attempt.running_jobs())), attempt.said()
    return attempt


def test_snakemake_ends_when_it_is_told_to_whatever_it_does(tmp_path):
    folder = fresh_copy(tmp_path)
    told = subprocess.run(
        [sys.executable, "-c", TOLD_AT_WORK, "data", "--cores", "1", *TINY],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert told.returncode == 1
    assert "Will exit after finishing currently running jobs" in told.stderr
    assert not (folder / "results/digits/distorted").exists()


@pytest.mark.long
def test_a_second_run_in_one_folder_is_refused_and_disturbs_nothing(begun):
    before = begun.finished_jobs()
    assert_locked(begun.folder)
    assert begun.until(lambda: begun.finished_jobs() > before), begun.said()[-3000:]
    assert begun.process.poll() is None


def assert_locked(folder: Path) -> None:
    """The same command again says that the folder is locked, and how to unlock it."""
    refused = snakemake(folder, *COMMAND)
    assert refused.returncode == 1
    assert "Directory cannot be locked" in refused.stderr
    assert str(folder) in refused.stderr
    assert "It can be removed with the --unlock argument" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.long
def test_a_run_killed_in_every_stage_ends_with_the_same_bytes(begun, attempts, tmp_path_factory):
    attempt, folder = begun, begun.folder
    moments = random.Random(4)
    interrupted: list[str] = []
    attempt = interrupt_the_long_training(attempt, attempts, folder, interrupted)
    for kind, script in KILLS:
        assert attempt.until_running(script), attempt.said()[-3000:]
        time.sleep(moments.uniform(0, 0.5))
        stop(attempt, kind, interrupted)
        attempt = restarted(attempts, folder, locked=kind.startswith("kill"))

    attempt.until(lambda: attempt.process.poll() is not None)
    assert attempt.process.returncode == 0, attempt.said()[-3000:]
    print(f"\n{len(KILLS) + 2} kills, while these ran: {', '.join(interrupted)}")
    assert {"train", "evaluate", "draw"} < {*interrupted}, interrupted
    ours, theirs = hashes(folder), undisturbed(tmp_path_factory)
    assert ours == {file: theirs.get(file) for file in ours}
    assert "results/digits/manifest.json" in ours  # and so every file that it names
    assert not list(folder.rglob("*.checkpoint.safetensors"))


def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The hashes of a finished run that nobody killed, of these studies and of others, which are left from before."""
    folder = copy_of_finished_run(tmp_path_factory, "undisturbed")
    (folder / "fewer.yaml").write_text(FEWER)
    finished = snakemake(folder, *COMMAND)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return hashes(folder)


def interrupt_the_long_training(
    attempt: Attempt, attempts: Callable[[Path], Attempt], folder: Path, interrupted: list[str]
) -> Attempt:
    """Kill it twice between epochs; it resumes from its checkpoint, and only when started again."""
    log = folder / f"logs/{LONG_TRAINING}.log"
    assert attempt.until(lambda: bool(re.search(r"^epoch \d+/400", text_of(log), re.MULTILINE))), attempt.said()[-3000:]
    stop(attempt, "kill", interrupted)
    assert "has ended: leaving" in text_of(log)
    attempt = restarted(attempts, folder, locked=True)
    assert attempt.until(lambda: "going on after epoch" in text_of(log)), attempt.said()[-3000:]
    stop(attempt, "interrupt", interrupted)
    assert text_of(log).endswith("\ninterrupted\n")
    attempt = restarted(attempts, folder, locked=False)
    resumed_again = re.compile(r"going on after epoch \d+, .*\n(?!interrupted)(epoch.*\n)*\Z")
    assert attempt.until(lambda: bool(resumed_again.search(text_of(log)))), attempt.said()[-3000:]
    return attempt


def stop(attempt: Attempt, kind: str, interrupted: list[str]) -> None:
    """Kill the attempt; no process of it may be left, and it may not have ended by itself."""
    interrupted += attempt.running_jobs()
    attempt.stop(kind)
    assert attempt.process.returncode != 0, f"it had ended before it was killed\n{attempt.said()[-3000:]}"
    deadline = time.monotonic() + PATIENCE
    while left := attempt.jobs():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def restarted(attempts: Callable[[Path], Attempt], folder: Path, *, locked: bool) -> Attempt:
    """The same command again; where a lock was left, after doing what Snakemake then says."""
    if locked:
        assert_locked(folder)
        unlocked = snakemake(folder, "--unlock")
        assert unlocked.returncode == 0, unlocked.stderr
    (folder / f"logs/{LONG_TRAINING}.log").unlink(missing_ok=True)  # what it says from now on is new
    attempt = attempts(folder)
    assert attempt.until(lambda: attempt.planned_jobs() > 0), attempt.said()
    return attempt


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""
