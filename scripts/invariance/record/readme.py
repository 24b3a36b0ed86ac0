"""Generated parts of the README: each between two marks of its own, written by a command, never typed."""

from invariance.record.artefacts import InputError


def with_block(readme: str, begin: str, end: str, text: str) -> str:
    """The README with `text` between the marks `begin` and `end`.

    Raises:
        InputError: a mark is missing or stands twice.
    """
    if readme.count(begin) != 1 or readme.count(end) != 1 or readme.index(begin) > readme.index(end):
        raise InputError(f"README.md: must hold {begin} once and, below it, {end} once")
    before, after = readme.split(begin)[0], readme.split(end)[1]
    return f"{before}{begin}\n{text}\n{end}{after}"
