"""A second run on our own result: it says so, and finishes what a killed run left open."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path

from packaging.version import Version

from tagready import branches, gate
from tagready.changelog import Changelog
from tagready.findings import Finding, Refused, Report, Skipped, finding
from tagready.fragments import quoted
from tagready.git import Git
from tagready.git_records import Change, PathStatus, Ref
from tagready.ground import default_branch, remote_of
from tagready.history import Released, changelog_path, declares_edit, recorded_towncrier, release_of
from tagready.prepared import Options, Prepared, branch_name
from tagready.snapshot import FragmentData, Snapshot, take
from tagready.tag import tag_and_push
from tagready.tags import Tags


def finish_own(
    snapshot: Snapshot, tags: Tags, version: Version, options: Options, scratch: Path, refs: Sequence[Ref]
) -> Prepared:
    """Return our own result, which HEAD is: judged again, and brought along where a killed run left that open."""
    git, head = snapshot.git, snapshot.commit
    parent = git.commit(head.parents[0])
    assert parent is not None
    path = changelog_path(snapshot, version)
    released = release_of(snapshot, path, version)
    report = _judge(snapshot, version, released, scratch)
    if options.tag:
        report = report.and_(_judge_branch(snapshot, refs))
    report = report.dropping(options.skip)
    if not report.ok:
        raise Refused(report=report)
    changelog = snapshot.changelog(snapshot.text(path) or "")
    entries = changelog.of(version)
    prepared = Prepared(
        project=snapshot.name,
        version=str(version),
        tag=tags.name(version),
        parent=parent.oid,
        commit=head.oid,
        branch=branch_name(options, version) or git.current_branch(),
        message=head.message,
        consumed=tuple(fragment.path for fragment in released.fragments) if released else (),
        changelog=path,
        entry=changelog.whole(entries[0]),
        report=report,
        dry_run=options.dry_run,
        diff=git.diff(parent.oid, head.oid) if options.dry_run else None,
        already=True,
        tagged=_is_tagged(git, tags.name(version), head.oid),
        remote=remote_of(snapshot),
        on_current_branch=options.branch is None,
    )
    if options.dry_run:
        return prepared
    if options.branch is None:
        bring_own_along(snapshot)
    return tag_and_push(git, prepared, snapshot, tags, options)


def _is_tagged(git: Git, tag: str, commit: str) -> bool:
    tagged = git.commit(f"refs/tags/{tag}")
    return tagged is not None and tagged.oid == commit


def bring_own_along(snapshot: Snapshot) -> None:
    """Bring index and working tree to our own release commit, which a killed run may have left behind."""
    git, head = snapshot.git, snapshot.commit
    parent = git.commit(head.parents[0])
    assert parent is not None
    git.clean_stages()
    unfinished = unfinished_changes(git, snapshot, git.changes(parent.tree, head.tree))
    if unfinished:
        git.check_locks(git.current_branch())
        git.bring_along(unfinished)


def _judge(snapshot: Snapshot, version: Version, released: Released | None, scratch: Path) -> Report:
    """Return the gate's verdict on our own release commit: somebody may have amended or rebased it since."""
    head = snapshot.commit
    path = changelog_path(snapshot, version)
    changelog = snapshot.changelog(snapshot.text(path) or "")
    entries = changelog.of(version)
    before = take(snapshot.git, f"{head.oid}^")
    if released is None or len(entries) != 1:
        return gate.judge(_release(snapshot, version, changelog, Released((), (), {}), "", before, declared=True))
    entry = entries[0]
    data = FragmentData(released.contents, proven=False)
    rendering = before.render(data, scratch, entry.spelled, entry.date or "")
    text = changelog.whole(entry)
    recorded = recorded_towncrier(head)
    declared = declares_edit(head, text)
    skipped: tuple[Skipped, ...] = ()
    if not declared and recorded != rendering.towncrier and not gate.same_text(text, rendering.text):
        declared = True
        reason = f"it was rendered with towncrier {recorded}, and this is {rendering.towncrier}"
        skipped = (Skipped("entry-differs", f"{reason}; pip install towncrier=={recorded}, and run it again"),)
    release = _release(snapshot, version, changelog, released, rendering.text, before, declared=declared)
    return gate.judge(release).and_(Report(skipped=skipped))


def _judge_branch(snapshot: Snapshot, refs: Sequence[Ref]) -> Report:
    """Return whether the commit may be tagged where it is: on a release branch itself."""
    git, head = snapshot.git, snapshot.commit.oid
    return branches.judge(
        branches.Facts(
            current=git.current_branch(),
            head=head,
            refs=refs,
            remote=remote_of(snapshot),
            default=default_branch(""),
            patterns=snapshot.config.release_branches,
            contains=lambda tip: git.is_ancestor(tip, head),
            tagging=True,
        )
    )


def _release(
    snapshot: Snapshot,
    version: Version,
    changelog: Changelog,
    released: Released,
    rendering: str,
    before: Snapshot,
    *,
    declared: bool,
) -> gate.Release:
    path = changelog_path(snapshot, version)
    older = before.changelog(before.text(path) or "")
    return gate.Release(
        version=version,
        path=path,
        changelog=changelog,
        stated=snapshot.stated(),
        removed=released.fragments,
        texts=FragmentData(released.contents, proven=False).texts(),
        left_over=[fragment.path for fragment in snapshot.survey.fragments],
        rendering=rendering,
        declared_edit=declared,
        strict_entry=snapshot.config.strict_entry,
        time=snapshot.commit.committer_time,
        date_days=snapshot.config.date_days,
        older=tuple(entry.version for entry in older.entries),
    )


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
    unsure = [change for change in unfinished if tracked[change.path].unstaged == "M" or change.path in untracked]
    hashes = git.hash_files([change.path for change in unsure])
    edited = [
        change.path
        for change in unsure
        if hashes[change.path] not in {side.oid for side in (change.old, change.new) if side}
    ]
    if edited:
        raise Refused(*(_edited_meanwhile(path) for path in edited))
    return unfinished


def _is_old(item: PathStatus, change: Change) -> bool:
    """Return whether the index still has the old side of the change."""
    if item.staged == ".":
        return False
    return item.index_oid == change.old.oid if change.old else set(item.index_oid) == {"0"}


def _edited_meanwhile(path: str) -> Finding:
    return finding(
        "tree-dirty",
        f"{path} was edited after an earlier run had made the release commit, and before it could bring the file along",
        f"copy your edit away, git restore --staged --worktree {quoted(path)}, and run it again",
        path,
    )
