"""Fully connected layers."""

import torch
from torch import Tensor, nn

from invariance.layers.window import FULLY_CONNECTED


class Linear(nn.Linear):
    """nn.Linear, for features whose memory has the images last."""

    window = FULLY_CONNECTED

    def forward(self, features: Tensor) -> Tensor:
        """(n, inputs) to (n, outputs)."""
        return torch.addmm(self.bias[:, None], self.weight, features.t()).t()

    def by_torch(self, features: Tensor) -> Tensor:
        return super().forward(features)
