"""What the rules share: the environment of every job, the validated plans, and how a job gets its part of them."""

import functools
import json
import operator
import os
import platform
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = os.path.join(workflow.basedir, "scripts")
sys.path.insert(0, SCRIPTS)

import build_paper
import studies
from invariance.plan import reading
from invariance.plan.catalogue import Catalogue, flat
from invariance.plan.declarations import network_files, part_files
from invariance.plan.validation import validate
from invariance.record import dependencies, environment
from invariance.record.artefacts import InputError
from invariance.record.manifest import VERSIONED, write_manifest

# Braces in the folder's name are none of a wildcard.
ENVIRONMENT = f"{workflow.basedir}/envs/environment.yaml".replace("{", "{{").replace("}", "}}")
PYTHON = f"python=={platform.python_version()}"
VERSIONS = [*dependencies.versions(*VERSIONED), PYTHON]

TARGETS = ("all", "demo", "data", "models", "measures", "figures", "paper", "verify", "benchmark")

# Snakemake has read its own variables by now.
SURROUNDINGS = environment.of_jobs(os.environ, spare_home=Path(".snakemake/home").absolute())
os.environ.clear()
os.environ.update(SURROUNDINGS)
os.umask(os.umask(0o077) & 0o077)  # what this user makes, this user may read
CONFIG = Path(workflow.basedir) / "config.yaml"
DECLARED = studies.declared()
try:
    # Snakemake takes the last of two equal keys in silence; the files are read once more, by stricter rules.
    reading.load([CONFIG, *workflow.config_settings.configfiles])
    validate(config, Path(workflow.basedir) / "workflow/schemas/config.schema.yaml", DECLARED)
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
PLANS = reading.resolve(reading.merge(reading.load([CONFIG]), config))
CATALOGUES = {name: Catalogue(plan, DECLARED) for name, plan in PLANS.items()}
PLAN, CATALOGUE = PLANS[DATASET], CATALOGUES[DATASET]


def one_of(names):
    """The pattern of a wildcard that is one of these names; without any it matches nothing."""
    return "|".join(sorted(set(names))) or "(?!)"


def known(what):
    """All names of one sort in either plan's catalogue."""
    return [name for catalogue in CATALOGUES.values() for name in getattr(catalogue, what)]


wildcard_constraints:
    dataset=one_of(PLANS),
    study=one_of(study for plan in PLANS.values() for study in plan["studies"]),
    model=r"\w+",
    training=r"\w+",
    distortion=r"\w+",
    file=one_of(Path(file).stem for file in PLANS["mnist"].data["sha256"]),
    canvas=r"\d+",
    number=r"\d{3}",
    seed=r"\d+",


def require_writable(*folders):
    """Say at once that a folder cannot be written; Snakemake would at its first file there, with a traceback."""
    paths = [Path(folder).absolute() for folder in folders]
    if lost := [str(path) for path in paths if path.is_symlink() and not path.exists()]:
        raise SystemExit(
            f"error: {', '.join(lost)}: a link to a folder that is not there; nothing was started. Make that folder, or "
            "remove the link"
        )
    if refused := [str(path) for path in paths if path.exists() and not os.access(path, os.W_OK)]:
        raise SystemExit(
            f"error: {', '.join(refused)}: cannot be written, being on a read-only disk or another user's; nothing was "
            "started. Let this user write there, or work in a copy of this folder"
        )


def refused_target(wildcards):
    """For a target that no rule makes though it is a path of this project: what to type instead."""
    target = wildcards.target
    if os.path.isabs(target):
        advice = f"name a file by its path from the project's folder: {os.path.relpath(target)}"
    else:
        advice = f"a folder; name a file in it, or one of the targets {', '.join(TARGETS)}"
    raise SystemExit(f"error: {target}: {advice}")


def or_exit(function, *arguments):
    """What the function returns; an InputError ends Snakemake while the DAG is built, before any job."""
    try:
        return function(*arguments)
    except InputError as error:
        raise SystemExit(f"error: {error}") from None


def of_plan(function):
    """An input function or param: `function(plan, wildcards)`, once the names among the wildcards are known to be right."""

    def look(wildcards):
        plan = PLANS[wildcards.dataset]
        or_exit(plan.require_names, dict(wildcards.items()))
        return or_exit(function, plan, wildcards)

    return look


def as_json(value):
    """JSON in the order of the keys' names: the same text, and so no rerun, however the config is laid out."""
    return json.dumps(value, sort_keys=True)


def setting(path):
    """What the plan has at a path such as "measures" or "models/{model}", as JSON; a text as it is."""

    def look(plan, wildcards):
        value = functools.reduce(operator.getitem, path.format(**wildcards).split("/"), plan)
        return value if isinstance(value, str) else as_json(value)

    return of_plan(look)


def made_by(script, *further):
    """The code of a script and of what it finds by name, and what it computes with; a change of them is a rerun."""
    paths = [f"{SCRIPTS}/{script}.py", *further]
    return [*dependencies.made_by(*paths, root=SCRIPTS), *environment.changing_numbers(os.environ)]


def untracked(function):
    """A param that reruns nothing when it changes: Snakemake does not track one that takes `input`."""
    return lambda wildcards, input: function(wildcards)


def item(what, wildcards):
    """The table, tabular or figure of the catalogue that a rule is to make."""
    return or_exit(CATALOGUES[wildcards.dataset].find, what, wildcards.get("table") or wildcards.get("figure"))


def of_item(what, function):
    """An input function or param: `function(item, plan)` of what a rule is to make."""
    return lambda wildcards: or_exit(function, item(what, wildcards), PLANS[wildcards.dataset])


def code_of_item(script, what):
    """As `made_by`, with the module of the function that makes it."""
    return of_item(what, lambda item, plan: made_by(script, item.file(SCRIPTS)))


def machine(wildcards, input):
    """What computes, for the key of the cache between workflows; untracked, so that results can be moved.

    Compiled loops and NumPy choose their instructions, and with them the last bits, by the processor.
    """
    if not CACHING:
        return None
    from llvmlite import binding

    return [PYTHON, platform.system(), binding.get_process_triple(), binding.get_host_cpu_features().flatten()]


# Snakemake keeps a file there even in a dry run.
require_writable(".snakemake" if os.path.isdir(".snakemake") else ".")
