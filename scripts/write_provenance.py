"""Stage 6, paper: the table on the last page, of what this paper was made from."""

from pathlib import Path

from invariance.command_line import run
from invariance.paper.tex import provenance_tabular
from invariance.record.artefacts import require_unaltered, write_text


def main(*, root: Path, artefacts: list[Path], output: Path) -> None:
    """Write a tabular of artefacts and the first digits of their hashes.

    Args:
        root: The folder results/<dataset>; printed paths are relative to it.
        artefacts: Files to hash.
        output: The tabular, .tex.
    """
    listed = [(str(path.relative_to(root)), require_unaltered(path)) for path in sorted(artefacts)]
    write_text(output, provenance_tabular(listed))


if __name__ == "__main__":
    run(main)
