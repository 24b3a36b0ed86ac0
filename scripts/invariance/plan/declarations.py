"""What network families and layers declare in their own files, read without importing them, and so without torch."""

import ast
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from invariance.record.artefacts import InputError
from invariance.record.dependencies import code_of

SCRIPTS = Path(__file__).resolve().parents[2]
NETWORKS, LAYERS = SCRIPTS / "invariance/networks", SCRIPTS / "invariance/layers"


def literal(path: Path | str, name: str) -> Any:
    """The value that a Python file gives to `name` at its top level; None if it gives none.

    Raises:
        InputError: the file cannot be read as Python, or the value is no literal.
    """
    try:
        for statement in ast.parse(Path(path).read_text(encoding="utf-8")).body:
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return ast.literal_eval(statement.value)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, SyntaxError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: {name} cannot be read ({error}); allowed: a Python file in which it is a literal, of numbers, "
            "texts, lists and mappings alone"
        ) from None
    return None


def declaring(folder: Path, name: str) -> dict[str, Any]:
    """The modules in a folder that give a value to `name`, and that value."""
    found = {path.stem: literal(path, name) for path in sorted(folder.glob("*.py"))}
    return {module: value for module, value in found.items() if value is not None}


def families() -> dict[str, dict[str, Any]]:
    """The families of networks, and for each option of a family the JSON schema of its value.

    An option with a `default` may be left out. Besides JSON schema, an option may say `layer: true` (its value is one
    of `layer_names`, or of the words in `also`) or `model: true` (its value is the name of another model).
    """
    return declaring(NETWORKS, "OPTIONS")


def layer_names() -> list[str]:
    """The layers that a trunk may halve its maps with: files with DOWNSAMPLING, the name of their class."""
    return list(declaring(LAYERS, "DOWNSAMPLING"))


def layer_file(name: str) -> Path:
    """Where a layer is."""
    return LAYERS / f"{name}.py"


def user_file(name: str) -> Path:
    """Where the file of a network of the family `file` is: its path is relative to the project's folder."""
    return SCRIPTS.parent / name


def network_files(settings: Mapping[str, Any]) -> list[str]:
    """The source files that building and running a network needs beyond what scripts/train.py imports by itself.

    Args:
        settings: its entry of `models`; of a phase average with the entry of the model that it averages in place of
            its name.

    Returns:
        Sorted paths, those below the working folder relative to it.

    Raises:
        InputError: the entry names a family, layer or file that does not exist.
    """
    return sorted({os.path.relpath(path) if is_below(Path(path), Path.cwd()) else path for path in sources(settings)})


def is_below(path: Path, folder: Path) -> bool:
    return folder in path.parents


def sources(settings: Mapping[str, Any]) -> Iterator[str]:
    """Absolute paths of what `network_files` names."""
    family = str(settings.get("family"))
    options = families().get(family)
    if options is None:
        raise InputError(f"model: no family {family!r}; allowed: {', '.join(families())}")
    yield from existing(NETWORKS / f"{family}.py", SCRIPTS)
    for option, schema in options.items():
        value = settings.get(option)
        if schema.get("layer") and value not in schema.get("also", []):
            yield from existing(layer_file(str(value)), SCRIPTS)
        if schema.get("model"):
            if not isinstance(value, Mapping):
                raise InputError(f"{family}: {option}: {value!r}; allowed: the entry of that model, not its name")
            yield from sources(value)
        if schema.get("file"):
            file = user_file(str(value))
            yield from existing(file, file.parent, SCRIPTS)


def existing(file: Path, *roots: Path) -> list[str]:
    """The file and what it imports.

    Raises:
        InputError: it is missing, or no Python.
    """
    try:
        return code_of(file, *roots)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(
            f"{file}: cannot be read as Python ({error}); name a file by its path from the project's folder"
        ) from None
