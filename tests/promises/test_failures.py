"""A job that fails: its message, its log and its command are shown, that command fails by itself, and others go on."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from finished import TINY, copy_of_finished_run
from invariance.command_line import refusal, run
from invariance.record.artefacts import sha256_of
from running import ROOT, snakemake

# ----------------------------------------------------------------------------------------------------------------------
# In the pipeline

# The highest rate that the config allows; with squared errors and momentum it soon leaves the numbers.
DIVERGING = """\
plans:
  digits:
    studies:
      simard2003:
        trainings: {none: {optimisation: {epochs: 3, learning_rate: 10, loss: mse}}}
"""
CONFIG = [*TINY, "diverging.yaml"]
FAILING, SOUND, AFTER_FAILING = (
    f"results/digits/{path}"
    for path in (
        "models/simard2003/simard_cnn/none/seed-0/weights.safetensors",
        "models/simard2003/simard_cnn/elastic/seed-0/weights.safetensors",
        "shifts/simard2003/simard_cnn/none/seed-0.csv",
    )
)
MESSAGE = re.compile(
    r"^error: training diverged: the loss of epoch 1 is (nan|inf) at learning rate [\d.]+; lower `learning_rate` "
    r"\(now 10\) in the config$",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def failed(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """A run in which the first of two trainings diverges, where the data are there; its folder's name has a space."""
    folder = copy_of_finished_run(tmp_path_factory, "a failing run")
    for stage in ("models", "shifts"):
        shutil.rmtree(folder / "results/digits" / stage)
    (folder / "diverging.yaml").write_text(DIVERGING)
    targets = [AFTER_FAILING, SOUND]
    options = ["--cores", "1", "--keep-going", "--printshellcmds", "--prioritize", FAILING]
    return folder, snakemake(folder, *targets, *options, *CONFIG)


def command_of(finished: subprocess.CompletedProcess, output: str) -> str:
    """The command that Snakemake printed for the job that makes `output`."""
    commands = re.findall(r"^Shell command: (.*)$", finished.stderr, re.MULTILINE)
    return next(command for command in commands if f"--weights {output}" in command)


def by_hand(folder: Path, command: str) -> int:
    """Run a command as pasted into a shell of that folder that has only the environment's Python on its path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    return subprocess.run(["bash", "-c", command], cwd=folder, env={"PATH": path}).returncode


@pytest.mark.pipeline
def test_a_diverging_training_fails_with_epoch_loss_and_learning_rate(failed):
    folder, finished = failed
    assert finished.returncode == 1
    assert MESSAGE.search(finished.stderr), finished.stderr
    assert "logs/digits/train/simard2003/simard_cnn/none/seed-0.log:" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (folder / FAILING).parent.joinpath("card.json").exists()


@pytest.mark.pipeline
def test_other_jobs_go_on_when_asked_to_and_those_behind_the_failed_one_do_not(failed):
    folder, finished = failed
    assert finished.stderr.index("training diverged") < finished.stderr.index(f"--weights {SOUND}")
    assert (folder / SOUND).exists()
    assert not (folder / AFTER_FAILING).exists()


@pytest.mark.pipeline
def test_the_printed_command_fails_by_itself(failed):
    folder, finished = failed
    log = folder / "logs/digits/train/simard2003/simard_cnn/none/seed-0.log"
    log.unlink()
    assert by_hand(folder, command_of(finished, FAILING)) == 1
    assert MESSAGE.search(log.read_text()), log.read_text()


@pytest.mark.pipeline
def test_the_printed_command_of_a_sound_job_makes_the_same_bytes_by_itself(failed):
    """None of the variables that workflow/common.smk sets for its jobs changes a byte."""
    folder, finished = failed
    weights = folder / SOUND
    before, inode = sha256_of(weights), weights.stat().st_ino
    weights.rename(folder / "made by the run")
    assert by_hand(folder, command_of(finished, SOUND)) == 0
    assert sha256_of(weights) == before
    assert weights.stat().st_ino != inode


# ----------------------------------------------------------------------------------------------------------------------
# Every entry script


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "?", "a/b.npy"), "a/b.npy: No space left on device; make room"),
        (OSError(errno.EDQUOT, "?", "a/b.npy"), "a/b.npy: Disk quota exceeded; make room"),
        (OSError(errno.EFBIG, "?", "a/b.npy"), "a/b.npy: File too large; raise the limit"),
        (OSError(errno.EROFS, "?", "a/b.npy"), "a/b.npy: Read-only file system; let this user write there"),
        (PermissionError(errno.EACCES, "?", "a/b.npy"), "a/b.npy: Permission denied; let this user write there"),
        (OSError("1000 requested and 96 written"), "No space left on device; make room"),  # numpy.save on a full disk
        (
            ValueError("Error while serializing: I/O error: No space left on device (os error 28)"),  # safetensors
            "No space left on device; make room",
        ),
        (OSError(errno.ENOSPC, "?", "from", None, "to"), "to: No space left on device; make room"),  # shutil.copyfile
        (MemoryError(), "Cannot allocate memory; run fewer jobs at once"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),  # torch
            "Cannot allocate memory; run fewer jobs at once",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_the_system_refuses_is_one_message(error, message, capsys):
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert stopped.value.code == 1
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith(f"error: {message}")
    assert written.err.count("\n") == 1


def test_the_note_of_what_was_written_goes_before_the_name_of_a_temporary_file():
    error = OSError(errno.ENOSPC, "?", "results/.copy-000.abcd.npy")
    error.add_note("results/copy-000.npy")
    assert refusal(error).startswith("results/copy-000.npy: No space left on device; ")


@pytest.mark.parametrize(
    "error",
    [
        TypeError("an error of ours"),
        FileNotFoundError(errno.ENOENT, "?", "forgotten.npy"),
        OSError("neither number nor known text"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    ],
)
def test_errors_of_ours_keep_their_traceback(error):
    def main() -> None:
        raise error

    assert refusal(error) is None
    with pytest.raises(type(error)) as raised:
        run(main)
    assert raised.value is error


SCRIPT = """\
import sys, time
from invariance.record.artefacts import whole_file
from invariance.command_line import run

def main():
    with whole_file("table.csv") as temporary:
        temporary.write_text("half")
        print("writing", flush=True)
        for _ in range(6000):
            time.sleep(0.01)

run(main)
"""


def started(folder: Path, **environment: str) -> subprocess.Popen:
    """An entry script in the middle of writing its output."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "writing\n", process.communicate()
    assert len(list(folder.iterdir())) == 1
    return process


@pytest.mark.parametrize(
    ("number", "said", "status"), [(signal.SIGINT, "interrupted\n", 130), (signal.SIGTERM, "", 143)]
)
def test_an_interrupted_script_leaves_nothing_and_no_traceback(number, said, status, tmp_path):
    with started(tmp_path) as process:
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", said)
    assert process.returncode == status
    assert not list(tmp_path.iterdir())


def test_what_a_killed_script_was_writing_is_cleared_away_by_the_next(tmp_path):
    with started(tmp_path) as process:
        process.kill()
    assert [path.name[:7] for path in tmp_path.iterdir()] == [".table."]
    with started(tmp_path) as process:  # it asserts that there is one file
        process.terminate()
    assert not list(tmp_path.iterdir())


def test_a_job_leaves_when_its_snakemake_was_killed(tmp_path):
    with (
        subprocess.Popen(["sleep", "600"]) as parent,
        started(tmp_path, INVARIANCE_SNAKEMAKE_PID=str(parent.pid)) as process,
    ):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        parent.kill()
        parent.wait()
        assert "has ended: leaving" in process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert not list(tmp_path.iterdir())
