"""What the claim on layers measures: C3."""

import pandas as pd

from invariance.results.verdicts import (
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    CellsMissingError,
    Decided,
    Measured,
    Settings,
    Tables,
)


def equivariance(tables: Tables, settings: Settings) -> Measured:
    """C3: the largest relative error of f(T x) = T f(x), over all seeds, where theory says that there is none."""
    rows = tables["equivariance"].dropna(subset="error")
    exact, details = rows[rows.exact], errors_by_layer(rows)
    if exact.empty:
        raise CellsMissingError("a layer that theory says is equivariant")
    by_seed = exact.groupby("seed").error.max()
    telling = [details["odd_smallest_mismatch"], details["border_smallest_mismatch"]]
    powerful = all(error >= settings["min_inexact"] for error in telling)  # false for NaN: not measured
    small = by_seed.max() <= settings["max_exact"]
    verdict = (SUPPORTED if powerful else UNDECIDED) if small else REFUTED
    low, high = float(by_seed.min()), float(by_seed.max())
    return Measured(Decided(high, low, high, settings["max_exact"], verdict), details)


def errors_by_layer(rows: pd.DataFrame) -> dict[str, float]:
    """Counts, and errors by kind of layer: the largest where theory says 0, elsewhere the smallest or the median.

    Kinds that the table lacks give NaN.
    """
    alone, heads = rows[rows.scope == "layer"], rows[rows.place == "head"]
    convolutions = alone[alone.kind == "convolution"]
    exact, trained = convolutions[convolutions.exact], convolutions[convolutions.weights == "trained"]
    whole, at_border = trained["shift"] % trained.stride == 0, trained.place == "border"
    odd = trained[~whole & ~at_border]
    border = trained[whole & at_border & (trained.layer > 0) & (trained.padding == "zeros")]
    details = {"exact_cases": int(rows.exact.sum()), "inexact_cases": int((~rows.exact).sum())}
    for padding in ("circular", "zeros", "none"):
        strided = exact[(exact.padding == padding) & (exact.stride > 1)]
        details[f"{padding}_strided_mismatch"] = strided.error.max()
    for padding in ("circular", "zeros"):
        details[f"{padding}_mismatch"] = exact[(exact.padding == padding) & (exact.stride == 1)].error.max()
    for name, chosen in {"odd": odd, "border": border}.items():
        details[f"{name}_smallest_mismatch"] = chosen.error.min()
        details[f"{name}_median_mismatch"] = chosen.error.median()
    for pool in ("max_pool", "avg_pool", "blur_pool"):
        pools = alone[(alone.kind == pool) & (alone.weights == "trained")]
        unaligned = (pools["shift"] % pools.stride > 0) & (pools.place != "border")
        details[f"{pool}_mismatch"] = pools[pools.exact].error.max()
        details[f"{pool}_odd_mismatch"] = pools[unaligned].error.median()
    polyphase = alone[alone.kind == "polyphase"]
    details["polyphase_odd_mismatch"] = polyphase[polyphase["shift"] % polyphase.stride > 0].error.max()
    details["network_mismatch"] = rows[rows.exact & (rows.scope == "network")].error.max()
    details["background_mismatch"] = rows[rows.exact & (rows.place == "background")].error.max()
    connected, pooled = (heads[heads.kind == kind] for kind in ("fully_connected", "global_average_pool"))
    details["connected_head_mismatch"] = connected[connected.weights == "trained"].error.median()
    details["pooled_head_mismatch"] = pooled[pooled.exact].error.max()
    details["pooled_head_odd_mismatch"] = pooled[~pooled.exact & (pooled.weights == "trained")].error.median()
    return details
