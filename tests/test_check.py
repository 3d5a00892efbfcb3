"""check on real repositories: pull requests of every kind, what lets them through, and what was pushed to main."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_server import ForgeServer
from projects import CHANGELOG, DAY, MARKER, PYPROJECT, RST_MARKER, Project, Result, copy_pair, make_pair
from steps import Step, commit, edit, git, prepare, remove, run, write

pytestmark = pytest.mark.usefixtures("noon")

#: A finding: rule, level, path, line.
Found = tuple[str, str, str | None, int | None]

LOG = "CHANGELOG.md"
CODE = "src/demo/lamp.py"
HAND = "## 1.4.0 (2026-02-03)\n\n- Typed.\n\n## 1.3.0"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with code on main, and a remote that has it."""
    project = make_pair(tmp_path_factory.mktemp("template"))
    project.write("src/demo/__init__.py", "")
    run(commit(write(CODE, "LAMPS = 1\n")), git("push", "-q"))(project)
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A contributor's branch `fix-77-lamps`, as main is."""
    return topic(template, tmp_path)


def topic(template: Project, tmp_path: Path) -> Project:
    project = copy_pair(template, tmp_path)
    project.git("switch", "--quiet", "--create", "fix-77-lamps")
    return project


# -- the words in which the tables are written -------------------------------------------------------------------------


def keys(line: str) -> Step:
    """Set a key of ours."""
    return edit("pyproject.toml", "[tool.towncrier]", f"[tool.tagready]\n{line}\n\n[tool.towncrier]")


def on_main(*steps: Step) -> Step:
    """Do the steps on main, push it, and come back."""
    return run(git("switch", "-q", "main"), *steps, git("push", "-q", "origin", "main"), git("switch", "-q", "-"))


def since_main(*steps: Step) -> Step:
    """Do the steps on main, push it, and begin the branch there anew."""
    return run(on_main(*steps), git("reset", "-q", "--hard", "main"))


CODED = commit(write(CODE, "LAMPS = 2\n"), message="Count lamps")
NEWS = write("changelog.d/77.bugfix.md", "Count lamps.\n")
WITH_NEWS = commit(write(CODE, "LAMPS = 2\n"), NEWS)


def found_by(result: Result) -> list[Found]:
    assert result.code in (0, 1), result.err + result.out
    return [(each["rule"], each["level"], each["path"], each["line"]) for each in result.json["findings"]]


def error(rule: str, path: str | None = None, line: int | None = None) -> Found:
    return rule, "error", path, line


def warning(rule: str, path: str | None = None, line: int | None = None) -> Found:
    return rule, "warning", path, line


def check(project: Project, *arguments: str) -> Result:
    return project.run("check", "--format", "json", *arguments)


# -- changes -----------------------------------------------------------------------------------------------------------

PYPIRC = "[pypi]\nusername = ann\npassword = correct-horse-battery\n"
MISSING = error("fragment-missing")
#: The version is stated in the code.
IN_CODE = commit(
    write("src/demo/__init__.py", '__version__ = "1.3.0"\n'),
    keys('version-source = "files"\nversion-files = ["src/demo/__init__.py"]'),
)

#: The only section has a folder of its own.
CORE = run(
    commit(write("pyproject.toml", f'{PYPROJECT}[[tool.towncrier.section]]\nname = "Core"\npath = "core"\n')),
    commit(git("rm", "-q", "changelog.d/12.feature.md", "changelog.d/13.bugfix.md"),
           write("changelog.d/core/1.misc.md", "x")),
)  # fmt: skip
CHORES = PYPROJECT + "".join(
    f'[[tool.towncrier.type]]\nname = "{name}"\ndirectory = "{name}"\n{more}'
    for name, more in (("feature", ""), ("bugfix", ""), ("chore", "check = false\n"))
)
BY_BOB = git("commit", "-q", "--amend", "--no-edit", "--author", "Bob <bob@example.org>")

CASES: dict[str, tuple[Step, list[Found]]] = {
    "code and a fragment": (WITH_NEWS, []),
    "code and no fragment": (CODED, [MISSING]),
    "a fragment of the other extension": (commit(write(CODE, "x"), write("changelog.d/77.bugfix.rst", "x")), []),
    "a fragment for another's code": (commit(write(CODE, "x"), edit("changelog.d/12.feature.md", "Add", "Mix")), []),
    "tests only": (commit(write("tests/test_lamp.py", "x")), []),
    "documentation only": (commit(write("docs/index.md", "x"), write("README.md", "x")), []),
    "tools only": (commit(edit("pyproject.toml", "[tool.towncrier]", "[tool.ruff]\n\n[tool.towncrier]")), []),
    "a dependency": (commit(edit("pyproject.toml", 'name = "demo"', 'name = "demo"\ndependencies = []')), [MISSING]),
    "code removed": (commit(remove(CODE)), [MISSING]),
    "only warned": (
        commit(write(CODE, "x"), keys('require-fragment = "warning"')),
        [warning("fragment-missing")],
    ),
    "never asked": (
        commit(write(CODE, "x"), keys('require-fragment = "never"')),
        [],
    ),
    "code elsewhere": (
        commit(write(CODE, "x"), keys('code-paths = ["rust/*"]')),
        [],
    ),
    "code where the globs say": (
        commit(write("docs/x", "x"), keys('code-paths = ["docs/*"]')),
        [MISSING],
    ),
    "a misspelt fragment": (
        commit(write(CODE, "x"), write("changelog.d/77.bugifx.md", "x")),
        [error("fragment-ignored", "changelog.d/77.bugifx.md")],
    ),
    "an empty fragment": (
        commit(write(CODE, "x"), write("changelog.d/77.bugfix.md", "")),
        [error("fragment-empty", "changelog.d/77.bugfix.md")],
    ),
    "a heading in a fragment": (
        commit(NEWS, write("changelog.d/78.bugfix.md", "x\n\n## Title\n")),
        [error("fragment-malformed", "changelog.d/78.bugfix.md", 3)],
    ),
    "a comment without an end": (
        commit(NEWS, write("changelog.d/78.bugfix.md", "x\n\n<!-- and so on\n")),
        [error("fragment-malformed", "changelog.d/78.bugfix.md", 3)],
    ),
    "a comment without an end, before any text": (
        commit(NEWS, write("changelog.d/78.bugfix.md", "<!-- open now\n")),
        [error("fragment-malformed", "changelog.d/78.bugfix.md", 1)],
    ),
    "a fence that the issue spoils": (
        commit(NEWS, edit("pyproject.toml", "directory", "all_bullets = false\ndirectory"),
               write("changelog.d/78.bugfix.md", "x\n\n```\nx\n```\n")),
        [warning("fragment-malformed", "changelog.d/78.bugfix.md", 5),
         error("entry-swallows", "changelog.d/78.bugfix.md")],
    ),
    "a digit that is no number": (
        commit(NEWS, write("changelog.d/².bugfix.md", "x\n")),
        [error("fragment-malformed", "changelog.d/².bugfix.md")],
    ),
    "an orphan without text, of a type that shows none": (
        commit(NEWS, write("changelog.d/+x.misc.md", "")),
        [warning("fragment-empty", "changelog.d/+x.misc.md")],
    ),
    "a byte order mark": (
        commit(write("changelog.d/78.bugfix.md", "\ufeffA lamp.\n")),
        [warning("fragment-malformed", "changelog.d/78.bugfix.md", 1)],
    ),
    "a fragment that no section has": (
        run(since_main(CORE), commit(write(CODE, "x"), write("changelog.d/77.bugfix.md", "x"))),
        [error("fragment-ignored", "changelog.d/77.bugfix.md")],
    ),
    "a fragment of another project": (
        commit(write("libs/b/towncrier.toml", "[tool.towncrier]\n"), write("libs/b/b.py", "x"),
               write("libs/c/pyproject.toml", "[tool.towncrier]\n"), write("libs/c/src/c.py", "x")),
        [],
    ),
    "code of a folder that is no project of its own": (
        commit(write("libs/b/pyproject.toml", "[tool.ruff]\n"), write("libs/b/b.py", "x")), [MISSING],
    ),
    "code, and a fragment renamed": (
        commit(write(CODE, "x"), git("mv", "changelog.d/12.feature.md", "changelog.d/21.feature.md")), [MISSING],
    ),
    "code, and a fragment with another mode": (
        commit(write(CODE, "x"), lambda project: (project.path / "changelog.d/12.feature.md").chmod(0o755)), [MISSING],
    ),
    "code, and blanks in a fragment": (
        commit(write(CODE, "x"), write("changelog.d/12.feature.md", "Add\ncolour. \n")), [MISSING],
    ),
    "code, and a fragment goes on": (
        commit(write(CODE, "x"), write("changelog.d/12.feature.md", "Add colour.\n\nAnd light.\n")), [],
    ),
    "code, and another's fragment replaced": (
        run(commit(write(CODE, "x"), write("changelog.d/12.feature.md", "Switches no longer spark.\n")), BY_BOB),
        [warning("fragment-deleted", "changelog.d/12.feature.md")],
    ),
    "code, and one's own fragment said anew under another address": (
        run(commit(write(CODE, "x"), write("changelog.d/12.feature.md", "Switches no longer spark.\n")),
            git("commit", "-q", "--amend", "--no-edit", "--author", "Test <1+test@users.noreply.github.com>")),
        [],
    ),
    "code, and one's own fragment said anew": (
        commit(write(CODE, "x"), write("changelog.d/12.feature.md", "Switches no longer spark.\n")), [],
    ),
    "what another wrote into a fragment, reverted": (
        run(since_main(run(commit(write("changelog.d/12.feature.md", "Switches no longer spark.\n")), BY_BOB)),
            git("revert", "--no-edit", "HEAD")),
        [],
    ),
    "one of two fragments of an issue deleted": (
        run(since_main(commit(write("changelog.d/12.feature.1.md", "Add light.\n"))),
            commit(remove("changelog.d/12.feature.md"))),
        [error("fragment-deleted", "changelog.d/12.feature.md")],
    ),
    "one of two fragments of an issue joined to the other": (
        run(since_main(commit(write("changelog.d/12.feature.1.md", "Add light.\n"))),
            commit(remove("changelog.d/12.feature.md"), write("changelog.d/12.feature.1.md", "Light and hue.\n"))),
        [],
    ),
    "a fragment of a type that tells of nothing": (
        run(since_main(commit(write("pyproject.toml", CHORES))),
            commit(write(CODE, "x"), write("changelog.d/77.chore.md", "x"))),
        [MISSING],
    ),
    "a heading that is a version": (
        commit(edit("pyproject.toml", "directory", "all_bullets = false\ndirectory"), NEWS,
               write("changelog.d/78.bugfix.md", "x\n\n##### 0.9.0\n")),
        [error("fragment-malformed", "changelog.d/78.bugfix.md")],
    ),
    "a leftover beside it": (
        commit(NEWS, write("changelog.d/77.feature.md.orig", "x")),
        [error("fragment-leftover-copy", "changelog.d/77.feature.md.orig")],
    ),
    "two of one name": (
        commit(write("changelog.d/12.feature.rst", "x")),
        [error("fragment-duplicated", "changelog.d/12.feature.rst")],
    ),
    "what others left behind": (
        run(since_main(commit(write("changelog.d/5.feature.md", ""), write("changelog.d/odd.txt", "x"))), WITH_NEWS),
        [warning("fragment-ignored", "changelog.d/odd.txt"), warning("fragment-empty", "changelog.d/5.feature.md")],
    ),
    "what others left behind, touched": (
        run(since_main(commit(write("changelog.d/5.feature.md", ""))), commit(write("changelog.d/5.feature.md", " "))),
        [error("fragment-empty", "changelog.d/5.feature.md")],
    ),
    "types taken away under others' fragments": (
        commit(write("towncrier.toml", f'{PYPROJECT.partition("[tool")[1]}.towncrier]\ndirectory = "changelog.d"\n'
                     f'filename = "{LOG}"\ntitle_format = "## {{version}} ({{project_date}})"\n'
                     '[[tool.towncrier.type]]\ndirectory = "bugfix"\nname = "Fixes"\n')),
        [
            error("fragment-ignored", "changelog.d/12.feature.md"),
        ],
    ),
    "a fragment deleted": (
        commit(remove("changelog.d/12.feature.md")),
        [error("fragment-deleted", "changelog.d/12.feature.md")],
    ),
    "a fragment renamed": (commit(git("mv", "changelog.d/12.feature.md", "changelog.d/21.feature.md")), []),
    "a fragment renamed, with a word touched": (
        commit(remove("changelog.d/12.feature.md"), write("changelog.d/21.bugfix.md", "Add colours.\n")), [],
    ),
    "an empty fragment renamed": (
        run(since_main(commit(write("changelog.d/5.misc.md", ""))),
            commit(git("mv", "changelog.d/5.misc.md", "changelog.d/55.misc.md"))),
        [],
    ),
    "all fragments moved": (
        commit(git("mv", "changelog.d", "news"), edit("pyproject.toml", "changelog.d", "news")), [],
    ),
    "all fragments moved, and code": (
        commit(git("mv", "changelog.d", "news"), edit("pyproject.toml", "changelog.d", "news"), write(CODE, "x")),
        [MISSING],
    ),
    "a fragment of another type": (
        commit(remove("changelog.d/12.feature.md"), write("changelog.d/12.bugfix.md", "Said anew.\n")),
        [],
    ),
    "two fragments joined": (
        commit(remove("changelog.d/12.feature.md"), write("changelog.d/13.bugfix.md", "Mend it.\n\nAdd colour.\n")),
        [],
    ),
    "a fragment changed in its text": (commit(edit("changelog.d/12.feature.md", "Add", "Mix")), []),
    "an entry changed": (
        commit(edit(LOG, "The first one", "The very first one")),
        [error("entry-edited-by-hand", LOG, 5)],
    ),
    "an entry's date changed": (commit(edit(LOG, "2026-01-01", "2026-01-02")), [error("entry-edited-by-hand", LOG, 5)]),
    "an entry removed": (
        commit(edit(LOG, CHANGELOG[CHANGELOG.index("## 1.3.0"):], "")),
        [error("entry-edited-by-hand", LOG)],
    ),
    "a line below the newest entry": (
        commit(write(CODE, "x"), edit(LOG, "(#1)\n", "(#1)\n- Lamps.\n")),
        [MISSING, error("entry-edited-by-hand", LOG, 5)],
    ),
    "an entry written by hand": (
        commit(NEWS, edit(LOG, "## 1.3.0", HAND)),
        [error("entry-edited-by-hand", LOG, 5)],
    ),
    "two entries for one version": (
        commit(edit(LOG, "## 1.3.0", "## 1.3.0 (2026-01-01)\n\n- Again.\n\n## 1.3.0")),
        [error("entry-edited-by-hand", LOG, 5)],
    ),
    "only blank lines changed": (commit(edit(LOG, "### Features\n\n", "### Features\n\n\n")), []),
    "line endings changed": (commit(write(LOG, CHANGELOG.replace("\n", "\r\n"))), []),
    "the title and an introduction": (
        commit(edit(LOG, "# Changelog\n", "# News\n\nEverything that is new.\n")),
        [],
    ),
    "a heading in a code block": (
        commit(edit(LOG, "# Changelog\n", "# Changelog\n\n```\n## 9.9.9 (2026-01-01)\n```\n")),
        [],
    ),
    "the marker removed": (
        commit(edit(LOG, f"{MARKER}\n", "")),
        [error("changelog-marker-missing", LOG, 1)],
    ),
    "another marker in the settings": (
        commit(edit("pyproject.toml", "directory =", 'start_string = "<!-- here -->"\ndirectory =')),
        [error("changelog-marker-missing", LOG, 1)],
    ),
    "a marker that was missing before": (
        run(since_main(commit(edit(LOG, f"{MARKER}\n", ""))), commit(edit("pyproject.toml", "# the", "# a"))),
        [warning("changelog-marker-missing", LOG, 1)],
    ),
    "the version bumped": (
        commit(edit("pyproject.toml", "1.3.0", "1.4.0"), NEWS),
        [error("version-bumped-by-hand", "pyproject.toml", 3)],
    ),
    "a development version": (commit(edit("pyproject.toml", "1.3.0", "1.4.0.dev0"), NEWS), []),
    "the same version in other words": (commit(edit("pyproject.toml", '"1.3.0"', '"1.3"'), NEWS), []),
    "a development version in the code": (
        run(since_main(IN_CODE), commit(write("src/demo/__init__.py", '__version__ = "1.4.0.dev0"\n'))), [],
    ),
    "a development version, and code": (
        run(since_main(IN_CODE), commit(write("src/demo/__init__.py", '__version__ = "1.4.0.dev0"\nLAMPS = 1\n'))),
        [MISSING],
    ),
    "a version that nobody can find": (
        commit(edit("pyproject.toml", 'version = "1.3.0"', 'dynamic = ["version"]'), NEWS),
        [],
    ),
    "a password": (
        commit(write(".pypirc", PYPIRC)),
        [error("secret-in-tree", ".pypirc", 3)],
    ),
    "a password that was there before": (
        run(since_main(commit(write(".pypirc", PYPIRC))), WITH_NEWS),
        [],
    ),
    "everything at once": (
        commit(
            write(CODE, "x"), edit("pyproject.toml", "1.3.0", "1.4.0"), edit(LOG, "## 1.3.0", HAND),
            remove("changelog.d/12.feature.md"),
        ),
        [
            error("fragment-deleted", "changelog.d/12.feature.md"), MISSING, error("entry-edited-by-hand", LOG, 5),
            error("version-bumped-by-hand", "pyproject.toml", 3),
        ],
    ),
    "main has gone on": (
        run(WITH_NEWS, on_main(commit(remove("changelog.d/12.feature.md"), edit(LOG, "first", "1st")))),
        [],
    ),
    "main was merged in": (
        run(
            WITH_NEWS,
            on_main(commit(write("src/demo/more.py", "x"), write("changelog.d/9.misc.md", "x"),
                           edit(LOG, "first", "1st"), remove("changelog.d/12.feature.md"),
                           edit("pyproject.toml", "1.3.0", "1.3.1"))),
            git("merge", "-q", "--no-edit", "main"),
        ),
        [],
    ),
    "a release on main was merged in": (
        run(WITH_NEWS, on_main(prepare("1.4.0")), git("merge", "-q", "--no-edit", "main")),
        [],
    ),
    "a release on main was picked": (
        run(WITH_NEWS, on_main(prepare("1.4.0")), git("cherry-pick", "main")),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_judged(project: Project, name: str) -> None:
    steps, expected = CASES[name]
    steps(project)
    before = project.fingerprint()
    result = check(project)
    assert found_by(result) == expected
    assert result.code == any(level == "error" for _, level, _, _ in expected)
    assert result.json["kind"] == "change"
    assert project.fingerprint() == before


def test_fragments_that_the_settings_left_behind_are_moved_by_the_commands(project: Project) -> None:
    commit(edit("pyproject.toml", "changelog.d", "docs/news"))(project)
    result = check(project)
    paths = ["changelog.d/12.feature.md", "changelog.d/13.bugfix.md"]
    assert found_by(result) == [error("fragment-deleted", path) for path in paths]
    for found in result.json["findings"]:
        subprocess.run(found["fix"].partition(", and commit")[0], shell=True, cwd=project.path, check=True)
    project.commit("Move the fragments")
    assert found_by(check(project)) == []


def test_what_is_not_committed_is_not_judged(project: Project) -> None:
    WITH_NEWS(project)
    project.write(LOG, "gone")
    project.write("changelog.d/.swp.feature.md.orig", "x")
    (project.path / "changelog.d/12.feature.md").unlink()
    assert found_by(check(project)) == []


@pytest.mark.parametrize("name", ["changelog.d/77.bugfix.md", "changelog.d/77.bug.md"])
def test_a_fragment_that_is_not_committed_is_pointed_at(project: Project, name: str) -> None:
    CODED(project)
    project.write(name, "Lamps.\n")
    project.write("changelog.d/README.md", "Fragments.\n")
    (found,) = check(project).json["findings"]
    assert found["message"].endswith(f"is not committed yet: {name}")


def test_the_file_to_create_is_named_after_the_branch(project: Project) -> None:
    CODED(project)
    result = project.run("check")
    assert result.code == 1
    assert "> changelog.d/77.feature.md && git add changelog.d/77.feature.md && git commit" in result.err
    assert "this change does not pass the pull-request gate: 1 finding" in result.err


def test_the_file_to_create_is_named_as_the_others_are(project: Project) -> None:
    names = [f"changelog.d/{name}" for name in ("12.feature", "13.bugfix")]
    since_main(commit(*(git("mv", f"{name}.md", name) for name in names)))(project)
    CODED(project)
    (found,) = check(project).json["findings"]
    assert "> changelog.d/77.feature && git add changelog.d/77.feature && " in found["fix"]


def test_the_command_that_is_named_helps(project: Project) -> None:
    CODED(project)
    (found,) = check(project).json["findings"]
    project.git("-c", f"alias.mend=!{found['fix'].split(';')[0]}", "mend")
    assert check(project).json["fragments"] == ["changelog.d/77.feature.md"]
    assert found_by(check(project)) == []


def test_fragments_at_the_top_are_called_as_git_calls_them(project: Project) -> None:
    top = edit("pyproject.toml", '"changelog.d"', '"."')
    since_main(commit(top, git("rm", "-qr", "changelog.d"), write("1.misc.md", "x")))(project)
    commit(write(CODE, "x"), write("3.featuer.md", "x"))(project)
    found = [each for each in found_by(check(project)) if each[1] == "error"]
    assert found == [error("fragment-ignored", "3.featuer.md")]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(commit(write("changelog.d/77.feature.md", "Others' lamp.\n")), id="somebody has that name"),
        pytest.param(commit(git("rm", "-qr", "changelog.d")), id="git has removed the folder"),
    ],
)
def test_the_command_that_is_named_takes_nothing_from_others(project: Project, steps: Step) -> None:
    since_main(steps)(project)
    CODED(project)
    (found,) = check(project).json["findings"]
    project.git("-c", f"alias.mend=!{found['fix'].split(';')[0]}", "mend")
    assert found_by(check(project)) == []
    assert project.git("diff", "--name-status", "main", "--", "changelog.d").startswith("A\t")


@pytest.mark.parametrize(
    ("globs", "notes"),
    [
        ('["srx/*", "src/nope/**"]', ["srx/*", "src/nope/**"]),
        ('["*.rs", "docs/*", "src", "CHANGELOG.md"]', ["*.rs", "docs/*"]),
    ],
)
def test_a_glob_that_matches_nothing_is_told(project: Project, globs: str, notes: list[str]) -> None:
    since_main(commit(keys(f"code-paths = {globs}")))(project)
    commit(write("tests/x.py", "x"))(project)
    assert check(project).json["notes"] == [
        f"code-paths: {glob!r} matches no file, so no change asks for a fragment by it" for glob in notes
    ]


TOWNCRIER = "directory ="
BROKEN: dict[str, tuple[Step, str, str]] = {
    "an unknown key": (
        edit("pyproject.toml", TOWNCRIER, f'issue_format = "#{{isue}}"\n{TOWNCRIER}'), "pyproject.toml",
        "KeyError: 'isue'",
    ),
    "another unknown key": (
        edit("pyproject.toml", "{version}", "{vers}"), "pyproject.toml", "KeyError: 'vers'",
    ),
    "a title without the version": (
        edit("pyproject.toml", "## {version} ({project_date})", "## Release"), "pyproject.toml",
        "no heading of it names the version, so nobody could find the entry again (it begins with '## Release')",
    ),
    "a wrong type": (
        edit("pyproject.toml", TOWNCRIER, f'wrap = "yes"\n{TOWNCRIER}'), "pyproject.toml", "TypeError: ",
    ),
    "another wrong type": (
        edit("pyproject.toml", '"## {version} ({project_date})"', "5"), "pyproject.toml",
        "TypeError: ",
    ),
    "a template with an error": (
        run(edit("pyproject.toml", TOWNCRIER, f'template = "changelog.d/t.jinja"\n{TOWNCRIER}'),
            write("changelog.d/t.jinja", "{% if %}")),
        "changelog.d/t.jinja", "TemplateSyntaxError: Expected an expression, got 'end of statement block'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("also", [[], [NEWS]], ids=["alone", "with a fragment"])
def test_settings_by_which_nothing_can_be_released(project: Project, name: str, also: list[Step]) -> None:
    steps, path, why = BROKEN[name]
    commit(steps, *also)(project)
    assert found_by(check(project)) == [error("entry-unrenderable", path)]
    (found,) = check(project).json["findings"]
    what = f"towncrier can make no entry by the settings and the template as they are now: {why}"
    assert found["message"].startswith(what)
    assert found_by(check(project, "--staged")) == []
    project.git("reset", "-q", "--soft", "HEAD~1")
    assert found_by(check(project, "--staged")) == [error("entry-unrenderable", path)]


def test_a_template_that_is_not_there(project: Project) -> None:
    commit(edit("pyproject.toml", TOWNCRIER, f'template = "t.jinja"\n{TOWNCRIER}'))(project)
    result = check(project)
    assert found_by(result) == [error("entry-unrenderable", "pyproject.toml")]
    assert result.json["findings"][0]["message"].endswith("The template file 't.jinja' does not exist.")


@pytest.mark.parametrize("name", BROKEN)
def test_settings_that_were_so_before_are_nobodys_fault(project: Project, name: str) -> None:
    since_main(commit(BROKEN[name][0]))(project)
    commit(NEWS)(project)
    result = check(project)
    assert found_by(result) == []
    if name == "a title without the version":  # nothing asks for that where fragments can be rendered
        assert result.json["skipped"] == []
    else:
        (skip,) = result.json["skipped"]
        assert skip["rule"] == "entry-unrenderable"
        assert skip["reason"].startswith(f"it was so before this change: {BROKEN[name][2]}")
    commit(edit("pyproject.toml", TOWNCRIER, f"all_bullets = false\n{TOWNCRIER}"))(project)
    result = check(project)
    assert (found_by(result), [skip["rule"] for skip in result.json["skipped"]]) == ([], ["entry-unrenderable"])


def test_settings_that_are_mended_are_no_finding(project: Project) -> None:
    since_main(commit(edit("pyproject.toml", "{version}", "{vers}")))(project)
    commit(edit("pyproject.toml", "{vers}", "{version}"), NEWS)(project)
    result = check(project)
    assert (found_by(result), result.json["skipped"]) == ([], [])


@pytest.mark.parametrize("pattern", [r"LAMP-\\d+", r"\\d{3}"])
def test_settings_are_tried_with_an_issue_that_fits(project: Project, pattern: str) -> None:
    since_main(commit(git("rm", "-q", "changelog.d/12.feature.md", "changelog.d/13.bugfix.md")))(project)
    commit(edit("pyproject.toml", TOWNCRIER, f'issue_pattern = "{pattern}"\n{TOWNCRIER}'))(project)
    result = check(project)
    assert (found_by(result), result.json["skipped"]) == ([], [])


def test_a_fragment_that_towncrier_cannot_render(project: Project) -> None:
    template = (
        "## {{ versiondata.version }}\n\n{% for texts in sections[''].values() %}{% for text in texts %}"
        "{{ text }}{{ 1 // (text|length - 3) }}{% endfor %}{% endfor %}\n"
    )
    settings_ = edit("pyproject.toml", TOWNCRIER, f'template = "t.jinja"\n{TOWNCRIER}')
    since_main(commit(settings_, write("t.jinja", template)))(project)
    commit(NEWS, write("changelog.d/9.doc.md", "abc\n"))(project)
    assert found_by(check(project)) == [error("fragment-malformed", "changelog.d/9.doc.md")]


RENAMED = run(git("mv", LOG, "NEWS.md"), edit("pyproject.toml", LOG, "NEWS.md"))
MOVED: dict[str, tuple[Step, str]] = {
    "in the settings only": (edit("pyproject.toml", LOG, "NEWS.md"), f"git mv {LOG} NEWS.md"),
    "and edited": (
        run(RENAMED, edit("NEWS.md", "The first", "Our first")),
        "git show BASE:CHANGELOG.md > NEWS.md",
    ),
    "and written on": (
        run(RENAMED, edit("NEWS.md", "## 1.3.0", HAND)),
        "git show BASE:CHANGELOG.md > NEWS.md",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVED)
def test_a_changelog_that_moved_is_brought_back_by_the_command(project: Project, name: str) -> None:
    steps, command = MOVED[name]
    commit(steps)(project)
    assert {rule for rule, *_ in found_by(check(project))} == {"entry-edited-by-hand"}
    (found,) = check(project).json["findings"]
    command = command.replace("BASE", project.head("main")[:10])
    assert command in found["fix"]
    project.git("-c", f"alias.mend=!{command}", "mend")
    project.commit("Bring it back")
    assert found_by(check(project)) == []


def test_a_version_s_own_changelog_that_was_typed_goes(project: Project) -> None:
    since_main(commit(write("pyproject.toml", FILES), write("news/1.3.0.md", "x\n"), remove(LOG)))(project)
    commit(NEWS, write("news/1.3.1.md", "y\n"))(project)
    (found,) = check(project).json["findings"]
    assert "git rm news/1.3.1.md, and write one" in found["fix"]


def test_what_only_the_issue_spoils_is_mended_by_a_sentence(project: Project) -> None:
    since_main(commit(write("pyproject.toml", RST), write("NEWS.rst", RST_NEWS), remove(LOG)))(project)
    path, table = "changelog.d/77.bugfix.rst", "Lamps:\n\n=====  =====\nred    green\n=====  =====\n"
    commit(write(path, table))(project)
    result = check(project)
    assert found_by(result) == [error("fragment-malformed", path)]
    (found,) = result.json["findings"]
    assert found["message"].endswith("; towncrier indents the text, and appends the issue to its last line")
    assert found["fix"] == "add a sentence after it, and commit"
    commit(write(path, f"{table}\nThey glow.\n"))(project)
    assert found_by(check(project)) == []


def test_the_difference_of_an_edited_entry_is_shown(project: Project) -> None:
    commit(edit(LOG, "The first one", "The very first one"))(project)
    (found,) = check(project).json["findings"]
    assert "\n-- The first one. (#1)\n+- The very first one. (#1)" in found["message"]
    assert f"git checkout {project.head('main')[:10]} -- CHANGELOG.md" in found["fix"]


def test_fragments_are_shown_as_they_will_be(project: Project) -> None:
    WITH_NEWS(project)
    assert check(project).json["preview"] == "### Bugfixes\n\n- Count lamps. (#77)"
    assert "| - Count lamps. (#77)" in project.run("check").out


VERSIONED = """{% for category, texts in sections[""].items() %}
### {{ definitions[category]["name"] }} - {{ versiondata.version }}

{% for text in texts %}- {{ text }}
{% endfor %}{% endfor %}"""


def test_no_made_up_version_is_shown(project: Project) -> None:
    """virtualenv's template names the version in the title of each category."""
    template = edit("pyproject.toml", "directory =", 'template = "changelog.d/template.md"\ndirectory =')
    run(since_main(commit(template, write("changelog.d/template.md", VERSIONED))), WITH_NEWS)(project)
    assert check(project).json["preview"] == "### Bugfixes - next\n\n- Count lamps."
    added = project.run("add", "9", "doc", "-m", "Light.")
    assert "### Improved Documentation - next\n" in added.out


def test_a_fragment_on_which_towncrier_hangs(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagready.doors.news.PROBE_SECONDS", 0.3)
    hangs = "Such as::\n\n" + "        deep\n" * 40 + "\nand more.\n"
    since_main(
        commit(write("pyproject.toml", RST), write("NEWS.rst", RST_NEWS), write("changelog.d/5.doc.rst", hangs))
    )(project)
    commit(write("changelog.d/6.doc.rst", hangs))(project)
    assert found_by(check(project)) == [error("fragment-hangs", "changelog.d/6.doc.rst", 1)]


# -- ways through ------------------------------------------------------------------------------------------------------


def test_a_message_says_that_nobody_needs_to_be_told(project: Project) -> None:
    commit(write(CODE, "x"), message="Tidy up\n\n[No Changelog]")(project)
    result = check(project)
    assert found_by(result) == []
    assert result.json["notes"] == [f'no fragment is asked for: {project.head()[:10]} "Tidy up" says [no changelog]']
    assert "says [no changelog]" in " ".join(project.run("check").out.split())


def test_an_edit_of_the_changelog_is_permitted_and_told(project: Project) -> None:
    commit(edit(LOG, "first", "very first"), message="Mend the entry [changelog edit]")(project)
    result = check(project)
    assert found_by(result) == []
    assert result.json["notes"] == [
        f'{project.head()[:10]} "Mend the entry [changelog edit]" says [changelog edit], which permits what it does '
        "to: 1.3.0"
    ]


def test_a_fragment_is_taken_out_on_purpose_and_that_is_told(project: Project) -> None:
    commit(remove("changelog.d/12.feature.md"), message="Nobody needs it\n\n[changelog edit]")(project)
    result = check(project)
    assert found_by(result) == []
    assert result.json["notes"] == [
        f'{project.head()[:10]} "Nobody needs it" says [changelog edit], which permits what it does to: '
        "changelog.d/12.feature.md"
    ]


REVERTS: dict[str, tuple[Step, list[Found], int]] = {
    "by git": (git("revert", "--no-edit", "HEAD"), [], 2),
    "by hand, all of it": (commit(remove("changelog.d/77.bugfix.md"), write(CODE, "LAMPS = 1\n")), [], 2),
    "squashed, and not all of it": (
        commit(remove("changelog.d/77.bugfix.md"), write(CODE, "y"), message='Revert "Change" (#99)'), [], 2,
    ),
    "by hand, not all of it": (
        commit(remove("changelog.d/77.bugfix.md"), write(CODE, "LAMPS = 3\n")),
        [error("fragment-deleted", "changelog.d/77.bugfix.md"), MISSING], 0,
    ),
    "only the fragment": (
        commit(remove("changelog.d/77.bugfix.md")), [error("fragment-deleted", "changelog.d/77.bugfix.md")], 0,
    ),
    "only in words": (
        lambda project: commit(
            remove("changelog.d/77.bugfix.md"), message=f"Revert\n\nThis reverts commit {project.head()}."
        )(project),
        [error("fragment-deleted", "changelog.d/77.bugfix.md")], 0,
    ),
    "in words, of another commit": (
        lambda project: commit(
            remove("changelog.d/77.bugfix.md"), write(CODE, "y"),
            message=f"Revert\n\nThis reverts commit {project.head('HEAD~1')}.",
        )(project),
        [error("fragment-deleted", "changelog.d/77.bugfix.md"), MISSING], 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REVERTS)
def test_a_revert_takes_the_fragment_along(project: Project, name: str) -> None:
    steps, expected, notes = REVERTS[name]
    since_main(WITH_NEWS)(project)
    steps(project)
    result = check(project)
    assert found_by(result) == expected
    assert len(result.json["notes"]) == notes


def test_a_merged_pull_request_is_reverted_as_a_whole(project: Project) -> None:
    on_main(
        git("switch", "-q", "-c", "other"), commit(write(CODE, "x"), message="One"), commit(NEWS, message="Two"),
        git("switch", "-q", "main"), git("merge", "-q", "--no-ff", "--no-edit", "other"),
    )(project)  # fmt: skip
    project.git("switch", "-q", "-C", "fix-77-lamps", "main")
    project.git("revert", "--no-edit", "-m", "1", "HEAD")
    project.git("commit", "-q", "--amend", "-m", "Take it back, all of it")
    assert found_by(check(project)) == []


# -- releases and forward ports ----------------------------------------------------------------------------------------


def release(*arguments: str) -> Step:
    """Prepare 1.4.0 on its branch, and go there."""
    return run(
        git("switch", "-q", "main"),
        prepare("1.4.0", "--branch", *arguments),
        git("switch", "-q", "release/1.4.0"),
    )


def squashed(project: Project) -> None:
    project.git("switch", "-q", "--detach", "origin/main")
    project.git("merge", "-q", "--squash", "release/1.4.0")
    message = project.git("log", "-1", "--format=%B", "release/1.4.0")
    project.git("commit", "-q", "-m", f"Release 1.4.0 (#99)\n\n* {message}")


RELEASES: dict[str, tuple[Step, list[Found]]] = {
    "as it was prepared": (release(), []),
    "squashed": (run(release(), squashed), []),
    "merged": (
        run(release(), git("switch", "-q", "--detach", "origin/main"), git("merge", "-q", "--no-ff", "release/1.4.0")),
        [],
    ),
    "with more commits": (run(release(), commit(write("docs/x.md", "x")), commit(write(CODE, "x"))), []),
    "with main merged in": (
        run(
            release(), on_main(commit(write("docs/y.md", "y"))), git("merge", "-q", "--no-edit", "main"),
        ),
        [],
    ),
    "with news merged in": (
        run(release(), on_main(WITH_NEWS), git("merge", "-q", "--no-edit", "main")),
        [error("fragments-left-over", "changelog.d/77.bugfix.md")],
    ),
    "by towncrier alone, and a bump": (
        run(
            release(), git("commit", "-q", "--amend", "-m", "Release"),
        ),
        [],
    ),
    "without the bump": (
        run(release(), commit(edit("pyproject.toml", "1.4.0", "1.3.0"))),
        [error("version-mismatch", "pyproject.toml", 3)],
    ),
    "renewed": (
        run(since_main(prepare("1.4.0"), WITH_NEWS), git("switch", "-q", "main"),
            prepare("1.4.0", "--again", "--branch"), git("switch", "-q", "release/1.4.0")),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_is_recognised_and_judged_by_the_tag_gate(project: Project, name: str) -> None:
    steps, expected = RELEASES[name]
    steps(project)
    result = check(project)
    assert found_by(result) == expected
    assert (result.json["kind"], result.json["version"], result.json["tag"]) == ("release", "1.4.0", "v1.4.0")


TAKEN_BACK: dict[str, tuple[Step, list[Found], int]] = {
    "by git": (git("revert", "--no-edit", "HEAD"), [], 1),
    "squashed": (
        run(git("revert", "--no-commit", "HEAD"), git("commit", "-qm", 'Revert "Release 1.4.0" (#99)')), [], 1,
    ),
    "by hand": (
        run(git("revert", "--no-commit", "HEAD"), git("commit", "-qm", "Take it back")),
        [error("entry-edited-by-hand", LOG), error("version-bumped-by-hand", "pyproject.toml", 3)], 0,
    ),
    "by hand, and declared": (
        run(git("revert", "--no-commit", "HEAD"), git("commit", "-qm", "Take it back [changelog edit]")), [], 1,
    ),
    "by hand, declared, and with another number": (
        run(git("revert", "--no-commit", "HEAD"), edit("pyproject.toml", "1.3.0", "1.5.0"),
            commit(message="Take it back [changelog edit]")),
        [error("version-bumped-by-hand", "pyproject.toml", 3)], 1,
    ),
    "after the tag": (
        run(git("tag", "v1.4.0"), git("revert", "--no-edit", "HEAD")),
        [error("entry-edited-by-hand", LOG), error("version-bumped-by-hand", "pyproject.toml", 3)], 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN_BACK)
def test_a_release_without_a_tag_is_taken_back(project: Project, name: str) -> None:
    steps, expected, notes = TAKEN_BACK[name]
    since_main(prepare("1.4.0"))(project)
    steps(project)
    result = check(project)
    assert (found_by(result), len(result.json["notes"])) == (expected, notes)
    if name == "by git":
        head, release = project.head()[:10], project.head("HEAD~1")[:10]
        assert result.json["notes"] == [f"{head} takes back {release}, the release of 1.4.0, which has no tag"]


def test_two_releases_at_once_are_judged_by_the_newest(project: Project) -> None:
    """develop, with 1.4.0 and 1.5.0, is merged to main; their tags are to come."""
    run(prepare("1.4.0"), WITH_NEWS, prepare("1.5.0"))(project)
    result = check(project)
    assert (found_by(result), result.json["kind"], result.json["version"]) == ([], "release", "1.5.0")


def test_an_entry_that_was_typed_beside_a_release_is_told(project: Project) -> None:
    run(prepare("1.4.0"), commit(edit(LOG, "## 1.3.0", "## 1.2.0 (2025-01-01)\n\n- Typed.\n\n## 1.3.0")))(project)
    result = check(project)
    assert result.json["kind"] == "release"
    assert found_by(result) == [error("entry-edited-by-hand", LOG, 16)]
    project.git("commit", "-q", "--allow-empty", "-m", "[changelog edit]")
    assert found_by(check(project)) == []


def test_a_forward_port_whose_tag_is_not_here_is_told_to_fetch_it(project: Project) -> None:
    released_on_a_series(project)
    assert project.run("forward-port", "v1.3.1").code == 0
    project.git("tag", "-d", "v1.3.1")
    found = check(project).json["findings"]
    assert {each["rule"] for each in found} == {"version-mismatch", "fragments-left-over"}
    first = "if 1.3.1 was released on another branch, git fetch --tags, and ask again; else "
    assert all(each["fix"].startswith(first) for each in found)


def test_an_edit_that_is_declared_is_a_release(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_EDITOR", "sed -i.bak s/colour/colours/")
    release("--edit")(project)
    result = check(project)
    assert (found_by(result), result.json["kind"]) == ([], "release")


REWORDED = commit(edit(LOG, "Add colour.", "Add colours."), edit(LOG, "Mend it.", "Mend all of it."))


def test_an_edit_that_is_not_declared_is_no_release(project: Project) -> None:
    """One cause is one finding: fragments are gone, the version is another one, and no code needs a fragment."""
    run(since_main(IN_CODE), release(), REWORDED, CODED)(project)
    result = check(project)
    assert found_by(result) == [error("entry-edited-by-hand", LOG, 5)]
    (found,) = result.json["findings"]
    assert "looks like a release, but its fragments do not make it:\n" in found["message"]
    assert "\n+- Add colours. (#12)" in found["message"]
    assert "[changelog edit]" not in found["fix"]
    assert result.json["kind"] == "change"


def released_on_a_series(project: Project) -> None:
    """1.3.1 is released on 1.3.x, of a fragment that main has as well; then the branch `topic` of main."""
    fix = write("changelog.d/50.bugfix.md", "Mend the lamp.\n")
    since_main(commit(fix))(project)
    run(git("switch", "-q", "-c", "1.3.x", "v1.3.0"), commit(fix), prepare("1.3.1"), git("tag", "v1.3.1"))(project)
    run(git("switch", "-q", "-c", "ported", "main"))(project)


def test_a_forward_port_that_is_reworded_is_no_release(project: Project) -> None:
    """Its tag is on another branch, so nothing here could be tagged; and it may be declared as any edit."""
    released_on_a_series(project)
    assert project.run("forward-port", "v1.3.1").code == 0
    commit(edit(LOG, "Mend the lamp.", "Mend the lamps."))(project)
    result = check(project)
    wrong = [error("fragment-deleted", "changelog.d/50.bugfix.md"), error("entry-edited-by-hand", LOG, 5)]
    assert (found_by(result), result.json["kind"]) == (wrong, "change")
    assert "[changelog edit]" in result.json["findings"][1]["fix"]
    project.git("commit", "-q", "--allow-empty", "-m", "[changelog edit]")
    result = check(project)
    assert (found_by(result), result.json["kind"]) == ([], "change")


def test_a_fragment_that_stays_beside_its_entry_is_told(project: Project) -> None:
    released_on_a_series(project)
    project.git("checkout", "-q", "1.3.x", "--", LOG)
    project.commit("Bring the entry")
    result = check(project)
    left = warning("fragments-left-over", "changelog.d/50.bugfix.md")
    assert (found_by(result), result.json["kind"]) == ([left], "forward-port")


@pytest.mark.parametrize("flow", ["direct", "pull-request"])
def test_the_way_out_of_an_edit_that_is_not_declared(
    project: Project, monkeypatch: pytest.MonkeyPatch, flow: str
) -> None:
    """The very same words again leave the changelog as it is; the commit declares them all the same."""
    since_main(commit(keys(f'flow = "{flow}"')))(project)
    run(release(), REWORDED)(project)
    wanted = project.read(LOG)
    (found,) = check(project).json["findings"]
    name, *arguments = found["fix"].partition(",")[0].split()
    assert name == "prepare-release"
    monkeypatch.setenv("GIT_EDITOR", "sed -i.bak -e s/colour/colours/ -e 's/Mend it/Mend all of it/'")
    done = project.prepare(*arguments, *DAY)
    assert (done.code, "not carried over" in done.err) == (0, False), done.err
    assert project.read(LOG) == wanted
    assert "\n  next  git push origin release/1.4.0, and merge release/1.4.0, then tagready tag" in done.out
    result = check(project)
    assert (found_by(result), result.json["kind"]) == ([], "release")


@pytest.mark.parametrize("strict", [False, True])
def test_an_edit_in_a_release_that_a_message_permits_is_for_the_tag_gate(project: Project, strict: bool) -> None:
    if strict:
        since_main(commit(keys("strict-entry = true")))(project)
    run(release(), REWORDED, git("commit", "-q", "--allow-empty", "-m", "[changelog edit]"))(project)
    result = check(project)
    level = error if strict else warning
    assert (found_by(result), result.json["kind"]) == ([level("entry-differs", LOG, 5)], "release")
    assert [note.partition(" says ")[2] for note in result.json["notes"]] == [
        "[changelog edit], which permits what it does to: 1.4.0"
    ]


def test_what_a_reworded_entry_does_not_tell_is_lost(project: Project) -> None:
    run(release(), commit(edit(LOG, "Add colour. (#12)", "Add much.")))(project)
    assert found_by(check(project)) == [
        error("fragment-deleted", "changelog.d/12.feature.md"), error("entry-edited-by-hand", LOG, 5),
    ]  # fmt: skip


def test_an_entry_of_another_towncrier_is_a_release_still(project: Project) -> None:
    release()(project)
    project.write(LOG, project.read(LOG).replace("### Features", "### Features\n\nHere they are.", 1))
    message = project.git("log", "-1", "--format=%B").replace("Towncrier: 2", "Towncrier: 1")
    project.git("commit", "-q", "--all", "--amend", "-m", message)
    result = check(project)
    assert (found_by(result), result.json["kind"]) == ([], "release")
    assert [skip["rule"] for skip in result.json["skipped"]] == ["entry-differs"]


TYPED = run(
    remove("changelog.d/12.feature.md", "changelog.d/13.bugfix.md"), edit(LOG, "## 1.3.0", HAND),
    commit(edit("pyproject.toml", "1.3.0", "1.4.0"), message="Release 1.4.0"),
)  # fmt: skip
TAGGED: dict[str, tuple[Step, str, set[str]]] = {
    "a release": (release(), "release", set()),
    "typed": (TYPED, "change", {"entry-edited-by-hand", "fragment-deleted", "version-bumped-by-hand"}),
    "without the bump": (run(release(), commit(edit("pyproject.toml", "1.4.0", "1.3.0"))), "release", {
        "version-mismatch",
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", TAGGED)
def test_a_release_that_is_tagged_already_is_judged_as_ever(project: Project, name: str) -> None:
    steps, kind, expected = TAGGED[name]
    run(steps, git("tag", "v1.4.0"))(project)
    result = check(project)
    assert ({rule for rule, *_ in found_by(result)}, result.json["kind"]) == (expected, kind)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (release(), set()),
        (TYPED, {"entry-edited-by-hand", "fragment-deleted"}),
    ],
    ids=["a release", "typed"],
)
def test_a_tagged_branch_that_has_gone_on_brings_true_releases_only(
    project: Project, steps: Step, expected: set[str]
) -> None:
    run(steps, git("tag", "v1.4.0"), commit(edit("pyproject.toml", "1.4.0", "1.5.0.dev0")))(project)
    result = check(project)
    kind = "change" if expected else "forward-port"
    assert ({rule for rule, *_ in found_by(result)}, result.json["kind"]) == (expected, kind)


FIX = "src/demo/fix.py"


def maintenance(project: Project) -> None:
    """A release 1.3.1 of one of main's fragments, tagged on the series 1.3.x."""
    project.git("switch", "-q", "-c", "1.3.x", "v1.3.0")
    project.write("changelog.d/13.bugfix.md", "Mend it.\n")
    project.write(FIX, "x")
    project.commit("Backport")
    prepare("1.3.1")(project)
    project.git("tag", "v1.3.1")
    project.git("switch", "-q", "fix-77-lamps")


def ported(project: Project) -> None:
    maintenance(project)
    entry = project.show(LOG, "v1.3.1").partition("## 1.3.1")[2].partition("## 1.3.0")[0]
    edit(LOG, "## 1.3.0", f"## 1.3.1{entry}## 1.3.0")(project)


def test_a_forward_port_is_recognised_by_its_tag(project: Project) -> None:
    ported(project)
    remove("changelog.d/13.bugfix.md")(project)
    project.commit("Port 1.3.1 forward")
    result = check(project)
    assert (found_by(result), result.json["kind"]) == ([], "forward-port")
    assert result.json["notes"] == ["the entry for 1.3.1 is the one that the tag v1.3.1 has: a forward port"]


def test_a_forward_port_removes_its_own_fragments_only(project: Project) -> None:
    ported(project)
    remove("changelog.d/13.bugfix.md", "changelog.d/12.feature.md")(project)
    project.commit("Port 1.3.1 forward")
    assert found_by(check(project)) == [error("fragment-deleted", "changelog.d/12.feature.md")]


def test_a_release_that_had_a_candidate_is_ported(project: Project) -> None:
    """The commit that brought the final entry only renamed that of the candidate."""
    maintenance(project)
    project.git("switch", "-q", "1.3.x")
    for old, new in (("1.3.1 (", "1.3.1rc1 ("), ("1.3.1rc1 (", "1.3.1 (")):
        commit(edit(LOG, old, new))(project)
    project.git("tag", "-f", "v1.3.1")
    project.git("switch", "-q", "fix-77-lamps")
    entry = project.show(LOG, "v1.3.1").partition("## 1.3.1")[2].partition("## 1.3.0")[0]
    commit(edit(LOG, "## 1.3.0", f"## 1.3.1{entry}## 1.3.0"), remove("changelog.d/13.bugfix.md"))(project)
    assert found_by(check(project)) == []


def test_a_fragment_that_says_more_here_is_not_ported(project: Project) -> None:
    since_main(commit(edit("changelog.d/13.bugfix.md", "it", "it, and more")))(project)
    ported(project)
    remove("changelog.d/13.bugfix.md")(project)
    project.commit("Port 1.3.1 forward")
    assert found_by(check(project)) == [error("fragment-deleted", "changelog.d/13.bugfix.md")]


def test_a_forward_port_that_was_changed_on_the_way(project: Project) -> None:
    ported(project)
    edit(LOG, "- Mend it.", "- Mend it all.")(project)
    project.commit("Port 1.3.1 forward")
    assert found_by(check(project)) == [error("entry-edited-by-hand", LOG, 5)]


def merged_up(*steps: Step) -> Step:
    """Merge the series into the branch, with what is mended before that is committed."""
    return run(
        git("merge", "-q", "--no-commit", "--no-ff", "1.3.x", check=False),
        git("checkout", "HEAD", "--", "pyproject.toml"), *steps, git("add", "-A"), git("commit", "-q", "--no-edit"),
    )  # fmt: skip


def on_series(*steps: Step) -> Step:
    return run(git("switch", "-q", "1.3.x"), *steps, git("switch", "-q", "fix-77-lamps"))


def test_a_maintenance_branch_merged_forward_tells_of_its_code(project: Project) -> None:
    """But for a fragment that both sides had: it stays, and the next release would tell of it again."""
    run(maintenance, merged_up())(project)
    result = check(project)
    left = warning("fragments-left-over", "changelog.d/13.bugfix.md")
    assert (found_by(result), result.json["kind"]) == ([left], "forward-port")
    assert "this merges v1.3.1, whose entry tells of it" in result.json["notes"][1]


DEVELOPMENT = edit("src/demo/__init__.py", '"1.3.1"', '"1.3.2.dev0"')
MERGES: dict[str, tuple[Step, list[str]]] = {
    "and code of its own": (run(merged_up(), commit(write("src/demo/own.py", "x"))), ["src/demo/own.py"]),
    "and more of what the release has": (run(merged_up(), commit(write(FIX, "y"))), [FIX]),
    "with code in the merge itself": (merged_up(write("src/demo/own.py", "x")), ["src/demo/own.py"]),
    "with what only main has, changed in the merge itself": (merged_up(write(CODE, "x")), [CODE]),
    "with a conflict": (
        run(since_main(commit(write(FIX, "z"))), merged_up(write(FIX, "both"))), [],
    ),
    "with a conflict, and more in another commit": (
        run(since_main(commit(write(FIX, "z"))), merged_up(write(FIX, "both")), commit(write(FIX, "more"))), [FIX],
    ),
    "that has gone on": (run(on_series(commit(write("src/demo/next.py", "x"))), merged_up()), ["src/demo/next.py"]),
    "that has gone on to a development version": (run(on_series(commit(DEVELOPMENT)), merged_up()), []),
}  # fmt: skip


@pytest.mark.parametrize("name", MERGES)
def test_only_what_a_merged_release_brought_is_told_of(project: Project, name: str) -> None:
    steps, untold = MERGES[name]
    run(since_main(IN_CODE), git("tag", "-f", "v1.3.0"), maintenance, steps)(project)
    result = check(project)
    assert [found["message"].partition(")")[0] for found in result.json["findings"]] == [
        f"code changed ({path}" for path in untold
    ]


# -- what HEAD is held against -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [git("switch", "-q", "main"), git("commit", "-q", "--allow-empty", "-m", "Nothing")])
def test_no_difference_is_nothing_to_judge(project: Project, where: Step) -> None:
    where(project)
    result = check(project)
    assert (result.code, result.json["kind"], result.json["findings"]) == (0, "nothing", [])
    assert result.json["notes"] == ["HEAD has no change that origin/main has not, so there is nothing to judge"]
    assert "nothing to judge" in project.run("check").out


@pytest.mark.parametrize(
    ("arguments", "base"),
    [
        ((), "main"),
        (("--since", "main"), "main"),
        (("--since", "origin/main"), "main"),
        (("--since", "HEAD~1"), "HEAD~1"),
        (("--since", "v1.3.0"), "v1.3.0"),
    ],
)
def test_the_base(project: Project, arguments: tuple[str, ...], base: str) -> None:
    run(WITH_NEWS, commit(write("docs/x.md", "x")))(project)
    assert check(project, *arguments).json["base"] == project.head(base)


def test_a_topic_of_a_series_is_held_against_the_series(project: Project) -> None:
    run(
        git("switch", "-q", "-c", "1.3.x", "v1.3.0"), git("push", "-q", "origin", "1.3.x"), git("fetch", "-q"),
        git("switch", "-q", "-c", "mend", "--track", "origin/1.3.x"), CODED,
    )(project)  # fmt: skip
    result = check(project)
    assert result.json["base"] == project.head("origin/1.3.x")
    assert found_by(result) == [MISSING]


def test_a_fork_is_held_against_the_original(project: Project, tmp_path: Path) -> None:
    """Its own main is old; main of the original has gone on."""
    project.git("remote", "rename", "origin", "upstream")
    shutil.copytree(tmp_path / "remote.git", tmp_path / "fork.git")
    project.git("remote", "add", "origin", str(tmp_path / "fork.git"))
    project.git("fetch", "-q", "origin")
    run(git("switch", "-q", "main"), commit(write("src/demo/new.py", "x")), git("push", "-q", "upstream", "main"))(
        project
    )
    run(git("switch", "-q", "-C", "mend", "main"), WITH_NEWS, git("push", "-q", "-u", "origin", "mend"))(project)
    assert check(project).json["base"] == project.head("upstream/main")


def test_a_project_without_a_remote(project: Project) -> None:
    project.git("remote", "remove", "origin")
    CODED(project)
    result = check(project)
    assert (result.json["base"], found_by(result)) == (project.head("main"), [MISSING])


def trouble(result: Result) -> tuple[int, str, str]:
    assert result.json["ok"] is False
    return result.code, result.json["error"]["what"], result.json["error"]["fix"]


def test_a_base_branch_that_is_not_here(project: Project) -> None:
    CODED(project)
    project.git("update-ref", "-d", "refs/remotes/origin/main")
    project.git("branch", "-D", "main")
    project.git("remote", "set-head", "origin", "--delete", check=False)
    code, what, fix = trouble(check(project))
    assert (code, what) == (3, "origin/main, which this change is compared with, is not here")
    assert fix == "git fetch origin +refs/heads/main:refs/remotes/origin/main"
    project.git(*fix.split()[1:])
    assert found_by(check(project)) == [MISSING]


NAME_ONE = "name one that is: git log --oneline"


@pytest.mark.parametrize(
    ("since", "fix"),
    [
        ("origin/nope", "git fetch origin +refs/heads/nope:refs/remotes/origin/nope"),
        ("nope", "git fetch origin +refs/heads/nope:refs/remotes/origin/nope"),
        ("nope~2", "git fetch origin +refs/heads/nope:refs/remotes/origin/nope"),
        ("f" * 40, f"git fetch origin {'f' * 40}"),
        ("deadbeef", NAME_ONE),
        ("HEAD~99", NAME_ONE),
        ("@~99", NAME_ONE),
        ("@{u}", NAME_ONE),
        ("@{99}", NAME_ONE),
        ("no such", NAME_ONE),
        ("v9.9.9", "git fetch origin tag v9.9.9"),
        ("v9.9", "git fetch origin --tags '+refs/heads/*:refs/remotes/origin/*'"),
        ("refs/heads/nope", "git fetch origin +refs/heads/nope:refs/remotes/origin/nope"),
        ("remotes/origin/nope", "git fetch origin +refs/heads/nope:refs/remotes/origin/nope"),
        ("origin/v9.9", "git fetch origin +refs/heads/v9.9:refs/remotes/origin/v9.9"),
    ],
)
def test_a_reference_that_is_not_here(project: Project, since: str, fix: str) -> None:
    code = 2 if fix == NAME_ONE else 3
    assert trouble(check(project, "--since", since)) == (code, f"there is no commit {since} here", fix)
    assert trouble(check(project, "--main", "--since", since)) == (code, f"there is no commit {since} here", fix)


@pytest.mark.parametrize("since", ["main", "main~0"])
def test_a_branch_that_only_the_remote_has(project: Project, since: str) -> None:
    CODED(project)
    project.git("branch", "-D", "main")
    result = check(project, "--since", since)
    assert (result.json["base"], found_by(result)) == (project.head("origin/main"), [MISSING])
    assert f"origin/{since}, from" in project.run("check", "--since", since).out


@pytest.mark.parametrize("since", ["v1.3.0", "v1.3", "HEAD~2", "main~1"])
def test_a_reference_that_a_shallow_clone_lacks_is_fetched(project: Project, tmp_path: Path, since: str) -> None:
    """By the very command that is named, at the first attempt."""
    run(git("tag", "v1.3", "v1.3.0"), CODED, commit(write("docs/x.md", "x")))(project)
    project.git("push", "-q", "origin", "HEAD", "v1.3", "v1.3.0")
    remote = f"file://{tmp_path}/remote.git"
    project.git("clone", "-q", "--depth", "1", "--branch", "fix-77-lamps", remote, str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    code, what, fix = trouble(check(clone, "--since", since))
    assert (code, what) == (3, f"there is no commit {since} here")
    clone.git(*shlex.split(fix)[1:])
    assert check(clone, "--since", since).code in (0, 1)


def test_histories_with_nothing_in_common(project: Project) -> None:
    project.git("checkout", "-q", "--orphan", "new")
    project.commit("Start anew")
    code, what, fix = trouble(check(project))
    assert (code, what) == (2, "origin/main and HEAD have no commit in common, so there is nothing to compare")
    assert fix == "name what this change started from: tagready check --since REF"


def test_a_clone_without_its_history_is_no_green_result(project: Project, tmp_path: Path) -> None:
    run(CODED, commit(write("docs/x.md", "x")), git("push", "-q", "origin", "HEAD"), on_main(commit(write("y", "y"))))(
        project
    )
    remote = f"file://{tmp_path}/remote.git"
    project.git("clone", "-q", "--depth", "1", "--branch", "fix-77-lamps", remote, str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    code, what, fix = trouble(check(clone))
    assert (code, what) == (3, "origin/main, which this change is compared with, is not here")
    assert fix == "git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main"
    clone.git("fetch", "-q", "--depth", "1", "origin", "+refs/heads/main:refs/remotes/origin/main")
    code, what, fix = trouble(check(clone))
    assert (code, "cut off" in what) == (3, True)
    command, _, workflow = fix.partition("; ")
    assert workflow == "in a workflow: actions/checkout with fetch-depth: 0"
    clone.git(*command.split()[1:])
    assert found_by(check(clone)) == [MISSING]


def test_a_project_in_a_folder(project: Project) -> None:
    """Two projects in one repository: each is judged for itself."""
    for name in ("one", "two"):
        project.write(f"{name}/pyproject.toml", PYPROJECT.replace("demo", name))
        project.write(f"{name}/changelog.d/.gitkeep", "")
        project.write(f"{name}/{LOG}", CHANGELOG)
    since_main(lambda project: project.commit("Two projects"))(project)
    commit(write("one/src/x.py", "x"), edit("two/pyproject.toml", "1.3.0", "1.4.0"))(project)
    one, two = (Project(project.path / name) for name in ("one", "two"))
    assert found_by(check(one)) == [MISSING]
    assert "> one/changelog.d/77.feature.md" in check(one).json["findings"][0]["fix"]
    assert found_by(check(two)) == [error("version-bumped-by-hand", "two/pyproject.toml", 3)]


def test_a_project_that_takes_up_towncrier(project: Project) -> None:
    """What it had before was no release of ours, and no fragment."""
    before = PYPROJECT[: PYPROJECT.index("[tool")]
    since_main(commit(write("pyproject.toml", before), remove("changelog.d/12.feature.md", "changelog.d/13.bugfix.md",
                                                              LOG)))(project)  # fmt: skip
    commit(write("pyproject.toml", PYPROJECT), write(LOG, CHANGELOG), NEWS)(project)
    assert found_by(check(project)) == []


def test_settings_that_nobody_could_read_are_mended(project: Project) -> None:
    since_main(commit(write("pyproject.toml", "[")))(project)
    commit(write("pyproject.toml", PYPROJECT), NEWS)(project)
    result = check(project)
    assert found_by(result) == []
    assert [skip["rule"] for skip in result.json["skipped"]] == [
        "fragment-deleted", "entry-edited-by-hand", "version-bumped-by-hand",
    ]  # fmt: skip


# -- reStructuredText, and a file for each version ---------------------------------------------------------------------

RST = PYPROJECT.replace(LOG, "NEWS.rst").replace('"## {version} ({project_date})"', '"{version} ({project_date})"')
RST_NEWS = f"News\n####\n\n{RST_MARKER}\n\n1.3.0 (2026-01-01)\n==================\n\n- The first one. (#1)\n"
FILES = PYPROJECT.replace('"CHANGELOG.md"', '"news/{version}.md"\nsingle_file = false')
FOLDERS = FILES.replace("news/{version}", "docs/{version}/news")

OTHERS: dict[str, tuple[str, Step, Step, list[Found]]] = {
    "an entry changed": (
        RST, write("NEWS.rst", RST_NEWS), commit(edit("NEWS.rst", "The first", "Our first")),
        [error("entry-edited-by-hand", "NEWS.rst", 6)],
    ),
    "a fragment with a title": (
        RST, write("NEWS.rst", RST_NEWS), commit(write("changelog.d/77.bugfix.rst", "Title\n=====\n\nx\n")),
        [error("fragment-malformed", "changelog.d/77.bugfix.rst", 1)],
    ),
    "code": (RST, write("NEWS.rst", RST_NEWS), CODED, [MISSING]),
    "a file changed": (
        FILES, write("news/1.3.0.md", "## 1.3.0 (2026-01-01)\n\n- x\n"), commit(edit("news/1.3.0.md", "x", "y")),
        [error("entry-edited-by-hand", "news/1.3.0.md", 1)],
    ),
    "a file added": (
        FILES, write("news/1.3.0.md", "x\n"), commit(NEWS, write("news/1.3.1.md", "y\n")),
        [error("entry-edited-by-hand", "news/1.3.1.md", 1)],
    ),
    "a file changed in the version's folder": (
        FOLDERS, write("docs/1.3.0/news.md", "x\n"), commit(edit("docs/1.3.0/news.md", "x", "y")),
        [error("entry-edited-by-hand", "docs/1.3.0/news.md", 1)],
    ),
    "a file beside those of versions' folders": (
        FOLDERS, write("docs/1.3.0/news.md", "x\n"), commit(write("docs/1.3.0/more.md", "y"), write("docs/a", "y")), [],
    ),
    "a file whose name has no version in it": (
        FILES.replace("{version}.md", "log.md"), write("news/log.md", "x\n"), commit(NEWS), [],
    ),
    "a file beside them": (FILES, write("news/1.3.0.md", "x\n"), commit(NEWS, write("news/index.md", "y\n")), []),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_changelogs(project: Project, name: str) -> None:
    settings_, start, steps, expected = OTHERS[name]
    since_main(commit(write("pyproject.toml", settings_), start, remove(LOG)))(project)
    steps(project)
    assert found_by(check(project)) == expected


@pytest.mark.parametrize("settings_", [RST, FILES, FOLDERS])
def test_releases_of_other_changelogs(project: Project, settings_: str) -> None:
    since_main(commit(write("pyproject.toml", settings_), write("NEWS.rst", RST_NEWS), remove(LOG)))(project)
    release()(project)
    result = check(project)
    assert (found_by(result), result.json["kind"], result.json["version"]) == ([], "release", "1.4.0")


def test_a_preview_of_restructuredtext_is_markdown(project: Project) -> None:
    since_main(commit(write("pyproject.toml", RST), write("NEWS.rst", RST_NEWS)))(project)
    commit(write("changelog.d/77.bugfix.rst", "Count ``lamps``.\n"))(project)
    assert "`lamps`. (#77)" in check(project).json["preview"]


# -- in a workflow -----------------------------------------------------------------------------------------------------


class Run:
    """A GitHub run on a clone: the variables and the event that it has."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.patch = tmp_path, monkeypatch

    def event(self, event: Mapping[str, Any], **variables: str) -> None:
        (self.path / "event.json").write_text(json.dumps(event))
        for name, value in variables.items():
            self.patch.setenv(name, value)
        self.patch.setenv("GITHUB_EVENT_PATH", str(self.path / "event.json"))

    def pull_request(self, project: Project, *, depth: int | None = None, **about: Any) -> Project:
        """Let the branch be pull request 99, and check out the merge that GitHub makes of it."""
        head = project.head()
        project.git("fetch", "-q", "origin")
        project.git("switch", "-q", "--detach", "origin/main")
        project.git("merge", "-q", "--no-ff", "-m", f"Merge {head} into {project.head()}", head)
        merge = project.head()
        project.git("push", "-q", "origin", f"{head}:refs/pull/99/head", f"{merge}:refs/pull/99/merge")
        clone = Project(self.path / "clone")
        clone.path.mkdir()
        clone.git("init", "-q")
        clone.git("remote", "add", "origin", f"file://{self.path}/remote.git")
        merge_ref = f"+{merge}:refs/remotes/pull/99/merge"
        if depth is None:
            clone.git("fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", merge_ref)
        else:
            clone.git("fetch", "-q", f"--depth={depth}", "origin", merge_ref)
        clone.git("checkout", "-q", "--detach", "refs/remotes/pull/99/merge")
        pull = {"number": 99, "head": {"sha": head}, "base": {"sha": project.head("origin/main")}, **about}
        self.event(
            {"pull_request": pull, "repository": {"default_branch": "main"}}, GITHUB_BASE_REF="main",
            GITHUB_HEAD_REF="fix-77-lamps", GITHUB_SHA=merge, GITHUB_REF="refs/pull/99/merge",
        )  # fmt: skip
        return clone


@pytest.fixture
def workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def test_the_merge_of_a_pull_request(project: Project, workflow: Run) -> None:
    run(CODED, on_main(commit(write("src/demo/new.py", "x"), write("changelog.d/5.misc.md", "x"))))(project)
    head = project.head()
    clone = workflow.pull_request(project)
    result = check(clone)
    assert found_by(result) == [MISSING]
    assert (result.json["base"], result.json["commit"]) == (project.head("origin/main"), head)
    assert "changelog.d/99.TYPE.md" in result.json["findings"][0]["message"]


def test_the_merge_is_known_by_its_ref_too(project: Project, workflow: Run) -> None:
    CODED(project)
    clone = workflow.pull_request(project, head={"sha": "f" * 40})
    assert check(clone).json["base"] == project.head("origin/main")


def test_messages_are_those_of_the_pull_request(project: Project, workflow: Run) -> None:
    run(CODED, on_main(commit(write("docs/x.md", "x"), message="Write [no changelog]")))(project)
    assert found_by(check(workflow.pull_request(project))) == [MISSING]


@pytest.mark.parametrize(
    ("about", "note"),
    [
        ({"labels": [{"name": "no-changelog"}]}, "the pull request has the label 'no-changelog'"),
        ({"user": {"login": "dependabot[bot]", "type": "Bot"}}, "a bot opened the pull request"),
    ],
)
def test_what_the_event_lets_through(project: Project, workflow: Run, about: dict[str, Any], note: str) -> None:
    CODED(project)
    result = check(workflow.pull_request(project, **about))
    assert (found_by(result), result.json["notes"]) == ([], [f"no fragment is asked for: {note}"])


def test_the_release_pull_request_is_judged_by_its_own_last_commit(project: Project, workflow: Run) -> None:
    """Main has gone on with a fragment that the release does not have."""
    release()(project)
    head = project.head()
    on_main(WITH_NEWS)(project)
    clone = workflow.pull_request(project)
    clone.git("fetch", "-q", "--tags", "origin")
    result = check(clone)
    assert (found_by(result), result.json["kind"], result.json["commit"]) == ([], "release", head)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_checkout_without_the_history_is_told_how_to_get_it(project: Project, workflow: Run, depth: int) -> None:
    run(commit(write(CODE, "x"), message="[no changelog]"), CODED)(project)
    clone = workflow.pull_request(project, depth=depth)
    code, what, fix = trouble(check(clone))
    assert (code, "a shallow clone" in what) == (3, True)
    clone.git(*fix.partition(";")[0].split()[1:])
    assert found_by(check(clone)) == []


def test_the_head_of_a_pull_request_checked_out(project: Project, workflow: Run) -> None:
    run(CODED, on_main(commit(write("src/demo/new.py", "x"))))(project)
    base = project.head("fix-77-lamps~1")
    clone = workflow.pull_request(project)
    clone.git("checkout", "-q", "HEAD^2")
    assert (check(clone).json["base"], found_by(check(clone))) == (base, [MISSING])


def test_the_base_of_the_event_where_the_branch_is_not_here(project: Project, workflow: Run) -> None:
    CODED(project)
    clone = workflow.pull_request(project)
    clone.git("checkout", "-q", "HEAD^2")
    clone.git("update-ref", "-d", "refs/remotes/origin/main")
    assert found_by(check(clone)) == [MISSING]


def test_a_run_that_has_the_base_checked_out_is_no_green_result(project: Project, workflow: Run) -> None:
    """As `pull_request_target` does it."""
    CODED(project)
    clone = workflow.pull_request(project)
    clone.git("checkout", "-q", "origin/main")
    code, what, fix = trouble(check(clone))
    assert (code, what) == (
        2, "origin/main is checked out, and not the pull request, so there is nothing of it to judge",
    )  # fmt: skip
    assert "`pull_request`" in fix


def test_no_stranger_is_lent_our_secrets(project: Project, workflow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head of the pull request is checked out: towncrier would run its template."""
    CODED(project)
    clone = workflow.pull_request(project)
    clone.git("checkout", "-q", "HEAD^2")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request_target")
    code, what, fix = trouble(check(clone))
    assert (code, "`pull_request_target`" in what, "`pull_request`" in fix) == (2, True, True)


def test_a_merge_queue_does_not_know_the_labels(project: Project, workflow: Run) -> None:
    base = project.head()
    CODED(project)
    workflow.event({"merge_group": {"base_sha": base, "head_sha": project.head()}})
    result = check(project)
    assert (found_by(result), result.json["base"]) == ([], base)
    assert [skip["rule"] for skip in result.json["skipped"]] == ["fragment-missing"]


def outputs(workflow: Run) -> dict[str, str]:
    for name in ("output", "summary"):
        (workflow.path / name).write_text("")
    workflow.patch.setenv("GITHUB_OUTPUT", str(workflow.path / "output"))
    workflow.patch.setenv("GITHUB_STEP_SUMMARY", str(workflow.path / "summary"))
    return {}


def test_later_steps_learn_of_a_release(project: Project, workflow: Run) -> None:
    outputs(workflow)
    release()(project)
    result = project.run("check", "--format", "github")
    assert (result.code, result.out) == (0, "tagready: demo 1.4.0 is tag-ready\n")
    assert (workflow.path / "output").read_text() == "release=true\nversion=1.4.0\n"
    assert "- [x] The release is tag-ready\n" in (workflow.path / "summary").read_text("utf-8")


def test_the_summary_is_a_checklist(project: Project, workflow: Run) -> None:
    outputs(workflow)
    run(CODED, commit(write("changelog.d/78.bugifx.md", "x"), write("changelog.d/79.bugfix.md", "")))(project)
    result = project.run("check", "--format", "github")
    assert result.code == 1
    assert "::error file=changelog.d/79.bugfix.md,title=fragment-empty::" in result.out
    assert (workflow.path / "output").read_text() == "release=false\nversion=\n"
    summary = (workflow.path / "summary").read_text("utf-8")
    assert re.findall(r"^- \[.\] .*?(?=: |$)", summary, re.MULTILINE) == [
        "- [ ] Fragments can be compiled",
        "- [x] What users will notice has a fragment",
        "- [x] No pending fragment is lost",
        "- [x] Entries are left to releases",
        "- [x] The version is left to releases",
        "- [x] The changelog has its marker",
        "- [x] No changed file has a secret",
        "- [x] Workflows are safe",
    ]
    assert (
        "  - changelog.d/79.bugfix.md has no text, so the entry would show a bare issue number → what to do" in summary
    )


def test_the_summary_says_how_to_mend_to_who_has_written_their_first_fragment(project: Project, workflow: Run) -> None:
    """In blocks to copy; and what is good already is shown."""
    good, high, odd = (f"changelog.d/{name}" for name in ("77.bugfix.md", "88.feature.md", "89.bug.md"))
    commit(write(CODE, "x"), write(good, "Mend.\n"), write(high, "Big.\n\n# Heading\n"), write(odd, "x"))(project)
    outputs(workflow)
    assert project.run("check", "--format", "github").code == 1
    summary = (workflow.path / "summary").read_text("utf-8")
    assert summary.count("→ what to do is below\n") == 2
    assert summary.partition("\n#### What to do\n\n")[2] == (
        "The changelog is made of news fragments, and with these it cannot be:\n\n"
        "- changelog.d/89.bug.md is not named like a fragment, so towncrier passes over it and its text would be "
        "missing\n\n"
        "  ```sh\n  git mv changelog.d/89.bug.md changelog.d/89.bugfix.md\n  ```\n\n"
        "  or list it under `ignore` in \\[tool.towncrier\\] of pyproject.toml\n\n"
        "- changelog.d/88.feature.md has a heading as high as a category of the entry: readers and tools would take "
        "what follows for another section (line 3)\n\n"
        "  → use a deeper heading, or bold text\n\n"
        "Then commit, and push; this check runs again:\n\n"
        '```sh\ngit commit --all -m "Mend the news fragments"\ngit push\n```\n\n'
        "In the changelog:\n\n> ### Bugfixes\n>\n> - Mend. (#77)\n\n"
    )


@pytest.mark.parametrize(
    ("key", "about", "why"),
    [
        ("", {"user": {"login": "dependabot[bot]", "type": "Bot"}}, "a bot opened the pull request"),
        ('require-fragment = "never"', {}, 'require-fragment is "never"'),
    ],
)
def test_the_summary_ticks_no_fragment_that_nobody_asked_for(
    project: Project, workflow: Run, key: str, about: dict[str, Any], why: str
) -> None:
    run(since_main(commit(keys(key))), CODED)(project)
    clone = workflow.pull_request(project, **about)
    outputs(workflow)
    assert clone.run("check", "--format", "github").code == 0
    summary = (workflow.path / "summary").read_text("utf-8")
    assert f"\n- [x] No fragment is asked for: {why}\n" in summary
    assert summary.lower().count("fragment is asked for") == 1
    assert "What users will notice" not in summary


def test_the_summary_says_what_to_write_to_who_has_never_seen_a_fragment(project: Project, workflow: Run) -> None:
    commit(edit(CODE, "1", "2"))(project)
    outputs(workflow)
    assert project.run("check", "--since", "main", "--format", "github").code == 1
    summary = (workflow.path / "summary").read_text("utf-8")
    assert "no news fragment says what users will notice → what to do is below\n" in summary
    told = summary.partition("#### What to do\n")[2]
    assert told.startswith("\nThe changelog of demo is made of small files, one for each change: *news fragments*. ")
    assert "\n1. Create the file `changelog.d/77.feature.md` on your branch. `feature` says what kind of change" in told
    assert "\n   | bugfix | Bugfixes |\n" in told
    assert (
        '\n   ```sh\n   echo "Say here what changes for users." > changelog.d/77.feature.md && '
        'git add changelog.d/77.feature.md && git commit -m "Add a news fragment" && git push\n   ```\n'
    ) in told


def test_the_summary_shows_the_fragments_as_they_will_be(project: Project, workflow: Run) -> None:
    outputs(workflow)
    WITH_NEWS(project)
    assert project.run("check", "--format", "github").code == 0
    assert "\n> - Count lamps. (#77)\n" in (workflow.path / "summary").read_text("utf-8")


def test_trouble_tells_no_later_step_anything(project: Project, workflow: Run) -> None:
    outputs(workflow)
    assert project.run("check", "--format", "github", "--since", "nope").code == 3
    assert (workflow.path / "output").read_text() == ""


def test_a_workflow_that_is_touched_is_judged(project: Project) -> None:
    unsafe = (
        "on: pull_request_target\njobs:\n  x:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}\n"
        "      - run: pip install build && python -m build && twine upload dist/*\n"
        "        env:\n          TWINE_PASSWORD: ${{ secrets.PYPI }}\n"
    )
    since_main(commit(write(".github/workflows/old.yml", unsafe)))(project)
    WITH_NEWS(project)
    assert found_by(check(project)) == []
    commit(
        write(".github/workflows/new.yml", unsafe),
        keys("strict-workflows = true"),
    )(project)
    levels = {(rule, path): level for rule, level, path, _ in found_by(check(project))}
    assert levels["workflow-unsafe", ".github/workflows/new.yml"] == "error"
    assert ("workflow-unsafe", ".github/workflows/old.yml") not in levels


@pytest.mark.parametrize("settings", [".github/zizmor.yml", "zizmor.yaml"])
def test_what_a_project_tells_zizmor_holds(project: Project, settings: str) -> None:
    text = (
        "on: push\npermissions: {}\njobs:\n  x:\n    runs-on: ubuntu-latest\n    steps:\n"
        f"      - uses: actions/checkout@{'1' * 40}\n"
    )
    WITH_NEWS(project)
    commit(write(".github/workflows/new.yml", text))(project)
    found = check(project).json["findings"]
    assert [(each["rule"], each["message"].split(": ")[:2]) for each in found] == [
        ("workflow-unsafe", ["zizmor", "artipacked"])
    ]
    commit(write(settings, "rules: {artipacked: {disable: true}}\n"))(project)
    assert check(project).json["findings"] == []


def test_what_zizmor_found_before_is_not_told_again(project: Project) -> None:
    """A project may live with it; who changes another line of the file has brought nothing."""
    unpinned = f"      - uses: actions/checkout@{'1' * 40}\n"
    text = "on: push\npermissions: {}\njobs:\n  x:\n    runs-on: ubuntu-latest\n    steps:\n"
    since_main(commit(write(".github/workflows/old.yml", text + unpinned)))(project)
    WITH_NEWS(project)
    commit(write(".github/workflows/old.yml", "# Old\n" + text + unpinned))(project)
    assert check(project).json["findings"] == []
    commit(write(".github/workflows/old.yml", text + unpinned * 2))(project)
    (found,) = check(project).json["findings"]
    assert found["message"].startswith("zizmor: artipacked: ")


# -- what was pushed to main -------------------------------------------------------------------------------------------

GITHUB = {"GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.com"}


@pytest.fixture
def main(project: Project) -> Project:
    """The project on main."""
    project.git("switch", "-q", "main")
    return project


def pushed(workflow: Run, before: str, after: str, ref: str = "refs/heads/main", **more: Any) -> None:
    workflow.event(
        {"before": before, "after": after, "ref": ref, "repository": {"default_branch": "main"}, **more},
        GITHUB_EVENT_NAME="push",
    )


def by_github(project: Project, monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    with monkeypatch.context() as patch:
        for name, value in GITHUB.items():
            patch.setenv(name, value)
        project.commit(message)


def check_main(project: Project, *arguments: str) -> Result:
    return check(project, "--main", *arguments)


def test_what_github_merged_is_reviewed(main: Project, workflow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = main.head()
    by_github(main, monkeypatch, "Add lamps (#12)")
    by_github(main, monkeypatch, "Mend lamps (#13)")
    pushed(workflow, before, main.head())
    result = check_main(main)
    assert (result.code, result.json["skipped"], result.json["kind"]) == (0, [], "main")
    assert (result.json["base"], result.json["commit"]) == (before, main.head())


def test_without_the_forge_a_plain_commit_is_not_judged(main: Project, workflow: Run) -> None:
    before = main.head()
    main.commit("Add lamps")
    pushed(workflow, before, main.head())
    result = check_main(main)
    assert (result.code, result.json["findings"]) == (0, [])
    (skipped,) = result.json["skipped"]
    assert skipped["rule"] == "commit-not-reviewed"
    assert skipped["reason"].endswith("and it was not asked (GITHUB_REPOSITORY is not set, which names the repository "
                                      "(owner/name))")  # fmt: skip


@pytest.fixture
def forge(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForgeServer]:
    """A forge that answers as GitHub's API does, and a workflow's token for it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ForgeServer() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


def knows(forge: ForgeServer, project: Project, **merged: str) -> None:
    """Let the forge know every commit, and a pull request into main that was merged for each of the given ones."""
    forge.pulls = {oid: [] for oid in project.git("rev-list", "--all").split()}
    for oid, base in merged.items():
        forge.pulls[oid] = [
            {"number": 12, "merged_at": "2026-02-03T12:00:00Z", "base": {"ref": base}, "html_url": "https://github.com",
             "merge_commit_sha": oid}
        ]  # fmt: skip


def asked(forge: ForgeServer) -> list[str]:
    """The commits that the forge was asked about."""
    return [match[1] for seen in forge.requests if (match := re.search(r"commits/(\w+)/pulls", seen.path))]


def test_the_forge_finds_what_was_pushed_directly(main: Project, workflow: Run, forge: ForgeServer) -> None:
    before = main.head()
    one, two = main.commit("One"), main.commit("Two")
    pushed(workflow, before, two)
    knows(forge, main)
    result = check_main(main)
    assert result.code == 1
    assert [found["message"].split()[0] for found in result.json["findings"]] == [two[:10], one[:10]]
    knows(forge, main, **{one: "main", two: "main"})
    assert (check_main(main).code, check_main(main).json["skipped"]) == (0, [])
    knows(forge, main, **{one: "main", two: "develop"})
    assert "(#12 was merged into develop)" in check_main(main).json["findings"][0]["message"]


def test_a_forge_that_does_not_answer_accuses_nobody(main: Project, workflow: Run, forge: ForgeServer) -> None:
    before = main.head()
    pushed(workflow, before, main.commit("One"))
    result = check_main(main)  # it does not even know the commit
    assert (result.code, result.json["findings"]) == (0, [])
    assert "only the forge can tell, and it was not asked (" in result.json["skipped"][0]["reason"]


def test_only_the_first_parents_are_asked_about(main: Project, workflow: Run, forge: ForgeServer) -> None:
    before = main.head()
    run(git("switch", "-q", "-c", "other"), commit(write("x", "x")), git("switch", "-q", "main"),
        git("merge", "-q", "--no-ff", "--no-edit", "other"))(main)  # fmt: skip
    knows(forge, main)
    pushed(workflow, before, main.head())
    check_main(main)
    assert asked(forge) == [main.head()]


def test_a_release_may_come_directly_in_the_direct_flow(main: Project, workflow: Run, forge: ForgeServer) -> None:
    before = main.head()
    prepare("1.4.0")(main)
    pushed(workflow, before, main.head())
    knows(forge, main)
    result = check_main(main)
    assert (result.code, result.json["findings"]) == (0, [])
    assert result.json["notes"] == [f'{main.head()[:10]} is the release of 1.4.0, which flow = "direct" permits']


def test_a_release_may_not_come_directly_in_the_other_flow(main: Project, workflow: Run, forge: ForgeServer) -> None:
    keys('flow = "pull-request"')(main)
    before = main.commit("Set the flow")
    prepare("1.4.0")(main)
    main.git("merge", "-q", "--ff-only", "release/1.4.0")
    pushed(workflow, before, main.head())
    knows(forge, main)
    assert check_main(main).rules == ["commit-not-reviewed"]


def test_a_commit_that_only_calls_itself_a_release(main: Project, workflow: Run, forge: ForgeServer) -> None:
    before = main.head()
    main.commit("Release 1.4.0\n\nTowncrier: 26.9.0")
    pushed(workflow, before, main.head())
    knows(forge, main)
    assert check_main(main).rules == ["commit-not-reviewed"]


@pytest.mark.parametrize("known", [True, False])
def test_a_history_that_was_rewritten_is_found(
    main: Project, workflow: Run, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    before = main.commit("Gone") if known else "f" * 40
    main.git("reset", "-q", "--hard", "HEAD~1") if known else None
    common = main.head()
    by_github(main, monkeypatch, "Instead (#12)")
    pushed(workflow, before, main.head(), forced=True)
    result = check_main(main)
    (found,) = result.json["findings"]
    assert found["message"].startswith(f"the history of main was rewritten: it was on {before[:10]}")
    assert (result.json["base"] or "") == (common if known else "")


def test_a_push_whose_beginning_is_not_here(main: Project, workflow: Run, tmp_path: Path) -> None:
    before = main.head()
    main.commit("One")
    main.commit("Two")
    main.git("push", "-q", "origin", "main")
    main.git("clone", "-q", "--depth", "1", f"file://{tmp_path}/remote.git", str(tmp_path / "clone"))
    pushed(workflow, before, main.head())
    code, what, fix = trouble(check_main(Project(tmp_path / "clone")))
    assert (code, what) == (3, f"{before[:10]}, where main was before the push, is not here (a shallow clone)")
    assert fix == "git fetch --unshallow; in a workflow: actions/checkout with fetch-depth: 0"


def test_a_push_whose_beginning_no_fetch_of_the_history_brings(main: Project, workflow: Run) -> None:
    """git refuses --unshallow in a clone that has everything."""
    pushed(workflow, "f" * 40, main.head())
    assert trouble(check_main(main)) == (
        3,
        "ffffffffff, where main was before the push, is not here",
        "git fetch, or name what the push started from: tagready check --main --since REF",
    )


def test_a_push_that_is_not_here(main: Project, workflow: Run) -> None:
    pushed(workflow, main.head(), "f" * 40)
    assert trouble(check_main(main))[:2] == (3, "ffffffffff, which was pushed, is not here")


@pytest.mark.parametrize(
    ("ref", "after", "note"),
    [
        ("refs/tags/v1.4.0", "HEAD", "refs/tags/v1.4.0 was pushed, and no branch"),
        ("refs/heads/main", "0" * 40, "main was deleted, so no commit came to it"),
        ("refs/heads/lamps", "HEAD", "lamps is no release branch (main): commits may come to it in any way"),
    ],
)
def test_pushes_that_bring_main_nothing(main: Project, workflow: Run, ref: str, after: str, note: str) -> None:
    pushed(workflow, "0" * 40, main.head() if after == "HEAD" else after, ref)
    result = check_main(main)
    assert (result.code, result.json["kind"], result.json["notes"]) == (0, "nothing", [note])


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/1.3.x"])
def test_of_a_new_branch_only_its_last_commit_is_judged(
    main: Project, workflow: Run, forge: ForgeServer, ref: str
) -> None:
    main.commit("One")
    main.commit("Two")
    knows(forge, main)
    pushed(workflow, "0" * 40, main.head(), ref)
    assert check_main(main).code == 1
    assert asked(forge) == [main.head()]


def test_without_an_event_the_last_commit_is_taken(main: Project, forge: ForgeServer) -> None:
    main.commit("One")
    main.commit("Two")
    knows(forge, main)
    result = check_main(main)
    assert (asked(forge), result.json["base"]) == ([main.head()], main.head("HEAD~1"))
    assert result.json["notes"] == [
        "no event of a push is here, so HEAD and what its first parent lacks are taken for it"
    ]


def test_what_came_since_a_commit(main: Project, forge: ForgeServer) -> None:
    before = main.head()
    one, two = main.commit("One"), main.commit("Two")
    knows(forge, main)
    assert check_main(main, "--since", before).code == 1
    assert asked(forge) == [two, one]
    assert trouble(check_main(main, "--since", "nope"))[0] == 3


def test_the_verdict_in_words(main: Project, workflow: Run, forge: ForgeServer) -> None:
    before = main.head()
    main.commit("One")
    pushed(workflow, before, main.head())
    knows(forge, main)
    result = main.run("check", "--main")
    assert "demo: not every commit was reviewed: 1 finding." in result.err
    assert f"pushed     1 commit on main, after {before[:10]}" in result.out
    outputs(workflow)
    assert main.run("check", "--main", "--format", "github").code == 1
    summary = (workflow.path / "summary").read_text("utf-8")
    assert "- [ ] Every commit came through a pull request: " in summary


# -- anything at all ---------------------------------------------------------------------------------------------------

NAMES = st.one_of(
    st.from_regex(r"\A(?:[1-9]|\+[a-z]{1,2})\.(?:feature|bugfix|misc|bug|fix)(?:\.[0-9])?(?:\.(?:md|rst))?~?\Z"),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
        lambda name: (
            name not in (".", "..", ".git") and len(name.encode()) < 200 and not name.lower().startswith(".git")
        )
    ),
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "<!-- x\n",
            "##### 1.0.0\n",
            "",
            " \n",
            "Lamps.\n",
            "# x\n",
            "```\nx\n",
            "a::\n\n  b\n",
            "<<<<<<< x\n",
            "- x\n\n  - y\n",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.binary(max_size=8),
)


@pytest.mark.slow
@settings(max_examples=20)
@given(files=st.dictionaries(NAMES, TEXTS, min_size=1, max_size=4))
def test_what_check_lets_through_can_be_released(template: Project, files: dict[str, str | bytes]) -> None:
    """Whatever lies among the fragments: check comes to an answer, and where it has no finding, prepare has none."""
    with tempfile.TemporaryDirectory() as folder:
        project = topic(template, Path(folder))
        for name, text in files.items():
            project.write(f"changelog.d/{name}", text.encode() if isinstance(text, str) else text)
        project.commit("Anything")
        result = check(project)
        assert result.code in (0, 1), result.out + result.err
        if result.code == 0:
            project.git("switch", "-q", "main")
            project.git("merge", "-q", "--ff-only", "fix-77-lamps")
            project.git("push", "-q", "origin", "main")
            prepared = project.prepare("1.4.0", "--dry-run")
            assert prepared.code == 0, prepared.err
