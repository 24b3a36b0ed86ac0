"""Tests of user-supplied networks, in a subprocess, because planning does not import torch."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from invariance.plan.declarations import SCRIPTS, network_files
from invariance.plan.plan import Plan
from invariance.record.artefacts import InputError
from invariance.record.dependencies import made_by, sha256


def tried(plans: Iterable[Plan]) -> list[tuple[dict[str, Any], int, int, bool, list[str]]]:
    """Each network from a file that a plan trains, as scripts/check_networks.py takes it."""
    found: dict[str, tuple[tuple, set[str]]] = {}
    for plan in plans:
        layer_by_layer = {cell.model for cell in plan.equivariance_cells}
        for study, model in dict.fromkeys((cell.study, cell.model) for cell in plan.trained):
            settings, network = plan["studies"][study], plan["models"][model]
            if network["family"] == "file":
                outputs = max(plan.data["classes"], len(settings.get("positions", [])))
                trainings = [settings["trainings"][name] for name in settings["cells"][model]["trainings"]]
                parts = {training.get("trained_part", "all") for training in trainings}
                trial = (network, settings["canvas"], outputs, model in layer_by_layer)
                found.setdefault(json.dumps(trial, sort_keys=True), (trial, set()))[1].update(parts)
    return [(*trial, sorted(parts)) for trial, parts in found.values()]


def require_networks(plans: Iterable[Plan], folder: Path) -> None:
    """Try those networks, unless a file in `folder` says that the same code passed before.

    Raises:
        InputError: one of them cannot be built, trained, evaluated or kept; says which, and what to do.
    """
    script, trials = SCRIPTS / "check_networks.py", tried(plans)
    if not trials:
        return
    code = [made_by(str(script), *network_files(network), root=str(SCRIPTS)) for network, *_ in trials]
    passed = folder / sha256(json.dumps([trials, code], sort_keys=True))
    if passed.exists():
        return
    command = [sys.executable, str(script), "--networks", json.dumps(trials)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        files = ", ".join(dict.fromkeys(network["file"] for network, *_ in trials))
        killed = f"{files}: trying these networks ended with status {done.returncode}; too little memory?"
        said = done.stderr.strip().removeprefix("error: ")
        raise InputError(said if said and done.returncode > 0 else killed)
    folder.mkdir(parents=True, exist_ok=True)
    passed.touch()
