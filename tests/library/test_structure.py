"""How the code lies: which part may import which, and how long a file may be."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from setuptools import find_packages

from invariance.record.dependencies import imported_names
from running import ROOT

SCRIPTS = ROOT / "scripts"
LIBRARY, STUDIES = SCRIPTS / "invariance", SCRIPTS / "studies"
MODULES = sorted(SCRIPTS.rglob("*.py"))
LONGEST = 400
# A split makes these worse: it separates what belongs together.
LONG = {"invariance/plan/validation.py"}


def imports_of(path: Path) -> set[str]:
    """Dotted names that a file imports, anywhere in it."""
    return {name for node in ast.walk(ast.parse(path.read_text())) for name in imported_names(node)}


def imported_from(path: Path, *packages: str) -> set[str]:
    """Those of the packages that a file imports something from."""
    names = imports_of(path)
    return {package for package in packages for name in names if f"{name}.".startswith(f"{package}.")}


def draws(path: Path) -> bool:
    """Whether a module of a study is one of its figures."""
    return any(getattr(node, "name", "") == "draw" for node in ast.parse(path.read_text()).body)


def test_there_is_something_to_look_at():
    assert len(MODULES) > 60
    assert {path.parent.name for path in LIBRARY.glob("*/__init__.py")} == {
        *(
            "plan",
            "data",
            "distortions",
            "layers",
            "networks",
            "learning",
            "results",
            "drawing",
            "paper",
            "record",
            "explorer",
        )
    }


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_the_library_imports_no_study_and_no_script(path):
    scripts = {script.stem for script in SCRIPTS.glob("*.py")}
    assert not imported_from(path, "studies", *scripts)


@pytest.mark.parametrize("folder", sorted(path for path in STUDIES.iterdir() if (path / "__init__.py").is_file()))
def test_a_study_imports_itself_and_the_library(folder):
    """The summary may look into others, being about all of them."""
    for path in folder.glob("*.py"):
        others = {name for name in imports_of(path) if name.startswith("studies.")}
        if folder.name != "summary":
            assert all(f"{name}.".startswith(f"studies.{folder.name}.") for name in others), path


def test_torch_is_imported_by_what_learns_alone():
    wings = {LIBRARY / wing for wing in ("layers", "networks", "learning")}
    allowed = {SCRIPTS / "train.py", SCRIPTS / "evaluate.py"}
    for path in MODULES:
        if imported_from(path, "torch", "safetensors"):
            assert path.parent in wings or path in allowed or path.name == "evaluation.py", path


def test_matplotlib_is_imported_by_what_draws_alone():
    for path in MODULES:
        if imported_from(path, "matplotlib", "seaborn"):
            is_figure = path.parent.parent == STUDIES and draws(path)
            assert path.parent == LIBRARY / "drawing" or is_figure, path


def test_the_workflow_imports_plan_and_record_and_what_finds_latex():
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")])
    imports = re.findall(r"^\s*from (invariance[\w.]*) import ([\w, ]+)", text, flags=re.MULTILINE)
    found = {f"{module}.{name}" for module, names in imports for name in re.findall(r"\w+", names)}
    assert len(found) > 10
    assert {name for name in found if name.split(".")[1] not in ("plan", "record")} == {"invariance.paper.latex"}
    assert not re.search(r"^\s*import invariance|\bfrom invariance\S* import \(", text, flags=re.MULTILINE)


def test_declarations_import_nothing_that_computes():
    """The workflow reads them at each start."""
    for path in STUDIES.rglob("__init__.py"):
        assert not imported_from(path, "numpy", "pandas", "scipy", "torch", "matplotlib"), path


def test_no_file_is_too_long():
    lengths = {path: len(path.read_text().splitlines()) for path in MODULES}
    long = {str(path.relative_to(SCRIPTS)) for path, length in lengths.items() if length > LONGEST}
    assert long == LONG


def test_the_library_can_be_installed_whole():
    """As pyproject.toml says it, with every wing, and nothing else of the scripts."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    found = find_packages(ROOT / build["where"][0], include=build["include"])
    assert {"invariance", *(f"invariance.{path.parent.name}" for path in LIBRARY.glob("*/__init__.py"))} == set(found)
