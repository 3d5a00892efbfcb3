"""What a build writes into a source distribution, beside what git tracks or in its place: read from settings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tagready.facts.toml_tables import table_at, value_at

# What backends write or rewrite, by building with each, and for maturin by its source (November 2026).
_BY_BACKEND = {
    # Of a project in a sub-folder, it takes the .gitignore above along.
    "hatchling.build": (".gitignore",),
    "hatchling.ouroboros": (".gitignore",),
    "maturin": ("Cargo.toml", "*/Cargo.toml", "Cargo.lock", "pyproject.toml"),
    "pbr.build": ("AUTHORS", "ChangeLog"),
    "pdm.backend": ("pyproject.toml",),
    "poetry_dynamic_versioning.backend": ("pyproject.toml",),
    "uv_build": ("pyproject.toml", "pyproject.toml.orig"),
}

# Where tools are told to write the version.
_VERSION_FILES = (
    ("setuptools_scm", "version_file"),
    ("setuptools_scm", "write_to"),
    ("vcs-versioning", "version_file"),
    ("hatch", "build", "hooks", "vcs", "version-file"),
    ("hatch", "build", "targets", "sdist", "hooks", "vcs", "version-file"),
    ("hatch", "build", "hooks", "version", "path"),
    ("hatch", "build", "targets", "sdist", "hooks", "version", "path"),
    ("versioneer", "versionfile_source"),
    ("versioningit", "write", "file"),
    ("versioningit", "onbuild", "source-file"),
)


def generated_by_settings(pyproject: Mapping[str, Any]) -> set[str]:
    """Return the paths, or patterns of paths, that a project's settings have its build write or rewrite in an sdist.

    The tables are those of setuptools-scm, hatch-vcs, hatchling, versioneer, versioningit, pdm-backend, poetry-core,
    poetry-dynamic-versioning and scikit-build-core. What is not as their documentation has it, is passed over.
    """
    tool = table_at(pyproject, "tool")
    generated = set(_of_backend(pyproject))
    generated.update(path for keys in _VERSION_FILES for path in _texts(value_at(tool, *keys)))
    # pdm-backend takes ./src where there is one, and the settings don't say so.
    roots = tuple(_texts(value_at(tool, "pdm", "build", "package-dir"))) or (".", "src")
    generated.update(
        f"{root}/{path}" for root in roots for path in _texts(value_at(tool, "pdm", "version", "write_to"))
    )
    if value_at(tool, "poetry", "build", "generate-setup-file") is True:
        generated.add("setup.py")
    generated.update(_of_dynamic_versioning(tool))
    for table in _tables(value_at(tool, "scikit-build", "generate")):
        if table.get("location") == "source":
            generated.update(_texts(table.get("path")))
    # Files that git ignores, and the project names as results of its build.
    for keys in (("build", "artifacts"), ("build", "targets", "sdist", "artifacts")):
        for pattern in _texts(value_at(tool, "hatch", *keys)):
            generated.update(_globs(pattern))
    return {_relative(path) for path in generated}


def generated_by_attributes(gitattributes: str) -> set[str]:
    """Return patterns of the paths that `git archive` fills in, where a build starts from one (gitattributes(5))."""
    return set(_with_attribute(gitattributes, "export-subst"))


def crlf_by_attributes(gitattributes: str) -> set[str]:
    """Return patterns of the paths that git checks out with CRLF on every system, such as `*.bat eol=crlf`."""
    return set(_with_attribute(gitattributes, "eol=crlf"))


def _with_attribute(gitattributes: str, attribute: str) -> Iterator[str]:
    for line in gitattributes.splitlines():
        pattern, *attributes = line.split() or [""]
        if attribute in attributes and not pattern.startswith("#"):
            yield from _globs(pattern)


def _globs(pattern: str) -> tuple[str, ...]:
    """Return fnmatch patterns for one of git's: it holds in every folder, unless it has a slash."""
    if pattern.startswith("!"):
        return ()
    glob = f"{pattern}*" if pattern.endswith("/") else pattern
    if "/" not in pattern.rstrip("/") or glob.startswith("**/"):
        glob = glob.removeprefix("**/")
        return (glob, f"*/{glob}")
    return (glob.removeprefix("/"),)


def _of_backend(pyproject: Mapping[str, Any]) -> Iterator[str]:
    yield from _BY_BACKEND.get(str(value_at(pyproject, "build-system", "build-backend")), ())
    # pbr is more often a plug-in of setuptools.
    if any(re.match(r"pbr\b", requirement) for requirement in _texts(value_at(pyproject, "build-system", "requires"))):
        yield from _BY_BACKEND["pbr.build"]


def _of_dynamic_versioning(tool: object) -> Iterator[str]:
    table = value_at(tool, "poetry-dynamic-versioning")
    if value_at(table, "enable") is True:
        files = value_at(table, "files")
        yield from files if isinstance(files, Mapping) else ()
        stated = tuple(_texts(value_at(table, "substitution", "files")))
        yield from stated or ("*/__init__.py", "*/__version__.py", "*/_version.py")


def _texts(value: object) -> Iterator[str]:
    """Yield the text, or the texts of a list."""
    yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str) and each)


def _tables(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in (value if isinstance(value, list) else []) if isinstance(each, Mapping))


def _relative(path: str) -> str:
    """Return a path as members have it: `./src/_version.py`, `/src/_version.py` → `src/_version.py`."""
    return "/".join(part for part in path.replace("\\", "/").split("/") if part not in ("", "."))
