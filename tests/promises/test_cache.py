"""Source images and copies shared between clones (SNAKEMAKE_OUTPUT_CACHE): the right file, or none.

Snakemake's cache knows a job by its command, its params and the code and inputs behind it, not by its wildcards.
"""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from edits import append, overlay, release, replace
from finished import TINY, fresh_copy_with_compiled_code
from invariance.data.images import place_on_canvas
from invariance.distortions.fields import Distortion, distort, random_key
from invariance.record.artefacts import sha256_of
from running import snakemake

pytestmark = pytest.mark.pipeline

ELASTIC = {"sigma": 4, "alpha": 34, "normalisation": "none", "centred": False}
# `again` is `elastic` by another name, so that it differs in its random key alone.
AGAIN = "distortions: {again: {elastic: {sigma: 4, alpha: 34, normalisation: none, centred: false}}}\n"
SOURCE = "results/digits/source/train-images.npy"
COPIES = {
    ("29", "elastic", 0),
    ("29", "elastic", 1),
    ("32", "elastic", 0),
    ("29", "again", 0),
    ("29", "elastic_centred", 0),
}


def name_of(canvas: str, distortion: str, copy: int) -> str:
    return f"results/digits/distorted/{canvas}/{distortion}/copy-{copy:03d}.npy"


FILES = sorted(name_of(*copy) for copy in COPIES)
ELASTIC_FILES = {file for file in FILES if "/elastic/" in file}


def build(folder: Path, cache: Path, *arguments: str, targets: list[str] = FILES, environment=None) -> str:
    """What Snakemake says of building the targets with a cache."""
    finished = snakemake(
        folder,
        *("--cores", "2", *arguments, "--cache", "--", *targets),
        environment={"SNAKEMAKE_OUTPUT_CACHE": str(cache), **(environment or {})},
    )
    report = finished.stdout + finished.stderr
    assert finished.returncode == 0, report[-5000:]
    return report


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    folder = fresh_copy_with_compiled_code(tmp_path_factory, tmp_path_factory.mktemp("sources"))
    (folder / "again.yaml").write_text(AGAIN)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def first(tmp_path_factory, sources, cache) -> Path:
    """A clone that filled the cache."""
    folder = shutil.copytree(sources, tmp_path_factory.mktemp("clones") / "first")
    build(folder, cache, *TINY, "again.yaml")
    return folder


@pytest.fixture(scope="module")
def unbuilt(tmp_path_factory, sources) -> Path:
    """Another clone, in which nothing was built."""
    return shutil.copytree(sources, tmp_path_factory.mktemp("clones") / "second one" / "deeper")


def test_each_output_has_a_file_of_its_own(first, cache):
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert len(files) == 4 + len(COPIES)
    assert len({sha256_of(path) for path in files}) == len(files)


def test_the_cache_gives_each_clone_the_right_bytes(first, cache, unbuilt):
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    report = build(unbuilt, cache, *TINY, "again.yaml")
    assert report.count("from cache") == len(before)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before, "something was built again"
    images = np.load(unbuilt / SOURCE)
    for canvas, distortion, copy in COPIES:
        settings = Distortion.from_settings({"elastic": {**ELASTIC, "centred": distortion == "elastic_centred"}})
        expected = distort(
            place_on_canvas(images, int(canvas)), settings, random_key("digits", int(canvas), distortion, copy)
        )
        file = name_of(canvas, distortion, copy)
        np.testing.assert_array_equal(np.load(unbuilt / file), expected, err_msg=file)
        assert sha256_of(unbuilt / file) == sha256_of(first / file)
    assert "Nothing to be done" in build(unbuilt, cache, *TINY, "again.yaml")
    # Nothing runs again without --cache either.
    finished = snakemake(unbuilt, "--cores", "1", "-n", *TINY, "again.yaml", "--", *FILES)
    assert "Nothing to be done" in finished.stdout + finished.stderr


def test_what_was_removed_from_the_cache_is_built_again(first, cache):
    file = first / FILES[0]
    before = sha256_of(file)
    file.resolve().unlink()
    build(first, cache, *TINY, "again.yaml")
    assert sha256_of(file) == before


def test_a_change_taken_back_gives_the_old_bytes_and_they_are_used(first, cache):
    """A file written at the same path in the meantime does not make the file from the cache be refused."""
    (first / "sigma.yaml").write_text("distortions: {elastic: {elastic: {sigma: 5}}}\n")
    file = name_of("29", "elastic", 0)
    summary = str(Path(file).with_name("summary.csv"))
    before = sha256_of(first / file)
    build(first, cache, *TINY, "again.yaml", "sigma.yaml", targets=[file])
    assert sha256_of(first / file) != before
    build(first, cache, *TINY, "again.yaml", targets=[summary])  # whose job reads it
    assert sha256_of(first / file) == before


CHANGES = {
    "a plot": (append("scripts/invariance/drawing/style.py", "EDITED = True"), set()),
    "a seed": (overlay("plans: {digits: {studies: {simard2003: {seeds: [3]}}}}"), set()),
    "sigma": (overlay("distortions: {elastic: {elastic: {sigma: 6}}}"), ELASTIC_FILES),
    "the elastic field": (append("scripts/invariance/distortions/fields.py", "EDITED = True"), set(FILES)),
    "an imported module": (append("scripts/invariance/distortions/philox.py", "EDITED = True"), set(FILES)),
    "the reading of images": (append("scripts/invariance/data/sources.py", "EDITED = True"), {SOURCE, *FILES}),
    "the number of images": (overlay("plans: {digits: {datasets: {digits: {train_images: 190}}}}"), {SOURCE, *FILES}),
    "numba": (release("numba"), set(FILES)),
    "scikit-learn": (release("scikit-learn"), {SOURCE, *FILES}),
    # A copy that passed one tolerance has not passed another.
    "the audit": (overlay("audit: {tolerance: 0.9}"), set(FILES)),
    "the command": (
        replace("workflow/rules/data.smk", "scripts/distort.py --images", "scripts/distort.py  --images"),
        set(FILES),
    ),
}


@pytest.fixture(scope="module")
def planning(tmp_path_factory, sources, first) -> Path:
    """A clone for dry runs, in which nothing is ever built."""
    return shutil.copytree(sources, tmp_path_factory.mktemp("clones") / "planning")


def built_anew(folder: Path, cache: Path, *arguments: str, **options) -> set[str]:
    """The first outputs of the jobs that would run, those of all others being in the cache."""
    report = build(folder, cache, "-n", *arguments, **options)
    found = dict(re.findall(r"Output file (\S+) will be (obtained from|written to)", report))
    assert set(found) >= {SOURCE, *options.get("targets", FILES)}
    return {file for file, how in found.items() if how == "written to"}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_finds_in_the_cache_what_it_does_not_touch(cache, planning, change):
    edit, expected = CHANGES[change]
    with edit(planning) as (further, environment):
        assert built_anew(planning, cache, *TINY, "again.yaml", *further, environment=environment) == expected


def test_another_copy_or_canvas_is_another_file(cache, planning):
    targets = [name_of("29", "elastic", 2), name_of("33", "elastic", 0), name_of("29", "elastic", 0)]
    assert built_anew(planning, cache, *TINY, targets=targets) == set(targets[:2])


def test_another_processor_is_another_file(cache, planning, tmp_path):
    """Compiled code may round otherwise there."""
    (tmp_path / "sitecustomize.py").write_text(
        "import llvmlite.binding as binding\nbinding.get_process_triple = lambda: 'another'\n"
    )
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}  # of a Python of its own, which reads the above
    found = built_anew(planning, cache, *TINY, "again.yaml", environment=environment)
    assert found == {SOURCE, *FILES}


def test_without_the_variable_nothing_is_shared_or_said_of_it(planning):
    environment = {"SNAKEMAKE_OUTPUT_CACHE": ""}
    finished = snakemake(planning, "--cores", "1", "-n", *TINY, "again.yaml", "--", *FILES, environment=environment)
    assert finished.returncode == 0
    assert "cach" not in finished.stdout + finished.stderr


@pytest.mark.parametrize("place", ["relative", "/no/such/folder"])
def test_a_cache_that_cannot_work_is_told_at_once(planning, place):
    (planning / "relative").mkdir(exist_ok=True)
    environment = {"SNAKEMAKE_OUTPUT_CACHE": place}
    finished = snakemake(planning, "--cores", "1", *TINY, "--cache", "--", *FILES, environment=environment)
    assert finished.returncode == 1
    assert f"SNAKEMAKE_OUTPUT_CACHE={place}: must be the absolute path of a folder that exists" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (planning / "results").exists()
