"""The exact control that needs no training: another model's logits, averaged over all phases of its strides."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from invariance.networks.building import build_model, for_inference, total_stride

OPTIONS = {
    "of": {
        "description": "the model whose logits are averaged: stride, circular, gap",
        "type": "string",
        "minLength": 1,
        "model": True,  # in config.yaml the name of another entry of `models`; what is built holds that entry
        "such_that": {"family": "trunk", "downsampling": "stride", "padding": "circular", "head": "gap"},  # or inexact
    }
}
SIDE_MULTIPLE = 4  # pixels: the trunk halves its maps twice
LAYERWISE = False  # its layers are those of `of`


class PhaseAverage(nn.Module):
    """The logits of `model`, averaged over all phases of its stride: over its input rolled by 0..stride - 1 each way.

    With circular padding and global average pooling, `model` does not change when its input is rolled by a multiple of
    its stride; the average then does not change under any roll at all, with no training.
    """

    def __init__(self, model: nn.Module, stride: int) -> None:
        super().__init__()
        self.model = model
        self.phases = [(row, column) for row in range(stride) for column in range(stride)]

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, classes)."""
        return torch.stack([self.model(images.roll(phase, dims=(-2, -1))) for phase in self.phases]).mean(dim=0)

    def logits_over_shifts(
        self,
        predict: Callable[[nn.Module, np.ndarray], np.ndarray],
        images: np.ndarray,
        shifts: Sequence[tuple[int, int]],
    ) -> np.ndarray:
        """Logits float32 (shifts, n, classes) of uint8 (n, h, w) images; each roll passes through the network once.

        A shift that loses no ink is a roll, so the phases of neighbouring shifts overlap: 13 x 13 shifts of 4 x 4
        phases are 16 x 16 different rolls, not 2,704.
        """
        rolls = sorted({(dy + row, dx + column) for dx, dy in shifts for row, column in self.phases})
        inner = for_inference(self.model)
        logits = {roll: predict(inner, np.roll(images, roll, axis=(1, 2))) for roll in rolls}
        averages = [
            np.mean([logits[dy + row, dx + column] for row, column in self.phases], axis=0, dtype=np.float64)
            for dx, dy in shifts
        ]
        return np.stack(averages).astype(np.float32)


def build(canvas: int, classes: int, of: Mapping[str, Any]) -> PhaseAverage:
    """Args: canvas, side of the images, pixels; classes, logits; of, the entry of the model that is averaged."""
    model = build_model(of, canvas, classes)
    return PhaseAverage(model, total_stride(model))
