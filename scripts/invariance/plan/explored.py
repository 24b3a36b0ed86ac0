"""What the interactive page shows of a plan: its networks, and the files that it is made from."""

from typing import Any

from invariance.plan.catalogue import Catalogue
from invariance.plan.plan import EVALUATED, Cell, Plan

GRID, PREDICTIONS, _ = EVALUATED
# Study, model and training of each network, as far as the plan has them; weights are most of the page, so they are few.
NETWORKS = [
    ("architectures", "stride_fc", "centred"),
    ("architectures", "max_pool_fc", "centred"),
    ("architectures", "avg_pool_fc", "centred"),
    ("architectures", "blur_pool_fc", "centred"),
    ("architectures", "stride_gap", "centred"),
    ("architectures", "stride_gap_circular", "centred"),
    ("architectures", "phase_averaged", "centred"),
    ("architectures", "polyphase_gap_circular", "centred"),
    ("architectures", "stn", "centred"),
    ("architectures", "stride_fc", "translated"),
    ("class_transfer", "stride_fc", "low_translated"),
    ("two_positions", "stride_gap", "placed"),
    ("two_positions", "stride_gap_circular", "placed"),
]
RANGES = "augmentation_range", "stride_fc"  # of whose trainings the first, the middle and the last are shown
# Tables, and which of their measures the page shows; all rows of a table without measures.
TABLES = {
    "architectures": "radius",
    "architectures-rings": "consistency",
    "augmentation_range": "radius",
    "class_transfer-classes": "mean_error",
    "class_sequence-carried": None,
    "split": "mean_error",
    "simard2003-published": None,
    "two_positions": "accuracy",
}
FEW = 8  # networks of a plan that has none of these


def canvas_of(plan: Plan) -> tuple[int, int] | None:
    """Side of the page's canvas and its largest shift, pixels: those of the first study with shifts; None without one.

    Only networks for this canvas and these shifts are shown.
    """
    for study in plan.shifted_studies:
        settings = plan["studies"][study]
        if settings["max_shift"] and plan.of(study):
            return settings["canvas"], settings["max_shift"]
    return None


def cells_of(plan: Plan) -> list[Cell]:
    """The trained models on the page, each with the first seed of its study."""
    first = {cell[:3]: cell for cell in reversed(plan.cells)}
    fitting = {
        names: cell
        for names, cell in reversed(first.items())
        if (plan["studies"][cell.study]["canvas"], plan["studies"][cell.study]["max_shift"]) == canvas_of(plan)
        and not plan.only(cell.study, cell.training)  # the page shows the same test images to all networks
    }
    ranges = [names for names in fitting if names[:2] == RANGES]
    ends = [ranges[place] for place in dict.fromkeys([0, (len(ranges) - 1) // 2, len(ranges) - 1])] if ranges else []
    chosen = [fitting[names] for names in [*NETWORKS, *ends] if names in fitting]
    return chosen or list(fitting.values())[:FEW]


def inputs_of(catalogue: Catalogue) -> dict[str, Any]:
    """What the page is made from, by kind; weights, grids and predictions by the name of their cell."""
    plan = catalogue.plan
    cells = cells_of(plan)
    shifted = [cell for cell in cells if not plan.tells_positions(cell.study)]
    csv = {name: plan.file(f"tables/{name}.csv") for name in TABLES}
    return {
        "config": plan.file("config.json"),
        "claims": plan.file("claims.json"),
        "images": plan.file("source/test-images.npy"),
        "labels": plan.file("source/test-labels.npy"),
        "tables": {name: path for name, path in csv.items() if path in catalogue.table_files},
        "weights": {str(cell): plan.trained_file(cell, "weights.safetensors") for cell in cells},
        "grids": {str(cell): plan.evaluated_file(cell, GRID) for cell in shifted},
        "predictions": {str(cell): plan.evaluated_file(cell, PREDICTIONS) for cell in shifted},
    }
