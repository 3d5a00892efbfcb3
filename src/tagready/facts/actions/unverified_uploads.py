"""What could be published though nobody has verified it, or be published by halves. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tagready.facts.actions.shell_commands import SOME_TEXT, Command, calls, line_of, program_name
from tagready.facts.actions.workflow_expressions import BRANCH, OPENING, World, holds
from tagready.facts.actions.workflow_faults import (
    CACHE,
    CANCELLED,
    OWN_CODE,
    SKIP_EXISTING,
    UNGATED,
    UNHEEDED,
    UNPINNED,
    Fault,
)
from tagready.facts.actions.workflow_yaml import NOTHING
from tagready.facts.actions.workflows import (
    BUILD_ACTIONS,
    INSPECTED,
    REFS,
    TEST_INDEX,
    Job,
    Step,
    Workflow,
    builds,
    uploads,
)

# -- what runs beside the upload ---------------------------------------------------------------------------------------

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)


def unpinned(job: Job) -> Iterator[Fault]:
    """Yield the actions of a publishing job that somebody else can move."""
    for uses in (job.at.get("uses"), *(step.uses for step in job.steps)):
        action = uses.text
        pinned = (
            "@sha256:" in action if action.startswith("docker://") else _COMMIT.fullmatch(action.rpartition("@")[2])
        )
        if action and not action.startswith("./") and not pinned:
            yield Fault(uses.line, UNPINNED, f"{action} is not pinned")


_TESTERS = frozenset(("pytest", "tox", "nox", "pre-commit", "make", "invoke", "coverage"))
_INSTALLS = {"uv": "sync", "poetry": "install", "pdm": "install", "pipenv": "install"}
_OWN_PACKAGE = re.compile(r"\.{1,2}(?:/.*)?(?:\[.*\])?|.*\.whl|.*\.tar\.gz|dist/.*|-e.*|--editable.*")
_SCRIPT = re.compile(r"(?:\./|\.\./)?[\w./-]+\.(?:py|sh)")
# A script that was fetched is not the project's.
_FETCHED = re.compile(r"\b(?:curl|wget)\b")


def beside_the_token(job: Job) -> Iterator[Fault]:
    """Yield the first step of a publishing job that runs the project's own code.

    A checkout alone runs nothing, so it is no finding.
    """
    checked_out = False
    for step in job.steps:
        found = None
        if step.action.startswith("./") or step.action in BUILD_ACTIONS:
            found = step.uses.line, step.uses.text
        for command in step.commands:
            if _own_code(command, checked_out and not _FETCHED.search(step.run.text)):
                shown = " ".join(command.words[:6]).replace(SOME_TEXT, "${{ … }}") + (
                    " …" if len(command.words) > 6 else ""
                )
                found = found or (line_of(step.run, command), f"`{shown}`")
        if found:
            yield Fault(found[0], OWN_CODE, f"{found[1]} runs in {job.name}, the job that publishes")
            return
        checked_out = checked_out or "checkout" in step.action


def _own_code(command: Command, checked_out: bool) -> bool:
    """Return whether a command builds, tests, installs or runs what belongs to the project."""
    if builds(command):
        return True
    if not command.tool:
        return False
    name, *rest = command.tool
    if program_name(name) in _TESTERS or any(calls(command, *each) for each in _INSTALLS.items()):
        return True
    if calls(command, "pip", "install") or calls(command, "pip3", "install"):
        return any(map(_OWN_PACKAGE.fullmatch, rest))
    if program_name(name).startswith("python") or name in ("bash", "sh"):
        name = next((word for word in rest if not word.startswith("-")), "")
        return checked_out and bool(_SCRIPT.fullmatch(name))
    return checked_out and name.startswith(("./", "../"))


def caches(workflow: Workflow, publishing: Sequence[Job]) -> Iterator[Fault]:
    """Yield the caches that are restored, in the run of a release, by jobs that build or publish."""
    before = {job.name: job for each in publishing for job in workflow.before(each)}
    building = [job for job in before.values() if _is_built_in(job) and job not in publishing]
    worlds = [
        world for world in workflow.worlds() if any(holds(job.at.get("if"), world) is not False for job in publishing)
    ]
    for job in (*publishing, *building):
        mode = job.at.get("cache-mode").text or workflow.at.get("cache-mode").text
        for step in job.steps if mode not in ("none", "write-only") else ():
            conditions = (job.at.get("if"), step.condition)
            runs = any(all(holds(each, world) is not False for each in conditions) for world in worlds)
            if runs and _has_cache(step):
                does = "builds" if job in building else "publishes"
                what = f"{step.uses.text.partition('@')[0]} restores a cache in {job.name}, which {does}"
                yield Fault(step.uses.line, CACHE, what)


def _is_built_in(job: Job) -> bool:
    """Return whether a job builds distributions, and hands on what it has built."""
    actions = {step.action for step in job.steps}
    built = not actions.isdisjoint(BUILD_ACTIONS) or any(builds(each) for step in job.steps for each in step.commands)
    return built and not actions.isdisjoint((INSPECTED, "actions/upload-artifact"))


def _has_cache(step: Step) -> bool:
    if step.action in ("actions/cache", "actions/cache/restore", "swatinem/rust-cache"):
        return step.option("lookup-only").text != "true"
    if step.action == "astral-sh/setup-uv":
        return step.option("enable-cache").text == "true"
    if step.action == "pyo3/maturin-action":
        return step.option("sccache").text == "true"
    asked = step.option("cache").text if "/setup-" in step.action else ""
    return asked not in ("", "false") and OPENING not in asked


# -- what is uploaded, and when ----------------------------------------------------------------------------------------


def cancelled(workflow: Workflow, publishing: Sequence[Job]) -> Iterator[Fault]:
    """Yield where another run can end one that publishes."""
    worlds = [world for world in workflow.worlds() if world.event not in _OF_PULLS]
    for where, at in (("the workflow", workflow.at), *((f"the job {job.name}", job.at) for job in publishing)):
        group = at.get("concurrency")
        option = group.get("cancel-in-progress")
        on = option is not NOTHING and any(
            holds(option, world) and any(holds(job.at.get("if"), world) is not False for job in publishing)
            for world in worlds
        )
        # With the run's own number in it, a group has one run, but for pull requests.
        if on and "github.run_id" not in group.get("group").text:
            yield Fault(option.line, CANCELLED, f"`cancel-in-progress` is on for {where}")


_OF_PULLS = ("pull_request", "pull_request_target")


def unheeded(workflow: Workflow, job: Job) -> Iterator[Fault]:
    """Yield where a job publishes though what it waits for has failed."""
    condition = job.at.get("if")
    if job.needs and _WHATEVER_COMES.search(condition.text) and not _HEEDS.search(condition.text):
        yield Fault(condition.line, UNHEEDED, f"the job {job.name} publishes even if {job.needs[0]} has failed")
    for each in workflow.before(job):
        may_fail = each.at.get("continue-on-error")
        if may_fail.text == "true" and any(_tests(command) for step in each.steps for command in step.commands):
            what = f"the tests in {each.name} may fail, and {job.name} publishes all the same"
            yield Fault(may_fail.line, UNHEEDED, what)


_WHATEVER_COMES = re.compile(r"\balways\s*\(|!\s*cancelled\s*\(")
_HEEDS = re.compile(r"\.result\b|\bsuccess\s*\(|!\s*failure\s*\(")


def _tests(command: Command) -> bool:
    return bool(command.tool) and program_name(command.tool[0]) in _TESTERS


def skips_existing(step: Step) -> Iterator[Fault]:
    """Yield where an upload passes over what is there; to a test index, that is how every commit is uploaded."""
    option = step.option("skip-existing", "skip_existing")
    if step.uploads and option.text == "true" and not any(TEST_INDEX.search(at.text) for _, at in step.options.items):
        yield Fault(option.line, SKIP_EXISTING, "`skip-existing` is on")
    for command in step.commands:
        if uploads(command) and not TEST_INDEX.search(" ".join(command.words)):
            used = next((word for word in command.words if word in ("--skip-existing", "--skip_existing")), None)
            if used:
                yield Fault(step.run.line_of(used), SKIP_EXISTING, f"`{used}` is on")


# Whatever a shell asks before it uploads.
_ASKS = re.compile(r"^\s*(?:if|case|test|\[\[?)\s|(?:&&|\|\|)", re.MULTILINE)


def ungated(workflow: Workflow, job: Job, read: Mapping[str, Workflow]) -> Iterator[Fault]:
    """Yield where code that nobody has reviewed is certainly published: no condition could keep it from that."""
    for trigger, world in _open_worlds(workflow):
        if _certainly_uploads(workflow, job, world, read):
            yield Fault(job.line, UNGATED, f"the job {job.name} publishes on {trigger}, too")
            return


def _certainly_uploads(workflow: Workflow, job: Job, world: World, read: Mapping[str, Workflow]) -> bool:
    if not all(holds(each.at.get("if"), world) for each in (job, *workflow.before(job))):
        return False
    called = read.get(job.calls.removeprefix("./"))
    if called:
        return any(_certainly_uploads(called, inner, world, {}) for inner in called.jobs)
    # What an action that nobody knows, or a script, makes of the event cannot be told.
    steps = (step for step in job.steps if step.uploads and not _ASKS.search(step.run.text))
    return any(holds(step.condition, world) for step in steps)


def _open_worlds(workflow: Workflow) -> Iterator[tuple[str, World]]:
    for event, options in workflow.triggers.items():
        if event in ("pull_request", "pull_request_target"):
            yield event, World(event, REFS[event], by_stranger=True)
        names = {each.text for each in options.get("branches").each}
        if event == "push" and (not options.items or names & {"*", "**"}):
            yield "every push", World(event, BRANCH, by_stranger=True)
