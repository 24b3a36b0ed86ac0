"""What is kept of the invariance to other classes, as TeX."""

import pandas as pd

from invariance.paper import tex
from invariance.paper.tex import formatted, with_gaps, with_interval
from invariance.results.labels import label
from studies.class_sequence.summary import MEASURES, PARTS

COLUMNS = {
    "after_nothing_error": "Nothing",
    "after_plain_error": "Others centred",
    "after_distorted_error": "Others translated",
    "after_distorted_clean_error": "unshifted",
    "distorted_itself_error": "Translated themselves",
    "carried": r"Carried over (\%)",
}


def tabular(summary: pd.DataFrame) -> str:
    """One row per model and trained part: errors by what was learned before, and what is kept with its interval."""
    values = summary.set_index(["model", "trained_part", "measure"])[["mean", "low", "high"]]
    rows = []
    for model, part in dict.fromkeys(values.index.droplevel("measure")):
        found = values.loc[(model, part)].reindex(MEASURES)
        entries = [formatted(name, found.loc[name, "mean"]) for name in COLUMNS if name != "carried"]
        rows.append((label(model), (PARTS[part], *entries, with_interval(*found.loc["carried"], decimals=1))))
    above = [r" & & \multicolumn{5}{c}{Error (\%), after} & \\", r"\cmidrule(lr){3-7}"]
    return tex.tabular("ll" + "r" * 5 + "l", ["Model", "Went on", *COLUMNS.values()], with_gaps(rows), above)
