"""The readings, as TeX."""

from collections.abc import Mapping

import pandas as pd

from invariance.paper import tex
from invariance.paper.tex import between, number, with_interval
from studies.readings.summary import changes, joined, words


def tabular(tables: Mapping[str, pd.DataFrame]) -> str:
    """One row per reading, from the lowest error to the highest: what it changes, and its test error."""
    curve = joined(tables)
    rows = [
        (
            tex.escape(", ".join(words(name, value) for name, value in changed.items()) or "none (the base)"),
            with_interval(reading.mean, reading.low, reading.high),
            between(reading.one_more_low, reading.one_more_high),
            f"{number(reading.best)}--{number(reading.worst)}",
            str(reading.seeds),
        )
        for changed, reading in zip(changes(curve), curve.itertuples(), strict=True)
    ]
    return tex.tabular("llllr", ["Change", r"Error (\%)", "One more run", "Best--worst", "Seeds"], rows)
