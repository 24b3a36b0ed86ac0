"""What tests read from the documentation: the recipes of docs/adding.md, and blocks that commands write."""

import re
from pathlib import Path

from running import ROOT

PAGE = ROOT / "docs" / "adding.md"
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", flags=re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^\*\*`(.+?)`\*\*\n\n```\w+\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def recipes() -> dict[str, dict[str, str]]:
    """Heading of a section -> path below the project's folder -> its text; a file of the paper gets it at its end."""
    return {heading: dict(FILE.findall(text)) for heading, text in SECTION.findall(PAGE.read_text(encoding="utf-8"))}


def block_of(path: Path, name: str) -> str:
    """The text between the marks of the block `name` of a page."""
    (text,) = re.findall(f"<!-- {name}:begin -->(.*)<!-- {name}:end -->", path.read_text(encoding="utf-8"), re.DOTALL)
    return text.strip()
