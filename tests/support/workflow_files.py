"""Workflow files: read as GitHub reads them, held against what may stand where, and planned without running them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

import expressions
from expressions import Node, Scope, WorkflowBug

# -- YAML --------------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core types, as GitHub has them: `on` is a word, and a date is text."""


_Loader.yaml_implicit_resolvers = {}
_SCALARS = [
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
]
for _kind, _shape, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_shape})$"), list(_first))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    """Take no key twice: GitHub refuses that, PyYAML takes the last one."""
    found: dict[Any, Any] = {}
    for key, value in node.value:
        name = loader.construct_object(key, deep=True)
        if name in found:
            raise WorkflowBug(f"the key {name!r} stands twice, in line {key.start_mark.line + 1}")
        found[name] = loader.construct_object(value, deep=True)
    return found


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    """Take 010 for ten, which is eight in the YAML that PyYAML knows."""
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def load(text: str) -> dict[str, Any]:
    """Return a workflow as plain values.

    Raises `WorkflowBug` if the text is no YAML, or no mapping with jobs.
    """
    try:
        workflow = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise WorkflowBug(f"this is no YAML: {error}") from None
    if not isinstance(workflow, dict) or not isinstance(workflow.get("jobs"), dict):
        raise WorkflowBug("this is no workflow: it has no jobs")
    return workflow


# -- triggers ----------------------------------------------------------------------------------------------------------


def matches(pattern: str, name: str) -> bool:
    """Whether a name matches one of GitHub's filter patterns, which are neither globs nor regular expressions."""
    return re.fullmatch(_regular(pattern), name) is not None


def _regular(pattern: str) -> str:
    def one(found: re.Match[str]) -> str:
        part, before = found[0], pattern[: found.start()]
        if part == "**/" and (not before or before.endswith("/")):
            return "(?:.*/)?"  # no folder at all will do
        return {"**/": ".*/", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}.get(part) or (
            part if part.startswith("[") else re.escape(part.removeprefix("\\"))
        )

    return re.sub(r"\*\*/|\*\*|\*|\[[^\]]+\]|\\.|.", one, pattern, flags=re.DOTALL)


def selected(patterns: Sequence[str], name: str) -> bool:
    """Whether a list of patterns selects a name: the last that matches decides, and `!` takes out."""
    chosen = False
    for pattern in patterns:
        if matches(pattern.removeprefix("!"), name):
            chosen = not pattern.startswith("!")
    return chosen


def triggers(workflow: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the events that start a workflow, with their filters."""
    on = workflow.get("on")
    if isinstance(on, str):
        return {on: {}}
    if isinstance(on, list):
        return {name: {} for name in on}
    if not isinstance(on, dict):
        raise WorkflowBug("nothing starts this workflow: it has no `on`")
    return {name: filters if isinstance(filters, dict) else {} for name, filters in on.items()}


def would_start(
    text: str, event: str, ref: str = "", *, changed: Sequence[str] | None = None, action: str = "opened"
) -> bool:
    """Whether an event starts a workflow.

    The ref is what was pushed (`refs/tags/v1.0`); for a pull request, the branch that it goes to. `changed` are the
    changed files, which are asked about only where the workflow filters by paths, and never for a tag.
    """
    filters = triggers(load(text)).get(event)
    if filters is None:
        return False
    if event == "push":
        kind, other = ("tags", "branches") if ref.startswith("refs/tags/") else ("branches", "tags")
        if not _ref_passes(filters, kind, ref.split("/", 2)[2], unless=other):
            return False
        return kind == "tags" or _paths_pass(filters, changed)
    if event in ("pull_request", "pull_request_target"):
        if action not in filters.get("types", ["opened", "synchronize", "reopened"]):
            return False
        return _ref_passes(filters, "branches", ref.removeprefix("refs/heads/")) and _paths_pass(filters, changed)
    return True


def _ref_passes(filters: Mapping[str, Any], kind: str, name: str, unless: str = "") -> bool:
    if kind in filters and f"{kind}-ignore" in filters:
        raise WorkflowBug(f"{kind} and {kind}-ignore cannot stand together")
    if kind in filters:
        return selected(_list(filters[kind]), name)
    if f"{kind}-ignore" in filters:
        return not selected(_list(filters[f"{kind}-ignore"]), name)
    # Filters for tags alone leave branches out, and the other way round.
    return not (unless and (unless in filters or f"{unless}-ignore" in filters))


def _paths_pass(filters: Mapping[str, Any], changed: Sequence[str] | None) -> bool:
    for key in ("paths", "paths-ignore"):
        if key in filters:
            if changed is None:
                raise ValueError(f"the workflow has a filter {key}: say which files changed")
            return any(selected(_list(filters[key]), path) == (key == "paths") for path in changed)
    return True


def dispatch_inputs(workflow: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a manual start: as given, else the default.

    Raises `WorkflowBug` for an unknown input, a missing one, or a choice that is not offered.
    """
    declared: Mapping[str, Any] = triggers(workflow).get("workflow_dispatch", {}).get("inputs") or {}
    if unknown := set(given) - set(declared):
        raise WorkflowBug(f"no such input: {', '.join(sorted(unknown))}")
    inputs: dict[str, Any] = {}
    for name, about in declared.items():
        about = about or {}
        value = given.get(name, about.get("default"))
        if about.get("required") and value in (None, ""):
            raise WorkflowBug(f"the input {name} is required")
        if about.get("type") == "choice" and value is None:
            value = about["options"][0]
        if about.get("type") == "choice" and value not in about["options"]:
            raise WorkflowBug(f"the input {name} cannot be {value!r}")
        inputs[name] = _typed(about.get("type"), value)
    return inputs


def _typed(kind: str | None, value: Any) -> Any:
    if kind == "boolean":
        return value in (True, "true")
    if kind == "number":
        return expressions.to_number(value)
    return expressions.to_text(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


# -- jobs --------------------------------------------------------------------------------------------------------------


class Leg(NamedTuple):
    """One run of a job: all of it, or one combination of its matrix."""

    job: str
    key: str  # the job's id, and the values of the matrix
    matrix: dict[str, Any]


def needs(job: Mapping[str, Any]) -> list[str]:
    """Return the jobs that a job names in `needs`."""
    return _list(job.get("needs"))


def order(workflow: Mapping[str, Any]) -> list[str]:
    """Return the jobs in an order in which they can run, else as they stand in the file.

    Raises `WorkflowBug` for a need that does not exist, and for a circle.
    """
    jobs = workflow["jobs"]
    done: list[str] = []
    while len(done) < len(jobs):
        ready = [name for name in jobs if name not in done and set(needs(jobs[name])) <= set(done)]
        if not ready:
            waiting = [name for name in jobs if name not in done]
            raise WorkflowBug(f"these jobs need each other, or what does not exist: {', '.join(waiting)}")
        done.append(ready[0])
    return done


def ancestors(workflow: Mapping[str, Any], name: str) -> list[str]:
    """Return every job that a job needs, directly or not."""
    found: list[str] = []
    for need in needs(workflow["jobs"][name]):
        found += [job for job in (*ancestors(workflow, need), need) if job not in found]
    return found


def combinations(matrix: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a matrix expands to: the product, without what `exclude` names, with what `include` adds."""
    axes = {name: values for name, values in matrix.items() if name not in ("include", "exclude")}
    originals = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    originals = [
        each
        for each in originals
        if not any(
            all(expressions.equal(each.get(name), value) for name, value in out.items())
            for out in _list(matrix.get("exclude"))
        )
    ]
    extended, added = [dict(each) for each in originals], []
    for include in _list(matrix.get("include")):
        fits = [
            place
            for place, each in enumerate(originals)
            if all(name not in each or expressions.equal(each[name], value) for name, value in include.items())
        ]
        for place in fits:
            extended[place].update(include)
        if not fits:
            added.append(dict(include))
    return extended + added


def legs(name: str, job: Mapping[str, Any], scope: Scope) -> list[Leg]:
    """Return the runs of a job, one for each combination of its matrix.

    Raises `WorkflowBug` for a matrix that is empty.
    """
    matrix = (job.get("strategy") or {}).get("matrix")
    if matrix is None:
        return [Leg(name, name, {})]
    matrix = expressions.fill(matrix, scope)
    if not isinstance(matrix, Mapping) or not (found := combinations(matrix)):
        raise WorkflowBug(f"the matrix of {name} has no combination")
    return [Leg(name, f"{name} ({', '.join(map(_word, each.values()))})", each) for each in found]


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, Mapping | list) else expressions.to_text(value)


def step_name(step: Mapping[str, Any]) -> str:
    """Return what GitHub calls a step: its name, else what it runs or uses."""
    text = step.get("name") or step.get("run") or step.get("uses") or ""
    line = str(text).strip().splitlines()[0] if str(text).strip() else ""
    return line if step.get("name") else f"Run {line}"


class PlannedStep(NamedTuple):
    """A step that a run can be stopped at."""

    job: str  # the leg's key; the job's id where its matrix is known in a run only
    place: int
    name: str
    uses: bool


def steps_of(text: str) -> list[PlannedStep]:
    """Return every step of a workflow, in the order in which they run, without running anything."""
    workflow = load(text)
    return [
        PlannedStep(key, place, step_name(step), "uses" in step)
        for name in order(workflow)
        for key in _keys(name, workflow["jobs"][name])
        for place, step in enumerate(workflow["jobs"][name].get("steps", ()))
    ]


def _keys(name: str, job: Mapping[str, Any]) -> list[str]:
    matrix = (job.get("strategy") or {}).get("matrix")
    if matrix is not None and any("${{" in text for text in strings(matrix)):
        return [name]
    return [leg.key for leg in legs(name, job, Scope({}))]


# -- what may stand where ----------------------------------------------------------------------------------------------


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a value, keys left out."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from strings(inner)


def trees(workflow: Mapping[str, Any]) -> Iterator[Node]:
    """Yield every expression of a workflow, those of an `if` without `${{ }}` too."""
    jobs = workflow["jobs"].values()
    for holder in (*jobs, *(step for job in jobs for step in job.get("steps", ()))):
        if isinstance(holder.get("if"), str) and "${{" not in holder["if"]:
            yield expressions.parse(holder["if"])
    for text in strings(workflow):
        yield from (part for part in expressions.pieces(text) if not isinstance(part, str))


_INPUTS = {"github", "vars", "inputs"}
_JOB = _INPUTS | {"needs", "strategy", "matrix"}
_STEP = _JOB | {"job", "runner", "env", "steps"}
_WITH_SECRETS = _STEP | {"secrets"}

# GitHub's table of context availability.
_AT_TOP = {"run-name": _INPUTS, "concurrency": _INPUTS, "env": _INPUTS | {"secrets"}}
_IN_JOB = {
    "name": _JOB, "runs-on": _JOB, "environment": _STEP, "concurrency": _JOB, "continue-on-error": _JOB,
    "timeout-minutes": _JOB, "defaults": _JOB | {"env"}, "env": _JOB | {"secrets"}, "outputs": _WITH_SECRETS,
    "strategy": _INPUTS | {"needs"}, "if": _INPUTS | {"needs"},
}  # fmt: skip
_IN_STEP = {
    "name": _WITH_SECRETS, "run": _WITH_SECRETS, "with": _WITH_SECRETS, "env": _WITH_SECRETS,
    "continue-on-error": _WITH_SECRETS, "timeout-minutes": _WITH_SECRETS, "working-directory": _WITH_SECRETS,
    "if": _STEP,
}  # fmt: skip
_PLAIN_AT_TOP = {"name", "on", "permissions", "defaults", "jobs"}
_PLAIN_IN_JOB = {"needs", "permissions", "steps"}
_PLAIN_IN_STEP = {"id", "uses", "shell"}


def check(workflow: Mapping[str, Any]) -> None:
    """Hold a workflow against what this runner can run, and each expression against where it stands.

    Raises `WorkflowBug` for an unknown key, a context that is not there, an action that is not pinned by its commit.
    """
    order(workflow)
    _check_keys("the workflow", workflow, _AT_TOP, _PLAIN_AT_TOP)
    for name, job in workflow["jobs"].items():
        _check_keys(f"the job {name}", job, _IN_JOB, _PLAIN_IN_JOB)
        if "runs-on" not in job or not job.get("steps"):
            raise WorkflowBug(f"the job {name} has no runs-on, or no steps")
        for index, step in enumerate(job["steps"]):
            _check_keys(f"step {index} of {name}", step, _IN_STEP, _PLAIN_IN_STEP)
            _check_step(f"step {index} of {name}", step)
        ids = [step["id"] for step in job["steps"] if "id" in step]
        if len(ids) != len(set(ids)):
            raise WorkflowBug(f"the job {name} has two steps with one id")


def _check_keys(where: str, holder: Mapping[str, Any], known: Mapping[str, set[str]], plain: set[str]) -> None:
    if unknown := set(holder) - set(known) - plain:
        raise WorkflowBug(f"{where} has what this runner does not know: {', '.join(sorted(map(str, unknown)))}")
    for key, contexts in known.items():
        trees = [expressions.condition(holder["if"])] if key == "if" and key in holder else _trees(holder.get(key))
        for part in (part for tree in trees for part in expressions.walk(tree)):
            if isinstance(part, expressions.Name) and part.name not in contexts:
                raise WorkflowBug(f"the context {part.name} cannot be used in `{key}` of {where}")
            if isinstance(part, expressions.Call) and part.name in expressions.STATUS_FUNCTIONS and key != "if":
                raise WorkflowBug(f"{part.name}() cannot be used in `{key}` of {where}")


def _trees(value: Any) -> list[Node]:
    return [part for text in strings(value) for part in expressions.pieces(text) if not isinstance(part, str)]


def _check_step(where: str, step: Mapping[str, Any]) -> None:
    if ("uses" in step) == ("run" in step):
        raise WorkflowBug(f"{where} needs one of `uses` and `run`")
    if "uses" in step and not re.fullmatch(r"[\w.-]+/[\w.-]+(?:/[\w./-]+)?@[0-9a-f]{40}", step["uses"]):
        raise WorkflowBug(f"{where} uses {step['uses']}, which is not pinned by a commit")
    if "with" in step and "run" in step:
        raise WorkflowBug(f"{where} has `with`, but runs a script")


# -- permissions -------------------------------------------------------------------------------------------------------

SCOPES = frozenset(
    {
        "actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token", "issues", "models",
        "packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses",
    }
)  # fmt: skip


def permissions(workflow: Mapping[str, Any], job: Mapping[str, Any], default: Mapping[str, str]) -> dict[str, str]:
    """Return what a job's token may do: what the job says, else the workflow, else the default. Unnamed is none.

    Raises `WorkflowBug` for a permission that does not exist.
    """
    said = job.get("permissions", workflow.get("permissions", default))
    if said in ("read-all", "write-all"):
        said = {scope: said.removesuffix("-all") for scope in SCOPES if (scope, said) != ("id-token", "read-all")}
    granted = dict(said or {})
    for scope, level in granted.items():
        if scope not in SCOPES or level not in ("read", "write", "none") or (scope, level) == ("id-token", "read"):
            raise WorkflowBug(f"no such permission: {scope}: {level}")
    return {scope: level for scope, level in granted.items() if level != "none"} | {"metadata": "read"}
