"""What a layer says of itself, so that its equivariance can be measured: where its outputs are read from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import nn

from invariance.record.artefacts import InputError


@dataclass(frozen=True)
class Window:
    """Which pixels one output position is computed from, along each axis; the same computation at every position.

    A layer has it as its attribute `window`.

    Attributes:
        kind: the layer's name in tables and figures.
        padding: none, zeros, circular, or ignored (padded, but with nothing that is read, as by nn.MaxPool2d).
        kernel, stride, margin: margin is how many pixels are padded on each side.
        chooses: whether each image is sampled at pixels of its own choice, which move along with it.
        is_head: whether it ends the maps.
        averages: of a head, whether all positions count the same.
    """

    kind: str
    padding: str = "none"
    kernel: int = 1
    stride: int = 1
    margin: int = 0
    chooses: bool = False
    is_head: bool = False
    averages: bool = False

    def output_side(self, side: int) -> int:
        """Side of the output of maps of `side` pixels."""
        return (side + 2 * self.margin - self.kernel) // self.stride + 1

    def is_torus(self, side: int) -> bool:
        """Whether maps of `side` pixels have no border here: their last pixel is followed by their first."""
        borderless = self.padding == "circular" or (self.margin == 0 and self.kernel == self.stride)
        return borderless and self.output_side(side) * self.stride == side


POINTWISE = Window("pointwise")  # belongs to the layer before it
FULLY_CONNECTED = Window("fully_connected", is_head=True)
GLOBAL_AVERAGE_POOL = Window("global_average_pool", is_head=True, averages=True)


# ----------------------------------------------------------------------------------------------------------------------
# Those of torch.nn


def one(sizes: int | tuple[int, int] | str) -> int | None:
    """The size along both axes; None where they differ, or there is none."""
    height, width = sizes if isinstance(sizes, tuple) else (sizes, sizes)
    return height if height == width and isinstance(height, int) else None


def window_of_sizes(layer: nn.Module, kind: str, padding: str, usual: bool) -> Window | None:
    """Of a layer of torch.nn with a kernel, stride and padding; None if it is not `usual`, or not square."""
    kernel, stride, margin = one(layer.kernel_size), one(layer.stride), one(layer.padding)
    if not usual or None in (kernel, stride, margin):
        return None
    return Window(kind, padding if margin else "none", kernel, stride, margin)


def convolution_window(layer: nn.Conv2d) -> Window | None:
    usual = one(layer.dilation) == 1 and layer.padding_mode in ("zeros", "circular")
    return window_of_sizes(layer, "convolution", layer.padding_mode, usual)


def max_pool_window(layer: nn.MaxPool2d) -> Window | None:
    usual = one(layer.dilation) == 1 and not layer.ceil_mode and not layer.return_indices
    return window_of_sizes(layer, "max_pool", "ignored", usual)


def avg_pool_window(layer: nn.AvgPool2d) -> Window | None:
    same_everywhere = layer.count_include_pad or one(layer.padding) == 0
    return window_of_sizes(layer, "avg_pool", "zeros", same_everywhere and not layer.ceil_mode)


TORCH: dict[type[nn.Module], Callable[..., Window | None]] = {
    nn.Conv2d: convolution_window,
    nn.MaxPool2d: max_pool_window,
    nn.AvgPool2d: avg_pool_window,
    nn.AdaptiveAvgPool2d: lambda layer: GLOBAL_AVERAGE_POOL if one(layer.output_size) == 1 else None,
    nn.Flatten: lambda layer: FULLY_CONNECTED if (layer.start_dim, layer.end_dim) == (1, -1) else None,
    nn.Linear: lambda layer: FULLY_CONNECTED,
    **dict.fromkeys((nn.BatchNorm2d, nn.ReLU, nn.Dropout, nn.Dropout2d, nn.Identity), lambda layer: POINTWISE),
}


# ----------------------------------------------------------------------------------------------------------------------
# Of any layer


def known_window(layer: nn.Module) -> Window | None:
    """The window of a layer that says it, or of one of torch.nn itself; None for any other, subclasses included."""
    declared = getattr(layer, "window", None)
    if isinstance(declared, Window):
        return declared
    return TORCH[type(layer)](layer) if type(layer) in TORCH else None


def window_of(layer: nn.Module) -> Window:
    """The window of a layer.

    Raises:
        InputError: it says none.
    """
    window = known_window(layer)
    if window is None:
        raise InputError(
            f"the layer {layer}: it does not say where its outputs are read from, so its equivariance is not known; "
            "allowed: layers with an attribute `window`, as in scripts/invariance/layers, and square ones of torch.nn ("
            + ", ".join(sorted(known.__name__ for known in TORCH))
            + "); give its class a `window` (layers/window.py says what that is), or leave the network out of what is "
            "measured"
        )
    return window


def in_sequence(model: nn.Module) -> bool:
    """Whether the model does nothing but apply its layers, one after the other."""
    return isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward


def layers_of(model: nn.Module) -> Iterator[nn.Module]:
    """The layers of a network in order; an nn.Sequential within an nn.Sequential is opened."""
    if in_sequence(model):
        for layer in model:
            yield from layers_of(layer)
    else:
        yield model
