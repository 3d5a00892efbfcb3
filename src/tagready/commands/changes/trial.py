"""The next entry, tried: what fragments will be in the changelog, and what they would spoil there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from tagready.commands.releases.history import changelog_path
from tagready.commands.releases.snapshot import FragmentData, Snapshot
from tagready.commands.releases.whereabouts import scratch_folder
from tagready.doors.news import DidNotEnd, render
from tagready.facts import change_rules
from tagready.facts.change_rules import NEXT
from tagready.facts.findings import Finding, Report, Skipped, WorldFailed, as_warning, finding
from tagready.facts.fragments import Fragment, quoted
from tagready.facts.git_records import TREE

if TYPE_CHECKING:
    from tagready.facts.rst_verdict import Problem

#: The date that a fragment is rendered with where no release is made.
DATE = "2000-01-01"
#: Faults of one fragment's markup that are listed: what follows the first ones is often their doing.
FEW = 3
#: Bytes of a changelog into which entries are tried.
ENOUGH = 50_000


def try_entry(snapshot: Snapshot, chosen: Sequence[Fragment], before: Snapshot | None) -> tuple[Report, str]:
    """Return what some fragments would spoil in the changelog, and what they will be there: Markdown, no heading.

    `before` is the project before the change that brings them, None where it had no towncrier.
    """
    if not chosen:
        return Report(), ""
    contents = snapshot.fragment_data(chosen).contents
    try:
        entry = _rendered(snapshot, contents)
        found = spoiled(snapshot, entry)
        if found is not None:
            return Report(tuple(map(_committed, _guilty(snapshot, contents, found)))), ""
        text = body_of(snapshot, entry)
        if not snapshot.news.markdown:
            return Report(tuple(map(_of_file, unshown(snapshot, contents, text)))), _as_markdown(text)
        return Report(), text
    except DidNotEnd:
        return Report(skipped=(Skipped("fragment-hangs", "towncrier took too long for these fragments together"),)), ""
    except WorldFailed as failure:
        of_settings = try_settings(snapshot, before)
        return of_settings if of_settings != Report() else _unrendered(snapshot, contents, failure), ""


def _committed(found: Finding) -> Finding:
    return replace(found, fix=f"{found.fix}, and commit")


def _of_file(found: Finding) -> Finding:
    has_line = found.path and found.line is not None
    same = f"; to see the same: python -m docutils {quoted(found.path or '')}" if has_line else ""
    return replace(found, fix=_committed(found).fix + same)


def try_settings(snapshot: Snapshot, before: Snapshot | None) -> Report:
    """Return whether towncrier can make an entry by the settings and the template at all, of the plainest fragments.

    It is not judged where it could not be made before the change, either.
    """
    why = _why_no_entry(snapshot)
    if not why:
        return Report()
    if before is not None and _why_no_entry(before):
        return Report(skipped=(Skipped("entry-unrenderable", f"it was so before this change: {why}"),))
    news = snapshot.news
    path = news.template if news.template and _is_new(snapshot, before, news.template) else news.config_path
    what = f"towncrier can make no entry by the settings and the template as they are now: {why}"
    fix = f"mend {path}, and commit; to see what it makes: towncrier build --draft --version 1.0"
    return Report((finding("entry-unrenderable", what, fix, path),))


def _is_new(snapshot: Snapshot, before: Snapshot | None, path: str) -> bool:
    then = before.git.entry(before.commit.tree, path) if before else None
    return then != snapshot.git.entry(snapshot.commit.tree, path)


def _why_no_entry(snapshot: Snapshot) -> str:
    """Return why no entry can be made by the settings and the template, or an empty text."""
    section, issue = snapshot.news.sections[0], _some_issue(snapshot)
    contents = {section.path(f"{issue}.{type_.name}"): b"Text.\n" for type_ in snapshot.news.types}
    try:
        entry = _rendered(snapshot, contents)
    except DidNotEnd:
        return "it does not come to an end"
    except WorldFailed as failure:
        return _words(failure)
    if not snapshot.changelog(entry).of(Version(NEXT)):
        first = next((line for line in entry.splitlines() if line.strip()), "")
        return f"no heading of it names the version, so nobody could find the entry again (it begins with {first!r})"
    return ""


def _some_issue(snapshot: Snapshot) -> str:
    """Return what a fragment's name may begin with, if possible with an issue that the project could have."""
    news = snapshot.news
    known = [fragment.issue for fragment in snapshot.survey.fragments if fragment.issue]
    fitting = (issue for issue in ["1", *known] if not news.issue_pattern or re.fullmatch(news.issue_pattern, issue))
    return next(fitting, f"{news.orphan_prefix}text")


def _words(failure: WorldFailed) -> str:
    return (failure.stderr.strip().splitlines() or [failure.what])[-1]


def _unrendered(snapshot: Snapshot, contents: Mapping[str, bytes], failure: WorldFailed) -> Report:
    """Return the finding for each fragment that towncrier cannot render, or for all of them together."""
    guilty = {path: words for path, content in contents.items() if (words := _why_not(snapshot, path, content))}
    if not guilty:
        return Report((_unrenderable("these fragments together", None, _words(failure)),))
    return Report(tuple(_unrenderable(path, path, words) for path, words in guilty.items()))


def _unrenderable(who: str, path: str | None, words: str) -> Finding:
    what = f"{who}: towncrier cannot render that ({words})"
    return finding("fragment-malformed", what, "mend what towncrier names, and commit", path)


def _why_not(snapshot: Snapshot, path: str, content: bytes) -> str:
    try:
        _rendered(snapshot, {path: content})
    except WorldFailed as failure:
        return _words(failure)
    return ""


def body_of(snapshot: Snapshot, entry: str) -> str:
    """Return an entry for NEXT without its title.

    A template may name the version in other places (virtualenv's in each category); nobody is to read our number there.
    """
    changelog = snapshot.changelog(entry)
    entries = changelog.of(Version(NEXT))
    return (changelog.body(entries[0]) if entries else entry.strip()).replace(NEXT, "next")


def is_plain(content: bytes) -> bool:
    """Return whether a text is so plain that it can spoil nothing: lines of words, and the marks of a sentence."""
    return re.fullmatch(_PLAIN, content) is not None and b"::" not in content


_PLAIN = rb"(?:(?:[A-Za-z0-9\x80-\xff][A-Za-z0-9\x80-\xff .,;:!?'()/-]*)?\n)*"


def _rendered(snapshot: Snapshot, contents: Mapping[str, bytes]) -> str:
    with scratch_folder() as scratch:
        folder = snapshot.export(FragmentData(contents, proven=False), scratch)
        return render(snapshot.order(folder, NEXT, DATE)).text


def spoiled(snapshot: Snapshot, entry: str) -> Finding | None:
    """Return what an entry would do to the changelog, and to the entry after it."""
    path = changelog_path(snapshot, Version(NEXT))
    old = (snapshot.read(path) or b"")[:ENOUGH].decode("utf-8", "surrogateescape") if snapshot.news.single_file else ""
    return change_rules.spoiled_by(snapshot.changelog, old, snapshot.news.start_string, entry)


def _guilty(snapshot: Snapshot, contents: Mapping[str, bytes], found: Finding) -> list[Finding]:
    """Return the finding for each fragment that spoils the changelog alone; none if the template does with any text."""
    alone = {path: spoiled(snapshot, _rendered(snapshot, {path: content})) for path, content in contents.items()}
    guilty = [replace(each, path=path) for path, each in alone.items() if each]
    if guilty and spoiled(snapshot, _rendered(snapshot, {guilty[0].path or "": b"Text.\n"})):
        return []
    return guilty or [found]


def unshown(snapshot: Snapshot, contents: Mapping[str, bytes], entry: str) -> list[Finding]:
    """Return what keeps PyPI and GitHub from showing the entry, at the fragment and its line where one is to blame."""
    together = _problems(snapshot, entry)
    if not together or _problems(snapshot, _rendered(snapshot, {next(iter(contents)): b"Text.\n"})):
        return []  # the project's template is no contributor's to mend
    found = []
    known = {problem.kind for problem in together}
    for path, content in contents.items():
        own = [each for each in _problems(snapshot, content.decode("utf-8", "replace")) if each.kind in known]
        found += [_unshowable(path, each) for each in list(dict.fromkeys(own))[:FEW]]
        found += [] if own else _spoiled_on_the_way(snapshot, path, content)
    return found or [_unshowable(None, problem._replace(line=None)) for problem in together[:1]]


def _spoiled_on_the_way(snapshot: Snapshot, path: str, content: bytes) -> list[Finding]:
    """Return what stands against a text only as the entry has it: indented, and with the issue behind it."""
    problems = _problems(snapshot, _rendered(snapshot, {path: content}))[:1]
    found = [_unshowable(path, each._replace(line=None)) for each in problems]
    why = "towncrier indents the text, and appends the issue to its last line"
    return [replace(each, message=f"{each.message}; {why}", fix="add a sentence after it") for each in found]


def _problems(snapshot: Snapshot, rst: str) -> list[Problem]:
    """Return what docutils stumbles over; a name that only Sphinx can know is none where the project uses Sphinx."""
    from tagready.facts.rst_verdict import problems, uses

    found = problems(rst)
    if not any(problem.unknown for problem in found):
        return found
    if _has_sphinx(snapshot):
        return [problem for problem in found if not problem.unknown]
    path = changelog_path(snapshot, Version(NEXT))
    changelog = (snapshot.read(path) or b"").decode("utf-8", "replace") if snapshot.news.single_file else ""
    return [problem for problem in found if not problem.unknown or not uses(changelog, problem.unknown)]


def _has_sphinx(snapshot: Snapshot) -> bool:
    """Return whether the documentation is Sphinx's: its configuration is in a folder `doc…`, or one folder deeper."""
    git = snapshot.git
    root = git.listing(snapshot.commit.tree, snapshot.root)
    docs = [entry.oid for name, entry in root.items() if name.lower().startswith("doc") and entry.mode == TREE]
    deeper = [entry.oid for oid in docs for entry in git.tree(oid).values() if entry.mode == TREE]
    return any("conf.py" in git.tree(oid) for oid in [*docs, *deeper])


def _unshowable(path: str | None, problem: Problem) -> Finding:
    who = path or "the entry"
    where = f" (line {problem.line})" if problem.line is not None else ""
    what = f"{who} is not reStructuredText that PyPI and GitHub can show{where}: {problem.what}"
    fix = "mend the markup"
    if problem.unknown:
        what += "; only Sphinx could know it, and this project has no conf.py"
        fix = f"write {problem.unknown} in another way"
    found = finding("fragment-malformed", what, fix, path, problem.line)
    return found if problem.severe else as_warning(found)


def _as_markdown(rst: str) -> str:
    from tagready.facts.markdown import to_markdown

    return to_markdown(rst).strip()
