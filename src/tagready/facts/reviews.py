"""How commits came to the main branch: through a pull request, directly, or one cannot tell. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tagready.facts.findings import Finding, Report, Skipped, finding
from tagready.facts.git_records import LoggedCommit

RULE = "commit-not-reviewed"


class PullRequest(NamedTuple):
    """A pull request that a commit belongs to; `base` is the branch that it goes to."""

    number: int
    merged: bool
    base: str


#: Returns the pull requests that a commit belongs to, as the forge lists them, or why it cannot be asked.
ReviewedBy = Callable[[str], Sequence[PullRequest] | str]


class Pushed(NamedTuple):
    """Commits that came to a branch (empty: its name is not known), as its first-parent line has them, newest first.

    `rewritten` is the commit that the branch was on before, where the push took it back. `releases` are the commits
    among them that may come without a pull request: our own releases, in the direct flow.
    """

    branch: str
    commits: Sequence[LoggedCommit]
    rewritten: str | None = None
    releases: frozenset[str] = frozenset()


def judge(pushed: Pushed, reviewed_by: ReviewedBy) -> Report:
    """Return a finding for each commit of which the forge knows no pull request into this branch.

    Where the forge cannot be asked, the history alone is judged. It shows what a forge has merged, but never that a
    commit was pushed directly: after "rebase and merge", commits look just like that.
    """
    findings = [_rewritten(pushed, pushed.rewritten)] if pushed.rewritten else []
    untold: list[LoggedCommit] = []
    why_not = ""
    for commit in pushed.commits:
        if commit.oid in pushed.releases:
            continue
        listed = why_not or reviewed_by(commit.oid)
        if isinstance(listed, str):
            why_not = listed  # it will not answer the next one either
            untold += [] if merged_by_forge(commit) else [commit]
        elif any(each.merged and each.base == (pushed.branch or each.base) for each in listed):
            continue
        elif _from_advisory(commit):
            untold.append(commit)
        else:
            findings.append(_not_reviewed(commit, pushed.branch, listed))
    skipped = (Skipped(RULE, _untold(untold, len(pushed.commits), why_not)),) if untold else ()
    return Report(tuple(findings), skipped)


_NUMBERED = re.compile(r"\(#\d+\)$")
#: What a merge is called that GitHub, its merge queue and bors make, then Gitea, Bitbucket and GitLab.
_MERGE = re.compile(
    r"(?:Merge pull request|Auto merge of|Merge) #\d+\b|Merge pull request '.*' \(#\d+\) from "
    r"|Merged in \S+ \(pull request #\d+\)"
)
_GITLAB = re.compile(r"^See merge request \S*!\d+\s*$", re.MULTILINE)


def merged_by_forge(commit: LoggedCommit) -> bool:
    """Return whether the history shows that a forge merged the commit from a pull request.

    GitHub is the committer of what it merges and squashes, but of what is edited in the browser as well: there only
    the number tells. GitLab, Gitea and Bitbucket name the person who merged as the committer.
    """
    merges = len(commit.parents) > 1
    if commit.committer_email == "noreply@github.com":
        return bool(_MERGE.match(commit.subject) or _NUMBERED.search(commit.subject))
    if commit.committer.endswith("[bot]"):
        return merges and bool(_MERGE.match(commit.subject))
    if _GITLAB.search(commit.message):
        return True
    return merges and bool(_MERGE.match(commit.subject)) and not commit.subject.startswith("Merge pull request #")


def _from_advisory(commit: LoggedCommit) -> bool:
    """Return whether it looks like the fix of a security advisory: its pull request is in a private fork, and unlisted.

    urllib3's releases 2.6.0 and 2.7.0 have four of them.
    """
    return commit.committer_email == "noreply@github.com" and commit.subject == "Merge commit from fork"


def _untold(untold: Sequence[LoggedCommit], number: int, why_not: str) -> str:
    some = ", ".join(commit.oid[:10] for commit in untold[:3]) + (" …" if len(untold) > 3 else "")
    if not why_not:
        return f"{some}: GitHub lists no pull request for what a security advisory's private fork brings"
    return (
        f"{len(untold)} of {number} commits ({some}) may have come by a rebase or directly: only the forge can tell, "
        f"and it was not asked ({why_not})"
    )


_RULESET = (
    'Settings → Rules → Rulesets → New branch ruleset: target the default branch, and tick "Require a pull request '
    'before merging" and "Block force pushes"'
)


def _not_reviewed(commit: LoggedCommit, branch: str, listed: Sequence[PullRequest]) -> Finding:
    elsewhere = next((f" (#{each.number} was merged into {each.base})" for each in listed if each.merged), "")
    release = re.search(r"^[ \t]*Towncrier:\s", commit.message, re.MULTILINE)
    undo = f"git revert {'-m 1 ' if len(commit.parents) > 1 else ''}{commit.oid[:10]}"
    look = f"git show {commit.oid[:10]}, and where it should not be there: {undo}"
    if release:
        look = 'let prepare-release make a branch (--branch --push), or set flow = "direct" in [tool.tagready]'
    return finding(
        RULE,
        f'{commit.oid[:10]} "{commit.subject}" by {commit.author} came to {branch or "this branch"} without a pull '
        f"request{elsewhere}, so nobody had to look at it",
        f"{look}; so that it is refused next time: {_RULESET}",
    )


def _rewritten(pushed: Pushed, before: str) -> Finding:
    return finding(
        RULE,
        f"the history of {pushed.branch or 'this branch'} was rewritten: it was on {before[:10]}, and has it no more, "
        "so commits that people have are gone from it",
        f"git fetch, and look at what is gone: git log {before[:10]}; so that it is refused next time: {_RULESET}",
    )
