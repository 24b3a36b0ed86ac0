"""What the claim on classes learned one after the other measures: C9."""

from invariance.results.verdicts import CellsMissingError, Measured, Settings, Tables
from studies.class_sequence.summary import MEASURES

MODEL, PART = "stride_fc", "all"  # the network of C9, and what of it the second classes may change


def carries_over(tables: Tables, settings: Settings) -> Measured:
    """C9: of the gain of translating classes, the part that others bring that were translated before them.

    The number is that of a network with a fully connected head, all of whose weights are trained further.
    """
    runs = tables["class_sequence-carried-runs"]
    decisive = runs[(runs.model == MODEL) & (runs.trained_part == PART)]
    if decisive.empty:
        raise CellsMissingError(f"{MODEL}, with {PART} of its weights trained after other classes")
    if decisive.carried.isna().any():
        raise CellsMissingError(f"a lower error of {MODEL} where classes are translated themselves, for every seed")
    details = {}
    for (model, part), cell in runs.groupby(["model", "trained_part"], sort=False):
        details |= {f"{model}_{part}_{measure}": cell[measure].mean() for measure in MEASURES}
    return Measured(decisive.groupby("seed").carried.mean(), details)
