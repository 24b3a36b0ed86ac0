"""What runs again after one change, and what does not: dry runs on a finished tiny tree, one edit at a time."""

import ast
import contextlib
import importlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from edits import append, overlay, release, replace, touch
from finished import TINY, copy_of_finished_run
from invariance.record.artefacts import sha256_of
from running import ROOT, snakemake

pytestmark = pytest.mark.pipeline

TARGETS = {"all", "data", "models"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return copy_of_finished_run(tmp_path_factory, "reruns")


def planned(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> dict[str, int]:
    """What a dry run would do: number of jobs by rule, without the targets that only name files."""
    finished = snakemake(folder, "--cores", "2", "-n", "--quiet", "host", *arguments, environment=environment)
    assert finished.returncode == 0, finished.stderr
    report = finished.stdout + finished.stderr
    if "Nothing to be done" in report:
        return {}
    table = report.partition("Job stats:")[2].partition("total")[0]
    jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
    assert jobs, report
    return {rule: count for rule, count in jobs.items() if rule not in TARGETS}


# ----------------------------------------------------------------------------------------------------------------------
# Rules, in groups that follow from one another

LAST = {"write_provenance", "build_paper", "manifest"}
CLASSES = {"summarise_classes", "write_classes_tex", "class_transfer"}
POSITIONS = {"evaluate_positions", "summarise_positions", "write_positions_tex", "two_positions"}
LAYERS = {"measure_equivariance", "write_equivariance_tex", "equivariance"}
TEX = {"write_tex", "write_study_tex", "write_simard_tex"}
ALL_TEX = TEX | {"write_classes_tex", "write_positions_tex", "write_equivariance_tex"}
TABLES = {"summarise", "compare_with_simard", "judge_claims"} | TEX
FROM_TABLES = {"summary", "simard_table", "accuracy_vs_shift", "augmentation_range"}
FROM_GRIDS = FROM_TABLES | {"heat_maps"}
FIGURES = FROM_GRIDS | {"sample_distortions", "learning_curves", "equivariance", "class_transfer", "two_positions"}
EVALUATED = {"evaluate"} | TABLES | FROM_GRIDS | LAST
TRAINED = {"train", "learning_curves"} | EVALUATED | CLASSES | POSITIONS | LAYERS
DISTORTED = {"distort", "describe_distortion", "sample_distortions"} | TRAINED
SIMARD = (TABLES - {"write_study_tex"}) | {"summary", "simard_table"} | LAST
RECORDED = {"resolved_config", "write_tex"} | LAST  # the config is part of the paper
EVERYTHING = {"source_digits"} | DISTORTED | RECORDED

ONE_ELASTIC = {"distort": 1, "describe_distortion": 1, "train": 1, "evaluate": 1, "summarise": 1}
ONE_TRAINING = {"train": 1, "evaluate": 1, "summarise": 1}
TRAININGS, EVALUATIONS = 8, 8

PLOTS = "scripts/invariance/drawing/style.py"
KEYS = """\
      sigma: 4             # Simard, section 2: pixels of the 29x29 image
      alpha: 34            # Simard, section 2: pixels
"""
# Nothing computes with these.
IRRELEVANT = {
    "a comment in config.yaml": append("config.yaml", "# a comment"),
    "the order of keys in config.yaml": replace("config.yaml", KEYS, "".join(reversed(KEYS.splitlines(keepends=True)))),
    "a copy's time": touch("results/digits/distorted/29/elastic/copy-000.npy"),
    "a module's time": touch("scripts/invariance/distortions/fields.py"),
    "a caption": append("workflow/report/heat_maps.rst", "More words."),
    "a test": append("tests/running.py", "# edited"),
    "the README": append("README.md", "More words."),
    "where MNIST comes from": overlay("datasets: {mnist: {mirrors: [file:///elsewhere/], timeout: 1, attempts: 9}}"),
}
# What is changed: how, the rules that run again, and for some of them in how many jobs.
CHANGES = {
    # Code
    "a plot's colour": (replace(PLOTS, '"#7a5195"', '"#7a5196"'), FIGURES | LAST, {}),
    "a label": (
        append("scripts/invariance/results/labels.py", "# edited"),
        FIGURES | ALL_TEX | LAST,
        {},
    ),
    "a verdict's rule": (
        append("scripts/invariance/results/claims.py", "# edited"),
        {"judge_claims", "summary"} | ALL_TEX | LAST,
        {},
    ),
    "the statistics": (
        append("scripts/invariance/results/statistics.py", "# edited"),
        TABLES | FROM_TABLES | CLASSES | ALL_TEX | (POSITIONS - {"evaluate_positions"}) | LAST,
        {"summarise": 4},
    ),
    "a kernel": (
        append("scripts/invariance/layers/kernels.py", "# edited"),
        TRAINED,
        {"train": TRAININGS, "evaluate": EVALUATIONS},
    ),
    "the elastic field": (
        append("scripts/invariance/distortions/fields.py", "# edited"),
        DISTORTED - {"accuracy_vs_shift", "heat_maps"} - LAYERS - POSITIONS,
        {"distort": 2, "train": 3, "evaluate": 3},
    ),
    "the evaluation": (append("scripts/evaluate.py", "# edited"), EVALUATED | CLASSES, {"evaluate": EVALUATIONS}),
    # A docstring is code, as far as anybody can tell without running it.
    "a docstring that all share": (
        replace("scripts/invariance/record/artefacts.py", "SHA-256 of a file's bytes", "The SHA-256 of a file's bytes"),
        EVERYTHING,
        {"train": TRAININGS, "evaluate": EVALUATIONS},
    ),
    "the paper's text": (append("paper/sections/question.tex", "% edited"), {"build_paper", "manifest"}, {}),
    # The config
    "the elastic sigma": (
        overlay("distortions: {elastic: {elastic: {sigma: 5}}}"),
        SIMARD | RECORDED | set(ONE_ELASTIC) | {"learning_curves", "sample_distortions"},
        ONE_ELASTIC,
    ),
    "one learning rate": (
        overlay("demo: {studies: {simard2003: {cells: {mlp: {optimisation: {learning_rate: 0.2}}}}}}"),
        SIMARD | RECORDED | set(ONE_TRAINING) | {"learning_curves"},
        ONE_TRAINING,
    ),
    "a claim's threshold": (overlay("claims: {C1: {threshold: 2}}"), {"judge_claims", "summary"} | RECORDED, {}),
    "the number of pairs": (
        overlay("measures: {pairwise_pairs: 5}"),
        TABLES | FROM_TABLES | RECORDED,
        {"summarise": 4},
    ),
    "the audit's tolerance": (
        overlay("audit: {tolerance: 0.9}"),
        {"describe_distortion"} | RECORDED,
        {"describe_distortion": 2},
    ),
    "the device": (overlay("device: auto"), TRAINED | RECORDED, {"train": TRAININGS, "evaluate": EVALUATIONS}),
    # What is installed
    "numba": (release("numba"), DISTORTED, {"distort": 2, "train": TRAININGS}),
    "torch": (release("torch"), TRAINED, {"train": TRAININGS}),
    "matplotlib": (release("matplotlib"), FIGURES | LAST, {}),
    # Something more
    "another seed": (
        overlay("demo: {studies: {simard2003: {seeds: [0, 7]}}}"),
        SIMARD | RECORDED | set(ONE_TRAINING) | {"learning_curves"},
        {"train": 3, "evaluate": 3, "summarise": 1},
    ),
    "another copy": (
        overlay("demo: {studies: {simard2003: {trainings: {elastic: {copies: 2}}}}}"),
        SIMARD | RECORDED | set(ONE_ELASTIC) | {"learning_curves"},
        ONE_ELASTIC,
    ),
    "another model": (
        overlay("demo: {studies: {architectures: {cells: {mlp: {trainings: [centred]}}}}}"),
        EVALUATED - {"compare_with_simard", "write_simard_tex", "simard_table", "augmentation_range"}
        | RECORDED
        | {"train"},
        ONE_TRAINING,
    ),
}


def jobs_after(tree: Path, *edits: Callable) -> dict[str, int]:
    """What would run if the edits were made, which are then undone."""
    with contextlib.ExitStack() as stack:
        yielded = [stack.enter_context(edit(tree)) for edit in edits]
        further = [file for files, _ in yielded for file in files]
        environment = {name: value for _, variables in yielded for name, value in variables.items()}
        return planned(tree, *TINY, *further, environment=environment)


def test_nothing_to_do_in_a_copy_of_a_finished_tree(tree):
    assert planned(tree, *TINY) == {}


def test_what_does_not_matter_reruns_nothing(tree):
    """All at once, which is quick; one by one only to say which of them did."""
    if jobs_after(tree, *IRRELEVANT.values()):
        assert {change: jobs for change, edit in IRRELEVANT.items() if (jobs := jobs_after(tree, edit))} == {}
        pytest.fail("only together do they rerun something")


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reruns_what_depends_on_it(tree, change):
    edit, rules, counts = CHANGES[change]
    jobs = jobs_after(tree, edit)
    assert set(jobs) == rules
    assert {rule: jobs[rule] for rule in counts} == counts


# One more of each. The number of copies is part of a training on them, which therefore runs again.
MORE = """
demo:
  studies:
    simard2003:
      trainings: {elastic: {copies: 2}}
    architectures:
      cells: {simard_cnn: {trainings: [centred]}}
    augmentation_range:
      seeds: [0, 1]
    one_more:
      canvas: 29
      max_shift: 0
      shift_images: 50
      seeds: [0]
      optimisation: {epochs: 1, batch: 32, learning_rate: 0.1, schedule: one_cycle, warmup: 0.2, averaging: 0,
        momentum: 0.9, weight_decay: 0.0, loss: cross_entropy}
      trainings: {centred: {distortion: none}}
      cells: {mlp: {trainings: [centred]}}
"""


NEW_FOLDERS = [
    "distorted/29/elastic",
    "models/architectures/simard_cnn/centred/seed-0",
    "models/augmentation_range/stride_fc/range_0/seed-1",
    "models/augmentation_range/stride_fc/range_2/seed-1",
    "models/one_more/mlp/centred/seed-0",
]


def test_additions_leave_what_was_there(tree):
    """Another seed, copy, model and study, all built: old files keep their bytes and their times."""
    results = tree / "results/digits"
    depends = results / "models/simard2003/simard_cnn/elastic"  # on the number of copies
    old = {path: state(path) for path in data_files(results) if depends not in path.parents}
    assert len(old) > 20
    (tree / "more.yaml").write_text(MORE)
    finished = snakemake(tree, "--cores", "2", "data", "models", *TINY, "more.yaml")
    assert finished.returncode == 0, finished.stderr[-5000:]
    assert {path: state(path) for path in old} == old
    new = [path for path in data_files(results) if path not in old and depends not in path.parents]
    assert sorted({str(path.parent.relative_to(results)) for path in new}) == NEW_FOLDERS


def state(path: Path) -> tuple[str, int]:
    return sha256_of(path), path.stat().st_mtime_ns


def data_files(results: Path) -> list[Path]:
    """Images, weights and histories: what takes the time."""
    names = ("*.npy", "*.safetensors", "history.csv", "card.json")
    return sorted(path for name in names for path in results.rglob(name) if "shifts" not in path.parts)


def test_compiled_code_needs_no_other_module():
    """Numba keeps compiled code by the file of its own source: what it took from another module would go stale."""
    library = ROOT / "scripts/invariance"
    for path in library.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT / "scripts").with_suffix("").parts)
        module = importlib.import_module(name.removesuffix(".__init__"))
        compiled = [value for value in vars(module).values() if isinstance(value, Dispatcher)]
        taken = {
            alias.asname or alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("invariance")
            for alias in node.names
        }
        for function in compiled:
            assert not taken & set(function.py_func.__code__.co_names), f"{path}: {function}"
