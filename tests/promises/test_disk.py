"""A disk that is full or may not be written: one clear message, nothing half-written, nothing lost."""

import os
import resource
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finished import TINY, copy_of_finished_run, finished_run, fresh_copy_with_compiled_code
from invariance.record.artefacts import sha256_of
from running import ROOT, Finished, snakemake

DATA = ["--cores", "2", "results/digits/distorted/29/elastic/summary.csv", *TINY]  # and so the source and a copy
FULL = "No space left on device; make room, then run the same command again: what is finished stays"
TOO_LARGE = "File too large; raise the limit on the size of files (`ulimit -f`), or use another disk"
# Each writes some 100 kB to `path`, by the function that writes such artefacts or by one that writes in the same way.
WRITERS = {
    "text": "write_text(path, 'x' * 100_000)",
    "json": "write_json(path, list(range(20_000)))",
    "csv": "write_csv(path, ['a'], [[number] for number in range(20_000)])",
    "array": "save_array(path, np.zeros(100_000, np.uint8))",
    "table": "write_table(path, pd.DataFrame({'a': range(20_000)}))",
    "weights": "save_weights(torch.nn.Linear(100, 250), path)",
    "checkpoint": "Checkpoint(path, {}).save({'a': torch.zeros(25_000)}, [])",
    "PDF": "save(crowded_figure(), path, path.with_name('unused.png'))",
    "picture": "with whole_file(path) as temporary:\n    noise.save(temporary, format='png')",
    "copy": "with whole_file(path) as temporary:\n    shutil.copyfile(sys.executable, temporary)",
}
SCRIPT = """\
import os, resource, shutil, sys
from pathlib import Path
import numpy as np, pandas as pd, torch
from matplotlib import pyplot
from PIL import Image
from invariance.record.artefacts import save_array, whole_file, write_csv, write_json, write_text
from invariance.learning.checkpoints import Checkpoint
from invariance.command_line import run
from invariance.drawing.style import save
from invariance.results.reading import write_table
from invariance.learning.weights import save_weights

noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400), dtype=np.uint8))

def crowded_figure():
    figure, axes = pyplot.subplots()
    axes.plot(np.random.default_rng(0).random(20_000))
    return figure

limit = int(sys.argv.pop())  # what is left is the command line of each script: empty
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
"""


# ----------------------------------------------------------------------------------------------------------------------
# Disks


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True)


@pytest.fixture
def disk() -> Iterator[Callable[[Path, str], None]]:
    """Mounts a file system in memory on a folder; skips where that is not allowed."""
    mounted: list[Path] = []

    def make(folder: Path, options: str) -> None:
        try:
            mount(folder, options)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this user may not mount file systems")
        mounted.append(folder)

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


def files_of(folder: Path) -> list[Path]:
    """Every file below a folder, hidden ones too, but the records of their hashes."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and ".sha256" not in path.parts)


def hashes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256_of(path) for path in files_of(folder)}


# ----------------------------------------------------------------------------------------------------------------------
# Every way of writing


def write_everything(folder: Path, limit: int) -> dict[str, str]:
    """What the entry script of each of WRITERS says on a disk with little room, or where files may not be so large."""
    body = [
        f"path = Path({str(folder)!r}, {kind!r}).with_suffix('.safetensors')\ndef main():\n"
        f"{textwrap.indent(call, '    ')}\ntry:\n    run(main)\nexcept SystemExit as stopped:\n"
        f"    print('status', stopped.code, file=sys.stderr)\n"
        for kind, call in WRITERS.items()
    ]
    finished = subprocess.run(
        [sys.executable, "-c", SCRIPT + "".join(body), str(limit)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts"), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    said = finished.stderr.splitlines()
    assert said[1::2] == ["status 1"] * len(WRITERS), finished.stderr
    return dict(zip(WRITERS, said[::2], strict=True))


def test_a_file_that_may_not_grow_is_one_message_and_leaves_nothing(tmp_path):
    """Needs no rights, and takes every writer's way through an error of the system."""
    said = write_everything(tmp_path, 4096)
    for kind, line in said.items():
        assert line == f"error: {tmp_path / kind}.safetensors: {TOO_LARGE}", said
    assert not files_of(tmp_path)


def test_a_full_disk_is_one_message_and_leaves_nothing(disk, tmp_path):
    disk(tmp_path, "size=32k")
    said = write_everything(tmp_path, 0)
    for kind, line in said.items():
        assert line == f"error: {tmp_path / kind}.safetensors: {FULL}", said
    assert not files_of(tmp_path)


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="needs LaTeX")
@pytest.mark.parametrize("room", ["8k", "200k"])  # the first has none for the sources, the other none for the PDF
def test_latex_without_room_to_work_is_one_message(room, disk, tmp_path):
    temporary, output = tmp_path / "temporary", tmp_path / "paper.pdf"
    temporary.mkdir()
    disk(temporary, f"size={room}")
    finished = subprocess.run(
        [sys.executable, "scripts/build_paper.py", "--stub", "--paper", "paper", "--output", output],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1, finished.stderr
    if room == "8k":
        assert finished.stderr.startswith(f"error: {temporary}/paper-")
        assert FULL in finished.stderr
    else:
        assert finished.stderr.startswith(f"error: {temporary}: no room for LaTeX to work; make room there, or set")
    assert not files_of(temporary)
    assert not output.exists()


# ----------------------------------------------------------------------------------------------------------------------
# The pipeline


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A folder in which the data can be made without compiling anything, and the hashes of that data."""
    folder = copy_of_finished_run(tmp_path_factory, "disk")
    data = ("digits/source/", "digits/distorted/29/elastic/")
    expected = {path: sha256 for path, sha256 in hashes(folder / "results").items() if path.startswith(data)}
    forget(folder)
    return folder, expected


def forget(folder: Path) -> None:
    """As before the first run; results/ itself stays, being where disks are mounted."""
    for name in ("logs", ".snakemake"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "results").mkdir(exist_ok=True)
    for path in (folder / "results").iterdir():
        shutil.rmtree(path)


@pytest.mark.pipeline
def test_a_run_on_a_full_disk_stops_with_a_message_and_goes_on_when_there_is_room(prepared, disk, tmp_path):
    folder, expected = prepared
    forget(folder)
    results = folder / "results"
    disk(results, "size=400k")  # the source images and little more
    finished = snakemake(folder, *DATA)
    assert finished.returncode == 1
    assert f"error: results/digits/distorted/29/elastic/copy-000.npy: {FULL}\n" in finished.stderr
    assert "Traceback" not in finished.stderr
    there = hashes(results)
    assert "digits/source/train-images.npy" in there
    assert there.items() < expected.items()  # nothing half-written, no temporary file
    subprocess.run(["mount", "-o", "remount,size=50m", results], check=True)
    finished = snakemake(folder, *DATA)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "rule source:" not in finished.stderr
    assert hashes(results) == expected


@pytest.mark.pipeline
def test_a_run_survives_a_full_disk_under_the_whole_project(prepared, disk, tmp_path):
    """Logs and Snakemake's own records then find no room either."""
    source, expected = prepared
    forget(source)
    folder = tmp_path / "project"
    folder.mkdir()
    disk(folder, "size=50m")
    shutil.copytree(source, folder, dirs_exist_ok=True)
    fill(folder / "something large", leave=300)  # kB; the run takes some 600, and a little in .snakemake and logs
    finished = snakemake(folder, *DATA)
    assert finished.returncode != 0
    assert "No space left on device" in finished.stdout + finished.stderr
    assert hashes(folder / "results").items() <= expected.items()
    (folder / "something large").unlink()
    finished = snakemake(folder, *DATA)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert hashes(folder / "results") == expected


def fill(path: Path, leave: int) -> None:
    """Fill the disk with one file but for some kB."""
    status = os.statvfs(path.parent)
    with path.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, status.f_bavail * status.f_frsize - leave * 1024)


def assert_told_before_anything_started(finished: Finished, folder: Path) -> None:
    assert finished.returncode == 1
    assert f"error: {folder / 'results'}: cannot be written, being on a read-only disk or" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "jobs done" not in finished.stderr
    assert finished.seconds < 10


@pytest.mark.pipeline
@pytest.mark.parametrize("there", ["", "digits/source"])  # Snakemake clears the way for outputs whose folder is there
def test_a_read_only_results_folder_is_told_in_seconds(there, prepared, disk):
    folder, _ = prepared
    forget(folder)
    disk(folder / "results", "size=1m")
    (folder / "results" / there).mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-o", "remount,ro", folder / "results"], check=True)
    for _ in range(2):  # no lock is left
        assert_told_before_anything_started(snakemake(folder, *DATA), folder)


@pytest.mark.pipeline
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_results_folder_without_permission_is_told_in_seconds(prepared):
    folder, _ = prepared
    forget(folder)
    (folder / "results").chmod(0o555)
    try:
        finished = snakemake(folder, *DATA)
    finally:
        (folder / "results").chmod(0o755)
    assert_told_before_anything_started(finished, folder)


def test_the_limit_of_these_tests_is_not_that_of_the_machine():
    """Else `ulimit -f` of the shell that runs them, and not the test, would make them pass."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


# ----------------------------------------------------------------------------------------------------------------------
# Less disk


def test_copies_that_are_not_kept_go_once_all_have_read_them(tmp_path_factory):
    folder = fresh_copy_with_compiled_code(tmp_path_factory, tmp_path_factory.mktemp("less disk"))
    others = ["simard2003", "architectures", "augmentation_range", "class_sequence", "two_positions"]
    studies = ", ".join(f"{study}: null" for study in others)
    overlay = f"keep_copies: false\nequivariance: null\nplans: {{digits: {{studies: {{{studies}}}}}}}\n"
    (folder / "less.yaml").write_text(overlay)
    command = ["models", "--cores", "2", *TINY, "less.yaml"]
    made = snakemake(folder, *command)
    assert made.returncode == 0, made.stderr
    assert "Distorting all training images" in made.stderr
    left = {path.name for path in folder.glob("results/digits/distorted/*/*/*")}
    assert left == {"preview.png", "summary.csv"}
    weights = "results/digits/models/class_transfer/stride_fc/low_translated/seed-0/weights.safetensors"
    assert sha256_of(folder / weights) == sha256_of(finished_run(tmp_path_factory) / weights)
    assert "Nothing to be done" in snakemake(folder, *command).stderr
