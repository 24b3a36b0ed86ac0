"""The folder that `make site` makes, and the first page of the Snakemake report."""

import json
import os
import zipfile
from pathlib import Path

import pytest

import build_site
from invariance.record.artefacts import InputError, sha256_of
from invariance.results.page import table

NAMES = ("paper.pdf", "explorer.html", "figures/heat_maps.png", "figures/heat_maps.pdf", "tables/split.csv", "models/w")


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """A finished run, whose verdicts are those of another test."""
    monkeypatch.setattr(build_site, "verdicts", lambda results: ["<h1>Verdicts</h1>"])
    folder = tmp_path / "results/mnist"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    hashes = {name: sha256_of(folder / name) for name in NAMES}
    (folder / "manifest.json").write_text(json.dumps({"artefacts": hashes}))
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_site_has_what_is_published_and_links_to_all_of_it(results, tmp_path):
    build_site.main(results=results, output=tmp_path / "site")
    assert files(tmp_path / "site") == {*NAMES[:-1], "index.html", ".site"}
    index = (tmp_path / "site/index.html").read_text()
    assert all(f'"{name}"' in index for name in NAMES[:-1])
    assert "report.html" not in index


def test_a_site_has_the_report_if_it_is_of_this_run(results, tmp_path):
    report = tmp_path / "report.zip"
    with zipfile.ZipFile(report, "w") as archive:
        archive.writestr("report/report.html", "what the run did")
    build_site.main(results=results, output=tmp_path / "site")
    assert (tmp_path / "site/report/report.html").read_text() == "what the run did"
    assert '"report/report.html"' in (tmp_path / "site/index.html").read_text()
    report.write_bytes(report.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"report\.zip: not a whole report"):
        build_site.main(results=results, output=tmp_path / "site")
    os.utime(report, (0, 0))
    build_site.main(results=results, output=tmp_path / "site")
    assert "report.html" not in (tmp_path / "site/index.html").read_text()


def test_a_damaged_report_is_one_message(results, tmp_path):
    report = tmp_path / "report.zip"
    with zipfile.ZipFile(report, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report/report.html", "what the run did, " * 100)
    content = bytearray(report.read_bytes())
    content[60:80] = b"\xff" * 20
    report.write_bytes(content)
    with pytest.raises(InputError, match=r"report\.zip: not a whole report"):
        build_site.unpack(report, tmp_path / "made")


def test_a_site_is_replaced_and_another_folder_is_not(results, tmp_path):
    site = tmp_path / "site"
    build_site.main(results=results, output=site)
    (site / "old").touch()
    build_site.main(results=results, output=site)
    assert "old" not in files(site)
    (site / ".site").unlink()
    with pytest.raises(InputError, match="left alone"):
        build_site.main(results=results, output=site)
    assert {path.name for path in tmp_path.iterdir()} == {"results", "site"}


def test_an_unfinished_run_or_an_altered_file_makes_no_site(results, tmp_path):
    (results / "paper.pdf").write_text("another")
    with pytest.raises(InputError, match=r"paper\.pdf: not as the manifest lists it"):
        build_site.main(results=results, output=tmp_path / "site")
    (results / "manifest.json").unlink()
    with pytest.raises(InputError, match="finished run: run snakemake first"):
        build_site.main(results=results, output=tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_names_cannot_break_the_page():
    text = table(["a", "<b>"], [["</td><script>", "é"]])
    assert "<th>&lt;b&gt;</th>" in text
    assert "<td>&lt;/td&gt;&lt;script&gt;</td><td>é</td>" in text
