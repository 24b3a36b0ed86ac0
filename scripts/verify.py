"""Hold the numbers of a run to the committed reference, by intervals, and print: reproduced, drifted, missing, new.

    python scripts/verify.py --reference paper/reference/mnist.json --results results/mnist

Exit status 1 when something drifted or is missing. How intervals are compared is written in invariance/reference.py.
"""

import argparse
from pathlib import Path

from invariance.command_line import run
from invariance.record.artefacts import read_json, sha256_of
from invariance.record.reference import (
    DRIFTED,
    MISSING,
    cell_entries,
    claim_entries,
    compare,
    comparison_lines,
    read_reference,
)


def main() -> None:
    """Compare; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="paper/reference/<dataset>.json")
    parser.add_argument("--results", type=Path, required=True, help="results/<dataset>")
    arguments = parser.parse_args()
    config = arguments.results / "config.json"
    reference = read_reference(arguments.reference, read_json(config)["dataset"])
    expected = [*reference["claims"], *reference["cells"]]
    found = [*claim_entries(arguments.results), *cell_entries(arguments.results)]
    outcomes = compare(expected, found, reference["confidence"])
    print("\n".join(comparison_lines(outcomes)))
    if sha256_of(config) != reference["config_sha256"]:
        print(
            f"the config of this run ({sha256_of(config)[:12]}) is not that of the reference "
            f"({reference['config_sha256'][:12]}): what differs may be another experiment, not a failed reproduction"
        )
    if any(outcome.status in (DRIFTED, MISSING) for outcome in outcomes):
        print("not reproduced")
        raise SystemExit(1)
    print("reproduced")


if __name__ == "__main__":
    run(main)
