"""Test error against the number of epochs, a line for each model, with the published error of each as a level.

Inputs:
    table: columns model, training (epochs_<number>), measure, mean, low, high; of the measures only test_error is
        drawn, in percent.
    published: columns model, training, error_percent: Table 1 of Simard; its elastic trainings are drawn.
"""

import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.parts import interval, numbered
from invariance.drawing.style import DASHES, look_of, new_figure
from invariance.results.labels import MODELS, in_order, label

COLUMNS: dict[str, list[str]] = {
    "table": ["model", "training", "measure", "mean", "low", "high"],
    "published": ["model", "training", "error_percent"],
}


def draw(table: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Draw the figure.

    Raises:
        InputError: a training is not named epochs_<number>.
    """
    errors = table[table["measure"] == "test_error"]
    errors = errors.assign(epochs=numbered(errors["training"], "epochs", "number")).sort_values("epochs")
    models = in_order(errors["model"], MODELS)
    figure = new_figure(2.1)
    axes = figure.subplots()
    for model in models:
        rows, look = errors[errors["model"] == model], look_of(model, models, MODELS)
        axes.errorbar(
            rows["epochs"], rows["mean"], yerr=interval(rows), elinewidth=0.8, capsize=2, label=label(model), **look
        )
        level = published[(published["model"] == model) & (published["training"] == "elastic")]
        for value in level["error_percent"].dropna():
            axes.axhline(value, color=look["color"], linewidth=0.8, linestyle=DASHES[2])
            axes.annotate(
                f"{label(model)}, published: {value:g}%",
                (0, value),
                xycoords=("axes fraction", "data"),
                xytext=(4, 2),
                textcoords="offset points",
                fontsize=8,
            )
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(errors["epochs"].unique()), [str(epochs) for epochs in sorted(errors["epochs"].unique())])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("epochs of training on elastic distortions")
    axes.set_ylabel("test error (%)")
    axes.grid(axis="y", color="0.9", linewidth=0.5)
    axes.legend(loc="upper right", borderaxespad=0)
    return figure
