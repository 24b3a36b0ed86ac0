"""Do our layers and our optimiser end where torch.nn and torch.optim end? Test errors of both over several seeds.

Both start from the same weights, see the same batches in the same order and follow the same schedule. Only rounding
differs, which training amplifies until the two are as far apart as two seeds. Prints the test errors of each seed and
the interval of their difference. On real MNIST, after `snakemake --cores 2 data`:

    python benchmarks/compare_errors.py --distortion elastic --epochs 12 --seeds 5 --output errors.csv
"""

import math
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from cyclopts import Parameter
from cyclopts.validators import Number
from torch.nn import functional as F

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from invariance.command_line import progress, run
from invariance.data.images import place_on_canvas
from invariance.learning.training import batches, one_thread, predict, rate_at, train
from invariance.networks.building import build_model
from invariance.record.artefacts import InputError, load_array, write_csv
from invariance.results.statistics import t_interval
from speed.networks import SimardCNN

CANVAS, TRAINING, VALIDATION = 29, 50_000, 10_000
OPTIMISATION = {
    "batch": 128,
    "learning_rate": 0.1,
    "schedule": "one_cycle",
    "warmup": 0.2,
    "averaging": 0.0,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "loss": "cross_entropy",
}


def main(
    *,
    results: Path = Path("results/mnist"),
    distortion: str = "elastic",
    epochs: Annotated[int, Parameter(validator=Number(gte=1))] = 12,
    seeds: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    output: Path,
) -> None:
    """Train both with each seed; print and write the errors.

    Args:
        results: Where the pipeline put its data.
        distortion: Whose copies on 29x29 are trained on.
        epochs: Passes over a training set.
        seeds: How many trainings of each.
        output: CSV with one row per seed.
    """
    one_thread()
    source = results / "source"
    folder = results / f"distorted/{CANVAS}/{distortion}"
    copies = [load_array(path, mapped=True)[:TRAINING] for path in sorted(folder.glob("copy-*.npy"))[:epochs]]
    if not copies:
        raise InputError(f"{folder}: no copies; run `snakemake --cores 2 data`, or name another distortion")
    images, labels = load_array(source / "train-images.npy"), load_array(source / "train-labels.npy")
    test = place_on_canvas(load_array(source / "test-images.npy"), CANVAS), load_array(source / "test-labels.npy")
    validation = place_on_canvas(images[-VALIDATION:], CANVAS), labels[-VALIDATION:]
    optimisation = OPTIMISATION | {"epochs": epochs}
    rows = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        ours = build_model({"family": "simard_cnn"}, CANVAS)
        plain = SimardCNN(CANVAS)
        for parameter, same in zip(plain.parameters(), ours.parameters(), strict=True):
            parameter.data.copy_(same)
        train(ours, copies, labels[:TRAINING], validation, optimisation, seed)
        train_by_torch(plain, copies, labels[:TRAINING], optimisation, seed)
        our_error = 100 * float((predict(ours, test[0]).argmax(axis=1) != test[1]).mean())
        rows.append((seed, our_error, error_by_torch(plain, *test)))
        progress(f"seed {seed}: ours {rows[-1][1]:.2f}%, torch.nn {rows[-1][2]:.2f}%")
    write_csv(output, ["seed", "ours", "torch"], rows)
    _, our_errors, torch_errors = np.array(rows).T
    gap = t_interval(our_errors - torch_errors, 0.95)
    progress(f"ours {our_errors.mean():.3f}%, torch.nn {torch_errors.mean():.3f}%")
    progress(f"difference {gap.mean:.3f} points, 95% interval [{gap.low:.3f}, {gap.high:.3f}] over {len(rows)} seeds")


def train_by_torch(
    network: torch.nn.Module, copies: list[np.ndarray], labels: np.ndarray, optimisation: dict, seed: int
) -> None:
    """What `invariance.learning.training.train` does, with torch.optim and tensors in torch's own memory order."""
    steps = optimisation["epochs"] * math.ceil(len(labels) / optimisation["batch"])
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=optimisation["momentum"], nesterov=True)
    targets, step = torch.from_numpy(labels.astype(np.int64)), 0
    network.train()
    for epoch in range(optimisation["epochs"]):
        images = floats(copies[epoch % len(copies)])
        for chosen in batches(len(labels), optimisation["batch"], seed, epoch):
            rate = rate_at((step + 0.5) / steps, optimisation)
            optimiser.param_groups[0]["lr"] = rate
            loss = F.cross_entropy(network(images[chosen]), targets[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1


def floats(images: np.ndarray) -> torch.Tensor:
    """Float32 (n, 1, h, w), background 0 and ink up to 1, in torch's own memory order."""
    return torch.from_numpy(np.ascontiguousarray(images)).unsqueeze(1).float().div(255)


def error_by_torch(network: torch.nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    """Error in percent."""
    network.eval()
    with torch.inference_mode():
        return 100 * float((network(floats(images)).argmax(dim=1).numpy() != labels).mean())


if __name__ == "__main__":
    run(main)
