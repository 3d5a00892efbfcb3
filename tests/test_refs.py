"""Making a tag as the project makes them, and the refs that a push names."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from projects import Project, copy_pair, make_pair
from tagready.commands.releases.refs import (
    is_behind,
    make_tag,
    no_remote,
    pushed_as,
    refspecs,
    upstream_of,
    way_on,
)
from tagready.commands.releases.snapshot import take
from tagready.doors.git import Git, discover
from tagready.facts.findings import Refused, Report, WorldFailed, WrongUse
from tagready.facts.prepared import Prepared

ENTRY = "## 1.4.0 (2026-02-03)\n\n### Features\n\n# not a comment\n\n- Caf\udce9  \n- 日本\n\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_pair(tmp_path_factory.mktemp("template"), fragments={})


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    return copy_pair(template, tmp_path)


@pytest.fixture
def git(project: Project) -> Iterator[Git]:
    with closing(discover(project.path)) as repository:
        yield repository


def tag(git: Git, name: str = "v1.4.0", commit: str = "HEAD", keys: str = "") -> bool:
    """Make a tag of a commit as the project makes them, under keys of ours."""
    overlay = git.git_dir / "keys.toml"
    overlay.write_text(keys)
    snapshot = take(git, commit, overlay)
    return make_tag(snapshot, snapshot.tags(git.refs()), name, snapshot.commit.oid, "1.4.0", ENTRY)


def content(project: Project, name: str = "v1.4.0") -> bytes:
    done = subprocess.run(["git", "cat-file", "-p", f"refs/tags/{name}"], cwd=project.path, capture_output=True)
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("", b"Release 1.4.0\n"),
        ('tag-message = "entry"', ENTRY.strip().replace("  \n", "\n").encode("utf-8", "surrogateescape") + b"\n"),
        ('tag-message = "{version}, the title"', b"1.4.0, the title\n"),
        ('tag-message = "# {version} {version}\\n\\n\\n\\n;x  \\n\\n"', b"# 1.4.0 1.4.0\n\n;x\n"),
    ],
)
def test_the_message_is_what_it_says(project: Project, git: Git, keys: str, message: bytes) -> None:
    assert tag(git, keys=f'tag-kind = "annotated"\n{keys}')
    assert content(project).split(b"\n\n", 1)[1] == message


@pytest.mark.parametrize("kind", ["lightweight", "annotated"])
def test_the_same_tag_is_made_once(project: Project, git: Git, kind: str) -> None:
    keys = f'tag-kind = "{kind}"'
    assert tag(git, keys=keys) is True
    before = content(project)
    assert tag(git, keys=keys) is False
    assert tag(git, keys='tag-kind = "annotated"') is False  # whatever it would be made like today
    assert content(project) == before


@pytest.mark.parametrize("options", [(), ("-a", "-m", "x")])
def test_the_tag_on_another_commit_is_a_refusal(project: Project, git: Git, options: tuple[str, ...]) -> None:
    project.git("tag", *options, "v1.4.0", "HEAD^")
    before = project.fingerprint()
    with pytest.raises(Refused) as refused:
        tag(git)
    (found,) = refused.value.report.findings
    assert (found.rule, found.fix) == ("tag-exists", "only if it was never pushed nor published: git tag -d v1.4.0")
    assert project.fingerprint() == before


def raw(project: Project, name: str, tail: str) -> None:
    """Write a tag object by hand: what other programs sign looks like this."""
    text = f"object {project.head()}\ntype commit\ntag {name}\ntagger A <a@b> 1700000000 +0000\n\nx\n{tail}"
    done = subprocess.run(
        ["git", "hash-object", "-w", "-t", "tag", "--stdin"], input=text.encode(), cwd=project.path, capture_output=True
    )
    project.git("update-ref", f"refs/tags/{name}", done.stdout.decode().strip())


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        ("", "annotated"),
        ("-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n", "signed"),
        ("-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n", "signed"),
        ("like this: -----BEGIN PGP SIGNATURE-----\n", "annotated"),
    ],
)
def test_the_kind_is_that_of_the_newest_release_tag(project: Project, git: Git, tail: str, kind: str) -> None:
    raw(project, "v1.3.1", tail)
    # A program that signs nothing tells that it was asked to.
    project.git("config", "gpg.program", "false")
    project.git("config", "gpg.format", "openpgp")
    if kind == "signed":
        with pytest.raises(WorldFailed) as failed:
            tag(git)
        assert "--sign" in failed.value.command
        assert project.git("tag", "--list", "v1.4.0") == ""
    else:
        assert tag(git)
        assert content(project).startswith(b"object ")


@pytest.mark.parametrize(
    ("config", "target"),
    [
        pytest.param({}, "refs/heads/main", id="none"),
        pytest.param(
            {"branch.main.remote": "origin", "branch.main.merge": "refs/heads/trunk"}, "refs/heads/trunk", id="another"
        ),
        pytest.param(
            {"branch.main.remote": "fork", "branch.main.merge": "refs/heads/trunk"}, "refs/heads/main", id="elsewhere"
        ),
        pytest.param(
            {"branch.main.remote": ".", "branch.main.merge": "refs/heads/other"}, "refs/heads/main", id="a local one"
        ),
        pytest.param({"branch.main.remote": "origin"}, "refs/heads/main", id="a remote and no branch"),
    ],
)
def test_upstream(project: Project, git: Git, config: dict[str, str], target: str) -> None:
    project.git("branch", "--unset-upstream")
    for key, value in config.items():
        project.git("config", key, value)
    assert upstream_of(git, "main", "origin") == target


def made(project: Project, *, on_current_branch: bool) -> Prepared:
    return Prepared(
        project="demo",
        version="1.4.0",
        tag="v1.4.0",
        parent=project.head("HEAD^"),
        commit=project.head(),
        branch="main" if on_current_branch else "release/1.4.0",
        message="Release 1.4.0",
        consumed=(),
        changelog="CHANGELOG.md",
        entry=ENTRY,
        report=Report(),
        on_current_branch=on_current_branch,
    )


TAG = "refs/tags/v1.4.0"
OWN = "refs/heads/release/1.4.0"


@pytest.mark.parametrize(
    ("current", "wanted", "judged", "expected"),
    [
        pytest.param(
            True, ["refs/heads/trunk", TAG], [], ["refs/heads/main:refs/heads/trunk", f"{TAG}:{TAG}"], id="both"
        ),
        pytest.param(True, [TAG], [], [f"{TAG}:{TAG}"], id="the tag"),
        pytest.param(False, [OWN], [], [f"{OWN}:{OWN}"], id="a branch of its own"),
        pytest.param(False, [OWN], ["HEAD"], [f"{OWN}:{OWN}"], id="renewed, but not from what is there"),
        pytest.param(
            False, [OWN], ["HEAD^", "HEAD"], [f"--force-with-lease={OWN}:{{there}}", f"{OWN}:{OWN}"], id="renewed"
        ),
    ],
)
def test_refspecs(
    project: Project, git: Git, current: bool, wanted: list[str], judged: list[str], expected: list[str]
) -> None:
    project.git("push", "-q", "origin", f"HEAD^:{OWN}")
    prepared = made(project, on_current_branch=current)
    found = refspecs(git, prepared, "origin", dict.fromkeys(wanted, prepared.commit), [*map(project.head, judged)])
    assert found == [each.replace("{there}", project.head("HEAD^")) for each in expected]


@pytest.mark.parametrize(
    ("branch", "followed", "target"),
    [
        pytest.param("main", "main", "main", id="the same"),
        pytest.param("main", "trunk", "trunk", id="a release branch that is called otherwise there"),
        pytest.param("topic", "main", "topic", id="a topic branch that began at the main one"),
        pytest.param("8.3.x", "main", "8.3.x", id="a series that began at the main branch"),
        pytest.param("8.3.x", "stable-work", "stable-work", id="a series that is called otherwise there"),
        pytest.param("topic", None, "topic", id="none"),
    ],
)
def test_under_which_name_a_branch_is_pushed(
    project: Project, git: Git, branch: str, followed: str | None, target: str
) -> None:
    project.git("config", "--unset-all", "branch.main.merge")
    if followed:
        project.git("config", f"branch.{branch}.remote", "origin")
        project.git("config", f"branch.{branch}.merge", f"refs/heads/{followed}")
    assert pushed_as(take(git, "HEAD"), git.refs(), branch, "origin") == f"refs/heads/{target}"


@pytest.mark.parametrize(
    ("what", "refspec", "behind"),
    [
        pytest.param("ahead", "HEAD:main", True, id="commits that are not here"),
        pytest.param("diverged", "HEAD:main", True, id="commits that are here, and not below"),
        pytest.param("lease", "--force-with-lease=main:{old} HEAD:main", True, id="a lease that has run out"),
        pytest.param("refused", "HEAD:main", False, id="a hook that refuses"),
        pytest.param("tag", "HEAD:refs/tags/v1.3.0", False, id="a tag that is there"),
        pytest.param("gone", "HEAD:main", False, id="no remote"),
    ],
)
def test_what_git_says_of_a_remote_that_is_ahead(
    project: Project, tmp_path: Path, what: str, refspec: str, behind: bool
) -> None:
    remote = project.path.with_name("remote.git")
    if what in ("ahead", "lease"):
        subprocess.run(["git", "clone", "-q", str(remote), str(tmp_path / "other")], check=True)
        other = Project(tmp_path / "other")
        other.commit("Meanwhile")
        other.git("push", "-q")
    elif what == "diverged":
        project.commit("Theirs")
        project.git("push", "-q", "origin", "main")
        project.git("reset", "-q", "--hard", "HEAD^")
    elif what == "refused":
        (remote / "hooks/pre-receive").write_text("#!/bin/sh\necho behind the curtain\nexit 1\n")
        (remote / "hooks/pre-receive").chmod(0o755)
    elif what == "gone":
        project.git("config", "remote.origin.url", "../nowhere")
    old = project.head("HEAD^")
    project.commit("Ours")
    with closing(discover(project.path)) as git, pytest.raises(WorldFailed) as failed:
        git.push("origin", *refspec.replace("{old}", old).split())
    assert is_behind(failed.value) is behind


@pytest.mark.parametrize(
    ("said", "look"),
    [
        pytest.param("fatal: Could not read from remote repository.", True, id="not reached"),
        pytest.param("", True, id="not a word"),
        pytest.param("remote: Not today.", False, id="refused"),
    ],
)
def test_the_way_on_after_a_push_that_failed(said: str, look: bool) -> None:
    way = "look whether origin can be reached: git ls-remote origin" if look else "do what is asked for above"
    assert way_on("origin", WorldFailed("git push failed", "", "git push", said)) == f"{way}, and run it again"


def test_no_remote() -> None:
    wrong = no_remote()
    assert (type(wrong), wrong.what) == (WrongUse, "there is no remote to push to")
