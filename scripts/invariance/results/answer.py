"""What the page about a network that was measured says."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from invariance.results.page import table

# Measure -> what it says, and its unit.
MEANINGS = {
    "accuracy": ("images that are classified correctly where they stand", "%"),
    "mean_accuracy": ("images that are classified correctly, mean over all shifts but (0, 0)", "%"),
    "worst_accuracy": ("images that are classified correctly at the worst shift", "%"),
    "robust_accuracy": ("images that are classified correctly under every shift", "%"),
    "mean_consistency": (
        "images that keep the class of the unshifted image, right or wrong; mean over all shifts but (0, 0)",
        "%",
    ),
    "worst_consistency": ("images that keep that class at the worst shift", "%"),
    "pairwise_consistency": (
        "probability that two random shifts of an image, which may be equal, get the same class (Zhang, 2019)",
        "%",
    ),
    "radius": ("largest shift size up to which at least 95% of the images keep their class at every shift", "px"),
    "drift": ("largest change of a logit under any shift, in standard deviations of the logits", "sd"),
}
CAPTIONS = {
    "seen": "What the network sees of the first image, unshifted and at the largest shifts: (dx, dy), in pixels.",
    "heat_map": "Accuracy and consistency at every shift. The middle is the unshifted image.",
    "accuracy_against_shift": "Accuracy and consistency against the size of the shift: means over its shifts.",
}
END = """
<p>Consistency alone proves nothing: a constant classifier has 100%. Read it beside accuracy and drift. The numbers are
in measures.csv, grid.csv and rings.csv beside this page; in grid.csv as fractions, in the others in percent.</p>
"""


def body(
    about: Mapping[str, str],
    measures: Mapping[str, float],
    notes: Sequence[str],
    rings: pd.DataFrame,
    pictures: Mapping[str, Path],
) -> list[str]:
    """What the page says.

    Args:
        about: what was measured, in words.
        measures: of Measured; their names are in MEANINGS.
        notes: of Measured.
        rings: columns ring, accuracy, consistency, in percent.
        pictures: name (CAPTIONS) -> PNG.
    """
    facts = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in about.items())
    values = {name: number(value, name) for name, value in measures.items()}
    if measures["radius"] == rings["ring"].max():
        values["radius"] += " or more"
    numbers = [(name.replace("_", " "), value, MEANINGS[name][0]) for name, value in values.items()]
    sizes = [(f"{row.ring} px", f"{row.accuracy:.2f}%", f"{row.consistency:.2f}%") for row in rings.itertuples()]
    return [
        f'<p class="answer">{html.escape(answer(measures))}</p>',
        *(f'<p class="note">{html.escape(note)}</p>' for note in notes),
        f"<dl>{facts}</dl>",
        table(["measure", "value", "meaning"], numbers),
        *(picture(CAPTIONS[name], path) for name, path in pictures.items()),
        "<h2>By the size of the shift</h2>",
        table(["shift", "accuracy", "consistency"], sizes),
        END,
    ]


def picture(caption: str, path: Path) -> str:
    """A picture inside the page."""
    data, caption = base64.b64encode(path.read_bytes()).decode(), html.escape(caption)
    return (
        f"<figure><img alt='{caption}' src='data:image/png;base64,{data}'><figcaption>{caption}</figcaption></figure>"
    )


def answer(measures: Mapping[str, float]) -> str:
    """The answer in two sentences, from the numbers."""
    kept, worst = measures["mean_consistency"], measures["worst_consistency"]
    right = f"The network classifies {measures['accuracy']:.1f}% of the images correctly where they stand."
    lost = measures["accuracy"] - measures["mean_accuracy"]
    if worst == 100:
        return f"{right} No shift changed the class of any image."
    change = f"costs {lost:.1f}" if lost >= 0 else f"gains {-lost:.1f}"
    return (
        f"{right} On average, a shift changes the predicted class of {100 - kept:.1f}% of the images and {change} "
        f"percentage points of accuracy; the worst shift changes the class of {100 - worst:.1f}%."
    )


def number(value: float, measure: str) -> str:
    """A value with its unit."""
    unit = MEANINGS[measure][1]
    if value != value:
        return "none"
    return {"%": f"{value:.2f}%", "px": f"{value:.0f} px", "sd": f"{value:.3g} sd"}[unit]
