"""Write the manifest of a finished run: the SHA-256 of every artefact, the versions and the config."""

from pathlib import Path

import studies
from invariance.command_line import progress, run
from invariance.plan.catalogue import Catalogue
from invariance.plan.plan import Plan
from invariance.record import manifest
from invariance.record.artefacts import read_json


def main(*, config: Path, keep_copies: bool = False, output: Path) -> None:
    """Hash the artefacts, and write the manifest.

    Their names follow from the config: as words of a command line they would be too many for the system.

    Args:
        config: config.json.
        keep_copies: Whether the distorted copies are there.
        output: manifest.json.
    """
    plan = Plan({**read_json(config), "keep_copies": keep_copies})
    artefacts = Catalogue(plan, studies.declared()).artefacts
    manifest.write_manifest(artefacts, config, output)
    progress(f"hashed {len(artefacts)} artefacts")


if __name__ == "__main__":
    run(main)
