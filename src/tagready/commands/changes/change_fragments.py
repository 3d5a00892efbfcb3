"""The rules about what a change does to fragments: each is valid, none is lost, and code has one."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from tagready.commands.changes.change_case import Case, Said
from tagready.commands.changes.trial import DATE
from tagready.commands.releases.hanging import hanging
from tagready.commands.releases.snapshot import Snapshot
from tagready.commands.releases.whereabouts import SHALLOW
from tagready.facts import change_rules, fragment_needed, fragments, places
from tagready.facts.change_rules import NEXT, FragmentText
from tagready.facts.changelog import same_text
from tagready.facts.findings import Finding, Level, Report, Skipped, WrongUse
from tagready.facts.fragment_needed import NOT_ASKED, ToWrite
from tagready.facts.fragments import Fragment
from tagready.facts.git_records import TREE, Commit, LoggedCommit, TreeEntry
from tagready.facts.traces import squeezed


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
    old = case.sides.old
    if old is None:
        return case.unreadable("fragment-deleted"), []
    if old.news == case.new.news and not any(
        change.old and old.news.section_of(change.path) for change in case.change.changes
    ):
        return Report(), []
    gone, lost = _gone(case, old), _replaced(case, old)
    if gone and any(port.removed is None for port in case.ports):
        return Report(skipped=(Skipped("fragment-deleted", SHALLOW),)), []
    unseen = [each for each in gone if case.new.git.entry(case.new.commit.tree, each.path)]
    left, notes = [], []
    for each in gone:
        why = "" if each in unseen else _why_reverted(case, old, each.path)
        left += [] if why or each in unseen else [each]
        notes += [f"{each.path} goes with what it told of: {why}"] if why else []
    known = {found.path for found in case.new.survey.findings if found.rule == "fragment-ignored"}
    unseen = [each for each in unseen if each.path not in known]
    declared = change_rules.edit_declared(case.change.commits)
    if (left or unseen or lost) and declared is not None:
        return Report(), [*notes, permits(declared, (each.path for each in [*left, *unseen, *lost]))]
    found = change_rules.fragments_deleted(left, case.way_back)
    found += change_rules.fragments_unseen([(each.path, _home(case.new, each)) for each in unseen], case.way_back)
    found += [change_rules.fragment_replaced(each, case.way_back) for each in lost]
    return Report(tuple(found)), notes


def _gone(case: Case, old: Snapshot) -> list[FragmentText]:
    """Return the fragments of before that are pending no more, and that no release told of which the change brings."""
    tip = case.sides.tip
    still = {fragment.path for fragment in case.new.survey.fragments}
    at_tip = {fragment.path for fragment in tip.survey.fragments} if tip else None
    paths = [each for each in old.survey.fragments if each.path not in still]
    paths = [each for each in paths if at_tip is None or each.path in at_tip]
    if fork := case.change.fork:
        paths = [each for each in paths if old.git.entry(fork.tree, each.path)]
    if not paths:
        return []
    before = {fragment.path for fragment in old.survey.fragments}
    new, touched = still - before, case.touched
    pending = _texts(case.new, case.new.survey.fragments)
    gone = change_rules.really_gone(_texts(old, paths), pending, new | touched, new & touched)
    told = case.reworded.told if case.reworded else frozenset()
    return [each for each in gone if each.path not in told and not _was_ported(case, each)]


def _home(snapshot: Snapshot, was: FragmentText) -> str:
    """Return where a fragment would lie by the settings as they are now."""
    sections = snapshot.news.sections
    section = next((each for each in sections if each.name == was.fragment.section), sections[0])
    return section.path(posixpath.basename(was.path))


def _replaced(case: Case, old: Snapshot) -> list[FragmentText]:
    """Return the fragments, as they were, in whose files somebody else has written something else.

    Whoever wrote one may say it anew from the first word to the last.
    """
    read = {fragment.path: fragment for fragment in case.new.survey.fragments}
    edited = {change.path for change in case.change.changes if change.old and change.path in read}
    shown = {type_.name for type_ in case.new.news.types if type_.shows_content}
    before = [each for each in old.survey.fragments if each.path in edited and each.type in shown]
    if not before:
        return []
    found = change_rules.replaced(_texts(old, before), _texts(case.new, case.new.survey.fragments))
    return [each for each in found if not _is_own(case, each.path) and not _is_taken_back(case, each.path)]


def _is_own(case: Case, path: str) -> bool:
    """Return whether somebody of this change has written the fragment that was there before it."""
    git, change = case.new.git, case.change
    authors = [(commit.author, commit.author_email) for commit in change.commits]
    if change.staged:
        authors.append((git.config("user.name") or "", git.config("user.email") or ""))
    people = {known for author in authors for known in change_rules.identities(*author)}
    writers = git.log(change.base.oid, path=path)
    return any(people & change_rules.identities(commit.author, commit.author_email) for commit in writers)


def _is_taken_back(case: Case, path: str) -> bool:
    """Return whether a commit says that it reverts one, and the file is as it was before that."""
    git, new = case.new.git, case.new.commit
    targets = [git.commit(name) for _, name in change_rules.reverted(case.change.commits)]
    before = [git.commit(oid) for target in targets if target for oid in target.parents[:1]]
    return any(commit and git.entry(commit.tree, path) == git.entry(new.tree, path) for commit in before)


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
    git = case.new.git
    parent = git.commit(commit.parents[0]) if commit.parents else None
    if parent is None or git.entry(parent.tree, path) or not git.entry(commit.tree, path):
        return None
    return {each.path: each.old for each in git.changes(parent.tree, commit.tree) if not _is_news(case, each.path)}


def missing(case: Case) -> Said:
    """Judge whether a change of code comes with a fragment."""
    new, change = case.new, case.change
    if new.config.require_fragment == "never" or case.reworded:
        return Report(), []
    touched = case.touched
    code = _code(case)
    if not code:
        return Report(), _idle_globs(case)
    telling = _telling(case)
    if any(new.news.type(fragment.type).tells for fragment in telling):
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
    untold = [fragment.path for fragment in telling]
    return Report((fragment_needed.fragment_missing(lacks, level, _uncommitted(new), untold),)), []


def _telling(case: Case) -> list[Fragment]:
    """Return the fragments that the change wrote, or wrote on; to rename one, or to move its words, tells nothing."""
    new, old = case.new, case.sides.old
    touched = case.touched
    mine = [fragment for fragment in new.survey.fragments if fragment.path in touched]
    if old is None or not any(change.old and old.news.section_of(change.path) for change in case.change.changes):
        return mine
    before = {squeezed(each.text) for each in _texts(old, [was for was in old.survey.fragments if was.path in touched])}
    return [each.fragment for each in _texts(new, mine) if squeezed(each.text) not in before]


def _idle_globs(case: Case) -> list[str]:
    """Return a sentence for each glob of `code-paths` that means no file here, so that it could ask for nothing."""
    new = case.new
    return [
        f"code-paths: {glob!r} matches no file, so no change asks for a fragment by it"
        for glob in new.config.code_paths
        if not any(fragment_needed.is_meant(path, glob) for path in _files_for(new, glob))
    ]


def _files_for(snapshot: Snapshot, glob: str) -> Iterator[str]:
    """Yield the files that a glob might mean: those below its folders that have a plain name."""
    parts = fragment_needed.normalized_glob(glob).split("/")
    plain = "/".join(takewhile(lambda part: not re.search(r"[*?\[]", part), parts))
    entry = snapshot.git.entry(snapshot.commit.tree, plain)
    if entry and entry.mode == TREE:
        yield from _files(snapshot, entry.oid, f"{plain}/" if plain else "")
    elif entry:
        yield plain


def _files(snapshot: Snapshot, tree: str, prefix: str) -> Iterator[str]:
    for name, entry in snapshot.git.tree(tree).items():
        if entry.mode == TREE:
            yield from _files(snapshot, entry.oid, f"{prefix}{name}/")
        else:
            yield prefix + name


def lacking(case: Case) -> ToWrite:
    """Return the fragment that the change lacks, named as the pull request, the branch or nothing says."""
    branch = os.environ.get("GITHUB_HEAD_REF") or case.new.git.current_branch()
    new, tip = case.new, case.sides.tip
    issue = fragment_needed.issue_for(case.change.event.number, branch, new.news)
    written = (*new.survey.fragments, *(tip.survey.fragments if tip else ()))
    names = new.git.listing(new.commit.tree, fragment_needed.home(new.news).directory)
    return fragment_needed.to_write(_untold(case), new.news, issue, written, names, new.config.bump_rules)


def _code(case: Case) -> list[str]:
    code = [path for path in sorted(case.touched) if _is_code(case, path)]
    others = [] if case.new.config.code_paths else _projects_below(case.new, code)
    return [path for path in code if not path.startswith(tuple(f"{folder}/" for folder in others))]


def _projects_below(snapshot: Snapshot, paths: Iterable[str]) -> list[str]:
    """Return the folders of other projects that some files of the project's folder belong to: they have own news."""
    folders: set[str] = set()
    for path in paths:
        folder = posixpath.dirname(path)
        while folder != snapshot.root and folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return [folder for folder in sorted(folders) if _has_news(snapshot, folder)]


def _has_news(snapshot: Snapshot, folder: str) -> bool:
    listing = snapshot.git.listing(snapshot.commit.tree, folder)
    if "towncrier.toml" in listing:
        return True
    content = snapshot.read(f"{folder}/pyproject.toml") if "pyproject.toml" in listing else None
    return content is not None and b"[tool.towncrier" in content


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
    places = [item.path for item in snapshot.git.status([section.directory for section in news.sections]).paths]
    return [
        path
        for path in places
        if (section := news.section_of(path))
        and fragments.looks_like_news(news, name := posixpath.basename(path))
        and (fragments.read_name(news, section, name) or fragments.meant_as_news(path, extra))
    ]


def _is_code(case: Case, path: str) -> bool:
    new = case.new
    if _is_news(case, path) or not fragment_needed.counts_as_code(path, new.root, new.news, new.config.code_paths):
        return False
    if path != new.sources.path("pyproject.toml") or new.config.code_paths:
        return not _only_version(case, path)
    return fragment_needed.metadata_changed(new.git.read(case.change.base.tree, path), new.read(path))


def _is_news(case: Case, path: str) -> bool:
    """Return whether a file is of the news, or was until the change put those elsewhere."""
    sides = [each for each in (case.new, case.sides.old) if each]
    return any(fragment_needed.is_news(path, each.root, each.news) for each in sides)


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
