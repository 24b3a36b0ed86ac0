"""The style of all figures: type, colours, the look of each series, and files with the same bytes every time.

Each series has its own colour, marker and line style, so figures work in grey and for colour-blind readers. A model or
training looks the same in every figure.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

from invariance.record.artefacts import whole_file
from invariance.results.labels import in_order

TEXT_WIDTH = 6.3  # inches: the text width of the paper
NOTE_HEIGHT = 0.18  # inches
INK = "#1a1a1a"
COLOURS = [
    INK,
    *(sns.color_palette("colorblind")[i] for i in (3, 0, 1, 2, 4, 9, 5, 7)),
    *("#7a5195", "#8c1d40", "#005f60", "#9a6700", "#4b5d16"),
]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "h", "p", "d", "8"]
SLENDER = {"P", "X", "*", "d"}  # markers that look smaller than the others at the same size
DASHES = ["-", (0, (4, 1.2)), (0, (1.2, 1)), (0, (5, 1.2, 1.2, 1.2))]
STYLE = {
    **dict.fromkeys(["font.size", "axes.labelsize", "axes.titlesize"], 9),
    **dict.fromkeys(["xtick.labelsize", "ytick.labelsize", "legend.fontsize"], 8),
    **dict.fromkeys(["axes.linewidth", "xtick.major.width", "ytick.major.width"], 0.6),
    **dict.fromkeys(["xtick.major.size", "ytick.major.size"], 3),
    **dict.fromkeys(["axes.spines.top", "axes.spines.right", "legend.frameon"], False),
    **dict.fromkeys(["figure.dpi", "savefig.dpi"], 150),
    "lines.linewidth": 1.1,
    "lines.markersize": 4,
    "grid.color": "0.9",
    "grid.linewidth": 0.5,
    "mathtext.fontset": "stix",
    "pdf.fonttype": 42,
}
PNG = {"format": "png", "metadata": {"Software": None}}


def style() -> None:
    """Set the style of all figures: 9 pt serif type that ships with Matplotlib, TrueType in the PDF, no display."""
    mpl.rcdefaults()
    mpl.use("Agg")
    sns.set_theme(context="paper", style="ticks", palette="colorblind", font="STIXGeneral", rc=STYLE)


def save(figure: Figure, pdf: Path | str, png: Path | str, note: str = "") -> None:
    """Write a figure as PDF and as PNG at 150 dpi; the bytes depend on the figure alone.

    A note, such as which data set it is about, stands in its upper right corner.
    """
    if note:
        add_note(figure, note)
    with whole_file(pdf) as temporary:
        figure.savefig(temporary, format="pdf", metadata={"Creator": None, "Producer": None, "CreationDate": None})
    with whole_file(png) as temporary:
        figure.savefig(temporary, **PNG)


def add_note(figure: Figure, note: str) -> None:
    """Write `note` above a figure, which grows by one line to hold it."""
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + NOTE_HEIGHT)
    top = height / (height + NOTE_HEIGHT)
    figure.get_layout_engine().set(rect=(0, 0, 1, top))
    figure.text(0.995, top, note, ha="right", va="bottom", fontsize=7, style="italic", color="0.3")


def new_figure(height: float, layout: str = "constrained") -> Figure:
    """An empty figure, as wide as the text and `height` inches high, laid out without overlaps by `layout`."""
    return Figure(figsize=(TEXT_WIDTH, height), layout=layout)


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
