"""The next entry, tried: what fragments will be in the changelog, and what they would spoil there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from tagready.commands.releases.ground import scratch_folder
from tagready.commands.releases.history import changelog_path
from tagready.commands.releases.snapshot import FragmentData, Snapshot
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


def try_entry(snapshot: Snapshot, chosen: Sequence[Fragment]) -> tuple[Report, str]:
    """Return what some fragments would spoil in the changelog, and what they will be there: Markdown, no heading."""
    if not chosen:
        return Report(), ""
    contents = snapshot.fragment_data(chosen).contents
    try:
        entry = _rendered(snapshot, contents)
        found = spoiled(snapshot, entry)
        if found is not None:
            return Report(tuple(_guilty(snapshot, contents, found))), ""
        text = body_of(snapshot, entry)
        if not snapshot.news.markdown:
            return Report(tuple(unshown(snapshot, contents, text))), _as_markdown(text)
        return Report(), text
    except DidNotEnd:
        return Report(skipped=(Skipped("fragment-hangs", "towncrier took too long for these fragments together"),)), ""
    except WorldFailed as failure:
        words = failure.stderr.strip().splitlines() or [failure.what]
        return Report(skipped=(Skipped("entry-swallows", f"towncrier cannot render the fragments ({words[-1]})"),)), ""


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
        if not own:
            # It stands against the text only as the entry has it: indented, and with the issue behind it.
            own = [each._replace(line=None) for each in _problems(snapshot, _rendered(snapshot, {path: content}))[:1]]
        found += [_unshowable(path, each) for each in list(dict.fromkeys(own))[:FEW]]
    return found or [_unshowable(None, problem._replace(line=None)) for problem in together[:1]]


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
    fix = "mend the markup, and commit; to see the same: python -m docutils FILE"
    if problem.unknown:
        fix = f"write {problem.unknown} in another way: only Sphinx could know it, and this project has no conf.py"
    found = finding("fragment-malformed", what, fix.replace("FILE", quoted(who)), path, problem.line)
    return found if problem.severe else as_warning(found)


def _as_markdown(rst: str) -> str:
    from tagready.facts.markdown import to_markdown

    return to_markdown(rst).strip()
