"""check --staged on real repositories: what the next commit would bring, as a pre-commit hook sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from projects import CHANGELOG, MARKER, PYPROJECT, Project, Result, copy_pair, make_pair
from steps import Step, commit, edit, git, run, write
from warehouse import TOKEN

#: A finding: rule, level, path, line.
Found = tuple[str, str, str | None, int | None]

NOTE = "changelog.d/41.feature.md"
CODE = "src/demo/lamp.py"
PRE_COMMIT = ".pre-commit-hooks.yaml"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with code on main, a remote that has it, and a branch with a fragment of its own."""
    project = make_pair(tmp_path_factory.mktemp("template"))
    run(
        commit(write(CODE, "LAMPS = 1\n")), git("push", "-q"), git("switch", "-q", "-c", "fix-77-lamps"),
        commit(write("changelog.d/77.bugfix.md", "Lamps.\n")),
    )(project)  # fmt: skip
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    return copy_pair(template, tmp_path)


def staged(project: Project, *steps: Step) -> Result:
    run(*steps, git("add", "--all"))(project)
    return check(project)


def check(project: Project, *arguments: str) -> Result:
    return project.run("check", "--staged", "--format", "json", *arguments)


def findings(result: Result) -> list[Found]:
    return [(one["rule"], one["level"], one["path"], one["line"]) for one in result.json["findings"]]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([write(CODE, "LAMPS = 2\n")], [], id="code without a fragment: that may come later"),
        pytest.param([write(NOTE, "Lamps.\n")], [], id="a fragment"),
        pytest.param([git("rm", "-q", "changelog.d/77.bugfix.md")], [], id="the branch's own fragment goes again"),
        pytest.param(
            [git("rm", "-q", "changelog.d/12.feature.md")],
            [("fragment-deleted", "error", "changelog.d/12.feature.md", None)],
            id="another's fragment",
        ),
        pytest.param([git("mv", "changelog.d/12.feature.md", "changelog.d/12.doc.md")], [], id="a renamed fragment"),
        pytest.param([write(NOTE, " \n")], [("fragment-empty", "error", NOTE, None)], id="a fragment without text"),
        pytest.param([write(NOTE, "# A\n")], [("fragment-malformed", "error", NOTE, 1)], id="a heading"),
        pytest.param(
            [write(NOTE, "A\n\n<!-- and no end\n")], [("fragment-malformed", "error", NOTE, 3)], id="an open comment"
        ),
        pytest.param(
            [write("changelog.d/41.feat.md", "Lamps.\n")],
            [("fragment-ignored", "error", "changelog.d/41.feat.md", None)],
            id="a name that is nearly right",
        ),
        pytest.param(
            [edit("CHANGELOG.md", "The first one.", "The very first one.")],
            [("entry-edited-by-hand", "error", "CHANGELOG.md", 5)],
            id="an entry",
        ),
        pytest.param(
            [edit("pyproject.toml", '"1.3.0"', '"1.4.0"')],
            [("version-bumped-by-hand", "error", "pyproject.toml", 3)],
            id="the version",
        ),
        pytest.param(
            [edit("CHANGELOG.md", f"{MARKER}\n", "")],
            [("changelog-marker-missing", "error", "CHANGELOG.md", 1)],
            id="the marker",
        ),
        pytest.param(
            [write("notes.txt", f"{TOKEN}\n")], [("secret-in-tree", "error", "notes.txt", 1)], id="a token"
        ),
    ],
)  # fmt: skip
def test_what_is_staged_is_judged(project: Project, steps: list[Step], expected: list[Found]) -> None:
    result = staged(project, *steps)
    assert (findings(result), result.code) == (expected, 1 if expected else 0)
    assert (result.json["base"], result.json["commit"], result.json["kind"]) == (project.head(), None, "change")


def test_only_what_is_staged_counts(project: Project) -> None:
    project.write(NOTE, "# A heading\n")
    project.git("add", "--all")
    project.write(NOTE, "No heading.\n")
    assert findings(check(project)) == [("fragment-malformed", "error", NOTE, 1)]
    project.git("add", "--all")
    project.write(NOTE, "# A heading\n")
    assert findings(check(project)) == []


def test_nothing_of_the_users_is_touched(project: Project) -> None:
    project.write(NOTE, "Lamps.\n")
    project.git("add", "--all")
    project.write("CHANGELOG.md", "edited\n")

    def everything() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in project.path.rglob("*") if file.is_file()}

    before = everything()
    assert check(project).code == 0
    assert everything() == before


def test_nothing_is_staged(project: Project) -> None:
    project.write(NOTE, "Lamps.\n")
    result = check(project)
    assert (result.code, result.json["kind"], len(result.json["notes"])) == (0, "nothing", 1)
    assert "demo: nothing is staged\n" in project.run("check", "--staged").out


def test_what_is_only_announced_is_not_in_the_commit(project: Project) -> None:
    project.write(NOTE, "Lamps.\n")
    project.write(CODE, "LAMPS = 2\n")
    project.git("add", CODE)
    project.git("add", "--intent-to-add", NOTE)
    result = check(project)
    assert (result.code, result.json["fragments"]) == (0, [])
    assert result.json["notes"] == [f"{NOTE} is not in this commit: git add --intent-to-add only announced it"]


def test_what_was_only_announced_is_told_where_nothing_is_staged(project: Project) -> None:
    project.write(NOTE, "Lamps.\n")
    project.git("add", "--intent-to-add", NOTE)
    result = check(project)
    assert (result.code, result.json["kind"]) == (0, "nothing")
    assert result.json["notes"][1:] == [f"{NOTE} is not in this commit: git add --intent-to-add only announced it"]


def test_what_a_merge_left_open_is_named(project: Project) -> None:
    conflict(project)
    result = check(project)
    assert result.code == 2
    assert result.json["error"]["what"] == f"git cannot commit yet: a merge left both sides of {CODE}"


def conflict(project: Project) -> None:
    """Begin a merge that ends in a conflict, and brings a release of main's along."""
    project.git("switch", "--quiet", "main")
    project.write(CODE, "LAMPS = 3\n")
    project.git("rm", "-q", "changelog.d/13.bugfix.md")
    project.write("pyproject.toml", PYPROJECT.replace("1.3.0", "1.4.0"))
    project.commit("Main goes on")
    project.git("switch", "--quiet", "fix-77-lamps")
    project.write(CODE, "LAMPS = 2\n")
    project.commit("More lamps")
    project.git("merge", "main", check=False)


def test_what_a_merge_brings_is_not_the_commits(project: Project) -> None:
    conflict(project)
    result = staged(project, write(CODE, "LAMPS = 5\n"))
    assert (findings(result), result.code) == ([], 0)


def test_the_first_commit_of_a_repository(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet", "--initial-branch=main")
    result = staged(project, write("pyproject.toml", PYPROJECT), write("CHANGELOG.md", CHANGELOG), write(NOTE, ""))
    assert (findings(result), result.json["base"]) == ([("fragment-empty", "error", NOTE, None)], None)


def test_an_edit_that_a_commit_of_the_branch_declares(project: Project) -> None:
    step = edit("CHANGELOG.md", "The first one.", "The very first one.")
    (found,) = staged(project, step).json["findings"]
    assert found["fix"].endswith('; to correct an old entry on purpose: git commit --no-verify -m "[changelog edit] …"')
    assert found["fix"].startswith("what is new goes into a fragment: git checkout HEAD -- CHANGELOG.md, ")
    project.git("commit", "--quiet", "--allow-empty", "--only", "-m", "[changelog edit]")
    result = check(project)
    assert (result.code, "[changelog edit]" in result.json["notes"][0]) == (0, True)


def test_a_release_by_hand_is_judged_by_the_tag_gate(project: Project) -> None:
    project.git("switch", "--quiet", "main")
    build = [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "1.4.0", "--date", "2026-02-03"]
    subprocess.run(build, cwd=project.path, check=True, capture_output=True)
    result = staged(project, edit("pyproject.toml", '"1.3.0"', '"1.4.0"'))
    found = [each for each in findings(result) if each[0] != "date-implausible"]
    assert (found, result.json["kind"], result.json["version"]) == ([], "release", "1.4.0")
    (short,) = [each for each in findings(staged(project, write("pyproject.toml", PYPROJECT))) if each[1] == "error"]
    assert short[0] == "version-mismatch"


def test_a_revert_that_has_a_conflict(project: Project) -> None:
    project.git("switch", "--quiet", "main")
    project.write(CODE, "LAMPS = 2\n")
    project.write(NOTE, "Lamps.\n")
    brought = project.commit("Add lamps")
    project.git("push", "--quiet", "origin", "main")
    project.write(CODE, "LAMPS = 3\n")
    project.commit("More")
    project.git("revert", "--no-edit", brought, check=False)
    result = staged(project, write(CODE, "LAMPS = 1\n"))
    assert (findings(result), (project.path / NOTE).exists()) == ([], False)


def test_a_bare_repository_has_nothing_staged(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet", "--bare")
    assert check(project).code == 2


@pytest.mark.parametrize("other", [["--since", "main"], ["--main"], ["--main", "--fix"]])
def test_two_things_to_hold_against(project: Project, other: list[str]) -> None:
    assert check(project, *other).code == 2


# -- as a hook ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hooked(project: Project) -> Project:
    """The project, with the hook that pre-commit would run."""
    (hook,) = yaml.safe_load((Path(__file__).parent.parent / PRE_COMMIT).read_text("utf-8"))
    command = f"{sys.executable} -m {hook['entry']}"
    project.write(".git/hooks/pre-commit", f"#!/bin/sh\nexec {command}\n").chmod(0o755)
    return project


@pytest.mark.skipif(sys.platform == "win32", reason="the hook is a shell script")
@pytest.mark.parametrize("arguments", [["--all"], ["--only", NOTE], []], ids=["all", "only", "index"])
def test_a_hook_sees_the_index_that_git_commits(hooked: Project, arguments: list[str]) -> None:
    hooked.write(NOTE, "Lamps.\n")
    hooked.git("add", NOTE)
    if arguments:  # the index of the repository is fine, and what is committed is not
        hooked.write(NOTE, "# A heading\n")
    else:
        hooked.write(NOTE, "# A heading\n")
        hooked.git("add", NOTE)
        hooked.write(NOTE, "Lamps.\n")
    before = hooked.head()
    done = subprocess.run(["git", "commit", "-m", "X", *arguments], cwd=hooked.path, capture_output=True, check=False)
    assert (done.returncode, b"fragment-malformed" in done.stderr, hooked.head()) == (1, True, before)
    hooked.write(NOTE, "Lamps.\n")
    hooked.git("add", NOTE)
    hooked.git("commit", "--quiet", "-m", "X")
    assert hooked.head() != before


def test_the_hook_is_one_that_pre_commit_reads() -> None:
    (hook,) = yaml.safe_load((Path(__file__).parent.parent / PRE_COMMIT).read_text("utf-8"))
    assert (hook["id"], hook["language"], hook["stages"]) == ("tagready-check", "python", ["pre-commit"])
    assert (hook["pass_filenames"], hook["always_run"]) == (False, True)
