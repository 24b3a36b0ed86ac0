"""Stage 3, models: train one model on one training set with one seed."""

import argparse
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from invariance.command_line import counted, json_mapping, natural, run
from invariance.data.images import alternate_positions, place_on_canvas
from invariance.learning.checkpoints import Checkpoint
from invariance.learning.training import DEVICES, HISTORY_COLUMNS, find_device, one_thread, train
from invariance.learning.weights import save_weights
from invariance.networks.models import build_model, count_parameters
from invariance.record.artefacts import load_array, recorded_sha256, sha256_of, write_csv, write_json
from invariance.record.dependencies import code_of


class OnlySome(Sequence):
    """Distorted copies of the training images in which the images that are not `distorted` are the originals."""

    def __init__(self, copies: Sequence[np.ndarray], originals: np.ndarray, distorted: np.ndarray) -> None:
        """Args: copies, and originals, uint8 (n, h, w); distorted, bool (n,)."""
        self.copies, self.originals, self.distorted = copies, originals, distorted[:, None, None]

    def __len__(self) -> int:
        return len(self.copies)

    def __getitem__(self, number: int) -> np.ndarray:
        return np.where(self.distorted, self.copies[number], self.originals)


def main() -> None:
    """Train; write the weights, the history and the run card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", type=json_mapping(family=str), required=True, help="its entry in the config, as JSON"
    )
    training = json_mapping(canvas=int, train_images=int, validation_images=int, optimisation=dict)
    parser.add_argument("--training", type=training, required=True, help="canvas, images, optimisation, as JSON")
    parser.add_argument("--seed", type=natural, required=True, help="fixes the initial weights and the order of images")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="auto: a GPU if there is one")
    parser.add_argument("--images", type=Path, required=True, help="all source images, uint8 (n, 28, 28), .npy")
    parser.add_argument("--labels", type=Path, required=True, help="their labels, uint8 (n,), .npy")
    parser.add_argument(
        "--copies", type=Path, nargs="*", default=[], help="distorted copies, an epoch each; none: the source images"
    )
    parser.add_argument("--weights", type=Path, required=True, help="output, .safetensors")
    parser.add_argument("--history", type=Path, required=True, help="output, .csv: a row an epoch")
    parser.add_argument("--card", type=Path, required=True, help="output, .json: what this run was made from")
    parser.add_argument("--checkpoint", type=Path, help=".safetensors: kept after each epoch, removed at the end")
    arguments = parser.parse_args()

    one_thread()
    device = find_device(arguments.device)
    torch.manual_seed(arguments.seed)
    settings = arguments.training
    model = build_model(arguments.model, settings["canvas"])
    labels = load_array(arguments.labels)
    originals = place_on_canvas(load_array(arguments.images), settings["canvas"])
    if "positions" in settings:
        originals, labels = alternate_positions(originals, settings["positions"])
    training, validation = slice(0, settings["train_images"]), slice(-settings["validation_images"], None)
    copies = [load_array(path, mapped=True)[training] for path in arguments.copies] or [originals[training]]
    if "classes" in settings:
        copies = OnlySome(copies, originals[training], np.isin(labels[training], settings["classes"]))
    inputs = [arguments.images, arguments.labels, *arguments.copies]
    made_from = {
        "model": arguments.model,
        "training": settings,
        "seed": arguments.seed,
        "device": device.type,
        "inputs": {str(path): recorded_sha256(path) for path in inputs},
        "versions": {package: importlib.metadata.version(package) for package in ("torch", "numpy", "numba")},
    }
    code = {path: sha256_of(path) for path in code_of(__file__)}
    checkpoint = Checkpoint(arguments.checkpoint, made_from | {"code": code}) if arguments.checkpoint else None
    with counted():
        history = train(
            model,
            copies,
            labels[training],
            (originals[validation], labels[validation]),
            settings["optimisation"],
            arguments.seed,
            device,
            checkpoint,
        )
    save_weights(model.cpu(), arguments.weights)
    write_csv(arguments.history, HISTORY_COLUMNS, (row.values() for row in history))
    write_json(arguments.card, made_from | {"parameters": count_parameters(model), "final": history[-1]})
    if checkpoint:
        checkpoint.remove()


if __name__ == "__main__":
    run(main)
