"""Which secrets a release would publish: looks through what changed since the release before."""

from __future__ import annotations

from fnmatch import fnmatch

from tagready.findings import Finding, Level, finding
from tagready.git_records import Commit
from tagready.leaks import Leak, find_leaks
from tagready.snapshot import Snapshot


def secrets_in(snapshot: Snapshot, since: Commit | None) -> tuple[Finding, ...]:
    """Return a finding for each secret in the files that changed since a commit (None: in all files)."""
    git, found = snapshot.git, []
    for change in git.changes(since.tree if since else "", snapshot.commit.tree):
        if change.new is None or change.new.kind != "blob":
            continue
        if not any(fnmatch(change.path, pattern) for pattern in snapshot.config.allow_secrets):
            found += [_secret(change.path, leak) for leak in find_leaks(change.path, git.blob(change.new.oid))]
    return tuple(found)


def _secret(path: str, leak: Leak) -> Finding:
    error = finding(
        "secret-in-tree",
        f"{path} has {leak.what}, and whoever reads the repository can use it",
        f"revoke it where it was made, take it out of {path}, and commit; one that is none: allow-secrets = [{path!r}]",
        path,
        leak.line,
    )
    return (
        error if not leak.test_index else Finding(error.rule, error.message, error.fix, path, leak.line, Level.WARNING)
    )
