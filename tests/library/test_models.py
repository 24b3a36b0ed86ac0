"""The networks: their sizes, what their layers are equivariant to, and what the exact controls are invariant to."""

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from invariance.data.digits import read_digits
from invariance.data.images import place_on_canvas
from invariance.layers.batch_norm import BatchNormReLU
from invariance.layers.blur_pool import BlurPool
from invariance.layers.max_pool import MaxPool
from invariance.layers.polyphase import PolyphaseSampling
from invariance.learning.training import one_thread, train
from invariance.networks import trunk
from invariance.networks.building import build_model, count_parameters, for_inference, total_stride
from invariance.networks.phase_average import PhaseAverage
from invariance.networks.simard_cnn import PARAMETERS, Input
from invariance.networks.stn import TranslationTransformer, translate
from judging import CONFIG
from made import randomised

MODELS = CONFIG["models"]
CELLS = sorted(
    {(model, study["canvas"]) for study in CONFIG["studies"].values() for model in study["cells"]}
    | {(model, 32) for model in MODELS}
)
EXACT = 1e-12  # relative, float64
INVARIANT = 1e-5  # in standard deviations of the logits, float32
ROLLS = [(0, 1), (1, 0), (-1, 1), (3, -2), (-5, 7), (12, 4)]
EVEN_ROLLS = [(0, 2), (-2, 0), (4, -2), (-6, 8)]
ODD_ROLLS = [(0, 1), (1, 2), (-3, 5)]
CANVAS = 40


@pytest.fixture(autouse=True)
def _one_thread():
    one_thread()
    torch.manual_seed(2003)


def built(name: str, canvas: int) -> nn.Module:
    """A model of config.yaml in evaluation mode, as the pipeline makes it."""
    settings = MODELS[name]
    if settings["family"] == "phase_average":
        settings = settings | {"of": MODELS[settings["of"]]}
    return build_model(settings, canvas).eval()


def roll(maps: Tensor, by: tuple[int, int]) -> Tensor:
    return maps.roll(by, dims=(-2, -1))


def difference(got: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest value."""
    return ((got - expected).abs().max() / expected.abs().max()).item()


def nearest_roll(got: Tensor, maps: Tensor) -> float:
    """Difference of `got` from the circular shift of `maps` that is nearest to it."""
    rolls = itertools.product(range(maps.shape[-2]), range(maps.shape[-1]))
    return min(difference(got, roll(maps, by)) for by in rolls)


# ----------------------------------------------------------------------------------------------------------------------
# Sizes


def test_simard_cnn_has_the_parameters_of_the_paper():
    model = build_model({"family": "simard_cnn"}, 29)
    layers = [count_parameters(layer) for layer in model if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert layers == [130, 6_300, 125_100, 1_010]
    assert count_parameters(model) == sum(layers) == PARAMETERS == 132_540


def test_simard_cnn_has_the_maps_of_the_paper():
    model, maps = build_model({"family": "simard_cnn"}, 29), torch.zeros(1, 1, 29, 29)
    shapes = []
    for layer in model:
        maps = layer(maps)
        shapes.append(tuple(maps.shape[1:]))
    assert (5, 13, 13) in shapes
    assert (50, 5, 5) in shapes
    assert (100,) in shapes


@pytest.mark.parametrize(("nonlinearity", "amplitude", "slope"), [("tanh", 1, 1), ("scaled_tanh", 1.7159, 2 / 3)])
def test_simard_cnn_with_a_tanh_is_what_torch_computes(nonlinearity, amplitude, slope):
    model = build_model({"family": "simard_cnn", "nonlinearity": nonlinearity}, 29).double()
    assert count_parameters(model) == PARAMETERS
    images = torch.rand(3, 1, 29, 29, dtype=torch.float64)
    first, first_bias, second, second_bias, hidden, hidden_bias, last, last_bias = model.parameters()

    def bend(values):
        return amplitude * torch.tanh(slope * values)

    maps = bend(F.conv2d(images, first, first_bias, stride=2))
    maps = bend(F.conv2d(maps, second, second_bias, stride=2))
    expected = bend(maps.flatten(1) @ hidden.T + hidden_bias) @ last.T + last_bias
    torch.testing.assert_close(model(images), expected, rtol=1e-10, atol=1e-12)
    slopes = torch.rand(3, 10, dtype=torch.float64)
    got, wanted = (
        torch.autograd.grad((out * slopes).sum(), list(model.parameters())) for out in (model(images), expected)
    )
    for ours, torchs in zip(got, wanted, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-12)


def test_simard_cnn_with_normal_weights_has_the_spread_that_it_says():
    model = build_model({"family": "simard_cnn", "initial_weights": "normal"}, 29)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        else:
            assert parameter.std().item() == pytest.approx(0.05, rel=0.2)
            assert abs(parameter.mean().item()) < 0.02


def test_simard_cnn_places_an_image_in_the_middle_or_repeats_its_edge():
    image = torch.zeros(1, 1, 29, 29)
    image[0, 0, :28, :28] = torch.rand(28, 28)
    placed = {name: Input(0, name)(image)[0, 0] for name in ("middle", "repeat")}
    source = image[0, 0].numpy()
    for row, column in [(0, 0), (5, 7), (28, 28), (28, 3)]:
        places = [(row - down, column - right) for down in (0, 1) for right in (0, 1)]
        mean = sum(source[place] for place in places if min(place) >= 0) / 4
        assert placed["middle"][row, column].item() == pytest.approx(mean, abs=1e-6)
    rows = torch.arange(28.0)
    centre = [(image[0, 0, :28, :28].sum(axis) * rows).sum() / image.sum() for axis in (0, 1)]
    moved = [(placed["middle"].sum(axis) * torch.arange(29.0)).sum() / image.sum() for axis in (0, 1)]
    assert [(after - before).item() for before, after in zip(centre, moved, strict=True)] == pytest.approx(
        [0.5, 0.5], abs=1e-3
    )
    assert torch.equal(placed["repeat"][:28, :28], image[0, 0, :28, :28])
    assert torch.equal(placed["repeat"][28, :28], image[0, 0, 27, :28])
    assert torch.equal(placed["repeat"][:28, 28], image[0, 0, :28, 27])
    assert torch.equal(Input(-1, "corner")(image), 2 * image - 1)


def test_simard_cnn_refuses_other_parameters_at_29(monkeypatch):
    monkeypatch.setattr("invariance.networks.simard_cnn.PARAMETERS", 132_541)
    with pytest.raises(AssertionError, match="132541"):
        build_model({"family": "simard_cnn"}, 29)


def test_mlp_has_the_parameters_of_the_paper():
    assert count_parameters(built("mlp", 29)) == 841 * 800 + 800 + 800 * 10 + 10


def test_trunk_counts_by_hand():
    """No convolution has a bias, batch norm has two numbers a map, and two layers halve 40 to 10."""
    convolutions = 25 * 8 + 9 * 8 * 16 + 9 * 16 * 32 + 2 * (8 + 16 + 32)
    assert count_parameters(built("stride_fc", 40)) == convolutions + 32 * 10 * 10 * 100 + 100 + 1_010
    assert count_parameters(built("stride_gap", 40)) == convolutions + 32 * 10 + 10


def test_one_thing_is_changed_at_a_time():
    """Ways of downsampling and of padding have no parameters of their own: the compared networks are as large."""
    assert len({count_parameters(built(f"{kind}_fc", 40)) for kind in ("stride", "max_pool", "avg_pool")}) == 1
    assert count_parameters(built("blur_pool_fc", 40)) == count_parameters(built("stride_fc", 40))
    circular = ("stride_gap", "stride_gap_circular", "polyphase_gap_circular", "phase_averaged")
    assert len({count_parameters(built(name, 40)) for name in circular}) == 1


@pytest.mark.parametrize(("name", "canvas"), CELLS)
def test_every_model_of_the_config_maps_images_to_logits(name, canvas):
    logits = built(name, canvas)(torch.rand(3, 1, canvas, canvas))
    assert logits.shape == (3, 10)
    assert torch.isfinite(logits).all()
    assert (logits[0] != logits[1]).any()


@pytest.mark.parametrize("downsampling", ["stride", "max_pool", "avg_pool", "blur_pool"])
@pytest.mark.parametrize("canvas", [29, 30, 31])
def test_fully_connected_head_fits_odd_maps(downsampling, canvas):
    model = trunk.build(canvas, 10, [2, 3, 4], downsampling, "zeros", "fc").eval()
    assert model(torch.rand(2, 1, canvas, canvas)).shape == (2, 10)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_made_for_inference_is_the_same_function(name):
    model = randomised(built(name, 32)).double()
    inner = model.model if isinstance(model, PhaseAverage) else model
    images = torch.rand(4, 1, 32, 32, dtype=torch.float64)
    quick = for_inference(inner)
    assert difference(quick(images), inner(images)) < EXACT
    assert not any(isinstance(layer, BatchNormReLU) for layer in quick.modules())
    assert quick.training is False


# ----------------------------------------------------------------------------------------------------------------------
# Equivariance: f(T x) = T f(x)


def trunk_layers(downsampling: str, padding: str) -> list[nn.Module]:
    """The layers of a trunk of three convolutions, float64, up to its head of two layers."""
    return list(randomised(trunk.build(CANVAS, 10, [4, 6, 8], downsampling, padding, "gap")).eval().double())[:-2]


def stride_one(padding: str) -> nn.Sequential:
    """The same convolutions, batch norms and ReLUs with nothing that halves the maps."""
    layers = trunk_layers("max_pool", padding)
    return nn.Sequential(*(layer for layer in layers if not isinstance(layer, MaxPool))).eval()


EQUIVARIANT = {
    "convolution 5x5": (1, lambda: stride_one("circular")[0]),
    "batch norm": (4, lambda: stride_one("circular")[1]),
    "convolution 3x3": (4, lambda: stride_one("circular")[2]),
    "whole stack": (1, lambda: stride_one("circular")),
}


@pytest.mark.parametrize("by", ROLLS, ids=str)
@pytest.mark.parametrize("layer", EQUIVARIANT)
def test_circular_layers_at_stride_one_are_equivariant(layer, by):
    channels, make = EQUIVARIANT[layer]
    function, maps = make(), torch.randn(2, channels, 16, 16, dtype=torch.float64)
    assert difference(function(roll(maps, by)), roll(function(maps), by)) < EXACT
    assert difference(function(roll(maps, by)), function(maps)) > 0.1  # equivariant, and not a constant


@pytest.mark.parametrize("downsampling", ["stride", "max_pool", "avg_pool", "blur_pool"])
def test_stride_two_is_equivariant_to_even_shifts_alone(downsampling):
    layers = trunk_layers(downsampling, "circular")
    halving = nn.Sequential(*layers[:3]).eval()
    maps = torch.randn(2, 1, 16, 16, dtype=torch.float64)
    out = halving(maps)
    assert out.shape[-2:] == (8, 8)
    for by in EVEN_ROLLS:
        assert difference(halving(roll(maps, by)), roll(out, (by[0] // 2, by[1] // 2))) < EXACT
    for by in ODD_ROLLS:
        assert nearest_roll(halving(roll(maps, by)), out) > 0.05


def test_strided_trunk_is_equivariant_to_multiples_of_its_total_stride():
    maps = torch.randn(2, 1, 16, 16, dtype=torch.float64)
    function = nn.Sequential(*trunk_layers("stride", "circular")).eval()
    assert total_stride(function) == 4
    assert difference(function(roll(maps, (4, -8))), roll(function(maps), (1, -2))) < EXACT
    assert nearest_roll(function(roll(maps, (2, 0))), function(maps)) > 0.05


def test_polyphase_sampling_is_equivariant_to_every_shift():
    """Its output under any shift is a shift of its output: the choice of the phase moves along."""
    maps = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    sample = PolyphaseSampling()
    for by in itertools.product(range(4), repeat=2):
        assert nearest_roll(sample(roll(maps, by)), sample(maps)) < EXACT
    fixed_phase = maps[..., ::2, ::2]
    assert nearest_roll(roll(maps, (0, 1))[..., ::2, ::2], fixed_phase) > 0.05


def test_zero_padding_is_exact_inside_and_wrong_at_the_border():
    function, (down, right) = stride_one("zeros"), (3, 2)
    reach = 2 + 1 + 1  # half the kernels: 5x5, 3x3, 3x3
    maps = torch.randn(2, 1, 24, 24, dtype=torch.float64)
    got, expected = function(roll(maps, (down, right))), roll(function(maps), (down, right))
    inside = (..., slice(reach + down, -reach), slice(reach + right, -reach))
    assert difference(got[inside], expected[inside]) < EXACT
    border = (got - expected).abs()
    border[inside] = 0
    assert border.max() > 0.05
    # Each side is wrong for itself, up to the corner pixels.
    for side in ((..., 0, slice(None)), (..., -1, slice(None)), (..., slice(None), 0), (..., slice(None), -1)):
        assert border[side].max() > 0.01


# ----------------------------------------------------------------------------------------------------------------------
# Invariance of the exact controls


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """320 of scikit-learn's digits, 28x28, on the canvas."""
    images, labels, _, _ = read_digits(train=300, validation=20, test=60)
    return place_on_canvas(images, CANVAS), labels


@pytest.fixture(scope="module")
def trained(digits) -> dict[str, nn.Module]:
    """The two circular networks after two short epochs, which is far from their fresh weights."""
    one_thread()
    images, labels = digits
    optimisation = CONFIG["studies"]["architectures"]["optimisation"] | {"epochs": 2, "batch": 32}
    models = {}
    for name in ("stride_gap_circular", "polyphase_gap_circular"):
        torch.manual_seed(0)
        models[name] = build_model(MODELS[name], CANVAS)
        train(models[name], [images[:300]], labels[:300], (images[300:], labels[300:]), optimisation, 0)
        models[name].eval()
    return models


def as_control(name: str, models: dict[str, nn.Module]) -> nn.Module:
    if name == "phase_averaged":
        return PhaseAverage(models["stride_gap_circular"], total_stride(models["stride_gap_circular"])).eval()
    return models[name]


def control(name: str, weights: str, request: pytest.FixtureRequest) -> nn.Module:
    if weights == "trained":
        return as_control(name, request.getfixturevalue("trained"))
    bases = ("stride_gap_circular", "polyphase_gap_circular")
    return as_control(name, {base: randomised(build_model(MODELS[base], CANVAS)).eval() for base in bases})


@torch.no_grad()
def drifts(model: nn.Module, images: Tensor, rolls: list[tuple[int, int]]) -> list[float]:
    """The largest change of a logit under each roll, in standard deviations of the logits."""
    logits = model(images)
    return [((model(roll(images, by)) - logits).abs().max() / logits.std()).item() for by in rolls]


SAMPLED = [*itertools.product(range(4), repeat=2), (7, 13), (-6, 6), (5, -11), (20, 19)]


@pytest.mark.parametrize("weights", ["random", "trained"])
@pytest.mark.parametrize("name", ["polyphase_gap_circular", "phase_averaged"])
def test_exact_controls_are_invariant_to_every_roll(name, weights, digits, request):
    images = torch.from_numpy(digits[0][:6]).unsqueeze(1) / 255
    assert max(drifts(control(name, weights, request), images, SAMPLED)) < INVARIANT


@pytest.mark.parametrize("name", ["polyphase_gap_circular", "phase_averaged"])
def test_exact_controls_are_invariant_on_noise(name, request):
    """Noise reaches the border, where padding other than circular would show."""
    assert max(drifts(control(name, "random", request), torch.rand(4, 1, CANVAS, CANVAS), SAMPLED)) < INVARIANT


@pytest.mark.parametrize("weights", ["random", "trained"])
def test_striding_alone_is_invariant_to_its_total_stride_and_to_nothing_less(weights, digits, request):
    images = torch.from_numpy(digits[0][:6]).unsqueeze(1) / 255
    model = control("stride_gap_circular", weights, request)
    assert max(drifts(model, images, [(4, 0), (-8, 4), (0, 20)])) < INVARIANT
    assert min(drifts(model, images, [(0, 1), (1, 0), (2, 0), (3, 3), (1, 6)])) > 100 * INVARIANT


def test_zero_padding_breaks_the_polyphase_control():
    model = randomised(trunk.build(CANVAS, 10, [4, 6, 8], "polyphase", "zeros", "gap")).eval()
    assert max(drifts(model, torch.rand(4, 1, CANVAS, CANVAS), [(1, 0), (5, 3)])) > 100 * INVARIANT


def test_phase_average_is_the_mean_over_all_phases():
    model = randomised(built("stride_gap_circular", 32))
    images = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        logits = [
            model(torch.from_numpy(np.roll(np.roll(images.numpy(), down, axis=2), right, axis=3)))
            for down in range(4)
            for right in range(4)
        ]
        average = PhaseAverage(model, 4)(images)
    assert len(logits) == 16
    np.testing.assert_allclose(average, sum(logit.double() for logit in logits) / 16, atol=1e-6)
    assert (average - logits[0]).abs().max() > 1e-4


# ----------------------------------------------------------------------------------------------------------------------
# Blur pooling


BINOMIAL = np.outer([1, 2, 1], [1, 2, 1]) / 16
SIZES = [(8, 8), (7, 8), (9, 5), (13, 13)]


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_blur_pool_is_a_strided_grouped_convolution(size, padding):
    maps = torch.randn(2, 3, *size, dtype=torch.float64)
    padded = F.pad(maps, (1, 1, 1, 1), mode="circular" if padding == "circular" else "constant")
    kernel = torch.from_numpy(BINOMIAL).expand(3, 1, 3, 3)
    expected = F.conv2d(padded, kernel, stride=2, groups=3)
    got = BlurPool(padding)(maps)
    assert got.shape[-2:] == tuple((side + 1) // 2 for side in size)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("padding", "mode"), [("zeros", "constant"), ("circular", "wrap")])
def test_blur_pool_is_scipys_filter_then_every_second_pixel(padding, mode):
    maps = np.random.default_rng(0).normal(size=(10, 9))
    expected = ndimage.convolve(maps, BINOMIAL, mode=mode)[::2, ::2]
    got = BlurPool(padding)(torch.from_numpy(maps)[None, None])
    np.testing.assert_allclose(got[0, 0], expected, atol=1e-14)


def test_blur_pool_lets_gradients_through():
    maps = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    for padding in ("zeros", "circular"):
        assert torch.autograd.gradcheck(BlurPool(padding), maps)


# ----------------------------------------------------------------------------------------------------------------------
# Polyphase sampling


def largest_phase(image: np.ndarray) -> np.ndarray:
    """The polyphase component of one image (c, h, w) with the largest L2 norm, the first of equals."""
    best, largest = None, -1.0
    for row in range(2):
        for column in range(2):
            component = image[:, row::2, column::2]
            norm = float(np.sqrt(sum(value**2 for value in component.ravel().tolist())))
            if norm > largest:
                best, largest = component, norm
    return best


def test_polyphase_sampling_is_the_largest_phase_of_each_image():
    maps = np.random.default_rng(1).normal(size=(24, 3, 6, 8))
    expected = np.stack([largest_phase(image) for image in maps])
    got = PolyphaseSampling()(torch.from_numpy(maps)).numpy()
    assert np.array_equal(got, expected)
    firsts = [image[0, :2, :2].ravel().tolist() for image in maps]
    chosen = {first.index(sampled[0, 0, 0]) for first, sampled in zip(firsts, got, strict=True)}
    assert chosen == {0, 1, 2, 3}


@pytest.mark.parametrize("phase", range(4))
def test_polyphase_sampling_goes_by_the_norm_of_all_channels(phase):
    """Neither the largest pixel, nor the sum, nor one channel decides."""
    maps = torch.zeros(1, 2, 4, 4)
    row, column = divmod(phase, 2)
    maps[:, :, row::2, column::2] = -2.0  # squares: 8 * 4
    other = (row + 1) % 2
    maps[:, :1, other, column] = 5.0  # the largest pixel and the largest sum; squares: 25
    assert (PolyphaseSampling()(maps) == -2.0).all()


def test_polyphase_sampling_takes_the_first_of_equal_phases():
    maps = torch.zeros(2, 1, 4, 4)
    maps[0, 0, 0, 1], maps[0, 0, 1, 0] = 1.0, -1.0  # phases 1 and 2 tie
    sampled = PolyphaseSampling()(maps)
    assert sampled.sum() == 1.0
    assert sampled[0, 0, 0, 0] == 1.0
    assert not sampled[1].any()


@pytest.mark.parametrize("size", [(5, 4), (4, 5), (3, 3)], ids=str)
def test_polyphase_sampling_refuses_odd_sides(size):
    with pytest.raises(ValueError, match="even sides"):
        PolyphaseSampling()(torch.zeros(1, 1, *size))


def test_polyphase_sampling_sends_gradients_to_the_chosen_phase():
    maps = torch.randn(3, 2, 4, 4, requires_grad=True)
    sampled = PolyphaseSampling()(maps)
    sampled.sum().backward()
    assert maps.grad.sum() == sampled.numel()
    assert torch.equal(PolyphaseSampling()(maps.grad), torch.ones_like(sampled))
    kept = maps.detach() * maps.grad
    assert torch.equal(PolyphaseSampling()(kept), sampled.detach())


# ----------------------------------------------------------------------------------------------------------------------
# Spatial transformer


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (0, -2), (0.5, 0.25), (-1.75, 3.4), (6.1, -0.3)], ids=str)
def test_translate_reads_from_displaced_pixels(shift):
    """Against scipy, which gives the direction of the ink: reading from the right moves it to the left."""
    x, y = shift
    images = np.random.default_rng(2).random((2, 12, 12))
    units = torch.tensor([[x, y]] * 2, dtype=torch.float64) * 2 / 12
    got = translate(torch.from_numpy(images)[:, None], units)[:, 0].numpy()
    expected = [ndimage.shift(image, (-y, -x), order=1, mode="grid-constant", cval=0) for image in images]
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_translate_moves_each_image_by_its_own_shift():
    images = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    images[:, :, 4, 4] = 1
    moved = translate(images, torch.tensor([[2.0, 0.0], [0.0, -1.0]], dtype=torch.float64) * 2 / 8)
    assert moved[0, 0, 4, 2] == pytest.approx(1)
    assert moved[1, 0, 5, 4] == pytest.approx(1)


@pytest.mark.parametrize("canvas", [29, 32, 40])
def test_spatial_transformer_starts_at_the_identity(canvas):
    images = torch.rand(3, 1, canvas, canvas)
    transformer = TranslationTransformer(canvas, max_shift=7)
    assert not transformer.shifts(images).any()
    torch.testing.assert_close(transformer(images), images, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_spatial_transformer_keeps_its_bound(sign):
    """Saturated, it translates by exactly `max_shift` pixels and not by more."""
    canvas, bound = 16, 3
    transformer = TranslationTransformer(canvas, max_shift=bound)
    nn.init.constant_(transformer.localisation[-1].bias, 1e6 * sign)
    images = torch.rand(2, 1, canvas, canvas)
    assert torch.equal(transformer.shifts(images), torch.full((2, 2), sign * 2 * bound / canvas))
    expected = torch.zeros_like(images)
    if sign > 0:
        expected[..., :-bound, :-bound] = images[..., bound:, bound:]
    else:
        expected[..., bound:, bound:] = images[..., :-bound, :-bound]
    torch.testing.assert_close(transformer(images), expected, rtol=0, atol=1e-5)


def test_spatial_transformer_learns():
    """Fresh, its last layer alone has a gradient; once that has moved, all of it has."""
    model = build_model(MODELS["stn"], 32)
    images, labels = torch.rand(4, 1, 32, 32), torch.arange(4)
    localisation = model[0].localisation
    F.cross_entropy(model(images), labels).backward()
    assert localisation[-1].weight.grad.abs().max() > 0
    nn.init.normal_(localisation[-1].weight)
    F.cross_entropy(model(images), labels).backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in localisation.parameters())
