"""The shape of a project's release tags, read from the tags that it has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import Version

from tagready.versions import parse


@dataclass(frozen=True)
class ReleaseTag:
    """A tag that names a version."""

    name: str
    version: Version
    format: str


@dataclass(frozen=True)
class Tags:
    """The project's release tags, newest version first, and the format that the next one gets."""

    releases: tuple[ReleaseTag, ...]
    format: str

    def name(self, version: object) -> str:
        """Return the tag's name for a version."""
        return self.format.format(version=version)


_TAG = re.compile(r"(?P<prefix>.*?)(?P<version>(?:\d+!)?\d.*)", re.DOTALL)
_NAMED = re.compile(r"(?P<name>.+?)(?:[-_/@]|==)?v?")


def read_tags(names: Iterable[str], project: str, tag_format: str | None) -> Tags:
    """Return the release tags among all tag names: `1.2`, `v1.2`, `name-1.2` or as the configured format says."""
    own = canonicalize_name(project) if project else ""
    found = [tag for name in names if (tag := _read(name, own, tag_format))]
    found.sort(key=lambda tag: (tag.version, tag.format.startswith(project or "\0")), reverse=True)
    inferred = found[0].format if found else "v{version}"
    return Tags(tuple(found), tag_format or inferred)


def _read(name: str, own: str, tag_format: str | None) -> ReleaseTag | None:
    if tag_format is not None:
        head, tail = tag_format.split("{version}")
        if not (name.startswith(head) and name.endswith(tail)):
            return None
        version = parse(name[len(head) : len(name) - len(tail)])
        return ReleaseTag(name, version, tag_format) if version else None
    match = _TAG.fullmatch(name)
    if not match or not _is_prefix(match["prefix"], own):
        return None
    version = parse(match["version"])
    return ReleaseTag(name, version, match["prefix"] + "{version}") if version else None


def _is_prefix(prefix: str, own: str) -> bool:
    if prefix in ("", "v", "V", "release-", "release/", "rel-", "version-"):
        return True
    match = _NAMED.fullmatch(prefix)
    return bool(own and match and canonicalize_name(match["name"]) == own)
