"""What a job depends on: the modules of this project that its script imports, their code, and the packages they use.

Snakemake reruns a job when its shell command changes, but sees neither scripts nor the modules that they import. So
each rule has `made_by` among its params. Code is compared by its syntax tree without docstrings; comments and layout
are not part of it.
"""

import ast
import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from invariance.record.artefacts import InputError, write_json

# Packages whose names differ from those of their modules, and packages that compute nothing.
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}
BESIDE = {"cyclopts", "psutil", "requests", "urllib3"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
PYTHON = f"python=={platform.python_version()}"
OWN_CODE = Path(__file__).read_text(encoding="utf-8")


class Module(NamedTuple):
    """One file: the files below the roots that it imports, the packages, and the hash of its code."""

    imports: tuple[Path, ...]
    packages: frozenset[str]
    digest: str


def code_of(*scripts: Path | str, roots: Sequence[Path | str]) -> list[str]:
    """The scripts and every module below `roots` that they import, directly or through others; sorted paths.

    Args:
        scripts: Python files.
        roots: the folders that imports start from.
    """
    roots = tuple(map(Path, roots))
    found: set[Path] = set()
    waiting = [Path(script) for script in scripts]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += module(path, roots).imports
    return sorted(str(path) for path in found)


@cache
def made_by(*scripts: Path | str, root: Path | str | None = None) -> list[str]:
    """The hash of all code of the scripts, and the packages that it computes with, as package==version.

    It does not depend on where the project is.

    Args:
        scripts: Python files.
        root: the folder that imports start from; by default that of the first script.
    """
    root = Path(root or Path(scripts[0]).parent).absolute()
    code = code_of(*(Path(script).absolute() for script in scripts), roots=[root])
    modules = [module(Path(path), (root,)) for path in code]
    digests = [f"{os.path.relpath(path, root)} {found.digest}\n" for path, found in zip(code, modules, strict=True)]
    packages = sorted(set().union(*(found.packages for found in modules)))
    return [sha256("".join(digests)), *versions(*packages)]


@cache
def module(path: Path, roots: tuple[Path, ...]) -> Module:
    """Read a file; raises InputError if it is missing or not Python."""
    try:
        names, digest = remembered(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, but a rule or a study names it as its code") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as Python ({error})") from None
    files = {file for name in names for root in roots for file in module_files(name, root)}
    tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - BESIDE
    packages = {DISTRIBUTIONS.get(top, top) for top in tops if not any((root / top).exists() for root in roots)}
    return Module(tuple(sorted(files)), frozenset(packages), digest)


def remember_in(folder: Path) -> None:
    """Cache in a folder what is parsed from each source file; this saves 0.5 s per start of Snakemake."""
    global memory
    memory = folder


memory: Path | None = None


def remembered(text: str, name: str) -> tuple[list[str], str]:
    """What `parsed` says, or said in an earlier run."""
    if memory is None:
        return parsed(text, name)
    path = memory / f"{sha256(OWN_CODE + PYTHON + text)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        names, digest = json.loads(path.read_text(encoding="utf-8"))
        return names, digest
    found = parsed(text, name)
    with contextlib.suppress(OSError):  # where nothing can be written, nothing is remembered
        write_json(path, found)
    return found


def parsed(text: str, name: str) -> tuple[list[str], str]:
    """The names that Python code imports, and the hash of its syntax tree.

    Args: the code; the name of its file, for messages.
    Raises: SyntaxError, ValueError.
    """
    tree, names = ast.parse(text, filename=name), set()
    for node in ast.walk(tree):
        names.update(imported_names(node))
        drop_docstring(node)
    return sorted(names), sha256(ast.dump(tree))


def sha256(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def drop_docstring(node: ast.AST) -> None:
    """Remove the docstring of a module, class or function from its syntax tree."""
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]


@cache
def versions(*packages: str) -> list[str]:
    """Versions of the installed packages among these; only tests and users' machines lack any."""
    found = []
    for package in packages:
        try:
            found.append(f"{package}=={importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def imported_names(node: ast.AST) -> Iterator[str]:
    """Dotted names that an import statement may refer to: `from a import b` is a, and perhaps the module a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def module_files(name: str, root: Path) -> list[Path]:
    """The files below `root` that importing `name` reads: the __init__ of each package on the way, and the module."""
    parts = name.split(".")
    places = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    files = [file for place in places for file in (place / "__init__.py", place.with_suffix(".py"))]
    return [file for file in files if file.is_file()]


def processor() -> list[str]:
    """System, kind and instructions of this processor: compiled loops and NumPy round by them in the last bits."""
    from llvmlite import binding  # takes its time

    return [platform.system(), binding.get_process_triple(), binding.get_host_cpu_features().flatten()]
