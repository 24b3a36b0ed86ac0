"""A job that is forked from a process with the libraries does what one that is started does, and ends like it."""

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from invariance.record import environment, forking
from running import ROOT
from slurm import until

SCRIPTS = {
    "surroundings": """
import os, sys
print(os.getcwd(), sys.argv, sys.path[0], sorted(os.environ.items()), sys.stdin.read())
print("to standard error", file=sys.stderr)
print(__name__, "torch" in sys.modules, os.cpu_count())
""",
    "imports": "import beside; print(beside.__file__)",
    "status": "raise SystemExit(3)",
    "no status": "import sys; sys.exit()",
    "message": "raise SystemExit('a message')",
    "unflushed": "import sys; sys.stdout.write('no line')",
    "at exit": "import atexit; atexit.register(print, 'at exit')",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "terminated": "import os; os.kill(os.getpid(), 15)",
}
WAITING = """
import os, signal, time
def end(number, frame):
    os.write(1, b"ended in order\\n")
    raise SystemExit(128 + number)
signal.signal(signal.SIGTERM, end)
print("waiting", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A project with these scripts alone."""
    made = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "workflow/forked", made / "workflow/forked")
    (made / "scripts").mkdir()
    (made / "scripts/beside.py").write_text("")
    for name, text in {**SCRIPTS, "waiting": WAITING, "bug": "1 / 0"}.items():
        (made / f"scripts/{name}.py").write_text(text)
    return made


@pytest.fixture(scope="module")
def started(folder, tmp_path_factory) -> dict[str, str]:
    """The environment of jobs that are started as usual."""
    return environment.of_jobs(os.environ, tmp_path_factory.mktemp("home"))


def served(folder: Path, started: dict[str, str]) -> tuple[dict[str, str], subprocess.Popen]:
    """The environment of jobs that are forked, and the process that they are forked from."""
    servers = []
    start = subprocess.Popen
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", lambda *args, **kwargs: servers.append(start(*args, **kwargs)))
        patch.setattr(os, "environ", dict(started))
        forking.fork_jobs(folder / "workflow/forked")
        forked = os.environ
    (server,) = servers
    return forked, server


@pytest.fixture(scope="module")
def serving(folder, started) -> Iterator[dict[str, str]]:
    """The environment of jobs that are forked, and as "server" the process that they are forked from."""
    forked, server = served(folder, started)
    yield {**forked, "server": str(server.pid)}
    server.stdin.close()
    server.wait(10)
    assert not Path(forked["INVARIANCE_FORKED"]).parent.exists()


def job(folder: Path, name: str, surroundings: dict[str, str]) -> subprocess.Popen:
    """A job as a rule's shell starts it."""
    return subprocess.Popen(
        ["bash", "-c", f"exec python 'scripts/{name}.py' --an 'argument of words'"],
        cwd=folder,
        env={key: value for key, value in surroundings.items() if key != "server"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    output, errors = process.communicate("typed", timeout=60)
    return process.returncode, output, errors


def is_forked(surroundings: dict[str, str]) -> bool:
    """Whether the server has forked a job that still runs."""
    return bool(psutil.Process(int(surroundings["server"])).children(recursive=True))


def test_a_forked_job_does_and_says_what_a_started_one_does(folder, started, serving):
    """The first one waits until the server has imported the libraries."""
    for name in SCRIPTS:
        plain, forked = ended(job(folder, name, started)), ended(job(folder, name, serving))
        if name == "surroundings":  # Python's own, and the only thing in which they differ
            assert "False" in plain[1]
            assert "True" in forked[1]
            forked = (forked[0], forked[1].replace("True", "False"), forked[2])
        assert forked == plain, name


def test_a_bug_keeps_its_traceback(folder, serving):
    status, _, errors = ended(job(folder, "bug", serving))
    assert status == 1
    assert errors.endswith("    1 / 0\n    ~~^~~\nZeroDivisionError: division by zero\n")


def waiting(folder: Path, surroundings: dict[str, str]) -> subprocess.Popen:
    process = job(folder, "waiting", surroundings)
    assert process.stdout.readline() == "waiting\n"
    return process


def test_sigterm_ends_a_forked_job_in_order(folder, serving):
    process = waiting(folder, serving)
    assert is_forked(serving)
    process.terminate()
    assert ended(process)[:2] == (128 + signal.SIGTERM, "ended in order\n")


def test_a_job_does_not_outlive_what_stands_for_it(folder, serving):
    """What Snakemake started is killed: so is its fork, which may write the same file as the next attempt."""
    process = waiting(folder, serving)
    process.kill()
    assert process.stdout.read() == "ended in order\n"
    until(lambda: not is_forked(serving), "no process is left")


def test_a_job_ends_with_the_process_that_guards_it_and_says_so(folder, serving):
    process = waiting(folder, serving)
    for guard in psutil.Process(int(serving["server"])).children():
        guard.kill()
    status, output, errors = ended(process)
    assert (status, output) == (1, "ended in order\n")
    assert errors == "error: the process that jobs are forked from has ended; run the same command again\n"


def test_a_job_without_a_server_or_of_several_threads_is_started(folder, serving):
    for change in ({"INVARIANCE_FORKED": "/nowhere"}, {"OMP_NUM_THREADS": "2"}):
        process = waiting(folder, serving | change)
        assert not is_forked(serving)
        process.terminate()
        assert ended(process) == (128 + signal.SIGTERM, "ended in order\n", "")


def test_where_the_server_ends_at_once_jobs_are_started_as_usual(folder, started, tmp_path):
    """As where a library cannot be imported; a job that it had not taken is not lost."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "workflow/forked/serve.py").write_text("import time\ntime.sleep(1)\nraise SystemExit(1)\n")
    forked, server = served(tmp_path, started)
    first = job(tmp_path, "surroundings", forked)
    assert server.wait(10) == 1
    for process in (first, job(tmp_path, "surroundings", forked)):
        status, output, _ = ended(process)
        assert (status, output.splitlines()[-1].split()[1]) == (0, "False")


@pytest.mark.parametrize("lacking", ["room", "descriptors", "permission", "a short path"])
def test_without_room_or_process_descriptors_jobs_are_started_as_usual(lacking, monkeypatch, tmp_path):
    before = dict(os.environ)
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    if lacking == "room":
        monkeypatch.setattr(forking.tempfile, "mkdtemp", refused(errno.ENOSPC))
    elif lacking == "a short path":
        long = tmp_path / ("x" * 120)
        long.mkdir()
        monkeypatch.setattr(forking.tempfile, "mkdtemp", lambda **_: str(long))
    elif lacking == "descriptors":
        monkeypatch.delattr(os, "pidfd_open")
    else:
        monkeypatch.setattr(os, "pidfd_open", refused(errno.EPERM))
    forking.fork_jobs(tmp_path)
    assert dict(os.environ) == before


def refused(number: int) -> Callable:
    def refuse(*arguments: object, **options: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse
