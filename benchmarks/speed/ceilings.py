"""The most that one core can do: multiply float32 matrices, and copy memory."""

import functools
from collections.abc import Callable

import numpy as np
import torch

from speed.harness import Contender

MATRIX = "matrix product"
MEMORY = "memory copy"
CACHE = "cache copy"
CEILINGS = (MATRIX, MEMORY, CACHE)

SIDE = 1536  # of the matrices: 28 MB in all, more than the second-level cache holds
LARGE = 256 * 2**20  # bytes, read and written: more than any cache holds
SMALL = 512 * 2**10  # bytes; source and target fit the second level of cache
COPIES = 400  # of the small array, so that a call takes milliseconds


@functools.cache
def ceilings(share: float = 1.0) -> tuple[Contender, ...]:
    """The three ceilings as contenders of any task; `work` is what one call does, in operations or bytes.

    Args:
        share: of the usual size of the matrices and of the large copy.
    """
    side, large = max(64, int(SIDE * share)), max(SMALL, int(LARGE * share))
    return (
        Contender(MATRIX, matrix_product(side), 1, repeats=3, facts={"work": 2 * side**3}),
        Contender(MEMORY, copy(large, 1), 1, repeats=2, facts={"work": 2 * large}),
        Contender(CACHE, copy(SMALL, COPIES), 1, repeats=3, facts={"work": 2 * SMALL * COPIES}),
    )


def matrix_product(side: int) -> Callable[[object], None]:
    """A call that multiplies two square float32 matrices, with the library inside PyTorch."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.rand((side, side), generator=generator) for _ in range(2))
    product = torch.empty((side, side))

    def run(_: object) -> None:
        torch.mm(left, right, out=product)

    return run


def copy(size: int, copies: int) -> Callable[[object], None]:
    """A call that copies `size` bytes, `copies` times."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)

    def run(_: object) -> None:
        for _ in range(copies):
            np.copyto(target, source)

    return run
