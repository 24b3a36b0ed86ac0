"""Telling positions: which networks can, which cannot however trained, and what the scripts write."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from invariance.learning.evaluation import InDoublePrecision
from invariance.learning.training import predict
from invariance.learning.weights import save_weights
from invariance.networks.building import build_model
from invariance.record.artefacts import InputError
from invariance.results.measures import largest_differences
from judging import cell, judged, tables_of
from printed import is_whole
from studies.two_positions import summary
from studies.two_positions.evaluation import evaluate
from studies.two_positions.table import tabular

TRUNK = {"family": "trunk", "channels": [3, 4, 5], "downsampling": "stride", "head": "gap"}
CIRCULAR, ZEROS = TRUNK | {"padding": "circular"}, TRUNK | {"padding": "zeros"}
MLP = {"family": "mlp", "hidden": 2}
FAR = [[-6, -6], [6, 6]]  # 12 pixels apart, a multiple of the trunk's stride of 4
IMAGES = 30


def untrained(settings: dict) -> torch.nn.Module:
    """A network of random weights, whose batch normalisation has seen other images than those of the tests."""
    torch.manual_seed(5)
    model = build_model(settings, 40)
    with torch.no_grad():
        for _ in range(3):
            model(torch.rand(8, 1, 40, 40))
    return model.eval()


def tells_left_from_right() -> torch.nn.Module:
    """An MLP whose first output grows with the ink of the left half of the canvas, and its second with the right's."""
    model = build_model(MLP, 40)
    left = torch.zeros(40, 40)
    left[:, :20] = 1
    first, last = (layer for layer in model if hasattr(layer, "weight"))
    with torch.no_grad():
        first.weight.copy_(torch.stack([left, 1 - left]).flatten(1))
        last.weight.copy_(torch.eye(10, 2))
        first.bias.zero_()
        last.bias.zero_()
    return model


def evaluated(folder: Path, settings: dict, model: torch.nn.Module, positions: list) -> pd.DataFrame:
    """How well a model tells the positions."""
    images = np.zeros((IMAGES, 28, 28), np.uint8)
    images[:, 4:24, 6:22] = np.random.default_rng(1).integers(0, 256, (IMAGES, 20, 16))
    weights = folder / "weights.safetensors"
    save_weights(model, weights)
    given = {"images": images, "weights": weights, "model": settings, "canvas": 40, "positions": positions}
    return evaluate(**given, classes=10, device="cpu")


# ----------------------------------------------------------------------------------------------------------------------
# How far logits differ


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_largest_differences_by_loops(positions, images, seed):
    logits = np.random.default_rng(seed).normal(size=(positions, images, 10)).astype(np.float32)
    spread = np.std(logits.astype(float))
    for here, largest in enumerate(largest_differences(logits)):
        differences = [
            abs(float(logits[here, image, output]) - float(logits[there, image, output]))
            for there, image, output in product(range(positions), range(images), range(10))
        ]
        assert largest == pytest.approx(max(differences) / spread)


def test_a_constant_network_has_no_measure_of_its_differences():
    assert np.isnan(largest_differences(np.ones((2, 3, 10)))).all()


@pytest.mark.parametrize("settings", [CIRCULAR, ZEROS, MLP, {"family": "simard_cnn"}])
def test_double_precision_is_the_same_function_and_leaves_the_model_as_it_is(settings):
    model, images = untrained(settings), np.random.default_rng(0).integers(0, 256, (4, 40, 40), dtype=np.uint8)
    single, double = predict(model, images), predict(InDoublePrecision(model), images)
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single, double, atol=1e-5)
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


# ----------------------------------------------------------------------------------------------------------------------
# Who can tell


def test_circular_padding_with_global_pooling_is_at_chance_exactly(tmp_path):
    """Whatever its weights: it gives each image the same answer at both places, and one of the two is right."""
    told = evaluated(tmp_path, CIRCULAR, untrained(CIRCULAR), FAR)
    assert told[["dx", "dy"]].to_numpy().tolist() == FAR
    assert told.n.tolist() == [IMAGES, IMAGES]
    assert told.accuracy.sum() == 1
    assert told.logit_drift.max() < 1e-5
    assert told.float64_drift.max() < 1e-13


def test_zero_padding_gives_the_place_away_and_so_does_a_shift_within_the_stride(tmp_path):
    assert evaluated(tmp_path, ZEROS, untrained(ZEROS), FAR).float64_drift.min() > 1e-3
    assert evaluated(tmp_path, CIRCULAR, untrained(CIRCULAR), [[-6, -6], [5, 6]]).float64_drift.min() > 1e-3


def test_accuracy_is_that_of_the_position_in_its_place_of_the_list(tmp_path):
    places = [[-6, 0], [6, 0]]
    told = evaluated(tmp_path, MLP, tells_left_from_right(), places)
    assert told.accuracy.tolist() == [1, 1]
    assert told.logit_drift.to_numpy() == pytest.approx(told.float64_drift.to_numpy(), rel=1e-4)
    assert evaluated(tmp_path, MLP, tells_left_from_right(), places[::-1]).accuracy.tolist() == [0, 0]


def test_a_position_that_would_lose_ink_is_refused(tmp_path):
    with pytest.raises(InputError, match="would lose ink"):
        evaluated(tmp_path, CIRCULAR, untrained(CIRCULAR), [[0, 0], [0, 16]])


# ----------------------------------------------------------------------------------------------------------------------
# Tables


def test_measures_of_a_run():
    positions = pd.DataFrame({"dx": [0, 1, 2, 3], "dy": 0, "n": 7, "accuracy": [0.5, 1, 0.25, 0.25]})
    measures = summary.position_measures(
        positions.assign(logit_drift=[1, 2, 3, 2.5], float64_drift=[0.1, 0.4, 0.2, 0.3])
    )
    assert measures == {"test_images": 7, "chance": 25, "accuracy": 50, "drift": 3, "float64_drift": 0.4}


def test_tables_over_seeds(tmp_path):
    inputs = {"positions": {}, "cards": {}}
    for seed in (0, 1):
        path = tmp_path / f"seed-{seed}.csv"
        positions = pd.DataFrame({"dx": [-1, 1], "dy": 0, "n": 9, "accuracy": [0.5, 0.75 + 0.25 * seed]})
        positions.assign(logit_drift=1.0 + seed, float64_drift=2.0 + seed).to_csv(path, index=False)
        path.with_suffix(".json").write_text('{"parameters": 123}')
        inputs["positions"][f"two/stride_gap/placed/{seed}"] = str(path)
        inputs["cards"][f"two/stride_gap/placed/{seed}"] = str(path.with_suffix(".json"))
    of_runs, output = tmp_path / "runs.csv", tmp_path / "summary.csv"
    derive.main(function=summary.runs, inputs=inputs, settings={}, output=of_runs)
    derive.main(function=summary.summary, inputs={"runs": str(of_runs)}, settings={"confidence": 0.95}, output=output)
    runs = pd.read_csv(of_runs)
    assert runs[["study", "model", "training", "seed", "parameters", "chance", "accuracy"]].to_numpy().tolist() == [
        ["two", "stride_gap", "placed", 0, 123, 50, 62.5],
        ["two", "stride_gap", "placed", 1, 123, 50, 75],
    ]
    table = pd.read_csv(output).set_index("measure")
    assert table.loc["accuracy", ["mean", "best", "worst"]].tolist() == [68.75, 75, 62.5]
    assert table.loc["float64_drift", ["mean", "best", "worst"]].tolist() == [2.5, 2, 3]


# ----------------------------------------------------------------------------------------------------------------------
# C10


def test_c10_prints_the_lowest_and_highest_seed():
    tables = tables_of()
    details = judged(tables)["C10"].details
    assert details["chance"] == 50
    for padding, model in {"zeros": "stride_gap", "circular": "stride_gap_circular"}.items():
        placed = cell(tables["two_positions-runs"], model, "placed")
        of_padding = {name: details[f"{padding}_{name}accuracy"] for name in ("", "min_", "max_")}
        expected = {"": placed.accuracy.sum() / 3, "min_": min(placed.accuracy), "max_": max(placed.accuracy)}
        assert of_padding == pytest.approx(expected)
        assert details[f"{padding}_drift"] == max(placed.drift)
        assert details[f"{padding}_float64_drift"] == max(placed.float64_drift)


# ----------------------------------------------------------------------------------------------------------------------
# As TeX


def test_tabular_has_the_lowest_and_highest_seed():
    columns = ["study", "model", "training", "measure", "seeds", "mean", "low", "high", "best", "worst"]
    measures = {"accuracy": (75, 70, 80, 79, 71), "drift": (1, 1, 1, 0.5, 2), "float64_drift": (0, 0, 0, 0, 3e-16)}
    rows = [("s", "stride_gap", "placed", name, 3, *values) for name, values in measures.items()]
    text = tabular(pd.DataFrame(rows, columns=columns))
    assert is_whole(text)
    assert r"stride, GAP & 75.00 [70.00, 80.00] & 71.00--79.00 & 2.00 & $3.0\times10^{-16}$ \\" in text
