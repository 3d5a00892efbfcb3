"""One model for every problem: a rule, a finding, and the ways in which a command can end early."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple


class Level(StrEnum):
    """How much a finding weighs: an error refuses, a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


class Rule(NamedTuple):
    """A promise with a stable slug; `policy` rules may be skipped by hand, the others keep the result defined."""

    slug: str
    says: str
    level: Level = Level.ERROR
    policy: bool = False


RULES = {
    rule.slug: rule
    for rule in (
        Rule("tag-malformed", "the tag does not look like the project's tags, or spells no version"),
        Rule("tag-missing", "there is no such tag here"),
        Rule("tag-exists", "the tag is already here or on the remote, on another commit"),
        Rule("tag-not-on-branch", "no release branch contains the tagged commit", policy=True),
        Rule("workflow-not-started", "the tag would start no workflow", level=Level.WARNING, policy=True),
        Rule("branch-not-allowed", "this is no release branch, nor based on the tip of one", policy=True),
        Rule("branch-behind", "the remote branch has commits that are not here", policy=True),
        Rule("branch-exists", "the branch of the release is there with other content"),
        Rule("head-detached", "HEAD is on no branch, or a merge or rebase is under way"),
        Rule("tree-dirty", "what the release touches has uncommitted changes"),
        Rule("identity-unknown", "git knows nobody to commit as"),
        Rule("hook-failed", "a user command failed"),
        Rule("version-mismatch", "a place that states the version states another one"),
        Rule("version-unwritable", "the place to bump matches nowhere, or more than once"),
        Rule(
            "version-not-newer",
            "the version is not newer than every release reachable from here",
            policy=True,
        ),
        Rule("version-bumped-by-hand", "the version was changed outside a release", policy=True),
        Rule("nothing-to-release", "no fragment is pending"),
        Rule("entry-exists", "the changelog already has an entry for the version"),
        Rule("entry-unrenderable", "by the settings and the template as they are, towncrier makes no entry"),
        Rule("entry-missing", "the changelog has no entry for the version"),
        Rule("entry-empty", "the changelog's entry for the version says nothing"),
        Rule("entry-duplicated", "the changelog has more than one entry for the version"),
        Rule("entry-swallows", "with the new entry, older entries are no longer entries"),
        Rule(
            "entry-differs",
            "the entry is not what its fragments compile to",
            level=Level.WARNING,
            policy=True,
        ),
        Rule("entry-edited-by-hand", "an entry was changed outside a release", policy=True),
        Rule("fragment-lost", "a removed fragment shows nowhere in the entry", policy=True),
        Rule("fragments-left-over", "fragments that this release should have compiled are still there"),
        Rule(
            "fragment-ignored",
            "a file beside the fragments that towncrier passes over in silence",
            policy=True,
        ),
        Rule(
            "fragment-leftover-copy",
            "an editor's or merge's leftover that towncrier would compile",
            policy=True,
        ),
        Rule("fragment-empty", "a fragment without text, in a type that shows it", policy=True),
        Rule("fragment-malformed", "a fragment that would break the entry", policy=True),
        Rule("fragment-duplicated", "two files for the same issue, type and counter"),
        Rule("fragment-uncommitted", "a fragment is untracked, staged or edited"),
        Rule("fragment-deleted", "a pending fragment was removed outside a release", policy=True),
        Rule("fragment-missing", "code changed, and no fragment says so", policy=True),
        Rule("fragment-hangs", "towncrier does not come to an end on this fragment"),
        Rule("changelog-marker-missing", "towncrier would put the entry above the title"),
        Rule("dist-missing", "there is no wheel, or no source distribution"),
        Rule("dist-name", "a distribution's file name is of another version, or one that indexes refuse"),
        Rule("dist-metadata", "a distribution does not say, or does not hold, what it should"),
        Rule("dist-untracked", "a member that git does not track and the backend did not generate"),
        Rule("dist-unreproducible", "two builds of the same commit differ"),
        Rule("dist-broken", "the wheel cannot be installed or imported"),
        Rule("dist-conflict", "the index holds other bytes under the same name"),
        Rule("release-incomplete", "the index does not list every file of the release"),
        Rule("release-closed", "the index takes no more files for this release"),
        Rule("token-missing", "there is no token to upload with"),
        Rule("token-malformed", "what was given is no token for this index and project"),
        Rule("token-refused", "the index does not accept the token"),
        Rule("secret-in-tree", "a token or a password is in what is released", policy=True),
        Rule("commit-not-reviewed", "a commit did not come through a pull request", policy=True),
        Rule(
            "workflow-unsafe",
            "a workflow could leak the token, or publish what was not verified",
            level=Level.WARNING,
            policy=True,
        ),
        Rule("init-drift", "a generated file is not what init writes", policy=True),
        Rule(
            "date-implausible",
            "the entry's date is more than a week from its commit's",
            level=Level.WARNING,
            policy=True,
        ),
    )
}


@dataclass(frozen=True)
class Finding:
    """What is wrong, where, why it matters, and the way out."""

    rule: str
    message: str
    fix: str
    path: str | None = None
    line: int | None = None
    level: Level = Level.ERROR


@dataclass(frozen=True)
class Skipped:
    """A rule that was asked for and could not be judged, or that somebody set aside, and the reason."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Report:
    """Everything that judging found; nothing in it has been printed yet."""

    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.level is Level.ERROR for finding in self.findings)

    def and_(self, other: Report) -> Report:
        """Return this report and another one as one."""
        return Report(self.findings + other.findings, self.skipped + other.skipped)

    def dropping(self, rules: Iterable[str]) -> Report:
        """Return the report without the findings of the given rules."""
        chosen = set(rules)
        return Report(tuple(found for found in self.findings if found.rule not in chosen), self.skipped)

    def strictly(self) -> Report:
        """Return the report with every warning as an error, and every rule that could not be judged as one, too."""
        errors = tuple(replace(found, level=Level.ERROR) for found in self.findings)
        unjudged = tuple(
            Finding(
                skip.rule, f"could not be judged: {skip.reason}", "make it possible to judge, or leave --strict out"
            )
            for skip in self.skipped
        )
        return Report(errors + unjudged)

    def without(self, rules: Iterable[str]) -> Report:
        """Return the report with the given rules set aside: listed as skipped, their findings dropped."""
        chosen = set(rules)
        dropped = {finding.rule for finding in self.findings} & chosen
        reasons = tuple(
            Skipped(rule, "set aside with --skip" + ("" if rule in dropped else " (nothing was found)"))
            for rule in sorted(chosen)
        )
        return Report(self.dropping(chosen).findings, self.skipped + reasons)


def finding(rule: str, message: str, fix: str, path: str | None = None, line: int | None = None) -> Finding:
    """Return a finding of the rule's own level."""
    return Finding(rule, message, fix, path, line, RULES[rule].level)


def counted(number: int, what: str) -> str:
    """Return a number of things in words: `1 finding`, `2 findings`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def as_warning(found: Finding) -> Finding:
    """Return the finding as a warning."""
    return replace(found, level=Level.WARNING)


def as_verdict(report: Report) -> dict[str, Any]:
    """Return a report as the JSON of every command has it: ok, findings and skipped."""
    return {
        "ok": report.ok,
        "findings": [{**asdict(found), "level": str(found.level)} for found in report.findings],
        "skipped": [asdict(skip) for skip in report.skipped],
    }


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Our rules say no; holds every finding at once."""

    def __init__(self, *findings: Finding, report: Report | None = None) -> None:
        self.report = report or Report(findings)
        #: What is known of the release by then: project, version, tag, parent.
        self.about: dict[str, Any] = {}
        super().__init__(", ".join(found.rule for found in self.report.findings))


class Trouble(Exception):  # noqa: N818
    """Something outside the rules went wrong; `command` and `stderr` are the other program's own words."""

    def __init__(self, what: str, fix: str, command: str = "", stderr: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.command = command
        self.stderr = stderr
        self.about: dict[str, Any] = {}


class WrongUse(Trouble):
    """Wrong usage or configuration: exit code 2."""


class WorldFailed(Trouble):
    """Git, towncrier, the network or the disk failed: exit code 3."""


def way_out(error: OSError) -> str:
    """Return what to do where the system refused something."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "make room"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "give yourself the right to write there"
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY):
        return "move away what lies there"
    if error.errno == errno.ENOENT:
        return "make what is missing there"
    return "mend that"


def check_skips(skip: Iterable[str], *, policy_only: bool = False) -> None:
    """Raise WrongUse for a rule to be skipped that does not exist, or without which the result would be undefined."""
    for rule in skip:
        if rule not in RULES:
            from difflib import get_close_matches

            close = get_close_matches(rule, RULES, n=1)
            raise WrongUse(f"there is no rule {rule}", f"did you mean {close[0]}?" if close else "see docs/findings.md")
        if policy_only and not RULES[rule].policy:
            policies = ", ".join(slug for slug in RULES if RULES[slug].policy)
            raise WrongUse(
                f"{rule} cannot be skipped: without it the result would be undefined",
                f"only these can: {policies}",
            )
