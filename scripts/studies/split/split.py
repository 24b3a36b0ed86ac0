"""Mean error over shifts of every architecture with every augmentation, and how the variance splits between them.

Inputs:
    table: over seeds; model, training, measure, mean, low, high; `mean_error`, in percent, is drawn.
    shares: over seeds; measure, share (the source of variance), mean (percent); empty if some architecture lacks an
        augmentation.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from invariance.drawing.parts import dodge, mean_line, name_rows
from invariance.drawing.style import COLOURS, look_of, new_figure
from invariance.results.labels import MODELS, TRAININGS, in_order, label

COLUMNS: dict[str, list[str]] = {
    "table": ["model", "training", "measure", "mean", "low", "high"],
    "shares": ["measure", "share", "mean"],
}
MAY_BE_EMPTY = ["shares"]
BARS = [(COLOURS[2], ""), (COLOURS[4], "////"), (COLOURS[3], "....")]  # colour and hatching of each source
ROOM = 8  # percent: a narrower bar has no room for its number


def draw(table: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Draw the figure."""
    figure = new_figure(2.9)
    lines, bars = figure.subplots(1, 2)
    error_lines(lines, table[table["measure"] == "mean_error"])
    share_bars(bars, shares)
    return figure


def error_lines(axes: Axes, errors: pd.DataFrame) -> None:
    """Draw the error against the augmentation, one line per architecture."""
    models, trainings = in_order(errors["model"], MODELS), in_order(errors["training"], TRAININGS)
    for model, offset in zip(models, dodge(len(models), 0.12), strict=True):
        rows = errors[errors["model"] == model].set_index("training").reindex(trainings)
        look = look_of(model, models, MODELS)
        mean_line(axes, np.arange(len(trainings)) + offset, rows, label=label(model), **look)
    axes.set_xticks(range(len(trainings)), map(label, trainings))
    axes.set(xlabel="augmentation", ylabel="mean error over shifts (%)", xlim=(-0.35, len(trainings) - 0.65))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    if models:
        axes.legend(loc="best")


def share_bars(axes: Axes, shares: pd.DataFrame) -> None:
    """Draw one stacked bar per measure: the share of each source of variance."""
    measures, sources = in_order(shares["measure"], ()), in_order(shares["share"], ())
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    left = np.zeros(len(measures))
    for number, source in enumerate(sources):
        means = shares[shares["share"] == source].set_index("measure")["mean"].reindex(measures).to_numpy()
        colour, hatch = BARS[number % len(BARS)]
        look = {"color": colour, "hatch": hatch, "edgecolor": "white", "label": source}
        bars = axes.barh(range(len(measures)), means, 0.5, left=left, **look)
        texts = [f"{share:.0f}%" if share > ROOM else "" for share in means]
        axes.bar_label(bars, texts, label_type="center", bbox=paper)
        left += means
    name_rows(axes, [label(measure).replace(" ", "\n", 1) for measure in measures])
    axes.set(xlim=(0, 100), xlabel="share of the variance (%)")
    axes.spines["left"].set_visible(False)
    if sources:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(sources), columnspacing=1)
