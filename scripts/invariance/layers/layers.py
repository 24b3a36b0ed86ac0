"""The layers of the networks: drop-in for those of torch.nn, but quicker to train on one core (README, "Speed").

Maps are (n, c, h, w) as everywhere in PyTorch, but lie in memory with the images last: (c, h, w, n). A convolution is
then one product of its weights with a matrix of patches whose rows are copied whole, and every other loop runs over
images that are treated alike (`kernels`). Maps that lie otherwise are rearranged first, so a layer may follow any
other. What is computed is what torch.nn computes, up to rounding.

Elsewhere than on the CPU, and as the reference in the tests, each layer's `plain` method computes it by torch alone.
"""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from invariance.layers import kernels

PATCH_BYTES = 2**19  # of one matrix of patches: it stays in the second-level cache between being written and read


def as_images_last(maps: Tensor) -> Tensor:
    """Lay (n, c, h, w) maps out with the images last, as contiguous (c, h, w, n); free where they lie so already."""
    return maps.permute(1, 2, 3, 0).contiguous()


def as_images_first(maps: Tensor) -> Tensor:
    """View (c, h, w, n) maps as (n, c, h, w); nothing moves."""
    return maps.permute(3, 0, 1, 2)


def on_cpu(maps: Tensor) -> bool:
    """Whether the compiled loops can be used."""
    return maps.device.type == "cpu"


# ----------------------------------------------------------------------------------------------------------------------
# Convolution


class Patches:
    """What a convolution's kernel sees of maps (c, h, w, n), in blocks of rows of its output that fit into a cache.

    Attributes:
        height, width: of the output.
        blocks: for each block its first row, its columns in the output seen as a matrix (o, height * width * n), and
            where its patches go, as a matrix (c * kernel * kernel, places) and the same memory as an array
            (c * kernel * kernel, rows, width, n). All blocks use one memory, in turn.
    """

    def __init__(
        self, shape: torch.Size, dtype: torch.dtype, kernel: int, stride: int, padding: int, mode: str
    ) -> None:
        channels, height, width, images = shape
        self.kernel, self.stride = kernel, stride
        self.rows, self.columns = (kernels.padded_indices(size, padding, mode) for size in (height, width))
        self.height = (len(self.rows) - kernel) // stride + 1
        self.width = (len(self.columns) - kernel) // stride + 1
        depth, row = channels * kernel**2, self.width * images
        most_rows = max(1, PATCH_BYTES // (depth * row * dtype.itemsize))
        block_rows = -(-self.height // -(-self.height // most_rows))
        memory = scratch(depth * block_rows * row, dtype)
        self.blocks: list[tuple[int, slice, Tensor, np.ndarray]] = []
        for first in range(0, self.height, block_rows):
            rows = min(block_rows, self.height - first)
            array = memory[: depth * rows * row].view(depth, rows, self.width, images)
            self.blocks.append((first, slice(first * row, (first + rows) * row), array.flatten(1), array.numpy()))

    def gather(self, maps: np.ndarray, first: int, array: np.ndarray) -> None:
        """Copy the patches of a block from the maps."""
        kernels.gather_patches(maps, self.rows, self.columns, self.kernel, self.stride, first, array)

    def add_to(self, maps: np.ndarray, first: int, array: np.ndarray) -> None:
        """Add the patches of a block to the maps, each where it would be copied from."""
        kernels.add_patches(array, self.rows, self.columns, self.kernel, self.stride, first, maps)


patches_of = functools.lru_cache(maxsize=64)(Patches)
_scratch: dict[torch.dtype, Tensor] = {}


def scratch(numbers: int, dtype: torch.dtype) -> Tensor:
    """Memory for at least so many numbers, the same for all layers, so that it stays in the cache."""
    if dtype not in _scratch or len(_scratch[dtype]) < numbers:
        with torch.inference_mode(False):  # memory from inference mode could not be written to in training
            _scratch[dtype] = torch.empty(max(numbers, PATCH_BYTES // dtype.itemsize), dtype=dtype)
    return _scratch[dtype]


class PatchProduct(torch.autograd.Function):
    """Convolution, images last, as a product with patches, a few rows of the output at a time; then bias and ReLU."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, mode: str):
        """Maps (c, h, w, n), weight (o, c, k, k) to (o, h', w', n); with a bias (o,), rectified."""
        patches = patches_of(maps.shape, maps.dtype, weight.shape[-1], stride, padding, mode)
        output = maps.new_empty(len(weight), patches.height, patches.width, maps.shape[-1])
        weights, outputs = weight.flatten(1), output.flatten(1)
        map_array, output_array = maps.numpy(), outputs.numpy()
        for first, places, matrix, array in patches.blocks:
            patches.gather(map_array, first, array)
            torch.mm(weights, matrix, out=outputs[:, places])
            if bias is not None:
                kernels.add_bias_and_rectify(output_array, places.start, places.stop, bias.numpy())
        ctx.save_for_backward(maps, weight, None if bias is None else output)
        ctx.patches = patches
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor):
        """Gradients of maps, weight and bias. Patches are gathered again, which costs less than to have kept them."""
        maps, weight, output = ctx.saved_tensors
        weights, gradients = weight.flatten(1), gradient.contiguous().flatten(1)
        maps_gradient = torch.zeros_like(maps) if ctx.needs_input_grad[0] else None
        weight_gradient, bias_gradient = torch.zeros_like(weights), None
        if output is not None:
            bias_gradient = weight.new_zeros(len(weight))
            gradients = rectified_gradient(gradients, output, bias_gradient)
        map_array = maps.numpy()
        for first, places, matrix, array in ctx.patches.blocks:
            slopes = gradients[:, places]
            ctx.patches.gather(map_array, first, array)
            weight_gradient.addmm_(slopes, matrix.t())
            if maps_gradient is not None:
                torch.mm(weights.t(), slopes, out=matrix)
                ctx.patches.add_to(maps_gradient.numpy(), first, array)
        return maps_gradient, weight_gradient.view_as(weight), bias_gradient, None, None, None


def rectified_gradient(gradients: Tensor, output: Tensor, bias_gradient: Tensor) -> Tensor:
    """The gradients (o, places), 0 where the rectified output is 0; their sums are added to bias_gradient (o,)."""
    masked = torch.empty_like(gradients)
    kernels.rectify_backward(gradients.numpy(), output.flatten(1).numpy(), masked.numpy(), bias_gradient.numpy())
    return masked


class Conv(nn.Conv2d):
    """nn.Conv2d with a square kernel, one stride, zero or circular padding, and no bias."""

    def __init__(self, maps: int, wider: int, kernel: int, stride: int = 1, padding: int = 0, mode: str = "zeros"):
        super().__init__(maps, wider, kernel, stride, padding, padding_mode=mode, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, o, h', w')."""
        if not on_cpu(maps):
            return self.plain(maps)
        options = self.stride[0], self.padding[0], self.padding_mode
        return as_images_first(PatchProduct.apply(as_images_last(maps), self.weight, self.bias, *options))

    def plain(self, maps: Tensor) -> Tensor:
        """The same by torch.nn."""
        return super().forward(maps)


class ConvReLU(Conv):
    """nn.Conv2d as above but with a bias, and the ReLU that follows it."""

    def __init__(self, maps: int, wider: int, kernel: int, stride: int = 1, padding: int = 0, mode: str = "zeros"):
        nn.Conv2d.__init__(self, maps, wider, kernel, stride, padding, padding_mode=mode)

    def plain(self, maps: Tensor) -> Tensor:
        """The same by torch.nn."""
        return F.relu(super().plain(maps))


# ----------------------------------------------------------------------------------------------------------------------
# Batch normalisation


class NormaliseAndRectify(torch.autograd.Function):
    """ReLU of maps (c, length), normalised by their own moments (c,), scaled and shifted."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, means: Tensor, deviations: Tensor, weight: Tensor, bias: Tensor):
        rectified = torch.empty_like(maps)
        scales = weight / deviations
        kernels.normalise_and_rectify(maps.numpy(), means.numpy(), scales.numpy(), bias.numpy(), rectified.numpy())
        ctx.save_for_backward(maps, means, deviations, weight, bias)
        return rectified

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor):
        """Gradients of maps, weight and bias; the moments are known to be those of the maps."""
        maps, means, deviations, weight, bias = ctx.saved_tensors
        maps_gradient = torch.empty_like(maps)
        weight_gradient, bias_gradient = torch.empty_like(weight), torch.empty_like(weight)
        inputs = gradient.contiguous(), maps, means, deviations, weight, bias
        outputs = maps_gradient, weight_gradient, bias_gradient
        kernels.normalise_backward(*(tensor.numpy() for tensor in inputs + outputs))
        return maps_gradient, None, None, weight_gradient, bias_gradient


class BatchNormReLU(nn.BatchNorm2d):
    """nn.BatchNorm2d (Ioffe and Szegedy, ICML 2015) and the ReLU that follows it."""

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to the same shape."""
        if not on_cpu(maps):
            return self.plain(maps)
        images_last = as_images_last(maps)
        rows = images_last.view(len(images_last), -1)
        means, variances = self.batch_moments(rows) if self.training else (self.running_mean, self.running_var)
        deviations = torch.sqrt(variances + self.eps)
        if self.training:
            rectified = NormaliseAndRectify.apply(rows, means, deviations, self.weight, self.bias)
        else:
            scales = (self.weight / deviations)[:, None]
            rectified = torch.addcmul(self.bias[:, None] - scales * means[:, None], rows, scales).relu_()
        return as_images_first(rectified.view_as(images_last))

    @torch.no_grad()
    def batch_moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance (c,) of maps (c, length); they move the running ones, the variance unbiased."""
        means, variances = rows.new_empty(len(rows)), rows.new_empty(len(rows))
        kernels.moments(rows.numpy(), means.numpy(), variances.numpy())
        self.running_mean.lerp_(means, self.momentum)
        self.running_var.lerp_(variances * (rows.shape[1] / (rows.shape[1] - 1)), self.momentum)
        self.num_batches_tracked.add_(1)
        return means, variances

    def plain(self, maps: Tensor) -> Tensor:
        """The same by torch.nn."""
        return F.relu(super().forward(maps))

    @torch.no_grad()
    def folded_into(self, conv: Conv) -> ConvReLU:
        """One layer that computes what `conv` and this layer compute in evaluation mode."""
        folded = ConvReLU(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size[0],
            conv.stride[0],
            conv.padding[0],
            conv.padding_mode,
        ).to(conv.weight)
        scales = self.weight / torch.sqrt(self.running_var + self.eps)
        folded.weight.copy_(conv.weight * scales[:, None, None, None])
        folded.bias.copy_(self.bias - scales * self.running_mean)
        return folded


# ----------------------------------------------------------------------------------------------------------------------
# Downsampling by 2


class FilterAndSample(torch.autograd.Function):
    """A separable filter, then every second pixel; images last."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, taps: tuple[float, ...], padding: int, mode: str):
        channels, height, width, images = maps.shape
        rows, columns = (kernels.padded_indices(size, padding, mode) for size in (height, width))
        ctx.filter = rows, columns, np.array(taps, maps.numpy().dtype)
        ctx.shape = maps.shape
        sides = [(len(indices) - len(taps)) // 2 + 1 for indices in (rows, columns)]
        sampled = maps.new_empty(channels, *sides, images)
        kernels.filter_and_sample(maps.numpy(), *ctx.filter, sampled.numpy())
        return sampled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor):
        maps_gradient = gradient.new_zeros(ctx.shape)
        kernels.filter_and_sample_backward(gradient.contiguous().numpy(), *ctx.filter, maps_gradient.numpy())
        return maps_gradient, None, None, None


class BlurPool(nn.Module):
    """Anti-aliased downsampling by 2: a binomial filter along each axis, then every second pixel.

    Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019.
    """

    taps = (0.25, 0.5, 0.25)
    padding = 1

    def __init__(self, mode: str = "zeros") -> None:
        super().__init__()
        self.mode = mode

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, ceil(h / 2), ceil(w / 2))."""
        if not on_cpu(maps):
            return self.plain(maps)
        return as_images_first(FilterAndSample.apply(as_images_last(maps), self.taps, self.padding, self.mode))

    def plain(self, maps: Tensor) -> Tensor:
        """The same as a strided convolution of each channel with the filter."""
        taps = maps.new_tensor(self.taps)
        kernel = (taps[:, None] * taps).expand(maps.shape[1], 1, len(taps), len(taps))
        padded = F.pad(maps, [self.padding] * 4, mode="circular" if self.mode == "circular" else "constant")
        return F.conv2d(padded, kernel, stride=2, groups=maps.shape[1])


class AvgPool(BlurPool):
    """The mean of each 2x2 block, as nn.AvgPool2d(2): (n, c, h, w) to (n, c, h // 2, w // 2)."""

    taps = (0.5, 0.5)
    padding = 0


class ChooseOneOfFour(torch.autograd.Function):
    """The chosen pixel of each 2x2 block; images last."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, choice: Tensor):
        """Maps (c, h, w, n), choice uint8 (c, h // 2, w // 2, n), 0 to 3 row by row."""
        chosen = maps.new_empty(choice.shape)
        kernels.take_chosen(maps.numpy(), choice.numpy(), chosen.numpy())
        ctx.save_for_backward(choice)
        ctx.shape = maps.shape
        return chosen

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor):
        maps_gradient = gradient.new_zeros(ctx.shape)
        kernels.put_chosen(gradient.contiguous().numpy(), ctx.saved_tensors[0].numpy(), maps_gradient.numpy())
        return maps_gradient, None


class MaxPool(nn.Module):
    """The maximum of each 2x2 block, as nn.MaxPool2d(2)."""

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h // 2, w // 2)."""
        if not on_cpu(maps):
            return self.plain(maps)
        images_last = as_images_last(maps)
        channels, height, width, images = images_last.shape
        choice = torch.empty(channels, height // 2, width // 2, images, dtype=torch.uint8)
        kernels.largest_of_four(images_last.detach().numpy(), choice.numpy())
        return as_images_first(ChooseOneOfFour.apply(images_last, choice))

    def plain(self, maps: Tensor) -> Tensor:
        """The same by torch.nn."""
        return F.max_pool2d(maps, 2)


class PolyphaseSampling(nn.Module):
    """Adaptive polyphase sampling: of the four ways to keep every second pixel, the one with the largest L2 norm.

    Chaman and Dokmanic, "Truly Shift-Invariant Convolutional Neural Networks", CVPR 2021. A circular shift of the input
    permutes the four components and shifts each, so the choice, made for each image, moves along with the input.
    The norms are summed in float64, where the order of a sum does not matter by enough to turn a close decision.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h / 2, w / 2); h and w must be even."""
        if maps.shape[-1] % 2 or maps.shape[-2] % 2:
            raise ValueError(f"polyphase sampling needs even sides, got {tuple(maps.shape[-2:])}")
        if not on_cpu(maps):
            return self.plain(maps)
        images_last = as_images_last(maps)
        channels, height, width, images = images_last.shape
        energies = torch.empty(4, images, dtype=torch.float64)
        kernels.phase_energies(images_last.detach().numpy(), energies.numpy())
        choice = energies.argmax(dim=0).to(torch.uint8).expand(channels, height // 2, width // 2, images).contiguous()
        return as_images_first(ChooseOneOfFour.apply(images_last, choice))

    def plain(self, maps: Tensor) -> Tensor:
        """The same by torch alone."""
        phases = torch.stack([maps[..., row::2, column::2] for row in (0, 1) for column in (0, 1)])
        energies = phases.detach().double().square().sum(dim=(2, 3, 4))
        return phases[energies.argmax(dim=0), torch.arange(len(maps), device=maps.device)]


# ----------------------------------------------------------------------------------------------------------------------
# Heads


class GlobalAveragePool(nn.Module):
    """The mean of each map, as nn.AdaptiveAvgPool2d(1) and nn.Flatten()."""

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c)."""
        return as_images_last(maps).flatten(1, 2).mean(dim=1).t()


class Linear(nn.Linear):
    """nn.Linear, of features that lie with the images last."""

    def forward(self, features: Tensor) -> Tensor:
        """(n, inputs) to (n, outputs)."""
        return torch.addmm(self.bias[:, None], self.weight, features.t()).t()

    def plain(self, features: Tensor) -> Tensor:
        """The same by torch.nn."""
        return super().forward(features)
