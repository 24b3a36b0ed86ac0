"""Write the manifest of a finished run: the SHA-256 of every artefact, the versions and the config."""

from pathlib import Path

from invariance.command_line import progress, run
from invariance.record import manifest


def main(*, artefacts: list[Path], config: Path, output: Path) -> None:
    """Hash the artefacts, and write the manifest.

    Args:
        artefacts: All files of the run, below the folder of the manifest.
        config: config.json.
        output: manifest.json.
    """
    manifest.write_manifest(artefacts, config, output)
    progress(f"hashed {len(artefacts)} artefacts")


if __name__ == "__main__":
    run(main)
