"""The matrix products of our networks alone: what ours would reach if all else took no time.

Nothing gathers patches, normalises, pools, rectifies, updates weights or reads images. The products are those of
scripts/invariance/layers, in the same blocks and by the same functions, over and over on the same random numbers.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from invariance.layers.conv import Conv, multiply_by_patches, patches_of
from invariance.layers.linear import Linear
from speed.harness import Contender
from speed.report import PRODUCTS

NOTE = "the matrix products of ours; all else, from gathering patches to the update, takes no time"


def products_alone(prepare: Callable[[], nn.Module], canvas: int, batch: int, images: int) -> Contender:
    """The products of as many whole batches as there are images.

    Args:
        prepare: gives the network; in training mode its products are those of a step, else of a forward pass.
        canvas: side of the images, pixels.
        batch: images that are computed together.
        images: of one call.
    """
    network = prepare()
    products = products_of(network, canvas, batch)

    @torch.inference_mode()
    def run(_: object) -> None:
        for _ in range(images // batch):
            for product in products:
                product()

    return Contender(PRODUCTS, run, images // batch * batch, prepare, facts={"note": NOTE})


def products_of(network: nn.Module, canvas: int, batch: int) -> list[partial]:
    """The products of one batch, in the order of the layers."""
    products: list[partial] = []

    def note(layer: Conv | Linear, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        of_layer = of_convolution if isinstance(layer, Conv) else of_linear
        products.extend(of_layer(layer, inputs[0].shape, network.training, inputs[0].requires_grad))

    weighted = [layer for layer in network.modules() if isinstance(layer, Conv | Linear)]
    handles = [layer.register_forward_hook(note) for layer in weighted]
    with torch.set_grad_enabled(network.training):
        network(torch.rand(batch, 1, canvas, canvas))
    for handle in handles:
        handle.remove()
    return products


def of_convolution(layer: Conv, shape: torch.Size, of_weights: bool, of_maps: bool) -> Iterator[partial]:
    """Those of maps (n, c, h, w): forwards, and for the gradients of the weights and of the maps."""
    images, *sizes = shape
    stride, padding, mode = layer.stride[0], layer.padding[0], layer.padding_mode
    patches = patches_of(torch.Size([*sizes, images]), torch.float32, layer.kernel_size[0], stride, padding, mode)
    weights = torch.rand_like(layer.weight).flatten(1)
    outputs = torch.rand(len(weights), patches.height * patches.width * images)
    read, written = (torch.rand(patches.blocks[0][2].shape) for _ in range(2))  # as all blocks share one memory
    made = torch.empty_like(outputs)
    for _, places, matrix, _ in patches.blocks:
        yield partial(torch.mm, weights, of_size(matrix, read), out=made[:, places])
    if of_weights:
        slopes = outputs.view(len(weights), patches.height, -1).numpy()
        source, gradient = torch.rand(patches.split).view(-1).numpy(), torch.zeros_like(weights).numpy()
        yield partial(multiply_by_patches, source, *patches.reading, slopes, gradient)
    if of_maps:
        for _, places, matrix, _ in patches.blocks:
            yield partial(torch.mm, weights.t(), outputs[:, places], out=of_size(matrix, written))


def of_size(matrix: Tensor, memory: Tensor) -> Tensor:
    """A matrix as large, in memory for the largest."""
    return memory.view(-1)[: matrix.numel()].view(matrix.shape)


def of_linear(layer: Linear, shape: torch.Size, of_weights: bool, of_features: bool) -> Iterator[partial]:
    """Those of features (n, inputs): forwards, and for the gradients of the weights and of the features."""
    weights = torch.rand_like(layer.weight)
    features, outputs = torch.rand(shape[1], shape[0]), torch.rand(len(weights), shape[0])
    yield partial(torch.mm, weights, features, out=torch.empty_like(outputs))
    if of_weights:
        yield partial(torch.mm, outputs, features.t(), out=torch.empty_like(weights))
    if of_features:
        yield partial(torch.mm, weights.t(), outputs, out=torch.empty_like(features))
