"""The run on Slurm: what is submitted, the same bytes as here, and what goes wrong on a cluster.

Tests marked `cluster` need its executor, and most of them start a Slurm of their own (slurm.py): `make cluster-test`.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from finished import TINY, copy_of_finished_run, fresh_copy_with_compiled_code
from invariance.record import queue
from invariance.record.artefacts import InputError, sha256_of
from running import ROOT, fresh_copy, hashes, snakemake
from slurm import Slurm, until, why_not

PROFILE = ("--profile", "profiles/slurm")
# A cluster without accounting, whose answers come at once.
HERE = ("--slurm-status-command", "squeue", "--slurm-no-account", "--slurm-init-seconds-before-status-checks", "2")
COMMAND = (*PROFILE, *HERE, "--latency-wait", "5")
MOST = 80  # submissions of the MNIST study
CELL = "architectures/stride_fc/centred"
LONG_TRAINING = """\
plans:
  digits:
    studies:
      architectures:
        cells: {stride_fc: {trainings: [centred], optimisation: {epochs: EPOCHS}}}
"""
EPOCHS = 400  # fifty seconds
WEIGHTS = f"results/digits/models/{CELL}/seed-0/weights.safetensors"
LOG = f"logs/digits/train/{CELL}/seed-0.log"
PATIENCE = 300  # seconds for a run, on a machine that does much else


# What is submitted ----------------------------------------------------------------------------------------------------


def submissions(dry_run: str) -> list[list[str]]:
    """The messages of the jobs of each submission, from what `snakemake -n` says."""
    found, inside = [], False
    for line in dry_run.splitlines():
        if "Group job " in line:
            found.append([])
            inside = True
        elif job := re.match(r"( *)Job \d+: (.*)", line):
            inside = inside and bool(job[1])
            if inside:
                found[-1].append(job[2])
            elif not job[2].startswith("Fetching"):  # where Snakemake itself runs
                found.append([job[2]])
    return found


@pytest.fixture(scope="module")
def mnist(tmp_path_factory) -> list[list[str]]:
    planned = snakemake(fresh_copy(tmp_path_factory.mktemp("mnist")), "-n", *PROFILE)
    assert planned.returncode == 0, planned.stderr
    return submissions(planned.stdout + planned.stderr)


@pytest.mark.cluster
def test_the_mnist_study_is_few_submissions(mnist):
    (said,) = re.findall(r"MNIST is (\d+) submissions", (ROOT / "docs/cluster.md").read_text())
    assert len(mnist) == int(said) <= MOST
    assert sum(map(len, mnist)) > 500


@pytest.mark.cluster
def test_a_network_is_evaluated_where_it_was_trained(mnist):
    """So that its weights are read on the node that wrote them, and nobody waits in the queue in between."""
    for jobs in mnist:
        trained = {re.sub(r"; progress.*", "", job.removeprefix("Training ")) for job in jobs if "Training" in job}
        tested = {re.sub(r"^(Testing|Asking) |, (over|where) .*", "", job) for job in jobs}
        assert len([cell for cell in trained if "_after_" not in cell]) <= 3
        assert trained <= tested


@pytest.mark.cluster
def test_tables_and_figures_and_all_after_them_are_one_submission(mnist):
    last = [jobs for jobs in mnist if any(job.startswith(("Drawing", "Summarising", "Hashing")) for job in jobs)]
    assert len(last) == 1
    assert {"Judging", "Compiling"} <= {job.split()[0] for job in last[0]}


@pytest.mark.cluster
def test_a_submission_asks_for_one_core_and_for_a_gpu_where_the_config_says_cuda(tmp_path, tmp_path_factory):
    folder = copy_of_finished_run(tmp_path_factory, "asked")
    asked = tmp_path / "asked"
    programs = {
        "sbatch": f'case "$*" in *--test-only*) exit 0 ;; esac; echo "$@" >> "{asked}"; exit 1',
        "sinfo": "echo 'all*'",
        "squeue": "exit 0",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (folder / "cuda.yaml").write_text("device: cuda\n")
    refused = snakemake(
        folder,
        *(*COMMAND, "--retries", "0", "--keep-going", *TINY, "cuda.yaml"),
        environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert refused.returncode == 1
    submitted = asked.read_text().split("--parsable")[1:]
    trainings = [call for call in submitted if "--target-jobs" in call and "'train:" in call]
    assert len(trainings) > 5
    for call in trainings:
        assert " --cpus-per-task=1 " in call
        assert " --gpus=1 " in call
        assert " --mem 2000 " in call
        assert " --cores 1 " in call


# A real Slurm ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[Slurm]:
    if why := why_not():
        pytest.fail(why)
    started = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        yield started.start()
    finally:
        started.stop()


def test_where_there_is_no_slurm_one_message_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no sbatch here: start Snakemake where jobs are submitted"):
        queue.require_slurm(None, None)


def test_a_queue_that_does_not_answer_is_not_an_empty_one(monkeypatch, tmp_path):
    (tmp_path / "squeue").write_text("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact' >&2; exit 1\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"squeue does not say which jobs .* \(slurm_load_jobs error: Unable"):
        queue.clear(tmp_path)


@pytest.mark.cluster
def test_a_refused_account_or_partition_is_told_before_any_job(slurm, tmp_path_factory):
    folder = copy_of_finished_run(tmp_path_factory, "refused")
    (folder / WEIGHTS).unlink()
    refused = snakemake(folder, *COMMAND, "--default-resources", "slurm_partition='nowhere'", *TINY)
    assert refused.returncode == 1
    assert "error: Slurm rejects jobs with --partition=nowhere: sbatch: error: invalid partition" in refused.stderr
    assert "set slurm_account and slurm_partition under default-resources" in refused.stderr


@pytest.mark.cluster
def test_a_whole_run_has_the_bytes_of_a_local_one(slurm, tmp_path_factory):
    folder = fresh_copy_with_compiled_code(tmp_path_factory, tmp_path_factory.mktemp("on slurm"))
    begun = time.monotonic()
    finished = snakemake(folder, *COMMAND, *TINY)
    print(f"\non Slurm in {time.monotonic() - begun:.0f} s")
    assert finished.returncode == 0, finished.stderr[-5000:]
    assert 5 < len(re.findall("has been submitted", finished.stderr)) < 20
    local = hashes(copy_of_finished_run(tmp_path_factory, "local"))
    assert "results/digits/manifest.json" in local
    assert hashes(folder) == local
    assert "Nothing to be done" in snakemake(folder, "--cores", "1", *TINY).stderr


class Attempt:
    """A Snakemake that trains one network on Slurm, for long enough to be disturbed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder, self.output = folder, folder / "said.txt"
        with self.output.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", WEIGHTS, *COMMAND, *arguments, *TINY, "training.yaml"],
                cwd=folder,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text()[-5000:]

    def until_trained_some(self) -> None:
        until(lambda: bool(re.search(r"^epoch \d+/", self.log(), re.MULTILINE)), "it trains", self.said, PATIENCE)

    def until_ended(self) -> int:
        until(lambda: self.process.poll() is not None, "Snakemake ends", self.said, PATIENCE)
        return self.process.returncode

    def log(self) -> str:
        path = self.folder / LOG
        return path.read_text() if path.exists() else ""


@pytest.fixture
def training(tmp_path_factory) -> Iterator[Callable[..., Attempt]]:
    """Starts Snakemake, in a folder of its own or in that of an earlier attempt; ends what a failed test leaves."""
    started: list[Attempt] = []

    def start(*arguments: str, epochs: int = EPOCHS, folder: Path | None = None) -> Attempt:
        if folder is None:
            folder = copy_of_finished_run(tmp_path_factory, "disturbed")
            (folder / LOG).unlink()
            (folder / "training.yaml").write_text(LONG_TRAINING.replace("EPOCHS", str(epochs)))
        started.append(Attempt(folder, *arguments))
        return started[-1]

    yield start
    for attempt in started:
        if attempt.process.poll() is None:
            attempt.process.send_signal(signal.SIGINT)
            attempt.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> str:
    """The SHA-256 of the same weights, from a run here."""
    folder = copy_of_finished_run(tmp_path_factory, "undisturbed")
    (folder / "training.yaml").write_text(LONG_TRAINING.replace("EPOCHS", str(EPOCHS)))
    finished = snakemake(folder, WEIGHTS, "--cores", "1", *TINY, "training.yaml")
    assert finished.returncode == 0, finished.stderr
    return sha256_of(folder / WEIGHTS)


def requeued(slurm: Slurm) -> None:
    slurm.ask("scontrol", "requeue", *slurm.jobs())


def preempted(slurm: Slurm) -> None:
    """Somebody whose jobs go first takes both nodes."""
    (job,) = slurm.jobs()
    slurm.ask("sbatch", "-p", "urgent", "-N", "2", "--exclusive", "-o", os.devnull, "--wrap", "sleep 3")
    until(lambda: slurm.jobs().get(job) == "PENDING", "it is preempted", slurm.jobs)


def cancelled(slurm: Slurm) -> None:
    """Snakemake submits it once more."""
    slurm.ask("scancel", *slurm.jobs())


def dead_node(slurm: Slurm) -> None:
    """The node loses power; Slurm finds out, and the job starts again on the other one."""
    (job,) = slurm.jobs()
    node = slurm.ask("squeue", "-h", "-j", job, "-o", "%N").strip()
    slurm.kill(node)
    for process in psutil.process_iter(["name", "cmdline"]):
        if " ".join(process.info["cmdline"] or [process.info["name"]]).startswith(f"slurmstepd: [{job}."):
            for part in [process, *process.children(recursive=True)]:
                part.kill()
    until(lambda: slurm.ask("squeue", "-h", "-j", job, "-o", "%N").strip() not in ("", node), "it moves", slurm.jobs)
    slurm.start_node(node)


@pytest.mark.cluster
@pytest.mark.parametrize("disturb", [requeued, preempted, cancelled, dead_node])
def test_a_training_that_was_disturbed_resumes_with_the_same_bytes(disturb, slurm, training, undisturbed):
    attempt = training()
    attempt.until_trained_some()
    disturb(slurm)
    assert attempt.until_ended() == 0, attempt.said()
    assert "going on after epoch" in attempt.log()
    assert sha256_of(attempt.folder / WEIGHTS) == undisturbed


@pytest.mark.cluster
def test_a_controller_that_starts_again_disturbs_nothing(slurm, training, undisturbed):
    attempt = training()
    attempt.until_trained_some()
    slurm.kill("slurmctld")
    time.sleep(5)
    slurm.start_controller()
    assert attempt.until_ended() == 0, attempt.said()
    assert "going on after epoch" not in attempt.log()
    assert sha256_of(attempt.folder / WEIGHTS) == undisturbed


@pytest.mark.cluster
def test_a_killed_snakemake_that_starts_again_runs_no_job_twice_at_once(slurm, training, undisturbed):
    attempt = training()
    attempt.until_trained_some()
    (job,) = slurm.jobs()
    attempt.process.kill()
    attempt.process.wait()
    assert list(slurm.jobs()) == [job]
    assert snakemake(attempt.folder, "--unlock").returncode == 0
    again = training(folder=attempt.folder)
    most = 0
    while again.process.poll() is None:
        most = max(most, trainings_in(attempt.folder))
        time.sleep(0.2)
    assert again.process.returncode == 0, again.said()
    assert most == 1
    assert f"Cancelling what an earlier run left in the queue: {job}" in again.output.read_text()
    assert "going on after epoch" in again.log()
    assert sha256_of(attempt.folder / WEIGHTS) == undisturbed


def trainings_in(folder: Path) -> int:
    """How many trainings run in a folder."""
    found = 0
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        found += process.info["cwd"] == str(folder) and command[1:2] == ["scripts/train.py"]
    return found


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("asked", "short_of"), [("mem_mb=150", "mem_mb"), ("runtime=1", "runtime")], ids=["memory", "time"]
)
def test_a_job_over_what_it_asked_for_says_which_resource_to_raise(asked, short_of, slurm, training):
    attempt = training("--set-resources", f"train:{asked}", "--retries", "0", epochs=10_000)
    assert attempt.until_ended() == 1
    said = attempt.output.read_text()
    assert f"The cluster killed this job for exceeding its {short_of}: raise that of its rule under set-" in said
    assert not (attempt.folder / WEIGHTS).exists()


# A shared disk --------------------------------------------------------------------------------------------------------


@pytest.fixture
def without_data(tmp_path_factory) -> Callable[[], Path]:
    """Makes a folder in which nothing was run, and nothing needs to be compiled."""
    return lambda: fresh_copy_with_compiled_code(tmp_path_factory, tmp_path_factory.mktemp("shared"))


def data_of(folder: Path) -> dict[str, str]:
    """The hashes of the source images and of all that was distorted, but for the records of their hashes."""
    stages = "results/digits/source/", "results/digits/distorted/"
    return {path: sha256 for path, sha256 in hashes(folder).items() if path.startswith(stages)}


@pytest.mark.cluster
def test_a_full_disk_is_told_and_the_same_command_goes_on_when_there_is_room(slurm, without_data, tmp_path_factory):
    folder = without_data()
    results = folder / "results"
    results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", results], check=True)
    try:
        full = snakemake(folder, "data", *COMMAND, "--retries", "0", *TINY)
        assert full.returncode == 1
        assert "No space left on device; make room, then run the same command again" in full.stderr
        expected = data_of(copy_of_finished_run(tmp_path_factory, "with room"))
        assert data_of(folder).items() < expected.items()  # nothing half-written
        subprocess.run(["mount", "-o", "remount,size=50m", results], check=True)
        again = snakemake(folder, "data", *COMMAND, *TINY)
        assert again.returncode == 0, again.stderr[-5000:]
        assert data_of(folder) == expected
    finally:
        subprocess.run(["umount", "--lazy", results], check=True)


@contextmanager
def shown_late(slurm: Slurm, folder: Path, written: Path, seconds: float) -> Iterator[list[str]]:
    """What a node writes into a folder shows up there only some seconds later, as on a slow file system.

    Args: folder, as the login node sees it; written, where the files lie until then.
    Yields: the names of the files that have shown up.
    """
    over, shown = threading.Event(), []

    def show() -> None:
        while not over.wait(0.1):
            for path in written.iterdir():
                if not path.name.startswith(".") and time.time() - path.stat().st_ctime > seconds:
                    shutil.copy2(path, folder.parent / "late").replace(folder / path.name)
                    path.unlink()
                    shown.append(path.name)

    for node in slurm.nodes:
        slurm.kill(node)
        slurm.start_node(node, seen=folder, instead=written)
    thread = threading.Thread(target=show)
    thread.start()
    try:
        yield shown
    finally:
        over.set()
        thread.join()
        for node in slurm.nodes:
            slurm.kill(node)
            slurm.start_node(node)


@pytest.mark.cluster
def test_files_that_show_up_late_are_waited_for_as_long_as_the_profile_says(slurm, tmp_path, tmp_path_factory):
    folder = copy_of_finished_run(tmp_path_factory, "late")
    expected, weights = hashes(folder), folder / WEIGHTS
    files = {path.name for path in weights.parent.iterdir()}
    weights.unlink()
    with shown_late(slurm, weights.parent, tmp_path, seconds=10) as shown:
        patient = snakemake(folder, WEIGHTS, *COMMAND, "--latency-wait", "60", *TINY)
        assert patient.returncode == 0, patient.stderr[-5000:]
        assert set(shown) == files
    assert hashes(folder) == expected
    weights.unlink()
    with shown_late(slurm, weights.parent, tmp_path, seconds=PATIENCE):
        hasty = snakemake(folder, WEIGHTS, *COMMAND, "--latency-wait", "1", "--retries", "0", *TINY)
        assert hasty.returncode == 1
        assert "increase the wait time with --latency-wait" in hasty.stderr
    assert not weights.exists()


@pytest.mark.cluster
def test_two_clones_that_fill_one_cache_at_once_read_no_half_written_file(
    slurm, without_data, tmp_path, tmp_path_factory
):
    cache = tmp_path / "cache"
    cache.mkdir()
    clones = [without_data(), without_data()]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "snakemake", "data", "--cache", "source", "distort", *COMMAND, *TINY],
            cwd=clone,
            env=os.environ | {"SNAKEMAKE_OUTPUT_CACHE": str(cache)},
            stdout=(clone / "said.txt").open("w"),
            stderr=subprocess.STDOUT,
        )
        for clone in clones
    ]
    expected = data_of(copy_of_finished_run(tmp_path_factory, "alone"))
    arrays = {sha256 for path, sha256 in expected.items() if path.endswith(".npy")}
    while any(process.poll() is None for process in running):
        shown = [path for path in cache.iterdir() if path.is_file()]
        assert {sha256_of(path) for path in shown} <= arrays
        time.sleep(0.2)
    for clone, process in zip(clones, running, strict=True):
        assert process.returncode == 0, (clone / "said.txt").read_text()[-5000:]
        assert data_of(clone) == expected
    assert {sha256_of(path) for path in cache.iterdir()} == arrays
