"""Write the verdicts of a run and Simard's table as one HTML page, the first of the Snakemake report."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import write_claims
from invariance.command_line import run
from invariance.record.artefacts import read_json, write_text
from invariance.record.reference import cell_entries, claim_entries

TITLE = "Are convolutional networks translation invariant?"
DEMO = "This is a demonstration on small digits: it shows that the pipeline works, and says nothing about MNIST."
STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2; text-wrap: balance } h2 { margin-top: 2.5rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; vertical-align: top; padding: .4rem 1rem .4rem 0; border-bottom: 1px solid #8885 }
figure { margin: 2rem 0 } figure img { max-width: 100%; background: #fff } figcaption { margin: .25rem 0 }
.note { border-left: 4px solid #c60; padding-left: 1rem } ul { padding-left: 1.2rem }
"""


def main(*, results: Path, output: Path) -> None:
    """Write the page.

    Args:
        results: results/<dataset>, with claims.json, config.json and the tables of every study.
        output: The page, HTML without scripts, pictures or links.
    """
    write_text(output, page(verdicts(results)))


def page(body: Iterable[str]) -> str:
    """A whole page."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{TITLE}</title>'
    return "\n".join(["<!doctype html>", f'<html lang="en">{head}<style>{STYLE}</style>', *body, "</html>", ""])


def verdicts(results: Path) -> list[str]:
    """The claims with their verdicts, and our errors beside Simard's, as HTML."""
    config = read_json(results / "config.json")
    dataset = config["dataset"]
    title = html.escape(config["datasets"][dataset]["title"])
    body = [f"<h1>{TITLE}</h1>", f"<p>What the run on <strong>{title}</strong> says.</p>"]
    if dataset == "digits":
        body.append(f'<p class="note">{DEMO}</p>')
    judged = map(write_claims.claim_entries, claim_entries(results))
    body += ["<h2>Claims and verdicts</h2>", table(write_claims.CLAIM_HEADS, judged)]
    compared = [cell for cell in cell_entries(results) if cell["study"] == "simard2003"]
    if compared:
        caption = html.escape(" ".join(write_claims.SIMARD_CAPTION))
        body += ["<h2>Simard's table</h2>", f"<p>{caption}</p>", table(*write_claims.simard_table(compared))]
    return body


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text."""
    body = "\n".join(f"<tr>{''.join(f'<td>{html.escape(entry)}</td>' for entry in row)}</tr>" for row in rows)
    heads = "".join(f"<th>{html.escape(entry)}</th>" for entry in head)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>'


if __name__ == "__main__":
    run(main)
