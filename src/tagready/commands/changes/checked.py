"""What the pull-request gate says of a change: its verdict, what was judged, and what is known of it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from tagready.facts.findings import RULES, Finding, Level, Report, counted

if TYPE_CHECKING:
    from tagready.commands.changes.mending import Mending
    from tagready.commands.verify import Verified
    from tagready.facts.fragment_needed import ToWrite


class Kind(StrEnum):
    """What was judged: a change, a release or a forward port of one, what was pushed to main, or nothing at all."""

    CHANGE = "change"
    RELEASE = "release"
    FORWARD_PORT = "forward-port"
    MAIN = "main"
    NOTHING = "nothing"


class Checked(NamedTuple):
    """What the gate says of a change set.

    A release has its version, and the tag gate's verdict. `notes` are the ways through that were taken, `unasked` is
    why no fragment was asked for, `fragments` are the paths of those that were added or changed, and `preview` is what
    they will be in the changelog.
    """

    project: str
    base: str
    head: str
    against: str
    kind: Kind
    version: str | None
    report: Report
    notes: tuple[str, ...] = ()
    fragments: tuple[str, ...] = ()
    commits: int = 0
    files: int = 0
    verified: Verified | None = None
    preview: str = ""
    staged: bool = False
    mended: Mending | None = None
    lacks: ToWrite | None = None
    unasked: str = ""

    @property
    def is_release(self) -> bool:
        """Whether the change is a release, which the tag gate has judged."""
        return self.kind is Kind.RELEASE

    @property
    def is_of_main(self) -> bool:
        """Whether it was judged how commits came to the main branch."""
        return self.kind is Kind.MAIN

    @property
    def title(self) -> str:
        """The verdict in one sentence."""
        ready = "" if self.report.ok else "not "
        but = ", but for what was not judged" if self.report.ok and self.report.skipped else ""
        if self.is_release:
            return f"{self.project} {self.version} is {ready}tag-ready{but}"
        if self.kind is Kind.NOTHING:
            return f"{self.project}: nothing {'is staged' if self.staged else 'to judge'}"
        if self.is_of_main:
            if self.report.ok and self.report.skipped:
                return f"{self.project}: whether every commit was reviewed cannot be told here"
            return f"{self.project}: {'every' if self.report.ok else 'not every'} commit was reviewed"
        passes = "passes" if self.report.ok else "does not pass"
        return (
            f"{self.project}: {'what is staged' if self.staged else 'this change'} {passes} the pull-request gate{but}"
        )

    def facts(self) -> list[tuple[str, str]]:
        """Return what is known of the change, as (word, sentence)."""
        if self.is_of_main:
            start = f"after {self.base[:10]}" if self.base else f"{self.head[:10]} alone"
            pushed = f"{counted(self.commits, 'commit')} on {self.against or 'this branch'}, {start}"
            return [("pushed", pushed), *(("note", note) for note in self.notes)]
        found = [("base", f"{self.against}, from {self.base[:10]} on")] if self.base and not self.staged else []
        if self.staged and self.kind is not Kind.NOTHING:
            found.append(("staged", counted(self.files, "file")))
        elif self.mended is not None and self.kind is not Kind.NOTHING:
            found.append(("change", f"{counted(self.files, 'file')}, committed or not"))
        elif self.kind is not Kind.NOTHING:
            found.append(("change", f"{counted(self.commits, 'commit')}, {counted(self.files, 'file')}"))
        found += self.verified.facts() if self.verified else []
        found += [("fragments", ", ".join(self.fragments))] if self.fragments else []
        found += self.mended.facts() if self.mended else []
        return found + [("note", note) for note in self.notes]

    def steps(self) -> list[tuple[str, frozenset[str]]]:
        """Return what was judged: each promise, with the rules that hold for it."""
        if self.kind is Kind.NOTHING:
            return []
        if self.is_of_main:
            return [("Every commit came through a pull request", frozenset({"commit-not-reviewed"}))]
        if self.verified is not None:
            of_change = frozenset({"workflow-unsafe"})
            return [("The release is tag-ready", frozenset(RULES) - of_change), *_STEPS[-1:]]
        steps = [step for step in _STEPS if not self.staged or step[1] != _TOLD]
        if not self.unasked:
            return steps
        unasked = self.unasked[0].upper() + self.unasked[1:]
        return [(unasked, rules) if rules == _TOLD else (promise, rules) for promise, rules in steps]

    def to_mend(self) -> list[Finding]:
        """Return what is wrong with fragments themselves: that is for whoever wrote them."""
        if self.is_release:
            return []
        return [found for found in self.report.findings if found.rule in _COMPILED and found.level is Level.ERROR]


#: What is not asked of what is staged: a branch may have several commits before somebody writes its fragment.
_TOLD = frozenset({"fragment-missing"})
#: What stands against a fragment itself.
_COMPILED = frozenset(rule for rule in RULES if rule.startswith("fragment-")) - {"fragment-missing", "fragment-deleted"}
_COMPILED |= {"entry-swallows"}
#: What a change is judged by, in the words of the checklist.
_STEPS = (
    ("Fragments can be compiled", _COMPILED | {"entry-unrenderable"}),
    ("What users will notice has a fragment", _TOLD),
    ("No pending fragment is lost", frozenset({"fragment-deleted"})),
    ("Entries are left to releases", frozenset({"entry-edited-by-hand"})),
    ("The version is left to releases", frozenset({"version-bumped-by-hand"})),
    ("The changelog has its marker", frozenset({"changelog-marker-missing"})),
    ("No changed file has a secret", frozenset({"secret-in-tree"})),
    ("Workflows are safe", frozenset({"workflow-unsafe"})),
)
