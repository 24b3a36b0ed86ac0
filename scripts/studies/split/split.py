"""Mean error over shifts of every architecture with every augmentation, and how the variance splits.

Inputs:
    table: columns model, training, measure, mean, low, high; of its measures `mean_error`, in percent, is drawn.
    shares: columns measure, share, mean (percent); no rows where some architecture lacks an augmentation.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from invariance.drawing.parts import dodge, interval
from invariance.drawing.style import COLOURS, look_of, new_figure
from invariance.results.labels import MEASURES, MODELS, TRAININGS, in_order, label

COLUMNS: dict[str, list[str]] = {
    "table": ["model", "training", "measure", "mean", "low", "high"],
    "shares": ["measure", "share", "mean"],
}
MAY_BE_EMPTY = ["shares"]


def draw(table: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Draw the figure."""
    errors = table[table["measure"] == "mean_error"]
    models, trainings = in_order(errors["model"], MODELS), in_order(errors["training"], TRAININGS)
    figure = new_figure(2.9)
    lines, bars = figure.subplots(1, 2, width_ratios=(1, 1))
    for model, offset in zip(models, dodge(len(models), 0.12), strict=True):
        rows = errors[errors["model"] == model].set_index("training").reindex(trainings)
        look = look_of(model, models, MODELS)
        places = np.arange(len(trainings)) + offset
        lines.errorbar(
            places, rows["mean"], yerr=interval(rows, 100), elinewidth=0.8, capsize=2, label=label(model), **look
        )
    lines.set_xticks(range(len(trainings)), [label(training) for training in trainings])
    lines.set_xlim(-0.35, len(trainings) - 0.65)
    lines.set_ylim(bottom=0)
    lines.set_xlabel("augmentation")
    lines.set_ylabel("mean error over shifts (%)")
    lines.grid(axis="y", color="0.9", linewidth=0.5)
    if models:
        lines.legend(loc="best")
    share_bars(bars, shares)
    return figure


def share_bars(axes: Axes, shares: pd.DataFrame) -> None:
    """Draw one stacked bar for each measure: the share of each source of variance."""
    measures, sources = in_order(shares["measure"], MEASURES), in_order(shares["share"], ())
    left = np.zeros(len(measures))
    hatches = ("", "////", "....")
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    for number, source in enumerate(sources):
        means = shares[shares["share"] == source].set_index("measure")["mean"].reindex(measures).to_numpy()
        colour = COLOURS[(2, 4, 3)[number % 3]]
        axes.barh(
            range(len(measures)),
            means,
            0.5,
            left=left,
            color=colour,
            edgecolor="white",
            hatch=hatches[number % 3],
            label=source,
        )
        for place, (start, share) in enumerate(zip(left, means, strict=True)):
            if share > 8:
                axes.text(start + share / 2, place, f"{share:.0f}%", ha="center", va="center", bbox=paper)
        left += means
    axes.set_yticks(range(len(measures)), [label(measure).replace(" ", "\n", 1) for measure in measures])
    axes.set_ylim(max(len(measures), 1) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the variance (%)")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if sources:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(sources), columnspacing=1)
