"""What people amended into a release commit of ours: in it, nothing tells their work from what we made."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from packaging.version import Version

from tagready.commands.releases import proof
from tagready.commands.releases.history import as_stated, changelog_path, has_declared_edit
from tagready.commands.releases.snapshot import Snapshot
from tagready.facts import places
from tagready.facts.changelog import without


def is_as_made(release: Snapshot, version: Version) -> bool:
    """Return whether a release commit is just what prepare-release makes; an edited entry is not, though declared."""
    return has_entry_as_made(release, version) and has_files_as_made(release, version)


def has_entry_as_made(release: Snapshot, version: Version) -> bool:
    """Return whether the entry is just what the fragments compile to; no, where that cannot be told."""
    if has_declared_edit(release.commit.message):
        return False
    report = proof.judge(release, version, again="", ask="").report
    differs = [each for each in report.findings if each.rule == "entry-differs"]
    return not differs and all(each.rule != "entry-differs" for each in report.skipped)


def has_files_as_made(release: Snapshot, version: Version) -> bool:
    """Return whether a release commit changes nothing but the entry, the version, fragments, and what hooks declare."""
    git, commit = release.git, release.commit
    parent = git.commit(commit.parents[0])
    if parent is None:
        return False
    before, changes = release.at(parent), git.changes(parent.tree, commit.tree)
    made = {change.path for change in changes if change.new is None and before.news.section_of(change.path)}
    strange = {change.path for change in changes} - made - set(_rewritten(before, release, version))
    patterns = [posixpath.join(release.root, glob) for hook in release.config.hooks for glob in hook.adds]
    return not strange or (bool(patterns) and strange <= git.differing(parent.oid, commit.oid, patterns))


def _rewritten(before: Snapshot, after: Snapshot, version: Version) -> Iterator[str]:
    """Yield the files in which the entry, or the version, is all that is new."""
    git, tree, path = before.git, before.commit.tree, changelog_path(after, version)
    if _around(before, path, version) == _around(after, path, version):
        yield path
    texts = before.texts(before.places)
    if not places.judge(before.places, texts):
        spelled = str(as_stated(after, version))
        for place in before.places.places:
            texts[place.path] = places.rewrite(place, texts[place.path], spelled)
        yield from (git.resolve(tree, path) for path, text in texts.items() if after.text(path) == text)


def _around(snapshot: Snapshot, path: str, version: Version) -> list[str]:
    """Return the words of a changelog but for the version's entry."""
    text = snapshot.text(path) or ""
    for entry in reversed(snapshot.changelog(text).of(version)):
        text = without(text, entry)
    return text.split()
