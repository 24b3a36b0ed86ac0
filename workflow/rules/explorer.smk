"""The interactive page: the trained networks themselves, in one HTML file that loads nothing."""


rule build_explorer:
    input:
        sources=sorted(
            str(path) for path in Path("explorer").rglob("*") if path.suffix in (".html", ".css", ".js", ".wasm")
        ),
        read=lambda wildcards: flat(explored.inputs_of(CATALOGUES[wildcards.dataset])),
    output:
        "results/{dataset}/explorer.html",
    log:
        "logs/{dataset}/explorer.log",
    benchmark:
        "logs/{dataset}/explorer.tsv"
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
