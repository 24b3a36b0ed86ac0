"""From the seconds of every round to tables: summary rows, CSV and Markdown."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from invariance.record.artefacts import InputError
from invariance.results.labels import MODELS
from speed.harness import median_and_range, ratios, shares, speeds

COLUMNS = (
    "loop",
    "task",
    "contender",
    "unit",  # of median, lowest and highest
    "median",
    "lowest",
    "highest",
    "ratio",  # ours to this one, within a round; the share of our time, for the parts of ours
    "lowest_ratio",
    "highest_ratio",
    "percent_of_matrix_product",
    "percent_of_cache_copy",
    "percent_of_memory_copy",
    "rounds",
    "images",  # in a round
    "flops",  # an image
    "bytes",  # an image
    "rms_displacement",  # pixels, along an axis
    "mean_difference",  # grey levels, from the reference in float64
    "largest_difference",
    "note",
)
CEILING_UNITS = {"matrix product": "GFLOP/s", "memory copy": "GB/s", "cache copy": "GB/s"}
CEILING_OF = {
    "percent_of_matrix_product": ("matrix product", "flops"),
    "percent_of_cache_copy": ("cache copy", "moved"),
    "percent_of_memory_copy": ("memory copy", "moved"),
}
OURS, CEILING = "ours", "ceiling"
PARTS = "elastic, parts of ours"
ONE_BY_ONE = "simard_cnn, one by one"
PLAIN, TUTORIAL = "plain PyTorch", "PyTorch tutorial"
PRODUCTS = "products alone"

Row = dict[str, Any]


# ---------------------------------------------------------------------------------------------------------------------
# Summary


def summary(measured: Mapping[str, Any]) -> list[Row]:
    """The rows of one loop: each contender of each task, then the ceilings, over all of its tasks.

    Args:
        measured: what measure_speed.py wrote: `loop`, and `rows` with `task`, `contender`, `images`, `seconds`.
    """
    tasks: dict[str, dict[str, Row]] = {}
    for row in measured["rows"]:
        tasks.setdefault(row["task"], {})[row["contender"]] = row
    summarised = [
        contender_row(measured["loop"], row, contenders)
        for contenders in tasks.values()
        for name, row in contenders.items()
        if name not in CEILING_UNITS
    ]
    return summarised + [ceiling_row(measured["loop"], name, tasks.values()) for name in CEILING_UNITS]


def contender_row(loop: str, row: Row, contenders: Mapping[str, Row]) -> Row:
    """One contender's summary, beside ours and below the ceilings that were measured among them."""
    speed = speeds(row["images"], row["seconds"])
    ours = speeds(contenders[OURS]["images"], contenders[OURS]["seconds"])
    summarised = {
        "loop": loop,
        "task": row["task"],
        "contender": row["contender"],
        "unit": "images/s",
        **named(("median", "lowest", "highest"), median_and_range(speed)),
        **named(("ratio", "lowest_ratio", "highest_ratio"), median_and_range(ratios(ours, speed))),
        "rounds": len(speed),
        "images": row["images"],
        "flops": row["flops"],
        "bytes": row["moved"],
        "rms_displacement": row.get("rms"),
        "mean_difference": row.get("mean_difference"),
        "largest_difference": row.get("largest_difference"),
        "note": row.get("note"),
    }
    if row["task"] != PARTS:  # their work is counted only as a whole
        for column, (ceiling, work) in CEILING_OF.items():
            most = speeds(contenders[ceiling]["work"], contenders[ceiling]["seconds"])
            summarised[column] = median_and_range(shares(row[work], speed, most))[0]
    return summarised


def ceiling_row(loop: str, name: str, tasks: Iterable[Mapping[str, Row]]) -> Row:
    """The speed of the machine at one ceiling while the loop was measured, over all rounds of all tasks."""
    speed = [one / 1e9 for task in tasks for one in speeds(task[name]["work"], task[name]["seconds"])]
    return {
        "loop": loop,
        "task": CEILING,
        "contender": name,
        "unit": CEILING_UNITS[name],
        **named(("median", "lowest", "highest"), median_and_range(speed)),
        "rounds": len(speed),
    }


def named(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """The values under their names."""
    return dict(zip(names, values, strict=True))


# ---------------------------------------------------------------------------------------------------------------------
# CSV


def as_csv(rows: Iterable[Row]) -> str:
    """Comma-separated values with COLUMNS, numbers with four significant digits; None is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({column: cell(row.get(column)) for column in COLUMNS})
    return stream.getvalue()


def cell(value: object) -> object:
    """One field of the CSV."""
    return f"{significant(value, 4):.12g}" if isinstance(value, float) else value


def significant(value: float, digits: int) -> float:
    """The value, rounded to significant digits."""
    return round(value, digits - 1 - math.floor(math.log10(abs(value)))) if value else value


def read_csv(path: Path | str) -> list[Row]:
    """The rows of a CSV that `as_csv` made; fields that are empty are None.

    Raises:
        InputError: the file is missing or has other columns.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `snakemake --cores 1 benchmark` makes results/benchmark/") from None
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"{path}: not the columns of this program; run `snakemake --cores 1 benchmark` again")
    return [{column: parsed(column, text) for column, text in row.items()} for row in reader]


def parsed(column: str, text: str) -> object:
    """One field of the CSV."""
    if text == "":
        return None
    return text if column in ("loop", "task", "contender", "unit", "note") else float(text)


# ---------------------------------------------------------------------------------------------------------------------
# Markdown


def markdown(rows: Sequence[Row], machine: Mapping[str, Any]) -> str:
    """The tables of docs/speed.md, with what they were measured on."""
    return "\n\n".join(
        [
            machine_text(rows, machine),
            "Making distorted images, 29x29:",
            distorting_table(rows),
            parts_text(rows),
            "Training, images per second through one epoch:",
            learning_table([row for row in rows if row["loop"] == "training"]),
            "Evaluating, images per second:",
            learning_table([row for row in rows if row["loop"] == "evaluating"]),
        ]
    )


def headline(rows: Sequence[Row]) -> str:
    """How many times as fast as its peers each of our loops is, in a sentence."""

    def ours_to(loop: str, wanted: Callable[[str], bool]) -> list[float]:
        """For each task of a loop, the ratio of ours to the fastest of the wanted contenders."""
        ratios: dict[str, float] = {}
        for row in rows:
            task, contender = row["task"], row["contender"]
            if (
                row["loop"] == loop
                and task not in (CEILING, PARTS, ONE_BY_ONE)
                and contender != OURS
                and wanted(contender)
            ):
                ratios[task] = min(row["ratio"], ratios.get(task, math.inf))
        return list(ratios.values())

    def span(ratios: Sequence[float]) -> str:
        return f"{min(ratios):.2g} to {max(ratios):.2g} times"

    (tutorial,) = ours_to("training", TUTORIAL.__eq__)
    return (
        f"On one core, distorting is {span(ours_to('distorting', lambda _: True))} as fast as the fastest peer "
        f"library; training in batches of 128 is {span(ours_to('training', PLAIN.__eq__))} as fast as plain PyTorch, "
        f"and {tutorial:.0f} times as fast as the PyTorch tutorial; evaluating is "
        f"{span(ours_to('evaluating', PLAIN.__eq__))} as fast as plain PyTorch."
    )


def machine_text(rows: Sequence[Row], machine: Mapping[str, Any]) -> str:
    """Processor, rounds and ceilings, in a sentence or two."""
    rounds = max(int(row["rounds"]) for row in rows if row["contender"] == OURS)
    found = {}
    for name, unit in CEILING_UNITS.items():
        ceilings = [row for row in rows if row["task"] == CEILING and row["contender"] == name]
        low, high = min(row["lowest"] for row in ceilings), max(row["highest"] for row in ceilings)
        median = sorted(row["median"] for row in ceilings)[len(ceilings) // 2]
        found[name] = f"{number(median)} {unit} ({number(low)} to {number(high)})"
    sets = ", ".join(machine["instruction_sets"])
    processor = f"{machine['processor']} ({sets})" if sets else machine["processor"]
    versions = machine["versions"]
    return (
        f"One core of {processor}; {rounds} rounds; Python {versions['python']}, "
        f"NumPy {versions['numpy']}, PyTorch {versions['torch']}. Ceilings of the machine in the same rounds, median "
        f"and range: float32 matrix product {found['matrix product']}, copy within the cache {found['cache copy']}, "
        f"copy of memory {found['memory copy']}."
    )


def distorting_table(rows: Sequence[Row]) -> str:
    """Contenders of every distortion, ours first, then the fastest."""
    header = ["", "images/s", "ours, times as fast", "% of product", "% of cache copy", "rms px", "what to know of it"]
    lines = [header, ["---"] * len(header)]
    chosen = [row for row in rows if row["loop"] == "distorting" and row["task"] not in (CEILING, PARTS)]
    for task in dict.fromkeys(row["task"] for row in chosen):
        contenders = [row for row in chosen if row["task"] == task]
        for row in sorted(contenders, key=lambda row: (row["contender"] != OURS, -row["median"])):
            lines.append(
                [
                    f"{task}: {bold(row['contender'])}",
                    spread(row, "median", "lowest", "highest"),
                    "" if row["contender"] == OURS else times(row),
                    number(row["percent_of_matrix_product"]) if row["flops"] else "",
                    number(row["percent_of_cache_copy"]),
                    f"{row['rms_displacement']:.2f}" if row["rms_displacement"] else "",
                    remark(row),
                ]
            )
    return table(lines)


def remark(row: Row) -> str:
    """A contender's note; ours says how accurate it is."""
    if row["mean_difference"] is None:
        return row["note"] or ""
    return (
        f"differs from a float64 reference by {row['mean_difference']:.1g} grey levels on average, by "
        f"{row['largest_difference']:.0f} at most"
    )


def parts_text(rows: Sequence[Row]) -> str:
    """Where our time goes, in a sentence."""
    parts = {row["contender"]: 100 * row["ratio"] for row in rows if row["task"] == PARTS}
    blur = parts["fields"] - parts["random numbers"]
    return (
        f"Of our time for an elastic image, {parts['random numbers']:.0f}% goes into random numbers, {blur:.0f}% into "
        f"the blur and {parts['warp']:.0f}% into the warp."
    )


def learning_table(rows: Sequence[Row]) -> str:
    """One row per network, ours beside plain PyTorch, then one row per other peer."""
    header = ["", "ours", PLAIN, "ours, times as fast", "ours, % of product", "ours, % of cache copy"]
    lines, others = [header, ["---"] * len(header)], []
    tasks = [row["task"] for row in rows if row["task"] != CEILING]
    for task in dict.fromkeys(tasks):
        contenders = {row["contender"]: row for row in rows if row["task"] == task}
        ours, plain = contenders.pop(OURS), contenders.pop(PLAIN)
        lines.append(
            [
                network(task),
                spread(ours, "median", "lowest", "highest"),
                spread(plain, "median", "lowest", "highest"),
                times(plain),
                number(ours["percent_of_matrix_product"]),
                number(ours["percent_of_cache_copy"]),
            ]
        )
        for name, row in contenders.items():
            others.append(
                [f"{network(task)}: {name}", "", spread(row, "median", "lowest", "highest"), times(row), "", ""]
            )
    return table(lines + others)


def network(task: str) -> str:
    """The label of a network."""
    name, comma, rest = task.partition(", ")
    return f"{MODELS.get(name, name)}{comma}{rest}"


def table(lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bold(name: str) -> str:
    """The name, in bold if it is ours."""
    return f"**{name}**" if name == OURS else name


def number(value: float) -> str:
    """Three significant digits, with commas between thousands."""
    rounded = significant(value, 3)
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"


def spread(row: Row, *columns: str) -> str:
    """Median and range."""
    middle, low, high = (number(row[column]) for column in columns)
    return f"{middle} ({low} to {high})"


def times(row: Row) -> str:
    """The ratio to ours, with its range."""
    middle, low, high = (number(row[column]) for column in ("ratio", "lowest_ratio", "highest_ratio"))
    return f"{middle} ({low} to {high})"
