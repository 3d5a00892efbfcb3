"""One changelog entry as Markdown: what docutils understands of its reStructuredText, said the way GitHub shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from textwrap import dedent
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from bs4 import Tag
    from markdownify import MarkdownConverter

#: What keeps docutils from reading files, promoting a title, colouring code, giving up on a long line, and talking.
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "syntax_highlight": "none",
    "line_length_limit": 10**9,
    "report_level": 5,
    "halt_level": 5,
}


def to_markdown(rst: str) -> str:
    """Return the body of a changelog entry, given as reStructuredText, as GitHub-flavoured Markdown.

    Titles at its top become `##`, each paragraph is one line, and the text ends in one newline. What only Sphinx or
    the page around the entry could resolve (roles, directives, references) keeps the words that a reader sees.
    """
    try:
        text = _converter().convert(_inner(_document(rst)))
    except Exception:
        # Malformed text can break docutils itself: with 0.22, a figure that holds only a page header.
        text = _fenced(rst, "rst")
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).strip() + "\n"


def _document(rst: str) -> Any:
    """Return the entry as docutils reads it (https://docutils.sourceforge.io/docs/ref/doctree.html)."""
    from docutils import frontend, utils
    from docutils.parsers.rst import Parser
    from docutils.readers.standalone import Reader

    parser, reader = Parser(), Reader()
    # Unlike the functions in docutils.core, this asks no configuration file.
    settings = frontend.get_default_settings(parser, reader)
    vars(settings).update(_SETTINGS)
    document = utils.new_document("changelog", settings)
    parser.parse(rst, document)
    while refused := list(document.findall(_is_refusal)):
        for message in refused:
            # It stays where it is: docutils is not always right about the parent of a message.
            message[:] = _accepted(message, parser, document)
            message["accepted"] = True
    document.transformer.populate_from_components((reader, parser))
    document.transformer.apply_transforms()
    return document


def _is_refusal(node: Any) -> bool:
    """Return whether the node is an error that took the place of the source it quotes; a warning stands beside it."""
    if node.tagname != "system_message" or "accepted" in node:
        return False
    return node["level"] >= 3 and _quoted(node) is not None


def _quoted(message: Any) -> Any:
    return next((child for child in message.children if child.tagname == "literal_block"), None)


_DIRECTIVE = re.compile(r"\.\. +(?:[\w.+-]+:)*(?P<name>[\w.+-]+) ?::(?P<argument>[^\n]*)\n?(?P<body>.*)", re.DOTALL)
_OPTIONS = re.compile(r"\A(?::[\w-]+:(?: [^\n]*)?(?:\n +[^\n]*)*(?:\n|\Z))+")
_LANGUAGE = re.compile(r"[\w+#.-]+")

#: Directives whose content is code, and its language where the argument does not say it.
_CODE = {
    "code": "",
    "code-block": "",
    "sourcecode": "",
    "ipython": "",
    "prompt": "",
    "doctest": "pycon",
    "testcode": "python",
    "testoutput": "text",
    "math": "math",
}
#: What Sphinx writes for its directives about versions.
_VERSIONS = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
}
#: Directives that say something to Sphinx and nothing to a reader.
_UNSEEN = frozenset({"index", "highlight", "currentmodule", "module", "toctree", "literalinclude"})


def _accepted(message: Any, parser: Any, document: Any) -> list[Any]:
    """Return the nodes for source that docutils refused: Sphinx's directives and options, broken tables and titles."""
    from docutils import nodes

    source = _quoted(message).astext()
    match = _DIRECTIVE.match(source)
    if not match:
        return [nodes.literal_block(source, source)]
    name, argument = match["name"], match["argument"].strip()
    body = _OPTIONS.sub("", dedent(match["body"]))
    if name in _UNSEEN:
        return []
    if name in _CODE:
        code = body.strip("\n")
        return [nodes.literal_block(code, code, classes=["code", _CODE[name] or argument])] if code else []
    if name in _VERSIONS:
        version, _, rest = argument.partition(" ")
        argument = f"{_VERSIONS[name]} {version}{':' if rest or body else ''} {rest}"
    start = len(document)
    parser.parse(f"{argument}\n{body}", document)
    parsed = list(document.children[start:])
    del document[start:]
    return parsed


#: What is the same in docutils' tree and in HTML but for its name.
_TAGS = {
    "paragraph": "p",
    "caption": "p",
    "attribution": "p",
    "admonition": "blockquote",
    "bullet_list": "ul",
    "definition_list": "ul",
    "field_list": "ul",
    "option_list": "ul",
    "list_item": "li",
    "definition_list_item": "li",
    "option_list_item": "li",
    "emphasis": "em",
    "strong": "strong",
    "literal": "code",
    "math": "code",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "row": "tr",
}
_INVISIBLE = frozenset({"comment", "substitution_definition", "label", "colspec", "meta"})


def _html(node: Any) -> str:
    """Return a node of the tree as the HTML that `markdownify` knows; what has no tag shows what is in it."""
    name = node.tagname
    if name == "#text":
        return escape(node.astext())
    if name in _INVISIBLE:
        return ""
    if name in _SPECIAL:
        return _SPECIAL[name](node)
    tag = _TAGS.get(name)
    return f"<{tag}>{_inner(node)}</{tag}>" if tag else _inner(node)


def _inner(node: Any) -> str:
    return "".join(map(_html, node.children))


def _title(node: Any) -> str:
    """Return a section's title as a heading below a release's own (h1), and another title as a bold line."""
    if node.parent.tagname != "section":
        return _bold_line(node)
    level, section = 2, node.parent
    while section := section.parent:
        level += section.tagname == "section"
    return f"<h{level}>{_inner(node)}</h{level}>"


def _bold_line(node: Any) -> str:
    return f"<p><strong>{_inner(node)}</strong></p>"


def _quote(node: Any) -> str:
    # Lists are indented for looks more often than they are quoted.
    if all(child.tagname in ("bullet_list", "enumerated_list") for child in node.children):
        return _inner(node)
    return f"<blockquote>{_inner(node)}</blockquote>"


def _numbered(node: Any) -> str:
    return f'<ol start="{node.get("start", 1)}">{_inner(node)}</ol>'


def _note(node: Any) -> str:
    label = f"<strong>{node.tagname.capitalize()}:</strong>"
    return f"<blockquote>{_labelled(label, _inner(node))}</blockquote>"


def _footnote(node: Any) -> str:
    label = next(child.astext() for child in node.children if child.tagname == "label")
    return _labelled(escape(f"[{label}]"), _inner(node))


def _bracketed(node: Any) -> str:
    return escape(f"[{node.astext()}]")


def _labelled(label: str, html: str) -> str:
    """Return the HTML with a label at the start of its first paragraph, or before it where it begins otherwise."""
    return f"<p>{label} {html[3:]}" if html.startswith("<p>") else f"<p>{label}</p>{html}"


def _field(node: Any) -> str:
    name, body = node.children
    return f"<li>{_labelled(f'<strong>{_inner(name)}:</strong>', _inner(body))}</li>"


def _option_group(node: Any) -> str:
    return f"<p><code>{escape(node.astext())}</code></p>"


def _lines(node: Any) -> str:
    """Return a line block as one paragraph; what lines are indented by is lost."""
    return "<p>" + "<br>".join(_inner(line) for line in node.findall(lambda found: found.tagname == "line")) + "</p>"


def _code(node: Any) -> str:
    language = {"doctest_block": "pycon", "math_block": "math"}.get(node.tagname, "")
    if node["classes"][:1] == ["code"]:
        language = next(iter(node["classes"][1:]), "")
    if not _LANGUAGE.fullmatch(language):
        language = ""
    return f'<pre lang="{escape(language)}">{_inner(node)}</pre>'


def _entry(node: Any) -> str:
    return f'<td colspan="{1 + node.get("morecols", 0)}">{_inner(node)}</td>'


def _rule(node: Any) -> str:
    # A line at the end of an entry parts it from the next one.
    after = node.parent.children[node.parent.index(node) + 1 :]
    return "<hr>" if any(map(_html, after)) else ""


def _image(node: Any) -> str:
    return f'<img alt="{escape(node.get("alt", ""))}" src="{escape(_uri(node["uri"]))}">'


def _reference(node: Any) -> str:
    # A link to a place inside the page is none: GitHub renames the anchors.
    return _link(node["refuri"], _inner(node)) if "refuri" in node else _inner(node)


def _link(uri: str, html: str) -> str:
    return f'<a href="{escape(_uri(uri))}">{html}</a>'


def _uri(uri: str) -> str:
    """Return the URI as a Markdown link can hold it: nothing that ends it early (CommonMark 0.31, 6.3)."""
    return re.sub(r"(\([^()<>\\\s]*\))|[()<>\\\s]", lambda found: found[1] or quote(found[0], safe=""), uri)


_ROLE = re.compile(r":(?P<name>[\w:+.-]+):`(?P<text>.+)`", re.DOTALL)
_UNRESOLVED = re.compile(r"`(.+?)(?:\s+<[^<>]*>)?`__?|\|(.+)\|_{0,2}|(\[.+\])_|(\w.*?)__?", re.DOTALL)


def _problematic(node: Any) -> str:
    """Return what a reader would see of a role that only Sphinx knows, or of a reference out of the entry."""
    source = node.astext()
    if role := _ROLE.fullmatch(source):
        return _role(role["name"].rpartition(":")[2], _unescaped(role["text"]))
    if reference := _UNRESOLVED.fullmatch(source):
        return escape(_unescaped(reference[reference.lastindex or 0]))
    return escape(source)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(?:\s|(.))", r"\1", text)


#: Roles for objects, whose names Sphinx shortens after a tilde: of its domains for languages, and of pytest's pages.
_OBJECTS = frozenset(
    [
        *("any", "attr", "class", "const", "data", "deco", "exc", "func", "meth", "mod", "obj", "property", "type"),
        *("enum", "enumerator", "expr", "macro", "member", "struct", "union", "var"),
        *("confval", "fixture", "globalvar", "hook"),
    ]
)
_LITERALS = frozenset({"command", "envvar", "file", "kbd", "makevar", "option", "program", "regexp", "samp", "token"})
#: What a number stands for in a role: GitHub links the first by itself; Sphinx writes the others so.
_NUMBERED = dict.fromkeys(("bug", "gh", "issue", "issues", "pr", "pull"), "#") | {
    "cve": "CVE-",
    "cwe": "CWE-",
    "pep": "PEP ",
    "rfc": "RFC ",
}
_TITLED = re.compile(r"(.+?)(\s*)<([^<>]*)>", re.DOTALL)


def _role(name: str, text: str) -> str:
    """Return what Sphinx shows for a role's text (https://www.sphinx-doc.org/en/master/usage/referencing.html)."""
    titled = _TITLED.fullmatch(text)
    if titled and "://" in titled[3]:
        return _link(titled[3], escape(titled[1]))
    if titled:
        text = titled[1]
    elif name in _OBJECTS:
        text = _object(text)
    if name in _OBJECTS or name in _LITERALS:
        return f"<code>{escape(text)}</code>"
    return escape(_NUMBERED.get(name, "") + text if re.fullmatch(r"\d[\d-]*", text) else text)


def _object(text: str) -> str:
    text = text.removeprefix("!")
    return text.rpartition(".")[2] if text.startswith("~") else text.removeprefix(".")


def _default_role(node: Any) -> str:
    """Return what single backquotes hold as code: hardly anybody means the title of a work."""
    text = node.astext()
    titled = _TITLED.fullmatch(text)
    if titled and not titled[2]:
        return f"<code>{escape(text)}</code>"
    return _role("any", text)


_SPECIAL: dict[str, Callable[[Any], str]] = {
    "title": _title,
    "rubric": _bold_line,
    "term": _bold_line,
    "block_quote": _quote,
    "enumerated_list": _numbered,
    **dict.fromkeys(("attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning"), _note),
    "footnote": _footnote,
    "citation": _footnote,
    "footnote_reference": _bracketed,
    "citation_reference": _bracketed,
    "field": _field,
    "option_group": _option_group,
    "line_block": _lines,
    "literal_block": _code,
    "doctest_block": _code,
    "math_block": _code,
    "entry": _entry,
    "image": _image,
    "reference": _reference,
    "problematic": _problematic,
    "title_reference": _default_role,
    "transition": _rule,
    "system_message": lambda node: _inner(node) if "accepted" in node else "",
}


#: Underscores inside words, which need no backslash, or a character that would be markup (CommonMark 0.31, GFM).
_MARKUP = re.compile(r"(?<=[^\W_])_+(?=[^\W_])|([\\`*_\[\]~]|<(?=[A-Za-z/!?]|\Z)|&(?=#?\w+;)|(?<!\S)#(?=#*\Z))")
#: A line's beginning that would make it something else than a paragraph.
_BLOCK = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$)))?(?(1)|(?=[-+](?:\s|$)|[-=]+$|#{1,6}(?:\s|$)|>))", re.MULTILINE)


def _converter() -> MarkdownConverter:
    """Return `markdownify` with the escapes, lists, tables and code blocks of GitHub's Markdown."""
    from markdownify import ATX, BACKSLASH, MarkdownConverter

    class GitHub(MarkdownConverter):
        def escape(self, text: str, parent_tags: set[str]) -> str:
            return _MARKUP.sub(lambda found: f"\\{found[1]}" if found[1] else found[0], text)

        def convert_p(self, el: Tag, text: str, parent_tags: set[str]) -> str:
            # A blank line between an item's text and its list would make the items stand apart.
            before_list = "li" in parent_tags and getattr(el.next_sibling, "name", None) == "ul"
            end = "\n" if before_list else "\n\n"
            return "\n\n" + _BLOCK.sub(r"\1\\", text.strip()) + end

        def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
            return _fenced(text, "" if "_inline" in parent_tags else str(el["lang"]))

        def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
            return " " + " ".join(text.split()).replace("|", r"\|") + " |" * int(str(el["colspan"]))

    # `wrap` joins the lines of a paragraph, and a width of None never breaks it again.
    return GitHub(heading_style=ATX, newline_style=BACKSLASH, bullets="-", wrap=True, wrap_width=None)


def _fenced(code: str, language: str) -> str:
    """Return a code block whose fence is longer than any in the code."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
    return "\n\n{0}{1}\n{2}\n{0}\n\n".format(fence, language, code.strip("\n"))
