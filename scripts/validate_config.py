"""Check a config, and print how much it asks for.

    python scripts/validate_config.py config.yaml my.yaml

Overlays are merged over the config in the order given, as `snakemake --configfile` does.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import studies
from invariance.command_line import run
from invariance.plan.plan import Plan
from invariance.plan.reading import load, resolve
from invariance.plan.validation import validate

SCHEMA = Path(__file__).parent.parent / "workflow" / "schemas" / "config.schema.yaml"


def size(plan: Plan) -> str:
    """How much a plan asks for, in one line."""
    copies = plan.copies
    return (
        f"{plan.dataset}: {len(plan.trained)} trainings, {len(plan.cells)} evaluations, "
        f"{sum(copies.values())} distorted copies of {len(copies)} kinds, {len(plan['studies'])} studies"
    )


def main(config: Path, *overlays: Path, schema: Annotated[Path, Parameter(show_default=False)] = SCHEMA) -> None:
    """Validate, then print the size of each plan, that of plain `snakemake` first.

    Args:
        config: The config, such as config.yaml.
        overlays: Files that name only what they change.
        schema: JSON schema in YAML; by default the workflow's.

    Raises:
        InputError: a file cannot be read, or the config is not valid.
    """
    merged = load([config, *overlays])
    validate(merged, schema, studies.declared())
    print("config is valid")
    plans = resolve(merged)
    for name in sorted(plans, key=lambda name: name != merged["dataset"]):
        print(f"  {size(plans[name])}")


if __name__ == "__main__":
    run(main)
