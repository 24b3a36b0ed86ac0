"""Samples of the distortions: the first ten training images in a row, undistorted and under each distortion.

Inputs:
    source: the undistorted images, uint8 (n, h, h).
    copies: for each distortion, by name, one distorted copy of them, uint8 (n, canvas, canvas); drawn in that order.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from invariance.data.images import place_on_canvas
from invariance.drawing.style import TEXT_WIDTH, new_figure
from invariance.record.artefacts import InputError
from invariance.results.labels import label

COLUMNS: dict[str, list[str]] = {}
SAMPLES = 10
ENLARGED = 6  # times: enlarged pixels stay crisp in viewers that smooth images


def draw(source: np.ndarray, copies: Mapping[str, np.ndarray]) -> Figure:
    """Draw one row of images for the source, in the middle of the copies' canvas, and one per copy.

    Raises:
        InputError: the copies differ in size, or are smaller than the source.
    """
    canvas = next(iter(copies.values()), source).shape[-1]
    for name, images in copies.items():
        if images.shape[1:] != (canvas, canvas):
            raise InputError(
                f"{name}: images of {images.shape[1:]} pixels, where {next(iter(copies))} has {canvas} a side"
            )
    rows = [place_on_canvas(source[:SAMPLES], canvas), *(images[:SAMPLES] for images in copies.values())]
    count = min(len(row) for row in rows)
    sheet = np.vstack([np.hstack([np.pad(image, 1) for image in row[:count]]) for row in rows])
    sheet = np.kron(sheet, np.ones((ENLARGED, ENLARGED), dtype=np.uint8))

    side = (TEXT_WIDTH - 1.2) / max(count, 5)
    figure = new_figure(side * len(rows) + 0.1)
    axes = figure.subplots()
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=255, interpolation="none", extent=(0, count, len(rows), 0))
    axes.set_yticks(np.arange(len(rows)) + 0.5, ["original", *map(label, copies)])
    axes.set_xticks([])
    axes.hlines(np.arange(1, len(rows)), 0, count, color="0.85", linewidth=0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
