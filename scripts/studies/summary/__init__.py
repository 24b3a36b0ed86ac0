"""The answer at a glance, and the tables about the whole plan. Only this study may look into others."""

from pathlib import Path

from invariance.plan.catalogue import Figure, Study, Tabular
from invariance.plan.plan import Plan

SHOWN = {  # tables that the figure shows -> the studies that have them
    "architectures": "architectures",
    "augmentation_range": "augmentation_range",
    "simard2003-published": "simard2003",
    "equivariance": "equivariance",
}


def shown_tables(plan: Plan, study: str) -> dict[str, str]:
    """The tables that the figure shows, as far as the plan has their studies."""
    there = [*plan["studies"], *(["equivariance"] if plan.equivariance_cells else [])]
    return {table: plan.file(f"tables/{table}.csv") for table, needed in SHOWN.items() if needed in there}


def references_elsewhere(plan: Plan, study: str) -> dict[str, str]:
    """The committed references of other data sets; the demo's is no evidence, and has none beside it."""
    found = sorted(Path("paper/reference").glob("*.json"))
    return {path.stem: str(path) for path in found if path.stem not in ("digits", plan.dataset)}


def is_elsewhere(plan: Plan, study: str) -> bool:
    """Whether there are other data sets to stand beside."""
    return plan.dataset != "digits" and bool(references_elsewhere(plan, study))


ELSEWHERE = {"judged": "claims.json", "config": "config.json", "references": references_elsewhere}
STUDY = Study(
    tabulars=(
        Tabular("claims", "table:claims", {"judged": "claims.json"}),
        Tabular("distortions", "table:distortions", {"summaries": lambda plan, study: plan.summaries}),
        Tabular("settings", "table:settings", {"config": "config.json"}),
        Tabular("compute", "table:compute", {"reference": lambda plan, study: next(iter(plan.reference), None)}),
        Tabular("elsewhere", "table:elsewhere", ELSEWHERE, there=is_elsewhere),
        Tabular("elsewhere-numbers", "table:elsewhere_numbers", ELSEWHERE, there=is_elsewhere),
    ),
    figures=(
        Figure(
            "summary",
            caption="Every claim with its verdict and what it rests on: the answer at a glance.",
            title="The answer at a glance",
            inputs={"claims": "claims.json", "tables": shown_tables},
            there=lambda plan, study: "architectures" in plan["studies"],
        ),
    ),
    fits=lambda plan, study: study == "summary",
)
