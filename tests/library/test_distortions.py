"""Simard's distortions: his worked example, closed forms, and SciPy and elasticdeform as independent oracles."""

import functools
import hashlib
import itertools
import json
import math
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage, stats

import describe_distortion
import distort as distort_script
from invariance.data.images import place_on_canvas, shift_images
from invariance.distortions import audit
from invariance.distortions import fields as distortions
from invariance.distortions.fields import (
    GLOBAL_TICKS,
    Affine,
    Distortion,
    Elastic,
    Translation,
    as_uniform,
    blur_matrix,
    displacement_fields,
    distort,
    fill_affine,
    make_elastic,
    padded_width,
    random_key,
    shift_each,
    warp_padded,
    whole_pixel_shifts,
)
from invariance.distortions.philox import fill_with_noise, philox, random_words
from invariance.record.artefacts import InputError, load_array
from judging import CONFIG
from running import ROOT

SETTINGS = CONFIG["distortions"]
EVERY = pytest.mark.parametrize("name", SETTINGS)
KINDS = ("translation", "affine", "elastic", "affine_elastic", "elastic_centred")
KEY = random_key("mnist", 29, "elastic", 0)
SIMARD = Elastic(sigma=4, alpha=34)
NO_AFFINE = {"max_shift": 0.0, "max_rotation": 0.0, "max_shear": 0.0, "max_scaling": 0.0}
# Grey levels by which float32 coordinates may move an interpolated value, before it is rounded.
FLOAT32_SLACK = 0.02


@functools.cache
def blobs(count: int = 12, canvas: int = 29) -> np.ndarray:
    """Smooth images with strokes and empty ground, uint8 (count, canvas, canvas); much like digits, and never alike."""
    noise = np.random.default_rng(0).normal(size=(count, canvas, canvas))
    smooth = ndimage.gaussian_filter(noise, sigma=(0, 2, 2))
    return np.clip(255 * 8 * smooth, 0, 255).astype(np.uint8)


def noise_images(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """The hardest images to interpolate: every pixel at random, ink up to the border, uint8."""
    return np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)


def setting(name: str) -> Distortion:
    return Distortion.from_settings(SETTINGS[name])


MANY_PARTS = {
    "all fields": Distortion(Translation(2), setting("affine").affine, SIMARD),
    "l2, centred": Distortion(elastic=Elastic(4, 34, "l2", centred=True)),
}


def constant_field(images: np.ndarray, dx: float, dy: float) -> np.ndarray:
    count, height, width = images.shape
    return np.broadcast_to(np.array([dx, dy], np.float32)[:, None, None], (count, 2, height, width)).copy()


def warp(images: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """The warp with fields (n, 2, h, w), whose rows are not padded."""
    padded = np.zeros((*fields.shape[:3], padded_width(fields.shape[3])), np.float32)
    padded[..., : fields.shape[3]] = fields
    warped = np.empty_like(images)
    warp_padded(images, padded, warped)
    return warped


def scipy_warp(images: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """The same warp by scipy.ndimage.map_coordinates in float64, not rounded: rows first, background outside."""
    rows, columns = np.indices(images.shape[1:])
    return np.stack(
        [
            ndimage.map_coordinates(
                image.astype(float), [rows + along_y, columns + along_x], order=1, mode="grid-constant", cval=0
            )
            for image, (along_x, along_y) in zip(images, fields.astype(float), strict=True)
        ]
    )


def assert_rounded(ours: np.ndarray, reference: np.ndarray) -> None:
    """Ours is the float reference rounded to the nearest grey level, but for ties that float32 decides otherwise."""
    assert np.abs(ours - reference).max() <= 0.5 + FLOAT32_SLACK
    rounded = np.abs(ours - np.floor(reference + 0.5))
    assert rounded.max() <= 1
    assert rounded.mean() <= 0.02


# ----------------------------------------------------------------------------------------------------------------------
# The warp


def test_worked_example_of_simard():
    """Section 2 of the paper: grey 3, 7, 5, 9 at (1,0), (2,0), (1,-1), (2,-1); displacement (1.75, -0.5) gives 7."""
    image = np.zeros((1, 3, 4), np.uint8)
    for (x, y), grey in {(1, 0): 3, (2, 0): 7, (1, -1): 5, (2, -1): 9}.items():
        image[0, -y, x] = grey  # y points up in the paper's figure, down in an image
    field = np.zeros((1, 2, 3, 4), np.float32)
    field[0, :, 0, 0] = 1.75, 0.5
    assert warp(image, field)[0, 0, 0] == 7


@pytest.mark.parametrize("shape", [(3, 29, 29), (2, 7, 12), (2, 12, 7), (1, 1, 1), (0, 5, 5)])
def test_a_zero_field_is_the_identity(shape):
    images = noise_images(1, shape)
    assert np.array_equal(warp(images, constant_field(images, 0, 0)), images)


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    dx=st.integers(-11, 11),
    dy=st.integers(-11, 11),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_constant_whole_pixel_field_is_a_shift(shape, dx, dy, seed):
    """The field says where a pixel is read from, so that the ink moves the other way."""
    images = noise_images(seed, shape)
    assert np.array_equal(warp(images, constant_field(images, -dx, -dy)), shift_images(images, dx, dy))


@pytest.mark.parametrize(("dx", "dy"), [(0.25, 0.0), (0.0, -0.75), (1.3, -2.6), (-3.9, 0.1), (-0.5, -0.5), (28.7, 0)])
def test_a_constant_fractional_field_is_the_shift_of_scipy(dx, dy):
    images = noise_images(2, (2, 29, 21))
    shifted = ndimage.shift(images.astype(float), (0, -dy, -dx), order=1, mode="grid-constant", cval=0, prefilter=False)
    assert_rounded(warp(images, constant_field(images, dx, dy)), shifted)


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 14), st.integers(1, 14)),
    scale=st.sampled_from([0.1, 1.0, 5.0, 40.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_warp_equals_map_coordinates(shape, scale, seed):
    images = noise_images(seed, shape)
    count, height, width = shape
    fields = np.random.default_rng(seed).normal(0, scale, size=(count, 2, height, width)).astype(np.float32)
    assert np.abs(warp(images, fields) - scipy_warp(images, fields)).max() <= 0.5 + FLOAT32_SLACK


@pytest.mark.parametrize("scale", [0.3, 1.3, 8.0])
def test_warp_of_many_pixels_equals_map_coordinates(scale):
    images = noise_images(3, (20, 23, 31))
    fields = np.random.default_rng(3).normal(0, scale, size=(20, 2, 23, 31)).astype(np.float32)
    assert_rounded(warp(images, fields), scipy_warp(images, fields))


def test_swapped_axes_would_be_noticed():
    images, fields = blobs(), displacement_fields(setting("elastic"), KEY, 0, 12, 29)
    swapped = np.ascontiguousarray(fields[:, ::-1])
    assert np.abs(warp(images, swapped) - scipy_warp(images, fields)).mean() > 5


@pytest.mark.parametrize("far", [30.0, -30.0, 2.0**31, -(2.0**31), 1e20, -1e20, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("axis", [0, 1])
def test_beyond_the_image_is_background(far, axis):
    images = np.full((1, 20, 29), 255, np.uint8)
    fields = np.zeros((1, 2, 20, 29), np.float32)
    fields[:, axis] = far
    assert not warp(images, fields).any()


def test_ink_fades_into_the_background_over_the_last_pixel():
    images = np.full((1, 1, 4), 200, np.uint8)
    for dx, ink in [(-0.25, 150), (-0.75, 50), (-1.0, 0), (3.25, 150), (3.75, 50), (4.0, 0)]:
        field = np.zeros((1, 2, 1, 4), np.float32)
        field[0, 0, 0, 0] = dx
        assert warp(images, field)[0, 0, 0] == ink


@pytest.mark.parametrize("shape", [(2, 2, 5, 7), (1, 2, 6, 7), (2, 2, 7, 6), (2, 1, 6, 7)])
def test_fields_of_another_size_are_refused(shape):
    """Compiled code would read beyond the end of them."""
    with pytest.raises(ValueError, match="do not fit images"):
        warp(noise_images(10, (2, 6, 7)), np.zeros(shape, np.float32))


def test_warp_leaves_its_arguments_as_they_were():
    images, fields = blobs().copy(), displacement_fields(setting("elastic"), KEY, 0, 12, 29)
    before = fields.copy()
    warp(images, fields)
    assert np.array_equal(images, blobs())
    assert np.array_equal(fields, before)


# ----------------------------------------------------------------------------------------------------------------------
# Random numbers


def philox_block(counter: list[int], key: list[int]) -> list[int]:
    """Philox 4x32 with ten rounds, after Salmon et al. (2011), in Python's integers: four words for a counter."""
    word = 2**32 - 1
    x, k = list(counter), list(key)
    for _ in range(10):
        left, right = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
        x = [right >> 32 ^ x[1] ^ k[0], right & word, left >> 32 ^ x[3] ^ k[1], left & word]
        k = [(k[0] + 0x9E3779B9) & word, (k[1] + 0xBB67AE85) & word]
    return x


def compiled_philox(counter: list[int], key: list[int]) -> list[int]:
    return [int(word) for word in philox(tuple(map(np.uint64, counter)), tuple(map(np.uint64, key)))]


KNOWN_ANSWERS = [  # kat_vectors of the authors' Random123: philox4x32 10
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@pytest.mark.parametrize("block", [philox_block, compiled_philox])
@pytest.mark.parametrize("answer", KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(block, answer):
    counter, key, words = ([int(word, 16) for word in text.split()] for text in answer)
    assert block(counter, key) == words


WORDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(counter=st.lists(WORDS, min_size=4, max_size=4), key=st.lists(WORDS, min_size=2, max_size=2))
def test_philox_is_the_one_in_pythons_integers(counter, key):
    assert compiled_philox(counter, key) == philox_block(counter, key)


def expected_blocks(key: np.ndarray, image: int, ticks: range) -> list[list[int]]:
    *philox_key, rest_0, rest_1 = key.tolist()
    return [philox_block([tick, image, rest_0, rest_1], philox_key) for tick in ticks]


FIRST_IMAGE = st.integers(0, 2**32 - 5)


@settings(deadline=None, max_examples=40)
@given(first=FIRST_IMAGE, images=st.integers(0, 4), ticks=st.integers(1, 9), copy=st.integers(0, 999))
def test_words_are_philox_of_the_key_the_image_and_the_tick(first, images, ticks, copy):
    key = random_key("digits", 40, "affine", copy)
    words = random_words(key, first, images, ticks)
    assert (words.shape, words.dtype) == ((images, 4 * ticks), np.uint32)
    for image, row in enumerate(words, first):
        assert row.reshape(ticks, 4).tolist() == expected_blocks(key, image, range(ticks))


def noise_like(shape: tuple[int, ...], key: np.ndarray, first: int, first_tick: int = GLOBAL_TICKS) -> np.ndarray:
    noise = np.full(shape, np.nan, np.float32)
    fill_with_noise(noise, key, first, first_tick)
    return noise


@settings(deadline=None, max_examples=40)
@given(
    first=FIRST_IMAGE,
    images=st.integers(0, 4),
    ticks=st.integers(1, 40),
    first_tick=st.integers(0, 5),
    copy=st.integers(0, 999),
)
def test_noise_is_philox_in_halves(first, images, ticks, first_tick, copy):
    """The lower halves of words 0 of all ticks, then the upper halves, then words 1, and so on."""
    key = random_key("digits", 40, "affine", copy)
    for image, row in enumerate(noise_like((images, 8 * ticks), key, first, first_tick), first):
        blocks = expected_blocks(key, image, range(first_tick, first_tick + ticks))
        halves = [block[word] >> 16 * half & 0xFFFF for word in range(4) for half in range(2) for block in blocks]
        signed = [half - 2**16 if half >= 2**15 else half for half in halves]
        assert row.tolist() == [(2 * number + 1) / 2**16 for number in signed]


def test_noise_may_have_any_shape():
    assert np.array_equal(noise_like((2, 2, 3, 8), KEY, 3).reshape(2, 48), noise_like((2, 48), KEY, 3))
    with pytest.raises(ValueError, match=r"reshape|copy"):  # what was filled would be a copy
        fill_with_noise(np.zeros((2, 2, 8, 4), np.float32)[..., :2], KEY, 0, 0)


def test_noise_is_open_and_symmetric():
    values = np.unique(noise_like((400, 1856), KEY, 0))
    assert len(values) > 65_500
    assert -1 < values.min() < -0.9999
    assert 0.9999 < values.max() < 1
    assert np.array_equal(values * 2**16 % 2, np.ones(len(values)))  # odd multiples of 2^-16: never 0


def test_known_answers_of_the_random_numbers():
    """Every distorted dataset of the study rests on these bytes: a change here changes them all."""
    assert KEY.tobytes().hex() == "a737f7d21ce035d57cd709b9c81da3fa"
    assert KEY.tolist() == [0xD2F737A7, 0xD535E01C, 0xB909D77C, 0xFAA31DC8]
    words = random_words(KEY, 0, 2, GLOBAL_TICKS).tolist()
    assert words == [
        [922775229, 2758469296, 966147744, 3458129878, 1002659900, 2987625288, 3655172713, 1509331884],
        [3065300511, 491499904, 2578105545, 1824453670, 4110840797, 296995865, 2104008382, 358897139],
    ]
    assert (noise_like((1, 1856), KEY, 59_999)[0, -4:] * 2**16).tolist() == [-42641.0, -2805.0, 57375.0, 9285.0]


def test_known_answers_of_the_elastic_field():
    field = displacement_fields(Distortion(elastic=SIMARD), KEY, 7, 1, 29)[0, :, 3]
    assert field[:, 5] == pytest.approx([-0.335664, 1.464812], abs=1e-4)
    assert field[:, 20] == pytest.approx([0.081099, 0.646271], abs=1e-4)


KNOWN_COPIES = {
    "translation": "f5911d9c96a9e452fd014c8a08db02de5e2d83c74713629c1a1bb2c490e92de0",
    "affine": "b16616491f67a8b3f6ef7bfe8c49dfc047d39c8236939ea45f1cb89eeb67583e",
    "elastic": "05f469743418e5013575159456e348b239fd7f63b04a9b77cbd875880218ad9f",
    "affine_elastic": "884fc156198fe9acfdc3d66a4dd4756fd3096b938b28d9ec87bbc7a9366df0f0",
    "elastic_centred": "9654226fc55b08b0b9f71d8b436ecc5b3f297e22f0a88939c3e0a6439cbadd3e",
    "shift_1": "39a95773dada189406a898c95f36a85826c88edf10eb374aa17a8fcb3e814c07",
    "shift_2": "88ddeef0a1c2f66f5fdbb76e3bf69f330a646d540c105aac35ff55cc0320e4be",
    "shift_3": "9f3b640d2e415027040ee2b5a428f85c3d3479cbe90eb7c8e77e4d8c05d02ed6",
    "shift_4": "5b392fb9baa067be4bc547282a8c22bc48bbe4772ea4b23602e8c6815e8da74b",
    "shift_5": "186452e22576725cda83901ed0012643a384f9c170e86616a50f88f6f72670bb",
    "shift_6": "04a6801a7ac20282f6498acc3267a6c8b27badeb77e66d08bd66724f73d51849",
    "all fields": "2bacf7cc906aae019f81bb2f268c16bb5eb50463f9b8d0066bd618ec3fbeeead",
    "l2, centred": "4f6faa91b142e0f61eccb670530b0ab9dda049c40c83400383f856af9024ace6",
}


@pytest.mark.parametrize("name", KNOWN_COPIES)
def test_known_answers_of_whole_copies(name):
    """Images so few and so smooth that the last bits of float32, which depend on the processor, round away."""
    copy = distort(blobs()[:3], MANY_PARTS.get(name) or setting(name), random_key("mnist", 29, name, 1), first=5)
    assert hashlib.sha256(copy.tobytes()).hexdigest() == KNOWN_COPIES[name]


NAMES = st.text("ab1_", min_size=1, max_size=3)  # the config allows letters, digits and underscores
IDENTITIES = st.tuples(NAMES, st.integers(1, 99), NAMES, st.integers(0, 99))


@settings(deadline=None)
@given(one=IDENTITIES, other=IDENTITIES)
def test_each_copy_of_each_dataset_has_its_own_key(one, other):
    assert (random_key(*one).tolist() == random_key(*other).tolist()) == (one == other)


def test_neighbouring_copies_and_datasets_share_no_key():
    keys = {
        random_key(dataset, canvas, name, copy).tobytes()
        for dataset in ("mnist", "digits")
        for canvas in (29, 40)
        for name in SETTINGS
        for copy in range(100)
    }
    assert len(keys) == 2 * 2 * len(SETTINGS) * 100


def test_images_share_no_random_numbers():
    drawn = random_words(KEY, 0, 200, 12)
    assert len({row.tobytes() for row in drawn}) == 200
    assert len(np.unique(drawn)) > 0.999 * drawn.size


@settings(deadline=None)
@given(bits=WORDS)
def test_uniform_numbers_are_exact_open_and_symmetric(bits):
    number, mirrored = as_uniform(np.array([bits, 2**32 - 1 - bits], np.uint32))
    assert -1 < number < 1
    assert mirrored == -number
    assert float(number) == (2 * (bits >> 9) + 1) / 2**23 - 1


def test_uniform_numbers_at_the_ends():
    lowest, highest = as_uniform(np.array([0, 2**32 - 1], np.uint32))
    assert (float(lowest), float(highest)) == (2.0**-23 - 1, 1 - 2.0**-23)


def test_uniform_numbers_have_the_moments_of_the_uniform_distribution():
    numbers = as_uniform(random_words(KEY, 0, 100_000, GLOBAL_TICKS)).astype(float)
    assert abs(numbers.mean()) < 4 * math.sqrt(1 / 3 / numbers.size)
    assert numbers.var() == pytest.approx(1 / 3, abs=4 * math.sqrt(4 / 45 / numbers.size))
    assert stats.kstest(numbers.ravel()[:100_000], stats.uniform(-1, 2).cdf).pvalue > 0.001
    assert np.abs(np.corrcoef(numbers.T) - np.eye(8)).max() < 5 / math.sqrt(len(numbers))


def noise_of(copy: int = 0) -> np.ndarray:
    """The noise of 2,000 images as the elastic field reads it, float64 (2000, 2, 29, 29)."""
    noise = noise_like((2000, 2, 29, padded_width(29)), random_key("mnist", 29, "elastic", copy), 0)
    return noise[..., :29].astype(float)


def test_noise_has_the_moments_of_the_uniform_distribution():
    noise = noise_of()
    assert abs(noise.mean()) < 4 * math.sqrt(1 / 3 / noise.size)
    assert noise.var() == pytest.approx(1 / 3, abs=4 * math.sqrt(4 / 45 / noise.size))
    assert stats.kstest(noise.ravel()[:100_000], stats.uniform(-1, 2).cdf).pvalue > 0.001
    counts = np.histogram(noise, bins=1000, range=(-1, 1))[0]
    assert stats.chisquare(counts).pvalue > 0.001
    # Each pixel over the images: no place has a mean or a variance of its own.
    assert stats.kstest(noise.mean(axis=0).ravel() * math.sqrt(3 * 2000), "norm").pvalue > 0.001
    assert np.abs(noise.var(axis=0) - 1 / 3).max() < 5 * math.sqrt(4 / 45 / 2000)


def test_noise_is_not_correlated():
    noise = noise_of()
    pairs = {
        "along x": (noise[..., :-1], noise[..., 1:]),
        "along y": (noise[:, :, :-1], noise[:, :, 1:]),
        "a vector of numbers apart": (noise[..., :-16], noise[..., 16:]),
        "components": (noise[:, 0], noise[:, 1]),
        "images": (noise[:-1], noise[1:]),
        "copies": (noise, noise_of(1)),
    }
    for one, other in pairs.values():
        for power in (1, 2):  # also the squares
            correlation = np.corrcoef(one.ravel() ** power, other.ravel() ** power)[0, 1]
            assert abs(correlation) < 4 / math.sqrt(one.size)


# ----------------------------------------------------------------------------------------------------------------------
# Translations


@pytest.mark.parametrize("reach", range(7))
def test_whole_pixel_shifts_are_equally_likely(reach):
    bits = random_words(random_key("mnist", 40, f"shift_{reach}", 0), 0, 20_000, GLOBAL_TICKS)[:, :2]
    shifts = whole_pixel_shifts(bits, Translation(reach))
    pairs = (shifts[:, 1] + reach) * (2 * reach + 1) + shifts[:, 0] + reach
    counts = np.bincount(pairs.astype(int), minlength=(2 * reach + 1) ** 2)
    assert (shifts.shape, shifts.dtype) == ((20_000, 2), np.float32)
    assert len(counts) == (2 * reach + 1) ** 2
    assert np.array_equal(shifts, np.round(shifts))
    assert np.abs(shifts).max() == reach
    if reach:
        assert stats.chisquare(counts).pvalue > 0.001


@settings(deadline=None)
@given(bits=WORDS, reach=st.integers(0, 28))
def test_whole_pixel_shifts_stay_in_range(bits, reach):
    shift = whole_pixel_shifts(np.full((1, 2), bits, np.uint32), Translation(reach))
    assert np.array_equal(shift, np.full((1, 2), bits * (2 * reach + 1) // 2**32 - reach))
    assert np.abs(shift).max() <= reach


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(1, 9)),
    dx=st.integers(-11, 11),
    dy=st.integers(-11, 11),
    seed=st.integers(0, 2**32 - 1),
)
def test_shift_each_is_a_shift(shape, dx, dy, seed):
    images = noise_images(seed, shape)
    shifts = np.full((shape[0], 2), [-dx, -dy], np.float32)
    assert np.array_equal(shift_each(images, shifts), shift_images(images, dx, dy))


def test_translation_shifts_each_image_by_whole_pixels():
    images = noise_images(4, (30, 29, 29))
    fields = displacement_fields(setting("translation"), KEY, 0, 30, 29)
    moves = -fields[:, :, 0, 0].astype(int)
    assert (fields == fields[:, :, :1, :1]).all()
    assert len({tuple(move) for move in moves}) > 10
    expected = [shift_images(image[None], dx, dy)[0] for image, (dx, dy) in zip(images, moves, strict=True)]
    assert np.array_equal(distort(images, setting("translation"), KEY), expected)


# ----------------------------------------------------------------------------------------------------------------------
# Affine maps


def affine_fields(numbers: np.ndarray, affine: Affine, canvas: int) -> np.ndarray:
    """Fields float32 (n, 2, canvas, canvas) of affine maps from uniform numbers (n, 6 or more)."""
    fields = np.empty((len(numbers), 2, canvas, padded_width(canvas)), np.float32)
    fill_affine(fields, numbers, affine)
    return fields[..., :canvas]


def one_affine(canvas: int = 5, **ranges: float) -> np.ndarray:
    """The field (2, canvas, canvas) of an affine map at the upper end of each of its ranges."""
    return affine_fields(np.ones((1, 6), np.float32), Affine(**(NO_AFFINE | ranges)), canvas)[0]


def test_affine_translates_by_the_shift():
    field = one_affine(max_shift=2.5)
    assert (field == 2.5).all()


def test_affine_rotates_about_the_middle():
    """A quarter turn reads the right of the middle from below it: on the page, the ink turns against the clock."""
    image = np.zeros((1, 5, 5), np.uint8)
    image[0, 4, 2], image[0, 2, 2] = 200, 100
    turned = warp(image, one_affine(max_rotation=90)[None])[0]
    assert (turned[2, 4], turned[2, 2], turned.sum(dtype=int)) == (200, 100, 300)


def test_affine_shears_along_x():
    field = one_affine(max_shear=0.5)
    assert np.allclose(field[0], 0.5 * np.arange(-2, 3)[:, None])
    assert not field[1].any()


def test_affine_scales_each_axis():
    field = one_affine(max_scaling=0.25)
    assert np.allclose(field[0], 0.25 * np.arange(-2, 3))
    assert np.allclose(field[1], 0.25 * np.arange(-2, 3)[:, None])


def test_affine_equals_the_affine_transform_of_scipy():
    """SciPy takes rows first, and the offset of the corner rather than of the middle."""
    affine = setting("affine").affine
    numbers = as_uniform(random_words(KEY, 0, 12, GLOBAL_TICKS))
    images = blobs()
    middle = np.full(2, 14.0)
    for image, field, row in zip(images, affine_fields(numbers, affine, 29), numbers.astype(float), strict=True):
        angle = math.radians(affine.max_rotation * row[2])
        rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        shear = np.array([[1, affine.max_shear * row[3]], [0, 1]])
        scaling = np.diag(1 + affine.max_scaling * row[4:6])
        matrix = (rotation @ shear @ scaling)[::-1, ::-1]
        offset = middle - matrix @ middle + affine.max_shift * row[1::-1]
        expected = ndimage.affine_transform(image.astype(float), matrix, offset, order=1, mode="grid-constant", cval=0)
        assert_rounded(warp(image[None], field[None])[0], expected)


def affine_matrices(fields: np.ndarray) -> np.ndarray:
    """The matrices (n, 2, 2) whose columns are the steps of the source position along x and along y."""
    along_x = (fields[:, :, 0, -1] - fields[:, :, 0, 0]).astype(float) / (fields.shape[-1] - 1) + [1, 0]
    along_y = (fields[:, :, -1, 0] - fields[:, :, 0, 0]).astype(float) / (fields.shape[-1] - 1) + [0, 1]
    return np.stack([along_x, along_y], axis=2)


def test_affine_ranges_are_respected_and_used():
    """Rotation, shear and scales are read back from the fields by a QR decomposition of their own."""
    affine = setting("affine").affine
    fields = displacement_fields(Distortion(affine=affine), KEY, 0, 2000, 29)
    (a, b), (c, d) = affine_matrices(fields).transpose(1, 2, 0)
    scale_x, scale_y = np.hypot(a, c), (a * d - b * c) / np.hypot(a, c)
    measured = [
        (*fields[:, :, 14, 14].T, affine.max_shift),
        (np.degrees(np.arctan2(c, a)), affine.max_rotation),
        ((a * b + c * d) / scale_x / scale_y, affine.max_shear),
        (scale_x - 1, scale_y - 1, affine.max_scaling),
    ]
    for *values, limit in measured:
        for value in values:
            assert 0.99 * limit < np.abs(value).max() <= limit * (1 + 1e-4)
            assert abs(value.mean()) < 0.06 * limit
            assert value.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("canvas", [29, 40])
def test_affine_of_no_range_is_the_identity(canvas):
    distortion = Distortion(affine=Affine(**NO_AFFINE))
    images = noise_images(5, (4, canvas, canvas))
    assert not displacement_fields(distortion, KEY, 0, 4, canvas).any()
    assert np.array_equal(distort(images, distortion, KEY), images)


def test_affine_and_elastic_are_added():
    both = setting("affine_elastic")
    alone = Distortion(elastic=both.elastic)
    numbers = as_uniform(random_words(KEY, 3, 5, GLOBAL_TICKS))
    added = displacement_fields(alone, KEY, 3, 5, 29) + affine_fields(numbers, both.affine, 29)
    assert np.allclose(displacement_fields(both, KEY, 3, 5, 29), added, atol=1e-5)


# ----------------------------------------------------------------------------------------------------------------------
# Elastic fields


@pytest.mark.parametrize("sigma", [0.4, 1.0, 3.3, 4.0, 9.0])
@pytest.mark.parametrize("canvas", [5, 29, 40])
def test_blur_matrix_is_the_gaussian_filter_of_scipy(sigma, canvas):
    noise = np.random.default_rng(6).uniform(-1, 1, (canvas, canvas))
    matrix = blur_matrix(sigma, canvas)
    expected = ndimage.gaussian_filter(noise, sigma, mode="constant", cval=0, truncate=4)
    assert np.allclose(matrix @ noise @ matrix, expected, atol=1e-6)
    assert np.array_equal(matrix, matrix.T)


@pytest.mark.parametrize(("sigma", "canvas"), [(1.0, 29), (4.0, 29), (9.0, 40), (9.0, 8)])
def test_a_mirrored_border_is_that_of_scipy(sigma, canvas):
    noise = np.random.default_rng(7).uniform(-1, 1, (canvas, canvas))
    matrix = blur_matrix(sigma, canvas, "mirror")
    expected = ndimage.gaussian_filter(noise, sigma, mode="reflect", truncate=4)
    assert np.allclose(matrix @ noise @ matrix, expected, atol=1e-6)
    assert np.array_equal(matrix, matrix.T)


def test_a_border_that_is_left_out_is_zeros():
    options = {"sigma": 4, "alpha": 34, "normalisation": "none", "centred": False}
    written = [Distortion.from_settings({"elastic": options | border}) for border in ({}, {"border": "zeros"})]
    assert written[0] == written[1] == Distortion(elastic=SIMARD)
    mirrored = Distortion.from_settings({"elastic": options | {"border": "mirror"}})
    strengths = [rms(displacement_fields(each, KEY, 0, 200, 29)[..., :3, :3]) for each in (written[0], mirrored)]
    assert strengths[1] > 1.2 * strengths[0]  # in the corner, where zeros weaken it most


def elastic_sample(elastic: Elastic, fields: int = 1500) -> np.ndarray:
    return displacement_fields(Distortion(elastic=elastic), KEY, 0, fields, 29).astype(float)


def rms(values: np.ndarray, axis: tuple[int, ...] | None = None) -> np.ndarray:
    return np.sqrt(np.square(values).mean(axis=axis))


def unbounded_rms(elastic: Elastic) -> float:
    """Root mean square, in pixels along one axis, of the raw field on an unbounded canvas.

    Uniform(-1, 1) numbers have variance 1/3, and a two-dimensional Gaussian kernel has L2 norm 1 / (2 sqrt(pi) sigma).
    """
    return elastic.alpha / (math.sqrt(3) * 2 * math.sqrt(math.pi) * elastic.sigma)


def test_rms_on_an_unbounded_canvas_has_its_closed_form():
    """The middle of a canvas wider than the kernel: the variance is 1/3 times the sum of the squared weights."""
    weights = blur_matrix(4, 65)[32].astype(float)
    assert unbounded_rms(SIMARD) == pytest.approx(1.3844, abs=1e-4)
    assert 34 * math.sqrt(1 / 3) * np.square(weights).sum() == pytest.approx(unbounded_rms(SIMARD), rel=2e-4)


def test_rms_in_the_interior_of_large_fields_is_the_closed_form():
    fields = displacement_fields(Distortion(elastic=SIMARD), KEY, 0, 30, 113)[:, :, 16:-16, 16:-16].astype(float)
    assert rms(fields) == pytest.approx(unbounded_rms(SIMARD), rel=0.03)


def test_rms_on_simards_canvas():
    """1.27 pixels an axis, less than unbounded and least at the border, since the noise is zero outside."""
    fields = elastic_sample(SIMARD)
    squares = np.square(blur_matrix(4, 29).astype(float)).sum(axis=1)
    exact = 34 * np.sqrt(np.outer(squares, squares) / 3)
    assert rms(exact) == pytest.approx(1.27, abs=0.01)
    for axis in range(2):
        assert rms(fields[:, axis]) == pytest.approx(rms(exact), rel=0.02)
    assert np.allclose(rms(fields, (0, 1)), exact, rtol=0.1)
    assert exact[0, 0] < 0.6 * exact[14, 14]


def test_l2_normalisation_gives_34_in_29_pixels():
    fields = elastic_sample(Elastic(sigma=4, alpha=34, normalisation="l2"), 50)
    assert np.allclose(rms(fields, (2, 3)), 34 / 29, rtol=1e-5)


def test_an_elastic_field_carries_a_net_translation():
    """About 0.77 pixels rms: 34 sqrt(2/3) times the norm of the weight of each number in the mean."""
    net = elastic_sample(SIMARD).mean(axis=(2, 3))
    column_sums = blur_matrix(4, 29).astype(float).sum(axis=0)
    exact = 34 * math.sqrt(2 / 3) * np.square(column_sums).sum() / 29**2
    assert 0.7 < exact < 0.8
    assert np.sqrt(np.square(net).sum(axis=1).mean()) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("normalisation", ["none", "l2"])
def test_a_centred_field_carries_none(normalisation):
    raw = elastic_sample(Elastic(4, 34, normalisation), 50)
    centred = elastic_sample(Elastic(4, 34, normalisation, centred=True), 50)
    assert np.abs(centred.mean(axis=(2, 3))).max() < 1e-5
    assert np.allclose(centred, raw - raw.mean(axis=(2, 3), keepdims=True), atol=1e-4)


def test_the_field_is_alpha_times_one_field():
    once, doubled = (displacement_fields(Distortion(elastic=Elastic(4, alpha)), KEY, 0, 3, 29) for alpha in (34, 68))
    assert np.array_equal(doubled, 2 * once)


@pytest.mark.parametrize("canvas", [5, 13, 14, 29, 40])
def test_the_field_is_the_gaussian_filter_of_scipy(canvas):
    """The numbers in the padding of the noise do not count."""
    noise = np.random.default_rng(11).uniform(-1, 1, (3, 2, canvas, padded_width(canvas))).astype(np.float32)
    fields = noise.copy()
    make_elastic(fields, np.full_like(noise, np.nan), SIMARD)
    expected = ndimage.gaussian_filter(
        noise[..., :canvas].astype(float), sigma=(0, 0, 4, 4), mode="constant", cval=0, truncate=4
    )
    assert np.allclose(fields[..., :canvas], 34 * expected, atol=1e-5)
    assert not fields[..., canvas:].any()


def test_components_and_images_have_fields_of_their_own():
    fields = elastic_sample(SIMARD, 400).reshape(400, 2, -1)
    between_axes = (fields[:, 0] * fields[:, 1]).mean()
    between_images = (fields[:-1] * fields[1:]).mean()
    assert max(abs(between_axes), abs(between_images)) < 0.06 * np.square(fields).mean()


@pytest.mark.parametrize("normalisation", ["none", "l2"])
@pytest.mark.parametrize("centred", [False, True])
def test_alpha_zero_is_the_identity(normalisation, centred):
    images = noise_images(7, (5, 29, 29))
    distortion = Distortion(elastic=Elastic(4, 0, normalisation, centred))
    assert np.array_equal(distort(images, distortion, KEY), images)


def test_everything_at_zero_is_the_identity():
    images = noise_images(8, (3, 29, 29))
    for distortion in (
        Distortion(),
        Distortion(translation=Translation(0)),
        Distortion(affine=Affine(**NO_AFFINE), elastic=Elastic(4, 0)),
    ):
        assert np.array_equal(distort(images, distortion, KEY), images)


# ----------------------------------------------------------------------------------------------------------------------
# A whole copy


@EVERY
def test_settings_of_the_config_are_read(name):
    distortion = setting(name)
    for part, values in SETTINGS[name].items():
        for field, value in values.items():
            assert getattr(getattr(distortion, part), field) == value


@pytest.mark.parametrize("name", KINDS)
def test_a_batch_equals_singles_in_any_order(name):
    whole = distort(blobs(), setting(name), KEY)
    assert not np.array_equal(whole, blobs())
    for index in (11, 0, 7, 3, 1):
        single = distort(blobs()[index : index + 1], setting(name), KEY, first=index)
        assert np.array_equal(single[0], whole[index])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("block", [1, 5, 12, 1000])
def test_the_block_does_not_matter(name, block, monkeypatch):
    whole = distort(blobs(), setting(name), KEY)
    monkeypatch.setattr(distortions, "BLOCK", block)
    assert np.array_equal(distort(blobs(), setting(name), KEY), whole)


@settings(deadline=None, max_examples=25)
@given(name=st.sampled_from(KINDS), cuts=st.sets(st.integers(1, 11), max_size=5), first=st.integers(0, 10**5))
def test_any_split_gives_the_same_bytes(name, cuts, first):
    whole = distort(blobs(), setting(name), KEY, first)
    edges = itertools.pairwise([0, *sorted(cuts), 12])
    parts = [distort(blobs()[start:end], setting(name), KEY, first + start) for start, end in edges]
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("canvas", [1, 5, 13, 14, 29, 40])
@pytest.mark.parametrize("distortion", [*map(setting, SETTINGS), *MANY_PARTS.values()], ids=[*SETTINGS, *MANY_PARTS])
def test_distort_is_warp_by_the_fields(distortion, canvas):
    """More images than one block."""
    images = noise_images(12, (distortions.BLOCK + 3, canvas, canvas))
    fields = displacement_fields(distortion, KEY, 5, len(images), canvas)
    assert (fields.shape, fields.dtype) == ((len(images), 2, canvas, canvas), np.float32)
    assert np.array_equal(distort(images, distortion, KEY, first=5), warp(images, fields))


def test_images_that_are_not_contiguous():
    images = noise_images(13, (4, 29, 58))[:, :, ::2]
    for name in KINDS:
        expected = distort(np.ascontiguousarray(images), setting(name), KEY)
        assert np.array_equal(distort(images, setting(name), KEY), expected)


def reference_fields(distortion: Distortion, key: np.ndarray, images: int, canvas: int) -> np.ndarray:
    """The fields in float64, by formulas of their own and SciPy's blur, from the same random numbers."""
    bits = random_words(key, 0, images, GLOBAL_TICKS).astype(float)
    fields = np.zeros((images, 2, canvas, canvas))
    if distortion.elastic:
        elastic = distortion.elastic
        noise = noise_like((images, 2, canvas, padded_width(canvas)), key, 0)[..., :canvas].astype(float)
        fields += elastic.alpha * ndimage.gaussian_filter(
            noise, (0, 0, elastic.sigma, elastic.sigma), mode="constant", cval=0, truncate=4
        )
        if elastic.centred:
            fields -= fields.mean(axis=(2, 3), keepdims=True)
    if distortion.translation:
        reach = distortion.translation.max_shift
        fields += (np.floor(bits[:, :2] / 2**32 * (2 * reach + 1)) - reach)[:, :, None, None]
    if distortion.affine:
        affine = distortion.affine
        y, x = np.indices((canvas, canvas)) - (canvas - 1) / 2
        numbers = bits[:, :6] / 2**31 - 1
        for field, (shift_x, shift_y, angle, shear, scale_x, scale_y) in zip(fields, numbers, strict=True):
            x_scaled, y_scaled = (1 + affine.max_scaling * scale_x) * x, (1 + affine.max_scaling * scale_y) * y
            turned = np.exp(1j * math.radians(affine.max_rotation) * angle) * (
                x_scaled + affine.max_shear * shear * y_scaled + 1j * y_scaled
            )
            field += [turned.real - x + affine.max_shift * shift_x, turned.imag - y + affine.max_shift * shift_y]
    return fields


@EVERY
def test_two_thousand_images_equal_a_float64_reference(name):
    """Within one grey level everywhere and 0.02 on average, for smooth images and for noise."""
    canvas = 40 if name.startswith("shift") else 29
    images = np.concatenate([blobs(1000, canvas), noise_images(14, (1000, canvas, canvas))])
    fields = reference_fields(setting(name), KEY, len(images), canvas)
    assert np.abs(displacement_fields(setting(name), KEY, 0, len(images), canvas) - fields).max() < 1e-4
    ours = distort(images, setting(name), KEY)
    if setting(name).translation:
        assert np.array_equal(ours, scipy_warp(images, fields))
    else:
        assert_rounded(ours, scipy_warp(images, fields))


def test_copies_differ():
    copies = [distort(blobs(), setting("elastic"), random_key("mnist", 29, "elastic", copy)) for copy in range(3)]
    assert len({copy.tobytes() for copy in copies}) == 3


def test_no_images_give_none():
    assert distort(np.zeros((0, 29, 29), np.uint8), setting("elastic"), KEY).shape == (0, 29, 29)


# ----------------------------------------------------------------------------------------------------------------------
# The audit


@EVERY
def test_both_engines_agree(name):
    agreement = audit.audit_sample(blobs(), setting(name), KEY, 12)
    assert agreement.mean < 0.02
    assert agreement.largest <= 1


@pytest.mark.parametrize("name", KINDS)
def test_both_engines_agree_on_noise_up_to_the_border(name):
    agreement = audit.audit_sample(noise_images(9, (8, 29, 29)), setting(name), KEY, 8)
    assert agreement.mean < 0.02
    assert agreement.largest <= 1


def fields_of(images: np.ndarray, distortion: Distortion, key: np.ndarray) -> np.ndarray:
    return displacement_fields(distortion, key, 0, len(images), images.shape[-1])


WRONG_ENGINES = {
    "swapped components": lambda *given: warp(given[0], np.ascontiguousarray(fields_of(*given)[:, ::-1])),
    "forward instead of backward": lambda *given: warp(given[0], -fields_of(*given)),
    "one field for the whole batch": lambda *given: warp(given[0], fields_of(*given)[:1].repeat(len(given[0]), 0)),
    "alpha in half-pixels": lambda *given: warp(given[0], fields_of(*given) / 2),
    "nearest neighbour": lambda *given: warp(given[0], np.round(fields_of(*given))),
    "the neighbour's field": lambda *given: warp(given[0], np.roll(fields_of(*given), 1, axis=0)),
    "nothing at all": lambda *given: given[0],
}


@pytest.mark.parametrize("engine", WRONG_ENGINES)
def test_a_wrong_engine_fails_the_audit(engine, monkeypatch):
    monkeypatch.setattr(audit, "distort", WRONG_ENGINES[engine])
    found = audit.audit_sample(blobs(), setting("elastic"), KEY, 12)
    with pytest.raises(InputError, match=r"^copy-003\.npy: differs from elasticdeform by \d+\.\d{3} grey levels"):
        audit.require_agreement(found, 1.0, "copy-003.npy")


def test_the_audit_looks_at_the_sample_alone(monkeypatch):
    """Asking for more than there is takes them all."""
    seen = []
    monkeypatch.setattr(audit, "distort", lambda images, *rest: seen.append(len(images)) or distort(images, *rest))
    for sample in (1, 5, 99):
        audit.audit_sample(blobs(), setting("affine"), KEY, sample)
    assert seen == [1, 5, 12]


def test_a_difference_at_the_tolerance_is_allowed():
    audit.require_agreement(audit.Audit(mean=1.0, largest=9.0), 1.0, "copy-000.npy")
    with pytest.raises(InputError):
        audit.require_agreement(audit.Audit(mean=1.0001, largest=9.0), 1.0, "copy-000.npy")


@pytest.mark.parametrize(("mean", "tolerance"), [(math.nan, 1.0), (0.5, math.nan)])
def test_what_is_not_a_number_is_no_agreement(mean, tolerance):
    with pytest.raises(InputError):
        audit.require_agreement(audit.Audit(mean=mean, largest=9.0), tolerance, "copy-000.npy")


# ----------------------------------------------------------------------------------------------------------------------
# The two scripts


@pytest.fixture
def source(tmp_path) -> Path:
    """Synthetic source images, uint8 (24, 28, 28), on disk."""
    path = tmp_path / "train-images.npy"
    np.save(path, np.pad(blobs(24)[:, 4:-5, 4:-5], ((0, 0), (4, 4), (4, 4))))
    return path


def arguments_of(source: Path, **others: Any) -> dict[str, Any]:
    """Arguments of `main` in both scripts, the elastic field unless `others` say otherwise."""
    audit = {"images": 8, "tolerance": 1.0}
    named = {"images": source, "dataset": "mnist", "canvas": 29, "distortion": "elastic", "audit": audit}
    return {**named, "settings": SETTINGS["elastic"], **others}


def run_script(name: str, **arguments: Any) -> subprocess.CompletedProcess:
    """Run a script by the command line that says the same as the arguments of its `main`."""
    words = [sys.executable, str(ROOT / "scripts" / name)]
    for option, value in arguments.items():
        values = value if isinstance(value, list) else [json.dumps(value) if isinstance(value, dict) else value]
        words += [f"--{option}", *map(str, values)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_scripts_make_copies_and_describe_them(source, tmp_path):
    arguments = arguments_of(source)
    paths = [tmp_path / "distorted" / f"copy-{copy:03}.npy" for copy in range(2)]
    images = place_on_canvas(np.load(source), 29)
    for copy, path in enumerate(paths):
        done = run_script("distort.py", **arguments, copy=copy, output=path)
        assert (done.returncode, done.stdout) == (0, "")
        assert [line.split(" ")[0] for line in done.stderr.splitlines()] == ["audit:", "24"]
        expected = distort(images, setting("elastic"), random_key("mnist", 29, "elastic", copy))
        assert np.array_equal(np.load(path, allow_pickle=False), expected)
        assert np.load(path).dtype == np.uint8

    preview, summary = tmp_path / "preview.png", tmp_path / "summary.csv"
    done = run_script("describe_distortion.py", **arguments, copies=paths, preview=preview, summary=summary)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    table = pd.read_csv(summary)
    assert table["copy"].tolist() == [0, 1]
    assert table["images"].tolist() == [24, 24]
    for copy, row in table.iterrows():
        fields = displacement_fields(setting("elastic"), random_key("mnist", 29, "elastic", copy), 0, 24, 29)
        fields = fields.astype(float)
        lost = 100 - 100 * np.load(paths[copy]).sum(dtype=int) / images.sum(dtype=int)
        measured = {
            "rms_x": rms(fields[:, 0]),
            "rms_y": rms(fields[:, 1]),
            "largest": np.hypot(fields[:, 0], fields[:, 1]).max(),
            "net_translation": math.sqrt((np.hypot(*fields.mean(axis=(2, 3)).T) ** 2).mean()),
            "ink_lost": lost,
        }
        assert row[list(measured)].to_dict() == pytest.approx(measured, rel=1e-4)
        assert row["audit_mean"] < 0.02

    sheet = np.asarray(Image.open(preview))
    assert (sheet.shape, sheet.dtype) == ((10 * 31 * 2, 20 * 31 * 2), np.uint8)
    assert np.array_equal(255 - sheet[: 2 * 29 : 2, : 2 * 29 : 2], images[0])
    for row, path in ((1, paths[0]), (2, paths[1]), (9, paths[0])):
        top, left = 2 * 31 * row, 2 * 31 * 19
        assert np.array_equal(255 - sheet[top : top + 58 : 2, left : left + 58 : 2], np.load(path)[19])


def test_describing_twice_gives_the_same_bytes(source, tmp_path):
    path = tmp_path / "copy-000.npy"
    distort_script.main(**arguments_of(source), copy=0, output=path)
    written = []
    for turn in ("a", "b"):
        preview, summary = tmp_path / turn / "preview.png", tmp_path / turn / "summary.csv"
        describe_distortion.main(**arguments_of(source), copies=[path], preview=preview, summary=summary)
        written.append((preview.read_bytes(), summary.read_bytes()))
        assert sorted(file.name for file in preview.parent.iterdir()) == ["preview.png", "summary.csv"]
    assert written[0] == written[1]


def test_copies_are_read_one_at_a_time(source, tmp_path, monkeypatch):
    """Those of MNIST's elastic distortion together are larger than the memory that the job asks for."""
    paths = [tmp_path / f"copy-{copy:03}.npy" for copy in range(3)]
    for copy, path in enumerate(paths):
        distort_script.main(**arguments_of(source), copy=copy, output=path)
    opened, alive = [], []

    def counted(path: Path, **options: bool) -> np.ndarray:
        array = load_array(path, **options)
        opened.append(weakref.ref(array))
        alive.append(sum(one() is not None for one in opened))
        return array

    monkeypatch.setattr(describe_distortion, "load_array", counted)
    outputs = {"preview": tmp_path / "preview.png", "summary": tmp_path / "summary.csv"}
    describe_distortion.main(**arguments_of(source), copies=paths, **outputs)
    assert len(opened) == 4
    assert max(alive) <= 2  # the one that was just opened, and the one before, which its name still holds


def test_a_contact_sheet_of_few_images():
    sheet = describe_distortion.contact_sheet(blobs(3), [blobs(3), 255 - blobs(3)])
    assert sheet.shape == (10 * 31 * 2, 3 * 31 * 2)
    assert np.array_equal(sheet[2 * 31 * 2 :: 2, ::2][:29, :29], blobs(3)[0])


def test_what_cannot_be_distorted_leaves_no_file(source, tmp_path):
    """A pickle in place of the images: one message on standard error, and nothing in the folder of the output."""
    np.save(source, np.array([{"not": "images"}], dtype=object), allow_pickle=True)
    output = tmp_path / "out" / "copy-000.npy"
    done = run_script("distort.py", **arguments_of(source), copy=0, output=output)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {source}: not a whole .npy file")
    assert "Traceback" not in done.stderr
    assert not output.parent.exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"wobble": {}}, "wobble: unknown; allowed: a mapping with one or more of translation, affine, elastic"),
        ({"": {}}, ": unknown"),
        ({"../fields": {}}, "../fields: unknown"),
        ({"fields": {}}, "fields: .*fields.py has no OPTIONS and no Part"),
        ({"translation": {}}, "translation: its options are {}; allowed: a mapping with exactly max_shift"),
        ({"translation": 3}, "translation: its options are 3; allowed: a mapping with exactly max_shift"),
        ({"elastic": {"sigma": 4, "alpha": 34}}, "elastic: .* exactly sigma, alpha, normalisation, centred"),
        ({"elastic": {**SETTINGS["elastic"]["elastic"], "beta": 1}}, 'elastic: .*"beta": 1.* exactly sigma, alpha'),
    ],
)
def test_settings_that_mean_nothing_are_told(source, tmp_path, settings, told):
    output = tmp_path / "out" / "copy-000.npy"
    with pytest.raises(InputError, match=f"^distortion part {told}"):
        distort_script.main(**arguments_of(source, settings=settings), copy=0, output=output)
    assert not output.parent.exists()


def test_a_failed_audit_writes_nothing(source, tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "distort", WRONG_ENGINES["swapped components"])
    output = tmp_path / "out" / "copy-004.npy"
    with pytest.raises(InputError, match=r"copy-004\.npy: differs from elasticdeform"):
        distort_script.main(**arguments_of(source), copy=4, output=output)
    assert not output.parent.exists()


def test_a_canvas_that_is_too_small_is_refused(source, tmp_path):
    output = tmp_path / "out" / "copy-000.npy"
    with pytest.raises(InputError, match="canvas: 27 pixels cannot hold images of 28"):
        distort_script.main(**arguments_of(source, canvas=27), copy=0, output=output)
    assert not output.parent.exists()
