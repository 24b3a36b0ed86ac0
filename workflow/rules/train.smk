"""Models."""


rule train:
    input:
        images="results/{dataset}/source/train-images.npy",
        labels="results/{dataset}/source/train-labels.npy",
        copies=training_copies,
        code=script("train"),
    output:
        weights="results/{dataset}/models/{study}/{model}/{training}/seed-{seed}/weights.safetensors",
        history="results/{dataset}/models/{study}/{model}/{training}/seed-{seed}/history.csv",
        card="results/{dataset}/models/{study}/{model}/{training}/seed-{seed}/card.json",
    log:
        "logs/{dataset}/train/{study}/{model}/{training}/seed-{seed}.log",
    benchmark:
        "logs/{dataset}/train/{study}/{model}/{training}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2500,
    params:
        model=setting("{dataset}/models/{model}"),
        training=training_of,
        # Untracked: what is kept of a killed training does not change how it ends.
        checkpoint=lambda wildcards, input: checkpoint_file(wildcards),
        device=value_of("{dataset}/device"),
        versions=versions("torch", "numba", "numpy", "safetensors"),
    message:
        "Training {wildcards.model} on {wildcards.dataset}, {wildcards.study}: {wildcards.training}, "
        "seed {wildcards.seed}; progress in {log}"
    shell:
        "python scripts/train.py --model {params.model:q} --training {params.training:q} --seed {wildcards.seed} "
        "--device {params.device} "
        "--images {input.images:q} --labels {input.labels:q} --copies {input.copies:q} --weights {output.weights:q} "
        "--history {output.history:q} --card {output.card:q} --checkpoint {params.checkpoint:q} > {log:q} 2>&1"
