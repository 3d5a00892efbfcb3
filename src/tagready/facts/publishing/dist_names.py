"""What the file name of a distribution says: project, version, and the tags of a wheel. Pure."""

from __future__ import annotations

from typing import NamedTuple

from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version


class FileName(NamedTuple):
    """What a distribution's file name says: the project (normalised, PEP 503), the version, the tags of a wheel.

    `normal` is how PEP 427 and PEP 625 have the same name spelled.
    """

    project: str
    version: Version
    normal: str
    tags: frozenset[Tag] = frozenset()


def read_name(name: str) -> FileName | None:
    """Return what the file name of a wheel or sdist says, or None where it is none.

    PEP 427 and PEP 625, and in their place what installers still read: `Foo.Bar-1.0.tar.gz`, `foo-1.0.zip`.
    """
    try:
        if name.endswith(".whl"):
            project, version, _, tags = parse_wheel_filename(name)
            rest = name.split("-", 2)[2]
            return FileName(project, version, f"{escaped(project)}-{version}-{rest}", tags)
        project, version = parse_sdist_filename(name)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return FileName(project, version, f"{escaped(project)}-{version}.tar.gz")


def escaped(project: str) -> str:
    """Return a project's name as file names spell it."""
    return canonicalize_name(project).replace("-", "_")


def version_of(name: str, project: str) -> str | None:
    """Return the canonical version of a wheel or sdist of the project, by its name; None for any other file."""
    said = read_name(name)
    return str(said.version) if said and said.project == canonicalize_name(project) else None
