"""What can be mended in a fragment without any doubt: a name that is nearly right, blanks, line endings. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from tagready.facts.changelog import BOM, newline_of
from tagready.facts.fragments import likely_name, meant_as_news, read_name, survey
from tagready.facts.project import News, Section


class Mended(NamedTuple):
    """One thing that was mended: the line (None: the whole file), and what was done."""

    line: int | None
    what: str


def better_name(
    news: News, section: Section, name: str, others: Collection[str], extra_files: Collection[str]
) -> str | None:
    """Return the name that the file should have, or None where it has a right one, or no name is without doubt.

    `others` are all names in the folder. The new one is that of a fragment, is no other's issue, type and counter, and
    its type shows what the file says.
    """
    extras = tuple(extra_files)
    if read_name(news, section, name) is not None or not meant_as_news(section.path(name), extras):
        return None
    likely = likely_name(name, [type_.name for type_ in news.types], ".md" if news.markdown else ".rst")
    if likely is None or likely.lower() in {other.lower() for other in others}:
        return None
    fragment = read_name(news, section, likely)
    if fragment is None or not news.type(fragment.type).shows_content:
        return None
    after = survey(news, [(section, other) for other in (*sorted({*others} - {name}), likely)], extras)
    return None if any(found.path == fragment.path for found in after.findings) else likely


def better_text(data: bytes, newline: str | None, *, markdown: bool) -> tuple[bytes, tuple[Mended, ...]]:
    """Return the content that says the same with no blanks at its ends, and what was mended.

    `newline` is what the project's fragments end lines with, None where that is not known. What may not be plain text
    stays as it is; so do blanks that Markdown gives a meaning.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data, ()
    body = text.removeprefix(BOM).replace("\r\n", "\n")
    if not body.strip() or re.search("[\0\r]", body) or re.search(r"^(?:<{7}|>{7})", body, re.MULTILINE):
        return data, ()
    mended: list[Mended] = [Mended(1, "byte order mark removed")] if text.startswith(BOM) else []
    ending = newline or newline_of(text)
    if "\n" in text and text.removeprefix(BOM) != body.replace("\n", ending):
        names = {"\n": "LF", "\r\n": "CRLF"}
        mended.append(Mended(None, f"line endings are {names[ending]} now"))
    lines = body.split("\n")
    first = next(number for number, line in enumerate(lines) if line.strip())
    last = next(number for number in range(len(lines) - 1, -1, -1) if lines[number].strip())
    kept = lines[first : last + 1]
    if first:
        mended.append(Mended(1, "empty lines at the beginning removed"))
    for number in _spare(kept, markdown=markdown):
        mended.append(Mended(first + number + 1, "blanks at the end of the line removed"))
        kept[number] = kept[number].rstrip(" \t")
    if lines[last + 1 :] not in ([], [""]):
        mended.append(Mended(last + 2, "empty lines at the end removed"))
    if last == len(lines) - 1:
        mended.append(Mended(last + 1, "final newline added"))
    return ending.join([*kept, ""]).encode(), tuple(mended)


def _spare(lines: list[str], *, markdown: bool) -> list[int]:
    """Return the lines (from 0) whose blanks at the end mean nothing: all in reStructuredText, few in Markdown."""
    blank = [number for number, line in enumerate(lines) if line != line.rstrip(" \t")]
    if not markdown:
        return blank
    if any(re.match(r"[ \t>*+-]*(?:<|```|~~~)", line) for line in lines):
        return []  # in HTML and in code, blanks are content
    if any("`" in _SPAN.sub("", line) for line in lines):
        return []  # code that may go on in the next line
    return [number for number in blank if _is_spare(lines, number)]


_SPAN = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")


def _is_spare(lines: list[str], number: int) -> bool:
    line = lines[number]
    code = any(re.match(r"[ ]{0,3}\t|[ ]{4}", near) for near in lines[max(0, number - 1) : number + 2])
    if code or line.rstrip(" \t").endswith("\\"):
        return False
    follows = lines[number + 1] if number + 1 < len(lines) else ""
    # Two blanks before another line are a line break.
    return not follows.strip() or re.search(r"  +$", line) is None
