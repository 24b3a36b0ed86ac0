"""What a study declares of itself, and what a plan makes of it: tables, figures, claims.

A study is a folder of scripts/studies/. Its `__init__.py` holds `STUDY`, and beside it lie the functions that STUDY
names: claims, tables, figures. Declarations name files and functions and import nothing that computes, so that the
workflow knows in a moment what there is to make.

The name of an artefact may hold `{study}`. Then every study of the plan that is of this kind (`Study.fits`) has one;
otherwise there is one, for the study that is named as the folder.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from invariance.plan.plan import Plan
from invariance.plan.words import options
from invariance.record.artefacts import InputError

Source = str | Callable[[Plan, str], Any]  # of a plan and the name of a study
THRESHOLD = {"threshold": {"$ref": "#/$defs/threshold"}}


def no_settings(plan: Plan, study: str) -> dict[str, Any]:
    """For what depends on its inputs alone."""
    return {}


@dataclass(frozen=True)
class Made:
    """A file that one function makes of others.

    Attributes:
        name: of the file, without folder and suffix.
        function: as "module:function", the module in the study's folder; or with its package, "invariance.x.y:z".
        inputs: argument of the function -> a path below results/<dataset>/ (or below paper/), which may hold {study};
            or a function that gives a path, or a mapping of labels to paths, or None for none.
        settings: what else the function is called with.
        there: whether there is one at all.
        memory: of the job, MB.
    """

    name: str
    function: str
    inputs: Mapping[str, Source]
    settings: Callable[[Plan, str], dict[str, Any]] = no_settings
    there: Callable[[Plan, str], bool] = lambda plan, study: True
    memory: int = 500
    study: str = ""  # filled in by the catalogue
    folder: str = ""

    def bound_to(self, study: str, folder: str) -> "Made":
        """The same for one study of a plan."""
        return dataclasses.replace(self, name=self.name.format(study=study), study=study, folder=folder)

    @property
    def target(self) -> str:
        """The function with its whole module."""
        return qualified(self.function, self.folder)

    def file(self, scripts: str) -> str:
        """The file of its module, below the folder `scripts`."""
        return module_file(self.target, scripts)

    def arguments(self, plan: Plan) -> dict[str, Any]:
        """Argument -> path, or -> {label: path}."""
        resolved = {name: self._resolve(source, plan) for name, source in self.inputs.items()}
        return {name: paths for name, paths in resolved.items() if paths is not None}

    def _resolve(self, source: Source, plan: Plan) -> Any:
        if not isinstance(source, str):
            return source(plan, self.study)
        return source if source.startswith("paper/") else plan.file(source.format(study=self.study))

    def files(self, plan: Plan) -> list[str]:
        """All files that it is made from."""
        return flat(self.arguments(plan))


@dataclass(frozen=True)
class Table(Made):
    """A table, as CSV. With `on_request` no target has it made but its own path."""

    on_request: bool = False


@dataclass(frozen=True)
class Tabular(Made):
    """A table of the paper, as TeX."""


@dataclass(frozen=True)
class Figure(Made):
    """A figure, as PDF and PNG, drawn by `draw` of the module `function`, or of that which is called as the figure.

    Title and caption are those of the Snakemake report; the paper has its own.
    """

    function: str = field(default="", kw_only=True)
    title: str = ""
    caption: str = ""
    memory: int = 1000

    @property
    def target(self) -> str:
        """The module."""
        return f"studies.{self.folder}.{self.function or self.name}"


@dataclass(frozen=True)
class Claim:
    """A claim that can fail.

    Attributes:
        id, statement: C1, and the claim in one sentence.
        function: "module:function" that measures it, in the study's folder.
        unit: of its number; may hold {name} of a setting.
        rule: when it counts as supported, in words.
        direction: on which side of settings["threshold"] the whole interval then lies, "above" or "below"; None where
            the function itself gives the verdict.
        figure: that shows it.
        reads: table -> the columns that the function reads. It is given no others.
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

    @property
    def number(self) -> int:
        """Claims are listed by it."""
        return int(self.id.removeprefix("C"))


@dataclass(frozen=True)
class Study:
    """What one study is about and what it adds to what all studies of its kind have.

    Attributes:
        fits: whether a study, by its name, is of this kind in a plan; by default the plan's study named as the folder.
        numbers: "module:function" of each that gives what the paper's text prints beyond the measures of each cell.
    """

    claims: tuple[Claim, ...] = ()
    tables: tuple[Table, ...] = ()
    tabulars: tuple[Tabular, ...] = ()
    figures: tuple[Figure, ...] = ()
    numbers: tuple[str, ...] = ()
    fits: Callable[[Plan, str], bool] | None = None

    def is_kind_of(self, plan: Plan, name: str, folder: str) -> bool:
        """Whether the study `name` has what this one, declared in `folder`, declares."""
        return self.fits(plan, name) if self.fits else name == folder and name in plan["studies"]


def qualified(function: str, folder: str) -> str:
    """A function with its whole module: "claims:pooling" of architectures is studies.architectures.claims:pooling."""
    return function if function.startswith("invariance.") else f"studies.{folder}.{function}"


def flat(inputs: Mapping[str, Any]) -> list[str]:
    """The paths among the values, each a path or a mapping of labels to paths."""
    nested = (value.values() if isinstance(value, Mapping) else [value] for value in inputs.values())
    return list(itertools.chain.from_iterable(nested))


def module_file(function: str, scripts: str) -> str:
    """The file, below the folder `scripts`, of a module or of a function that is named with its module."""
    return f"{scripts}/{function.partition(':')[0].replace('.', '/')}.py"


# What every study over a grid of shifts has. The first four tables are made together, by scripts/summarise.py.
RUNS = ("{study}-runs", "{study}-ring-runs", "{study}", "{study}-rings")
OVER_SHIFTS = Study(
    tabulars=(Tabular("{study}", "invariance.paper.tex:study_tabular", {"summary": "tables/{study}.csv"}),),
    fits=lambda plan, study: study in plan.shifted_studies,
)


class Catalogue:
    """What there is to make of one plan."""

    def __init__(self, plan: Plan, studies: Mapping[str, Study]) -> None:
        """Args: plan; studies, by folder."""
        self.plan, self.studies = plan, studies
        self.summarised = [name.format(study=study) for study in plan.shifted_studies for name in RUNS]
        self.tables: dict[str, Table] = self._made("tables")
        self.tabulars: dict[str, Tabular] = self._made("tabulars")
        self.figures: dict[str, Figure] = self._made("figures")

    def _made(self, what: str) -> dict[str, Any]:
        """What the studies declare of one sort, by name; the last declaration of a name counts."""
        made: dict[str, Any] = {}
        for folder, study in {"": OVER_SHIFTS, **self.studies}.items():
            for item in getattr(study, what):
                names = self.plan["studies"] if "{study}" in item.name else [folder]
                for name in names:
                    if study.is_kind_of(self.plan, name, folder) and item.there(self.plan, name):
                        bound = item.bound_to(name, folder)
                        made[bound.name] = bound
        return made

    def find(self, what: str, name: str) -> Any:
        """A table, tabular or figure by its name.

        Raises:
            InputError: the plan has none.
        """
        there = getattr(self, what)
        if name not in there:
            raise InputError(
                f"{name}: not among the {what} of {self.plan.dataset}, as its plan is{options(name, there)}"
            )
        return there[name]

    # Claims and numbers -----------------------------------------------------------------------------------------------

    @functools.cached_property
    def claims(self) -> dict[str, tuple[str, Claim]]:
        """The claims of the plan by id, in the order of their numbers, each with the folder of its study."""
        found = [(folder, claim) for folder, study in self.studies.items() for claim in study.claims]
        chosen = sorted((pair for pair in found if pair[1].id in self.plan["claims"]), key=lambda pair: pair[1].number)
        return {claim.id: (folder, claim) for folder, claim in chosen}

    @property
    def claim_records(self) -> dict[str, dict[str, Any]]:
        """The claims as scripts/judge_claims.py takes them."""
        return {
            name: {
                "study": folder,
                "statement": claim.statement,
                "function": qualified(claim.function, folder),
                "unit": claim.unit,
                "rule": claim.rule,
                "direction": claim.direction,
                "reads": claim.reads,
                "settings": self.plan["claims"][name],
            }
            for name, (folder, claim) in self.claims.items()
        }

    @property
    def claim_tables(self) -> dict[str, str]:
        """The tables that the claims read, as far as the plan has them."""
        read = dict.fromkeys(table for _, claim in self.claims.values() for table in claim.reads)
        return {table: self.plan.file(f"tables/{table}.csv") for table in read if table in self._csv}

    @property
    def numbers(self) -> dict[str, list[str]]:
        """For each study of the plan, the functions of its further numbers."""
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
        tables = {name: self.plan.file(f"tables/{name}.csv") for name in self._csv}
        return {**records, "tables": tables, "summaries": self.plan.summaries}

    def code(self, functions: Iterable[str], scripts: str) -> list[str]:
        """The files of functions that are named with their modules."""
        return [module_file(function, scripts) for function in dict.fromkeys(functions)]

    def claim_code(self, scripts: str) -> list[str]:
        """The modules that the claims are measured by."""
        return self.code((claim["function"] for claim in self.claim_records.values()), scripts)

    def number_code(self, scripts: str) -> list[str]:
        """The modules of the further numbers."""
        return self.code((function for found in self.numbers.values() for function in found), scripts)

    # Files ------------------------------------------------------------------------------------------------------------

    @property
    def _csv(self) -> list[str]:
        derived = [name for name, table in self.tables.items() if not table.on_request]
        return [*self.summarised, *derived]

    @property
    def table_files(self) -> list[str]:
        """Every table as CSV, but for those that are made on request."""
        return [self.plan.file(f"tables/{name}.csv") for name in self._csv]

    def figure_files(self, suffixes: Iterable[str] = ("pdf", "png")) -> list[str]:
        """Every figure."""
        return [self.plan.file(f"figures/{name}.{suffix}") for name in self.figures for suffix in suffixes]

    @property
    def tex_files(self) -> list[str]:
        """All that the paper includes as TeX."""
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
        return [
            self.plan.file("config.json"),
            self.plan.file("claims.json"),
            *self.table_files,
            *self.figure_files(["pdf"]),
        ]

    @property
    def artefacts(self) -> list[str]:
        """Every artefact of the plan but the manifest itself."""
        plan = self.plan
        made = [
            *plan.download_files,
            *plan.source_files,
            *plan.distorted_files,
            *plan.model_files,
            *plan.evaluation_files,
        ]
        written = [*self.table_files, *self.tex_files, *self.figure_files()]
        return [*made, *written, *(plan.file(name) for name in ("config.json", "claims.json", "paper.pdf"))]
