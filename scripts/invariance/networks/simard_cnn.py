"""Simard's convolutional network (2003, section 5): no pooling, no padding, stride 2."""

from torch import nn

from invariance.layers.conv import ConvReLU
from invariance.layers.linear import Linear
from invariance.networks.building import count_parameters

OPTIONS = {}
PARAMETERS = 132_540  # 130 + 6,300 + 125,100 + 1,010 at 29x29


def build(canvas: int, classes: int) -> nn.Sequential:
    """At 29x29 with 10 classes: 5 maps of 13x13, 50 maps of 5x5, 100 hidden units, 132,540 parameters. ReLU is ours."""
    first_map = (canvas - 5) // 2 + 1
    second_map = (first_map - 5) // 2 + 1
    model = nn.Sequential(
        ConvReLU(1, 5, kernel=5, stride=2),
        ConvReLU(5, 50, kernel=5, stride=2),
        nn.Flatten(),
        Linear(50 * second_map**2, 100),
        nn.ReLU(),
        Linear(100, classes),
    )
    if (canvas, classes) == (29, 10) and count_parameters(model) != PARAMETERS:
        raise AssertionError(f"{count_parameters(model)} parameters, Simard has {PARAMETERS}")
    return model
