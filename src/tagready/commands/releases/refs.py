"""Making a tag as the project makes them, and pushing exactly the named refs."""

from __future__ import annotations

import re

from packaging.version import Version

from tagready.commands.releases.history import is_own
from tagready.commands.releases.snapshot import Snapshot
from tagready.doors.git import Git
from tagready.facts.findings import Refused, WorldFailed, WrongUse, finding
from tagready.facts.git_records import RemoteAnswer
from tagready.facts.prepared import Options, Prepared
from tagready.facts.tags import Tags


def tag_and_push(git: Git, prepared: Prepared, snapshot: Snapshot, tags: Tags, options: Options) -> Prepared:
    """Tag and push as asked: one atomic push of exactly the named refs, never a force, never all tags."""
    if options.tag:
        make_tag(snapshot, tags, prepared.tag, prepared.commit, prepared.version, prepared.entry)
        prepared = prepared._replace(tagged=True)
    if options.push:
        remote = prepared.remote
        if remote is None:
            raise no_remote()
        try:
            git.push(remote, *refspecs(git, prepared, remote, options, _older(snapshot, prepared, remote)))
        except WorldFailed as failure:
            raise _not_pushed(prepared, remote, failure) from None
        prepared = prepared._replace(pushed_to=remote)
    return prepared


def no_remote() -> WrongUse:
    """Return the error that there is nothing to push to."""
    return WrongUse("there is no remote to push to", "git remote add origin ADDRESS, or leave --push out")


def _not_pushed(prepared: Prepared, remote: str, failure: WorldFailed) -> WorldFailed:
    """Return the failure with where the release stands: it is whole here, and nothing of it is there."""
    made = f"{prepared.commit[:10]} on {prepared.branch}" + (f" and the tag {prepared.tag}" if prepared.tagged else "")
    drop_tag = f"git tag -d {prepared.tag}; " if prepared.tagged else ""
    renew = f"{drop_tag}git reset --keep {prepared.parent[:10]}; git pull --ff-only; prepare-release {prepared.version}"
    if not prepared.on_current_branch:
        look = f"git fetch {remote}; git log -p {remote}/{prepared.branch}"
        renew = f"{look}; if nobody needs them: prepare-release {prepared.version} --branch --again --push"
    return WorldFailed(
        f"{remote} took nothing of the push; the release stays here: {made}",
        f"{remote} has commits that are not in the release: {renew}"
        if is_behind(failure)
        else "do what is asked for above, and run it again",
        failure.command,
        failure.stderr,
    )


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


def refspecs(git: Git, prepared: Prepared, remote: str, options: Options, older: str | None = None) -> list[str]:
    """Return exactly what is to be pushed; `older` is the remote's branch where it may be renewed without `again`."""
    branch = f"refs/heads/{prepared.branch}"
    target = upstream_of(git, prepared.branch, remote) if prepared.on_current_branch else branch
    refspecs = [f"{branch}:{target}"]
    if options.tag:
        refspecs.append(f"refs/tags/{prepared.tag}:refs/tags/{prepared.tag}")
    if not prepared.on_current_branch and (options.again or older):
        # Only ever our own release branch, and only if nobody has pushed to it since we saw it.
        answer = git.ask(remote, branch).answer()
        there = answer.refs.get(branch) if isinstance(answer, RemoteAnswer) else None
        if there and (options.again or there == older):
            refspecs.insert(0, f"--force-with-lease={branch}:{there}")
    return refspecs


def _older(snapshot: Snapshot, prepared: Prepared, remote: str) -> str | None:
    """Return the remote's branch where it is this release as we made it of an older commit, and nobody added to it."""
    git = snapshot.git
    there = None if prepared.on_current_branch else git.commit(f"refs/remotes/{remote}/{prepared.branch}")
    if there is None or there.oid == prepared.commit or not is_own(snapshot.at(there), Version(prepared.version)):
        return None
    return there.oid if git.is_ancestor(there.parents[0], prepared.parent) else None


def tracked(git: Git, remote: str | None) -> str | None:
    """Return the remote branch, as last fetched, that the current branch follows (full name)."""
    current = git.current_branch()
    if remote is None or not current:
        return None
    return f"refs/remotes/{remote}/{upstream_of(git, current, remote).removeprefix('refs/heads/')}"


def tag_of(answer: RemoteAnswer | str, name: str) -> str | None:
    """Return what a remote's tag is on, or None where it has none, or did not answer."""
    refs = {} if isinstance(answer, str) else answer.refs
    return refs.get(f"refs/tags/{name}^{{}}") or refs.get(f"refs/tags/{name}")


def upstream_of(git: Git, branch: str, remote: str) -> str:
    """Return the full name that a branch has on a remote."""
    followed = git.config(f"branch.{branch}.merge") if git.config(f"branch.{branch}.remote") == remote else None
    return followed or f"refs/heads/{branch}"
