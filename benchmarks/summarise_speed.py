"""Make the table and the figure of the benchmark from the files of benchmarks/measure_speed.py, and print the table.

python benchmarks/summarise_speed.py --measured distorting.json training.json evaluating.json --output results/benchmark
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from invariance.command_line import run
from invariance.drawing.style import save, style
from invariance.record.artefacts import InputError, read_json, write_json, write_text
from speed.figure import speed_figure
from speed.report import as_csv, markdown, read_csv, summary


def main(*, measured: list[Path], output: Path) -> None:
    """Write CSV, Markdown, machine and figure; print the Markdown.

    Args:
        measured: JSON of each loop, from benchmarks/measure_speed.py.
        output: The folder to write to.
    """
    loops = [read_json(path) for path in measured]
    machine = loops[0]["machine"]
    if any(one["machine"] != machine for one in loops):
        raise InputError(
            f"{', '.join(map(str, measured))}: measured on different machines, or with different versions; "
            "delete them to have them measured again"
        )
    write_text(output / "benchmark.csv", as_csv(row for one in loops for row in summary(one)))
    rows = read_csv(output / "benchmark.csv")
    text = markdown(rows, machine)
    write_text(output / "benchmark.md", text + "\n")
    write_json(output / "machine.json", machine)
    style()
    save(speed_figure(rows), output / "benchmark.pdf", output / "benchmark.png", "benchmark")
    print(text)


if __name__ == "__main__":
    run(main)
