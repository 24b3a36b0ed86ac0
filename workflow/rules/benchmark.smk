"""Speed of the three hot loops compared with their peers: wall-clock times, which no manifest lists."""

BENCHMARK_LOOPS = ["distorting", "training", "evaluating"]
MEASURED_FILES = [f"results/benchmark/{loop}.json" for loop in BENCHMARK_LOOPS]
BENCHMARK_FILES = [
    f"results/benchmark/{name}"
    for name in ("benchmark.csv", "benchmark.md", "benchmark.pdf", "benchmark.png", "machine.json")
]


rule measure_speed:
    input:
        "config.yaml",
    output:
        "results/benchmark/{loop}.json",
    log:
        "logs/benchmark/{loop}.log",
    benchmark:
        "logs/benchmark/{loop}.tsv"
    wildcard_constraints:
        loop=one_of(BENCHMARK_LOOPS),
    conda:
        ENVIRONMENT
    # It computes on one core, but claims all cores that --cores gives, so that no other job disturbs it.
    threads: 1000
    resources:
        mem_mb=3000,
    params:
        made_by=lambda wildcards: or_exit(code_of_benchmark),
    message:
        "Measuring the speed of {wildcards.loop} on one core; this takes minutes; progress in {log}"
    shell:
        "python benchmarks/measure_speed.py --loop {wildcards.loop} --output {output:q} > {log:q} 2>&1"


rule summarise_speed:
    input:
        MEASURED_FILES,
    output:
        "results/benchmark/benchmark.csv",
        "results/benchmark/benchmark.md",
        "results/benchmark/benchmark.pdf",
        report(
            "results/benchmark/benchmark.png",
            caption="../report/benchmark.rst",
            category="Speed",
            labels={"figure": "Images per second, ours and its peers"},
        ),
        "results/benchmark/machine.json",
    log:
        "logs/benchmark/summarise.log",
    benchmark:
        "logs/benchmark/summarise.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
    params:
        made_by=dependencies.made_by("benchmarks/summarise_speed.py"),
    message:
        "Summarising the benchmark"
    shell:
        "python benchmarks/summarise_speed.py --measured {input:q} --output results/benchmark 2>&1 | tee {log:q}"
