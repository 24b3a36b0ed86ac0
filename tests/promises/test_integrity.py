"""What was altered since it was made, or put there from elsewhere, is named before it can reach a table."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from finished import TINY, copy_of_finished_run
from invariance.learning.weights import load_weights, save_weights
from invariance.networks.building import build_model
from invariance.record import artefacts, manifest
from invariance.record.artefacts import InputError, load_array, read_json, record_of, save_array, write_csv, write_json
from invariance.results.reading import read_table
from running import ROOT, snakemake

MLP = {"family": "mlp", "hidden": 3}


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """An empty results folder, of the folder that the test works in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results" / "digits"


def flip(path: Path, place: int = -1) -> None:
    """Change one bit, and nothing that the file system tells."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def weights_at(path: Path) -> None:
    torch.manual_seed(0)
    save_weights(build_model(MLP, 4), path)


KINDS = {
    "array": (lambda path: save_array(path, np.arange(9)), load_array, ".npy"),
    "mapped array": (lambda path: save_array(path, np.arange(9)), lambda path: load_array(path, mapped=True), ".npy"),
    "json": (lambda path: write_json(path, {"a": 1}), read_json, ".json"),
    "csv": (lambda path: write_csv(path, ["a"], [[1.0]]), read_table, ".csv"),
    "weights": (weights_at, lambda path: load_weights(build_model(MLP, 4), path), ".safetensors"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_bit_is_named(kind, results):
    write, read, suffix = KINDS[kind]
    path = results / "stage" / f"file{suffix}"
    write(path)
    read(path)
    flip(path)
    with pytest.raises(InputError, match=r"altered since it was made, or put there from elsewhere.*delete it"):
        read(path)
    path.unlink()
    write(path)
    read(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_named(kind, results):
    with pytest.raises(InputError, match="no such file"):
        KINDS[kind][1](results / f"file{KINDS[kind][2]}")


def test_what_another_run_made_is_named(results, tmp_path):
    path, foreign = results / "copy-000.npy", tmp_path / "elsewhere" / "results" / "digits" / "copy-000.npy"
    save_array(path, np.zeros(5))
    save_array(foreign, np.ones(5))
    load_array(foreign)
    foreign.replace(path)
    with pytest.raises(InputError, match="put there from elsewhere"):
        load_array(path)


def test_what_came_from_the_cache_is_recorded_when_it_is_first_read(results):
    path = results / "copy-000.npy"
    save_array(path, np.zeros(5))
    record_of(path).unlink()
    load_array(path)
    flip(path)
    with pytest.raises(InputError, match="altered"):
        load_array(path)


def test_a_link_that_the_cache_has_renewed_is_recorded_anew_and_then_held_to_it(results, tmp_path):
    path, cached = results / "copy-000.npy", tmp_path / "cache" / "entry.npy"
    save_array(path, np.zeros(5))  # made here, by older code
    save_array(cached, np.ones(5))  # made by another clone, by the code of today
    path.unlink()
    path.symlink_to(cached)
    os.utime(path, ns=(0, record_of(path).stat().st_mtime_ns + 1), follow_symlinks=False)
    load_array(path)
    os.utime(record_of(path))
    flip(cached)
    with pytest.raises(InputError, match="altered"):
        load_array(path)


def test_files_elsewhere_have_no_record(tmp_path):
    path = tmp_path / "x.npy"
    save_array(path, np.zeros(5))
    assert record_of(path) is None
    assert [file.name for file in tmp_path.iterdir()] == ["x.npy"]
    flip(path)
    load_array(path)


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("results/mnist/a/b.npy", "results/.sha256/mnist/a/b.npy"),
        ("{here}/results/mnist/a/b.npy", "results/.sha256/mnist/a/b.npy"),
        ("results/mnist/models/results/b.npy", "results/.sha256/mnist/models/results/b.npy"),
        ("results/.sha256/mnist/a/b.npy", None),
        ("logs/mnist/b.safetensors", None),
        ("{here}/paper/reference/mnist.json", None),
        ("elsewhere/results/b.npy", None),
        ("../results/b.npy", None),
        ("../other/results/mnist/b.npy", "{there}/results/.sha256/mnist/b.npy"),
        ("../other/results/.sha256/mnist/b.npy", None),
        ("results", None),
        (".", None),
    ],
)
def test_where_the_record_is(path, record, tmp_path, monkeypatch):
    """Below the results of the folder where one works, or those elsewhere that hold records."""
    here = tmp_path / "results" / "clone"
    here.mkdir(parents=True)
    there = here.with_name("other")
    (there / "results/.sha256").mkdir(parents=True)
    monkeypatch.chdir(here)
    assert record_of(path.format(here=here)) == (record and Path(record.format(there=there)))


def test_a_failed_write_leaves_artefact_and_record_as_they_were(results):
    path = results / "table.csv"
    write_csv(path, ["a"], [[1.0]])
    before = path.read_bytes(), record_of(path).read_bytes()
    with pytest.raises(TypeError):
        write_csv(path, ["a"], [[2.0], None])
    with pytest.raises(FileNotFoundError), artefacts.whole_file(path) as temporary:
        temporary.rename(temporary.with_suffix(".gone"))
    for file in results.glob(".*.gone"):
        file.unlink()
    assert (path.read_bytes(), record_of(path).read_bytes()) == before
    assert [file.name for file in results.iterdir()] == ["table.csv"]


def test_what_a_killed_job_left_is_removed_by_the_next_one_and_nothing_else(results):
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from invariance.record.artefacts import whole_file\n"
        "with whole_file(sys.argv[2]) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    path, others = results / "seed-0.npy", [results / ".seed-0.test.npy", results / ".mine.npy", results / "seed-0.csv"]
    subprocess.run([sys.executable, "-c", script, str(ROOT / "scripts"), str(path)], check=False)
    left = list(results.iterdir())
    assert len(left) == 1
    for other in others:
        other.write_text("mine")
    save_array(path, np.zeros(3))
    assert set(results.iterdir()) == {path, *others}


# ----------------------------------------------------------------------------------------------------------------------
# The manifest, and the check


@pytest.fixture
def finished(results) -> Path:
    """A small finished run: its manifest."""
    for name in ("a.csv", "deep/b.csv", "c.csv"):
        write_csv(results / name, ["x"], [[len(name)]])
    write_json(results / "config.json", {})
    paths = [results / name for name in ("a.csv", "deep/b.csv", "c.csv", "config.json")]
    manifest.write_manifest(paths, results / "config.json", results / "manifest.json")
    return results / "manifest.json"


def check(finished: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, ROOT / "scripts/check.py"], cwd=finished.parents[2], capture_output=True, text=True
    )


def test_an_untouched_run_passes_the_check(finished):
    assert manifest.differences(finished) == []
    done = check(finished)
    assert (done.returncode, done.stdout) == (0, "unaltered: all artefacts of results/digits/manifest.json\n")


def test_the_check_names_what_is_altered_missing_and_extra(finished):
    flip(finished.parent / "a.csv", 0)
    (finished.parent / "deep/b.csv").unlink()
    (finished.parent / "mine.txt").write_text("hello")
    done = check(finished)
    assert done.stdout.splitlines() == [
        "altered: results/digits/a.csv",
        "missing: results/digits/deep/b.csv",
        "extra: results/digits/mine.txt",
    ]
    assert done.returncode == 1
    assert "3 differences" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_check_of_an_altered_manifest_or_of_nothing(finished):
    flip(finished, len(finished.read_bytes()) // 2)
    assert "manifest.json: altered since it was made" in check(finished).stderr
    finished.unlink()
    done = check(finished)
    assert done.returncode == 1
    assert "no such file" in done.stderr


def test_the_manifest_names_everything_that_was_altered(finished):
    flip(finished.parent / "a.csv")
    flip(finished.parent / "c.csv")
    paths = [finished.parent / name for name in ("a.csv", "deep/b.csv", "c.csv")]
    with pytest.raises(InputError) as told:
        manifest.write_manifest(paths, finished.parent / "config.json", finished)
    assert [line.split(":")[0].rpartition("/")[2] for line in str(told.value).splitlines()] == ["a.csv", "c.csv"]


# ----------------------------------------------------------------------------------------------------------------------
# In the pipeline


# Each with what is made from it, which is removed so that the file is read again.
ALTERED = {
    "distorted/29/elastic/copy-000.npy": "models/simard2003/simard_cnn/elastic/seed-0/weights.safetensors",
    "models/simard2003/mlp/none/seed-0/weights.safetensors": "shifts/simard2003/mlp/none/seed-0.csv",
    "shifts/architectures/stride_fc/centred/seed-0.csv": "tables/architectures.csv",
}


@pytest.mark.pipeline
def test_an_altered_artefact_stops_the_pipeline_before_a_table_and_leaves_the_rest(tmp_path_factory):
    """Flip a bit of a copy, of weights and of a grid: the jobs that read them say so; deleting them repairs it."""
    folder = copy_of_finished_run(tmp_path_factory, "altered")
    root = folder / "results" / "digits"
    altered, made_from_them = ([root / name for name in names] for names in (ALTERED, ALTERED.values()))
    expected = {path: path.read_bytes() for path in [*altered, *made_from_them]}
    for path in altered:
        flip(path)
    for path in made_from_them:
        path.unlink()
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    build = ["--cores", "2", "--keep-going", *(path.relative_to(folder) for path in made_from_them), *TINY]
    told = snakemake(folder, *build)
    assert told.returncode != 0
    for path in altered:
        assert f"{path.relative_to(folder)}: altered since it was made" in told.stdout + told.stderr
    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert after.items() <= before.items()
    gone = before.keys() - after.keys()  # what else the failed jobs were to make
    assert {path.parent for path in gone} <= {path.parent for path in made_from_them}
    for path in altered:
        path.unlink()
    mended = snakemake(folder, *build)
    assert mended.returncode == 0, mended.stderr[-3000:]
    assert {path: path.read_bytes() for path in expected} == expected
