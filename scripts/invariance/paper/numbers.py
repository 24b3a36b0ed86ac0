r"""The numbers in the paper's text: pairs of a key and a value, each a line \result{key}{value} of numbers.tex.

Keys look like paths, such as simard2003/simard_cnn/elastic/test_error/mean; paper/commands.tex reads them. Numbers of
only one study are in the `numbers` of its table.py.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from invariance.paper.tex import escape, formatted, number, small, whole


def result_lines(results: Iterable[tuple[str, str]]) -> str:
    r"""The file numbers.tex: one line \result{key}{value} for each pair."""
    return "".join(f"\\result{{{key}}}{{{value}}}\n" for key, value in results)


def config_results(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every number and word of the config, as config/<path>; lists are joined by commas."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            for key, below in value.items():
                yield from walk(below, f"{path}/{key}")
        elif isinstance(value, list):
            yield path, escape(", ".join(map(str, value)))
        else:
            yield path, escape(f"{value:g}" if isinstance(value, float) else str(value))

    for part in ("distortions", "audit", "models", "studies", "measures", "equivariance"):
        yield from walk(config.get(part, {}), f"config/{part}")
    for claim, settings in config["claims"].items():
        yield from walk(settings, f"claims/{claim}")
    for study, settings in config["studies"].items():
        yield f"{study}/canvas", str(settings["canvas"])
        yield f"{study}/max_shift", str(settings["max_shift"])
        yield f"{study}/shift_images", str(settings["shift_images"])
        yield f"{study}/seeds", str(len(settings["seeds"]))
        yield f"{study}/epochs", str(settings["optimisation"]["epochs"])
        if "positions" in settings:
            yield f"{study}/places", str(len(settings["positions"]))
    yield "claims/count", str(len(config["claims"]))
    yield "confidence", f"{100 * config['measures']['confidence']:g}"


def study_results(summary: pd.DataFrame, runs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Every measure of every cell over seeds, and parameter counts."""
    for row in summary.itertuples():
        cell = f"{row.study}/{row.model}/{row.training}/{row.measure}"
        for statistic in ("mean", "low", "high", "best", "worst"):
            yield f"{cell}/{statistic}", formatted(row.measure, getattr(row, statistic))
        yield f"{cell}/seeds", str(row.seeds)
    for row in runs.drop_duplicates("model").itertuples():
        yield f"parameters/{row.study}/{row.model}", formatted("parameters", row.parameters)


def claim_results(claims: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Verdict, number, interval and details of every claim."""
    for claim in claims:
        key = f"claims/{claim['id']}"
        yield f"{key}/verdict", claim["verdict"]
        yield f"{key}/unit", escape(claim["unit"])
        for end in ("number", "low", "high"):
            yield f"{key}/{end}", (small if is_rounding(claim) else number)(claim[end])
        for name, value in claim["details"].items():
            yield f"{key}/details/{name}", formatted(name, value)


def is_rounding(claim: Mapping[str, Any]) -> bool:
    """Whether a claim's number is compared with rounding error, which two decimals would not show."""
    return claim["unit"].startswith("relative error")


def distortion_results(summaries: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, str]]:
    """Measured size of each distortion, mean over its copies on its first canvas, as distortions/<name>/<what>."""
    first = {place.split("/")[1]: summary for place, summary in reversed(summaries.items())}
    for name, summary in first.items():
        means = summary.mean()
        yield f"distortions/{name}/rms", number(math.hypot(means.rms_x, means.rms_y) / math.sqrt(2))
        yield f"distortions/{name}/net_translation", number(means.net_translation)
        yield f"distortions/{name}/audit", small(summary.audit_mean.max())


def compute_results(reference: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Times of the reference run, in minutes, and its machine; nothing if no reference is committed."""
    if reference is None:
        return
    compute, machine = reference["compute"], reference["machine"]
    yield "compute/total_core_hours", number(compute["core_seconds"] / 3600, 1)
    yield "compute/jobs", whole(compute["jobs"])
    for workers, seconds in compute["replayed_seconds"].items():
        yield f"compute/replayed_{workers}", number(seconds / 60, 0)
    yield "compute/processor", escape(machine["processor"])
    yield "compute/cores", str(machine["cores"])
    yield "compute/config_hash", reference["config_sha256"][:12]
