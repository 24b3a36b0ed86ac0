"""Every measure against plain loops over images and shifts; the logits over shifts against one image at a time."""

import functools
import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor, nn

import evaluate as evaluate_script
from invariance.data.images import shift_grid, shift_images
from invariance.learning import evaluation, training
from invariance.learning.evaluation import logits_over_shifts
from invariance.learning.training import one_thread, predict
from invariance.learning.weights import save_weights
from invariance.networks.building import build_model, for_inference
from invariance.networks.phase_average import PhaseAverage
from invariance.record.artefacts import InputError
from invariance.results.measures import (
    accuracy,
    consistency,
    logit_drift,
    pairwise_consistency,
    radius_of_invariance,
    robust_error,
)
from judging import TRAINED

GRID = shift_grid(1)  # nine shifts, (0, 0) in the middle
WIDE = shift_grid(3)
SIDE = 16
TRUNK = {"family": "trunk", "channels": [3, 4], "downsampling": "stride", "padding": "circular", "head": "gap"}
examples = settings(max_examples=60, deadline=None)

# Few classes, so that predictions often agree.
predicted = st.integers(1, 12).flatmap(lambda n: arrays.arrays(np.uint8, (len(GRID), n), elements=st.integers(0, 3)))


@pytest.fixture(autouse=True)
def _one_thread():
    one_thread()


@st.composite
def predicted_and_labels(draw):
    predictions = draw(predicted)
    labels = draw(arrays.arrays(np.uint8, predictions.shape[1], elements=st.integers(0, 3)))
    return predictions, labels


def shuffled(draw_from: list, seed: int) -> list:
    """The same shifts in another order: nothing may rely on where (0, 0) stands."""
    order = np.random.default_rng(seed).permutation(len(draw_from))
    return [draw_from[place] for place in order]


# ----------------------------------------------------------------------------------------------------------------------
# Measures of predictions


@examples
@given(predicted_and_labels())
def test_accuracy_by_counting(case):
    predictions, labels = case
    expected = []
    for row in predictions.tolist():
        right = sum(1 for image, label in zip(row, labels.tolist(), strict=True) if image == label)
        expected.append(right / len(labels))
    assert accuracy(predictions, labels).tolist() == pytest.approx(expected)


@examples
@given(predicted, st.integers(0, 100))
def test_consistency_by_counting(predictions, seed):
    shifts = shuffled(GRID, seed)
    [unshifted] = [row for row, shift in zip(predictions.tolist(), shifts, strict=True) if shift == (0, 0)]
    expected = []
    for row in predictions.tolist():
        kept = sum(1 for now, before in zip(row, unshifted, strict=True) if now == before)
        expected.append(kept / len(unshifted))
    got = consistency(predictions, shifts)
    assert got.tolist() == pytest.approx(expected)
    assert got[shifts.index((0, 0))] == 1


@examples
@given(predicted_and_labels())
def test_robust_error_by_counting(case):
    predictions, labels = case
    broken = 0
    for image, label in enumerate(labels.tolist()):
        if any(predictions[shift][image] != label for shift in range(len(GRID))):
            broken += 1
    assert robust_error(predictions, labels) == pytest.approx(broken / len(labels))
    assert robust_error(predictions, labels) >= 1 - accuracy(predictions, labels).min() - 1e-12


def test_consistent_is_not_the_same_as_right():
    labels = np.array([0, 1, 2, 3])
    predictions = np.tile((labels + 1) % 4, (len(GRID), 1)).astype(np.uint8)
    assert (accuracy(predictions, labels) == 0).all()
    assert (consistency(predictions, GRID) == 1).all()


@examples
@given(
    arrays.arrays(np.float64, len(WIDE), elements=st.sampled_from([90.0, 94.9, 95.0, 97.0, 100.0])),
    st.integers(0, 100),
)
def test_radius_by_growing_it(values, seed):
    """Most draws fail at once, so that the values at the middle are raised, ring by ring."""
    shifts = shuffled(WIDE, seed)
    for raised in range(5):
        if raised:
            values = np.array(
                [100.0 if max(map(abs, shift)) < raised else value for shift, value in zip(shifts, values, strict=True)]
            )
        radius = -1
        for candidate in range(4):
            near = [v for (dx, dy), v in zip(shifts, values, strict=True) if abs(dx) <= candidate >= abs(dy)]
            if all(value >= 95 for value in near):
                radius = candidate
        assert radius_of_invariance(values, shifts, 95) == radius


def test_radius_counts_corners_and_the_threshold_itself():
    values = np.full(len(WIDE), 95.0)
    assert radius_of_invariance(values, WIDE, 95) == 3
    values[WIDE.index((2, -2))] = 94.99
    assert radius_of_invariance(values, WIDE, 95) == 1
    values[WIDE.index((0, 1))] = 94.99
    assert radius_of_invariance(values, WIDE, 95) == 0


# ----------------------------------------------------------------------------------------------------------------------
# Pairs of shifts


@examples
@given(predicted)
def test_pairwise_consistency_counts_all_pairs(predictions):
    """Each shift is paired with every other, in both orders, and with itself."""
    columns = predictions.T.tolist()
    agree = [first == second for column in columns for first, second in itertools.product(column, repeat=2)]
    assert pairwise_consistency(predictions) == pytest.approx(sum(agree) / len(agree))


@settings(max_examples=12, deadline=None)
@given(predicted)
def test_pairwise_consistency_is_what_random_pairs_converge_to(predictions):
    shifts, images = predictions.shape
    first, second = np.random.default_rng(0).integers(shifts, size=(2, 100_000 // images, images))
    columns = np.arange(images)
    drawn = (predictions[first, columns] == predictions[second, columns]).mean()
    exact = pairwise_consistency(predictions)
    tolerance = 5 * math.sqrt(exact * (1 - exact) / first.size) + 1e-12
    assert drawn == pytest.approx(exact, abs=tolerance)


def test_pairwise_consistency_weighs_every_shift_alike():
    """One odd shift of ten, wherever it stands, is drawn as often as any other: (9 / 10)^2 + (1 / 10)^2 agree."""
    for odd in (0, 9):
        predictions = np.zeros((10, 2000), dtype=np.uint8)
        predictions[odd] = 1
        assert pairwise_consistency(predictions) == pytest.approx(0.82)


def test_pairwise_consistency_pairs_a_shift_with_itself_too():
    predictions = np.repeat(np.array([[0], [1]], dtype=np.uint8), 4000, axis=1)
    assert pairwise_consistency(predictions) == 0.5


def test_pairwise_consistency_keeps_to_the_image():
    """Each image has a class of its own under every shift: always consistent, though no two images agree."""
    predictions = np.tile(np.arange(10, dtype=np.uint8), (9, 1))
    assert pairwise_consistency(predictions) == 1


# ----------------------------------------------------------------------------------------------------------------------
# Drift


@examples
@given(arrays.arrays(np.float32, (len(GRID), 3, 4), elements=st.floats(-50, 50, width=32)), st.integers(0, 100))
def test_drift_by_loops(logits, seed):
    shifts = shuffled(GRID, seed)
    unshifted = [row.tolist() for row in logits[shifts.index((0, 0))]]
    numbers = [value for row in unshifted for value in row]
    mean = math.fsum(numbers) / len(numbers)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in numbers) / len(numbers))
    got = logit_drift(logits, shifts)
    if len(set(numbers)) == 1:
        assert np.isnan(got).all()
        return
    for rows, drift in zip(logits.tolist(), got, strict=True):
        largest = 0.0
        for row, before in zip(rows, unshifted, strict=True):
            for value, was in zip(row, before, strict=True):
                largest = max(largest, abs(value - was))
        assert drift == pytest.approx(largest / spread, rel=1e-6)
    assert got[shifts.index((0, 0))] == 0


def test_drift_does_not_depend_on_the_scale_of_the_logits():
    logits = np.random.default_rng(1).normal(size=(9, 5, 10)).astype(np.float32)
    np.testing.assert_allclose(logit_drift(1000 * logits + 7, GRID), logit_drift(logits, GRID), rtol=1e-4)


def test_a_constant_classifier_is_consistent_and_has_no_drift_to_speak_of():
    logits = np.zeros((len(GRID), 20, 10), dtype=np.float32)
    labels = np.arange(20) % 10
    predictions = logits.argmax(axis=2)
    assert (consistency(predictions, GRID) == 1).all()
    assert pairwise_consistency(predictions) == 1
    assert np.isnan(logit_drift(logits, GRID)).all()
    assert accuracy(predictions, labels).tolist() == [0.1] * 9


# ----------------------------------------------------------------------------------------------------------------------
# Logits over shifts


def ink(count: int, margin: int, side: int = SIDE, seed: int = 0) -> np.ndarray:
    """Noise within an empty margin, up to whose edge there is ink: uint8 (n, side, side)."""
    images = np.zeros((count, side, side), dtype=np.uint8)
    inside = (count, side - 2 * margin, side - 2 * margin)
    images[:, margin : side - margin, margin : side - margin] = np.random.default_rng(seed).integers(1, 256, inside)
    return images


def moved(image: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """One image, pixel by pixel, dx to the right and dy down."""
    result = np.zeros_like(image)
    for row, column in np.argwhere(image):
        result[row + dy, column + dx] = image[row, column]
    return result


def random_model(seed: int = 0) -> nn.Module:
    """A strided trunk whose batch norms are not the identity."""
    torch.manual_seed(seed)
    model = build_model(TRUNK, SIDE)
    for layer in model:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 0.01, 0.1)
            nn.init.normal_(layer.running_mean, 0, 0.1)
    return model.eval()


class Centroid(nn.Module):
    """ "Logits" that tell where the ink is: its mean column and row, then zeros."""

    def forward(self, images: Tensor) -> Tensor:
        columns = torch.arange(images.shape[-1], dtype=torch.float32)
        total = images.sum(dim=(1, 2, 3))
        logits = torch.zeros(len(images), 10)
        logits[:, 0] = (images.sum(dim=(1, 2)) * columns).sum(dim=1) / total
        logits[:, 1] = (images.sum(dim=(1, 3)) * columns).sum(dim=1) / total
        return logits


def test_positive_shifts_go_right_and_down():
    shifts = shift_grid(2)
    logits = logits_over_shifts(Centroid(), ink(3, margin=2), shifts)
    assert logits.shape == (25, 3, 10)
    still = logits[shifts.index((0, 0))]
    for (dx, dy), shifted in zip(shifts, logits, strict=True):
        np.testing.assert_allclose(shifted[:, 0] - still[:, 0], dx, atol=1e-4)
        np.testing.assert_allclose(shifted[:, 1] - still[:, 1], dy, atol=1e-4)


def test_logits_over_shifts_one_image_at_a_time():
    images, shifts, model = ink(4, margin=2), shift_grid(2), random_model()
    got = logits_over_shifts(model, images, shifts)
    assert got.dtype == np.float32
    for number, (dx, dy) in enumerate(shifts):
        for place, image in enumerate(images):
            alone = predict(model, moved(image, dx, dy)[None])[0]
            np.testing.assert_allclose(got[number, place], alone, rtol=0, atol=1e-5 * got.std())


STEMS = {  # layers, of the model made for inference, that are shared by all shifts of one phase
    "mlp": 0,
    "simard_cnn": 2,
    "stride_fc": 1,
    "max_pool_fc": 2,
    "avg_pool_fc": 2,
    "blur_pool_fc": 1,
    "stride_gap": 1,
    "stride_gap_circular": 0,
    "polyphase_gap_circular": 0,
    "stn": 0,
}


@functools.cache
def images_under_shifts(side: int, reach: int) -> tuple[np.ndarray, list, np.ndarray]:
    """Images whose ink reaches up to the margin, shifts, and each image under each. Made pixel by pixel, so once."""
    images, shifts = ink(5, margin=reach, side=side), shuffled(shift_grid(reach), 3)
    return images, shifts, np.stack([moved(image, *by) for by in shifts for image in images])


@pytest.mark.parametrize(
    ("name", "side", "reach"),
    [
        (name, side, reach)
        for name in TRAINED
        for side, reach in [(36, 4), (33, 2)]
        if side % 4 == 0 or TRAINED[name].get("downsampling") != "polyphase"
    ],
)
def test_what_shifts_share_changes_nothing(name, side, reach, monkeypatch):
    """Computed once for all shifts of a phase, the logits are those of brute force."""
    torch.manual_seed(7)
    model = build_model(TRAINED[name], side)
    with torch.no_grad():
        model.train()(torch.rand(16, 1, side, side))  # moments that are not those of a fresh network
    model.eval()
    images, shifts, everything = images_under_shifts(side, reach)
    expected = predict(model, everything).reshape(len(shifts), len(images), -1)
    monkeypatch.setattr(training, "EVALUATION_BATCH", 3)
    got = logits_over_shifts(model, images, shifts)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * expected.std())
    assert (got.argmax(axis=2) == expected.argmax(axis=2)).all()
    assert evaluation.shift_equivariant_stem(for_inference(model)) == STEMS[name]


@pytest.mark.parametrize("name", ["simard_cnn", "stride_fc", "phase_averaged"])
def test_what_a_shift_may_lose_is_lost(name):
    """Nothing is shared between shifts then: neither a larger canvas nor a roll keeps what is pushed off the canvas."""
    torch.manual_seed(7)
    average = name == "phase_averaged"
    model = build_model(TRAINED["stride_gap_circular" if average else name], 32).eval()
    model = PhaseAverage(model, 4) if average else model
    images, shifts = ink(4, margin=1, side=32), [(0, 0), (5, -3), (-4, 6)]
    everything = np.stack([shift_images(images, *by) for by in shifts]).reshape(-1, 32, 32)
    got = logits_over_shifts(model, images, shifts, may_lose_ink=True)
    np.testing.assert_allclose(got, predict(model, everything).reshape(got.shape), rtol=0, atol=1e-6)
    with pytest.raises(InputError, match="would lose ink"):
        logits_over_shifts(model, images, shifts)


USERS = {  # a network of torch.nn alone, and how many of its layers are shared
    "pointwise layers are shared, too": (
        lambda: [nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3)],
        5,
    ),
    "in one nn.Sequential more": (lambda: [nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU()), nn.AvgPool2d(3, 2)], 3),
    "a padded layer behind the first": (lambda: [nn.ReLU(), nn.Conv2d(1, 3, 3, padding=1)], 1),
    "a padding that is not 0": (lambda: [nn.MaxPool2d(3, 2, 1)], 0),
    "a layer that nobody knows": (lambda: [nn.Conv2d(1, 3, 3), nn.Softmax(dim=-1), nn.ReLU()], 1),
    "fully connected, without a bias": (lambda: [nn.Flatten(), nn.LazyLinear(5, bias=False), nn.ReLU()], 0),
}


@pytest.mark.parametrize("name", USERS)
def test_a_users_network_over_shifts_is_the_same_as_shift_by_shift(name):
    torch.manual_seed(3)
    make, stem = USERS[name]
    side, reach = 20, 3
    model = nn.Sequential(*make(), nn.Flatten(), nn.LazyLinear(10))
    with torch.no_grad():
        model.train()(torch.rand(16, 1, side, side))
    model.eval()
    images, shifts = ink(4, margin=reach, side=side), shift_grid(reach)
    expected = np.stack([predict(model, np.stack([moved(image, *by) for image in images])) for by in shifts])
    got = logits_over_shifts(model, images, shifts)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * expected.std())
    assert evaluation.shift_equivariant_stem(for_inference(model)) == stem


def test_a_network_of_full_layers_on_rows_is_not_taken_for_one_that_reads_pixels():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 8), nn.Linear(8, 1), nn.Flatten(), nn.Linear(16, 10)).eval()
    images, shifts = ink(3, margin=2, side=16), shift_grid(1)
    expected = np.stack([predict(model, shift_images(images, *shift)) for shift in shifts])
    np.testing.assert_allclose(logits_over_shifts(model, images, shifts), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("blank", [True, False])
def test_a_network_that_reads_pixels_leaves_out_those_that_are_blank_in_every_image(blank):
    torch.manual_seed(3)
    model = build_model(TRAINED["mlp"], 12)
    images = np.zeros((3, 12, 12), np.uint8) if blank else np.full((3, 12, 12), 255, np.uint8)
    shifts = [(0, 0), (2, -1)] if blank else [(0, 0)]
    expected = np.stack([predict(model, images)] * len(shifts))
    np.testing.assert_allclose(logits_over_shifts(model, images, shifts), expected, atol=1e-6)


class AddsARamp(nn.Sequential):
    """Layers in a row, and something else: what it computes is not known from its layers."""

    def forward(self, images):
        return super().forward(images + torch.linspace(0, 1, images.shape[-1]))


def test_a_sequential_that_does_something_else_is_taken_as_a_whole():
    torch.manual_seed(3)
    model = AddsARamp(nn.Conv2d(1, 3, 3, 2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    images, shifts = ink(4, margin=2), shift_grid(2)
    expected = np.stack([predict(model, np.stack([moved(image, *by) for image in images])) for by in shifts])
    np.testing.assert_array_equal(logits_over_shifts(model, images, shifts), expected)


def test_phase_averages_are_those_of_the_module_itself():
    """With an uneven list of shifts, so that rows and columns cannot be exchanged unnoticed."""
    images, shifts = ink(3, margin=3), [(0, 0), (3, -1), (-2, 0), (1, 2), (0, 3)]
    average = PhaseAverage(random_model(), 2).eval()
    expected = np.stack([predict(average, np.stack([moved(image, *by) for image in images])) for by in shifts])
    got = logits_over_shifts(average, images, shifts)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * expected.std())


def test_phase_averages_of_a_network_that_is_not_invariant():
    """Averaged over too few phases, the shifts still differ: each of them must get its own phases, in its own place."""
    images, shifts = ink(3, margin=3), shift_grid(3)
    torch.manual_seed(1)
    average = PhaseAverage(build_model(TRUNK | {"head": "fc", "padding": "zeros"}, SIDE), 2).eval()
    expected = np.stack([predict(average, np.stack([moved(image, *by) for image in images])) for by in shifts])
    assert logit_drift(expected, shifts).max() > 0.1
    got = logits_over_shifts(average, images, shifts)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * expected.std())


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_shift_that_loses_ink_is_refused(wrapped):
    model = PhaseAverage(random_model(), 2) if wrapped else random_model()
    assert len(logits_over_shifts(model, ink(2, margin=2), [(0, 0), (2, -2)])) == 2
    for shift in [(3, 0), (-3, 0), (0, 3), (0, -3)]:
        with pytest.raises(InputError, match="would lose ink"):
            logits_over_shifts(model, ink(2, margin=2), [(0, 0), shift])


# ----------------------------------------------------------------------------------------------------------------------
# The script


def files_of_script(
    folder: Path, model: nn.Module, images: np.ndarray, labels: np.ndarray
) -> tuple[dict[str, Path], dict[str, Path]]:
    """The files that the script takes, its inputs written, and those of them that it writes."""
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    save_weights(model, folder / "weights.safetensors")
    inputs = {"weights": "weights.safetensors", "images": "images.npy", "labels": "labels.npy"}
    out = {name: folder / f"seed-0{suffix}" for name, suffix in SUFFIXES.items()}
    return {name: folder / file for name, file in inputs.items()} | out, out


@pytest.mark.parametrize("averaged", [False, True])
def test_script_writes_what_plain_loops_find(averaged, tmp_path):
    """28x28 images with ink up to the border on a canvas of 30, all of them at the nine shifts of one pixel."""
    images, labels = ink(12, margin=0, side=28, seed=5), (np.arange(12) % 10).astype(np.uint8)
    model = random_model(seed=3)
    files, out = files_of_script(tmp_path, model, images, labels)
    evaluate_script.main(
        model={"family": "phase_average", "of": TRUNK} if averaged else TRUNK,
        shifts={"canvas": 30, "max_shift": 1, "shift_images": 7},
        **files,
    )

    grid, predictions = pd.read_csv(out["grid"]), np.load(out["predictions"])
    assert list(grid.columns) == ["dx", "dy", "n", "accuracy", "consistency", "logit_drift"]
    assert list(zip(grid.dx, grid.dy, strict=True)) == GRID
    assert set(grid.n) == {7}
    whole = PhaseAverage(model, 2) if averaged else model
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    logits = np.stack([[predict(whole, moved(image, *by)[None])[0] for image in padded[:7]] for by in GRID])
    assert predictions.dtype == np.uint8
    assert np.array_equal(predictions, logits.argmax(axis=2))
    test_predictions = np.load(out["test_predictions"])
    assert test_predictions.dtype == np.uint8
    assert test_predictions.tolist() == [int(predict(whole, image[None]).argmax()) for image in padded]
    np.testing.assert_allclose(grid.accuracy, (logits.argmax(axis=2) == labels[:7]).mean(axis=1), rtol=1e-7)
    np.testing.assert_allclose(grid.consistency, consistency(predictions, GRID), rtol=1e-7)
    np.testing.assert_allclose(grid.logit_drift, logit_drift(logits, GRID), rtol=1e-3, atol=1e-5)


SUFFIXES = {"grid": ".csv", "predictions": ".predictions.npy", "test_predictions": ".test.npy"}


def test_script_asks_about_some_classes_only(tmp_path):
    """A network is tested on images of the classes that it was trained on, and answers with one of them."""
    images, labels = ink(30, margin=1, side=28, seed=6), (np.arange(30) % 10).astype(np.uint8)
    model = random_model(seed=3)
    files, out = files_of_script(tmp_path, model, images, labels)
    evaluate_script.main(
        model=TRUNK,
        shifts={"canvas": 28, "max_shift": 1, "shift_images": 7, "only": [7, 2, 5]},
        **files,
    )
    asked = [image for image in range(30) if labels[image] in (2, 5, 7)]
    logits = np.stack([[predict(model, moved(images[image], *by)[None])[0] for image in asked[:7]] for by in GRID])
    answers = [[max((7, 2, 5), key=lambda label: scores[label]) for scores in row] for row in logits]
    assert np.load(out["predictions"]).tolist() == answers
    assert len(np.load(out["test_predictions"])) == len(asked) == 9
    grid = pd.read_csv(out["grid"])
    right = [np.mean([answer == labels[image] for answer, image in zip(row, asked, strict=False)]) for row in answers]
    np.testing.assert_allclose(grid.accuracy, right, rtol=1e-7)
    np.testing.assert_allclose(grid.logit_drift, logit_drift(logits[:, :, [2, 5, 7]], GRID), rtol=1e-3, atol=1e-5)
