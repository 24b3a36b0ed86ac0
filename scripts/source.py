r"""Write a dataset as plain arrays: {train,test}-images.npy, uint8 (n, 28, 28), and -labels.npy, uint8 (n,).

python scripts/source.py mnist --downloads results/mnist/source/download --output results/mnist/source
python scripts/source.py digits --train-images 1200 --validation-images 237 --test-images 360 \
    --output results/digits/source
"""

import argparse
from pathlib import Path

from invariance.command_line import progress, run
from invariance.data.sources import read_digits, read_mnist
from invariance.record.artefacts import save_array


def main() -> None:
    """Read the command line, then read, check and write the dataset."""
    arguments = parse_arguments()
    if arguments.dataset == "mnist":
        arrays = read_mnist(arguments.downloads)
    else:
        arrays = read_digits(
            train=arguments.train_images, validation=arguments.validation_images, test=arguments.test_images
        )
    for name, array in zip(("train-images", "train-labels", "test-images", "test-labels"), arrays, strict=True):
        path = arguments.output / f"{name}.npy"
        save_array(path, array)
        progress(f"{path}: {array.dtype} {array.shape}")


def parse_arguments() -> argparse.Namespace:
    """The command line: one sub-command a dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    datasets = parser.add_subparsers(dest="dataset", required=True)
    mnist = datasets.add_parser("mnist", help="MNIST, from its four downloaded .gz files")
    mnist.add_argument("--downloads", required=True, type=Path, help="the folder of the four files")
    digits = datasets.add_parser("digits", help="the 8x8 digits inside scikit-learn, enlarged to 28x28")
    for part, use in (("train", "to learn from"), ("validation", "to choose by"), ("test", "to test on")):
        digits.add_argument(f"--{part}-images", required=True, type=int, metavar="N", help=f"number of images {use}")
    for dataset in (mnist, digits):
        dataset.add_argument("--output", required=True, type=Path, help="the folder to write")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
