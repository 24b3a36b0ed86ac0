"""Build the article: LaTeX sources plus generated tables and figures, compiled in a folder of their own.

A PDF appears only if it is whole: a missing number, table, figure, reference or citation, and a line that runs into the
margin, fail the build with one message. With --stub what is missing is named in the article instead. The numbers of a
claim that could not be measured always are.
"""

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from invariance.command_line import progress, run
from invariance.paper.latex import SOURCES, compile_article, require_latex, shortcomings
from invariance.record.artefacts import InputError, whole_file


def main(*, paper: Path, tables: list[Path] = [], figures: list[Path] = [], output: Path, stub: bool = False) -> None:  # noqa: B006
    """Build the article.

    Args:
        paper: Folder of paper.tex, its sections and bibliography.
        tables: numbers.tex and the generated tabulars.
        figures: The generated figures, .pdf.
        output: The PDF.
        stub: Name in the article what is missing, instead of failing.

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


def lacking_message(lacking: list[str], output: Path) -> str:
    """One message for an article that lacks something."""
    results = output.parent
    return "\n".join(
        [
            f"{output}: the article is incomplete, so it was not written:",
            *(f"  {line}" for line in lacking),
            f"A key that is not built has no line in {results}/tables/numbers.tex. Tables and figures are built by",
            f"`snakemake --cores 1 {results}/tables/NAME.tex`, or figures/NAME.pdf. Fix an overfull box in",
            "paper/*.tex, or in the script that writes the table.",
            "To see the article with its gaps named in place, use --stub.",
        ]
    )


if __name__ == "__main__":
    run(main)
