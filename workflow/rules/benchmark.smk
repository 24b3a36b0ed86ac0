"""Speed of the three hot loops beside their peers: wall-clock measurements, which are in no manifest."""


rule measure_speed:
    input:
        code=benchmark_code,
        config="config.yaml",
    output:
        "results/benchmark/{loop}.json",
    log:
        "logs/benchmark/{loop}.log",
    benchmark:
        "logs/benchmark/{loop}.tsv"
    wildcard_constraints:
        loop="|".join(BENCHMARK_LOOPS),
    conda:
        ENVIRONMENT
    # It computes on one core. It claims all that --cores gives, so that no other job disturbs it.
    threads: 1000
    resources:
        mem_mb=3000,
    params:
        versions=versions("torch", "torchvision", "numpy", "numba", "scipy", "elasticdeform"),
    message:
        "Measuring {wildcards.loop} beside its peers on one core, for minutes; progress in {log}"
    shell:
        "python benchmarks/measure_speed.py {wildcards.loop} --output {output:q} > {log:q} 2>&1"


rule summarise_speed:
    input:
        measured=expand("results/benchmark/{loop}.json", loop=BENCHMARK_LOOPS),
        code=lambda wildcards: code_of("benchmarks/summarise_speed.py") + code_of("scripts/draw.py"),
    output:
        "results/benchmark/benchmark.csv",
        "results/benchmark/benchmark.md",
        "results/benchmark/benchmark.pdf",
        report(
            "results/benchmark/benchmark.png",
            caption="../report/benchmark.rst",
            category="Speed",
            labels={"figure": "Images a second, ours and its peers"},
        ),
        "results/benchmark/machine.json",
    log:
        "logs/benchmark/summarise.log",
    benchmark:
        "logs/benchmark/summarise.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
    params:
        versions=versions("matplotlib", "seaborn"),
    message:
        "Summarising the benchmark"
    shell:
        "python benchmarks/summarise_speed.py {input.measured:q} --output results/benchmark 2>&1 | tee {log:q}"
