"""What was asked of prepare-release, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tagready.findings import Report


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line; `branch` is None (as configured), empty (its usual name) or a name."""

    version: str
    date: str | None = None
    dry_run: bool = False
    edit: bool = False
    branch: str | None = None
    again: bool = False
    signoff: bool = False
    tag: bool = False
    push: bool = False
    skip: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A prepared release: what it is, where it stands, and how each part came about."""

    project: str
    version: str
    previous: str | None
    decided: str | None
    tag: str
    parent: str
    commit: str
    branch: str
    message: str
    consumed: tuple[str, ...]
    types: Mapping[str, int]
    rewritten: tuple[str, ...]
    changelog: str
    entry: str
    report: Report
    dry_run: bool = False
    already: bool = False
    tagged: bool = False
    pushed_to: str | None = None
    on_current_branch: bool = True
    diff: str | None = None

    def next_commands(self) -> list[tuple[str, str]]:
        """Return what comes next and what undoes it, as (word, command)."""
        if not self.on_current_branch:
            if self.pushed_to:
                return [("next", f"open a pull request from {self.branch}, merge it, and tag what arrives")]
            again = f"prepare-release {self.version} --branch --push"
            return [
                ("look", f"git show {self.branch}"),
                ("next", again),
                ("undo", f"git branch -D {self.branch}"),
            ]
        if self.pushed_to:
            return [] if self.tagged else [("next", f"prepare-release {self.version} --tag --push")]
        undo = f"git reset --keep {self.parent[:10]}"
        undo = f"git tag -d {self.tag} && {undo}" if self.tagged else undo
        flags = "--push --tag" if self.tagged else "--tag --push"
        return [("look", "git show"), ("next", f"prepare-release {self.version} {flags}"), ("undo", undo)]
