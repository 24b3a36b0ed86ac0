"""Record the reference numbers of a whole run, to be committed; no rule of the workflow does this.

    python scripts/record_reference.py --results results/mnist --logs logs/mnist --output paper/reference/mnist.json

Call it where snakemake ran: dependencies between jobs are read from Snakemake's records below .snakemake.
"""

import os
import platform
import re
from pathlib import Path
from typing import Any

import studies
from invariance.command_line import run
from invariance.record.artefacts import InputError, read_json, sha256_of, write_json
from invariance.record.compute import Jobs, behind, compute_lines, core_seconds, read_jobs, read_records, summarised
from invariance.record.reference import cell_entries, claim_entries


def main(*, results: Path, logs: Path, metadata: Path = Path(".snakemake/metadata"), output: Path) -> None:
    """Read the run, write the reference, print what the run cost.

    Args:
        results: results/<dataset> of a whole run.
        logs: Its logs/<dataset>.
        metadata: Snakemake's records.
        output: paper/reference/<dataset>.json.
    """
    manifest = (results / "manifest.json").as_posix()
    if not Path(manifest).is_file():
        raise InputError(f"{manifest}: no such file; the reference is that of a whole run: run snakemake first")
    jobs = read_jobs(read_records(metadata), manifest, logs)
    reference = reference_of(results, jobs)
    write_json(output, reference, sort_keys=False)
    print("\n".join(compute_lines(reference["compute"])))
    print(f"{len(reference['claims'])} claims and {len(reference['cells'])} numbers: {output}")


def reference_of(results: Path, jobs: Jobs) -> dict[str, Any]:
    """What is committed of a run: numbers with intervals, what made them, and what they cost."""
    config = read_json(results / "config.json")
    dataset = config["dataset"]
    claims = claim_entries(results)
    figures = {claim.id: claim.figure for study in studies.declared().values() for claim in study.claims}
    for claim in claims:
        target = f"results/{dataset}/figures/{figures[claim['id']]}.pdf"
        tables = re.compile(rf"results/{dataset}/tables/{claim['study']}(-[\w-]+)?\.csv")
        needed = {path for job in jobs.values() for path in job.outputs if path == target or tables.fullmatch(path)}
        seconds = core_seconds(behind(jobs, needed).values())
        claim |= {"target": target, "core_minutes": round(seconds / 60, 2)}
    return {
        "dataset": dataset,
        "title": config["datasets"][dataset]["title"],
        "config_sha256": sha256_of(results / "config.json"),
        "confidence": config["measures"]["confidence"],
        "versions": read_json(results / "manifest.json")["versions"],
        "machine": machine(),
        "claims": claims,
        "cells": cell_entries(results),
        "compute": summarised(jobs),
    }


def machine() -> dict[str, Any]:
    """The processor and the cores that a process may use here; nothing that identifies this machine."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    names = [row.partition(":")[2].strip() for row in text.splitlines() if row.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "cores": cores,
        "system": platform.system(),
    }


if __name__ == "__main__":
    run(main)
