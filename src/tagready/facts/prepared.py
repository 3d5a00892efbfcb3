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
    """A prepared release: what it is, where it stands, and how each part came about.

    `branch_is_there` and `tag_is_there` say that the remote had them before this run; `for_review` that the current
    branch is no release branch, and is to be merged into one.
    """

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
    pushed_branch: str | None = None
    branch_is_there: bool = False
    tag_is_there: bool = False
    on_current_branch: bool = True
    for_review: bool = False

    def next_commands(self) -> list[tuple[str, str]]:
        """Return what comes next and what undoes it, as (word, command); nothing undoes what the remote has."""
        if not self.on_current_branch:
            return self._next_on_its_branch()
        is_out = self.pushed_to is not None or self.branch_is_there
        tag_is_out = self.tag_is_there or (self.pushed_to is not None and self.tagged)
        tag = f"tagready tag {self.version}{' --push' if self.remote else ''}"
        look = [] if self.tagged or is_out else [("look", "git show")]
        undo = [] if is_out or tag_is_out else [("undo", f"git reset --keep {self.parent[:10]}")]
        if self.for_review:
            first = f"git push {self.remote} {self.branch}, and " if self.remote and not is_out else ""
            return [*look, ("next", f"{first}merge {self.branch}, then {tag}"), *undo]
        if self.tagged and undo:
            undo = [("undo", f"git tag -d {self.tag} && {undo[0][1]}")]
        done = tag_is_out if self.remote else self.tagged
        return [*look, *([] if done else [("next", tag)]), *undo]

    def _next_on_its_branch(self) -> list[tuple[str, str]]:
        if self.pushed_to or self.branch_is_there:
            what = f"open a pull request from {self.branch}, merge it, and: tagready tag {self.version} --push"
            return [("next", what)]
        again = f"prepare-release {self.version} --branch {self.branch} --push"
        merge = f"git merge {self.branch}, then tagready tag {self.version}"
        drop = ("undo", f"git branch -D {self.branch}")
        return [("look", f"git show {self.branch}"), ("next", again if self.remote else merge), drop]


def branch_name(options: Options, version: object) -> str:
    """Return the name of the branch that was asked for; empty where none was."""
    return (options.branch or "").replace("{version}", str(version))
