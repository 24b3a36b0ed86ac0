"""How well networks tell where a digit stands."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from invariance.results.tables import CELL, by_trained_model, label_of, over_seeds

MEASURES = ["accuracy", "drift", "float64_drift"]


def runs(positions: pd.DataFrame, cards: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per trained model: its parameters and measures.

    Args:
        positions: one row per trained model and position: study, model, training, seed, dx, dy, n, accuracy (0..1),
            logit_drift, float64_drift.
        cards: the card of each study/model/training/seed.
    """
    return pd.DataFrame(
        trained | {"parameters": cards[label_of(trained)]["parameters"]} | position_measures(rows)
        for trained, rows in by_trained_model(positions)
    )


def summary(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The MEASURES of each cell over seeds; `runs` as made by the function of that name."""
    return over_seeds(runs, CELL, MEASURES, confidence)


def position_measures(positions: pd.DataFrame) -> dict[str, float]:
    """The measures of one trained model: images, and chance and accuracy in percent.

    Args:
        positions: one row per position.
    """
    return {
        "test_images": int(positions.n.iloc[0]),
        "chance": 100 / len(positions),
        "accuracy": 100 * positions.accuracy.mean(),
        "drift": positions.logit_drift.max(skipna=False),
        "float64_drift": positions.float64_drift.max(skipna=False),
    }
