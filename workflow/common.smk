"""What the rules share: the environment of every job, the validated plans, and how a job gets its part of them."""

import json
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = os.path.join(workflow.basedir, "scripts")
sys.path.insert(0, SCRIPTS)

import studies
from invariance.paper import latex
from invariance.plan import explored, own_networks, reading, text, words
from invariance.plan.catalogue import Catalogue, flat
from invariance.plan.declarations import network_files, part_files
from invariance.plan.validation import validate
from invariance.record import checksums, dependencies, environment, forking, progress, queue
from invariance.record.artefacts import InputError
from invariance.record.manifest import VERSIONED

# Escaped, or Snakemake reads braces in the folder's name as wildcards.
ENVIRONMENT = f"{workflow.basedir}/envs/environment.yaml".replace("{", "{{").replace("}", "}}")
VERSIONS = [*dependencies.versions(*VERSIONED), dependencies.PYTHON]
TARGETS = ("all", "demo", "data", "models", "measures", "figures", "paper", "explorer", "verify", "benchmark")


def or_exit(function, *arguments):
    """What the function returns; an InputError ends Snakemake while the DAG is built, before any job."""
    try:
        return function(*arguments)
    except InputError as error:
        raise SystemExit(f"error: {error}") from None


# Snakemake keeps a file there even in a dry run.
or_exit(environment.require_writable, ".snakemake" if os.path.isdir(".snakemake") else ".")
# Snakemake has read its own variables by now.
SURROUNDINGS = environment.of_jobs(os.environ, spare_home=Path(".snakemake/home").absolute())
os.environ.clear()
os.environ.update(SURROUNDINGS)
os.umask(os.umask(0o077) & 0o077)  # what this user makes, this user may read
DECLARED = studies.declared()
try:
    # Snakemake takes the last of two equal keys in silence; the files are read once more, by stricter rules.
    COMMITTED = reading.load([Path(workflow.basedir) / "config.yaml"])
    reading.load(workflow.config_settings.configfiles)
    validate(config, Path(workflow.basedir) / "workflow/schemas/config.schema.yaml", DECLARED)
except InputError as error:
    raise WorkflowError(str(error)) from None

# Whether source images and copies are shared between clones: `SNAKEMAKE_OUTPUT_CACHE=<folder> snakemake ... --cache`.
CACHING = bool(or_exit(environment.output_cache, os.environ))
MACHINE = [dependencies.PYTHON, *dependencies.processor()] if CACHING else None
DATASET = config["dataset"]
# An overlay's keys come first in `config`; studies and cells keep the order of config.yaml.
PLANS = reading.resolve(reading.merge(COMMITTED, config))
FULL = reading.resolve(COMMITTED)
CATALOGUES = {name: Catalogue(plan, DECLARED) for name, plan in PLANS.items()}
PLAN, CATALOGUE = PLANS[DATASET], CATALOGUES[DATASET]


def one_of(names):
    """The pattern of a wildcard that is one of these names; without any it matches nothing."""
    return "|".join(sorted(set(names))) or "(?!)"


def known(what):
    """All names of one sort in any plan's catalogue."""
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


def of_plan(function):
    """An input function or param that checks the names in the wildcards, then calls `function(plan, wildcards)`."""

    def look(wildcards):
        plan = PLANS[wildcards.dataset]
        or_exit(plan.require_names, dict(wildcards.items()))
        return or_exit(function, plan, wildcards)

    return look


def as_json(value):
    """JSON with sorted keys, so that reordering the config changes no param and reruns nothing."""
    return json.dumps(value, sort_keys=True)


def setting(path):
    """What the plan has at a path such as "measures" or "models/{model}", as JSON."""
    return of_plan(lambda plan, wildcards: as_json(plan.setting(path.format(**wildcards))))


def made_by(script, *further):
    """The code of a script and of modules that it finds by name, and what it computes with: a change reruns the job."""
    code = dependencies.made_by(f"{SCRIPTS}/{script}.py", *further, root=SCRIPTS)
    return [*code, *environment.changing_numbers(os.environ)]


def untracked(function):
    """A param whose changes rerun nothing: Snakemake does not track a param that takes `input`."""
    return lambda wildcards, input: function(wildcards)


def item(what, wildcards):
    """The table, tabular or figure of the catalogue that a rule makes."""
    return or_exit(CATALOGUES[wildcards.dataset].find, what, wildcards.get("table") or wildcards.get("figure"))


def of_item(what, function):
    """An input function or param: `function(item, plan)` of the table, tabular or figure that a rule makes."""
    return lambda wildcards: or_exit(function, item(what, wildcards), PLANS[wildcards.dataset])


def code_of_item(script, what):
    """Like `made_by`, including the module of the function that makes the item."""
    return of_item(what, lambda item, plan: made_by(script, *item.code(plan, SCRIPTS)))


def required_reference():
    """The reference that a run is compared with, by its path."""
    from invariance.record.reference import read_reference  # imports pandas, which is slow

    path = Path(f"paper/reference/{DATASET}.json")
    read_reference(path, DATASET)
    return str(path)


def code_of_benchmark():
    """The code that is measured and the code that measures it; an InputError unless the peers are installed."""
    sys.path.append(os.path.join(workflow.basedir, "benchmarks"))
    from speed.surroundings import require_packages

    require_packages()
    networks = [file for model in PLANS["mnist"]["models"] for file in network_files(PLANS["mnist"].network(model))]
    ours = made_by("distort", f"{SCRIPTS}/train.py", f"{SCRIPTS}/evaluate.py", *networks)
    return [*dependencies.made_by("benchmarks/measure_speed.py"), *ours]
