"""Put the results of the benchmark into the README: its numbers are generated, never typed.

Copies the CSV, the machine and the figure from results/benchmark to docs/, where they are committed, and writes the
block of README.md between its two marks from them.

    snakemake --cores 1 benchmark && python benchmarks/write_readme.py
    python benchmarks/write_readme.py --keep    from what is in docs/ already
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from invariance.command_line import run
from invariance.record.artefacts import InputError, read_json, whole_file, write_text
from invariance.record.readme import with_block as readme_with_block
from speed.report import markdown, read_csv
from speed.surroundings import ROOT

BEGIN, END = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"
COPIED = {"benchmark.csv": "benchmark.csv", "benchmark.png": "benchmark.png", "machine.json": "benchmark-machine.json"}


def main() -> None:
    """Read the command line, copy, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--keep", action="store_true", help="copy nothing; write the block from docs/ as it is")
    arguments = parser.parse_args()
    if not arguments.keep:
        copy_results(ROOT / "results/benchmark", ROOT / "docs")
    readme = ROOT / "README.md"
    write_text(readme, with_block(readme.read_text(encoding="utf-8"), block(ROOT / "docs")))


def copy_results(results: Path, docs: Path) -> None:
    """Copy what the README is made from.

    Raises:
        InputError: the benchmark has not been run.
    """
    for name, copied in COPIED.items():
        if not (results / name).is_file():
            raise InputError(f"{results / name}: no such file; run `snakemake --cores 1 benchmark` first")
        with whole_file(docs / copied) as temporary:
            shutil.copyfile(results / name, temporary)


def block(docs: Path) -> str:
    """The text between the marks."""
    text = markdown(read_csv(docs / "benchmark.csv"), read_json(docs / "benchmark-machine.json"))
    return f"{text}\n\n![Images a second of every contender](docs/benchmark.png)"


def with_block(readme: str, text: str) -> str:
    """The README with `text` between the marks of the benchmark."""
    return readme_with_block(readme, BEGIN, END, text)


if __name__ == "__main__":
    run(main)
