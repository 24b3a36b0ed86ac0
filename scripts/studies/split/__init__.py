"""Which matters more, augmentation or architecture (C11)? Every pair of them, and how the variance splits.

The question is that of Kauderer-Abrams (2017).
"""

from invariance.plan.catalogue import Claim, Figure, Study, Table, Tabular, confidence

STUDY = Study(
    claims=(
        Claim(
            id="C11",
            statement="Augmentation matters more than architecture.",
            function="claims:augmentation_or_architecture",
            unit="percentage points of the variance of the mean error",
            rule="supported if augmentation explains more variance than architecture does, by more than the threshold",
            direction="above",
            figure="split",
            reads={
                "split-runs": ("model", "training", "mean_error"),
                "split-variance-seeds": ("measure", "architecture", "augmentation", "interaction"),
            },
        ),
    ),
    tables=(
        Table("split-variance-seeds", "summary:variance_seeds", {"runs": "tables/split-runs.csv"}),
        Table("split-variance", "summary:variance", {"shares": "tables/split-variance-seeds.csv"}, confidence),
    ),
    tabulars=(Tabular("split-variance", "table:variance", {"shares": "tables/split-variance.csv"}),),
    figures=(
        Figure(
            "split",
            caption="Mean error over shifts of each architecture with each augmentation, and how its variance splits.",
            title="Augmentation against architecture",
            inputs={"table": "tables/split.csv", "shares": "tables/split-variance.csv"},
        ),
    ),
)
