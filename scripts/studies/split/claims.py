"""What the claim on augmentation against architecture measures: C11."""

from invariance.results.statistics import t_interval
from invariance.results.verdicts import CellsMissingError, Measured, Settings, Tables
from studies.split.summary import SHARES


def augmentation_or_architecture(tables: Tables, settings: Settings) -> Measured:
    """C11: by how much augmentation's share of the variance of the mean error exceeds that of architecture."""
    shares = tables["split-variance-seeds"]
    of_error, of_consistency = (shares[shares.measure == name] for name in ("mean_error", "mean_consistency"))
    if of_error.empty:
        raise CellsMissingError("every model of split with every training")
    details = {}
    for suffix, rows in {"": of_error, "_of_consistency": of_consistency}.items():
        for share in SHARES:
            interval = t_interval(rows[share], settings["confidence"])
            details |= {
                f"{share}{suffix}": interval.mean,
                f"{share}{suffix}_low": interval.low,
                f"{share}{suffix}_high": interval.high,
            }
    for (model, training), cell in tables["split-runs"].groupby(["model", "training"], sort=False):
        details[f"{model}_{training}_error"] = cell.mean_error.mean()
    return Measured(of_error.augmentation - of_error.architecture, details)
