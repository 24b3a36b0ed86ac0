"""Does a convolution with global pooling know where a digit is (C10)? Networks with zero and with circular padding.

Every study with `positions` is of this kind: its networks learn to tell at which of them a digit is, and are evaluated
on that instead of a grid of shifts (Kayhan and van Gemert 2020, Islam 2020).
"""

from invariance.plan.catalogue import Claim, Figure, Study, Table, Tabular, confidence

INPUTS = {
    "positions": lambda plan, study: plan.position_files(study),
    "cards": lambda plan, study: plan.trained_files(study, "card.json"),
}

STUDY = Study(
    claims=(
        Claim(
            id="C10",
            statement="Padding lets a convolution know where it is.",
            function="claims:knowing_where",
            unit="percentage points of telling the place",
            rule="supported if zero padding tells the place better than circular padding by more than the threshold",
            direction="above",
            figure="two_positions",
            reads={"two_positions-runs": ("model", "training", "seed", "chance", "accuracy", "drift", "float64_drift")},
        ),
    ),
    tables=(
        Table("{study}-runs", "summary:runs", INPUTS),
        Table("{study}", "summary:summary", {"runs": "tables/{study}-runs.csv"}, confidence),
    ),
    tabulars=(Tabular("{study}", "table:tabular", {"summary": "tables/{study}.csv"}),),
    figures=(
        Figure(
            "two_positions",
            caption="How often networks with global pooling tell at which of its places an image is, by their padding.",
            title="Telling positions",
            inputs={"runs": "tables/{study}-runs.csv"},
        ),
    ),
    fits=lambda plan, study: plan.tells_positions(study),
)
