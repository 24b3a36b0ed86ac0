"""Radius of invariance against the range of training translations, and accuracy against shift size.

The first panel has a line for each model, and every model then has a panel with a line for each range.

Inputs:
    table: columns model, training (range_<pixels>), measure, mean, low, high; the measure `radius` is in pixels.
    rings: as for `accuracy_vs_shift`; of its measures only accuracy is drawn.
"""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from invariance.drawing.parts import dodge, interval, numbered, percent_axis, ring_line, whole_pixels
from invariance.drawing.style import DASHES, look_of, new_figure
from invariance.results.labels import MODELS, in_order, label

COLUMNS: dict[str, list[str]] = {
    "table": ["model", "training", "measure", "mean", "low", "high"],
    "rings": ["model", "training", "ring", "measure", "mean", "low", "high"],
}


def draw(table: pd.DataFrame, rings: pd.DataFrame) -> Figure:
    """Draw the figure.

    Raises:
        InputError: a training is not named range_<pixels>.
    """
    radius = table[table["measure"] == "radius"]
    radius = radius.assign(range=numbered(radius["training"], "range", "pixels")).sort_values("range")
    accuracy = rings[rings["measure"] == "accuracy"]
    accuracy = accuracy.assign(range=numbered(accuracy["training"], "range", "pixels"))
    models = in_order(accuracy["model"], MODELS)
    largest = int(max(accuracy["ring"].max(), accuracy["range"].max()))

    figure = new_figure(2.7)
    first, *others = figure.subplots(1, 1 + len(models), squeeze=False)[0]
    radius_panel(first, radius, largest)
    for axes, model in zip(others, models, strict=True):
        range_panel(axes, accuracy[accuracy["model"] == model])
        if len(models) > 1:
            axes.set_title(label(model))
    return figure


def radius_panel(axes: Axes, radius: pd.DataFrame, largest: int) -> None:
    """Draw the radius of invariance against the training range, with the line where both are equal."""
    models = in_order(radius["model"], MODELS)
    axes.plot([0, largest], [0, largest], color="0.5", linewidth=0.8, linestyle=DASHES[1], label="radius $= r$")
    for model, offset in zip(models, dodge(len(models), 0.2), strict=True):
        rows = radius[radius["model"] == model]
        look = look_of(model, models, MODELS)
        axes.errorbar(
            rows["range"] + offset,
            rows["mean"],
            yerr=interval(rows, largest),
            elinewidth=0.8,
            capsize=2,
            label=label(model),
            **look,
        )
    axes.set_ylim(-0.35, max(largest, 1) + 0.35)
    axes.yaxis.set_major_locator(FixedLocator(range(max(largest, 1) + 1)))
    whole_pixels(axes, largest)
    axes.set_xlabel("range of training translations $r$ (px)")
    axes.set_ylabel("radius of invariance (px)")
    axes.legend(loc="upper left", borderaxespad=0)


def range_panel(axes: Axes, accuracy: pd.DataFrame) -> None:
    """Draw one model's accuracy against shift size, a line for each training range, darker for larger ones."""
    ranges = sorted(accuracy["range"].unique())
    colours = sns.color_palette("viridis_r", as_cmap=True)(np.linspace(0.2, 1, len(ranges)))
    for position, (pixels, offset) in enumerate(zip(ranges, dodge(len(ranges), 0.24), strict=True)):
        look = look_of(str(pixels), map(str, ranges), ()) | {"color": colours[position]}
        ring_line(axes, accuracy[accuracy["range"] == pixels], offset, look).set_label(str(pixels))
    percent_axis(axes, accuracy)
    whole_pixels(axes, int(accuracy["ring"].max()))
    axes.set_xlabel(r"shift size $\max(|dx|, |dy|)$ (px)")
    axes.set_ylabel("accuracy (%)")
    axes.legend(title="$r$ (px)", title_fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
