"""check --fix: mends the fragments of a change in the working tree, where there is no doubt, and says what it did."""

from __future__ import annotations

import os
import posixpath
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tagready.commands.changes.change_set import ChangeSet
from tagready.commands.releases.snapshot import Snapshot
from tagready.facts.changelog import newline_of
from tagready.facts.findings import WorldFailed
from tagready.facts.fragment_fixes import better_name, better_text
from tagready.facts.fragments import ignored_by_towncrier, quoted, read_name
from tagready.facts.git_records import SYMLINK, Change
from tagready.facts.project import Section


class Fixed(NamedTuple):
    """One thing that was mended: the file as it is called now, the line (None: all of it), and what was done."""

    path: str
    line: int | None
    what: str


class Mending(NamedTuple):
    """What was mended, what was left alone and why, and the paths that git has to be told of.

    `inside` says that we were started in a folder below the repository's top.
    """

    done: tuple[Fixed, ...] = ()
    left: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    inside: bool = False

    def facts(self) -> list[tuple[str, str]]:
        """Return what was done, as (word, sentence)."""
        done = [("mended", f"{_place(each)} {each.what}") for each in self.done]
        nothing = (
            [] if done or self.left else [("mended", "nothing: there is nothing that can be mended without doubt")]
        )
        return [*done, *nothing, *(("left", sentence) for sentence in self.left)]

    @property
    def command(self) -> str:
        """The command that stages what was mended, in any folder of the repository; empty where nothing was."""
        top = ":/" if self.inside else ""
        return f"git add --all -- {' '.join(top + quoted(path) for path in self.paths)}" if self.paths else ""


def _place(fixed: Fixed) -> str:
    return f"{fixed.path}:" if fixed.line is None else f"{fixed.path}:{fixed.line}:"


def mend(snapshot: Snapshot, change: ChangeSet) -> Mending:
    """Mend the fragments that a change added or edited, as they lie in the working tree; nothing is ever staged.

    No file is overwritten but the one that is mended. Of what is staged, a file that was edited since then is left.
    """
    found = Mending(inside=bool(snapshot.git.prefix))
    for section, paths in _by_section(snapshot, change):
        names = {posixpath.basename(path) for path in paths}
        present = {*snapshot.git.listing(snapshot.commit.tree, section.directory), *_names(snapshot, section)}
        newline = _newline(snapshot, section, present - names)
        for path, each in paths.items():
            mended = _mend(snapshot, section, each, present, newline, staged=change.staged)
            if mended.done:
                present = present - {posixpath.basename(path)} | {posixpath.basename(mended.done[0].path)}
            found = _and(found, mended)
    return found


def _and(one: Mending, other: Mending) -> Mending:
    return Mending(one.done + other.done, one.left + other.left, one.paths + other.paths, one.inside)


def _by_section(snapshot: Snapshot, change: ChangeSet) -> Iterator[tuple[Section, Mapping[str, Change]]]:
    """Yield each section with the files of the change in its folder that may be fragments, by path."""
    for section in snapshot.news.sections:
        inside = "" if section.directory == "." else section.directory
        chosen = {
            each.path: each
            for each in change.changes
            if each.new and each.new.kind == "blob" and each.new.mode != SYMLINK
            if posixpath.dirname(each.path) == inside
            and not ignored_by_towncrier(snapshot.news, posixpath.basename(each.path))
        }
        if chosen:
            yield section, chosen


def _names(snapshot: Snapshot, section: Section) -> list[str]:
    try:
        return os.listdir(snapshot.git.top / section.directory)
    except OSError:
        return []


def _newline(snapshot: Snapshot, section: Section, others: Collection[str]) -> str | None:
    """Return what lines end with in most of the fragments that the change leaves alone; None where none has lines."""
    counted: Counter[str] = Counter()
    for name in others:
        file = snapshot.git.top / section.directory / name
        if read_name(snapshot.news, section, name) and file.is_file():
            text = file.read_bytes().decode("utf-8", "replace")
            counted.update([newline_of(text)] if "\n" in text else [])
    return counted.most_common(1)[0][0] if counted else None


def _mend(
    snapshot: Snapshot, section: Section, change: Change, present: Collection[str], newline: str | None, *, staged: bool
) -> Mending:
    news, git = snapshot.news, snapshot.git
    file, name = git.top / change.path, posixpath.basename(change.path)
    if file.is_symlink() or not file.is_file():
        return Mending()
    better = better_name(news, section, name, set(present) - {name}, snapshot.config.extra_files)
    if better is None and read_name(news, section, name) is None:
        return Mending()
    data = file.read_bytes()
    text, mended = better_text(data, newline, markdown=news.markdown)
    if better is None and text == data:
        return Mending()
    if staged and change.new and git.hash_files([change.path])[change.path] != change.new.oid:
        return Mending(left=(f"{change.path} was edited after it was staged: git add it, or put the rest away",))
    path = posixpath.join(posixpath.dirname(change.path), better) if better else change.path
    try:
        if not _write(file, git.top / path, text):
            return Mending(left=(f"{change.path} stays as it is: {path} is there already",))
    except OSError as error:
        raise WorldFailed(f"{path} cannot be written: {error.strerror}", f"free {path}, and run it again") from None
    done = [Fixed(path, each.line, each.what) for each in mended]
    if better:
        done.insert(0, Fixed(path, None, f"was {change.path}, a name that towncrier passes over"))
    # `git add` stops at a path that neither git nor the disk has.
    known = bool(better) and bool(git.run("--literal-pathspecs", "ls-files", "--", change.path).stdout)
    return Mending(tuple(done), paths=(change.path, path) if known else (path,))


def _write(old: Path, new: Path, content: bytes) -> bool:
    """Write a file's new content in one step, under another name if it has one; return False where that is taken."""
    if old == new:
        near = old.with_name(f".{old.name}.tagready")
        near.write_bytes(content)
        shutil.copymode(old, near)
        near.replace(old)
        return True
    try:
        with new.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    shutil.copymode(old, new)
    old.unlink()
    return True
