"""The studies. Each folder holds one: its question, its claims, and how they are measured, drawn and tabulated."""

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from invariance.plan.catalogue import DIRECTIONS, RUNS, UNITS, Claim, Study
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
    for name, study in found.items():
        for claim in study.claims:
            for problem in problems_of(claim, found):
                raise InputError(f"claim {show(claim.id)} of {name}: {problem}")
    require_different_names(found)
    return found


def problems_of(claim: Claim, studies: Mapping[str, Study]) -> Iterator[str]:
    """What a claim says of itself that cannot be."""
    if not re.fullmatch(r"C[1-9]\d{0,3}[a-z]?", claim.id):
        count = sum(len(study.claims) for study in studies.values())
        yield f"not an id; allowed: C, a number and perhaps a letter, such as C{count}"
    if claim.direction not in (*DIRECTIONS, None):
        yield f"direction {show(claim.direction)}; allowed: {listed(DIRECTIONS)}, or None"
    if claim.unit.split()[:1] not in [[unit] for unit in UNITS]:
        yield f"unit {show(claim.unit)}; allowed: a text that begins with {listed(UNITS)}"
    tables = [*RUNS, *(table.name for study in studies.values() for table in study.tables)]
    for kind, names, there in (
        ("figure", [claim.figure], [figure.name for study in studies.values() for figure in study.figures]),
        ("table", claim.reads, tables),
    ):
        known = {name.format(study=folder) for name in there for folder in studies}
        for name in set(names) - known:
            yield f"no study declares the {kind} {show(name)}{options(name, known)}"


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
