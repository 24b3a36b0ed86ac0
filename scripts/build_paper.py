"""Build the article: LaTeX sources plus generated tables and figures, compiled in a folder of their own.

A PDF appears only if it is whole: a missing number, table, figure, reference or citation, and a line that runs into the
margin, fail the build with one message. With --stub what is missing is named in the article instead. The numbers of a
claim that could not be measured always are.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from invariance.command_line import progress, run
from invariance.record.artefacts import InputError, whole_file

TEX_PACKAGES = Path(__file__).resolve().parents[1] / "envs" / "tex-packages.txt"
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


def main(*, paper: Path, tables: list[Path] = [], figures: list[Path] = [], output: Path, stub: bool = False) -> None:  # noqa: B006
    """Build the article.

    Args:
        paper: Folder of paper.tex, its sections and bibliography.
        tables: numbers.tex and the generated tabulars.
        figures: The generated figures, .pdf.
        output: The PDF.
        stub: Name in the article what is missing, instead of failing.
    """
    build(paper, tables, figures, output, stub=stub)


def build(paper: Path, tables: Sequence[Path], figures: Sequence[Path], output: Path, *, stub: bool = False) -> None:
    """Compile `paper`/paper.tex with the artefacts `tables` and `figures` into the PDF `output`.

    Raises:
        InputError: LaTeX is missing or fails, or, unless `stub`, the article lacks something (see `shortcomings`) other
            than the numbers of claims that were not measured.
    """
    require_latex()
    with tempfile.TemporaryDirectory(prefix="paper-") as name:
        folder, home = Path(name, "article"), Path(name, "home")
        home.mkdir()
        gather(paper, tables, figures, folder)
        log = compile_article(folder, home)
        named = ("",) if stub else tuple(f"not built: claims/{claim}/" for claim in unmeasured_claims(tables))
        lacking = shortcomings(log)
        for line in lacking:
            if line.startswith(named):
                progress(line)
        if failing := [line for line in lacking if not line.startswith(named)]:
            raise InputError(lacking_message(failing, output))
        with whole_file(output) as temporary:
            shutil.copyfile(folder / "paper.pdf", temporary)


def unmeasured_claims(tables: Sequence[Path]) -> list[str]:
    """The claims to which numbers.tex, if it is among `tables`, gives a threshold and no verdict.

    The config asks for them, and the data did not decide them: see `CellsMissingError` in results/verdicts.py.
    """
    numbers = "".join(path.read_text(encoding="utf-8") for path in tables if path.name == "numbers.tex")
    asked, judged = (
        re.findall(rf"^\\result{{claims/(\w+)/{key}}}", numbers, re.MULTILINE) for key in ("threshold", "verdict")
    )
    return [claim for claim in asked if claim not in judged]


def sources(paper: Path) -> list[str]:
    """The files that the article is written in, below `paper`.

    Raises:
        InputError: LaTeX is missing.
    """
    try:
        require_latex()
    except InputError as error:
        raise InputError(f"{error}\nor build everything but the paper: snakemake --cores 8 figures measures") from None
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


def gather(paper: Path, tables: Sequence[Path], figures: Sequence[Path], folder: Path) -> None:
    """Copy the article's sources, and its artefacts to artefacts/tables and artefacts/figures, into `folder`.

    Raises:
        InputError: there is no paper.tex in `paper`.
    """
    if not (paper / "paper.tex").is_file():
        raise InputError(f"{paper / 'paper.tex'}: no such file; --paper names the folder that holds it")
    for pattern in SOURCES:
        for source in sorted(paper.rglob(pattern)):
            copy(source, folder / source.relative_to(paper))
    for artefacts, kind in ((tables, "tables"), (figures, "figures")):
        for source in artefacts:
            copy(source, folder / "artefacts" / kind / source.name)


def copy(source: Path, target: Path) -> None:
    """Copy a file, making the folders it needs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


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
    for message, points in re.findall(r"^(Overfull \\[hv]box \(([\d.]+)pt too (?:wide|high)\).*)$", log, re.MULTILINE):
        if float(points) > TOLERATED_OVERFLOW:
            found.append(message)
    found += re.findall(r"Float too large for page by .*$", log, re.MULTILINE)
    return list(dict.fromkeys(found))


def lacking_message(lacking: list[str], output: Path) -> str:
    """One message for an article that lacks something."""
    results = output.parent
    return "\n".join(
        [
            f"{output}: the article is not whole, so it was not written:",
            *(f"  {line}" for line in lacking),
            f"A key that is not built has no line in {results}/tables/numbers.tex. Tables and figures are built by",
            f"`snakemake --cores 1 {results}/tables/NAME.tex`, or figures/NAME.pdf. Fix an overfull box in",
            "paper/*.tex, or in the script that writes the table.",
            "To see the article with its gaps named in place, use --stub.",
        ]
    )


if __name__ == "__main__":
    run(main)
