"""How commits came to the main branch: what the history shows, and what only the forge can tell."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tagready.facts.findings import Finding, Report, Skipped, finding
from tagready.facts.git_records import LoggedCommit
from tagready.facts.reviews import PullRequest, Pushed, judge, merged_by_forge

ANN = ("Ann", "ann@example.org")
GITHUB = ("GitHub", "noreply@github.com")
BORS = ("bors[bot]", "26634292+bors[bot]@users.noreply.github.com")
PERSON, FORGE = ("p" * 40,), ("p" * 40, "q" * 40)


def commit(
    subject: str, committer: tuple[str, str] = ANN, *, merge: bool = False, body: str = "", oid: str = "a" * 40
) -> LoggedCommit:
    message = f"{subject}\n\n{body}" if body else f"{subject}\n"
    return LoggedCommit(oid, FORGE if merge else PERSON, *ANN, *committer, message)


@pytest.mark.parametrize(
    ("one", "told"),
    [
        # as pip, pytest, urllib3, attrs and synapse have them
        (commit("Merge pull request #14158 from ann/lamps", GITHUB, merge=True), True),
        (commit("Merge pull request #7 from acme/gh-readonly-queue/main/pr-6-abc", GITHUB, merge=True), True),
        (commit("Add lamps (#12)", GITHUB), True),
        (commit('Revert "Add lamps (#12)" (#13)', GITHUB), True),
        (commit("Auto merge of #12 - ann:lamps, r=bob", BORS, merge=True), True),
        (commit("Merge #12", GITHUB, merge=True), True),
        (commit("Merge #12", BORS, merge=True), True),
        (commit("Merge pull request #12 from ann/lamps", BORS, merge=True), True),
        (commit("Merge branch 'lamps' into 'main'", merge=True, body="Lamps\n\nSee merge request acme/demo!12"), True),
        (commit("Add lamps", body="See merge request acme/demo!12"), True),
        (commit("Merged in lamps (pull request #12)", merge=True), True),
        (commit("Merge pull request 'Add lamps' (#12) from ann/lamps into main", merge=True), True),
        # edited in the browser, a fix from an advisory's private fork, a branch that was brought up to date
        (commit("Update README.md", GITHUB), False),
        (commit("Merge commit from fork", GITHUB), False),
        (commit("Merge branch 'main' into lamps", GITHUB, merge=True), False),
        # rebased and merged, or pushed: pulpcore has nothing else
        (commit("Add lamps"), False),
        (commit("Add lamps (#12)"), False),
        (commit("Add lamps\n\nWe See merge request acme/demo!12"), False),
        (commit("Merge branch 'master' into develop", merge=True), False),
        (commit("Merge pull request #12 from ann/lamps", merge=True), False),
        (commit("Merge #12", BORS), False),
        (commit("Merge branch 'main' into lamps", BORS, merge=True), False),
        (commit("Merged in lamps (pull request #12)"), False),
        (commit("Update Changelog", ("pulpbot", "pulpbot@users.noreply.github.com")), False),
    ],
)
def test_what_the_history_alone_shows(one: LoggedCommit, told: bool) -> None:
    assert merged_by_forge(one) is told


def asked(*pulls: PullRequest) -> dict[str, Sequence[PullRequest]]:
    return {"a" * 40: pulls}


RULES = (
    "so that it is refused next time: Settings → Rules → Rulesets → New branch ruleset: target the default branch, and "
    'tick "Require a pull request before merging" and "Block force pushes"'
)


def direct(elsewhere: str = "", branch: str = "main", undo: str = "git revert aaaaaaaaaa") -> Finding:
    return finding(
        "commit-not-reviewed",
        f'aaaaaaaaaa "Add lamps" by Ann came to {branch} without a pull request{elsewhere}, so nobody had to '
        "look at it",
        f"git show aaaaaaaaaa, and where it should not be there: {undo}; {RULES}",
    )


@pytest.mark.parametrize(
    ("pulls", "branch", "found"),
    [
        ((PullRequest(12, True, "main"),), "main", ()),
        ((PullRequest(11, False, "main"), PullRequest(12, True, "main")), "main", ()),
        ((PullRequest(12, True, "main"),), "", ()),
        ((), "main", (direct(),)),
        ((), "", (direct(branch="this branch"),)),
        ((PullRequest(12, False, "main"),), "main", (direct(),)),
        ((PullRequest(12, True, "develop"),), "main", (direct(" (#12 was merged into develop)"),)),
    ],
)
def test_the_forge_has_the_last_word(pulls: tuple[PullRequest, ...], branch: str, found: tuple[Finding, ...]) -> None:
    one = commit("Add lamps")
    assert judge(Pushed(branch, [one]), asked(*pulls).__getitem__) == Report(found)


@pytest.mark.parametrize(
    "one", [commit("Add lamps (#12)", GITHUB), commit("Merge pull request #1", GITHUB, merge=True)]
)
def test_a_message_does_not_overrule_the_forge(one: LoggedCommit) -> None:
    assert [each.rule for each in judge(Pushed("main", [one]), lambda _: ()).findings] == ["commit-not-reviewed"]


def test_a_merge_is_reverted_along_its_first_parent() -> None:
    report = judge(Pushed("main", [commit("Add lamps", merge=True)]), lambda _: ())
    assert report.findings == (direct(undo="git revert -m 1 aaaaaaaaaa"),)


def test_a_fix_from_a_security_advisory_is_not_accused() -> None:
    report = judge(Pushed("main", [commit("Merge commit from fork", GITHUB)]), lambda _: ())
    reason = "aaaaaaaaaa: GitHub lists no pull request for what a security advisory's private fork brings"
    assert report == Report(skipped=(Skipped("commit-not-reviewed", reason),))
    by_hand = judge(Pushed("main", [commit("Merge commit from fork")]), lambda _: ())
    assert [each.rule for each in by_hand.findings] == ["commit-not-reviewed"]


def test_without_the_forge_nobody_is_accused() -> None:
    commits = [commit("Add lamps (#12)", GITHUB), *(commit("Mend", oid=letter * 40) for letter in "bcde")]
    asked_for: list[str] = []

    def silent(oid: str) -> str:
        asked_for.append(oid)
        return "no token"

    reason = (
        "4 of 5 commits (bbbbbbbbbb, cccccccccc, dddddddddd …) may have come by a rebase or directly: only the forge "
        "can tell, and it was not asked (no token)"
    )
    assert judge(Pushed("main", commits), silent) == Report(skipped=(Skipped("commit-not-reviewed", reason),))
    assert asked_for == ["a" * 40]  # who has no answer for one has none for the next
    (skip,) = judge(Pushed("main", commits[1:4]), silent).skipped
    assert skip.reason.startswith("3 of 3 commits (bbbbbbbbbb, cccccccccc, dddddddddd) may have come by a rebase")


def test_the_history_alone_is_enough_where_the_forge_merged_everything() -> None:
    assert judge(Pushed("main", [commit("Add lamps (#12)", GITHUB)]), lambda _: "no token") == Report()


def test_an_answer_that_breaks_off_leaves_the_rest_untold() -> None:
    answers: dict[str, Sequence[PullRequest] | str] = {"a" * 40: (), "b" * 40: "GitHub did not answer"}
    report = judge(Pushed("main", [commit("Add lamps"), commit("Mend", oid="b" * 40)]), answers.__getitem__)
    assert report.findings == (direct(),)
    assert [skip.reason for skip in report.skipped] == [
        "1 of 2 commits (bbbbbbbbbb) may have come by a rebase or directly: only the forge can tell, and it was not "
        "asked (GitHub did not answer)"
    ]


RELEASE = commit("Release 1.4.0", body="Towncrier: 26.9.0\n")


def test_our_release_may_come_directly_where_the_flow_says_so() -> None:
    assert judge(Pushed("main", [RELEASE], releases=frozenset({RELEASE.oid})), lambda _: ()) == Report()


def test_our_release_is_found_elsewhere_with_the_flow_to_set() -> None:
    (found,) = judge(Pushed("main", [RELEASE]), lambda _: ()).findings
    assert found.fix == (
        'let prepare-release make a branch (--branch --push), or set flow = "direct" in [tool.tagready]; ' + RULES
    )


@pytest.mark.parametrize(("branch", "named"), [("main", "main"), ("", "this branch")])
def test_a_history_that_was_rewritten(branch: str, named: str) -> None:
    report = judge(Pushed(branch, [], rewritten="f" * 40), lambda _: ())
    assert report == Report(
        (
            finding(
                "commit-not-reviewed",
                f"the history of {named} was rewritten: it was on ffffffffff, and has it no more, so commits that "
                "people have are gone from it",
                f"git fetch, and look at what is gone: git log ffffffffff; {RULES}",
            ),
        )
    )
