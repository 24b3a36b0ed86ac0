"""The recipes of docs/adding.md: the files that each section says to write."""

import re

from running import ROOT

PAGE = ROOT / "docs" / "adding.md"
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", flags=re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^\*\*`(.+?)`\*\*\n\n```\w+\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def recipes() -> dict[str, dict[str, str]]:
    """Heading of a section -> path below the project's folder -> its text; a file of the paper gets it at its end."""
    return {heading: dict(FILE.findall(text)) for heading, text in SECTION.findall(PAGE.read_text(encoding="utf-8"))}
