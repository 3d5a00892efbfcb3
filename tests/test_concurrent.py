"""Several prepare-release at once on one repository: one release, and everybody hears what became of theirs."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crashing import Ended, Nursery
from projects import Project, make_project

pytestmark = pytest.mark.skipif(os.name == "nt", reason="fork and SIGSTOP are POSIX")

COMMAND = ("prepare", "1.4.0", "--date", "2026-02-03", "--format", "json")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Project]:
    """Copy a prepared project; a few more fragments make more to bring along."""
    original = make_project(tmp_path / "original", fragments={f"{number}.misc.md": "" for number in range(1, 9)})
    original.git("config", "core.fsync", "none")
    shutil.rmtree(original.path / ".git/hooks")

    def copy() -> Project:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        return Project(shutil.copytree(original.path, tmp_path / "copy"))

    return copy


def check(project: Project, parent: str, ended: list[Ended]) -> None:
    """Demand one release commit on the parent, nothing beside it, and an answer of our own to each process."""
    codes = sorted(one.code for one in ended)
    assert set(codes) <= {0, 1, 3}, ended
    assert 0 in codes, ended
    for one in ended:
        if one.code == 3:
            # What is said must be so: git's own lock or another run was in the way, never a file that vanished from us.
            what = json.loads(one.out)["error"]["what"]
            assert (".lock" in what and "/tagready" not in what) or "somebody else" in what, what
    assert project.git("rev-parse", "HEAD^") == parent
    assert project.status() == ""
    assert project.git("diff", "HEAD") == ""
    assert sorted(file.name for file in (project.path / "changelog.d").iterdir()) == [".gitkeep"]
    assert list((project.path / ".git").glob("tagready*")) == []
    assert [str(lock) for lock in (project.path / ".git").rglob("*.lock")] == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "rounds"), [(2, 20), (5, 10)], ids=["two", "five"])
def test_all_started_at_once(fresh: Callable[[], Project], nursery: Nursery, number: int, rounds: int) -> None:
    for _ in range(rounds):
        project = fresh()
        parent = project.head()
        check(project, parent, nursery.together(project.path, COMMAND, number))


@pytest.mark.parametrize("number", [2, 5], ids=["two", "five"])
def test_real_processes_started_at_once(fresh: Callable[[], Project], number: int) -> None:
    for _ in range(2):
        project = fresh()
        parent = project.head()
        processes = [project.spawn(*COMMAND[1:]) for _ in range(number)]
        ended = []
        for process in processes:
            out, err = process.communicate(timeout=60)
            ended.append(Ended(process.returncode, out.decode(), err.decode(), ()))
        check(project, parent, ended)


@pytest.mark.slow
def test_another_run_passes_while_one_is_held_at_any_edge(fresh: Callable[[], Project], nursery: Nursery) -> None:
    """The first process is stopped before each of its writes and git calls in turn, and the second runs meanwhile."""
    wrong = {}
    for at in itertools.count(1):
        project = fresh()
        parent = project.head()
        held = nursery.hold(project.path, COMMAND, at)
        if isinstance(held, Ended):
            break
        other = project.run(*COMMAND)
        first = nursery.release(held)
        try:
            check(project, parent, [first, Ended(other.code, other.out, other.err, ())])
        except AssertionError as error:
            wrong[f"{at}: {first.edges[at - 1]}"] = str(error)[:300]
    assert at > 40
    assert not wrong, "\n\n".join(f"{where}\n{what}" for where, what in wrong.items())


def test_another_version_meanwhile_is_said_to_be_somebody_elses(fresh: Callable[[], Project], nursery: Nursery) -> None:
    """Held just before it moves the branch, a run finds the branch moved by a release that is not its own."""
    project = fresh()
    edges = nursery.run(project.path, COMMAND).edges
    at = next(number for number, edge in enumerate(edges, 1) if "update-ref" in edge)
    project = fresh()
    held = nursery.hold(project.path, COMMAND, at)
    assert not isinstance(held, Ended)
    assert project.prepare("2.0.0", "--date", "2026-02-03").code == 0
    after = project.fingerprint()
    first = nursery.release(held)
    assert first.code == 3, first
    assert "somebody else" in first.out
    assert project.fingerprint() == after
