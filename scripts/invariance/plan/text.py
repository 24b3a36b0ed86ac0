"""What the paper's text, which is written for the plans of config.yaml, says of a plan."""

from collections.abc import Iterator, Mapping
from typing import Any

from invariance.plan.plan import Plan
from invariance.plan.words import dotted

PRINTED = ("distortions", "models", "studies", "measures", "equivariance", "audit", "claims")  # parts of a plan


def printed(plan: Plan) -> dict[str, Any]:
    """The parts of a plan whose settings the text may print."""
    return {part: plan.get(part, {}) for part in PRINTED}


def paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of the settings in a mapping, such as studies.split.canvas."""
    if not isinstance(value, Mapping):
        yield dotted(path)
        return
    for key, below in value.items():
        yield from paths(below, (*path, key))


def mentioned(plan: Plan) -> set[Any]:
    """What the text mentions: settings, cells, grids, distorted images, layers, claims."""
    studies = plan["studies"].items()
    found: set[Any] = {cell[:3] for cell in plan.cells} | {("distorted", name) for _, name in plan.copies}
    found |= {("setting", path) for path in paths(printed(plan))}
    found |= {(study, "grid") for study, settings in studies if settings["max_shift"]}
    return found | {("layers", cell.model) for cell in plan.equivariance_cells} | set(plan["claims"])


def usual(plan: Plan, plans: Mapping[str, Plan]) -> Plan:
    """The one of these plans, those of config.yaml, that the text is written for."""
    return plans.get(plan.dataset, plans["mnist"])


def changed(plan: Plan, plans: Mapping[str, Plan]) -> list[str]:
    """Where the plan is not the one that the text is written for, by path."""
    return [dotted(path) for path in differing(printed(plan), printed(usual(plan, plans)))]


def differing(one: Any, other: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths at which two mappings differ; of what only one of them has, the top alone."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            yield from differing(one.get(key), other.get(key), (*path, key))
    elif one != other:
        yield path


def lacking(plan: Plan, plans: Mapping[str, Plan]) -> set[Any]:
    """What the text mentions and the plan does not have."""
    return mentioned(usual(plan, plans)) - mentioned(plan)
