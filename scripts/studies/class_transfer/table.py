"""The measures by groups of classes, as TeX."""

import pandas as pd

from invariance.paper import tex
from invariance.paper.tex import formatted, with_gaps
from invariance.results.labels import label

COLUMNS = {
    "clean_error": "Unshifted",
    "mean_error": "Mean",
    "worst_error": "Worst",
    "mean_consistency": r"Consistency (\%)",
    "mean_called_other": r"Other group (\%)",
    "drift": "Drift",
}


def tabular(summary: pd.DataFrame) -> str:
    """Measures by groups of classes: one row per training and group, means over seeds. Several models are named."""
    keys = ["model", "training", "group", "shown"]
    means = summary.pivot_table(index=keys, columns="measure", values="mean", sort=False)
    several = summary.model.nunique() > 1
    rows = [
        (
            f"{label(model)}, {label(training)}" if several else label(training),
            (
                group.replace("-", "--").replace("+", ", "),
                {"distorted": "yes", "plain": "no"}.get(shown, shown),
                *(formatted(name, row.get(name)) for name in COLUMNS),
            ),
        )
        for (model, training, group, shown), row in means.iterrows()
    ]
    above = [r" & & & \multicolumn{3}{c}{Error (\%)} & & & \\", r"\cmidrule(lr){4-6}"]
    header = ["Training", "Classes", "Translated", *COLUMNS.values()]
    return tex.tabular("lll" + "r" * len(COLUMNS), header, with_gaps(rows), above)
