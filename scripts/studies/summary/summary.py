"""The short answer on less than a page: what shifts cost each kind of network, and a small panel for other claims.

A claim that was not judged, and one whose table is not there, is left out.

Inputs:
    claims: the entries of claims.json.
    tables: `architectures` (columns model, training, measure, mean, low, high) and, as far as they are there,
        `simard2003-published`, `augmentation_range` and `equivariance`.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from invariance.drawing.parts import interval, numbered
from invariance.drawing.style import COLOURS, DASHES, INK, new_figure
from invariance.results.labels import label
from studies.augmentation_range.augmentation_range import radius_panel
from studies.simard2003.simard_table import simard_rows

MEASURE_COLUMNS = ["model", "training", "measure", "mean", "low", "high"]
COLUMNS: dict[str, list[str]] = {
    "architectures": MEASURE_COLUMNS,
    "augmentation_range": MEASURE_COLUMNS,
    "simard2003-published": ["model", "training", "published", "mean", "low", "high", "best", "worst"],
    "equivariance": ["kind", "padding", "stride", "scope", "place", "shift", "error"],
}

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


def draw(claims: Sequence[Mapping[str, Any]], tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the figure."""
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
