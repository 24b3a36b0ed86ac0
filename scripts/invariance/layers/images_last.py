"""Maps with the images last, and what every compiled layer shares.

Maps are (n, c, h, w) as everywhere in PyTorch, but lie in memory with the images last: (c, h, w, n). The innermost loop
then runs over images that are treated alike, contiguous in memory, whatever the size of kernel, stride and map: the
compiler turns it into vector instructions. Maps that lie otherwise are rearranged first, so a layer may follow any
other. What is computed is what torch.nn computes, up to rounding.

Compiled functions write into arrays that their caller has allocated, of one floating-point type, each row contiguous.
Sums may be reordered by the compiler, always in the same way; not-a-number is passed on. Numba caches a compiled
function by its own file, so that it may use nothing from another module of ours.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from torch import Tensor, nn

FAST = ("contract", "reassoc", "nsz", "arcp")


def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compile a function, once; numba finds it again by its file and name alone, so the name holds the options, too."""
    function.__qualname__ += f"-{'-'.join(FAST)}"
    return njit(cache=True, fastmath=set(FAST), error_model="numpy")(function)


def as_images_last(maps: Tensor) -> Tensor:
    """Lay (n, c, h, w) maps out with the images last, as contiguous (c, h, w, n); free where they lie so already."""
    return maps.permute(1, 2, 3, 0).contiguous()


def as_images_first(maps: Tensor) -> Tensor:
    """View (c, h, w, n) maps as (n, c, h, w); nothing moves."""
    return maps.permute(3, 0, 1, 2)


def on_cpu(maps: Tensor) -> bool:
    """Whether the compiled loops can be used."""
    return maps.device.type == "cpu"


def padded_indices(size: int, padding: int, mode: str) -> np.ndarray:
    """Index int64 (size + 2 * padding,) on an axis of `size` of each position of the padded axis; -1 is zero."""
    positions = np.arange(-padding, size + padding)
    if mode == "circular":
        return positions % size
    return np.where((positions >= 0) & (positions < size), positions, -1)


class ImagesLast(nn.Module):
    """A layer with two forms that agree up to rounding.

    `quick` maps (c, h, w, n) to (c', h', w', n) by compiled loops on the CPU. `plain` maps (n, c, h, w) to
    (n, c', h', w') by torch alone: it runs on other devices, and is the reference in the tests.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c', h', w')."""
        return as_images_first(self.quick(as_images_last(maps))) if on_cpu(maps) else self.plain(maps)
