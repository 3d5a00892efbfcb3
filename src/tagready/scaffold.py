"""The files that init writes, rendered for a project. Pure: what is to be known of it is looked up by others."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from tagready.project import normalized
from tagready.stamps import stamped

if TYPE_CHECKING:
    from jinja2 import Environment

#: The commits of the actions that the workflows use, read in the actions' own repositories, each with its version.
ACTIONS = {
    "checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "setup_python": "5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "upload_artifact": "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    "download_artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
}

#: Where the workflows go, and the list of what those of them install that check the project out.
WORKFLOWS = ("release.yml", "prepare-release.yml", "release-readiness.yml", "protect-main.yml")
FOLDER = ".github/workflows"
REQUIREMENTS = ".github/tagready.txt"
CHECKLIST = "docs/releases/readiness-checklist.md"


class FragmentKind(NamedTuple):
    """A type of fragments: the word in their names, and the heading that they go under."""

    directory: str
    name: str


#: What a project gets that has no changelog to go by.
KINDS = (
    FragmentKind("breaking", "Breaking changes"),
    FragmentKind("feature", "Features"),
    FragmentKind("bugfix", "Bugfixes"),
    FragmentKind("doc", "Documentation"),
    FragmentKind("removal", "Deprecations and removals"),
    FragmentKind("misc", "Internal"),
)
#: The categories of https://keepachangelog.com/en/1.1.0/.
KEEP_A_CHANGELOG = tuple(
    FragmentKind(name.lower(), name) for name in ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
)


#: Types that an example is made of, if the project has one of them.
_EXAMPLES = ("feature", "added", "change", "changed", "enhancement")


class Facts(NamedTuple):
    """What the files depend on.

    `root` is the project's folder in the repository, and `directory` and `changelog` are seen from there. `issues` is
    the address of an issue with `{issue}` for its number, `token_page` where tokens are made. `title_format` and
    `underlines` are for a project without towncrier's settings; `has_site` says that Sphinx makes a site of `docs`.
    """

    name: str
    root: str = ""
    default_branch: str = "main"
    tag_format: str = "v{version}"
    pythons: tuple[str, ...] = ("3.x",)
    test_commands: tuple[str, ...] = ()
    trusted: bool = False
    environment: str = "pypi"
    issues: str = ""
    token_page: str = ""
    directory: str = "changelog.d"
    changelog: str = "CHANGELOG.md"
    kinds: tuple[FragmentKind, ...] = KINDS
    title_format: str = "## {version} ({project_date})"
    underlines: tuple[str, ...] = ()
    has_site: bool = False

    @property
    def is_tagready(self) -> bool:
        """Whether the project is tagready itself, which releases itself with what is checked out."""
        return self.name == "tagready"

    @property
    def suffix(self) -> str:
        """What the names of its workflows end with: a project in a folder of its own may not be the only one there."""
        return f"-{normalized(self.name)}" if self.root else ""

    def file(self, name: str) -> str:
        """Return the name of a workflow, or of what it needs, as this project has it."""
        stem, dot, extension = name.rpartition(".")
        return f"{stem}{self.suffix}{dot}{extension}"

    @property
    def tag_pattern(self) -> str:
        """What GitHub matches tags against; a version begins with a digit."""
        head, tail = self.tag_format.split("{version}")
        return f"{_quoted(head)}[0-9]*{_quoted(tail)}"

    @property
    def branch_pattern(self) -> str:
        """What GitHub matches branches against, for the default branch alone."""
        return _quoted(self.default_branch)

    @property
    def example(self) -> str:
        """The name of a fragment as contributors would write one."""
        kind = next((kind.directory for kind in self.kinds if kind.directory in _EXAMPLES), self.kinds[0].directory)
        return f"{kind}.{self.extension}"

    @property
    def tag_example(self) -> str:
        """A tag as the project has them."""
        return self.tag_format.replace("{version}", "1.4.0")

    @property
    def up(self) -> str:
        """The way from the project's folder to the top of the repository."""
        return "../" * (self.root.count("/") + 1) if self.root else ""

    @property
    def markdown(self) -> bool:
        """Whether the changelog is Markdown."""
        return self.changelog.lower().endswith((".md", ".markdown"))

    @property
    def extension(self) -> str:
        """What a fragment's name ends with."""
        return "md" if self.markdown else "rst"


def _quoted(text: str) -> str:
    """Return a text that GitHub's patterns take as it is."""
    return re.sub(r"([*?+\[\]!\\])", r"\\\1", text)


class Tool(NamedTuple):
    """The tagready that the workflows install: its version, and the SHA-256 of its wheel on the index, if known."""

    version: str
    sha256: str | None


def generated(facts: Facts, tool: Tool) -> dict[str, str]:
    """Return the files that init keeps up to date, by their paths from the top of the repository."""
    wanted = requirements(facts, tool)
    bodies = {f"{FOLDER}/{facts.file(name)}": _rendered(name, facts, requirements=wanted) for name in WORKFLOWS}
    release = facts.file("release.yml")
    bodies[facts.file(REQUIREMENTS)] = f"# What the workflows install, by hash; {release} has the same list.\n{wanted}"
    return {path: stamped(body, tool.version) for path, body in bodies.items()}


def seeds(facts: Facts) -> dict[str, str]:
    """Return the files that init writes once and that are the project's own from then on, by path from the top."""
    named = {
        f"{facts.directory}/README.md": _rendered("fragments.md", facts),
        CHECKLIST: _rendered("readiness-checklist.md", facts),
    }
    return {_below(facts.root, path): text for path, text in named.items()}


def towncrier_settings(facts: Facts) -> str:
    """Return a towncrier.toml for a project that has no settings of towncrier."""
    return _rendered("towncrier.toml", facts)


def new_changelog(facts: Facts) -> str:
    """Return a changelog with nothing in it but the place where entries go."""
    return _rendered("changelog.md" if facts.markdown else "changelog.rst", facts)


def paragraph(facts: Facts, *, markdown: bool) -> str:
    """Return what contributors are told in CONTRIBUTING."""
    return _rendered("contributing.md" if markdown else "contributing.rst", facts)


def requirements(facts: Facts, tool: Tool) -> str:
    """Return what the workflows install: pinned, with hashes, a line each."""
    pins = _template("pins-attestations.txt" if facts.trusted else "pins.txt")
    if facts.is_tagready:
        return pins
    digest = f" --hash=sha256:{tool.sha256}" if tool.sha256 else ""
    return f"tagready=={tool.version}{digest}\n{pins}"


_PIN = re.compile(r"^ *tagready==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})$", re.MULTILINE)


def pinned(text: str) -> Tool | None:
    """Return the tagready that a generated file installs, where it says its hash."""
    match = _PIN.search(text)
    return Tool(match["version"], match["sha256"]) if match else None


def _below(root: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(root, path))


def _rendered(name: str, facts: Facts, **values: Any) -> str:
    text = _environment().get_template(name).render(facts=facts, actions=ACTIONS, **values)
    # What is left out of a template leaves its blank lines.
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    # Not Jinja's usual delimiters, for workflows are full of braces.
    environment = Environment(
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=StrictUndefined, autoescape=False,  # noqa: S701 - no HTML is made
        loader=FunctionLoader(_template),
    )  # fmt: skip
    # JSON is YAML, and TOML as far as strings and lists go. Jinja's own `tojson` is made for HTML: it spells < and '.
    environment.filters["quoted"] = lambda value: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return environment


def _template(name: str) -> str:
    return files("tagready").joinpath("templates", name).read_text(encoding="utf-8")


#: Asks a question about a file of the project: whether it is there, and what it says.
Read = Callable[[str], str | None]


def test_commands(pyproject: dict[str, Any], read: Read) -> tuple[str, ...]:
    """Return how the project's tests are run on a fresh machine, as far as its files tell."""
    tool = pyproject.get("tool", {})
    if read("tox.ini") is not None or "tox" in tool or read("tox.toml") is not None:
        return "python -m pip install tox", "python -m tox run -e py"
    nox = read("noxfile.py")
    if nox is not None:
        session = re.search(r"^def (tests?|unit)\(", nox, re.MULTILINE)
        return "python -m pip install nox", f"python -m nox{f' --session {session[1]}' if session else ''}"
    if read("uv.lock") is not None:
        return _with_uv(pyproject, read)
    if read("poetry.lock") is not None or ("poetry" in tool and "project" not in pyproject):
        return _with_poetry(pyproject, read)
    return _with_pip(pyproject, read)


#: Groups and extras that hold what tests need, the likeliest first.
_TEST_GROUPS = ("test", "tests", "testing", "dev")


class _Needs(NamedTuple):
    """What running the tests takes: a group or an extra, whether there are tests, and whether it brings pytest."""

    group: str | None
    extra: str | None
    tests: bool
    pytest: bool
    parallel: bool


def _needs(pyproject: dict[str, Any], read: Read, lock: str = "") -> _Needs:
    tool = pyproject.get("tool", {})
    groups = _table(pyproject, "dependency-groups") | _table(tool.get("poetry", {}), "group")
    extras = _table(pyproject.get("project", {}), "optional-dependencies")
    group = next((name for name in _TEST_GROUPS if name in groups), None)
    extra = next((name for name in _TEST_GROUPS if name in extras), None)
    listed = str(groups[group] if group else "") + str(extras[extra] if extra else "")
    settings = "pytest" in tool or read("pytest.ini") is not None
    folder = any(read(name) is not None for name in ("tests", "test"))
    pytest = "pytest" in listed or re.search(r"^name = \"pytest\"$", lock, re.MULTILINE) is not None
    return _Needs(group, extra, settings or folder or pytest, pytest, "pytest-xdist" in listed)


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def _pytest(needs: _Needs) -> str:
    return "python -m pytest" + (" -n auto" if needs.parallel else "")


def _with_uv(pyproject: dict[str, Any], read: Read) -> tuple[str, ...]:
    """Return the commands for a project with uv's lock file. The Python is named, or .python-version would decide."""
    needs = _needs(pyproject, read, (read("uv.lock") or "").replace("\r\n", "\n"))
    group = f" --group {needs.group}" if needs.group not in (None, "dev") else ""
    sync = f'uv sync --locked --all-extras{group} --python "$(command -v python)"'
    if not needs.tests:
        return "python -m pip install uv", sync, "uv pip check"
    run = "uv run --no-sync " + ("" if needs.pytest else "--with pytest ")
    return "python -m pip install uv", sync, run + _pytest(needs)


def _with_poetry(pyproject: dict[str, Any], read: Read) -> tuple[str, ...]:
    poetry = pyproject.get("tool", {}).get("poetry", {})
    older = "".join(f'name = "{name}"\n' for name in _table(poetry, "dev-dependencies"))
    needs = _needs(pyproject, read, (read("poetry.lock") or "").replace("\r\n", "\n") + older)
    optional = needs.group is not None and _table(_table(poetry, "group"), needs.group).get("optional") is True
    install = "poetry install --all-extras" + (f" --with {needs.group}" if optional else "")
    if not needs.tests:
        return "python -m pip install poetry", install, "poetry run python -m pip check"
    more = () if needs.pytest else ("poetry run python -m pip install pytest",)
    return "python -m pip install poetry", install, *more, f"poetry run {_pytest(needs)}"


def _with_pip(pyproject: dict[str, Any], read: Read) -> tuple[str, ...]:
    """Return an installation with what tests need, and pytest, which runs unittest's as well.

    Where there are no tests, all that is left is a look at whether what was installed fits together.
    """
    needs = _needs(pyproject, read)
    if not needs.tests:
        return "python -m pip install .", "python -m pip check"
    what = f'".[{needs.extra}]"' if needs.extra and not needs.group else "."
    install = f"python -m pip install --editable {what}" + (f" --group {needs.group}" if needs.group else "")
    return install + ("" if needs.pytest else " pytest"), _pytest(needs)


#: The Pythons that a project without classifiers may be tested on, and the oldest that the workflows' machine has.
_KNOWN_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
_OLDEST_PYTHON = 8


def pythons(pyproject: dict[str, Any]) -> tuple[str, ...]:
    """Return the Pythons to test on: those of the classifiers, else those that `requires-python` allows."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    project = pyproject.get("project", {})
    poetry = pyproject.get("tool", {}).get("poetry", {})
    classifiers = [str(item) for item in (*project.get("classifiers", ()), *poetry.get("classifiers", ()))]
    listed = {int(match[1]) for item in classifiers if (match := re.fullmatch(r".*:: Python :: 3\.(\d+)", item))}
    found = tuple(f"3.{minor}" for minor in sorted(listed) if minor >= _OLDEST_PYTHON)
    stated = str(project.get("requires-python") or _table(poetry, "dependencies").get("python") or "")
    if found or not stated:
        return found or ("3.x",)
    try:
        allowed = SpecifierSet(re.sub(r"\^\s*3", "~=3", stated))  # Poetry's ^3.10 is any 3 from there on
    except InvalidSpecifier:
        return ("3.x",)
    # Some release of it will do: `<=3.12` allows 3.12.0 only, and `>=3.11.4` not that one.
    return tuple(name for name in _KNOWN_PYTHONS if any(allowed.contains(f"{name}.{patch}") for patch in (0, 99))) or (
        "3.x",
    )


def issues_at(remote: str) -> str:
    """Return the address of an issue, with `{issue}` for its number, by the address of a remote; empty if unknown."""
    match = re.fullmatch(
        r"(?:(?P<scheme>https?|ssh|git)://)?(?:[^/]*@)?(?P<host>[\w.-]+)(?P<port>:\d+(?=/))?[:/]/*"
        r"(?P<path>[\w.~-]+(?:/[\w.~-]+)*?/[\w.~-]+?)(?:\.git)?/*",
        remote,
    )
    if match is None:
        return ""
    # Behind a port of ssh is another server than the one that shows pages.
    host = match["host"].lower().removeprefix("ssh.").removeprefix("altssh.")
    site = f"https://{host}{(match['port'] or '') if match['scheme'] == 'https' else ''}"
    if host.startswith(("github.", "codeberg.")):
        return f"{site}/{match['path']}/issues/{{issue}}"
    return f"{site}/{match['path']}/-/issues/{{issue}}" if "gitlab" in host else ""
