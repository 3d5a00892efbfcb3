"""The header of a generated file: what it says, and whether the body below it is what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagready.facts.scaffolding.stamps import Stamp, digest, read_stamp, restamped, stamped

BODY = "name: Release\non: push\n"
PINNED = f"steps:\n  - uses: actions/checkout@{'1' * 40} # v1.0.0\n"
HEADER = (
    "# Written by tagready 1.2.0; `tagready init --upgrade` renews it, and keeps your changes.\n"
    "# sha256 of all below but for the pins of actions: "
    "1ac8ac20c5306aa1b1acd5b2bb2b4e1e7a1bc5d7d2b0ed6d3d6f1b8b9c1d2e3f\n"
)


def test_a_stamp_says_who_wrote_what() -> None:
    text = stamped(BODY, "1.2.0")

    first, second, *rest = text.split("\n")
    assert first == "# Written by tagready 1.2.0; `tagready init --upgrade` renews it, and keeps your changes."
    assert second == (
        "# sha256 of all below but for the pins of actions: "
        "75b1b6c8d4e8b0310523c8679478abaa3828f2f0efdd65104b2ad00bdd414030"
    )
    assert "\n".join(rest) == BODY
    assert read_stamp(text) == Stamp("1.2.0", digest(BODY), BODY)


def test_the_digest_is_what_sha256sum_prints() -> None:
    assert digest("hello\n") == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"


@pytest.mark.parametrize(
    ("text", "untouched"),
    [
        (stamped(BODY, "1.2.0"), True),
        (stamped(BODY, "1.2.0").replace("\n", "\r\n"), True),  # checked out on Windows
        (stamped(BODY, "1.2.0") + "\n", False),
        (stamped(BODY, "1.2.0").replace("push", "pull_request"), False),
        (stamped(BODY, "1.2.0").replace("1.2.0", "1.3.0"), True),  # the version is not of the body
        (HEADER + BODY, False),
        (stamped(PINNED, "1.2.0").replace(f"{'1' * 40} # v1.0.0", f"{'2' * 40} # v2.0.0"), True),  # a bot raised it
        (stamped(PINNED, "1.2.0").replace(f"{'1' * 40} # v1.0.0", "v2"), False),
    ],
)
def test_whether_a_file_was_touched(text: str, untouched: bool) -> None:
    found = read_stamp(text)
    assert found is not None
    assert found.is_untouched is untouched


@pytest.mark.parametrize(
    "text",
    [
        "",
        BODY,
        "\n" + stamped(BODY, "1.2.0"),  # the header is the first thing in the file
        "# Written by tagready 1.2.0\n" + BODY,
        HEADER.replace("1ac8", "1AC8") + BODY,
        HEADER.splitlines()[0],
    ],
)
def test_any_other_file_has_no_stamp(text: str) -> None:
    assert read_stamp(text) is None


def test_a_merged_file_bears_the_stamp_of_what_is_written_now() -> None:
    new = read_stamp(stamped("new\n", "2.0.0"))
    assert new is not None

    merged = restamped("new\nand mine\n", new)

    assert read_stamp(merged) == Stamp("2.0.0", digest("new\n"), "new\nand mine\n")
    assert restamped(merged, new) == merged


@given(st.text(alphabet=st.characters(exclude_categories=())), st.from_regex(r"\A[0-9a-z.+!]+\Z"))
def test_what_is_stamped_is_read_again(body: str, version: str) -> None:
    body = body.replace("\r\n", "\n")
    body = body.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    found = read_stamp(stamped(body, version))
    assert found == Stamp(version, digest(body), body)
    assert found.is_untouched
