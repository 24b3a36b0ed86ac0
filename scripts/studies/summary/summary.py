"""The answer at a glance: what shifts cost each kind of network, and a small panel for each other claim.

Claims that were not judged or whose table is missing are left out.

Inputs:
    claims: the entries of claims.json.
    tables: by name, any of
        architectures and augmentation_range: over seeds: model, training, measure, mean, low, high (percent; pixels);
        simard2003-published: as for `simard_table`;
        equivariance: one row per measured error: kind, padding, stride, scope, place, shift (pixels), error (relative).
"""

import functools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from invariance.drawing.parts import interval, name_rows
from invariance.drawing.style import COLOURS, DASHES, INK, new_figure
from invariance.results.labels import label
from studies.augmentation_range.augmentation_range import radius_panel
from studies.simard2003.simard_table import error_rows

MEASURE_COLUMNS = ["model", "training", "measure", "mean", "low", "high"]
COLUMNS: dict[str, list[str]] = {
    "architectures": MEASURE_COLUMNS,
    "augmentation_range": MEASURE_COLUMNS,
    "simard2003-published": ["model", "training", "published", "mean", "low", "high", "best", "worst"],
    "equivariance": ["kind", "padding", "stride", "scope", "place", "shift", "error"],
}
# The cells of `architectures` that each claim is about.
FOREST = {
    "C1": [("stride_fc", "centred"), ("mlp", "centred")],
    "C4": [("stride_gap", "centred")],
    "C5": [("phase_averaged", "centred"), ("polyphase_gap_circular", "centred")],
    "C6": [("max_pool_fc", "centred"), ("avg_pool_fc", "centred"), ("blur_pool_fc", "centred")],
    "C7": [("stn", "centred")],
    "translated": [("stride_fc", "translated"), ("stn", "translated")],
}
TRANSLATED = "The same networks, shown translations in training"
GLYPHS = {"supported": "\N{CHECK MARK}", "refuted": "\N{MULTIPLICATION SIGN}", "undecided": "?"}
PANEL_COLUMNS = 3
LINE_HEIGHT, PANEL_HEIGHT = 0.145, 1.55  # inches


def draw(claims: Sequence[Mapping[str, Any]], tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the figure."""
    judged = {claim["id"]: claim for claim in claims}
    panels = [
        (judged[name], *panel) for name, panel in PANELS.items() if name in judged and panel[1] in (None, *tables)
    ]
    others = [claim for name, claim in judged.items() if name not in (*FOREST, *PANELS)]
    panels += [(claim, functools.partial(number_panel, claim), None) for claim in others]
    errors = tables.get("architectures", pd.DataFrame(columns=MEASURE_COLUMNS))
    places = forest_places(judged, errors)
    rows = -(-len(panels) // PANEL_COLUMNS)
    heights = [0.78 + LINE_HEIGHT * max(places.values(), default=0), *[PANEL_HEIGHT] * rows]
    figure = new_figure(sum(heights))
    top, *parts = figure.subfigures(1 + rows, 1, height_ratios=heights, squeeze=False)[:, 0]
    draw_forest(top.subplots(), places, judged, errors)
    fields = [field for part in parts for field in part.subfigures(1, PANEL_COLUMNS)]
    for field, (claim, draw_panel, table) in zip(fields, panels, strict=False):
        axes = field.subplots()
        draw_panel(axes, claim["details"], tables.get(table))
        statement = textwrap.fill(claim["statement"], 46)
        field.suptitle(f"{verdict_text(claim)}\n{statement}", x=0.02, ha="left", fontsize=7.5, linespacing=1.1)
        axes.tick_params(labelsize=7)
        axes.xaxis.label.set_size(7)
        axes.yaxis.label.set_size(7)
    return figure


def verdict_text(claim: Mapping[str, Any]) -> str:
    """A claim's number, glyph and verdict, in bold."""
    return rf"$\bf{{{claim['id']}}}$ {GLYPHS[claim['verdict']]} $\bf{{{claim['verdict']}}}$"


def forest_places(judged: Mapping[str, Any], errors: pd.DataFrame) -> dict[str | tuple[str, str], float]:
    """Vertical position, in lines, of each claim, by id, and of those of its cells that `errors` has."""
    there = set(zip(errors["model"], errors["training"], strict=True))
    places, place = {}, 0.0
    for name, cells in FOREST.items():
        found = [cell for cell in cells if cell in there]
        if found and (name in judged or name == "translated"):
            places[name] = place = place + 0.3
            place += 1
        for cell in found:
            places[cell] = place
            place += 1
    return places


def draw_forest(
    axes: Axes, places: Mapping[str | tuple[str, str], float], judged: Mapping[str, Any], errors: pd.DataFrame
) -> None:
    """Draw, line by line, claims with their verdicts, and errors of cells unshifted and under shifts."""
    cells = {place: line for line, place in places.items() if isinstance(line, tuple)}
    for name in [line for line in places if isinstance(line, str)]:
        text = f"{verdict_text(judged[name])}   {judged[name]['statement']}" if name in judged else TRANSLATED
        axes.text(0.01, places[name], text, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
    values = errors.set_index(["measure", "model", "training"])[["mean", "low", "high"]]
    clean, moved, worst = (
        values.reindex([(f"{name}_error", *cell) for cell in cells.values()]) for name in ("clean", "mean", "worst")
    )
    axes.hlines(list(cells), clean["mean"], worst["mean"], color="0.75", linewidth=0.8, zorder=1)
    look = {"fmt": "s", "color": COLOURS[1], "elinewidth": 1.2, "markersize": 4.5}
    hollow = {"markerfacecolor": "none", "markeredgecolor": COLOURS[2], "markersize": 6.5, "zorder": 4}
    handles = {
        "unshifted": axes.plot(clean["mean"], list(cells), "o", **hollow)[0],
        "mean over shifts, interval over seeds": axes.errorbar(
            moved["mean"], list(cells), xerr=interval(moved, 100), **look
        ),
        "worst shift": axes.plot(worst["mean"], list(cells), "|", color=INK, markersize=7)[0],
    }
    axes.set_yticks(list(cells), [label(model) for model, _ in cells.values()])
    axes.tick_params(axis="y", length=0)
    ticks = [0.5, 1, 2, 5, 10, 20, 50, 100]
    axes.set(xscale="log", xlim=(0.4, 115), ylim=(max(places.values(), default=0) + 0.6, -0.5))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("test error (%), of the images that are shifted", labelpad=1)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    corner = {"loc": "lower right", "bbox_to_anchor": (1, 0.99), "borderaxespad": 0}
    axes.legend(handles.values(), handles, ncols=3, **corner)


def level_rows(axes: Axes, rows: Mapping[str, Sequence[float | None]], quantity: str) -> None:
    """Draw named bars below each other, each (length, low, high); None draws no interval."""
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "low", "high"], dtype=float)
    bars = {"color": COLOURS[2], "ecolor": INK, "error_kw": {"elinewidth": 1}, "capsize": 2}
    axes.barh(range(len(table)), table["mean"], 0.55, xerr=interval(table, 100), **bars)
    name_rows(axes, list(rows))
    axes.set_xlim(left=0)
    axes.set_xlabel(quantity)


def gain_panel(axes: Axes, _: Mapping[str, Any], table: pd.DataFrame) -> None:
    """C2: errors of Simard's network by training, with the published ones."""
    error_rows(axes, table[table["model"] == "simard_cnn"])
    axes.set_xlim(left=0)
    axes.set_xlabel("test error (%); diamonds: published")


def equivariance_panel(axes: Axes, _: Mapping[str, Any], table: pd.DataFrame) -> None:
    """C3: relative errors of single convolutions, from the smallest to the largest, by what theory predicts."""
    alone = table[(table["scope"] == "layer") & (table["kind"] == "convolution")]
    whole, multiple = alone["place"].isin(["inside", "everywhere"]), alone["shift"] % alone["stride"] == 0
    kinds = {
        "stride 1": whole & (alone["stride"] == 1),
        "stride 2, even shifts": whole & multiple & (alone["stride"] == 2),
        "stride 2, odd shifts": whole & ~multiple & (alone["stride"] == 2),
        "at a zero border": multiple & (alone["place"] == "border") & (alone["padding"] == "zeros"),
    }
    errors = pd.DataFrame(
        {name: alone["error"][rows].agg(["min", "max"]).clip(1e-17) for name, rows in kinds.items()}
    ).T
    axes.hlines(range(len(errors)), errors["min"], errors["max"], color="0.6", linewidth=1.5, zorder=1)
    axes.plot(errors["max"], range(len(errors)), "s", color=COLOURS[1], markersize=4.5)
    name_rows(axes, list(kinds))
    axes.set(xscale="log", xlim=(1e-18, 10), xlabel="relative error, the largest")
    axes.xaxis.set_major_locator(LogLocator(numticks=4))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x")


def reach_panel(axes: Axes, _: Mapping[str, Any], table: pd.DataFrame) -> None:
    """C8: radius of invariance against the range of training translations."""
    radius_panel(axes, table)
    axes.set(xlabel="training translations up to (px)", ylabel="radius (px)")


def carried_panel(axes: Axes, details: Mapping[str, Any], _: None) -> None:
    """C9b: errors under shifts of digits by what was translated in training, mean over both halves of the digits."""
    names = {"centred": "none shown moved", "unseen": "others shown moved", "translated": "all shown moved"}
    errors = {
        name: np.mean([details[f"{half}_translated_{part}_error"] for half in ("low", "high")])
        for part, name in names.items()
    }
    level_rows(axes, {name: (error, None, None) for name, error in errors.items()}, "error under shifts (%)")


def sequence_panel(axes: Axes, details: Mapping[str, Any], _: None) -> None:
    """C9: errors under shifts of digits by what was learned before them, mean over both halves of the digits."""
    names = {
        "after_nothing": "nothing before",
        "after_plain": "others centred",
        "after_distorted": "others moved",
        "distorted_itself": "moved themselves",
    }
    errors = {name: details[f"stride_fc_all_{part}_error"] for part, name in names.items()}
    level_rows(axes, {name: (error, None, None) for name, error in errors.items()}, "error under shifts (%)")


def place_panel(axes: Axes, details: Mapping[str, Any], _: None) -> None:
    """C10: how often a position is told, from the lowest to the highest seed, beside chance."""
    ends = ("", "min_", "max_")
    rows = {name: [details[f"{name}_{end}accuracy"] for end in ends] for name in ("zeros", "circular")}
    level_rows(axes, rows, "predicted correctly (%); dashes: chance")
    axes.axvline(details["chance"], color=INK, linestyle=DASHES[1], linewidth=1)
    axes.set_xlim(0, 102)


def shares_panel(axes: Axes, details: Mapping[str, Any], _: None) -> None:
    """C11: the shares of the variance of the mean error."""
    sources = ("architecture", "augmentation", "interaction")
    rows = {name: [details[f"{name}{end}"] for end in ("", "_low", "_high")] for name in sources}
    level_rows(axes, rows, "share of the variance (%)")
    axes.set_xlim(0, 100)


def number_panel(claim: Mapping[str, Any], axes: Axes, *_: Any) -> None:
    """Any other claim: its decisive number beside the threshold."""
    if claim["low"] is not None:
        axes.hlines(0, claim["low"], claim["high"], color=COLOURS[2], linewidth=1.5)
    axes.plot(claim["number"], 0, "o", color=COLOURS[2])
    axes.axvline(claim["threshold"], color=INK, linestyle=DASHES[1], linewidth=1)
    axes.set_yticks([])
    axes.set_xlabel(textwrap.fill(f"{claim['unit']}; dashes: threshold", 40))


# The function that draws each claim's panel, and the table that it needs besides the claim's details.
PANELS = {
    "C3": (equivariance_panel, "equivariance"),
    "C2": (gain_panel, "simard2003-published"),
    "C8": (reach_panel, "augmentation_range"),
    "C9": (sequence_panel, None),
    "C9b": (carried_panel, None),
    "C10": (place_panel, None),
    "C11": (shares_panel, None),
}
