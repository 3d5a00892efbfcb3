"""Which branches releases are made from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from tagready.facts.findings import Finding, Report, Skipped, finding

if TYPE_CHECKING:
    from tagready.facts.git_records import Ref

#: `8.3.x`, `v7.1`, `stable/2`, `release-1.142`; never `release/1.2.3`, which is where a release is reviewed.
_SERIES = (
    r"(?:(?:stable|maint|maintenance|support|series|branch|backport)[/-]|releases?-)?v?\d+(?:\.\d+)?(?:\.[xX*])?"
    r"|(?:[\w-]+/)?v?\d+(?:\.\d+)*\.[xX*]"
)


class Facts(NamedTuple):
    """What is known of branches: the current one, all refs, and the default one as a remote or an event says it.

    `tagging` says that the commit is to be tagged at once, which a release branch itself must contain.
    """

    current: str
    head: str
    refs: Sequence[Ref]
    remote: str | None
    default: str | None
    patterns: Sequence[str]
    contains: Callable[[str], bool]
    tagging: bool = False


def judge(facts: Facts) -> Report:
    """Return a finding where HEAD is neither on a release branch nor based on the tip of one."""
    if not facts.current:
        return Report()
    allowed = release_branches(facts)
    if allowed is None:
        reason = "which branch is the default one cannot be known here; set release-branches"
        return Report(skipped=(Skipped("branch-not-allowed", reason),))
    if is_release_branch(facts.current, allowed):
        return Report()
    tips = [oid for name, oid in _tips(facts) if is_release_branch(name, allowed)]
    names = ", ".join(allowed)
    if any(tip == facts.head or facts.contains(tip) for tip in dict.fromkeys(tips)):
        return Report((_not_to_be_tagged(facts.current, names),)) if facts.tagging else Report()
    return Report(
        (
            finding(
                "branch-not-allowed",
                f"{facts.current} is no release branch ({names}), nor does it contain the tip of one",
                f"git switch {allowed[0]}, or add {facts.current!r} to release-branches in [tool.tagready]",
            ),
        )
    )


def candidates(facts: Facts) -> list[Ref]:
    """Return the refs of the release branches, here and on the remote, that are known."""
    allowed = release_branches(facts) or []
    return [ref for name, ref in named(facts) if is_release_branch(name, allowed)]


def release_branches(facts: Facts) -> list[str] | None:
    """Return the patterns of the release branches, or None where no default branch can be known."""
    if facts.patterns:
        return list(facts.patterns)
    default = default_branch(facts)
    return None if default is None else [default]


def is_release_branch(name: str, allowed: Sequence[str]) -> bool:
    """Return whether a branch is one of the release branches, or is named as a series."""
    return any(fnmatchcase(name, pattern) for pattern in allowed) or is_series(name)


def is_series(name: str) -> bool:
    """Return whether a branch is named as a series of versions."""
    return re.fullmatch(_SERIES, name) is not None


def default_branch(facts: Facts) -> str | None:
    """Return the default branch, or None where it cannot be known."""
    head = f"refs/remotes/{facts.remote}/HEAD"
    for ref in facts.refs:
        if ref.name == head and ref.symref:
            return ref.symref.removeprefix(f"refs/remotes/{facts.remote}/")
    if facts.default:
        return facts.default
    known = {name for name, _ in _tips(facts)}
    for name in ("main", "master"):
        if name in known:
            return name
    return next(iter(known)) if len(known) == 1 else None


def is_topic(facts: Facts) -> bool:
    """Return whether the current branch is known to be no release branch, so that what is on it is to be merged."""
    allowed = release_branches(facts) if facts.current else None
    return allowed is not None and not is_release_branch(facts.current, allowed)


def up_to(name: str) -> list[str]:
    """Return a branch's name and the folders that it is in: `release/1.4.0` and `release`; nothing for no name."""
    parts = name.split("/") if name else []
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def in_the_way(name: str, known: Iterable[str]) -> str | None:
    """Return a branch because of which git can have none by that name: `release` rules out `release/1.4.0`."""
    folders = up_to(name)[1:]
    return next((other for other in known if other in folders or other.startswith(f"{name}/")), None)


def _not_to_be_tagged(current: str, names: str) -> Finding:
    return finding(
        "branch-not-allowed",
        f"{current} is not a release branch ({names}) itself, so a tag made here would be on none",
        "leave --tag out, merge the branch, and tag what arrived",
    )


def _tips(facts: Facts) -> list[tuple[str, str]]:
    """Return (branch, commit) of every branch here and on the remote."""
    return [(name, ref.oid) for name, ref in named(facts)]


def named(facts: Facts) -> list[tuple[str, Ref]]:
    """Return (branch, ref) of every branch here and on the remote."""
    found = []
    for ref in facts.refs:
        if ref.name.startswith("refs/heads/"):
            found.append((ref.name.removeprefix("refs/heads/"), ref))
        elif facts.remote and ref.name.startswith(f"refs/remotes/{facts.remote}/") and not ref.symref:
            found.append((ref.name.removeprefix(f"refs/remotes/{facts.remote}/"), ref))
    return found
