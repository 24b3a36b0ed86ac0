"""Relative equivariance error against shift: a panel for each of EQUIVARIANCE, a line for each of its series.

Lines are medians over layers, networks and seeds; bars reach from the smallest to the largest.

Inputs:
    table: columns model, weights, layer, kind, padding, stride, scope, place, shift (pixels), error.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from invariance.drawing.parts import dodge, legend_below, whole_pixels
from invariance.drawing.style import DASHES, look_of, new_figure

COLUMNS: dict[str, list[str]] = {
    "table": ["model", "seed", "weights", "layer", "kind", "padding", "stride", "scope", "place", "shift", "error"]
}

ROUNDING = 2.0**-53  # of float64, relative
NOTHING = 1e-18  # where an error of 0 is drawn
# For each panel its series: which layers they are, and where.
EQUIVARIANCE = {
    "convolution, circular padding": {
        "stride 1": {"kind": "convolution", "padding": "circular", "stride": 1},
        "stride 2": {"kind": "convolution", "padding": "circular", "stride": 2},
    },
    "convolution, zero padding, behind the first layer": {
        "inside": {"kind": "convolution", "padding": "zeros", "stride": 1, "place": "inside"},
        "border": {"kind": "convolution", "padding": "zeros", "stride": 1, "place": "border"},
    },
    "halving the maps": {
        "max pooling": {"kind": "max_pool"},
        "average pooling": {"kind": "avg_pool"},
        "blur pooling, inside": {"kind": "blur_pool", "place": "inside"},
        "polyphase sampling": {"kind": "polyphase"},
    },
    "the whole network, to its head": {
        "fully connected": {"kind": "fully_connected"},
        "GAP, strides": {"kind": "global_average_pool", "behind": "convolution"},
        "GAP, polyphase": {"kind": "global_average_pool", "behind": "polyphase"},
    },
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the figure."""
    polyphase = table["model"].isin(set(table["model"][table["kind"] == "polyphase"]))
    table = table.assign(behind=polyphase.map({True: "polyphase", False: "convolution"}))
    alone = table[(table["scope"] == "layer") & ~((table["padding"] == "zeros") & (table["layer"] == 0))]
    rows = pd.concat([alone, table[table["place"] == "head"]])
    figure = new_figure(4.2)
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (title, series) in zip(panels.flat, EQUIVARIANCE.items(), strict=True):
        floor = axes.axhline(ROUNDING, color="0.5", linewidth=0.8, linestyle=DASHES[3])
        for (name, wanted), offset in zip(series.items(), dodge(len(series)), strict=True):
            chosen = rows[np.logical_and.reduce([rows[column] == value for column, value in wanted.items()])]
            equivariance_line(axes, chosen, offset, look_of(name, series, series)).set_label(name)
        axes.set_title(title, loc="left")
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.legend(loc="upper left", ncols=2, borderaxespad=0, labelspacing=0.3, columnspacing=1.2)
    error_axis(panels[0, 0])
    largest = int(table["shift"].max())
    whole_pixels(panels[0, 0], largest)
    panels[0, 0].set_xlim(0.5, largest + 0.5)
    for axes in panels[:, 0]:
        axes.set_ylabel("relative error")
    for axes in panels[-1]:
        axes.set_xlabel("shift (px)")
    grey = {"color": "0.3", "linewidth": 0.8, "marker": "o"}
    trained = Line2D([], [], linestyle=DASHES[0], markersize=3.5, **grey)
    untrained = Line2D([], [], linestyle=DASHES[2], markersize=6, markerfacecolor="white", **grey)
    legend_below(figure, {"trained": trained, "untrained": untrained, "rounding, $2^{-53}$": floor}, 3)
    return figure


def error_axis(axes: Axes) -> None:
    """Make the ordinate logarithmic down to rounding, with a place for 0 below it and room for a legend above 1."""
    powers = range(-16, 1, 4)
    axes.set_yscale("log")
    axes.set_ylim(NOTHING / 3, 1e7)
    axes.set_yticks([NOTHING, *(10.0**power for power in powers)], ["0", *(f"$10^{{{power}}}$" for power in powers)])
    axes.minorticks_off()


def equivariance_line(axes: Axes, rows: pd.DataFrame, offset: float, look: dict) -> object:
    """Draw one series, trained with filled points on a line, untrained with open ones; return the first's handle."""
    drawn = {
        "untrained": {"linestyle": DASHES[2], "markersize": 6.5, "markerfacecolor": "white"},
        "trained": {"linestyle": DASHES[0], "markersize": 3.5},
    }
    for weights, way in drawn.items():
        errors = rows[rows["weights"] == weights].groupby("shift")["error"].agg(["median", "min", "max"])
        errors = errors.clip(lower=NOTHING)
        reach = [errors["median"] - errors["min"], errors["max"] - errors["median"]]
        way = look | way | {"linewidth": 0.8, "markeredgewidth": 0.8, "markeredgecolor": look["color"]}
        handle = axes.errorbar(errors.index + offset, errors["median"], yerr=reach, elinewidth=0.6, **way)
    return handle
