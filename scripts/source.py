r"""Stage 1, source: write a data set as {train,test}-images.npy, uint8 (n, side, side), and -labels.npy, uint8 (n,)."""

from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import json_mapping, progress, run
from invariance.data.sources import read_source
from invariance.record.artefacts import save_array

COUNTS = {"side": int, "classes": int, "train_images": int, "validation_images": int, "test_images": int}


def main(*, settings: Annotated[dict[str, Any], json_mapping(**COUNTS)], output: Path) -> None:
    """Read, check, write.

    Args:
        settings: The data set's entry in the config, as JSON; the folder of its `downloads` takes the place of mirrors:
            '{"npz": "mine.npz", "side": 32, "classes": 3, "train_images": 500, ...}'.
        output: Folder to write.
    """
    arrays = read_source(settings)
    for name, array in zip(("train-images", "train-labels", "test-images", "test-labels"), arrays, strict=True):
        path = output / f"{name}.npy"
        save_array(path, array)
        progress(f"{path}: {array.dtype} {array.shape}")


if __name__ == "__main__":
    run(main)
