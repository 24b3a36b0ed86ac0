"""How were rates, schedule, epochs and strengths chosen? On the last training images; no test image is read for it.

Every study has such a table on request (selection.yaml). Those behind Simard's table and the rates of Fashion-MNIST are
committed, and the paper shows them.
"""

from invariance.plan.catalogue import Study, Table, Tabular, committed, confidence

SELECTIONS = committed("selection", "strength")  # of selection.yaml

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
            {"tables": SELECTIONS, "config": "config.json"},
            there=SELECTIONS,
        ),
    ),
    fits=lambda plan, study: True,
)
