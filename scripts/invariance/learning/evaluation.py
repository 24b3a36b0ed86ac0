"""Logits of a trained model over the whole grid of shifts."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from invariance.data.images import ink_margin, largest_shift, place_on_canvas, require_lossless, shift_images
from invariance.layers.images_last import as_images_first, as_images_last
from invariance.layers.window import FULLY_CONNECTED, in_sequence, known_window
from invariance.learning.training import as_input, device_of, evaluation_batch, predict
from invariance.networks.building import for_inference, total_stride


def logits_over_shifts(
    model: nn.Module, images: np.ndarray, shifts: Sequence[tuple[int, int]], may_lose_ink: bool = False
) -> np.ndarray:
    """Logits float32 (shifts, n, classes) of uint8 (n, h, w) images, each shifted by every (dx, dy).

    Raises:
        InputError: a shift would lose ink, and may not.
    """
    lossless = ink_margin(images) >= largest_shift(shifts)
    if not may_lose_ink:
        require_lossless(images, largest_shift(shifts))
    if lossless and hasattr(model, "logits_over_shifts"):
        return model.logits_over_shifts(predict, images, shifts)
    model = for_inference(model)
    if lossless and reads_pixels(model):
        return weights_over_shifts(model, images, shifts)
    if lossless and (stem := shift_equivariant_stem(model)):
        return shared_over_shifts(model, stem, images, shifts)
    return np.stack([predict(model, shift_images(images, dx, dy)) for dx, dy in shifts])


class InDoublePrecision(nn.Module):
    """A trained model that computes in float64, where a difference between shifts is more than float32 rounding."""

    def __init__(self, model: nn.Module) -> None:
        """Args: model, left unchanged."""
        super().__init__()
        self.model = copy.deepcopy(model).double()

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, classes), float64."""
        return self.model(images.double())


# ----------------------------------------------------------------------------------------------------------------------
# Computing once what the shifts of an image share


def reads_pixels(model: nn.Module) -> bool:
    """Whether the model is a sequence whose first layer is fully connected to the pixels."""
    return (
        in_sequence(model)
        and isinstance(next(iter(model), None), nn.Flatten)
        and [known_window(layer) for layer in model[:2]] == [FULLY_CONNECTED] * 2
        and isinstance(model[1], nn.Linear)
    )


def weights_over_shifts(model: nn.Sequential, images: np.ndarray, shifts: Sequence[tuple[int, int]]) -> np.ndarray:
    """`logits_over_shifts` of a model that `reads_pixels`: its first weights are moved, not the images.

    Pixels that are blank in every image add nothing, so the first layer leaves them out: on a large canvas, most.
    """
    first, rest = model[1], model[2:]
    rows, columns = images.any(axis=0).nonzero()
    logits = []
    with torch.inference_mode():
        device = device_of(model)
        blocks = as_input(images).to(device)[:, 0, rows, columns].split(evaluation_batch(device))
        of_pixels = first.weight.t().contiguous()
        bias = 0 if first.bias is None else first.bias
        for dx, dy in shifts:
            weights = of_pixels[(rows + dy) * images.shape[-1] + columns + dx]
            logits.append(torch.cat([rest(block @ weights + bias) for block in blocks]).cpu())
    return torch.stack(logits).numpy()


def shift_equivariant_stem(model: nn.Module) -> int:
    """The number of first layers whose output for a shifted image is a window of that for a larger canvas.

    Unpadded and pointwise layers have this property, for shifts by multiples of their stride. So does a first layer
    that pads with zeros, the background of the image; behind it the background is no longer zero. From the first other
    layer on, such as one with circular padding, each shift is evaluated by itself.
    """
    if not in_sequence(model):
        return 0
    for number, layer in enumerate(model):
        window = known_window(layer)
        if window is None or window.chooses or window.is_head:
            return number
        if window.margin and (number or window.padding != "zeros"):
            return number
    return len(model)


def shared_over_shifts(
    model: nn.Sequential, stem: int, images: np.ndarray, shifts: Sequence[tuple[int, int]]
) -> np.ndarray:
    """`logits_over_shifts`, with the first `stem` layers computed once for all shifts of one phase of their stride."""
    largest = largest_shift(shifts)
    shared, rest = model[:stem], model[stem:]
    stride = total_stride(shared)
    canvas, device = images.shape[-1], device_of(model)
    batch = evaluation_batch(device)
    logits = []
    with torch.inference_mode():
        side = shared(torch.zeros(1, 1, canvas, canvas, device=device)).shape[-1]
        for start in range(0, len(images), batch):
            larger = as_input(place_on_canvas(images[start : start + batch], canvas + 2 * largest)).to(device)
            maps: dict[tuple[int, int], Tensor] = {}
            block = []
            for dx, dy in shifts:
                # The shifted image is the window of the larger canvas whose corner lies so far down and to the right.
                (down, row), (right, column) = divmod(largest - dy, stride), divmod(largest - dx, stride)
                if (row, column) not in maps:
                    maps[row, column] = shared(larger[:, :, row:, column:])
                window = maps[row, column][:, :, down : down + side, right : right + side]
                block.append(rest(as_images_first(as_images_last(window))))
            logits.append(torch.stack(block).cpu())
    return torch.cat(logits, dim=1).numpy()
