"""What an index says against a version before anything is uploaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tagready.facts.findings import Finding, Report, Skipped
from tagready.facts.publishing.index_rules import (
    Action,
    OnIndex,
    burned,
    compare,
    conflicts,
    judge,
    same_release,
    strangers,
)
from tagready.facts.publishing.release_file import ReleasedFile
from tagready.facts.versions import after

FINALS = ("9.0.1", "8.4.0", "8.3.9", "8.3.0", "7.4.4")


def judged(version: str, listed: list[str], finals: tuple[str, ...], series: str | None) -> Report:
    return judge(Version(version), listed, [Version(final) for final in finals], series)


@pytest.mark.parametrize(
    ("version", "finals", "series", "newest"),
    [
        pytest.param("9.1.0", FINALS, None, None, id="newest of all"),
        pytest.param("0.1", (), None, None, id="nothing there"),
        pytest.param("9.0.1", FINALS, None, "9.0.1", id="final already"),
        pytest.param("9.0.0", FINALS, None, "9.0.1", id="older than the newest"),
        pytest.param("9.0.1rc1", FINALS, None, "9.0.1", id="candidate of what is final already"),
        pytest.param("9.0.1.post1", FINALS, None, None, id="post-release of the newest"),
        pytest.param("9.1.0.dev0", FINALS, None, None, id="development release of the next"),
        pytest.param("8.3.10", FINALS, None, "9.0.1", id="default branch answers for all lines"),
        pytest.param("8.3.10", FINALS, "8.3.x", None, id="its own line"),
        pytest.param("8.3.8", FINALS, "8.3.x", "8.3.9", id="older on its own line"),
        pytest.param("8.3.9.post1", FINALS, "v8.3", None, id="a series with v"),
        pytest.param("8.4.0rc2", FINALS, "stable/8", "8.4.0", id="a series of one number"),
        pytest.param("8.5.0", FINALS, "stable/8", None, id="newest of one number"),
        pytest.param("7.4.5", FINALS, "release-7.4", None, id="a series that begins with release"),
        pytest.param("1.142.3", ("1.142.2", "1.143.0"), "release-1.142", None, id="many digits"),
        pytest.param("8.30.0", ("8.3.9", "8.30.1"), "8.3.x", None, id="8.30 is not of 8.3"),
        pytest.param("8.3", ("8.3.0",), None, "8.3.0", id="the same, spelled otherwise"),
        pytest.param("2026.2", ("1!0.1",), None, "1!0.1", id="a newer epoch"),
        pytest.param("9.2", FINALS, "maintenance", None, id="a series without a number answers for all"),
    ],
)
def test_newest_on_its_line(version: str, finals: tuple[str, ...], series: str | None, newest: str | None) -> None:
    expected = Finding(
        "version-not-newer",
        f"the index has {newest} already, so {version} would never be what people get",
        f"release a version above {newest}, or from a maintenance branch",
    )
    assert judged(version, [], finals, series) == (Report((expected,)) if newest else Report())


@pytest.mark.parametrize(
    ("listed", "shown"),
    [
        (["a.whl"], "a.whl"),
        (["a.whl", "b.whl", "c.tar.gz"], "a.whl, b.whl, c.tar.gz"),
        (["a.whl", "b.whl", "c.whl", "d.tar.gz"], "a.whl, b.whl, c.whl …"),
    ],
)
@pytest.mark.parametrize("finals", [(), ("1.4.0",), ("1.5.0", "1.4.0")])
def test_files_of_the_version_itself_cannot_be_judged_without_ours(
    listed: list[str], shown: str, finals: tuple[str, ...]
) -> None:
    reason = f"the index has files of 1.4.0 ({shown}), and there are no distributions here to compare them with"
    assert judged("1.4.0", listed, finals, None) == Report(skipped=(Skipped("version-not-newer", reason),))


VERSIONS = st.builds(
    lambda release, suffix: ".".join(map(str, release)) + suffix,
    st.lists(st.integers(0, 4), min_size=1, max_size=3),
    st.sampled_from(["", ".post1"]),
)


@given(version=VERSIONS, finals=st.lists(VERSIONS, max_size=6))
def test_the_default_branch_needs_the_greatest_version(version: str, finals: list[str]) -> None:
    greater = all(Version(version) > Version(final) for final in finals)
    assert judged(version, [], tuple(finals), None).ok is greater


@given(version=VERSIONS, finals=st.lists(VERSIONS, max_size=6))
def test_a_series_never_refuses_what_the_default_branch_takes(version: str, finals: list[str]) -> None:
    series = f"{Version(version).major}.x"
    assert judged(version, [], tuple(finals), series).ok >= judged(version, [], tuple(finals), None).ok


# -- our distributions, and an index's ---------------------------------------------------------------------------------

OURS, THEIRS = "aa" * 32, "bb" * 32
WHEEL, SDIST = ReleasedFile("demo-1.4.0-py3-none-any.whl", 9, OURS), ReleasedFile("demo-1.4.0.tar.gz", 9, OURS)
V = Version("1.4.0")
INSTEAD = (
    "what an index has, it keeps: prepare-release 1.4.1, with a fragment that says"
    ' "1.4.0 was published from another build; 1.4.1 takes its place."'
)


@pytest.mark.parametrize(
    ("listed", "action", "theirs"),
    [
        pytest.param({}, Action.MISSING, None, id="nothing"),
        pytest.param({SDIST.name: OURS}, Action.MISSING, None, id="another file with the same bytes"),
        pytest.param({WHEEL.name: OURS}, Action.PRESENT, OURS, id="ours"),
        pytest.param({WHEEL.name: THEIRS}, Action.CONFLICTING, THEIRS, id="other bytes"),
        pytest.param({WHEEL.name: ""}, Action.CONFLICTING, "", id="an empty hash is one that differs"),
        pytest.param({WHEEL.name: None}, Action.UNVERIFIABLE, None, id="no hash"),
        pytest.param({WHEEL.name.upper(): OURS}, Action.MISSING, None, id="a name is a name"),
    ],
)
def test_compare(listed: dict[str, str | None], action: Action, theirs: str | None) -> None:
    assert compare([WHEEL], listed) == (OnIndex(WHEEL, action, theirs),)


def test_compare_keeps_the_order() -> None:
    listed = {WHEEL.name: OURS}
    assert [each.file for each in compare([SDIST, WHEEL], listed)] == [SDIST, WHEEL]
    assert compare([], listed) == ()


def stranger(*names: str) -> Finding:
    return Finding(
        "version-not-newer",
        f"the index has 1.4.0 already, with files that are none of ours ({', '.join(names)})",
        f"if they are yours, put them beside the others; if not: {INSTEAD}",
    )


def other_bytes(file: ReleasedFile) -> Finding:
    what = f"the index holds other bytes under {file.name}: sha256 {THEIRS}, and ours is {OURS}"
    return Finding("dist-conflict", what, INSTEAD, file.name)


@pytest.mark.parametrize(
    ("listed", "findings"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({WHEEL.name: OURS}, [], id="ours"),
        pytest.param({WHEEL.name: THEIRS}, [], id="ours by name"),
        pytest.param({"x.whl": OURS, WHEEL.name: OURS}, [stranger("x.whl")], id="another file"),
        pytest.param({"c": None, "b": None, "a": None}, [stranger("a", "b", "c")], id="three"),
        pytest.param(dict.fromkeys("dcba"), [stranger("a", "b", "c …")], id="four"),
    ],
)
def test_strangers(listed: dict[str, str | None], findings: list[Finding]) -> None:
    assert strangers(V, [WHEEL, SDIST], listed) == Report(tuple(findings))


def test_conflicts() -> None:
    listed = {WHEEL.name: THEIRS, SDIST.name: OURS}
    assert conflicts(compare([WHEEL, SDIST], listed), V) == Report((other_bytes(WHEEL),))
    assert conflicts(compare([WHEEL, SDIST], {WHEEL.name: None}), V) == Report()


def test_the_same_release() -> None:
    listed = {"x.whl": THEIRS, WHEEL.name: THEIRS, SDIST.name: None}
    skipped = Skipped("dist-conflict", f"the index gives no SHA-256 of {SDIST.name}")
    assert same_release(V, [WHEEL, SDIST], listed) == Report((stranger("x.whl"), other_bytes(WHEEL)), (skipped,))
    assert same_release(V, [WHEEL, SDIST], {WHEEL.name: OURS}) == Report()


HASHES = st.none() | st.sampled_from([OURS, THEIRS])


@given(st.lists(st.sampled_from("abcd"), unique=True), st.dictionaries(st.sampled_from("abcd"), HASHES))
def test_nothing_is_uploaded_over_and_nothing_passes_as_ours_unseen(
    names: list[str], listed: dict[str, str | None]
) -> None:
    files = [ReleasedFile(name, 1, OURS) for name in names]
    found = {each.file.name: each.action for each in compare(files, listed)}
    assert {name for name, action in found.items() if action is Action.MISSING} == set(names) - set(listed)
    assert {name for name, action in found.items() if action is Action.PRESENT} == {
        name for name in names if listed.get(name) == OURS
    }
    bad = any(listed.get(name) == THEIRS for name in names)
    assert conflicts(compare(files, listed), V).ok is not bad
    assert strangers(V, files, listed).ok is (set(listed) <= set(names))


# -- what comes in its place -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "following"),
    [
        ("1.4.0", "1.4.1"),
        ("1.4", "1.4.1"),
        ("1", "1.0.1"),
        ("2026.11", "2026.11.1"),
        ("1.2.3.4", "1.2.4.0"),
        ("0.0.0", "0.0.1"),
        ("1.4.0rc1", "1.4.0rc2"),
        ("1.4a0", "1.4a1"),
        ("1.4.0b9", "1.4.0b10"),
        ("1.4.0.post1", "1.4.0.post2"),
        ("1.4.0.dev0", "1.4.0.dev1"),
        ("1.4.0rc1.dev3", "1.4.0rc1.dev4"),
        ("1.4.0rc1.post2", "1.4.0rc1.post3"),
        ("1.4.0.post1.dev2", "1.4.0.post1.dev3"),
        ("1!1.4.0", "1!1.4.1"),
        ("1!1.4.0rc1.post2.dev3", "1!1.4.0rc1.post2.dev4"),
    ],
)
def test_after(version: str, following: str) -> None:
    assert str(after(Version(version))) == following
    assert burned(Version(version), "was lost") == (
        f"what an index has, it keeps: prepare-release {following}, with a fragment that says"
        f' "{version} was lost; {following} takes its place."'
    )


ANY_VERSION = st.builds(
    lambda epoch, release, *rest: Version(epoch + ".".join(map(str, release)) + "".join(rest)),
    st.sampled_from(["", "2!"]),
    st.lists(st.integers(0, 3000), min_size=1, max_size=5),
    st.sampled_from(["", "a0", "b3", "rc9"]),
    st.sampled_from(["", ".post0", ".post7"]),
    st.sampled_from(["", ".dev0", ".dev5"]),
)


@given(ANY_VERSION)
def test_what_comes_after_is_newer_and_of_the_same_kind(version: Version) -> None:
    following = after(version)
    assert following > version
    assert (following.epoch, following.is_devrelease, following.is_postrelease, following.pre is None) == (
        version.epoch,
        version.is_devrelease,
        version.is_postrelease,
        version.pre is None,
    )
