"""Checks of a config: by its schema, then for what a schema cannot express. Each problem is one line of words."""

import difflib
import functools
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators

from invariance.plan.catalogue import Study
from invariance.plan.declarations import (
    distortion_parts,
    families,
    is_layerwise,
    layer_names,
    option_of,
    side_multiple,
    smallest_canvas,
    user_file,
)
from invariance.plan.merging import NAMED, in_order, without_nulls
from invariance.plan.plan import Plan
from invariance.plan.reading import MOST_PROBLEMS, form_problems, resolve
from invariance.plan.words import KeyPath, Problem, dotted, listed, options, place_of_claim, show
from invariance.record.artefacts import InputError

Schema = dict[str, Any]

IN_MIRRORS, ALL_DIGITS = 60_000, 1_797  # training images in files of MNIST's format; images in scikit-learn's digits
PUBLISHED = ("mnist", "fashion_mnist", "kmnist")  # which have that many
REQUIRED = ("mnist", "digits")  # the demo and the benchmark are about these
SOURCES = ("mirrors", "idx", "npz", "folder", "embedded")
PUNCTUATION = "\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u20ac"  # dashes, quotation marks, ellipsis, euro
NOT_IN_PAPER = "\u0126\u0127\u0138\u013f\u0140\u0149\u0166\u0167\u017f"  # of the Latin letters
NAMED_BY_RULES = ("claims", "config", "numbers", "provenance")  # files below tables/, and their logs


def validate(config: Mapping[str, Any], schema_path: Path, studies: Mapping[str, Study]) -> None:
    """Check all plans of a config.

    Args:
        config: with its overlays merged.
        schema_path: JSON schema in YAML.
        studies: the declared studies, by folder; the config sets the thresholds of their claims.

    Raises:
        InputError: one line per problem, `key path: value: what is wrong; allowed: ...`, for the first ten; then one
            line that says what to do.
    """
    schema = complete_schema(Path(schema_path), studies)
    problems = list(dict.fromkeys(map(str, _problems(config, schema, studies))))
    if not problems:
        return
    lines = ["the config is not valid:", *(f"  {problem}" for problem in problems[:MOST_PROBLEMS])]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"  ... and {len(problems) - MOST_PROBLEMS} more")
    lines.append(
        "Nothing was started. Fix config.yaml, or the file given with --configfile; config.yaml explains each key."
    )
    raise InputError("\n".join(lines))


def taken_names(studies: Mapping[str, Study]) -> list[str]:
    """The names below tables/ that no study can have, in small letters: those of rules, and declared without {study}.

    A study's own tabular may take the place of the one that all studies over shifts have.
    """
    declared = {table.name for study in studies.values() for table in study.tables}
    declared |= {made.name for folder, study in studies.items() for made in study.tabulars if made.name != folder}
    return sorted({*NAMED_BY_RULES, *(name.lower() for name in declared if name.isidentifier())})


def _problems(config: Any, schema: Schema, studies: Mapping[str, Study]) -> list[Problem]:
    """Problems of form; if there are none, those that the schema finds; if there are none, those of meaning."""
    malformed = form_problems(config) or list(_shapeless(config))
    if malformed:
        return malformed

    base = in_order(without_nulls(_less(config, "plans")))
    written = without_nulls(
        {name: plan for name, plan in (config.get("plans") or {}).items() if _is_known(config, name)}
    )
    base |= {"plans": written} if written else {}
    validator = _StrictValidator(_with_datasets(schema, base["datasets"]))
    found = list(_schema_problems(base, validator))
    if any(problem.path[:1] in ((), ("datasets",), ("plans",)) for problem in found):
        return found
    plans = resolve(config)
    reported = {problem.path for problem in found}
    for name in written:
        placed = [_placed(problem, config, name) for problem in _schema_problems(plans[name], validator)]
        found += [problem for problem in placed if not reported.intersection(_prefixes(problem.path))]
    told = set()
    for name in () if found else sorted(plans, key=lambda name: name in written):
        for problem in _meaning_problems(plans[name], studies):
            alike = problem._replace(what=problem.what.replace(name, ""))  # in another plan
            found += [_placed(problem, config, name)] if alike not in told else []
            told.add(alike)
    return found


def _shapeless(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems for which a config cannot be resolved into plans."""
    plans, datasets = config.get("plans") or {}, config.get("datasets")
    if not isinstance(datasets, Mapping):
        yield Problem(
            ("datasets",), *_missing_or_not(datasets, "name -> where the data comes from and how it is split")
        )
    if not isinstance(plans, Mapping):
        yield Problem(("plans",), show(plans), "not a mapping; allowed: a mapping (data set -> what its plan changes)")
        return
    for name, plan in plans.items():
        if not isinstance(plan or {}, Mapping):
            yield Problem(("plans", name), show(plan), "not a mapping; allowed: a mapping of changes")
    for name in REQUIRED if isinstance(datasets, Mapping) else ():
        if datasets.get(name) is None:
            yield Problem(("datasets", name), *_missing_or_not(None, "where a data set comes from and how it is split"))
    for name, other in itertools.combinations(datasets if isinstance(datasets, Mapping) else (), 2):
        if name.lower() == other.lower():
            what = f"differs from {show(name)} in capitals alone, and some disks would give both one folder"
            yield Problem(("datasets", other), None, f"{what}; allowed: another name")


def _missing_or_not(value: Any, description: str) -> tuple[str | None, str]:
    missing = value is None
    return None if missing else show(
        value
    ), f"{'missing' if missing else 'not a mapping'}; allowed: a mapping ({description})"


def _is_known(config: Mapping[str, Any], name: str) -> bool:
    """Whether the data set of a plan was not removed by an overlay; one that was never there is a mistake."""
    return config["datasets"].get(name, "absent") is not None


def _with_datasets(schema: Schema, datasets: Mapping[str, Any]) -> Schema:
    """The schema, in which `dataset` and the keys of `plans` are the names of the data sets."""
    properties = schema["properties"]
    plans = properties["plans"] | {"properties": dict.fromkeys(datasets, schema["$defs"]["plan"])}
    return schema | {
        "properties": properties | {"dataset": properties["dataset"] | {"enum": list(datasets)}, "plans": plans}
    }


def _placed(problem: Problem, config: Mapping[str, Any], name: str) -> Problem:
    """Move a problem of a plan to where its value was written: in `plans`, or in the config itself."""
    plan, base = (config.get("plans") or {}).get(name) or {}, _less(config, "plans")
    in_plan, in_base = _depth(plan, problem.path), _depth(base, problem.path)
    path = ("plans", name, *problem.path)
    if in_plan > in_base or in_plan == in_base == len(problem.path):
        return problem._replace(path=path)
    if not plan or problem.path[:1] == ("datasets",):
        return problem
    return problem._replace(what=f"{problem.what} (in the {name} plan; to change that plan alone: {dotted(path)})")


def _prefixes(path: KeyPath) -> Iterator[KeyPath]:
    """The path and its parents, with and without the name of a plan in front."""
    for length in range(1, len(path) + 1):
        yield path[:length]
        yield path[2 : length + 2] if path[0] == "plans" else path[:length]


def _depth(value: Any, path: KeyPath) -> int:
    """How many steps of `path` exist below `value`."""
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

# JSON Schema counts 15.0 as an integer, but Python's `range` does not accept it.
_StrictValidator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def complete_schema(path: Path, studies: Mapping[str, Study]) -> Schema:
    """The schema at `path`, completed by what claims, networks and distortions declare about their settings.

    Raises InputError if what one of them declares is not a JSON schema.
    """
    schema = json.loads(_written(path))
    declared = [claim for study in studies.values() for claim in study.claims]
    claims = {claim.id: claim.settings for claim in sorted(declared, key=lambda claim: place_of_claim(claim.id))}
    schema["properties"]["claims"]["properties"] = {
        name: _mapping(f"the rule of claim {name}", settings) for name, settings in claims.items()
    }
    parts = distortion_parts()
    schema["$defs"]["distortion"] |= {
        "description": f"one or more of {', '.join(parts)}",
        "properties": {name: _mapping(f"the part {name}", its) for name, its in parts.items()},
    }
    model = schema["$defs"]["model"]
    model["properties"]["family"]["enum"] = list(families())
    model["allOf"] = [
        {
            "if": {"required": ["family"], "properties": {"family": {"const": family}}},
            "then": _mapping(f"a model of the family {family}", {"family": True} | _with_layers(its)),
        }
        for family, its in families().items()
    ]
    return _inlined(schema, schema["$defs"])


def _inlined(schema: Any, definitions: Schema) -> Any:
    """A schema with what each $ref names, always "#/$defs/name", in its place: jsonschema takes long to look it up."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].removeprefix("#/$defs/")] | _less(schema, "$ref"), definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}


# Both take longer than all checks of a config, and a test checks hundreds of configs.
@functools.cache
def _written(path: Path) -> str:
    """The schema at `path`, as JSON."""
    # By libyaml, 8 times as fast; the loader of configs needs hooks that only PyYAML's parser in Python has.
    return json.dumps(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


@functools.cache
def _check_declared(description: str, settings: str) -> None:
    """Whether settings, as JSON, are each described by a JSON schema."""
    try:
        _StrictValidator.check_schema({"properties": json.loads(settings)})
    except SchemaError as error:
        where = f"{dotted(tuple(error.path)[1:])}: {show(error.instance)}"
        raise InputError(f"{description} is declared with {where}; allowed: what a JSON schema has there") from None


def _mapping(description: str, settings: Mapping[str, Any]) -> Schema:
    """The schema of a mapping with these keys and no others; those without a default are required."""
    _check_declared(description, json.dumps(settings))
    required = [name for name, its in settings.items() if its is not True and "default" not in its]
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": dict(settings),
    }


def _with_layers(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a family; an option that names a layer allows all layers, and what its `also` lists."""
    return {
        name: {**its, "enum": [*its.get("also", []), *layer_names()]} if its.get("layer") else its
        for name, its in options.items()
    }


def _schema_problems(plan: Mapping[str, Any], validator: Draft202012Validator) -> Iterator[Problem]:
    for error in validator.iter_errors(plan):
        yield from _explained(error, plan)


def _explained(error: ValidationError, plan: Plan) -> Iterator[Problem]:
    """Translate an error of jsonschema into plain words."""
    path, value, schema = tuple(error.absolute_path), error.instance, error.schema
    if "propertyNames" in error.absolute_schema_path:
        yield Problem((*path, value), None, f"not a name; allowed: {schema['description']}")
    elif error.validator == "additionalProperties":
        known = list(schema["properties"])
        for key in value:
            if key not in known:
                yield Problem((*path, key), show(value[key]), f"unknown key{options(key, known)}")
    elif error.validator == "required":
        missing = [key for key in schema["required"] if key not in value]
        if meant := _meant(path, plan):
            what = f"lacks {', '.join(missing)}, and its name is like another's; did you mean {show(meant)}?"
            yield Problem(path, None, what)
            return
        for key in missing:
            its = schema.get("properties", {}).get(key, {})
            yield Problem((*path, key), None, f"missing; allowed: {_allowed(its)}")
    elif error.validator == "enum":
        yield Problem(path, show(value), f"not one of the choices{options(value, schema['enum'])}{_described(schema)}")
    else:
        wrong = _wrong(error.validator, value, schema) + _hint(value, schema)
        yield Problem(path, show(value), f"{wrong}; allowed: {_allowed(schema)}")


def _wrong(keyword: str, value: Any, schema: Schema) -> str:
    if keyword == "type":
        return f"not {NOUNS[schema['type']]}"
    words = {
        "minimum": "too small",
        "exclusiveMinimum": "too small",
        "maximum": "too large",
        "exclusiveMaximum": "too large",
        "uniqueItems": "has duplicates",
        "pattern": "has the wrong form",
        "maxItems": "too long",
        "maxLength": "too long",
    }
    return words.get(keyword, "too short" if value else "empty")


def _hint(value: Any, schema: Schema) -> str:
    """What to do if a number or a switch arrived as text."""
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
    return f" but text: write {show(meant)} without quotes (`--config a=b` passes text: use --configfile)"


def _allowed(schema: Schema) -> str:
    """What a schema allows, in words, followed by its description in brackets."""
    if "enum" in schema:
        return f"{', '.join(map(str, schema['enum']))}{_described(schema)}"
    kind = schema.get("type")
    words = NOUNS.get(kind, "")
    if kind in ("integer", "number"):
        words += _range(schema)
    elif kind == "array":
        items = _allowed(_less(schema["items"], "description"))
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


def _meant(path: KeyPath, plan: Plan) -> str | None:
    """The name that an incomplete entry's name resembles: an overlay with a misspelt name makes a new entry."""
    if len(path) < 2 or path[-2] not in NAMED:
        return None
    siblings = functools.reduce(lambda value, key: value[key], path[:-1], plan)
    entry = siblings[path[-1]]
    complete = [name for name, other in siblings.items() if isinstance(other, Mapping) and len(other) > len(entry)]
    return next(iter(difflib.get_close_matches(path[-1], complete, n=1, cutoff=0.8)), None)


# The meaning ----------------------------------------------------------------------------------------------------------


def _meaning_problems(plan: Plan, studies: Mapping[str, Study]) -> Iterator[Problem]:
    """Problems that a schema cannot express, in a plan that fits its schema; wrong names, if there are no others."""
    found = [*_data_problems(plan), *_distortion_problems(plan), *_model_problems(plan)]
    for study in plan["studies"]:
        found += _study_problems(plan, study, studies)
    found += [*_equivariance_problems(plan), *_claim_problems(plan)]
    yield from found or _name_problems(plan, studies)


def _too_large(path: KeyPath, value: float, most: float, what: str) -> Iterator[Problem]:
    """A problem if `value` is above `most`, which is `what`."""
    if value > most:
        yield Problem(path, show(value), f"too large; allowed: at most {most}, {what}")


def _data_problems(plan: Plan) -> Iterator[Problem]:
    dataset, data = plan.dataset, plan.data
    path = ("datasets", dataset)
    if dataset.lower() == "benchmark":
        yield Problem(path, None, "this name is taken by the folder results/benchmark; allowed: another name")
    given = [source for source in SOURCES if source in data]
    if len(given) != 1:
        what = f"has {' and '.join(given) or 'no source'}; allowed: one of {listed(SOURCES)}"
        yield Problem(path, None, what)
    for key in ("sha256", "timeout", "attempts"):
        if (key in data) != ("mirrors" in data):
            what = "only allowed with mirrors" if key in data else "missing, but needed with mirrors"
            yield Problem((*path, key), None, f"{what}; allowed: mirrors, sha256, timeout and attempts together")
    if lacking := [character for character in data["title"] if not _in_paper(character)]:
        what = f"{show(lacking[0])} is not in the paper's fonts; allowed: Latin letters, digits, punctuation"
        yield Problem((*path, "title"), show(data["title"]), what)
    names = data.get("class_names", [])
    if names and len(names) != data["classes"]:
        what = f"{len(names)} names; allowed: {data['classes']}, one for each of the classes, or null"
        yield Problem((*path, "class_names"), None, what)
    for name, file in _own_paths(data):
        if not user_file(file).exists():
            what = "no such file or folder; allowed: an existing one, by its path from the project's folder"
            yield Problem((*path, *name), show(file), what)
    yield from _count_problems(plan)
    images = plan["audit"]["images"]
    yield from _too_large(("audit", "images"), images, data["train_images"], f"the training images of {dataset}")


def _in_paper(character: str) -> bool:
    """Whether LaTeX can print a character in the paper's fonts."""
    return character in PUNCTUATION or (ord(character) < 0x180 and character not in NOT_IN_PAPER)


def _own_paths(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """The files and folders of a user's own data set, each with the keys that name it."""
    yield from ((("idx", part), file) for part, file in data.get("idx", {}).items())
    yield from (((key,), data[key]) for key in ("npz", "folder") if key in data)


def _count_problems(plan: Plan) -> Iterator[Problem]:
    """More images than there can be; of the user's own files, scripts/source.py finds out."""
    dataset, data = plan.dataset, plan.data
    parts = ["train_images", "validation_images", *(["test_images"] if "embedded" in data else [])]
    published = "mirrors" in data and dataset in PUBLISHED
    most = IN_MIRRORS if published else ALL_DIGITS if "embedded" in data else math.inf
    total = sum(data[name] for name in parts)
    if total > most:
        what = f"{' + '.join(parts)} is {total}; allowed: at most {most}, all that {dataset} has"
        yield Problem(("datasets", dataset, "train_images"), show(data["train_images"]), what)


def _distortion_problems(plan: Plan) -> Iterator[Problem]:
    for name, parts in plan["distortions"].items():
        path = ("distortions", name)
        if name == "none":
            yield Problem(path, None, "this name is taken: it stands for no distortion; allowed: another name")
        if not parts:
            yield Problem(path, "{}", f"distorts nothing; allowed: one or more of {listed(distortion_parts())}")
        if "translation" in parts and "affine" in parts:
            what = "not together with affine, which translates too; allowed: one of the two"
            yield Problem((*path, "translation"), show(parts["translation"]), what)


def _model_problems(plan: Plan) -> Iterator[Problem]:
    for name, model in plan["models"].items():
        for option, schema in families()[model["family"]].items():
            if schema.get("model"):
                of, needed = option_of(model, option), schema.get("such_that", {})
                yield from _lender_problems(plan["models"], of, needed, ("models", name, option))
        if model["family"] == "file" and not user_file(model["file"]).is_file():
            what = "no such file; allowed: a Python file, by its path from the project's folder"
            yield Problem(("models", name, "file"), show(model["file"]), what)


def _lender_problems(models: Mapping[str, Any], of: str, needed: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    """Problems of a model whose weights another one uses, and which needs certain settings for that."""
    fitting = [
        name
        for name, its in models.items()
        if "of" not in its and all(option_of(its, key) == value for key, value in needed.items())
    ]
    if of not in models:
        yield Problem(path, show(of), f"no such model{options(of, fitting)}")
    elif of not in fitting:
        taken = {key: option_of(models[of], key) for key in needed}
        wrong = [f"{key} {'absent' if value is None else value}" for key, value in taken.items()]
        wrong = wrong or ["weights of another model"]
        right = [f"{key} {value}" for key, value in needed.items()] or ["weights of its own"]
        yield Problem(path, show(of), f"it has {', '.join(wrong)}; allowed: a model with {', '.join(right)}")


def _study_problems(plan: Plan, study: str, studies: Mapping[str, Study]) -> Iterator[Problem]:
    settings, path = plan["studies"][study], ("studies", study)
    if study.lower() in (taken := taken_names(studies)):
        what = f"this name is taken by a file of tables or logs; allowed: another name than {listed(taken)}"
        yield Problem(path, None, what)
    yield from _size_problems(plan, study)
    if "positions" in settings:
        yield from _position_problems(plan, study)
    yield from _shift_image_problems(plan, settings, path)
    for name, training in settings["trainings"].items():
        yield from _training_problems(plan, training, (*path, "trainings", name))
    for model, cell in settings["cells"].items():
        where = (*path, "cells", model)
        if model not in plan["models"]:
            yield Problem(where, None, f"no such model{options(model, plan['models'])}")
            continue
        for index, training in enumerate(cell["trainings"]):
            if training in settings["trainings"]:
                whole = _before(settings, settings["trainings"][training])[-1] is None
                yield from _cell_problems(plan, study, model, training) if whole else ()
            else:
                what = f"no such training in this study{options(training, settings['trainings'])}"
                yield Problem((*where, "trainings", index), show(training), what)
        yield from _canvas_problems(plan, study, model)


def _size_problems(plan: Plan, study: str) -> Iterator[Problem]:
    """The canvas must hold the images, and their shifts unless the study says that these may lose ink."""
    settings, side = plan["studies"][study], plan.data["side"]
    canvas, shift = settings["canvas"], settings["max_shift"]
    path = ("studies", study, "canvas")
    if canvas < side:
        what = f"too small for the images of {plan.dataset}; allowed: at least {side}, their side in pixels"
        yield Problem(path, show(canvas), what)
    elif not settings.get("may_lose_ink") and shift > 0 and canvas < side + 2 * shift:
        what = (
            f"too small for shifts of up to {shift} pixels, which would lose ink; "
            f"allowed: at least {side + 2 * shift}, or a smaller max_shift"
        )
        yield Problem(path, show(canvas), what)
    multiples = {name: side_multiple(plan["models"][name]) for name in settings["cells"] if name in plan["models"]}
    if unfit := [name for name, multiple in multiples.items() if canvas % multiple]:
        multiple = math.lcm(*(multiples[name] for name in unfit))
        what = f"wrong for {' and '.join(unfit)}; allowed: a multiple of {multiple}"
        yield Problem(path, show(canvas), what)


def _position_problems(plan: Plan, study: str) -> Iterator[Problem]:
    """If positions are predicted, images may differ in nothing else, and each model must be trained to predict them."""
    settings, path = plan["studies"][study], ("studies", study)
    most = settings["max_shift"]
    for index, position in enumerate(settings["positions"]):
        if max(map(abs, position)) > most:
            what = f"beyond the max_shift of this study, and so might lose ink; allowed: pixels from {-most} to {most}"
            yield Problem((*path, "positions", index), show(position), what)
    for name, training in settings["trainings"].items():
        if training["distortion"] != "none":
            what = "a study with positions moves undistorted images only; allowed: none"
            yield Problem((*path, "trainings", name, "distortion"), show(training["distortion"]), what)
    for model in settings["cells"]:
        if model in plan["models"] and (of := plan.base_model(model)) != model:
            what = f"uses the weights of {of}, and learns nothing itself; allowed: a model that is trained"
            yield Problem((*path, "cells", model), None, what)


def _shift_image_problems(plan: Plan, settings: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    places = {path: settings} | {(*path, "cells", model): cell for model, cell in settings["cells"].items()}
    for place, its in places.items():
        if "shift_images" in its:
            most, what = plan.data["test_images"], f"the test images of {plan.dataset}"
            yield from _too_large((*place, "shift_images"), its["shift_images"], most, what)


def _training_problems(plan: Plan, training: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    distortion = training["distortion"]
    if distortion == "none":
        for key, what in {"copies": "nothing to copy", "classes": "no classes to distort"}.items():
            if key in training:
                what = f"{what}, as the distortion is none; allowed: no {key} here (null removes it)"
                yield Problem((*path, key), show(training[key]), what)
    elif distortion not in plan["distortions"]:
        what = f"no such distortion{options(distortion, ['none', *plan['distortions']])}"
        yield Problem((*path, "distortion"), show(distortion), what)
    elif "copies" not in training:
        yield Problem((*path, "copies"), None, "missing; allowed: a whole number, at least 1, of distorted copies")
    last = plan.data["classes"] - 1
    alike = plan["studies"][path[1]]["trainings"].values()
    for key in ("classes", "only"):
        if next(its for its in alike if its.get(key) == training.get(key)) is not training:
            continue  # a list that several trainings share is reported once
        for index, label in enumerate(training.get(key, [])):
            yield from _too_large((*path, key, index), label, last, f"the last class of {plan.dataset}")
        if len(training.get(key, [])) > last:
            what = f"all classes of {plan.dataset}; allowed: some of them, or no {key} here for all"
            yield Problem((*path, key), show(training[key]), what)
    yield from _sequence_problems(plan, training, path)
    most = plan.data["train_images"] + plan.data["validation_images"]
    what = f"train_images + validation_images of {plan.dataset}"
    yield from _too_large((*path, "train_images"), training.get("train_images", 0), most, what)


def _sequence_problems(plan: Plan, training: Mapping[str, Any], path: KeyPath) -> Iterator[Problem]:
    """Problems of a training that leaves classes out, or goes on from another."""
    study = plan["studies"][path[1]]
    if "only" in training and "classes" in training:
        what = "not beside only, which leaves the others out; allowed: one of the two"
        yield Problem((*path, "classes"), show(training["classes"]), what)
    elif "classes" in training and any("only" in other for other in study["trainings"].values()):
        what = "not in a study where others leave classes out (only): its tables compare all; allowed: another study"
        yield Problem((*path, "classes"), show(training["classes"]), what)
    if "trained_part" in training and "after" not in training:
        what = "only allowed with after: without it, all weights are trained; allowed: no trained_part here"
        yield Problem((*path, "trained_part"), show(training["trained_part"]), what)
    if "only" in training and path[1].startswith("simard2003") and "positions" not in study:
        what = "not in a study of Simard's table, which is about all classes; allowed: no only here"
        yield Problem((*path, "only"), show(training["only"]), what)
    if "only" in training and "positions" in study:
        what = "not in a study with positions, whose networks predict positions, not classes; allowed: no only here"
        yield Problem((*path, "only"), show(training["only"]), what)
    last = _before(study, training)[-1]
    if last is not None:
        what = "leads back to itself" if last in study["trainings"] else "no such training in this study"
        fitting = [name for name, its in study["trainings"].items() if _before(study, its)[-1] is None]
        yield Problem((*path, "after"), show(training["after"]), f"{what}{options(last, fitting)}")


def _before(study: Mapping[str, Any], training: Mapping[str, Any]) -> list[str | None]:
    """The trainings that one goes on from, the latest first; then None, or the first name that is wrong."""
    names: list[str | None] = [training.get("after")]
    while names[-1] in study["trainings"] and names[-1] not in names[:-1]:
        names.append(study["trainings"][names[-1]].get("after"))
    return names


def _cell_problems(plan: Plan, study: str, model: str, training: str) -> Iterator[Problem]:
    """Problems of one training of one model, both of which exist."""
    settings, path = plan["studies"][study], ("studies", study)
    used = plan.training_settings(study, model, training)
    shift = plan["distortions"].get(used["distortion"], {}).get("translation", {}).get("max_shift", 0)
    least = plan.data["side"] + 2 * shift
    if shift > settings["max_shift"] > 0 and settings["canvas"] < least and not settings.get("may_lose_ink"):
        what = (
            f"translates by up to {shift} pixels, which would lose ink on the canvas of {settings['canvas']}; "
            f"allowed: a smaller translation, or a canvas of at least {least}"
        )
        yield Problem((*path, "trainings", training, "distortion"), show(used["distortion"]), what)
    after = settings["trainings"][training].get("after")
    if after is not None and after not in settings["cells"][model]["trainings"]:
        index = settings["cells"][model]["trainings"].index(training)
        what = f"goes on from {after}; allowed: {after} in this list, too"
        yield Problem((*path, "cells", model, "trainings", index), show(training), what)
    if ("plateaus" in used["optimisation"]) != (used["optimisation"]["schedule"] == "steps"):
        what = "missing beside" if used["optimisation"]["schedule"] == "steps" else "only beside"
        yield Problem((*path, "trainings", training, "optimisation", "plateaus"), None, f"{what} schedule: steps")
    levels = [(*path, "cells", model), (*path, "trainings", training), path]
    places = [(*level, "optimisation", "batch") for level in levels]
    where = next(place for place in places if _depth(plan, place) == len(place))
    batch, most = used["optimisation"]["batch"], used["train_images"]
    yield from _too_large(where, batch, most, f"the training images of {plan.dataset}")


def _canvas_problems(plan: Plan, study: str, model: str) -> Iterator[Problem]:
    """Problems of a model on the canvas of a study."""
    canvas, kind = plan["studies"][study]["canvas"], plan["models"][model]
    if canvas < (least := smallest_canvas(kind)):
        what = f"too small for {model}; allowed: at least {least}"
        yield Problem(("studies", study, "canvas"), show(canvas), what)
    for option, schema in families()[kind["family"]].items():
        if schema.get("below_half_canvas") and (pixels := option_of(kind, option)) >= canvas / 2:
            what = f"too large for the canvas of {study}; allowed: under {canvas / 2:g}, half of its {canvas} pixels"
            yield Problem(("models", model, option), show(pixels), what)
    if plan.base_model(model) != model:
        yield from _borrowing_problems(plan, study, model)


def _borrowing_problems(plan: Plan, study: str, model: str) -> Iterator[Problem]:
    """Problems of a cell that uses the weights of another cell of the study."""
    cells, of = plan["studies"][study]["cells"], plan["models"][model]["of"]
    path, base = ("studies", study, "cells", model), cells.get(of, {}).get("trainings", [])
    for index, training in enumerate(cells[model]["trainings"]):
        if of in plan["models"] and training not in base:
            what = f"uses the weights of {of}, which lacks this training; allowed: {listed(base)} (cells.{of})"
            yield Problem((*path, "trainings", index), show(training), what)
    if "optimisation" in cells[model]:
        what = f"has no training of its own; allowed: no optimisation here, but under cells.{of}"
        yield Problem((*path, "optimisation"), show(cells[model]["optimisation"]), what)


def _name_problems(plan: Plan, studies: Mapping[str, Study]) -> Iterator[Problem]:
    """Trainings whose names hold another number than they are made with, where a figure reads it from the name."""
    for cell in dict.fromkeys(cell._replace(seed=0) for cell in plan.cells):
        name_of = studies[cell.study].training_name if cell.study in studies else None
        if name_of and cell.training != (name := name_of(plan, cell)):
            index = plan["studies"][cell.study]["cells"][cell.model]["trainings"].index(cell.training)
            what = f"the figure of this study reads a number from this name, which does not say it; allowed: {name}"
            yield Problem(("studies", cell.study, "cells", cell.model, "trainings", index), show(cell.training), what)


def _equivariance_problems(plan: Plan) -> Iterator[Problem]:
    """The measured networks must be trained in the study, and be of a family that is measured layer by layer."""
    settings, path = plan.get("equivariance"), ("equivariance",)
    if settings is None:
        return
    if settings["study"] not in plan["studies"]:  # a config without that study measures nothing
        if difflib.get_close_matches(settings["study"], plan["studies"]):
            what = f"no such study{options(settings['study'], plan['studies'])}"
            yield Problem((*path, "study"), show(settings["study"]), what)
        return
    study, training = plan["studies"][settings["study"]], settings["training"]
    if training not in study["trainings"]:
        what = f"no such training in {settings['study']}{options(training, study['trainings'])}"
        yield Problem((*path, "training"), show(training), what)
    trained = [model for model, cell in study["cells"].items() if training in cell["trainings"]]
    fitting = [model for model in trained if is_layerwise(plan["models"].get(model, {}).get("family"))]
    for index, model in enumerate(settings["models"] if training in study["trainings"] else []):
        if model not in fitting:
            what = f"not a network with measurable layers that {settings['study']} trains in this way"
            yield Problem((*path, "models", index), show(model), f"{what}{options(model, fitting)}")
    what = f"the test images of {plan.dataset}"
    yield from _too_large((*path, "images"), settings["images"], plan.data["test_images"], what)


def _claim_problems(plan: Plan) -> Iterator[Problem]:
    """Claims whose study is not in the config are not measured, and so cannot be wrong."""
    small = plan["claims"].get("C6", {}).get("small_shift", 0)
    most = plan["studies"].get("architectures", {}).get("max_shift", small)
    yield from _too_large(("claims", "C6", "small_shift"), small, most, "the max_shift of studies.architectures")
