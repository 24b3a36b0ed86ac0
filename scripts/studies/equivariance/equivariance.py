"""Relative equivariance error against shift, one panel per group of layers, one line per kind.

Lines are medians over layers, networks and seeds; bars reach from the smallest to the largest. Filled points are
trained networks, open points untrained ones.

Inputs:
    table: one row per measured error: model, weights (trained or untrained), layer (number), kind, padding, stride,
        scope (layer or network), place (inside, border, everywhere, background or head), shift (pixels), error
        (relative).
"""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from invariance.drawing.parts import dodge, legend_below, whole_pixels
from invariance.drawing.style import DASHES, look_of, new_figure
from invariance.results.labels import LAYERS, in_order, label

COLUMNS: dict[str, list[str]] = {
    "table": ["model", "weights", "layer", "kind", "padding", "stride", "scope", "place", "shift", "error"]
}
ROUNDING = 2.0**-53  # of float64, relative
NOTHING = 1e-18  # where an error of 0 is drawn
LOOKS = {
    "untrained": {"linestyle": DASHES[2], "markersize": 6.5, "markerfacecolor": "white"},
    "trained": {"linestyle": DASHES[0], "markersize": 3.5},
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the figure."""
    figure = new_figure(4.2)
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    groups = groups_of(table)
    for axes, (title, group) in zip(panels.flat, groups.items(), strict=True):
        floor = axes.axhline(ROUNDING, color="0.5", linewidth=0.8, linestyle=DASHES[3])
        draw_group(axes, table, group)
        axes.set(xlabel="shift (px)", ylabel="relative error")
        axes.set_title(title, loc="left")
        axes.label_outer()
        axes.grid(axis="y")
    error_axis(panels[0, 0], legend_lines=-(-max(map(len, groups.values())) // 2))
    largest = int(table["shift"].max())
    whole_pixels(panels[0, 0], largest)
    panels[0, 0].set_xlim(0.5, largest + 0.5)
    grey = {"color": "0.3", "linewidth": 0.8, "marker": "o"}
    handles = {weights: Line2D([], [], **grey | LOOKS[weights]) for weights in ("trained", "untrained")}
    legend_below(figure, handles | {"rounding, $2^{-53}$": floor}, 3)
    return figure


def groups_of(table: pd.DataFrame) -> dict[str, dict[str, pd.Series]]:
    """The lines of each panel that the table has rows for: name -> rows (bool)."""
    kind, place, stride = table["kind"], table["place"], table["stride"]
    alone, head = table["scope"] == "layer", place == "head"
    circular = alone & (kind == "convolution") & (table["padding"] == "circular")
    zeros = alone & (kind == "convolution") & (table["padding"] == "zeros") & (table["layer"] > 0) & (stride == 1)
    borderless = alone & place.isin(["inside", "everywhere"])
    pooled = head & (kind == "global_average_pool")
    polyphase = table["model"].isin(table["model"][kind == "polyphase"])
    kinds, heads = in_order(kind[alone], LAYERS), in_order(kind[head], LAYERS)
    groups = {
        "convolution, circular padding": {f"stride {n}": circular & (stride == n) for n in sorted(stride.unique())},
        "convolution, zero padding, behind the first layer": {n: zeros & (place == n) for n in ("inside", "border")},
        "downsampling, away from the border": {
            label(name): borderless & (kind == name) for name in kinds if name != "convolution"
        },
        "the whole network, to its head": {label(name): head & (kind == name) & ~pooled for name in heads}
        | {"GAP, strides": pooled & ~polyphase, "GAP, polyphase": pooled & polyphase},
    }
    return {title: {name: rows for name, rows in group.items() if rows.any()} for title, group in groups.items()}


def draw_group(axes: Axes, table: pd.DataFrame, group: Mapping[str, pd.Series]) -> None:
    """Draw the lines of one panel, with a legend above them."""
    handles = {}
    for (name, chosen), offset in zip(group.items(), dodge(len(group)), strict=True):
        rows = table[chosen]
        rows = rows.assign(shift=rows["shift"] + offset, error=rows["error"].clip(lower=NOTHING))
        look = look_of(name, group, group)
        for weights, way in LOOKS.items():
            sns.lineplot(
                rows[rows["weights"] == weights],
                x="shift",
                y="error",
                estimator="median",
                errorbar=("pi", 100),
                err_style="bars",
                err_kws={"elinewidth": 0.6},
                ax=axes,
                **look | way | {"linewidth": 0.8, "markeredgewidth": 0.8, "markeredgecolor": look["color"]},
            )
        handles[name] = axes.lines[-2]
    if handles:
        legend = {"loc": "upper left", "ncols": 2, "borderaxespad": 0, "labelspacing": 0.3, "columnspacing": 1.2}
        axes.legend(handles.values(), handles, **legend)


def error_axis(axes: Axes, legend_lines: int) -> None:
    """Make the y axis logarithmic down to rounding, with a place for 0 below and room for a legend above 1."""
    powers = range(-16, 1, 4)
    axes.set_yscale("log")
    axes.set_ylim(NOTHING / 3, 10.0 ** (1 + 3 * legend_lines))
    axes.set_yticks([NOTHING, *(10.0**power for power in powers)], ["0", *(f"$10^{{{power}}}$" for power in powers)])
    axes.minorticks_off()
