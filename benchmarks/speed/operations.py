"""Floating-point operations and bytes that the work itself needs, by formula, the same for all contenders.

Networks. Convolutions and fully connected layers count, with two operations for each multiplication with its addition:
once forward, once for the gradient of the weights, and once for that of the input, except the images. Biases, ReLU,
batch norm, pooling, sampling, loss and the update do not count.

Bytes are those of a loop that fuses all it can: every output of a convolution, a fully connected layer or a layer that
resamples is written once and read once; training reads it once more, and writes and reads its gradient. Parameters are
moved once a batch: read for evaluation; for training read twice, their gradient written and read, the velocity and
the parameter read and written. The images are read as bytes and passed on as float32.

Distortions. Each array of the method, block by block, is written once and read once. Each component of an elastic field
is blurred by two dense matrix products; random numbers are made with integers and count as bytes alone.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from speed.networks import GroupedBlurPool, Polyphase, SlicedBlurPool

FLOAT = 4  # bytes
WEIGHTED = (nn.Conv2d, nn.Linear)
RESAMPLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, SlicedBlurPool, GroupedBlurPool, Polyphase)
INTERPOLATION = 14  # operations per pixel: two positions, two shares, three linear interpolations, rounding
POSITIONS = 8  # operations per pixel to find where an affine map points: two rows of a 2x3 matrix


class Work(NamedTuple):
    """The work of one image."""

    flops: float  # floating-point operations
    moved: float  # bytes read and written


class Layer(NamedTuple):
    """One layer as an image passes through it."""

    multiply_adds: int
    outputs: int
    needs_input_gradient: bool


def multiply_adds(layer: nn.Module, output: Tensor) -> int:
    """Multiplications with their additions that a weighted layer takes to make `output` of one image, (1, ...)."""
    if isinstance(layer, nn.Conv2d):
        return output.numel() * layer.weight[0].numel()
    return layer.weight.numel() if isinstance(layer, nn.Linear) else 0


def layers(network: nn.Module, canvas: int) -> list[Layer]:
    """The weighted and the resampling layers, in the order in which one image passes through them."""
    found: list[Layer] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append(Layer(multiply_adds(layer, output), output.numel(), inputs[0].requires_grad))

    counted = [module for module in network.modules() if isinstance(module, WEIGHTED + RESAMPLING)]
    handles = [module.register_forward_hook(note) for module in counted]
    was_training = network.training
    network.eval()(torch.zeros(1, 1, canvas, canvas))
    network.train(was_training)
    for handle in handles:
        handle.remove()
    return found


def evaluating(network: nn.Module, canvas: int, batch: int) -> Work:
    """Work of the forward pass."""
    passed = layers(network, canvas)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    activations = sum(layer.outputs for layer in passed)
    moved = canvas**2 + FLOAT * (2 * canvas**2 + 2 * activations + parameters / batch)
    return Work(2 * sum(layer.multiply_adds for layer in passed), moved)


def training(network: nn.Module, canvas: int, batch: int) -> Work:
    """Work of a step of training: forward, backward, update."""
    passed = layers(network, canvas)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    activations = sum(layer.outputs for layer in passed)
    flops = 2 * sum(layer.multiply_adds * (3 if layer.needs_input_gradient else 2) for layer in passed)
    moved = canvas**2 + FLOAT * (3 * canvas**2 + 5 * activations + 8 * parameters / batch)
    return Work(flops, moved)


def elastic(canvas: int) -> Work:
    """Work of an elastic distortion: random numbers, two blurs of two components, alpha, warp."""
    pixels = canvas**2
    blur = 2 * 2 * (2 * canvas**3)
    flops = blur + 2 * 2 * pixels + 2 * pixels + INTERPOLATION * pixels
    arrays = 3 * 2 * pixels * FLOAT  # noise, half blurred, field
    return Work(flops, 2 * arrays + 2 * pixels)


def affine(canvas: int) -> Work:
    """Work of an affine map: positions and warp, with no array in between."""
    return Work((POSITIONS + INTERPOLATION) * canvas**2, 2 * canvas**2)


def translation(canvas: int) -> Work:
    """Work of a shift by whole pixels: bytes alone."""
    return Work(0, 2 * canvas**2)
