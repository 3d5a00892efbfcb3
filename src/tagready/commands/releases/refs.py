"""Making a tag as the project makes them, and pushing exactly the named refs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from packaging.version import Version

from tagready.commands.releases.amended import is_as_made
from tagready.commands.releases.history import is_own
from tagready.commands.releases.snapshot import Snapshot
from tagready.commands.releases.whereabouts import branch_facts
from tagready.doors.git import Git
from tagready.facts.branches import default_branch, is_release_branch, release_branches
from tagready.facts.findings import Refused, WorldFailed, WrongUse, finding
from tagready.facts.git_records import Ref, RemoteAnswer, Status
from tagready.facts.prepared import Options, Prepared
from tagready.facts.tags import Tags


def tag_and_push(
    snapshot: Snapshot, refs: Sequence[Ref], prepared: Prepared, tags: Tags, options: Options,
    judged: Collection[str] = (),
) -> Prepared:  # fmt: skip
    """Tag and push as asked: one atomic push of exactly the named refs, never a force, never all tags.

    `judged` are the commits that the release's own branch on the remote may be on, and is renewed from.
    """
    git = snapshot.git
    if options.tag:
        make_tag(snapshot, tags, prepared.tag, prepared.commit, prepared.version, prepared.entry)
        prepared = prepared._replace(tagged=True)
    if options.push:
        remote = prepared.remote
        if remote is None:
            raise no_remote()
        own = f"refs/heads/{prepared.branch}"
        target = pushed_as(snapshot, refs, prepared.branch, remote) if prepared.on_current_branch else own
        wanted = {} if _has_moved_on(git, prepared, remote, target) else {target: prepared.commit}
        wanted |= {f"refs/tags/{prepared.tag}": prepared.commit} if options.tag else {}
        renewed = () if prepared.on_current_branch else (*judged, *_older(snapshot, prepared, remote))
        if wanted and (failed := push(git, remote, refspecs(git, prepared, remote, wanted, renewed), wanted)):
            raise _not_pushed(snapshot, prepared, remote, target, failed) from None
        prepared = prepared._replace(pushed_to=remote, pushed_branch=target.removeprefix("refs/heads/"))
    return prepared


def no_remote() -> WrongUse:
    """Return the error that there is nothing to push to."""
    return WrongUse("there is no remote to push to", "git remote add origin ADDRESS, or leave --push out")


class Failed(NamedTuple):
    """A push that failed: in git's words, and what the remote took of it, as far as that is known."""

    failure: WorldFailed
    took: str


def push(git: Git, remote: str, refspecs: Sequence[str], wanted: Mapping[str, str]) -> Failed | None:
    """Push exactly the given refs, all or none; return None where the remote has it all, else how it failed.

    `wanted` are the remote's refs, with the commits that they are to be on. A connection can break after the remote
    took everything, so it is asked once more.
    """
    try:
        git.push(remote, *refspecs)
    except WorldFailed as failure:
        answer = git.ask(remote, *wanted, *(f"{name}^{{}}" for name in wanted)).answer()
        if isinstance(answer, str):
            return Failed(failure, f"whether {remote} took the push cannot be known")
        there = {name: answer.refs.get(f"{name}^{{}}") or answer.refs.get(name) for name in wanted}
        return None if there == wanted else Failed(failure, f"{remote} took nothing of the push")
    return None


def _has_moved_on(git: Git, prepared: Prepared, remote: str, target: str) -> bool:
    """Return whether the remote has the release, and commits after it: then no branch is left to push."""
    if not prepared.already or not prepared.on_current_branch:
        return False
    there = git.commit(remote_ref(remote, target))
    return there is not None and there.oid != prepared.commit and git.is_ancestor(prepared.commit, there.oid)


def _not_pushed(snapshot: Snapshot, prepared: Prepared, remote: str, target: str, failed: Failed) -> WorldFailed:
    """Return the failure with where the release stands: it is whole here, and nothing of it is there."""
    made = f"{prepared.commit[:10]} on {prepared.branch}" + (f" and the tag {prepared.tag}" if prepared.tagged else "")
    return WorldFailed(
        f"{failed.took}; the release stays here: {made}",
        f"{remote} has commits that are not in the release: {_renewal(snapshot, prepared, remote, target)}"
        if is_behind(failed.failure)
        else way_on(remote, failed.failure),
        failed.failure.command,
        failed.failure.stderr,
    )


def _renewal(snapshot: Snapshot, prepared: Prepared, remote: str, target: str) -> str:
    """Return the commands that make the release anew where the remote is ahead; where it has ours, those that see it.

    On the release's own branch, what the remote has is a release of this version as well.
    """
    git, own = snapshot.git, snapshot.config.branch.replace("{version}", prepared.version)
    if not prepared.on_current_branch:
        look = f"git fetch {remote}; git log -p {remote}/{prepared.branch}"
        again = f"prepare-release {prepared.version} --branch {prepared.branch} --again --push"
        return f"{look}; if nobody needs them: {again}"
    on_its_own, there = target == f"refs/heads/{own}", git.commit(remote_ref(remote, target))
    if there is not None and git.is_ancestor(prepared.commit, there.oid):
        return pull(git, remote, target, rebase=False) if on_its_own else f"git fetch {remote}, and run it again"
    drop_tag = f"git tag -d {prepared.tag}; " if prepared.tagged else ""
    ahead = there is None or not git.is_ancestor(prepared.parent, there.oid)
    back = f"git reset --keep {prepared.parent[:10]}; {pull(git, remote, target, rebase=ahead)}"
    return f"{drop_tag}{back}; prepare-release {prepared.version}{' --again --push' if on_its_own else ''}"


def way_on(remote: str, failure: WorldFailed) -> str:
    """Return what to do after a push that failed for another reason than that the remote is ahead."""
    away = re.search(r"Could not read from remote|unable to access|not appear to be a git", failure.stderr)
    unknown = away or not failure.stderr.strip()
    look = f"look whether {remote} can be reached: git ls-remote {remote}" if unknown else "do what is asked for above"
    return f"{look}, and run it again"


def pull(git: Git, remote: str, target: str, *, rebase: bool) -> str:
    """Return the command that brings what a remote branch has into the current one."""
    way, branch = f"git pull {'--rebase' if rebase else '--ff-only'}", f"branch.{git.current_branch()}"
    follows = (git.config(f"{branch}.remote"), git.config(f"{branch}.merge")) == (remote, target)
    return way if follows else f"{way} {remote} {target.removeprefix('refs/heads/')}"


def pull_tracked(git: Git, remote: str) -> str:
    """Return the command that brings what the current branch follows into it: see `tracked`."""
    return pull(git, remote, upstream_of(git, git.current_branch(), remote), rebase=False)


def is_behind(failure: WorldFailed) -> bool:
    """Return whether a push failed because the remote has commits that are not here."""
    return re.search(r"non-fast-forward|fetch first|stale info", failure.stderr) is not None


def make_tag(snapshot: Snapshot, tags: Tags, name: str, commit: str, version: str, entry: str) -> bool:
    """Tag a commit and return True; False where it has the tag already. The tag on another commit is a refusal."""
    git = snapshot.git
    existing, anything = git.commit(f"refs/tags/{name}"), git.object(f"refs/tags/{name}")
    if anything is not None:
        if existing is not None and existing.oid == commit:
            return False
        there = existing.oid if existing else anything[0]
        raise Refused(
            finding(
                "tag-exists",
                f"the tag {name} is here already, on {there[:10]}, not on {commit[:10]}",
                f"only if it was never pushed nor published: git tag -d {name}",
            )
        )
    kind = snapshot.config.tag_kind or _tag_kind(git, tags)
    message = {"title": f"Release {version}", "entry": entry.strip()}.get(
        snapshot.config.tag_message, snapshot.config.tag_message.replace("{version}", version)
    )
    if kind == "lightweight":
        git.run("tag", "--no-sign", name, commit)
    else:
        options = ["--sign"] if kind == "signed" else ["--annotate", "--no-sign"]
        done = git.run(
            "tag", *options, "--cleanup=whitespace", "--file=-", name, commit,
            feed=(message + "\n").encode("utf-8", "surrogateescape"),
        )  # fmt: skip
        if kind == "signed" and not _is_signed(git, name):
            # git 2.39 ends with 0 where ssh-keygen could not sign.
            git.run("tag", "-d", name)
            raise WorldFailed(
                f"git made the tag {name} without a signature, so it was taken back",
                "look at user.signingKey and gpg.format, and run it again",
                f"git tag --sign {name}",
                done.stderr.decode("utf-8", "replace").strip(),
            )
    return True


def _is_signed(git: Git, name: str) -> bool:
    found = git.object(f"refs/tags/{name}")
    return found is not None and _SIGNATURE.search(found[2]) is not None


_SIGNATURE = re.compile(rb"^-----BEGIN (?:PGP|SSH|SIGNED) (?:SIGNATURE|MESSAGE)-----", re.MULTILINE)


def _tag_kind(git: Git, tags: Tags) -> str:
    """Return the kind of the newest release tag; annotated where there is none, signed if git is told to sign."""
    newest = git.object(f"refs/tags/{tags.releases[0].name}") if tags.releases else None
    if newest is None:
        return "signed" if git.flag("tag.gpgsign") else "annotated"
    _, kind, content = newest
    if kind != "tag":
        return "lightweight"
    return "signed" if _SIGNATURE.search(content) else "annotated"


def refspecs(
    git: Git, prepared: Prepared, remote: str, wanted: Mapping[str, str], judged: Collection[str] = ()
) -> list[str]:
    """Return exactly what is to be pushed; `judged` are the commits that the branch may be renewed from."""
    own = f"refs/heads/{prepared.branch}"
    found = [f"{name if name.startswith('refs/tags/') else own}:{name}" for name in wanted]
    if judged:
        # Only ever our own release branch, and only from a commit that somebody has looked at.
        answer = git.ask(remote, own).answer()
        there = answer.refs.get(own) if isinstance(answer, RemoteAnswer) else None
        if there in judged:
            found.insert(0, f"--force-with-lease={own}:{there}")
    return found


def _older(snapshot: Snapshot, prepared: Prepared, remote: str) -> tuple[str, ...]:
    """Return the remote's branch where it is this release as we made it earlier, and nobody changed anything in it.

    That is one which this repository had there itself, or one as it is made of the same commit or of an older one. Of
    the same commit, another one is somebody's newer release as likely as an older one of ours.
    """
    git, own, version = snapshot.git, f"refs/heads/{prepared.branch}", Version(prepared.version)
    there, here = git.commit(remote_ref(remote, own)), git.commit(prepared.commit)
    if there is None or here is None or there.oid == here.oid or not is_own(snapshot.at(there), version):
        return ()
    if git.was_on(own, there.oid):
        return (there.oid,)
    base = there.parents[0]
    older = there.tree == here.tree if base == prepared.parent else git.is_ancestor(base, prepared.parent)
    return (there.oid,) if older and is_as_made(snapshot.at(there), version) else ()


def tracked(git: Git, remote: str | None) -> str | None:
    """Return the remote branch, as last fetched, that the current branch follows (full name)."""
    current = git.current_branch()
    if remote is None or not current:
        return None
    return remote_ref(remote, upstream_of(git, current, remote))


def remote_ref(remote: str, branch: str) -> str:
    """Return the full name under which a branch of a remote (full name) is known here, as last fetched."""
    return f"refs/remotes/{remote}/{branch.removeprefix('refs/heads/')}"


def tag_of(answer: RemoteAnswer | str, name: str) -> str | None:
    """Return what a remote's tag is on, or None where it has none, or did not answer."""
    refs = {} if isinstance(answer, str) else answer.refs
    return refs.get(f"refs/tags/{name}^{{}}") or refs.get(f"refs/tags/{name}")


def pushed_as(snapshot: Snapshot, refs: Sequence[Ref], branch: str, remote: str) -> str:
    """Return the full name of the remote branch that a branch is pushed to.

    It is another one than its own only for a release branch that is called otherwise there. What else follows another
    branch began at that one, as `git switch -c topic origin/main` has it, and is no part of it yet; so did a series
    that follows the default branch.
    """
    followed = upstream_of(snapshot.git, branch, remote)
    if followed == f"refs/heads/{branch}":
        return followed
    facts = branch_facts(snapshot, refs, remote)
    began_there = followed == f"refs/heads/{default_branch(facts)}"
    renamed = is_release_branch(branch, release_branches(facts) or []) and not began_there
    return followed if renamed else f"refs/heads/{branch}"


def status_of(snapshot: Snapshot, refs: Sequence[Ref], paths: Sequence[str], remote: str | None) -> Status:
    """Return git's verdict on paths, and on the current branch: held against the remote's that it is pushed to.

    git holds it against the one that it follows. For a series that began at the main branch that is the main branch,
    whose commits are not to come into it.
    """
    git, status = snapshot.git, snapshot.git.status(paths)
    if remote is None or not status.upstream or not is_release_branch(status.branch, snapshot.config.release_branches):
        return status
    target = pushed_as(snapshot, refs, status.branch, remote)
    if target == upstream_of(git, status.branch, remote):
        return status
    name, there = target.removeprefix("refs/heads/"), remote_ref(remote, target)
    if all(ref.name != there for ref in refs):
        return status._replace(upstream="", ahead=0, behind=0)
    ahead, behind = git.ahead_and_behind(f"refs/heads/{status.branch}", there)
    return status._replace(upstream=f"{remote}/{name}", ahead=ahead, behind=behind, to_pull=(remote, name))


def upstream_of(git: Git, branch: str, remote: str) -> str:
    """Return the full name of the remote's branch that a branch follows: its own name where it follows none."""
    followed = git.config(f"branch.{branch}.merge") if git.config(f"branch.{branch}.remote") == remote else None
    return followed or f"refs/heads/{branch}"
