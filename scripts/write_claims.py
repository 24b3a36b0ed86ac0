"""Put the claims into the README, from the committed reference: verdicts and numbers there are never typed.

    python scripts/write_claims.py

A test holds the README to the reference.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invariance.artefacts import write_text
from invariance.command_line import run
from invariance.readme import with_block
from invariance.reference import read_reference, with_interval

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "paper" / "reference" / "mnist.json"
BEGIN, END = "<!-- claims:begin -->", "<!-- claims:end -->"


def main() -> None:
    """Write the block of README.md between its two marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    readme = ROOT / "README.md"
    text = block(read_reference(REFERENCE, "mnist"))
    write_text(readme, with_block(readme.read_text(encoding="utf-8"), BEGIN, END, text))


def block(reference: Mapping[str, Any]) -> str:
    """A row a claim: verdict, number, figure, the command that makes it, what it costs; then the whole run."""
    rows = [
        "| claim | verdict | number | figure | command | core minutes |",
        "|---|---|---|---|---|---|",
        *(row(claim) for claim in reference["claims"]),
    ]
    compute, machine = reference["compute"], reference["machine"]
    replayed = {int(workers): seconds / 60 for workers, seconds in compute["replayed_seconds"].items()}
    whole = (
        f"Core minutes: of all that the claim's study and figure rest on, from nothing; claims share much of it. The "
        f"whole run took {compute['core_seconds'] / 3600:.1f} core hours in {compute['jobs']:,} jobs on "
        f"{machine['processor']} ({machine['cores']} cores). Its jobs, each as long as it took there, and in the order "
        f"in which they started, fill {replayed[2]:.0f} minutes of 2 cores and {replayed[8]:.0f} of 8."
    )
    return "\n".join([*rows, "", whole])


def row(claim: Mapping[str, Any]) -> str:
    """One claim; the sign of its number is a real minus."""
    number = with_interval(claim["number"], claim["low"], claim["high"]).replace("-", "\N{MINUS SIGN}")
    name = Path(claim["target"]).stem.replace("_", " ")
    cells = [
        f"{claim['id']} {claim['statement'].rstrip('.')}",
        claim["verdict"],
        f"{number} {claim['unit']}",
        name,
        f"`snakemake --cores 8 {claim['target']}`",
        f"{claim['core_minutes']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    run(main)
