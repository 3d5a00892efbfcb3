"""What an index says against a version before anything is uploaded. Pure; the listing is looked up by others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packaging.version import Version

from tagready.findings import Finding, Report, Skipped, finding


def judge(version: Version, listed: Sequence[str], finals: Sequence[Version], series: str | None) -> Report:
    """Return whether the index has room for the version: nothing listed under it, and nothing newer on its line.

    `listed` are the files that the index has of the version, `finals` its final versions, `series` the branch that is
    named as one (`8.3.x`), where the default branch has not the commit: it answers for its own line only.
    """
    if listed:
        some = ", ".join(listed[:3]) + (" …" if len(listed) > 3 else "")
        reason = f"the index has files of {version} ({some}), and there are no distributions here to compare them with"
        return Report(skipped=(Skipped("version-not-newer", reason),))
    line = _line(series) if series else ()
    rivals = [final for final in finals if final.release[: len(line)] == line and final >= version]
    return Report((_taken(version, max(rivals)),)) if rivals else Report()


def _line(series: str) -> tuple[int, ...]:
    """Return the numbers that every version of a maintenance branch begins with: `8.3.x` → (8, 3)."""
    match = re.search(r"\d+(?:\.\d+)*", series)
    return tuple(map(int, match[0].split("."))) if match else ()


def _taken(version: Version, newest: Version) -> Finding:
    return finding(
        "version-not-newer",
        f"the index has {newest} already, so {version} would never be what people get",
        f"release a version above {newest}, or from a maintenance branch",
    )
