"""What journals and archives ask for: metadata.yaml, codecheck.yml and .zenodo.json say what the project says."""

import copy
import json
import tomllib

import pytest
import yaml

import studies
import write_publication
from invariance.plan.catalogue import Catalogue
from invariance.plan.reading import load, resolve
from running import ROOT

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
ADA = {
    "family-names": "Lovelace",
    "given-names": "Ada",
    "orcid": "https://orcid.org/0000-0002-1825-0097",
    "email": "ada@example.org",
    "affiliation": "Analytical Engines",
}
CHARLES = ADA | {"family-names": "Babbage", "given-names": "Charles", "affiliation": "Difference Engines"}


@pytest.fixture
def complete():
    """A citation that lacks nothing."""
    authors = [ADA, CHARLES, ADA | {"given-names": "Augusta"}]
    return CITATION | {"authors": authors, "repository-code": "https://example.org/code", "doi": "10.5281/zenodo.1"}


def written(citation, name):
    return yaml.safe_load(write_publication.files(citation)[name])  # JSON is YAML


def test_the_files_are_what_the_command_writes():
    for name, text in write_publication.files(CITATION).items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, "run: python scripts/write_publication.py"


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == CITATION["version"] == written(CITATION, ".zenodo.json")["version"]


def test_a_codechecker_gets_the_outputs_of_the_default_run():
    catalogue = Catalogue(resolve(load([ROOT / "config.yaml"]))["mnist"], studies.declared())
    text = write_publication.files(CITATION)["codecheck.yml"]
    assert text.startswith("---\n")
    listed = {item["file"]: item["comment"] for item in yaml.safe_load(text)["manifest"]}
    assert set(listed) <= set(catalogue.published)
    assert set(catalogue.figure_files(["pdf"])) <= set(listed)
    assert {"results/mnist/paper.pdf", "results/mnist/claims.json", "results/mnist/tables/simard2003.csv"} <= set(
        listed
    )
    assert not any(file.endswith("-runs.csv") for file in listed)
    assert all(listed.values())


def test_the_replicated_paper_is_in_the_bibliography():
    article = written(CITATION, "metadata.yaml")
    entries = {name: value for entry in article["replication"] for name, value in entry.items()}
    assert f"{{{entries['bib']}," in (ROOT / article["bibliography"]).read_text(encoding="utf-8")
    assert "Patrice Y. Simard, Dave Steinkraus, John C. Platt. Best Practices" in entries["cite"]
    assert entries["doi"] == written(CITATION, ".zenodo.json")["related_identifiers"][0]["identifier"]


def test_every_detail_of_an_author_gets_where_it_belongs(complete):
    article = written(complete, "metadata.yaml")
    assert [author["affiliations"] for author in article["authors"]] == ["1,*", "2", "1"]
    assert [place["name"] for place in article["affiliations"]] == ["Analytical Engines", "Difference Engines"]
    assert article["authors"][1] == {
        "name": "Charles Babbage",
        "orcid": "0000-0002-1825-0097",
        "email": "ada@example.org",
        "affiliations": "2",
    }
    assert {"url": "https://example.org/code"} in article["code"]
    paper = written(complete, "codecheck.yml")["paper"]
    assert paper["authors"][0] == {"name": "Ada Lovelace", "ORCID": "0000-0002-1825-0097"}
    assert paper["reference"] == "https://doi.org/10.5281/zenodo.1"
    creators = json.loads(write_publication.files(complete)[".zenodo.json"])["creators"]
    assert creators[0] == {
        "name": "Lovelace, Ada",
        "orcid": "0000-0002-1825-0097",
        "affiliation": "Analytical Engines",
    }


def test_what_a_submission_still_lacks_is_said(complete):
    assert write_publication.lacks(complete) == []
    incomplete = copy.deepcopy(complete)
    del incomplete["authors"][1]["orcid"], incomplete["doi"]
    assert write_publication.lacks(incomplete) == ["orcid of each author", "doi"]
