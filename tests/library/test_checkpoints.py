"""A training that is killed and started again resumes where it was, and ends with the same bytes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from invariance.learning import training
from invariance.learning.checkpoints import Checkpoint
from invariance.learning.training import train
from invariance.learning.weights import save_weights
from invariance.networks.building import build_model
from invariance.record.artefacts import sha256_of

SIDE, EPOCHS = 12, 5
MODEL = {"family": "trunk", "channels": [2, 3], "downsampling": "max_pool", "padding": "zeros", "head": "fc"}
OPTIMISATION = {
    "epochs": EPOCHS,
    "batch": 16,
    "learning_rate": 0.1,
    "schedule": "one_cycle",
    "warmup": 0.2,
    "averaging": 0.6,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "loss": "cross_entropy",
}
SETTINGS = {"model": MODEL, "seed": 3}


class Killed(BaseException):
    """An error that our code does not catch."""


def data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (40, SIDE, SIDE), dtype=np.uint8), generator.integers(0, 10, 40).astype(np.uint8)


def trained(folder: Path, checkpoint: Checkpoint | None) -> tuple[str, list]:
    """SHA-256 of the final weights, and the history."""
    training.one_thread()
    torch.manual_seed(3)
    model = build_model(MODEL, SIDE)
    images, labels = data()
    history = train(model, [images, 255 - images], labels, (images, labels), OPTIMISATION, 3, checkpoint=checkpoint)
    save_weights(model, folder / "weights.safetensors")
    return sha256_of(folder / "weights.safetensors"), history


def kill_in_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Let the next training die in the middle of the given epoch, counted from 0."""
    original = training.batches

    def dying(images, size, seed, number):
        for place, chosen in enumerate(original(images, size, seed, number)):
            if number == epoch and place == 1:
                raise Killed
            yield chosen

    monkeypatch.setattr(training, "batches", dying)


@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_killed_in_any_epoch_it_ends_with_the_same_bytes(epoch, tmp_path, monkeypatch, capsys):
    undisturbed = trained(tmp_path, None)
    checkpoint = Checkpoint(tmp_path / "state.safetensors", SETTINGS)
    with monkeypatch.context() as patch:
        kill_in_epoch(patch, epoch)
        with pytest.raises(Killed):
            trained(tmp_path, checkpoint)
    capsys.readouterr()
    assert trained(tmp_path, Checkpoint(tmp_path / "state.safetensors", SETTINGS)) == undisturbed
    said = capsys.readouterr()
    lines = [line for line in (said.out + said.err).splitlines() if line.startswith("epoch ")]
    assert len(lines) == EPOCHS - epoch  # no complete epoch was trained twice


def test_killed_again_and_again(tmp_path, monkeypatch):
    undisturbed = trained(tmp_path, None)
    for epoch in (1, 1, 3, 4):
        with monkeypatch.context() as patch:
            kill_in_epoch(patch, epoch)
            with pytest.raises(Killed):
                trained(tmp_path, Checkpoint(tmp_path / "state.safetensors", SETTINGS))
    assert trained(tmp_path, Checkpoint(tmp_path / "state.safetensors", SETTINGS)) == undisturbed


def left_by_a_kill(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / "state.safetensors"
    with monkeypatch.context() as patch:
        kill_in_epoch(patch, 3)
        with pytest.raises(Killed):
            trained(folder, Checkpoint(path, SETTINGS))
    return path


@pytest.mark.parametrize("place", ["header", "numbers", "end", "cut", "empty", "not a file of ours"])
def test_a_damaged_checkpoint_is_left_aside(place, tmp_path, monkeypatch):
    undisturbed = trained(tmp_path, None)
    path = left_by_a_kill(tmp_path, monkeypatch)
    content = bytearray(path.read_bytes())
    if place in ("header", "numbers", "end"):
        content[{"header": 40, "numbers": len(content) // 2, "end": len(content) - 1}[place]] ^= 1
    path.write_bytes({"cut": content[:-5], "empty": b"", "not a file of ours": b"hello"}.get(place, bytes(content)))
    assert trained(tmp_path, Checkpoint(path, SETTINGS)) == undisturbed


def test_the_checkpoint_of_another_training_is_left_aside(tmp_path, monkeypatch, capsys):
    undisturbed = trained(tmp_path, None)
    path = left_by_a_kill(tmp_path, monkeypatch)
    capsys.readouterr()
    assert trained(tmp_path, Checkpoint(path, SETTINGS | {"seed": 4})) == undisturbed
    said = capsys.readouterr()
    assert "belongs to another training" in said.out + said.err


def test_it_holds_the_state_after_whole_epochs_and_goes_when_asked(tmp_path, monkeypatch):
    path = left_by_a_kill(tmp_path, monkeypatch)
    tensors = load_file(path)
    weights = build_model(MODEL, SIDE).state_dict()
    assert {name for name in tensors if not name.startswith(("velocity/", "mean/"))} == set(weights)
    assert {name for name in weights if weights[name].is_floating_point()} == {
        name.removeprefix("mean/") for name in tensors if name.startswith("mean/")
    }
    checkpoint = Checkpoint(path, SETTINGS)
    history = checkpoint.load({name: tensor.clone() for name, tensor in tensors.items()})
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert json.loads(json.dumps(history)) == history
    checkpoint.remove()
    checkpoint.remove()
    assert not path.exists()


def test_no_checkpoint_is_left_to_write_after_the_last_epoch(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.safetensors", SETTINGS)
    trained(tmp_path, checkpoint)
    assert len(checkpoint.load(load_file(checkpoint.path))) == EPOCHS - 1
