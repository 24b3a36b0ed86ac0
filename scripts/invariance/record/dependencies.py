"""Which modules of this project a script is made of: found from its imports, so that nobody has to keep a list.

Snakemake reruns a job when its script changes but does not see the modules that the script imports. The rules therefore
name them as inputs.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def code_of(script: Path | str, *roots: Path) -> list[str]:
    """The script and every module below `roots` that it imports, directly or through others; sorted paths.

    Without roots, the modules beside the script.
    """
    script = Path(script)
    roots = roots or (script.parent,)
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [file for root in roots for file in local_imports(path, root)]
    return sorted(str(path) for path in found)


@cache
def local_imports(path: Path, root: Path) -> tuple[Path, ...]:
    """Files below `root` that the Python file at `path` imports by absolute names, packages' __init__ included."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    names = [name for node in ast.walk(tree) for name in imported_names(node)]
    return tuple(sorted({file for name in names for file in module_files(name, root)}))


def imported_names(node: ast.AST) -> Iterator[str]:
    """Dotted names that an import statement may stand for: `from a import b` is a, and perhaps the module a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_files(name: str, root: Path) -> Iterator[Path]:
    """The files below `root` that importing `name` reads: each package's __init__ on the way, and the module."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:depth])
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                yield file
