"""The validation error and loss of each setting that was tried; no test image is read for it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from invariance.results.reading import require_trained_model
from invariance.results.tables import CELL, over_seeds

SETTINGS = ["epochs", "schedule", "learning_rate", "averaging"]  # of `optimisation`; the distortion is another
MEASURES = ["validation_error", "validation_loss"]


def validation(cards: Mapping[str, Mapping[str, Any]], confidence: float) -> pd.DataFrame:
    """The last epoch's MEASURES of each cell over seeds, beside its settings.

    Args:
        cards: the card of each study/model/training/seed.
        confidence: of the intervals.
    """
    rows = []
    for label, card in cards.items():
        training, final = card["training"], card["final"]
        settings = {"distortion": training["distortion"]} | {key: training["optimisation"][key] for key in SETTINGS}
        rows.append(require_trained_model(label) | settings | {measure: final[measure] for measure in MEASURES})
    return over_seeds(pd.DataFrame(rows), [*CELL, "distortion", *SETTINGS], MEASURES, confidence)
