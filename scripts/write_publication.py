"""Write what journals and archives ask for, from CITATION.cff and the plan: metadata.yaml, codecheck.yml, .zenodo.json.

    python scripts/write_publication.py

metadata.yaml is what ReScience C builds an article from, codecheck.yml says to a codechecker which files to compare
(specification 2.0), .zenodo.json describes a deposit. A test compares the three with what this writes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import studies
from invariance.command_line import progress, run
from invariance.plan.catalogue import Catalogue
from invariance.plan.reading import load, resolve
from invariance.record.artefacts import write_text

ROOT = Path(__file__).resolve().parents[1]
DATASET = "mnist"  # the paper is about it
BIBLIOGRAPHY, ORIGINAL = "paper/references.bib", "simard2003"
MADE = "# Made from CITATION.cff and config.yaml by `python scripts/write_publication.py`: edit those.\n"

Citation = Mapping[str, Any]


def main() -> None:
    """Write the three files into the project's folder, and say what CITATION.cff still lacks for a submission."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    written, lacking = files(citation), lacks(citation)
    for name, text in written.items():
        write_text(ROOT / name, text)
    progress(f"wrote {', '.join(written)}")
    progress(f"before a submission, add to CITATION.cff: {', '.join(lacking)}" if lacking else "nothing is missing")


def files(citation: Citation) -> dict[str, str]:
    """The text of each file, by name."""
    catalogue = Catalogue(resolve(load([ROOT / "config.yaml"]))[DATASET], studies.declared())
    return {
        "metadata.yaml": MADE + as_yaml(article(citation, catalogue)),
        "codecheck.yml": "---\n" + MADE + as_yaml(codecheck(citation, catalogue)),
        ".zenodo.json": json.dumps(deposit(citation), indent=2, ensure_ascii=False) + "\n",
    }


def as_yaml(value: Any) -> str:
    """YAML with keys in their order."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)


def article(citation: Citation, catalogue: Catalogue) -> dict[str, Any]:
    """Fields of ReScience C's template; what its editors fill in stays empty."""
    named = [author["affiliation"] for author in citation["authors"] if "affiliation" in author]
    affiliations = list(dict.fromkeys(named))
    original = citation["references"][0]
    return {
        "title": citation["title"],
        "authors": [
            {
                "name": full_name(author),
                "orcid": orcid(author),
                "email": author.get("email"),
                "affiliations": ",".join([*codes(author, affiliations), *(["*"] if place == 0 else [])]),
            }
            for place, author in enumerate(citation["authors"])
        ],
        "affiliations": [
            {"code": code, "name": name, "address": None} for code, name in enumerate(affiliations, start=1)
        ],
        "keywords": ", ".join([*citation["keywords"], "Python"]),
        "code": single(url=citation.get("repository-code"), doi=citation.get("doi"), swh=None),
        "data": single(url=catalogue.plan["datasets"][DATASET]["mirrors"][0], doi=None),
        "replication": single(cite=in_full(original), bib=ORIGINAL, url=None, doi=original["doi"]),
        "abstract": citation["abstract"],
        "bibliography": BIBLIOGRAPHY,
        "type": "Replication",
        "domain": "Machine Learning",
        "language": "Python",
        "review": single(url=None),
        "contributors": [{"name": None, "orcid": None, "role": role} for role in ("editor", "reviewer", "reviewer")],
        "dates": single(received=None, accepted=None, published=None),
        "article": single(number=None, doi=None, url=None),
        "journal": single(name="ReScience C", issn="2430-3658", volume=None, issue=None),
    }


def codecheck(citation: Citation, catalogue: Catalogue) -> dict[str, Any]:
    """What the authors say in codecheck.yml: the outputs to compare, and the paper. The rest is the codechecker's."""
    paper = {
        "title": citation["title"],
        "authors": [without_none(name=full_name(author), ORCID=orcid(author)) for author in citation["authors"]],
        "reference": citation.get("doi") and f"https://doi.org/{citation['doi']}",
    }
    return {
        "version": "https://codecheck.org.uk/spec/config/2.0",
        "paper": without_none(**paper),
        "manifest": [{"file": file, "comment": comment} for file, comment in outputs(catalogue).items()],
    }


def outputs(catalogue: Catalogue) -> dict[str, str]:
    """What a codechecker compares, each with what it is: the paper, verdicts, tables and figures."""
    plan = catalogue.plan
    return {
        plan.file("paper.pdf"): "the paper; its numbers are read from the files below and from paper/reference/",
        plan.file("claims.json"): "each claim with its number, interval and verdict",
        **{file: "table: over seeds, paired, or of layers" for file in catalogue.table_files if is_summary(file)},
        **{plan.file(f"figures/{name}.pdf"): f"figure: {item.title}" for name, item in catalogue.figures.items()},
    }


def is_summary(file: str) -> bool:
    """Whether a table has means over seeds, not one line per seed."""
    return not file.endswith(("-runs.csv", "-seeds.csv"))


def deposit(citation: Citation) -> dict[str, Any]:
    """Metadata of a deposit on Zenodo."""
    return {
        "upload_type": "software",
        "title": citation["title"],
        "description": citation["abstract"],
        "creators": [
            without_none(
                name=", ".join(filter(None, [author.get("family-names"), author.get("given-names")])) or author["name"],
                orcid=orcid(author),
                affiliation=author.get("affiliation"),
            )
            for author in citation["authors"]
        ],
        "version": citation["version"],
        "license": citation["license"],
        "keywords": citation["keywords"],
        "language": "eng",
        "related_identifiers": [
            {"identifier": reference["doi"], "relation": "references", "resource_type": "publication-conferencepaper"}
            for reference in citation["references"]
        ],
    }


def lacks(citation: Citation) -> list[str]:
    """What a submission needs and CITATION.cff does not say."""
    per_author = {"orcid", "email", "affiliation"}
    missing = [name for name in sorted(per_author) if any(name not in author for author in citation["authors"])]
    return [f"{name} of each author" for name in missing] + [
        name for name in ("repository-code", "doi") if name not in citation
    ]


def full_name(author: Mapping[str, str]) -> str:
    """Given and family names, or the name of a group."""
    return " ".join(filter(None, [author.get("given-names"), author.get("family-names")])) or author["name"]


def orcid(author: Mapping[str, str]) -> str | None:
    """The ORCID without its address."""
    return author["orcid"].rpartition("/")[2] if "orcid" in author else None


def codes(author: Mapping[str, str], affiliations: list[str]) -> list[str]:
    """The number of the author's affiliation, if there is one."""
    return [str(affiliations.index(author["affiliation"]) + 1)] if "affiliation" in author else []


def in_full(reference: Mapping[str, Any]) -> str:
    """A reference in one line."""
    authors = ", ".join(map(full_name, reference["authors"]))
    return f"{authors}. {reference['title']}. {reference['conference']['name']}, {reference['year']}."


def single(**entries: Any) -> list[dict[str, Any]]:
    """A list of mappings of one key each, as the template has them."""
    return [{name: value} for name, value in entries.items()]


def without_none(**entries: Any) -> dict[str, Any]:
    """The entries that say something."""
    return {name: value for name, value in entries.items() if value is not None}


if __name__ == "__main__":
    run(main)
