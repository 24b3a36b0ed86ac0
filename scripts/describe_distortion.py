"""Stage 2, distorted: a contact sheet and a measured summary of all copies of one distorted dataset."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from invariance.command_line import json_argument, json_mapping, run
from invariance.data.images import place_on_canvas
from invariance.distortions.audit import audit_sample, require_agreement
from invariance.distortions.fields import Distortion, displacement_fields, random_key
from invariance.record.artefacts import load_array, whole_file

MEASURED_IMAGES = 1000
SHEET_ROWS, SHEET_COLUMNS, SHEET_SCALE = 10, 20, 2


def summarise_copy(
    images: np.ndarray, copy: np.ndarray, distortion: Distortion, key: np.ndarray, audited: dict[str, float]
) -> dict[str, float]:
    """Measure the fields and the ink of one copy; lengths in pixels, `ink_lost` in percent of all ink.

    `rms_x` and `rms_y` are over all pixels of the fields, `largest` is the longest displacement, and `net_translation`
    is the root mean square length of a field's mean: how far the image moves as a whole.
    """
    sample = min(MEASURED_IMAGES, len(images))
    fields = displacement_fields(distortion, key, 0, sample, images.shape[-1]).astype(np.float64)
    net = fields.mean(axis=(2, 3))
    audit = audit_sample(images, distortion, key, audited["images"])
    require_agreement(audit, audited["tolerance"], "a copy")
    return {
        "images": len(copy),
        "rms_x": np.sqrt(np.square(fields[:, 0]).mean()),
        "rms_y": np.sqrt(np.square(fields[:, 1]).mean()),
        "largest": np.sqrt(np.square(fields).sum(axis=1)).max(),
        "net_translation": np.sqrt(np.square(net).sum(axis=1).mean()),
        "ink_lost": 100 * (1 - copy.sum(dtype=np.int64) / images.sum(dtype=np.int64)),
        "audit_mean": audit.mean,
        "audit_largest": audit.largest,
    }


def contact_sheet(originals: np.ndarray, copies: list[np.ndarray]) -> np.ndarray:
    """One picture, uint8: a row of originals, then rows of their distorted versions, a copy a row, over and over."""
    tiles = [originals[:SHEET_COLUMNS]]
    for row in range(SHEET_ROWS - 1):
        tiles.append(copies[row % len(copies)][:SHEET_COLUMNS])
    lines = [np.concatenate(list(np.pad(line, ((0, 0), (0, 2), (0, 2)))), axis=1) for line in tiles]
    sheet = 255 - np.concatenate(lines, axis=0)
    return sheet.repeat(SHEET_SCALE, axis=0).repeat(SHEET_SCALE, axis=1)


def main() -> None:
    """Read the source images and every copy; write the contact sheet and the summary, a row a copy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="uint8 (n, 28, 28) source images, .npy")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--canvas", type=int, required=True, help="side of the canvas, pixels")
    parser.add_argument("--distortion", required=True)
    parser.add_argument("--settings", type=json_argument, required=True, help="its entry in the config, as JSON")
    parser.add_argument(
        "--audit",
        type=json_mapping(images=int, tolerance=float),
        required=True,
        help='{"images": 32, "tolerance": 1.0}',
    )
    parser.add_argument(
        "--copies", type=Path, nargs="+", required=True, help="copy-000.npy, copy-001.npy, ... in order"
    )
    parser.add_argument("--preview", type=Path, required=True, help="contact sheet, .png")
    parser.add_argument("--summary", type=Path, required=True, help="table, .csv")
    arguments = parser.parse_args()

    images = place_on_canvas(load_array(arguments.images), arguments.canvas)
    copies = [load_array(path, mapped=True) for path in arguments.copies]
    distortion = Distortion.from_settings(arguments.settings)
    rows = []
    for number, copy in enumerate(copies):
        key = random_key(arguments.dataset, arguments.canvas, arguments.distortion, number)
        rows.append({"copy": number} | summarise_copy(images, copy, distortion, key, arguments.audit))
    with whole_file(arguments.summary) as path:
        pd.DataFrame(rows).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    with whole_file(arguments.preview) as path:
        Image.fromarray(contact_sheet(images, copies)).save(path)


if __name__ == "__main__":
    run(main)
