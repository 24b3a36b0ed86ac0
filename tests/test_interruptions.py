"""A run that is killed, again and again, and started again by the same command: nothing is lost, nothing differs."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from invariance.artefacts import sha256_of
from running import fresh_copy, snakemake

pytestmark = pytest.mark.pipeline

# Of the tiny config, two cells of one study; one of their trainings is long enough to be killed in its middle.
FEWER = """\
demo:
  studies:
    simard2003: null
    augmentation_range: null
    architectures:
      trainings: {translated: {distortion: shift_2}}
      cells: {phase_averaged: null, stride_gap_circular: null, stride_fc: {trainings: [centred, translated]}}
      optimisation: {epochs: 60}
"""
LONG_TRAINING = "digits/train/architectures/stride_fc/centred/seed-0"
COMMAND = ["--cores", "2", "--configfile", "tests/configs/tiny.yaml", "fewer.yaml"]
PATIENCE = 240  # seconds for what takes a few, on a machine that does much else
# SIGINT goes to every process, as Ctrl-C in a terminal. SIGTERM goes to Snakemake. SIGKILL goes to every process, or to
# Snakemake alone, as from a system that has run out of memory.
KINDS = ["kill all"] * 3 + ["kill"] * 1 + ["interrupt"] * 9 + ["terminate"] * 5


class Attempt:
    """A running Snakemake in a session of its own, and what it has said so far."""

    def __init__(self, folder: Path, output: Path, arguments: list[str]) -> None:
        self.folder, self.output = folder, output
        with output.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *arguments],
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

    def stop(self, kind: str) -> None:
        number = {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}.get(kind, signal.SIGKILL)
        if kind in ("kill all", "interrupt"):
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        self.process.wait(PATIENCE)

    def processes(self) -> list[str]:
        """The command lines of all that is alive of this session."""
        return [" ".join(process.cmdline()) for process in living_processes(self.process.pid)]


def living_processes(session: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue


@pytest.fixture
def attempts(tmp_path) -> Iterator[Callable[[Path], Attempt]]:
    """Starts Snakemake in a folder; whatever a failed test leaves running is killed."""
    started: list[Attempt] = []

    def start(folder: Path) -> Attempt:
        started.append(Attempt(folder, tmp_path / f"attempt-{len(started)}.txt", COMMAND))
        return started[-1]

    yield start
    for attempt in started:
        for process in living_processes(attempt.process.pid):
            process.kill()


def copy_with_fewer_cells(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    fresh_copy(folder)
    (folder / "fewer.yaml").write_text(FEWER)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below results/, hidden ones too."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256_of(path) for path in files}


@pytest.fixture(scope="module")
def two_at_once(tmp_path_factory) -> tuple[Path, Attempt, subprocess.CompletedProcess]:
    """A folder with a whole run, and a second one that was started while the first was on its way."""
    folder = copy_with_fewer_cells(tmp_path_factory.mktemp("undisturbed"))
    first = Attempt(folder, folder / "said.txt", COMMAND)
    assert first.until(lambda: bool(first.running_jobs())), first.said()
    second = snakemake(folder, *COMMAND)
    first.until(lambda: first.process.poll() is not None)
    return folder, first, second


def test_a_second_run_in_one_folder_is_refused_and_disturbs_nothing(two_at_once):
    folder, first, second = two_at_once
    assert second.returncode == 1
    assert "Directory cannot be locked" in second.stderr
    assert str(folder) in second.stderr
    assert "Traceback" not in second.stderr
    assert first.process.returncode == 0, first.said()[-3000:]
    assert "100%" in first.said()
    assert (folder / "results/digits/manifest.json").exists()


def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(two_at_once, attempts, tmp_path):
    reference, whole, _ = two_at_once
    folder = copy_with_fewer_cells(tmp_path / "killed")
    shutil.copytree(reference / "scripts/invariance/__pycache__", folder / "scripts/invariance/__pycache__")
    moments = random.Random(4)
    kinds = moments.sample(KINDS, k=len(KINDS))
    kinds[0], kinds[-1] = "kill all", "kill all"  # `terminate` lets what is running finish
    jobs, interrupted = whole.planned_jobs(), []
    attempt = attempts(folder)
    for number, kind in enumerate(kinds):
        # At moments that spread over the whole run, a little more of which is done each time.
        wait_for_progress(attempt, jobs, share=number / (len(kinds) - 1))
        time.sleep(moments.uniform(0, 1.5))
        stop(attempt, kind, interrupted)
        attempt = restarted(attempts, folder, locked=kind.startswith("kill"))
        if number == 0:
            attempt = interrupt_the_long_training(attempt, attempts, folder, interrupted)

    attempt.until(lambda: attempt.process.poll() is not None)
    assert attempt.process.returncode == 0, attempt.said()[-3000:]
    stages = set(interrupted)
    print(f"\n{len(kinds) + 2} kills, while these ran: {', '.join(interrupted)}")
    assert {"train", "evaluate", "draw", "build_paper"} < stages, stages
    assert len(stages) >= 6, stages
    assert hashes(folder) == hashes(reference)
    assert not list(folder.rglob("*.checkpoint.safetensors"))


def wait_for_progress(attempt: Attempt, jobs: int, share: float) -> None:
    """Until this share of all jobs is done but for the last three, and something is running."""
    before = jobs - attempt.planned_jobs()
    assert attempt.until(
        lambda: before + attempt.finished_jobs() >= share * (jobs - 3) and bool(attempt.running_jobs())
    ), attempt.said()[-3000:]


def interrupt_the_long_training(
    attempt: Attempt, attempts: Callable[[Path], Attempt], folder: Path, interrupted: list[str]
) -> Attempt:
    """Kill it twice between its epochs; it goes on from its checkpoint, and not by itself."""
    log = folder / f"logs/{LONG_TRAINING}.log"
    assert attempt.until(lambda: bool(re.search(r"^epoch \d+/60", text_of(log), re.MULTILINE))), attempt.said()[-3000:]
    stop(attempt, "kill", interrupted)
    assert "is no more: leaving" in text_of(log)
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
    while left := attempt.processes():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def restarted(attempts: Callable[[Path], Attempt], folder: Path, *, locked: bool) -> Attempt:
    """The same command again; where a lock was left, after doing what Snakemake then says."""
    attempt = attempts(folder)
    if locked:
        attempt.until(lambda: attempt.process.poll() is not None)
        assert attempt.process.returncode != 0
        assert "It can be removed with the --unlock argument" in attempt.said()
        unlocked = snakemake(folder, "--unlock")
        assert unlocked.returncode == 0, unlocked.stderr
        attempt = attempts(folder)
    assert attempt.until(lambda: attempt.planned_jobs() > 0), attempt.said()
    return attempt


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""
