"""Draw one figure of the paper, as PDF and as PNG."""

import inspect
from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import json_mapping, module_named, run
from invariance.drawing.style import save, style
from invariance.record.artefacts import InputError
from invariance.results.reading import read_inputs


def main(
    *,
    figure: str,
    note: str = "",
    inputs: Annotated[dict[str, Any], json_mapping()],
    settings: Annotated[dict[str, Any] | None, json_mapping()] = None,
    output: Path,
    png: Path,
) -> None:
    """Read the inputs, draw, write both files.

    Args:
        figure: Module that draws the figure, such as studies.architectures.heat_maps.
        note: Written above the figure: which data set it is about.
        inputs: For each argument of its `draw` a path, or a mapping from labels to paths, as JSON:
            '{"rings": "results/mnist/tables/architectures-rings.csv"}'.
        settings: The other arguments, as JSON.
        output: The PDF.
        png: The PNG.
    """
    module = module_named(figure)
    if not hasattr(module, "draw"):
        raise InputError(f"--figure: {figure!r}; allowed: a module with a function `draw`, studies.<study>.<figure>")
    wanted = list(inspect.signature(module.draw).parameters)
    settings = settings or {}
    if {*inputs, *settings} != set(wanted):
        raise InputError(
            f"--inputs: {', '.join([*inputs, *settings]) or 'nothing'}; {figure} is drawn from {', '.join(wanted)}"
        )
    read = read_inputs(inputs, module.COLUMNS, getattr(module, "MAY_BE_EMPTY", ()))
    style()
    save(module.draw(**read, **settings), output, png, note)


if __name__ == "__main__":
    run(main)
