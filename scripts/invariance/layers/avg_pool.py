"""Average pooling: blur pooling with the shortest filter."""

from invariance.layers.blur_pool import BlurPool
from invariance.layers.window import Window

DOWNSAMPLING = "AvgPool"


class AvgPool(BlurPool):
    """The mean of each 2x2 block, as nn.AvgPool2d(2): (n, c, h, w) to (n, c, h // 2, w // 2)."""

    taps = (0.5, 0.5)
    padding = 0

    def __init__(self, mode: str = "zeros") -> None:
        super().__init__(mode)
        self.window = Window("avg_pool", kernel=2, stride=2)
