"""The page's own engine, in V8: what it answers is what the pipeline predicted and PyTorch computes."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from py_mini_racer import JSEvalException, MiniRacer

from finished import finished_run
from invariance.data.images import place_on_canvas, shift_grid, shift_images
from invariance.explorer.sources import joined
from invariance.learning.evaluation import logits_over_shifts
from invariance.learning.training import as_input
from invariance.learning.weights import load_weights, save_weights
from invariance.networks.building import build_model
from invariance.plan.plan import Plan
from running import ROOT

# V8 alone has no typed arrays in its calls and no base64, so bytes come as hexadecimal.
FOR_TESTS = """
function accelerateWith(hex) {
  accelerate(bytesOfHex(hex));
  return true;
}
const bytesOfHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
function logitsOf(settings, canvas, weights, images, shifts, circular) {
  const { logits, logitsOfRoll } = buildNetwork(settings, canvas, readTensors(bytesOfHex(weights)));
  const pixels = images.map((image) => Float32Array.from(bytesOfHex(image), (value) => value / 255));
  const at = (image, dx, dy) =>
    logitsOfRoll ? logitsOfRoll(image, dx, dy) : logits(shifted(image, canvas, dx, dy, circular));
  return shifts.map(([dx, dy]) => pixels.map((image) => Array.from(at(image, dx, dy))));
}
"""
TRUNK = {"family": "trunk", "channels": [3, 4, 5]}
# One of each family, with each way to downsample, pad and classify.
NETWORKS = {
    "mlp": {"family": "mlp", "hidden": 7},
    "simard_cnn": {"family": "simard_cnn"},
    "stn": {"family": "stn", "max_shift": 7},
    "phase_average": {
        "family": "phase_average",
        "of": {**TRUNK, "downsampling": "stride", "padding": "circular", "head": "gap"},
    },
    **{
        f"{down} {padding} {head}": {**TRUNK, "downsampling": down, "padding": padding, "head": head}
        for down, padding, head in [
            ("stride", "zeros", "fc"),
            ("stride", "circular", "gap"),
            ("max_pool", "zeros", "fc"),
            ("avg_pool", "circular", "fc"),
            ("blur_pool", "zeros", "gap"),
            ("blur_pool", "circular", "fc"),
            ("polyphase", "circular", "gap"),
        ]
    },
}
IMAGES = 4
ENGINE = ROOT / "explorer/engine"
# As the head of loops.c has it.
COMPILER = "clang-14"


@pytest.fixture(scope="module", params=["JavaScript", "WebAssembly"])
def engine(request) -> Iterator[MiniRacer]:
    context = MiniRacer()
    context.eval(joined(ENGINE / "engine.js") + FOR_TESTS)
    if request.param == "WebAssembly":
        context.call("accelerateWith", (ENGINE / "loops.wasm").read_bytes().hex())
    yield context
    context.close()


def logits_of(
    engine: MiniRacer,
    settings: dict[str, Any],
    weights: bytes,
    images: np.ndarray,
    shifts: list[tuple[int, int]],
    circular: bool = False,
) -> np.ndarray:
    """Logits (shifts, n, classes) of uint8 (n, canvas, canvas) images."""
    pixels = [image.tobytes().hex() for image in images]
    return np.array(engine.call("logitsOf", settings, images.shape[-1], weights.hex(), pixels, shifts, circular))


def test_every_network_of_a_run_answers_as_the_pipeline_predicted(engine, tmp_path_factory):
    root = finished_run(tmp_path_factory)
    plan = Plan(json.loads((root / "results/digits/config.json").read_text()))
    images = np.load(root / plan.file("source/test-images.npy"))[:IMAGES]
    evaluated = [cell for cell in dict.fromkeys(plan.evaluations.values()) if not plan.only(cell.study, cell.training)]
    assert len(evaluated) >= 8
    for cell in evaluated:
        settings = plan.shift_settings(cell.study, cell.model, cell.training)
        weights = (root / plan.trained_file(cell, "weights.safetensors")).read_bytes()
        shifts = shift_grid(settings["max_shift"])
        placed = place_on_canvas(images, settings["canvas"])
        answers = logits_of(engine, plan.network(cell.model), weights, placed, shifts).argmax(axis=2)
        recorded = np.load(root / plan.evaluated_file(cell, ".predictions.npy"))[:, :IMAGES]
        np.testing.assert_array_equal(answers, recorded, err_msg=str(cell))


def test_networks_that_tell_places_answer_as_the_pipeline_would(engine, tmp_path_factory):
    """The pipeline records how often they are right, and not for which image."""
    root = finished_run(tmp_path_factory)
    plan = Plan(json.loads((root / "results/digits/config.json").read_text()))
    (cell,) = (cell for cell in plan.cells if plan.tells_positions(cell.study))
    settings = plan.position_settings(cell.study, cell.model)
    images = np.load(root / plan.file("source/test-images.npy"))[:IMAGES]
    placed = place_on_canvas(images, settings["canvas"])
    shifts = [tuple(position) for position in settings["positions"]]
    weights = root / plan.trained_file(cell, "weights.safetensors")
    network = build_model(settings["model"], settings["canvas"])
    load_weights(network, weights)
    found = logits_of(engine, settings["model"], weights.read_bytes(), placed, shifts)
    np.testing.assert_allclose(found, logits_over_shifts(network, placed, shifts), rtol=1e-5, atol=1e-4)


# On 30 pixels, halves are odd: 30, 15, then 7 or 8; these networks need halves that are even.
EVEN = {"phase_average", "polyphase circular gap"}


@pytest.mark.parametrize(
    ("name", "canvas", "classes"),
    [(name, canvas, 10) for name in NETWORKS for canvas in (28, 36)]
    + [(name, 30, 12) for name in NETWORKS if name not in EVEN],
)
def test_logits_are_those_of_pytorch(engine, name, canvas, classes, tmp_path):
    torch.manual_seed(1)
    model = build_model(NETWORKS[name], canvas, classes).eval()
    with torch.no_grad():  # no weight is left at a value that hides it
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.mul_(1.5).add_(0.2 * torch.rand_like(tensor))
    save_weights(model.model if name == "phase_average" else model, tmp_path / "weights.safetensors")
    images = place_on_canvas(np.random.default_rng(1).integers(0, 256, (2, 20, 20), np.uint8), canvas)
    shifts = [(0, 0), (3, -2)]
    weights = (tmp_path / "weights.safetensors").read_bytes()
    found = logits_of(engine, NETWORKS[name], weights, images, shifts)
    with torch.inference_mode():
        expected = np.stack([model(as_input(shift_images(images, *shift))).numpy() for shift in shifts])
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_a_roll_round_the_edge_is_a_roll(engine):
    engine.eval("const ramp = Float32Array.from({ length: 16 }, (_, place) => place);")
    found = engine.eval("Array.from(shifted(ramp, 4, 1, -2, true))")
    np.testing.assert_array_equal(
        np.reshape(list(found), (4, 4)), np.roll(np.arange(16).reshape(4, 4), (-2, 1), axis=(0, 1))
    )


@pytest.mark.skipif(not shutil.which(COMPILER), reason=f"{COMPILER}, of Debian's package clang, is not installed")
def test_the_module_is_what_its_source_compiles_to(tmp_path):
    source = (ENGINE / "loops.c").read_text()
    (command,) = (line.removeprefix("//").split() for line in source.splitlines() if COMPILER in line)
    assert command[-3:] == ["-o", "loops.wasm", "loops.c"]
    (tmp_path / "loops.c").write_text(source)
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "loops.wasm").read_bytes() == (ENGINE / "loops.wasm").read_bytes()


def weights_of(settings: dict[str, Any], canvas: int, folder: Path) -> bytes:
    save_weights(build_model(settings, canvas), folder / "weights.safetensors")
    return (folder / "weights.safetensors").read_bytes()


def test_weights_that_are_not_whole_are_refused(engine, tmp_path):
    images, settings = np.zeros((1, 28, 28), np.uint8), NETWORKS["mlp"]
    weights = weights_of(settings, 28, tmp_path)
    for damaged in (b"", weights[:100], weights[:-1], b"\xff" * 100):
        with pytest.raises(JSEvalException, match="not whole weights"):
            logits_of(engine, settings, damaged, images, [(0, 0)])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (NETWORKS["simard_cnn"], "weights of another network: 0.weight"),
        ({"family": "simard_cnn", "nonlinearity": "tanh"}, "Simard's network with the defaults of its options alone"),
        ({"family": "constructor"}, 'this page has no networks "constructor"'),
        ({**NETWORKS["stride zeros fc"], "downsampling": "overlap_pool"}, 'this page has no layer "overlap_pool"'),
    ],
)
def test_a_network_that_the_page_cannot_run_is_refused_in_words(engine, settings, message, tmp_path):
    weights = weights_of(NETWORKS["mlp"], 28, tmp_path)
    with pytest.raises(JSEvalException, match=message):
        logits_of(engine, settings, weights, np.zeros((1, 28, 28), np.uint8), [(0, 0)])
