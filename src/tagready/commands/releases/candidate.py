"""The candidate: the commit that would be, made of loose objects, judged before any branch points to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tagready.commands.releases import proof
from tagready.commands.releases.ground import Ground
from tagready.commands.releases.history import digest
from tagready.commands.releases.hooks import after_hooks
from tagready.commands.releases.preconditions import uncommitted, unwatched_edits
from tagready.commands.releases.snapshot import Snapshot
from tagready.doors import news
from tagready.doors.git import Git
from tagready.doors.news import Rendering
from tagready.facts import fragments, gate, places
from tagready.facts.changelog import Changelog, Entry, find_marker, insert, same_text
from tagready.facts.findings import Finding, Refused, Report, WorldFailed, as_warning, finding
from tagready.facts.git_records import TreeEntry
from tagready.facts.prepared import Options
from tagready.facts.traces import Compiled

#: Shows an entry to somebody who may change it; returns the new text, or None where nothing was changed.
Edit = Callable[[str, str], str | None]


class Candidate(NamedTuple):
    """The commit that would be, and what the gate said of it."""

    commit: str
    tree: str
    message: str
    entry: str
    rewritten: tuple[str, ...]
    report: Report


def make(ground: Ground, options: Options, report: Report, scratch: Path, edit: Edit) -> Candidate:
    """Return the candidate and the gate's verdict; there is a commit only where the verdict is good."""
    rendering = _render(ground, scratch)
    content = rendering.text
    if options.edit:
        content = _edited(content, edit, ground)
    text = insert(ground.text or "", ground.snapshot.news.start_string, content)
    files = {ground.changelog_path: text, **_bumped(ground)}
    tree = new_tree(ground.snapshot, files, [fragment.path for fragment in ground.fragments], scratch)
    if ground.snapshot.config.hooks:
        tree = after_hooks(ground, tree, content, scratch)
        _refuse_dirty(ground, tree, options)
        changelog = ground.snapshot.changelog(text_at(ground.git, tree, ground.changelog_path))
        older = ground.changelog.entries
    else:
        changelog, older = _as_far_as_new(ground, ground.snapshot.changelog(text))
    del text
    entries = changelog.of(ground.version)
    whole = changelog.whole(entries[0]) if entries else ""
    declared = bool(whole) and not same_text(whole, rendering.text)
    message = _message(ground, options, rendering, whole if declared else None)
    release = gate.Release(
        version=ground.version,
        path=ground.changelog_path,
        changelog=changelog,
        stated=_stated(ground, tree),
        compiled=Compiled(ground.fragments, ground.data.texts() if declared else {}, rendering.text, declared),
        strict_entry=ground.snapshot.config.strict_entry,
        times=(time.time(),),
        date_days=ground.snapshot.config.date_days,
        left_over=_left_over(ground, tree),
        older={entry.version: ground.changelog.text[entry.heading : entry.body].strip() for entry in older},
        again=f"prepare-release {ground.version} --again",
    )
    judged = report.and_(gate.judge(release)).and_(Report(tuple(_dropped(ground, whole)))).without(options.skip)
    commit = ground.git.write_commit(tree, ground.snapshot.commit.oid, message) if judged.ok else ""
    rewritten = tuple(path for path in files if path != ground.changelog_path)
    return Candidate(commit, tree, message, whole, rewritten, judged)


def _dropped(ground: Ground, whole: str) -> Iterator[Finding]:
    """Yield a warning where an entry is made anew, and what people had changed in the old one is not in the new one."""
    renewed = ground.renewed
    if renewed is None or same_text(renewed.whole, whole):
        return
    edits = proof.edits(renewed.released, renewed.entry, renewed.whole)
    if edits:
        what = f"the entry for {ground.version} is made anew, and what was changed in it by hand is not carried over:\n"
        again = f"prepare-release {ground.version} --again --edit"
        fix = f"put in again what you miss: {again} (the old one: git show {ground.snapshot.commit.oid[:10]})"
        yield as_warning(finding("entry-exists", what + "\n".join(edits), fix, ground.changelog_path))


def _as_far_as_new(ground: Ground, changelog: Changelog) -> tuple[Changelog, tuple[Entry, ...]]:
    """Return the changelog up to the first older entry's heading, and the older entries until there.

    What follows is byte for byte what was parsed already, and a heading that is read as one tells that nothing before
    it is left open; parsing ten megabytes a second time would tell nothing more.
    """
    older, old = ground.changelog.entries, ground.changelog.text
    marker = find_marker(old, ground.snapshot.news.start_string)
    new_at = marker.end if marker else 0
    place = next((place for place, entry in enumerate(older) if entry.start >= new_at), None)
    if place is None:
        return changelog, older
    end = len(changelog.text) - (len(old) - older[place].body)
    return replace(changelog, text=changelog.text[:end]), older[: place + 1]


def _refuse_dirty(ground: Ground, tree: str, options: Options) -> None:
    """Refuse where a hook added to a file that has uncommitted changes, which nobody could know before it ran."""
    changed = {change.path for change in ground.git.changes(ground.snapshot.commit.tree, tree)}
    added = sorted(changed - {fragment.path for fragment in ground.fragments})
    if not added or options.branch is not None:
        return
    status = ground.git.status(added)
    dirty = [uncommitted(item) for item in {item.path: item for item in status.paths}.values()]
    dirty += unwatched_edits(ground.snapshot, added, status)
    if dirty:
        raise Refused(*dirty)


def _render(ground: Ground, scratch: Path) -> Rendering:
    """Return the rendered entry; its title spells the version as the entries before it do (setuptools: v84.0.0)."""
    spelled = str(ground.version)
    old = ground.changelog.entries[:2]
    prefixed = ground.tags.format.startswith("v") and old and all(entry.spelled.startswith("v") for entry in old)
    try:
        rendering = ground.snapshot.render(ground.data, scratch, spelled, ground.date)
        if prefixed and _title(ground, rendering).spelled == spelled:
            rendering = ground.snapshot.render(ground.data, scratch, f"v{spelled}", ground.date)
    except news.DidNotEnd:
        raise WorldFailed(
            f"towncrier did not come to an end within {news.RENDER_SECONDS:g} seconds",
            "look for a loop in the template, or a fragment with a long code block",
            "towncrier build --draft",
        ) from None
    return rendering


def _title(ground: Ground, rendering: Rendering) -> Entry:
    entries = ground.snapshot.changelog(rendering.text).of(ground.version)
    return entries[0] if entries else Entry(ground.version, "", "", None, 0, 0, 0, 0, 0)


def _edited(content: str, edit: Edit, ground: Ground) -> str:
    changed = edit(content.strip() + "\n", ".md" if ground.snapshot.news.markdown else ".rst")
    if changed is None:
        return content
    if not changed.strip():
        raise Refused(
            finding(
                "entry-empty",
                "the edited entry is empty, so nothing is released",
                "run it again and leave some text, or leave --edit out",
                ground.changelog_path,
            )
        )
    lead = content[: len(content) - len(content.lstrip())]
    tail = content[len(content.rstrip()) :]
    return lead + changed.strip() + tail


def _bumped(ground: Ground) -> dict[str, str]:
    """Return the files that state the version, rewritten."""
    snapshot = ground.snapshot
    texts = snapshot.texts(snapshot.places)
    for place in snapshot.places.places:
        texts[place.path] = places.rewrite(place, texts[place.path], str(ground.version))
    return {path: text for path, text in texts.items() if text != snapshot.text(path)}


def new_tree(snapshot: Snapshot, files: Mapping[str, str], removed: Iterable[str], scratch: Path) -> str:
    """Return the commit's tree with files as they should be, and without those removed; written, but for no ref."""
    git, tree = snapshot.git, snapshot.commit.tree
    resolved = {git.resolve(tree, path): text.encode("utf-8", "surrogateescape") for path, text in files.items()}
    blobs = git.write_blobs(resolved, scratch / "blobs")
    changes: dict[str, TreeEntry | None] = {}
    for path, oid in blobs.items():
        old = git.entry(tree, path)
        changes[path] = TreeEntry(old.mode if old else "100644", oid)
    changes |= {path: None for path in removed if git.entry(tree, path) is not None}
    return git.write_tree(tree, changes)


def text_at(git: Git, tree: str, path: str) -> str:
    """Return a file of a tree as text, empty where there is none; bytes that are no UTF-8 survive."""
    return (git.smudged(tree, path) or b"").decode("utf-8", "surrogateescape")


def _stated(ground: Ground, tree: str) -> list[places.Stated]:
    found = []
    for place in ground.snapshot.places.places:
        found += places.stated(place, text_at(ground.git, tree, place.path))
    return found


def _left_over(ground: Ground, tree: str) -> dict[str, str]:
    """Return the fragments that are in the candidate's tree, with their texts: a hook may have brought some back."""
    news_ = ground.snapshot.news
    return {
        section.path(name): text_at(ground.git, tree, section.path(name))
        for section in news_.sections
        for name, entry in ground.git.listing(tree, section.directory).items()
        if entry.kind == "blob"
        and not fragments.ignored_by_towncrier(news_, name)
        and fragments.read_name(news_, section, name)
    }


def _message(ground: Ground, options: Options, rendering: Rendering, edited: str | None) -> str:
    """Return the commit's message; its trailers record what a later proof needs."""
    trailers = [f"Towncrier: {rendering.towncrier}"]
    if ground.renewed is not None:
        trailers.append(f"Renews: {ground.renewed.released.commits[0].oid}")
    if edited is not None:
        trailers.append(f"Entry-Edited: {digest(edited)}")
    trailers += [f"Skipped-Rule: {rule}" for rule in sorted(set(options.skip))]
    if options.signoff:
        trailers.append(f"Signed-off-by: {ground.git.committer()}")
    title = ground.snapshot.config.commit_message.replace("{version}", str(ground.version)).strip()
    return title + "\n\n" + "\n".join(trailers) + "\n"
