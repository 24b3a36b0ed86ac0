"""Names of models, trainings and layers for readers: in figures, tables and text.

Keys are the names in `config.yaml`; values contain nothing that TeX must escape.
"""

from collections.abc import Iterable

MODELS = {
    "mlp": "MLP",
    "simard_cnn": "Simard's CNN",
    "stride_fc": "stride, FC",
    "max_pool_fc": "max pooling, FC",
    "avg_pool_fc": "average pooling, FC",
    "blur_pool_fc": "blur pooling, FC",
    "stride_gap": "stride, GAP",
    "stride_gap_circular": "stride, GAP, circular",
    "polyphase_gap_circular": "polyphase, GAP, circular",
    "phase_averaged": "phase-averaged, GAP, circular",
    "stn": "STN, Simard's CNN",
}

TRAININGS = {
    "none": "no distortion",
    "translation": "translation",
    "affine": "affine",
    "elastic": "elastic",
    "elastic_mse": "elastic, MSE",
    "affine_elastic": "affine and elastic",
    "elastic_centred": "elastic, zero mean",
    "centred": "centred",
    "translated": "translated",
    "low_translated": "low classes translated",
    "high_translated": "high classes translated",
    "affine_mild": "mild affine",
    "elastic_mild": "mild elastic",
    "affine_full_elastic_full": "affine and elastic, both full",
}

LAYERS = {
    "convolution": "convolution",
    "max_pool": "max pooling",
    "avg_pool": "average pooling",
    "blur_pool": "blur pooling",
    "polyphase": "polyphase sampling",
    "fully_connected": "fully connected",
    "global_average_pool": "global average pooling",
}

# Trainings that no figure draws as a series of its own; they need no colour.
SEQUENCES = {"low_centred": "low classes centred", "high_centred": "high classes centred"}

LABELS = MODELS | TRAININGS | SEQUENCES | LAYERS


def label(name: str) -> str:
    """The label of a model, training or measure; a name without one is shown with spaces for underscores.

    The distortion `shift_3` and the training `range_3` translate by up to 3 pixels either way; `affine_all` is `affine`
    on all training images including validation, and `affine_180_epochs` is `affine` for 180 epochs. `a_after_b` goes on
    from the weights of `b`, and `a_after_b_head` changes only those of the head.
    """
    first, _, before = name.rpartition("_after_")
    if first:
        return f"{label(first)} after {label(before)}"
    stem, _, last = name.rpartition("_")
    training, _, epochs = stem.rpartition("_")
    if last == "epochs" and training and epochs.isdigit():
        return f"{label(training)}, {epochs} epochs"
    if stem == "epochs" and last.isdigit():
        return f"{last} epochs"
    if stem in TRAININGS and last == "all":
        return f"{label(stem)}, all images"
    if stem in TRAININGS | SEQUENCES and last in ("head", "last"):
        return f"{label(stem)}, {'head' if last == 'head' else 'last layer'} alone trained"
    if name == "range_0":
        return TRAININGS["centred"]
    if stem in ("range", "shift") and last.isdigit():
        return f"{'translated' if stem == 'range' else 'translation'} up to {last} px"
    return LABELS.get(name, name.replace("_", " "))


def in_order(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """The distinct `names`: first the known ones in the order of `known`, then the others in their own order."""
    given = list(dict.fromkeys(names))
    known = list(known)
    return [name for name in known if name in given] + [name for name in given if name not in known]
