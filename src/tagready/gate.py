"""The tag gate: judges a release by the text of its tree. Pure; what it judges is looked up by others."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from packaging.version import Version

from tagready.changelog import Changelog, Entry
from tagready.findings import Finding, Level, Report, Skipped, finding
from tagready.fragments import Fragment
from tagready.places import Stated
from tagready.versions import parse


class Release(NamedTuple):
    """What the gate judges: a version, its changelog, and the fragments that its commit removed.

    `rendering` is what these fragments compile to; `declared_edit` says that the commit declares a hand edit of
    just this entry. `time` is the commit's, in seconds since the epoch; `older` are the versions whose entries the
    parent's changelog has.
    """

    version: Version
    path: str
    changelog: Changelog
    stated: Sequence[Stated]
    removed: Sequence[Fragment]
    texts: Mapping[str, str]
    left_over: Sequence[str]
    rendering: str
    declared_edit: bool
    strict_entry: bool
    time: float
    date_days: int
    older: Sequence[Version] = ()


def judge(release: Release) -> Report:
    """Return every finding about the release, all at once."""
    entries = release.changelog.of(release.version)
    findings = [*_versions(release), *_left_over(release), *_presence(release, entries), *_swallowed(release)]
    skipped: list[Skipped] = []
    if len(entries) == 1:
        findings += _content(release, entries[0])
        if entries[0].date and _iso(entries[0].date) is None:
            skipped.append(Skipped("date-implausible", f"{entries[0].date!r} is not an ISO date"))
    return Report(tuple(findings), tuple(skipped))


def _versions(release: Release) -> list[Finding]:
    return [
        finding(
            "version-mismatch",
            f"{stated.place.path} states {stated.version}, but the release is {release.version}",
            f"state {release.version} there, or release {stated.version}",
            stated.place.path,
            stated.line,
        )
        for stated in release.stated
        if parse(stated.version) != release.version
    ]


def _left_over(release: Release) -> list[Finding]:
    return [
        finding(
            "fragments-left-over",
            f"{path} is still there, so its change is in the release but not in the entry",
            f"prepare-release {release.version} --again",
            path,
        )
        for path in release.left_over
    ]


def _presence(release: Release, entries: Sequence[Entry]) -> list[Finding]:
    if not entries:
        return [
            finding(
                "entry-missing",
                f"{release.path} has no entry for {release.version}: no heading there names that version",
                "name the version in the entry's title (title_format, or the template), and commit",
                release.path,
            )
        ]
    if len(entries) > 1:
        lines = ", ".join(str(release.changelog.line(entry.heading)) for entry in entries)
        return [
            finding(
                "entry-duplicated",
                f"{release.path} has {len(entries)} entries for {release.version} (lines {lines})",
                "join them into one and commit",
                release.path,
                release.changelog.line(entries[1].heading),
            )
        ]
    if not release.changelog.body(entries[0]):
        return [
            finding(
                "entry-empty",
                f"the entry for {release.version} in {release.path} says nothing",
                "say what changed (in the fragments, or the template), and commit",
                release.path,
                release.changelog.line(entries[0].heading),
            )
        ]
    return []


def _swallowed(release: Release) -> list[Finding]:
    present = {entry.version for entry in release.changelog.entries}
    gone = [version for version in release.older if version not in present]
    if not gone:
        return []
    some = ", ".join(map(str, gone[:3])) + (" and older ones" if len(gone) > 3 else "")
    return [
        finding(
            "entry-swallows",
            f"with the entry for {release.version}, {release.path} shows no entry for {some} any more: "
            "a code fence or a comment in it does not end",
            "end it where it begins, in the fragment or the edited entry (text after a closing fence keeps it whole)",
            release.path,
        )
    ]


def _content(release: Release, entry: Entry) -> list[Finding]:
    line = release.changelog.line(entry.heading)
    text = release.changelog.whole(entry)
    found = []
    if not same_text(text, release.rendering):
        if not release.declared_edit:
            level = Level.ERROR if release.strict_entry else Level.WARNING
            difference = "\n".join(_difference(release.rendering, text))
            found.append(
                Finding(
                    "entry-differs",
                    f"the entry for {release.version} is not what its fragments compile to:\n{difference}",
                    f"prepare-release {release.version} --again, or declare the edit: prepare-release --edit",
                    release.path,
                    line,
                    level,
                )
            )
        found += [
            finding(
                "fragment-lost",
                f"{path} is removed by this release, but the entry shows neither its text nor its issue",
                f"put it into the entry for {release.version}, or keep the fragment for the next release",
                path,
            )
            for path in lost(release.removed, release.texts, release.rendering, text)
        ]
    day = _iso(entry.date or "")
    committed = datetime.datetime.fromtimestamp(release.time, datetime.UTC).date()
    if day and abs((day - committed).days) > release.date_days:
        found.append(
            finding(
                "date-implausible",
                f"the entry for {release.version} is dated {day}, its commit {committed}",
                f"prepare-release {release.version} --date {committed}, if the entry's date is wrong",
                release.path,
                line,
            )
        )
    return found


def same_text(one: str, other: str) -> bool:
    """Return whether two texts are equal but for blanks at line ends and blank lines around them."""
    return [line.rstrip() for line in one.strip().splitlines()] == [
        line.rstrip() for line in other.strip().splitlines()
    ]


def _difference(rendered: str, entry: str) -> list[str]:
    import difflib

    one, other = rendered.strip().splitlines(), entry.strip().splitlines()
    return list(
        difflib.unified_diff(one, other, "as the fragments compile", "as the changelog has it", lineterm="", n=1)
    )


def lost(removed: Sequence[Fragment], texts: Mapping[str, str], rendering: str, entry: str) -> list[str]:
    """Return the fragments that a clean rendering shows, by text or by issue, and the entry does not."""
    clean, shown = _squeezed(rendering), _squeezed(entry)
    gone = []
    for fragment in removed:
        signs = [_squeezed(texts.get(fragment.path, ""))]
        if fragment.issue:
            signs.append(fragment.issue)
        seen = [sign for sign in signs if sign and _shows(clean, sign)]
        if seen and not any(_shows(shown, sign) for sign in seen):
            gone.append(fragment.path)
    return gone


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _shows(text: str, sign: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(sign)}(?!\w|\.\d)", text) is not None


def _iso(date: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(date)
    except ValueError:
        return None
