"""How often each model tells the position, beside chance, and how far its logits differ between positions.

Every seed is a point, and a bar reaches to their mean. A difference of nothing is drawn on the left edge.

Inputs:
    runs: columns model, seed, chance and accuracy (percent), drift and float64_drift (standard deviations).
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from invariance.drawing.parts import bar_look, legend_below
from invariance.drawing.style import COLOURS, DASHES, INK, new_figure
from invariance.results.labels import MODELS, in_order, label

COLUMNS: dict[str, list[str]] = {"runs": ["model", "seed", "chance", "accuracy", "drift", "float64_drift"]}


def draw(runs: pd.DataFrame) -> Figure:
    """Draw the figure."""
    models = in_order(runs["model"], MODELS)
    figure = new_figure(0.95 + 0.4 * len(models))
    told, drifts = figure.subplots(1, 2, sharey=True)
    for place, model in enumerate(models):
        rows = runs[runs["model"] == model]
        told.barh(place, rows["accuracy"].mean(), 0.5, **bar_look(0))
        told.plot(rows["accuracy"], np.full(len(rows), place), ".", color=INK, markersize=5, zorder=3)
    chance = told.axvline(runs["chance"].iloc[0], color=INK, linestyle=DASHES[1], linewidth=1)
    told.set_xlim(0, 102)
    told.set_xlabel("position told rightly (%)")
    told.set_yticks(range(len(models)), [label(model) for model in models])
    told.set_ylim(len(models) - 0.5, -0.5)
    told.tick_params(axis="y", length=0)

    places = [models.index(model) for model in runs["model"]]
    looks = {"drift": ("o", COLOURS[2], "float32"), "float64_drift": ("D", COLOURS[1], "float64")}
    handles = {"chance": chance}
    for measure, (marker, colour, name) in looks.items():
        drawn = runs[measure].clip(lower=1e-17)
        handles[name] = drifts.plot(
            drawn, places, marker, markerfacecolor="none", markeredgecolor=colour, linestyle="none", clip_on=False
        )[0]
    drifts.set_xscale("log")
    drifts.set_xlim(1e-17, 1e2)
    drifts.xaxis.set_major_locator(LogLocator(numticks=6))
    drifts.set_xlabel("largest difference of a logit (sd)")
    drifts.tick_params(axis="y", length=0)
    for axes in (told, drifts):
        axes.grid(axis="x", color="0.9", linewidth=0.5)
        axes.set_axisbelow(True)
    legend_below(figure, handles, 3)
    return figure
