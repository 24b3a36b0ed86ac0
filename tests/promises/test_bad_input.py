"""Bad input as a person would type it: the message, how soon it comes, and that nothing was started or written.

tests/library/test_configuration.py has what is said of each bad value; here it is the command lines, Snakemake's and
the scripts' own.
"""

import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from invariance.command_line import run
from running import ROOT, fresh_copy, snakemake

SECONDS = 10  # of processor time, so that a busy machine fails nothing
STUDY = (
    "{canvas: 28, max_shift: 0, shift_images: 9, seeds: [0], optimisation: {epochs: 1, batch: 32, learning_rate: 0.1, "
    "schedule: constant, warmup: 0.2, averaging: 0, momentum: 0.9, weight_decay: 0.0, loss: mse}, "
    "trainings: {none: {distortion: none}}, cells: {mlp: {trainings: [none]}}}"
)

# Snakemake's command line ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fresh_copy(tmp_path_factory.mktemp("project"))


def told_by_snakemake(project: Path, *arguments: str) -> str:
    """What Snakemake says of a bad command line, for which it must be quick, fail, and leave nothing."""
    before = files_of(project)
    finished = snakemake(project, "--cores", "1", "-n", *arguments)
    assert 0 < finished.seconds < SECONDS
    assert finished.returncode == 1
    assert files_of(project) == before
    return finished.stdout + finished.stderr


# A config file, and its message.
FILES = {
    "the same key twice": (
        "audit: {images: 3, images: 4}\n",
        "my.yaml, line 1, column 20: not valid YAML: the key images is repeated.",
    ),
    "a template": (
        "__use_yte__: true\naudit: {images: 3}\n",
        "my.yaml: __use_yte__: a config holds plain values, and no Python to evaluate; remove this key",
    ),
    "billion laughs": (
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)),
        "my.yaml: config: holds more than 50000 values; do aliases repeat one another?",
    ),
    "a switch for a number": (
        "audit: {images: yes}\n",
        "audit.images: true: not a whole number; allowed: a whole number, at least 1, at most 60000",
    ),
    "a date": ("audit: {images: 2003-08-03}\n", 'audit.images: "2003-08-03": not a whole number; allowed: '),
    "control characters": (
        'models: {"a\\e[31m\\u202e": {family: mlp, hidden: 3}}\n',
        'models."a\\u001b[31m\\u202e": not a name; allowed: a letter (a to z, A to Z), then letters, '
        "digits and underscores",
    ),
    "a study like a table": (
        f"studies: {{numbers: {STUDY}}}\n",
        "studies.numbers: this name is taken by a file of tables or logs; allowed: another name than claims, ",
    ),
    "no study": ("studies: null\n", "studies: missing; allowed: a mapping (name -> study)"),
    "a list": ("- a\n- b\n", "Config file must be given as JSON or YAML with keys at top level."),
    "tabs": ("audit:\n\timages: 3\n", "Config file is not valid JSON or YAML."),
}


@pytest.mark.parametrize("name", FILES)
def test_snakemake_with_a_bad_config_file(project, name):
    text, message = FILES[name]
    (project / "my.yaml").write_text(text, encoding="utf-8")
    told = told_by_snakemake(project, "--configfile", "my.yaml")
    assert message in told
    assert "Traceback" not in told


COMMAND_LINES = {
    "an unknown dataset": (
        ["--config", "dataset=mnits"],
        'dataset: "mnits": not one of the choices; did you mean "mnist"?',
    ),
    "an unknown target": (["figurs"], "No rule to produce figurs"),
    "an unknown model": (
        ["results/mnist/models/simard2003/mlpp/none/seed-0/card.json"],
        'error: model "mlpp": no such model in mnist; did you mean "mlp"?; allowed: mlp, simard_cnn, ',
    ),
    "a training of another study": (
        ["results/mnist/shifts/simard2003/mlp/translated/seed-0.csv"],
        'error: training "translated": no such training in mnist, simard2003; did you mean "translation"?; allowed: ',
    ),
    "an unknown distortion": (
        ["results/mnist/distorted/29/elastik/copy-000.npy"],
        'error: distortion "elastik": no such distortion in mnist; did you mean "elastic"?; allowed: ',
    ),
}


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_snakemake_with_a_bad_command_line(project, name):
    arguments, message = COMMAND_LINES[name]
    told = told_by_snakemake(project, *arguments)
    assert message in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--configfile", "none.yaml"], "FileNotFoundError: [Errno 2] No such file or directory: 'none.yaml'"),
        (
            ["--config", "a.b=1"],
            "ValueError: Invalid config definition: Config entry must start with a valid identifier.",
        ),
    ],
)
def test_what_snakemake_itself_cannot_read(project, arguments, reason):
    """These it refuses before it reads a line of this project, with a traceback of its own that ends with the reason.

    `python scripts/validate_config.py config.yaml my.yaml` says it in one line: see below.
    """
    assert reason in told_by_snakemake(project, *arguments)


# The scripts' command lines -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad files of every kind that the scripts read."""
    folder = tmp_path_factory.mktemp("files")
    random = np.random.default_rng(0)
    images = np.zeros((60, 28, 28), np.uint8)
    images[:, 4:-4, 4:-4] = random.integers(0, 256, (60, 20, 20))
    labels = (np.arange(60) % 10).astype(np.uint8)
    arrays = {
        "images": images,
        "labels": labels,
        "floats": images.astype(float),
        "one_image": images[0],
        "fewer_labels": labels[:59],
        "canvas_29": np.pad(images, ((0, 0), (0, 1), (0, 1))),
        "number": np.uint8(3),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    np.save(folder / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    (folder / "cut.npy").write_bytes((folder / "images.npy").read_bytes()[:500])
    (folder / "text.npy").write_text("no array")
    (folder / "empty.csv").write_text("")
    (folder / "other.csv").write_text("x,y\n1,2\n")
    (folder / "quote.csv").write_text('a,b\n1\n"')
    (folder / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (folder / "cut.json").write_text("{")
    torch.save(nn.Linear(2, 2).state_dict(), folder / "pickle.safetensors")
    (folder / "folder").mkdir()
    return folder


TRAINING = {
    "canvas": 28,
    "train_images": 40,
    "validation_images": 20,
    "optimisation": {
        "epochs": 1,
        "batch": 20,
        "learning_rate": 0.1,
        "schedule": "one_cycle",
        "warmup": 0.2,
        "averaging": 0.5,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "loss": "mse",
    },
}
SHIFTS = {"canvas": 32, "max_shift": 1, "shift_images": 10}
CELL = "simard2003/mlp/none/0"
GRIDS = {"grids": {CELL: "other.csv"}, "cards": {CELL: "cut.json"}, "labels": "labels.npy"}


def grids(paths: dict[str, str]) -> dict[str, str]:
    """The option --inputs with other grids."""
    return {"--inputs": json.dumps(GRIDS | {"grids": paths})}


def source(**changes: object) -> str:
    """Settings of a data set, as scripts/source.py takes them."""
    counts = {"train_images": 100, "validation_images": 20, "test_images": 30}
    settings = {"downloads": "folder", "side": 28, "classes": 10, **counts, **changes}
    return json.dumps({key: value for key, value in settings.items() if value is not None})


GOOD = {
    "distort": {
        "--images": "images.npy",
        "--dataset": "digits",
        "--canvas": "32",
        "--distortion": "shift_1",
        "--settings": '{"translation": {"max_shift": 1}}',
        "--copy": "0",
        "--audit": '{"images": 8, "tolerance": 1.0}',
        "--output": "out/copy.npy",
    },
    "train": {
        "--model": '{"family": "mlp", "hidden": 5}',
        "--training": json.dumps(TRAINING),
        "--seed": "0",
        "--images": "images.npy",
        "--labels": "labels.npy",
        "--weights": "out/w.safetensors",
        "--history": "out/h.csv",
        "--card": "out/c.json",
    },
    "evaluate": {
        "--model": '{"family": "mlp", "hidden": 5}',
        "--weights": "pickle.safetensors",
        "--images": "images.npy",
        "--labels": "labels.npy",
        "--shifts": json.dumps(SHIFTS),
        "--grid": "out/g.csv",
        "--predictions": "out/p.npy",
        "--test-predictions": "out/t.npy",
    },
    "summarise": {
        "--inputs": json.dumps(GRIDS),
        "--measures": '{"radius_consistency": 95, "confidence": 0.95}',
        "--runs": "out/a.csv",
        "--ring-runs": "out/b.csv",
        "--summary": "out/c.csv",
        "--rings": "out/d.csv",
    },
    "judge_claims": {
        "--tables": '{"architectures-runs": "other.csv"}',
        "--claims": '{"C1": {"function": "studies.architectures.claims:nothing"}}',
        "--confidence": "0.95",
        "--output": "out/claims.json",
    },
    "draw": {
        "--figure": "studies.simard2003.simard_table:draw",
        "--inputs": '{"table": "other.csv"}',
        "--output": "out/a.pdf",
        "--png": "out/a.png",
    },
    "source": {"--settings": source(), "--output": "out"},
    "download": {
        "--file": "t10k-labels-idx1-ubyte.gz",
        "--sha256": "0" * 64,
        "--mirrors": '["folder"]',
        "--attempts": "1",
        "--output": "out/a.gz",
    },
    "build_paper": {"--paper": "folder", "--output": "out/paper.pdf"},
    "derive": {
        "--function": "studies.split.table:variance",
        "--inputs": '{"shares": "empty.csv"}',
        "--output": "out/a.tex",
    },
}

SAMPLES = {"--figure": "studies.simard2003.sample_distortions:draw"}
TO_CSV = {
    "--function": "studies.split.summary:variance",
    "--inputs": '{"shares": "other.csv"}',
    "--settings": '{"confidence": 0.95}',
    "--output": "out/a.csv",
}

# The script, changes to its good command line (None removes an option), and the message.
BAD = [
    ("distort", {"--settings": "{"}, "Invalid value for --settings: '{' is not JSON (Expecting property name"),
    ("distort", {"--settings": "{elastic}"}, "Invalid value for --settings: '{elastic}' is not JSON ("),
    ("distort", {"--settings": "[]"}, "Invalid value for --settings: '[]' is no mapping; allowed: one with names"),
    ("distort", {"--settings": '"elastic"'}, "'\"elastic\"' is no mapping; allowed: one with names"),
    ("distort", {"--settings": '{"elastik": {}}'}, "allowed: a mapping with one or more of translation, affine"),
    (
        "distort",
        {"--settings": '{"elastic": {"sigma": 4}}'},
        "allowed: a mapping with exactly sigma, alpha, normalisation, centred",
    ),
    ("distort", {"--audit": "{}"}, "Invalid value for --audit: images: missing; allowed: a whole number, 0 or more"),
    ("distort", {"--audit": "3"}, "Invalid value for --audit: '3' is no mapping; allowed: one with images, tolerance"),
    ("distort", {"--audit": '{"images": -3, "tolerance": 1}'}, "images: -3; allowed: a whole number, 0 or more"),
    ("distort", {"--audit": '{"images": 3, "tolerance": NaN}'}, "tolerance: NaN; allowed: a number, 0 or more"),
    ("distort", {"--canvas": "27"}, "canvas: 27 pixels cannot hold images of 28; use 28 or more"),
    ("distort", {"--canvas": "wide"}, 'Invalid value for --canvas: unable to convert "wide" into int'),
    (
        "distort",
        {"--copy": "-1"},
        "Invalid value for --copy: '-1'; allowed: a whole number, at least 0, at most 4294967295",
    ),
    ("distort", {"--images": "none.npy"}, "none.npy: no such file"),
    ("distort", {"--images": "folder"}, "folder: cannot be read (Is a directory)"),
    ("distort", {"--images": "floats.npy"}, "images are float64 (60, 28, 28), must be uint8 (n, size, size)"),
    ("distort", {"--images": "one_image.npy"}, "images are uint8 (28, 28), must be uint8 (n, size, size)"),
    ("distort", {"--images": "number.npy"}, "images are uint8 (), must be uint8 (n, size, size)"),
    (
        "distort",
        {"--images": "objects.npy"},
        "objects.npy: not a whole .npy file (Array can't be memory-mapped: Python",
    ),
    ("distort", {"--images": "text.npy"}, "text.npy: not a whole .npy file"),
    ("distort", {"--images": "cut.npy"}, "cut.npy: not a whole .npy file"),
    ("distort", {"--output": "folder"}, "Is a directory; name a file, not a folder"),
    ("distort", {"--output": None}, "Parameter --output requires an argument"),
    ("distort", {"--quickly": "3"}, "Unknown option: --quickly"),
    ("train", {"--model": "{"}, "Invalid value for --model: '{' is not JSON"),
    ("train", {"--model": "3"}, "Invalid value for --model: '3' is no mapping; allowed: one with family"),
    ("train", {"--model": "{}"}, "Invalid value for --model: family: missing; allowed: text"),
    ("train", {"--model": '{"family": "x"}'}, "cannot be built (no family 'x'); allowed: an entry as in `models`"),
    ("train", {"--model": '{"family": "mlp"}'}, "missing 1 required positional argument: 'hidden'); allowed: an entry"),
    ("train", {"--model": '{"family": "mlp", "hidden": -1}'}, "cannot be built (Trying to create tensor with negative"),
    (
        "train",
        {"--training": "{}"},
        "Invalid value for --training: canvas: missing; allowed: a whole number, 0 or more",
    ),
    ("train", {"--training": json.dumps(TRAINING | {"train_images": -1})}, "train_images: -1; allowed: a whole number"),
    (
        "train",
        {"--training": json.dumps(TRAINING | {"canvas": "x"})},
        'canvas: "x"; allowed: a whole number, 0 or more',
    ),
    (
        "train",
        {"--training": json.dumps(TRAINING | {"validation_images": 2, "only": [0, 1]})},
        "only: [0, 1]: none of the last 2 training images, which validate, is of these classes; raise",
    ),
    ("train", {"--training": json.dumps(TRAINING | {"canvas": 3})}, "canvas: 3 pixels cannot hold images of 28"),
    ("train", {"--training": json.dumps(TRAINING | {"canvas": True})}, "canvas: true; allowed: a whole number"),
    ("train", {"--training": json.dumps(TRAINING | {"optimisation": 3})}, "optimisation: 3; allowed: a mapping"),
    (
        "train",
        {"--seed": "-1"},
        "Invalid value for --seed: '-1'; allowed: a whole number, at least 0, at most 4294967295",
    ),
    ("train", {"--seed": "1e3"}, "Invalid value for --seed: '1e3'; allowed: a whole number"),
    ("train", {"--seed": str(2**70)}, f"Invalid value for --seed: '{2**70}'; allowed: a whole number"),
    ("train", {"--device": "gpu"}, 'Invalid value "gpu" for --device. Choose from'),
    ("train", {"--images": "none.npy"}, "none.npy: no such file"),
    ("train", {"--images": "floats.npy"}, "images are float64"),
    ("train", {"--copies": "none.npy"}, "none.npy: no such file"),
    ("train", {"--copies": "cut.npy"}, "cut.npy: not a whole .npy file"),
    ("evaluate", {}, "pickle.safetensors: not the weights of this model"),
    ("evaluate", {"--weights": "none"}, "none: no such file"),
    ("evaluate", {"--weights": "images.npy"}, "images.npy: not the weights of this model"),
    ("evaluate", {"--shifts": "{}"}, "Invalid value for --shifts: canvas: missing; allowed: a whole number, 0 or more"),
    ("evaluate", {"--shifts": json.dumps(SHIFTS | {"max_shift": -1})}, "max_shift: -1; allowed: a whole number"),
    ("evaluate", {"--shifts": json.dumps(SHIFTS | {"max_shift": 1.5})}, "max_shift: 1.5; allowed: a whole number"),
    ("summarise", {}, "other.predictions.npy: no such file"),
    ("summarise", {"--measures": "{}"}, "radius_consistency: missing; allowed: a number, 0 or more"),
    ("summarise", {"--inputs": '{"grids": 3}'}, "grids: 3; allowed: a mapping"),
    ("summarise", grids({"simard2003/mlp/none": "other.csv"}), "'simard2003/mlp/none'; allowed: study/model"),
    ("summarise", grids({"simard2003/mlp/none/x": "other.csv"}), "'simard2003/mlp/none/x'; allowed: study/m"),
    ("summarise", grids({CELL: "none.csv"}), "none.csv: no such file"),
    ("summarise", grids({CELL: "empty.csv"}), "empty.csv: not a CSV file (No columns to parse from file)"),
    ("summarise", grids({CELL: "binary.csv"}), "binary.csv: not a CSV file ("),
    ("summarise", {"--inputs": json.dumps(GRIDS | {"labels": "none.npy"})}, "none.npy: no such file"),
    ("judge_claims", {}, "'studies.architectures.claims:nothing' names no function; allowed: <module>:<function>"),
    ("judge_claims", {"--claims": "{"}, "'{' is not JSON"),
    ("judge_claims", {"--claims": "3"}, "'3' is no mapping; allowed: one with names"),
    ("judge_claims", {"--confidence": "high"}, 'unable to convert "high" into float'),
    ("judge_claims", {"--tables": '{"split-runs": "none.csv"}'}, "none.csv: no such file"),
    ("judge_claims", {"--tables": '{"split-runs": "quote.csv"}'}, "quote.csv: not a CSV file (Error tokenizing data."),
    ("draw", {}, "other.csv: lacks the columns model, training, published, mean"),
    ("draw", {"--inputs": '{"table": "binary.csv"}'}, "binary.csv: not a CSV file ("),
    ("draw", {"--inputs": "{}"}, "simard_table:draw: missing a required argument: 'table'; it takes table"),
    ("draw", {"--figure": "nonsense"}, "'nonsense' names no function; allowed: <module>:<function>, as studies"),
    ("draw", {"--figure": "studies.simard2003.claims:draw"}, "'studies.simard2003.claims:draw' names no function"),
    ("draw", SAMPLES | {"--inputs": '{"source": "images.npy", "copies": 3}'}, "copies: 3; allowed: the path of a"),
    ("draw", SAMPLES | {"--inputs": '{"source": "cut.npy", "copies": {}}'}, "cut.npy: not a whole .npy file"),
    ("source", {}, "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz"),
    ("source", {"--settings": source(train_images=-1)}, "train_images: -1; allowed: a whole number, 0 or more"),
    (
        "source",
        {"--settings": source(downloads=None, embedded="digits", train_images=2000)},
        "there are only 1797 train",
    ),
    ("source", {"--settings": "3"}, "'3' is no mapping; allowed: one with side, classes, train_images"),
    ("source", {"--train-images": "3"}, "Unknown option: --train-images"),
    ("download", {}, "folder: there is no file t10k-labels-idx1-ubyte.gz in this folder"),
    ("download", {"--mirrors": "{"}, "Invalid value for --mirrors: '{' is not JSON"),
    ("download", {"--mirrors": "{}"}, "mirrors: {} must be a list of https:// or file:// addresses or folders"),
    ("download", {"--mirrors": "[3]"}, "mirrors: [3] must be a list of https:// or file:// addresses or folders"),
    ("download", {"--mirrors": "[]"}, "there is no mirror to fetch it from"),
    ("download", {"--sha256": "0" * 63}, "is not 64 hexadecimal digits in lower case"),
    ("download", {"--file": "../a.gz"}, "file name '../a.gz': must be a plain name without folders"),
    ("download", {"--file": ".."}, "file name '..': must be a plain name without folders"),
    ("download", {"--file": ""}, "file name '': must be a plain name without folders"),
    ("download", {"--timeout": "nan"}, "timeout: nan must be more than 0 seconds"),
    ("download", {"--timeout": "0"}, "timeout: 0.0 must be more than 0 seconds"),
    ("download", {"--attempts": "0"}, "attempts: 0 must be 1 or more"),
    ("build_paper", {}, "paper.tex: no such file; --paper names the folder that holds it"),
    ("build_paper", {"--paper": None}, "Parameter --paper requires an argument"),
    ("derive", {}, "empty.csv: not a CSV file (No columns to parse from file)"),
    ("derive", {"--inputs": '{"runs": "other.csv"}'}, "missing a required argument: 'shares'; it takes shares"),
    ("derive", {"--inputs": '{"shares": "a.txt"}'}, "shares: 'a.txt'; allowed: the path of a .csv, .json, .npy or"),
    ("derive", {"--function": "os:getcwd"}, "'os:getcwd' names no function; allowed: <module>:<function>, as"),
    ("derive", TO_CSV | {"--function": "studies.split.summary:x"}, "'studies.split.summary:x' names no function"),
    ("derive", TO_CSV | {"--function": "studies.splt.summary:x"}, "'studies.splt.summary:x' names no function"),
    (
        "derive",
        TO_CSV | {"--settings": '{"confidnce": 0.95}'},
        "missing a required argument: 'confidence'; it takes shares",
    ),
    ("derive", TO_CSV | {"--inputs": '{"shares": "quote.csv"}'}, "quote.csv: not a CSV file (Error tokenizing data."),
]


@pytest.mark.parametrize(
    ("script", "changes", "message"),
    [pytest.param(*bad, id=f"{number}-{bad[0]}") for number, bad in enumerate(BAD)],
)
def test_a_script_with_a_bad_command_line(script, changes, message, files, monkeypatch, capsys):
    options = GOOD[script] | changes
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    refused_by(script, words, message, files, monkeypatch, capsys)


def refused_by(script, words, message, folder, monkeypatch, capsys):
    """Run an entry script as its file would; it must say `message`, at once, and leave nothing."""
    before = files_of(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MNIST_MIRROR", "")
    monkeypatch.setattr(sys, "argv", [f"{script}.py", *words])
    main = importlib.import_module(script).main
    start = time.process_time()
    with pytest.raises(SystemExit) as caught:
        run(main)
    assert time.process_time() - start < SECONDS
    assert caught.value.code in (1, 2)
    told = capsys.readouterr()
    assert message in " ".join(told.err.split())
    assert "Traceback" not in told.err
    assert told.out == ""
    assert files_of(folder) == before


def files_of(folder: Path) -> dict[Path, float]:
    """Every file by its time; a script may have made an empty folder for what it then could not write."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path: path.stat().st_mtime for path in found if not {".snakemake", "__pycache__"} & set(path.parts)}


CONFIGS = {
    "absent": (None, "my.yaml: cannot be read (No such file or directory); name an existing YAML file"),
    "empty": (b"", "my.yaml: is empty; a config is a mapping of keys to values"),
    "binary": (b"\0\1\xff\xfe", "my.yaml: not UTF-8 text; save it as UTF-8"),
    "NUL": (b"a: \0", "my.yaml: holds a value that is not valid YAML"),
    "a list": (b"[1, 2]", "my.yaml: holds [1, 2]; a config is a mapping of keys to values"),
    "a number": (b"3", "my.yaml: holds 3; a config is a mapping of keys to values"),
    "open brackets": (b"audit: {images: 3", "line 1, column 18: not valid YAML: while parsing a flow mapping expected"),
    "tabs": (b"audit:\n\timages: 3", "line 2, column 1: not valid YAML: while scanning for the next token found"),
    "a key twice": (b"device: cpu\ndevice: cuda", "line 2, column 1: not valid YAML: the key device is repeated"),
    "deep": (b"audit: " + b"[" * 5000, "not valid YAML: nested more than 20 deep"),
    "digits": (b"audit: {images: " + b"9" * 5000 + b"}", "holds a value that is not valid YAML: Exceeds the limit"),
    "a large number": (b"audit: {images: 99999999999999999999}", "audit.images: a number of 67 bits: too large"),
    "no number": (b"audit: {tolerance: .nan}", "audit.tolerance: nan: not a finite number"),
    "infinity": (b"audit: {tolerance: -.inf}", "audit.tolerance: -inf: not a finite number"),
    "no such day": (b"audit: {images: 2003-13-45}", "holds a value that is not valid YAML: month must be in 1..12"),
    "itself": (b"audit: &a {x: *a}", "nested more than 20 deep; does an alias contain itself?"),
    "a tag": (b"audit: !new x", "not valid YAML: could not determine a constructor for the tag '!new'"),
    "an object": (b"device: !!python/object/apply:os.getpid []", "could not determine a constructor for the tag"),
    "a set": (b"audit: !!set {a}", "audit: "),
    "a key of a list": (b"? [a]\n: 1", "not valid YAML: while constructing a mapping found unhashable key"),
    "long": (b"device: " + b"x" * 60_000, 'device: "xxxxx'),
    "too long": (b"device: " + b"x" * 200_000, "my.yaml: more than 100000 bytes, which no config has"),
    "half a character": (b'device: "\\ud800"', "device: "),
    "reversed text": ("device: \u202egnp".encode(), 'device: "\\u202egnp": not one of the choices'),
    "yes": (
        b"distortions: {elastic: {elastic: {sigma: yes}}}",
        "distortions.elastic.elastic.sigma: true: not a number",
    ),
    "null": (b"models: {mlp: {hidden: null}}", "models.mlp.hidden: missing; allowed: a whole number, at least 1"),
    "a bomb for a number": (
        b"audit: {images: '[[[[[[[[[['}",
        'audit.images: "[[[[[[[[[[": not a whole number; allowed',
    ),
    "another name": (b"models: {gr\xc3\xb6sse: {family: mlp}}", "models.gr\xf6sse: not a name; allowed: a letter"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_validate_config_with_a_bad_file(name, tmp_path, monkeypatch, capsys):
    content, message = CONFIGS[name]
    if content is not None:
        (tmp_path / "my.yaml").write_bytes(content)
    config = str(ROOT / "config.yaml")
    refused_by("validate_config", [config, "my.yaml"], message, tmp_path, monkeypatch, capsys)
