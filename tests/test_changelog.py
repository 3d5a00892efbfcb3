"""Changelogs as projects write them: which headings are versions, where an entry ends, how a new one goes in."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import docutils.core
import docutils.nodes
import pytest
import towncrier._writer
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from packaging.version import Version

from tagready.facts.changelog import BOM, Changelog, Entry, find_marker, insert, newline_of, without
from tagready.facts.project import normalized

MARKER = "<!-- towncrier release notes start -->\n"
RST_MARKER = ".. towncrier release notes start\n"
NAMES = frozenset({"demo", "my-project"})


class Split(NamedTuple):
    before: str
    after: str
    found: bool


def split(text: str, start_string: str) -> Split:
    marker = find_marker(text, start_string)
    return Split(text[: marker.start], text[marker.end :], True) if marker else Split("", text, False)


def markdown(text: str) -> Changelog:
    return Changelog(text, markdown=True, names=NAMES)


def rst(text: str) -> Changelog:
    return Changelog(text, markdown=False, names=NAMES)


def seen(changelog: Changelog) -> list[tuple[str, str | None]]:
    return [(entry.spelled, entry.date) for entry in changelog.entries]


def bodies(changelog: Changelog) -> dict[str, str]:
    return {entry.spelled: changelog.body(entry) for entry in changelog.entries}


TITLES = [
    ("1.2.3", "1.2.3", None),
    ("1.2.3 (2026-01-02)", "1.2.3", "2026-01-02"),
    ("1.2.3 - 2026-01-02", "1.2.3", "2026-01-02"),
    ("1.2.3 — 2026-01-02", "1.2.3", "2026-01-02"),
    ("1.2.3, 2026-01-02", "1.2.3", "2026-01-02"),
    ("1.2.3: 2026-01-02", "1.2.3", "2026-01-02"),
    ("1.2.3 2026-01-02", "1.2.3", "2026-01-02"),
    ("v1.2.3", "v1.2.3", None),
    ("v1.2.3 (2026-01-02)", "v1.2.3", "2026-01-02"),
    ("Demo 1.2.3 (2026-01-02)", "1.2.3", "2026-01-02"),
    ("demo v1.2.3 (2026-01-02)", "v1.2.3", "2026-01-02"),
    ("demo-1.2.3", "1.2.3", None),
    ("My_Project 1.2.3", "1.2.3", None),
    ("Version 1.2.3", "1.2.3", None),
    ("Release v1.2.3 (2026-01-02)", "v1.2.3", "2026-01-02"),
    ("Demo version 1.2.3", "1.2.3", None),
    ("What's new in Demo 1.2.3", "1.2.3", None),
    ("What's New In Demo 1.2.3?", "1.2.3", None),
    ("Release Notes for Demo 1.2.3", "1.2.3", None),
    ("Demo 1.2.3 Release Notes", "1.2.3", None),
    ("1.2.3 release notes", "1.2.3", None),
    ("Demo 1.2.3. (2026-01-02)", "1.2.3", "2026-01-02"),
    ("1.2.3 / 2026-01-02", "1.2.3", "2026-01-02"),
    ("1.2.3 (2026-01-02, yanked on 2026-01-03)", "1.2.3", "2026-01-02"),
    ("YANKED 1.2.3 (2026-01-02)", "1.2.3", "2026-01-02"),
    ("1.2.3 (unreleased)", "1.2.3", None),
    ("1.2.3 (January 2nd, 2026)", "1.2.3", "January 2nd, 2026"),
    ("1.2.3 (2 Jan 2026)", "1.2.3", "2 Jan 2026"),
    ("1.2.3rc1 (2026-01-02)", "1.2.3rc1", "2026-01-02"),
    ("1.2.3-beta.1", "1.2.3-beta.1", None),
    ("1.2.3.post1", "1.2.3.post1", None),
    ("1.2.3.dev0 (unreleased)", "1.2.3.dev0", None),
    ("1!1.2", "1!1.2", None),
    ("2026.01", "2026.01", None),
    ("24.1 (2026-01-02) [YANKED]", "24.1", "2026-01-02"),
    ("Other 1.2.3 (2026-01-02)", "1.2.3", "2026-01-02"),
]

NO_VERSIONS = [
    "Changelog", "Unreleased", "Features", "Python 3.12 support", "Dropped 3.8", "3.8 support is gone",
    "Fixed in 1.2.3", "1.2.x", "1.2.3 is out", "2026-01-02", "2. Second", "404", "What is 1.2.3good", "1.2.3/4",
    "Other 1.2.3", "Other 1.2.3 Release Notes", "2. May 2026", "1.2.3. Third", "1.2.3.", "1.2.2 and 1.2.3",
    "Changes between 1.2.2 and 1.2.3", "Deprecations - 1.2.3", "Changes taken from v1.2.2:", "Other 3.0 files (#595)",
]  # fmt: skip


@pytest.mark.parametrize(("title", "spelled", "date"), TITLES, ids=[title for title, _, _ in TITLES])
@pytest.mark.parametrize("shape", ["## {}\n", "# {} #\n", "{}\n=====\n", "{}\n-----\n", "   ### {} {{: #v1 }}\n"])
def test_markdown_title(shape: str, title: str, spelled: str, date: str | None) -> None:
    assert seen(markdown(shape.format(title) + "\n- Text.\n")) == [(spelled, date)]


@pytest.mark.parametrize(("title", "spelled", "date"), TITLES, ids=[title for title, _, _ in TITLES])
@pytest.mark.parametrize("overlined", [False, True], ids=["underlined", "overlined"])
@pytest.mark.parametrize("style", "=-~")
def test_rst_title(style: str, overlined: bool, title: str, spelled: str, date: str | None) -> None:
    line = style * len(title) + "\n"
    text = line * overlined + title + "\n" + line + "\n- Text.\n"
    assert seen(rst(text)) == [(spelled, date)]


LAMPS = ["Lantern 2", "Python 3 Lamp", "lantern-3", "Lantern: 7", "lantern"]
FORMATS = [
    "{name} {version} ({project_date})", "{project_date}: {version}", "{name} — {version} «{project_date}»",
    '{version} "Codename" ({project_date})', "🎉 {version} 🎉", "{name} ({version})", "Release {version} of {name}",
    "v{version} 🎉 {project_date}", "{version}", "{version} - {project_date}", "{name}: {version}",
]  # fmt: skip


def lamp(title_format: str, name: str, text: str, *, is_markdown: bool = True) -> Changelog:
    names = frozenset(map(normalized, (name, "lantern")))
    return Changelog(text, is_markdown, names, title_format=title_format, written=(name, "lantern"))


@given(
    st.sampled_from(FORMATS),
    st.sampled_from(LAMPS),
    st.sampled_from(["1.4.0", "2.0.0rc1", "2026.1", "1!3.0.post1"]),
    st.dates().map(str),
    st.booleans(),
)
def test_titles_as_title_format_states_them(
    title_format: str, name: str, version: str, date: str, is_markdown: bool
) -> None:
    title = title_format.format(name=name, version=version, project_date=date)
    marks = f"## {title}\n" if is_markdown else f"{title}\n{'=' * 2 * len(title)}\n"
    stated = f"## {title_format}" if is_markdown else title_format
    (entry,) = lamp(stated, name, f"{marks}\n- Text.\n", is_markdown=is_markdown).entries
    assert (str(entry.version), entry.date) == (version, date if "{project_date}" in title_format else None)
    assert not entry.name or normalized(entry.name) in {normalized(name), "release"}


@pytest.mark.parametrize(("title", "spelled", "date"), TITLES, ids=[title for title, _, _ in TITLES])
@pytest.mark.parametrize("title_format", FORMATS)
def test_other_titles_are_read_as_ever(title_format: str, title: str, spelled: str, date: str | None) -> None:
    """Older entries may look otherwise than title_format states it now."""
    text = f"## {title}\n\n- Text.\n"
    changelog = Changelog(text, True, NAMES, title_format=f"## {title_format}", written=("Demo",))
    assert seen(changelog) == [(spelled, date)]


@pytest.mark.parametrize("title", NO_VERSIONS)
@pytest.mark.parametrize("title_format", FORMATS)
def test_what_is_no_title_is_none_under_any_title_format(title_format: str, title: str) -> None:
    changelog = lamp(f"## {title_format}", "Lantern 2", f"## {title}\n\n- Text.\n")
    assert seen(changelog) == []


@pytest.mark.parametrize(
    ("title", "spelled", "date"),
    [
        ('1.3.0 "Another" (2026-01-02)', "1.3.0", "2026-01-02"),
        ("Lantern 2 1.3.0", "1.3.0", None),
        ("lantern 2: 1.3.0 (2026-01-02)", "1.3.0", "2026-01-02"),
        ("Lantern 1.2.0 (2025-01-02)", "1.2.0", "2025-01-02"),
    ],
)
def test_older_titles_of_a_name_with_a_number(title: str, spelled: str, date: str | None) -> None:
    changelog = lamp('## {version} "Codename" ({project_date})', "Lantern 2", f"## {title}\n\n- Text.\n")
    assert seen(changelog) == [(spelled, date)]


def test_rst_title_inset_between_its_lines() -> None:
    assert seen(rst("=========\n  1.2.3\n=========\n\n- Text.\n")) == [("1.2.3", None)]


@pytest.mark.parametrize("title", NO_VERSIONS)
def test_no_version_title(title: str) -> None:
    assert seen(markdown(f"## {title}\n\n- Text.\n")) == []
    assert seen(rst(f"{title}\n{'=' * len(title)}\n\n- Text.\n")) == []


@pytest.mark.parametrize(
    ("line", "spelled", "date"),
    [
        ("## [1.2.3] - 2026-01-02", "1.2.3", "2026-01-02"),
        ("## [1.2.3](https://example.org/compare/v1.2.2...v1.2.3) (2026-01-02)", "1.2.3", "2026-01-02"),
        ("## [1.2.3](https://example.org/wiki/1_(2)) (2026-01-02)", "1.2.3", "2026-01-02"),
        ("## [v1.2.3][v1.2.3] - 2026-01-02", "v1.2.3", "2026-01-02"),
        ("## [1.2.3][] - 2026-01-02", "1.2.3", "2026-01-02"),
        ("## [Demo 1.2.3](https://example.org/demo/1.2.3/) - 2026-01-02", "1.2.3", "2026-01-02"),
        (r"## \[1.2.3\] - 2026-01-02", "1.2.3", "2026-01-02"),
        ("## **1.2.3** (2026-01-02)", "1.2.3", "2026-01-02"),
        ("## __1.2.3__ (2026-01-02)", "1.2.3", "2026-01-02"),
        ("## __demo-1.2.3 (Released 2026-01-02)__", "1.2.3", "2026-01-02"),
        ("## 1.2.3 _(2026-01-02)_", "1.2.3", "2026-01-02"),
        ("## `1.2.3` (2026-01-02)", "1.2.3", "2026-01-02"),
        ("## Demo `1.2.3`", "1.2.3", None),
        ('## <a name="1.2.3"></a>1.2.3 (2026-01-02)', "1.2.3", "2026-01-02"),
        ("## 1.2.3 <small>2026-01-02</small>", "1.2.3", "2026-01-02"),
        ("## 1.2.3 *(2026-01-02)*", "1.2.3", "2026-01-02"),
        ("## 1.2.3 (2026-01-02) {#v1-2-3}", "1.2.3", "2026-01-02"),
        ("## 1.2.3 (2026-01-02) {: #1.2.3 }", "1.2.3", "2026-01-02"),
        ("## v1.2.3 {: #v1.2.3 .release }", "v1.2.3", None),
        ("##   1.2.3   ##   ", "1.2.3", None),
        ("## 1.2.3 / 2026-01-02", "1.2.3", "2026-01-02"),
        ("##\t1.2.3", "1.2.3", None),
        ("###### 1.2.3", "1.2.3", None),
        ("[1.2.3] - 2026-01-02\n---", "1.2.3", "2026-01-02"),
        ("1.2.3 (2026-01-02) {: #1.2.3 }\n------", "1.2.3", "2026-01-02"),
    ],
)
def test_markdown_markup(line: str, spelled: str, date: str | None) -> None:
    for text in (f"{line}\n\n- Text.\n", f"# Changelog\n\nAll of it.\n\n{line}\n\n- Text.\n", line, BOM + line):
        assert seen(markdown(text)) == [(spelled, date)]


@pytest.mark.parametrize(
    ("title", "spelled", "date"),
    [
        ("`1.2.3`_ - 2026-01-02", "1.2.3", "2026-01-02"),
        ("`1.2.3 <https://example.org/v1.2.3>`_ (2026-01-02)", "1.2.3", "2026-01-02"),
        ("`v1.2.3 <https://example.org/v1.2.3>`__", "v1.2.3", None),
        ("Demo ``1.2.3`` ( ``2026-01-02`` )", "1.2.3", "2026-01-02"),
        ("**1.2.3** *(2026-01-02)*", "1.2.3", "2026-01-02"),
        (":release:`1.2.3` (2026-01-02)", "1.2.3", "2026-01-02"),
    ],
)
def test_rst_markup(title: str, spelled: str, date: str | None) -> None:
    section = f"{title}\n{'-' * len(title)}\n"
    for text in (f"{section}\n- Text.\n", f"=======\nChanges\n=======\n\nText.\n\n{section}\n- Text.\n", BOM + section):
        assert seen(rst(text)) == [(spelled, date)]


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param("```\n## 1.2.3\n```\n", id="fence"),
        pytest.param("~~~ text\n## 1.2.3\n```\n## 1.2.3\n~~~\n", id="tilde fence"),
        pytest.param("````\n```\n## 1.2.3\n```\n````\n", id="longer fence"),
        pytest.param("  ```md\n## 1.2.3\n  ```\n", id="indented fence"),
        pytest.param("```\n## 1.2.3\n``` no end\n## 1.2.3\n```\n", id="a fence ends without words"),
        pytest.param("<!--\n## 1.2.3\n\n## 1.2.3\n-->\n", id="comment"),
        pytest.param("<!-- ## 1.2.3\n## 1.2.3 -->\n", id="comment on its lines"),
        pytest.param("    ## 1.2.3\n", id="indented code"),
        pytest.param("\n\t## 1.2.3\n", id="tab"),
        pytest.param("- ```\n  ## 1.2.3\n  ```\n", id="fence in a list"),
        pytest.param("- Item\n\n  ## 1.2.3\n\n  ## 1.2.3\n", id="headings in a list"),
        pytest.param("- Item\n  - Item\n\n   ## 1.2.3\n", id="heading in the outer of two lists"),
        pytest.param("- ```\n  ```\n\n  ## 1.2.3\n", id="heading after a fence in a list"),
        pytest.param("- Item\n\n  1.2.3\n  ---\n", id="underlined in a list"),
        pytest.param("- Item\n\n  1.2.3\n---\n", id="rule after a paragraph in a list"),
        pytest.param("<!-- 1.2.3 -->\n---\n", id="rule after a comment"),
        pytest.param("##1.2.3\n", id="no blank"),
        pytest.param("####### 1.2.3\n", id="seven"),
        pytest.param(r"\## 1.2.3" + "\n", id="escaped"),
        pytest.param("1.2.3\n\n---\n", id="rule"),
        pytest.param("- 1.2.3\n---\n", id="rule after a list"),
        pytest.param("> 1.2.3\n---\n", id="rule after a quotation"),
        pytest.param("See 1.2.3\n", id="text"),
    ],
)
def test_markdown_hides(hidden: str) -> None:
    assert seen(markdown(hidden)) == []
    text = f"# Changelog\n\n## 1.2.4\n\n{hidden}\n## 1.2.2\n\n- Text.\n"
    changelog = markdown(text)
    assert bodies(changelog) == {"1.2.4": hidden.lstrip("\n").rstrip(), "1.2.2": "- Text."}


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param("Like so::\n\n    1.2.3\n    -----\n", id="literal block"),
        pytest.param(".. code-block:: rst\n\n   1.2.3\n   =====\n\n   1.2.3\n   =====\n", id="code block"),
        pytest.param("..\n   1.2.3\n   =====\n", id="comment"),
        pytest.param("1.2.3\n", id="text"),
        pytest.param("Text of 1.2.3.\n\n-----\n\nMore text.\n", id="transition"),
        pytest.param("===== =====\n1.2.3 1.2.2\n===== =====\n", id="table"),
        pytest.param("+-------+\n| 1.2.3 |\n+-------+\n", id="grid"),
        pytest.param("1.2.3\n--\n", id="too short"),
    ],
)
def test_rst_hides(hidden: str) -> None:
    assert seen(rst(hidden)) == []
    changelog = rst(f"Changes\n=======\n\n1.2.4\n-----\n\n{hidden}\n1.2.2\n-----\n\n- Text.\n")
    assert bodies(changelog) == {"1.2.4": hidden.lstrip("\n").rstrip(), "1.2.2": "- Text."}


REAL_MARKDOWN = f"""\
# Changelog

All notable changes. [Semver](https://semver.org), since 0.1.

{MARKER}
## [Unreleased]

- Something to come.

<a id="1.1.10"></a>

## [1.1.10] - 2026-02-03

### Fixes

- Ten. (#10)

## [1.1.1] - 2026-01-02

- One.
  ```
  ## 1.1.0
  ```

---

## [1.1.1rc1] - 2026-01-01

[1.1.10]: https://example.org/1.1.10
"""


def test_markdown_entries() -> None:
    changelog = markdown(REAL_MARKDOWN)
    assert bodies(changelog) == {
        "1.1.10": "### Fixes\n\n- Ten. (#10)",
        "1.1.1": "- One.\n  ```\n  ## 1.1.0\n  ```\n\n---",
        "1.1.1rc1": "[1.1.10]: https://example.org/1.1.10",
    }
    (entry,) = changelog.of(Version("1.1.10"))
    assert changelog.whole(entry) == ('<a id="1.1.10"></a>\n\n## [1.1.10] - 2026-02-03\n\n### Fixes\n\n- Ten. (#10)\n')
    assert (changelog.line(entry.start), changelog.line(entry.heading), entry.level) == (11, 13, 2)


@pytest.mark.parametrize(
    ("version", "count"),
    [("1.1.1", 1), ("1.1.10", 1), ("1.1.1rc1", 1), ("1.1", 0), ("1.1.0", 0), ("1.1.1.0", 1), ("0.1", 0)],
)
def test_of_compares_versions(version: str, count: int) -> None:
    assert len(markdown(REAL_MARKDOWN).of(Version(version))) == count


REAL_RST = """\
=========
Changelog
=========

..
    You should *NOT* be adding new change log entries to this file:
    1.0
    ===

.. towncrier release notes start

.. _v1.1.10:

Demo 1.1.10 (2026-02-03)
========================

Features
--------

- Ten::

    1.1.0
    -----


1.1.1rc1
========

- Candidate.


.. _v1.1.1:
.. _latest-of-1.1:

1.1.1 (2026-01-02)
==================

No significant changes.
"""


def test_rst_entries() -> None:
    changelog = rst(REAL_RST)
    assert bodies(changelog) == {
        "1.1.10": "Features\n--------\n\n- Ten::\n\n    1.1.0\n    -----",
        "1.1.1rc1": "- Candidate.",
        "1.1.1": "No significant changes.",
    }
    (entry,) = changelog.of(Version("1.1.1"))
    assert changelog.whole(entry).startswith(".. _v1.1.1:\n.. _latest-of-1.1:\n\n1.1.1 (2026-01-02)\n")
    assert (changelog.line(entry.heading), entry.level) == (35, 2)


@pytest.mark.parametrize(
    "anchor",
    [
        '<a name="1.2.3"></a>', "<a id='v1.2.3'></a>", "<a id=v1>", '<a name="a"></a>\n<a name="b"></a>', "(v1.2.3)=",
    ],
)  # fmt: skip
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_an_anchor_belongs_to_the_entry_below(anchor: str, gap: str) -> None:
    changelog = markdown(f"## 1.2.4\n\n- New.\n\n{anchor}{gap}## 1.2.3\n\n- Old.\n")
    assert changelog.whole(changelog.entries[0]) == "## 1.2.4\n\n- New.\n"
    assert changelog.whole(changelog.entries[1]) == f"{anchor}{gap}## 1.2.3\n\n- Old.\n"


def test_several_packages_in_one_file() -> None:
    text = (
        "# demo 1.2.3 (2026-01-02)\n\n- Ours.\n\n# demo-extra 1.2.3 (2026-01-02)\n\n- Theirs.\n\n"
        "# demo-extra 1.1.0 (2026-01-01)\n\n- Theirs alone.\n"
    )
    changelog = markdown(text)
    assert [changelog.body(entry) for entry in changelog.of(Version("1.2.3"))] == ["- Ours."]
    assert [entry.name for entry in changelog.of(Version("1.1.0"))] == ["demo-extra"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("-    " * 400 + "x", id="items"),
        pytest.param("1.\t " * 400 + "x", id="numbered items"),
        pytest.param("## 1.0" + "rc" * 400 + "!", id="suffixes"),
    ],
)
def test_no_line_is_read_in_exponentially_many_ways(line: str) -> None:
    """Where each sign doubled the ways to read a line, four hundred of them would never be read."""
    code = "import sys, test_changelog as here\nprint(here.seen(here.markdown(sys.stdin.read())))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=f"# Changelog\n\n## 1.0\n\n{line}\n", capture_output=True, text=True,
        cwd=Path(__file__).parent, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "[('1.0', None)]\n"


def test_our_name_at_the_end_of_a_longer_one_is_ours() -> None:
    text = "# What's new in Demo 1.2.3\n\n- Ours.\n\n# Other 1.2.3 (2026-01-02)\n\n- Theirs.\n"
    assert [markdown(text).body(entry) for entry in markdown(text).of(Version("1.2.3"))] == ["- Ours."]


def test_a_page_title_is_no_entry_beside_one() -> None:
    changelog = markdown("# Demo 4.0\n\nA preface.\n\n## 4.0.1\n\n- One.\n\n## 4.0.0\n\n- Zero.\n")
    assert [changelog.body(entry) for entry in changelog.of(Version("4.0"))] == ["- Zero."]
    alone = markdown("# Demo 4.0\n\nA preface.\n\n## 4.0.1\n\n- One.\n")
    assert alone.of(Version("4.0")) == ()
    deeper = markdown("# Demo 4.0\n\n- Zero.\n\n## 3.9\n\n- Old, when titles were smaller.\n")
    assert [deeper.body(entry) for entry in deeper.of(Version("4.0"))] == ["- Zero."]


@pytest.mark.parametrize("style", ["1.2.3\n=====\n", "1.2.3 (2026-01-02)\n==================\n"])
@pytest.mark.parametrize("make", [markdown, rst])
def test_a_title_said_twice_heads_one_entry(make: Callable[[str], Changelog], style: str) -> None:
    """As pipenv's: towncrier writes `title_format`, and the template writes its own title below it."""
    text = f"{style}demo {style}\n- A.\n\n1.2.2\n=====\n\n- B.\n"
    changelog = make(text)
    (entry,) = changelog.of(Version("1.2.3"))
    assert (entry.start, changelog.body(entry)) == (0, "- A.")
    assert changelog.whole(entry) == f"{style}demo {style}\n- A.\n"


def test_the_same_title_further_down_is_another_entry() -> None:
    assert len(markdown("## 1.2.3\n\n## demo 1.2.3\n\n- A.\n").of(Version("1.2.3"))) == 2
    assert len(markdown("# Demo 4.0\n## 4.0.0\n\n- A.\n\n## 4.0.1\n").of(Version("4.0"))) == 1


def test_an_underline_is_not_the_overline_of_the_title_below() -> None:
    headings = rst("1.2.3\n-----\nFixes\n-----\n\n- A.\n\n1.2.2\n-----\n").headings
    assert [(heading.title, heading.level) for heading in headings] == [("1.2.3", 1), ("Fixes", 1), ("1.2.2", 1)]


def test_duplicates_are_all_found() -> None:
    changelog = markdown("## 1.2.3 (2026-01-02)\n\n- A.\n\n## v1.2.3 (2026-01-03)\n\n- B.\n\n## 1.2.2\n\n- C.\n")
    assert [entry.date for entry in changelog.of(Version("1.2.3"))] == ["2026-01-02", "2026-01-03"]


@pytest.mark.parametrize(
    ("text", "body"),
    [
        pytest.param("## 1.2.3\n\n# Legacy\n\n- Old.\n", "", id="higher heading ends"),
        pytest.param("## 1.2.3\n\n- A.\n\n## Older versions\n", "- A.", id="equal heading ends"),
        pytest.param("## 1.2.3\n\n### Fixes\n\n- A.\n", "### Fixes\n\n- A.", id="deeper heading stays"),
        pytest.param("# 1.2.3\n- A.\n### 1.2.2\n- B.\n", "- A.", id="a version ends at any depth"),
        pytest.param("1.2.3\n---\n- A.\n", "- A.", id="setext"),
        pytest.param("## 1.2.3\n- A:\n\n  # B\n\n- C.\n", "- A:\n\n  # B\n\n- C.", id="heading in an item"),
        pytest.param("## 1.2.3\n- - -\n  ## 1.2.2\n", "- - -", id="an indented heading below a rule"),
        pytest.param("## 1.2.3\n- A.\n\n  B\n---\n  ## 1.2.2\n", "- A.\n\n  B\n---", id="a rule that ends an item"),
        pytest.param("## 1.2.3\n- A.\n ## 1.2.2\n", "- A.", id="an indented heading that its list does not hold"),
        pytest.param("## 1.2.3\n- A.\n---\n- B.\n", "- A.\n---\n- B.", id="rule after an item"),
        pytest.param("## 1.2.3\n- A\n  b.\n---\n- B.\n", "- A\n  b.\n---\n- B.", id="rule after an item of two lines"),
        pytest.param("## 1.2.3\n1. A.\n---\nB.\n", "1. A.\n---\nB.", id="rule after a numbered item"),
        pytest.param("## 1.2.3\n\n- A.", "- A.", id="no last newline"),
        pytest.param("## 1.2.3", "", id="heading only"),
        # towncrier puts the issue onto a last fence, which spoils it: the list ends the code then, not the file.
        pytest.param(
            "## 1.2.3\n\n- A:\n\n  ```\n  x\n  ``` (#3)\n\n## 1.2.2\n\n- B.\n",
            "- A:\n\n  ```\n  x\n  ``` (#3)",
            id="a fence that its list ends",
        ),
        pytest.param("## 1.2.3\n\n```\n# Never closed\n", "```\n# Never closed", id="open fence"),
    ],
)
def test_where_an_entry_ends(text: str, body: str) -> None:
    changelog = markdown(text)
    assert changelog.body(changelog.entries[0]) == body


# Oracles. Documents are joined from lines and blocks that changelogs have, with blank lines between the blocks, since
# the parsers agree there by contract. Out of scope: headings within quotations and below a list item that goes on
# without being indented, fences that end with their list, multi-line setext titles, HTML blocks other than comments,
# paragraphs that run into an RST title, RST titles shorter than four characters or with too short an overline,
# docutils' complaints about levels that are skipped.
WORDS = st.sampled_from(["- Add colour. (#12)", "Text.", "* Mend 1.2.3.", "No significant changes.", "1.0.1", "> 1.0"])
SPELLINGS = st.sampled_from(
    ["1.0.1", "1.0.10", "v2.0", "2.0rc1", "Demo 3.1", "1.2.3 (2026-01-02)", "Unreleased", "Fixes"]
)
FENCED = st.tuples(st.sampled_from(["```", "~~~", "````", "``` md"]), SPELLINGS, st.booleans()).map(
    lambda made: f"{made[0]}\n## {made[1]}\n\n{made[1]}\n---\n" + (made[0].removesuffix(" md") if made[2] else "")
)
MARKDOWN_BLOCKS = st.one_of(
    WORDS,
    st.builds("{} {}".format, st.sampled_from(["#", "##", "###", "   ##", "#######", "-", "\\##"]), SPELLINGS),
    st.builds("{}\n{}".format, SPELLINGS, st.sampled_from(["===", "---", "  ----  ", "=", "- - -", "    ---"])),
    st.builds("## [{}](https://example.org)".format, SPELLINGS),
    st.builds("## {} ##".format, SPELLINGS),
    st.builds("<!--\n## {}\n\n# More\n-->".format, SPELLINGS),
    st.builds("<!-- {} -->\n## {}".format, SPELLINGS, SPELLINGS),
    st.builds("- ```\n  ## {}\n  ```".format, SPELLINGS),
    st.builds("  ```\n  ## {}\n  ```".format, SPELLINGS),
    st.builds("- Item\n\n  ```\n  ## {}\n  ```".format, SPELLINGS),
    st.builds("- Item\n  more of {}\n---".format, SPELLINGS),
    st.builds("- Item\n\n  ## {}\n\n  {}\n  ---".format, SPELLINGS, SPELLINGS),
    st.builds("1. Item\n  ## {}\n   ## {}".format, SPELLINGS, SPELLINGS),
    st.builds("- Item\n\n  {}\n---".format, SPELLINGS),
    st.builds("## __{}__ and _more_ `__init__` snake_case".format, SPELLINGS),
    st.builds("<!-- {} -->\n---".format, SPELLINGS),
    st.builds("Text.\n## {}\nMore text.".format, SPELLINGS),
    st.sampled_from(["---", "***", "<!-- towncrier release notes start -->", "[1.0.1]: https://example.org", "```"]),
    FENCED,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(MARKDOWN_BLOCKS, max_size=8), st.sampled_from(["", "\n", "\n\n"]))
def test_markdown_headings_are_those_of_markdown_it(blocks: list[str], end: str) -> None:
    text = "\n\n".join(blocks) + end
    tokens = MarkdownIt("commonmark").parse(text)
    oracle = [
        (int(token.tag[1]), "".join(child.content for child in tokens[place + 1].children or []))
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]
    assert [(heading.level, heading.title) for heading in markdown(text).headings] == oracle


LONG_ENOUGH = SPELLINGS.filter(lambda title: len(title) > 3)
RST_BLOCKS = st.one_of(
    WORDS.filter(lambda text: not text.startswith(">")),
    st.builds(
        lambda title, style, over: f"{style * 20}\n{title}\n{style * 20}" if over else f"{title}\n{style * 20}",
        LONG_ENOUGH,
        st.sampled_from("=-~^"),
        st.booleans(),
    ),
    st.builds("{}\n{}\n{}\n{}".format, LONG_ENOUGH, st.just("=" * 20), LONG_ENOUGH, st.just("=" * 20)),
    st.builds("Like so::\n\n    {}\n    --------------------".format, SPELLINGS),
    st.builds("..\n   {}\n   ====================".format, SPELLINGS),
    st.builds(".. code-block:: rst\n\n   {}\n   ====================\n\n   More".format, SPELLINGS),
    st.sampled_from([".. towncrier release notes start", ".. _v1.0:", "===== =====\n1.0.1 1.0.2\n===== ====="]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(RST_BLOCKS, max_size=6))
def test_rst_headings_are_those_of_docutils(blocks: list[str]) -> None:
    text = "\n\n".join(blocks) + "\n"
    quiet = {"report_level": 5, "halt_level": 5, "doctitle_xform": False, "raw_enabled": False}
    tree = docutils.core.publish_doctree(text, settings_overrides=quiet)
    oracle = {node.astext() for node in tree.findall(docutils.nodes.title)}
    refused = {  # a level that docutils finds inconsistent; we read on
        line
        for node in tree.findall(docutils.nodes.literal_block)
        for line in node.astext().splitlines()
        if "rst" not in node["classes"]
    }
    found = {heading.title for heading in rst(text).headings}
    assert found - refused <= oracle
    assert oracle <= found


# Insertion.
ENTRY = "## 1.4.0 (2026-02-03)\n\n### Features\n\n- Add colour. (#12)\n\n\n"
TEXT = st.text(alphabet="ab #\n", max_size=30)
OLDER = st.lists(
    st.sampled_from(["## 1.3.0 (2026-01-01)", "- The first one.", "", "  more", "### Fixes", "# 1.2.0", "\ttab ", "ü"]),
    max_size=8,
)
HEADED = st.one_of(st.just([]), st.builds(lambda top, rest: [top, *rest], st.sampled_from(["## 1.3", "# Old"]), OLDER))
TITLED = st.sampled_from(["", "# Changelog", "# Changelog\n\nAll of it.", "# Changelog\n\n\n"])


def by_towncrier(text: str, start_string: str, content: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "NEWS")
        path.write_bytes(text.encode())
        towncrier._writer.append_to_newsfile(folder, "NEWS", start_string, "", content, single_file=True)
        return path.read_bytes()


@settings(deadline=None)
@given(TITLED, TEXT, st.sampled_from([MARKER, RST_MARKER, "[start]", MARKER.strip()]), TEXT, TEXT, st.booleans())
def test_insert_writes_what_towncrier_writes(
    title: str, gap: str, start_string: str, older: str, content: str, marked: bool
) -> None:
    text = title + gap + (start_string if marked else "") + older
    content = "1.4.0\n" + content
    assert insert(text, start_string, content).encode() == by_towncrier(text, start_string, content)


def ended(lines: list[str], endings: list[str]) -> str:
    return "".join(line + endings[number % len(endings)] for number, line in enumerate(lines))


ENDINGS = st.lists(st.sampled_from(["\n", "\r\n"]), min_size=1, max_size=4)


def files(older: st.SearchStrategy[list[str]]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda bom, title, ending, older, endings, last: (
            bom + ended([*title.split("\n"), "", MARKER.strip()], ending) + ended(older, endings) + last * bool(older)
        ),
        st.sampled_from(["", BOM]),
        TITLED,
        ENDINGS,
        older,
        ENDINGS,
        st.sampled_from(["", "- No last newline.", "- Last.\n", "- Last.\r\n\r\n"]),
    )


@settings(deadline=None)
@given(files(OLDER))
def test_insert_leaves_every_older_byte(text: str) -> None:
    before = split(text, MARKER)
    assert before.found
    older = before.after.lstrip()
    result = insert(text, MARKER, ENTRY)
    assert result.endswith(older)
    above = before.before.rstrip()
    assert result.startswith(above)
    newline = newline_of(text)
    added = result[len(above) : len(result) - len(older)]
    assert added.replace(newline, "\n").split() == [*MARKER.split(), *ENTRY.split()]
    assert re.sub("\r\n", "", added).count("\n") == (0 if newline == "\r\n" else added.count("\n"))


def inserted(text: str) -> tuple[Changelog, Entry]:
    changelog = markdown(insert(text, MARKER, ENTRY).replace("\r\n", "\n"))
    (entry,) = changelog.of(Version("1.4.0"))
    return changelog, entry


@settings(deadline=None)
@given(files(HEADED))
def test_what_is_inserted_is_found_once_and_first(text: str) -> None:
    changelog, entry = inserted(text)
    assert changelog.entries[0] == entry
    assert changelog.whole(entry) == ENTRY.strip() + "\n"
    assert (entry.spelled, entry.date) == ("1.4.0", "2026-02-03")


@settings(deadline=None)
@given(files(HEADED))
def test_without_undoes_insert(text: str) -> None:
    """What is left is the file as it was but for blanks around the marker; inserting again gives the same file."""
    changelog, entry = inserted(text)
    undone = without(changelog.text, entry)
    before, after = split(text.replace("\r\n", "\n"), MARKER), split(undone, MARKER)
    assert (after.before.rstrip(), after.after.strip()) == (before.before.rstrip(), before.after.strip())
    assert insert(undone, MARKER, ENTRY) == changelog.text
    as_written = without(insert(text, MARKER, ENTRY), entry)
    assert as_written.replace("\r\n", "\n") == undone
    assert as_written.rstrip().endswith(split(text, MARKER).after.strip())  # with the line endings that it had


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("", "ENTRY\n", id="empty"),
        pytest.param("# Old\n", "ENTRY\n\n# Old\n", id="no marker: above all"),
        pytest.param(BOM + "# Old\n", BOM + "ENTRY\n\n# Old\n", id="no marker, BOM"),
        pytest.param(f"# T\n\n{MARKER}", f"# T\n\n{MARKER}\nENTRY\n", id="first entry"),
        pytest.param(f"# T\n{MARKER}\n\n\n# Old", f"# T\n\n{MARKER}\nENTRY\n\n# Old", id="blank lines"),
        pytest.param(f"# T\n\n{MARKER}# Old\n{MARKER}", f"# T\n\n{MARKER}\nENTRY\n\n# Old\n{MARKER}", id="two markers"),
    ],
)
def test_insert(text: str, result: str) -> None:
    for newline in ("\n", "\r\n"):
        before, after = text.replace("\n", newline), result.replace("\n", newline)
        if newline in before:
            assert insert(before, MARKER, "ENTRY\n\n") == after


@pytest.mark.parametrize("older", ["", "\n## 1.3.0\n\n- Old.\n"])
def test_without_the_only_entry_nothing_is_left_of_it(older: str) -> None:
    text = f"# Changelog\n\n{MARKER}{older}"
    changelog, entry = inserted(text)
    assert without(changelog.text, entry) == text


def test_the_first_marker_counts_in_either_ending() -> None:
    crlf = MARKER.replace("\n", "\r\n")
    assert split(f"a{crlf}b{MARKER}c", MARKER) == ("a", f"b{MARKER}c", True)
    assert split(f"a{MARKER}b{crlf}c", MARKER) == ("a", f"b{crlf}c", True)


@pytest.mark.parametrize(
    ("text", "found"),
    [(MARKER, True), ("x\r\n" + MARKER.strip() + "\r\n", True), (MARKER.strip(), False), ("# T\n", False), ("", False)],
)
def test_marker(text: str, found: bool) -> None:
    assert split(text, MARKER)[2] is found


@pytest.mark.parametrize(
    ("text", "newline"), [("", "\n"), ("a\n", "\n"), ("a\r\n", "\r\n"), ("a\r\nb\n", "\n"), ("a\r\nb\nc\r\n", "\r\n")]
)
def test_newline_of_most_lines(text: str, newline: str) -> None:
    assert newline_of(text) == newline


PAGE = "What's new in demo 4.0\n======================\n\nSummary.\n\n.. towncrier release notes start\n"


@pytest.mark.parametrize(
    ("below", "spelled"),
    [
        pytest.param("", [], id="nothing released yet"),
        pytest.param("\ndemo 4.0.0\n----------\n\n- A.\n", ["4.0.0"], id="its own release"),
        pytest.param("\ndemo 4.0.1\n----------\n\n- A.\n", [], id="another release"),
        pytest.param("\ndemo 4.0.0\n==========\n\n- A.\n", ["4.0", "4.0.0"], id="a real entry above the marker"),
    ],
)
def test_the_page_of_a_series_is_no_entry(below: str, spelled: list[str]) -> None:
    changelog = Changelog(
        PAGE + below, markdown=False, names=frozenset({"demo"}), marker=".. towncrier release notes start\n"
    )
    assert [entry.spelled for entry in changelog.of(Version("4.0.0"))] == spelled


def test_categories_as_high_as_the_entry_do_not_end_it() -> None:
    text = "demo 1.1\n--------\n\nBug fixes\n---------\n\n- A.\n\nUnreleased\n----------\n\n- B.\n"
    changelog = Changelog(text, markdown=False, names=frozenset({"demo"}), categories=frozenset({"Bug fixes"}))
    assert [changelog.body(entry) for entry in changelog.entries] == ["Bug fixes\n---------\n\n- A."]


@given(
    st.lists(
        st.sampled_from(
            ["## 1.4.0", "## 1.4", "## 1.40.0", "```", "- See 1.4.0.", "## 1.3.0 (2026-01-01)", "", "# 1.4.0", "Text"]
        ),
        max_size=12,
    )
)
def test_an_entry_is_the_same_whether_the_rest_was_read_or_not(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    lazy, whole = markdown(text), markdown(text)
    assert whole.entries is not None
    for spelled in ("1.4.0", "1.3.0", "1.40"):
        assert lazy.of(Version(spelled)) == whole.of(Version(spelled))
