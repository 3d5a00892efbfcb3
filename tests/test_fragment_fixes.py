"""What may be mended in a fragment without any doubt: never its meaning, and never twice."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from docutils.core import publish_doctree
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tagready.facts.fragment_fixes import Mended, better_name, better_text
from tagready.facts.project import Section, Sources, read_news

NEWS = read_news(
    Sources("", {"project": {"name": "demo"}, "tool": {"towncrier": {"directory": "d", "filename": "C.md"}}}, None)
)
HERE = Section("", "d")


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("12.bug.md", "12.bugfix.md"),
        ("12.fix", "12.bugfix.md"),
        ("12.BugFix.rst", "12.bugfix.rst"),
        ("12.feat.1.md", "12.feature.1.md"),
        ("12.docs.md", "12.doc.md"),
        ("+lamp.bufix.md", "+lamp.bugfix.md"),
        ("bugfix.12.md", "12.bugfix.md"),
        ("CVE-2026-24049.fix.rst", "CVE-2026-24049.bugfix.rst"),
        pytest.param("12.bugfix.md", None, id="right already"),
        pytest.param("12.refactor.md", None, id="no type is near"),
        pytest.param("12.change.md", None, id="a type that hides the text"),
        pytest.param("12.md", None, id="no type at all"),
        pytest.param("README.md", None, id="a README"),
        pytest.param("1.4.0.md", None, id="a version"),
        pytest.param("notes.fix.md", None, id="told to be something else"),
        pytest.param("7.bug.md", None, id="the name is taken"),
        pytest.param("8.bug.rst", None, id="the issue, type and counter are taken"),
        pytest.param("12.bug.md~", None, id="a leftover"),
    ],
)
def test_names(name: str, better: str | None) -> None:
    others = ["7.bugfix.md", "8.bugfix.md", "README.md"]
    assert better_name(NEWS, HERE, name, others, ["notes.*"]) == better
    assert better is None or better_name(NEWS, HERE, better, others, ["notes.*"]) is None


def test_a_name_that_the_issue_pattern_refuses() -> None:
    news = NEWS._replace(issue_pattern=r"\d+")
    assert better_name(news, HERE, "lamp.bug.md", [], []) is None
    assert better_name(news, HERE, "12.bug.md", [], []) == "12.bugfix.md"


BLANKS, FINAL = "blanks at the end of the line removed", "final newline added"


@pytest.mark.parametrize(
    ("data", "newline", "markdown", "better", "mended"),
    [
        (b"A lamp.\n", None, True, b"A lamp.\n", []),
        (b"\xef\xbb\xbfA lamp.\n", None, True, b"A lamp.\n", [(1, "byte order mark removed")]),
        (b"\xef\xbb\xbf\nA\r\n", "\n", False, b"A\n",
         [(1, "byte order mark removed"), (None, "line endings are LF now"),
          (1, "empty lines at the beginning removed")]),
        (b"\xef\xbb\xbf \n", None, True, b"\xef\xbb\xbf \n", []),
        (b"A lamp.", None, True, b"A lamp.\n", [(1, FINAL)]),
        (b"A lamp. \t\n", None, True, b"A lamp.\n", [(1, BLANKS)]),
        (b"A \nlamp.  \n", None, True, b"A\nlamp.\n", [(1, BLANKS), (2, BLANKS)]),
        (b"A  \nlamp.\n", None, True, b"A  \nlamp.\n", []),
        (b"A  \nlamp.\n", None, False, b"A\nlamp.\n", [(1, BLANKS)]),
        (b"\n \nA\n\n\n", None, True, b"A\n",
         [(1, "empty lines at the beginning removed"), (4, "empty lines at the end removed")]),
        (b"A\r\nB\r\n", None, True, b"A\r\nB\r\n", []),
        (b"A\r\nB\r\n", "\n", True, b"A\nB\n", [(None, "line endings are LF now")]),
        (b"A\nB", "\r\n", True, b"A\r\nB\r\n", [(None, "line endings are CRLF now"), (2, FINAL)]),
        (b"A\nB\r\nC\n", None, True, b"A\nB\nC\n", [(None, "line endings are LF now")]),
        (b"```\nA \n```\n", None, True, b"```\nA \n```\n", []),
        (b"<pre>\nA \n</pre>\n", None, True, b"<pre>\nA \n</pre>\n", []),
        (b"A:\n\n    code \n", None, True, b"A:\n\n    code \n", []),
        (b"A `b` \nc.\n", None, True, b"A `b`\nc.\n", [(1, BLANKS)]),
        (b"A `b \nc` d\n", None, True, b"A `b \nc` d\n", []),
        (b"A\\ \nb\n", None, True, b"A\\ \nb\n", []),
        (b"A \xff \n", None, True, b"A \xff \n", []),
        (b"A\rB \n", None, True, b"A\rB \n", []),
        (b"<<<<<<< x\nA \n", None, True, b"<<<<<<< x\nA \n", []),
        (b" \n", None, True, b" \n", []),
    ],
)  # fmt: skip
def test_texts(data: bytes, newline: str | None, markdown: bool, better: bytes, mended: list[tuple[int, str]]) -> None:
    assert better_text(data, newline, markdown=markdown) == (better, tuple(Mended(*each) for each in mended))


LINES = st.lists(
    st.sampled_from(
        ["", " ", "\t", "A lamp. ", "b  ", "  c", "    d ", "- e ", "  - f  ", "```", "~~~ ", "<!-- g ", "<b> ", "`h ",
         "> i ", "j\\ ", "k\\  ", "1. l ", "| m | n | ", "--- ", "=== ", "# o ", ":: ", "p:: ", ".. q:: ", "\tr ", "s"]
    ),
    max_size=6,
)  # fmt: skip


@given(lines=LINES, newline=st.sampled_from([None, "\n", "\r\n"]), ends=st.booleans())
def test_what_is_mended_reads_the_same_and_is_mended_once(lines: list[str], newline: str | None, ends: bool) -> None:
    text = "\n".join(lines) + ("\n" if ends else "")
    for markdown in (True, False):
        better, _ = better_text(text.encode(), newline, markdown=markdown)
        assert better_text(better, newline, markdown=markdown) == (better, ())
        shown = as_html if markdown else as_nodes
        assert shown(better.decode()) == shown(text)


def as_towncrier_reads(text: str) -> str:
    """Return a fragment's text without what towncrier takes away at its ends."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", text.replace("\r\n", "\n")).rstrip()


def as_html(text: str) -> str:
    return str(MarkdownIt().enable("table").render(as_towncrier_reads(text))).strip()


def as_nodes(text: str) -> str:
    settings = {"report_level": 5, "halt_level": 6, "warning_stream": StringIO(), "_disable_config": True}
    found = publish_doctree(as_towncrier_reads(text), settings_overrides=settings)
    return re.sub(r' line="\d+"', "", found.pformat())  # empty lines above the text may have gone
