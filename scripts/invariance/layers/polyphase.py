"""Adaptive polyphase sampling."""

import numpy as np
import torch
from torch import Tensor

from invariance.layers.images_last import compiled
from invariance.layers.one_of_four import OneOfFour
from invariance.layers.window import Window

DOWNSAMPLING = "PolyphaseSampling"
SIDE_MULTIPLE = 4  # pixels of the canvas: a trunk halves its maps twice


class PolyphaseSampling(OneOfFour):
    """Adaptive polyphase sampling: of the four ways to keep every second pixel, the one with the largest L2 norm.

    Chaman and Dokmanic, "Truly Shift-Invariant Convolutional Neural Networks", CVPR 2021. A circular shift of the input
    permutes the four components and shifts each, so the choice, made for each image, moves along with the input.
    Norms are summed in float64, so that the order of a sum does not decide a close choice.
    """

    window = Window("polyphase", kernel=2, stride=2, chooses=True)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h / 2, w / 2); h and w must be even."""
        if maps.shape[-1] % 2 or maps.shape[-2] % 2:
            raise ValueError(f"polyphase sampling needs even sides, got {tuple(maps.shape[-2:])}")
        return super().forward(maps)

    def choose(self, maps: Tensor) -> Tensor:
        """The same phase for all pixels of an image."""
        channels, height, width, images = maps.shape
        energies = torch.empty(4, images, dtype=torch.float64)
        phase_energies(maps.numpy(), energies.numpy())
        return energies.argmax(dim=0).to(torch.uint8).expand(channels, height // 2, width // 2, images).contiguous()

    def by_torch(self, maps: Tensor) -> Tensor:
        phases = torch.stack([maps[..., row::2, column::2] for row in (0, 1) for column in (0, 1)])
        energies = phases.detach().double().square().sum(dim=(2, 3, 4))
        return phases[energies.argmax(dim=0), torch.arange(len(maps), device=maps.device)]


@compiled
def phase_energies(maps, energies):
    """Sums of squares float64 (4, n) of the four ways to keep every second pixel of the maps (c, h, w, n)."""
    energies[:] = 0
    for channel in range(len(maps)):
        for y in range(maps.shape[1]):
            for x in range(maps.shape[2]):
                phase = 2 * (y % 2) + x % 2
                for image in range(maps.shape[3]):
                    value = np.float64(maps[channel, y, x, image])
                    energies[phase, image] += value * value
