"""Trained models."""

# What a training or an evaluation requests from a cluster, in addition to a core.
GPU = {"gpu": 1} if PLAN["device"] == "cuda" else {}


rule train:
    input:
        images="results/{dataset}/source/train-images.npy",
        labels="results/{dataset}/source/train-labels.npy",
        copies=of_plan(lambda plan, w: plan.copies_read(w.study, w.model, w.training)),
        start=of_plan(lambda plan, w: plan.start_files(w.study, w.model, w.training, w.seed)),
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
    resources:
        **GPU,
        mem_mb=1500,
        # Minutes on a cluster: about twice what it takes. The slowest network takes 17 s an epoch.
        runtime=lambda w, attempt: attempt * (2 + PLANS[w.dataset].epochs(w.study, w.model, w.training) // 4),
    params:
        model=setting("models/{model}"),
        training=of_plan(lambda plan, w: as_json(plan.training_settings(w.study, w.model, w.training))),
        device=of_plan(lambda plan, w: plan["device"]),
        # A checkpoint does not change the result.
        checkpoint=untracked(lambda w: "logs/{dataset}/train/{study}/{model}/{training}/seed-{seed}".format(**w)),
        made_by=of_plan(lambda plan, w: made_by("train", *network_files(plan["models"][w.model]))),
    message:
        "Training {wildcards.model} on {wildcards.dataset}, {wildcards.study}: {wildcards.training}, "
        "seed {wildcards.seed}; progress in {log}"
    shell:
        "python scripts/train.py --model {params.model:q} --training {params.training:q} --seed {wildcards.seed} "
        "--device {params.device} --images {input.images:q} --labels {input.labels:q} --copies {input.copies:q} "
        "--start {input.start:q} "
        "--weights {output.weights:q} --history {output.history:q} --card {output.card:q} "
        "--checkpoint {params.checkpoint:q}.checkpoint.safetensors > {log:q} 2>&1"
