"""Expressions, filter patterns and matrices, each with what GitHub's documentation says comes of them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import expressions
import workflow_files
from expressions import ExactKeys, Scope, Status, WorkflowBug

FRUITS = [{"name": "apple", "quantity": 1}, {"name": "orange", "quantity": 2}, {"name": "pear", "quantity": 1}]
CONTEXTS: dict[str, Any] = {
    "github": {
        "ref": "refs/heads/main", "event_name": "push", "Sha": "abc", "fruits": FRUITS, "number": 3, "nothing": None,
        "event": {"issue": {"labels": [{"name": "bug"}, {"name": "help wanted"}]}},
        "vegetables": {"beets": {"parts": ["roots", "stems"]}, "scallions": {"parts": ["stalks"]}, "water": {}},
    },
    "env": ExactKeys({"Name": "value", "time": "3"}),
    "steps": {"made": {"outputs": {"id": "17"}, "conclusion": "failure"}},
}  # fmt: skip


def value_of(source: str, status: Status | None = None) -> Any:
    return expressions.evaluate(expressions.parse(source), Scope(CONTEXTS, status))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        # literals
        ("null", None), ("false", False), ("711", 711), ("-9.2", -9.2), ("0xff", 255), ("-2.99e-2", -0.0299),
        ("'It''s open source!'", "It's open source!"), ("''", ""),
        # contexts
        ("github.ref", "refs/heads/main"), ("github['ref']", "refs/heads/main"), ("GitHub.REF", "refs/heads/main"),
        ("github.sha", "abc"), ("github.no.such.thing", None), ("github.fruits[1].name", "orange"),
        ("github.fruits[9].name", None), ("github['fruits'][0]['quantity']", 1), ("env.Name", "value"),
        ("env.name", None), ("steps.made.outputs.id", "17"), ("steps.unknown.outputs.id", None),
        # object filters
        ("github.fruits.*.name", ["apple", "orange", "pear"]), ("github.vegetables.*.parts[0]", ["roots", "stalks"]),
        ("github.fruits[*].name", ["apple", "orange", "pear"]), ("github.number.*", []),
        # operators, in the order in which they bind
        ("!true || true", True), ("true || false && false", True), ("1 < 2 == true", True), ("!(1 > 2)", True),
        ("'a' && 'b'", "b"), ("'' || 'default'", "default"), ("0 && 'never'", 0), ("1 <= 1 && 2 >= 2", True),
        # loose equality
        ("null == 0", True), ("true == 1", True), ("false == ''", True), ("'' == 0", True), ("'1e1' == 10", True),
        ("'0x10' == 16", True), ("'one' == 1", False), ("null == ''", True), ("'ABC' == 'abc'", True),
        ("'abc' != 'ABC'", False), ("github.fruits == github.fruits", True), ("github.fruits == 0", False),
        ("github.fruits == github.event", False), ("NaN == NaN", False), ("'a' < 'B'", True), ("'x' > 1", False),
        ("'x' < 1", False), ("'x' >= 1", False), ("steps.made.outputs.id > 9", True), ("null < 1", True),
        # functions
        ("contains('Hello world', 'llo')", True), ("contains('Hello world', 'LLO')", True),
        ("contains('a', 'b')", False),
        ("contains(github.event.issue.labels.*.name, 'bug')", True),
        ("contains(fromJSON('[\"push\", \"pull_request\"]'), github.event_name)", True),
        ("contains(fromJSON('[1, 2]'), '2')", True), ("contains(github.event, 'x')", False),
        ("startsWith('Hello world', 'He')", True), ("startsWith('Hello world', 'he')", True),
        ("endsWith('Hello world', 'ld')", True), ("startsWith(github.event, 'x')", False),
        ("startsWith(12, '1')", True),
        ("format('Hello {0} {1} {2}', 'Mona', 'the', 'Octocat')", "Hello Mona the Octocat"),
        ("format('{{Hello {0} {1} {2}!}}', 'Mona', 'the', 'Octocat')", "{Hello Mona the Octocat!}"),
        ("format('{0}{0}', 1.5)", "1.51.5"), ("join(github.event.issue.labels.*.name, ', ')", "bug, help wanted"),
        ("join(github.event.issue.labels.*.name)", "bug,help wanted"), ("join('text', '-')", "text"),
        ("fromJSON('true')", True), ("fromJSON('{\"a\": [3]}').A[0]", 3), ("toJSON(github.number)", "3"),
        ("case(github.ref == 'refs/heads/main', 'production', 'development')", "production"),
        ("case(false, 1, github.number == 3, 2, 9)", 2), ("case(false, 1, 9)", 9),
    ],
)  # fmt: skip
def test_an_expression_has_its_value(source: str, value: object) -> None:
    found = value_of(source)

    assert (found, type(found) is bool) == (value, type(value) is bool)


def test_json_is_written_as_github_writes_it() -> None:
    assert value_of("toJSON(github.fruits[1])") == '{\n  "name": "orange",\n  "quantity": 2\n}'


@pytest.mark.parametrize(
    "source",
    [
        "", "'open", '"double"', "github.", "github..ref", "1 +", "a == b", "unknown.ref", "nope()", "True", "format()",
        "github.ref github.sha", "(1", "'a'.b", "github[", "startsWith('a')", "success(", "1 = 1", "github.ref &",
        "${{ 1 }}",
        "case(1, 2, 3, 4)", "format('{1}', 'a')", "format('{', 'a')", "fromJSON('')", "format('{0}', github)",
        "hashFiles('a')", "secrets.TOKEN", "always()", "join(github.vegetables.*.parts)",
    ],
)  # fmt: skip
def test_what_github_refuses_is_a_bug(source: str) -> None:
    with pytest.raises(WorkflowBug):
        value_of(source)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (False, "false"), (3, "3"), (3.10, "3.1"), (1e15, "1E+15"), (0.00001, "1E-05"),
     (-0.0, "0"), (math.nan, "NaN"), (-math.inf, "-Infinity"), (1 / 3, "0.333333333333333"), ("x", "x")],
)  # fmt: skip
def test_a_value_as_text(value: object, text: str) -> None:
    assert expressions.to_text(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ github.number }}", 3), ("n${{ github.number }}.${{ github.ref }}", "n3.refs/heads/main"),
        ("${{ '}}' }}", "}}"), ("${{ github.nothing }}", None), ("x${{ github.nothing }}", "x"), ("$ {{ }}", "$ {{ }}"),
        ({"a": ["${{ github.fruits.*.name }}"]}, {"a": [["apple", "orange", "pear"]]}),
    ],
)  # fmt: skip
def test_expressions_in_text(text: object, value: object) -> None:
    assert expressions.fill(text, Scope(CONTEXTS)) == value


@pytest.mark.parametrize("text", ["${{ github.ref", "a${{ github.event }}", "${{ '}} }}"])
def test_expressions_in_text_that_github_refuses(text: str) -> None:
    with pytest.raises(WorkflowBug):
        expressions.fill(text, Scope(CONTEXTS))


GOOD, BAD, CUT = Status(), Status(success=False, failure=True), Status(success=False, cancelled=True)


@pytest.mark.parametrize(
    ("text", "good", "bad", "cancelled"),
    [
        (None, True, False, False),
        ("true", True, False, False),
        (True, True, False, False),
        (False, False, False, False),
        ("github.number == 3", True, False, False),
        ("${{ github.number == 3 }}", True, False, False),
        ("success()", True, False, False),
        ("failure()", False, True, False),
        ("cancelled()", False, False, True),
        ("always()", True, True, True),
        ("!cancelled()", True, True, False),
        ("always() && github.number == 4", False, False, False),
        ("${{ failure() && steps.made.conclusion == 'failure' }}", False, True, False),
        ("contains('failure()', 'x')", False, False, False),
    ],
)
def test_an_if_implies_success_unless_it_names_a_status(text: object, good: bool, bad: bool, cancelled: bool) -> None:
    held = [expressions.holds(text, Scope(CONTEXTS, status)) for status in (GOOD, BAD, CUT)]

    assert held == [good, bad, cancelled]


def test_an_if_that_is_always_true_is_a_bug() -> None:
    with pytest.raises(WorkflowBug, match="always true"):
        expressions.holds("${{ github.number == 4 }} && true", Scope(CONTEXTS))


@given(st.text(alphabet="github.ef()[]!&|=<>'*,0159-x ${}", max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        tree = expressions.parse(text)
    except WorkflowBug:
        return
    assert list(expressions.walk(tree))


# -- filter patterns ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("feature/*", ["feature/my-branch", "feature/your-branch"], ["feature/a/b", "feature"]),
        ("feature/**", ["feature/beta-a/my-branch", "feature/your-branch", "feature/mona/the/octocat"], ["features/a"]),
        ("main", ["main"], ["Main", "mainly", "a/main"]),
        ("*", ["main", "releases"], ["all/the/branches"]),
        ("**", ["all/the/branches", "every/tag"], []),
        ("*feature", ["mona-feature", "feature", "ver-10-feature"], ["features"]),
        ("v2*", ["v2", "v2.0", "v2.9"], ["v12", "V2"]),
        ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.0", "v1x0.0", "v1.0.0rc1"]),
        ("v[0-9]+.*", ["v1.4.0", "v10.2.0rc1"], ["v1", "vx.1", "1.4.0", "v1.0/a"]),
        ("*.jsx?", ["page.js", "page.jsx"], ["page.j", "page.jsxx"]),
        ("*.js", ["app.js", "index.js"], ["js/index.js"]),
        ("**.js", ["index.js", "js/index.js", "src/js/app.js"], ["index.jsx"]),
        ("docs/*", ["docs/README.md", "docs/file.txt"], ["docs/a/b.md"]),
        ("docs/**", ["docs/README.md", "docs/mona/octocat.txt"], ["a/docs/b"]),
        ("docs/**/*.md", ["docs/README.md", "docs/mona/hello-world.md", "docs/a/markdown/file.md"], ["docs.md"]),
        ("**/docs/**", ["docs/hello.md", "dir/docs/my-file.txt", "space/docs/plan/space.doc"], ["mydocs/a"]),
        ("**/README.md", ["README.md", "js/README.md"], ["MY-README.md"]),
        ("**/*src/**", ["a/src/app.js", "my-src/code/js/app.js"], ["src"]),
        ("**/*-post.md", ["my-post.md", "path/their-post.md"], ["post.md"]),
        ("**/migrate-*.sql", ["migrate-10909.sql", "db/migrate-v1.0.sql", "db/sept/migrate-v1.sql"], ["migrate.sql"]),
        (r"v1\+*", ["v1+local"], ["v11"]),
    ],
)
def test_filter_patterns(pattern: str, names: list[str], others: list[str]) -> None:
    assert [name for name in names + others if workflow_files.matches(pattern, name)] == names


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["v*", "!v*rc*"], ["v1", "v2"]),
        (["!v*rc*", "v*"], ["v1", "v1rc1", "v2"]),
        (["v*", "!v*rc*", "v1rc*"], ["v1", "v1rc1", "v2"]),
        (["!v*"], []),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns: list[str], names: list[str]) -> None:
    assert [name for name in ("v1", "v1rc1", "v2", "w") if workflow_files.selected(patterns, name)] == names


JOBS = "\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n"


@pytest.mark.parametrize(
    ("on", "started"),
    [
        ("push", "tag branch other"),
        ("[push, pull_request]", "tag branch other pull"),
        ("{push: }", "tag branch other"),
        ("{push: {tags: ['v[0-9]+.*']}, workflow_dispatch: }", "tag dispatch"),
        ("{push: {tags: ['v*', '!v1.*']}}", ""),
        ("{push: {branches: [main]}}", "branch"),
        ("{push: {branches-ignore: [main]}}", "other"),
        ("{push: {branches: ['**'], tags: ['**']}}", "tag branch other"),
        ("{push: {tags-ignore: ['w*']}}", "tag"),
        ("{push: {paths: ['src/**']}}", "tag branch other"),
        ("{push: {paths: ['docs/**']}}", "tag"),
        ("{push: {paths-ignore: ['src/**', 'README.md']}}", "tag"),
        ("{push: {paths-ignore: ['src/**']}}", "tag branch other"),
        ("{pull_request: {branches: [main]}}", "pull"),
        ("{pull_request: {branches: [other]}}", ""),
        ("{pull_request: {types: [closed]}}", ""),
        ("{pull_request: {paths: ['docs/**']}}", ""),
        ("workflow_dispatch", "dispatch"),
    ],
)
def test_what_starts_a_workflow(on: str, started: str) -> None:
    events = {
        "tag": ("push", "refs/tags/v1.4.0"),
        "branch": ("push", "refs/heads/main"),
        "other": ("push", "refs/heads/topic/a"),
        "pull": ("pull_request", "main"),
        "dispatch": ("workflow_dispatch", "refs/heads/main"),
    }
    changed = ["src/a.py", "README.md"]

    found = [name for name, (event, ref) in events.items()
             if workflow_files.would_start(f"on: {on}{JOBS}", event, ref, changed=changed)]  # fmt: skip

    assert found == started.split()


# -- matrices ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ({"version": [10, 12]}, [{"version": 10}, {"version": 12}]),
        (
            {"os": ["a", "b"], "v": [1, 2]},
            [{"os": "a", "v": 1}, {"os": "a", "v": 2}, {"os": "b", "v": 1}, {"os": "b", "v": 2}],
        ),
        (  # GitHub's own example
            {
                "fruit": ["apple", "pear"], "animal": ["cat", "dog"],
                "include": [
                    {"color": "green"}, {"color": "pink", "animal": "cat"}, {"fruit": "apple", "shape": "circle"},
                    {"fruit": "banana"}, {"fruit": "banana", "animal": "cat"},
                ],
            },
            [
                {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
                {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
                {"fruit": "pear", "animal": "cat", "color": "pink"},
                {"fruit": "pear", "animal": "dog", "color": "green"},
                {"fruit": "banana"}, {"fruit": "banana", "animal": "cat"},
            ],
        ),
        ({"include": [{"site": "a"}, {"site": "b"}]}, [{"site": "a"}, {"site": "b"}]),
        (
            {"os": ["a", "b"], "v": [1, 2], "exclude": [{"os": "a"}], "include": [{"os": "a", "v": 2}]},
            [{"os": "b", "v": 1}, {"os": "b", "v": 2}, {"os": "a", "v": 2}],
        ),
        ({"os": ["a", "b"], "v": [1, 2], "exclude": [{"os": "a", "v": 1}, {"os": "b", "v": 2}]},
         [{"os": "a", "v": 2}, {"os": "b", "v": 1}]),
    ],
)  # fmt: skip
def test_a_matrix_expands(matrix: dict[str, Any], expected: list[dict[str, Any]]) -> None:
    assert workflow_files.combinations(matrix) == expected


# -- files -------------------------------------------------------------------------------------------------------------


def test_yaml_is_read_as_github_reads_it() -> None:
    text = (
        "on: [push]\nenv: {A: yes, B: 2026-01-02, C: 010, D: 3.10, E: 1:30, F: true, G: ~, H: 0o17, I: off}\njobs: {}\n"
    )

    found = workflow_files.load(text)

    assert list(found) == ["on", "env", "jobs"]
    assert found["env"] == {"A": "yes", "B": "2026-01-02", "C": 10, "D": 3.1, "E": "1:30", "F": True, "G": None,
                            "H": 15, "I": "off"}  # fmt: skip


@pytest.mark.parametrize("text", ["", "a: [", "on: push", "on: push\njobs: []", "on: push\non: push\njobs: {}"])
def test_what_is_no_workflow(text: str) -> None:
    with pytest.raises(WorkflowBug):
        workflow_files.load(text)


PINNED = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"


def job(**more: Any) -> dict[str, Any]:
    return {"runs-on": "ubuntu-latest", "steps": [{"run": "true"}]} | more


@pytest.mark.parametrize(
    ("jobs", "word"),
    [
        ({"a": job(needs="b")}, "need each other"),
        ({"a": job(needs="b"), "b": job(needs=["a"])}, "need each other"),
        ({"a": job(steps=[{"uses": "actions/checkout@v7"}])}, "not pinned"),
        ({"a": job(steps=[{"uses": PINNED[:-1]}])}, "not pinned"),
        ({"a": job(steps=[{"uses": "./local"}])}, "not pinned"),
        ({"a": job(steps=[{"uses": PINNED, "run": "true"}])}, "one of"),
        ({"a": job(steps=[{"name": "nothing"}])}, "one of"),
        ({"a": job(steps=[{"run": "true", "with": {}}])}, "with"),
        ({"a": job(steps=[{"run": "true", "background": True}])}, "background"),
        ({"a": job(steps=[{"run": "true", "id": "x"}, {"run": "true", "id": "x"}])}, "one id"),
        ({"a": job(services={})}, "services"),
        ({"a": job(container="python:3")}, "container"),
        ({"a": {"uses": PINNED}}, "uses"),
        ({"a": job(steps=[])}, "no steps"),
        ({"a": job(**{"if": "secrets.TOKEN != ''"})}, "context secrets"),
        ({"a": job(**{"if": "env.A"})}, "context env"),
        ({"a": job(**{"if": "matrix.a"})}, "context matrix"),
        ({"a": job(env={"A": "${{ env.B }}"})}, "context env"),
        ({"a": job(env={"A": "${{ steps.x }}"})}, "context steps"),
        ({"a": job(name="${{ secrets.A }}")}, "context secrets"),
        ({"a": job(steps=[{"run": "true", "if": "secrets.TOKEN"}])}, "context secrets"),
        ({"a": job(steps=[{"run": "echo ${{ failure() }}"}])}, "failure"),
        ({"a": job(steps=[{"run": "echo ${{ nope.a }}"}])}, "nope"),
    ],
)
def test_a_workflow_that_github_refuses_or_we_cannot_run(jobs: dict[str, Any], word: str) -> None:
    with pytest.raises(WorkflowBug, match=word):
        workflow_files.check(workflow_files.load(json.dumps({"on": "push", "jobs": jobs})))


@pytest.mark.parametrize(
    ("top", "own", "expected"),
    [
        (None, None, {"contents": "read", "packages": "read"}),
        ({}, None, {}),
        ({"contents": "write"}, None, {"contents": "write"}),
        ({"contents": "write"}, {}, {}),
        ({}, {"id-token": "write", "contents": "none"}, {"id-token": "write"}),
        ("read-all", None, {scope: "read" for scope in workflow_files.SCOPES if scope != "id-token"}),
        ("write-all", None, dict.fromkeys(workflow_files.SCOPES, "write")),
    ],
)
def test_permissions(top: object, own: object, expected: dict[str, str]) -> None:
    workflow = {} if top is None else {"permissions": top}
    of_job = {} if own is None else {"permissions": own}

    found = workflow_files.permissions(workflow, of_job, {"contents": "read", "packages": "read"})

    assert found == expected | {"metadata": "read"}


@pytest.mark.parametrize("wrong", [{"content": "read"}, {"contents": "all"}, {"id-token": "read"}])
def test_permissions_that_do_not_exist(wrong: dict[str, str]) -> None:
    with pytest.raises(WorkflowBug, match="no such permission"):
        workflow_files.permissions({"permissions": wrong}, {}, {})


DISPATCH: dict[str, Any] = {
    "on": {
        "workflow_dispatch": {
            "inputs": {
                "version": {"required": True},
                "dry": {"type": "boolean", "default": False},
                "kind": {"type": "choice", "options": ["minor", "major"]},
                "count": {"type": "number"},
            }
        }
    }
}


def test_inputs_have_their_types() -> None:
    given = {"version": "1.0", "dry": "true", "count": "3"}

    found = workflow_files.dispatch_inputs(DISPATCH, given)

    assert found == {"version": "1.0", "dry": True, "kind": "minor", "count": 3}


@pytest.mark.parametrize("given", [{}, {"version": ""}, {"version": "1", "other": "x"}, {"version": "1", "kind": "x"}])
def test_inputs_that_github_refuses(given: dict[str, str]) -> None:
    with pytest.raises(WorkflowBug, match="input"):
        workflow_files.dispatch_inputs(DISPATCH, given)
