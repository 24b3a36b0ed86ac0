"""Problems of a config or a target, in plain words."""

import difflib
import json
import os
import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from invariance.record.artefacts import InputError

KeyPath = tuple[str | int, ...]  # keys and list indices from the top of the config to a value


class Problem(NamedTuple):
    """A mistake in a config: where, the value as shown (None for a missing key), what is wrong and what is allowed."""

    path: KeyPath
    shown: str | None
    what: str

    def __str__(self) -> str:
        return ": ".join(filter(None, [dotted(self.path), self.shown, self.what]))


def refuse_target(target: str, targets: Sequence[str]) -> NoReturn:
    """Raise the InputError for a target that is a path of this project and that nothing makes."""
    if Path(target).is_absolute():
        advice = f"name a file by its path from the project's folder: {os.path.relpath(target)}"
    else:
        advice = f"a folder; name a file in it, or one of the targets {listed(targets)}"
    raise InputError(f"{target}: {advice}")


def options(given: Any, allowed: Any) -> str:
    close = difflib.get_close_matches(given, [str(name) for name in allowed], n=1) if isinstance(given, str) else []
    return f"{f'; did you mean {show(close[0])}?' if close else ''}; allowed: {listed(allowed)}"


def listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "nothing"


def show(value: Any) -> str:
    """A value much as in YAML, on one line, shortened, without control characters."""
    shown = json.dumps(value, default=str, ensure_ascii=False)
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in shown)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def dotted(path: KeyPath) -> str:
    """A path such as studies.simard2003.seeds[1].

    >>> dotted(("studies", "simard2003", "seeds", 1))
    'studies.simard2003.seeds[1]'
    """
    steps = [f"[{step}]" if isinstance(step, int) else f".{key(step)}" for step in path]
    return "".join(steps).removeprefix(".")


def key(key: str) -> str:
    return key if re.fullmatch(r"[\w.-]+", key) else show(key)


def place_of_claim(name: str) -> tuple[int, str]:
    """Sorts claims by their ids: (10, "") of C10, and (9, "b") of C9b."""
    number = name.strip(string.ascii_letters)
    return int(number), name.removeprefix(f"C{number}")
