"""A second run on our own result: it says so, and finishes what a killed run left open."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from tagready.commands.releases import proof
from tagready.commands.releases.ground import default_branch, remote_of
from tagready.commands.releases.refs import tag_and_push
from tagready.commands.releases.snapshot import Snapshot
from tagready.doors.git import Git
from tagready.facts import branches
from tagready.facts.findings import Finding, Refused, Report, finding
from tagready.facts.fragments import quoted
from tagready.facts.git_records import Change, PathStatus, Ref
from tagready.facts.prepared import Options, Prepared, branch_name
from tagready.facts.tags import Tags


def finish_own(snapshot: Snapshot, tags: Tags, version: Version, options: Options, refs: Sequence[Ref]) -> Prepared:
    """Return our own result, which HEAD is: judged again, and brought along where a killed run left that open."""
    git, head = snapshot.git, snapshot.commit
    parent = git.commit(head.parents[0])
    assert parent is not None
    command = f"prepare-release {version}"
    judged = proof.judge(snapshot, version, again=f"{command} --again", ask=command, skip=options.skip)
    report = proof.setting_aside(judged.report, judged.released)
    if options.tag:
        report = report.and_(_judge_branch(snapshot, refs))
    report = report.dropping(options.skip)
    if not report.ok:
        raise Refused(report=report)
    assert judged.entry is not None
    prepared = Prepared(
        project=snapshot.name,
        version=str(version),
        tag=tags.name(version),
        parent=parent.oid,
        commit=head.oid,
        branch=branch_name(options, version) or git.current_branch(),
        message=head.message,
        consumed=tuple(fragment.path for fragment in judged.released.fragments) if judged.released else (),
        changelog=judged.path,
        entry=judged.changelog.whole(judged.entry),
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


def unfinished_changes(git: Git, snapshot: Snapshot, changes: Sequence[Change]) -> list[Change]:
    """Return the changes that a killed run did not bring to index and working tree.

    A file is its old self or its new self, for each is replaced in one step; anything else is somebody's edit, and
    is refused rather than overwritten.
    """
    folders = {section.directory for section in snapshot.news.sections}
    outside = [change.path for change in changes if not snapshot.news.section_of(change.path)]
    paths = git.status([*outside, *folders]).paths
    tracked = {item.path: item for item in paths if not item.untracked}
    unfinished = [change for change in changes if change.path in tracked and _is_old(tracked[change.path], change)]
    untracked = {item.path for item in paths if item.untracked}
    untracked |= _unwatched(git, [change.path for change in unfinished])
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


def _unwatched(git: Git, paths: Sequence[str]) -> set[str]:
    """Return those of the files that are there, and that git does not look at."""
    return {path for path in (git.unwatched(paths) if paths else ()) if (git.top / path).is_file()}


def _is_old(item: PathStatus, change: Change) -> bool:
    """Return whether the index still has the old side of the change."""
    if item.staged == ".":
        return False
    return item.index_oid == change.old.oid if change.old else set(item.index_oid) == {"0"}


def _edited_meanwhile(path: str) -> Finding:
    return finding(
        "tree-dirty",
        f"{path} was edited after an earlier run had made its commit, and before it could bring the file along",
        f"copy your edit away, git restore --staged --worktree {quoted(path)}, and run it again",
        path,
    )
