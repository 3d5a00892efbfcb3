"""A project as one commit has it: what the tree says of configuration, fragments, changelog and version."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tagready.doors.git import Git
from tagready.doors.news import Order, Rendering, render
from tagready.facts.changelog import Changelog
from tagready.facts.config import Config, load, read_toml
from tagready.facts.findings import Finding, WorldFailed, WrongUse
from tagready.facts.fragments import (
    Fragment,
    Survey,
    ignored_by_towncrier,
    judge_text,
    quoted,
    read_name,
    survey,
    survey_above,
)
from tagready.facts.git_records import SYMLINK, TREE, Commit, Ref, TreeEntry
from tagready.facts.places import Places, Stated, find_places, stated
from tagready.facts.project import News, Section, Sources, name_of, normalized, read_news
from tagready.facts.tags import Tags, is_ref_name, read_tags
from tagready.facts.toml_tables import table_at, value_at


class FragmentData(NamedTuple):
    """Fragments' contents by path; `proven` says that each was read from the working tree and hashes to its blob.

    `marks` are what the files looked like just before that: inode, size and time of change.
    """

    contents: Mapping[str, bytes]
    proven: bool
    marks: Mapping[str, tuple[int, int, int]] = MappingProxyType({})

    def texts(self) -> dict[str, str]:
        """Return the contents as text."""
        return {path: content.decode("utf-8", "replace") for path, content in self.contents.items()}


@dataclass(frozen=True)
class Snapshot:
    """A project at a commit; `root` is its folder, from the repository's top."""

    git: Git
    commit: Commit
    root: str
    sources: Sources
    config: Config
    news: News

    def named(self, name: str) -> Snapshot:
        """Return the project with its changelog's name in another spelling, where it is the same name."""
        same = normalized(name) in {normalized(known) for known in (self.name, self.news.name) if known}
        return replace(self, news=self.news._replace(name=name)) if same else self

    def at(self, commit: Commit) -> Snapshot:
        """Return the project at another commit, under the same keys of our own."""
        sources = _sources(self.git, commit)
        return Snapshot(self.git, commit, sources.root, sources, self.config, read_news(sources))

    @property
    def name(self) -> str:
        """The project's own name, or the name that its changelog has."""
        return name_of(self.sources) or self.news.name

    @cached_property
    def places(self) -> Places:
        """Where the version is written."""
        return find_places(self.sources, self.config, self.read)

    @cached_property
    def survey(self) -> Survey:
        """What lies in the fragment directories."""
        found = survey(self.news, self._listing(), self.config.extra_files)
        if any(section.directory == self.news.base for section in self.news.sections):
            return found
        above = survey_above(self.news, self._files(self.news.base), self.config.extra_files)
        return found._replace(findings=(*found.findings, *above))

    def read(self, path: str) -> bytes | None:
        """Return a committed file."""
        return self.git.read(self.commit.tree, path)

    def text(self, path: str) -> str | None:
        """Return a committed file as text; bytes that are no UTF-8 survive a round trip."""
        content = self._from_working_tree(path)
        if content is None:
            content = self.git.smudged(self.commit.tree, path)
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def _from_working_tree(self, path: str) -> bytes | None:
        """Return the committed file as it lies in the working tree, if it hashes to what is committed.

        For a changelog of ten megabytes that costs a quarter of having git unpack it.
        """
        entry = self.git.entry(self.commit.tree, path)
        if entry is None or entry.kind != "blob" or entry.mode == SYMLINK or self.git.is_filtered(path):
            return None
        content = _read_plain(f"{self.git.top}/{path}")
        same = content is not None and self.git.hash("blob", content, entry.oid) == entry.oid
        return content if same else None

    def unlike(self, paths: Sequence[str]) -> list[str]:
        """Return those of the given files that lie in the working tree otherwise than they are committed.

        A filter that makes them other bytes than what is stored is taken into account.
        """
        git = self.git
        there = [path for path in paths if (git.top / path).is_file() and self._from_working_tree(path) is None]
        hashes = git.hash_files([path for path in there if not (git.top / path).is_symlink()])
        entries = {path: git.entry(self.commit.tree, path) for path in hashes}
        return [path for path, entry in entries.items() if entry is not None and entry.oid != hashes[path]]

    def texts(self, places: Places) -> dict[str, str]:
        """Return the files that state the version, those that exist."""
        texts = {place.path: self.text(place.path) for place in places.places}
        return {path: text for path, text in texts.items() if text is not None}

    def stated(self) -> list[Stated]:
        """Return every version that the tree states."""
        texts = self.texts(self.places)
        return [
            found for place in self.places.places if place.path in texts for found in stated(place, texts[place.path])
        ]

    def changelog(self, text: str) -> Changelog:
        """Return a text of the project's changelog, parsed."""
        names = {self.name, self.news.name, name_of(self.sources)}
        known = frozenset(normalized(name) for name in names if name)
        categories = {*(type_.title for type_ in self.news.types), *(section.name for section in self.news.sections)}
        return Changelog(
            text.replace("\r\n", "\n") if "\r" in text else text,
            self.news.markdown,
            known,
            self.news.start_string,
            frozenset(categories),
            self.news.stated_title,
            tuple(name for name in (self.news.name, self.name) if name),
        )

    def changelog_at(self, tree: str, path: str) -> Changelog:
        """Return the changelog of a tree, empty where there is none; the same content is parsed only once."""
        entry = self.git.entry(tree, path)
        oid = entry.oid if entry else ""
        if oid not in self._changelogs:
            self._changelogs[oid] = self._parsed(tree, path) if entry else self.changelog("")
        return self._changelogs[oid]

    def _parsed(self, tree: str, path: str) -> Changelog:
        """Return what is stored, so that no filter of this machine changes a verdict; a checkout if only that tells."""
        content = None if self.git.is_filtered(path) or tree != self.commit.tree else self._from_working_tree(path)
        stored = self.changelog((content or self.git.read(tree, path) or b"").decode("utf-8", "surrogateescape"))
        if not self.git.is_filtered(path) or stored.at(0) is not None:
            return stored
        return self.changelog((self.git.smudged(tree, path) or b"").decode("utf-8", "surrogateescape"))

    @cached_property
    def _changelogs(self) -> dict[str, Changelog]:
        return {}

    def tags(self, refs: Sequence[Ref]) -> Tags:
        """Return the project's release tags."""
        names = [ref.name.removeprefix("refs/tags/") for ref in refs if ref.name.startswith("refs/tags/")]
        tags = read_tags(names, self.name, self.config.tag_format)
        if not is_ref_name(tags.name("1")):
            raise WrongUse(f"git takes no tag by the name {tags.name('1')!r}", "mend tag-format in [tool.tagready]")
        return tags

    def _listing(self) -> list[tuple[Section, str]]:
        """Return the names in the fragment directories; folders are none."""
        return [(section, name) for section in self.news.sections for name in self._files(section.directory)]

    def _files(self, folder: str) -> list[str]:
        return [
            name for name, entry in sorted(self.git.listing(self.commit.tree, folder).items()) if entry.mode != TREE
        ]

    def fragment_data(self, fragments: Sequence[Fragment]) -> FragmentData:
        """Return the committed content of fragments, from the working tree where that is provably the same."""
        contents: dict[str, bytes] = {}
        marks: dict[str, tuple[int, int, int]] = {}
        proven = True
        listings: dict[str, Mapping[str, TreeEntry]] = {}
        for fragment in fragments:
            folder, name = posixpath.split(fragment.path)
            if folder not in listings:
                listings[folder] = self.git.listing(self.commit.tree, folder)
            entry = listings[folder][name]
            content, marks[fragment.path] = _read_marked(f"{self.git.top}/{fragment.path}")
            if content is None or entry.mode == SYMLINK or self.git.hash("blob", content, entry.oid) != entry.oid:
                proven = False
                content = self.read(fragment.path) or b""
            contents[fragment.path] = content
        return FragmentData(contents, proven, marks)

    def fragment_faults(self, fragments: Sequence[Fragment], contents: Mapping[str, bytes]) -> list[Finding]:
        """Return what is wrong with the files in the fragment directories, and with the texts of some fragments."""
        found = list(self.survey.findings)
        for fragment in fragments:
            faults = judge_text(self.news, fragment, contents[fragment.path])
            found += [self._of_link(each) if each.rule == "fragment-empty" else each for each in faults]
        return found

    def _of_link(self, empty: Finding) -> Finding:
        """Return the finding that there is no text, with the reason where that is a link."""
        path = empty.path or ""
        entry = self.git.entry(self.commit.tree, path)
        if entry is None or entry.mode != SYMLINK:
            return empty
        target = self.git.blob(entry.oid).decode("utf-8", "replace")
        what = f"{path} is a symbolic link to {target}, which is no file of the repository, so there is no text"
        return replace(empty, message=what, fix=f"git rm {quoted(path)}, and write the text into a file: tagready add")

    def order(self, folder: Path, version: str, date: str) -> Order:
        """Return the order to render what lies in a copy of the tree."""
        return Order(folder / self.root, self.news.name, version, date)

    def render(self, data: FragmentData, scratch: Path, version: str, date: str) -> Rendering:
        """Return what towncrier makes of fragments.

        It reads the working tree where every byte it would see hashes to what is committed; unpacking a thousand
        fragments costs more than rendering them. Elsewhere the files are written into the scratch folder.
        """
        if data.proven and self._working_tree_is_committed():
            rendering = self._render_in_place(data, version, date)
            if rendering is not None:
                return rendering
        return render(self.order(self.export(data, scratch), version, date))

    def _render_in_place(self, data: FragmentData, version: str, date: str) -> Rendering | None:
        """Return what towncrier makes of the working tree; None where somebody changed it in the meantime."""
        try:
            rendering = render(self.order(self.git.top, version, date))
        except WorldFailed:
            return None
        same = all(_mark(f"{self.git.top}/{path}") == mark for path, mark in data.marks.items())
        return rendering if same and self._working_tree_is_committed() else None

    def export(self, data: FragmentData, scratch: Path) -> Path:
        """Write what towncrier needs, and only that, into a folder below the scratch folder; return that folder."""
        folder = scratch / f"news-{len(list(scratch.iterdir()))}"
        contents = {path: content for path in self._settings_files() if (content := self.read(path)) is not None}
        for path, content in {**contents, **data.contents}.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return folder

    def _settings_files(self) -> list[str]:
        files = [self.sources.path("towncrier.toml"), self.sources.path("pyproject.toml")]
        return [*files, *([self.news.template] if self.news.template else [])]

    def _working_tree_is_committed(self) -> bool:
        """Return whether towncrier would see in the working tree exactly what the commit has."""
        for path in self._settings_files():
            entry = self.git.entry(self.commit.tree, path)
            content = _read_plain(f"{self.git.top}/{path}")
            if (entry is None) != (content is None):
                return False
            if entry and content is not None and self.git.hash("blob", content, entry.oid) != entry.oid:
                return False
        return all(self._section_is_committed(section) for section in self.news.sections)

    def _section_is_committed(self, section: Section) -> bool:
        committed = self.git.listing(self.commit.tree, section.directory)
        try:
            present = set(os.listdir(self.git.top / section.directory))
        except OSError:
            present = set()
        if present != set(committed):
            return False
        for name in committed.keys() - self._fragment_names[section.name]:
            if read_name(self.news, section, name) and not ignored_by_towncrier(self.news, name):
                return False  # a folder that is named like a fragment, which towncrier would try to read
            if self.news.ignore is not None and not ignored_by_towncrier(self.news, name):
                return False  # towncrier would refuse the name, which we judge ourselves
        return True

    @cached_property
    def _fragment_names(self) -> Mapping[str, set[str]]:
        names: dict[str, set[str]] = {section.name: set() for section in self.news.sections}
        for fragment in self.survey.fragments:
            names[fragment.section].add(posixpath.basename(fragment.path))
        return names


def _read_plain(path: str) -> bytes | None:
    return _read_marked(path)[0]


def _read_marked(path: str) -> tuple[bytes | None, tuple[int, int, int]]:
    """Return a file's content and its mark as of just before; bare system calls, for it is done by the thousand."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return None, (0, 0, 0)
    try:
        seen = os.fstat(file)
        parts = [os.read(file, max(seen.st_size + 1, 4096))]
        while parts[-1]:
            parts.append(os.read(file, 1 << 20))
        return b"".join(parts), (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    except OSError:
        return None, (0, 0, 0)  # a folder
    finally:
        os.close(file)


def _mark(path: str) -> tuple[int, int, int]:
    try:
        seen = os.stat(path)  # noqa: PTH116
    except OSError:
        return (0, 0, 0)
    return (seen.st_ino, seen.st_size, seen.st_mtime_ns)


class NoProject(WrongUse):
    """Nothing that is committed describes a project."""


def take(git: Git, revision: str, overlay: Path | None = None) -> Snapshot:
    """Return the project at a revision, seen from the folder where we were started; raise WrongUse where none is."""
    commit = git.commit(revision)
    if commit is None and revision == "HEAD":
        raise WrongUse("the repository has no commit yet", "git add . && git commit, then try again")
    if commit is None:
        raise WrongUse(f"there is no commit {revision} here", "git fetch --tags, or give another revision")
    sources = _sources(git, commit)
    config = _config(git, commit, sources, overlay)
    return Snapshot(git, commit, sources.root, sources, config, read_news(sources))


def _sources(git: Git, commit: Commit) -> Sources:
    sources = _project(git, commit)
    return sources._replace(incremental_name=_incremental_name(git, commit, sources))


def _project(git: Git, commit: Commit) -> Sources:
    """Return the files that describe the project at a commit.

    The nearest folder with towncrier's configuration wins; where none has any, the nearest with a pyproject.toml.
    """
    plain: Sources | None = None
    folder = git.prefix
    while True:
        towncrier = _toml(git, commit, posixpath.join(folder, "towncrier.toml"))
        pyproject = _toml(git, commit, posixpath.join(folder, "pyproject.toml"))
        sources = Sources(folder, pyproject or {}, towncrier)
        if towncrier is not None or sources.has_news:
            return sources
        if pyproject is not None:
            plain = plain or sources
        if not folder:
            break
        folder = posixpath.dirname(folder)
    if plain:
        return plain
    raise NoProject(
        "no pyproject.toml or towncrier.toml is committed here or above, so there is no project to release",
        "commit one with a [tool.towncrier] table, or go to your project's folder",
    )


def _toml(git: Git, commit: Commit, path: str) -> dict[str, Any] | None:
    content = git.read(commit.tree, path)
    return None if content is None else checked_tables(read_toml(content, path), path)


def checked_tables(table: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a parsed file; raise WrongUse where something else stands in place of a table that is read."""
    for keys in (("project",), ("tool",), ("tool", "towncrier"), ("tool", "tagready"), ("tool", "poetry")):
        value: Any = table
        for key in keys:
            value = value.get(key, {})
        if not isinstance(value, dict):
            raise WrongUse(f"{path}: {'.'.join(keys)} must be a table, not {value!r}", f"mend {path} and commit it")
    return table


_INCREMENTAL = r"\bVersion\(\s*['\"](?P<name>[^'\"]+)['\"]"


def _incremental_name(git: Git, commit: Commit, sources: Sources) -> str | None:
    """Return the name in an Incremental version, which towncrier imports the package to read (Twisted's projects)."""
    table = sources.settings
    if table.get("name") or not table.get("package") or value_at(sources.pyproject, "project", "name"):
        return None
    folder = posixpath.join(sources.root, str(table.get("package_dir", ".")), str(table["package"]))
    content = git.read(commit.tree, posixpath.normpath(posixpath.join(folder, "_version.py"))) or b""
    text = content.decode("utf-8", "replace")
    match = re.search(_INCREMENTAL, text) if "incremental" in text else None
    return match["name"] if match else None


def _config(git: Git, commit: Commit, sources: Sources, overlay: Path | None) -> Config:
    origin, over = sources.path("tagready.toml"), read_overlay(overlay)
    table: Mapping[str, Any] | None = _toml(git, commit, origin)
    if table is None:
        table, origin = table_at(sources.pyproject, "tool", "tagready"), sources.path("pyproject.toml")
    return load(table, origin, over, str(overlay))


def read_overlay(path: Path | None) -> Mapping[str, Any]:
    """Return the keys of a file that lies over a project's own configuration; raise WrongUse where it can't be read."""
    if path is None:
        return {}
    try:
        over = read_toml(path.read_bytes(), str(path))
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}", "give a file that exists to --config") from None
    table = value_at(over, "tool", "tagready")
    return table if isinstance(table, Mapping) else over
