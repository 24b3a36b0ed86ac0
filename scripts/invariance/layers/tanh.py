"""The hyperbolic tangent, plain or scaled, in place of the ReLU."""

from typing import Any

import torch
from torch import Tensor, nn

from invariance.layers.conv import Conv, PatchProduct
from invariance.layers.window import POINTWISE


class Tanh(nn.Module):
    """amplitude * tanh(slope * x).

    LeCun's 1.7159 tanh(2x / 3) keeps values of variance 1 about where they are (LeCun, Bottou, Orr and Mueller,
    "Efficient BackProp", 1998, section 4.4).
    """

    window = POINTWISE

    def __init__(self, amplitude: float = 1.0, slope: float = 1.0) -> None:
        super().__init__()
        self.amplitude, self.slope = amplitude, slope

    def forward(self, values: Tensor) -> Tensor:
        """Any shape to the same."""
        return self.amplitude * torch.tanh(self.slope * values)


class ConvTanh(Conv):
    """A convolution with a bias, and the `Tanh` that follows it."""

    has_bias = True

    def __init__(self, *sizes: Any, tanh: Tanh, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.tanh = tanh

    def compiled(self, maps: Tensor) -> Tensor:
        sampling = self.stride[0], self.padding[0], self.padding_mode
        return self.tanh(PatchProduct.apply(maps, self.weight, None, *sampling) + self.bias[:, None, None, None])

    def by_torch(self, maps: Tensor) -> Tensor:
        return self.tanh(super().by_torch(maps))
