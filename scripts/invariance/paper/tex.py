"""TeX that several studies share: formats of numbers, and booktabs tabulars; others are in the table.py of a study."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from invariance.results.labels import label

MISSING = "--"
SPECIAL = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)
COUNTS = ("runs", "seeds", "parameters", "copies", "mcnemar_seed", "smallest_range", "largest_range")
COUNTS += ("models", "trainings", "cells")


def escape(text: str) -> str:
    """Escape TeX's special characters."""
    return text.translate(SPECIAL)


def number(value: float | None, decimals: int = 2) -> str:
    """A number with fixed decimals and a real minus sign; a dash for a missing number."""
    if value is None or math.isnan(value):
        return MISSING
    text = f"{value:.{decimals}f}"
    return f"$-${text[1:]}" if text.startswith("-") and float(text) != 0 else text.lstrip("-")


def whole(value: float) -> str:
    """A count, with commas between thousands."""
    return f"{int(value):,}".replace(",", "{,}")


def small(value: float | None) -> str:
    """A number that may be tiny, such as a drift: two decimals, or a power of ten below 0.01; exact 0 is 0."""
    if value is None or math.isnan(value):
        return MISSING
    if value == 0:
        return "0"
    if abs(value) >= 0.01:
        return number(value)
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"${mantissa}\\times10^{{{int(exponent)}}}$"


def p_value(value: float | None) -> str:
    """A p-value for math mode: three decimals, or "<0.001"."""
    if value is None or math.isnan(value):
        return MISSING
    return "{<}0.001" if value < 0.001 else f"{value:.3f}"


def formatted(name: str, value: float | None) -> str:
    """A value in the format of its measure."""
    if name.endswith(("drift", "mismatch")):
        return small(value)
    if name.endswith("_p"):
        return p_value(value)
    if name.endswith("_cases") or name in COUNTS:
        return MISSING if value is None or math.isnan(value) else whole(value)
    return number(value, 1 if "radius" in name else 2)


def with_interval(mean: float, low: float | None, high: float | None, decimals: int = 2) -> str:
    """A mean with its interval in brackets, or without if there is none."""
    if low is None or math.isnan(low):
        return number(mean, decimals)
    return f"{number(mean, decimals)} [{number(low, decimals)}, {number(high, decimals)}]"


def between(low: float, high: float) -> str:
    """An interval of errors in percent, of which none is below 0; a dash if there is none."""
    return MISSING if pd.isna(low) else f"{number(max(low, 0))}--{number(high)}"


# Tabulars -------------------------------------------------------------------------------------------------------------


def tabular(columns: str, header: Sequence[str], rows: Iterable[Sequence[str]], above: Sequence[str] = ()) -> str:
    """A booktabs tabular.

    Args:
        columns: TeX's column specification.
        header: one heading per column.
        rows: entries of each row; an empty row is a small gap.
        above: lines above the header, such as headings over several columns and the rules below them.
    """
    lines = [f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}", "\\toprule", *above, " & ".join(header) + r" \\"]
    lines += ["\\midrule", *(" & ".join(row) + r" \\" if row else "\\addlinespace" for row in rows)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def with_gaps(rows: Iterable[tuple[str, Sequence[str]]]) -> Iterator[Sequence[str]]:
    """Put the group, once, in front of the entries of its rows; a small gap separates groups of several rows."""
    rows = list(rows)
    gaps = len({group for group, _ in rows}) < len(rows)
    previous = None
    for group, cells in rows:
        if gaps and previous is not None and group != previous:
            yield ()
        yield [group if group != previous else "", *cells]
        previous = group


STUDY_COLUMNS = {
    "test_error": "Test",
    "clean_error": "Unshifted",
    "mean_error": "Mean",
    "worst_error": "Worst",
    "robust_error": "Robust",
    "mean_consistency": "Mean",
    "worst_consistency": "Worst",
    "pairwise_consistency": "Pairwise",
    "radius": "Radius",
    "drift": "Drift",
}


def study_tabular(summary: pd.DataFrame) -> str:
    """All measures of a study over shifts: one row per model and training, means over seeds."""
    means = summary.pivot_table(index=["training", "model"], columns="measure", values="mean", sort=False)
    rows = [
        (label(training), (label(model), *(formatted(name, row.get(name)) for name in STUDY_COLUMNS)))
        for (training, model), row in means.iterrows()
    ]
    above = [
        r" & & \multicolumn{5}{c}{Error (\%)} & \multicolumn{3}{c}{Consistency (\%)} & & \\",
        r"\cmidrule(lr){3-7}\cmidrule(lr){8-10}",
    ]
    header = ["Training", "Model", *STUDY_COLUMNS.values()]
    return tabular("ll" + "r" * len(STUDY_COLUMNS), header, with_gaps(rows), above)


def provenance_tabular(artefacts: Iterable[tuple[str, str]]) -> str:
    """Paths of artefacts and the first 12 digits of their SHA-256, in two columns, read one after the other."""
    cells = [f"\\nolinkurl{{{path}}} & \\texttt{{{sha256[:12]}}}" for path, sha256 in artefacts]
    length = -(-len(cells) // 2)
    rows = itertools.zip_longest(cells[:length], cells[length:], fillvalue=" & ")
    return tabular(r"ll@{\qquad}ll", ["Artefact", "SHA-256"] * 2, rows)
