"""Stage 5, tables: write one table of the paper as TeX, by a function of the study that it belongs to."""

from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import Function, called, json_mapping, run
from invariance.record.artefacts import write_text
from invariance.results.reading import read_inputs


def main(
    *,
    function: Function,
    inputs: Annotated[dict[str, Any], json_mapping()],
    settings: Annotated[dict[str, Any] | None, json_mapping()] = None,
    output: Path,
) -> None:
    """Read the inputs, write the tabular.

    Args:
        function: What makes the tabular: studies.split.table:variance.
        inputs: For each of its arguments a path, or a mapping from labels to paths, as JSON:
            '{"shares": "results/mnist/tables/split-variance.csv"}'.
        settings: Its other arguments, if it has any, as JSON.
        output: The tabular, .tex.
    """
    write_text(output, called(function, read_inputs(inputs, {}, may_be_empty=inputs) | (settings or {})))


if __name__ == "__main__":
    run(main)
