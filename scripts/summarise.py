"""Stage 5, tables: all measures of a study over shifts, one row per trained model, and their means over seeds."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd

from invariance.command_line import json_mapping, run
from invariance.record.artefacts import load_array, read_json
from invariance.results.reading import read_table, require_trained_model, write_table
from invariance.results.tables import CELL, MEASURES, over_seeds, rings_of_run, run_measures


def main(
    *,
    inputs: Annotated[dict[str, Any], json_mapping(grids=dict, cards=dict, labels=str)],
    measures: Annotated[dict[str, Any], json_mapping(radius_consistency=float, confidence=float)],
    runs: Path,
    ring_runs: Path,
    summary: Path,
    rings: Path,
) -> None:
    """Read the grids and the predictions beside them; write the four tables of one study.

    Args:
        inputs: Paths, as JSON: of the grid (.csv, predictions beside it) and the card (.json) of each
            study/model/training/seed, and of the test labels, uint8 (n,), .npy; and, perhaps, the classes of those
            that were tested on some `only`: '{"grids": {"simard2003/mlp/none/0":
            "results/mnist/shifts/simard2003/mlp/none/seed-0.csv"}, "cards": {...}, "labels": ..., "only": {}}'.
        measures: The entry `measures` of the config, as JSON.
        runs: The table with one row per trained model, .csv.
        ring_runs: The table with one row per trained model and ring of shifts, .csv.
        summary: The table over seeds, .csv.
        rings: The table of rings over seeds, .csv.
    """
    labels, confidence = load_array(inputs["labels"]), measures["confidence"]
    of_runs, of_rings = [], []
    for label, path in inputs["grids"].items():
        trained, grid = require_trained_model(label), read_table(path)
        found = run_measures(
            grid,
            load_array(Path(path).with_suffix(".predictions.npy")),
            load_array(Path(path).with_suffix(".test.npy")),
            labels[np.isin(labels, inputs.get("only", {}).get(label, labels))],
            measures["radius_consistency"],
        )
        of_runs.append(trained | {"parameters": read_json(inputs["cards"][label])["parameters"]} | found)
        of_rings.append(rings_of_run(grid).assign(**trained))
    of_runs = pd.DataFrame(of_runs, columns=[*CELL, "seed", "parameters", "test_images", "shift_images", *MEASURES])
    of_rings = pd.concat(of_rings)[[*CELL, "seed", "ring", "shifts", "accuracy", "consistency"]]
    write_table(runs, of_runs)
    write_table(ring_runs, of_rings)
    write_table(summary, over_seeds(of_runs, CELL, MEASURES, confidence))
    write_table(rings, over_seeds(of_rings, [*CELL, "ring"], ["accuracy", "consistency"], confidence))


if __name__ == "__main__":
    run(main)
