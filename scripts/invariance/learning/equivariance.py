"""Equivariance, layer by layer: does moving the input by some pixels move the output, and change nothing else?

T rolls the input maps of a layer by k pixels along one axis, and T' its output maps by k / s, where s is the layer's
stride; an equivariant layer has f(T x) = T' f(x). If k is not a multiple of s there is no such T', and each image gets
the better of the two nearest whole rolls. A chain of layers is measured as one layer with the product of the
strides.

Each measured error has its prediction. An output position is *seen alike* if its window shows the same before and after
the roll: then shared weights must give the same number. Only the axis of the roll matters for that; along the other one
both windows have the same place.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from invariance.layers.window import POINTWISE, Window, layers_of, window_of
from invariance.networks.building import CLASSES, build_model

AXES = (-1, -2)  # columns and rows of maps (n, c, h, w): to the right, and down
COLUMNS = ["layer", "kind", "padding", "stride", "total_stride", "scope", "place", "shift", "exact", "error"]


# ----------------------------------------------------------------------------------------------------------------------
# Stages


class Stage(NamedTuple):
    """A layer, with the pointwise layers behind it."""

    window: Window
    layers: nn.Sequential


def stages_of(model: nn.Module) -> list[Stage]:
    """The layers of a network from its pixels to the first step of its head, each with its batch norm and ReLU.

    Raises:
        InputError: the window of a layer is not known.
    """
    stages: list[Stage] = []
    for layer in layers_of(model):
        window = window_of(layer)
        goes_on = stages and (window == POINTWISE or stages[-1].window.is_head)
        if goes_on:
            stages[-1].layers.append(layer)
        else:
            stages.append(Stage(window, nn.Sequential(layer)))
        if isinstance(layer, nn.Linear) or window.averages:
            break
    return stages


# ----------------------------------------------------------------------------------------------------------------------
# What theory says


def blank(maps: Tensor, axis: int) -> np.ndarray:
    """Positions along `axis` where maps (n, c, h, w) are 0 in all images and channels, and all along the other axis."""
    others = [other for other in range(4) if other != axis % 4]
    return (maps == 0).numpy().all(axis=tuple(others))


def seen_alike(
    windows: Sequence[Window], side: int, shift: int, blanks: Sequence[np.ndarray] | None = None
) -> np.ndarray:
    """The output positions, along the axis of a roll by `shift` pixels, that are known to be seen alike.

    A chain is worked out layer by layer; positions that are alike only by the chain as a whole are missed.

    Args:
        windows: of one layer, or of a chain of them.
        side: of its input, pixels.
        shift: pixels of its input.
        blanks: for each layer, the positions where its input is known to be 0, and so continues a padding with zeros;
            None: windows that reach into a padding or across the seam of the roll never count as alike.

    Returns:
        bool (positions,), of the rolled frame.
    """
    alike, moved = np.ones(side, dtype=bool), Fraction(shift)
    for number, window in enumerate(windows):
        alike = alike_behind(window, alike, moved, None if blanks is None else blanks[number])
        moved /= window.stride
    return alike


def alike_behind(window: Window, alike: np.ndarray, shift: Fraction, blank: np.ndarray | None) -> np.ndarray:
    """The output positions of one layer that are seen alike, given those of its input, rolled by `shift` pixels."""
    side, outputs = len(alike), window.output_side(len(alike))
    if window.chooses or shift.denominator > 1:
        # A layer that chooses follows any roll, if all its pixels are alike: it keeps those that moved, image by image.
        # Behind it, some images may be moved by half a pixel less than `shift`, others by half a pixel more.
        whole = alike.all() and window.is_torus(side) and (window.chooses or window.stride == 1)
        return np.full(outputs, whole)
    if shift % window.stride:
        return np.zeros(outputs, dtype=bool)

    positions = np.arange(outputs)
    reach = np.arange(window.kernel) - window.margin
    after = window.stride * positions[:, None] + reach
    before = window.stride * ((positions - int(shift) // window.stride) % outputs)[:, None] + reach
    if window.padding == "circular":
        after, before = after % side, before % side
    within = (after >= 0) & (after < side), (before >= 0) & (before < side)
    same = within[0] & within[1] & ((after - int(shift) - before) % side == 0) & alike[after % side]
    if blank is None:
        return same.all(axis=1)
    rolled = np.roll(blank, int(shift)) & alike
    outside = window.padding == "zeros"  # continues an empty background
    empty = np.where(within[0], rolled[after % side], outside) & np.where(within[1], blank[before % side], outside)
    return (same | empty).all(axis=1)


def places(
    windows: Sequence[Window], side: int, shift: int, blanks: Sequence[np.ndarray]
) -> dict[str, tuple[np.ndarray, bool]]:
    """Divide the output positions, along the axis of the roll, by place; predict for each whether it is exact.

    - `everywhere`: all, if the maps have no border at all.
    - `inside`: both windows lie clear of the padding and the seam of the roll.
    - `background`: they do not, but show the same, because padding and seam lie on an empty background.
    - `border`: the rest.

    Returns:
        For each place that occurs, bool (positions,), and whether equivariance is exact there.
    """
    sides = list(itertools.accumulate(windows, lambda side, window: window.output_side(side), initial=side))
    alike = seen_alike(windows, side, shift, blanks)
    if all(window.is_torus(size) for window, size in zip(windows, sides, strict=False)):
        return {"everywhere": (np.ones(sides[-1], dtype=bool), bool(alike.all()))}
    stride = math.prod(window.stride for window in windows)
    multiples = {stride * (shift // stride), stride * -(-shift // stride)}
    inside = np.logical_and.reduce([seen_alike(windows, side, multiple) for multiple in multiples])
    found = {"inside": inside, "background": alike & ~inside, "border": ~alike & ~inside}
    return {place: (mask, bool(alike[mask].all())) for place, mask in found.items() if mask.any()}


# ----------------------------------------------------------------------------------------------------------------------
# What is measured


def mismatch(moved: Tensor, maps: Tensor, shift: int, stride: int, axis: int) -> np.ndarray:
    """Mean squares of f(T x) - T' f(x) at each position along `axis`, for both whole rolls next to shift / stride.

    Args: moved, f(T x), and maps, f(x), both (n, c, h, w); shift, pixels of the input; stride, of f.

    Returns: (rolls, n, positions).
    """
    across = AXES[0] if axis == AXES[1] else AXES[1]
    rolls = sorted({shift // stride, -(-shift // stride)})
    return np.stack([(moved - maps.roll(roll, axis)).square().mean(dim=(1, across)).numpy() for roll in rolls])


def errors_by_place(
    windows: Sequence[Window],
    inputs: Sequence[Tensor],
    maps: Tensor,
    moved: Mapping[int, Tensor],
    shift: int,
) -> Iterator[tuple[str, bool, float]]:
    """The relative error of a layer or chain in each place: root mean squares over both axes, images and channels.

    Args:
        windows: of the chain.
        inputs: of each of its layers, unrolled.
        maps: its output.
        moved: by axis, its output where its input is rolled.
        shift: pixels of the roll.

    Yields:
        Place, whether it should be exact, and the error relative to the root mean square of f(x) over all places.
    """
    stride, side = math.prod(window.stride for window in windows), inputs[0].shape[-1]
    found: dict[str, list[tuple[np.ndarray, bool]]] = {}
    for axis in AXES:
        squares = mismatch(moved[axis], maps, shift, stride, axis)
        blanks = [blank(given, axis) for given in inputs]
        for place, (mask, exact) in places(windows, side, shift, blanks).items():
            best = squares[:, :, mask].sum(axis=2).argmin(axis=0)
            chosen = squares[best, np.arange(len(maps))][:, mask]
            found.setdefault(place, []).append((chosen.ravel(), exact))
    for place, parts in found.items():
        error = relative(np.concatenate([values for values, _ in parts]).mean(), maps)
        yield place, all(exact for _, exact in parts), error


def relative(square: float, maps: Tensor) -> float:
    """The root of a mean square, relative to that of `maps`; NaN if all maps are 0."""
    size = float(maps.square().mean())
    return math.sqrt(square / size) if size else math.nan


def outputs_of(stages: Sequence[Stage], images: Tensor) -> list[Tensor]:
    """The output of each stage of a network."""
    return list(itertools.accumulate(stages, lambda maps, stage: stage.layers(maps), initial=images))[1:]


@torch.no_grad()
def measure(model: nn.Module, images: Tensor, max_shift: int) -> Iterator[tuple]:
    """Equivariance errors of every layer of a network, for rolls by 1 to `max_shift` pixels.

    In the scope `layer` a layer stands alone, and its input for the unrolled images is rolled; in the scope `network`
    the images are rolled, and all layers up to this one count as one. The head has no maps: its error is that of
    invariance, |f(T x) - f(x)| / |f(x)|, in the scope `network` alone.

    Args:
        model: in evaluation mode, of the type of the images.
        images: (n, 1, h, w).
        max_shift: pixels.

    Yields:
        Rows with the values of COLUMNS.

    Raises:
        InputError: the window of a layer is not known.
    """
    stages = stages_of(model)
    windows = [stage.window for stage in stages]
    outputs = outputs_of(stages, images)
    inputs = [images, *outputs[:-1]]
    for shift in range(1, max_shift + 1):
        network = {axis: outputs_of(stages, images.roll(shift, axis)) for axis in AXES}
        for number, stage in enumerate(stages):
            moved = {axis: network[axis][number] for axis in AXES}
            maps, window, chain = outputs[number], windows[number], windows[: number + 1]
            total = math.prod(before.stride for before in chain)
            about = [number, window.kind, window.padding, window.stride, total]
            if window.is_head:
                square = np.mean([float((moved[axis] - maps).square().mean()) for axis in AXES])
                exact = window.averages and pools_alike(windows[:number], inputs, shift)
                yield (*about, "network", "head", shift, exact, relative(square, maps))
                continue
            alone = {axis: stage.layers(inputs[number].roll(shift, axis)) for axis in AXES}
            for place, exact, error in errors_by_place([window], [inputs[number]], maps, alone, shift):
                yield (*about, "layer", place, shift, exact, error)
            for place, exact, error in errors_by_place(chain, inputs[: number + 1], maps, moved, shift):
                yield (*about, "network", place, shift, exact, error)


def pools_alike(windows: Sequence[Window], inputs: Sequence[Tensor], shift: int) -> bool:
    """Whether a global average should be invariant: every position of the maps before it is seen alike."""
    side = inputs[0].shape[-1]
    return all(
        seen_alike(windows, side, shift, [blank(maps, axis) for maps in inputs[: len(windows)]]).all() for axis in AXES
    )


def untrained(settings: Mapping[str, Any], canvas: int, seed: int, classes: int = CLASSES) -> nn.Module:
    """The network with the weights that its training with this seed starts from, in float64 and evaluation mode."""
    torch.manual_seed(seed)
    return build_model(settings, canvas, classes).double().eval()
