"""How were rates, schedule, epochs and strengths chosen? By the last training images; no test image is read for it.

Any study has such a table, on request (selection.yaml). What was found for Simard's table is committed, and the paper
shows it.
"""

from pathlib import Path

from invariance.plan.catalogue import Study, Table, Tabular, confidence
from invariance.plan.plan import Plan

RUNS = ("selection", "strength")  # of selection.yaml; their tables are committed in paper/reference/


def committed(plan: Plan, study: str) -> dict[str, str]:
    """The committed tables of the selection, as far as there are any."""
    paths = {run: f"paper/reference/{plan.dataset}-{run}.csv" for run in RUNS}
    return {run: path for run, path in paths.items() if Path(path).exists()}


STUDY = Study(
    tables=(
        Table(
            "{study}-validation",
            "summary:validation",
            {"cards": lambda plan, study: plan.trained_files(study, "card.json")},
            confidence,
            on_request=True,
        ),
    ),
    tabulars=(
        Tabular(
            "reference-selection",
            "table:tabular",
            {"tables": committed, "config": "config.json"},
            there=committed,
        ),
    ),
    fits=lambda plan, study: True,
)
