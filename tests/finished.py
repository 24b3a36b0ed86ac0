"""One finished run of the smallest config, which all test modules of a session share, in any process."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from running import fresh_copy, snakemake

TINY = ("--configfile", "tests/configs/tiny.yaml")


def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run, read-only. The first caller builds it from nothing; the others wait."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "a whole run"
    with (shared / "a whole run.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        outcome = lock.read()
        if not outcome:
            folder.mkdir()
            finished = snakemake(fresh_copy(folder), "--cores", "2", *TINY)
            outcome = finished.stderr[-5000:] if finished.returncode else "finished"
            lock.write(outcome)
    assert outcome == "finished", outcome
    return folder


def fresh_copy_with_compiled_code(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Path:
    """The project's sources in `folder`, and what the finished run compiled, to save the time."""
    scripts = fresh_copy(folder) / "scripts"
    shutil.copytree(finished_run(tmp_path_factory) / "scripts", scripts, dirs_exist_ok=True)
    return folder


def copy_of_finished_run(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """A copy to work on, with times and Snakemake's records."""
    return shutil.copytree(finished_run(tmp_path_factory), tmp_path_factory.mktemp(name) / "copy", symlinks=True)
