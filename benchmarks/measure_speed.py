"""Measure one of the three loops, ours beside its peers, on one core: distorting, training or evaluating.

Contenders take turns for several rounds, and the ceilings of the machine are measured among them. What is written down
is raw: the seconds of every round. benchmarks/summarise_speed.py makes the table and the figure of it.

    python benchmarks/measure_speed.py distorting --output distorting.json
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from invariance.command_line import progress, run
from invariance.record.artefacts import write_json
from speed import surroundings
from speed.harness import Task, measure

LOOPS = ("distorting", "training", "evaluating")
ROUNDS = 7


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("loop", choices=LOOPS)
    parser.add_argument("--rounds", type=positive_integer, default=ROUNDS, help=f"default: {ROUNDS}")
    parser.add_argument(
        "--share", type=share, default=1.0, help="part of the usual number of images, above 0 and up to 1; default: 1"
    )
    parser.add_argument("--output", type=Path, required=True, help="the JSON to write")
    arguments = parser.parse_args()

    surroundings.enter()
    tasks = [with_ceilings(task, arguments.share) for task in tasks_of(arguments.loop, arguments.share)]
    seconds = measure(tasks, arguments.rounds, progress=progress)
    rows = [
        {
            "task": task.name,
            "contender": contender.name,
            "images": contender.images,
            "flops": task.flops,
            "moved": task.moved,
            "seconds": seconds[task.name, contender.name],
            **contender.facts,
        }
        for task in tasks
        for contender in task.contenders
    ]
    write_json(arguments.output, {"loop": arguments.loop, "machine": surroundings.machine(), "rows": rows})


def positive_integer(text: str) -> int:
    """Argparse type of a number of rounds."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def share(text: str) -> float:
    """Argparse type of a share."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to 1")
    return value


def tasks_of(loop: str, share: float) -> list[Task]:
    """The tasks of a loop; what they import needs the packages that `surroundings` has added."""
    if loop == "distorting":
        from speed import distorting

        return distorting.tasks(share)
    from speed import learning

    return learning.training_tasks(share) if loop == "training" else learning.evaluating_tasks(share)


def with_ceilings(task: Task, share: float) -> Task:
    """The task with the ceilings of the machine as its last contenders."""
    from speed.ceilings import ceilings

    return replace(task, contenders=[*task.contenders, *ceilings(share)])


if __name__ == "__main__":
    run(main)
