"""The proof: what the fragments that a release removed compile to, held against the entry as a commit has it."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from tagready.commands.releases.history import (
    CutOff,
    Released,
    changelog_path,
    committed_changelog,
    declares_edit,
    is_typed,
    recorded_skips,
    recorded_towncrier,
    release_of,
)
from tagready.commands.releases.snapshot import FragmentData, Snapshot
from tagready.commands.releases.whereabouts import scratch_folder
from tagready.doors.news import DidNotEnd, Rendering
from tagready.facts import fragments, gate
from tagready.facts.changelog import Changelog, Entry, same_text
from tagready.facts.findings import Report, Skipped, WorldFailed
from tagready.facts.traces import Compiled, traces

#: What needs the fragments to be rendered; where all of them are set aside, nothing is.
PROVEN_RULES = frozenset({"entry-differs", "fragment-lost"})


class Judged(NamedTuple):
    """A release as a commit has it, judged: its entry, how it came about, and what the gate says.

    `proof` is one word and a half on the entry's origin; `hidden` are the fragments that it hides on purpose.
    """

    report: Report
    path: str
    changelog: Changelog
    entry: Entry | None
    released: Released | None
    proof: str
    hidden: tuple[str, ...]


class _Compiled(NamedTuple):
    compiled: Compiled | None
    why_not: str
    towncrier: str = ""


def judge(snapshot: Snapshot, version: Version, *, again: str, ask: str, skip: Collection[str] = ()) -> Judged:
    """Return the gate's verdict on the version's release at a commit, with the proof of its entry.

    `again` is the command that makes the release anew, `ask` the one that asks for this verdict.
    """
    path, changelog = changelog_path(snapshot, version), committed_changelog(snapshot, version)
    entries = changelog.of(version)
    entry = entries[0] if len(entries) == 1 else None
    released, why_not = _released(snapshot, path, version) if entries else (None, "")
    compiled = _Compiled(None, why_not)
    if entry is not None and released is not None and not set(skip) >= PROVEN_RULES:
        compiled = _compile(released, entry, changelog.whole(entry), ask)
    brought = released.brought if released else snapshot.commit
    release = gate.Release(
        version=version,
        path=path,
        changelog=changelog,
        stated=snapshot.stated(),
        compiled=compiled.compiled,
        strict_entry=snapshot.config.strict_entry,
        times=(brought.author_time, brought.committer_time),
        date_days=snapshot.config.date_days,
        left_over=snapshot.fragment_data(snapshot.survey.fragments).texts(),
        unread=_unread_news(snapshot, released) if released else {},
        older=_older(snapshot, released, path, entry) if released and entry else {},
        unproven=compiled.why_not,
        again=again,
        typed=released is not None and is_typed(released),
        had={path: f"{oid[:10]}^" for path, oid in released.removed_in.items()} if released else {},
    )
    report = gate.judge(release)
    whole = changelog.whole(entry) if entry else ""
    hidden = traces(compiled.compiled, whole).hidden if compiled.compiled else ()
    return Judged(report, path, changelog, entry, released, _word(compiled, whole), hidden)


def edits(released: Released, entry: Entry, whole: str) -> list[str]:
    """Return what people changed in an entry, as lines of a patch; none where that cannot be told."""
    compiled = _compile(released, entry, whole, "").compiled
    if compiled is None or compiled.other_towncrier or gate.is_proven(compiled, whole):
        return []
    return gate.difference(compiled.rendering, whole)


def _released(snapshot: Snapshot, path: str, version: Version) -> tuple[Released | None, str]:
    try:
        return release_of(snapshot, path, version), ""
    except CutOff as cut:
        return None, f"{cut.what}: {cut.fix}"


def _compile(released: Released, entry: Entry, whole: str, ask: str) -> _Compiled:
    """Return what the removed fragments compile to, under the project's settings of just before."""
    data = FragmentData(released.contents, proven=False)
    try:
        with scratch_folder() as scratch:
            rendering = _render(released, data, entry, whole, scratch)
    except DidNotEnd:
        return _Compiled(None, "towncrier does not come to an end on the fragments of this release")
    except WorldFailed as failure:
        words = failure.stderr.strip().splitlines() or [failure.what]
        return _Compiled(None, f"this towncrier cannot render the fragments of this release ({words[-1]})")
    recorded, doubt, other = recorded_towncrier(released), "", ""
    if not recorded:
        doubt = f" (by towncrier {rendering.towncrier}; no commit says which one made it, so it may have been another)"
    elif recorded != rendering.towncrier:
        other = (
            f"it was compiled with towncrier {recorded}, and this is {rendering.towncrier}: "
            f"pip install towncrier=={recorded} && {ask}"
        )
    compiled = Compiled(
        removed=released.fragments,
        texts=data.texts(),
        rendering=rendering.text,
        declared_edit=declares_edit(released, whole),
        doubt=doubt,
        other_towncrier=other,
    )
    return _Compiled(compiled, "", rendering.towncrier)


def _render(released: Released, data: FragmentData, entry: Entry, whole: str, scratch: Path) -> Rendering:
    """Return the rendering with the values that the entry shows: the project's name as it spells it, version and date.

    A `v` before the version may be the settings' (pdm), or typed with the version (setuptools). towncrier's default for
    the name changed in 25.8. A template may have put the date below the title (pylint).
    """
    before = released.before.named(entry.name)
    date = entry.date or _date_below_title(whole)
    plain = entry.spelled.lstrip("vV")
    rendering = before.render(data, scratch, plain, date)
    if entry.spelled == plain or same_text(whole, rendering.text):
        return rendering
    other = before.render(data, scratch, entry.spelled, date)
    return other if same_text(whole, other.text) else rendering


def _date_below_title(whole: str) -> str:
    match = re.search(r"\b\d{4}-\d\d-\d\d\b", "\n".join(whole.split("\n")[:6]))
    return match[0] if match else ""


def _word(compiled: _Compiled, whole: str) -> str:
    if compiled.compiled is None:
        return ""
    count = len(compiled.compiled.removed)
    what = f"{count} fragment{'s' if count != 1 else ''}"
    if gate.is_proven(compiled.compiled, whole):
        return f"{what} compile{'s' if count == 1 else ''} to just this entry (towncrier {compiled.towncrier})"
    return f"edited by hand, and declared so; made from {what}" if compiled.compiled.declared_edit else ""


def _unread_news(snapshot: Snapshot, released: Released) -> dict[str, str]:
    """Return the files that the release removed unread, and that were meant as news as far as one knows."""
    return {
        path: content.decode("utf-8", "replace")
        for path, content in released.unread.items()
        if fragments.meant_as_news(path, snapshot.config.extra_files)
    }


def _older(snapshot: Snapshot, released: Released, path: str, entry: Entry) -> dict[Version, str]:
    """Return the version that the changelog had in the entry's place before, with its heading.

    Whatever is left open in an entry swallows the heading after it first.
    """
    before = snapshot.changelog_at(released.before.commit.tree, path)
    older = before.at(entry.start)
    if older is None or older.version == entry.version:
        return {}
    return {older.version: before.text[older.heading : older.body].strip()}


def setting_aside(report: Report, released: Released | None) -> Report:
    """Return the report without the findings that were set aside, and recorded, when the release was prepared."""
    if released is None:
        return report
    found = {finding.rule for finding in report.findings}
    rules = [rule for rule in recorded_skips(released) if rule in found]
    reason = f"set aside when the release was prepared (Skipped-Rule in {released.brought.oid[:10]})"
    return report.dropping(rules).and_(Report(skipped=tuple(Skipped(rule, reason) for rule in rules)))
