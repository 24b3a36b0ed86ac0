"""Stage 5, tables: how much of a study's variance is due to architecture, to augmentation, and to the two together."""

import argparse
from pathlib import Path

from invariance.command_line import run
from invariance.results.tables import read_table, shares_over_seeds, variance_shares, write_table


def main() -> None:
    """Read the measures of every model with every training; write the shares by seed and over seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="tables/split-runs.csv")
    parser.add_argument("--confidence", type=float, required=True, help="of the intervals, such as 0.95")
    parser.add_argument("--seeds", type=Path, required=True, help="output, .csv: a row a measure and seed")
    parser.add_argument("--summary", type=Path, required=True, help="output, .csv: over seeds")
    arguments = parser.parse_args()

    shares = variance_shares(read_table(arguments.runs))
    write_table(arguments.seeds, shares)
    write_table(arguments.summary, shares_over_seeds(shares, arguments.confidence))


if __name__ == "__main__":
    run(main)
