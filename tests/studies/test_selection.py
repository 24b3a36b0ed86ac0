"""How the settings of Simard's table were chosen: what was reached on the validation images, and the table of it."""

import json

import pandas as pd
import pytest
from scipy import stats

import derive
from judging import CONFIG, NAN
from printed import is_whole, rows_of
from studies.selection.summary import validation
from studies.selection.table import tabular


def test_validation_over_seeds(tmp_path):
    optimisation = {"epochs": 3, "schedule": "constant", "learning_rate": 0.03, "averaging": 0.5, "momentum": 0.9}
    cards = {}
    for seed, (error, loss) in enumerate([(0.7, 0.03), (0.9, 0.02)]):
        final = {"epoch": 3, "validation_error": error, "validation_loss": loss}
        card = {"training": {"distortion": "elastic", "optimisation": optimisation}, "final": final}
        path = tmp_path / f"card-{seed}.json"
        path.write_text(json.dumps(card))
        cards[f"selection/mlp/slow/{seed}"] = str(path)
    output = tmp_path / "table.csv"
    derive.main(function=validation, inputs={"cards": cards}, settings={"confidence": 0.95}, output=output)

    error, loss = pd.read_csv(output).to_dict("records")
    assert {key: error[key] for key in ("study", "model", "training", "distortion", "schedule", "learning_rate")} == {
        "study": "selection",
        "model": "mlp",
        "training": "slow",
        "distortion": "elastic",
        "schedule": "constant",
        "learning_rate": 0.03,
    }
    assert (error["measure"], loss["measure"]) == ("validation_error", "validation_loss")
    assert (error["mean"], error["best"], error["worst"], error["seeds"]) == (pytest.approx(0.8), 0.7, 0.9, 2)
    assert (loss["best"], loss["worst"]) == (0.02, 0.03)
    low, high = stats.t.interval(0.95, 1, loc=0.8, scale=0.1)
    assert (error["low"], error["high"]) == pytest.approx((low, high))


# ----------------------------------------------------------------------------------------------------------------------
# As TeX


def test_selection_tabular_has_in_bold_what_the_config_takes():
    run = CONFIG | {"studies": {"simard2003": CONFIG["studies"]["simard2003"]}}
    taken = run["studies"]["simard2003"]["optimisation"]
    rows = []
    tried = [
        ("simard_cnn", "elastic", 1),
        ("simard_cnn", "elastic", 2),
        ("simard_cnn", "shift_1", 1),
        ("mlp", "elastic", 1),
    ]
    for model, distortion, factor in tried:
        row = {
            "study": "s",
            "model": model,
            "training": "t",
            "distortion": distortion,
            "seeds": 2,
            "low": NAN,
            "high": NAN,
        }
        row |= {key: taken[key] for key in ("epochs", "schedule", "averaging")}
        row["learning_rate"] = factor * taken["learning_rate"]
        error = row | {"measure": "validation_error", "mean": 0.75, "best": 0.7, "worst": 0.8}
        loss = row | {"measure": "validation_loss", "mean": 0.0251, "best": 0.02, "worst": 0.03}
        rows += [error, loss]
    text = tabular({"tried": pd.DataFrame(rows)}, run)
    assert is_whole(text)
    bold = [row for row in rows_of(text) if "textbf" in row]
    assert len(bold) == 1
    rate = f"\\textbf{{{taken['learning_rate']:g}}}"
    assert bold[0].startswith("Simard's CNN, elastic")
    assert all(part in bold[0] for part in (rate, r"\textbf{0.75 (0.70--0.80)}", r"\textbf{0.0251}", r"\textbf{2}"))
    # A training's own setting comes before the study's.
    run["studies"]["simard2003"]["trainings"]["elastic"]["optimisation"] = {"learning_rate": 2 * taken["learning_rate"]}
    run["studies"]["simard2003"]["trainings"]["elastic_mse"]["optimisation"] |= {"schedule": "one_cycle"}
    [bold] = [row for row in rows_of(tabular({"tried": pd.DataFrame(rows)}, run)) if "textbf" in row]
    assert f"\\textbf{{{2 * taken['learning_rate']:g}}}" in bold
    # Another schedule, or no study: nothing is in bold.
    run["studies"]["simard2003"]["optimisation"]["schedule"] = "one_cycle"
    assert "textbf" not in tabular({"tried": pd.DataFrame(rows)}, run)
    assert "textbf" not in tabular({"tried": pd.DataFrame(rows)}, {"studies": {}})
