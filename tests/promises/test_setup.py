"""What a fresh machine relies on: the lock files, set-up itself, and the files about the project."""

import copy
import fnmatch
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from running import ROOT

ENVS = ROOT / "envs"
BUILD_PACKAGES = "python3-venv python3-dev build-essential"
TOOLS = "sh dirname basename head cat cksum grep tr sed mv rm mkdir cp ls env".split()  # noqa: SIM905
LATEX_TOOLS = ["latexmk", "pdflatex", "bibtex", "kpsewhich", "pdftotext"]

# Every stub first reads $folder, $tools, and what the test wants of it; set-up passes on no variable of the tests.
PYTHON = """\
echo "python $*" >>"$folder/calls"
case $* in
*index_settings.py*) shift 2; exec "$@" ;;
*version_info*) exit "$TOO_OLD" ;;
*_base_executable*) echo "$tools/python3" ;;
*base_prefix*) case $0 in */.venv/*) exit 0 ;; *) exit 1 ;; esac ;;
*ensurepip*) exit "$NO_VENV" ;;
*get_path*) echo include ;;
*"-m venv"*)
    for place; do :; done
    mkdir -p "$place/bin" && cp "$0" "$place/bin/python" && cp "$tools/uv" "$place/bin/uv"
    exit "$VENV_STATUS"
    ;;
*"-m pip"*) env >"$folder/seen by pip" ;;
esac
"""
UV = """\
echo "uv $*" >>"$folder/calls"
env >"$folder/seen by uv"
exit "$SYNC_STATUS"
"""
# After it, LaTeX is there.
APT_GET = """\
echo "apt-get $*" >>"$folder/calls"
case $1 in
install)
    for tool in latexmk pdflatex bibtex kpsewhich pdftotext; do cp "$tools/cc" "$tools/$tool"; done ;;
esac
"""


def locked(name: str) -> dict[str, list[str]]:
    """The requirements of a lock file, `name==version` without markers, each with its hashes."""
    entries: dict[str, list[str]] = {}
    for line in (ENVS / name).read_text().splitlines():
        pinned = re.match(r"(\S+==\S+)", line)
        if pinned:
            entries.setdefault(pinned[1], [])
            latest = pinned[1]
        else:
            entries[latest].append(line.strip(" \\"))
    return entries


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[=<>~! ]", requirement)[0] for requirement in requirements}


def tex_packages() -> list[str]:
    lines = (ENVS / "tex-packages.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def listed_requirements() -> list[str]:
    return runpy.run_path(str(ENVS / "make_conda_environment.py"))["requirement_lines"](
        (ENVS / "requirements.in").read_text()
    )


class Machine:
    """A copy of envs/ on a machine that has only the tools in `tools`, most of them stubs that log their calls."""

    def __init__(self, folder: Path, *, user: int = 1000, latex: bool = False, shell: str = "sh"):
        self.base = folder
        self.folder = folder / "a repository"
        self.venv = self.folder / ".venv"
        shutil.copytree(ENVS, self.folder / "envs")
        self.tools = folder / "tools"
        self.tools.mkdir()
        self.calls = folder / "calls"
        for tool in TOOLS:
            (self.tools / tool).symlink_to(shutil.which(shell if tool == "sh" else tool))
        self.add("id", f"echo {user}\n")
        self.add("cc", "cat >/dev/null\n")
        self.add("python3", PYTHON)
        self.add("uv", UV)
        if latex:
            for tool in LATEX_TOOLS:
                self.add(tool, "")

    def add(self, tool: str, text: str) -> None:
        path = self.tools / tool
        path.write_text(f"#!/bin/sh\n. '{self.base}/answers'\n{text}")
        path.chmod(0o755)

    def clone(self, name: str) -> "Machine":
        """Another copy of envs/, on the same machine."""
        other = copy.copy(self)
        other.folder = self.base / name
        other.venv = other.folder / ".venv"
        shutil.copytree(ENVS, other.folder / "envs")
        return other

    def rename(self, name: str) -> None:
        self.folder = self.folder.rename(self.base / name)
        self.venv = self.folder / ".venv"

    def change_lock(self) -> None:
        with (self.folder / "envs" / "requirements.lock").open("a") as lock:
            lock.write("\n")

    def set_up(
        self, variables: dict[str, str] | None = None, shell: str = "sh", umask: int = -1, **answers: str
    ) -> tuple[int, str, str]:
        """Run envs/setup.sh: its exit status, what it said, and the calls it made of python, uv and apt-get."""
        self.calls.write_text("")
        answers = {"TOO_OLD": "0", "NO_VENV": "0", "VENV_STATUS": "0", "SYNC_STATUS": "0"} | answers
        answers |= {"folder": str(self.base), "tools": str(self.tools)}
        (self.base / "answers").write_text("".join(f"{name}='{value}'\n" for name, value in answers.items()))
        environment = {"PATH": str(self.tools)} | (variables or {})
        command = [shutil.which(shell) if shell != "sh" else self.tools / "sh", "envs/setup.sh"]
        finished = subprocess.run(
            command, env=environment, cwd=self.folder, umask=umask, capture_output=True, text=True, timeout=30
        )
        return finished.returncode, finished.stdout + finished.stderr, self.calls.read_text()

    def seen_by(self, tool: str) -> dict[str, str]:
        """The environment in which pip or uv last ran."""
        return dict(line.split("=", 1) for line in (self.base / f"seen by {tool}").read_text().splitlines())


@pytest.mark.parametrize("name", ["requirements.lock", "bootstrap.lock"])
def test_every_locked_requirement_has_a_hash_and_no_address(name):
    for requirement, hashes in locked(name).items():
        assert hashes, requirement
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), requirement
    assert "://" not in (ENVS / name).read_text()


def test_the_lock_holds_every_listed_requirement():
    assert names(listed_requirements()) <= names(list(locked("requirements.lock")))


def test_the_bootstrap_installs_the_locked_uv():
    (bootstrap,) = locked("bootstrap.lock").items()
    assert bootstrap in locked("requirements.lock").items()


def test_the_container_is_set_up_by_the_commands_of_the_readme():
    """It installs what README asks for and leaves all else to set-up, so that no list of packages stands twice."""
    text = (ROOT / "Dockerfile").read_text()
    steps = re.findall(r"^(FROM|RUN|COPY|CMD) ((?:.*\\\n)*.*)", text, re.MULTILINE)
    (_, image), (_, installed), *rest = steps
    assert image == "debian:bookworm-slim"  # whose Python is 3.11
    packages = set(re.search(r"--no-install-recommends (.*) \\", installed)[1].split())
    assert packages == {"ca-certificates", "gcc", "git", "libc6-dev", "make", "python3-dev", "python3-venv"}
    assert rest == [("COPY", ". ."), ("RUN", "make setup"), ("CMD", '["make", "demo"]')]
    assert "make demo " in (ROOT / "README.md").read_text()
    assert (ROOT / ".dockerignore").readlink() == Path(".gitignore")  # no .venv and no results of this machine


def test_the_conda_environment_is_the_one_made_from_the_list():
    make = runpy.run_path(str(ENVS / "make_conda_environment.py"))
    text = (ENVS / "environment.yaml").read_text()
    assert text == make["environment"](listed_requirements())
    *conda, from_pip = yaml.safe_load(text)["dependencies"]
    assert "UNTESTED" in text
    assert {"pytorch", "snakemake =9.27"} <= set(conda)
    assert from_pip == {"pip": ["--no-binary=elasticdeform", "elasticdeform"]}


def test_without_latex_an_ordinary_user_is_told_once_and_set_up_goes_on(tmp_path):
    status, said, calls = Machine(tmp_path).set_up()
    assert status == 0
    assert said.count("sudo apt-get install -y --no-install-recommends " + " ".join(tex_packages()) + "\n") == 1
    assert said.index("LaTeX is missing") < said.index("installing what envs/requirements.lock names")
    assert "build-essential" not in said
    assert "uv pip sync" in calls


def test_root_gets_latex_installed(tmp_path):
    machine = Machine(tmp_path, user=0)
    machine.add("apt-get", APT_GET)
    status, said, calls = machine.set_up()
    assert status == 0
    assert "LaTeX is missing" not in said
    assert calls.index("apt-get update") < calls.index("apt-get install") < calls.index("-m venv")
    assert " ".join(tex_packages()) in calls


def test_root_whose_installation_fails_is_told(tmp_path):
    machine = Machine(tmp_path, user=0)
    machine.add("apt-get", "exit 100\n")
    status, said, _ = machine.set_up()
    assert status == 0
    assert "\n    apt-get install -y --no-install-recommends " + " ".join(tex_packages()) + "\n" in said


def test_a_python_without_venv_gives_one_message_and_nothing_is_made(tmp_path):
    machine = Machine(tmp_path, latex=True)
    status, said, calls = machine.set_up(NO_VENV="1")
    assert status == 1
    assert said.count("apt-get") == 1
    assert f"sudo apt-get install -y --no-install-recommends {BUILD_PACKAGES}\n" in said
    assert "-m venv" not in calls
    assert not (machine.folder / ".venv").exists()


def test_what_is_missing_altogether_is_one_command(tmp_path):
    machine = Machine(tmp_path)
    (machine.tools / "cc").unlink()
    status, said, _ = machine.set_up()
    assert status == 1
    assert said.count("apt-get") == 1
    assert " ".join([BUILD_PACKAGES, *tex_packages()]) + "\n" in said


def test_too_old_a_python_is_named(tmp_path):
    status, said, _ = Machine(tmp_path, latex=True).set_up(TOO_OLD="1")
    assert status == 1
    assert "needs Python 3.11 or newer; tried python3 " in said
    assert "make setup PYTHON=" in said


def test_a_second_set_up_has_nothing_to_do(tmp_path):
    machine = Machine(tmp_path, latex=True)
    first = machine.set_up()
    assert first[0] == 0
    assert "-m venv" in first[2]
    status, said, calls = machine.set_up()
    assert (status, said) == (0, "")
    assert "uv pip" not in calls
    assert "-m venv" not in calls


@pytest.mark.parametrize("interrupted", ["VENV_STATUS", "SYNC_STATUS"])
def test_an_interrupted_set_up_is_repaired(tmp_path, interrupted):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up(**{interrupted: "2"})[0] == 2
    (machine.venv / "left over").touch()
    status, said, calls = machine.set_up()
    assert status == 0
    assert "rebuilding it" in said
    assert "-m venv" in calls
    assert not (machine.venv / "left over").exists()
    assert machine.set_up()[1] == ""


def test_a_changed_lock_installs_the_difference(tmp_path):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up()[0] == 0
    machine.change_lock()
    status, _, calls = machine.set_up()
    assert status == 0
    assert "uv pip sync" in calls
    assert "-m venv" not in calls


def test_a_moved_repository_is_set_up_afresh(tmp_path):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up()[0] == 0
    machine.rename("elsewhere")
    assert "-m venv" in machine.set_up()[2]


def test_a_broken_interpreter_is_replaced_though_its_environment_is_active(tmp_path):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up()[0] == 0
    for name in ("python", "python3", "python3.11"):
        (machine.venv / "bin" / name).write_text("#!/bin/sh\nexit 127\n")
        (machine.venv / "bin" / name).chmod(0o755)
    status, _, calls = machine.set_up({"PATH": f"{machine.venv}/bin:{machine.tools}"})
    assert status == 0
    assert "-m venv" in calls


def test_the_interpreter_of_the_environment_stands_for_the_one_it_is_built_on(tmp_path):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up(SYNC_STATUS="2")[0] == 2
    assert machine.set_up({"PYTHON": f"{machine.venv}/bin/python"})[0] == 0
    assert machine.set_up()[1] == ""


# Whose environment it is ----------------------------------------------------------------------------------------------


def made_by_the_first_version(machine: Machine) -> None:
    """Such an environment has a stamp and no mark."""
    assert machine.set_up()[0] == 0
    (machine.venv / ".made-by-set-up").unlink()


@pytest.mark.parametrize("change", [Machine.change_lock, lambda machine: machine.rename("elsewhere")])
def test_an_environment_of_the_first_version_is_still_kept_up(tmp_path, change):
    machine = Machine(tmp_path, latex=True)
    made_by_the_first_version(machine)
    assert machine.set_up()[:2] == (0, "")
    change(machine)
    assert machine.set_up()[0] == 0
    assert machine.set_up()[:2] == (0, "")


def folder_with(*names: str):
    def make(venv: Path, elsewhere: Path) -> None:
        for name in names:
            (venv / name).parent.mkdir(parents=True, exist_ok=True)
            (venv / name).write_text("precious")

    return make


def link_to(make=None):
    def link(venv: Path, elsewhere: Path) -> None:
        venv.symlink_to(elsewhere)
        if make:
            make(elsewhere, elsewhere)

    return link


# What may lie at .venv and is not ours: how it is made, from its path and that of another folder.
FOREIGN = {
    "venv by hand": folder_with("pyvenv.cfg", "bin/python", "lib/python3.11/site-packages/mine.py"),
    "conda": folder_with("conda-meta/history", "bin/python"),
    "any folder": folder_with("precious"),
    "hidden file": folder_with(".precious"),
    "a stamp of something else": folder_with(".synchronised"),
    "file": lambda venv, _: venv.write_text("precious"),
    "link to a folder": link_to(folder_with("precious")),
    "link to a venv by hand": link_to(folder_with("pyvenv.cfg", "bin/python")),
    "link to a file": link_to(lambda path, _: path.write_text("precious")),
    "dangling link": link_to(),
    "link to the project": lambda venv, _: venv.symlink_to("."),
}


def snapshot(folder: Path) -> dict[str, str]:
    """Every path below a folder, with what it is and holds."""

    def content(path: Path) -> str:
        if path.is_symlink():
            return str(path.readlink())
        return path.read_text() if path.is_file() else "folder"

    return {str(path.relative_to(folder)): content(path) for path in folder.rglob("*")}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_set_up_did_not_make_is_left_alone(tmp_path, make):
    machine = Machine(tmp_path, latex=True)
    elsewhere = tmp_path / "elsewhere"
    make(machine.venv, elsewhere)
    before = snapshot(machine.folder), elsewhere.is_dir() and snapshot(elsewhere)
    status, said, calls = machine.set_up()
    assert status == 1
    assert said.count("set-up: ") == 1
    assert str(machine.venv) in said
    assert "-m venv" not in calls
    assert (snapshot(machine.folder), elsewhere.is_dir() and snapshot(elsewhere)) == before


def test_without_the_lock_files_nothing_is_done(tmp_path):
    machine = Machine(tmp_path, latex=True)
    (machine.folder / "envs" / "bootstrap.lock").unlink()
    status, said, _ = machine.set_up()
    assert status == 1
    assert "no lock files in " in said
    assert not machine.venv.exists()


def test_an_empty_folder_becomes_the_environment(tmp_path):
    machine = Machine(tmp_path, latex=True)
    machine.venv.mkdir()
    assert machine.set_up()[0] == 0
    assert machine.set_up()[:2] == (0, "")


def linked_machine(folder: Path) -> tuple[Machine, Path]:
    """A machine that is set up, its .venv a link to a folder on another disk."""
    machine = Machine(folder, latex=True)
    scratch = folder / "scratch" / "an environment"
    scratch.mkdir(parents=True)
    machine.venv.symlink_to(scratch)
    assert machine.set_up()[0] == 0
    return machine, scratch


def test_behind_a_link_the_environment_is_made_and_kept_up(tmp_path):
    machine, scratch = linked_machine(tmp_path)
    assert machine.venv.readlink() == scratch
    assert machine.set_up()[:2] == (0, "")
    machine.change_lock()
    assert "uv pip sync" in machine.set_up()[2]
    (scratch / ".synchronised").unlink()
    assert f"-m venv {scratch}\n" in machine.set_up()[2]
    machine.rename("elsewhere")
    machine.change_lock()
    assert machine.set_up()[0] == 0
    assert machine.set_up()[:2] == (0, "")


def test_a_moved_environment_behind_a_link_is_made_afresh(tmp_path):
    machine, scratch = linked_machine(tmp_path)
    moved = scratch.rename(scratch.with_name("moved"))
    machine.venv.unlink()
    machine.venv.symlink_to(moved)
    assert f"-m venv {moved}\n" in machine.set_up()[2]


@pytest.mark.parametrize("linked", [True, False])
def test_two_clones_share_an_environment_while_their_lock_files_agree(tmp_path, linked):
    first, _ = linked_machine(tmp_path) if linked else (Machine(tmp_path, latex=True), None)
    assert first.set_up()[0] == 0
    second = first.clone("second")
    second.venv.symlink_to(first.venv)
    assert second.set_up()[:2] == (0, "")
    second.change_lock()
    before = snapshot(first.venv.resolve())
    status, said, _ = second.set_up()
    assert status == 1
    assert str(first.folder) in said
    assert snapshot(first.venv.resolve()) == before
    shutil.rmtree(first.folder / "envs")
    assert second.set_up()[0] == (0 if linked or second.venv.is_dir() else 1)


# What the caller's environment may hold ------------------------------------------------------------------------------

HOSTILE_FUNCTION = '() {  >"$PWD/hostile"\n}'
REPLACED = ("cd", "dirname", "pwd", "env", "sed", "umask", "printf", "echo", "[", "rm", "mkdir", "command", "sh", "cat")
# Each a line: variables in which set-up must do just what it does without them. {other} is another folder with an
# environment in it, {tools} the folder of the tools.
SURROUNDINGS = {
    "CDPATH": {"CDPATH": "{other}"},
    "CDPATH of many": {"CDPATH": "/:{other}:."},
    "ENV": {"ENV": "{other}/hostile.sh"},
    "BASH_ENV": {"BASH_ENV": "{other}/hostile.sh"},
    "exported functions": {f"BASH_FUNC_{name}%%": HOSTILE_FUNCTION for name in REPLACED},
    "IFS": {"IFS": "/"},
    "shell options": {"SHELLOPTS": "noglob:nounset:errexit", "BASHOPTS": "nullglob:failglob"},
    "GREP_OPTIONS": {"GREP_OPTIONS": "-v", "GREP_COLORS": "x"},
    "POSIXLY_CORRECT": {"POSIXLY_CORRECT": "1"},
    "POSIXLY_CORRECT empty": {"POSIXLY_CORRECT": ""},
    "TMPDIR": {"TMPDIR": "/nowhere"},
    "HOME nowhere": {"HOME": "/nowhere"},
    "PWD": {"PWD": "{other}", "OLDPWD": "{other}"},
    "PATH with folders here": {"PATH": "envs:.::{tools}:"},
    "SHELL": {"SHELL": "/bin/false"},
    "make": {"MAKEFLAGS": "n", "MAKELEVEL": "3", "MFLAGS": "-n", "MAKEFILES": "{other}/hostile.mk"},
    "locale": {"LC_ALL": "tr_TR.UTF-8", "LANG": "nowhere", "LANGUAGE": "tr"},
    "loader": {"LD_PRELOAD": "/nowhere.so", "LD_BIND_NOW": "1"},
    "Python": {"PYTHONHOME": "{other}", "PYTHONPATH": "{other}", "PYTHONUSERBASE": "{other}", "PYTHONSAFEPATH": "1"},
    "Python's behaviour": {"PYTHONOPTIMIZE": "2", "PYTHONINSPECT": "1", "PYTHONSTARTUP": "{other}/hostile.sh"},
    "another environment": {"VIRTUAL_ENV": "{other}/.venv", "CONDA_PREFIX": "{other}/.venv", "CONDA_DEFAULT_ENV": "x"},
    "compiler": {"CC": "false", "CFLAGS": "-x", "CPATH": "{other}", "LDFLAGS": "-x", "LIBRARY_PATH": "{other}"},
    "TeX": {"TEXINPUTS": "{other}", "TEXMFHOME": "{other}", "BSTINPUTS": "{other}", "TEXMFCNF": "{other}"},
    "set-up's own names": {"name": "x", "listed": "x", "managers": "x", "path": "x", "folder": "x", "stamp": "x"},
    "nonsense": {"A VARIABLE": "$(touch hostile)", "UV_": "`touch hostile`", "PIP_X": "'; touch hostile; '"},
}


def without_paths(calls: str, machine: Machine) -> str:
    return calls.replace(str(machine.base), "")


@pytest.fixture(scope="module")
def calm_calls(tmp_path_factory) -> str:
    machine = Machine(tmp_path_factory.mktemp("calm"), latex=True)
    return without_paths(machine.set_up()[2], machine)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS.keys())
def test_the_callers_environment_changes_nothing(tmp_path, calm_calls, surroundings, shell):
    """With sh and bash under their own names, and with bash in the place of sh."""
    for number, stands_for_sh in enumerate({"sh", shell}):
        machine = Machine(tmp_path / str(number), latex=True, shell=stands_for_sh)
        other = tmp_path / str(number) / "other"
        folder_with("envs/setup.sh", ".venv/precious")(other, other)
        (other / "hostile.sh").write_text("cd() { echo hostile >hostile; }\nalias rm=false\nexport CDPATH=/\n")
        before = snapshot(other)
        variables = {
            name: value.replace("{other}", str(other)).replace("{tools}", str(machine.tools))
            for name, value in surroundings.items()
        }
        status, said, calls = machine.set_up(variables, shell=shell)
        assert (status, without_paths(calls, machine)) == (0, calm_calls), said
        assert snapshot(other) == before
        assert list(tmp_path.rglob("hostile")) == []
        assert (machine.venv / ".synchronised").is_file()
        for tool in ("pip", "uv"):
            seen = surroundings.keys() & machine.seen_by(tool).keys()
            assert seen <= {"PATH", "PWD", "OLDPWD", "HOME", "PIP_X", "UV_"}
        status, said, calls = machine.set_up(variables, shell=shell)
        assert (status, "-m venv" in calls, "uv pip" in calls) == (0, False, False), said


@pytest.mark.parametrize("umask", [0o777, 0o077, 0])
def test_whatever_the_umask_the_environment_can_be_used(tmp_path, umask):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up(umask=umask)[0] == 0
    assert (machine.venv / "bin").stat().st_mode & 0o700 == 0o700
    assert (machine.venv / ".synchronised").stat().st_mode & 0o600 == 0o600


def test_set_up_is_the_same_from_any_folder(tmp_path, calm_calls):
    machine = Machine(tmp_path, latex=True)
    for folder, script in ((machine.folder / "envs", "setup.sh"), (Path("/"), machine.folder / "envs" / "setup.sh")):
        machine.set_up()
        shutil.rmtree(machine.venv)
        machine.calls.write_text("")
        command = [machine.tools / "sh", script]
        subprocess.run(command, cwd=folder, env={"PATH": str(machine.tools)}, check=True, timeout=30)
        assert without_paths(machine.calls.read_text(), machine) == calm_calls


# pip and uv -----------------------------------------------------------------------------------------------------------

SHOW = """
import json, os, pathlib
print(json.dumps([dict(os.environ), pathlib.Path(os.environ["UV_CONFIG_FILE"]).read_text()]))
"""


class User:
    """A user with configuration files, and a project folder with envs/ and an empty .venv."""

    def __init__(self, folder: Path):
        shutil.copytree(ENVS, folder / "project" / "envs")
        (folder / "project" / ".venv").mkdir()
        self.project = folder / "project"
        self.home = folder / "home"
        self.home.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_CONFIG_DIRS": str(folder / "xdg")}

    def write(self, name: str, text: str) -> Path:
        path = self.home.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *command: object, **variables: str) -> subprocess.CompletedProcess:
        """Run a command as set-up runs pip and uv, given the user's variables."""
        settings = ["sh", "envs/clean.sh", sys.executable, "-I", "envs/index_settings.py"]
        return subprocess.run(
            [*settings, *map(str, command)],
            cwd=self.project,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def settings(self, **variables: str) -> tuple[dict[str, str], dict]:
        """The settings that pip and uv get by variables and by uv.toml."""
        finished = self.run(sys.executable, "-I", "-c", SHOW, **variables)
        assert finished.returncode == 0, finished.stderr
        environment, configuration = json.loads(finished.stdout)
        assert environment.pop("PIP_CONFIG_FILE") == os.devnull
        environment.pop("UV_CONFIG_FILE")
        told = {name: value for name, value in environment.items() if name.startswith(("PIP_", "UV_", "SSL_", "ALL_"))}
        return told, tomllib.loads(configuration)


KEPT = [
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CLIENT_CERT"),
    *("PIP_PROXY", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_CACHE_DIR", "PIP_KEYRING_PROVIDER"),
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"),
    *("UV_INDEX_OURS_USERNAME", "UV_INDEX_OURS_PASSWORD", "UV_KEYRING_PROVIDER", "UV_CREDENTIALS_DIR"),
    *("UV_INSECURE_HOST", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_CACHE_DIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
]
SHED = [
    *("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_DRY_RUN", "PIP_REQUIRE_VIRTUALENV", "PIP_CONSTRAINT"),
    *("PIP_NO_INDEX", "PIP_NO_BINARY", "PIP_ONLY_BINARY", "PIP_PYTHON", "PIP_PLATFORM", "PIP_REQUIREMENT", "PIP_LOG"),
    *("PIP_UPGRADE", "PIP_IGNORE_INSTALLED", "PIP_PRE", "PIP_EDITABLE", "PIP_QUIET", "PIP_REPORT", "PIP_ISOLATED"),
    *("UV_CONSTRAINT", "UV_BUILD_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_EXCLUDE_NEWER", "UV_TORCH_BACKEND"),
    *("UV_SYSTEM_PYTHON", "UV_PYTHON", "UV_PROJECT", "UV_WORKING_DIR", "UV_PROJECT_ENVIRONMENT", "UV_NO_BUILD"),
    *("UV_NO_BINARY", "UV_RESOLUTION", "UV_PRERELEASE", "UV_OFFLINE", "UV_NO_CONFIG", "UV_LINK_MODE", "UV_NO_CACHE"),
    *("UV_NO_BUILD_ISOLATION", "UV_NO_VERIFY_HASHES", "UV_REQUIRE_HASHES", "UV_MANAGED_PYTHON", "UV_FORK_STRATEGY"),
    *("PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "VIRTUAL_ENV", "CONDA_PREFIX", "CFLAGS", "CDPATH"),
]


def test_of_the_users_variables_those_of_index_proxy_and_certificates_are_kept(tmp_path):
    user = User(tmp_path)
    finished = user.run(sys.executable, "-I", "-c", SHOW, **{name: f"/{name}" for name in [*KEPT, *SHED]})
    environment, _ = json.loads(finished.stdout)
    assert {name: environment.get(name) for name in KEPT} == {name: f"/{name}" for name in KEPT}
    assert [name for name in SHED if name in environment] == []


PIP_CONF = """\
[global]
index-url = https://index.example/simple
extra_index_url =
    https://one.example/simple
    https://two.example/simple
user = true
[install]
target = /elsewhere
constraint = /elsewhere
proxy = http://proxy.example:3128
"""
FROM_PIP_CONF = {
    "PIP_INDEX_URL": "https://index.example/simple",
    "PIP_EXTRA_INDEX_URL": "https://one.example/simple https://two.example/simple",
    "PIP_PROXY": "http://proxy.example:3128",
}
TAKEN_OVER_BY_UV = {
    "UV_DEFAULT_INDEX": FROM_PIP_CONF["PIP_INDEX_URL"],
    "UV_INDEX": FROM_PIP_CONF["PIP_EXTRA_INDEX_URL"],
    "UV_INDEX_STRATEGY": "unsafe-best-match",
}


@pytest.mark.parametrize("name", ["home/.config/pip/pip.conf", "home/.pip/pip.conf", "xdg/pip/pip.conf", "named"])
def test_pips_configuration_files_say_the_index_and_no_more(tmp_path, name):
    user = User(tmp_path)
    path = user.write(name, PIP_CONF)
    told, _ = user.settings(**({"PIP_CONFIG_FILE": str(path)} if name == "named" else {}))
    assert told | FROM_PIP_CONF | TAKEN_OVER_BY_UV == told
    assert told["ALL_PROXY"] == FROM_PIP_CONF["PIP_PROXY"]
    assert told.keys() & {"PIP_USER", "PIP_TARGET", "PIP_CONSTRAINT"} == set()
    assert user.settings(PIP_INDEX_URL="https://mine.example")[0]["PIP_INDEX_URL"] == "https://mine.example"
    assert user.settings(PIP_CONFIG_FILE=os.devnull) == ({}, {"pip": {}})


UV_TOML = """\
exclude-newer = "2001-01-01"
constraint-dependencies = ["torch<1"]
system-certs = true
[[index]]
name = "ours"
url = "https://index.example/simple"
default = true
[pip]
target = "/elsewhere"
index-strategy = "unsafe-best-match"
"""


@pytest.mark.parametrize("name", ["home/.config/uv/uv.toml", "xdg/uv/uv.toml", "named"])
def test_uvs_configuration_files_say_the_index_and_no_more(tmp_path, name):
    user = User(tmp_path)
    user.write("home/.config/pip/pip.conf", PIP_CONF)
    path = user.write(name, UV_TOML)
    told, configuration = user.settings(**({"UV_CONFIG_FILE": str(path)} if name == "named" else {}))
    assert configuration == {
        "system-certs": True,
        "index": [{"name": "ours", "url": "https://index.example/simple", "default": True}],
        "pip": {"index-strategy": "unsafe-best-match"},
    }
    assert told.keys() & TAKEN_OVER_BY_UV.keys() == set()


def test_pip_and_uv_obey(tmp_path):
    user = User(tmp_path)
    user.write("home/.config/pip/pip.conf", PIP_CONF)
    user.write("home/.config/uv/uv.toml", UV_TOML.replace("2001-01-01", "nonsense"))
    listed = user.run(sys.executable, "-I", "-m", "pip", "config", "list", PIP_USER="1").stdout
    told = {line.split("=")[0] for line in listed.splitlines()}
    assert {":env:.index-url", ":env:.extra-index-url", ":env:.proxy"} <= told
    assert [key for key in told if key.endswith((".user", ".target", ".constraint"))] == []
    uv = Path(sys.executable).with_name("uv")
    finished = user.run(uv, "pip", "list", "--python", sys.executable, UV_TORCH_BACKEND="nonsense", UV_PYTHON="nowhere")
    assert finished.returncode == 0, finished.stderr
    assert "torch " in finished.stdout


@pytest.mark.parametrize("name", ["home/.config/pip/pip.conf", "home/.config/uv/uv.toml"])
def test_a_configuration_that_cannot_be_read_is_one_message(tmp_path, name):
    user = User(tmp_path)
    user.write(name, "no configuration\n")
    finished = user.run("true")
    assert finished.returncode == 1
    assert finished.stderr.startswith("set-up: cannot read your configuration of pip or uv: ")
    assert name in finished.stderr


@pytest.mark.parametrize("variables", [{"HOME": "/dev/null"}, {"XDG_CACHE_HOME": "/dev/null/x"}])
def test_where_the_users_cache_cannot_be_written_one_in_the_environment_serves(tmp_path, variables):
    user = User(tmp_path)
    told, _ = user.settings(**variables)
    assert Path(told["UV_CACHE_DIR"]).is_relative_to(user.project / ".venv")
    assert Path(told["PIP_CACHE_DIR"]).is_relative_to(user.project / ".venv")
    assert list((user.project / ".venv").iterdir()) == []
    assert "UV_CACHE_DIR" not in user.settings()[0]
    assert user.settings(**variables, UV_CACHE_DIR="/mine")[0]["UV_CACHE_DIR"] == "/mine"


def test_the_status_of_the_command_is_passed_on(tmp_path):
    user = User(tmp_path)
    assert user.run("sh", "-c", "exit 7").returncode == 7
    assert user.run("sh", "-c", "kill -9 $$").returncode == 137


# The files about the project -----------------------------------------------------------------------------------------

FAKE_SET_UP = "exit 0\n"


def made_project(folder: Path) -> Path:
    """A folder with the Makefile, a set-up that does nothing, and a .venv whose python shows its environment."""
    shutil.copy(ROOT / "Makefile", folder)
    for name, text in {"envs/setup.sh": "", ".venv/bin/activate": "PATH=.venv/bin:$PATH\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    python = folder / ".venv" / "bin" / "python"
    python.write_text("#!/bin/sh\nenv\n")
    python.chmod(0o755)
    return folder


def run_make(*arguments: object, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"]} | variables
    command = ["make", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONPATH": "/elsewhere", "PYTHONHOME": "/elsewhere", "PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "2"},
        {"MAKEFLAGS": "e", "SHELL": "/bin/false", "in_venv": "false", "uv": "false", "compile": "false"},
        {"MAKELEVEL": "2", "MAKEFILES": "/dev/null"},
    ],
)
def test_the_commands_of_the_makefile_are_not_changed_by_the_environment(tmp_path, variables):
    finished = run_make("test", folder=made_project(tmp_path), **variables)
    assert finished.returncode == 0, finished.stderr
    assert "PATH=.venv/bin:" in finished.stdout
    assert not re.search("^PYTHON", finished.stdout, re.MULTILINE)


def test_make_in_another_folder_says_how_to_name_the_project(tmp_path):
    project = made_project(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    finished = run_make("-f", project / "Makefile", "setup", folder=tmp_path / "elsewhere")
    assert finished.returncode == 2
    assert "make -C FOLDER" in finished.stderr
    assert run_make("-C", project, "test", folder=tmp_path / "elsewhere").returncode == 0


def test_make_alone_lists_the_commands():
    listed = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True, timeout=30).stdout
    for target in ("setup", "demo", "test", "lint", "lock"):
        assert re.search(rf"^make {target} +\w", listed, re.MULTILINE), target


def test_continuous_integration_runs_the_tests():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "\nmake test\n" in script.read_text()


def test_citation_file():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == "MIT"
    assert all({"name"} <= author.keys() or {"family-names"} <= author.keys() for author in citation["authors"])


def is_ignored(path: str) -> bool:
    """Whether .gitignore names a path of the project, or a folder that it is in."""
    patterns = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()] + [".git"]
    parts = path.split("/")
    parents = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return any(
        fnmatch.fnmatchcase(parent if "/" in pattern else parent.rpartition("/")[2], pattern.removeprefix("/"))
        for pattern in patterns
        for parent in parents
    )


def project_files() -> list[Path]:
    """The files of the project, with those that were added to it; without git, which a downloaded archive lacks."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if not is_ignored((here / name).as_posix())]
        found += [ROOT / here / name for name in files if not is_ignored((here / name).as_posix())]
    return found


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_ignores_what_is_made_links_too(tmp_path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=30)
    for name in (".venv", ".benchmark-packages", ".browser-packages", "results", "logs"):
        (tmp_path / name).symlink_to("/tmp")
    for name in ("report.html", "report.zip"):
        (tmp_path / name).touch()
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30).stdout
    assert listed == "?? .gitignore\n"


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="no git repository")
def test_the_files_of_the_project_are_those_that_git_knows():
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    known = {ROOT / name for name in listed.split("\0") if name}
    assert {path for path in known if path.is_file()} == set(project_files())


def test_no_registry_is_named():
    host = re.compile("|".join([r"pypi\.", r"pythonhosted\.", r"anaconda\.", r"deb\.debian\.", r"download\.pytorch"]))
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in project_files()}
    assert {ROOT / "README.md", ENVS / "requirements.lock", ROOT / ".ci" / "run"} <= texts.keys()
    assert [path for path, text in texts.items() if host.search(text)] == []
