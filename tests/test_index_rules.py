"""What an index says against a version before anything is uploaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tagready.findings import Finding, Report, Skipped
from tagready.index_rules import judge

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
