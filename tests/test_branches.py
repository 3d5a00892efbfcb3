"""Which branches releases are made from."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tagready.facts.branches import Facts, is_release_branch, judge
from tagready.facts.findings import Finding, Report, Skipped
from tagready.facts.git_records import Ref


@pytest.mark.parametrize(
    "name",
    [
        "8.3.x", "8.x", "v7.1", "v7.1.x", "7.1", "v7", "stable/2", "stable-2.15", "stable/2.15.x", "maint/1.4",
        "maintenance/1.26.x", "support/1.x", "series/2", "branch-1.0", "backport/8.2", "release-1.142", "release-v1.99",
        "releases-2.0", "release/1.2.x", "1.2.3.x", "3.0.X", "4.*",
    ],
)  # fmt: skip
def test_a_series_is_a_release_branch(name: str) -> None:
    assert is_release_branch(name, ["main"])


@pytest.mark.parametrize(
    "name",
    [
        "release/1.2.3", "release/1.4.0", "release/1.4", "release/2026.11", "release/v1.4.0", "release-1.2.3", "1.2.3",
        "v1.2.3", "patch-1", "fix-12", "12-add-colour", "feature/12", "dev", "mainly", "main2", "dependabot/pip/x-1.2",
        "stable/", "x", "",
    ],
)  # fmt: skip
def test_other_branches_are_none(name: str) -> None:
    assert not is_release_branch(name, ["main"])


@pytest.mark.parametrize(
    ("name", "patterns", "is_one"),
    [
        ("main", ["main"], True),
        ("Main", ["main"], False),
        ("trunk", ["main", "tru*"], True),
        ("release/1.2.3", ["release/*"], True),
        ("release-v1.99", ["develop"], True),
    ],
)
def test_patterns(name: str, patterns: list[str], is_one: bool) -> None:
    assert is_release_branch(name, patterns) is is_one


def head(name: str, oid: str = "0") -> Ref:
    return Ref(f"refs/heads/{name}", oid, "")


def tracked(name: str, oid: str = "0", symref: str = "") -> Ref:
    return Ref(f"refs/remotes/origin/{name}", oid, symref)


def facts(
    current: str,
    *refs: Ref,
    at: str = "head",
    contains: Sequence[str] = (),
    patterns: Sequence[str] = (),
    remote: str | None = "origin",
    remote_head: str | None = None,
) -> Facts:
    return Facts(current, at, refs, remote, remote_head, patterns, lambda oid: oid in contains)


def refused(current: str, names: str, first: str) -> Report:
    return Report(
        (
            Finding(
                "branch-not-allowed",
                f"{current} is no release branch ({names}), nor does it contain the tip of one",
                f"git switch {first}, or add {current!r} to release-branches in [tool.tagready]",
            ),
        )
    )


UNKNOWN = Report(
    skipped=(
        Skipped("branch-not-allowed", "which branch is the default one cannot be known here; set release-branches"),
    )
)
DEVELOP = tracked("HEAD", symref="refs/remotes/origin/develop")


@pytest.mark.parametrize(
    ("known", "report"),
    [
        pytest.param(facts("main", head("main")), Report(), id="main"),
        pytest.param(facts("master", head("master"), head("topic")), Report(), id="master"),
        pytest.param(facts("trunk", head("trunk")), Report(), id="the only branch"),
        pytest.param(facts("", head("main")), Report(), id="detached: another rule says so"),
        pytest.param(facts("8.3.x", head("main", "m"), head("8.3.x")), Report(), id="series"),
        pytest.param(facts("topic", head("main", "m"), head("topic")), refused("topic", "main", "main"), id="topic"),
        pytest.param(facts("topic", head("main", "m"), contains=["m"]), Report(), id="based on the tip"),
        pytest.param(facts("topic", head("main", "m"), at="m"), Report(), id="at the tip"),
        pytest.param(facts("topic", head("main", "m"), head("8.3.x", "s"), contains=["s"]), Report(), id="on a series"),
        pytest.param(
            facts("topic", head("main", "old"), tracked("main", "new"), contains=["new"]), Report(), id="remote tip"
        ),
        pytest.param(
            facts("topic", head("main", "m"), head("other", "o"), contains=["o"]),
            refused("topic", "main", "main"),
            id="based on another topic",
        ),
        pytest.param(facts("develop", DEVELOP, head("main"), head("develop")), Report(), id="remote HEAD"),
        pytest.param(
            facts("main", DEVELOP, head("main"), head("develop", "d")),
            refused("main", "develop", "develop"),
            id="remote HEAD before main",
        ),
        pytest.param(
            facts("main", DEVELOP, head("main"), remote=None), Report(), id="HEAD of a remote that is not the remote"
        ),
        pytest.param(facts("trunk", head("trunk"), head("main"), remote_head="trunk"), Report(), id="asked the remote"),
        pytest.param(facts("a", head("a"), head("b")), UNKNOWN, id="unknown"),
        pytest.param(facts("a", head("a"), head("b"), patterns=["b", "a"]), Report(), id="configured"),
        pytest.param(
            facts("main", head("main", "m"), head("prod", "p"), patterns=["prod", "hot/*"]),
            refused("main", "prod, hot/*", "prod"),
            id="configured, not main",
        ),
        pytest.param(
            facts("release/1.4.0", head("main", "m"), contains=["m"]), Report(), id="release branch on the tip"
        ),
        pytest.param(
            facts("release/1.4.0", head("main", "m")),
            refused("release/1.4.0", "main", "main"),
            id="release branch elsewhere",
        ),
    ],
)
def test_judge(known: Facts, report: Report) -> None:
    assert judge(known) == report
