"""The paper, and the manifest of everything that it rests on."""


rule write_provenance:
    input:
        artefacts=lambda wildcards: provenance_files(wildcards.dataset),
        code=script("write_provenance"),
    output:
        "results/{dataset}/tables/provenance.tex",
    log:
        "logs/{dataset}/paper/provenance.log",
    benchmark:
        "logs/{dataset}/paper/provenance.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    message:
        "Hashing what the paper on {wildcards.dataset} is made from"
    shell:
        "python scripts/write_provenance.py --root results/{wildcards.dataset} --artefacts {input.artefacts:q} "
        "--output {output:q} > {log:q} 2>&1"


rule build_paper:
    input:
        sources=paper_sources,
        tables=lambda wildcards: tex_tables(wildcards.dataset),
        provenance="results/{dataset}/tables/provenance.tex",
        figures=lambda wildcards: figure_files(wildcards.dataset, ["pdf"]),
        code=script("build_paper"),
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
    threads: 1
    resources:
        mem_mb=500,
    params:
        incomplete=allows_gaps,
    message:
        "Compiling the paper on {wildcards.dataset}"
    shell:
        "python scripts/build_paper.py {params.incomplete} --paper paper "
        "--tables {input.tables:q} {input.provenance:q} --figures {input.figures:q} --output {output:q} > {log:q} 2>&1"


rule manifest:
    input:
        artefacts=lambda wildcards: manifest_files(wildcards.dataset),
        config="results/{dataset}/config.json",
        code=["scripts/invariance/record/manifest.py", "scripts/invariance/record/artefacts.py"],
    output:
        "results/{dataset}/manifest.json",
    log:
        "logs/{dataset}/paper/manifest.log",
    benchmark:
        "logs/{dataset}/paper/manifest.tsv"
    threads: 1
    resources:
        mem_mb=500,
    params:
        versions=[*versions(*VERSIONED), PYTHON],
    message:
        "Hashing every artefact of {wildcards.dataset}"
    run:
        write_manifest(input.artefacts, input.config, output[0], log[0])


# It makes no file but its log, so it runs whenever it is asked for. A failed job's log is shown by Snakemake.
rule verify:
    input:
        reference=required_reference,
        config=f"results/{DATASET}/config.json",
        claims=f"results/{DATASET}/claims.json",
        tables=csv_tables(DATASET),
        code=script("verify"),
    log:
        f"logs/{DATASET}/verify.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
    params:
        results=lambda wildcards, input: os.path.dirname(input.claims),
    message:
        f"Holding the numbers of {DATASET} to the reference"
    shell:
        "python scripts/verify.py --reference {input.reference:q} --results {params.results:q} > {log:q} 2>&1 "
        "&& cat {log:q}"
