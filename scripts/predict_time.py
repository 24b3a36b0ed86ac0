"""Predict how long the run on record takes on 1 to 1,024 cores, of one machine or of a Slurm cluster.

    python scripts/predict_time.py --results results/mnist --logs logs/mnist

Call it where snakemake ran. It writes docs/time.csv and docs/time.png, and a block of docs/cluster.md.
"""

from itertools import groupby
from pathlib import Path

import pandas as pd
import yaml

from invariance.command_line import progress, run
from invariance.drawing.run_times import draw
from invariance.record.blocks import markdown, replace_block
from invariance.record.compute import Job, read_jobs, read_records, seconds_of
from invariance.record.prediction import Overhead, critical_path, predicted, submissions
from invariance.results.reading import write_table

ROOT = Path(__file__).resolve().parents[1]
DOCS, PROFILE = ROOT / "docs", ROOT / "profiles/slurm/config.yaml"
CORES = [2**power for power in range(11)]
# Seconds, measured as docs/cluster.md says.
MACHINE = Overhead(run=9.5, each=0.18)
CLUSTER, CLUSTER_JOB = Overhead(run=10.0, each=14.0), 3.8


def main(*, results: Path, logs: Path, metadata: Path = Path(".snakemake/metadata"), docs: Path = DOCS) -> None:
    """Predict, write and draw.

    Args:
        results: results/<dataset> of a whole run.
        logs: Its logs/<dataset>.
        metadata: Snakemake's records.
        docs: Folder of cluster.md.
    """
    jobs = read_jobs(read_records(metadata), (results / "manifest.json").as_posix(), logs)
    components = yaml.safe_load(PROFILE.read_text())["group-components"]
    together = {"distort": components["copies_{canvas}"], "train": components["trained_{study}_{model}"]}
    submitted = submissions(jobs, logs, together, CLUSTER_JOB)
    minutes = pd.DataFrame(
        {
            "cores": CORES,
            "one_machine": [predicted(jobs, cores, MACHINE) / 60 for cores in CORES],
            "slurm": [predicted(submitted, cores, CLUSTER) / 60 for cores in CORES],
        }
    )
    path = critical_path(jobs)
    write_table(docs / "time.csv", minutes.round(1))
    draw(minutes, sum(map(seconds_of, path)) / 60, docs / "time.png")
    text = block(minutes, path, len(jobs), len(submitted))
    replace_block(docs / "cluster.md", "time", text)
    progress(text)


def block(minutes: pd.DataFrame, path: list[Job], jobs: int, submitted: int) -> str:
    """The table and the critical path as Markdown."""
    heads = ["cores", f"{jobs} jobs on one machine, minutes", f"{submitted} submissions to Slurm, minutes"]
    rows = [(f"{row.cores:,}", f"{row.one_machine:.0f}", f"{row.slurm:.0f}") for row in minutes.itertuples(index=False)]
    stages = [
        f"{stage} {sum(map(seconds_of, members)):.0f} s" + (f" (`{cell(members[-1])}`)" if stage == "train" else "")
        for stage, members in ((stage, list(group)) for stage, group in groupby(path, lambda job: job.stage))
    ]
    return "\n".join(
        [
            markdown(heads, rows),
            "",
            "![Predicted minutes by cores, on one machine and on Slurm](time.png)",
            "",
            f"The critical path takes {sum(map(seconds_of, path)) / 60:.1f} minutes: {', '.join(stages)}.",
        ]
    )


def cell(job: Job) -> str:
    """Study, model, training and seed of a training, from its log."""
    return "/".join(Path(job.log).with_suffix("").parts[-4:])


if __name__ == "__main__":
    run(main)
