"""Projects for init: one that has nothing, and five of different shapes (backend, place, changelog); and its answer."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from projects import Project, Result, make_project

#: What a project states that has nothing else.
PLAIN = '[project]\nname = "demo"\nversion = "1.3.0"\n'

HATCHLING = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "lantern"
version = "1.3.0"
requires-python = ">=3.11"

[dependency-groups]
test = ["pytest>=8", "pytest-xdist>=3"]
"""

SETUPTOOLS = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "lantern"
version = "1.3.0"
classifiers = [
  "Programming Language :: Python :: 2.7",
  "Programming Language :: Python :: 3",
  "Programming Language :: Python :: 3.12",
  "Programming Language :: Python :: 3.9",
]

[project.optional-dependencies]
dev = ["pytest"]
"""
SETUPTOOLS_CHANGES = """\
Changelog
=========

v1.3.0 (2026-01-01)
-------------------

New
~~~

- Lamps.
"""

FLIT = """\
[build-system]
requires = ["flit_core >=3.11,<5"]
build-backend = "flit_core.buildapi"

[project]
name = "lantern"
dynamic = ["version", "description"]
requires-python = ">=3.12"
"""
FLIT_CHANGELOG = """\
# Changelog

The format is based on [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).

## [Unreleased]

### Added

- Lamps can be dimmed.

## [1.3.0] - 2026-01-01

### Added

- Lamps.

[unreleased]: https://codeberg.org/example/lantern/compare/v1.3.0...HEAD
[1.3.0]: https://codeberg.org/example/lantern/releases/tag/v1.3.0
"""

POETRY = """\
[build-system]
requires = ["poetry-core>=2"]
build-backend = "poetry.core.masonry.api"

[tool.poetry]
name = "lantern"
version = "1.3.0"
description = "Lamps"
authors = ["A. Lamp <lamp@example.org>"]

[tool.poetry.dependencies]
python = "^3.12"

[tool.poetry.group.test]
optional = true

[tool.poetry.group.test.dependencies]
pytest = ">=8"

[tool.towncrier]
directory = "news"
filename = "NEWS.rst"
name = "lantern"
issue_format = "`#{issue} <https://gitlab.com/example/lantern/-/issues/{issue}>`__"

[[tool.towncrier.type]]
directory = "change"
name = "Changes"
showcontent = true

[[tool.towncrier.type]]
directory = "fix"
name = "Fixes"
showcontent = true
"""
POETRY_NEWS = """\
.. towncrier release notes start

lantern 1.3.0 (2026-01-01)
==========================

Changes
-------

- Lamps.
"""

UV = """\
[build-system]
requires = ["uv_build>=0.8,<0.15"]
build-backend = "uv_build"

[project]
name = "lantern"
version = "1.3.0"
requires-python = ">=3.13"

[dependency-groups]
dev = ["pytest>=8"]

[tool.tagready]
publish = { trusted = true }
"""
UV_LOCK = 'version = 1\n\n[[package]]\nname = "lantern"\nversion = "1.3.0"\n\n[[package]]\nname = "pytest"\n'


class Shape(NamedTuple):
    """A project: its files below `root` in the repository, the address of its remote, its tag, and one fragment."""

    files: dict[str, str]
    remote: str
    fragment: str
    tag: str = "v1.3.0"
    root: str = ""
    branch: str = "main"


SHAPES = {
    "hatchling": Shape(
        {"pyproject.toml": HATCHLING, "tests/test_lantern.py": "", "lantern/__init__.py": ""},
        "https://github.com/example/lantern.git",
        "changelog.d/7.feature.md",
    ),
    "setuptools": Shape(
        {"pyproject.toml": SETUPTOOLS, "CHANGES.rst": SETUPTOOLS_CHANGES, "tests/test_lantern.py": ""},
        "git@github.com:example/lamps.git",
        "changelog.d/7.bugfix.rst",
        tag="lantern-1.3.0",
        root="python/lan tern",
        branch="develop",
    ),
    "flit": Shape(
        {
            "pyproject.toml": FLIT,
            "CHANGELOG.md": FLIT_CHANGELOG,
            "CONTRIBUTING.md": "# Contributing\n\nWrite to us.\n",
            "lantern/__init__.py": '"""Lamps."""\n\n__version__ = "1.3.0"\n',
        },
        "ssh://git@codeberg.org/example/lantern.git",
        "changelog.d/7.fixed.md",
    ),
    "poetry": Shape(
        {
            "pyproject.toml": POETRY,
            "NEWS.rst": POETRY_NEWS,
            "CONTRIBUTING.rst": "Contributing\n************\n\nTest it\n+++++++\n\nPlease.\n",
            "news/.gitignore": "!.gitignore\n",
            "tests/__init__.py": "",
        },
        "https://someone:secret@gitlab.com/example/lantern.git",
        "news/7.fix.rst",
        tag="1.3.0",
        branch="master",
    ),
    "uv": Shape(
        {
            "pyproject.toml": UV,
            "uv.lock": UV_LOCK,
            ".gitmodules": '[submodule "glass"]\n\tpath = glass\n\turl = https://git.example.org/example/glass\n',
            ".github/workflows/ci.yml": "on: push\npermissions: {}\njobs: {}\n",
            "src/lantern/__init__.py": "",
        },
        "https://git.example.org/example/lantern",
        "changelog.d/7.feature.md",
    ),
}


def plain_project(folder: Path) -> Project:
    """Return a project that has nothing but its name, its version and a test."""
    project = make_project(folder, pyproject=PLAIN, changelog=None, fragments={})
    project.git("rm", "--quiet", "-r", "changelog.d")
    project.write("tests/test_demo.py", "")
    project.commit("Start over")
    return project


def init(project: Project, *arguments: str, code: int = 0) -> Result:
    """Run init, and return its answer."""
    done = project.run("init", *arguments)
    assert done.code == code, done.out + done.err
    return done


def steps(done: Result) -> dict[str, str]:
    """Return what init's JSON says that is done with each file."""
    return {file["path"]: file["action"] for file in done.json["files"]}


def shaped(folder: Path, name: str) -> Project:
    """Return a project of a shape, committed, tagged, and pushed to what its remote's address stands for here."""
    shape = SHAPES[name]
    top = folder / "repository"
    top.mkdir(parents=True)
    project = Project(top)
    project.git("init", "--quiet", f"--initial-branch={shape.branch}")
    for path, text in shape.files.items():
        project.write(path if path.startswith(".github") else f"{shape.root}/{path}".lstrip("/"), text)
    project.commit("Start")
    project.git("tag", shape.tag)
    bare = folder / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", f"--initial-branch={shape.branch}", str(bare)], check=True)
    project.git("config", f"url.{bare}.insteadOf", shape.remote)
    project.git("remote", "add", "origin", shape.remote)
    project.git("push", "--quiet", "--set-upstream", "origin", shape.branch, "--tags")
    project.git("remote", "set-head", "origin", "--auto")
    return Project(top / shape.root)
