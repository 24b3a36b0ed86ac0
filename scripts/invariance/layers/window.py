"""What a layer declares so that its equivariance can be measured: which inputs each of its outputs reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import nn

from invariance.record.artefacts import InputError


@dataclass(frozen=True)
class Window:
    """The input pixels, along each axis, that one output position is computed from; all positions compute alike.

    A layer declares it as its attribute `window`.

    Attributes:
        kind: the layer's name in tables and figures.
        padding: none, zeros, circular, or ignored (padded, but the padding never counts, as in nn.MaxPool2d).
        kernel, stride, margin: pixels; the margin is padded on each side.
        chooses: whether the layer chooses the sampled pixels of each image, so that they move with it.
        is_head: whether its output is no longer maps.
        averages: of a head, whether it weights all positions alike.
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
        """Whether maps of `side` pixels wrap around here: their first pixel follows their last, with no border."""
        borderless = self.padding == "circular" or (self.margin == 0 and self.kernel == self.stride)
        return borderless and self.output_side(side) * self.stride == side


POINTWISE = Window("pointwise")  # part of the layer before it
FULLY_CONNECTED = Window("fully_connected", is_head=True)
GLOBAL_AVERAGE_POOL = Window("global_average_pool", is_head=True, averages=True)


# ----------------------------------------------------------------------------------------------------------------------
# Windows of torch.nn


def one(sizes: int | tuple[int, int] | str) -> int | None:
    """The size along both axes; None if they differ or it is not a number."""
    height, width = sizes if isinstance(sizes, tuple) else (sizes, sizes)
    return height if height == width and isinstance(height, int) else None


def window_of_sizes(layer: nn.Module, kind: str, padding: str, usual: bool) -> Window | None:
    """The window of a layer with kernel, stride and padding; None unless it is square and `usual`."""
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
# Windows of any layer


def known_window(layer: nn.Module) -> Window | None:
    """The window that a layer declares, or that of a torch.nn layer; None for others, such as subclasses of these."""
    declared = getattr(layer, "window", None)
    if isinstance(declared, Window):
        return declared
    return TORCH[type(layer)](layer) if type(layer) in TORCH else None


def window_of(layer: nn.Module) -> Window:
    """The window of a layer.

    Raises:
        InputError: it is not known.
    """
    window = known_window(layer)
    if window is None:
        raise InputError(
            f"the layer {layer}: it does not say where its outputs are read from, so its equivariance is not known; "
            "allowed: layers with an attribute `window`, as in scripts/invariance/layers, and square ones of torch.nn ("
            + ", ".join(sorted(known.__name__ for known in TORCH))
            + "); give its class a `window` (layers/window.py says what that is), or take the network "
            "out of `equivariance`"
        )
    return window


def in_sequence(model: nn.Module) -> bool:
    """Whether the model does nothing but apply its layers, one after the other."""
    return isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward


def layers_of(model: nn.Module) -> Iterator[nn.Module]:
    """The layers of a network in order; nested nn.Sequentials are flattened."""
    if in_sequence(model):
        for layer in model:
            yield from layers_of(layer)
    else:
        yield model
