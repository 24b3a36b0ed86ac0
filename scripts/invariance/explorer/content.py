"""What the page shows of a run: numbers, each with the file and line that it was read from, images and weights."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from invariance.plan.explored import TABLES, canvas_of, cells_of
from invariance.plan.plan import Cell, Plan
from invariance.record.artefacts import load_array, read_json, require_unaltered
from invariance.results.labels import label
from invariance.results.reading import read_table

PER_CLASS, MOST = 3, 60  # test images
CLAIM = ("id", "statement", "study", "number", "low", "high", "unit", "rule", "verdict", "threshold", "read_from")


def chosen_images(labels: np.ndarray, among: int) -> list[int]:
    """The first PER_CLASS images of each class among the first ones, at most MOST in all; labels uint8 (n,)."""
    first = labels[:among]
    return [int(i) for one in np.unique(first) for i in np.flatnonzero(first == one)[:PER_CLASS]][:MOST]


def source(path: str) -> dict[str, str]:
    """A file and its SHA-256; raises InputError if it is missing or was altered."""
    return {"path": path, "sha256": require_unaltered(path)}


def rows_of(name: str, path: str) -> dict[str, Any]:
    """A table: its file, its columns, and those rows that the page shows, each with its line in the file."""
    table = read_table(path)
    table = table.assign(line=np.arange(len(table)) + 2)
    if TABLES[name]:
        table = table[table.measure == TABLES[name]]
    values = table.astype(object)
    return {**source(path), "columns": list(table), "rows": values.where(pd.notna(values), None).to_numpy().tolist()}


def content(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the page shows, as JSON can hold it, and the weights in base64 by their path.

    Args:
        inputs: as `invariance.plan.explored.inputs_of` lists them.

    Raises:
        InputError: a file is missing, altered or not what it should be.
    """
    plan = Plan(read_json(inputs["config"]))
    labels, images = load_array(inputs["labels"]), load_array(inputs["images"], mapped=True)
    predictions = {cell: load_array(path) for cell, path in inputs["predictions"].items()}
    digits = chosen_images(labels, min([len(labels), *(array.shape[1] for array in predictions.values())]))
    canvas, max_shift = canvas_of(plan) or (plan.data["side"], 0)
    weights = {path: base64.b64encode(Path(path).read_bytes()).decode() for path in inputs["weights"].values()}
    elements = {path: f"weights-{number}" for number, path in enumerate(weights)}
    cells = {str(cell): cell for cell in cells_of(plan)}
    networks = [
        network(plan, cell, inputs, elements, None if cell not in predictions else predictions[cell][:, digits], place)
        for cell, place in cells.items()
    ]
    shown = {
        "dataset": plan.dataset,
        "name": plan.data["title"],
        "noun": plan.data.get("noun", "picture"),
        "note": plan.note if "embedded" in plan.data else "",
        "licence": plan.data.get("licence", ""),
        "classes": plan.data["classes"],
        "canvas": canvas,
        "maxShift": max_shift,
        "imageSide": plan.data["side"],
        "digits": [{"index": index, "label": int(labels[index])} for index in digits],
        "images": base64.b64encode(np.ascontiguousarray(images[digits]).tobytes()).decode(),
        "radiusConsistency": plan["measures"]["radius_consistency"],
        "networks": networks,
        "claims": [{key: claim.get(key) for key in CLAIM} for claim in read_json(inputs["claims"])],
        "labels": {name: label(name) for name in names_of(plan)},
        "tables": {name: rows_of(name, path) for name, path in inputs["tables"].items()},
        "config": source(inputs["config"]),
    }
    return shown, {elements[path]: text for path, text in weights.items()}


def names_of(plan: Plan) -> list[str]:
    """The names of models and trainings, whose labels the page shows."""
    return [*plan["models"], *dict.fromkeys(name for its in plan["studies"].values() for name in its["trainings"])]


def network(
    plan: Plan,
    name: str,
    inputs: Mapping[str, Any],
    elements: Mapping[str, str],
    predictions: np.ndarray | None,
    cell: Cell,
) -> dict[str, Any]:
    """One trained model: its settings, its weights, and what the pipeline measured and predicted, shift by shift."""
    weights = inputs["weights"][name]
    found: dict[str, Any] = {
        **cell._asdict(),
        "name": label(cell.model),
        "trained": label(cell.training),
        "moved": plan["studies"][cell.study]["trainings"][cell.training].get("classes"),
        "settings": plan.network(cell.model),
        "weights": {**source(weights), "element": elements[weights]},
    }
    if predictions is None:
        return found | {"positions": plan["studies"][cell.study]["positions"]}
    grid = read_table(inputs["grids"][name], ["n", "accuracy"], at_least=1)
    right = (grid.accuracy * grid.n).round().astype(int).tolist()
    measured = {**source(inputs["grids"][name]), "images": int(grid.n.iloc[0]), "right": right}
    answers = base64.b64encode(predictions.tobytes()).decode()
    return found | {"measured": measured, "predicted": {**source(inputs["predictions"][name]), "answers": answers}}
