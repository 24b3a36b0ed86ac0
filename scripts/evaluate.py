"""Stage 4, shifts: what a trained model says of the test images at every shift of the grid."""

import argparse
from pathlib import Path

import numpy as np

from invariance.command_line import counted, json_mapping, progress, run
from invariance.data.images import place_on_canvas, shift_grid
from invariance.learning.evaluation import logits_over_shifts
from invariance.learning.training import DEVICES, find_device, one_thread, predict
from invariance.learning.weights import load_weights
from invariance.networks.models import PhaseAverage, build_model, total_stride
from invariance.record.artefacts import load_array, save_array, write_csv
from invariance.results.measures import accuracy, consistency, logit_drift


def main() -> None:
    """Evaluate; write the grid, the predictions behind it, and those of all unshifted test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", type=json_mapping(family=str), required=True, help="the trained model's entry in the config"
    )
    parser.add_argument("--average-phases", action="store_true", help="average its logits over its stride's phases")
    parser.add_argument("--weights", type=Path, required=True, help=".safetensors")
    parser.add_argument("--images", type=Path, required=True, help="test images, uint8 (n, 28, 28), .npy")
    parser.add_argument("--labels", type=Path, required=True, help="test labels, uint8 (n,), .npy")
    parser.add_argument(
        "--shifts",
        type=json_mapping(canvas=int, max_shift=int, shift_images=int),
        required=True,
        help='{"canvas": 40, "max_shift": 6, "shift_images": 2000}: pixels; the first so many test images are shifted',
    )
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="auto: a GPU if there is one")
    parser.add_argument("--grid", type=Path, required=True, help="output, .csv: a row a shift")
    parser.add_argument("--predictions", type=Path, required=True, help="output, uint8 (shifts, shift images), .npy")
    parser.add_argument("--test-predictions", type=Path, required=True, help="output, uint8 (n,), .npy")
    arguments = parser.parse_args()

    one_thread()
    settings = arguments.shifts
    model = build_model(arguments.model, settings["canvas"])
    load_weights(model, arguments.weights)
    if arguments.average_phases:
        model = PhaseAverage(model, total_stride(arguments.model))
    model.to(find_device(arguments.device))
    images = place_on_canvas(load_array(arguments.images), settings["canvas"])
    labels = load_array(arguments.labels)
    shifts = shift_grid(settings["max_shift"])

    with counted():
        test_predictions = predict(model, images).argmax(axis=1).astype(np.uint8)
    progress(f"test error {100 * (test_predictions != labels).mean():.2f}% of {len(labels)} images")
    shifted = slice(0, settings["shift_images"])
    with counted():
        logits = logits_over_shifts(model, images[shifted], shifts)
    predictions = logits.argmax(axis=2).astype(np.uint8)
    measured = [
        np.full(len(shifts), predictions.shape[1]),
        accuracy(predictions, labels[shifted]),
        consistency(predictions, shifts),
        logit_drift(logits, shifts),
    ]
    progress(f"{len(shifts)} shifts of {predictions.shape[1]} images: mean accuracy {measured[1].mean():.4f}")
    rows = ((*shift, *values) for shift, *values in zip(shifts, *measured, strict=True))
    write_csv(arguments.grid, ["dx", "dy", "n", "accuracy", "consistency", "logit_drift"], rows)
    save_array(arguments.predictions, predictions)
    save_array(arguments.test_predictions, test_predictions)


if __name__ == "__main__":
    run(main)
