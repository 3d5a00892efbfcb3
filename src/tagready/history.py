"""What commits did: which one brought an entry, which fragments it removed, and whether we made it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import NamedTuple

from packaging.version import Version

from tagready import fragments, versions
from tagready.fragments import Fragment
from tagready.git_records import Commit
from tagready.snapshot import Snapshot

_TRAILER = re.compile(r"^Towncrier: (?P<version>\S+)$", re.MULTILINE)
_RENEWS = re.compile(r"^Renews: [0-9a-f]{40,64}$", re.MULTILINE)
_EDITED = re.compile(r"^Entry-Edited: (?P<digest>[0-9a-f]{64})$", re.MULTILINE)


class Released(NamedTuple):
    """The commits that brought an entry and renewed it, newest first, and the fragments that they removed."""

    commits: tuple[Commit, ...]
    fragments: tuple[Fragment, ...]
    contents: Mapping[str, bytes]


def release_of(snapshot: Snapshot, path: str, version: Version) -> Released | None:
    """Return what brought the entry (the commit that has it, and whose first parent has not) and its renewals."""
    commits = []
    for line in snapshot.git.text("rev-list", snapshot.commit.oid, "--", path).split("\n"):
        commit = snapshot.git.commit(line)
        if commit is None or not has_entry(snapshot, commit, path, version):
            continue
        parent = snapshot.git.commit(commit.parents[0]) if commit.parents else None
        brought = parent is None or not has_entry(snapshot, parent, path, version)
        if brought or _RENEWS.search(commit.message):
            commits.append(commit)
        if brought:
            removed = [removed_by(snapshot, commit) for commit in reversed(commits)]
            fragments_ = {fragment.path: fragment for found, _ in removed for fragment in found}
            contents = {path: content for _, gone in removed for path, content in gone.items()}
            return Released(tuple(commits), tuple(fragments_.values()), contents)
    return None


def has_entry(snapshot: Snapshot, commit: Commit, path: str, version: Version) -> bool:
    """Return whether the changelog at a commit has an entry for the version."""
    content = snapshot.git.read(commit.tree, path)
    return content is not None and bool(snapshot.changelog(content.decode("utf-8", "replace")).of(version))


def removed_by(snapshot: Snapshot, commit: Commit) -> tuple[tuple[Fragment, ...], dict[str, bytes]]:
    """Return the fragments that a commit removed from its first parent's tree, and their contents."""
    git = snapshot.git
    parent = git.commit(commit.parents[0]) if commit.parents else None
    if parent is None:
        return (), {}
    gone: dict[str, bytes] = {}
    found = []
    for section in snapshot.news.sections:
        before, after = (
            git.listing(parent.tree, section.directory),
            git.listing(commit.tree, section.directory),
        )
        for name in sorted(before.keys() - after.keys()):
            fragment = fragments.read_name(snapshot.news, section, name)
            if fragment and not fragments.ignored_by_towncrier(snapshot.news, name):
                found.append(fragment)
                gone[fragment.path] = git.blob(before[name].oid)
    return tuple(found), gone


def changelog_path(snapshot: Snapshot, version: Version) -> str:
    """Return the path of the changelog that the version's release at this commit wrote."""
    news_ = snapshot.news
    if news_.single_file:
        return snapshot.git.resolve(snapshot.commit.tree, news_.changelog)
    # The name may hold the entry's date, which only the commit knows: the file that it wrote is the one.
    parent = snapshot.git.commit(snapshot.commit.parents[0]) if snapshot.commit.parents else None
    pattern = re.escape(news_.changelog_for("\0", "\1")).replace("\0", re.escape(str(version))).replace("\1", ".+")
    changes = snapshot.git.changes(parent.tree, snapshot.commit.tree) if parent else ()
    written = (change.path for change in changes if change.new and re.fullmatch(pattern, change.path))
    return next(written, news_.changelog_for(str(version), ""))


def own_version(snapshot: Snapshot) -> Version | None:
    """Return the version that the commit releases where we made it, else None."""
    if not _TRAILER.search(snapshot.commit.message) or not snapshot.news.single_file:
        return None
    changelog = snapshot.changelog(snapshot.text(changelog_path(snapshot, Version("0"))) or "")
    candidates = (entry.version for entry in changelog.entries[:3])
    return next((version for version in candidates if is_own(snapshot, version)), None)


def is_own(snapshot: Snapshot, version: Version) -> bool:
    """Return whether the commit is a release of that version which we made: our trailer, and the entry it brought."""
    head, git = snapshot.commit, snapshot.git
    if len(head.parents) != 1 or not _TRAILER.search(head.message):
        return False
    parent = git.commit(head.parents[0])
    path = changelog_path(snapshot, version)
    if parent is None or not has_entry(snapshot, head, path, version):
        return False
    brought = _RENEWS.search(head.message) or not has_entry(snapshot, parent, path, version)
    return bool(brought) and all(versions.parse(stated.version) == version for stated in snapshot.stated())


def recorded_towncrier(commit: Commit) -> str:
    """Return the towncrier that a release commit says it was rendered with, or an empty text."""
    match = _TRAILER.search(commit.message)
    return match["version"] if match else ""


def declares_edit(commit: Commit, entry: str) -> bool:
    """Return whether a release commit declares that just this entry was edited by hand."""
    return digest(entry) in {match["digest"] for match in _EDITED.finditer(commit.message)}


def digest(entry: str) -> str:
    """Return the SHA-256 by which a commit declares an edited entry."""
    return hashlib.sha256(entry.encode("utf-8", "surrogateescape")).hexdigest()
