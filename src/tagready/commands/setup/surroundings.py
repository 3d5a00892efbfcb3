"""The door to a project as it lies in the working tree: what init finds there, and what it can tell of the project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from tagready.commands.releases.snapshot import checked_tables, read_overlay
from tagready.commands.releases.whereabouts import usual_remote
from tagready.doors.git import Git
from tagready.facts.changelog import Changelog
from tagready.facts.config import Config, load, read_toml
from tagready.facts.findings import WrongUse
from tagready.facts.project import News, Sources, default_marker, name_of, normalized, read_news
from tagready.facts.scaffolding import adoption, project_tests, scaffold
from tagready.facts.scaffolding.project_tests import Recipe
from tagready.facts.scaffolding.scaffold import KEEP_A_CHANGELOG, Facts
from tagready.facts.scaffolding.stamps import read_stamp
from tagready.facts.tags import Tags, read_tags
from tagready.facts.toml_tables import table_at

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

    `news` is None where nothing configures towncrier yet; `settled` says that the project has keys of ours, and
    `origin` which file has what `generated` says. `branch_known` says that the default branch is no mere guess, and
    `tags_known` that a key or a tag says what tags are called.
    """

    git: Git
    root: str
    sources: Sources
    config: Config
    news: News | None
    settled: bool
    remote: str | None
    facts: Facts
    origin: str
    branch_known: bool
    tags_known: bool

    def path(self, name: str) -> str:
        """Return the path of a file that lies in the project's folder."""
        return posixpath.normpath(posixpath.join(self.root, name))

    def read(self, path: str) -> str | None:
        """Return a file as text; None where there is none."""
        return _read(self.git, path)

    def exists(self, path: str) -> bool:
        """Return whether there is a file or folder."""
        return (self.git.top / path).exists()

    def is_own(self, path: str) -> bool:
        """Return whether the project took a file into its own hands."""
        return _is_own(self.config, path)

    def workflows(self) -> dict[str, str]:
        """Return the workflows of the repository, whoever wrote them, by path."""
        folder = self.git.top / scaffold.FOLDER
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        paths = [f"{scaffold.FOLDER}/{file.name}" for file in files if file.suffix in (".yml", ".yaml")]
        return {path: self.read(path) or "" for path in paths if (self.git.top / path).is_file()}

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
    news = read_news(sources) if sources.has_news else None
    own = _toml(git, posixpath.join(root, "tagready.toml"))
    table = table_at(pyproject, "tool", "tagready") if own is None else own
    origin = sources.path("pyproject.toml" if own is None else "tagready.toml")
    over = read_overlay(overlay)
    config = load(table, origin, over, str(overlay))
    remote = usual_remote(git, config.remote)
    branch = _default_branch(git, config, remote)
    facts = _facts(git, sources, config, news, remote)
    facts = _with_own(facts._replace(default_branch=branch or git.current_branch() or "main"), git, config)
    origin = str(overlay) if "generated" in over else origin
    settled = own is not None or "tagready" in table_at(pyproject, "tool")
    known = branch is not None
    tags = _tags(git, facts.name, config)
    tags_known = config.tag_format is not None or bool(tags.releases)
    # Of several projects in one repository, each is to be released by tags of its own.
    own_tags = root and not tags_known and not settled
    facts = facts._replace(tag_format=f"{normalized(facts.name)}-{{version}}" if own_tags else tags.format)
    return Surroundings(git, root, sources, config, news, settled, remote, facts, origin, known, tags_known)


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
        has_file = _read(git, posixpath.join(folder, "towncrier.toml")) is not None
        if has_file or "towncrier" in table_at(pyproject, "tool"):
            return folder
    for folder in folders:
        if any(_read(git, posixpath.join(folder, name)) is not None for name in ("pyproject.toml", "setup.cfg")):
            return folder
    raise WrongUse(
        "there is no pyproject.toml here or above, so there is no project to prepare",
        "go to your project's folder, or write a pyproject.toml first: "
        "https://packaging.python.org/en/latest/guides/writing-pyproject-toml/",
    )


def _facts(git: Git, sources: Sources, config: Config, news: News | None, remote: str | None) -> Facts:
    name = name_of(sources) or (news.name if news else "") or _setup_cfg_name(git, sources) or git.top.name

    def read(path: str) -> str | None:
        return _read(git, sources.path(path))

    address = git.config(f"remote.{remote}.url") or "" if remote else ""
    docs = next((folder for folder in ("docs", "doc") if (git.top / sources.root / folder).is_dir()), "docs")
    described = project_tests.with_setup_cfg(sources.pyproject, read("setup.cfg") or "")
    tests = Recipe(config.test_commands) if config.test_commands else project_tests.read_tests(described, read)
    facts = Facts(
        name=normalized(name) if normalized(name) == "tagready" else name,
        root=sources.root,
        pythons=project_tests.pythons(described),
        building_python=project_tests.building_python(described),
        test_commands=tests.commands,
        has_tests=tests.found,
        has_submodules=(git.top / ".gitmodules").is_file(),
        trusted=config.trusted,
        token_page=_token_page(),
        docs=docs,
        has_site=(git.top / sources.root / docs / "conf.py").is_file(),
        other_forge=scaffold.other_forge(address),
        issues=scaffold.issues_at(address),
    )
    return _with_news(facts, news, sources) if news else _with_changelog(facts, git, sources)


def _tags(git: Git, name: str, config: Config) -> Tags:
    names = [ref.name.removeprefix("refs/tags/") for ref in git.refs() if ref.name.startswith("refs/tags/")]
    return read_tags(names, name, config.tag_format)


def _with_own(facts: Facts, git: Git, config: Config) -> Facts:
    """Return the facts with what the project has in our place: workflows, and a readme beside the fragments."""
    there = {name: git.top / scaffold.FOLDER / facts.file(name) for name in scaffold.WORKFLOWS}
    yaml = frozenset(name for name, path in there.items() if not path.exists() and path.with_suffix(".yaml").is_file())
    facts = facts._replace(yaml=yaml)
    paths = {name: f"{scaffold.FOLDER}/{facts.file(name)}" for name in scaffold.WORKFLOWS}
    own = frozenset(name for name, path in paths.items() if _is_own(config, path) or _is_unstamped(git, path))
    folder = posixpath.normpath(posixpath.join(facts.root, facts.directory))
    beside = sorted(each.name for each in (git.top / folder).iterdir()) if (git.top / folder).is_dir() else []
    ours = "" if _is_own(config, f"{folder}/README.md") else "README.md"
    readme = next((name for name in beside if name.lower().startswith("readme")), ours)
    return facts._replace(own=own, readme=readme)


def _is_own(config: Config, path: str) -> bool:
    """Return whether `generated` names a file; a workflow's name may end either way that GitHub reads."""
    names = {path, posixpath.basename(path)}
    names |= {re.sub(r"\.yaml$", ".yml", name) for name in names}
    return any(fnmatch(name, glob) for name in names for glob in config.generated)


def _is_unstamped(git: Git, path: str) -> bool:
    text = _read(git, path)
    return text is not None and read_stamp(text) is None


def _token_page() -> str:
    """Return where the tokens of the usual index are made."""
    from twine.utils import DEFAULT_REPOSITORY

    from tagready.facts.publishing.token_rules import Target

    target = Target(DEFAULT_REPOSITORY, (DEFAULT_REPOSITORY,))
    return target.token_page or target.host


def _with_news(facts: Facts, news: News, sources: Sources) -> Facts:
    """Return the facts with what towncrier's settings say already."""
    stated = sources.settings.get("directory")
    directory = sources.path(str(stated)) if stated else news.sections[0].directory
    return facts._replace(
        directory=posixpath.relpath(directory, sources.root or "."),
        changelog=posixpath.relpath(news.changelog, sources.root or "."),
        types=tuple(news.types),
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
        facts = facts._replace(types=KEEP_A_CHANGELOG)
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
    marker = default_marker(markdown=facts.markdown)
    written = tuple(name for name in (news.name if news else "", facts.name) if name)
    names = frozenset(map(normalized, written))
    titles = frozenset(type_.title for type_ in facts.types)
    start, title = (news.start_string, news.stated_title) if news else (marker, "")
    return Changelog(text, facts.markdown, names, start, titles, title, written)


def _setup_cfg_name(git: Git, sources: Sources) -> str:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_read(git, sources.path("setup.cfg")) or "")
    except configparser.Error:
        return ""
    return parser.get("metadata", "name", fallback="").strip()


#: What a default branch is called, the likeliest first.
_BRANCHES = ("main", "master", "trunk", "develop", "devel")


def _default_branch(git: Git, config: Config, remote: str | None) -> str | None:
    """Return the branch that pull requests are merged into, as far as it is known without asking anybody.

    None where several could be it.
    """
    refs: Mapping[str, str] = {ref.name: ref.symref or "" for ref in git.refs()}
    head = refs.get(f"refs/remotes/{remote}/HEAD", "")
    if head:
        return head.removeprefix(f"refs/remotes/{remote}/")
    stated = config.release_branches
    if len(stated) == 1 and not re.search(r"[*?\[]", stated[0]):
        return stated[0]
    prefixes = (f"refs/remotes/{remote}/", "refs/heads/")
    there = [[name.removeprefix(prefix) for name in refs if name.startswith(prefix)] for prefix in prefixes]
    usual = [name for names in there for name in _BRANCHES if name in names]
    # A branch with a slash in its name is somebody's work; but a branch that is alone is what there is.
    plain = [[name for name in names if "/" not in name] for names in there]
    only = [names[0] for names in (*plain, there[1]) if len(names) == 1]
    found = next(iter((*usual, *only)), None)
    return found or (None if there[1] else git.current_branch() or None)
