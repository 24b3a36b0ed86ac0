"""How the variance between cells splits into architecture, augmentation and their interaction."""

import pandas as pd

from invariance.results.statistics import two_way_shares
from invariance.results.tables import over_seeds

SHARES = ["architecture", "augmentation", "interaction"]
MEASURES = ["mean_error", "mean_consistency"]


def variance_seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per measure and seed: measure, seed, and the three shares in percent.

    Args:
        runs: one row per trained model. A seed counts if every model has every training with it.
    """
    rows = []
    for measure in MEASURES:
        for seed, group in runs.groupby("seed"):
            cells = group.pivot(index="model", columns="training", values=measure)
            if cells.notna().all(axis=None):
                rows.append((measure, seed, *(100 * share for share in two_way_shares(cells.to_numpy()))))
    return pd.DataFrame(rows, columns=["measure", "seed", *SHARES])


def variance(shares: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Each share of each measure over seeds: measure, share, seeds, mean, low, high.

    Args:
        shares: as made by `variance_seeds`.
        confidence: of the intervals.
    """
    table = over_seeds(shares.rename(columns={"measure": "of"}), ["of"], SHARES, confidence)
    return table.rename(columns={"measure": "share", "of": "measure"}).drop(columns=["best", "worst"])
