"""What any network answers over a grid of shifts: an nn.Module, or any callable from a batch of images to logits.

Images are uint8 (n, c, h, w) with 1 or 3 channels. The network is given float32 tensors (n, c, canvas, canvas), 0 to 1.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from invariance.command_line import progress
from invariance.data.images import ink_margin, largest_shift
from invariance.layers.window import in_sequence
from invariance.learning.evaluation import logits_over_shifts
from invariance.learning.training import CPU, EVALUATION_BATCH, device_of
from invariance.learning.weights import read_weights
from invariance.networks.file import constructed, in_a_line
from invariance.record.artefacts import InputError, record_of, require_unaltered

Network = Callable[[Tensor], Any]
By = Literal[
    "canvas", "roll", "crop"
]  # canvas: on an empty one; roll: what leaves comes in again; crop: of a larger one
SPREAD = 1e-4  # largest difference between two evaluations, relative to the largest logit, that counts as rounding


def trained(network: str, weights: Path, canvas: int, classes: int, options: dict[str, Any]) -> nn.Module:
    """A user's own network, with its weights.

    Args:
        network: <file>:<class>.
        weights: .safetensors.
        canvas: given to the constructor, if it takes it; likewise classes.
        classes: see canvas.
        options: what else the constructor is given.

    Raises:
        InputError: there is no such network, it cannot be built, or these are not its weights.
    """
    file, _, name = network.rpartition(":")
    if not (file and name.isidentifier()):
        raise InputError(f"--network: {network!r}; allowed: <file>:<class>, as my_network.py:Net")
    model = constructed(Path(file), name, canvas, classes, options)
    if (place := record_of(weights)) and place.exists():
        require_unaltered(weights)
    read_weights(
        model,
        weights,
        f"allowed: what safetensors.torch.save_file({name}(...).state_dict(), path) writes; docs/your-own.md converts "
        "other files and names; other options of the network, and more classes than the labels have, go into --options",
    )
    return model


@dataclass(frozen=True)
class Answers:
    """What a network answers, over all shifts."""

    predictions: np.ndarray  # (shifts, n): classes, uint16
    unshifted: np.ndarray  # (n, classes): logits
    largest_changes: np.ndarray  # (shifts,): of any logit of any image from the unshifted one


def answers_over_shifts(
    network: Network, images: np.ndarray, shifts: Sequence[tuple[int, int]], canvas: int, by: By
) -> Answers:
    """Ask a network about images at every shift, in batches, so that memory holds the logits of one batch alone.

    Args:
        network: an nn.Module in evaluation mode, or any callable.
        images: uint8 (n, c, h, w), as `require_fitting` allows.
        shifts: (dx, dy), with (0, 0) among them.
        canvas: side of the images that the network sees, pixels.
        by: what a shift is.

    Raises:
        InputError: the network fails, gives no finite logits, or draws random numbers.
    """
    middle, start = shifts.index((0, 0)), 0
    predictions, unshifted, changes = [], [], []
    require_usable(network, windows(images[:2], [(0, 0)], canvas, by)[0])
    while start < len(images):
        logits = logits_of_batch(network, images[start : start + EVALUATION_BATCH], shifts, canvas, by)
        if unshifted and logits.shape[2] != unshifted[0].shape[1]:
            raise InputError(f"the network gives {logits.shape[2]} logits, but gave {unshifted[0].shape[1]} before")
        if not np.isfinite(logits).all():
            shift, image, _ = np.argwhere(~np.isfinite(logits))[0]
            raise InputError(
                f"the network gives logits that are not finite for image {start + image} (the first is 0), shifted by "
                f"{shifts[shift]}; allowed: finite numbers; look for a division by zero or an overflow"
            )
        predictions.append(logits.argmax(axis=2).astype(np.uint16))
        unshifted.append(logits[middle])
        changes.append(np.abs(logits - logits[middle]).max(axis=(1, 2)))
        start += EVALUATION_BATCH
        if start // EVALUATION_BATCH % 10 == 0 and start < len(images):
            progress(f"{start} of {len(images)} images, each at {len(shifts)} shifts")
    return Answers(np.concatenate(predictions, axis=1), np.concatenate(unshifted), np.max(changes, axis=0))


@contextlib.contextmanager
def evaluating(network: Network) -> Iterator[None]:
    """Have a module in evaluation mode, and then each of its parts in the mode that it was in."""
    modes = {part: part.training for part in network.modules()} if isinstance(network, nn.Module) else {}
    if modes:
        network.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def logits_of_batch(
    network: Network, images: np.ndarray, shifts: Sequence[tuple[int, int]], canvas: int, by: By
) -> np.ndarray:
    """Logits float32 (shifts, n, classes) of a batch; layers in a row share what the shifts have in common."""
    seen = windows(images, shifts, canvas, by)
    if by == "canvas" and images.shape[1] == 1 and isinstance(network, nn.Module) and in_sequence(network):
        placed = np.ascontiguousarray(seen[shifts.index((0, 0))][:, 0])
        return logits_over_shifts(network, placed, shifts, may_lose_ink=True)
    return np.stack([logits_of(network, window) for window in seen])


def logits_of(network: Network, images: np.ndarray) -> np.ndarray:
    """Logits float32 (n, classes) of uint8 (n, c, h, w) images.

    Raises:
        InputError: the network fails, or gives something else.
    """
    device = device_of(network) if isinstance(network, nn.Module) else CPU
    try:
        with torch.inference_mode():
            given = network(torch.from_numpy(np.ascontiguousarray(images)).to(device).to(torch.float32).div_(255))
    except Exception as error:
        raise InputError(
            f"the network fails on images {images.shape} ({in_a_line(error)}); it must map float images (n, channels, "
            "canvas, canvas) to logits (n, classes); if it takes one size alone, that must be the canvas"
        ) from error
    shape = tuple(getattr(given, "shape", ()))
    if len(shape) != 2 or shape[0] != len(images) or shape[1] < 2:
        what = shape or f"a {type(given).__name__}"
        raise InputError(f"the network gives {what} for images {images.shape}; allowed: logits (n, classes), 2 or more")
    if isinstance(given, Tensor):
        return given.detach().to("cpu", torch.float32).numpy()  # NumPy has no bfloat16
    return np.asarray(given, np.float32)


def windows(images: np.ndarray, shifts: Sequence[tuple[int, int]], canvas: int, by: By) -> list[np.ndarray]:
    """Views (n, c, canvas, canvas) of images (n, c, h, w) at each shift (dx, dy): dx to the right, dy down."""
    height, width = images.shape[2:]
    largest = largest_shift(shifts)
    larger = images
    if by != "crop":  # surrounded so that each shifted image is a window
        margins = [((canvas - size) // 2, canvas - size - (canvas - size) // 2) for size in (height, width)]
        larger = np.pad(larger, [(0, 0), (0, 0), *margins])
        around = [(0, 0), (0, 0), (largest, largest), (largest, largest)]
        larger = np.pad(larger, around, mode="wrap" if by == "roll" else "constant")
    top, left = ((size - canvas) // 2 for size in larger.shape[2:])
    corners = [(top - dy, left - dx) for dx, dy in shifts]
    return [larger[:, :, row : row + canvas, column : column + canvas] for row, column in corners]


def require_fitting(images: np.ndarray, largest: int, canvas: int, by: By) -> None:
    """Raise InputError unless images (n, c, h, w) can be shifted by `largest` pixels in this way."""
    height, width = images.shape[2:]
    if by == "crop":
        if canvas + 2 * largest > min(height, width):
            raise InputError(
                f"canvas: crops of {canvas} pixels, shifted by up to {largest}, do not fit into images of "
                f"{height}x{width}; allowed: a canvas of at most {min(height, width) - 2 * largest}, or smaller shifts"
            )
        return
    if canvas < max(height, width):
        raise InputError(
            f"canvas: {canvas} pixels cannot hold images of {height}x{width}; allowed: {max(height, width)} or more, "
            "or crops of the images (by crop)"
        )
    if by == "roll":
        if largest > canvas // 2:
            what = f"max_shift: rolls by {largest} pixels repeat themselves on {canvas}"
            raise InputError(f"{what}; allowed: at most {canvas // 2}")
        return
    placed = windows(images.max(axis=0, keepdims=True).max(axis=1, keepdims=True), [(0, 0)], canvas, by)[0][:, 0]
    if (margin := ink_margin(placed)) < largest:
        raise InputError(
            f"canvas: shifts of up to {largest} pixels would lose ink: the images have only {margin} empty pixels "
            f"around them on a canvas of {canvas}; use a canvas of at least {canvas + 2 * (largest - margin)}; for a "
            f"network that takes {canvas} pixels alone, pad the images to {canvas + 2 * largest} and shift by crop, "
            "which cuts off what leaves; if the background is not 0, shift by roll or crop"
        )


def require_usable(network: Network, images: np.ndarray) -> None:
    """Raise InputError if the network answers the same images differently, so that shifts would not be the cause."""
    first, second = logits_of(network, images), logits_of(network, images)
    finite = np.isfinite(first).all() and np.isfinite(second).all()  # else the images are named later
    if finite and np.abs(first - second).max() > SPREAD * max(1, np.abs(first).max()):
        raise InputError(
            "the network gives two answers to the same images; in evaluation mode (`self.training` is False) it must "
            "draw no random numbers"
        )
