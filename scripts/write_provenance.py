"""Stage 6, paper: what this copy of the paper was made from, for its last page."""

import argparse
from pathlib import Path

from invariance.command_line import run
from invariance.paper import tex
from invariance.record.artefacts import require_unaltered, write_text


def main() -> None:
    """Write a tabular of artefacts and the first digits of their hashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="results/<dataset>; paths are printed below it")
    parser.add_argument("--artefacts", type=Path, nargs="+", required=True, help="files to hash")
    parser.add_argument("--output", type=Path, required=True, help="the .tex file")
    arguments = parser.parse_args()
    listed = [(str(path.relative_to(arguments.root)), require_unaltered(path)) for path in sorted(arguments.artefacts)]
    write_text(arguments.output, tex.provenance_tabular(listed))


if __name__ == "__main__":
    run(main)
