"""Why PyPI would not show reStructuredText: held against readme_renderer, which it asks."""

from __future__ import annotations

import pytest
from readme_renderer import rst

from tagready.facts.rst_verdict import Problem, problems, uses

BORDER = "Bottom border or header rule does not match top border"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A lamp, ``dim``, *now*.\n", []),
        ("- A\n\n  - B\n", []),
        (".. code-block:: python\n\n    lamp()\n", []),
        ("A\n  B\n C\n", [Problem(3, "Block quote ends without a blank line; unexpected unindent", False)]),
        ("A ``b\n", [Problem(1, "Inline literal start-string without end-string", False)]),
        ("A\nb\n  c\n", [Problem(3, "Unexpected indentation", False)]),
        ("A :func:`b`\n", [Problem(1, 'Unknown interpreted text role "func"', False, "func")]),
        ("A `b`_\n", [Problem(1, 'Unknown target name: "b"', False, "b")]),
        ("A |b|\n", [Problem(1, 'Undefined substitution referenced: "b"', False, "b")]),
        (".. versionadded:: 1\n", [Problem(1, 'Unknown directive type "versionadded"', False, "versionadded")]),
        ("== ==\na\n==\n", [Problem(3, f"Malformed table. {BORDER}", True)]),
        (".. image::\n", [Problem(1, 'Error in "image" directive: 1 argument(s) required, 0 supplied', True)]),
    ],
)
def test_problems(text: str, expected: list[Problem]) -> None:
    assert problems(text)[: len(expected) or None] == expected
    assert (rst.render(text) is None) == bool(expected)


def test_what_docutils_itself_breaks_on() -> None:
    text = ".. figure:: x.png\n\n   .. header:: foo\n"
    with pytest.raises(UnboundLocalError):
        rst.render(text)
    assert problems(text) == [Problem(None, "docutils itself breaks on it (UnboundLocalError)", True)]


@pytest.mark.parametrize("text", [":func:`x`", ".. func:: x", ".. _func: x", "func_", "|func|", "`func`_"])
def test_what_a_changelog_uses(text: str) -> None:
    assert uses(f"A\n\n{text}\n", "func")
    assert not uses(f"A\n\n{text}\n", "fun")
