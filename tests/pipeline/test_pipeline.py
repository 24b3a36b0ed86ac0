"""The whole pipeline on the smallest config that runs every stage, and its messages when it cannot run."""

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from finished import TINY, finished_run
from invariance.record.artefacts import sha256_of
from running import ROOT, fresh_copy, snakemake

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A finished tiny run, in a folder with a space in its name."""
    return finished_run(tmp_path_factory)


def test_every_stage_leaves_its_artefacts(tree):
    results = tree / "results" / "digits"
    for pattern, count in {
        "source/*.npy": 4,
        "distorted/29/elastic/*": 3,
        "distorted/32/shift_2/*": 3,
        "models/*/*/*/seed-0/weights.safetensors": 10,
        "models/*/*/*/seed-0/history.csv": 10,
        "models/*/*/*/seed-0/card.json": 10,
        "shifts/*/*/*/seed-0.csv": 10,
        "shifts/*/*/*/seed-0.predictions.npy": 10,
        "shifts/*/*/*/seed-0.test.npy": 10,
        "positions/*/*/*/seed-0.csv": 1,
        "figures/*.pdf": 11,
        "figures/*.png": 11,
        "tables/*.csv": 29,
        "tables/*.tex": 14,
        "*": 13,
    }.items():
        assert len(list(results.glob(pattern))) == count, pattern


def test_the_overview_has_simards_table_under_its_own_heads(tree):
    page = (tree / "results/digits/overview.html").read_text()
    heads = ("training", "MLP, published", "MLP, ours", "Simard&#x27;s CNN, published", "Simard&#x27;s CNN, ours")
    assert f"<thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead>" in page
    assert "<tr><td>no distortion</td><td>1.6</td>" in page
    assert "<tr><td>elastic</td><td></td><td></td><td>0.4</td>" in page
    assert "|" not in page  # no Markdown


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
    assert snakemake(folder, "--cores", "1", "-n", "figures", *TINY, environment=environment).returncode == 0


def test_the_workflow_is_lint_clean():
    finished = snakemake(ROOT, "--lint")
    assert finished.returncode == 0, finished.stderr
    assert "good condition" in finished.stdout + finished.stderr
