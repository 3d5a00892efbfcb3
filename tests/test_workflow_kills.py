"""The release workflow, with its machine gone at every step: run again, it ends as if nothing had been."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

import workflow_files
from actions import How, Run, stops
from buildable import SDIST, WHEEL
from releasing import FLOW, RELEASE, Site, sites, summary
from warehouse import TOKEN

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the workflows are for Linux"),
]

Make = Callable[..., Site]
KEYS = f"{FLOW}\nrebuild = false"
SEES_TOKEN = {("preflight", "Look at the token"), ("publish", "Upload what the index lacks")}


class State(NamedTuple):
    """What a release leaves behind."""

    files: dict[str, bytes]
    releases: list[tuple[str, str, str, bool, bool, dict[str, bytes]]]
    latest: str | None


def state(site: Site) -> State:
    releases = [
        (each.tag, each.title, each.body, each.draft, each.prerelease, each.contents()) for each in site.forge.releases
    ]
    return State(site.index.bytes(), releases, site.forge.latest)


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    with sites(tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="module")
def undisturbed(make: Make) -> State:
    site = make(KEYS)
    site.tag()
    run = site.release()
    assert run.execute() == "success", run.log
    return state(site)


@pytest.fixture
def site(make: Make) -> Site:
    site = make(KEYS)
    site.tag()
    return site


def steps_of(site: Site, *jobs: str) -> list[tuple[tuple[str, int], How]]:
    text = site.project.show(f".github/workflows/{RELEASE}", "v1.4.0")
    return [(place, how) for place, how in stops(text) if place[0] in jobs]


def must_have_converged(site: Site, run: Run, undisturbed: State) -> None:
    assert state(site) == undisturbed
    assert site.index.written == Counter({WHEEL: 1, SDIST: 1})
    assert Counter(site.index.uploads_taken()) == Counter({WHEEL: 1, SDIST: 1})
    assert run.secrets_seen(TOKEN) <= SEES_TOKEN
    assert [
        step.name for step in run.executed if TOKEN in step.output + step.summary + json.dumps(dict(step.outputs))
    ] == []


def test_killed_at_every_step_and_the_failed_jobs_run_again(site: Site, undisturbed: State) -> None:
    """Each attempt goes one step further than the one before. The card is left out: each of them would write one."""
    first = site.release("recovery")
    again: Callable[..., Any] = first.execute
    for place, how in steps_of(site, "preflight"):
        assert again(stop_at=place, how=how) == "failure"
        assert first.stopped, (place, how)
        again = first.rerun_failed
    assert first.rerun_failed(stop_at=("build", 0)) == "failure"
    assert {name: first.results[name] for name in ("preflight", "verify", "test")} == dict.fromkeys(
        ("preflight", "verify", "test"), "success"
    )

    run = site.release("recovery")
    again = run.execute
    places = steps_of(site, "verify", "test", "build", "draft", "publish", "confirm", "announce")
    assert len(places) == 90
    for place, how in places:
        assert again(stop_at=place, how=how) == "failure"
        assert run.stopped, (place, how, run.log)
        assert run.results[place[0]] == "failure", run.log
        again = run.rerun_failed
    assert run.rerun_failed() == "success", run.log

    must_have_converged(site, run, undisturbed)


@pytest.mark.parametrize("job", ["build", "draft", "publish", "confirm", "announce"])
def test_killed_and_all_jobs_run_again(site: Site, undisturbed: State, job: str) -> None:
    """Killed in each step that leaves something behind, or looks at what is there; the card is written each time."""
    text = site.project.show(f".github/workflows/{RELEASE}", "v1.4.0")
    acting = [
        (step.job, step.place)
        for step in workflow_files.steps_of(text)
        if step.job == job and not step.name.startswith(("Run actions/checkout", "Run actions/download", "Install"))
    ]
    assert len(acting) >= 2
    run = site.release()
    again: Callable[..., Any] = run.execute
    for place in acting:
        assert again(stop_at=place, how="kill-during") == "failure"
        assert run.stopped, (place, run.log)
        assert run.results["recovery"] == "success", run.log
        assert "Re-run failed jobs" in summary(run, "recovery")
        again = run.rerun_all
    assert run.rerun_all() == "success", run.log

    must_have_converged(site, run, undisturbed)


def test_killed_while_it_uploads(site: Site, undisturbed: State) -> None:
    """At other moments than those of its first output."""
    run = site.release("recovery")
    assert run.execute(stop_at=("publish", 0)) == "failure"
    upload = ("publish", len(run.workflow["jobs"]["publish"]["steps"]) - 1)
    for tenths in range(3, 13):
        if run.rerun_failed(stop_at=upload, how="kill-during", delay=tenths / 10) == "success":
            raise AssertionError("a run that was killed has succeeded")
    assert run.rerun_failed() == "success", run.log

    must_have_converged(site, run, undisturbed)
