"""What an index says against a version before anything is uploaded. Pure; the listing is looked up by others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from packaging.version import Version

from tagready.facts.findings import Finding, Report, Skipped, finding
from tagready.facts.publishing.release_file import ReleasedFile
from tagready.facts.versions import after


class Action(StrEnum):
    """How a distribution of ours stands on the index, and what publishing did about it."""

    MISSING = "missing"
    UPLOADED = "uploaded"
    PRESENT = "present"
    CONFLICTING = "conflicting"
    UNVERIFIABLE = "unverifiable"


class OnIndex(NamedTuple):
    """A distribution of ours, how it stands on the index, and the SHA-256 that the index lists (if any)."""

    file: ReleasedFile
    action: Action
    theirs: str | None = None


def compare(files: Sequence[ReleasedFile], listed: Mapping[str, str | None]) -> tuple[OnIndex, ...]:
    """Return how each file stands to what an index lists (name → SHA-256); without a hash, nothing is ever the same."""
    return tuple(_standing(file, listed) for file in files)


def _standing(file: ReleasedFile, listed: Mapping[str, str | None]) -> OnIndex:
    if file.name not in listed:
        return OnIndex(file, Action.MISSING)
    theirs = listed[file.name]
    if theirs is None:
        return OnIndex(file, Action.UNVERIFIABLE)
    return OnIndex(file, Action.PRESENT if theirs == file.sha256 else Action.CONFLICTING, theirs)


def strangers(version: Version, files: Sequence[ReleasedFile], listed: Mapping[str, str | None]) -> Report:
    """Return whether the index has files of the version that are none of ours: then it was released from elsewhere."""
    ours = {file.name for file in files}
    others = sorted(name for name in listed if name not in ours)
    if not others:
        return Report()
    some = ", ".join(others[:3]) + (" …" if len(others) > 3 else "")
    what = f"the index has {version} already, with files that are none of ours ({some})"
    fix = f"if they are yours, put them beside the others; if not: {burned(version, FROM_ELSEWHERE)}"
    return Report((finding("version-not-newer", what, fix),))


def same_release(version: Version, files: Sequence[ReleasedFile], listed: Mapping[str, str | None]) -> Report:
    """Return whether what an index has of a version is what we have: no other files, and no other bytes."""
    found = compare(files, listed)
    unknown = [each.file.name for each in found if each.action is Action.UNVERIFIABLE]
    skipped = (Skipped("dist-conflict", f"the index gives no SHA-256 of {', '.join(unknown)}"),) if unknown else ()
    return strangers(version, files, listed).and_(conflicts(found, version)).and_(Report(skipped=skipped))


def conflicts(standings: Sequence[OnIndex], version: Version) -> Report:
    """Return a finding for each file of which the index holds other bytes."""
    return Report(tuple(_conflict(each, version) for each in standings if each.action is Action.CONFLICTING))


def _conflict(standing: OnIndex, version: Version) -> Finding:
    name, ours = standing.file.name, standing.file.sha256
    what = f"the index holds other bytes under {name}: sha256 {standing.theirs}, and ours is {ours}"
    return finding("dist-conflict", what, burned(version, FROM_ELSEWHERE), name)


FROM_ELSEWHERE, INCOMPLETE = "was published from another build", "was never complete on the index"


def burned(version: Version, why: str) -> str:
    """Return the way on where nothing can be done for a version: the next number, and the line for its entry."""
    following = after(version)
    line = f"{version} {why}; {following} takes its place."
    return f'what an index has, it keeps: prepare-release {following}, with a fragment that says "{line}"'


def judge(version: Version, listed: Sequence[str], finals: Sequence[Version], series: str | None) -> Report:
    """Return whether the index has room for the version: nothing listed under it, and nothing newer on its line.

    `listed` are the files that the index has of the version, `finals` its final versions, `series` the branch that is
    named as one (`8.3.x`), where the default branch has not the commit: it answers for its own line only.
    """
    if listed:
        some = ", ".join(listed[:3]) + (" …" if len(listed) > 3 else "")
        reason = f"the index has files of {version} ({some}), and there are no distributions here to compare them with"
        return Report(skipped=(Skipped("version-not-newer", reason),))
    line = line_of(series) if series else ()
    rivals = [final for final in finals if final.release[: len(line)] == line and final >= version]
    return Report((_taken(version, max(rivals)),)) if rivals else Report()


def line_of(series: str) -> tuple[int, ...]:
    """Return the numbers that every version of a maintenance branch begins with: `8.3.x` → (8, 3)."""
    match = re.search(r"\d+(?:\.\d+)*", series)
    return tuple(map(int, match[0].split("."))) if match else ()


def _taken(version: Version, newest: Version) -> Finding:
    return finding(
        "version-not-newer",
        f"the index has {newest} already, so {version} would never be what people get",
        f"release a version above {newest}, or from a maintenance branch",
    )
