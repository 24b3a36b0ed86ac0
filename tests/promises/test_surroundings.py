"""A stranger's machine: legal and hostile surroundings, a line each, on a finished run of the smallest config."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from finished import TINY, copy_of_finished_run
from invariance.record.artefacts import sha256_of
from running import snakemake

pytestmark = pytest.mark.pipeline

ODD_NAME = "a {b} 'c' \"d\" $e %s ü"
RESULTS = Path("results/digits")
DONE = "Nothing to be done"


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of a finished run in a folder with a name as nobody expects it. Nobody moved a record along by hand."""
    copy = copy_of_finished_run(tmp_path_factory, "surroundings")
    return copy.rename(copy.with_name(ODD_NAME))


def planned(folder: Path, *arguments: str, **environment: str | None) -> str:
    """What a dry run says, in one message: no traceback."""
    finished = snakemake(folder, "-n", *arguments, *TINY, environment=environment)
    said = finished.stdout + finished.stderr
    assert "Traceback" not in said
    assert (finished.returncode == 0) == ("error:" not in said), said
    return said


# ----------------------------------------------------------------------------------------------------------------------
# Variables


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "/proc/no/such"},
        {"HOME": None, "XDG_CACHE_HOME": None},
        {"LANG": "de_DE.ISO-8859-1", "LC_ALL": "xx_XX"},
        {"PYTHONOPTIMIZE": "2"},
    ],
    ids=lambda environment: " ".join(environment),
)
def test_a_finished_run_is_finished_whatever_the_variables(environment, tree):
    assert DONE in planned(tree, **environment)


def test_a_variable_that_counts_is_part_of_what_artefacts_are_made_from(tree):
    """Older OpenBLAS needs it on some processors, so that it cannot be left out."""
    assert "params have changed" in planned(tree, OPENBLAS_CORETYPE="Haswell")


# Where another stage made each of them; what was made from them is there and as it was.
GONE = [
    "distorted/29/elastic/copy-000.npy",
    "tables/architectures.csv",
    "tables/settings.tex",
    "figures/heat_maps.png",
    "explorer.html",
]


def test_all_that_is_missing_is_made(tree):
    before = sha256_of(tree / RESULTS / "manifest.json")
    for file in GONE:
        (tree / RESULTS / file).unlink()
    finished = snakemake(tree, "--cores", "2", *TINY)
    assert finished.returncode == 0, finished.stderr[-5000:]
    assert sha256_of(tree / RESULTS / "manifest.json") == before
    check = subprocess.run([sys.executable, "scripts/check.py"], cwd=tree, capture_output=True, text=True)
    assert check.stdout.startswith("unaltered: all artefacts"), check.stdout


# ----------------------------------------------------------------------------------------------------------------------
# A result that is missing while what was made from it is there


@contextlib.contextmanager
def without(path: Path) -> Iterator[None]:
    """Within the block a file is away, as after the failure of the job that makes it."""
    aside = path.with_name("aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


RESTS_ON = {
    "data": "source/test-labels.npy",
    "models": "distorted/29/elastic/copy-000.npy",
    "measures": "models/simard2003/mlp/none/seed-0/card.json",
    "figures": "shifts/architectures/stride_fc/centred/seed-0.predictions.npy",
    "paper": "tables/simard2003-pairs.csv",
    "explorer": "claims.json",
    "verify": "positions/two_positions/stride_gap/placed/seed-0.csv",
    "all": "figures/summary.png",
    "demo": "claims.json",
}


@pytest.mark.parametrize("target", RESTS_ON)
def test_a_target_makes_what_is_missing_of_all_that_it_rests_on(target, tree):
    with without(tree / RESULTS / RESTS_ON[target]):
        said = planned(tree, target)
    assert f"Missing output files: {RESULTS / RESTS_ON[target]}" in said, said


# ----------------------------------------------------------------------------------------------------------------------
# Folders


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Within the block nobody, not even root, can write below the folder; skips where that is not allowed."""
    try:
        subprocess.run(["mount", "--bind", folder, folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount folders")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def instead(path: Path, target: Path) -> Iterator[None]:
    """Within the block `path` is a link to `target`."""
    aside = path.with_name("aside")
    path.rename(aside)
    path.symlink_to(target)
    try:
        yield
    finally:
        path.unlink()
        aside.rename(path)


@pytest.mark.parametrize("arguments", [["-n"], ["--report", "report.html"], ["--cores", "1"]], ids=lambda it: it[0])
def test_a_finished_tree_that_cannot_be_written_is_one_message(arguments, tree):
    with read_only(tree):
        finished = snakemake(tree, *arguments, *TINY)
    assert finished.returncode == 1
    assert finished.stderr.count("error: ") == 1
    assert f"error: {tree}/.snakemake: cannot be written, being on a read-only disk" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_results_behind_a_link_are_results(tree):
    with instead(tree / "results", tree / "aside"):
        assert DONE in planned(tree)


def test_a_link_to_results_that_are_not_there_is_one_message(tree):
    with instead(tree / "results", Path("/no/such/folder")):
        finished = snakemake(tree, "--cores", "1", "data", *TINY)
    assert finished.returncode == 1
    assert f"error: {tree}/results: a link to a folder that is not there; nothing was started" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_report_is_made_in_a_folder_of_any_name(tree):
    finished = snakemake(tree, "--report", "report.html", *TINY)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "heat_maps" in (tree / "report.html").read_text(encoding="utf-8")


def test_a_moved_project_is_finished(tree, tmp_path):
    moved = shutil.move(tree, tmp_path / "moved")
    try:
        assert DONE in planned(moved)
    finally:
        shutil.move(moved, tree)


def test_a_umask_that_forbids_everything_leaves_files_that_the_user_can_read(tree):
    target = RESULTS / "tables/settings.tex"
    (tree / target).unlink()
    before = os.umask(0o777)
    try:
        finished = snakemake(tree, "--cores", "1", target, *TINY, environment={"PYTHONSAFEPATH": "1"})
    finally:
        os.umask(before)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert (tree / target).stat().st_mode & 0o777 == 0o600


# ----------------------------------------------------------------------------------------------------------------------
# Command lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--directory", "/tmp"], "error: --directory /tmp: this workflow works in its own folder, {tree}"),
        (["results/digits"], "error: results/digits: a folder; name a file in it, or one of the targets all, demo,"),
        (["results/digits/figures/"], "error: results/digits/figures: a folder; name a file in it"),
        (
            ["{tree}/results/digits/paper.pdf"],
            "error: {tree}/results/digits/paper.pdf: name a file by its path from the project's folder: "
            "results/digits/paper.pdf",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else value[0],
)
def test_what_is_typed_in_good_faith_is_one_message(arguments, message, tree):
    """Braces in the name of the folder stand for themselves."""
    assert message.replace("{tree}", str(tree)) in planned(
        tree, *(argument.replace("{tree}", str(tree)) for argument in arguments)
    )


def test_results_are_checked_from_any_folder(tree, tmp_path):
    check = subprocess.run([sys.executable, tree / "scripts/check.py"], cwd=tmp_path, capture_output=True, text=True)
    assert check.stdout == f"unaltered: all artefacts of {tree / RESULTS / 'manifest.json'}\n", check.stderr
