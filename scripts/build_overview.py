"""Write the verdicts of a run and Simard's table as one HTML page, the first of the Snakemake report."""

from pathlib import Path

from invariance.command_line import run
from invariance.record.artefacts import write_text
from invariance.results.overview import TITLE, verdicts
from invariance.results.page import page


def main(*, results: Path, output: Path) -> None:
    """Write the page.

    Args:
        results: results/<dataset>, with claims.json, config.json and the tables of every study.
        output: The page, HTML without scripts, pictures or links.
    """
    write_text(output, page(TITLE, verdicts(results)))


if __name__ == "__main__":
    run(main)
