"""A second run on our own result: it says so, and finishes what a killed run left open."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from tagready.commands.releases import proof
from tagready.commands.releases.history import as_stated
from tagready.commands.releases.preconditions import branch_findings
from tagready.commands.releases.refs import pushed_as, status_of, tag_and_push, tag_of
from tagready.commands.releases.snapshot import Snapshot
from tagready.commands.releases.whereabouts import default_branch, remote_of
from tagready.doors.git import Git
from tagready.facts import branches
from tagready.facts.findings import Finding, Refused, Report, finding
from tagready.facts.fragments import quoted
from tagready.facts.git_records import Change, PathStatus, Ref, RemoteAnswer
from tagready.facts.prepared import Options, Prepared, branch_name
from tagready.facts.tags import Tags


def finish_own(snapshot: Snapshot, tags: Tags, version: Version, options: Options, refs: Sequence[Ref]) -> Prepared:
    """Return our own result, which HEAD is: judged again, and brought along where a killed run left that open."""
    git, head, remote = snapshot.git, snapshot.commit, remote_of(snapshot)
    version, direct = as_stated(snapshot, version), options.branch is None
    branch, tag = branch_name(options, version) or git.current_branch(), tags.name(version)
    target = pushed_as(snapshot, refs, branch, remote) if direct and remote and branch else f"refs/heads/{branch}"
    asked = git.ask(remote, target, f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}")
    parent = git.commit(head.parents[0])
    assert parent is not None
    command = f"prepare-release {version}"
    judged = proof.judge(snapshot, version, again=f"{command} --again", ask=command, skip=options.skip)
    report = proof.setting_aside(judged.report, judged.released)
    facts = _branch_facts(snapshot, refs)
    if options.tag:
        report = report.and_(branches.judge(facts)).and_(_tag_elsewhere(asked.answer(), tag, head.oid, remote))
    if direct and (options.tag or options.push):
        report = report.and_(Report(tuple(_on_branch(snapshot, refs, judged.path))))
    report = report.dropping(options.skip)
    if not report.ok:
        raise Refused(report=report)
    assert judged.entry is not None
    prepared = Prepared(
        project=snapshot.name,
        version=str(version),
        tag=tag,
        parent=parent.oid,
        commit=head.oid,
        branch=branch,
        message=head.message,
        consumed=tuple(fragment.path for fragment in judged.released.fragments) if judged.released else (),
        changelog=judged.path,
        entry=judged.changelog.whole(judged.entry),
        report=report,
        dry_run=options.dry_run,
        diff=git.diff(parent.oid, head.oid) if options.dry_run else None,
        already=True,
        tagged=_is_tagged(git, tag, head.oid),
        remote=remote,
        branch_is_there=_is_there(git, asked.answer(), target, head.oid),
        tag_is_there=tag_of(asked.answer(), tag) == head.oid,
        on_current_branch=direct,
        for_review=direct and branches.is_topic(facts),
    )
    if options.dry_run:
        return prepared
    if direct:
        bring_own_along(snapshot)
    if options.tag and remote and prepared.tag_is_there and not prepared.tagged:
        # A second tag object beside the remote's could never be pushed.
        git.fetch(remote, f"refs/tags/{tag}:refs/tags/{tag}")
    return tag_and_push(snapshot, refs, prepared, tags, options)


def _on_branch(snapshot: Snapshot, refs: Sequence[Ref], changelog: str) -> list[Finding]:
    """Return what stands against tagging or pushing what the current branch has.

    That the remote's branch has the release, and commits after it, does not.
    """
    status = status_of(snapshot, refs, [changelog], remote_of(snapshot))
    return branch_findings(snapshot.git, status if status.ahead else status._replace(behind=0))


def _tag_elsewhere(answer: RemoteAnswer | str, tag: str, commit: str, remote: str | None) -> Report:
    """Return a finding where the remote has the tag on another commit."""
    there = tag_of(answer, tag)
    if there in (None, commit):
        return Report()
    what = f"the tag {tag} is on {remote} already, on {str(there)[:10]}, not on {commit[:10]}"
    fix = f"git fetch --tags {remote}, and name a version that is free"
    return Report((finding("tag-exists", what, fix),))


def _is_there(git: Git, answer: RemoteAnswer | str, branch: str, commit: str) -> bool:
    """Return whether the remote's branch has the commit; that it has newer ones is only known of what is here."""
    there = None if isinstance(answer, str) else answer.refs.get(branch)
    if there is None or there == commit:
        return there is not None
    return git.commit(there) is not None and git.is_ancestor(commit, there)


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


def _branch_facts(snapshot: Snapshot, refs: Sequence[Ref]) -> branches.Facts:
    """Return what is known of branches where the commit is to be tagged: on a release branch itself."""
    git, head = snapshot.git, snapshot.commit.oid
    return branches.Facts(
        current=git.current_branch(),
        head=head,
        refs=refs,
        remote=remote_of(snapshot),
        default=default_branch(""),
        patterns=snapshot.config.release_branches,
        contains=lambda tip: git.is_ancestor(tip, head),
        tagging=True,
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
