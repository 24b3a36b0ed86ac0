"""Error of shifted images, and how many are called a class of another group, one bar per cell and group.

Bars are means over seeds, points are seeds. A bar is hollow if training showed the group undistorted. The line across a
bar is the error of the unshifted images.

Inputs:
    runs: one row per trained model and group: model, training, seed, group, shown (distorted, partly or plain), and
        in percent clean_error, mean_error, mean_called_other.
"""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from invariance.drawing.parts import legend_below, named_cells
from invariance.drawing.style import COLOURS, INK, new_figure
from invariance.results.labels import in_order

COLUMNS: dict[str, list[str]] = {
    "runs": ["model", "training", "seed", "group", "shown", "clean_error", "mean_error", "mean_called_other"]
}
MEASURES = {"mean_error": "error of shifted images (%)", "mean_called_other": "called a class of another group (%)"}
SHOWN = {"distorted": "translated", "plain": "centred only", "partly": "partly translated"}


def draw(runs: pd.DataFrame) -> Figure:
    """Draw the figure."""
    runs = runs.dropna(subset=list(MEASURES))  # of groups without an image
    cells, names = named_cells(runs, "training")
    runs, groups = runs.assign(cell=cells), in_order(runs["group"], ())
    order = {"x": "cell", "hue": "group", "order": list(names), "hue_order": groups, "legend": False}
    figure = new_figure(3.1)
    panels = figure.subplots(1, 2)
    handles, ends = {}, []
    for axes, (measure, name) in zip(panels, MEASURES.items(), strict=True):
        sns.barplot(runs, y=measure, errorbar=None, gap=0.1, ax=axes, **order)
        for number, (group, bars) in enumerate(zip(groups, axes.containers, strict=True)):
            of_group = runs[runs["group"] == group]
            for cell, bar in zip([name for name in names if name in set(of_group["cell"])], bars, strict=True):
                rows = of_group[of_group["cell"] == cell]
                shown = rows["shown"].iloc[0]
                bar.set(**bar_look(number, hollow=shown == "plain"))
                handles[f"classes {group}, {SHOWN[shown]} in training"] = bar
                ends.append((rows["clean_error"].mean(), bar.get_x(), bar.get_x() + bar.get_width()))
        sns.stripplot(
            runs, y=measure, dodge=True, jitter=False, palette=[INK] * len(groups), size=2.7, ax=axes, **order
        )
        axes.set_xticks(range(len(names)), ["\n".join(name.rsplit(" ", 1)) for name in names.values()])
        axes.tick_params(axis="x", length=0)
        axes.set(xlabel="", ylabel=name)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
    clean = panels[0].hlines(*zip(*ends[: len(ends) // 2], strict=True), INK, linewidth=1.4)
    legend_below(figure, dict(sorted(handles.items())) | {"error of unshifted images": clean}, 2)
    return figure


def bar_look(number: int, hollow: bool) -> dict:
    """Face, edge and hatching of the bars of a group; each has its own grey too."""
    colour = COLOURS[(2, 3, 4, 1)[number % 4]]
    return {
        "facecolor": "white" if hollow else colour,
        "edgecolor": colour,
        "hatch": ("", "////", "....", "xxxx")[number % 4] if hollow else None,
        "linewidth": 1,
    }
