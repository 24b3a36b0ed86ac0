"""How long a run would take elsewhere: small runs whose times are clear, any graph of jobs, and a whole run."""

import itertools
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import predict_time
from finished import finished_run
from invariance.record.artefacts import InputError
from invariance.record.compute import Job, Jobs, Times, core_seconds
from invariance.record.prediction import Overhead, critical_path, predicted, submissions
from running import ROOT

LOGS = Path("logs/digits")
TOGETHER = {"distort": 2, "train": 3}
PROFILE = ROOT / "profiles/slurm/config.yaml"


def job(log: str, seconds: float, *needs: str, ended: float = 0.0) -> Job:
    path = f"{LOGS}/{log}.log"
    needed = {f"{LOGS}/{need}.log" for need in needs}
    return Job(path, log.split("/")[0], ended or seconds, set(), needed, Times(seconds, seconds, None))


def by_log(*jobs: Job) -> Jobs:
    return {each.log: each for each in jobs}


def run_of(seeds: int, distortions: int) -> Jobs:
    """Each seed of one cell reads one distortion, and another goes on from it; one table reads all."""
    made = [job(f"distort/29/d{number}/{copy}", 1, "source") for number in range(distortions) for copy in "ab"]
    described = [
        job(f"distort/29/d{number}/summary", 0.5, f"distort/29/d{number}/a", f"distort/29/d{number}/b")
        for number in range(distortions)
    ]
    trained, tested = [], []
    for seed in range(seeds):
        first, second = (f"simard2003/mlp/{training}/seed-{seed}" for training in ("d0", "after_d0"))
        trained += [
            job(f"train/{first}", 10, "distort/29/d0/a", "distort/29/d0/b"),
            job(f"train/{second}", 3, f"train/{first}"),
        ]
        tested += [job(f"evaluate/{cell}", 2, f"train/{cell}") for cell in (first, second)]
    logs = [Path(each.log).relative_to(LOGS).with_suffix("") for each in tested]
    tables = job("tables/errors", 1, *map(str, logs))
    fetched = [job("download/images", 1), job("source", 3, "download/images")]
    return by_log(*fetched, *made, *described, *trained, *tested, tables, job("paper", 4, "tables/errors"))


ONE_SEED = 10 + 3 + 2 * 2  # seconds: trained, gone on with, both tested


def test_what_belongs_together_is_one_submission():
    submitted = submissions(run_of(seeds=5, distortions=3), LOGS, TOGETHER, each=0.5)
    assert {name: each.times.cpu for name, each in submitted.items()} == {
        "source.log/0": 3.5,
        "distort/29/0": 2 * (2 * 1.5 + 1),
        "distort/29/1": 2 * 1.5 + 1,
        "train/simard2003/mlp/0": 3 * (ONE_SEED + 4 * 0.5),
        "train/simard2003/mlp/1": 2 * (ONE_SEED + 4 * 0.5),
        "results/0": 1.5 + 4.5,
    }
    assert submitted["train/simard2003/mlp/1"].needs == {"distort/29/0"}
    assert submitted["distort/29/1"].needs == {"source.log/0"}
    assert submitted["results/0"].needs == {name for name in submitted if name.startswith("train/")}


def test_the_order_in_which_jobs_were_read_changes_nothing():
    """It differs from one Python to the next, as does that of any set of texts."""
    jobs = run_of(seeds=5, distortions=3)
    for order in (reversed(jobs), sorted(jobs, key=lambda log: log[::-1])):
        mixed = {log: jobs[log] for log in order}
        assert submissions(mixed, LOGS, TOGETHER, each=0.5) == submissions(jobs, LOGS, TOGETHER, each=0.5)
        assert critical_path(mixed) == critical_path(jobs)


def test_a_submission_waits_for_the_cluster_and_a_job_for_its_own_start():
    """Source, copies, the three seeds (the two run beside them), the results: four submissions one after the other."""
    submitted = submissions(run_of(seeds=5, distortions=1), LOGS, TOGETHER, each=0.5)
    seconds = predicted(submitted, 10, Overhead(run=7, each=60))
    assert seconds == 7 + 4 * 60 + 3.5 + (2 * 1.5 + 1) + 3 * (ONE_SEED + 2) + 6


def test_one_machine_spends_time_on_the_run_and_on_each_job():
    jobs = run_of(seeds=2, distortions=1)
    assert predicted(jobs, 1, Overhead(run=7, each=0.5)) == 7 + core_seconds(jobs.values()) + 0.5 * len(jobs)
    assert predicted(jobs, 64, Overhead(run=7, each=0.5)) == 7 + (1 + 3 + 1 + 10 + 3 + 2 + 1 + 4) + 8 * 0.5


def test_the_critical_path_by_hand():
    path = critical_path(run_of(seeds=2, distortions=2))
    assert [each.stage for each in path] == [
        "download",
        "source",
        "distort",
        "train",
        "train",
        "evaluate",
        "tables",
        "paper",
    ]
    assert core_seconds(path) == 1 + 3 + 1 + 10 + 3 + 2 + 1 + 4
    assert critical_path({}) == []


@st.composite
def graphs(draw):
    """Up to 10 tables, each needing some of those before it."""
    count = draw(st.integers(1, 10))
    return by_log(
        *(
            job(
                f"tables/{number}",
                draw(st.integers(0, 9)),
                *(f"tables/{need}" for need in (draw(st.sets(st.integers(0, number - 1))) if number else ())),
            )
            for number in range(count)
        )
    )


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_as_many_cores_as_jobs_take_as_long_as_the_critical_path(jobs):
    path = critical_path(jobs)
    assert core_seconds(path) == predicted(jobs, len(jobs), Overhead(0, 0))
    for before, after in itertools.pairwise(path):
        assert before.log in after.needs


def test_the_profile_says_how_many_parts_are_one_submission():
    """What scripts/predict_time.py reads there."""
    components = yaml.safe_load(PROFILE.read_text())["group-components"]
    assert components["copies_{canvas}"] == TOGETHER["distort"]
    assert components["trained_{study}_{model}"] == TOGETHER["train"]


def test_a_circle_of_needs_has_no_time():
    with pytest.raises(InputError, match="in a circle"):
        predicted(by_log(job("a", 1, "b"), job("b", 1, "a")), 2, Overhead(0, 0))


@pytest.mark.pipeline
def test_the_prediction_for_a_run_is_a_table_a_figure_and_a_block_of_the_docs(tmp_path_factory, tmp_path, monkeypatch):
    monkeypatch.chdir(finished_run(tmp_path_factory))
    (tmp_path / "cluster.md").write_text("<!-- time:begin -->\n<!-- time:end -->\n")
    predict_time.main(results=Path("results/digits"), logs=Path("logs/digits"), docs=tmp_path)
    table = pd.read_csv(tmp_path / "time.csv")
    assert list(table["cores"]) == [2**power for power in range(11)]
    assert (table[["one_machine", "slurm"]].diff().dropna() <= 0).all(axis=None)
    block = (tmp_path / "cluster.md").read_text()
    assert len(re.findall(r"^\| [\d,]+ \|", block, re.MULTILINE)) == 11
    assert re.search(r"The critical path takes [\d.]+ minutes: source \d+ s", block)
    assert (tmp_path / "time.png").stat().st_size > 10_000
