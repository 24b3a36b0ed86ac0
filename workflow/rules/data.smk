"""Source images and their distorted copies.

A rule with `cache:` shares its outputs between workflows (see common.smk) and can have no `benchmark:`.
"""


rule download:
    input:
        code=script("download"),
    output:
        "results/mnist/source/download/{file}.gz",
    log:
        "logs/mnist/download/{file}.log",
    benchmark:
        "logs/mnist/download/{file}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=200,
    params:
        sha256=value_of("mnist/datasets/mnist/sha256/{file}.gz"),
        # With `input` in the signature Snakemake does not track them: where a file comes from does not change its bytes.
        mirrors=lambda wildcards, input: as_json(RUNS["mnist"]["datasets"]["mnist"]["mirrors"]),
        timeout=lambda wildcards, input: RUNS["mnist"]["datasets"]["mnist"]["timeout"],
        attempts=lambda wildcards, input: RUNS["mnist"]["datasets"]["mnist"]["attempts"],
    message:
        "Fetching {wildcards.file}.gz of MNIST from the first mirror that has it"
    shell:
        "python scripts/download.py --file {wildcards.file}.gz --sha256 {params.sha256:q} --mirrors {params.mirrors:q} "
        "--timeout {params.timeout} --attempts {params.attempts} --output {output:q} 2>&1 | tee {log:q}"


rule source_mnist:
    input:
        downloads=download_files("mnist"),
        code=script("source"),
    output:
        **named_source_files("mnist"),
    log:
        "logs/mnist/source.log",
    cache: CACHING
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
    params:
        machine=machine,
        versions=versions("torchvision", "numpy"),
    message:
        "Reading and checking all 70,000 MNIST images"
    shell:
        "python scripts/source.py mnist --downloads results/mnist/source/download --output results/mnist/source "
        "> {log:q} 2>&1"


rule source_digits:
    input:
        code=script("source"),
    output:
        **named_source_files("digits"),
    log:
        "logs/digits/source.log",
    cache: CACHING
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        split=" ".join(
            f"--{part}-images {RUNS['digits']['datasets']['digits'][f'{part}_images']}"
            for part in ("train", "validation", "test")
        ),
        machine=machine,
        versions=versions("scikit-learn", "numpy"),
    message:
        "Reading the 8x8 digits that ship inside scikit-learn"
    shell:
        "python scripts/source.py digits {params.split} --output results/digits/source > {log:q} 2>&1"


rule distort:
    input:
        images=images_to_distort,
        code=script("distort"),
    output:
        "results/{dataset}/distorted/{canvas}/{distortion}/copy-{number}.npy",
    log:
        "logs/{dataset}/distort/{canvas}/{distortion}/{number}.log",
    cache: CACHING
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        # The cache between workflows knows a job by its params alone: wildcards would be lost on it.
        dataset="{dataset}",
        canvas="{canvas}",
        distortion="{distortion}",
        number="{number}",
        settings=setting("{dataset}/distortions/{distortion}"),
        machine=machine,
        # Untracked, as above: how closely a copy is checked does not change its bytes.
        audit=lambda wildcards, input: as_json(RUNS[wildcards.dataset]["audit"]),
        versions=versions("numpy", "numba", "elasticdeform"),
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
        copies=copies_made,
        code=script("describe_distortion"),
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
    threads: 1
    resources:
        mem_mb=1000,
    params:
        settings=setting("{dataset}/distortions/{distortion}"),
        audit=setting("{dataset}/audit"),
        versions=versions("numpy", "numba", "elasticdeform", "pandas", "pillow"),
    message:
        "Measuring and drawing the copies of {wildcards.distortion} on {wildcards.canvas}x{wildcards.canvas}"
    shell:
        "python scripts/describe_distortion.py --images {input.images:q} --dataset {wildcards.dataset} "
        "--canvas {wildcards.canvas} --distortion {wildcards.distortion} --settings {params.settings:q} "
        "--audit {params.audit:q} --copies {input.copies:q} --preview {output.preview:q} "
        "--summary {output.summary:q} > {log:q} 2>&1"
