"""What a new fragment's issue, type, name and text are, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagready.facts.findings import WrongUse
from tagready.facts.fragments import Fragment, read_name
from tagready.facts.new_fragment import (
    Habits,
    default_section,
    file_name,
    guess_issue,
    habits,
    laid_out,
    project_at,
    project_named,
    read_issue,
    read_section,
    read_type,
    slug,
    stem,
)
from tagready.facts.project import News, Section, Sources, read_news


def news(**keys: object) -> News:
    table = {"directory": "changelog.d", "filename": "CHANGELOG.md", **keys}
    return read_news(Sources("", {"tool": {"towncrier": table}}, None))


PLAIN = news()
RST = news(filename="NEWS.rst")
KEYS = news(issue_pattern="[A-Z]+-\\d+")
NUMBERS = news(issue_pattern="\\d+")


def read(*names: str, folder: str = "changelog.d") -> list[Fragment]:
    found = [read_name(PLAIN, Section("", folder), name) for name in names]
    return [fragment for fragment in found if fragment]


@pytest.mark.parametrize(
    ("settings", "said", "issue"),
    [
        (PLAIN, "123", "123"),
        (PLAIN, "#123", "123"),
        (PLAIN, " 0123 ", "123"),
        (PLAIN, "gh-123", "123"),
        (PLAIN, "GH123", "123"),
        (PLAIN, "owner/some.project#123", "123"),
        (PLAIN, "https://github.com/owner/project/issues/123", "123"),
        (PLAIN, "https://github.com/owner/project/pull/123/files#diff-77", "123"),
        (PLAIN, "https://github.com/owner/2048/issues/123?page=4", "123"),
        (PLAIN, "https://gitlab.com/a/b/c/-/merge_requests/5", "5"),
        (PLAIN, "https://jira.example.org/browse/ABC-12", "ABC-12"),
        (PLAIN, "better-start", "better-start"),
        (PLAIN, "umlaut-größe", "umlaut-größe"),
        (PLAIN, "+", "+"),
        (PLAIN, "+name", "+name"),
        (KEYS, "ABC-12", "ABC-12"),
        (KEYS, "#ABC-12", "ABC-12"),
        (KEYS, "+", "+"),
        (news(issue_pattern="gh-\\d+"), "gh-12", "gh-12"),
        (news(orphan_prefix="~"), "~", "~"),
        (news(orphan_prefix="~"), "+", "~"),
        (news(orphan_prefix="~"), "+name", "~name"),
        (news(orphan_prefix="_"), "_name", "_name"),
        (news(orphan_prefix="~", issue_pattern="\\+\\d+"), "+12", "+12"),
    ],
)
def test_an_issue_is_read_as_people_write_it(settings: News, said: str, issue: str) -> None:
    assert read_issue(settings, said) == issue


@pytest.mark.parametrize(
    ("settings", "said", "what"),
    [
        (PLAIN, "1.2", "the issue '1.2' can begin no file's name"),
        (PLAIN, "a b", "the issue 'a b' can begin no file's name"),
        (PLAIN, "a/b", "the issue 'a/b' can begin no file's name"),
        (PLAIN, "", "the issue '' can begin no file's name"),
        (PLAIN, "#", "the issue '#' can begin no file's name"),
        (PLAIN, "0", "there is no issue 0"),
        (PLAIN, "#00", "there is no issue 0"),
        (PLAIN, "#1,#2", "'#1,#2' are several issues, and a fragment is of one"),
        (PLAIN, "-5", "the issue '-5' can begin no file's name"),
        (PLAIN, "+a.b", "'+a.b' can begin no file's name"),
        (PLAIN, "https://github.com/owner/project", "https://github.com/owner/project names no issue"),
        (
            NUMBERS,
            "abc",
            "the issue 'abc' does not match this project's issue_pattern '\\\\d+', so towncrier would refuse it",
        ),
        (news(orphan_prefix=""), "+", "this project has no fragments without an issue (orphan_prefix is empty)"),
    ],
)
def test_an_issue_that_towncrier_could_not_read_is_refused(settings: News, said: str, what: str) -> None:
    with pytest.raises(WrongUse) as wrong:
        read_issue(settings, said)
    assert wrong.value.what == what


@pytest.mark.parametrize(("prefix", "or_none"), [("+", ", or + for none"), ("~", ", or ~ for none"), ("", "")])
def test_the_way_to_have_no_issue_is_named_where_there_is_one(prefix: str, or_none: str) -> None:
    with pytest.raises(WrongUse) as wrong:
        read_issue(news(orphan_prefix=prefix), "a b")
    assert wrong.value.fix == f"give a number such as 123{or_none}"


@pytest.mark.parametrize(
    ("said", "project"),
    [
        ("owner/project#5", "owner/project"),
        ("https://github.com/owner/project/issues/5", "owner/project"),
        ("https://github.com/owner/project/pull/5/files#diff-1", "owner/project"),
        ("https://gitlab.com/a/b/c/-/merge_requests/5", "a/b/c"),
        ("https://jira.example.org/browse/ABC-12", ""),
        ("#5", ""),
        ("5", ""),
    ],
)
def test_an_issue_may_name_its_project(said: str, project: str) -> None:
    assert project_named(said) == project


@pytest.mark.parametrize(
    ("address", "project"),
    [
        ("https://github.com/acme/demo.git", "acme/demo"),
        ("https://ada@gitlab.com/a/b/c/", "a/b/c"),
        ("ssh://git@github.com:22/acme/demo.git", "acme/demo"),
        ("git@github.com:acme/demo.git", "acme/demo"),
        ("github:acme/demo", "acme/demo"),
        ("/srv/git/acme/demo.git", ""),
        ("../demo.git", ""),
        ("C:/git/acme/demo.git", ""),
        ("file:///srv/git/acme/demo.git", ""),
        ("", ""),
    ],
)
def test_an_address_tells_of_a_project_or_not(address: str, project: str) -> None:
    assert project_at(address) == project


@pytest.mark.parametrize(
    ("settings", "branch", "issue"),
    [
        (PLAIN, "fix-123-crash", "123"),
        (PLAIN, "fix123", "123"),
        (PLAIN, "123/crash", "123"),
        (PLAIN, "123-crash", "123"),
        (PLAIN, "123", "123"),
        (PLAIN, "ada/123-crash", "123"),
        (PLAIN, "feature/123_dim", "123"),
        (PLAIN, "issue_123", "123"),
        (PLAIN, "ada/gh-123-2", "123"),
        (PLAIN, "dim#123", "123"),
        (PLAIN, "Fixes-9", "9"),
        (PLAIN, "backport-8-to-1.4", "8"),
        (NUMBERS, "fix-123-crash", "123"),
        (NUMBERS, "py-3-fix-123", "123"),
        (KEYS, "feature/ABC-12-dim", "ABC-12"),
        (KEYS, "fix-123-crash", None),
        (PLAIN, "feature/ABC-12-dim", None),
        (news(issue_pattern="\\S+"), "main", None),
        (news(issue_pattern="\\w+\\.\\w+"), "lamps.dim2", None),
        (PLAIN, "", None),
        (PLAIN, "main", None),
        (PLAIN, "release/2", None),
        (PLAIN, "release/1.4.0", None),
        (PLAIN, "maintenance-8", None),
        (PLAIN, "stable/2", None),
        (PLAIN, "8.3.x", None),
        (PLAIN, "v2", None),
        (PLAIN, "1-4-0", None),
        (PLAIN, "2026-05-01-notes", None),
        (PLAIN, "20260501", None),
        (PLAIN, "python-3-support", None),
        (PLAIN, "prefix-12", None),
        (PLAIN, "ada-patch-1", None),
        (PLAIN, "dependabot/pip/urllib3-2.2.1", None),
        (PLAIN, "fix-0", None),
    ],
)
def test_a_branch_names_its_issue_or_none(settings: News, branch: str, issue: str | None) -> None:
    assert guess_issue(settings, branch) == issue


@given(st.text())
def test_whatever_a_branch_names_is_an_issue(branch: str) -> None:
    guess = guess_issue(KEYS, branch) or guess_issue(PLAIN, branch)
    assert guess is None or read_issue(PLAIN, guess) == guess


@pytest.mark.parametrize(("said", "name"), [("feature", "feature"), ("Feature", "feature"), (" misc ", "misc")])
def test_a_type_is_read_in_any_case(said: str, name: str) -> None:
    assert read_type(PLAIN, said).name == name


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("feat", "did you mean feature? The types are feature, bugfix, doc, removal, misc"),
        ("fix", "did you mean bugfix? The types are feature, bugfix, doc, removal, misc"),
        ("bugfxi", "did you mean bugfix? The types are feature, bugfix, doc, removal, misc"),
        ("what.ever", "the types are feature, bugfix, doc, removal, misc"),
        ("", "the types are feature, bugfix, doc, removal, misc"),
    ],
)
def test_another_word_is_no_type(said: str, fix: str) -> None:
    with pytest.raises(WrongUse) as wrong:
        read_type(PLAIN, said)
    assert wrong.value.fix == fix


MAIN_AND_WEB = news(section=[{"path": ""}, {"name": "Web", "path": "web"}])
CORE_AND_WEB = news(section=[{"name": "Core", "path": "core"}, {"name": "Web", "path": "web"}])


def test_a_section_is_named_or_the_one_around_the_others() -> None:
    main, web = MAIN_AND_WEB.sections
    assert (default_section(MAIN_AND_WEB), default_section(CORE_AND_WEB)) == (main, None)
    assert default_section(PLAIN) == PLAIN.sections[0]
    assert read_section(MAIN_AND_WEB, "web") == web
    assert read_section(MAIN_AND_WEB, "") == main
    with pytest.raises(WrongUse) as wrong:
        read_section(CORE_AND_WEB, "Wbe")
    assert wrong.value.fix == "the sections are Core, Web"
    with pytest.raises(WrongUse) as wrong:
        read_section(PLAIN, "Web")
    assert wrong.value.what == "this project's changelog has no sections"


# What is wrapped at 72 columns: each next word would have made the line too long.
AT_72 = "A sentence that goes on for so long that one has to break it somewhere,\nso that it fits.\n"
AT_60 = "A sentence that goes on and on until one\nhas to break it somewhere.\n"


@pytest.mark.parametrize(
    ("settings", "written", "expected"),
    [
        pytest.param(PLAIN, {}, Habits(".md", None, "\n"), id="the first one, Markdown"),
        pytest.param(RST, {}, Habits(".rst", None, "\n"), id="the first one, reStructuredText"),
        pytest.param(PLAIN, {"1.misc": "a\n"}, Habits("", None, "\n"), id="no extension"),
        pytest.param(PLAIN, {"2.misc.1": "a\n"}, Habits("", None, "\n"), id="a counter, and no extension"),
        pytest.param(RST, {"1.misc.txt": "a\n", "2.misc.txt": "a\n", "3.misc.rst": "a\n"}, Habits(".txt", None, "\n"),
                     id="most have another"),
        pytest.param(RST, {"1.misc.txt": "a\n", "3.misc.rst": "a\n"}, Habits(".rst", None, "\n"), id="a draw"),
        pytest.param(RST, {"1.misc.md": "a\n", "3.misc.rst": "a\n"}, Habits(".rst", None, "\n"), id="a draw with .md"),
        pytest.param(PLAIN, {"1.misc.md": "a\r\n", "2.misc.md": "a"}, Habits(".md", None, "\r\n"), id="CRLF, and none"),
        pytest.param(RST, {"1.misc.bak": "a\n"}, Habits(".rst", None, "\n"), id="an odd one"),
        pytest.param(PLAIN, {"1.misc.md": AT_72}, Habits(".md", 72, "\n"), id="wrapped"),
        pytest.param(PLAIN, {"1.misc.md": AT_72.replace("\n", "\r\n")}, Habits(".md", 72, "\r\n"), id="CRLF"),
        pytest.param(PLAIN, {"1.misc.md": AT_60}, Habits(".md", None, "\n"), id="broken early"),
        pytest.param(PLAIN, {"1.misc.md": f"{'word ' * 14}ab\nthen\n"}, Habits(".md", 72, "\n"), id="a full line"),
        pytest.param(PLAIN, {"1.misc.md": f"{'word ' * 13}ab\nthen\n"}, Habits(".md", None, "\n"), id="it just fitted"),
        pytest.param(PLAIN, {"1.misc.md": f"{AT_72}https://{'x' * 150}\n"}, Habits(".md", 72, "\n"), id="an address"),
        pytest.param(PLAIN, {"1.misc.md": AT_72, "2.misc.md": AT_72.replace("\n", " ")}, Habits(".md", None, "\n"),
                     id="as many with long lines"),
        pytest.param(PLAIN, {"1.misc.md": AT_72, "2.misc.md": "Short.\n", "3.misc.md": "- a\n- b\n"},
                     Habits(".md", 72, "\n"), id="short ones and lists tell nothing"),
    ],
)  # fmt: skip
def test_habits_are_those_of_most_fragments(settings: News, written: dict[str, str], expected: Habits) -> None:
    assert habits(settings, [(read(name)[0], text) for name, text in written.items()]) == expected


LONG = "Lamps can be dimmed with the new command, and it takes a percentage of light that is kept in the lamp."


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        pytest.param("One.", None, "One.\n", id="a final newline"),
        pytest.param("\ufeff\n\n  \nOne. \r\n\r\n", None, "One.\n", id="what editors and shells add goes"),
        pytest.param(" \n\t\n", None, "", id="nothing"),
        pytest.param("One\ntwo.\n\n\nThree.", None, "One two.\n\nThree.\n", id="a line to a paragraph"),
        pytest.param(
            LONG,
            72,
            "Lamps can be dimmed with the new command, and it takes a percentage of\nlight that is kept in the lamp.\n",
            id="wrapped",
        ),
        pytest.param("- One\n- two", 72, "- One\n- two\n", id="a list"),
        pytest.param(f"{LONG}\n\n    code {LONG}", 72, f"{LONG}\n\n    code {LONG}\n", id="a block"),
        pytest.param(f"{LONG}  \nTwo.", 72, f"{LONG}  \nTwo.\n", id="a hard line break"),
        pytest.param("```\na\n\nb\n```\nText.", 72, "```\na\n\nb\n```\nText.\n", id="a fence"),
        pytest.param("-v, --verbose  a\n-q  b", 72, "-v, --verbose  a\n-q  b\n", id="options"),
        pytest.param("Such as\n--dry-run\n--level=3  b", None, "Such as\n--dry-run\n--level=3  b\n", id="long options"),
        pytest.param("term\n: a\n: b", 72, "term\n: a\n: b\n", id="definitions in Markdown"),
        pytest.param("term\n  a\nanother\n  b", 72, "term\n  a\nanother\n  b\n", id="definitions"),
        pytest.param("Title\n=====\ntext", 72, "Title\n=====\ntext\n", id="a heading"),
        pytest.param(f"Such as::\n\n  {LONG}", 72, f"Such as::\n\n  {LONG}\n", id="a literal block"),
        pytest.param(
            "This is a sentence - with a dash", 18, "This is a sentence - with a dash\n", id="no dash becomes a list"
        ),
        pytest.param("a  b\n`c  d`", None, "a  b `c  d`\n", id="blanks within a line stay"),
        pytest.param("11 22222222  3", 10, "11\n22222222 3\n", id="blanks that were lost at a line's end"),
        pytest.param("10\u00a0km", 72, "10\u00a0km\n", id="a blank that does not break"),
    ],
)
def test_prose_is_laid_out_as_the_project_does(text: str, columns: int | None, expected: str) -> None:
    assert laid_out(text, columns) == expected


@given(st.text(st.sampled_from("ab .-*#1\n`:|")), st.sampled_from([None, 10, 40]))
def test_laying_out_changes_blanks_only_and_is_done_once(text: str, columns: int | None) -> None:
    once = laid_out(text, columns)
    assert once.split() == text.split()
    assert laid_out(once, columns) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lamps can be dimmed with `lantern dim`.", "lamps-can-be-dimmed"),
        ("**Lamps** don't flicker", "lamps-dont-flicker"),
        ("Add :class:`Lamp` and :py:func:`dim`", "add-lamp-and-dim"),
        ("Größe der Lampe", "grosse-der-lampe"),
        ("ランプ", "news"),
        ("", "news"),
        ("Antidisestablishmentarianism-supercalifragilistic", "antidisestablishmentarianism"),
        ("1.2 is dropped", "1-2-is-dropped"),
        (f"{'a' * 16} {'b' * 15} c", f"{'a' * 16}-{'b' * 15}"),
    ],
)
def test_an_orphan_is_named_by_its_first_words(text: str, expected: str) -> None:
    assert slug(text) == expected


@pytest.mark.parametrize(
    ("issue", "there", "expected"),
    [
        pytest.param("12", [], "12.feature.md", id="the first"),
        pytest.param("12", ["12.feature.md"], "12.feature.1.md", id="the second"),
        pytest.param("12", ["12.feature.rst"], "12.feature.1.md", id="of any extension"),
        pytest.param("12", ["012.feature"], "12.feature.1.md", id="with a zero before it"),
        pytest.param("12", ["12.feature.md", "12.feature.4.md"], "12.feature.5.md", id="after the last"),
        pytest.param("12", ["12.bugfix.md", "13.feature.md"], "12.feature.md", id="another type, another issue"),
        pytest.param("abc", ["ABC.feature.md"], "abc.feature.1.md", id="file systems that know no capitals"),
        pytest.param("+name", [], "+name.feature.md", id="an orphan's own name"),
        pytest.param("+name", ["+name.feature.md"], "+name.feature.1.md", id="an orphan's own name, again"),
        pytest.param("+", [], "+add-light.feature.md", id="an orphan"),
        pytest.param("+", ["+add-light.bugfix.rst"], "+add-light-2.feature.md", id="an orphan with the same words"),
    ],
)  # fmt: skip
def test_a_name_is_the_next_that_nobody_has(issue: str, there: list[str], expected: str) -> None:
    assert file_name(issue, "feature", ".md", read(*there), there, "Add light", "+") == expected


def test_a_file_that_is_no_fragment_of_its_issue_is_passed_by() -> None:
    assert file_name("12", "feature", ".md", [], ["12.feature.md", "12.feature.1.md"], "", "+") == "12.feature.2.md"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("012.feature.md", "12"), ("+a.feature.1.md", "+a"), ("+a.feature.feature.md", "+a.feature"), ("+a.misc", "+a")],
)
def test_a_stem_is_what_comes_before_the_type(name: str, expected: str) -> None:
    assert stem(read(name)[0]) == expected
