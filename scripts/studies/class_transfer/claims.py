"""What the claim on invariance by class measures: C9b."""

import pandas as pd

from invariance.results.verdicts import CellsMissingError, Measured, Settings, Tables, cell_runs

LIMITED = ("low_translated", "high_translated")  # trainings that translate some classes and leave the others centred


def class_transfer(tables: Tables, settings: Settings) -> Measured:
    """C9b: how much of the gain from translating a class is kept if the other classes are translated instead."""
    runs = tables["class_transfer-class-runs"]
    carried, details = [], {}
    for training in LIMITED:
        cell = cell_runs(runs, "stride_fc", training)
        unseen, seen = largest_group(cell, "plain"), largest_group(cell, "distorted")
        same = runs[runs.group == unseen.group.iloc[0]]
        centred, translated = cell_runs(same, "stride_fc", "centred"), cell_runs(same, "stride_fc", "translated")
        gain = (centred.mean_error - translated.mean_error).dropna()
        if not len(gain) or not (gain > 0).all():
            raise CellsMissingError(f"a lower error of stride_fc/translated than of stride_fc/centred, for {training}")
        carried.append(100 * (centred.mean_error - unseen.mean_error) / gain)
        details |= {
            f"{training}_carried": carried[-1].mean(),
            f"{training}_unseen_clean_error": unseen.clean_error.mean(),
            f"{training}_translated_error": translated.mean_error.mean(),
            f"{training}_drift": unseen.drift.max(),
        }
        for name, rows in {"seen": seen, "unseen": unseen, "centred": centred}.items():
            details |= {
                f"{training}_{name}_error": rows.mean_error.mean(),
                f"{training}_{name}_consistency": rows.mean_consistency.mean(),
                f"{training}_{name}_called_other": rows.mean_called_other.mean(),
            }
    return Measured((sum(carried) / len(carried)).dropna(), details)


def largest_group(rows: pd.DataFrame, shown: str) -> pd.DataFrame:
    """The rows of one cell for its largest group of classes that training showed this way, indexed by seed.

    Raises:
        CellsMissingError: there is no such group.
    """
    rows = rows[rows.shown == shown]
    if rows.empty:
        raise CellsMissingError(f"a group of classes that a training shows {shown}")
    return rows[rows.group == rows.group[rows.images == rows.images.max()].iloc[0]]
