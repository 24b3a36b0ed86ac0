"""Stage 3, models: train one model on one training set with one seed."""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from invariance.command_line import Natural, counted, json_mapping, run
from invariance.data.images import alternate_positions, place_on_canvas
from invariance.learning.checkpoints import Checkpoint
from invariance.learning.training import HISTORY_COLUMNS, Device, find_device, one_thread, train
from invariance.learning.weights import load_weights, save_weights
from invariance.networks.building import build_model, count_parameters, train_part
from invariance.plan.declarations import network_files
from invariance.record.artefacts import InputError, load_array, recorded_sha256, write_csv, write_json
from invariance.record.dependencies import made_by


class TrainingImages(Sequence):
    """The `chosen` images of each copy, of which those that are not `distorted` are replaced by the originals.

    Without copies it has one item, of the originals. A copy is mapped while an epoch reads it and no longer, for its
    pages count as memory of the job.
    """

    def __init__(
        self,
        copies: Sequence[Path],
        chosen: slice | np.ndarray,
        originals: np.ndarray,
        distorted: np.ndarray | None = None,
    ) -> None:
        """Check the copies; raises InputError if one is not whole or was altered.

        Args:
            copies: files of the distorted images, uint8 (n, h, w), .npy.
            chosen: of the n images.
            originals: uint8 (n, h, w).
            distorted: bool (chosen,); None for all.
        """
        self.copies, self.chosen, self.originals, self.distorted = copies, chosen, originals[chosen], distorted
        for path in copies:  # before the first epoch, and not hours later
            load_array(path, mapped=True)

    def __len__(self) -> int:
        return max(1, len(self.copies))

    def __getitem__(self, number: int) -> np.ndarray:
        if not self.copies:
            return self.originals
        images = np.load(self.copies[number], mmap_mode="r", allow_pickle=False)[self.chosen]
        return images if self.distorted is None else np.where(self.distorted[:, None, None], images, self.originals)


def those_of(labels: np.ndarray, part: slice, only: Sequence[int] | None) -> slice | np.ndarray:
    """A part of the images, or where it has an image of the classes `only`; labels, uint8 (n,)."""
    return part if only is None else np.arange(len(labels))[part][np.isin(labels[part], only)]


def main(
    *,
    model: Annotated[dict[str, Any], json_mapping(family=str)],
    training: Annotated[
        dict[str, Any], json_mapping(canvas=int, train_images=int, validation_images=int, optimisation=dict)
    ],
    seed: Natural,
    device: Device = "cpu",
    images: Path,
    labels: Path,
    copies: list[Path] | None = None,
    start: list[Path] | None = None,
    weights: Path,
    history: Path,
    card: Path,
    checkpoint: Path | None = None,
) -> None:
    """Train; write the weights, the history and the card.

    Args:
        model: Its entry in the config, as JSON.
        training: Canvas, images and optimisation, as JSON.
        seed: Determines the initial weights and the order of the images.
        device: auto uses a GPU if there is one.
        images: All source images, uint8 (n, h, w), .npy.
        labels: Their labels, uint8 (n,), .npy.
        copies: Distorted copies, one per epoch; by default the source images.
        start: The weights of a network like this one that training goes on from, .safetensors; by default fresh ones.
        weights: Output, .safetensors.
        history: Output, .csv: one row per epoch.
        card: Output, .json: what this network was made from.
        checkpoint: .safetensors, written after each epoch and removed at the end.
    """
    one_thread()
    computed_on = find_device(device)
    torch.manual_seed(seed)
    answers = load_array(labels)
    classes = int(answers.max()) + 1  # scripts/source.py has seen to it that every class is there
    originals = place_on_canvas(load_array(images), training["canvas"])
    if "positions" in training:
        may_lose_ink = training.get("may_lose_ink", False)
        originals, answers = alternate_positions(originals, training["positions"], may_lose_ink)
        classes = max(classes, len(training["positions"]))
    network = build_model(model, training["canvas"], classes)
    copies, start = copies or [], start or []
    for path in start:
        load_weights(network, path)
        train_part(network, training["trained_part"])
    only = training.get("only")
    trained = those_of(answers, slice(0, training["train_images"]), only)
    validation = those_of(answers, slice(-training["validation_images"], None), only)
    if not len(answers[validation]):
        raise InputError(
            f"only: {only}: none of the last {training['validation_images']} training images, which validate, is of "
            "these classes; raise validation_images of the data set"
        )
    distorted = np.isin(answers[trained], training["classes"]) if "classes" in training else None
    epoch_images = TrainingImages(copies, trained, originals, distorted)
    made_from = {
        "model": model,
        "training": training,
        "seed": seed,
        "device": computed_on.type,
        "inputs": {str(path): recorded_sha256(path) for path in (images, labels, *copies, *start)},
        "versions": {package: importlib.metadata.version(package) for package in ("torch", "numpy", "numba")},
    }
    code = made_by(__file__, *network_files(model))
    state = Checkpoint(checkpoint, made_from | {"code": code}) if checkpoint else None
    with counted():
        rows = train(
            network,
            epoch_images,
            answers[trained],
            (originals[validation], answers[validation]),
            training["optimisation"],
            seed,
            computed_on,
            state,
        )
    save_weights(network.cpu(), weights)
    write_csv(history, HISTORY_COLUMNS, (row.values() for row in rows))
    write_json(card, made_from | {"parameters": count_parameters(network), "final": rows[-1]})
    if state:
        state.remove()


if __name__ == "__main__":
    run(main)
