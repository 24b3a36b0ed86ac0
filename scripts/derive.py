"""Stage 5, tables: write one table of a study, by a function of that study: .csv from a data frame, .tex from text."""

from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import Function, called, json_mapping, run
from invariance.record.artefacts import write_text
from invariance.results.reading import read_inputs, write_table


def main(
    *,
    function: Function,
    inputs: Annotated[dict[str, Any], json_mapping()],
    settings: Annotated[dict[str, Any] | None, json_mapping()] = None,
    output: Path,
) -> None:
    """Read the inputs, call the function, write what it returns.

    Args:
        function: The function that makes the table, such as studies.split.summary:variance.
        inputs: For each of its arguments a path, or a mapping from labels to paths, as JSON:
            '{"runs": "results/mnist/tables/split-runs.csv"}'.
        settings: Its other arguments, as JSON: '{"confidence": 0.95}'.
        output: The table; the suffix .csv or .tex says what the function returns.
    """
    made = called(function, read_inputs(inputs) | (settings or {}))
    (write_text if output.suffix == ".tex" else write_table)(output, made)


if __name__ == "__main__":
    run(main)
