"""Readings of what the original leaves open: their errors, what each changes, the curve and the table."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from invariance.plan.reading import load, resolve
from judging import ROOT, runs_of
from printed import keys_of_the_paper
from studies.readings import choices
from studies.readings.readings import draw
from studies.readings.summary import changes, curve, pooled_reach
from studies.readings.table import numbers, tabular

PLAN = resolve(load([ROOT / "config.yaml", ROOT / "readings.yaml"]))["mnist"]
TABLE1 = pd.DataFrame({"model": ["simard_cnn"], "training": ["elastic"], "error_percent": [0.4]})
ERRORS = {
    ("net", "base"): [0.60, 0.64, 0.65],
    ("net", "batch_16"): [0.55, 0.56, 0.60],
    ("tanh", "base"): [0.80, 0.90, 1.00],
}
CHOICES = {
    "net/base": {"nonlinearity": "relu", "batch": 128, "copies": 30, "epochs": 30},
    "net/batch_16": {"nonlinearity": "relu", "batch": 16, "copies": 30, "epochs": 30},
    "tanh/base": {"nonlinearity": "tanh", "batch": 128, "copies": 30, "epochs": 30},
}


def made_up_curve() -> pd.DataFrame:
    runs = runs_of({cell: {"test_error": values} for cell, values in ERRORS.items()})
    return curve(runs, CHOICES, 0.95)


def test_readings_are_sorted_and_have_the_interval_for_one_more_run():
    table = made_up_curve()
    assert table["mean"].tolist() == pytest.approx([0.57, 0.63, 0.9])
    values = ERRORS["net", "batch_16"]
    half = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) * np.sqrt(1 + 1 / 3)
    assert table.loc[0, ["one_more_low", "one_more_high"]].tolist() == pytest.approx([0.57 - half, 0.57 + half])
    assert table.loc[2, ["best", "worst", "seeds"]].tolist() == [0.8, 1.0, 3]


def test_a_reading_is_told_by_what_it_changes():
    assert changes(made_up_curve()) == [{"batch": 16}, {}, {"nonlinearity": "tanh"}]


def test_where_no_choice_is_the_usual_one_each_reading_is_told():
    pair = made_up_curve().iloc[[0, 2]]
    assert changes(pair) == [{"nonlinearity": "relu", "batch": 16}, {"nonlinearity": "tanh", "batch": 128}]
    found = written(numbers({"letter": pair}, TABLE1, 0.95))
    assert found["letter/highest/change"] == "nonlinearity: tanh, batch: 128"


def test_table_and_figure_show_every_reading():
    table = made_up_curve()
    text = tabular({"readings": table})
    lines = [line for line in text.splitlines() if "[" in line]
    assert [line.split(" & ")[0] for line in lines] == ["batch: 16", "none (the base)", "nonlinearity: tanh"]
    assert lines[1].split(" & ")[1].startswith("0.63 [")
    figure = draw({"readings": table}, TABLE1)
    errors, marks = figure.axes
    assert [label.get_text() for label in marks.get_yticklabels()] == ["batch: 16", "nonlinearity: tanh"]
    drawn = [line.get_xydata().tolist() for line in marks.lines if len(line.get_xydata())]
    assert drawn == [[[0, 0]], [[2, 1]]]
    assert any(line.get_ydata()[0] == 0.4 for line in errors.lines)


def written(text: str) -> dict[str, str]:
    return dict(line.removeprefix(r"\result{").removesuffix("}").split("}{") for line in text.splitlines())


@pytest.mark.parametrize(("published", "within", "pooled"), [(0.4, "0", "1"), (0.63, "3", "2"), (1.2, "1", "0")])
def test_the_numbers_of_the_text(published, within, pooled):
    found = written(numbers({"readings": made_up_curve()}, TABLE1.assign(error_percent=published), 0.95))
    assert found["readings/count"] == found["readings/seeds"] == "3"
    assert found["readings/epochs"] == "30"
    assert (found["readings/lowest/mean"], found["readings/lowest/change"]) == ("0.57", "batch: 16")
    assert (found["readings/highest/mean"], found["readings/highest/change"]) == ("0.90", "nonlinearity: tanh")
    assert found["readings/base/mean"] == "0.63"
    assert (found["readings/within"], found["readings/within_pooled"]) == (within, pooled)
    assert (found["readings/runs"], found["readings/best"]) == ("9", "0.55")


def test_the_text_names_every_reading_that_prints_the_same_error():
    table = made_up_curve()
    found = written(numbers({"readings": table.assign(mean=[0.571, 0.569, 0.9])}, TABLE1, 0.95))
    assert found["readings/lowest/change"] == "batch: 16 or none (the base)"


def test_pooled_the_reach_is_that_of_one_variance_for_all_readings():
    table = made_up_curve()
    residuals = np.concatenate([np.array(errors) - np.mean(errors) for errors in ERRORS.values()])
    spread = np.sqrt((residuals**2).sum() / (9 - 3))
    assert pooled_reach(table, 0.95).tolist() == pytest.approx([stats.t.ppf(0.975, 6) * spread * np.sqrt(4 / 3)] * 3)


def test_the_paper_asks_for_no_other_numbers():
    asked = {key for key in keys_of_the_paper() if key.startswith(("readings/", "letter/"))}
    assert len(asked) > 5
    assert asked <= set(written(numbers({"readings": made_up_curve(), "letter": made_up_curve()}, TABLE1, 0.95)))


def test_each_reading_of_the_overlay_changes_one_thing():
    """The base is the cell of Simard's table; the size of the steps stays what it is."""
    taken = choices(PLAN, "readings")["choices"]
    base = taken["simard_cnn/elastic"]
    assert len(taken) == 17
    for name, reading in taken.items():
        assert len([key for key in base if reading[key] != base[key]]) == (name != "simard_cnn/elastic"), name
    for cell in PLAN.of("readings"):
        used = PLAN.training_settings(*cell[:3])["optimisation"]
        assert used["learning_rate"] / used["batch"] / (1 - used["momentum"]) == pytest.approx(0.03 / 128 / 0.1)
    letter = choices(PLAN, "readings_to_the_letter")["choices"]
    assert {reading["nonlinearity"] for reading in letter.values()} == {"relu", "tanh", "scaled_tanh"}
    stated = {"batch": 1, "momentum": 0.0, "averaging": 0.0, "initial_weights": "normal", "copies": 400, "epochs": 400}
    assert all(reading[name] == value for reading in letter.values() for name, value in stated.items())
    simards = PLAN.training_settings("simard2003", "simard_cnn", "elastic")
    assert PLAN.training_settings("readings", "simard_cnn", "elastic") == simards
