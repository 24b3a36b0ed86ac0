"""Learning curves: validation error against epoch, one panel per model, one line per training.

Lines are means over seeds. Bands reach from the lowest to the highest seed, because the t-interval of two or three
seeds would cover the panel. An error of 0 is drawn on the lower edge.

Inputs:
    histories: one row per trained model and epoch: model, training, seed, epoch, validation_error (percent).
"""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from invariance.drawing.parts import legend_below
from invariance.drawing.style import look_of, new_figure
from invariance.results.labels import MODELS, TRAININGS, in_order, label

COLUMNS: dict[str, list[str]] = {"histories": ["epoch", "validation_error"]}


def draw(histories: pd.DataFrame) -> Figure:
    """Draw the figure."""
    models, trainings = in_order(histories["model"], MODELS), in_order(histories["training"], TRAININGS)
    figure = new_figure(3.0)
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    handles = {}
    for axes, model in zip(panels, models, strict=True):
        curves = histories[histories["model"] == model]
        for training in in_order(curves["training"], TRAININGS):
            sns.lineplot(
                curves[curves["training"] == training],
                x="epoch",
                y="validation_error",
                errorbar=("pi", 100),  # all seeds
                err_kws={"alpha": 0.15, "linewidth": 0},
                markevery=max(1, curves["epoch"].nunique() // 8),
                ax=axes,
                **look_of(training, trainings, TRAININGS),
            )
            handles[training] = axes.lines[-1]
        axes.set(title=label(model), xlabel="epoch", ylabel="validation error (%)")
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    log_percent_axis(panels[0], histories["validation_error"])
    legend_below(figure, {label(name): handles[name] for name in trainings}, 4)
    return figure


def log_percent_axis(axes: Axes, errors: pd.Series) -> None:
    """Make the y axis logarithmic, with plain numbers."""
    positive = errors[errors > 0]
    lowest, highest = (positive.min(), positive.max()) if len(positive) else (0.1, 100.0)
    axes.set_ylim(lowest / 1.15, highest * 1.15)
    axes.set_yscale("log", nonpositive="clip")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
