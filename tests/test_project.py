"""towncrier's settings, read as towncrier's own loader reads them."""

from __future__ import annotations

import posixpath
import re
import tomllib
from pathlib import Path

import pytest
from towncrier._builder import FragmentsPath
from towncrier._settings.load import Config, load_config

from tagready.facts.findings import WrongUse
from tagready.facts.project import DEFAULT_TYPES, FragmentType, News, Section, Sources, name_of, read_news

TYPES = """
[[tool.towncrier.type]]
directory = "feature"
name = "New things"
[[tool.towncrier.type]]
name = "Bug Fixes"
showcontent = false
[[tool.towncrier.type]]
directory = "Other"
name = "Other"
check = false
"""
SECTIONS = """
[[tool.towncrier.section]]
path = ""
[[tool.towncrier.section]]
name = "Web"
path = "web"
[[tool.towncrier.section]]
name = "Core"
path = "./core/deep"
"""
FRAGMENTS = """
[tool.towncrier.fragment.feature]
[tool.towncrier.fragment.bug-fix]
name = "Fixes"
showcontent = false
[tool.towncrier.fragment.api]
"""


def sources(pyproject: str | None, towncrier: str | None = None, root: str = "") -> Sources:
    return Sources(root, tomllib.loads(pyproject or ""), None if towncrier is None else tomllib.loads(towncrier))


def by_towncrier(folder: Path, pyproject: str | None, towncrier: str | None) -> Config:
    for name, text in (("pyproject.toml", pyproject), ("towncrier.toml", towncrier)):
        if text is not None:
            (folder / name).write_text(text)
    config = load_config(str(folder))
    assert config
    return config


def same(news: News, config: Config, folder: Path) -> None:
    """Compare setting by setting."""
    assert news.name == config.name
    assert news.changelog == posixpath.normpath(config.filename)
    assert news.single_file == config.single_file
    assert news.start_string == config.start_string
    assert news.title_format == config.title_format
    assert (news.template and str(folder / news.template)) == (
        config.template if isinstance(config.template, str) else None
    )
    assert [(one.name, one.title, one.shows_content) for one in news.types] == [
        (name, type_["name"], type_["showcontent"]) for name, type_ in config.types.items()
    ]
    where = FragmentsPath(str(folder), config)
    assert [(one.name, (folder / one.directory).resolve()) for one in news.sections] == [
        (name, Path(where(path)).resolve()) for name, path in config.sections.items()
    ]
    assert (None if news.ignore is None else list(news.ignore)) == config.ignore
    assert news.issue_pattern == config.issue_pattern
    assert news.orphan_prefix == config.orphan_prefix
    assert news.all_bullets == config.all_bullets
    assert list(news.underlines) == list(config.underlines)


PROJECT = '[project]\nname = "my-demo"\n'
TABLE = "[tool.towncrier]\n"

CONFIGS: list[tuple[str, str | None, str | None]] = [
    ("nothing but a name", PROJECT, None),
    ("empty table", PROJECT + TABLE, None),
    ("empty towncrier.toml", PROJECT, ""),
    ("towncrier.toml alone", None, TABLE + 'name = "Demo"\ndirectory = "news"\n'),
    ("towncrier.toml before pyproject.toml", PROJECT + TABLE + 'directory = "a"\n', TABLE + 'directory = "b"\n'),
    ("name", PROJECT + TABLE + 'name = "Demo"\n', None),
    ("package", PROJECT + TABLE + 'package = "demo"\npackage_dir = "src"\n', None),
    ("package and name", PROJECT + TABLE + 'package = "demo"\nname = "Demo"\n', None),
    ("package_dir", PROJECT + TABLE + 'package_dir = "src"\n', None),
    ("directory", PROJECT + TABLE + 'directory = "changelog.d"\n', None),
    ("directory with a slash", PROJECT + TABLE + 'directory = "./docs/changes/"\n', None),
    ("directory before package", PROJECT + TABLE + 'directory = "news"\npackage = "demo"\n', None),
    ("filename", PROJECT + TABLE + 'filename = "docs/CHANGELOG.md"\n', None),
    ("filename in a folder above its own", PROJECT + TABLE + 'filename = "./docs/../CHANGES.rst"\n', None),
    ("filename in capitals", PROJECT + TABLE + 'filename = "CHANGELOG.MD"\n', None),
    ("filename .markdown", PROJECT + TABLE + 'filename = "CHANGELOG.markdown"\n', None),
    ("start_string", PROJECT + TABLE + 'start_string = "<!-- here -->"\n', None),
    ("start_string empty", PROJECT + TABLE + 'start_string = ""\nfilename = "a.md"\n', None),
    ("title_format", PROJECT + TABLE + 'title_format = "## {version}"\n', None),
    ("title_format false", PROJECT + TABLE + "title_format = false\n", None),
    ("single_file", PROJECT + TABLE + 'single_file = false\nfilename = "{version}.md"\n', None),
    ("template", PROJECT + TABLE + 'template = "t.md"\n', None),
    ("template of towncrier", PROJECT + TABLE + 'template = "towncrier:single-file-no-bullets"\n', None),
    ("types", PROJECT + TABLE + TYPES, None),
    ("fragment tables", PROJECT + TABLE + FRAGMENTS, None),
    ("fragment tables before types", PROJECT + TABLE + FRAGMENTS + TYPES, None),
    ("fragment tables in capitals", PROJECT + TABLE + "[tool.towncrier.fragment.Feature]\n", None),
    ("a type twice", PROJECT + TABLE + TYPES + TYPES.replace("New things", "Newer things"), None),
    ("sections", PROJECT + TABLE + SECTIONS, None),
    ("sections in a directory", PROJECT + TABLE + 'directory = "changelog.d"\n' + SECTIONS, None),
    ("sections below a package", PROJECT + TABLE + 'package = "demo"\npackage_dir = "src"\n' + SECTIONS, None),
    ("a section twice", PROJECT + TABLE + SECTIONS + '[[tool.towncrier.section]]\nname = "Web"\npath = "w"\n', None),
    ("ignore", PROJECT + TABLE + 'ignore = ["*.txt", "NOTES"]\n', None),
    ("ignore nothing", PROJECT + TABLE + "ignore = []\n", None),
    ("the rest", PROJECT + TABLE + 'issue_pattern = "\\\\d+"\norphan_prefix = ""\nall_bullets = false\n', None),
    ("underlines", PROJECT + TABLE + 'underlines = ["*", "", "^"]\n', None),
    ("ours", (Path(__file__).parent.parent / "pyproject.toml").read_text(),
     (Path(__file__).parent.parent / "towncrier.toml").read_text()),
]  # fmt: skip


@pytest.mark.parametrize(("pyproject", "towncrier"), [case[1:] for case in CONFIGS], ids=[case[0] for case in CONFIGS])
def test_read_news_as_towncrier_does(pyproject: str | None, towncrier: str | None, tmp_path: Path) -> None:
    (tmp_path / "t.md").touch()
    same(read_news(sources(pyproject, towncrier)), by_towncrier(tmp_path, pyproject, towncrier), tmp_path)


def test_defaults() -> None:
    assert read_news(sources(PROJECT)) == News(
        config_path="pyproject.toml",
        name="my-demo",
        changelog="NEWS.rst",
        single_file=True,
        start_string=".. towncrier release notes start\n",
        title_format="",
        template=None,
        types=DEFAULT_TYPES,
        base="my-demo/newsfragments",
        sections=(Section("", "my-demo/newsfragments"),),
        ignore=None,
        issue_pattern="",
        orphan_prefix="+",
        all_bullets=True,
        underlines=("=", "-", "~"),
    )


def test_paths_are_from_the_repositorys_top() -> None:
    text = PROJECT + TABLE + 'directory = "news"\nfilename = "../CHANGELOG.md"\ntemplate = "news/_t.md"\n'
    news = read_news(sources(text, root="libs/demo"))
    assert (news.config_path, news.changelog, news.template) == (
        "libs/demo/pyproject.toml",
        "libs/CHANGELOG.md",
        "libs/demo/news/_t.md",
    )
    assert news.sections == (Section("", "libs/demo/news"),)
    assert news.base == "libs/demo/news"
    assert read_news(sources(PROJECT, TABLE, root="libs/demo")).config_path == "libs/demo/towncrier.toml"


@pytest.mark.parametrize(
    ("incremental", "table", "name"),
    [
        (None, 'package = "demo"', "Demo"),
        ("DemoWare", 'package = "demo"', "DemoWare"),
        ("DemoWare", 'package = "demo"\nname = "d"', "d"),
        (None, "", ""),
    ],
)
def test_name_without_a_project(incremental: str | None, table: str, name: str) -> None:
    assert read_news(Sources("", tomllib.loads(f"{TABLE}{table}"), None, incremental)).name == name


@pytest.mark.parametrize(
    ("filename", "markdown"),
    [
        ("CHANGELOG.md", True),
        ("CHANGES.MD", True),
        ("a.markdown", True),
        ("NEWS.rst", False),
        ("NEWS", False),
        ("md", False),
    ],
)
def test_markdown(filename: str, markdown: bool) -> None:
    assert read_news(sources(f'{TABLE}filename = "{filename}"')).markdown is markdown


@pytest.mark.parametrize(
    ("path", "section"),
    [("d/1.misc.md", ""), ("d/gui/1.misc.md", "GUI"), ("1.misc.md", "Top"), ("d/x/1.misc.md", None), ("dd", "Top")],
)
def test_the_section_of_a_file(path: str, section: str | None) -> None:
    sections = (Section("", "d"), Section("GUI", "d/gui"), Section("Top", "."))
    found = read_news(sources(PROJECT))._replace(sections=sections).section_of(path)
    assert (found.name if found else None) == section
    assert found is None or found.path(path.rpartition("/")[2]) == path


@pytest.mark.parametrize(
    ("filename", "path", "version"),
    [
        ("docs/{version}/news.md", "docs/1.4.0/news.md", "1.4.0"),
        ("{version}.md", "1.4.0.md", "1.4.0"),
        ("{name}/{version}/{version}-{project_date}.md", "my-demo/1.4/1.4-2026-02-03.md", "1.4"),
        ("{version}/{version}.md", "1.4/1.5.md", None),
        ("docs/{version}/news.md", "docs/a/b/news.md", None),
    ],
)
def test_changelogs_of_versions(filename: str, path: str, version: str | None) -> None:
    news = read_news(sources(f'{PROJECT}{TABLE}filename = "{filename}"\nsingle_file = false\n'))
    match = re.fullmatch(news.changelog_pattern(), path)
    assert (match["version"] if match else None) == version
    parts, patterns = path.split("/"), news.changelog_parts()
    if version is not None:
        assert all(re.fullmatch(*pair) for pair in zip(patterns, parts, strict=True))


def test_a_type_that_tells_of_nothing() -> None:
    listed = '[[tool.towncrier.type]]\nname = "Chore"\ncheck = false\n[[tool.towncrier.type]]\nname = "Fix"\n'
    assert [type_.tells for type_ in read_news(sources(PROJECT + TABLE + listed)).types] == [False, True]
    table = "[tool.towncrier.fragment.chore]\ncheck = false\n[tool.towncrier.fragment.fix]\n"
    assert [type_.tells for type_ in read_news(sources(PROJECT + TABLE + table)).types] == [False, True]


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("underlines = 5", "pyproject.toml: underlines must be a list, not 5"),
        ("ignore = true", "pyproject.toml: ignore must be a list, not True"),
        ("filename = 1", "pyproject.toml: filename must name the changelog, not 1"),
        ('filename = ""', "pyproject.toml: filename must name the changelog, not ''"),
        ("[[tool.towncrier.type]]\ndirectory = 'x'", "pyproject.toml: a [[tool.towncrier.type]] has no name"),
        ("[[tool.towncrier.section]]\nname = 'x'", "pyproject.toml: a [[tool.towncrier.section]] has no path"),
    ],
)
def test_what_towncrier_would_stumble_over(table: str, what: str) -> None:
    with pytest.raises(WrongUse) as caught:
        read_news(sources(TABLE + table))
    assert caught.value.what == what


@pytest.mark.parametrize(
    ("table", "path", "title"),
    [
        ('filename = "C.md"\ntitle_format = "## {name} {version} ({project_date})"', "C.md", "## d 1.4 (2026-02-03)"),
        ('filename = "n/{version}.md"\nsingle_file = false', "n/1.4.md", ""),
        ('filename = "{name}-{project_date}.md"\nsingle_file = false', "d-2026-02-03.md", ""),
        ('filename = "{version}.md"\ntitle_format = false', "{version}.md", ""),
    ],
)
def test_changelog_and_title_of_a_version(table: str, path: str, title: str) -> None:
    news = read_news(sources(f'{TABLE}name = "d"\n{table}'))
    assert news.changelog_for("1.4", "2026-02-03") == path
    assert news.title("1.4", "2026-02-03") == title


@pytest.mark.parametrize("text", ["{ver}", "{}", "{", "{version!x}"])
def test_what_cannot_be_filled_in(text: str) -> None:
    news = read_news(sources(f'{TABLE}single_file = false\nfilename = "{text}"\ntitle_format = "{text}"'))
    with pytest.raises(WrongUse, match=r"filename .* cannot be filled in"):
        news.changelog_for("1.4", "2026-02-03")
    with pytest.raises(WrongUse, match=r"title_format .* cannot be filled in"):
        news.title("1.4", "2026-02-03")


def test_type_of_a_name() -> None:
    assert read_news(sources(PROJECT)).type("misc") == FragmentType("misc", "Misc", shows_content=False)


@pytest.mark.parametrize(
    ("pyproject", "name"),
    [
        (PROJECT, "my-demo"),
        ('[tool.poetry]\nname = "p"', "p"),
        (PROJECT + '[tool.poetry]\nname = "p"', "my-demo"),
        ("", ""),
    ],
)
def test_name_of(pyproject: str, name: str) -> None:
    assert name_of(sources(pyproject)) == name


@pytest.mark.parametrize(
    ("root", "name", "path"),
    [("", "a.py", "a.py"), ("x", "a.py", "x/a.py"), ("x", "../a.py", "a.py"), ("", "./src//a.py", "src/a.py")],
)
def test_path(root: str, name: str, path: str) -> None:
    assert Sources(root, {}, None).path(name) == path
