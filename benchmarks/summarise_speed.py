"""Make the table and the figure of the benchmark from what benchmarks/measure_speed.py wrote, and print the table.

python benchmarks/summarise_speed.py distorting.json training.json evaluating.json --output results/benchmark
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

from invariance.command_line import run
from invariance.drawing.style import save, style
from invariance.record.artefacts import InputError, read_json, write_json, write_text
from speed.figure import speed_figure
from speed.report import as_csv, markdown, read_csv, summary


def main() -> None:
    """Read the command line; write CSV, Markdown, machine and figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("measured", type=Path, nargs="+", help="JSON of each loop, from benchmarks/measure_speed.py")
    parser.add_argument("--output", type=Path, required=True, help="the folder to write to")
    arguments = parser.parse_args()

    measured = [read_json(path) for path in arguments.measured]
    machine = measured[0]["machine"]
    if any(one["machine"] != machine for one in measured):
        raise InputError(
            f"{', '.join(map(str, arguments.measured))}: measured on different machines, or with different versions; "
            "delete them to have them measured again"
        )
    folder = arguments.output
    write_text(folder / "benchmark.csv", as_csv(row for one in measured for row in summary(one)))
    rows = read_csv(folder / "benchmark.csv")
    text = markdown(rows, machine)
    write_text(folder / "benchmark.md", text + "\n")
    write_json(folder / "machine.json", machine)
    style()
    save(speed_figure(rows), folder / "benchmark.pdf", folder / "benchmark.png", "benchmark")
    print(text)


if __name__ == "__main__":
    run(main)
