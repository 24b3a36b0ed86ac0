"""Build the interactive page: one file that shows what the networks of a run answer wherever the digit is moved."""

from pathlib import Path

import studies
from invariance.command_line import progress, run
from invariance.explorer.content import content
from invariance.explorer.page import page
from invariance.plan.catalogue import Catalogue
from invariance.plan.explored import inputs_of
from invariance.plan.plan import Plan
from invariance.record.artefacts import read_json, write_text


def main(*, config: Path, sources: Path, output: Path) -> None:
    """Read what the page shows, and write it.

    Which files it reads follows from the config, as for the manifest.

    Args:
        config: config.json.
        sources: The folder explorer/.
        output: explorer.html.
    """
    inputs = inputs_of(Catalogue(Plan(read_json(config)), studies.declared()))
    shown, weights = content(inputs)
    text = page(sources, shown, weights)
    write_text(output, text)
    progress(f"{len(text) / 1e6:.1f} MB, {sum(map(len, weights.values())) / 1e6:.1f} of them weights")


if __name__ == "__main__":
    run(main)
