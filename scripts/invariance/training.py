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
from invariance.kernels import nesterov_step
from invariance.layers import on_cpu
from invariance.models import CLASSES

CPU = torch.device("cpu")
DEVICES = ["auto", "cpu", "cuda"]
EVALUATION_BATCH = 128  # more would not fit into the second-level cache, layer by layer
HISTORY_COLUMNS = ["epoch", "learning_rate", "train_loss", "train_error", "validation_loss", "validation_error"]


def one_thread() -> None:
    """Compute in one thread, with deterministic algorithms: the number of threads changes the last bits of a sum."""
    torch.set_num_threads(1)
    # As torch.use_deterministic_algorithms, which imports PyTorch's compiler. A GPU has no such algorithm for some
    # gradients, such as that of a spatial transformer: there it warns.
    torch.set_deterministic_debug_mode("warn" if torch.cuda.is_available() else "error")


def find_device(name: str) -> torch.device:
    """The device that `device` in config.yaml names: cpu, cuda, or auto for a GPU if there is one.

    Raises:
        InputError: cuda is asked for, and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda, but PyTorch finds no CUDA GPU on this machine; use cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are; the CPU for a model that has none."""
    return next((parameter.device for parameter in model.parameters()), CPU)


def as_input(images: np.ndarray) -> Tensor:
    """Turn uint8 (n, h, w) into float32 (n, 1, h, w): background 0, ink up to 1. The paper leaves the scaling open.

    In memory the images come last, as the layers want them.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(1, 2, 0)))
    return pixels.to(torch.float32).div_(255).permute(2, 0, 1).unsqueeze(1)


def input_reader(images: np.ndarray, device: torch.device) -> Callable[[np.ndarray], Tensor]:
    """A function from indices to `as_input` of those of the uint8 (n, h, w) images; on a GPU they all stay there."""
    if device.type == "cpu":
        return lambda chosen: as_input(images[chosen])
    resident = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    return lambda chosen: resident[torch.from_numpy(chosen).to(device)].unsqueeze(1).to(torch.float32).div_(255)


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
    """Stochastic gradient descent with Nesterov momentum, the update of torch.optim.SGD in one pass over the numbers.

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
            update = self.update if on_cpu(parameter) else self.plain_update
            update(parameter, velocity, parameter.grad, rate)
            parameter.grad = None

    def update(self, parameter: Tensor, velocity: Tensor, gradient: Tensor, rate: float) -> None:
        """Move one parameter."""
        arrays = [tensor.detach().view(-1).numpy() for tensor in (parameter, velocity, gradient.contiguous())]
        nesterov_step(*arrays, rate, self.momentum, self.weight_decay)

    def plain_update(self, parameter: Tensor, velocity: Tensor, gradient: Tensor, rate: float) -> None:
        """The same by torch alone."""
        gradient = gradient.add(parameter, alpha=self.weight_decay)
        velocity.mul_(self.momentum).add_(gradient)
        parameter.add_(gradient.add_(velocity, alpha=self.momentum), alpha=-rate)


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
    device: torch.device = CPU,
) -> list[dict[str, float]]:
    """Train `model` in place by stochastic gradient descent with Nesterov momentum and a one-cycle schedule.

    Args:
        model: maps float32 (n, 1, h, w) to logits (n, 10).
        epoch_images: copies of the training set, uint8 (n, h, w); epoch e reads copy e modulo their number.
        labels: uint8 (n,).
        validation: images uint8 (m, h, w) and labels uint8 (m,), measured after each epoch; they choose nothing here.
        optimisation: `optimisation` in config.yaml.
        seed: fixes the order of the images; the caller has fixed the initial weights.
        device: where to compute; the model ends up there.

    Returns:
        A row an epoch, with HISTORY_COLUMNS; errors in percent, the training error as measured during the epoch.

    Raises:
        InputError: the loss is no longer a number.
    """
    loss_of = LOSSES[optimisation["loss"]]
    epochs, batch = optimisation["epochs"], optimisation["batch"]
    steps = epochs * math.ceil(len(labels) / batch)
    targets = torch.from_numpy(labels.astype(np.int64)).to(device)
    model.to(device)
    optimiser = NesterovSGD(model.parameters(), optimisation["momentum"], optimisation["weight_decay"])
    history, step = [], 0
    for epoch in range(epochs):
        read = input_reader(epoch_images[epoch % len(epoch_images)], device)
        model.train()
        sums = torch.zeros(2, dtype=torch.float64, device=device)  # loss, mistakes; read once an epoch
        for chosen in batches(len(labels), batch, seed, epoch):
            rate = one_cycle(step, steps, optimisation["learning_rate"], optimisation["warmup"])
            target = targets[chosen]
            logits = model(read(chosen))
            loss = loss_of(logits, target)
            loss.backward()
            optimiser.step(rate)
            step += 1
            with torch.no_grad():
                sums += torch.stack([loss * len(chosen), (logits.argmax(dim=1) != target).sum()])
        total_loss, wrong = sums.tolist()
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
    """Logits float32 (n, 10) of uint8 (n, h, w) images, in evaluation mode, computed where the model is."""
    model.eval()
    read = input_reader(images, device_of(model))
    indices = np.arange(len(images))
    with torch.inference_mode():
        logits = [
            model(read(indices[start : start + EVALUATION_BATCH])) for start in range(0, len(images), EVALUATION_BATCH)
        ]
    return torch.cat(logits).cpu().numpy()


def evaluate(
    model: nn.Module, images: np.ndarray, labels: np.ndarray, loss_of: Callable[[Tensor, Tensor], Tensor]
) -> tuple[float, float]:
    """Mean loss, and error in percent, of uint8 (n, h, w) images with labels uint8 (n,)."""
    logits = predict(model, images)
    loss = loss_of(torch.from_numpy(logits), torch.from_numpy(labels.astype(np.int64))).item()
    return loss, 100 * float((logits.argmax(axis=1) != labels).mean())
