"""Checkpoints: a killed training resumes after its last complete epoch and ends with the same bytes.

The order of the images depends on seed and epoch alone, so weights, momenta and history are the whole state. A
checkpoint belongs to one training: its settings, data and code. That of another training, or a damaged one, is ignored.
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
    """The state of a training after its last complete epoch, in a file that exists until the training has ended."""

    def __init__(self, path: Path | str, training: Any) -> None:
        """Args: path, .safetensors; training: everything that it depends on, serialisable as JSON."""
        self.path = Path(path)
        self.training = hashlib.sha256(json.dumps(training, sort_keys=True).encode()).hexdigest()

    def save(self, tensors: Mapping[str, Tensor], history: list[dict[str, float]]) -> None:
        """Write the state; the previous one is kept until this one is complete."""
        text = json.dumps(history)
        metadata = {"training": self.training, "history": text, "sha256": digest(tensors, text)}
        with whole_file(self.path) as temporary:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata)

    def load(self, tensors: Mapping[str, Tensor]) -> list[dict[str, float]]:
        """Read the state into `tensors`, in place; return the history of its epochs, empty without a checkpoint."""
        try:
            with safe_open(self.path, "pt") as file:
                metadata = file.metadata() or {}
                saved = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a mapping
        except (OSError, SafetensorError):
            return []
        text = metadata.get("history", "")
        if metadata.get("training") != self.training or metadata.get("sha256") != digest(saved, text):
            progress(f"{self.path} belongs to another training or is damaged: starting from the first epoch")
            return []
        for name, tensor in tensors.items():
            tensor.copy_(saved[name])
        history = json.loads(text)
        progress(f"going on after epoch {len(history)}, from {self.path}")
        return history

    def remove(self) -> None:
        """Delete the file, once the training has ended."""
        self.path.unlink(missing_ok=True)


def digest(tensors: Mapping[str, Tensor], history: str) -> str:
    """SHA-256 of the history and of the tensors' names and values."""
    state = hashlib.sha256(history.encode())
    for name in sorted(tensors):
        state.update(name.encode() + b"\0" + tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()
