"""Radius of invariance against the range of training translations, and accuracy against shift size.

The first panel has one line per model. Each model then has a panel with one line per range.

Inputs:
    table: over seeds; model, training (range_<pixels>), measure, mean, low, high; `radius`, in pixels, is drawn.
    rings: over seeds; model, training, ring (pixels), measure, mean, low, high; `accuracy`, in percent, is drawn.
"""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from invariance.drawing.parts import dodge, mean_line, numbered, percent_axis, whole_pixels
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
    accuracy = with_range(rings, "accuracy").sort_values("ring", kind="stable")
    models = in_order(accuracy["model"], MODELS)
    figure = new_figure(2.7)
    first, *others = figure.subplots(1, 1 + len(models), squeeze=False)[0]
    radius_panel(first, table, int(max(accuracy["ring"].max(), accuracy["range"].max())))
    first.legend(loc="upper left", borderaxespad=0)
    for axes, model in zip(others, models, strict=True):
        range_panel(axes, accuracy[accuracy["model"] == model])
        if len(models) > 1:
            axes.set_title(label(model))
    return figure


def with_range(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The rows of a measure, with a column `range`, that of their training."""
    rows = table[table["measure"] == measure]
    return rows.assign(range=numbered(rows["training"], "range", "pixels"))


def radius_panel(axes: Axes, table: pd.DataFrame, largest: int = 0) -> None:
    """Draw the radius of invariance against the training range, with the line where both are equal.

    Args:
        axes: where to draw.
        table: as the figure's.
        largest: pixels that the axes must reach.
    """
    radius = with_range(table, "radius").sort_values("range")
    models = in_order(radius["model"], MODELS)
    largest = int(max(largest, radius["range"].max(), radius["mean"].max()))
    axes.plot([0, largest], [0, largest], color="0.5", linewidth=0.8, linestyle=DASHES[1], label="radius $= r$")
    for model, offset in zip(models, dodge(len(models), 0.2), strict=True):
        rows, look = radius[radius["model"] == model], look_of(model, models, MODELS)
        mean_line(axes, rows["range"] + offset, rows, largest, label=label(model), **look)
    for axis in "xy":
        whole_pixels(axes, largest, axis)
    axes.set(xlabel="range of training translations $r$ (px)", ylabel="radius of invariance (px)")


def range_panel(axes: Axes, accuracy: pd.DataFrame) -> None:
    """Draw one model's accuracy against shift size, a line for each training range, darker for larger ones."""
    ranges = sorted(accuracy["range"].unique())
    colours = sns.color_palette("viridis_r", as_cmap=True)(np.linspace(0.2, 1, len(ranges)))
    for pixels, colour, offset in zip(ranges, colours, dodge(len(ranges), 0.24), strict=True):
        rows = accuracy[accuracy["range"] == pixels]
        look = look_of(pixels, ranges, ()) | {"color": colour, "elinewidth": 0.6, "capsize": 0}
        mean_line(axes, rows["ring"] + offset, rows, label=str(pixels), **look)
    percent_axis(axes, accuracy)
    whole_pixels(axes, int(accuracy["ring"].max()))
    axes.set(xlabel=r"shift size $\max(|dx|, |dy|)$ (px)", ylabel="accuracy (%)")
    axes.legend(title="$r$ (px)", title_fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
