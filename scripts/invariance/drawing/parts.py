"""Shared parts of figures."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from invariance.drawing.style import COLOURS
from invariance.record.artefacts import InputError

PERCENT_STEPS = [(2, 0.5), (5, 1), (10, 2), (20, 5), (30, 10), (50, 10), (100, 20)]  # span of an axis, ticks


def interval(rows: pd.DataFrame, highest: float = np.inf) -> np.ndarray:
    """Lengths (2, n) from the mean down to `low` and up to `high`, NaN, which draws nothing, where there is none.

    Errors, accuracies and radii lie between 0 and `highest`, and so does the part of the interval that is drawn.
    """
    low, high = rows["low"].astype(float).clip(lower=0), rows["high"].astype(float).clip(upper=highest)
    return np.clip([rows["mean"] - low, high - rows["mean"]], 0, None)


def dodge(series: int, width: float = 0.36) -> np.ndarray:
    """Small offsets, one for each series, that keep the intervals at one abscissa apart."""
    return np.linspace(-width / 2, width / 2, series) if series > 1 else np.zeros(series)


def whole_pixels(axes: Axes, largest: int) -> None:
    """Give the abscissa a tick at every whole pixel from 0 to `largest`, with room for dodged points."""
    axes.set_xlim(-0.35, max(largest, 1) + 0.35)
    axes.xaxis.set_major_locator(FixedLocator(range(max(largest, 1) + 1)))


def percent_axis(axes: Axes, rows: pd.DataFrame) -> None:
    """Make the ordinate a percentage that ends at 100 and holds the means and intervals of `rows`.

    An interval that alone would more than double the range is cut at the lower edge.
    """
    below = 100 - rows["mean"].min()
    reach = min(np.nanmax([below, (100 - rows["low"].astype(float)).max()]), 2 * below)
    span, step = next((span, step) for span, step in PERCENT_STEPS if span >= reach or span == 100)
    axes.set_ylim(100 - 1.02 * span, 100 + 0.03 * span)
    axes.set_yticks(np.arange(100, 99.99 - span, -step)[::-1])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="y", color="0.9", linewidth=0.5)


def ring_line(axes: Axes, rows: pd.DataFrame, offset: float, look: dict) -> object:
    """Draw the mean against ring, with its interval, `offset` pixels to the right; return the line's handle."""
    rows = rows.sort_values("ring")
    return axes.errorbar(
        rows["ring"] + offset, rows["mean"], yerr=interval(rows, 100), elinewidth=0.6, capsize=0, **look
    )


def bar_look(number: int, hollow: bool = False) -> dict:
    """Face, edge and hatching of the bars of a series; each has its own grey too."""
    colour = COLOURS[(2, 3, 4, 1)[number % 4]]
    return {
        "facecolor": "white" if hollow else colour,
        "edgecolor": colour,
        "hatch": ("", "////", "....", "xxxx")[number % 4] if hollow else None,
        "linewidth": 1,
    }


def legend_below(figure: Figure, handles: Mapping[str, object], columns: int) -> None:
    """Put one legend for all panels below them; `handles` maps text to what was drawn."""
    columns = max(1, min(columns, len(handles)))
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns)


def numbered(trainings: Iterable[str], kind: str, unit: str) -> list[int]:
    """The numbers n of trainings that are all named <kind>_n."""
    numbers = []
    for training in trainings:
        prefix, _, number = training.partition("_")
        if prefix != kind or not number.isdigit():
            raise InputError(f"training {training!r}: this figure needs trainings named {kind}_<{unit}>, as {kind}_3")
        numbers.append(int(number))
    return numbers
