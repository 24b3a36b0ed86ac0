"""How often each cell tells the position, beside chance, and how far its logits differ between positions.

Points are seeds, bars their means. A difference of 0 is drawn on the left edge.

Inputs:
    runs: one row per trained model: model, training, seed, chance and accuracy (percent), drift and float64_drift
        (standard deviations of the logits).
"""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from invariance.drawing.parts import legend_below, name_rows, named_cells
from invariance.drawing.style import COLOURS, DASHES, INK, new_figure

COLUMNS: dict[str, list[str]] = {"runs": ["model", "training", "seed", "chance", "accuracy", "drift", "float64_drift"]}
NOTHING = 1e-17  # where a difference of 0 is drawn
LOOKS = {"drift": ("float32", "o", COLOURS[2]), "float64_drift": ("float64", "D", COLOURS[1])}


def draw(runs: pd.DataFrame) -> Figure:
    """Draw the figure."""
    cells, names = named_cells(runs, "model")
    figure = new_figure(0.95 + 0.4 * len(names))
    right, drifts = figure.subplots(1, 2, sharey=True)
    rows = {"data": runs.assign(cell=cells), "y": "cell", "order": list(names)}
    sns.barplot(x="accuracy", errorbar=None, width=0.5, color=COLOURS[2], saturation=1, ax=right, **rows)
    sns.stripplot(x="accuracy", jitter=False, color=INK, size=3, clip_on=False, ax=right, **rows)
    chance = right.axvline(runs["chance"].iloc[0], color=INK, linestyle=DASHES[1], linewidth=1)
    right.set(xlim=(0, 102), xlabel="position predicted correctly (%)", ylabel="")

    handles = {"chance": chance}
    places = cells.map(list(names).index)
    for measure, (name, marker, colour) in LOOKS.items():
        look = {"markerfacecolor": "none", "markeredgecolor": colour, "clip_on": False}
        (handles[name],) = drifts.plot(runs[measure].clip(lower=NOTHING), places, marker, **look)
    drifts.set(xscale="log", xlim=(NOTHING, 1e2), xlabel="largest difference of a logit (sd)")
    drifts.xaxis.set_major_locator(LogLocator(numticks=6))
    name_rows(right, list(names.values()))
    for axes in (right, drifts):
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
    legend_below(figure, handles, 3)
    return figure
