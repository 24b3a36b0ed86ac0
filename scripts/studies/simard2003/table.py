"""Simard's table beside ours, as TeX."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from invariance.paper.numbers import result_lines
from invariance.paper.tex import between, formatted, number, p_value, tabular, with_gaps, with_interval
from invariance.results.labels import label
from studies.simard2003.summary import decided_by_rounding


def published(table: pd.DataFrame) -> str:
    """Published error beside ours: mean with t-interval, where one more run falls, Wilson's interval, verdict."""
    rows = [
        (
            label(row.model),
            (
                label(row.training),
                number(row.published, 1),
                with_interval(row.mean, row.low, row.high),
                between(row.one_more_low, row.one_more_high),
                between(row.wilson_low, row.wilson_high),
                "" if pd.isna(row.verdict) else row.verdict,
            ),
        )
        for row in table.itertuples()
    ]
    header = ["Model", "Training", "Published", "Ours", "One more run", "Wilson", "Verdict"]
    return tabular("llrlccl", header, with_gaps(rows))


def long_runs(tables: Mapping[str, pd.DataFrame]) -> str:
    """As `published`, for several committed tables together, model by model."""
    models = pd.concat(tables.values()).groupby("model", sort=False)
    return published(pd.concat(rows for _, rows in models))


def long_numbers(tables: Mapping[str, pd.DataFrame]) -> str:
    """Of each committed run and its cells the mean error, and where one more run falls."""
    results = []
    for run, table in tables.items():
        for row in table.itertuples():
            cell = f"long/{run}/{row.model}/{row.training}"
            one_more = between(row.one_more_low, row.one_more_high)
            results += [(f"{cell}/mean", number(row.mean)), (f"{cell}/one_more", one_more)]
    return result_lines(results)


def pairs(table: pd.DataFrame) -> str:
    """What each training saves over another, paired over seeds, and McNemar's test."""
    rows = [
        (
            label(row.model),
            (
                f"{label(row.training)} / {label(row.against)}",
                with_interval(row.difference, row.low, row.high),
                f"{row.only_first_right} / {row.only_second_right}",
                f"${p_value(row.mcnemar_p)}$",
            ),
        )
        for row in table.itertuples()
    ]
    header = ["Model", "Training / against", "Error saved", "Only one right", "McNemar $p$"]
    return tabular("lllcr", header, with_gaps(rows))


def numbers(study: str, tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, str]]:
    """Published errors, how many have which verdict, and the paired differences between trainings."""
    if study != "simard2003":
        return  # it repeats some of these cells in another way and would give the same keys
    table = tables[f"{study}-published"]
    for row in table[table.published.notna()].itertuples():
        yield f"published/{row.model}/{row.training}", number(row.published, 1)
    yield "replicated/published", str(table.published.notna().sum())
    for verdict in ("reproduced", "ours lower", "ours higher"):
        yield f"replicated/{verdict.replace(' ', '_')}", str((table.verdict == verdict).sum())
    intervals = zip(table.published, table.one_more_low, table.one_more_high, strict=True)
    yield "replicated/decided_by_rounding", str(sum(decided_by_rounding(*each) for each in intervals))
    for row in tables[f"{study}-pairs"].itertuples():
        for name in ("difference", "low", "high", "mcnemar_p"):
            yield f"pairs/{row.model}/{row.training}/{row.against}/{name}", formatted(name, getattr(row, name))
        yield f"pairs/{row.model}/{row.training}/{row.against}/better", better(row)


def better(pair: Any) -> str:
    """Which training of a row of `pairs` has the lower error, if the whole interval of the difference says so."""
    return label(pair.training) if pair.low > 0 else label(pair.against) if pair.high < 0 else "neither"
