"""A command line is the signature of main; errors are one message without a traceback."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings

from invariance.command_line import Json, Natural, json_mapping, json_value, progress, run
from invariance.record.artefacts import InputError
from made import TrapError, trap
from running import ROOT
from strategies import JSON

SHOW = """
import json
from typing import Annotated
from invariance.command_line import json_mapping, run

def main(*, inputs: Annotated[dict, json_mapping()]) -> None:
    print(json.dumps(inputs))

run(main)
"""


@pytest.fixture
def environment(monkeypatch):
    """The environment of a script, without SOURCE_DATE_EPOCH; changes by `run` are undone."""
    variables = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    monkeypatch.setattr(os, "environ", variables)
    monkeypatch.setattr(sys, "argv", ["script.py"])
    return variables


@pytest.fixture
def called(environment, monkeypatch):
    """Run a script with all kinds of parameters on the words of a command line; what main was given."""

    def call(*words: str) -> dict[str, Any]:
        given = {}

        def main(
            *,
            output: Path,
            seed: Natural = 0,
            copies: list[Path] | None = None,
            device: Literal["auto", "cpu"] = "cpu",
            settings: Annotated[dict[str, Any] | None, json_mapping(canvas=int, rate=float, named=dict)] = None,
            value: Json = None,
            stub: bool = False,
        ) -> None:
            given.update(locals())
            del given["given"]

        monkeypatch.setattr(sys, "argv", ["script.py", *words])
        run(main)
        return given

    return call


def test_an_input_error_is_one_message(environment, capsys):
    def main() -> None:
        raise InputError("config.yaml: seeds is empty; give one or more")

    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert stopped.value.code == 1
    assert tuple(capsys.readouterr()) == ("", "error: config.yaml: seeds is empty; give one or more\n")


def test_an_error_of_ours_keeps_its_traceback(environment):
    with pytest.raises(TrapError):
        run(trap)


@pytest.mark.parametrize("before", [None, "1700000000"])
def test_the_clock_of_the_build_is_pinned(environment, before):
    """The user's environment does not change the bytes of artefacts."""
    if before:
        environment["SOURCE_DATE_EPOCH"] = before
    seen = []

    def main() -> None:
        seen.append(os.environ["SOURCE_DATE_EPOCH"])

    run(main)
    assert seen == ["0"]


def test_words_become_values(called):
    mapping = '{"canvas": 29, "rate": 1, "named": {}, "more": 3}'
    words = ["--output", "a b", "--copies", "x", "y", "--seed", "7", "--stub", "--settings", mapping, "--value", "[1]"]
    assert called(*words) == {
        "output": Path("a b"),
        "seed": 7,
        "copies": [Path("x"), Path("y")],
        "device": "cpu",
        "settings": {"canvas": 29, "rate": 1, "named": {}, "more": 3},
        "value": [1],
        "stub": True,
    }


def test_what_is_left_away_has_its_default(called):
    given = called("--output", "a")
    assert (given["seed"], given["copies"], given["stub"], given["settings"]) == (0, None, False, None)


def test_a_list_may_be_empty(called):
    """As in a rule whose job reads no copies."""
    assert not called("--copies", "--output", "a")["copies"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Parameter --output requires an argument"),
        (["--output", "a", "--quickly", "3"], "Unknown option: --quickly"),
        (["--output", "a", "--no-stub"], "Unknown option: --no-stub"),
        (["--output", "a", "--device", "tpu"], 'Invalid value "tpu" for --device'),
        (["--output", "a", "--seed=-1"], "Invalid value for --seed: '-1'; allowed: a whole number, at least 0"),
        (["--output", "a", "--seed", "1e3"], "Invalid value for --seed: '1e3'; allowed"),
        (["--output", "a", "--value", "{"], "Invalid value for --value: '{' is not JSON (Expecting property name"),
        (["--output", "a", "--settings", "3"], "'3' is no mapping; allowed: one with canvas, rate, named"),
        (["--output", "a", "--settings", "{}"], "canvas: missing; allowed: a whole number, 0 or more"),
        (["--output", "a", "--settings", '{"canvas": 2.5}'], "canvas: 2.5; allowed: a whole number, 0 or more"),
        (["--output", "a", "--settings", '{"canvas": true}'], "canvas: true; allowed: a whole number, 0 or more"),
        (["--output", "a", "--settings", '{"canvas": 2, "rate": -1}'], "rate: -1; allowed: a number, 0 or more"),
    ],
)
def test_a_wrong_command_line_is_one_message(called, capsys, words, message):
    with pytest.raises(SystemExit) as stopped:
        called(*words)
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in " ".join(err.split())
    assert "--help says what this command takes" in err


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=JSON)
def test_json_arguments_are_read(value):
    assert json_value(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", "{a: 1}", "mlp", "{'family': 'mlp'}"])
def test_arguments_that_are_not_json_are_told(text):
    with pytest.raises(ValueError, match="is not JSON") as refused:
        json_value(text)
    assert str(refused.value).startswith(f"{text!r} is not JSON (")


def test_json_may_be_longer_than_a_word_of_a_command_line_may_be(tmp_path):
    """Linux allows a word 128 KiB: `class_sequence` on MNIST exceeds them with nine seeds."""
    given = {f"study/model/training/{seed}": "a 'quoted' path" for seed in range(10_000)}
    (tmp_path / "show.py").write_text(SHOW)
    script = tmp_path / "job.sh"
    script.write_text(f"{sys.executable} show.py --inputs=- <<<{shlex.quote(json.dumps(given))}\n")
    assert script.stat().st_size > 2**17
    done = subprocess.run(
        ["bash", script], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")}, capture_output=True
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, given), done.stderr


def test_progress_goes_to_the_log(capsys):
    progress("epoch 1")
    assert tuple(capsys.readouterr()) == ("", "epoch 1\n")


def test_a_job_counts_its_seconds_from_its_own_start():
    """To a twentieth of a second, wherever between two seconds the system was started."""
    code = "import time; from invariance.command_line import since_start; print(since_start(), time.time())"
    begun = time.time()
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "scripts", check=True)
    seconds, now = map(float, done.stdout.split())
    assert seconds == pytest.approx(now - begun, abs=0.05)


@pytest.mark.parametrize("ending", ['progress("at last")', 'raise InputError("at last")'])
def test_lines_of_a_log_stand_in_the_order_of_printing(ending):
    printed = f'print("long " * 2000); print("and more"); {ending}'  # more than a buffer holds
    script = f"""from invariance.command_line import progress, run
from invariance.record.artefacts import InputError
def main() -> None: {printed}
run(main)"""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", script]
    log = subprocess.run(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT / "scripts"
    ).stdout
    assert [line.split()[-1] for line in log.splitlines()] == ["long", "more", "last"]
