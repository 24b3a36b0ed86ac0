"""Whether moving the input of a layer moves its output, layer by layer, in float64."""


rule measure_equivariance:
    input:
        images="results/{dataset}/source/test-images.npy",
        weights=equivariance_weights,
        code=script("measure_equivariance"),
    output:
        "results/{dataset}/tables/equivariance.csv",
    log:
        "logs/{dataset}/evaluate/equivariance.log",
    benchmark:
        "logs/{dataset}/evaluate/equivariance.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2500,
    params:
        models=equivariance_models,
        order=equivariance_weights,
        settings=equivariance_settings,
        versions=versions("torch", "numba", "numpy", "safetensors"),
    message:
        "Rolling the input of every layer on {wildcards.dataset}: does its output roll along?"
    shell:
        "python scripts/measure_equivariance.py --models {params.models:q} --weights {input.weights:q} "
        "--images {input.images:q} --settings {params.settings:q} --output {output:q} > {log:q} 2>&1"


rule write_equivariance_tex:
    input:
        table="results/{dataset}/tables/equivariance.csv",
        code=script("write_tex"),
    output:
        "results/{dataset}/tables/equivariance.tex",
    log:
        "logs/{dataset}/tables/equivariance.tex.log",
    benchmark:
        "logs/{dataset}/tables/equivariance.tex.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=versions("pandas"),
    message:
        "Writing the equivariance of every kind of layer, {wildcards.dataset}, as TeX"
    shell:
        "python scripts/write_tex.py equivariance --summary {input.table:q} --output {output:q} > {log:q} 2>&1"
