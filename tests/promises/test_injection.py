"""What is never done.

Nothing is unpickled or evaluated, no value reaches a shell as code, and nothing is written outside results/ and logs/.
"""

import ast
import contextlib
import functools
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import build_paper
import studies
from finished import finished_run
from invariance.plan import reading, validation
from invariance.plan.catalogue import Catalogue
from invariance.plan.merging import merge
from invariance.plan.plan import Plan
from invariance.plan.reading import load
from invariance.plan.validation import validate
from invariance.record.artefacts import InputError
from running import ROOT, fresh_copy, snakemake

PYTHON = sorted([*(ROOT / "scripts").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), *ROOT.glob("envs/*.py")])
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
STUDIES = studies.declared()

# Nothing is unpickled or evaluated ------------------------------------------------------------------------------------

PICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
EVALUATING = {"eval", "exec", "compile"}
REFUSED_CALLS = {
    "torch.load",
    "torch.jit.load",
    "torch.hub.load",
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "pd.read_pickle",
    "pandas.read_pickle",
    "yaml.unsafe_load",
    "yaml.full_load",
    "yaml.load_all",
    "np.fromfile",
}


def dotted(node: ast.expr) -> str:
    """The name of a called function as written, such as torch.load."""
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def dangers(source: str) -> list[str]:
    """What in a Python source could run what a file says."""
    return [f"line {node.lineno}: {danger}" for node in ast.walk(ast.parse(source)) for danger in dangers_of(node)]


def dangers_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        yield from (f"imports {module}" for module in modules if module.partition(".")[0] in PICKLING)
    if not isinstance(node, ast.Call):
        return
    name, keywords = dotted(node.func), {keyword.arg: keyword.value for keyword in node.keywords}
    if name in EVALUATING | REFUSED_CALLS or name.endswith((".to_pickle", ".read_pickle")):
        yield f"calls {name}"
    if "shell" in keywords and not is_false(keywords["shell"]):
        yield f"{name} with a shell"
    if name in ("np.load", "numpy.load", "np.save", "numpy.save") and not is_false(keywords.get("allow_pickle")):
        yield f"{name} without allow_pickle=False"
    if name == "yaml.load" and (loader := dotted(keywords.get("Loader", ast.Constant(None)))) not in SAFE_LOADERS:
        yield f"yaml.load with {loader or 'no'} loader"


SAFE_LOADERS = ("yaml.SafeLoader", "yaml.CSafeLoader", "_Loader")


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_unpickles_or_evaluates(path):
    assert dangers(path.read_text(encoding="utf-8")) == []


def test_the_loader_of_the_config_is_a_safe_one():
    assert issubclass(reading._Loader, yaml.SafeLoader)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import os, marshal",
        "torch.load(path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.save(path, array)",
        "eval(text)",
        "exec(text)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.FullLoader)",
        "yaml.load(text, yaml.Loader)",
        "subprocess.run(command, shell=True)",
        "os.system(command)",
        "table.to_pickle(path)",
    ],
)
def test_the_search_finds(source):
    assert len(dangers(source)) == 1


# No value reaches a shell as code -------------------------------------------------------------------------------------

# Fields of a shell command that need no quotes: wildcards (matching \w+, \d+ or the names of the config), numbers and
# choices whose type the schema checks, and what common.smk makes from these.
BARE = {
    "params.attempts": "datasets/mnist/attempts",
    "params.timeout": "datasets/mnist/timeout",
    "params.device": "device",
    "params.canvas": "studies/simard2003/canvas",
    "params.confidence": "measures/confidence",
}
MADE = {
    "params.reference": "--reference paper/reference/mnist.json",
    "params.incomplete": "--stub",
    # Wildcards again, for the cache between workflows.
    "params.dataset": "mnist",
    "params.distortion": "elastic",
    "params.number": "000",
}
HARMLESS = r"[\w./= -]*"


def shell_commands(path: Path) -> Iterator[str]:
    """The shell command of every rule of a file, its string literals joined."""
    literal = r'"(?:[^"\\]|\\.)*"'
    for block in re.findall(rf"^ +shell:\n((?: +{literal}\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        yield "".join(ast.literal_eval(text) for text in re.findall(literal, block))


def fields(command: str) -> list[tuple[str, str]]:
    """The (name, format) of every {field} of a shell command."""
    return re.findall(r"(?<!\{)\{([\w.\[\]]+)(?::(\w+))?\}", command)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_value_in_a_shell_command_is_quoted(path):
    commands = list(shell_commands(path))
    assert len(commands) == len(re.findall(r"^ +shell:", path.read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands:
        assert command.count("{") == len(fields(command)), command
        bare = {name for name, form in fields(command) if form != "q"}
        assert {name for name in bare if not name.startswith("wildcards.")} <= BARE.keys() | MADE.keys(), command


MAY_BE_EMPTY = {"params.note"}  # text that a config may set to ""; Snakemake quotes it as nothing at all


def test_a_value_that_may_be_empty_is_joined_to_its_option():
    """Or the option would take the next one for its value, or have none."""
    found = [
        command[: place.start()]
        for path in RULES
        for command in shell_commands(path)
        for name in MAY_BE_EMPTY
        for place in re.finditer(re.escape(f"{{{name}:q}}"), command)
    ]
    assert found
    assert all(before.endswith("=") for before in found)


def test_what_grows_with_the_seeds_is_no_word_of_a_command():
    """But standard input, as Linux limits a word."""
    found = [(command, name) for path in RULES for command in shell_commands(path) for name, _ in fields(command)]
    growing = [command.partition(f"{{{name}:q}}")[0] for command, name in found if name == "params.inputs"]
    assert len(growing) == 6
    assert all(before.endswith("<<<") for before in growing)


def test_there_are_shell_commands():
    assert sum(len(list(shell_commands(path))) for path in RULES) >= 20


def test_no_rule_has_an_inline_script():
    """Whatever runs, runs by a shell command: the tests above see it all."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*RULES, ROOT / "Snakefile"])
    assert not re.search(r"^ +(run|script|notebook|wrapper):|\bshell\(", text, re.MULTILINE)


@pytest.mark.parametrize("value", ["1; touch canary", "$(touch canary)", "`touch canary`", "1 2", "", "cpu\n"])
def test_what_is_bare_in_a_command_is_held_to_its_type(value):
    message = refused(functools.reduce(merge, (overlay_at(place, value) for place in BARE.values())))
    for place in BARE.values():
        assert f"\n  {place.replace('/', '.')}: " in message


@pytest.mark.parametrize("text", MADE.values())
def test_what_common_smk_makes_is_harmless(text):
    assert re.fullmatch(HARMLESS, text)


def overlay_at(place: str, value: object) -> dict:
    for key in reversed(place.split("/")):
        value = {key: value}
    return value


def refused(overlay: dict) -> str:
    """The message for config.yaml, of two data sets, with an overlay merged over it; empty if it is valid."""
    try:
        validate(merge(OF_TWO, overlay), SCHEMA, STUDIES)
    except InputError as error:
        return str(error)
    return ""


CONFIG = load([ROOT / "config.yaml"])
OF_TWO = merge(CONFIG, {"datasets": {"fashion_mnist": None, "kmnist": None}})  # each further plan takes as long again
HOSTILE_NAMES = [
    "a b",
    "a;touch canary",
    "$(touch canary)",
    "`touch canary`",
    "a|b",
    "a&b",
    "a>b",
    'a"b',
    "a'b",
    "a\\b",
    "a\nb",
    "a\n",
    "a\tb",
    "a\0b",
    "a*",
    "~",
    "-rf",
    "--output",
    "..",
    "../a",
    "a/b",
    "/a",
    ".hidden",
    "{wildcards.seed}",
    "{a}",
    "a=b",
    "a:q",
    "a%b",
    "é",
    "а",  # noqa: RUF001, a Cyrillic letter
    "٣",  # a digit to Python's \d
    "a" * 65,
    "",
    "9a",
]
STUDY = CONFIG["studies"]["simard2003"] | {"shift_images": 10}


def named(name: str) -> dict:
    """An overlay that gives a name to one thing of each kind."""
    training, cell = {name: {"distortion": "none"}}, {name: {"trainings": ["none"]}}
    return {
        "distortions": {name: {"translation": {"max_shift": 1}}},
        "models": {name: {"family": "simard_cnn"}},
        "studies": {name: STUDY, "simard2003": {"trainings": training, "cells": cell}},
    }


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_is_no_word_is_refused(name):
    message = refused(named(name))
    assert (
        message.count(": not a name; allowed: a letter (a to z, A to Z), then letters, digits and underscores, ") == 5
    )
    for kind in ("distortions.", "models.", "studies.", "studies.simard2003.trainings.", "studies.simard2003.cells."):
        assert f"\n  {kind}" in message


def test_a_name_in_demo_is_held_to_the_same():
    assert refused({"plans": {"digits": named("$(touch canary)")}}).count("not a name; allowed: ") == 5


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_what_names_something_must_name_it(name):
    """Values that are names: each is one of those above, or the config is refused."""
    training = {"trainings": {"elastic": {"distortion": name}}, "cells": {"mlp": {"trainings": [name]}}}
    message = refused({"studies": {"simard2003": training}, "models": {"phase_averaged": {"of": name}}})
    told = [key for key in ("elastic.distortion: ", "mlp.trainings[0]: ", "phase_averaged.of: ") if key in message]
    assert len(told) == 3


def test_names_that_are_words_are_taken():
    assert not refused(named("a_Name_9"))


@pytest.mark.parametrize("name", [*validation.taken_names(STUDIES), "Claims", "NUMBERS"])
def test_a_study_cannot_take_the_name_of_another_table(name):
    message = refused({"studies": {name: CONFIG["studies"]["simard2003"]}})
    assert f"studies.{name}: this name is taken by a file of tables or logs; allowed: another name than" in message


def test_the_taken_names_are_those_of_the_rules_and_of_tables_without_a_study():
    """Whatever lies beside tables/{study}.* and logs/.../tables/{study}.* under a fixed name."""
    fixed = set()
    for plan in map(Plan, reading.resolve(CONFIG).values()):
        catalogue = Catalogue(plan, STUDIES)
        made = {**catalogue.tables, **catalogue.tabulars}
        fixed |= {name for name, item in made.items() if item.study not in plan["studies"] and name.isidentifier()}
    fixed |= set(re.findall(r"tables/(\w+)\.(?:tex|csv|log|tsv)\b", "".join(path.read_text() for path in RULES)))
    assert fixed == set(validation.taken_names(STUDIES))


@pytest.mark.parametrize("mirror", ["a\nb", "a\0b", "\x1b[31m", "a\x9b", "a\x7f", "", "a" * 1001])
def test_a_mirror_is_one_line_of_text(mirror):
    assert "datasets.mnist.mirrors[0]: " in refused({"datasets": {"mnist": {"mirrors": [mirror]}}})


HOSTILE_MIRRORS = [
    "$(touch canary-1)",
    "`touch canary-2`",
    "'; touch canary-3; '",
    '"; touch canary-4; "',
    "a' && touch canary-5 && echo '",
    "| touch canary-6",
    "> canary-7",
    "--output=canary-8",
    "{params.sha256} {{wildcards}}",
    "$HOME/${PATH}",
    "!touch canary-9",
    "\\$(touch canary-10)\\",
    "https://127.0.0.1:1/$(touch canary-11)/",
    "file:///$(touch canary-12)",
    "../../etc",
    "~root",
]
DOWNLOAD = "results/mnist/source/download/t10k-labels-idx1-ubyte.gz"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, with an overlay whose mirrors would be shell code."""
    folder = fresh_copy(tmp_path_factory.mktemp("a $(touch canary) project"))
    overlay = {"datasets": {"mnist": {"mirrors": HOSTILE_MIRRORS, "attempts": 1, "timeout": 1}}}
    assert not refused(overlay)
    (folder / "hostile.yaml").write_text(json.dumps(overlay))
    return folder


def test_a_hostile_mirror_runs_nothing(project):
    """The whole rule, by its shell: every mirror is tried as the text that it is, and none is executed."""
    environment = {"MNIST_MIRROR": "$(touch canary-0) `touch canary-0` ; touch canary-0"}
    finished = snakemake(
        project, "--cores", "1", "-p", "--configfile", "hostile.yaml", "--", DOWNLOAD, environment=environment
    )
    assert finished.returncode == 1
    for mirror in [*HOSTILE_MIRRORS, environment["MNIST_MIRROR"]]:
        assert f"  {mirror}" in finished.stderr, mirror
    assert list(project.rglob("*canary-*")) == []
    command = next(line for line in finished.stderr.splitlines() if "scripts/download.py" in line)
    words = shlex.split(command)
    assert json.loads(words[words.index("--mirrors") + 1]) == HOSTILE_MIRRORS


@pytest.mark.parametrize(
    "target",
    [
        "results/mnist/distorted/29/$(touch canary-20)/copy-000.npy",
        "results/mnist/source/download/;touch canary-21;.gz",
    ],
)
def test_a_hostile_target_runs_nothing(project, target):
    finished = snakemake(project, "--cores", "1", "--", target)
    assert finished.returncode == 1
    assert f"No rule to produce {target}" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert list(project.rglob("*canary-2*")) == []


# LaTeX starts no programs ---------------------------------------------------------------------------------------------


def test_latex_runs_without_shell_escape():
    settings = re.sub("#.*", "", (ROOT / "paper" / ".latexmkrc").read_text())
    assert re.search(r"^\$pdflatex = '.* -no-shell-escape ", settings, re.MULTILINE)
    assert not re.search(r"[^o]-shell-escape|-enable-write18|system|exec|`", settings)


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="needs LaTeX")
def test_an_article_cannot_start_programs(tmp_path):
    paper = tmp_path / "paper"
    paper.mkdir()
    shutil.copy(ROOT / "paper" / ".latexmkrc", paper)
    canary = tmp_path / "canary"
    commands = rf"\immediate\write18{{touch {canary}}}\newwrite\out\immediate\openout\out={canary}"
    article = rf"\documentclass{{article}}\begin{{document}}{commands} a\end{{document}}"
    (paper / "paper.tex").write_text(article)
    with contextlib.suppress(InputError):  # TeX may refuse, or go on without
        build_paper.main(paper=paper, output=tmp_path / "paper.pdf")
    assert not canary.exists()


# Nothing is written elsewhere -----------------------------------------------------------------------------------------


def files_below(folder: Path) -> dict[str, bytes]:
    """The files of a project by path, but for what a run may write."""
    ours = [path for path in folder.iterdir() if path.name not in ("results", "logs", ".snakemake")]
    files = [file for path in ours for file in (path, *path.rglob("*")) if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if "__pycache__" not in file.parts}


def test_a_whole_run_changes_nothing_but_results_and_logs(tmp_path_factory, tmp_path):
    before, after = files_below(fresh_copy(tmp_path)), files_below(finished_run(tmp_path_factory))
    assert after.keys() == before.keys()
    assert [path for path in after if after[path] != before[path]] == []
