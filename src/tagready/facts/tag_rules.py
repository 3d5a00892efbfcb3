"""What a tag's name must be, and what its version must be newer than. Pure; refs are looked up by others."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from packaging.version import Version

from tagready.facts.findings import Finding, finding
from tagready.facts.project import normalized
from tagready.facts.tags import ReleaseTag, Tags, read_tags
from tagready.facts.versions import parse


class Reading(NamedTuple):
    """What a tag's name says: the version (None where it names none), how that is spelled, and what is wrong.

    A `foreign` tag is that of another project in the same repository, of which nothing here can be judged.
    """

    version: Version | None
    spelled: str
    findings: tuple[Finding, ...]
    foreign: bool = False


def read_name(name: str, others: Tags, project: str, tag_format: str | None, stated: Collection[str]) -> Reading:
    """Return the version that a tag names, and a finding where the name is not what the project's tags look like.

    `others` are the project's tags without this one. An older tag may look like its own time's: shapes change.
    """
    found = read_tags([name], project, tag_format).releases or read_tags([name], project, None).releases
    if not found and (whose := _other_project(name, others, project)):
        what = f"the tag {name} is one of {whose}, not of {project}, whose tags look like {others.name('VERSION')}"
        fix = f"judge it in the folder of {whose}: go there, or give that folder with -C"
        return Reading(None, "", (finding("tag-malformed", what, fix),), foreign=True)
    if not found:
        return Reading(None, "", (_malformed(name, "names no version", _wanted(others, "VERSION")),))
    tag = found[0]
    head, tail = tag.format.split("{version}")
    spelled = name[len(head) : len(name) - len(tail)]
    faults = []
    if tag.format not in _shapes(tag, others, tag_format):
        newest = others.releases[0].name if others.releases and not tag_format else None
        what = f"does not look like the project's tags ({newest})" if newest else "does not have the form tag-format"
        faults.append(_malformed(name, what, _wanted(others, spelled)))
    if tag.version.local:
        what = f"has a local part (+{tag.version.local}), which no index accepts"
        faults.append(_malformed(name, what, _wanted(others, tag.version.public)))
    elif spelled != str(tag.version) and spelled not in stated:
        what = f"spells the version {spelled}, which is {tag.version} to every installer"
        faults.append(_malformed(name, what, _wanted(others, str(tag.version))))
    return Reading(tag.version, spelled, tuple(faults))


def _other_project(name: str, others: Tags, project: str) -> str:
    """Return the project that a tag names, where this one's tags bear its name; an empty text if it names none."""
    match = re.fullmatch(r"(?P<name>[A-Za-z][\w.-]*?)(?:[-_/@]|==)v?(?P<version>[0-9].*)", name)
    own = normalized(project) in normalized(others.format.partition("{version}")[0])
    return match["name"] if match and own and parse(match["version"]) else ""


def _shapes(tag: ReleaseTag, others: Tags, tag_format: str | None) -> set[str]:
    """Return the shapes that the tag may have: of the newest other tag, and of the newest one before it."""
    if tag_format is not None or not others.releases:
        return {tag_format or tag.format}
    older = [other.format for other in others.releases if other.version < tag.version]
    return {others.releases[0].format, *older[:1]}


def _wanted(others: Tags, version: str) -> str:
    return others.name(version)


def _malformed(name: str, what: str, wanted: str) -> Finding:
    fix = f"git tag {wanted} '{name}^{{}}' && git tag -d {name}, only if {name} was never published"
    return finding("tag-malformed", f"the tag {name} {what}", fix)


def not_newer(version: Version, rivals: Sequence[ReleaseTag]) -> list[Finding]:
    """Return a finding where a release tag that the commit's parents have is not older."""
    newest = max(rivals, key=lambda tag: tag.version, default=None)
    if newest is None or newest.version < version:
        return []
    return [
        finding(
            "version-not-newer",
            f"{version} is not newer than {newest.name}, which this branch has released already",
            f"prepare-release auto, or a version above {newest.version}",
        )
    ]


def counts_as_release(tag: ReleaseTag, version: Version) -> bool:
    """Return whether a tag can be a rival: a development marker (`8.4.0.dev0`) is only for its like."""
    return version.is_devrelease or not tag.version.is_devrelease
