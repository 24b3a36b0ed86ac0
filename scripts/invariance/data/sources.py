"""Read MNIST or the digits of scikit-learn as uint8 images (n, 28, 28) and uint8 labels (n,)."""

import gzip
import tempfile
import zlib
from pathlib import Path

import numpy as np

from invariance.record.artefacts import InputError, require_unaltered

SIDE = 28  # pixels of an image of MNIST
CLASSES = 10
MNIST_IMAGES = (60_000, 10_000)  # training, test
MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
LARGEST_UNPACKED = 50_000_000  # bytes; the largest file of MNIST has 47,040,016
BLOCK = 1 << 20  # bytes unpacked at once

DIGITS_IMAGES = 1_797  # images in scikit-learn's set
DIGITS_SIDE = 8  # pixels of one of them
DIGITS_LEVELS = 16  # the grey value of full ink in it
INK_SIDE = 20  # pixels: MNIST also fits its digits into a 20x20 box in the middle of 28x28

Source = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def read_mnist(folder: Path | str, expected: tuple[int, int] = MNIST_IMAGES) -> Source:
    """Read MNIST's four .gz files through torchvision.datasets.MNIST, without a download, and check them.

    Args:
        folder: of the four files, whose SHA-256 was checked.
        expected: numbers of training and test images.

    Returns:
        Training images (n, 28, 28), training labels (n,), test images, test labels, all uint8.

    Raises:
        InputError: a file is missing, altered, damaged, or does not hold what is expected.
    """
    missing = [name for name in MNIST_FILES if not (Path(folder) / name).is_file()]
    if missing:
        raise InputError(f"{folder}: {', '.join(missing)} missing; all four .gz files of MNIST must be there")
    for name in MNIST_FILES:
        require_unaltered(Path(folder) / name)
    with tempfile.TemporaryDirectory(prefix="mnist-") as root:
        train, test = parse_mnist(Path(folder), Path(root))
    for (images, labels), count, name in ((train, expected[0], "train"), (test, expected[1], "t10k")):
        check_source(images, labels, f"{folder}/{name}-*")
        if len(images) != count:
            raise InputError(f"{folder}/{name}-*: {len(images)} images, expected {count}")
    return *train, *test


def parse_mnist(folder: Path, root: Path) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read the files of `folder` by torchvision, unpacked below the temporary `root`: (images, labels) of each part."""
    from torchvision import datasets

    class MNIST(datasets.MNIST):
        resources = tuple((name, None) for name in MNIST_FILES)

    raw = root / MNIST.__name__ / "raw"
    raw.mkdir(parents=True)
    try:
        for name in MNIST_FILES:
            unpack(folder / name, raw / Path(name).stem)
        train, test = (MNIST(root, train=train, download=False) for train in (True, False))
    except (OSError, EOFError, zlib.error, ValueError, TypeError, AssertionError, RuntimeError, LookupError) as error:
        raise InputError(
            f"{folder}: not MNIST as torchvision reads it ({type(error).__name__}: {error}); "
            "delete the folder to have its files downloaded again"
        ) from None
    train, test = ((part.data.numpy(), part.targets.numpy().astype(np.uint8)) for part in (train, test))
    return train, test


def unpack(packed: Path, plain: Path) -> None:
    """Unpack a .gz file; raises InputError beyond LARGEST_UNPACKED, as a few kilobytes can unpack to gigabytes."""
    size = 0
    with gzip.open(packed) as source, plain.open("wb") as target:
        while block := source.read(BLOCK):
            size += len(block)
            if size > LARGEST_UNPACKED:
                raise InputError(f"{packed}: unpacks to more than {LARGEST_UNPACKED} bytes, so it is no file of MNIST")
            target.write(block)


def read_digits(*, train: int, validation: int, test: int) -> Source:
    """The 8x8 handwritten digits inside scikit-learn, enlarged to MNIST's format; no download.

    In scikit-learn's order, the first `train` + `validation` images are the training set, and the next `test` images
    the test set; each number is at least 1, all together at most 1,797.

    Returns:
        Training images (train + validation, 28, 28), their labels, test images (test, 28, 28), their labels, all uint8.

    Raises:
        InputError: the numbers are not in range, or so small that a class is missing.
    """
    counts = {"train_images": train, "validation_images": validation, "test_images": test}
    for key, count in counts.items():
        if count < 1:
            raise InputError(f"digits: {key} is {count}, must be 1 or more")
    total = sum(counts.values())
    if total > DIGITS_IMAGES:
        raise InputError(
            f"digits: {' + '.join(counts)} = {train} + {validation} + {test} = {total}, "
            f"more than the {DIGITS_IMAGES} images of scikit-learn's set; ask for fewer"
        )
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = enlarge_digits(bunch.images[:total].astype(np.int64))
    labels = bunch.target[:total].astype(np.uint8)
    known = train + validation
    source = images[:known], labels[:known], images[known:], labels[known:]
    check_source(*source[:2], "digits, training and validation")
    check_source(*source[2:], "digits, test")
    return source


def enlarge_digits(images: np.ndarray) -> np.ndarray:
    """Enlarge 8x8 digits bilinearly to 20x20 and place them in the middle of 28x28, as MNIST places its digits.

    Corners stay corners: pixel i of 20 lies at 7 i / 19 of 8. Positions are fractions of 19, so the computation is in
    integers, exact on every machine. Halves are rounded up. From integers 0..16 (n, 8, 8) to uint8 (n, 28, 28).
    """
    weights = bilinear_weights()
    enlarged = weights @ images @ weights.T  # in units of 1 / ((INK_SIDE - 1)^2 * DIGITS_LEVELS) of full ink
    full = (INK_SIDE - 1) ** 2 * DIGITS_LEVELS
    grey = (2 * 255 * enlarged + full) // (2 * full)
    border = (SIDE - INK_SIDE) // 2
    return np.pad(grey.astype(np.uint8), ((0, 0), (border, border), (border, border)))


def bilinear_weights() -> np.ndarray:
    """Weights, in nineteenths, of the 8 pixels of a line in each of 20 pixels: int64 (20, 8), rows sum to 19."""
    steps = INK_SIDE - 1
    weights = np.zeros((INK_SIDE, DIGITS_SIDE), dtype=np.int64)
    for pixel in range(INK_SIDE):
        left, rest = divmod(pixel * (DIGITS_SIDE - 1), steps)
        weights[pixel, left] = steps - rest
        if rest:
            weights[pixel, left + 1] = rest
    return weights


def check_source(images: np.ndarray, labels: np.ndarray, name: str) -> None:
    """Raise InputError unless a data set, called `name`, has the form that later stages need, and every class."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise InputError(f"{name}: images are {images.dtype} {images.shape}, expected uint8 (n, {SIDE}, {SIDE})")
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise InputError(f"{name}: labels are {labels.dtype} {labels.shape}, expected uint8 ({len(images)},)")
    if wrong := sorted(set(labels.tolist()) - set(range(CLASSES))):
        raise InputError(f"{name}: labels {wrong} are not among 0..{CLASSES - 1}")
    if absent := sorted(set(range(CLASSES)) - set(labels.tolist())):
        raise InputError(f"{name}: {len(labels)} images hold no digit {absent}; every class must be there")
