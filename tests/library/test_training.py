"""Training against a loop written by hand, to the same bytes every time; weights on disk."""

import hashlib
import json
import math
import os
import random
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

import train as train_script
from invariance.data.digits import read_digits
from invariance.layers import images_last
from invariance.learning import training
from invariance.learning.training import (
    as_input,
    batches,
    evaluate,
    predict,
    rate_at,
    squared_error,
    train,
)
from invariance.learning.weights import load_weights, save_weights
from invariance.networks.building import build_model, train_part
from invariance.record.artefacts import InputError, sha256_of
from judging import TRAINED
from running import ROOT

OPTIMISATION = {
    "epochs": 3,
    "batch": 16,
    "learning_rate": 0.1,
    "schedule": "one_cycle",
    "warmup": 0.2,
    "averaging": 0.0,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "loss": "cross_entropy",
}
TRUNK = {
    "family": "trunk",
    "channels": [2, 3],
    "downsampling": "blur_pool",
    "padding": "circular",
    "head": "gap",
}
SIDE = 12


@pytest.fixture(autouse=True)
def _one_thread():
    training.one_thread()


def blobs(count: int, seed: int = 0, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright square whose place tells the class, in noise: uint8 (n, side, side), and labels."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % 10
    images = generator.integers(0, 60, (count, side, side), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 4)
        image[3 * row : 3 * row + 3, 3 * column : 3 * column + 3] = 255
    return images, labels


def small_model(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_model({"family": "mlp", "hidden": 12}, SIDE)


def weights_of(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy().copy() for name, tensor in model.state_dict().items()}


def same(first: nn.Module, second: nn.Module) -> bool:
    """Whether all weights and buffers are the same to the bit."""
    one, other = weights_of(first), weights_of(second)
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def trained(copies=None, initial: int = 0, seed: int = 0, count: int = 50, **changes) -> tuple[nn.Module, list]:
    """A small model trained on blobs, of which the last batch is smaller than the others."""
    images, labels = blobs(count)
    model = small_model(initial)
    history = train(model, copies or [images], labels, blobs(20, seed=9), OPTIMISATION | changes, seed)
    return model, history


# ----------------------------------------------------------------------------------------------------------------------
# Schedule and order


def rate(schedule: str, position: float, warmup: float, peak: float = 1.0, **more) -> float:
    return rate_at(position, {"schedule": schedule, "warmup": warmup, "learning_rate": peak} | more)


@pytest.mark.parametrize(("steps", "warmup"), [(100, 0.2), (10, 0.5), (7, 0.25), (5, 0.0), (8, 1.0), (1, 0.2)])
def test_one_cycle_is_piecewise_linear(steps, warmup):
    """Against numpy's interpolation through (0, 0), (warmup, peak), (1, 0), at the middle of each step."""
    corners = {0.0: [0, warmup, 1], 1.0: [0, 1]}.get(warmup, [0, warmup, 1])
    rates = {0.0: [0.3, 0.3, 0], 1.0: [0, 0.3]}.get(warmup, [0, 0.3, 0])
    expected = np.interp((np.arange(steps) + 0.5) / steps, corners, rates)
    got = [rate("one_cycle", (step + 0.5) / steps, warmup, 0.3) for step in range(steps)]
    np.testing.assert_allclose(got, expected, atol=1e-15)


def test_one_cycle_peaks_where_the_warmup_ends():
    rates = np.array([rate("one_cycle", (step + 0.5) / 1000, 0.2, 0.1) for step in range(1000)])
    assert rates.max() == pytest.approx(0.1, rel=0.01)
    assert rates.max() <= 0.1
    assert np.argmax(rates) in (199, 200)
    assert 0 < rates[0] < 0.001
    assert 0 < rates[-1] < 0.001
    assert rates.mean() == pytest.approx(0.05)  # the area of a triangle
    assert (np.diff(rates[:200]) > 0).all()
    assert (np.diff(rates[200:]) < 0).all()


@pytest.mark.parametrize("warmup", [0.0, 0.25, 1.0])
def test_a_constant_rate_rises_in_a_line_and_stays(warmup):
    positions = (np.arange(40) + 0.5) / 40
    expected = np.minimum(positions / warmup, 1) if warmup else np.ones(40)
    np.testing.assert_allclose([rate("constant", position, warmup) for position in positions], expected, atol=1e-15)


def test_a_rate_in_steps_is_that_of_simard():
    """0.005 times 0.3 for every hundred epochs of four hundred, which rise over the first hundredth."""
    rates = [rate("steps", (epoch + 0.5) / 400, 0.01, 0.005, plateaus=4) for epoch in range(400)]
    assert rates[4:] == pytest.approx([0.005 * 0.3 ** (epoch // 100) for epoch in range(4, 400)])
    assert rates[:4] == pytest.approx([0.005 * (epoch + 0.5) / 4 for epoch in range(4)])


@settings(max_examples=50, deadline=None)
@given(images=st.integers(1, 200), size=st.integers(1, 64), seed=st.integers(0, 2**40), epoch=st.integers(0, 500))
def test_an_epoch_reads_each_image_once(images, size, seed, epoch):
    parts = list(batches(images, size, seed, epoch))
    assert sorted(np.concatenate(parts).tolist()) == list(range(images))
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert 1 <= len(parts[-1]) <= size


def test_the_order_differs_by_epoch_and_by_seed():
    orders = {tuple(next(batches(100, 100, seed, epoch)).tolist()) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    assert tuple(range(100)) not in orders


def test_the_order_is_that_of_philox():
    """Fixed for good: another order would silently change every trained model."""
    expected = np.random.Generator(np.random.Philox(key=np.array([5, 2], dtype=np.uint64))).permutation(10)
    assert np.concatenate(list(batches(10, 3, seed=5, epoch=2))).tolist() == expected.tolist()


# ----------------------------------------------------------------------------------------------------------------------
# Inputs and losses


def test_input_is_scaled_from_background_to_full_ink():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    tensor = as_input(images)
    assert tensor.shape == (1, 1, 16, 16)
    assert tensor.dtype == torch.float32
    assert (tensor.min().item(), tensor.max().item()) == (0.0, 1.0)
    np.testing.assert_allclose(tensor.numpy()[0, 0], images[0] / 255, rtol=1e-7)


def test_input_of_a_view_reads_the_view_and_changes_nothing():
    images = blobs(3)[0]
    kept = images.copy()
    turned = as_input(images.transpose(0, 2, 1))
    np.testing.assert_allclose(turned[:, 0], kept.transpose(0, 2, 1) / 255, rtol=1e-6)
    assert np.array_equal(images, kept)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 20), scale=st.sampled_from([0.01, 1.0, 30.0]))
def test_losses_are_those_of_numpy(seed, count, scale):
    generator = np.random.default_rng(seed)
    logits, labels = scale * generator.normal(size=(count, 10)), generator.integers(0, 10, count)
    entropies, squares = [], []
    for row, label in zip(logits, labels, strict=True):
        shifted = row - row.max()
        entropies.append(np.log(np.exp(shifted).sum()) - shifted[label])
        squares.append(sum((value - (place == label)) ** 2 for place, value in enumerate(row)) / 2)
    tensors = torch.from_numpy(logits), torch.from_numpy(labels)
    assert cross_entropy(*tensors).item() == pytest.approx(np.mean(entropies), rel=1e-9)
    assert squared_error(*tensors).item() == pytest.approx(np.mean(squares), rel=1e-9)


def test_squared_error_of_certain_answers():
    """0 for the one-hot answer, and 1 for a wrong one: two numbers of ten are off by 1."""
    answers = torch.eye(10)[[3, 4]]
    assert squared_error(answers, torch.tensor([3, 4])).item() == 0
    assert squared_error(answers, torch.tensor([4, 3])).item() == 1


def test_the_configs_names_of_losses():
    assert {"cross_entropy": cross_entropy, "mse": squared_error} == training.LOSSES


# ----------------------------------------------------------------------------------------------------------------------
# Training


def by_hand(
    copies: list[np.ndarray], labels: np.ndarray, seed: int, optimisation: dict
) -> tuple[list[np.ndarray], list[float]]:
    """The MLP of `small_model`, trained in float64 numpy: weights, and the mean loss of each epoch."""
    first, first_bias, second, second_bias = (
        parameter.detach().numpy().astype(np.float64) for parameter in small_model().parameters()
    )
    parameters = [first.copy(), first_bias.copy(), second.copy(), second_bias.copy()]
    velocities = [np.zeros_like(parameter) for parameter in parameters]
    epochs, batch, momentum = (optimisation[name] for name in ("epochs", "batch", "momentum"))
    steps, step, losses = epochs * -(-len(labels) // batch), 0, []
    for epoch in range(epochs):
        order = np.random.Generator(np.random.Philox(key=np.array([seed, epoch], dtype=np.uint64)))
        order, total = order.permutation(len(labels)), 0.0
        for start in range(0, len(labels), batch):
            chosen = order[start : start + batch]
            x = copies[epoch % len(copies)][chosen].reshape(len(chosen), -1) / 255
            hidden = x @ parameters[0].T + parameters[1]
            active = np.maximum(hidden, 0)
            logits = active @ parameters[2].T + parameters[3]
            target = np.eye(10)[labels[chosen]]
            if optimisation["loss"] == "mse":
                total += ((logits - target) ** 2).sum() / 2
                delta = (logits - target) / len(chosen)
            else:
                chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
                total -= np.log((chances * target).sum(axis=1)).sum()
                delta = (chances - target) / len(chosen)
            below = (delta @ parameters[2]) * (hidden > 0)
            gradients = [below.T @ x, below.sum(axis=0), delta.T @ active, delta.sum(axis=0)]
            rate = optimisation["learning_rate"] * np.interp(
                (step + 0.5) / steps, [0, optimisation["warmup"], 1], [0, 1, 0]
            )
            for parameter, velocity, gradient in zip(parameters, velocities, gradients, strict=True):
                gradient = gradient + optimisation["weight_decay"] * parameter
                velocity *= momentum
                velocity += gradient
                parameter -= rate * (gradient + momentum * velocity)
            step += 1
        losses.append(total / len(labels))
    return parameters, losses


@pytest.mark.parametrize(
    "changes",
    [{}, {"weight_decay": 0.01}, {"momentum": 0.0}, {"loss": "mse", "learning_rate": 0.02}, {"batch": 50}],
    ids=str,
)
def test_training_is_nesterovs_descent_as_written_by_hand(changes):
    images, labels = blobs(50)
    copies = [images, 255 - images]
    model, history = trained(copies, **changes)
    parameters, losses = by_hand(copies, labels, 0, OPTIMISATION | changes)
    for got, expected in zip(model.parameters(), parameters, strict=True):
        np.testing.assert_allclose(got.detach().numpy(), expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose([row["train_loss"] for row in history], losses, rtol=1e-5)
    assert not same(model, small_model())


@pytest.mark.parametrize("change", [{"memory_format": torch.channels_last}, {"dtype": torch.bfloat16}])
def test_descent_takes_weights_of_any_order_and_type(change):
    """Those of a user's network may lie in memory as no NumPy array does."""
    theirs, ours = (nn.Conv2d(3, 4, 3).to(**change) for _ in range(2))
    ours.load_state_dict(theirs.state_dict())
    torchs = torch.optim.SGD(theirs.parameters(), 0.1, 0.9, weight_decay=0.01, nesterov=True)
    descent = training.NesterovSGD(ours.parameters(), 0.9, 0.01)
    images = torch.rand(2, 3, 8, 8).to(next(ours.parameters()).dtype)
    for model, step in ((theirs, torchs.step), (ours, lambda: descent.step(0.1))):
        model(images).square().mean().backward()
        step()
    for first, second in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.9, 0.0), (0.9, 0.01), (0.0, 0.0), (0.0, 0.1)])
def test_descent_is_torchs(momentum, weight_decay):
    images, labels = blobs(48)
    ours, plain, theirs = (small_model().double() for _ in range(3))
    descent = training.NesterovSGD(ours.parameters(), momentum, weight_decay)
    plain_descent = training.NesterovSGD(plain.parameters(), momentum, weight_decay)
    plain_descent.update = plain_descent.plain_update
    nesterov = momentum > 0
    torchs = torch.optim.SGD(theirs.parameters(), 0.0, momentum, weight_decay=weight_decay, nesterov=nesterov)
    for step, rate in enumerate([0.01, 0.1, 0.3, 0.05, 0.001, 0.2]):
        chosen = slice(8 * step, 8 * step + 8)
        for model in (ours, plain, theirs):
            logits = model(as_input(images[chosen]).double())
            cross_entropy(logits, torch.from_numpy(labels[chosen].astype(np.int64))).backward()
        descent.step(rate)
        plain_descent.step(rate)
        torchs.param_groups[0]["lr"] = rate
        torchs.step()
        torchs.zero_grad()
        for first, second, third in zip(ours.parameters(), plain.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(first, third, rtol=1e-13, atol=1e-15)
            torch.testing.assert_close(second, third, rtol=1e-13, atol=1e-15)
    assert not same(ours, small_model().double())


def test_training_learns():
    _, history = trained(epochs=12)
    assert history[0]["train_error"] > 50
    assert history[-1]["train_error"] < 5
    assert history[-1]["validation_error"] < 5


def test_training_is_bit_identical_when_repeated():
    (first, history), (second, again) = trained(), trained()
    assert same(first, second)
    assert history == again
    assert not same(first, trained(seed=1)[0])  # the order of the images
    assert not same(first, trained(initial=1)[0])  # the initial weights


def test_training_draws_on_no_global_state():
    images, labels = blobs(50)
    models = []
    for noise in (1, 2):
        model = small_model()
        torch.manual_seed(noise)
        random.seed(noise)
        train(model, [images], labels, (images, labels), OPTIMISATION, 0)
        models.append(model)
    assert same(*models)


def digest(model: nn.Module) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in weights_of(model).values())).hexdigest()


def test_training_is_the_same_in_another_process_with_another_hash_seed():
    """Sets and dicts of strings are ordered by PYTHONHASHSEED; nothing may depend on it."""
    code = "import test_training as t; t.training.one_thread(); print(t.digest(t.trained()[0]))"
    path = os.pathsep.join(str(ROOT / folder) for folder in ("tests/library", "tests", "scripts"))
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == digest(trained()[0])


class Spy:
    """Copies of a training set that note which of them was read."""

    def __init__(self, copies: list[np.ndarray]) -> None:
        self.copies = copies
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.copies)

    def __getitem__(self, number: int) -> np.ndarray:
        self.read.append(number)
        return self.copies[number]


@pytest.mark.parametrize(("copies", "expected"), [(1, [0] * 5), (2, [0, 1, 0, 1, 0]), (3, [0, 1, 2, 0, 1])])
def test_epochs_cycle_through_the_copies(copies, expected):
    spy = Spy([blobs(50, seed)[0] for seed in range(copies)])
    trained(spy, epochs=5)
    assert spy.read == expected


def test_history_has_its_columns_and_the_schedule():
    images, labels = blobs(50)
    validation = blobs(20, seed=9)
    model, history = trained([images])
    assert [list(row) for row in history] == [training.HISTORY_COLUMNS] * 3
    assert [row["epoch"] for row in history] == [1, 2, 3]
    steps = 3 * math.ceil(50 / 16)
    last = [rate("one_cycle", (epoch * 4 - 0.5) / steps, 0.2, 0.1) for epoch in (1, 2, 3)]
    assert [row["learning_rate"] for row in history] == pytest.approx(last)
    logits = predict(model, validation[0])
    assert history[-1]["validation_error"] == pytest.approx(
        100 * np.mean([row.argmax() != label for row, label in zip(logits, validation[1], strict=True)])
    )
    assert history[-1]["validation_loss"] == pytest.approx(
        cross_entropy(torch.from_numpy(logits), torch.from_numpy(validation[1].astype(np.int64))).item()
    )
    assert len(labels) == 50


@pytest.mark.parametrize(("averaging", "averaged"), [(0.5, 3), (1.0, 6), (0.2, 1), (0.05, 0)])
def test_averaging_gives_the_mean_of_the_weights_after_the_last_epochs(averaging, averaged, monkeypatch):
    """Against the mean, in float64, of what a training that averages nothing has after each epoch."""
    images, _ = blobs(50)
    own, seen = [], training.evaluate

    def noting(model, *rest):
        own.append({name: tensor.double() for name, tensor in model.state_dict().items()})
        return seen(model, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(training, "evaluate", noting)
        _, own_history = trained([images], epochs=6, schedule="constant")
    model, history = trained([images], epochs=6, schedule="constant", averaging=averaging)
    assert [row["train_loss"] for row in history] == [row["train_loss"] for row in own_history]
    for name, tensor in model.state_dict().items():
        last = torch.stack([weights[name] for weights in own[-max(averaged, 1) :]])
        np.testing.assert_allclose(tensor, last.mean(dim=0), rtol=1e-5, atol=1e-7)
    assert history[-1]["validation_loss"] == evaluate(model, *blobs(20, seed=9), cross_entropy)[0]
    assert (history[-1]["validation_loss"] == own_history[-1]["validation_loss"]) == (averaged < 2)


def test_validation_images_choose_nothing():
    images, labels = blobs(50)
    models = []
    for validation in (blobs(20, seed=1), blobs(30, seed=2)):
        torch.manual_seed(0)
        model = build_model(TRUNK, SIDE)  # batch norm would learn from them, were it left in training mode
        train(model, [images], labels, validation, OPTIMISATION, 0)
        models.append(model)
    assert same(*models)


def test_divergence_is_told_with_epoch_and_learning_rate():
    with pytest.raises(InputError, match=r"diverged.*epoch \d.*learning rate.*lower `learning_rate` \(now 1e\+30\)"):
        trained(learning_rate=1e30, loss="mse")


def test_divergence_in_the_very_last_step_is_told_as_well():
    """The loss is measured before each step, so that only the validation images can tell of the last one."""
    with pytest.raises(InputError, match="diverged"):
        trained(learning_rate=1e38, loss="mse", epochs=1, batch=50)


class DrawsAndFreezes(nn.Module):
    """What a user's network may be: with dropout, with a frozen parameter, and with one that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(SIDE**2, 10)
        self.frozen = nn.Parameter(torch.ones(10), requires_grad=False)
        self.idle = nn.Parameter(torch.ones(10))

    def forward(self, images):
        return self.layer(nn.functional.dropout(images.flatten(1), 0.5, self.training)) * self.frozen


def test_what_a_network_draws_is_fixed_by_seed_and_epoch():
    """Draws before the epoch do not matter: a resumed training has drawn nothing yet."""
    images, labels = blobs(50)
    models = []
    for noise in (1, 2):
        torch.manual_seed(0)
        model = DrawsAndFreezes()
        torch.manual_seed(noise)
        train(model, [images], labels, (images, labels), OPTIMISATION | {"weight_decay": 0.1}, 0)
        models.append(model)
    assert same(*models)
    assert models[0].frozen.tolist() == models[0].idle.tolist() == [1] * 10
    torch.manual_seed(0)
    assert not np.array_equal(models[0].layer.weight.detach(), DrawsAndFreezes().layer.weight.detach())


# ----------------------------------------------------------------------------------------------------------------------
# Devices


def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training.find_device("auto").type == training.find_device("cpu").type == "cpu"
    with pytest.raises(InputError, match=r"device: cuda, but PyTorch finds no CUDA GPU.*use cpu or auto"):
        training.find_device("cuda")


def test_with_a_gpu_auto_takes_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training.find_device("auto").type == training.find_device("cuda").type == "cuda"
    assert training.find_device("cpu").type == "cpu"


def test_images_resident_on_a_device_are_read_as_on_the_cpu():
    images, chosen = blobs(9)[0], np.array([7, 0, 3])
    read = training.Inputs(torch.device("meta"))
    read.hold(images)
    place, resident = read.images, read(torch.from_numpy(chosen))
    assert resident.device.type == "meta"
    assert (resident.shape, resident.dtype) == (as_input(images[chosen]).shape, torch.float32)
    read.hold(images[::-1])
    assert read.images is place


@pytest.mark.parametrize("name", TRAINED)
def test_training_by_torch_alone_is_the_same(name, monkeypatch):
    """What a GPU runs, run here: five steps by the layers' plain methods against five by the compiled loops."""
    images, labels = blobs(40, side=32)
    optimisation = OPTIMISATION | {"epochs": 1, "batch": 8, "learning_rate": 0.01}
    weights = []
    for use_compiled in (True, False):
        monkeypatch.setattr(images_last, "on_cpu", lambda maps, answer=use_compiled: answer)
        monkeypatch.setattr(training, "on_cpu", lambda maps, answer=use_compiled: answer)
        torch.manual_seed(5)
        model = build_model(TRAINED[name], 32).double()
        monkeypatch.setattr(training, "as_input", lambda images: as_input(images).double())
        train(model, [images], labels, (images, labels), optimisation, 0)
        weights.append(weights_of(model))
    for name, array in weights[0].items():
        np.testing.assert_allclose(weights[1][name], array, rtol=1e-8, atol=1e-10, err_msg=name)


# ----------------------------------------------------------------------------------------------------------------------
# Predicting


@pytest.fixture(scope="module")
def normed() -> nn.Module:
    """A trained model with batch norm, the layer that lets images of a batch touch each other in training mode."""
    training.one_thread()
    torch.manual_seed(0)
    model = build_model(TRUNK, SIDE)
    images, labels = blobs(50)
    train(model, [images], labels, (images, labels), OPTIMISATION, 0)
    return model


def test_predictions_do_not_depend_on_the_batch(normed, monkeypatch):
    images = blobs(23, seed=3)[0]
    whole = predict(normed, images)
    assert whole.shape == (23, 10)
    assert whole.dtype == np.float32
    singles = np.concatenate([predict(normed, images[[place]]) for place in range(23)])
    np.testing.assert_allclose(whole, singles, rtol=0, atol=1e-6)
    monkeypatch.setattr(training, "EVALUATION_BATCH", 7)
    np.testing.assert_allclose(predict(normed, images), whole, rtol=0, atol=1e-6)


def test_predicting_changes_nothing(normed):
    before = weights_of(normed)
    normed.train()
    predict(normed, blobs(10)[0])
    assert all(np.array_equal(before[name], array) for name, array in weights_of(normed).items())


def test_evaluate_is_the_mean_over_all_images(normed, monkeypatch):
    images, labels = blobs(23, seed=4)
    logits = predict(normed, images)
    wrong = sum(int(row.argmax() != label) for row, label in zip(logits, labels, strict=True))
    loss = np.mean([cross_entropy(torch.from_numpy(logits[[i]]), torch.tensor([int(labels[i])])) for i in range(23)])
    monkeypatch.setattr(training, "EVALUATION_BATCH", 10)
    assert evaluate(normed, images, labels, cross_entropy) == pytest.approx((loss, 100 * wrong / 23), rel=1e-5)


# ----------------------------------------------------------------------------------------------------------------------
# Weights on disk


def test_weights_come_back_to_the_bit(normed, tmp_path):
    save_weights(normed, tmp_path / "folder" / "weights.safetensors")
    torch.manual_seed(99)
    other = build_model(TRUNK, SIDE)
    assert not same(normed, other)
    load_weights(other, tmp_path / "folder" / "weights.safetensors")
    assert same(normed, other)
    images = blobs(5)[0]
    assert predict(normed, images).tobytes() == predict(other, images).tobytes()


def test_same_weights_same_bytes(normed, tmp_path):
    for name in ("a", "b"):
        save_weights(normed, tmp_path / f"{name}.safetensors")
    assert sha256_of(tmp_path / "a.safetensors") == sha256_of(tmp_path / "b.safetensors")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


def damaged(content: bytes, how: str) -> bytes:
    flipped = bytes([content[20] ^ 0xFF])
    return {
        "truncated": content[:-7],
        "header only": content[:30],
        "empty": b"",
        "corrupt header": content[:20] + flipped + content[21:],
        "a web page": b"<!DOCTYPE html><html><body>Not found</body></html>",
    }[how]


@pytest.mark.parametrize("how", ["truncated", "header only", "empty", "corrupt header", "a web page"])
def test_damaged_weights_are_told(how, normed, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(normed, path)
    path.write_bytes(damaged(path.read_bytes(), how))
    with pytest.raises(InputError, match=r"weights\.safetensors: not the weights of this model.*delete it"):
        load_weights(normed, path)


def test_missing_weights_are_told(normed, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.safetensors: no such file"):
        load_weights(normed, tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize(
    "other",
    [{"family": "mlp", "hidden": 12}, TRUNK | {"channels": [2, 4]}, TRUNK | {"head": "fc"}],
    ids=["family", "width", "head"],
)
def test_weights_of_another_model_are_told(other, normed, tmp_path):
    save_weights(normed, tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match="not the weights of this model"):
        load_weights(build_model(other, SIDE), tmp_path / "weights.safetensors")


def test_a_pickle_is_never_loaded(normed, tmp_path):
    torch.save(normed.state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match="not the weights"):
        load_weights(normed, tmp_path / "weights.safetensors")


# ----------------------------------------------------------------------------------------------------------------------
# The script


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """120 of scikit-learn's digits with their labels, and two made-up copies of the first 80 on a canvas of 29."""
    folder = tmp_path_factory.mktemp("source")
    images, labels, _, _ = read_digits(train=100, validation=20, test=20)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    for copy in range(2):
        np.save(folder / f"copy-{copy}.npy", np.pad(images, ((0, 0), (1 - copy, copy), (0, 1))))
    return folder


def run_script(
    source: Path,
    folder: Path,
    seed: int = 0,
    copies: int = 0,
    images: str = "images",
    start: list[Path] | None = None,
    **special,
) -> Path:
    settings = special | {
        "canvas": 29,
        "train_images": 80,
        "validation_images": 20,
        "optimisation": OPTIMISATION | {"epochs": 2},
    }
    train_script.main(
        model={"family": "mlp", "hidden": 8},
        training=settings,
        seed=seed,
        images=source / f"{images}.npy",
        labels=source / "labels.npy",
        copies=[source / f"copy-{copy}.npy" for copy in range(copies)],
        start=start,
        weights=folder / "weights.safetensors",
        history=folder / "history.csv",
        card=folder / "card.json",
    )
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_script_writes_the_same_bytes_again(source, tmp_path):
    first = contents(run_script(source, tmp_path / "a", copies=2))
    assert first == contents(run_script(source, tmp_path / "b", copies=2))
    assert sorted(first) == ["card.json", "history.csv", "weights.safetensors"]
    others = [{"seed": 1, "copies": 2}, {"copies": 1}, {}]
    for number, other in enumerate(others):
        folder = run_script(source, tmp_path / str(number), **other)
        assert contents(folder)["weights.safetensors"] != first["weights.safetensors"]


def test_a_copy_takes_memory_only_while_an_epoch_reads_it(source):
    paths = [source / f"copy-{copy}.npy" for copy in range(2)]
    images = train_script.TrainingImages(paths, slice(80), np.load(source / "images.npy"))
    assert len(images) == 2
    read = images[1]
    assert np.array_equal(read, np.load(paths[1])[:80])
    mapped = weakref.ref(read.base)
    del read
    assert mapped() is None


def test_a_damaged_copy_is_told_before_the_first_epoch(source, tmp_path, capsys):
    damaged = tmp_path / "copy-1.npy"
    damaged.write_bytes((source / "copy-1.npy").read_bytes()[:-100])
    with pytest.raises(InputError, match=r"copy-1.npy: not a whole .npy file"):
        train_script.TrainingImages([source / "copy-0.npy", damaged], slice(80), np.load(source / "images.npy"))


def trained_by_hand(copies: list[np.ndarray], labels: np.ndarray, validation: tuple[np.ndarray, np.ndarray]) -> dict:
    """The weights that `run_script` gets with seed 0 if it trains on these."""
    torch.manual_seed(0)
    model = build_model({"family": "mlp", "hidden": 8}, 29)
    train(model, copies, labels, validation, OPTIMISATION | {"epochs": 2}, 0)
    return weights_of(model)


def weights_in(folder: Path) -> dict[str, np.ndarray]:
    model = build_model({"family": "mlp", "hidden": 8}, 29)
    load_weights(model, folder / "weights.safetensors")
    return weights_of(model)


def test_script_distorts_some_classes_only(source, tmp_path):
    images, labels = np.pad(np.load(source / "images.npy"), ((0, 0), (0, 1), (0, 1))), np.load(source / "labels.npy")
    copies = [np.load(source / f"copy-{copy}.npy")[:80].copy() for copy in range(2)]
    for copy in copies:
        for index in range(80):
            if labels[index] not in (0, 3, 4):
                copy[index] = images[index]
    expected = trained_by_hand(copies, labels[:80], (images[-20:], labels[-20:]))
    weights = weights_in(run_script(source, tmp_path, copies=2, classes=[0, 3, 4]))
    assert all(np.array_equal(weights[name], expected[name]) for name in expected)


def test_script_trains_to_tell_positions(source, tmp_path):
    images = np.pad(np.load(source / "images.npy"), ((0, 0), (0, 1), (0, 1)))
    images[:, :2], images[:, -2:], images[:, :, :2], images[:, :, -2:] = 0, 0, 0, 0
    np.save(source / "margins.npy", images[:, :28, :28])
    labels = np.arange(len(images), dtype=np.uint8) % 2
    placed = np.stack(
        [np.roll(image, (1, -1) if odd else (0, 0), (0, 1)) for image, odd in zip(images, labels, strict=True)]
    )
    expected = trained_by_hand([placed[:80]], labels[:80], (placed[-20:], labels[-20:]))
    weights = weights_in(run_script(source, tmp_path, images="margins", positions=[[0, 0], [-1, 1]]))
    assert all(np.array_equal(weights[name], expected[name]) for name in expected)


def test_script_writes_history_and_card(source, tmp_path):
    folder = run_script(source, tmp_path, copies=2)
    history = pd.read_csv(folder / "history.csv")
    assert list(history.columns) == training.HISTORY_COLUMNS
    assert history.epoch.tolist() == [1, 2]
    card = json.loads((folder / "card.json").read_text())
    assert card["parameters"] == 841 * 8 + 8 + 8 * 10 + 10
    assert card["final"]["validation_error"] == pytest.approx(history.validation_error.iloc[-1], rel=1e-6)
    assert sorted(Path(path).name for path in card["inputs"]) == [
        "copy-0.npy",
        "copy-1.npy",
        "images.npy",
        "labels.npy",
    ]
    assert card["inputs"][f"{source}/copy-1.npy"] == sha256_of(source / "copy-1.npy")


def test_script_trains_on_the_first_and_validates_on_the_last_images(source, tmp_path):
    """The images in between are neither: spoiling them changes nothing, spoiling the others does."""
    plain = run_script(source, tmp_path / "plain")
    images = np.load(source / "images.npy")
    spoilt = {}
    for name, place in {"train": 79, "between": 80, "before_last": 99, "validation": 100}.items():
        altered = images.copy()
        altered[place] = 255 - altered[place]
        np.save(source / f"{name}.npy", altered)
        spoilt[name] = run_script(source, tmp_path / name, images=name)
    weights = {name: sha256_of(folder / "weights.safetensors") for name, folder in spoilt.items()}
    unspoilt = sha256_of(plain / "weights.safetensors")
    assert weights["train"] != unspoilt
    assert {weights["between"], weights["before_last"], weights["validation"]} == {unspoilt}
    histories = {name: (folder / "history.csv").read_text() for name, folder in spoilt.items()}
    assert histories["between"] == histories["before_last"] == (plain / "history.csv").read_text()
    assert histories["validation"] != histories["between"]


# ----------------------------------------------------------------------------------------------------------------------
# Going on from other weights


def trunk_with(head: str) -> nn.Sequential:
    torch.manual_seed(5)
    options = {"channels": [2, 3, 4], "downsampling": "stride", "padding": "zeros", "head": head}
    return build_model({"family": "trunk", **options}, SIDE)


@pytest.mark.parametrize(("part", "trained"), [("all", 10), ("head", 4), ("last_layer", 2)])
def test_a_part_is_trained_and_the_rest_stays_bit_for_bit(part, trained):
    model = trunk_with("fc")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train_part(model, part)
    images, labels = blobs(60)
    train(model, [images], labels, (images, labels), OPTIMISATION, 0)
    changed = [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]
    weights = [name for name, _ in model.named_parameters()]
    assert [name for name in weights if name in changed] == (weights if part == "all" else weights[-trained:])
    if part != "all":  # the running moments of frozen layers stay too
        assert set(changed) <= set(weights)


def test_the_head_of_a_network_that_pools_globally_is_its_last_layer():
    models = {part: trunk_with("gap") for part in ("head", "last_layer")}
    for part, model in models.items():
        train_part(model, part)
    trainable = [[weight.requires_grad for weight in model.parameters()] for model in models.values()]
    assert trainable[0] == trainable[1]
    assert sum(trainable[0]) == 2


def test_a_network_that_is_no_sequence_has_no_parts():
    model = nn.ModuleList([nn.Linear(3, 3)])
    train_part(model, "all")
    for part in ("head", "last_layer"):
        with pytest.raises(InputError, match=f"trained_part: {part}: this network is no sequence of layers"):
            train_part(model, part)


def test_script_leaves_classes_out_and_goes_on_from_weights(source, tmp_path):
    images, labels = np.pad(np.load(source / "images.npy"), ((0, 0), (0, 1), (0, 1))), np.load(source / "labels.npy")
    copies = [np.load(source / f"copy-{copy}.npy")[:80].copy() for copy in range(2)]
    low = labels < 5
    validation = images[-20:][low[-20:]], labels[-20:][low[-20:]]
    first = trained_by_hand([copy[low[:80]] for copy in copies], labels[:80][low[:80]], validation)
    folder = run_script(source, tmp_path / "low", copies=2, only=[4, 3, 2, 1, 0])
    assert all(np.array_equal(weights_in(folder)[name], first[name]) for name in first)

    model = build_model({"family": "mlp", "hidden": 8}, 29)
    load_weights(model, folder / "weights.safetensors")
    validation = images[-20:][~low[-20:]], labels[-20:][~low[-20:]]
    train(model, [images[:80][~low[:80]]], labels[:80][~low[:80]], validation, OPTIMISATION | {"epochs": 2}, 3)
    start = [folder / "weights.safetensors"]
    after = {"only": [5, 6, 7, 8, 9], "after": {"only": [0, 1, 2, 3, 4]}, "trained_part": "all"}
    second = run_script(source, tmp_path / "high", seed=3, start=start, **after)
    assert all(np.array_equal(weights_in(second)[name], value) for name, value in weights_of(model).items())
    card = json.loads((second / "card.json").read_text())
    assert card["inputs"][str(start[0])] == sha256_of(start[0])
