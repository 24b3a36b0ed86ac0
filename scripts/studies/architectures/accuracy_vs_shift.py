"""Accuracy and consistency against shift size: a line for each model.

There is a column of panels for each training and kind of head; each column has its own range of percentages.

Inputs:
    rings: columns model, training, ring (pixels), measure (accuracy or consistency), mean, low, high (percent).
"""

import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.parts import dodge, legend_below, percent_axis, ring_line, whole_pixels
from invariance.drawing.style import look_of, new_figure
from invariance.results.labels import MODELS, TRAININGS, in_order, label

COLUMNS: dict[str, list[str]] = {"rings": ["model", "training", "ring", "measure", "mean", "low", "high"]}

GLOBAL_POOLING = {"stride_gap", "stride_gap_circular", "polyphase_gap_circular", "phase_averaged"}


def draw(rings: pd.DataFrame) -> Figure:
    """Draw the figure."""
    models = in_order(rings["model"], MODELS)
    groups = training_and_head(rings)
    figure = new_figure(2.95 + 0.17 * -(-len(models) // 4))
    panels = figure.subplots(2, len(groups), sharex=True, sharey="col", squeeze=False)
    handles = {}
    for column, (title, group) in zip(panels.T, groups.items(), strict=True):
        for axes, measure in zip(column, ("accuracy", "consistency"), strict=True):
            chosen = group[group["measure"] == measure]
            present = in_order(chosen["model"], MODELS)
            for model, offset in zip(present, dodge(len(present)), strict=True):
                look = look_of(model, models, MODELS)
                handles[model] = ring_line(axes, chosen[chosen["model"] == model], offset, look)
            percent_axis(axes, group)
        column[0].set_title(title.replace(": ", "\n"), loc="left")
        column[-1].set_xlabel(r"shift size $\max(|dx|, |dy|)$ (px)")
    for axes, measure in zip(panels[:, 0], ("accuracy", "consistency"), strict=True):
        axes.set_ylabel(f"{measure} (%)")
    whole_pixels(panels[0, 0], int(rings["ring"].max()))
    legend_below(figure, {label(model): handles[model] for model in models}, 4)
    return figure


def training_and_head(rings: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split `rings` by training and, where a training has both, into models with and without global pooling."""
    groups = {}
    for training in in_order(rings["training"], TRAININGS):
        rows = rings[rings["training"] == training]
        pooled = rows["model"].isin(GLOBAL_POOLING)
        title = f"trained {label(training)}"
        if pooled.any() and not pooled.all():
            groups[f"{title}: fully connected heads"] = rows[~pooled]
            groups[f"{title}: global average pooling"] = rows[pooled]
        else:
            groups[title] = rows
    return groups
