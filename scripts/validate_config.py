"""Say whether a config is valid, and how much it asks for.

    python scripts/validate_config.py config.yaml my.yaml

Overlays are merged over the config in the order given, as `snakemake --configfile` does.
"""

import argparse
from pathlib import Path

from invariance.command_line import run
from invariance.plan import configuration

SCHEMA = Path(__file__).parent.parent / "workflow" / "schemas" / "config.schema.yaml"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="the config, such as config.yaml")
    parser.add_argument("overlays", type=Path, nargs="*", help="files that name only what they change")
    parser.add_argument("--schema", type=Path, default=SCHEMA, help="JSON schema in YAML (default: the workflow's)")
    return parser.parse_args()


def summary(settings: configuration.Run) -> str:
    """One line on the size of a run."""
    trainings, evaluations = configuration.trained_cells(settings), configuration.cells(settings)
    copies = configuration.distorted_copies(settings)
    return (
        f"{settings['dataset']}: {len(trainings)} trainings, {len(evaluations)} evaluations, "
        f"{sum(copies.values())} distorted copies of {len(copies)} kinds, {len(settings['studies'])} studies"
    )


def main() -> None:
    """Validate, then print the size of the run that plain `snakemake` makes first, then of the other one.

    Raises:
        InputError: a file cannot be read, or the config is not valid.
    """
    arguments = parse_arguments()
    config = configuration.load([arguments.config, *arguments.overlays])
    configuration.validate(config, arguments.schema)
    print("config is valid")
    runs = configuration.resolve(config)
    for name in sorted(runs, key=lambda name: name != config["dataset"]):
        print(f"  {summary(runs[name])}")


if __name__ == "__main__":
    run(main)
