"""What a project says about itself to towncrier: its name, its fragments, its changelog (towncrier's configuration)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tagready.facts.findings import WrongUse
from tagready.facts.toml_tables import table_at, value_at

#: What towncrier passes over whatever `ignore` says (towncrier 26.9.0, measured).
ALWAYS_IGNORED = (".gitignore", ".gitkeep", ".keep", "readme", "readme.md", "readme.rst")


class FragmentType(NamedTuple):
    """A kind of news: the word in the file name, the heading in the changelog, and whether its text is shown.

    `tells` is whether one of it says what changed; with `check = false`, towncrier and we ask for another one.
    """

    name: str
    title: str
    shows_content: bool = True
    tells: bool = True

    @property
    def listed(self) -> str:
        """The heading, for somebody who is to choose a type."""
        return self.title + ("" if self.shows_content else " (shows the issue only)")


class Section(NamedTuple):
    """A part of the entry with fragments of its own; `directory` is relative to the repository's top."""

    name: str
    directory: str

    def path(self, name: str) -> str:
        """Return the path of a file in its folder."""
        return name if self.directory == "." else f"{self.directory}/{name}"


DEFAULT_TYPES = (
    FragmentType("feature", "Features"),
    FragmentType("bugfix", "Bugfixes"),
    FragmentType("doc", "Improved Documentation"),
    FragmentType("removal", "Deprecations and Removals"),
    FragmentType("misc", "Misc", shows_content=False),
)


class News(NamedTuple):
    """towncrier's settings as it reads them; paths are relative to the repository's top, with forward slashes.

    `base` is the folder that the sections' folders are given from.
    """

    config_path: str
    name: str
    changelog: str
    single_file: bool
    start_string: str
    title_format: str | bool
    template: str | None
    types: tuple[FragmentType, ...]
    base: str
    sections: tuple[Section, ...]
    ignore: tuple[str, ...] | None
    issue_pattern: str
    orphan_prefix: str
    all_bullets: bool
    underlines: Sequence[str]

    @property
    def markdown(self) -> bool:
        """Whether the changelog is Markdown (else it is reStructuredText)."""
        return self.changelog.lower().endswith((".md", ".markdown"))

    @property
    def stated_title(self) -> str:
        """The format of titles as the settings state it, or as towncrier's own template has it; empty for neither."""
        if isinstance(self.title_format, str):
            return self.title_format or "{name} {version} ({project_date})"
        return ""

    def type(self, name: str) -> FragmentType:
        """Return the type of that name."""
        return next(type_ for type_ in self.types if type_.name == name)

    def section_of(self, path: str) -> Section | None:
        """Return the section in whose folder a file lies."""
        folder = posixpath.dirname(path) or "."
        return next((section for section in self.sections if section.directory == folder), None)

    def changelog_for(self, version: str, date: str) -> str:
        """Return the changelog's path for a version: with `single_file = false`, every version has its own."""
        if self.single_file:
            return self.changelog
        try:
            return self.changelog.format(name=self.name, version=version, project_date=date)
        except (KeyError, IndexError, ValueError) as error:
            raise WrongUse(
                f"{self.config_path}: filename {self.changelog!r} cannot be filled in ({error!r})",
                "use only {name}, {version} and {project_date} in it",
            ) from None

    def changelog_parts(self) -> list[str]:
        """Return a pattern for each part of the path of any version's changelog."""
        return [re.sub("[\1\2]", "[^/]+", re.escape(part)) for part in self.changelog_for("\1", "\2").split("/")]

    def changelog_pattern(self) -> str:
        """Return a pattern for the path of any version's changelog; its group `version` is that version."""
        pattern = re.escape(self.changelog_for("\1", "\2")).replace("\2", "[^/]+")
        return pattern.replace("\1", "(?P<version>[^/]+)", 1).replace("\1", "(?P=version)")

    def title(self, version: str, date: str) -> str:
        """Return the entry's title line where the settings state it, else an empty text."""
        if not isinstance(self.title_format, str) or not self.title_format:
            return ""
        try:
            return self.title_format.format(name=self.name, version=version, project_date=date)
        except (KeyError, IndexError, ValueError) as error:
            raise WrongUse(
                f"{self.config_path}: title_format {self.title_format!r} cannot be filled in ({error!r})",
                "use only {name}, {version} and {project_date} in it",
            ) from None


def normalized(name: str) -> str:
    """Return a project name as indexes compare it (PEP 503); `packaging.utils` would bring half of packaging along."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Sources(NamedTuple):
    """The parsed files that describe a project, as committed; a file that is not there is an empty table."""

    root: str
    pyproject: Mapping[str, Any]
    towncrier: Mapping[str, Any] | None
    incremental_name: str | None = None

    def path(self, name: str) -> str:
        """Return the path, from the repository's top, of a file named relative to the project."""
        return posixpath.normpath(posixpath.join(self.root, name))

    @property
    def config_path(self) -> str:
        """The path of the file that towncrier reads its settings from."""
        return self.path("pyproject.toml" if self.towncrier is None else "towncrier.toml")

    @property
    def has_news(self) -> bool:
        """Whether anything configures towncrier; without, it takes its defaults."""
        return "towncrier" in table_at(self._configuring, "tool")

    @property
    def settings(self) -> Mapping[str, Any]:
        """What towncrier is told, an empty table where nothing configures it."""
        return table_at(self._configuring, "tool", "towncrier")

    @property
    def _configuring(self) -> Mapping[str, Any]:
        return self.pyproject if self.towncrier is None else self.towncrier


def name_of(sources: Sources) -> str:
    """Return the name that the project states for itself, or an empty text."""
    project = value_at(sources.pyproject, "project", "name")
    return str(project or value_at(sources.pyproject, "tool", "poetry", "name") or "")


def read_news(sources: Sources) -> News:
    """Return towncrier's settings, read as towncrier reads them; raise WrongUse for those it would stumble over."""
    config_path, table = sources.config_path, sources.settings
    filename = _filename(table, config_path)
    template = str(table.get("template") or "towncrier:default")
    is_resource = re.fullmatch(r"[-\w.]+:[-\w.]+", template)
    ignore = table.get("ignore")
    return News(
        config_path=config_path,
        name=_news_name(table, sources),
        changelog=sources.path(filename),
        single_file=table.get("single_file", True) is not False,
        start_string=str(table.get("start_string") or default_marker(markdown=filename.endswith(".md"))),
        title_format=table.get("title_format", ""),
        template=None if is_resource else sources.path(template),
        types=_types(table, config_path),
        base=_base(table, sources),
        sections=_sections(table, sources, config_path),
        ignore=None if ignore is None else tuple(map(str, _list(ignore, "ignore", config_path))),
        issue_pattern=_issue_pattern(table, config_path),
        orphan_prefix=str(table.get("orphan_prefix", "+")),
        all_bullets=table.get("all_bullets", True) is not False,
        underlines=tuple(map(str, _list(table.get("underlines", ("=", "-", "~")), "underlines", config_path))),
    )


def default_marker(*, markdown: bool) -> str:
    """Return the line below which towncrier puts entries, where the settings name none."""
    return "<!-- towncrier release notes start -->\n" if markdown else ".. towncrier release notes start\n"


def _filename(table: Mapping[str, Any], config_path: str) -> str:
    filename = table.get("filename", "NEWS.rst")
    if not isinstance(filename, str) or not filename:
        raise WrongUse(f"{config_path}: filename must name the changelog, not {filename!r}", f"mend {config_path}")
    return filename


def _news_name(table: Mapping[str, Any], sources: Sources) -> str:
    """Return the name that towncrier would put into a title, without importing the project to learn it."""
    if table.get("name"):
        return str(table["name"])
    package = str(table.get("package") or "")
    project = value_at(sources.pyproject, "project", "name")
    if project:
        return package or str(project)
    return sources.incremental_name or package.title()


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _tables(value: object, key: str, config_path: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise WrongUse(f"{config_path}: {key} must be a list of tables, not {value!r}", f"mend {config_path}")
    return value


def _list(value: object, key: str, config_path: str) -> Sequence[object]:
    if not isinstance(value, list | tuple | str):
        raise WrongUse(f"{config_path}: {key} must be a list, not {value!r}", f"mend {config_path}")
    return value


def _issue_pattern(table: Mapping[str, Any], config_path: str) -> str:
    pattern = str(table.get("issue_pattern") or "")
    try:
        re.compile(pattern)
    except re.error as error:
        raise WrongUse(
            f"{config_path}: issue_pattern {pattern!r} is not a regular expression: {error}", f"mend {config_path}"
        ) from None
    return pattern


def _types(table: Mapping[str, Any], config_path: str) -> tuple[FragmentType, ...]:
    if table.get("fragment"):
        if not isinstance(table["fragment"], dict) or not all(map(_is_table, table["fragment"].values())):
            raise WrongUse(f"{config_path}: fragment must hold tables", f"mend {config_path} and commit it")
        return tuple(
            _type(key, str(item.get("name", key.capitalize())), item) for key, item in sorted(table["fragment"].items())
        )
    if table.get("type"):
        # Of two with one directory, towncrier keeps the last one, in the first one's place.
        listed = [_listed_type(item, config_path) for item in _tables(table["type"], "type", config_path)]
        return tuple({type_.name: type_ for type_ in listed}.values())
    return DEFAULT_TYPES


def _listed_type(item: Mapping[str, Any], config_path: str) -> FragmentType:
    if "name" not in item:
        raise WrongUse(f"{config_path}: a [[tool.towncrier.type]] has no name", f"mend {config_path} and commit it")
    title = str(item["name"])
    return _type(str(item.get("directory", title.lower())), title, item)


def _type(name: str, title: str, item: Mapping[str, Any]) -> FragmentType:
    return FragmentType(name, title, item.get("showcontent", True), bool(item.get("check", True)))


def package_directory(table: Mapping[str, Any], sources: Sources) -> str:
    """Return the folder of the package that towncrier's settings name, from the repository's top."""
    package = str(table.get("package") or value_at(sources.pyproject, "project", "name") or "")
    return sources.path(posixpath.join(str(table.get("package_dir", ".")), package))


def _base(table: Mapping[str, Any], sources: Sources) -> str:
    directory = table.get("directory")
    if directory is None:
        return posixpath.join(package_directory(table, sources), "newsfragments")
    return sources.path(str(directory))


def _sections(table: Mapping[str, Any], sources: Sources, config_path: str) -> tuple[Section, ...]:
    directory = table.get("directory")
    base = package_directory(table, sources) if directory is None else sources.path(str(directory))
    below = "newsfragments" if directory is None else ""
    listed = _tables(table.get("section", [{"path": ""}]), "section", config_path)
    if any("path" not in item for item in listed):
        raise WrongUse(f"{config_path}: a [[tool.towncrier.section]] has no path", f"mend {config_path} and commit it")
    sections = {
        str(item.get("name", "")): posixpath.normpath(posixpath.join(base, str(item["path"]), below)) for item in listed
    }
    return tuple(Section(name, folder) for name, folder in sections.items())
