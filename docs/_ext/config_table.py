"""The directive `config-table`: every key of the configuration, read from the code that reads the keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst import Directive

from tagready.facts import config

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

#: What a reader takes, where its refusal says less than it knows.
_WORDS: dict[Callable[[object], Any], str] = {
    config._pattern: "a regular expression",
    config._command: "a command line",
    config._name_with_version: "a string with {version}",
    config._version_files: "a list of paths, or of tables with path and pattern",
    config._hooks: "a table with before-commit",
}


class ConfigTable(Directive):
    """Makes the table: key, type and default."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        table = nodes.table(classes=["config-table"])
        group = nodes.tgroup(cols=3)
        table += group
        group += [nodes.colspec(colwidth=width) for width in (25, 40, 35)]
        head, body = nodes.thead(), nodes.tbody()
        group += [head, body]
        head += _row(*(nodes.paragraph(text=title) for title in ("key", "value", "default")))
        for key, value, default in rows():
            link = nodes.reference("", "", nodes.literal(text=key), refuri=f"#{key}")
            shown = (
                nodes.paragraph("", "", nodes.literal(text=default)) if default else nodes.paragraph(text="see below")
            )
            body += _row(nodes.paragraph("", "", link), nodes.paragraph(text=value), shown)
        return [table]


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield each key with what it takes, in words, and its default as TOML ("" where that takes more words)."""
    defaults = config.Config()
    for key, (name, read) in config._READERS.items():
        yield key, _type(read), _toml(getattr(defaults, name)) if name else ""


def _type(read: Callable[[object], Any]) -> str:
    """Return what a reader takes, as it says itself when it refuses."""
    try:
        read(None)
    except ValueError as error:
        said = re.fullmatch(r"must be (.+), not None", str(error))
        if said:
            return _WORDS.get(read, said[1])
    raise TypeError(f"{read} does not say what it takes: a refusal of None should begin with 'must be'")


def _toml(value: object) -> str:
    """Return a default as it would be written; nothing for one that is found out, or has parts."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return ""


def _row(*cells: nodes.Node) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("config-table", ConfigTable)
    return {"version": "1", "parallel_read_safe": True}
