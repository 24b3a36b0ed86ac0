"""Images on their canvas: placing, shifting, and that no shift of the study loses ink."""

import gzip
import itertools
import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from invariance.data.images import (
    alternate_positions,
    ink_margin,
    place_on_canvas,
    require_lossless,
    shift_grid,
    shift_images,
)
from invariance.record.artefacts import InputError
from running import ROOT

MNIST_FILES = {"train-images-idx3-ubyte.gz": 60_000, "t10k-images-idx3-ubyte.gz": 10_000}
IDX_HEADER = 16  # bytes before the pixels
CANVAS, MAX_SHIFT = 40, 6
IMAGES = npst.arrays(np.uint8, npst.array_shapes(min_dims=3, max_dims=3, max_side=7), elements=st.sampled_from([0, 9]))


def random_images(count: int, size: int) -> np.ndarray:
    """Uint8 (count, size, size) with ink in every pixel."""
    return np.random.default_rng(count).integers(1, 256, size=(count, size, size), dtype=np.uint8)


# ----------------------------------------------------------------------------------------------------------------------
# Placing


@pytest.mark.parametrize(("canvas", "before", "after"), [(28, 0, 0), (29, 0, 1), (30, 1, 1), (31, 1, 2), (40, 6, 6)])
def test_images_are_placed_in_the_middle(canvas, before, after):
    """The odd pixel goes below and to the right."""
    images = random_images(3, 28)
    placed = place_on_canvas(images, canvas)
    assert np.array_equal(placed, np.pad(images, ((0, 0), (before, after), (before, after))))
    assert placed.dtype == np.uint8


def test_placing_copies():
    images = random_images(1, 28)
    place_on_canvas(images, 28)[:] = 0
    assert images.all()


@pytest.mark.parametrize("canvas", [27, 1, 0, -3])
def test_a_canvas_that_is_too_small_is_refused(canvas):
    with pytest.raises(InputError, match=f"^canvas: {canvas} pixels cannot hold images of 28; use 28 or more$"):
        place_on_canvas(random_images(1, 28), canvas)


@pytest.mark.parametrize(("shape", "kind"), [((2, 28, 27), np.uint8), ((28, 28), np.uint8), ((2, 28, 28), float)])
def test_what_are_no_images_is_refused(shape, kind):
    with pytest.raises(InputError, match=r"^images are \w+ \(.*\), must be uint8 \(n, size, size\)$"):
        place_on_canvas(np.zeros(shape, kind), 40)


# ----------------------------------------------------------------------------------------------------------------------
# Shifting


@settings(deadline=None)
@given(images=IMAGES, dx=st.integers(-9, 9), dy=st.integers(-9, 9))
def test_shifting_equals_moving_pixel_by_pixel(images, dx, dy):
    expected = np.zeros_like(images)
    count, height, width = images.shape
    for image, y, x in itertools.product(range(count), range(height), range(width)):
        if 0 <= y + dy < height and 0 <= x + dx < width:
            expected[image, y + dy, x + dx] = images[image, y, x]
    shifted = shift_images(images, dx, dy)
    assert shifted.dtype == np.uint8
    assert np.array_equal(shifted, expected)


@settings(deadline=None)
@given(margin=st.integers(0, 4), data=st.data())
def test_shifting_within_the_margin_is_a_roll(margin, data):
    dx, dy = (data.draw(st.integers(-margin, margin)) for _ in range(2))
    images = np.pad(random_images(2, 5), ((0, 0), (margin, margin), (margin, margin)))
    shifted = shift_images(images, dx, dy)
    assert np.array_equal(shifted, np.roll(images, (dy, dx), axis=(1, 2)))
    assert np.array_equal(shift_images(shifted, -dx, -dy), images)


def test_a_shift_goes_right_and_down():
    image = np.zeros((1, 5, 5), np.uint8)
    image[0, 1, 1] = 7
    assert shift_images(image, 2, 0)[0, 1, 3] == 7
    assert shift_images(image, 0, 3)[0, 4, 1] == 7


def test_shifting_leaves_the_images_as_they_were():
    images = random_images(2, 6)
    before = images.copy()
    shift_images(images, 0, 0)[:] = 0
    assert np.array_equal(images, before)


@settings(deadline=None)
@given(count=st.integers(0, 7), positions=st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=1, max_size=4))
def test_images_take_positions_in_turn(count, positions):
    images = np.pad(random_images(count, 3), ((0, 0), (2, 2), (2, 2)))
    placed, chosen = alternate_positions(images, positions)
    assert (placed.shape, placed.dtype, chosen.dtype) == (images.shape, np.uint8, np.uint8)
    assert chosen.tolist() == [number % len(positions) for number in range(count)]
    for number, position in enumerate(chosen):
        assert np.array_equal(placed[number], shift_images(images[number : number + 1], *positions[position])[0])


def test_a_position_that_would_lose_ink_is_refused():
    images = np.pad(random_images(1, 3), ((0, 0), (2, 2), (2, 2)))  # of which no image would take the second position
    with pytest.raises(InputError, match=r"^shifts of up to 3 pixels would lose ink"):
        alternate_positions(images, [(0, 0), (0, -3)])


@pytest.mark.parametrize("max_shift", [0, 1, 6])
def test_the_grid_holds_every_shift_row_by_row(max_shift):
    grid = shift_grid(max_shift)
    side = 2 * max_shift + 1
    assert len(grid) == len(set(grid)) == side**2
    assert grid == sorted(grid, key=lambda shift: (shift[1], shift[0]))
    assert (grid[0], grid[-1]) == ((-max_shift, -max_shift), (max_shift, max_shift))
    assert grid[side**2 // 2] == (0, 0)
    if max_shift:
        assert grid[1] == (1 - max_shift, -max_shift)


# ----------------------------------------------------------------------------------------------------------------------
# The margin


@settings(deadline=None)
@given(images=IMAGES)
def test_the_margin_is_the_nearest_ink(images):
    """By brute force: how far each inked pixel lies from each border; an empty image has no nearest ink."""
    _, height, width = images.shape
    distances = [min(y, x, height - 1 - y, width - 1 - x) for (_, y, x), grey in np.ndenumerate(images) if grey]
    assert ink_margin(images) == min(distances, default=min(height, width))


@settings(deadline=None)
@given(images=IMAGES)
def test_within_the_margin_no_ink_is_lost_and_beyond_it_is(images):
    margin, ink = ink_margin(images), images.sum(dtype=int)
    within = itertools.product((-margin, margin), repeat=2)
    beyond = [(margin + 1, 0), (-margin - 1, 0), (0, margin + 1), (0, -margin - 1)]
    assert all(shift_images(images, *shift).sum(dtype=int) == ink for shift in within)
    assert any(shift_images(images, *shift).sum(dtype=int) < ink for shift in beyond) == (ink > 0)


def test_one_pixel_of_one_image_decides_the_margin():
    images = np.zeros((100, 40, 40), np.uint8)
    images[:, 20, 20] = 255
    assert ink_margin(images) == 19
    images[57, 38, 20] = 1
    assert ink_margin(images) == 1


def test_shifts_that_would_clip_are_refused():
    images = place_on_canvas(random_images(2, 28), 39)
    require_lossless(images, 5)
    with pytest.raises(InputError) as refused:
        require_lossless(images, 6)
    for told in ("up to 6 pixels", "only 5 empty pixels", "a canvas of 39", "41 is large enough"):
        assert told in str(refused.value)


def test_no_shift_needs_no_margin():
    require_lossless(random_images(2, 28), 0)


# ----------------------------------------------------------------------------------------------------------------------
# No shift of the study loses ink: all of MNIST, wherever there is a copy of it, and the worst case always


def folders_of_mnist() -> list[Path]:
    """The folder that MNIST_MIRROR names, by path or file:// URL, and the one beside the repository; as they exist."""
    mirror = os.environ.get("MNIST_MIRROR", "")
    named = url2pathname(urlsplit(mirror).path) if mirror.startswith("file://") else mirror
    folders = [Path(named)] if named else []
    folders.append(ROOT.parent / "shared" / "mnist")
    found = {folder.resolve() for folder in folders if all((folder / name).is_file() for name in MNIST_FILES)}
    return sorted(found)


def read_idx(path: Path, count: int) -> np.ndarray:
    """MNIST's own format, read without the project's reader: 16 bytes of header, then the pixels."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=IDX_HEADER).reshape(count, 28, 28)


def images_of(source: str) -> np.ndarray:
    """All 70,000 images of a folder, or the worst case: ink in every pixel up to the border."""
    if source == "worst case":
        return np.full((2, 28, 28), 255, np.uint8)
    return np.concatenate([read_idx(Path(source, name), count) for name, count in MNIST_FILES.items()])


@pytest.mark.parametrize("source", ["worst case", *map(str, folders_of_mnist())])
def test_no_shift_loses_ink_on_the_canvas_of_the_study(source):
    """The four extreme shifts lose none, so that no shift between them does."""
    images = place_on_canvas(images_of(source), CANVAS)
    assert ink_margin(images) >= MAX_SHIFT
    require_lossless(images, MAX_SHIFT)
    ink = images.sum(dtype=np.int64)
    for dx, dy in itertools.product((-MAX_SHIFT, MAX_SHIFT), repeat=2):
        assert shift_images(images, dx, dy).sum(dtype=np.int64) == ink


def test_the_worst_case_fits_exactly():
    images = place_on_canvas(images_of("worst case"), CANVAS)
    assert ink_margin(images) == MAX_SHIFT
    assert ink_margin(place_on_canvas(images_of("worst case"), CANVAS - 1)) < MAX_SHIFT
