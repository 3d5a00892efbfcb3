"""Which releases a commit comes after, asked of real histories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from packaging.version import Version

from projects import Project, make_project
from tagready.commands.releases.lineage import NEIGHBOURS, release_before
from tagready.commands.releases.snapshot import take
from tagready.doors.git import discover


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of one commit, so that every history begins at its root."""
    folder = tmp_path_factory.mktemp("template")
    made = make_project(folder / "made", fragments={}, tag=None)
    made.git("checkout", "-q", "--orphan", "root", "HEAD~1")
    made.git("commit", "-q", "-m", "Root")
    made.git("branch", "-q", "-M", "root", "main")
    return made


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    return template.copy(tmp_path / "demo")


def play(project: Project, history: str) -> None:
    """Make a history: git's own commands, one to a line; `+` stands for a commit, `+ x y` for one with tags."""
    for number, line in enumerate(history.strip().splitlines()):
        command, *rest = line.split()
        if command == "+":
            # Two commits that say the same of the same would be one.
            project.git("commit", "-q", "--allow-empty", "-m", f"{number} {history}")
            for tag in rest:
                project.git("tag", tag)
        elif command == "merge":
            project.git("merge", "-q", "--no-ff", "-m", "Merge", *rest)
        else:
            project.git(command, *rest)


def before(
    folder: Path, version: str, revision: str = "HEAD", commits: list[str] | None = None
) -> tuple[str | None, str | None, set[str]]:
    """Return the release before, the commit that it is on, and the rivals, each by its name."""
    git = discover(folder, bare=True)
    try:
        snapshot = take(git, revision)
        found = release_before(snapshot, snapshot.tags(git.refs()), Version(version), commits)
    finally:
        git.close()
    return (
        found.tag.name if found.tag else None,
        found.commit.oid if found.commit else None,
        {tag.name for tag in found.rivals},
    )


@pytest.mark.parametrize(
    ("history", "version", "last", "rivals"),
    [
        pytest.param("", "1.4.0", None, [], id="the root"),
        pytest.param("tag v1.3.0", "1.4.0", None, [], id="a tag on the root itself"),
        pytest.param("+", "1.4.0", None, [], id="no tag"),
        pytest.param("tag v1.3.0\n+", "1.4.0", "v1.3.0", [], id="on the parent"),
        pytest.param("tag -a -m x v1.3.0\n+", "1.4.0", "v1.3.0", [], id="on the parent, annotated"),
        pytest.param("tag v1.3.0\n+\n+\n+", "1.4.0", "v1.3.0", [], id="further back"),
        pytest.param("tag v1.3.0\n+ v1.4.0", "1.4.0", "v1.3.0", [], id="the commit's own tag does not count"),
        pytest.param("tag v1.3.0\n+ v1.5.0", "1.4.0", "v1.3.0", [], id="nor does another one there"),
        pytest.param("+ v1.2.0\n+ v1.3.0\n+ v1.3.1\n+", "1.4.0", "v1.3.1", [], id="the newest of several"),
        pytest.param("+ v1.10.0\n+ v1.9.0\n+", "1.11.0", "v1.10.0", [], id="the newest, not the last one made"),
        pytest.param("+ v1.3.0 1.3.1\n+", "1.4.0", "1.3.1", [], id="of another form"),
        pytest.param("+ v1.3.0\n+ nightly other-9.0 x\n+", "1.4.0", "v1.3.0", [], id="foreign tags"),
        pytest.param("+ v1.3.0\n+ v1.4.0\n+", "1.4.0", "v1.3.0", ["v1.4.0"], id="a rival: the same"),
        pytest.param(
            "+ v1.3.0\n+ v1.5.0\n+ v2.0.0\n+", "1.4.0", "v1.3.0", ["v1.5.0", "v2.0.0"], id="rivals: newer ones"
        ),
        pytest.param("+ v1.5.0\n+", "1.4.0", None, ["v1.5.0"], id="a rival, and nothing before"),
        pytest.param("+ v1.3.0\n+ v1.4.0rc1\n+", "1.4.0", "v1.4.0rc1", [], id="a candidate"),
        pytest.param("+ v1.3.0\n+ v1.4.0\n+", "1.4.0rc2", "v1.3.0", ["v1.4.0"], id="a candidate after its final"),
        pytest.param("+ v1.3.0\n+ v1.4.0.dev0\n+", "1.4.0", "v1.3.0", [], id="a development marker"),
        pytest.param("+ v1.3.0\n+ v1.5.0.dev0\n+", "1.4.0", "v1.3.0", [], id="a newer development marker"),
        pytest.param(
            "+ v1.3.0\n+ v1.4.0.dev0\n+", "1.4.0.dev1", "v1.4.0.dev0", [], id="a development marker for its like"
        ),
        pytest.param("+ 2026.1\n+ 1!0.1\n+", "1!0.2", "1!0.1", [], id="epochs"),
        pytest.param(
            "+ v1.3.0\nswitch -q -c 2.x\n+ v2.0.0\nswitch -q main\n+", "1.4.0", "v1.3.0", [], id="newer, elsewhere"
        ),
        pytest.param(
            "+ v1.3.0\nswitch -q -c 1.x\n+ v1.3.1\nswitch -q main\n+", "1.4.0", "v1.3.0", [], id="older, elsewhere"
        ),
        pytest.param(
            "+ v1.3.0\nswitch -q -c 1.x\n+ v1.3.1\nswitch -q main\n+\nmerge 1.x",
            "1.4.0",
            "v1.3.1",
            [],
            id="merged, by the second parent",
        ),
        pytest.param(
            "+ v1.3.0\nswitch -q -c 2.x\n+ v2.0.0\nswitch -q main\n+\nmerge 2.x",
            "1.4.0",
            "v1.3.0",
            ["v2.0.0"],
            id="a rival, by the second parent",
        ),
        pytest.param(
            "+ v1.3.0\nswitch -q -c a\n+ v1.3.1\nswitch -q main\nswitch -q -c b\n+ v1.3.2\n+ v1.9\nswitch -q main\n"
            "+\nmerge a b",
            "1.4.0",
            "v1.3.2",
            ["v1.9"],
            id="an octopus",
        ),
    ],
)
def test_histories(project: Project, history: str, version: str, last: str | None, rivals: list[str]) -> None:
    play(project, history)
    commit = project.head(f"{last}^{{commit}}") if last else None
    assert before(project.path, version) == (last, commit, set(rivals))


def test_given_commits_stand_in_for_the_parents(project: Project) -> None:
    play(project, "+ v1.3.0\n+ v1.4.0")
    head = project.head()
    assert before(project.path, "1.5.0") == ("v1.3.0", project.head("v1.3.0"), set())
    assert before(project.path, "1.5.0", commits=[head]) == ("v1.4.0", head, set())
    assert before(project.path, "1.5.0", commits=[]) == (None, None, set())


@pytest.mark.parametrize("revision", ["HEAD", "v1.4.0", "main~1", "HEAD~2"])
def test_any_commit(project: Project, revision: str) -> None:
    play(project, "+ v1.3.0\n+ v1.4.0\n+\n+ v1.5.0")
    expected = {"HEAD": "v1.4.0", "v1.4.0": "v1.3.0", "main~1": "v1.4.0", "HEAD~2": "v1.3.0"}[revision]
    assert before(project.path, "9.0", revision)[0] == expected


def many(project: Project, names: list[str]) -> None:
    """Tag HEAD by many names in one step."""
    lines = "".join(f"create refs/tags/{name} {project.head()}\n" for name in names)
    subprocess.run(["git", "update-ref", "--stdin"], input=lines.encode(), cwd=project.path, check=True)


FAR = 3 * NEIGHBOURS


@pytest.mark.parametrize("count", [NEIGHBOURS - 1, NEIGHBOURS, NEIGHBOURS + 1, FAR])
def test_many_tags_elsewhere_hide_nothing_that_is_older(project: Project, count: int) -> None:
    play(project, "+ v1.0.0\nswitch -q -c 1.x\n+")
    many(project, [f"v1.0.{number}" for number in range(1, count + 1)])
    play(project, "switch -q main\n+")
    assert before(project.path, "1.1.0")[0] == "v1.0.0"


@pytest.mark.parametrize("count", [0, 1, NEIGHBOURS, FAR])
def test_many_tags_here(project: Project, count: int) -> None:
    many(project, [f"v1.0.{number}" for number in range(count + 1)])
    play(project, "+")
    assert before(project.path, "1.1.0") == (f"v1.0.{count}", project.head("HEAD^"), set())
    assert before(project.path, "0.9") == (None, None, {f"v1.0.{number}" for number in range(count + 1)})


@pytest.mark.parametrize("count", [NEIGHBOURS - 1, pytest.param(NEIGHBOURS), pytest.param(FAR)])
def test_many_tags_elsewhere_hide_no_rival(project: Project, count: int) -> None:
    """A release line with dozens of releases stands between ours and a newer one that we come after."""
    play(project, "+ v1.0.0\nswitch -q -c 2.x\n+")
    many(project, [f"v2.0.{number}" for number in range(count)])
    play(project, "switch -q main\n+ v3.0.0\n+")
    assert before(project.path, "1.1.0") == ("v1.0.0", project.head("v1.0.0"), {"v3.0.0"})


def clone(project: Project, target: Path, *options: str) -> Path:
    subprocess.run(["git", "clone", "-q", *options, project.path.as_uri(), str(target)], check=True)
    return target


@pytest.mark.parametrize(
    ("options", "last"),
    [
        pytest.param([], "v1.3.0", id="whole"),
        pytest.param(["--bare"], "v1.3.0", id="bare"),
        pytest.param(["--depth=1"], None, id="cut off below HEAD"),
        pytest.param(["--depth=2"], None, id="cut off before the tag"),
        pytest.param(["--depth=3"], "v1.3.0", id="cut off at the tag"),
        pytest.param(["--no-tags"], None, id="no tags"),
    ],
)
def test_clones(project: Project, tmp_path: Path, options: list[str], last: str | None) -> None:
    play(project, "+ v1.3.0\n+\n+")
    assert before(clone(project, tmp_path / "clone", *options), "1.4.0")[0] == last


def test_a_tag_on_no_commit_is_passed_over(project: Project) -> None:
    play(project, "+ v1.3.0\n+\ntag v1.3.1 HEAD:pyproject.toml\n+")
    assert before(project.path, "1.4.0")[0] == "v1.3.0"
