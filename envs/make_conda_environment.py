"""Write environment.yaml, for `snakemake --sdm conda`, from the same list as the lock file: requirements.in.

Usage: python envs/make_conda_environment.py    (`make lock` runs it)
"""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
HEADER = """\
# For `snakemake --sdm conda`. UNTESTED: no conda on the machines this was built on.
# Made from requirements.in by make_conda_environment.py (`make lock`); do not edit.
# Conda resolves these versions itself: only .venv (`make setup`) is what the lock file pins, hash by hash.
"""
CONDA_NAMES = {"torch": "pytorch"}  # where conda-forge's name is not the Python package's
FROM_SOURCE = {"elasticdeform"}  # its wheels are broken under NumPy 2


def requirement_lines(text: str) -> list[str]:
    """The requirements of a requirements.in, without comments and blank lines, such as `snakemake==9.27.*`."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def conda_specification(requirement: str) -> str:
    """Conda's spelling of a requirement: `torch` is pytorch, `snakemake==9.27.*` is `snakemake =9.27`."""
    name, version = re.fullmatch(r"([\w.-]+)\s*(.*)", requirement).groups()
    name = CONDA_NAMES.get(name, name)
    prefix = re.fullmatch(r"==([\d.]+)\.\*", version)
    if prefix:
        return f"{name} ={prefix[1]}"
    return f"{name} {version}".strip()


def environment(requirements: list[str]) -> str:
    """The text of environment.yaml."""
    from_source = [line for line in requirements if line in FROM_SOURCE]
    from_conda = [line for line in requirements if line not in FROM_SOURCE]
    dependencies = ["python >=3.11", "c-compiler", "pip", *map(conda_specification, from_conda)]
    lines = ["channels:", *(f"  - {channel}" for channel in ("conda-forge", "bioconda", "nodefaults"))]
    lines += ["dependencies:", *(f"  - {dependency}" for dependency in dependencies)]
    lines += ["  - pip:", *(f"      - --no-binary={name}\n      - {name}" for name in from_source)]
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    listed = requirement_lines((FOLDER / "requirements.in").read_text(encoding="utf-8"))
    (FOLDER / "environment.yaml").write_text(environment(listed), encoding="utf-8")
