"""Where a run takes place: its remote, its branches, the event that it runs for, and a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tagready.commands.releases.snapshot import Snapshot
from tagready.doors.git import Git
from tagready.facts import branches
from tagready.facts.findings import WrongUse
from tagready.facts.git_records import Ref, RemoteAnswer

SHALLOW = "the history is cut off here (a shallow clone): git fetch --unshallow --tags"


def remote_of(snapshot: Snapshot) -> str | None:
    """Return the remote to ask and to push to; None without one."""
    return usual_remote(snapshot.git, snapshot.config.remote)


def usual_remote(git: Git, chosen: str | None) -> str | None:
    """Return the remote that is meant: as configured, the branch's, the only one, upstream, or origin.

    Raise WrongUse where the configured one is not there.
    """
    known = git.remotes()
    if chosen is not None:
        if chosen not in known:
            raise WrongUse(
                f"there is no remote {chosen}, which the key `remote` names",
                f"git remote add {chosen} ADDRESS",
            )
        return chosen
    of_branch = git.config(f"branch.{git.current_branch()}.remote")
    if of_branch in known:
        return of_branch
    if len(known) == 1:
        return known[0]
    return next((name for name in ("upstream", "origin") if name in known), None)


def branch_facts(snapshot: Snapshot, refs: Sequence[Ref], remote: str | None) -> branches.Facts:
    """Return what is known of branches; a remote is asked for its default branch only where nothing else names it."""
    git = snapshot.git
    head = f"refs/remotes/{remote}/HEAD"
    default = default_branch("")
    if default is None and git.bare:
        default = git.current_branch() or None
    if (
        default is None
        and remote
        and not snapshot.config.release_branches
        and not any(ref.name == head for ref in refs)
    ):
        default = default_branch(git.head_of(remote))
    return branches.Facts(
        current="",
        head=snapshot.commit.oid,
        refs=refs,
        remote=remote,
        default=default,
        patterns=snapshot.config.release_branches,
        contains=lambda tip: git.is_ancestor(tip, snapshot.commit.oid),
    )


def default_branch(answer: RemoteAnswer | str) -> str | None:
    """Return the default branch that a GitHub event or the remote names."""
    repository = github_event().get("repository")
    name = repository.get("default_branch") if isinstance(repository, dict) else None
    if isinstance(name, str):
        return name
    return answer.head if isinstance(answer, RemoteAnswer) else None


def github_event() -> Mapping[str, Any]:
    """Return the event that a GitHub workflow runs for; an empty one elsewhere."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    import json

    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return event if isinstance(event, dict) else {}


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Lend a folder outside the repository, and remove it."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="tagready-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
