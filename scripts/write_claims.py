"""Write the numbers of the committed reference into README.md and docs/reference.md, where none are typed.

    python scripts/write_claims.py

A test compares both files with the reference.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invariance.command_line import run
from invariance.record.blocks import markdown, replace_block
from invariance.record.reference import read_reference
from invariance.results.overview import CLAIM_HEADS, claim_row, simard_caption, simard_table

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "paper" / "reference" / "mnist.json"
README, COSTS = ROOT / "README.md", ROOT / "docs" / "reference.md"


def main() -> None:
    """Write the claims and Simard's table into the README, and what each claim costs into docs/reference.md."""
    reference = read_reference(REFERENCE, "mnist")
    replace_block(README, "claims", claims_block(reference))
    replace_block(COSTS, "costs", costs_block(reference))


def claims_block(reference: Mapping[str, Any]) -> str:
    """One row per claim, then Simard's table."""
    claims = markdown(CLAIM_HEADS, map(claim_row, reference["claims"]))
    caption = "\n".join(simard_caption(reference["confidence"]))
    return "\n\n".join([claims, caption, markdown(*simard_table(reference["cells"]))])


def costs_block(reference: Mapping[str, Any]) -> str:
    """For each claim its figure, the command that makes it, and the cost; then the cost of the whole run."""
    rows = [
        (
            claim["id"],
            Path(claim["target"]).stem.replace("_", " "),
            f"`snakemake --cores 8 {claim['target']}`",
            f"{claim['core_minutes']:.0f}",
        )
        for claim in reference["claims"]
    ]
    compute, machine = reference["compute"], reference["machine"]
    replayed = {int(workers): seconds / 60 for workers, seconds in compute["replayed_seconds"].items()}
    whole = (
        f"The whole run took {compute['core_seconds'] / 3600:.1f} core hours in {compute['jobs']:,} jobs on "
        f"{machine['processor']} ({machine['cores']} cores). Its jobs, each as long as its CPU time there, and in the "
        f"order in which they started, fill {replayed[2]:.0f} minutes of 2 cores and {replayed[8]:.0f} of 8."
    )
    return "\n\n".join([markdown(["claim", "figure", "command", "core minutes"], rows), whole + shares(compute)])


def shares(compute: Mapping[str, Any]) -> str:
    """The share of core time outside distorting, training and evaluating; and evaluating relative to training."""
    stages = {row["stage"]: row["core_seconds"] for row in compute["stages"]}
    if compute["start_up_share"] is None or not {"train", "evaluate"} <= stages.keys():
        return ""
    return (
        f" {100 * compute['start_up_share']:.1f}% of its core time went into anything but distorting, training and "
        f"evaluating: imports, loading, tables, figures, LaTeX. Evaluating took "
        f"{stages['evaluate'] / stages['train']:.2f} times what training took."
    )


if __name__ == "__main__":
    run(main)
