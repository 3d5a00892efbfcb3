"""Whether a change is a release, or brings the entry of one to another branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from packaging.version import Version

from tagready.commands.changes.change_case import Port, Reworded, Sides, entries
from tagready.commands.changes.change_set import ChangeSet
from tagready.commands.releases.history import CutOff, Released, changelog_path, consumed, release_of
from tagready.commands.releases.snapshot import Snapshot
from tagready.commands.releases.whereabouts import SHALLOW
from tagready.facts.change_rules import Edits, WrittenEntry, reverted, reverted_by_name
from tagready.facts.changelog import same_text
from tagready.facts.findings import Finding, WorldFailed, WrongUse
from tagready.facts.git_records import Commit, LoggedCommit, Ref
from tagready.facts.tags import ReleaseTag, Tags
from tagready.facts.versions import parse

if TYPE_CHECKING:
    from tagready.commands.releases.proof import Judged
    from tagready.commands.verify import Verified


def released_version(snapshot: Snapshot, refs: Sequence[Ref], sides: Sides, edits: Edits) -> Version | None:
    """Return the version that the change may be a release of: the newest one, or a renewed one that has no tag."""
    if not edits:
        return None
    old = {entry.version for entry in entries(sides.old)} if sides.old else set()
    new = {entry.version for entry in edits.added} - old
    releases = snapshot.tags(refs).releases
    if new:
        elsewhere = {tag.version for tag in releases if tag.version in new and not _has(snapshot, tag)}
        return max(new) if not elsewhere else None
    tagged = {tag.version for tag in releases}
    renewed = {entry.version for _, entry in edits.changed} - tagged
    return renewed.pop() if len(renewed) == 1 else None


def _has(snapshot: Snapshot, tag: ReleaseTag) -> bool:
    """Return whether the change has what a tag is on; a release of another branch is brought here, and not made."""
    commit = snapshot.git.commit(f"refs/tags/{tag.name}")
    return commit is not None and snapshot.git.is_ancestor(commit.oid, snapshot.commit.oid)


def as_release(
    snapshot: Snapshot, refs: Sequence[Ref], version: Version, old: Snapshot | None
) -> Verified | Reworded | None:
    """Return the tag gate's verdict where the entry is what its fragments compile to, or how somebody reworded it.

    An entry that this towncrier cannot compile again (another one made it) is a release still. None is no release:
    nothing in the entry tells of a fragment that was pending before the change (`old`).
    """
    from tagready.commands import verify

    stated = snapshot.stated()
    name = None if stated and parse(stated[0].version) == version else snapshot.tags(refs).name(version)
    verified = verify.judge_tag(snapshot, refs, name, verify.Options())
    # Where the tag is here already, it is the change that brings it to the branch.
    verified = verified._replace(report=verified.report.dropping(["tag-not-on-branch"]))
    judged = verified.judged
    if _is_compiled(snapshot, judged):
        return verified
    differs = _difference(judged)
    removed = {each.path for each in judged.released.fragments} if judged.released is not None else set()
    pending = {fragment.path for fragment in old.survey.fragments} if old else set()
    told = (removed & pending) - {found.path for found in judged.report.findings if found.rule == "fragment-lost"}
    if differs is None or not told:
        return None
    return Reworded(version, differs.message.partition("\n")[2], frozenset(told), verified)


def _is_compiled(snapshot: Snapshot, judged: Judged) -> bool:
    """Return whether an entry is what the fragments compile to that were removed with it, as far as can be told."""
    if judged.entry is not None and judged.released is None:
        raise WorldFailed("the history is cut off before the commit that brought the entry", SHALLOW)
    had_fragments = judged.released is not None and bool(judged.released.fragments)
    skipped = any(skip.rule == "entry-differs" for skip in judged.report.skipped)
    proven = bool(judged.proof) or (skipped and _difference(judged) is None)
    return proven and (had_fragments or snapshot.config.allow_empty)


def _difference(judged: Judged) -> Finding | None:
    return next((found for found in judged.report.findings if found.rule == "entry-differs"), None)


def typed_beside(snapshot: Snapshot, version: Version, edits: Edits) -> tuple[WrittenEntry, ...]:
    """Return the new entries, beside a release's own, that are no release's: their fragments do not make them."""
    from tagready.commands.releases import proof

    others = [entry for entry in edits.added if entry.version != version]
    return tuple(
        entry for entry in others if not _is_compiled(snapshot, proof.judge(snapshot, entry.version, again="", ask=""))
    )


def taken_back(sides: Sides, commits: Sequence[LoggedCommit], tags: Tags, edits: Edits) -> dict[Version, str]:
    """Return the versions whose entry the change takes out as it may, each with the reason.

    Their release has no tag, and a commit says that it reverts the one that brought the entry.
    """
    found: dict[Version, str] = {}
    tagged = {tag.version for tag in tags.releases}
    for entry in edits.removed:
        released = _how_it_came(sides.old, entry) if sides.old and entry.version not in tagged else None
        named = _reverts(sides.new, commits, released.brought.oid) if released else None
        if released and named:
            release = f"the release of {entry.version}, which has no tag"
            found[entry.version] = f"{named.oid[:10]} takes back {released.brought.oid[:10]}, {release}"
    return found


def _how_it_came(snapshot: Snapshot, entry: WrittenEntry) -> Released | None:
    try:
        return release_of(snapshot, entry.path, entry.version)
    except CutOff:
        return None


def _reverts(snapshot: Snapshot, commits: Sequence[LoggedCommit], target: str) -> LoggedCommit | None:
    """Return the commit that says that it reverts another one, by that one's name or its first line; or None."""
    named = next((commit for commit, name in reverted(commits) if target.startswith(name)), None)
    return named or reverted_by_name(commits, snapshot.git.log("-1", target)[0])


def forward_ports(snapshot: Snapshot, refs: Sequence[Ref], change: ChangeSet, edits: Edits) -> tuple[Port, ...]:
    """Return the new entries that a release tag has word for word, but for a release that the change itself makes."""
    tags, own = snapshot.tags(refs).releases, _own_line(change)
    found = []
    for entry in edits.added:
        tag = next((tag for tag in tags if tag.version == entry.version), None)
        commit = snapshot.git.commit(f"refs/tags/{tag.name}") if tag else None
        if not tag or not commit or (commit.oid in own and not _was_released(snapshot, refs, change, commit, entry)):
            continue
        port = _port(snapshot, entry, tag.name, commit)
        found += [port] if port else []
    return tuple(found)


def _own_line(change: ChangeSet) -> set[str]:
    """Return the commits that the change was made by; what it merged came by a second parent."""
    parents = {commit.oid: commit.parents for commit in change.commits}
    own, oid = set(), change.head.oid
    while oid in parents:
        own.add(oid)
        oid = next(iter(parents[oid]), "")
    return own


def _was_released(
    snapshot: Snapshot, refs: Sequence[Ref], change: ChangeSet, tagged: Commit, entry: WrittenEntry
) -> bool:
    """Return whether the change goes on after a release of its own; a tag on whatever is its last proves nothing."""
    if tagged.oid == change.head.oid:
        return False
    try:
        released = as_release(snapshot.at(tagged), refs, entry.version, None)
    except WrongUse:
        return False
    return released is not None and not isinstance(released, Reworded) and released.report.ok


def _port(snapshot: Snapshot, entry: WrittenEntry, tag: str, commit: Commit) -> Port | None:
    try:
        there = snapshot.at(commit)
        path = changelog_path(there, entry.version)
        if not any(same_text(each.text, entry.text) for each in entries(there) if each.version == entry.version):
            return None
        removed = consumed(there, path, entry.version)
    except CutOff:
        return Port(entry, tag, None, merged=False)
    except WrongUse:
        return None
    return Port(entry, tag, removed, snapshot.git.is_ancestor(commit.oid, snapshot.commit.oid))
