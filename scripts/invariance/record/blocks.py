"""Generated blocks of README.md and docs/: commands write them between two marks, so that no number is typed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from invariance.record.artefacts import InputError, write_text


def replace_block(path: Path, name: str, text: str) -> None:
    """Put `text` between the marks of the block `name` in a Markdown file.

    Raises:
        InputError: there is not one of each mark, in order.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    page = path.read_text(encoding="utf-8")
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise InputError(f"{path}: must hold {begin} once and, below it, {end} once; put the two marks back")
    write_text(path, f"{page.partition(begin)[0]}{begin}\n{text}\n{end}{page.partition(end)[2]}")


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text."""
    head, *body = [f"| {' | '.join(row)} |" for row in (heads, *rows)]
    return "\n".join([head, "|---" * len(heads) + "|", *body])
