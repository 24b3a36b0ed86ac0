"""The readings, as TeX: a table, and the numbers of the text."""

from collections.abc import Mapping

import pandas as pd

from invariance.paper import tex
from invariance.paper.numbers import result_lines
from invariance.paper.tex import between, number, with_interval
from studies.readings.summary import changes, joined, pooled_reach, published_error, words


def tabular(tables: Mapping[str, pd.DataFrame]) -> str:
    """One row per reading, from the lowest error to the highest: what it changes, and its test error."""
    curve = joined(tables)
    rows = [
        (
            tex.escape(in_words(changed)),
            with_interval(reading.mean, reading.low, reading.high),
            between(reading.one_more_low, reading.one_more_high),
            f"{number(reading.best)}--{number(reading.worst)}",
            str(reading.seeds),
        )
        for changed, reading in zip(changes(curve), curve.itertuples(), strict=True)
    ]
    return tex.tabular(r"p{0.4\linewidth}lllr", ["Change", r"Error (\%)", "One more run", "Best--worst", "Seeds"], rows)


def numbers(tables: Mapping[str, pd.DataFrame], table1: pd.DataFrame, confidence: float) -> str:
    """How many readings there are, the lowest and the highest error, and how many have the published one within reach.

    `within` judges each reading by its own seeds, `within_pooled` by the spread of all readings' seeds.

    Args:
        tables: by run; `readings` changes one thing at a time, `letter` is what the paper says at once.
        table1: the published errors: model, training, error_percent.
        confidence: of the intervals.
    """
    published, results = published_error(table1), []
    for run, curve in tables.items():
        within = curve["one_more_low"].le(published) & curve["one_more_high"].ge(published)
        results += [(f"{run}/{key}", str(value)) for key, value in counts(curve).items()]
        pooled = (curve["mean"] - published).abs() <= pooled_reach(curve, confidence)
        results += [(f"{run}/within", str(within.sum())), (f"{run}/within_pooled", str(pooled.sum()))]
        results += [(f"{run}/runs", str(curve["seeds"].sum())), (f"{run}/best", number(curve["best"].min()))]
        readings = list(zip(changes(curve), curve.itertuples(), strict=True))
        named = {"lowest": readings[0], "highest": readings[-1]}
        if base := [reading for reading in readings if not reading[0]]:
            named["base"] = base[0]
        for name, (_, reading) in named.items():
            results += [(f"{run}/{name}/{key}", number(getattr(reading, key))) for key in ("mean", "low", "high")]
            equal = [in_words(changed) for changed, other in readings if number(other.mean) == number(reading.mean)]
            results.append((f"{run}/{name}/change", tex.escape(" or ".join(equal))))
    return result_lines(results)


def counts(curve: pd.DataFrame) -> dict[str, int]:
    """The readings, and the fewest seeds and epochs of one."""
    return {"count": len(curve), "seeds": curve["seeds"].min(), "epochs": curve["epochs"].min()}


def in_words(changed: Mapping[str, object]) -> str:
    """What a reading changes."""
    return ", ".join(words(name, value) for name, value in changed.items()) or "none (the base)"
