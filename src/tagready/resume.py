"""A second run on our own result: it says so, and finishes what a killed run left open."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from packaging.version import Version

from tagready.candidate import text_at
from tagready.findings import Refused, Report
from tagready.git import Change, Git, PathStatus
from tagready.ground import remote_of
from tagready.history import changelog_path, is_own, removed_by
from tagready.preconditions import dirty
from tagready.prepared import Options, Prepared
from tagready.snapshot import Snapshot
from tagready.tag import tag_and_push
from tagready.tags import Tags


def finish_own(snapshot: Snapshot, tags: Tags, version: Version, options: Options) -> Prepared | None:
    """Return our own result where HEAD is it already, after finishing what a killed run left open; else None."""
    if options.branch is not None or not is_own(snapshot, version):
        return None
    git, head = snapshot.git, snapshot.commit
    parent = git.commit(head.parents[0])
    assert parent is not None
    changes = git.changes(parent.tree, head.tree)
    unfinished = unfinished_changes(git, snapshot, changes)
    status_branch = git.current_branch()
    path = changelog_path(snapshot, version)
    changelog = snapshot.changelog(text_at(git, head.tree, path))
    entries = changelog.of(version)
    removed, _ = removed_by(snapshot, head)
    prepared = Prepared(
        project=snapshot.name,
        version=str(version),
        previous=None,
        decided=None,
        tag=tags.name(version),
        parent=parent.oid,
        commit=head.oid,
        branch=status_branch,
        message=head.message,
        consumed=tuple(fragment.path for fragment in removed),
        types={},
        rewritten=tuple(change.path for change in changes if change.new and change.path != path),
        changelog=path,
        entry=changelog.whole(entries[0]) if entries else "",
        report=Report(),
        dry_run=options.dry_run,
        already=True,
    )
    if options.dry_run:
        return prepared
    git.check_locks(status_branch)
    if unfinished:
        git.bring_along(unfinished)
    return tag_and_push(git, prepared, snapshot, remote_of(snapshot), tags, options)


def unfinished_changes(git: Git, snapshot: Snapshot, changes: Sequence[Change]) -> list[Change]:
    """Return the changes that a killed run did not bring to index and working tree.

    A file is its old self or its new self, for each is replaced in one step; anything else is somebody's edit, and
    is refused rather than overwritten.
    """
    folders = {section.directory for section in snapshot.news.sections}
    outside = [change.path for change in changes if posixpath.dirname(change.path) not in folders]
    paths = git.status([*outside, *folders]).paths
    tracked = {item.path: item for item in paths if not item.untracked}
    unfinished = [change for change in changes if change.path in tracked and _is_old(tracked[change.path], change)]
    untracked = {item.path for item in paths if item.untracked}
    unsure = [change for change in unfinished if tracked[change.path].worktree == "M" or change.path in untracked]
    hashes = git.hash_files([change.path for change in unsure])
    edited = [
        change.path
        for change in unsure
        if hashes[change.path] not in {side.oid for side in (change.old, change.new) if side}
    ]
    if edited:
        raise Refused(*(dirty(path) for path in edited))
    return unfinished


def _is_old(item: PathStatus, change: Change) -> bool:
    """Return whether the index still has the old side of the change."""
    if item.index == ".":
        return False
    return item.index_oid == change.old.oid if change.old else set(item.index_oid) == {"0"}
