"""A plan: the settings of one data set, and what follows from them: cells and their files.

A *cell* is model x training x seed of a study. Cells that need the same training or the same evaluation share it: it is
made for the first of them and stored under that name.
"""

import functools
import json
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from invariance.plan.merging import NAMED, in_order, merge
from invariance.plan.words import options, show
from invariance.record.artefacts import InputError
from invariance.record.dependencies import sha256

TRAINED = ("weights.safetensors", "history.csv", "card.json")  # files of a training
ORDERED = {*NAMED, "claims"}  # mappings whose keys keep their order in the record of a plan
FETCHING = {"mirrors", "timeout", "attempts"}  # how files are fetched, which changes no result
KEEPING = {"keep_copies"}  # which files stay, which changes no result
EVALUATED = (".csv", ".predictions.npy", ".test.npy")  # files of an evaluation over a grid of shifts


class Cell(NamedTuple):
    """Model x training x seed of a study."""

    study: str
    model: str
    training: str
    seed: int

    def __str__(self) -> str:
        return "/".join(map(str, self))

    @property
    def folder(self) -> str:
        """Its folder below results/<dataset>/models, shifts or positions."""
        return f"{self.study}/{self.model}/{self.training}/seed-{self.seed}"


class Plan(dict[str, Any]):
    """The settings of one data set, as in `config.yaml`, and what follows from them; paths start at the project."""

    @property
    def dataset(self) -> str:
        """The name of the data set."""
        return self["dataset"]

    @property
    def data(self) -> dict[str, Any]:
        """The settings of the data set itself."""
        return self["datasets"][self.dataset]

    @property
    def note(self) -> str:
        """The note in the corner of each figure; by default the title of the data set."""
        return self.data.get("note", self.data["title"])

    # Cells ------------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def cells(self) -> list[Cell]:
        """Every cell that is evaluated, in the order of the config: studies, models, trainings, seeds."""
        return [
            Cell(study, model, training, seed)
            for study, settings in self["studies"].items()
            for model, cell in settings["cells"].items()
            for training in cell["trainings"]
            for seed in settings["seeds"]
        ]

    def of(self, study: str) -> list[Cell]:
        """The cells of one study."""
        return [cell for cell in self.cells if cell.study == study]

    def tells_positions(self, study: str) -> bool:
        """Whether the networks of a study predict where a digit is, not which digit it is."""
        return "positions" in self["studies"].get(study, {})

    @functools.cached_property
    def shifted_studies(self) -> list[str]:
        """The studies evaluated over a grid of shifts: all that do not predict positions."""
        return [study for study in self["studies"] if not self.tells_positions(study)]

    @functools.cached_property
    def equivariance_cells(self) -> list[Cell]:
        """The cells whose layers are measured for equivariance; none if the config has no such key or study."""
        settings = self.get("equivariance")
        if settings is None or settings["study"] not in self["studies"]:
            return []
        study, training = settings["study"], settings["training"]
        seeds = self["studies"][study]["seeds"]
        return [Cell(study, model, training, seed) for model in settings["models"] for seed in seeds]

    @functools.cached_property
    def weights(self) -> dict[Cell, Cell]:
        """For each cell, the cell whose weights it uses.

        A phase_average uses those of the model that it averages. A model that several studies train in the same way
        with the same seed is trained for the first of them.
        """
        first: dict[str, Cell] = {}
        used = {}
        for cell in self.cells:
            base = cell._replace(model=self.base_model(cell.model))
            training = self.training_settings(base.study, base.model, base.training)
            used[cell] = first.setdefault(json.dumps([base.model, base.seed, training], sort_keys=True), base)
        return used

    @functools.cached_property
    def trained(self) -> list[Cell]:
        """The cells that are trained, without repetition."""
        return list(dict.fromkeys(self.weights.values()))

    @functools.cached_property
    def evaluations(self) -> dict[Cell, Cell]:
        """For each cell evaluated over a grid of shifts, the cell whose evaluation it uses.

        If several cells evaluate the same weights in the same way, the first of them does it for all.
        """
        first: dict[str, Cell] = {}
        used = {}
        for cell in self.cells:
            if not self.tells_positions(cell.study):
                shifts = self.shift_settings(cell.study, cell.model, cell.training)
                averaged = self.base_model(cell.model) != cell.model
                key = json.dumps([self.weights[cell], averaged, shifts], sort_keys=True)
                used[cell] = first.setdefault(key, cell)
        return used

    def base_model(self, model: str) -> str:
        """The model whose weights `model` uses: `of` for a phase_average, otherwise itself."""
        return self["models"][model].get("of", model)

    def setting(self, path: str) -> Any:
        """The value at a path such as measures/confidence."""
        return functools.reduce(operator.getitem, path.split("/"), self)

    def network(self, model: str) -> dict[str, Any]:
        """The settings of a model; `of` of a phase_average is replaced by the settings of that model."""
        settings = self["models"][model]
        return settings | {"of": self["models"][settings["of"]]} if "of" in settings else settings

    # What a job needs -------------------------------------------------------------------------------------------------

    def training_settings(self, study: str, model: str, training: str) -> dict[str, Any]:
        """What one training depends on, apart from its model and its seed.

        Returns:
            distortion (a name or "none"), copies (0 for none), canvas (pixels), train_images, validation_images, and
            optimisation: that of the study, overridden by the training and then by the cell. Also classes, if only some
            classes are distorted; only, if the others are left out; positions, if they are predicted; after, the
            settings of the training that it starts from, and trained_part, which part of the network it trains. If
            train_images + validation_images exceed what the data set has, the validation images are among those trained
            on.
        """
        settings = self["studies"][study]
        images, optimisation = settings["trainings"][training], settings["optimisation"]
        for level in (images, settings["cells"][model]):
            optimisation = in_order(merge(optimisation, level.get("optimisation", {})))
        special = {key: images.get(key) for key in ("classes", "only")} | {"positions": settings.get("positions")}
        if "after" in images:
            special["after"] = self.training_settings(study, model, images["after"])
            special["trained_part"] = images.get("trained_part", "all")
        return {
            **{key: value for key, value in special.items() if value is not None},
            **{key: True for key in self._allowing(study) if "positions" in settings},
            "distortion": images["distortion"],
            "copies": images.get("copies", 0),
            "optimisation": optimisation,
            "canvas": settings["canvas"],
            "train_images": images.get("train_images", self.data["train_images"]),
            "validation_images": self.data["validation_images"],
        }

    def shift_settings(self, study: str, model: str, training: str) -> dict[str, Any]:
        """What one evaluation depends on: canvas, max_shift (pixels), shift_images (the cell's or the study's).

        Also may_lose_ink, if shifts may; and only, if the network is asked about some of the classes.
        """
        settings = self["studies"][study]
        shift_images = settings["cells"][model].get("shift_images", settings["shift_images"])
        chosen = {key: settings[key] for key in ("canvas", "max_shift", *self._allowing(study))}
        only = self.only(study, training)
        return chosen | {"shift_images": shift_images} | ({"only": only} if only else {})

    def only(self, study: str, training: str) -> list[int] | None:
        """The classes that a training is about, if it leaves the others out."""
        return self["studies"][study]["trainings"][training].get("only")

    def position_settings(self, study: str, model: str) -> dict[str, Any]:
        """What an evaluation of predicted positions depends on: model, canvas, positions (pixels), classes, device."""
        settings = self["studies"][study]
        places = {key: settings[key] for key in ("canvas", "positions", *self._allowing(study))}
        return {"model": self["models"][model], "device": self["device"], "classes": self.data["classes"], **places}

    def _allowing(self, study: str) -> list[str]:
        """The key by which a study allows shifts to lose ink, if it has it."""
        return [key for key in ("may_lose_ink",) if self["studies"][study].get(key)]

    @functools.cached_property
    def copies(self) -> dict[tuple[int, str], int]:
        """(canvas in pixels, distortion) -> number of copies, in the order of first use.

        Trainings with the same canvas and distortion share copies, so this is the largest number that one reads.
        """
        copies: dict[tuple[int, str], int] = {}
        for study, model, training, _ in self.trained:
            settings = self.training_settings(study, model, training)
            if read := len(self.copies_read(study, model, training)):
                key = settings["canvas"], settings["distortion"]
                copies[key] = max(copies.get(key, 0), read)
        return copies

    def require_names(self, names: Mapping[str, str]) -> None:
        """Raise InputError if the plan lacks the study, model, training or distortion in the path of a file."""
        study = self["studies"].get(names.get("study"), {})
        known = {"study": self["studies"], "model": self["models"], "distortion": self["distortions"]}
        for kind, name in names.items():
            allowed = study.get("trainings", {}) if kind == "training" else known.get(kind)
            if allowed is not None and name not in allowed:
                where = f" in {self.dataset}" + (f", {names['study']}" if kind == "training" else "")
                raise InputError(f"{kind} {show(name)}: no such {kind}{where}{options(name, allowed)}")
        if "model" in names and "study" in names and names["model"] not in study["cells"]:
            what = f"not in the study {names['study']} of {self.dataset}{options(names['model'], study['cells'])}"
            raise InputError(f"model {show(names['model'])}: {what}")

    # Files ------------------------------------------------------------------------------------------------------------

    def file(self, path: str) -> str:
        """Path of an artefact, given its path below results/<dataset>."""
        return f"results/{self.dataset}/{path}"

    @property
    def source_files(self) -> list[str]:
        """Images and labels as plain arrays."""
        return [self.file(f"source/{part}-{kind}.npy") for part in ("train", "test") for kind in ("images", "labels")]

    @property
    def source_settings(self) -> dict[str, Any]:
        """What scripts/source.py needs to know of the data set; the folder of downloads stands for their mirrors."""
        words = {"title", "noun", "class_names", "licence", "note"}
        used = {key: value for key, value in self.data.items() if key not in {*words, *FETCHING}}
        if "sha256" in used:
            used["downloads"] = self.file("source/download")
        return used

    @property
    def download_files(self) -> list[str]:
        """The downloaded files; only a data set with mirrors has them."""
        return [self.file(f"source/download/{file}") for file in self.data.get("sha256", {})]

    @property
    def own_files(self) -> list[str]:
        """The user's files that a data set is read from, by their paths from the project's folder."""
        return [*([self.data["npz"]] if "npz" in self.data else []), *self.data.get("idx", {}).values()]

    @property
    def listing(self) -> str:
        """A hash of the names, sizes and times of the files in a user's folder of images; empty for other data sets."""
        found = sorted(Path(self.data["folder"]).rglob("*")) if "folder" in self.data else []
        entries = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found if path.is_file()]
        return sha256(json.dumps(entries)) if found else ""

    def copy_files(self, canvas: int, distortion: str, copies: int) -> list[str]:
        """The first `copies` distorted copies."""
        return [self.file(f"distorted/{canvas}/{distortion}/copy-{copy:03d}.npy") for copy in range(copies)]

    def copies_read(self, study: str, model: str, training: str) -> list[str]:
        """The copies that one training reads, one per epoch; none if it reads the source images."""
        settings = self.training_settings(study, model, training)
        if settings["distortion"] == "none":
            return []
        count = min(settings["copies"], self.epochs(study, model, training))
        return self.copy_files(settings["canvas"], settings["distortion"], count)

    def epochs(self, study: str, model: str, training: str) -> int:
        """Passes of one training over its images."""
        return self.training_settings(study, model, training)["optimisation"]["epochs"]

    def copies_made(self, canvas: int, distortion: str) -> list[str]:
        """All copies of one distorted data set that trainings read; the first copy if none reads any."""
        return self.copy_files(canvas, distortion, self.copies.get((canvas, distortion), 1))

    @property
    def summaries(self) -> dict[str, str]:
        """The summary of each distorted data set, by "canvas/distortion", ordered by canvas, then as in the config."""
        named = list(self["distortions"])
        used = sorted(self.copies, key=lambda pair: (pair[0], named.index(pair[1])))
        return {f"{canvas}/{name}": self.file(f"distorted/{canvas}/{name}/summary.csv") for canvas, name in used}

    @property
    def distorted_files(self) -> list[str]:
        """All copies, if they are kept, their summaries and contact sheets."""
        kept = self.copies.items() if self["keep_copies"] else ()
        copies = [file for key, count in kept for file in self.copy_files(*key, count)]
        summaries = list(self.summaries.values())
        return [*copies, *summaries, *(path.replace("summary.csv", "preview.png") for path in summaries)]

    @property
    def all_data_files(self) -> list[str]:
        """From the downloads to the distorted images."""
        return [*self.download_files, *self.source_files, *self.distorted_files]

    def trained_file(self, cell: Cell, name: str) -> str:
        """One of TRAINED for a cell, which may share another cell's; its seed need not be in the config."""
        alone = cell._replace(model=self.base_model(cell.model))
        return self.file(f"models/{self.weights.get(cell, alone).folder}/{name}")

    def weights_file(self, study: str, model: str, training: str, seed: str | int) -> str:
        """The weights of a cell, as for `trained_file`."""
        return self.trained_file(Cell(study, model, training, int(seed)), "weights.safetensors")

    def start_files(self, study: str, model: str, training: str, seed: str | int) -> list[str]:
        """The weights that one training goes on from; none if it starts with fresh ones."""
        after = self["studies"][study]["trainings"][training].get("after")
        return [self.weights_file(study, model, after, seed)] if after else []

    def trained_files(self, study: str, name: str) -> dict[str, str]:
        """One of TRAINED for each cell of a study, by the name of the cell."""
        return {str(cell): self.trained_file(cell, name) for cell in self.of(study)}

    @property
    def model_files(self) -> list[str]:
        """All files of all trainings."""
        return [self.trained_file(cell, name) for cell in self.trained for name in TRAINED]

    def evaluated_file(self, cell: Cell, suffix: str = ".csv") -> str:
        """One of EVALUATED for a cell, which may share another cell's."""
        return self.file(f"shifts/{self.evaluations[cell].folder}{suffix}")

    def evaluated_files(self, study: str, suffix: str = ".csv") -> dict[str, str]:
        """One of EVALUATED for each cell of a study, by the name of the cell."""
        return {str(cell): self.evaluated_file(cell, suffix) for cell in self.of(study)}

    def position_files(self, study: str) -> dict[str, str]:
        """The evaluation of each cell of a study that predicts positions, by the name of the cell."""
        return {str(cell): self.file(f"positions/{cell.folder}.csv") for cell in self.of(study)}

    @property
    def evaluation_files(self) -> list[str]:
        """All files of all evaluations."""
        grids = [self.evaluated_file(cell, suffix) for suffix in EVALUATED for cell in self.evaluations]
        studies = [study for study in self["studies"] if self.tells_positions(study)]
        return [*dict.fromkeys(grids), *(file for study in studies for file in self.position_files(study).values())]

    def summary_inputs(self, study: str) -> dict[str, Any]:
        """What scripts/summarise.py is given of a study; it finds the predictions beside the grids."""
        return {
            "grids": self.evaluated_files(study),
            "cards": self.trained_files(study, "card.json"),
            "labels": self.file("source/test-labels.npy"),
            "only": {str(cell): only for cell in self.of(study) if (only := self.only(study, cell.training))},
        }

    def summary_files(self, study: str) -> list[str]:
        """The files of `summary_inputs`, and the predictions."""
        grids = [path for suffix in EVALUATED for path in self.evaluated_files(study, suffix).values()]
        inputs = self.summary_inputs(study)
        return [*grids, *inputs["cards"].values(), inputs["labels"]]

    @property
    def reference(self) -> list[str]:
        """The committed reference of this data set, if there is one; no rule writes it."""
        path = f"paper/reference/{self.dataset}.json"
        return [path] if Path(path).exists() else []

    # What is written about the plan -----------------------------------------------------------------------------------

    @property
    def record(self) -> dict[str, Any]:
        """The plan as config.json records it.

        Names keep their order, which is that of the tables. Other keys are sorted, and how files are fetched and kept
        is left out: neither changes a result.
        """

        def tidy(value: Any, key: str | None) -> Any:
            if not isinstance(value, dict):
                return value
            left_out = FETCHING if key == self.dataset else KEEPING if key is None else ()
            names = [name for name in value if name not in left_out]
            return {name: tidy(value[name], name) for name in (names if key in ORDERED else sorted(names))}

        return tidy(self, None)
