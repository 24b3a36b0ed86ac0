"""Measures over seeds, Simard's table beside ours, the claims, and all of it as TeX."""


rule resolved_config:
    input:
        code=["scripts/invariance/record/manifest.py", "scripts/invariance/record/artefacts.py"],
    output:
        "results/{dataset}/config.json",
    log:
        "logs/{dataset}/tables/config.log",
    benchmark:
        "logs/{dataset}/tables/config.tsv"
    threads: 1
    resources:
        mem_mb=500,
    params:
        config=lambda wildcards: config_record(RUNS[wildcards.dataset]),
    message:
        "Writing down the config of this run"
    run:
        write_config(params.config, output[0], log[0])


rule summarise:
    input:
        grids=lambda wildcards: shift_files(wildcards.dataset, wildcards.study),
        predictions=lambda wildcards: shift_files(wildcards.dataset, wildcards.study, ".predictions.npy"),
        test=lambda wildcards: shift_files(wildcards.dataset, wildcards.study, ".test.npy"),
        cards=study_cards,
        labels="results/{dataset}/source/test-labels.npy",
        code=script("summarise"),
    output:
        runs="results/{dataset}/tables/{study}-runs.csv",
        ring_runs="results/{dataset}/tables/{study}-ring-runs.csv",
        summary="results/{dataset}/tables/{study}.csv",
        rings="results/{dataset}/tables/{study}-rings.csv",
    log:
        "logs/{dataset}/tables/{study}.log",
    benchmark:
        "logs/{dataset}/tables/{study}.tsv"
    wildcard_constraints:
        study=one_of(SHIFTED_STUDIES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        measures=setting("{dataset}/measures"),
        cells=study_cells,
        versions=versions("pandas", "numpy", "scipy"),
    message:
        "Summarising the study {wildcards.study} of {wildcards.dataset}"
    shell:
        "python scripts/summarise.py --cells {params.cells:q} --grids {input.grids:q} --cards {input.cards:q} "
        "--labels {input.labels:q} --measures {params.measures:q} --runs {output.runs:q} "
        "--ring-runs {output.ring_runs:q} --summary {output.summary:q} --rings {output.rings:q} > {log:q} 2>&1"


rule summarise_classes:
    input:
        grids=lambda wildcards: shift_files(wildcards.dataset, wildcards.study),
        predictions=lambda wildcards: shift_files(wildcards.dataset, wildcards.study, ".predictions.npy"),
        labels="results/{dataset}/source/test-labels.npy",
        code=script("summarise_classes"),
    output:
        runs="results/{dataset}/tables/{study}-class-runs.csv",
        summary="results/{dataset}/tables/{study}-classes.csv",
    log:
        "logs/{dataset}/tables/{study}-classes.log",
    benchmark:
        "logs/{dataset}/tables/{study}-classes.tsv"
    wildcard_constraints:
        study=one_of(CLASS_STUDIES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        trainings=setting("{dataset}/studies/{study}/trainings"),
        confidence=value_of("{dataset}/measures/confidence"),
        cells=study_cells,
        versions=versions("pandas", "numpy", "scipy"),
    message:
        "Summarising the study {wildcards.study} of {wildcards.dataset} by class"
    shell:
        "python scripts/summarise_classes.py --cells {params.cells:q} --grids {input.grids:q} --labels {input.labels:q} "
        "--trainings {params.trainings:q} --confidence {params.confidence} --runs {output.runs:q} "
        "--summary {output.summary:q} > {log:q} 2>&1"


rule summarise_positions:
    input:
        positions=lambda wildcards: position_files(wildcards.dataset, wildcards.study),
        cards=study_cards,
        code=script("summarise_positions"),
    output:
        runs="results/{dataset}/tables/{study}-runs.csv",
        summary="results/{dataset}/tables/{study}.csv",
    log:
        "logs/{dataset}/tables/{study}.log",
    benchmark:
        "logs/{dataset}/tables/{study}.tsv"
    wildcard_constraints:
        study=one_of(POSITION_STUDIES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        confidence=value_of("{dataset}/measures/confidence"),
        cells=study_cells,
        versions=versions("pandas", "numpy", "scipy"),
    message:
        "Summarising the study {wildcards.study} of {wildcards.dataset}"
    shell:
        "python scripts/summarise_positions.py --cells {params.cells:q} --positions {input.positions:q} --cards {input.cards:q} "
        "--confidence {params.confidence} --runs {output.runs:q} --summary {output.summary:q} > {log:q} 2>&1"


rule summarise_validation:
    input:
        cards=study_cards,
        code=script("summarise_validation"),
    output:
        "results/{dataset}/tables/{study}-validation.csv",
    log:
        "logs/{dataset}/tables/{study}-validation.log",
    benchmark:
        "logs/{dataset}/tables/{study}-validation.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        confidence=value_of("{dataset}/measures/confidence"),
        cells=study_cells,
        versions=versions("pandas", "numpy", "scipy"),
    message:
        "Summarising what {wildcards.study} of {wildcards.dataset} reached on the validation images"
    shell:
        "python scripts/summarise_validation.py --cells {params.cells:q} --cards {input.cards:q} "
        "--confidence {params.confidence} --output {output:q} > {log:q} 2>&1"


rule split_variance:
    input:
        runs="results/{dataset}/tables/split-runs.csv",
        code=script("split_variance"),
    output:
        seeds="results/{dataset}/tables/split-variance-seeds.csv",
        summary="results/{dataset}/tables/split-variance.csv",
    log:
        "logs/{dataset}/tables/split_variance.log",
    benchmark:
        "logs/{dataset}/tables/split_variance.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        confidence=value_of("{dataset}/measures/confidence"),
        versions=versions("pandas", "numpy", "scipy"),
    message:
        "Splitting the variance between architecture and augmentation, {wildcards.dataset}"
    shell:
        "python scripts/split_variance.py --runs {input.runs:q} --confidence {params.confidence} "
        "--seeds {output.seeds:q} --summary {output.summary:q} > {log:q} 2>&1"


rule compare_with_simard:
    input:
        runs="results/{dataset}/tables/{study}-runs.csv",
        summary="results/{dataset}/tables/{study}.csv",
        predictions=lambda wildcards: shift_files(wildcards.dataset, wildcards.study, ".test.npy"),
        labels="results/{dataset}/source/test-labels.npy",
        published="paper/published.csv",
        code=script("compare_with_simard"),
    output:
        table="results/{dataset}/tables/{study}-published.csv",
        pairs="results/{dataset}/tables/{study}-pairs.csv",
    log:
        "logs/{dataset}/tables/{study}-published.log",
    benchmark:
        "logs/{dataset}/tables/{study}-published.tsv"
    wildcard_constraints:
        study=one_of(SIMARD_STUDIES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        cells=study_cells,
        trainings=simard_trainings,
        confidence=value_of("{dataset}/measures/confidence"),
        versions=versions("pandas", "numpy", "scipy"),
    message:
        "Setting Simard's Table 1 beside {wildcards.study}, on {wildcards.dataset}"
    shell:
        "python scripts/compare_with_simard.py --runs {input.runs:q} --summary {input.summary:q} "
        "--published {input.published:q} --cells {params.cells:q} --predictions {input.predictions:q} "
        "--labels {input.labels:q} "
        "--trainings {params.trainings:q} --confidence {params.confidence} --table {output.table:q} "
        "--pairs {output.pairs:q} > {log:q} 2>&1"


rule judge_claims:
    input:
        tables=lambda wildcards: csv_tables(wildcards.dataset),
        code=script("judge_claims"),
    output:
        "results/{dataset}/claims.json",
    log:
        "logs/{dataset}/tables/claims.log",
    benchmark:
        "logs/{dataset}/tables/claims.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        claims=setting("{dataset}/claims"),
        confidence=value_of("{dataset}/measures/confidence"),
        versions=versions("pandas", "numpy", "scipy"),
    message:
        "Judging the claims on {wildcards.dataset}; verdicts in {log}"
    shell:
        "python scripts/judge_claims.py --tables {input.tables:q} --claims {params.claims:q} "
        "--confidence {params.confidence} --output {output:q} > {log:q} 2>&1"


rule write_tex:
    input:
        config="results/{dataset}/config.json",
        tables=lambda wildcards: csv_tables(wildcards.dataset),
        claims="results/{dataset}/claims.json",
        summaries=lambda wildcards: distortion_summaries(wildcards.dataset),
        reference=committed_reference,
        code=script("write_tex"),
    output:
        multiext(
            "results/{dataset}/tables/", "numbers.tex", "claims.tex", "distortions.tex", "settings.tex", "compute.tex"
        ),
    log:
        "logs/{dataset}/tables/write_tex.log",
    benchmark:
        "logs/{dataset}/tables/write_tex.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        order=lambda wildcards: distortion_summaries(wildcards.dataset),
        versions=[*versions("pandas", "torch", "numpy", "elasticdeform", "snakemake"), PYTHON],
    message:
        "Writing every number of {wildcards.dataset} that the paper prints"
    shell:
        "python scripts/write_tex.py paper --config {input.config:q} --tables {input.tables:q} --claims {input.claims:q} "
        "--summaries {input.summaries:q} --reference {input.reference:q} --output results/{wildcards.dataset}/tables "
        "> {log:q} 2>&1"


rule write_study_tex:
    input:
        summary="results/{dataset}/tables/{study}.csv",
        code=script("write_tex"),
    output:
        "results/{dataset}/tables/{study}.tex",
    log:
        "logs/{dataset}/tables/{study}.tex.log",
    benchmark:
        "logs/{dataset}/tables/{study}.tex.tsv"
    wildcard_constraints:
        study=one_of(PLAIN_STUDIES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=versions("pandas"),
    message:
        "Writing the table of {wildcards.study}, {wildcards.dataset}, as TeX"
    shell:
        "python scripts/write_tex.py study --summary {input.summary:q} --output {output:q} > {log:q} 2>&1"


rule write_classes_tex:
    input:
        summary="results/{dataset}/tables/{study}-classes.csv",
        code=script("write_tex"),
    output:
        "results/{dataset}/tables/{study}.tex",
    log:
        "logs/{dataset}/tables/{study}.tex.log",
    benchmark:
        "logs/{dataset}/tables/{study}.tex.tsv"
    wildcard_constraints:
        study=one_of(CLASS_STUDIES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=versions("pandas"),
    message:
        "Writing the table of {wildcards.study}, {wildcards.dataset}, as TeX"
    shell:
        "python scripts/write_tex.py classes --summary {input.summary:q} --output {output:q} > {log:q} 2>&1"


rule write_positions_tex:
    input:
        summary="results/{dataset}/tables/{study}.csv",
        code=script("write_tex"),
    output:
        "results/{dataset}/tables/{study}.tex",
    log:
        "logs/{dataset}/tables/{study}.tex.log",
    benchmark:
        "logs/{dataset}/tables/{study}.tex.tsv"
    wildcard_constraints:
        study=one_of(POSITION_STUDIES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=versions("pandas"),
    message:
        "Writing the table of {wildcards.study}, {wildcards.dataset}, as TeX"
    shell:
        "python scripts/write_tex.py positions --summary {input.summary:q} --output {output:q} > {log:q} 2>&1"


rule write_variance_tex:
    input:
        summary="results/{dataset}/tables/split-variance.csv",
        code=script("write_tex"),
    output:
        "results/{dataset}/tables/split-variance.tex",
    log:
        "logs/{dataset}/tables/split_variance.tex.log",
    benchmark:
        "logs/{dataset}/tables/split_variance.tex.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=versions("pandas"),
    message:
        "Writing how the variance splits, {wildcards.dataset}, as TeX"
    shell:
        "python scripts/write_tex.py variance --summary {input.summary:q} --output {output:q} > {log:q} 2>&1"


rule write_simard_tex:
    input:
        table="results/{dataset}/tables/simard2003-published.csv",
        pairs="results/{dataset}/tables/simard2003-pairs.csv",
        code=script("write_tex"),
    output:
        table="results/{dataset}/tables/simard2003.tex",
        pairs="results/{dataset}/tables/simard2003-pairs.tex",
    log:
        "logs/{dataset}/tables/simard2003.tex.log",
    benchmark:
        "logs/{dataset}/tables/simard2003.tex.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=versions("pandas"),
    message:
        "Writing Simard's table beside ours, on {wildcards.dataset}, as TeX"
    shell:
        "python scripts/write_tex.py simard --table {input.table:q} --pairs {input.pairs:q} --output {output.table:q} "
        "--pairs-output {output.pairs:q} > {log:q} 2>&1"


rule write_selection_tex:
    input:
        tables=lambda wildcards: committed_tables(wildcards.dataset, "selection"),
        config="results/{dataset}/config.json",
        code=script("write_tex"),
    output:
        "results/{dataset}/tables/reference-selection.tex",
    log:
        "logs/{dataset}/tables/reference-selection.log",
    benchmark:
        "logs/{dataset}/tables/reference-selection.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=versions("pandas"),
    message:
        "Writing how the settings of Simard's table were chosen, {wildcards.dataset}, as TeX"
    shell:
        "python scripts/write_tex.py selection --tables {input.tables:q} --config {input.config:q} --output {output:q} "
        "> {log:q} 2>&1"


rule write_long_tex:
    input:
        tables=lambda wildcards: committed_tables(wildcards.dataset, "long"),
        code=script("write_tex"),
    output:
        "results/{dataset}/tables/reference-long.tex",
    log:
        "logs/{dataset}/tables/reference-long.log",
    benchmark:
        "logs/{dataset}/tables/reference-long.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=versions("pandas"),
    message:
        "Writing Simard's table beside the long runs, on {wildcards.dataset}, as TeX"
    shell:
        "python scripts/write_tex.py published --tables {input.tables:q} --output {output:q} > {log:q} 2>&1"
