"""The figures of a network that was measured: what it saw, its heat map, and accuracy against the size of the shift."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.parts import heat_map, percent_axis, whole_pixels
from invariance.drawing.style import COLOURS, DASHES, MARKERS, new_figure


def draw_seen(seen: Mapping[tuple[int, int], np.ndarray]) -> Figure:
    """One image, uint8 (c, h, w), at shifts (dx, dy), side by side."""
    figure = new_figure(1.5, layout="compressed")
    for axes, (shift, image) in zip(figure.subplots(1, len(seen), squeeze=False)[0], seen.items(), strict=True):
        axes.imshow(image.transpose(1, 2, 0), cmap="gray", vmin=0, vmax=255)
        axes.set(title=f"{shift}", xticks=[], yticks=[])
    return figure


def draw_heat_map(grid: pd.DataFrame) -> Figure:
    """Accuracy and consistency at every shift, side by side; columns dx, dy (pixels), accuracy, consistency (0..1)."""
    figure = new_figure(3.1, layout="compressed")
    panels = figure.subplots(1, 2)
    for axes, measure in zip(panels, ("accuracy", "consistency"), strict=True):
        heat_map(axes, 100 * grid.pivot(index="dy", columns="dx", values=measure))
        axes.set(title=measure, xlabel="$dx$, right (px)", ylabel="$dy$, down (px)" if axes is panels[0] else "")
    colours = figure.colorbar(panels[0].collections[0], ax=panels, aspect=14, pad=0.02)
    colours.set_label("images (%)")
    colours.outline.set_visible(False)
    return figure


def draw_rings(rings: pd.DataFrame) -> Figure:
    """Accuracy and consistency against the size of the shift; columns ring (pixels), accuracy, consistency (0..100)."""
    figure = new_figure(2.8)
    axes = figure.subplots()
    for number, measure in enumerate(("accuracy", "consistency")):
        look = {"color": COLOURS[number], "marker": MARKERS[number], "linestyle": DASHES[number]}
        axes.plot(rings["ring"], rings[measure], label=measure, **look)
    values = rings[["accuracy", "consistency"]].to_numpy().ravel()
    percent_axis(axes, pd.DataFrame({"mean": values, "low": values}))
    axes.set(xlabel=r"shift size $\max(|dx|, |dy|)$ (px)", ylabel="images (%)")
    whole_pixels(axes, int(rings["ring"].max()))
    axes.legend(loc="best")
    return figure
