"""Evaluations of every trained model: at every shift of a grid, or at the positions that it learned to predict."""


rule evaluate:
    input:
        images="results/{dataset}/source/test-images.npy",
        labels="results/{dataset}/source/test-labels.npy",
        weights=of_plan(lambda plan, w: plan.weights_file(w.study, w.model, w.training, w.seed)),
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
    resources:
        **GPU,
        mem_mb=1500,
    params:
        model=of_plan(lambda plan, w: as_json(plan.network(w.model))),
        shifts=of_plan(lambda plan, w: as_json(plan.shift_settings(w.study, w.model, w.training))),
        device=of_plan(lambda plan, w: plan["device"]),
        made_by=of_plan(lambda plan, w: made_by("evaluate", *network_files(plan.network(w.model)))),
    message:
        "Testing {wildcards.model} on {wildcards.dataset}, {wildcards.study}: {wildcards.training}, "
        "seed {wildcards.seed}, over its grid of shifts"
    shell:
        "python scripts/evaluate.py --model {params.model:q} --weights {input.weights:q} "
        "--images {input.images:q} --labels {input.labels:q} --shifts {params.shifts:q} --device {params.device} "
        "--grid {output.grid:q} --predictions {output.predictions:q} "
        "--test-predictions {output.test:q} > {log:q} 2>&1"


rule evaluate_positions:
    input:
        images="results/{dataset}/source/test-images.npy",
        weights=of_plan(lambda plan, w: plan.weights_file(w.study, w.model, w.training, w.seed)),
    output:
        "results/{dataset}/positions/{study}/{model}/{training}/seed-{seed}.csv",
    log:
        "logs/{dataset}/evaluate/{study}/{model}/{training}/seed-{seed}.log",
    benchmark:
        "logs/{dataset}/evaluate/{study}/{model}/{training}/seed-{seed}.tsv"
    wildcard_constraints:
        study=one_of(study for plan in PLANS.values() for study in plan["studies"] if plan.tells_positions(study)),
    conda:
        ENVIRONMENT
    resources:
        **GPU,
        mem_mb=1500,
    params:
        function="studies.two_positions.evaluation:evaluate",
        inputs=lambda wildcards, input: as_json(dict(input.items())),
        settings=of_plan(lambda plan, w: as_json(plan.position_settings(w.study, w.model))),
        made_by=of_plan(
            lambda plan, w: made_by(
                "derive", f"{SCRIPTS}/studies/two_positions/evaluation.py", *network_files(plan["models"][w.model])
            )
        ),
    message:
        "Evaluating the position predictions of {wildcards.model} on {wildcards.dataset}, {wildcards.study}: "
        "{wildcards.training}, seed {wildcards.seed}"
    shell:
        "python scripts/derive.py --function {params.function:q} --inputs=- --settings {params.settings:q} "
        "--output {output:q} <<<{params.inputs:q} > {log:q} 2>&1"
