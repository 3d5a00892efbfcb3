"""Text in lines that fit a screen: sentences, what a finding tells to do, and entries. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence


def wrapped(text: str, columns: int, indent: str = "", hanging: str | None = None) -> str:
    """Return a text in lines that fit; the second line and those after it begin with `hanging`. No word is broken."""
    from textwrap import fill

    return fill(
        text,
        columns,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


#: What the commands begin with that findings name.
PROGRAMS = "git|tagready|prepare-release|python3?|pip|pipx|uv|twine|gh|auditwheel|docker|echo|rm|del|cd"


def has_command(text: str) -> bool:
    """Return whether there is a command in what a finding tells to do: that must stay on one line, to be copied."""
    return re.search(rf"(?<![\w'./-])(?:{PROGRAMS}) ['\"\w./~+-]", text) is not None


#: What begins an item of a list.
_MARKER = r"(?:[-+*•]|(?:\d{1,3}|#)[.)])[ \t]+(?=\S)"
#: A line around a code block; towncrier makes an item of a fragment that begins with one.
_FENCE = rf"(?:{_MARKER})*(?P<fence>`{{3,}}|~{{3,}})"
#: What else has a form of its own: tables, headings, underlined titles; and what only one of the languages has,
#: so that it may be prose: enumerations such as (a) and ii., options, definitions, doctests.
_FORMED = (
    r"\||\+[-=]|#+ |([^\w\s])\1{2,}\s*$|[-=+|:\s]+$"
    r"|\(?(?:\d+|[a-zA-Z#]|[ivxlcIVXLC]+)[.)](?:\s|$)|--?\w[\w-]*(?:[ ,=]|$)|:[ \t]|>>>(?: |$)"
)
#: Where every line stands for itself: fields, directives, quotations, HTML, targets of links, hard line breaks.
_LINES = r":[\w -]+:(?: |$)|\.\. |>|<|\[[^]]+\]: |.*(?:  |\\)$"


def entry_in(columns: int, entry: str) -> str:
    """Return an entry in Markdown or reStructuredText with what does not fit reflowed, by paragraph and by item.

    What could mean something else then stays as it is: code, tables, headings, and what is neither surely prose nor a
    simple item. A terminal may have to break its lines.
    """
    shown: list[str] = []
    edges = [0]  # where the text begins of the lists that we are in
    literal, after_blank = -1, True
    for piece in _pieces(entry.split("\n")):
        first = piece[0]
        indent = len(first) - len(first.lstrip())
        if first.strip() and not 0 <= literal < indent:
            edges = [edge for edge in edges if edge <= indent] or [0]
            is_indented = after_blank and indent - edges[-1] >= 4
            starts = [] if is_indented else _starts(first, indent)
            edges += starts
            start = starts[-1] if starts else indent
            is_code = is_indented or re.match(_FENCE, first[start:]) is not None
            is_before_block = first.startswith(".. ", start) or any(line.rstrip().endswith("::") for line in piece)
            literal = start if is_before_block and not is_code else -1
            piece = piece if is_code else _reflowed(piece, start, columns)
        shown += piece
        after_blank = not first.strip()
    return "\n".join(shown)


def _starts(line: str, indent: int) -> list[int]:
    """Return where the text begins of each item that begins on a line: there may be several, one in the other."""
    starts: list[int] = []
    while marker := re.compile(_MARKER).match(line, indent):
        indent = marker.end()
        starts.append(indent)
    return starts


def _pieces(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield paragraphs, items, code blocks with their fences, and blank lines."""
    piece: list[str] = []
    fence = ""
    for line in lines:
        text = line.strip()
        opening = re.match(_FENCE, text)
        if fence:
            piece.append(line)
            if text.startswith(fence) and not text.strip(fence[0]):
                yield piece
                piece, fence = [], ""
            continue
        if piece and (not text or opening or re.match(_MARKER, text)):
            yield piece
            piece = []
        fence = opening["fence"] if opening else ""
        if text:
            piece.append(line)
        else:
            yield [line]
    if piece:
        yield piece


def _reflowed(lines: list[str], start: int, columns: int) -> list[str]:
    """Return a paragraph or an item, whose text begins in column `start`, in lines that fit."""
    texts = [lines[0][start:], *(line.lstrip() for line in lines[1:])]
    if all(len(line) <= columns for line in lines) or any(re.match(_FORMED, text) for text in texts):
        return lines
    if any(len(line) - len(line.lstrip()) > start for line in lines[1:]):
        return lines  # a definition, a directive, or a block without the blank line before it
    if any(re.match(_LINES, text) for text in texts):
        return [part for line in lines for part in _alone(line, columns)]
    return wrapped(" ".join(texts), columns, lines[0][:start], " " * start).split("\n")


def _alone(line: str, columns: int) -> list[str]:
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    return wrapped(text, columns, indent, indent + "  ").split("\n")
