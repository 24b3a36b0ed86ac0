"""The paper and what it prints, the manifest of everything that it rests on, and the reference."""


rule derive_tex:
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
        made_by=code_of_item("derive", "tabulars"),
    message:
        "Writing the table {wildcards.table}, {wildcards.dataset}, as TeX"
    shell:
        "python scripts/derive.py --function {params.function} --inputs {params.inputs:q} --output {output:q} "
        "> {log:q} 2>&1"


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
        reference=lambda wildcards, input: f"--reference {input.reference}" if input.reference else "",
        made_by=lambda wildcards: made_by("write_numbers", *CATALOGUES[wildcards.dataset].number_code(SCRIPTS)),
        versions=VERSIONS,
    message:
        "Writing every number of {wildcards.dataset} that the paper prints"
    shell:
        "python scripts/write_numbers.py --inputs {params.inputs:q} --numbers {params.numbers:q} "
        "--scripts {params.scripts:q} {params.reference} --output {output:q} > {log:q} 2>&1"


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
        "Hashing what the paper on {wildcards.dataset} is made from"
    shell:
        "python scripts/write_provenance.py --root results/{wildcards.dataset} --artefacts {input:q} --output {output:q} "
        "> {log:q} 2>&1"


def paper_sources(wildcards):
    """What the paper is written in. Fails while the DAG is built, before any training, if LaTeX is missing."""
    try:
        build_paper.require_latex()
    except InputError as error:
        raise SystemExit(
            f"error: {error}\nor build everything but the paper: snakemake --cores 8 figures measures"
        ) from None
    return sorted(str(path) for pattern in build_paper.SOURCES for path in Path("paper").rglob(pattern))


def incomplete(wildcards):
    """The flag of build_paper.py for a config that leaves out what the text speaks of: it is then named as missing.

    All of the full config is in the text, so without the flag a missing number fails the build.
    """
    full = reading.resolve(reading.load([CONFIG]))[wildcards.dataset]
    return "" if full.mentions <= PLANS[wildcards.dataset].mentions else "--stub"


rule build_paper:
    input:
        sources=paper_sources,
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
        incomplete=incomplete,
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
    resources:
        mem_mb=500,
    params:
        made_by=made_by("invariance/record/manifest"),
        versions=VERSIONS,
    message:
        "Hashing every artefact of {wildcards.dataset}"
    run:
        write_manifest(input.artefacts, input.config, output[0], log[0])


def required_reference(wildcards):
    """The reference numbers to hold a run to. Fails while the DAG is built, before any job, if there are none."""
    from invariance.record.reference import read_reference  # with pandas, which takes its time

    path = Path(f"paper/reference/{DATASET}.json")
    or_exit(read_reference, path, DATASET)
    return str(path)


# It makes no file but its log, so it runs whenever it is asked for. A failed job's log is shown by Snakemake.
rule verify:
    input:
        CATALOGUE.measured,
        reference=required_reference,
    log:
        f"logs/{DATASET}/verify.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        results=f"results/{DATASET}",
        made_by=made_by("verify"),
    message:
        f"Holding the numbers of {DATASET} to the reference"
    shell:
        "python scripts/verify.py --reference {input.reference:q} --results {params.results:q} > {log:q} 2>&1 "
        "&& cat {log:q}"
