"""One change at a time to a copy of the project, undone afterwards.

Each yields further config files for Snakemake's command line, and its environment.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def kept(path: Path) -> Iterator[None]:
    """Afterwards the file is as it was, its time included; one that did not exist is gone."""
    before = (path.read_bytes(), path.stat()) if path.exists() else None
    try:
        yield
    finally:
        path.unlink()
        if before:
            path.write_bytes(before[0])
            os.utime(path, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))


def replace(file: str, old: str, new: str) -> Callable:
    """Write `new` for the only `old` in a file."""

    @contextlib.contextmanager
    def edit(tree):
        path = tree / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
        with kept(path):
            path.write_text(text.replace(old, new))
            yield (), {}

    return edit


def append(file: str, line: str) -> Callable:
    @contextlib.contextmanager
    def edit(tree):
        path = tree / file
        with kept(path):
            path.write_text((path.read_text() if path.exists() else "") + line + "\n")
            yield (), {}

    return edit


def touch(file: str) -> Callable:
    @contextlib.contextmanager
    def edit(tree):
        with kept(tree / file):
            os.utime(tree / file)
            yield (), {}

    return edit


def overlay(yaml: str) -> Callable:
    """Further settings in a config file of their own."""

    @contextlib.contextmanager
    def edit(tree):
        with kept(tree / "overlay.yaml"):
            (tree / "overlay.yaml").write_text(yaml + "\n")
            yield ("overlay.yaml",), {}

    return edit


def release(package: str) -> Callable:
    """Another version of a package, in its metadata alone."""

    @contextlib.contextmanager
    def edit(tree):
        folder = tree / "releases"
        name = package.replace("-", "_")
        (folder / f"{name}-99.0.dist-info").mkdir(parents=True)
        (folder / f"{name}-99.0.dist-info/METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.0\n"
        )
        try:
            yield (), {"PYTHONPATH": str(folder)}
        finally:
            shutil.rmtree(folder)

    return edit
