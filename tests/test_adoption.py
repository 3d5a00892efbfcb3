"""What init changes in files that are there: nothing is lost, and what comes next lands where it should."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects import MARKER, RST_MARKER, make_project
from tagready.facts.changelog import BOM, Changelog, find_marker
from tagready.facts.scaffolding import adoption, scaffold
from tagready.facts.scaffolding.adoption import Settings

KEPT = """\
# Changelog

All notable changes are in this file. The format is that of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).

## [Unreleased]

### Added

- Lamps can be dimmed.

## [1.1.0] - 2026-03-01

### Fixed

- A lamp that is off stays off.

## [1.0.0] - 2026-01-01

### Added

- Lamps.

[unreleased]: https://example.org/compare/v1.1.0...HEAD
[1.1.0]: https://example.org/compare/v1.0.0...v1.1.0
"""
UNRELEASED = f"{KEPT.split('## [1.1.0]')[0]}[unreleased]: x\n"
RST = """\
Changes
=======

.. _changes-1.1:

1.1 (2026-03-01)
----------------

Features
~~~~~~~~

- More lamps.

1.0 (2026-01-01)
----------------

- Lamps.
"""
OVERLINED = """\
=========
Changelog
=========

****************
v1.1 (2026-03-01)
****************

- More lamps.
"""


def changelog(text: str = "", *, markdown: bool = True, marker: str = "") -> Changelog:
    usual = f"{MARKER}\n" if markdown else f"{RST_MARKER}\n"
    return Changelog(text.replace("\r\n", "\n"), markdown, frozenset({"lantern"}), marker or usual)


def entries(text: str, *, markdown: bool = True) -> list[tuple[str, str]]:
    found = changelog(text.removeprefix(BOM), markdown=markdown)
    return [(str(entry.version), found.whole(entry).replace(MARKER, "").strip()) for entry in found.entries]


# -- the marker --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", f"{MARKER}\n"),
        ("# Changelog\n", f"# Changelog\n\n{MARKER}\n"),
        ("# Changelog", f"# Changelog\n\n{MARKER}\n"),
        ("# Changelog\n\n\n", f"# Changelog\n\n\n{MARKER}\n"),
        ("# Changelog\r\n", f"# Changelog\r\n\r\n{MARKER}\r\n"),
        (f"{BOM}# Changelog\n", f"{BOM}# Changelog\n\n{MARKER}\n"),
        (BOM, f"{BOM}{MARKER}\n"),
        ("  ", f"  \n{MARKER}\n"),
        ("## 1.0 (2026-01-01)\n", f"{MARKER}\n\n## 1.0 (2026-01-01)\n"),
        (f"{BOM}## 1.0 (2026-01-01)\n", f"{BOM}{MARKER}\n\n## 1.0 (2026-01-01)\n"),
        ("# Log\n## 1.0 (2026-01-01)\n- x", f"# Log\n\n{MARKER}\n\n## 1.0 (2026-01-01)\n- x"),
        ("# Log\r\n\r\n## 1.0\r\n\r\n- x\r\n", f"# Log\r\n\r\n{MARKER}\r\n\r\n## 1.0\r\n\r\n- x\r\n"),
        # A form feed and a line separator end no line of a changelog.
        ("# Log\n\x0c\u2028 x\n\n## 1.0\n", f"# Log\n\x0c\u2028 x\n\n{MARKER}\n\n## 1.0\n"),
        ('# Log\n\n<a name="1.0"></a>\n## 1.0\n', f'# Log\n\n{MARKER}\n\n<a name="1.0"></a>\n## 1.0\n'),
        # A marker that nothing follows is one that towncrier does not find.
        (f"# Log\n\n{MARKER}", f"# Log\n\n{MARKER}\n"),
        # The heading is shown, and not meant.
        ("# Log\n\n```\n## 1.0\n```\n\n## 0.9\n", f"# Log\n\n```\n## 1.0\n```\n\n{MARKER}\n\n## 0.9\n"),
        (KEPT, KEPT.replace("## [1.1.0]", f"{MARKER}\n\n## [1.1.0]")),
        # Nothing was released yet: entries come after all that there is.
        (UNRELEASED, f"{UNRELEASED}\n{MARKER}\n"),
    ],
)  # fmt: skip
def test_where_the_marker_goes(text: str, expected: str) -> None:
    assert adoption.with_marker(text, changelog()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RST, RST.replace(".. _changes-1.1:", f"{RST_MARKER}\n\n.. _changes-1.1:")),
        (OVERLINED, OVERLINED.replace("*" * 16 + "\nv", f"{RST_MARKER}\n\n{'*' * 16}\nv")),
        ("Changes\n=======\n", f"Changes\n=======\n\n{RST_MARKER}\n"),
    ],
)
def test_where_the_marker_goes_in_restructuredtext(text: str, expected: str) -> None:
    assert adoption.with_marker(text, changelog(markdown=False)) == expected


@pytest.mark.parametrize("text", [f"# Log\n\n{MARKER}\n", f"# Log\r\n{MARKER}\r\n\r\n## 1.0\r\n", f"{MARKER}\n"])
def test_a_marker_that_is_there_is_enough(text: str) -> None:
    assert adoption.with_marker(text, changelog()) is None


def test_the_marker_is_the_one_of_the_settings() -> None:
    found = adoption.with_marker("# Log\n\n## 1.0\n", changelog(marker="<!-- here -->\n<!-- and below -->\n"))
    assert found == "# Log\n\n<!-- here -->\n<!-- and below -->\n\n## 1.0\n"


LINES = st.sampled_from(
    [
        "# Changelog", "## 1.0.0 (2026-01-01)", "## [0.9] - 2025-01-01", "## [Unreleased]", "### Added", "- text", "",
        "", "```", "<!-- note -->", "1.2", "===", "---", "    code", "[1.0.0]: x", ".. _here:", "\x0c", "a\u2028b", "*",
        "Lantern 2.0", "-----------", "==========", " ", "\t- x", "1.1 (2024-05-06)", "~~~~~~~~~~~~~~~~",
    ]
)  # fmt: skip
TEXTS = st.builds(
    lambda lines, newline, end, bom: bom + newline.join(lines) + end * newline,
    st.lists(LINES, max_size=14),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 3),
    st.sampled_from(["", BOM]),
)


@given(TEXTS, st.booleans())
def test_every_byte_survives_and_every_entry(text: str, markdown: bool) -> None:
    like = changelog(markdown=markdown)
    after = adoption.with_marker(text, like)
    assert after is not None
    marker = find_marker(after, like.marker)
    assert marker is not None
    head, tail = after[: marker.start], after[marker.end :]
    blanks = [(a, b) for a in range(3) for b in range(3)]
    newline = "\r\n" if "\r\n" in after else "\n"
    assert any(head.removesuffix(newline * a) + tail.removeprefix(newline * b) == text for a, b in blanks)
    assert adoption.with_marker(after, like) is None
    assert entries(after, markdown=markdown) == entries(text, markdown=markdown)
    first = changelog(after.removeprefix(BOM), markdown=markdown).entries
    lf = find_marker(after.removeprefix(BOM).replace("\r\n", "\n"), like.marker)
    assert lf is not None
    assert not first or first[0].start >= lf.end


@given(st.text(alphabet=st.sampled_from("#1.0- \r\n=`<>!ab*\x0b\x85")))
def test_every_byte_survives_in_any_text(text: str) -> None:
    after = adoption.with_marker(text, changelog())
    assert after is not None
    rest = iter(after)
    assert all(letter in rest for letter in text)
    assert adoption.with_marker(after, changelog()) is None


ADDED = "\n\n### Features\n\n- Add colour. (#12)\n"
TOWNCRIER = '[tool.towncrier]\nname = "lantern"\ndirectory = "changelog.d"\nfilename = "{}"\ntitle_format = "{}"\n{}'


@pytest.mark.parametrize(
    ("text", "markdown", "newest"),
    [
        (KEPT, True, f"## [1.4.0] - 2026-11-22{ADDED}"),
        (KEPT.replace("\n", "\r\n"), True, f"## [1.4.0] - 2026-11-22{ADDED}".replace("\n", "\r\n")),
        (UNRELEASED, True, f"## 1.4.0 (2026-11-22){ADDED}"),
        ("# Changelog", True, f"## 1.4.0 (2026-11-22){ADDED}"),
        (f"{BOM}1.3 (2026-01-01)\n----------------\n\n- x\n", True, f"## 1.4.0 (2026-11-22){ADDED}"),
        ("# Log\n\n## v1.3 - May 2nd, 2026\n\n- x", True, f"## v1.4.0 - 2026-11-22{ADDED}"),
        (RST, False, "1.4.0 (2026-11-22)\n------------------\n\nFeatures\n~~~~~~~~\n\n- Add colour. (#12)\n"),
    ],
)  # fmt: skip
def test_the_next_entry_lands_below_the_marker(
    text: str, markdown: bool, newest: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    like = changelog(text, markdown=markdown)
    title = adoption.title_format_of(like) or "## {version} ({project_date})"
    after = adoption.with_marker(text, like)
    assert after is not None
    underlines = f"underlines = {list(adoption.underlines_of(like))}\n" if not markdown else ""
    name = "CHANGELOG.md" if markdown else "CHANGELOG.rst"
    project = make_project(
        tmp_path_factory.mktemp("adopted") / "lantern",
        pyproject='[project]\nname = "lantern"\nversion = "1.3.0"\n\n' + TOWNCRIER.format(name, title, underlines),
        changelog=None,
        fragments={},
    )
    project.write(f"changelog.d/12.feature.{'md' if markdown else 'rst'}", "Add colour.\n")
    project.write(name, after)
    project.commit("Adopt")

    done = project.prepare("1.4.0", "--date", "2026-11-22")

    assert done.code == 0, done.err
    written = project.read(name)
    marker = find_marker(after, like.marker)
    assert marker is not None
    head, tail = after[: marker.start].rstrip(), after[marker.end :].lstrip()
    assert written.startswith(head)
    assert written.endswith(tail)
    added = written[len(head) : len(written) - len(tail)].strip()
    assert added.startswith(like.marker.rstrip())
    assert added.removeprefix(like.marker.rstrip()).strip() == newest.strip()
    assert project.run("verify", "--commit", "HEAD").code == 0


# -- what a heading looks like -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("## 1.0.0", "## {version}"),
        ("## v1.0.0", "## v{version}"),
        ("## 1.0.0 (2026-01-01)", "## {version} ({project_date})"),
        ("# 1.0.0 / 2026-01-01", "# {version} / {project_date}"),
        ("### Version 1.0.0, May 2nd, 2026", "### Version {version}, {project_date}"),
        ("## Lantern 1.0.0 (2026-01-01)", "## Lantern {version} ({project_date})"),
        ("## Release v2.28.2 (2026-08-18)", "## Release v{version} ({project_date})"),
        ("## [1.0.0] - 2026-01-01", "## [{version}] - {project_date}"),
        ("## [v1.0.0] - 2026-01-01", "## [v{version}] - {project_date}"),
        ("## [1.0.0](https://example.org/v1.0.0) - 2026-01-01", "## {version} - {project_date}"),
        ("## [1.0.0][] - 2026-01-01", "## {version} - {project_date}"),
        ("## 1.0.0 (2026-01-01) {: #1.0.0 }", "## {version} ({project_date})"),
        ("1.0.0 (2026-01-01)\n------------------", "## {version} ({project_date})"),
        ("1.0.0\n=====", "# {version}"),
        ("## 1.0.0 (2026-01-01, again 2026-01-01)", None),
        ("## Coming up", None),
    ],
)
def test_the_heading_of_markdown_as_a_format(heading: str, expected: str | None) -> None:
    assert adoption.title_format_of(changelog(f"{heading}\n\n- Lamps.\n")) == expected


@pytest.mark.parametrize(
    ("text", "expected", "underlines"),
    [
        (RST, "{version} ({project_date})", ("-", "~", "=")),
        ("1.0\n===\n\n- Lamps.\n", "{version}", ("=", "-", "~")),
        ("1.0\n===\n\nNew\n---\n\nLamps\n~~~~~\n\n- x\n", "{version}", ("=", "-", "~")),
        ("Log\n===\n\nlantern v1.0\n^^^^^^^^^^^^\n\nNew\n#####\n", "lantern v{version}", ("^", "#", "-")),
        (OVERLINED, "v{version} ({project_date})", ("*", "-", "~")),
        ("Log\n===\n", None, ()),
    ],
)
def test_the_heading_of_restructuredtext_as_a_format(
    text: str, expected: str | None, underlines: tuple[str, ...]
) -> None:
    found = changelog(text, markdown=False)
    assert adoption.title_format_of(found) == expected
    if text is RST:  # the page's title is written with it
        underlines = ("-", "~", "^")
    assert adoption.underlines_of(found) == underlines
    assert adoption.has_overlines(found) is (text is OVERLINED)


def test_markdown_has_no_underlines() -> None:
    assert adoption.underlines_of(changelog("1.0\n===\n")) == ()
    assert adoption.has_overlines(changelog("1.0\n===\n")) is False


# -- keepachangelog ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (KEPT, True),
        ("## Unreleased\n\n### Fixed\n\n- x\n", True),
        ("## [UNRELEASED]\r\n\r\n### Changed\r\n", True),
        ("## Unreleased\n\n- x\n", False),
        ("### Fixed\n\n- x\n", False),
        ("# Changelog\n\n## 1.0\n\n### Features\n", False),
        ("", False),
    ],
)
def test_whether_a_changelog_is_kept_that_way(text: str, expected: bool) -> None:
    assert adoption.is_kept_as_keepachangelog(text.replace("\r\n", "\n")) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (KEPT, [9]),
        (KEPT.replace("\n", "\r\n"), [9]),
        ("## Unreleased\n\n## 1.0\n\n- x\n", []),
        ("## Unreleased\n- a\n  b\n\n### Fixed\n- c\n\n[x]: y\n- d\n", [2, 3, 6, 9]),
        (f"## Unreleased\n- a\n\n{MARKER}\n\n- b\n", [2]),
        ("## Unreleased\n\n<!-- PR authors:\n     say it -->\n\n- a\n", [6]),
        ("## Unreleased\n\nNo unreleased changes.\n\n### Fixed\n\n*Nothing yet*\n", []),
        ("# Log\n\n## 2.0 (unreleased)\n\n- a\n\n## 1.0\n\n- x\n", [5]),
        ("## Version 2.0\n\nUnreleased\n\n- a\n\n## Version 1.0\n\nReleased 2026-01-01\n\n- x\n", [5]),
        ("## 2.0\n\nRelease date: not yet released\n\n- a\n", [5]),
        ("## 2.0\n\nUnreleased locks are let go.\n\n## 1.0\n\n- x\n", []),
        ("## 2.0\n\n- a\n\n### Unreleased locks\n\n- x\n", []),
        ("## 1.0\n\n- x\n", []),
        ("", []),
    ],
)
def test_what_is_not_released_yet(text: str, expected: list[int]) -> None:
    assert list(adoption.unreleased_lines(changelog(text))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Log\n===\n\n*unreleased*\n~~~~~~~~~~~~\n\n* a\n\n1.0 - 2020-01-01\n~~~~~~~~~~~~~~~~\n\n* b\n", [7]),
        ("Log\n===\n\n.. _new:\n\nUnreleased\n----------\n\n.. PR authors:\n   say it\n\n* a\n", [12]),
        ("Log\n===\n\nUnreleased\n----------\n\n.. warning:: a\n\n1.0\n---\n\n* b\n", [7]),
        (f"Unreleased\n----------\n\n* a\n\n{RST_MARKER}\n\n* b\n", [4]),
        ("Version 2.0\n-----------\n\nUnreleased\n\n* a\n\nVersion 1.0\n-----------\n\n* b\n", [6]),
    ],
)
def test_what_is_not_released_yet_in_restructuredtext(text: str, expected: list[int]) -> None:
    assert list(adoption.unreleased_lines(changelog(text, markdown=False))) == expected


# -- settings ----------------------------------------------------------------------------------------------------------

PULL_REQUESTS = Settings(True, {})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (PULL_REQUESTS, '[tool.tagready]\nflow = "pull-request"\nstrict-entry = true\n'),
        (Settings(False, {}), "[tool.tagready]\nstrict-entry = true\n"),
        (
            Settings(True, {"removed": "major", "changed": "minor"}),
            '[tool.tagready]\nflow = "pull-request"\nstrict-entry = true\n\n'
            '[tool.tagready.bump-rules]\nremoved = "major"\nchanged = "minor"\n',
        ),
    ],
)
def test_the_settings_that_are_written(settings: Settings, expected: str) -> None:
    assert adoption.settings_text(settings, "tool.tagready") == expected
    assert adoption.with_settings("", settings) == expected
    assert tomllib.loads(adoption.settings_text(settings)) == tomllib.loads(expected)["tool"]["tagready"]


@pytest.mark.parametrize(
    "pyproject",
    [
        '[project]\nname = "x"',
        '[project]\nname = "x"\n\n\n',
        '[project]\r\nname = "x"\r\n',
        '[tool]\ntowncrier.directory = "x"\n',
        'tool.towncrier.directory = "x"\n',
        "# nothing but a note\n",
    ],
)
def test_settings_go_below_all_that_is_there(pyproject: str) -> None:
    after = adoption.with_settings(pyproject, PULL_REQUESTS)

    assert after is not None
    assert after.startswith(pyproject)
    assert after.count("\r\n") in (0, after.count("\n"))
    table = tomllib.loads(after)
    assert table["tool"].pop("tagready") == {"flow": "pull-request", "strict-entry": True}
    before = tomllib.loads(pyproject)
    assert table == {"tool": {}, **before}


def test_nothing_can_be_added_to_an_inline_table() -> None:
    assert adoption.with_settings("tool = {black = {}}\n", PULL_REQUESTS) is None


# -- CONTRIBUTING ------------------------------------------------------------------------------------------------------

MARKDOWN_PARAGRAPH = scaffold.paragraph(scaffold.Facts("lantern"), markdown=True)
RST_PARAGRAPH = scaffold.paragraph(scaffold.Facts("lantern"), markdown=False)


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("", "## News fragments\n"),
        ("# Contributing\n\n## Set up\n\nWrite.\n", "\n## News fragments\n"),
        ("# Contributing", "\n\n## News fragments\n"),
        ("# Set up\n\n# Test\n", "\n# News fragments\n"),
        ("# Set up\r\n\r\n# Test\r\n", "\r\n# News fragments\r\n"),
        (f"{BOM}# Contributing\n\n", "## News fragments\n"),
    ],
)
def test_a_paragraph_in_markdown(text: str, heading: str) -> None:
    after = adoption.with_paragraph(text, MARKDOWN_PARAGRAPH, markdown=True)
    assert after.startswith(text + heading)


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("", "News fragments\n--------------\n"),
        ("Contributing\n============\n", "\nNews fragments\n--------------\n"),
        ("Hello\n=====\n\nTest\n~~~~\n\nMore\n^^^^\n\nEnd\n~~~\n\nx\n", "\nNews fragments\n~~~~~~~~~~~~~~\n"),
        ("====\nMore\n====\n\n----\nTest\n----\n\nx\n", "\n--------------\nNews fragments\n--------------\n"),
        ("Set up\n------\n\nTest\n----\n\nDeep\n====\n\nx\n", "\nNews fragments\n==============\n"),
        ("Set up\r\n******\r\n\r\nTest\r\n****\r\n", "\r\nNews fragments\r\n**************\r\n"),
    ],
)  # fmt: skip
def test_a_paragraph_in_restructuredtext(text: str, heading: str) -> None:
    from docutils.core import publish_doctree

    after = adoption.with_paragraph(text, RST_PARAGRAPH, markdown=False)

    assert after.startswith(text + heading)
    publish_doctree(after, settings_overrides={"halt_level": 2, "report_level": 2})


@given(TEXTS, st.booleans())
def test_a_contributing_only_grows(text: str, markdown: bool) -> None:
    after = adoption.with_paragraph(text, MARKDOWN_PARAGRAPH if markdown else RST_PARAGRAPH, markdown=markdown)
    assert after.startswith(text)
    assert adoption.speaks_of_fragments(after, "changelog.d")


@pytest.mark.parametrize(
    ("text", "directory", "expected"),
    [
        ("Add a file to `changes`.", "changes", True),
        ("Add a file to changes/.", "changes", True),
        ("Commit your changes and push.", "changes", False),
        ("See docs/news/index.", "docs", True),
        ("We use Towncrier.", "news", True),
        ("Write a news fragment.", "x", True),
        ("Write tests.", "changelog.d", False),
        ("my-news/ is another place", "news", False),
    ],
)
def test_whether_a_contributing_speaks_of_fragments(text: str, directory: str, expected: bool) -> None:
    assert adoption.speaks_of_fragments(text, directory) is expected
