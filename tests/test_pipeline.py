"""The whole pipeline on the smallest config that runs every stage, and what a change to it makes run again."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from invariance.artefacts import sha256_of
from running import ROOT, fresh_copy, snakemake

pytestmark = pytest.mark.pipeline


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    """What a dry run would do: number of jobs by rule, without the targets that only name files."""
    finished = snakemake(folder, "--cores", "2", "-n", "--quiet", "host", *arguments)
    assert finished.returncode == 0, finished.stderr
    report = finished.stdout + finished.stderr
    table = report.partition("Job stats:")[2].partition("total")[0]
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE))
    return {rule: int(count) for rule, count in jobs.items() if rule not in ("all", "job")}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A finished tiny run, from nothing, in a folder with a space in its name."""
    folder = fresh_copy(tmp_path_factory.mktemp("a whole run"))
    finished = snakemake(folder, "--cores", "2", "--configfile", "tests/configs/tiny.yaml")
    assert finished.returncode == 0, finished.stderr[-5000:]
    return folder


def test_every_stage_leaves_its_artefacts(tree):
    results = tree / "results" / "digits"
    for pattern, count in {
        "source/*.npy": 4,
        "distorted/29/elastic/*": 3,
        "distorted/32/shift_2/*": 3,
        "models/*/*/*/seed-0/weights.safetensors": 7,
        "models/*/*/*/seed-0/history.csv": 7,
        "models/*/*/*/seed-0/card.json": 7,
        "shifts/*/*/*/seed-0.csv": 8,
        "shifts/*/*/*/seed-0.predictions.npy": 8,
        "shifts/*/*/*/seed-0.test.npy": 8,
        "figures/*.pdf": 6,
        "figures/*.png": 6,
        "tables/*.csv": 14,
        "tables/*.tex": 9,
        "*": 10,
    }.items():
        assert len(list(results.glob(pattern))) == count, pattern


def test_the_manifest_holds_the_hash_of_every_file(tree):
    results = tree / "results" / "digits"
    manifest = json.loads((results / "manifest.json").read_text())
    files = {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}
    assert set(manifest["artefacts"]) == files - {"manifest.json"}
    for path, sha256 in manifest["artefacts"].items():
        assert sha256_of(results / path) == sha256, path


def test_run_cards_say_what_a_model_was_made_from(tree):
    card = json.loads((tree / "results/digits/models/simard2003/simard_cnn/elastic/seed-0/card.json").read_text())
    assert card["parameters"] == 132_540
    assert card["training"]["distortion"] == "elastic"
    for path, sha256 in card["inputs"].items():
        assert sha256_of(tree / path) == sha256
    assert any(path.endswith("elastic/copy-000.npy") for path in card["inputs"])


def test_the_exact_control_is_exact_in_the_tables(tree):
    runs = pd.read_csv(tree / "results/digits/tables/architectures-runs.csv").set_index("model")
    assert runs.worst_consistency["phase_averaged"] == 100
    assert runs.drift["phase_averaged"] < 1e-4
    assert runs.drift["stride_fc"] > 0.1


def test_the_paper_is_about_this_run(tree):
    text = subprocess.run(
        ["pdftotext", "-layout", tree / "results/digits/paper.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "8x8 digits" in text
    config_hash = sha256_of(tree / "results/digits/config.json")[:12]
    assert config_hash in text
    # The tiny config leaves claims out, and the paper says so in place rather than making them up.
    measured = {claim["id"] for claim in json.loads((tree / "results/digits/claims.json").read_text())}
    assert "C1" in measured
    assert "C4" not in measured
    assert "claims/C4/verdict: not built" in " ".join(text.split())


def test_nothing_to_do_on_a_finished_tree(tree):
    assert planned(tree, "--configfile", "tests/configs/tiny.yaml") == {}


LAST = {"write_provenance", "build_paper", "manifest"}
TABLES = {"summarise", "compare_with_simard", "judge_claims", "write_tex", "write_study_tex", "write_simard_tex"}
FIGURES = {
    "sample_distortions",
    "learning_curves",
    "simard_table",
    "accuracy_vs_shift",
    "heat_maps",
    "augmentation_range",
}


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("scripts/invariance/plots.py", FIGURES | LAST),
        ("scripts/invariance/claims.py", {"judge_claims", "write_tex"} | LAST),
        (
            "scripts/invariance/statistics.py",
            TABLES | {"simard_table", "accuracy_vs_shift", "augmentation_range"} | LAST,
        ),
        ("scripts/invariance/labels.py", FIGURES | {"write_tex", "write_study_tex", "write_simard_tex"} | LAST),
        ("paper/sections/question.tex", {"build_paper", "manifest"}),
        ("scripts/evaluate.py", {"evaluate"} | TABLES | (FIGURES - {"sample_distortions", "learning_curves"}) | LAST),
    ],
)
def test_an_edit_reruns_what_depends_on_it_and_trains_nothing(tree, file, rules):
    path = tree / file
    text = path.read_text()
    comment = "% edited\n" if path.suffix == ".tex" else "# edited\n"
    try:
        path.write_text(text + comment)
        found = set(planned(tree, "--configfile", "tests/configs/tiny.yaml"))
    finally:
        path.write_text(text)
    assert found == rules


def test_an_edit_of_the_elastic_field_redoes_what_used_it(tree):
    overlay = tree / "sigma.yaml"
    overlay.write_text("distortions: {elastic: {elastic: {sigma: 5}}}\n")
    jobs = planned(tree, "--configfile", "tests/configs/tiny.yaml", "sigma.yaml")
    assert jobs["distort"] == 1
    assert jobs["train"] == 1
    assert jobs["evaluate"] == 1


def test_another_seed_trains_only_that_seed(tree):
    overlay = tree / "seeds.yaml"
    overlay.write_text("demo: {studies: {simard2003: {seeds: [0, 7]}}}\n")
    jobs = planned(tree, "--configfile", "tests/configs/tiny.yaml", "seeds.yaml")
    assert jobs["train"] == 3
    assert jobs["evaluate"] == 3
    assert "distort" not in jobs


def test_what_cannot_be_downloaded_is_told_at_once_and_leaves_nothing(tmp_path):
    folder = fresh_copy(tmp_path)
    (folder / "mirrors.yaml").write_text("datasets: {mnist: {mirrors: [nowhere/at/all]}}\n")
    target = "results/mnist/source/download/t10k-labels-idx1-ubyte.gz"
    environment = {"MNIST_MIRROR": ""}
    finished = snakemake(folder, "--cores", "1", "--configfile", "mirrors.yaml", "--", target, environment=environment)
    assert finished.returncode == 1
    assert "nowhere/at/all" in finished.stderr
    assert "MNIST_MIRROR" in finished.stderr
    assert "make demo" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not list((folder / "results").rglob("*ubyte*"))


def test_a_wrong_config_is_told_before_anything_runs(tmp_path):
    folder = fresh_copy(tmp_path)
    (folder / "wrong.yaml").write_text("studies: {simard2003: {optimisation: {epoch: 3}}}\n")
    finished = snakemake(folder, "--cores", "1", "--configfile", "wrong.yaml")
    assert finished.returncode == 1
    assert 'studies.simard2003.optimisation.epoch: 3: unknown key; did you mean "epochs"?' in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (folder / "results").exists()


def test_missing_latex_is_told_before_training_and_only_to_who_wants_the_paper(tmp_path):
    folder = fresh_copy(tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("bash", "sh", "env"):
        (tools / tool).symlink_to(shutil.which(tool))
    environment = {"PATH": str(tools)}
    finished = snakemake(folder, "--cores", "1", "demo", environment=environment)
    assert finished.returncode == 1
    assert "the paper needs LaTeX" in finished.stderr
    assert "apt-get install -y --no-install-recommends latexmk" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (folder / "results").exists()
    assert snakemake(folder, "--cores", "1", "-n", "figures", environment=environment).returncode == 0


def test_the_workflow_is_lint_clean():
    finished = snakemake(ROOT, "--lint")
    assert finished.returncode == 0, finished.stderr
    assert "good condition" in finished.stdout + finished.stderr
