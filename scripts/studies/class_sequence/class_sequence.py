"""Error of shifted images of classes, by what was learned before them; a panel for each model.

Bars are means over seeds and groups of classes, points are each of them; hatched if only a part of the network went on
learning.

Inputs:
    runs: one row per model, trained part, group of classes and seed, with errors in percent.
"""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from invariance.drawing.parts import legend_below
from invariance.drawing.style import COLOURS, INK, new_figure
from invariance.results.labels import in_order, label
from studies.class_sequence.summary import PARTS

ERRORS = {
    "after_nothing_error": "nothing\nbefore",
    "after_plain_error": "others\ncentred",
    "after_distorted_error": "others\ntranslated",
    "distorted_itself_error": "translated\nthemselves",
}
HATCHES = {"all": "", "head": "////", "last_layer": "...."}
COLUMNS: dict[str, list[str]] = {"runs": ["model", "trained_part", "classes", "seed", *ERRORS]}


def draw(runs: pd.DataFrame) -> Figure:
    """Draw the figure."""
    models = in_order(runs["model"], ())
    errors = runs.melt(["model", "trained_part"], list(ERRORS), "before", "error")
    figure = new_figure(2.9)
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    handles = {}
    for axes, model in zip(panels, models, strict=True):
        rows = errors[errors["model"] == model]
        parts = in_order(rows["trained_part"], PARTS)
        look = {"x": "before", "y": "error", "hue": "trained_part", "order": list(ERRORS), "hue_order": parts}
        sns.barplot(rows, errorbar=None, gap=0.1, legend=False, ax=axes, **look)
        for part, bars in zip(parts, axes.containers, strict=True):
            colour = COLOURS[2 + list(PARTS).index(part)]
            for bar in bars:
                bar.set(facecolor="white" if HATCHES[part] else colour, edgecolor=colour, hatch=HATCHES[part])
            handles[f"went on learning: {PARTS[part]}"] = bars[0]
        ink = [INK] * len(parts)
        sns.stripplot(rows, dodge=True, jitter=False, palette=ink, size=2.4, legend=False, ax=axes, **look)
        axes.set_xticks(range(len(ERRORS)), list(ERRORS.values()))
        axes.tick_params(axis="x", length=0)
        axes.set(xlabel="", ylabel="error of shifted images (%)", title=label(model))
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
    legend_below(figure, handles, len(handles))
    return figure
