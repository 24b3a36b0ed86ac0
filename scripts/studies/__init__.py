"""The studies. Each folder holds one: its question, its claims, and how they are measured, drawn and tabulated."""

import importlib
import re
from pathlib import Path

from invariance.plan.catalogue import Study
from invariance.plan.words import show
from invariance.record.artefacts import InputError


def declared() -> dict[str, Study]:
    """The declaration of each study, by folder.

    Raises:
        InputError: a folder declares nothing, the id of a claim is none, or two claims have one id.
    """
    folders = sorted(path.parent for path in Path(__file__).parent.glob("*/__init__.py"))
    found = {}
    for folder in folders:
        study = getattr(importlib.import_module(f"studies.{folder.name}"), "STUDY", None)
        if not isinstance(study, Study):
            raise InputError(f"{folder}/__init__.py: declares no STUDY; see scripts/studies/split for one that does")
        found[folder.name] = study
    claims = [(claim.id, name) for name, study in found.items() for claim in study.claims]
    for number, (claim, name) in enumerate(claims):
        if not re.fullmatch(r"C[1-9]\d{0,3}[a-z]?", claim):
            raise InputError(
                f"claim {show(claim)} of {name}: not an id; allowed: C, a number and perhaps a letter, "
                f"such as C{len(claims)}"
            )
        if claim in dict(claims[:number]):
            raise InputError(
                f"claim {claim}: declared by {dict(claims[:number])[claim]} and by {name}; number one anew"
            )
    return found
