r"""Stage 1, source: write a data set as {train,test}-images.npy, uint8 (n, 28, 28), and -labels.npy, uint8 (n,).

python scripts/source.py mnist --downloads results/mnist/source/download --output results/mnist/source
python scripts/source.py digits --train-images 1200 --validation-images 237 --test-images 360 \
    --output results/digits/source
"""

from pathlib import Path

from invariance.command_line import progress, run
from invariance.data.sources import Source, read_digits, read_mnist
from invariance.record.artefacts import save_array


def mnist(*, downloads: Path, output: Path) -> None:
    """MNIST, from its four downloaded .gz files.

    Args:
        downloads: Folder of the four files.
        output: Folder to write.
    """
    write(read_mnist(downloads), output)


def digits(*, train_images: int, validation_images: int, test_images: int, output: Path) -> None:
    """The 8x8 digits inside scikit-learn, enlarged to 28x28.

    Args:
        train_images: Number of images to learn from.
        validation_images: Number of images to choose by.
        test_images: Number of images to test on.
        output: Folder to write.
    """
    write(read_digits(train=train_images, validation=validation_images, test=test_images), output)


def write(arrays: Source, output: Path) -> None:
    """Write the four arrays of a data set."""
    for name, array in zip(("train-images", "train-labels", "test-images", "test-labels"), arrays, strict=True):
        path = output / f"{name}.npy"
        save_array(path, array)
        progress(f"{path}: {array.dtype} {array.shape}")


if __name__ == "__main__":
    run(mnist, digits)
