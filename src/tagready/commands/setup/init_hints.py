"""What people should know beside what init writes: what would stop the first release, and what would start a second."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tagready.commands.setup.surroundings import Surroundings
from tagready.facts.actions.workflow_expressions import TAG, holds
from tagready.facts.actions.workflows import TEST_INDEX, Job, Step, Workflow, read_workflow
from tagready.facts.findings import WrongUse
from tagready.facts.places import find_places, judge
from tagready.facts.project import normalized
from tagready.facts.scaffolding import adoption, scaffold, stamps
from tagready.facts.scaffolding.compiled import compiled_by
from tagready.facts.scaffolding.scaffold import Tool


def hints(around: Surroundings, tool: Tool) -> Iterator[str]:
    """Yield a sentence for each: the file, why it matters, and what to do."""
    if len(around.facts.own) < len(scaffold.WORKFLOWS) or not around.is_own(around.facts.file(scaffold.REQUIREMENTS)):
        yield from _unpinned(around, tool)
    yield from _unstated(around)
    if "release.yml" not in around.facts.own:
        yield from _beside_ours(around)
        yield from _compiled(around)
        yield from outdated_checklist(around)
    if len(around.facts.own) < len(scaffold.WORKFLOWS):
        yield from _elsewhere(around)
        yield from _branch(around)
        yield from _tests(around)
        yield from _tags(around)
    yield from _changelog(around)


def _unpinned(around: Surroundings, tool: Tool) -> Iterator[str]:
    if tool.sha256 is None and not around.facts.is_tagready:
        yield (
            f"the index does not list tagready {tool.version}, or could not be asked, so its hash is missing and the "
            "workflows stop at their first step: run `tagready init --upgrade` once the index lists it"
        )


# -- the version -------------------------------------------------------------------------------------------------------


def _unstated(around: Surroundings) -> Iterator[str]:
    """Yield where the version is nowhere to be found, or to be bumped: then no other command works."""
    try:
        places = find_places(around.sources, around.config, lambda path: _bytes(around, path))
    except WrongUse as wrong:
        yield f"{wrong.what}, so status and prepare-release stop: {_guess(around) or wrong.fix}"
        return
    texts = {place.path: text for place in places.places if (text := around.read(place.path)) is not None}
    for found in judge(places, texts):
        yield f"{found.message}: {found.fix}"


def _bytes(around: Surroundings, path: str) -> bytes | None:
    text = around.read(path)
    return None if text is None else text.encode("utf-8", "surrogateescape")


#: A version as a module states it; and as incremental has it, which nothing of ours can write.
_STATES = re.compile(r"^__version__\s*(?::\s*\w+\s*)?=\s*(?P<value>['\"]\d|Version\()", re.MULTILINE)
#: Folders that no package is in.
_NO_PACKAGE = frozenset(("test", "tests", "docs", "doc", "examples", "benchmarks"))


def _guess(around: Surroundings) -> str | None:
    """Return what to do where just one module of the project's own package states a version."""
    listed = around.git.text("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "*.py").split("\0")
    inside = [path for path in listed if path and PurePosixPath(path).is_relative_to(around.root)]
    modules = [path for path in inside if normalized(around.facts.name) in map(normalized, _parts(path))]
    found = {path: match for path in modules if (match := _STATES.search(around.read(path) or ""))}
    if len(found) != 1:
        return None
    ((path, match),) = found.items()
    path = str(PurePosixPath(path).relative_to(around.root))
    if match["value"] == "Version(":
        return (
            f'{path} states it as a call, which is not rewritten: version-source = "tag" in [tool.tagready], and a '
            f'hook that writes the file: hooks.before-commit = [{{ run = "…", adds = ["{path}"] }}]'
        )
    return f'{path} seems to: version-files = ["{path}"] in [tool.tagready]'


def _parts(path: str) -> tuple[str, ...]:
    """Return the names of a module and of the folders that it is in, without those that a package never has."""
    parts = PurePosixPath(path).with_suffix("").parts
    return () if _NO_PACKAGE.intersection(parts[:-1]) else parts


# -- the workflows -----------------------------------------------------------------------------------------------------


def _beside_ours(around: Surroundings) -> Iterator[str]:
    """Yield the workflows of the project's own that upload beside the one that init writes, or that this one stops."""
    ours = around.facts.file("release.yml")
    for path, text in around.workflows().items():
        if stamps.read_stamp(text) is not None:
            continue
        try:
            workflow = read_workflow(text)
        except ValueError:
            continue  # what GitHub cannot read does nothing
        jobs = [job for job in workflow.jobs if _uploads(workflow, job)]
        if jobs:
            yield _uploader(f"{path}:{jobs[0].line}", workflow, jobs, ours)
        elif _waits_for_release(workflow):
            yield (
                f"{path}:{workflow.at.get('on').line} runs {_by_release(ours)}. Let it be called instead "
                f"(on: workflow_call), by a job of your own in {ours} with needs: announce"
            )


def _uploader(place: str, workflow: Workflow, jobs: list[Job], ours: str) -> str:
    when = _when(workflow, jobs)
    of_two = "of two uploads one fails, and the other may be what nobody has verified"
    why = _by_release(ours) if when == _BY_RELEASE else f"{when}, and {ours} does so for each tag: {of_two}"
    return (
        f"{place} uploads {why}. Remove the job {jobs[0].name} there, or keep it and leave ours out: "
        f'generated = ["{ours}"] in [tool.tagready]'
    )


_BY_RELEASE = "when a release is published"
#: What is done to a release then, of all that can be done to one.
_PUBLISHED = frozenset(("created", "published", "released", "prereleased"))


def _by_release(ours: str) -> str:
    """Return why a workflow no longer starts (GitHub's documentation, "Triggering a workflow from a workflow")."""
    return (
        f"{_BY_RELEASE}, and no longer would: {ours} publishes it with the token of its run, which starts no other "
        "workflow"
    )


def _waits_for_release(workflow: Workflow) -> bool:
    """Return whether a published release starts a workflow, and nothing calls it instead."""
    if "release" not in workflow.triggers or "workflow_call" in workflow.triggers:
        return False
    types = {each.text for each in workflow.triggers["release"].get("types").each}
    return not any(types) or bool(types & _PUBLISHED)


def _uploads(workflow: Workflow, job: Job) -> bool:
    """Return whether a job uploads to another index than one for tests."""
    steps = [step for step in job.steps if workflow.step_publishes(step)]
    return workflow.publishes(job) and not (steps and all(map(_is_test, steps)))


def _is_test(step: Step) -> bool:
    texts = (step.run, *(value for _, value in (*step.options.items, *step.given.items)))
    return any(TEST_INDEX.search(each.text) for each in texts)


def _when(workflow: Workflow, jobs: list[Job]) -> str:
    """Return what starts the upload; where that cannot be told from the conditions, the likelier of the two."""
    found = {world: {holds(job.at.get("if"), world) for job in jobs} for world in workflow.worlds()}
    by_tag = [truths for world, truths in found.items() if world.event == "push" and world.ref == TAG]
    by_release = [truths for world, truths in found.items() if world.event == "release"]
    if any(True in truths for truths in by_tag):
        return "when a tag is pushed"
    if any(truths != {False} for truths in by_release):
        return _BY_RELEASE
    return "when a tag is pushed" if any(truths != {False} for truths in by_tag) else "too"


def _compiled(around: Surroundings) -> Iterator[str]:
    compiled = compiled_by(around.sources.pyproject, around.read(around.path("setup.py")), around.workflows())
    if compiled:
        names = ", ".join(f'"{around.facts.file(name)}"' for name in ("release.yml", "release-readiness.yml"))
        yield (
            f"{compiled}, and {around.facts.file('release.yml')} builds one wheel, on plain Linux: if that has "
            "compiled code, no index takes it, and the job `build` fails. Let a job of your own make the wheels "
            f"before, and list the workflows that it is in: generated = [{names}] in [tool.tagready]. The "
            'documentation shows both, under "Publish platform wheels"'
        )


#: Headings of the checklist, of what is to be set up with a secret, and without.
_OF_SECRET, _OF_TRUST = re.compile(r"#+ .*PYPI_API_TOKEN"), re.compile(r"#+ .*Trusted Publishing")


def outdated_checklist(around: Surroundings) -> Iterator[str]:
    """Yield that the checklist, which is written once, asks for what `publish.trusted` has made of no use since."""
    if around.facts.trusted:
        heading, asks = _OF_SECRET, "a secret, and publish.trusted does without"
    else:
        heading, asks = _OF_TRUST, "what only publish.trusted would take"
    path = around.path(around.facts.checklist)
    lines = (around.read(path) or "").split("\n")
    number = next((number for number, line in enumerate(lines, start=1) if heading.match(line)), None)
    if number and "release.yml" not in around.facts.own:
        yield (
            f"{path}:{number} asks for {asks}: take the page away, let tagready init write it anew, and tick again "
            "what is done"
        )


def _elsewhere(around: Surroundings) -> Iterator[str]:
    host = around.facts.other_forge
    if host:
        yield (
            f"{around.remote} is at {host}, and only GitHub runs what is in {scaffold.FOLDER}: let your own "
            'CI run the same commands, and do without these files: generated = [".github/*"] in [tool.tagready]'
        )


def _branch(around: Surroundings) -> Iterator[str]:
    if around.branch_known:
        return
    asked = f"git remote set-head {around.remote} --auto, or " if around.remote else ""
    yield (
        f"nothing says which branch is the main one, so the workflows have {around.facts.default_branch}. If that is "
        f'wrong: {asked}release-branches = ["NAME"] in [tool.tagready]; then tagready init --upgrade'
    )


def _tests(around: Surroundings) -> Iterator[str]:
    if not around.facts.has_tests:
        yield (
            "no tests were found, so the job `test` of the workflows installs the project and runs none: say how they "
            'are run, test-commands = ["…"] in [tool.tagready], then tagready init --upgrade'
        )


def _tags(around: Surroundings) -> Iterator[str]:
    """Yield that a project's tags cannot be told from those of another one in this repository."""
    ours, listens = around.facts.file("release.yml"), f"tags: [{json.dumps(around.facts.tag_pattern)}]"
    others = [text for path, text in around.workflows().items() if not path.endswith(f"/{ours}")]
    shared = any(stamps.read_stamp(text) is not None and listens in text for text in others)
    if shared or (around.root and around.settled and not around.tags_known):
        yield (
            f"{around.facts.tag_example} would start {ours} and the release of each other "
            f'project here that has such tags: tag-format = "{normalized(around.facts.name)}-{{version}}" in '
            "[tool.tagready], then tagready init --upgrade"
        )


# -- the changelog -----------------------------------------------------------------------------------------------------


def _changelog(around: Surroundings) -> Iterator[str]:
    if around.news is not None:
        return
    changelog = around.changelog(around.read(around.changelog_path) or "")
    if adoption.has_overlines(changelog):
        yield (
            f"{around.changelog_path} has headings with a line above them, and towncrier writes none: let a template "
            "of your own write them (title_format = false), or take the lines away"
        )
    lines = adoption.unreleased_lines(changelog)
    if lines:
        yield (
            f"{around.changelog_path}:{lines[0]} says what is not released yet, and no release would take it up: "
            f"move each item into a fragment of its own (tagready add), and remove it there"
        )
