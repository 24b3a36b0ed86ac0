"""Draw one figure of the paper, as PDF and as PNG."""

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from invariance.command_line import json_mapping, run
from invariance.drawing.style import save, style
from invariance.record.artefacts import InputError
from invariance.results.reading import read_inputs


def main(
    *,
    figure: str,
    dataset: str,
    inputs: Annotated[dict[str, Any], json_mapping()],
    output: Path,
    png: Path,
) -> None:
    """Read the inputs, draw, write both files.

    Args:
        figure: Module that draws the figure, such as studies.architectures.heat_maps.
        dataset: What the inputs were made from; figures of `digits` say so.
        inputs: For each argument of its `draw` a path, or a mapping from labels to paths, as JSON:
            '{"rings": "results/mnist/tables/architectures-rings.csv"}'.
        output: The PDF.
        png: The PNG.
    """
    module = figure_module(figure)
    wanted = list(inspect.signature(module.draw).parameters)
    if set(inputs) != set(wanted):
        raise InputError(f"--inputs: {', '.join(inputs) or 'nothing'}; {figure} is drawn from {', '.join(wanted)}")
    read = read_inputs(inputs, module.COLUMNS, getattr(module, "MAY_BE_EMPTY", ()))
    style()
    save(module.draw(**read), output, png, dataset)


def figure_module(name: str) -> ModuleType:
    """Import the module of a figure.

    Raises:
        InputError: There is none of that name below `studies`, or it draws nothing.
    """
    try:
        module = importlib.import_module(name) if name.startswith("studies.") else None
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        module = None
    if not hasattr(module, "draw"):
        raise InputError(f"--figure: {name!r}; allowed: a module with a function `draw`, studies.<study>.<figure>")
    return module


if __name__ == "__main__":
    run(main)
