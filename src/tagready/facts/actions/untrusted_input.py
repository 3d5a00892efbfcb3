"""What a stranger wrote, where a workflow runs it: the code of a pull request, a text pasted into a script. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tagready.facts.actions.shell_commands import line_of
from tagready.facts.actions.workflow_expressions import (
    BRANCH,
    OPENING,
    Flow,
    World,
    expressions,
    flows,
    holds,
    parse,
    replaced,
)
from tagready.facts.actions.workflow_faults import INJECTION, STRANGERS_CODE, Fault
from tagready.facts.actions.workflow_yaml import NOTHING, At
from tagready.facts.actions.workflows import Job, Step, Workflow

# -- the code of a pull request ----------------------------------------------------------------------------------------

_OPEN_TRIGGERS = {"pull_request_target": BRANCH, "workflow_run": BRANCH}
_HEADS = (
    ("github", "head_ref"),
    ("github", "event", "pull_request", "head"),
    ("github", "event", "pull_request", "merge_commit_sha"),
    ("github", "event", "workflow_run", "head_sha"),
    ("github", "event", "workflow_run", "head_branch"),
    ("github", "event", "workflow_run", "head_commit"),
    ("github", "event", "workflow_run", "head_repository"),
    ("github", "event", "workflow_run", "pull_requests"),
)
_PULL_REF = re.compile(r"\bpull/\S+/(?:head|merge)\b")


def strangers_code(workflow: Workflow, job: Job) -> Iterator[Fault]:
    """Yield each checkout of a pull request's head, in a run that has this repository's rights.

    A checkout that says nothing of the pull request brings the base branch, and one that is the last step runs nothing.
    """
    for trigger, ref in _OPEN_TRIGGERS.items():
        world = World(trigger, ref, by_stranger=True)
        if trigger not in workflow.triggers or holds(job.at.get("if"), world) is False:
            continue
        for step in job.steps:
            line = _takes_head(workflow, job, step)
            if line and holds(step.condition, world) is not False and (step.run.text or step is not job.steps[-1]):
                yield Fault(line, STRANGERS_CODE, f"the pull request's own code is checked out, on {trigger}")


def _takes_head(workflow: Workflow, job: Job, step: Step) -> int | None:
    scopes = (step.given, job.at.get("env"), workflow.at.get("env"))
    if step.action == "actions/checkout":
        for value in (step.option("ref"), step.option("repository")):
            reached = [flow for source in expressions(value.text) for flow in _resolved(source, scopes)]
            if _PULL_REF.search(replaced(value.text, "x")) or any(
                flow.parts[: len(head)] == head for flow in reached for head in _HEADS
            ):
                return value.line
    done = {word for command in step.commands if command.words[0] == "git" for word in command.words}
    for command in step.commands:
        # What is fetched to be compared is not run.
        fetched = command.words[0] == "git" and bool(
            done & {"checkout", "switch", "merge", "reset", "pull", "worktree"}
        )
        if command.words[:3] == ("gh", "pr", "checkout") or (fetched and _PULL_REF.search(" ".join(command.words))):
            return line_of(step.run, command)
    return None


def _resolved(source: str, scopes: Sequence[At]) -> Iterator[Flow]:
    """Yield the values that can end up in an expression's text; one of `env` is what was put there."""
    for flow in flows(parse(source)):
        yield flow
        if flow.parts[0] == "env" and len(flow.parts) == 2:
            held = (value for scope in scopes for name, value in scope.items if name.lower() == flow.parts[1])
            for inner in expressions(next(held, NOTHING).text):
                yield from flows(parse(inner))


# -- a text in a script ------------------------------------------------------------------------------------------------

_ON_PULLS = ("pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment")
_ON_COMMENTS = ("issue_comment", "pull_request_review_comment", "commit_comment", "discussion_comment")
_AUTHOR = ("author.name", "author.email", "committer.name", "committer.email")
#: What strangers write, and by which events a run gets it.
_WRITTEN: dict[str, tuple[str, ...]] = {
    "head_ref": _ON_PULLS,
    **dict.fromkeys(
        (f"event.pull_request.{name}" for name in (
            "title", "body", "head.ref", "head.label", "head.repo.default_branch", "head.repo.description",
            "head.repo.homepage",
        )),
        _ON_PULLS,
    ),
    **dict.fromkeys(("event.issue.title", "event.issue.body"), ("issues", "issue_comment")),
    "event.comment.body": _ON_COMMENTS,
    "event.review.body": ("pull_request_review",),
    **dict.fromkeys(("event.discussion.title", "event.discussion.body"), ("discussion", "discussion_comment")),
    "event.pages.*.page_name": ("gollum",),
    **dict.fromkeys(
        (f"event.{commit}.{name}" for commit in ("head_commit", "commits.*") for name in ("message", *_AUTHOR)),
        ("push",),
    ),
    **dict.fromkeys(
        (f"event.workflow_run.{name}" for name in (
            "head_branch", "display_title", "head_commit.message", "head_repository.description",
            "pull_requests.*.head.ref", *(f"head_commit.{name}" for name in _AUTHOR),
        )),
        ("workflow_run",),
    ),
}  # fmt: skip
#: What people with write access choose: no matter elsewhere, but a release has more rights than they.
_CHOSEN: dict[str, tuple[str, ...]] = {
    "event.client_payload.*": ("repository_dispatch",),
    **dict.fromkeys(
        (f"event.release.{name}" for name in ("tag_name", "name", "body", "target_commitish")), ("release",)
    ),
}
_REF_NAMES = (("github", "ref"), ("github", "ref_name"), ("github", "event", "ref"))


def injections(workflow: Workflow, releases: bool) -> Iterator[Fault]:
    """Yield each expression in a script that somebody else can fill."""
    events = {*workflow.triggers}
    written = {**_WRITTEN, **(_CHOSEN if releases else {})}
    patterns = [
        ("github", *name.split("."))
        for name, by in written.items()
        # A reusable workflow gets the event of whoever calls it.
        if not events.isdisjoint((*by, "workflow_call"))
    ]
    if releases:
        patterns += _REF_NAMES if _ref_is_free(workflow) else ()
        patterns += _free_inputs(workflow)
    for job in workflow.jobs:
        for step in job.steps:
            script = step.option("script") if step.action == "actions/github-script" else step.run
            scopes = (step.given, job.at.get("env"), workflow.at.get("env"))
            for nth, source in enumerate(expressions(script.text)):
                if any(_matches(flow, pattern) for flow in _resolved(source, scopes) for pattern in patterns):
                    where = "a script" if step.uses is not NOTHING else "a shell"
                    yield Fault(script.line_of(OPENING, nth), INJECTION, f"{where} gets {_shown(source)}")


def _matches(flow: Flow, pattern: Sequence[str]) -> bool:
    shorter = len(flow.parts) < len(pattern)
    if (shorter and not flow.whole) or (len(flow.parts) > len(pattern) and pattern[-1] != "*"):
        return False
    return all(part == wanted or "*" in (part, wanted) for part, wanted in zip(flow.parts, pattern, strict=False))


def _ref_is_free(workflow: Workflow) -> bool:
    """Return whether somebody can choose the ref's name as they like: `v1$(id)` is a name that git allows."""
    if {"release", "workflow_dispatch", "workflow_call", "create", "delete"} & {*workflow.triggers}:
        return True
    push = workflow.triggers.get("push")
    if push is None:
        return False
    patterns = [each.text for key in ("tags", "branches") for each in push.get(key).each]
    return not patterns or any("*" in each for each in patterns if not each.startswith("!"))


def _free_inputs(workflow: Workflow) -> Iterator[tuple[str, ...]]:
    """Yield the inputs that are free text."""
    for trigger in ("workflow_dispatch", "workflow_call"):
        for name, declared in workflow.triggers.get(trigger, NOTHING).get("inputs").items:
            if declared.get("type").text not in ("boolean", "number", "choice", "environment"):
                yield "inputs", name.lower()
                yield "github", "event", "inputs", name.lower()


def _shown(source: str) -> str:
    source = " ".join(source.split())
    return f"`${{{{ {source if len(source) <= 80 else source[:79] + '…'} }}}}`"
