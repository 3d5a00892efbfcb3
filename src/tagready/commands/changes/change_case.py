"""A change as its rules see it: the project before and after, the entries that were touched, the forward ports."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from tagready.commands.changes.change_set import ChangeSet
from tagready.commands.releases.history import changelog_path
from tagready.commands.releases.snapshot import NoProject, Snapshot
from tagready.facts import change_rules
from tagready.facts.change_rules import NEXT, Edits, WayBack, WrittenEntry
from tagready.facts.findings import Report, Skipped, WrongUse
from tagready.facts.fragments import quoted
from tagready.facts.git_records import TREE, Commit
from tagready.facts.versions import parse

if TYPE_CHECKING:
    from tagready.commands.verify import Verified


class Sides(NamedTuple):
    """The project after the change, before it, and at the base branch's tip.

    `old` is None where towncrier was not in use yet, or where the settings of then cannot be read: `unreadable` says
    why. `tip` is None where the base branch has not gone on.
    """

    new: Snapshot
    old: Snapshot | None
    tip: Snapshot | None
    unreadable: str = ""


class Port(NamedTuple):
    """An entry that a release tag has just so: what its release removed, and whether the tag is merged here.

    `removed` is None where a shallow clone does not tell.
    """

    entry: WrittenEntry
    tag: str
    removed: Mapping[str, bytes] | None
    merged: bool

    def says(self) -> str:
        """Return the sentence that tells of it."""
        return f"the entry for {self.entry.version} is the one that the tag {self.tag} has: a forward port"


class Reworded(NamedTuple):
    """A release but for its entry's words, which nobody has declared: what tells it from the fragments' own.

    `told` are the paths of the fragments that the entry was made from and still tells of, and `verified` is the tag
    gate's verdict.
    """

    version: Version
    difference: str
    told: frozenset[str]
    verified: Verified


class Case(NamedTuple):
    """Everything that a rule about a change may ask for.

    `taken_back` are the versions whose entry the change takes out as it may, each with the reason.
    """

    sides: Sides
    change: ChangeSet
    edits: Edits
    reworded: Reworded | None
    ports: tuple[Port, ...]
    taken_back: Mapping[Version, str] = MappingProxyType({})

    @property
    def new(self) -> Snapshot:
        """The project after the change."""
        return self.sides.new

    @property
    def touched(self) -> frozenset[str]:
        """The paths that the change added, changed or removed."""
        return frozenset(change.path for change in self.change.changes)

    @property
    def start(self) -> str:
        """The commit that the change started from, as a command takes it."""
        return "HEAD" if self.change.staged else self.change.base.oid[:10]

    @property
    def way_back(self) -> WayBack:
        """How what the change did is taken back."""
        old, new = self.sides.old, self.new
        declare = change_rules.DECLARE_STAGED if self.change.staged else change_rules.DECLARE
        changelogs = frozenset(path for _, path in changelog_files(old)) if old else frozenset()
        return WayBack(self.start, changelogs, _moved(old, new, self.start) if old else "", declare)

    def unreadable(self, rule: str) -> Report:
        """Return that a rule cannot be judged where the project's settings of before cannot be read."""
        return Report(skipped=(Skipped(rule, self.sides.unreadable),) if self.sides.unreadable else ())


def _moved(old: Snapshot, new: Snapshot, start: str) -> str:
    """Return the command that brings the changelog of before to where the settings have it now; empty if it is there.

    Somebody may have changed the settings only: then it waits to be moved.
    """
    was, here = (changelog_path(each, Version(NEXT)) for each in (old, new))
    if was == here or not old.news.single_file or not new.news.single_file:
        return ""
    if new.git.entry(new.commit.tree, here) is None and new.git.entry(new.commit.tree, was):
        return f"git mv {quoted(was)} {quoted(here)}"
    return f"git show {start}:{quoted(was)} > {quoted(here)}"


#: What a rule says: its findings, and the sentences on the ways through that were taken.
Said = tuple[Report, list[str]]


def sides_of(snapshot: Snapshot, change: ChangeSet) -> Sides:
    """Return the project after a change, before it, and at the base branch's tip."""
    old, unreadable = _before(snapshot, change.base)
    tip = None if change.tip.oid == change.base.oid else _before(snapshot, change.tip)[0]
    return Sides(snapshot, old, tip, unreadable)


def _before(snapshot: Snapshot, commit: Commit) -> tuple[Snapshot | None, str]:
    """Return the project at an older commit if it used towncrier then, or why that cannot be read."""
    try:
        found = snapshot.at(commit)
    except NoProject:
        return None, ""
    except WrongUse as wrong:
        return None, f"the settings at {commit.oid[:10]} cannot be read: {wrong.what}"
    return (found if found.sources.has_news else None), ""


def edits_of(sides: Sides) -> Edits:
    """Return what became of the changelog's entries; nothing is known of them before towncrier was in use."""
    if sides.old is None or _same_changelog(sides.old, sides.new):
        return Edits()
    return change_rules.entry_edits(entries(sides.old), entries(sides.new), entries(sides.tip) if sides.tip else ())


def _same_changelog(old: Snapshot, new: Snapshot) -> bool:
    """Return whether the changelog is the very same file; one of ten megabytes need not be parsed to see that."""
    paths = [changelog_path(each, Version(NEXT)) for each in (old, new)]
    before, after = (each.git.entry(each.commit.tree, path) for each, path in zip((old, new), paths, strict=True))
    return new.news.single_file and paths[0] == paths[1] and before is not None and before == after


def entries(snapshot: Snapshot) -> tuple[WrittenEntry, ...]:
    """Return every entry of the changelog; with `single_file = false`, each file is the entry of its version."""
    tree = snapshot.commit.tree
    if snapshot.news.single_file:
        path = changelog_path(snapshot, Version(NEXT))
        changelog = snapshot.changelog_at(tree, path)
        return tuple(
            WrittenEntry(entry.version, path, changelog.line(entry.heading), changelog.whole(entry))
            for entry in changelog.entries
        )
    return tuple(
        WrittenEntry(version, path, 1, snapshot.changelog_at(tree, path).text)
        for version, path in changelog_files(snapshot)
        if version is not None
    )


def changelog_files(snapshot: Snapshot) -> list[tuple[Version | None, str]]:
    """Return (version, path) of each version's own changelog; of the one that all share: no version, and its path."""
    if snapshot.news.single_file:
        return [(None, changelog_path(snapshot, Version(NEXT)))]
    shape = re.compile(snapshot.news.changelog_pattern())
    if not shape.groups:
        return []
    matches = [shape.fullmatch(path) for path in _shaped(snapshot, snapshot.news.changelog_parts(), "")]
    found = [(parse(match["version"]), match[0]) for match in matches if match]
    return [(version, path) for version, path in found if version is not None]


def _shaped(snapshot: Snapshot, parts: Sequence[str], folder: str) -> Iterator[str]:
    """Yield the files below a folder whose path is of some parts, each of them a pattern."""
    part, *deeper = parts
    for name, entry in sorted(snapshot.git.listing(snapshot.commit.tree, folder).items()):
        if re.fullmatch(part, name):
            path = posixpath.join(folder, name)
            if deeper and entry.mode == TREE:
                yield from _shaped(snapshot, deeper, path)
            elif not deeper and entry.mode != TREE:
                yield path
