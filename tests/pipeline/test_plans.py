"""Plans of other data sets, as far as their source, and the commands of every plan's jobs."""

import functools
import gzip
import hashlib
import http.server
import importlib
import io
import re
import shlex
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import yaml

from invariance.command_line import command_line
from invariance.data.sources import MNIST_FILES, PARTS
from made import idx
from running import fresh_copy, snakemake

COUNTS = {"train_images": 20, "validation_images": 10, "test_images": 12, "classes": 3, "side": 12}
TARGETS = [f"results/{plan}/source/test-images.npy" for plan in ("kmnist", "mine")]


def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    images = {
        f"{part}_images": random.integers(0, 256, (count, 12, 12)) for part, count in (("train", 30), ("test", 12))
    }
    labels = {f"{part}_labels": np.arange(count) % 3 for part, count in (("train", 30), ("test", 12))}
    return {name: array.astype(np.uint8) for name, array in (images | labels).items()}


@pytest.fixture
def address(tmp_path):
    """A server of four files in MNIST's format, by plain http."""
    served = tmp_path / "served"
    served.mkdir()
    for part, name in zip(PARTS, MNIST_FILES, strict=True):
        (served / name).write_bytes(gzip.compress(idx(arrays()[part]), mtime=0))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_plan_of_another_data_set_is_downloaded_or_read_from_a_file(tmp_path, address):
    project, served = tmp_path / "project", tmp_path / "served"
    project.mkdir()
    fresh_copy(project)
    np.savez(project / "mine.npz", **arrays())
    hashes = {name: hashlib.sha256((served / name).read_bytes()).hexdigest() for name in MNIST_FILES}
    small = {"canvas": 20, "max_shift": 4, "shift_images": 12}
    others = ("simard2003", "training_length", "augmentation_range", "class_transfer", "class_sequence", "split")
    plan = {
        "studies": dict.fromkeys([*others, "two_positions"])
        | {"architectures": small | {"optimisation": {"batch": 10}}},
        "models": {"stn": {"max_shift": 3}},
        "audit": {"images": 8},
        "equivariance": {"images": 8},
        "distortions": {"shift_6": {"translation": {"max_shift": 4}}},
    }
    overlay = {
        "datasets": {
            "kmnist": COUNTS | {"class_names": None, "mirrors": [address], "sha256": hashes},
            "mine": COUNTS | {"title": "My letters", "npz": "mine.npz"},
        },
        "plans": {"kmnist": plan, "mine": plan},
    }
    (project / "my.yaml").write_text(yaml.safe_dump(overlay))
    done = snakemake(project, "--cores", "2", *TARGETS, "--configfile", "my.yaml", "--config", "dataset=mine")
    assert done.returncode == 0, done.stderr[-3000:]
    for target in TARGETS:
        for part, name in zip(PARTS, ("train-images", "train-labels", "test-images", "test-labels"), strict=True):
            np.testing.assert_array_equal(np.load(project / Path(target).parent / f"{name}.npy"), arrays()[part])
    changed = arrays()["train_images"] ^ 1
    np.savez(project / "mine.npz", **arrays() | {"train_images": changed})
    again = snakemake(project, "--cores", "2", *TARGETS, "--configfile", "my.yaml", "--config", "dataset=mine")
    assert again.stderr.count("Reading and checking all images of") == 1, again.stderr[-3000:]
    np.testing.assert_array_equal(np.load(project / "results/mine/source/train-images.npy"), changed)
    wanted = snakemake(project, "-n", "--configfile", "my.yaml", "--config", "dataset=mine")
    assert wanted.returncode == 0, wanted.stderr[-3000:]


def test_every_job_gives_its_script_a_command_line_that_it_takes(tmp_path, monkeypatch):
    """Where copies are not kept, too; where they are, other tests run the jobs."""
    fresh_copy(tmp_path)
    (tmp_path / "my.yaml").write_text("keep_copies: false\n")
    planned = snakemake(tmp_path, "-n", "-p", "demo", "--configfile", "tests/configs/tiny.yaml", "my.yaml")
    assert planned.returncode == 0, planned.stderr
    commands = re.findall(r"^Shell command: python scripts/(\w+)\.py (.+) > logs/", planned.stdout, re.MULTILINE)
    assert len(commands) > 50
    monkeypatch.chdir(tmp_path)
    for script, text in commands:
        words, _, given = text.partition(" <<<")
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(shlex.split(given))))
        main = importlib.import_module(script).main
        command_line(main).parse_args(shlex.split(words), exit_on_error=False, print_error=False)
