"""The figures of the paper: pure functions from data frames to Matplotlib figures, in one style.

Every series has its own colour, marker and line style, so that a figure survives colour blindness and a grey printer.
A model, or a training, looks the same in every figure.
"""

import itertools
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from invariance.record.artefacts import InputError, whole_file
from invariance.results.labels import MEASURES, MODELS, TRAININGS, label

TEXT_WIDTH = 6.3  # inches: the text width of the paper
NOTE_HEIGHT = 0.18  # inches
DEMO_NOTE = "demo on 8x8 digits, not MNIST"

INK = "#1a1a1a"
COLOURS = [
    INK,
    *(sns.color_palette("colorblind")[i] for i in (3, 0, 1, 2, 4, 9, 5, 7)),
    "#7a5195",
    "#8c1d40",
    "#005f60",
    "#9a6700",
    "#4b5d16",
]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "h", "p", "d", "8"]
SLENDER = {"P", "X", "*", "d"}  # markers that need more size to carry the same weight
PERCENT_STEPS = [(2, 0.5), (5, 1), (10, 2), (20, 5), (30, 10), (50, 10), (100, 20)]  # span of an axis, ticks
GLOBAL_POOLING = {"stride_gap", "stride_gap_circular", "polyphase_gap_circular", "phase_averaged"}
DASHES = ["-", (0, (4, 1.2)), (0, (1.2, 1)), (0, (5, 1.2, 1.2, 1.2))]


def style() -> None:
    """Set the style of all figures: 9 pt serif type that Matplotlib brings along, TrueType in the PDF, no display."""
    mpl.rcdefaults()
    mpl.use("Agg")
    sns.set_theme(context="paper", style="ticks", palette="colorblind")
    mpl.rcParams.update(
        {
            "font.family": "STIXGeneral",
            "mathtext.fontset": "stix",
            "font.size": 9,
            "axes.labelsize": 9,
            "axes.titlesize": 9,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.fontsize": 8,
            "legend.frameon": False,
            "axes.linewidth": 0.6,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "xtick.major.size": 3,
            "ytick.major.size": 3,
            "lines.linewidth": 1.1,
            "lines.markersize": 4,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.unicode_minus": True,
            "pdf.fonttype": 42,
            "figure.dpi": 150,
            "savefig.dpi": 150,
        }
    )


def save(figure: Figure, pdf: Path | str, png: Path | str, dataset: str) -> None:
    """Write a figure as PDF and as PNG at 150 dpi; the bytes depend on the figure alone.

    A figure made from the embedded digits says so in its upper right corner.
    """
    if dataset == "digits":
        add_note(figure, DEMO_NOTE)
    with whole_file(pdf) as temporary:
        figure.savefig(temporary, format="pdf", metadata={"Creator": None, "Producer": None, "CreationDate": None})
    with whole_file(png) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def add_note(figure: Figure, note: str) -> None:
    """Write `note` above a figure, which grows by one line to hold it."""
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + NOTE_HEIGHT)
    top = height / (height + NOTE_HEIGHT)
    figure.get_layout_engine().set(rect=(0, 0, 1, top))
    figure.text(0.995, top, note, ha="right", va="bottom", fontsize=7, style="italic", color="0.3")


# ---------------------------------------------------------------------------------------------------------------------
# Shared parts


def new_figure(height: float, layout: str = "constrained") -> Figure:
    """An empty figure, as wide as the text and `height` inches high, laid out without overlaps by `layout`."""
    return Figure(figsize=(TEXT_WIDTH, height), layout=layout)


def in_order(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """The distinct `names`: those that are `known` in the order of `known`, then the others as they come."""
    given = list(dict.fromkeys(names))
    known = list(known)
    return [name for name in known if name in given] + [name for name in given if name not in known]


def look_of(name: str, names: Iterable[str], known: Iterable[str]) -> dict:
    """Colour, marker and line style of the series `name`, one of `names`: the same wherever a known name is drawn."""
    position = in_order(itertools.chain(known, names), known).index(name)
    marker = MARKERS[position % len(MARKERS)]
    return {
        "color": COLOURS[position % len(COLOURS)],
        "marker": marker,
        "markersize": 5.5 if marker in SLENDER else 4.5,
        "linestyle": DASHES[position % len(DASHES)],
        "markeredgecolor": "white",
        "markeredgewidth": 0.3,
    }


def interval(rows: pd.DataFrame, highest: float = np.inf) -> np.ndarray:
    """Lengths (2, n) from the mean down to `low` and up to `high`, NaN, which draws nothing, where there is none.

    Errors, accuracies and radii lie between 0 and `highest`, and so does the part of the interval that is drawn.
    """
    low, high = rows["low"].astype(float).clip(lower=0), rows["high"].astype(float).clip(upper=highest)
    return np.clip([rows["mean"] - low, high - rows["mean"]], 0, None)


def dodge(series: int, width: float = 0.36) -> np.ndarray:
    """Small offsets, one for each series, that keep the intervals at one abscissa apart."""
    return np.linspace(-width / 2, width / 2, series) if series > 1 else np.zeros(series)


def whole_pixels(axes: Axes, largest: int) -> None:
    """Give the abscissa a tick at every whole pixel from 0 to `largest`, with room for dodged points."""
    axes.set_xlim(-0.35, max(largest, 1) + 0.35)
    axes.xaxis.set_major_locator(FixedLocator(range(max(largest, 1) + 1)))


def percent_axis(axes: Axes, rows: pd.DataFrame) -> None:
    """Make the ordinate a percentage that ends at 100 and holds the means and intervals of `rows`.

    An interval that alone would more than double the range is cut at the lower edge.
    """
    below = 100 - rows["mean"].min()
    reach = min(np.nanmax([below, (100 - rows["low"].astype(float)).max()]), 2 * below)
    span, step = next((span, step) for span, step in PERCENT_STEPS if span >= reach or span == 100)
    axes.set_ylim(100 - 1.02 * span, 100 + 0.03 * span)
    axes.set_yticks(np.arange(100, 99.99 - span, -step)[::-1])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="y", color="0.9", linewidth=0.5)


def legend_below(figure: Figure, handles: Mapping[str, object], columns: int) -> None:
    """Put one legend for all panels below them; `handles` maps text to what was drawn."""
    columns = max(1, min(columns, len(handles)))
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns)


# ---------------------------------------------------------------------------------------------------------------------
# Figures


def sample_distortions(rows: Mapping[str, np.ndarray]) -> Figure:
    """Images in a grid: a row for each entry of `rows`, which maps a name to uint8 images (n, size, size)."""
    images = list(rows.values())
    count, size = min(len(row) for row in images), images[0].shape[-1]
    sheet = np.vstack([np.hstack([np.pad(image, 1) for image in row[:count]]) for row in images])
    # Smoothing viewers of the PDF leave pixels crisp that are already enlarged.
    sheet = np.kron(sheet, np.ones((6, 6), dtype=np.uint8))

    cell = (TEXT_WIDTH - 1.2) / max(count, 5)
    figure = new_figure(cell * len(rows) + 0.1)
    axes = figure.subplots()
    axes.imshow(
        sheet, cmap="gray_r", vmin=0, vmax=255, interpolation="none", extent=(0, count, len(rows), 0), aspect="equal"
    )
    axes.set_yticks(np.arange(len(rows)) + 0.5, [label(name) if name != "original" else name for name in rows])
    axes.set_xticks([])
    axes.hlines(np.arange(1, len(rows)), 0, count, color="0.85", linewidth=0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    assert sheet.shape == (6 * (size + 2) * len(rows), 6 * (size + 2) * count)
    return figure


def learning_curves(history: pd.DataFrame) -> Figure:
    """Validation error against epoch: a panel for each model, a line for each training.

    Lines are means over seeds; bands reach from the lowest to the highest seed, since the t-interval of two or three
    seeds would cover the panel.

    Args:
        history: columns model, training, seed, epoch, validation_error (percent).
    """
    models = in_order(history["model"], MODELS)
    trainings = in_order(history["training"], TRAININGS)
    figure = new_figure(3.0)
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    handles = {}
    for axes, model in zip(panels, models, strict=True):
        curves = history[history["model"] == model]
        for training in in_order(curves["training"], TRAININGS):
            curve = curves[curves["training"] == training].groupby("epoch")["validation_error"]
            mean, low, high = curve.mean(), curve.min(), curve.max()
            look = look_of(training, trainings, TRAININGS)
            stride = max(1, len(mean) // 8)
            handles[label(training)] = axes.plot(mean.index, mean, markevery=stride, **look)[0]
            axes.fill_between(mean.index, low, high, color=look["color"], alpha=0.15, linewidth=0)
        axes.set_title(label(model))
        axes.set_xlabel("epoch")
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    log_percent_axis(panels[0], history["validation_error"])
    panels[0].set_ylabel("validation error (%)")
    legend_below(figure, {label(name): handles[label(name)] for name in trainings}, 4)
    return figure


def log_percent_axis(axes: Axes, errors: pd.Series) -> None:
    """Make the ordinate logarithmic with plain numbers; an error of 0 is drawn on the lower edge."""
    positive = errors[errors > 0]
    lowest, highest = (positive.min(), positive.max()) if len(positive) else (0.1, 100.0)
    axes.set_ylim(lowest / 1.15, highest * 1.15)
    axes.set_yscale("log", nonpositive="clip")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def accuracy_vs_shift(rings: pd.DataFrame) -> Figure:
    """Accuracy and consistency against shift size: a line for each model.

    There is a column of panels for each training and kind of head; each column has its own range of percentages.

    Args:
        rings: columns model, training, ring (pixels), measure (accuracy or consistency), mean, low, high (percent).
    """
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


def ring_line(axes: Axes, rows: pd.DataFrame, offset: float, look: dict) -> object:
    """Draw the mean against ring, with its interval, `offset` pixels to the right; return the line's handle."""
    rows = rows.sort_values("ring")
    return axes.errorbar(
        rows["ring"] + offset, rows["mean"], yerr=interval(rows, 100), elinewidth=0.6, capsize=0, **look
    )


def heat_maps(shifts: pd.DataFrame) -> Figure:
    """Accuracy over the shift grid: a panel for each model and training, in the order given, on one colour scale.

    Args:
        shifts: columns model, training, seed, dx, dy (pixels; right and down are positive), accuracy (0..1).
    """
    cells = list(dict.fromkeys(zip(shifts["model"], shifts["training"], strict=True)))
    rows = -(-len(cells) // 6)
    columns = -(-len(cells) // rows)
    side = min(2.6, 5.1 / columns - 0.12)
    narrow = columns > 3
    figure = new_figure(0.45 + rows * (side + (0.6 if narrow else 0.42)), layout="compressed")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    reach = max(int(shifts["dx"].abs().max()), int(shifts["dy"].abs().max()))
    for axes, (model, training) in zip(panels.flat, cells, strict=False):
        cell = shifts[(shifts["model"] == model) & (shifts["training"] == training)]
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


def simard_table(table: pd.DataFrame) -> Figure:
    """Test error of every cell beside the published one: a panel for each model, a line for each training.

    An interval that runs on beyond twice the largest error is cut at the edge of the figure.

    Args:
        table: columns model, training, published, mean, low, high, best, worst (percent; NaN where there is none).
    """
    models = in_order(table["model"], MODELS)
    counts = [int((table["model"] == model).sum()) for model in models]
    figure = new_figure(0.95 + 0.24 * max(counts))
    panels = figure.subplots(1, len(models), sharex=True, squeeze=False)[0]
    for axes, model in zip(panels, models, strict=True):
        handles = simard_rows(axes, table[table["model"] == model])
        axes.set_title(label(model), loc="left")
    points = np.nanmax(table[["mean", "worst", "published"]].to_numpy(dtype=float))
    widest = np.nanmax([points, *table["high"].dropna()])
    for axes in panels:
        axes.set_xlim(0, max(1.05 * min(widest, 2 * points), 0.1))
        axes.set_xlabel("test error (%)")
    legend_below(figure, handles, 3)
    return figure


def simard_rows(axes: Axes, rows: pd.DataFrame) -> dict[str, object]:
    """Draw one model's rows, the first on top; return the legend's handles."""
    places = np.arange(len(rows))
    mean = axes.errorbar(
        rows["mean"], places, xerr=interval(rows), fmt="o", color=COLOURS[2], elinewidth=1, capsize=2, markersize=4.5
    )
    seeds = axes.plot(
        np.concatenate([rows["best"], rows["worst"]]),
        np.tile(places, 2),
        "|",
        color=INK,
        markersize=8,
        linestyle="none",
    )[0]
    published = axes.plot(
        rows["published"], places, "D", markerfacecolor="none", markeredgecolor=COLOURS[1], markersize=6, zorder=4
    )[0]
    axes.set_yticks(places, [label(training) for training in rows["training"]])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="both", color="0.9", linewidth=0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return {
        "ours: mean, 95% interval over seeds": mean,
        "ours: best and worst seed": seeds,
        "Simard et al. (2003), MNIST": published,
    }


ROUNDING = 2.0**-53  # of float64, relative
NOTHING = 1e-18  # where an error of 0 is drawn
# For each panel its series: which layers they are, and where.
EQUIVARIANCE = {
    "convolution, circular padding": {
        "stride 1": {"kind": "convolution", "padding": "circular", "stride": 1},
        "stride 2": {"kind": "convolution", "padding": "circular", "stride": 2},
    },
    "convolution, zero padding, behind the first layer": {
        "inside": {"kind": "convolution", "padding": "zeros", "stride": 1, "place": "inside"},
        "border": {"kind": "convolution", "padding": "zeros", "stride": 1, "place": "border"},
    },
    "halving the maps": {
        "max pooling": {"kind": "max_pool"},
        "average pooling": {"kind": "avg_pool"},
        "blur pooling, inside": {"kind": "blur_pool", "place": "inside"},
        "polyphase sampling": {"kind": "polyphase"},
    },
    "the whole network, to its head": {
        "fully connected": {"kind": "fully_connected"},
        "GAP, strides": {"kind": "global_average_pool", "behind": "convolution"},
        "GAP, polyphase": {"kind": "global_average_pool", "behind": "polyphase"},
    },
}


def equivariance(table: pd.DataFrame) -> Figure:
    """Relative equivariance error against shift: a panel for each of EQUIVARIANCE, a line for each of its series.

    Lines are medians over layers, networks and seeds; bars reach from the smallest to the largest.

    Args:
        table: columns model, weights, layer, kind, padding, stride, scope, place, shift (pixels), error.
    """
    polyphase = table["model"].isin(set(table["model"][table["kind"] == "polyphase"]))
    table = table.assign(behind=polyphase.map({True: "polyphase", False: "convolution"}))
    alone = table[(table["scope"] == "layer") & ~((table["padding"] == "zeros") & (table["layer"] == 0))]
    rows = pd.concat([alone, table[table["place"] == "head"]])
    figure = new_figure(4.2)
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (title, series) in zip(panels.flat, EQUIVARIANCE.items(), strict=True):
        floor = axes.axhline(ROUNDING, color="0.5", linewidth=0.8, linestyle=DASHES[3])
        for (name, wanted), offset in zip(series.items(), dodge(len(series)), strict=True):
            chosen = rows[np.logical_and.reduce([rows[column] == value for column, value in wanted.items()])]
            equivariance_line(axes, chosen, offset, look_of(name, series, series)).set_label(name)
        axes.set_title(title, loc="left")
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.legend(loc="upper left", ncols=2, borderaxespad=0, labelspacing=0.3, columnspacing=1.2)
    error_axis(panels[0, 0])
    largest = int(table["shift"].max())
    whole_pixels(panels[0, 0], largest)
    panels[0, 0].set_xlim(0.5, largest + 0.5)
    for axes in panels[:, 0]:
        axes.set_ylabel("relative error")
    for axes in panels[-1]:
        axes.set_xlabel("shift (px)")
    grey = {"color": "0.3", "linewidth": 0.8, "marker": "o"}
    trained = Line2D([], [], linestyle=DASHES[0], markersize=3.5, **grey)
    untrained = Line2D([], [], linestyle=DASHES[2], markersize=6, markerfacecolor="white", **grey)
    legend_below(figure, {"trained": trained, "untrained": untrained, "rounding, $2^{-53}$": floor}, 3)
    return figure


def error_axis(axes: Axes) -> None:
    """Make the ordinate logarithmic down to rounding, with a place for 0 below it and room for a legend above 1."""
    powers = range(-16, 1, 4)
    axes.set_yscale("log")
    axes.set_ylim(NOTHING / 3, 1e7)
    axes.set_yticks([NOTHING, *(10.0**power for power in powers)], ["0", *(f"$10^{{{power}}}$" for power in powers)])
    axes.minorticks_off()


def equivariance_line(axes: Axes, rows: pd.DataFrame, offset: float, look: dict) -> object:
    """Draw one series, trained with filled points on a line, untrained with open ones; return the first's handle."""
    drawn = {
        "untrained": {"linestyle": DASHES[2], "markersize": 6.5, "markerfacecolor": "white"},
        "trained": {"linestyle": DASHES[0], "markersize": 3.5},
    }
    for weights, way in drawn.items():
        errors = rows[rows["weights"] == weights].groupby("shift")["error"].agg(["median", "min", "max"])
        errors = errors.clip(lower=NOTHING)
        reach = [errors["median"] - errors["min"], errors["max"] - errors["median"]]
        way = look | way | {"linewidth": 0.8, "markeredgewidth": 0.8, "markeredgecolor": look["color"]}
        handle = axes.errorbar(errors.index + offset, errors["median"], yerr=reach, elinewidth=0.6, **way)
    return handle


def augmentation_range(table: pd.DataFrame, rings: pd.DataFrame) -> Figure:
    """Radius of invariance against the range of training translations, and accuracy against shift size.

    The first panel has a line for each model, and every model then has a panel with a line for each range.

    Args:
        table: columns model, training (range_<pixels>), measure, mean, low, high; the measure `radius` is in pixels.
        rings: as for `accuracy_vs_shift`; of its measures only accuracy is drawn.

    Raises:
        InputError: a training is not named range_<pixels>.
    """
    radius = table[table["measure"] == "radius"]
    radius = radius.assign(range=numbered(radius["training"], "range", "pixels")).sort_values("range")
    accuracy = rings[rings["measure"] == "accuracy"]
    accuracy = accuracy.assign(range=numbered(accuracy["training"], "range", "pixels"))
    models = in_order(accuracy["model"], MODELS)
    largest = int(max(accuracy["ring"].max(), accuracy["range"].max()))

    figure = new_figure(2.7)
    first, *others = figure.subplots(1, 1 + len(models), squeeze=False)[0]
    radius_panel(first, radius, largest)
    for axes, model in zip(others, models, strict=True):
        range_panel(axes, accuracy[accuracy["model"] == model])
        if len(models) > 1:
            axes.set_title(label(model))
    return figure


def numbered(trainings: Iterable[str], kind: str, unit: str) -> list[int]:
    """The numbers n of trainings that are all named <kind>_n."""
    numbers = []
    for training in trainings:
        prefix, _, number = training.partition("_")
        if prefix != kind or not number.isdigit():
            raise InputError(f"training {training!r}: this figure needs trainings named {kind}_<{unit}>, as {kind}_3")
        numbers.append(int(number))
    return numbers


def training_length(table: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Test error against the number of epochs, a line for each model, with the published error of each as a level.

    Args:
        table: columns model, training (epochs_<number>), measure, mean, low, high; of the measures only test_error is
            drawn, in percent.
        published: columns model, training, error_percent: Table 1 of Simard; its elastic trainings are drawn.

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


def radius_panel(axes: Axes, radius: pd.DataFrame, largest: int) -> None:
    """Draw the radius of invariance against the training range, with the line where both are equal."""
    models = in_order(radius["model"], MODELS)
    axes.plot([0, largest], [0, largest], color="0.5", linewidth=0.8, linestyle=DASHES[1], label="radius $= r$")
    for model, offset in zip(models, dodge(len(models), 0.2), strict=True):
        rows = radius[radius["model"] == model]
        look = look_of(model, models, MODELS)
        axes.errorbar(
            rows["range"] + offset,
            rows["mean"],
            yerr=interval(rows, largest),
            elinewidth=0.8,
            capsize=2,
            label=label(model),
            **look,
        )
    axes.set_ylim(-0.35, max(largest, 1) + 0.35)
    axes.yaxis.set_major_locator(FixedLocator(range(max(largest, 1) + 1)))
    whole_pixels(axes, largest)
    axes.set_xlabel("range of training translations $r$ (px)")
    axes.set_ylabel("radius of invariance (px)")
    axes.legend(loc="upper left", borderaxespad=0)


def range_panel(axes: Axes, accuracy: pd.DataFrame) -> None:
    """Draw one model's accuracy against shift size, a line for each training range, darker for larger ones."""
    ranges = sorted(accuracy["range"].unique())
    colours = sns.color_palette("viridis_r", as_cmap=True)(np.linspace(0.2, 1, len(ranges)))
    for position, (pixels, offset) in enumerate(zip(ranges, dodge(len(ranges), 0.24), strict=True)):
        look = look_of(str(pixels), map(str, ranges), ()) | {"color": colours[position]}
        ring_line(axes, accuracy[accuracy["range"] == pixels], offset, look).set_label(str(pixels))
    percent_axis(axes, accuracy)
    whole_pixels(axes, int(accuracy["ring"].max()))
    axes.set_xlabel(r"shift size $\max(|dx|, |dy|)$ (px)")
    axes.set_ylabel("accuracy (%)")
    axes.legend(title="$r$ (px)", title_fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def class_transfer(runs: pd.DataFrame) -> Figure:
    """Error of shifted images, and how many are called a digit of another group: a bar for each training and group.

    Bars are means over seeds and points the seeds; a bar is hollow where the training showed the group undistorted. The
    line across a bar is the error of the unshifted images.

    Args:
        runs: columns training, seed, group, shown (distorted, partly or plain), and in percent clean_error, mean_error
            and mean_called_other.
    """
    trainings, groups = in_order(runs["training"], ()), in_order(runs["group"], ())
    width = 0.8 / len(groups)
    figure = new_figure(3.1)
    errors, called = figure.subplots(1, 2)
    handles = {}
    for (number, group), (place, training) in itertools.product(enumerate(groups), enumerate(trainings)):
        rows = runs[(runs["group"] == group) & (runs["training"] == training)]
        x, shown = place + (number - (len(groups) - 1) / 2) * width, rows["shown"].iloc[0]
        look = bar_look(number, hollow=shown == "plain")
        for axes, measure in ((errors, "mean_error"), (called, "mean_called_other")):
            bar = axes.bar(x, rows[measure].mean(), 0.9 * width, **look)
            axes.plot(np.full(len(rows), x), rows[measure], ".", color=INK, markersize=4, zorder=3)
            name = {"distorted": "translated", "plain": "centred only"}.get(shown, "partly translated")
            handles.setdefault(f"digits {group}, {name} in training", bar)
        clean = errors.hlines(rows["clean_error"].mean(), x - 0.45 * width, x + 0.45 * width, INK, linewidth=1.4)
    for axes in (errors, called):
        axes.set_xticks(range(len(trainings)), ["\n".join(label(name).rsplit(" ", 1)) for name in trainings])
        axes.tick_params(axis="x", length=0)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", color="0.9", linewidth=0.5)
        axes.set_axisbelow(True)
    errors.set_ylabel("error of shifted images (%)")
    called.set_ylabel("called a digit of another group (%)")
    legend_below(figure, dict(sorted(handles.items())) | {"error of unshifted images": clean}, 2)
    return figure


def bar_look(number: int, hollow: bool = False) -> dict:
    """Face, edge and hatching of the bars of a series; each has its own grey too."""
    colour = COLOURS[(2, 3, 4, 1)[number % 4]]
    return {
        "facecolor": "white" if hollow else colour,
        "edgecolor": colour,
        "hatch": ("", "////", "....", "xxxx")[number % 4] if hollow else None,
        "linewidth": 1,
    }


def split(table: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Mean error over shifts of every architecture with every augmentation, and how the variance splits.

    Args:
        table: columns model, training, measure, mean, low, high; of its measures `mean_error`, in percent, is drawn.
        shares: columns measure, share, mean (percent); no rows where some architecture lacks an augmentation.
    """
    errors = table[table["measure"] == "mean_error"]
    models, trainings = in_order(errors["model"], MODELS), in_order(errors["training"], TRAININGS)
    figure = new_figure(2.9)
    lines, bars = figure.subplots(1, 2, width_ratios=(1, 1))
    for model, offset in zip(models, dodge(len(models), 0.12), strict=True):
        rows = errors[errors["model"] == model].set_index("training").reindex(trainings)
        look = look_of(model, models, MODELS)
        places = np.arange(len(trainings)) + offset
        lines.errorbar(
            places, rows["mean"], yerr=interval(rows, 100), elinewidth=0.8, capsize=2, label=label(model), **look
        )
    lines.set_xticks(range(len(trainings)), [label(training) for training in trainings])
    lines.set_xlim(-0.35, len(trainings) - 0.65)
    lines.set_ylim(bottom=0)
    lines.set_xlabel("augmentation")
    lines.set_ylabel("mean error over shifts (%)")
    lines.grid(axis="y", color="0.9", linewidth=0.5)
    if models:
        lines.legend(loc="best")
    share_bars(bars, shares)
    return figure


def share_bars(axes: Axes, shares: pd.DataFrame) -> None:
    """Draw one stacked bar for each measure: the share of each source of variance."""
    measures, sources = in_order(shares["measure"], MEASURES), in_order(shares["share"], ())
    left = np.zeros(len(measures))
    hatches = ("", "////", "....")
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    for number, source in enumerate(sources):
        means = shares[shares["share"] == source].set_index("measure")["mean"].reindex(measures).to_numpy()
        colour = COLOURS[(2, 4, 3)[number % 3]]
        axes.barh(
            range(len(measures)),
            means,
            0.5,
            left=left,
            color=colour,
            edgecolor="white",
            hatch=hatches[number % 3],
            label=source,
        )
        for place, (start, share) in enumerate(zip(left, means, strict=True)):
            if share > 8:
                axes.text(start + share / 2, place, f"{share:.0f}%", ha="center", va="center", bbox=paper)
        left += means
    axes.set_yticks(range(len(measures)), [label(measure).replace(" ", "\n", 1) for measure in measures])
    axes.set_ylim(max(len(measures), 1) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the variance (%)")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if sources:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(sources), columnspacing=1)


def two_positions(runs: pd.DataFrame) -> Figure:
    """How often each model tells the position, beside chance, and how far its logits differ between positions.

    Every seed is a point, and a bar reaches to their mean. A difference of nothing is drawn on the left edge.

    Args:
        runs: columns model, seed, chance and accuracy (percent), drift and float64_drift (standard deviations).
    """
    models = in_order(runs["model"], MODELS)
    figure = new_figure(0.95 + 0.4 * len(models))
    told, drifts = figure.subplots(1, 2, sharey=True)
    for place, model in enumerate(models):
        rows = runs[runs["model"] == model]
        told.barh(place, rows["accuracy"].mean(), 0.5, **bar_look(0))
        told.plot(rows["accuracy"], np.full(len(rows), place), ".", color=INK, markersize=5, zorder=3)
    chance = told.axvline(runs["chance"].iloc[0], color=INK, linestyle=DASHES[1], linewidth=1)
    told.set_xlim(0, 102)
    told.set_xlabel("position told rightly (%)")
    told.set_yticks(range(len(models)), [label(model) for model in models])
    told.set_ylim(len(models) - 0.5, -0.5)
    told.tick_params(axis="y", length=0)

    places = [models.index(model) for model in runs["model"]]
    looks = {"drift": ("o", COLOURS[2], "float32"), "float64_drift": ("D", COLOURS[1], "float64")}
    handles = {"chance": chance}
    for measure, (marker, colour, name) in looks.items():
        drawn = runs[measure].clip(lower=1e-17)
        handles[name] = drifts.plot(
            drawn, places, marker, markerfacecolor="none", markeredgecolor=colour, linestyle="none", clip_on=False
        )[0]
    drifts.set_xscale("log")
    drifts.set_xlim(1e-17, 1e2)
    drifts.xaxis.set_major_locator(LogLocator(numticks=6))
    drifts.set_xlabel("largest difference of a logit (sd)")
    drifts.tick_params(axis="y", length=0)
    for axes in (told, drifts):
        axes.grid(axis="x", color="0.9", linewidth=0.5)
        axes.set_axisbelow(True)
    legend_below(figure, handles, 3)
    return figure


# ---------------------------------------------------------------------------------------------------------------------
# The answer at a glance

# Under each claim the cells of `architectures` that it is about.
SUMMARY_ROWS = {
    "C1": [("stride_fc", "centred"), ("mlp", "centred")],
    "C4": [("stride_gap", "centred")],
    "C5": [("phase_averaged", "centred"), ("polyphase_gap_circular", "centred")],
    "C6": [("max_pool_fc", "centred"), ("blur_pool_fc", "centred")],
    "C7": [("stn", "centred")],
    "translated": [("stride_fc", "translated"), ("stn", "translated")],
}
GLYPHS = {"supported": "\N{CHECK MARK}", "refuted": "\N{MULTIPLICATION SIGN}", "undecided": "?"}
SUMMARY_COLUMNS = 3
LINE_HEIGHT, PANEL_HEIGHT = 0.145, 1.55  # inches


def summary(claims: Sequence[Mapping[str, Any]], tables: Mapping[str, pd.DataFrame]) -> Figure:
    """The short answer on less than a page: what shifts cost each kind of network, and a small panel for other claims.

    A claim that was not judged, and one whose table is not there, is left out.

    Args:
        claims: the entries of claims.json.
        tables: `architectures` (columns model, training, measure, mean, low, high) and, as far as they are there,
            `simard2003-published`, `augmentation_range` and `equivariance`.
    """
    judged = {claim["id"]: claim for claim in claims}
    panels = {
        name: panel for name, panel in SUMMARY_PANELS.items() if name in judged and panel.table in (None, *tables)
    }
    places = summary_places(judged, tables["architectures"])
    rows = -(-len(panels) // SUMMARY_COLUMNS)
    heights = [0.75 + LINE_HEIGHT * max(places.values(), default=0), *[PANEL_HEIGHT] * rows]
    figure = new_figure(sum(heights))
    parts = figure.subfigures(1 + rows, 1, height_ratios=heights, squeeze=False)[:, 0]
    draw_forest(parts[0].subplots(), places, judged, tables["architectures"])
    fields = [field for part in parts[1:] for field in part.subfigures(1, SUMMARY_COLUMNS)]
    for field, (name, panel) in zip(fields, panels.items(), strict=False):
        axes = field.subplots()
        panel.draw(axes, judged[name], tables.get(panel.table))
        statement = textwrap.fill(judged[name]["statement"], 46)
        field.suptitle(f"{verdict_text(judged[name])}\n{statement}", x=0.02, ha="left", fontsize=7.5, linespacing=1.1)
        axes.tick_params(labelsize=7)
        for axis in (axes.xaxis, axes.yaxis):
            axis.label.set_size(7)
    return figure


def verdict_text(claim: Mapping[str, Any]) -> str:
    """A claim's number, glyph and verdict, in bold."""
    return rf"$\bf{{{claim['id']}}}$ {GLYPHS[claim['verdict']]} $\bf{{{claim['verdict']}}}$"


def summary_places(judged: Mapping[str, Any], table: pd.DataFrame) -> dict[str | tuple[str, str], float]:
    """Where things stand below each other, in lines: claims by id, each before those of its cells that there are."""
    there = set(zip(table["model"], table["training"], strict=True))
    places, place = {}, 0.0
    for name, cells in SUMMARY_ROWS.items():
        found = [cell for cell in cells if cell in there]
        if found and (name in judged or name == "translated"):
            places[name] = place = place + 0.3
            place += 1
        for cell in found:
            places[cell] = place
            place += 1
    return places


def draw_forest(
    axes: Axes, places: Mapping[str | tuple[str, str], float], judged: Mapping[str, Any], table: pd.DataFrame
) -> None:
    """Draw, line below line, claims with their verdicts, and errors of cells unshifted and under shifts."""
    values = table.set_index(["model", "training", "measure"])[["mean", "low", "high"]]
    handles = {}
    for line, place in places.items():
        if isinstance(line, str):
            text = "The same networks, shown translations in training"
            if line in judged:
                text = f"{verdict_text(judged[line])}   {judged[line]['statement']}"
            axes.text(0.01, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
            continue
        clean, moved, worst = (
            values.reindex([(*line, measure)]) for measure in ("clean_error", "mean_error", "worst_error")
        )
        axes.plot([*clean["mean"], *worst["mean"]], [place] * 2, color="0.75", linewidth=0.8, zorder=1)
        handles["worst shift"] = axes.plot(worst["mean"], [place], "|", color=INK, markersize=7)[0]
        handles["mean over shifts, 95% interval over seeds"] = axes.errorbar(
            moved["mean"], [place], xerr=interval(moved, 100), fmt="s", color=COLOURS[1], elinewidth=1.2, markersize=4.5
        )
        handles["unshifted"] = axes.plot(
            clean["mean"], [place], "o", markerfacecolor="none", markeredgecolor=COLOURS[2], markersize=6.5, zorder=4
        )[0]
    cells = {place: label(line[0]) for line, place in places.items() if not isinstance(line, str)}
    axes.set_yticks(list(cells), list(cells.values()))
    axes.set_ylim(max(places.values(), default=0) + 0.6, -0.3)
    axes.set_xscale("log")
    axes.set_xlim(0.4, 115)
    ticks = [0.5, 1, 2, 5, 10, 20, 50, 100]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("test error (%), of the images that are shifted", labelpad=1)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92", linewidth=0.5)
    axes.spines["left"].set_visible(False)
    if handles:
        axes.legend(
            list(handles.values())[::-1],
            list(handles)[::-1],
            loc="lower right",
            bbox_to_anchor=(1, 0.99),
            ncols=3,
            borderaxespad=0,
        )


def level_rows(axes: Axes, rows: Sequence[tuple[str, float, float, float]], quantity: str) -> None:
    """Draw bars below each other, each (name, length, low, high); ends that are NaN or None draw no interval."""
    table = pd.DataFrame(rows, columns=["name", "mean", "low", "high"])
    table = table.astype({"mean": float, "low": float, "high": float})
    axes.barh(table.index, table["mean"], 0.55, color=COLOURS[2])
    ends = interval(table, 100)
    axes.errorbar(table["mean"], table.index, xerr=ends, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    axes.set_yticks(table.index, table["name"])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(quantity)
    axes.tick_params(axis="y", length=0)


def gain_panel(axes: Axes, claim: Mapping[str, Any], table: pd.DataFrame) -> None:
    """C2: errors of Simard's network by training, with the published ones."""
    rows = table[table["model"] == "simard_cnn"]
    simard_rows(axes, rows)
    axes.set_xlim(left=0)
    axes.set_xlabel("test error (%); diamonds: published")


def equivariance_panel(axes: Axes, claim: Mapping[str, Any], table: pd.DataFrame) -> None:
    """C3: relative errors of single convolutions, from the smallest to the largest, by what theory says of them."""
    alone = table[(table["scope"] == "layer") & (table["kind"] == "convolution")]
    whole, multiple = alone["place"].isin(["inside", "everywhere"]), alone["shift"] % alone["stride"] == 0
    kinds = {
        "stride 1": whole & (alone["stride"] == 1),
        "stride 2, even shifts": whole & multiple & (alone["stride"] == 2),
        "stride 2, odd shifts": whole & ~multiple & (alone["stride"] == 2),
        "at a zero border": multiple & (alone["place"] == "border") & (alone["padding"] == "zeros"),
    }
    for place, chosen in enumerate(kinds.values()):
        errors = alone["error"][chosen].dropna().clip(lower=1e-17)
        if len(errors):
            axes.plot([errors.min(), errors.max()], [place] * 2, color="0.6", linewidth=1.5, zorder=1)
            axes.plot(errors.max(), place, "s", color=COLOURS[1], markersize=4.5, clip_on=False)
    axes.set_yticks(range(len(kinds)), list(kinds))
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.set_xlim(1e-17, 10)
    axes.xaxis.set_major_locator(LogLocator(numticks=4))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("relative error, the largest")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92", linewidth=0.5)


def reach_panel(axes: Axes, claim: Mapping[str, Any], table: pd.DataFrame) -> None:
    """C8: radius of invariance against the range of training translations."""
    radius = table[table["measure"] == "radius"]
    radius = radius.assign(range=numbered(radius["training"], "range", "pixels")).sort_values("range")
    radius_panel(axes, radius, int(max(radius["range"].max(), radius["mean"].max())))
    axes.get_legend().remove()
    axes.set_xlabel("training translations up to (px)")
    axes.set_ylabel("radius (px)")


def carried_panel(axes: Axes, claim: Mapping[str, Any], _: None) -> None:
    """C9: errors under shifts of digits by what was translated in training, mean over both halves of the digits."""
    names = {"centred": "none shown moved", "unseen": "others shown moved", "translated": "all shown moved"}
    rows = []
    for part, name in names.items():
        errors = [claim["details"][f"{half}_translated_{part}_error"] for half in ("low", "high")]
        rows.append((name, float(np.mean(errors)), np.nan, np.nan))
    level_rows(axes, rows, "error under shifts (%)")


def place_panel(axes: Axes, claim: Mapping[str, Any], _: None) -> None:
    """C10: how often a position is told, from the lowest to the highest seed, beside chance."""
    details = claim["details"]
    rows = [
        (name, *(details[f"{name}_{end}accuracy"] for end in ("", "min_", "max_"))) for name in ("zeros", "circular")
    ]
    level_rows(axes, rows, "told rightly (%); dashes: chance")
    axes.axvline(details["chance"], color=INK, linestyle=DASHES[1], linewidth=1)
    axes.set_xlim(0, 102)


def shares_panel(axes: Axes, claim: Mapping[str, Any], _: None) -> None:
    """C11: the shares of the variance of the mean error."""
    details = claim["details"]
    names = ("architecture", "augmentation", "interaction")
    rows = [(name, *(details[f"{name}{end}"] for end in ("", "_low", "_high"))) for name in names]
    level_rows(axes, rows, "share of the variance (%)")


class SummaryPanel(NamedTuple):
    """A small panel of the summary: what draws it, and the table that it needs beside its claim."""

    draw: Callable[[Axes, Mapping[str, Any], pd.DataFrame | None], None]
    table: str | None = None


SUMMARY_PANELS = {
    "C3": SummaryPanel(equivariance_panel, "equivariance"),
    "C2": SummaryPanel(gain_panel, "simard2003-published"),
    "C8": SummaryPanel(reach_panel, "augmentation_range"),
    "C9": SummaryPanel(carried_panel),
    "C10": SummaryPanel(place_panel),
    "C11": SummaryPanel(shares_panel),
}
