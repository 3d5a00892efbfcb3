"""What stands against showing reStructuredText: the verdict of readme_renderer, which PyPI asks, and where it is. Pure.

There is nothing like it for Markdown: every text is Markdown to CommonMark, and GitHub and PyPI show it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """What docutils says of a line, and the name that it does not know (of a role, a target …), if that is why.

    What is `severe` costs readers some of the text: docutils says so in its place, and no page shows what it says. The
    rest only makes PyPI show the source of the whole page, where the changelog is a part of that.
    """

    line: int | None
    what: str
    severe: bool
    unknown: str = ""

    @property
    def kind(self) -> str:
        """What it is about, without what depends on the rest of the text."""
        return re.split(r"[.:]", self.what)[0]


_UNKNOWN = re.compile(
    r"(?:Unknown interpreted text role|Unknown directive type|Unknown target name:|Undefined substitution referenced:) "
    r'"(?P<name>[^"]+)"'
)


def problems(rst: str) -> list[Problem]:
    """Return what keeps readme_renderer from showing the text; every name that only Sphinx could know is marked."""
    messages, broken = _read(rst)
    found = [_problem(message) for message in messages if not _follows(message)]
    # Where docutils itself breaks, so does the page that is to show the text, and nobody knows what else was in it.
    return found if broken is None else [*found, Problem(None, f"docutils itself breaks on it ({broken})", True)]


def _read(rst: str) -> tuple[list[Any], str | None]:
    """Return what keeps docutils from showing a text, and the error that it broke with."""
    from docutils import frontend, utils
    from docutils.parsers.rst import Parser
    from docutils.readers.standalone import Reader
    from readme_renderer.rst import SETTINGS

    parser, reader = Parser(), Reader()
    # Unlike the functions in docutils.core, this asks no configuration file.
    settings = frontend.get_default_settings(parser, reader)
    vars(settings).update(SETTINGS)
    vars(settings).update(halt_level=5, report_level=5, syntax_highlight="none", line_length_limit=10**9)
    document = utils.new_document("entry", settings)
    found: list[Any] = []
    broken = None
    document.reporter.attach_observer(found.append)
    try:
        parser.parse(rst, document)
        document.transformer.populate_from_components((reader, parser))
        document.transformer.apply_transforms()
    except Exception as error:
        broken = type(error).__name__
    return [message for message in found if message["level"] >= SETTINGS["halt_level"]], broken


def _problem(message: Any) -> Problem:
    what = " ".join(str(message.children[0].astext()).split())
    unknown = _UNKNOWN.match(what)
    return Problem(
        message.get("line"), what.rstrip("."), _is_lost(message) and not unknown, unknown["name"] if unknown else ""
    )


def _is_lost(message: Any) -> bool:
    return message["level"] >= 3 and any(child.tagname == "literal_block" for child in message.children)


def _follows(message: Any) -> bool:
    """Return whether a message only says once more that a role is not known."""
    return bool(re.match(r"No role entry for|Trying ", message.astext()))


def uses(text: str, name: str) -> bool:
    """Return whether a text uses a role, a directive, a target or a substitution of that name."""
    said = re.escape(name)
    shapes = rf":{said}:`|^[ \t]*\.\. {said}::|^[ \t]*\.\. _`?{said}`?:|`?{said}`?_|\|{said}\|"
    return re.search(shapes, text, re.MULTILINE | re.IGNORECASE) is not None
