"""Draw one figure of the paper, as PDF and as PNG."""

import sys
from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import Function, called, json_mapping, run
from invariance.drawing.style import save, style
from invariance.results.reading import read_inputs


def main(
    *,
    figure: Function,
    note: str = "",
    inputs: Annotated[dict[str, Any], json_mapping()],
    settings: Annotated[dict[str, Any] | None, json_mapping()] = None,
    output: Path,
    png: Path,
) -> None:
    """Read the inputs, draw, write both files.

    Args:
        figure: The function that draws it, such as studies.architectures.heat_maps:draw.
        note: Written above the figure: which data set it is about.
        inputs: For each of its arguments a path, or a mapping from labels to paths, as JSON:
            '{"rings": "results/mnist/tables/architectures-rings.csv"}'.
        settings: Its other arguments, as JSON.
        output: The PDF.
        png: The PNG.
    """
    module = sys.modules[figure.__module__]
    read = read_inputs(inputs, getattr(module, "COLUMNS", {}), getattr(module, "MAY_BE_EMPTY", ()))
    style()
    save(called(figure, read | (settings or {})), output, png, note)


if __name__ == "__main__":
    run(main)
