"""The manifest: the SHA-256 of every artefact of a run, with the config and the versions behind them."""

import importlib.metadata
import platform
from collections.abc import Iterable
from pathlib import Path

from invariance.artefacts import read_json, sha256_of, write_json

VERSIONED = ("torch", "torchvision", "numpy", "numba", "elasticdeform", "pandas", "matplotlib", "snakemake")


def write_manifest(root: Path | str, artefacts: Iterable[Path | str], config: Path | str, output: Path | str) -> None:
    """Hash `artefacts`, files below `root`, and write them by their paths below it, to `output` as JSON."""
    manifest = {
        "artefacts": {str(Path(path).relative_to(root)): sha256_of(path) for path in artefacts},
        "config": read_json(config),
        "versions": {package: importlib.metadata.version(package) for package in VERSIONED}
        | {"python": platform.python_version()},
    }
    write_json(output, manifest)
