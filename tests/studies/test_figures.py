"""The figures show the numbers that they were given, as few or as many as there are, in the same bytes every time."""

import importlib
import inspect
import json
import re
import subprocess
import sys
import warnings
from itertools import product
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer

import draw
from invariance.command_line import command_line
from invariance.drawing import style
from invariance.record.artefacts import InputError
from rolled import made_up_equivariance
from studies.architectures import accuracy_vs_shift, heat_maps
from studies.augmentation_range import augmentation_range
from studies.class_sequence import class_sequence
from studies.class_transfer import class_transfer
from studies.equivariance import equivariance
from studies.readings import readings
from studies.simard2003 import learning_curves, sample_distortions, simard_table
from studies.split import split
from studies.summary import summary
from studies.training_length import training_length
from studies.two_positions import two_positions

RING_COLUMNS = ["study", "model", "training", "ring", "measure", "seeds", "mean", "low", "high"]
SIMARD_COLUMNS = simard_table.COLUMNS["table"]
STUDIES = Path(draw.__file__).parent / "studies"
FIGURES = [path for path in sorted(STUDIES.rglob("*.py")) if re.search(r"^def draw\(", path.read_text(), re.MULTILINE)]
NAN = float("nan")
NOTE = "demo on 8x8 digits, not MNIST"  # of the digits; MNIST's figures have none


@pytest.fixture(autouse=True)
def _style():
    with mpl.rc_context():
        style.style()
        yield


def accuracy_at(model: str, ring: int) -> float:
    return 98.0 - (2 if model == "mlp" else 1) * ring**2


def rings_of(cells, largest=6, seeds=2) -> pd.DataFrame:
    """Rings whose intervals are 1 either way, or empty with one seed; consistency is one more than accuracy."""
    rows = []
    for (model, training), ring, measure in product(cells, range(largest + 1), ("accuracy", "consistency")):
        mean = accuracy_at(model, ring) + (measure == "consistency")
        low, high = (mean - 1, mean + 1) if seeds > 1 else (NAN, NAN)
        rows.append(("study", model, training, ring, measure, seeds, mean, low, high))
    return pd.DataFrame(rows, columns=RING_COLUMNS)


def radii_of(ranges, seeds=2) -> pd.DataFrame:
    spread = 0.5 if seeds > 1 else NAN
    rows = [("stride_fc", f"range_{r}", "radius", r + 1.0, r + 1 - spread, r + 1 + spread) for r in ranges]
    rows += [("stride_fc", f"range_{r}", "test_error", 99.0, NAN, NAN) for r in ranges]
    return pd.DataFrame(rows, columns=["model", "training", "measure", "mean", "low", "high"])


def history_of(cells, seeds=3, epochs=5) -> pd.DataFrame:
    """The error of seed s at epoch e is 10 / e + s."""
    rows = [(*cell, seed, e, 10 / e + seed) for cell, seed, e in product(cells, range(seeds), range(1, epochs + 1))]
    return pd.DataFrame(rows, columns=["model", "training", "seed", "epoch", "validation_error"])


def shifts_of(cells, seeds=2, reach=2) -> pd.DataFrame:
    """Accuracy falls by 0.1 a pixel to the right and by 0.01 a pixel down; each seed adds 0.02."""
    steps = range(-reach, reach + 1)
    rows = [
        (*cell, seed, dx, dy, 0.5 - 0.1 * dx - 0.01 * dy + 0.02 * seed)
        for cell, seed, dx, dy in product(cells, range(seeds), steps, steps)
    ]
    return pd.DataFrame(rows, columns=["model", "training", "seed", "dx", "dy", "accuracy"])


SIMARD = pd.DataFrame(
    [
        ("mlp", "none", 1.6, 1.5, 1.4, 1.6, 1.3, 1.7, 1.45, 1.55),
        ("mlp", "elastic", 0.7, 0.9, 0.8, 1.0, 0.7, 1.1, 0.88, 0.92),
        ("simard_cnn", "none", NAN, 0.9, 0.7, 1.1, 0.5, 1.3, 0.85, 0.95),
    ],
    columns=SIMARD_COLUMNS,
)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def series(axes):
    """Every error bar container's mean line and the ends (n, 2) of its bars that are drawn."""
    found = []
    for container in axes.containers:
        if isinstance(container, BarContainer):
            continue
        line, _, (bars,) = container.lines
        ends = [segment for segment in bars.get_segments() if len(segment) and np.isfinite(segment).all()]
        found.append((line, ends))
    return found


# ---------------------------------------------------------------------------------------------------------------------
# What is drawn


def test_accuracy_vs_shift_draws_every_mean_and_interval():
    rings = rings_of([("stride_fc", "centred"), ("mlp", "centred"), ("mlp", "translated")])
    figure = accuracy_vs_shift.draw(rings, [])
    assert [axes.get_ylabel() for axes in panels(figure)] == ["accuracy (%)", "", "consistency (%)", ""]
    centred, translated, consistency, _ = panels(figure)
    assert [len(series(axes)) for axes in panels(figure)] == [2, 1, 2, 1]
    line, bars = series(centred)[0]
    np.testing.assert_allclose(line.get_ydata(orig=False), [accuracy_at("mlp", ring) for ring in range(7)])
    np.testing.assert_allclose(line.get_xdata(orig=False), np.arange(7), atol=0.25)
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [(y - 1, y + 1) for y in line.get_ydata(orig=False)])
    np.testing.assert_allclose(series(consistency)[0][0].get_ydata(orig=False), line.get_ydata(orig=False) + 1)
    # A model keeps its look from panel to panel.
    again = series(translated)[0][0]
    assert (again.get_color(), again.get_marker()) == (line.get_color(), line.get_marker())
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["MLP", "stride, FC"]


def test_models_with_global_pooling_have_panels_of_their_own():
    cells = [("mlp", "centred"), ("stride_gap", "centred"), ("my_model", "centred"), ("mlp", "translated")]
    figure = accuracy_vs_shift.draw(rings_of(cells), ["stride_gap"])
    assert [len(series(axes)) for axes in panels(figure)[:3]] == [2, 1, 1]
    titles = [axes.get_title(loc="left") for axes in panels(figure)[:3]]
    assert titles == [
        "trained centred\nother heads",
        "trained centred\nglobal average pooling",
        "trained translated",
    ]
    assert figure.legends[0].get_texts()[-1].get_text() == "my model"
    known = accuracy_vs_shift.draw(rings_of(cells[:2]), ["stride_gap"])
    assert panels(known)[0].get_title(loc="left") == "trained centred\nfully connected heads"


def test_learning_curves_draw_the_mean_over_seeds():
    cells = [("mlp", "none"), ("mlp", "elastic"), ("simard_cnn", "affine")]
    figure = learning_curves.draw(history_of(cells, seeds=3))
    mlp, cnn = panels(figure)
    assert (len(mlp.lines), len(cnn.lines)) == (2, 1)
    np.testing.assert_array_equal(mlp.lines[0].get_xdata(), [1, 2, 3, 4, 5])
    np.testing.assert_allclose(mlp.lines[0].get_ydata(), [11, 6, 10 / 3 + 1, 3.5, 3])
    band = mlp.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (2, 12)
    assert mlp.get_yscale() == "log"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["no distortion", "affine", "elastic"]


def test_heat_maps_are_in_percent_with_dx_to_the_right_and_dy_down():
    cells = [("stride_fc", "centred"), ("mlp", "centred"), ("stride_fc", "translated")]
    figure = heat_maps.draw(shifts_of(cells, seeds=2, reach=2))
    assert [axes.get_title().splitlines()[0] for axes in panels(figure)] == ["stride, FC", "MLP", "stride, FC"]
    axes = panels(figure)[0]
    (mesh,) = axes.collections
    assert mesh.get_clim() == (0, 100)
    expected = [[51 - 10 * dx - dy for dx in range(-2, 3)] for dy in range(-2, 3)]
    np.testing.assert_allclose(mesh.get_array(), expected)
    assert axes.yaxis_inverted()
    for axis in (axes.xaxis, axes.yaxis):
        ticks = dict(zip((text.get_text() for text in axis.get_ticklabels()), axis.get_ticklocs(), strict=True))
        assert ticks == {"\N{MINUS SIGN}2": 0.5, "\N{MINUS SIGN}1": 1.5, "0": 2.5, "1": 3.5, "2": 4.5}
    assert len(figure.axes) == 4  # one colour bar for all


def test_simard_table_draws_means_seeds_and_published_errors():
    figure = simard_table.draw(SIMARD)
    mlp, cnn = panels(figure)
    ((line, bars),) = series(mlp)
    np.testing.assert_allclose(line.get_xdata(orig=False), [1.5, 0.9])
    np.testing.assert_allclose([bar[:, 0] for bar in bars], [(1.4, 1.6), (0.8, 1.0)])
    seeds, published = mlp.lines[-2:]
    np.testing.assert_allclose(seeds.get_xdata(orig=False), [1.45, 0.88, 1.55, 0.92])
    np.testing.assert_allclose(published.get_xdata(orig=False), [1.6, 0.7])
    assert np.isnan(cnn.lines[-1].get_xdata(orig=False)).all()
    assert [text.get_text() for text in mlp.get_yticklabels()] == ["no distortion", "elastic"]
    assert mlp.yaxis_inverted()


def test_an_endless_interval_does_not_squeeze_the_points():
    wide = SIMARD.assign(one_more_low=-50.0, one_more_high=80.0)
    assert panels(simard_table.draw(wide))[0].get_xlim() == (0, pytest.approx(1.05 * 2 * 1.6))


def lengths_of(epochs, seeds=2) -> pd.DataFrame:
    """Test errors of 10 / epochs, with intervals of 0.1 either way."""
    spread = 0.1 if seeds > 1 else NAN
    rows = [("simard_cnn", f"epochs_{e}", "test_error", 10 / e, 10 / e - spread, 10 / e + spread) for e in epochs]
    rows += [("simard_cnn", f"epochs_{e}", "radius", 99.0, NAN, NAN) for e in epochs]
    return pd.DataFrame(rows, columns=["model", "training", "measure", "mean", "low", "high"])


PUBLISHED = pd.DataFrame(
    [("simard_cnn", "affine", 0.6), ("simard_cnn", "elastic", 0.4), ("mlp", "elastic", 0.7)],
    columns=["model", "training", "error_percent"],
)


def test_training_length_draws_errors_in_the_order_of_epochs_and_the_published_one():
    (axes,) = panels(training_length.draw(lengths_of([16, 2, 8]), PUBLISHED))
    ((line, bars),) = series(axes)
    np.testing.assert_allclose(line.get_xdata(orig=False), [2, 8, 16])
    np.testing.assert_allclose(line.get_ydata(orig=False), [5, 1.25, 0.625])
    np.testing.assert_allclose(bars[0][:, 1], (4.9, 5.1))
    assert [list(level.get_ydata()) for level in axes.lines if level.get_xdata()[0] == 0] == [[0.4, 0.4]]
    assert [text.get_text() for text in axes.texts] == ["Simard's CNN, published: 0.4%"]


def test_training_length_names_a_training_that_has_no_number():
    table = lengths_of([2]).replace("epochs_2", "elastic")
    with pytest.raises(InputError, match=r"'elastic'.*epochs_<number>"):
        training_length.draw(table, PUBLISHED)


def test_augmentation_range_draws_radius_and_accuracy():
    ranges = [6, 0, 3]
    rings = rings_of([("stride_fc", f"range_{r}") for r in ranges])
    first, second = panels(augmentation_range.draw(radii_of(ranges), rings))
    ((line, bars),) = series(first)
    np.testing.assert_allclose(line.get_xdata(orig=False), [0, 3, 6])
    np.testing.assert_allclose(line.get_ydata(orig=False), [1, 4, 7])
    np.testing.assert_allclose([bar[:, 1] for bar in bars[:2]], [(0.5, 1.5), (3.5, 4.5)])
    np.testing.assert_array_equal(first.lines[0].get_data(), [[0, 7], [0, 7]])
    assert first.get_ylim()[1] > 7  # a radius beyond the grid is not cut off
    assert len(series(second)) == 3
    assert [text.get_text() for text in second.get_legend().get_texts()] == ["0", "3", "6"]


def test_augmentation_range_names_a_training_that_has_no_range():
    with pytest.raises(InputError, match=r"'centred'.*range_<pixels>"):
        augmentation_range.draw(radii_of([0]), rings_of([("stride_fc", "centred")]))


def classes_of(trainings, seeds=2) -> pd.DataFrame:
    """Groups 0-4 and 5-9 of each training, a mapping to how it shows both; each next bar is 10 higher, each seed 1."""
    rows = []
    for (number, (training, shown)), (place, group), seed in product(
        enumerate(trainings.items()), enumerate(("0-4", "5-9")), range(seeds)
    ):
        error = 10.0 * (2 * number + place) + seed
        rows.append(("stride_fc", training, seed, group, shown[place], 1.0, error, error / 2))
    columns = ["model", "training", "seed", "group", "shown", "clean_error", "mean_error", "mean_called_other"]
    return pd.DataFrame(rows, columns=columns)


def shares_of(measures=("mean_error", "mean_consistency")) -> pd.DataFrame:
    shares = {"architecture": 20.0, "augmentation": 75.0, "interaction": 5.0}
    rows = [(measure, share, mean) for measure, (share, mean) in product(measures, shares.items())]
    return pd.DataFrame(rows, columns=["measure", "share", "mean"])


def told_of(models, seeds=2) -> pd.DataFrame:
    rows = [
        (m, "placed", s, 50.0, 60.0 + 20 * n + s, 10.0**-n, 0.0)
        for (n, m), s in product(enumerate(models), range(seeds))
    ]
    return pd.DataFrame(rows, columns=["model", "training", "seed", "chance", "accuracy", "drift", "float64_drift"])


def test_class_transfer_draws_a_bar_for_each_training_and_group_and_a_point_for_each_seed():
    shown = {"centred": ("plain", "plain"), "low_translated": ("distorted", "plain")}
    figure = class_transfer.draw(classes_of(shown))
    errors, called = panels(figure)
    bars = {round(bar.get_x() + bar.get_width() / 2, 3): bar for bar in errors.patches}
    assert {place: bar.get_height() for place, bar in bars.items()} == {-0.2: 0.5, 0.2: 10.5, 0.8: 20.5, 1.2: 30.5}
    hollow = {place: bar.get_facecolor()[:3] == (1, 1, 1) for place, bar in bars.items()}
    assert hollow == {-0.2: True, 0.2: True, 0.8: False, 1.2: True}
    assert bars[-0.2].get_edgecolor() == bars[0.8].get_edgecolor() != bars[0.2].get_edgecolor()
    *points, clean = errors.collections
    seeds = np.concatenate([group.get_offsets() for group in points])
    assert sorted(seeds[:, 1]) == [0, 1, 10, 11, 20, 21, 30, 31]
    np.testing.assert_allclose(sorted(set(seeds[:, 0])), [-0.2, 0.2, 0.8, 1.2])
    assert [segment[:, 1].tolist() for segment in clean.get_segments()] == [[1, 1]] * 4
    assert sorted(bar.get_height() for bar in called.patches) == [0.25, 5.25, 10.25, 15.25]
    assert [text.get_text() for text in errors.get_xticklabels()] == ["centred", "low classes\ntranslated"]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [
        "classes 0-4, centred only in training",
        "classes 0-4, translated in training",
        "classes 5-9, centred only in training",
        "error of unshifted images",
    ]


def test_class_transfer_leaves_out_groups_without_an_image():
    runs = classes_of({"centred": ("plain", "plain"), "low_translated": ("distorted", "plain")})
    lacking = (runs["training"] == "centred") & (runs["group"] == "5-9")
    runs.loc[lacking, ["clean_error", "mean_error", "mean_called_other"]] = NAN
    errors, _ = panels(class_transfer.draw(runs))
    assert sorted(bar.get_height() for bar in errors.patches) == [0.5, 20.5, 30.5]
    errors, _ = panels(class_transfer.draw(runs[runs["group"] == "0-4"]))
    assert sorted(bar.get_height() for bar in errors.patches) == [0.5, 20.5]


def test_split_draws_a_line_for_each_architecture_and_stacks_the_shares():
    errors = {
        ("mlp", "none"): 60,
        ("mlp", "translated"): 15,
        ("stride_gap", "translated"): 3,
        ("stride_gap", "none"): 30,
    }
    rows = [(*cell, "mean_error", mean, mean - 1, mean + 1) for cell, mean in errors.items()]
    rows.append(("mlp", "none", "test_error", 99.0, 98.0, 100.0))
    table = pd.DataFrame(rows, columns=["model", "training", "measure", "mean", "low", "high"])
    lines, bars = panels(split.draw(table, shares_of()))
    drawn = [line.get_ydata(orig=False).tolist() for line, _ in series(lines)]
    assert drawn == [[60, 15], [30, 3]]
    np.testing.assert_allclose([bar[:, 1] for bar in series(lines)[1][1]], [(29, 31), (2, 4)])
    assert [text.get_text() for text in lines.get_xticklabels()] == ["no distortion", "translated"]
    assert [(bar.get_x(), bar.get_width()) for bar in bars.patches] == [(0, 20)] * 2 + [(20, 75)] * 2 + [(95, 5)] * 2
    assert [text.get_text() for text in bars.texts if text.get_text()] == ["20%"] * 2 + ["75%"] * 2  # 5% has no room
    assert [text.get_text() for text in bars.get_legend().get_texts()] == [
        "architecture",
        "augmentation",
        "interaction",
    ]


def test_split_without_shares_still_draws_the_errors():
    row = ("mlp", "none", "mean_error", 60.0, NAN, NAN)
    table = pd.DataFrame([row], columns=["model", "training", "measure", "mean", "low", "high"])
    lines, bars = panels(split.draw(table, shares_of()[:0]))
    assert len(series(lines)) == 1
    assert not bars.patches


def test_two_positions_draws_every_seed_beside_chance():
    told, drifts = panels(two_positions.draw(told_of(["stride_gap", "stride_gap_circular"])))
    assert [bar.get_width() for bar in told.patches] == [60.5, 80.5]
    (chance,) = told.lines
    seeds = np.concatenate([points.get_offsets() for points in told.collections])
    assert seeds.tolist() == [[60, 0], [61, 0], [80, 1], [81, 1]]
    assert set(chance.get_xdata()) == {50}
    single, double = drifts.lines
    assert list(zip(single.get_xdata(), single.get_ydata(), strict=True)) == [(1, 0), (1, 0), (0.1, 1), (0.1, 1)]
    assert set(double.get_xdata()) == {drifts.get_xlim()[0]}  # nothing is drawn on the edge
    assert [text.get_text() for text in told.get_yticklabels()] == ["stride, GAP", "stride, GAP, circular"]


def test_cells_of_several_models_or_trainings_are_drawn_apart():
    runs = classes_of({"centred": ("plain", "plain")})
    figure = class_transfer.draw(pd.concat([runs, runs.assign(model="mlp", mean_error=90.0)]))
    errors, _ = panels(figure)
    assert sorted(bar.get_height() for bar in errors.patches) == [0.5, 10.5, 90, 90]
    assert [text.get_text() for text in errors.get_xticklabels()] == ["MLP,\ncentred", "stride, FC,\ncentred"]

    told = told_of(["stride_gap"])
    figure = two_positions.draw(pd.concat([told, told.assign(training="further", accuracy=90.0)]))
    right, drifts = panels(figure)
    assert [bar.get_width() for bar in right.patches] == [60.5, 90]
    assert [text.get_text() for text in right.get_yticklabels()] == ["stride, GAP, placed", "stride, GAP, further"]
    assert drifts.lines[0].get_ydata().tolist() == [0, 0, 1, 1]


def test_sample_distortions_shows_each_image_in_its_place():
    rng = np.random.default_rng(0)
    source, *others = (rng.integers(0, 256, (12, side, side), dtype=np.uint8) for side in (28, 29, 29))
    (axes,) = panels(sample_distortions.draw(source, dict(zip(("elastic", "shift_2"), others, strict=True))))
    sheet = np.asarray(axes.images[0].get_array())[::6, ::6]
    assert sheet.shape == (3 * 31, 10 * 31)
    for row, images in enumerate((np.pad(source, [(0, 0), (0, 1), (0, 1)]), *others)):
        for column in range(10):
            tile = sheet[31 * row + 1 : 31 * row + 30, 31 * column + 1 : 31 * column + 30]
            np.testing.assert_array_equal(tile, images[column])
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["original", "elastic", "translation up to 2 px"]


def test_sample_distortions_without_copies_shows_the_source_as_it_is():
    (axes,) = panels(sample_distortions.draw(np.full((12, 8, 8), 7, np.uint8), {}))
    assert axes.images[0].get_array().shape == (6 * 10, 6 * 10 * 10)


def test_sample_distortions_names_copies_of_another_size():
    copies = {"affine": np.zeros((2, 29, 29), np.uint8), "elastic": np.zeros((2, 40, 40), np.uint8)}
    with pytest.raises(InputError, match=r"elastic: .*\(40, 40\).*affine has 29"):
        sample_distortions.draw(np.zeros((2, 28, 28), np.uint8), copies)


def claim_of(name: str, verdict: str, **details: float) -> dict:
    return {"id": name, "statement": f"The statement of {name}.", "verdict": verdict, "details": details}


def errors_of(cells, seeds=2) -> pd.DataFrame:
    """Unshifted, mean and worst error: 1, 40 and 90 percent; each cell errs twice as much unshifted as the last."""
    rows = []
    for number, cell in enumerate(cells):
        for measure, mean in {"clean_error": 2.0**number, "mean_error": 40.0, "worst_error": 90.0}.items():
            rows.append((*cell, measure, mean, *((mean - 1, mean + 1) if seeds > 1 else (NAN, NAN))))
    return pd.DataFrame(rows, columns=["model", "training", "measure", "mean", "low", "high"])


def test_summary_shows_every_verdict_and_the_errors_that_it_rests_on():
    cells = [("stride_fc", "centred"), ("stn", "centred"), ("stride_fc", "translated"), ("simard_cnn", "centred")]
    shares = {"architecture": 30, "augmentation": 60, "interaction": 10}
    ends = {f"{name}_{end}": value + step for name, value in shares.items() for end, step in (("low", -5), ("high", 5))}
    places = {f"{name}_{end}accuracy": 90.0 for name in ("zeros", "circular") for end in ("", "min_", "max_")}
    claims = [
        claim_of("C1", "refuted"),
        claim_of("C7", "undecided"),
        claim_of("C8", "supported"),
        claim_of("C2", "supported"),
        claim_of("C10", "supported", chance=50.0, **places),
        claim_of("C11", "refuted", **shares, **ends),
    ]
    tables = {"architectures": errors_of(cells), "augmentation_range": radii_of([0, 3])}
    forest, *others = panels(summary.draw(claims, tables))
    # C4 was not judged, and C2 has no table.
    assert [text.get_text() for text in forest.texts] == [
        "$\\bf{C1}$ \N{MULTIPLICATION SIGN} $\\bf{refuted}$   The statement of C1.",
        "$\\bf{C7}$ ? $\\bf{undecided}$   The statement of C7.",
        "The same networks, shown translations in training",
    ]
    assert [text.get_text() for text in forest.get_yticklabels()] == ["stride, FC", "STN, Simard's CNN", "stride, FC"]
    ((line, bars),) = series(forest)
    assert line.get_xdata(orig=False).tolist() == [40] * 3
    assert [bar[:, 0].tolist() for bar in bars] == [[39, 41]] * 3
    (hollow,) = (line for line in forest.lines if line.get_marker() == "o")
    assert hollow.get_xdata(orig=False).tolist() == [1, 2, 4]
    reach, place, share = others
    np.testing.assert_allclose(series(reach)[0][0].get_ydata(orig=False), [1, 4])
    assert [bar.get_width() for bar in place.patches] == [90, 90]
    assert [bar.get_width() for bar in share.patches] == [30, 60, 10]


@pytest.mark.parametrize("low", [-3.0, None])
def test_the_summary_shows_a_claim_that_has_no_panel_of_its_own_by_its_number(low):
    claim = claim_of("C99", "refuted") | {"number": -1.5, "low": low, "high": low and 0.5}
    claim |= {"threshold": 2.0, "unit": "percentage points of a measure with a long name"}
    _, axes = panels(summary.draw([claim], {"architectures": errors_of([("mlp", "centred")])}))
    (number, threshold) = axes.lines
    assert number.get_xdata(orig=False).tolist() == [-1.5]
    assert list(threshold.get_xdata(orig=False)) == [2.0, 2.0]
    drawn = [segment[:, 0].tolist() for bars in axes.collections for segment in bars.get_segments()]
    assert drawn == ([[-3.0, 0.5]] if low else [])
    assert axes.get_xlabel().replace("\n", " ") == f"{claim['unit']}; dashes: threshold"


def test_the_summary_of_equivariance_tells_strides_and_borders_apart():
    rows = [
        (
            "convolution",
            "zeros",
            stride,
            "layer",
            place,
            shift,
            1e-16 if place == "inside" and shift % stride == 0 else 0.5,
        )
        for stride, place, shift in product((1, 2), ("inside", "border"), (1, 2))
    ]
    columns = ["kind", "padding", "stride", "scope", "place", "shift", "error"]
    tables = {"architectures": errors_of([("mlp", "centred")]), "equivariance": pd.DataFrame(rows, columns=columns)}
    _, axes = panels(summary.draw([claim_of("C3", "supported")], tables))
    (largest,) = (line for line in axes.lines if line.get_marker() == "s")
    assert largest.get_xdata(orig=False).tolist() == [1e-16, 1e-16, 0.5, 0.5]


def test_the_summary_without_the_table_of_architectures_shows_the_other_claims():
    tables = {"augmentation_range": radii_of([0, 3])}
    forest, reach = panels(summary.draw([claim_of("C1", "refuted"), claim_of("C8", "supported")], tables))
    assert not forest.texts
    np.testing.assert_allclose(series(reach)[0][0].get_ydata(orig=False), [1, 4])


def test_equivariance_draws_medians_and_ranges_trained_and_not():
    table = made_up_equivariance(seeds=3)
    first, zeros, halving, heads = panels(equivariance.draw(table))
    assert [len(series(axes)) for axes in (first, zeros, halving, heads)] == [4, 4, 8, 6]
    (untrained, bars), (trained, _), *strided = series(first)
    np.testing.assert_allclose(trained.get_xdata(orig=False), range(1, 5), atol=0.25)
    np.testing.assert_allclose(untrained.get_ydata(orig=False), [1.1e-16] * 4)
    np.testing.assert_allclose(trained.get_ydata(orig=False), [1.21e-16] * 4)
    np.testing.assert_allclose(bars[0][:, 1], [1e-16, 1.2e-16])
    np.testing.assert_allclose(strided[1][0].get_ydata(orig=False), [0.605, 1.21e-16] * 2)
    _, *lines = first.lines
    assert [line.get_markerfacecolor() == "white" for line in lines[::2]] == [True, False, True, False]
    assert lines[0].get_linestyle() != lines[2].get_linestyle()
    inside, border = (series(zeros)[place][0].get_ydata(orig=False) for place in (1, 3))
    assert (max(inside), min(border)) == pytest.approx((1.21e-16, 0.605))
    assert [text.get_text() for text in heads.get_legend().get_texts()] == [
        "fully connected",
        "GAP, strides",
        "GAP, polyphase",
    ]
    np.testing.assert_allclose(series(heads)[3][0].get_ydata(orig=False), [0.605] * 3 + [1.21e-16])
    np.testing.assert_allclose(series(heads)[5][0].get_ydata(orig=False), [1.21e-16] * 4)


def test_equivariance_draws_kinds_of_layers_that_have_no_label():
    table = made_up_equivariance(seeds=1)
    new = {"max_pool": "max_pool_3", "fully_connected": "readout"}
    *_, halving, heads = panels(equivariance.draw(table.replace({"kind": new})))
    names = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in (halving, heads)]
    assert names == [
        ["average pooling", "blur pooling", "polyphase sampling", "max pool 3"],
        ["readout", "GAP, strides", "GAP, polyphase"],
    ]
    np.testing.assert_allclose(series(halving)[7][0].get_ydata(orig=False), [0.55, 1.1e-16] * 2)


@pytest.mark.filterwarnings("error")
def test_equivariance_draws_errors_of_0_in_their_place(tmp_path):
    table = made_up_equivariance(seeds=1, rounding=0)
    figure = equivariance.draw(table[table.model == "stride_gap_circular"])
    first, *_ = panels(figure)
    assert min(series(first)[0][0].get_ydata(orig=False)) == equivariance.NOTHING > first.get_ylim()[0]
    assert first.get_yticklabels()[0].get_text() == "0"
    style.save(figure, tmp_path / "figure.pdf", tmp_path / "figure.png")


# ---------------------------------------------------------------------------------------------------------------------
# Readings and sequences of classes

PUBLISHED_TABLE = pd.DataFrame({"model": ["simard_cnn"], "training": ["elastic"], "error_percent": [0.4]})


def sequences_of(seeds: int) -> pd.DataFrame:
    errors = {name: 10.0 + number for number, name in enumerate(class_sequence.ERRORS)}
    rows = [{"model": "m", "trained_part": "all", "classes": "0", "seed": seed} | errors for seed in range(seeds)]
    return pd.DataFrame(rows)


def curve_of(readings: list[str]) -> pd.DataFrame:
    errors = {
        "mean": 0.6,
        "low": NAN,
        "high": NAN,
        "one_more_low": NAN,
        "one_more_high": NAN,
        "best": 0.6,
        "worst": 0.6,
    }
    rows = [{"model": "net", "training": name, "seeds": 1, **errors, "batch": 128} for name in readings]
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------------------------------------------------------
# As little as there may be


def single_figures():
    """Every figure from one model, one training, one seed and one shift."""
    cell = [("stride_fc", "range_0")]
    rings = rings_of(cell, largest=0, seeds=1)
    one = pd.DataFrame([("mlp", "none", NAN, 9.0, NAN, NAN, NAN, NAN, 9.0, 9.0)], columns=SIMARD_COLUMNS)
    return {
        "summary": summary.draw([], {"architectures": errors_of([("stride_fc", "centred")], seeds=1)}),
        "sample_distortions": sample_distortions.draw(np.zeros((1, 29, 29), np.uint8), {}),
        "learning_curves": learning_curves.draw(history_of(cell, seeds=1, epochs=1)),
        "accuracy_vs_shift": accuracy_vs_shift.draw(rings, []),
        "heat_maps": heat_maps.draw(shifts_of(cell, seeds=1, reach=0)),
        "simard_table": simard_table.draw(one),
        "equivariance": equivariance.draw(made_up_equivariance(seeds=1)[:1]),
        "augmentation_range": augmentation_range.draw(radii_of([0], seeds=1), rings),
        "training_length": training_length.draw(lengths_of([4], seeds=1), PUBLISHED),
        "class_transfer": class_transfer.draw(classes_of({"low_translated": ("distorted", "plain")}, seeds=1)),
        "class_sequence": class_sequence.draw(sequences_of(seeds=1)),
        "readings": readings.draw({"readings": curve_of(["base"])}, PUBLISHED_TABLE),
        "split": split.draw(errors_of([("mlp", "none")], seeds=1), shares_of(["mean_error"])),
        "two_positions": two_positions.draw(told_of(["stride_gap"], seeds=1)),
    }


def save_all(folder: Path) -> dict:
    """Draw and save every figure of the demo from as little as there may be; a warning is an error."""
    with mpl.rc_context(), warnings.catch_warnings(action="error"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "0")
        style.style()
        figures = single_figures()
        for name, figure in figures.items():
            style.save(figure, folder / f"{name}.pdf", folder / f"{name}.png", NOTE)
    return figures


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[Path, dict]:
    """A folder of all figures, and the figures."""
    folder = tmp_path_factory.mktemp("figures")
    return folder, save_all(folder)


def test_one_of_each_is_enough(saved):
    folder, figures = saved
    assert sorted(figures) == sorted(path.stem for path in FIGURES)
    for name, figure in figures.items():
        assert all(not bars for axes in panels(figure) for _, bars in series(axes)), name
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.filterwarnings("error")
def test_an_error_of_zero_does_not_break_the_logarithm(tmp_path):
    history = history_of([("mlp", "none")]).assign(validation_error=0.0)
    style.save(learning_curves.draw(history), tmp_path / "a.pdf", tmp_path / "a.png")


@pytest.mark.parametrize("count", range(1, 10))
def test_heat_maps_of_any_number_of_cells(count):
    figure = heat_maps.draw(shifts_of([(f"model_{i}", "centred") for i in range(count)], seeds=1, reach=1))
    assert len(panels(figure)) == count


# ---------------------------------------------------------------------------------------------------------------------
# The files


def test_figures_of_the_demo_say_that_they_are(saved):
    """And nothing else outside their axes, so that MNIST's, which get no note, say nothing there."""
    for name, figure in saved[1].items():
        assert [text.get_text() for text in figure.texts] == [NOTE], name
        assert figure.get_figwidth() == style.TEXT_WIDTH


@pytest.mark.filterwarnings("error")
def test_a_figure_that_gets_no_note_is_saved_as_it_was_drawn(tmp_path):
    figure = heat_maps.draw(shifts_of([("stride_fc", "centred")], seeds=1, reach=0))
    size = tuple(figure.get_size_inches())
    style.save(figure, tmp_path / "figure.pdf", tmp_path / "figure.png")
    assert not figure.texts
    assert tuple(figure.get_size_inches()) == size


def test_the_same_figure_is_the_same_bytes(saved, tmp_path):
    save_all(tmp_path)
    files = sorted(saved[0].iterdir())
    assert len(files) == 2 * len(FIGURES)
    for file in files:
        content = file.read_bytes()
        assert content == (tmp_path / file.name).read_bytes(), file.name
        assert not any(word in content for word in (b"CreationDate", b"Matplotlib", b"/Type3")), file.name


def outputs(folder: Path) -> dict:
    return {"output": folder / "figure.pdf", "png": folder / "figure.png"}


def test_a_figure_without_a_note_is_drawn_from_the_command_line(tmp_path):
    """MNIST's figures have none: `note: ""` in config.yaml."""
    errors = {"model": ["m"], "trained_part": ["all"], "classes": ["0"], "seed": [0]}
    pd.DataFrame(errors | dict.fromkeys(class_sequence.ERRORS, 10.0)).to_csv(tmp_path / "runs.csv", index=False)
    options = ["--note=", "--inputs", json.dumps({"runs": str(tmp_path / "runs.csv")}), "--settings", "{}"]
    written = ["--output", str(tmp_path / "figure.pdf"), "--png", str(tmp_path / "figure.png")]
    command = [
        sys.executable,
        draw.__file__,
        "--figure",
        "studies.class_sequence.class_sequence:draw",
        *options,
        *written,
    ]
    subprocess.run(command, check=True)
    assert (tmp_path / "figure.pdf").exists()


def test_the_command_line_says_whose_grid_is_which(tmp_path):
    seen = {}
    cells = [f"architectures/{model}/none/{seed}" for model in ("b", "a") for seed in (0, 1)]
    paths = {cell: str(tmp_path / f"grid-{number}.csv") for number, cell in enumerate(cells)}
    for path in paths.values():
        Path(path).write_text("dx,dy,n,accuracy,consistency,logit_drift\n0,0,5,0.9,1.0,0.0\n")
    figure = lambda grids: seen.update(grids=grids) or style.new_figure(1)  # noqa: E731
    draw.main(figure=figure, inputs={"grids": paths}, **outputs(tmp_path))
    found = seen["grids"][["model", "training", "seed"]].to_numpy().tolist()
    assert found == [[model, "none", seed] for model in ("b", "a") for seed in (0, 1)]
    assert (tmp_path / "figure.png").exists()


def test_the_command_line_draws_samples(tmp_path):
    np.save(tmp_path / "source.npy", np.full((12, 28, 28), 255, np.uint8))
    np.save(tmp_path / "elastic.npy", np.zeros((12, 29, 29), np.uint8))
    inputs = {"source": str(tmp_path / "source.npy"), "copies": {"elastic": str(tmp_path / "elastic.npy")}}
    draw.main(figure=sample_distortions.draw, inputs=inputs, **outputs(tmp_path))
    assert (tmp_path / "figure.pdf").exists()


def test_the_command_line_reads_tables_with_empty_fields(tmp_path):
    SIMARD.assign(low=NAN, high=NAN).to_csv(tmp_path / "table.csv", index=False)
    inputs = {"table": str(tmp_path / "table.csv")}
    draw.main(figure=simard_table.draw, inputs=inputs, **outputs(tmp_path))
    assert (tmp_path / "figure.pdf").exists()


def test_a_table_without_the_columns_of_the_figure_is_named(tmp_path):
    (tmp_path / "architectures-rings.csv").write_text("model,training\nmlp,centred\n")
    inputs = {"rings": str(tmp_path / "architectures-rings.csv")}
    with pytest.raises(InputError, match=r"rings\.csv: lacks the columns ring, measure, mean, low, high"):
        draw.main(figure=accuracy_vs_shift.draw, inputs=inputs, settings={"pooled": []}, **outputs(tmp_path))


@pytest.mark.parametrize(
    "name", ["heat_maps", "json:dumps", "studies", "studies.nowhere:draw", "studies.architectures"]
)
def test_a_figure_that_there_is_not_is_named(tmp_path, name):
    command = ["--figure", name, "--inputs", "{}", "--output", "figure.pdf", "--png", "figure.png"]
    with pytest.raises(InputError, match=f"'{name}' names no function; allowed: <module>:<function>"):
        command_line(draw.main)(command, exit_on_error=False)


def test_a_figure_says_what_it_is_drawn_from(tmp_path):
    shares_of().to_csv(tmp_path / "shares.csv", index=False)
    with pytest.raises(InputError, match=r"split:draw: missing a required argument: 'table'; it takes table, shares"):
        draw.main(figure=split.draw, inputs={"shares": str(tmp_path / "shares.csv")}, **outputs(tmp_path))


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_every_figure_says_which_columns_it_needs(path):
    module = importlib.import_module(".".join(path.relative_to(STUDIES.parent).with_suffix("").parts))
    arguments = inspect.signature(module.draw).parameters
    names = set(arguments) | set(summary.COLUMNS if module is summary else ())
    assert set(module.COLUMNS) | set(getattr(module, "MAY_BE_EMPTY", ())) <= names
    tables = {name for name, argument in arguments.items() if argument.annotation is pd.DataFrame}
    assert tables <= set(module.COLUMNS)
    assert all(f"{name}: " in module.__doc__ for name in arguments)


def test_drawing_goes_without_torch():
    check = "import sys, draw; sys.exit('torch' in sys.modules)"
    scripts = Path(draw.__file__).parent
    assert subprocess.run([sys.executable, "-c", check], cwd=scripts, check=False).returncode == 0
