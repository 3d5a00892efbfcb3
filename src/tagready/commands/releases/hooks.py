"""The user's own commands: they run in a checkout of the candidate, and only what they declare is taken along."""

from __future__ import annotations

import os
import posixpath
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tagready.commands.releases.ground import Ground
from tagready.doors.git import Git
from tagready.facts.config import Hook
from tagready.facts.findings import Refused, finding
from tagready.facts.program_output import last_lines


def after_hooks(ground: Ground, tree: str, notes: str, scratch: Path) -> str:
    """Return the tree with what the hooks added to it; they run in a repository of their own."""
    git = ground.git
    draft = git.write_commit(tree, ground.snapshot.commit.oid, f"Release {ground.version} (before hooks)\n")
    notes_file = scratch / "notes"
    notes_file.write_text(notes.strip() + "\n", encoding="utf-8")
    previous = _previous_tag(ground)
    environment = {
        "TAGREADY_VERSION": str(ground.version),
        "TAGREADY_TAG": ground.tag,
        "TAGREADY_PREVIOUS_TAG": previous or "",
        "TAGREADY_NOTES": str(notes_file),
    }
    worktree = git.scratch_repository(draft, scratch / "worktree")
    for hook in ground.snapshot.config.hooks:
        _run_hook(hook, worktree, environment, ground.snapshot.root)
        tree = _taken_along(hook, worktree, tree, ground.snapshot.root)
    return tree


def _taken_along(hook: Hook, worktree: Git, tree: str, root: str) -> str:
    """Return the tree with what `adds` matches, and nothing else that the command may have staged or committed."""
    worktree.run("read-tree", tree)
    if not hook.adds:
        return tree
    patterns = [f":(glob){posixpath.join(root, pattern)}" for pattern in hook.adds]
    added = worktree.run("add", "--all", "--", *patterns, accept=(0, 1, 128))
    if added.returncode:
        words = added.stderr.decode("utf-8", "replace").strip()
        raise _hook_failed(hook, f"has nothing that `adds` matches: {words}")
    return worktree.text("write-tree")


def _run_hook(hook: Hook, worktree: Git, environment: Mapping[str, str], root: str) -> None:
    try:
        done = subprocess.run(
            shlex.split(hook.run),
            cwd=worktree.top / root,
            env={key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except (OSError, ValueError) as error:
        raise _hook_failed(hook, f"could not be started: {error}") from None
    if done.returncode:
        words = last_lines(done.stdout, 20)
        raise _hook_failed(hook, f"ended with exit code {done.returncode}" + (f":\n{words}" if words else ""))


def _hook_failed(hook: Hook, what: str) -> Refused:
    return Refused(
        finding(
            "hook-failed",
            f"the hook `{hook.run}` {what}",
            "mend the command (it runs in a fresh checkout of the candidate), or take it out of hooks.before-commit",
        )
    )


def _previous_tag(ground: Ground) -> str | None:
    """Return the newest release tag that HEAD can reach."""
    known = [f"refs/tags/{tag.name}" for tag in ground.tags.releases]
    # The newest tag nearly always is an ancestor: ask for a few before all of history is walked.
    for some in (known[:8], known[8:]):
        here = ground.git.reachable(some, ground.snapshot.commit.oid)
        for name in some:
            if name in here:
                return name.removeprefix("refs/tags/")
    return None
