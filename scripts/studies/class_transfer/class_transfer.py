"""Error of shifted images, and how many are called a digit of another group: a bar for each training and group.

Bars are means over seeds and points the seeds; a bar is hollow where the training showed the group undistorted. The
line across a bar is the error of the unshifted images.

Inputs:
    runs: columns training, seed, group, shown (distorted, partly or plain), and in percent clean_error, mean_error
        and mean_called_other.
"""

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.parts import bar_look, legend_below
from invariance.drawing.style import INK, new_figure
from invariance.results.labels import in_order, label

COLUMNS: dict[str, list[str]] = {
    "runs": ["training", "seed", "group", "shown", "clean_error", "mean_error", "mean_called_other"]
}


def draw(runs: pd.DataFrame) -> Figure:
    """Draw the figure."""
    trainings, groups = in_order(runs["training"], ()), in_order(runs["group"], ())
    width = 0.8 / len(groups)
    figure = new_figure(3.1)
    errors, called = figure.subplots(1, 2)
    handles = {}
    for (number, group), (place, training) in itertools.product(enumerate(groups), enumerate(trainings)):
        rows = runs[(runs["group"] == group) & (runs["training"] == training)]
        x, shown = place + (number - (len(groups) - 1) / 2) * width, rows["shown"].iloc[0]
        look = bar_look(number, hollow=shown == "plain")
        for axes, measure in ((errors, "mean_error"), (called, "mean_called_other")):
            bar = axes.bar(x, rows[measure].mean(), 0.9 * width, **look)
            axes.plot(np.full(len(rows), x), rows[measure], ".", color=INK, markersize=4, zorder=3)
            name = {"distorted": "translated", "plain": "centred only"}.get(shown, "partly translated")
            handles.setdefault(f"digits {group}, {name} in training", bar)
        clean = errors.hlines(rows["clean_error"].mean(), x - 0.45 * width, x + 0.45 * width, INK, linewidth=1.4)
    for axes in (errors, called):
        axes.set_xticks(range(len(trainings)), ["\n".join(label(name).rsplit(" ", 1)) for name in trainings])
        axes.tick_params(axis="x", length=0)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.set_axisbelow(True)
    errors.set_ylabel("error of shifted images (%)")
    called.set_ylabel("called a digit of another group (%)")
    legend_below(figure, dict(sorted(handles.items())) | {"error of unshifted images": clean}, 2)
    return figure
