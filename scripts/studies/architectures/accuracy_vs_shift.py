"""Accuracy and consistency against shift size, one line per model.

Each training and kind of head has a column of panels, with its own range of percentages.

Inputs:
    rings: over seeds; model, training, ring (pixels), measure (accuracy or consistency), mean, low, high (percent).

Settings:
    pooled: the models that pool globally.
"""

from collections.abc import Container, Sequence

import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.parts import dodge, legend_below, mean_line, percent_axis, whole_pixels
from invariance.drawing.style import look_of, new_figure
from invariance.results.labels import MODELS, TRAININGS, in_order, label

COLUMNS: dict[str, list[str]] = {"rings": ["model", "training", "ring", "measure", "mean", "low", "high"]}


def draw(rings: pd.DataFrame, pooled: Sequence[str]) -> Figure:
    """Draw the figure."""
    models = in_order(rings["model"], MODELS)
    groups = training_and_head(rings.sort_values("ring", kind="stable"), pooled)
    figure = new_figure(2.95 + 0.17 * -(-len(models) // 4))
    panels = figure.subplots(2, len(groups), sharex=True, sharey="col", squeeze=False)
    handles = {}
    for column, (title, group) in zip(panels.T, groups.items(), strict=True):
        present = in_order(group["model"], MODELS)
        for axes, measure in zip(column, ("accuracy", "consistency"), strict=True):
            for model, offset in zip(present, dodge(len(present)), strict=True):
                rows = group[(group["measure"] == measure) & (group["model"] == model)]
                look = look_of(model, models, MODELS) | {"elinewidth": 0.6, "capsize": 0}
                handles[model] = mean_line(axes, rows["ring"] + offset, rows, **look)
            percent_axis(axes, group)
            if axes in panels[:, 0]:
                axes.set_ylabel(f"{measure} (%)")
        column[0].set_title(title, loc="left")
        column[-1].set_xlabel(r"shift size $\max(|dx|, |dy|)$ (px)")
    whole_pixels(panels[0, 0], int(rings["ring"].max()))
    legend_below(figure, {label(model): handles[model] for model in models}, 4)
    return figure


def training_and_head(rings: pd.DataFrame, with_pooling: Container[str]) -> dict[str, pd.DataFrame]:
    """Split `rings` by training, and a training that has both into models with and without global pooling."""
    groups = {}
    for training in in_order(rings["training"], TRAININGS):
        rows = rings[rings["training"] == training]
        pooled = rows["model"].isin(with_pooling)
        title = f"trained {label(training)}"
        if pooled.any() and not pooled.all():
            heads = "fully connected" if rows["model"][~pooled].isin(MODELS).all() else "other"
            groups[f"{title}\n{heads} heads"] = rows[~pooled]
            groups[f"{title}\nglobal average pooling"] = rows[pooled]
        else:
            groups[title] = rows
    return groups
