"""How well networks tell positions, as TeX."""

import pandas as pd

from invariance.paper import tex
from invariance.paper.tex import number, small, with_interval
from invariance.results.labels import label


def tabular(summary: pd.DataFrame) -> str:
    """Accuracy of telling positions, its lowest and highest seed, and drift: one row per model and training."""
    table = summary.set_index(["model", "training", "measure"])
    rows, several = [], summary.training.nunique() > 1
    for model, training in dict.fromkeys(zip(summary.model, summary.training, strict=True)):
        accuracy = table.loc[(model, training, "accuracy")]
        drifts = (table["worst"].get((model, training, name)) for name in ("drift", "float64_drift"))
        mean = with_interval(accuracy["mean"], accuracy.low, accuracy.high)
        between = f"{number(accuracy.worst)}--{number(accuracy.best)}"
        name = f"{label(model)}, {label(training)}" if several else label(model)
        rows.append((name, mean, between, *map(small, drifts)))
    header = ["Model", r"Position told (\%)", "Worst--best", "Drift", "Drift, float64"]
    return tex.tabular("lllrr", header, rows)
