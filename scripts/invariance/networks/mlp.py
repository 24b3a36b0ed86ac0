"""Simard's two-layer network."""

from torch import nn

from invariance.layers.linear import Linear

OPTIONS = {"hidden": {"description": "hidden units", "type": "integer", "minimum": 1, "maximum": 100000}}
LAYERWISE = False  # it has no maps


def build(canvas: int, classes: int, hidden: int) -> nn.Sequential:
    """The paper does not name its nonlinearity; ReLU is ours."""
    return nn.Sequential(nn.Flatten(), Linear(canvas**2, hidden), nn.ReLU(), Linear(hidden, classes))
