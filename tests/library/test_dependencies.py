"""The code of a job is found from its imports, so that an edit reruns what uses it and nothing else."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from invariance.record import dependencies
from invariance.record.artefacts import InputError
from invariance.record.dependencies import code_of
from running import ROOT

SCRIPTS = ROOT / "scripts"
LIBRARY = SCRIPTS / "invariance"
ENTRIES = sorted(SCRIPTS.glob("*.py"))
# Importing torch costs a job seconds and 650 MB: only training and evaluating networks may.
WITHOUT_TORCH = ["download", "distort", "describe_distortion", "draw", "summarise", "validate_config"]
WITH_TORCH = ["train", "evaluate"]


def code_below(script: Path) -> list[str]:
    return code_of(script, roots=[script.parent])


def names_of(script: Path) -> set[str]:
    """The code of a script, as names below its folder without .py, such as invariance/models."""
    return {Path(path).relative_to(script.parent).with_suffix("").as_posix() for path in code_below(script)}


def write_tree(root: Path, **files: str) -> Path:
    """Write Python files; a `__` in a name stands for a slash. Returns the path of main.py."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/').replace('package_init', '__init__')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "main.py"


# ----------------------------------------------------------------------------------------------------------------------
# The scripts of the project


def test_training_is_made_of_models_and_weights():
    assert names_of(SCRIPTS / "train.py") >= {
        "train",
        "invariance/__init__",
        "invariance/record/artefacts",
        "invariance/command_line",
        "invariance/data/images",
        "invariance/networks/building",
        "invariance/learning/training",
        "invariance/learning/weights",
    }


def test_an_edited_plot_trains_nothing():
    for script in ("train", "distort", "evaluate"):
        drawn = {"invariance/drawing/style", "invariance/paper/tex", "invariance/results/verdicts"}
        assert not names_of(SCRIPTS / f"{script}.py") & drawn
    assert "invariance/drawing/style" in names_of(SCRIPTS / "draw.py")


def test_an_edited_distortion_rebuilds_what_used_it():
    using = {script.stem for script in ENTRIES if "invariance/distortions/fields" in names_of(script)}
    assert {"distort", "describe_distortion"} <= using
    assert not using & {"train", "evaluate", "download", "source"}


def test_downloading_is_made_of_the_mirrors_alone():
    assert names_of(SCRIPTS / "download.py") == {
        "download",
        "invariance/__init__",
        "invariance/record/__init__",
        "invariance/record/artefacts",
        "invariance/command_line",
        "invariance/data/__init__",
        "invariance/data/mirrors",
    }


def imports_torch(path: str) -> bool:
    """Whether a file imports torch, or something that imports it, anywhere in it."""
    roots = set()
    for node in ast.walk(ast.parse(Path(path).read_text())):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            roots.add(node.module.split(".")[0])
    return bool(roots & {"torch", "torchvision", "safetensors"})


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_no_torch_is_reached_from(name):
    assert not [path for path in code_below(SCRIPTS / f"{name}.py") if imports_torch(path)]


@pytest.mark.parametrize("name", WITH_TORCH)
def test_torch_is_reached_from(name):
    assert any(imports_torch(path) for path in code_below(SCRIPTS / f"{name}.py"))


MODULES_LOADED = """\
import sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    __import__(name)
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "")
"""


def test_what_python_itself_loads_is_found():
    """Python's own imports are the oracle: no file below scripts/ is loaded that `code_of` does not name."""
    entries = ["download", "distort", "describe_distortion"]
    command = [sys.executable, "-c", MODULES_LOADED, str(SCRIPTS), *entries]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    files = {Path(line).resolve() for line in done.stdout.splitlines() if line}
    loaded = {str(file) for file in files if SCRIPTS in file.parents}
    assert loaded == {path for name in entries for path in code_below(SCRIPTS / f"{name}.py")}
    assert not any(f"{os.sep}torch{os.sep}" in str(file) for file in files)


@pytest.mark.parametrize("script", ENTRIES, ids=lambda script: script.stem)
def test_every_script_is_made_of_files_that_exist(script):
    code = code_below(script)
    assert code == sorted(set(code))
    assert str(script) in code
    assert all(Path(path).is_file() and SCRIPTS in Path(path).parents for path in code)


def test_every_module_is_used_and_imported_by_its_whole_name():
    """A relative import would not be found, and a module that nothing reaches would rerun nothing."""
    for path in SCRIPTS.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level], path
    reached = {Path(path) for script in ENTRIES for path in code_below(script)}
    workflow = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")])
    imported = " ".join(re.findall(r"from invariance[\w.]* import ([\w, ]+)", workflow))
    named = set(re.findall(r"\w+", imported))
    others = [path for path in LIBRARY.rglob("*.py") if path not in reached and path.stem not in named]
    assert {path.parent for path in others} == {LIBRARY / "layers", LIBRARY / "networks"}  # found by a config's names


# ----------------------------------------------------------------------------------------------------------------------
# Trees made for the purpose


def test_the_paths_are_those_that_were_asked_for(tmp_path, monkeypatch):
    """Relative to the working folder, as Snakemake names its inputs."""
    write_tree(tmp_path / "scripts", main="import lib.a", lib__package_init="", lib__a="")
    monkeypatch.chdir(tmp_path)
    assert code_of("scripts/main.py", roots=["scripts"]) == [
        "scripts/lib/__init__.py",
        "scripts/lib/a.py",
        "scripts/main.py",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "import lib.deep.a",
        "import lib.deep.a as other",
        "import os, lib.deep.a",
        "from lib.deep import a",
        "from lib.deep import b, a as other",
        "from lib.deep.a import something",
        "from lib.deep.a import *",
        "def f():\n    from lib.deep import a",
        "try:\n    import lib.deep.a\nexcept ImportError:\n    pass",
        "if False:\n    import lib.deep.a",
        "from lib import (\n    deep,\n)\nfrom lib.deep import (\n    a,\n)",
    ],
)
def test_every_form_of_import_is_found(tmp_path, line):
    tree = {"lib__package_init": "", "lib__deep__package_init": "", "lib__deep__a": "", "lib__deep__c": ""}
    main = write_tree(tmp_path, main=line, **tree)
    assert names_of(main) == {"main", "lib/__init__", "lib/deep/__init__", "lib/deep/a"}


def test_imports_are_followed(tmp_path):
    main = write_tree(tmp_path, main="import a", a="import b", b="from c import d", c="", unused="import a")
    assert names_of(main) == {"main", "a", "b", "c"}


def test_a_package_brings_what_its_init_imports(tmp_path):
    main = write_tree(
        tmp_path, main="from lib import a", lib__package_init="import lib.b", lib__a="", lib__b="", lib__c=""
    )
    assert names_of(main) == {"main", "lib/__init__", "lib/a", "lib/b"}


def test_cycles_are_fine(tmp_path):
    main = write_tree(tmp_path, main="import a", a="import b\nimport a", b="import a\nimport main")
    assert names_of(main) == {"main", "a", "b"}


def test_a_new_import_is_found(tmp_path):
    before = write_tree(tmp_path / "before", main="import a", a="", b="")
    after = write_tree(tmp_path / "after", main="import a", a="import b", b="")
    assert names_of(before) == {"main", "a"}
    assert names_of(after) == {"main", "a", "b"}


def test_what_lies_elsewhere_is_left_out(tmp_path):
    """Installed packages, and names that look like imports in a comment or a string."""
    text = '"""import a"""\nimport os\nimport numpy.linalg\n# import a\nname = "import a"\n'
    main = write_tree(tmp_path, main=text, a="")
    assert names_of(main) == {"main"}


# ----------------------------------------------------------------------------------------------------------------------
# What is remembered of a file


@pytest.fixture
def memory(tmp_path, monkeypatch) -> Path:
    """A folder in which what is found out is remembered, by Pythons that have read nothing yet."""
    folder = tmp_path / "memory"
    monkeypatch.setattr(dependencies, "memory", None)
    dependencies.remember_in(folder)
    return folder


def made_by_anew(script: Path) -> list[str]:
    """As `made_by` says in a Python that has read nothing yet."""
    for function in (dependencies.module_files, dependencies.module, dependencies.made_by):
        function.cache_clear()
    return dependencies.made_by(script)


def test_what_is_remembered_is_what_is_found_out(memory, tmp_path, monkeypatch):
    script = write_tree(tmp_path, main="import numpy\nimport help", help="import yaml\nx = 1\n")
    first = made_by_anew(script)
    assert [part.partition("==")[0] for part in first[1:]] == ["numpy", "pyyaml"]
    assert len([*memory.iterdir()]) == 2
    with monkeypatch.context() as patched:
        patched.setattr(dependencies, "parsed", lambda *_: pytest.fail("read again"))
        assert made_by_anew(script) == first
    monkeypatch.setattr(dependencies, "memory", None)
    assert made_by_anew(script) == first


def test_an_edit_is_seen_and_one_taken_back_is_remembered(memory, tmp_path):
    script = write_tree(tmp_path, main="import help", help="x = 1\n")
    first = made_by_anew(script)
    (tmp_path / "help.py").write_text("x = 2\n")
    assert made_by_anew(script) != first
    (tmp_path / "help.py").write_text("x = 1\n")
    assert made_by_anew(script) == first


@pytest.mark.parametrize("damage", ["", "{", "3", "[1, 2, 3]"])
def test_a_damaged_memory_is_made_anew(memory, tmp_path, damage):
    script = write_tree(tmp_path, main="x = 1")
    first = made_by_anew(script)
    (file,) = memory.iterdir()
    file.write_text(damage)
    assert made_by_anew(script) == first
    assert file.read_text() != damage


def test_where_nothing_can_be_written_nothing_is_remembered(memory, tmp_path):
    memory.write_text("a file, and no folder")
    assert made_by_anew(write_tree(tmp_path, main="x = 1"))


def test_code_that_is_none_is_told_each_time(memory, tmp_path):
    script = write_tree(tmp_path, main="x = (")
    for _ in range(2):
        with pytest.raises(InputError, match=r"main\.py: cannot be read as Python .*main\.py, line 1"):
            made_by_anew(script)
    assert not memory.exists()
