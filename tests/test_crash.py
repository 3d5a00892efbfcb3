"""Nothing is ever half-done: prepare-release killed at every edge, interrupted, and refused by the world.

The edges are enumerated from an undisturbed run, never sampled: each write and each start of a git that Python makes,
each end of a git command, each write inside git. After each kill the contract is judged twice: as the kill left things,
and after the same command ran again.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from crashing import Nursery
from projects import PYPROJECT, Project, Result, add_remote, make_project

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL, fork and SIGSTOP are POSIX")

DATE = ("--date", "2026-02-03")
#: What the user has going on beside the release, by path: committed, staged and on disk; None is absent.
BESIDE: dict[str, tuple[str | None, str | None, str | None]] = {
    "edited.txt": ("old\n", "old\n", "edited\n"),
    "staged.txt": ("old\n", "staged\n", "staged\n"),
    "both.txt": ("old\n", "staged\n", "staged\nand edited\n"),
    "added.txt": (None, "added\n", "added\n"),
    "dropped.txt": ("old\n", None, None),
    "scratch.txt": (None, None, "untracked\n"),
    "changelog.d/.idea": (None, None, "untracked, beside the fragments\n"),
}


@dataclass(frozen=True)
class Release:
    """What is asked for, and what it must come to."""

    name: str
    arguments: tuple[str, ...]
    branch: str = "main"
    remote: bool = False
    tag: bool = False
    hooks: str = ""
    keep_folder: bool = True

    @property
    def command(self) -> tuple[str, ...]:
        return ("prepare", *self.arguments)


RELEASES = [
    Release("plain", ("1.4.0", *DATE)),
    Release("tag and push", ("1.4.0", *DATE, "--tag", "--push"), remote=True, tag=True),
    Release("branch and push", ("1.4.0", *DATE, "--branch", "--push"), branch="release/1.4.0", remote=True),
    Release("word", ("minor", *DATE), keep_folder=False),
    Release(
        "hook",
        ("1.4.0", *DATE),
        hooks='\n[tool.tagready.hooks]\nbefore-commit = [{run = "cp CHANGELOG.md NEWS", adds = ["NEWS"]}]\n',
    ),
]

State = tuple[frozenset[tuple[str, bytes]], int]
#: Sets of locks that a re-run has named already; waiting for the same ones again would show nothing new.
NAMED: set[frozenset[str]] = set()


@dataclass(frozen=True)
class Head:
    """What a ref leads to: the commit, and what the contract compares of it."""

    oid: str
    content: tuple[str, ...]


def put_beside(project: Project) -> None:
    """Let the user have edits, staged changes and untracked files of every kind."""
    for name, (committed, staged, disk) in BESIDE.items():
        if staged is not None:
            project.write(name, staged)
            project.git("add", name)
        elif committed is not None:
            project.git("rm", "--quiet", name)
        if disk is not None:
            project.write(name, disk)


def spare(repository: Path) -> None:
    """Let git not wait for the disk, and give it fewer files to copy: a killed process needs neither."""
    subprocess.run(["git", f"--git-dir={repository}", "config", "core.fsync", "none"], check=True)
    shutil.rmtree(repository / "hooks")
    (repository / "hooks").mkdir()


@dataclass
class Scene:
    """A prepared project that is copied for every run, and what an undisturbed release makes of it."""

    release: Release
    folder: Path
    nursery: Nursery
    runs: int = 0
    locks: int = 0
    #: States that kills left and that were judged; many edges concern a scratch folder only, and leave the same one.
    judged: set[State] = field(default_factory=set, repr=False)
    #: What lies about after a re-run although nobody needs it, by the edge of the kill.
    litter: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        release, original = self.release, self.folder / "original"
        project = make_project(original / "demo", pyproject=PYPROJECT + release.hooks)
        old = {name: committed for name, (committed, _, _) in BESIDE.items() if committed is not None}
        if not release.keep_folder:
            project.git("rm", "--quiet", "changelog.d/.gitkeep")
        project.commit("Have more files", **old)
        if release.remote:
            add_remote(project, original / "remote.git")
            project.git("remote", "set-url", "origin", "../remote.git")
            # What the remote's own git writes is another machine's; the library that counts is not for it.
            project.git("config", "remote.origin.receivepack", "env -u LD_PRELOAD git-receive-pack")
        for repository in (project.path / ".git", original / "remote.git"):
            if repository.exists():
                spare(repository)
        put_beside(project)
        if not release.keep_folder:
            (project.path / "changelog.d/.idea").unlink()
        self.old = project.head()
        self.before = refs_of(project)["refs/heads/main"]
        self.beside = self.seen(project)
        done = self.fresh()
        assert self.again(done).code == 0
        self.new = refs_of(done)[f"refs/heads/{release.branch}"].content
        assert self.new[1] == self.old
        self.check_finished(done)

    def fresh(self) -> Project:
        """Return a copy that no run has touched."""
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        shutil.copytree(self.folder / "original", self.folder / "copy", symlinks=True)
        return Project(self.folder / "copy" / "demo")

    def again(self, project: Project) -> Result:
        self.runs += 1
        return project.prepare(*self.release.arguments, "--format", "json")

    def seen(self, project: Project) -> dict[str, tuple[str, bytes | None]]:
        """Return what git says of every path that is not as committed, and what the disk has at the user's own."""
        output = project.git("--no-optional-locks", "status", "--porcelain=v2", "-z", "--untracked-files=all")
        lines = {line.rsplit(" ", 1)[-1]: line for line in output.split("\0") if line}
        files = {name: project.path / name for name in {*BESIDE, *lines}}
        return {
            name: (lines.get(name, ""), file.read_bytes() if file.exists() else None) for name, file in files.items()
        }

    def check_killed(self, project: Project) -> None:
        """Demand that the branch is at the old commit or at the finished one, and that what is the user's is whole."""
        refs = refs_of(project)
        there = refs.get(f"refs/heads/{self.release.branch}")
        if there and there.oid != self.old:
            assert there.content == self.new
            project.git("fsck", "--no-dangling", "--connectivity-only")
        if self.release.branch != "main":
            assert refs["refs/heads/main"].oid == self.old
        seen = self.seen(project)
        assert {name: seen[name] for name in BESIDE} == {name: self.beside[name] for name in BESIDE}

    def check_finished(self, project: Project) -> None:
        """Demand what an undisturbed run makes, everywhere, and nothing beside it."""
        release, refs = self.release, refs_of(project)
        assert (project.path / ".git/HEAD").read_text() == "ref: refs/heads/main\n"
        commit = refs[f"refs/heads/{release.branch}"]
        assert commit.content == self.new
        assert self.seen(project) == self.beside
        branches = {"refs/heads/main": commit if release.branch == "main" else self.before}
        branches |= {f"refs/heads/{release.branch}": commit}
        tags = {"refs/tags/v1.3.0": refs["refs/tags/v1.3.0"]} | ({"refs/tags/v1.4.0": commit} if release.tag else {})
        assert {name: oid for name, oid in refs.items() if "remotes" not in name} == branches | tags
        if release.remote:
            assert refs_of(Project(project.path.parent / "remote.git")) == branches | tags
        if not release.keep_folder:
            assert not (project.path / "changelog.d").exists()

    def finish(self, project: Project) -> None:
        """Run the command again until it is done; only a lock that it names may stand in its way."""
        locks = locks_in(project)
        names = frozenset(str(lock.relative_to(project.path.parent)) for lock in locks)
        if names in NAMED:
            for lock in locks:
                lock.unlink()
        for _ in range(5):
            done = self.again(project)
            if done.code == 0:
                return
            assert done.code == 3, (done.code, done.out, done.err)
            named = re.search(r"/\S+\.lock", done.json["error"]["what"])
            assert named, done.out
            NAMED.add(names)
            self.locks += 1
            Path(named[0]).unlink()
        raise AssertionError(f"not finished after five runs: {done.out}")

    def killed_before_files(self) -> Project:
        """Return a project whose branch has moved, and nothing else: the run was killed there."""
        edges = self.nursery.run(self.fresh().path, self.release.command).edges
        at = next(number for number, edge in enumerate(edges, 1) if edge.startswith("os.rename "))
        project = self.fresh()
        self.nursery.run(project.path, self.release.command, at=at)
        assert project.head() != self.old
        return project

    def survive(self, watch: str, action: str = "KILL") -> int:
        """End a run at every edge of a kind, look, run it again, look again; return the number of edges.

        A run may come by an edge more or less than another one, as hashes share folders or don't; so it goes on until
        a run comes to its end undisturbed.
        """
        expected = {"KILL": -signal.SIGKILL, "INT": 130}[action]
        for at in itertools.count(1):
            project = self.fresh()
            ended = self.nursery.run(project.path, self.release.command, watch=watch, at=at, action=action)
            self.runs += 1
            if len(ended.edges) < at:
                assert ended.code == 0, ended
                break
            try:
                assert ended.code == expected, ended
                if (state := state_of(project)) in self.judged:
                    continue
                self.judged.add(state)
                self.check_killed(project)
                self.finish(project)
                self.check_finished(project)
                if litter := litter_in(project):
                    self.litter[f"{at}: {ended.edges[-1]}"] = litter
            except AssertionError as error:
                where = f"edge {at} of {watch}, {ended.edges[at - 1]}"
                raise AssertionError(f"{self.release.name}: {action} at {where}: {error}") from error
        counts = f"{at - 1} edges, {len(self.judged)} states, {self.runs} runs, {self.locks} locks named"
        print(f"{self.release.name}, {watch}, {action}: {counts}")
        assert not self.litter
        return at - 1


def refs_of(project: Project) -> dict[str, Head]:
    """Return every ref with the commit that it leads to; the tags of these projects are light."""
    fields = "%00".join(f"%({name})" for name in ("refname", "objectname", "tree", "parent", "contents"))
    output = project.git("for-each-ref", f"--format={fields}%01")
    rows = (row.strip("\n").split("\0") for row in output.split("\1") if row.strip("\n"))
    return {name: Head(oid, tuple(content)) for name, oid, *content in rows}


def state_of(project: Project) -> State:
    """Return every byte that lies in the repository and its remote, and how many objects they have."""
    files = [file for file in project.path.parent.rglob("*") if file.is_file()]
    objects = [file for file in files if "objects" in file.parts]
    return frozenset({(str(file), file.read_bytes()) for file in {*files} - {*objects}}), len(objects)


def locks_in(project: Project) -> list[Path]:
    """Return the locks that killed gits left in the repository and in its remote; those in our stage bar nobody."""
    found = sorted(project.path.parent.rglob("*.lock"))
    return [lock for lock in found if "/.git/tagready" not in str(lock)]


def litter_in(project: Project) -> list[str]:
    """Return what a release needs only while it is made: our stage, and worktrees for the user's commands."""
    git = project.path / ".git"
    return [str(place.relative_to(git)) for place in (*git.glob("tagready*"), *git.glob("worktrees/*"))]


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture
def scene(tmp_path: Path, nursery: Nursery) -> Callable[[Release], Scene]:
    return lambda release: Scene(release, tmp_path, nursery)


def by_name(release: Release) -> str:
    return release.name.replace(" ", "-")


# -- killed ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("release", [each for each in RELEASES if not each.hooks], ids=by_name)
def test_killed_before_any_write_or_git_call(scene: Callable[[Release], Scene], release: Release) -> None:
    assert scene(release).survive("python") > 20


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES, ids=by_name)
def test_killed_after_any_git_call(scene: Callable[[Release], Scene], release: Release) -> None:
    assert scene(release).survive("git") > 9


@pytest.mark.slow
@pytest.mark.parametrize("release", [each for each in RELEASES if each.remote or each.hooks], ids=by_name)
def test_killed_together_with_git_before_any_write_inside_git(
    scene: Callable[[Release], Scene], nursery: Nursery, release: Release
) -> None:
    if nursery.tools.library is None:
        pytest.skip("the library that sees git's writes needs Linux and a C compiler")
    assert scene(release).survive("inside") > 20


@pytest.mark.slow
def test_killed_at_random_times(scene: Callable[[Release], Scene]) -> None:
    """A real process; only tagready is killed, so that a git which it had started may go on beside the next run."""
    stage = scene(RELEASES[1])
    started = time.monotonic()
    assert finished(stage.fresh().spawn(*stage.release.arguments)).code == 0
    whole = time.monotonic() - started
    chance = random.Random(14)
    for _ in range(12):
        project = stage.fresh()
        process = project.spawn(*stage.release.arguments)
        time.sleep(chance.uniform(0.4, 1.1) * whole)
        process.kill()
        finished(process)
        stage.check_killed(project)
        stage.finish(project)
        stage.check_finished(project)


def finished(process: subprocess.Popen[bytes]) -> Result:
    out, err = process.communicate(timeout=60)
    return Result(process.returncode, out.decode(), err.decode())


def test_an_edit_made_after_the_kill_is_refused_and_kept(scene: Callable[[Release], Scene]) -> None:
    """Between the kill and the next run somebody edits a file that the release has moved in the commit only."""
    stage = scene(RELEASES[0])
    for name in ("CHANGELOG.md", "pyproject.toml", "changelog.d/12.feature.md"):
        project = stage.killed_before_files()
        text = project.read(name) + "# somebody's\n"
        project.write(name, text)
        before = project.fingerprint()
        refused = stage.again(project)
        assert (refused.code, refused.rules) == (1, ["tree-dirty"]), refused
        assert [found["path"] for found in refused.json["findings"]] == [name]
        assert project.fingerprint() == before
        project.write(name, text.removesuffix("# somebody's\n"))
        assert stage.again(project).code == 0
        stage.check_finished(project)


# -- interrupted -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("watch", ["python", "git"])
def test_interrupted_at_any_edge(scene: Callable[[Release], Scene], watch: str) -> None:
    """Ctrl-C reaches Python, or git and Python at once; either way the exit code is 130."""
    assert scene(RELEASES[1]).survive(watch, "INT") > 9


# -- locks -----------------------------------------------------------------------------------------------------------


LOCKS = ["index.lock", "HEAD.lock", "refs/heads/main.lock"]


@pytest.mark.parametrize("lock", LOCKS)
def test_stale_lock_is_named_and_nothing_changes(project: Project, lock: str) -> None:
    check_lock(project, lock)


def test_stale_lock_is_named_by_a_run_that_has_something_to_finish(scene: Callable[[Release], Scene]) -> None:
    stage = scene(RELEASES[0])
    check_lock(stage.killed_before_files(), "index.lock")


def check_lock(project: Project, lock: str) -> None:
    path = project.write(f".git/{lock}", "")
    before = project.fingerprint()
    done = project.prepare("1.4.0", *DATE, "--format", "json")
    assert done.code == 3, done
    assert str(path) in done.json["error"]["what"]
    assert str(path) in done.json["error"]["fix"]
    assert project.fingerprint() == before
    path.unlink()
    assert project.prepare("1.4.0", *DATE).code == 0
    assert project.git("diff", "HEAD", "--", "CHANGELOG.md", "pyproject.toml", "changelog.d") == ""


@pytest.mark.parametrize(
    ("lock", "arguments"),
    [("refs/heads/release/1.4.0.lock", ("--branch",)), ("refs/tags/v1.4.0.lock", ("--tag",))],
    ids=["branch", "tag"],
)
def test_stale_lock_of_the_ref_to_make_is_named(project: Project, lock: str, arguments: tuple[str, ...]) -> None:
    path = project.write(f".git/{lock}", "")
    done = project.prepare("1.4.0", *DATE, *arguments, "--format", "json")
    assert done.code == 3, done
    assert str(path) in done.json["error"]["what"]
    path.unlink()
    assert project.prepare("1.4.0", *DATE, *arguments).code == 0
    assert project.status() == ""


def test_stale_lock_on_the_remote_is_not_ours_to_remove(project: Project, tmp_path: Path) -> None:
    """The path is one of the remote's machine: `rm` here would find nothing, or something else."""
    lock = add_remote(project, tmp_path / "remote.git") / "refs/heads/main.lock"
    lock.write_text("")
    done = project.prepare("1.4.0", *DATE, "--push", "--format", "json")
    assert done.code == 3, done
    assert "main.lock" in done.json["error"]["stderr"]
    assert not done.json["error"]["fix"].count("rm "), done.json["error"]["fix"]
    lock.unlink()
    assert project.prepare("1.4.0", *DATE, "--push").code == 0


# -- refused by the world --------------------------------------------------------------------------------------------


def hook(repository: Path, name: str, script: str) -> Path:
    target = repository / "hooks" / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"#!/bin/sh\n{script}\n")
    target.chmod(0o755)
    return target


@pytest.mark.parametrize("arguments", [(), ("--branch",), ("--tag",)], ids=["direct", "branch", "tag"])
def test_hook_that_refuses_the_ref(project: Project, arguments: tuple[str, ...]) -> None:
    refusing = hook(project.path / ".git", "reference-transaction", '[ "$1" != prepared ] || exit 1')
    before = project.fingerprint()
    done = project.prepare("1.4.0", *DATE, *arguments, "--format", "json")
    assert done.code == 3, done
    assert "aborted by hook" in done.json["error"]["stderr"]
    assert "update-ref" in done.json["error"]["command"]
    assert project.fingerprint() == before
    refusing.unlink()
    assert project.prepare("1.4.0", *DATE, *arguments).code == 0
    assert project.status() == ""


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("update", 'case "$1" in refs/tags/*) echo "no tags from you"; exit 1;; esac'),
        ("pre-receive", 'if grep -q refs/tags/; then echo "no tags from you"; exit 1; fi'),
    ],
    ids=["update", "pre-receive"],
)
def test_remote_that_rejects_the_tag_takes_neither(project: Project, tmp_path: Path, name: str, script: str) -> None:
    remote = Project(add_remote(project, tmp_path / "remote.git"))
    refusing = hook(remote.path, name, script)
    before = refs_of(remote)
    done = project.prepare("1.4.0", *DATE, "--tag", "--push", "--format", "json")
    assert done.code == 3, done
    assert "no tags from you" in done.json["error"]["stderr"]
    assert refs_of(remote) == before
    refusing.unlink()
    done = project.prepare("1.4.0", *DATE, "--tag", "--push")
    assert done.code == 0, done
    assert refs_of(remote) == {name: head for name, head in refs_of(project).items() if "remotes" not in name}
    assert remote.head("v1.4.0") == remote.head("main") == project.head()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes where nobody may")
def test_object_store_that_may_not_be_written(project: Project) -> None:
    before = project.fingerprint()
    store = project.path / ".git/objects"
    folders = [store, *(folder for folder in store.rglob("*") if folder.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        done = project.prepare("1.4.0", *DATE)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert done.code == 3, done
    assert project.fingerprint() == before


@pytest.mark.parametrize("limit", [0, 40, 250])
def test_full_disk(scene: Callable[[Release], Scene], limit: int) -> None:
    """No file may grow beyond the limit, as where the disk is full: the world failed, and nothing is half-done."""
    stage = scene(RELEASES[0])
    project = stage.fresh()
    done = stage.nursery.run(project.path, stage.release.command, watch="", limit=limit)
    stage.check_killed(project)
    stage.finish(project)
    stage.check_finished(project)
    assert done.code == 3, done
