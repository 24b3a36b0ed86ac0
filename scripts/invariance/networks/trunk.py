"""One trunk of convolutions, whose downsampling, padding and head can be changed one at a time."""

from torch import nn

from invariance.layers.batch_norm import BatchNormReLU
from invariance.layers.conv import Conv
from invariance.layers.global_average_pool import GlobalAveragePool
from invariance.layers.linear import Linear
from invariance.layers.window import window_of
from invariance.networks.building import build_layer

OPTIONS = {
    "channels": {
        "description": "of the three convolutions",
        "type": "array",
        "minItems": 3,
        "maxItems": 3,
        "items": {"description": "channels of one convolution", "type": "integer", "minimum": 1, "maximum": 4096},
    },
    "downsampling": {
        "description": "how the first two convolutions halve the map",
        "layer": True,  # the name of a file in layers/ with a literal DOWNSAMPLING, or
        "also": ["stride"],
    },
    "padding": {"description": "what the convolutions see outside the map", "enum": ["zeros", "circular"]},
    "head": {"description": "fully connected, or global average pooling", "enum": ["fc", "gap"]},
}


def build(canvas: int, classes: int, channels: list[int], downsampling: str, padding: str, head: str) -> nn.Sequential:
    """Convolutions (5x5, then 3x3) with batch norm and ReLU; all but the last halve the maps. Then a head.

    Args:
        canvas: side of the input, pixels.
        classes: logits.
        channels: maps of each convolution.
        downsampling: stride (the convolution itself), or the layer that follows, by the name of its file in layers/.
        padding: zeros or circular; maps keep their size but for the downsampling.
        head: `fc` (flatten, 100 hidden units, logits) or `gap` (global average pooling, logits).
    """
    layers: list[nn.Module] = []
    maps = 1
    for number, wider in enumerate(channels):
        halve = number < len(channels) - 1
        kernel = 5 if number == 0 else 3
        stride = 2 if halve and downsampling == "stride" else 1
        layers += [Conv(maps, wider, kernel, stride, padding=kernel // 2, mode=padding), BatchNormReLU(wider)]
        if halve:
            layers.append(nn.Identity() if downsampling == "stride" else build_layer(downsampling, padding))
        maps = wider
    if head == "gap":
        layers += [GlobalAveragePool(), Linear(maps, classes)]
    else:
        side = canvas
        for layer in layers:
            side = window_of(layer).output_side(side)
        layers += [nn.Flatten(), Linear(maps * side**2, 100), nn.ReLU(), Linear(100, classes)]
    return nn.Sequential(*layers)
