"""tagready publish: it uploads what the index lacks, once, and says where each file stands, however it ends."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urljoin

import pytest
from pypi_simple import PYPI_SIMPLE_ENDPOINT
from twine.utils import TEST_REPOSITORY

from dists import make_both, make_sdist, make_wheel, sha256
from faults import Fault, FaultProxy, Kind, Phase
from indexes import Index
from projects import Result, make_project
from publishing import (
    COMMIT,
    QUICK,
    SDIST,
    WHEEL,
    Told,
    actions,
    all_end,
    asked,
    children,
    describe,
    environment,
    isolate,
    make_platform_wheel,
    make_release,
    on_linux,
    published,
    run,
    spawn,
    wait_until,
)
from tagready.commands.publish import Options, Published, configured, resume
from tagready.doors.release_folder import described_by
from tagready.facts.findings import Finding, Refused, Report, Skipped, WorldFailed, WrongUse
from tagready.facts.publishing.index_rules import OnIndex
from warehouse import ONE_FACTOR, TOKEN, UNVERIFIED, Scope, Warehouse, make_token

POSTS = "/legacy/"


@pytest.fixture(autouse=True)
def _only_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("PYPI_API_TOKEN", TOKEN)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with a wheel and an sdist, and their release.json."""
    return make_release(tmp_path / "dist")


def refused(options: Options, told: Told | None = None) -> Refused:
    with pytest.raises(Refused) as raised:
        published(options, told)
    return raised.value


def failed(options: Options, told: Told | None = None, **patience: Any) -> WorldFailed:
    with pytest.raises(WorldFailed) as raised:
        published(options, told, QUICK._replace(**patience))
    return raised.value


def through(proxy: FaultProxy, index: Warehouse, dist: Path) -> Options:
    """Return what is asked for where a proxy stands before the index; the token is not asked about first."""
    return Options(
        dist, probe=False, repository_url=proxy.through(index.upload_url), index_url=proxy.through(index.simple_url)
    )


def rules(problem: Refused) -> list[str]:
    return [found.rule for found in problem.report.findings]


def stand(problem: Refused | WorldFailed) -> dict[str, str]:
    """Return how each file stands, as it is said of a run that did not finish."""
    return {file["name"]: file["action"] for file in problem.about["files"]}


def uploaded(index: Warehouse) -> list[str]:
    """Return the files of which an upload was tried, in order."""
    return [name for name, _ in index.uploads() if name]


def is_ours(index: Warehouse, dist: Path) -> bool:
    """Whether the index has each file of a folder once, byte for byte, and nothing else."""
    files = {path.name: sha256(path) for path in dist.iterdir() if path.name.endswith((".whl", ".tar.gz"))}
    return {name: file.sha256 for name, file in index.files.items()} == files and set(index.written.values()) == {1}


# -- undisturbed -------------------------------------------------------------------------------------------------------


def test_a_release(warehouse: Warehouse, dist: Path) -> None:
    told = Told()
    done = published(asked(warehouse, dist), told)
    files = tuple(described_by(dist / name) for name in (WHEEL, SDIST))
    standings = tuple(OnIndex(file, "uploaded", file.sha256) for file in files)  # type: ignore[arg-type]
    assert done == Published("demo", "1.4.0", "v1.4.0", COMMIT, "127.0.0.1", "PYPI_API_TOKEN", "", standings, Report())
    assert told.lines == ["ask 127.0.0.1 whether it takes the token", f"upload {WHEEL}", f"upload {SDIST}"]
    assert [(seen.method, seen.path, seen.file, seen.status) for seen in warehouse.requests] == [
        ("POST", POSTS, None, 400),
        ("GET", "/simple/demo/", None, 404),
        ("POST", POSTS, WHEEL, 200),
        ("GET", "/simple/demo/", None, 200),
        ("POST", POSTS, SDIST, 200),
        ("GET", "/simple/demo/", None, 200),
    ]
    assert is_ours(warehouse, dist)


def test_again(warehouse: Warehouse, dist: Path) -> None:
    for path in (WHEEL, SDIST):
        warehouse.put(dist / path)
    told = Told()
    done = published(asked(warehouse, dist), told)
    assert actions(done.standings) == {WHEEL: "present", SDIST: "present"}
    assert told.lines == ["ask 127.0.0.1 whether it takes the token"]
    assert uploaded(warehouse) == []


def test_without_asking_first(warehouse: Warehouse, dist: Path) -> None:
    published(asked(warehouse, dist, probe=False))
    assert warehouse.uploads() == [(WHEEL, 200), (SDIST, 200)]


@pytest.mark.parametrize(("there", "missing"), [(WHEEL, SDIST), (SDIST, WHEEL)])
def test_half_of_it_is_there(there: str, missing: str, warehouse: Warehouse, dist: Path) -> None:
    warehouse.put(dist / there, days=13)
    done = published(asked(warehouse, dist))
    assert actions(done.standings) == {there: "present", missing: "uploaded"}
    assert uploaded(warehouse) == [missing]
    assert is_ours(warehouse, dist)


def test_older_versions_are_nobodys_concern(warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    for version in ("1.3.0", "1.4.0rc1", "1.4.1", "2.0"):
        warehouse.put(make_wheel(tmp_path / "old", version=version), days=100)
    published(asked(warehouse, dist))
    assert uploaded(warehouse) == [WHEEL, SDIST]


def test_a_yanked_file_is_there(warehouse: Warehouse, dist: Path) -> None:
    warehouse.put(dist / WHEEL, yanked="bad")
    assert actions(published(asked(warehouse, dist)).standings) == {WHEEL: "present", SDIST: "uploaded"}


def test_another_spelling_of_the_name(warehouse: Warehouse, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    make_both(dist, "My-Demo", "1.4.0")
    done = published(asked(warehouse, dist))
    assert (done.project, done.version, set(actions(done.standings).values())) == ("my-demo", "1.4.0", {"uploaded"})


# -- what the index lists ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hashes", [True, False])
def test_html_alone(hashes: bool, warehouse: Warehouse, dist: Path) -> None:
    warehouse.json, warehouse.hashes = False, hashes
    warehouse.put(dist / WHEEL)
    if hashes:
        assert actions(published(asked(warehouse, dist)).standings) == {WHEEL: "present", SDIST: "uploaded"}
    else:
        assert stand(failed(asked(warehouse, dist))) == {WHEEL: "unverifiable", SDIST: "missing"}
        assert uploaded(warehouse) == []


@pytest.mark.parametrize(("version", "action"), [("1.4.0", "unverifiable"), ("1.3.0", "missing")])
def test_a_listing_without_hashes(version: str, action: str, warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    warehouse.hashes = False
    there = warehouse.put(make_wheel(tmp_path / "there", version=version)).name
    problem = failed(asked(warehouse, dist))
    assert problem.what == (f"127.0.0.1 lists {there} without a SHA-256, so nobody can tell whose bytes they are")
    assert problem.fix == (
        "give the address of a listing with hashes (PEP 503, PEP 691) with --index-url; nothing was uploaded"
    )
    assert stand(problem) == {WHEEL: action, SDIST: "missing"}
    assert uploaded(warehouse) == []


def test_a_new_project_whose_listing_turns_out_to_be_without_hashes(warehouse: Warehouse, dist: Path) -> None:
    warehouse.hashes = False
    problem = failed(asked(warehouse, dist))
    assert "nothing was uploaded" not in problem.fix
    assert stand(problem) == {WHEEL: "unverifiable", SDIST: "missing"}


@pytest.mark.parametrize("reads", [1, 2, 5])
def test_a_listing_that_is_stale(reads: int, warehouse: Warehouse, dist: Path) -> None:
    """What it does not show is sent again, and the index says that it has it: nothing is written twice."""
    warehouse.put(dist / WHEEL)
    warehouse.stale_reads = reads
    warehouse._old = {}
    published(asked(warehouse, dist))
    assert is_ours(warehouse, dist)


@pytest.mark.parametrize("lag", [1, 3])
def test_a_listing_that_lags(lag: int, warehouse: Warehouse, dist: Path) -> None:
    warehouse.lag = lag
    told = Told()
    done = published(asked(warehouse, dist), told)
    assert actions(done.standings) == {WHEEL: "uploaded", SDIST: "uploaded"}
    assert told.lines[1:3] == [f"upload {WHEEL}", f"upload {SDIST}"]
    waits = [line.rpartition(";")[0] for line in told.lines[3:]]
    assert waits
    assert set(waits) <= {f"127.0.0.1 took {name}, and does not list it yet" for name in (WHEEL, SDIST)}
    assert is_ours(warehouse, dist)


def test_a_listing_that_never_comes(warehouse: Warehouse, dist: Path) -> None:
    warehouse.lag = 10_000
    problem = failed(asked(warehouse, dist), listed_within=0.3)
    assert (problem.what, problem.fix) == (
        f"127.0.0.1 took {WHEEL}, {SDIST}, and did not list it within 0.3 seconds",
        "look again later: tagready publish --confirm",
    )
    assert stand(problem) == {WHEEL: "missing", SDIST: "missing"}
    # Each was sent once more, for another one might have said that it was taken; nothing was written twice.
    assert uploaded(warehouse) == [WHEEL, SDIST, WHEEL, SDIST]
    assert warehouse.written == {WHEEL: 1, SDIST: 1}


@pytest.mark.parametrize("kind", ["login", "wrong-type"])
@pytest.mark.parametrize("at", [1, 2])
def test_an_upload_that_another_one_says_was_taken(kind: Kind, at: int, warehouse: Warehouse, dist: Path) -> None:
    with FaultProxy(warehouse.root, Fault(kind, at, method="POST")) as proxy:
        published(through(proxy, warehouse, dist), patience=QUICK._replace(listed_within=0.2))
    assert is_ours(warehouse, dist)


def test_a_listing_that_cannot_be_had(warehouse: Warehouse, dist: Path) -> None:
    with FaultProxy(warehouse.root, Fault("503", times=None, method="GET", retry_after=None)) as proxy:
        options = asked(warehouse, dist)._replace(index_url=proxy.through(warehouse.simple_url))
        told = Told()
        problem = failed(options, told, attempts=3)
    said = f"the index could not be asked ({proxy.root}simple/: it answers 503 Service Unavailable)"
    assert (problem.what, problem.fix) == (
        said, "run the same command again when it answers: it does what is missing",
    )  # fmt: skip
    assert told.lines[1:] == [f"{said}; again in 0.01 s", f"{said}; again in 0.02 s"]
    assert stand(problem) == {}


@pytest.mark.parametrize(
    ("repository", "listing"),
    [(None, PYPI_SIMPLE_ENDPOINT), ("pypi", PYPI_SIMPLE_ENDPOINT), ("testpypi", urljoin(TEST_REPOSITORY, "/simple/"))],
)
def test_the_listing_is_that_of_the_index(
    repository: str | None, listing: str, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual ones, which nobody can reach from here."""
    monkeypatch.delenv("TAGREADY_INDEX_URL")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9/")
    problem = failed(Options(dist, confirm=True, repository=repository), attempts=1)
    assert problem.what == f"the index could not be asked ({listing}: Connection refused)"


# -- what is there already, and is not ours ----------------------------------------------------------------------------

INSTEAD = (
    'what an index has, it keeps: prepare-release 1.4.1, with a fragment that says "1.4.0 {}; 1.4.1 takes its place."'
)
REBUILT, INCOMPLETE = (
    INSTEAD.format("was published from another build"),
    INSTEAD.format("was never complete on the index"),
)


@pytest.mark.parametrize("other", [WHEEL, SDIST])
def test_other_bytes(other: str, warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    for path in make_both(tmp_path / "other", seed=1):
        if path.name == other:
            theirs = warehouse.put(path).sha256
    problem = refused(asked(warehouse, dist))
    what = f"the index holds other bytes under {other}: sha256 {theirs}, and ours is {sha256(dist / other)}"
    assert problem.report == Report((Finding("dist-conflict", what, REBUILT, other),))
    assert stand(problem) == {WHEEL: "missing", SDIST: "missing"} | {other: "conflicting"}
    assert problem.about["resume"] == ""
    assert uploaded(warehouse) == []


def test_other_bytes_of_the_second_file_after_the_first_came(warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    """Somebody else publishes at the same time."""
    theirs = make_sdist(tmp_path / "other", seed=1)

    class Meanwhile(Told):
        def says(self, text: str) -> None:
            if text == f"upload {SDIST}":
                warehouse.put(theirs)

    problem = refused(asked(warehouse, dist), Meanwhile())
    assert rules(problem) == ["dist-conflict"]
    assert stand(problem) == {WHEEL: "uploaded", SDIST: "conflicting"}
    assert warehouse.written == {WHEEL: 1, SDIST: 1}


def test_a_file_that_is_none_of_ours(warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    other = "demo-1.4.0-cp313-cp313-win_amd64.whl"
    warehouse.put(make_wheel(tmp_path / "other", filename=other, seed=1))
    problem = refused(asked(warehouse, dist))
    what = f"the index has 1.4.0 already, with files that are none of ours ({other})"
    fix = f"if they are yours, put them beside the others; if not: {REBUILT}"
    assert problem.report == Report((Finding("version-not-newer", what, fix),))
    assert stand(problem) == {WHEEL: "missing", SDIST: "missing"}
    assert uploaded(warehouse) == []
    done = published(asked(warehouse, dist, skip=("version-not-newer",)))
    assert actions(done.standings) == {WHEEL: "uploaded", SDIST: "uploaded"}
    assert done.report.ok
    assert done.report.skipped == (Skipped("version-not-newer", "set aside with --skip"),)
    done = published(asked(warehouse, dist, preflight=True, skip=("version-not-newer",)))
    assert done.report.skipped == (Skipped("version-not-newer", "set aside with --skip (nothing was found)"),)


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("dist-conflict", "dist-conflict cannot be skipped: without it the result would be undefined"),
        ("token-missing", "token-missing cannot be skipped: without it the result would be undefined"),
        ("dist-untracked", "dist-untracked cannot be skipped: without it the result would be undefined"),
        ("no-such", "there is no rule no-such"),
    ],
)
def test_what_cannot_be_skipped(rule: str, what: str, warehouse: Warehouse, dist: Path) -> None:
    for more in ({}, {"confirm": True}, {"preflight": True}):
        with pytest.raises(WrongUse) as raised:
            published(asked(warehouse, dist, skip=(rule,), **more))
        assert raised.value.what == what
    assert warehouse.requests == []


# -- what the index says to an upload ----------------------------------------------------------------------------------


def test_a_closed_release(warehouse: Warehouse, dist: Path) -> None:
    warehouse.put(dist / WHEEL, days=15)
    problem = refused(asked(warehouse, dist))
    what = (
        f"127.0.0.1 lacks {SDIST}, and takes no more files for 1.4.0: "
        "Uploading new files to releases older than 14 days is not allowed."
    )
    assert problem.report == Report((Finding("release-closed", what, INCOMPLETE, SDIST),))
    assert stand(problem) == {WHEEL: "present", SDIST: "missing"}
    assert problem.about["resume"] == ""


def test_a_closed_release_that_is_complete_is_fine(warehouse: Warehouse, dist: Path) -> None:
    for name in (WHEEL, SDIST):
        warehouse.put(dist / name, days=500)
    assert set(actions(published(asked(warehouse, dist)).standings).values()) == {"present"}


def test_a_name_that_was_deleted(warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    warehouse.put(make_sdist(tmp_path / "there", seed=1))
    warehouse.delete(SDIST)
    problem = refused(asked(warehouse, dist))
    what = f"the name {SDIST} was used on 127.0.0.1 by a file that was deleted, and is never free again"
    assert problem.report == Report((Finding("dist-conflict", what, INCOMPLETE, SDIST),))
    assert stand(problem) == {WHEEL: "uploaded", SDIST: "missing"}


def test_the_same_bytes_under_another_name(warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    """The index says that it has it, and never lists it by our name."""
    other = tmp_path / "other" / "demo-1.4.0-1-py3-none-any.whl"
    other.parent.mkdir()
    other.write_bytes((dist / WHEEL).read_bytes())
    warehouse.put(other)
    with pytest.raises(Refused) as raised:
        published(asked(warehouse, dist, skip=("version-not-newer",)), patience=QUICK._replace(listed_within=0.2))
    problem = raised.value
    (found,) = problem.report.findings
    assert (found.rule, found.path, found.fix) == ("dist-conflict", WHEEL, INCOMPLETE)
    assert found.message.startswith(
        f"127.0.0.1 says that it has {WHEEL}, and does not list it: the name was used and deleted, or the same bytes "
        f"are there under another name (File already exists ('{WHEEL}', with blake2_256 hash "
    )
    assert warehouse.written == {other.name: 1, SDIST: 1}


def test_a_second_sdist(warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    warehouse.put(make_sdist(tmp_path / "there", filename="demo-1.4.0.zip", seed=1))
    assert rules(refused(asked(warehouse, dist))) == ["version-not-newer"]
    problem = failed(asked(warehouse, dist, skip=("version-not-newer",)))
    assert (problem.what, problem.stderr) == (
        f"127.0.0.1 rejects {SDIST} (status 400)", "Only one sdist may be uploaded per release.",
    )  # fmt: skip
    assert problem.fix == f"mend what it names; where another file was taken before, {INCOMPLETE}"
    assert stand(problem) == {WHEEL: "uploaded", SDIST: "missing"}


def test_a_readme_that_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    """Only the index finds it: twine's own check passes over a description without a content type."""
    dist = tmp_path / "dist"
    for make in (make_wheel, make_sdist):
        make(
            dist, headers="Description-Content-Type: text/x-rst\n", readme=".. include:: a\n\n.. raw:: html\n\n   <b>\n"
        )
    describe(dist)
    problem = failed(asked(warehouse, dist))
    assert problem.what == f"127.0.0.1 rejects {WHEEL} (status 400)"
    assert problem.stderr.startswith("The description failed to render for 'text/x-rst'. See ")
    assert stand(problem) == {WHEEL: "missing", SDIST: "missing"}
    assert uploaded(warehouse) == [WHEEL]


class Healing(Told):
    """Sees to it that something passes once it was told of so many times."""

    def __init__(self, heal: Callable[[], object], after: int = 1, word: str = "again in") -> None:
        super().__init__()
        self._heal, self._left, self._word = heal, after, word

    def says(self, text: str) -> None:
        super().says(text)
        self._left -= self._word in text
        if self._left == 0:
            self._heal()


def test_uploads_that_are_switched_off_for_a_while(warehouse: Warehouse, dist: Path) -> None:
    warehouse.uploads_disabled = True
    told = Healing(lambda: setattr(warehouse, "uploads_disabled", False), 2)
    published(asked(warehouse, dist), told)
    why = (
        f"{WHEEL}: 127.0.0.1 answers 403 New uploads are temporarily disabled. "
        f"See {warehouse.root}help/#admin-intervention for more information."
    )
    assert told.lines[1:] == [
        f"upload {WHEEL}", f"{why}; again in 0.01 s", f"upload {WHEEL}", f"{why}; again in 0.02 s", f"upload {WHEEL}",
        f"upload {SDIST}",
    ]  # fmt: skip


def test_uploads_that_stay_switched_off(warehouse: Warehouse, dist: Path) -> None:
    warehouse.read_only = True
    problem = failed(asked(warehouse, dist), attempts=3)
    assert (problem.what, problem.fix, problem.stderr) == (
        f"127.0.0.1 did not take {WHEEL} in 3 attempts",
        "run the same command again when it does better: it does what is missing",
        f"{WHEEL}: 127.0.0.1 answers 403 Read-only mode: Uploads are temporarily disabled.",
    )
    assert uploaded(warehouse) == [WHEEL] * 3


@pytest.mark.parametrize("said", ["1", "date"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_pause_that_is_asked_for(said: str, method: str, warehouse: Warehouse, dist: Path) -> None:
    with FaultProxy(warehouse.root, Fault("429", method=method, retry_after=said)) as proxy:
        options = through(proxy, warehouse, dist)
        told, start = Told(), time.monotonic()
        published(options, told)
        took = time.monotonic() - start
    (line,) = (line for line in told.lines if "again in" in line)
    assert "429 Too Many Requests" in line
    assert took > float(line.rpartition("again in ")[2].removesuffix(" s")) >= (0.9 if said == "1" else 0.01)
    assert is_ours(warehouse, dist)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_pause_that_nobody_would_wait_for(method: str, warehouse: Warehouse, dist: Path) -> None:
    with FaultProxy(warehouse.root, Fault("503", times=None, method=method, retry_after="301")) as proxy:
        options = through(proxy, warehouse, dist)
        problem = failed(options)
    assert (problem.what, problem.fix) == (
        "127.0.0.1 wants to be left alone for 301 seconds",
        "run the same command again after that: it does what is missing",
    )
    assert not warehouse.written


def test_too_many_new_projects(warehouse: Warehouse, dist: Path) -> None:
    warehouse.new_projects = 0
    problem = failed(asked(warehouse, dist))
    assert (problem.what, problem.stderr) == (
        f"127.0.0.1 rejects {WHEEL} (status 429)", "Too many new projects created",
    )  # fmt: skip
    assert uploaded(warehouse) == [WHEEL]


def test_an_address_without_its_slash(warehouse: Warehouse, dist: Path) -> None:
    problem = failed(asked(warehouse, dist)._replace(repository_url=warehouse.upload_url.rstrip("/")))
    assert problem.what == f"127.0.0.1 rejects {WHEEL} (status 400)"
    assert problem.stderr.startswith(f"twine says: {warehouse.upload_url.rstrip('/')} attempted to redirect to")
    assert not warehouse.written


def test_several_at_the_same_time(warehouse: Warehouse, dist: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: published(asked(warehouse, dist)), range(3)))
    assert [set(actions(done.standings)) for done in runs] == [{WHEEL, SDIST}] * 3
    assert is_ours(warehouse, dist)


# -- the token ---------------------------------------------------------------------------------------------------------


def make_one(project: str = "demo") -> str:
    return (
        f"make a token for the project {project} (for its first release: for the whole account) at 127.0.0.1, put it"
        " into PYPI_API_TOKEN (on GitHub: a secret of that name in the environment that the job names, under Settings),"
        " then re-run the failed jobs"
    )


def test_a_new_project_with_a_token_of_the_account_and_of_the_project(
    warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_token([1, ["demo"]])
    warehouse.tokens[token] = Scope.of("other")  # the token of a project that is not there is for no project
    monkeypatch.setenv("PYPI_API_TOKEN", token)
    problem = refused(asked(warehouse, dist))
    words = "Invalid API Token: project-scoped token is not valid for project: 'demo'"
    what = f"127.0.0.1 does not accept the token in PYPI_API_TOKEN ({words})"
    assert problem.report == Report((Finding("token-refused", what, make_one()),))
    assert problem.about["resume"].startswith("tagready publish --dist ")
    monkeypatch.setenv("PYPI_API_TOKEN", TOKEN)
    published(asked(warehouse, dist))
    assert is_ours(warehouse, dist)


def test_a_token_that_is_no_good_is_refused_before_anything_else(warehouse: Warehouse, dist: Path) -> None:
    warehouse.tokens.clear()
    problem = refused(asked(warehouse, dist))
    words = f"Invalid or non-existent authentication information. See {warehouse.root}help/#invalid-auth for more"
    what = f"127.0.0.1 does not accept the token in PYPI_API_TOKEN ({words} information.)"
    assert problem.report == Report((Finding("token-refused", what, make_one()),))
    assert [(seen.method, seen.status) for seen in warehouse.requests] == [("POST", 403)]


def test_a_token_for_another_project_is_not_sent(
    warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYPI_API_TOKEN", make_token([1, ["other"]]))
    problem = refused(asked(warehouse, dist))
    what = "the token in PYPI_API_TOKEN is for other, not for demo"
    assert problem.report == Report((Finding("token-malformed", what, make_one()),))
    assert warehouse.requests == []


def test_a_token_with_a_condition_that_nobody_can_read_is_tried(
    warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_token([99])
    warehouse.tokens[token] = Scope()
    monkeypatch.setenv("PYPI_API_TOKEN", token)
    done = published(asked(warehouse, dist))
    assert [(found.rule, str(found.level)) for found in done.report.findings] == [("token-malformed", "warning")]


@pytest.mark.parametrize("scope", [UNVERIFIED, ONE_FACTOR])
def test_an_account_that_may_not_upload(scope: Scope, warehouse: Warehouse, dist: Path) -> None:
    warehouse.tokens[TOKEN] = scope
    problem = failed(asked(warehouse, dist))
    assert problem.what == f"127.0.0.1 rejects {WHEEL} (status 403)"
    assert problem.stderr.startswith("User 'releaser', associated with the API token used, does not have ")
    assert problem.fix.startswith("if it is the token: make a token for the project demo ")


def test_a_token_that_is_revoked_between_the_files(warehouse: Warehouse, dist: Path) -> None:
    told = Healing(warehouse.tokens.clear, word=f"upload {SDIST}")
    problem = refused(asked(warehouse, dist), told)
    assert rules(problem) == ["token-refused"]
    assert stand(problem) == {WHEEL: "uploaded", SDIST: "missing"}
    warehouse.tokens[TOKEN] = Scope()
    done = published(asked(warehouse, dist))
    assert actions(done.standings) == {WHEEL: "present", SDIST: "uploaded"}
    assert is_ours(warehouse, dist)


def test_everything_that_is_wrong_is_said_at_once(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "dist", leave_out=["RECORD"])
    monkeypatch.setenv("PYPI_API_TOKEN", "")
    assert sorted(set(rules(refused(asked(warehouse, tmp_path / "dist"))))) == [
        "dist-metadata", "dist-missing", "token-missing",
    ]  # fmt: skip
    assert warehouse.requests == []


# -- Trusted Publishing ------------------------------------------------------------------------------------------------


#: Who asks GitHub has another library than who asks the index.
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A job on GitHub that an index over https trusts with the project demo."""
    with Warehouse(tls=True) as index:
        for name, value in {**index.github(), **dict.fromkeys(AUTHORITIES, str(index.ca_file))}.items():
            monkeypatch.setenv(name, value)
        index.publisher = Scope.of("demo")
        index.projects.add("demo")
        yield index


def attestation(path: Path, **instead: str) -> Path:
    """Write what looks like an attestation beside a distribution; nobody here verifies its signature."""
    said = {"name": path.name, "sha256": sha256(path)} | instead
    statement = {"subject": [{"name": said["name"], "digest": {"sha256": said["sha256"]}}]}
    envelope = {"statement": base64.b64encode(json.dumps(statement).encode()).decode(), "signature": "AA=="}
    target = path.with_name(f"{path.name}.publish.attestation")
    target.write_text(json.dumps({"version": 1, "verification_material": {}, "envelope": envelope}))
    return target


def test_trusted(job: Warehouse, dist: Path) -> None:
    done = published(asked(job, dist, trusted=True))
    assert (done.source, set(actions(done.standings).values())) == ("Trusted Publishing", {"uploaded"})
    assert is_ours(job, dist)
    assert [file.attestations for file in job.files.values()] == [(), ()]


def test_trusted_with_attestations(job: Warehouse, dist: Path) -> None:
    sent = {name: json.loads(attestation(dist / name).read_text()) for name in (WHEEL, SDIST)}
    done = published(asked(job, dist, trusted=True))
    assert done.attested == "attested for 2 files (PEP 740)"
    assert {name: list(file.attestations) for name, file in job.files.items()} == {
        name: [content] for name, content in sent.items()
    }


def test_attestations_are_left_out_where_nobody_wants_them(job: Warehouse, dist: Path) -> None:
    for name in (WHEEL, SDIST):
        attestation(dist / name)
    done = published(asked(job, dist, trusted=True, attestations=False))
    assert done.attested == ""
    assert [file.attestations for file in job.files.values()] == [(), ()]


def test_attestations_go_with_no_token(warehouse: Warehouse, dist: Path) -> None:
    """An index refuses them then."""
    for name in (WHEEL, SDIST):
        attestation(dist / name)
    published(asked(warehouse, dist))
    assert is_ours(warehouse, dist)


def test_minting_is_tried_again(job: Warehouse, dist: Path) -> None:
    job.oidc = False
    told = Healing(lambda: setattr(job, "oidc", True), 2)
    published(asked(job, dist, trusted=True), told)
    what = "no upload token could be had from 127.0.0.1 for this run (403 Client Error: Forbidden for url: "
    assert [line.startswith(what) for line in told.lines] == [True, True, False, False]
    assert is_ours(job, dist)
    job.oidc = False
    problem = failed(asked(job, dist, trusted=True), attempts=2)
    assert problem.what == "no upload token could be had from 127.0.0.1 for this run"


def test_certificates_of_ones_own(dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Warehouse(tls=True) as index:
        problem = failed(asked(index, dist), attempts=1)
        assert "certificate verify failed" in problem.what
        monkeypatch.setenv("TWINE_CERT", str(index.ca_file))
        published(asked(index, dist))
        assert is_ours(index, dist)


# -- what is in the folder ---------------------------------------------------------------------------------------------


def test_without_a_release_file_the_distributions_speak_for_themselves(warehouse: Warehouse, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    make_both(dist)
    done = published(asked(warehouse, dist))
    assert (done.project, done.version, done.tag, done.commit) == ("demo", "1.4.0", None, None)
    assert is_ours(warehouse, dist)


def test_changed_bytes(warehouse: Warehouse, dist: Path) -> None:
    before = sha256(dist / SDIST)
    make_sdist(dist, seed=1)
    problem = refused(asked(warehouse, dist))
    what = f"{SDIST} is not the file that was built and verified: its SHA-256 is not {before}"
    fix = "take the files of the build again, all of them"
    assert problem.report == Report((Finding("dist-metadata", what, fix, str(dist / SDIST)),))
    assert uploaded(warehouse) == []


def test_a_file_of_the_build_is_gone(warehouse: Warehouse, dist: Path) -> None:
    (dist / SDIST).unlink()
    problem = refused(asked(warehouse, dist))
    assert [(found.rule, found.path) for found in problem.report.findings] == [("dist-missing", str(dist / SDIST))]
    assert uploaded(warehouse) == []


def test_what_the_tag_gate_refused_is_not_published(warehouse: Warehouse, tmp_path: Path) -> None:
    found = {
        "rule": "entry-missing",
        "level": "error",
        "message": "no entry",
        "fix": "write one",
        "path": "C",
        "line": 1,
    }
    warning = {"rule": "date-implausible", "level": "warning", "message": "late", "fix": "", "path": None, "line": None}
    dist = make_release(tmp_path / "dist", verdict={"ok": False, "findings": [found, warning], "skipped": []})
    problem = refused(asked(warehouse, dist))
    what = f"when this was built, the tag gate said of {COMMIT[:10]}: no entry"
    assert problem.report == Report((Finding("entry-missing", what, "write one", "C", 1),))
    assert uploaded(warehouse) == []


def test_distributions_of_another_tag(warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "v1.4.1")
    assert rules(refused(asked(warehouse, dist))) == ["version-mismatch"]
    monkeypatch.setenv("GITHUB_REF_NAME", "v1.4.0")
    published(asked(warehouse, dist))


def test_an_empty_folder_and_none(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert rules(refused(asked(warehouse, tmp_path / "empty"))) == ["dist-missing"]
    with pytest.raises(WrongUse, match=r"there is no folder .*/none"):
        published(asked(warehouse, tmp_path / "none"))
    assert uploaded(warehouse) == []


PLATFORMS = ("cp311-cp311-win_amd64", "cp312-cp312-macosx_11_0_arm64", "cp39-abi3-manylinux2014_x86_64")


def test_platform_wheels_beside_the_files_of_the_build(warehouse: Warehouse, dist: Path) -> None:
    names = [make_platform_wheel(dist, each, seed).name for seed, each in enumerate(PLATFORMS, 1)]
    done = published(asked(warehouse, dist))
    assert set(actions(done.standings)) == {WHEEL, SDIST, *names}
    assert is_ours(warehouse, dist)
    # A wheel for everybody comes first, so that the release can be installed as soon as it is there; the sdist last.
    assert (uploaded(warehouse)[0], uploaded(warehouse)[-1]) == (WHEEL, SDIST)


def test_many_files_side_by_side(warehouse: Warehouse, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    make_both(dist)
    for number in range(38):
        make_wheel(dist, filename=f"demo-1.4.0-cp3{number}-cp3{number}-win_amd64.whl", seed=number + 1)
    slow = Slow(warehouse)
    with FaultProxy(warehouse.root, on_request=slow) as proxy:
        done = published(through(proxy, warehouse, describe(dist)))
    assert len(done.standings) == 40
    assert is_ours(warehouse, dist)
    assert 1 < slow.most <= 4
    # The first one makes the release, and nobody else is there then.
    assert uploaded(warehouse)[0] == WHEEL
    assert slow.at_first == 1


class Slow:
    """Takes its time, and counts how many there are at once."""

    def __init__(self, index: Warehouse) -> None:
        self._index = index
        self._now = self.most = self.at_first = 0
        self._lock = Lock()

    def __call__(self, number: int, phase: Phase) -> None:
        with self._lock:
            self._now += {"before": 1, "forwarded": -1}.get(phase, 0)
            self.most = max(self.most, self._now)
            if not self._index.files:
                self.at_first = max(self.at_first, self._now)
        if phase == "before":
            time.sleep(0.06)


# -- before and after --------------------------------------------------------------------------------------------------


def test_preflight(warehouse: Warehouse, tmp_path: Path) -> None:
    options = asked(warehouse, tmp_path / "none", preflight=True, project="demo")
    done = published(options)
    assert (done.project, done.version, done.source, done.standings) == ("demo", None, "PYPI_API_TOKEN", ())
    assert [(seen.method, seen.status) for seen in warehouse.requests] == [("POST", 400)]


def test_preflight_of_a_project_that_nobody_knows_yet(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_token([1, ["other"]])
    warehouse.tokens[token] = Scope.of("other")
    monkeypatch.setenv("PYPI_API_TOKEN", token)
    assert published(asked(warehouse, tmp_path / "none", preflight=True)).project is None
    problem = refused(asked(warehouse, make_release(tmp_path / "dist"), preflight=True))
    assert (rules(problem), problem.about["project"]) == (["token-malformed"], "demo")


def test_confirm(warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYPI_API_TOKEN")
    for name in (WHEEL, SDIST):
        warehouse.put(dist / name)
    done = published(asked(warehouse, dist, confirm=True))
    assert (done.source, actions(done.standings)) == ("", {WHEEL: "present", SDIST: "present"})
    assert [seen.method for seen in warehouse.requests] == ["GET"]


def test_confirm_waits(warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYPI_API_TOKEN")
    warehouse.stale_reads = 2
    for name in (WHEEL, SDIST):
        warehouse.put(dist / name)
    told = Told()
    published(asked(warehouse, dist, confirm=True), told)
    why = f"127.0.0.1 does not list {WHEEL}"
    assert told.lines == [f"{why}; again in 0.01 s", f"{why}; again in 0.02 s"]


def test_smoke_installs_what_the_index_has(warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYPI_API_TOKEN")
    for name in (WHEEL, SDIST):
        warehouse.put(dist / name)
    told = Told()
    done = published(asked(warehouse, dist, confirm=True, smoke=True), told)
    assert (done.smoked, actions(done.standings)) == ("imported", {WHEEL: "present", SDIST: "present"})
    assert told.lines == ["install demo 1.4.0 from the index"]
    # pip itself asked this index, and took the wheel from it.
    assert [seen.path for seen in warehouse.requests if WHEEL in seen.path] != []


def test_smoke_says_what_does_not_work(warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYPI_API_TOKEN")
    for name in (WHEEL, SDIST):
        warehouse.put(dist / name)
    command = "python -c 'import demo; demo.shine()'"
    problem = refused(asked(warehouse, dist, confirm=True, smoke=True, smoke_command=command))
    (found,) = problem.report.findings
    assert (found.rule, found.message.split("\n")[0]) == (
        "dist-broken", f"{WHEEL} is installed, but `{command}` fails",
    )  # fmt: skip
    assert found.fix == "yank 1.4.0 on the index, so that nobody gets it unasked; mend it, and release the next version"
    assert stand(problem) == {WHEEL: "present", SDIST: "present"}


def test_smoke_on_another_python_than_the_wheels_is_no_finding(
    warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are out, and nothing is known against them: the release is confirmed, and says what was not tried."""
    monkeypatch.delenv("PYPI_API_TOKEN")
    monkeypatch.setattr("platform.python_version", lambda: "3.7.1")
    for name in (WHEEL, SDIST):
        warehouse.put(dist / name)
    done = published(asked(warehouse, dist, confirm=True, smoke=True))
    assert (done.smoked, [skip.rule for skip in done.report.skipped]) == ("", ["dist-broken"])
    assert done.report.ok


def test_smoke_is_patient_with_a_page_that_is_old(
    warehouse: Warehouse, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYPI_API_TOKEN")
    for name in (WHEEL, SDIST):
        warehouse.put(dist / name)

    class Spoiling(Told):
        def says(self, text: str) -> None:
            if text.startswith("install") and not self.lines:
                kept = dict(warehouse.files)
                warehouse.files.clear()
                warehouse.stale_reads = 1  # what pip asks next is a page of before the release
                warehouse.files.update(kept)
            super().says(text)

    told = Spoiling()
    assert published(asked(warehouse, dist, confirm=True, smoke=True), told).smoked == "imported"
    assert told.lines == ["install demo 1.4.0 from the index"] * 2


def test_a_preflight_knows_the_project_by_name(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_token([1, ["other"]])
    warehouse.tokens[token] = Scope.of("other")
    monkeypatch.setenv("PYPI_API_TOKEN", token)
    problem = refused(asked(warehouse, tmp_path / "none", preflight=True, project="demo"))
    assert (rules(problem), problem.about["project"]) == (["token-malformed"], "demo")


def test_confirm_does_not_wait_for_ever(warehouse: Warehouse, dist: Path) -> None:
    warehouse.put(dist / WHEEL)
    with pytest.raises(Refused) as raised:
        published(asked(warehouse, dist, confirm=True), patience=QUICK._replace(listed_within=0.1))
    problem = raised.value
    what = f"127.0.0.1 does not list {SDIST} (sha256 {sha256(dist / SDIST)})"
    fix = "publish what is missing: tagready publish, or re-run the failed jobs of the workflow that the tag started"
    assert problem.report == Report((Finding("release-incomplete", what, fix, SDIST),))
    assert stand(problem) == {WHEEL: "present", SDIST: "missing"}
    assert problem.about["resume"].endswith(" --confirm")
    assert uploaded(warehouse) == []


# -- the command that goes on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(), ""),
        (Options(Path("other dist")), " --dist 'other dist'"),
        (Options(Path("lamps/dist"), Path("lamps")), " -C lamps"),
        (Options(Path("lamps/out"), Path("lamps")), " -C lamps --dist out"),
        (Options(Path("/elsewhere/dist"), Path("lamps")), " -C lamps --dist /elsewhere/dist"),
        (Options(repository="testpypi"), " --repository testpypi"),
        (
            Options(repository_url="https://me:secret@a.example/", index_url="https://me:secret@b.example/simple/"),
            " --repository-url https://a.example/ --index-url https://b.example/simple/",
        ),
        (Options(trusted=True, attestations=False), " --trusted --no-attestations"),
        (Options(preflight=True), " --preflight"),
        (Options(confirm=True, skip=("a", "b")), " --skip a --skip b --confirm"),
        (Options(confirm=True, smoke=True), " --confirm --smoke"),
    ],
)
def test_the_command_that_goes_on(options: Options, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resume(options) == f"tagready publish{words}"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert resume(options) == f"re-run the failed jobs of this run, or: tagready publish{words}"


# -- the project's configuration ---------------------------------------------------------------------------------------

PUBLISH = '[project]\nname = "demo"\nversion = "1.4.0"\n[tool.towncrier]\n[tool.tagready]\npublish = {}\n'


@pytest.mark.parametrize(
    ("keys", "trusted", "probe"),
    [("{ trusted = true }", True, True), ("{ probe = false }", False, False), ("{}", False, True)],
)
def test_configured(keys: str, trusted: bool, probe: bool, tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo", pyproject=PUBLISH.replace("{}", keys))
    expected = Options(trusted=trusted, probe=probe, project="demo")
    for folder in (project.path, project.path / "changelog.d"):
        assert configured(Options(), folder, None) == expected._replace(directory=folder)
    # What is asked for on the command line is asked for; and a name that is given is not looked up.
    given = Options(trusted=True, project="other")
    assert configured(given, project.path, None) == given._replace(probe=probe, directory=project.path)


def test_configured_where_there_is_no_project(tmp_path: Path) -> None:
    overlay = tmp_path / "more.toml"
    overlay.write_text("publish = { trusted = true }\n")
    assert configured(Options(), tmp_path, None) == Options(directory=tmp_path)
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "empty")], check=True)
    make_project(tmp_path / "other", pyproject="")
    for folder in (tmp_path, tmp_path / "empty", tmp_path / "other"):
        assert configured(Options(), folder, overlay) == Options(directory=folder, trusted=True)


# -- as people run it --------------------------------------------------------------------------------------------------


def places(index: Warehouse) -> str:
    return f"--repository-url {index.upload_url} --index-url {index.simple_url}"


def shown(index: Warehouse, text: str) -> str:
    """Return what is said, with the index's address as people know it."""
    return text.replace(places(index), "INDEX").replace(index.root, "ROOT/")


DONE = """\
✓ demo 1.4.0 is on 127.0.0.1, byte for byte
  token      PYPI_API_TOKEN
  ✓ uploaded      demo-1.4.0-py3-none-any.whl  sha256:{0:.12}
  ✓ uploaded      demo-1.4.0.tar.gz            sha256:{1:.12}
"""
STEPS = """\
  · ask 127.0.0.1 whether it takes the token
  · upload demo-1.4.0-py3-none-any.whl
  · upload demo-1.4.0.tar.gz
"""
REFUSED = """\
  · ask 127.0.0.1 whether it takes the token
✗ dist-conflict  demo-1.4.0-py3-none-any.whl
    the index holds other bytes under demo-1.4.0-py3-none-any.whl: sha256
    {2}, and ours
    is {0}
    → what an index has, it keeps: prepare-release 1.4.1, with a fragment that says "1.4.0 was published from another build; 1.4.1 takes its place."

Not published: 1 finding.

  ✗ conflicting   demo-1.4.0-py3-none-any.whl  sha256:{0:.12}
  – missing       demo-1.4.0.tar.gz            sha256:{1:.12}
"""  # noqa: E501
REFUSED_TOKEN = """\
  · ask 127.0.0.1 whether it takes the token
✗ token-refused
    127.0.0.1 does not accept the token in PYPI_API_TOKEN (Invalid or
    non-existent authentication information. See
    ROOT/help/#invalid-auth for more information.)
    → make a token for the project demo (for its first release: for the whole
      account) at 127.0.0.1, put it into PYPI_API_TOKEN (on GitHub: a secret of
      that name in the environment that the job names, under Settings), then
      re-run the failed jobs

Not published: 1 finding.
  go on  tagready publish INDEX
"""
FAILED = """\
  · ask 127.0.0.1 whether it takes the token
  · upload demo-1.4.0.tar.gz
✗ 127.0.0.1 rejects demo-1.4.0.tar.gz (status 400)
    File too large. Limit for project 'demo' is 0 MB. See ROOT/help/#requesting-a-file-size-limit-increase for more information.
    → mend what it names; where another file was taken before, what an index has, it keeps: prepare-release 1.4.1, with a fragment that says "1.4.0 was never complete on the index; 1.4.1 takes its place."

  ✓ present       demo-1.4.0-py3-none-any.whl  sha256:{0:.12}
  – missing       demo-1.4.0.tar.gz            sha256:{1:.12}
  go on  tagready publish INDEX
"""  # noqa: E501
ANNOTATED = """\
::error file=demo-1.4.0-py3-none-any.whl,title=dist-conflict::the index holds other bytes under demo-1.4.0-py3-none-any.whl: sha256 {2}, and ours is {0}%0A→ what an index has, it keeps: prepare-release 1.4.1, with a fragment that says "1.4.0 was published from another build; 1.4.1 takes its place."
tagready: publish: the release is not published
"""  # noqa: E501
STANDING = """\
  · ask 127.0.0.1 whether it takes the token

  ✗ conflicting   demo-1.4.0-py3-none-any.whl  sha256:{0:.12}
  – missing       demo-1.4.0.tar.gz            sha256:{1:.12}
"""


def told(index: Warehouse, done: Result, dist: Path, theirs: str = "") -> tuple[int, Callable[[str, str], bool]]:
    """Return the exit code, and what compares the output with templates."""
    hashes = (sha256(dist / WHEEL), sha256(dist / SDIST), theirs)

    def compares(out: str, err: str) -> bool:
        assert shown(index, done.out) == out.format(*hashes)
        assert shown(index, done.err) == err.format(*hashes)
        return True

    return done.code, compares


def test_the_text_of_a_release(warehouse: Warehouse, dist: Path) -> None:
    code, says = told(warehouse, run(warehouse, dist.parent), dist)
    assert (code, says(DONE, STEPS)) == (0, True)
    code, says = told(warehouse, run(warehouse, dist.parent, "--confirm", token=None), dist)
    confirmed = DONE.replace("  token      PYPI_API_TOKEN\n", "").replace("uploaded", "present ")
    assert (code, says(confirmed, "")) == (0, True)
    assert is_ours(warehouse, dist)


def test_the_text_of_a_conflict(warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    theirs = warehouse.put(make_wheel(tmp_path / "other", seed=1)).sha256
    code, says = told(warehouse, run(warehouse, tmp_path), dist, theirs)
    assert (code, says("", REFUSED)) == (1, True)
    summary = tmp_path / "summary"
    done = run(warehouse, tmp_path, "--format", "github", GITHUB_STEP_SUMMARY=str(summary))
    code, says = told(warehouse, done, dist, theirs)
    assert (code, says(ANNOTATED, STANDING)) == (1, True)
    assert summary.read_text().startswith("### publish: the release is not published\n\n❌ **dist-conflict** ")


def test_the_text_of_a_refused_token(warehouse: Warehouse, dist: Path) -> None:
    code, says = told(warehouse, run(warehouse, dist.parent, token="pypi-unknown"), dist)
    assert (code, says("", REFUSED_TOKEN)) == (1, True)


def test_the_text_of_a_failure(warehouse: Warehouse, dist: Path) -> None:
    warehouse.put(dist / WHEEL)
    warehouse.file_limit = 10
    code, says = told(warehouse, run(warehouse, dist.parent), dist)
    assert (code, says("", FAILED)) == (3, True)


def test_the_text_of_a_preflight_in_an_empty_folder(warehouse: Warehouse, tmp_path: Path) -> None:
    where = tmp_path / "empty"
    where.mkdir()
    done = run(warehouse, where, "--preflight")
    assert (done.code, done.out) == (0, "✓ nothing speaks against the token in PYPI_API_TOKEN for 127.0.0.1\n")
    assert done.err == "  · ask 127.0.0.1 whether it takes the token\n"
    overlay = tmp_path / "more.toml"
    overlay.write_text("publish = { probe = false }\n")
    done = run(warehouse, where, "--preflight", "--config", str(overlay))
    assert (done.code, done.err) == (0, "")
    done = run(warehouse, tmp_path, "-C", "empty", "--preflight", token="")
    assert (done.code, done.out) == (1, "")
    assert "PYPI_API_TOKEN is empty" in done.err
    assert list(where.iterdir()) == []


def test_a_preflight_that_gets_no_answer_says_so(warehouse: Warehouse, tmp_path: Path) -> None:
    """It goes on, for the upload will tell; but nobody shall take that for a token that was looked at."""
    with FaultProxy(warehouse.root, Fault("reset-before", method="POST", times=None)) as proxy:
        addresses = "--repository-url", proxy.through(warehouse.upload_url)
        done = run(None, tmp_path, "--preflight", *addresses)
        answer = run(None, tmp_path, "--preflight", *addresses, "--format", "json")
    title = "nothing speaks against the token in PYPI_API_TOKEN; not all was judged"
    assert (done.code, done.out) == (0, f"✓ {title}\n")
    assert "token-refused not judged: 127.0.0.1 gave no answer (" in done.err
    assert (answer.code, [each["rule"] for each in answer.json["skipped"]]) == (0, ["token-refused"])


FILES = {"files": [], "resume": ""}
SAME: dict[str, Any] = {"schema": 1, "command": "publish", "findings": [], "skipped": []}
NOTHING: dict[str, Any] = {"project": None, "version": None, "tag": None, "commit": None}
RELEASE = {"project": "demo", "version": "1.4.0", "tag": "v1.4.0", "commit": COMMIT}


def test_json(warehouse: Warehouse, dist: Path, tmp_path: Path) -> None:
    def listed(*stand: str) -> list[dict[str, str]]:
        return [
            {"name": name, "sha256": sha256(dist / name), "action": action}
            for name, action in zip((WHEEL, SDIST), stand, strict=True)
        ]

    def asked_for(*arguments: str, token: str | None = TOKEN) -> Result:
        return run(warehouse, tmp_path, "--format", "json", *arguments, token=token)

    about = {"host": "127.0.0.1", "source": "PYPI_API_TOKEN", "attested": ""}
    go_on = f"tagready publish {places(warehouse)}"
    done = asked_for("--preflight")
    assert (done.code, done.json) == (0, SAME | NOTHING | {"ok": True, "project": "demo", "files": []} | about)
    done = asked_for("--dist", "none")
    fix = "build first (tagready build), or give the folder with --dist"
    error = {"what": "there is no folder none", "command": "", "stderr": "", "fix": fix}
    assert (done.code, done.json) == (2, SAME | NOTHING | FILES | {"ok": False, "error": error})
    warehouse.read_only, warehouse.new_projects = True, 0
    done = asked_for(token="")
    assert (done.code, done.rules) == (1, ["token-missing"])
    assert done.json == SAME | RELEASE | FILES | {"ok": False, "resume": go_on, "findings": done.json["findings"]}
    assert set(done.json["findings"][0]) == {"rule", "level", "message", "fix", "path", "line"}
    warehouse.read_only = False
    done = asked_for()
    error = {
        "what": f"127.0.0.1 rejects {WHEEL} (status 429)", "command": "", "stderr": "Too many new projects created",
        "fix": f"mend what it names; where another file was taken before, {INCOMPLETE}",
    }  # fmt: skip
    failed = SAME | RELEASE | {"ok": False, "error": error, "files": listed("missing", "missing"), "resume": go_on}
    assert (done.code, done.json) == (3, failed)
    warehouse.new_projects = 1
    done = asked_for()
    assert (done.code, done.json) == (
        0, SAME | RELEASE | {"ok": True, "files": listed("uploaded", "uploaded")} | about,
    )  # fmt: skip


def test_github(warehouse: Warehouse, dist: Path) -> None:
    summary = dist.parent / "summary"
    done = run(warehouse, dist.parent, "--format", "github", GITHUB_STEP_SUMMARY=str(summary), GITHUB_ACTIONS="true")
    assert (done.code, done.out, done.err) == (0, "tagready: demo 1.4.0 is on 127.0.0.1, byte for byte\n", STEPS)
    rows = "".join(f"| uploaded | {name} sha256:{sha256(dist / name)} |\n" for name in (WHEEL, SDIST))
    assert summary.read_text().replace("\\_", "_") == (
        f"### demo 1.4.0 is on 127.0.0.1, byte for byte\n\n| | |\n|---|---|\n| token | PYPI_API_TOKEN |\n{rows}\n"
    )


def test_wrong_usage(warehouse: Warehouse, dist: Path) -> None:
    done = run(warehouse, dist.parent, "--preflight", "--confirm", "--format", "json")
    assert (done.code, done.out) == (2, "")
    assert "--preflight looks at the token, --confirm does without: give one of them" in done.err
    done = run(None, dist.parent, "--repository-url", warehouse.upload_url, TAGREADY_INDEX_URL="")
    assert (done.code, done.out) == (2, "")
    assert "give the address of its simple index with --index-url, or in TAGREADY_INDEX_URL" in " ".join(
        done.err.split()
    )
    assert warehouse.requests == []


@on_linux
def test_an_interrupt(warehouse: Warehouse, dist: Path) -> None:
    with FaultProxy(warehouse.root, Fault("hang", 2, method="POST")) as proxy:
        overlay = dist.parent / "more.toml"
        overlay.write_text("publish = { probe = false }\n")
        addresses = proxy.through(warehouse.simple_url), proxy.through(warehouse.upload_url)
        with spawn(*addresses, dist.parent, "--config", "more.toml") as process:
            wait_until(lambda: proxy.applied)
            workers = children(process.pid)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
        go_on = f"  go on  tagready publish --repository-url {addresses[1]} --index-url {addresses[0]}\n"
        hashes = sha256(dist / WHEEL), sha256(dist / SDIST)
        assert (process.returncode, out) == (130, "")
        assert err == (STEPS.split("\n", 1)[1] + "\n" + STANDING.split("\n", 2)[2]
                       .replace("✗ conflicting", "✓ uploaded   ") + go_on
                       + "\n\nInterrupted. Run the same command again: it finishes what is missing.\n"
                       ).format(*hashes)  # fmt: skip
        assert workers
        assert all_end(workers)
        proxy.heal()
    assert warehouse.written == {WHEEL: 1}
    published(asked(warehouse, dist))
    assert is_ours(warehouse, dist)


@on_linux
def test_an_interrupt_with_many_uploads_under_way(warehouse: Warehouse, tmp_path: Path) -> None:
    """Nothing is begun any more, and no process is left behind."""
    dist = tmp_path / "dist"
    make_both(dist)
    for number in range(10):
        make_wheel(dist, filename=f"demo-1.4.0-cp3{number}-cp3{number}-win_amd64.whl", seed=number + 1)
    warehouse.put(dist / WHEEL)
    describe(dist)
    with FaultProxy(warehouse.root, Fault("hang", 2, times=None, method="POST")) as proxy:
        addresses = proxy.through(warehouse.simple_url), proxy.through(warehouse.upload_url)
        with spawn(*addresses, tmp_path) as process:
            wait_until(lambda: len(proxy.applied) == 4)
            workers = children(process.pid)
            process.send_signal(signal.SIGINT)
            process.communicate()
        assert process.returncode == 130
        assert len(workers) == 4
        assert all_end(workers)
        asked_for = len(proxy.requests)
        time.sleep(0.3)
        assert len(proxy.requests) == asked_for
    assert warehouse.written == {WHEEL: 1}


@on_linux
@pytest.mark.parametrize("whole_group", [True, False])
def test_no_process_is_left_behind_by_one_that_is_killed(whole_group: bool, warehouse: Warehouse, dist: Path) -> None:
    """Though its upload would hang for ever."""
    with FaultProxy(warehouse.root, Fault("hang", 2, method="POST")) as proxy:
        with spawn(proxy.through(warehouse.simple_url), proxy.through(warehouse.upload_url), dist.parent) as process:
            wait_until(lambda: proxy.applied)
            workers = children(process.pid)
            os.killpg(process.pid, signal.SIGKILL) if whole_group else process.kill()
            process.communicate()
        assert (process.returncode, len(workers)) == (-signal.SIGKILL, 1)
        assert all_end(workers)


# -- signing -----------------------------------------------------------------------------------------------------------

SIGNER = """
import base64, hashlib, json, os, pathlib, sys
assert sys.argv[1] == "sign"
if os.environ.get("SIGNER") == "fails":
    sys.exit("a long story\\nno identity")
for path in map(pathlib.Path, sys.argv[2:]):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    statement = json.dumps({"subject": [{"name": path.name, "digest": {"sha256": digest}}]})
    envelope = {"statement": base64.b64encode(statement.encode()).decode(), "signature": "AA=="}
    target = pathlib.Path(f"{path}.publish.attestation")
    assert not target.exists()
    target.write_text(json.dumps({"version": 1, "envelope": envelope}))
pathlib.Path("seen").write_text("\\n".join(sorted(os.environ)))
"""


@pytest.fixture
def signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that signs, as far as anybody sees who does not verify it; gives the folder that it is run in."""
    library, where = tmp_path / "library", tmp_path / "where"
    for folder in (library, where):
        folder.mkdir()
    (library / "pypi_attestations.py").write_text(SIGNER)
    monkeypatch.syspath_prepend(library)
    monkeypatch.setenv("PYTHONPATH", str(library))
    monkeypatch.chdir(where)
    return where


def test_files_are_signed(job: Warehouse, dist: Path, signer: Path) -> None:
    done = published(asked(job, dist, trusted=True))
    assert done.attested == "attested for 2 files (PEP 740)"
    assert [len(file.attestations) for file in job.files.values()] == [1, 1]
    assert is_ours(job, dist)
    # It needs the run's identity, and nothing else that is secret.
    seen = (signer / "seen").read_text().split("\n")
    assert "ACTIONS_ID_TOKEN_REQUEST_TOKEN" in seen
    assert "PYPI_API_TOKEN" not in seen


def test_signatures_of_these_bytes_are_used_again(job: Warehouse, dist: Path, signer: Path) -> None:
    kept = attestation(dist / WHEEL).read_text()
    attestation(dist / SDIST, sha256="0" * 64)
    published(asked(job, dist, trusted=True))
    assert job.files[WHEEL].attestations == (json.loads(kept),)
    assert job.files[SDIST].attestations != (json.loads(kept),)
    assert (signer / "seen").exists()


def test_where_signing_fails_nothing_is_uploaded(
    job: Warehouse, dist: Path, signer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNER", "fails")
    problem = failed(asked(job, dist, trusted=True))
    assert (problem.what, problem.stderr, problem.command, problem.fix) == (
        "the distributions could not be signed, and nothing was uploaded",
        "a long story\nno identity",
        "python -m pypi_attestations sign",
        "run it again; where signing stays away: tagready publish --trusted --no-attestations",
    )
    assert uploaded(job) == []
    published(asked(job, dist, trusted=True, attestations=False))
    assert not (signer / "seen").exists()


def test_nothing_in_the_folder_is_run(
    job: Warehouse, dist: Path, signer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where a project is called as a library that uploads or signs is, and lies in the folder itself."""
    for name in ("tagready", "twine", "requests", "rich", "id", "json", "pypi_attestations"):
        (signer / f"{name}.py").write_text(f"open({str(signer / 'run')!r}, 'w'); raise SystemExit(1)\n")
    assert published(asked(job, dist, trusted=True)).attested == "attested for 2 files (PEP 740)"
    monkeypatch.delenv("PYTHONPATH")
    published(asked(job, dist, trusted=True))
    assert is_ours(job, dist)
    assert not (signer / "run").exists()


# -- devpi -------------------------------------------------------------------------------------------------------------


def test_devpi_from_the_first_upload_to_the_installed_package(devpi: Index, dist: Path, tmp_path: Path) -> None:
    options = Options(dist, repository_url=devpi.upload_url, index_url=devpi.simple_url)
    assert set(actions(published(options).standings).values()) == {"uploaded"}
    assert set(actions(published(options).standings).values()) == {"present"}
    assert set(actions(published(options._replace(confirm=True)).standings).values()) == {"present"}
    target = tmp_path / "installed"
    pip = ["install", "--quiet", "--no-deps", "--no-cache-dir", "--target", str(target), "-i", devpi.simple_url]
    subprocess.run([sys.executable, "-m", "pip", *pip, "demo==1.4.0"], env=environment(None), check=True)
    code = "import demo; print(demo.__version__, demo.__file__, sep=chr(10))"
    done = subprocess.run([sys.executable, "-c", code], cwd=target, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1.4.0", str(target / "demo" / "__init__.py")]
    other = make_release(tmp_path / "other" / "dist")
    make_wheel(other, seed=1)
    problem = refused(options._replace(dist=describe(other)))
    assert rules(problem) == ["dist-conflict"]
    assert stand(problem) == {WHEEL: "conflicting", SDIST: "present"}
