"""Where a project states its version, and how each place is rewritten without touching another byte."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from tagready.facts.config import Config, VersionFile, read_toml
from tagready.facts.findings import Finding, WrongUse, finding
from tagready.facts.project import Sources, name_of, normalized, package_directory
from tagready.facts.toml_tables import list_at, table_at, value_at

#: Reads a committed file by its path from the repository's top; None where there is no such file.
Read = Callable[[str], bytes | None]


class TomlPlace(NamedTuple):
    """A key of a TOML file."""

    path: str
    keys: tuple[str, ...]


class PatternPlace(NamedTuple):
    """The one match of a pattern whose group `version` is the version; `shown` is what people would look for."""

    path: str
    pattern: re.Pattern[str]
    shown: str = ""


class LockPlace(NamedTuple):
    """The project's own `[[package]]` entry of a lock file; it counts only where the file has one."""

    path: str
    name: str


Place = TomlPlace | PatternPlace | LockPlace


class Stated(NamedTuple):
    """A version as a place states it."""

    place: Place
    version: str
    line: int


class Places(NamedTuple):
    """Every place that states the version; none means that the tag is the version, and `why` says so."""

    places: tuple[Place, ...]
    why: str


_DUNDER = r"^(?P<head>{name}\s*(?::\s*[\w.\[\]]+\s*)?=\s*)(?P<quote>['\"])(?P<version>[^'\"\n]*)(?P=quote)"
_HATCH_DEFAULT = r"(?im)^(__version__|VERSION)(?: ?\: ?str)? *= *(['\"])v?(?P<version>.+?)\2"
_SETUP_PY = r"(?m)^\s*version\s*=\s*(?P<quote>['\"])(?P<version>[^'\"\n]+)(?P=quote)"
_SCM_WORDS = (
    "setuptools-scm", "setuptools_scm", "hatch-vcs", "versioningit", "uv-dynamic-versioning", "versioneer",
    "setuptools-git-versioning", "poetry-dynamic-versioning", "flit_scm", "flit-scm", "vcs-versioning", "pbr",
    "miniver", "dunamai", "setuptools-git-version",
)  # fmt: skip


def find_places(sources: Sources, config: Config, read: Read) -> Places:
    """Return where the version is written; raise WrongUse that names the key to set where nothing can be inferred."""
    found = _main_places(sources, config, read)
    if not found.places and config.version_source == "tag":
        return found
    extra = tuple(_configured(item, sources, read) for item in config.version_files)
    name = name_of(sources)
    locks = tuple(
        LockPlace(sources.path(lock), name)
        for lock in ("uv.lock", "poetry.lock", "pdm.lock")
        if name and found.places + extra and read(sources.path(lock)) is not None
    )
    return Places(found.places + extra + locks, found.why)


def _main_places(sources: Sources, config: Config, read: Read) -> Places:
    match config.version_source:
        case "tag":
            return Places((), "the tag is the version (version-source)")
        case "files":
            if not config.version_files:
                raise WrongUse('version-source = "files" needs version-files', 'set version-files = ["path"]')
            return Places((), "version-files")
    static = _static(sources)
    if static:
        return Places(static, "pyproject.toml")
    if config.version_source == "pyproject":
        raise WrongUse(
            f'{sources.path("pyproject.toml")} states no version, though version-source = "pyproject" says so',
            "add project.version, or take version-source out",
        )
    return _dynamic(sources, config, read)


def _static(sources: Sources) -> tuple[Place, ...]:
    path = sources.path("pyproject.toml")
    keys = [("project", "version"), ("tool", "poetry", "version")]
    if value_at(sources.pyproject, "tool", "poetry-dynamic-versioning", "enable"):
        keys.pop()  # what poetry states then is a placeholder
    return tuple(TomlPlace(path, key) for key in keys if isinstance(value_at(sources.pyproject, *key), str))


def _dynamic(sources: Sources, config: Config, read: Read) -> Places:
    """Return the place that the build backend's dynamic version comes from."""
    tool = table_at(sources.pyproject, "tool")
    guesses = (_hatch, _setuptools, _setup_cfg, _pdm, _flit, _maturin, _scikit_build)
    for guess in guesses:
        if found := guess(tool, sources, read):
            return found
    if _is_vcs(sources, read):
        return Places((), "the tag is the version (a version-control plugin)")
    if found := _legacy(sources, read):
        return found
    if config.version_files:
        return Places((), "version-files")
    raise WrongUse(
        f"nothing in {sources.path('pyproject.toml')} says where the version is written",
        'set version-files = ["path/to/file.py"] in [tool.tagready], or version-source = "tag"',
    )


def _hatch(tool: Mapping[str, Any], sources: Sources, read: Read) -> Places | None:
    table = table_at(tool, "hatch", "version")
    path = table.get("path")
    if not path or table.get("source", "regex") != "regex":
        return None
    pattern = table.get("pattern", _HATCH_DEFAULT)
    if pattern is True:
        pattern = _HATCH_DEFAULT
    return Places((PatternPlace(sources.path(path), _compiled(pattern)),), "tool.hatch.version")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise WrongUse(f"the version pattern {pattern!r} is no regular expression: {error}", "mend it") from None
    if "version" not in compiled.groupindex:
        raise WrongUse(f"the version pattern {pattern!r} has no group named version", "write (?P<version>…) in it")
    return compiled


def _setuptools(tool: Mapping[str, Any], sources: Sources, read: Read) -> Places | None:
    table = table_at(tool, "setuptools")
    version = table_at(table, "dynamic", "version")
    named = [*table_at(table, "package-dir").values(), *list_at(table, "packages", "find", "where")]
    roots = [str(root) for root in named]
    return _attr_or_file(version.get("attr"), version.get("file"), roots, sources, read, "tool.setuptools.dynamic")


def _setup_cfg(tool: Mapping[str, Any], sources: Sources, read: Read) -> Places | None:
    path = sources.path("setup.cfg")
    text = read(path)
    if text is None:
        return None
    import configparser

    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError):
        return None
    stated = parser.get("metadata", "version", fallback="").strip()
    roots = [line.split("=")[-1].strip() for line in parser.get("options", "package_dir", fallback="").splitlines()]
    kind, _, value = (part.strip() for part in stated.partition(":"))
    if kind in ("attr", "file"):
        attr, file = (value, None) if kind == "attr" else (None, value)
        return _attr_or_file(attr, file, [root for root in roots if root], sources, read, "setup.cfg")
    if stated:
        pattern = re.compile(r"^version\s*=\s*(?P<version>\S+)\s*$", re.MULTILINE)
        return Places((PatternPlace(path, pattern),), "setup.cfg")
    return None


def _attr_or_file(
    attr: object, file: object, roots: list[str], sources: Sources, read: Read, why: str
) -> Places | None:
    if isinstance(attr, str) and "." in attr:
        module, _, name = attr.rpartition(".")
        path = _module(module, roots, sources, read)
        if path is None:
            raise WrongUse(f"{why} names {attr}, but no such module is committed", "mend it, or set version-files")
        return Places((_assignment(path, name),), why)
    names = file.split(",") if isinstance(file, str) else file if isinstance(file, list) else []
    if names:
        paths = [sources.path(str(name).strip()) for name in names]
        return Places(tuple(PatternPlace(path, re.compile(_WHOLE_FILE), "the whole file") for path in paths), why)
    return None


_WHOLE_FILE = r"\A\s*(?P<version>\S+)\s*\Z"


def _assignment(path: str, name: str = "__version__") -> PatternPlace:
    pattern = re.compile(_DUNDER.replace("{name}", re.escape(name)), re.MULTILINE)
    return PatternPlace(path, pattern, f'{name} = "…"')


def _module(module: str, roots: list[str], sources: Sources, read: Read) -> str | None:
    relative = module.replace(".", "/")
    for root in [*roots, "src", "lib", "."]:
        for tail in (f"{relative}.py", f"{relative}/__init__.py"):
            path = sources.path(posixpath.join(root, tail))
            if read(path) is not None:
                return path
    return None


def _pdm(tool: Mapping[str, Any], sources: Sources, read: Read) -> Places | None:
    table = table_at(tool, "pdm", "version")
    if table.get("source") != "file" or "path" not in table:
        return None
    return Places((_assignment(sources.path(str(table["path"]))),), "tool.pdm.version")


def _flit(tool: Mapping[str, Any], sources: Sources, read: Read) -> Places | None:
    backend = str(value_at(sources.pyproject, "build-system", "build-backend"))
    if "flit" not in backend:
        return None
    table = table_at(tool, "flit")
    name = value_at(table, "module", "name") or value_at(table, "metadata", "module") or name_of(sources)
    path = _module(str(name).replace("-", "_"), [], sources, read)
    return Places((_assignment(path),), "flit's __version__") if path else None


def _maturin(tool: Mapping[str, Any], sources: Sources, read: Read) -> Places | None:
    backend = str(value_at(sources.pyproject, "build-system", "build-backend"))
    if "maturin" not in backend:
        return None
    manifest = sources.path(str(table_at(tool, "maturin").get("manifest-path", "Cargo.toml")))
    text = read(manifest)
    if text is None or not isinstance(value_at(read_toml(text, manifest), "package", "version"), str):
        return None
    return Places((TomlPlace(manifest, ("package", "version")),), "Cargo.toml")


def _scikit_build(tool: Mapping[str, Any], sources: Sources, read: Read) -> Places | None:
    table = table_at(tool, "scikit-build", "metadata", "version")
    if table.get("provider") != "scikit_build_core.metadata.regex" or "input" not in table:
        return None
    default = r'(?i)^(__version__|VERSION)(?: ?\: ?str)? *= *([\'"])v?(?P<version>.+?)\2'
    pattern = _compiled(str(table.get("regex", default)).replace("(?P<value>", "(?P<version>"))
    return Places((PatternPlace(sources.path(str(table["input"])), pattern),), "tool.scikit-build.metadata.version")


def _is_vcs(sources: Sources, read: Read) -> bool:
    requires = list_at(sources.pyproject, "build-system", "requires")
    names = {normalized(re.split(r"[\s<>=!~;\[]", str(item), maxsplit=1)[0]) for item in requires}
    tool = table_at(sources.pyproject, "tool")
    if names & {normalized(word) for word in _SCM_WORDS} or "setuptools_scm" in tool:
        return True
    if value_at(tool, "pdm", "version", "source") == "scm" or "poetry-dynamic-versioning" in tool:
        return True
    script = (read(sources.path("setup.py")) or b"").decode("utf-8", "replace")
    return "use_scm_version" in script or any(word in script for word in ("setuptools_scm", "versioneer", "pbr=True"))


def _legacy(sources: Sources, read: Read) -> Places | None:
    """Return the place of a project that only setup.py describes: a literal there, or the package's `__version__`.

    towncrier's own `package` key exists to name the package whose `__version__` is the version.
    """
    script = read(sources.path("setup.py"))
    if script is None:
        return None
    if len(re.findall(_SETUP_PY, script.decode("utf-8", "replace"))) == 1:
        return Places((PatternPlace(sources.path("setup.py"), re.compile(_SETUP_PY), 'version="…"'),), "setup.py")
    package = package_directory(sources.settings, sources)
    for name in ("__init__.py", "_version.py", "__about__.py", "version.py"):
        place = _assignment(posixpath.join(package, name))
        if place.pattern.search((read(place.path) or b"").decode("utf-8", "replace")):
            return Places((place,), "the package's __version__")
    return None


def _configured(item: VersionFile, sources: Sources, read: Read) -> Place:
    path = sources.path(item.path)
    if item.pattern is not None:
        escaped = re.escape(item.pattern).replace(
            re.escape("{version}"), r"(?P<version>[0-9](?:[0-9A-Za-z.!+_-]*[0-9A-Za-z])?)"
        )
        return PatternPlace(path, re.compile(escaped), item.pattern)
    if path.endswith(".toml"):
        table = read_toml(read(path) or b"", path)
        for keys in (
            ("project", "version"),
            ("package", "version"),
            ("tool", "poetry", "version"),
            ("version",),
        ):
            if isinstance(value_at(table, *keys), str):
                return TomlPlace(path, keys)
        return TomlPlace(path, ("project", "version"))
    if path.endswith("setup.py"):
        return PatternPlace(path, re.compile(_SETUP_PY), 'version="…"')
    return _assignment(path) if path.endswith(".py") else PatternPlace(path, re.compile(_WHOLE_FILE), "the whole file")


def stated(place: Place, text: str) -> list[Stated]:
    """Return every version that the place states in the text of its file: one, if all is well."""
    match place:
        case PatternPlace(_, pattern, _):
            return [
                Stated(place, match["version"], _line(text, match.start("version"))) for match in pattern.finditer(text)
            ]
        case TomlPlace(path, keys):
            value = value_at(read_toml(text.encode(), path), *keys)
            return [Stated(place, value, _toml_line(text, keys, value))] if isinstance(value, str) else []
        case LockPlace(_, name):
            return [Stated(place, match["version"], _line(text, match.start("version"))) for match in _own(text, name)]


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _toml_line(text: str, keys: tuple[str, ...], value: str) -> int:
    """Return the line of a key, looked for below its table's own header where there is one."""
    table = re.search(rf"^[ \t]*\[{re.escape('.'.join(keys[:-1]))}\]", text, re.MULTILINE)
    stated = re.compile(rf"\b{re.escape(keys[-1])}[\"']?\s*=\s*[\"']{re.escape(value)}")
    match = stated.search(text, table.end() if table else 0)
    return _line(text, match.start()) if match else 1


_PACKAGE = r"(?m)^\[\[package\]\][ \t]*\r?$"
_LOCK_VERSION = r"(?m)^version[ \t]*=[ \t]*\"(?P<version>[^\"\n]*)\""
_LOCK_NAME = r"(?m)^name[ \t]*=[ \t]*\"(?P<name>[^\"\n]*)\""
_REGISTRY = r"(?m)^source[ \t]*=[ \t]*\{[ \t]*(?:registry|url)\b"


def _own(text: str, name: str) -> list[re.Match[str]]:
    """Return the version of each `[[package]]` that is the project itself, not a copy from an index."""
    found = []
    name_line, version_line, registry = map(re.compile, (_LOCK_NAME, _LOCK_VERSION, _REGISTRY))
    starts = [match.end() for match in re.finditer(_PACKAGE, text)]
    for start, end in pairwise([*starts, len(text)]):
        named = name_line.search(text, start, end)
        version = version_line.search(text, start, end)
        same = named and normalized(named["name"]) == normalized(name)
        if same and version and not registry.search(text, start, end):
            found.append(version)
    return found


def rewrite(place: Place, text: str, version: str) -> str:
    """Return the file's text with the version in the place's one spot replaced; every other byte stays."""
    match place:
        case PatternPlace(_, pattern, _):
            return _replaced(text, next(pattern.finditer(text)), version)
        case LockPlace(_, name):
            for match in reversed(_own(text, name)):
                text = _replaced(text, match, version)
            return text
        case TomlPlace(_, keys):
            return _toml_rewritten(text, keys, version)


def _replaced(text: str, match: re.Match[str], version: str) -> str:
    return text[: match.start("version")] + version + text[match.end("version") :]


def _toml_rewritten(text: str, keys: tuple[str, ...], version: str) -> str:
    import tomlkit
    from tomlkit.items import String, StringType

    document = tomlkit.parse(text)
    table: Any = document
    for key in keys[:-1]:
        table = table[key]
    old = table[keys[-1]]
    literal = isinstance(old, String) and old.as_string().startswith("'")
    table[keys[-1]] = String.from_raw(version, StringType.SLL if literal else StringType.SLB)
    return tomlkit.dumps(document)


def judge(places: Places, texts: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each place that cannot be bumped: it matches nowhere, or more than once."""
    found = []
    for place in places.places:
        text = texts.get(place.path)
        count = 0 if text is None else len(stated(place, text))
        if count == 1 or isinstance(place, LockPlace):
            continue
        what = "is not committed" if text is None else _count(count)
        found.append(
            finding(
                "version-unwritable",
                f"{place.path} {what} ({_how(place)}), so the release would carry another version than its tag",
                'state it there once and commit, or say where it stands: version-source = "files" and version-files = '
                "[…] in [tool.tagready]",
                place.path,
            )
        )
    return found


def _count(count: int) -> str:
    return "does not state the version" if count == 0 else f"states the version {count} times, not once"


def _how(place: Place) -> str:
    match place:
        case TomlPlace(_, keys):
            return ".".join(keys)
        case PatternPlace(_, pattern, shown):
            return shown or f"pattern {pattern.pattern}"
        case LockPlace(_, name):
            return f"the entry of {name}"
