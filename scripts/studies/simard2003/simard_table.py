"""Test error of every cell beside the published one, one panel per model, one row per training.

The interval for one more run is where a single run of ours, as the published one is of theirs, would fall. An interval
that reaches beyond twice the largest error is cut at the edge of the figure.

Inputs:
    table: one row per cell: model, training, and in percent, empty if there is none, published, mean, low, high,
        one_more_low, one_more_high, best, worst.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from invariance.drawing.parts import interval, legend_below, name_rows
from invariance.drawing.style import COLOURS, INK, new_figure
from invariance.results.labels import MODELS, in_order, label

COLUMNS: dict[str, list[str]] = {
    "table": [
        *("model", "training", "published", "mean", "low", "high"),
        *("one_more_low", "one_more_high", "best", "worst"),
    ]
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the figure."""
    models = in_order(table["model"], MODELS)
    figure = new_figure(0.95 + 0.24 * table["model"].value_counts().max())
    panels = figure.subplots(1, len(models), sharex=True, squeeze=False)[0]
    for axes, model in zip(panels, models, strict=True):
        handles = error_rows(axes, table[table["model"] == model])
        axes.set_title(label(model), loc="left")
    points = np.nanmax(table[["mean", "worst", "published"]].to_numpy(dtype=float))
    widest = np.nanmax([points, *table["one_more_high"].dropna()])
    for axes in panels:
        axes.set(xlim=(0, max(1.05 * min(widest, 2 * points), 0.1)), xlabel="test error (%)")
    legend_below(figure, handles, 2)
    return figure


def error_rows(axes: Axes, rows: pd.DataFrame) -> dict[str, object]:
    """Draw one model's rows, the first on top; return the legend's handles."""
    places = np.arange(len(rows))
    look = {"color": COLOURS[2], "elinewidth": 1, "capsize": 2, "markersize": 4.5}
    low, high = rows["one_more_low"].clip(lower=0), rows["one_more_high"]
    one_more = axes.hlines(places, low, high, color=COLOURS[2], alpha=0.25, linewidth=6)
    mean = axes.errorbar(rows["mean"], places, xerr=interval(rows), fmt="o", **look)
    ends = np.concatenate([rows["best"], rows["worst"]])
    (seeds,) = axes.plot(ends, np.tile(places, 2), "|", color=INK, markersize=8)
    hollow = {"markerfacecolor": "none", "markeredgecolor": COLOURS[1]}
    (published,) = axes.plot(rows["published"], places, "D", markersize=6, zorder=4, **hollow)
    name_rows(axes, [label(training) for training in rows["training"]])
    axes.grid()
    axes.spines["left"].set_visible(False)
    return {
        "ours: mean, interval over seeds": mean,
        "ours: interval for one more run": one_more,
        "ours: best and worst seed": seeds,
        "Simard et al. (2003), MNIST": published,
    }
