"""Compare the numbers of a run with the committed reference, by intervals: reproduced, drifted, missing, new.

    python scripts/verify.py --reference paper/reference/mnist.json --results results/mnist

Exit status 1 if something drifted or is missing. invariance/record/reference.py explains the comparison.
"""

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


def main(*, reference: Path, results: Path) -> None:
    """Compare; print the table.

    Args:
        reference: paper/reference/<dataset>.json.
        results: results/<dataset>.
    """
    path = results / "config.json"
    config = read_json(path)
    recorded = read_reference(reference, config["dataset"])
    expected = [*recorded["claims"], *recorded["cells"]]
    found = [*claim_entries(results), *cell_entries(results)]
    outcomes = compare(expected, found, (recorded["confidence"], config["measures"]["confidence"]))
    print("\n".join(comparison_lines(outcomes)))
    if sha256_of(path) != recorded["config_sha256"]:
        print(
            f"the config of this run ({sha256_of(path)[:12]}) is not that of the reference "
            f"({recorded['config_sha256'][:12]}): what differs may be another experiment, not a failed reproduction"
        )
    if any(outcome.status in (DRIFTED, MISSING) for outcome in outcomes):
        print("not reproduced")
        raise SystemExit(1)
    print("reproduced")


if __name__ == "__main__":
    run(main)
