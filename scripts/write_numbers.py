"""Stage 5, tables: every number in the paper's text, as TeX."""

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from invariance.command_line import Json, function_named, json_mapping, run
from invariance.paper import numbers as of_all
from invariance.paper.tex import escape, whole
from invariance.record.artefacts import sha256_of, write_text
from invariance.record.manifest import VERSIONED
from invariance.record.reference import read_reference
from invariance.results.reading import read_inputs

NAMED = 6  # settings of a changed plan


def general_results(config: Mapping[str, Any], sha256: str, changed: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The data set, versions, the hash of the config, and what of the plan the text is not written for."""
    dataset = config["dataset"]
    data = config["datasets"][dataset]
    yield "dataset", dataset
    yield "dataset_name", escape(data["title"])
    yield "noun", escape(data.get("noun", "picture"))
    yield "side", str(data["side"])
    yield "classes", str(data["classes"])
    yield "train_images", whole(data["train_images"])
    yield "validation_images", whole(data["validation_images"])
    yield "test_images", whole(data["test_images"])
    yield "config_hash", sha256[:12]
    if changed:
        others = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        yield "changed", ", ".join(f"\\nolinkurl{{{path}}}" for path in changed[:NAMED]) + others
    if "embedded" in data:
        yield "demo", "yes"
    yield "versions/python", platform.python_version()
    for package in VERSIONED:
        yield f"versions/{package}", escape(importlib.metadata.version(package))


def main(
    *,
    inputs: Annotated[dict[str, Any], json_mapping(config=str, claims=str, tables=dict, summaries=dict)],
    numbers: Annotated[dict[str, Any], json_mapping()],
    scripts: Annotated[dict[str, Any], json_mapping()],
    changed: Json,
    reference: Path | None = None,
    output: Path,
) -> None:
    r"""Write one line \result{key}{value} for each number.

    Args:
        inputs: Paths, as JSON: `config` and `claims`, `tables` by name, and `summaries`, of the distorted datasets by
            <canvas>/<distortion>: '{"config": "results/mnist/config.json", "tables": {"split": ...}, ...}'.
        numbers: For each study that has numbers of its own, the functions that write them, as JSON:
            '{"split": ["studies.split.table:numbers"]}'.
        scripts: The script behind each figure and table of the paper, as JSON:
            '{"figures/split": "scripts/studies/split/split.py"}'.
        changed: The paths of the settings that are not those that the paper is written for, as JSON.
        reference: The committed reference of the dataset, if there is one.
        output: The file numbers.tex.
    """
    read = read_inputs(inputs)
    config, tables = read["config"], read["tables"]
    results = [*general_results(config, sha256_of(inputs["config"]), changed), *of_all.config_results(config)]
    results += of_all.claim_results(read["claims"])
    results += of_all.distortion_results(read["summaries"])
    for study in config["studies"]:
        results += of_all.study_results(tables[study], tables[f"{study}-runs"])
        for name in numbers.get(study, []):
            results += function_named(name)(study, tables)
    committed = read_reference(reference, config["dataset"]) if reference else None
    results += of_all.compute_results(committed)
    results += [(f"script/{made}", escape(script)) for made, script in scripts.items()]
    write_text(output, of_all.result_lines(results))


if __name__ == "__main__":
    run(main)
