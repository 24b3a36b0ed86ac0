"""Does invariance last when a network goes on to other classes (C9)? As Biscione and Bowers (JMLR 2021) ask.

A network learns half of the classes, translated or centred; then it learns the other half, which it sees centred.
Unlike in a joint training, being off centre is no sign of a class.
"""

from invariance.plan.catalogue import Claim, Figure, Study, Table, Tabular, confidence
from invariance.plan.plan import Plan


def goes_on(plan: Plan, study: str) -> bool:
    """Whether some training of a study goes on from another with undistorted images."""
    trainings = plan["studies"].get(study, {}).get("trainings", {}).values()
    return any("after" in training and training["distortion"] == "none" for training in trainings)


STUDY = Study(
    claims=(
        Claim(
            id="C9",
            statement="Invariance learned from some classes carries over to the others.",
            function="claims:carries_over",
            unit="percent of the gain of translating a class",
            rule="supported if learning other classes, translated, beforehand brings more than the threshold of that "
            "gain, refuted if less",
            direction="above",
            figure="class_sequence",
            reads={
                "class_sequence-carried-runs": (
                    *("model", "trained_part", "seed", "after_nothing_error", "after_plain_error"),
                    *("after_distorted_error", "distorted_itself_error", "after_distorted_clean_error", "carried"),
                )
            },
        ),
    ),
    tables=(
        Table(
            "{study}-carried-runs",
            "summary:carried_runs",
            {"runs": "tables/{study}-runs.csv"},
            lambda plan, study: {"trainings": plan["studies"][study]["trainings"]},
        ),
        Table("{study}-carried", "summary:carried", {"runs": "tables/{study}-carried-runs.csv"}, confidence),
    ),
    tabulars=(Tabular("{study}", "table:tabular", {"summary": "tables/{study}-carried.csv"}),),
    figures=(
        Figure(
            "class_sequence",
            caption="Error of shifted images of classes, by what was learned before them.",
            title="Invariance from one class to the next",
            inputs={"runs": "tables/{study}-carried-runs.csv"},
        ),
    ),
    fits=goes_on,
)
