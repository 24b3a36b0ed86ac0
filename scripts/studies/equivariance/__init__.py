"""Does moving the input of a layer move its output, and change nothing else? Layer by layer, in float64 (C3).

This study trains nothing: the key `equivariance` of the config names networks of another study, whose layers are
measured before and after training.
"""

from typing import Any

from invariance.plan.catalogue import Claim, Figure, Study, Table, Tabular
from invariance.plan.plan import Plan


def weights(plan: Plan, study: str) -> dict[str, str]:
    """The weights of the networks that are measured."""
    return {str(cell): plan.trained_file(cell, "weights.safetensors") for cell in plan.equivariance_cells}


def settings(plan: Plan, study: str) -> dict[str, Any]:
    """The networks, their canvas and classes, how many test images, and the largest shift."""
    chosen = plan["equivariance"]
    return {
        "models": {cell.model: plan["models"][cell.model] for cell in plan.equivariance_cells},
        "canvas": plan["studies"][chosen["study"]]["canvas"],
        "classes": plan.data["classes"],
        "number": chosen["images"],
        "max_shift": chosen["max_shift"],
    }


STUDY = Study(
    claims=(
        Claim(
            id="C3",
            statement="Convolution is equivariant: moving its input moves its output.",
            function="claims:equivariance",
            unit="relative error where theory says 0",
            rule="supported if the error is rounding for every seed, at every layer, place and shift where theory says "
            "0, and the measure finds errors where theory predicts some: at strided convolutions moved by no "
            "multiple of the stride, and at zero-padded borders after the first layer; refuted if an error is more "
            "than rounding; undecided if the measure finds no errors where theory predicts some",
            direction=None,
            figure="equivariance",
            reads={
                "equivariance": (
                    *("seed", "weights", "layer", "kind", "padding", "stride", "scope", "place", "shift"),
                    *("exact", "error"),
                )
            },
            settings={
                "max_exact": {
                    "description": "relative error that is rounding",
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                },
                "min_inexact": {
                    "description": "relative error that is none",
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "maximum": 1,
                },
            },
        ),
    ),
    tables=(
        Table(
            "equivariance",
            "evaluation:equivariance",
            {"images": "source/test-images.npy", "weights": weights},
            settings,
            memory=2500,
        ),
    ),
    tabulars=(Tabular("equivariance", "table:tabular", {"errors": "tables/equivariance.csv"}),),
    figures=(
        Figure(
            "equivariance",
            caption="Relative error of moving the output of a layer along with its input, against the shift; errors of "
            "0 are drawn on the lower edge.",
            title="Equivariance of every kind of layer",
            inputs={"table": "tables/equivariance.csv"},
        ),
    ),
    fits=lambda plan, study: study == "equivariance" and bool(plan.equivariance_cells),
)
