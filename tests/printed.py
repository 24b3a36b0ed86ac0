"""The keys that the article uses, and the parts of its tabulars."""

import functools
import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAPER = ROOT / "paper"
SOURCES = sorted(PAPER.rglob("*.tex"))
INTERVAL = ("mean", "low", "high")
OF_CHANGED = {"changed"}  # keys that are written only of a plan other than that of config.yaml


def argument(text: str, start: int) -> tuple[str, int]:
    """What stands in the braces that open at `start`, and the place behind them."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place], place + 1
    raise ValueError(text[start : start + 80])


def shown_by(text: str, studies: Container[str]) -> str:
    r"""TeX in which each \ifstudy is replaced by what it shows if there are only these studies."""
    while (start := text.find(r"\ifstudy{")) >= 0:
        study, place = argument(text, start + len(r"\ifstudy"))
        there, place = argument(text, place)
        otherwise, place = argument(text, text.index("{", place))
        text = text[:start] + (there if study in studies else otherwise) + text[place:]
    return text


def used_in_text(pattern: str, contents: Iterable[str] | None = None) -> set[str]:
    """Every first group of `pattern` in the article's sources, or in these texts."""
    texts = [source.read_text() for source in SOURCES] if contents is None else contents
    return {key for content in texts for key in re.findall(pattern, content) if "#" not in key}


def keys_of_the_paper(texts: Mapping[Path, str] | None = None) -> set[str]:
    """Every key of numbers.tex that the article, or these texts of its sources, uses; not what commands.tex makes."""
    used = functools.partial(used_in_text, contents=texts.values() if texts else None)
    keys = used(r"\\R\{([^}]*)\}") - {"key"}
    keys |= {f"{key}/{end}" for key in used(r"\\meanci\{([^}]*)\}") - {"prefix"} for end in INTERVAL}
    keys |= {f"{key}/{end}" for key in used(r"\\ci\{([^}]*)\}") - {"prefix"} for end in INTERVAL[1:]}
    keys |= used(r"\\ciofkeys\{([^}]*)\}") | used(r"\\ciofkeys\{[^}]*\}\{([^}]*)\}")
    keys |= {f"{study}/seeds" for study in used(r"\\seeds\{([^}]*)\}") - {"study"}}
    keys -= {"key"}
    keys |= {
        f"claims/{claim}/{end}"
        for claim in used(r"\\claimnumber\{(C\d+[a-z]?)\}") | used(r"\\claiminterval\{(C\d+[a-z]?)\}")
        for end in ("number", "low", "high")
    }
    for kind in ("table", "figure"):
        made = used(rf"\\artefact{kind}(?:\[[^]]*\])?\{{([\w-]+)\}}")
        keys |= {f"script/{kind}s/{name}" for name in made - {"file", "name"}}
    return keys | {f"claims/{claim}/verdict" for claim in used(r"\\ifverdict\{(C\d+[a-z]?)\}")} | {"dataset"}


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
