"""What people amended into a release commit of ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from packaging.version import Version

from projects import DAY, PYPROJECT, Project, with_keys
from tagready.commands.releases.amended import has_entry_as_made, has_files_as_made, is_as_made
from tagready.commands.releases.snapshot import take
from tagready.doors.git import discover

HOOK = '[[tool.tagready.hooks.before-commit]]\nrun = "sh -c \'echo $TAGREADY_VERSION > made.txt\'"\nadds = ["*.txt"]\n'


@pytest.mark.parametrize(
    ("name", "old", "new", "entry", "files"),
    [
        pytest.param("", "", "", True, True, id="nothing"),
        pytest.param("CHANGELOG.md", "colour", "all colours", False, True, id="the entry"),
        pytest.param("CHANGELOG.md", "The first", "Our first", True, False, id="an older entry"),
        pytest.param("pyproject.toml", "# the name", "# its name", True, False, id="beside the version"),
        pytest.param("MIGRATING.md", "", "Notes.\n", True, False, id="another file"),
        pytest.param("changelog.d/20.feature.md", "", "Late.\n", True, False, id="a fragment"),
        pytest.param("made.txt", "1.4.0", "1.4", True, True, id="what a hook declares"),
    ],
)
def test_what_is_as_it_was_made(
    make: Callable[..., Project], name: str, old: str, new: str, entry: bool, files: bool
) -> None:
    project = make(pyproject=f"{PYPROJECT}\n{HOOK}")
    assert project.prepare("1.4.0", *DAY).code == 0
    if name:
        project.write(name, project.read(name).replace(old, new) if old else new)
        project.git("add", name)
        project.git("commit", "-q", "--amend", "--no-edit")
    assert judged(project.path) == (entry, files, entry and files)


def test_a_declared_edit_is_not_as_it_was_made(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_EDITOR", "sed -i.bak s/colour/colours/")
    assert project.prepare("1.4.0", *DAY, "--edit").code == 0
    assert judged(project.path) == (False, True, False)


def test_what_cannot_be_told_is_not_as_it_was_made(project: Project) -> None:
    assert project.prepare("1.4.0", *DAY).code == 0
    project.write("CHANGELOG.md", project.read("CHANGELOG.md").replace("colour", "all colours"))
    message = project.git("log", "-1", "--format=%B").replace("Towncrier: 2", "Towncrier: 1")
    project.git("commit", "-q", "--all", "--amend", "-m", message)
    assert judged(project.path) == (False, True, False)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("keys", ["", "single_file = false"])
def test_every_way_to_make_it(make: Callable[..., Project], keys: str, again: bool) -> None:
    head = PYPROJECT.replace("CHANGELOG.md", "news/{version}.md") + keys if keys else PYPROJECT
    project = make(pyproject=with_keys('commit-message = "Out: {version}"', head))
    assert project.prepare("1.4.0", *DAY).code == 0
    if again:
        project.write("changelog.d/20.feature.md", "Late.\n")
        project.commit()
        assert project.prepare("1.4.0", *DAY, "--again").code == 0
    assert judged(project.path) == (True, True, True)


def judged(path: Path) -> tuple[bool, bool, bool]:
    with closing(discover(path)) as git:
        release, version = take(git, "HEAD"), Version("1.4.0")
        return (
            has_entry_as_made(release, version),
            has_files_as_made(release, version),
            is_as_made(release, version),
        )
