"""Write the numbers of the committed reference into README.md and docs/reference.md, where none are typed.

    python scripts/write_claims.py

A test compares both files with the reference.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from invariance.command_line import run
from invariance.record.blocks import replace_block
from invariance.record.reference import read_reference, with_interval
from invariance.results.labels import label
from invariance.results.statistics import Interval, prediction_interval

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "paper" / "reference" / "mnist.json"
README, COSTS = ROOT / "README.md", ROOT / "docs" / "reference.md"


CLAIM_HEADS = ("claim", "verdict", "number")
SIMARD_CAPTION = (
    "Test error in %, beside Simard's Table 1, whose numbers we take as those of single runs. Ours are means over",
    "seeds, with the 95% prediction interval for one more run:",
)


def main() -> None:
    """Write the claims and Simard's table into the README, and what each claim costs into docs/reference.md."""
    reference = read_reference(REFERENCE, "mnist")
    replace_block(README, "claims", claims_block(reference))
    replace_block(COSTS, "costs", costs_block(reference))


def claims_block(reference: Mapping[str, Any]) -> str:
    """One row per claim, then Simard's table."""
    claims = markdown(CLAIM_HEADS, map(claim_entries, reference["claims"]))
    return "\n".join([*claims, "", *SIMARD_CAPTION, "", *markdown(*simard_table(reference["cells"]))])


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def claim_entries(claim: Mapping[str, Any]) -> list[str]:
    """The claim, its verdict, and its number with interval and unit, with a real minus sign."""
    number = with_interval(claim["number"], claim["low"], claim["high"]).replace("-", "\N{MINUS SIGN}")
    return [f"{claim['id']} {claim['statement'].rstrip('.')}", claim["verdict"], f"{number} {claim['unit']}"]


def costs_block(reference: Mapping[str, Any]) -> str:
    """For each claim its figure, the command that makes it, and the cost; then the cost of the whole run."""
    rows = [
        f"| {claim['id']} | {Path(claim['target']).stem.replace('_', ' ')} | `snakemake --cores 8 {claim['target']}` | "
        f"{claim['core_minutes']:.0f} |"
        for claim in reference["claims"]
    ]
    compute, machine = reference["compute"], reference["machine"]
    replayed = {int(workers): seconds / 60 for workers, seconds in compute["replayed_seconds"].items()}
    whole = (
        f"The whole run took {compute['core_seconds'] / 3600:.1f} core hours in {compute['jobs']:,} jobs on "
        f"{machine['processor']} ({machine['cores']} cores). Its jobs, each as long as its CPU time there, and in the "
        f"order in which they started, fill {replayed[2]:.0f} minutes of 2 cores and {replayed[8]:.0f} of 8."
    )
    header = ["| claim | figure | command | core minutes |", "|---|---|---|---|"]
    return "\n".join([*header, *rows, "", whole + shares(compute)])


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


def simard_table(cells: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Simard's table beside ours: its heads, and one row per training with two entries per model."""
    errors = {
        (cell["training"], cell["model"]): cell
        for cell in cells
        if (cell["study"], cell["measure"]) == ("simard2003", "test_error")
    }
    trainings, models = (list(dict.fromkeys(names)) for names in zip(*errors, strict=True))
    heads = ["training", *(f"{label(model)}, {whose}" for model in models for whose in ("paper", "ours"))]
    rows = [
        [label(training), *(entry for model in models for entry in both(errors.get((training, model), {})))]
        for training in trainings
    ]
    return heads, rows


def both(cell: Mapping[str, Any]) -> tuple[str, str]:
    """The published error, and ours with the interval for one more run; empty without a cell."""
    if not cell:
        return "", ""
    published, low, high = f"{cell['published']:g}" if "published" in cell else "", cell["low"], cell["high"]
    if low is not None:
        low, high = prediction_interval(Interval(cell["mean"], low, high), cell["seeds"])
    return published, with_interval(cell["mean"], low, high)


if __name__ == "__main__":
    run(main)
