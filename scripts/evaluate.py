"""Stage 4, shifts: the predictions of a trained model for the test images at every shift of the grid."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from invariance.command_line import counted, json_mapping, progress, run
from invariance.data.images import place_on_canvas, shift_grid
from invariance.learning.evaluation import logits_over_shifts
from invariance.learning.training import Device, find_device, one_thread, predict
from invariance.learning.weights import load_weights
from invariance.networks.building import build_model
from invariance.record.artefacts import load_array, save_array, write_csv
from invariance.results.measures import accuracy, consistency, logit_drift


def main(
    *,
    model: Annotated[dict[str, Any], json_mapping(family=str)],
    weights: Path,
    images: Path,
    labels: Path,
    shifts: Annotated[dict[str, Any], json_mapping(canvas=int, max_shift=int, shift_images=int)],
    device: Device = "cpu",
    grid: Path,
    predictions: Path,
    test_predictions: Path,
) -> None:
    """Evaluate; write the grid, its predictions, and those of all unshifted test images.

    With `only` among the shifts, the test images are those of these classes, and the answers are among them.

    Args:
        model: Its entry in the config, as JSON; for a phase average, `of` is the entry of the model that it averages.
        weights: .safetensors.
        images: Test images, uint8 (n, h, w), .npy.
        labels: Test labels, uint8 (n,), .npy.
        shifts: Canvas and largest shift in pixels, and how many images are shifted, the first ones:
            '{"canvas": 40, "max_shift": 6, "shift_images": 2000}'.
        device: auto uses a GPU if there is one.
        grid: Output, .csv: one row per shift.
        predictions: Output, uint8 (shifts, shift images), .npy.
        test_predictions: Output, uint8 (n,), .npy.
    """
    one_thread()
    answers = load_array(labels)
    classes = int(answers.max()) + 1
    network = build_model(model, shifts["canvas"], classes)
    asked = np.array(shifts.get("only", range(classes)), np.uint8)
    tested = np.isin(answers, asked)
    answers = answers[tested]
    load_weights(network.model if "of" in model else network, weights)
    network.to(find_device(device))
    test_images = place_on_canvas(load_array(images)[tested], shifts["canvas"])
    grid_of_shifts = shift_grid(shifts["max_shift"])

    with counted():
        unshifted = asked[predict(network, test_images)[:, asked].argmax(axis=1)]
    progress(f"test error {100 * (unshifted != answers).mean():.2f}% of {len(answers)} images")
    shifted = slice(0, shifts["shift_images"])
    with counted():
        logits = logits_over_shifts(network, test_images[shifted], grid_of_shifts, shifts.get("may_lose_ink", False))
    logits = logits[:, :, asked]
    predicted = asked[logits.argmax(axis=2)]
    measured = [
        np.full(len(grid_of_shifts), predicted.shape[1]),
        accuracy(predicted, answers[shifted]),
        consistency(predicted, grid_of_shifts),
        logit_drift(logits, grid_of_shifts),
    ]
    progress(f"{len(grid_of_shifts)} shifts of {predicted.shape[1]} images: mean accuracy {measured[1].mean():.4f}")
    rows = ((*shift, *values) for shift, *values in zip(grid_of_shifts, *measured, strict=True))
    write_csv(grid, ["dx", "dy", "n", "accuracy", "consistency", "logit_drift"], rows)
    save_array(predictions, predicted)
    save_array(test_predictions, unshifted)


if __name__ == "__main__":
    run(main)
