"""Do translations of some classes help others that are shown beside them, centred (C9b)?

Here being off centre is a sign of the translated classes; `class_sequence` leaves no such cue.

Every study with a training that distorts only some `classes` is also measured by groups of classes.
"""

from typing import Any

from invariance.plan.catalogue import Claim, Figure, Study, Table, Tabular, confidence
from invariance.plan.plan import Plan

INPUTS = {
    "grids": lambda plan, study: plan.evaluated_files(study),
    "predictions": lambda plan, study: plan.evaluated_files(study, ".predictions.npy"),
    "labels": "source/test-labels.npy",
}


def distorts_some_classes(plan: Plan, study: str) -> bool:
    """Whether some training of a study distorts only some classes."""
    return any("classes" in training for training in plan["studies"].get(study, {}).get("trainings", {}).values())


def trainings(plan: Plan, study: str) -> dict[str, Any]:
    """The study's trainings; some name the classes that they distort."""
    return {"trainings": plan["studies"][study]["trainings"]}


STUDY = Study(
    claims=(
        Claim(
            id="C9b",
            statement="Translating some classes helps the others that are learned beside them.",
            function="claims:class_transfer",
            unit="percent of the gain of translating a class",
            rule="supported if translating the other classes brings more than the threshold of that gain, refuted if "
            "less",
            direction="above",
            figure="class_transfer",
            reads={
                "class_transfer-class-runs": (
                    *("model", "training", "seed", "group", "shown", "images"),
                    *("clean_error", "mean_error", "mean_consistency", "mean_called_other", "drift"),
                )
            },
        ),
    ),
    tables=(
        Table("{study}-class-runs", "summary:class_runs", INPUTS, trainings),
        Table("{study}-classes", "summary:classes", {"runs": "tables/{study}-class-runs.csv"}, confidence),
    ),
    tabulars=(Tabular("{study}", "table:tabular", {"summary": "tables/{study}-classes.csv"}),),
    figures=(
        Figure(
            "class_transfer",
            caption="Error of shifted images, by whether a training translated their class or showed it centred only.",
            title="Invariance and classes",
            inputs={"runs": "tables/{study}-class-runs.csv"},
            there=lambda plan, study: plan["studies"][study]["max_shift"] > 0,
        ),
    ),
    fits=distorts_some_classes,
)
