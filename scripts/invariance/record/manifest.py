"""The manifest of a run: the SHA-256 of every artefact, the plan and package versions; and a check of it."""

import importlib.metadata
import platform
from collections.abc import Collection
from pathlib import Path

from invariance.record.artefacts import InputError, read_json, require_unaltered, sha256_of, write_json

VERSIONED = ("torch", "torchvision", "numpy", "numba", "elasticdeform", "pandas", "matplotlib", "snakemake")


def write_manifest(artefacts: Collection[Path | str], config: Path | str, output: Path | str) -> None:
    """Hash `artefacts` and write the hashes to `output`; raises InputError that names all that were altered."""
    root = Path(output).parent
    hashes, problems = {}, []
    for path in artefacts:
        try:
            hashes[str(Path(path).relative_to(root))] = require_unaltered(path)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    manifest = {
        "artefacts": hashes,
        "config": read_json(config),
        "versions": {package: importlib.metadata.version(package) for package in VERSIONED}
        | {"python": platform.python_version()},
    }
    write_json(output, manifest)


def differences(manifest: Path | str) -> list[str]:
    """Lines "altered: ...", "missing: ..." and "extra: ..."; raises InputError if the manifest itself is not whole."""
    root = Path(manifest).parent
    try:
        listed = dict(read_json(manifest)["artefacts"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{manifest}: not a manifest; delete it and run snakemake to have it made again") from None
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} - {Path(manifest).name}
    altered = [path for path, sha256 in listed.items() if path in found and sha256_of(root / path) != sha256]
    kinds = {"altered": altered, "missing": listed.keys() - found, "extra": found - listed.keys()}
    return [f"{kind}: {root / path}" for kind, paths in kinds.items() for path in sorted(paths)]
