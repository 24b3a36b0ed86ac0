"""A made-up table of equivariance errors: what theory makes exact is at rounding, what it does not is plainly wrong."""

import pandas as pd

from invariance.learning.equivariance import COLUMNS

STRIDE, MAX_SHIFT = 2, 4
# model, layer, kind, padding, stride, total stride; the kinds are those of config.yaml.
LAYERS = [
    ("simard_cnn", 0, "convolution", "none", 2, 2),
    ("stride_fc", 1, "convolution", "zeros", 2, 4),
    ("stride_fc", 2, "convolution", "zeros", 1, 4),
    ("max_pool_fc", 1, "max_pool", "none", 2, 2),
    ("avg_pool_fc", 1, "avg_pool", "none", 2, 2),
    ("blur_pool_fc", 1, "blur_pool", "zeros", 2, 2),
    ("stride_gap_circular", 0, "convolution", "circular", 2, 2),
    ("stride_gap_circular", 2, "convolution", "circular", 1, 4),
    ("polyphase_gap_circular", 1, "polyphase", "none", 2, 2),
]
HEADS = [
    ("stride_fc", 3, "fully_connected", 4),
    ("stride_gap_circular", 3, "global_average_pool", 4),
    ("polyphase_gap_circular", 5, "global_average_pool", 4),
]


def made_up_equivariance(seeds: int = 2, rounding: float = 1e-16, wrong: float = 0.5) -> pd.DataFrame:
    """Rows as of studies/equivariance/evaluation.py; each seed's errors are a little larger than those of the last."""
    rows = []
    for seed in range(seeds):
        for weights, weight in (("untrained", 1.0), ("trained", 1.1)):
            for about, scope, place, shift, exact in cases():
                error = (rounding if exact else wrong) * weight * (1 + 0.1 * seed)
                rows.append((about[0], seed, weights, *about[1:], scope, place, shift, exact, error))
    return pd.DataFrame(rows, columns=["model", "seed", "weights", *COLUMNS])


def cases():
    """What the layer is, scope, place, shift, and whether theory has it exact."""
    for shift in range(1, MAX_SHIFT + 1):
        for layer in LAYERS:
            _, _, kind, padding, stride, _ = layer
            exact = kind == "polyphase" or shift % stride == 0
            borderless = padding == "circular" or kind in ("max_pool", "avg_pool", "polyphase")
            for place in ("everywhere",) if borderless else ("inside", "border"):
                yield layer, "layer", place, shift, exact and place != "border"
        for model, number, kind, total in HEADS:
            exact = kind == "global_average_pool" and ("polyphase" in model or shift % total == 0)
            yield (model, number, kind, "none", 1, total), "network", "head", shift, exact
