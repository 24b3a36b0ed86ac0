"""What the claim on padding measures: C10."""

from invariance.results.verdicts import Measured, Settings, Tables, cell_runs


def knowing_where(tables: Tables, settings: Settings) -> Measured:
    """C10: how much better a network with global pooling tells places with zero than with circular padding."""
    cells = {
        padding: cell_runs(tables["two_positions-runs"], model, "placed")
        for padding, model in {"zeros": "stride_gap", "circular": "stride_gap_circular"}.items()
    }
    details = {"chance": cells["zeros"].chance.iloc[0]}
    for padding, cell in cells.items():
        details |= {
            f"{padding}_accuracy": cell.accuracy.mean(),
            f"{padding}_min_accuracy": cell.accuracy.min(),
            f"{padding}_max_accuracy": cell.accuracy.max(),
            f"{padding}_drift": cell.drift.max(),
            f"{padding}_float64_drift": cell.float64_drift.max(),
        }
    return Measured((cells["zeros"].accuracy - cells["circular"].accuracy).dropna(), details)
