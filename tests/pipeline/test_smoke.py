"""Every stage, study and kind of model on the real MNIST files, at the least cost."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from running import ROOT, fresh_copy, snakemake, without_weights


@pytest.mark.smoke
def test_every_stage_on_real_mnist(tmp_path):
    folder = fresh_copy(tmp_path)
    # A folder is named from the project, and the run is elsewhere.
    mirror = os.environ.get("MNIST_MIRROR", "")
    environment = {"MNIST_MIRROR": str((ROOT / mirror).resolve()) if mirror and "://" not in mirror else mirror}
    arguments = ["--cores", str(os.cpu_count()), "--configfile", "tests/configs/mnist-smoke.yaml"]
    finished = snakemake(folder, *arguments, environment=environment)
    assert finished.returncode == 0, finished.stderr[-5000:]

    results = folder / "results" / "mnist"
    assert np.load(results / "source/train-images.npy").shape == (60_000, 28, 28)
    assert np.load(results / "source/test-images.npy").shape == (10_000, 28, 28)
    assert (results / "paper.pdf").read_bytes().startswith(b"%PDF")
    claims = {claim["id"]: claim for claim in json.loads((results / "claims.json").read_text())}
    assert {"C1", "C2", "C4", "C5", "C6", "C8"} <= set(claims)
    runs = pd.read_csv(results / "tables/architectures-runs.csv").set_index(["model", "training"])
    for control in ("phase_averaged", "polyphase_gap_circular"):
        assert runs.worst_consistency[control, "centred"] == 100
    assert (runs.test_images == 10_000).all()
    explorer = (results / "explorer.html").read_text()
    assert len(explorer) < 14_000_000
    assert len(without_weights(explorer)) < 150_000
    assert not list(Path(results).rglob(".*")), "temporary files were left behind"
