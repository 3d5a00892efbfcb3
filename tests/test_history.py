"""Which commit brought an entry, and which fragments it removed, asked of real histories."""

from __future__ import annotations

import subprocess
from contextlib import closing
from importlib.metadata import version as installed
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.version import Version

import steps
from projects import CHANGELOG, PYPROJECT, Project, make_project
from steps import Step, git, prepare, put, run
from tagready.commands.releases.history import (
    CutOff,
    changelog_path,
    declares_edit,
    digest,
    is_own,
    own_version,
    recorded_skips,
    recorded_towncrier,
    release_of,
)
from tagready.commands.releases.snapshot import take
from tagready.doors.git import discover

TOWNCRIER = installed("towncrier")


class Found(NamedTuple):
    """What was found, each commit by its message's first line."""

    commits: tuple[str, ...]
    trail: tuple[str, ...]
    fragments: tuple[str, ...]
    unread: tuple[str, ...] = ()


def found(folder: Path, version: str = "1.4.0", revision: str = "HEAD") -> Found | None:
    with closing(discover(folder, bare=True)) as git:
        snapshot = take(git, revision)
        wanted = Version(version)
        released = release_of(snapshot, changelog_path(snapshot, wanted), wanted)
        if released is None:
            return None
        assert released.brought == released.commits[-1] == released.trail[-1]
        assert set(released.contents) == {fragment.path for fragment in released.fragments}
        title = [[each.message.split("\n")[0] for each in part] for part in (released.commits, released.trail)]
        return Found(
            tuple(title[0]),
            tuple(title[1]),
            tuple(fragment.path.removeprefix("changelog.d/") for fragment in released.fragments),
            tuple(path.removeprefix("changelog.d/") for path in released.unread),
        )


def fragment(name: str, text: str = "Something.\n") -> Step:
    return write(f"Add {name}", f"changelog.d/{name}", text)


def write(message: str, name: str, text: str) -> Step:
    return put(name, text, message)


def edit(message: str, old: str, new: str, *options: str) -> Step:
    """Change a text in the changelog, and commit that."""
    return run(steps.edit("CHANGELOG.md", old, new), git("commit", "-q", "-m", message, *options, "CHANGELOG.md"))


def merge(*branches: str) -> Step:
    return git("merge", "-q", "--no-ff", "-m", "Merge", *branches)


def squash(branch: str) -> Step:
    return run(git("merge", "-q", "--squash", branch), git("commit", "-q", "--no-edit"))


ON_BRANCH = run(git("switch", "-q", "-c", "release"), prepare(), git("switch", "-q", "main"))
MEANWHILE = write("Meanwhile", "README", "Meanwhile\n")
RELEASE = "Release 1.4.0"
BOTH = ("12.feature.md", "13.bugfix.md")
MERGED_WITH_A_FRAGMENT = run(ON_BRANCH, fragment("20.feature.md"), merge("release"))


@pytest.mark.parametrize(
    ("arrange", "expected"),
    [
        pytest.param(prepare(), Found((RELEASE,), (RELEASE,), BOTH), id="made here"),
        pytest.param(run(prepare(), MEANWHILE, write("More", "x", "")),
                     Found((RELEASE,), (RELEASE,), BOTH), id="and commits after it"),
        pytest.param(
            run(prepare(), edit("Reword", "- Add colour.", "- Add colours."), MEANWHILE, edit("Again", "# C", "# c")),
            Found((RELEASE,), ("Again", "Reword", RELEASE), BOTH),
            id="and edits after it",
        ),
        pytest.param(
            run(prepare(), fragment("20.feature.md"), prepare("1.5.0")),
            Found((RELEASE,), ("Release 1.5.0", RELEASE), BOTH),
            id="and the next release",
        ),
        pytest.param(run(ON_BRANCH, merge("release")), Found((RELEASE,), (RELEASE,), BOTH), id="merged"),
        pytest.param(run(ON_BRANCH, MEANWHILE, merge("release")), Found((RELEASE,), (RELEASE,), BOTH),
                     id="merged, main moved on"),
        pytest.param(MERGED_WITH_A_FRAGMENT, Found((RELEASE,), (RELEASE,), BOTH), id="merged, a fragment left over"),
        pytest.param(
            run(ON_BRANCH, edit("Typo", "# Changelog", "# Changes"), merge("release")),
            Found((RELEASE,), ("Merge", RELEASE), BOTH),
            id="merged, the changelog edited on both sides",
        ),
        pytest.param(
            run(ON_BRANCH, git("switch", "-q", "release"), edit("Reword", "- Add colour.", "- Add colours."),
                git("switch", "-q", "main"), merge("release")),
            Found((RELEASE,), ("Reword", RELEASE), BOTH),
            id="merged, edited in review",
        ),
        pytest.param(
            run(ON_BRANCH, MEANWHILE, git("switch", "-q", "release"), merge("main"), git("switch", "-q", "main"),
                merge("release")),
            Found((RELEASE,), (RELEASE,), BOTH),
            id="merged, main merged into it before",
        ),
        pytest.param(
            run(ON_BRANCH, squash("release")),
            Found(("Squashed commit of the following:",), ("Squashed commit of the following:",), BOTH),
            id="squashed",
        ),
        pytest.param(
            run(ON_BRANCH, MEANWHILE, squash("release")),
            Found(("Squashed commit of the following:",), ("Squashed commit of the following:",), BOTH),
            id="squashed, main moved on",
        ),
        pytest.param(run(ON_BRANCH, MEANWHILE, git("cherry-pick", "release")), Found((RELEASE,), (RELEASE,), BOTH),
                     id="rebased"),
        pytest.param(
            run(ON_BRANCH, fragment("20.feature.md"), git("cherry-pick", "release")),
            Found((RELEASE,), (RELEASE,), BOTH),
            id="rebased, a fragment left over",
        ),
        pytest.param(
            run(git("switch", "-q", "-c", "1.x"), prepare(), git("switch", "-q", "main"), fragment("20.feature.md"),
                git("rm", "-q", "changelog.d/13.bugfix.md"), git("commit", "-q", "-m", "Drop"),
                git("cherry-pick", "-n", "-X", "theirs", "1.x"), git("commit", "-q", "-m", "Forward-port 1.4.0")),
            Found(("Forward-port 1.4.0",), ("Forward-port 1.4.0",), ("12.feature.md",)),
            id="forward-ported, with fewer fragments",
        ),
        pytest.param(
            run(git("switch", "-q", "-c", "a"), write("A", "a", ""), git("switch", "-q", "main"),
                git("switch", "-q", "-c", "b"), write("B", "b", ""), git("switch", "-q", "main"),
                ON_BRANCH, MEANWHILE, merge("a", "b", "release")),
            Found((RELEASE,), (RELEASE,), BOTH),
            id="merged by an octopus",
        ),
        pytest.param(
            run(ON_BRANCH, git("merge", "-q", "--no-ff", "--no-commit", "release"),
                git("commit", "-q", "-m", "Merge"), git("switch", "-q", "-c", "twice"), MEANWHILE,
                git("switch", "-q", "main"), merge("twice")),
            Found((RELEASE,), (RELEASE,), BOTH),
            id="merged twice",
        ),
        pytest.param(
            run(prepare(), fragment("20.feature.md"), prepare("1.4.0", "--again")),
            Found((RELEASE, RELEASE), (RELEASE, "Release 1.4.0"), (*BOTH, "20.feature.md")),
            id="renewed",
        ),
        pytest.param(
            run(prepare(), fragment("20.feature.md"), prepare("1.4.0", "--again"), fragment("21.bugfix.md"),
                edit("Reword", "# Changelog", "# Changes"), prepare("1.4.0", "--again")),
            Found((RELEASE,) * 3, (RELEASE, "Reword", RELEASE, RELEASE), (*BOTH, "20.feature.md", "21.bugfix.md")),
            id="renewed twice",
        ),
        pytest.param(
            run(prepare(), git("revert", "--no-edit", "HEAD"), fragment("20.feature.md"), prepare()),
            Found((RELEASE,), (RELEASE,), ("12.feature.md", "13.bugfix.md", "20.feature.md")),
            id="reverted, and made again",
        ),
        pytest.param(
            run(git("rm", "-q", "changelog.d/12.feature.md"), git("commit", "-q", "-m", "Drop"),
                edit("By hand", "## 1.3.0", "## 1.4.0\n\n- Typed.\n\n## 1.3.0")),
            Found(("By hand",), ("By hand",), ()),
            id="typed",
        ),
        pytest.param(
            run(fragment("14.feat.md"), prepare("1.4.0", "--skip", "fragment-ignored"),
                git("rm", "-q", "changelog.d/14.feat.md"), git("commit", "-q", "--amend", "--no-edit")),
            Found((RELEASE,), (RELEASE,), BOTH, ("14.feat.md",)),
            id="a file that nobody read",
        ),
        pytest.param(
            run(prepare(), git("mv", "CHANGELOG.md", "x.md"), git("commit", "-q", "-m", "Away"),
                git("mv", "x.md", "CHANGELOG.md"), git("commit", "-q", "-m", "Back")),
            Found(("Back",), ("Back",), ()),
            id="the changelog gone and come back",
        ),
        pytest.param(run(), None, id="none"),
        pytest.param(run(prepare(), git("revert", "--no-edit", "HEAD")), None, id="reverted"),
    ],
)  # fmt: skip
def test_histories(project: Project, arrange: Step, expected: Found | None) -> None:
    arrange(project)
    assert found(project.path) == expected


def test_the_entry_of_the_first_commit(project: Project) -> None:
    assert found(project.path, "1.3.0") == Found(("Start",), ("Start",), ())


def test_any_revision_and_any_version(project: Project) -> None:
    run(prepare(), fragment("20.feature.md"), prepare("1.5.0"))(project)
    assert found(project.path, "1.5.0") == Found(("Release 1.5.0",), ("Release 1.5.0",), ("20.feature.md",))
    assert found(project.path, "1.4.0", "HEAD~2") == Found((RELEASE,), (RELEASE,), BOTH)
    assert found(project.path, "1.5.0", "HEAD~1") is None
    assert found(project.path, "1.4") == found(project.path, "1.4.0")
    assert found(project.path, "1.4.1") is None


def test_a_merge_that_made_the_entry_itself(project: Project) -> None:
    """What a merge has and no side of it had was made in the merge; it removed what its first parent had."""
    run(git("switch", "-q", "-c", "side"), fragment("20.feature.md"), git("switch", "-q", "main"), MEANWHILE)(project)
    project.git("merge", "-q", "--no-ff", "--no-commit", "side")
    project.write("CHANGELOG.md", CHANGELOG.replace("## 1.3.0", "## 1.4.0\n\n- All.\n\n## 1.3.0"))
    project.git("rm", "-q", "-f", "changelog.d/12.feature.md", "changelog.d/20.feature.md")
    project.git("add", "CHANGELOG.md")
    project.git("commit", "-q", "-m", "Merge")
    assert found(project.path) == Found(("Merge",), ("Merge",), ("12.feature.md",))


def test_both_sides_of_a_merge_have_the_entry(project: Project) -> None:
    """The forward port is merged with the branch that it came from; the side merged into made its own."""
    run(
        git("switch", "-q", "-c", "1.x"), prepare(), git("switch", "-q", "main"), MEANWHILE,
        git("cherry-pick", "1.x"), git("commit", "-q", "--amend", "-m", "Forward-port"), merge("1.x"),
    )(project)  # fmt: skip
    assert found(project.path) == Found(("Forward-port",), ("Forward-port",), BOTH)


def test_sections_in_folders_and_a_project_below_the_top(tmp_path: Path) -> None:
    sections = (
        '\n[[tool.towncrier.section]]\nname = ""\npath = ""\n\n[[tool.towncrier.section]]\nname = "A"\npath = "a"\n'
    )
    project = make_project(tmp_path / "demo", pyproject=PYPROJECT + sections, fragments={"12.feature.md": "One.\n"})
    fragment("a/13.bugfix.md")(project)
    (project.path / "python").mkdir()
    project.git("mv", "pyproject.toml", "CHANGELOG.md", "changelog.d", "python")
    project.commit("Move")
    below = Project(project.path / "python")
    assert below.prepare("1.4.0").code == 0
    assert found(below.path) == Found(
        (RELEASE,), (RELEASE,), ("python/changelog.d/12.feature.md", "python/changelog.d/a/13.bugfix.md")
    )


def test_a_changelog_for_each_release(tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace('filename = "CHANGELOG.md"', 'filename = "news/{version}.md"\nsingle_file = false')
    project = make_project(tmp_path / "demo", pyproject=pyproject, changelog=None)
    run(prepare(), MEANWHILE)(project)
    assert found(project.path) == Found((RELEASE,), (RELEASE,), BOTH)


@pytest.mark.parametrize(
    ("arrange", "version", "before"),
    [
        pytest.param(run(prepare(), MEANWHILE), "1.4.0", "HEAD~2", id="the first parent"),
        pytest.param(run(ON_BRANCH, MEANWHILE, merge("release")), "1.4.0", "release^", id="on the side that made it"),
        pytest.param(
            run(prepare(), fragment("20.feature.md"), prepare("1.4.0", "--again")), "1.4.0", "HEAD~3", id="renewed"
        ),
        pytest.param(MEANWHILE, "1.3.0", "HEAD", id="nothing before it, so as it is now"),
    ],
)
def test_the_project_as_the_release_found_it(project: Project, arrange: Step, version: str, before: str) -> None:
    arrange(project)
    with closing(discover(project.path)) as repository:
        released = release_of(take(repository, "HEAD"), "CHANGELOG.md", Version(version))
        assert released is not None
        assert released.before.commit.oid == project.head(before)


def test_settings_that_were_no_project_before(tmp_path: Path) -> None:
    """The commit before had no configuration at all: it is read as it is now."""
    project = make_project(tmp_path / "demo", fragments={})
    project.git("checkout", "-q", "--orphan", "young")
    project.git("rm", "-rqf", ".")
    project.commit("Empty")
    project.write("pyproject.toml", PYPROJECT)
    project.write("CHANGELOG.md", CHANGELOG)
    project.commit("Import")
    assert found(project.path, "1.3.0") == Found(("Import",), ("Import",), ())


# -- shallow clones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (1, None),
        (2, None),
        (3, Found((RELEASE,), (RELEASE,), BOTH)),
        (99, Found((RELEASE,), (RELEASE,), BOTH)),
    ],
)
def test_a_history_that_is_cut_off(project: Project, tmp_path: Path, depth: int, expected: Found | None) -> None:
    run(prepare(), MEANWHILE)(project)
    address, target = project.path.as_uri(), tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", f"--depth={depth}", address, str(target)], check=True)
    if expected is None:
        with pytest.raises(CutOff) as cut:
            found(target)
        assert cut.value.fix == "git fetch --unshallow --tags"
        assert found(target, "1.9") is None  # which is not there, however far one looks
    else:
        assert found(target) == expected


def test_a_merge_of_which_only_one_side_is_cut_off(project: Project, tmp_path: Path) -> None:
    """The side with the entry reaches back far enough, whatever the other one does."""
    run(ON_BRANCH, MEANWHILE, write("More", "x", ""), write("And more", "y", ""), merge("release"))(project)
    target = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=3", project.path.as_uri(), str(target)], check=True)
    assert found(target) == Found((RELEASE,), (RELEASE,), BOTH)


# -- what commits record -----------------------------------------------------------------------------------------------


def recorded(folder: Path, entry: str = "") -> tuple[str, tuple[str, ...], bool]:
    """Return the recorded towncrier, the rules set aside, and whether an edit to just that entry is declared."""
    with closing(discover(folder)) as repository:
        released = release_of(take(repository, "HEAD"), "CHANGELOG.md", Version("1.4.0"))
        assert released is not None
        return recorded_towncrier(released), recorded_skips(released), declares_edit(released, entry)


ENTRY = "## 1.4.0 (2026-02-03)\n\n- Caf\udce9\n"


@pytest.mark.parametrize(
    ("arrange", "expected"),
    [
        pytest.param(prepare(), (TOWNCRIER, (), False), id="made here"),
        pytest.param(run(ON_BRANCH, merge("release")), (TOWNCRIER, (), False), id="merged"),
        pytest.param(run(ON_BRANCH, MEANWHILE, squash("release")), (TOWNCRIER, (), False), id="squashed"),
        pytest.param(run(ON_BRANCH, git("cherry-pick", "release")), (TOWNCRIER, (), False), id="rebased"),
        pytest.param(
            run(prepare(), git("commit", "-q", "--amend", "-m", "Release")), ("", (), False), id="no trailer"
        ),
        pytest.param(
            run(prepare(), git("commit", "-q", "--amend", "-m", "Release\n\n    Towncrier: 24.8.0\n\nMore")),
            ("24.8.0", (), False),
            id="an indented trailer",
        ),
        pytest.param(
            run(prepare(), git("commit", "-q", "--amend", "-m", "Release\n\nSee Towncrier: 24.8.0")),
            ("", (), False),
            id="words that are no trailer",
        ),
        pytest.param(
            run(fragment("14.feat.md"), prepare("1.4.0", "--skip", "fragment-ignored")),
            (TOWNCRIER, ("fragment-ignored",), False),
            id="a rule set aside",
        ),
        pytest.param(
            run(prepare(), edit("Reword", "- Add", "- Adds", "-m", f"Entry-Edited: {digest(ENTRY)}")),
            (TOWNCRIER, (), True),
            id="an edit declared later",
        ),
        pytest.param(
            run(prepare(), edit("Reword", "- Add", "- Adds", "-m", f"Entry-Edited: {digest(ENTRY + ' ')}")),
            (TOWNCRIER, (), False),
            id="another edit declared",
        ),
        pytest.param(
            run(prepare(), write(f"x\n\nEntry-Edited: {digest(ENTRY)}", "x", "")),
            (TOWNCRIER, (), False),
            id="declared by a commit that did not touch the changelog",
        ),
    ],
)  # fmt: skip
def test_trailers(project: Project, arrange: Step, expected: tuple[str, tuple[str, ...], bool]) -> None:
    arrange(project)
    assert recorded(project.path, ENTRY) == expected


@pytest.mark.parametrize(
    ("arrange", "version"),
    [
        pytest.param(run(), None, id="nothing"),
        pytest.param(prepare(), "1.4.0", id="made here"),
        pytest.param(prepare("1.4.0rc1"), "1.4.0rc1", id="a candidate"),
        pytest.param(run(prepare(), MEANWHILE), None, id="and a commit after it"),
        pytest.param(run(prepare(), git("commit", "-q", "--amend", "-m", "Release")), None, id="no trailer"),
        pytest.param(run(prepare(), fragment("2.misc.md"), prepare("1.4.0", "--again")), "1.4.0", id="renewed"),
        pytest.param(run(ON_BRANCH, MEANWHILE, merge("release")), None, id="a merge is none of ours"),
        pytest.param(run(ON_BRANCH, squash("release")), "1.4.0", id="squashed"),
        pytest.param(
            run(prepare(), write("Release", "pyproject.toml", PYPROJECT), git("commit", "-q", "--amend", "-m", "x")),
            None,
            id="an edit of the version after it",
        ),
    ],
)
def test_the_release_that_a_commit_is(project: Project, arrange: Step, version: str | None) -> None:
    arrange(project)
    with closing(discover(project.path)) as repository:
        snapshot = take(repository, "HEAD")
        own = own_version(snapshot)
        assert (str(own) if own else None) == version
        assert is_own(snapshot, Version(version or "1.4.0")) is (version is not None)
        assert is_own(snapshot, Version("1.3.0")) is False
