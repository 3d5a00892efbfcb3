"""Which releases a commit comes after: the tags that its parents have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from packaging.version import Version

from tagready.commands.releases.snapshot import Snapshot
from tagready.facts.git_records import Commit
from tagready.facts.tag_rules import counts_as_release
from tagready.facts.tags import ReleaseTag, Tags

#: How many older tags git is asked for first; a project with thousands has the release before among them.
NEIGHBOURS = 20


class Before(NamedTuple):
    """The newest release that a commit comes after (None: there is none), and the ones that should not be before it."""

    tag: ReleaseTag | None
    commit: Commit | None
    rivals: tuple[ReleaseTag, ...]


def release_before(snapshot: Snapshot, tags: Tags, version: Version, commits: Sequence[str] | None = None) -> Before:
    """Return the release before a version's commit, by the tags that its parents (or the given commits) have."""
    git = snapshot.git
    heads = commits if commits is not None else [oid for oid in snapshot.commit.parents if git.commit(oid)]
    counted = [tag for tag in tags.releases if counts_as_release(tag, version)]
    newer = [tag for tag in counted if tag.version >= version]
    older = counted[len(newer) :]
    rivals: list[ReleaseTag] = []
    for chosen in ([*newer, *older[:NEIGHBOURS]], older[NEIGHBOURS:]):
        names = {f"refs/tags/{tag.name}": tag for tag in chosen}
        found = set().union(*(git.reachable(names, head) for head in heads))
        here = [tag for name, tag in names.items() if name in found]
        rivals += [tag for tag in here if tag.version >= version]
        before = next((tag for tag in here if tag.version < version), None)
        if before is not None:
            return Before(before, git.commit(f"refs/tags/{before.name}"), tuple(rivals))
    return Before(None, None, tuple(rivals))
