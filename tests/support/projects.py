"""Real projects in real repositories, for tests that run the real commands."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tagready import cli

#: When time stands still, and what lets an entry be of that day.
NOON = "2026-02-03T12:00:00+0000"
DAY = ("--date", "2026-02-03")

MARKER = "<!-- towncrier release notes start -->"
RST_MARKER = ".. towncrier release notes start"

PYPROJECT = """\
[project]
name = "demo"   # the name
version = "1.3.0"   # bumped by tagready

[tool.towncrier]
directory = "changelog.d"
filename = "CHANGELOG.md"
title_format = "## {version} ({project_date})"
"""

CHANGELOG = f"""\
# Changelog

{MARKER}

## 1.3.0 (2026-01-01)

### Features

- The first one. (#1)
"""


def with_keys(keys: str, head: str = PYPROJECT) -> str:
    """A pyproject.toml with keys of ours."""
    return f"{head}\n[tool.tagready]\n{keys}\n"


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        answer = json.loads(self.out)
        assert isinstance(answer, dict)
        return answer

    @property
    def rules(self) -> list[str]:
        """The rules of the findings that are errors, as the JSON names them."""
        return [found["rule"] for found in self.json["findings"] if found["level"] == "error"]


@dataclass(frozen=True)
class Project:
    """A repository with a working tree; every method leaves it real."""

    path: Path

    def copy(self, path: Path) -> Project:
        """Return a copy, which takes a tenth of the time that making it takes."""
        return Project(Path(shutil.copytree(self.path, path, symlinks=True)))

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.path, capture_output=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"git {arguments}: {done.stderr.decode()}")
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def write(self, name: str, text: str | bytes) -> Path:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return target

    def read(self, name: str) -> str:
        return (self.path / name).read_bytes().decode()

    def commit(self, message: str = "Change", **files: str | bytes) -> str:
        """Write files (`dir__name` would be ugly: use write() for paths), commit everything, return the commit."""
        for name, text in files.items():
            self.write(name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head()

    def head(self, revision: str = "HEAD") -> str:
        return self.git("rev-parse", revision)

    def tree(self, revision: str = "HEAD") -> str:
        return self.git("rev-parse", f"{revision}^{{tree}}")

    def show(self, name: str, revision: str = "HEAD") -> str:
        done = subprocess.run(["git", "show", f"{revision}:{name}"], cwd=self.path, capture_output=True, check=True)
        return done.stdout.decode()

    def status(self) -> str:
        return self.git("status", "--porcelain")

    def prepare(self, *arguments: str) -> Result:
        """Run prepare-release in this process, in the project's folder."""
        return self.run("prepare", *arguments)

    def run(self, *arguments: str) -> Result:
        """Run `tagready` in this process, in the project's folder."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.path), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(cli.cli, list(arguments))
        return Result(code, out.getvalue(), err.getvalue())

    def spawn(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start prepare-release as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tagready", "prepare", *arguments],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
        )

    def fingerprint(self) -> str:
        """Return a hash of refs, HEAD, index, configuration and every file of the working tree."""
        digest = hashlib.sha256()
        for part in (self.git("show-ref", "--head", check=False), self.git("ls-files", "-s", "-v", "-z")):
            digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
        for file in sorted(self.path.rglob("*")):
            inside = file.relative_to(self.path)
            if inside.parts[0] == ".git" and inside.parts[1:2] != ("config",):
                continue
            digest.update(os.fsencode(inside) + b"\0")
            if file.is_symlink():
                digest.update(os.fsencode(file.readlink()))
            elif file.is_file():
                digest.update(file.read_bytes() + oct(file.stat().st_mode).encode())
        return digest.hexdigest()


def make_project(
    path: Path,
    *,
    pyproject: str = PYPROJECT,
    changelog: str | bytes | None = CHANGELOG,
    fragments: dict[str, str | bytes] | None = None,
    tag: str | None = "v1.3.0",
) -> Project:
    """Return a committed project with fragments to release; the tag stands on the commit before them."""
    path.mkdir(parents=True, exist_ok=True)
    project = Project(path)
    project.git("init", "--quiet", "--initial-branch=main")
    project.write("pyproject.toml", pyproject)
    project.write("changelog.d/.gitkeep", "")
    if changelog is not None:
        project.write("CHANGELOG.md", changelog)
    project.commit("Start")
    if tag:
        project.git("tag", tag)
    chosen = {"12.feature.md": "Add colour.\n", "13.bugfix.md": "Mend it.\n"} if fragments is None else fragments
    for name, text in chosen.items():
        project.write(f"changelog.d/{name}", text)
    project.commit("Add news")
    return project


def add_remote(project: Project, path: Path, name: str = "origin") -> Path:
    """Give the project a bare remote that has its branch and tags, and return the remote's folder."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(path)], check=True)
    project.git("remote", "add", name, str(path))
    project.git("push", "--quiet", "--set-upstream", name, "main", "--tags")
    return path


def make_pair(folder: Path, **options: Any) -> Project:
    """Return a project in a folder with its remote beside it, which it names by a relative path: see `copy_pair`."""
    project = make_project(folder / "demo", **options)
    add_remote(project, folder / "remote.git")
    project.git("config", "remote.origin.url", "../remote.git")
    return project


def copy_pair(project: Project, folder: Path) -> Project:
    """Return a copy of a project, with a copy of the remote beside it."""
    shutil.copytree(project.path.parent, folder, symlinks=True, dirs_exist_ok=True)
    return Project(folder / project.path.name)


@contextlib.contextmanager
def at_noon() -> Iterator[None]:
    """Let every commit and tag be of the day that the entries have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_AUTHOR_DATE", NOON)
        patch.setenv("GIT_COMMITTER_DATE", NOON)
        yield


def script(path: Path, text: str) -> str:
    """Make an executable shell script, and return its name as a shell takes it."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return shlex.quote(str(path))


#: Lets the first flush of a stream through, and nothing after it: what git's protocol sends first.
LOSING = """
import sys
source, target = sys.stdin.buffer, sys.stdout.buffer
size = 1
while size:
    head = source.read(4)
    size = int(head or b'0', 16)
    target.write(head + source.read(max(size - 4, 0)))
target.flush()
source.read()
"""


def lose_answers(project: Project, path: Path) -> None:
    """Let the remote take what is pushed to it, and the connection break before it can say so."""
    receive = script(path, f'git-receive-pack "$@" | {shlex.quote(sys.executable)} -c "{LOSING}"')
    project.git("config", "remote.origin.receivepack", receive)
