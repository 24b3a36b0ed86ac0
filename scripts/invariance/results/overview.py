"""The verdicts of a run and its errors beside Simard's: rows of text, and an HTML page of them."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from invariance.record.artefacts import read_json
from invariance.record.reference import cell_entries, claim_entries, with_interval
from invariance.results.labels import label
from invariance.results.page import table
from invariance.results.statistics import prediction_interval

CLAIM_HEADS = ("claim", "verdict", "number, with its interval over seeds (C3 and C5: lowest and highest)")
TITLE = "Are convolutional networks translation invariant?"
DEMO = "This is a demonstration on small digits: it shows that the pipeline works, and says nothing about MNIST."


def claim_row(claim: Mapping[str, Any]) -> list[str]:
    """The claim, its verdict, and its number with interval and unit, with a real minus sign."""
    number = with_interval(claim["number"], claim["low"], claim["high"]).replace("-", "\N{MINUS SIGN}")
    return [f"{claim['id']} {claim['statement'].rstrip('.')}", claim["verdict"], f"{number} {claim['unit']}"]


def simard_caption(confidence: float) -> list[str]:
    """Two lines about `simard_table`; the confidence is that of its intervals."""
    return [
        "Test error in %: Simard's Table 1, whose numbers we take as errors of single runs, beside ours, which are",
        f"means over seeds with the {100 * confidence:g}% prediction interval for one more run:",
    ]


def simard_table(cells: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Simard's table beside ours: its heads, and one row per training with two entries per model."""
    errors = {
        (cell["training"], cell["model"]): cell
        for cell in cells
        if (cell["study"], cell["measure"]) == ("simard2003", "test_error")
    }
    trainings, models = (list(dict.fromkeys(names)) for names in zip(*errors, strict=True))
    heads = ["training", *(f"{label(model)}, {whose}" for model in models for whose in ("published", "ours"))]
    rows = [
        [label(training), *(entry for model in models for entry in both(errors.get((training, model), {})))]
        for training in trainings
    ]
    return heads, rows


def both(cell: Mapping[str, Any]) -> tuple[str, str]:
    """The published error, and ours with the interval for one more run; empty without a cell."""
    if not cell:
        return "", ""
    published, low, high = f"{cell['published']:g}" if "published" in cell else "", cell["low"], cell["high"]
    if low is not None:
        low, high = prediction_interval(cell["mean"], low, high, cell["seeds"])
    return published, with_interval(cell["mean"], low, high)


def verdicts(results: Path) -> list[str]:
    """The claims with their verdicts, and our errors beside Simard's, as HTML."""
    config = read_json(results / "config.json")
    dataset = config["dataset"]
    title = html.escape(config["datasets"][dataset]["title"])
    body = [f"<p>Results of the run on <strong>{title}</strong>.</p>"]
    if "embedded" in config["datasets"][dataset]:
        body.append(f'<p class="note">{DEMO}</p>')
    judged = map(claim_row, claim_entries(results))
    body += ["<h2>Claims and verdicts</h2>", table(CLAIM_HEADS, judged)]
    compared = [cell for cell in cell_entries(results) if cell["study"] == "simard2003"]
    if compared:
        caption = html.escape(" ".join(simard_caption(config["measures"]["confidence"])))
        body += ["<h2>Simard's table</h2>", f"<p>{caption}</p>", table(*simard_table(compared))]
    return body
