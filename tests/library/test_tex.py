"""What the paper prints: formats of numbers, tabulars that fit their columns, and every key that the paper asks for."""

import json
import re
import sys
from pathlib import Path

import compare_with_simard
import numpy as np
import pandas as pd
import pytest
import split_variance
import summarise_classes
import summarise_positions
import write_tex
from hypothesis import given, settings
from hypothesis import strategies as st
from invariance.results.claims import CLAIMS
from test_paper import keys_of_the_paper

import judge_claims
import summarise
import write_provenance
from invariance.data.images import shift_grid
from invariance.paper import tex
from invariance.plan import configuration
from invariance.record.artefacts import read_json, sha256_of, write_json
from invariance.record.manifest import VERSIONED, write_manifest
from invariance.results.tables import SHARES
from rolled import made_up_equivariance

ROOT = Path(__file__).resolve().parents[2]
PAPER = ROOT / "paper"
RUNS = configuration.resolve(configuration.load([ROOT / "config.yaml"]))
NAN = float("nan")
TEST_IMAGES, SHIFTED = 30, 12


# ----------------------------------------------------------------------------------------------------------------------
# Formats


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain words, 12.5 (a/b)", "plain words, 12.5 (a/b)"),
        ("simard_cnn", r"simard\_cnn"),
        ("100% of #1 & {x} for $5", r"100\% of \#1 \& \{x\} for \$5"),
        (r"C:\new", "C:/new"),
        ("", ""),
    ],
)
def test_escape(text, escaped):
    assert tex.escape(text) == escaped


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab1 \\&%$#_{}~^"))
def test_escape_leaves_no_special_character(text):
    assert not re.search(r"(?<!\\)[&%$#_{}]|[~^]|\\(?![&%$#_{}])", tex.escape(text))


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1.005, 1, "1.0"),
        (12.345, 2, "12.35"),
        (100, 2, "100.00"),
        (-1.5, 2, "$-$1.50"),
        (0, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (-0.001, 2, "0.00"),
        (-0.005001, 2, "$-$0.01"),
        (99.96, 0, "100"),
        (None, 2, "--"),
        (NAN, 2, "--"),
    ],
)
def test_number(value, decimals, text):
    assert tex.number(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.5, "0.50"),
        (-0.5, "$-$0.50"),
        (0.01, "0.01"),
        (0.0034, r"$3.4\times10^{-3}$"),
        (1e-7, r"$1.0\times10^{-7}$"),
        (-2.5e-6, r"$-2.5\times10^{-6}$"),
        (9.96e-5, r"$1.0\times10^{-4}$"),
        (0.00999, r"$1.0\times10^{-2}$"),
        (None, "--"),
        (NAN, "--"),
    ],
)
def test_small(value, text):
    assert tex.small(value) == text


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-30, 9.9e-3), st.sampled_from([1, -1]))
def test_small_has_one_digit_before_the_point_and_keeps_the_value(size, sign):
    written = re.fullmatch(r"\$(-?[1-9]\.[0-9])\\times10\^\{(-[0-9]+)\}\$", tex.small(sign * size))
    assert written
    assert float(written[1]) * 10.0 ** int(written[2]) == pytest.approx(sign * size, rel=0.051)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.04999, "0.050"), (0.001, "0.001"), (0.00099, "{<}0.001"), (0, "{<}0.001"), (1, "1.000"), (NAN, "--")],
)
def test_p_value(value, text):
    assert tex.p_value(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("test_error", 0.814, "0.81"),
        ("mean_consistency", 99.996, "100.00"),
        ("radius", 2, "2.0"),
        ("max_pool_radius", 1.25, "1.2"),
        ("largest_range_radius", 5.5, "5.5"),
        ("largest_range", 6, "6"),
        ("largest_range_shifted_error", 6, "6.00"),
        ("drift", 1.2e-6, r"$1.2\times10^{-6}$"),
        ("max_drift", 3.456, "3.46"),
        ("circular_mismatch", 1.2e-16, r"$1.2\times10^{-16}$"),
        ("exact_cases", 1750.0, "1{,}750"),
        ("mcnemar_p", 0.0001, "{<}0.001"),
        ("parameters", 132540, "132{,}540"),
        ("parameters", 132540.0, "132{,}540"),
        ("seeds", 3, "3"),
        ("runs", 6.0, "6"),
        ("runs", NAN, "--"),
        ("drift", None, "--"),
        ("mcnemar_p", None, "--"),
    ],
)
def test_formatted_by_measure(name, value, text):
    assert tex.formatted(name, value) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((1.5, 1.25, 1.75), "1.50 [1.25, 1.75]"),
        ((0.5, -0.25, 1.25), "0.50 [$-$0.25, 1.25]"),
        ((0, 0, 0), "0.00 [0.00, 0.00]"),
        ((1.5, None, None), "1.50"),
        ((-1.5, NAN, NAN), "$-$1.50"),
        ((NAN, NAN, NAN), "--"),
    ],
)
def test_with_interval(interval, text):
    assert tex.with_interval(*interval) == text


def test_result_lines():
    assert tex.result_lines([("a/b", "1"), ("c", "$-$2")]) == "\\result{a/b}{1}\n\\result{c}{$-$2}\n"


def test_groups_are_named_once_with_gaps_between_them():
    rows = list(tex.with_gaps([("a", ("1",)), ("a", ("2",)), ("b", ("3",))]))
    assert rows == [["a", "1"], ["", "2"], (), ["b", "3"]]


# ----------------------------------------------------------------------------------------------------------------------
# The real config, from made-up artefacts to TeX, through the scripts


def call(module, *arguments: object) -> None:
    """Run an entry script in this process, with the arguments of a command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
        module.main()


def make_up_cell(root: Path, cell: configuration.Cell, max_shift: int, labels: np.ndarray) -> tuple[Path, Path]:
    """The grid and the card of one run, with predictions that are worse the further the shift."""
    random = np.random.default_rng([cell.seed, len(cell.model), len(cell.training)])
    shifts = shift_grid(max_shift)
    reach = np.array([max(abs(dx), abs(dy)) for dx, dy in shifts])
    slope = 0.01 if cell.training == "translated" else 0.1
    wrong = random.random((len(shifts), SHIFTED)) < 0.05 + slope * reach[:, None]
    predictions = np.where(wrong, (labels[:SHIFTED] + 1) % 10, labels[:SHIFTED]).astype(np.uint8)
    grid = pd.DataFrame(shifts, columns=["dx", "dy"]).assign(
        n=SHIFTED,
        accuracy=(~wrong).mean(axis=1),
        consistency=(predictions == predictions[len(shifts) // 2]).mean(axis=1),
        logit_drift=reach * 1e-6 * (1 + random.random()),
    )
    path = root / "shifts" / cell.study / cell.model / cell.training / f"seed-{cell.seed}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    grid.to_csv(path, index=False)
    np.save(path.with_suffix(".predictions.npy"), predictions)
    test_wrong = random.random(TEST_IMAGES) < 0.1
    np.save(path.with_suffix(".test.npy"), np.where(test_wrong, (labels + 1) % 10, labels).astype(np.uint8))
    card = path.with_suffix(".card.json")
    write_json(card, {"parameters": 132_540 if cell.model == "simard_cnn" else 1_000})
    return path, card


def make_up_positions(root: Path, cell: configuration.Cell, positions: list) -> tuple[Path, Path]:
    """What one run tells of positions, and its card."""
    told = pd.DataFrame(positions, columns=["dx", "dy"]).assign(
        n=TEST_IMAGES, accuracy=0.9, logit_drift=1e-6 * cell.seed
    )
    path = root / "positions" / cell.study / cell.model / cell.training / f"seed-{cell.seed}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    told.assign(float64_drift=1e-15).to_csv(path, index=False)
    card = path.with_suffix(".card.json")
    write_json(card, {"parameters": 1_000})
    return path, card


def make_up_distortions(root: Path, run: configuration.Run) -> list[Path]:
    """The summary of every distorted dataset of a run."""
    summaries = []
    for canvas, name in configuration.distorted_copies(run):
        path = root / "distorted" / str(canvas) / name / "summary.csv"
        path.parent.mkdir(parents=True)
        columns = {"rms_x": 1.3, "rms_y": 1.2, "largest": 6.02, "net_translation": 0.78, "ink_lost": 1.0}
        rows = [{"copy": copy, "images": 100, **columns, "audit_mean": 2e-5, "audit_largest": 1} for copy in (0, 1)]
        pd.DataFrame(rows).to_csv(path, index=False)
        summaries.append(path)
    return summaries


def losses_of(run: configuration.Run) -> dict[str, dict[str, str]]:
    trainings = run["studies"]["simard2003"]["trainings"]
    return {name: {"distortion": t["distortion"], "loss": "cross_entropy"} for name, t in trainings.items()}


def made_up_reference(dataset: str, claims: list[dict]) -> dict:
    """Reference numbers whose cost is that of every stage, an hour each."""
    stages = [{"stage": stage, "jobs": 1200, "core_seconds": 3600.0, "share": 0.125} for stage in tex.STAGES]
    return {
        "dataset": dataset,
        "config_sha256": "0" * 64,
        "confidence": 0.95,
        "machine": {"processor": "A processor", "cores": 2},
        "claims": [{"id": claim["id"], "core_minutes": 5.0} for claim in claims],
        "cells": [],
        "compute": {
            "stages": stages,
            "jobs": 9600,
            "core_seconds": 28800.0,
            "start_up_share": 0.125,
            "replayed_seconds": {"1": 28800.0, "2": 14400.0, "4": 7200.0, "8": 3600.0},
        },
    }


@pytest.fixture(scope="module", params=list(RUNS))
def tables(request, tmp_path_factory) -> Path:
    """results/<dataset>/tables of every cell of config.yaml, as the pipeline's own scripts make them."""
    root, run = tmp_path_factory.mktemp(request.param), RUNS[request.param]
    folder = root / "tables"
    labels = (np.arange(TEST_IMAGES) % 10).astype(np.uint8)
    np.save(root / "labels.npy", labels)
    write_json(root / "config.json", run)
    for study, chosen in run["studies"].items():
        cells = [cell for cell in configuration.cells(run) if cell.study == study]
        texed = ["--summary", folder / f"{study}.csv", "--output", folder / f"{study}.tex"]
        named_cells = ["--cells", *("/".join(map(str, cell)) for cell in cells)]
        if "positions" in chosen:
            told, cards = zip(*(make_up_positions(root, cell, chosen["positions"]) for cell in cells), strict=True)
            two = ["--runs", folder / f"{study}-runs.csv", "--summary", folder / f"{study}.csv", "--confidence", 0.95]
            call(summarise_positions, *named_cells, "--positions", *told, "--cards", *cards, *two)
            call(write_tex, "positions", *texed)
            continue
        made = [make_up_cell(root, cell, chosen["max_shift"], labels) for cell in cells]
        suffixes = {"--runs": "-runs", "--ring-runs": "-ring-runs", "--summary": "", "--rings": "-rings"}
        named = [part for option, suffix in suffixes.items() for part in (option, folder / f"{study}{suffix}.csv")]
        grids, cards = zip(*made, strict=True)
        common = ["--labels", root / "labels.npy", "--measures", json.dumps(run["measures"])]
        call(summarise, *named_cells, "--grids", *grids, "--cards", *cards, *common, *named)
        if study in configuration.class_studies(run):
            by_class = [
                *named_cells,
                "--grids",
                *grids,
                "--labels",
                root / "labels.npy",
                "--trainings",
                json.dumps(chosen["trainings"]),
            ]
            two = ["--runs", folder / f"{study}-class-runs.csv", "--summary", folder / f"{study}-classes.csv"]
            call(summarise_classes, *by_class, *two, "--confidence", 0.95)
            call(write_tex, "classes", *two[2:], *texed[2:])
        elif study != "simard2003":
            call(write_tex, "study", *texed)
    shares = ["--seeds", folder / "split-variance-seeds.csv", "--summary", folder / "split-variance.csv"]
    call(split_variance, "--runs", folder / "split-runs.csv", "--confidence", 0.95, *shares)
    call(write_tex, "variance", *shares[2:], "--output", folder / "split-variance.tex")
    confidence = ["--confidence", run["measures"]["confidence"]]
    published, pairs = folder / "simard2003-published.csv", folder / "simard2003-pairs.csv"
    simard = ["--runs", folder / "simard2003-runs.csv", "--summary", folder / "simard2003.csv"]
    simard += ["--published", PAPER / "published.csv", "--labels", root / "labels.npy"]
    simard_cells = [cell for cell in configuration.cells(run) if cell.study == "simard2003"]
    simard += ["--cells", *("/".join(map(str, cell)) for cell in simard_cells), "--predictions"]
    simard += [root / "shifts" / "/".join(cell[:3]) / f"seed-{cell.seed}.test.npy" for cell in simard_cells]
    simard += ["--trainings", json.dumps(losses_of(run)), *confidence, "--table", published, "--pairs", pairs]
    call(compare_with_simard, *simard)
    texs = ["--output", folder / "simard2003.tex", "--pairs-output", folder / "simard2003-pairs.tex"]
    call(write_tex, "simard", "--table", published, "--pairs", pairs, *texs)
    made_up_equivariance().to_csv(folder / "equivariance.csv", index=False)
    call(write_tex, "equivariance", "--summary", folder / "equivariance.csv", "--output", folder / "equivariance.tex")
    csvs, claims = sorted(folder.glob("*.csv")), root / "claims.json"
    call(judge_claims, "--tables", *csvs, "--claims", json.dumps(run["claims"]), *confidence, "--output", claims)
    summaries = make_up_distortions(root, run)
    reference = root / "reference.json"
    write_json(reference, made_up_reference(request.param, read_json(claims)))
    paper = ["--config", root / "config.json", "--claims", claims, "--summaries", *summaries, "--output", folder]
    paper += ["--reference", reference]
    call(write_tex, "paper", "--tables", *csvs, *paper)
    listed = ["--artefacts", claims, *csvs, "--output", folder / "provenance.tex"]
    call(write_provenance, "--root", root, *listed)
    return folder


def results_of(tables: Path) -> list[tuple[str, str]]:
    lines = (tables / "numbers.tex").read_text().splitlines()
    matches = [re.fullmatch(r"\\result\{([^{}#%\\]+)\}\{(.*)\}", line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    return [match.groups() for match in matches]


def test_every_key_of_the_paper_is_written(tables):
    asked = {key for key in keys_of_the_paper() if not key.startswith("compute/")}  # a reference may be committed
    assert len(asked) > 50
    assert asked <= {key for key, _ in results_of(tables)}


def test_every_table_of_the_paper_is_written(tables):
    text = "\n".join(path.read_text() for path in sorted(PAPER.glob("sections/*.tex")))
    asked = set(re.findall(r"\\artefacttable\{([\w-]+)\}", text)) | set(re.findall(r"artefacts/tables/([\w-]+)", text))
    assert len(asked) > 5
    committed = {"reference-selection", "reference-long"}  # of overlays, as far as there are any
    assert asked - committed <= {path.stem for path in tables.glob("*.tex")}
    for name in asked & committed:
        assert f"\\ifartefact{{tables/{name}.tex}}" in text


def test_keys_are_unique(tables):
    keys = [key for key, _ in results_of(tables)]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


def test_values_are_safe_in_text(tables):
    """Braces balance, no special character stands alone, and nothing is the word for a number that is not one."""
    for key, value in results_of(tables):
        assert value != "", key
        assert not re.search(r"(?<!\\)[&%#_]|\bnan\b|None", re.sub(r"\$[^$]*\$", "", value)), (key, value)
        assert value.count("{") == value.count("}"), (key, value)
        assert value.count("$") % 2 == 0, (key, value)


def test_numbers_are_those_of_the_tables(tables):
    results = dict(results_of(tables))
    runs = pd.read_csv(tables / "simard2003-runs.csv")
    errors = runs[(runs.model == "simard_cnn") & (runs.training == "elastic")].test_error
    cell = "simard2003/simard_cnn/elastic/test_error"
    assert results[f"{cell}/mean"] == f"{errors.mean():.2f}"
    assert (results[f"{cell}/best"], results[f"{cell}/worst"]) == (f"{errors.min():.2f}", f"{errors.max():.2f}")
    assert results[f"{cell}/seeds"] == results["simard2003/seeds"] == str(len(errors))
    assert results["published/simard_cnn/elastic"] == "0.4"
    assert "published/simard_cnn/none" not in results
    assert results["parameters/simard2003/simard_cnn"] == "132{,}540"
    rings = pd.read_csv(tables / "architectures-ring-runs.csv")
    near = rings[(rings.model == "stn") & (rings.training == "translated") & (rings.ring == 2)]
    assert results["rings/architectures/stn/translated/2/accuracy"] == f"{near.accuracy.mean():.2f}"
    assert results["distortions/elastic/rms"] == f"{np.sqrt((1.3**2 + 1.2**2) / 2):.2f}"
    assert results["distortions/elastic/max"] == "6.0"
    assert results["test_images"] == str(TEST_IMAGES)
    assert results["confidence"] == "95"
    assert results["config_hash"] == sha256_of(tables.parent / "config.json")[:12]
    for claim in read_json(tables.parent / "claims.json"):
        assert results[f"claims/{claim['id']}/verdict"] == claim["verdict"]
        number = tex.small if claim["id"] == "C3" else tex.number
        assert results[f"claims/{claim['id']}/number"] == number(claim["number"])


def test_config_values_are_those_of_the_config(tables):
    results, run = dict(results_of(tables)), read_json(tables.parent / "config.json")
    assert results["dataset"] == run["dataset"]
    assert ("MNIST" in results["dataset_name"]) == (run["dataset"] == "mnist")
    channels = run["models"]["stride_fc"]["channels"]
    assert results["config/models/stride_fc/channels"] == ", ".join(str(count) for count in channels)
    assert (
        float(results["config/distortions/elastic/elastic/alpha"]) == run["distortions"]["elastic"]["elastic"]["alpha"]
    )
    for claim, values in run["claims"].items():
        assert {name: float(results[f"claims/{claim}/{name}"]) for name in values} == values
    for study, values in run["studies"].items():
        assert results[f"{study}/canvas"] == str(values["canvas"])
        assert results[f"{study}/epochs"] == str(values["optimisation"]["epochs"])
    train_images = run["datasets"][run["dataset"]]["train_images"]
    assert results["train_images"].replace("{,}", "") == str(train_images)


def test_all_claims_of_the_config_are_measured_by_its_cells(tables):
    claims = read_json(tables.parent / "claims.json")
    assert [claim["id"] for claim in claims] == [known for known in CLAIMS if known in RUNS["mnist"]["claims"]]


# ----------------------------------------------------------------------------------------------------------------------
# Tabulars


def columns_of(specification: str) -> int:
    """Number of columns of a specification such as @{}l>{..}p{..}r@{}."""
    bare = re.sub(r"p\{[^{}]*(\{[^{}]*\})?[^{}]*\}", "p", re.sub(r"[>@]\{[^{}]*\}", "", specification))
    assert set(bare) <= set("lcrp"), bare
    return len(bare)


def cells_of(row: str) -> int:
    """Number of columns that a row fills; a cell may span several."""
    spans = [int(span) for span in re.findall(r"\\multicolumn\{(\d+)\}", row)]
    return len(re.findall(r"(?<!\\)&", row)) + 1 + sum(span - 1 for span in spans)


def rows_of(tabular: str) -> list[str]:
    return [line for line in tabular.splitlines() if line.endswith(r"\\")]


def is_whole(tabular: str) -> bool:
    """Whether a tabular begins, ends, and has as many cells in each row as it has columns."""
    first, *_, last = tabular.strip().splitlines()
    specification = re.fullmatch(r"\\begin\{tabular\}\{(.*)\}", first)[1]
    assert last == r"\end{tabular}"
    assert [tabular.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    widths = {cells_of(row) for row in rows_of(tabular)}
    return widths == {columns_of(specification)}


def test_counting_of_columns():
    assert columns_of(r"@{}ll>{\raggedright\arraybackslash}p{0.30\linewidth}r@{}") == 4
    assert cells_of(r" & & \multicolumn{4}{c}{Error (\%)} & \& \\") == 7


def test_every_tabular_fits_its_columns(tables):
    names = [path.stem for path in sorted(tables.glob("*.tex")) if path.stem != "numbers"]
    assert len(names) >= 13
    for name in names:
        assert is_whole((tables / f"{name}.tex").read_text()), name


def test_tabulars_hold_every_cell_and_are_grouped(tables):
    run = read_json(tables.parent / "config.json")
    for study in ("architectures", "augmentation_range"):
        text = (tables / f"{study}.tex").read_text()
        cells = {cell[1:3] for cell in configuration.cells(run) if cell.study == study}
        assert len(rows_of(text)) == 2 + len(cells)
        trainings = {training for _, training in cells}  # a gap between groups, where a group has several rows
        assert text.count(r"\addlinespace") == (len(trainings) - 1 if len(trainings) < len(cells) else 0)
        assert not re.search(r"(?<!-)--(?!-)", text)  # every cell has every measure
    simard = (tables / "simard2003.tex").read_text()
    assert len(rows_of(simard)) == 1 + len(
        {cell[1:3] for cell in configuration.cells(run) if cell.study == "simard2003"}
    )
    assert simard.count(r"\addlinespace") == 1
    assert "nan" not in simard
    claims = (tables / "claims.tex").read_text()
    assert re.findall(r"^(C\d+) &", claims, flags=re.MULTILINE) == [known for known in CLAIMS if known in run["claims"]]


def test_numbers_by_class_and_shares_are_those_of_the_tables(tables):
    results = dict(results_of(tables))
    runs = pd.read_csv(tables / "class_transfer-class-runs.csv")
    low = runs[(runs.training == "low_translated") & (runs.group == "5-9")]
    key = "classes/class_transfer/stride_fc/low_translated/5-9"
    assert results[f"{key}/mean_error/mean"] == f"{low.mean_error.mean():.2f}"
    assert results[f"{key}/mean_called_other/worst"] == f"{low.mean_called_other.max():.2f}"
    shares = pd.read_csv(tables / "split-variance-seeds.csv")
    of_error = shares[shares.measure == "mean_error"].augmentation
    assert results["variance/split/mean_error/augmentation/mean"] == f"{of_error.mean():.2f}"
    assert results["two_positions/stride_gap/placed/accuracy/mean"] == "90.00"
    assert results["parameters/two_positions/stride_gap"] == "1{,}000"


def test_table_by_class_has_a_row_for_each_training_and_group(tables):
    text = (tables / "class_transfer.tex").read_text()
    first, second = rows_of(text)[2:4]
    runs = pd.read_csv(tables / "class_transfer-class-runs.csv")
    of = runs[(runs.training == "centred") & (runs.group == "0-4")]
    shown = [cell.strip() for cell in first.removesuffix(r"\\").split("&")]
    assert shown[:5] == ["centred", "0--4", "no", f"{of.clean_error.mean():.2f}", f"{of.mean_error.mean():.2f}"]
    assert shown[7] == f"{of.mean_called_other.mean():.2f}"
    assert second.startswith(" & 5--9 & no & ")
    assert len(rows_of(text)) == 2 + 2 * 4


def test_tables_of_positions_and_of_the_split():
    columns = ["study", "model", "training", "measure", "seeds", "mean", "low", "high", "best", "worst"]
    measures = {"accuracy": (75, 70, 80, 79, 71), "drift": (1, 1, 1, 0.5, 2), "float64_drift": (0, 0, 0, 0, 3e-16)}
    rows = [("s", "stride_gap", "placed", name, 3, *values) for name, values in measures.items()]
    text = tex.positions_tabular(pd.DataFrame(rows, columns=columns))
    assert is_whole(text)
    assert r"stride, GAP & 75.00 [70.00, 80.00] & 71.00--79.00 & 2.00 & $3.0\times10^{-16}$ \\" in text
    shares = [("mean_error", share, 2, 10.0 * place, NAN, NAN) for place, share in enumerate(SHARES, 1)]
    text = tex.variance_tabular(pd.DataFrame(shares, columns=["measure", "share", "seeds", "mean", "low", "high"]))
    assert is_whole(text)
    assert r"mean error & 10.0 & 20.0 & 30.0 \\" in text


def test_study_tabular_puts_each_mean_under_its_heading():
    values = {name: 10.0 + place for place, name in enumerate(tex.STUDY_COLUMNS)}
    rows = [("s", "mlp", "centred", name, 2, value, 0, 0, 0, 0) for name, value in values.items()]
    rows.append(("s", "stn", "centred", "drift", 2, 2e-6, 0, 0, 0, 0))
    columns = ["study", "model", "training", "measure", "seeds", "mean", "low", "high", "best", "worst"]
    text = tex.study_tabular(pd.DataFrame(rows, columns=columns))
    assert is_whole(text)
    _, _, first, second = rows_of(text)
    shown = [cell.strip() for cell in first.removesuffix(r"\\").split("&")]
    assert shown == ["centred", "MLP", *(tex.formatted(name, value) for name, value in values.items())]
    assert second.endswith(r"& -- & -- & $2.0\times10^{-6}$ \\")


def test_simard_tabular_of_unpublished_cells_and_single_seeds():
    row = dict.fromkeys(("published", "low", "high", "verdict"), NAN) | {"model": "mlp", "training": "none"}
    row |= {"mean": 1.5, "best": 1.5, "worst": 1.5, "wilson_low": 1.2, "wilson_high": 1.8}
    text = tex.simard_tabular(pd.DataFrame([row]))
    assert is_whole(text)
    assert "MLP & no distortion & -- & 1.50 & 1.50--1.50 & 1.20--1.80 &  \\\\" in text


def test_runs_in_several_files_become_one_table_model_by_model(monkeypatch, tmp_path):
    row = dict.fromkeys(("published", "low", "high", "verdict"), NAN) | dict.fromkeys(("best", "worst"), 1.5)
    row |= {"mean": 1.5, "wilson_low": 1.2, "wilson_high": 1.8}
    for name, training in (("long", "elastic"), ("all", "affine_elastic_all_180_epochs")):
        cells = [row | {"model": model, "training": training} for model in ("mlp", "simard_cnn")]
        pd.DataFrame(cells).to_csv(tmp_path / f"{name}.csv", index=False)
    tables = [str(tmp_path / f"{name}.csv") for name in ("long", "all")]
    output = tmp_path / "table.tex"
    monkeypatch.setattr(sys, "argv", ["write_tex.py", "published", "--tables", *tables, "--output", str(output)])
    write_tex.main()
    shown = [[cell.strip() for cell in line.split("&")[:2]] for line in rows_of(output.read_text())[1:]]
    assert shown == [
        ["MLP", "elastic"],
        ["", "affine and elastic, all images, 180 epochs"],
        ["Simard's CNN", "elastic"],
        ["", "affine and elastic, all images, 180 epochs"],
    ]


def test_equivariance_tabular_sets_theory_beside_what_is_measured():
    text = tex.equivariance_tabular(made_up_equivariance(seeds=2))
    assert is_whole(text)
    rows = [[cell.strip() for cell in row.removesuffix(r"\\").split("&")] for row in rows_of(text)[2:]]
    assert all(row[5] == "0" or r"\times" not in "".join(row[6:]) for row in rows)
    exact = [r"$1.1\times10^{-16}$"] * 2 + [r"$1.2\times10^{-16}$"] * 2
    assert rows[0] == ["convolution", "circular", "1", "any", "everywhere", "0", *exact]
    assert rows[2] == ["", "circular", "2", "other", "everywhere", "$>$0", "0.53", "0.55", "0.58", "0.61"]
    zeros = [row[2:6] for row in rows if row[1] == "zeros"]
    assert ["1", "any", "inside", "0"] in zeros
    assert ["1", "any", "border", "$>$0"] in zeros
    assert ["2", "other", "border", "$>$0"] not in zeros
    heads = [[row[0], row[3], row[5]] for row in rows if not row[1]]
    pooled = [["global average pooling", "multiple", "0"], ["", "other", "$>$0"], ["", "other", "0"]]
    assert heads == [["fully connected", "any", "$>$0"], *pooled]
    assert "& 0 & 0 & 0 & 0 " in tex.equivariance_tabular(made_up_equivariance(rounding=0))


def test_numbers_of_the_size_of_rounding_are_powers_of_ten():
    claim = {"id": "C3", "unit": "relative error where theory says 0", "statement": "S.", "verdict": "supported"}
    claim |= {"number": 1.5e-16, "low": 1e-16, "high": 1.5e-16, "threshold": 1e-12, "details": {"exact_cases": 1234.0}}
    results = dict(tex.claim_results([claim]))
    assert results["claims/C3/number"] == r"$1.5\times10^{-16}$"
    assert results["claims/C3/details/exact_cases"] == "1{,}234"
    assert r"& $1.5\times10^{-16}$ & relative error where theory says 0 & $1.0\times10^{-12}$ &" in tex.claims_table(
        [claim]
    )
    other = claim | {"unit": "points", "number": 0.001, "threshold": 0.5}
    assert dict(tex.claim_results([other]))["claims/C3/number"] == "0.00"


def test_selection_tabular_has_in_bold_what_the_config_takes():
    run = json.loads(json.dumps(RUNS["mnist"]))
    taken = run["studies"]["simard2003"]["optimisation"]
    rows = []
    tried = [
        ("simard_cnn", "elastic", 1),
        ("simard_cnn", "elastic", 2),
        ("simard_cnn", "shift_1", 1),
        ("mlp", "elastic", 1),
    ]
    for model, distortion, factor in tried:
        row = {
            "study": "s",
            "model": model,
            "training": "t",
            "distortion": distortion,
            "seeds": 2,
            "low": NAN,
            "high": NAN,
        }
        row |= {key: taken[key] for key in ("epochs", "schedule", "averaging")}
        row["learning_rate"] = factor * taken["learning_rate"]
        error = row | {"measure": "validation_error", "mean": 0.75, "best": 0.7, "worst": 0.8}
        loss = row | {"measure": "validation_loss", "mean": 0.0251, "best": 0.02, "worst": 0.03}
        rows += [error, loss]
    text = tex.selection_tabular(pd.DataFrame(rows), run)
    assert is_whole(text)
    bold = [row for row in rows_of(text) if "textbf" in row]
    assert len(bold) == 1
    rate = f"\\textbf{{{taken['learning_rate']:g}}}"
    assert bold[0].startswith("Simard's CNN, elastic")
    assert all(part in bold[0] for part in (rate, r"\textbf{0.75 (0.70--0.80)}", r"\textbf{0.0251}", r"\textbf{2}"))
    # A training's own setting comes before the study's.
    run["studies"]["simard2003"]["trainings"]["elastic"]["optimisation"] = {"learning_rate": 2 * taken["learning_rate"]}
    run["studies"]["simard2003"]["trainings"]["elastic_mse"]["optimisation"] |= {"schedule": "one_cycle"}
    [bold] = [row for row in rows_of(tex.selection_tabular(pd.DataFrame(rows), run)) if "textbf" in row]
    assert f"\\textbf{{{2 * taken['learning_rate']:g}}}" in bold
    # Another schedule, and no study of Simard's table: nothing is in bold.
    run["studies"]["simard2003"]["optimisation"]["schedule"] = "one_cycle"
    assert "textbf" not in tex.selection_tabular(pd.DataFrame(rows), run)
    del run["studies"]["simard2003"]
    assert "textbf" not in tex.selection_tabular(pd.DataFrame(rows), run)


def test_pairs_tabular():
    row = {"model": "mlp", "training": "elastic", "against": "none", "difference": -0.5, "low": -0.75, "high": -0.25}
    row |= {"only_first_right": 3, "only_second_right": 30, "mcnemar_p": 1e-6}
    text = tex.pairs_tabular(pd.DataFrame([row]))
    assert is_whole(text)
    assert "elastic / no distortion & $-$0.50 [$-$0.75, $-$0.25] & 3 / 30 & ${<}0.001$" in text


def test_settings_tabular_leaves_out_what_the_config_leaves_out():
    run = json.loads(json.dumps(RUNS["mnist"]))
    whole = tex.settings_tabular(run)
    assert len(rows_of(whole)) == 1 + len(tex.SETTINGS) + 4
    del run["distortions"]["affine"]
    less = tex.settings_tabular(run)
    assert is_whole(less)
    assert len(rows_of(less)) == len(rows_of(whole)) - 4
    rate = run["studies"]["simard2003"]["optimisation"]["learning_rate"]
    assert f"Learning rate, Simard's table & {rate} & ours; Simard: 0.005" in less


def test_distortions_on_two_canvases_are_kept_apart(tables, tmp_path):
    """The same distortion on Simard's canvas and on that of the shift studies is two datasets."""
    root = tables.parent
    config, folder = read_json(root / "config.json"), tmp_path / "tables"
    write_json(tmp_path / "config.json", config)
    summary = pd.read_csv(next(root.glob("distorted/*/elastic/summary.csv")))
    paths = []
    for canvas, largest in ((29, 6.0), (40, 7.0)):
        path = tmp_path / "distorted" / str(canvas) / "elastic" / "summary.csv"
        path.parent.mkdir(parents=True)
        summary.assign(largest=largest).to_csv(path, index=False)
        paths.append(path)
    paper = ["--config", tmp_path / "config.json", "--claims", root / "claims.json", "--output", folder]
    call(write_tex, "paper", "--tables", *sorted(tables.glob("*.csv")), *paper, "--summaries", *paths)
    text = (folder / "distortions.tex").read_text()
    assert is_whole(text)
    assert [len(re.findall(pattern, text)) for pattern in (r"29\\times29", r"40\\times40")] == [1, 1]


def test_provenance_lists_files_below_the_root_with_their_hashes(tables):
    text = (tables / "provenance.tex").read_text()
    for name in ("claims.json", "tables/simard2003-runs.csv"):
        digest = sha256_of(tables.parent / name)[:12]
        assert rf"\nolinkurl{{{name}}} & \texttt{{{digest}}} " in text
    assert text.count(r"\nolinkurl") == len(list(tables.glob("*.csv"))) + 1


def test_manifest_names_every_artefact_with_its_hash(tables, tmp_path):
    root = tables.parent
    artefacts = sorted(tables.glob("*.csv"))
    write_manifest(artefacts, root / "config.json", root / "manifest.json", tmp_path / "log")
    manifest = read_json(root / "manifest.json")
    assert manifest["artefacts"] == {f"tables/{path.name}": sha256_of(path) for path in artefacts}
    assert manifest["config"] == read_json(root / "config.json")
    assert set(manifest["versions"]) == {*VERSIONED, "python"}
    assert manifest["versions"]["torch"] == dict(results_of(tables))["versions/torch"]
