"""Is invariance learned, and how far does it reach? One network, trained with translations of a growing range (C8)."""

from invariance.plan.catalogue import Claim, Figure, Study
from invariance.plan.plan import Cell, Plan


def named_by_range(plan: Plan, cell: Cell) -> str:
    """The name of a training by the range of its translations, pixels."""
    distortion = plan.training_settings(*cell[:3])["distortion"]
    return f"range_{plan['distortions'].get(distortion, {}).get('translation', {}).get('max_shift', 0)}"


STUDY = Study(
    claims=(
        Claim(
            id="C8",
            statement="Invariance is learned: its radius grows with the range of translations shown.",
            function="claims:learned_range",
            unit="pixels of invariance radius for each pixel of training range",
            rule="supported if the radius grows with the range by more than the threshold",
            direction="above",
            figure="augmentation_range",
            reads={"augmentation_range-runs": ("model", "training", "seed", "mean_error", "radius", "drift")},
        ),
    ),
    figures=(
        Figure(
            "augmentation_range",
            caption="How far invariance reaches when the training images were translated by up to r pixels.",
            title="Invariance against augmentation",
            inputs={"table": "tables/{study}.csv", "rings": "tables/{study}-rings.csv"},
        ),
    ),
    training_name=named_by_range,
)
