"""Adding a part of a distortion: a file beside fields.py, used by its name, with no other edit."""

import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats

import invariance.distortions
from invariance.distortions import audit, fields, parts
from invariance.distortions.fields import PARTS, Distortion, displacement_fields, distort, random_key
from invariance.distortions.parts import generator_of
from invariance.distortions.philox import random_words
from invariance.plan import declarations as declared
from invariance.record.artefacts import InputError
from running import ROOT

KEY = random_key("mnist", 29, "bold", 0)
THICKENING = '''\
"""Strokes are thickened by a random radius."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

OPTIONS = {"max_radius": {"description": "pixels", "type": "integer", "minimum": 0, "maximum": 3}}


@dataclass(frozen=True)
class Part:
    max_radius: int

    def apply(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The largest value within the radius."""
        return ndimage.grey_dilation(image, size=2 * generator.integers(self.max_radius + 1) + 1)
'''
NO_OPTIONS = "OPTIONS = {}\n\nclass Part:\n    def apply(self, image, generator):\n        "
THRESHOLD = NO_OPTIONS + "image[:] = 255 * (image > 100)\n        return image\n"
HALVED = NO_OPTIONS + "return image // 2\n"
ELASTIC = {"elastic": {"sigma": 4, "alpha": 34, "normalisation": "none", "centred": False}}
BOLD = {"thickening": {"max_radius": 2}}
# Alone, and with each kind of field.
COMPANY = {
    "alone": {},
    "translation": {"translation": {"max_shift": 2}},
    "affine": {"affine": {"max_shift": 2.0, "max_rotation": 15, "max_shear": 0.2, "max_scaling": 0.15}},
    "elastic": ELASTIC,
}
IN_COMPANY = pytest.mark.parametrize("company", COMPANY.values(), ids=COMPANY)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Smooth blobs on empty ground, uint8 (24, 29, 29)."""
    noise = np.random.default_rng(0).normal(size=(24, 29, 29))
    return np.clip(255 * 8 * ndimage.gaussian_filter(noise, sigma=(0, 2, 2)), 0, 255).astype(np.uint8)


@pytest.fixture
def add_part(tmp_path, monkeypatch):
    """Write files of parts into a folder that this process takes for the library's; they are gone after the test."""
    monkeypatch.setattr(invariance.distortions, "__path__", [*invariance.distortions.__path__, str(tmp_path)])
    monkeypatch.setattr(parts, "FOLDER", tmp_path)
    monkeypatch.setattr(declared, "DISTORTIONS", tmp_path)

    added = []

    def add(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        added.append(f"invariance.distortions.{name}")

    yield add
    for module in added:
        sys.modules.pop(module, None)


@pytest.fixture
def thickening(add_part) -> None:
    add_part("thickening", THICKENING)


def read(settings: dict[str, Any]) -> Distortion:
    return Distortion.from_settings(settings)


# ----------------------------------------------------------------------------------------------------------------------
# What a part does


def test_a_part_does_what_its_file_says(thickening, images):
    """The random radius of each image is drawn once more here, from the image's own generator."""
    radii = [generator_of(KEY, "thickening", index).integers(3) for index in range(5, 29)]
    assert set(radii) == {0, 1, 2}
    expected = [ndimage.maximum_filter(image, 2 * radius + 1) for image, radius in zip(images, radii, strict=True)]
    assert np.array_equal(distort(images, read(BOLD), KEY, first=5), expected)


@IN_COMPANY
def test_a_part_comes_before_the_fields_and_leaves_them_as_they_were(thickening, images, company):
    both, alone = read(BOLD | company), read(company)
    thick = distort(images, read(BOLD), KEY)
    assert not np.array_equal(thick, images)
    assert np.array_equal(distort(images, both, KEY), distort(thick, alone, KEY))
    of_both, of_one = (displacement_fields(distortion, KEY, 0, 24, 29) for distortion in (both, alone))
    assert np.array_equal(of_both, of_one)
    assert of_both.any() == bool(company)


@IN_COMPANY
def test_neither_batch_nor_order_matters(thickening, images, company, monkeypatch):
    distortion = read(BOLD | company)
    whole = distort(images, distortion, KEY, first=3)
    for index in (23, 0, 11, 4):
        single = distort(images[index : index + 1], distortion, KEY, first=3 + index)
        assert np.array_equal(single[0], whole[index])
    pieces = [distort(images[i:j], distortion, KEY, first=3 + i) for i, j in itertools.pairwise([0, 1, 8, 24])]
    assert np.array_equal(np.concatenate(pieces), whole)
    monkeypatch.setattr(fields, "BLOCK", 5)
    assert np.array_equal(distort(images, distortion, KEY, first=3), whole)


def test_parts_apply_in_the_order_of_their_names(add_part, images):
    add_part("halved", HALVED)
    add_part("threshold", THRESHOLD)
    made = [
        distort(images, read({name: {} for name in names}), KEY)
        for names in (["halved", "threshold"], ["threshold", "halved"])
    ]
    expected = 255 * (images // 2 > 100).astype(np.uint8)
    assert expected.any()
    assert all(np.array_equal(each, expected) for each in made)


def test_a_part_that_works_in_place_leaves_the_originals(add_part, images):
    add_part("threshold", THRESHOLD)
    before = images.copy()
    made = distort(images, read({"threshold": {}}), KEY)
    assert set(np.unique(made)) == {0, 255}
    assert np.array_equal(images, before)


def test_no_images_give_none(thickening):
    assert distort(np.zeros((0, 29, 29), np.uint8), read(BOLD), KEY).shape == (0, 29, 29)


# ----------------------------------------------------------------------------------------------------------------------
# Its random numbers


def test_known_answers_of_a_part():
    """A change here changes every copy that has a pixel part."""
    assert generator_of(KEY, "thickening", 7).integers(0, 2**32, size=3).tolist() == [
        1610805494,
        2037618396,
        1660787788,
    ]


def test_copy_part_and_image_have_random_numbers_of_their_own():
    keys = [random_key("mnist", 29, "bold", copy) for copy in range(2)]
    drawn = {
        generator_of(key, part, image).bytes(16)
        for key in keys
        for part in ("thickening", "thinning")
        for image in (0, 1, 2, 255, 2**32 - 1)
    }
    assert len(drawn) == 2 * 2 * 5
    again = generator_of(keys[0], "thickening", 255).bytes(16)
    assert again in drawn


def test_random_numbers_of_parts_and_fields_are_independent():
    """Uniform, and correlated neither with each other nor with the words that translations and affine maps use."""
    count = 5000
    first, second = (
        np.array([generator_of(KEY, part, image).random() for image in range(count)]) for part in ("one", "two")
    )
    words = random_words(KEY, 0, count, fields.GLOBAL_TICKS).astype(float)
    correlations = np.corrcoef(np.column_stack([first, second, first[::-1], words]).T)
    assert np.abs(correlations - np.eye(len(correlations))).max() < 5 / np.sqrt(count)
    for numbers in (first, second):
        assert stats.kstest(numbers, "uniform").pvalue > 0.001
        assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 5 / np.sqrt(count)


# ----------------------------------------------------------------------------------------------------------------------
# The audit


@IN_COMPANY
def test_both_engines_agree_on_the_warp(thickening, images, company):
    found = audit.audit_sample(images, read(BOLD | company), KEY, 16)
    assert found.mean < 0.02
    assert found.largest <= 1


def test_a_wrong_warp_fails_the_audit_of_a_distortion_with_parts(thickening, images, monkeypatch):
    monkeypatch.setattr(audit, "distort", lambda images, distortion, key: distort(images, read(BOLD), key))
    assert audit.audit_sample(images, read(BOLD), KEY, 16).largest == 0
    found = audit.audit_sample(images, read(BOLD | ELASTIC), KEY, 16)
    with pytest.raises(InputError, match="differs from elasticdeform"):
        audit.require_agreement(found, 1.0, "a copy")


# ----------------------------------------------------------------------------------------------------------------------
# What is refused


@pytest.mark.parametrize("options", [{}, {"radius": 2}, {"max_radius": 2, "colour": 1}, 2, None, "max_radius"])
def test_options_other_than_declared_are_refused(thickening, options):
    with pytest.raises(InputError) as refused:
        read({"thickening": options})
    assert str(refused.value) == (
        f"distortion part thickening: its options are {json.dumps(options)}; allowed: a mapping with exactly max_radius"
    )


@pytest.mark.parametrize("name", ["thinning", "thickening.Part", "../thickening", ""])
def test_an_unknown_part_is_refused(thickening, name):
    with pytest.raises(InputError, match=f"^distortion part {name}: unknown; allowed: .* translation, affine, elastic"):
        read({name: {}})


def test_a_class_that_takes_other_options_than_it_declares_is_refused(add_part):
    add_part("thickening", THICKENING.replace("    max_radius: int", "    radius: int"))
    with pytest.raises(
        InputError, match=r"^distortion part thickening: its class does not take .*'max_radius'.*; give"
    ):
        read(BOLD)


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("image[1:]", r"uint8 \(28, 29\)"),
        ("image[None]", r"uint8 \(1, 29, 29\)"),
        ("image / 255", r"float64 \(29, 29\)"),
        ("image > 100", r"bool \(29, 29\)"),
        ("image.tolist()", "list"),
        ("None", "NoneType"),
    ],
)
def test_what_is_no_image_is_refused(add_part, images, returned, told):
    add_part("odd", f"{NO_OPTIONS}return {returned}\n")
    with pytest.raises(InputError, match=rf"^distortion part odd: made {told} of an image; allowed: uint8 \(29, 29\)"):
        distort(images, read({"odd": {}}), KEY)


def test_a_part_that_cannot_be_imported_is_refused_in_words(add_part):
    add_part("broken", "import nowhere_at_all\n")
    with pytest.raises(InputError, match=r"broken\.py: cannot be imported \(No module named 'nowhere_at_all'\); fix"):
        read({"broken": {}})


HALF_A_PART = {
    "OPTIONS": "class Part:\n    pass\n",
    "Part": "OPTIONS = {}\n",
}


@pytest.mark.parametrize("lacking", HALF_A_PART)
def test_half_a_part_is_refused(add_part, lacking):
    """When it is used, and when the config is checked."""
    add_part("half", HALF_A_PART[lacking])
    with pytest.raises(InputError, match=rf"^distortion part half: .*half\.py has no {lacking}; write"):
        read({"half": {}})
    with pytest.raises(
        InputError, match=rf"half\.py: has no {lacking}; a part of a distortion needs OPTIONS and a class Part"
    ):
        declared.distortion_parts()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("elastic", THICKENING, "fields.py has a part elastic already; give the file another name"),
        ("odd", HALVED.replace("{}", "dict()"), "OPTIONS cannot be read .*in which it is a literal"),
        ("odd", HALVED.replace("{}", "{'a': {'type': 'integer'}}"), "each a mapping with a description"),
        ("odd", HALVED.replace("{}", "['a']"), "each a mapping with a description"),
        ("odd", "OPTIONS = {", "OPTIONS cannot be read .*allowed: a Python file"),
    ],
)
def test_a_file_that_declares_nonsense_is_refused(add_part, name, text, told):
    add_part(name, text)
    with pytest.raises(InputError, match=rf"{name}\.py: .*{told}"):
        declared.distortion_parts()


# ----------------------------------------------------------------------------------------------------------------------
# What is declared


def test_the_parts_are_those_of_the_fields_and_the_files(thickening):
    assert declared.distortion_parts() == PARTS | {
        "thickening": {"max_radius": {"description": "pixels", "type": "integer", "minimum": 0, "maximum": 3}}
    }


def test_the_library_ships_the_fields_alone():
    assert declared.distortion_parts() == PARTS
    classes = {"translation": fields.Translation, "affine": fields.Affine, "elastic": fields.Elastic}
    assert {name: list(options) for name, options in PARTS.items()} == {
        name: list(part.__dataclass_fields__) for name, part in classes.items()
    }


def test_declarations_are_read_without_numba():
    program = (
        "import sys; from invariance.plan.declarations import distortion_parts, part_files; "
        "distortion_parts(), part_files({'elastic': {}}); "
        "print({'numba', 'invariance.distortions.fields'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "set()"


# ----------------------------------------------------------------------------------------------------------------------
# A copy of the library with one file more


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    """A copy of scripts/, with compiled code, in which thickening imports a module that nothing else imports."""
    scripts = shutil.copytree(ROOT / "scripts", tmp_path_factory.mktemp("project") / "scripts")
    part = scripts / "invariance/distortions/thickening.py"
    part.write_text(THICKENING.replace("\nOPTIONS", "import invariance.distortions.strokes\n\nOPTIONS"))
    part.with_name("strokes.py").write_text("")
    return scripts


def call(library: Path, script: str, **options: Any) -> subprocess.CompletedProcess:
    words = [sys.executable, f"scripts/{script}"]
    for option, value in options.items():
        words += [f"--{option}", json.dumps(value) if isinstance(value, dict) else str(value)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=library.parent)


@pytest.mark.parametrize("company", ["alone", "elastic"])
def test_the_scripts_use_a_part_that_was_added(library, images, tmp_path, thickening, company):
    settings = BOLD | COMPANY[company]
    source, copy, summary = tmp_path / "images.npy", tmp_path / "copy-000.npy", tmp_path / "summary.csv"
    np.save(source, images)
    shared = {"images": source, "dataset": "mnist", "canvas": 29, "distortion": "bold", "settings": settings}
    shared["audit"] = {"images": 8, "tolerance": 1.0}
    done = call(library, "distort.py", **shared, copy=0, output=copy)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    made = np.load(copy)
    assert np.array_equal(made, distort(images, read(settings), KEY))

    outputs = {"preview": tmp_path / "preview.png", "summary": summary}
    done = call(library, "describe_distortion.py", **shared, copies=copy, **outputs)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    row = pd.read_csv(summary).iloc[0]
    displaced = row[["rms_x", "rms_y", "largest", "net_translation"]]
    assert (displaced > 0).all() if company == "elastic" else (displaced == 0).all()
    assert row["audit_mean"] < 0.02
    assert row["ink_lost"] == pytest.approx(100 - 100 * made.sum(dtype=int) / images.sum(dtype=int), rel=1e-4)
    assert row["ink_lost"] < 0
    assert outputs["preview"].is_file()


def test_only_what_uses_a_part_is_made_of_its_code(library):
    program = (
        "import json, os; from invariance.plan.declarations import part_files; "
        "from invariance.record.dependencies import code_of; "
        "files = lambda settings: code_of('scripts/distort.py', *part_files(settings), roots=['scripts']); "
        "code = lambda settings: [os.path.relpath(path) for path in files(settings)]; "
        f"print(json.dumps([code(settings) for settings in {[BOLD, BOLD | ELASTIC, ELASTIC]!r}]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(library)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=library.parent, env=environment)
    bold, both, elastic = map(set, json.loads(done.stdout))
    added = {f"scripts/invariance/distortions/{name}.py" for name in ("strokes", "thickening")}
    assert bold == both == elastic | added
    assert not elastic & added
