"""What our HTML pages share, but for the interactive one: a frame, its style and tables; nothing is outside a page."""

import html
from collections.abc import Iterable, Sequence

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2; text-wrap: balance; overflow-wrap: anywhere } h2 { margin-top: 2.5rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; vertical-align: top; padding: .4rem 1rem .4rem 0; border-bottom: 1px solid #8885 }
figure { margin: 2rem 0 } figure img { max-width: 100%; background: #fff } figcaption { margin: .25rem 0 }
.note { border-left: 4px solid #c60; padding-left: 1rem } .answer { font-size: 1.15rem } ul { padding-left: 1.2rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem } dd { margin: 0; overflow-wrap: anywhere }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole page, which begins with its title."""
    title = html.escape(title)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    style = f"<style>{STYLE}</style>"
    return "\n".join(["<!doctype html>", f'<html lang="en">{head}{style}', f"<h1>{title}</h1>", *body, "</html>", ""])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text."""
    body = "\n".join(f"<tr>{''.join(f'<td>{html.escape(entry)}</td>' for entry in row)}</tr>" for row in rows)
    head = "".join(f"<th>{html.escape(entry)}</th>" for entry in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'
