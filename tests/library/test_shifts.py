"""Any trained network over the grid of shifts: held to plain loops, to Zhang's protocol, and to bad input."""

import doctest
import itertools
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import invariance
import measure as measure_script
from invariance.command_line import run
from invariance.learning.any_network import windows
from invariance.learning.training import one_thread
from invariance.record.artefacts import InputError, whole_folder
from invariance.results.measures import logit_drift
from recipes import FILE
from running import ROOT

SIDE, REACH = 12, 2
GRID = [(dx, dy) for dy in range(-REACH, REACH + 1) for dx in range(-REACH, REACH + 1)]


def network(channels: int = 1, seed: int = 0) -> nn.Sequential:
    """Random layers of torch.nn that are far from invariant."""
    one_thread()
    torch.manual_seed(seed)
    first = nn.Conv2d(channels, 4, 3, stride=2, padding=1)
    return nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 7)).eval()


def pictures(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def moved(image: np.ndarray, dx: int, dy: int, by: str, canvas: int) -> np.ndarray:
    """Pixel by pixel: what stands at (row, column) after a shift; images (h, w)."""
    (height, width), seen = image.shape, np.zeros((canvas, canvas), np.uint8)
    top, left = (canvas - height) // 2, (canvas - width) // 2
    if by == "crop":
        top, left = -((height - canvas) // 2), -((width - canvas) // 2)
    for row in range(canvas):
        for column in range(canvas):
            y, x = row - top - dy, column - left - dx
            if by == "roll":
                y, x = y % height, x % width
            if 0 <= y < height and 0 <= x < width:
                seen[row, column] = image[y, x]
    return seen


@pytest.mark.parametrize(("by", "canvas"), [("canvas", SIDE + 5), ("roll", SIDE), ("crop", SIDE - 5)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_window_is_the_image_moved_pixel_by_pixel(by, canvas, channels):
    images = pictures(2, channels, SIDE, SIDE)
    for shift, window in zip(GRID, windows(images, GRID, canvas, by), strict=True):
        expected = [[moved(plane, *shift, by, canvas) for plane in image] for image in images]
        np.testing.assert_array_equal(window, expected)


@pytest.mark.parametrize("by", ["canvas", "roll", "crop"])
@pytest.mark.parametrize("channels", [1, 3])
def test_measures_are_those_of_a_plain_loop(by, channels):
    """One image, one shift at a time; Zhang's pairs too: both shifted images are made and asked anew."""
    images = pictures(9, SIDE, SIDE, *([3] if channels == 3 else []), seed=1)
    labels = np.arange(9) % 7
    model, canvas = network(channels), {"canvas": SIDE + 2 * REACH, "roll": SIDE, "crop": SIDE - 2 * REACH}[by]
    measured = invariance.shift_grid(model, images, labels, max_shift=REACH, by=by)

    def ask(number: int, shift: tuple[int, int]) -> np.ndarray:
        planes = [images[number]] if channels == 1 else images[number].transpose(2, 0, 1)
        seen = np.stack([moved(plane, *shift, by, canvas) for plane in planes])
        with torch.no_grad():
            return model(torch.from_numpy(seen[None] / 255).float())[0].numpy()

    logits = np.array([[ask(number, shift) for number in range(9)] for shift in GRID])
    classes = logits.argmax(axis=2)
    np.testing.assert_array_equal(measured.predictions, classes)
    right, same = classes == labels, classes == classes[GRID.index((0, 0))]
    np.testing.assert_allclose(measured.grid.accuracy, right.mean(axis=1))
    np.testing.assert_allclose(measured.grid.consistency, same.mean(axis=1))
    np.testing.assert_allclose(measured.grid.logit_drift, logit_drift(logits, GRID), rtol=1e-3, atol=1e-5)
    agree = [first == second for column in classes.T for first, second in itertools.product(column, repeat=2)]
    assert measured.measures["pairwise_consistency"] == pytest.approx(100 * np.mean(agree))
    assert 0 < np.mean(agree) < 1
    others = [number for number, shift in enumerate(GRID) if shift != (0, 0)]
    assert measured.measures["mean_accuracy"] == pytest.approx(100 * right[others].mean())
    assert measured.measures["worst_consistency"] == pytest.approx(100 * same[others].mean(axis=1).min())


def test_layers_in_a_row_answer_as_the_same_behind_a_function():
    """The first share what shifts have in common; a function is asked shift by shift, and may give arrays."""
    model, images = network(), pictures(200, SIDE, SIDE)
    shared = invariance.shift_grid(model, images, max_shift=REACH)
    alone = invariance.shift_grid(lambda batch: model(batch).numpy(), images, max_shift=REACH)
    np.testing.assert_array_equal(shared.predictions, alone.predictions)
    assert shared.measures == pytest.approx(alone.measures, rel=1e-4)
    assert "accuracy" not in shared.grid


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_stand_first_or_last(channels):
    last, by = pictures(9, SIDE, SIDE, channels), {"max_shift": REACH, "by": "roll"}
    expected = invariance.shift_grid(network(channels), last, **by)
    assert expected.measures["mean_consistency"] < 100
    for images in (last.transpose(0, 3, 1, 2), torch.from_numpy(last).permute(0, 3, 1, 2), last.squeeze()):
        measured = invariance.shift_grid(network(channels), images, **by)
        np.testing.assert_array_equal(measured.predictions, expected.predictions)


@pytest.mark.parametrize("shape", [(9, 2, SIDE, SIDE), (9, SIDE, SIDE, 4), (SIDE, SIDE), (9, 1, 1, SIDE, SIDE)])
def test_images_of_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match=re.escape(f"images: uint8 {shape}; allowed: uint8 (n, h, w), grey")):
        invariance.shift_grid(network(), pictures(*shape), max_shift=1)


def test_an_invariant_network_is_found_invariant():
    measured = invariance.shift_grid(lambda batch: batch.mean(dim=(2, 3)), pictures(5, SIDE, SIDE, 3), max_shift=REACH)
    assert measured.measures["radius"] == REACH
    assert measured.measures["pairwise_consistency"] == measured.measures["worst_consistency"] == 100
    assert measured.measures["drift"] < 1e-5


def test_modules_keep_the_mode_that_they_were_in():
    model = nn.Sequential(*network(), nn.BatchNorm1d(7), nn.Dropout(0.5)).train()
    model[1].eval()
    invariance.shift_grid(model, pictures(5, SIDE, SIDE), max_shift=1)
    assert [part.training for part in model] == [True, False, True, True, True, True, True]
    assert model[5].num_batches_tracked == 0


@pytest.mark.parametrize(
    ("layers", "images", "by", "expected"),
    [
        ([], pictures(6, SIDE, SIDE), "roll", []),
        ([], np.pad(pictures(300, SIDE - 2, SIDE - 2), [(0, 0), (1, 1), (1, 1)]), "canvas", []),
        ([], pictures(6, SIDE, SIDE), "canvas", ["Most images have no background of 0 at their border"]),
        ([nn.Softmax(dim=1)], pictures(6, SIDE, SIDE), "roll", ["The network gives probabilities"]),
        ([nn.Softmax(dim=1), nn.Threshold(2, 0)], pictures(6, SIDE, SIDE), "crop", ["All images get one class"]),
    ],
)
def test_what_is_odd_is_noted(layers, images, by, expected):
    found = invariance.shift_grid(network(seed=3).extend(layers), images, max_shift=1, by=by).notes
    assert len(found) == len(expected)
    assert all(note.startswith(start) for note, start in zip(found, expected, strict=True))


@pytest.mark.parametrize("pixels", [{"max_shift": 2.5}, {"canvas": (16, 16)}, {"canvas": 16.0}])
def test_pixels_are_whole_numbers(pixels):
    with pytest.raises(InputError, match=r"; allowed: a whole number of pixels"):
        invariance.shift_grid(network(), pictures(3, SIDE, SIDE), **pixels)


def test_a_resnet_on_photographs():
    """torchvision's, with random weights, on the two photographs of scikit-learn: 224 pixels in colour, as crops."""
    from sklearn.datasets import load_sample_images
    from torchvision.models import resnet18

    one_thread()
    torch.manual_seed(0)
    photographs = np.stack(load_sample_images().images)[:, 100:328, 200:428]
    model = resnet18().eval()
    measured = invariance.shift_grid(model, photographs, max_shift=1, canvas=224, by="crop")
    assert measured.classes == 1000
    assert measured.predictions.shape == (9, 2)
    seen = torch.from_numpy(photographs[:, 2 + 1 : 226 + 1, 2 - 1 : 226 - 1].copy()).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        expected = model(seen).argmax(dim=1)
    assert measured.grid[["dx", "dy"]].to_numpy().tolist()[2] == [1, -1]
    assert measured.predictions[2].tolist() == expected.tolist()


def test_logits_in_bfloat16_and_lists_of_images_are_taken():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8)).astype(np.uint8)

    def network(given: torch.Tensor) -> torch.Tensor:
        rows = given.requires_grad_().sum(dim=(1, 3))
        return rows[:, :4].round()

    expected = invariance.shift_grid(network, images, max_shift=1)
    found = invariance.shift_grid(lambda given: network(given).bfloat16(), list(images), max_shift=1)
    np.testing.assert_array_equal(found.predictions[4], expected.predictions[4])
    assert found.classes == 4


# The script -----------------------------------------------------------------------------------------------------------

NETWORK = """
import torch
from torch import nn
class Net(nn.Sequential):
    def __init__(self, canvas, classes, width=4):
        super().__init__(nn.Flatten(), nn.Linear(canvas**2, classes))
class Random(Net):
    def forward(self, images): return super().forward(images) + torch.rand(1)
class Nan(Net):
    def forward(self, images): return super().forward(images) / 0
class Wrong(Net):
    def forward(self, images): return images
class Pair(Net):
    def forward(self, images): return super().forward(images), 1
class Fails(Net):
    def forward(self, images): return super().forward(images.mean(dim=1, keepdim=True)[:, :, 1:])
class Needs(Net):
    def __init__(self, depth): super().__init__(16, 10)
class Other: pass
class Lazy(nn.Sequential):
    def __init__(self): super().__init__(nn.Flatten(), nn.LazyLinear(10))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network with its data, and what is wrong with others."""
    one_thread()
    folder = tmp_path_factory.mktemp("measure")
    (folder / "net.py").write_text(NETWORK)
    (folder / "broken.py").write_text("class Net(")
    (folder / "program.py").write_text("import argparse\nargparse.ArgumentParser().parse_args()\n")
    save_file(nn.Sequential(nn.Flatten(), nn.Linear(256, 10)).state_dict(), folder / "w.safetensors")
    save_file({"1.weight": torch.zeros(3)}, folder / "others.safetensors")
    (folder / "cut.safetensors").write_bytes((folder / "w.safetensors").read_bytes()[:300])
    torch.save(nn.Linear(2, 2).state_dict(), folder / "pickle.safetensors")
    images = np.zeros((20, 16, 16), np.uint8)
    images[:, 4:12, 4:12] = pictures(20, 8, 8)
    good = {"test_images": images, "test_labels": np.arange(20) % 10}
    bad = {
        "good": {},
        "floats": {"test_images": images / 255},
        "black": {"test_images": (images / 255).astype(np.uint8)},
        "switches": {"test_images": images > 0},
        "names": {"test_labels": np.array(["one", "two"] * 10)},
        "one_hot": {"test_labels": np.eye(10, dtype=int)[np.arange(20) % 10]},
        "flat": {"test_images": images.reshape(20, -1)},
        "four": {"test_images": np.zeros((20, 16, 16, 4), np.uint8)},
        "small": {"test_images": images[:, :7, :7]},
        "wide": {"test_images": np.zeros((20, 16, 513), np.uint8)},
        "empty": {"test_images": images[:0], "test_labels": np.arange(0)},
        "fewer": {"test_labels": np.arange(19)},
        "fractions": {"test_labels": np.arange(20) / 2},
        "negative": {"test_labels": np.arange(20) - 1},
        "objects": {"test_labels": np.array([{}] * 20, dtype=object)},
    }
    for name, changes in bad.items():
        np.savez(folder / f"{name}.npz", **good | changes)
    np.savez(folder / "lacking.npz", images=images)
    (folder / "cut.npz").write_bytes((folder / "good.npz").read_bytes()[:900])
    (folder / "text.npz").write_text("no archive")
    bomb(folder / "bomb.npz", 3_000_000_000)
    (folder / "folder").mkdir()
    (folder / "full").mkdir()
    (folder / "full/mine.txt").write_text("mine")
    return folder


def bomb(path: Path, size: int) -> None:
    """An archive that says that its array unpacks to `size` bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("test_images.npy", b"\x93NUMPY")
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02") + 24  # the uncompressed size in the central directory
    content[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)


GOOD = {
    "--network": "net.py:Net",
    "--weights": "w.safetensors",
    "--data": "good.npz",
    "--canvas": "16",
    "--max-shift": "1",
    "--output": "out",
}
BAD = [
    ({"--network": "net.py"}, "--network: 'net.py'; allowed: <file>:<class>, as my_network.py:Net"),
    ({"--network": "none.py:Net"}, "none.py: no such file; allowed: a Python file"),
    ({"--network": "w.safetensors:Net"}, "w.safetensors: not a Python file"),
    ({"--network": "broken.py:Net"}, "broken.py: cannot be imported (SyntaxError"),
    ({"--network": "program.py:Net"}, "program.py: cannot be imported (SystemExit: 2); fix this file: what runs a"),
    ({"--network": "net.py:Lazy"}, "net.py: Lazy: has lazy layers, whose weights have no size yet"),
    ({"--network": "net.py:Nothing"}, "net.py: Nothing: there is none of that name; allowed"),
    ({"--network": "net.py:Other"}, "net.py: Other: it is something else; allowed"),
    ({"--network": "net.py:Needs"}, "net.py: Needs: cannot be built with options {} (TypeError"),
    ({"--network": "net.py:Random"}, "the network gives two answers to the same images; in evaluation mode"),
    ({"--network": "net.py:Nan"}, "logits that are not finite for image 0 (the first is 0), shifted by (-1, -1)"),
    ({"--network": "net.py:Wrong"}, "the network gives (2, 1, 16, 16) for images (2, 1, 16, 16); allowed: logits (n"),
    ({"--network": "net.py:Pair"}, "the network gives a tuple for images (2, 1, 16, 16); allowed: logits"),
    ({"--network": "net.py:Fails"}, "the network fails on images (2, 1, 16, 16) (RuntimeError"),
    ({"--options": '{"depth": 3}'}, "cannot be built with options {'depth': 3} (TypeError"),
    ({"--options": "{"}, "Invalid value for --options: '{' is not JSON"),
    ({"--weights": "none.safetensors"}, "none.safetensors: no such file"),
    ({"--weights": "others.safetensors"}, "others.safetensors: not the weights of this model"),
    ({"--weights": "cut.safetensors"}, "cut.safetensors: not the weights of this model"),
    ({"--weights": "pickle.safetensors"}, "pickle.safetensors: not the weights of this model"),
    ({"--weights": "folder"}, "folder: cannot be read (Is a directory)"),
    ({"--data": "none.npz"}, "none.npz: no such file"),
    ({"--data": "folder"}, "folder: not a whole .npz file"),
    ({"--data": "text.npz"}, "text.npz: not a whole .npz file"),
    ({"--data": "cut.npz"}, "cut.npz: not a whole .npz file"),
    ({"--data": "lacking.npz"}, "lacking.npz: test_images: missing; it holds images.npy; allowed: the arrays"),
    ({"--data": "bomb.npz"}, "bomb.npz: test_images: 3000000000 bytes; allowed: at most 2000000000"),
    ({"--data": "objects.npz"}, "objects.npz: test_labels: object (20,); allowed: uint8"),
    (
        {"--data": "floats.npz"},
        "floats.npz: test_images: float64 (20, 16, 16); allowed: uint8, as of (255 * test_images).round().astype(",
    ),
    ({"--data": "black.npz"}, "black.npz: test_images: no value is above 1; if they were 0 to 1, multiply by 255"),
    ({"--data": "switches.npz"}, "bool (20, 16, 16); allowed: uint8, as of (255 * test_images).astype(numpy.uint8)"),
    ({"--data": "names.npz"}, "allowed: uint8, as of numpy.unique(test_labels, return_inverse=True)[1].astype("),
    ({"--data": "one_hot.npz"}, "for each of 20 images, as of labels.argmax(axis=1).astype(numpy.uint8) if they are"),
    ({"--data": "flat.npz"}, "flat.npz: test_images: uint8 (20, 256); allowed: uint8 (n, h, w), grey, or (n, h, w, 3)"),
    ({"--data": "four.npz"}, "four.npz: test_images: uint8 (20, 16, 16, 4); allowed: uint8 (n, h, w), grey"),
    ({"--data": "small.npz"}, "small.npz: test_images: 7x7 pixels; allowed: 8 to 512 either way"),
    ({"--data": "wide.npz"}, "wide.npz: test_images: 16x513 pixels; allowed: 8 to 512 either way"),
    ({"--data": "empty.npz"}, "empty.npz: test_images: there are none; allowed: one or more"),
    ({"--data": "fewer.npz"}, "fewer.npz: test_labels: int64 (19,); allowed: one whole number for each of 20 images"),
    ({"--data": "fractions.npz"}, "fractions.npz: test_labels: float64 (20,); allowed"),
    ({"--data": "negative.npz"}, "negative.npz: test_labels: -1 is among them; allowed: whole numbers from 0"),
    ({"--canvas": "16", "--max-shift": "6"}, "takes 16 pixels alone, pad the images to 28 and shift by crop"),
    ({"--canvas": "15"}, "canvas: 15 pixels cannot hold images of 16x16; allowed: 16 or more"),
    ({"--canvas": "225"}, "canvas: 225 pixels; allowed: 8 to 224"),
    ({"--canvas": "wide"}, 'Invalid value for --canvas: unable to convert "wide" into int'),
    ({"--max-shift": "-1"}, "max_shift: -1 pixels; allowed: 0 to the canvas, 16"),
    ({"--max-shift": "5"}, "canvas: shifts of up to 5 pixels would lose ink: the images have only 4 empty pixels"),
    ({"--by": "crop"}, "canvas: crops of 16 pixels, shifted by up to 1, do not fit into images of 16x16; allowed: a"),
    ({"--by": "roll", "--max-shift": "9"}, "max_shift: rolls by 9 pixels repeat themselves on 16; allowed: at most 8"),
    ({"--by": "jump"}, 'Invalid value "jump" for --by. Choose from'),
    ({"--images": "0"}, "--images: 0; allowed: 1 to 20, the images of good.npz"),
    ({"--images": "21"}, "--images: 21; allowed: 1 to 20, the images of good.npz"),
    ({"--output": "w.safetensors"}, "w.safetensors: is a file, and nothing is overwritten; name a new or an empty"),
    ({"--output": "full"}, "full: holds other files, and nothing is overwritten; name a new or an empty folder"),
    ({"--output": "w.safetensors/out"}, "a part of this path is a file; name another one"),
    ({"--output": "/proc/out"}, "/proc: the system makes no folder there; name another place"),
    ({"--network": None}, "Parameter --network requires an argument"),
]


def command(folder: Path, changes: dict, monkeypatch) -> None:
    options = GOOD | changes
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    monkeypatch.setattr(sys, "argv", ["measure", *words])
    run(measure_script.main)


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[f"{number}" for number in range(len(BAD))])
def test_bad_input_is_told_in_one_message_and_leaves_nothing(changes, message, files, monkeypatch, capsys):
    before = {
        path: path.is_file() and path.read_bytes() for path in files.rglob("*") if "__pycache__" not in path.parts
    }
    with pytest.raises(SystemExit) as stopped:
        command(files, changes, monkeypatch)
    assert stopped.value.code in (1, 2)
    told = capsys.readouterr().err
    assert message in " ".join(told.split())
    assert "Traceback" not in told
    after = {path: path.is_file() and path.read_bytes() for path in files.rglob("*") if "__pycache__" not in path.parts}
    assert after == before


def test_labels_that_the_network_does_not_tell(files):
    with pytest.raises(InputError, match=r"labels: 9 is among them, and the network has 7 outputs; allowed: 0 to 6"):
        invariance.shift_grid(network(), pictures(10, SIDE, SIDE), np.arange(10), max_shift=1)


def test_the_folder_is_whole_and_says_the_same_everywhere(files, tmp_path, monkeypatch):
    import pandas as pd

    command(files, {"--output": str(tmp_path / "out")}, monkeypatch)
    out = tmp_path / "out"
    names = {
        "index.html",
        "measures.csv",
        "grid.csv",
        "rings.csv",
        "heat_map.png",
        "accuracy_against_shift.png",
        "seen.png",
    }
    assert {path.name for path in out.iterdir()} == names
    assert list(tmp_path.iterdir()) == [out]
    page = (out / "index.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("src='data:image/png;base64,") == 3
    measures = pd.read_csv(out / "measures.csv").set_index("measure").value
    grid = pd.read_csv(out / "grid.csv")
    assert len(grid) == 9
    assert measures.worst_consistency == pytest.approx(100 * grid.consistency.min())
    assert f"{measures.pairwise_consistency:.2f}%" in page

    again = tmp_path / "again"
    command(files, {"--output": str(again)}, monkeypatch)
    assert all((out / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_fewer_images_are_of_as_many_classes(files, tmp_path, monkeypatch):
    """The first five have the labels 0 to 4; the network still has ten outputs."""
    command(files, {"--images": "5", "--output": str(tmp_path / "out")}, monkeypatch)
    assert "5 of good.npz" in (tmp_path / "out/index.html").read_text()


def test_ones_own_files_below_a_folder_results_are_no_artefacts(files, tmp_path, monkeypatch):
    shutil.copytree(files, tmp_path / "work")
    weights = tmp_path / "work/results/w.safetensors"
    weights.parent.mkdir()
    weights.write_bytes((files / "w.safetensors").read_bytes())
    command(tmp_path / "work", {"--weights": "results/w.safetensors"}, monkeypatch)
    assert list(weights.parent.iterdir()) == [weights]


def test_a_folder_that_fails_is_not_there(tmp_path):

    def interrupted() -> None:
        with whole_folder(tmp_path / "out") as folder:
            (folder / "half").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert not any(tmp_path.iterdir())


# The docs -------------------------------------------------------------------------------------------------------------

PAGE = ROOT / "docs" / "your-own.md"


def test_the_example_of_the_docs_gives_what_it_says():
    one_thread()
    found = doctest.testfile(str(PAGE), module_relative=False)
    assert found.attempted >= 8
    assert found.failed == 0


def test_the_recipe_of_the_docs_works_as_it_is_typed(tmp_path):
    section = PAGE.read_text().partition("## My trained network")[2].partition("\n## ")[0]
    for name, text in FILE.findall(section):
        (tmp_path / name).write_text(text)
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    [commands] = re.findall(r"^```sh\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    surroundings = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    subprocess.run(["bash", "-ec", commands], cwd=tmp_path, env=surroundings, check=True, capture_output=True)
    assert "translation invariant?" in (tmp_path / "folder/index.html").read_text()
