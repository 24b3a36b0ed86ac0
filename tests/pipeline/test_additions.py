"""Every recipe of docs/adding.md, followed exactly, runs to the PDF and appears there like one of ours."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from finished import TINY, copy_of_finished_run
from recipes import recipes
from running import fresh_copy, snakemake

pytestmark = pytest.mark.pipeline

# The recipes are made for MNIST and the demo; this makes them as small as the tiny config.
SMALLER = """
plans:
  digits:
    equivariance: {models: [stride_fc, stride_gap_circular, overlap_fc, lenet]}
    studies:
      simard2003: {trainings: {bold: {copies: 1}}, cells: {simard_cnn: {trainings: [none, elastic, bold]}}}
      width: {canvas: 32, max_shift: 2, shift_images: 50, seeds: [0, 1], optimisation: {epochs: 1}}
      architectures:
        cells:
          overlap_fc: {trainings: [centred], optimisation: {epochs: 1}}
          lenet: {trainings: [centred], optimisation: {epochs: 1}}
          mine: {trainings: [centred], optimisation: {epochs: 1}}
"""
WHOLE = "A study with a figure, a table and a claim"  # which alone gives all of MNIST further tables and figures
FOLLOWED = ("A downsampling layer", "A network family", "Your own nn.Module", "A part of a distortion", WHOLE)
CONFIG_ALONE = "A training or a seed"  # needs no file of code; the other tests of the pipeline do as much
# An artefact of MNIST that each recipe by itself lets one ask for.
MADE = {
    "A downsampling layer": "models/architectures/overlap_fc/centred/seed-2/weights.safetensors",
    "A network family": "models/architectures/lenet/translated/seed-2/weights.safetensors",
    "Your own nn.Module": "models/architectures/mine/translated/seed-2/weights.safetensors",
    "A part of a distortion": "models/simard2003/simard_cnn/bold/seed-4/weights.safetensors",
    CONFIG_ALONE: "models/simard2003/mlp/none/seed-5/weights.safetensors",
    WHOLE: "figures/width.pdf",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Of a finished tree in which one recipe after the other was followed, and the run was repeated."""
    tree = copy_of_finished_run(tmp_path_factory, "additions")
    overlays = [f"my-{number}.yaml" for number, _ in enumerate(FOLLOWED)]
    for section, overlay in zip(FOLLOWED, overlays, strict=True):
        follow(section, tree, overlay)
    (tree / "smaller.yaml").write_text(SMALLER)
    finished = snakemake(tree, "--cores", "2", *TINY, *overlays, "smaller.yaml")
    assert finished.returncode == 0, finished.stderr[-5000:]
    return tree / "results/digits"


def follow(section: str, tree: Path, overlay: str) -> None:
    """Write the files of a recipe; its my.yaml gets a name of its own."""
    for name, content in recipes()[section].items():
        path = tree / (overlay if name == "my.yaml" else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if name.startswith("paper/") else "") + content)


def text_of(pdf: Path) -> str:
    """The words of a PDF, in one line."""
    done = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())


def assert_shown(results: Path, model: str, label: str) -> None:
    """A model appears in the tables and figures of `architectures`, and in the paper."""
    tables = results / "tables"
    for table in ("architectures", "architectures-runs", "architectures-rings"):
        assert model in set(pd.read_csv(tables / f"{table}.csv").model), table
    assert label in (tables / "architectures.tex").read_text()
    assert label in text_of(results / "figures/accuracy_vs_shift.pdf")
    assert label in text_of(results / "paper.pdf")
    assert f"config/models/{model}/family" in (tables / "numbers.tex").read_text()


def test_a_downsampling_layer(results):
    assert_shown(results, "overlap_fc", "overlap fc")
    errors = pd.read_csv(results / "tables/equivariance.csv")
    alone = errors[(errors.kind == "overlap_pool") & (errors.scope == "layer")]
    assert set(alone.stride) == {2}
    inside = alone[alone.place.isin(["inside", "everywhere"])]
    assert inside.error[inside["shift"] % 2 == 0].max() < 1e-12
    assert inside.error[inside["shift"] % 2 == 1].min() > 1e-3
    assert "overlap pool" in (results / "tables/equivariance.tex").read_text()
    assert "overlap pool" in text_of(results / "paper.pdf")


def test_a_network_family(results):
    assert_shown(results, "lenet", "lenet")
    assert "lenet" in set(pd.read_csv(results / "tables/equivariance.csv").model)


def test_an_nn_module_of_ones_own(results):
    assert_shown(results, "mine", "mine")


def test_a_part_of_a_distortion(results):
    summary = pd.read_csv(results / "distorted/29/bold/summary.csv")
    assert (summary.ink_lost < 0).all()
    assert (summary.largest == 0).all()
    assert "bold" in (results / "tables/distortions.tex").read_text()
    assert "bold" in (results / "tables/simard2003.tex").read_text()
    for figure in ("sample_distortions", "simard_table", "learning_curves"):
        assert "bold" in text_of(results / f"figures/{figure}.pdf"), figure
    assert "bold" in text_of(results / "paper.pdf")


def test_a_study_with_a_figure_a_table_and_a_claim(results):
    assert (results / "figures/width.png").stat().st_size > 1000
    claims = {claim["id"]: claim for claim in pd.read_json(results / "claims.json").to_dict("records")}
    assert claims["C12"]["study"] == "width"
    assert claims["C12"]["read_from"][0]["columns"] == ["model", "training", "seed", "mean_consistency"]
    gain = pd.read_csv(results / "tables/width-gain.csv").set_index("measure")
    assert gain["mean"]["mean_consistency"] == pytest.approx(claims["C12"]["number"], rel=1e-6)
    assert "C12" in text_of(results / "figures/summary.pdf")
    text = text_of(results / "paper.pdf")
    assert "A wider network is more invariant" in (results / "tables/claims.tex").read_text()
    assert "does width help?" in text
    assert "Width, and claim C12" in text
    assert "figures/width.pdf" in text


def test_every_recipe_of_the_page_is_followed():
    assert {*recipes()} == {*FOLLOWED, CONFIG_ALONE}


@pytest.mark.parametrize("section", MADE)
def test_a_recipe_needs_no_other(section, tmp_path):
    """The demo is planned, as the page says, and an artefact of MNIST; all of MNIST, three times as long, only once."""
    follow(section, fresh_copy(tmp_path), "my.yaml")
    targets = ["all" if section == WHOLE else "demo", f"results/mnist/{MADE[section]}"]
    planned = snakemake(tmp_path, "-n", "--quiet", "all", "--configfile", "my.yaml", "--", *targets)
    assert planned.returncode == 0, planned.stderr[-5000:]
