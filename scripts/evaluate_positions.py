"""Stage 4, positions: how well a trained model tells at which position a test image is."""

import argparse
from pathlib import Path

import numpy as np

from invariance.command_line import counted, json_mapping, progress, run
from invariance.data.images import place_on_canvas
from invariance.learning.evaluation import InDoublePrecision, logits_over_shifts
from invariance.learning.training import DEVICES, find_device, one_thread
from invariance.learning.weights import load_weights
from invariance.networks.models import build_model
from invariance.record.artefacts import load_array, write_csv
from invariance.results.measures import largest_differences

COLUMNS = ["dx", "dy", "n", "accuracy", "logit_drift", "float64_drift"]


def main() -> None:
    """Put every test image at every position; write how often each is told, and how far the logits differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", type=json_mapping(family=str), required=True, help="the trained model's entry in the config"
    )
    parser.add_argument("--weights", type=Path, required=True, help=".safetensors")
    parser.add_argument("--images", type=Path, required=True, help="test images, uint8 (n, 28, 28), .npy")
    parser.add_argument(
        "--positions",
        type=json_mapping(canvas=int, positions=list),
        required=True,
        help='{"canvas": 40, "positions": [[-6, -6], [6, 6]]}: pixels; the model tells the index of the position',
    )
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="auto: a GPU if there is one")
    parser.add_argument("--output", type=Path, required=True, help="output, .csv: a row a position")
    arguments = parser.parse_args()

    one_thread()
    settings = arguments.positions
    positions = [tuple(position) for position in settings["positions"]]
    model = build_model(arguments.model, settings["canvas"])
    load_weights(model, arguments.weights)
    model.to(find_device(arguments.device))
    images = place_on_canvas(load_array(arguments.images), settings["canvas"])

    with counted():
        logits = logits_over_shifts(model, images, positions)
        exact = logits_over_shifts(InDoublePrecision(model), images, positions)
    # Of the ten outputs only those of positions can be the answer: whoever tells nothing is then right by chance.
    told = logits[:, :, : len(positions)].argmax(axis=2)
    right = (told == np.arange(len(positions))[:, None]).mean(axis=1)
    progress(f"{len(positions)} positions of {len(images)} images: {100 * right.mean():.2f}% told rightly")
    measured = right, largest_differences(logits), largest_differences(exact)
    rows = ((*position, len(images), *values) for position, *values in zip(positions, *measured, strict=True))
    write_csv(arguments.output, COLUMNS, rows)


if __name__ == "__main__":
    run(main)
