"""The system's LaTeX: find it, compile the article, and list the problems in its log."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from invariance.record.artefacts import InputError

TEX_PACKAGES = Path(__file__).resolve().parents[3] / "envs" / "tex-packages.txt"
SOURCES = ("*.tex", "*.bib", ".latexmkrc")
TOOLS = ("latexmk", "pdflatex", "bibtex", "kpsewhich")
# One style file for each package of the list.
STYLES = ("natbib.sty", "booktabs.sty", "enumitem.sty", "siunitx.sty", "tikz.sty", "lmodern.sty")
TOLERATED_OVERFLOW = 10.0  # points
WORKING_SPACE = 2**18  # bytes; with less left on the disk, LaTeX's own messages are beside the point
# All that TeX and its tools know of the environment, but for a home folder, which is empty: where they are, ...
FINDING = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
# ... that the clock stays out of the PDF, and each message on one line, whole.
ENVIRONMENT = {
    "SOURCE_DATE_EPOCH": "0",
    "FORCE_SOURCE_DATE": "1",
    "max_print_line": "10000",
    "error_line": "254",
    "half_error_line": "238",
}


def sources(paper: Path) -> list[str]:
    """The files that the article is written in, below `paper`.

    Raises:
        InputError: LaTeX is missing.
    """
    try:
        require_latex()
    except InputError as error:
        advice = "or build everything but the paper: run the same command with the targets figures measures"
        raise InputError(f"{error}\n{advice}") from None
    return sorted(str(path) for pattern in SOURCES for path in paper.rglob(pattern))


def require_latex() -> None:
    """Raise InputError, saying what to install, where a program or a style file of LaTeX cannot be found."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not missing:
        with tempfile.TemporaryDirectory(prefix="paper-") as home:
            missing = [style for style in STYLES if not is_found(style, Path(home))]
    if missing:
        raise InputError(f"the paper needs LaTeX, and {', '.join(missing)} cannot be found; {how_to_install()}")


def is_found(style: str, home: Path) -> bool:
    """Whether the system's TeX has a style file."""
    return not subprocess.run(["kpsewhich", style], cwd=home, env=environment(home), capture_output=True).returncode


def environment(home: Path) -> dict[str, str]:
    """The environment of TeX's tools, whose variables and whose trees in the user's home would change the PDF.

    Args:
        home: an empty folder, which stands for the user's home.
    """
    finding = {name: os.environ[name] for name in FINDING if name in os.environ}
    return {**finding, **ENVIRONMENT, "HOME": str(home)}


def how_to_install() -> str:
    """The command that installs LaTeX, from the list in envs/tex-packages.txt (one package per line, # comments)."""
    try:
        lines = TEX_PACKAGES.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(f"{TEX_PACKAGES}: no such file; it lists the LaTeX packages that the article needs") from None
    packages = " ".join(package for line in lines if (package := line.partition("#")[0].strip()))
    return f"install it with: sudo apt-get install -y --no-install-recommends {packages}"


def compile_article(folder: Path, home: Path) -> str:
    """Run latexmk in `folder`, with `home` for the user's home, and return TeX's log.

    Only the project's own .latexmkrc is read, and the document can start no programs.

    Raises:
        InputError: LaTeX or BibTeX fails; the message holds their error lines, or says that the disk is full.
    """
    finished = subprocess.run(
        ["latexmk", "-norc", "-r", ".latexmkrc", "-pdf", "paper.tex"],
        cwd=folder,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    log_file = folder / "paper.log"
    log = log_file.read_text(encoding="utf-8", errors="replace") if log_file.exists() else ""
    if finished.returncode and shutil.disk_usage(folder).free < WORKING_SPACE:
        raise InputError(
            f"{folder.parents[1]}: no room for LaTeX to work; make room there, or set TMPDIR to another folder"
        )
    if finished.returncode:
        # BibTeX's errors stand in latexmk's own output only.
        lines = tex_errors(log) or finished.stdout.splitlines()[-20:]
        advice = f"\nA LaTeX package is missing; {how_to_install()}" if "' not found." in "\n".join(lines) else ""
        raise InputError("LaTeX could not compile paper.tex:\n  " + "\n  ".join(lines) + advice)
    return log


def tex_errors(log: str) -> list[str]:
    """The error messages in a TeX log, each from its first line to the source line that TeX was reading."""
    errors: list[str] = []
    lines = iter(log.splitlines())
    for line in lines:
        if not re.match(r"! |\S+\.(tex|sty|cls|bbl):\d+: ", line):
            continue
        errors.append(line)
        for following in lines:
            errors.append(following)
            if following.startswith(("l.", "!  ==>")) or not following.strip():
                break
    return [line for line in errors if line.strip()]


def shortcomings(log: str) -> list[str]:
    """What a compiled article lacks, one line each: things not built, undefined references, overfull boxes."""
    found = [f"not built: {name}" for name in re.findall(r"^not built: (.+)$", log, re.MULTILINE)]
    found += [
        f"undefined {kind.lower()}: {name}"
        for kind, name in re.findall(r"Warning: (Reference|Citation) [`'](.+?)' (?:on page \S+ )?undefined", log)
    ]
    found += [f"multiply defined label: {name}" for name in re.findall(r"Label [`'](.+?)' multiply defined", log)]
    found += overfull_boxes(log)
    found += re.findall(r"Float too large for page by .*$", log, re.MULTILINE)
    return list(dict.fromkeys(found))


def overfull_boxes(log: str) -> list[str]:
    """The boxes that are too large, each with the source file that paper.tex says it was reading, if it says so."""
    found, files = [], [""]
    for line in log.splitlines():
        if opened := re.match(r"opened /?(.+)$", line):
            files.append(f"{opened[1]}: ")
        elif line == "closed" and len(files) > 1:
            files.pop()
        elif (box := re.match(r"Overfull \\[hv]box \(([\d.]+)pt too", line)) and float(box[1]) > TOLERATED_OVERFLOW:
            found.append(files[-1] + line)
    return found
