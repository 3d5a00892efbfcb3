"""The tag gate: judges a release by the text of its tree. Pure; what it judges is looked up by others."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from packaging.version import Version

from tagready.facts.changelog import Changelog, Entry, differing_lines, same_text
from tagready.facts.findings import Finding, Level, Report, Skipped, finding
from tagready.facts.fragments import quoted
from tagready.facts.places import Stated
from tagready.facts.traces import Compiled, by_title, issue_in, says, shows, squeezed, traces
from tagready.facts.versions import parse


class Release(NamedTuple):
    """What the gate judges: a version, its changelog, and what its entry is held against.

    `compiled` is None where that could not be found out, and `unproven` says why. `left_over` are the fragments that
    are still there and `unread` the files that were removed though towncrier passes over them, with their texts;
    `times` are the commit's (seconds since the epoch), and `older` versions that the changelog had before, with their
    headings. `again` is the command that makes the release anew; `typed` says that somebody wrote the entry, which it
    cannot make anew. `had` are commits that had the removed fragments, by path.
    """

    version: Version
    path: str
    changelog: Changelog
    stated: Sequence[Stated]
    compiled: Compiled | None
    strict_entry: bool
    times: Sequence[float]
    date_days: int
    left_over: Mapping[str, str] = MappingProxyType({})
    unread: Mapping[str, str] = MappingProxyType({})
    older: Mapping[Version, str] = MappingProxyType({})
    unproven: str = ""
    again: str = ""
    typed: bool = False
    had: Mapping[str, str] = MappingProxyType({})


def judge(release: Release) -> Report:
    """Return every finding about the release, all at once."""
    entries = release.changelog.of(release.version)
    findings = [
        *_versions(release, entries),
        *_left_over(release, entries),
        *_unread(release, entries),
        *_presence(release, entries),
        *_swallowed(release),
    ]
    report = Report(tuple(findings))
    return report.and_(_content(release, entries[0])) if len(entries) == 1 else report


def _versions(release: Release, entries: Sequence[Entry]) -> list[Finding]:
    # Where no entry is there either, nobody has released it, and the number alone is of no help.
    unreleased = "" if entries or release.compiled else release.again.removesuffix(" --again")
    return [
        finding(
            "version-mismatch",
            f"{stated.place.path} states {stated.version}, but the release is {release.version}",
            unreleased or f"state {release.version} there, or release {stated.version}",
            stated.place.path,
            stated.line,
        )
        for stated in release.stated
        if parse(stated.version) != release.version
    ]


def _left_over(release: Release, entries: Sequence[Entry]) -> list[Finding]:
    shown = squeezed(release.changelog.whole(entries[0])) if len(entries) == 1 and release.left_over else ""
    said = {path: shows(shown, sign) for path, text in release.left_over.items() if (sign := squeezed(text))}
    return [_left(release, path, said.get(path, False)) for path in release.left_over]


def _left(release: Release, path: str, said: bool) -> Finding:
    if said:
        return finding(
            "fragments-left-over",
            f"{path} is in the entry, but it is still there too, so the next release would say it again",
            f"git rm {path}, commit that, and release the commit",
            path,
        )
    return finding(
        "fragments-left-over",
        f"{path} is still there, so its change is in the release but not in the entry",
        _compile_it(release) if release.typed else release.again,
        path,
    )


def _unread(release: Release, entries: Sequence[Entry]) -> list[Finding]:
    """Return a finding for each file that was removed unread, unless the changelog says it: by hand, or long since."""
    entry = release.changelog.whole(entries[0]) if len(entries) == 1 and release.unread else ""
    everything = squeezed(release.changelog.text) if release.unread else ""
    return [
        finding(
            "fragment-ignored",
            f"{path} was removed by this release, though towncrier passes over such a name: nobody ever read it",
            f"put its text into the entry for {release.version}, or bring it back under a name that towncrier reads",
            path,
        )
        for path, text in release.unread.items()
        if not says(entry, text, issue_in(path)) and not (text.strip() and squeezed(text) in everything)
    ]


def _presence(release: Release, entries: Sequence[Entry]) -> list[Finding]:
    version, path = release.version, release.path
    if not entries:
        what = f"{path} has no entry for {version}: no heading there names that version"
        untitled = "name the version in the entry's title (title_format, or the template), and commit"
        fix = untitled if release.compiled else release.again.removesuffix(" --again")
        return [finding("entry-missing", what, fix, path)]
    line = release.changelog.line(entries[-1].heading)
    if len(entries) > 1:
        lines = ", ".join(str(release.changelog.line(entry.heading)) for entry in entries)
        what = f"{path} has {len(entries)} entries for {version} (lines {lines})"
        return [finding("entry-duplicated", what, "join them into one and commit", path, line)]
    if not release.changelog.body(entries[0]):
        what = f"the entry for {version} in {path} says nothing"
        fix = "say what changed (in the fragments, or the template), and commit"
        return [finding("entry-empty", what, fix, path, line)]
    return []


def _swallowed(release: Release) -> list[Finding]:
    """Return a finding where older headings are in the text as before, but nobody reads them as headings any more."""
    gone = [
        version
        for version, heading in release.older.items()
        if heading in release.changelog.text and not release.changelog.of(version)
    ]
    if not gone:
        return []
    return [
        finding(
            "entry-swallows",
            f"with the entry for {release.version}, {release.path} shows no entry for {gone[0]} any more: "
            "a code fence or a comment does not end, or no blank line stands before the next heading",
            "close what the entry opens, or put a blank line before the next heading, and commit",
            release.path,
        )
    ]


def _content(release: Release, entry: Entry) -> Report:
    """Return what the entry's own text says against it."""
    report = Report(tuple(_date(release, entry)))
    if entry.date and _iso(entry.date) is None:
        report = report.and_(Report(skipped=(Skipped("date-implausible", f"{entry.date!r} is not an ISO date"),)))
    if release.compiled is None:
        skipped = (Skipped("entry-differs", release.unproven), Skipped("fragment-lost", release.unproven))
        return report.and_(Report(skipped=skipped if release.unproven else ()))
    return report.and_(_proof(release, release.compiled, entry))


def _proof(release: Release, compiled: Compiled, entry: Entry) -> Report:
    """Return what tells the entry from what its fragments compile to."""
    text = release.changelog.whole(entry)
    if is_proven(compiled, text):
        return Report()
    report = Report(tuple(_lost(release, path) for path in traces(compiled, text).lost))
    if compiled.declared_edit:
        return report
    if compiled.other_towncrier:
        return report.and_(Report(skipped=(Skipped("entry-differs", compiled.other_towncrier),)))
    return Report((_differs(release, compiled, entry, text),)).and_(report)


def _differs(release: Release, compiled: Compiled, entry: Entry, text: str) -> Finding:
    what = f"the entry for {release.version} is not what its fragments compile to{compiled.doubt}"
    if compiled.removed:
        what += ":\n" + "\n".join(difference(compiled.rendering, text))
    else:
        what = f"no fragment was removed with the entry for {release.version}, so it was typed, not compiled"
    return Finding(
        "entry-differs",
        what,
        _compile_it(release) if release.typed else f"{release.again} (--edit declares an edit)",
        release.path,
        release.changelog.line(entry.heading),
        Level.ERROR if release.strict_entry else Level.WARNING,
    )


def _compile_it(release: Release) -> str:
    """Return what to do about an entry that somebody wrote: nothing could make it anew."""
    made = f"write fragments of what it says (tagready add), take it out of {release.path}, and commit"
    return f"leave it, if it is published; else {made}, and prepare-release {release.version}"


def _lost(release: Release, path: str) -> Finding:
    back = f", or bring it back: git checkout {release.had[path]} -- {quoted(path)}" if path in release.had else ""
    return finding(
        "fragment-lost",
        f"{path} is removed by this release, but the entry shows neither its text nor its issue",
        f"put it into the entry for {release.version}{back}",
        path,
    )


def _date(release: Release, entry: Entry) -> list[Finding]:
    """Return a finding where the entry's date is far from its commit's: when that was written, and when committed."""
    day = _iso(entry.date or "")
    commits = [datetime.datetime.fromtimestamp(time, datetime.UTC).date() for time in release.times]
    if day is None or not commits or any(abs((day - committed).days) <= release.date_days for committed in commits):
        return []
    way = f"mend it in {release.path}, and commit" if release.typed else f"{release.again} --date {commits[-1]}"
    return [
        finding(
            "date-implausible",
            f"the entry for {release.version} is dated {day}, its commit {commits[-1]}",
            f"{way}, if the entry's date is wrong",
            release.path,
            release.changelog.line(entry.heading),
        )
    ]


def is_proven(compiled: Compiled, entry: str) -> bool:
    """Return whether the entry is what its fragments compile to.

    Bare towncrier keeps several fragments of one issue and type in the order in which the directory lists them (43 of
    1,022 real releases have such ties): there the order of lines says nothing.
    """
    if same_text(entry, compiled.rendering):
        return True
    keys = [(fragment.section, fragment.issue, fragment.type) for fragment in compiled.removed if fragment.issue]
    tied = len(set(keys)) < len(keys)
    return tied and _unordered(entry) == _unordered(compiled.rendering)


def _unordered(text: str) -> list[tuple[str, list[str]]]:
    """Return the titles of a text in order, each with the lines below it in none."""
    return [
        (title, sorted(line.rstrip() for line in below.splitlines() if line.strip())) for title, below in by_title(text)
    ]


def difference(rendered: str, entry: str) -> list[str]:
    """Return the lines, as of a patch, by which an entry differs from what its fragments compile to."""
    return differing_lines(rendered, entry, "as the fragments compile", "as the changelog has it")


def _iso(date: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(date)
    except ValueError:
        return None
