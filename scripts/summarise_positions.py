"""Stage 5, tables: how well the models of a study tell positions, one row a trained model, and means over seeds."""

import argparse
from pathlib import Path

import pandas as pd

from invariance.command_line import run
from invariance.plan.cells import cell
from invariance.record.artefacts import read_json
from invariance.results.tables import CELL, POSITION_MEASURES, over_seeds, position_measures, read_table, write_table


def main() -> None:
    """Read what was told of each position; write the two tables of one study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=cell, nargs="+", required=True, help="study/model/training/seed of each file")
    parser.add_argument("--positions", type=Path, nargs="+", required=True, help="positions/.../seed-<n>.csv")
    parser.add_argument("--cards", type=Path, nargs="+", required=True, help="the run card of each, in that order")
    parser.add_argument("--confidence", type=float, required=True, help="of the intervals, such as 0.95")
    parser.add_argument("--runs", type=Path, required=True, help="output, .csv: a row a trained model")
    parser.add_argument("--summary", type=Path, required=True, help="output, .csv: over seeds")
    arguments = parser.parse_args()

    runs = pd.DataFrame(
        run_named | {"parameters": read_json(card)["parameters"]} | position_measures(read_table(path))
        for run_named, path, card in zip(arguments.cells, arguments.positions, arguments.cards, strict=True)
    )
    write_table(arguments.runs, runs)
    write_table(arguments.summary, over_seeds(runs, CELL, POSITION_MEASURES, arguments.confidence))


if __name__ == "__main__":
    run(main)
