"""What was asked of prepare-release, and what came of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tagready.facts.findings import Report


class Options(NamedTuple):
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


class Prepared(NamedTuple):
    """A prepared release: what it is, where it stands, and how each part came about."""

    project: str
    version: str
    tag: str
    parent: str
    commit: str
    branch: str
    message: str
    consumed: tuple[str, ...]
    changelog: str
    entry: str
    report: Report
    previous: str | None = None
    decided: str | None = None
    types: Mapping[str, int] = MappingProxyType({})
    rewritten: tuple[str, ...] = ()
    stated_in: tuple[str, ...] = ()
    dry_run: bool = False
    diff: str | None = None
    already: bool = False
    tagged: bool = False
    remote: str | None = None
    pushed_to: str | None = None
    on_current_branch: bool = True
    for_review: bool = False

    def next_commands(self) -> list[tuple[str, str]]:
        """Return what comes next and what undoes it, as (word, command)."""
        command = f"prepare-release {self.version}"
        undo = f"git reset --keep {self.parent[:10]}"
        if not self.on_current_branch:
            if self.pushed_to:
                what = f"open a pull request from {self.branch}, merge it, and: tagready tag {self.version} --push"
                return [("next", what)]
            again = f"{command} --branch {self.branch} --push"
            merge = f"git merge {self.branch}, then tagready tag {self.version}"
            drop = ("undo", f"git branch -D {self.branch}")
            return [("look", f"git show {self.branch}"), ("next", again if self.remote else merge), drop]
        tag = f"tagready tag {self.version}{' --push' if self.remote else ''}"
        if self.for_review:
            first = f"git push {self.remote} {self.branch}, and " if self.remote and not self.pushed_to else ""
            return [("look", "git show"), ("next", f"{first}merge {self.branch}, then {tag}"), ("undo", undo)]
        if self.pushed_to:
            return [] if self.tagged else [("next", tag)]
        if self.tagged:
            push = [("next", tag)] if self.remote else []
            return [*push, ("undo", f"git tag -d {self.tag} && {undo}")]
        return [("look", "git show"), ("next", tag), ("undo", undo)]


def branch_name(options: Options, version: object) -> str:
    """Return the name of the branch that was asked for; empty where none was."""
    return (options.branch or "").replace("{version}", str(version))
