"""The figure of the benchmark: images per second of every contender, on a logarithmic axis, one panel per loop."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from invariance.drawing.parts import dodge, legend_below
from invariance.drawing.style import COLOURS
from speed.report import CEILING, OURS, PARTS, PLAIN, PRODUCTS, Row, network

SIZE = (10.0, 6.4)  # inches
# Only ours is filled, so that it stands out in grey too.
LOOKS = {
    OURS: {"marker": "o", "color": COLOURS[2], "markersize": 7, "zorder": 5},
    PLAIN: {"marker": "s", "color": COLOURS[1]},
    "another peer": {"marker": "D", "color": COLOURS[0]},
    PRODUCTS: {"marker": "|", "color": "0.5", "markersize": 9, "markeredgewidth": 2},
}


def speed_figure(rows: Sequence[Row]) -> Figure:
    """Distorting on the left, one panel per distortion; training and evaluating on the right.

    Args:
        rows: of the summary, with `loop`, `task`, `contender`, `median`, `lowest`, `highest` (images a second).
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    left, right = figure.subfigures(1, 2)
    handles: dict[str, object] = {}
    chosen = [row for row in rows if row["loop"] == "distorting" and row["task"] not in (CEILING, PARTS)]
    panels = {f"distorting: {task}": contenders_of(chosen, task) for task in dict.fromkeys(r["task"] for r in chosen)}
    draw_column(left, panels, handles)
    draw_column(right, {loop: networks_of(rows, loop) for loop in ("training", "evaluating")}, handles)
    legend_below(figure, {name: handles[name] for name in LOOKS if name in handles}, 4)
    return figure


def contenders_of(rows: Sequence[Row], task: str) -> dict[str, list[Row]]:
    """One line per contender of a task, ours first, then from the fastest to the slowest."""
    contenders = [row for row in rows if row["task"] == task]
    contenders.sort(key=lambda row: (row["contender"] != OURS, -row["median"]))
    return {row["contender"]: [row] for row in contenders}


def networks_of(rows: Sequence[Row], loop: str) -> dict[str, list[Row]]:
    """One line per network, with all of its contenders."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        if row["loop"] == loop and row["task"] != CEILING:
            lines.setdefault(network(row["task"]), []).append(row)
    return lines


def draw_column(column: Figure, panels: Mapping[str, Mapping[str, list[Row]]], handles: dict[str, object]) -> None:
    """Panels one below the other, each as high as its lines need."""
    heights = [len(lines) + 1 for lines in panels.values()]
    axes = column.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for one, (title, lines) in zip(axes, panels.items(), strict=True):
        draw_panel(one, lines, handles)
        one.set_title(title, loc="left")
    axes[-1].set_xlabel("images a second, one core: median and range of the rounds")


def draw_panel(axes: Axes, lines: Mapping[str, list[Row]], handles: dict[str, object]) -> None:
    """One panel, the first line on top."""
    for place, line in enumerate(lines.values()):
        for row, offset in zip(line, dodge(len(line)), strict=True):
            kind = row["contender"] if row["contender"] in LOOKS else "another peer"
            look = {"markersize": 5.5, "markerfacecolor": LOOKS[kind]["color"] if kind == OURS else "white"}
            handles[kind] = axes.errorbar(
                row["median"],
                place + offset,
                xerr=[[row["median"] - row["lowest"]], [row["highest"] - row["median"]]],
                elinewidth=1.2,
                linestyle="none",
                **look | LOOKS[kind],
            )
    axes.set_yticks(range(len(lines)), list(lines))
    axes.set_ylim(len(lines) - 0.4, -0.6)
    log_axis(axes, [row for line in lines.values() for row in line])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="both", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)


def log_axis(axes: Axes, rows: Sequence[Row]) -> None:
    """A logarithmic axis with plain numbers, wide enough for every range."""
    axes.set_xscale("log")
    axes.set_xlim(min(row["lowest"] for row in rows) / 1.4, max(row["highest"] for row in rows) * 1.4)
    axes.xaxis.set_major_locator(LogLocator(subs=(1,)))
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
