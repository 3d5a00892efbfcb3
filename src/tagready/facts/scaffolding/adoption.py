"""What init changes in files that a project has already: a marker, a table of settings, a paragraph. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tagready.facts.changelog import BOM, Changelog, find_marker, newline_of, offset_in

if TYPE_CHECKING:
    from tagready.facts.changelog import Entry, Heading

#: What a bump word makes of the categories of keepachangelog.com, where they are not known by name already.
KEEP_A_CHANGELOG_BUMPS = {"removed": "major", "changed": "minor", "deprecated": "minor"}


def with_marker(text: str, changelog: Changelog) -> str | None:
    """Return a changelog with its marker above the newest entry, or below all where there is none; None if it has one.

    A section for what is not released yet stays above the marker: new entries go between it and the released ones.
    """
    newline = newline_of(text)
    if find_marker(text, changelog.marker) is not None:
        return None
    if find_marker(text + newline, changelog.marker) is not None:
        return text + newline
    marker = changelog.marker.rstrip("\n").replace("\n", newline)
    entries = _parsed(text, changelog).entries
    place = offset_in(text, entries[0].start) if entries else len(text)
    head, tail = text[:place], text[place:]
    below = newline * 2 if tail else newline
    return f"{head}{_up_to_a_blank_line(head, newline)}{marker}{below}{tail}"


def _up_to_a_blank_line(text: str, newline: str) -> str:
    """Return what is to follow a text so that there is a blank line below it; nothing below an empty one."""
    above = text.removeprefix(BOM).replace("\r\n", "\n")
    if not above or above.endswith("\n\n") or above.isspace():
        return "" if above[-1:] in ("", "\n") else newline
    return newline if above.endswith("\n") else newline * 2


def _parsed(text: str, like: Changelog) -> Changelog:
    return replace(like, text=text.replace("\r\n", "\n"))


def title_format_of(changelog: Changelog) -> str | None:
    """Return the title_format by which towncrier writes headings like the newest entry's; None where none can be read.

    In Markdown the format holds the signs of the heading, in reStructuredText only its words. Links, anchors and what
    else surrounds the words are left out, for towncrier has nothing to make them of.
    """
    for entry in changelog.entries:
        heading = next(each for each in changelog.headings if each.start == entry.heading)
        found = _as_format(heading.title, entry)
        if found and changelog.markdown:
            return f"{'#' * entry.level} {_bracketed(found, changelog, entry)}"
        if found:
            return found
    return None


def _as_format(title: str, entry: Entry) -> str | None:
    if "{" in title or "}" in title or title.count(entry.spelled) != 1:
        return None
    version = entry.spelled.lstrip("vV")
    found = title.replace(entry.spelled, entry.spelled.replace(version, "{version}"))
    if entry.date is None:
        return found
    return found.replace(entry.date, "{project_date}") if found.count(entry.date) == 1 else None


def _bracketed(found: str, changelog: Changelog, entry: Entry) -> str:
    """Return the format with the brackets of keepachangelog.com, `## [1.0.0] - 2017-06-20`, which are no words."""
    line = changelog.text[entry.heading : entry.body].split("\n", 1)[0]
    brackets = re.search(rf"\[{re.escape(entry.spelled)}\](?![(\[])", line)
    return re.sub(r"[vV]?\{version\}", r"[\g<0>]", found) if brackets else found


#: The letters that underlines are made of where the changelog does not say, as towncrier's own settings begin.
_UNDERLINES = "=-~^"


def underlines_of(changelog: Changelog) -> tuple[str, ...]:
    """Return towncrier's `underlines` for headings at the depth of the newest entry's, and two below it.

    Empty where there is no entry to go by, and in Markdown.
    """
    if changelog.markdown or not changelog.entries:
        return ()
    styles = {heading.level: changelog.text[heading.start : heading.end].rstrip()[-1] for heading in changelog.headings}
    level = changelog.entries[0].level
    found: list[str] = []
    for depth in range(level, level + 3):
        taken = {*found, *(style for above, style in styles.items() if above != depth)}
        free = next(letter for letter in (*_UNDERLINES, *"\"'+*#:.") if letter not in taken)
        found.append(styles[depth] if styles.get(depth, "") not in ("", *found) else free)
    return tuple(found)


def has_overlines(changelog: Changelog) -> bool:
    """Return whether the newest entry's heading has a line above it, too, which towncrier writes none of."""
    if changelog.markdown or not changelog.entries:
        return False
    entry = changelog.entries[0]
    first, *rest = changelog.text[entry.heading : entry.body].strip("\n").split("\n")
    return first.rstrip() in [line.rstrip() for line in rest]


def is_kept_as_keepachangelog(text: str) -> bool:
    """Return whether a changelog follows keepachangelog.com: it says so, or has its categories and a place for more."""
    if "keepachangelog.com" in text.lower():
        return True
    return bool(re.search(r"^## \[?Unreleased\b", text, re.IGNORECASE | re.MULTILINE)) and bool(
        re.search(r"^### (?:Added|Changed|Fixed|Removed|Deprecated|Security)\b", text, re.MULTILINE)
    )


#: What people say of changes that are in no release yet, in a heading or right below it.
_UNRELEASED = re.compile(r"\bunreleased\b|\bnot (?:yet )?released\b", re.IGNORECASE)
_LABEL = re.compile(r"\W*(?:release date: *)?(?:unreleased|not (?:yet )?released)\W*", re.IGNORECASE)
#: Lines that say nothing of a change, and a link's address.
_NO_NEWS = re.compile(
    r"\W*(?:no (?:unreleased |notable |significant )?changes(?: yet)?|nothing(?: yet| here)?|none|tbd)?\W*"
    rf"|{_LABEL.pattern}|\[[^\]]+\]: .*",
    re.IGNORECASE,
)


def unreleased_lines(changelog: Changelog) -> Sequence[int]:
    """Return the lines (counted from 1) of what a changelog says of changes that are in no release yet.

    Without headings, comments, anchors and the like. Such a section has a heading that says so, above the newest
    release; or it has a version already (Click's have), and "Unreleased" in the line below.
    """
    headings = changelog.headings
    heading = _unreleased_heading(changelog)
    if heading is None:
        return ()
    ends = [each.start for each in headings if each.start > heading.start and each.level <= heading.level]
    marker = find_marker(changelog.text, changelog.marker)
    ends += [marker.start] if marker and marker.start > heading.start else []
    end = min(ends, default=len(changelog.text))
    text = _without_comments(changelog.text[:end], markdown=changelog.markdown)
    for each in [each for each in headings if each.start < end]:
        text = text[: each.start] + _blank(text[each.start : each.end]) + text[each.end :]
    first = changelog.line(heading.start)
    lines = enumerate(text.split("\n")[first - 1 :], start=first)
    return [number for number, line in lines if not _NO_NEWS.fullmatch(line)]


def _unreleased_heading(changelog: Changelog) -> Heading | None:
    newest = next(iter(changelog.entries), None)
    last = newest.heading if newest else len(changelog.text)
    above = [each for each in changelog.headings if each.start <= last]
    found = next((each for each in above if _UNRELEASED.search(each.title)), None)
    if found is None and newest and _LABEL.fullmatch(changelog.body(newest).split("\n", 1)[0]):
        return above[-1]
    return found


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _without_comments(text: str, *, markdown: bool) -> str:
    """Return a changelog whose comments (in reStructuredText, anchors as well) are blank."""
    comment = r"(?s)<!--.*?(?:-->|\Z)" if markdown else r"(?m)^\.\.(?: (?!.*::).*)?$(?:\n[ \t]+.*$)*"
    return re.sub(comment, lambda match: _blank(match[0]), text)


class Settings(NamedTuple):
    """The keys that init writes for a project that has none of ours; `branch` is that of a release."""

    pull_requests: bool
    bump_rules: Mapping[str, str]
    tag_format: str | None = None
    branch: str | None = None

    def as_table(self) -> dict[str, Any]:
        """Return the keys with their values, in the order in which they are written."""
        flow = {"flow": "pull-request"} if self.pull_requests else {}
        tags = {"tag-format": self.tag_format} if self.tag_format else {}
        bumps = {"bump-rules": dict(self.bump_rules)} if self.bump_rules else {}
        branch = {"branch": self.branch} if self.branch else {}
        return {**flow, "strict-entry": True, **tags, **branch, **bumps}


def with_settings(pyproject: str, settings: Settings) -> str | None:
    """Return a pyproject.toml with `[tool.tagready]` at its end; every other byte stays.

    None where that would be no TOML: `tool` can be written as an inline table, which nothing may be added to.
    """
    after = with_text(pyproject, settings_text(settings, "tool.tagready"))
    try:
        tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        return None
    return after


def with_text(text: str, more: str) -> str:
    """Return a file with more at its end, below a blank line and in the file's own line ending."""
    newline = newline_of(text)
    return f"{text}{_up_to_a_blank_line(text, newline)}{more.replace(chr(10), newline)}"


def settings_text(settings: Settings, prefix: str = "") -> str:
    """Return the keys as TOML, in a table of that name, or at the top of a file of their own."""
    import tomlkit

    document = tomlkit.document()
    table: Any = document
    for name in prefix.split(".") if prefix else ():
        inner = tomlkit.table(is_super_table=name == "tool")
        table[name] = inner
        table = inner
    for key, value in settings.as_table().items():
        table[key] = value
    return tomlkit.dumps(document)


def with_paragraph(text: str, paragraph: str, *, markdown: bool) -> str:
    """Return a CONTRIBUTING with a paragraph at its end, under a heading of the kind that its sections have."""
    headings = Changelog(text.replace("\r\n", "\n"), markdown).headings
    top = [heading for heading in headings if heading.level == 1]
    below = [heading for heading in headings if heading.level == 2]
    like = below[0] if below else top[-1] if len(top) > 1 else None
    if like is not None:
        paragraph = _under_a_heading_like(like, text.replace("\r\n", "\n"), paragraph, markdown=markdown)
    return with_text(text, paragraph)


def _under_a_heading_like(like: Heading, text: str, paragraph: str, *, markdown: bool) -> str:
    """Return a paragraph with its heading changed into one at that depth; a style of its own may be out of order."""
    if markdown:
        return re.sub(r"^#+", "#" * like.level, paragraph)
    title, _, rest = paragraph.split("\n", 2)
    lines = text[like.start : like.end].strip("\n").split("\n")
    line = lines[-1].strip()[0] * len(title)
    above = f"{line}\n" if len(lines) > 2 else ""
    return f"{above}{title}\n{line}\n{rest}"


def speaks_of_fragments(text: str, directory: str) -> bool:
    """Return whether a CONTRIBUTING says already where news goes."""
    named = re.search(rf"(?<![\w-]){re.escape(directory)}(?:/|`)", text)  # "changes" alone is a word like any other
    return named is not None or "towncrier" in text.lower() or "news fragment" in text.lower()
