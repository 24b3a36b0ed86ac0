"""Measure whether your own trained network is invariant to translation.

    python scripts/measure.py --network my_network.py:Net --weights my.safetensors --data mine.npz --output folder

docs/your-own.md explains it. The network's file is imported, so it must be one that you trust.
"""

from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd

from invariance.command_line import json_mapping, progress, run
from invariance.data.sources import read_npz
from invariance.drawing.measured import draw_heat_map, draw_rings, draw_seen
from invariance.drawing.style import PNG, style
from invariance.learning.any_network import By, trained, windows
from invariance.learning.training import Device, find_device, one_thread
from invariance.record.artefacts import InputError, whole_folder
from invariance.results.answer import MEANINGS, body
from invariance.results.page import page
from invariance.results.reading import CSV
from invariance.shifts import checked_images, checked_labels, default_canvas, require_measurable, shift_grid

PARTS = ("test_images", "test_labels")
LARGEST = 2_000_000_000  # bytes of the images


def main(
    *,
    network: str,
    weights: Path,
    data: Path,
    canvas: int | None = None,
    max_shift: int = 6,
    by: By = "canvas",
    options: Annotated[dict[str, Any] | None, json_mapping()] = None,
    images: int | None = None,
    device: Device = "auto",
    output: Path,
) -> None:
    """Measure a trained network over all shifts; write index.html, its tables and its figures.

    Args:
        network: A Python file and an nn.Module in it, <file>:<class>. It maps float images (n, channels, canvas,
            canvas), 0 to 1, to logits (n, classes).
        weights: Its state_dict, .safetensors.
        data: .npz with test_images, uint8 (n, h, w), (n, h, w, 3) or (n, 1 or 3, h, w), and test_labels, whole numbers
            (n,) from 0.
        canvas: Side of the images that the network sees, pixels; by default, the image with room for the shifts.
        max_shift: The largest shift either way, pixels.
        by: What a shift is. canvas: images stand on an empty canvas; roll: what leaves an image comes in on its other
            side; crop: the network sees a crop of a larger image, in other places.
        options: What the class is given besides canvas and classes (or num_classes), as JSON: '{"width": 16}'.
        images: Measure the first ones alone; by default, all.
        device: auto uses a GPU if there is one.
        output: A folder, new or empty.
    """
    one_thread()
    with whole_folder(output) as folder:
        test_images, test_labels, classes = read_data(data, images)
        side = default_canvas(test_images, max_shift, by) if canvas is None else canvas
        require_measurable(test_images, max_shift, side, by)
        model = trained(network, weights, side, classes, options or {}).to(find_device(device))
        measured = shift_grid(model, test_images, test_labels, max_shift=max_shift, canvas=side, by=by)
        numbers = pd.DataFrame({"measure": list(measured.measures), "value": list(measured.measures.values())})
        units = [MEANINGS[measure][1] for measure in measured.measures]
        for name, table in (
            ("measures", numbers.assign(unit=units)),
            ("grid", measured.grid),
            ("rings", measured.rings),
        ):
            table.to_csv(folder / f"{name}.csv", **CSV)
        style()
        far = dict.fromkeys([(0, 0), *product((-max_shift, max_shift), repeat=2)])
        views = windows(test_images[:1], [*far], side, by)
        seen = {shift: view[0] for shift, view in zip(far, views, strict=True)}
        figures = {
            "seen": draw_seen(seen),
            "heat_map": draw_heat_map(measured.grid),
            "accuracy_against_shift": draw_rings(measured.rings),
        }
        pictures = {name: folder / f"{name}.png" for name in figures}
        for name, figure in figures.items():
            figure.savefig(pictures[name], **PNG)
        about = {
            "network": network,
            "weights": weights.name,
            "images": f"{len(test_images):,} of {data.name}, {measured.classes} classes",
            "what it sees": f"{side}x{side} pixels",
            "shifts": f"all {len(measured.grid)} of up to {max_shift} pixels either way, by {by}",
        }
        parts = body(about, measured.measures, measured.notes, measured.rings, pictures)
        text = page(f"Is {network} translation invariant?", parts)
        (folder / "index.html").write_text(text, encoding="utf-8", newline="\n")
    for note in measured.notes:
        progress(note)
    progress(f"{output / 'index.html'}: open it in a browser")


def read_data(path: Path, count: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    """The first `count` images (n, c, h, w) and labels of an .npz file, and how many classes the whole file has."""
    test_images, test_labels = read_npz(path, PARTS, LARGEST, any_integer=True)
    try:
        test_images = checked_images(test_images)
        checked_labels(test_labels, len(test_images))
    except InputError as error:
        raise InputError(f"{path}: test_{error}") from None
    if count is not None and not 1 <= count <= len(test_images):
        raise InputError(f"--images: {count}; allowed: 1 to {len(test_images)}, the images of {path}")
    return test_images[:count], test_labels[:count], int(test_labels.max()) + 1


if __name__ == "__main__":
    run(main)
