"""What a tag's name says, and which tags it must be newer than."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tagready.facts.findings import Finding
from tagready.facts.tag_rules import counts_as_release, not_newer, read_name
from tagready.facts.tags import read_tags

V = ("v1.3.0",)


@pytest.mark.parametrize(
    ("name", "others", "tag_format", "stated", "version", "spelled"),
    [
        pytest.param("v1.4.0", V, None, [], "1.4.0", "1.4.0", id="as the newest"),
        pytest.param("1.4.0", ["1.3.0"], None, [], "1.4.0", "1.4.0", id="bare"),
        pytest.param("demo-1.4.0", ["demo-1.3.0"], None, [], "1.4.0", "1.4.0", id="with the name"),
        pytest.param("demo/v1.4.0", ["demo/v1.3.0"], None, [], "1.4.0", "1.4.0", id="a folder"),
        pytest.param("v1.4.0", [], None, [], "1.4.0", "1.4.0", id="the first"),
        pytest.param("release-1.4.0", [], None, [], "1.4.0", "1.4.0", id="the first, another shape"),
        pytest.param("v1.4", V, None, [], "1.4", "1.4", id="shorter"),
        pytest.param("v1.4.0rc1", V, None, [], "1.4.0rc1", "1.4.0rc1", id="pre-release"),
        pytest.param("v1.4.0.dev0", V, None, [], "1.4.0.dev0", "1.4.0.dev0", id="development release"),
        pytest.param("v1.4.0.post1", V, None, [], "1.4.0.post1", "1.4.0.post1", id="post-release"),
        pytest.param("v1!1.4.0", V, None, [], "1!1.4.0", "1!1.4.0", id="epoch"),
        pytest.param("v2026.01.02", V, None, ["2026.01.02"], "2026.1.2", "2026.01.02", id="as the tree spells it"),
        pytest.param("1.2.0", ["v2.0.0", "1.1.0"], None, [], "1.2.0", "1.2.0", id="as in its own time"),
        pytest.param("v1.2.0", ["v2.0.0", "1.1.0"], None, [], "1.2.0", "1.2.0", id="as later, on an old line"),
        pytest.param("rel_1.4.0-x", [], "rel_{version}-x", [], "1.4.0", "1.4.0", id="tag-format"),
        pytest.param("v1.4.0", ["1.3.0"], "v{version}", [], "1.4.0", "1.4.0", id="tag-format, not as the newest"),
        pytest.param("h11-1.4.0", ["nightly", "docs-1"], "h11-{version}", [], "1.4.0", "1.4.0", id="foreign tags"),
    ],
)
def test_good_names(
    name: str, others: Sequence[str], tag_format: str | None, stated: list[str], version: str, spelled: str
) -> None:
    tags = read_tags(others, "demo", tag_format)
    assert read_name(name, tags, "demo", tag_format, stated) == (Version(version), spelled, (), False)


@pytest.mark.parametrize("name", ["shade-1.4.0", "shade/v1.4.0", "shade==1.4.0"])
@pytest.mark.parametrize("tag_format", [None, "demo-{version}"])
def test_a_tag_of_another_project(name: str, tag_format: str | None) -> None:
    tags = read_tags(["demo-1.3.0", "shade-1.3.0"], "demo", tag_format)
    what = f"the tag {name} is one of shade, not of demo, whose tags look like demo-VERSION"
    fix = "judge it in the folder of shade: go there, or give that folder with -C"
    found = Finding("tag-malformed", what, fix)
    assert read_name(name, tags, "demo", tag_format, []) == (None, "", (found,), True)


@pytest.mark.parametrize(
    ("name", "others", "tag_format", "version", "faults"),
    [
        pytest.param("nonsense", V, None, None, [("names no version", "vVERSION")], id="no version"),
        pytest.param("other-1.4.0", V, None, None, [("names no version", "vVERSION")], id="of another project"),
        pytest.param(
            "1.4.0", V, None, "1.4.0", [("does not look like the project's tags (v1.3.0)", "v1.4.0")], id="no v"
        ),
        pytest.param(
            "V1.4.0", V, None, "1.4.0", [("does not look like the project's tags (v1.3.0)", "v1.4.0")], id="a V"
        ),
        pytest.param(
            "demo-1.4.0",
            ["2.0", "v1.9", "demo-1.8"],
            None,
            "1.4.0",
            [("does not look like the project's tags (2.0)", "1.4.0")],
            id="as only newer tags look",
        ),
        pytest.param(
            "v1.4.0",
            ["v1.3.0"],
            "rel_{version}",
            "1.4.0",
            [("does not have the form tag-format", "rel_1.4.0")],
            id="tag-format asks for another",
        ),
        pytest.param(
            "v1.4.0-rc1",
            V,
            None,
            "1.4.0rc1",
            [("spells the version 1.4.0-rc1, which is 1.4.0rc1 to every installer", "v1.4.0rc1")],
            id="not canonical",
        ),
        pytest.param(
            "v01.4.0",
            V,
            None,
            "1.4.0",
            [("spells the version 01.4.0, which is 1.4.0 to every installer", "v1.4.0")],
            id="a zero in front",
        ),
        pytest.param(
            "v1.4.0+local",
            V,
            None,
            "1.4.0+local",
            [("has a local part (+local), which no index accepts", "v1.4.0")],
            id="local part",
        ),
        pytest.param(
            "1.4.0-1+x",
            V,
            None,
            "1.4.0.post1+x",
            [
                ("does not look like the project's tags (v1.3.0)", "v1.4.0-1+x"),
                ("has a local part (+x), which no index accepts", "v1.4.0.post1"),
            ],
            id="all at once",
        ),
    ],
)
def test_bad_names(
    name: str, others: Sequence[str], tag_format: str | None, version: str | None, faults: list[tuple[str, str]]
) -> None:
    reading = read_name(name, read_tags(others, "demo", tag_format), "demo", tag_format, ["1.4.0"])
    assert (reading.version, list(reading.findings)) == (
        Version(version) if version else None,
        [
            Finding(
                "tag-malformed",
                f"the tag {name} {what}",
                f"git tag {wanted} '{name}^{{}}' && git tag -d {name}, only if {name} was never published",
            )
            for what, wanted in faults
        ],
    )


@given(
    release=st.lists(st.integers(0, 3000), min_size=1, max_size=4),
    suffix=st.sampled_from(["", "a1", "b2", "rc3", ".post1", ".dev4", "rc1.post2.dev3"]),
    shape=st.sampled_from(["{}", "v{}", "demo-{}", "demo/{}", "release-{}", "demo@v{}"]),
)
def test_what_the_project_would_name_it_is_never_malformed(release: list[int], suffix: str, shape: str) -> None:
    tags = read_tags([shape.format("1.3.0")], "demo", None)
    version = Version(".".join(map(str, release)) + suffix)
    assert read_name(tags.name(version), tags, "demo", None, []) == (version, str(version), (), False)


@pytest.mark.parametrize(
    ("version", "rivals", "newest"),
    [
        pytest.param("1.4.0", [], None, id="none"),
        pytest.param("1.4.0", ["v1.3.0", "v1.4.0rc1", "v1.4.0.dev0"], None, id="all older"),
        pytest.param("1.4.0", ["v1.4.0"], "v1.4.0", id="the same"),
        pytest.param("1.4.0", ["v1.4"], "v1.4", id="the same, spelled otherwise"),
        pytest.param("1.4.0", ["v1.10.0", "v1.9.0", "v1.3.0"], "v1.10.0", id="the newest of them, not by letters"),
        pytest.param("1.4.0rc1", ["v1.4.0"], "v1.4.0", id="a candidate after its final"),
        pytest.param("1.4.0", ["v1.4.0.post1"], "v1.4.0.post1", id="after its own post-release"),
        pytest.param("2026.1", ["v1!0.1"], "v1!0.1", id="another epoch"),
    ],
)
def test_not_newer(version: str, rivals: list[str], newest: str | None) -> None:
    found = not_newer(Version(version), read_tags(rivals, "demo", None).releases)
    assert [(each.rule, each.message) for each in found] == (
        [("version-not-newer", f"{version} is not newer than {newest}, which this branch has released already")]
        if newest
        else []
    )


@pytest.mark.parametrize(
    ("tag", "version", "counts"),
    [
        ("v1.4.0", "1.5.0", True),
        ("v1.4.0rc1", "1.5.0", True),
        ("v1.5.0.dev0", "1.5.0", False),
        ("v1.5.0.dev0", "1.4.9", False),
        ("v1.5.0.dev0", "1.5.0.dev1", True),
        ("v1.5.0rc1.dev0", "1.5.0rc1", False),
    ],
)
def test_development_markers_are_rivals_for_their_like_only(tag: str, version: str, counts: bool) -> None:
    assert counts_as_release(read_tags([tag], "demo", None).releases[0], Version(version)) is counts
