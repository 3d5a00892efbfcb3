"""YAML as GitHub reads it, and the lines in which findings stand."""

from __future__ import annotations

import pytest
import yaml

from tagready.facts.actions.workflow_faults import INJECTION, PERMISSIVE, UNGATED
from tagready.facts.actions.workflow_rules import judge
from tagready.facts.actions.workflow_yaml import NOTHING, At, read
from workflow_cases import PATH, Expected, findings, nothing, release

TEXT = """\
on: push # comment

jobs:
  "a b":
    - one
    - |
      first ${{ x }}
      second ${{ y }} ${{ z }}
  other: {empty: , text: "q\\tq"}
"""


def test_a_tree_and_its_lines() -> None:
    tree = read(TEXT)
    assert tree.get("on") == At(1, "push", "push")
    jobs = tree.get("jobs")
    assert (jobs.line, dict(tree.keys), dict(jobs.keys)) == (4, {"on": 1, "jobs": 3}, {"a b": 4, "other": 9})
    assert [name for name, _ in jobs.items] == ["a b", "other"]
    assert [(each.line, each.text) for each in jobs.get("a b").each] == [
        (5, "one"),
        (6, "first ${{ x }}\nsecond ${{ y }} ${{ z }}\n"),
    ]
    assert jobs.get("other").get("text") == At(9, '"q\\tq"', "q\tq")
    assert jobs.get("other").get("empty").text == ""


def test_the_line_of_a_part() -> None:
    script = read(TEXT).get("jobs").get("a b").each[1]
    assert [script.line_of("${{", nth) for nth in range(4)] == [7, 8, 8, 6]
    assert script.line_of("second") == 8


def test_what_is_not_there() -> None:
    """Of a value that is of another kind, too, nothing can be got."""
    tree = read(TEXT)
    assert tree.get("no") is tree.get("on").get("no") is tree.get("jobs").get("a b").get("no") is NOTHING
    assert (NOTHING.text, NOTHING.items, NOTHING.each) == ("", (), ())
    assert (tree.text, tree.get("on").items, tree.get("on").each) == ("", (), (tree.get("on"),))
    assert read("# nothing\n") is NOTHING


def test_an_alias_is_what_it_names() -> None:
    tree = read("a: &x {b: c}\nd: *x\n<<: *x\n")
    assert tree.get("d") is tree.get("a")
    assert [name for name, _ in tree.items] == ["a", "d", "<<"]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a:\n  - [b\n", 3, "did not find expected ',' or ']'"),
        ("a: &a\n  - *a\n", 1, "an alias stands for what holds it"),
        ("- " * 101, 1, "it is nested too deeply"),
        ("a: \0", 1, "it has characters that YAML does not allow"),
    ],
)
def test_what_is_no_tree(text: str, line: int, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(text)
    assert caught.value.args == (line, why)


def test_aliases() -> None:
    """Each counts where it stands, and is told once."""
    text = (
        "on: pull_request\npermissions: {}\njobs:\n  a:\n    steps: &steps\n      - run: echo ${{ github.head_ref }}\n"
        "  b:\n    steps: *steps\n"
    )
    said = "a shell gets `${{ github.head_ref }}`"
    assert judge({PATH: text}, strict=False) == findings(text, (Expected("- run", INJECTION, said),))


def test_merge_keys_are_no_keys() -> None:
    """GitHub knows none."""
    text = release(job="<<: {if: false, env: {TWINE_PASSWORD: '${{ secrets.X }}'}}\n", on="pull_request:")
    assert judge({PATH: text}, strict=False) == findings(
        text, (Expected("publish:\n", UNGATED, "the job publish publishes on pull_request, too"),)
    )


@pytest.mark.parametrize("change", [str, lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
@pytest.mark.parametrize("pure", [False, True])
def test_the_same_lines(change: type[str], pure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a byte order mark, with the line ends of Windows, with other letters; with PyYAML's own parser."""
    if pure:
        monkeypatch.delattr(yaml, "CSafeLoader")
    text = change(nothing("- name: 📦 Größe\n  run: |\n    # ä\n    echo ${{ github.head_ref }}\n"))
    said = "a shell gets `${{ github.head_ref }}`"
    assert judge({PATH: text}, strict=False) == findings(text, (Expected("echo", INJECTION, said),))


def test_a_byte_order_mark_is_no_letter() -> None:
    text = "\ufeff{on: push, permissions:\nwrite-all, jobs: {a: {if: true, steps: [{run: twine upload}]}}}"
    found = judge({PATH: text}, strict=False).findings
    assert [each.line for each in found if PERMISSIVE.why in each.message] == [2]
