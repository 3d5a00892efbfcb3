"""The door to a project as it lies in the working tree: what init finds there, and what it can tell of the project."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tagready import adoption, scaffold
from tagready.changelog import Changelog
from tagready.config import Config, load, read_toml
from tagready.findings import WrongUse
from tagready.git import Git
from tagready.git_records import Ref
from tagready.project import News, Sources, name_of, normalized, read_news
from tagready.scaffold import KEEP_A_CHANGELOG, Facts
from tagready.snapshot import checked_tables, read_overlay
from tagready.tags import read_tags

#: Files that projects keep their changelog in, in the order in which they are looked for.
CHANGELOGS = tuple(
    f"{folder}{name}{extension}"
    for folder in ("", "docs/", "doc/")
    for name in ("changelog", "changes", "news", "history", "release_notes")
    for extension in (".md", ".rst")
)
#: Where contributors are told what to do, in the order in which GitHub looks.
CONTRIBUTING = tuple(
    f"{folder}contributing{extension}"
    for folder in (".github/", "", "docs/", "doc/")
    for extension in (".md", ".rst", ".txt", "")
)


class Surroundings(NamedTuple):
    """A project as it lies in the working tree. Paths are from the repository's top.

    `news` is None where nothing configures towncrier yet; `settled` says that the project has keys of ours.
    """

    git: Git
    root: str
    sources: Sources
    config: Config
    news: News | None
    settled: bool
    remote: str | None
    facts: Facts

    def path(self, name: str) -> str:
        """Return the path of a file that lies in the project's folder."""
        return posixpath.normpath(posixpath.join(self.root, name))

    def read(self, path: str) -> str | None:
        """Return a file as text; None where there is none."""
        return _read(self.git, path)

    def exists(self, path: str) -> bool:
        """Return whether there is a file or folder."""
        return (self.git.top / path).exists()

    @property
    def contributing(self) -> tuple[str, ...]:
        """Where contributors are told what to do; GitHub shows the first of these files."""
        return tuple(self.path(name) for name in _spellings(self.git, self.root, CONTRIBUTING))

    @property
    def changelog_path(self) -> str:
        """Where the changelog is, or will be."""
        return self.news.changelog if self.news else self.path(self.facts.changelog)

    @property
    def marker(self) -> str:
        """What towncrier looks for in the changelog, to write below it."""
        return self.changelog("").marker

    def changelog(self, text: str) -> Changelog:
        """Return a text of the project's changelog, parsed."""
        return _parsed(_lf(text), self.facts, self.news)


def look(git: Git, overlay: Path | None) -> Surroundings:
    """Return what the working tree tells of the project around the folder where we were started.

    Raise WrongUse where there is nothing that describes a project.
    """
    root = _root(git)
    pyproject = _toml(git, posixpath.join(root, "pyproject.toml")) or {}
    towncrier = _toml(git, posixpath.join(root, "towncrier.toml"))
    sources = Sources(root, pyproject, towncrier)
    has_news = "towncrier" in (pyproject if towncrier is None else towncrier).get("tool", {})
    news = read_news(sources) if has_news else None
    own = _toml(git, posixpath.join(root, "tagready.toml"))
    table = pyproject.get("tool", {}).get("tagready") if own is None else own
    origin = sources.path("pyproject.toml" if own is None else "tagready.toml")
    config = load(table or {}, origin, read_overlay(overlay), str(overlay))
    remote = _remote(git, config)
    facts = _facts(git, sources, config, news, remote)
    return Surroundings(git, root, sources, config, news, table is not None, remote, facts)


def _read(git: Git, path: str) -> str | None:
    try:
        return (git.top / path).read_bytes().decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        return ""
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}", "make it readable, and try again") from None


def _toml(git: Git, path: str) -> dict[str, Any] | None:
    text = _read(git, path)
    return None if text is None else checked_tables(read_toml(text.encode("utf-8", "surrogateescape"), path), path)


def _root(git: Git) -> str:
    """Return the nearest folder with settings of towncrier; where none has any, the nearest that has a project."""
    folders = [git.prefix.rstrip("/")]
    while folders[-1]:
        folders.append(posixpath.dirname(folders[-1]))
    for folder in folders:
        pyproject = _toml(git, posixpath.join(folder, "pyproject.toml")) or {}
        if _read(git, posixpath.join(folder, "towncrier.toml")) is not None or "towncrier" in pyproject.get("tool", {}):
            return folder
    for folder in folders:
        if any(_read(git, posixpath.join(folder, name)) is not None for name in ("pyproject.toml", "setup.cfg")):
            return folder
    raise WrongUse(
        "there is no pyproject.toml here or above, so there is no project to prepare",
        "go to your project's folder, or write a pyproject.toml first: "
        "https://packaging.python.org/en/latest/guides/writing-pyproject-toml/",
    )


def _remote(git: Git, config: Config) -> str | None:
    known = git.remotes()
    preferred = (config.remote, "upstream", "origin", *known)
    return next((name for name in preferred if name in known), None)


def _facts(git: Git, sources: Sources, config: Config, news: News | None, remote: str | None) -> Facts:
    name = name_of(sources) or (news.name if news else "") or _setup_cfg_name(git, sources) or git.top.name
    refs = git.refs()
    tags = read_tags(
        [ref.name.removeprefix("refs/tags/") for ref in refs if ref.name.startswith("refs/tags/")],
        name,
        config.tag_format,
    )

    def read(path: str) -> str | None:
        return _read(git, sources.path(path))

    facts = Facts(
        name=normalized(name) if normalized(name) == "tagready" else name,
        root=sources.root,
        default_branch=_default_branch(git, refs, remote),
        tag_format=tags.format,
        pythons=scaffold.pythons(dict(sources.pyproject)),
        test_commands=scaffold.test_commands(dict(sources.pyproject), read),
        trusted=config.trusted,
        token_page=_token_page(),
        has_site=(git.top / sources.root / "docs/conf.py").is_file(),
        issues=scaffold.issues_at(git.config(f"remote.{remote}.url") or "") if remote else "",
    )
    return _with_news(facts, news, sources) if news else _with_changelog(facts, git, sources)


def _token_page() -> str:
    """Return where the tokens of the usual index are made."""
    from twine.utils import DEFAULT_REPOSITORY

    from tagready.token_rules import Target

    target = Target(DEFAULT_REPOSITORY, (DEFAULT_REPOSITORY,))
    return target.token_page or target.host


def _with_news(facts: Facts, news: News, sources: Sources) -> Facts:
    """Return the facts with what towncrier's settings say already."""
    table = (sources.pyproject if sources.towncrier is None else sources.towncrier)["tool"]["towncrier"]
    directory = sources.path(str(table["directory"])) if table.get("directory") else news.sections[0].directory
    return facts._replace(
        directory=posixpath.relpath(directory, sources.root or "."),
        changelog=posixpath.relpath(news.changelog, sources.root or "."),
        kinds=tuple(scaffold.FragmentKind(type_.name, type_.title) for type_ in news.types),
    )


def _with_changelog(facts: Facts, git: Git, sources: Sources) -> Facts:
    """Return the facts with what a changelog tells that was kept by hand so far."""
    found = {name: _lf(_read(git, sources.path(name)) or "") for name in _spellings(git, sources.root, CHANGELOGS)}
    if not found:
        return facts
    # A file that only says where the changelog is has no entries.
    read = {name: _parsed(text, facts._replace(changelog=name), None) for name, text in found.items()}
    name = next((name for name, changelog in read.items() if changelog.entries), next(iter(found)))
    facts = facts._replace(changelog=name, underlines=adoption.underlines_of(read[name]))
    if adoption.is_kept_as_keepachangelog(found[name]):
        facts = facts._replace(kinds=KEEP_A_CHANGELOG)
    default = facts.title_format if facts.markdown else "{version} ({project_date})"
    return facts._replace(title_format=adoption.title_format_of(read[name]) or default)


def _spellings(git: Git, root: str, names: Sequence[str]) -> list[str]:
    """Return those of the names that files have, spelled as the files are."""
    found = []
    for name in names:
        folder, wanted = posixpath.split(name)
        place = git.top / root / folder
        files = sorted(each.name for each in place.iterdir() if each.is_file()) if place.is_dir() else []
        found += [posixpath.join(folder, each) for each in files if each.lower() == wanted]
    return found


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n")


def _parsed(text: str, facts: Facts, news: News | None) -> Changelog:
    marker = "<!-- towncrier release notes start -->\n" if facts.markdown else ".. towncrier release notes start\n"
    names = frozenset(normalized(name) for name in (facts.name, news.name if news else "") if name)
    titles = frozenset(kind.name for kind in facts.kinds)
    return Changelog(text, facts.markdown, names, news.start_string if news else marker, titles)


def _setup_cfg_name(git: Git, sources: Sources) -> str:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_read(git, sources.path("setup.cfg")) or "")
    except configparser.Error:
        return ""
    return parser.get("metadata", "name", fallback="").strip()


def _default_branch(git: Git, refs: tuple[Ref, ...], remote: str | None) -> str:
    """Return the branch that pull requests are merged into, as far as it is known without asking anybody."""
    named: Mapping[str, str] = {ref.name: ref.symref or "" for ref in refs}
    head = named.get(f"refs/remotes/{remote}/HEAD", "")
    if head:
        return head.removeprefix(f"refs/remotes/{remote}/")
    usual = ("main", "master")
    for prefix in (f"refs/remotes/{remote}/", "refs/heads/"):
        for name in usual:
            if prefix + name in named:
                return name
    return git.current_branch() or "main"
