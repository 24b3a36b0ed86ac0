"""How the variance splits, as TeX."""

import pandas as pd

from invariance.paper.tex import tabular, with_interval
from invariance.results.labels import label


def variance(shares: pd.DataFrame) -> str:
    """Which part of the variance each source explains, with its interval: one row per measure."""
    rows = [
        (label(measure), *(with_interval(row.mean, row.low, row.high, 1) for row in group.itertuples()))
        for measure, group in shares.groupby("measure", sort=False)
    ]
    return tabular("llll", ["Measure", "Architecture", "Augmentation", "Interaction"], rows)
