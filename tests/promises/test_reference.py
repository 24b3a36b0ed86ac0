"""The committed reference: what a run cost, job by job, and that README and paper agree with it."""

import functools
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import write_claims
from finished import TINY, finished_run
from invariance import command_line
from invariance.paper.numbers import compute_results
from invariance.plan.plan import Plan
from invariance.plan.reading import load, resolve
from invariance.record.artefacts import InputError, read_json, sha256_of, write_json
from invariance.record.compute import (
    WORKERS,
    Job,
    Times,
    behind,
    compute_lines,
    core_seconds,
    read_jobs,
    read_records,
    read_times,
    replay,
    stage_rows,
    start_up_share,
    summarised,
)
from invariance.record.reference import MEASURES, ONE_SEED, SLACK, entry_name, plain, read_reference
from invariance.results.overview import simard_table
from recipes import block_of
from running import ROOT, snakemake
from studies import declared
from studies.summary.table import compute

REFERENCES = sorted((ROOT / "paper" / "reference").glob("*.json"))
RUNS = resolve(load([ROOT / "config.yaml"]))


# ----------------------------------------------------------------------------------------------------------------------
# What a job used


def test_only_the_counted_blocks_are_the_loop(monkeypatch):
    monkeypatch.setattr(command_line, "IN_THE_LOOP", [])
    before = time.process_time()
    while time.process_time() < before + 0.05:
        pass
    for _ in range(2):
        with command_line.counted():
            started = time.process_time()
            while time.process_time() < started + 0.05:
                pass
    assert 0.1 <= sum(command_line.IN_THE_LOOP) < 0.15


def test_a_job_says_what_it_used_and_is_understood(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("a line\n")
    script = (
        "import time; from invariance.command_line import counted, run\n"
        "def main():\n"
        "    with counted():\n"
        "        started = time.process_time()\n"
        "        while time.process_time() < started + 0.3: pass\n"
        "run(main)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), command_line.SNAKEMAKE: str(os.getpid())}
    with log.open("a") as stream:
        subprocess.run([sys.executable, "-c", script], check=True, stderr=stream, env=environment)
    times, resumed = read_times(log)
    assert not resumed
    assert 0.3 <= times.loop <= times.cpu < 10
    assert times.wall >= 0.3
    del environment[command_line.SNAKEMAKE]
    by_hand = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment
    )
    assert by_hand.stderr == ""


TSV = "s\th:m:s\tmax_rss\tio_in\tmean_load\tcpu_time\n{}\t0:00:08\t785.23\t-\t65.01\t{}\n"
SAID = "epoch 1/1\nused 5.50 s of CPU, 4.25 s of them in the loop, 7.00 s by the clock, 812 MB at most\n"


@pytest.mark.parametrize(
    ("log", "benchmark", "times"),
    [
        (SAID, (8.41, 5.77), Times(5.5, 8.41, 4.25)),
        (SAID, None, Times(5.5, 7.0, 4.25)),
        ("no word\n", (8.41, 5.77), Times(5.77, 8.41, None)),
        ("no word\n", (8.41, "NA"), Times(8.41, 8.41, None)),
        ("used 1 s\n", None, None),
        (None, None, None),
    ],
)
def test_times_of_a_job(tmp_path, log, benchmark, times):
    path = tmp_path / "a.tex.log"
    if log is not None:
        path.write_text(log)
    if benchmark:
        (tmp_path / "a.tex.tsv").write_text(TSV.format(*benchmark))
    assert read_times(path) == (times, False)


def test_a_training_that_went_on_is_told(tmp_path):
    (tmp_path / "a.log").write_text("going on after epoch 3, by its checkpoint\n" + SAID)
    assert read_times(tmp_path / "a.log")[1]


# ----------------------------------------------------------------------------------------------------------------------
# Replaying


def job(log: str, seconds: float, needs: tuple[str, ...] = (), stage: str = "train", **rest: float | None) -> Job:
    times = Times(rest.get("cpu", seconds), seconds, rest.get("loop", 0.0))
    return Job(log, stage, rest.get("ended", seconds), {f"{log}.out"}, set(needs), times)


def test_a_replay_by_hand():
    """a (2) and b (3) start; c (4) needs a; d (1) needs b and c."""
    jobs = {each.log: each for each in (job("a", 2), job("b", 3), job("c", 4, ("a",)), job("d", 1, ("b", "c")))}
    assert [replay(jobs, workers) for workers in (1, 2, 8)] == [10, 7, 7]


def test_a_free_worker_takes_the_job_that_the_run_started_first():
    """Two jobs of 5 s and one of 10 fill two workers for 10 s, unless the long one comes last."""
    short = [job("a", 5, ended=5), job("b", 5, ended=5.5)]
    assert replay({each.log: each for each in [*short, job("long", 10, ended=10)]}, 2) == 10
    assert replay({each.log: each for each in [*short, job("long", 10, ended=20)]}, 2) == 15


def test_a_circle_is_refused():
    with pytest.raises(InputError, match="in a circle"):
        replay({"a": job("a", 1, ("b",)), "b": job("b", 1, ("a",))}, 2)


@st.composite
def graphs(draw):
    """Up to 12 jobs of whole seconds, each needing some of those before it; started in any order."""
    count = draw(st.integers(1, 12))
    jobs = {}
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1))) if number else set()
        seconds, start = draw(st.integers(1, 6)), draw(st.integers(0, 50))
        needed = tuple(str(need) for need in needs)
        jobs[str(number)] = job(str(number), seconds, needed, ended=float(start + seconds))
    return jobs


def stepped(jobs: dict[str, Job], workers: int) -> int:
    """The replay second by second, without a heap: an independent word on how long it takes."""
    left = {log: int(each.times.cpu) for log, each in jobs.items()}
    started: set[str] = set()
    seconds = 0
    while any(left.values()):
        running = [log for log in started if left[log]]
        ready = [log for log in jobs if log not in started and all(not left[need] for need in jobs[log].needs)]
        chosen = sorted(ready, key=lambda log: (jobs[log].ended - jobs[log].times.wall, log))[: workers - len(running)]
        started.update(chosen)
        for log in running + chosen:
            left[log] -= 1
        seconds += 1
    return seconds


def longest_path(jobs: dict[str, Job]) -> float:
    ends: dict[str, float] = {}
    for log in sorted(jobs, key=int):
        ends[log] = jobs[log].times.cpu + max((ends[need] for need in jobs[log].needs), default=0)
    return max(ends.values())


def test_what_ends_together_frees_all_that_waits_for_it_before_anything_starts():
    """1 and 2 end together; 4 and 5, which wait for 2 and are first in line, are not overtaken by 3."""
    jobs = [("1", 1, (), 0), ("2", 1, (), 0), ("3", 2, (), 1), ("4", 1, ("2",), 0), ("5", 1, ("2",), 0)]
    run = {log: job(log, seconds, needs, ended=float(start + seconds)) for log, seconds, needs, start in jobs}
    assert replay(run, 2) == stepped(run, 2) == 4


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 5))
def test_a_replay_is_what_a_replay_second_by_second_gives(jobs, workers):
    seconds = replay(jobs, workers)
    assert seconds == stepped(jobs, workers)
    work, path = sum(each.times.cpu for each in jobs.values()), longest_path(jobs)
    assert max(path, work / workers) <= seconds <= path + (work - path) / workers + 1e-9  # Graham (1966)


# ----------------------------------------------------------------------------------------------------------------------
# Summing up


def test_what_is_behind_a_file():
    jobs = {each.log: each for each in (job("a", 1), job("b", 2), job("c", 4, ("a",)), job("d", 8, ("c",)))}
    assert list(behind(jobs, ["d.out"])) == ["a", "c", "d"]
    assert core_seconds(behind(jobs, ["b.out", "c.out"]).values()) == 7
    assert behind(jobs, ["unknown"]) == {}


def test_the_start_up_share_and_the_stages():
    jobs = [
        job("t", 10, cpu=9.0, loop=8.0),
        job("e", 5, stage="evaluate", cpu=5.0, loop=4.0),
        job("f", 3, stage="figures", cpu=2.0, loop=None),
    ]
    assert start_up_share(jobs) == pytest.approx(1 - 12 / 16)
    rows = stage_rows(jobs)
    assert [(row["stage"], row["jobs"], row["core_seconds"], row["wall_seconds"]) for row in rows] == [
        ("train", 1, 9.0, 10),
        ("evaluate", 1, 5.0, 5),
        ("figures", 1, 2.0, 3),
    ]
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert start_up_share([*jobs, job("d", 1, stage="distort", loop=None)]) is None


def test_what_was_not_measured_is_said():
    jobs = {"a": job("a", 60), "b": Job("b", "paper", 1.0, {"b.out"}, {"a"}, None)}
    compute = summarised(jobs)
    assert compute["unmeasured_jobs"] == 1
    assert "warning: 1 jobs were not measured at all; the times above are too short" in compute_lines(compute)
    assert compute["replayed_seconds"] == {str(workers): 60.0 for workers in WORKERS}


def test_records_are_those_of_a_run(tmp_path):
    with pytest.raises(InputError, match="no records of a run"):
        read_records(tmp_path)
    (tmp_path / "not base64!").write_text("{}")
    with pytest.raises(InputError, match="not a record"):
        read_records(tmp_path)
    with pytest.raises(InputError, match="no record of making it"):
        read_jobs({}, "results/mnist/manifest.json", Path("logs/mnist"))
    logs = tmp_path / "logs"
    record = {"log": [str(logs / "paper/manifest.log")], "endtime": 1.0, "input": []}
    with pytest.raises(InputError, match="logs: no log there says what its job used; name the logs of the same run"):
        read_jobs({"manifest.json": record}, "manifest.json", logs)


# ----------------------------------------------------------------------------------------------------------------------
# A finished run


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The finished tiny run, and the reference that is recorded of it."""
    folder, output = finished_run(tmp_path_factory), tmp_path_factory.mktemp("recorded") / "digits.json"
    command = ["scripts/record_reference.py", "--results", "results/digits", "--logs", "logs/digits", "--output"]
    finished = subprocess.run([sys.executable, *command, output], cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return folder, output, finished.stdout


@pytest.mark.pipeline
def test_the_jobs_on_record_need_one_another_as_snakemake_says(recorded, monkeypatch):
    folder, *_ = recorded
    monkeypatch.chdir(folder)
    jobs = read_jobs(
        records := read_records(Path(".snakemake/metadata")), "results/digits/manifest.json", Path("logs/digits")
    )
    rules = {log: records[next(iter(each.outputs))]["rule"] for log, each in jobs.items()}
    ours = Counter((rules[need], rules[log]) for log, each in jobs.items() for need in each.needs)

    graph = snakemake(folder, "--dag", "dot", "results/digits/manifest.json", *TINY)
    assert graph.returncode == 0, graph.stderr
    nodes = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', graph.stdout, re.MULTILINE))
    edges = re.findall(r"^\s*(\d+) -> (\d+)$", graph.stdout, re.MULTILINE)
    assert Counter(rules.values()) == Counter(nodes.values())
    assert ours == Counter((nodes[need], nodes[each]) for need, each in edges)
    assert len(edges) > len(nodes) > 20


@pytest.mark.pipeline
def test_a_recorded_run_is_whole(recorded):
    folder, output, said = recorded
    reference = read_reference(output, "digits")
    compute = reference["compute"]
    assert compute["unmeasured_jobs"] == compute["resumed_jobs"] == 0
    assert {row["stage"] for row in compute["stages"]} == {
        "source", "distort", "train", "evaluate", "tables", "figures", "paper", "pages",
    }  # fmt: skip
    assert sum(row["core_seconds"] for row in compute["stages"]) == pytest.approx(compute["core_seconds"], abs=1)
    assert 0 < compute["start_up_share"] < 1
    seconds = [compute["replayed_seconds"][str(workers)] for workers in WORKERS]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] / 2 <= seconds[1] < seconds[0]
    assert f"replayed with 8 workers: {seconds[3] / 60:.1f} min" in said

    names = {entry_name(cell) for cell in reference["cells"]}
    assert {
        ("simard2003", "simard_cnn", "elastic", "test_error"),
        ("architectures", "stride_fc", "centred", "mean_error"),
    } < names
    assert reference["config_sha256"] == read_json(folder / "results/digits/manifest.json")["artefacts"]["config.json"]
    assert [claim["id"] for claim in reference["claims"]] == [
        claim["id"] for claim in read_json(folder / "results/digits/claims.json")
    ]
    for claim in reference["claims"]:
        assert (folder / claim["target"]).is_file()
        assert 0 < claim["core_minutes"] < compute["core_seconds"] / 60


@pytest.mark.pipeline
def test_a_reference_tells_no_names_of_the_machine(recorded):
    text = recorded[1].read_text()
    assert platform.node() not in text
    assert str(Path.home()) not in text
    assert str(recorded[0]) not in text
    assert not re.search(r'"/', text)


@pytest.mark.pipeline
def test_a_run_that_is_not_whole_is_no_reference(recorded, tmp_path):
    command = ["scripts/record_reference.py", "--results", "results/mnist", "--logs", "logs/mnist", "--output"]
    finished = subprocess.run(
        [sys.executable, *command, tmp_path / "mnist.json"], cwd=recorded[0], capture_output=True, text=True
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith(
        "error: results/mnist/manifest.json: no such file; the reference is that of a whole"
    )
    assert not (tmp_path / "mnist.json").exists()


# ----------------------------------------------------------------------------------------------------------------------
# What is committed


@pytest.mark.parametrize(("number", "text"), [(0, "0.00"), (-1.236, "-1.24"), (0.005, "0.01"), (3.24e-15, "3.2e-15")])
def test_plain_numbers(number, text):
    assert plain(number) == text


def test_every_claim_has_a_figure_and_a_unit_that_can_be_compared():
    claims = [claim for study in declared().values() for claim in study.claims]
    assert all(claim.figure for claim in claims)
    assert {claim.unit.split()[0] for claim in claims} == set(SLACK) == set(ONE_SEED)


def test_the_demo_has_a_reference():
    assert "digits" in [path.stem for path in REFERENCES]


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_a_committed_reference_is_of_the_config(path, tmp_path):
    run, reference = RUNS[path.stem], read_reference(path, path.stem)
    write_json(tmp_path / "config.json", run.record, sort_keys=False)
    assert reference["config_sha256"] == sha256_of(tmp_path / "config.json")
    assert {claim["id"] for claim in reference["claims"]} == set(run["claims"])
    assert reference["compute"]["unmeasured_jobs"] == 0
    recorded = {entry_name(cell) for cell in reference["cells"]}
    for study, model, training, _ in run.cells:
        assert any((study, model, training, measure) in recorded for measure in MEASURES), (study, model, training)


@functools.cache
def run_of_overlay(overlay: str, dataset: str = "mnist") -> Plan:
    """The run of config.yaml with an overlay."""
    return resolve(load([ROOT / "config.yaml", ROOT / overlay]))[dataset]


def cells_of_overlay(overlay: str, study: str, dataset: str = "mnist") -> dict[tuple[str, str], dict]:
    """For each model and training of a study of an overlay, what the training depends on."""
    run = run_of_overlay(overlay, dataset)
    cells = {cell[1:3] for cell in run.cells if cell.study == study}
    return {cell: run.training_settings(study, *cell) for cell in cells}


@pytest.mark.parametrize(
    ("run", "study"),
    [
        ("mnist-selection", "selection"),
        ("mnist-strength", "selection_strength"),
        ("fashion_mnist-selection", "selection_rates"),
    ],
)
def test_the_committed_selection_is_of_its_overlay(run, study):
    table = pd.read_csv(ROOT / f"paper/reference/{run}.csv")
    tried = cells_of_overlay("selection.yaml", study, run.partition("-")[0])
    assert set(table.study) == {study}
    assert set(zip(table.model, table.training, strict=True)) == set(tried)
    for row in table.itertuples():
        settings = tried[row.model, row.training]
        assert row.distortion == settings["distortion"]
        for key in ("epochs", "schedule", "learning_rate", "averaging"):
            assert getattr(row, key) == settings["optimisation"][key], (row.model, row.training, key)


@pytest.mark.parametrize("run", ["long", "fresh", "all"])
def test_the_committed_long_runs_are_of_their_overlay(run):
    table, study = pd.read_csv(ROOT / f"paper/reference/mnist-{run}.csv"), f"simard2003_{run}"
    asked = cells_of_overlay("long.yaml", study)
    assert set(zip(table.model, table.training, strict=True)) == set(asked)
    assert set(table.seeds) == {len(run_of_overlay("long.yaml")["studies"][study]["seeds"])}


def test_the_names_and_the_caption_of_the_long_runs_say_what_their_overlay_asks_for():
    text = " ".join((ROOT / "paper/sections/appendix.tex").read_text().split())
    for used in cells_of_overlay("long.yaml", "simard2003_long").values():
        said = f"elastic for {used['optimisation']['epochs']} epochs over {used['copies']} copies again and again"
        assert said in text
    for (_, training), used in cells_of_overlay("long.yaml", "simard2003_fresh").items():
        epochs = used["optimisation"]["epochs"]
        assert training == f"{used['distortion']}_{epochs}_epochs"
        assert used["copies"] == epochs


def test_the_runs_on_all_images_differ_from_those_on_some_in_nothing_else():
    some = cells_of_overlay("long.yaml", "simard2003") | cells_of_overlay("long.yaml", "simard2003_fresh")
    for (model, training), used in cells_of_overlay("long.yaml", "simard2003_all").items():
        assert used == some[model, training.replace("_all", "")] | {"train_images": 60000}


def test_the_docs_say_what_the_long_runs_reached():
    text = " ".join((ROOT / "docs/reference.md").read_text().split())
    for run, training in (("fresh", "affine_elastic_500_epochs"), ("all", "affine_elastic_all_180_epochs")):
        row = pd.read_csv(ROOT / f"paper/reference/mnist-{run}.csv", index_col="training").loc[training]
        assert f"{row['mean']:.2f}% [{row.low:.2f}, {row.high:.2f}] after {training.split('_')[-2]}" in text


@pytest.mark.parametrize(("model", "training"), [("mlp", "elastic"), ("simard_cnn", "elastic")])
def test_simards_table_takes_the_setting_with_the_least_validation_error(model, training):
    """Of those that were tried for as many epochs."""
    taken = RUNS["mnist"].training_settings("simard2003", model, training)
    table = pd.read_csv(ROOT / "paper/reference/mnist-selection.csv", index_col=["model", "distortion", "measure"])
    tried = table.loc[(model, taken["distortion"], "validation_error")]
    tried = tried[tried.epochs == taken["optimisation"]["epochs"]]
    best = tried.iloc[int(tried["mean"].argmin())]
    assert (best.learning_rate, best.schedule) == tuple(
        taken["optimisation"][key] for key in ("learning_rate", "schedule")
    )


COLLAPSED = ("simard_cnn", "stn")  # at the rate so chosen, on translated images: the plan keeps MNIST's


def test_fashion_mnist_takes_the_rate_with_the_least_validation_error_and_its_kin_follow():
    """After the epochs of MNIST, twice which save less than a percentage point of that."""
    table = pd.read_csv(ROOT / "paper/reference/fashion_mnist-selection.csv")
    table = table[table.measure == "validation_error"]
    fashion, mnist = RUNS["fashion_mnist"], RUNS["mnist"]
    followed = {}  # by rate on MNIST and model or, where models agree, by rate alone
    for model, tried in table.groupby("model"):
        usual, taken = (run.training_settings("architectures", model, "centred") for run in (mnist, fashion))
        epochs, rate = taken["optimisation"]["epochs"], taken["optimisation"]["learning_rate"]
        assert epochs == usual["optimisation"]["epochs"]
        best = tried[tried.epochs == epochs].set_index("learning_rate")["mean"]
        assert rate == (usual["optimisation"]["learning_rate"] if model in COLLAPSED else best.idxmin())
        assert tried[tried.epochs == 2 * epochs]["mean"].item() > best.min() - 1
        if model not in COLLAPSED:
            followed[model == "mlp", usual["optimisation"]["learning_rate"]] = rate
    for study, model, training, _ in fashion.cells:
        usual, taken = (run.training_settings(study, model, training)["optimisation"] for run in (mnist, fashion))
        if model in COLLAPSED:
            assert taken == usual
        else:
            assert taken == usual | {"learning_rate": followed[model == "mlp", usual["learning_rate"]]}


def test_affine_and_elastic_are_as_strong_together_as_the_validation_images_chose():
    """The strengths of config.yaml err less than the full ones, and those of the overlay are what their names say."""
    table = pd.read_csv(ROOT / "paper/reference/mnist-strength.csv", index_col=["distortion", "measure"])
    errors = table.xs("validation_error", level="measure")["mean"]
    both = [name for name in errors.index if "affine" in name and "elastic" in name]
    assert len(both) == 2
    assert errors[both].idxmin() == "affine_elastic"
    distortions = load([ROOT / "config.yaml", ROOT / "selection.yaml"])["distortions"]
    mild = distortions["affine_elastic"]
    assert distortions["affine_mild"] | distortions["elastic_mild"] == mild
    assert distortions["affine"] | distortions["elastic"] == distortions["affine_full_elastic_full"]


def test_the_claims_in_the_readme_and_their_costs_are_those_of_the_reference():
    reference = read_reference(write_claims.REFERENCE, "mnist")
    claims, costs = block_of(write_claims.README, "claims"), block_of(write_claims.COSTS, "costs")
    assert claims.count("\n| C") == costs.count("\n| C") == len(reference["claims"]) > 0
    written = write_claims.claims_block(reference), write_claims.costs_block(reference)
    assert (claims, costs) == written, "run: python scripts/write_claims.py"


EXAMPLE = {
    "config_sha256": "0123456789abcdef",
    "machine": {"processor": "A_B", "cores": 2},
    "claims": [
        {
            "id": "C1",
            "statement": "It is so.",
            "unit": "percentage points",
            "number": -1.234,
            "low": -2.0,
            "high": None,
            "verdict": "refuted",
            "target": "results/mnist/figures/heat_maps.pdf",
            "core_minutes": 12.34,
        }
    ],
    "cells": [
        {
            "study": study,
            "model": model,
            "training": training,
            "measure": measure,
            "seeds": 3,
            "mean": mean,
            "low": low,
            "high": 2.5,
        }
        | published
        for study, model, training, measure, mean, low, published in [
            ("simard2003", "mlp", "none", "test_error", 1.5, 1.25, {"published": 1.6}),
            ("simard2003", "simard_cnn", "none", "test_error", 1.0, None, {}),
            ("simard2003", "simard_cnn", "elastic", "test_error", 0.5, 0.25, {"published": 0.4}),
            ("simard2003", "simard_cnn", "elastic", "accuracy", 99.5, 99.0, {}),
            ("split", "mlp", "none", "test_error", 9.0, 8.0, {}),
        ]
    ],
    "compute": summarised({"a": job("a", 120), "b": job("b", 60, ("a",), stage="figures")}),
    "confidence": 0.95,
}


def test_a_row_of_the_claims():
    example = json.loads(json.dumps(EXAMPLE))
    example["claims"][0]["high"] = 3.0
    assert write_claims.claims_block(example).splitlines()[2] == (
        "| C1 It is so | refuted | \N{MINUS SIGN}1.23 [\N{MINUS SIGN}2.00, 3.00] percentage points |"
    )
    example["claims"][0]["low"] = example["claims"][0]["high"] = None
    assert "| \N{MINUS SIGN}1.23 percentage points |" in write_claims.claims_block(example)


def test_a_row_of_the_costs():
    rows = write_claims.costs_block(EXAMPLE).splitlines()
    assert rows[2] == "| C1 | heat maps | `snakemake --cores 8 results/mnist/figures/heat_maps.pdf` | 12 |"
    assert "fill 3 minutes of 2 cores and 3 of 8" in rows[-1]


def test_what_the_docs_say_of_start_up_and_evaluation():
    stages = [{"stage": stage, "core_seconds": seconds} for stage, seconds in (("train", 200.0), ("evaluate", 50.0))]
    text = write_claims.shares({"stages": stages, "start_up_share": 0.123})
    assert text.startswith(" 12.3% of its core time")
    assert text.endswith("Evaluating took 0.25 times what training took.")
    assert write_claims.shares({"stages": stages, "start_up_share": None}) == ""
    assert write_claims.shares({"stages": stages[:1], "start_up_share": 0.1}) == ""


def test_simards_table_in_the_readme():
    assert write_claims.markdown(*simard_table(EXAMPLE["cells"])).splitlines() == [
        "| training | MLP, published | MLP, ours | Simard's CNN, published | Simard's CNN, ours |",
        "|---|---|---|---|---|",
        "| no distortion | 1.6 | 1.50 [0.25, 2.75] |  | 1.00 |",
        "| elastic |  |  | 0.4 | 0.50 [-1.75, 2.75] |",
    ]


def test_what_the_paper_prints_of_the_cost():
    results = dict(compute_results(EXAMPLE))
    assert results["compute/replayed_8"] == "3"
    assert results["compute/processor"] == r"A\_B"
    table = compute(reference=EXAMPLE)
    assert "Training & 1 & 2.0 & 66.7" in table
    assert "All & 2 & 3.0 & 100.0" in table
    assert list(compute_results(None)) == []
    assert "not recorded yet" in compute()
