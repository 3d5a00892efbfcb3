"""What is a version, and which one comes next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tagready.facts.findings import WrongUse
from tagready.facts.versions import BUMP_RULES, Asked, Bump, asked, bumped, canonical, next_version, parse

EXAMPLE = "give a PEP 440 version such as 1.4.0, 2.0.0rc1 or 2026.11, or one of major, minor, patch, auto"

RELEASES = st.builds(
    lambda epoch, numbers: Version((f"{epoch}!" if epoch else "") + ".".join(map(str, numbers))),
    st.integers(0, 2),
    st.lists(st.integers(0, 30), min_size=1, max_size=5),
)


@pytest.mark.parametrize("text", ["1", "1.4", "1.4.0", "2.0.0rc1", "1.0a1.dev2", "1.0.post1", "2026.11", "1!2.0"])
def test_canonical(text: str) -> None:
    assert str(canonical(text)) == text


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("v1.4.0", "v1.4.0 is not spelled canonically: indexes and installers will call it 1.4.0", "give 1.4.0"),
        ("1.4.0-rc.1", "1.4.0-rc.1 is not spelled canonically: indexes and installers will call it 1.4.0rc1",
         "give 1.4.0rc1"),
        ("2026.01.02", "2026.01.02 is not spelled canonically: indexes and installers will call it 2026.1.2",
         "give 2026.1.2"),
        ("1.4.0+local", "1.4.0+local has a local part (+local), which no index accepts", "give 1.4.0"),
        ("v1.4.0+Local", "v1.4.0+Local has a local part (+local), which no index accepts", "give 1.4.0"),
        ("1.4.x", "'1.4.x' is not a version", EXAMPLE),
        ("next", "'next' is not a version", EXAMPLE),
        ("", "'' is not a version", EXAMPLE),
    ],
)  # fmt: skip
def test_not_canonical(text: str, what: str, fix: str) -> None:
    with pytest.raises(WrongUse) as caught:
        canonical(text, words=True)
    assert (caught.value.what, caught.value.fix) == (what, fix)


@pytest.mark.parametrize(
    ("text", "version"), [("V1.0", "1.0"), ("1.0-1", "1.0.post1"), ("1.0alpha2", "1.0a2"), ("1.0.1a", "1.0.1a0")]
)
def test_parse_takes_any_spelling(text: str, version: str) -> None:
    assert str(parse(text)) == version


@pytest.mark.parametrize("text", ["", "v", "1.", "1.2.x", "release", "1..2"])
def test_parse_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("base", "major", "minor", "patch"),
    [
        ("1.3.0", "2.0.0", "1.4.0", "1.3.1"),
        ("0.3.9", "1.0.0", "0.4.0", "0.3.10"),
        ("1", "2", "1.1", "1.0.1"),
        ("1.3", "2.0", "1.4", "1.3.1"),
        ("1.2.3.4", "2.0.0.0", "1.3.0.0", "1.2.4.0"),
        ("2026.11", "2027.0", "2026.12", "2026.11.1"),
        ("1!1.3.0", "1!2.0.0", "1!1.4.0", "1!1.3.1"),
        ("0.0.0", "1.0.0", "0.1.0", "0.0.1"),
    ],
)
def test_bumped(base: str, major: str, minor: str, patch: str) -> None:
    assert [str(bumped(Version(base), bump)) for bump in (Bump.MAJOR, Bump.MINOR, Bump.PATCH)] == [major, minor, patch]


@given(RELEASES, st.sampled_from(Bump))
def test_bumped_is_newer_final_and_canonical(base: Version, bump: Bump) -> None:
    result = bumped(base, bump)
    assert result > base
    assert result.epoch == base.epoch
    assert len(result.release) >= len(base.release)
    assert canonical(str(result)) == result


@given(st.lists(RELEASES, min_size=1), st.sampled_from(["major", "minor", "patch"]))
def test_next_version_is_newer_than_every_release(tags: list[Version], word: str) -> None:
    assert next_version(word, tags, None) > max(tags)


BREAKING = Asked(Bump.MAJOR, "breaking", "changelog.d/1.breaking.md")
FEATURE = Asked(Bump.MINOR, "feature", "changelog.d/2.feature.md")
FIX = Asked(Bump.PATCH, "bugfix", "changelog.d/3.bugfix.md")


@pytest.mark.parametrize(
    ("tags", "word", "wanted", "result"),
    [
        pytest.param("1.3.0", "major", None, "2.0.0", id="major"),
        pytest.param("1.3.0", "minor", None, "1.4.0", id="minor"),
        pytest.param("1.3.0", "patch", BREAKING, "1.3.1", id="a word is a word"),
        pytest.param("1.3.0", "auto", BREAKING, "2.0.0", id="auto-major"),
        pytest.param("1.3.0", "auto", FEATURE, "1.4.0", id="auto-minor"),
        pytest.param("1.3.0", "auto", FIX, "1.3.1", id="auto-patch"),
        pytest.param("1.3.0", "auto", None, "1.3.1", id="auto-nothing"),
        pytest.param("1.3.0 1.10.0 1.9.0", "patch", None, "1.10.1", id="newest, not last"),
        pytest.param("0.3.1", "auto", BREAKING, "0.4.0", id="0.x-auto-major"),
        pytest.param("0.3.1", "auto", FEATURE, "0.4.0", id="0.x-auto-minor"),
        pytest.param("0.3.1", "auto", FIX, "0.3.2", id="0.x-auto-patch"),
        pytest.param("0.3.1", "major", FIX, "1.0.0", id="0.x-major"),
        pytest.param("1!0.3.1", "auto", BREAKING, "1!1.0.0", id="epoch is past 0.x"),
        pytest.param("9.0 1!1.3.0", "minor", None, "1!1.4.0", id="epoch"),
        pytest.param("2026.11", "minor", None, "2026.12", id="calver-minor"),
        pytest.param("2026.11", "auto", FIX, "2026.11.1", id="calver-auto"),
        pytest.param("", "auto", FIX, "0.0.1", id="no-tags-auto-patch"),
        pytest.param("", "auto", BREAKING, "0.1.0", id="no-tags-auto-major"),
        pytest.param("", "minor", None, "0.1.0", id="no-tags-minor"),
        pytest.param("", "major", None, "1.0.0", id="no-tags-major"),
        pytest.param("1.3.0 1.4.0rc1", "auto", FIX, "1.4.0", id="begun-auto"),
        pytest.param("1.3.0 1.4.0rc1 1.4.0b2", "minor", None, "1.4.0", id="begun-minor"),
        pytest.param("1.3.0 2.0.0a1", "patch", None, "2.0.0", id="begun-far"),
        pytest.param("1.3.0 1.4.0rc1", "major", None, "2.0.0", id="begun but more asked"),
        pytest.param("1.4.0rc1 1.4.0", "patch", None, "1.4.1", id="begun and done"),
        pytest.param("1.3.0 1!0.1rc1", "patch", None, "1!0.1", id="begun-epoch"),
        pytest.param("1.0rc1", "auto", FEATURE, "1.0", id="begun, nothing before"),
        pytest.param("8.3.1 8.4.0.dev0", "patch", None, "8.4.0", id="dev-tag"),
        pytest.param("1.3.0 1.3.0.post1", "patch", None, "1.3.1", id="post"),
    ],
)
def test_next_version(tags: str, word: str, wanted: Asked | None, result: str) -> None:
    assert str(next_version(word, map(Version, tags.split()), wanted)) == result


@pytest.mark.parametrize(
    ("fragments", "result"),
    [
        pytest.param([], None, id="none"),
        pytest.param([("misc", "m"), ("bugfix", "b")], Asked(Bump.PATCH, "misc", "m"), id="first of equals"),
        pytest.param(
            [("bugfix", "b"), ("feature", "f"), ("added", "a")], Asked(Bump.MINOR, "feature", "f"), id="minor"
        ),
        pytest.param([("removal", "r"), ("feature", "f")], Asked(Bump.MAJOR, "removal", "r"), id="major"),
        pytest.param([("house-rule", "h")], Asked(Bump.PATCH, "house-rule", "h"), id="unknown type"),
    ],
)
def test_asked(fragments: list[tuple[str, str]], result: Asked | None) -> None:
    assert asked(fragments, BUMP_RULES) == result


def test_asked_by_the_projects_own_rules() -> None:
    rules = {"house-rule": Bump.MAJOR}
    found = asked([("feature", "f"), ("house-rule", "h")], rules)
    assert found == Asked(Bump.MAJOR, "house-rule", "h")
