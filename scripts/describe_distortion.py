"""Stage 2, distorted: a contact sheet and a summary of all copies of one distorted data set."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from PIL import Image

from invariance.command_line import json_mapping, run
from invariance.data.images import place_on_canvas
from invariance.distortions.audit import audit_sample, require_agreement
from invariance.distortions.fields import Distortion, displacement_fields, random_key
from invariance.record.artefacts import load_array, whole_file
from invariance.results.reading import write_table

MEASURED_IMAGES = 1000
SHEET_ROWS, SHEET_COLUMNS, SHEET_SCALE = 10, 20, 2


def summarise_copy(
    images: np.ndarray, copy: np.ndarray, distortion: Distortion, key: np.ndarray, audit: dict[str, Any]
) -> dict[str, float]:
    """Measure the fields and the ink of one copy; lengths in pixels, `ink_lost` in percent of all ink.

    Pixel parts have no field; they count only in `ink_lost`, which is negative if ink was gained. `rms_x` and `rms_y`
    are over all pixels of the fields, `largest` is the longest displacement, and `net_translation` is the root mean
    square length of a field's mean: how far the image moves as a whole.
    """
    sample = min(MEASURED_IMAGES, len(images))
    fields = displacement_fields(distortion, key, 0, sample, images.shape[-1]).astype(np.float64)
    net = fields.mean(axis=(2, 3))
    found = audit_sample(images, distortion, key, audit["images"])
    require_agreement(found, audit["tolerance"], "the first copy")
    return {
        "images": len(copy),
        "rms_x": np.sqrt(np.square(fields[:, 0]).mean()),
        "rms_y": np.sqrt(np.square(fields[:, 1]).mean()),
        "largest": np.sqrt(np.square(fields).sum(axis=1)).max(),
        "net_translation": np.sqrt(np.square(net).sum(axis=1).mean()),
        "ink_lost": 100 * (1 - copy.sum(dtype=np.int64) / images.sum(dtype=np.int64)),
        "audit_mean": found.mean,
        "audit_largest": found.largest,
    }


def contact_sheet(originals: np.ndarray, copies: list[np.ndarray]) -> np.ndarray:
    """One picture, uint8: a row of originals, then rows of their distorted versions, one copy per row, repeated."""
    rows = [originals, *(copies[row % len(copies)] for row in range(SHEET_ROWS - 1))]
    tiles = [row[:SHEET_COLUMNS] for row in rows]
    lines = [np.concatenate(list(np.pad(line, ((0, 0), (0, 2), (0, 2)))), axis=1) for line in tiles]
    sheet = 255 - np.concatenate(lines, axis=0)
    return sheet.repeat(SHEET_SCALE, axis=0).repeat(SHEET_SCALE, axis=1)


def main(
    *,
    images: Path,
    dataset: str,
    canvas: int,
    distortion: str,
    settings: Annotated[dict[str, Any], json_mapping()],
    audit: Annotated[dict[str, Any], json_mapping(images=int, tolerance=float)],
    copies: list[Path],
    preview: Path,
    summary: Path,
) -> None:
    """Read the source images and every copy; write the contact sheet and the summary, one row per copy.

    Args:
        images: Source images, uint8 (n, h, w), .npy.
        dataset: Name of the dataset, part of the random key.
        canvas: Side of the canvas, pixels.
        distortion: Name of the distortion, part of the random key.
        settings: The distortion's entry in the config, as JSON.
        audit: Images to check against elasticdeform, and the mean difference allowed, grey levels:
            '{"images": 32, "tolerance": 1.0}'.
        copies: copy-000.npy, copy-001.npy, ... in order.
        preview: Contact sheet, .png.
        summary: Table, .csv.
    """
    originals = place_on_canvas(load_array(images), canvas)
    parts = Distortion.from_settings(settings)
    rows, shown = [], []
    for number, path in enumerate(copies):  # one at a time: pages of a mapped file count as memory of the job
        copy = load_array(path, mapped=True)
        key = random_key(dataset, canvas, distortion, number)
        rows.append({"copy": number} | summarise_copy(originals, copy, parts, key, audit))
        shown.append(np.array(copy[:SHEET_COLUMNS]))
    write_table(summary, pd.DataFrame(rows))
    with whole_file(preview) as path:
        Image.fromarray(contact_sheet(originals, shown)).save(path)


if __name__ == "__main__":
    run(main)
