"""What the paper prints of the real config, from made-up evaluations through the scripts: every key, every table."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import derive
import judge_claims
import summarise
import write_numbers
import write_provenance
from invariance.command_line import function_named
from invariance.data.images import shift_grid
from invariance.paper import tex
from invariance.plan.catalogue import RUNS, Catalogue
from invariance.plan.plan import Cell, Plan
from invariance.record import compute
from invariance.record.artefacts import read_json, save_array, sha256_of, write_json
from invariance.record.manifest import VERSIONED, write_manifest
from judging import CLAIMS, PLANS
from printed import OF_CHANGED, PAPER, SOURCES, is_whole, keys_of_the_paper, rows_of, shown_by
from rolled import made_up_equivariance
from studies import declared

TEST_IMAGES, SHIFTED = 30, 12
PARTLY_TRAINED = re.compile(
    "claims/C9/details/(stride_fc_head|stride_fc_last_layer|stride_gap)_|training_length/simard_cnn/epochs_60/"
)
COMMITTED = {
    "reference-selection",
    "reference-long",
    "reference-long-numbers",
    "reference-readings",
    "readings-numbers",
    "elsewhere",
    "elsewhere-numbers",
}  # tables of overlays, as far as any are committed
OF_COMMITTED = re.compile(r"(readings|letter|long|elsewhere)/|script/figures/readings$")  # test_readings.py has these


def make_up_grid(path: Path, cell: Cell, max_shift: int, labels: np.ndarray) -> None:
    """The grid of one trained model, with predictions that are worse the further the shift."""
    random = np.random.default_rng([cell.seed, len(cell.model), len(cell.training)])
    shifts = shift_grid(max_shift)
    reach = np.array([max(abs(dx), abs(dy)) for dx, dy in shifts])
    slope = 0.01 if cell.training.partition("_after_")[0].endswith("translated") else 0.1
    wrong = random.random((len(shifts), SHIFTED)) < 0.05 + slope * reach[:, None]
    predictions = np.where(wrong, (labels[:SHIFTED] + 1) % 10, labels[:SHIFTED]).astype(np.uint8)
    grid = pd.DataFrame(shifts, columns=["dx", "dy"]).assign(
        n=SHIFTED,
        accuracy=(~wrong).mean(axis=1),
        consistency=(predictions == predictions[len(shifts) // 2]).mean(axis=1),
        logit_drift=reach * 1e-6 * (1 + random.random()),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    grid.to_csv(path, index=False)
    np.save(path.with_suffix(".predictions.npy"), predictions)
    test_wrong = random.random(len(labels)) < 0.1
    np.save(path.with_suffix(".test.npy"), np.where(test_wrong, (labels + 1) % 10, labels).astype(np.uint8))


def make_up_positions(path: Path, cell: Cell, positions: list) -> None:
    """What one trained model tells of positions."""
    told = pd.DataFrame(positions, columns=["dx", "dy"]).assign(
        n=TEST_IMAGES, accuracy=0.9, logit_drift=1e-6 * cell.seed
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    told.assign(float64_drift=1e-15).to_csv(path, index=False)


def make_up_distortions(plan: Plan) -> None:
    """The summary of every distorted dataset of a plan."""
    for path in map(Path, plan.summaries.values()):
        path.parent.mkdir(parents=True)
        columns = {"rms_x": 1.3, "rms_y": 1.2, "largest": 6.02, "net_translation": 0.78, "ink_lost": 1.0}
        rows = [{"copy": copy, "images": 100, **columns, "audit_mean": 2e-5, "audit_largest": 1} for copy in (0, 1)]
        pd.DataFrame(rows).to_csv(path, index=False)


def made_up_reference(dataset: str, claims: list[dict]) -> dict:
    """Reference numbers whose cost is that of every stage, an hour each."""
    stages = [{"stage": stage, "jobs": 1200, "core_seconds": 3200.0, "share": 1 / 9} for stage in compute.STAGES]
    return {
        "dataset": dataset,
        "config_sha256": "0" * 64,
        "confidence": 0.95,
        "machine": {"processor": "A processor", "cores": 2},
        "claims": [{"id": claim["id"], "core_minutes": 5.0} for claim in claims],
        "cells": [],
        "compute": {
            "stages": stages,
            "jobs": 10800,
            "core_seconds": 28800.0,
            "start_up_share": 0.125,
            "replayed_seconds": {"1": 28800.0, "2": 14400.0, "4": 7200.0, "8": 3600.0},
        },
    }


def make_up_evaluations(plan: Plan, labels: np.ndarray) -> None:
    """What every cell of a plan was evaluated to, and its card."""
    for study, settings in plan["studies"].items():
        for cell in plan.of(study):
            if plan.tells_positions(study):
                make_up_positions(Path(plan.position_files(study)[str(cell)]), cell, settings["positions"])
            elif not Path(plan.evaluated_file(cell)).exists():
                tested = labels[np.isin(labels, plan.only(study, cell.training) or labels)]
                make_up_grid(Path(plan.evaluated_file(cell)), cell, settings["max_shift"], tested)
            parameters = 132_540 if cell.model == "simard_cnn" else 1_000
            write_json(plan.trained_file(cell, "card.json"), {"parameters": parameters})


def make_tables(plan: Plan, catalogue: Catalogue) -> None:
    """Every table and claims.json, by the pipeline's own scripts."""
    for study in plan.shifted_studies:
        names = [name.format(study=study) for name in RUNS]
        runs, ring_runs, summary, rings = (Path(plan.file(f"tables/{name}.csv")) for name in names)
        outputs = {"runs": runs, "ring_runs": ring_runs, "summary": summary, "rings": rings}
        summarise.main(inputs=plan.summary_inputs(study), measures=plan["measures"], **outputs)
    for name, table in catalogue.tables.items():
        path = Path(plan.file(f"tables/{name}.csv"))
        if name == "equivariance":
            made_up_equivariance().to_csv(path, index=False)
        elif not table.on_request:
            function, settings = function_named(table.target), table.settings(plan, table.study)
            derive.main(function=function, inputs=table.arguments(plan), settings=settings, output=path)
    judge_claims.main(
        claims=catalogue.claim_records,
        tables=catalogue.claim_tables,
        confidence=plan["measures"]["confidence"],
        output=Path(plan.file("claims.json")),
    )


def make_tex(plan: Plan, catalogue: Catalogue) -> None:
    """Every table as TeX and numbers.tex, by the pipeline's own scripts."""
    reference = Path(plan.file("reference.json"))
    write_json(reference, made_up_reference(plan.dataset, read_json(plan.file("claims.json"))))
    for name, made in catalogue.tabulars.items():
        inputs = {"reference": str(reference)} if name == "compute" else made.arguments(plan)
        function, settings = function_named(made.target), made.settings(plan, made.study)
        output = Path(plan.file(f"tables/{name}.tex"))
        derive.main(function=function, inputs=inputs, settings=settings, output=output)
    output = Path(plan.file("tables/numbers.tex"))
    inputs, numbers = catalogue.number_inputs, catalogue.numbers
    known = {"numbers": numbers, "scripts": catalogue.scripts, "reference": reference}
    write_numbers.main(inputs=inputs, changed=[], output=output, **known)
    listed = [Path(plan.file("claims.json")), *map(Path, catalogue.table_files)]
    write_provenance.main(root=Path(plan.file("")), artefacts=listed, output=Path(plan.file("tables/provenance.tex")))


@pytest.fixture(scope="module", params=["mnist", "digits"])
def tables(request, tmp_path_factory) -> Path:
    """results/<dataset>/tables of every cell of a plan that replicates Simard's table."""
    return made_up(PLANS[request.param], tmp_path_factory.mktemp(request.param))


def made_up(plan: Plan, folder: Path) -> Path:
    """The folder of all tables, as the pipeline's own scripts make them from made-up evaluations."""
    (folder / "paper").symlink_to(PAPER)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        labels = (np.arange(TEST_IMAGES) % 10).astype(np.uint8)
        save_array(plan.file("source/test-labels.npy"), labels)
        write_json(plan.file("config.json"), plan)
        make_up_evaluations(plan, labels)
        make_up_distortions(plan)
        catalogue = Catalogue(plan, declared())
        make_tables(plan, catalogue)
        make_tex(plan, catalogue)
    return folder / plan.file("tables")


@pytest.mark.parametrize("dataset", ["fashion_mnist"])
def test_the_paper_of_another_plan_asks_for_nothing_that_it_leaves_out(dataset, tmp_path):
    plan = PLANS[dataset]
    assert "simard2003" not in plan["studies"]
    tables = made_up(plan, tmp_path)
    written = dict(results_of(tables))
    assert (written["dataset_name"], written["noun"], written["classes"]) == ("Fashion-MNIST", "garment", "10")
    text = {source: shown_by(source.read_text(), plan["studies"]) for source in SOURCES if source.stem != "simard"}
    asked = {key for key in keys_of_the_paper(text) if not (key.startswith("compute/") or OF_COMMITTED.match(key))}
    assert len(asked) > 50
    assert asked - {f"script/tables/{name}" for name in COMMITTED} - OF_CHANGED <= set(written)
    made = re.findall(r"\\artefacttable\{([\w-]+)\}", "".join(text.values()))
    assert set(made) - COMMITTED <= {path.stem for path in tables.glob("*.tex")}
    elsewhere = (tables / "elsewhere.tex").read_text()
    assert is_whole(elsewhere)
    assert r"Fashion-MNIST & MNIST \\" in elsewhere
    on_mnist = read_json(PAPER / "reference/mnist.json")["claims"]
    missing = [{"C2"}, CLAIMS.keys() - {claim["id"] for claim in on_mnist}]
    left_out = [sum(name in names for names in missing) for name in CLAIMS]
    assert [row.count("left out") for row in rows_of(elsewhere)[1:]] == left_out
    reference = on_mnist[0]
    assert (
        f"{reference['number']:.2f} [{reference['low']:.2f}, {reference['high']:.2f}] {reference['verdict']}"
        in elsewhere
    )
    assert sum("garment" in value for value in written.values()) == 1  # no other text knows what an image shows


def results_of(tables: Path) -> list[tuple[str, str]]:
    lines = (tables / "numbers.tex").read_text().splitlines()
    matches = [re.fullmatch(r"\\result\{([^{}#%\\]+)\}\{(.*)\}", line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    return [match.groups() for match in matches]


def test_every_key_of_the_paper_is_written(tables):
    asked = {key for key in keys_of_the_paper() if not key.startswith("compute/")}  # a reference may be committed
    asked -= {f"script/tables/{name}" for name in COMMITTED}
    asked -= {key for key in asked if PARTLY_TRAINED.match(key)}  # shown only where the plan trains them
    asked -= {key for key in asked if OF_COMMITTED.match(key)}
    assert len(asked) > 50
    assert asked - OF_CHANGED <= {key for key, _ in results_of(tables)}


def test_every_table_of_the_paper_is_written(tables):
    text = "\n".join(path.read_text() for path in sorted(PAPER.glob("sections/*.tex")))
    asked = set(re.findall(r"\\artefacttable\{([\w-]+)\}", text)) | set(re.findall(r"artefacts/tables/([\w-]+)", text))
    assert len(asked) > 5
    assert asked - COMMITTED <= {path.stem for path in tables.glob("*.tex")}
    for name in asked & COMMITTED:
        assert f"\\ifartefact{{tables/{name}.tex}}" in text


def test_keys_are_unique(tables):
    keys = [key for key, _ in results_of(tables)]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


def test_values_are_safe_in_text(tables):
    """Braces balance, no special character stands alone, and no value is NaN or None."""
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
    verdicts = [results[f"replicated/{verdict}"] for verdict in ("reproduced", "ours_lower", "ours_higher")]
    beside = pd.read_csv(tables / "simard2003-published.csv")
    assert sum(map(int, verdicts)) == beside.verdict.count()  # none on other data than theirs
    assert verdicts[0] == str((beside.verdict == "reproduced").sum())
    assert results["replicated/published"] == str(beside.published.count()) == "6"
    assert results["parameters/simard2003/simard_cnn"] == "132{,}540"
    assert results["distortions/elastic/rms"] == f"{np.sqrt((1.3**2 + 1.2**2) / 2):.2f}"
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
    for part in ("train_images", "validation_images", "test_images"):
        assert results[part].replace("{,}", "") == str(run["datasets"][run["dataset"]][part])
    assert results["claims/count"] == str(len(run["claims"]))
    assert results["two_positions/places"] == "2"
    assert ("demo" in results) == (run["dataset"] == "digits")
    assert OF_CHANGED.isdisjoint(results)


def test_all_claims_of_the_config_are_measured_by_its_cells(tables):
    claims = read_json(tables.parent / "claims.json")
    assert [claim["id"] for claim in claims] == list(CLAIMS)


# ----------------------------------------------------------------------------------------------------------------------
# Tabulars


def test_each_stage_of_a_run_has_a_name_in_the_table_of_its_cost(tables):
    text = (tables / "compute.tex").read_text()
    assert is_whole(text)
    assert [stage for stage in compute.STAGES if f"{stage} &" in text] == []


def test_every_tabular_fits_its_columns(tables):
    names = [path.stem for path in sorted(tables.glob("*.tex")) if not path.stem.endswith("numbers")]
    assert len(names) >= 13
    for name in names:
        assert is_whole((tables / f"{name}.tex").read_text()), name


def test_tabulars_hold_every_cell_and_are_grouped(tables):
    run = read_json(tables.parent / "config.json")
    for study in ("architectures", "augmentation_range"):
        text = (tables / f"{study}.tex").read_text()
        cells = {cell[1:3] for cell in Plan(run).of(study)}
        assert len(rows_of(text)) == 2 + len(cells)
        trainings = {training for _, training in cells}  # a gap between groups, where a group has several rows
        assert text.count(r"\addlinespace") == (len(trainings) - 1 if len(trainings) < len(cells) else 0)
        assert not re.search(r"(?<!-)--(?!-)", text)  # every cell has every measure
    simard = (tables / "simard2003.tex").read_text()
    assert len(rows_of(simard)) == 1 + len({cell[1:3] for cell in Plan(run).of("simard2003")})
    assert simard.count(r"\addlinespace") == 1
    assert "nan" not in simard
    claims = (tables / "claims.tex").read_text()
    assert re.findall(r"^(C\d+[a-z]?) &", claims, flags=re.MULTILINE) == list(CLAIMS)


def test_numbers_of_a_study_without_shifts_are_those_of_its_table(tables):
    results = dict(results_of(tables))
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


def test_provenance_lists_files_below_the_root_with_their_hashes(tables):
    text = (tables / "provenance.tex").read_text()
    for name in ("claims.json", "tables/simard2003-runs.csv"):
        digest = sha256_of(tables.parent / name)[:12]
        assert rf"\nolinkurl{{{name}}} & \texttt{{{digest}}} " in text
    assert text.count(r"\nolinkurl") == len(list(tables.glob("*.csv"))) + 1


def test_manifest_names_every_artefact_with_its_hash(tables, tmp_path):
    root = tables.parent
    artefacts = sorted(tables.glob("*.csv"))
    write_manifest(artefacts, root / "config.json", root / "manifest.json")
    manifest = read_json(root / "manifest.json")
    assert manifest["artefacts"] == {f"tables/{path.name}": sha256_of(path) for path in artefacts}
    assert manifest["config"] == read_json(root / "config.json")
    assert set(manifest["versions"]) == {*VERSIONED, "python"}
    assert manifest["versions"]["torch"] == dict(results_of(tables))["versions/torch"]
