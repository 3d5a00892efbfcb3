"""Which secrets a release would publish: looks through what changed since the release before."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

from tagready.commands.releases.snapshot import Snapshot
from tagready.facts.findings import Finding, Level, finding
from tagready.facts.git_records import Commit

if TYPE_CHECKING:
    from tagready.facts.publishing.leaks import Leak


def secrets_in(
    snapshot: Snapshot, since: Commit | None, known: Mapping[str, bytes] = MappingProxyType({})
) -> tuple[Finding, ...]:
    """Return a finding for each secret in the files that changed since a commit (None: in all files).

    `known` are files that were read already, as committed.
    """
    allowed = snapshot.config.allow_secrets
    changes = snapshot.git.changes(since.tree if since else "", snapshot.commit.tree)
    blobs = {
        change.path: change.new.oid
        for change in changes
        if change.new and change.new.kind == "blob" and not any(fnmatch(change.path, pattern) for pattern in allowed)
    }
    unread = {path: oid for path, oid in blobs.items() if path not in known}
    read = zip(unread, snapshot.git.blobs(list(unread.values())), strict=True)
    found: list[Finding] = []
    for path, content in chain(((path, known[path]) for path in blobs if path in known), read):
        if _may_hold_one(path, content):
            from tagready.facts.publishing.leaks import find_leaks

            found += [_secret(path, leak) for leak in find_leaks(path, content)]
    return tuple(sorted(found, key=lambda finding: (finding.path or "", finding.line or 0)))


def _may_hold_one(path: str, content: bytes) -> bool:
    """Return whether it is worth to look closer; hardly any file is (the second spelling is UTF-16's)."""
    return b"pypi-" in content or b"y\0p\0i\0-" in content or path.lower().endswith("pypirc")


def _secret(path: str, leak: Leak) -> Finding:
    error = finding(
        "secret-in-tree",
        f"{path} has {leak.what.removesuffix(' in a .pypirc')}, and whoever reads the repository can use it",
        f"revoke it where it was made, take it out, and commit; if it is no secret: allow-secrets = [{path!r}]",
        path,
        leak.line,
    )
    return (
        error if not leak.test_index else Finding(error.rule, error.message, error.fix, path, leak.line, Level.WARNING)
    )
