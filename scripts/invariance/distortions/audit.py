"""Check distortions against elasticdeform (G. van Tulder), an independent C implementation, given the same field."""

from dataclasses import dataclass

import elasticdeform
import numpy as np

from invariance.distortions.fields import Distortion, displacement_fields, distort
from invariance.distortions.parts import apply_parts
from invariance.record.artefacts import InputError

# elasticdeform needs neighbours to interpolate with at the edge of an image: a border of background.
BORDER = 1


@dataclass(frozen=True)
class Audit:
    """Absolute difference between our images and elasticdeform's, in grey levels of 0..255."""

    mean: float
    largest: float


def deform_with_elasticdeform(image: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Warp one uint8 (h, w) image by a field (2, h, w) with elasticdeform; float64 (h, w), not rounded."""
    bordered = np.pad(image, BORDER).astype(np.float64)
    along_rows_first = np.pad(field[::-1], ((0, 0), (BORDER, BORDER), (BORDER, BORDER)), mode="edge")
    deformed = elasticdeform.deform_grid(
        bordered, along_rows_first.astype(np.float64), order=1, mode="constant", cval=0.0, prefilter=False
    )
    return deformed[BORDER:-BORDER, BORDER:-BORDER]


def audit_sample(images: np.ndarray, distortion: Distortion, key: np.ndarray, sample: int) -> Audit:
    """Distort the first `sample` uint8 (n, canvas, canvas) images with both engines and compare.

    Only the warp is compared: elasticdeform gets the images after the pixel parts.
    """
    ours = distort(images[:sample], distortion, key)
    images = apply_parts(images[:sample], distortion.pixel_parts, key, 0)
    fields = displacement_fields(distortion, key, 0, len(images), images.shape[-1])
    theirs = [deform_with_elasticdeform(*pair) for pair in zip(images, fields, strict=True)]
    if not theirs:
        return Audit(0.0, 0.0)
    difference = np.abs(ours - np.floor(np.stack(theirs) + 0.5))
    return Audit(float(difference.mean()), float(difference.max()))


def require_agreement(audit: Audit, tolerance: float, what: str) -> None:
    """Raise InputError if the two engines differ by more than `tolerance` grey levels on average."""
    if not audit.mean <= tolerance:  # true for NaN as well
        raise InputError(
            f"{what}: differs from elasticdeform by {audit.mean:.3f} grey levels on average, {tolerance} is allowed "
            "(audit.tolerance in the config); one of the two engines is wrong, and nothing was written"
        )
