"""The article: its stub, its bytes, and that nothing measured is typed into it."""

import csv
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from matplotlib.figure import Figure

from build_paper import main
from invariance.paper.latex import shortcomings
from invariance.record.artefacts import InputError
from printed import OF_CHANGED, PAPER, ROOT, SOURCES, keys_of_the_paper, used_in_text

CLAIMS = (*(f"C{number}" for number in range(1, 12)), "C9b")


def make_artefacts(
    folder: Path, verdicts: str = "supported", without: str = "", **planted: str
) -> tuple[list[Path], list[Path]]:
    """Make up all artefacts of the article, with `planted` values; `__` in a planted key means a slash."""
    tables, figures = folder / "tables", folder / "figures"
    tables.mkdir(parents=True)
    figures.mkdir()
    keys = keys_of_the_paper() - {without} - OF_CHANGED
    numbers = {key: verdicts if key.endswith("/verdict") else "7" for key in keys}
    numbers |= {"dataset": "mnist", "dataset_name": "MNIST"}
    numbers |= {key.replace("__", "/"): value for key, value in planted.items()}
    lines = [f"\\result{{{key}}}{{{value}}}" for key, value in sorted(numbers.items())]
    (tables / "numbers.tex").write_text("\n".join(lines) + "\n")
    for name in used_in_text(r"\\artefacttable(?:\[[^]]*\])?\{([\w-]+)\}") - {"file"}:
        (tables / f"{name}.tex").write_text(
            "\\begin{tabular}{lr}\n\\toprule\na & 1 \\\\\n\\bottomrule\n\\end{tabular}\n"
        )
    for name in used_in_text(r"\\artefactfigure(?:\[[^]]*\])?\{(\w+)\}") - {"name"}:
        Figure(figsize=(3, 1)).savefig(figures / f"{name}.pdf", metadata={"CreationDate": None})
    return sorted(tables.glob("*.tex")), sorted(figures.glob("*.pdf"))


def build(tables: list[Path], figures: list[Path], output: Path, *, stub: bool = False) -> None:
    main(paper=PAPER, tables=tables, figures=figures, output=output, stub=stub)


def pages_of(pdf: Path) -> list[str]:
    """The text of each page of a PDF, with runs of white space as one space and line-end hyphens joined."""
    text = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout
    return [re.sub(r"\s+", " ", page.replace("-\n", "")) for page in text.split("\f") if page.strip()]


def text_of(pdf: Path) -> str:
    """The text of all pages of a PDF."""
    return " ".join(pages_of(pdf))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An article in which C1 is refuted, C4 undecided and the rest supported, with a planted number."""
    folder = tmp_path_factory.mktemp("mixed")
    artefacts = make_artefacts(
        folder,
        claims__C1__verdict="refuted",
        claims__C4__verdict="undecided",
        claims__C1__details__worst_error="83.41",
    )
    build(*artefacts, folder / "paper.pdf")
    return folder


def test_stub_compiles_and_says_what_is_missing(tmp_path, capsys):
    build([], [], tmp_path / "stub.pdf", stub=True)
    text = text_of(tmp_path / "stub.pdf")
    assert "compiled without results" in text
    assert "[config_hash: not built]" in text
    assert "snakemake --cores 8 results/<dataset>/figures/heat_maps.pdf" in text
    assert "not built: tables/claims.tex" in capsys.readouterr().err


@pytest.mark.parametrize(("dataset", "title"), [("fashion_mnist", "Fashion-MNIST"), ("kmnist", "Kuzushiji-MNIST")])
def test_the_paper_on_another_data_set_is_whole(dataset, title, tmp_path):
    """No line is too wide for its name, and what is only about MNIST is left out."""
    made = make_artefacts(tmp_path, without="simard2003/canvas", dataset=dataset, dataset_name=title)
    committed = ("readings", "reference-readings", "reference-long")  # only for MNIST
    artefacts = ([path for path in paths if not path.name.startswith(committed)] for paths in made)
    build(*artefacts, tmp_path / "paper.pdf")
    assert f"--config dataset={dataset}" in text_of(tmp_path / "paper.pdf").replace("- ", "-")


def test_stub_needs_latexmk_alone(tmp_path):
    shutil.copytree(PAPER, tmp_path / "paper")
    subprocess.run(["latexmk", "-pdf", "paper.tex"], cwd=tmp_path / "paper", check=True, capture_output=True)
    assert (tmp_path / "paper" / "paper.pdf").stat().st_size > 0


def test_numbers_come_from_artefacts(mixed):
    text = text_of(mixed / "paper.pdf")
    assert "83.41" in text
    assert "not built" not in text
    assert "Stub" not in text
    assert "A changed plan" not in text
    assert "results/mnist/figures/heat_maps.pdf" in text
    assert "8x8" not in text.replace("the embedded 8x8 digits", "")


def test_same_artefacts_same_bytes(mixed):
    build(sorted(mixed.glob("tables/*.tex")), sorted(mixed.glob("figures/*.pdf")), mixed / "again.pdf")
    assert (mixed / "again.pdf").read_bytes() == (mixed / "paper.pdf").read_bytes()


def test_wording_follows_the_verdict(mixed, tmp_path):
    text = text_of(mixed / "paper.pdf")
    assert "Weight sharing is not enough for invariance" in text
    assert "the claim is refuted. Equivariance" in text
    assert "threshold, 7 points: the claim is undecided" in text
    assert "Distortions help unshifted digits, too" in text
    assert [text.count(f"the claim is {verdict}") for verdict in ("supported", "refuted", "undecided")] == [10, 1, 1]


OF_DEMO = {"dataset": "mine", "demo": "Digits", "changed": r"\nolinkurl{studies.split.shift_images} and 7 more"}


def test_demo_says_so_on_every_page(tmp_path):
    """With the other verdicts, so that one compilation serves both."""
    artefacts = make_artefacts(tmp_path, verdicts="refuted", claims__C1__verdict="supported", **OF_DEMO)
    build(*artefacts, tmp_path / "paper.pdf")
    pages = pages_of(tmp_path / "paper.pdf")
    assert len(pages) > 4
    assert all("Demo on 8x8 digits, not MNIST" in page for page in pages)
    assert "Demo on 8x8 digits: not a result about MNIST" in pages[0]
    assert "differs from the plan that the text is written for in studies.split.shift_images and 7 more." in pages[0]

    text = " ".join(pages)
    assert "Weight sharing is enough for invariance" in text
    assert "Distortions do not help unshifted digits: the error" in text
    assert [text.count(f"the claim is {verdict}") for verdict in ("supported", "refuted", "undecided")] == [1, 11, 0]


def test_what_is_missing_fails_the_build(tmp_path):
    """But for the numbers of a claim that was not measured, as where no class gained from being translated."""
    tables, figures = make_artefacts(tmp_path, without="claims/C2/details/elastic_error")
    without_claim(tables, "C9")
    figures = [path for path in figures if path.name != "heat_maps.pdf"]
    with pytest.raises(InputError) as failure:
        build(tables, figures, tmp_path / "paper.pdf")
    assert "  not built: claims/C2/details/elastic_error\n" in str(failure.value)
    assert "  not built: figures/heat_maps.pdf\n" in str(failure.value)
    assert "C9" not in str(failure.value)
    assert not (tmp_path / "paper.pdf").exists()


def without_claim(tables: list[Path], claim: str) -> None:
    """Leave all of a claim but its threshold out of numbers.tex."""
    numbers = next(path for path in tables if path.name == "numbers.tex")
    numbers.write_text(re.sub(rf"(?m)^\\result{{claims/{claim}/(?!threshold).*\n", "", numbers.read_text()))


def test_a_claim_that_was_not_measured_is_named(tmp_path, capsys):
    tables, figures = make_artefacts(tmp_path)
    without_claim(tables, "C9")
    build(tables, figures, tmp_path / "paper.pdf")
    text = text_of(tmp_path / "paper.pdf")
    assert "[claims/C9/number:notbuilt]" in text.replace(" ", "")  # wherever the line breaks
    assert text.count("the claim is supported") == len(CLAIMS) - 1
    assert "not built: claims/C9/verdict" in capsys.readouterr().err


def test_tex_error_is_told(tmp_path):
    artefacts = make_artefacts(tmp_path, dataset_name=r"\nonsense")
    with pytest.raises(InputError, match=r"(?s)Undefined control sequence.*\\nonsense"):
        build(*artefacts, tmp_path / "paper.pdf")


def test_without_latex_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"latexmk.*apt-get install.*texlive-latex-extra"):
        build([], [], tmp_path / "paper.pdf", stub=True)


def test_shortcomings_of_a_log():
    log = """
LaTeX Warning: Reference `tab:none' on page 3 undefined on input line 4.
Package natbib Warning: Citation `nobody' on page 1 undefined on input line 9.
opened sections/a.tex
opened tables/b.tex
Overfull \\hbox (9.9pt too wide) in paragraph at lines 1--2
Overfull \\hbox (118.1pt too wide) in alignment at lines 1--9
closed
Overfull \\hbox (10.5pt too wide) in paragraph at lines 3--4
closed
Overfull \\vbox (20pt too high) has occurred while \\output is active
not built: claims/C1/number
not built: claims/C1/number
"""
    assert shortcomings(log) == [
        "not built: claims/C1/number",
        "undefined reference: tab:none",
        "undefined citation: nobody",
        "tables/b.tex: Overfull \\hbox (118.1pt too wide) in alignment at lines 1--9",
        "sections/a.tex: Overfull \\hbox (10.5pt too wide) in paragraph at lines 3--4",
        "Overfull \\vbox (20pt too high) has occurred while \\output is active",
    ]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_no_percentage_is_typed(source):
    assert not re.findall(r"[0-9] ?\\%|[0-9]\.[0-9]+ ?%", source.read_text())


def test_no_consistency_is_printed_without_an_error_and_a_drift():
    paragraphs = [text for source in SOURCES for text in re.split(r"\n\s*\n", source.read_text())]
    printing = [text for text in paragraphs if re.search(r"\\R\{claims/\w+/details/\w*consistency\}", text)]
    assert len(printing) >= 6
    for text in printing:
        assert re.search(r"\\R\{[^}]*drift[^}]*\}", text), text
        assert re.search(r"\\R\{[^}]*error[^}]*\}", text), text


def test_keys_are_of_known_forms():
    """Each key names something in config.yaml, or is one of the few that tex.py makes of the whole run."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    measures = "test_error|clean_error|mean_error|worst_error|mean_consistency|worst_consistency|radius|drift"
    trainings = "|".join(config["studies"]["simard2003"]["trainings"])
    forms = [
        r"changed|dataset|dataset_name|noun|side|classes|config_hash|confidence|(train|validation|test)_images",
        r"script/(figures|tables)/[\w-]+",
        r"versions/(python|torch|numpy|elasticdeform|snakemake)",
        rf"claims/({'|'.join(CLAIMS)})/(verdict|number|low|high|threshold|details/\w+)",
        r"claims/C3/(max_exact|min_inexact)|claims/C5/(min_consistency|max_drift|max_error)|claims/C6/small_shift|claims/count",
        # Of committed runs.
        r"(readings|letter)/(count|seeds|epochs|runs|best|within|within_pooled|(lowest|highest|base)/(mean|low|high|change))",
        r"long/(long|fresh|all)/simard_cnn/\w+/(mean|one_more)",
        r"elsewhere/(names|judged|same|differing)",
        r"elsewhere/fashion_mnist/(C\d+b?/other_verdict|\w+/\w+/\w+/(test_error|mean_error|mean_consistency))",
        r"compute/(total_core_hours|jobs|processor|cores|config_hash|replayed_[28])",
        rf"({'|'.join(config['studies'])})/(canvas|max_shift|shift_images|seeds|epochs|places)",
        r"replicated/(published|reproduced|ours_lower|ours_higher|decided_by_rounding)",
        rf"distortions/({'|'.join(config['distortions'])})/(rms|net_translation|audit)",
        rf"pairs/({'|'.join(config['models'])})/({trainings})/({trainings})/(difference|low|high|mcnemar_p|better)",
        rf"parameters/({'|'.join(config['studies'])})/({'|'.join(config['models'])})",
        *(
            rf"{study}/{model}/({'|'.join(cell['trainings'])})/({measures})/(mean|low|high|best|worst|seeds)"
            for study, settings in config["studies"].items()
            for model, cell in settings["cells"].items()
        ),
    ]
    for key in keys_of_the_paper():
        if key.startswith("config/"):
            value = config
            for part in key.split("/")[1:]:
                value = value[part]
        elif key.startswith("published/"):
            _, model, training = key.split("/")
            assert training in published().get(model, {}), key
        else:
            assert any(re.fullmatch(form, key) for form in forms), key


def published() -> dict[str, dict[str, float]]:
    """Simard's Table 1: model -> training -> error in percent."""
    table: dict[str, dict[str, float]] = {}
    with (PAPER / "published.csv").open() as stream:
        for row in csv.DictReader(stream):
            table.setdefault(row["model"], {})[row["training"]] = float(row["error_percent"])
    return table


def test_published_table():
    assert published() == {
        "mlp": {"none": 1.6, "affine": 1.1, "elastic": 0.7, "elastic_mse": 0.9},
        "simard_cnn": {"affine": 0.6, "elastic": 0.4},
    }


def test_every_source_is_cited():
    entries = set(re.findall(r"^@\w+\{(\w+),", (PAPER / "references.bib").read_text(), re.MULTILINE))
    cited = {key for keys in used_in_text(r"\\cite[tp]\{([^}]*)\}") for key in keys.split(",")}
    assert entries == cited
