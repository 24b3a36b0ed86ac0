"""Training: one model, one training set, one seed, one thread; the same bytes every time."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from invariance.artefacts import InputError
from invariance.command_line import progress
from invariance.models import CLASSES

EVALUATION_BATCH = 500
HISTORY_COLUMNS = ["epoch", "learning_rate", "train_loss", "train_error", "validation_loss", "validation_error"]


def one_thread() -> None:
    """Compute in one thread, with deterministic algorithms: the number of threads changes the last bits of a sum."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def as_input(images: np.ndarray) -> Tensor:
    """Turn uint8 (n, h, w) into float32 (n, 1, h, w): background 0, ink up to 1. The paper leaves the scaling open."""
    return torch.from_numpy(np.ascontiguousarray(images)).unsqueeze(1).to(torch.float32).div_(255)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of logits (n, 10) with labels (n,)."""
    return F.cross_entropy(logits, labels)


def squared_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Half the squared distance of logits (n, 10) to one-hot labels, mean over images; our reading of Simard's MSE."""
    return (logits - F.one_hot(labels, CLASSES)).square().sum(dim=1).mean() / 2


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cross_entropy": cross_entropy, "mse": squared_error}


def one_cycle(step: int, steps: int, peak: float, warmup: float) -> float:
    """Learning rate at `step` of `steps`: linear from 0 to `peak` over a fraction `warmup`, then linear to 0."""
    position = (step + 0.5) / steps
    return peak * (position / warmup if position < warmup else (1 - position) / (1 - warmup))


class NesterovSGD:
    """Stochastic gradient descent with Nesterov momentum, the update of torch.optim.SGD bit for bit.

    torch.optim imports PyTorch's compiler when it builds an optimiser, which costs a short job as much as torch itself.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], momentum: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.momentum, self.weight_decay = momentum, weight_decay

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter by its gradient at learning rate `rate`, and clear the gradients."""
        for parameter, velocity in zip(self.parameters, self.velocities, strict=True):
            gradient = parameter.grad
            if self.weight_decay:
                gradient.add_(parameter, alpha=self.weight_decay)
            velocity.mul_(self.momentum).add_(gradient)
            gradient.add_(velocity, alpha=self.momentum)
            parameter.add_(gradient, alpha=-rate)
            parameter.grad = None


def batches(images: int, size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """A fresh random order of image indices for (seed, epoch), cut into batches; the last one may be smaller."""
    order = np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(images)
    for start in range(0, images, size):
        yield order[start : start + size]


def train(
    model: nn.Module,
    epoch_images: Sequence[np.ndarray],
    labels: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    optimisation: Mapping[str, Any],
    seed: int,
) -> list[dict[str, float]]:
    """Train `model` in place by stochastic gradient descent with Nesterov momentum and a one-cycle schedule.

    Args:
        model: maps float32 (n, 1, h, w) to logits (n, 10).
        epoch_images: copies of the training set, uint8 (n, h, w); epoch e reads copy e modulo their number.
        labels: uint8 (n,).
        validation: images uint8 (m, h, w) and labels uint8 (m,), measured after each epoch; they choose nothing here.
        optimisation: `optimisation` in config.yaml.
        seed: fixes the order of the images; the caller has fixed the initial weights.

    Returns:
        A row an epoch, with HISTORY_COLUMNS; errors in percent, the training error as measured during the epoch.

    Raises:
        InputError: the loss is no longer a number.
    """
    loss_of = LOSSES[optimisation["loss"]]
    epochs, batch = optimisation["epochs"], optimisation["batch"]
    steps = epochs * math.ceil(len(labels) / batch)
    targets = torch.from_numpy(labels.astype(np.int64))
    optimiser = NesterovSGD(model.parameters(), optimisation["momentum"], optimisation["weight_decay"])
    history, step = [], 0
    for epoch in range(epochs):
        images = epoch_images[epoch % len(epoch_images)]
        model.train()
        total_loss, wrong = 0.0, 0
        for chosen in batches(len(labels), batch, seed, epoch):
            rate = one_cycle(step, steps, optimisation["learning_rate"], optimisation["warmup"])
            target = targets[chosen]
            logits = model(as_input(images[chosen]))
            loss = loss_of(logits, target)
            loss.backward()
            optimiser.step(rate)
            step += 1
            total_loss += loss.item() * len(chosen)
            wrong += (logits.argmax(dim=1) != target).sum().item()
        validation_loss, validation_error = evaluate(model, *validation, loss_of)
        if not math.isfinite(total_loss + validation_loss):
            raise InputError(
                f"training diverged: the loss of epoch {epoch + 1} is {total_loss + validation_loss} at learning rate "
                f"{rate:.4g}; lower `learning_rate` (now {optimisation['learning_rate']}) in the config"
            )
        row = [epoch + 1, rate, total_loss / len(labels), 100 * wrong / len(labels), validation_loss, validation_error]
        history.append(dict(zip(HISTORY_COLUMNS, row, strict=True)))
        progress(
            f"epoch {epoch + 1}/{epochs}  loss {row[2]:.4f}  training error {row[3]:.2f}%  "
            f"validation error {validation_error:.2f}%"
        )
    return history


def predict(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Logits float32 (n, 10) of uint8 (n, h, w) images, in evaluation mode."""
    model.eval()
    with torch.inference_mode():
        logits = [
            model(as_input(images[start : start + EVALUATION_BATCH]))
            for start in range(0, len(images), EVALUATION_BATCH)
        ]
    return torch.cat(logits).numpy()


def evaluate(
    model: nn.Module, images: np.ndarray, labels: np.ndarray, loss_of: Callable[[Tensor, Tensor], Tensor]
) -> tuple[float, float]:
    """Mean loss, and error in percent, of uint8 (n, h, w) images with labels uint8 (n,)."""
    logits = predict(model, images)
    loss = loss_of(torch.from_numpy(logits), torch.from_numpy(labels.astype(np.int64))).item()
    return loss, 100 * float((logits.argmax(axis=1) != labels).mean())
