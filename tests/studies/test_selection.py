"""How the settings of Simard's table were chosen: what was reached on the validation images, and the table of it."""

import json

import pandas as pd
import pytest
from scipy import stats

import derive
from studies.selection.summary import validation


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
