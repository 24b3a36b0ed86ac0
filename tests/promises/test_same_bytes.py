"""The whole pipeline twice, from nothing, in surroundings that should not matter: every artefact has the same bytes."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finished import TINY, finished_run, fresh_copy_with_compiled_code
from invariance.record.artefacts import RECORDS, sha256_of
from running import ROOT, SOURCES, fresh_copy, snakemake

# What a run writes that may differ from run to run: logs and benchmark files (.tsv), Snakemake's records of times and
# paths, and code compiled from sources that are found elsewhere.
MAY_DIFFER = {"logs", ".snakemake", "__pycache__"}

OTHER_SURROUNDINGS = {
    "PYTHONHASHSEED": "4321",
    "TZ": "Pacific/Auckland",
    # Neither UTF-8 nor the names of months in English.
    **{"LANG": "de_DE.ISO-8859-1", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "SOURCE_DATE_EPOCH": "1234567890",
    "USER": "somebody",
    # What jobs would break by, or make something else by, if they inherited it.
    **{"PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "2", "MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    **{"NUMBA_DISABLE_JIT": "1", "NUMBA_CPU_NAME": "generic", "NUMBA_ENABLE_AVX": "0"},
    **{"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    **{"OMP_NUM_THREADS": "7", "NPY_DISABLE_CPU_FEATURES": "AVX2", "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "no"},
    **{"TEXINPUTS": "/no", "BSTINPUTS": "/no", "BIBINPUTS": "/no", "TEXMFCNF": "/no"},
    **{"BASH_ENV": "/no", "CDPATH": "/tmp", "BASH_FUNC_python%%": "() { false; }"},
}
STYLE = "lines.linewidth: 9\nsavefig.dpi: 31\nsavefig.bbox: tight\npdf.compression: 0\nimage.interpolation: bicubic\n"
# In the home of somebody who likes other figures and other tables, and has the packages of a module system.
GIVEN = {
    "home/.config/matplotlib/matplotlibrc": STYLE,
    "home/.latexmkrc": "$pdf_mode = 4;\n",
    "home/texmf/tex/latex/local/booktabs.sty": "\\newcommand\\toprule{}\\newcommand\\midrule{}\n",
    **{
        f"home/modules/{name}.py": f"raise ImportError('the {name} of a module system')\n"
        for name in ("torch", "numba", "matplotlib", "seaborn", "safetensors")
    },
}


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def run_elsewhere(
    folder: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    sources: Callable[[Path], Path] = fresh_copy,
) -> Path:
    """A run in a new folder below `folder`, which `sources` fills, with one core, in other surroundings, also below."""
    home, temporary = folder / "home", folder / "temporary"
    temporary.mkdir()
    for name, content in GIVEN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    elsewhere = folder / "a deeper" / "folder"
    elsewhere.mkdir(parents=True)
    surroundings = OTHER_SURROUNDINGS | {name: "" for name in os.environ if name.startswith("XDG_")}
    surroundings |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(home / "modules")}
    surroundings |= {"TEXMFHOME": str(home / "texmf"), "MATPLOTLIBRC": str(home / ".config/matplotlib")}
    surroundings |= environment or {}
    with umask(0o077):
        finished = snakemake(sources(elsewhere), "--cores", "1", *arguments, environment=surroundings)
    assert finished.returncode == 0, finished.stderr[-5000:]
    return elsewhere


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file that a run left, but for what may differ, by its path in the run's folder."""
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {
        str(path): sha256_of(folder / path)
        for path in files
        if not MAY_DIFFER & set(path.parts) and not (path.parts[0] in SOURCES and (ROOT / path).is_file())
    }


def assert_same(one: Path, other: Path, dataset: str) -> None:
    ours, theirs = hashes(one), hashes(other)
    assert {Path(path).parts[:2] for path in ours} <= {("results", dataset), ("results", RECORDS)}, "written elsewhere"
    assert ours.keys() == theirs.keys()
    assert [path for path in sorted(ours) if ours[path] != theirs[path]] == []
    kinds = {Path(path).suffix for path in ours}
    assert kinds == {".npy", ".safetensors", ".csv", ".json", ".tex", ".pdf", ".png", ".html", *({".gz"} & kinds)}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> Path:
    compiled = functools.partial(fresh_copy_with_compiled_code, tmp_path_factory)
    return run_elsewhere(tmp_path_factory.mktemp("elsewhere"), *TINY, sources=compiled)


@pytest.mark.long
@pytest.mark.pipeline
def test_two_runs_make_the_same_bytes(elsewhere, tmp_path_factory):
    """Two cores in one folder, one core in another."""
    assert_same(finished_run(tmp_path_factory), elsewhere, "digits")


@pytest.mark.long
@pytest.mark.pipeline
def test_a_run_leaves_the_rest_of_the_machine_alone(elsewhere):
    """It had home and temporary folders of its own, so that all that was written there is seen."""
    machine = elsewhere.parents[1]
    files = {path.relative_to(machine).as_posix() for path in machine.rglob("*") if path.is_file()}
    assert files > GIVEN.keys()
    own = f"{elsewhere.relative_to(machine)}/"
    assert {file for file in files - GIVEN.keys() if not file.startswith((own, "home/.cache/"))} == set()


@pytest.mark.smoke
def test_two_runs_on_mnist_make_the_same_bytes(tmp_path):
    mirror = os.environ.get("MNIST_MIRROR", "")
    environment = {"MNIST_MIRROR": str((ROOT / mirror).resolve()) if mirror and "://" not in mirror else mirror}
    smoke = ("--configfile", "tests/configs/mnist-smoke.yaml")
    here = tmp_path / "here"
    here.mkdir()
    finished = snakemake(fresh_copy(here), "--cores", "2", *smoke, environment=environment)
    assert finished.returncode == 0, finished.stderr[-5000:]
    assert_same(here, run_elsewhere(tmp_path / "elsewhere", *smoke, environment=environment), "mnist")
