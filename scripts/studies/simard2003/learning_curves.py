"""Validation error against epoch: a panel for each model, a line for each training.

Lines are means over seeds; bands reach from the lowest to the highest seed, since the t-interval of two or three
seeds would cover the panel.

Inputs:
    histories: columns model, training, seed, epoch, validation_error (percent).
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from invariance.drawing.parts import legend_below
from invariance.drawing.style import look_of, new_figure
from invariance.results.labels import MODELS, TRAININGS, in_order, label

COLUMNS: dict[str, list[str]] = {"histories": ["epoch", "validation_error"]}


def draw(histories: pd.DataFrame) -> Figure:
    """Draw the figure."""
    models = in_order(histories["model"], MODELS)
    trainings = in_order(histories["training"], TRAININGS)
    figure = new_figure(3.0)
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    handles = {}
    for axes, model in zip(panels, models, strict=True):
        curves = histories[histories["model"] == model]
        for training in in_order(curves["training"], TRAININGS):
            curve = curves[curves["training"] == training].groupby("epoch")["validation_error"]
            mean, low, high = curve.mean(), curve.min(), curve.max()
            look = look_of(training, trainings, TRAININGS)
            stride = max(1, len(mean) // 8)
            handles[label(training)] = axes.plot(mean.index, mean, markevery=stride, **look)[0]
            axes.fill_between(mean.index, low, high, color=look["color"], alpha=0.15, linewidth=0)
        axes.set_title(label(model))
        axes.set_xlabel("epoch")
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    log_percent_axis(panels[0], histories["validation_error"])
    panels[0].set_ylabel("validation error (%)")
    legend_below(figure, {label(name): handles[label(name)] for name in trainings}, 4)
    return figure


def log_percent_axis(axes: Axes, errors: pd.Series) -> None:
    """Make the ordinate logarithmic with plain numbers; an error of 0 is drawn on the lower edge."""
    positive = errors[errors > 0]
    lowest, highest = (positive.min(), positive.max()) if len(positive) else (0.1, 100.0)
    axes.set_ylim(lowest / 1.15, highest * 1.15)
    axes.set_yscale("log", nonpositive="clip")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
