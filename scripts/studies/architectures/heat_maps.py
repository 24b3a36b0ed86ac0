"""Heat maps: accuracy over the grid of shifts, one panel per model and training, on one colour scale.

Panels show means over seeds, in the order of the rows.

Inputs:
    grids: one row per trained model and shift: model, training, seed, dx, dy (pixels; right and down are positive),
        accuracy (0..1).
"""

import textwrap

import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.parts import heat_map
from invariance.drawing.style import new_figure
from invariance.results.labels import label

COLUMNS: dict[str, list[str]] = {"grids": ["dx", "dy", "accuracy"]}


def draw(grids: pd.DataFrame) -> Figure:
    """Draw the figure."""
    cells = grids.groupby(["model", "training"], sort=False)
    rows = -(-len(cells) // 6)
    columns = -(-len(cells) // rows)
    small = columns > 3
    side = min(2.6, 5.1 / columns - 0.12)
    figure = new_figure(0.45 + rows * (side + (0.6 if small else 0.42)), layout="compressed")
    panels = figure.subplots(rows, columns, squeeze=False)
    for number, (axes, ((model, training), cell)) in enumerate(zip(panels.flat, cells, strict=False)):
        heat_map(axes, 100 * cell.pivot_table(index="dy", columns="dx", values="accuracy"))
        name = textwrap.fill(label(model), 16 if columns > 4 else 40)
        axes.set_title(f"{name}\ntrained {label(training)}", fontsize=7 if small else 8)
        lowest, leftmost = number + columns >= len(cells), number % columns == 0
        axes.set(xlabel="$dx$, right (px)" if lowest else "", ylabel="$dy$, down (px)" if leftmost else "")
        axes.tick_params(labelsize=6.5 if small else 8, labelbottom=lowest, labelleft=leftmost)
    used = list(panels.flat[: len(cells)])
    for axes in panels.flat[len(cells) :]:
        axes.remove()
    colours = figure.colorbar(used[0].collections[0], ax=used, aspect=30 if rows > 1 else 12, pad=0.02)
    colours.set_label("accuracy (%)")
    colours.outline.set_visible(False)
    return figure
