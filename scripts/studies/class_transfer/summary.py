"""Measures by groups of classes, for trainings that distort some classes and leave the others as they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from invariance.results.tables import CELL, by_trained_model, label_of, over_seeds

MEASURES = ["clean_error", "mean_error", "worst_error", "mean_consistency", "mean_called_other", "drift"]


def class_runs(
    grids: pd.DataFrame,
    predictions: Mapping[str, np.ndarray],
    labels: np.ndarray,
    trainings: Mapping[str, Mapping[str, Any]],
) -> pd.DataFrame:
    """One row per trained model and group of classes: images, and those MEASURES that apply.

    Args:
        grids: one row per trained model and shift: study, model, training, seed, dx, dy, logit_drift.
        predictions: of each study/model/training/seed, uint8 (shifts, n), rows as in its grid, of the first n test
            images.
        labels: uint8 (test images,).
        trainings: of the study, in the config.
    """
    rows, every = [], frozenset(labels.tolist())
    for trained, grid in by_trained_model(grids):
        for group in class_groups(trainings, every):
            named = {"group": group_name(group), "shown": how_shown(group, trainings[trained["training"]], every)}
            rows.append(trained | named | class_measures(grid, predictions[label_of(trained)], labels, group))
    return pd.DataFrame(rows, columns=[*CELL, "seed", "group", "shown", "images", *MEASURES])


def classes(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The MEASURES of each cell and group of classes over seeds; `runs` as made by `class_runs`."""
    return over_seeds(runs, [*CELL, "group", "shown"], MEASURES, confidence)


def class_groups(trainings: Mapping[str, Mapping[str, Any]], every: frozenset[int]) -> list[frozenset[int]]:
    """The classes that some training distorts, and those that it does not; sorted, without repetition.

    Args:
        trainings: those of the study; the `classes` of one, if any, are those that it distorts.
        every: class.
    """
    chosen = [frozenset(training["classes"]) for training in trainings.values() if "classes" in training]
    return sorted({group for classes in chosen for group in (classes, every - classes)}, key=sorted)


def group_name(group: frozenset[int]) -> str:
    """The classes of a group, runs of them joined: 0-4, or 0+2-3+9."""
    firsts = [label for label in sorted(group) if label - 1 not in group]
    lasts = [label for label in sorted(group) if label + 1 not in group]
    return "+".join(f"{a}-{b}" if a < b else f"{a}" for a, b in zip(firsts, lasts, strict=True))


def how_shown(group: frozenset[int], training: Mapping[str, Any], every: frozenset[int]) -> str:
    """How a training shows the classes of a group: `distorted`, `plain`, or `partly` where it distorts some of them."""
    distorted = every if training["distortion"] != "none" else frozenset()
    distorted = frozenset(training.get("classes", distorted))
    return "distorted" if group <= distorted else "partly" if group & distorted else "plain"


def class_measures(
    grid: pd.DataFrame, predictions: np.ndarray, labels: np.ndarray, group: frozenset[int]
) -> dict[str, float]:
    """The measures of one trained model on one group of classes; without shifts, only those of unshifted images.

    `mean_called_other` is the percentage of shifted images that are called a class of another group; the drift is over
    all images.

    Args:
        grid: one row per shift: dx, dy, logit_drift.
        predictions: uint8 (shifts, n), rows as in the grid, of the first n test images.
        labels: uint8 (test images,).
        group: classes.
    """
    moved = ((grid.dx != 0) | (grid.dy != 0)).to_numpy()
    labels = labels[: predictions.shape[1]]
    chosen = np.isin(labels, list(group))
    labels, predictions = labels[chosen], predictions[:, chosen]
    measures: dict[str, float] = {"images": len(labels)}
    if len(labels):
        wrong = 100 * (predictions != labels).mean(axis=1)
        measures["clean_error"] = wrong[~moved][0]
        if moved.any():
            measures |= {
                "mean_error": wrong[moved].mean(),
                "worst_error": wrong[moved].max(),
                "mean_consistency": 100 * (predictions == predictions[~moved]).mean(axis=1)[moved].mean(),
                "mean_called_other": 100 * (~np.isin(predictions[moved], list(group))).mean(),
                "drift": grid.logit_drift.to_numpy()[moved].max(),
            }
    return measures
