"""What a GPU computes, against the same on the CPU; left out where there is none."""

import os
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from invariance.data.digits import read_digits
from invariance.data.images import place_on_canvas, shift_grid
from invariance.learning import training
from invariance.learning.checkpoints import Checkpoint
from invariance.learning.cuda_graph import FIRST, Graphed
from invariance.learning.evaluation import logits_over_shifts
from invariance.networks.building import build_model
from invariance.record import environment
from judging import CONFIG, TRAINED

os.environ["CUBLAS_WORKSPACE_CONFIG"] = environment.SET["CUBLAS_WORKSPACE_CONFIG"]
GPU = torch.device("cuda")
CANVAS = 40
OPTIMISATION = CONFIG["studies"]["architectures"]["optimisation"] | {"epochs": 2, "batch": 64, "averaging": 0.5}

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")


@pytest.fixture(autouse=True)
def _one_thread():
    training.one_thread()


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (600, 40, 40) and labels uint8 (600,): nine whole batches, and a smaller one."""
    images, labels, _, _ = read_digits(600, 1, 1)
    return place_on_canvas(images[:600], CANVAS), labels[:600]


def fresh(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build_model(TRAINED[name], CANVAS)


def trained(model: nn.Module, digits, checkpoint: Checkpoint | None = None) -> np.ndarray:
    """Train on the GPU; all weights float64 in a row."""
    images, labels = digits
    validation = images[:100], labels[:100]
    training.train(model, [images, images[::-1]], labels, validation, OPTIMISATION, 0, GPU, checkpoint)
    return weights_of(model)


def weights_of(model: nn.Module) -> np.ndarray:
    weights = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
    return np.concatenate([tensor.detach().cpu().double().numpy().ravel() for tensor in weights])


@pytest.mark.parametrize("name", TRAINED)
def test_gradients_are_those_of_the_cpu(name, digits):
    inputs = training.as_input(digits[0][:32]).double()
    answers = torch.from_numpy(digits[1][:32].astype(np.int64))
    gradients = []
    for device in ("cpu", "cuda"):
        model = fresh(name).double()
        if name == "stn":  # between pixels: on one, the slope depends on the last bit of its place
            model[0].localisation[-1].bias.data.fill_(0.3)
            model[0].localisation[-1].weight.data.uniform_(-0.01, 0.01, generator=torch.Generator().manual_seed(1))
        model.to(device)
        nn.functional.cross_entropy(model(inputs.to(device)), answers.to(device)).backward()
        gradients.append([parameter.grad.cpu() for parameter in model.parameters()])
    for of_cpu, of_gpu in zip(*gradients, strict=True):
        torch.testing.assert_close(of_gpu, of_cpu, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", TRAINED)
def test_replayed_steps_are_steps(name, digits, monkeypatch):
    replays = []
    replay = torch.cuda.CUDAGraph.replay
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda graph: replays.append(replay(graph)))
    replayed = trained(fresh(name), digits)
    assert len(replays) == 2 * 9 - FIRST
    monkeypatch.setattr(Graphed, "record", lambda graphed: False)
    usual = trained(fresh(name), digits)
    assert len(replays) == 2 * 9 - FIRST
    np.testing.assert_allclose(replayed, usual, rtol=0, atol=1e-4 if name == "stn" else 1e-6)
    assert np.abs(usual - weights_of(fresh(name))).max() > 0.01


@pytest.mark.parametrize("name", [name for name in TRAINED if name != "stn"])
def test_training_is_bit_identical_when_repeated(name, digits):
    assert np.array_equal(trained(fresh(name), digits), trained(fresh(name), digits))


def test_a_training_goes_on_from_its_checkpoint(digits, tmp_path, monkeypatch):
    whole = trained(fresh("stride_fc"), digits)
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", "this training")
    evaluate, calls = training.evaluate, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr(training, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(fresh("stride_fc"), digits, checkpoint=checkpoint)
    monkeypatch.setattr(training, "evaluate", evaluate)
    assert np.array_equal(trained(fresh("stride_fc"), digits, checkpoint=checkpoint), whole)


class Asking(nn.Module):
    """A network that drops pixels at random, and asks for a value in the middle of its work."""

    def __init__(self, value: Callable[[torch.Tensor], float]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers, self.value = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(CANVAS**2, 10)), value

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images) * (1.0 if self.value(images) >= 0 else 0.5)


@pytest.mark.parametrize(
    "value", [lambda images: images.sum().item(), lambda images: torch.rand(1).item()], ids=["of the GPU", "at random"]
)
def test_a_network_that_decides_anew_in_each_step_is_trained_without_replays(value, digits, capsys):
    decided = trained(Asking(value), digits)
    assert "cannot be recorded" in "".join(capsys.readouterr())
    replayed = trained(Asking(lambda images: 1.0), digits)
    assert "cannot be recorded" not in "".join(capsys.readouterr())
    np.testing.assert_allclose(decided, replayed, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [*TRAINED, "phase_averaged"])
def test_logits_over_shifts_are_those_of_the_cpu(name, digits):
    settings = CONFIG["models"][name]
    if "of" in settings:
        settings = settings | {"of": TRAINED[settings["of"]]}
    logits = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        model = build_model(settings, CANVAS).to(device)
        logits.append(logits_over_shifts(model, digits[0][:50], shift_grid(2)))
    np.testing.assert_allclose(logits[1], logits[0], rtol=0, atol=1e-4)
