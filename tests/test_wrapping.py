"""Text in lines that fit a screen, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagready.facts.wrapping import entry_in, has_command, wrapped

LONG = "one two three four five six seven"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param("Short.\nLines.", "Short.\nLines.", id="what fits"),
        pytest.param(LONG, "one two three four\nfive six seven", id="a paragraph"),
        pytest.param(f"{LONG}\neight\n\nnine", "one two three four\nfive six seven eight\n\nnine", id="all its lines"),
        pytest.param(f"- {LONG}\n  eight", "- one two three four\n  five six seven\n  eight", id="an item"),
        pytest.param(
            f"- {LONG}\n\n  {LONG}",
            "- one two three four\n  five six seven\n\n  one two three four\n  five six seven",
            id="an item of two paragraphs",
        ),
        pytest.param(f"- a\n  - {LONG}\n1. b", "- a\n  - one two three\n    four five six\n    seven\n1. b",
                     id="an item in another"),
        pytest.param(f"* {LONG}\n* b", "* one two three four\n  five six seven\n* b", id="items without blank lines"),
        pytest.param(f"- a\n\n    - {LONG}", "- a\n\n    - one two three\n      four five six\n      seven",
                     id="an item that is far in"),
        pytest.param(f"### {LONG}", f"### {LONG}", id="a heading"),
        pytest.param(f"{LONG}\n---------------", f"{LONG}\n---------------", id="an underlined title"),
        pytest.param(f"| a | {LONG} |\n|---|---|", f"| a | {LONG} |\n|---|---|", id="a table"),
        pytest.param(f"a | {LONG}\n--- | ---", f"a | {LONG}\n--- | ---", id="a table without an edge"),
        pytest.param(f"- a\n\n  ```\n  {LONG}\n\n  - {LONG}\n  ```\n  {LONG}",
                     f"- a\n\n  ```\n  {LONG}\n\n  - {LONG}\n  ```\n  one two three four\n  five six seven",
                     id="a fence"),
        pytest.param(f"a\n\n    {LONG}", f"a\n\n    {LONG}", id="indented code"),
        pytest.param(f"- a\n\n      {LONG}", f"- a\n\n      {LONG}", id="indented code in an item"),
        pytest.param(f"a::\n\n  {LONG}\n\n  - {LONG}\n\n{LONG}",
                     f"a::\n\n  {LONG}\n\n  - {LONG}\n\none two three four\nfive six seven", id="a literal block"),
        pytest.param(f".. code-block:: text\n\n   {LONG}", f".. code-block:: text\n\n   {LONG}", id="a directive"),
        pytest.param(f"a  \n{LONG}", "a\none two three four\n  five six seven", id="a hard line break"),
        pytest.param("see https://example.org/a-long-one", "see\nhttps://example.org/a-long-one", id="an address"),
    ],
)  # fmt: skip
def test_an_entry_is_reflowed_where_that_changes_nothing(entry: str, expected: str) -> None:
    assert entry_in(20, entry) == expected


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(f"- ```sh\n  {LONG}\n  {LONG}\n  ```", id="a fence that an item begins with"),
        pytest.param(f"- 1. ~~~\n     {LONG}\n\n     - {LONG}\n     ~~~", id="a fence in an item of an item"),
        pytest.param(f"(1) {LONG}\n(2) b", id="numbers in parentheses"),
        pytest.param(f"a. {LONG}\nb. b", id="letters"),
        pytest.param(f"(a) {LONG}\n(b) b", id="letters in parentheses"),
        pytest.param(f"- i) {LONG}\n  ii) b", id="Roman numbers in an item"),
        pytest.param(f"-v, --verbose  {LONG}\n--quiet  b\n-n 5  c", id="options"),
        pytest.param(f"- --verbose  {LONG}\n  -q  b", id="options in an item"),
        pytest.param(f">>> {LONG}\nb", id="a doctest"),
        pytest.param(f"- >>> a\n  {LONG}", id="a doctest in an item"),
        pytest.param(f"term\n  {LONG}\nanother\n  b", id="definitions"),
        pytest.param(f"- term\n    {LONG}", id="a definition in an item"),
        pytest.param(f"term\n: {LONG}", id="a definition in Markdown"),
        pytest.param(f"a::\n    {LONG}\n\n    {LONG}\n\n  - {LONG}", id="a block without a blank line before it"),
        pytest.param(f".. note:: a\n   {LONG}\n\n   {LONG}", id="a directive with more lines"),
        pytest.param(f"- .. note:: a\n\n     {LONG}", id="a directive that an item begins with"),
    ],
)
def test_what_is_not_surely_prose_stays(entry: str) -> None:
    assert entry_in(20, entry) == entry


def test_items_that_begin_on_one_line_are_reflowed_as_the_inner_one() -> None:
    entry = f"- 1. {LONG}\n\n     {LONG}"
    text = "one two three\n     four five six\n     seven"
    assert entry_in(20, entry) == f"- 1. {text}\n\n     {text}"
    assert entry_in(20, f"- ```\n  a\n  ```\n\n  {LONG}") == (
        "- ```\n  a\n  ```\n\n  one two three four\n  five six seven"
    )


LINES = st.lists(
    st.sampled_from(["", "a b c d", "- a b c d", "  a b c d", "    - a b c d", "- ```", "```", "a::", "===", "# a"])
)


@given(LINES.map("\n".join), st.integers(5, 12))
def test_no_word_is_lost_and_what_fits_stays(entry: str, columns: int) -> None:
    assert entry_in(columns, entry).split() == entry.split()
    assert entry_in(80, entry) == entry


def test_no_word_is_broken() -> None:
    assert wrapped("a prepare-release-more b", 10, "> ", "  ") == "> a\n  prepare-release-more\n  b"


@pytest.mark.parametrize(
    ("fix", "expected"),
    [
        ("git mv a b, or list it under `ignore`", True),
        ("name one: tagready verify v1.4.0", True),
        ("mend it (python -m build shows the same)", True),
        ('echo "x" > a', True),
        ("use a deeper heading, or bold text", False),
        ("read git's words above, mend it, and run the same command again", False),
        ("did you mean fix? The types are add, fix", False),
    ],
)
def test_a_command_is_told_from_a_sentence(fix: str, expected: bool) -> None:
    assert has_command(fix) is expected
