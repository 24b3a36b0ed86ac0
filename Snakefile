"""Are convolutional networks translation invariant? From an empty folder to the paper.

    snakemake --cores 8             results/mnist/paper.pdf and everything it is made from
    snakemake --cores 8 demo        the same with the digits inside scikit-learn, in minutes: results/digits/paper.pdf

Outputs by stage (<cell> is <study>/<model>/<training>):

    source     results/<dataset>/source/{train,test}-{images,labels}.npy
    distorted  results/<dataset>/distorted/<canvas>/<distortion>/{copy-NNN.npy, preview.png, summary.csv}
    models     results/<dataset>/models/<cell>/seed-<n>/{weights.safetensors, history.csv, card.json}
    shifts     results/<dataset>/shifts/<cell>/seed-<n>{.csv, .predictions.npy, .test.npy}
    positions  results/<dataset>/positions/<cell>/seed-<n>.csv
    tables     results/<dataset>/tables/*.{csv,tex} and results/<dataset>/claims.json
    figures    results/<dataset>/figures/*.{pdf,png}
    paper      results/<dataset>/paper.pdf and results/<dataset>/manifest.json
    explorer   results/<dataset>/explorer.html and results/<dataset>/overview.html
    benchmark  results/benchmark/{distorting,training,evaluating}.json, benchmark.{csv,md,pdf,png}, machine.json

Logs and benchmark files, which differ between runs, go to logs/.
"""

import gc
import os
import re
import signal
import threading

from snakemake.utils import min_version

min_version("9.27")

# The garbage collector skips what Snakemake has imported: scanning it took a sixth of the start-up time.
gc.freeze()

# A relative mirror in an environment variable, such as MNIST_MIRROR, is resolved from the folder of the command (scripts/invariance/data/mirrors.py).
os.environ.setdefault("INVARIANCE_CALLED_FROM", os.getcwd())

if workflow.overwrite_workdir and not os.path.samefile(workflow.overwrite_workdir, workflow.basedir):
    raise SystemExit(
        f"error: --directory {workflow.overwrite_workdir}: this workflow works in its own folder, {workflow.basedir}; "
        "leave the option out, or copy that folder (results/ may be a link to another disk)"
    )


workdir: workflow.basedir


configfile: "config.yaml"


include: "workflow/common.smk"


dependencies.remember_in(Path(".snakemake/code").absolute())


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/benchmark.smk"


report: "workflow/report/workflow.rst"


PROGRESS = progress.show(workflow, logger)
checksums.compute_once()  # in the Snakemakes that Slurm starts on its nodes, too


onstart:
    or_exit(environment.require_writable, "results", "logs")
    or_exit(own_networks.require_networks, PLANS.values(), Path(".snakemake/networks"))
    # Snakemake's own handler can deadlock: it waits for a lock that the interrupted thread may hold.
    end = workflow.scheduler.exit_gracefully
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end).start())
    if PROGRESS:
        PROGRESS.expect(workflow.dag, workflow.cores if workflow.local_exec else workflow.nodes)
    if workflow.executor_plugin.name == "slurm":
        resources = next(iter(workflow.dag.needrun_jobs())).resources
        or_exit(queue.require_slurm, resources.get("slurm_account"), resources.get("slurm_partition"))
        or_exit(queue.clear, Path.cwd())
    if workflow.local_exec:
        # Each check of the queue starts a timer for another check, so their number grows (Snakemake's pull request
        # 3744): after an hour and a half they took 12% of a core. Local jobs need no limit of their rate.
        workflow.scheduler.job_rate_limiter = None
        if len(list(workflow.dag.needrun_jobs())) >= forking.FEWEST:
            forking.fork_jobs(Path(workflow.basedir) / "workflow/forked")


# Each target lists every file that it depends on, not only its final files: Snakemake does not remake a missing
# intermediate file if the files made from it exist, so after a failed job it could report an incomplete target as
# finished. The lists are long, so each is built only if its target is requested.
rule all:
    default_target: True
    input:
        PLAN.file("manifest.json"),
        lambda wildcards: CATALOGUE.artefacts,


rule demo:
    input:
        PLANS["digits"].file("manifest.json"),
        lambda wildcards: CATALOGUES["digits"].artefacts,


rule data:
    input:
        lambda wildcards: PLAN.all_data_files,


rule models:
    input:
        lambda wildcards: [*PLAN.all_data_files, *PLAN.model_files],


rule measures:
    input:
        lambda wildcards: CATALOGUE.measured,


rule figures:
    input:
        lambda wildcards: [*CATALOGUE.measured, *CATALOGUE.figure_files()],


rule paper:
    input:
        lambda wildcards: CATALOGUE.published,


rule explorer:
    input:
        lambda wildcards: CATALOGUE.measured,
        PLAN.file("explorer.html"),


# Fails while the DAG is built, with a better message than Snakemake's, that no rule makes the file.
rule not_a_file_of_the_project:
    input:
        lambda wildcards: or_exit(words.refuse_target, wildcards.target, TARGETS),
    output:
        "{target}",
    wildcard_constraints:
        # Special characters are replaced by one for any: a constraint cannot contain braces.
        target=re.sub(r"[^\w/-]", ".", os.getcwd()) + r"[/].+|results(/[\w-]+)*",


rule benchmark:
    input:
        MEASURED_FILES,
        BENCHMARK_FILES,
