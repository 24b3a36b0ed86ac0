"""How the variance splits, as TeX."""

from collections.abc import Iterator, Mapping

import pandas as pd

from invariance.paper.tex import number, tabular, with_interval
from invariance.results.labels import label


def variance(shares: pd.DataFrame) -> str:
    """Which part of the variance each source explains, with its interval: one row per measure."""
    rows = [
        (label(measure), *(with_interval(row.mean, row.low, row.high, 1) for row in group.itertuples()))
        for measure, group in shares.groupby("measure", sort=False)
    ]
    return tabular("llll", ["Measure", "Architecture", "Augmentation", "Interaction"], rows)


def numbers(study: str, tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, str]]:
    """Each share of the variance of each measure over seeds, as variance/<study>/<measure>/<share>/<statistic>."""
    for row in tables[f"{study}-variance"].itertuples():
        for statistic in ("mean", "low", "high"):
            yield f"variance/{study}/{row.measure}/{row.share}/{statistic}", number(getattr(row, statistic))
