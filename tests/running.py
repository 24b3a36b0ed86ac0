"""How the tests run the workflow: in a fresh copy of the project, never on results that somebody may want to keep."""

import functools
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from invariance.record.artefacts import sha256_of

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ["Snakefile", "config.yaml", "workflow", "scripts", "explorer", "benchmarks", "envs", "paper", "profiles"]
SOURCES += ["tests"]


class Finished(subprocess.CompletedProcess):
    """What `snakemake` returns; seconds of processor time, too."""

    def __init__(self, arguments: tuple[str, ...], status: int, output: str, errors: str, seconds: float) -> None:
        super().__init__(["snakemake", *arguments], status, output, errors)
        self.seconds = seconds


def snakemake(folder: Path, *arguments: str, environment: dict[str, str | None] | None = None) -> Finished:
    """Run Snakemake in `folder` with the Python of the tests; standard error is where it reports.

    It is forked from a process that has imported it (forking.py), unless the environment changes what Python does, and
    not only where it finds modules. The `seconds` are then without those of the imports, and a umask or a limit that a
    test sets does not reach it.

    Args:
        folder: Where it starts.
        arguments: Of its command line.
        environment: Variables beside those of the tests; None unsets one.
    """
    merged = {**os.environ, **(environment or {})}
    surroundings = {name: value for name, value in merged.items() if value is not None}
    if any(name.startswith("PYTHON") for name in {*(environment or {})} - {"PYTHONPATH"}):
        return started_snakemake(folder, arguments, surroundings)
    with tempfile.NamedTemporaryFile("r+") as output, tempfile.NamedTemporaryFile("r+") as errors:
        order = {"folder": str(folder), "arguments": [*map(str, arguments)], "environment": surroundings}
        server = imported_snakemake()
        print(json.dumps({**order, "output": output.name, "errors": errors.name}), file=server.stdin, flush=True)
        status, seconds = json.loads(server.stdout.readline())
        return Finished(arguments, status, output.read(), errors.read(), seconds)


def started_snakemake(folder: Path, arguments: tuple[str, ...], surroundings: dict[str, str]) -> Finished:
    """The same in a Python of its own, as a person starts it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments], cwd=folder, env=surroundings, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Finished(arguments, done.returncode, done.stdout, done.stderr, seconds)


@functools.cache
def imported_snakemake() -> subprocess.Popen:
    """The process that runs are forked from; it ends with this one, which closes its input."""
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name("forking.py")],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # so that there is one thread to fork
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def without_weights(page: str) -> str:
    """The interactive page without what it holds of weights."""
    return re.sub(r'(id="weights-\d+">)[^<]*', r"\1", page)


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below results/, hidden ones too."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256_of(path) for path in files}


def fresh_copy(folder: Path) -> Path:
    """The project's sources, without anything that was built, in `folder`."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder
