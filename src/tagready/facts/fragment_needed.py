"""Which changes users may notice, and the fragment that one of those asks for. Pure."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import Any, NamedTuple

from tagready.facts.findings import Finding, Level, as_warning, finding
from tagready.facts.fragments import Fragment, quoted
from tagready.facts.project import FragmentType, News, Section
from tagready.facts.versions import BUMP_RULES, Bump

#: Paths, from the project's folder, whose change nobody notices who only uses the project.
_NO_CODE = (
    ".*", "*/.*", "tests/*", "test/*", "testing/*", "*/tests/*", "*/test/*", "*[-_]tests/*", "docs/*", "doc/*",
    "bench*/*", "example/*", "examples/*", "*[-_]examples/*", "requirements/*",
)  # fmt: skip
#: twisted and towncrier set `_version.py` to a development version after each release, in words only Incremental reads.
_NO_CODE_NAMES = (
    "test_*.py", "*_test.py", "conftest.py", "*.lock", "*requirements*.txt", "*requirements*.in", "pylock*.toml",
    "_version.py", "__version__.py",
)  # fmt: skip
#: The same, for files that lie in the project's folder itself.
_NO_CODE_ON_TOP = (
    "*.md", "*.rst", "*.txt", "*.yml", "*.yaml", "LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "AUTHORS*", "Makefile",
    "justfile", "Justfile", "noxfile.py", "tox.ini", "tox.toml", "pytest.ini", "mypy.ini", "pyrightconfig.json",
    "ruff.toml", "renovate.json", "towncrier.toml", "tagready.toml",
)  # fmt: skip


def counts_as_code(path: str, root: str, news: News, code_paths: Sequence[str]) -> bool:
    """Return whether users may notice a change to a file; paths are from the repository's top, and so are the globs.

    Without globs, everything in the project's folder counts but what is known to be for those who work on it.
    """
    if is_news(path, root, news):
        return False
    if code_paths:
        return any(is_meant(path, glob) for glob in code_paths)
    if root and not path.startswith(f"{root}/"):
        return False
    inside = path[len(root) + 1 :] if root else path
    name = posixpath.basename(inside)
    return not (
        any(fnmatchcase(inside, pattern) for pattern in _NO_CODE)
        or any(fnmatchcase(name, pattern) for pattern in _NO_CODE_NAMES)
        or ("/" not in inside and any(fnmatchcase(name, pattern) for pattern in _NO_CODE_ON_TOP))
    )


def is_news(path: str, root: str, news: News) -> bool:
    """Return whether a file is the changelog, or lies with the fragments."""
    return _is_changelog(path, news) or _lies_with_news(path, root, news)


def _is_changelog(path: str, news: News) -> bool:
    return path == news.changelog or (not news.single_file and re.fullmatch(news.changelog_pattern(), path) is not None)


def _lies_with_news(path: str, root: str, news: News) -> bool:
    """Return whether a file is in a section's folder, or in the one above them, unless that is a package's."""
    above = posixpath.dirname(path) == news.base != root and not path.endswith(".py")
    return above or news.section_of(path) is not None


def is_meant(path: str, glob: str) -> bool:
    """Return whether a glob of `code-paths` means a file: a folder means all in it, and `**/` no folder, too."""
    return _compiled(glob).fullmatch(path) is not None


@lru_cache(maxsize=64)
def _compiled(glob: str) -> re.Pattern[str]:
    plain = normalized_glob(glob)
    # `translate` anchors at the end with two letters (`\Z`, of late `\z`).
    parts = [translate(part)[:-2] for part in plain.split("**/")]
    return re.compile("(?:.*/)?".join(parts) + "(?:/.*)?")


def normalized_glob(glob: str) -> str:
    """Return a glob without what says nothing: `./` before it, `/` around it."""
    plain = posixpath.normpath(glob.strip("/") or ".")
    return "*" if plain == "." else plain


def metadata_changed(old: bytes | None, new: bytes | None) -> bool:
    """Return whether a pyproject.toml changed in what users get: in more than settings of tools and groups.

    The version is no change of its own: whether that may be another one is for another rule.
    """
    return _metadata(old) != _metadata(new) or (_metadata(old) is None and old != new)


def _metadata(content: bytes | None) -> dict[str, Any] | None:
    try:
        table = tomllib.loads((content or b"").decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    kept = {key: value for key, value in table.items() if key not in ("tool", "dependency-groups")}
    if isinstance(project := kept.get("project"), dict):
        kept["project"] = {key: value for key, value in project.items() if key != "version"}
    return kept


class ToWrite(NamedTuple):
    """The fragment that a change lacks: what changed, the file to create, and the types that its name may have."""

    code: tuple[str, ...]
    folder: str
    issue: str
    type: str
    extension: str
    types: tuple[FragmentType, ...]
    counter: int = 0
    new_folder: bool = False

    @property
    def path(self) -> str:
        """The file to create."""
        return self.named(self.type)

    @property
    def some(self) -> str:
        """The files that changed, the first ones by name."""
        return ", ".join(self.code[:3]) + (f" and {len(self.code) - 3} more" if len(self.code) > 3 else "")

    def named(self, type_: str) -> str:
        """Return the file to create for a type."""
        number = f".{self.counter}" if self.counter else ""
        return Section("", self.folder).path(f"{self.issue}.{type_}{number}{self.extension}")

    @property
    def command(self) -> str:
        """The command that writes and commits it."""
        path = quoted(self.path)
        folder = f"mkdir -p {quoted(self.folder)} && " if self.new_folder else ""
        return f'{folder}echo "{EXAMPLE}" > {path} && git add {path} && git commit -m "Add a news fragment"'


#: How the note begins on why code needs no fragment this time.
NOT_ASKED = "no fragment is asked for"
#: What a fragment may say until somebody says it better.
EXAMPLE = "Say here what changes for users."


def home(news: News) -> Section:
    """Return the section that a fragment goes to where nothing says which."""
    from tagready.facts.new_fragment import default_section

    return default_section(news) or news.sections[0]


def to_write(
    code: Sequence[str],
    news: News,
    issue: str,
    written: Sequence[Fragment],
    names: Collection[str],
    rules: Mapping[str, Bump] = BUMP_RULES,
) -> ToWrite:
    """Return the fragment that a change of code lacks, named as most of those are that are written already.

    `names` are those in the folder that it goes to, which git has not where there are none. The name is free for every
    type, so that nobody's fragment is written over; and by the `rules` the type asks for no major release, for whoever
    copies a command may not mean that.
    """
    from tagready.facts.new_fragment import unused_stem, usual_extension

    types = tuple(type_ for type_ in news.types if type_.tells) or news.types
    shown = [type_ for type_ in types if type_.shows_content] or types
    usual = next((type_ for type_ in shown if rules.get(type_.name) is not Bump.MAJOR), shown[0])
    section = home(news)
    beside = [fragment for fragment in written if fragment.section == section.name]
    if news.orphan_prefix and issue.startswith(news.orphan_prefix):
        issue = unused_stem(issue, beside)
    used = [fragment.counter for fragment in beside if fragment.issue.lower() == issue.lower()]
    return ToWrite(
        code=tuple(code),
        folder=section.directory,
        issue=issue,
        type=usual.name,
        extension=usual_extension(news, written),
        types=types,
        counter=max(used) + 1 if used else 0,
        new_folder=not names,
    )


def fragment_missing(
    lacks: ToWrite, level: Level, uncommitted: Sequence[str] = (), untold: Sequence[str] = ()
) -> Finding:  # fmt: skip
    """Return the finding that code changed and no fragment tells of it, with the file to create, or to commit.

    `untold` are fragments of the change that tell of nothing: their types have `check = false`.
    """
    but = [f"{', '.join(untold)} is of a type with `check = false`, which tells of nothing"] if untold else []
    lines = [
        f"code changed ({lacks.some}), and no news fragment says what users will notice",
        *but,
        "A news fragment is a small file with a sentence or two for them:",
        f"  {lacks.named('TYPE')}, where TYPE is one of",
        *_types(lacks.types),
    ]
    command = lacks.command
    if uncommitted:
        command = f'git add {" ".join(map(quoted, uncommitted))} && git commit -m "Add a news fragment"'
        lines = [f"code changed ({lacks.some}), and the news fragment is not committed yet: {', '.join(uncommitted)}"]
    found = finding(
        "fragment-missing",
        "\n".join(lines),
        f'{command}; where users notice nothing: git commit --allow-empty -m "[no changelog]"',
    )
    return as_warning(found) if level is Level.WARNING else found


def _types(types: Sequence[FragmentType]) -> list[str]:
    width = max(len(type_.name) for type_ in types)
    return [f"    {type_.name:<{width}}  {type_.listed}" for type_ in types]


def issue_for(number: int | None, branch: str, news: News) -> str:
    """Return how a fragment's name begins: the pull request's number, the issue in the branch's name, or `+something`.

    A number that `issue_pattern` does not take would only be refused.
    """
    from tagready.facts.new_fragment import guess_issue

    if number is not None and (not news.issue_pattern or re.fullmatch(news.issue_pattern, str(number))):
        return str(number)
    return guess_issue(news, branch) or f"{news.orphan_prefix}something"
