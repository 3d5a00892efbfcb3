"""check --fix on real repositories: what it mends in the working tree, what it leaves, and what it says."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects import PYPROJECT, RST_MARKER, Project, Result, make_pair, make_project
from steps import commit, git, run, write

CODE = "src/demo/lamp.py"
BAD, GOOD = "changelog.d/41.bug.md", "changelog.d/41.bugfix.md"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_pair(tmp_path_factory.mktemp("template"))
    run(commit(write(CODE, "LAMPS = 1\n")), git("push", "-q"), git("switch", "-q", "-c", "fix-41-lamps"))(project)
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A contributor's branch, as main is; the remote is never asked."""
    return template.copy(tmp_path / "demo")


def fix(project: Project, *arguments: str) -> Result:
    return project.run("check", "--fix", "--format", "json", *arguments)


def mended(result: Result) -> list[tuple[str, int | None, str]]:
    return [(each["path"], each["line"], each["what"]) for each in result.json["mended"]]


RENAMED = (GOOD, None, f"was {BAD}, a name that towncrier passes over")


@pytest.mark.parametrize("how", ["committed", "staged", "untracked"])
def test_a_fragment_of_the_change_is_mended_wherever_it_is(project: Project, how: str) -> None:
    project.write(CODE, "LAMPS = 2\n")
    project.commit("More lamps")
    project.write(BAD, "Lamps. ")
    if how != "untracked":
        project.git("add", "--all")
    if how == "committed":
        project.commit("Say so")
    index = project.git("ls-files", "--stage")
    result = fix(project)
    assert (result.code, result.json["findings"], result.json["fragments"]) == (0, [], [GOOD])
    assert mended(result) == [
        RENAMED,
        (GOOD, 1, "blanks at the end of the line removed"),
        (GOOD, 1, "final newline added"),
    ]
    assert (project.read(GOOD), (project.path / BAD).exists()) == ("Lamps.\n", False)
    assert project.git("ls-files", "--stage") == index
    again = fix(project)
    assert (again.code, again.json["mended"], again.json["findings"]) == (0, [], [])


def test_what_it_says(project: Project) -> None:
    project.write(CODE, "LAMPS = 2\n")
    project.write(BAD, "Lamps.")
    said = project.run("check", "--fix").out
    assert f" mended {GOOD}: was {BAD}, a name that towncrier passes over mended" in " ".join(said.split())
    assert f"  mended     {GOOD}:1: final newline added\n" in said
    assert said.endswith(f"\n  next  git add --all -- {GOOD}\n")  # git would stop at a path that it never knew
    again = project.run("check", "--fix").out
    assert "  mended     nothing: there is nothing that can be mended without doubt\n" in again
    assert "next" not in again


@pytest.mark.parametrize("started", ["src/demo", "."])
def test_the_command_works_where_we_were_started(project: Project, started: str) -> None:
    project.write(CODE, "LAMPS = 2\n")
    project.write(BAD, "Lamps.\n")
    project.commit("More lamps")
    done = Project(project.path / started).run("check", "--fix")
    *_, command = done.out.removesuffix("\n").partition("\n  next  git ")
    Project(project.path / started).git(*command.split())
    assert (done.code, project.status()) == (0, f"R  {BAD} -> {GOOD}")


def test_what_is_left_is_judged_in_the_working_tree(project: Project) -> None:
    project.write(CODE, "LAMPS = 2\n")
    project.write(GOOD, "# Lamps")
    result = fix(project)
    assert (result.code, result.rules, mended(result)) == (
        1,
        ["fragment-malformed"],
        [(GOOD, 1, "final newline added")],
    )
    said = project.run("check", "--fix").err
    assert said.endswith("Mend what the arrows point to, and ask again: tagready check --fix\n")


def test_only_the_changes_own_files_are_mended(project: Project) -> None:
    project.git("switch", "--quiet", "main")
    project.write("changelog.d/9.bug.md", "Old.")
    project.commit("An old one")
    project.git("switch", "--quiet", "fix-41-lamps")
    project.git("reset", "--quiet", "--hard", "main")
    project.write(GOOD, "Lamps.")
    result = fix(project, "--since", "main")
    assert mended(result) == [(GOOD, 1, "final newline added")]
    assert project.read("changelog.d/9.bug.md") == "Old."


def test_without_a_commit_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet")
    project.write("pyproject.toml", PYPROJECT)
    result = fix(project)
    assert (result.code, result.json["error"]["what"]) == (2, "the repository has no commit yet")


def test_no_file_is_overwritten(project: Project) -> None:
    project.write(BAD, "Lamps.\n")
    project.write(GOOD, "More lamps.\n")
    result = fix(project)
    assert (result.rules, result.json["mended"]) == (["fragment-ignored"], [])
    assert (project.read(BAD), project.read(GOOD)) == ("Lamps.\n", "More lamps.\n")


def test_two_that_would_get_the_same_name(project: Project) -> None:
    project.write(BAD, "Lamps.\n")
    project.write("changelog.d/41.fix.md", "More lamps.\n")
    result = fix(project)
    assert (mended(result), result.rules) == ([RENAMED], ["fragment-ignored"])
    assert (project.read(GOOD), project.read("changelog.d/41.fix.md")) == ("Lamps.\n", "More lamps.\n")


def test_line_endings_become_those_of_the_other_fragments(project: Project) -> None:
    project.git("config", "core.autocrlf", "false")
    project.write(GOOD, "Lamps.\r\nMore.\r\n")
    assert mended(fix(project)) == [(GOOD, None, "line endings are LF now")]
    assert project.read(GOOD) == "Lamps.\nMore.\n"


@pytest.mark.parametrize("name", ["changelog.d/README.md", "changelog.d/notes", "changelog.d/.hidden.bug.md", CODE])
def test_what_is_no_fragment_is_left(project: Project, name: str) -> None:
    project.write(name, "Lamps. ")
    assert fix(project).json["mended"] == []
    assert project.read(name) == "Lamps. "


def test_a_link_is_left(project: Project) -> None:
    (project.path / GOOD).symlink_to("12.feature.md")
    (project.path / "changelog.d/42.bug.md").symlink_to("12.feature.md")
    assert fix(project).json["mended"] == []


# -- of what is staged -------------------------------------------------------------------------------------------------


def test_staged_fragments_are_mended_and_nothing_is_staged(project: Project) -> None:
    project.write(BAD, "Lamps.")
    project.git("add", "--all")
    project.write("changelog.d/42.bug.md", "Not staged.")
    index = project.git("ls-files", "--stage")
    result = fix(project, "--staged")
    assert (result.code, mended(result)) == (1, [RENAMED, (GOOD, 1, "final newline added")])
    (found,) = result.json["findings"]
    command = f"git add --all -- {BAD} {GOOD}"
    assert (found["rule"], found["fix"]) == ("fragment-ignored", f"it is mended in the working tree: {command}")
    assert project.git("ls-files", "--stage") == index
    assert project.read("changelog.d/42.bug.md") == "Not staged."
    project.git(*command.split()[1:])
    assert (fix(project, "--staged").code, project.git("diff", "--cached", "--name-only")) == (0, GOOD)


def test_a_fragment_that_was_edited_after_it_was_staged_is_left(project: Project) -> None:
    project.write(BAD, "Lamps.")
    project.git("add", "--all")
    project.write(BAD, "Lamps. Not finished")
    result = project.run("check", "--fix", "--staged")
    assert project.read(BAD) == "Lamps. Not finished"
    said = " ".join(result.out.split())
    assert f" left {BAD} was edited after it was staged: git add it, or put the rest away" in said


NAMES = st.from_regex(
    r"\A(?:[1-3]|\+a|README|x y)?\.?(?:feature|bugfix|misc|bug|fix|docs|Feat)?(?:\.[12])?(?:\.(?:md|rst))?~?\Z"
).filter(lambda name: name not in ("", ".", "..") and not name.endswith("\n"))


@pytest.mark.slow
@settings(max_examples=20)
@given(files=st.dictionaries(NAMES, st.one_of(st.text(" \t\nab`#<", max_size=12), st.binary(max_size=6)), max_size=4))
def test_whatever_lies_there_no_words_are_lost_and_nothing_is_mended_twice(
    template: Project, files: dict[str, str | bytes]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = template.copy(Path(folder) / "demo")
        for name, text in files.items():
            project.write(f"changelog.d/{name}", text)
        before = words(project)
        first = fix(project)
        assert first.code in (0, 1), first.out + first.err
        assert (words(project), fix(project).json["mended"]) == (before, [])


def words(project: Project) -> list[list[bytes]]:
    """Return the words of every fragment, whatever they are called."""
    return sorted(file.read_bytes().split() for file in (project.path / "changelog.d").iterdir())


# -- reStructuredText --------------------------------------------------------------------------------------------------

RST = PYPROJECT.replace("CHANGELOG.md", "NEWS.rst").replace('"## {version} ({project_date})"', '"{version}"')
NEWS = f"News\n====\n\n{RST_MARKER}\n\n1.3.0\n=====\n\n- See `the lamps`_, :issue:`1`.\n\n.. _the lamps: lamps.html\n"


def rst(path: Path, text: str, **files: str) -> list[dict[str, Any]]:
    project = make_project(path, pyproject=RST, changelog=None, fragments={})
    project.write("NEWS.rst", NEWS)
    project.commit("News")
    project.git("switch", "--quiet", "--create", "topic")
    for name, content in files.items():
        project.write(name.replace("__", "/").replace("_py", ".py"), content)
    project.write("changelog.d/41.feature.rst", text)
    project.commit("A fragment")
    found: list[dict[str, Any]] = project.run("check", "--format", "json").json["findings"]
    return found


@pytest.mark.parametrize(
    ("text", "level", "line"),
    [
        ("Lamps.\n\n== ==\na\n==\n", "error", 5),
        ("Lamps.\n\n.. image::\n\nMore.\n", "error", 3),
        ("Lamps and ``more\n", "warning", 1),
        ("Lamps.\nMore:\n  one\n", "warning", 3),
        ("See :func:`lamp`.\n", "warning", 1),
    ],
)
def test_what_pypi_cannot_show(tmp_path: Path, text: str, level: str, line: int) -> None:
    (found,) = rst(tmp_path / "demo", text)
    assert (found["rule"], found["level"], found["line"]) == ("fragment-malformed", level, line)
    assert found["path"] == "changelog.d/41.feature.rst"


@pytest.mark.parametrize(
    "text",
    [
        "Lamps, ``dim`` and *bright*.\n",
        pytest.param("See `the lamps`_.\n", id="a target of the changelog"),
        pytest.param("Mend :issue:`41`.\n", id="a role that the changelog uses"),
    ],
)
def test_what_pypi_can_show(tmp_path: Path, text: str) -> None:
    assert rst(tmp_path / "demo", text) == []


@pytest.mark.parametrize("place", ["docs__conf_py", "doc__en__conf_py"])
def test_with_sphinx_its_roles_are_none(tmp_path: Path, place: str) -> None:
    assert rst(tmp_path / "demo", "See :func:`lamp`, |this| and `that`_.\n", **{place: "x = 1\n"}) == []
