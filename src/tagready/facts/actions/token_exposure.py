"""Where a workflow gives the token, an identity or rights to more than what uploads. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tagready.facts.actions.shell_commands import calls
from tagready.facts.actions.workflow_expressions import OPENING, Flow, expressions, flows, parse
from tagready.facts.actions.workflow_faults import IDENTITY, INHERITED, PERMISSIVE, TOKEN_SHOWN, TOKEN_SPREAD, Fault
from tagready.facts.actions.workflow_yaml import NOTHING, At
from tagready.facts.actions.workflows import Job, Step, Workflow, given_tokens, tokens

_VERBS = ("upload", "publish")
#: The options by which uploaders take a password or a token.
_PASSWORDS = {
    "twine": ("-p", "--password"),
    "uv": ("-t", "--token", "-p", "--password"),
    "hatch": ("-a", "--auth"),
    "poetry": ("-p", "--password"),
    "pdm": ("-P", "--password"),
    "maturin": ("-p", "--password"),
}


def spread(workflow: Workflow) -> Iterator[Fault]:
    """Yield where the token, or everything, is given to more than the step that uploads."""
    scopes = [workflow.at, *(at for job in workflow.jobs for at in (job.at, *(step.at for step in job.steps)))]
    for at in scopes:
        for key in ("env", "with"):
            for _, value in at.get(key).items:
                for name, line in _every_secret(value):
                    yield Fault(line, TOKEN_SPREAD, f"{name} of the repository is in one variable")
    for job in workflow.jobs:
        for name, line in given_tokens(job.at.get("env")):
            yield Fault(line, TOKEN_SPREAD, f"{name} is in the `env:` of the whole job {job.name}")
        for step in job.steps:
            yield from _shown_token(step)
            if not (workflow.step_publishes(step) or step.asks_only):
                for name, line in (*given_tokens(step.given), *given_tokens(step.options)):
                    yield Fault(line, TOKEN_SPREAD, f"{name} is given to a step that does not upload")


def _every_secret(at: At) -> Iterator[tuple[str, int]]:
    for nth, source in enumerate(expressions(at.text)):
        if Flow(("secrets",), True) in flows(parse(source)):
            yield "every secret", at.line_of(OPENING, nth)


def _shown_token(step: Step) -> Iterator[Fault]:
    pasted = [Fault(line, TOKEN_SHOWN, f"{name} is written into the script") for name, line in tokens(step.run)]
    yield from pasted
    for command in step.commands if not pasted else ():
        options = next((named for program, named in _PASSWORDS.items() if calls(command, program, *_VERBS)), ())
        used = next((word for word in command.words if word.partition("=")[0] in options), None)
        if used:
            yield Fault(step.run.line_of(used), TOKEN_SHOWN, f"the token is an argument, {used.partition('=')[0]}")


def inherited(workflow: Workflow) -> Iterator[Fault]:
    """Yield the reusable workflows that get all secrets."""
    for job in workflow.jobs:
        if job.at.get("secrets").text == "inherit":
            yield Fault(job.at.get("uses").line, INHERITED, f"{job.calls} gets `secrets: inherit`")


#: What has a use for an identity of its own, or may have: then `id-token: write` is right, or cannot be judged.
_WITH_IDENTITY = re.compile(
    r"attest|sigstore|cosign|slsa|oidc|id.token|provenance|trusted|credentials|npm|cargo|gem|login"
)
_WITHOUT_IDENTITY = frozenset((
    "actions/cache", "actions/checkout", "actions/download-artifact", "actions/github-script", "actions/setup-node",
    "actions/setup-python", "actions/upload-artifact", "astral-sh/setup-uv", "pypa/cibuildwheel",
    "softprops/action-gh-release", "ncipollo/release-action",
))  # fmt: skip


def identity(workflow: Workflow, publishing: Sequence[Job]) -> Iterator[Fault]:
    """Yield where jobs can get an identity that have no use for it."""
    wide = workflow.at.get("permissions").get("id-token")
    others = [job for job in workflow.jobs if job not in publishing and _needs_no_identity(job)]
    for job in others:
        own = job.at.get("permissions").get("id-token")
        if own.text == "write":
            yield Fault(own.line, IDENTITY, f"the job {job.name} has `id-token: write`, and does not publish")
    taking = [job.name for job in others if job.at.get("permissions") is NOTHING]
    if wide.text == "write" and taking:
        yield Fault(wide.line, IDENTITY, f"`id-token: write` holds for jobs that do not publish ({', '.join(taking)})")


def _needs_no_identity(job: Job) -> bool:
    if job.calls:
        return False
    actions = {step.action for step in job.steps if step.uses is not NOTHING}
    return actions <= _WITHOUT_IDENTITY and not any(_WITH_IDENTITY.search(step.run.text.lower()) for step in job.steps)


def permissions(workflow: Workflow, publishing: Sequence[Job]) -> Iterator[Fault]:
    """Yield where GITHUB_TOKEN may do everything, or what nobody has said."""
    for where, at in (("the workflow", workflow.at), *((f"the job {job.name}", job.at) for job in publishing)):
        if at.get("permissions").text == "write-all":
            yield Fault(at.get("permissions").line, PERMISSIVE, f"{where} has `permissions: write-all`")
    # A workflow that is only called has what its caller gives it.
    if workflow.at.get("permissions") is NOTHING and {*workflow.triggers} != {"workflow_call"}:
        silent = [job for job in publishing if job.at.get("permissions") is NOTHING]
        yield from (
            Fault(job.line, PERMISSIVE, f"the job {job.name} publishes, and has no `permissions:`")
            for job in silent[:1]
        )
