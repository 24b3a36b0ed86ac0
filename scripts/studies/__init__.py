"""The studies. Each folder holds one: its question, its claims, and how they are measured, drawn and tabulated."""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path

from invariance.plan.catalogue import DIRECTIONS, RUNS, UNITS, Study
from invariance.plan.words import listed, options, show
from invariance.record.artefacts import InputError


def declared() -> dict[str, Study]:
    """The declaration of each study, by folder.

    Raises:
        InputError: a folder declares nothing, or a claim that says something impossible of itself; or two folders
            declare one claim, figure or table.
    """
    folders = sorted(path.parent for path in Path(__file__).parent.glob("*/__init__.py"))
    found = {}
    for folder in folders:
        study = getattr(importlib.import_module(f"studies.{folder.name}"), "STUDY", None)
        if not isinstance(study, Study):
            raise InputError(f"{folder}/__init__.py: declares no STUDY; see scripts/studies/split for one that does")
        found[folder.name] = study
    require_possible_claims(found)
    require_different_names(found)
    return found


def require_possible_claims(studies: Mapping[str, Study]) -> None:
    """Raise InputError if a claim says something of itself that cannot be."""
    claims = [(folder, claim) for folder, study in studies.items() for claim in study.claims]
    tables = [*RUNS, *(table.name for study in studies.values() for table in study.tables)]
    figures = [figure.name for study in studies.values() for figure in study.figures]
    known_tables, known_figures = (
        {name.format(study=folder) for name in names for folder in studies} for names in (tables, figures)
    )
    for folder, claim in claims:
        where = f"claim {show(claim.id)} of {folder}"
        if not re.fullmatch(r"C[1-9]\d{0,3}[a-z]?", claim.id):
            allowed = f"C, a number and perhaps a letter, such as C{len(claims)}"
            raise InputError(f"{where}: not an id; allowed: {allowed}")
        if claim.direction not in (*DIRECTIONS, None):
            raise InputError(f"{where}: direction {show(claim.direction)}; allowed: {listed(DIRECTIONS)}, or None")
        if claim.unit.partition(" ")[0] not in UNITS:
            allowed = f"a text that begins with {listed(UNITS)}"
            raise InputError(f"{where}: unit {show(claim.unit)}; allowed: {allowed}")
        for kind, names, known in (("figure", [claim.figure], known_figures), ("table", claim.reads, known_tables)):
            for name in names:
                if name not in known:
                    raise InputError(f"{where}: no study declares the {kind} {show(name)}{options(name, known)}")


def require_different_names(studies: Mapping[str, Study]) -> None:
    """Raise InputError if two folders declare one claim, figure or table: only one of them would be made."""
    for kind, name_of in (("claims", "id"), ("figures", "name"), ("tables", "name"), ("tabulars", "name")):
        declared_by: dict[str, str] = {}
        for folder, study in studies.items():
            names = {getattr(item, name_of) for item in getattr(study, kind)}
            for name in sorted(name.format(study=folder) for name in names):
                if declared_by.setdefault(name, folder) != folder:
                    raise InputError(
                        f"{kind[:-1]} {name}: declared by {declared_by[name]} and by {folder}; rename one of them"
                    )
