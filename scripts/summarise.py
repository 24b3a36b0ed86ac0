"""Stage 5, tables: all measures of a study, one row a trained model, and their means over seeds."""

import argparse
from pathlib import Path

import pandas as pd

from invariance.command_line import json_mapping, run
from invariance.plan.cells import cell
from invariance.record.artefacts import load_array, read_json
from invariance.results.tables import CELL, MEASURES, over_seeds, read_table, rings_of_run, run_measures, write_table


def main() -> None:
    """Read the grids and the predictions beside them; write the four tables of one study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=cell, nargs="+", required=True, help="study/model/training/seed of each grid")
    parser.add_argument(
        "--grids", type=Path, nargs="+", required=True, help="shifts/.../seed-<n>.csv, predictions beside them"
    )
    parser.add_argument("--cards", type=Path, nargs="+", required=True, help="the run card of each grid, in that order")
    parser.add_argument("--labels", type=Path, required=True, help="test labels, uint8 (n,), .npy")
    measures = json_mapping(radius_consistency=float, pairwise_pairs=int, confidence=float)
    parser.add_argument("--measures", type=measures, required=True, help="`measures` in the config, as JSON")
    parser.add_argument("--runs", type=Path, required=True, help="output, .csv: a row a trained model")
    parser.add_argument("--ring-runs", type=Path, required=True, help="output, .csv: a row a trained model and ring")
    parser.add_argument("--summary", type=Path, required=True, help="output, .csv: over seeds")
    parser.add_argument("--rings", type=Path, required=True, help="output, .csv: rings over seeds")
    arguments = parser.parse_args()

    labels = load_array(arguments.labels)
    settings = arguments.measures
    runs, rings = [], []
    for run_named, path, card in zip(arguments.cells, arguments.grids, arguments.cards, strict=True):
        grid = read_table(path)
        measures = run_measures(
            grid,
            load_array(path.with_suffix(".predictions.npy")),
            load_array(path.with_suffix(".test.npy")),
            labels,
            settings["radius_consistency"],
            settings["pairwise_pairs"],
        )
        runs.append(run_named | {"parameters": read_json(card)["parameters"]} | measures)
        rings.append(rings_of_run(grid).assign(**run_named))
    runs = pd.DataFrame(runs, columns=[*CELL, "seed", "parameters", "test_images", "shift_images", *MEASURES])
    rings = pd.concat(rings)[[*CELL, "seed", "ring", "shifts", "accuracy", "consistency"]]
    confidence = settings["confidence"]
    write_table(arguments.runs, runs)
    write_table(arguments.ring_runs, rings)
    write_table(arguments.summary, over_seeds(runs, CELL, MEASURES, confidence))
    write_table(arguments.rings, over_seeds(rings, [*CELL, "ring"], ["accuracy", "consistency"], confidence))


if __name__ == "__main__":
    run(main)
