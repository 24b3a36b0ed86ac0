"""Measure one of the three loops, ours beside its peers, on one core: distorting, training or evaluating.

Contenders take turns for several rounds, with the ceilings of the machine among them. The output holds the seconds of
every round; benchmarks/summarise_speed.py makes the table and the figure from it.

    python benchmarks/measure_speed.py --loop distorting --output distorting.json
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from invariance.command_line import progress, run
from invariance.record.artefacts import write_json
from speed import surroundings
from speed.harness import Task, measure

Loop = Literal["distorting", "training", "evaluating"]


def main(
    *,
    loop: Loop,
    rounds: Annotated[int, Parameter(validator=Number(gte=1))] = 7,
    share: Annotated[float, Parameter(validator=Number(gt=0, lte=1))] = 1.0,
    output: Path,
) -> None:
    """Measure a loop and write the seconds.

    Args:
        loop: What to measure.
        rounds: How often each contender takes its turn.
        share: Part of the usual number of images, above 0 and up to 1.
        output: The JSON to write.
    """
    surroundings.enter()
    tasks = [with_ceilings(task, share) for task in tasks_of(loop, share)]
    seconds = measure(tasks, rounds, progress=progress)
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
    write_json(output, {"loop": loop, "machine": surroundings.machine(), "rows": rows})


def tasks_of(loop: Loop, share: float) -> list[Task]:
    """The tasks of a loop. They are imported here, because they need the packages that `surroundings` adds."""
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
