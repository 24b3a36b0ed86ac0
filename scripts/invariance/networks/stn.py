"""A spatial transformer (Jaderberg et al., NeurIPS 2015) that may only translate, in front of Simard's network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from invariance.layers.avg_pool import AvgPool
from invariance.layers.conv import ConvReLU
from invariance.layers.linear import Linear
from invariance.networks import simard_cnn

OPTIONS = {
    "max_shift": {
        "description": "pixels of the canvas either way",
        "type": "number",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 48,
        "below_half_canvas": True,
    }
}
SMALLEST_CANVAS = 13  # pixels, of Simard's network
LAYERWISE = False  # it moves each image by a shift of its own


class TranslationTransformer(nn.Module):
    """Translates each image by a shift that it predicts, of at most `max_shift` pixels.

    The localisation network starts at the identity. Its output passes through tanh: unbounded, it learns to move the
    digit out of sight and stays there.
    """

    def __init__(self, canvas: int, max_shift: float) -> None:
        super().__init__()
        side = canvas // 8
        self.localisation = nn.Sequential(
            AvgPool(),
            ConvReLU(1, 8, kernel=5, stride=2, padding=2),
            ConvReLU(8, 16, kernel=3, stride=2, padding=1),
            nn.AdaptiveAvgPool2d(side),
            nn.Flatten(),
            Linear(16 * side**2, 32),
            nn.ReLU(),
            Linear(32, 2),
        )
        self.bound = 2 * max_shift / canvas  # a unit of the sampling grid is half a canvas
        nn.init.zeros_(self.localisation[-1].weight)
        nn.init.zeros_(self.localisation[-1].bias)

    def shifts(self, images: Tensor) -> Tensor:
        """Where each image (n, 1, h, w) is read from, (n, 2) in units of half a canvas: x to the right, y down."""
        return self.bound * torch.tanh(self.localisation(images) / 4)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, 1, h, w), each translated by its own sub-pixel shift, bilinear, background outside."""
        return translate(images, self.shifts(images))


def translate(images: Tensor, shifts: Tensor) -> Tensor:
    """Read images (n, 1, h, w) at pixels displaced by shifts (n, 2), x and y in units of half a canvas."""
    identity = torch.eye(2, dtype=images.dtype, device=images.device).expand(len(images), 2, 2)
    grid = F.affine_grid(torch.cat([identity, shifts[:, :, None]], dim=2), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def build(canvas: int, classes: int, max_shift: float) -> nn.Sequential:
    """The transformer, then the classifier."""
    return nn.Sequential(TranslationTransformer(canvas, max_shift), simard_cnn.build(canvas, classes))
