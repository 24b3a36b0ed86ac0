"""The networks: Simard's two, one trunk with one thing changed at a time, and the exact controls.

Every model maps float images (n, 1, canvas, canvas), background 0 and ink up to 1, to logits (n, 10).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from invariance.layers.layers import (
    AvgPool,
    BatchNormReLU,
    BlurPool,
    Conv,
    ConvReLU,
    GlobalAveragePool,
    Linear,
    MaxPool,
    PolyphaseSampling,
)
from invariance.record.artefacts import InputError

CLASSES = 10
SIMARD_PARAMETERS = 132_540  # 130 + 6,300 + 125,100 + 1,010 at 29x29


def build_model(settings: Mapping[str, Any], canvas: int) -> nn.Module:
    """Build one entry of `models` in config.yaml, with fresh weights from torch's global generator.

    A `phase_average` has no weights of its own: build the model that it averages, and wrap it in `PhaseAverage`.

    Raises:
        InputError: the entry names no family, or not what its family asks for.
    """
    options = {name: value for name, value in settings.items() if name != "family"}
    families = {"mlp": mlp, "simard_cnn": simard_cnn, "trunk": trunk, "stn": stn}
    try:
        return families[settings["family"]](canvas=canvas, **options)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"model {dict(settings)}: cannot be built ({error}); allowed: an entry as in `models` of config.yaml, "
            f"of the family {', '.join(families)}"
        ) from None


def mlp(canvas: int, hidden: int) -> nn.Sequential:
    """Simard's two-layer network. The paper does not name its nonlinearity; ReLU is ours."""
    return nn.Sequential(nn.Flatten(), Linear(canvas**2, hidden), nn.ReLU(), Linear(hidden, CLASSES))


def simard_cnn(canvas: int) -> nn.Sequential:
    """Simard's convolutional network (2003, section 5): no pooling, no padding, stride 2; ReLU is ours.

    At 29x29: 5 maps of 13x13, 50 maps of 5x5, 100 hidden units, 132,540 parameters.
    """
    first_map = (canvas - 5) // 2 + 1
    second_map = (first_map - 5) // 2 + 1
    model = nn.Sequential(
        ConvReLU(1, 5, kernel=5, stride=2),
        ConvReLU(5, 50, kernel=5, stride=2),
        nn.Flatten(),
        Linear(50 * second_map**2, 100),
        nn.ReLU(),
        Linear(100, CLASSES),
    )
    if canvas == 29 and count_parameters(model) != SIMARD_PARAMETERS:
        raise AssertionError(f"{count_parameters(model)} parameters, Simard has {SIMARD_PARAMETERS}")
    return model


def count_parameters(model: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(parameter.numel() for parameter in model.parameters())


# ----------------------------------------------------------------------------------------------------------------------
# The trunk


def downsampler(kind: str, padding: str) -> nn.Module:
    """What follows a convolution to halve its maps; `stride` halves them in the convolution itself."""
    if kind == "blur_pool":
        return BlurPool(padding)
    return {"stride": nn.Identity, "max_pool": MaxPool, "avg_pool": AvgPool, "polyphase": PolyphaseSampling}[kind]()


def trunk(canvas: int, channels: list[int], downsampling: str, padding: str, head: str) -> nn.Sequential:
    """Convolutions (5x5, then 3x3) with batch norm and ReLU, of which all but the last halve the maps; then a head.

    Args:
        canvas: side of the input, pixels.
        channels: maps of each convolution.
        downsampling: stride, max_pool, avg_pool, blur_pool or polyphase.
        padding: zeros or circular; maps keep their size but for the downsampling.
        head: `fc` (flatten, 100 hidden units, 10 logits) or `gap` (global average pooling, 10 logits).
    """
    layers: list[nn.Module] = []
    maps, side = 1, canvas
    for number, wider in enumerate(channels):
        halve = number < len(channels) - 1
        kernel = 5 if number == 0 else 3
        stride = 2 if halve and downsampling == "stride" else 1
        layers += [
            Conv(maps, wider, kernel, stride, padding=kernel // 2, mode=padding),
            BatchNormReLU(wider),
        ]
        if halve:
            layers.append(downsampler(downsampling, padding))
            side = (side + 1) // 2 if downsampling in ("stride", "blur_pool") else side // 2
        maps = wider
    if head == "gap":
        layers += [GlobalAveragePool(), Linear(maps, CLASSES)]
    else:
        layers += [nn.Flatten(), Linear(maps * side**2, 100), nn.ReLU(), Linear(100, CLASSES)]
    return nn.Sequential(*layers)


def for_inference(model: nn.Sequential) -> nn.Sequential:
    """The same function in evaluation mode, with each batch normalisation folded into the convolution before it."""
    layers: list[nn.Module] = []
    for layer in model:
        if isinstance(layer, BatchNormReLU):
            layer = layer.folded_into(layers.pop())
        if not isinstance(layer, nn.Identity):
            layers.append(layer)
    return nn.Sequential(*layers).eval()


def total_stride(settings: Mapping[str, Any]) -> int:
    """Pixels of the input between neighbouring pixels of a trunk's last maps."""
    return 2 ** (len(settings["channels"]) - 1)


class PhaseAverage(nn.Module):
    """The logits of `model`, averaged over all phases of its stride: over its input rolled by 0..stride - 1 each way.

    With circular padding and global average pooling, `model` does not change when its input is rolled by a multiple of
    its stride; the average then does not change under any roll at all, with no training.
    """

    def __init__(self, model: nn.Module, stride: int) -> None:
        super().__init__()
        self.model = model
        self.stride = stride

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, 10)."""
        phases = [(row, column) for row in range(self.stride) for column in range(self.stride)]
        return torch.stack([self.model(images.roll(phase, dims=(-2, -1))) for phase in phases]).mean(dim=0)


# ----------------------------------------------------------------------------------------------------------------------
# Spatial transformer


class TranslationTransformer(nn.Module):
    """A spatial transformer (Jaderberg et al., NeurIPS 2015) that may only translate, by at most `max_shift` pixels.

    The localisation network starts at the identity, and its output passes through tanh: unbounded, it learns to move
    the digit out of sight and stays there.
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
        self.bound = 2 * max_shift / canvas  # half a canvas is one unit of the sampling grid
        nn.init.zeros_(self.localisation[-1].weight)
        nn.init.zeros_(self.localisation[-1].bias)

    def shifts(self, images: Tensor) -> Tensor:
        """Where each image (n, 1, h, w) is read from, (n, 2) in units of half a canvas: x to the right, y down."""
        return self.bound * torch.tanh(self.localisation(images) / 4)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, h, w) to (n, 1, h, w), each translated by its own sub-pixel shift, bilinear, background outside."""
        return translate(images, self.shifts(images))


def translate(images: Tensor, shifts: Tensor) -> Tensor:
    """Read (n, 1, h, w) images from their pixels displaced by shifts (n, 2), x and y in units of half a canvas."""
    identity = torch.eye(2, dtype=images.dtype).expand(len(images), 2, 2)
    grid = F.affine_grid(torch.cat([identity, shifts[:, :, None]], dim=2), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def stn(canvas: int, max_shift: float) -> nn.Sequential:
    """A translating spatial transformer in front of Simard's convolutional network."""
    return nn.Sequential(TranslationTransformer(canvas, max_shift), simard_cnn(canvas))
