"""What a fresh machine relies on: the lock files, set-up itself, and the files about the project."""

import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"
BUILD_PACKAGES = "python3-venv python3-dev build-essential"
TOOLS = ["sh", "dirname", "basename", "head", "cat", "cksum", "grep", "tr", "sed", "mv", "rm", "mkdir", "cp", "env"]
LATEX_TOOLS = ["latexmk", "pdflatex", "bibtex", "kpsewhich", "pdftotext"]

PYTHON = """\
#!/bin/sh
echo "python $*" >>"$CALLS"
case $* in
*version_info*) exit "$TOO_OLD" ;;
*ensurepip*) exit "$NO_VENV" ;;
*get_path*) echo include ;;
*"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$(dirname "$0")/uv" .venv/bin/uv ;;
esac
"""
UV = """\
#!/bin/sh
echo "uv $*" >>"$CALLS"
exit "$SYNC_STATUS"
"""
# After it, LaTeX is there.
APT_GET = """\
#!/bin/sh
echo "apt-get $*" >>"$CALLS"
case $1 in
install)
    for tool in latexmk pdflatex bibtex kpsewhich pdftotext; do cp "$(dirname "$0")/cc" "$(dirname "$0")/$tool"; done ;;
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

    def __init__(self, folder: Path, *, user: int = 1000, latex: bool = False):
        self.folder = folder / "a repository"
        shutil.copytree(ENVS, self.folder / "envs")
        self.tools = folder / "tools"
        self.tools.mkdir()
        self.calls = folder / "calls"
        for tool in TOOLS:
            (self.tools / tool).symlink_to(shutil.which(tool))
        self.add("id", f"#!/bin/sh\necho {user}\n")
        self.add("cc", "#!/bin/sh\ncat >/dev/null\n")
        self.add("python3", PYTHON)
        self.add("uv", UV)
        if latex:
            for tool in LATEX_TOOLS:
                self.add(tool, "#!/bin/sh\n")

    def add(self, tool: str, text: str) -> None:
        path = self.tools / tool
        path.write_text(text)
        path.chmod(0o755)

    def set_up(self, **answers: str) -> tuple[int, str, str]:
        """Run envs/setup.sh: its exit status, what it said, and the calls it made of python, uv and apt-get."""
        self.calls.write_text("")
        environment = {"TOO_OLD": "0", "NO_VENV": "0", "SYNC_STATUS": "0"} | answers
        environment |= {"PATH": str(self.tools), "CALLS": str(self.calls)}
        script = [self.tools / "sh", self.folder / "envs" / "setup.sh"]
        finished = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=30)
        return finished.returncode, finished.stdout + finished.stderr, self.calls.read_text()


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
    machine.add("apt-get", "#!/bin/sh\nexit 100\n")
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
    assert "-m venv --clear .venv" in first[2]
    status, said, calls = machine.set_up()
    assert (status, said) == (0, "")
    assert "uv pip" not in calls
    assert "-m venv" not in calls


def test_an_interrupted_set_up_is_repaired(tmp_path):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up(SYNC_STATUS="2")[0] == 2
    status, said, calls = machine.set_up()
    assert status == 0
    assert "making it afresh" in said
    assert "-m venv --clear .venv" in calls
    assert machine.set_up()[1] == ""


def test_a_changed_lock_installs_the_difference(tmp_path):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up()[0] == 0
    with (machine.folder / "envs" / "requirements.lock").open("a") as lock:
        lock.write("\n")
    status, _, calls = machine.set_up()
    assert status == 0
    assert "uv pip sync" in calls
    assert "-m venv" not in calls


def test_a_moved_repository_is_set_up_afresh(tmp_path):
    machine = Machine(tmp_path, latex=True)
    assert machine.set_up()[0] == 0
    machine.folder = machine.folder.rename(tmp_path / "elsewhere")
    assert "-m venv --clear .venv" in machine.set_up()[2]


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


def test_no_registry_is_named():
    host = re.compile("|".join([r"pypi\.", r"pythonhosted\.", r"anaconda\.", r"deb\.debian\.", r"download\.pytorch"]))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file()}
    assert texts
    assert [path for path, text in texts.items() if host.search(text)] == []
