"""Reading a config and its overlays, merging them, and resolving them into plans.

One config describes a plan for each of its `datasets`: the config, with what `plans` has for that data set merged over
it.

An overlay, `snakemake --configfile my.yaml`, contains only what it changes: mappings merge, lists and scalars are
replaced, and a null removes its key:

    studies:
      simard2003:
        seeds: [0]           # replaces the list
        cells:
          mlp: null          # removes the cell
"""

import functools
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from invariance.plan.merging import in_order, merge, without_nulls, without_removed
from invariance.plan.plan import Plan
from invariance.plan.words import KeyPath, Problem, show
from invariance.record.artefacts import InputError

MOST_PROBLEMS = 10
DEEPEST = 20  # levels of nesting; the config itself has seven
MOST_VALUES = 50_000  # keys and values, aliases expanded; the config itself has about a thousand
LARGEST = 100_000  # bytes of a file; the config itself has twelve thousand
TEMPLATE = "__use_yte__"  # a file with this key asks Snakemake to evaluate Python in it


def resolve(config: Mapping[str, Any]) -> dict[str, Plan]:
    """The plans of a config by the names of their data sets, each with its `dataset` set, and no other data set.

    Null keys are dropped. What the config removes outside `plans` stays removed, even if a plan changes it. Names (of
    studies, cells and so on) keep their order, which is that of the tables; other keys are sorted, so that an overlay
    that changes nothing also keeps the order of every job's settings.

        >>> resolve({"a": 1, "b": None, "datasets": {"d": {}, "e": {}}, "plans": {"e": {"a": 3, "b": {"c": 4}}}})
        {'d': {'a': 1, 'dataset': 'd', 'datasets': {'d': {}}}, 'e': {'a': 3, 'dataset': 'e', 'datasets': {'e': {}}}}
    """
    base = {key: value for key, value in config.items() if key not in ("plans", "dataset")}
    plans = {}
    for name in without_nulls(base["datasets"]):
        changes = without_removed((config.get("plans") or {}).get(name) or {}, base)
        plan = without_nulls(merge(base, changes))
        plans[name] = Plan(in_order({**plan, "dataset": name, "datasets": {name: plan["datasets"][name]}}))
    return plans


def load(paths: list[Path]) -> dict[str, Any]:
    """Read a config and its overlays, merged in this order.

    Raises:
        InputError: a file is missing, empty, too large, not YAML (with line and column), not a mapping, repeats a key,
            or asks Snakemake to evaluate Python in it.
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
        raise InputError(f"{path}: holds {show(config)}; a config is a mapping of keys to values, as in config.yaml")
    if TEMPLATE in config:
        raise InputError(f"{path}: {TEMPLATE}: a config holds plain values, and no Python to evaluate; remove this key")
    if problems := form_problems(config)[:MOST_PROBLEMS]:
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return config


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also refuses a repeated key in a mapping (YAML 1.2, 3.2.1.1).

    It stops at nesting that no config has: PyYAML would take minutes and overflow the stack.
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
                    raise yaml.composer.ComposerError(None, None, f"the key {key.value} is repeated", key.start_mark)
                seen.add(key.value)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Limit merge keys, which can multiply: each level can contain the level below many times."""
        super().flatten_mapping(node)
        if len(node.value) > MOST_VALUES:
            what = f"merge keys give it more than {MOST_VALUES} keys"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark)


# What no config may contain -------------------------------------------------------------------------------------------


def form_problems(config: Any) -> list[Problem]:
    """Problems that make a config unsafe to traverse; at most one more than is shown."""
    if _holds_too_much(config):
        what = f"holds more than {MOST_VALUES} values; do aliases repeat one another?"
        return [Problem((), "config", what)]
    return list(itertools.islice(_malformed(config, ()), MOST_PROBLEMS + 1))


def _holds_too_much(config: Any) -> bool:
    """Whether there are more than MOST_VALUES keys and values, with aliases counted each time they are used."""
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
                what = f"the key {show(key)} is read as {type(key).__name__}, not text; put it in quotes"
                yield Problem(path, None, what)
            elif not _is_unicode(key):
                yield Problem(path, None, f"the key {show(key)} holds half a character (a surrogate)")
            else:
                yield from _malformed(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _malformed(inner, (*path, index))
    elif isinstance(value, str) and not _is_unicode(value):
        yield Problem(path, show(value), "holds half a character (a surrogate); allowed: Unicode text")
    elif isinstance(value, int) and value.bit_length() > 64:
        yield Problem(path, f"a number of {value.bit_length()} bits", "too large; allowed: at most 64 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, str(value), "not a finite number")


def _is_unicode(text: str) -> bool:
    return not re.search(r"[\ud800-\udfff]", text)
