"""Does expanding MNIST by translations and distortions lower the test error? Simard's table beside ours (C2).

Simard, Steinkraus and Platt (ICDAR 2003), Table 1, with the cell that it lacks (convolution, no distortion) and with
cells that separate translation from the rest of an elastic distortion. Studies whose names begin like this one's repeat
some of its cells in another way (long.yaml) and are compared with the same table.
"""

from typing import Any

from invariance.plan.catalogue import Claim, Figure, Study, Table, Tabular, committed, confidence
from invariance.plan.plan import Plan

PUBLISHED = "paper/published.csv"
LONG_RUNS = committed("long", "fresh", "all")  # of long.yaml


def test_predictions(plan: Plan, study: str) -> dict[str, str]:
    """The predictions of each cell for all unshifted test images."""
    return plan.evaluated_files(study, ".test.npy")


def distortion_and_loss(plan: Plan, study: str) -> dict[str, Any]:
    """Distortion and loss of every cell, by model/training, and the confidence of the intervals."""
    cells = {}
    for _, model, training, _ in plan.of(study):
        settings = plan.training_settings(study, model, training)
        cells[f"{model}/{training}"] = {"distortion": settings["distortion"], "loss": settings["optimisation"]["loss"]}
    return {"cells": cells, **confidence(plan, study)}


def histories(plan: Plan, study: str) -> dict[str, str]:
    """The training histories of the cells that are trained for this study."""
    cells = [cell for cell in plan.trained if cell.study == study]
    return {str(cell): plan.trained_file(cell, "history.csv") for cell in cells}


def first_copies(plan: Plan, study: str) -> dict[str, str]:
    """The first copy of each distortion on this study's canvas."""
    canvas = plan["studies"][study]["canvas"]
    return {name: plan.copy_files(side, name, 1)[0] for side, name in plan.copies if side == canvas}


STUDY = Study(
    claims=(
        Claim(
            id="C2",
            statement="Expanding the training set by distortions lowers the test error.",
            function="claims:expanding",
            unit="percentage points of test error saved",
            rule="supported if elastic distortions save more than the threshold, paired over seeds",
            direction="above",
            figure="simard_table",
            reads={
                "simard2003-runs": ("model", "training", "seed", "test_error"),
                "simard2003-pairs": ("model", "training", "against", "mcnemar_p"),
            },
        ),
    ),
    tables=(
        Table(
            "{study}-published",
            "summary:published",
            {"summary": "tables/{study}.csv", "table1": PUBLISHED, "labels": "source/test-labels.npy"},
            distortion_and_loss,
        ),
        Table(
            "{study}-pairs",
            "summary:pairs",
            {"runs": "tables/{study}-runs.csv", "predictions": test_predictions, "labels": "source/test-labels.npy"},
            confidence,
        ),
    ),
    tabulars=(
        Tabular("simard2003", "table:published", {"table": "tables/{study}-published.csv"}),
        Tabular("simard2003-pairs", "table:pairs", {"table": "tables/{study}-pairs.csv"}),
        Tabular("reference-long", "table:long_runs", {"tables": LONG_RUNS}, there=LONG_RUNS),
        Tabular("reference-long-numbers", "table:long_numbers", {"tables": LONG_RUNS}, there=LONG_RUNS),
    ),
    figures=(
        Figure(
            "sample_distortions",
            caption="Ten training images, and each as every distortion of this study leaves it in its first copy.",
            title="Samples of the distortions",
            inputs={"source": "source/train-images.npy", "copies": first_copies},
        ),
        Figure(
            "learning_curves",
            caption="Validation error after every epoch of the Simard study, mean over seeds.",
            title="Learning curves",
            inputs={"histories": histories},
        ),
        Figure(
            "simard_table",
            caption="Test errors of Simard, Steinkraus and Platt (2003), Table 1, beside ours.",
            title="Simard's table beside ours",
            inputs={"table": "tables/{study}-published.csv"},
        ),
    ),
    numbers=("table:numbers",),
    fits=lambda plan, study: study.startswith("simard2003") and study in plan.shifted_studies,
)
