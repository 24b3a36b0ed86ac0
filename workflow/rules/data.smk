"""Source images and their distorted copies.

A rule with `cache:` shares its outputs between workflows (see common.smk) and cannot have a `benchmark:`.
"""

KEPT = str if config["keep_copies"] else temp


rule download:
    output:
        "results/{dataset}/source/download/{file}.gz",
    log:
        "logs/{dataset}/download/{file}.log",
    benchmark:
        "logs/{dataset}/download/{file}.tsv"
    # The nodes of a cluster seldom reach the internet; the machine that Snakemake runs on does.
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=200,
    params:
        sha256=of_plan(lambda plan, w: plan.data["sha256"][f"{w.file}.gz"]),
        # The mirror does not change the bytes.
        mirrors=untracked(of_plan(lambda plan, w: as_json(plan.data["mirrors"]))),
        timeout=untracked(of_plan(lambda plan, w: plan.data["timeout"])),
        attempts=untracked(of_plan(lambda plan, w: plan.data["attempts"])),
        made_by=made_by("download"),
    message:
        "Fetching {wildcards.file}.gz of {wildcards.dataset} from the first mirror that has it"
    shell:
        "python scripts/download.py --dataset {wildcards.dataset} --file {wildcards.file}.gz --sha256 {params.sha256:q} --mirrors {params.mirrors:q} "
        "--timeout {params.timeout} --attempts {params.attempts} --output {output:q} 2>&1 | tee {log:q}"


rule source:
    input:
        of_plan(lambda plan, wildcards: [*plan.download_files, *plan.own_files]),
    output:
        # Named, because the cache between workflows needs names if a rule has several outputs.
        train_images="results/{dataset}/source/train-images.npy",
        train_labels="results/{dataset}/source/train-labels.npy",
        test_images="results/{dataset}/source/test-images.npy",
        test_labels="results/{dataset}/source/test-labels.npy",
    log:
        "logs/{dataset}/source.log",
    cache: CACHING
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
    params:
        settings=of_plan(lambda plan, wildcards: as_json(plan.source_settings)),
        # Of a folder of images, whose files are too many for inputs.
        listing=of_plan(lambda plan, wildcards: plan.listing),
        machine=untracked(lambda wildcards: MACHINE),  # so that results can be moved
        made_by=made_by("source"),
    message:
        "Reading and checking all images of {wildcards.dataset}"
    shell:
        "python scripts/source.py --settings {params.settings:q} --output results/{wildcards.dataset}/source "
        "> {log:q} 2>&1"


rule distort:
    input:
        images=of_plan(lambda plan, wildcards: plan.file("source/train-images.npy")),
    output:
        KEPT("results/{dataset}/distorted/{canvas}/{distortion}/copy-{number}.npy"),
    log:
        "logs/{dataset}/distort/{canvas}/{distortion}/{number}.log",
    cache: CACHING
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
    params:
        # The cache between workflows identifies a job by its params alone, without wildcards.
        dataset="{dataset}",
        canvas="{canvas}",
        distortion="{distortion}",
        number="{number}",
        settings=setting("distortions/{distortion}"),
        machine=untracked(lambda wildcards: MACHINE),  # so that results can be moved
        # The audit does not change the bytes.
        audit=untracked(setting("audit")),
        made_by=of_plan(lambda plan, w: made_by("distort", *part_files(plan["distortions"][w.distortion]))),
    message:
        "Distorting all training images of {wildcards.dataset}: {wildcards.distortion} on "
        "{wildcards.canvas}x{wildcards.canvas}, copy {wildcards.number}"
    shell:
        "python scripts/distort.py --images {input.images:q} --dataset {params.dataset} --canvas {params.canvas} "
        "--distortion {params.distortion} --settings {params.settings:q} --copy {params.number} "
        "--audit {params.audit:q} --output {output:q} > {log:q} 2>&1"


rule describe_distortion:
    input:
        images="results/{dataset}/source/train-images.npy",
        copies=of_plan(lambda plan, w: plan.copies_made(int(w.canvas), w.distortion)),
    output:
        preview=report(
            "results/{dataset}/distorted/{canvas}/{distortion}/preview.png",
            caption="../report/preview.rst",
            category="Distortions",
            labels={"dataset": "{dataset}", "canvas": "{canvas}", "distortion": "{distortion}"},
        ),
        summary="results/{dataset}/distorted/{canvas}/{distortion}/summary.csv",
    log:
        "logs/{dataset}/distort/{canvas}/{distortion}/summary.log",
    benchmark:
        "logs/{dataset}/distort/{canvas}/{distortion}/summary.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
    params:
        settings=setting("distortions/{distortion}"),
        audit=setting("audit"),
        made_by=of_plan(lambda plan, w: made_by("describe_distortion", *part_files(plan["distortions"][w.distortion]))),
    message:
        "Measuring and drawing the copies of {wildcards.distortion} on {wildcards.canvas}x{wildcards.canvas}"
    shell:
        "python scripts/describe_distortion.py --images {input.images:q} --dataset {wildcards.dataset} "
        "--canvas {wildcards.canvas} --distortion {wildcards.distortion} --settings {params.settings:q} "
        "--audit {params.audit:q} --copies {input.copies:q} --preview {output.preview:q} "
        "--summary {output.summary:q} > {log:q} 2>&1"
