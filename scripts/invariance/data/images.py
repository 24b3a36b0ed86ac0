"""Images on a canvas: placing them, shifting them, and the margin within which a shift loses no ink.

Images are uint8 arrays (n, height, width), background 0, ink up to 255. A shift (dx, dy) moves the ink dx pixels to the
right and dy pixels down.
"""

from collections.abc import Sequence

import numpy as np

from invariance.record.artefacts import InputError


def place_on_canvas(images: np.ndarray, canvas: int) -> np.ndarray:
    """Put (n, s, s) images in the middle of an empty (n, canvas, canvas) canvas.

    If the margins cannot be equal, the extra pixel goes below and to the right: 28 becomes 29 by an empty bottom row
    and an empty right column. Simard et al. (2003) do not say how they did it.

    Raises:
        InputError: the images are not square and uint8, or the canvas is smaller than they are.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise InputError(f"images are {images.dtype} {images.shape}, must be uint8 (n, size, size)")
    size = images.shape[-1]
    if canvas < size:
        raise InputError(f"canvas: {canvas} pixels cannot hold images of {size}; use {size} or more")
    start = (canvas - size) // 2
    placed = np.zeros((len(images), canvas, canvas), dtype=images.dtype)
    placed[:, start : start + size, start : start + size] = images
    return placed


def shift_images(images: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """Shift (n, h, w) images by whole pixels; what leaves the canvas is lost, and background fills the gap."""
    height, width = images.shape[-2:]
    shifted = np.zeros_like(images)
    rows_to, rows_from = _overlap(dy, height)
    columns_to, columns_from = _overlap(dx, width)
    shifted[:, rows_to, columns_to] = images[:, rows_from, columns_from]
    return shifted


def alternate_positions(
    images: np.ndarray, positions: Sequence[tuple[int, int]], may_lose_ink: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Shift uint8 (n, h, w) images to `positions`, (dx, dy) in pixels, in turn.

    Returns the shifted images and the index of the position of each, uint8 (n,); raises as `require_lossless`, unless
    shifts may lose ink.
    """
    if not may_lose_ink:
        require_lossless(images, largest_shift(positions))
    chosen = (np.arange(len(images)) % len(positions)).astype(np.uint8)
    placed = np.empty_like(images)
    for number, (dx, dy) in enumerate(positions):
        placed[chosen == number] = shift_images(images[chosen == number], dx, dy)
    return placed, chosen


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """The target and source slices of an axis of `size` pixels that is shifted by `shift`."""
    kept = max(0, size - abs(shift))
    target, source = max(0, shift), max(0, -shift)
    return slice(target, target + kept), slice(source, source + kept)


def ink_margin(images: np.ndarray) -> int:
    """By how many pixels every image can be shifted along either axis without losing ink."""
    inked = images.any(axis=0)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if rows.size == 0:
        return min(images.shape[-2:])
    height, width = inked.shape
    return int(min(rows[0], columns[0], height - 1 - rows[-1], width - 1 - columns[-1]))


def shift_grid(max_shift: int) -> list[tuple[int, int]]:
    """All (2 * max_shift + 1)^2 whole-pixel shifts (dx, dy) of up to `max_shift` either way, row by row."""
    reach = range(-max_shift, max_shift + 1)
    return [(dx, dy) for dy in reach for dx in reach]


def largest_shift(shifts: Sequence[tuple[int, int]]) -> int:
    """The pixels of the largest shift along either axis."""
    return max(max(abs(dx), abs(dy)) for dx, dy in shifts)


def require_lossless(images: np.ndarray, max_shift: int) -> None:
    """Raise InputError if a shift of `max_shift` pixels would lose ink, which would look like a lack of invariance."""
    margin = ink_margin(images)
    if margin < max_shift:
        raise InputError(
            f"shifts of up to {max_shift} pixels would lose ink: the images have only {margin} empty pixels around "
            f"them on a canvas of {images.shape[-1]}; a canvas of "
            f"{images.shape[-1] + 2 * (max_shift - margin)} is large enough; or set may_lose_ink: true in the study"
        )
