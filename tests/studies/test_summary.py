"""The tables that are about the whole plan: claims, settings, distortions."""

import json
import re

import pandas as pd
import pytest

from invariance.paper.numbers import claim_results, distortion_results
from invariance.plan.declarations import families
from judging import CONFIG
from printed import is_whole, rows_of
from studies.summary.table import OPTIONS, SETTINGS, claims, distortions, elsewhere, elsewhere_numbers, settings


def test_numbers_of_the_size_of_rounding_are_powers_of_ten():
    claim = {"id": "C3", "unit": "relative error where theory says 0", "statement": "S.", "verdict": "supported"}
    claim |= {"number": 1.5e-16, "low": 1e-16, "high": 1.5e-16, "threshold": 1e-12, "details": {"exact_cases": 1234.0}}
    results = dict(claim_results([claim]))
    assert results["claims/C3/number"] == r"$1.5\times10^{-16}$"
    assert results["claims/C3/details/exact_cases"] == "1{,}234"
    assert r"& $1.5\times10^{-16}$ & relative error where theory says 0 & $1.0\times10^{-12}$ &" in claims([claim])
    other = claim | {"unit": "points", "number": 0.001, "threshold": 0.5}
    assert dict(claim_results([other]))["claims/C3/number"] == "0.00"


def test_settings_tabular_leaves_out_what_the_config_leaves_out():
    run = json.loads(json.dumps(CONFIG))
    whole = settings(run)
    assert len(rows_of(whole)) == 1 + len(SETTINGS) + 4
    del run["distortions"]["affine"]
    less = settings(run)
    assert is_whole(less)
    assert len(rows_of(less)) == len(rows_of(whole)) - 4
    rate = run["studies"]["simard2003"]["optimisation"]["learning_rate"]
    assert f"Learning rate, Simard's table & {rate} & ours; Simard: 0.005" in less


def test_settings_tabular_has_the_options_of_simards_network():
    for option, (_, texts, _) in OPTIONS.items():
        declared = families()["simard_cnn"][option]
        assert set(texts) == set(map(str, declared["enum"]))
        assert next(iter(texts)) == str(declared["default"])
    run = json.loads(json.dumps(CONFIG))
    run["models"]["simard_cnn"] |= {"nonlinearity": "scaled_tanh", "background": -1}
    text = settings(run)
    assert is_whole(text)
    assert r"Nonlinearity & $1.7159\tanh(2x/3)$ (Simard's CNN), ReLU (others) & ours" in text
    other = "background $-1$, full ink 1 (Simard's CNN), background 0, full ink 1 (others)"
    assert f"Input scaling & {other} & ours" in text
    run["models"]["simard_cnn"] |= {"background": -1.0}
    assert settings(run) == text


def test_distortions_on_two_canvases_are_kept_apart():
    """The same distortion on Simard's canvas and on that of the shift studies is two datasets."""
    row = {"rms_x": 1.3, "rms_y": 1.2, "largest": 6.0, "net_translation": 0.78, "ink_lost": 1.0}
    summary = pd.DataFrame([row | {"audit_mean": 2e-5, "audit_largest": 1.0}] * 2)
    summaries = {"29/elastic": summary, "40/elastic": summary.assign(largest=7.0, net_translation=0.9)}
    text = distortions(summaries)
    assert is_whole(text)
    assert r"$29\times29$ & elastic & 2 & 1.30 & 1.20 & 6.0 & " in text
    assert r"$40\times40$ & elastic & 2 & 1.30 & 1.20 & 7.0 & " in text
    assert dict(distortion_results(summaries))["distortions/elastic/net_translation"] == "0.78"  # on the first canvas


def test_verdicts_of_two_data_sets_of_one_title_are_kept_apart():
    title = CONFIG["datasets"][CONFIG["dataset"]]["title"]
    claim = {"id": "C1", "statement": "S.", "unit": "percent", "number": 1.0, "low": 0.5, "high": 1.5}
    other = {"title": title, "claims": [claim | {"verdict": "refuted"}], "cells": []}
    here = [claim | {"verdict": "supported"}]
    row = rows_of(elsewhere(here, CONFIG, {"mnist": other}))[1]
    assert row.count("supported") == row.count("refuted") == 1
    assert r"\result{elsewhere/same}{0}" in elsewhere_numbers(here, CONFIG, {"mnist": other})


@pytest.mark.parametrize(
    ("there", "expected"),
    [("supported", ("2", None)), ("refuted", ("1", "C10")), ("undecided", ("1", "C10"))],
)
def test_verdicts_elsewhere_are_counted_where_both_data_sets_have_one(there, expected):
    def judged(**verdicts: str) -> list[dict[str, str]]:
        return [{"id": name, "verdict": verdict} for name, verdict in verdicts.items()]

    here = judged(C1="refuted", C2="supported", C10="supported")
    cell = {"study": "split", "model": "mlp", "training": "centred", "measure": "mean_error", "mean": 12.345}
    other = {"title": "A & B", "claims": judged(C1="refuted", C9="refuted", C10=there), "cells": [cell]}
    written = elsewhere_numbers(here, CONFIG, {"other": other})
    found = dict(
        re.fullmatch(r"\\result\{elsewhere/([\w/]+)\}\{(.*)\}", line).groups() for line in written.splitlines()
    )
    assert (found["same"], found.get("differing")) == expected
    assert (found["names"], found["judged"]) == (r"A \& B", "2")
    assert found["other/split/mlp/centred/mean_error"] == "12.35"
    assert found.get("other/C10/other_verdict") == (None if there == "supported" else there)
    assert "other/C9/other_verdict" not in found  # it has no verdict here
