"""What the page shows of a run: numbers, each with the file and line that it was read from, images and weights."""

import base64
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
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
MOST_WEIGHTS = 17_000_000  # characters, of the page's 20 MB
COLUMNS = ["model", "training", "trained_part", "ring", "group", "shown", "measure"]
COLUMNS += ["published", "mean", "low", "high", "line"]
CLAIM = ("id", "statement", "study", "number", "low", "high", "unit", "rule", "verdict", "threshold", "read_from")


def chosen_images(labels: np.ndarray, among: int) -> list[int]:
    """The first PER_CLASS images of each class among the first ones, at most MOST in all; labels uint8 (n,)."""
    first = labels[:among]
    return [int(i) for one in np.unique(first) for i in np.flatnonzero(first == one)[:PER_CLASS]][:MOST]


def source(path: str) -> dict[str, str]:
    """A file and its SHA-256; raises InputError if it is missing or was altered."""
    return {"path": path, "sha256": require_unaltered(path)}


def rows_of(name: str, path: str) -> dict[str, Any]:
    """A table: its file, and those columns and rows that the page shows, each row with its line in the file.

    Rows hold the numbers of words, which repeat: `words` has those of each column of text.
    """
    table = read_table(path)
    table = table.assign(line=np.arange(len(table)) + 2)
    if TABLES[name]:
        table = table[table.measure == TABLES[name]]
    table = table[[column for column in COLUMNS if column in table]]
    values = table.astype(object).where(table.notna(), None)
    words = {
        name: list(dict.fromkeys(values[name])) for name in table if not pd.api.types.is_numeric_dtype(table[name])
    }
    values = values.assign(**{name: values[name].map(found.index).astype(object) for name, found in words.items()})
    return {**source(path), "columns": list(table), "words": words, "rows": values.to_numpy().tolist()}


def content(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the page shows, as JSON can hold it, and the weights in base64 by their path.

    Args:
        inputs: as `invariance.plan.explored.inputs_of` lists them.

    Raises:
        InputError: a file is missing, altered or not what it should be.
    """
    plan = Plan(read_json(inputs["config"]))
    labels, images = load_array(inputs["labels"]), load_array(inputs["images"], mapped=True)
    predictions = {path: load_array(path) for path in inputs["predictions"].values()}
    digits = chosen_images(labels, min([len(labels), *(array.shape[1] for array in predictions.values())]))
    canvas, max_shift = canvas_of(plan) or (plan.data["side"], 0)
    weights = fitting(inputs["weights"].values())
    elements = {path: f"weights-{number}" for number, path in enumerate(weights)}
    cells = {str(cell): cell for cell in cells_of(plan)}
    shown = {
        "dataset": plan.dataset,
        "name": plan.data["title"],
        "noun": plan.data.get("noun", "picture"),
        "note": plan.note if "embedded" in plan.data else "",
        "licence": plan.data.get("licence", ""),
        "classes": plan.data["classes"],
        "classNames": plan.data.get("class_names", []),
        "canvas": canvas,
        "maxShift": max_shift,
        "imageSide": plan.data["side"],
        "digits": [{"index": index, "label": int(labels[index])} for index in digits],
        "images": base64.b64encode(zeros_counted(images[digits].tobytes())).decode(),
        "radiusConsistency": plan["measures"]["radius_consistency"],
        "networks": [network(plan, name, inputs, elements, cell) for name, cell in cells.items()],
        "measured": {path: measured(path) for path in inputs["grids"].values()},
        "predicted": {
            path: {"sha256": require_unaltered(path), "answers": runs(array[:, digits])}
            for path, array in predictions.items()
        },
        "claims": [{key: claim.get(key) for key in CLAIM} for claim in read_json(inputs["claims"])],
        "labels": {name: label(name) for name in names_of(plan)},
        "tables": {name: rows_of(name, path) for name, path in inputs["tables"].items()},
        "config": source(inputs["config"]),
    }
    return shown, {elements[path]: text for path, text in weights.items()}


def fitting(paths: Iterable[str]) -> dict[str, str]:
    """Weights in base64 by their path, as far as there is room on the page; it shows the others' recorded answers."""
    found, room = {}, MOST_WEIGHTS
    for path in dict.fromkeys(paths):
        text = base64.b64encode(Path(path).read_bytes()).decode()
        if len(text) <= room:
            found[path] = text
            room -= len(text)
    return found


def names_of(plan: Plan) -> list[str]:
    """The names of models and trainings, whose labels the page shows."""
    return [*plan["models"], *dict.fromkeys(name for its in plan["studies"].values() for name in its["trainings"])]


def network(
    plan: Plan, name: str, inputs: Mapping[str, Any], elements: Mapping[str, str], cell: Cell
) -> dict[str, Any]:
    """One trained model: its settings, and where its weights are and what the pipeline measured and predicted."""
    weights = inputs["weights"][name]
    found: dict[str, Any] = {
        **cell._asdict(),
        "moved": plan["studies"][cell.study]["trainings"][cell.training].get("classes"),
        "settings": plan.network(cell.model),
        "weights": {**source(weights), "element": elements.get(weights)},
    }
    if name not in inputs["grids"]:
        return found | {"positions": plan["studies"][cell.study]["positions"]}
    return found | {"measured": inputs["grids"][name], "predicted": inputs["predictions"][name]}


def measured(path: str) -> dict[str, Any]:
    """How many images a trained model read at each shift, in base 36; its CSV file has a line for each."""
    grid = read_table(path, ["n", "accuracy"], at_least=1)
    images = int(grid.n.iloc[0])
    digits = len(np.base_repr(images, 36))
    right = [np.base_repr(count, 36).zfill(digits) for count in (grid.accuracy * grid.n).round().astype(int)]
    return {"sha256": require_unaltered(path), "images": images, "digits": digits, "right": "".join(right)}


def runs(predictions: np.ndarray) -> str:
    """Predictions uint8 (shifts, n), image by image, as letters and counts: `b12e` is class 1 twelve times, then 4."""
    lengths = [(chr(ord("a") + one), len(list(run))) for one, run in groupby(predictions.T.ravel().tolist())]
    return "".join(f"{letter}{length if length > 1 else ''}" for letter, length in lengths)


def zeros_counted(data: bytes) -> bytes:
    """Bytes, most of them 0: each run of up to 255 zeros is a 0 and its length."""
    return re.sub(rb"\0{1,255}", lambda zeros: bytes([0, len(zeros[0])]), data)
