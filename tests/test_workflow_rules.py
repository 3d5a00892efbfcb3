"""What in a workflow could leak the token, or publish what was not verified: files together, any text, and zizmor.

Each check has its table in the tests of its module.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tagready.facts.actions import workflow_faults
from tagready.facts.actions.workflow_faults import (
    CACHE,
    IDENTITY,
    INHERITED,
    INJECTION,
    OWN_CODE,
    PERMISSIVE,
    SKIP_EXISTING,
    TOKEN_SPREAD,
    UNGATED,
    UNPINNED,
    UNREADABLE,
    Check,
)
from tagready.facts.actions.workflow_rules import judge, merged, zizmor_findings
from tagready.facts.findings import Finding, Level, Report
from test_token_exposure import RIGHTS, TOKENS
from test_untrusted_input import INJECTIONS
from test_unverified_uploads import CACHES, PINS
from workflow_cases import MAKE, PATH, SHA, UPLOAD, Expected, findings, nothing, release

# -- several files -----------------------------------------------------------------------------------------------------


def test_all_at_once_by_path_and_line() -> None:
    """Whatever order the files come in."""
    ugly = release(UPLOAD + "    skip-existing: true\n", before="- uses: a/b@v1\n", top="permissions: write-all\n")
    files = {"b.yml": ugly, "a.yaml": release(before=MAKE), "c.yml": nothing(MAKE), "d.yml": "twine: upload"}
    found = judge(files, strict=False).findings
    checks = [
        (each.path, next(check for check in workflow_faults.CHECKS if check.why in each.message)) for each in found
    ]
    assert checks == [
        ("a.yaml", OWN_CODE),
        ("b.yml", PERMISSIVE),
        ("b.yml", UNPINNED),
        ("b.yml", SKIP_EXISTING),
        ("d.yml", UNREADABLE),
    ]
    assert list(found) == sorted(found, key=lambda each: (each.path or "", each.line or 0))
    assert judge(dict(reversed(files.items())), strict=False).findings == found


REUSED = ".github/workflows/upload.yml"
CALLED = f"""\
on: {{workflow_call: }}
permissions: {{}}
jobs:
  upload:
    steps:
      - uses: pypa/gh-action-pypi-publish@{SHA}
"""
CALLER = f"""\
on: EVENT
permissions: {{}}
jobs:
  checked:
    uses: ./.github/workflows/tests.yml
  upload:
    uses: ./{REUSED}
    SECRETS
"""


def test_a_job_that_is_a_workflow_that_uploads() -> None:
    text = CALLER.replace("EVENT", "pull_request").replace("SECRETS", "secrets: inherit")
    found = judge({PATH: text, REUSED: CALLED}, strict=False)
    assert found == findings(
        text,
        (
            Expected("upload:\n", UNGATED, "the job upload publishes on pull_request, too"),
            Expected(f"./{REUSED}", INHERITED, f"./{REUSED} gets `secrets: inherit`"),
        ),
    )
    assert judge({PATH: text}, strict=False) == Report()
    asks = CALLED.replace("steps:", "if: github.event_name == 'push'\n    steps:")
    assert [each.line for each in judge({PATH: text, REUSED: asks}, strict=False).findings] == [7]


def test_a_job_that_is_a_workflow_of_others() -> None:
    """It uploads if it gets a token; then it is to be pinned, too."""
    text = CALLER.replace(f"./{REUSED}", "some/where/.github/workflows/upload.yml@v1").replace("EVENT", "release")
    given = text.replace("SECRETS", "secrets: {token: '${{ secrets.PYPI_API_TOKEN }}'}")
    action = "some/where/.github/workflows/upload.yml@v1"
    assert judge({PATH: given}, strict=False) == findings(
        given, (Expected(action, UNPINNED, f"{action} is not pinned"),)
    )
    assert judge({PATH: text.replace("SECRETS", "name: x")}, strict=False) == Report()


# -- what cannot be read -----------------------------------------------------------------------------------------------

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
UNREADABLES = {
    "a list that does not end": ("on: [push\n# twine upload\n", 3, "did not find expected ',' or ']'"),
    "a tab": ("# uv publish\non:\n\t- push\n", 3, "found character that cannot start any token"),
    "two documents": ("# twine upload\non: push\n---\njobs: {}\n", 3, "but found another document"),
    "a control character": ("on: push # twine upload \0\n", 1, "it has characters that YAML does not allow"),
    "half a character": ("on: push # twine upload \ud800\n", 1, "it has characters that YAML does not allow"),
    "too deep": ("# twine upload\n" + "[" * 1_000_000, 1, "it is nested too deeply"),
    "deep in lines": ("# twine upload\n" + "- " * 100_000, 1, "it is nested too deeply"),
    "too many": (f"# twine upload\n{BOMB}jobs: *a11\n", 6, "it is too large, with all aliases written out"),
    "itself": ("# twine upload\non: push\njobs: &a {b: *a}\n", 3, "an alias stands for what holds it"),
    "an unknown alias": ("# twine upload\non: *a\n", 2, "found undefined alias"),
    "a list": ("- twine upload\n", 1, "it has no `on:`, or no `jobs:`"),
    "a text": ("twine upload", 1, "it has no `on:`, or no `jobs:`"),
    "no event": ("# twine upload\njobs: {a: {steps: []}}\n", 2, "it has no `on:`, or no `jobs:`"),
    "no jobs": ("# twine upload\non: push\njobs:\n", 2, "it has no `on:`, or no `jobs:`"),
    "a line separator": ("# twine upload \u2028 x\non: push\n  a: b: c\n", 2, ""),
}


@pytest.mark.parametrize(("text", "line", "why"), UNREADABLES.values(), ids=UNREADABLES)
def test_unreadable(text: str, line: int, why: str) -> None:
    """It is found if it may be a release workflow; else somebody else will tell."""
    (found,) = judge({PATH: text}, strict=True).findings
    assert found.message.startswith(f"this is no workflow that can be read ({why}")
    assert found.message.endswith(f"): {UNREADABLE.why}")
    assert (found.fix, found.path, found.level) == (UNREADABLE.fix, PATH, Level.ERROR)
    assert found.line in (line, line + 1, line - 1)
    assert 1 <= (found.line or 0) <= text.count("\n") + 1
    other = text.replace("twine upload", "make tests").replace("uv publish", "make")
    assert judge({PATH: other}, strict=True) == Report()


def test_empty() -> None:
    assert judge({}, strict=True) == Report()
    assert judge({PATH: ""}, strict=True) == Report()


# -- anything ----------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from([
    "on", "jobs", "steps", "run", "uses", "env", "with", "if", "needs", "permissions", "concurrency", "secrets", "ref",
    "push", "pull_request", "pull_request_target", "tags", "publish", "build", "name", "cancel-in-progress", "<<",
    "twine upload dist/* -p $X", "actions/checkout@v4", "pypa/gh-action-pypi-publish@v1", "inherit", "write-all",
    "${{ github.head_ref }}", "${{ secrets.PYPI_TOKEN }}", "${{ toJSON(secrets) }}", "${{", "}}", "${{ ((", "a'b",
    "PYPI_API_TOKEN", "TWINE_PASSWORD", "python -m", "pip install", "git fetch pull/1/head && git checkout x", "",
    "actions/cache@v4", "./.github/workflows/release.yml", "startsWith(github.ref, 'refs/tags/')", "uv run", "-", "=",
    "true", "é\n ", "\\",
])  # fmt: skip
TREES = st.recursive(
    PIECES | st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PIECES, inner, max_size=5),
    max_leaves=30,
)


def shaped(steps: object, job: object, on: object) -> object:
    own_ones = job if isinstance(job, dict) else {}
    return {"on": on, "jobs": {"a": {**own_ones, "steps": steps}, "b": {"needs": "a", "steps": steps}}}


def all_inside(text: str) -> None:
    for found in judge({PATH: text}, strict=False).findings:
        assert 1 <= (found.line or 0) <= text.count("\n") + 1
        assert found.level is Level.WARNING


@given(TREES | st.builds(shaped, st.lists(TREES, max_size=4), TREES, TREES))
def test_any_tree(tree: object) -> None:
    all_inside(yaml.safe_dump(tree, allow_unicode=True))


@given(
    st.text()
    | st.lists(PIECES | st.sampled_from([": ", "\n", "\n  ", "- ", "&a ", "*a", "|", ">-", "'", '"'])).map("".join)
)
def test_any_text(text: str) -> None:
    all_inside(text)
    all_inside("on: push # twine upload\njobs:\n  a:\n    steps:\n    - run: " + text)


@given(st.text(alphabet="()[]!=<>&|'\"$;\\\n #{}.*,ab1 -`"))
def test_any_script_and_condition(text: str) -> None:
    tree = {"run": f"{text}${{{{ {text} }}}}\ntwine upload", "if": text}
    all_inside(yaml.safe_dump({"on": "push", "jobs": {"a": {"steps": [tree], "if": text}}}))


@pytest.mark.parametrize(
    "script",
    [
        "${{ " * 50_000,
        "${{ ' " * 30_000,
        "echo ${{ " + "(" * 20_000 + " }}",
        "echo ${{ " + "!" * 20_000 + "a }}",
        "echo ${{ " + "a || " * 4_000 + "github.head_ref }}",
        "echo ${{ a" + ".b" * 10_000 + " }}",
        "cat <<A\n" * 20_000,
        "twine upload 'x\n" * 2_000,
        "uv " * 20_000,
    ],
)
def test_large_ones_come_to_an_end(script: str) -> None:
    """Most of them GitHub refuses; none may keep the others from being judged."""
    program = "from tagready.facts.actions.workflow_rules import judge\n"
    program += f"print(len(judge({{'a': {_dumped(script)!r}}}, strict=False).findings))"
    done = subprocess.run(
        [sys.executable, "-"], input=program, capture_output=True, encoding="utf-8", timeout=20, check=True
    )
    assert done.stdout.strip().isdigit()


def _dumped(script: str) -> str:
    text: str = yaml.safe_dump(
        {"on": "pull_request", "jobs": {"a": {"steps": [{"run": script}, {"run": "twine upload"}]}}}
    )
    return text


# -- zizmor ------------------------------------------------------------------------------------------------------------

ZIZMOR = str(Path(sys.executable).parent / "zizmor")


def asked(folder: Path, texts: dict[str, str]) -> tuple[Finding, ...]:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    done = subprocess.run(
        [ZIZMOR, "--offline", "--no-progress", "--format=json", *texts], cwd=folder, capture_output=True, check=False
    )
    return zizmor_findings(done.stdout.decode())


SAME = {
    "template-injection": (INJECTION, INJECTIONS["a title"]),
    "template-injection of github-script": (INJECTION, INJECTIONS["a script of github-script"]),
    "template-injection of a tag": (INJECTION, INJECTIONS["the tag, of a release"]),
    "unpinned-uses": (UNPINNED, PINS["actions/download-artifact@v8"]),
    "secrets-inherit": (INHERITED, RIGHTS["all secrets for the tests"]),
    "excessive-permissions": (PERMISSIVE, RIGHTS["nothing said"]),
    "excessive-permissions of write-all": (PERMISSIVE, RIGHTS["everything, for the job"]),
    "excessive-permissions of an identity": (IDENTITY, RIGHTS["an identity for all jobs"]),
    "cache-poisoning": (CACHE, CACHES["of the build"]),
    "cache-poisoning by actions/cache": (CACHE, CACHES["by its own action"]),
    "overprovisioned-secrets": (TOKEN_SPREAD, TOKENS["everything"]),
}


@pytest.mark.parametrize("name", SAME)
def test_zizmor_finds_the_same_line(name: str, tmp_path: Path) -> None:
    """And it is shown once."""
    check, case = SAME[name]
    audit = name.split(" ")[0]
    theirs = asked(tmp_path, {PATH: case.text})
    ours = judge({PATH: case.text}, strict=True).findings
    of_ours = [(each.path, each.line) for each in ours if each.message.endswith(check.why)]
    of_theirs = [(each.path, each.line) for each in theirs if each.message.startswith(f"zizmor: {audit}: ")]
    assert of_ours == [place for place in of_theirs if place in of_ours] != []
    both = merged(ours, theirs)
    assert not [
        each for each in both if each.message.startswith(f"zizmor: {audit}: ") and (each.path, each.line) in of_ours
    ]
    assert {*ours} <= {*both} <= {*ours, *theirs}
    assert len(both) == len(ours) + len(theirs) - len(of_ours)
    assert list(both) == sorted(both, key=lambda each: (each.line or 0, each.message))


QUIET = {
    **{f"injections: {name}": case for name, case in INJECTIONS.items() if not case.expected},
    **{f"pins: {name}": case for name, case in PINS.items() if not case.expected},
    **{f"caches: {name}": case for name, case in CACHES.items() if not case.expected},
}
#: Where zizmor finds more, and why we do not.
LOUDER = {
    "injections: what is empty if it comes out",
    "injections: what the run has not",  # it does not ask by which event
    "injections: a property that is not there",
    "injections: an object",
    "injections: longer than GitHub takes",
    "injections: numbers and names of ours",  # github.actor
    "injections: matrix, needs and steps",
    "injections: the ref, where nothing is released",  # who pushes a branch may change the workflow as well
    "injections: an input, where nothing is released",
    "injections: a release's notes, where nothing is released",
    "injections: a tag that is digits only",  # it does not read the patterns of tags
    "pins: not pinned, not beside the token",
    "caches: of the tests",
    "caches: of a job that is not waited for",
    "caches: of a job that hands nothing on",
    "caches: not asked for",
    "caches: switched off for the workflow",
    "caches: a step that tags leave out",
    "caches: a step of branches",
    "caches: a step that the release leaves out",
    "caches: only saved",
    "caches: not for tags",
}


def test_zizmor_is_as_quiet(tmp_path: Path) -> None:
    """Of what is right, it finds nothing either, where it reads as closely."""
    names = {f".github/workflows/{number}.yml": name for number, name in enumerate(QUIET)}
    theirs = asked(tmp_path, {path: QUIET[name].text for path, name in names.items()})
    alike = {"template-injection", "unpinned-uses", "cache-poisoning"}
    found = {names[each.path or ""] for each in theirs if each.message.split(": ")[1] in alike}
    assert found - LOUDER == set()
    assert found


def test_what_zizmor_says(tmp_path: Path) -> None:
    text = release(
        before=f"- name: take\n  uses: actions/checkout@{SHA}\n- uses: a/b@v1 # zizmor: ignore[unpinned-uses]\n"
    )
    path = text[: text.index("- name: take")].count("\n") + 1
    found = [
        each
        for each in asked(tmp_path, {PATH: text})
        if "artipacked" in each.message or "unpinned-uses" in each.message
    ]
    what = "credential persistence through GitHub Actions artifacts (does not set persist-credentials: false)"
    assert found == [
        Finding(
            "workflow-unsafe",
            f"zizmor: artipacked: {what}",
            found[0].fix,
            PATH,
            line,
            Level.WARNING,
        )
        for line in (path, text[: text.rindex("- uses: actions/checkout@")].count("\n") + 1)
    ]
    assert found[0].fix.startswith("do as https://")
    assert found[0].fix.endswith("/audits/#artipacked says")


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"ignored": false}]', "null", '[{"ignored": false, "locations": []}]']
)
def test_what_zizmor_never_says(text: str) -> None:
    if text == "{}":
        assert zizmor_findings(text) == ()
    else:
        with pytest.raises(ValueError):
            zizmor_findings(text)


def test_merged_without_the_other() -> None:
    ours = judge({PATH: INJECTIONS["a title"].text}, strict=False).findings
    assert merged(ours, ()) == ours
    assert merged((), ()) == ()
    other = Finding("workflow-unsafe", "zizmor: artipacked: x (y)", "", PATH, ours[0].line, Level.WARNING)
    assert merged(ours, [other]) == (*ours, other)
    assert merged((), [other]) == (other,)


def test_each_check_can_be_told_from_its_message() -> None:
    reasons = [check.why for check in workflow_faults.CHECKS]
    assert len({*reasons}) == len(reasons)
    assert not [one for one in reasons for other in reasons if one is not other and one.endswith(other)]
    assert {*workflow_faults.CHECKS} == {value for value in vars(workflow_faults).values() if isinstance(value, Check)}
