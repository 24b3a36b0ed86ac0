"""Stage 5, tables: Simard's Table 1 beside ours, and what each distortion saves, paired over seeds."""

import argparse
from pathlib import Path

from invariance.command_line import json_argument, run
from invariance.plan.cells import cell
from invariance.record.artefacts import load_array
from invariance.results.tables import beside_simard, paired_comparisons, read_table, write_table


def main() -> None:
    """Read the study's tables and test predictions; write the two comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="tables/simard2003-runs.csv")
    parser.add_argument("--summary", type=Path, required=True, help="tables/simard2003.csv")
    parser.add_argument("--published", type=Path, required=True, help="paper/published.csv")
    parser.add_argument(
        "--cells", type=cell, nargs="+", required=True, help="study/model/training/seed of each file of predictions"
    )
    parser.add_argument("--predictions", type=Path, nargs="+", required=True, help="shifts/.../seed-<n>.test.npy")
    parser.add_argument("--labels", type=Path, required=True, help="test labels, uint8 (n,), .npy")
    parser.add_argument("--trainings", type=json_argument, required=True, help="their distortions and losses, as JSON")
    parser.add_argument("--confidence", type=float, required=True, help="of the intervals, such as 0.95")
    parser.add_argument("--table", type=Path, required=True, help="output, .csv")
    parser.add_argument("--pairs", type=Path, required=True, help="output, .csv")
    arguments = parser.parse_args()

    labels = load_array(arguments.labels)
    right = {}
    for run_named, path in zip(arguments.cells, arguments.predictions, strict=True):
        right[run_named["model"], run_named["training"], run_named["seed"]] = load_array(path) == labels
    runs, summary = read_table(arguments.runs), read_table(arguments.summary)
    published = read_table(arguments.published)
    table = beside_simard(summary, published, arguments.trainings, len(labels), arguments.confidence)
    write_table(arguments.table, table)
    write_table(arguments.pairs, paired_comparisons(runs, right, arguments.confidence))


if __name__ == "__main__":
    run(main)
