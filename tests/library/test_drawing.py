"""The style and the shared parts of the figures: looks, labels, intervals, and the same bytes every time."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from invariance.drawing import parts, style
from invariance.results import labels


@pytest.fixture(autouse=True)
def _style():
    with mpl.rc_context():
        style.style()
        yield


def test_every_known_model_and_training_has_its_own_look():
    for known in (labels.MODELS, labels.TRAININGS):
        assert len({style.look_of(name, known, known)["marker"] for name in known}) == len(known)


def test_labels_of_trainings_that_are_named_after_another():
    given = {
        "epochs_60": "60 epochs",
        "affine_180_epochs": "affine, 180 epochs",
        "elastic_all": "elastic, all images",
        "affine_elastic_all_180_epochs": "affine and elastic, all images, 180 epochs",
        "range_3": "translated up to 3 px",
        "all": "all",
        "pool_all": "pool all",
        "epochs": "epochs",
        "60_epochs": "60 epochs",
    }
    assert {name: labels.label(name) for name in given} == given


def test_names_that_are_not_known_come_last_in_their_own_order():
    assert labels.in_order(["new", "stn", "newer", "mlp", "new"], labels.MODELS) == ["mlp", "stn", "new", "newer"]


def test_no_interval_is_drawn_outside_what_can_be_measured():
    rows = pd.DataFrame({"mean": [99.0, 1.0], "low": [97.0, -5.0], "high": [101.0, 7.0]})
    np.testing.assert_allclose(parts.interval(rows, 100), [[2, 1], [1, 6]])
