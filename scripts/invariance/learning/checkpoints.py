"""Checkpoints: a long training that is killed goes on from its last whole epoch, and ends with the same bytes.

The order of the images depends on seed and epoch alone, so weights, momenta and the history are all there is to keep.
A checkpoint belongs to one training: to its settings, data and code. Another one's, or a damaged one, is left aside.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from invariance.command_line import progress
from invariance.record.artefacts import whole_file


class Checkpoint:
    """A file that holds the state of a training after its last whole epoch, until the training has ended."""

    def __init__(self, path: Path | str, training: Any) -> None:
        """Args: path, .safetensors; training: all that the training depends on, as JSON can hold it."""
        self.path = Path(path)
        self.training = hashlib.sha256(json.dumps(training, sort_keys=True).encode()).hexdigest()

    def save(self, tensors: Mapping[str, Tensor], history: list[dict[str, float]]) -> None:
        """Write the state; the one before stays until this one is whole."""
        text = json.dumps(history)
        metadata = {"training": self.training, "history": text, "sha256": digest(tensors, text)}
        with whole_file(self.path) as temporary:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata)

    def load(self, tensors: Mapping[str, Tensor]) -> list[dict[str, float]]:
        """Read the state into `tensors`, in place; returns the history of the epochs that it has seen, perhaps none."""
        try:
            with safe_open(self.path, "pt") as file:
                metadata = file.metadata() or {}
                saved = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
        except (OSError, SafetensorError):
            return []
        text = metadata.get("history", "")
        if metadata.get("training") != self.training or metadata.get("sha256") != digest(saved, text):
            progress(f"{self.path} is of another training, or damaged: starting afresh")
            return []
        for name, tensor in tensors.items():
            tensor.copy_(saved[name])
        history = json.loads(text)
        progress(f"going on after epoch {len(history)}, from {self.path}")
        return history

    def remove(self) -> None:
        """The training has ended."""
        self.path.unlink(missing_ok=True)


def digest(tensors: Mapping[str, Tensor], history: str) -> str:
    """SHA-256 of the history, and of the tensors' names and numbers."""
    state = hashlib.sha256(history.encode())
    for name in sorted(tensors):
        state.update(name.encode() + b"\0" + tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()
