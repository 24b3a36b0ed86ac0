"""A user's own network, from any file: built, trained, tested, kept, or refused in words."""

import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import check_networks
from invariance.learning.equivariance import COLUMNS, measure, untrained
from invariance.learning.evaluation import logits_over_shifts
from invariance.learning.training import one_thread, train
from invariance.learning.weights import load_weights, save_weights
from invariance.networks.building import build_model
from invariance.plan import declarations, own_networks
from invariance.plan.merging import merge
from invariance.plan.reading import load, resolve
from invariance.record import dependencies
from invariance.record.artefacts import InputError
from running import ROOT

CANVAS = 16
OPTIMISATION = {"epochs": 2, "batch": 8, "learning_rate": 0.1, "schedule": "constant", "warmup": 0, "averaging": 0.5}
OPTIMISATION |= {"momentum": 0.9, "weight_decay": 0, "loss": "cross_entropy"}
NETWORK = '''
import dataclasses
from torch import nn
from beside import Scale

class Net(nn.Sequential):
    """Takes the canvas, and an option."""

    def __init__(self, canvas, width=4):
        side = (canvas - 2) // 2
        super().__init__(
            nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2), nn.Flatten(),
            nn.Linear(width * side**2, 10),
        )

class Pooled(nn.Module):
    """Takes no canvas."""

    def __init__(self, width):
        super().__init__()
        self.features, self.scale, self.head = nn.Conv2d(1, width, 3), Scale(), nn.Linear(width, 10)

    def forward(self, images):
        return self.head(self.scale(self.features(images).relu().mean(dim=(2, 3))))

@dataclasses.dataclass
class Settings:
    width: "int"
'''
BESIDE = "from torch import nn\nclass Scale(nn.Module):\n    def forward(self, x): return 2 * x\n"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project's folder with a network in a file, and a module beside it."""
    one_thread()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/net.py").write_text(NETWORK)
    (tmp_path / "mine/beside.py").write_text(BESIDE)
    monkeypatch.setattr(declarations, "SCRIPTS", tmp_path / "scripts")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "beside", raising=False)
    return tmp_path


def entry(name: str = "Net", **options) -> dict:
    return {"family": "file", "file": "mine/net.py", "class": name, "options": options}


@pytest.mark.parametrize("settings", [entry("Net", width=3), entry("Pooled", width=3)], ids=["canvas", "no canvas"])
def test_it_is_built_trained_kept_and_tested(settings, project):
    torch.manual_seed(0)
    model = build_model(settings, CANVAS)
    images = np.zeros((20, CANVAS, CANVAS), np.uint8)
    images[:, 3:-3, 3:-3] = np.random.default_rng(0).integers(1, 256, (20, CANVAS - 6, CANVAS - 6))
    labels = (np.arange(20) % 10).astype(np.uint8)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train(model, [images], labels, (images, labels), OPTIMISATION, 0)
    assert not all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
    save_weights(model, project / "weights.safetensors")
    other = build_model(settings, CANVAS)
    load_weights(other, project / "weights.safetensors")
    shifts = [(0, 0), (2, -1)]
    assert logits_over_shifts(other, images, shifts).tobytes() == logits_over_shifts(model, images, shifts).tobytes()


def test_trying_it_leaves_its_fresh_weights_and_what_is_drawn_next(project):
    torch.manual_seed(5)
    model, drawn = build_model(entry(width=3), CANVAS), torch.rand(3)
    torch.manual_seed(5)
    alone = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(147, 10))
    assert torch.rand(3).equal(drawn)
    for got, expected in zip(model.state_dict().values(), alone.state_dict().values(), strict=True):
        assert got.equal(expected)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_layers_in_a_row_are_measured_and_others_refused(project):
    images = torch.rand(2, 1, CANVAS, CANVAS, dtype=torch.float64)
    rows = list(measure(untrained(entry(), CANVAS, 0), images, 2))
    assert {row[COLUMNS.index("kind")] for row in rows} == {"convolution", "max_pool", "fully_connected"}
    with pytest.raises(InputError, match=r"Pooled(.|\n)*does not say where"):
        list(measure(untrained(entry("Pooled", width=2), CANVAS, 0), images, 2))


START = (
    "import torch\nfrom torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
)
LAYER = "        self.layer = nn.Linear(256, 10)\n"
FORWARD = "    def forward(self, x): return "
BAD = {
    "no such class": ("class Other: pass", r"net\.py: Net: there is none of that name; allowed: .* nn\.Module"),
    "not a module": ("class Net: pass", r"net\.py: Net: it is something else; allowed: .* nn\.Module"),
    "not a class": ("Net = 3", r"net\.py: Net: it is something else"),
    "not Python": ("class Net(", r"net\.py: cannot be imported \(SyntaxError: .*fix this file"),
    "imports what there is not": ("import nothing_of_that_name", r"net\.py: cannot be imported \(ModuleNotFoundError"),
    "fails to build": (
        START.replace("(self)", "(self, width)", 1),
        r"net\.py: Net: cannot be built with options \{\} \(TypeError: .*'width'.*called as Net\(\*\*options\)",
    ),
    "fails on images": (
        START + LAYER + FORWARD + "self.layer(x)",
        r"Net: fails on images \(2, 1, 16, 16\) \(RuntimeError: .*it must map float images",
    ),
    "wrong shape": (
        START + "        self.layer = nn.Linear(256, 9)\n" + FORWARD + "self.layer(x.flatten(1))",
        r"Net: gives \(2, 9\) for images .*; allowed: logits \(2, 10\)",
    ),
    "wrong shape in training": (
        START + LAYER + FORWARD + "self.layer(x.flatten(1)) if not self.training else (self.layer(x.flatten(1)),)",
        r"Net: gives a tuple for images",
    ),
    "no parameters": (START + FORWARD + "x.flatten(1)[:, :10]", r"Net: has no parameters with a gradient"),
    "no gradients": (
        START + LAYER + "        self.requires_grad_(False)\n" + FORWARD + "self.layer(x.flatten(1))",
        r"Net: has no parameters with a gradient.*nn\.Parameter",
    ),
    "draws when tested": (
        START + LAYER + FORWARD + "nn.functional.dropout(self.layer(x.flatten(1)), 0.5)",
        r"Net: gives other logits for the same images; in evaluation mode .*draw no random numbers",
    ),
    "half precision": (
        START + LAYER + FORWARD + "self.layer(x.flatten(1)).half()",
        r"Net: gives logits of torch\.float16 for images of torch\.float32; allowed: torch\.float32",
    ),
    "not a number": (
        START + LAYER + FORWARD + "self.layer(x.flatten(1)) / 0",
        r"Net: gives logits that are not",
    ),
    "probabilities": (
        START + LAYER + FORWARD + "self.layer(x.flatten(1)).softmax(dim=1)",
        r"Net: gives probabilities; allowed: logits, for the loss takes the softmax itself: leave it out",
    ),
    "lazy layers": (
        START + "        self.layer = nn.LazyLinear(10)\n" + FORWARD + "self.layer(x.flatten(1))",
        r"net\.py: Net: has lazy layers, whose weights have no size yet; allowed: layers with their sizes",
    ),
    "runs a program": (
        "import sys\nsys.exit(3)",
        r"net\.py: cannot be imported \(SystemExit: 3\); fix this file: what",
    ),
    "shared weights": (
        START + LAYER + "        self.same = self.layer\n" + FORWARD + "self.same(x.flatten(1))",
        r"Net: has weights that safetensors cannot hold .*share memory",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_hold_is_told_once_and_in_words(case, project):
    text, message = BAD[case]
    (project / "mine/net.py").write_text(text)
    with pytest.raises(InputError, match=message):
        build_model({"family": "file", "file": "mine/net.py", "class": "Net"}, CANVAS)


def test_a_missing_file_is_told(project):
    with pytest.raises(InputError, match=r"mine/nowhere\.py: no such file; allowed: .* the project's folder"):
        build_model(entry() | {"file": "mine/nowhere.py"}, CANVAS)


def test_a_class_is_asked_for(project):
    with pytest.raises(InputError, match=r"cannot be built .*class"):
        build_model({"family": "file", "file": "mine/net.py"}, CANVAS)


# ----------------------------------------------------------------------------------------------------------------------
# Tried before any job


FLEXIBLE = (
    START.replace("(self)", "(self, canvas, classes)", 1)
    + "        self.layer = nn.Linear(canvas**2, classes)\n"
    + FORWARD
    + "self.layer(x.flatten(1))"
)


def own_plans(*overlays: dict) -> list:
    """The plans of a config in which two studies train a network of the user's own, on two canvases."""
    config = load([ROOT / "config.yaml"])
    cells = {"cells": {"mine": {"trainings": ["none"]}}}
    config = merge(config, {"models": {"mine": entry()}, "studies": {"simard2003": cells, "split": cells}})
    return list(resolve(functools.reduce(merge, overlays, config)).values())


def test_it_is_tried_once_on_each_canvas_and_number_of_classes():
    plans = own_plans({"datasets": {"fashion_mnist": {"classes": 7}}})
    places = [(29, 10), (36, 10), (40, 7), (40, 10)]
    assert sorted(trial[1:] for trial in own_networks.tried(plans)) == [(*place, False, ["all"]) for place in places]
    asked = own_plans({"equivariance": {"models": ["mine"]}})
    assert {trial[3] for trial in own_networks.tried(asked)} == {True}
    assert own_networks.tried(resolve(load([ROOT / "config.yaml"])).values()) == []
    cell = {"mine": {"trainings": ["low_centred", "high_centred_after_low_centred_head"]}}
    (first, *_) = own_plans({"studies": {"class_sequence": {"cells": cell}}})
    assert ["all", "head"] in [trial[-1] for trial in own_networks.tried([first])]


def test_a_part_of_it_that_cannot_be_trained_alone_is_told_before_any_job(project):
    pooled = entry("Pooled", width=3)
    told = r"^mine/net\.py: Pooled: trained_part: head: this network is no sequence .* \(canvas 16, 10 classes\)$"
    with pytest.raises(InputError, match=told):
        check_networks.main(networks=[(pooled, CANVAS, 10, False, ["all", "head"])])
    check_networks.main(networks=[(pooled, CANVAS, 10, False, ["all"])])


def test_it_is_given_the_classes_if_it_asks_for_them(project):
    (project / "mine/net.py").write_text(FLEXIBLE)
    assert build_model(entry(), CANVAS, 3)(torch.zeros(2, 1, CANVAS, CANVAS)).shape == (2, 3)


def test_what_is_wrong_is_told_before_any_job_and_what_passed_is_not_tried_again(project, monkeypatch):
    network, folder, layer_by_layer = project / "mine/net.py", project / "passed", False
    run, started, answers = subprocess.run, [], {}

    def trial(command: list[str], **how: object) -> subprocess.CompletedProcess:
        """Whoever asks again of the same file gets the first answer: importing torch takes seconds."""
        started.append(command)
        asked = (network.read_text(), *command)
        if asked not in answers:
            answers[asked] = run(command, **how)
        return answers[asked]

    monkeypatch.setattr(subprocess, "run", trial)
    monkeypatch.setattr(
        own_networks, "tried", lambda plans: [(entry() | {"file": str(network)}, CANVAS, 3, layer_by_layer, ["all"])]
    )
    network.write_text(BAD["wrong shape"][0])
    for _ in range(2):
        with pytest.raises(InputError, match=r"^.*net\.py: Net: gives \(2, 9\) for .*logits \(2, 3\)"):
            own_networks.require_networks([], folder)
    network.write_text(FLEXIBLE)
    dependencies.module_files.cache_clear()
    dependencies.module.cache_clear()
    dependencies.made_by.cache_clear()
    for _ in range(2):
        own_networks.require_networks([], folder)
    assert len(started) == 3
    assert len(list(folder.iterdir())) == 1
    layer_by_layer = True
    with pytest.raises(InputError, match="it does not say where its outputs are read from"):
        own_networks.require_networks([], folder)
