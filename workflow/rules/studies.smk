"""Tables, claims and figures of the studies, as scripts/studies/ declares them."""


rule write_config:
    output:
        "results/{dataset}/config.json",
    log:
        "logs/{dataset}/tables/config.log",
    benchmark:
        "logs/{dataset}/tables/config.tsv"
    conda:
        ENVIRONMENT
    params:
        config=lambda wildcards: json.dumps(PLANS[wildcards.dataset].record),
        made_by=made_by("write_config"),
    message:
        "Recording the plan of {wildcards.dataset}"
    shell:
        "python scripts/write_config.py --config {params.config:q} --output {output:q} > {log:q} 2>&1"


# The four tables of a study over a grid of shifts.
rule summarise:
    input:
        of_plan(lambda plan, w: plan.summary_files(w.study)),
    output:
        **{
            name: report(
                f"results/{{dataset}}/tables/{{study}}{ending}.csv",
                caption="../report/table.rst",
                category="Tables",
                labels={"dataset": "{dataset}", "table": f"{{study}}{ending}"},
            )
            for name, ending in {"runs": "-runs", "ring_runs": "-ring-runs", "summary": "", "rings": "-rings"}.items()
        },
    log:
        "logs/{dataset}/tables/{study}.log",
    benchmark:
        "logs/{dataset}/tables/{study}.tsv"
    wildcard_constraints:
        study=one_of(study for plan in PLANS.values() for study in plan.shifted_studies),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        inputs=of_plan(lambda plan, w: json.dumps(plan.summary_inputs(w.study))),
        measures=setting("measures"),
        made_by=made_by("summarise"),
    message:
        "Summarising the study {wildcards.study} of {wildcards.dataset}"
    shell:
        "python scripts/summarise.py --inputs=- --measures {params.measures:q} --runs {output.runs:q} --ring-runs "
        "{output.ring_runs:q} --summary {output.summary:q} --rings {output.rings:q} <<<{params.inputs:q} > {log:q} 2>&1"


# Every other table as CSV.
rule derive:
    input:
        of_item("tables", lambda table, plan: table.files(plan)),
    output:
        report(
            "results/{dataset}/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"dataset": "{dataset}", "table": "{table}"},
        ),
    log:
        "logs/{dataset}/tables/{table}.log",
    benchmark:
        "logs/{dataset}/tables/{table}.tsv"
    wildcard_constraints:
        table=one_of(known("tables")),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=of_item("tables", lambda table, plan: table.memory),
    params:
        function=of_item("tables", lambda table, plan: table.target),
        inputs=of_item("tables", lambda table, plan: json.dumps(table.arguments(plan))),
        settings=of_item("tables", lambda table, plan: as_json(table.settings(plan, table.study))),
        made_by=code_of_item("derive", "tables"),
    message:
        "Making the table {wildcards.table} of {wildcards.dataset}"
    shell:
        "python scripts/derive.py --function {params.function:q} --inputs=- --settings {params.settings:q} --output "
        "{output:q} <<<{params.inputs:q} > {log:q} 2>&1"


rule judge_claims:
    input:
        lambda wildcards: CATALOGUES[wildcards.dataset].claim_tables.values(),
    output:
        "results/{dataset}/claims.json",
    log:
        "logs/{dataset}/tables/claims.log",
    benchmark:
        "logs/{dataset}/tables/claims.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        claims=lambda wildcards: json.dumps(CATALOGUES[wildcards.dataset].claim_records),
        tables=lambda wildcards: json.dumps(CATALOGUES[wildcards.dataset].claim_tables),
        confidence=lambda wildcards: PLANS[wildcards.dataset]["measures"]["confidence"],
        made_by=lambda wildcards: made_by("judge_claims", *CATALOGUES[wildcards.dataset].claim_code(SCRIPTS)),
    message:
        "Judging the claims on {wildcards.dataset}; verdicts in {log}"
    shell:
        "python scripts/judge_claims.py --claims {params.claims:q} --tables {params.tables:q} "
        "--confidence {params.confidence} --output {output:q} > {log:q} 2>&1"


rule draw:
    input:
        of_item("figures", lambda figure, plan: figure.files(plan)),
    output:
        pdf="results/{dataset}/figures/{figure}.pdf",
        png=report(
            "results/{dataset}/figures/{figure}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels=lambda wildcards: {"dataset": wildcards.dataset, "figure": item("figures", wildcards).title},
        ),
    log:
        "logs/{dataset}/figures/{figure}.log",
    benchmark:
        "logs/{dataset}/figures/{figure}.tsv"
    wildcard_constraints:
        figure=one_of(known("figures")),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
    params:
        module=of_item("figures", lambda figure, plan: figure.target),
        inputs=of_item("figures", lambda figure, plan: json.dumps(figure.arguments(plan))),
        settings=of_item("figures", lambda figure, plan: as_json(figure.settings(plan, figure.study))),
        note=of_item("figures", lambda figure, plan: plan.note),
        caption=untracked(of_item("figures", lambda figure, plan: figure.caption)),
        made_by=code_of_item("draw", "figures"),
    message:
        "Drawing {wildcards.figure}, {wildcards.dataset}"
    shell:
        "python scripts/draw.py --figure {params.module:q} --note={params.note:q} --inputs=- --settings {params.settings:q} "
        "--output {output.pdf:q} --png {output.png:q} <<<{params.inputs:q} > {log:q} 2>&1"
