"""Write the plan of a run as JSON, in the order of its tables."""

from pathlib import Path

from invariance.command_line import Json, run
from invariance.record.artefacts import write_json


def main(*, config: Json, output: Path) -> None:
    """Write config.json.

    Args:
        config: The plan, as JSON.
        output: config.json.
    """
    write_json(output, config, sort_keys=False)


if __name__ == "__main__":
    run(main)
