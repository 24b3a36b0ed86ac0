"""What a network keeps of the invariance to classes that it learned before, from the measures of its trainings."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from invariance.results.tables import over_seeds

PARTS = {"all": "all weights", "head": "the head", "last_layer": "the last layer"}
BY = ["study", "model", "trained_part"]
ERRORS = ["after_nothing_error", "after_plain_error", "after_distorted_error", "distorted_itself_error"]
MEASURES = [*ERRORS, "after_distorted_clean_error", "carried"]


def carried_runs(runs: pd.DataFrame, trainings: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per model, trained part, classes and seed: errors of shifted images of these classes, in percent.

    The columns are the error after no other classes, after others that were not distorted and after others that were;
    the error if the classes are distorted themselves, after others that were not; the error of unshifted images after
    others that were distorted; and `carried`, the percentage of the gain of distorting the classes themselves that
    distorting the others brought. It is missing where there is no such gain. Of several trainings of one kind, the
    first counts.

    Args:
        runs: one row per trained model: study, model, training, seed, clean_error, mean_error (percent).
        trainings: of the study, in the config.
    """
    named = runs.merge(pd.DataFrame([kind(name, trainings) for name in trainings]), on="training")
    shifted, clean = (
        named.pivot_table(index=[*BY, "classes", "seed"], columns="place", values=measure, aggfunc="first", sort=False)
        for measure in ("mean_error", "clean_error")
    )
    errors = shifted.reindex(columns=ERRORS).assign(after_distorted_clean_error=clean.get("after_distorted_error"))
    errors = errors.dropna(subset=[name for name in ERRORS if name != "after_nothing_error"], how="all")
    gain = errors.after_plain_error - errors.distorted_itself_error
    kept = 100 * (errors.after_plain_error - errors.after_distorted_error) / gain
    return errors.assign(carried=kept.where(gain > 0)).reset_index()


def kind(name: str, trainings: Mapping[str, Mapping[str, Any]]) -> dict[str, str | None]:
    """The classes and the trained part of a training, and which of ERRORS it measures, if any."""
    training = trainings[name]
    before, distorted = trainings.get(training.get("after")), training["distortion"] != "none"
    if before is None:
        place = None if distorted else "after_nothing_error"
    elif before["distortion"] == "none":
        place = "distorted_itself_error" if distorted else "after_plain_error"
    else:
        place = None if distorted else "after_distorted_error"
    classes = "+".join(map(str, sorted(training["only"]))) if "only" in training else "all"
    return {"training": name, "trained_part": training.get("trained_part", "all"), "classes": classes, "place": place}


def carried(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The MEASURES of each model and trained part over seeds, of the mean over the groups of classes.

    Args:
        runs: as made by `carried_runs`.
        confidence: of the intervals.
    """
    return over_seeds(of_seeds(runs), BY, MEASURES, confidence)


def of_seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """The mean over the groups of classes, for each model, trained part and seed; missing if that of a group is."""
    by_seed = runs.groupby([*BY, "seed"], sort=False)[MEASURES]
    return by_seed.agg(lambda values: values.mean(skipna=False)).reset_index()
