"""How the tests run the workflow: in a fresh copy of the project, never on results that somebody may want to keep."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ["Snakefile", "config.yaml", "workflow", "scripts", "benchmarks", "envs", "paper", "profiles", "tests"]


def snakemake(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Run Snakemake in `folder` with the Python of the tests; standard error is where it reports."""
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
    )


def fresh_copy(folder: Path) -> Path:
    """The project's sources, without anything that was built, in `folder`."""
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder
