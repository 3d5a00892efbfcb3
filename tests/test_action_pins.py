"""The pins of actions in a workflow: what is one, and which of two is the newer."""

from __future__ import annotations

import pytest

from tagready.facts.scaffolding.action_pins import with_newest_pins, without_pins

ONE, TWO = "1" * 40, "2" * 40


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (f"      - uses: actions/checkout@{ONE} # v7.0.1", "      - uses: actions/checkout@"),
        (f"uses: owner/action/sub/folder@{ONE}  #v7", "uses: owner/action/sub/folder@"),
        (f"  - uses: a/b@{ONE} # v7.0.1 # zizmor: ignore[x]", "  - uses: a/b@ # zizmor: ignore[x]"),
        *((line, line) for line in (
            f"- uses: a/b@{ONE}", f"- uses: a/b@{ONE} # main", "- uses: a/b@v7 # v7", f"- uses: a/b@{ONE[1:]} # v7",
            f"- uses: a/b@{ONE} # v7.0.1rc1", f"- uses: ./a@{ONE} # v7", f"- run: uses: a/b@{ONE} # v7",
            f"# uses: a/b@{ONE} # v7",
        )),
    ],
)  # fmt: skip
def test_what_is_a_pin(line: str, left: str) -> None:
    assert without_pins(f"a\n{line}\nb\n") == f"a\n{left}\nb\n"


@pytest.mark.parametrize(
    ("own", "other", "kept"),
    [
        ("v7.0.1", "v7.0.2", "other"), ("v9.0.0", "v10.0.0", "other"), ("v7", "v7.0.1", "other"),
        ("v7.0.1", "v7.0.1", "own"), ("v7.0.1", "v7.0.0", "own"), ("v10", "v9.9.9", "own"), ("v7.0.1", "main", "own"),
    ],
)  # fmt: skip
def test_the_newer_pin_is_kept_with_its_version(own: str, other: str, kept: str) -> None:
    text, there = f"- uses: a/b@{ONE} # {own}\n- uses: c/d@{ONE} # v1\n", f"- uses: a/b@{TWO} # {other}\r\n"
    pin = f"{ONE} # {own}" if kept == "own" else f"{TWO} # {other}"
    assert with_newest_pins(text, there) == f"- uses: a/b@{pin}\n- uses: c/d@{ONE} # v1\n"
