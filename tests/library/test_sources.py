"""The two datasets: MNIST's files through torchvision, and scikit-learn's digits in MNIST's format."""

import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_digits

import source
from invariance.data import sources
from invariance.data.digits import enlarge_digits, read_digits
from invariance.data.mirrors import UNPACKED
from invariance.data.sources import MNIST_FILES, check_source, checked, read_downloads
from invariance.record.artefacts import InputError, load_array
from made import idx
from running import ROOT

SYNTHETIC = (60, 20)  # training and test images of the synthetic set
SETTINGS = {"side": 28, "classes": 10, "train_images": 40, "validation_images": 20, "test_images": 20}
COUNTS = {"train": 1200, "validation": 237, "test": 360}


def synthetic_arrays():
    random = np.random.default_rng(1998)
    arrays = []
    for count in SYNTHETIC:
        arrays.append(random.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        arrays.append(np.arange(count, dtype=np.uint8) % 10)
    return arrays


@pytest.fixture
def synthetic(tmp_path):
    """A folder of four files like MNIST's, with few images."""
    folder = tmp_path / "download"
    folder.mkdir()
    for name, array in zip(MNIST_FILES, synthetic_arrays(), strict=True):
        (folder / name).write_bytes(gzip.compress(idx(array)))
    return folder


def real_folders():
    """The folders of this machine that hold the real files: of MNIST_MIRROR, of the pipeline, or shared beside it."""
    candidates = (
        Path(os.environ.get("MNIST_MIRROR", "") or ROOT),
        ROOT / "results" / "mnist" / "source" / "download",
        ROOT.parent / "shared" / "mnist",
    )
    return [folder for folder in candidates if all((folder / name).is_file() for name in MNIST_FILES)][:1]


def values_of(path):
    """The values of an IDX file, read without torchvision."""
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    sizes = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(sizes)


@pytest.mark.parametrize("real", [None, *real_folders()], ids=lambda folder: "real" if folder else "synthetic")
def test_files_come_back_as_they_were_written(synthetic, real):
    folder, expected = (real, (60_000, 10_000)) if real else (synthetic, SYNTHETIC)
    arrays = read_downloads(folder)
    for array, name, count in zip(arrays, MNIST_FILES, np.repeat(expected, 2), strict=True):
        assert array.dtype == np.uint8
        assert len(array) == count
        np.testing.assert_array_equal(array, values_of(folder / name))
    _, train_labels, _, test_labels = arrays
    first = [[5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]] if real else [list(range(10))] * 2
    assert [train_labels[:10].tolist(), test_labels[:10].tolist()] == first


@pytest.mark.parametrize("folder", real_folders())
def test_the_real_files_unpack_to_what_the_mirrors_module_knows(folder):
    packed = [(folder / name).read_bytes() for name in MNIST_FILES]
    contents = packed, map(gzip.decompress, packed)
    hashes = [[hashlib.sha256(content).hexdigest() for content in files] for files in contents]
    assert dict(zip(*hashes, strict=True)) == UNPACKED


def test_reading_leaves_the_downloads_alone(synthetic):
    before = {path.name: path.read_bytes() for path in synthetic.iterdir()}
    read_downloads(synthetic)
    assert {path.name: path.read_bytes() for path in synthetic.iterdir()} == before


def truncated_gzip(content):
    return content[: len(content) // 2]


def altered_gzip(content):
    middle = len(content) // 2
    return content[:middle] + bytes(40) + content[middle + 40 :]


def no_gzip(content):
    return b"<!doctype html>"


def no_idx(content):
    return gzip.compress(b"not an array")


def empty(content):
    return gzip.compress(b"")


def fewer_values(content):
    return gzip.compress(gzip.decompress(content)[:-15])


def more_values(content):
    return gzip.compress(gzip.decompress(content) + bytes(15))


@pytest.mark.parametrize("damage", [truncated_gzip, altered_gzip, no_gzip, no_idx, empty, fewer_values, more_values])
@pytest.mark.parametrize("name", [MNIST_FILES[0], MNIST_FILES[3]])
def test_damaged_files_are_told(synthetic, name, damage):
    path = synthetic / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="not MNIST as torchvision reads it"):
        read_downloads(synthetic)


def test_a_full_temporary_folder_is_not_called_damage(synthetic, monkeypatch):
    def unpack(packed: Path, plain: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(plain))

    monkeypatch.setattr(sources, "unpack", unpack)
    with pytest.raises(OSError, match="No space left"):
        read_downloads(synthetic)


def test_settings_without_a_source_are_refused():
    with pytest.raises(
        InputError, match="settings: no source; allowed: one of downloads, idx, npz, folder and embedded"
    ):
        sources.read_source({"side": 8})


def test_a_missing_file_is_named_and_not_downloaded(synthetic):
    (synthetic / MNIST_FILES[2]).unlink()
    with pytest.raises(InputError, match=f"{MNIST_FILES[2]} missing"):
        read_downloads(synthetic)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (
            {"train_images": 41},
            "train_images . validation_images is 61, but there are only 60 training images; ask for fewer",
        ),
        ({"test_images": 21}, "20 test images, but test_images is 21; set it to 20"),
        ({"train_images": 9}, r"the first 9 training images hold no class \[9\]; shuffle them, or train on more"),
    ],
)
def test_another_number_of_images_is_refused(synthetic, counts, told):
    with pytest.raises(InputError, match=told):
        checked(read_downloads(synthetic), SETTINGS | counts, "my set")


def test_labels_of_another_number_are_refused(synthetic):
    (synthetic / MNIST_FILES[1]).write_bytes(gzip.compress(idx(np.arange(59, dtype=np.uint8) % 10)))
    with pytest.raises(InputError, match=r"labels are uint8 \(59,\), expected uint8 \(60,\)"):
        checked(read_downloads(synthetic), SETTINGS, "my set")


@pytest.mark.parametrize(
    ("images", "labels", "told"),
    [
        (np.ones((10, 28, 27), np.uint8), np.arange(10, dtype=np.uint8), r"\(10, 28, 27\), expected uint8"),
        (np.ones((10, 28, 28)), np.arange(10, dtype=np.uint8), "images are float64"),
        (np.ones((10, 28, 28), np.uint8), np.arange(10), "labels are int64"),
        (np.full((11, 28, 28), 255, np.uint8), np.arange(11, dtype=np.uint8), r"labels \[10\] are not among 0\.\.9"),
        (np.full((9, 28, 28), 255, np.uint8), np.arange(9, dtype=np.uint8), r"hold no class \[9\]"),
    ],
)
def test_a_source_of_another_form_is_refused(images, labels, told):
    with pytest.raises(InputError, match=f"my set: .*{told}"):
        check_source(images, labels, "my set", 28, 10)


def test_digits_have_the_form_of_mnist():
    train_images, train_labels, test_images, test_labels = read_digits(**COUNTS)
    assert (train_images.shape, test_images.shape) == ((1437, 28, 28), (360, 28, 28))
    bunch = load_digits()
    np.testing.assert_array_equal(np.concatenate([train_labels, test_labels]), bunch.target)
    images = np.concatenate([train_images, test_images])
    assert images.dtype == np.uint8
    assert images.max() == 255
    border = np.pad(np.zeros((20, 20), bool), 4, constant_values=True)
    assert not images[:, border].any()
    assert all(images[:, ~border].any(axis=1))
    assert images.mean() == pytest.approx(43, abs=1)  # MNIST: 33.3, for its strokes are sharper


def test_digits_are_the_same_each_time():
    for first, second in zip(read_digits(**COUNTS), read_digits(**COUNTS), strict=True):
        np.testing.assert_array_equal(first, second)


def test_fewer_digits_are_the_first_ones():
    train_images, _, test_images, _ = read_digits(**COUNTS)
    fewer_train, _, fewer_test, _ = read_digits(train=80, validation=20, test=50)
    np.testing.assert_array_equal(fewer_train, train_images[:100])
    np.testing.assert_array_equal(fewer_test, train_images[100:150])
    assert len(test_images) == 360


def test_enlarging_is_bilinear_by_exact_fractions():
    digit = load_digits().images[7].astype(int)
    enlarged = enlarge_digits(digit[None])[0]
    for row in range(20):
        for column in range(20):
            y, x = Fraction(7 * row, 19), Fraction(7 * column, 19)
            value = sum(
                max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j)) * int(digit[i, j])
                for i in range(int(y), min(int(y) + 2, 8))
                for j in range(int(x), min(int(x) + 2, 8))
            )
            assert enlarged[row + 4, column + 4] == int(value * 255 / 16 + Fraction(1, 2))


def test_enlarging_agrees_with_scipy():
    digits = load_digits().images
    lines = np.linspace(0, 7, 20)
    grid = np.meshgrid(np.arange(len(digits)), lines, lines, indexing="ij")
    expected = map_coordinates(digits, grid, order=1) * 255 / 16
    enlarged = enlarge_digits(digits.astype(np.int64))[:, 4:-4, 4:-4]
    assert np.abs(enlarged - expected).max() <= 0.5 + 1e-9


def test_enlarging_keeps_corners_full_ink_and_none():
    digit = np.zeros((1, 8, 8), np.int64)
    digit[0, 0, 7] = 16
    enlarged = enlarge_digits(digit)[0]
    assert enlarged[4, 23] == 255
    assert enlarged[4, 4] == enlarged[23, 23] == 0
    assert (enlarge_digits(np.full((1, 8, 8), 16))[0, 4:-4, 4:-4] == 255).all()


def test_the_script_writes_four_arrays(tmp_path):
    counts = {"train_images": 200, "validation_images": 50, "test_images": 100}
    source.main(settings={"embedded": "digits", **SETTINGS, **counts}, output=tmp_path)
    names = ("train-images", "train-labels", "test-images", "test-labels")
    for name, expected in zip(names, read_digits(train=200, validation=50, test=100), strict=True):
        np.testing.assert_array_equal(load_array(tmp_path / f"{name}.npy"), expected)


def test_the_script_fails_with_one_message(synthetic, tmp_path):
    (synthetic / MNIST_FILES[0]).unlink()
    settings = json.dumps(SETTINGS | {"downloads": str(synthetic)})
    command = [sys.executable, source.__file__, "--settings", settings, "--output", tmp_path / "source"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "source").exists()
