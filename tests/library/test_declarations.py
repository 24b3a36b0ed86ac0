"""Declarations of families and layers: found by name; and the files that a network depends on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from jsonschema import Draft202012Validator

import invariance.layers
import invariance.networks
from invariance.networks.building import build_model
from invariance.plan import declarations, validation
from invariance.plan.declarations import (
    families,
    is_layerwise,
    layer_names,
    literal,
    network_files,
    side_multiple,
    smallest_canvas,
)
from invariance.record.artefacts import InputError
from invariance.record.dependencies import code_of
from judging import CONFIG
from running import ROOT

TRUNK = {"family": "trunk", "channels": [2, 3, 4], "downsampling": "max_pool", "padding": "zeros", "head": "fc"}
LIBRARY = ROOT / "scripts/invariance"
MODELS = CONFIG["models"]


# ----------------------------------------------------------------------------------------------------------------------
# Declarations


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("OPTIONS = {'a': [1, None]}", {"a": [1, None]}),
        ("import torch\n\nOPTIONS: dict = {}\n", {}),
        ("OTHER = 1", None),
        ("def f():\n    OPTIONS = 1", None),
    ],
)
def test_a_literal_is_read_without_running_the_file(text, value, tmp_path):
    (tmp_path / "file.py").write_text(f"{text}\nraise AssertionError")
    assert literal(tmp_path / "file.py", "OPTIONS") == value


@pytest.mark.parametrize("text", ["OPTIONS = {'a': f()}", "OPTIONS = {", "OPTIONS = other", "OPTIONS = {[]: 1}"])
def test_what_is_no_literal_is_told(text, tmp_path):
    (tmp_path / "file.py").write_text(text)
    with pytest.raises(InputError, match=r"file\.py: OPTIONS cannot be read .*allowed: .*literal"):
        literal(tmp_path / "file.py", "OPTIONS")


SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def test_the_schema_of_the_config_is_one():
    Draft202012Validator.check_schema(yaml.safe_load(SCHEMA.read_text()))


@pytest.mark.parametrize(
    ("what", "wrong", "message"),
    [
        ("families", {"wide": {"width": {"type": "intger"}}}, 'a model of the family wide .* width.type: "intger"'),
        ("distortion_parts", {"bold": {"by": 3}}, "the part bold is declared with by: 3"),
        ("distortion_parts", {"bold": {"by": {"minimum": "0"}}}, 'the part bold is declared with by.minimum: "0"'),
    ],
)
def test_a_setting_that_no_schema_describes_is_told_with_what_declares_it(what, wrong, message, monkeypatch):
    monkeypatch.setattr(validation, what, lambda: wrong)
    with pytest.raises(InputError, match=f"^{message}; allowed: "):
        validation.complete_schema(SCHEMA, {})


def test_a_missing_file_declares_nothing_and_is_told(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.py: no such file"):
        literal(tmp_path / "nowhere.py", "OPTIONS")


def test_families_and_layers_are_those_of_their_folders():
    assert list(families()) == ["file", "mlp", "phase_average", "simard_cnn", "stn", "trunk"]
    assert layer_names() == ["avg_pool", "blur_pool", "max_pool", "polyphase"]
    assert {model["family"] for model in MODELS.values()} <= set(families())


@pytest.mark.parametrize("family", families())
def test_every_option_is_described_and_taken(family):
    """`build` takes what OPTIONS names, and asks for what has no default."""
    for schema in families()[family].values():
        assert schema["description"]
    entries = [
        {k: v for k, v in model.items() if k != "family"} for model in MODELS.values() if model["family"] == family
    ]
    asked = {name for name, schema in families()[family].items() if "default" not in schema}
    assert all(asked <= set(entry) <= set(families()[family]) for entry in entries)
    assert entries or family == "file"


def test_declarations_are_read_without_torch():
    code = (
        "import sys; from invariance.plan.declarations import families, layer_names, network_files; families(); "
        "layer_names(); network_files({'family': 'mlp'}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")}, check=True)


# ----------------------------------------------------------------------------------------------------------------------
# The files that a network depends on


def parts(settings: dict) -> set[str]:
    """Families, layers and the like among the files of a network, by their names."""
    assert all(Path(file).is_file() for file in network_files(settings))
    found = {file.removeprefix(f"{LIBRARY}/").removesuffix(".py") for file in network_files(settings)}
    return {name for name in found if name.startswith(("layers/", "networks/")) and "__init__" not in name}


ALL = {"networks/building", "layers/window"}
TRUNKS = ALL | {"networks/trunk", "layers/images_last", "layers/global_average_pool", "layers/linear"}
TRUNKS |= {"layers/batch_norm", "layers/conv"}
FILES = {
    "mlp": {"networks/mlp", "layers/linear", "layers/window"},
    "simard_cnn": ALL
    | {"networks/simard_cnn", "networks/one_by_one"}
    | {"layers/conv", "layers/tanh", "layers/images_last", "layers/linear"},
    "stride_fc": TRUNKS,
    "max_pool_fc": TRUNKS | {"layers/max_pool", "layers/one_of_four"},
    "avg_pool_fc": TRUNKS | {"layers/avg_pool", "layers/blur_pool"},
    "blur_pool_fc": TRUNKS | {"layers/blur_pool"},
    "polyphase_gap_circular": TRUNKS | {"layers/polyphase", "layers/one_of_four"},
}


@pytest.mark.parametrize("name", FILES)
def test_a_network_is_made_of_its_family_and_its_layers_alone(name):
    assert parts(MODELS[name]) == FILES[name]


def test_a_phase_average_is_made_of_the_network_that_it_averages_too():
    settings = MODELS["phase_averaged"] | {"of": MODELS["stride_gap_circular"]}
    assert parts(settings) == TRUNKS | {"networks/phase_average"}
    with pytest.raises(InputError, match=r"of: 'stride_gap_circular'; allowed: the entry"):
        network_files(MODELS["phase_averaged"])


@pytest.mark.parametrize("script", ["train", "evaluate"])
def test_scripts_import_no_family_and_no_layer_that_some_networks_lack(script):
    optional = {LIBRARY / "networks" / f"{family}.py" for family in families()}
    shared = {"__init__", "images_last", "window"}
    optional |= {path for path in (LIBRARY / "layers").glob("*.py") if path.stem not in shared}
    assert not optional & {Path(file) for file in code_of(ROOT / f"scripts/{script}.py", roots=[ROOT / "scripts"])}


def test_a_users_network_is_made_of_what_it_imports(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\nimport parts\nfrom invariance.layers.max_pool import MaxPool\n"
    )
    (tmp_path / "parts.py").write_text("")
    (tmp_path / "unused.py").write_text("")
    files = network_files({"family": "file", "file": str(tmp_path / "net.py"), "class": "Net"})
    assert {str(tmp_path / "net.py"), str(tmp_path / "parts.py")} == {file for file in files if "scripts" not in file}
    assert {f"{LIBRARY}/networks/file.py", f"{LIBRARY}/layers/max_pool.py"} <= set(files)
    assert f"{LIBRARY}/layers/blur_pool.py" not in files


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"family": "cnn"}, r"no family 'cnn'; allowed: file, mlp, "),
        (TRUNK | {"downsampling": "max_pool_4x4"}, r"max_pool_4x4\.py: no such file"),
        ({"family": "file", "file": "nowhere.py", "class": "Net"}, r"nowhere\.py: no such file"),
    ],
)
def test_what_does_not_exist_is_told(settings, message):
    with pytest.raises(InputError, match=message):
        network_files(settings)


# ----------------------------------------------------------------------------------------------------------------------
# A new layer

MAX_POOL_3X3 = '''"""Max pooling, 3x3 at stride 2."""

from torch import Tensor, nn
from torch.nn import functional as F

from invariance.layers.window import Window

DOWNSAMPLING = "MaxPool3x3"


class MaxPool3x3(nn.Module):
    """The maximum of the 3x3 block around every second pixel."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = "circular" if mode == "circular" else "constant"
        self.window = Window("max_pool_3x3", padding=mode, kernel=3, stride=2, margin=1)

    def forward(self, maps: Tensor) -> Tensor:
        return F.max_pool2d(F.pad(maps, [1] * 4, mode=self.mode), 3, 2)
'''

USE_IT = """
import json, sys
from pathlib import Path
import numpy as np
import evaluate, train
from invariance.plan.declarations import layer_names, network_files
from studies.equivariance.evaluation import equivariance

assert "max_pool_3x3" in layer_names()
images, labels = Path("images.npy"), Path("labels.npy")
optimisation = json.loads(sys.argv[1])
for padding in sys.argv[2:]:
    model = {"family": "trunk", "channels": [2, 3, 4], "downsampling": "max_pool_3x3", "padding": padding, "head": "fc"}
    assert str(Path("scripts/invariance/layers/max_pool_3x3.py").absolute()) in network_files(model)
    weights = Path(f"{padding}-weights.safetensors")
    train.main(
        model=model,
        training={"canvas": 32, "train_images": 16, "validation_images": 4, "optimisation": optimisation},
        seed=0, images=images, labels=labels, weights=weights, history=Path(f"{padding}-history.csv"),
        card=Path(f"{padding}-card.json"),
    )
    evaluate.main(
        model=model, weights=weights, images=images, labels=labels,
        shifts={"canvas": 32, "max_shift": 1, "shift_images": 5}, grid=Path(f"{padding}-grid.csv"),
        predictions=Path(f"{padding}-predictions.npy"), test_predictions=Path(f"{padding}-test.npy"),
    )
    table = equivariance(
        images=np.load(images), weights={"study/new/centred/0": weights}, models={"new": model}, canvas=32, classes=10,
        number=3, max_shift=4,
    )
    table.to_csv(f"{padding}-equivariance.csv", index=False)
"""
OPTIMISATION = {"epochs": 1, "batch": 16, "learning_rate": 0.1, "schedule": "constant", "warmup": 0, "averaging": 0}
OPTIMISATION |= {"momentum": 0.9, "weight_decay": 0, "loss": "cross_entropy"}


PADDINGS = ("zeros", "circular")


@pytest.fixture(scope="module")
def used(tmp_path_factory) -> Path:
    """The folder of a copy of the project with one file more, in which networks of either padding were made with it."""
    folder = tmp_path_factory.mktemp("a new layer")
    shutil.copytree(ROOT / "scripts", folder / "scripts")  # with what numba has compiled
    (folder / "scripts/invariance/layers/max_pool_3x3.py").write_text(MAX_POOL_3X3)
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 8:20, 8:20] = np.random.default_rng(0).integers(1, 256, (20, 12, 12))
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", (np.arange(20) % 10).astype(np.uint8))
    environment = os.environ | {"PYTHONPATH": str(folder / "scripts"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", USE_IT, json.dumps(OPTIMISATION), *PADDINGS]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("padding", PADDINGS)
def test_a_new_layer_is_one_file(padding, used):
    """Found by its name, trained, evaluated over shifts, and measured layer by layer."""
    assert len(pd.read_csv(used / f"{padding}-grid.csv")) == 9
    table = pd.read_csv(used / f"{padding}-equivariance.csv")
    about = table[["layer", "kind", "padding", "stride", "total_stride"]].drop_duplicates().to_numpy().tolist()
    assert about == [
        [0, "convolution", padding, 1, 1],
        [1, "max_pool_3x3", padding, 2, 2],
        [2, "convolution", padding, 1, 2],
        [3, "max_pool_3x3", padding, 2, 4],
        [4, "convolution", padding, 1, 4],
        [5, "fully_connected", "none", 1, 4],
    ]
    assert table[table.exact].error.max() < 1e-14
    pooled = table[(table.kind == "max_pool_3x3") & (table.scope == "layer")]
    assert set(pooled[pooled.exact]["shift"]) == {2, 4}
    assert pooled[~pooled.exact & (pooled.place != "border")].error.min() > 1e-3


BAD_LAYERS = {
    "says_no_window": ("DOWNSAMPLING = 'Layer'", "pass", r"does not say where its outputs are read from"),
    "says_another_window": (
        "DOWNSAMPLING = 'Layer'",
        "window = Window('pool', kernel=2, stride=2)",
        r"says_another_window\.py: its window says that 12 pixels become 6, but they become \[5, 5\]",
    ),
    "names_another_class": ("DOWNSAMPLING = 'Pool'", "pass", r"names_another_class\.py: DOWNSAMPLING names nothing"),
    "names_no_class": ("", "pass", r"no layer 'names_no_class' .*allowed: .* DOWNSAMPLING, the name of that class"),
}


@pytest.mark.parametrize("name", BAD_LAYERS)
def test_a_layer_that_lacks_something_is_refused_in_words(name, tmp_path, monkeypatch):
    for layer, (declared, window, _) in BAD_LAYERS.items():
        (tmp_path / f"{layer}.py").write_text(
            f"from torch import nn\nfrom invariance.layers.window import Window\n{declared}\n"
            f"class Layer(nn.Module):\n    {window}\n    def __init__(self, mode): super().__init__()\n"
            "    def forward(self, maps): return nn.functional.max_pool2d(maps, 3, 2)\n"
        )
    monkeypatch.setattr(declarations, "LAYERS", tmp_path)
    monkeypatch.setattr("invariance.networks.building.layer_names", declarations.layer_names.__wrapped__)
    monkeypatch.setattr(invariance.layers, "__path__", [str(tmp_path), *invariance.layers.__path__])
    with pytest.raises(InputError, match=BAD_LAYERS[name][2]):
        build_model(TRUNK | {"downsampling": name}, 32)


@pytest.mark.parametrize(
    ("text", "why"), [("import nowhere_at_all", "No module named 'nowhere_at_all'"), ("def (", "invalid syntax")]
)
def test_a_family_that_cannot_be_imported_is_refused_in_words(text, why, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.setattr("invariance.networks.building.families", lambda: {"mine": {}})
    monkeypatch.setattr(invariance.networks, "__path__", [str(tmp_path), *invariance.networks.__path__])
    with pytest.raises(InputError, match=rf"mine\.py: cannot be imported \({why}.*\); fix this file"):
        build_model({"family": "mine"}, 32)


def test_a_layer_that_cannot_be_imported_is_refused_in_words(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text('import nowhere_at_all\nDOWNSAMPLING = "Layer"\n')
    monkeypatch.setattr(declarations, "LAYERS", tmp_path)
    monkeypatch.setattr("invariance.networks.building.layer_names", declarations.layer_names.__wrapped__)
    monkeypatch.setattr(invariance.layers, "__path__", [str(tmp_path), *invariance.layers.__path__])
    with pytest.raises(InputError, match=r"broken\.py: cannot be imported \(No module named 'nowhere_at_all'\)"):
        build_model(TRUNK | {"downsampling": "broken"}, 32)


def test_a_family_says_whether_its_layers_can_be_measured():
    assert {family for family in families() if not is_layerwise(family)} == {"mlp", "phase_average", "stn"}


def test_the_side_of_a_canvas_is_a_multiple_of_what_family_and_layer_declare(tmp_path, monkeypatch):
    polyphase = TRUNK | {"downsampling": "polyphase"}
    average = {"family": "phase_average", "of": "stride_gap_circular"}
    assert [side_multiple(its) for its in (TRUNK, polyphase, average, MODELS["stn"])] == [1, 4, 4, 1]
    layer = LIBRARY / "layers/polyphase.py"
    (tmp_path / "polyphase.py").write_text(layer.read_text().replace("SIDE_MULTIPLE = 4", "SIDE_MULTIPLE = 0"))
    monkeypatch.setattr(declarations, "layer_file", lambda name: tmp_path / f"{name}.py")
    with pytest.raises(InputError, match=r"polyphase\.py: SIDE_MULTIPLE: 0; allowed: a number of pixels, 1 or more"):
        side_multiple(polyphase)


def test_simards_network_takes_its_smallest_canvas():
    assert [smallest_canvas(MODELS[name]) for name in ("simard_cnn", "stn", "stride_fc", "mlp")] == [13, 13, 1, 1]
    for settings in (MODELS["simard_cnn"], MODELS["stn"] | {"max_shift": 3}):
        assert build_model(settings, 13)(torch.rand(2, 1, 13, 13)).shape == (2, 10)
