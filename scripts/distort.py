"""Stage 2, distorted: write one copy of the training images, each image distorted afresh."""

import argparse
from pathlib import Path

from invariance.command_line import counted, json_argument, json_mapping, natural, progress, run
from invariance.data.images import place_on_canvas
from invariance.distortions.audit import audit_sample, require_agreement
from invariance.distortions.fields import Distortion, distort, random_key
from invariance.record.artefacts import load_array, save_array


def main() -> None:
    """Read the source images, distort, audit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="uint8 (n, 28, 28) source images, .npy")
    parser.add_argument("--dataset", required=True, help="name of the dataset, part of the random key")
    parser.add_argument("--canvas", type=int, required=True, help="side of the canvas, pixels")
    parser.add_argument("--distortion", required=True, help="name of the distortion, part of the random key")
    parser.add_argument("--settings", type=json_argument, required=True, help="its entry in the config, as JSON")
    parser.add_argument("--copy", type=natural, required=True, help="number of the copy, part of the random key")
    parser.add_argument(
        "--audit",
        type=json_mapping(images=int, tolerance=float),
        required=True,
        help='{"images": 32, "tolerance": 1.0}',
    )
    parser.add_argument("--output", type=Path, required=True, help="uint8 (n, canvas, canvas), .npy")
    arguments = parser.parse_args()

    images = place_on_canvas(load_array(arguments.images), arguments.canvas)
    distortion = Distortion.from_settings(arguments.settings)
    key = random_key(arguments.dataset, arguments.canvas, arguments.distortion, arguments.copy)
    audit = audit_sample(images, distortion, key, arguments.audit["images"])
    progress(f"audit: {audit.mean:.4f} grey levels from elasticdeform on average, {audit.largest:.0f} at most")
    require_agreement(audit, arguments.audit["tolerance"], str(arguments.output))
    with counted():
        distorted = distort(images, distortion, key)
    save_array(arguments.output, distorted)
    progress(f"{len(images)} images distorted")


if __name__ == "__main__":
    run(main)
