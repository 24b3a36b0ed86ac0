"""What the studies declare is there: every function, with the arguments that it is called with."""

import dataclasses
import importlib
import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

import studies
from invariance.plan import catalogue as of_plans
from invariance.plan.catalogue import Catalogue
from invariance.plan.plan import Plan
from invariance.plan.reading import load, resolve
from invariance.record import reference
from invariance.record.artefacts import InputError
from invariance.results import verdicts
from running import ROOT

DECLARED = studies.declared()
PLANS = {
    **resolve(load([ROOT / "config.yaml"])),
    "tiny": resolve(load([ROOT / "config.yaml", ROOT / "tests/configs/tiny.yaml"]))["digits"],
    "long": resolve(load([ROOT / "config.yaml", ROOT / "long.yaml"]))["mnist"],
}
CATALOGUES = {name: Catalogue(plan, DECLARED) for name, plan in PLANS.items()}
MADE = [
    pytest.param(plan, item, id=f"{plan}-{what}-{item.name}")
    for plan, catalogue in CATALOGUES.items()
    for what in ("tables", "tabulars", "figures")
    for item in getattr(catalogue, what).values()
]
CLAIMS = {claim.id: (folder, claim) for folder, study in DECLARED.items() for claim in study.claims}


def function_of(target: str):
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    """Committed tables are looked for from there."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(("plan", "item"), MADE)
def test_a_declared_function_takes_what_it_is_given(plan, item):
    given = item.arguments(PLANS[plan])
    settings = item.settings(PLANS[plan], item.study)
    assert not given.keys() & settings.keys()
    inspect.signature(function_of(item.target)).bind(**given, **settings)


@pytest.mark.parametrize(("plan", "item"), MADE)
def test_inputs_are_named_from_the_project(plan, item):
    results = f"results/{PLANS[plan].dataset}/"
    files = item.files(PLANS[plan])
    assert all(path.startswith((results, "paper/")) for path in files)
    assert files or item.name == "compute"


def test_the_models_say_which_of_them_pool_globally():
    pooled = CATALOGUES["mnist"].find("figures", "accuracy_vs_shift").settings(PLANS["mnist"], "architectures")
    assert pooled == {"pooled": ["stride_gap", "stride_gap_circular", "phase_averaged", "polyphase_gap_circular"]}


@pytest.mark.parametrize("name", ["D1", "C", "C01", "C1ab", "C1A", "C-1", "C12345", "c3", ""])
def test_an_id_that_is_not_c_and_its_number_is_refused_in_words(name, monkeypatch):
    claim = dataclasses.replace(DECLARED["split"].claims[0], id=name)
    monkeypatch.setattr("studies.split.STUDY", dataclasses.replace(DECLARED["split"], claims=(claim,)))
    with pytest.raises(InputError, match="of split: not an id; allowed: C, a number and perhaps a letter, such as C12"):
        studies.declared()


MISTAKES = {
    "direction": ("over", 'direction "over"; allowed: above, below, or None'),
    "unit": ("points", 'unit "points"; allowed: a text that begins with percentage, percent, pixels, relative'),
    "figure": ("splits", 'no study declares the figure "splits"; did you mean "split"?'),
    "reads": ({"splits-runs": ("seed",)}, 'no study declares the table "splits-runs"; did you mean "split-runs"?'),
}


@pytest.mark.parametrize("field", MISTAKES)
def test_what_a_claim_cannot_be_is_refused_in_words(field, monkeypatch):
    wrong, message = MISTAKES[field]
    claim = dataclasses.replace(DECLARED["split"].claims[0], **{field: wrong})
    monkeypatch.setattr("studies.split.STUDY", dataclasses.replace(DECLARED["split"], claims=(claim,)))
    with pytest.raises(InputError, match=re.escape(f'claim "C11" of split: {message}')):
        studies.declared()


@pytest.mark.parametrize("kind", ["claims", "figures", "tables", "tabulars"])
def test_a_name_that_two_studies_declare_is_refused_in_words(kind, monkeypatch):
    same = getattr(DECLARED["class_transfer"], kind)[0]
    if kind != "claims":
        same = dataclasses.replace(same, name=same.name.format(study="class_transfer"))
    both = (*getattr(DECLARED["split"], kind), same)
    monkeypatch.setattr("studies.split.STUDY", dataclasses.replace(DECLARED["split"], **{kind: both}))
    if kind == "claims":
        monkeypatch.setattr("studies.require_possible_claims", lambda studies: None)
    with pytest.raises(InputError, match=f"^{kind[:-1]} .* declared by class_transfer and by split; rename one"):
        studies.declared()


def test_directions_and_units_are_those_that_verdicts_and_verify_know():
    assert [verdicts.verdict_of(1, 2, 0, direction) for direction in of_plans.DIRECTIONS] == ["supported", "refuted"]
    with pytest.raises(KeyError):
        verdicts.verdict_of(1, 2, 0, "beside")
    assert set(reference.SLACK) == set(reference.ONE_SEED) == set(of_plans.UNITS)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_is_declared_whole(name):
    folder, claim = CLAIMS[name]
    assert list(inspect.signature(function_of(f"studies.{folder}.{claim.function}")).parameters) == [
        "tables",
        "settings",
    ]
    assert claim.figure in CATALOGUES["mnist"].figures
    assert set(claim.reads) <= {*CATALOGUES["mnist"].tables, *CATALOGUES["mnist"].summarised}
    assert claim.direction in ("above", "below", None)
    assert ("threshold" in claim.settings) == (claim.direction is not None)
    claim.unit.format(**dict.fromkeys(claim.settings, 1))


def test_claims_are_numbered_once_and_listed_in_order():
    assert Counter(claim.id for study in DECLARED.values() for claim in study.claims).most_common(1)[0][1] == 1
    assert list(CATALOGUES["mnist"].claims) == [*(f"C{number}" for number in range(1, 10)), "C9b", "C10", "C11"]


def test_every_artefact_has_one_name():
    for catalogue in CATALOGUES.values():
        counts = Counter(catalogue.artefacts)
        assert [path for path, count in counts.items() if count > 1] == []


def test_a_study_of_the_users_own_is_summarised_and_tabulated():
    plan = resolve(load([ROOT / "config.yaml"]))["mnist"]
    plan["studies"]["mine"] = plan["studies"]["split"]
    catalogue = Catalogue(Plan(plan), DECLARED)
    assert {"mine-runs", "mine", "mine-rings", "mine-ring-runs"} <= set(catalogue.summarised)
    assert catalogue.tabulars["mine"].target == "invariance.paper.tex:study_tabular"


def test_kinds_of_studies_are_told_by_their_settings():
    plan = resolve(load([ROOT / "config.yaml"]))["mnist"]
    plan["studies"] |= {"elsewhere": plan["studies"]["two_positions"], "halves": plan["studies"]["class_transfer"]}
    catalogue = Catalogue(Plan(plan), DECLARED)
    assert catalogue.tables["elsewhere-runs"].target == "studies.two_positions.summary:runs"
    assert catalogue.tables["halves-classes"].target == "studies.class_transfer.summary:classes"
    assert "elsewhere-rings" not in catalogue.summarised
    assert "elsewhere" not in catalogue.figures


def test_what_is_not_there_is_refused_by_its_name():
    with pytest.raises(
        InputError, match=r'heat_map: not one of the figures that the plan of mnist makes; did you mean "heat_maps"'
    ):
        CATALOGUES["mnist"].find("figures", "heat_map")


def test_a_table_that_builds_networks_is_made_by_their_layers_too():
    """The weights may be the same after an edit of a layer, such as where it says that it reads."""
    equivariance, summary = (CATALOGUES["mnist"].find("tables", name) for name in ("equivariance", "two_positions"))
    code = {Path(file).name for file in equivariance.code(PLANS["mnist"], str(ROOT / "scripts"))}
    assert {"evaluation.py", "trunk.py", "polyphase.py", "blur_pool.py", "simard_cnn.py"} <= code
    assert len(summary.code(PLANS["mnist"], str(ROOT / "scripts"))) == 1
