"""Test error of every cell beside the published one: a panel for each model, a line for each training.

An interval that runs on beyond twice the largest error is cut at the edge of the figure.

Inputs:
    table: columns model, training, published, mean, low, high, best, worst (percent; NaN where there is none).
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from invariance.drawing.parts import interval, legend_below
from invariance.drawing.style import COLOURS, INK, new_figure
from invariance.results.labels import MODELS, in_order, label

COLUMNS: dict[str, list[str]] = {"table": ["model", "training", "published", "mean", "low", "high", "best", "worst"]}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the figure."""
    models = in_order(table["model"], MODELS)
    counts = [int((table["model"] == model).sum()) for model in models]
    figure = new_figure(0.95 + 0.24 * max(counts))
    panels = figure.subplots(1, len(models), sharex=True, squeeze=False)[0]
    for axes, model in zip(panels, models, strict=True):
        handles = simard_rows(axes, table[table["model"] == model])
        axes.set_title(label(model), loc="left")
    points = np.nanmax(table[["mean", "worst", "published"]].to_numpy(dtype=float))
    widest = np.nanmax([points, *table["high"].dropna()])
    for axes in panels:
        axes.set_xlim(0, max(1.05 * min(widest, 2 * points), 0.1))
        axes.set_xlabel("test error (%)")
    legend_below(figure, handles, 3)
    return figure


def simard_rows(axes: Axes, rows: pd.DataFrame) -> dict[str, object]:
    """Draw one model's rows, the first on top; return the legend's handles."""
    places = np.arange(len(rows))
    mean = axes.errorbar(
        rows["mean"], places, xerr=interval(rows), fmt="o", color=COLOURS[2], elinewidth=1, capsize=2, markersize=4.5
    )
    seeds = axes.plot(
        np.concatenate([rows["best"], rows["worst"]]),
        np.tile(places, 2),
        "|",
        color=INK,
        markersize=8,
        linestyle="none",
    )[0]
    published = axes.plot(
        rows["published"], places, "D", markerfacecolor="none", markeredgecolor=COLOURS[1], markersize=6, zorder=4
    )[0]
    axes.set_yticks(places, [label(training) for training in rows["training"]])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="both", color="0.9", linewidth=0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return {
        "ours: mean, 95% interval over seeds": mean,
        "ours: best and worst seed": seeds,
        "Simard et al. (2003), MNIST": published,
    }
