"""The layers: what torch.nn computes, gradients included, however the maps lie in memory and are cut into blocks."""

import copy
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from invariance.layers import conv
from invariance.layers.avg_pool import AvgPool
from invariance.layers.batch_norm import BatchNormReLU, moments
from invariance.layers.blur_pool import BlurPool
from invariance.layers.conv import Conv, ConvReLU
from invariance.layers.global_average_pool import GlobalAveragePool
from invariance.layers.images_last import as_images_first, as_images_last
from invariance.layers.linear import Linear
from invariance.layers.max_pool import MaxPool
from invariance.layers.polyphase import PolyphaseSampling
from invariance.layers.tanh import ConvTanh, Tanh
from invariance.layers.window import FULLY_CONNECTED, GLOBAL_AVERAGE_POOL, POINTWISE, Window, known_window, window_of
from invariance.record.artefacts import InputError
from made import randomised

EXACT = 1e-10  # relative, float64


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(2003)


def relative(got: Tensor, expected: Tensor) -> float:
    """Norm of the difference, relative to the norm of what is expected."""
    return ((got - expected).norm() / expected.norm()).item()


def backward(function, maps: Tensor, slopes: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    """Output, gradient of the maps, gradients of the parameters, of the sum of slopes * function(maps)."""
    maps = maps.detach().clone().requires_grad_()
    output = function(maps)
    return [output.detach(), *torch.autograd.grad((output * slopes).sum(), [maps, *parameters])]


def noisy(layer: nn.Module) -> nn.Module:
    """The layer in float64, with a batch norm that is not the identity."""
    return randomised(layer).double()


def tanh_convolution(*sizes) -> ConvTanh:
    return ConvTanh(*sizes[:5], mode=sizes[5], tanh=Tanh(1.7159, 2 / 3))


CONVOLUTIONS = {
    f"{cls.__name__} {kernel}x{kernel} / {stride}, padding {padding} {mode}": (
        lambda cls=cls, kernel=kernel, stride=stride, padding=padding, mode=mode: cls(
            3, 4, kernel, stride, padding, mode
        )
    )
    for cls, (kernel, stride, padding, mode) in itertools.product(
        (Conv, ConvReLU, tanh_convolution),
        [
            (5, 2, 0, "zeros"),
            (5, 2, 2, "zeros"),
            (3, 1, 1, "zeros"),
            (3, 2, 1, "circular"),
            (5, 1, 2, "circular"),
            (1, 1, 0, "zeros"),
            (3, 3, 0, "zeros"),
        ],
    )
}
OTHERS = {
    "batch norm": lambda: BatchNormReLU(3),
    "max pool": MaxPool,
    "average pool": AvgPool,
    "blur pool": BlurPool,
    "circular blur pool": lambda: BlurPool("circular"),
    "polyphase sampling": PolyphaseSampling,
}
LAYERS = CONVOLUTIONS | OTHERS
LAYOUTS = {
    "images first": lambda maps: maps,
    "images last": lambda maps: as_images_first(as_images_last(maps)),
    "channels last": lambda maps: maps.to(memory_format=torch.channels_last),
    "a window": lambda maps: F.pad(maps, (1, 2, 3, 4))[:, :, 3:-4, 1:-2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_and_its_gradients_are_those_of_torch(name, layout):
    layer = noisy(LAYERS[name]())
    reference = copy.deepcopy(layer)
    maps = torch.randn(6, 3, 10, 12, dtype=torch.float64)
    slopes = torch.randn_like(layer.by_torch(maps))
    got = backward(layer, LAYOUTS[layout](maps), slopes, list(layer.parameters()))
    expected = backward(reference.by_torch, maps, slopes, list(reference.parameters()))
    assert got[0].shape == expected[0].shape
    for ours, torchs in zip(got, expected, strict=True):
        assert ours.shape == torchs.shape
        assert relative(ours, torchs) < EXACT


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_finite_differences(name):
    layer = noisy(LAYERS[name]()).eval()  # a batch norm moves its running moments, which gradcheck would not forgive
    maps = torch.randn(2, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, maps)


def test_gradients_of_batch_norm_in_training_are_those_of_finite_differences():
    layer = noisy(BatchNormReLU(2))
    maps = torch.randn(3, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda maps, weight, bias: layer(maps), (maps, layer.weight, layer.bias))


@pytest.mark.parametrize("name", LAYERS)
def test_layers_in_single_precision_are_close(name):
    layer = noisy(LAYERS[name]()).float()
    maps = torch.randn(5, 3, 8, 8)
    slopes = torch.randn_like(layer.by_torch(maps))
    got = backward(layer, maps, slopes, list(layer.parameters()))
    double = copy.deepcopy(layer).double()
    expected = backward(double.by_torch, maps.double(), slopes.double(), list(double.parameters()))
    for ours, torchs in zip(got, expected, strict=True):
        assert ours.dtype == torch.float32
        assert relative(ours.double(), torchs) < 2e-6


@settings(deadline=None, max_examples=60)
@given(
    channels=st.integers(1, 3),
    wider=st.integers(1, 4),
    kernel=st.sampled_from([1, 2, 3, 5]),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    mode=st.sampled_from(["zeros", "circular"]),
    height=st.integers(5, 9),
    width=st.integers(5, 9),
    images=st.integers(1, 4),
    patch_bytes=st.sampled_from([1, 3000, 2**19]),
)
def test_convolution_of_any_shape_in_blocks_of_any_size(
    channels, wider, kernel, stride, padding, mode, height, width, images, patch_bytes
):
    layer = ConvReLU(channels, wider, kernel, stride, padding, mode).double()
    maps = torch.randn(images, channels, height, width, dtype=torch.float64)
    expected_output = layer.by_torch(maps)
    slopes = torch.randn_like(expected_output)
    conv.patches_of.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv, "PATCH_BYTES", patch_bytes)
        got = backward(layer, maps, slopes, list(layer.parameters()))
    conv.patches_of.cache_clear()
    for ours, torchs in zip(got, backward(layer.by_torch, maps, slopes, list(layer.parameters())), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-12)


def test_blocks_cover_the_output_once_and_fit_into_the_cache():
    patches = conv.Patches(torch.Size([16, 10, 10, 128]), torch.float32, 3, 1, 1, "zeros")
    covered = np.concatenate([np.arange(places.start, places.stop) for _, places, _, _ in patches.blocks])
    np.testing.assert_array_equal(covered, np.arange(10 * 10 * 128))
    for _, places, matrix, array in patches.blocks:
        assert matrix.shape == (16 * 9, places.stop - places.start)
        assert array.nbytes == matrix.nbytes
        assert matrix.data_ptr() == array.ctypes.data
    assert len(patches.blocks) > 1
    assert max(matrix.nbytes for _, _, matrix, _ in patches.blocks) <= max(conv.PATCH_BYTES, 16 * 9 * 10 * 128 * 4)


@pytest.mark.parametrize("images", [1, 5, 128])
def test_weight_gradients_of_tiles_that_are_not_full(images):
    """Sums are computed for four outputs and three taps at a time; 5 outputs and 25 taps fill no last tile."""
    layer = ConvReLU(1, 5, 5, 2).double()
    for maps in (torch.randn(images, 1, 9, 11), torch.zeros(images, 1, 9, 11)):
        maps = maps.double()
        slopes = torch.randn_like(layer.by_torch(maps))
        got = backward(layer, maps, slopes, list(layer.parameters()))
        for ours, torchs in zip(got, backward(layer.by_torch, maps, slopes, list(layer.parameters())), strict=True):
            torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-12)


def test_layers_that_share_memory_do_not_disturb_each_other():
    """All convolutions gather into one memory: what one has kept for its backward pass must not be in there."""
    stack = nn.Sequential(ConvReLU(1, 3, 5, 2), ConvReLU(3, 4, 3), ConvReLU(4, 2, 3, padding=1)).double()
    maps = torch.randn(3, 1, 15, 15, dtype=torch.float64)

    def by_torch(maps):
        for layer in stack:
            maps = layer.by_torch(maps)
        return maps

    slopes = torch.randn_like(by_torch(maps))
    got = backward(stack, maps, slopes, list(stack.parameters()))
    for ours, torchs in zip(got, backward(by_torch, maps, slopes, list(stack.parameters())), strict=True):
        assert relative(ours, torchs) < EXACT


# ----------------------------------------------------------------------------------------------------------------------
# Batch normalisation


def test_running_moments_and_what_evaluation_makes_of_them():
    ours, theirs = noisy(BatchNormReLU(3)), nn.BatchNorm2d(3).double()
    theirs.load_state_dict(ours.state_dict())
    for _ in range(3):
        maps = 2 + 3 * torch.randn(5, 3, 4, 6, dtype=torch.float64)
        ours(maps), theirs(maps)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-12, atol=0)
    maps = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(ours.eval()(maps), F.relu(theirs.eval()(maps)), rtol=1e-12, atol=1e-12)


def test_moments_in_single_precision_survive_a_large_mean():
    """The naive mean of squares minus square of the mean would lose the variance altogether."""
    maps = (1e4 + np.random.default_rng(0).normal(size=(2, 100_000))).astype(np.float32)
    means, variances = np.empty(2, np.float32), np.empty(2, np.float32)
    moments(maps, means, variances)
    np.testing.assert_allclose(means, maps.astype(np.float64).mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(variances, maps.astype(np.float64).var(axis=1), rtol=1e-3)


def test_maps_without_variance_have_exactly_none():
    means, variances = np.empty(2, np.float32), np.empty(2, np.float32)
    moments(np.full((2, 1000), 0.1, np.float32), means, variances)
    assert (means == np.float32(0.1)).all()
    assert (variances == 0).all()


@pytest.mark.parametrize(("stride", "padding", "mode"), [(1, 1, "zeros"), (2, 1, "circular"), (2, 0, "zeros")])
def test_folding_computes_the_same(stride, padding, mode):
    before, norm = Conv(2, 3, 3, stride, padding, mode).double(), noisy(BatchNormReLU(3)).eval()
    maps = torch.randn(4, 2, 8, 8, dtype=torch.float64)
    folded = norm.folded_into(before)
    assert relative(folded(maps), norm(before(maps))) < EXACT
    assert not folded.weight.equal(before.weight)


@pytest.mark.parametrize("before", [ConvReLU(2, 3, 3), MaxPool(), nn.Conv2d(2, 3, 3)], ids=lambda layer: str(layer))
def test_nothing_is_folded_into_what_is_not_a_convolution_of_ours(before):
    """Behind a ReLU the batch norm cannot be part of the convolution."""
    assert BatchNormReLU(3).folded_into(before) is None


# ----------------------------------------------------------------------------------------------------------------------
# Pools and samplings


def test_max_pool_takes_the_first_of_equal_pixels_as_torch_does():
    maps = torch.ones(2, 1, 4, 4, dtype=torch.float64)
    slopes = torch.arange(1.0, 9, dtype=torch.float64).view(2, 1, 2, 2)
    ours, torchs = backward(MaxPool(), maps, slopes, []), backward(MaxPool().by_torch, maps, slopes, [])
    assert ours[1].equal(torchs[1])
    assert ours[1][0, 0].nonzero().tolist() == [[0, 0], [0, 2], [2, 0], [2, 2]]


@pytest.mark.parametrize("pool", [MaxPool, AvgPool])
def test_pools_drop_the_last_row_and_column_of_odd_maps(pool):
    maps = torch.randn(3, 2, 7, 9, dtype=torch.float64)
    slopes = torch.randn(3, 2, 3, 4, dtype=torch.float64)
    ours, torchs = backward(pool(), maps, slopes, []), backward(pool().by_torch, maps, slopes, [])
    assert all(relative(a, b) < EXACT for a, b in zip(ours, torchs, strict=True))
    assert not ours[1][:, :, -1].any()
    assert not ours[1][:, :, :, -1].any()


def test_average_pool_is_torchs():
    maps = torch.randn(3, 2, 8, 6, dtype=torch.float64)
    torch.testing.assert_close(AvgPool()(maps), F.avg_pool2d(maps, 2), rtol=1e-14, atol=1e-14)


# ----------------------------------------------------------------------------------------------------------------------
# Heads


def test_linear_is_torchs():
    layer = Linear(12, 5).double()
    for features in (torch.randn(7, 12, dtype=torch.float64), torch.randn(12, 7, dtype=torch.float64).t()):
        slopes = torch.randn(7, 5, dtype=torch.float64)
        got = backward(layer, features, slopes, list(layer.parameters()))
        expected = backward(layer.by_torch, features, slopes, list(layer.parameters()))
        assert all(relative(a, b) < EXACT for a, b in zip(got, expected, strict=True))


def test_global_average_pool_is_torchs():
    maps = torch.randn(3, 4, 5, 6, dtype=torch.float64)
    slopes = torch.randn(3, 4, dtype=torch.float64)
    got = backward(GlobalAveragePool(), maps, slopes, [])
    expected = backward(lambda maps: F.adaptive_avg_pool2d(maps, 1).flatten(1), maps, slopes, [])
    assert all(relative(a, b) < EXACT for a, b in zip(got, expected, strict=True))


# ----------------------------------------------------------------------------------------------------------------------
# What must not be hidden


@pytest.mark.parametrize("name", LAYERS)
def test_not_a_number_comes_through(name):
    """A ReLU that turned it into 0 would hide that training has diverged."""
    layer = noisy(LAYERS[name]())
    maps = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    maps[1] = torch.nan
    output = layer(maps)
    assert output[1].isnan().all()
    if not isinstance(layer, BatchNormReLU):
        assert not output[0].isnan().any()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_leaves_its_input_alone(name):
    layer, maps = noisy(LAYERS[name]()), torch.randn(2, 3, 6, 6, dtype=torch.float64)
    for lies in LAYOUTS.values():
        given_maps = lies(maps)
        before = given_maps.clone()
        slopes = torch.ones_like(layer(given_maps))
        backward(layer, given_maps, slopes, [])
        assert given_maps.equal(before)


def test_maps_stay_with_their_images_last_from_layer_to_layer():
    """Otherwise every layer would rearrange what the one before it has arranged, which costs more than it computes."""
    maps = as_images_first(torch.randn(1, 16, 16, 8))
    for layer in (Conv(1, 4, 3, padding=1), BatchNormReLU(4), MaxPool(), ConvReLU(4, 4, 3, padding=1), BlurPool()):
        maps = layer(maps)
        assert as_images_last(maps).data_ptr() == maps.data_ptr()


def test_a_network_trains_on_shapes_that_it_first_saw_in_inference_mode():
    conv._scratch.clear()
    conv.patches_of.cache_clear()
    convolution = nn.Sequential(Conv(1, 2, 3), Conv(2, 2, 3))
    images = torch.rand(3, 1, 17, 19)
    with torch.inference_mode():
        convolution(images)
    convolution(images).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in convolution.parameters())


# ----------------------------------------------------------------------------------------------------------------------
# What layers say of themselves


WINDOWS = {
    **{f"ours: {name}": (make, 3) for name, make in LAYERS.items()},
    "Conv2d": (lambda: nn.Conv2d(3, 2, 3, 2, 1), 3),
    "Conv2d, circular": (lambda: nn.Conv2d(3, 2, (3, 3), padding=(1, 1), padding_mode="circular"), 3),
    "MaxPool2d 3x3": (lambda: nn.MaxPool2d(3, 2), 3),
    "AvgPool2d, padded": (lambda: nn.AvgPool2d(3, 2, 1), 3),
    "MaxPool2d, padded": (lambda: nn.MaxPool2d(3, 2, 1), 3),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), 3),
    "ReLU": (nn.ReLU, 3),
    "Dropout": (nn.Dropout, 3),
    "Identity": (nn.Identity, 3),
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("side", [8, 10])
def test_a_window_is_what_the_output_depends_on(name, side):
    """Found by gradients: an output in the middle depends on its window alone, and there are as many as it says."""
    make, channels = WINDOWS[name]
    layer = noisy(make()).eval()
    window = window_of(layer)
    maps = torch.rand(1, channels, side, side, dtype=torch.float64).requires_grad_()
    output = layer(maps)
    assert output.shape[2:] == (window.output_side(side),) * 2
    seen = torch.zeros(side, dtype=torch.bool)
    middle = window.output_side(side) // 2
    for _ in range(20):  # the largest of a window stands somewhere else each time
        maps = torch.rand(1, channels, side, side, dtype=torch.float64).requires_grad_()
        [gradient] = torch.autograd.grad(layer(maps)[:, :, middle].sum(), maps)
        seen |= gradient.abs().sum(dim=(0, 1, 3)) > 0
    first = middle * window.stride - window.margin
    expected = {
        place % side
        for place in range(first, first + window.kernel)
        if window.padding == "circular" or place in range(side)
    }
    assert set(seen.nonzero().flatten().tolist()) == expected


def test_heads_and_pointwise_layers_say_so():
    for layer in (GlobalAveragePool(), nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d((1, 1))):
        assert window_of(layer) == GLOBAL_AVERAGE_POOL
    for layer in (Linear(3, 2), nn.Linear(3, 2), nn.Flatten()):
        assert window_of(layer) == FULLY_CONNECTED
    for layer in (BatchNormReLU(3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.5), nn.Identity()):
        assert window_of(layer) == POINTWISE
    assert window_of(nn.MaxPool2d(2)) == MaxPool.window == Window("max_pool", kernel=2, stride=2)
    assert window_of(nn.AvgPool2d(2)) == AvgPool().window
    assert window_of(Conv(1, 2, 3, 2, 1, "circular")) == Window("convolution", "circular", 3, 2, 1)


class Doubled(nn.Conv2d):
    """What a subclass computes is not known from what it inherits."""

    def forward(self, maps):
        return 2 * super().forward(maps)


UNKNOWN = [
    nn.Softmax(dim=1),
    nn.LayerNorm(8),
    nn.Conv2d(1, 1, (3, 5)),
    nn.Conv2d(1, 1, 3, dilation=2),
    nn.Conv2d(1, 1, 3, padding="same"),
    nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"),
    nn.MaxPool2d(2, ceil_mode=True),
    nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(start_dim=2),
    Doubled(1, 1, 3),
]


@pytest.mark.parametrize("layer", UNKNOWN, ids=str)
def test_a_layer_that_nobody_knows_is_refused_and_told_what_it_lacks(layer):
    assert known_window(layer) is None
    with pytest.raises(
        InputError, match=r"does not say where .* allowed: .*`window`.*Conv2d.*give its class a `window`"
    ):
        window_of(layer)


def test_a_layer_is_known_by_what_it_says():
    layer = Doubled(1, 1, 3)
    layer.window = Window("doubled", kernel=3)
    assert window_of(layer).kind == "doubled"
