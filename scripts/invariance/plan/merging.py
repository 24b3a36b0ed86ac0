"""Merging configs: mappings merge, other values are replaced, and null removes a key."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

NAMED = ("datasets", "distortions", "models", "studies", "trainings", "cells")  # mappings whose keys are names


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `override` over `base`: mappings recursively, other values replaced. Neither argument is changed.

    None is kept, so that "remove this key" survives a chain of merges; `without_nulls` drops it.

        >>> merge({"a": {"b": 1, "c": 2}, "d": [1, 2]}, {"a": {"b": 3}, "d": [4]})
        {'a': {'b': 3, 'c': 2}, 'd': [4]}
    """
    merged = {key: deepcopy(value) for key, value in base.items()}
    for key, value in override.items():
        if isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = deepcopy(value)
    return merged


def without_nulls(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping without all keys whose value is null."""
    kept = {key: value for key, value in mapping.items() if value is not None}
    return {key: without_nulls(value) if isinstance(value, Mapping) else deepcopy(value) for key, value in kept.items()}


def without_removed(override: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """`override` without the keys that are null in `base`."""
    kept = {key: value for key, value in override.items() if base.get(key, "absent") is not None}
    return {
        key: without_removed(value, base[key])
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
        else value
        for key, value in kept.items()
    }


def in_order(mapping: Mapping[str, Any], named: bool = False) -> dict[str, Any]:
    """The mapping with its keys sorted, except names, which keep their order."""
    keys = mapping if named else sorted(mapping)
    return {
        key: in_order(mapping[key], key in NAMED and not named) if isinstance(mapping[key], Mapping) else mapping[key]
        for key in keys
    }
