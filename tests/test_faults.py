"""Nothing twice: every fault at every request of a publishing, and a kill at every moment of it; and nothing leaks.

The requests are recorded from an undisturbed run, never sampled. After each fault or kill the same command runs again
where it has to; then the index has every file exactly once, byte for byte ours, and nothing else was written.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, get_args
from urllib.parse import quote

import pytest

import indexes
from dists import make_both, make_sdist, make_wheel, sha256
from faults import Fault, FaultProxy, Kill, Kind, Phase
from indexes import Index, faulty, page
from projects import make_project
from publishing import (
    QUICK,
    SDIST,
    WHEEL,
    all_end,
    children,
    command,
    describe,
    environment,
    isolate,
    make_release,
    on_linux,
    published,
    spawn,
    wait_until,
)
from tagready.commands.publish import Options
from tagready.doors.index import Listing, list_project
from tagready.facts.findings import Refused, Trouble, WorldFailed
from warehouse import TOKEN, Scope, Warehouse, certificate, make_token

pytestmark = [pytest.mark.slow, on_linux]

#: Runs at a time in each process of the tests: most of them wait.
AT_ONCE = 4

#: On a busy machine, too, an answer comes within these seconds, if one comes at all.
PATIENT = QUICK._replace(first=0.02, longest=0.1, upload=15, listing=10, listed_within=2.0)
#: Where none comes, it is not waited for so long.
BRIEF = PATIENT._replace(upload=2.5, listing=1.5)

KINDS: tuple[Kind, ...] = get_args(Kind)
TLS_KINDS = tuple(kind for kind in KINDS if kind.startswith("tls-"))


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder for what a run might write, of which none may."""
    folder = tmp_path / "scratch"
    (folder / "tmp").mkdir(parents=True)
    isolate(monkeypatch, folder)
    monkeypatch.setenv("PYPI_API_TOKEN", TOKEN)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate(tmp_path)))
    return folder


@pytest.fixture
def fresh(_fresh_devpi: Callable[[], Index]) -> Callable[[], Index]:
    """What makes an index on a real devpi."""
    return _fresh_devpi


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with a wheel and an sdist, and their release.json; large enough to be sent in pieces."""
    make_both(tmp_path / "dist", size=300_000)
    return describe(tmp_path / "dist")


class Outcome(NamedTuple):
    """How a cell of the matrix ended."""

    cell: str
    #: Runs that were needed, and how the first one failed.
    runs: int
    failure: str
    #: What is not as it has to be.
    wrong: tuple[str, ...] = ()


class Watched:
    """A folder that nobody is to write to, and the processes that are here already."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._before = self._seen()
        self._others = set(children(os.getpid()))

    def _seen(self) -> dict[str, str]:
        files = (path for folder in self._folders for path in folder.rglob("*"))
        return {str(path): sha256(path) if path.is_file() else "" for path in files}

    def wrong(self) -> list[str]:
        changed = [path for path, _ in self._seen().items() ^ self._before.items()]
        left = set(children(os.getpid())) - self._others
        return [*(f"{path} was written" for path in changed), *(f"{each} is still running" for each in left)]


def is_wrong(index: Warehouse, dist: Path) -> list[str]:
    """Return what the index has that it should not, and the other way round."""
    ours = {name: sha256(dist / name) for name in (WHEEL, SDIST)}
    theirs = {name: file.sha256 for name, file in index.files.items()}
    found = [f"it has {name} {count} times" for name, count in index.written.items() if count != 1]
    return found + ([] if theirs == ours else [f"it has {sorted(theirs)}"])


def through(
    proxy: FaultProxy, index: Warehouse | Index, dist: Path, *, probe: bool = True, trusted: bool = False
) -> Options:
    upload_url, simple_url = proxy.through(index.upload_url), proxy.through(index.simple_url)
    return Options(dist, repository_url=upload_url, index_url=simple_url, probe=probe, trusted=trusted)


def until_done(options: Options, kind: Kind, heal: Callable[[], object]) -> tuple[int, str]:
    """Publish, and again after what is wrong is mended; return how often, and why the first time was not enough."""
    try:
        published(options, patience=BRIEF if kind.startswith("hang") else PATIENT)
    except (Trouble, Refused) as problem:
        heal()
        published(options, patience=PATIENT)
        return 2, f"{type(problem).__name__}: {problem}"
    return 1, ""


def judged(title: str, outcomes: Sequence[Outcome], record: Callable[[str, object], None]) -> None:
    """Print the counts of a matrix, and hold them to what is promised."""
    twice = [each.cell for each in outcomes if any(" times" in what for what in each.wrong)]
    wrong = {each.cell: each.wrong for each in outcomes if each.wrong}
    again = {each.cell: each.failure for each in outcomes if each.runs > 1}
    counts = {
        "runs": sum(each.runs for each in outcomes),
        "cells": len(outcomes),
        "finished without help": sum(each.runs == 1 for each in outcomes),
        "finished after one re-run": sum(each.runs == 2 for each in outcomes),
        "anything twice": len(twice),
        "anything wrong": len(wrong),
    }
    record(title, counts)
    print(f"{title}: {counts} {again}")
    assert twice == []
    assert wrong == {}


def together(run: Callable[..., Outcome], cells: Iterable[tuple[Any, ...]]) -> list[Outcome]:
    """Return how all cells ended, some of which run at a time.

    A port that refuses is nobody's for a moment: while there are such, no other port is opened here.
    """
    chosen = list(cells)
    alone = [cell for cell in chosen if isinstance(cell[0], Fault) and cell[0].kind == "refused"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda cell: run(*cell), (cell for cell in chosen if cell not in alone)))
    return outcomes + [run(*cell) for cell in alone]


# -- a passing fault ---------------------------------------------------------------------------------------------------


def record(dist: Path, *, tls: bool = False) -> list[str]:
    """Return the methods of the requests of an undisturbed run."""
    with Warehouse() as index, FaultProxy(index.root, tls=tls) as proxy:
        published(through(proxy, index, dist))
        return [seen.method for seen in proxy.requests]


def run_with(fault: Fault, dist: Path, tls: bool) -> Outcome:
    """Publish through a fault."""
    cell = f"{fault.kind} at {fault.at}{' (TLS)' if tls else ''}"
    with Warehouse() as index, FaultProxy(index.root, fault, tls=tls) as proxy:
        try:
            runs, failure = until_done(through(proxy, index, dist), fault.kind, proxy.heal)
        except (Trouble, Refused) as problem:
            return Outcome(cell, 2, str(problem), ("it does not finish",))
        met = () if proxy.applied or fault.kind == "stale" else ("the fault was met by nobody",)
        return Outcome(cell, runs, failure, (*is_wrong(index, dist), *met))


def test_every_fault_at_every_request(
    dist: Path, scratch: Path, record_property: Callable[[str, object], None]
) -> None:
    methods = record(dist)
    assert methods == ["POST", "GET", "POST", "GET", "POST", "GET"]
    assert record(dist, tls=True) == methods
    watched = Watched(dist, scratch)
    numbers = range(1, len(methods) + 1)
    plain = [(Fault(kind, at, seconds=0.2), dist, False) for kind in KINDS if kind not in TLS_KINDS for at in numbers]
    secret = [(Fault(kind, at), dist, True) for kind in (*TLS_KINDS, "reset-in", "truncated") for at in numbers]
    outcomes = together(run_with, [*plain, *secret])
    judged("passing faults", outcomes, record_property)
    assert watched.wrong() == []
    # Whoever meets one of them needs no help.
    helped = [each for each in outcomes if each.runs > 1]
    assert len(helped) <= len(outcomes) / 100, helped


# -- a lasting fault ---------------------------------------------------------------------------------------------------


def run_with_lasting(fault: Fault, dist: Path, tls: bool) -> Outcome:
    """Publish through a fault that does not end until somebody sees to it."""
    cell = f"{fault.kind} at every {fault.method} from {fault.at}"
    with Warehouse() as index, FaultProxy(index.root, fault, tls=tls) as proxy:
        options, start = through(proxy, index, dist, probe=False), time.monotonic()
        runs, failure, wrong = 1, "", []
        try:
            limit = 1 if fault.kind.startswith("hang") else 10
            published(options, patience=PATIENT._replace(attempts=3, upload=limit, listing=limit, listed_within=0.5))
        except WorldFailed as problem:
            runs, failure = 2, problem.what
        except (Trouble, Refused) as problem:
            runs, failure, wrong = 2, str(problem), [f"it is a {type(problem).__name__}"]
        if time.monotonic() - start > 25:
            wrong.append("it takes for ever")
        proxy.heal()
        published(options, patience=PATIENT)
        return Outcome(cell, runs, failure, (*wrong, *is_wrong(index, dist)))


#: With these an upload arrives, and the listing says so; or nothing is wrong with it at all.
HARMLESS = {("POST", kind) for kind in ("reset-after", "500-after", "hang-after", "truncated", "slow", "stale")}
HARMLESS.add(("GET", "slow"))


def test_every_fault_for_ever(dist: Path, scratch: Path, record_property: Callable[[str, object], None]) -> None:
    watched = Watched(dist, scratch)
    cells = []
    for kind, method, at in itertools.product(KINDS, ("GET", "POST"), (1, 2)):
        if kind not in TLS_KINDS:
            seconds = None if kind == "refused" else 0.2
            cells.append((Fault(kind, at, None, method, seconds, None), dist, False))
        elif method == "GET":
            # Of a spoilt handshake nobody sees what was to be asked.
            cells.append((Fault(kind, at, None), dist, True))
    outcomes = together(run_with_lasting, cells)
    judged("lasting faults", outcomes, record_property)
    assert watched.wrong() == []
    finished = {tuple(each.cell.split(" at every ")) for each in outcomes if each.runs == 1}
    assert {(rest.split()[0], kind) for kind, rest in finished} == HARMLESS


# -- a kill ------------------------------------------------------------------------------------------------------------


def run_killed(number: int, phase: Phase, alone: bool, dist: Path) -> Outcome:
    """Publish in a process that is killed at a moment, and again."""
    cell = f"{phase} {number}{' (alone)' if alone else ''}"
    workers: list[int] = []
    kill, started = Kill(number, phase, alone=alone), threading.Event()
    process: subprocess.Popen[str] | None = None

    def hook(now: int, at: Phase) -> bool:
        if (now, at) == (number, phase):
            assert started.wait(30)
            assert process
            workers.extend(children(process.pid))
        return kill(now, at)

    with Warehouse() as index, FaultProxy(index.root, on_request=hook) as proxy:
        addresses = proxy.through(index.simple_url), proxy.through(index.upload_url)
        with spawn(*addresses, dist.parent) as process:
            started.set()
            kill.aim(process)  # type: ignore[arg-type]
            process.communicate()
        # Whoever has killed it waits for its end as well, and may be told of it later than we are.
        wrong = [] if process.returncode == -9 and kill.done.wait(30) else [f"it ended with {process.returncode}"]
        wrong += [] if all_end(workers) else ["a process is left behind"]
        wrong += [f"it has {name} {count} times" for name, count in index.written.items() if count != 1]
        proxy.on_request = None
        published(through(proxy, index, dist), patience=PATIENT)
        return Outcome(cell, 2, "killed", (*wrong, *is_wrong(index, dist)))


def test_a_kill_at_every_moment(dist: Path, scratch: Path, record_property: Callable[[str, object], None]) -> None:
    watched = Watched(dist, scratch)
    numbers = range(1, len(record(dist)) + 1)
    cells = [(number, phase, False, dist) for number in numbers for phase in get_args(Phase)]
    # Where the client alone is killed, as a system does that is short of memory, what it has started ends by itself.
    cells += [(number, phase, True, dist) for number in (3, 5) for phase in get_args(Phase)]
    judged("kills", together(run_killed, cells), record_property)
    assert watched.wrong() == []


# -- devpi -------------------------------------------------------------------------------------------------------------

DEVPI: list[tuple[Kind, int]] = [
    ("reset-after", 3), ("reset-after", 5), ("500-after", 3), ("500-after", 5), ("truncated", 3), ("truncated", 5),
    ("hang-after", 3), ("hang-after", 5), ("reset-in", 3), ("503", 5), ("429", 3), ("502", 1), ("refused", 4),
    ("login", 2), ("wrong-type", 3), ("stale", 4), ("stale", 6), ("hang", 5), ("reset-before", 6), ("500-before", 2),
]  # fmt: skip


def run_with_devpi(fault: Fault, index: Index, dist: Path) -> Outcome:
    root = index.simple_url.partition("/__token__")[0]
    with FaultProxy(root, fault) as proxy:
        runs, failure = until_done(through(proxy, index, dist), fault.kind, proxy.heal)
    found = list_project("demo", index.simple_url)
    assert isinstance(found, Listing)
    theirs = sorted((file.name, file.sha256) for file in found.files)
    ours = sorted((name, sha256(dist / name)) for name in (WHEEL, SDIST))
    return Outcome(f"devpi: {fault.kind} at {fault.at}", runs, failure, () if theirs == ours else (f"{theirs}",))


def test_faults_before_devpi(
    fresh: Callable[[], Index], dist: Path, scratch: Path, record_property: Callable[[str, object], None]
) -> None:
    watched = Watched(dist, scratch)
    outcomes = together(run_with_devpi, [(Fault(kind, at, seconds=0.2), fresh(), dist) for kind, at in DEVPI])
    judged("devpi", outcomes, record_property)
    assert watched.wrong() == []
    assert [each for each in outcomes if each.runs > 1] == []


# -- Trusted Publishing ------------------------------------------------------------------------------------------------

TRUSTED: list[Kind] = ["reset-before", "500-before", "503", "429", "truncated", "login", "tls-closed"]


def test_faults_of_trusted_publishing(
    dist: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """At the questions for a token; one after the other, for the job's variables are everybody's."""
    outcomes = []
    for kind, at in itertools.product(TRUSTED, (1, 2)):
        with Warehouse() as index, FaultProxy(index.root, Fault(kind, at), tls=True) as proxy:
            index.publisher = Scope.of("demo")
            index.projects.add("demo")
            for name, value in index.github().items():
                monkeypatch.setenv(name, value)
            runs, failure = until_done(through(proxy, index, dist, trusted=True), kind, proxy.heal)
            outcomes.append(Outcome(f"trusted: {kind} at {at}", runs, failure, tuple(is_wrong(index, dist))))
    judged("trusted publishing", outcomes, record_property)
    assert [each for each in outcomes if each.runs > 1] == []


# -- nothing leaks -----------------------------------------------------------------------------------------------------


def forms(user: str, token: str) -> dict[str, bytes]:
    """Return the ways in which a token may be written."""
    pair = base64.b64encode(f"{user}:{token}".encode()).decode()
    written = {
        "as it is": token,
        "the end of it": token[-24:],
        "in base64": base64.b64encode(token.encode()).decode().rstrip("="),
        "as it is sent": pair.rstrip("="),
        "in an address": quote(token, safe=""),
        "in JSON": json.dumps(token)[1:-1],
    }
    return {name: text.encode() for name, text in written.items()}


#: Of an account, of nobody, and with letters that are written in more ways than one.
TOKENS = {
    "good": make_token(identifier="a-good-token-that-is-not-to-be-seen"),
    "unknown": make_token(identifier="an-unknown-token-that-is-not-to-be-seen"),
    "odd": "pa55/wörd+with&odd<letters>='\"",
}


def in_files(folder: Path, token: str) -> list[str]:
    """Return the files below a folder that have a token in them, git's objects among them."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if ".git/objects/" in str(path):
            with suppress(zlib.error):
                content += zlib.decompress(content)
        found += [f"{path}: {name}" for name, text in forms("__token__", token).items() if text in content]
    return found


def echo(request: indexes.Handler) -> None:
    """Answer with all that was sent, as careless servers do, in every form."""
    request.rfile.read(int(request.headers.get("Content-Length") or 0))
    sent = request.headers.get("Authorization", "Basic Og==")
    token = base64.b64decode(sent.partition(" ")[2]).decode("utf-8", "replace").partition(":")[2]
    text = f"{sent} {token} {quote(token, safe='')} {escape(token)} {sent.partition(' ')[2].rstrip('=')}"
    status = 400 if request.path.startswith("/legacy") else 404
    page(f"<title>{status} {text}</title><p>{text}</p>", status=status)(request)


Scene = Callable[[Warehouse, FaultProxy], None]


def keep(_: Warehouse, __: FaultProxy) -> None:
    """Let it succeed."""


def refuse(index: Warehouse, _: FaultProxy) -> None:
    index.tokens.clear()


def reject(index: Warehouse, _: FaultProxy) -> None:
    index.file_limit = 1


def conflict(index: Warehouse, _: FaultProxy) -> None:
    with TemporaryDirectory() as folder:
        index.put(make_wheel(Path(folder), seed=9))


def leave_alone(_: Warehouse, proxy: FaultProxy) -> None:
    proxy.faults[:] = [Fault("503", 2, None, retry_after="4000")]
    proxy._counts[:] = [0]


def answer_as_a_page(_: Warehouse, proxy: FaultProxy) -> None:
    proxy.faults[:] = [Fault("500-after", 3, 1, retry_after=None), Fault("truncated", 4), Fault("reset-after", 5)]
    proxy._counts[:] = [0, 0, 0]


SCENES: dict[str, tuple[Scene, int]] = {
    "it succeeds": (keep, 0),
    "through faults": (answer_as_a_page, 0),
    "the token is refused": (refuse, 1),
    "a conflict": (conflict, 1),
    "rejected": (reject, 3),
    "left alone": (leave_alone, 3),
}


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_no_token_in_anything_that_is_written(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = TOKENS["good"]
    project = make_project(tmp_path / "demo")
    make_release(project.path / "dist")
    variables = {
        "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "scratch" / "tmp"), "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }  # fmt: skip

    def run(index: Warehouse, proxy: FaultProxy) -> tuple[int, str]:
        addresses = proxy.through(index.simple_url), proxy.through(index.upload_url)
        with spawn(*addresses, project.path, "--format", form, token=token, **variables) as process:
            out, err = process.communicate()
        return process.returncode, out + err

    said = ""
    for prepare, code in SCENES.values():
        with Warehouse() as index, FaultProxy(index.root) as proxy:
            index.tokens = {token: Scope()}
            prepare(index, proxy)
            found, text = run(index, proxy)
            assert found == code, text
            said += text
    assert [name for name, written in forms("__token__", token).items() if written in said.encode()] == []
    assert in_files(tmp_path, token) == []
    assert (tmp_path / "summary").exists() is (form == "github")


@pytest.mark.parametrize("form", ["text", "json", "github"])
@pytest.mark.parametrize("kind", TOKENS)
def test_no_token_in_what_a_careless_index_repeats(
    kind: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes.Handler, "do_POST", lambda request: request.server.answer(request), raising=False)
    make_release(tmp_path / "dist")
    token, user = TOKENS[kind], "somebody" if kind == "odd" else "__token__"
    variables = {"TWINE_USERNAME": user, "TWINE_PASSWORD": token, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    with faulty(echo) as server:
        addresses = server.url, f"{server.root}legacy/"
        with spawn(*addresses, tmp_path, "--format", form, token=None, **variables) as process:
            out, err = process.communicate()
    said = (out + err).encode()
    assert process.returncode == 3
    assert b"***" in said or kind == "odd"
    assert [name for name, written in forms(user, token).items() if written in said] == []
    assert in_files(tmp_path, token) == []


def test_no_token_about_any_process_while_an_upload_hangs(dist: Path, tmp_path: Path) -> None:
    """In no argument of any process of this machine, and not in the environment of those that upload."""
    token = TOKENS["good"]
    with Warehouse() as index, FaultProxy(index.root, Fault("hang", 2, None, "POST")) as proxy:
        index.tokens = {token: Scope()}
        addresses = proxy.through(index.simple_url), proxy.through(index.upload_url)
        with spawn(*addresses, tmp_path, token=token) as process:
            wait_until(lambda: proxy.applied)
            workers = children(process.pid)
            arguments = {path: path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()}
            environments = [Path(f"/proc/{worker}/environ").read_bytes() for worker in workers]
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
        assert process.returncode == 130
    assert f"/proc/{process.pid}/cmdline" in map(str, arguments)
    assert workers
    for written in forms("__token__", token).values():
        assert [path for path, content in arguments.items() if written in content] == []
        assert [content for content in environments if written in content] == []
        assert written not in (out + err).encode()
    assert all_end(workers)


PYPIRC = "[distutils]\nindex-servers = pypi\n[pypi]\nusername = __token__\n{}password = {}\n"


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        pytest.param("password = ", {}, id="twice in .pypirc"),
        pytest.param("repository = http://__token__:{}@a.example/\n", {}, id=".pypirc with an address"),
        pytest.param("repository = http://[{}\n", {}, id=".pypirc with no address"),
        pytest.param("", {"TWINE_REPOSITORY_URL": "http://me:{}@a.example/legacy/"}, id="plain http"),
        pytest.param("", {"TWINE_REPOSITORY_URL": "https://me:{}/x@127.0.0.1/"}, id="no address"),
        pytest.param("", {"TAGREADY_INDEX_URL": "http://me:{}@a.example/simple/"}, id="plain http to the listing"),
        pytest.param("", {"PYPI_API_TOKEN": " {}"}, id="a blank before it"),
        pytest.param("", {"PYPI_API_TOKEN": "{}", "TWINE_PASSWORD": "{}x"}, id="two that differ"),
    ],
)
def test_no_token_in_what_is_said_of_configuration(line: str, variables: dict[str, str], tmp_path: Path) -> None:
    token = TOKENS["good"]
    make_release(tmp_path / "dist")
    (tmp_path / ".pypirc").write_text(PYPIRC.format(line.format(token), token))
    known = {name: value.format(token) for name, value in variables.items()} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [*command(None), "--format", "json"], cwd=tmp_path, env=environment(None, **known), capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert [name for name, text in forms("__token__", token).items() if text in done.stdout + done.stderr] == []


# -- memory ------------------------------------------------------------------------------------------------------------

PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def peak(dist: Path, size: int, *, described: bool) -> float:
    """Return the peak memory in megabytes of the largest process of one publishing of a wheel of a size."""
    make_wheel(dist, size=size)
    make_sdist(dist)
    if described:
        describe(dist)
    with Warehouse() as index:
        index.file_limit = 10**10
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *command(index), "--dist", str(dist)], env=environment(), capture_output=True,
            text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert is_wrong(index, dist) == []
    return int(done.stdout) * 1024 / 1e6


@pytest.mark.parametrize("described", [True, False], ids=["built by us", "speaking for itself"])
def test_memory_does_not_grow_with_the_files(described: bool, tmp_path: Path) -> None:
    small, large = (peak(tmp_path / str(size), size, described=described) for size in (300_000, 300_000_000))
    print(f"{small:.0f} MB for 300 kB, {large:.0f} MB for 300 MB")
    assert large < small + 20
