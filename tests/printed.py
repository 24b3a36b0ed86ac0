"""The keys that the article uses, and the parts of its tabulars."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAPER = ROOT / "paper"
SOURCES = sorted(PAPER.rglob("*.tex"))
INTERVAL = ("mean", "low", "high")


def used_in_text(pattern: str) -> set[str]:
    """Every first group of `pattern` in the article's sources; without keys that commands.tex makes from #1."""
    return {key for source in SOURCES for key in re.findall(pattern, source.read_text()) if "#" not in key}


def keys_of_the_paper() -> set[str]:
    """Every key of numbers.tex that the article uses."""
    keys = used_in_text(r"\\R\{([^}]*)\}") - {"key"}
    keys |= {f"{key}/{end}" for key in used_in_text(r"\\meanci\{([^}]*)\}") - {"prefix"} for end in INTERVAL}
    keys |= {f"{key}/{end}" for key in used_in_text(r"\\ci\{([^}]*)\}") - {"prefix"} for end in INTERVAL[1:]}
    keys |= used_in_text(r"\\ciofkeys\{([^}]*)\}") | used_in_text(r"\\ciofkeys\{[^}]*\}\{([^}]*)\}")
    keys |= {f"{study}/seeds" for study in used_in_text(r"\\seeds\{([^}]*)\}") - {"study"}}
    keys -= {"key"}
    keys |= {
        f"claims/{claim}/{end}"
        for claim in used_in_text(r"\\claimnumber\{(C\d+)\}") | used_in_text(r"\\claiminterval\{(C\d+)\}")
        for end in ("number", "low", "high")
    }
    for kind in ("table", "figure"):
        made = used_in_text(rf"\\artefact{kind}(?:\[[^]]*\])?\{{([\w-]+)\}}")
        keys |= {f"script/{kind}s/{name}" for name in made - {"file", "name"}}
    return keys | {f"claims/{claim}/verdict" for claim in used_in_text(r"\\ifverdict\{(C\d+)\}")} | {"dataset"}


def columns_of(specification: str) -> int:
    """Number of columns of a specification such as @{}l>{..}p{..}r@{}."""
    bare = re.sub(r"p\{[^{}]*(\{[^{}]*\})?[^{}]*\}", "p", re.sub(r"[>@]\{[^{}]*\}", "", specification))
    assert set(bare) <= set("lcrp"), bare
    return len(bare)


def cells_of(row: str) -> int:
    """Number of columns of a row; a cell may span several."""
    spans = [int(span) for span in re.findall(r"\\multicolumn\{(\d+)\}", row)]
    return len(re.findall(r"(?<!\\)&", row)) + 1 + sum(span - 1 for span in spans)


def rows_of(tabular: str) -> list[str]:
    return [line for line in tabular.splitlines() if line.endswith(r"\\")]


def is_whole(tabular: str) -> bool:
    """Whether a tabular begins, ends, and has as many cells in each row as it has columns."""
    first, *_, last = tabular.strip().splitlines()
    specification = re.fullmatch(r"\\begin\{tabular\}\{(.*)\}", first)[1]
    assert last == r"\end{tabular}"
    assert [tabular.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    widths = {cells_of(row) for row in rows_of(tabular)}
    return widths == {columns_of(specification)}
