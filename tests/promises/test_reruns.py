"""What runs again after one change, and what does not: dry runs on a finished tiny tree, one edit at a time."""

import ast
import contextlib
import importlib
import re
from collections import Counter
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
# The rules that make one kind of thing each say in their messages which.
MADE = {
    "draw": re.compile(r"^Drawing (\S+), digits$"),
    "derive": re.compile(r"^Making the table (\S+) of digits$"),
    "tabulate": re.compile(r"^Writing the table (\S+), digits, as TeX$"),
    "summarise": re.compile(r"^Summarising the study (\S+) of digits$"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return copy_of_finished_run(tmp_path_factory, "reruns")


def planned(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Counter[str]:
    """What a dry run would do: number of jobs by rule, and by rule and what is made, such as "draw heat_maps"."""
    finished = snakemake(folder, "--cores", "2", "-n", *arguments, environment=environment)
    assert finished.returncode == 0, finished.stderr
    report = finished.stdout + finished.stderr
    if "Nothing to be done" in report:
        return Counter()
    table = report.partition("Job stats:")[2].partition("total")[0]
    jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
    assert jobs, report
    messages = re.findall(r"^Job \d+: (.*)$", report, flags=re.MULTILINE)
    found = Counter({rule: count for rule, count in jobs.items() if rule not in (*TARGETS, *MADE)})
    found.update(
        f"{rule} {match[1]}" for rule, form in MADE.items() for text in messages if (match := form.match(text))
    )
    assert found.total() == sum(count for rule, count in jobs.items() if rule not in TARGETS), report
    return found


# ----------------------------------------------------------------------------------------------------------------------
# What there is, in groups that follow from one another


def each(rule: str, names: str) -> set[str]:
    return {f"{rule} {name}" for name in names.split()}


LAST = {"write_provenance", "build_paper", "write_manifest"}
NUMBERS = {"write_numbers"} | LAST
CLASSES = each("derive", "class_transfer-class-runs class_transfer-classes") | each("draw", "class_transfer")
CLASSES |= each("tabulate", "class_transfer")
SEQUENCES = each("derive", "class_sequence-carried-runs class_sequence-carried") | each("draw", "class_sequence")
SEQUENCES |= each("tabulate", "class_sequence")
POSITION_TABLES = each("derive", "two_positions two_positions-runs") | each("draw", "two_positions")
POSITION_TABLES |= each("tabulate", "two_positions")
LAYERS = each("derive", "equivariance") | each("draw", "equivariance summary") | each("tabulate", "equivariance")
SUMMARISED = each("summarise", "simard2003 architectures augmentation_range class_transfer class_sequence")
SIMARD = each("derive", "simard2003-published simard2003-pairs") | each("draw", "simard_table")
SIMARD |= each("tabulate", "simard2003 simard2003-pairs")
JUDGED = {"judge_claims", "tabulate claims", "draw summary", "build_explorer", "build_overview"}
FROM_TABLES = each("draw", "accuracy_vs_shift augmentation_range") | each(
    "tabulate", "architectures augmentation_range"
)
TABLES = SUMMARISED | SIMARD | JUDGED | FROM_TABLES | NUMBERS
FIGURES = each(
    "draw",
    "summary sample_distortions learning_curves simard_table accuracy_vs_shift heat_maps equivariance "
    "augmentation_range class_transfer class_sequence two_positions",
)
TABULARS = each(
    "tabulate",
    "claims distortions settings compute simard2003 simard2003-pairs architectures augmentation_range class_transfer "
    "class_sequence two_positions equivariance",
)
EVALUATED = {"evaluate"} | TABLES | CLASSES | SEQUENCES | {"draw heat_maps"}
TRAINED = {"train", "draw learning_curves", "evaluate_positions"} | EVALUATED | POSITION_TABLES | LAYERS
DISTORTED = {"distort", "describe_distortion", "tabulate distortions", "draw sample_distortions"}
RECORDED = {
    "write_config",
    "tabulate settings",
    "build_explorer",
    "build_overview",
} | NUMBERS  # the config is part of the paper
OF_SIMARD = {"summarise simard2003", "draw learning_curves"} | SIMARD | JUDGED | NUMBERS

OF_SHIFTED = each("summarise", "augmentation_range class_transfer class_sequence") | each("draw", "augmentation_range")
OF_SHIFTED |= each("tabulate", "augmentation_range")
OF_ARCHITECTURES = {"summarise architectures", "tabulate architectures"} | each("draw", "accuracy_vs_shift heat_maps")

TRAININGS, EVALUATIONS = 10, 10
ONE_TRAINING = {"train": 1, "evaluate": 1}
KEYS = """\
      sigma: 4             # Simard, section 2: pixels of the 29x29 image
      alpha: 34            # Simard, section 2: pixels
"""
LIBRARY = "scripts/invariance"
# Nothing computes with these.
IRRELEVANT = {
    "a comment in config.yaml": append("config.yaml", "# a comment"),
    "the order of keys in config.yaml": replace("config.yaml", KEYS, "".join(reversed(KEYS.splitlines(keepends=True)))),
    "a copy's time": touch("results/digits/distorted/29/elastic/copy-000.npy"),
    "a module's time": touch(f"{LIBRARY}/distortions/fields.py"),
    "a comment in a layer": append(f"{LIBRARY}/layers/conv.py", "# edited"),
    "the layout of a layer": append(f"{LIBRARY}/layers/linear.py", "\n\n"),
    "a docstring that all share": replace(
        f"{LIBRARY}/record/artefacts.py", "SHA-256 of a file's bytes", "The SHA-256 of a file's bytes"
    ),
    "the docstring of a script": replace("scripts/train.py", '"""Stage 3, models: train', '"""Stage 3: train'),
    "the caption of a figure": append("workflow/report/figure.rst", "More words."),
    "the title of a figure": replace(
        "scripts/studies/architectures/__init__.py", "Accuracy over all shifts", "Accuracy at all shifts"
    ),
    "a layer that no network here has": append(f"{LIBRARY}/layers/max_pool.py", "EDITED = True"),
    "a network family that nothing here is of": append(f"{LIBRARY}/networks/stn.py", "EDITED = True"),
    "a test": append("tests/running.py", "# edited"),
    "the README": append("README.md", "More words."),
    "where MNIST comes from": overlay("datasets: {mnist: {mirrors: [file:///elsewhere/], timeout: 1, attempts: 9}}"),
}
# What is changed: how, the rules that run again, and for some of them in how many jobs.
CHANGES = {
    # Code
    "a colour of all figures": (replace(f"{LIBRARY}/drawing/style.py", '"#7a5195"', '"#7a5196"'), FIGURES | LAST, {}),
    "one figure": (
        replace("scripts/studies/architectures/heat_maps.py", "pad=0.02", "pad=0.03"),
        {"draw heat_maps"} | LAST,
        {},
    ),
    "a table of the paper": (
        append("scripts/studies/simard2003/table.py", "EDITED = True"),
        each("tabulate", "simard2003 simard2003-pairs") | {"write_numbers", "build_paper", "write_manifest"},
        {},
    ),
    "a label": (
        append(f"{LIBRARY}/results/labels.py", "EDITED = True"),
        TABULARS | FIGURES | NUMBERS | {"build_explorer", "build_overview"},
        {},
    ),
    "what a claim measures": (append("scripts/studies/architectures/claims.py", "EDITED = True"), JUDGED | NUMBERS, {}),
    "the words of a claim": (
        replace("scripts/studies/architectures/__init__.py", "Weight sharing makes", "Shared weights make"),
        JUDGED | NUMBERS,
        {},
    ),
    "the verdicts": (append(f"{LIBRARY}/results/verdicts.py", "EDITED = True"), JUDGED | NUMBERS, {}),
    "the statistics": (
        append(f"{LIBRARY}/results/statistics.py", "EDITED = True"),
        TABLES | CLASSES | SEQUENCES | POSITION_TABLES,
        {},
    ),
    "an operator in a convolution": (
        replace(f"{LIBRARY}/layers/conv.py", "0 if value < 0 else value", "0 if value <= 0 else value"),
        TRAINED,
        {"train": TRAININGS - 1, "evaluate": EVALUATIONS - 1},
    ),
    "a layer of all networks": (
        append(f"{LIBRARY}/layers/linear.py", "EDITED = True"),
        TRAINED,
        {"train": TRAININGS, "evaluate": EVALUATIONS},
    ),
    "a network family": (
        append(f"{LIBRARY}/networks/mlp.py", "EDITED = True"),
        OF_SIMARD | {"train", "evaluate"},
        ONE_TRAINING,
    ),
    "the training": (
        append(f"{LIBRARY}/learning/training.py", "EDITED = True"),
        TRAINED,
        {"train": TRAININGS, "evaluate": EVALUATIONS},
    ),
    "the elastic field": (
        append(f"{LIBRARY}/distortions/fields.py", "EDITED = True"),
        DISTORTED | OF_SIMARD | CLASSES | SEQUENCES | OF_SHIFTED | {"train", "evaluate"},
        {"distort": 2, "train": 4, "evaluate": 4},
    ),
    "the evaluation": (append("scripts/evaluate.py", "EDITED = True"), EVALUATED, {"evaluate": EVALUATIONS}),
    "how equivariance is measured": (
        append(f"{LIBRARY}/learning/equivariance.py", "EDITED = True"),
        LAYERS | JUDGED | NUMBERS,
        {},
    ),
    "how positions are told": (
        append("scripts/studies/two_positions/evaluation.py", "EDITED = True"),
        {"evaluate_positions"} | POSITION_TABLES | JUDGED | NUMBERS,
        {},
    ),
    "the reading of images": (
        append(f"{LIBRARY}/data/sources.py", "EDITED = True"),
        {"source"} | DISTORTED | TRAINED,
        {"train": TRAININGS, "evaluate": EVALUATIONS},
    ),
    "the paper's text": (append("paper/sections/question.tex", "% edited"), {"build_paper", "write_manifest"}, {}),
    "the interactive page": (append("explorer/style.css", "/* edited */"), {"build_explorer", "write_manifest"}, {}),
    # The config
    "the elastic sigma": (
        overlay("distortions: {elastic: {elastic: {sigma: 5}}}"),
        DISTORTED | OF_SIMARD | RECORDED | {"train", "evaluate"},
        {"distort": 1} | ONE_TRAINING,
    ),
    "one learning rate": (
        overlay("plans: {digits: {studies: {simard2003: {cells: {mlp: {optimisation: {learning_rate: 0.2}}}}}}}"),
        OF_SIMARD | RECORDED | {"train", "evaluate"},
        ONE_TRAINING,
    ),
    "a claim's threshold": (overlay("claims: {C1: {threshold: 2}}"), JUDGED | RECORDED, {}),
    "the radius of invariance": (overlay("measures: {radius_consistency: 90}"), TABLES | SEQUENCES | RECORDED, {}),
    "the audit's tolerance": (
        overlay("audit: {tolerance: 0.9}"),
        {"describe_distortion", "tabulate distortions"} | RECORDED,
        {"describe_distortion": 2},
    ),
    "the device": (overlay("device: auto"), TRAINED | RECORDED, {"train": TRAININGS, "evaluate": EVALUATIONS}),
    # What is installed
    "numba": (release("numba"), DISTORTED | TRAINED, {"distort": 2, "train": TRAININGS}),
    "torch": (release("torch"), TRAINED, {"train": TRAININGS}),
    "matplotlib": (release("matplotlib"), FIGURES | NUMBERS, {}),
    # Something more
    "another seed": (
        overlay("plans: {digits: {studies: {simard2003: {seeds: [0, 7]}}}}"),
        OF_SIMARD | RECORDED | {"train", "evaluate"},
        {"train": 3, "evaluate": 3},
    ),
    "another copy": (
        overlay(
            "plans: {digits: {studies: {simard2003: {trainings: {elastic: {copies: 2, optimisation: {epochs: 2}}}}}}}"
        ),
        (DISTORTED - {"draw sample_distortions"}) | OF_SIMARD | RECORDED | {"train", "evaluate"},
        {"distort": 1} | ONE_TRAINING,
    ),
    "another model": (
        overlay("plans: {digits: {studies: {architectures: {cells: {mlp: {trainings: [centred]}}}}}}"),
        OF_ARCHITECTURES | JUDGED | RECORDED | {"train", "evaluate"},
        ONE_TRAINING,
    ),
}


def jobs_after(tree: Path, *edits: Callable) -> Counter[str]:
    """What would run if the edits were made, which are then undone."""
    with contextlib.ExitStack() as stack:
        yielded = [stack.enter_context(edit(tree)) for edit in edits]
        further = [file for files, _ in yielded for file in files]
        environment = {name: value for _, variables in yielded for name, value in variables.items()}
        return planned(tree, *TINY, *further, environment=environment)


def test_nothing_to_do_in_a_copy_of_a_finished_tree(tree):
    assert not planned(tree, *TINY)


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
plans:
  digits:
    studies:
      simard2003:
        trainings: {elastic: {copies: 2, optimisation: {epochs: 2}}}
      architectures:
        cells: {simard_cnn: {trainings: [centred]}}
      class_transfer:
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
    "models/class_transfer/stride_fc/low_translated/seed-1",
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
    library, seen = ROOT / "scripts/invariance", 0
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
        seen += len(compiled)
        for function in compiled:
            assert not taken & set(function.py_func.__code__.co_names), f"{path}: {function}"
    assert seen > 10
