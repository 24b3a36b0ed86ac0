"""What several tests make: the bytes of IDX files, batch norms that are not the identity, and an error of their own."""

from typing import Any

import numpy as np


def idx_of(sizes: tuple[int, ...], values: bytes, kind: int = 8, dimensions: int | None = None) -> bytes:
    """An IDX file, MNIST's format: its magic number (type, number of dimensions), claimed sizes, values."""
    dimensions = len(sizes) if dimensions is None else dimensions
    return bytes([0, 0, kind, dimensions]) + b"".join(size.to_bytes(4, "big") for size in sizes) + values


def idx(array: np.ndarray) -> bytes:
    """The IDX file of an array of bytes."""
    return idx_of(array.shape, array.tobytes())


def randomised(model: Any) -> Any:
    """The module with batch norms that do something: fresh ones are the identity, and would hide a mistake."""
    from torch import nn  # which takes a second, and few of these tests need it

    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.3)
            nn.init.uniform_(layer.running_var, 0.3, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.3)
    return model


class TrapError(Exception):
    """An error of ours, that nothing else raises."""


def trap() -> None:
    raise TrapError
