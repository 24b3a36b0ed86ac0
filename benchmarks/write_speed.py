"""Write the results of the benchmark into docs/speed.md and README.md: nobody types them.

    snakemake --cores 1 benchmark && python benchmarks/write_speed.py
    python benchmarks/write_speed.py --keep    # from the results in docs/

The CSV, the machine and the figure are copied from results/benchmark/ to docs/, where they are committed.
"""

import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from invariance.command_line import run
from invariance.record.artefacts import InputError, read_json, whole_file
from invariance.record.blocks import replace_block
from speed.report import headline, markdown, read_csv
from speed.surroundings import ROOT

README, DOCS = ROOT / "README.md", ROOT / "docs"
COPIED = {"benchmark.csv": "benchmark.csv", "benchmark.png": "benchmark.png", "machine.json": "benchmark-machine.json"}


def main(*, keep: bool = False) -> None:
    """Copy the results; write the tables of docs/speed.md and the sentence of the README.

    Args:
        keep: Copy nothing; use the results that docs/ has.
    """
    if not keep:
        copy_results(ROOT / "results/benchmark", DOCS)
    replace_block(DOCS / "speed.md", "benchmark", tables_block(DOCS))
    replace_block(README, "speed", speed_block(DOCS))


def copy_results(results: Path, docs: Path) -> None:
    """Copy the results that the blocks are made from.

    Raises:
        InputError: the benchmark has not been run.
    """
    for name, copied in COPIED.items():
        if not (results / name).is_file():
            raise InputError(f"{results / name}: no such file; run `snakemake --cores 1 benchmark` first")
        with whole_file(docs / copied) as temporary:
            shutil.copyfile(results / name, temporary)


def tables_block(docs: Path) -> str:
    """The tables, with what they were measured on, and the figure."""
    text = markdown(read_csv(docs / "benchmark.csv"), read_json(docs / "benchmark-machine.json"))
    return f"{text}\n\n![Images per second of every contender](benchmark.png)"


def speed_block(docs: Path) -> str:
    """How fast the three loops are, in a sentence, with a link to the measurement."""
    return f"{headline(read_csv(docs / 'benchmark.csv'))} [How this was measured](docs/speed.md)."


if __name__ == "__main__":
    run(main)
