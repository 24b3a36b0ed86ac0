"""Training: one model, one training set, one seed, one thread; the same bytes every time."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from invariance.command_line import progress
from invariance.layers.images_last import compiled, on_cpu
from invariance.learning.checkpoints import Checkpoint
from invariance.learning.cuda_graph import Graphed
from invariance.record.artefacts import InputError

CPU = torch.device("cpu")
Device = Literal["auto", "cpu", "cuda"]  # auto: a GPU if there is one
EVALUATION_BATCH = 128  # with more, the maps of a layer would not fit into the second-level cache
ONE_BY_ONE = 1024  # images that are read together, where each has a step of its own
GPU_EVALUATION_BATCH = 2048  # with fewer, starting a layer takes longer than the layer
HISTORY_COLUMNS = ["epoch", "learning_rate", "train_loss", "train_error", "validation_loss", "validation_error"]


def one_thread() -> None:
    """Compute in one thread, with deterministic algorithms: the number of threads changes the last bits of a sum."""
    torch.set_num_threads(1)
    # Unlike torch.use_deterministic_algorithms, this does not import PyTorch's compiler. On a GPU some gradients
    # (that of a spatial transformer, say) have no deterministic algorithm: there it warns.
    torch.set_deterministic_debug_mode("warn" if torch.cuda.is_available() else "error")
    torch.backends.cudnn.allow_tf32 = False  # which rounds the factors of a convolution to 11 bits
    # Otherwise this mode fills every new tensor, which costs the layers, who write all of it, a pass over memory.
    torch.utils.deterministic.fill_uninitialized_memory = False


def find_device(name: Device) -> torch.device:
    """The device that `device` in config.yaml names: cpu, cuda, or auto for a GPU if there is one.

    Raises:
        InputError: cuda is asked for, and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda, but PyTorch finds no CUDA GPU on this machine; use cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def device_of(model: nn.Module) -> torch.device:
    """The device of the model's parameters; the CPU if it has none."""
    return next((parameter.device for parameter in model.parameters()), CPU)


def evaluation_batch(device: torch.device) -> int:
    """Images that are evaluated together."""
    return EVALUATION_BATCH if device.type == "cpu" else GPU_EVALUATION_BATCH


def as_input(images: np.ndarray) -> Tensor:
    """Turn uint8 (n, h, w) into float32 (n, 1, h, w): background 0, ink up to 1. The paper leaves the scaling open.

    Its memory has the images last, as the layers use it.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(1, 2, 0)))
    return pixels.to(torch.float32).div_(255).permute(2, 0, 1).unsqueeze(1)


class Inputs:
    """`as_input` of chosen images; a GPU holds all images in its memory, and the next ones at the same place."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.images: Any = None

    def hold(self, images: np.ndarray) -> None:
        """Read from these images, uint8 (n, h, w), from now on; on a GPU as many as before."""
        if self.device.type == "cpu":
            self.images = images
            return
        given = torch.tensor(np.ascontiguousarray(images))
        if self.images is None:
            self.images = given.to(self.device)
        else:
            self.images.copy_(given)

    def __call__(self, chosen: Tensor) -> Tensor:
        """Float32 (chosen, 1, h, w) of the images at int64 (chosen,), on the device."""
        if self.device.type == "cpu":
            return as_input(self.images[chosen.numpy()])
        return self.images[chosen].unsqueeze(1).to(torch.float32).div_(255)


def squared_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Half the squared distance of logits (n, classes) to one-hot labels, mean over images: our reading of MSE."""
    return (logits - F.one_hot(labels, logits.shape[1])).square().sum(dim=1).mean() / 2


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cross_entropy": F.cross_entropy, "mse": squared_error}


STEP = 0.3
# The fraction of the peak learning rate at a position, 0..1 of the training, once the warmup is over.
SCHEDULES: dict[str, Callable[[float, Mapping[str, Any]], float]] = {
    "one_cycle": lambda position, its: (1 - position) / (1 - its["warmup"]),  # a linear fall to 0 at the end
    "constant": lambda position, its: 1.0,
    # As many equally long `plateaus`, each at 0.3 of the rate before (Simard et al. 2003, section 5).
    "steps": lambda position, its: STEP ** math.floor(position * its["plateaus"]),
}


def rate_at(position: float, optimisation: Mapping[str, Any]) -> float:
    """The learning rate at `position`, 0..1 of the training."""
    warmup, peak = optimisation["warmup"], optimisation["learning_rate"]
    return peak * (
        position / warmup if position < warmup else SCHEDULES[optimisation["schedule"]](position, optimisation)
    )


class NesterovSGD:
    """Stochastic gradient descent with Nesterov momentum: the update of torch.optim.SGD in one pass over the numbers.

    torch.optim imports PyTorch's compiler when it builds an optimiser, which costs a short job as much as torch itself.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], momentum: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.momentum, self.weight_decay = momentum, weight_decay

    @torch.no_grad()
    def step(self, rate: float | Tensor) -> None:
        """Update every parameter at learning rate `rate`, and clear the gradients."""
        pairs = zip(self.parameters, self.velocities, strict=True)
        moving = [(parameter, velocity) for parameter, velocity in pairs if parameter.grad is not None]  # not frozen
        update = self.update if all(is_flat(parameter) for parameter, _ in moving) else self.plain_update
        update([(parameter, velocity, parameter.grad) for parameter, velocity in moving], rate)
        for parameter, _ in moving:
            parameter.grad = None

    def update(self, moving: Iterable[tuple[Tensor, Tensor, Tensor]], rate: float) -> None:
        """Update parameters, given with their velocities and gradients."""
        for parameter, velocity, gradient in moving:
            flat = parameter.detach().view(-1), velocity.view(-1), gradient.reshape(-1)
            nesterov_step(*(tensor.numpy() for tensor in flat), rate, self.momentum, self.weight_decay)

    def plain_update(self, moving: Iterable[tuple[Tensor, Tensor, Tensor]], rate: float | Tensor) -> None:
        """The same by torch alone, which takes each operation for all parameters at once."""
        parameters, velocities, gradients = map(list, zip(*moving, strict=True))
        torch._foreach_add_(gradients, parameters, alpha=self.weight_decay)
        torch._foreach_mul_(velocities, self.momentum)
        torch._foreach_add_(velocities, gradients)
        torch._foreach_add_(gradients, velocities, alpha=self.momentum)
        torch._foreach_mul_(gradients, rate)
        torch._foreach_sub_(parameters, gradients)


def is_flat(parameter: Tensor) -> bool:
    """Whether `nesterov_step` can take it: in memory that NumPy reads, in one piece, in order."""
    return on_cpu(parameter) and parameter.is_contiguous() and parameter.dtype in (torch.float32, torch.float64)


@compiled
def nesterov_step(parameter, velocity, gradient, rate, momentum, weight_decay):
    """One step of gradient descent with Nesterov momentum, in place; all arrays are flat."""
    rate, momentum, weight_decay = (
        parameter.dtype.type(rate),
        parameter.dtype.type(momentum),
        parameter.dtype.type(weight_decay),
    )
    for i in range(len(parameter)):
        slope = gradient[i] + weight_decay * parameter[i]
        velocity[i] = momentum * velocity[i] + slope
        parameter[i] -= rate * (slope + momentum * velocity[i])


class WeightAverage:
    """The mean of a model's weights after each of its last epochs (Izmailov et al., UAI 2018).

    At a constant learning rate the weights wander around a minimum; their mean lies closer to it. The running moments
    of batch normalisation are averaged too.
    """

    def __init__(self, model: nn.Module) -> None:
        self.weights = {
            name: tensor.detach() for name, tensor in model.state_dict().items() if tensor.is_floating_point()
        }
        self.means = {name: torch.zeros_like(tensor) for name, tensor in self.weights.items()}
        self.count = 0

    def add(self) -> None:
        """Include the current weights in the mean."""
        self.count += 1
        for name, mean in self.means.items():
            mean.add_(self.weights[name] - mean, alpha=1 / self.count)

    def keep(self) -> None:
        """Copy the mean, if there is one, into the model."""
        if self.count:
            for name, mean in self.means.items():
                self.weights[name].copy_(mean)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the mean, if there is one, for a while; then its own weights again."""
        own = {name: tensor.clone() for name, tensor in self.weights.items()}
        self.keep()
        yield
        for name, tensor in own.items():
            self.weights[name].copy_(tensor)


def batches(images: int, size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """A fresh random order of image indices for (seed, epoch), cut into batches; the last one may be smaller."""
    order = np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(images)
    for start in range(0, images, size):
        yield order[start : start + size]


class Descent:
    """Gradient descent on images that are read by their places, on any device.

    Attributes:
        read: gives the images at some places.
        together: images of one call of `step`: a batch, which on a GPU is replayed as a CUDA graph; or, where the
            network has a loop for batches of one image, many of these.
    """

    def __init__(
        self, model: nn.Module, optimiser: NesterovSGD, targets: Tensor, optimisation: Mapping[str, Any]
    ) -> None:
        """Args: model and its optimiser; targets, int64 (n,), the classes of all images; as in config.yaml."""
        read, loss_of = Inputs(targets.device), LOSSES[optimisation["loss"]]
        constants = [optimisation[name] for name in ("momentum", "weight_decay", "loss")]

        def take_step(places: Tensor, rate: float | Tensor) -> Tensor:
            """Take one step on a batch of images; return the logits (n, classes) before it."""
            model.zero_grad()  # of a recording that failed on the way back
            logits = model(read(places))
            loss_of(logits, targets[places]).backward()
            optimiser.step(rate)
            return logits.detach()

        def take_steps(places: Tensor, rates: Tensor) -> Tensor:
            """Take one step for each of many images; return the logits (n, classes) that each had before its own."""
            return model.train_one_by_one(optimiser.velocities, read(places), targets[places], rates, *constants)

        whole = all(parameter.requires_grad for parameter in model.parameters())
        self.read, self.targets, self.precision = read, targets, optimiser.parameters[0].dtype
        self.on_gpu = targets.device.type != "cpu"
        may = optimisation["batch"] == 1 and whole and not self.on_gpu
        self.one_by_one = may and hasattr(model, "train_one_by_one")
        self.together = ONE_BY_ONE if self.one_by_one else optimisation["batch"]
        self.step = take_steps if self.one_by_one else Graphed(take_step) if self.on_gpu else take_step

    def through(self, order: Sequence[Tensor], rates: Sequence[float]) -> Tensor:
        """Take the steps of an epoch; return the logits (n, classes) that each image had before its own.

        Args: order, for each call of `step` the places of its images, int64; rates, the learning rate of each step.
        """
        given: Iterable[Any] = rates
        if self.one_by_one:
            given = torch.tensor(rates, dtype=torch.float64).split(self.together)
        elif self.on_gpu:
            given = self.targets.new_tensor(rates, dtype=self.precision)
        return torch.cat([self.step(places, rate) for places, rate in zip(order, given, strict=True)])


def train(
    model: nn.Module,
    epoch_images: Sequence[np.ndarray],
    labels: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    optimisation: Mapping[str, Any],
    seed: int,
    device: torch.device = CPU,
    checkpoint: Checkpoint | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place by stochastic gradient descent with Nesterov momentum.

    With `averaging`, the model ends with the mean of its weights after the last epochs, a fraction `averaging` of all;
    from the first of them on, what is measured on the validation images is the mean so far.

    Args:
        model: maps float32 (n, 1, h, w) to logits (n, classes).
        epoch_images: copies of the training set, uint8 (n, h, w); epoch e reads copy e modulo their number.
        labels: uint8 (n,).
        validation: images uint8 (m, h, w) and labels uint8 (m,), measured after each epoch and used for nothing else.
        optimisation: `optimisation` in config.yaml.
        seed: fixes the order of the images; the caller has fixed the initial weights.
        device: where to compute; the model ends up there.
        checkpoint: holds the state after each epoch, and is read first; the caller removes it.

    Returns:
        One row per epoch, with HISTORY_COLUMNS; errors in percent, the training error as measured during the epoch.

    Raises:
        InputError: the loss is no longer a number.
    """
    loss_of, epochs = LOSSES[optimisation["loss"]], optimisation["epochs"]
    steps_an_epoch = math.ceil(len(labels) / optimisation["batch"])
    targets = torch.from_numpy(labels.astype(np.int64)).to(device)
    model.to(device)
    optimiser = NesterovSGD(model.parameters(), optimisation["momentum"], optimisation["weight_decay"])
    average, first_averaged = WeightAverage(model), epochs - round(epochs * optimisation["averaging"])
    descent = Descent(model, optimiser, targets, optimisation)
    state = training_state(model, optimiser, average)
    history = checkpoint.load(state) if checkpoint else []
    average.count = max(0, len(history) - first_averaged)
    for epoch in range(len(history), epochs):
        descent.read.hold(epoch_images[epoch % len(epoch_images)])
        set_training_mode(model)
        torch.manual_seed((epoch + 1) << 32 | seed)  # so that dropout draws the same after an interruption
        done = epoch * steps_an_epoch + np.arange(steps_an_epoch)  # steps before each of the epoch
        rates = [rate_at((before + 0.5) / (epochs * steps_an_epoch), optimisation) for before in done]
        order = [torch.from_numpy(chosen).to(device) for chosen in batches(len(labels), descent.together, seed, epoch)]
        train_loss, train_error = loss_and_error(descent.through(order, rates), targets[torch.cat(order)], loss_of)
        if epoch >= first_averaged:
            average.add()
        with average.in_place():
            validation_loss, validation_error = evaluate(model, *validation, loss_of)
        row = [epoch + 1, rates[-1], train_loss, train_error, validation_loss, validation_error]
        history.append(dict(zip(HISTORY_COLUMNS, row, strict=True)))
        require_finite(history[-1], optimisation)
        progress(
            f"epoch {epoch + 1}/{epochs}  loss {train_loss:.4f}  training error {train_error:.2f}%  "
            f"validation error {validation_error:.2f}%"
        )
        if checkpoint and epoch + 1 < epochs:
            checkpoint.save(state, history)
    average.keep()
    return history


def require_finite(epoch: Mapping[str, float], optimisation: Mapping[str, Any]) -> None:
    """Raise InputError unless the losses of an epoch, given as its row of the history, are numbers."""
    loss = epoch["train_loss"] + epoch["validation_loss"]
    if not math.isfinite(loss):
        raise InputError(
            f"training diverged: the loss of epoch {epoch['epoch']} is {loss} at learning rate "
            f"{epoch['learning_rate']:.4g}; lower `learning_rate` (now {optimisation['learning_rate']}) in the config"
        )


def set_training_mode(model: nn.Module) -> None:
    """Training mode, except for layers whose weights are all frozen, so that their running moments stay as they are."""
    model.train()
    for layer in model.modules():
        weights = list(layer.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            layer.eval()


def training_state(model: nn.Module, optimiser: NesterovSGD, average: WeightAverage) -> dict[str, Tensor]:
    """The tensors that change while a model is trained, by name; not copies."""
    velocities = {f"velocity/{number}": velocity for number, velocity in enumerate(optimiser.velocities)}
    means = {f"mean/{name}": mean for name, mean in average.means.items()}
    return {name: tensor.detach() for name, tensor in model.state_dict().items()} | velocities | means


def predict(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Logits float32 (n, classes) of uint8 (n, h, w) images, in evaluation mode, on the model's device."""
    model.eval()
    device = device_of(model)
    read = Inputs(device)
    read.hold(images)
    places = torch.arange(len(images), device=device)
    with torch.inference_mode():
        logits = [model(read(batch)) for batch in places.split(evaluation_batch(device))]
    return torch.cat(logits).cpu().numpy()


def evaluate(
    model: nn.Module, images: np.ndarray, labels: np.ndarray, loss_of: Callable[[Tensor, Tensor], Tensor]
) -> tuple[float, float]:
    """Mean loss, and error in percent, of uint8 (n, h, w) images with labels uint8 (n,)."""
    logits = torch.from_numpy(predict(model, images))
    return loss_and_error(logits, torch.from_numpy(labels.astype(np.int64)), loss_of)


def loss_and_error(logits: Tensor, labels: Tensor, loss_of: Callable[[Tensor, Tensor], Tensor]) -> tuple[float, float]:
    """Mean loss, and error in percent, of logits (n, classes) with labels (n,)."""
    return loss_of(logits, labels).item(), 100 * (logits.argmax(dim=1) != labels).double().mean().item()
