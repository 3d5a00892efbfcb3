"""Expressions of workflows: how they are read, what ends up in the text, and what a condition is in three values."""

from __future__ import annotations

import pytest

from tagready.facts.actions.workflow_expressions import (
    BRANCH,
    PULL,
    TAG,
    Call,
    Expression,
    Flow,
    Literal,
    Path,
    World,
    expressions,
    flows,
    holds,
    parse,
    replaced,
)
from tagready.facts.actions.workflow_yaml import NOTHING, At

A, B, C = Path(("a",)), Path(("b",)), Path(("c",))


@pytest.mark.parametrize(
    ("text", "found", "plain"),
    [
        ("", [], ""),
        ("no $ {{ a }}", [], "no $ {{ a }}"),
        ("x ${{ a }} y ${{b}}", [" a ", "b"], "x _ y _"),
        ("${{ '}}' }}${{ a\n}}", [" '}}' ", " a\n"], "__"),
        ("${{ a } }} }}", [" a } "], "_ }}"),
        ("${{ a }} ${{ b", [" a "], "_ ${{ b"),
        ("${{ 'b }} ${{ a }}", [], "${{ 'b }} ${{ a }}"),
    ],
)
def test_expressions_in_a_text(text: str, found: list[str], plain: str) -> None:
    assert list(expressions(text)) == found
    assert replaced(text, "_") == plain


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("GitHub.Event.number", Path(("github", "event", "number"))),
        ("github['event'].labels.*['a'][0][b]", Path(("github", "event", "labels", "*", "a", "*", "*"))),
        ("a[*]", Path(("a", "*"))),
        ("'It''s'", Literal("It's")),
        ("TRUE", Literal(True)),
        ("null", Literal(None)),
        ("-2.99e-2", Literal(None)),
        ("toJSON(a)", Call("tojson", (A,))),
        ("always()", Call("always", ())),
        ("fromJSON(a).b", Call("fromjson", (A,))),
        ("a || b && !c", Call("||", (A, Call("&&", (B, Call("!", (C,))))))),
        ("(a || b) && c", Call("&&", (Call("||", (A, B)), C))),
        ("a || b || c", Call("||", (A, B, C))),
        ("a == 'x' != b", Call("==", (A, Literal("x"), B))),
        ("a < b", Call("<", (A, B))),
        # What GitHub refuses.
        ("", None),
        ("a b", None),
        ("a.", None),
        ("a.'b'", None),
        ("a[", None),
        ("(a", None),
        ("f(a", None),
        ("f(a b)", None),
        ("'a", None),
        ("a && ", None),
        ("a = b", None),
        ("§", None),
        ("!" * 50 + "a", None),
        ("a" * 21_001, None),
    ],
)
def test_parse(source: str, tree: Expression | None) -> None:
    assert parse(source) == tree
    assert parse(f"  {source} ") == tree


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a.b", [Flow(("a", "b"), False)]),
        ("'a'", []),
        ("a || b", [Flow(("a",), False), Flow(("b",), False)]),
        ("a && b", [Flow(("b",), False)]),
        ("a == b || !c", []),
        ("contains(a, b)", []),
        ("format('{0}', a)", [Flow(("a",), False)]),
        ("toJSON(a || b)", [Flow(("a",), True), Flow(("b",), True)]),
        ("a b", []),
    ],
)
def test_flows(source: str, found: list[Flow]) -> None:
    assert list(flows(parse(source))) == found


PUSH, TAGGED = World("push", BRANCH), World("push", TAG)
STRANGER = World("pull_request", PULL, by_stranger=True)
ANY_REF = World("workflow_dispatch", "")


@pytest.mark.parametrize(
    ("condition", "world", "truth"),
    [
        ("true", PUSH, True),
        ("false", PUSH, False),
        ("''", PUSH, False),
        ("${{ github.event_name == 'PUSH' }}", PUSH, True),
        ("github.event_name != 'push'", PUSH, False),
        ("github.event_name == 'push'", STRANGER, False),
        ("github.ref_type == 'tag'", TAGGED, True),
        ("github.ref_type == 'tag'", PUSH, False),
        ("github.ref_type == 'tag'", ANY_REF, None),
        ("startsWith(github.ref, 'refs/tags/')", TAGGED, True),
        ("startsWith(github.ref, 'refs/')", TAGGED, True),
        ("startsWith(github.ref, 'refs/tags/v')", TAGGED, None),
        ("startsWith(github.ref, 'refs/tags/')", PUSH, False),
        ("startsWith(github.ref, 'refs/tags/')", ANY_REF, None),
        ("startsWith(github.ref, 'v')", PUSH, None),
        ("startsWith(github.event.ref, 'refs/tags/')", TAGGED, True),
        ("startsWith(github.event.ref, 'refs/tags/')", ANY_REF, None),
        ("contains(github.ref, 'refs/tags/')", PUSH, False),
        ("github.ref == 'refs/heads/main'", PUSH, None),
        ("github.ref == 'refs/heads/main'", TAGGED, False),
        ("github.ref != 'refs/heads/main'", TAGGED, True),
        ("github.event.pull_request.merged", STRANGER, False),
        ("github.event.pull_request.merged", PUSH, None),
        ("github.event.pull_request.merged == 'no'", STRANGER, None),
        ("github.repository == 'demo/demo'", PUSH, None),
        ("success() && !cancelled()", STRANGER, True),
        ("always()", PUSH, True),
        ("failure()", PUSH, None),
        # One that is known decides, or else one that is not.
        ("a && false", PUSH, False),
        ("a && true", PUSH, None),
        ("a || true", PUSH, True),
        ("a || false", PUSH, None),
        ("true && true", PUSH, True),
        ("false || false", PUSH, False),
        ("!a", PUSH, None),
        ("!(a && false)", PUSH, True),
        # What cannot be told.
        ("${{ github.event_name }} == 'push'", PUSH, None),
        ("nonsense(", PUSH, None),
        ("hashFiles('a')", PUSH, None),
        ("", PUSH, None),
    ],
)
def test_holds(condition: str, world: World, truth: bool | None) -> None:
    assert holds(At(1, condition, condition), world) is truth


def test_no_condition_holds() -> None:
    assert holds(NOTHING, STRANGER) is True
