"""The handwritten digits inside scikit-learn, in MNIST's format."""

import numpy as np

SIDE = 28  # pixels of an image of MNIST
INK_SIDE = 20  # pixels: MNIST also fits its digits into a 20x20 box in the middle of 28x28
DIGITS_SIDE = 8  # pixels of one of them
DIGITS_LEVELS = 16  # the grey value of full ink in it


def read_digits(train: int, validation: int, test: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The 8x8 handwritten digits inside scikit-learn, enlarged to MNIST's format; no download.

    In scikit-learn's order, the first `train` + `validation` images are the training set, and the next `test` images
    the test set, as far as there are so many: 1,797.

    Returns:
        Training images (train + validation, 28, 28), their labels, test images (test, 28, 28), their labels, all uint8.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = enlarge_digits(bunch.images.astype(np.int64)), bunch.target.astype(np.uint8)
    known, total = train + validation, train + validation + test
    return images[:known], labels[:known], images[known:total], labels[known:total]


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
