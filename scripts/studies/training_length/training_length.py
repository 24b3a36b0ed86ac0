"""Test error against the number of epochs, one line per model, with the published error as a level.

Inputs:
    table: over seeds; model, training (epochs_<number>), measure, mean, low, high; `test_error`, in percent, is drawn.
    published: Table 1 of Simard et al. (2003): model, training, error_percent; the training `elastic` is drawn.
"""

import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.parts import mean_line, numbered
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
        mean_line(axes, rows["epochs"], rows, label=label(model), **look)
        level = published[(published["model"] == model) & (published["training"] == "elastic")]
        for value in level["error_percent"].dropna():
            axes.axhline(value, color=look["color"], linewidth=0.8, linestyle=DASHES[2])
            text = f"{label(model)}, published: {value:g}%"
            place = {"xycoords": ("axes fraction", "data"), "xytext": (4, 2), "textcoords": "offset points"}
            axes.annotate(text, (0, value), fontsize=8, **place)
    axes.set_xscale("log", base=2)
    epochs = sorted(errors["epochs"].unique())
    axes.set_xticks(epochs, map(str, epochs))
    axes.set(xlabel="epochs of training on elastic distortions", ylabel="test error (%)")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    axes.legend(loc="upper right", borderaxespad=0)
    return figure
