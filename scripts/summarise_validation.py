"""Stage 5, tables: what the trainings of a study reached on the validation images; no test image is read for it."""

import argparse
from pathlib import Path

import pandas as pd

from invariance.command_line import run
from invariance.plan.cells import cell
from invariance.record.artefacts import read_json
from invariance.results.tables import CELL, over_seeds, write_table

SETTINGS = ["epochs", "schedule", "learning_rate", "averaging"]  # of `optimisation`, beside the distortion
MEASURES = ["validation_error", "validation_loss"]


def main() -> None:
    """Read the run card of each training, write the last epoch's measures over seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=cell, nargs="+", required=True, help="study/model/training/seed of each card")
    parser.add_argument("--cards", type=Path, nargs="+", required=True, help="models/.../seed-<n>/card.json")
    parser.add_argument("--confidence", type=float, required=True, help="of the intervals, such as 0.95")
    parser.add_argument("--output", type=Path, required=True, help="output, .csv: over seeds")
    arguments = parser.parse_args()

    rows = []
    for run_named, path in zip(arguments.cells, arguments.cards, strict=True):
        card = read_json(path)
        training = card["training"]
        settings = {"distortion": training["distortion"]} | {key: training["optimisation"][key] for key in SETTINGS}
        rows.append(run_named | settings | {measure: card["final"][measure] for measure in MEASURES})
    by = [*CELL, "distortion", *SETTINGS]
    write_table(arguments.output, over_seeds(pd.DataFrame(rows), by, MEASURES, arguments.confidence))


if __name__ == "__main__":
    run(main)
