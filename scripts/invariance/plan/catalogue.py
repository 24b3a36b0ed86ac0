"""What each study declares, and what a plan makes of it: tables, figures, claims.

A study is a folder of scripts/studies/. Its `__init__.py` defines `STUDY`, which names functions in the files beside
it. Declarations import nothing that computes, so that the workflow starts fast.

The name of an artefact may contain `{study}`: then every study of the plan that fits (`Study.fits`) gets one. Otherwise
there is one, for the study named as the folder.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invariance.plan.declarations import network_files
from invariance.plan.plan import Cell, Plan
from invariance.plan.words import options, place_of_claim
from invariance.record.artefacts import InputError

Source = str | Callable[[Plan, str], Any]  # functions here take a plan and the name of a study
THRESHOLD = {"threshold": {"$ref": "#/$defs/threshold"}}


def confidence(plan: Plan, study: str) -> dict[str, float]:
    """The settings of a table that needs only the confidence of its intervals."""
    return {"confidence": plan["measures"]["confidence"]}


def committed(*runs: str) -> Callable[[Plan, str], dict[str, str]]:
    """An input: the tables of these runs that are committed in paper/reference/, by run."""

    def tables(plan: Plan, study: str) -> dict[str, str]:
        paths = {run: f"paper/reference/{plan.dataset}-{run}.csv" for run in runs}
        return {run: path for run, path in paths.items() if Path(path).exists()}

    return tables


@dataclass(frozen=True)
class Made:
    """A file that one function makes from others.

    Attributes:
        name: file name without folder and suffix.
        function: "module:function" in the study's folder, or with its package, "invariance.x.y:z".
        inputs: argument of the function -> path below results/<dataset>/ (or below paper/), which may contain {study};
            or a function that returns a path, a mapping from labels to paths, or None to leave the argument out.
        settings: the other arguments of the function.
        there: whether the plan has this file.
        memory: of the job, MB.
        study, folder: set by the catalogue.
    """

    name: str
    function: str
    inputs: Mapping[str, Source]
    settings: Callable[[Plan, str], dict[str, Any]] = lambda plan, study: {}
    there: Callable[[Plan, str], bool] = lambda plan, study: True
    memory: int = 500
    study: str = ""
    folder: str = ""

    @property
    def target(self) -> str:
        """The function with its full module name."""
        return qualified(self.function, self.folder)

    def file(self, scripts: str) -> str:
        """The file of the function's module, below the folder `scripts`."""
        return module_file(self.target, scripts)

    def code(self, plan: Plan, scripts: str) -> list[str]:
        """That file, and those of `models` among the settings: name -> entry in the config, for networks to build."""
        models = self.settings(plan, self.study).get("models", {})
        entries = [entry for entry in dict(models).values() if "family" in entry] if isinstance(models, Mapping) else []
        return [self.file(scripts), *(file for entry in entries for file in network_files(entry))]

    def arguments(self, plan: Plan) -> dict[str, Any]:
        """Argument -> path, or mapping from labels to paths."""
        resolved = {name: self._resolve(source, plan) for name, source in self.inputs.items()}
        return {name: paths for name, paths in resolved.items() if paths is not None}

    def _resolve(self, source: Source, plan: Plan) -> Any:
        if not isinstance(source, str):
            return source(plan, self.study)
        return source if source.startswith("paper/") else plan.file(source.format(study=self.study))

    def files(self, plan: Plan) -> list[str]:
        """All input files."""
        return flat(self.arguments(plan))


@dataclass(frozen=True)
class Table(Made):
    """A table, as CSV. With `on_request`, it is made only when its path is asked for."""

    on_request: bool = False


@dataclass(frozen=True)
class Tabular(Made):
    """A table of the paper, as TeX."""


@dataclass(frozen=True)
class Figure(Made):
    """A figure, as PDF and PNG; by default, the function is `draw` of the module named as the figure.

    Title and caption are those of the Snakemake report; the paper has its own.
    """

    function: str = field(default="", kw_only=True)
    title: str = ""
    caption: str = ""
    memory: int = 1000

    @property
    def target(self) -> str:
        """The function with its full module name."""
        return qualified(self.function or f"{self.name}:draw", self.folder)


DIRECTIONS = ("above", "below")
UNITS = ("percentage", "percent", "pixels", "relative")  # the first word, which tells how much a number may differ


@dataclass(frozen=True)
class Claim:
    """A claim that the results can refute.

    Attributes:
        id, statement: such as C1, and the claim in one sentence.
        function: "module:function" in the study's folder that measures it.
        unit: of its number; may contain {name} of a setting.
        rule: when the claim counts as supported, in words.
        direction: side of settings["threshold"], "above" or "below", on which the whole interval lies if the claim is
            supported; None if the function itself gives the verdict.
        figure: name of the figure that shows it.
        reads: table -> columns that the function reads; it gets no others.
        settings: JSON schema of each of its settings in the config.
    """

    id: str
    statement: str
    function: str
    unit: str
    rule: str
    direction: str | None
    figure: str
    reads: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Any] = field(default_factory=lambda: THRESHOLD)


@dataclass(frozen=True)
class Study:
    """The claims, tables, figures and numbers that one study adds to those of its kind.

    Attributes:
        fits: whether a study of the plan, given by its name, gets what is declared here; by default only the study
            named as the folder.
        numbers: "module:function" of each function that adds numbers to the paper's text, beyond each cell's measures.
        training_name: what the training of a cell must be called, where a figure reads a number from the name.
    """

    claims: tuple[Claim, ...] = ()
    tables: tuple[Table, ...] = ()
    tabulars: tuple[Tabular, ...] = ()
    figures: tuple[Figure, ...] = ()
    numbers: tuple[str, ...] = ()
    fits: Callable[[Plan, str], bool] | None = None
    training_name: Callable[[Plan, Cell], str] | None = None

    def is_kind_of(self, plan: Plan, name: str, folder: str) -> bool:
        """Whether the study `name` gets what is declared in `folder`."""
        return self.fits(plan, name) if self.fits else name == folder and name in plan["studies"]


def qualified(function: str, folder: str) -> str:
    """Add the module of the study: claims:pooling of architectures is studies.architectures.claims:pooling."""
    return function if function.startswith("invariance.") else f"studies.{folder}.{function}"


def flat(inputs: Mapping[str, Any]) -> list[str]:
    """The paths among the values, each a path or a mapping from labels to paths."""
    return [path for value in inputs.values() for path in (value.values() if isinstance(value, Mapping) else [value])]


def module_file(function: str, scripts: str) -> str:
    """The file, below the folder `scripts`, of a "module:function"."""
    return f"{scripts}/{function.partition(':')[0].replace('.', '/')}.py"


# Every study over a grid of shifts has these. scripts/summarise.py makes the four tables together.
RUNS = ("{study}-runs", "{study}-ring-runs", "{study}", "{study}-rings")
OVER_SHIFTS = Study(
    tabulars=(Tabular("{study}", "invariance.paper.tex:study_tabular", {"summary": "tables/{study}.csv"}),),
    fits=lambda plan, study: study in plan.shifted_studies,
)


class Catalogue:
    """What one plan makes: `tables`, `tabulars` and `figures` by name, claims, and lists of files."""

    def __init__(self, plan: Plan, studies: Mapping[str, Study]) -> None:
        """Args: plan; studies, by folder."""
        self.plan, self.studies = plan, studies
        self.tables: dict[str, Table] = self._made("tables")
        self.tabulars: dict[str, Tabular] = self._made("tabulars")
        self.figures: dict[str, Figure] = self._made("figures")
        self.summarised = [name.format(study=study) for study in plan.shifted_studies for name in RUNS]
        derived = [name for name, table in self.tables.items() if not table.on_request]
        self._csv = {name: plan.file(f"tables/{name}.csv") for name in [*self.summarised, *derived]}

    def _made(self, kind: str) -> dict[str, Any]:
        """The tables, tabulars or figures that the studies declare, by name; the last declaration of a name counts."""
        made: dict[str, Any] = {}
        for folder, study in {"": OVER_SHIFTS, **self.studies}.items():
            for item in getattr(study, kind):
                for name in self.plan["studies"] if "{study}" in item.name else [folder]:
                    if study.is_kind_of(self.plan, name, folder) and item.there(self.plan, name):
                        file = item.name.format(study=name)
                        made[file] = dataclasses.replace(item, name=file, study=name, folder=folder)
        return made

    def find(self, kind: str, name: str) -> Any:
        """One of the `tables`, `tabulars` or `figures`; raises InputError if the plan has none of that name."""
        there = getattr(self, kind)
        if name not in there:
            raise InputError(
                f"{name}: not one of the {kind} that the plan of {self.plan.dataset} makes{options(name, there)}"
            )
        return there[name]

    # Claims and numbers -----------------------------------------------------------------------------------------------

    @functools.cached_property
    def claims(self) -> dict[str, tuple[str, Claim]]:
        """The claims of the plan by id, in their order, each with the folder of its study."""
        found = [(folder, claim) for folder, study in self.studies.items() for claim in study.claims]
        chosen = [pair for pair in found if pair[1].id in self.plan["claims"]]
        chosen.sort(key=lambda pair: place_of_claim(pair[1].id))
        return {claim.id: (folder, claim) for folder, claim in chosen}

    @property
    def claim_records(self) -> dict[str, dict[str, Any]]:
        """The claims as scripts/judge_claims.py takes them."""
        return {
            name: {
                "study": folder,
                "function": qualified(claim.function, folder),
                "settings": self.plan["claims"][name],
                **{key: getattr(claim, key) for key in ("statement", "unit", "rule", "direction", "reads")},
            }
            for name, (folder, claim) in self.claims.items()
        }

    @property
    def claim_tables(self) -> dict[str, str]:
        """The tables of this plan that the claims read."""
        read = dict.fromkeys(table for _, claim in self.claims.values() for table in claim.reads)
        return {table: self._csv[table] for table in read if table in self._csv}

    @property
    def numbers(self) -> dict[str, list[str]]:
        """For each study of the plan, the functions that add numbers to the paper's text."""
        return {
            name: [
                qualified(function, folder)
                for folder, study in self.studies.items()
                if study.is_kind_of(self.plan, name, folder)
                for function in study.numbers
            ]
            for name in self.plan["studies"]
        }

    @property
    def number_inputs(self) -> dict[str, Any]:
        """What scripts/write_numbers.py reads."""
        records = {name: self.plan.file(f"{name}.json") for name in ("config", "claims")}
        return {**records, "tables": self._csv, "summaries": self.plan.summaries}

    def claim_code(self, scripts: str) -> list[str]:
        """The modules that measure the claims."""
        return [module_file(claim["function"], scripts) for claim in self.claim_records.values()]

    def number_code(self, scripts: str) -> list[str]:
        """The modules that add numbers to the paper's text."""
        return [module_file(function, scripts) for found in self.numbers.values() for function in found]

    # Files ------------------------------------------------------------------------------------------------------------

    @property
    def table_files(self) -> list[str]:
        """Every table as CSV, except those made on request."""
        return list(self._csv.values())

    def figure_files(self, suffixes: Iterable[str] = ("pdf", "png")) -> list[str]:
        """Every figure."""
        return [self.plan.file(f"figures/{name}.{suffix}") for name in self.figures for suffix in suffixes]

    @property
    def tex_files(self) -> list[str]:
        """Every TeX file that the paper includes."""
        return [self.plan.file(f"tables/{name}.tex") for name in ("numbers", "provenance", *self.tabulars)]

    @property
    def scripts(self) -> dict[str, str]:
        """The script that makes each figure and table, as the paper names it below them."""
        made = {f"figures/{name}": figure.file("scripts") for name, figure in self.figures.items()}
        made |= {f"tables/{name}": tabular.file("scripts") for name, tabular in self.tabulars.items()}
        return made | {"tables/provenance": "scripts/write_provenance.py"}

    @property
    def provenance(self) -> list[str]:
        """What the last page of the paper lists."""
        records = [self.plan.file(name) for name in ("config.json", "claims.json")]
        return [*records, *self.table_files, *self.figure_files(["pdf"])]

    @property
    def measured(self) -> list[str]:
        """All that the tables and verdicts rest on, and these: from the downloads to claims.json."""
        plan = self.plan
        return [
            *plan.all_data_files,
            *plan.model_files,
            *plan.evaluation_files,
            *self.table_files,
            *(plan.file(name) for name in ("config.json", "claims.json")),
        ]

    @property
    def published(self) -> list[str]:
        """All that the paper rests on, and the paper."""
        return [*self.measured, *self.tex_files, *self.figure_files(), self.plan.file("paper.pdf")]

    @property
    def artefacts(self) -> list[str]:
        """Every artefact of the plan, except the manifest itself."""
        return [*self.published, self.plan.file("explorer.html"), self.plan.file("overview.html")]
