"""The library behind the pipeline, in subpackages; docs/code.md says what lies in each.

`invariance.shift_grid` measures any network; it imports torch when it is first asked for.
"""

import importlib


def __getattr__(name: str) -> object:
    if name == "shift_grid":
        # By its name: with an import statement here, all that imports any wing would count as made by what this needs.
        return importlib.import_module("invariance.shifts").shift_grid
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
