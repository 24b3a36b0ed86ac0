"""Stage 5, tables: make one table of a study, by a function of that study."""

from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import Function, called, json_mapping, run
from invariance.results.reading import read_inputs
from invariance.results.tables import write_table


def main(
    *,
    function: Function,
    inputs: Annotated[dict[str, Any], json_mapping()],
    settings: Annotated[dict[str, Any], json_mapping()],
    output: Path,
) -> None:
    """Read the inputs, compute, write.

    Args:
        function: What computes the table: studies.split.summary:variance.
        inputs: For each of its arguments a path, or a mapping from labels to paths, as JSON:
            '{"runs": "results/mnist/tables/split-runs.csv"}'.
        settings: Its other arguments, as JSON: '{"confidence": 0.95}'.
        output: The table, .csv.
    """
    write_table(output, called(function, read_inputs(inputs, {}, may_be_empty=inputs) | settings))


if __name__ == "__main__":
    run(main)
