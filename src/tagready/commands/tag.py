"""tag: the tag gate on a commit, then the tag as the project makes them, and one atomic push."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from tagready.commands import verify
from tagready.commands.releases.asked import version_of_tree
from tagready.commands.releases.forward_ground import command_after
from tagready.commands.releases.history import as_stated, changelog_path
from tagready.commands.releases.refs import (
    Failed,
    is_behind,
    make_tag,
    no_remote,
    pull,
    pull_tracked,
    push,
    pushed_as,
    tag_of,
    tracked,
    way_on,
)
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.commands.releases.whereabouts import branch_facts, remote_of
from tagready.commands.verify import Verified
from tagready.doors.git import NO_REMOTE, Git, Pending
from tagready.facts import versions
from tagready.facts.branches import candidates
from tagready.facts.findings import Finding, Level, Refused, Report, Skipped, Trouble, WorldFailed, finding
from tagready.facts.git_records import Ref
from tagready.facts.tags import Tags


class Options(NamedTuple):
    """What was asked for on the command line."""

    version: str | None = None
    commit: str | None = None
    push: bool = False


class Tagged(NamedTuple):
    """A tagged release: what the gate said, whether the tag is new, and where it and its branch were pushed.

    `after` is what to do next, once a release of a maintenance branch is out.
    """

    verified: Verified
    report: Report
    made: bool
    remote: str | None
    pushed_to: str | None
    pushed_branch: str | None
    is_there: bool
    after: str | None = None


def tag(git: Git, options: Options, overlay: Path | None) -> Tagged:
    """Return the tagged release; raise Refused with every finding, and tag nothing, where our rules say no."""
    version = versions.canonical(options.version) if options.version else None
    snapshot = take(git, options.commit or "HEAD", overlay)
    refs = git.refs()
    remote = remote_of(snapshot)
    if options.push and remote is None:
        raise no_remote()
    tags = snapshot.tags(refs)
    stated = version is None
    version = as_stated(snapshot, version or version_of_tree(snapshot))
    name = tags.name(version)
    asked = git.ask(remote, f"refs/tags/{name}", f"refs/tags/{name}^{{}}")
    try:
        if stated:
            _check_unreleased(snapshot, version, name)
        if not git.object(f"refs/tags/{name}"):
            _check_arrived(snapshot, version, remote, " --push" if options.push else "")
        verified = _judged(snapshot, refs, name)
        report = verified.report.and_(_elsewhere(git, snapshot, name, remote, asked))
        target = _branch_to_push(snapshot, refs, remote) if options.push and remote else None
        if options.push and remote:
            if "tag-not-on-branch" not in {found.rule for found in report.findings}:
                report = report.and_(_reachable(snapshot, refs, remote, target))
            report = report.and_(_workflow(git, remote, name))
        if not report.ok:
            raise Refused(report=report)
        if remote and tag_of(asked.answer(), name) and not git.object(f"refs/tags/{name}"):
            # The remote has it on this very commit: a second tag object beside it could never be pushed.
            git.fetch(remote, f"refs/tags/{name}:refs/tags/{name}")
        tagged = _act(snapshot, tags, verified, report, remote, target, options)
        is_there = tagged.pushed_to is not None or tag_of(asked.answer(), name) is not None
        after = command_after(snapshot, refs, version, name) if is_there or remote is None else None
        return tagged._replace(is_there=is_there, after=after)
    except (Refused, Trouble) as problem:
        problem.about = {
            "project": snapshot.name, "version": str(version), "tag": name, "commit": snapshot.commit.oid,
        }  # fmt: skip
        raise


def _check_unreleased(snapshot: Snapshot, version: Version, name: str) -> None:
    """Raise Refused where the commit is one that came after the release of the version that it states."""
    existing = snapshot.git.commit(f"refs/tags/{name}")
    if existing is not None and existing.oid != snapshot.commit.oid:
        what = (
            f"{snapshot.commit.oid[:10]} states {version}, which is released already: {name} is on {existing.oid[:10]}"
        )
        raise Refused(
            finding("tag-exists", what, "git pull, if the next release was merged; else prepare-release auto")
        )


def _check_arrived(snapshot: Snapshot, version: Version, remote: str | None, push: str) -> None:
    """Raise Refused where the version's entry is not on this commit yet, but on a branch that is to come."""
    path = changelog_path(snapshot, version)
    if snapshot.changelog_at(snapshot.commit.tree, path).of(version):
        return
    own = snapshot.config.branch.replace("{version}", str(version))
    upstream = tracked(snapshot.git, remote)
    ways = {upstream: pull_tracked(snapshot.git, remote)} if upstream and remote else {}
    ways |= dict.fromkeys((f"refs/heads/{own}", f"refs/remotes/{remote}/{own}"), f"merge {own}")
    for name, way in ways.items():
        commit = snapshot.git.commit(name)
        if commit and snapshot.changelog_at(commit.tree, path).of(version):
            where = name.removeprefix("refs/heads/").removeprefix("refs/remotes/")
            what = f"{snapshot.commit.oid[:10]} has no entry for {version} yet, but {where} has"
            raise Refused(finding("entry-missing", what, f"{way}, then tagready tag {version}{push}", path))


def _judged(snapshot: Snapshot, refs: Sequence[Ref], name: str) -> Verified:
    """Return the gate's verdict; where it is bad, and good on the commit that brought the entry, the fixes say so."""
    verified = verify.judge_tag(snapshot, refs, name, verify.Options(), to_be_tagged=True)
    released = verified.judged.released
    if verified.report.ok or released is None or released.brought.oid == snapshot.commit.oid:
        return verified
    brought = snapshot.at(released.brought)
    if not verify.judge_tag(brought, refs, name, verify.Options(), to_be_tagged=True).report.ok:
        return verified
    way = f"tagready tag {verified.version} --commit {brought.commit.oid[:10]}"
    found = tuple(replace(each, fix=way) if each.level is Level.ERROR else each for each in verified.report.findings)
    return verified._replace(report=Report(found, verified.report.skipped))


def _elsewhere(git: Git, snapshot: Snapshot, name: str, remote: str | None, asked: Pending) -> Report:
    """Return a finding where the tag is on another commit already, here or on the remote."""
    commit = snapshot.commit.oid
    anything, here = git.object(f"refs/tags/{name}"), git.commit(f"refs/tags/{name}")
    found = []
    if anything is not None and here is None:
        found.append(_exists(name, "here", anything[0], commit, f"git tag -d {name}"))
    answer = asked.answer()
    if isinstance(answer, str):
        return Report(tuple(found), () if answer == NO_REMOTE else (Skipped("tag-exists", answer),))
    there = tag_of(answer, name)
    if there is not None and there != commit:
        # Where both agree, it is most likely right, and nothing is to be taken back.
        drop = "" if here and here.oid == there else f"git push {remote} :refs/tags/{name}"
        found.append(_exists(name, f"on {remote}", there, commit, drop))
    return Report(tuple(found))


def _exists(name: str, where: str, there: str, commit: str, drop: str) -> Finding:
    return finding(
        "tag-exists",
        f"the tag {name} is {where} already, on {there[:10]}, not on {commit[:10]}",
        "release another version" + (f"; only if nothing was published from it: {drop}" if drop else ""),
    )


def _branch_to_push(snapshot: Snapshot, refs: Sequence[Ref], remote: str) -> str | None:
    """Return the remote's branch (full name) that goes with the tag: in the direct flow, where it lacks the commit."""
    git, commit = snapshot.git, snapshot.commit.oid
    if snapshot.config.flow != "direct" or _on_remote(snapshot, refs, remote):
        return None
    release = [ref.name for ref in candidates(branch_facts(snapshot, refs, remote))]
    local = [name for name in git.containing(commit, release) if name.startswith("refs/heads/")]
    current = f"refs/heads/{git.current_branch()}"
    chosen = current if current in local else next(iter(local), "")
    return pushed_as(snapshot, refs, chosen.removeprefix("refs/heads/"), remote) if chosen else None


def _on_remote(snapshot: Snapshot, refs: Sequence[Ref], remote: str) -> bool:
    """Return whether a release branch of the remote, as last fetched, has the commit."""
    release = [ref.name for ref in candidates(branch_facts(snapshot, refs, remote))]
    there = [name for name in release if name.startswith(f"refs/remotes/{remote}/")]
    return bool(snapshot.git.containing(snapshot.commit.oid, there))


def _reachable(snapshot: Snapshot, refs: Sequence[Ref], remote: str, target: str | None) -> Report:
    """Return a finding where the remote would get the tag, and no release branch that has its commit."""
    if target is not None or _on_remote(snapshot, refs, remote):
        return Report()
    way = "merge the pull request first" if snapshot.config.flow == "pull-request" else "push the branch first"
    return Report(
        (
            finding(
                "tag-not-on-branch",
                f"no release branch of {remote} has {snapshot.commit.oid[:10]}, as last fetched: the tag is on none",
                f"{way}, git fetch {remote}, and tag what arrived",
            ),
        )
    )


def _workflow(git: Git, remote: str, name: str) -> Report:
    """Return a warning where GitHub would start no workflow for the tag: one that a run pushes with its own token."""
    address = git.config(f"remote.{remote}.pushurl") or git.config(f"remote.{remote}.url") or ""
    if os.environ.get("GITHUB_ACTIONS") != "true" or not address.startswith("https://"):
        return Report()
    return Report(
        (
            finding(
                "workflow-not-started",
                "a tag that a run pushes with its own token (GITHUB_TOKEN) starts no workflow: nothing is published",
                f"push it with the token of an app or a person, or start it: gh workflow run release.yml --ref {name}",
            ),
        )
    )


def _act(
    snapshot: Snapshot, tags: Tags, verified: Verified, report: Report, remote: str | None, target: str | None,
    options: Options,
) -> Tagged:  # fmt: skip
    git, judged, name, commit = snapshot.git, verified.judged, verified.tag, snapshot.commit.oid
    entry = judged.changelog.whole(judged.entry) if judged.entry else ""
    others = tags._replace(releases=tuple(other for other in tags.releases if other.name != name))
    made = make_tag(snapshot, others, name, commit, verified.version, entry)
    tagged = Tagged(verified, report, made, remote, None, None, is_there=False)
    if not (options.push and remote):
        return tagged
    wanted = {f"refs/tags/{name}": commit} | ({target: commit} if target else {})
    branches = [f"{commit}:{target}"] if target else []
    if failed := push(git, remote, [*branches, f"refs/tags/{name}:refs/tags/{name}"], wanted):
        if made:
            git.run("tag", "-d", name)
        raise _not_pushed(git, tagged, remote, target, failed) from None
    return tagged._replace(pushed_to=remote, pushed_branch=target.removeprefix("refs/heads/") if target else None)


def _not_pushed(git: Git, tagged: Tagged, remote: str, target: str | None, failed: Failed) -> WorldFailed:
    name = tagged.verified.tag
    stays = "the tag was taken back here as well" if tagged.made else f"the tag {name} stays here as it was"
    way = way_on(remote, failed.failure)
    if target and is_behind(failed.failure):
        # Whatever --commit named is another commit then, and so is what the tag is on.
        untag = "" if tagged.made else f"git tag -d {name} && "
        way = f"{untag}{pull(git, remote, target, rebase=True)} && tagready tag {tagged.verified.version} --push"
    return WorldFailed(f"{failed.took}; {stays}", way, failed.failure.command, failed.failure.stderr)
