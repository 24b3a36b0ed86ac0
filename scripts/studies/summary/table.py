"""Tables about all studies together, as TeX: claims, settings, distortions, compute."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from invariance.paper.numbers import config_results, is_rounding, result_lines
from invariance.paper.tex import escape, number, small, tabular, whole, with_gaps, with_interval
from invariance.plan.words import place_of_claim
from invariance.results.labels import label

Claims = Sequence[Mapping[str, Any]]  # the entries of claims.json


def decisive(claim: Mapping[str, Any]) -> str:
    """The number of a claim with its interval."""
    if is_rounding(claim):
        return small(claim["number"])
    return with_interval(claim["number"], claim["low"], claim["high"])


def elsewhere(judged: Claims, config: Mapping[str, Any], references: Mapping[str, Mapping[str, Any]]) -> str:
    """Number and verdict of each claim on this data set, and beside them those of committed references of others."""
    titles, found = zip(*by_dataset(judged, config, references), strict=True)
    by_id = [{claim["id"]: claim for claim in claims} for claims in found]
    statements = {claim["id"]: claim["statement"] for claims in reversed(found) for claim in claims}
    rows = [
        (
            name,
            escape(statements[name]),
            *(
                f"{decisive(claims[name])} {claims[name]['verdict']}" if name in claims else "left out"
                for claims in by_id
            ),
        )
        for name in sorted(statements, key=place_of_claim)
    ]
    columns = r">{\raggedright\arraybackslash}p{0.17\linewidth}" * len(found)
    widths = r"l>{\raggedright\arraybackslash}p{0.30\linewidth}"
    return tabular(widths + columns, ["", "Claim", *map(escape, titles)], rows)


def elsewhere_numbers(judged: Claims, config: Mapping[str, Any], references: Mapping[str, Mapping[str, Any]]) -> str:
    """The other data sets, how many claims have a verdict on all data sets, and which have not the same on all.

    And from each reference its means, and which claims have another verdict there.
    """
    here, *others = by_dataset(judged, config, references)
    verdicts = [{claim["id"]: claim["verdict"] for claim in claims} for _, claims in [here, *others]]
    shared = sorted(set.intersection(*map(set, verdicts)), key=place_of_claim)
    differing = [name for name in shared if len({its[name] for its in verdicts}) > 1]
    results = {"names": " and ".join(escape(title) for title, _ in others), "judged": str(len(shared))}
    results |= {"same": str(len(shared) - len(differing))}
    results |= {"differing": ", ".join(differing)} if differing else {}
    for dataset, its in references.items():
        for cell in its["cells"]:
            path = "/".join(cell[part] for part in ("study", "model", "training", "measure"))
            results[f"{dataset}/{path}"] = number(cell["mean"])
        for claim in its["claims"]:
            if claim["verdict"] != verdicts[0].get(claim["id"], claim["verdict"]):
                results[f"{dataset}/{claim['id']}/other_verdict"] = claim["verdict"]
    return result_lines((f"elsewhere/{key}", value) for key, value in results.items())


def by_dataset(
    judged: Claims, config: Mapping[str, Any], references: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, Claims]]:
    """The title of each data set and its judged claims, this one first."""
    title = config["datasets"][config["dataset"]]["title"]
    return [(title, judged), *((its.get("title", name), its["claims"]) for name, its in references.items())]


def claims(judged: Claims) -> str:
    """Claim, decisive number with interval and unit, threshold, verdict."""
    rows = [
        (
            claim["id"],
            escape(claim["statement"]),
            decisive(claim),
            escape(claim["unit"]),
            small(claim["threshold"]) if is_rounding(claim) else f"{claim['threshold']:g}",
            f"\\textbf{{{claim['verdict']}}}",
        )
        for claim in judged
    ]
    columns = r"l>{\raggedright\arraybackslash}p{0.30\linewidth}l>{\raggedright\arraybackslash}p{0.22\linewidth}rl"
    return tabular(columns, ["", "Claim", "Number", "Unit", "Threshold", "Verdict"], rows)


def distortions(summaries: Mapping[str, pd.DataFrame]) -> str:
    """Measured size of the distortions of each distorted data set, labelled <canvas>/<distortion>."""
    rows = []
    for place, summary in summaries.items():
        canvas, name = place.split("/")
        means = summary.mean()
        cells = [f"{means[column]:.2f}" for column in ("rms_x", "rms_y")]
        cells += [number(summary.largest.max(), 1), number(means.net_translation), number(means.ink_lost)]
        cells += [small(summary.audit_mean.max()), number(summary.audit_largest.max(), 0)]
        rows.append((f"${canvas}\\times{canvas}$", (label(name), str(len(summary)), *cells)))
    header = ["Canvas", "Distortion", "Copies", "rms $x$", "rms $y$", "Largest", "Net", r"Ink lost (\%)"]
    return tabular("llrrrrrrrr", [*header, "Audit mean", "Audit max"], with_gaps(rows))


SETTINGS = [
    # Setting, its path in the config, whose choice
    ("Canvas for Simard's table (pixels)", "studies/simard2003/canvas", "Simard"),
    ("Canvas for the shift studies (pixels)", "studies/architectures/canvas", "ours"),
    ("Epochs, Simard's table, CNN", "studies/simard2003/optimisation/epochs", "ours; Simard: hundreds"),
    ("Epochs, Simard's table, MLP", "studies/simard2003/cells/mlp/optimisation/epochs", "ours; Simard: hundreds"),
    ("Epochs, shift studies", "studies/architectures/optimisation/epochs", "ours"),
    ("Epochs, strided trunk with global pooling", "studies/architectures/cells/stride_gap/optimisation/epochs", "ours"),
    ("Epochs, polyphase", "studies/architectures/cells/polyphase_gap_circular/optimisation/epochs", "ours"),
    ("Epochs, positions", "studies/two_positions/optimisation/epochs", "ours"),
    ("Batch size", "studies/simard2003/optimisation/batch", "ours; not stated for these runs"),
    ("Learning rate, Simard's table", "studies/simard2003/optimisation/learning_rate", "ours; Simard: 0.005"),
    ("Learning rate, MLP", "studies/simard2003/cells/mlp/optimisation/learning_rate", "ours; Simard: 0.005"),
    ("Schedule, Simard's table", "studies/simard2003/optimisation/schedule", "ours; Simard: decay by steps"),
    ("Warm-up, fraction of the steps", "studies/simard2003/optimisation/warmup", "ours"),
    ("Averaged weights, fraction of the epochs", "studies/simard2003/optimisation/averaging", "ours; Simard: none"),
    ("Peak learning rate, shift studies", "studies/architectures/optimisation/learning_rate", "ours"),
    (
        "Peak learning rate, global pooling",
        "studies/architectures/cells/stride_gap/optimisation/learning_rate",
        "ours",
    ),
    ("Peak learning rate, MLP, shift studies", "studies/architectures/cells/mlp/optimisation/learning_rate", "ours"),
    ("Schedule, shift studies", "studies/architectures/optimisation/schedule", "ours"),
    ("Warm-up, shift studies", "studies/architectures/optimisation/warmup", "ours"),
    ("Nesterov momentum", "studies/simard2003/optimisation/momentum", "ours; Simard: none"),
    ("Weight decay", "studies/simard2003/optimisation/weight_decay", "Simard"),
    ("Translation, whole pixels either way", "distortions/translation/translation/max_shift", "ours; no range given"),
    ("Affine: rotation (degrees either way)", "distortions/affine/affine/max_rotation", "ours; no range given"),
    ("Affine: shear", "distortions/affine/affine/max_shear", "ours; no range given"),
    ("Affine: scaling of each axis", "distortions/affine/affine/max_scaling", "ours; no range given"),
    ("Affine: translation (pixels)", "distortions/affine/affine/max_shift", "ours; no range given"),
    ("Elastic: Gaussian $\\sigma$ (pixels)", "distortions/elastic/elastic/sigma", "Simard"),
    ("Elastic: $\\alpha$ (pixels)", "distortions/elastic/elastic/alpha", "Simard"),
    ("Elastic: normalisation of the field", "distortions/elastic/elastic/normalisation", "ours; see the text"),
    ("Affine and elastic: rotation (degrees)", "distortions/affine_elastic/affine/max_rotation", "ours"),
    ("Affine and elastic: shear", "distortions/affine_elastic/affine/max_shear", "ours"),
    ("Affine and elastic: scaling", "distortions/affine_elastic/affine/max_scaling", "ours"),
    ("Affine and elastic: translation (pixels)", "distortions/affine_elastic/affine/max_shift", "ours"),
    ("Affine and elastic: $\\alpha$ (pixels)", "distortions/affine_elastic/elastic/alpha", "ours"),
    ("Copies of the elastic dataset", "studies/simard2003/trainings/elastic/copies", "ours; not stated"),
    ("Positions to tell (pixels right, down)", "studies/two_positions/positions", "ours"),
]


# Options of Simard's network: what they set, their values in words, the default first, and whose choice it is.
OPTIONS = {
    "placing": (
        "28 becomes 29",
        {
            "corner": "one empty row below, one column right",
            "middle": "in the middle, interpolated",
            "repeat": "last row and column repeated",
        },
        "ours; not stated",
    ),
    "background": (
        "Input scaling",
        {"0": "background 0, full ink 1", "-1": "background $-1$, full ink 1"},
        "ours; not stated",
    ),
    "nonlinearity": (
        "Nonlinearity",
        {"relu": "ReLU", "tanh": "tanh", "scaled_tanh": "$1.7159\\tanh(2x/3)$"},
        "ours; not stated",
    ),
    "initial_weights": (
        "Initial weights",
        {"uniform": "PyTorch's default", "normal": "normal, standard deviation 0.05"},
        "ours; Simard: standard deviation 0.05",
    ),
}


def settings(config: Mapping[str, Any]) -> str:
    """The choices behind the results, their values, and whose they are; those that the config lacks are left out."""
    values = dict(config_results(config))
    replicates = "simard2003" in config["studies"]
    rows = [(what, values[f"config/{path}"], source) for what, path, source in SETTINGS if f"config/{path}" in values]
    network = config["models"].get("simard_cnn", {})
    for option, (what, texts, source) in OPTIONS.items():
        if replicates or option != "placing":
            rows.append((what, of_networks(network.get(option), texts), source))
    return tabular("lll", ["Setting", "Value", "Source"], rows)


def of_networks(value: Any, texts: Mapping[str, str]) -> str:
    """In words, an option of Simard's network and, where that is not the default, the default, which others have."""
    usual = next(iter(texts.values()))
    chosen = usual if value is None else texts[str(value).removesuffix(".0")]
    return usual if chosen == usual else f"{chosen} (Simard's CNN), {usual} (others)"


STAGES = {
    "download": "Fetching the files",
    "source": "Reading the images",
    "distort": "Distorting",
    "train": "Training",
    "evaluate": "Evaluating",
    "tables": "Tables and claims",
    "figures": "Figures",
    "paper": "Paper",
    "pages": "Interactive page and overview",
}


def compute(reference: Mapping[str, Any] | None = None) -> str:
    """Jobs, core minutes and share of each stage of the reference run; a note if none is committed."""
    if reference is None:
        return tabular("l", ["Stage"], [["not recorded yet: no reference run of this dataset is committed"]])
    spent = reference["compute"]
    rows: list[Sequence[str]] = [
        [
            STAGES.get(row["stage"], escape(row["stage"])),
            whole(row["jobs"]),
            number(row["core_seconds"] / 60, 1),
            number(100 * row["share"], 1),
        ]
        for row in spent["stages"]
    ]
    total = ["All", whole(spent["jobs"]), number(spent["core_seconds"] / 60, 1), "100.0"]
    return tabular("lrrr", ["Stage", "Jobs", "Core minutes", r"Share (\%)"], [*rows, (), total])
