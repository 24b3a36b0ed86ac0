"""The config: read, merged, held to its schema, and taken apart into what each job needs.

One config describes two *runs* of the same pipeline. `mnist` is the config without its key `demo`; `digits` is the
config with `demo` merged over it. A run is a plain mapping; the other functions here take one.

An overlay, `snakemake --configfile my.yaml`, names only what it changes: mappings merge, lists and scalars are
replaced, and a key whose value is null is removed:

    studies:
      simard2003:
        seeds: [0]           # replaces the list
        cells:
          mlp: null          # removes the cell
"""

import difflib
import functools
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from invariance.record.artefacts import InputError

Run = dict[str, Any]
Schema = dict[str, Any]
KeyPath = tuple[str | int, ...]  # keys and list indices from the top of the config to a value
RUNS = ("mnist", "digits")

IMAGE_SIDE = 28  # pixels, of MNIST and of the enlarged digits alike
MNIST_TRAINING, MNIST_TEST, ALL_DIGITS = 60_000, 10_000, 1_797
PHASE_PERIOD = 4  # pixels: two layers of the trunk halve the map
NAMED = ("distortions", "models", "studies", "trainings", "cells")  # mappings whose keys are names

# Files that the pipeline writes beside those that carry the name of a study: below tables/, and their logs.
TAKEN = (
    "claims",
    "compare_with_simard",
    "compute",
    "config",
    "distortions",
    "equivariance",
    "numbers",
    "provenance",
    "settings",
    "split_variance",
    "write_tex",
)
MOST_PROBLEMS = 10
DEEPEST = 20  # levels of nesting; the config itself has seven
MOST_VALUES = 50_000  # keys and values, aliases written out; the config itself has about a thousand
LARGEST = 100_000  # bytes of a file; the config itself has twelve thousand
TEMPLATE = "__use_yte__"  # with this key a file asks Snakemake to evaluate Python in it


# Reading and merging --------------------------------------------------------------------------------------------------


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `override` over `base`: mappings recursively, anything else replaced. Neither argument is changed.

    None is a value like any other here, so that "remove this key" outlives a chain of merges; `resolve` removes it.

        >>> merge({"a": {"b": 1, "c": 2}, "d": [1, 2]}, {"a": {"b": 3}, "d": [4]})
        {'a': {'b': 3, 'c': 2}, 'd': [4]}
    """
    merged = {key: _copy(value) for key, value in base.items()}
    for key, value in override.items():
        if isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = _copy(value)
    return merged


def resolve(config: Mapping[str, Any]) -> dict[str, Run]:
    """The two runs of a config, by name: {"mnist": ..., "digits": ...}, each with its `dataset` set.

    Keys that are null are dropped. What the config removes outside `demo` stays removed in both runs, even where
    `demo` would change it. Names (of studies, cells and so on) keep their order, which is that of the tables; all other
    keys are sorted, so that an overlay that changes nothing also leaves the order of every job's settings as it was.

        >>> resolve({"a": 1, "b": 2, "c": None, "demo": {"a": 3, "b": None, "c": {"d": 4}}})
        {'mnist': {'a': 1, 'b': 2, 'dataset': 'mnist'}, 'digits': {'a': 3, 'dataset': 'digits'}}
    """
    base = {key: value for key, value in config.items() if key not in ("demo", "dataset")}
    demo = _without_removed(config.get("demo") or {}, base)
    runs = {"mnist": _without_nulls(base), "digits": _without_nulls(merge(base, demo))}
    return {name: _in_order({**run, "dataset": name}) for name, run in runs.items()}


def load(paths: list[Path]) -> dict[str, Any]:
    """Read a config and its overlays, merged in this order.

    Raises:
        InputError: a file is missing, empty, too large, not YAML (with line and column), not a mapping, repeats a key,
            or asks to have Python evaluated in it.
    """
    return functools.reduce(merge, (_read(Path(path)) for path in paths), {})


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise InputError(f"{path}: more than {LARGEST} bytes, which no config has; name a YAML file as config.yaml")
        config = yaml.load(content.decode("utf-8"), Loader=_Loader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name an existing YAML file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        what = " ".join(filter(None, [error.context, error.problem]))
        raise InputError(f"{where}: not valid YAML: {what}. Indent with spaces, and close what you open.") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deep; allowed: at most {DEEPEST} levels") from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        raise InputError(f"{path}: holds a value that is not valid YAML: {' '.join(str(error).split())}") from None
    if config is None:
        raise InputError(f"{path}: is empty; a config is a mapping of keys to values, as in config.yaml")
    if not isinstance(config, dict):
        raise InputError(f"{path}: holds {_show(config)}; a config is a mapping of keys to values, as in config.yaml")
    if TEMPLATE in config:
        raise InputError(f"{path}: {TEMPLATE}: a config holds plain values, and no Python to evaluate; remove this key")
    if problems := _form_problems(config)[:MOST_PROBLEMS]:
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return config


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which moreover refuses a key that stands twice in one mapping (YAML 1.2, 3.2.1.1).

    It stops at nesting that no config has, on which PyYAML spends minutes and then the whole stack.
    """

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        super().fetch_flow_collection_start(token)
        self._refuse_depth()

    def add_indent(self, column: int) -> bool:
        self._refuse_depth()
        return super().add_indent(column)

    def _refuse_depth(self) -> None:
        if self.flow_level + len(self.indents) > DEEPEST:
            raise yaml.scanner.ScannerError(None, None, f"nested more than {DEEPEST} deep", self.get_mark())

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.composer.ComposerError(None, None, f"the key {key.value} stands twice", key.start_mark)
                seen.add(key.value)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys may not multiply without end: each level can hold the one below many times."""
        super().flatten_mapping(node)
        if len(node.value) > MOST_VALUES:
            what = f"merge keys give it more than {MOST_VALUES} keys"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _without_nulls(mapping: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in mapping.items() if value is not None}
    return {key: _without_nulls(value) if isinstance(value, Mapping) else _copy(value) for key, value in kept.items()}


def _in_order(mapping: Mapping[str, Any], named: bool = False) -> dict[str, Any]:
    keys = mapping if named else sorted(mapping)
    return {
        key: _in_order(mapping[key], key in NAMED and not named) if isinstance(mapping[key], Mapping) else mapping[key]
        for key in keys
    }


def _without_removed(override: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """`override` less the keys that `base` holds as null."""
    kept = {key: value for key, value in override.items() if base.get(key, "absent") is not None}
    return {
        key: _without_removed(value, base[key])
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
        else value
        for key, value in kept.items()
    }


# What the jobs of a run need ------------------------------------------------------------------------------------------


class Cell(NamedTuple):
    """One trained or evaluated model: its place below results/<dataset>/models and results/<dataset>/shifts."""

    study: str
    model: str
    training: str
    seed: int


def cells(run: Run) -> list[Cell]:
    """Every cell that is evaluated, in the order of the config: studies, models, trainings, seeds."""
    return [
        Cell(study, model, training, seed)
        for study, settings in run["studies"].items()
        for model, cell in settings["cells"].items()
        for training in cell["trainings"]
        for seed in settings["seeds"]
    ]


def shifted_cells(run: Run) -> list[Cell]:
    """The cells that are evaluated over a grid of shifts: all but those that tell positions instead of digits."""
    return [cell for cell in cells(run) if "positions" not in run["studies"][cell.study]]


def position_studies(run: Run) -> list[str]:
    """The studies whose networks tell where a digit is, and not which it is."""
    return [study for study, settings in run["studies"].items() if "positions" in settings]


def position_cells(run: Run) -> list[Cell]:
    """The cells that are evaluated at the positions that they tell."""
    return [cell for cell in cells(run) if cell.study in position_studies(run)]


def class_studies(run: Run) -> list[str]:
    """The studies in which some training distorts only some digits, and which are measured by class too."""
    return [
        study
        for study, settings in run["studies"].items()
        if any("classes" in training for training in settings["trainings"].values())
    ]


def equivariance_cells(run: Run) -> list[Cell]:
    """The cells whose layers are held to equivariance, model by model; none without the key or the study."""
    settings = run.get("equivariance")
    if settings is None or settings["study"] not in run["studies"]:
        return []
    seeds = run["studies"][settings["study"]]["seeds"]
    study, training = settings["study"], settings["training"]
    return [Cell(study, model, training, seed) for model in settings["models"] for seed in seeds]


def trained_cells(run: Run) -> list[Cell]:
    """The cells that are trained, each once."""
    return list(dict.fromkeys(weights_of_cells(run).values()))


def weights_of_cells(run: Run) -> dict[Cell, Cell]:
    """For each cell, the one whose weights it uses.

    That of a phase_average is the model that it averages. Where a model is trained in the same way with the same seed
    in several studies, it is trained in the first of them.
    """
    first: dict[str, Cell] = {}
    used = {}
    for cell in cells(run):
        base = cell._replace(model=base_model(run, cell.model))
        training = training_settings(run, base.study, base.model, base.training)
        used[cell] = first.setdefault(json.dumps([base.model, base.seed, training], sort_keys=True), base)
    return used


def evaluations_of_cells(run: Run) -> dict[Cell, Cell]:
    """For each cell that is evaluated over a grid of shifts, the one whose evaluation it uses.

    Where the same weights are evaluated in the same way for several cells, that is done for the first of them.
    """
    weights, first, used = weights_of_cells(run), {}, {}
    for cell in shifted_cells(run):
        family = run["models"][cell.model]["family"]
        evaluation = (weights[cell], family == "phase_average", *shift_settings(run, cell.study, cell.model).values())
        used[cell] = first.setdefault(evaluation, cell)
    return used


def base_model(run: Run, model: str) -> str:
    """The model whose weights `model` uses: `of` for a phase_average model, otherwise itself."""
    return run["models"][model].get("of", model)


def require_names(run: Run, names: Mapping[str, str]) -> None:
    """Hold the names in the path of a file to those of a run: any of study, model, training, distortion.

    Raises:
        InputError: the first that is not there, and what is.
    """
    study = run["studies"].get(names.get("study"), {})
    known = {"study": run["studies"], "model": run["models"], "distortion": run["distortions"]}
    for kind, name in names.items():
        allowed = study.get("trainings", {}) if kind == "training" else known.get(kind)
        if allowed is not None and name not in allowed:
            where = f" in {run['dataset']}" + (f", {names['study']}" if kind == "training" else "")
            raise InputError(f"{kind} {_show(name)}: no such {kind}{where}{_options(name, allowed)}")
    if "model" in names and "study" in names and names["model"] not in study["cells"]:
        what = f"not in the study {names['study']} of {run['dataset']}{_options(names['model'], study['cells'])}"
        raise InputError(f"model {_show(names['model'])}: {what}")


def training_settings(run: Run, study: str, model: str, training: str) -> dict[str, Any]:
    """What one training depends on, apart from its model and its seed.

    Returns:
        distortion (a name or "none"), copies (0 for none), canvas (pixels), train_images, validation_images, and
        optimisation: that of the study, with that of the training and then that of the cell merged over it. Further
        classes, where only some digits are distorted, and positions, where they are to be told. Where train_images and
        validation_images are more than there are, what is measured on the validation images is of images trained on.
    """
    settings = run["studies"][study]
    data, images = run["datasets"][run["dataset"]], settings["trainings"][training]
    optimisation = settings["optimisation"]
    for level in (images, settings["cells"][model]):
        optimisation = _in_order(merge(optimisation, level.get("optimisation", {})))
    special = {"classes": images.get("classes"), "positions": settings.get("positions")}
    return {
        **{key: value for key, value in special.items() if value is not None},
        "distortion": images["distortion"],
        "copies": images.get("copies", 0),
        "optimisation": optimisation,
        "canvas": settings["canvas"],
        "train_images": images.get("train_images", data["train_images"]),
        "validation_images": data["validation_images"],
    }


def shift_settings(run: Run, study: str, model: str) -> dict[str, int]:
    """What one evaluation depends on: canvas and max_shift (pixels), and shift_images (the cell's or the study's)."""
    settings = run["studies"][study]
    shift_images = settings["cells"][model].get("shift_images", settings["shift_images"])
    return {"canvas": settings["canvas"], "max_shift": settings["max_shift"], "shift_images": shift_images}


def distorted_copies(run: Run) -> dict[tuple[int, str], int]:
    """How many copies the trainings read: (canvas in pixels, distortion) -> copies, in the order of first use.

    Trainings that share a canvas and a distortion share its copies, so the largest number asked for is made.
    """
    copies: dict[tuple[int, str], int] = {}
    for study, model, training, _ in trained_cells(run):
        settings = training_settings(run, study, model, training)
        if settings["distortion"] != "none":
            key = settings["canvas"], settings["distortion"]
            copies[key] = max(copies.get(key, 0), settings["copies"])
    return copies


# Validation -----------------------------------------------------------------------------------------------------------


class Problem(NamedTuple):
    """Something wrong in a config: where, the value as shown (None for a missing key), and what is allowed."""

    path: KeyPath
    shown: str | None
    what: str

    def __str__(self) -> str:
        return ": ".join(filter(None, [_dotted(self.path), self.shown, self.what]))


def validate(config: Mapping[str, Any], schema_path: Path) -> None:
    """Hold both runs of a config to the schema, and then to what a schema cannot say.

    Raises:
        InputError: one line a problem, `key path: value: what is wrong; allowed: ...`, for the first ten; then one
            line that says what to do.
    """
    problems = list(dict.fromkeys(str(problem) for problem in _problems(config, Path(schema_path))))
    if not problems:
        return
    lines = ["the config is not valid:", *(f"  {problem}" for problem in problems[:MOST_PROBLEMS])]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"  ... and {len(problems) - MOST_PROBLEMS} more")
    lines.append(
        "Nothing was started. Mend config.yaml, or the file given with --configfile; config.yaml explains each key."
    )
    raise InputError("\n".join(lines))


def _problems(config: Any, schema_path: Path) -> list[Problem]:
    """All problems: of form first, then of the schema, and only in a config free of those, of meaning."""
    malformed = _form_problems(config)
    if not malformed and not isinstance(config.get("demo") or {}, Mapping):
        malformed = [Problem(("demo",), _show(config["demo"]), "not a mapping; allowed: a mapping of changes")]
    if malformed:
        return malformed

    runs = resolve(config)
    as_written = {key: config[key] for key in ("dataset", "demo") if config.get(key) is not None}
    mnist, digits = {**_less(runs["mnist"], "dataset"), **as_written}, runs["digits"]
    found = list(_schema_problems(mnist, schema_path))
    told = {problem.path for problem in found}
    placed = [_placed(problem, config) for problem in _schema_problems(digits, schema_path)]
    found += [problem for problem in placed if not told.intersection(_prefixes(problem.path))]
    if not found:
        found += _meaning_problems(runs["mnist"])
        found += [_placed(problem, config) for problem in _meaning_problems(digits) if problem not in found]
    return found


def _form_problems(config: Any) -> list[Problem]:
    """What no config may hold anywhere, told of more places than are shown; a config free of it is safe to walk."""
    if _holds_too_much(config):
        what = f"holds more than {MOST_VALUES} values; do aliases repeat one another?"
        return [Problem((), "config", what)]
    return list(itertools.islice(_malformed(config, ()), MOST_PROBLEMS + 1))


def _holds_too_much(config: Any) -> bool:
    """Whether there are more than MOST_VALUES keys and values, counting those behind an alias each time."""
    seen, waiting = 0, [(config, 0)]
    while waiting and seen <= MOST_VALUES:
        value, depth = waiting.pop()
        seen += 1
        if depth <= DEEPEST and isinstance(value, Mapping | list):
            inner = value.values() if isinstance(value, Mapping) else value
            waiting.extend((below, depth + 1) for below in itertools.islice(inner, MOST_VALUES + 1))
    return seen > MOST_VALUES


def _malformed(value: Any, path: KeyPath) -> Iterator[Problem]:
    """Keys that are not text, text that is not Unicode, numbers that are not finite, endless nesting."""
    if path == () and not isinstance(value, Mapping):
        yield Problem((), "config", "not a mapping; allowed: a mapping of keys to values, as in config.yaml")
    elif len(path) > DEEPEST:
        yield Problem(path[:3], None, f"nested more than {DEEPEST} deep; does an alias contain itself?")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                what = f"the key {_show(key)} is read as {type(key).__name__}, not text; put it in quotes"
                yield Problem(path, None, what)
            elif not _is_unicode(key):
                yield Problem(path, None, f"the key {_show(key)} holds half a character (a surrogate)")
            else:
                yield from _malformed(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _malformed(inner, (*path, index))
    elif isinstance(value, str) and not _is_unicode(value):
        yield Problem(path, _show(value), "holds half a character (a surrogate); allowed: Unicode text")
    elif isinstance(value, int) and value.bit_length() > 64:
        yield Problem(path, f"a number of {value.bit_length()} bits", "too large; allowed: at most 64 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, str(value), "not a finite number")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _placed(problem: Problem, config: Mapping[str, Any]) -> Problem:
    """A problem of the digits run, said of the place where it was written: in `demo`, or in the config itself."""
    demo, base = config.get("demo") or {}, _less(config, "demo")
    in_demo, in_base = _depth(demo, problem.path), _depth(base, problem.path)
    if in_demo > in_base or in_demo == in_base == len(problem.path):
        return problem._replace(path=("demo", *problem.path))
    if problem.path[:2] == ("datasets", "digits"):
        return problem
    aside = f" (in the digits run; to change that run alone: {_dotted(('demo', *problem.path))})"
    return problem._replace(what=problem.what + aside)


def _prefixes(path: KeyPath) -> Iterator[KeyPath]:
    """The path and those above it, with and without a leading "demo"."""
    for length in range(1, len(path) + 1):
        yield path[:length]
        yield path[1 : length + 1] if path[0] == "demo" else path[:length]


def _depth(value: Any, path: KeyPath) -> int:
    """How many steps of `path` can be taken from `value`."""
    for depth, key in enumerate(path):
        try:
            value = value[key]
        except (LookupError, TypeError):
            return depth
    return len(path)


def _less(mapping: Mapping[str, Any], removed: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != removed}


# The schema -----------------------------------------------------------------------------------------------------------

NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
}

# Python's 15.0 is no whole number here: `range` would not take it. (JSON Schema itself does not tell them apart.)
_StrictValidator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


@functools.cache
def _validator(schema_path: Path) -> Draft202012Validator:
    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    _StrictValidator.check_schema(schema)
    return _StrictValidator(schema)


def _schema_problems(run: Run, schema_path: Path) -> Iterator[Problem]:
    validator = _validator(schema_path)
    for error in validator.iter_errors(run):
        yield from _explained(error, run, functools.partial(_dereferenced, validator.schema))


def _dereferenced(root: Mapping[str, Any], schema: Any) -> dict[str, Any]:
    """A subschema with what its $ref names merged in; only "#/$defs/name" is used."""
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" not in schema:
        return dict(schema)
    target = _dereferenced(root, root["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    return {**target, **_less(schema, "$ref")}


def _explained(error: ValidationError, run: Run, dereferenced: Callable[[Any], Schema]) -> Iterator[Problem]:
    """An error of jsonschema, in the words of the config's reader."""
    path, value, schema = tuple(error.absolute_path), error.instance, dereferenced(error.schema)
    if "propertyNames" in error.absolute_schema_path:
        yield Problem((*path, value), None, f"not a name; allowed: {schema['description']}")
    elif error.validator == "additionalProperties":
        known = list(schema["properties"])
        for key in value:
            if key not in known:
                yield Problem((*path, key), _show(value[key]), f"unknown key{_options(key, known)}")
    elif error.validator == "required":
        missing = [key for key in schema["required"] if key not in value]
        if meant := _meant(path, run):
            what = f"lacks {', '.join(missing)}, and its name is like another's; did you mean {_show(meant)}?"
            yield Problem(path, None, what)
            return
        for key in missing:
            allowed = _allowed(dereferenced(schema.get("properties", {}).get(key)), dereferenced)
            yield Problem((*path, key), None, f"missing; allowed: {allowed}")
    elif error.validator == "enum":
        yield Problem(
            path, _show(value), f"not one of the choices{_options(value, schema['enum'])}{_described(schema)}"
        )
    else:
        wrong = _wrong(error.validator, value, schema) + _hint(value, schema)
        yield Problem(path, _show(value), f"{wrong}; allowed: {_allowed(schema, dereferenced)}")


def _wrong(keyword: str, value: Any, schema: Schema) -> str:
    if keyword == "type":
        return f"not {NOUNS[schema['type']]}"
    words = {
        "minimum": "too small",
        "exclusiveMinimum": "too small",
        "maximum": "too large",
        "exclusiveMaximum": "too large",
        "uniqueItems": "the same twice",
        "pattern": "not of this form",
        "maxItems": "too long",
        "maxLength": "too long",
    }
    return words.get(keyword, "too short" if value else "empty")


def _hint(value: Any, schema: Schema) -> str:
    """Why a number or a switch may have arrived as text."""
    if not isinstance(value, str) or schema.get("type") not in ("integer", "number", "boolean") or len(value) > 40:
        return ""
    try:
        meant = yaml.safe_load(value)
        if isinstance(meant, str):
            meant = float(meant)  # YAML 1.1 reads 1e-4 as text
    except (ValueError, LookupError, AttributeError, yaml.YAMLError):
        return ""
    if not isinstance(meant, bool | int | float):
        return ""
    return f" but text: write {_show(meant)} without quotes (`--config a=b` passes text: use --configfile)"


def _allowed(schema: Schema, dereferenced: Callable[[Any], Schema]) -> str:
    """What a schema allows, in words, with its description in brackets."""
    if "enum" in schema:
        return f"{', '.join(map(str, schema['enum']))}{_described(schema)}"
    kind = schema.get("type")
    words = NOUNS.get(kind, "")
    if kind in ("integer", "number"):
        words += _range(schema)
    elif kind == "array":
        items = _allowed(_less(dereferenced(schema["items"]), "description"), dereferenced)
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        words += f" of {least}" if least == most else f" of at least {least}"
        words += f"{', all different' if schema.get('uniqueItems') else ''}; each {items}"
    elif kind == "object" and "properties" in schema and schema.get("additionalProperties") is False:
        words += f" with {', '.join(schema['properties'])}"
    return words + _described(schema)


def _range(schema: Schema) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "over", "maximum": "at most", "exclusiveMaximum": "under"}
    return "".join(f", {word} {schema[keyword]}" for keyword, word in words.items() if keyword in schema)


def _described(schema: Schema) -> str:
    return f" ({schema['description']})" if "description" in schema else ""


def _meant(path: KeyPath, run: Run) -> str | None:
    """The name that an incomplete entry's name resembles: an overlay that misspells a name makes a new entry."""
    if len(path) < 2 or path[-2] not in NAMED:
        return None
    siblings = functools.reduce(lambda value, key: value[key], path[:-1], run)
    entry = siblings[path[-1]]
    complete = [name for name, other in siblings.items() if isinstance(other, Mapping) and len(other) > len(entry)]
    return next(iter(difflib.get_close_matches(path[-1], complete, n=1, cutoff=0.8)), None)


# The meaning ----------------------------------------------------------------------------------------------------------


def _meaning_problems(run: Run) -> Iterator[Problem]:
    """What a schema cannot say, of a run that its schema allows."""
    yield from _data_problems(run)
    yield from _distortion_problems(run)
    yield from _phase_average_problems(run)
    for study in run["studies"]:
        yield from _study_problems(run, study)
    yield from _equivariance_problems(run)
    yield from _claim_problems(run)


def _data_problems(run: Run) -> Iterator[Problem]:
    dataset = run["dataset"]
    data = run["datasets"][dataset]
    parts = [name for name in ("train_images", "validation_images", "test_images") if name in data]
    most = MNIST_TRAINING if dataset == "mnist" else ALL_DIGITS
    total = sum(data[name] for name in parts)
    if total > most:
        what = f"{' + '.join(parts)} is {total}; allowed: at most {most}, all that {dataset} has"
        yield Problem(("datasets", dataset, "train_images"), _show(data["train_images"]), what)
    if run["audit"]["images"] > data["train_images"]:
        what = f"too large; allowed: at most {data['train_images']}, the training images of {dataset}"
        yield Problem(("audit", "images"), _show(run["audit"]["images"]), what)


def _distortion_problems(run: Run) -> Iterator[Problem]:
    for name, parts in run["distortions"].items():
        path = ("distortions", name)
        if name == "none":
            yield Problem(path, None, "this name is taken: it stands for no distortion; allowed: another name")
        if not parts:
            yield Problem(path, "{}", "distorts nothing; allowed: one or more of translation, affine, elastic")
        if "translation" in parts and "affine" in parts:
            what = "not together with affine, which translates too; allowed: one of the two"
            yield Problem((*path, "translation"), _show(parts["translation"]), what)


def _phase_average_problems(run: Run) -> Iterator[Problem]:
    """Phase averaging is exact only over a strided trunk that is otherwise equivariant and pools globally."""
    needed = {"family": "trunk", "downsampling": "stride", "padding": "circular", "head": "gap"}
    for name, model in run["models"].items():
        if model["family"] != "phase_average":
            continue
        path, of = ("models", name, "of"), model["of"]
        fitting = [
            other for other, its in run["models"].items() if all(its.get(key) == value for key, value in needed.items())
        ]
        if of not in run["models"]:
            yield Problem(path, _show(of), f"no such model{_options(of, fitting)}")
        elif of not in fitting:
            wrong = ", ".join(f"{key} {run['models'][of].get(key, 'absent')}" for key in needed)
            what = f"it has {wrong}; allowed: a model with {', '.join(f'{key} {needed[key]}' for key in needed)}"
            yield Problem(path, _show(of), what)


def _study_problems(run: Run, study: str) -> Iterator[Problem]:
    settings, path = run["studies"][study], ("studies", study)
    if study.lower() in TAKEN:
        what = f"this name is taken by a file of tables or logs; allowed: another name than {_listed(TAKEN)}"
        yield Problem(path, None, what)
    yield from _shift_problems(settings, path)
    yield from _position_problems(run, study)
    yield from _shift_image_problems(run, study)
    for name, training in settings["trainings"].items():
        yield from _training_problems(run, training, (*path, "trainings", name))
    for model, cell in settings["cells"].items():
        where = (*path, "cells", model)
        if model not in run["models"]:
            yield Problem(where, None, f"no such model{_options(model, run['models'])}")
            continue
        for index, training in enumerate(cell["trainings"]):
            if training in settings["trainings"]:
                yield from _cell_problems(run, study, model, training)
            else:
                what = f"no such training in this study{_options(training, settings['trainings'])}"
                yield Problem((*where, "trainings", index), _show(training), what)
        yield from _model_problems(run, study, model)


def _shift_problems(settings: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    least = IMAGE_SIDE + 2 * settings["max_shift"]
    if settings["max_shift"] > 0 and settings["canvas"] < least:
        what = (
            f"too small for shifts of up to {settings['max_shift']} pixels, which would lose ink; "
            f"allowed: at least {least}, or a smaller max_shift"
        )
        yield Problem((*path, "canvas"), _show(settings["canvas"]), what)


def _position_problems(run: Run, study: str) -> Iterator[Problem]:
    """Where positions are told, that is all that images may differ in, and the model must have learned to tell them."""
    settings, path = run["studies"][study], ("studies", study)
    most = settings["max_shift"]
    for index, position in enumerate(settings.get("positions", [])):
        if max(map(abs, position)) > most:
            what = f"beyond the max_shift of this study, and so might lose ink; allowed: pixels from {-most} to {most}"
            yield Problem((*path, "positions", index), _show(position), what)
    if "positions" not in settings:
        return
    for name, training in settings["trainings"].items():
        if training["distortion"] != "none":
            what = "not in a study with positions, to which undistorted images are moved; allowed: none"
            yield Problem((*path, "trainings", name, "distortion"), _show(training["distortion"]), what)
    for model in settings["cells"]:
        if run["models"].get(model, {}).get("family") == "phase_average":
            what = f"averages {run['models'][model]['of']}, and learns nothing itself; allowed: a model that is trained"
            yield Problem((*path, "cells", model), None, what)


def _shift_image_problems(run: Run, study: str) -> Iterator[Problem]:
    settings, path = run["studies"][study], ("studies", study)
    most = _test_images(run)
    places = {(*path, "shift_images"): settings["shift_images"]}
    for model, cell in settings["cells"].items():
        if "shift_images" in cell:
            places[*path, "cells", model, "shift_images"] = cell["shift_images"]
    for place, value in places.items():
        if value > most:
            what = f"too large; allowed: at most {most}, the test images of {run['dataset']}"
            yield Problem(place, _show(value), what)


def _test_images(run: Run) -> int:
    return MNIST_TEST if run["dataset"] == "mnist" else run["datasets"]["digits"]["test_images"]


def _training_problems(run: Run, training: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    distortion = training["distortion"]
    if distortion == "none":
        if "copies" in training:
            what = "nothing to copy, as the distortion is none; allowed: no copies here (null removes it)"
            yield Problem((*path, "copies"), _show(training["copies"]), what)
        if "classes" in training:
            what = "no digits to distort, as the distortion is none; allowed: no classes here (null removes it)"
            yield Problem((*path, "classes"), _show(training["classes"]), what)
    elif distortion not in run["distortions"]:
        what = f"no such distortion{_options(distortion, ['none', *run['distortions']])}"
        yield Problem((*path, "distortion"), _show(distortion), what)
    elif "copies" not in training:
        yield Problem((*path, "copies"), None, "missing; allowed: a whole number, at least 1, of distorted copies")
    data = run["datasets"][run["dataset"]]
    most = data["train_images"] + data["validation_images"]
    if training.get("train_images", 0) > most:
        what = f"too large; allowed: at most {most}, train_images + validation_images of {run['dataset']}"
        yield Problem((*path, "train_images"), _show(training["train_images"]), what)


def _cell_problems(run: Run, study: str, model: str, training: str) -> Iterator[Problem]:
    """Problems of one training of one model, both of which exist."""
    settings, path = run["studies"][study], ("studies", study)
    used = training_settings(run, study, model, training)
    shift = run["distortions"].get(used["distortion"], {}).get("translation", {}).get("max_shift", 0)
    if shift > settings["max_shift"] > 0 and settings["canvas"] < IMAGE_SIDE + 2 * shift:
        what = (
            f"translates by up to {shift} pixels, which would lose ink on the canvas of {settings['canvas']}; "
            f"allowed: a smaller translation, or a canvas of at least {IMAGE_SIDE + 2 * shift}"
        )
        yield Problem((*path, "trainings", training, "distortion"), _show(used["distortion"]), what)
    batch, most = used["optimisation"]["batch"], used["train_images"]
    if batch > most:
        levels = [(*path, "cells", model), (*path, "trainings", training), path]
        places = [(*level, "optimisation", "batch") for level in levels]
        where = next(place for place in places if _depth(run, place) == len(place))
        yield Problem(
            where, _show(batch), f"too large; allowed: at most {most}, the training images of {run['dataset']}"
        )


def _model_problems(run: Run, study: str, model: str) -> Iterator[Problem]:
    """Problems of a model on the canvas of a study."""
    canvas, kind = run["studies"][study]["canvas"], run["models"][model]
    if kind["family"] == "stn" and kind["max_shift"] >= canvas / 2:
        what = f"too large for the canvas of {study}; allowed: under {canvas / 2:g}, half of its {canvas} pixels"
        yield Problem(("models", model, "max_shift"), _show(kind["max_shift"]), what)
    if kind["family"] == "phase_average":
        yield from _borrowing_problems(run, study, model)
    if (kind["family"] == "phase_average" or kind.get("downsampling") == "polyphase") and canvas % PHASE_PERIOD:
        what = f"not a multiple of {PHASE_PERIOD}, as phase_average and polyphase need"
        least = canvas + -canvas % PHASE_PERIOD
        yield Problem(("studies", study, "canvas"), _show(canvas), f"{what}; allowed: {least}, for one")


def _borrowing_problems(run: Run, study: str, model: str) -> Iterator[Problem]:
    """Problems of a cell whose weights are those of another cell of the study."""
    run_cells, of = run["studies"][study]["cells"], run["models"][model]["of"]
    path, base = ("studies", study, "cells", model), run_cells.get(of, {}).get("trainings", [])
    for index, training in enumerate(run_cells[model]["trainings"]):
        if of in run["models"] and training not in base:
            what = f"uses the weights of {of}, which are not trained so; allowed: {_listed(base)} (cells.{of})"
            yield Problem((*path, "trainings", index), _show(training), what)
    if "optimisation" in run_cells[model]:
        what = f"has no training of its own; allowed: no optimisation here, but under cells.{of}"
        yield Problem((*path, "optimisation"), _show(run_cells[model]["optimisation"]), what)


def _equivariance_problems(run: Run) -> Iterator[Problem]:
    """The networks whose layers are measured are to be trained, and to have layers that shifts can be seen in."""
    settings, path = run.get("equivariance"), ("equivariance",)
    if settings is None:
        return
    if settings["study"] not in run["studies"]:  # a config without that study has no such measurement
        if difflib.get_close_matches(settings["study"], run["studies"]):
            what = f"no such study{_options(settings['study'], run['studies'])}"
            yield Problem((*path, "study"), _show(settings["study"]), what)
        return
    study, training = run["studies"][settings["study"]], settings["training"]
    if training not in study["trainings"]:
        what = f"no such training in {settings['study']}{_options(training, study['trainings'])}"
        yield Problem((*path, "training"), _show(training), what)
    fitting = [
        model
        for model, cell in study["cells"].items()
        if run["models"].get(model, {}).get("family") in ("simard_cnn", "trunk") and training in cell["trainings"]
    ]
    for index, model in enumerate(settings["models"] if training in study["trainings"] else []):
        if model not in fitting:
            what = f"no convolutional network that {settings['study']} trains so{_options(model, fitting)}"
            yield Problem((*path, "models", index), _show(model), what)
    most = _test_images(run)
    if settings["images"] > most:
        what = f"too large; allowed: at most {most}, the test images of {run['dataset']}"
        yield Problem((*path, "images"), _show(settings["images"]), what)


def _claim_problems(run: Run) -> Iterator[Problem]:
    """Claims whose study is not in the config are not computed, and so cannot be wrong."""
    small = run["claims"].get("C6", {}).get("small_shift", 0)
    most = run["studies"].get("architectures", {}).get("max_shift", small)
    if small > most:
        what = f"too large; allowed: at most {most}, the max_shift of studies.architectures"
        yield Problem(("claims", "C6", "small_shift"), _show(small), what)


# Words ----------------------------------------------------------------------------------------------------------------


def _options(given: Any, allowed: Any) -> str:
    close = difflib.get_close_matches(given, [str(name) for name in allowed], n=1) if isinstance(given, str) else []
    return f"{f'; did you mean {_show(close[0])}?' if close else ''}; allowed: {_listed(allowed)}"


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "nothing"


def _show(value: Any, longest: int = 60) -> str:
    """A value much as YAML writes it, on one line, shortened; nothing in it moves a terminal's cursor."""
    shown = json.dumps(value, default=str, ensure_ascii=False)
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in shown)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def _dotted(path: KeyPath) -> str:
    """A path such as studies.simard2003.seeds[1].

    >>> _dotted(("studies", "simard2003", "seeds", 1))
    'studies.simard2003.seeds[1]'
    """
    steps = [f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path]
    return "".join(steps).removeprefix(".")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w.-]+", key) else _show(key)
