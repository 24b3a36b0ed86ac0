"""Stage 2, distorted: write one copy of the training images, each image with a distortion of its own."""

from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import Natural, counted, json_mapping, progress, run
from invariance.data.images import place_on_canvas
from invariance.distortions.audit import audit_sample, require_agreement
from invariance.distortions.fields import Distortion, distort, random_key
from invariance.record.artefacts import load_array, save_array


def main(
    *,
    images: Path,
    dataset: str,
    canvas: int,
    distortion: str,
    settings: Annotated[dict[str, Any], json_mapping()],
    copy: Natural,
    audit: Annotated[dict[str, Any], json_mapping(images=int, tolerance=float)],
    output: Path,
) -> None:
    """Read the source images, distort, audit, write.

    Args:
        images: Source images, uint8 (n, h, w), .npy.
        dataset: Name of the dataset, part of the random key.
        canvas: Side of the canvas, pixels.
        distortion: Name of the distortion, part of the random key.
        settings: The distortion's entry in the config, as JSON.
        copy: Number of the copy, part of the random key.
        audit: Images to check against elasticdeform, and the mean difference allowed, grey levels:
            '{"images": 32, "tolerance": 1.0}'.
        output: The copy, uint8 (n, canvas, canvas), .npy.
    """
    originals = place_on_canvas(load_array(images), canvas)
    parts = Distortion.from_settings(settings)
    key = random_key(dataset, canvas, distortion, copy)
    found = audit_sample(originals, parts, key, audit["images"])
    progress(f"audit: {found.mean:.4f} grey levels from elasticdeform on average, {found.largest:.0f} at most")
    require_agreement(found, audit["tolerance"], str(output))
    with counted():
        distorted = distort(originals, parts, key)
    save_array(output, distorted)
    progress(f"{len(originals)} images distorted")


if __name__ == "__main__":
    run(main)
