"""Simard's distortions: translation, affine and elastic, as displacement fields and one backward bilinear warp.

A displacement field is float32 (n, 2, height, width), in pixels: component 0 is along the columns (x, to the right) and
component 1 along the rows (y, down). Pixel p of the distorted image is read from p + field(p) of the original.

Source: Simard, Steinkraus and Platt, "Best Practices for Convolutional Neural Networks Applied to Visual Document
Analysis", ICDAR 2003, section 2. The paper's own figure has y pointing up.
"""

import functools
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit

from invariance.distortions.parts import PixelPart, apply_parts, build_part, find_part
from invariance.distortions.philox import fill_with_noise, random_words

# The Gaussian is cut off at four standard deviations; 6e-5 of its mass lies beyond.
GAUSSIAN_TRUNCATION = 4.0
# Ticks of Philox for the translation and affine map of an image; those of its elastic noise follow.
GLOBAL_TICKS = 2
# Compiled loops work on whole vectors of float32: rows of images and fields are padded to a multiple of this.
LANES = 16
BLOCK = 128  # images at once: few calls, and fields that fit into the processor's caches

# The options of the three parts that are fields, like `OPTIONS` in the file of a pixel part (parts.py).
PARTS = {
    "translation": {
        "max_shift": {"description": "pixels either way", "type": "integer", "minimum": 0, "maximum": 16},
    },
    "affine": {
        "max_shift": {"description": "pixels either way", "type": "number", "minimum": 0, "maximum": 16},
        "max_rotation": {"description": "degrees either way", "type": "number", "minimum": 0, "maximum": 180},
        "max_shear": {"description": "pixels sideways per pixel down", "type": "number", "minimum": 0, "maximum": 2},
        "max_scaling": {
            "description": "of the size of each axis",
            "type": "number",
            "minimum": 0,
            "exclusiveMaximum": 1,
        },
    },
    "elastic": {
        "sigma": {"description": "pixels", "type": "number", "exclusiveMinimum": 0, "maximum": 96},
        "alpha": {"description": "pixels", "type": "number", "minimum": 0, "maximum": 10000},
        "normalisation": {"description": "of each component of the field before alpha", "enum": ["none", "l2"]},
        "centred": {"description": "whether the net translation of each field is removed", "type": "boolean"},
        "border": {
            "description": "what the Gaussian sees outside the canvas: no displacement, or that inside, mirrored",
            "enum": ["zeros", "mirror"],
            "default": "zeros",
        },
    },
}


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
    border: str = "zeros"  # "zeros", or "mirror": the noise goes on outside, mirrored at the edge of the canvas


@dataclass(frozen=True)
class Distortion:
    """Pixel parts, then one warp: a translation, an affine map, an elastic field, or the sum of the last two."""

    translation: Translation | None = None
    affine: Affine | None = None
    elastic: Elastic | None = None
    pixel_parts: Mapping[str, PixelPart] = field(default_factory=dict)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Distortion":
        """Read an entry of `distortions` in the config; raises InputError for an unknown or missing part or option."""
        classes = {"translation": Translation, "affine": Affine, "elastic": Elastic}
        fields, pixel_parts = {}, {}
        for name, options in settings.items():
            if name in PARTS:
                fields[name] = build_part(name, classes[name], PARTS[name], options)
            else:
                pixel_parts[name] = build_part(name, *find_part(name), options)
        return cls(**fields, pixel_parts=pixel_parts)


# Random numbers -------------------------------------------------------------------------------------------------------


def random_key(dataset: str, canvas: int, distortion: str, copy: int) -> np.ndarray:
    """The 128 bits, uint32 (4,), that seed all random numbers of one copy of a distorted data set."""
    digest = hashlib.sha256(f"{dataset}/{canvas}/{distortion}/{copy}".encode()).digest()
    return np.frombuffer(digest[:16], dtype="<u4").astype(np.uint32)


def as_uniform(bits: np.ndarray) -> np.ndarray:
    """Map uint32 bits to float32 numbers in the open interval (-1, 1), symmetric about 0."""
    numbers = (bits >> 9).astype(np.float32)
    numbers *= np.float32(2.0**-22)
    numbers += np.float32(2.0**-23 - 1.0)
    return numbers


# Fields ---------------------------------------------------------------------------------------------------------------


def displacement_fields(distortion: Distortion, key: np.ndarray, first: int, images: int, canvas: int) -> np.ndarray:
    """Fields float32 (images, 2, canvas, canvas), in pixels, of the images first, first + 1, ..."""
    fields, spare = np.empty((2, images, 2, canvas, padded_width(canvas)), np.float32)
    fill_fields(fields, spare, distortion, key, first)
    return fields[..., :canvas].copy()


def fill_fields(fields: np.ndarray, spare: np.ndarray, distortion: Distortion, key: np.ndarray, first: int) -> None:
    """Write the fields of the images first, first + 1, ... to float32 (n, 2, canvas, padded_width(canvas)).

    The padding of the rows has no meaning. `spare` is scratch memory of the same shape: allocating it for each block of
    images would take as long as the blur.
    """
    bits = random_words(key, first, len(fields), GLOBAL_TICKS)
    if distortion.elastic:
        fill_with_noise(fields, key, first, GLOBAL_TICKS)
        make_elastic(fields, spare, distortion.elastic)
        if distortion.affine:
            fill_affine(spare, as_uniform(bits), distortion.affine)
            fields += spare
    elif distortion.affine:
        fill_affine(fields, as_uniform(bits), distortion.affine)
    else:
        fields.fill(0)
    if distortion.translation:
        fields += whole_pixel_shifts(bits[:, :2], distortion.translation)[:, :, None, None]


def padded_width(width: int) -> int:
    """The width of padded rows: whole vectors that hold `width` pixels and the 3 background pixels of `_warp`."""
    return -(-(width + 3) // LANES) * LANES


def whole_pixel_shifts(bits: np.ndarray, translation: Translation) -> np.ndarray:
    """Uniform whole-pixel shifts in -max_shift..max_shift, float32 (n, 2), from uint32 (n, 2)."""
    values = 2 * translation.max_shift + 1
    return ((bits.astype(np.uint64) * values >> 32).astype(np.int64) - translation.max_shift).astype(np.float32)


def affine_maps(numbers: np.ndarray, affine: Affine) -> np.ndarray:
    """Random affine maps float32 (n, 2, 3) of (x, y, 1) to a displacement, from uniform(-1, 1) numbers (n, 6 or more).

    A pixel at p, measured from the middle of the canvas, is read from rotation * shear * scaling * p + shift.
    """
    shift_x, shift_y, angle, shear, scale_x, scale_y = numbers.T[:6].astype(np.float64)
    angle *= math.radians(affine.max_rotation)
    shear *= affine.max_shear
    scale_x, scale_y = 1 + scale_x * affine.max_scaling, 1 + scale_y * affine.max_scaling
    cosine, sine = np.cos(angle), np.sin(angle)
    maps = np.empty((len(numbers), 2, 3))
    maps[:, 0, 0] = cosine * scale_x
    maps[:, 0, 1] = (cosine * shear - sine) * scale_y
    maps[:, 1, 0] = sine * scale_x
    maps[:, 1, 1] = (sine * shear + cosine) * scale_y
    maps[:, :, :2] -= np.eye(2)  # a displacement, not a position
    maps[:, 0, 2], maps[:, 1, 2] = shift_x * affine.max_shift, shift_y * affine.max_shift
    return maps.astype(np.float32)


def fill_affine(fields: np.ndarray, numbers: np.ndarray, affine: Affine) -> None:
    """Write the fields of the `affine_maps` of numbers to float32 (n, 2, canvas, padded_width(canvas))."""
    positions = centred_positions(fields.shape[2])
    np.matmul(affine_maps(numbers, affine), positions, out=fields.reshape(len(fields), 2, positions.shape[1]))


@functools.cache
def centred_positions(canvas: int) -> np.ndarray:
    """x, y and 1 of each pixel, from the middle of the canvas, float32 (3, canvas * padded_width(canvas))."""
    y, x = np.indices((canvas, padded_width(canvas)), np.float32).reshape(2, -1) - np.float32((canvas - 1) / 2)
    return np.stack([x, y, np.ones_like(x)])


@functools.cache
def blur_matrix(sigma: float, canvas: int, border: str = "zeros") -> np.ndarray:
    """The matrix B, float32 (canvas, canvas), such that B @ image @ B is the image blurred by a Gaussian.

    The kernel is the sampled Gaussian. It sums to 1 before the canvas cuts it off. Outside the canvas the image is
    zero, or mirrored again and again at the edges of its first and last pixels (`mirror`).
    """
    radius = int(GAUSSIAN_TRUNCATION * sigma + 0.5)
    mass = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).sum()
    places, blur = np.arange(canvas), np.zeros((canvas, canvas))
    periods = range(-radius, radius + 1) if border == "mirror" else [0]
    for seen in (sources for period in periods for sources in mirrored(places, period, border)):
        distance = np.abs(np.subtract.outer(places, seen))
        blur += np.where(distance <= radius, np.exp(-0.5 * (distance / sigma) ** 2) / mass, 0)
    return blur.astype(np.float32)


def mirrored(places: np.ndarray, period: int, border: str) -> list[np.ndarray]:
    """Where the pixels at `places` are seen in one period of the image, and of its mirror image if there is one."""
    seen = places + 2 * len(places) * period
    return [seen, -1 - places + 2 * len(places) * period] if border == "mirror" else [seen]


def make_elastic(fields: np.ndarray, spare: np.ndarray, elastic: Elastic) -> None:
    """Turn uniform(-1, 1) noise, float32 (n, 2, canvas, padded_width(canvas)), into Simard's elastic fields, in place.

    If the noise is zero outside the canvas, the field is weaker (1.28 pixels rms per axis at sigma 4, alpha 34 and
    29x29) than on an unbounded canvas (1.38).
    """
    canvas, width = fields.shape[2:]
    blur = blur_matrix(elastic.sigma, canvas, elastic.border)
    padded_blur = np.zeros((canvas, width), np.float32)
    padded_blur[:, :canvas] = blur * np.float32(1 if elastic.normalisation == "l2" else elastic.alpha)
    # One small product per image: the rounding of one large product might depend on the number of images.
    np.matmul(fields[..., :canvas], padded_blur, out=spare)  # the padding becomes 0
    np.matmul(blur, spare, out=fields)
    if elastic.normalisation == "l2":
        norms = np.sqrt(np.einsum("...yx,...yx->...", fields, fields))
        fields *= (np.float32(elastic.alpha) / norms)[..., None, None]
    if elastic.centred:
        fields -= fields.sum(axis=(2, 3), keepdims=True) / np.float32(canvas**2)


# Warp -----------------------------------------------------------------------------------------------------------------


def warp_padded(images: np.ndarray, fields: np.ndarray, warped: np.ndarray) -> None:
    """Read each pixel of uint8 (n, h, w) images from where its field points, into `warped` of the same shape.

    Bilinear between the four neighbours, background 0 outside the image, rounded to the nearest grey level.

    Args:
        images: the originals.
        fields: with padded rows, float32 (n, 2, h, padded_width(w)).
        warped: the distorted images.
    """
    count, height, width = images.shape
    if fields.shape != (count, 2, height, padded_width(width)):  # compiled code would read beyond the arrays
        raise ValueError(f"fields {fields.shape} do not fit images {images.shape}")
    # One pixel of background above and on the left, two below and on the right: `_warp` reads from -1 .. width and
    # -1 .. height, and each time the next pixel too.
    padded = np.zeros((count, height + 3, fields.shape[3]), np.uint8)
    padded[:, 1 : height + 1, 1 : width + 1] = images
    padded_warped = np.empty((count, height, fields.shape[3]), np.uint8)
    _warp(padded, fields, width, padded_warped)
    warped[:] = padded_warped[..., :width]


@njit(cache=True)
def _warp(padded, fields, width, warped):
    """Loops over flat images, which the compiler vectorises; the look-up, which it cannot, is a loop of its own."""
    count, height, stride = warped.shape
    pixels = height * stride
    columns = (np.arange(pixels) % stride + 1).astype(np.float32)
    rows = (np.arange(pixels) // stride + 1).astype(np.float32)
    neighbours = np.empty((height + 2) * stride - 1, np.uint32)
    source, found = np.empty(pixels, np.uint32), np.empty(pixels, np.uint32)
    share_x, share_y = np.empty(pixels, np.float32), np.empty(pixels, np.float32)
    for image in range(count):
        _pack_neighbours(padded[image].ravel(), stride, neighbours)
        field_x, field_y = fields[image, 0].ravel(), fields[image, 1].ravel()
        for pixel in range(pixels):
            x = _clamp(columns[pixel] + field_x[pixel], np.float32(width + 1))
            y = _clamp(rows[pixel] + field_y[pixel], np.float32(height + 1))
            left, top = np.int32(x), np.int32(y)
            source[pixel] = top * np.int32(stride) + left
            share_x[pixel], share_y[pixel] = x - np.float32(left), y - np.float32(top)
        for pixel in range(pixels):
            found[pixel] = neighbours[source[pixel]]
        _interpolate(found, share_x, share_y, warped[image].ravel())


@njit(inline="always")
def _clamp(position, limit):
    """Clip a position, NaN included, to 0..limit; both ends are background."""
    position = position if position > np.float32(0) else np.float32(0)
    return position if position < limit else limit


@njit
def _pack_neighbours(padded, stride, neighbours):
    """Pack each pixel with its neighbours right, below and diagonal, one byte each: one look-up instead of four."""
    right, below, diagonal = padded[1:], padded[stride:], padded[stride + 1 :]
    for pixel in range(len(neighbours)):
        neighbours[pixel] = padded[pixel] | right[pixel] << 8 | below[pixel] << 16 | diagonal[pixel] << 24


@njit
def _interpolate(neighbours, share_x, share_y, warped):
    for pixel in range(len(warped)):
        packed = neighbours[pixel]
        upper = _between(packed, share_x[pixel])
        lower = _between(packed >> 16, share_x[pixel])
        warped[pixel] = np.int32(upper + share_y[pixel] * (lower - upper) + np.float32(0.5))


@njit(inline="always")
def _between(packed, share):
    """Interpolate between the lowest byte and the next."""
    left, right = np.float32(np.int32(packed & 0xFF)), np.float32(np.int32(packed >> 8 & 0xFF))
    return left + share * (right - left)


def shift_each(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Read each pixel p of uint8 (n, h, w) images from p + shift, in whole pixels (n, 2); background 0 outside."""
    shifted = np.empty_like(images)
    _shift_each(images, shifts.astype(np.int64), shifted)
    return shifted


@njit(cache=True)
def _shift_each(images, shifts, shifted):
    count, height, width = images.shape
    for image in range(count):
        along_x, along_y = shifts[image]
        for y in range(height):
            row = y + along_y
            for x in range(width):
                column = x + along_x
                inside = 0 <= row < height and 0 <= column < width
                shifted[image, y, x] = images[image, row, column] if inside else 0


def distort(images: np.ndarray, distortion: Distortion, key: np.ndarray, first: int = 0) -> np.ndarray:
    """Distort uint8 (n, canvas, canvas) images with indices first, first + 1, ... in the data set.

    The result for an image depends only on the key and its index. A distortion of size 0 is the exact identity.
    """
    count, canvas = images.shape[:2]
    images = apply_parts(images, distortion.pixel_parts, key, first)
    if not (distortion.affine or distortion.elastic):
        if not distortion.translation:
            return images.copy()
        bits = random_words(key, first, count, GLOBAL_TICKS)
        return shift_each(images, whole_pixel_shifts(bits[:, :2], distortion.translation))
    distorted = np.empty_like(images)
    buffers = np.empty((2, min(count, BLOCK), 2, canvas, padded_width(canvas)), np.float32)
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        fields, spare = buffers[:, : len(images[block])]
        fill_fields(fields, spare, distortion, key, first + start)
        warp_padded(images[block], fields, distorted[block])
    return distorted
