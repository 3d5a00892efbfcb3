"""Which tags are releases, and what the next one is called."""

from __future__ import annotations

import pytest

from tagready.facts.tags import read_tags


@pytest.mark.parametrize(
    ("project", "tag", "version", "next_name"),
    [
        pytest.param("demo", "1.2", "1.2", "1.3", id="bare"),
        pytest.param("demo", "v1.2", "1.2", "v1.3", id="v"),
        pytest.param("demo", "V1.2", "1.2", "V1.3", id="V"),
        pytest.param("demo", "demo-1.2", "1.2", "demo-1.3", id="name-"),
        pytest.param("demo", "demo_1.2", "1.2", "demo_1.3", id="name_"),
        pytest.param("demo", "demo/v1.2", "1.2", "demo/v1.3", id="name/v"),
        pytest.param("demo", "demo@1.2", "1.2", "demo@1.3", id="name@"),
        pytest.param("demo", "demo==1.2", "1.2", "demo==1.3", id="name=="),
        pytest.param("demo", "demo-v1.2", "1.2", "demo-v1.3", id="name-v"),
        pytest.param("demo", "release-1.2", "1.2", "release-1.3", id="release-"),
        pytest.param("demo", "release/1.2", "1.2", "release/1.3", id="release/"),
        pytest.param("My.Project", "my_project-1.2", "1.2", "my_project-1.3", id="spelled otherwise"),
        pytest.param("demo", "v1.2.0-rc.1", "1.2.0rc1", "v1.3", id="not canonical"),
        pytest.param("demo", "v1!1.2", "1!1.2", "v1.3", id="epoch"),
        pytest.param("demo", "2026.01.02", "2026.1.2", "1.3", id="calver"),
        pytest.param("h11", "h11-0.14.0", "0.14.0", "h11-1.3", id="digits in the name"),
        pytest.param("web3", "web3/v7.0", "7.0", "web3/v1.3", id="digits before the slash"),
        pytest.param("py3-demo", "py3-demo-1.2", "1.2", "py3-demo-1.3", id="digits inside the name"),
        pytest.param("h11", "v0.14.0", "0.14.0", "v1.3", id="digits in the name, not in the tag"),
    ],
)
def test_shapes(project: str, tag: str, version: str, next_name: str) -> None:
    tags = read_tags([tag], project, None)
    assert [(found.name, str(found.version)) for found in tags.releases] == [(tag, version)]
    assert tags.name("1.3") == next_name


@pytest.mark.parametrize(
    "tag",
    [
        "other-1.2", "other/v1.2", "demo-extra-1.2", "nightly", "latest", "v", "v1.2.x", "demo-", "before-v1.2",
        "docs-2026", "build-17", "1.2-final-really", "",
    ],
)  # fmt: skip
def test_foreign_tags_are_ignored(tag: str) -> None:
    assert read_tags([tag], "demo", None).releases == ()


def test_a_foreign_name_says_nothing_where_ours_is_unknown() -> None:
    assert [tag.name for tag in read_tags(["demo-1.2", "v1.1"], "", None).releases] == ["v1.1"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param([], "v1.3", id="none"),
        pytest.param(["nightly"], "v1.3", id="none of ours"),
        pytest.param(["1.1", "v1.2"], "v1.3", id="turned to v"),
        pytest.param(["v1.1", "1.2"], "1.3", id="turned to bare"),
        pytest.param(["other-9.0", "demo-1.2"], "demo-1.3", id="monorepo"),
        pytest.param(["v1.2", "demo-1.2"], "demo-1.3", id="our name before none"),
        pytest.param(["v10.0", "9.0"], "v1.3", id="newest by version"),
    ],
)
def test_next_tag_looks_like_the_newest(tags: list[str], expected: str) -> None:
    for order in (tags, tags[::-1]):
        assert read_tags(order, "demo", None).name("1.3") == expected


def test_newest_first() -> None:
    tags = read_tags(["v1.2", "v1.10", "v1.9", "v1.10rc1"], "demo", None)
    assert [tag.name for tag in tags.releases] == ["v1.10", "v1.10rc1", "v1.9", "v1.2"]


@pytest.mark.parametrize(
    ("tag_format", "tags", "releases", "next_name"),
    [
        pytest.param("{version}", ["1.2", "v1.1"], ["1.2", "v1.1"], "1.3", id="bare: v1.1 is a version, too"),
        pytest.param("demo-{version}", ["v9", "demo-1.2", "other-1.2"], ["demo-1.2"], "demo-1.3", id="prefix"),
        pytest.param("h11-{version}", ["h11-1.2"], ["h11-1.2"], "h11-1.3", id="digits"),
        pytest.param("r{version}-final", ["r1.2-final", "r1.2", "1.2-final"], ["r1.2-final"], "r1.3-final", id="both"),
        pytest.param("aa{version}aa", ["aaa", "aaaa", "aa1aa"], ["aa1aa"], "aa1.3aa", id="overlap"),
        pytest.param("py/v{version}", [], [], "py/v1.3", id="no tags yet"),
    ],
)
def test_tag_format(tag_format: str, tags: list[str], releases: list[str], next_name: str) -> None:
    found = read_tags(tags, "demo", tag_format)
    assert [tag.name for tag in found.releases] == releases
    assert found.name("1.3") == next_name
    assert found.format == tag_format
