"""What every trained model says of the test images, at every shift."""


rule evaluate:
    input:
        images="results/{dataset}/source/test-images.npy",
        labels="results/{dataset}/source/test-labels.npy",
        weights=evaluated_weights,
        code=script("evaluate"),
    output:
        grid="results/{dataset}/shifts/{study}/{model}/{training}/seed-{seed}.csv",
        predictions="results/{dataset}/shifts/{study}/{model}/{training}/seed-{seed}.predictions.npy",
        test="results/{dataset}/shifts/{study}/{model}/{training}/seed-{seed}.test.npy",
    log:
        "logs/{dataset}/evaluate/{study}/{model}/{training}/seed-{seed}.log",
    benchmark:
        "logs/{dataset}/evaluate/{study}/{model}/{training}/seed-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2500,
    params:
        model=evaluated_model,
        phases=averages_phases,
        shifts=shifts_of,
        device=value_of("{dataset}/device"),
        versions=versions("torch", "numba", "numpy", "safetensors"),
    message:
        "Testing {wildcards.model} on {wildcards.dataset}, {wildcards.study}: {wildcards.training}, "
        "seed {wildcards.seed}, over its grid of shifts"
    shell:
        "python scripts/evaluate.py --model {params.model:q} {params.phases} --weights {input.weights:q} "
        "--images {input.images:q} --labels {input.labels:q} --shifts {params.shifts:q} --device {params.device} "
        "--grid {output.grid:q} --predictions {output.predictions:q} "
        "--test-predictions {output.test:q} > {log:q} 2>&1"


rule evaluate_positions:
    input:
        images="results/{dataset}/source/test-images.npy",
        weights=evaluated_weights,
        code=script("evaluate_positions"),
    output:
        "results/{dataset}/positions/{study}/{model}/{training}/seed-{seed}.csv",
    log:
        "logs/{dataset}/evaluate/{study}/{model}/{training}/seed-{seed}.log",
    benchmark:
        "logs/{dataset}/evaluate/{study}/{model}/{training}/seed-{seed}.tsv"
    wildcard_constraints:
        study=one_of(POSITION_STUDIES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2500,
    params:
        model=evaluated_model,
        positions=positions_of,
        device=value_of("{dataset}/device"),
        versions=versions("torch", "numba", "numpy", "safetensors"),
    message:
        "Asking {wildcards.model} on {wildcards.dataset}, {wildcards.study}: {wildcards.training}, "
        "seed {wildcards.seed}, where each digit is"
    shell:
        "python scripts/evaluate_positions.py --model {params.model:q} --weights {input.weights:q} "
        "--images {input.images:q} --positions {params.positions:q} --device {params.device} "
        "--output {output:q} > {log:q} 2>&1"
