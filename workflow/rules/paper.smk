"""The paper and its numbers, the manifest of everything that it was made from, and the reference."""


rule tabulate:
    input:
        of_item("tabulars", lambda tabular, plan: tabular.files(plan)),
    output:
        "results/{dataset}/tables/{table}.tex",
    log:
        "logs/{dataset}/tables/{table}.tex.log",
    benchmark:
        "logs/{dataset}/tables/{table}.tex.tsv"
    wildcard_constraints:
        table=one_of(known("tabulars")),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        function=of_item("tabulars", lambda tabular, plan: tabular.target),
        inputs=of_item("tabulars", lambda tabular, plan: json.dumps(tabular.arguments(plan))),
        settings=of_item("tabulars", lambda tabular, plan: as_json(tabular.settings(plan, tabular.study))),
        made_by=code_of_item("derive", "tabulars"),
    message:
        "Writing the table {wildcards.table}, {wildcards.dataset}, as TeX"
    shell:
        "python scripts/derive.py --function {params.function:q} --inputs=- --settings {params.settings:q} --output "
        "{output:q} <<<{params.inputs:q} > {log:q} 2>&1"


rule write_numbers:
    input:
        read=lambda wildcards: flat(CATALOGUES[wildcards.dataset].number_inputs),
        reference=lambda wildcards: PLANS[wildcards.dataset].reference,
    output:
        "results/{dataset}/tables/numbers.tex",
    log:
        "logs/{dataset}/tables/numbers.log",
    benchmark:
        "logs/{dataset}/tables/numbers.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        inputs=lambda wildcards: json.dumps(CATALOGUES[wildcards.dataset].number_inputs),
        numbers=lambda wildcards: json.dumps(CATALOGUES[wildcards.dataset].numbers),
        scripts=lambda wildcards: json.dumps(CATALOGUES[wildcards.dataset].scripts),
        changed=of_plan(lambda plan, wildcards: as_json(text.changed(plan, FULL))),
        reference=lambda wildcards, input: f"--reference {input.reference}" if input.reference else "",
        made_by=lambda wildcards: made_by("write_numbers", *CATALOGUES[wildcards.dataset].number_code(SCRIPTS)),
        versions=VERSIONS,
    message:
        "Writing every number of {wildcards.dataset} that the paper prints"
    shell:
        "python scripts/write_numbers.py --inputs=- --numbers {params.numbers:q} --scripts {params.scripts:q} "
        "--changed {params.changed:q} {params.reference} --output {output:q} <<<{params.inputs:q} > {log:q} 2>&1"


rule write_provenance:
    input:
        lambda wildcards: CATALOGUES[wildcards.dataset].provenance,
    output:
        "results/{dataset}/tables/provenance.tex",
    log:
        "logs/{dataset}/paper/provenance.log",
    benchmark:
        "logs/{dataset}/paper/provenance.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        made_by=made_by("write_provenance"),
    message:
        "Hashing the files that the paper on {wildcards.dataset} is made from"
    shell:
        "python scripts/write_provenance.py --root results/{wildcards.dataset} --artefacts {input:q} --output {output:q} "
        "> {log:q} 2>&1"


rule build_paper:
    input:
        sources=lambda wildcards: or_exit(latex.sources, Path("paper")),
        tables=lambda wildcards: CATALOGUES[wildcards.dataset].tex_files,
        figures=lambda wildcards: CATALOGUES[wildcards.dataset].figure_files(["pdf"]),
    output:
        report(
            "results/{dataset}/paper.pdf",
            caption="../report/paper.rst",
            category="Paper",
            labels={"dataset": "{dataset}"},
        ),
    log:
        "logs/{dataset}/paper/build.log",
    benchmark:
        "logs/{dataset}/paper/build.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        # The text speaks of all of config.yaml. Of what a config leaves out, the paper says in place that it is missing.
        incomplete=of_plan(lambda plan, wildcards: "--stub" if text.lacking(plan, FULL) else ""),
        made_by=made_by("build_paper"),
    message:
        "Compiling the paper on {wildcards.dataset}"
    shell:
        "python scripts/build_paper.py {params.incomplete} --paper paper --tables {input.tables:q} "
        "--figures {input.figures:q} --output {output:q} > {log:q} 2>&1"


rule write_manifest:
    input:
        artefacts=lambda wildcards: CATALOGUES[wildcards.dataset].artefacts,
        config="results/{dataset}/config.json",
    output:
        "results/{dataset}/manifest.json",
    log:
        "logs/{dataset}/paper/manifest.log",
    benchmark:
        "logs/{dataset}/paper/manifest.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        copies="--keep-copies" if config["keep_copies"] else "",
        made_by=made_by("write_manifest"),
        versions=VERSIONS,
    message:
        "Hashing every artefact of {wildcards.dataset}"
    shell:
        "python scripts/write_manifest.py --config {input.config:q} {params.copies:q} --output {output:q} > {log:q} 2>&1"


# Its only file is its log, so it always runs when requested. If it fails, Snakemake shows the log.
rule verify:
    input:
        lambda wildcards: CATALOGUE.measured,
        reference=lambda wildcards: or_exit(required_reference),
    log:
        f"logs/{DATASET}/verify.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        results=lambda wildcards, input: os.path.dirname(PLAN.file("claims.json")),
        made_by=made_by("verify"),
    message:
        f"Comparing the numbers of {DATASET} with the reference"
    shell:
        "python scripts/verify.py --reference {input.reference:q} --results {params.results:q} > {log:q} 2>&1 "
        "&& cat {log:q}"
