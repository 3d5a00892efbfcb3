"""A changelog as text: its entries, where one ends, and how a new one goes in. Markdown and reStructuredText."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from packaging.version import Version

from tagready.facts.project import normalized
from tagready.facts.versions import parse

BOM = "\ufeff"


class Heading(NamedTuple):
    """A section title: its words without markup, its depth (1 is the top), and its place in the text (offsets)."""

    title: str
    level: int
    start: int
    end: int


class Entry(NamedTuple):
    """One version's section: `start` to `end` are offsets into the text, `body` begins after the heading."""

    version: Version
    spelled: str
    name: str
    date: str | None
    level: int
    start: int
    heading: int
    body: int
    end: int


class Slot(NamedTuple):
    """Where a new entry goes: an offset into the text, and the blank lines that come before or behind it there."""

    offset: int
    before: str
    behind: str


class _Title(NamedTuple):
    name: str
    spelled: str
    version: Version
    date: str | None


class _Reader(NamedTuple):
    """Entries as far as they were read, and the rest."""

    found: list[Entry]
    rest: Iterator[Entry]

    def until(self, offset: int) -> list[Entry]:
        """Return the entries from the top to the first one that begins beyond the offset, that one included."""
        while not (self.found and self.found[-1].start > offset):
            entry = next(self.rest, None)
            if entry is None:
                break
            self.found.append(entry)
        return self.found


def _last_mention(text: str, version: Version) -> int:
    """Return the last offset where the version's numbers stand, in any spelling, or -1."""
    numbers = [str(number) for number in version.release]
    while len(numbers) > 1 and numbers[-1] == "0":
        numbers.pop()
    if len(numbers) == 1:
        return len(text)  # a bare number could be anywhere
    before = re.compile(r"(?<!\d)" + r"\\?\.".join("0*" + number for number in numbers[:-1]) + r"\\?\Z")
    last = -1
    for match in re.finditer(rf"\.0*{numbers[-1]}(?!\d)", text):
        start = match.start()
        if before.search(text, max(0, start - 60), start):
            last = start
    return last


@dataclass(frozen=True)
class Changelog:
    """A changelog with LF line endings.

    `names` are the spellings of the project's name that a title may begin with; `marker` is where new entries go;
    `categories` are titles inside an entry, which never end one, not even as high as its own (pylint's are).
    `title_format` is how towncrier writes titles, and `written` are the names as they stand in them.
    """

    text: str
    markdown: bool
    names: frozenset[str] = frozenset()
    marker: str = ""
    categories: frozenset[str] = frozenset()
    title_format: str = ""
    written: tuple[str, ...] = ()

    @cached_property
    def headings(self) -> tuple[Heading, ...]:
        """All section titles, in order; none from inside code fences, comments or literal blocks."""
        return tuple(self._headings())

    def _headings(self) -> Iterator[Heading]:
        return _markdown_headings(self.text) if self.markdown else _rst_headings(self.text)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The sections whose title is a version, in order."""
        return tuple(self._reader.until(len(self.text)))

    @cached_property
    def _reader(self) -> _Reader:
        return _Reader([], self._entries())

    def _entries(self) -> Iterator[Entry]:
        opened: tuple[Heading, _Title] | None = None
        for heading in self._headings():
            title = self._title(heading.title)
            if opened and title and self._says_again(opened, heading, title):
                opened = opened[0]._replace(end=heading.end), opened[1]
                continue
            ends = heading.level <= (opened[0].level if opened else 0) and heading.title not in self.categories
            if opened and (title or ends):
                yield self._entry(*opened, self._start(heading))
                opened = None
            if title:
                opened = heading, title
        if opened:
            yield self._entry(*opened, len(self.text))

    def _title(self, title: str) -> _Title | None:
        """Return what a title says as title_format states it, else behind the project's name, else in any other way."""
        stated = _title_as_stated(title, self._stated) if self._stated else None
        return stated or _version_behind(title, self._written, self.names) or _version_title(title, self.names)

    @cached_property
    def _written(self) -> tuple[str, ...]:
        """The names in which a digit stands, which could be taken for a version; longer ones first."""
        return tuple(sorted((name for name in self.written if _DIGIT.search(name)), key=len, reverse=True))

    @cached_property
    def _stated(self) -> re.Pattern[str] | None:
        """The pattern of what title_format states, where titles like that are not read as they are meant anyway."""
        line = next((line for line in self.title_format.splitlines() if "{version}" in line), "")
        if not line:
            return None
        filled = {"{name}": next(iter(self.written), ""), "{version}": "1.4.0", "{project_date}": "2026-02-03"}
        sample = self._plain(_filled(line, filled))
        read = _version_title(sample, self.names)
        dated = filled["{project_date}"] if "{project_date}" in line else None
        if read and (read.spelled.lstrip("vV"), read.date) == (filled["{version}"], dated):
            return None
        return _pattern(self._plain(_filled(line, _PLACES)), self.written)

    def _plain(self, line: str) -> str:
        """Return the line of a title without its markup."""
        return _plain_markdown(re.sub(r"^ {0,3}#{1,6}[ \t]+", "", line)) if self.markdown else _plain_rst(line)

    def _says_again(self, opened: tuple[Heading, _Title], heading: Heading, title: _Title) -> bool:
        """Return whether a heading repeats the one right above it (pipenv's template adds to what towncrier writes)."""
        above, said = opened
        same = title.version == said.version and heading.level == above.level
        return same and self.text[above.end : heading.start] == "\n"

    def of(self, version: Version) -> tuple[Entry, ...]:
        """Return the entries of a version; those that another package's name heads don't count beside our own.

        Reads no further than one entry beyond the last place that mentions the version at all: a changelog of ten
        megabytes is not parsed to its end for its newest entry.
        """
        entries = self._reader.until(_last_mention(self.text, version))
        same = [entry for entry in entries if entry.version == version]
        own = [entry for entry in same if _is_ours(entry.name, self.names)]
        return tuple(entry for entry in own or same if not self._is_page_title(entry, entries))

    def _is_page_title(self, entry: Entry, entries: Sequence[Entry]) -> bool:
        """Return whether the heading is the page's: "What's new in 4.0" above the marker, "4.0.1" and "4.0.0"."""
        others = [other for other in entries if other is not entry]
        if any(other.level <= entry.level for other in others):
            return False
        release = entry.version.release
        below = next((other for other in others if other.start > entry.start), None)
        if below and below.version.release[: len(release)] == release:
            return True
        return bool(self.marker) and self.marker in self.text[entry.body : entry.end]

    def at(self, offset: int) -> Entry | None:
        """Return the first entry that begins at an offset or after it."""
        return next((entry for entry in self._reader.until(offset) if entry.start >= offset), None)

    def body(self, entry: Entry) -> str:
        """Return the entry without its heading and without blank lines around it."""
        return re.sub(r"\A(?:[ \t]*\n)+", "", self.text[entry.body : entry.end]).rstrip()

    def whole(self, entry: Entry) -> str:
        """Return the entry with its heading (and an anchor before it), ending in one newline."""
        return self.text[entry.start : entry.end].strip() + "\n"

    def line(self, offset: int) -> int:
        """Return the number of the line, counted from 1, that holds the offset."""
        return self.text.count("\n", 0, offset) + 1

    def blanks_behind(self, entry: Entry) -> str:
        """Return the blank lines between an entry and what comes next; empty where nothing does."""
        text = self.text[entry.body : entry.end]
        return text[len(text.rstrip()) :] if entry.end < len(self.text) else ""

    def slot(self, version: Version, blanks: str) -> Slot:
        """Return where a version's entry goes in their order: above the first older one, or else below the last one.

        The first entry of all goes under the marker. Between two there is what is between those next to it; `blanks`
        where no two are there.
        """
        marker = find_marker(self.text, self.marker) if self.marker else None
        top = marker.end if marker else 0
        ours = [entry for entry in self.own_entries() if entry.start >= top]
        place = next((place for place, entry in enumerate(ours) if entry.version < version), len(ours))
        near = [ours[index] for index in (place - 1, place, place - 2) if 0 <= index < len(ours) - 1]
        blanks = next(filter(None, map(self.blanks_behind, near)), blanks)
        if place < len(ours):
            return Slot(ours[place].start, "", blanks)
        if ours:
            return Slot(len(self.text[: ours[-1].end].rstrip()), blanks, "")
        rest = self.text[top:].lstrip()
        return Slot(len(self.text) - len(rest), "", blanks) if rest else Slot(len(self.text.rstrip()), "\n\n", "")

    def own_entries(self) -> list[Entry]:
        """Return the project's own entries, without the page's title where a version is in that."""
        own = [entry for entry in self.entries if _is_ours(entry.name, self.names)] or list(self.entries)
        highest = min(own, key=lambda entry: entry.level, default=None)
        return [entry for entry in own if entry is not highest or not self._is_page_title(entry, own)]

    def _entry(self, heading: Heading, title: _Title, end: int) -> Entry:
        start = self._start(heading)
        version = title.version
        return Entry(
            version,
            title.spelled,
            title.name,
            title.date,
            heading.level,
            start,
            heading.start,
            heading.end,
            end,
        )

    def _start(self, heading: Heading) -> int:
        """Return where the heading's section begins: at the anchor above it, if there is one."""
        start = offset = heading.start
        while offset > 0:
            line_start = self.text.rfind("\n", 0, offset - 1) + 1
            line = self.text[line_start:offset].strip()
            if _ANCHOR.fullmatch(line):
                start = line_start
            elif line:
                break
            offset = line_start
        return start


_ANCHOR = re.compile(r"<a\s+(?:name|id)\s*=\s*[^>]*>(?:\s*</a>)?|\.\.\s+_[^:]+:|\.\.\s+_`[^`]+`:|\([\w.-]+\)=")

#: A version has three suffixes at the most (`rc1.post2.dev3`); any number of them could be told apart in too many ways.
_VERSION = (
    r"(?P<spelled>[vV]?(?P<version>(?:\d+!)?\d+(?:\.\d+)*"
    r"(?:[._-]?(?:alpha|beta|preview|pre|post|rev|dev|rc|a|b|c|r)[._-]?\d*){0,3}(?:\+[a-z0-9]+(?:[._-][a-z0-9]+)*)?))"
)
_TITLE = re.compile(
    rf"(?:(?P<name>\S.*?)(?:\s+|\s*[-–—:/]\s*))??\(?{_VERSION}\)?(?P<rest>(?:\.?[\s,:;(\[?–—-].*)?)",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
#: Every other way to write a date; a text and not a pattern, for compiling it costs more than most runs need.
_ANY_DATE = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
    r"|(?:\d{1,2}(?:st|nd|rd|th)?\s+)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?:\d{1,2}(?:st|nd|rd|th)?,?\s+)?\d{4}"
)
_REST = r"(?i)\s*(?:$|[,:;(\[?–—-]|/\s|unreleased|yanked|release\s+notes)"
_RELEASE_WORDS = {"version", "release", "v", "ver"}


#: What stands for the values of title_format while its markup is taken away: characters that nobody writes.
_PLACES = {"{name}": "\ue000", "{version}": "\ue001", "{project_date}": "\ue002"}
#: A code name, which is another one in every release.
_QUOTED = r'"[^"]*"|“[^”]*”|«[^»]*»'


def _filled(line: str, values: Mapping[str, str]) -> str:
    """Return the line of a title format with values in their places."""
    for place, value in values.items():
        line = line.replace(place, value)
    return line


def _pattern(title: str, names: Sequence[str]) -> re.Pattern[str]:
    """Return the pattern of a title with its values as `_PLACES` has them."""
    codes = (quoted for quoted in re.findall(_QUOTED, title) if not set(quoted) & set(_PLACES.values()))
    pattern = re.escape(title)
    for quoted in codes:
        pattern = pattern.replace(re.escape(quoted), f"(?:{_QUOTED})")
    name = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    for place, group, first in (
        (_PLACES["{name}"], "name", rf"(?P<name>{name})"),
        (_PLACES["{version}"], "spelled", _VERSION),
        (_PLACES["{project_date}"], "date", "(?P<date>.+?)"),
    ):
        pattern = pattern.replace(place, first, 1).replace(place, f"(?P={group})")
    return re.compile(pattern, re.IGNORECASE)


def _title_as_stated(title: str, pattern: re.Pattern[str]) -> _Title | None:
    """Return what a title says that is written as title_format states it."""
    match = pattern.fullmatch(title)
    said = match.groupdict() if match else {}
    version = parse(said["version"]) if said else None
    date = _date_in(said.get("date", ""))
    if version is None or ("date" in said and date is None):
        return None
    return _Title(said.get("name", ""), said["spelled"], version, date[0] if date else None)


def _version_behind(title: str, written: Sequence[str], names: Collection[str]) -> _Title | None:
    """Return what a title says behind one of the names, where it begins with that."""
    name = next((name for name in written if re.match(rf"{re.escape(name)}[\s:/–—-]", title, re.IGNORECASE)), None)
    said = _version_title(title[len(name) :].lstrip(" :/–—-"), names) if name else None
    return said._replace(name=title[: len(name)]) if name and said and not said.name else None


def _date_in(text: str) -> re.Match[str] | None:
    """Return where a date stands in a text."""
    return _ISO_DATE.search(text) or (re.search(_ANY_DATE, text, re.IGNORECASE) if _DIGIT.search(text) else None)


def _version_title(title: str, names: Collection[str]) -> _Title | None:
    """Return what a title says where it is a version's heading and not just a text with a number in it."""
    match = _TITLE.fullmatch(title) if _DIGIT.search(title) else None
    if not match:
        return None
    name, rest = match["name"] or "", match["rest"]
    date = _date_in(rest)
    dated = date is not None and not rest[: date.start()].strip(" .,:;([/-–—")
    last_word = normalized(name.split()[-1]) if name else ""
    if last_word in _RELEASE_WORDS:
        name = " ".join(name.split()[:-1])
    if not dated and not (_is_ours(name, names) and re.match(_REST, rest)):
        return None
    if "." not in match["version"] and not name and (not dated or rest.startswith(".")):
        return None  # "# 2" is an item of some list, and so is "# 2. May 2026"
    version = parse(match["version"])
    if version is None:
        return None
    return _Title(name, match["spelled"], version, date[0] if date else None)


def _is_ours(name: str, names: Collection[str]) -> bool:
    """Return whether the words before a version are none, the project's name, or end in it ("What's new in Demo")."""
    return not name or normalized(name) in names or normalized(name.split()[-1]) in names


#: A list item's marker and the blanks after it. Where several follow each other, blanks are of one of them only: a
#: pattern that may count them to either tries exponentially many ways.
MARKER = r"(?:[-*+]|\d{1,9}[.)])[ \t]+"
#: What a fence inside an item is indented by.
_ITEM = rf"[ \t]*{MARKER}"
_MARKDOWN_LINE = (
    # Lines of prose, and list items of prose, are most of a changelog: they are passed over at their first letters.
    rf"\n(?![A-Za-z(\[_]|[-*+] [A-Za-z(\[_\"])(?P<indent>[ \t]*(?:{MARKER})*)(?:"
    r"(?P<fence>`{3,}(?=[^`\n]*(?:\n|\Z))|~{3,})[^\n]*"
    r"|(?P<hashes>\#{1,6})(?:[ \t]+(?P<atx>[^\n]*))?(?=\n|\Z)"
    r"|(?P<underline>=+|-+)[ \t]*(?=\n|\Z)"
    r"|(?P<comment><!--)"
    r")"
)


class _Above(NamedTuple):
    """The end of the last code block or heading, and how deep the list item's text is indented that it is in, if any.

    Nothing further up needs to be looked at, which keeps the reading linear.
    """

    end: int
    item: int | None = None


def _markdown_headings(text: str) -> Iterator[Heading]:
    """Yield the headings of Markdown (CommonMark 0.31: ATX and one-line setext, outside of lists)."""
    # The pattern wants the newline before a line, and the first line has none.
    padded = "\n" + (text.replace(BOM, "\n", 1) if text.startswith(BOM) else text)
    line = re.compile(_MARKDOWN_LINE)
    offset, last = 0, _Above(0)
    while match := line.search(padded, offset):
        offset = match.end()
        indent = match["indent"]
        if match["fence"]:
            last = _after_fence(padded, match, last)
            offset = last.end
        elif len(indent.expandtabs(4)) > 3 or indent.strip():
            offset = match.start() + 1 + len(indent)
        elif match["comment"]:
            closed = padded.find("-->", match.end())
            offset = len(padded) if closed < 0 else closed
        elif heading := _markdown_heading(padded, match):
            width = _indent(padded[heading.start + 1 : match.end()])
            if _in_list_item(padded, heading.start, width, last):
                offset = max(offset, _end_of_item(padded, heading.start + 1, len(padded), width))
            else:
                last = _Above(offset)
                yield heading


def _markdown_heading(text: str, match: re.Match[str]) -> Heading | None:
    """Return the heading that a line of hashes is, or that an underline makes of the line above it."""
    if match["hashes"]:
        title = re.sub(r"(?:^|[ \t]+)#+[ \t]*$", "", match["atx"] or "")
        return Heading(_plain_markdown(title), len(match["hashes"]), match.start(), match.end() - 1)
    title = _setext_title(text, match.start())
    level = 1 if match["underline"].startswith("=") else 2
    start = text.rfind("\n", 0, match.start())
    return Heading(_plain_markdown(title), level, start, match.end() - 1) if title else None


def _after_fence(text: str, opening: re.Match[str], last: _Above) -> _Above:
    """Return where a code block ends: at its closing fence, or where the list item that it is in ends."""
    fence, indent = opening["fence"], opening["indent"]
    width = len(indent.expandtabs(4))
    inside_item = bool(indent.strip()) or _in_list_item(text, opening.start(), width, last)
    if width > 3 and not inside_item:
        return _Above(opening.end())  # an indented code block shows the fence as it is
    most = width + 3 if inside_item else 3
    closing = re.compile(rf"\n[ \t]{{0,{most}}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*(?=\n|\Z)")
    closed = closing.search(text, opening.end())
    end = closed.end() if closed else len(text)
    if not inside_item:
        return _Above(end)
    outside = _end_of_item(text, opening.end(), end, width)
    return _Above(outside if not closed or outside < closed.start() else end, width)


def _in_list_item(text: str, line_start: int, width: int, last: _Above) -> bool:
    """Return whether a line indented by `width` belongs to a list item: to one above whose text begins no deeper."""
    least, offset = width, line_start
    while least > 0 and offset > last.end:
        above = text.rfind("\n", 0, offset)
        line = text[above + 1 : offset].expandtabs(4)
        if line.strip() and _indent(line) < least:
            item = re.match(rf"{_ITEM}(?![-*+ \t]+$)", line)  # a bullet with only more of them is a rule
            if item and item.end() <= least:
                return True
            least = _indent(line)
        offset = above
    return last.item is not None and last.item <= least


def _end_of_item(text: str, start: int, end: int, width: int) -> int:
    """Return where the list item ends whose text is indented by `width`: at the next line that is indented less."""
    outside = re.compile(rf"\n[ \t]{{0,{max(width - 1, 0)}}}[^ \t\n]").search(text, start, end)
    return outside.start() if outside else end


def _indent(line: str) -> int:
    line = line.expandtabs(4)
    return len(line) - len(line.lstrip())


def _setext_title(text: str, line_end: int) -> str:
    """Return the one-line paragraph that ends where the underline begins, or an empty text where there is none."""
    line = text[text.rfind("\n", 0, line_end) + 1 : line_end]
    if not line.strip() or line.startswith(("    ", "\t")) or _is_no_paragraph(line):
        return ""
    first, offset = line, line_end - len(line) - 1
    while offset > 0:
        above = text[text.rfind("\n", 0, offset) + 1 : offset]
        if not above.strip() or re.match(r" {0,3}(?:#{1,6}(?:\s|$)|`{3}|~{3}|<)", above):
            break
        first, offset = above, offset - len(above) - 1
    return "" if _is_no_paragraph(first) else line.strip()


def _is_no_paragraph(line: str) -> bool:
    return re.match(rf" {{0,3}}(?:[#>|]|<!--|```|~~~|(?:=+|-+)\s*$)|{_ITEM}", line) is not None


def _plain_markdown(title: str) -> str:
    if title.isalpha():
        return title
    title = re.sub(r"\{[^{}]*\}\s*$", "", title)
    title = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", title)
    title = re.sub(r"!?\[([^\[\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\[\]]*\])?", r"\1", title)
    if "_" in title:  # within a word it is no emphasis, nor at the edge of a code span
        title = re.sub(r"(?<![\w`])__?(?=\S)|(?<=\S)__?(?![\w`])", "", title)
    return re.sub(r"[`*]|<[^>]*>", "", title).strip()


_RST_UNDERLINE = r"\n([!-/:-@\[-`{-~])\1+[ \t]*(?=\n|\Z)"


def _rst_headings(text: str) -> Iterator[Heading]:
    """Yield the section titles of reStructuredText; a title's level is the rank in which its style first appears."""
    styles: list[tuple[str, bool]] = []
    text_start = 1 if text.startswith(BOM) else 0
    last_end = 0
    for match in re.finditer(_RST_UNDERLINE, text):
        title_start = max(text.rfind("\n", 0, match.start()) + 1, text_start)
        title = text[title_start : match.start()]
        underline = match[0].strip()
        if not title.strip() or _is_adornment(title) or len(underline) < min(len(title.strip()), 4):
            continue
        above_start = max(text.rfind("\n", 0, title_start - 1) + 1, text_start) if title_start > text_start else 0
        above = text[above_start : title_start - 1].rstrip() if title_start > text_start else ""
        overlined = above == underline and above_start >= last_end  # or it is the underline of the title above
        if title[0].isspace() and not overlined:
            continue
        style = underline[0], overlined
        if style not in styles:
            styles.append(style)
        last_end = match.end()
        start = above_start if overlined else title_start
        yield Heading(_plain_rst(title), styles.index(style) + 1, start, match.end())


def _is_adornment(line: str) -> bool:
    line = line.rstrip()
    return len(line) > 1 and not line[0].isalnum() and line == line[0] * len(line)


def _plain_rst(title: str) -> str:
    title = re.sub(r"`([^`<]*?)\s*<[^`>]*>`__?", r"\1", title.strip())
    title = re.sub(r":[\w:+.-]+:`([^`]*)`", r"\1", title)
    return re.sub(r"`|\*\*?|_\b(?=\s|$)", "", title).strip()


class Marker(NamedTuple):
    """Where towncrier inserts: offsets of the marker's begin and end."""

    start: int
    end: int


def find_marker(text: str, start_string: str) -> Marker | None:
    """Return the first marker, in whichever line ending it is written, or None where there is none."""
    spellings = {start_string, start_string.replace("\n", "\r\n") if "\r" in text else start_string}
    places = [(text.find(spelling), len(spelling)) for spelling in spellings]
    found = [Marker(place, place + length) for place, length in places if place >= 0]
    return min(found, default=None)


def insert(text: str, start_string: str, content: str) -> str:
    """Return the changelog with an entry inserted at the marker, as `towncrier build` would.

    Line endings, a byte order mark and every byte of the older entries stay as they are (towncrier rewrites the
    first and spoils the second: measured with 26.9.0).
    """
    start = len(BOM) if text.startswith(BOM) else 0
    marker = find_marker(text, start_string)
    before = text[: marker.start].rstrip() + "\n\n" + start_string + "\n" if marker else text[:start]
    # Offsets rather than slices: a changelog can have ten megabytes, and each slice is a copy.
    after = _BLANKS.match(text, marker.end if marker else start)
    rest = after.end() if after else 0
    entry = content if rest < len(text) else content.rstrip() + "\n"
    newline = newline_of(text)
    if marker:
        kept = len(text[: marker.start].rstrip())
        return "".join((before[:kept], _with_newline(before[kept:] + entry, newline), text[rest:]))
    return "".join((before, _with_newline(entry, newline), text[rest:]))


_BLANKS = re.compile(r"\s*")


def insert_in_order(text: str, changelog: Changelog, version: Version, entry: str, blanks: str) -> str:
    """Return the changelog with a version's entry where it belongs; every byte beside it stays as it is.

    `changelog` is what `text` was parsed to; `blanks` come between two entries where it does not show what does.
    """
    newline = newline_of(text)
    if not text.strip(BOM).strip():
        return text + _with_newline(entry.strip() + "\n", newline)
    slot = changelog.slot(version, blanks)
    offset = offset_in(text, slot.offset)
    piece = f"{slot.before}{entry.strip()}{slot.behind}"
    return text[:offset] + _with_newline(piece, newline) + text[offset:]


def without(text: str, entry: Entry) -> str:
    """Return the changelog as it was before an entry was inserted at the marker, but for blanks around the marker.

    What stands below the entry without a heading of its own is part of it, as the parser has it, and goes with it.
    """
    head, tail = text[: offset_in(text, entry.start)], text[offset_in(text, entry.end) :]
    return head + tail.lstrip() if tail.strip() else head.rstrip() + newline_of(text)


def offset_in(text: str, offset: int) -> int:
    """Return where a place in a parsed changelog is in its text, whose lines may end with CR LF."""
    for match in re.finditer("\r\n", text):
        if match.start() >= offset:
            break
        offset += 1
    return offset


def same_text(one: str, other: str) -> bool:
    """Return whether two texts are equal but for blanks at line ends, and for how many blank lines are in one place.

    Templates of different times leave one blank line or two, and so do the tools that format a file.
    """
    return one == other or _visible(one) == _visible(other)


def differing_lines(old: str, new: str, name: str, other: str) -> list[str]:
    """Return the lines, as of a patch, in which two texts differ, under the names that they go by."""
    import difflib

    was, now = old.strip().splitlines(), new.strip().splitlines()
    return list(difflib.unified_diff(was, now, name, other, lineterm="", n=1))


def _visible(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return [line for place, line in enumerate(lines) if line or lines[place - 1]]


def newline_of(text: str) -> str:
    """Return the line ending that most lines of the text have."""
    crlf = text.count("\r\n") if "\r" in text else 0
    if not crlf:
        return "\n"
    return "\r\n" if crlf * 2 > text.count("\n") else "\n"


def _with_newline(text: str, newline: str) -> str:
    return text if newline == "\n" else re.sub(r"\r?\n", newline, text)
