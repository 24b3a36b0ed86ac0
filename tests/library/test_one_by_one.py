"""Steps of one image at a time: the gradients of torch, and the same training as by the layers."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from invariance.learning import training
from invariance.networks.building import build_model, train_part
from invariance.networks.one_by_one import LOSSES, activate
from invariance.networks.simard_cnn import SimardCNN

EXACT = 1e-10  # relative, float64
NONLINEARITIES = ("relu", "tanh", "scaled_tanh")


def simards(canvas: int = 29, **options) -> nn.Module:
    torch.manual_seed(7)
    return build_model({"family": "simard_cnn", **options}, canvas)


def digits(count: int, canvas: int = 29) -> tuple[np.ndarray, np.ndarray]:
    """Images with empty pixels, as digits have, and labels that the brightest of ten blocks tells."""
    random = np.random.default_rng(3)
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = random.integers(0, 256, (count, canvas, canvas), dtype=np.uint8)
    images[random.random(images.shape) < 0.5] = 0
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 3] = 255
    return images, labels


def loss_by_torch(logits: torch.Tensor, target: int, loss: str) -> torch.Tensor:
    wanted = torch.tensor([target])
    if loss == "mse":
        return (logits - F.one_hot(wanted, 10)).square().sum() / 2
    return F.cross_entropy(logits, wanted)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("canvas", [29, 28, 33])
def test_a_step_is_along_the_gradient_of_torch(canvas, nonlinearity, loss):
    model = simards(canvas, nonlinearity=nonlinearity).double()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    images = torch.rand(1, 1, canvas, canvas, dtype=torch.float64)
    images[images < 0.5] = 0
    expected = model(images)
    slopes = torch.autograd.grad(loss_by_torch(expected, 4, loss), list(model.parameters()))
    still = [torch.zeros_like(parameter) for parameter in before]
    logits = model.train_one_by_one(still, images, torch.tensor([4]), torch.tensor([1.0]), 0.0, 0.0, loss)
    torch.testing.assert_close(logits, expected.detach(), rtol=EXACT, atol=1e-12)
    for old, new, slope in zip(before, model.parameters(), slopes, strict=True):
        assert ((old - new.detach() - slope).norm() / slope.norm()).item() < EXACT
    assert not any(velocity.any() for velocity in still)


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.0), (0.5, 0.01), (0.0, 0.01)])
@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_many_steps_are_those_of_torchs_descent(nonlinearity, momentum, decay):
    model, reference = (simards(nonlinearity=nonlinearity).double() for _ in range(2))
    images, labels = digits(40)
    pixels = torch.from_numpy(images / 255.0)[:, None]
    rates = 0.02 / (1 + torch.arange(40.0))
    velocities = [torch.zeros_like(parameter) for parameter in model.parameters()]
    targets = torch.from_numpy(labels.astype(np.int64))
    model.train_one_by_one(velocities, pixels, targets, rates, momentum, decay, "cross_entropy")

    optimiser = torch.optim.SGD(reference.parameters(), 0.1, momentum, weight_decay=decay, nesterov=momentum > 0)
    for image, label, rate in zip(pixels, labels, rates, strict=True):
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        loss_by_torch(reference(image[None]), int(label), "cross_entropy").backward()
        optimiser.step()
    for ours, torchs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("options", [{}, {"nonlinearity": "tanh"}, {"background": -1, "placing": "middle"}])
def test_training_is_the_same_as_by_the_layers(options, monkeypatch):
    images, labels = digits(120)
    optimisation = {
        **{"epochs": 2, "batch": 1, "learning_rate": 0.01, "schedule": "constant", "warmup": 0.1, "averaging": 0.5},
        **{"momentum": 0.5, "weight_decay": 1e-4, "loss": "cross_entropy"},
    }
    training.one_thread()
    results = []
    for forget in (False, True):
        if forget:
            monkeypatch.delattr(SimardCNN, "train_one_by_one")
        model = simards(**options)
        results.append((model, training.train(model, [images], labels, (images, labels), optimisation, 5)))
    (fast, history), (slow, expected) = results
    for ours, layered in zip(fast.parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(ours, layered, rtol=1e-3, atol=1e-5)
    for row, other in zip(history, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-3, abs=1e-4)


def test_the_same_bytes_every_time_and_denormals_are_as_before():
    images, labels = digits(60)
    tiny = torch.tensor([1e-39])
    found = []
    for _ in range(2):
        model = simards()
        velocities = [torch.full_like(parameter, 1e-39) for parameter in model.parameters()]
        pixels = training.as_input(images)
        targets = torch.from_numpy(labels.astype(np.int64))
        model.train_one_by_one(velocities, pixels, targets, torch.full((60,), 0.01), 0.9, 0.0, "mse")
        found.append(b"".join(parameter.detach().numpy().tobytes() for parameter in model.parameters()))
    assert found[0] == found[1]
    assert (tiny * 1).item() != 0


def test_the_tanh_is_numpys():
    for kind, most in ((np.float64, 5e-16), (np.float32, 3e-7)):
        values = np.concatenate([np.linspace(-30, 30, 20001), [0, 1e-30, 1e4, -1e4]]).astype(kind)
        found = values.copy()
        activate(found, kind(0), len(found), kind(1.7159), kind(2 / 3))
        expected = 1.7159 * np.tanh(2 / 3 * values.astype(np.float64))
        assert np.abs(found - expected).max() < 2 * most


def test_a_network_of_which_a_part_is_trained_is_left_to_the_layers(monkeypatch):
    monkeypatch.setattr(SimardCNN, "train_one_by_one", None)
    images, labels = digits(10)
    model = simards()
    train_part(model, "head")
    before = model[0].weight.detach().clone()
    optimisation = {
        **{"epochs": 1, "batch": 1, "learning_rate": 0.01, "schedule": "constant", "warmup": 0.1, "averaging": 0.0},
        **{"momentum": 0.0, "weight_decay": 0.0, "loss": "cross_entropy"},
    }
    training.train(model, [images], labels, (images, labels), optimisation, 0)
    assert torch.equal(model[0].weight, before)
