"""The claims: one decisive number each, its interval, and a verdict by a rule written down before the run.

Numbers are read from the tables of the studies: `runs` (a row a trained model), `ring_runs` (a row a trained model and
ring of shifts) and `pairs`. A claim whose cells are not in the config is absent, never guessed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from invariance.results.statistics import slope, t_interval

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"

Tables = Mapping[str, pd.DataFrame]


class CellsMissingError(Exception):
    """The config does not train the cells that a claim is about."""


@dataclass(frozen=True)
class Claim:
    """What was measured for one claim.

    `number`, `low` and `high` are in `unit`; low and high are None where there is one seed. `details` are further
    numbers that the paper's paragraph on the claim prints.
    """

    id: str
    statement: str
    study: str
    number: float
    low: float | None
    high: float | None
    unit: str
    rule: str
    threshold: float
    verdict: str
    details: dict[str, float] = field(default_factory=dict)


def verdict_above(number: float, low: float, high: float, threshold: float) -> str:
    """`supported` when the whole interval is above the threshold, `refuted` when all of it is below.

    One seed gives no interval, and a verdict needs one: it is `undecided`.
    """
    if math.isnan(low) or math.isnan(high):
        return UNDECIDED
    return SUPPORTED if low > threshold else REFUTED if high < threshold else UNDECIDED


def verdict_below(number: float, low: float, high: float, threshold: float) -> str:
    """`supported` when the whole interval is below the threshold, `refuted` when all of it is above."""
    return verdict_above(-number, -high, -low, -threshold)


def study_table(tables: Tables, name: str) -> pd.DataFrame:
    """A table by name.

    Raises:
        CellsMissingError: the config has no such study.
    """
    if name not in tables:
        raise CellsMissingError(name)
    return tables[name]


def cell_runs(runs: pd.DataFrame, model: str, training: str) -> pd.DataFrame:
    """The rows of one cell, indexed by seed.

    Raises:
        CellsMissingError: the study has no such cell.
    """
    rows = runs[(runs.model == model) & (runs.training == training)]
    if rows.empty:
        raise CellsMissingError(f"{model}/{training}")
    return rows.set_index("seed")


def extra_error(runs: pd.DataFrame, model: str, training: str) -> pd.Series:
    """Mean error over all shifts less the error unshifted, percentage points, by seed."""
    cell = cell_runs(runs, model, training)
    return cell.mean_error - cell.clean_error


def decided(
    claim_id: str, statement: str, study: str, values: Sequence[float], settings: Mapping[str, Any], **rest: Any
) -> Claim:
    """A claim whose number is the mean over seeds of `values`; `rest` holds unit, rule, judge and details."""
    if not len(values) or pd.isna(values).any():
        raise CellsMissingError("a grid of more than one shift")
    interval = t_interval(values, settings["confidence"])
    verdict = rest.pop("judge")(interval.mean, interval.low, interval.high, settings["threshold"])
    low, high = (None if math.isnan(end) else end for end in (interval.low, interval.high))
    return Claim(
        claim_id, statement, study, interval.mean, low, high, threshold=settings["threshold"], verdict=verdict, **rest
    )


def weight_sharing(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C1: the extra error that shifts cost a CNN with a fully connected head, trained on centred digits."""
    runs = study_table(tables, "architectures-runs")
    cell = cell_runs(runs, "stride_fc", "centred")
    return decided(
        "C1",
        "Weight sharing makes ConvNets invariant to translation.",
        "architectures",
        extra_error(runs, "stride_fc", "centred"),
        settings,
        unit="percentage points of extra error",
        rule="supported if shifts cost less than the threshold, refuted if they cost more",
        judge=verdict_below,
        details={
            "clean_error": cell.clean_error.mean(),
            "shifted_error": cell.mean_error.mean(),
            "worst_error": cell.worst_error.mean(),
            "consistency": cell.mean_consistency.mean(),
            "drift": cell.drift.max(),
        },
    )


def expanding(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C2: the test error that elastic distortions save Simard's convolutional network."""
    runs = study_table(tables, "simard2003-runs")
    plain, elastic = cell_runs(runs, "simard_cnn", "none"), cell_runs(runs, "simard_cnn", "elastic")
    pairs = study_table(tables, "simard2003-pairs")
    pair = pairs[(pairs.model == "simard_cnn") & (pairs.training == "elastic") & (pairs.against == "none")].iloc[0]
    return decided(
        "C2",
        "Expanding the training set by distortions lowers the test error.",
        "simard2003",
        (plain.test_error - elastic.test_error).dropna(),
        settings,
        unit="percentage points of test error saved",
        rule="supported if elastic distortions save more than the threshold, paired over seeds",
        judge=verdict_above,
        details={
            "none_error": plain.test_error.mean(),
            "elastic_error": elastic.test_error.mean(),
            "mcnemar_p": float(pair.mcnemar_p),
        },
    )


EQUIVARIANCE = "equivariance"


def equivariance(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C3: the largest relative error of f(T x) = T f(x) wherever theory says that there is none, over all seeds."""
    rows = study_table(tables, EQUIVARIANCE).dropna(subset="error")
    exact, details = rows[rows.exact], equivariance_details(rows)
    if exact.empty:
        raise CellsMissingError("a layer that theory says is equivariant")
    by_seed = exact.groupby("seed").error.max()
    telling = [details["odd_smallest_mismatch"], details["border_smallest_mismatch"]]
    powerful = all(error >= settings["min_inexact"] for error in telling)  # false for NaN: not measured
    small = by_seed.max() <= settings["max_exact"]
    return Claim(
        "C3",
        "Convolution is equivariant: moving its input moves its output.",
        EQUIVARIANCE,
        float(by_seed.max()),
        float(by_seed.min()),
        float(by_seed.max()),
        "relative error where theory says 0",
        "supported if the error is rounding for every seed, at every layer, place and shift where theory says 0, and "
        "the measure finds errors where theory does not: at strided convolutions moved by no multiple of the stride, "
        "and at the borders of zero padding behind the first layer; refuted if it is more than rounding; undecided if "
        "the measure finds none",
        settings["max_exact"],
        (SUPPORTED if powerful else UNDECIDED) if small else REFUTED,
        details,
    )


def equivariance_details(rows: pd.DataFrame) -> dict[str, float]:
    """Counts, and errors by kind of layer: the largest where theory says 0, elsewhere the smallest or the median.

    What is not in the table is NaN.
    """
    alone, heads = rows[rows.scope == "layer"], rows[rows.place == "head"]
    convolutions = alone[alone.kind == "convolution"]
    whole = convolutions["shift"] % convolutions.stride == 0
    exact, odd = convolutions[convolutions.exact], convolutions[~whole & (convolutions.place != "border")]
    behind = whole & (convolutions.layer > 0) & (convolutions.padding == "zeros") & (convolutions.weights == "trained")
    border = convolutions[behind & (convolutions.place == "border")]
    details = {"exact_cases": int(rows.exact.sum()), "inexact_cases": int((~rows.exact).sum())}
    for padding in ("circular", "zeros", "none"):
        strided = exact[(exact.padding == padding) & (exact.stride > 1)]
        details[f"{padding}_strided_mismatch"] = strided.error.max()
    for padding in ("circular", "zeros"):
        details[f"{padding}_mismatch"] = exact[(exact.padding == padding) & (exact.stride == 1)].error.max()
    for name, chosen in {"odd": odd, "border": border}.items():
        details[f"{name}_smallest_mismatch"] = chosen.error.min()
        details[f"{name}_median_mismatch"] = chosen.error.median()
    for pool in POOLED:
        pools = alone[(alone.kind == pool) & (alone.weights == "trained")]
        unaligned = (pools["shift"] % pools.stride > 0) & (pools.place != "border")
        details[f"{pool}_mismatch"] = pools[pools.exact].error.max()
        details[f"{pool}_odd_mismatch"] = pools[unaligned].error.median()
    polyphase = alone[alone.kind == "polyphase"]
    details["polyphase_odd_mismatch"] = polyphase[polyphase["shift"] % polyphase.stride > 0].error.max()
    details["network_mismatch"] = rows[rows.exact & (rows.scope == "network")].error.max()
    details["background_mismatch"] = rows[rows.exact & (rows.place == "background")].error.max()
    connected, pooled = (heads[heads.kind == kind] for kind in ("fully_connected", "global_average_pool"))
    details["connected_head_mismatch"] = connected[connected.weights == "trained"].error.median()
    details["pooled_head_mismatch"] = pooled[pooled.exact].error.max()
    details["pooled_head_odd_mismatch"] = pooled[~pooled.exact & (pooled.weights == "trained")].error.median()
    return details


def fully_connected_head(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C4: the consistency that a fully connected head costs, against global average pooling on the same trunk."""
    runs = study_table(tables, "architectures-runs")
    connected, pooled = cell_runs(runs, "stride_fc", "centred"), cell_runs(runs, "stride_gap", "centred")
    return decided(
        "C4",
        "Fully connected layers are what breaks invariance.",
        "architectures",
        (pooled.mean_consistency - connected.mean_consistency).dropna(),
        settings,
        unit="percentage points of consistency",
        rule="supported if global pooling on the same trunk is more consistent by more than the threshold",
        judge=verdict_above,
        details={
            "fc_consistency": connected.mean_consistency.mean(),
            "gap_consistency": pooled.mean_consistency.mean(),
            "fc_error": connected.test_error.mean(),
            "gap_error": pooled.test_error.mean(),
            "fc_shifted_error": connected.mean_error.mean(),
            "gap_shifted_error": pooled.mean_error.mean(),
            "fc_drift": connected.drift.max(),
            "gap_drift": pooled.drift.max(),
        },
    )


EXACT_CONTROLS = ("phase_averaged", "polyphase_gap_circular")


def exact_controls(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C5: the lowest consistency, over shifts and seeds, of the networks that are invariant by construction."""
    runs = study_table(tables, "architectures-runs")
    controls = runs[runs.model.isin(EXACT_CONTROLS) & (runs.training == "centred")]
    if set(controls.model) != set(EXACT_CONTROLS):
        raise CellsMissingError(" and ".join(EXACT_CONTROLS))
    if controls.worst_consistency.isna().any():
        raise CellsMissingError("a grid of more than one shift")
    consistency, drift = float(controls.worst_consistency.min()), float(controls.drift.max(skipna=False))
    error = controls.groupby("model").test_error.mean().max()
    exact = consistency >= settings["min_consistency"] and drift <= settings["max_drift"]
    good = error <= settings["max_error"]
    return Claim(
        "C5",
        "If everything before the head is invariant, so is the network.",
        "architectures",
        consistency,
        consistency,
        float(controls.worst_consistency.max()),
        "percent of consistency at the worst shift",
        "supported if every exact control has this consistency at every shift for every seed, a drift at rounding, and "
        "a good test error; refuted if one is not exact; undecided if all are exact but not good",
        settings["min_consistency"],
        (SUPPORTED if good else UNDECIDED) if exact else REFUTED,
        {
            "min_consistency": consistency,
            "max_drift": drift,
            "max_error": error,
            "phase_averaged_error": controls[controls.model == "phase_averaged"].test_error.mean(),
            "polyphase_error": controls[controls.model == "polyphase_gap_circular"].test_error.mean(),
            "runs": len(controls),
        },
    )


POOLED = ("max_pool", "avg_pool", "blur_pool")


def consistency_within(ring_runs: pd.DataFrame, model: str, training: str, reach: int) -> pd.Series:
    """Mean consistency, percent, over all shifts of 1 to `reach` pixels, by seed."""
    cell = cell_runs(ring_runs, model, training)
    near = cell[(cell.ring >= 1) & (cell.ring <= reach)]
    weighted = (near.consistency * near.shifts).groupby(level="seed").sum()
    return weighted / near.shifts.groupby(level="seed").sum()


def pooling(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C6: the consistency under small shifts that pooling buys over striding, with the same fully connected head."""
    runs, ring_runs = study_table(tables, "architectures-runs"), study_table(tables, "architectures-ring-runs")
    reach = settings["small_shift"]
    stride = consistency_within(ring_runs, "stride_fc", "centred", reach)
    pools = [consistency_within(ring_runs, f"{pool}_fc", "centred", reach) for pool in POOLED]
    pooled = sum(pools) / len(pools)
    radii = {f"{kind}_radius": cell_runs(runs, f"{kind}_fc", "centred").radius.mean() for kind in ("stride", *POOLED)}
    errors = {
        f"{kind}_shifted_error": cell_runs(runs, f"{kind}_fc", "centred").mean_error.mean()
        for kind in ("stride", *POOLED)
    }
    return decided(
        "C6",
        "Pooling gives invariance to small translations.",
        "architectures",
        (pooled - stride).dropna(),
        settings,
        unit=f"percentage points of consistency within {reach} pixels",
        rule="supported if pooling is more consistent than striding by more than the threshold under small shifts",
        judge=verdict_above,
        details={
            "stride_consistency": stride.mean(),
            "pooled_consistency": pooled.mean(),
            **{f"{kind}_consistency": values.mean() for kind, values in zip(POOLED, pools, strict=True)},
            **radii,
            **errors,
        },
    )


def spatial_transformer(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C7: the extra error that shifts cost a spatial transformer network trained on centred digits."""
    runs = study_table(tables, "architectures-runs")
    cell = cell_runs(runs, "stn", "centred")
    details = {
        "clean_error": cell.clean_error.mean(),
        "shifted_error": cell.mean_error.mean(),
        "consistency": cell.mean_consistency.mean(),
        "drift": cell.drift.max(),
        "translated_clean_error": cell_runs(runs, "stn", "translated").clean_error.mean(),
        "translated_shifted_error": cell_runs(runs, "stn", "translated").mean_error.mean(),
        "plain_shifted_error": cell_runs(runs, "simard_cnn", "centred").mean_error.mean(),
        "plain_translated_shifted_error": cell_runs(runs, "simard_cnn", "translated").mean_error.mean(),
    }
    return decided(
        "C7",
        "A spatial transformer makes the network invariant.",
        "architectures",
        extra_error(runs, "stn", "centred"),
        settings,
        unit="percentage points of extra error",
        rule="supported if shifts cost less than the threshold, refuted if they cost more",
        judge=verdict_below,
        details=details,
    )


def learned_range(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C8: how the radius of invariance grows with the range of the translations seen in training."""
    runs = study_table(tables, "augmentation_range-runs")
    runs = runs[(runs.model == "stride_fc") & runs.training.str.fullmatch(r"range_\d+")]
    runs = runs.assign(range=runs.training.str.removeprefix("range_").astype(int))
    if runs.range.nunique() < 2:
        raise CellsMissingError("stride_fc/range_0, range_1, ...")
    slopes = [slope(group.range, group.radius) for _, group in runs.groupby("seed")]
    means = runs.groupby("range")[["radius", "mean_error", "drift"]].mean()
    ends = {"smallest": means.index.min(), "largest": means.index.max()}
    details = {f"{end}_range": reach for end, reach in ends.items()}
    details |= {f"{end}_range_radius": means.radius[reach] for end, reach in ends.items()}
    details |= {f"{end}_range_shifted_error": means.mean_error[reach] for end, reach in ends.items()}
    details |= {f"{end}_range_drift": means.drift[reach] for end, reach in ends.items()}
    return decided(
        "C8",
        "Invariance is learned: its radius grows with the range of translations shown.",
        "augmentation_range",
        slopes,
        settings,
        unit="pixels of invariance radius for each pixel of training range",
        rule="supported if the radius grows with the range by more than the threshold",
        judge=verdict_above,
        details=details,
    )


LIMITED = ("low_translated", "high_translated")  # trainings that translate some classes, and show the others centred


def largest_group(rows: pd.DataFrame, shown: str) -> pd.DataFrame:
    """Of the rows of one cell, those of the largest group of classes that it was shown so, indexed by seed.

    Raises:
        CellsMissingError: there is no such group.
    """
    rows = rows[rows.shown == shown]
    if rows.empty:
        raise CellsMissingError(f"a group of classes that a training shows {shown}")
    return rows[rows.group == rows.group[rows.images == rows.images.max()].iloc[0]]


def class_transfer(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C9: how much of what translating a class gains is gained where the other classes are translated instead."""
    runs = study_table(tables, "class_transfer-class-runs")
    carried, details = [], {}
    for training in LIMITED:
        cell = cell_runs(runs, "stride_fc", training)
        unseen, seen = largest_group(cell, "plain"), largest_group(cell, "distorted")
        same = runs[runs.group == unseen.group.iloc[0]]
        centred, translated = cell_runs(same, "stride_fc", "centred"), cell_runs(same, "stride_fc", "translated")
        gain = (centred.mean_error - translated.mean_error).dropna()
        if not len(gain) or not (gain > 0).all():
            raise CellsMissingError(f"stride_fc/translated to less error than stride_fc/centred, beside {training}")
        carried.append(100 * (centred.mean_error - unseen.mean_error) / gain)
        details |= {
            f"{training}_carried": carried[-1].mean(),
            f"{training}_seen_error": seen.mean_error.mean(),
            f"{training}_unseen_error": unseen.mean_error.mean(),
            f"{training}_unseen_clean_error": unseen.clean_error.mean(),
            f"{training}_centred_error": centred.mean_error.mean(),
            f"{training}_translated_error": translated.mean_error.mean(),
            f"{training}_seen_consistency": seen.mean_consistency.mean(),
            f"{training}_unseen_consistency": unseen.mean_consistency.mean(),
            f"{training}_centred_consistency": centred.mean_consistency.mean(),
            f"{training}_unseen_called_other": unseen.mean_called_other.mean(),
            f"{training}_seen_called_other": seen.mean_called_other.mean(),
            f"{training}_centred_called_other": centred.mean_called_other.mean(),
            f"{training}_drift": unseen.drift.max(),
        }
    return decided(
        "C9",
        "Invariance learned from some classes carries over to the others.",
        "class_transfer",
        (sum(carried) / len(carried)).dropna(),
        settings,
        unit="percent of the gain of translating a class",
        rule="supported if translating the other classes brings more than the threshold of it, refuted if less",
        judge=verdict_above,
        details=details,
    )


def knowing_where(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C10: how much better than with circular padding a network with global pooling tells a place with zero padding."""
    runs = study_table(tables, "two_positions-runs")
    cells = {"zeros": "stride_gap", "circular": "stride_gap_circular"}
    zeros, circular = (cell_runs(runs, model, "placed") for model in cells.values())
    if "chance" not in runs:
        raise CellsMissingError("to tell positions")
    details = {"chance": float(zeros.chance.iloc[0])}
    for padding, cell in zip(cells, (zeros, circular), strict=True):
        details |= {
            f"{padding}_accuracy": cell.accuracy.mean(),
            f"{padding}_min_accuracy": cell.accuracy.min(),
            f"{padding}_max_accuracy": cell.accuracy.max(),
            f"{padding}_drift": cell.drift.max(),
            f"{padding}_float64_drift": cell.float64_drift.max(),
        }
    return decided(
        "C10",
        "Padding lets a convolution know where it is.",
        "two_positions",
        (zeros.accuracy - circular.accuracy).dropna(),
        settings,
        unit="percentage points of telling the place",
        rule="supported if zero padding tells the place better than circular padding by more than the threshold",
        judge=verdict_above,
        details=details,
    )


def augmentation_or_architecture(tables: Tables, settings: Mapping[str, Any]) -> Claim:
    """C11: by how much augmentation's share of the variance of the mean error exceeds that of architecture."""
    runs, shares = study_table(tables, "split-runs"), study_table(tables, "split-variance-seeds")
    by_measure = {measure: shares[shares.measure == measure] for measure in ("mean_error", "mean_consistency")}
    if by_measure["mean_error"].empty:
        raise CellsMissingError("every model of split with every training")
    details = {}
    for measure, suffix in (("mean_error", ""), ("mean_consistency", "_of_consistency")):
        for share in ("architecture", "augmentation", "interaction"):
            interval = t_interval(by_measure[measure][share], settings["confidence"])
            details |= {
                f"{share}{suffix}": interval.mean,
                f"{share}{suffix}_low": interval.low,
                f"{share}{suffix}_high": interval.high,
            }
    for (model, training), cell in runs.groupby(["model", "training"], sort=False):
        details[f"{model}_{training}_error"] = cell.mean_error.mean()
    return decided(
        "C11",
        "Augmentation matters more than architecture.",
        "split",
        by_measure["mean_error"].augmentation - by_measure["mean_error"].architecture,
        settings,
        unit="percentage points of the variance of the mean error",
        rule="supported if augmentation explains more of it than architecture does, by more than the threshold",
        judge=verdict_above,
        details=details,
    )


CLAIMS: dict[str, Callable[[Tables, Mapping[str, Any]], Claim]] = {
    "C1": weight_sharing,
    "C2": expanding,
    "C3": equivariance,
    "C4": fully_connected_head,
    "C5": exact_controls,
    "C6": pooling,
    "C7": spatial_transformer,
    "C8": learned_range,
    "C9": class_transfer,
    "C10": knowing_where,
    "C11": augmentation_or_architecture,
}


def judge_claims(
    tables: Tables, settings: Mapping[str, Mapping[str, Any]], confidence: float
) -> tuple[list[Claim], dict[str, str]]:
    """Judge every claim in `settings` (`claims` in config.yaml).

    Args:
        tables: by name, such as "architectures-runs".
        settings: thresholds by claim.
        confidence: of the intervals.

    Returns:
        The claims that could be measured, from C1 on, and, for each of the others, which cell is missing.
    """
    claims, missing = [], {}
    for claim_id in (known for known in CLAIMS if known in settings):
        try:
            claims.append(CLAIMS[claim_id](tables, {**settings[claim_id], "confidence": confidence}))
        except CellsMissingError as error:
            missing[claim_id] = f"not trained: {error}"
    return claims, missing
