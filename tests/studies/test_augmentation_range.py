"""The range of translations shown: the slope of C8."""

import numpy as np
import pytest

from judging import RANGES, SETTINGS, TRAINED_RANGES, judged, put, reasons, tables_of


def test_c8_is_a_slope_by_seed_over_the_ranges_that_were_trained():
    tables = tables_of(2)
    runs = tables["augmentation_range-runs"]
    for reach in RANGES:
        put(runs, "stride_fc", f"range_{reach}", "radius", [min(reach, 3), reach])
        put(runs, "stride_fc", f"range_{reach}", "mean_error", [50.0 - reach, 60.0 - reach])
        put(runs, "stride_fc", f"range_{reach}", "drift", [1.0 + reach, 3.0 + reach])
    claim = judged(tables)["C8"]
    saturating = np.polyfit(RANGES, [min(reach, 3) for reach in RANGES], 1)[0]
    assert claim.number == pytest.approx((saturating + 1) / 2)
    smallest, largest = min(RANGES), max(RANGES)
    assert claim.details == {
        "smallest_range": smallest,
        "largest_range": largest,
        "smallest_range_radius": (min(smallest, 3) + smallest) / 2,
        "largest_range_radius": (min(largest, 3) + largest) / 2,
        "smallest_range_shifted_error": 55 - smallest,
        "largest_range_shifted_error": 55 - largest,
        "smallest_range_drift": 2 + smallest,
        "largest_range_drift": 2 + largest,
    }
    some = {"augmentation_range-runs": runs[runs.training.isin(["range_0", "range_2"])]}
    claim = judged(some, {"C8": SETTINGS["C8"]})["C8"]
    assert claim.number == pytest.approx(1)
    assert (claim.details["smallest_range"], claim.details["largest_range"]) == (0, 2)


def test_one_range_has_no_slope():
    tables = tables_of()
    runs = tables["augmentation_range-runs"]
    assert set(reasons(tables | {"augmentation_range-runs": runs[runs.training == TRAINED_RANGES[-1]]})) == {"C8"}
