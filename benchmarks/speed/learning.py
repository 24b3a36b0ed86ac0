"""Training and evaluating: ours, and the loops that a PyTorch user writes.

The plain loop holds the training set as float32 tensors, made before the clock starts, and takes batches by index. The
tutorial loop has a Dataset and a DataLoader, and distorts each image with torchvision when it is read. All start each
call from fresh weights, run one epoch with the optimisation of config.yaml, and evaluate the same validation images at
its end. Ours also records losses and errors; the peers do not.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from invariance.learning.training import one_thread, predict, train
from invariance.networks.building import build_model, for_inference
from speed import operations
from speed.data import settings_of, tiled_digits, validation_digits
from speed.distorting import ALPHA, SIGMA, batched_opencv, ours_elastic
from speed.harness import Contender, Task
from speed.networks import NETWORKS, VARIANTS
from speed.products import products_alone
from speed.report import ONE_BY_ONE, PLAIN

# Images of one call: about a second each, for the ordinary PyTorch loop on one core of 2023.
TRAINED = {"simard_cnn": 12_800, "mlp": 19_200, "stn": 5_120, "max_pool_fc": 2_560, "avg_pool_fc": 2_560}
TRAINED |= {"blur_pool_fc": 2_560, "polyphase_gap_circular": 2_560}
TUTORIAL = 256
EVALUATION_BATCH = 500
SMALL_BATCH = 128  # whose activations are more likely to stay in the cache


def images_of(model: str, share: float) -> int:
    """Images of one call: whole batches, at least two."""
    return max(256, int(TRAINED.get(model, 5_120) * share) // 128 * 128)


def floats(images: np.ndarray) -> Tensor:
    """Float32 (n, 1, h, w), background 0 and ink up to 1."""
    return torch.from_numpy(images).unsqueeze(1).float().div(255)


def integers(labels: np.ndarray) -> Tensor:
    """Labels as int64 tensors."""
    return torch.from_numpy(labels.astype(np.int64))


def our_model(settings: dict) -> Callable[[], nn.Module]:
    """Prepare ours: the thread and the algorithms of scripts/train.py, and fresh weights."""

    def prepare() -> nn.Module:
        one_thread()
        torch.manual_seed(0)
        return build_model(settings["model"], settings["canvas"])

    return prepare


def our_model_for_inference(settings: dict) -> Callable[[], nn.Module]:
    """Prepare ours as scripts/evaluate.py does."""
    fresh = our_model(settings)
    return lambda: for_inference(fresh())


def plain_model(network: Callable[[int], nn.Module], canvas: int) -> Callable[[], nn.Module]:
    """Prepare a peer: fresh weights, and no demand for deterministic algorithms, which may cost time."""

    def prepare() -> nn.Module:
        torch.use_deterministic_algorithms(False)
        torch.manual_seed(0)
        return network(canvas)

    return prepare


# ---------------------------------------------------------------------------------------------------------------------
# Training


def training_tasks(share: float) -> list[Task]:
    """One task per network, and two for Simard's: with its images distorted afresh, and in batches of one."""
    return [*(training_task(model, share) for model in NETWORKS), distorted_task(share), one_by_one_task(share)]


def epochs(
    images: np.ndarray, labels: np.ndarray, canvas: int, optimisation: dict
) -> tuple[Callable[[nn.Module], None], Callable[[nn.Module], None]]:
    """One epoch of a network on these images, as ours trains it and as the plain loop does."""
    validation = validation_digits(canvas)
    inputs, targets = floats(images), integers(labels)
    checks = floats(validation[0]), integers(validation[1])

    def ours(network: nn.Module) -> None:
        train(network, [images], labels, validation, optimisation, 0)

    def plain(network: nn.Module) -> None:
        plain_epoch(network, inputs, targets, checks, optimisation)

    return ours, plain


def training_task(model: str, share: float) -> Task:
    """One epoch of one network."""
    settings = settings_of(model)
    canvas, optimisation = settings["canvas"], settings["optimisation"]
    images, labels = tiled_digits(images_of(model, share), canvas)
    ours, plain = epochs(images, labels, canvas, optimisation)
    contenders = [
        Contender("ours", ours, len(images), our_model(settings)),
        Contender(PLAIN, plain, len(images), plain_model(NETWORKS[model], canvas)),
        products_alone(our_model(settings), canvas, optimisation["batch"], len(images)),
    ]
    if model in VARIANTS:
        name, network = VARIANTS[model]
        contenders.append(Contender(name, plain, len(images), plain_model(network, canvas)))
    return Task(model, contenders, *operations.training(NETWORKS[model](canvas), canvas, optimisation["batch"]))


def distorted_task(share: float) -> Task:
    """One epoch of Simard's network, whose images are distorted elastically for it."""
    settings = settings_of("simard_cnn")
    canvas, optimisation = settings["canvas"], settings["optimisation"]
    images, labels = tiled_digits(images_of("simard_cnn", share), canvas)
    validation = validation_digits(canvas)
    targets, checks = integers(labels), (floats(validation[0]), integers(validation[1]))
    few = min(len(images), max(32, int(TUTORIAL * share)))

    def ours(network: nn.Module) -> None:
        train(network, [ours_elastic(images)], labels, validation, optimisation, 0)

    def plain(network: nn.Module) -> None:
        plain_epoch(network, floats(batched_opencv(images)), targets, checks, optimisation)

    def tutorial(network: nn.Module) -> None:
        tutorial_epoch(network, images[:few], labels[:few], checks, optimisation)

    peer = plain_model(NETWORKS["simard_cnn"], canvas)
    work = operations.training(NETWORKS["simard_cnn"](canvas), canvas, optimisation["batch"])
    distortion = operations.elastic(canvas)
    return Task(
        "simard_cnn, distorting",
        [
            Contender("ours", ours, len(images), our_model(settings), facts={"note": "a fresh copy, then the epoch"}),
            Contender(
                PLAIN,
                plain,
                len(images),
                peer,
                facts={"note": "the same with the fastest peer of distorting, NumPy and OpenCV, batched"},
            ),
            Contender(
                "PyTorch tutorial",
                tutorial,
                few,
                peer,
                facts={"note": "DataLoader without workers, torchvision v2 ElasticTransform image by image"},
            ),
        ],
        work.flops + distortion.flops,
        work.moved + distortion.moved,
    )


def one_by_one_task(share: float) -> Task:
    """One epoch of Simard's network in batches of one image, for which ours has a loop of its own."""
    settings = settings_of("simard_cnn")
    canvas, optimisation = settings["canvas"], settings["optimisation"]
    optimisation |= {"batch": 1, "learning_rate": optimisation["learning_rate"] / optimisation["batch"]}
    images, labels = tiled_digits(images_of("simard_cnn", share), canvas)
    few = max(32, len(images) // 16)
    ours, _ = epochs(images, labels, canvas, optimisation)
    _, plain = epochs(images[:few], labels[:few], canvas, optimisation)
    peer = plain_model(NETWORKS["simard_cnn"], canvas)
    contenders = [Contender("ours", ours, len(images), our_model(settings)), Contender(PLAIN, plain, few, peer)]
    return Task(ONE_BY_ONE, contenders, *operations.training(NETWORKS["simard_cnn"](canvas), canvas, 1))


def plain_epoch(
    network: nn.Module, images: Tensor, labels: Tensor, validation: tuple[Tensor, Tensor], optimisation: dict
) -> float:
    """One epoch over tensors in memory; returns the validation error in percent."""
    optimiser, schedule = plain_optimiser(network, len(images), optimisation)
    network.train()
    for batch in torch.randperm(len(images)).split(optimisation["batch"]):
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return plain_error(network, *validation)


def plain_optimiser(
    network: nn.Module, images: int, optimisation: dict
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Nesterov momentum, and one cycle of the learning rate over `images`."""
    rate = optimisation["learning_rate"]
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=rate,
        momentum=optimisation["momentum"],
        weight_decay=optimisation["weight_decay"],
        nesterov=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=rate,
        total_steps=max(10, -(-images // optimisation["batch"])),  # with fewer, it divides by 0
        pct_start=optimisation["warmup"],
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    return optimiser, schedule


def plain_error(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Error in percent."""
    network.eval()
    with torch.no_grad():
        return 100 * (network(images).argmax(1) != labels).float().mean().item()


class Digits(Dataset):
    """Images with their labels, each transformed when it is read."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, transform: v2.Transform) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), int(self.labels[index])


def tutorial_epoch(
    network: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    validation: tuple[Tensor, Tensor],
    optimisation: dict,
) -> float:
    """One epoch as in PyTorch's tutorials; returns the validation error in percent."""
    transform = v2.Compose(
        [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.ElasticTransform(alpha=2.0 * ALPHA, sigma=float(SIGMA)),
        ]
    )
    loader = DataLoader(Digits(images, labels, transform), optimisation["batch"], shuffle=True, num_workers=0)
    optimiser, schedule = plain_optimiser(network, len(images), optimisation)
    network.train()
    for inputs, targets in loader:
        loss = F.cross_entropy(network(inputs), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return plain_error(network, *validation)


# ---------------------------------------------------------------------------------------------------------------------
# Evaluating


def evaluating_tasks(share: float) -> list[Task]:
    """One task per network."""
    return [evaluating_task(model, share) for model in NETWORKS]


def evaluating_task(model: str, share: float) -> Task:
    """The logits of one network."""
    settings = settings_of(model)
    canvas = settings["canvas"]
    images, _ = tiled_digits(images_of(model, share), canvas)
    inputs = floats(images)

    def ours(network: nn.Module) -> None:
        predict(network, images)

    def plain(network: nn.Module) -> None:
        plain_predict(network, inputs, EVALUATION_BATCH)

    def plain_small(network: nn.Module) -> None:
        plain_predict(network, inputs, SMALL_BATCH)

    prepare = plain_model(NETWORKS[model], canvas)
    contenders = [
        Contender("ours", ours, len(images), our_model_for_inference(settings)),
        Contender(PLAIN, plain, len(images), prepare),
        Contender(f"{PLAIN}, batches of {SMALL_BATCH}", plain_small, len(images), prepare),
        products_alone(our_model_for_inference(settings), canvas, SMALL_BATCH, len(images)),
    ]
    if model in VARIANTS:
        name, network = VARIANTS[model]
        contenders.append(Contender(name, plain, len(images), plain_model(network, canvas)))
    return Task(model, contenders, *operations.evaluating(NETWORKS[model](canvas), canvas, EVALUATION_BATCH))


def plain_predict(network: nn.Module, images: Tensor, batch: int) -> Tensor:
    """Logits."""
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(one) for one in images.split(batch)])
