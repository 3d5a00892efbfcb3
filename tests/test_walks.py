"""From nothing to an installed package, by the commands that people type; and the same from towncrier on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from actions import Run
from buildable import FLIT, vendor, wheel_of
from forge_server import ForgeServer
from projects import Project, add_remote
from releasing import PYTHON, RELEASE, Index, Site, Template, merge, summary
from warehouse import TOKEN

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the workflows are for Linux")

Walk = Callable[[Project], "Walker"]


class Walker:
    """Somebody at a keyboard, in the folder of a project."""

    def __init__(self, site: Site) -> None:
        self.site, self.project = site, site.project
        self.numbers = iter(range(1, 100))

    def types(self, *command: str, code: int = 0) -> str:
        """Run a command, which ends with this code, and return what it prints."""
        environment = os.environ | {"TAGREADY_INDEX_URL": self.site.index.simple_url, "NO_COLOR": "1"}
        name, *arguments = command
        program = str(Path(sys.executable).with_name(name)) if name in ("tagready", "prepare-release") else name
        done = subprocess.run(
            [program, *arguments], cwd=self.project.path, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        return done.stdout

    def opens_a_pull_request(self, branch: str, result: str = "success") -> Run:
        """Push the branch; what the gate says of it is known."""
        run = self.site.gate(branch, next(self.numbers))
        assert run.execute() == result, run.log
        return run

    def merges(self, branch: str) -> None:
        merge(self.project, branch, next(self.numbers))

    def is_released(self, tag: str) -> Run:
        run = self.site.run(RELEASE, "push", f"refs/tags/{tag}")
        assert run.execute() == "success", run.log
        return run

    def installs(self, requirement: str, folder: Path) -> dict[str, str]:
        """Install from the index, and return the environment in which that is found."""
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--isolated",
            "--no-cache-dir",
            "--target",
            str(folder),
        ]
        address = ["--index-url", self.site.index.simple_url]
        subprocess.run([*pip, *address, requirement], check=True, env=os.environ | {"PIP_FIND_LINKS": ""})
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """Put a project on GitHub, and return its maintainer; an index lists the tagready that is here."""
    with Index() as index, ForgeServer() as forge:

        def start(project: Project) -> Walker:
            remote = add_remote(project, tmp_path / "on-github.git")
            index.put(wheel_of(tmp_path / "tool", {"tagready.py": ""}, "tagready", version("tagready")))
            return Walker(Site(tmp_path / "site", Template(project, remote), index, forge, TOKEN))

        yield start


def package(path: Path, version: str, more: str = "") -> Project:
    """A package with nothing but code and a test, which builds offline."""
    path.mkdir()
    project = Project(path)
    project.git("init", "-q")
    about = f'[project]\nname = "hello"\nversion = "{version}"\ndescription = "Says hello"\nreadme = "README.md"\n'
    classifier = f'requires-python = ">=3.11"\nclassifiers = ["Programming Language :: Python :: {PYTHON}"]\n'
    project.write("pyproject.toml", about + classifier + FLIT + more)
    project.write("README.md", "# hello\n\nSays hello.\n")
    project.write("hello.py", '"""Says hello."""\n\nif __name__ == "__main__":\n    print("hello")\n')
    project.write("tests/test_hello.py", "import hello\n\n\ndef test_it():\n    assert hello.__doc__\n")
    vendor(project)
    project.commit("Say hello")
    return project


def test_from_nothing_to_an_installed_package(walk: Walk, tmp_path: Path) -> None:
    me = walk(package(tmp_path / "hello", "0.0.0"))
    project = me.project

    # Once.
    me.types("tagready", "init", "--yes")
    me.types("git", "add", "--all")
    me.types("git", "commit", "-q", "-m", "Release with tagready")
    me.types("git", "push", "-q", "origin", "main")
    me.types("tagready", "init", "--check")

    # A change.
    me.types("git", "switch", "-q", "-c", "1-louder")
    project.write("hello.py", project.read("hello.py").replace('"hello"', '"HELLO"'))
    me.types("git", "commit", "-q", "-a", "-m", "Say it louder")
    refused = me.opens_a_pull_request("1-louder", "failure")
    assert "fragment-missing" in {note.place.get("title") for note in refused.annotations}
    me.types("tagready", "add", "feature", "-m", "Say it louder.")
    assert "Say it louder." in project.read("changelog.d/1.feature.md")
    me.types("git", "add", "--all")
    me.types("git", "commit", "-q", "-m", "Tell of it")
    me.types("tagready", "check", "--since", "main")
    me.opens_a_pull_request("1-louder")
    me.merges("1-louder")

    # A release.
    assert "0.1.0" in me.types("tagready", "status")
    me.types("prepare-release", "auto", "--push")
    gate = me.opens_a_pull_request("release/0.1.0")
    assert "[x] The release is tag-ready" in summary(gate, "check")
    assert gate.results["release"] == "success"
    me.merges("release/0.1.0")
    me.types("tagready", "tag", "--push")
    me.is_released("v0.1.0")
    assert "remote tag  ✓ as intended   v0.1.0" in me.types("tagready", "status", "0.1.0")

    # What people have.
    environment = me.installs("hello", tmp_path / "installed")
    said = subprocess.run([sys.executable, "-m", "hello"], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "HELLO\n"
    [release] = me.site.forge.releases
    assert (release.tag, release.draft) == ("v0.1.0", False)
    assert release.body == "### Features\n\n- Say it louder. (#1)\n"


TOWNCRIER = """
[tool.towncrier]
package = "hello"
directory = "newsfragments"
filename = "NEWS.rst"
title_format = "{name} {version} ({project_date})"
issue_format = "`#{issue} <https://example.org/{issue}>`_"

[[tool.towncrier.type]]
directory = "change"
name = "Changes"
showcontent = true

[[tool.towncrier.type]]
directory = "misc"
name = "Miscellaneous"
showcontent = false
"""
NEWS = """\
====
News
====

.. towncrier release notes start

hello 2.0.0 (2026-01-01)
========================

Changes
-------

- Say hello. (`#1 <https://example.org/1>`_)
"""


def test_a_project_with_towncrier_goes_on_as_before(walk: Walk, tmp_path: Path) -> None:
    old = package(tmp_path / "hello", "2.0.0", TOWNCRIER)
    old.write("NEWS.rst", NEWS)
    old.write("newsfragments/.gitignore", "!.gitignore\n")
    old.commit("Prepare 2.0.0")
    old.git("tag", "-a", "-m", "2.0.0", "2.0.0")
    old.write("newsfragments/2.change.rst", "Say it *twice*.\n")
    old.write("newsfragments/3.misc.rst", "")
    old.write("hello.py", old.read("hello.py").replace('"hello"', '"hello hello"'))
    old.commit("Say it twice")
    me = walk(old)
    project = me.project
    pyproject = project.read("pyproject.toml")

    me.types("tagready", "init", "--yes")
    assert project.read("pyproject.toml").startswith(pyproject)
    assert project.read("NEWS.rst") == NEWS
    assert not (project.path / "changelog.d").exists()
    assert not (project.path / "towncrier.toml").exists()
    me.types("git", "add", "--all")
    me.types("git", "commit", "-q", "-m", "Release with tagready")
    me.types("git", "push", "-q", "origin", "main")

    me.types("prepare-release", "2.1.0", "--push")
    gate = me.opens_a_pull_request("release/2.1.0")
    assert gate.results == {"check": "success", "test": "success", "release": "success"}
    me.merges("release/2.1.0")
    me.types("tagready", "tag", "--push")
    # As the project tags: without a v, and annotated.
    assert project.git("cat-file", "-t", "2.1.0") == "tag"
    me.is_released("2.1.0")

    environment = me.installs("hello==2.1.0", tmp_path / "installed")
    said = subprocess.run([sys.executable, "-m", "hello"], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "hello hello\n"
    [release] = me.site.forge.releases
    assert (release.tag, release.title, release.draft) == ("2.1.0", "hello 2.1.0", False)
    assert "Say it *twice*. ([#2](https://example.org/2))" in release.body
    assert "hello 2.1.0 (" in project.show("NEWS.rst", "2.1.0")
