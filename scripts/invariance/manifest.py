"""The records of a run: its resolved config, and the SHA-256 of every artefact with the versions behind them."""

import importlib.metadata
import json
import platform
from collections.abc import Collection
from pathlib import Path

from invariance.artefacts import read_json, sha256_of, write_json, write_text

VERSIONED = ("torch", "torchvision", "numpy", "numba", "elasticdeform", "pandas", "matplotlib", "snakemake")


def write_config(config: str, output: Path | str, log: Path | str) -> None:
    """Write the resolved config of a run, JSON text in the order of its tables, to `output`."""
    write_json(output, json.loads(config), sort_keys=False)
    write_text(log, f"wrote {output}\n")


def write_manifest(artefacts: Collection[Path | str], config: Path | str, output: Path | str, log: Path | str) -> None:
    """Hash `artefacts`, and write them to `output` as JSON, by their paths below its folder."""
    root = Path(output).parent
    manifest = {
        "artefacts": {str(Path(path).relative_to(root)): sha256_of(path) for path in artefacts},
        "config": read_json(config),
        "versions": {package: importlib.metadata.version(package) for package in VERSIONED}
        | {"python": platform.python_version()},
    }
    write_json(output, manifest)
    write_text(log, f"hashed {len(artefacts)} artefacts\n")
