"""Weights on disk: safetensors, never a pickle."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from invariance.record.artefacts import InputError, require_unaltered, whole_file


def save_weights(model: nn.Module, path: Path | str) -> None:
    """Write all parameters and buffers of `model`."""
    with whole_file(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, temporary)


def load_weights(model: nn.Module, path: Path | str) -> None:
    """`read_weights` of an artefact; raises InputError also if it was altered since it was made."""
    require_unaltered(path)
    read_weights(model, path, "delete it, and run again")


def read_weights(model: nn.Module, path: Path | str, remedy: str) -> None:
    """Read all parameters and buffers of `model`, in place.

    Args:
        model: of the same structure as the one whose weights were written.
        path: .safetensors.
        remedy: what to do about a file of something else.

    Raises:
        InputError: the file is missing, unreadable or damaged, or holds the weights of another model.
    """
    try:
        with Path(path).open("rb"):  # whose error says why a file cannot be read
            model.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: not the weights of this model ({error}); {remedy}") from None
