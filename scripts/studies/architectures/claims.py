"""What the claims on architectures measure: C1, C4, C5, C6 and C7."""

import pandas as pd

from invariance.results.verdicts import (
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    CellsMissingError,
    Decided,
    Measured,
    Settings,
    Tables,
    cell_runs,
    mean_details,
)

RUNS, RING_RUNS = "architectures-runs", "architectures-ring-runs"
EXACT_CONTROLS = ("phase_averaged", "polyphase_gap_circular")  # invariant by construction
POOLED = ("max_pool", "avg_pool", "blur_pool")


def weight_sharing(tables: Tables, settings: Settings) -> Measured:
    """C1: the extra error that shifts cost a CNN with a fully connected head, trained on centred digits."""
    cell = cell_runs(tables[RUNS], "stride_fc", "centred")
    details = {
        "clean_error": cell.clean_error.mean(),
        "shifted_error": cell.mean_error.mean(),
        "worst_error": cell.worst_error.mean(),
        "consistency": cell.mean_consistency.mean(),
        "drift": cell.drift.max(),
    }
    return Measured(cell.mean_error - cell.clean_error, details)


def fully_connected_head(tables: Tables, settings: Settings) -> Measured:
    """C4: the consistency that a fully connected head costs, against global average pooling on the same trunk."""
    cells = {head: cell_runs(tables[RUNS], f"stride_{head}", "centred") for head in ("fc", "gap")}
    details = {}
    for head, cell in cells.items():
        details |= {
            f"{head}_consistency": cell.mean_consistency.mean(),
            f"{head}_error": cell.test_error.mean(),
            f"{head}_shifted_error": cell.mean_error.mean(),
            f"{head}_drift": cell.drift.max(),
        }
    return Measured((cells["gap"].mean_consistency - cells["fc"].mean_consistency).dropna(), details)


def exact_controls(tables: Tables, settings: Settings) -> Measured:
    """C5: the lowest consistency, over shifts and seeds, of the networks that are invariant by construction."""
    runs = tables[RUNS]
    controls = runs[runs.model.isin(EXACT_CONTROLS) & (runs.training == "centred")]
    if set(controls.model) != set(EXACT_CONTROLS):
        raise CellsMissingError(" and ".join(EXACT_CONTROLS))
    if controls.worst_consistency.isna().any():
        raise CellsMissingError("a grid of more than one shift")
    consistency, drift = float(controls.worst_consistency.min()), float(controls.drift.max(skipna=False))
    errors = controls.groupby("model").test_error.mean()
    exact = consistency >= settings["min_consistency"] and drift <= settings["max_drift"]
    good = errors.max() <= settings["max_error"]
    verdict = (SUPPORTED if good else UNDECIDED) if exact else REFUTED
    highest = float(controls.worst_consistency.max())
    details = {
        "min_consistency": consistency,
        "max_drift": drift,
        "max_error": errors.max(),
        "phase_averaged_error": errors["phase_averaged"],
        "polyphase_error": errors["polyphase_gap_circular"],
        "runs": len(controls),
    }
    return Measured(Decided(consistency, consistency, highest, settings["min_consistency"], verdict), details)


def pooling(tables: Tables, settings: Settings) -> Measured:
    """C6: the consistency under small shifts that pooling buys over striding, with the same fully connected head."""
    kinds = ("stride", *POOLED)
    near = {kind: consistency_within(tables[RING_RUNS], f"{kind}_fc", settings["small_shift"]) for kind in kinds}
    pooled = sum(near[kind] for kind in POOLED) / len(POOLED)
    details = {"pooled_consistency": pooled.mean()}
    for kind in kinds:
        cell = cell_runs(tables[RUNS], f"{kind}_fc", "centred")
        details |= {
            f"{kind}_consistency": near[kind].mean(),
            f"{kind}_radius": cell.radius.mean(),
            f"{kind}_shifted_error": cell.mean_error.mean(),
        }
    return Measured((pooled - near["stride"]).dropna(), details)


def consistency_within(ring_runs: pd.DataFrame, model: str, reach: int) -> pd.Series:
    """Mean consistency, percent, over all shifts of 1 to `reach` pixels, by seed; trained on centred digits."""
    cell = cell_runs(ring_runs, model, "centred")
    near = cell[(cell.ring >= 1) & (cell.ring <= reach)]
    weighted = (near.consistency * near.shifts).groupby(level="seed").sum()
    return weighted / near.shifts.groupby(level="seed").sum()


def spatial_transformer(tables: Tables, settings: Settings) -> Measured:
    """C7: the extra error that shifts cost a spatial transformer network trained on centred digits."""
    cells = {
        (model, training): cell_runs(tables[RUNS], model, training)
        for model in ("stn", "simard_cnn")
        for training in ("centred", "translated")
    }
    cell = cells["stn", "centred"]
    gain = cells["simard_cnn", "translated"].mean_error - cells["stn", "translated"].mean_error
    details = {
        "clean_error": cell.clean_error.mean(),
        "shifted_error": cell.mean_error.mean(),
        "consistency": cell.mean_consistency.mean(),
        "drift": cell.drift.max(),
        "translated_clean_error": cells["stn", "translated"].clean_error.mean(),
        "translated_shifted_error": cells["stn", "translated"].mean_error.mean(),
        "plain_shifted_error": cells["simard_cnn", "centred"].mean_error.mean(),
        "plain_translated_shifted_error": cells["simard_cnn", "translated"].mean_error.mean(),
        **mean_details("translated_gain", gain, settings["confidence"]),
    }
    return Measured(cell.mean_error - cell.clean_error, details)
