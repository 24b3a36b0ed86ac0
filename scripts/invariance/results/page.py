"""One page about a network that was measured: HTML without anything outside it."""

import base64
import html
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

# Measure -> what it says, and its unit.
MEANINGS = {
    "accuracy": ("images that are classified correctly where they stand", "%"),
    "mean_accuracy": ("images that are classified correctly, mean over all shifts", "%"),
    "worst_accuracy": ("images that are classified correctly at the worst shift", "%"),
    "robust_accuracy": ("images that are classified correctly under every shift", "%"),
    "mean_consistency": (
        "images that keep the class of the unshifted image, right or wrong; mean over all shifts",
        "%",
    ),
    "worst_consistency": ("images that keep that class at the worst shift", "%"),
    "pairwise_consistency": ("probability that two random shifts of an image get the same class (Zhang, 2019)", "%"),
    "radius": ("largest shift size up to which at least 95% of the images keep their class at every shift", "px"),
    "drift": ("largest change of a logit under any shift, in standard deviations of the logits", "sd"),
}
CAPTIONS = {
    "heat_map": "Accuracy and consistency at every shift. The middle is the unshifted image.",
    "accuracy_against_shift": "Accuracy and consistency against the size of the shift: means over its shifts.",
}
STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 46rem; margin: 0 auto;
  padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.answer { font-size: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: baseline; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; } img { width: 100%; height: auto; } figcaption { color: #555; font-size: .9rem; }
"""


def page(
    about: Mapping[str, str], measures: Mapping[str, float], rings: pd.DataFrame, figures: Mapping[str, Path]
) -> str:
    """The page.

    Args:
        about: what was measured, in words.
        measures: of Measured; their names are in MEANINGS.
        rings: columns ring, accuracy, consistency, in percent.
        figures: name (CAPTIONS) -> PNG.
    """
    title = f"Is {about['network']} translation invariant?"
    facts = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in about.items())
    numbers = "".join(
        f"<tr><th scope='row'>{html.escape(name.replace('_', ' '))}</th><td class='number'>{number(value, name)}</td>"
        f"<td>{html.escape(MEANINGS[name][0])}</td></tr>"
        for name, value in measures.items()
    )
    sizes = "".join(
        f"<tr><td class='number'>{row.ring} px</td><td class='number'>{row.accuracy:.2f}%</td>"
        f"<td class='number'>{row.consistency:.2f}%</td></tr>"
        for row in rings.itertuples()
    )
    pictures = "".join(
        f"<figure><img alt='{html.escape(CAPTIONS[name])}' src='data:image/png;base64,"
        f"{base64.b64encode(path.read_bytes()).decode()}'><figcaption>{html.escape(CAPTIONS[name])}</figcaption></figure>"
        for name, path in figures.items()
    )
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
<h1>{html.escape(title)}</h1>
<p class="answer">{html.escape(answer(measures))}</p>
<dl>{facts}</dl>
<table>{numbers}</table>
{pictures}
<h2>By the size of the shift</h2>
<table><tr><th class="number">shift</th><th class="number">accuracy</th><th class="number">consistency</th></tr>
{sizes}</table>
<p>Consistency alone proves nothing: a constant classifier has 100%. Read it beside accuracy and drift. The numbers are
in measures.csv, grid.csv and rings.csv beside this page.</p>
</html>
"""


def answer(measures: Mapping[str, float]) -> str:
    """The answer in a sentence or two, from the numbers."""
    kept, worst = measures["mean_consistency"], measures["worst_consistency"]
    lost = measures["accuracy"] - measures["mean_accuracy"]
    if worst == 100:
        return "No image changed its class under any shift."
    change = f"costs {lost:.1f}" if lost >= 0 else f"gains {-lost:.1f}"
    return (
        f"On average, a shift changes the predicted class of {100 - kept:.1f}% of the images and {change} percentage "
        f"points of accuracy; the worst shift changes the class of {100 - worst:.1f}%."
    )


def number(value: float, measure: str) -> str:
    """A value with its unit."""
    unit = MEANINGS[measure][1]
    if value != value:
        return "none"
    return {"%": f"{value:.2f}%", "px": f"{value:.0f} px", "sd": f"{value:.3g} sd"}[unit]
