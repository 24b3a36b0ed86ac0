"""The networks: Simard's two, one trunk with one thing changed at a time, and the exact controls.

Every model maps float images (n, 1, canvas, canvas), background 0 and ink up to 1, to logits (n, 10).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 10
SIMARD_PARAMETERS = 132_540  # 130 + 6,300 + 125,100 + 1,010 at 29x29


def build_model(settings: Mapping[str, Any], canvas: int) -> nn.Module:
    """Build one entry of `models` in config.yaml, with fresh weights from torch's global generator.

    A `phase_average` has no weights of its own: build the model that it averages, and wrap it in `PhaseAverage`.
    """
    options = {name: value for name, value in settings.items() if name != "family"}
    families = {"mlp": mlp, "simard_cnn": simard_cnn, "trunk": trunk, "stn": stn}
    return families[settings["family"]](canvas=canvas, **options)


def mlp(canvas: int, hidden: int) -> nn.Sequential:
    """Simard's two-layer network. The paper does not name its nonlinearity; ReLU is ours."""
    return nn.Sequential(nn.Flatten(), nn.Linear(canvas**2, hidden), nn.ReLU(), nn.Linear(hidden, CLASSES))


def simard_cnn(canvas: int) -> nn.Sequential:
    """Simard's convolutional network (2003, section 5): no pooling, no padding, stride 2; ReLU is ours.

    At 29x29: 5 maps of 13x13, 50 maps of 5x5, 100 hidden units, 132,540 parameters.
    """
    first_map = (canvas - 5) // 2 + 1
    second_map = (first_map - 5) // 2 + 1
    model = nn.Sequential(
        nn.Conv2d(1, 5, kernel_size=5, stride=2),
        nn.ReLU(),
        nn.Conv2d(5, 50, kernel_size=5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(50 * second_map**2, 100),
        nn.ReLU(),
        nn.Linear(100, CLASSES),
    )
    if canvas == 29 and count_parameters(model) != SIMARD_PARAMETERS:
        raise AssertionError(f"{count_parameters(model)} parameters, Simard has {SIMARD_PARAMETERS}")
    return model


def count_parameters(model: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(parameter.numel() for parameter in model.parameters())


# ----------------------------------------------------------------------------------------------------------------------
# Downsampling by 2


class BlurPool(nn.Module):
    """Anti-aliased downsampling by 2: the binomial filter [1, 2, 1] / 4 along each axis, then every second pixel.

    Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019. Written as sums of slices, which on a CPU
    are several times faster than a grouped convolution.
    """

    def __init__(self, padding: str = "zeros") -> None:
        super().__init__()
        self.mode = "circular" if padding == "circular" else "constant"

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, ceil(h / 2), ceil(w / 2))."""
        maps = F.pad(maps, (1, 1, 1, 1), mode=self.mode)
        maps = maps[..., :-2:2] + 2 * maps[..., 1:-1:2] + maps[..., 2::2]
        maps = maps[..., :-2:2, :] + 2 * maps[..., 1:-1:2, :] + maps[..., 2::2, :]
        return maps / 16


class PolyphaseSampling(nn.Module):
    """Adaptive polyphase sampling: of the four ways to keep every second pixel, the one with the largest L2 norm.

    Chaman and Dokmanic, "Truly Shift-Invariant Convolutional Neural Networks", CVPR 2021. A circular shift of the input
    permutes the four components and shifts each, so the choice, made for each image, moves along with the input.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h / 2, w / 2); h and w must be even."""
        if maps.shape[-1] % 2 or maps.shape[-2] % 2:
            raise ValueError(f"polyphase sampling needs even sides, got {tuple(maps.shape[-2:])}")
        phases = torch.stack([maps[..., row::2, column::2] for row in (0, 1) for column in (0, 1)])
        # In float64 the norm does not depend on the order of the sum by enough to turn a close decision.
        energy = phases.detach().double().square().sum(dim=(2, 3, 4))
        return phases[energy.argmax(dim=0), torch.arange(maps.shape[0])]


def downsampler(kind: str, padding: str) -> nn.Module:
    """What follows a convolution to halve its maps; `stride` halves them in the convolution itself."""
    if kind == "blur_pool":
        return BlurPool(padding)
    simple = {"stride": nn.Identity, "polyphase": PolyphaseSampling}
    pools = {"max_pool": nn.MaxPool2d, "avg_pool": nn.AvgPool2d}
    return simple[kind]() if kind in simple else pools[kind](2)


# ----------------------------------------------------------------------------------------------------------------------
# The trunk


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
            nn.Conv2d(maps, wider, kernel, stride, padding=kernel // 2, padding_mode=padding, bias=False),
            nn.BatchNorm2d(wider),
            nn.ReLU(),
        ]
        if halve:
            layers.append(downsampler(downsampling, padding))
            side = (side + 1) // 2 if downsampling in ("stride", "blur_pool") else side // 2
        maps = wider
    if head == "gap":
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps, CLASSES)]
    else:
        layers += [nn.Flatten(), nn.Linear(maps * side**2, 100), nn.ReLU(), nn.Linear(100, CLASSES)]
    return nn.Sequential(*layers)


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
            nn.AvgPool2d(2),
            nn.Conv2d(1, 8, kernel_size=5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(8, 16, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(side),
            nn.Flatten(),
            nn.Linear(16 * side**2, 32),
            nn.ReLU(),
            nn.Linear(32, 2),
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
