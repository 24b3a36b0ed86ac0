"""The pages: the trained networks themselves, and the verdicts, each in one HTML file that loads nothing."""


rule build_explorer:
    input:
        sources=sorted(
            str(path) for path in Path("explorer").rglob("*") if path.suffix in (".html", ".css", ".js", ".wasm")
        ),
        read=lambda wildcards: flat(explored.inputs_of(CATALOGUES[wildcards.dataset])),
    output:
        report(
            "results/{dataset}/explorer.html",
            caption="../report/explorer.rst",
            category="Explorer",
            labels={"dataset": "{dataset}"},
        ),
    log:
        "logs/{dataset}/pages/explorer.log",
    benchmark:
        "logs/{dataset}/pages/explorer.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
    params:
        made_by=made_by("build_explorer"),
    message:
        "Building the interactive page on {wildcards.dataset}"
    shell:
        "python scripts/build_explorer.py --config results/{wildcards.dataset}/config.json --sources explorer "
        "--output {output:q} > {log:q} 2>&1"


# The first page of the report, whose categories are sorted by their names.
rule build_overview:
    input:
        lambda wildcards: CATALOGUES[wildcards.dataset].table_files,
        config="results/{dataset}/config.json",
        claims="results/{dataset}/claims.json",
    output:
        report(
            "results/{dataset}/overview.html",
            caption="../report/overview.rst",
            category="Claims and verdicts",
            labels={"dataset": "{dataset}"},
        ),
    log:
        "logs/{dataset}/pages/overview.log",
    benchmark:
        "logs/{dataset}/pages/overview.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        made_by=made_by("build_overview"),
    message:
        "Writing the verdicts on {wildcards.dataset} as a page"
    shell:
        "python scripts/build_overview.py --results results/{wildcards.dataset} --output {output:q} > {log:q} 2>&1"
