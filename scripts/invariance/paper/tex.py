r"""What the paper prints: every number as \result{key}{value}, and tables as booktabs tabulars.

Keys look like paths, such as simard2003/simard_cnn/elastic/test_error/mean; paper/commands.tex reads them.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from invariance.results.labels import LAYERS, label

MISSING = "--"
SPECIAL = str.maketrans({character: f"\\{character}" for character in "&%$#_{}"})
COUNTS = ("runs", "seeds", "parameters", "copies", "mcnemar_seed", "smallest_range", "largest_range")
# How many decimals a column or measure gets; two where it is not named.
DECIMALS = {"radius": 1, "audit_largest": 0, "largest": 1, "worst_consistency": 2}


def escape(text: str) -> str:
    """Text in which TeX's special characters stand for themselves."""
    return text.replace("\\", "/").translate(SPECIAL).replace("~", "--").replace("^", "")


def number(value: float | None, decimals: int = 2) -> str:
    """A number with fixed decimals and a real minus sign; a dash where there is none."""
    if value is None or math.isnan(value):
        return MISSING
    text = f"{value:.{decimals}f}"
    return f"$-${text[1:]}" if text.startswith("-") and float(text) != 0 else text.lstrip("-")


def small(value: float | None) -> str:
    """A number that may be tiny, such as a drift: two decimals, or a power of ten below 0.01; an exact 0 is 0."""
    if value is None or math.isnan(value):
        return MISSING
    if value == 0:
        return "0"
    if abs(value) >= 0.01:
        return number(value)
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"${mantissa}\\times10^{{{int(exponent)}}}$"


def p_value(value: float | None) -> str:
    """A p-value for use in math mode: three decimals, or that it is below 0.001."""
    if value is None or math.isnan(value):
        return MISSING
    return "{<}0.001" if value < 0.001 else f"{value:.3f}"


def formatted(name: str, value: float | None) -> str:
    """A value in the format that its measure is given in."""
    if name.endswith(("drift", "mismatch")):
        return small(value)
    if name.endswith("_p"):
        return p_value(value)
    if name.endswith("_cases") or name in COUNTS:
        return MISSING if value is None or math.isnan(value) else f"{int(value):,}".replace(",", "{,}")
    return number(value, 1 if "radius" in name else DECIMALS.get(name, 2))


def with_interval(mean: float, low: float | None, high: float | None, decimals: int = 2) -> str:
    """A mean with its interval in brackets, or alone where there is none."""
    if low is None or math.isnan(low):
        return number(mean, decimals)
    return f"{number(mean, decimals)} [{number(low, decimals)}, {number(high, decimals)}]"


# ----------------------------------------------------------------------------------------------------------------------
# Keys and values


def result_lines(results: Iterable[tuple[str, str]]) -> str:
    r"""The file numbers.tex: a line \result{key}{value} each."""
    return "".join(f"\\result{{{key}}}{{{value}}}\n" for key, value in results)


def config_results(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every number and word of the config, as config/<path>; lists with commas."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            for key, below in value.items():
                yield from walk(below, f"{path}/{key}")
        elif isinstance(value, list):
            yield path, escape(", ".join(map(str, value)))
        else:
            yield path, escape(f"{value:g}" if isinstance(value, float) else str(value))

    for part in ("distortions", "audit", "models", "studies", "measures", "equivariance"):
        yield from walk(run.get(part, {}), f"config/{part}")
    for claim, settings in run["claims"].items():
        yield from walk(settings, f"claims/{claim}")
    for study, settings in run["studies"].items():
        yield f"{study}/canvas", str(settings["canvas"])
        yield f"{study}/max_shift", str(settings["max_shift"])
        yield f"{study}/shift_images", str(settings["shift_images"])
        yield f"{study}/seeds", str(len(settings["seeds"]))
        yield f"{study}/epochs", str(settings["optimisation"]["epochs"])
    yield "confidence", f"{100 * run['measures']['confidence']:g}"


def study_results(
    summary: pd.DataFrame, runs: pd.DataFrame, rings: pd.DataFrame | None = None
) -> Iterator[tuple[str, str]]:
    """Every measure of every cell over seeds, parameter counts, and accuracy and consistency by ring if it has any."""
    for row in summary.itertuples():
        cell = f"{row.study}/{row.model}/{row.training}/{row.measure}"
        for statistic in ("mean", "low", "high", "best", "worst"):
            yield f"{cell}/{statistic}", formatted(row.measure, getattr(row, statistic))
        yield f"{cell}/seeds", str(row.seeds)
    for row in runs.drop_duplicates("model").itertuples():
        yield f"parameters/{row.study}/{row.model}", formatted("parameters", row.parameters)
    for row in rings.itertuples() if rings is not None else ():
        yield f"rings/{row.study}/{row.model}/{row.training}/{row.ring}/{row.measure}", number(row.mean)


def class_results(summary: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Every measure of every cell and group of classes over seeds, as classes/<cell>/<group>/<measure>/<statistic>."""
    for row in summary.itertuples():
        key = f"classes/{row.study}/{row.model}/{row.training}/{row.group}/{row.measure}"
        for statistic in ("mean", "low", "high", "best", "worst"):
            yield f"{key}/{statistic}", formatted(row.measure, getattr(row, statistic))


def variance_results(study: str, shares: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Each share of the variance of each measure over seeds, as variance/<study>/<measure>/<share>/<statistic>."""
    for row in shares.itertuples():
        for statistic in ("mean", "low", "high"):
            yield f"variance/{study}/{row.measure}/{row.share}/{statistic}", number(getattr(row, statistic))


def claim_results(claims: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Verdict, number, interval and details of every claim."""
    for claim in claims:
        key = f"claims/{claim['id']}"
        yield f"{key}/verdict", claim["verdict"]
        yield f"{key}/unit", escape(claim["unit"])
        for end in ("number", "low", "high"):
            yield f"{key}/{end}", claim_number(claim, claim[end])
        for name, value in claim["details"].items():
            yield f"{key}/details/{name}", formatted(name, value)


def is_rounding(claim: Mapping[str, Any]) -> bool:
    """Whether a claim's number is compared with rounding: two decimals would not show it."""
    return claim["unit"].startswith("relative error")


def claim_number(claim: Mapping[str, Any], value: float | None) -> str:
    """The number of a claim, or an end of its interval."""
    return small(value) if is_rounding(claim) else number(value)


def distortion_results(summaries: Mapping[tuple[int, str], pd.DataFrame]) -> Iterator[tuple[str, str]]:
    """Measured size of each distortion, mean over its copies on its first canvas, as distortions/<name>/<what>."""
    first = {name: summary for (_, name), summary in reversed(summaries.items())}
    for name, summary in first.items():
        means = summary.mean()
        yield f"distortions/{name}/rms", number(math.hypot(means.rms_x, means.rms_y) / math.sqrt(2))
        yield f"distortions/{name}/max", number(summary.largest.max(), 1)
        yield f"distortions/{name}/net_translation", number(means.net_translation)
        yield f"distortions/{name}/ink_lost", number(means.ink_lost)
        yield f"distortions/{name}/audit", small(summary.audit_mean.max())


def comparison_results(table: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Published errors, and the paired differences between trainings."""
    for row in table[table.published.notna()].itertuples():
        yield f"published/{row.model}/{row.training}", number(row.published, 1)
    for row in pairs.itertuples():
        for name in ("difference", "low", "high", "mcnemar_p"):
            yield f"pairs/{row.model}/{row.training}/{row.against}/{name}", formatted(name, getattr(row, name))


# ----------------------------------------------------------------------------------------------------------------------
# Tables


def tabular(columns: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A booktabs tabular; `columns` is TeX's column specification, and a row may be the empty tuple for a small gap."""
    lines = [f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}", "\\toprule", " & ".join(header) + r" \\", "\\midrule"]
    lines += [" & ".join(row) + r" \\" if row else "\\addlinespace" for row in rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def with_gaps(rows: Iterable[tuple[str, Sequence[str]]]) -> Iterator[Sequence[str]]:
    """Rows of (group, cells), the group as first cell once, with a small gap between groups of several rows."""
    rows = list(rows)
    gaps = len({group for group, _ in rows}) < len(rows)
    previous = None
    for group, cells in rows:
        if gaps and previous is not None and group != previous:
            yield ()
        yield [group if group != previous else "", *cells]
        previous = group


def claims_table(claims: Sequence[Mapping[str, Any]]) -> str:
    """Claim, decisive number with interval and unit, threshold, verdict."""
    rows = [
        (
            claim["id"],
            escape(claim["statement"]),
            small(claim["number"])
            if is_rounding(claim)
            else with_interval(claim["number"], claim["low"], claim["high"]),
            escape(claim["unit"]),
            small(claim["threshold"]) if is_rounding(claim) else f"{claim['threshold']:g}",
            f"\\textbf{{{claim['verdict']}}}",
        )
        for claim in claims
    ]
    columns = r"l>{\raggedright\arraybackslash}p{0.30\linewidth}l>{\raggedright\arraybackslash}p{0.22\linewidth}rl"
    return tabular(columns, ["", "Claim", "Number", "Unit", "Threshold", "Verdict"], rows)


def simard_tabular(table: pd.DataFrame) -> str:
    """Published error beside ours: mean with t-interval, best and worst seed, Wilson's interval, verdict."""
    rows = [
        (
            label(row.model),
            (
                label(row.training),
                number(row.published, 1),
                with_interval(row.mean, row.low, row.high),
                f"{number(row.best)}--{number(row.worst)}",
                f"{number(row.wilson_low)}--{number(row.wilson_high)}",
                "" if pd.isna(row.verdict) else row.verdict,
            ),
        )
        for row in table.itertuples()
    ]
    header = ["Model", "Training", "Published", "Ours", "Best--worst", "Wilson", "Verdict"]
    return tabular("llrlccl", header, with_gaps(rows))


TRIED = ["schedule", "learning_rate", "averaging", "epochs"]


def taken_settings(run: Mapping[str, Any]) -> set[tuple]:
    """Model, distortion and the optimisation's TRIED of every cell of Simard's table, if the config of a run has it."""
    study = run["studies"].get("simard2003", {"cells": {}})
    taken = set()
    for model, cell in study["cells"].items():
        for name in cell["trainings"]:
            training = study["trainings"][name]
            parts = (study, training, cell)
            optimisation = {key: value for part in parts for key, value in part.get("optimisation", {}).items()}
            taken.add((model, training["distortion"], *(optimisation[key] for key in TRIED)))
    return taken


def selection_tabular(table: pd.DataFrame, run: Mapping[str, Any]) -> str:
    """What each setting that was tried reached on the validation images; in bold what `run` takes for Simard's table.

    Args:
        table: a row a setting and measure, over seeds.
        run: the config of one run.
    """
    taken = taken_settings(run)
    rows = []
    for setting, group in table.groupby(["model", "distortion", *TRIED], sort=False):
        measures = group.set_index("measure")
        error, loss = measures.loc["validation_error"], measures.loc["validation_loss"]
        model, distortion, schedule, rate, averaging, epochs = setting
        cells = [
            schedule.replace("_", "-"),
            f"{rate:g}",
            f"{averaging:g}",
            f"{epochs}",
            f"{number(error['mean'])} ({number(error.best)}--{number(error.worst)})",
            f"{number(loss['mean'], 4)}",
            f"{int(error.seeds)}",
        ]
        cells = [f"\\textbf{{{cell}}}" if setting in taken else cell for cell in cells]
        rows.append((f"{label(model)}, {label(distortion)}", cells))
    header = ["Model, training", "Schedule", "Rate", "Averaged", "Epochs", r"Error (\%)", "Loss", "Seeds"]
    return tabular("lllrrlrr", header, with_gaps(rows))


def pairs_tabular(pairs: pd.DataFrame) -> str:
    """What each training saves over another, paired over seeds, and McNemar's test."""
    rows = [
        (
            label(row.model),
            (
                f"{label(row.training)} / {label(row.against)}",
                with_interval(row.difference, row.low, row.high),
                f"{row.only_first_right} / {row.only_second_right}",
                f"${p_value(row.mcnemar_p)}$",
            ),
        )
        for row in pairs.itertuples()
    ]
    header = ["Model", "Training / against", "Error saved", "Only one right", "McNemar $p$"]
    return tabular("lllcr", header, with_gaps(rows))


STUDY_COLUMNS = {
    "test_error": "Test",
    "clean_error": "Unshifted",
    "mean_error": "Mean",
    "worst_error": "Worst",
    "robust_error": "Robust",
    "mean_consistency": "Mean",
    "worst_consistency": "Worst",
    "pairwise_consistency": "Pairwise",
    "radius": "Radius",
    "drift": "Drift",
}


def study_tabular(summary: pd.DataFrame) -> str:
    """All measures of a study over shifts: a row a model and training, means over seeds."""
    means = summary.pivot_table(index=["training", "model"], columns="measure", values="mean", sort=False)
    rows = [
        (label(training), (label(model), *(formatted(name, row.get(name)) for name in STUDY_COLUMNS)))
        for (training, model), row in means.iterrows()
    ]
    top = r"\multicolumn{5}{c}{Error (\%)} & \multicolumn{3}{c}{Consistency (\%)} & & \\"
    rules = r"\cmidrule(lr){3-7}\cmidrule(lr){8-10}"
    table = tabular("ll" + "r" * len(STUDY_COLUMNS), ["Training", "Model", *STUDY_COLUMNS.values()], with_gaps(rows))
    return table.replace("\\toprule\n", f"\\toprule\n & & {top}\n{rules}\n", 1)


CLASS_COLUMNS = {
    "clean_error": "Unshifted",
    "mean_error": "Mean",
    "worst_error": "Worst",
    "mean_consistency": r"Consistency (\%)",
    "mean_called_other": r"Other group (\%)",
    "drift": "Drift",
}


def classes_tabular(summary: pd.DataFrame) -> str:
    """Measures by groups of classes: a row a training and group, means over seeds; models are named if several."""
    keys = ["model", "training", "group", "shown"]
    means = summary.pivot_table(index=keys, columns="measure", values="mean", sort=False)
    several = summary.model.nunique() > 1
    rows = [
        (
            f"{label(model)}, {label(training)}" if several else label(training),
            (
                group.replace("-", "--").replace("+", ", "),
                {"distorted": "yes", "plain": "no"}.get(shown, shown),
                *(formatted(name, row.get(name)) for name in CLASS_COLUMNS),
            ),
        )
        for (model, training, group, shown), row in means.iterrows()
    ]
    top = r" & & & \multicolumn{3}{c}{Error (\%)} & & & \\"
    header = ["Training", "Digits", "Translated", *CLASS_COLUMNS.values()]
    table = tabular("lll" + "r" * len(CLASS_COLUMNS), header, with_gaps(rows))
    return table.replace("\\toprule\n", f"\\toprule\n{top}\n\\cmidrule(lr){{4-6}}\n", 1)


def positions_tabular(summary: pd.DataFrame) -> str:
    """How well positions are told: a row a model and training, with the lowest and highest seed, and drift."""
    table = summary.set_index(["model", "training", "measure"])
    rows = []
    for model, training in dict.fromkeys(zip(summary.model, summary.training, strict=True)):
        told = table.loc[(model, training, "accuracy")]
        drifts = (table["worst"].get((model, training, name)) for name in ("drift", "float64_drift"))
        between = f"{number(told.worst)}--{number(told.best)}"
        rows.append((label(model), with_interval(told["mean"], told.low, told.high), between, *map(small, drifts)))
    header = ["Model", r"Position told (\%)", "Worst--best", "Drift", "Drift, float64"]
    return tabular("lllrr", header, rows)


def variance_tabular(shares: pd.DataFrame) -> str:
    """Which part of the variance each source explains, with its interval: a row a measure."""
    rows = [
        (label(measure), *(with_interval(row.mean, row.low, row.high, 1) for row in group.itertuples()))
        for measure, group in shares.groupby("measure", sort=False)
    ]
    return tabular("llll", ["Measure", "Architecture", "Augmentation", "Interaction"], rows)


EQUIVARIANCE_PLACES = {"everywhere": "everywhere", "inside": "inside", "background": "inside", "border": "border"}


def equivariance_tabular(table: pd.DataFrame) -> str:
    """Relative equivariance errors by kind of layer, each layer alone, and of invariance at the heads.

    Inside are the places that see neither padding nor seam, or see them on an empty background. The borders of strided
    layers that are moved by no multiple of their stride are left out: two causes meet there.
    """
    rows = table[(table.scope == "layer") | (table.place == "head")]
    head = rows.place == "head"
    multiple = rows["shift"] % rows.total_stride.where(head, rows.stride) == 0
    alike = (rows.kind == "fully_connected") | (rows.stride == 1) & ~head
    rows = rows.assign(
        kind=pd.Categorical(rows.kind, [kind for kind in LAYERS if kind in set(rows.kind)], ordered=True),
        shifted=multiple.map({True: "multiple", False: "other"}).mask(alike, "any"),
        where=pd.Categorical(rows.place.map(EQUIVARIANCE_PLACES).fillna(""), ["everywhere", "inside", "border", ""]),
    )
    rows = rows[(rows["where"] != "border") | (rows.shifted != "other")]
    cells = []
    by = ["kind", "padding", "stride", "shifted", "where", "exact"]
    for (kind, padding, stride, shifted, where, exact), group in rows.groupby(by, observed=True):
        sizes = [group.error[group.weights == weights] for weights in ("untrained", "trained")]
        errors = [small(value) for size in sizes for value in (size.median(), size.max())]
        about = (padding, str(stride)) if where else ("", "")
        cells.append((label(kind), (*about, shifted, where, "0" if exact else "$>$0", *errors)))
    top = r" & & & & & & \multicolumn{2}{c}{Untrained} & \multicolumn{2}{c}{Trained} \\"
    rules = r"\cmidrule(lr){7-8}\cmidrule(lr){9-10}"
    header = ["Layer", "Padding", "Stride", "Shift", "Where", "Theory", *["Median", "Largest"] * 2]
    text = tabular("llrlllrrrr", header, with_gaps(cells))
    return text.replace("\\toprule\n", f"\\toprule\n{top}\n{rules}\n", 1)


def distortions_tabular(summaries: Mapping[tuple[int, str], pd.DataFrame]) -> str:
    """Measured size of each distorted dataset, by canvas and distortion."""
    rows = []
    for (canvas, name), summary in summaries.items():
        means = summary.mean()
        cells = [f"{means[column]:.2f}" for column in ("rms_x", "rms_y")]
        cells += [number(summary.largest.max(), 1), number(means.net_translation), number(means.ink_lost)]
        cells += [small(summary.audit_mean.max()), number(summary.audit_largest.max(), 0)]
        rows.append((f"${canvas}\\times{canvas}$", (label(name), str(len(summary)), *cells)))
    header = ["Canvas", "Distortion", "Copies", "rms $x$", "rms $y$", "Largest", "Net", r"Ink lost (\%)"]
    return tabular("llrrrrrrrr", [*header, "Audit mean", "Audit max"], with_gaps(rows))


SETTINGS = [
    # What, where in the config, whose choice
    ("Canvas for Simard's table (pixels)", "studies/simard2003/canvas", "Simard"),
    ("Canvas for the shift studies (pixels)", "studies/architectures/canvas", "ours"),
    ("Epochs, Simard's table, CNN", "studies/simard2003/optimisation/epochs", "ours; Simard: hundreds"),
    ("Epochs, Simard's table, MLP", "studies/simard2003/cells/mlp/optimisation/epochs", "ours; Simard: hundreds"),
    ("Epochs, shift studies", "studies/architectures/optimisation/epochs", "ours"),
    ("Epochs, strided trunk with global pooling", "studies/architectures/cells/stride_gap/optimisation/epochs", "ours"),
    ("Epochs, polyphase", "studies/architectures/cells/polyphase_gap_circular/optimisation/epochs", "ours"),
    ("Epochs, positions", "studies/two_positions/optimisation/epochs", "ours"),
    ("Batch size", "studies/simard2003/optimisation/batch", "ours; not stated"),
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


def settings_tabular(run: Mapping[str, Any]) -> str:
    """The choices behind the results, their values, and whose they are; those that a config leaves out are left out."""
    values = dict(config_results(run))
    rows = [(what, values[f"config/{path}"], source) for what, path, source in SETTINGS if f"config/{path}" in values]
    fixed = [
        ("28 becomes 29", "one empty row below, one column right", "ours; not stated"),
        ("Input scaling", "background 0, full ink 1", "ours; not stated"),
        ("Nonlinearity", "ReLU", "ours; not stated"),
        ("Initial weights", "PyTorch's default", "ours; Simard: standard deviation 0.05"),
    ]
    return tabular("lll", ["Setting", "Value", "Source"], [*rows, *fixed])


def provenance_tabular(artefacts: Iterable[tuple[str, str]]) -> str:
    """Artefacts by path, the first 12 digits of their SHA-256; in two columns, read one after the other."""
    cells = [f"\\nolinkurl{{{path}}} & \\texttt{{{sha256[:12]}}}" for path, sha256 in artefacts]
    length = -(-len(cells) // 2)
    rows = itertools.zip_longest(cells[:length], cells[length:], fillvalue=" & ")
    return tabular(r"ll@{\qquad}ll", ["Artefact", "SHA-256"] * 2, rows)


# ----------------------------------------------------------------------------------------------------------------------
# What the reference run cost: from committed numbers, since this run's clock may not change a byte of the paper

STAGES = {
    "download": "Fetching the files",
    "source": "Reading the images",
    "distort": "Distorting",
    "train": "Training",
    "evaluate": "Evaluating",
    "tables": "Tables and claims",
    "figures": "Figures",
    "paper": "Paper",
}


def compute_results(reference: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Times of the reference run, in minutes, and its machine; nothing where no reference is committed."""
    if reference is None:
        return
    compute, machine = reference["compute"], reference["machine"]
    yield "compute/total_core_minutes", number(compute["core_seconds"] / 60, 0)
    yield "compute/total_core_hours", number(compute["core_seconds"] / 3600, 1)
    yield "compute/jobs", f"{compute['jobs']:,}".replace(",", "{,}")
    for workers, seconds in compute["replayed_seconds"].items():
        yield f"compute/replayed_{workers}", number(seconds / 60, 0)
    if compute["start_up_share"] is not None:
        yield "compute/start_up_share", number(100 * compute["start_up_share"], 1)
    for row in compute["stages"]:
        yield f"compute/stage/{row['stage']}/jobs", f"{row['jobs']:,}".replace(",", "{,}")
        yield f"compute/stage/{row['stage']}/core_minutes", number(row["core_seconds"] / 60, 1)
        yield f"compute/stage/{row['stage']}/share", number(100 * row["share"], 1)
    for claim in reference["claims"]:
        yield f"compute/claims/{claim['id']}/core_minutes", number(claim["core_minutes"], 1)
    yield "compute/processor", escape(machine["processor"])
    yield "compute/cores", str(machine["cores"])
    yield "compute/config_hash", reference["config_sha256"][:12]


def compute_tabular(reference: Mapping[str, Any] | None) -> str:
    """Jobs, core minutes and share of each stage of the reference run; a word where none is committed."""
    if reference is None:
        return tabular("l", ["Stage"], [["not recorded yet: no reference run of this dataset is committed"]])
    compute = reference["compute"]
    rows: list[Sequence[str]] = [
        [
            STAGES.get(row["stage"], escape(row["stage"])),
            f"{row['jobs']:,}".replace(",", "{,}"),
            number(row["core_seconds"] / 60, 1),
            number(100 * row["share"], 1),
        ]
        for row in compute["stages"]
    ]
    total = ["All", f"{compute['jobs']:,}".replace(",", "{,}"), number(compute["core_seconds"] / 60, 1), "100.0"]
    return tabular("lrrr", ["Stage", "Jobs", "Core minutes", r"Share (\%)"], [*rows, (), total])
