"""Put the claims and Simard's table into the README, from the committed reference: numbers there are never typed.

    python scripts/write_claims.py

A test holds the README to the reference.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from invariance.command_line import run
from invariance.record.artefacts import write_text
from invariance.record.readme import with_block
from invariance.record.reference import read_reference, with_interval
from invariance.results.labels import label

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "paper" / "reference" / "mnist.json"
BEGIN, END = "<!-- claims:begin -->", "<!-- claims:end -->"


def main() -> None:
    """Write the block of README.md between its two marks."""
    readme = ROOT / "README.md"
    text = block(read_reference(REFERENCE, "mnist"))
    write_text(readme, with_block(readme.read_text(encoding="utf-8"), BEGIN, END, text))


def block(reference: Mapping[str, Any]) -> str:
    """A row a claim, with its figure, the command that makes it and what it costs; the whole run; Simard's table."""
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
    whole += shares(compute)
    return "\n".join([*rows, "", whole, "", *simard_rows(reference["cells"])])


def shares(compute: Mapping[str, Any]) -> str:
    """What of the run was no distorting, training or evaluating, and what evaluating cost beside training."""
    stages = {row["stage"]: row["core_seconds"] for row in compute["stages"]}
    if compute["start_up_share"] is None or not {"train", "evaluate"} <= stages.keys():
        return ""
    return (
        f" {100 * compute['start_up_share']:.1f}% of its core time went into anything but distorting, training and "
        f"evaluating: imports, loading, tables, figures, LaTeX. Evaluating took "
        f"{stages['evaluate'] / stages['train']:.2f} times what training took."
    )


def simard_rows(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """Simard's table beside ours: two rows a model, a column a training."""
    cells = [cell for cell in cells if (cell["study"], cell["measure"]) == ("simard2003", "test_error")]
    trainings = list(dict.fromkeys(cell["training"] for cell in cells))
    rows = [
        "Test error in %, mean over seeds with its interval, beside Simard's Table 1:",
        "",
        f"| | {' | '.join(map(label, trainings))} |",
        f"|---|{'---|' * len(trainings)}",
    ]
    for model in dict.fromkeys(cell["model"] for cell in cells):
        of_model = {cell["training"]: cell for cell in cells if cell["model"] == model}
        found = [of_model.get(training) for training in trainings]
        published = [f"{cell['published']:g}" if cell and "published" in cell else "" for cell in found]
        ours = [with_interval(cell["mean"], cell["low"], cell["high"]) if cell else "" for cell in found]
        rows += [
            f"| {label(model)}, paper | {' | '.join(published)} |",
            f"| {label(model)}, ours | {' | '.join(ours)} |",
        ]
    return rows


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
