"""The interactive page: what it is made of, what no name can do to it, and what it does without."""

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import studies
from finished import finished_run
from invariance.explorer import content as content_module
from invariance.explorer import page as page_module
from invariance.explorer.content import MOST, PER_CLASS, chosen_images, content, runs, zeros_counted
from invariance.explorer.page import page
from invariance.explorer.sources import joined
from invariance.plan import explored
from invariance.plan.catalogue import Catalogue
from invariance.plan.plan import Plan
from invariance.plan.reading import load, resolve
from invariance.record.artefacts import InputError, sha256_of
from running import ROOT, without_weights

SOURCES = ROOT / "explorer"
HOSTILE = "</script><script>alert(1)</script><!-- ' \" & \\ \u2028 ✗ 数"


class Elements(HTMLParser):
    """The elements of a page: tag, attributes and text of each script and style, and all other tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), ""))

    def handle_data(self, data):
        tag, attributes, text = self.found[-1] if self.found else ("", {}, "")
        if tag in ("script", "style"):
            self.found[-1] = (tag, attributes, text + data)

    def handle_endtag(self, tag):
        self.found.append((f"/{tag}", {}, ""))

    def texts(self, tag: str, **attributes: str) -> list[str]:
        return [text for name, its, text in self.found if name == tag and its.items() >= attributes.items()]


def plan_with(**studies_: Any) -> Plan:
    """MNIST's plan with other studies."""
    return Plan(resolve(load([ROOT / "config.yaml"]))["mnist"] | {"studies": studies_})


# ----------------------------------------------------------------------------------------------------------------------
# Sources


def modules(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text)
    return folder / "main.js"


def test_modules_are_joined_once_and_before_what_imports_them(tmp_path):
    main = modules(
        tmp_path,
        main='import { b } from "./b.js";\nimport {\n  c,\n} from "./c.js";\nb(c);\n',
        b='import { c } from "./c.js";\nexport function b() {\n  return c;\n}\n',
        c="export const c = 1;\n",
    )
    assert joined(main).split("\n\n") == ["const c = 1;", "function b() {\n  return c;\n}", "b(c);\n"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"main": 'import { a } from "./a.js";\n'}, r"a\.js: cannot be read \(No such file or directory\)"),
        ({"main": 'import a from "./a.js";\n'}, r"main\.js: 'import a from .*allowed: import \{ names \} from"),
        (
            {"main": 'import { a } from "./a.js";\nfunction b() {}\n', "a": "export const b = 1;\n"},
            r"main\.js: b is defined in .*a\.js too, and they share one scope; rename it",
        ),
    ],
)
def test_modules_that_cannot_be_joined_are_refused(texts, message, tmp_path):
    with pytest.raises(InputError, match=message):
        joined(modules(tmp_path, **texts))


def test_the_page_makes_no_markup_of_text_and_asks_nobody():
    forbidden = {
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval",
        "Function",
        "fetch",
        "XMLHttpRequest",
        "WebSocket",
    }
    for path in SOURCES.rglob("*.js"):
        assert not forbidden & {*re.findall(r"\w+", path.read_text())}, path
    for path in [*SOURCES.rglob("*.css"), *SOURCES.rglob("*.html")]:
        assert not re.search(r"https?:|url\(|@import|<link|\son\w+=", path.read_text()), path


def test_no_template_lies_within_another():
    """What takes comments and spaces out would take the inner one for code."""
    for path in SOURCES.rglob("*.js"):
        assert not re.search(r"\$\{[^}]*`", path.read_text()), path


# ----------------------------------------------------------------------------------------------------------------------
# The page


def smallest(**more: Any) -> dict[str, Any]:
    return {"name": "MNIST", "noun": "digit", "classNames": [], "networks": [], **more}


def test_no_name_can_break_the_page():
    shown = smallest(name=HOSTILE, labels={HOSTILE: HOSTILE})
    text = page(SOURCES, shown, {"weights-0": "AAAA"})
    elements = Elements(text)
    scripts = [attributes for tag, attributes, _ in elements.found if tag == "script"]
    assert [its["type"] for its in scripts] == [
        *("application/json", "application/octet-stream", "application/octet-stream", "module")
    ]
    assert json.loads(elements.texts("script", id="data")[0]) == shown
    assert HOSTILE not in text


def test_only_this_script_and_this_style_may_run_and_nothing_is_loaded():
    elements = Elements(page(SOURCES, smallest(), {}))
    (policy,) = (its["content"] for tag, its, _ in elements.found if its.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for tag, rule in {"script": "script-src", "style": "style-src"}.items():
        (text,) = elements.texts(tag, **({"type": "module"} if tag == "script" else {}))
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules.pop(rule).split()
    assert set(rules.items()) == {("default-src", "'none'"), ("base-uri", "'none'"), ("form-action", "'none'")}
    assert not [its for _, its, _ in elements.found if {"src", "href", "style"} & set(its)]


def test_a_page_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(page_module, "MOST_BYTES", 1_000_000)
    with pytest.raises(InputError, match=r"the page would be 1\.\d MB, and 1 MB is the most .* take 1\.0 MB of it"):
        page(SOURCES, smallest(), {"weights-0": "A" * 1_000_000})


# ----------------------------------------------------------------------------------------------------------------------
# What it shows


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return finished_run(tmp_path_factory)


@pytest.fixture
def inside(root, monkeypatch) -> Path:
    monkeypatch.chdir(root)
    return root


def inputs_of(config: Mapping[str, Any]) -> dict[str, Any]:
    return explored.inputs_of(Catalogue(Plan(config), studies.declared()))


@pytest.fixture
def inputs(inside) -> dict[str, Any]:
    return inputs_of(json.loads(Path("results/digits/config.json").read_text()))


def test_digits_are_the_first_of_each_class():
    labels = np.array([5, 0, 5, 5, 0, 5, 1], np.uint8)
    assert chosen_images(labels, 7) == [1, 4, 6, 0, 2, 3]
    assert chosen_images(labels, 3) == [1, 0, 2]
    assert PER_CLASS == 3
    assert len(chosen_images(np.arange(100, dtype=np.uint8), 100)) == MOST


def test_runs_are_counted_image_by_image():
    assert runs(np.array([[1, 4], [1, 4], [1, 99]], np.uint8)) == "b3e2Ä"
    assert zeros_counted(bytes(3) + b"\x07" + bytes(256)) == b"\0\3\x07\0\xff\0\1"


def answers_of(text: str) -> list[int]:
    """What `runs` was given, in one row."""
    found = re.findall(r"(\D)(\d*)", text)
    return [ord(letter) - ord("a") for letter, length in found for _ in range(int(length or 1))]


def test_every_number_is_that_of_its_file(inputs):
    shown, weights = content(inputs)
    images, labels = np.load(inputs["images"]), np.load(inputs["labels"])
    digits = [digit["index"] for digit in shown["digits"]]
    assert [digit["label"] for digit in shown["digits"]] == labels[digits].tolist()
    counted = re.sub(rb"\0(.)", lambda zeros: bytes(zeros[1][0]), base64.b64decode(shown["images"]), flags=re.DOTALL)
    assert counted == images[digits].tobytes()
    assert shown["claims"] == [
        {key: claim[key] for key in shown["claims"][0]} for claim in json.loads(Path(inputs["claims"]).read_text())
    ]
    for network in shown["networks"]:
        path = network["weights"]["path"]
        assert base64.b64decode(weights[network["weights"]["element"]]) == Path(path).read_bytes()
        assert network["weights"]["sha256"] == sha256_of(path)
        if "positions" in network:
            continue
        predicted, measured = shown["predicted"][network["predicted"]], shown["measured"][network["measured"]]
        assert answers_of(predicted["answers"]) == np.load(network["predicted"])[:, digits].T.ravel().tolist()
        with Path(network["measured"]).open() as file:
            rows = list(csv.DictReader(file))
        counts = re.findall(f".{{{measured['digits']}}}", measured["right"])
        found = [int(count, 36) / measured["images"] for count in counts]
        np.testing.assert_allclose(found, [float(row["accuracy"]) for row in rows])
    assert {network["study"] for network in shown["networks"]} == {
        *("architectures", "augmentation_range", "class_transfer", "two_positions")
    }


def test_every_row_of_a_table_has_its_line(inputs):
    for table in content(inputs)[0]["tables"].values():
        lines = Path(table["path"]).read_text().splitlines()
        assert 0 < len(table["rows"]) < len(lines)
        for values in table["rows"]:
            row = dict(zip(table["columns"], values, strict=True))
            row |= {name: words[row[name]] for name, words in table["words"].items()}
            written = dict(zip(lines[0].split(","), next(csv.reader([lines[row["line"] - 1]])), strict=True))
            for name in row.keys() - {"line"}:
                text = written[name]
                assert row[name] == (None if text == "" else type(row[name])(text)), (table["path"], name)


def test_it_is_an_artefact_with_the_same_bytes_every_time(root, tmp_path):
    made = root / "results/digits/explorer.html"
    listed = json.loads((root / "results/digits/manifest.json").read_text())["artefacts"]
    assert listed["explorer.html"] == sha256_of(made)
    again = tmp_path / "explorer.html"
    command = ["scripts/build_explorer.py", "--config", "results/digits/config.json", "--sources", "explorer"]
    subprocess.run([sys.executable, *command, "--output", again], cwd=root, check=True, capture_output=True)
    assert again.read_bytes() == made.read_bytes()


def test_code_and_content_without_weights_stay_small(root):
    """`make smoke` holds the same of MNIST, whose content is twice as large, to 150 kB."""
    text = (root / "results/digits/explorer.html").read_text()
    assert len(without_weights(text)) < 114_000
    assert len(page(SOURCES, smallest(), {})) < 87_000


# ----------------------------------------------------------------------------------------------------------------------
# Plans that lack something


def test_mnist_shows_each_network_of_the_views_once():
    plan = resolve(load([ROOT / "config.yaml"]))["mnist"]
    cells = [cell[:3] for cell in explored.cells_of(plan)]
    ranges = [("augmentation_range", "stride_fc", f"range_{pixels}") for pixels in (0, 3, 6)]
    assert cells == [*explored.NETWORKS, *ranges]
    assert explored.canvas_of(plan) == (40, 6)


def test_a_plan_with_other_names_shows_its_first_networks():
    study = resolve(load([ROOT / "config.yaml"]))["mnist"]["studies"]["architectures"]
    plan = plan_with(mine=study | {"cells": {"mlp": {"trainings": ["centred", "translated"]}}})
    assert [str(cell) for cell in explored.cells_of(plan)] == ["mine/mlp/centred/0", "mine/mlp/translated/0"]


def test_networks_that_were_asked_about_other_test_images_are_left_out():
    """Their predictions are of the images of some classes, those of the page are of all."""
    config = load([ROOT / "config.yaml"])
    config["studies"] = {"class_sequence": config["studies"]["class_sequence"]}
    plan = resolve(config | {"equivariance": None, "plans": None})["mnist"]
    assert all(plan.only(cell.study, cell.training) for cell in plan.cells)
    assert explored.cells_of(plan) == []


def test_networks_for_another_canvas_are_left_out():
    plan = resolve(load([ROOT / "config.yaml"]))["mnist"]
    plan["studies"]["class_transfer"]["canvas"] = 44
    assert {cell.study for cell in explored.cells_of(plan)} == {"architectures", "augmentation_range", "two_positions"}


def test_without_any_study_over_shifts_there_is_a_page_and_it_has_no_networks(inputs, tmp_path):
    config = json.loads(Path(inputs["config"]).read_text())
    config["studies"] = {"simard2003": config["studies"]["simard2003"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    shown, weights = content(inputs_of(config) | {"config": str(tmp_path / "config.json")})
    assert (shown["networks"], weights, shown["maxShift"]) == ([], {}, 0)
    assert list(shown["tables"]) == ["simard2003-published"]
    assert len(Elements(page(SOURCES, shown, weights)).texts("script", id="data")) == 1


def test_weights_for_which_there_is_no_room_are_left_out_and_their_answers_stay(inputs, monkeypatch):
    sizes = [len(base64.b64encode(Path(path).read_bytes())) for path in set(inputs["weights"].values())]
    for room in (sum(sizes) - 1, max(sizes) - 1):
        monkeypatch.setattr(content_module, "MOST_WEIGHTS", room)
        shown, weights = content(inputs)
        left_out = [network for network in shown["networks"] if network["weights"]["element"] is None]
        assert left_out
        assert 0 < sum(map(len, weights.values())) <= room
        assert {network["weights"]["element"] for network in shown["networks"]} == {None, *weights}
        assert all("predicted" in network or "positions" in network for network in left_out)
        assert len(Elements(page(SOURCES, shown, weights)).texts("script", id="data")) == 1


def test_altered_weights_are_one_message(inputs, tmp_path, monkeypatch):
    path = Path(next(iter(inputs["weights"].values())))
    shutil.copytree(Path("results").absolute(), tmp_path / "results", copy_function=os.symlink)
    altered = tmp_path / path
    altered.unlink()
    altered.write_bytes(path.read_bytes()[:-1])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"weights\.safetensors: altered since it was made"):
        content(inputs)
