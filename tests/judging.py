"""Made-up tables of every cell of config.yaml, and the claims judged on them."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from invariance.command_line import function_named
from invariance.plan.catalogue import Catalogue
from invariance.plan.reading import load, resolve
from invariance.results.verdicts import CellsMissingError, judge
from rolled import made_up_equivariance
from studies import declared
from studies.class_sequence import summary as sequence

ROOT = Path(__file__).resolve().parents[1]
PLANS = resolve(load([ROOT / "config.yaml"]))
CONFIG = PLANS["mnist"]
TRAINED = {name: settings for name, settings in CONFIG["models"].items() if settings["family"] != "phase_average"}
CLAIMS = Catalogue(CONFIG, declared()).claim_records
SETTINGS = CONFIG["claims"]
TRAINED_RANGES = CONFIG["studies"]["augmentation_range"]["cells"]["stride_fc"]["trainings"]
RANGES = [int(name.removeprefix("range_")) for name in TRAINED_RANGES]
RINGS = range(7)
Tables = dict[str, pd.DataFrame]
NAN = float("nan")


# ----------------------------------------------------------------------------------------------------------------------
# Made-up tables


def tables_of(seeds: int = 3) -> Tables:
    """All tables that the claims read, for every cell of config.yaml; trained models differ a little."""
    return {name: table.copy() for name, table in made_up_tables(seeds).items()}


@cache
def made_up_tables(seeds: int) -> Tables:
    random = np.random.default_rng(1)
    tables = {"equivariance": made_up_equivariance(seeds)}
    for study, settings in CONFIG["studies"].items():
        runs, rings = [], []
        for model, cell in settings["cells"].items():
            for training, seed in product(cell["trainings"], range(seeds)):
                run = {"study": study, "model": model, "training": training, "seed": seed}
                runs.append(run | made_up_measures(random))
                rings += [
                    run | {"ring": r, "shifts": 8 * r or 1, "accuracy": 90.0, "consistency": 100.0 - 2 * r}
                    for r in RINGS
                ]
        tables[f"{study}-runs"] = pd.DataFrame(runs)
        if study == "class_transfer":
            tables[f"{study}-class-runs"] = pd.DataFrame(by_class(runs, random))
        if study == "class_sequence":
            tables[f"{study}-carried-runs"] = made_up_sequences(seeds, random)
        tables[f"{study}-ring-runs"] = pd.DataFrame(rings)
    tables["two_positions-runs"]["chance"] = 50.0
    tables["two_positions-runs"]["accuracy"] = 75.0 + 20 * random.random(len(tables["two_positions-runs"]))
    tables["two_positions-runs"]["float64_drift"] = random.random(len(tables["two_positions-runs"]))
    shares = [
        {
            "measure": measure,
            "seed": seed,
            "architecture": 30.0 + seed,
            "augmentation": 60.0 - seed,
            "interaction": 10.0,
        }
        for measure, seed in product(("mean_error", "mean_consistency"), range(seeds))
    ]
    tables["split-variance-seeds"] = pd.DataFrame(shares)
    pair = {"model": "simard_cnn", "training": "elastic", "against": "none", "mcnemar_p": 0.004}
    others = [pair | {"model": "mlp", "mcnemar_p": 0.9}, pair | {"against": "affine", "mcnemar_p": 0.8}]
    tables["simard2003-pairs"] = pd.DataFrame([*others, pair])
    return tables


def by_class(runs: list[dict], random: np.random.Generator) -> list[dict]:
    """One row per trained model and group of classes: 0-4 and 5-9, as the trainings of config.yaml show them."""
    shown = {"centred": ("plain", "plain"), "translated": ("distorted", "distorted")}
    shown |= {"low_translated": ("distorted", "plain"), "high_translated": ("plain", "distorted")}
    errors = {"centred": 60.0, "low_translated": 40.0, "high_translated": 40.0, "translated": 10.0}
    return [
        run
        | {"group": group, "shown": shown[run["training"]][place], "images": 500, "mean_called_other": random.random()}
        | {"mean_error": errors[run["training"]] + random.random()}
        for run in runs
        for place, group in enumerate(("0-4", "5-9"))
    ]


def made_up_sequences(seeds: int, random: np.random.Generator) -> pd.DataFrame:
    """One row per model, trained part, group of classes and seed."""
    parts = [("stride_fc", "all"), ("stride_fc", "head"), ("stride_fc", "last_layer"), ("stride_gap", "all")]
    rows = [
        {"model": model, "trained_part": part, "classes": classes, "seed": seed}
        | {name: 50.0 + random.random() for name in sequence.MEASURES}
        for (model, part), classes, seed in product(parts, ("0+1+2+3+4", "5+6+7+8+9"), range(seeds))
    ]
    return pd.DataFrame(rows)


def made_up_measures(random: np.random.Generator) -> dict[str, float]:
    return {
        "test_error": 1.0 + 0.1 * random.random(),
        "clean_error": 1.2 + 0.1 * random.random(),
        "mean_error": 30.0 + random.random(),
        "worst_error": 80.0 + random.random(),
        "mean_consistency": 70.0 + random.random(),
        "worst_consistency": 20.0 + random.random(),
        "radius": 1.0,
        "drift": 3.0 + random.random(),
    }


def runs_of(values: dict[tuple[str, str], dict[str, list[float]]], study: str = "study") -> pd.DataFrame:
    """One row per trained model: for each (model, training) the values of each measure, one per seed."""
    rows = [
        {"study": study, "model": model, "training": training, "seed": seed}
        | {name: by_seed[seed] for name, by_seed in measures.items()}
        for (model, training), measures in values.items()
        for seed in range(len(next(iter(measures.values()))))
    ]
    return pd.DataFrame(rows)


def put(table: pd.DataFrame, model: str, training: str, measure: str, values: Sequence[float]) -> None:
    """Set a measure of one cell, one value per seed."""
    for seed, value in enumerate(values):
        here = (table.model == model) & (table.training == training) & (table.seed == seed)
        assert here.any()
        table.loc[here, measure] = value


def cell(table: pd.DataFrame, model: str, training: str) -> pd.DataFrame:
    return table[(table.model == model) & (table.training == training)].sort_values("seed")


def judge_all(
    tables: Tables, settings: Mapping = SETTINGS, confidence: float = 0.95
) -> tuple[dict[str, SimpleNamespace], dict[str, str]]:
    """The record of each measured claim, by its id, and what each of the others lacks."""
    found, missing = {}, {}
    for claim_id, of_claim in settings.items():
        claim = {"id": claim_id, **CLAIMS[claim_id]}
        try:
            record = judge(claim, function_named(claim["function"]), tables, of_claim, confidence)
        except CellsMissingError as error:
            missing[claim_id] = str(error)
        else:
            found[claim_id] = SimpleNamespace(**record)
    return found, missing


def judged(tables: Tables, settings: Mapping = SETTINGS, confidence: float = 0.95) -> dict[str, SimpleNamespace]:
    """The record of each claim; all must have been measured."""
    found, missing = judge_all(tables, settings, confidence)
    assert not missing
    return found


def judged_alone(claim_id: str, tables: Tables, confidence: float = 0.95) -> SimpleNamespace:
    """The record of one claim, which must have been measured; to judge all takes ten times as long."""
    return judged(tables, {claim_id: SETTINGS[claim_id]}, confidence)[claim_id]


def reasons(tables: Tables) -> dict[str, str]:
    """What each claim that could not be measured lacks."""
    return judge_all(tables)[1]


def plant(claim_id: str, values: Sequence[float]) -> Tables:
    """Tables in which the number of a claim is `values`, one per seed."""
    tables = tables_of(len(values))
    runs, values = tables["architectures-runs"], np.array(values)
    seeds = range(len(values))
    if claim_id in ("C1", "C7"):
        model = {"C1": "stride_fc", "C7": "stn"}[claim_id]
        put(runs, model, "centred", "clean_error", [1.0 + seed for seed in seeds])
        put(runs, model, "centred", "mean_error", [1.0 + seed + values[seed] for seed in seeds])
    elif claim_id == "C2":
        put(tables["simard2003-runs"], "simard_cnn", "elastic", "test_error", [0.5 + seed for seed in seeds])
        put(
            tables["simard2003-runs"], "simard_cnn", "none", "test_error", [0.5 + seed + values[seed] for seed in seeds]
        )
    elif claim_id == "C4":
        put(runs, "stride_fc", "centred", "mean_consistency", [50.0 + seed for seed in seeds])
        put(runs, "stride_gap", "centred", "mean_consistency", [50.0 + seed + values[seed] for seed in seeds])
    elif claim_id == "C6":
        rings = tables["architectures-ring-runs"]
        near = rings.ring.isin([1, 2])
        for share, pool in zip((-1, 0, 4), ("max_pool", "avg_pool", "blur_pool"), strict=True):
            for seed in seeds:
                here = near & (rings.model == f"{pool}_fc") & (rings.seed == seed)
                stride = near & (rings.model == "stride_fc") & (rings.training == "centred") & (rings.seed == seed)
                rings.loc[here, "consistency"] = rings.loc[stride, "consistency"].to_numpy() + share * values[seed]
    elif claim_id == "C8":
        for reach in RANGES:
            radii = 0.5 + np.arange(len(values)) + values * reach
            put(tables["augmentation_range-runs"], "stride_fc", f"range_{reach}", "radius", radii)
    elif claim_id == "C9":
        runs = tables["class_sequence-carried-runs"]
        for aside in (-3, 3):
            of_group = (runs.classes == ("0+1+2+3+4" if aside < 0 else "5+6+7+8+9")) & (runs.model == "stride_fc")
            runs.loc[of_group & (runs.trained_part == "all"), "carried"] = values + aside
    elif claim_id == "C9b":
        classes = tables["class_transfer-class-runs"]
        centred, gain = 60.0 + np.arange(len(values)), 20.0 + np.arange(len(values))
        for group, training, aside in (("0-4", "high_translated", -3), ("5-9", "low_translated", 3)):
            of_group = classes[classes.group == group].copy()
            put(of_group, "stride_fc", "centred", "mean_error", centred)
            put(of_group, "stride_fc", "translated", "mean_error", centred - gain)
            put(of_group, "stride_fc", training, "mean_error", centred - gain * (values + aside) / 100)
            classes.loc[of_group.index] = of_group
    elif claim_id == "C10":
        circular = 50.0 + np.arange(len(values))
        put(tables["two_positions-runs"], "stride_gap_circular", "placed", "accuracy", circular)
        put(tables["two_positions-runs"], "stride_gap", "placed", "accuracy", circular + values)
    elif claim_id == "C11":
        shares = tables["split-variance-seeds"]
        of_error = shares.measure == "mean_error"
        shares.loc[of_error, "augmentation"] = shares.loc[of_error, "architecture"] + values
    return tables
