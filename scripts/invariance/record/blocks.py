"""Generated blocks of README.md and docs/: commands write them between two marks, so that no number is typed."""

from pathlib import Path

from invariance.record.artefacts import InputError, write_text


def replace_block(path: Path, name: str, text: str) -> None:
    """Put `text` between the marks of the block `name` in a Markdown file; raises as `block_of`."""
    before, _, after = divided(path, name)
    write_text(path, f"{before}\n{text}\n{after}")


def block_of(path: Path, name: str) -> str:
    """The text between the marks of the block `name`; raises InputError unless there is one of each, in order."""
    return divided(path, name)[1].strip()


def divided(path: Path, name: str) -> tuple[str, str, str]:
    """The text up to and with the first mark, between the marks, and from the second mark on; raises as `block_of`."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise InputError(f"{path}: must hold {begin} once and, below it, {end} once; put the two marks back")
    before, rest = text.split(begin)
    block, after = rest.split(end)
    return before + begin, block, end + after
