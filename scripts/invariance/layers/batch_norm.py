"""Batch normalisation, with the ReLU that follows it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from invariance.layers.conv import Conv, ConvReLU
from invariance.layers.images_last import ImagesLast, compiled
from invariance.layers.window import POINTWISE

CHUNK = 512  # elements that are summed in the arrays' own precision; sums of chunks are added in float64


class BatchNormReLU(ImagesLast, nn.BatchNorm2d):
    """nn.BatchNorm2d (Ioffe and Szegedy, ICML 2015) and the ReLU that follows it."""

    window = POINTWISE

    def compiled(self, maps: Tensor) -> Tensor:
        """(c, h, w, n) to the same shape."""
        rows = maps.view(len(maps), -1)
        means, variances = self.batch_moments(rows) if self.training else (self.running_mean, self.running_var)
        deviations = torch.sqrt(variances + self.eps)
        if self.training:
            rectified = NormaliseAndRectify.apply(rows, means, deviations, self.weight, self.bias)
        else:
            scales = (self.weight / deviations)[:, None]
            rectified = torch.addcmul(self.bias[:, None] - scales * means[:, None], rows, scales).relu_()
        return rectified.view_as(maps)

    @torch.no_grad()
    def batch_moments(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance (c,) of maps (c, length). Updates the running moments, the variance as unbiased."""
        means, variances = rows.new_empty(len(rows)), rows.new_empty(len(rows))
        moments(rows.numpy(), means.numpy(), variances.numpy())
        self.running_mean.lerp_(means, self.momentum)
        self.running_var.lerp_(variances * (rows.shape[1] / (rows.shape[1] - 1)), self.momentum)
        self.num_batches_tracked.add_(1)
        return means, variances

    def by_torch(self, maps: Tensor) -> Tensor:
        return F.relu(nn.BatchNorm2d.forward(self, maps))

    @torch.no_grad()
    def folded_into(self, layer: nn.Module) -> ConvReLU | None:
        """A single layer equal to `layer` and then this one in evaluation mode; None unless `layer` is a Conv."""
        if type(layer) is not Conv:
            return None
        sizes = layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0], layer.padding[0]
        folded = ConvReLU(*sizes, layer.padding_mode).to(layer.weight)
        scales = self.weight / torch.sqrt(self.running_var + self.eps)
        folded.weight.copy_(layer.weight * scales[:, None, None, None])
        folded.bias.copy_(self.bias - scales * self.running_mean)
        return folded


class NormaliseAndRectify(torch.autograd.Function):
    """ReLU of maps (c, length), normalised by their own moments (c,), scaled and shifted."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, means: Tensor, deviations: Tensor, weight: Tensor, bias: Tensor):
        rectified = torch.empty_like(maps)
        scales = weight / deviations
        normalise_and_rectify(maps.numpy(), means.numpy(), scales.numpy(), bias.numpy(), rectified.numpy())
        ctx.save_for_backward(maps, means, deviations, weight, bias)
        return rectified

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor):
        """Gradients of maps, weight and bias, where the moments are those of the maps themselves."""
        maps, means, deviations, weight, bias = ctx.saved_tensors
        maps_gradient = torch.empty_like(maps)
        weight_gradient, bias_gradient = torch.empty_like(weight), torch.empty_like(weight)
        inputs = gradient.contiguous(), maps, means, deviations, weight, bias
        outputs = maps_gradient, weight_gradient, bias_gradient
        normalise_backward(*(tensor.numpy() for tensor in inputs + outputs))
        return maps_gradient, None, None, weight_gradient, bias_gradient


@compiled
def moments(maps, means, variances):
    """Mean and (biased) variance (c,) of each row of maps (c, length), in one pass.

    Both are summed of the distances to the row's first number, so that a mean far from 0 costs no precision.
    """
    zero = maps.dtype.type(0)
    for channel in range(len(maps)):
        row = maps[channel]
        first, total, total_of_squares = row[0], 0.0, 0.0
        for start in range(0, len(row), CHUNK):
            chunk, part, part_of_squares = row[start : start + CHUNK], zero, zero
            for i in range(len(chunk)):
                distance = chunk[i] - first
                part += distance
                part_of_squares += distance * distance
            total += part
            total_of_squares += part_of_squares
        mean = total / len(row)
        means[channel] = first + mean
        variances[channel] = max(total_of_squares / len(row) - mean * mean, 0.0)  # rounding alone is below 0


@compiled
def normalise_and_rectify(maps, means, scales, shifts, rectified):
    """max((maps - means) * scales + shifts, 0) of maps (c, length), into `rectified`."""
    for channel in range(len(maps)):
        mean, scale, shift = means[channel], scales[channel], shifts[channel]
        for i in range(maps.shape[1]):
            value = (maps[channel, i] - mean) * scale + shift
            rectified[channel, i] = 0 if value < 0 else value


@compiled
def normalise_backward(
    gradient, maps, means, deviations, weights, shifts, maps_gradient, weight_gradient, shift_gradient
):
    """Gradients of `normalise_and_rectify` whose means and standard deviations (c,) are those of the maps themselves.

    With x the normalised maps and g the gradient behind the ReLU, that of the maps is
    weight / deviation * (g - mean(g) - x * mean(g * x)). Ioffe and Szegedy, ICML 2015, section 3.
    """
    zero = maps.dtype.type(0)
    for channel in range(len(maps)):
        row, slopes, length = maps[channel], gradient[channel], maps.shape[1]
        mean, scale, shift = means[channel], weights[channel] / deviations[channel], shifts[channel]
        sum_g, sum_gx = 0.0, 0.0
        for start in range(0, length, CHUNK):
            chunk, chunk_slopes = row[start : start + CHUNK], slopes[start : start + CHUNK]
            part_g, part_gx = zero, zero
            for i in range(len(chunk)):
                centred = chunk[i] - mean
                g = zero if centred * scale + shift <= zero else chunk_slopes[i]
                part_g += g
                part_gx += g * centred
            sum_g += part_g
            sum_gx += part_gx
        sum_gx /= deviations[channel]
        shift_gradient[channel] = sum_g
        weight_gradient[channel] = sum_gx
        mean_g = maps.dtype.type(sum_g / length)
        tilt = maps.dtype.type(sum_gx / length / deviations[channel])
        for i in range(length):
            centred = row[i] - mean
            g = zero if centred * scale + shift <= zero else slopes[i]
            maps_gradient[channel, i] = scale * (g - mean_g - centred * tilt)
