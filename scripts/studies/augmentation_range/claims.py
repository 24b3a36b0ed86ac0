"""What the claim on the range of translations measures: C8."""

import numpy as np

from invariance.results.verdicts import CellsMissingError, Measured, Settings, Tables


def learned_range(tables: Tables, settings: Settings) -> Measured:
    """C8: how the radius of invariance grows with the range of the translations seen in training."""
    runs = tables["augmentation_range-runs"]
    runs = runs[(runs.model == "stride_fc") & runs.training.str.fullmatch(r"range_\d+")]
    runs = runs.assign(range=runs.training.str.removeprefix("range_").astype(int))
    if runs.range.nunique() < 2:
        raise CellsMissingError("stride_fc/range_0, range_1, ...")
    means = runs.groupby("range")[["radius", "mean_error", "drift"]].mean()
    details = {}
    for end, reach in {"smallest": means.index.min(), "largest": means.index.max()}.items():
        details |= {
            f"{end}_range": reach,
            f"{end}_range_radius": means.radius[reach],
            f"{end}_range_shifted_error": means.mean_error[reach],
            f"{end}_range_drift": means.drift[reach],
        }
    return Measured([np.polyfit(group.range, group.radius, 1)[0] for _, group in runs.groupby("seed")], details)
