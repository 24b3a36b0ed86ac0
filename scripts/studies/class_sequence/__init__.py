"""Does invariance last when a network goes on to other classes (C9)? As Biscione and Bowers (JMLR 2021) ask.

A network learns half of the classes, translated or centred; then it learns the other half, which it sees centred.
Unlike in a joint training, being off centre is no sign of a class.
"""

from invariance.plan.catalogue import Claim, Figure, Study, Table, Tabular, confidence
from invariance.plan.plan import Plan


def goes_on(plan: Plan, study: str) -> bool:
    """Whether a study shifts images, and some trainings go on from others, one of both with undistorted images."""
    if study not in plan.shifted_studies or not plan["studies"][study]["max_shift"]:
        return False
    trainings = plan["studies"][study]["trainings"]
    used = [trainings[cell.training] for cell in plan.of(study)]
    pairs = [(training, trainings[training["after"]]) for training in used if "after" in training]
    return any("none" in (training["distortion"], before["distortion"]) for training, before in pairs)


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
