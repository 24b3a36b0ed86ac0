"""Equivariance errors against networks written out by hand, shifts made by indexing, and windows found by autograd."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from invariance.layers.batch_norm import BatchNormReLU
from invariance.layers.conv import Conv
from invariance.layers.global_average_pool import GlobalAveragePool
from invariance.layers.linear import Linear
from invariance.layers.polyphase import PolyphaseSampling
from invariance.layers.window import Window
from invariance.learning.equivariance import (
    AXES,
    COLUMNS,
    blank,
    measure,
    mismatch,
    outputs_of,
    places,
    seen_alike,
    stages_of,
    untrained,
)
from invariance.learning.weights import save_weights
from invariance.record.artefacts import InputError
from judging import judged
from studies.equivariance.evaluation import equivariance

CANVAS, INK, MAX_SHIFT = 24, slice(8, 15), 4
TRUNK = {"family": "trunk", "channels": [3, 4, 3], "downsampling": "stride", "padding": "zeros", "head": "fc"}
CIRCULAR = {**TRUNK, "padding": "circular", "head": "gap"}
MODELS = {
    "simard_cnn": {"family": "simard_cnn"},
    "stride_fc": TRUNK,
    **{f"{pool}_fc": {**TRUNK, "downsampling": pool} for pool in ("max_pool", "avg_pool", "blur_pool")},
    "stride_gap_circular": CIRCULAR,
    "polyphase_gap_circular": {**CIRCULAR, "downsampling": "polyphase"},
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small products are slower in many threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def digits(count: int = 2, canvas: int = CANVAS) -> Tensor:
    """Random ink in the middle of an empty canvas, float64 (n, 1, canvas, canvas)."""
    images = torch.zeros(count, 1, canvas, canvas, dtype=torch.float64)
    ink = images[..., INK, INK]
    ink.copy_(torch.rand(ink.shape, generator=torch.Generator().manual_seed(1)))
    return images


def network(name: str, seed: int = 0) -> nn.Sequential:
    """A network as if trained: batch norms have moments and biases, so that the background is not 0 behind them."""
    model = untrained(MODELS[name], CANVAS, seed)
    for layer in model:
        if isinstance(layer, BatchNormReLU):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.bias.data.uniform_(0.1, 0.3)
            layer.running_var.uniform_(0.5, 2)
    return model


def windows_of(model: nn.Sequential) -> list[Window]:
    return [stage.window for stage in stages_of(model)]


def table_of(name: str, model: nn.Sequential | None = None, max_shift: int = MAX_SHIFT) -> pd.DataFrame:
    return pd.DataFrame(measure(model or network(name), digits(), max_shift), columns=COLUMNS)


def rolled(maps: Tensor, shift: int, axis: int) -> Tensor:
    """Maps moved by hand: the value at i goes to i + shift, modulo the size."""
    size = maps.shape[axis]
    return maps.index_select(axis, torch.tensor([(place - shift) % size for place in range(size)]))


# ----------------------------------------------------------------------------------------------------------------------
# The networks, written out


def by_hand(model: nn.Sequential, name: str) -> list:
    """The steps of a network up to its head as functions of maps, by torch.nn.functional alone."""
    weights = {key: value.double() for key, value in model.state_dict().items()}
    settings = MODELS[name]

    def convolution(place, stride, margin, normalised):
        def step(maps):
            mode = "circular" if settings.get("padding") == "circular" else "constant"
            maps = F.conv2d(F.pad(maps, [margin] * 4, mode=mode), weights[f"{place}.weight"], stride=stride)
            if not normalised:
                return F.relu(maps + weights[f"{place}.bias"][:, None, None])
            mean, variance, weight, bias = (
                weights[f"{place + 1}.{part}"][:, None, None]
                for part in ("running_mean", "running_var", "weight", "bias")
            )
            return F.relu((maps - mean) / torch.sqrt(variance + 1e-5) * weight + bias)

        return step

    def connected(place):
        return lambda maps: maps.flatten(1) @ weights[f"{place}.weight"].T + weights[f"{place}.bias"]

    if name == "simard_cnn":
        return [convolution(0, 2, 0, False), convolution(1, 2, 0, False), connected(3)]
    if settings["downsampling"] == "stride":
        steps = [convolution(0, 2, 2, True), convolution(3, 2, 1, True), convolution(6, 1, 1, True)]
    else:
        halve = {"max_pool": lambda maps: F.max_pool2d(maps, 2), "avg_pool": lambda maps: F.avg_pool2d(maps, 2)}
        halve["blur_pool"] = blurred
        pool = halve[settings["downsampling"]]
        steps = [convolution(0, 1, 2, True), pool, convolution(3, 1, 1, True), pool, convolution(6, 1, 1, True)]
    return [*steps, connected(9) if settings["head"] == "fc" else lambda maps: maps.mean(dim=(2, 3))]


def blurred(maps: Tensor) -> Tensor:
    taps = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    kernel = (taps[:, None] * taps).expand(maps.shape[1], 1, 3, 3)
    return F.conv2d(maps, kernel, stride=2, padding=1, groups=maps.shape[1])


@pytest.mark.parametrize("name", [name for name in MODELS if "polyphase" not in name])
def test_errors_are_those_of_the_network_written_out(name):
    """Over all places together, in both scopes, for every layer and shift; the head's too."""
    model = network(name)
    steps, images = by_hand(model, name), digits()
    strides = [window.stride for window in windows_of(model)]
    inputs = [images]
    for step in steps:
        inputs.append(step(inputs[-1]))
    sides = [maps.shape[-1] for maps in inputs[:-1]]
    table = table_of(name)
    for (number, step), shift in product(enumerate(steps), range(1, MAX_SHIFT + 1)):
        scopes = {"network": (steps[: number + 1], images), "layer": ([step], inputs[number])}
        for scope, (chain, start) in scopes.items():
            rows = table[(table.layer == number) & (table["shift"] == shift) & (table.scope == scope)]
            if number == len(steps) - 1:
                if scope == "network":
                    [error] = rows.error
                    assert error == pytest.approx(head_error(chain, start, shift), rel=1e-9, abs=1e-14)
                continue
            stride = int(np.prod(strides[: number + 1])) if scope == "network" else strides[number]
            squares, size = squares_by_hand(chain, start, shift, stride)
            # Each image and axis has its better roll; where a map is split, each place has its own.
            if len(rows) == 1:
                assert rows.error.item() == pytest.approx(
                    np.sqrt(squares.min(axis=0).mean() / size), rel=1e-9, abs=1e-14
                )
            elif shift % stride == 0:
                counts = shares_by_place(model, number, scope, shift, sides, start)
                total = sum(counts[row.place] * row.error**2 for row in rows.itertuples())
                assert np.sqrt(total) == pytest.approx(np.sqrt(squares[0].mean() / size), rel=1e-9, abs=1e-14)


def head_error(chain: list, images: Tensor, shift: int) -> float:
    outputs = [run_through(chain, given) for given in (images, *(rolled(images, shift, axis) for axis in (2, 3)))]
    squares = [(output - outputs[0]).square().mean() for output in outputs[1:]]
    return float(torch.sqrt(sum(squares) / 2 / outputs[0].square().mean()))


def run_through(chain: list, maps: Tensor) -> Tensor:
    for step in chain:
        maps = step(maps)
    return maps


def squares_by_hand(chain: list, given: Tensor, shift: int, stride: int) -> tuple[np.ndarray, float]:
    """Mean squared errors (rolls, axes * images), and the mean square of the unrolled output."""
    maps = run_through(chain, given)
    rolls = [shift // stride, -(-shift // stride)]
    squares = [
        [
            float((run_through(chain, rolled(given, shift, axis)) - rolled(maps, roll, axis))[image].square().mean())
            for axis in (3, 2)
            for image in range(len(given))
        ]
        for roll in rolls
    ]
    return np.array(squares), float(maps.square().mean())


def shares_by_place(
    model: nn.Sequential, number: int, scope: str, shift: int, sides: list[int], given: Tensor
) -> dict[str, float]:
    """Which part of the positions, over both axes, is in each place."""
    stages = stages_of(model)
    stages = stages[: number + 1] if scope == "network" else [stages[number]]
    chain, inputs = [stage.window for stage in stages], [given, *outputs_of(stages, given)[:-1]]
    shares: dict[str, float] = {}
    for axis in AXES:
        for place, (mask, _) in places(chain, inputs[0].shape[-1], shift, [blank(m, axis) for m in inputs]).items():
            shares[place] = shares.get(place, 0) + mask.mean() / 2
    assert sum(shares.values()) == pytest.approx(1)
    assert sides[number] == inputs[-1].shape[-1]
    return shares


# ----------------------------------------------------------------------------------------------------------------------
# Where theory has it exact


def convolutions(shapes: list[tuple[int, int, int]], mode: str) -> nn.Sequential:
    """Convolutions without bias or nonlinearity, of one map each: kernel, stride, margin."""
    torch.manual_seed(len(shapes))
    layers = [Conv(1, 1, kernel, stride, margin, mode) for kernel, stride, margin in shapes]
    for layer in layers:
        layer.weight.data.uniform_(0.5, 1)
    return nn.Sequential(*layers).double()


def windows(model: nn.Sequential, side: int) -> np.ndarray:
    """How much each output column depends on each input column, (outputs, inputs), by its gradient."""
    pixels = torch.zeros(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    columns = model(pixels)[0, 0].sum(dim=0)
    gradients = [torch.autograd.grad(column, pixels, retain_graph=True)[0] for column in columns]
    return np.stack([gradient[0, 0].sum(dim=0).numpy() for gradient in gradients])


shapes = st.lists(
    st.sampled_from([(3, 1, 1), (3, 2, 1), (2, 2, 0), (3, 1, 0), (3, 2, 0), (5, 2, 2), (1, 1, 0)]),
    min_size=1,
    max_size=3,
)
modes = st.sampled_from(["zeros", "circular"])


@settings(max_examples=40, deadline=None)
@given(shapes, modes, st.integers(16, 24), st.integers(1, 3))
def test_inside_is_where_the_roll_moves_one_window_onto_another(shapes, mode, side, rolls):
    model = convolutions(shapes, mode)
    chain = windows_of(model)
    shift = rolls * int(np.prod([window.stride for window in chain]))
    assume(shift % side)
    seen = windows(model, side)
    moved = np.roll(np.roll(seen, shift, axis=1), rolls, axis=0)
    hold_to(seen_alike(chain, side, shift), np.isclose(seen, moved, rtol=1e-9).all(axis=1), rolls)


def hold_to(alike: np.ndarray, agree: np.ndarray, rolls: int) -> None:
    """Alike is only what agrees, and all of it but for what a chain brings round the edge."""
    assert not (alike & ~agree).any()
    np.testing.assert_array_equal(alike[rolls:], agree[rolls:])


@settings(max_examples=60, deadline=None)
@given(shapes, modes, st.integers(16, 24), st.integers(1, 8), st.integers(0, 7), st.sampled_from(AXES))
def test_positions_are_seen_alike_where_outputs_agree(shapes, mode, side, shift, margin, axis):
    """Position by position, with or without an empty margin: nothing is called exact that is not.

    Nor the reverse, but for maps behind the first that happen to be 0 at the edge.
    """
    model = convolutions(shapes, mode)
    images = torch.zeros(2, 1, side, side, dtype=torch.float64)
    ink = images[..., margin : side - margin, margin : side - margin]
    ink.copy_(torch.rand(ink.shape, generator=torch.Generator().manual_seed(shift)) + 0.1)
    stages = stages_of(model)
    with torch.no_grad():
        outputs = outputs_of(stages, images)
        moved = model(rolled(images, shift, axis))
    inputs = [images, *outputs[:-1]]
    stride = int(np.prod([window.stride for window in windows_of(model)]))
    alike = seen_alike(windows_of(model), side, shift, [blank(maps, axis) for maps in inputs])
    squares = mismatch(moved, outputs[-1], shift, stride, axis).max(axis=1)
    if shift % stride == 0:
        agree = squares[0] < 1e-24
        hold_to(alike, agree if margin == 0 or len(shapes) == 1 else agree & alike, shift // stride)
    else:
        assert not alike.any()


@settings(max_examples=40, deadline=None)
@given(shapes, modes, st.integers(16, 24), st.integers(1, 8))
def test_places_divide_all_positions(shapes, mode, side, shift):
    chain = windows_of(convolutions(shapes, mode))
    sides = [side]
    for window in chain:
        sides.append(window.output_side(sides[-1]))
    nowhere = [np.zeros(size, dtype=bool) for size in sides]
    found = places(chain, side, shift, nowhere)
    np.testing.assert_array_equal(sum(mask.astype(int) for mask, _ in found.values()), 1)
    assert not found.get("border", (None, False))[1]
    if shift % int(np.prod([window.stride for window in chain])):
        assert not any(exact for _, exact in found.values())
    borderless = all(
        (window.padding == "circular" or window.kernel == window.stride) and size % window.stride == 0
        for size, window in zip(sides, chain, strict=False)
    )
    assert borderless == ("everywhere" in found)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("weights", ["trained", "untrained"])
def test_every_network_is_exact_where_theory_says_so_and_nowhere_else_inside(name, weights):
    model = network(name) if weights == "trained" else untrained(MODELS[name], CANVAS, 0)
    table = table_of(name, model, 8)
    assert table.error.notna().all()
    assert table[table.exact].error.max() < 1e-14
    inexact = table[~table.exact & (table.place != "border")]
    assert inexact.empty if "polyphase" in name else inexact.error.min() > 1e-3
    exact_layers = table[table.exact & (table.scope == "layer")]
    assert set(exact_layers.layer) == set(table.layer) - {table.layer.max()}


def test_padding_behind_the_first_layer_is_wrong_only_where_the_background_is_not_zero():
    """Without biases the background stays 0, and zero padding continues it."""
    trained, fresh = table_of("stride_fc"), table_of("stride_fc", untrained(TRUNK, CANVAS, 0))
    behind = [
        table[(table.layer == 2) & (table.scope == "layer") & (table["shift"] == 1)].set_index("place")
        for table in (trained, fresh)
    ]
    assert behind[0].error["border"] > 0.01
    assert behind[1].exact["background"]
    first = trained[(trained.layer == 0) & (trained["shift"] == 4)]
    assert set(first.place) == {"inside", "background"}
    assert first.error.max() < 1e-14


def test_polyphase_sampling_moves_each_image_by_a_roll_of_its_own():
    images = torch.rand(8, 3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    layer = PolyphaseSampling()
    squares = mismatch(layer(rolled(images, 3, -1)), layer(images), 3, 2, -1).sum(axis=2)
    assert squares.min(axis=0).max() == 0
    assert set(squares.argmin(axis=0)) == {0, 1}


# ----------------------------------------------------------------------------------------------------------------------
# What is not equivariant is caught


class Ramp(Conv):
    """A convolution that knows where it is: a millionth more at each column than at the one before it."""

    def forward(self, maps):
        convolved = super().forward(maps)
        return convolved + 1e-6 * torch.arange(convolved.shape[-1], dtype=convolved.dtype)


class Unshared(Conv):
    """A layer whose weights are not shared: one pixel has one of its own."""

    def forward(self, maps):
        convolved = super().forward(maps).clone()
        convolved[..., 11, 11] *= 1 + 1e-9
        return convolved


@pytest.mark.parametrize("broken", [Ramp, Unshared])
def test_a_layer_that_depends_on_the_position_is_caught(broken):
    torch.manual_seed(3)
    layers = [broken(1, 2, 3, 1, 1, "circular"), Conv(2, 2, 3, 2, 1, "circular"), GlobalAveragePool(), Linear(2, 10)]
    model = nn.Sequential(*layers).double().eval()
    table = table_of("", model).assign(model="broken", seed=0, weights="trained")
    first = table[(table.layer == 0) & table.exact]
    assert first.error.min() > 1e-12
    assert table[(table.layer == 1) & (table.scope == "layer") & table.exact].error.max() < 1e-14
    rule = {"C3": {"max_exact": 1e-12, "min_inexact": 1e-3}}
    assert judged({"equivariance": table}, rule)["C3"].verdict == "refuted"


def test_a_layer_that_gives_nothing_has_no_relative_error():
    model = convolutions([(3, 1, 1)], "zeros")
    model[0].weight.data.zero_()
    assert table_of("", model).error.isna().all()


# ----------------------------------------------------------------------------------------------------------------------
# Networks of torch.nn


def users_network(padded_pool: bool = False) -> nn.Sequential:
    """What a PyTorch user writes, one nn.Sequential within another, as if trained."""
    torch.manual_seed(4)
    block = nn.Sequential(nn.Conv2d(1, 3, 5, padding=2, bias=False), nn.BatchNorm2d(3), nn.ReLU())
    pool = nn.MaxPool2d(3, 2, 1) if padded_pool else nn.MaxPool2d(2)
    model = nn.Sequential(
        block,
        pool,
        nn.Dropout(0.5),
        nn.Conv2d(3, 4, 3, stride=2, padding=1, padding_mode="circular"),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 10),
    )
    with torch.no_grad():
        for _ in range(3):
            model.train()(torch.rand(8, 1, CANVAS, CANVAS))
    return model.double().eval()


@pytest.mark.parametrize("padded_pool", [False, True])
def test_a_network_of_torch_nn_is_measured(padded_pool):
    table = table_of("", users_network(padded_pool), 8)
    about = table[["kind", "padding", "stride", "total_stride"]].drop_duplicates().to_numpy().tolist()
    assert about == [
        ["convolution", "zeros", 1, 1],
        ["max_pool", "ignored" if padded_pool else "none", 2, 2],
        ["convolution", "circular", 2, 4],
        ["avg_pool", "none", 2, 8],
        ["global_average_pool", "none", 1, 8],
    ]
    assert table[table.exact].error.max() < 1e-14
    assert table[~table.exact & (table.place == "inside")].error.min() > 1e-3


def test_a_padding_that_is_ignored_does_not_go_on_with_an_empty_background():
    """Max pooling reads nothing outside: below 0 an empty pixel is larger than what is not there."""
    maps = torch.full((1, 1, 16, 16), -1.0, dtype=torch.float64)
    maps[..., 13] = 0
    layer, moved = nn.MaxPool2d(3, 2, 1), rolled(maps, 2, -1)
    ignored, zeros = Window("", "ignored", 3, 2, 1), Window("", "zeros", 3, 2, 1)
    differs = mismatch(layer(moved), layer(maps), 2, 2, -1)[0, 0] > 0
    assert differs[0]  # reads the roll of 13, 14, 15, of which the first is now outside
    assert not differs[seen_alike([ignored], 16, 2, [blank(maps, -1)])].any()
    assert seen_alike([zeros], 16, 2, [blank(maps, -1)])[0]


def test_a_pointwise_layer_in_front_is_a_layer_of_its_own():
    """The background is no longer 0 behind it, and later padding does not continue it."""
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(2 * CANVAS**2, 10))
    nn.init.ones_(model[0].bias)
    table = table_of("", model.double().eval())
    assert table.kind.unique().tolist() == ["pointwise", "convolution", "fully_connected"]
    assert table[table.exact].error.max() < 1e-14
    assert table[(table.layer == 1) & (table.place == "border")].error.min() > 1e-3


class CustomForward(nn.Sequential):
    def forward(self, images):
        return super().forward(images)


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.Softmax(dim=1), nn.Flatten(), nn.Linear(968, 10)),
        CustomForward(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(968, 10)),
    ],
    ids=["a layer", "the whole"],
)
def test_what_nobody_knows_is_refused_and_not_glued_to_the_layer_before(model):
    with pytest.raises(InputError, match=r"(Softmax|CustomForward)(.|\n)* does not say where"):
        table_of("", model.double())


# ----------------------------------------------------------------------------------------------------------------------
# The table


def evaluated(folder: Path, models: dict, seeds: list[int], trained_as: dict | None = None) -> pd.DataFrame:
    """The table of networks whose weights are those of other seeds, written and read back."""
    weights = {}
    for name, seed in product(models, seeds):
        path = weights[f"architectures/{name}/centred/{seed}"] = folder / name / f"{seed}.safetensors"
        save_weights(untrained((trained_as or models)[name], 28, seed + 100).float(), path)
    table = equivariance(images=inked(), weights=weights, models=models, canvas=28, classes=10, number=2, max_shift=2)
    table.to_csv(folder / "equivariance.csv", index=False, float_format="%.8g")
    return pd.read_csv(folder / "equivariance.csv", keep_default_na=False)


def inked() -> np.ndarray:
    images = np.zeros((6, 28, 28), np.uint8)
    images[:, 8:18, 8:18] = np.random.default_rng(0).integers(0, 256, (6, 10, 10))
    return images


def test_every_network_is_measured_before_and_after_its_training(tmp_path):
    table = evaluated(tmp_path, {name: MODELS[name] for name in ("stride_gap_circular", "stride_fc")}, [0, 3])
    assert list(table) == ["model", "seed", "weights", *COLUMNS]
    networks = table[["model", "seed", "weights"]].drop_duplicates()
    expected = product(["stride_gap_circular", "stride_fc"], [0, 3], ["untrained", "trained"])
    assert list(networks.itertuples(index=False, name=None)) == list(expected)
    assert table.error.dtype == float
    assert table.exact.dtype == bool
    assert set(table.padding) == {"circular", "zeros", "none"}
    inexact = table[(table.model == "stride_fc") & (table.place == "head") & (table["shift"] == 1)]
    assert inexact.error.nunique() == 4
    images = torch.from_numpy(inked()[:2].astype(np.float32) / np.float32(255)).double()[:, None]
    again = pd.DataFrame(measure(untrained(TRUNK, 28, 3), images, 2), columns=COLUMNS)
    fresh = table[(table.model == "stride_fc") & (table.seed == 3) & (table.weights == "untrained")]
    np.testing.assert_allclose(fresh.error, again.error, rtol=1e-6, atol=1e-15)


def test_an_error_that_is_none_is_left_out_of_the_file(tmp_path):
    table = pd.DataFrame([["a", 1, True, 1 / 3], ["a", 1, True, np.nan]], columns=["model", "seed", "exact", "error"])
    table.to_csv(tmp_path / "table.csv", index=False, float_format="%.8g")
    assert (tmp_path / "table.csv").read_text().splitlines()[1:] == ["a,1,True,0.33333333", "a,1,True,"]


@pytest.mark.parametrize("cell", ["architectures/mlp/centred/0", "architectures/stride/centred/0"])
def test_a_cell_of_no_named_network_is_told(cell, tmp_path):
    with pytest.raises(InputError, match=f"{cell}: no model .*; allowed: simard_cnn, stride_fc"):
        equivariance(
            images=inked(), weights={cell: tmp_path}, models=MODELS, canvas=28, classes=10, number=1, max_shift=1
        )


def test_the_weights_of_another_network_are_refused(tmp_path):
    with pytest.raises(InputError, match="not the weights of this model"):
        evaluated(tmp_path, {"stride_fc": TRUNK}, [0], trained_as={"stride_fc": CIRCULAR})
