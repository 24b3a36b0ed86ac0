"""How well networks tell positions, as TeX."""

import pandas as pd

from invariance.paper import tex
from invariance.paper.tex import number, small, with_interval
from invariance.results.labels import label


def tabular(summary: pd.DataFrame) -> str:
    """How well positions are told: one row per model and training, with the lowest and highest seed, and drift."""
    table = summary.set_index(["model", "training", "measure"])
    rows = []
    for model, training in dict.fromkeys(zip(summary.model, summary.training, strict=True)):
        told = table.loc[(model, training, "accuracy")]
        drifts = (table["worst"].get((model, training, name)) for name in ("drift", "float64_drift"))
        between = f"{number(told.worst)}--{number(told.best)}"
        rows.append((label(model), with_interval(told["mean"], told.low, told.high), between, *map(small, drifts)))
    header = ["Model", r"Position told (\%)", "Worst--best", "Drift", "Drift, float64"]
    return tex.tabular("lllrr", header, rows)
