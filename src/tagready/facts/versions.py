"""PEP 440 through `packaging`: what is a version, which is newer, and which comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from tagready.facts.findings import WrongUse


class Bump(IntEnum):
    """The part of a version that a change asks to raise; the larger wins."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


WORDS = ("major", "minor", "patch", "auto")

#: What a fragment type asks for; a type that is not listed asks for a patch release.
BUMP_RULES: Mapping[str, Bump] = {
    "breaking": Bump.MAJOR,
    "removal": Bump.MAJOR,
    "feature": Bump.MINOR,
    "added": Bump.MINOR,
    "deprecation": Bump.MINOR,
}


class Asked(NamedTuple):
    """What the pending fragments ask for, and the first fragment that asks for that much."""

    bump: Bump
    type: str
    path: str


def parse(text: str) -> Version | None:
    """Return the version that the text spells in any way PEP 440 allows, or None."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def canonical(text: str, *, words: bool = False) -> Version:
    """Return the version of a canonical spelling; raise WrongUse that names the canonical one otherwise (PEP 440).

    `words` says that a bump word would have been an answer as well.
    """
    version = parse(text)
    if text in WORDS and not words:
        raise WrongUse(f"{text!r} is a word for prepare-release, not a version", "give a version such as 1.4.0")
    if version is None:
        from difflib import get_close_matches

        close = get_close_matches(text, WORDS, n=1) if words else []
        forms = "give a PEP 440 version such as 1.4.0, 2.0.0rc1 or 2026.11"
        forms += ", or one of major, minor, patch, auto" if words else ""
        raise WrongUse(f"{text!r} is not a version", f"did you mean {close[0]}?" if close else forms)
    if version.local:
        raise WrongUse(
            f"{text} has a local part (+{version.local}), which no index accepts",
            f"give {version.public}",
        )
    if str(version) != text:
        raise WrongUse(
            f"{text} is not spelled canonically: indexes and installers will call it {version}",
            f"give {version}",
        )
    return version


def asked(fragments: Iterable[tuple[str, str]], rules: Mapping[str, Bump]) -> Asked | None:
    """Return the largest bump that the fragments, given as (type, path), ask for, or None where there are none."""
    best: Asked | None = None
    for type_, path in fragments:
        bump = rules.get(type_, Bump.PATCH)
        if best is None or bump > best.bump:
            best = Asked(bump, type_, path)
    return best


def bumped(base: Version, bump: Bump) -> Version:
    """Return the next final version after a final base, with as many components as the base has, or as it needs."""
    release = list(base.release)
    position = {Bump.MAJOR: 0, Bump.MINOR: 1, Bump.PATCH: 2}[bump]
    width = max(len(release), position + 1)
    release += [0] * (width - len(release))
    release[position] += 1
    release[position + 1 :] = [0] * (width - position - 1)
    epoch = f"{base.epoch}!" if base.epoch else ""
    return Version(epoch + ".".join(map(str, release)))


def next_version(word: str, reachable: Iterable[Version], wanted: Asked | None) -> Version:
    """Return the version that a bump word asks for, given the release tags reachable from HEAD.

    The base is the newest final version among them (0.0.0 where there is none). A pre-release that is newer than
    the base has begun a release already: its final is the least that can come next.
    """
    versions = sorted(reachable)
    finals = [version for version in versions if not version.is_prerelease]
    base = finals[-1] if finals else Version("0.0.0")
    if word == "auto":
        bump = wanted.bump if wanted else Bump.PATCH
        if base.major == 0 and not base.epoch and bump is Bump.MAJOR:
            bump = Bump.MINOR
    else:
        bump = Bump[word.upper()]
    result = bumped(base, bump)
    begun = [version for version in versions if version.is_prerelease and version > base]
    return max(result, Version(begun[-1].base_version)) if begun else result


def after(version: Version) -> Version:
    """Return the version to release in place of one that is burned: the next of its kind (rc2 after rc1)."""
    epoch = f"{version.epoch}!" if version.epoch else ""
    release = ".".join(map(str, version.release))
    before = f"{epoch}{release}" + (f"{version.pre[0]}{version.pre[1]}" if version.pre else "")
    if version.dev is not None:
        return Version(f"{version.public.rpartition('.dev')[0]}.dev{version.dev + 1}")
    if version.post is not None:
        return Version(f"{before}.post{version.post + 1}")
    if version.pre:
        return Version(f"{epoch}{release}{version.pre[0]}{version.pre[1] + 1}")
    return bumped(version, Bump.PATCH)
