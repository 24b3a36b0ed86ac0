"""What the rules share: the validated config, where files are, and how a job gets its part of the config."""

import functools
import importlib.metadata
import json
import operator
import os
import platform
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, os.path.join(workflow.basedir, "scripts"))

import build_paper
from invariance.plan import configuration
from invariance.record.artefacts import InputError
from invariance.record.dependencies import code_of
from invariance.record.manifest import VERSIONED, write_config, write_manifest

ENVIRONMENT = "../../envs/environment.yaml"
PYTHON = f"python=={platform.python_version()}"

# One compute thread a job, many jobs side by side: the number of threads would change the last bits of a sum.
os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")})
# Large arrays come and go at every training step; keep their memory instead of giving it back to the system.
os.environ.update(MALLOC_MMAP_THRESHOLD_=str(2**30), MALLOC_TRIM_THRESHOLD_=str(2**30))
# Figures are drawn as this project says, whatever the user's own matplotlibrc does.
os.environ.update(MATPLOTLIBRC=os.devnull)
# By it a job notices that the Snakemake that started it was killed (scripts/invariance/command_line.py).
os.environ.update(INVARIANCE_SNAKEMAKE_PID=str(os.getpid()))
# `python` in a rule is the Python that runs Snakemake, whether or not its environment was activated.
os.environ.update(PATH=os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]))

try:
    # Snakemake takes the last of two equal keys in silence; the files are read once more, by stricter rules.
    configuration.load([Path(workflow.basedir) / "config.yaml", *workflow.config_settings.configfiles])
    configuration.validate(config, Path(workflow.basedir) / "workflow/schemas/config.schema.yaml")
except InputError as error:
    raise WorkflowError(str(error)) from None

# Whether source images and copies are shared between clones: `SNAKEMAKE_OUTPUT_CACHE=<folder> snakemake ... --cache`.
CACHE = os.environ.get("SNAKEMAKE_OUTPUT_CACHE", "")
CACHING = bool(CACHE)
# Outputs become links to files there: from a relative path they would lead nowhere.
if CACHING and "://" not in CACHE and not (os.path.isabs(CACHE) and os.access(CACHE, os.R_OK | os.W_OK | os.X_OK)):
    raise WorkflowError(
        f"SNAKEMAKE_OUTPUT_CACHE={CACHE}: must be the absolute path of a folder that exists and can be written to; "
        "make it with mkdir -p, or unset the variable"
    )

DATASET = config["dataset"]
# An overlay's keys come first in `config`; studies and cells keep the order of config.yaml.
RUNS = configuration.resolve(configuration.merge(configuration.load([Path(workflow.basedir) / "config.yaml"]), config))

# For each cell, the one whose weights it uses.
WEIGHTS = {name: configuration.weights_of_cells(run) for name, run in RUNS.items()}
# For each cell, the one whose grid of shifts it uses.
EVALUATIONS = {name: configuration.evaluations_of_cells(run) for name, run in RUNS.items()}

FIGURES = {
    "summary": "architectures",
    "sample_distortions": "simard2003",
    "learning_curves": "simard2003",
    "simard_table": "simard2003",
    "training_length": "training_length",
    "accuracy_vs_shift": "architectures",
    "heat_maps": "architectures",
    "equivariance": "equivariance",
    "augmentation_range": "augmentation_range",
    "class_transfer": "class_transfer",
    "split": "split",
    "two_positions": "two_positions",
}
# Figures of studies of a kind, and how those are found.
FIGURE_STUDIES = {
    "class_transfer": configuration.class_studies,
    "two_positions": configuration.position_studies,
    "equivariance": lambda run: ["equivariance"] if configuration.equivariance_cells(run) else [],
}
HEAT_MAPS = [
    ("mlp", "centred"),
    ("stride_fc", "centred"),
    ("max_pool_fc", "centred"),
    ("stride_gap", "centred"),
    ("phase_averaged", "centred"),
    ("stride_fc", "translated"),
]
# Tables of the paper that show runs of ours, by selection.yaml and long.yaml: from which files in paper/reference/.
COMMITTED_RUNS = {"selection": ["selection", "strength"], "long": ["long", "fresh", "all"]}
NAMINGS = {"distortions", "models", "studies", "trainings", "cells", "claims"}
STUDIES = sorted({study for run in RUNS.values() for study in run["studies"]})
SHIFTED_STUDIES = sorted({cell.study for run in RUNS.values() for cell in configuration.shifted_cells(run)})
POSITION_STUDIES = sorted({study for run in RUNS.values() for study in configuration.position_studies(run)})
CLASS_STUDIES = sorted({study for run in RUNS.values() for study in configuration.class_studies(run)})
# Those that are set beside Simard's table: the replication, and what repeats some of it in another way.
SIMARD_STUDIES = [study for study in SHIFTED_STUDIES if study.startswith("simard2003")]
PLAIN_STUDIES = [study for study in SHIFTED_STUDIES if study != "simard2003" and study not in CLASS_STUDIES]


wildcard_constraints:
    dataset="|".join(RUNS),
    study="|".join(STUDIES),
    model=r"\w+",
    training=r"\w+",
    distortion=r"\w+",
    file="|".join(Path(file).stem for file in RUNS["mnist"]["datasets"]["mnist"]["sha256"]),
    canvas=r"\d+",
    number=r"\d{3}",
    seed=r"\d+",


def require_writable(*folders):
    """Say at once that a folder cannot be written; Snakemake would at its first job, with a traceback."""
    there = [Path(folder).absolute() for folder in folders if Path(folder).exists()]
    refused = [str(folder) for folder in there if not os.access(folder, os.W_OK)]
    if refused:
        raise SystemExit(
            f"error: {', '.join(refused)}: cannot be written, being on a read-only disk or another user's; nothing was "
            "started. Let this user write there, or work in a copy of this folder"
        )


# The config, as jobs get it ------------------------------------------------------------------------------------------


def as_json(value):
    """JSON in the order of the keys' names: the same text, and so no rerun, however the config is laid out."""
    return json.dumps(value, sort_keys=True)


def config_record(run):
    """What is written down of a run's config, as JSON.

    The names of distortions, models, studies, trainings, cells and claims keep their order, which is that of the
    tables. Other keys are sorted, and how files are fetched is left out: neither changes a result.
    """

    def tidy(value, key):
        if not isinstance(value, dict):
            return value
        names = [name for name in value if key != "mnist" or name not in ("mirrors", "timeout", "attempts")]
        return {name: tidy(value[name], name) for name in (names if key in NAMINGS else sorted(names))}

    return json.dumps(tidy(run, None))


def value_of(path):
    """What a run's config has at `path`, which begins with {dataset}.

    As Snakemake's `lookup`, which goes through the whole config for each job.
    """

    def look(wildcards):
        return functools.reduce(operator.getitem, path.format(**wildcards).split("/"), RUNS)

    return look


def setting(path):
    """The same, as JSON for a script's command line."""
    look = value_of(path)
    return lambda wildcards: as_json(look(wildcards))


def versions(*packages):
    """Installed versions of what a job computes with; as a param, a new version makes the job run again."""
    return [f"{package}=={importlib.metadata.version(package)}" for package in packages]


def machine(wildcards, input):
    """What computes, for the key of the cache between workflows; untracked, so that results can be moved.

    Compiled loops and NumPy choose their instructions, and with them the last bits, by the processor.
    """
    if not CACHING:
        return None
    from llvmlite import binding

    return [PYTHON, platform.system(), binding.get_process_triple(), binding.get_host_cpu_features().flatten()]


def script(name):
    """A script and all the modules that it imports, as inputs of a rule."""
    return code_of(f"scripts/{name}.py")


# Where files are -----------------------------------------------------------------------------------------------------


def source_files(dataset):
    return expand(
        "results/{dataset}/source/{part}-{kind}.npy", dataset=dataset, part=["train", "test"], kind=["images", "labels"]
    )


def named_source_files(dataset):
    """By name, as the cache between workflows wants several outputs of a rule."""
    return {Path(path).stem.replace("-", "_"): path for path in source_files(dataset)}


def download_files(dataset):
    """The published files of a dataset, as downloaded; the embedded digits have none."""
    files = RUNS[dataset]["datasets"][dataset].get("sha256", {})
    return [f"results/{dataset}/source/download/{file}" for file in files]


def copy_files(dataset, canvas, distortion, copies):
    folder = f"results/{dataset}/distorted/{canvas}/{distortion}"
    return [f"{folder}/copy-{copy:03d}.npy" for copy in range(copies)]


def require_names(wildcards):
    """Refuse a target whose study, model, training or distortion is not in the config, before anything starts."""
    try:
        configuration.require_names(RUNS[wildcards.dataset], dict(wildcards.items()))
    except InputError as error:
        raise SystemExit(f"error: {error}") from None


def images_to_distort(wildcards):
    require_names(wildcards)
    return f"results/{wildcards.dataset}/source/train-images.npy"


def copies_made(wildcards):
    """All copies of one distorted dataset that the studies use."""
    require_names(wildcards)
    copies = configuration.distorted_copies(RUNS[wildcards.dataset])
    count = copies.get((int(wildcards.canvas), wildcards.distortion), 1)
    return copy_files(wildcards.dataset, wildcards.canvas, wildcards.distortion, count)


def distortion_summaries(dataset):
    """By canvas, then in the order of the config."""
    named = list(RUNS[dataset]["distortions"])
    used = configuration.distorted_copies(RUNS[dataset])
    return [
        f"results/{dataset}/distorted/{canvas}/{distortion}/summary.csv"
        for canvas, distortion in sorted(used, key=lambda pair: (pair[0], named.index(pair[1])))
    ]


def distorted_files(dataset):
    copies = configuration.distorted_copies(RUNS[dataset])
    return [
        *(file for key, count in copies.items() for file in copy_files(dataset, *key, count)),
        *distortion_summaries(dataset),
    ]


def model_folder(dataset, cell):
    """Where the weights of a cell are: perhaps another's, of which it would be a twin."""
    alone = cell._replace(model=configuration.base_model(RUNS[dataset], cell.model))  # a seed that is not in the config
    trained = WEIGHTS[dataset].get(cell, alone)
    return f"results/{dataset}/models/{trained.study}/{trained.model}/{trained.training}/seed-{trained.seed}"


def model_files(dataset):
    names = ["weights.safetensors", "history.csv", "card.json"]
    cells = configuration.trained_cells(RUNS[dataset])
    return [f"{model_folder(dataset, cell)}/{name}" for cell in cells for name in names]


def cells_of(dataset, study):
    return [cell for cell in WEIGHTS[dataset] if cell.study == study]


def shift_file(dataset, cell, suffix=".csv"):
    """What was evaluated for a cell, perhaps for another one, of which it would be a twin."""
    cell = EVALUATIONS[dataset][cell]
    return f"results/{dataset}/shifts/{cell.study}/{cell.model}/{cell.training}/seed-{cell.seed}{suffix}"


def shift_files(dataset, study=None, suffix=".csv"):
    """Grids (.csv), predictions behind them (.predictions.npy), or of all test images (.test.npy).

    Those of a study are in the order of its cells, which may share some; those of all studies are each named once.
    """
    files = [shift_file(dataset, cell, suffix) for cell in EVALUATIONS[dataset] if study in (None, cell.study)]
    return files if study else list(dict.fromkeys(files))


def position_files(dataset, study=None):
    """What was evaluated where positions are told."""
    return [
        f"results/{dataset}/positions/{cell.study}/{cell.model}/{cell.training}/seed-{cell.seed}.csv"
        for cell in configuration.position_cells(RUNS[dataset])
        if study in (None, cell.study)
    ]


def one_of(studies):
    """The pattern of a wildcard that is one of these studies; without any it matches nothing."""
    return "|".join(studies) or "(?!)"


def study_cells(wildcards):
    """The cells of a study in the order of the config, as study/model/training/seed."""
    require_names(wildcards)
    return cell_names(cells_of(wildcards.dataset, wildcards.study))


def cell_names(cells):
    """Cells as scripts are told them, since a file may be that of a twin."""
    return ["/".join(map(str, cell)) for cell in cells]


def study_cards(wildcards):
    """The run card of each cell of a study, in the order of its grids."""
    require_names(wildcards)
    cells = cells_of(wildcards.dataset, wildcards.study)
    return [f"{model_folder(wildcards.dataset, cell)}/card.json" for cell in cells]


def csv_tables(dataset):
    run, tables = RUNS[dataset], []
    for study in run["studies"]:
        kinds = ("", "-runs") if study in configuration.position_studies(run) else ("", "-runs", "-rings", "-ring-runs")
        tables += [f"{study}{kind}" for kind in kinds]
    tables += [f"{study}{kind}" for study in configuration.class_studies(run) for kind in ("-classes", "-class-runs")]
    if "simard2003" in run["studies"]:
        tables += ["simard2003-published", "simard2003-pairs"]
    if "split" in run["studies"]:
        tables += ["split-variance", "split-variance-seeds"]
    if configuration.equivariance_cells(run):
        tables.append("equivariance")
    return [f"results/{dataset}/tables/{table}.csv" for table in tables]


def committed_tables(dataset, table):
    """The committed tables of runs of ours that one table of the paper is made from, as far as there are any."""
    paths = [f"paper/reference/{dataset}-{run}.csv" for run in COMMITTED_RUNS[table]]
    return [path for path in paths if Path(path).exists()]


def tex_tables(dataset):
    """What write_tex.py writes: the paper's numbers, and its tables but for the list of hashes.

    Those of selection.yaml and long.yaml are of runs of ours whose tables are committed.
    """
    tables = ["numbers", "claims", "distortions", "settings", "compute", *RUNS[dataset]["studies"]]
    if "simard2003" in RUNS[dataset]["studies"]:
        tables.append("simard2003-pairs")
    if "split" in RUNS[dataset]["studies"]:
        tables.append("split-variance")
    if configuration.equivariance_cells(RUNS[dataset]):
        tables.append("equivariance")
    tables += [f"reference-{table}" for table in COMMITTED_RUNS if committed_tables(dataset, table)]
    return [f"results/{dataset}/tables/{table}.tex" for table in tables]


def figure_files(dataset, suffixes=("pdf", "png")):
    return [
        f"results/{dataset}/figures/{figure}.{suffix}"
        for figure, study in FIGURES.items()
        if study in FIGURE_STUDIES.get(figure, lambda run: run["studies"])(RUNS[dataset])
        for suffix in suffixes
    ]


# One training, one evaluation ----------------------------------------------------------------------------------------


def training_of(wildcards):
    """Everything one training depends on, apart from its model and seed, as JSON."""
    run = RUNS[wildcards.dataset]
    return as_json(configuration.training_settings(run, wildcards.study, wildcards.model, wildcards.training))


def checkpoint_file(wildcards):
    """Where a training keeps its state until it has ended."""
    cell = f"{wildcards.study}/{wildcards.model}/{wildcards.training}/seed-{wildcards.seed}"
    return f"logs/{wildcards.dataset}/train/{cell}.checkpoint.safetensors"


def training_copies(wildcards):
    """The distorted copies that one training reads, one an epoch; none for the source images themselves."""
    require_names(wildcards)
    run = RUNS[wildcards.dataset]
    settings = configuration.training_settings(run, wildcards.study, wildcards.model, wildcards.training)
    if settings["distortion"] == "none":
        return []
    count = min(settings["copies"], settings["optimisation"]["epochs"])
    return copy_files(wildcards.dataset, settings["canvas"], settings["distortion"], count)


def evaluated_model(wildcards):
    """The config entry, as JSON, of the model whose weights are evaluated."""
    run = RUNS[wildcards.dataset]
    return as_json(run["models"][configuration.base_model(run, wildcards.model)])


def evaluated_weights(wildcards):
    require_names(wildcards)
    cell = configuration.Cell(wildcards.study, wildcards.model, wildcards.training, int(wildcards.seed))
    return f"{model_folder(wildcards.dataset, cell)}/weights.safetensors"


def averages_phases(wildcards):
    """The flag of evaluate.py for a model that averages another's logits."""
    family = RUNS[wildcards.dataset]["models"][wildcards.model]["family"]
    return "--average-phases" if family == "phase_average" else ""


def shifts_of(wildcards):
    """Canvas, largest shift and number of images of a cell's grid, as JSON."""
    return as_json(configuration.shift_settings(RUNS[wildcards.dataset], wildcards.study, wildcards.model))


def equivariance_weights(wildcards):
    """The weights of the networks whose layers are held to equivariance."""
    cells = configuration.equivariance_cells(RUNS[wildcards.dataset])
    if not cells:
        raise SystemExit(
            f"error: equivariance: not in the config of {wildcards.dataset}, or its study is not; config.yaml has both"
        )
    return [f"{model_folder(wildcards.dataset, cell)}/weights.safetensors" for cell in cells]


def equivariance_models(wildcards):
    """The config entries of those networks by name, as JSON."""
    run = RUNS[wildcards.dataset]
    return as_json({cell.model: run["models"][cell.model] for cell in configuration.equivariance_cells(run)})


def equivariance_settings(wildcards):
    """Canvas, images and largest shift of their measurement, as JSON."""
    settings = RUNS[wildcards.dataset]["equivariance"]
    canvas = RUNS[wildcards.dataset]["studies"][settings["study"]]["canvas"]
    return as_json({"canvas": canvas, "images": settings["images"], "max_shift": settings["max_shift"]})


def positions_of(wildcards):
    """Canvas and positions of a cell, as JSON."""
    study = RUNS[wildcards.dataset]["studies"][wildcards.study]
    return as_json({"canvas": study["canvas"], "positions": study["positions"]})


def simard_trainings(wildcards):
    """Distortion and loss of every training of a study of Simard's table, as JSON."""
    require_names(wildcards)
    study = RUNS[wildcards.dataset]["studies"][wildcards.study]
    losses = {name: training.get("optimisation", {}).get("loss") for name, training in study["trainings"].items()}
    return as_json(
        {
            name: {"distortion": training["distortion"], "loss": losses[name] or study["optimisation"]["loss"]}
            for name, training in study["trainings"].items()
        }
    )


def sample_options(wildcards):
    """The --distortion options of the figure of samples: the first copy of each distortion on Simard's canvas."""
    study = RUNS[wildcards.dataset]["studies"]["simard2003"]
    copies = configuration.distorted_copies(RUNS[wildcards.dataset])
    return [
        f"--distortion {distortion}={copy_files(wildcards.dataset, canvas, distortion, 1)[0]}"
        for canvas, distortion in copies
        if canvas == study["canvas"]
    ]


def sampled_copies(wildcards):
    return [option.split("=", 1)[1] for option in sample_options(wildcards)]


def simard_histories(wildcards):
    cells = [cell for cell in configuration.trained_cells(RUNS[wildcards.dataset]) if cell.study == "simard2003"]
    return [f"{model_folder(wildcards.dataset, cell)}/history.csv" for cell in cells]


def summary_tables(wildcards):
    """The tables that the answer at a glance shows, as far as the config has their studies."""
    shown = ("architectures", "augmentation_range", "simard2003-published", "equivariance")
    return [table for table in csv_tables(wildcards.dataset) if Path(table).stem in shown]


def heat_map_cells(dataset):
    """The cells that the heat maps show, as far as the config has them."""
    cells = cells_of(dataset, "architectures")
    return [cell for chosen in HEAT_MAPS for cell in cells if (cell.model, cell.training) == chosen] or cells


def heat_map_grids(wildcards):
    return [shift_file(wildcards.dataset, cell) for cell in heat_map_cells(wildcards.dataset)]


def provenance_files(dataset):
    """What the last page of the paper lists."""
    results = f"results/{dataset}"
    return [
        f"{results}/config.json",
        f"{results}/claims.json",
        *csv_tables(dataset),
        *figure_files(dataset, ["pdf"]),
    ]


def manifest_files(dataset):
    """Every artefact of a run but the manifest itself."""
    results = f"results/{dataset}"
    previews = [path.replace("summary.csv", "preview.png") for path in distortion_summaries(dataset)]
    return [
        *download_files(dataset),
        *source_files(dataset),
        *distorted_files(dataset),
        *previews,
        *model_files(dataset),
        *(path for suffix in (".csv", ".predictions.npy", ".test.npy") for path in shift_files(dataset, suffix=suffix)),
        *position_files(dataset),
        *csv_tables(dataset),
        *tex_tables(dataset),
        *figure_files(dataset),
        f"{results}/config.json",
        f"{results}/claims.json",
        f"{results}/tables/provenance.tex",
        f"{results}/paper.pdf",
    ]


# Speed ---------------------------------------------------------------------------------------------------------------

BENCHMARK_LOOPS = ["distorting", "training", "evaluating"]
BENCHMARK_FILES = [
    f"results/benchmark/{name}"
    for name in ("benchmark.csv", "benchmark.md", "benchmark.pdf", "benchmark.png", "machine.json")
]


def benchmark_code(wildcards):
    """What is measured, and what measures it; asking for it is the moment to say that the peers are not installed."""
    sys.path.append(os.path.join(workflow.basedir, "benchmarks"))
    from speed.surroundings import require_packages

    try:
        require_packages()
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
    return sorted({*code_of("benchmarks/measure_speed.py"), *script("distort"), *script("train"), *script("evaluate")})


# The reference -------------------------------------------------------------------------------------------------------


def committed_reference(wildcards):
    """The reference numbers of a dataset, if there are any; scripts/record_reference.py writes them, and no rule."""
    path = f"paper/reference/{wildcards.dataset}.json"
    return [path] if Path(path).exists() else []


def required_reference(wildcards):
    """The reference numbers to hold a run to; asking for them is the moment to say that there are none."""
    from invariance.record.reference import read_reference  # with pandas, which takes its time

    path = Path(f"paper/reference/{DATASET}.json")
    try:
        read_reference(path, DATASET)
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
    return str(path)


# The paper -----------------------------------------------------------------------------------------------------------


def paper_sources(wildcards):
    """What the paper is written in; asking for it is the moment to say that LaTeX is missing, before any training."""
    try:
        build_paper.require_latex()
    except InputError as error:
        raise SystemExit(
            f"error: {error}\nor build everything but the paper: snakemake --cores 8 figures measures"
        ) from None
    return sorted(str(path) for pattern in build_paper.SOURCES for path in Path("paper").rglob(pattern))


def text_needs(run):
    """What the text of the paper speaks of: cells, grids of shifts, cells with a number of images, claims."""
    shift_images = [
        (study, model)
        for study, settings in run["studies"].items()
        for model, cell in settings["cells"].items()
        if "shift_images" in cell
    ]
    grids = [(study, "grid") for study, settings in run["studies"].items() if settings["max_shift"]]
    layers = {("layers", cell.model) for cell in configuration.equivariance_cells(run)}
    return {cell[:3] for cell in configuration.cells(run)} | {*shift_images, *grids, *run["claims"]} | layers


def allows_gaps(wildcards):
    """The flag of build_paper.py for a config that leaves out what the text speaks of: it is then named as missing.

    All of the full config is in the text, so without the flag a missing number fails the build.
    """
    full = configuration.resolve(configuration.load([Path("config.yaml")]))[wildcards.dataset]
    return "" if text_needs(full) <= text_needs(RUNS[wildcards.dataset]) else "--stub"
