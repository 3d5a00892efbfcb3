"""The documentation: it has every key and every command, and its links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tagready.cli import cli
from tagready.facts import config

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "changelog.d" / "README.md")
    if "_build" not in page.parts
)


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def section(page: str, title: str, level: int) -> str:
    """Return what stands under a heading, up to the next one of its level or above."""
    found = re.search(rf"^#{{{level}}} {re.escape(title)}$(.*?)(?=^#{{1,{level}}} |\Z)", text_of(page), re.M | re.S)
    assert found, f"{page} has no heading {title!r}"
    return found[1]


def test_every_key_has_its_heading_and_none_is_left_over() -> None:
    headings = re.findall(r"^### (.+)$", section("docs/configuration.md", "Keys", 2), re.M)
    assert sorted(headings) == sorted([*config._READERS, "Not yet"])


def test_the_keys_of_work_to_come_are_named() -> None:
    named = re.findall(r"`([a-z-]+)`", section("docs/configuration.md", "Not yet", 3))
    assert sorted(named) == sorted(config.NOT_YET)


def config_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("config_table", DOCS / "_ext" / "config_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_keys_has_words_for_each_one() -> None:
    rows = {key: (value, default) for key, value, default in config_table().rows()}
    assert list(rows) == list(config._READERS)
    assert all(value for value, _ in rows.values())
    assert rows["flow"] == ("one of direct, pull-request", '"direct"')
    assert rows["rebuild"] == ("true or false", "true")
    assert rows["release-branches"] == ("a list of strings", "")


def test_every_command_is_in_the_table_of_commands() -> None:
    listed = re.findall(r"^\| .*?`tagready ([a-z-]+)", text_of("docs/commands.md"), re.M)
    assert sorted(listed) == sorted(cli.commands)


OPTIONS = [
    (name, option)
    for name, command in cli.commands.items()
    for parameter in command.params
    for option in parameter.opts
    if option.startswith("-") and name != "demo"
]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_every_option_is_on_the_page_of_its_command(name: str, option: str) -> None:
    page = text_of(f"docs/{'prepare-release' if name == 'prepare' else name}.md")
    assert re.search(rf"(?<![\w-]){option}(?![\w-])", page)


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    needed = [re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]]
    extras = [f"tagready[{extra}]" for extra in project["optional-dependencies"]]
    listed = re.findall(r"^\| `?([\w\[\]-]+)`? \|", section("docs/why.md", "Dependencies, a reason each", 2), re.M)
    assert sorted(listed) == sorted([*needed, *extras, "package", "extra"])


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_project_lead_somewhere(page: str) -> None:
    assert [link for link in links(page) if not leads_somewhere(page, link)] == []


def leads_somewhere(page: str, link: str) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    if not target.exists():
        return False
    return not anchor or anchor in anchors(target)


def links(page: str) -> Iterator[str]:
    """Yield the links and images of a page that stay within the project."""
    for token in inline(page):
        link = token.attrs.get("href") or token.attrs.get("src")
        if isinstance(link, str) and not re.match(r"[a-z]+:", link):
            yield link


def inline(page: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(text_of(page)):
        yield from token.children or ()


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    tokens = MarkdownIt("commonmark").parse(page.read_text("utf-8"))
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)
