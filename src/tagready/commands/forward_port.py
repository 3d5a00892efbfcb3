"""forward-port: brings the entry of a maintenance release to the current branch, and removes its fragments there.

Made as a release is: a commit that no branch points to, one compare-and-swap of a ref, and index and files after that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tagready.commands.prepare import asked_branch
from tagready.commands.releases.asked import named
from tagready.commands.releases.candidate import new_tree
from tagready.commands.releases.forward_ground import (
    BRANCH,
    Source,
    Target,
    about_branch,
    judge,
    source_of,
    target_of,
    with_entry,
)
from tagready.commands.releases.refs import is_behind, no_remote, pull, push, pushed_as, status_of, way_on
from tagready.commands.releases.resume import bring_own_along
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.commands.releases.whereabouts import remote_of, scratch_folder
from tagready.doors.git import Git
from tagready.facts.findings import Finding, Refused, Report, Trouble, WorldFailed
from tagready.facts.git_records import Commit, Ref

_TRAILER = re.compile(r"^Forward-Port: (?P<tag>.+)$", re.MULTILINE)


class Options(NamedTuple):
    """What was asked for on the command line; `branch` is None (as configured), empty (its usual name) or a name."""

    tag: str
    dry_run: bool = False
    branch: str | None = None
    signoff: bool = False
    push: bool = False


class Ported(NamedTuple):
    """A forward port: the commit (None: the entry came here in another way), and how each part came about.

    `consumed` are the fragments that are removed here, `of` how many the release was made from.
    """

    project: str
    version: str
    tag: str
    commit: str | None
    parent: str | None
    branch: str
    message: str
    changelog: str
    line: int
    entry: str
    consumed: tuple[str, ...]
    of: int
    report: Report
    already: bool = False
    dry_run: bool = False
    diff: str | None = None
    remote: str | None = None
    pushed_to: str | None = None
    pushed_branch: str | None = None
    on_current_branch: bool = True

    def next_commands(self) -> list[tuple[str, str]]:
        """Return what comes next and what undoes it, as (word, command)."""
        if self.commit is None:
            return []
        command = f"tagready forward-port {self.tag}"
        if self.on_current_branch:
            push = [("next", f"{command} --push")] if self.remote else []
            undo = ("undo", f"git reset --keep {str(self.parent)[:10]}")
            return [] if self.pushed_to else [("look", "git show"), *push, undo]
        if self.pushed_to:
            return [("next", f"open a pull request from {self.branch}, and merge it")]
        way = f"{command} --branch {self.branch} --push" if self.remote else f"git merge {self.branch}"
        return [("look", f"git show {self.branch}"), ("next", way), ("undo", f"git branch -D {self.branch}")]


def forward_port(git: Git, options: Options, overlay: Path | None) -> Ported:
    """Return the forward port; raise Refused with every finding, and change nothing, where our rules say no."""
    snapshot = take(git, "HEAD", overlay)
    refs = git.refs()
    version, tag = named(snapshot, refs, options.tag)
    branch = asked_branch(options.branch, snapshot.config, BRANCH)
    branch = branch.replace("{version}", str(version)) if branch is not None else None
    branch = None if branch == git.current_branch() else branch
    options = options._replace(branch=branch, push=options.push or snapshot.config.push)
    try:
        if options.push and remote_of(snapshot) is None:
            raise no_remote()
        source = source_of(snapshot, refs, version, tag)
        if isinstance(source, Finding):
            status = status_of(snapshot, refs, [snapshot.news.changelog], remote_of(snapshot))
            raise Refused(*about_branch(git, status), source)
        return _forward_port(target_of(snapshot, refs, source), source, options, refs)
    except (Refused, Trouble) as problem:
        problem.about = {"project": snapshot.name, "version": str(version), "tag": tag}
        raise


def _forward_port(target: Target, source: Source, options: Options, refs: Sequence[Ref]) -> Ported:
    snapshot, branch = target.snapshot, options.branch or target.status.branch
    ported = Ported(
        project=snapshot.name,
        version=str(source.version),
        tag=source.tag,
        commit=None,
        parent=None,
        branch=branch,
        message="",
        changelog=target.path,
        line=0,
        entry=source.entry,
        consumed=target.same,
        of=len(source.consumed),
        report=Report(target.others),
        dry_run=options.dry_run,
        remote=remote_of(snapshot),
        on_current_branch=branch == target.status.branch,
    )
    if target.has(source):
        own = bool(branch) and ported.on_current_branch and _is_own(snapshot.commit, source)
        return _already(target, options, ported, refs, own=own)
    if made := _own_branch(target, source, options, refs):
        return _already(target_of(made, refs, source), options, ported, refs, own=True)
    text, found = with_entry(target, source), judge(target, source, options.branch, refs)
    if found or isinstance(text, Finding):
        raise Refused(*found, *([text] if isinstance(text, Finding) else []), *target.others)
    return _act(target, text, options, ported, refs)


def _own_branch(target: Target, source: Source, options: Options, refs: Sequence[Ref]) -> Snapshot | None:
    """Return the project on the branch of the forward port, here or as last fetched, where we made it of this HEAD."""
    remote = remote_of(target.snapshot)
    names = (f"refs/heads/{options.branch}", f"refs/remotes/{remote}/{options.branch}")
    tips = {ref.name: ref.oid for ref in refs}
    tip = next((tips[name] for name in names if options.branch is not None and name in tips), None)
    commit = target.snapshot.git.commit(tip) if tip else None
    if commit is None or commit.parents != (target.snapshot.commit.oid,) or not _is_own(commit, source):
        return None
    return target.snapshot.at(commit)


def _is_own(commit: Commit, source: Source) -> bool:
    return len(commit.parents) == 1 and source.tag in _TRAILER.findall(commit.message)


def _already(target: Target, options: Options, ported: Ported, refs: Sequence[Ref], *, own: bool) -> Ported:
    """Return that the entry is there; where a commit of ours has just brought it, finish what is left of that."""
    snapshot, head = target.snapshot, target.snapshot.commit
    ported = ported._replace(
        already=True,
        changelog=target.path,
        line=target.line,
        consumed=(),
        report=Report(target.kept()),
        diff="" if options.dry_run else None,
    )
    if not own:
        return ported
    parent = snapshot.git.commit(head.parents[0])
    assert parent is not None
    changes = snapshot.git.changes(parent.tree, head.tree)
    removed = tuple(change.path for change in changes if change.new is None)
    ported = ported._replace(commit=head.oid, parent=parent.oid, message=head.message, consumed=removed)
    if options.dry_run:
        return ported
    if options.branch is None:
        bring_own_along(snapshot)
    return _pushed(snapshot, refs, ported, options)


def _act(target: Target, text: str, options: Options, ported: Ported, refs: Sequence[Ref]) -> Ported:
    snapshot, git, head = target.snapshot, target.snapshot.git, target.snapshot.commit
    message = _message(git, ported, options)
    with scratch_folder() as scratch:
        tree = new_tree(snapshot, {target.path: text}, target.same, scratch)
    commit = git.write_commit(tree, head.oid, message)
    line = target._replace(changelog=snapshot.changelog(text)).line
    ported = ported._replace(commit=commit, parent=head.oid, message=message, line=line)
    if options.dry_run:
        return ported._replace(diff=git.diff(head.oid, commit))
    old = head.oid if options.branch is None else None
    if not git.move_ref(f"refs/heads/{ported.branch}", commit, old, f"tagready: forward-port {ported.version}"):
        raise WorldFailed(
            f"{ported.branch} was made or moved by somebody else meanwhile, so nothing was changed",
            f"look at it with git log {ported.branch}, and run tagready forward-port {ported.tag} again",
        )
    if options.branch is None:
        git.bring_along(git.changes(head.tree, tree))
    return _pushed(snapshot, refs, ported, options)


def _message(git: Git, ported: Ported, options: Options) -> str:
    body = f"The entry is that of {ported.tag}."
    if ported.consumed:
        body += " The fragments that it was made from are removed."
    trailers = [f"Forward-Port: {ported.tag}"]
    trailers += [f"Signed-off-by: {git.committer()}"] if options.signoff else []
    return "\n".join([f"Forward-port {ported.version}", "", body, "", *trailers, ""])


def _pushed(snapshot: Snapshot, refs: Sequence[Ref], ported: Ported, options: Options) -> Ported:
    git, remote = snapshot.git, ported.remote
    if not options.push or remote is None:
        return ported
    direct = options.branch is None
    target = pushed_as(snapshot, refs, ported.branch, remote) if direct else f"refs/heads/{ported.branch}"
    failed = push(git, remote, [f"{ported.commit}:{target}"], {target: str(ported.commit)})
    if failed is None:
        return ported._replace(pushed_to=remote, pushed_branch=target.removeprefix("refs/heads/"))
    look = f"look at it: git fetch {remote}; git log -p {remote}/{ported.branch}"
    behind = f"{pull(git, remote, target, rebase=True) if direct else look}, and run it again"
    raise WorldFailed(
        f"{failed.took}; the forward port stays here: {str(ported.commit)[:10]} on {ported.branch}",
        behind if is_behind(failed.failure) else way_on(remote, failed.failure),
        failed.failure.command,
        failed.failure.stderr,
    )
