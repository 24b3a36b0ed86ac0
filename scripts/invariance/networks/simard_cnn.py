"""Simard's convolutional network (2003, section 5): no pooling, no padding, stride 2.

The paper leaves open the nonlinearity, the scaling of the pixels and the way from 28x28 to 29x29; the options are ours.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from invariance.layers.conv import ConvReLU
from invariance.layers.linear import Linear
from invariance.layers.tanh import ConvTanh, Tanh
from invariance.networks.building import count_parameters
from invariance.networks.one_by_one import train_one_by_one

OPTIONS = {
    "nonlinearity": {
        "description": "of the convolutions and the hidden units; scaled_tanh is 1.7159 tanh(2x / 3)",
        "enum": ["relu", "tanh", "scaled_tanh"],
        "default": "relu",
    },
    "initial_weights": {
        "description": "uniform as in PyTorch, or normal with a standard deviation of 0.05 and biases of 0",
        "enum": ["uniform", "normal"],
        "default": "uniform",
    },
    "background": {
        "description": "value of an empty pixel; ink is 1",
        "enum": [0, -1],
        "default": 0,
    },
    "placing": {
        "description": "of the image on a canvas that is one pixel larger: in its upper left corner (an empty row and "
        "column are added), in its middle (interpolated), or with its last row and column repeated",
        "enum": ["corner", "middle", "repeat"],
        "default": "corner",
    },
}
SMALLEST_CANVAS = 13  # pixels: two convolutions of 5x5 at stride 2 leave one of them
PARAMETERS = 132_540  # 130 + 6,300 + 125,100 + 1,010 at 29x29
SPREAD = 0.05  # standard deviation of `normal` initial weights
TANH = {"tanh": (1.0, 1.0), "scaled_tanh": (1.7159, 2 / 3)}  # amplitude and slope


class SimardCNN(nn.Sequential):
    """The layers in sequence; with batches of one image, a loop of its own trains them."""

    def train_one_by_one(self, *arguments: Any) -> Tensor:
        """As `one_by_one.train_one_by_one`, without the layers."""
        trained = [layer for layer in self if list(layer.parameters())]
        first = self[0] if isinstance(self[0], Input) else nn.Identity()
        return train_one_by_one([first, *trained], *arguments)


class Input(nn.Module):
    """What the network makes of its input: the image placed elsewhere, and its pixels scaled."""

    def __init__(self, background: int, placing: str) -> None:
        super().__init__()
        self.background, self.placing = background, placing

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 1, h, w), background 0 and ink 1, in the upper left corner of one more row and column."""
        if self.placing == "middle":  # half a pixel down and to the right
            images = F.avg_pool2d(F.pad(images, (1, 0, 1, 0)), kernel_size=2, stride=1)
        elif self.placing == "repeat":
            images = F.pad(images[..., :-1, :-1], (0, 1, 0, 1), mode="replicate")
        return images if self.background == 0 else self.background + (1 - self.background) * images


def build(
    canvas: int,
    classes: int,
    nonlinearity: str = "relu",
    initial_weights: str = "uniform",
    background: int = 0,
    placing: str = "corner",
) -> SimardCNN:
    """At 29x29 with 10 classes: 5 maps of 13x13, 50 maps of 5x5, 100 hidden units, 132,540 parameters."""
    first_map = (canvas - 5) // 2 + 1
    second_map = (first_map - 5) // 2 + 1
    layers = [
        convolution(nonlinearity, 1, 5),
        convolution(nonlinearity, 5, 50),
        nn.Flatten(),
        Linear(50 * second_map**2, 100),
        nn.ReLU() if nonlinearity == "relu" else Tanh(*TANH[nonlinearity]),
        Linear(100, classes),
    ]
    if (background, placing) != (0, "corner"):
        layers.insert(0, Input(background, placing))
    model = SimardCNN(*layers)
    if initial_weights == "normal":
        for name, parameter in model.named_parameters():
            nn.init.normal_(parameter, std=SPREAD) if name.endswith("weight") else nn.init.zeros_(parameter)
    if (canvas, classes) == (29, 10) and count_parameters(model) != PARAMETERS:
        raise AssertionError(f"{count_parameters(model)} parameters, Simard has {PARAMETERS}")
    return model


def convolution(nonlinearity: str, maps: int, wider: int) -> nn.Module:
    """A 5x5 convolution at stride 2, and the nonlinearity."""
    if nonlinearity == "relu":
        return ConvReLU(maps, wider, kernel=5, stride=2)
    return ConvTanh(maps, wider, kernel=5, stride=2, tanh=Tanh(*TANH[nonlinearity]))
