"""Stage 5, tables: everything that the paper prints, as TeX."""

import argparse
import importlib.metadata
import platform
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from invariance.command_line import run
from invariance.paper import tex
from invariance.record.artefacts import read_json, sha256_of, write_text
from invariance.record.reference import read_reference
from invariance.results.tables import read_table

VERSIONED = ("torch", "numpy", "elasticdeform", "snakemake")
DATASET_NAMES = {"mnist": "MNIST", "digits": "the 8x8 digits of scikit-learn"}


def general_results(settings: dict, config: Path, test_images: int) -> Iterator[tuple[str, str]]:
    """The dataset, versions, and the hash of the config."""
    dataset = settings["dataset"]
    data = settings["datasets"][dataset]
    yield "dataset", dataset
    yield "dataset_name", tex.escape(DATASET_NAMES[dataset])
    yield "train_images", f"{data['train_images']:,}".replace(",", "{,}")
    yield "validation_images", f"{data['validation_images']:,}".replace(",", "{,}")
    yield "test_images", f"{test_images:,}".replace(",", "{,}")
    yield "config_hash", sha256_of(config)[:12]
    yield "versions/python", platform.python_version()
    for package in VERSIONED:
        yield f"versions/{package}", tex.escape(importlib.metadata.version(package))


def write_paper(arguments: argparse.Namespace) -> None:
    """Write numbers.tex, and the tables of claims, distortions, settings and compute, into one folder."""
    settings, claims = read_json(arguments.config), read_json(arguments.claims)
    tables = {path.stem: read_table(path) for path in arguments.tables}
    summaries = {(int(path.parts[-3]), path.parts[-2]): read_table(path) for path in arguments.summaries}
    studies = list(settings["studies"])

    test_images = int(tables[f"{studies[0]}-runs"].test_images.iloc[0])
    results = [*general_results(settings, arguments.config, test_images), *tex.config_results(settings)]
    results += tex.claim_results(claims)
    results += tex.distortion_results(summaries)
    for study in studies:
        results += tex.study_results(tables[study], tables[f"{study}-runs"], tables.get(f"{study}-rings"))
        if f"{study}-classes" in tables:
            results += tex.class_results(tables[f"{study}-classes"])
        if f"{study}-variance" in tables:
            results += tex.variance_results(study, tables[f"{study}-variance"])
    if "simard2003" in studies:
        results += tex.comparison_results(tables["simard2003-published"], tables["simard2003-pairs"])
    write_text(arguments.output / "claims.tex", tex.claims_table(claims))
    write_text(arguments.output / "distortions.tex", tex.distortions_tabular(summaries))
    write_text(arguments.output / "settings.tex", tex.settings_tabular(settings))
    reference = read_reference(arguments.reference[0], settings["dataset"]) if arguments.reference else None
    results += tex.compute_results(reference)
    write_text(arguments.output / "compute.tex", tex.compute_tabular(reference))
    write_text(arguments.output / "numbers.tex", tex.result_lines(results))


def write_study(arguments: argparse.Namespace) -> None:
    """Write all measures of one study over shifts as a tabular."""
    write_text(arguments.output, tex.study_tabular(read_table(arguments.summary)))


def write_classes(arguments: argparse.Namespace) -> None:
    """Write the measures of one study by groups of classes as a tabular."""
    write_text(arguments.output, tex.classes_tabular(read_table(arguments.summary)))


def write_positions(arguments: argparse.Namespace) -> None:
    """Write how well the models of one study tell positions as a tabular."""
    write_text(arguments.output, tex.positions_tabular(read_table(arguments.summary)))


def write_variance(arguments: argparse.Namespace) -> None:
    """Write how the variance of one study splits as a tabular."""
    write_text(arguments.output, tex.variance_tabular(read_table(arguments.summary)))


def write_equivariance(arguments: argparse.Namespace) -> None:
    """Write how equivariant each kind of layer is as a tabular."""
    write_text(arguments.output, tex.equivariance_tabular(read_table(arguments.summary)))


def write_simard(arguments: argparse.Namespace) -> None:
    """Write Simard's table beside ours, and the paired comparisons, as tabulars."""
    write_text(arguments.output, tex.simard_tabular(read_table(arguments.table)))
    write_text(arguments.pairs_output, tex.pairs_tabular(read_table(arguments.pairs)))


def write_published(arguments: argparse.Namespace) -> None:
    """Write Simard's table beside ours alone, of one run or several, as one tabular, model by model."""
    models = pd.concat(map(read_table, arguments.tables)).groupby("model", sort=False)
    write_text(arguments.output, tex.simard_tabular(pd.concat(rows for _, rows in models)))


def write_selection(arguments: argparse.Namespace) -> None:
    """Write what each setting that was tried reached on the validation images as a tabular."""
    table = pd.concat(map(read_table, arguments.tables))
    write_text(arguments.output, tex.selection_tabular(table, read_json(arguments.config)))


def main() -> None:
    """Write the TeX that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(metavar="PART", required=True)

    paper = parts.add_parser("paper", help=write_paper.__doc__, description=write_paper.__doc__)
    paper.add_argument("--config", type=Path, required=True, help="results/<dataset>/config.json")
    paper.add_argument("--tables", type=Path, nargs="+", required=True, help="tables/*.csv, named by their stems")
    paper.add_argument("--claims", type=Path, required=True, help="claims.json")
    paper.add_argument("--summaries", type=Path, nargs="*", default=[], help=".../<canvas>/<distortion>/summary.csv")
    paper.add_argument("--reference", type=Path, nargs="*", default=[], help="paper/reference/<dataset>.json, if any")
    paper.add_argument("--output", type=Path, required=True, help="the folder of the .tex files")
    paper.set_defaults(write=write_paper)

    for name, write in {
        "study": write_study,
        "classes": write_classes,
        "positions": write_positions,
        "variance": write_variance,
        "equivariance": write_equivariance,
    }.items():
        part = parts.add_parser(name, help=write.__doc__, description=write.__doc__)
        part.add_argument("--summary", type=Path, required=True, help="the table over seeds, .csv")
        part.add_argument("--output", type=Path, required=True, help="tables/*.tex")
        part.set_defaults(write=write)

    simard = parts.add_parser("simard", help=write_simard.__doc__, description=write_simard.__doc__)
    simard.add_argument("--table", type=Path, required=True, help="tables/simard2003-published.csv")
    simard.add_argument("--pairs", type=Path, required=True, help="tables/simard2003-pairs.csv")
    simard.add_argument("--output", type=Path, required=True, help="tables/simard2003.tex")
    simard.add_argument("--pairs-output", type=Path, required=True, help="tables/simard2003-pairs.tex")
    simard.set_defaults(write=write_simard)

    published = parts.add_parser("published", help=write_published.__doc__, description=write_published.__doc__)
    published.add_argument("--tables", type=Path, nargs="+", required=True, help="paper/reference/<dataset>-*.csv")
    published.add_argument("--output", type=Path, required=True, help="tables/reference-long.tex")
    published.set_defaults(write=write_published)

    selection = parts.add_parser("selection", help=write_selection.__doc__, description=write_selection.__doc__)
    selection.add_argument("--tables", type=Path, nargs="+", required=True, help="paper/reference/<dataset>-*.csv")
    selection.add_argument("--config", type=Path, required=True, help="results/<dataset>/config.json")
    selection.add_argument("--output", type=Path, required=True, help="tables/reference-selection.tex")
    selection.set_defaults(write=write_selection)

    arguments = parser.parse_args()
    arguments.write(arguments)


if __name__ == "__main__":
    run(main)
