"""The claims as the catalogue has them: what each says, and which tables and columns it reads."""

RUNS = ["model", "training", "seed"]

CLAIMS = {
    "C1": {
        "study": "architectures",
        "function": "studies.architectures.claims:weight_sharing",
        "statement": "Weight sharing makes ConvNets invariant to translation.",
        "unit": "percentage points of extra error",
        "rule": "supported if shifts cost less than the threshold, refuted if they cost more",
        "direction": "below",
        "reads": {
            "architectures-runs": [*RUNS, "clean_error", "mean_error", "worst_error", "mean_consistency", "drift"]
        },
    },
    "C2": {
        "study": "simard2003",
        "function": "studies.simard2003.claims:expanding",
        "statement": "Expanding the training set by distortions lowers the test error.",
        "unit": "percentage points of test error saved",
        "rule": "supported if elastic distortions save more than the threshold, paired over seeds",
        "direction": "above",
        "reads": {
            "simard2003-runs": [*RUNS, "test_error"],
            "simard2003-pairs": ["model", "training", "against", "mcnemar_p"],
        },
    },
    "C3": {
        "study": "equivariance",
        "function": "studies.equivariance.claims:equivariance",
        "statement": "Convolution is equivariant: moving its input moves its output.",
        "unit": "relative error where theory says 0",
        "rule": "supported if the error is rounding for every seed, at every layer, place and shift where theory says "
        "0, and the measure finds errors where theory does not: at strided convolutions moved by no multiple of the "
        "stride, and at the borders of zero padding behind the first layer; refuted if it is more than rounding; "
        "undecided if the measure finds none",
        "direction": None,
        "reads": {
            "equivariance": [
                *("seed", "weights", "layer", "kind", "padding", "stride", "scope", "place", "shift", "exact", "error")
            ]
        },
    },
    "C4": {
        "study": "architectures",
        "function": "studies.architectures.claims:fully_connected_head",
        "statement": "Fully connected layers are what breaks invariance.",
        "unit": "percentage points of consistency",
        "rule": "supported if global pooling on the same trunk is more consistent by more than the threshold",
        "direction": "above",
        "reads": {"architectures-runs": [*RUNS, "test_error", "mean_error", "mean_consistency", "drift"]},
    },
    "C5": {
        "study": "architectures",
        "function": "studies.architectures.claims:exact_controls",
        "statement": "If everything before the head is invariant, so is the network.",
        "unit": "percent of consistency at the worst shift",
        "rule": "supported if every exact control has this consistency at every shift for every seed, a drift at "
        "rounding, and a good test error; refuted if one is not exact; undecided if all are exact but not good",
        "direction": None,
        "reads": {"architectures-runs": ["model", "training", "test_error", "worst_consistency", "drift"]},
    },
    "C6": {
        "study": "architectures",
        "function": "studies.architectures.claims:pooling",
        "statement": "Pooling gives invariance to small translations.",
        "unit": "percentage points of consistency within {small_shift} pixels",
        "rule": "supported if pooling is more consistent than striding by more than the threshold under small shifts",
        "direction": "above",
        "reads": {
            "architectures-runs": [*RUNS, "mean_error", "radius"],
            "architectures-ring-runs": [*RUNS, "ring", "shifts", "consistency"],
        },
    },
    "C7": {
        "study": "architectures",
        "function": "studies.architectures.claims:spatial_transformer",
        "statement": "A spatial transformer makes the network invariant.",
        "unit": "percentage points of extra error",
        "rule": "supported if shifts cost less than the threshold, refuted if they cost more",
        "direction": "below",
        "reads": {"architectures-runs": [*RUNS, "clean_error", "mean_error", "mean_consistency", "drift"]},
    },
    "C8": {
        "study": "augmentation_range",
        "function": "studies.augmentation_range.claims:learned_range",
        "statement": "Invariance is learned: its radius grows with the range of translations shown.",
        "unit": "pixels of invariance radius for each pixel of training range",
        "rule": "supported if the radius grows with the range by more than the threshold",
        "direction": "above",
        "reads": {"augmentation_range-runs": [*RUNS, "mean_error", "radius", "drift"]},
    },
    "C9": {
        "study": "class_transfer",
        "function": "studies.class_transfer.claims:class_transfer",
        "statement": "Invariance learned from some classes carries over to the others.",
        "unit": "percent of the gain of translating a class",
        "rule": "supported if translating the other classes brings more than the threshold of it, refuted if less",
        "direction": "above",
        "reads": {
            "class_transfer-class-runs": [
                *(*RUNS, "group", "shown", "images", "clean_error", "mean_error"),
                *("mean_consistency", "mean_called_other", "drift"),
            ]
        },
    },
    "C10": {
        "study": "two_positions",
        "function": "studies.two_positions.claims:knowing_where",
        "statement": "Padding lets a convolution know where it is.",
        "unit": "percentage points of telling the place",
        "rule": "supported if zero padding tells the place better than circular padding by more than the threshold",
        "direction": "above",
        "reads": {"two_positions-runs": [*RUNS, "chance", "accuracy", "drift", "float64_drift"]},
    },
    "C11": {
        "study": "split",
        "function": "studies.split.claims:augmentation_or_architecture",
        "statement": "Augmentation matters more than architecture.",
        "unit": "percentage points of the variance of the mean error",
        "rule": "supported if augmentation explains more of it than architecture does, by more than the threshold",
        "direction": "above",
        "reads": {
            "split-runs": ["model", "training", "mean_error"],
            "split-variance-seeds": ["measure", "architecture", "augmentation", "interaction"],
        },
    },
}
