"""What the claim on Simard's table measures: C2."""

from invariance.results.verdicts import Measured, Settings, Tables, cell_runs


def expanding(tables: Tables, settings: Settings) -> Measured:
    """C2: the test error that elastic distortions save Simard's convolutional network, paired over seeds."""
    errors = {
        training: cell_runs(tables["simard2003-runs"], "simard_cnn", training).test_error
        for training in ("none", "elastic")
    }
    pairs = tables["simard2003-pairs"]
    pair = pairs[(pairs.model == "simard_cnn") & (pairs.training == "elastic") & (pairs.against == "none")].iloc[0]
    details = {f"{training}_error": error.mean() for training, error in errors.items()}
    return Measured((errors["none"] - errors["elastic"]).dropna(), details | {"mcnemar_p": pair.mcnemar_p})
