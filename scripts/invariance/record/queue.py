"""The queue of a Slurm cluster, where a killed Snakemake leaves the jobs that it submitted."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from invariance.record.artefacts import InputError

SUBMITTED = "rule_"  # how Snakemake's comment on a job begins
PATIENCE = 120  # seconds for jobs to end
EVERY = 1


def require_slurm(account: str | None, partition: str | None) -> None:
    """Refuse what Slurm would refuse: Snakemake waits forever for a group of jobs that could not be submitted.

    Raises:
        InputError: no Slurm answers, or it takes no job of this account in this partition.
    """
    if shutil.which("sbatch") is None:
        raise InputError("no sbatch here: start Snakemake where jobs are submitted, on a login node")
    chosen = [f"--{name}={value}" for name, value in (("account", account), ("partition", partition)) if value]
    asked = subprocess.run(
        ["sbatch", "--test-only", "--ntasks=1", "--time=1", *chosen, "--wrap=true"], capture_output=True, text=True
    )
    if asked.returncode:
        raise InputError(
            f"Slurm rejects jobs{' with ' + ' '.join(chosen) if chosen else ''}: {asked.stderr.strip()}; set "
            "slurm_account and slurm_partition under default-resources in profiles/slurm/config.yaml"
        )


def clear(folder: Path) -> None:
    """Cancel the jobs that an earlier Snakemake left in the queue for this folder, and wait until they have ended.

    This one would submit them once more, and two jobs would write one file. Only a Snakemake that has the folder's lock
    may call it. What a cancelled training has done is in its checkpoint.

    Raises:
        InputError: they do not end, or Slurm does not say which are left.
    """
    left = jobs(folder)
    if not left:
        return
    print(f"Cancelling what an earlier run left in the queue: {', '.join(left)}", file=sys.stderr)
    subprocess.run(["scancel", *left])
    deadline = time.monotonic() + PATIENCE
    while left := jobs(folder):
        if time.monotonic() > deadline:
            raise InputError(
                f"jobs {', '.join(left)} of an earlier run do not end, and would write the same files; see `squeue "
                "--me`, and run the same command once they are gone"
            )
        time.sleep(EVERY)


def jobs(folder: Path) -> list[str]:
    """The numbers of this user's jobs in the queue that a Snakemake submitted in this folder."""
    asked = subprocess.run(["squeue", "--me", "--noheader", "--format=%i|%k|%Z"], capture_output=True, text=True)
    if asked.returncode:
        what = " ".join(asked.stderr.split())
        raise InputError(f"squeue does not say which jobs an earlier run left ({what}); run the same command later")
    listed = [line.split("|", 2) for line in asked.stdout.splitlines() if line.count("|") >= 2]
    return [number for number, comment, place in listed if comment.startswith(SUBMITTED) and place == str(folder)]
