"""What a project asks of tagready: `[tool.tagready]` in pyproject.toml, or the same keys in tagready.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from tagready.facts.findings import WrongUse
from tagready.facts.versions import BUMP_RULES, Bump


class VersionFile(NamedTuple):
    """A file that states the version: where, and how (`{version}` stands for it; None: the file's own convention)."""

    path: str
    pattern: str | None = None


class Hook(NamedTuple):
    """A command of the user's, and the files (globs) that it may add to the release commit."""

    run: str
    adds: tuple[str, ...] = ()


class Config(NamedTuple):
    """The keys, each with the value that a plain project gets."""

    flow: str = "direct"
    remote: str | None = None
    version_source: str = "auto"
    version_files: tuple[VersionFile, ...] = ()
    version_pattern: str | None = None
    tag_format: str | None = None
    tag_kind: str | None = None
    tag_message: str = "title"
    release_branches: tuple[str, ...] = ()
    branch: str = "release/{version}"
    commit_message: str = "Release {version}"
    allow_empty: bool = False
    extra_files: tuple[str, ...] = ()
    edit: bool = False
    bump_rules: Mapping[str, Bump] = BUMP_RULES
    push: bool = False
    strict_entry: bool = False
    hooks: tuple[Hook, ...] = ()
    date_days: int = 7
    allow_secrets: tuple[str, ...] = ()
    trusted: bool = False
    probe: bool = True
    rebuild: bool = True
    smoke: str | None = None
    dist_generated: tuple[str, ...] = ()
    require_fragment: str = "error"
    code_paths: tuple[str, ...] = ()
    strict_workflows: bool = False
    test_commands: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()


#: Keys of the design that this version cannot honour yet; taking them in silence would be a lie.
NOT_YET = frozenset({"bump-command", "prereleases", "changelog", "dev-version"})


@lru_cache(maxsize=16)  # most commits have the same settings as the ones around them
def read_toml(text: bytes, path: str) -> dict[str, Any]:
    """Return the parsed file, which nobody may change; raise WrongUse with its path and line when it is not TOML."""
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongUse(f"{path} is not valid TOML: {error}", f"mend {path} and commit it") from None


def load(table: Mapping[str, Any], origin: str, overlay: Mapping[str, Any], overlay_origin: str) -> Config:
    """Return the configuration of a table and one that lies over it; raise WrongUse that names a bad key."""
    values = _values(table, origin) | _values(overlay, overlay_origin)
    return Config(**values)


def _values(table: Mapping[str, Any], origin: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in NOT_YET:
            raise WrongUse(f"{origin}: {key!r} is not yet supported", f"take {key!r} out of {origin}")
        if key not in _READERS:
            raise _unknown(key, origin)
        name, read = _READERS[key]
        try:
            values |= read(value) if name == "" else {name: read(value)}
        except (ValueError, TypeError, KeyError) as error:
            raise WrongUse(f"{origin}: {key} {error}", f"change {key} in {origin}") from None
    return values


def _unknown(key: str, origin: str) -> WrongUse:
    from difflib import get_close_matches

    close = get_close_matches(key, [*_READERS, *NOT_YET], n=1)
    fix = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(sorted(_READERS))}"
    return WrongUse(f"{origin}: there is no key {key!r}", fix)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {value!r}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list of strings, not {value!r}")
    return tuple(_text(item) for item in value)


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return read


def _with_version(value: object) -> str:
    text = _text(value)
    if text.count("{version}") != 1:
        raise ValueError(f"must hold {{version}} exactly once, not {text!r}")
    return text


def _name_with_version(value: object) -> str:
    text = _with_version(value)
    if re.search(r"[{}]", text.replace("{version}", "", 1)):
        raise ValueError(f"must hold no braces but {{version}}, not {text!r}")
    return text


def _message(value: object) -> str:
    text = _text(value)
    if not text.strip():
        raise ValueError("must say something")
    return text


def _command(value: object) -> str:
    import shlex

    text = _message(value)
    try:
        if not shlex.split(text):
            raise ValueError("has no command in it")
    except ValueError as error:
        raise ValueError(f"is no command line: {error}") from None
    return text


def _commands(value: object) -> tuple[str, ...]:
    if not isinstance(value, (str, list)) or not value:
        raise ValueError(f"must be a string or a list of strings, not {value!r}")
    return tuple(_message(item) for item in ([value] if isinstance(value, str) else value))


def _pattern(value: object) -> str:
    try:
        re.compile(_text(value))
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return str(value)


def _version_files(value: object) -> tuple[VersionFile, ...]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list, not {value!r}")
    return tuple(_version_file(item) for item in value)


def _version_file(item: object) -> VersionFile:
    if isinstance(item, str):
        return VersionFile(item)
    if not isinstance(item, dict) or not {"path"} <= item.keys() <= {"path", "pattern"}:
        raise ValueError(f"must hold paths or {{path = …, pattern = …}}, not {item!r}")
    pattern = item.get("pattern")
    return VersionFile(_text(item["path"]), None if pattern is None else _with_version(pattern))


def _bump_rules(value: object) -> Mapping[str, Bump]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table of fragment type = major, minor or patch, not {value!r}")
    words = {bump.name.lower(): bump for bump in Bump}
    for type_, word in value.items():
        if not isinstance(word, str) or word not in words:
            raise ValueError(f"says {type_} = {word!r}, which is none of {', '.join(sorted(words))}")
    return dict(BUMP_RULES) | {type_: words[word] for type_, word in value.items()}


def _hooks(value: object) -> tuple[Hook, ...]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table, not {value!r}")
    for point in value:
        if point != "before-commit":
            raise ValueError(f"knows the point before-commit only, not {point!r}")
    listed = value.get("before-commit", [])
    if not isinstance(listed, list):
        raise ValueError(f"must be a list, not {listed!r}")
    return tuple(_hook(item) for item in listed)


def _hook(item: object) -> Hook:
    if not isinstance(item, dict) or not {"run"} <= item.keys() <= {"run", "adds"}:
        raise ValueError(f'must hold {{run = "…", adds = ["…"]}}, not {item!r}')
    return Hook(_message(item["run"]), _texts(item.get("adds", [])))


def _edit(value: object) -> bool:
    if value is not False and value != "editor":
        raise ValueError(f'must be false or "editor", not {value!r}')
    return value == "editor"


def _checks(value: object) -> int:
    if not isinstance(value, dict) or not value.keys() <= {"date-days"}:
        raise ValueError(f"must be a table with date-days, not {value!r}")
    days = value.get("date-days", 7)
    if not isinstance(days, int) or isinstance(days, bool) or days < 0:
        raise ValueError(f"needs date-days as a number of days, not {days!r}")
    return days


def _publish(value: object) -> dict[str, bool]:
    """Return the keys of the table, which are keys of the configuration each."""
    if not isinstance(value, dict) or not value.keys() <= {"trusted", "probe"}:
        raise ValueError(f"must be a table with trusted and probe, not {value!r}")
    return {key: _flag(item) for key, item in value.items()}


#: The name of each key's value, and how it is read; without a name, it is a table of several.
_READERS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "flow": ("flow", _one_of("direct", "pull-request")),
    "remote": ("remote", _text),
    "version-source": ("version_source", _one_of("auto", "pyproject", "files", "tag")),
    "version-files": ("version_files", _version_files),
    "version-pattern": ("version_pattern", _pattern),
    "tag-format": ("tag_format", _name_with_version),
    "tag-kind": ("tag_kind", _one_of("annotated", "signed", "lightweight")),
    "tag-message": ("tag_message", _message),
    "release-branches": ("release_branches", _texts),
    "branch": ("branch", _name_with_version),
    "commit-message": ("commit_message", _message),
    "allow-empty": ("allow_empty", _flag),
    "extra-files": ("extra_files", _texts),
    "edit": ("edit", _edit),
    "bump-rules": ("bump_rules", _bump_rules),
    "push": ("push", _flag),
    "strict-entry": ("strict_entry", _flag),
    "hooks": ("hooks", _hooks),
    "checks": ("date_days", _checks),
    "allow-secrets": ("allow_secrets", _texts),
    "publish": ("", _publish),
    "rebuild": ("rebuild", _flag),
    "smoke": ("smoke", _command),
    "dist-generated": ("dist_generated", _texts),
    "require-fragment": ("require_fragment", _one_of("error", "warning", "never")),
    "code-paths": ("code_paths", _texts),
    "strict-workflows": ("strict_workflows", _flag),
    "test-commands": ("test_commands", _commands),
    "generated": ("generated", _texts),
}
