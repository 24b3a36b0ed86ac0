"""Convolution: the product of its weights with a matrix of patches."""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from invariance.layers.images_last import ImagesLast, compiled, padded_indices
from invariance.layers.window import convolution_window

PATCH_BYTES = 2**18  # of one matrix of patches, so that it is still in the second-level cache when it is read


class Conv(ImagesLast, nn.Conv2d):
    """nn.Conv2d with a square kernel, one stride, zero or circular padding, and no bias."""

    has_bias = False
    window = property(convolution_window)

    def __init__(self, maps: int, wider: int, kernel: int, stride: int = 1, padding: int = 0, mode: str = "zeros"):
        super().__init__(maps, wider, kernel, stride, padding, padding_mode=mode, bias=self.has_bias)

    def compiled(self, maps: Tensor) -> Tensor:
        """(c, h, w, n) to (o, h', w', n)."""
        return PatchProduct.apply(maps, self.weight, self.bias, self.stride[0], self.padding[0], self.padding_mode)

    def by_torch(self, maps: Tensor) -> Tensor:
        return nn.Conv2d.forward(self, maps)


class ConvReLU(Conv):
    """nn.Conv2d as above but with a bias, and the ReLU that follows it."""

    has_bias = True

    def by_torch(self, maps: Tensor) -> Tensor:
        return F.relu(super().by_torch(maps))


class Patches:
    """The patches of maps (c, h, w, n) that a convolution reads, in blocks of output rows that fit into the cache.

    Attributes:
        height, width: of the output.
        sampling: source index of each row and column of the padded maps, kernel, and stride.
        split: shape of the copy of the maps that the gradient of the weights is computed from, (stride, c, rows,
            columns, n): padded, its columns sorted by remainder modulo the stride. What one tap of the kernel reads for
            a row of the output is then contiguous, over columns and images.
        reading: int64 (c * kernel * kernel,), where each tap reads in that copy, flat, for the first row of the output;
            and how much further on it reads for the next row.
        blocks: for each block its first output row; its columns in the output as a matrix (o, height * width * n); and
            its patches, as a matrix (c * kernel * kernel, places) and as an array (c * kernel * kernel, rows, width, n)
            of the same memory. All blocks reuse one buffer.
    """

    def __init__(
        self, shape: torch.Size, dtype: torch.dtype, kernel: int, stride: int, padding: int, mode: str
    ) -> None:
        channels, height, width, images = shape
        rows, columns = (padded_indices(size, padding, mode) for size in (height, width))
        self.sampling = rows, columns, kernel, stride
        self.height, self.width = ((len(indices) - kernel) // stride + 1 for indices in (rows, columns))
        self.split = stride, channels, len(rows), -(-len(columns) // stride), images
        channel, row, column = np.indices((channels, kernel, kernel)).reshape(3, -1)
        starts = np.ravel_multi_index((column % stride, channel, row, column // stride, 0 * row), self.split)
        self.reading = starts, stride * self.split[3] * images
        depth, row = channels * kernel**2, self.width * images
        most_rows = max(1, PATCH_BYTES // (depth * row * dtype.itemsize))
        block_rows = -(-self.height // -(-self.height // most_rows))
        memory = scratch(depth * block_rows * row, dtype)
        self.blocks: list[tuple[int, slice, Tensor, np.ndarray]] = []
        for first in range(0, self.height, block_rows):
            count = min(block_rows, self.height - first)
            array = memory[: depth * count * row].view(depth, count, self.width, images)
            self.blocks.append((first, slice(first * row, (first + count) * row), array.flatten(1), array.numpy()))


patches_of = functools.lru_cache(maxsize=64)(Patches)
_scratch: dict[torch.dtype, Tensor] = {}


def scratch(numbers: int, dtype: torch.dtype) -> Tensor:
    """A buffer of at least `numbers` elements, shared by all layers, so that it stays in the cache."""
    if dtype not in _scratch or len(_scratch[dtype]) < numbers:
        with torch.inference_mode(False):  # a tensor of inference mode could not be written to in training
            _scratch[dtype] = torch.empty(max(numbers, PATCH_BYTES // dtype.itemsize), dtype=dtype)
    return _scratch[dtype]


class PatchProduct(torch.autograd.Function):
    """Convolution, images last, a few output rows at a time; with a bias, the ReLU follows."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, mode: str):
        """Maps (c, h, w, n), weight (o, c, k, k) to (o, h', w', n); rectified if there is a bias (o,)."""
        patches = patches_of(maps.shape, maps.dtype, weight.shape[-1], stride, padding, mode)
        output = maps.new_empty(len(weight), patches.height, patches.width, maps.shape[-1])
        weights, outputs = weight.flatten(1), output.flatten(1)
        map_array, output_array = maps.numpy(), outputs.numpy()
        for first, places, matrix, array in patches.blocks:
            gather_patches(map_array, *patches.sampling, first, array)
            torch.mm(weights, matrix, out=outputs[:, places])
            if bias is not None:
                add_bias_and_rectify(output_array, places.start, places.stop, bias.numpy())
        ctx.save_for_backward(maps, weight, None if bias is None else output)
        ctx.patches = patches
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor):
        """Gradients of maps, weight and bias."""
        maps, weight, output = ctx.saved_tensors
        weights, gradients = weight.flatten(1), gradient.contiguous().flatten(1)
        maps_gradient = torch.zeros_like(maps) if ctx.needs_input_grad[0] else None
        weight_gradient, bias_gradient = torch.zeros_like(weights), None
        if output is not None:
            bias_gradient = weight.new_zeros(len(weight))
            gradients = rectified_gradient(gradients, output, bias_gradient)
        patches = ctx.patches
        split = maps.new_empty(patches.split).numpy()
        split_columns(maps.numpy(), *patches.sampling[:2], split)
        slopes = gradients.view(len(weight), patches.height, -1).numpy()
        multiply_by_patches(split.reshape(-1), *patches.reading, slopes, weight_gradient.numpy())
        if maps_gradient is not None:
            for first, places, matrix, array in patches.blocks:
                torch.mm(weights.t(), gradients[:, places], out=matrix)
                add_patches(array, *patches.sampling, first, maps_gradient.numpy())
        return maps_gradient, weight_gradient.view_as(weight), bias_gradient, None, None, None


def rectified_gradient(gradients: Tensor, output: Tensor, bias_gradient: Tensor) -> Tensor:
    """The gradients (o, places), 0 where the rectified output is 0; adds their sums to bias_gradient (o,)."""
    masked = torch.empty_like(gradients)
    rectify_backward(gradients.numpy(), output.flatten(1).numpy(), masked.numpy(), bias_gradient.numpy())
    return masked


@compiled
def gather_patches(maps, rows, columns, kernel, stride, first, patches):
    """Copy the patches of maps (c, h, w, n) for the output rows first, first + 1, ...

    They are those of `im2col`, images last: (c * kernel * kernel, output rows, output columns, n).
    """
    for patch in range(len(patches)):
        channel, tap = divmod(patch, kernel * kernel)
        tap_row, tap_column = divmod(tap, kernel)
        for y in range(patches.shape[1]):
            row = rows[(first + y) * stride + tap_row]
            for x in range(patches.shape[2]):
                column = columns[x * stride + tap_column]
                if row < 0 or column < 0:
                    for image in range(patches.shape[3]):
                        patches[patch, y, x, image] = 0
                else:
                    for image in range(patches.shape[3]):
                        patches[patch, y, x, image] = maps[channel, row, column, image]


@compiled
def add_patches(patches, rows, columns, kernel, stride, first, maps):
    """The transpose of `gather_patches`: adds each patch to the maps where it was read."""
    for patch in range(len(patches)):
        channel, tap = divmod(patch, kernel * kernel)
        tap_row, tap_column = divmod(tap, kernel)
        for y in range(patches.shape[1]):
            row = rows[(first + y) * stride + tap_row]
            if row < 0:
                continue
            for x in range(patches.shape[2]):
                column = columns[x * stride + tap_column]
                if column >= 0:
                    for image in range(patches.shape[3]):
                        maps[channel, row, column, image] += patches[patch, y, x, image]


@compiled
def split_columns(maps, rows, columns, split):
    """Copy maps (c, h, w, n), padded, to split (stride, c, rows, columns, n): columns by remainder and quotient."""
    stride = len(split)
    for channel in range(len(maps)):
        for y in range(len(rows)):
            for x in range(len(columns)):
                place = split[x % stride, channel, y, x // stride]
                if rows[y] < 0 or columns[x] < 0:
                    for image in range(len(place)):
                        place[image] = 0
                else:
                    pixel = maps[channel, rows[y], columns[x]]
                    for image in range(len(place)):
                        place[image] = pixel[image]


@compiled
def multiply_by_patches(source, starts, step, slopes, products):
    """Add to products (o, taps) those of slopes (o, rows, length) with the patches, read where they lie in `source`.

    A tap reads source[start...] for the first row, and a step further on for each next one.

    Twelve sums at a time stay in registers; those of the last tile repeat when the sizes are no multiples of 4 and 3.
    """
    outs, taps = products.shape
    zero, length = products.dtype.type(0), slopes.shape[2]
    sums = np.empty((outs + 3, taps + 2), products.dtype)
    for y in range(slopes.shape[1]):
        for out in range(0, outs, 4):
            g_0, g_1 = slopes[out, y], slopes[min(out + 1, outs - 1), y]
            g_2, g_3 = slopes[min(out + 2, outs - 1), y], slopes[min(out + 3, outs - 1), y]
            for tap in range(0, taps, 3):
                a = starts[tap] + y * step
                b, c = starts[min(tap + 1, taps - 1)] + y * step, starts[min(tap + 2, taps - 1)] + y * step
                x_a, x_b, x_c = source[a : a + length], source[b : b + length], source[c : c + length]
                a_0 = b_0 = c_0 = a_1 = b_1 = c_1 = a_2 = b_2 = c_2 = a_3 = b_3 = c_3 = zero
                for i in range(length):
                    x, y_, z = x_a[i], x_b[i], x_c[i]
                    g = g_0[i]
                    a_0, b_0, c_0 = a_0 + g * x, b_0 + g * y_, c_0 + g * z
                    g = g_1[i]
                    a_1, b_1, c_1 = a_1 + g * x, b_1 + g * y_, c_1 + g * z
                    g = g_2[i]
                    a_2, b_2, c_2 = a_2 + g * x, b_2 + g * y_, c_2 + g * z
                    g = g_3[i]
                    a_3, b_3, c_3 = a_3 + g * x, b_3 + g * y_, c_3 + g * z
                sums[out, tap], sums[out, tap + 1], sums[out, tap + 2] = a_0, b_0, c_0
                sums[out + 1, tap], sums[out + 1, tap + 1], sums[out + 1, tap + 2] = a_1, b_1, c_1
                sums[out + 2, tap], sums[out + 2, tap + 1], sums[out + 2, tap + 2] = a_2, b_2, c_2
                sums[out + 3, tap], sums[out + 3, tap + 1], sums[out + 3, tap + 2] = a_3, b_3, c_3
        for out in range(outs):
            for tap in range(taps):
                products[out, tap] += sums[out, tap]


@compiled
def add_bias_and_rectify(maps, start, stop, bias):
    """max(maps + bias, 0) of the columns start..stop of maps (c, length), in place; bias (c,)."""
    for channel in range(len(maps)):
        row, shift = maps[channel, start:stop], bias[channel]
        for i in range(len(row)):
            value = row[i] + shift
            row[i] = 0 if value < 0 else value


@compiled
def rectify_backward(gradient, rectified, masked, bias_gradient):
    """Write the gradient (c, length), 0 where `rectified` is 0, to `masked`; add its sums to bias_gradient (c,)."""
    zero = gradient.dtype.type(0)
    for channel in range(len(gradient)):
        slopes, values, kept = gradient[channel], rectified[channel], masked[channel]
        total = zero
        for i in range(len(kept)):
            slope = zero if values[i] <= zero else slopes[i]
            kept[i] = slope
            total += slope
        bias_gradient[channel] += total
