"""Which parts a distortion may have, with their options: read from the library's files, without importing them."""

import ast
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from invariance.record.artefacts import InputError

SCRIPTS = Path(__file__).resolve().parents[2]
FOLDER = SCRIPTS / "invariance/distortions"
FIELDS = FOLDER / "fields.py"


def distortion_parts() -> dict[str, dict[str, Any]]:
    """Each part of a distortion by its name, with the JSON schema of each of its options.

    Translation, affine and elastic are fields (`PARTS` in fields.py); every other part is a file that has `OPTIONS`.

    Raises:
        InputError: a file has `OPTIONS` and no `Part`, or the other way round; an option has no description; a file
            has the name of a field.
    """
    parts = dict(literal(FIELDS, "PARTS"))
    for file in sorted(FOLDER.glob("*.py")):
        found = {"OPTIONS", "Part"} & module_names(file).keys()
        if len(found) == 1:
            (lacking,) = {"OPTIONS", "Part"} - found
            raise InputError(
                f"{file}: has {found.pop()} and no {lacking}; a part of a distortion needs both (parts.py)"
            )
        if found:
            if file.stem in parts:
                raise InputError(f"{file}: fields.py has a part {file.stem} already; give the file another name")
            parts[file.stem] = literal(file, "OPTIONS")
            if not well_described(parts[file.stem]):
                raise InputError(f"{file}: OPTIONS: allowed: option -> JSON schema, each a mapping with a description")
    return parts


def part_files(settings: Mapping[str, Any]) -> list[str]:
    """The files of the pixel parts in one entry of `distortions`, relative to the working folder."""
    pixel_parts = settings.keys() - literal(FIELDS, "PARTS").keys()
    return sorted(os.path.relpath(FOLDER / f"{name}.py") for name in pixel_parts)


def well_described(options: Any) -> bool:
    """Whether options are a mapping of names to mappings with a `description`."""
    return isinstance(options, Mapping) and all(
        isinstance(schema, Mapping) and "description" in schema for schema in options.values()
    )


def literal(path: Path, name: str) -> Any:
    """The value of the module-level assignment `name = <literal>` in a Python file.

    Raises:
        InputError: the file is not Python, or has no such assignment of a literal.
    """
    try:
        return ast.literal_eval(module_names(path)[name].value)
    except (KeyError, AttributeError, TypeError, ValueError):
        raise InputError(f"{path}: needs {name} = a literal at the top level, which is read without import") from None


@cache
def module_names(path: Path) -> dict[str, ast.stmt]:
    """Names that the top-level statements of a Python file assign or define, each with its last statement.

    Raises:
        InputError: the file is not Python.
    """
    try:
        statements = ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not Python ({error}); fix it, or move it elsewhere") from None
    names = {}
    for statement in statements:
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", statement)]
        names |= {getattr(target, "id", getattr(target, "name", None)): statement for target in targets}
    return names
