"""A specification curve: the test error of each reading, sorted, and below it what the reading changes.

Inputs:
    tables: by name; one row per reading: mean, low, high, one_more_low and one_more_high (percent), and its choices.
    table1: the published errors: model, training, error_percent.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.parts import interval, legend_below
from invariance.drawing.style import COLOURS, INK, new_figure
from studies.readings.summary import changes, joined, published_error, words

COLUMNS: dict[str, list[str]] = {
    "tables": ["mean", "low", "high", "one_more_low", "one_more_high"],
    "table1": ["model", "training", "error_percent"],
}


def draw(tables: Mapping[str, pd.DataFrame], table1: pd.DataFrame) -> Figure:
    """Draw the figure."""
    curve = joined(tables)
    changed = [[words(name, value) for name, value in reading.items()] for reading in changes(curve)]
    rows = list(dict.fromkeys(what for reading in changed for what in reading))
    figure = new_figure(2.2 + 0.17 * len(rows))
    errors, marks = figure.subplots(2, 1, sharex=True, height_ratios=[2.0, 0.17 * len(rows) + 0.1])
    places = np.arange(len(curve))
    low, high = curve["one_more_low"].clip(lower=0), curve["one_more_high"]
    one_more = errors.vlines(places, low, high, color=COLOURS[2], alpha=0.25, linewidth=6)
    look = {"fmt": "o", "color": COLOURS[2], "elinewidth": 1, "capsize": 2, "markersize": 4.5}
    mean = errors.errorbar(places, curve["mean"], yerr=interval(curve), **look)
    published = errors.axhline(published_error(table1), color=COLOURS[1], linestyle="--", linewidth=1)
    errors.set(ylabel="test error (%)", ylim=(0, None))
    errors.grid(axis="y")
    for place, reading in enumerate(changed):
        here = [rows.index(what) for what in reading]
        marks.plot([place] * len(here), here, "s", color=INK, markersize=4.5)
        if not here:
            for axes in (errors, marks):
                axes.axvspan(place - 0.5, place + 0.5, color="0.93", zorder=0)
    marks.set_yticks(range(len(rows)), rows)
    marks.set(ylim=(len(rows) - 0.4, -0.6), xlim=(-0.6, len(curve) - 0.4), xticks=[])
    marks.set_xlabel("readings, each with the marked change; shaded: none")
    marks.grid(axis="y")
    handles = {
        "mean, interval over seeds": mean,
        "interval for one more run": one_more,
        "Simard et al. (2003)": published,
    }
    legend_below(figure, handles, 3)
    return figure
