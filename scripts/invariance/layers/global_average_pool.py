"""Global average pooling."""

from torch import Tensor, nn

from invariance.layers.images_last import as_images_last
from invariance.layers.window import GLOBAL_AVERAGE_POOL


class GlobalAveragePool(nn.Module):
    """The mean of each map, as nn.AdaptiveAvgPool2d(1) and nn.Flatten()."""

    window = GLOBAL_AVERAGE_POOL

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c)."""
        return as_images_last(maps).flatten(1, 2).mean(dim=1).t()
