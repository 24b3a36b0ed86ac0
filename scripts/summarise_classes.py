"""Stage 5, tables: measures of a study by groups of classes, one row a trained model and group, and over seeds."""

import argparse
from pathlib import Path

import pandas as pd

from invariance.command_line import json_mapping, run
from invariance.plan.cells import cell
from invariance.record.artefacts import load_array
from invariance.results.tables import (
    CELL,
    CLASS_MEASURES,
    class_groups,
    class_measures,
    group_name,
    how_shown,
    over_seeds,
    read_table,
    write_table,
)


def main() -> None:
    """Read the grids and the predictions beside them; write the two tables of one study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=cell, nargs="+", required=True, help="study/model/training/seed of each grid")
    parser.add_argument(
        "--grids", type=Path, nargs="+", required=True, help="shifts/.../seed-<n>.csv, predictions beside them"
    )
    parser.add_argument("--labels", type=Path, required=True, help="test labels, uint8 (n,), .npy")
    parser.add_argument("--trainings", type=json_mapping(), required=True, help="the study's in the config, as JSON")
    parser.add_argument("--confidence", type=float, required=True, help="of the intervals, such as 0.95")
    parser.add_argument("--runs", type=Path, required=True, help="output, .csv: a row a trained model and group")
    parser.add_argument("--summary", type=Path, required=True, help="output, .csv: over seeds")
    arguments = parser.parse_args()

    labels, rows = load_array(arguments.labels), []
    for run_named, path in zip(arguments.cells, arguments.grids, strict=True):
        grid, predictions = read_table(path), load_array(path.with_suffix(".predictions.npy"))
        for group in class_groups(arguments.trainings):
            named = {"group": group_name(group), "shown": how_shown(group, arguments.trainings[run_named["training"]])}
            rows.append(run_named | named | class_measures(grid, predictions, labels, group))
    runs = pd.DataFrame(rows, columns=[*CELL, "seed", "group", "shown", "images", *CLASS_MEASURES])
    write_table(arguments.runs, runs)
    by = [*CELL, "group", "shown"]
    write_table(arguments.summary, over_seeds(runs, by, CLASS_MEASURES, arguments.confidence))


if __name__ == "__main__":
    run(main)
