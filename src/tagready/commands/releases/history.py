"""What commits did: which one brought an entry, which fragments it removed, and whether we made it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from packaging.version import Version

from tagready.commands.releases.snapshot import Snapshot
from tagready.facts import fragments, versions
from tagready.facts.changelog import Changelog
from tagready.facts.findings import RULES, WorldFailed, WrongUse
from tagready.facts.fragments import Fragment
from tagready.facts.git_records import SYMLINK, Commit

# A squash by git indents the messages that it joins, trailers and all; forges may end lines with CR LF, and fold them.
_TRAILER = r"(?m)^[ \t]*Towncrier:\s+(?P<version>\S+)\s*$"
_RENEWS = r"(?m)^[ \t]*Renews:\s+[0-9a-f]{40,64}\s*$"
_EDITED = r"(?m)^[ \t]*Entry-Edited:\s+(?P<digest>[0-9a-f]{64})\s*$"
_SKIPPED = r"(?m)^[ \t]*Skipped-Rule:\s+(?P<rule>[a-z-]+)\s*$"


class CutOff(WorldFailed):
    """The history ends (a shallow clone) before the commit that brought an entry."""

    def __init__(self) -> None:
        super().__init__(
            "the history is cut off before the commit that brought the entry (a shallow clone)",
            "git fetch --unshallow --tags",
        )


class Removed(NamedTuple):
    """What a commit removed from the fragment directories: fragments, and files that towncrier passes over."""

    fragments: tuple[Fragment, ...]
    contents: Mapping[str, bytes]
    unread: Mapping[str, bytes]


class Released(NamedTuple):
    """How an entry came about: the commits that brought and renewed it, newest first, and what they removed.

    `before` is the project as the commit that brought the entry found it, and `trail` are all commits that changed the
    changelog since then, or renewed the entry, that one included. `removed_in` are the commits (object names) that
    removed the fragments, by path.
    """

    commits: tuple[Commit, ...]
    trail: tuple[Commit, ...]
    before: Snapshot
    fragments: tuple[Fragment, ...]
    contents: Mapping[str, bytes]
    unread: Mapping[str, bytes]
    removed_in: Mapping[str, str]

    @property
    def brought(self) -> Commit:
        """The commit that brought the entry."""
        return self.commits[-1]


def release_of(snapshot: Snapshot, path: str, version: Version) -> Released | None:
    """Return how the version's entry came into the changelog; None where there is none.

    The commit that brought it is the one that has it, and none of whose parents has. Raises CutOff where a shallow
    clone does not reach back to it.
    """
    trail = _trail(snapshot, path, version)
    if not trail:
        return None
    commits = (*(commit for commit in trail[:-1] if re.search(_RENEWS, commit.message)), trail[-1])
    before = [_before(snapshot, commit) for commit in reversed(commits)]
    removed = [removed_by(found, commit) for found, commit in zip(before, reversed(commits), strict=True)]
    return Released(
        commits=commits,
        trail=tuple(trail),
        before=before[0],
        fragments=tuple({found.path: found for each in removed for found in each.fragments}.values()),
        contents={path: content for each in removed for path, content in each.contents.items()},
        unread={path: content for each in removed for path, content in each.unread.items()},
        removed_in={
            path: commit.oid for each, commit in zip(removed, reversed(commits), strict=True) for path in each.contents
        },
    )


def consumed(snapshot: Snapshot, path: str, version: Version) -> dict[str, bytes]:
    """Return the fragments, with their contents, that the version's entry was made from; raises CutOff.

    Where the entry took the place of a candidate's (towncrier's own: only the title changes), the commit that brought
    it removed nothing, and the candidate's fragments are its own.
    """
    released = release_of(snapshot, path, version)
    if released is None:
        return {}
    before, after = (snapshot.changelog_at(each.tree, path) for each in (released.before.commit, released.brought))
    titles = {entry.version for entry in before.entries if entry.version.is_prerelease and entry.version < version}
    contents: dict[str, bytes] = {}
    for candidate in sorted(title for title in titles if title.base_version == version.base_version):
        if not after.of(candidate):
            contents |= consumed(released.before, path, candidate)
    return contents | dict(released.contents)


def _trail(snapshot: Snapshot, path: str, version: Version) -> list[Commit]:
    """Return the commits that changed the changelog while it had the entry, newest first; the last one brought it.

    A renewal may leave the changelog as it is: it declares what somebody had edited there before. At a merge it goes on
    with the side that has the entry, for that is the one that made it.
    """
    git, trail = snapshot.git, []

    def has_entry(commit: Commit) -> bool:
        return bool(snapshot.changelog_at(commit.tree, path).of(version))

    commit: Commit | None = snapshot.commit if has_entry(snapshot.commit) else None
    while commit is not None:
        parents = [git.commit(oid) for oid in commit.parents]
        older = next((parent for parent in parents if parent and has_entry(parent)), None)
        if older is None and None in parents:
            raise CutOff
        renews = len(parents) == 1 and re.search(_RENEWS, commit.message)
        if older is None or renews or git.entry(older.tree, path) != git.entry(commit.tree, path):
            trail.append(commit)
        commit = older
    return trail


def _before(snapshot: Snapshot, commit: Commit) -> Snapshot:
    """Return the project as a commit found it; as it is now where it was none before."""
    parent = snapshot.git.commit(commit.parents[0]) if commit.parents else None
    if parent is None:
        return snapshot
    try:
        return snapshot.at(parent)
    except WrongUse:
        return snapshot


def removed_by(before: Snapshot, commit: Commit) -> Removed:
    """Return what a commit removed from the fragment directories of its first parent."""
    git = before.git
    parent = git.commit(commit.parents[0]) if commit.parents else None
    found: dict[str, Fragment | None] = {}
    oids: dict[str, str] = {}
    links: list[str] = []
    for section in before.news.sections if parent else ():
        assert parent is not None
        old, new = git.listing(parent.tree, section.directory), git.listing(commit.tree, section.directory)
        for name in sorted(old.keys() - new.keys()):
            if old[name].kind != "blob" or fragments.ignored_by_towncrier(before.news, name):
                continue
            fragment = fragments.read_name(before.news, section, name)
            path = section.path(name)
            found[path], oids[path] = fragment, old[name].oid
            if old[name].mode == SYMLINK:
                links.append(path)
    contents = dict(zip(oids, git.blobs(list(oids.values())), strict=True))
    for path in links:
        contents[path] = git.read(parent.tree, path) or b"" if parent else b""
    return Removed(
        fragments=tuple(fragment for fragment in found.values() if fragment),
        contents={path: content for path, content in contents.items() if found[path]},
        unread={path: content for path, content in contents.items() if not found[path]},
    )


def changelog_path(snapshot: Snapshot, version: Version) -> str:
    """Return the path of the changelog that has, or would have, the version's entry at this commit."""
    news_ = snapshot.news
    if news_.single_file:
        return snapshot.git.resolve(snapshot.commit.tree, news_.changelog)
    # The name may hold the entry's date, which nobody but the tree can tell.
    folder, name = posixpath.split(news_.changelog_for(str(version), "\1"))
    pattern = re.compile(re.escape(name).replace("\1", ".+"))
    listing = snapshot.git.listing(snapshot.commit.tree, folder)
    written = sorted(name for name in listing if pattern.fullmatch(name))
    return posixpath.join(folder, written[-1]) if written else news_.changelog_for(str(version), "")


def made_by_us(message: str) -> bool:
    """Return whether a commit's message says that prepare-release made it."""
    return re.search(_TRAILER, message) is not None


def own_version(snapshot: Snapshot) -> Version | None:
    """Return the version that the commit releases where we made it, else None."""
    if not made_by_us(snapshot.commit.message):
        return None
    return next((version for version in _candidates(snapshot) if is_own(snapshot, version)), None)


def _candidates(snapshot: Snapshot) -> Iterator[Version]:
    """Yield the versions that the commit could be the release of: as headed, as stated, or as a file that is new."""
    git, head = snapshot.git, snapshot.commit
    if snapshot.news.single_file:
        yield from (entry.version for entry in committed_changelog(snapshot, Version("0")).entries[:3])
        return
    yield from filter(None, (versions.parse(stated.version) for stated in snapshot.stated()))
    parent = git.commit(head.parents[0]) if head.parents else None
    for change in git.changes(parent.tree, head.tree) if parent else ():
        if change.old is None:
            yield from (entry.version for entry in snapshot.changelog_at(head.tree, change.path).entries[:1])


def as_stated(snapshot: Snapshot, version: Version) -> Version:
    """Return the version as the tree spells it: 1.4 is 1.4.0, and two tags for one release are one too many.

    Where nothing states it, the entry that we made spells it as it was asked for then.
    """
    spelled = [stated.version for stated in snapshot.stated()]
    if not spelled and is_own(snapshot, version):
        spelled = [entry.spelled for entry in committed_changelog(snapshot, version).of(version)]
    return next((found for found in map(versions.parse, spelled) if found == version), version)


def committed_changelog(snapshot: Snapshot, version: Version) -> Changelog:
    """Return the changelog that has the version's entry, as committed; an empty one where there is none."""
    return snapshot.changelog_at(snapshot.commit.tree, changelog_path(snapshot, version))


def is_own(snapshot: Snapshot, version: Version) -> bool:
    """Return whether the commit is a release of that version which we made: our trailer, and the entry it brought."""
    head, git = snapshot.commit, snapshot.git
    if len(head.parents) != 1 or not made_by_us(head.message):
        return False
    parent = git.commit(head.parents[0])
    path = changelog_path(snapshot, version)
    if parent is None or not snapshot.changelog_at(head.tree, path).of(version):
        return False
    brought = re.search(_RENEWS, head.message) or not snapshot.changelog_at(parent.tree, path).of(version)
    return bool(brought) and all(versions.parse(stated.version) == version for stated in snapshot.stated())


def recorded_towncrier(released: Released) -> str:
    """Return the towncrier that the entry says it was rendered with, or an empty text."""
    matches = (re.search(_TRAILER, commit.message) for commit in released.commits)
    return next((match["version"] for match in matches if match), "")


def has_declared_edit(message: str) -> bool:
    """Return whether a commit's message declares that its entry was edited by hand."""
    return re.search(_EDITED, message) is not None


def is_typed(released: Released) -> bool:
    """Return whether somebody wrote the entry by hand: no fragment went with it, and no commit names a towncrier."""
    return not released.fragments and not recorded_towncrier(released)


def declares_edit(released: Released, entry: str) -> bool:
    """Return whether a commit on the way declares that just this entry was edited by hand."""
    declared = {match["digest"] for commit in released.trail for match in re.finditer(_EDITED, commit.message)}
    return digest(entry) in declared


def recorded_skips(released: Released) -> tuple[str, ...]:
    """Return the rules that were set aside when the release was prepared.

    Rules of policy only, as prepare-release records them: a message, which anybody can write, turns off no other.
    """
    found = {match["rule"] for commit in released.commits for match in re.finditer(_SKIPPED, commit.message)}
    return tuple(sorted(rule for rule in found if rule in RULES and RULES[rule].policy))


def digest(entry: str) -> str:
    """Return the SHA-256 by which a commit declares an edited entry."""
    from hashlib import sha256

    return sha256(entry.encode("utf-8", "surrogateescape")).hexdigest()
