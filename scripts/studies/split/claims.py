"""What the claim on augmentation against architecture measures: C11."""

import pandas as pd

from invariance.results.statistics import two_way_shares
from invariance.results.verdicts import CellsMissingError, Measured, Settings, Tables, mean_details
from studies.split.summary import SHARES


def augmentation_or_architecture(tables: Tables, settings: Settings) -> Measured:
    """C11: by how much augmentation's share of the variance of the mean error exceeds that of architecture."""
    shares = tables["split-variance-seeds"]
    of_error, of_consistency = (shares[shares.measure == name] for name in ("mean_error", "mean_consistency"))
    if of_error.empty:
        raise CellsMissingError("every model of split with every training")
    details = {}
    for suffix, rows in {"": of_error, "_of_consistency": of_consistency}.items():
        for share in SHARES:
            details |= mean_details(f"{share}{suffix}", rows[share], settings["confidence"])
    cells = tables["split-runs"].pivot_table(index="model", columns="training", values="mean_error")
    models, trainings = cells.shape
    details |= {"models": models, "trainings": trainings, "cells": models * trainings}
    details |= {"left_out_cases": models + trainings, "reversed_cases": reversing(cells)}
    for (model, training), cell in tables["split-runs"].groupby(["model", "training"], sort=False):
        details[f"{model}_{training}_error"] = cell.mean_error.mean()
    return Measured(of_error.augmentation - of_error.architecture, details)


def reversing(cells: pd.DataFrame) -> int:
    """How many models and trainings, left out one at a time, reverse which of their shares is the larger.

    Args:
        cells: (models, trainings), the mean error over seeds.
    """
    left_out = [cells.drop(index=model) for model in cells.index]
    left_out += [cells.drop(columns=training) for training in cells.columns]
    return sum(augmentation_leads(table) != augmentation_leads(cells) for table in left_out)


def augmentation_leads(cells: pd.DataFrame) -> bool:
    architecture, augmentation, _ = two_way_shares(cells.to_numpy())
    return augmentation > architecture
