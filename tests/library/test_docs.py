"""README and docs/: short enough, links that lead somewhere, generated blocks, and recipes that can be read."""

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml

from invariance.record.artefacts import InputError
from invariance.record.blocks import replace_block
from recipes import block_of, recipes
from running import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LONGEST = 150
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
COMMAND_FILE = re.compile(r"(?:scripts|benchmarks|tests|workflow|paper|envs|docs)/[\w./-]*\w")
# Files that only a run, a user or a recipe makes.
MADE = {name for files in recipes().values() for name in files}


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_every_page_is_linked_from_the_readme():
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(PAGES[0].read_text(encoding="utf-8"))}
    assert linked >= set(PAGES[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_is_there(page):
    for name in COMMAND_FILE.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists() or (page.parent / name).exists() or name in MADE, name


def test_a_block_is_replaced_and_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a:begin -->\nold\n<!-- a:end -->\nafter\n")
    replace_block(page, "a", "new")
    assert page.read_text() == "before\n<!-- a:begin -->\nnew\n<!-- a:end -->\nafter\n"
    assert block_of(page, "a") == "new"


@pytest.mark.parametrize(
    "text",
    ["none", "<!-- a:begin -->", "<!-- a:end --> <!-- a:begin -->", 2 * "<!-- a:begin --><!-- a:end -->"],
)
def test_a_page_without_its_two_marks_is_refused(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(InputError, match=r"page\.md: must hold <!-- a:begin --> once and, below it, <!-- a:end -->"):
        replace_block(page, "a", "new")
    assert page.read_text() == text


def test_there_are_recipes():
    assert len(recipes()) == 6
    assert all("my.yaml" in files for files in recipes().values())


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for files in recipes().values() for name, text in files.items()]
)
def test_a_recipe_can_be_read_and_imports_what_there_is(name, text):
    if name.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []
    elif name.endswith(".yaml"):
        assert set(yaml.safe_load(text)) <= set(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    else:
        assert text.count("{") == text.count("}")
