"""The shape of a project's release tags, read from the tags that it has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from packaging.version import Version

from tagready.facts.project import normalized
from tagready.facts.versions import parse


class ReleaseTag(NamedTuple):
    """A tag that names a version."""

    name: str
    version: Version
    format: str


class Tags(NamedTuple):
    """The project's release tags, newest version first, and the format that the next one gets."""

    releases: tuple[ReleaseTag, ...]
    format: str

    def name(self, version: object) -> str:
        """Return the tag's name for a version."""
        return self.format.replace("{version}", str(version))


_NAMED = r"(?P<name>.+?)(?:[-_/@]|==)?v?"


def read_tags(names: Iterable[str], project: str, tag_format: str | None) -> Tags:
    """Return the release tags among all tag names: `1.2`, `v1.2`, `name-1.2` or as the configured format says."""
    own = normalized(project) if project else ""
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
    # Digits in the project's own name (h11-0.14.0) are why every place where a version could begin is tried.
    for match in re.finditer(r"(?<![0-9.!])[0-9]", name):
        prefix, rest = name[: match.start()], name[match.start() :]
        version = parse(rest) if _is_prefix(prefix, own) else None
        if version:
            return ReleaseTag(name, version, prefix + "{version}")
    return None


def _is_prefix(prefix: str, own: str) -> bool:
    if prefix in ("", "v", "V", "release-", "release/", "rel-", "version-"):
        return True
    match = re.fullmatch(_NAMED, prefix)
    return bool(own and match and normalized(match["name"]) == own)


def is_ref_name(name: str) -> bool:
    """Return whether git takes a branch or tag by that name (git-check-ref-format(1))."""
    parts = name.split("/")
    return (
        bool(name)
        and not re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", name)
        and not name.startswith("-")
        and name != "@"
        and not name.endswith(".")
        and all(part and not part.startswith(".") and not part.endswith(".lock") for part in parts)
    )
