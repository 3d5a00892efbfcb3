"""What GitHub tells a workflow about the event that started it, made from a bare repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NOBODY = "0" * 40
WHO = {"GIT_AUTHOR_NAME": "GitHub", "GIT_AUTHOR_EMAIL": "noreply@github.com",
       "GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.com"}  # fmt: skip


def git(remote: Path, *arguments: str, check: bool = True, environment: Mapping[str, str] | None = None) -> str:
    """Run git in a bare repository and return what it says."""
    done = subprocess.run(
        ["git", "--git-dir", str(remote), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | dict(environment or {}),
    )
    if check and done.returncode:
        raise AssertionError(f"git {arguments}: {done.stderr}")
    return done.stdout.strip()


def open_pull_request(remote: Path, number: int, head: str, base: str = "main") -> str:
    """Make `refs/pull/N/head` and `refs/pull/N/merge` in a bare repository, as GitHub does; return the merge commit."""
    ours, theirs = git(remote, "rev-parse", f"refs/heads/{base}"), git(remote, "rev-parse", f"refs/heads/{head}")
    tree = git(remote, "merge-tree", "--write-tree", ours, theirs)
    message = f"Merge {theirs} into {ours}"
    merge = git(remote, "commit-tree", tree, "-p", ours, "-p", theirs, "-m", message, environment=WHO)
    git(remote, "update-ref", f"refs/pull/{number}/head", theirs)
    git(remote, "update-ref", f"refs/pull/{number}/merge", merge)
    return merge


def queue(remote: Path, number: int, head: str, base: str = "main") -> str:
    """Make the branch of a merge queue's group in a bare repository, as GitHub does, and return its ref."""
    merge = open_pull_request(remote, number, head, base)
    ref = f"refs/heads/gh-readonly-queue/{base}/pr-{number}-{git(remote, 'rev-parse', f'refs/heads/{base}')}"
    git(remote, "update-ref", ref, merge)
    return ref


def merge_group(remote: Path, ref: str, base: str) -> dict[str, Any]:
    """Return a group whose checks a merge queue asks for; the ref is what `queue` has made."""
    head, before = git(remote, "rev-parse", ref, f"{ref}^1").split()
    group = {"head_sha": head, "head_ref": ref, "base_sha": before, "base_ref": f"refs/heads/{base}"}
    return {"action": "checks_requested", "merge_group": group}


def repository(name: str, server: str, remote: Path) -> dict[str, Any]:
    """Return the repository as every event describes it."""
    owner, _, short = name.partition("/")
    return {
        "name": short, "full_name": name, "owner": {"login": owner}, "private": False, "fork": False,
        "default_branch": git(remote, "symbolic-ref", "--short", "HEAD"),
        "html_url": f"{server}/{name}", "clone_url": f"{server}/{name}.git",
    }  # fmt: skip


def push(remote: Path, ref: str, before: str | None) -> dict[str, Any]:
    """Return a push: `after` is what the ref names, which is the tag itself where it is annotated."""
    after, at = git(remote, "rev-parse", ref, f"{ref}^{{commit}}").split()
    shown = git(remote, "log", "-1", "--format=%P%x00%an%x00%ae%x00%cI%x00%B", at)
    parents, name, mail, date, message = shown.split("\0")
    if before is None:
        before = NOBODY if ref.startswith("refs/tags/") or not parents else parents.split()[0]
    commit = {"id": at, "message": message, "timestamp": date, "author": {"name": name, "email": mail}}
    return {
        "ref": ref, "before": before, "after": after, "created": before == NOBODY, "deleted": False, "forced": False,
        "base_ref": None, "head_commit": commit, "commits": [], "pusher": {"name": "octocat"},
    }  # fmt: skip


def pull_request(remote: Path, ref: str, head: str, base: str, home: Mapping[str, Any], fork: bool) -> dict[str, Any]:
    """Return a pull request that has just been opened; the ref is `refs/pull/N/merge`."""
    number = int(ref.split("/")[2])
    source = dict(home) | ({"full_name": f"guest/{home['name']}", "fork": True} if fork else {})
    return {
        "action": "opened", "number": number,
        "pull_request": {
            "number": number, "state": "open", "merged": False, "draft": False, "title": f"Merge {head}", "body": None,
            "html_url": f"{home['html_url']}/pull/{number}", "user": {"login": "octocat"}, "labels": [],
            "merge_commit_sha": git(remote, "rev-parse", ref),
            "head": {"ref": head, "sha": git(remote, "rev-parse", f"refs/pull/{number}/head"), "repo": source},
            "base": {"ref": base, "sha": git(remote, "rev-parse", f"refs/heads/{base}"), "repo": dict(home)},
        },
    }  # fmt: skip
