"""What commits did: which one brought an entry, which fragments it removed, and whether we made it."""

from __future__ import annotations

import datetime
import re

from packaging.version import Version

from tagready import fragments, versions
from tagready.fragments import Fragment
from tagready.git import Commit
from tagready.snapshot import Snapshot

_TRAILER = re.compile(r"^Towncrier: \S+$", re.MULTILINE)


def bringing_commit(snapshot: Snapshot, path: str, version: Version) -> Commit | None:
    """Return the commit that brought the version's entry into the changelog: it has it, its first parent has not."""
    git = snapshot.git
    for line in git.text("rev-list", snapshot.commit.oid, "--", path).split("\n"):
        commit = git.commit(line)
        if commit is None or not has_entry(snapshot, commit, path, version):
            continue
        parent = git.commit(commit.parents[0]) if commit.parents else None
        if parent is None or not has_entry(snapshot, parent, path, version):
            return commit
    return None


def has_entry(snapshot: Snapshot, commit: Commit, path: str, version: Version) -> bool:
    """Return whether the changelog at a commit has an entry for the version."""
    content = snapshot.git.read(commit.tree, path)
    return content is not None and bool(snapshot.changelog(content.decode("utf-8", "replace")).of(version))


def removed_by(snapshot: Snapshot, commit: Commit) -> tuple[tuple[Fragment, ...], dict[str, bytes]]:
    """Return the fragments that a commit, and those that it renews, removed, and their contents."""
    git = snapshot.git
    parent = git.commit(commit.parents[0])
    assert parent is not None
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
    date = datetime.datetime.fromtimestamp(snapshot.commit.committer_time, datetime.UTC).date().isoformat()
    return snapshot.git.resolve(snapshot.commit.tree, news_.changelog_for(str(version), date))


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
    renews = re.search(r"^Renews: ", head.message, re.MULTILINE)
    brought = bool(renews) or not has_entry(snapshot, parent, path, version)
    return brought and all(versions.parse(stated.version) == version for stated in snapshot.stated())
