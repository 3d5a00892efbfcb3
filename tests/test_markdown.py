"""What an entry in reStructuredText looks like on GitHub."""

from __future__ import annotations

import builtins
import contextlib
import html
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import docutils.core
import pytest
from docutils.writers.html5_polyglot import Writer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tagready.facts.markdown import to_markdown


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param("", "\n", id="nothing"),
        pytest.param("One\ntwo\n   \nthree\n", "One two\n\nthree\n", id="paragraphs are lines"),
        pytest.param("*a* **b** ``c_d *e*``", "*a* **b** `c_d *e*`\n", id="inline"),
        pytest.param("``a`b``", "`` a`b ``\n", id="backtick in code"),
        pytest.param("H\\ :sub:`2`\\ O", "H2O\n", id="subscript"),
        pytest.param(":math:`x^2`", "`x^2`\n", id="formula"),
        pytest.param("a\n\n----\n\nb\n\n----\n", "a\n\n---\n\nb\n", id="a rule, and one that ends the entry"),
        pytest.param(".. a comment\n\na", "a\n", id="comment"),
        pytest.param("| one\n| two\n", "one\\\ntwo\n", id="line block"),
        pytest.param("a\n\n   b\n\n   -- c", "a\n\n> b\n>\n> c\n", id="quote"),
        pytest.param(".. image:: https://e.org/a.png\n   :alt: A", "![A](https://e.org/a.png)\n", id="image"),
        pytest.param("a\n\n.. |x| replace:: **b**\n\n|x|", "a\n\n**b**\n", id="substitution"),
    ],
)
def test_text(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param("Features\n--------\n\n- a\n", "## Features\n\n- a\n", id="alone"),
        pytest.param("A\n=\n\na\n\nB\n=\n\nb\n", "## A\n\na\n\n## B\n\nb\n", id="siblings"),
        pytest.param("AAA\n===\n\nBBB\n---\n\nb\n", "## AAA\n\n### BBB\n\nb\n", id="nested, and no document's title"),
        pytest.param("``a_b`` and *c*\n=============\n", "## `a_b` and *c*\n", id="markup"),
        pytest.param("In C #\n======\n", "## In C \\#\n", id="no closing sequence"),
        pytest.param(".. rubric:: Thanks\n", "**Thanks**\n", id="rubric"),
    ],
)
def test_titles(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param("* a\n  b\n* c\n", "- a b\n- c\n", id="bullets"),
        pytest.param("- a\n\n  - b\n\n    - c\n\n- d\n", "- a\n  - b\n    - c\n- d\n", id="nested"),
        pytest.param("- a\n\n  b\n", "- a\n\n  b\n", id="paragraphs"),
        pytest.param("- a\n\n  2. b\n  3. c\n", "- a\n\n  2. b\n  3. c\n", id="numbers, which say where they start"),
        pytest.param("a\n\n   * b\n", "a\n\n- b\n", id="indented for looks"),
        pytest.param("- a::\n\n    x = 1\n\n      y\n", "- a:\n\n  ```\n  x = 1\n\n    y\n  ```\n", id="code"),
        pytest.param("Term\n  What\n", "- **Term**\n\n  What\n", id="definition"),
        pytest.param("Term : kind\n  What\n", "- **Term**\n\n  kind\n\n  What\n", id="definition with a classifier"),
        pytest.param(":Date: today\n", "- **Date:** today\n", id="field"),
        pytest.param("-v, --verbose  say more\n", "- `-v, --verbose`\n\n  say more\n", id="option"),
    ],
)
def test_lists(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param("::\n\n  a\n\n   b\n", "```\na\n\n b\n```\n", id="literal"),
        pytest.param(".. code-block:: toml\n\n   a = 1\n", "```toml\na = 1\n```\n", id="language"),
        pytest.param(".. code-block::\n\n   a = 1\n", "```\na = 1\n```\n", id="no language"),
        pytest.param(".. code:: py`x\n\n   a\n", "```\na\n```\n", id="what can't be a language"),
        pytest.param(
            ".. code-block:: python\n   :linenos:\n   :caption: C\n\n   a = 1\n\n     b\n",
            "```python\na = 1\n\n  b\n```\n",
            id="Sphinx's options",
        ),
        pytest.param(".. sourcecode:: pycon\n\n   >>> 1\n", "```pycon\n>>> 1\n```\n", id="another name"),
        pytest.param(".. ipython:: python\n\n   a = 1\n", "```python\na = 1\n```\n", id="Sphinx's directive"),
        pytest.param(
            ".. code::\n   :number-lines:\n\n   a\n\n   b\n",
            "```\n1 a\n2\n3 b\n```\n",
            id="numbers, one of an empty line",
        ),
        pytest.param(">>> 1\n1\n", "```pycon\n>>> 1\n1\n```\n", id="doctest"),
        pytest.param(".. math:: x^2\n", "```math\nx^2\n```\n", id="formula"),
        pytest.param("::\n\n  ```\n  a\n", "````\n```\na\n````\n", id="a fence in the code"),
        pytest.param(".. parsed-literal::\n\n   *a* b_\n", "```\na b\n```\n", id="markup in the code"),
    ],
)
def test_code(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param("`#1 <https://e.org/1>`_", "[#1](https://e.org/1)\n", id="embedded"),
        pytest.param(
            "`a`_ b__\n\n.. _a: https://e.org/a\n__ https://e.org/b",
            "[a](https://e.org/a) [b](https://e.org/b)\n",
            id="targets",
        ),
        pytest.param("https://e.org/_a_/", "<https://e.org/_a_/>\n", id="bare"),
        pytest.param("`a <https://e.org/x_(y)>`_", "[a](https://e.org/x_(y))\n", id="parentheses"),
        pytest.param("`a <https://e.org/x)y>`_", "[a](https://e.org/x%29y)\n", id="a parenthesis that ends the link"),
        pytest.param("|a|_\n\n.. |a| replace:: b\n.. _a: https://e.org/", "[b](https://e.org/)\n", id="substituted"),
        pytest.param("`[a] <https://e.org/>`_", "[\\[a\\]](https://e.org/)\n", id="brackets"),
        pytest.param("A\n=\n\nSee A_.", "## A\n\nSee A.\n", id="inside the page"),
        pytest.param("See `the docs`_, foo_ and bar__.", "See the docs, foo and bar.\n", id="out of the entry"),
        pytest.param("See `the docs <docs_>`_ and |release|.", "See the docs and release.\n", id="aliased"),
        pytest.param("`one <https://e.org>` only", "[one](https://e.org) only\n", id="without its underscore"),
        pytest.param(
            "a [1]_ b [#]_ c [X]_\n\n.. [1] One\n\n   more",
            "a \\[1\\] b \\[#\\] c \\[X\\]\n\n\\[1\\] One\n\nmore\n",
            id="footnotes",
        ),
    ],
)
def test_links(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param(":func:`foo`", "`foo`", id="function"),
        pytest.param(":func:`~a.b.foo`", "`foo`", id="shortened"),
        pytest.param(":py:meth:`.Foo.bar`", "`Foo.bar`", id="searched"),
        pytest.param(":class:`!Foo`", "`Foo`", id="not linked"),
        pytest.param(":external+python:py:mod:`os`", "`os`", id="of another project"),
        pytest.param(":meth:`the bar <Foo.bar>`", "`the bar`", id="titled"),
        pytest.param(":meth:`bar<Foo.bar>`", "`bar`", id="titled without a blank"),
        pytest.param(":file:`.a/~b`", "`.a/~b`", id="literal"),
        pytest.param("`~a.b.foo` and `mode=<function>`", "`foo` and `mode=<function>`", id="default role"),
        pytest.param(":doc:`the text <target>`", "the text", id="document"),
        pytest.param(":ref:`the label`", "the label", id="label"),
        pytest.param(":user:`some_body`", "some_body", id="unknown"),
        pytest.param(":term:`a\\ b\\*`", "ab\\*", id="escaped"),
        pytest.param(":foo:`text <https://e.org/>`", "[text](https://e.org/)", id="link"),
        pytest.param(":pr:`1`, :issue:`2` and :gh:`3`", "#1, #2 and #3", id="numbers"),
        pytest.param(":issue:`an issue <12>` :issue:`o/p#3`", "an issue o/p#3", id="more than a number"),
        pytest.param(":user:`12`", "12", id="a number of something else"),
        pytest.param(":cve:`2024-1234`", "CVE-2024-1234", id="CVE"),
        pytest.param(":pep:`8`", "[PEP 8](https://peps.python.org/pep-0008)", id="PEP"),
        pytest.param(":pep:`the style <8>` :pep:`x`", "the style x", id="PEP as Sphinx knows it"),
        pytest.param("- a (:pr:`1`)\n  b", "- a (#1) b", id="in a list"),
        pytest.param(":raw:`<b>`", "\\<b>", id="raw"),
    ],
)
def test_roles(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected + "\n"


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param(".. note:: a\n\n   b\n", "> **Note:** a\n>\n> b\n", id="admonition"),
        pytest.param(".. warning::\n\n   - a\n", "> **Warning:**\n>\n> - a\n", id="admonition of a list"),
        pytest.param(".. admonition:: T\n\n   a\n", "> **T**\n>\n> a\n", id="titled admonition"),
        pytest.param(".. versionadded:: 1.2\n", "Added in version 1.2\n", id="version"),
        pytest.param(".. versionchanged:: 1.2 a\n   b", "Changed in version 1.2: a b\n", id="version and text"),
        pytest.param(".. deprecated:: 1.2\n\n   a", "Deprecated since version 1.2:\n\na\n", id="version above text"),
        pytest.param(".. seealso:: :ref:`a <b>`\n\n   - c\n", "a\n\n- c\n", id="unknown"),
        pytest.param(".. py:tab:: a\n   :x: 1\n   :y:\n\n   b\n", "a\n\nb\n", id="unknown, with options"),
        pytest.param(".. x::\n\n   .. y::\n\n      a\n", "a\n", id="unknown, nested"),
        pytest.param("- a\n\n  .. x::\n\n     b\n", "- a\n\n  b\n", id="unknown, in a list"),
        pytest.param(".. x::\n\n   a_\n\n.. _a: https://e.org/", "[a](https://e.org/)\n", id="unknown, linking out"),
        pytest.param("a\n\n.. currentmodule:: b\n", "a\n", id="nothing to see"),
        pytest.param("a\n\n.. raw:: html\n\n   <b>c</b>\n", "a\n", id="not for this output"),
        pytest.param("a\n\n.. code-block:: b\n", "a\n", id="nothing in it"),
        pytest.param("=  =\na b c\n=  =\n", "```\n=  =\na b c\n=  =\n```\n", id="malformed table"),
    ],
)
def test_directives(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected


def test_what_breaks_docutils_is_shown_as_it_is() -> None:
    rst = "a\n\n.. figure:: x\n\n   .. header:: y\n"
    assert to_markdown(rst) == f"```rst\n{rst}```\n"


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param(
            "===  ===\nA    B\n===  ===\na|b  ``c|d``\n===  ===\n",
            "| A | B |\n| --- | --- |\n| a\\|b | `c\\|d` |\n",
            id="header and pipes",
        ),
        pytest.param("=  =\na  b\n=  =\n", "|  |  |\n| --- | --- |\n| a | b |\n", id="no header"),
        pytest.param(
            ".. table:: T\n\n   +---+---+\n   | a     |\n   +---+---+\n   | - b   |\n   | - c   |\n   +---+---+\n",
            "**T**\n\n|  |  |\n| --- | --- |\n| a | |\n| - b - c | |\n",
            id="title, spans and blocks",
        ),
        pytest.param(
            "+------------+---+\n| .. code:: c|   |\n|            |   |\n|    d       |   |\n+------------+---+\n",
            "|  |  |\n| --- | --- |\n| ``` d ``` |  |\n",
            id="code",
        ),
    ],
)
def test_tables(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected


@pytest.mark.parametrize(
    ("rst", "expected"),
    [
        pytest.param("some_long_name", "some_long_name", id="underscores inside"),
        pytest.param("_a __init__", "\\_a \\_\\_init\\_\\_", id="underscores outside"),
        pytest.param("2 \\* 3 < 4 & 5 <b> &lt;", "2 \\* 3 < 4 & 5 \\<b> \\&lt;", id="characters"),
        pytest.param("\\- a", "\\- a", id="no bullet"),
        pytest.param("2026\\. a", "2026\\. a", id="no number"),
        pytest.param("\\# a #1", "\\# a #1", id="no title"),
        pytest.param("\\> a", "\\> a", id="no quote"),
        pytest.param("| a\n| \\--\n", "a\\\n\\--", id="no underline"),
    ],
)
def test_escapes(rst: str, expected: str) -> None:
    assert to_markdown(rst) == expected + "\n"


def text_of(page: str) -> str:
    """Return the text that a browser shows."""
    blocks = re.sub(r"</?(?:p|li|h\d|t[dhr]|d[tdl]|pre|br|aside|div)\b", r" \g<0>", page)
    return html.unescape(re.sub(r"<[^>]+>", "", blocks))


def shown(markdown: str) -> str:
    return text_of(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))


def visible(rst: str) -> str:
    """Return the text that docutils shows, once Sphinx's markup has been replaced by what Sphinx shows for it."""
    rst = re.sub(r":[\w:+.-]+:(?=`)|\.\. version\w+::|^ +:[\w-]+:.*|(?<=`)~(?:\w+\.)+", "", rst, flags=re.MULTILINE)
    rst = re.sub(r"`([^`<]+) <\w+>`(?!_)", r"\1", rst)
    quiet = {"report_level": 5, "doctitle_xform": False, "syntax_highlight": "none", "_disable_config": True}
    return text_of(docutils.core.publish_parts(rst, writer=Writer(), settings_overrides=quiet)["body"])


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text))


ENTRIES = {
    "bullets of issues": """\
Bugfixes
========

- `#14591 <https://e.org/14591>`_: Fixed a regression in 9.1.0 which caused overriding a parametrized fixture
  with an indirect :ref:`@mark.parametrize <parametrize>` to fail with "duplicate of '<fixture name>'".


- `#14606 <https://e.org/14606>`_: Fixed :class:`~pkg.nodes.Node`\\s in ``<dir>/test*``, see :ref:`stash`.

  If this is undesirable, see the `how-to guide`_ or ask on `the list`__.
""",
    "an introduction, lists in lists, and code": """\
This release was **yanked**: it broke *some* plug-ins (`#1 <https://e.org/1>`__).

Features
--------

* Safeguards of ``HTTPResponse.read(amt=N)`` were bypassed:

  1. When ``drain_conn()`` was called, as :rfc:`9110` says.
  2. Second, for 2 * 3 > 5::

       from pkg import some_thing
       some_thing(["a", *b])

     and after it.

  See `GHSA-mf9v <https://e.org/GHSA_mf9v>`__ for __details__.
* No blank line before; thanks to :user:`some_body` (:pr:`12`, :issue:`13`).

.. code-block:: python
   :emphasize-lines: 1

   x = {"a": 1}

Misc
----

- `#2 <https://e.org/2>`_, #3, |release|
""",
    "notes, definitions, tables and footnotes": """\
.. note:: Beware of C:\\\\Users and [extras], says :user:`anna` [1]_

.. versionchanged:: 3.2
   The ``default`` is ``None`` now.

Old name
    Use `pkg.new_name` instead.

=========  ==========
Python     Status
=========  ==========
3.9        removed
3.14       ``|`` new
=========  ==========

.. [1] See :pep:`8`, or
   PEP 20.
""",
}


@pytest.mark.parametrize("rst", ENTRIES.values(), ids=ENTRIES)
def test_no_word_is_lost(rst: str) -> None:
    assert words(visible(rst)) - words(shown(to_markdown(rst))) == Counter()


PIECES = st.sampled_from([*"ab1 é*_<>[]()!#+-=~|&;:./@{}^\"'$%?,\\", "&amp;", "](", "__", "1. ", "~~", "<a>", "- "])
PLAIN = st.lists(PIECES, max_size=12).map(lambda pieces: " ".join("".join(["x", *pieces, "x"]).split()))
BEGINNING = st.sampled_from(["", "- ", "# ", "1. ", "> ", "+ ", "-- ", "== ", "~~~ ", "``` "])


@settings(max_examples=200)
@given(BEGINNING, PLAIN)
@example("1) ", "x")
def test_what_is_plain_text_is_shown_as_it_is(beginning: str, text: str) -> None:
    escaped = re.sub(r"[^\w\s]|_", r"\\\g<0>", beginning + text)
    assert shown(to_markdown(escaped)).split() == (beginning + text).split()


RST = st.sampled_from(
    [
        *"ab \n\n\n*`|_:\\-=<>", "   ", "\n\n", "- ", "1. ", ".. ", "``", "**", "::", "`_", "==== ====\n", ":pr:`1`",
        ".. note::", ".. x:: a\n", ".. code:: a\n", ".. figure:: x\n", ".. |a| replace:: b\n", ".. [#] c\n", "[#]_",
        "|a|", "`a <b_>`_", "----\n", ">>> 1\n", "| a\n", ":a: b\n", "-a  b\n", ".. list-table::\n\n", "é", "\0",
    ]
)  # fmt: skip


@settings(max_examples=300)
@given(st.one_of(st.text(), st.lists(RST, max_size=20).map("".join)))
def test_any_text_can_be_converted_in_silence(rst: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
        markdown = to_markdown(rst)
    assert stderr.getvalue() == ""
    assert markdown.endswith("\n")
    assert not markdown.endswith("\n\n")
    assert not re.search(r"[ \t]$", markdown, re.MULTILINE)


@pytest.mark.parametrize(
    "rst",
    [
        ".. include:: secret.txt",
        ".. literalinclude:: secret.txt",
        ".. raw:: html\n   :file: secret.txt",
        ".. csv-table:: T\n   :file: secret.txt",
        ".. image:: secret.txt\n   :scale: 50\n   :loading: embed",
    ],
)
def test_the_disk_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rst: str) -> None:
    (tmp_path / "secret.txt").write_text("hidden")
    (tmp_path / "docutils.conf").write_text("[general]\nsmart_quotes: yes\n")
    monkeypatch.chdir(tmp_path)
    to_markdown("a")  # imports
    opened = []
    real_open = builtins.open

    def recorded(*args: Any, **kwargs: Any) -> Any:
        opened.append(args[0])
        return real_open(*args, **kwargs)

    monkeypatch.setattr(builtins, "open", recorded)
    markdown = to_markdown(f'"a"\n\n{rst}\n')
    assert opened == []
    assert markdown.startswith('"a"\n')
    assert "hidden" not in markdown
