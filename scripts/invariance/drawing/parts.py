"""Parts that several figures share: lines with given intervals, rows with names, axes of pixels and percentages."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from invariance.record.artefacts import InputError
from invariance.results.labels import MODELS, in_order, label

PERCENT_STEPS = [(2, 0.5), (5, 1), (10, 2), (20, 5), (30, 10), (50, 10), (100, 20)]  # span, step of the ticks


def interval(rows: pd.DataFrame, highest: float = np.inf) -> np.ndarray:
    """Lengths (2, n) from the mean down to `low` and up to `high`; NaN, which draws nothing, without an interval.

    Errors, accuracies and radii lie between 0 and `highest`; intervals are cut there.
    """
    low, high = rows["low"].astype(float).clip(lower=0), rows["high"].astype(float).clip(upper=highest)
    return np.clip([rows["mean"] - low, high - rows["mean"]], 0, None)


def mean_line(axes: Axes, x: Sequence[float], rows: pd.DataFrame, highest: float = 100, **look) -> ErrorbarContainer:
    """Draw the means of `rows` against `x`, with their intervals up to `highest`; return the legend's handle.

    Matplotlib draws it, because seaborn draws only intervals that it computes itself.
    """
    return axes.errorbar(x, rows["mean"], yerr=interval(rows, highest), **{"elinewidth": 0.8, "capsize": 2} | look)


def dodge(series: int, width: float = 0.36) -> np.ndarray:
    """Small offsets, one per series, that keep intervals at the same x apart."""
    return np.linspace(-width / 2, width / 2, series) if series > 1 else np.zeros(series)


def whole_pixels(axes: Axes, largest: int, axis: str = "x") -> None:
    """Give the axis, x or y, a tick at every whole pixel from 0 to `largest`, with room for dodged points."""
    largest = max(largest, 1)
    axes.set(**{f"{axis}lim": (-0.35, largest + 0.35), f"{axis}ticks": range(largest + 1)})


def percent_axis(axes: Axes, rows: pd.DataFrame) -> None:
    """Make the y axis a percentage that ends at 100 and holds the means and intervals of `rows`.

    An interval that alone would more than double the range is cut at the lower edge.
    """
    below = 100 - rows["mean"].min()
    reach = min(np.nanmax([below, (100 - rows["low"].astype(float)).max()]), 2 * below)
    span, step = next((span, step) for span, step in PERCENT_STEPS if span >= reach or span == 100)
    axes.set(ylim=(100 - 1.02 * span, 100 + 0.03 * span), yticks=np.arange(100, 99.99 - span, -step)[::-1])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(axis="y")


def heat_map(axes: Axes, grid: pd.DataFrame) -> None:
    """Draw a grid of percentages, (dy, dx), with ticks at 0 and at half and all of its reach either way."""
    # Edges have the colour of their cell: without edges, PDF viewers show white lines between cells.
    edges = {"linecolor": "face", "linewidths": 0.1}
    sns.heatmap(grid, vmin=0, vmax=100, cmap="viridis", square=True, cbar=False, ax=axes, **edges)
    for axis, shifts in ((axes.xaxis, grid.columns), (axes.yaxis, grid.index)):
        reach = shifts.max()
        ticks = sorted({-reach, -(reach // 2), 0, reach // 2, reach})
        names = [str(tick).replace("-", "\N{MINUS SIGN}") for tick in ticks]
        axis.set_ticks([shifts.get_loc(tick) + 0.5 for tick in ticks], names, rotation=0)
    axes.spines[:].set_visible(True)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows 0, 1, ... of the y axis, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def named_cells(runs: pd.DataFrame, always: str) -> tuple[pd.Series, dict[str, str]]:
    """The cell of each row, model/training, and the name of each cell: its `always`, the other part where it varies."""
    cells = runs["model"] + "/" + runs["training"]
    parts = [part for part in ("model", "training") if part == always or runs[part].nunique() > 1]
    given = product(in_order(runs["model"], MODELS), in_order(runs["training"], ()))
    found = [dict(zip(("model", "training"), cell, strict=True)) for cell in given if "/".join(cell) in set(cells)]
    return cells, {"/".join(cell.values()): ", ".join(label(cell[part]) for part in parts) for cell in found}


def legend_below(figure: Figure, handles: Mapping[str, object], columns: int) -> None:
    """Put one legend for all panels below them; `handles` maps text to what was drawn."""
    columns = max(1, min(columns, len(handles)))
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns)


def numbered(trainings: Iterable[str], kind: str, unit: str) -> list[int]:
    """The numbers n of trainings that are all named <kind>_n.

    Raises:
        InputError: one is not.
    """
    numbers = []
    for training in trainings:
        prefix, _, number = training.partition("_")
        if prefix != kind or not number.isdigit():
            raise InputError(f"training {training!r}: this figure needs trainings named {kind}_<{unit}>, as {kind}_3")
        numbers.append(int(number))
    return numbers
