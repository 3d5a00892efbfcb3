"""The rules about what a change does to fragments: each is valid, none is lost, and code has one."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence

from tagready.commands.changes.change_case import Case, Said
from tagready.commands.changes.trial import DATE
from tagready.commands.releases.ground import SHALLOW
from tagready.commands.releases.hanging import hanging
from tagready.commands.releases.snapshot import Snapshot
from tagready.facts import change_rules, fragment_needed, fragments, places
from tagready.facts.change_rules import NEXT, FragmentText
from tagready.facts.changelog import same_text
from tagready.facts.findings import Finding, Level, Report, Skipped, WrongUse
from tagready.facts.fragment_needed import NOT_ASKED, ToWrite
from tagready.facts.fragments import Fragment
from tagready.facts.git_records import Commit, LoggedCommit, TreeEntry


def valid(case: Case) -> Said:
    """Judge every pending fragment; what was wrong before, in a file that the change left alone, is a warning."""
    new, touched = case.new, case.touched
    pending = new.survey.fragments
    contents = new.fragment_data(pending).contents
    found = new.fragment_faults(pending, contents)
    mine = [fragment for fragment in pending if fragment.path in touched]
    found += hanging(new, mine, contents, NEXT, DATE)
    known: set[Finding] = set()
    if any(each.path not in touched for each in found):
        for before in (case.sides.old, case.sides.tip):
            known |= _faults(before) if before else set()
    return Report(tuple(change_rules.as_owned(found, touched, known))), []


def _faults(snapshot: Snapshot) -> set[Finding]:
    pending = snapshot.survey.fragments
    return set(snapshot.fragment_faults(pending, snapshot.fragment_data(pending).contents))


def deleted(case: Case) -> Said:
    """Judge the fragments that were pending before and are no more."""
    old, tip = case.sides.old, case.sides.tip
    if old is None:
        return case.unreadable("fragment-deleted"), []
    if old.news == case.new.news and all(change.new for change in case.change.changes):
        return Report(), []
    still = {fragment.path for fragment in case.new.survey.fragments}
    at_tip = {fragment.path for fragment in tip.survey.fragments} if tip else None
    paths = [each for each in old.survey.fragments if each.path not in still]
    paths = [each for each in paths if at_tip is None or each.path in at_tip]
    if fork := case.change.fork:
        paths = [each for each in paths if old.git.entry(fork.tree, each.path)]
    if not paths:
        return Report(), []
    before = {fragment.path for fragment in old.survey.fragments}
    gone = change_rules.really_gone(_texts(old, paths), _texts(case.new, case.new.survey.fragments), still - before)
    told = case.reworded.told if case.reworded else frozenset()
    gone = [each for each in gone if each.path not in told and not _was_ported(case, each)]
    if gone and any(port.removed is None for port in case.ports):
        return Report(skipped=(Skipped("fragment-deleted", SHALLOW),)), []
    left, notes = [], []
    for each in gone:
        why = _why_reverted(case, old, each.path)
        left += [] if why else [each]
        notes += [f"{each.path} goes with what it told of: {why}"] if why else []
    declared = change_rules.edit_declared(case.change.commits)
    if left and declared is not None:
        return Report(), [*notes, permits(declared, (each.path for each in left))]
    return Report(tuple(change_rules.fragments_deleted(left, case.start))), notes


def ported(case: Case) -> Said:
    """Judge whether fragments are still pending whose release's entry the change brings here."""
    found = []
    for port in case.ports:
        for path, content in (port.removed or {}).items():
            here = case.new.read(path)
            if here is not None and same_text(here.decode("utf-8", "replace"), content.decode("utf-8", "replace")):
                found.append(change_rules.still_pending(path, port.entry.version))
    return Report(tuple(found)), []


def _texts(snapshot: Snapshot, chosen: Sequence[Fragment]) -> list[FragmentText]:
    texts = snapshot.fragment_data(chosen).texts()
    return [FragmentText(fragment, texts[fragment.path]) for fragment in chosen]


def _was_ported(case: Case, gone: FragmentText) -> bool:
    """Return whether a release whose entry is ported here removed the very same fragment, or its entry shows it.

    After a release candidate, the commit that brought the final entry has removed nothing (towncrier's own releases).
    """
    for port in case.ports:
        content = (port.removed or {}).get(gone.path)
        if content is not None and same_text(content.decode("utf-8", "replace"), gone.text):
            return True
        if change_rules.shown_by(port.entry.text, gone, case.new.news):
            return True
    return False


def _why_reverted(case: Case, old: Snapshot, path: str) -> str:
    """Return how the change undoes the commit that brought a fragment, or an empty text where that is not provable.

    Either a commit says that it reverts that one, and takes back some of it; or all that it did beside the fragment is
    as it was before it.
    """
    git, commits = case.new.git, case.change.commits
    for commit, name in change_rules.reverted(commits):
        target = git.commit(name)
        others = _beside(case, target, path) if target else None
        if target and others is not None and (not others or case.touched & others.keys()):
            return f"{commit.oid[:10]} reverts {target.oid[:10]}, which brought it"
    brought = git.log("--first-parent", "-m", "--diff-filter=A", "-1", old.commit.oid, path=path)
    target = git.commit(brought[0].oid) if brought else None
    others = _beside(case, target, path) if target else None
    if not target or not others:
        return ""
    named = change_rules.reverted_by_name(commits, brought[0])
    if named and case.touched & others.keys():
        return f"{named.oid[:10]} reverts {target.oid[:10]}, which brought it"
    undone = all(git.entry(case.new.commit.tree, each) == was for each, was in others.items())
    return f"all that {target.oid[:10]} did, which brought it, is undone" if undone else ""


def _beside(case: Case, commit: Commit, path: str) -> dict[str, TreeEntry | None] | None:
    """Return what a commit that brought a fragment changed beside the news, as it was before; None if it did not."""
    git, news = case.new.git, case.new.news
    parent = git.commit(commit.parents[0]) if commit.parents else None
    if parent is None or git.entry(parent.tree, path) or not git.entry(commit.tree, path):
        return None
    folders = {section.directory for section in news.sections}
    return {
        each.path: each.old
        for each in git.changes(parent.tree, commit.tree)
        if posixpath.dirname(each.path) not in folders and each.path != news.changelog
    }


def missing(case: Case) -> Said:
    """Judge whether a change of code comes with a fragment."""
    new, change = case.new, case.change
    if new.config.require_fragment == "never" or case.reworded:
        return Report(), []
    touched = case.touched
    code = _code(case)
    if not code or any(fragment.path in touched for fragment in new.survey.fragments):
        return Report(), []
    if any(found.rule == "fragment-ignored" and found.path in touched for found in new.survey.findings):
        return Report(), []  # it is there, under a name that is a finding already
    lacks = lacking(case)
    why = change_rules.no_fragment_needed(change.commits, change.event) or _told_elsewhere(case, lacks.code)
    if why:
        return Report(), [f"{NOT_ASKED}: {why}"]
    if change.queued:
        reason = "a merge queue's event does not tell the labels; each pull request was judged when it was made"
        return Report(skipped=(Skipped("fragment-missing", reason),)), []
    level = Level(new.config.require_fragment)
    return Report((fragment_needed.fragment_missing(lacks, level, _uncommitted(new)),)), []


def lacking(case: Case) -> ToWrite:
    """Return the fragment that the change lacks, named as the pull request, the branch or nothing says."""
    branch = os.environ.get("GITHUB_HEAD_REF") or case.new.git.current_branch()
    issue = fragment_needed.issue_for(case.change.event.number, branch, case.new.news)
    return fragment_needed.to_write(_untold(case), case.new.news, issue, case.new.survey.fragments)


def _code(case: Case) -> list[str]:
    return [path for path in sorted(case.touched) if _is_code(case, path)]


def _untold(case: Case) -> list[str]:
    """Return the code that no release tells of whose entry is merged here."""
    tags = [case.new.git.commit(f"refs/tags/{port.tag}") for port in case.ports if port.merged]
    merged = [tag for tag in tags if tag]
    return [path for path in _code(case) if not merged or not _came_with(case, merged, path)]


def _came_with(case: Case, merged: Sequence[Commit], path: str) -> bool:
    """Return whether a path is as a merged release has it, or a merge alone made it of that and the base branch's.

    A merge resolves conflicts in what both sides changed; what neither had is somebody's own.
    """
    git, change = case.new.git, case.change
    if any(git.entry(tag.tree, path) == git.entry(case.new.commit.tree, path) for tag in merged):
        return True
    others = [f"^{commit.oid}" for commit in (change.tip, *merged)]
    if git.log("--no-merges", "-1", change.head.oid, *others, path=path):
        return False
    forks = [(tag, git.merge_base(change.tip.oid, tag.oid)) for tag in merged]
    return any(fork is None or git.entry(fork.tree, path) != git.entry(tag.tree, path) for tag, fork in forks)


def _uncommitted(snapshot: Snapshot) -> list[str]:
    """Return the fragments that lie in the working tree and are not committed: somebody wrote one, and forgot that."""
    if snapshot.git.bare:
        return []
    news, extra = snapshot.news, snapshot.config.extra_files
    folders = {section.directory: section for section in news.sections}
    types = [type_.name for type_ in news.types]
    places = [(item.path, *posixpath.split(item.path)) for item in snapshot.git.status(list(folders)).paths]
    return [
        path
        for path, folder, name in places
        if (section := folders.get(folder or "."))
        and (
            fragments.read_name(news, section, name)
            or (fragments.meant_as_news(path, extra) and fragments.likely_name(name, types, ".md"))
        )
    ]


def _is_code(case: Case, path: str) -> bool:
    new = case.new
    if not fragment_needed.counts_as_code(path, new.root, new.news, new.config.code_paths):
        return False
    if path != new.sources.path("pyproject.toml") or new.config.code_paths:
        return not _only_version(case, path)
    return fragment_needed.metadata_changed(new.git.read(case.change.base.tree, path), new.read(path))


def _only_version(case: Case, path: str) -> bool:
    """Return whether a file changed in the version that it states, and in nothing else; that is for another rule."""
    new = case.new
    try:
        own = [place for place in new.places.places if place.path == path]
    except WrongUse:
        return False
    contents = (new.git.read(case.change.base.tree, path), new.read(path)) if own else (None, None)
    before, after = (None if each is None else each.decode("utf-8", "surrogateescape") for each in contents)
    if before is None or after is None:
        return False
    if any(len(places.stated(place, text)) != 1 for place in own for text in (before, after)):
        return False
    for place in own:
        before = places.rewrite(place, before, places.stated(place, after)[0].version)
    return before == after


def _told_elsewhere(case: Case, untold: Sequence[str]) -> str:
    """Return where else the change is told of: in the entry of a merged release, or nowhere, for it was reverted."""
    merged = [port.tag for port in case.ports if port.merged]
    if merged and not untold:
        return f"this merges {merged[0]}, whose entry tells of it"
    removed = [each.path for each in case.change.changes if each.new is None]
    known = {fragment.path for fragment in case.sides.old.survey.fragments} if case.sides.old else set()
    for path in removed:
        if path in known and case.sides.old and _why_reverted(case, case.sides.old, path):
            return f"what {path} told of is taken back before anybody got it"
    return ""


def permits(declared: LoggedCommit, what: Iterable[str]) -> str:
    """Return the sentence that somebody meant what became of entries, or of fragments."""
    names = ", ".join(dict.fromkeys(what))
    return f'{declared.oid[:10]} "{declared.subject}" says [changelog edit], which permits what it does to: {names}'
