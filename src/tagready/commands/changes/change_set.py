"""Which commits and trees a change is about: a pull request's, from the base branch to HEAD, or what is staged."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from tagready.commands.releases.snapshot import Snapshot
from tagready.commands.releases.whereabouts import branch_facts, github_event, remote_of
from tagready.doors.git import Git
from tagready.facts import branches
from tagready.facts.change_rules import PullRequestEvent, read_event
from tagready.facts.findings import WorldFailed, WrongUse
from tagready.facts.git_records import Change, Commit, LoggedCommit, Ref
from tagready.facts.tags import is_ref_name, read_tags


class ChangeSet(NamedTuple):
    """What is judged: the difference between two commits, and the commits that make it, newest first.

    `result` is the commit whose tree is judged. In a GitHub run it is the merge that GitHub made for the pull request,
    and `head` is the pull request's own last commit; elsewhere both are HEAD. `tip` is where the base branch stands
    now, and `against` how it is called.

    Of what is staged, the commits are those of the branch so far, and `fork` is where it left the base branch: what is
    not there is the branch's own. Both are only looked up where a rule may ask for them.
    """

    base: Commit
    tip: Commit
    head: Commit
    result: Commit
    commits: tuple[LoggedCommit, ...]
    changes: tuple[Change, ...]
    against: str
    event: PullRequestEvent
    queued: bool = False
    staged: bool = False
    fork: Commit | None = None


class Base(NamedTuple):
    """A commit to compare with: how it is called, and the command that fetches it."""

    commit: Commit | None
    name: str
    fetch: str


def change_set(snapshot: Snapshot, refs: Sequence[Ref], since: str | None) -> ChangeSet:
    """Return what there is to judge; raise WrongUse or WorldFailed, with the command to fetch, where it is not here."""
    event = read_event(github_event())
    merge = _merge_of_pull_request(snapshot, event) if since is None else None
    if merge is not None:
        return merge
    queue = _queue_base() if since is None else None
    if queue:
        base = Base(snapshot.git.commit(queue), queue[:10], _fetch(snapshot.git, remote_of(snapshot), ""))
    elif since is not None:
        base = named_base(snapshot, since)
    else:
        base = _base_branch(snapshot, refs, event)
    return _between(snapshot, base, event)._replace(queued=bool(queue))


def staged_change(snapshot: Snapshot, refs: Sequence[Ref], head: Commit) -> ChangeSet:
    """Return what a snapshot of the index has that HEAD has not; what a merge under way brings is not the change's."""
    git, made, news = snapshot.git, snapshot.commit, snapshot.news
    merged = _head_named(git, "MERGE_HEAD")
    tip = merged or head
    changes = tuple(
        change
        for change in git.changes(head.tree, made.tree)
        if merged is None or git.entry(merged.tree, change.path) != change.new
    )
    found = ChangeSet(head, tip, made, made, (), changes, "HEAD", PullRequestEvent(), staged=True)
    if any(each.path == news.changelog or (each.old and news.section_of(each.path)) for each in changes):
        return _with_branch(snapshot, refs, head, found)
    return found


def _head_named(git: Git, name: str) -> Commit | None:
    return git.commit(name) if (git.git_dir / name).exists() else None


def _with_branch(snapshot: Snapshot, refs: Sequence[Ref], head: Commit, found: ChangeSet) -> ChangeSet:
    """Return what is staged with the commits of its branch; without them where the base branch is not here."""
    git = snapshot.git
    undone = _head_named(git, "REVERT_HEAD")
    commits: tuple[LoggedCommit, ...] = () if undone is None else (_reverts(undone),)
    if not head.oid:
        return found
    try:
        tip = _base_branch(snapshot, refs, found.event).commit
        fork = git.merge_base(tip.oid, head.oid) if tip else None
        commits += git.log(head.oid, f"^{fork.oid}") if fork else ()
    except (WrongUse, WorldFailed):
        fork = None
    return found._replace(commits=commits, fork=fork)


def _reverts(undone: Commit) -> LoggedCommit:
    """Return the commit that a revert under way will be."""
    return LoggedCommit("this revert", (), "", "", "", "", f"Revert\n\nThis reverts commit {undone.oid}.")


def _merge_of_pull_request(snapshot: Snapshot, event: PullRequestEvent) -> ChangeSet | None:
    """Return the change set where HEAD is the merge that GitHub made of a pull request with its base, else None."""
    git, merge = snapshot.git, snapshot.commit
    name = os.environ.get("GITHUB_BASE_REF")
    if not name or len(merge.parents) != 2:
        return None
    of_run = merge.oid == os.environ.get("GITHUB_SHA") and re.fullmatch(
        r"refs/pull/\d+/merge", os.environ.get("GITHUB_REF", "")
    )
    if merge.parents[1] != event.head and not of_run:
        return None
    remote = remote_of(snapshot)
    fetch = _fetch(git, remote, name)
    base, head = (git.commit(oid) for oid in merge.parents)
    if base is None or head is None:
        raise _cut_off(fetch)
    commits = _commits(git, head, base, fetch)
    against = f"{remote}/{name}" if remote else name
    return ChangeSet(base, base, head, merge, commits, git.changes(base.tree, merge.tree), against, event)


def _queue_base() -> str | None:
    """Return the commit that a merge queue put its group upon, where the run is for one."""
    group = github_event().get("merge_group")
    base = group.get("base_sha") if isinstance(group, dict) else None
    return base if isinstance(base, str) else None


def named_base(snapshot: Snapshot, since: str) -> Base:
    """Return the commit by the name that was given, here or on the remote's branch of that name.

    Raises WorldFailed, with the command to fetch, where it is not here; WrongUse where no command could bring it.
    """
    git = snapshot.git
    remote, _, branch = since.partition("/")
    of_remote = bool(branch) and remote in git.remotes()
    if not of_remote:
        remote, branch = _upstream(snapshot) or "", since
    fetch = _fetch_revision(snapshot, remote, branch, branch_only=of_remote)
    known = {since: since} | ({f"refs/remotes/{remote}/{branch}": f"{remote}/{branch}"} if remote else {})
    for revision, name in known.items():
        if commit := git.commit(revision):
            return Base(commit, name, fetch or _fetch(git, remote or None, ""))
    if fetch:
        raise WorldFailed(f"there is no commit {since} here", fetch)
    raise WrongUse(f"there is no commit {since} here", "name one that is: git log --oneline")


def _fetch_revision(snapshot: Snapshot, remote: str, revision: str, *, branch_only: bool) -> str:
    """Return the command that brings a commit here by the name that people give it; empty where none would."""
    git = snapshot.git
    everything = _fetch(git, remote, "")
    # HEAD~5 counts from a name; only a name can be fetched.
    name = re.split(r"[~^:]|@\{", revision)[0]
    if not remote:
        return ""
    name = re.sub(rf"^(?:refs/heads/|(?:refs/)?remotes/{re.escape(remote)}/)", "", name)
    if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", name):
        return f"{everything} {name}"
    if not is_ref_name(name) or name == "HEAD" or re.fullmatch("[0-9a-f]{7,}", name):
        return everything if git.is_shallow() else ""
    is_version = read_tags([name], snapshot.name, snapshot.config.tag_format).releases and not branch_only
    if is_version and branches.is_series(name):
        return f"{everything} --tags '+refs/heads/*:refs/remotes/{remote}/*'"
    return f"{everything} tag {name}" if is_version else _fetch(git, remote, name)


def _base_branch(snapshot: Snapshot, refs: Sequence[Ref], event: PullRequestEvent) -> Base:
    """Return the branch that a pull request from here would go to: as the run says, a series that is tracked, or main.

    A clone of a fork often has the original as `upstream`; pull requests go there, and not to the fork.
    """
    git = snapshot.git
    remote = _upstream(snapshot)
    name = os.environ.get("GITHUB_BASE_REF") or _tracked_series(git) or _default(snapshot, refs, remote)
    if name is None:
        raise WrongUse(
            "which branch this change is for cannot be known here",
            "name what it started from: tagready check --since REF",
        )
    fetch = _fetch(git, remote, name)
    commit = git.commit(f"refs/remotes/{remote}/{name}" if remote else f"refs/heads/{name}")
    if commit is None and os.environ.get("GITHUB_BASE_REF") and event.base:
        commit = git.commit(event.base)
    if commit is None and remote:
        raise WorldFailed(f"{remote}/{name}, which this change is compared with, is not here", fetch)
    if commit is None:
        raise WrongUse(
            f"there is no branch {name} to compare with", "name what it started from: tagready check --since REF"
        )
    return Base(commit, f"{remote}/{name}" if remote else name, fetch)


def _upstream(snapshot: Snapshot) -> str | None:
    chosen = snapshot.config.remote is None and "upstream" in snapshot.git.remotes()
    return "upstream" if chosen else remote_of(snapshot)


def _tracked_series(git: Git) -> str | None:
    """Return the series that the current branch tracks, or is itself."""
    current = git.current_branch()
    tracked = (git.config(f"branch.{current}.merge") or "").removeprefix("refs/heads/")
    return next((name for name in (tracked, current) if branches.is_series(name)), None)


def _default(snapshot: Snapshot, refs: Sequence[Ref], remote: str | None) -> str | None:
    return branches.default_branch(branch_facts(snapshot, refs, remote))


def _between(snapshot: Snapshot, base: Base, event: PullRequestEvent) -> ChangeSet:
    git, head = snapshot.git, snapshot.commit
    tip = base.commit
    if tip is None:
        raise _cut_off(base.fetch)
    commits = _commits(git, head, tip, base.fetch)
    start = _start(git, head, tip, commits)
    if start is None and git.is_shallow():
        raise _cut_off(base.fetch)
    if start is None:
        raise WrongUse(
            f"{base.name} and HEAD have no commit in common, so there is nothing to compare",
            "name what this change started from: tagready check --since REF",
        )
    if start.oid == head.oid and os.environ.get("GITHUB_BASE_REF") and event.head not in (None, head.oid):
        raise WrongUse(
            f"{base.name} is checked out, and not the pull request, so there is nothing of it to judge",
            "start the workflow on `pull_request` (not `pull_request_target`), and check out nothing else",
        )
    # What is as at the tip came from there, by whatever way.
    changes = tuple(
        change for change in git.changes(start.tree, head.tree) if git.entry(tip.tree, change.path) != change.new
    )
    return ChangeSet(start, tip, head, head, commits, changes, base.name, event)


def _commits(git: Git, head: Commit, tip: Commit, fetch: str) -> tuple[LoggedCommit, ...]:
    commits = git.log(head.oid, f"^{tip.oid}")
    if {commit.oid for commit in commits} & git.cut_off():
        raise _cut_off(fetch)
    return commits


def _start(git: Git, head: Commit, tip: Commit, commits: Sequence[LoggedCommit]) -> Commit | None:
    """Return the newest commit that the change and its base branch have in common, or None.

    Where one commit alone is right before those of the change, it is that one; only merges make it worth a question.
    """
    own = {commit.oid for commit in commits}
    before = {oid for commit in commits for oid in commit.parents} - own if commits else {head.oid}
    return git.commit(before.pop()) if len(before) == 1 else git.merge_base(tip.oid, head.oid)


def _fetch(git: Git, remote: str | None, branch: str) -> str:
    """Return the command that brings a branch here, whatever refs the clone was told to fetch."""
    words = ["git fetch"] + (["--unshallow"] if git.is_shallow() else [])
    refspec = f"+refs/heads/{branch}:refs/remotes/{remote}/{branch}" if remote and branch else ""
    return " ".join([*words, *([remote] if remote else []), *([refspec] if refspec else [])])


def _cut_off(fetch: str) -> WorldFailed:
    return WorldFailed(
        "the history is cut off before the commits that this change is made of (a shallow clone)",
        f"{fetch}; in a workflow: actions/checkout with fetch-depth: 0",
    )
