"""How much faster is the whole study than at an earlier commit? In CPU time, on this machine, for the default config.

One seed of every distinct training, evaluation and distortion is run by the code of both versions in turn: an epoch of
some images, or the whole grid of shifts of a few. Each is multiplied by the images, epochs, copies and seeds that the
config asks for. Compiling, starting up and a first run of every kind of work are not counted. After
`snakemake --cores 2 data`, or any other target that needs the source images:

    python benchmarks/compare_versions.py HEAD~10
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import pandas as pd
from cyclopts import Parameter
from cyclopts.validators import Number

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from invariance.command_line import progress, run
from invariance.data.images import alternate_positions, place_on_canvas, shift_grid
from invariance.distortions.fields import Distortion, distort, random_key
from invariance.networks.building import build_model, train_part
from invariance.plan.plan import Cell, Plan
from invariance.plan.reading import load, resolve
from invariance.record.artefacts import InputError, load_array, write_text
from speed.surroundings import ENVIRONMENT, ROOT, processor

COLUMNS = ["stage", "study", "model", "training", "core_minutes_then", "core_minutes_now", "ratio"]


@dataclass(frozen=True)
class Work:
    """A job for benchmarks/speed/worker.py, and how often the study does as much."""

    stage: str
    study: str
    model: str
    training: str
    times: float
    job: dict[str, Any]


def main(
    commit: str,
    /,
    *,
    source: Path = ROOT / "results/mnist/source",
    images: Annotated[int, Parameter(validator=Number(gte=128))] = 1280,
    rounds: Annotated[int, Parameter(validator=Number(gte=1))] = 3,
    output: Path | None = None,
) -> None:
    """Print the core minutes of every part of the study, then and now.

    Args:
        commit: The earlier version, by any name that git knows.
        source: Folder of the source images.
        images: How many are trained on and distorted; a twentieth of them is moved over each grid of shifts.
        rounds: Turns of each version; medians count.
        output: CSV with one row per training, evaluation and distortion.
    """
    plan = resolve(load([ROOT / "config.yaml"]))["mnist"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        works = [*distortions(plan, source, images, folder), *trainings(plan, source, images, folder)]
        works += evaluations(plan, source, images // 20, folder)
        then = stack.enter_context(worktree(commit, folder / "then"))
        workers = [stack.enter_context(worker(project)) for project in (then, ROOT)]
        rows = list(measured(works, workers, rounds))
    if output:
        write_text(output, pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False, float_format="%.4g"))
    print(table(rows, commit))


# ---------------------------------------------------------------------------------------------------------------------
# What the study does


def distortions(plan: Plan, source: Path, images: int, folder: Path) -> Iterator[Work]:
    """One work per distorted data set; the study distorts all source images once for every copy."""
    originals = load_array(source / "train-images.npy")
    for (canvas, name), copies in plan.copies.items():
        job = {"name": name, "settings": plan["distortions"][name]}
        files = saved(folder / f"{canvas}-{name}", place_on_canvas(originals[:images], canvas), source)
        yield work("distort", Cell("", "", name, 0), copies * len(originals) / images, job | files)


def trainings(plan: Plan, source: Path, images: int, folder: Path) -> Iterator[Work]:
    """One work per distinct training: an epoch, on images distorted as its own are."""
    seeds = Counter(cell._replace(seed=0) for cell in plan.trained)
    originals, labels = load_array(source / "train-images.npy")[:images], load_array(source / "train-labels.npy")
    for cell, count in seeds.items():
        model, settings = plan.network(cell.model), plan.training_settings(cell.study, cell.model, cell.training)
        job = {
            "model": model,
            "frozen": frozen(model, settings),
            "optimisation": settings["optimisation"],
            "validation": images * settings["validation_images"] // settings["train_images"],
        }
        files = saved(folder / "-".join(map(str, cell)), trained_on(plan, settings, originals), source)
        shown = np.isin(labels, settings.get("only", labels)).mean() * settings["train_images"]
        times = count * settings["optimisation"]["epochs"] * shown / images
        yield work("train", cell, times, job | files)


def frozen(model: dict[str, Any], settings: dict[str, Any]) -> list[str]:
    """The names of the weights that a training leaves as they are."""
    network = build_model(model, settings["canvas"])
    train_part(network, settings.get("trained_part", "all"))
    return [name for name, weight in network.named_parameters() if not weight.requires_grad]


def trained_on(plan: Plan, settings: dict[str, Any], originals: np.ndarray) -> np.ndarray:
    """The images of a training's first epoch. Those of a `classes` are all distorted: its blank pixels are as many."""
    canvas, name = settings["canvas"], settings["distortion"]
    placed = place_on_canvas(originals, canvas)
    if "positions" in settings:
        return alternate_positions(placed, settings["positions"])[0]
    if name == "none":
        return placed
    return distort(placed, Distortion.from_settings(plan["distortions"][name]), random_key("mnist", canvas, name, 0))


def evaluations(plan: Plan, source: Path, images: int, folder: Path) -> Iterator[Work]:
    """One work per distinct evaluation: some images at every shift, and as many more unshifted as in the study."""
    all_images = load_array(source / "test-images.npy")
    told = dict.fromkeys(plan.weights[cell] for cell in plan.cells if plan.tells_positions(cell.study))
    seeds = Counter(cell._replace(seed=0) for cell in dict.fromkeys([*plan.evaluations.values(), *told]))
    for cell, count in seeds.items():
        study, positions = plan["studies"][cell.study], plan.tells_positions(cell.study)
        shifts = plan.shift_settings(cell.study, cell.model, cell.training)
        grid = study["positions"] if positions else shift_grid(study["max_shift"])
        shifted = min(len(all_images), shifts["shift_images"], images * (1 if len(grid) > 2 else 10))
        unshifted = min(len(all_images), shifted * len(all_images) // shifts["shift_images"])
        job = {"model": plan.network(cell.model), "positions": positions, "shifts": grid, "shifted": shifted}
        placed = place_on_canvas(all_images[: shifted if positions else unshifted], shifts["canvas"])
        times = count * (len(all_images) if positions else shifts["shift_images"]) / shifted
        yield work("evaluate", cell, times, job | saved(folder / f"{shifts['canvas']}-{len(placed)}", placed, source))


def saved(stem: Path, images: np.ndarray, source: Path) -> dict[str, str]:
    """Write images where a worker reads them; with the first training labels, since only their number costs time."""
    files = {"images": f"{stem}.images.npy", "labels": f"{stem}.labels.npy"}
    np.save(files["images"], images, allow_pickle=False)
    np.save(files["labels"], load_array(source / "train-labels.npy")[: len(images)], allow_pickle=False)
    return files


def work(stage: str, cell: Cell, times: float, job: dict[str, Any]) -> Work:
    """The work that a cell, without its seed, needs in a stage."""
    return Work(stage, cell.study, cell.model, cell.training, times, {"stage": stage, **job})


# ---------------------------------------------------------------------------------------------------------------------
# Two versions that take turns


@contextmanager
def worktree(commit: str, folder: Path) -> Iterator[Path]:
    """The files of a commit in a folder, for a while.

    Raises:
        InputError: git knows no such commit.
    """
    command = ["git", "-C", str(ROOT), "worktree"]
    added = subprocess.run([*command, "add", "--detach", str(folder), commit], capture_output=True, text=True)
    if added.returncode:
        raise InputError(f"commit {commit}: {added.stderr.strip()}; allowed: any name of a commit of this project")
    try:
        yield folder
    finally:
        subprocess.run([*command, "remove", "--force", str(folder)], check=True)


@contextmanager
def worker(project: Path) -> Iterator[subprocess.Popen]:
    """A process that computes with the code of a project's folder."""
    command = [sys.executable, str(ROOT / "benchmarks/speed/worker.py"), str(project)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ENVIRONMENT
    )
    try:
        yield process
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()


def seconds(process: subprocess.Popen, job: dict[str, Any]) -> float:
    """CPU seconds of a job.

    Raises:
        InputError: the worker has died; its own message stands above.
    """
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise InputError("a version fails at a job, as its message above says; allowed: a commit with the same library")
    return float(answer)


def measured(works: Sequence[Work], workers: Sequence[subprocess.Popen], rounds: int) -> Iterator[list[Any]]:
    """Rows of COLUMNS. Ratios are medians over rounds, in which the versions take turns at going first."""
    warm = set()
    for number, one in enumerate(works, start=1):
        kind = one.stage, one.model, one.study if one.stage != "distort" else one.training
        if kind not in warm:
            for process in workers:
                seconds(process, one.job)
            warm.add(kind)
        turns = []
        for turn in range(rounds):
            order = workers if turn % 2 else workers[::-1]
            turns.append(dict(zip(map(id, order), [seconds(process, one.job) for process in order], strict=True)))
        then, now = ([turn[id(process)] for turn in turns] for process in workers)
        ratio = median(new / old for old, new in zip(then, now, strict=True))
        minutes = one.times * median(then) / 60
        yield [one.stage, one.study, one.model, one.training, minutes, minutes * ratio, ratio]
        progress(f"{number}/{len(works)} {one.stage} {one.study} {one.model} {one.training}: {ratio:.2f}")


def table(rows: Sequence[Sequence[Any]], commit: str) -> str:
    """A Markdown table: core minutes by stage and model, by stage, and in all."""
    sums: dict[tuple[str, str], np.ndarray] = {}
    for stage, _, model, _, *minutes, _ in rows:
        for key in {(stage, model or "all"), (stage, "all"), ("all", "")}:
            sums[key] = sums.get(key, np.zeros(2)) + minutes
    lines = [f"| | | {commit}, core minutes | now, core minutes | ratio |", "|---|---|---|---|---|"]
    for key in sorted(sums, key=lambda key: (key[0] == "all", key[0], key[1] == "all")):
        then, now = sums[key]
        lines.append(f"| {' | '.join(key)} | {then:.1f} | {now:.1f} | {now / then:.2f} |")
    return f"On {processor()}:\n\n" + "\n".join(lines)


if __name__ == "__main__":
    run(main)
