"""Fragments: which files are some, by towncrier's own reading, and what is wrong with those that are and are not."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from towncrier import _builder
from towncrier._settings.load import parse_toml

from tagready.facts.findings import Finding, Level
from tagready.facts.fragments import (
    Fragment,
    Survey,
    category_level,
    ignored_by_towncrier,
    judge_text,
    likely_name,
    may_hang,
    read_name,
    survey,
    survey_above,
)
from tagready.facts.project import DEFAULT_TYPES, FragmentType, News, Section

NEWS = News(
    config_path="pyproject.toml",
    name="demo",
    changelog="CHANGELOG.md",
    single_file=True,
    start_string="<!-- towncrier release notes start -->\n",
    title_format="## {version} ({project_date})",
    template=None,
    types=DEFAULT_TYPES,
    base="changelog.d",
    sections=(Section("", "changelog.d"),),
    ignore=None,
    issue_pattern="",
    orphan_prefix="+",
    all_bullets=True,
    underlines=("=", "-", "~"),
)
RST = NEWS._replace(changelog="NEWS.rst")
SECTION = NEWS.sections[0]
TYPES = [type_.name for type_ in DEFAULT_TYPES]


def looked_at(*names: str, news: News = NEWS, extra: Sequence[str] = ()) -> Survey:
    return survey(news, [(SECTION, name) for name in names], extra)


def fragment(name: str, news: News = NEWS) -> Fragment:
    found = read_name(news, SECTION, name)
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "issue", "type_", "counter", "orphan"),
    [
        ("12.feature.md", "12", "feature", 0, False),
        ("12.feature", "12", "feature", 0, False),
        ("012.feature.1.md", "12", "feature", 1, False),
        ("12.feature.07.rst", "12", "feature", 7, False),
        ("fix-1.2.3.bugfix.md", "fix-1.2.3", "bugfix", 0, False),
        ("12.doc.misc.md", "12.doc", "misc", 0, False),
        ("#12.doc.txt", "#12", "doc", 0, False),
        ("+.misc.md", "", "misc", 0, True),
        ("+colour.feature.md", "", "feature", 0, True),
        ("12.feature.md~", "12", "feature", 0, False),
        (" 12 .feature.md", "12", "feature", 0, False),
    ],
)
def test_read_name(name: str, issue: str, type_: str, counter: int, orphan: bool) -> None:
    assert fragment(name) == Fragment(f"changelog.d/{name}", "", issue, type_, counter, orphan)


@pytest.mark.parametrize(("prefix", "issue"), [("", "+x"), ("+", ""), ("o-", "+x")])
def test_orphan_prefix(prefix: str, issue: str) -> None:
    found = fragment("+x.misc.md", NEWS._replace(orphan_prefix=prefix))
    assert (found.issue, found.orphan) == (issue, not issue)


@pytest.mark.parametrize("name", ["feature", "feature.md", "12.md", "12.Feature.md", "12.feat.md", "12-feature.md", ""])
def test_no_fragment(name: str) -> None:
    assert read_name(NEWS, SECTION, name) is None


# Superscripts (`².misc.md`) are digits to str.isdigit and none to int: towncrier dies of them.
PARTS = st.one_of(
    st.sampled_from([*TYPES, "Feature", "md", "rst", "12", "007", "+", "+x", "#4", "", " 5 ", "bak", "~", "1_0", "٣"]),
    st.text(alphabet="a1+-_ ~#é", max_size=4),
)
NAMES = st.lists(PARTS, min_size=1, max_size=6).map(".".join)


@given(NAMES)
def test_names_are_read_as_towncrier_reads_them(name: str) -> None:
    issue, type_, counter = _builder.parse_newfragment_basename(name, TYPES)
    found = read_name(NEWS, SECTION, name)
    if issue is None:
        assert found is None
    else:
        assert found is not None
        assert (found.type, found.counter) == (type_, counter)
        assert (found.orphan, found.issue) == ((True, "") if issue.startswith("+") else (False, issue))


@pytest.mark.parametrize("name", ["².misc.md", "1.misc.².md"])
def test_a_digit_that_is_no_number_breaks_towncrier(name: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        _builder.parse_newfragment_basename(name, TYPES)
    path = f"changelog.d/{name}"
    what = f"{path}: '²' is a digit, but no number, and towncrier breaks on it"
    assert looked_at(name).findings == (Finding("fragment-malformed", what, "rename it, with plain digits", path),)


@pytest.mark.parametrize("name", ["1.².misc.md", "1.misc.md.²", "+².misc.md"])
def test_a_digit_that_is_no_number_and_nobody_reads_as_one(name: str) -> None:
    _builder.parse_newfragment_basename(name, TYPES)
    assert looked_at(name).findings == ()


@pytest.mark.parametrize("settings", ["", 'ignore = ["*.TXT", "Notes*"]', 'orphan_prefix = ""', 'orphan_prefix = "x"'])
def test_a_directory_is_read_as_towncrier_reads_it(settings: str, tmp_path: Path) -> None:
    names = [
        "1.feature.md", "2.feature.txt", "Notes.3.misc.md", "notes.md", "+a.doc.md", "+b.doc.md", "x9.misc", ".gitkeep",
        "README.md", "Readme.rst", "readme.bugfix.md", "4.feat.md", "5.misc.2.txt", "template.md", "6.bugfix.md.orig",
        "1.2.3.md", ".7.misc.md", "news.misc.j2",
    ]  # fmt: skip
    (tmp_path / "changelog.d").mkdir()
    for name in names:
        (tmp_path / "changelog.d" / name).write_text("Text.\n")
    table = tomllib.loads(f'[tool.towncrier]\ndirectory = "changelog.d"\nfilename = "CHANGELOG.md"\n{settings}\n')
    config = parse_toml(str(tmp_path), table)
    _, files = _builder.find_fragments(str(tmp_path), config, strict=False)
    news = NEWS._replace(
        ignore=None if config.ignore is None else tuple(config.ignore), orphan_prefix=config.orphan_prefix
    )
    found = looked_at(*names, news=news)
    assert sorted(one.path for one in found.fragments) == sorted(
        Path(file).relative_to(tmp_path).as_posix() for file, _ in files
    )


def test_the_template_beside_the_fragments_is_ignored() -> None:
    news = NEWS._replace(template="changelog.d/_t.misc.md")
    assert ignored_by_towncrier(news, "_t.misc.md")
    assert not ignored_by_towncrier(NEWS, "_t.misc.md")


@pytest.mark.parametrize(
    ("names", "better"),
    [
        (("12.bug.md", "12.bugfix.md"), ["12.bugfix.1.md"]),
        (("12.bug.md", "12.bugfix.rst", "12.bugfix.1.md"), ["12.bugfix.2.md"]),
        (("12.bug.md", "12.fix.md"), ["12.bugfix.md", "12.bugfix.1.md"]),
        (("12.bug.2.rst", "12.bugfix.2.md"), ["12.bugfix.3.rst"]),
        (("+x.bug.md", "+x.bugfix.md"), ["+x.bugfix.1.md"]),
        (("+x.bug.md", "+y.bugfix.md"), ["+x.bugfix.md"]),
    ],
)
def test_the_name_that_is_said_is_free(names: tuple[str, ...], better: list[str]) -> None:
    found = [each.fix.partition(",")[0].rpartition("/")[2] for each in looked_at(*names).findings]
    assert found == better


CORE, GUI = Section("Core", "changelog.d/core"), Section("GUI", "changelog.d/gui")


@pytest.mark.parametrize(
    ("sections", "move"),
    [
        ((CORE,), "git mv changelog.d/12.feature.md changelog.d/core/12.feature.md"),
        (
            (CORE, GUI),
            "git mv changelog.d/12.feature.md into the folder of its section (changelog.d/core for Core, "
            "changelog.d/gui for GUI)",
        ),
    ],
)
def test_a_fragment_above_the_sections_is_never_compiled(sections: tuple[Section, ...], move: str) -> None:
    path = "changelog.d/12.feature.md"
    assert survey_above(NEWS._replace(sections=sections), ["12.feature.md"], []) == (
        Finding(
            "fragment-ignored",
            f"{path} is in no section's folder, so towncrier never sees it and its text would be missing",
            f"{move}, or list it under `ignore` in [tool.towncrier] of pyproject.toml",
            path,
        ),
    )


def test_what_else_lies_above_the_sections() -> None:
    news = NEWS._replace(sections=(CORE,), ignore=("old.*",))
    names = ["notes.txt", "README.md", "template.doc.md", "12.feature.py", "old.misc.md", "refs.doc.bib", "1.2.3.md"]
    assert survey_above(news, names, ["refs.*"]) == ()
    assert [each.path for each in survey_above(news, ["12.featuer.md"], [])] == ["changelog.d/12.featuer.md"]


def test_files_at_the_top_are_named_as_git_does() -> None:
    news = NEWS._replace(base=".", sections=(Section("", "."),))
    found = survey(news, [(news.sections[0], "3.featuer.md")], [])
    assert [each.path for each in found.findings] == ["3.featuer.md"]


FIXES = [FragmentType("bugfix", "Fixes"), FragmentType("feature", "Features")]


@pytest.mark.parametrize(
    ("name", "types", "likely"),
    [
        ("12.bug.md", TYPES, "12.bugfix.md"),
        ("12.feat.md", TYPES, "12.feature.md"),
        ("12.Feature.md", TYPES, "12.feature.md"),
        ("fix.5924.md", TYPES, "5924.bugfix.md"),
        ("feature.12.md", TYPES, "12.feature.md"),
        ("fix.5924.md", ["fix", "feature"], "5924.fix.md"),
        ("CVE-2026-24049.fix.rst", ["bugfix"], "CVE-2026-24049.bugfix.rst"),
        ("+signing.docs", TYPES, "+signing.doc.md"),
        ("3545.bugfixl.md", TYPES, "3545.bugfix.md"),
        ("2862.bug", TYPES, "2862.bugfix.md"),
        ("12.bug.1.md", TYPES, "12.bugfix.1.md"),
        ("12.deprecated.md", ["deprecation"], "12.deprecation.md"),
        ("12.feature.md", ["feat", "fix"], "12.feat.md"),
        ("12.doc.md", ["documentation"], "12.documentation.md"),
        ("12.misc.md", ["chore"], "12.chore.md"),
        ("12.remove.md", TYPES, "12.removal.md"),
        ("12..feature.md", ["feature"], "12.feature.md"),
        ("feature-names.bug.md", TYPES, "feature-names.bugfix.md"),
        ("docs-12.fix.md", TYPES, "docs-12.bugfix.md"),
        ("12.md", TYPES, None),
        ("feature.md", TYPES, None),
        ("12.zebra.md", TYPES, None),
        ("notes.txt", TYPES, None),
    ],
)
def test_likely_name(name: str, types: list[str], likely: str | None) -> None:
    assert likely_name(name, types, ".md") == likely


@given(NAMES.filter(lambda name: read_name(NEWS, SECTION, name) is None))
def test_a_likely_name_is_one_that_towncrier_reads(name: str) -> None:
    likely = likely_name(name, TYPES, ".md")
    if likely is not None:
        issue, _, _ = _builder.parse_newfragment_basename(likely, TYPES)
        assert issue


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("12.bug.md", "git mv changelog.d/12.bug.md changelog.d/12.bugfix.md"),
        ("it's.feat.md", "git mv 'changelog.d/it'\\''s.feat.md' 'changelog.d/it'\\''s.feature.md'"),
        ("notes.txt", "name it ISSUE.TYPE.md with one of the types feature, bugfix, doc, removal, misc"),
        ("123.md", "name it ISSUE.TYPE.md with one of the types feature, bugfix, doc, removal, misc"),
        ("123", "name it ISSUE.TYPE.md with one of the types feature, bugfix, doc, removal, misc"),
    ],
)
def test_ignored(name: str, fix: str) -> None:
    path = f"changelog.d/{name}"
    assert looked_at(name).findings == (
        Finding(
            "fragment-ignored",
            f"{path} is not named like a fragment, so towncrier passes over it and its text would be missing",
            f"{fix}, or list it under `ignore` in [tool.towncrier] of pyproject.toml",
            path,
        ),
    )


@pytest.mark.parametrize(
    "name",
    [
        ".gitkeep", ".hidden", "README", "readme.md", "README.txt", "readme-first.md", "template.md", "_template.rst",
        "TEMPLATE.jinja", "news.j2", "news.md.jinja2", "conf.py", "1.2.3.md", "v1.2.3.rst", "1.2.3rc1.md", "2026.1.txt",
    ],
)  # fmt: skip
def test_never_a_finding(name: str) -> None:
    assert looked_at(name) == Survey((), ())


@pytest.mark.parametrize("extra", ["*.bib", "refs.bib", "changelog.d/refs.*"])
def test_extra_files(extra: str) -> None:
    assert looked_at("refs.bib", extra=[extra]).findings == ()
    assert [found.path for found in looked_at("refs.bib", "x.bab", extra=[extra]).findings] == ["changelog.d/x.bab"]


def test_the_projects_own_ignore() -> None:
    assert looked_at("Notes.TXT", news=NEWS._replace(ignore=("notes.txt",))).findings == ()


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("12.feature.md~", "12.feature.md"),
        ("12.feature.md.bak", "12.feature.md"),
        ("12.feature.ORIG", "12.feature"),
        ("1.misc.rej", "1.misc"),
        ("1.misc.md.swp", "1.misc.md"),
        ("1.misc.swo", "1.misc"),
        ("1.doc.tmp", "1.doc"),
        ("1.doc.md.save", "1.doc.md"),
        ("1.doc.md.save.2", "1.doc.md"),
        ("#1.doc.md#", "1.doc.md"),
        (".#1.doc.md#", "1.doc.md"),
    ],
)
def test_leftover_copies(name: str, original: str) -> None:
    """Where the original is not there, the leftover may be the only copy of its text."""
    path = f"changelog.d/{name}"
    quoted = path if not {"~", "#"} & {*path} else f"'{path}'"
    message = f"{path} looks like an editor's or a merge's leftover, and towncrier would compile it"
    remove = f"git rm {quoted}, then commit"
    rename = f"git mv {quoted} changelog.d/{original}, then commit, if that is what it was; else {remove}"
    assert looked_at(name).findings == (Finding("fragment-leftover-copy", message, rename, path),)
    assert Finding("fragment-leftover-copy", message, remove, path) in looked_at(name, original).findings


@pytest.mark.parametrize(
    ("one", "other", "rename"),
    [
        ("1.feature.md", "01.feature.md", "1.feature.1.md"),
        ("1.feature.md", "1.feature.rst", "1.feature.1.rst"),
        ("1.feature.md", "1.feature", "1.feature.1"),
        ("1.feature.md", "1.feature.0.md", "1.feature.1.md"),
        ("1.feature.2.md", "1.feature.02.md", "1.feature.3.md"),
    ],
)
def test_duplicates(one: str, other: str, rename: str) -> None:
    assert looked_at(one, other).findings == (
        Finding(
            "fragment-duplicated",
            f"changelog.d/{other} and changelog.d/{one} are the same issue, type and counter to towncrier, "
            "which stops at them",
            f"join them, or rename one to {rename}",
            f"changelog.d/{other}",
        ),
    )


@pytest.mark.parametrize(
    "names",
    [
        ("1.feature.md", "1.bugfix.md"),
        ("1.feature.md", "1.feature.1.md"),
        ("+a.misc.md", "+a.misc.rst"),
        ("1.doc", "a1.doc"),
    ],
)
def test_no_duplicates(names: tuple[str, str]) -> None:
    assert looked_at(*names).findings == ()


def test_each_duplicate_gets_a_counter_of_its_own() -> None:
    found = looked_at("1.doc.md", "1.doc.2.md", "1.doc.rst", "1.doc", "1.doc.txt").findings
    assert [each.fix.rpartition(" ")[2] for each in found] == ["1.doc.1.rst", "1.doc.3", "1.doc.4.txt"]


@pytest.mark.parametrize("name", ["#1.doc.md", "10.doc.md", "x.doc.md", "save.doc.md", "+0.doc.md", "+doc.misc.md"])
def test_names_that_only_look_odd(name: str) -> None:
    assert looked_at(name).findings == ()


@pytest.mark.parametrize(
    ("name", "what", "better"),
    [
        ("0.doc.md", "is for issue 0, which no project has, and the entry would name it", "ISSUE.doc.md"),
        ("0000.doc", "is for issue 0, which no project has, and the entry would name it", "ISSUE.doc"),
        ("bugfix.doc.1.md", "names two types, so the entry would name 'bugfix' as the issue", "ISSUE.doc.1.md"),
    ],
)
def test_an_issue_that_no_project_has(name: str, what: str, better: str) -> None:
    path = f"changelog.d/{name}"
    fix = f"git mv {path} changelog.d/{better}, with the issue's number, or +WORDS where there is none"
    expected = Finding("fragment-malformed", f"{path} {what}", fix, path, None, Level.WARNING)
    assert looked_at(name).findings == (expected,)


def test_a_type_that_the_issue_pattern_takes_is_an_issue() -> None:
    assert looked_at("bugfix.doc.md", news=NEWS._replace(issue_pattern="[a-z]+")).findings == ()


def test_the_same_name_in_two_sections_is_no_duplicate() -> None:
    web = Section("Web", "changelog.d/web")
    found = survey(NEWS, [(SECTION, "1.misc.md"), (web, "1.misc.md")], [])
    assert [(one.section, one.path) for one in found.fragments] == [
        ("", "changelog.d/1.misc.md"),
        ("Web", "changelog.d/web/1.misc.md"),
    ]
    assert found.findings == ()


def test_issue_pattern() -> None:
    news = NEWS._replace(issue_pattern=r"\d+")
    assert looked_at("12.misc.md", "+x.misc.md", news=news).findings == ()
    assert looked_at("x.misc.md", news=news).findings == (
        Finding(
            "fragment-malformed",
            "changelog.d/x.misc.md: issue 'x' does not match issue_pattern '\\\\d+', so towncrier refuses to build",
            "rename it, or change issue_pattern in pyproject.toml",
            "changelog.d/x.misc.md",
        ),
    )


def malformed(line: int, what: str, why: str, fix: str, level: Level = Level.ERROR) -> Finding:
    path = "changelog.d/1.feature.md"
    return Finding("fragment-malformed", f"{path} {what}: {why}", fix, path, line, level)


def heading(line: int) -> Finding:
    return malformed(
        line,
        "has a heading as high as a category of the entry",
        "readers and tools would take what follows for another section",
        "use a deeper heading, or bold text",
    )


def open_fence(line: int, fence: str) -> Finding:
    return malformed(
        line,
        "opens a code fence that never ends",
        "it would swallow the rest of the changelog",
        f"close it with {fence} on a line of its own",
    )


def last_fence(line: int) -> Finding:
    return malformed(
        line,
        "ends with a code fence",
        "towncrier appends the issue to that line, which spoils the fence",
        "add a sentence after the fence",
        Level.WARNING,
    )


def conflict(line: int) -> Finding:
    return malformed(line, "has conflict markers", "they would be released", "resolve them and commit")


def control(line: int, code: str) -> Finding:
    return malformed(
        line,
        f"has the control character {code}",
        "the changelog would no longer be plain text to git and to terminals",
        "take it out and commit",
    )


def not_utf8(line: int) -> Finding:
    return malformed(line, "is not UTF-8", "towncrier would replace the bytes by �", "save it as UTF-8")


EMPTY = Finding(
    "fragment-empty",
    "changelog.d/1.feature.md has no text, so the entry would show a bare issue number",
    "write one sentence for the users into it and commit, or git rm it",
    "changelog.d/1.feature.md",
)


BOM = malformed(
    1, "begins with a byte order mark", "towncrier would carry it into the middle of the changelog",
    "save it without one (tagready check --fix does)", Level.WARNING,
)  # fmt: skip


def unclosed(line: int, opens: str, closes: str) -> Finding:
    return malformed(
        line, f"opens {opens} and never closes it", "a page that shows the changelog would hide what follows",
        f"close it with {closes}, or put it into backquotes, and commit",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        pytest.param("Add colour.\n", [], id="a sentence"),
        pytest.param("<!-- say what changed -->\n", [EMPTY], id="only a comment"),
        pytest.param("<!-- say\n\nwhat --> <!-- changed -->\n", [EMPTY], id="only two comments"),
        pytest.param("\ufeff", [EMPTY], id="only a byte order mark"),
        pytest.param("\u200b\n", [EMPTY], id="only a blank without width"),
        pytest.param("\ufeffAdd colour.\n", [BOM], id="a byte order mark"),
        pytest.param("\ufeff# Title\n", [BOM, heading(1)], id="a byte order mark and a heading"),
        pytest.param("<!-- open now\n", [unclosed(1, "<!--", "-->")], id="open comment"),
        pytest.param("Add.\n\n  <!-- open\n\nnow\n", [unclosed(3, "<!--", "-->")], id="open comment below"),
        pytest.param("Add\n<!-- open\n", [unclosed(2, "<!--", "-->")], id="open comment in a paragraph"),
        pytest.param("- <!-- a\n\nb -->\n", [unclosed(1, "<!--", "-->")], id="a comment that its item ends"),
        pytest.param("- <!-- a\n\n  b --> c\n", [], id="a comment that its item holds"),
        pytest.param("> <!-- a\n\nb -->\n", [unclosed(1, "<!--", "-->")], id="a comment that its quotation ends"),
        pytest.param("> - <!-- a\n> b -->\n", [], id="a comment that its quotation holds"),
        pytest.param(">  > <!-- a\nb -->\n", [unclosed(1, "<!--", "-->")], id="a comment in a quotation's quotation"),
        pytest.param(">     <!-- a\n", [], id="a comment in the code of a quotation"),
        pytest.param("<!-- a --> <!-- b\n", [unclosed(1, "<!--", "-->")], id="an open comment behind another"),
        pytest.param("<![CDATA[ x\n", [unclosed(1, "<![CDATA[", "]]>")], id="open CDATA"),
        pytest.param("<?php x\n", [unclosed(1, "<?", "?>")], id="open instruction"),
        pytest.param("<!-- a\n\n# b\n```\n--> Add.\n", [], id="comment"),
        pytest.param("<!--> Add.\n", [], id="the shortest comment"),
        pytest.param("<?php x ?>\n<![CDATA[ x ]]>\nAdd.\n", [], id="what ends"),
        pytest.param("`<!--` begins a comment.\n", [], id="a code span"),
        pytest.param("Add <!-- and so on.\n", [], id="a comment's beginning in a sentence, which is text"),
        pytest.param("Add.\n```html\n<!--\n```\nMore.\n", [], id="a comment in code"),
        pytest.param("Add.\n\n    <!--\n", [], id="a comment in indented code"),
        pytest.param("", [EMPTY], id="empty"),
        pytest.param(" \n\t\n", [EMPTY], id="blank"),
        pytest.param("Add\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> topic\n", [conflict(2)], id="conflict"),
        pytest.param("a\n>>>>>>> topic\n", [conflict(2)], id="half a conflict"),
        pytest.param("a <<<<<<< b\n", [], id="no conflict"),
        pytest.param("Add.\n\n```py\nx = 1\n```\n\nMore.\n", [], id="fence"),
        pytest.param("Add.\n\n```py\nx = 1\n", [open_fence(3, "```")], id="open fence"),
        pytest.param("Add.\n~~~~\nx\n~~~\n", [open_fence(2, "~~~~")], id="too short an end"),
        pytest.param("Add.\n```\nx\n``` end\n", [open_fence(2, "```")], id="an end with words"),
        pytest.param("Add.\n```\nx\n~~~\n```\nMore.\n", [], id="another fence inside"),
        pytest.param("Add.\n\n```\nx\n```\n", [last_fence(5)], id="last fence"),
        pytest.param("Run:\n\n- ```sh\n  # a comment\n  dim\n  ```\n\nEnd.\n", [], id="fence in an item"),
        pytest.param("1. * ~~~\n     # x\n     ~~~\nEnd.\n", [], id="fence in an item of an item"),
        pytest.param("- ```\n  x\n\nEnd.\n\n# T\n", [heading(6)], id="an item that ends, and its fence"),
        pytest.param("Run:\n\n- ```toml\n  a = 1\n", [open_fence(3, "```")], id="open fence in an item"),
        pytest.param("Add ```x``` and\n```y``` too.\n", [], id="inline code"),
        pytest.param("# Title\n", [heading(1)], id="h1"),
        pytest.param("Add.\n\n### Features\n", [heading(3)], id="category"),
        pytest.param("Add.\n\n#### Deeper\n", [], id="deeper"),
        pytest.param("Add.\n\n#hashtag and #12\n", [], id="hashtag"),
        pytest.param("Add.\n\n    # a comment\n", [], id="indented code"),
        pytest.param("Add.\n```\n# a comment\n```\nMore.\n", [], id="comment in code"),
        pytest.param("Title\n=====\n\n## Two\n", [heading(2), heading(4)], id="two headings"),
        pytest.param("Title\n---\n", [heading(2)], id="setext"),
        pytest.param("Text.\n\n---\n\nMore.\n", [], id="rule"),
        pytest.param("- Item\n---\nMore.\n", [], id="rule after an item"),
        pytest.param("| a |\n|---|\n| b |\n", [], id="table"),
        pytest.param("# T\n```\nx", [heading(1), open_fence(2, "```")], id="all at once"),
        pytest.param("<<<<<<< a\n# T\n", [conflict(1)], id="conflict and heading"),
        pytest.param("Add\n\0.\n", [control(2, "U+0000")], id="NUL"),
        pytest.param("\x1b[2J.\n", [control(1, "U+001B")], id="what a terminal obeys"),
        pytest.param("Add \x9b2J.\n", [control(1, "U+009B")], id="the same in one sign"),
        pytest.param("A\ttab, a\rline, caf\u00e9\u00a0\U0001f600.\n", [], id="signs that text has"),
    ],
)
def test_judge_markdown(text: str, findings: list[Finding]) -> None:
    assert judge_text(NEWS, fragment("1.feature.md"), text.encode()) == findings
    assert judge_text(NEWS, fragment("1.feature.md"), text.replace("\n", "\r\n").encode()) == findings


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        pytest.param("Add.\n\nFeatures\n--------\n", [heading(3)], id="category"),
        pytest.param("Title\n=====\n\nText.\n", [heading(1)], id="title"),
        pytest.param("Deeper\n~~~~~~\n\nText.\n", [], id="deeper"),
        pytest.param("Text.\n\n-----\n\nMore.\n", [], id="transition"),
        pytest.param("Like so::\n\n    Title\n    =====\n", [], id="literal block"),
        pytest.param("===== =====\na     b\n===== =====\n", [], id="table"),
        pytest.param("## Not Markdown\n```\n", [], id="markdown"),
        pytest.param("=======\nTitle\n=======\n\nText.\n", [heading(2)], id="overlined"),
    ],
)
def test_judge_rst(text: str, findings: list[Finding]) -> None:
    assert judge_text(RST, fragment("1.feature.md"), text.encode()) == findings


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("-    " * 400 + "x", id="items"),
        pytest.param("1.\t " * 400 + "x", id="numbered items"),
        pytest.param("> " * 400 + "x", id="quotations"),
        pytest.param(">  " * 400 + "-   " * 400 + "x", id="items in quotations"),
    ],
)
def test_no_line_is_read_in_exponentially_many_ways(line: str) -> None:
    """Where each sign doubled the ways to read a line, four hundred of them would never be read."""
    code = (
        "import sys, test_fragments as here\n"
        "print(here.judge_text(here.NEWS, here.fragment('1.feature.md'), sys.stdin.buffer.read()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=f"Add.\n\n{line}\n\n<!-- a -->\n", capture_output=True, text=True,
        cwd=Path(__file__).parent, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"


def test_judge_rst_with_sections() -> None:
    news = RST._replace(sections=(Section("Web", "changelog.d"),))
    assert judge_text(news, fragment("1.feature.md"), b"Deeper\n~~~~~~\n") == [heading(1)]


@pytest.mark.parametrize(("data", "line"), [(b"\xff", 1), (b"a\nb \xe9t\xe9\n", 2), (b"a\r\n\r\n\xc3", 3)])
def test_not_utf8(data: bytes, line: int) -> None:
    assert judge_text(NEWS, fragment("1.feature.md"), data) == [not_utf8(line)]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        (".. comment only\n", [EMPTY]),
        (".. note: one colon too few\n", [EMPTY]),
        ("..\n   Say what\n   changed.\n", [EMPTY]),
        ("\n.. say\n   what\n\n   changed\n\n.. and why\n", [EMPTY]),
        ("\ufeff.. comment only\n", [EMPTY]),
        ("..\n", [EMPTY]),
        (".. say what\n\nAdd colour.\n", []),
        (".. say what\nAdd colour.\n", []),
        ("..\n\n   Add colour.\n", []),
        (".. note:: Add colour.\n", []),
        (".. py:function:: dim()\n", []),
        (".. [1] Add colour.\n", []),
        (".. |lamp| replace:: Lamp\n", []),
        ("Add colour ..\n", []),
        ("..and so on.\n", []),
    ],
)
def test_a_comment_of_restructuredtext_is_no_text(text: str, findings: list[Finding]) -> None:
    assert judge_text(RST, fragment("1.feature.md"), text.encode()) == findings
    assert judge_text(RST, fragment("1.feature.md"), text.replace("\n", "\r\n").encode()) == findings


def test_what_is_not_shown_may_be_empty() -> None:
    assert judge_text(NEWS, fragment("1.misc.md"), b"") == []


def test_what_has_no_issue_is_always_shown() -> None:
    """Of a type that hides texts, towncrier shows those of orphans (26.9.0); a project's template may not."""
    (found,) = judge_text(NEWS, fragment("+x.misc.md"), b" \n")
    assert found.message == "changelog.d/+x.misc.md has no text, so the entry would show nothing at all"
    assert judge_text(NEWS._replace(template="t.md"), fragment("+x.misc.md"), b"") == []


def test_a_comment_of_another_language_is_text() -> None:
    assert judge_text(RST, fragment("1.feature.md"), b"<!-- say what changed -->\n") == []


@pytest.mark.parametrize(
    ("news", "name"),
    [(NEWS, "+x.feature.md"), (NEWS._replace(template="t.md"), "1.feature.md")],
    ids=["no issue to append", "the template's own business"],
)
def test_a_last_fence_that_nothing_spoils(news: News, name: str) -> None:
    assert judge_text(news, fragment(name), b"Add.\n```\nx\n```\n") == []


@pytest.mark.parametrize(
    ("title_format", "sections", "level"),
    [
        ("# {version}", [""], 2),
        ("## {version}", [""], 3),
        ("## {version}", ["Web"], 4),
        ("", [""], 2),
        (False, [""], 1),
        ("Version {version}", [""], 1),
        ('<a id="{version}"></a>\n\n## {version}', [""], 3),
    ],
)
def test_category_level(title_format: str | bool, sections: list[str], level: int) -> None:
    news = NEWS._replace(title_format=title_format, sections=tuple(Section(name, "x") for name in sections))
    assert category_level(news) == level


# As pytest's changelog/7777.breaking.rst: a dozen lines of an indented tree, and a paragraph after it.
TREE = """\
Added a new `Directory` node::

    myroot/
        pytest.ini
        top/
            aaa
                test_aaa.py
            test_a.py
            test_b
                __init__.py
                test_b.py
            test_c.py
        zzz
            __init__.py
            test_zzz.py
"""
AFTER = "\nIt is collected first.\n"


def goes_on(text: str) -> bool:
    """Return whether towncrier's search is still at it after a quarter of a second."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.25)
    try:
        with suppress(TimeoutError):
            _builder.append_newlines_if_trailing_code_block(_builder.indent(text.strip(), "  ")[2:])
            return False
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer here")
@pytest.mark.parametrize(
    ("text", "hangs"),
    [
        pytest.param(TREE + AFTER, True, id="tree and text"),
        pytest.param((TREE + AFTER).replace("\n", "\r\n"), True, id="CRLF"),
        pytest.param("First::\n\n    x\n\nThen.\n\n" + TREE + AFTER, True, id="second block"),
        pytest.param(TREE.replace("    ", "\t") + "\n\n" + TREE + AFTER, True, id="tabs and blanks"),
        pytest.param(TREE, False, id="tree last"),
        pytest.param(TREE.replace("::", ":") + AFTER, False, id="no literal block"),
        pytest.param("Use it::\n\n    import demo\n    demo.run()\n\nIt is faster.\n", False, id="two lines"),
        pytest.param("Use it::\n\n" + " x\n" * 40 + "\nText.\n", False, id="one blank deep"),
        pytest.param(".. code-block:: python\n\n" + "    x = 1\n" * 40 + "\nText.\n", False, id="directive"),
        pytest.param("A sentence::\nwith colons.\n" + "    x\n" * 40 + "\nText.\n", False, id="no blank line"),
        pytest.param("```\n" + "        x\n" * 40 + "```\nText.\n", False, id="Markdown fence"),
    ],
)
def test_may_hang(text: str, hangs: bool) -> None:
    """What towncrier's own pattern does says which is right; a hang is a hang with any line ending."""
    assert may_hang(RST, text) is hangs
    assert goes_on(text.replace("\r\n", "\n")) is hangs
