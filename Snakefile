"""Are convolutional networks translation invariant? From an empty folder to the paper.

    snakemake --cores 8             results/mnist/paper.pdf and everything it rests on
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
    benchmark  results/benchmark/{distorting,training,evaluating}.json, benchmark.{csv,md,pdf,png}, machine.json

Logs and benchmark files, which differ between runs, go to logs/.
"""

import os

from snakemake.utils import min_version

min_version("9.27")

# A relative MNIST_MIRROR is resolved from the folder of the command (scripts/invariance/data/mirrors.py).
os.environ.setdefault("INVARIANCE_CALLED_FROM", os.getcwd())


workdir: workflow.basedir


configfile: "config.yaml"


include: "workflow/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/benchmark.smk"


report: "workflow/report/workflow.rst"


onstart:
    require_writable("results", "logs")
    if workflow.local_exec:
        # Each check of the queue starts a timer for another check, so their number grows (Snakemake's pull request
        # 3744): after an hour and a half they took 12% of a core. Local jobs need no limit of their rate.
        workflow.scheduler.job_rate_limiter = None


rule all:
    default_target: True
    input:
        PLAN.file("manifest.json"),
        CATALOGUE.artefacts,


rule demo:
    input:
        PLANS["digits"].file("manifest.json"),
        CATALOGUES["digits"].artefacts,


rule data:
    input:
        PLAN.source_files,
        PLAN.distorted_files,


rule models:
    input:
        PLAN.model_files,


rule measures:
    input:
        PLAN.evaluation_files,
        CATALOGUE.table_files,
        PLAN.file("claims.json"),


rule figures:
    input:
        CATALOGUE.figure_files(),


rule paper:
    input:
        PLAN.file("paper.pdf"),


rule benchmark:
    input:
        BENCHMARK_FILES,
