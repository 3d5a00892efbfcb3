"""What a stranger wrote, where a workflow runs it: one table for each check."""

from __future__ import annotations

import pytest

from tagready.facts.actions.workflow_faults import INJECTION, STRANGERS_CODE
from tagready.facts.actions.workflow_rules import judge
from tagready.facts.findings import Level
from workflow_cases import MAKE, PATH, SHA, TWINE, Case, bad, findings, nothing, release, rows

TARGET = "pull_request_target:"
TITLE = "github.event.pull_request.title"
HEAD = f"- uses: actions/checkout@{SHA}\n  with:\n    ref: ${{{{ github.event.pull_request.head.sha }}}}\n"
STRANGER = "the pull request's own code is checked out, on pull_request_target"
OF_RUN = STRANGER.replace("pull_request_target", "workflow_run")


STRANGERS = {
    "the head by its commit": bad(nothing(HEAD + MAKE, on=TARGET), ("ref:", STRANGERS_CODE, STRANGER)),
    "the head by its branch": bad(
        nothing(HEAD.replace("event.pull_request.head.sha", "head_ref") + MAKE, on=TARGET),
        ("ref:", STRANGERS_CODE, STRANGER),
    ),
    "the head's repository": bad(
        nothing(HEAD.replace("ref:", "Repository:").replace("head.sha", "head.repo.full_name") + MAKE, on=TARGET),
        ("Repository:", STRANGERS_CODE, STRANGER),
    ),
    "in other words": bad(
        nothing(
            HEAD.replace("github.event.pull_request.head.sha", "GitHub['event']['pull_request']['head']['sha'] || ''")
            + MAKE,
            on=TARGET,
        ),
        ("ref:", STRANGERS_CODE, STRANGER),
    ),
    "the merge by its number": bad(
        nothing(
            HEAD.replace("${{ github.event.pull_request.head.sha }}", "refs/pull/${{ github.event.number }}/merge")
            + MAKE,
            on=TARGET,
        ),
        ("ref:", STRANGERS_CODE, STRANGER),
    ),
    "through a variable": bad(
        nothing(
            HEAD.replace("github.event.pull_request.head.sha", "env.HEAD") + MAKE,
            on=TARGET,
            top="env: {HEAD: '${{ github.event.pull_request.head.sha }}'}\n",
        ),
        ("ref:", STRANGERS_CODE, STRANGER),
    ),
    "by gh": bad(
        nothing('- run: |\n    gh pr checkout "$NUMBER"\n    make\n', on=TARGET), ("gh pr", STRANGERS_CODE, STRANGER)
    ),
    "by git": bad(
        nothing("- run: git fetch origin pull/$N/head && git checkout FETCH_HEAD && make\n", on=TARGET),
        ("git fetch", STRANGERS_CODE, STRANGER),
    ),
    "after a run": bad(
        nothing(
            HEAD.replace("pull_request.head.sha", "workflow_run.head_sha") + MAKE, on="workflow_run: {workflows: [CI]}"
        ),
        ("ref:", STRANGERS_CODE, OF_RUN),
    ),
    "where a label is asked for": bad(
        nothing(HEAD + MAKE, on=TARGET, job="if: contains(github.event.pull_request.labels.*.name, 'safe')\n"),
        ("ref:", STRANGERS_CODE, STRANGER),
    ),
    # Harmless ones.
    "no ref: the base branch": Case(nothing(f"- uses: actions/checkout@{SHA}\n{MAKE}", on=TARGET)),
    "the base": Case(nothing(HEAD.replace("head.sha", "base.sha") + MAKE, on=TARGET)),
    "with the rights of a stranger": Case(nothing(HEAD + MAKE)),
    "nothing runs after it": Case(nothing(MAKE + HEAD, on=TARGET)),
    "not on that event": Case(
        nothing(HEAD + MAKE, on=TARGET + "\npull_request:", job="if: github.event_name == 'pull_request'\n")
    ),
    "only what is merged": Case(
        nothing(
            HEAD.replace("head.sha", "merge_commit_sha") + MAKE,
            on=TARGET + " {types: [closed]}",
            job="if: github.event.pull_request.merged == true && success()\n",
        )
    ),
    "a step that is left out": Case(
        nothing(HEAD + "  if: github.event_name != 'pull_request_target'\n" + MAKE, on=TARGET)
    ),
    "a run of a push": Case(
        nothing(
            HEAD.replace("pull_request.head.sha", "workflow_run.head_sha") + MAKE,
            on="workflow_run: {workflows: [CI]}",
            job="if: github.event.workflow_run.event == 'push'\n",
        )
    ),
    "fetched to be compared": Case(nothing("- run: git fetch origin pull/1/head && git diff FETCH_HEAD\n", on=TARGET)),
    "only said": Case(nothing("- run: echo 'gh pr checkout 1'\n", on=TARGET)),
    "another variable": Case(
        nothing(
            HEAD.replace("github.event.pull_request.head.sha", "env.HEAD") + MAKE,
            on=TARGET,
            top="env: {OTHER: '${{ github.event.pull_request.head.sha }}', HEAD: main}\n",
        )
    ),
    "a variable of the name of something else": Case(
        nothing(
            HEAD.replace("github.event.pull_request.head.sha", "github.sha") + MAKE,
            on=TARGET,
            top="env: {SHA: '${{ github.event.pull_request.head.sha }}'}\n",
        )
    ),
    "another branch": Case(nothing("- run: git checkout main && make\n", on=TARGET)),
    "only said, beside a checkout": Case(nothing("- run: git checkout main && echo pull/1/head\n", on=TARGET)),
    "fetched, and another program's switch": Case(
        nothing("- run: git fetch origin pull/$N/head && lamp switch\n", on=TARGET)
    ),
    "an action that checks nothing out": Case(
        nothing(HEAD.replace("actions/checkout", "some/labeler") + MAKE, on=TARGET)
    ),
}


def in_run(expression: str) -> str:
    return "- run: |\n    echo start\n    echo ${{ " + expression + " }}\n"


def injected(text: str, shown: str) -> Case:
    return bad(text, ("${{ " + shown, INJECTION, "a shell gets `${{ " + shown + " }}`"))


INJECTIONS = {
    "a title": injected(nothing(in_run(TITLE)), TITLE),
    "in brackets": injected(
        nothing(in_run("github['event']['pull_request']['title']")), "github['event']['pull_request']['title']"
    ),
    "in capitals": injected(nothing(in_run("GitHub.Event.Pull_Request.Title")), "GitHub.Event.Pull_Request.Title"),
    "in format": injected(nothing(in_run(f"format('{{0}}', {TITLE})")), f"format('{{0}}', {TITLE})"),
    "in the whole event": injected(nothing(in_run("toJSON(github.event)")), "toJSON(github.event)"),
    "in all there is": injected(nothing(in_run("toJson( github )")), "toJson( github )"),
    "a name that is looked up": injected(
        nothing(in_run("github.event.pull_request[matrix.field]")), "github.event.pull_request[matrix.field]"
    ),
    "a default": injected(nothing(in_run("github.head_ref || github.sha")), "github.head_ref || github.sha"),
    "behind a condition": injected(
        nothing(in_run("github.event_name == 'x' && (github.head_ref) || ''")),
        "github.event_name == 'x' && (github.head_ref) || ''",
    ),
    "a closing brace in a text": injected(
        nothing(in_run(f"format('}}}}{{0}}', {TITLE})")), f"format('}}}}{{0}}', {TITLE})"
    ),
    "each message": injected(
        nothing(in_run("join(github.event.commits.*.message, ' ')"), on="push:"),
        "join(github.event.commits.*.message, ' ')",
    ),
    "the first message": injected(
        nothing(in_run("github.event.commits[0].message"), on="push:"), "github.event.commits[0].message"
    ),
    "an author": injected(
        nothing(in_run("github.event.head_commit.author.email"), on="push:"), "github.event.head_commit.author.email"
    ),
    "a comment": injected(
        nothing(in_run("github.event.comment.body"), on="issue_comment:"), "github.event.comment.body"
    ),
    "an issue": injected(nothing(in_run("github.event.issue.body"), on="issues:"), "github.event.issue.body"),
    "a branch of a fork": injected(
        nothing(in_run("github.event.workflow_run.head_branch"), on="workflow_run: {workflows: [CI]}"),
        "github.event.workflow_run.head_branch",
    ),
    "what a caller got": injected(nothing(in_run(TITLE), on="workflow_call:"), TITLE),
    "through env": bad(
        nothing(in_run("env.TITLE"), job="env:\n  TITLE: '${{ " + TITLE + " }}'\n"),
        ("echo ${{ env.TITLE", INJECTION, "a shell gets `${{ env.TITLE }}`"),
    ),
    "each by itself": bad(
        nothing(
            "- run: |\n    echo ${{ github.head_ref }}\n    echo\n    echo ${{ github.sha }} ${{ github.head_ref }}\n"
        ),
        ("${{ github.head_ref", INJECTION, "a shell gets `${{ github.head_ref }}`"),
        ("${{ github.sha", INJECTION, "a shell gets `${{ github.head_ref }}`"),
    ),
    "over two lines": bad(
        nothing("- run: >-\n    echo ${{\n    github.head_ref }}\n"),
        ("echo ${{", INJECTION, "a shell gets `${{ github.head_ref }}`"),
    ),
    "a script of github-script": bad(
        nothing(f"- uses: actions/github-script@{SHA}\n  with:\n    script: core.info(`${{{{ {TITLE} }}}}`)\n"),
        ("script: core", INJECTION, f"a script gets `${{{{ {TITLE} }}}}`"),
    ),
    "a long one": bad(
        nothing(in_run(f"format('{'x' * 90}', {TITLE})")),
        ("echo ${{", INJECTION, f"a shell gets `${{{{ format('{'x' * 71}… }}}}`"),
    ),
    "the tag, of a release": injected(
        release(TWINE + in_run("github.ref_name"), on="push: {tags: ['v*']}"), "github.ref_name"
    ),
    "the ref, of a release": injected(
        release(TWINE + in_run("github.ref"), on="push:\nrelease:", job="if: failure()\n"), "github.ref"
    ),
    "the tag of a published release": injected(
        release(TWINE + in_run("github.event.release.tag_name"), on="release: {types: [published]}"),
        "github.event.release.tag_name",
    ),
    "an input of a release": injected(
        release(TWINE + in_run("inputs.version"), on="workflow_dispatch: {inputs: {version: }}"), "inputs.version"
    ),
    "an input in the event": injected(
        release(
            TWINE + in_run("github.event.inputs.Version"), on="workflow_dispatch: {inputs: {version: {type: string}}}"
        ),
        "github.event.inputs.Version",
    ),
    # Harmless ones.
    "an answer": Case(nothing(in_run(f"contains({TITLE}, 'x') && !startsWith({TITLE}, 'y') || {TITLE} == 'z'"))),
    "what is empty if it comes out": Case(nothing(in_run(f"{TITLE} && 'yes' || 'no'"))),
    "numbers and names of ours": Case(nothing(in_run("github.event.pull_request.number") + in_run("github.actor"))),
    "an object": Case(nothing(in_run("github.event.pull_request"))),
    "a property that is not there": Case(nothing(in_run(f"{TITLE}.length"))),
    "what the run has not": Case(nothing(in_run(TITLE), on="push:")),
    "by env": Case(nothing('- run: echo "$TITLE"\n  env:\n    TITLE: ${{ ' + TITLE + " }}\n")),
    "matrix, needs and steps": Case(
        nothing(in_run("matrix.x") + in_run("needs.a.outputs.b") + in_run("steps.a.outputs.b"))
    ),
    "a text": Case(nothing(in_run(f"'{TITLE}'"))),
    "what GitHub refuses": Case(
        nothing(in_run(f"{TITLE} {TITLE}") + in_run("(") + in_run("a.") + in_run("") + in_run("§"))
    ),
    "never closed": Case(nothing("- run: echo ${{ github.head_ref }\n")),
    "the ref, where nothing is released": Case(nothing(in_run("github.ref_name"), on="push:")),
    "a release's notes, where nothing is released": Case(nothing(in_run("github.event.release.body"), on="release:")),
    "an input, where nothing is released": Case(
        nothing(in_run("inputs.x"), on="workflow_dispatch: {inputs: {x: {type: string}}}")
    ),
    "a tag that is digits only": Case(release(TWINE + in_run("github.ref_name"))),
    "longer than GitHub takes": Case(nothing(in_run("github.head_ref || " + "a || " * 5_000 + "a"))),
    "a choice": Case(
        release(
            TWINE + in_run("inputs.index"),
            on="workflow_dispatch: {inputs: {index: {type: choice, options: [a, b]}, dry: {type: boolean}}}",
        )
    ),
    "in a name": Case(nothing("- run: make\n  name: ${{ " + TITLE + " }}\n")),
}


ROWS = rows({"strangers": STRANGERS, "injections": INJECTIONS})


@pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)
def test_tables(case: Case) -> None:
    assert judge({PATH: case.text}, strict=False) == findings(case.text, case.expected)
    assert judge({PATH: case.text}, strict=True) == findings(case.text, case.expected, Level.ERROR)
