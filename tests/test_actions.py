"""The runner of workflows, held against GitHub's documentation and the sources of its actions."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import action_events
import action_steps
import actions
from action_steps import ActionFailed, World
from actions import Run
from expressions import WorkflowBug
from projects import Project, add_remote, make_project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts of our workflows are for Linux")

TAG = "refs/tags/v1.3.0"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@484a0b528fb4d7bd804637ccb632e47a0e638317"
SECRET = "s3cret-of-the-index"

Start = Callable[..., Run]


@pytest.fixture(scope="module")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project and its repository on GitHub: main, a tag behind it, another branch."""
    folder = tmp_path_factory.mktemp("github")
    project = make_project(folder / "demo")
    add_remote(project, folder / "remote.git")
    project.git("push", "--quiet", "origin", "main:topic/a", "v1.3.0")
    for hooks in (folder / "demo/.git/hooks", folder / "remote.git/hooks"):  # it will be copied often
        shutil.rmtree(hooks, ignore_errors=True)
    return folder


@pytest.fixture
def remote(_made_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(_made_once / "remote.git", tmp_path / "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def project(_made_once: Path, remote: Path, tmp_path: Path) -> Project:
    shutil.copytree(_made_once / "demo", tmp_path / "demo")
    project = Project(tmp_path / "demo")
    project.git("remote", "set-url", "origin", str(remote))
    return project


@pytest.fixture
def world(remote: Path, tmp_path: Path) -> World:
    return World(tmp_path / "github", remote, secrets={"PLAIN": "of-the-repository"},
                 environments={"pypi": {"TOKEN": SECRET}}, variables={"COLOUR": "red"})  # fmt: skip


@pytest.fixture
def start(world: World) -> Start:
    """Make a run of jobs: start(jobs, on=…, top-level keys…)."""

    def make(jobs: dict[str, Any], ref: str = TAG, event: str = "push", **more: Any) -> Run:
        options = {name: more.pop(name) for name in ("inputs", "head_ref", "base_ref", "fork", "sha") if name in more}
        for body in jobs.values():
            body.setdefault("runs-on", "ubuntu-latest")
        sha = options.pop("sha", "") or action_events.git(world.remote, "rev-parse", f"{ref}^{{commit}}")
        text = json.dumps({"on": more.pop("on", event), "jobs": jobs} | more)
        return Run(text, event, ref, sha, world, **options)

    return make


def steps(*each: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    """A job with steps; a text is a script."""
    return {"steps": [{"run": step} if isinstance(step, str) else step for step in each]} | more


def artifact(name: str = "a", path: str = "out", **more: Any) -> dict[str, Any]:
    return {"uses": UPLOAD, "with": {"name": name, "path": path} | more}


# -- jobs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "condition", "result"),
    [
        ("true", None, "success"),
        ("false", None, "skipped"),
        ("true", "failure()", "skipped"),
        ("false", "failure()", "success"),
        ("false", "always()", "success"),
        ("false", "!cancelled()", "success"),
        ("false", "needs.first.result == 'failure'", "skipped"),
        ("false", "always() && needs.first.result == 'failure'", "success"),
        ("true", "needs.first.result == 'success'", "success"),
        ("true", "github.ref_type == 'branch'", "skipped"),
        ("true", "${{ github.ref_type == 'tag' }}", "success"),
    ],
)
def test_a_job_runs_as_its_needs_ended(start: Start, first: str, condition: str | None, result: str) -> None:
    second = steps("true", needs="first") | ({"if": condition} if condition else {})
    run = start({"second": second, "first": steps(first)})

    run.execute()

    assert run.results == {"first": "success" if first == "true" else "failure", "second": result}


@pytest.mark.parametrize(
    ("first", "middle", "last"),
    [
        ({"if": "false"}, {}, "skipped"),
        ({"if": "false"}, {"if": "always()"}, "skipped"),  # success() asks all that is needed, near and far
        ({"if": "false"}, {"if": "!failure()"}, "skipped"),
        ({}, {}, "success"),
        ({"continue-on-error": True, "steps": [{"run": "false"}]}, {}, "success"),
    ],
)
def test_a_skip_goes_down_the_chain(start: Start, first: dict[str, Any], middle: dict[str, Any], last: str) -> None:
    run = start({"a": steps("true") | first, "b": steps("true", needs="a") | middle, "c": steps("true", needs=["b"])})

    run.execute()

    assert run.results["c"] == last


def test_failure_is_seen_by_far_descendants(start: Start) -> None:
    cleanup = steps("true", needs="b") | {"if": "failure()"}
    run = start({"a": steps("false"), "b": steps("true", needs="a"), "c": cleanup})

    assert run.execute() == "failure"
    assert run.results == {"a": "failure", "b": "skipped", "c": "success"}


def test_outputs_go_from_step_to_job_to_job(start: Start) -> None:
    made = steps(
        {"id": "one", "run": 'echo "version=1.4.0" >>"$GITHUB_OUTPUT"; echo "x=y=z" >>"$GITHUB_OUTPUT"'},
        {"id": "two", "run": 'printf "notes<<END\\nline 1\\n\\nline 3\\nEND\\n" >>"$GITHUB_OUTPUT"'},
        outputs={"version": "${{ steps.one.outputs.version }}", "notes": "${{ steps.two.outputs.notes }}",
                 "x": "${{ steps.one.outputs.x }}", "none": "${{ steps.nope.outputs.x }}"},
    )  # fmt: skip
    show = steps({"run": 'echo "$NEEDS"', "env": {"NEEDS": "${{ toJSON(needs) }}"}}, needs="make")
    run = start({"make": made, "show": show})

    run.execute()

    outputs = {"version": "1.4.0", "notes": "line 1\n\nline 3", "x": "y=z", "none": ""}
    assert run.jobs["make"].outputs == outputs
    assert json.loads(run.steps[-1].output) == {"make": {"result": "success", "outputs": outputs}}


def test_a_failed_job_still_has_outputs_and_one_with_a_secret_is_dropped(start: Start) -> None:
    made = steps({"id": "s", "run": 'echo "a=1" >>"$GITHUB_OUTPUT"; false'},
                 outputs={"a": "${{ steps.s.outputs.a }}", "b": "x${{ secrets.PLAIN }}"})  # fmt: skip
    run = start({"make": made})

    run.execute()

    assert run.jobs["make"].outputs == {"a": "1"}
    assert run.annotations[-1].message == "Skip output 'b' since it may contain secret."


def test_a_matrix_runs_each_leg_and_fails_fast(start: Start) -> None:
    script = {"run": 'echo "$A"; [ "$A" != 2 ]', "env": {"A": "${{ matrix.a }}"}}
    slow = {"fail-fast": False, "matrix": {"a": [1, 2, 3]}}
    run = start({
        "fast": steps(script, strategy={"matrix": {"a": [1, 2, 3]}}),
        "slow": steps(script, strategy=slow, name="leg ${{ matrix.a }} of ${{ strategy.job-total }}"),
    })  # fmt: skip

    run.execute()

    assert {key: job.result for key, job in run.jobs.items()} == {
        "fast (1)": "success", "fast (2)": "failure", "fast (3)": "cancelled",
        "slow (1)": "success", "slow (2)": "failure", "slow (3)": "success",
    }  # fmt: skip
    assert run.results == {"fast": "failure", "slow": "failure"}
    assert run.jobs["slow (3)"].name == "leg 3 of 3"


def test_a_matrix_can_come_from_a_job(start: Start) -> None:
    plan = steps(
        {"id": "m", "run": """echo 'm={"v": [1, 2]}' >>"$GITHUB_OUTPUT" """}, outputs={"m": "${{ steps.m.outputs.m }}"}
    )
    run = start(
        {
            "plan": plan,
            "test": steps("true", needs="plan", strategy={"matrix": "${{ fromJSON(needs.plan.outputs.m) }}"}),
        }
    )

    run.execute()

    assert list(run.jobs) == ["plan", "test (1)", "test (2)"]
    assert [step.job for step in run.executed] == list(run.jobs)


def test_what_a_job_says_of_itself_is_written_down(start: Start) -> None:
    run = start(
        {"a": steps({"id": "s", "run": 'echo u=/x >>"$GITHUB_OUTPUT"'},
                    environment={"name": "${{ 'pypi' }}", "url": "h:/${{ steps.s.outputs.u }}"},
                    permissions={"contents": "write"}, concurrency={"group": "g-${{ github.ref_name }}"})},
        concurrency={"group": "release-${{ github.ref }}", "cancel-in-progress": False},
    )  # fmt: skip

    run.execute()

    job = run.jobs["a"]
    assert (job.environment, job.environment_url, job.runs_on) == ("pypi", "h://x", "ubuntu-latest")
    assert job.permissions == {"contents": "write", "metadata": "read"}
    assert job.concurrency == {"group": "g-v1.3.0"}
    assert run.concurrency == {"group": f"release-{TAG}", "cancel-in-progress": False}


# -- steps -------------------------------------------------------------------------------------------------------------


def test_steps_run_as_those_before_them_ended(start: Start) -> None:
    run = start({"a": steps(
        {"name": "forgiven", "id": "f", "run": "false", "continue-on-error": True},
        {"name": "goes on", "run": "true", "if": "steps.f.outcome == 'failure' && steps.f.conclusion == 'success'"},
        {"name": "fails", "run": "exit 3"},
        {"name": "is left out", "run": "true"},
        {"name": "is left out, too", "run": "true", "if": "steps.f.outcome == 'failure'"},
        {"name": "on failure", "run": "true", "if": "failure()"},
        {"name": "in any case", "run": "true", "if": "always() && job.status == 'failure'"},
    )})  # fmt: skip

    assert run.execute() == "failure"

    assert run.outcomes("a") == {
        "forgiven": "failure", "goes on": "success", "fails": "failure", "is left out": "skipped",
        "is left out, too": "skipped", "on failure": "success", "in any case": "success",
    }  # fmt: skip
    assert [step.code for step in run.executed] == [1, 0, 3, 0, 0]


@pytest.mark.parametrize(
    ("shell", "code"), [(None, 0), ("bash", 1), ("sh", 0), ("bash -e {0}", 0), ("bash -eo pipefail {0}", 1)]
)
def test_shells_differ_in_pipes(start: Start, shell: str | None, code: int) -> None:
    own = start({"a": steps({"run": "false | true", **({"shell": shell} if shell else {})})})
    default = start({"a": steps("false | true")}, **({"defaults": {"run": {"shell": shell}}} if shell else {}))

    own.execute()
    default.execute()

    assert (own.steps[0].code, default.steps[0].code) == (code, code)


def test_a_script_ends_at_its_first_failure_and_python_is_a_shell_too(start: Start) -> None:
    run = start({"a": steps({"run": "import os; print(os.environ['CI'])", "shell": "python"}, "echo 1\nfalse\necho 2")})

    run.execute()

    assert [step.output for step in run.steps] == ["true\n", "1\n"]


def test_a_shell_that_nobody_knows(start: Start) -> None:
    with pytest.raises(WorkflowBug, match="no such shell: pwsh"):
        start({"a": steps({"run": "x", "shell": "pwsh"})}).execute()


def test_a_working_directory(start: Start) -> None:
    run = start({"a": steps(
        "mkdir -p sub/deep",
        {"run": 'basename "$PWD"'},
        {"run": 'basename "$PWD"', "working-directory": "sub/deep"},
        {"run": "true", "working-directory": "nowhere", "continue-on-error": True},
        defaults={"run": {"working-directory": "."}},
    )})  # fmt: skip

    run.execute()

    assert [step.output for step in run.steps] == ["", "demo\n", "deep\n", ""]
    assert run.outcomes("a")["Run true"] == "failure"


# -- the environment ---------------------------------------------------------------------------------------------------


def test_the_environment_is_that_of_actions_and_nothing_else(
    start: Start, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_CALLER", "leaks")
    world.extra["TAGREADY_INDEX_URL"] = "http://127.0.0.1:9/simple/"
    run = start({"a": steps({"run": "env -0", "env": {"MINE": "1"}})})

    run.execute()

    step = run.steps[0]
    seen = dict(entry.split("=", 1) for entry in step.output.split("\0") if entry)
    for name in ("PWD", "SHLVL", "_", "OLDPWD"):  # bash's own
        seen.pop(name, None)
    assert seen == step.environment
    assert not [
        name
        for name in seen
        if name in os.environ
        and name not in ("PATH", "HOME", "LANG", "CI", "TAGREADY_INDEX_URL", "GIT_CONFIG_NOSYSTEM")
    ]
    expected = {
        "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_REF": TAG, "GITHUB_REF_NAME": "v1.3.0",
        "GITHUB_REF_TYPE": "tag",
        "GITHUB_SHA": run.sha, "GITHUB_REPOSITORY": "octo/demo", "GITHUB_EVENT_NAME": "push", "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": str(run.id), "GITHUB_SERVER_URL": "https://github.com", "GITHUB_HEAD_REF": "",
        "GITHUB_JOB": "a",
        "GITHUB_BASE_REF": "", "RUNNER_OS": "Linux", "MINE": "1", "TAGREADY_INDEX_URL": "http://127.0.0.1:9/simple/",
    }  # fmt: skip
    assert {name: seen.get(name) for name in expected} == expected
    assert not {"GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} & set(seen)
    event = json.loads(Path(seen["GITHUB_EVENT_PATH"]).read_text())
    assert (event["ref"], event["created"], event["repository"]["default_branch"]) == (TAG, True, "main")


def test_the_levels_of_env(start: Start) -> None:
    show = 'echo "$A $B $C $D ${{ env.A }}${{ env.B }}${{ env.C }}${{ env.D }}"'
    run = start({"a": steps(
        show,
        {"run": show, "env": {"C": "step"}},
        'echo "A=file" >>"$GITHUB_ENV"; echo "D=file" >>"$GITHUB_ENV"; echo "$D"',
        show,
        {"run": show, "env": {"A": "step"}},
        {"run": 'echo "$GITHUB_REF"', "env": {"GITHUB_REF": "mine"}},
        env={"B": "job", "C": "job"},
    )}, env={"A": "top", "B": "top", "COLOUR": "${{ vars.COLOUR }}"})  # fmt: skip

    run.execute()

    assert [step.output.rstrip("\n") for step in run.steps] == [
        "top job job  topjobjob", "top job step  topjobstep", "", "file job job file filejobjobfile",
        "step job job file stepjobjobfile", TAG,
    ]  # fmt: skip
    assert run.steps[0].environment["COLOUR"] == "red"


def test_a_path_that_a_step_adds_comes_first_in_later_steps(start: Start) -> None:
    add = (
        'mkdir one; printf "#!/bin/sh\\necho ours\\n" >one/git; chmod +x one/git; echo "$PWD/one" >>"$GITHUB_PATH"; git'
    )
    run = start(
        {
            "a": steps({"run": add, "continue-on-error": True}, "git", 'echo x >"$HOME/f"; echo y >f'),
            "b": steps('ls "$HOME" . ; git --version'),
        }
    )

    run.execute()

    assert run.steps[1].output == "ours\n"
    assert "usage: git" in run.steps[0].output
    assert "ours" not in run.steps[3].output  # a job has a machine of its own …
    assert "\nf\n" not in run.steps[3].output  # … with a home and a workspace of its own


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}), ("a=1\nb=\n\nc=x=y<<z\n", {"a": "1", "b": "", "c": "x=y<<z"}), ("a<<E\nE\n", {"a": ""}),
        ("a<<E\n1=2\n\n E\nE\nb=2", {"a": "1=2\n\n E", "b": "2"}), ("a=1\na=2", {"a": "2"}),
    ],
)  # fmt: skip
def test_what_steps_write_to_files(text: str, pairs: dict[str, str]) -> None:
    assert action_steps.read_file_command(text) == pairs


@pytest.mark.parametrize("text", ["word", "=1", "a<<E\n1\n", "a<<\n", "<<E\nE"])
def test_what_steps_write_to_files_wrongly(text: str, start: Start) -> None:
    with pytest.raises(ActionFailed):
        action_steps.read_file_command(text)
    run = start({"a": steps({"run": 'printf "%s" "$TEXT" >>"$GITHUB_OUTPUT"', "env": {"TEXT": text}})})

    assert run.execute() == "failure"


def test_workflow_commands(start: Start) -> None:
    run = start({"a": steps(
        'echo "::error file=a.py,line=3,title=It%3A broke::100%25 wrong%0Ahere"; echo "::warning::careful"\n'
        'echo " ::notice title=x::fyi"; echo "not ::error::this"; echo "::group::x"; echo "::add-mask::hide me"\n'
        'echo "::stop-commands::T"; echo "::error::no"; echo "::T::"; echo "::debug::x" >&2\n'
        'echo "# card" >>"$GITHUB_STEP_SUMMARY"',
    )})  # fmt: skip

    run.execute()

    assert [note[2:] for note in run.annotations] == [
        ("error", "100% wrong\nhere", {"file": "a.py", "line": "3", "title": "It: broke"}),
        ("warning", "careful", {}),
        ("notice", "fyi", {"title": "x"}),
    ]
    assert "hide me" in run.masks
    assert run.steps[0].summary == "# card\n"


def test_a_command_that_github_has_given_up(start: Start) -> None:
    with pytest.raises(WorkflowBug, match="set-output"):
        start({"a": steps('echo "::set-output name=a::b"')}).execute()


# -- secrets and permissions -------------------------------------------------------------------------------------------


def test_a_secret_is_seen_where_its_environment_is_named_and_nowhere_else(start: Start) -> None:
    use = {"name": "use", "run": "true", "env": {"T": "${{ secrets.TOKEN }}", "P": "${{ secrets.plain }}"}}
    run = start(
        {"with": steps("true", use, environment="pypi"), "without": steps(use), "other": steps(use, environment="x")}
    )

    run.execute()

    assert [step.environment["T"] for step in run.steps[1:]] == [SECRET, "", ""]
    assert {step.environment["P"] for step in run.steps[1:]} == {"of-the-repository"}
    assert run.secrets_seen(SECRET) == {("with", "use")}
    assert run.secrets_seen("of-the-repository") == {("with", "use"), ("without", "use"), ("other", "use")}


@pytest.mark.parametrize(
    "leak",
    [
        "echo ${{ secrets.TOKEN }} >/dev/null", 'echo "$(cat ../t)"', 'cat ../t >>"$GITHUB_STEP_SUMMARY"',
        'echo "a=$(cat ../t)" >>"$GITHUB_OUTPUT"', 'echo "::warning title=$(cat ../t)::x"',
        'echo "B=$(cat ../t)" >>"$GITHUB_ENV"',
    ],
)  # fmt: skip
def test_a_leak_is_found(start: Start, leak: str) -> None:
    give = {"name": "give", "run": 'printf "%s" "$T" >../t', "env": {"T": "${{ secrets.TOKEN }}"}}
    run = start({"a": steps(give, {"name": "leak", "run": leak}, {"name": "after", "run": "true"}, environment="pypi")})

    run.execute()

    assert run.secrets_seen(SECRET) - {("a", "give")} == {("a", "after" if "GITHUB_ENV" in leak else "leak")}


def test_a_leak_into_an_artifact_is_found(start: Start) -> None:
    give = {"name": "give", "run": 'mkdir out; echo "$T" >out/t', "env": {"T": "${{ secrets.TOKEN }}"}}
    run = start({"a": steps(give, artifact() | {"name": "keep"}, environment="pypi")})

    run.execute()

    assert run.secrets_seen(SECRET) == {("a", "give"), ("a", "keep")}


def test_a_token_may_what_its_job_says_while_the_job_runs(start: Start, world: World) -> None:
    tokens = world.folder / "tokens.json"
    script = {"run": f"cat '{tokens}'", "env": {"T": "${{ github.token }}", "S": "${{ secrets.GITHUB_TOKEN }}"}}
    run = start({"a": steps(script, permissions={"contents": "write"}), "b": steps(script)}, permissions={})

    run.execute()

    tokens_seen = [step.environment["T"] for step in run.steps]
    assert tokens_seen == [step.environment["S"] for step in run.steps] == [job.token for job in run.jobs.values()]
    assert len(set(tokens_seen)) == 2
    assert [json.loads(step.output) for step in run.steps] == [
        {tokens_seen[0]: {"contents": "write", "metadata": "read"}}, {tokens_seen[1]: {"metadata": "read"}},
    ]  # fmt: skip
    assert world.permissions_of(tokens_seen[0]) is None


def test_an_identity_token_can_be_asked_for_with_the_permission_only(start: Start) -> None:
    run = start({"a": steps("true", permissions={"id-token": "write"}), "b": steps("true")}, permissions={})

    run.execute()

    names = [{name for name in step.environment if name.startswith("ACTIONS_")} for step in run.steps]
    assert names == [{"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"}, set()]


# -- events ------------------------------------------------------------------------------------------------------------


def test_a_pull_request_from_a_fork_has_no_secrets_and_writes_nothing(
    start: Start, project: Project, remote: Path
) -> None:
    project.git("push", "--quiet", "origin", "HEAD~1:refs/heads/old")
    merge = action_events.open_pull_request(remote, 7, "topic/a", "old")
    env = {"P": "${{ secrets.PLAIN }}", "H": "${{ github.event.pull_request.head.sha }}"}
    body = steps({"run": "true", "env": env},
                 permissions={"contents": "write", "id-token": "write"})  # fmt: skip
    about: dict[str, Any] = {
        "event": "pull_request",
        "ref": "refs/pull/7/merge",
        "head_ref": "topic/a",
        "base_ref": "old",
    }
    runs = [start({"a": dict(body)}, fork=fork, **about) for fork in (False, True)]
    for run in runs:
        run.execute()

    seen = runs[0].steps[0].environment
    assert (seen["GITHUB_SHA"], seen["GITHUB_REF_NAME"], seen["GITHUB_HEAD_REF"], seen["GITHUB_BASE_REF"]) == (
        merge, "7/merge", "topic/a", "old",
    )  # fmt: skip
    assert seen["H"] == project.head()
    assert [run.steps[0].environment["P"] for run in runs] == ["of-the-repository", ""]
    assert [run.jobs["a"].permissions for run in runs] == [
        {"contents": "write", "id-token": "write", "metadata": "read"}, {"contents": "read", "metadata": "read"},
    ]  # fmt: skip


def test_a_manual_start_has_inputs(start: Start) -> None:
    on = {"workflow_dispatch": {"inputs": {"version": {"required": True}, "dry": {"type": "boolean", "default": True}}}}
    show = {"run": "echo ${{ inputs.version }} ${{ inputs.dry == true }} ${{ github.event.inputs.dry == 'true' }}"}
    run = start(
        {"a": steps(show)}, event="workflow_dispatch", ref="refs/heads/main", on=on, inputs={"version": "1.4.0"}
    )

    run.execute()

    assert run.steps[0].output == "1.4.0 true true\n"


def test_an_annotated_tag_is_pushed_as_itself_and_runs_at_its_commit(start: Start, project: Project) -> None:
    project.git("tag", "-a", "-m", "Release", "v2.0.0")
    project.git("push", "--quiet", "origin", "v2.0.0")
    run = start({"a": steps({"uses": CHECKOUT}, "git cat-file -t v2.0.0; git rev-parse HEAD")}, ref="refs/tags/v2.0.0")

    run.execute()

    assert run.payload["after"] == project.head("v2.0.0") != run.sha
    assert run.steps[1].output == f"tag\n{project.head()}\n"


def test_an_event_that_does_not_start_the_workflow(start: Start) -> None:
    with pytest.raises(WorkflowBug, match="does not start"):
        start({"a": steps("true")}, on="pull_request")


# -- checkout ----------------------------------------------------------------------------------------------------------

SHOW_REFS = (
    "git rev-parse --is-shallow-repository --abbrev-ref HEAD; git rev-list --count HEAD\n"
    "git for-each-ref --format='%(refname)'"
)
BRANCHES, TAGS = "refs/remotes/origin/main refs/remotes/origin/topic/a", "refs/tags/v1.2.0 refs/tags/v1.3.0"
MAIN = "refs/heads/main refs/remotes/origin/main"
PULL = "refs/pull/7/merge"


@pytest.mark.parametrize(
    ("ref", "inputs", "shallow", "head", "commits", "refs"),
    [
        (TAG, {}, True, "HEAD", 1, "refs/tags/v1.3.0"),
        (TAG, {"fetch-tags": True}, True, "HEAD", 1, TAGS),
        (TAG, {"fetch-depth": 0}, False, "HEAD", 2, f"{BRANCHES} {TAGS}"),
        (TAG, {"ref": "SHA"}, True, "HEAD", 1, ""),
        (TAG, {"ref": "SHA", "fetch-depth": 0}, False, "HEAD", 2, f"{BRANCHES} {TAGS}"),
        (TAG, {"ref": "main"}, True, "main", 1, MAIN),
        (TAG, {"ref": "v1.2.0"}, True, "HEAD", 1, "refs/tags/v1.2.0"),
        (TAG, {"ref": "refs/heads/topic/a"}, True, "topic/a", 1, "refs/heads/topic/a refs/remotes/origin/topic/a"),
        ("refs/heads/main", {}, True, "main", 1, MAIN),
        ("refs/heads/main", {"fetch-depth": 2}, True, "main", 2, MAIN),
        ("refs/heads/main", {"fetch-depth": 0}, False, "main", 5, f"refs/heads/main {BRANCHES} {TAGS}"),
        (PULL, {}, True, "HEAD", 1, "refs/remotes/pull/7/merge"),
        (PULL, {"fetch-depth": 0}, False, "HEAD", 6, f"{BRANCHES} refs/remotes/pull/7/merge {TAGS}"),
    ],
)
def test_checkout_fetches_what_the_real_one_fetches(
    start: Start, project: Project, remote: Path, ref: str, inputs: dict[str, Any], shallow: bool, head: str,
    commits: int, refs: str,
) -> None:  # fmt: skip
    project.git("tag", "--force", "v1.3.0", "HEAD")
    project.git("tag", "v1.2.0", "HEAD~1")
    for number in range(3):
        project.commit(f"Change {number}", **{"file.txt": str(number)})
    project.git("push", "--quiet", "--force", "origin", "main", "v1.2.0", "v1.3.0")
    action_events.open_pull_request(remote, 7, "topic/a")
    inputs = {name: project.head("v1.3.0") if value == "SHA" else value for name, value in inputs.items()}
    event = "pull_request" if ref == PULL else "push"
    run = start({"a": steps({"uses": CHECKOUT, "with": inputs}, SHOW_REFS)}, ref, event,
                head_ref="topic/a", base_ref="main")  # fmt: skip

    assert run.execute() == "success", run.log

    assert run.steps[1].output.split() == [str(shallow).lower(), head, str(commits), *refs.split()]
    named = {"main": "main", "v1.2.0": "v1.2.0", "refs/heads/topic/a": "v1.3.0"}.get(inputs.get("ref", ""))
    assert run.steps[0].outputs["commit"] == (project.head(named) if named else run.sha)


def test_checkout_into_a_folder_and_again(start: Start) -> None:
    run = start({"a": steps({"uses": CHECKOUT}, "echo x >pyproject.toml; touch new", {"uses": CHECKOUT},
                            "ls; git status --short",
                            {"uses": CHECKOUT, "with": {"path": "sub"}}, {"run": "ls sub"})})  # fmt: skip

    run.execute()

    assert [run.steps[place].output.split() for place in (3, 5)] == [
        ["CHANGELOG.md", "changelog.d", "pyproject.toml"]
    ] * 2


@pytest.mark.parametrize(
    ("submodules", "files"), [(None, []), ("false", []), ("true", ["lib"]), ("recursive", ["lib", "lib/inner"])]
)
def test_checkout_brings_the_submodules_that_are_asked_for(
    start: Start, project: Project, tmp_path: Path, submodules: str | None, files: list[str]
) -> None:
    repositories = {}
    for name, inside in (("inner", None), ("lib", "inner")):
        repositories[name] = make_project(tmp_path / "elsewhere" / name)
        if inside:
            add_submodule(repositories[name], repositories[inside], inside)
    add_submodule(project, repositories["lib"], "lib")
    project.git("push", "--quiet", "origin", "main")
    given = {"submodules": submodules} if submodules else {}
    look = "for path in lib lib/inner; do if test -f $path/pyproject.toml; then echo $path; fi; done"
    run = start({"a": steps({"uses": CHECKOUT, "with": given}, look)}, "refs/heads/main")

    assert run.execute() == "success", run.log

    assert run.steps[1].output.split() == files


def add_submodule(project: Project, other: Project, path: str) -> None:
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.path), path)
    project.commit("Add a submodule")


def test_checkout_refuses_a_tag_that_was_moved(start: Start, project: Project) -> None:
    run = start({"a": steps({"uses": CHECKOUT})})
    project.git("push", "--quiet", "--force", "origin", "HEAD:refs/tags/v1.3.0")

    assert run.execute() == "failure"
    assert "does not point to the expected commit" in run.annotations[0].message


@pytest.mark.parametrize(("depth", "words"), [(0, "'nope' could not be found"), (1, "failed")])
def test_checkout_of_what_is_not_there(start: Start, depth: int, words: str) -> None:
    run = start({"a": steps({"uses": CHECKOUT, "with": {"ref": "nope", "fetch-depth": depth}})})

    assert run.execute() == "failure"
    assert words in run.annotations[0].message


def test_a_stop_that_is_never_reached_is_told(start: Start) -> None:
    run = start({"a": steps("true"), "b": steps("true", needs="a") | {"if": "failure()"}})

    assert run.execute(stop_at=("b", 0)) == "success"
    assert not run.stopped


@pytest.mark.parametrize(
    ("persist", "permissions", "setup", "pushed"),
    [
        (True, {"contents": "write"}, False, True),
        (True, {"contents": "read"}, False, False),
        (False, {"contents": "write"}, False, False),
        (False, {"contents": "write"}, True, True),
        (False, {"contents": "read"}, True, False),
    ],
)
def test_a_push_needs_credentials_that_may_write(
    start: Start, remote: Path, persist: bool, permissions: dict[str, str], setup: bool, pushed: bool
) -> None:
    run = start({"a": steps(
        {"uses": CHECKOUT, "with": {"persist-credentials": persist}},
        {"run": "gh auth setup-git" if setup else "true", "env": {"GH_TOKEN": "${{ github.token }}"}},
        "git fetch origin main; git remote -v",
        {"name": "push", "run": "git push origin HEAD:refs/heads/new"},
        permissions=permissions,
    )})  # fmt: skip

    run.execute()

    assert (run.outcomes("a")["push"] == "success") == pushed, run.log
    assert bool(action_events.git(remote, "for-each-ref", "refs/heads/new")) == pushed
    secret = list(Path(run.steps[0].environment["RUNNER_TEMP"]).glob("git-credentials-*"))
    assert bool(secret) == persist


def test_no_step_reaches_another_host(start: Start) -> None:
    run = start({"a": steps("git ls-remote https://github.com/pallets/click")})

    assert run.execute() == "failure"
    assert "no-network-for" in run.steps[0].output


# -- artifacts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ("dist", "a.whl b.tar.gz deep/c.txt"),
        ("dist/", "a.whl b.tar.gz deep/c.txt"),
        ("dist/*", "a.whl b.tar.gz deep/c.txt"),
        ("dist/*.whl", "a.whl"),
        ("dist/a.whl", "a.whl"),
        ("dist/**/c.txt", "deep/c.txt"),
        ("dist/*.whl\nnotes.md", "dist/a.whl notes.md"),
        ("dist\nnotes.md", "dist/a.whl dist/b.tar.gz dist/deep/c.txt notes.md"),
        ("dist/a.whl\ndist/deep/c.txt", "a.whl deep/c.txt"),
        ("dist\ndist/deep", "a.whl b.tar.gz deep/c.txt"),
        ("dist\n!dist/*.whl", "b.tar.gz deep/c.txt"),
        ("dist\n!dist/deep", "a.whl b.tar.gz"),
        ("dist/a.whl\nnope", "dist/a.whl"),
    ],
)
def test_an_artifact_is_rooted_at_the_least_common_ancestor(tmp_path: Path, paths: str, expected: str) -> None:
    for name in ("dist/a.whl", "dist/b.tar.gz", "dist/deep/c.txt", "dist/.hidden", "notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    found = action_steps.files_to_upload(paths, tmp_path, hidden=False)

    assert sorted(found) == expected.split()
    assert all(file.read_text().endswith(inside) for inside, file in found.items())
    assert ".hidden" in action_steps.files_to_upload("dist", tmp_path, hidden=True)


MAKE = "mkdir -p out/deep; echo 1 >out/one; echo 2 >out/deep/two; chmod +x out/one"


def test_an_artifact_goes_from_job_to_job(start: Start) -> None:
    make = steps(
        MAKE,
        artifact() | {"id": "up"},
        outputs={"id": "${{ steps.up.outputs.artifact-id }}", "digest": "${{ steps.up.outputs.artifact-digest }}"},
    )
    show = "find . -type f | sort; find . -type f -executable"
    take = [
        {"uses": DOWNLOAD, "with": {"name": "a", "path": "x"}},
        {"uses": DOWNLOAD, "with": {"artifact-ids": "${{ needs.make.outputs.id }}"}},
        {"uses": DOWNLOAD, "with": {"path": "all"}},
    ]
    run = start({"make": make} | {f"take{place}": steps(step, show, needs="make") for place, step in enumerate(take)})

    assert run.execute() == "success", run.log

    assert [step.output.split() for step in run.steps if step.script == show] == [
        ["./x/deep/two", "./x/one"], ["./deep/two", "./one"], ["./all/deep/two", "./all/one"],
    ]  # fmt: skip
    kept = run.artifacts.all[0]
    assert run.jobs["make"].outputs == {
        "id": str(kept.id),
        "digest": hashlib.sha256(kept.path.read_bytes()).hexdigest(),
    }


def test_several_artifacts_get_folders_of_their_own(start: Start) -> None:
    run = start({"a": steps("echo 1 >one; echo 2 >two", artifact("x-1", "one"), artifact("y", "two"),
                            artifact("x-2", "two"), "rm one two", {"uses": DOWNLOAD, "with": {"pattern": "x-*"}},
                            {"uses": DOWNLOAD, "with": {"pattern": "x-*", "merge-multiple": True}},
                            "find . -type f | sort")})  # fmt: skip

    run.execute()

    assert run.steps[-1].output.split() == ["./one", "./two", "./x-1/one", "./x-2/two"]


@pytest.mark.parametrize(
    ("again", "outcome"),
    [(artifact(), "failure"), (artifact(overwrite=True), "success"), (artifact("b"), "success")],
)
def test_a_name_is_taken_once_in_a_run(start: Start, again: dict[str, Any], outcome: str) -> None:
    run = start({"a": steps(MAKE, artifact(), again | {"name": "again"})})

    run.execute()

    assert run.outcomes("a")["again"] == outcome
    assert (outcome == "success") or "(409) Conflict" in run.annotations[0].message


@pytest.mark.parametrize(
    ("missing", "outcome"),
    [(None, "success"), ("warn", "success"), ("ignore", "success"), ("error", "failure"), ("x", "failure")],
)
def test_an_artifact_without_files(start: Start, missing: str | None, outcome: str) -> None:
    more = {"if-no-files-found": missing} if missing else {}
    run = start({"a": steps(artifact(path="nope/*", **more))})

    run.execute()

    assert run.results["a"] == outcome
    assert not run.artifacts.all
    assert [note.level for note in run.annotations] == {"warn": ["warning"], None: ["warning"], "ignore": []}.get(
        missing, ["error"]
    )


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"name": "nope"}, "Artifact not found"), ({"artifact-ids": "7"}, "None of the provided"),
        ({"artifact-ids": "x"}, "Invalid artifact ID"), ({"artifact-ids": "7", "name": "a"}, "cannot be used together"),
    ],
)  # fmt: skip
def test_an_artifact_that_is_not_there(start: Start, inputs: dict[str, str], words: str) -> None:
    run = start({"a": steps({"uses": DOWNLOAD, "with": inputs})})

    assert run.execute() == "failure"
    assert words in run.annotations[0].message


def test_an_artifact_that_was_changed_is_refused(start: Start) -> None:
    run = start(
        {"make": steps(MAKE, artifact()), "take": steps({"uses": DOWNLOAD, "with": {"name": "a"}}, needs="make")}
    )
    run.execute()
    run.artifacts.all[0].path.write_bytes(b"other bytes")

    assert run.rerun_all() == "failure"  # the name is taken
    changed = start({"take": steps({"uses": DOWNLOAD, "with": {"name": "a"}})})
    changed.artifacts = run.artifacts
    assert changed.execute() == "failure"
    assert "Digest validation failed" in changed.annotations[0].message


def test_an_action_or_input_that_is_not_known(start: Start) -> None:
    for step, word in (
        ({"uses": f"actions/cache@{'0' * 40}"}, "actions/cache"),
        ({"uses": CHECKOUT, "with": {"lfs": True}}, "lfs"),
    ):
        with pytest.raises(WorkflowBug, match=word):
            start({"a": steps(step)}).execute()


# -- python, pip, gh ---------------------------------------------------------------------------------------------------

HASH = f"--hash=sha256:{'0a' * 32}"
INSTALL = (
    'python3 -m venv "$RUNNER_TEMP/tagready"\n'
    '"$RUNNER_TEMP/tagready/bin/pip" install --require-hashes --no-deps -r list.txt\n'
)


def test_tagready_is_there_once_pip_has_installed_it(start: Start) -> None:
    listed = (
        f"# the tools\n--only-binary :all:\ntagready==0.1.0 \\\n    {HASH} \\\n    {HASH}\n"
        f"twine==6.2.0 {HASH}  # via tagready\n"
    )
    run = start({"a": steps(
        {"run": 'printf "%s" "$LIST" >list.txt\n' + INSTALL, "env": {"LIST": listed}},
        'ls "$RUNNER_TEMP"/tagready/bin; "$RUNNER_TEMP/tagready/bin/tagready" --version',
        'python -c "import sys; print(sys.executable)"; type -t tagready || echo none',
    )})  # fmt: skip

    assert run.execute() == "success", run.log

    assert run.steps[1].output.split()[:-2] == [
        "pip",
        "pip3",
        "prepare-release",
        "python",
        "python3",
        "tagready",
        "twine",
    ]
    assert run.steps[2].output.splitlines() == [sys.executable, "none"]
    assert [(each.job, each.arguments[0], each.requirements, each.ok) for each in run.installed] == [
        ("a", "install", [f"tagready==0.1.0 {HASH} {HASH}", f"twine==6.2.0 {HASH}"], True)
    ]


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        (f"a==1 {HASH}\n", 0), ("a==1\n", 1), (f"a==1 {HASH}\nb==2\n", 1), (f"a>=1 {HASH}\n", 1), (f"a {HASH}\n", 1),
        (f"a==1.* {HASH}\n", 1), ("a==1 --hash=sha256:0a\n", 1), ("a==1 --hash=md5:0a\n", 1),
        (f"a[x]==1 ; python_version > '3' {HASH}\n", 0), ("", 0),
    ],
)  # fmt: skip
def test_pip_requires_hashes(start: Start, listed: str, code: int) -> None:
    run = start({"a": steps({"run": 'printf "%s" "$LIST" >list.txt\n' + INSTALL, "env": {"LIST": listed}})})

    run.execute()

    assert run.steps[0].code == code, run.log
    assert [each.ok for each in run.installed] == [code == 0]


@pytest.mark.parametrize(
    ("command", "code", "requirements"),
    [
        ("python -m pip install --upgrade pip", 0, ["pip"]),
        ("python -m pip install -e . --group test -c constraints.txt", 0, ["-e ."]),
        ("pip install --index-url=http://x 'demo==1.4.0' --no-cache-dir", 0, ["demo==1.4.0"]),
        ("pip install --require-hashes demo==1.4.0", 1, ["demo==1.4.0"]),
        ("pip install -r nope.txt", 1, None),
        ("python3 -m venv --clear x", 2, None),
    ],
)
def test_other_installs(start: Start, command: str, code: int, requirements: list[str] | None) -> None:
    run = start({"a": steps({"uses": PYTHON, "with": {"python-version": "3.13"}}, command)})

    run.execute()

    assert run.steps[1].code == code, run.log
    assert [each.requirements for each in run.installed] == ([] if requirements is None else [requirements])


def test_a_file_is_held_against_its_hash_and_a_folder_against_nothing(start: Start) -> None:
    install = 'pip install --require-hashes -r list.txt && ls "$(dirname "$(command -v pip)")"'
    run = start({"a": steps(
        "mkdir dist; echo wheel >dist/tagready-0.1.0-py3-none-any.whl\n"
        "printf '[project]\\nname = \"twine\"\\n' >pyproject.toml",
        "echo ./dist/*.whl --hash=sha256:$(sha256sum <dist/*.whl | cut -d ' ' -f 1) >list.txt; " + install,
        'pip install --no-deps "$GITHUB_WORKSPACE"; command -v twine',
        "echo changed >>dist/*.whl; " + install,
    )})  # fmt: skip

    run.execute()

    assert [step.code for step in run.steps] == [0, 0, 0, 1], run.log
    assert "tagready" in run.steps[1].output.split()
    assert "DO NOT MATCH THE HASHES" in run.steps[3].output


def test_setup_python_puts_this_python_first(start: Start) -> None:
    run = start({"a": steps({"uses": PYTHON, "id": "p", "with": {"python-version": "3.12"}},
                            'dirname "$(command -v python)"',
                            'python -c "import tagready, sys; print(sys.version_info[0])"')})  # fmt: skip

    run.execute()

    version = ".".join(map(str, sys.version_info[:3]))
    assert run.steps[0].outputs["python-version"] == version
    assert run.steps[1].output.rstrip("\n") == str(Path(run.steps[0].outputs["python-path"]).parent)
    assert run.steps[2].output == "3\n"


def gh_steps(*commands: str) -> dict[str, Any]:
    token = {"GH_TOKEN": "${{ github.token }}"}
    return steps(*({"run": command, "env": token, "continue-on-error": True} for command in commands),
                 permissions={"contents": "read", "pull-requests": "write"})  # fmt: skip


def test_gh_opens_and_edits_a_pull_request(start: Start, world: World, project: Project) -> None:
    project.git("push", "--quiet", "origin", "HEAD~1:refs/heads/old")
    create = "gh pr create --base old --head topic/a --title 'Release 1.4.0' --body-file -"
    run = start({"a": gh_steps(
        f"echo text | {create} --label documentation",
        f"echo text | {create}",
        "gh pr edit topic/a --title New --body b --add-label bug",
        "gh pr view topic/a --json url,title --jq .title",
        "gh pr view 1 --json number",
        "gh pr view nope",
        "gh pr create --base old --head nope --title t --body b",
        "gh pr create --base main --head topic/a --title t --body b",
        "gh pr create --base old --head main --title t",
        "gh pr create --base old --head main --title t --body b --label nope",
        "gh release create x",
        "gh pr create --sign",
    )})  # fmt: skip

    run.execute()

    url = "https://github.com/octo/demo/pull/1"
    assert [(step.code, step.output.strip()) for step in run.steps[:6]] == [
        (0, url),
        (1, f'a pull request for branch "topic/a" into branch "old" already exists:\n{url}'),
        (0, url),
        (0, "New"),
        (0, '{"number": 1}'),
        (1, 'no pull requests found for branch "nope"'),
    ]
    ends = (
        "Head ref must be a branch",
        "No commits between",
        "must provide",
        "'nope' not found",
        "does not know",
        "--sign",
    )
    assert [end in step.output and step.code == 1 for step, end in zip(run.steps[6:], ends, strict=True)] == [True] * 6
    assert world.gh["pulls"] == [
        {"number": 1, "url": url, "state": "OPEN", "isDraft": False, "title": "New", "body": "b",
         "headRefName": "topic/a",
         "baseRefName": "old", "labels": [{"name": "documentation"}, {"name": "bug"}]}
    ]  # fmt: skip
    assert len(world.gh["calls"]) == len(run.steps)


def test_gh_needs_a_token_that_may(start: Start, world: World, project: Project) -> None:
    project.git("push", "--quiet", "origin", "HEAD~1:refs/heads/old")
    create = "gh pr create --base old --head topic/a --title t --body b"
    body = steps({"run": create, "continue-on-error": True},
                 {"run": create, "env": {"GH_TOKEN": "other"}, "continue-on-error": True},
                 {"run": create, "env": {"GH_TOKEN": "${{ github.token }}"}},
                 permissions={"contents": "write"})  # fmt: skip
    run = start({"a": body})

    run.execute()

    assert [step.code for step in run.steps] == [4, 1, 1]
    assert "Resource not accessible by integration" in run.steps[2].output


def test_gh_cannot_open_pull_requests_where_the_repository_forbids_it(
    start: Start, remote: Path, tmp_path: Path, project: Project
) -> None:
    project.git("push", "--quiet", "origin", "HEAD~1:refs/heads/old")
    world = World(tmp_path / "strict", remote, may_create_pull_requests=False)
    text = json.dumps(
        {
            "on": "push",
            "jobs": {"a": gh_steps("gh pr create --base old --head topic/a --title t --body b") | {"runs-on": "x"}},
        }
    )
    run = Run(text, "push", TAG, project.head("v1.3.0"), world)

    run.execute()

    assert "GitHub Actions is not permitted to create or approve pull requests" in run.steps[0].output


# -- kills and re-runs -------------------------------------------------------------------------------------------------


def release(folder: Path) -> dict[str, Any]:
    """A workflow that leaves marks in a folder as it goes, and does nothing twice."""

    def mark(name: str) -> str:
        file = shlex.quote(f"{folder}/{name}")
        return f"echo start; [ -e {file} ] || echo $GITHUB_RUN_ATTEMPT >{file}; sleep 0.02; echo end"

    download = {"uses": DOWNLOAD, "with": {"artifact-ids": "${{ needs.build.outputs.id }}"}}
    return {
        "build": steps(
            mark("built"), MAKE, {"id": "up"} | artifact("dist-${{ github.run_attempt }}"),
            outputs={"id": "${{ steps.up.outputs.artifact-id }}"},
        ),
        "publish": steps(download, mark("published"), "cat one", needs="build"),
        "announce": steps(mark("announced"), needs=["build", "publish"]),
        "recovery": steps(
            'echo "${{ needs.publish.result }}"', needs=["build", "publish", "announce"], **{"if": "failure()"}
        ),
    }  # fmt: skip


WAYS = list(actions.stops(json.dumps({"on": "push", "jobs": release(Path("x"))})))


def test_every_step_is_known_before_anything_runs() -> None:
    assert [where for where, how in WAYS if how == "before"] == [
        ("build", 0), ("build", 1), ("build", 2), ("publish", 0), ("publish", 1), ("publish", 2), ("announce", 0),
        ("recovery", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("rerun", ["rerun_failed", "rerun_all"])
@pytest.mark.parametrize(("where", "how"), [way for way in WAYS if way[0][0] != "recovery"])
def test_a_run_that_was_cut_off_converges(
    start: Start, tmp_path: Path, where: tuple[str, int], how: actions.How, rerun: str
) -> None:
    run = start(release(tmp_path))

    ended = run.execute(stop_at=where, how=how)

    job = run.jobs[where[0]]
    assert (ended, run.stopped, job.result, job.killed, job.outputs) == ("failure", True, "failure", True, {})
    assert all(step.place <= where[1] for step in run.steps if step.job == where[0])
    assert run.results["recovery"] == "success"
    assert getattr(run, rerun)() == "success", run.log
    assert run.results == {"build": "success", "publish": "success", "announce": "success", "recovery": "skipped"}
    assert run.attempt == 2
    built_again = [step for step in run.executed if (step.job, step.attempt) == ("build", 2)]
    assert bool(built_again) == (rerun == "rerun_all" or where[0] == "build")


def test_a_killed_machine_runs_nothing_more_and_leaves_nothing_behind(start: Start, tmp_path: Path) -> None:
    script = f"cd '{tmp_path}'\n(setsid sh -c 'sleep 0.4; touch late' &)\necho started\nsleep 30\ntouch done"
    run = start({"a": steps(script, {"run": f"touch '{tmp_path}/always'", "if": "always()"}),
                 "b": steps("true", needs="a") | {"if": "always() && needs.a.result == 'failure'"}})  # fmt: skip

    run.execute(stop_at=("a", 0), how="kill-during")

    step = run.steps[0]
    assert (step.code, step.output, step.outcome) == (None, "started\n", "failure")
    assert step.duration < 5
    assert run.results == {"a": "failure", "b": "success"}
    subprocess.run(["sleep", "0.6"], check=True)
    names = {"done", "always"} | ({"late"} if Path("/proc").is_dir() else set())
    assert not names & set(os.listdir(tmp_path))


def test_a_kill_can_wait(start: Start) -> None:
    run = start({"a": steps("echo 1; sleep 0.05; echo 2; sleep 30")})

    run.execute(stop_at=("a", 0), how="kill-during", delay=0.3)

    assert run.steps[0].output == "1\n2\n"


def test_what_a_job_leaves_running_ends_with_it(start: Start, tmp_path: Path) -> None:
    run = start({"a": steps(f"(sleep 0.4; touch '{tmp_path}/late') &\ntrue")})

    assert run.execute() == "success"
    subprocess.run(["sleep", "0.6"], check=True)
    assert Path("/proc").is_dir() != (tmp_path / "late").exists()


def test_an_upload_that_was_cut_off_takes_its_name_with_it(start: Start) -> None:
    run = start(
        {
            "make": steps(MAKE, artifact()),
            "take": steps({"uses": DOWNLOAD, "with": {"name": "a"}}) | {"if": "always()", "needs": "make"},
        }
    )

    run.execute(stop_at=("make", 1), how="kill-during")

    assert run.results == {"make": "failure", "take": "failure"}  # it cannot be had
    assert run.rerun_failed() == "failure"
    assert "(409) Conflict" in [note.message for note in run.annotations if note.job == "make"][-1]


def test_rerun_failed_keeps_what_was_done(start: Start, world: World) -> None:
    world.secrets["GATE"] = "shut"
    gate = {"run": '[ "$GATE" = open ]', "env": {"GATE": "${{ secrets.GATE }}"}}
    ok = steps(
        {"id": "s", "run": 'echo "n=$GITHUB_RUN_ATTEMPT" >>"$GITHUB_OUTPUT"'}, outputs={"n": "${{ steps.s.outputs.n }}"}
    )
    legs = {"fail-fast": False, "matrix": {"gate": ["open", "${{ vars.COLOUR }}"]}}
    run = start({
        "ok": ok, "gate": steps(gate, needs="ok"),
        "after": steps("echo ${{ needs.ok.outputs.n }}", needs=["ok", "gate"]),
        "aside": steps("true", needs="ok"), "never": steps("true") | {"if": "github.ref_type == 'branch'"},
        "legs": steps(gate | {"run": '[ "${{ matrix.gate }}" = open ] || [ "$GATE" = open ]'}, strategy=legs),
        "always": steps("true", needs="legs") | {"if": "always()"},
    })  # fmt: skip

    assert run.execute() == "failure"
    world.secrets["GATE"] = "open"  # secrets are read anew
    assert run.rerun_failed() == "success"

    second = [step.job for step in run.executed if step.attempt == 2]
    assert second == ["gate", "after", "legs (red)", "always"]
    assert [step.output for step in run.steps if step.job == "after"] == ["1\n"]
    assert run.results["never"] == "skipped"
    with pytest.raises(ValueError, match="nothing to run again"):
        run.rerun_failed()


def test_rerun_all_runs_all_and_keeps_the_artifacts(start: Start) -> None:
    run = start({"a": steps(MAKE, artifact("a-${{ github.run_attempt }}")),
                 "b": steps({"uses": DOWNLOAD, "with": {"artifact-ids": "4000001"}}, "cat one",
                            needs="a")})  # fmt: skip

    assert run.execute() == "success"
    assert run.rerun_all() == "success"

    assert [(each.name, each.attempt) for each in run.artifacts.all] == [("a-1", 1), ("a-2", 2)]
    assert [step.output for step in run.steps if step.script == "cat one"] == ["1\n", "1\n"]
    assert {step.environment["GITHUB_RUN_ID"] for step in run.executed} == {str(run.id)}
    with pytest.raises(ValueError, match="re-run it"):
        run.execute()


def test_a_leg_of_a_matrix_can_be_killed(start: Start) -> None:
    strategy = {"fail-fast": False, "matrix": {"a": [1, 2]}}
    run = start({"t": steps("true", strategy=strategy)})

    run.execute(stop_at=("t (2)", 0))

    assert {key: job.result for key, job in run.jobs.items()} == {"t (1)": "success", "t (2)": "failure"}
    assert run.rerun_failed() == "success"
    assert [(step.attempt, step.job) for step in run.executed] == [(1, "t (1)"), (2, "t (2)")]
