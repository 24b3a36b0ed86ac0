"""Maps with the images last, and what every compiled layer shares.

Maps are (n, c, h, w) as everywhere in PyTorch, but their memory has the images last: (c, h, w, n). The innermost loop
then runs over images, which are contiguous and treated alike, so the compiler vectorises it for any kernel, stride and
map. Maps in another order are rearranged first, so a layer may follow any other. Results equal those of torch.nn up to
rounding.

Compiled functions write into arrays that their caller has allocated, of one floating-point type, each row contiguous.
The compiler may reorder sums, always in the same way; NaN propagates. Numba caches a compiled function by the file that
defines it, so it must use nothing from another module of ours.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from torch import Tensor, nn

FAST = ("contract", "reassoc", "nsz", "arcp")


def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Compile and cache a function. Numba looks it up by file and name alone, so its name includes the options."""
    function.__qualname__ += f"-{'-'.join(FAST)}"
    return njit(cache=True, fastmath=set(FAST), error_model="numpy")(function)


def as_images_last(maps: Tensor) -> Tensor:
    """Maps (n, c, h, w) as contiguous (c, h, w, n); copies nothing if memory has this order already."""
    return maps.permute(1, 2, 3, 0).contiguous()


def as_images_first(maps: Tensor) -> Tensor:
    """A view of maps (c, h, w, n) as (n, c, h, w)."""
    return maps.permute(3, 0, 1, 2)


def on_cpu(maps: Tensor) -> bool:
    """Whether the compiled loops apply."""
    return maps.device.type == "cpu"


def padded_indices(size: int, padding: int, mode: str) -> np.ndarray:
    """Source index int64 (size + 2 * padding,) of each position of a padded axis; -1 stands for zero."""
    positions = np.arange(-padding, size + padding)
    if mode == "circular":
        return positions % size
    return np.where((positions >= 0) & (positions < size), positions, -1)


class ImagesLast(nn.Module):
    """A layer with two implementations that agree up to rounding.

    `compiled` maps (c, h, w, n) to (c', h', w', n) by compiled loops on the CPU. `by_torch` maps (n, c, h, w) to
    (n, c', h', w') with torch alone, for other devices and as the reference in the tests.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c', h', w')."""
        return as_images_first(self.compiled(as_images_last(maps))) if on_cpu(maps) else self.by_torch(maps)
