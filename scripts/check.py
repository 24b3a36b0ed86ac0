"""Hash all results again and compare them with their manifests."""

from pathlib import Path

from invariance.command_line import run
from invariance.record.artefacts import InputError
from invariance.record.manifest import differences


def main(*manifests: Path) -> None:
    """Print one line for each altered, missing or extra artefact; fail if there is one.

    Args:
        manifests: manifest.json of one or more runs; by default all below the folder results/ here, or else beside this
            script's folder.
    """
    results = Path("results") if Path("results").is_dir() else Path(__file__).resolve().parents[1] / "results"
    manifests = manifests or tuple(sorted(results.glob("*/manifest.json")))
    if not manifests:
        raise InputError(f"{results}/*/manifest.json: no such file; a whole run writes its manifest last")
    lines = [line for manifest in manifests for line in differences(manifest)]
    for line in lines:
        print(line)
    if lines:
        raise InputError(
            f"{len(lines)} differences; delete what was altered and run snakemake, which makes it again; delete "
            "extra files that you do not need"
        )
    print(f"unaltered: all artefacts of {', '.join(str(manifest) for manifest in manifests)}")


if __name__ == "__main__":
    run(main)
