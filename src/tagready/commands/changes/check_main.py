"""check --main: how the commits that were pushed came to the main branch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from packaging.version import Version

from tagready.commands.changes.change_set import named_base
from tagready.commands.changes.checked import Checked, Kind
from tagready.commands.releases.history import own_version
from tagready.commands.releases.snapshot import Snapshot
from tagready.commands.releases.whereabouts import branch_facts, github_event, remote_of
from tagready.doors.git import Git
from tagready.facts import branches, reviews
from tagready.facts.findings import Report, WorldFailed, WrongUse
from tagready.facts.git_records import Commit, LoggedCommit, Ref
from tagready.facts.reviews import PullRequest, ReviewedBy


class _Push(NamedTuple):
    """A push: the branch, where it was before (empty: it is new, or not known), and where it is now."""

    branch: str
    before: str
    after: Commit
    forced: bool = False
    note: str = ""


def check_main(snapshot: Snapshot, refs: Sequence[Ref], since: str | None) -> Checked:
    """Return which of the commits that were pushed came without a pull request."""
    push = _pushed(snapshot, refs, since)
    if isinstance(push, str):
        return _of_main(snapshot, "", snapshot.commit.oid, Report(), (push,), 0)._replace(kind=Kind.NOTHING)
    git = snapshot.git
    start, rewritten = _start(git, push)
    commits = git.log("--first-parent", push.after.oid, *([f"^{start}"] if start else ["-1"]))
    releases = _own_releases(snapshot, commits) if snapshot.config.flow == "direct" else {}
    found = reviews.judge(reviews.Pushed(push.branch, commits, rewritten, frozenset(releases)), _reviewed_by())
    notes = [push.note] if push.note else []
    notes += [
        f'{oid[:10]} is the release of {version}, which flow = "direct" permits' for oid, version in releases.items()
    ]
    return _of_main(snapshot, start, push.after.oid, found, notes, len(commits))._replace(against=push.branch)


def _of_main(snapshot: Snapshot, base: str, head: str, report: Report, notes: Sequence[str], commits: int) -> Checked:
    return Checked(snapshot.name, base, head, "", Kind.MAIN, None, report, tuple(notes), commits=commits)


def _pushed(snapshot: Snapshot, refs: Sequence[Ref], since: str | None) -> _Push | str:
    """Return what was pushed, as the workflow's event tells it, or why there is nothing to judge."""
    git, event = snapshot.git, github_event()
    before, after, ref = (event.get(key) for key in ("before", "after", "ref"))
    if since is not None:
        base = named_base(snapshot, since).commit
        return _Push(git.current_branch(), base.oid if base else "", snapshot.commit)
    if "pull_request" in event or not (isinstance(before, str) and isinstance(after, str) and isinstance(ref, str)):
        note = "no event of a push is here, so HEAD and what its first parent lacks are taken for it"
        parent = next(iter(snapshot.commit.parents), "")
        known = parent if parent and git.commit(parent) else ""
        return _Push(git.current_branch(), known, snapshot.commit, note=note)
    branch = ref.removeprefix("refs/heads/")
    allowed = branches.release_branches(branch_facts(snapshot, refs, remote_of(snapshot)))
    if not ref.startswith("refs/heads/"):
        return f"{ref} was pushed, and no branch"
    if not after.strip("0"):
        return f"{branch} was deleted, so no commit came to it"
    if allowed is not None and not branches.is_release_branch(branch, allowed):
        return f"{branch} is no release branch ({', '.join(allowed)}): commits may come to it in any way"
    head = git.commit(after)
    if head is None:
        raise WorldFailed(f"{after[:10]}, which was pushed, is not here", "git fetch, or check out what was pushed")
    return _Push(branch, before if before.strip("0") else "", head, forced=event.get("forced") is True)


def _start(git: Git, push: _Push) -> tuple[str, str | None]:
    """Return the commit after which the pushed ones begin (empty: there is only one), and the one that was left."""
    if not push.before:
        return "", None
    if git.commit(push.before) is None:
        if push.forced:
            return "", push.before
        what = f"{push.before[:10]}, where {push.branch} was before the push, is not here"
        if git.is_shallow():
            fix = "git fetch --unshallow; in a workflow: actions/checkout with fetch-depth: 0"
            raise WorldFailed(f"{what} (a shallow clone)", fix)
        raise WorldFailed(what, "git fetch, or name what the push started from: tagready check --main --since REF")
    if git.is_ancestor(push.before, push.after.oid):
        return push.before, None
    common = git.merge_base(push.before, push.after.oid)
    return (common.oid if common else ""), push.before


def _own_releases(snapshot: Snapshot, commits: Sequence[LoggedCommit]) -> dict[str, Version]:
    """Return the release commits of ours among the given ones, with their versions."""
    found = {}
    for logged in commits:
        commit = snapshot.git.commit(logged.oid)
        if commit is None or "Towncrier:" not in commit.message:
            continue
        with suppress(WrongUse):
            if version := own_version(snapshot.at(commit)):
                found[commit.oid] = version
    return found


def _reviewed_by() -> ReviewedBy:
    """Return what asks the forge for a commit's pull requests; without one, it says why it cannot."""
    from tagready.doors import forge

    here = forge.here()

    def ask(commit: str) -> Sequence[PullRequest] | str:
        if isinstance(here, str):
            return here
        try:
            return here.pull_requests_of(commit)
        except WorldFailed as failure:
            return failure.what

    return ask
