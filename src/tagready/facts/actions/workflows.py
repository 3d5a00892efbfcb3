"""What a workflow, a job and a step are and do: who uploads, who builds, and who gets the token. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tagready.facts.actions.shell_commands import Command, calls, commands, program_name
from tagready.facts.actions.workflow_expressions import BRANCH, OPENING, PULL, TAG, World, expressions, flows, parse
from tagready.facts.actions.workflow_yaml import NOTHING, At, read

# -- what a step does --------------------------------------------------------------------------------------------------

_UPLOAD_ACTION = "gh-action-pypi-publish"
_UPLOADERS = {
    "twine": "upload", "uv": "publish", "hatch": "publish", "flit": "publish", "poetry": "publish", "pdm": "publish",
    "maturin": "publish", "tagready": "publish",
}  # fmt: skip
#: Whether a text may be about uploading at all.
UPLOADER = re.compile(rf"{_UPLOAD_ACTION}|\b(?:{'|'.join(_UPLOADERS)})\b.*\b(?:upload|publish)\b", re.IGNORECASE)
#: By which name or address an index for tests goes.
TEST_INDEX = re.compile(r"test.?pypi", re.IGNORECASE)
#: By which name a script of the project's may do it.
_MAY_UPLOAD = re.compile(r"\b(?:upload|publish|release|deploy)", re.IGNORECASE)
_VARIABLES = re.compile(
    r"TWINE_PASSWORD|UV_PUBLISH_(?:TOKEN|PASSWORD)|HATCH_INDEX_AUTH|FLIT_PASSWORD|PDM_PUBLISH_PASSWORD|PYPI_API_TOKEN"
    r"|POETRY_PYPI_TOKEN_\w+|POETRY_HTTP_BASIC_\w+_PASSWORD|MATURIN_(?:PYPI_TOKEN|PASSWORD)"
)
_TOKEN_NAME = re.compile(r"pypi|twine")
_NO_TOKEN = re.compile(r"user|url|repo|name|project|environment")


class Step(NamedTuple):
    """A step of a job."""

    at: At
    uses: At
    run: At
    given: At
    options: At
    condition: At

    @property
    def action(self) -> str:
        """The action's name without its version, in lower case."""
        return self.uses.text.lower().partition("@")[0]

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands of the step's script, as far as a shell runs it."""
        other = self.at.get("shell").text.startswith(("python", "perl", "node"))
        return () if other or not self.run.text else commands(self.run.text)

    def option(self, *names: str) -> At:
        """Return what the action is given under one of the names; GitHub ignores their case."""
        return next((value for key, value in self.options.items if key.lower() in names), NOTHING)

    @property
    def uploads(self) -> bool:
        """Whether the step uploads distributions, as far as it names who does it."""
        if _UPLOAD_ACTION in self.action:
            return True
        by_maturin = self.action == "pyo3/maturin-action" and self.option("command").text in ("upload", "publish")
        return by_maturin or any(map(uploads, self.commands))

    @property
    def asks_only(self) -> bool:
        """Whether the step is `tagready publish --preflight`, which needs the token and uploads nothing."""
        return any(calls(each, "tagready", "publish") and "--preflight" in each.words for each in self.commands)


def uploads(command: Command) -> bool:
    """Return whether a command uploads distributions."""
    words = {*command.words}
    if words & {"--dry-run", "--help"}:
        return False
    if _is_setup(command):
        return "upload" in words
    if calls(command, "tagready", "publish"):
        return not words & {"--preflight", "--confirm"}
    return calls(command, "maturin", "upload") or any(calls(command, *each) for each in _UPLOADERS.items())


def _is_setup(command: Command) -> bool:
    by_python = command.tool[1:] if program_name(*command.tool[:1] or ("",)).startswith("python") else command.tool
    return next((word for word in by_python if not word.startswith("-")), "").endswith("setup.py")


def builds(command: Command) -> bool:
    """Return whether a command runs a build backend."""
    words = {*command.words}
    if not command.tool:
        return False
    if _is_setup(command) or program_name(command.tool[0]) in ("build", "pyproject-build", "cibuildwheel"):
        return True
    if calls(command, "pdm", "publish"):
        return "--no-build" not in words
    if calls(command, "poetry", "publish"):
        return "--build" in words
    return any(calls(command, program, *names) for program, names in _BUILDERS.items())


_BUILDERS = {
    **dict.fromkeys(("uv", "hatch", "poetry", "pdm", "tagready"), ("build",)),
    "flit": ("build", "publish"), "maturin": ("build", "sdist", "publish"), "pip": ("wheel",),
}  # fmt: skip
#: An action that builds, and hands on what it has built.
INSPECTED = "hynek/build-and-inspect-python-package"
#: The actions that build.
BUILD_ACTIONS = ("pypa/cibuildwheel", INSPECTED)


def tokens(at: At, variable: str = "") -> Iterator[tuple[str, int]]:
    """Yield the upload tokens that reach a value, and their lines; `variable` is the name that it gets."""
    for nth, source in enumerate(expressions(at.text)):
        for flow in flows(parse(source)):
            name = flow.parts[1] if flow.parts[0] == "secrets" and len(flow.parts) == 2 else ""
            if name and (_VARIABLES.fullmatch(variable) or _TOKEN_NAME.search(name)) and not _NO_TOKEN.search(name):
                yield f"secrets.{name.upper()}", at.line_of(OPENING, nth)


# -- a workflow --------------------------------------------------------------------------------------------------------


class Job(NamedTuple):
    """A job of a workflow: its line is that of its name."""

    name: str
    line: int
    at: At
    steps: tuple[Step, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """The jobs that must have come to a good end before."""
        return tuple(each.text for each in self.at.get("needs").each)

    @property
    def calls(self) -> str:
        """The reusable workflow that the job is."""
        return self.at.get("uses").text


class Workflow(NamedTuple):
    """A workflow, read."""

    at: At
    jobs: tuple[Job, ...]
    triggers: Mapping[str, At]
    names_uploader: bool

    @property
    def publishes_tags(self) -> bool:
        """Whether a pushed tag, or the release that is made of it, starts an upload, or what is not looked into."""
        started = any(world.event in ("push", "release") and world.ref == TAG for world in self.worlds())
        return started and any(job.calls or self.publishes(job) for job in self.jobs)

    def publishes(self, job: Job) -> bool:
        """Return whether a job uploads distributions; where nobody names an uploader, one that gets a token does."""
        return any(self.step_publishes(step) for step in job.steps) or (
            not self.names_uploader and any(True for _ in given_tokens(job.at.get("env")))
        )

    def step_publishes(self, step: Step) -> bool:
        """Return whether a step uploads distributions."""
        if step.uploads:
            return True
        if step.asks_only or step.action.startswith("actions/"):
            return False
        # An action that nobody knows, and gets the token, is there to upload.
        by_action = bool(step.action) and any(True for _ in given_tokens(step.options))
        known = any(each.tool and program_name(each.tool[0]) in _UPLOADERS for each in step.commands)
        by_script = not self.names_uploader or (not known and bool(_MAY_UPLOAD.search(step.run.text)))
        return by_action or (by_script and any(True for _ in _step_tokens(step)))

    def before(self, job: Job) -> tuple[Job, ...]:
        """Return the jobs that a job needs, and those that these need."""
        by_name = {each.name: each for each in self.jobs}
        found: dict[str, Job] = {}
        names = list(job.needs)
        while names:
            name = names.pop()
            if name in by_name and name not in found:
                found[name] = by_name[name]
                names += by_name[name].needs
        return tuple(found.values())

    def worlds(self) -> Iterator[World]:
        """Yield the circumstances under which the workflow runs."""
        for event, options in self.triggers.items():
            if event == "push":
                of_tags = any(key.startswith("tags") for key, _ in options.items)
                of_branches = any(key.startswith("branches") for key, _ in options.items)
                if of_tags or not of_branches:
                    yield World(event, TAG)
                if of_branches or not of_tags:
                    yield World(event, BRANCH)
            else:
                yield World(event, REFS.get(event, ""))


#: How the ref of a run begins, by its event.
REFS = {"pull_request": PULL, "pull_request_target": BRANCH, "release": TAG, "schedule": BRANCH}


def given_tokens(mapping: At) -> Iterator[tuple[str, int]]:
    """Yield the upload tokens in the values of an `env:`, a `with:` or a `secrets:`, and their lines."""
    for key, value in mapping.items:
        yield from tokens(value, key)


def _step_tokens(step: Step) -> Iterator[tuple[str, int]]:
    yield from given_tokens(step.given)
    yield from given_tokens(step.options)
    yield from tokens(step.run)


def read_workflow(text: str) -> Workflow:
    """Return a workflow; raises ValueError(line, why) for what is none."""
    at = read(text)
    jobs = at.get("jobs")
    if not jobs.items or at.get("on") is NOTHING:
        raise ValueError(at.line, "it has no `on:`, or no `jobs:`")
    on = at.get("on")
    triggers = dict(on.items) or {each.text: NOTHING for each in on.each}
    made = tuple(
        Job(name, jobs.keys.get(name, job.line), job, tuple(map(_step, job.get("steps").each)))
        for name, job in jobs.items
    )
    # Commands are looked at only where the text says that it is worth it.
    named = bool(UPLOADER.search(text)) and any(step.uploads for job in made for step in job.steps)
    return Workflow(at, made, triggers, named)


def _step(at: At) -> Step:
    return Step(at, *(at.get(key) for key in ("uses", "run", "env", "with", "if")))
