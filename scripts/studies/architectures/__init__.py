"""What in a network's architecture makes it invariant to translation? One trunk, with one thing changed at a time.

Weight sharing alone (C1), the head (C4), exact controls (C5), pooling (C6) and a spatial transformer (C7): each network
is trained on centred digits, and some on translated ones, and then tested at every shift of the grid.
"""

from invariance.plan.catalogue import THRESHOLD, Claim, Figure, Study
from invariance.plan.plan import Plan

# Model and training of each panel of the heat maps, as far as the plan has them.
HEAT_MAPS = [
    ("mlp", "centred"),
    ("stride_fc", "centred"),
    ("max_pool_fc", "centred"),
    ("stride_gap", "centred"),
    ("phase_averaged", "centred"),
    ("stride_fc", "translated"),
]

CELL = ("model", "training", "seed")
ERRORS = ("clean_error", "mean_error")
EXTRA_ERROR = "supported if shifts cost less than the threshold, refuted if they cost more"


def heat_map_grids(plan: Plan, study: str) -> dict[str, str]:
    """The grids that the heat maps show; those of the whole study, if the plan has none of HEAT_MAPS."""
    cells = plan.of(study)
    chosen = [cell for panel in HEAT_MAPS for cell in cells if (cell.model, cell.training) == panel]
    return {str(cell): plan.evaluated_file(cell) for cell in chosen or cells}


def pooled_models(plan: Plan, study: str) -> dict[str, list[str]]:
    """The models of a study whose head is a global average, their own or that of the model that they average."""
    models = plan["studies"][study]["cells"]
    return {"pooled": [model for model in models if plan["models"][plan.base_model(model)].get("head") == "gap"]}


STUDY = Study(
    claims=(
        Claim(
            id="C1",
            statement="Weight sharing makes ConvNets invariant to translation.",
            function="claims:weight_sharing",
            unit="percentage points of extra error",
            rule=EXTRA_ERROR,
            direction="below",
            figure="heat_maps",
            reads={"architectures-runs": (*CELL, *ERRORS, "worst_error", "mean_consistency", "drift")},
        ),
        Claim(
            id="C4",
            statement="Fully connected layers are what breaks invariance.",
            function="claims:fully_connected_head",
            unit="percentage points of consistency",
            rule="supported if global pooling on the same trunk is more consistent by more than the threshold",
            direction="above",
            figure="accuracy_vs_shift",
            reads={"architectures-runs": (*CELL, "test_error", "mean_error", "mean_consistency", "drift")},
        ),
        Claim(
            id="C5",
            statement="If everything before the head is invariant, so is the network.",
            function="claims:exact_controls",
            unit="percent of consistency at the worst shift",
            rule="supported if every exact control has the required consistency at every shift for every seed, a logit "
            "drift within rounding, and a good test error; refuted if one is not exact; undecided if all are exact "
            "but one classifies less well",
            direction=None,
            figure="heat_maps",
            reads={"architectures-runs": ("model", "training", "test_error", "worst_consistency", "drift")},
            settings={
                "min_consistency": {"description": "percent", "type": "number", "minimum": 0, "maximum": 100},
                "max_drift": {
                    "description": "standard deviations of the logits",
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                },
                "max_error": {"description": "percent", "type": "number", "minimum": 0, "maximum": 100},
            },
        ),
        Claim(
            id="C6",
            statement="Pooling buys a little invariance to small translations.",
            function="claims:pooling",
            unit="percentage points of consistency within {small_shift} pixels",
            rule="supported if pooling is more consistent than striding by more than the threshold under small shifts",
            direction="above",
            figure="accuracy_vs_shift",
            reads={
                "architectures-runs": (*CELL, "mean_error", "radius"),
                "architectures-ring-runs": (*CELL, "ring", "shifts", "consistency"),
            },
            settings={
                "small_shift": {"description": "pixels", "type": "integer", "minimum": 1, "maximum": 16},
                **THRESHOLD,
            },
        ),
        Claim(
            id="C7",
            statement="A spatial transformer makes the network invariant.",
            function="claims:spatial_transformer",
            unit="percentage points of extra error",
            rule=EXTRA_ERROR,
            direction="below",
            figure="accuracy_vs_shift",
            reads={"architectures-runs": (*CELL, *ERRORS, "mean_consistency", "drift")},
        ),
    ),
    figures=(
        Figure(
            "accuracy_vs_shift",
            caption="Accuracy and consistency against the size of the shift, for each architecture.",
            title="Accuracy against shift",
            inputs={"rings": "tables/{study}-rings.csv"},
            settings=pooled_models,
        ),
        Figure(
            "heat_maps",
            caption="Accuracy over the whole grid of shifts, for some of the architectures.",
            title="Accuracy over all shifts",
            inputs={"grids": heat_map_grids},
        ),
    ),
)
