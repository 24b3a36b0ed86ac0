"""Simard's distortions: translation, affine and elastic, as displacement fields and one backward bilinear warp.

A displacement field is float32 (n, 2, height, width), in pixels: component 0 is along the columns (x, to the right) and
component 1 along the rows (y, down). Pixel p of the distorted image is read from p + field(p) of the original.

Source: Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural Networks Applied to Visual Document
Analysis", ICDAR 2003, section 2. The paper's own figure has y pointing up.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from invariance.artefacts import InputError

# The Gaussian is cut off at four standard deviations, where 6e-5 of its mass lies beyond.
GAUSSIAN_TRUNCATION = 4.0
# Random numbers that an image uses for its translation and affine map, before those of its elastic field.
GLOBAL_NUMBERS = 8
# Philox 4x64 gives 256 random bits for each value of its counter.
NUMBERS_PER_TICK = 8
BLOCK = 256  # images at once: their fields stay in the processor's cache


@dataclass(frozen=True)
class Translation:
    """A shift by whole pixels, uniform in -max_shift..max_shift along each axis."""

    max_shift: int


@dataclass(frozen=True)
class Affine:
    """Rotation, shear, scaling and translation about the middle of the canvas; each uniform in its range."""

    max_shift: float  # pixels
    max_rotation: float  # degrees
    max_shear: float  # x += shear * y
    max_scaling: float  # each axis by a factor in 1 - max_scaling .. 1 + max_scaling


@dataclass(frozen=True)
class Elastic:
    """A field of uniform(-1, 1) numbers, blurred by a Gaussian, times alpha."""

    sigma: float  # pixels
    alpha: float  # pixels
    normalisation: str = "none"  # "none", or "l2": L2 norm 1 for each component before alpha
    centred: bool = False  # subtract the mean of the field, its net translation


@dataclass(frozen=True)
class Distortion:
    """What to do to each image: a translation, or an affine map, an elastic field, or the sum of those two."""

    translation: Translation | None = None
    affine: Affine | None = None
    elastic: Elastic | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Distortion":
        """Read one entry of `distortions` in config.yaml, whose ranges the config's schema has checked.

        Raises:
            InputError: a part or a key of it is unknown or missing.
        """
        parts = {"translation": Translation, "affine": Affine, "elastic": Elastic}
        try:
            return cls(**{name: parts[name](**values) for name, values in settings.items()})
        except (AttributeError, KeyError, TypeError) as error:
            raise InputError(
                f"settings of the distortion: {settings} cannot be used ({error}); allowed: "
                f"a mapping with one or more of {', '.join(parts)}, each as in `distortions` of config.yaml"
            ) from None


# ----------------------------------------------------------------------------------------------------------------------
# Random numbers


def random_key(dataset: str, canvas: int, distortion: str, copy: int) -> np.ndarray:
    """The 128-bit Philox key, uint64 (2,), of one copy of one distorted dataset."""
    digest = hashlib.sha256(f"{dataset}/{canvas}/{distortion}/{copy}".encode()).digest()
    return np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)


def random_numbers(key: np.ndarray, first: int, images: int, numbers: int) -> np.ndarray:
    """Random bits uint32 (images, numbers) of the images first, first + 1, ...

    Philox (Salmon et al. 2011) is a counter-based generator: image i owns a fixed range of counters, so that its
    numbers depend on the key and on i alone, never on how many images are asked for or in which order.
    """
    ticks = -(-numbers // NUMBERS_PER_TICK)
    generator = np.random.Philox(key=key, counter=first * ticks)
    bits = generator.random_raw(images * ticks * NUMBERS_PER_TICK // 2)
    return bits.astype("<u8", copy=False).view("<u4").reshape(images, ticks * NUMBERS_PER_TICK)[:, :numbers]


def as_uniform(bits: np.ndarray) -> np.ndarray:
    """Map uint32 bits to float32 numbers in the open interval (-1, 1), symmetric about 0, exactly representable."""
    numbers = (bits >> 9).astype(np.float32)
    numbers *= np.float32(2.0**-22)
    numbers += np.float32(2.0**-23 - 1.0)
    return numbers


# ----------------------------------------------------------------------------------------------------------------------
# Fields


def displacement_fields(distortion: Distortion, key: np.ndarray, first: int, images: int, canvas: int) -> np.ndarray:
    """Fields float32 (images, 2, canvas, canvas), in pixels, of the images first, first + 1, ..."""
    pixels = 2 * canvas * canvas if distortion.elastic else 0
    bits = random_numbers(key, first, images, GLOBAL_NUMBERS + pixels)
    shape = (images, 2, canvas, canvas)
    if distortion.elastic:
        fields = elastic_fields(as_uniform(bits[:, GLOBAL_NUMBERS:]).reshape(shape), distortion.elastic)
    else:
        fields = np.zeros(shape, dtype=np.float32)
    if distortion.translation:
        fields += whole_pixel_shifts(bits[:, :2], distortion.translation)[:, :, None, None]
    if distortion.affine:
        fields += affine_fields(as_uniform(bits[:, :GLOBAL_NUMBERS]), distortion.affine, canvas)
    return fields


def whole_pixel_shifts(bits: np.ndarray, translation: Translation) -> np.ndarray:
    """Shifts float32 (n, 2), whole pixels, each value of -max_shift..max_shift equally likely, from uint32 (n, 2)."""
    values = 2 * translation.max_shift + 1
    return ((bits.astype(np.uint64) * values >> 32).astype(np.int64) - translation.max_shift).astype(np.float32)


def affine_fields(numbers: np.ndarray, affine: Affine, canvas: int) -> np.ndarray:
    """Fields float32 (n, 2, canvas, canvas) of random affine maps, from uniform(-1, 1) numbers (n, 6 or more).

    A pixel at p, measured from the middle of the canvas, is read from rotation * shear * scaling * p + shift.
    """
    shift_x, shift_y, angle, shear, scale_x, scale_y = numbers.T[:6]
    angle = angle * math.radians(affine.max_rotation)
    shear = shear * affine.max_shear
    scale_x, scale_y = 1 + scale_x * affine.max_scaling, 1 + scale_y * affine.max_scaling
    cosine, sine = np.cos(angle), np.sin(angle)
    matrices = np.empty((len(numbers), 2, 2))
    matrices[:, 0, 0] = cosine * scale_x
    matrices[:, 0, 1] = (cosine * shear - sine) * scale_y
    matrices[:, 1, 0] = sine * scale_x
    matrices[:, 1, 1] = (sine * shear + cosine) * scale_y
    matrices -= np.eye(2)  # a displacement, not a position
    position = np.arange(canvas) - (canvas - 1) / 2
    along_x, along_y = matrices[..., 0, None, None] * position, matrices[..., 1, None, None] * position[:, None]
    shifts = np.stack([shift_x, shift_y], axis=1)[:, :, None, None] * affine.max_shift
    return (along_x + along_y + shifts).astype(np.float32)


def blur_matrix(sigma: float, canvas: int) -> np.ndarray:
    """The matrix B float32 (canvas, canvas) for which B @ image @ B is the image blurred by a Gaussian, zero outside.

    The kernel is the sampled Gaussian; all of it sums to 1, also where part of it falls outside the canvas.
    """
    radius = int(GAUSSIAN_TRUNCATION * sigma + 0.5)
    distance = np.abs(np.subtract.outer(np.arange(canvas), np.arange(canvas)))
    mass = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).sum()
    weights = np.exp(-0.5 * (distance / sigma) ** 2) / mass
    return np.where(distance <= radius, weights, 0).astype(np.float32)


def elastic_fields(noise: np.ndarray, elastic: Elastic) -> np.ndarray:
    """Simard's elastic fields, float32 (n, 2, h, h), from uniform(-1, 1) noise float32 of that shape.

    The noise counts as zero outside the canvas, so the field is weaker near the border (1.28 pixels rms an axis at
    sigma 4, alpha 34 and 29x29) than its closed form for an unbounded canvas, `unbounded_rms` (1.38).
    """
    blur = blur_matrix(elastic.sigma, noise.shape[-1])
    fields = blur @ noise @ blur
    if elastic.normalisation == "l2":
        fields /= np.sqrt(np.square(fields).sum(axis=(2, 3), keepdims=True))
    if elastic.centred:
        fields -= fields.mean(axis=(2, 3), keepdims=True)
    fields *= np.float32(elastic.alpha)
    return fields


def unbounded_rms(elastic: Elastic) -> float:
    """Root mean square, in pixels along one axis, of the raw field on an unbounded canvas.

    Uniform(-1, 1) numbers have variance 1/3, and a two-dimensional Gaussian kernel has L2 norm 1 / (2 sqrt(pi) sigma).
    """
    return elastic.alpha / (math.sqrt(3) * 2 * math.sqrt(math.pi) * elastic.sigma)


# ----------------------------------------------------------------------------------------------------------------------
# Warp


def warp(images: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Read each pixel of uint8 (n, h, w) images from where its field float32 (n, 2, h, w) points.

    Bilinear between the four neighbours, background 0 outside the image, rounded to the nearest grey level.
    """
    if fields.shape != (len(images), 2, *images.shape[1:]):  # compiled code would read beyond the arrays
        raise ValueError(f"fields {fields.shape} do not fit images {images.shape}")
    warped = np.empty_like(images)
    _warp(images, fields, warped)
    return warped


@njit(cache=True)
def _warp(images, fields, warped):
    count, height, width = images.shape
    # One pixel of background on each side, so that the four neighbours exist wherever the result can differ from 0.
    padded = np.zeros((height + 2, width + 2), np.float32)
    for image in range(count):
        padded[1:-1, 1:-1] = images[image]
        for y in range(height):
            for x in range(width):
                source_x = np.float32(x + 1) + fields[image, 0, y, x]
                source_y = np.float32(y + 1) + fields[image, 1, y, x]
                if not (0 <= source_x < width + 1 and 0 <= source_y < height + 1):
                    warped[image, y, x] = 0
                    continue
                left, top = int(source_x), int(source_y)
                right_share, bottom_share = source_x - np.float32(left), source_y - np.float32(top)
                upper = padded[top, left] + right_share * (padded[top, left + 1] - padded[top, left])
                lower = padded[top + 1, left] + right_share * (padded[top + 1, left + 1] - padded[top + 1, left])
                warped[image, y, x] = int(upper + bottom_share * (lower - upper) + np.float32(0.5))


def distort(images: np.ndarray, distortion: Distortion, key: np.ndarray, first: int = 0) -> np.ndarray:
    """Distort uint8 (n, canvas, canvas) images, whose indices in the dataset are first, first + 1, ...

    The result for an image depends on (key, its index) alone, and a distortion of size 0 is the identity bit for bit.
    """
    distorted = np.empty_like(images)
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        fields = displacement_fields(distortion, key, first + start, len(block), images.shape[-1])
        distorted[start : start + BLOCK] = warp(block, fields)
    return distorted
