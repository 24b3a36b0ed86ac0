"""Figures, each as PDF for the paper and PNG for the screen."""


rule summary:
    input:
        claims="results/{dataset}/claims.json",
        tables=summary_tables,
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/summary.pdf",
        png=report(
            "results/{dataset}/figures/summary.png",
            caption="../report/summary.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "The answer at a glance"},
        ),
    log:
        "logs/{dataset}/figures/summary.log",
    benchmark:
        "logs/{dataset}/figures/summary.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing the answer at a glance, {wildcards.dataset}"
    shell:
        "python scripts/draw.py summary --dataset {wildcards.dataset} --claims {input.claims:q} --tables {input.tables:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule sample_distortions:
    input:
        source="results/{dataset}/source/train-images.npy",
        copies=sampled_copies,
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/sample_distortions.pdf",
        png=report(
            "results/{dataset}/figures/sample_distortions.png",
            caption="../report/sample_distortions.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Samples of the distortions"},
        ),
    log:
        "logs/{dataset}/figures/sample_distortions.log",
    benchmark:
        "logs/{dataset}/figures/sample_distortions.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        samples=sample_options,
        canvas=value_of("{dataset}/studies/simard2003/canvas"),
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing samples of every distortion, {wildcards.dataset}"
    shell:
        "python scripts/draw.py sample_distortions --dataset {wildcards.dataset} --source {input.source:q} --canvas {params.canvas} {params.samples} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule learning_curves:
    input:
        histories=simard_histories,
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/learning_curves.pdf",
        png=report(
            "results/{dataset}/figures/learning_curves.png",
            caption="../report/learning_curves.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Learning curves"},
        ),
    log:
        "logs/{dataset}/figures/learning_curves.log",
    benchmark:
        "logs/{dataset}/figures/learning_curves.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing learning curves, {wildcards.dataset}"
    shell:
        "python scripts/draw.py learning_curves --dataset {wildcards.dataset} --history {input.histories:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule simard_table:
    input:
        table="results/{dataset}/tables/simard2003-published.csv",
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/simard_table.pdf",
        png=report(
            "results/{dataset}/figures/simard_table.png",
            caption="../report/simard_table.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Simard's table beside ours"},
        ),
    log:
        "logs/{dataset}/figures/simard_table.log",
    benchmark:
        "logs/{dataset}/figures/simard_table.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing Simard's table beside ours, {wildcards.dataset}"
    shell:
        "python scripts/draw.py simard_table --dataset {wildcards.dataset} --table {input.table:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule accuracy_vs_shift:
    input:
        rings="results/{dataset}/tables/architectures-rings.csv",
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/accuracy_vs_shift.pdf",
        png=report(
            "results/{dataset}/figures/accuracy_vs_shift.png",
            caption="../report/accuracy_vs_shift.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Accuracy against shift"},
        ),
    log:
        "logs/{dataset}/figures/accuracy_vs_shift.log",
    benchmark:
        "logs/{dataset}/figures/accuracy_vs_shift.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing accuracy and consistency against the shift, {wildcards.dataset}"
    shell:
        "python scripts/draw.py accuracy_vs_shift --dataset {wildcards.dataset} --rings {input.rings:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule heat_maps:
    input:
        grids=heat_map_grids,
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/heat_maps.pdf",
        png=report(
            "results/{dataset}/figures/heat_maps.png",
            caption="../report/heat_maps.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Accuracy over all shifts"},
        ),
    log:
        "logs/{dataset}/figures/heat_maps.log",
    benchmark:
        "logs/{dataset}/figures/heat_maps.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        cells=lambda wildcards: cell_names(heat_map_cells(wildcards.dataset)),
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing accuracy over all shifts, {wildcards.dataset}"
    shell:
        "python scripts/draw.py heat_maps --dataset {wildcards.dataset} --cells {params.cells:q} "
        "--shifts {input.grids:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule training_length:
    input:
        table="results/{dataset}/tables/training_length.csv",
        published="paper/published.csv",
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/training_length.pdf",
        png=report(
            "results/{dataset}/figures/training_length.png",
            caption="../report/training_length.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Error against epochs"},
        ),
    log:
        "logs/{dataset}/figures/training_length.log",
    benchmark:
        "logs/{dataset}/figures/training_length.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing the error against the epochs of training, {wildcards.dataset}"
    shell:
        "python scripts/draw.py training_length --dataset {wildcards.dataset} --table {input.table:q} --published {input.published:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule equivariance:
    input:
        table="results/{dataset}/tables/equivariance.csv",
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/equivariance.pdf",
        png=report(
            "results/{dataset}/figures/equivariance.png",
            caption="../report/equivariance.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Equivariance of every kind of layer"},
        ),
    log:
        "logs/{dataset}/figures/equivariance.log",
    benchmark:
        "logs/{dataset}/figures/equivariance.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing the equivariance of every kind of layer, {wildcards.dataset}"
    shell:
        "python scripts/draw.py equivariance --dataset {wildcards.dataset} --table {input.table:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule augmentation_range:
    input:
        table="results/{dataset}/tables/augmentation_range.csv",
        rings="results/{dataset}/tables/augmentation_range-rings.csv",
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/augmentation_range.pdf",
        png=report(
            "results/{dataset}/figures/augmentation_range.png",
            caption="../report/augmentation_range.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Invariance against augmentation"},
        ),
    log:
        "logs/{dataset}/figures/augmentation_range.log",
    benchmark:
        "logs/{dataset}/figures/augmentation_range.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing invariance against the range of augmentation, {wildcards.dataset}"
    shell:
        "python scripts/draw.py augmentation_range --dataset {wildcards.dataset} --table {input.table:q} --rings {input.rings:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule class_transfer:
    input:
        runs="results/{dataset}/tables/class_transfer-class-runs.csv",
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/class_transfer.pdf",
        png=report(
            "results/{dataset}/figures/class_transfer.png",
            caption="../report/class_transfer.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Invariance and classes"},
        ),
    log:
        "logs/{dataset}/figures/class_transfer.log",
    benchmark:
        "logs/{dataset}/figures/class_transfer.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing invariance of classes that were and were not translated, {wildcards.dataset}"
    shell:
        "python scripts/draw.py class_transfer --dataset {wildcards.dataset} --runs {input.runs:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule split:
    input:
        table="results/{dataset}/tables/split.csv",
        shares="results/{dataset}/tables/split-variance.csv",
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/split.pdf",
        png=report(
            "results/{dataset}/figures/split.png",
            caption="../report/split.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Augmentation against architecture"},
        ),
    log:
        "logs/{dataset}/figures/split.log",
    benchmark:
        "logs/{dataset}/figures/split.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing augmentation against architecture, {wildcards.dataset}"
    shell:
        "python scripts/draw.py split --dataset {wildcards.dataset} --table {input.table:q} --shares {input.shares:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"


rule two_positions:
    input:
        runs="results/{dataset}/tables/two_positions-runs.csv",
        code=script("draw"),
    output:
        pdf="results/{dataset}/figures/two_positions.pdf",
        png=report(
            "results/{dataset}/figures/two_positions.png",
            caption="../report/two_positions.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "Telling positions"},
        ),
    log:
        "logs/{dataset}/figures/two_positions.log",
    benchmark:
        "logs/{dataset}/figures/two_positions.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn", "pandas", "numpy"),
    message:
        "Drawing how well positions are told, {wildcards.dataset}"
    shell:
        "python scripts/draw.py two_positions --dataset {wildcards.dataset} --runs {input.runs:q} "
        "--output {output.pdf:q} --png {output.png:q} > {log:q} 2>&1"
