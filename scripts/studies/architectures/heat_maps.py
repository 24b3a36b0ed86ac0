"""Accuracy over the shift grid: a panel for each model and training, in the order given, on one colour scale.

Inputs:
    grids: columns model, training, seed, dx, dy (pixels; right and down are positive), accuracy (0..1).
"""

import textwrap

import pandas as pd
from matplotlib.figure import Figure

from invariance.drawing.style import new_figure
from invariance.results.labels import label

COLUMNS: dict[str, list[str]] = {"grids": ["dx", "dy", "accuracy"]}


def draw(grids: pd.DataFrame) -> Figure:
    """Draw the figure."""
    cells = list(dict.fromkeys(zip(grids["model"], grids["training"], strict=True)))
    rows = -(-len(cells) // 6)
    columns = -(-len(cells) // rows)
    side = min(2.6, 5.1 / columns - 0.12)
    narrow = columns > 3
    figure = new_figure(0.45 + rows * (side + (0.6 if narrow else 0.42)), layout="compressed")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    reach = max(int(grids["dx"].abs().max()), int(grids["dy"].abs().max()))
    for axes, (model, training) in zip(panels.flat, cells, strict=False):
        cell = grids[(grids["model"] == model) & (grids["training"] == training)]
        grid = 100 * cell.pivot_table(index="dy", columns="dx", values="accuracy", aggfunc="mean")
        extent = (grid.columns[0] - 0.5, grid.columns[-1] + 0.5, grid.index[-1] + 0.5, grid.index[0] - 0.5)
        image = axes.imshow(grid, cmap="viridis", vmin=0, vmax=100, interpolation="none", extent=extent)
        name = textwrap.fill(label(model), 16 if columns > 4 else 40)
        axes.set_title(f"{name}\ntrained {label(training)}", fontsize=7 if narrow else 8)
        axes.tick_params(labelsize=6.5 if narrow else 8)
        axes.set_xticks(grid_ticks(reach))
        axes.set_yticks(grid_ticks(reach))
        axes.spines[:].set_visible(True)
    used, spare = panels.flat[: len(cells)], panels.flat[len(cells) :]
    for axes in used[-columns:]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("$dx$, right (px)" if narrow else "$dx$, to the right (px)")
    for axes in panels[:, 0]:
        axes.set_ylabel("$dy$, down (px)")
    for axes in spare:
        axes.remove()
    figure.colorbar(image, ax=list(used), label="accuracy (%)", aspect=30 if rows > 1 else 12, pad=0.02)
    return figure


def grid_ticks(reach: int) -> list[int]:
    """Ticks of a shift axis: 0 and, both ways, half and all of its reach in whole pixels."""
    return sorted({-reach, -(reach // 2), 0, reach // 2, reach})
