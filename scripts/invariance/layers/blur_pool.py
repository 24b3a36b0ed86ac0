"""Blur pooling: a separable filter, then every second pixel."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from invariance.layers.images_last import ImagesLast, compiled, padded_indices
from invariance.layers.window import Window

DOWNSAMPLING = "BlurPool"


class BlurPool(ImagesLast):
    """Anti-aliased downsampling by 2: a binomial filter along each axis, then every second pixel.

    Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019.
    """

    taps = (0.25, 0.5, 0.25)
    padding = 1

    def __init__(self, mode: str = "zeros") -> None:
        super().__init__()
        self.mode = mode
        self.register_buffer("filter", torch.tensor(self.taps), persistent=False)  # no step copies it
        self.window = Window("blur_pool", padding=mode, kernel=len(self.taps), stride=2, margin=self.padding)

    def compiled(self, maps: Tensor) -> Tensor:
        """(c, h, w, n) to (c, ceil(h / 2), ceil(w / 2), n)."""
        return FilterAndSample.apply(maps, self.taps, self.padding, self.mode)

    def by_torch(self, maps: Tensor) -> Tensor:
        """A strided convolution of each channel with the filter."""
        taps = self.filter.to(maps.dtype)
        kernel = (taps[:, None] * taps).expand(maps.shape[1], 1, len(taps), len(taps))
        padded = F.pad(maps, [self.padding] * 4, mode="circular" if self.mode == "circular" else "constant")
        return F.conv2d(padded, kernel, stride=2, groups=maps.shape[1])


class FilterAndSample(torch.autograd.Function):
    """A separable filter, then every second pixel; images last."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, taps: tuple[float, ...], padding: int, mode: str):
        channels, height, width, images = maps.shape
        rows, columns = (padded_indices(size, padding, mode) for size in (height, width))
        ctx.filter = rows, columns, np.array(taps, maps.numpy().dtype)
        ctx.shape = maps.shape
        sides = [(len(indices) - len(taps)) // 2 + 1 for indices in (rows, columns)]
        sampled = maps.new_empty(channels, *sides, images)
        filter_and_sample(maps.numpy(), *ctx.filter, sampled.numpy())
        return sampled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor):
        maps_gradient = gradient.new_zeros(ctx.shape)
        filter_and_sample_backward(gradient.contiguous().numpy(), *ctx.filter, maps_gradient.numpy())
        return maps_gradient, None, None, None


@compiled
def filter_and_sample(maps, rows, columns, taps, sampled):
    """Convolve each channel with the filter taps x taps and keep every second pixel: sampled (c, h', w', n)."""
    for channel in range(len(sampled)):
        for y in range(sampled.shape[1]):
            for x in range(sampled.shape[2]):
                for image in range(sampled.shape[3]):
                    sampled[channel, y, x, image] = 0
                for i in range(len(taps)):
                    for j in range(len(taps)):
                        row, column = rows[2 * y + i], columns[2 * x + j]
                        if row >= 0 and column >= 0:
                            weight = taps[i] * taps[j]
                            for image in range(sampled.shape[3]):
                                sampled[channel, y, x, image] += weight * maps[channel, row, column, image]


@compiled
def filter_and_sample_backward(gradient, rows, columns, taps, maps_gradient):
    """The transpose of `filter_and_sample`: adds to the gradient of the maps."""
    for channel in range(len(gradient)):
        for y in range(gradient.shape[1]):
            for x in range(gradient.shape[2]):
                for i in range(len(taps)):
                    for j in range(len(taps)):
                        row, column = rows[2 * y + i], columns[2 * x + j]
                        if row >= 0 and column >= 0:
                            weight = taps[i] * taps[j]
                            for image in range(gradient.shape[3]):
                                maps_gradient[channel, row, column, image] += weight * gradient[channel, y, x, image]
