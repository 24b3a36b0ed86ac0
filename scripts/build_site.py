"""Gather the page, the PDF, the figures and the tables of a finished run in one folder, ready for a static host.

python scripts/build_site.py --results results/mnist --output site
"""

import html
import shutil
import zipfile
import zlib
from fnmatch import fnmatch
from pathlib import Path

from invariance.command_line import run
from invariance.record.artefacts import InputError, read_json, sha256_of, whole_folder
from invariance.results.overview import TITLE, verdicts
from invariance.results.page import page

PARTS = ("explorer.html", "paper.pdf", "claims.json", "config.json", "figures/*", "tables/*.csv")
REPORT = "report/report.html"
MARK = ".site"  # in every folder that this script made, and so may replace


def main(*, results: Path, output: Path) -> None:
    """Copy what a run publishes, as its manifest lists it, and write index.html.

    Args:
        results: results/<dataset> of a whole run.
        output: The folder. An earlier one of this script is replaced; another one is refused.
    """
    manifest = results / "manifest.json"
    if not manifest.is_file():
        raise InputError(
            f"{manifest}: no such file; a site is that of a finished run: run snakemake first "
            "(for the demo: make demo, then make site DATASET=digits)"
        )
    if output.exists() and not (output / MARK).is_file():
        raise InputError(
            f"{output}: was not made by this script, and is left alone; move it away, or name another folder"
        )
    with whole_folder(output, replace=True) as made:
        report = results.parent.parent / "report.zip"
        if report.is_file() and report.stat().st_mtime >= manifest.stat().st_mtime:  # else it may be of another run
            unpack(report, made)
        copied = copy_parts(results, read_json(manifest)["artefacts"], made)
        (made / "index.html").write_text(page(TITLE, [*verdicts(results), *contents(made, copied)]), encoding="utf-8")
        (made / MARK).touch()
    print(f"{output}: {len(copied)} files and index.html")


def unpack(report: Path, folder: Path) -> None:
    """Unpack Snakemake's report, which is a folder `report`; raises InputError if it is no whole archive."""
    try:
        shutil.unpack_archive(report, folder, "zip")
    except (shutil.ReadError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{report}: not a whole report ({error}); make it again, or delete it") from None


def copy_parts(results: Path, hashes: dict[str, str], folder: Path) -> list[str]:
    """Copy the parts that the manifest lists; raises InputError for one that has changed since."""
    chosen = sorted(name for name in hashes if any(fnmatch(name, part) for part in PARTS))
    for name in chosen:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (results / name).is_file() or sha256_of(results / name) != hashes[name]:
            raise InputError(f"{results / name}: not as the manifest lists it; run snakemake again")
        shutil.copyfile(results / name, folder / name)
    return chosen


def contents(folder: Path, names: list[str]) -> list[str]:
    """Links to the files, and the figures themselves."""
    first = {"explorer.html": "Explorer: drag a digit, and see which networks change their mind"}
    first |= {"paper.pdf": "The paper, as PDF", REPORT: "The report of the run, by Snakemake"}
    links = [link(name, text) for name, text in first.items() if (folder / name).is_file()]
    body = [f'<ul class="first">{"".join(links)}</ul>', "<h2>Figures</h2>"]
    for name in names:
        if name.endswith(".png"):
            title = html.escape(Path(name).stem.replace("_", " "))
            pdf = f'<a href="{html.escape(name.removesuffix("png"))}pdf">{title}</a>'
            body.append(
                f'<figure><img src="{html.escape(name)}" alt="" loading="lazy"><figcaption>{pdf}</figcaption></figure>'
            )
    tables = [link(name, Path(name).name) for name in names if name.endswith((".csv", ".json"))]
    return [*body, "<h2>Tables</h2>", f"<ul>{''.join(tables)}</ul>"]


def link(name: str, text: str) -> str:
    return f'<li><a href="{html.escape(name)}">{html.escape(text)}</a></li>'


if __name__ == "__main__":
    run(main)
