"""The files that init writes, rendered for a project. Pure: what is to be known of it is looked up by others."""

from __future__ import annotations

import json
import posixpath
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from tagready.facts.project import FragmentType, normalized
from tagready.facts.scaffolding.project_tests import OUR_PYTHONS
from tagready.facts.scaffolding.stamps import stamped

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
CHECKLIST = "releases/readiness-checklist.md"


#: What a project gets that has no changelog to go by.
TYPES = (
    FragmentType("breaking", "Breaking changes"),
    FragmentType("feature", "Features"),
    FragmentType("bugfix", "Bugfixes"),
    FragmentType("doc", "Documentation"),
    FragmentType("removal", "Deprecations and removals"),
    FragmentType("misc", "Internal"),
)
#: The categories of https://keepachangelog.com/en/1.1.0/.
KEEP_A_CHANGELOG = tuple(
    FragmentType(name.lower(), name) for name in ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
)


#: Types that an example is made of, if the project has one of them.
_EXAMPLES = ("feature", "added", "change", "changed", "enhancement")


class Facts(NamedTuple):
    """What the files depend on.

    `root` is the project's folder in the repository, and `directory` and `changelog` are seen from there. `issues` is
    the address of an issue with `{issue}` for its number, `token_page` where tokens are made. `title_format` and
    `underlines` are for a project without towncrier's settings; `has_site` says that Sphinx makes a site of `docs`.
    `other_forge` is the host of the remote where that is a forge whose CI runs no workflow of ours, else empty.
    `readme` is what the readme beside the fragments is called, empty where there will be none. `own` are the workflows
    that are not ours to write, and `yaml` those that end in `.yaml`: both by the names that we would write.
    """

    name: str
    root: str = ""
    default_branch: str = "main"
    tag_format: str = "v{version}"
    pythons: tuple[str, ...] = ("3.x",)
    building_python: str = OUR_PYTHONS[-1]
    test_commands: tuple[str, ...] = ()
    has_tests: bool = True
    has_submodules: bool = False
    trusted: bool = False
    other_forge: str = ""
    issues: str = ""
    token_page: str = ""
    directory: str = "changelog.d"
    changelog: str = "CHANGELOG.md"
    types: tuple[FragmentType, ...] = TYPES
    title_format: str = "## {version} ({project_date})"
    underlines: tuple[str, ...] = ()
    has_site: bool = False
    docs: str = "docs"
    readme: str = "README.md"
    own: frozenset[str] = frozenset()
    yaml: frozenset[str] = frozenset()

    @property
    def is_tagready(self) -> bool:
        """Whether the project is tagready itself, which releases itself with what is checked out."""
        return self.name == "tagready"

    @property
    def suffix(self) -> str:
        """What the names of its workflows end with: a project in a folder of its own may not be the only one there."""
        return f"-{normalized(self.name)}" if self.root else ""

    @property
    def label(self) -> str:
        """What the names of its workflows and jobs end with on GitHub's pages: a ruleset selects checks by name."""
        return f" ({normalized(self.name)})" if self.root else ""

    @property
    def environment(self) -> str:
        """What the environment of its secret is called: a token for one project is of no use to another."""
        return f"pypi{self.suffix}"

    def file(self, name: str) -> str:
        """Return the name of a workflow, or of what it needs, as this project has it; GitHub reads `.yaml` as well."""
        stem, dot, extension = name.rpartition(".")
        return f"{stem}{self.suffix}{dot}{'yaml' if name in self.yaml else extension}"

    @property
    def checklist(self) -> str:
        """Where the readiness checklist goes, seen from the project's folder."""
        return f"{self.docs}/{CHECKLIST}"

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
        type_ = next((each.name for each in self.types if each.name in _EXAMPLES), self.types[0].name)
        return f"{type_}.{self.extension}"

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
    bodies[facts.file(REQUIREMENTS)] = f"# What the workflows install, by hash.\n{wanted}"
    return {path: stamped(body, tool.version) for path, body in bodies.items()}


def seeds(facts: Facts) -> dict[str, str]:
    """Return the files that init writes once and that are the project's own from then on, by path from the top."""
    named = {
        f"{facts.directory}/README.md": _rendered("fragments.md", facts),
        facts.checklist: _rendered("readiness-checklist.md", facts),
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
    environment.filters["scalar"] = _scalar
    return environment


def _scalar(text: str) -> str:
    """Return a text as a value in YAML: as it is where it is read as that, for commands are full of quotes."""
    import yaml

    try:
        plain = yaml.safe_load(f"key: {text}") == {"key": text}
    except yaml.YAMLError:
        plain = False
    return text if plain else json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _template(name: str) -> str:
    return files("tagready").joinpath("templates", name).read_text(encoding="utf-8")


_HOST = re.compile(r"(?:\w+://)?(?:[^/@]*@)?(?P<host>[\w-]+(?:\.[\w-]+)+)[:/]")
_OTHER_FORGES = re.compile(r"gitlab|codeberg|bitbucket|gitea|forgejo|sr\.ht|azure", re.IGNORECASE)


def other_forge(remote: str) -> str:
    """Return the host in a remote's address where it is a forge other than GitHub; empty where it is none we know."""
    match = _HOST.match(remote)
    return match["host"] if match and _OTHER_FORGES.search(match["host"]) else ""


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
