"""Max pooling, 2x2 at stride 2."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from invariance.layers.images_last import compiled
from invariance.layers.one_of_four import OneOfFour
from invariance.layers.window import Window

DOWNSAMPLING = "MaxPool"


class MaxPool(OneOfFour):
    """The maximum of each 2x2 block, as nn.MaxPool2d(2)."""

    window = Window("max_pool", kernel=2, stride=2)

    def choose(self, maps: Tensor) -> Tensor:
        """The largest pixel, the first of equals."""
        channels, height, width, images = maps.shape
        choice = torch.empty(channels, height // 2, width // 2, images, dtype=torch.uint8)
        largest_of_four(maps.numpy(), choice.numpy())
        return choice

    def by_torch(self, maps: Tensor) -> Tensor:
        return F.max_pool2d(maps, 2)


@compiled
def largest_of_four(maps, choice):
    """Which pixel of each 2x2 block is largest, uint8 (c, h / 2, w / 2, n): 0 and 1 in its upper row, 2 and 3 below."""
    for channel in range(len(choice)):
        for y in range(choice.shape[1]):
            for x in range(choice.shape[2]):
                for image in range(choice.shape[3]):
                    upper, upper_index = maps[channel, 2 * y, 2 * x, image], np.uint8(0)
                    right = maps[channel, 2 * y, 2 * x + 1, image]
                    if right > upper:
                        upper, upper_index = right, np.uint8(1)
                    lower, lower_index = maps[channel, 2 * y + 1, 2 * x, image], np.uint8(2)
                    right = maps[channel, 2 * y + 1, 2 * x + 1, image]
                    if right > lower:
                        lower, lower_index = right, np.uint8(3)
                    choice[channel, y, x, image] = lower_index if lower > upper else upper_index
