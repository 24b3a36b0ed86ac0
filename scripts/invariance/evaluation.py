"""Logits of a trained model over the whole grid of shifts."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from invariance.images import require_lossless, shift_images
from invariance.models import PhaseAverage
from invariance.training import predict


def logits_over_shifts(model: nn.Module, images: np.ndarray, shifts: Sequence[tuple[int, int]]) -> np.ndarray:
    """Logits float32 (shifts, n, 10) of uint8 (n, h, w) images, each shifted by every (dx, dy).

    Raises:
        InputError: a shift would lose ink.
    """
    require_lossless(images, max(max(abs(dx), abs(dy)) for dx, dy in shifts))
    if isinstance(model, PhaseAverage):
        return phase_averages_over_shifts(model, images, shifts)
    return np.stack([predict(model, shift_images(images, dx, dy)) for dx, dy in shifts])


def phase_averages_over_shifts(
    model: PhaseAverage, images: np.ndarray, shifts: Sequence[tuple[int, int]]
) -> np.ndarray:
    """The same for a phase average, each roll of the images passed through the network once.

    Where no ink is lost, a shift is a roll, and a roll of a roll is a roll: the phases of neighbouring shifts overlap,
    and 13 x 13 shifts of 4 x 4 phases are 16 x 16 different rolls, not 2,704.
    """
    phases = [(row, column) for row in range(model.stride) for column in range(model.stride)]
    rolls = sorted({(dy + row, dx + column) for dx, dy in shifts for row, column in phases})
    logits = {roll: predict(model.model, np.roll(images, roll, axis=(1, 2))) for roll in rolls}
    averages = [
        np.mean([logits[dy + row, dx + column] for row, column in phases], axis=0, dtype=np.float64)
        for dx, dy in shifts
    ]
    return np.stack(averages).astype(np.float32)
