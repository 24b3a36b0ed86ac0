"""What networks, layers and distortions declare in their own files; read without importing the files."""

import ast
import functools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from invariance.record.artefacts import InputError
from invariance.record.dependencies import code_of

SCRIPTS = Path(__file__).resolve().parents[2]
NETWORKS, LAYERS, DISTORTIONS = (SCRIPTS / "invariance" / wing for wing in ("networks", "layers", "distortions"))
FIELDS = DISTORTIONS / "fields.py"


def literal(path: Path | str, name: str) -> Any:
    """The literal assigned to `name` at the top level of a Python file, or None; raises InputError if unreadable."""
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
    """The modules in a folder that assign a literal to `name`, and its value."""
    found = {path.stem: literal(path, name) for path in sorted(folder.glob("*.py"))}
    return {module: value for module, value in found.items() if value is not None}


@functools.cache
def families() -> dict[str, dict[str, Any]]:
    """The families of networks, each with the JSON schema of each of its options.

    An option with a `default` may be left out. Besides JSON schema, an option may say `layer: true` (its value is one
    of `layer_names`, or of the words in `also`); `model: true` (the option is called `of`, and its value is the name of
    another model, with the settings in `such_that`, whose weights the network uses); or `below_half_canvas: true` (a
    number of pixels).
    """
    return declaring(NETWORKS, "OPTIONS")


def option_of(settings: Mapping[str, Any], option: str) -> Any:
    """The value of an option in an entry of `models`, or its default; None if there is neither."""
    return settings.get(option, families()[settings["family"]].get(option, {}).get("default"))


@functools.cache
def is_layerwise(family: str) -> bool:
    """Whether the equivariance of a network of this family can be measured: its file does not say LAYERWISE = False."""
    return family in families() and literal(NETWORKS / f"{family}.py", "LAYERWISE") is not False


@functools.cache
def layer_names() -> list[str]:
    """The layers that can halve the maps of a trunk: files with DOWNSAMPLING, the name of their class."""
    return list(declaring(LAYERS, "DOWNSAMPLING"))


def layer_file(name: str) -> Path:
    """The file of a layer."""
    return LAYERS / f"{name}.py"


def side_multiple(settings: Mapping[str, Any]) -> int:
    """What the side of a network's canvas must be a multiple of, in pixels.

    That is the least common multiple of the SIDE_MULTIPLE that the files of its family and its layers declare.

    Raises:
        InputError: what a file declares is no number of pixels.
    """
    family = settings["family"]
    used = (option_of(settings, option) for option, schema in families()[family].items() if schema.get("layer"))
    files = [NETWORKS / f"{family}.py", *(layer_file(layer) for layer in used if layer in layer_names())]
    return math.lcm(*(declared_pixels(file, "SIDE_MULTIPLE") for file in files))


def smallest_canvas(settings: Mapping[str, Any]) -> int:
    """The least side of a network's canvas, in pixels: the SMALLEST_CANVAS that the file of its family declares, or 1.

    Raises:
        InputError: that is no number of pixels.
    """
    return declared_pixels(NETWORKS / f"{settings['family']}.py", "SMALLEST_CANVAS")


@functools.cache
def declared_pixels(file: Path, name: str) -> int:
    """The number of pixels that a file assigns to `name`, or 1; raises InputError if it is something else."""
    pixels = literal(file, name)
    if pixels is not None and not (type(pixels) is int and pixels > 0):
        raise InputError(f"{file}: {name}: {pixels!r}; allowed: a number of pixels, 1 or more")
    return pixels or 1


def user_file(name: str) -> Path:
    """The file of a network of the family `file`; its path in the config is relative to the project's folder."""
    return SCRIPTS.parent / name


def network_files(settings: Mapping[str, Any]) -> list[str]:
    """Sorted absolute paths of the source files that a network needs beyond what scripts/train.py imports.

    Args:
        settings: its entry in `models`; for a phase average, `of` is the entry of the model that it averages.

    Raises:
        InputError: the entry names a family, layer or file that does not exist.
    """
    return sorted(set(sources(settings)))


def sources(settings: Mapping[str, Any]) -> Iterator[str]:
    """The files of `network_files`, with repetitions."""
    family = str(settings.get("family"))
    options = families().get(family)
    if options is None:
        raise InputError(f"model: no family {family!r}; allowed: {', '.join(families())}")
    yield from code_of(NETWORKS / f"{family}.py", roots=[SCRIPTS])
    for option, schema in options.items():
        value = option_of(settings, option)
        if schema.get("layer") and value not in schema.get("also", []):
            yield from code_of(layer_file(str(value)), roots=[SCRIPTS])
        if schema.get("model"):
            if not isinstance(value, Mapping):
                raise InputError(f"{family}: {option}: {value!r}; allowed: the entry of that model, not its name")
            yield from sources(value)
        if schema.get("file"):
            file = user_file(str(value))
            yield from code_of(file, roots=[file.parent, SCRIPTS])


def distortion_parts() -> dict[str, dict[str, Any]]:
    """Each part of a distortion by its name, with the JSON schema of each of its options.

    Translation, affine and elastic are fields (`PARTS` in fields.py); every other part is a file with `OPTIONS` and a
    class `Part`.

    Raises:
        InputError: a file has only one of the two, an option has no description, or a file has the name of a field.
    """
    parts = dict(fields())
    for file in sorted(DISTORTIONS.glob("*.py")):
        options, has_part = literal(file, "OPTIONS"), defines(file, "Part")
        if options is None and not has_part:
            continue
        if options is None or not has_part:
            lacking = "OPTIONS" if options is None else "Part"
            raise InputError(
                f"{file}: has no {lacking}; a part of a distortion needs OPTIONS and a class Part (parts.py)"
            )
        if file.stem in parts:
            raise InputError(f"{file}: fields.py has a part {file.stem} already; give the file another name")
        described = isinstance(options, Mapping) and all(
            isinstance(its, Mapping) and "description" in its for its in options.values()
        )
        if not described:
            raise InputError(f"{file}: OPTIONS: allowed: option -> JSON schema, each a mapping with a description")
        parts[file.stem] = options
    return parts


def defines(path: Path, name: str) -> bool:
    """Whether a Python file defines a class of that name at its top level."""
    return any(getattr(node, "name", None) == name for node in ast.parse(path.read_text(encoding="utf-8")).body)


@functools.cache
def fields() -> dict[str, dict[str, Any]]:
    """The parts of a distortion that displace pixels."""
    return literal(FIELDS, "PARTS")


def part_files(settings: Mapping[str, Any]) -> list[str]:
    """The files of the pixel parts in one entry of `distortions`."""
    return [str(DISTORTIONS / f"{name}.py") for name in sorted(settings.keys() - fields().keys())]
