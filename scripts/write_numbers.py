"""Stage 5, tables: every number that the text of the paper prints, as TeX."""

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import function_named, json_mapping, run
from invariance.paper import numbers as of_all
from invariance.paper.tex import escape, whole
from invariance.record.artefacts import read_json, sha256_of, write_text
from invariance.record.reference import read_reference
from invariance.results.reading import read_inputs

VERSIONED = ("torch", "numpy", "elasticdeform", "snakemake")
DATASET_NAMES = {"mnist": "MNIST", "digits": "the 8x8 digits of scikit-learn"}


def general_results(config: Mapping[str, Any], sha256: str, test_images: int) -> Iterator[tuple[str, str]]:
    """The dataset, versions, and the hash of the config."""
    dataset = config["dataset"]
    data = config["datasets"][dataset]
    yield "dataset", dataset
    yield "dataset_name", escape(DATASET_NAMES[dataset])
    yield "train_images", whole(data["train_images"])
    yield "validation_images", whole(data["validation_images"])
    yield "test_images", whole(test_images)
    yield "config_hash", sha256[:12]
    yield "versions/python", platform.python_version()
    for package in VERSIONED:
        yield f"versions/{package}", escape(importlib.metadata.version(package))


def main(
    *,
    config: Path,
    claims: Path,
    tables: Annotated[dict[str, Any], json_mapping()],
    numbers: Annotated[dict[str, Any], json_mapping()],
    summaries: Annotated[dict[str, Any], json_mapping()],
    reference: list[Path] | None = None,
    output: Path,
) -> None:
    r"""Write a line \result{key}{value} for each number.

    Args:
        config: The file config.json.
        claims: The file claims.json.
        tables: Paths of the tables by name, as JSON: '{"split": "results/mnist/tables/split.csv"}'.
        numbers: For each study, as JSON, the functions of its further numbers, each with the tables that it reads:
            '{"split": [["studies.split.table:numbers", ["split-variance"]]]}'.
        summaries: Paths of the summaries of the distorted data sets by canvas/distortion, as JSON.
        reference: The committed reference of the data set, if there is one.
        output: The file numbers.tex.
    """
    settings, read = read_json(config), read_inputs(tables, {}, may_be_empty=tables)
    studies = list(settings["studies"])
    test_images = int(read[f"{studies[0]}-runs"].test_images.iloc[0])
    results = [*general_results(settings, sha256_of(config), test_images), *of_all.config_results(settings)]
    results += of_all.claim_results(read_json(claims))
    results += of_all.distortion_results(read_inputs(summaries, {}))
    for study in studies:
        results += of_all.study_results(read[study], read[f"{study}-runs"], read.get(f"{study}-rings"))
        for function, needed in numbers.get(study, []):
            results += function_named(function)(study, *(read[name] for name in needed))
    committed = read_reference(reference[0], settings["dataset"]) if reference else None
    results += of_all.compute_results(committed)
    write_text(output, of_all.result_lines(results))


if __name__ == "__main__":
    run(main)
