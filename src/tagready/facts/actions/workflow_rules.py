"""What in a workflow could leak the token, or publish what was not verified. Pure: texts in, findings out.

Precision comes first: what cannot be told from the text alone, such as what a script of the project does, is no
finding.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tagready.facts.actions import token_exposure, untrusted_input, unverified_uploads
from tagready.facts.actions.workflow_expressions import holds
from tagready.facts.actions.workflow_faults import CHECKS, TOKEN_SPREAD, UNREADABLE, Fault
from tagready.facts.actions.workflows import UPLOADER, Job, Workflow, given_tokens, read_workflow
from tagready.facts.findings import Finding, Level, Report, finding

RULE = "workflow-unsafe"


def judge(workflows: Mapping[str, str], *, strict: bool) -> Report:
    """Return what is unsafe in workflows: the texts of `.github/workflows/*.yml` and `*.yaml` as committed, by path.

    Everything is found at once, sorted by path and line; each finding is a warning, under `strict` an error. Nothing
    is said of a file that is no workflow and names no uploader.
    """
    found: list[Finding] = []
    read: dict[str, Workflow] = {}
    for path, text in workflows.items():
        try:
            read[path] = read_workflow(text)
        except ValueError as problem:
            if UPLOADER.search(text):
                line, what = problem.args
                found.append(_finding(path, Fault(line, UNREADABLE, f"this is no workflow that can be read ({what})")))
    for path, workflow in read.items():
        found += [_finding(path, fault) for fault in dict.fromkeys(_faults(workflow, read))]
    if strict:
        found = [replace(each, level=Level.ERROR) for each in found]
    return Report(tuple(sorted(found, key=_place)))


def _finding(path: str, fault: Fault) -> Finding:
    return finding(RULE, f"{fault.what}: {fault.check.why}", fault.check.fix, path, fault.line)


def _place(found: Finding) -> tuple[str, int, str]:
    return found.path or "", found.line or 0, found.message


def _faults(workflow: Workflow, read: Mapping[str, Workflow]) -> Iterator[Fault]:
    """Yield what is wrong in a workflow; `read` are all that it may call, by path."""
    for job in workflow.jobs:
        yield from untrusted_input.strangers_code(workflow, job)
    worlds = tuple(workflow.worlds())
    jobs = tuple(
        job
        for job in workflow.jobs
        # One that no event of the workflow lets run publishes nothing.
        if (workflow.publishes(job) or _hands_on_to(job, read))
        and any(holds(job.at.get("if"), world) is not False for world in worlds)
    )
    wide = tuple(given_tokens(workflow.at.get("env")))
    yield from untrusted_input.injections(workflow, releases=bool(jobs or wide))
    yield from (Fault(line, TOKEN_SPREAD, f"{name} is in the `env:` of the whole workflow") for name, line in wide)
    if not jobs:
        return
    yield from token_exposure.spread(workflow)
    yield from token_exposure.inherited(workflow)
    yield from token_exposure.identity(workflow, jobs)
    yield from token_exposure.permissions(workflow, jobs)
    yield from unverified_uploads.cancelled(workflow, jobs)
    yield from unverified_uploads.caches(workflow, jobs)
    for job in jobs:
        yield from unverified_uploads.unpinned(job)
        yield from unverified_uploads.beside_the_token(job)
        yield from unverified_uploads.ungated(workflow, job, read)
        yield from unverified_uploads.unheeded(workflow, job)
        for step in job.steps:
            yield from unverified_uploads.skips_existing(step)


def _hands_on_to(job: Job, read: Mapping[str, Workflow]) -> bool:
    """Return whether a job is a reusable workflow that uploads: one of ours, or another that gets a token."""
    if job.calls.startswith("./"):
        called = read.get(job.calls[2:])
        return called is not None and any(map(called.publishes, called.jobs))
    return bool(job.calls) and any(True for _ in given_tokens(job.at.get("secrets")))


# -- what zizmor says --------------------------------------------------------------------------------------------------


def zizmor_findings(output: str) -> tuple[Finding, ...]:
    """Return what `zizmor --format=json` has found, as warnings, sorted by path and line.

    Raises ValueError for any other text.
    """
    try:
        found = [_of_zizmor(each) for each in json.loads(output)]
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration) as problem:
        raise ValueError(f"no findings of zizmor: {problem!r}") from None
    return tuple(sorted(dict.fromkeys(found), key=_place))


def _of_zizmor(each: dict[str, Any]) -> Finding:
    place = next(place for place in each["locations"] if place["symbolic"]["kind"] == "Primary")
    path = place["symbolic"]["key"]["Local"]["verbatim_path"].replace("\\", "/")
    what = f"zizmor: {each['ident']}: {each['desc']} ({place['symbolic']['annotation']})"
    line = place["concrete"]["location"]["start_point"]["row"] + 1
    return finding(RULE, what, f"do as {each['url']} says", path[max(path.find(".github/"), 0) :], line)


def added(findings: Iterable[Finding], known: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that are not among known ones of the same file, on whatever lines those were."""
    left = Counter((found.path, found.message) for found in known)
    new = []
    for found in findings:
        if left[found.path, found.message]:
            left[found.path, found.message] -= 1
        else:
            new.append(found)
    return tuple(new)


def merged(ours: Iterable[Finding], theirs: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return our findings and zizmor's, sorted by path and line; without those of its that ours tell of, too."""
    ours = tuple(ours)
    # The reason at its end says which check a message is of.
    checks = [(found, check) for found in ours for check in CHECKS if found.message.endswith(f": {check.why}")]
    told = {(found.path, found.line, audit) for found, check in checks for audit in check.audits}
    new = [found for found in theirs if (found.path, found.line, found.message.split(": ")[1]) not in told]
    return tuple(sorted((*ours, *new), key=_place))
