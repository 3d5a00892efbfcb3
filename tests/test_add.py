"""`tagready add`: one fragment, asked for or said at once; what it writes, every other command takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from projects import CHANGELOG, PYPROJECT, RST_MARKER, Project, Result, make_project, script
from warehouse import TOKEN

RST_PYPROJECT = PYPROJECT.replace("CHANGELOG.md", "NEWS.rst").replace(
    'title_format = "## {version} ({project_date})"', ""
)
RST_NEWS = f"""\
Changelog
#########

{RST_MARKER}

demo 1.3.0 (2026-01-01)
=======================

- The first one. (#1)
"""
TEMPLATE = """\
{% for section in sections.values() %}{% for texts in section.values() %}{% for text in texts %}
* {{ text }}!
{% endfor %}{% endfor %}{% endfor %}
"""
SECTIONS = '\n[[tool.towncrier.section]]\nname = "{}"\npath = "{}"\n'


def rst_project(path: Path) -> Project:
    project = make_project(path, pyproject=RST_PYPROJECT, changelog=None, fragments={}, tag=None)
    project.write("NEWS.rst", RST_NEWS)
    project.commit()
    return project


def started(project: Project, *arguments: str, feed: bytes | None = None, **environment: str) -> Result:
    """Run `tagready add` as a process of its own; without `feed`, nothing is piped in."""
    done = subprocess.run(
        [sys.executable, "-m", "tagready", "add", *arguments],
        cwd=project.path,
        input=feed,
        stdin=subprocess.DEVNULL if feed is None else None,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


# -- said at once ------------------------------------------------------------------------------------------------------


def test_a_fragment_is_written_and_shown_as_the_entry_will_have_it(project: Project) -> None:
    done = project.run("add", "41", "feature", "-m", "Lamps can be dimmed with `lantern dim`.")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "* changelog.d/41.feature.md\n"
        "\n"
        "  | ### Features\n"
        "  |\n"
        "  | - Lamps can be dimmed with `lantern dim`. (#41)\n"
        "\n"
        "  next  git add changelog.d/41.feature.md\n"
    )
    assert project.read("changelog.d/41.feature.md") == "Lamps can be dimmed with `lantern dim`.\n"
    assert project.status() == "?? changelog.d/41.feature.md"
    from_above = Project(project.path.parent).run("add", "-C", "demo", "42", "bugfix", "-m", "Dim it.")
    assert from_above.out.endswith("  next  git -C demo add changelog.d/42.bugfix.md\n")


def test_the_json_object(project: Project) -> None:
    done = project.run("add", "41", "feature", "-m", "Dim.", "--format", "json")
    assert done.json == {
        "schema": 1, "command": "add", "ok": True, "project": "demo", "version": None, "tag": None, "commit": None,
        "findings": [], "skipped": [], "path": "changelog.d/41.feature.md", "issue": "41", "type": "feature",
        "section": "", "beside": [], "rendered": "### Features\n\n- Dim. (#41)", "made": True,
        "notes": [],
    }  # fmt: skip
    assert project.run("add", "+", "feature", "-m", "Dim it.", "--format", "json").json["issue"] is None


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("41", "feature"), "41.feature.md"),
        (("feature", "41"), "41.feature.md"),
        (("Feature", "#41"), "41.feature.md"),
        (("41.feature.md",), "41.feature.md"),
        (("changelog.d/+light.doc",), "+light.doc.md"),
        (("https://github.com/o/p/pull/77#issue-1", "doc"), "77.doc.md"),
        (("+", "misc"), "+dim-it-well.misc.md"),
        (("misc",), "+dim-it-well.misc.md"),
        (("+own-name", "misc"), "+own-name.misc.md"),
        (("12", "feature"), "12.feature.1.md"),
        (("größe", "feature"), "größe.feature.md"),
    ],
)
def test_arguments_are_understood_as_they_come(project: Project, arguments: tuple[str, ...], path: str) -> None:
    done = project.run("add", *arguments, "-m", "Dim it well.")
    assert (done.code, done.err) == (0, "")
    assert project.read(f"changelog.d/{path}") == "Dim it well.\n"


def test_the_issue_is_guessed_from_the_branch_and_that_is_said(project: Project) -> None:
    project.git("switch", "--quiet", "--create", "fix-41-dim")
    done = project.run("add", "feature", "-m", "Dim it.")
    assert "  issue      41, as the branch fix-41-dim says\n" in done.out
    assert project.read("changelog.d/41.feature.md") == "Dim it.\n"
    project.git("switch", "--quiet", "main")
    assert "  issue      none: the branch main names none\n" in project.run("add", "doc", "-m", "Dim it.").out
    project.git("switch", "--quiet", "--detach")
    assert "  issue      none: HEAD is on no branch to name one\n" in project.run("add", "misc", "-m", "Dim it.").out


def test_the_same_once_more_adds_nothing(project: Project) -> None:
    project.run("add", "41", "feature", "-m", "Dim it.")
    project.run("add", "+", "feature", "-m", "Light it.")
    before = project.fingerprint()
    again = project.run("add", "41", "feature", "-m", "Dim  it.")
    assert again.out.startswith("* changelog.d/41.feature.md says so already: nothing was written\n")
    assert project.run("add", "+", "feature", "-m", "Light it.", "--format", "json").json["made"] is False
    assert project.fingerprint() == before


def test_a_second_one_gets_the_next_counter_and_names_the_first(project: Project) -> None:
    project.run("add", "41", "feature", "-m", "Dim it.")
    done = project.run("add", "41", "feature", "-m", "Light it.")
    assert done.out.startswith("* changelog.d/41.feature.1.md\n  beside     41.feature.md\n")
    project.git("add", "--all")
    (project.path / "changelog.d/41.feature.1.md").unlink()
    # What only the index has is there all the same.
    assert "41.feature.2.md" in project.run("add", "41", "feature", "-m", "Heat it.").out


def test_counters_are_over_all_extensions_in_a_hidden_folder_too(make: Callable[..., Project]) -> None:
    project = make(pyproject=PYPROJECT.replace("changelog.d", ".news"), fragments={})
    project.write(".news/41.misc.rst", "")
    project.write(".news/42.misc.rst", "")
    project.git("add", "--all")
    (project.path / ".news/42.misc.rst").unlink()
    assert "says so already" in project.run("add", "41", "misc").out
    assert project.run("add", "41", "misc", "-m", "Dim it.", "--format", "json").json["path"] == ".news/41.misc.1.rst"
    assert project.run("add", "42", "misc", "--format", "json").json["path"] == ".news/42.misc.1.rst"


def test_nothing_is_overwritten_whatever_lies_there(project: Project) -> None:
    (project.path / "changelog.d/41.feature.md").mkdir()
    (project.path / "changelog.d/41.feature.1.md").symlink_to("nowhere")
    assert project.run("add", "41", "feature", "-m", "Dim it.").code == 0
    assert project.read("changelog.d/41.feature.2.md") == "Dim it.\n"


def test_the_text_of_several_messages_is_paragraphs(project: Project) -> None:
    project.run("add", "41", "feature", "-m", "Dim it.", "-m", "Light it.")
    assert project.read("changelog.d/41.feature.md") == "Dim it.\n\nLight it.\n"


def test_a_type_that_shows_no_text_needs_none_unless_there_is_no_issue(project: Project) -> None:
    done = project.run("add", "41", "misc")
    assert (done.code, "  | - #41\n" in done.out, "note" in done.out) == (0, True, False)
    assert project.read("changelog.d/41.misc.md") == ""
    assert project.run("add", "+", "misc", "-m", "", "--format", "json").rules == ["fragment-empty"]


HIDDEN = "misc shows the issue only; the text stays in the file"


def test_who_writes_what_is_not_shown_is_told(project: Project) -> None:
    for _ in ("written", "there already"):
        said = project.run("add", "41", "misc", "-m", "Dim it.")
        assert f"\n  note       {HIDDEN}\n\n  | ### Misc\n" in said.out
    assert project.run("add", "41", "misc", "-m", "Dim it.", "--format", "json").json["notes"] == [HIDDEN]
    assert project.run("add", "+", "misc", "-m", "Dim it.", "--format", "json").json["notes"] == []


@pytest.mark.parametrize(
    ("issue", "remote", "notes"),
    [
        pytest.param(
            "https://github.com/other/thing/issues/5", "https://github.com/acme/lamps.git", 1, id="an address"
        ),
        pytest.param("other/thing#5", "git@github.com:acme/lamps.git", 1, id="a name"),
        pytest.param("acme/lamps#5", "git@github.com:acme/lamps.git", 0, id="our own"),
        pytest.param("acme/lamps#5", "https://github.com/ada/lamps", 0, id="what ours was forked from"),
        pytest.param("acme/Demo#5", "https://github.com/ada/my-fork", 0, id="the project's name"),
        pytest.param("acme/shop#5", "https://github.com/ada/my-fork", 0, id="the project's page"),
        pytest.param("other/thing#5", "/srv/lamps.git", 0, id="a remote that tells nothing"),
        pytest.param("#5", "https://github.com/acme/lamps.git", 0, id="no project is named"),
    ],
)
def test_an_issue_of_another_project_is_noted(project: Project, issue: str, remote: str, notes: int) -> None:
    project.write("pyproject.toml", PYPROJECT + '[project.urls]\nIssues = "https://github.com/acme/shop/issues"\n')
    project.git("remote", "add", "origin", remote)
    done = project.run("add", issue, "feature", "-m", "Dim it.", "--format", "json")
    told = "5 is an issue of other/thing, and no remote here is that project: the entry will show it as one of demo"
    assert (done.code, done.json["notes"]) == (0, [told] * notes)


def test_a_text_is_shown_in_lines_that_fit_whatever_lines_the_project_has(make: Callable[..., Project]) -> None:
    project = make(pyproject=PYPROJECT + "wrap = true\n", fragments={})
    shown = project.run("add", "41", "feature", "-m", "dimmed " * 30).out
    # towncrier's lines have eleven of them, which are two columns too long behind the bar.
    assert [line.count("dimmed") for line in shown.splitlines() if "dimmed" in line] == [10, 10, 10]


# -- where and how -----------------------------------------------------------------------------------------------------


def test_a_project_in_restructuredtext(tmp_path: Path) -> None:
    project = rst_project(tmp_path / "rst")
    done = project.run("add", "41", "feature", "-m", "Dim with :func:`dim`.", "--format", "json")
    assert (done.json["path"], done.json["rendered"]) == (
        "changelog.d/41.feature.rst",
        "Features\n--------\n\n- Dim with :func:`dim`. (#41)",
    )


def test_the_habits_of_the_project_are_kept(make: Callable[..., Project]) -> None:
    wrapped = "A sentence that goes on for so long that one has to break it somewhere,\r\nso that it fits.\r\n"
    project = make(fragments={f"{number}.feature.txt": wrapped for number in (1, 2)})
    project.run(
        "add", "41", "feature", "-m", "Lamps can be dimmed, and this sentence is much too long for a line of it."
    )
    text = "Lamps can be dimmed, and this sentence is much too long for a line of\r\nit.\r\n"
    assert project.read("changelog.d/41.feature.txt") == text


def test_a_checkout_with_crlf(tmp_path: Path) -> None:
    origin = make_project(tmp_path / "origin", fragments={"12.feature.md": "Add colour.\nAnd light.\n"})
    subprocess.run(
        ["git", "clone", "--quiet", "-c", "core.autocrlf=true", str(origin.path), tmp_path / "crlf"], check=True
    )
    project = Project(tmp_path / "crlf")
    assert project.run("add", "41", "feature", "-m", "Dim it.").code == 0
    assert project.read("changelog.d/41.feature.md") == "Dim it.\r\n"
    project.commit()
    assert project.git("show", "HEAD:changelog.d/41.feature.md") == "Dim it."
    assert project.prepare("1.4.0").code == 0


def test_sections(make: Callable[..., Project]) -> None:
    project = make(pyproject=PYPROJECT + SECTIONS.format("", "") + SECTIONS.format("Web Site", "web site"))
    shown = project.run("add", "41", "feature", "-m", "Dim it.", "--section", "web site")
    assert shown.out.endswith("  next  git add 'changelog.d/web site/41.feature.md'\n")
    assert "  | ### Web Site\n  |\n  | #### Features\n" in shown.out
    project.run("add", "41", "feature", "-m", "Dim it.")
    assert project.read("changelog.d/41.feature.md") == "Dim it.\n"
    project.commit()
    assert project.prepare("1.4.0").code == 0


def test_a_section_that_cannot_be_guessed_is_asked_for(make: Callable[..., Project]) -> None:
    project = make(pyproject=PYPROJECT + SECTIONS.format("Core", "core") + SECTIONS.format("Web", "web"), fragments={})
    done = Project(project.path.parent).run("add", "-C", project.path.name, "41", "feature", "-m", "Dim it.")
    assert (done.code, done.out) == (2, "")
    assert "the --section (Core, Web) is missing" in done.err
    assert f"\n    tagready add -C {project.path.name} 41 feature --section Core -m 'Dim it.'\n" in done.err
    main = make(pyproject=PYPROJECT + SECTIONS.format("Web", "a") + SECTIONS.format("", "b"), fragments={})
    done = main.run("add", "41", "feature", "-m", "Dim it.")
    assert 'the --section ("" (the main one), Web) is missing' in done.err
    assert "\n    tagready add 41 feature --section \"\" -m 'Dim it.'\n" in done.err
    assert main.run("add", "41", "feature", "-m", "Dim it.", "--section", "").code == 0
    wrong = project.run("add", "41", "feature", "-m", "Dim it.", "--section", "cor", "--format", "json")
    assert (wrong.code, wrong.json["error"]["fix"]) == (2, "the sections are Core, Web")
    assert project.status() == ""


def test_types_of_the_projects_own(make: Callable[..., Project]) -> None:
    types = "".join(
        f'\n[[tool.towncrier.type]]\ndirectory = "{name}"\nname = "{name.title()} it"\n' for name in ("add", "fix")
    )
    project = make(pyproject=PYPROJECT + types, fragments={})
    assert "  | ### Fix it\n" in project.run("add", "41", "fix", "-m", "Dim it.").out
    done = project.run("add", "41", "bugfix", "-m", "Dim it.")
    assert (done.code, "-> did you mean fix? The types are add, fix\n" in done.err) == (2, True)


def test_a_project_in_a_sub_folder_with_blanks_is_written_to_from_within(tmp_path: Path) -> None:
    project = make_project(
        tmp_path / "all of it", pyproject="[project]\nname = 'top'\n", changelog=None, fragments={}, tag=None
    )
    project.write("packages/größe a/pyproject.toml", PYPROJECT)
    project.write("packages/größe a/CHANGELOG.md", CHANGELOG)
    inside = Project(project.path / "packages/größe a")
    done = started(inside, "41", "feature", "-m", "Dim it.")
    assert (done.code, done.out.splitlines()[-1]) == (0, "  next  git add changelog.d/41.feature.md")
    assert inside.read("changelog.d/41.feature.md") == "Dim it.\n"
    (inside.path / "src").mkdir()
    deeper = started(Project(inside.path / "src"), "42", "feature", "-m", "Dim it.", "--format", "json")
    assert deeper.json["path"] == "packages/größe a/changelog.d/42.feature.md"
    command = started(Project(inside.path / "src"), "43", "feature", "-m", "Dim it.").out.splitlines()[-1]
    subprocess.run(command.removeprefix("  next  "), shell=True, cwd=inside.path / "src", check=True)
    assert '43.feature.md"' in project.git("diff", "--cached", "--name-only")


def test_what_is_not_committed_yet_counts_and_no_commit_is_needed(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet", "--initial-branch=41-start")
    project.write("pyproject.toml", PYPROJECT.replace("changelog.d", "news"))
    done = project.run("add", "feature", "-m", "Dim it.")
    assert (done.code, done.err) == (0, "")
    assert project.read("news/41.feature.md") == "Dim it.\n"


def test_the_template_of_the_project_shows_it(project: Project) -> None:
    project.write("pyproject.toml", PYPROJECT + 'template = "news.md.jinja"\n')
    project.write("news.md.jinja", TEMPLATE)
    assert "  | * Dim it.!\n" in project.run("add", "41", "feature", "-m", "Dim it.").out
    # This one runs into the older entry with any text, and it is not the contributor's to mend.
    project.write("news.md.jinja", TEMPLATE.replace("\n", ""))
    assert project.run("add", "43", "feature", "-m", "Dim it.").code == 0
    project.write("news.md.jinja", "{{ nothing.at.all }}")
    broken = project.run("add", "42", "feature", "-m", "Dim it.")
    assert (broken.code, "not yet; towncrier could not render it: UndefinedError" in broken.out) == (0, True)
    assert project.read("changelog.d/42.feature.md") == "Dim it.\n"


@pytest.mark.parametrize(
    ("settings", "issue", "what"),
    [
        ('orphan_prefix = ""', "+", "this project has no fragments without an issue"),
        ("issue_pattern = '\\d+'", "abc", "the issue 'abc' does not match this project's issue_pattern"),
        (
            'ignore = ["9*"]',
            "99",
            "the fragment would be called 99.feature.md, and pyproject.toml tells towncrier to ignore",
        ),
    ],
)
def test_what_the_settings_do_not_allow_is_wrong_use(project: Project, settings: str, issue: str, what: str) -> None:
    project.write("pyproject.toml", PYPROJECT + settings + "\n")
    before = project.fingerprint()
    done = project.run("add", issue, "feature", "-m", "Dim it.", "--format", "json")
    assert (done.code, what in done.json["error"]["what"]) == (2, True)
    assert project.fingerprint() == before


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("0", "feature"), "there is no issue 0"),
        (("12,13", "feature"), "'12,13' are several issues, and a fragment is of one"),
        (("bugfix", "feature"), "bugfix and feature are both types, and a fragment is of one"),
    ],
)
def test_what_is_no_issue_is_wrong_use(project: Project, arguments: tuple[str, ...], what: str) -> None:
    done = project.run("add", *arguments, "-m", "Dim it.", "--format", "json")
    assert (done.code, done.json["error"]["what"], project.status()) == (2, what, "")


def test_a_file_in_the_folders_place_is_named(make: Callable[..., Project]) -> None:
    project = make(pyproject=PYPROJECT.replace("changelog.d", "news"), fragments={})
    project.write("news", "")
    done = project.run("add", "41", "feature", "-m", "Dim it.", "--format", "json")
    what = "news is not a folder, so no fragment can be written there"
    assert (done.code, done.json["error"]["what"]) == (2, what)


def test_a_name_that_would_be_read_otherwise_is_wrong_use(make: Callable[..., Project]) -> None:
    types = "".join(f'\n[[tool.towncrier.type]]\ndirectory = "{name}"\nname = "{name}"\n' for name in ("feature", "md"))
    project = make(pyproject=PYPROJECT + types, fragments={})
    done = project.run("add", "99", "feature", "-m", "Dim it.")
    assert (done.code, project.status()) == (2, "")
    assert "called 99.feature.md, and towncrier would read another" in done.err


@pytest.mark.parametrize(
    ("pyproject", "what"),
    [
        (None, "there is no pyproject.toml or towncrier.toml here or above"),
        ("[project]\n", "has no table [tool.towncrier]"),
    ],
)
def test_where_no_fragments_are_kept(tmp_path: Path, pyproject: str | None, what: str) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet")
    if pyproject:
        project.write("pyproject.toml", pyproject)
    done = project.run("add", "41", "feature", "-m", "Dim it.")
    assert (done.code, what in done.err) == (2, True)


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        pytest.param("", "fragment-empty", None, id="nothing"),
        pytest.param(" \n", "fragment-empty", None, id="blanks"),
        pytest.param("A\n\n## B", "fragment-malformed", 3, id="a heading"),
        pytest.param("A\n===", "fragment-malformed", 2, id="an underlined heading"),
        pytest.param("A\n\n```\nb", "fragment-malformed", 3, id="an open fence"),
        pytest.param("A\n<<<<<<< HEAD\nb", "fragment-malformed", 2, id="a conflict"),
        pytest.param("A\udcff", "fragment-malformed", 1, id="not UTF-8"),
        pytest.param(f"A {TOKEN}", "secret-in-tree", 1, id="a token"),
    ],
)
def test_what_no_release_would_take_is_refused_and_nothing_is_written(
    project: Project, text: str, rule: str, line: int | None
) -> None:
    before = project.fingerprint()
    done = project.run("add", "41", "feature", "-m", text, "--format", "json")
    assert (done.code, done.json["project"]) == (1, "demo")
    assert [(found["rule"], found["line"]) for found in done.json["findings"]] == [(rule, line)]
    assert {found["path"] for found in done.json["findings"]} == {"changelog.d/41.feature.md"}
    assert project.fingerprint() == before
    said = project.run("add", "41", "feature", "-m", text)
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith("\nNot written: 1 finding.\n")


def test_a_file_that_git_ignores_is_added_by_force(make: Callable[..., Project]) -> None:
    project = make()
    project.write(".gitignore", "changelog.d/*\n")
    project.commit("Ignore")
    done = project.run("add", "41", "feature", "-m", "Lamps.")
    said = "git ignores changelog.d/41.feature.md (git check-ignore -v shows by which line), so only --force adds it"
    assert said in " ".join(done.out.split())
    (command,) = [line.partition("next  ")[2] for line in done.out.splitlines() if "  next  " in line]
    project.git(*command.split()[1:])
    assert project.status() == "A  changelog.d/41.feature.md"
    again = project.run("add", "41", "feature", "-m", "Lamps.", "--format", "json")
    assert (again.json["made"], again.json["notes"], "ignored" in again.json) == (False, [], False)


def test_a_folder_that_is_reached_by_a_link(project: Project) -> None:
    (project.path / "changelog.d").rename(project.path / "news")
    (project.path / "changelog.d").symlink_to("news")
    done = project.run("add", "41", "feature", "-m", "Lamps.", "--format", "json")
    assert (done.code, done.json["notes"], project.read("news/41.feature.md")) == (0, [], "Lamps.\n"), done.err


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("A\n\n##### 0.9.0", "fragment-malformed", id="a heading that is a version"),
        pytest.param("A\n\n<!-- and no end", "fragment-malformed", id="what never ends"),
        pytest.param("A\n\n```\nx\n```", "entry-swallows", id="what swallows the rest"),
    ],
)
def test_what_would_spoil_the_changelog_is_refused(make: Callable[..., Project], text: str, rule: str) -> None:
    project = make(pyproject=PYPROJECT + "all_bullets = false\n")
    done = project.run("add", "41", "feature", "-m", text, "--format", "json")
    assert (done.code, done.rules, project.status()) == (1, [rule], "")


def test_what_towncrier_never_ends_on_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagready.doors.news.PROBE_SECONDS", 0.3)
    project = rst_project(tmp_path / "rst")
    text = "Such as::\n\n" + "        deep\n" * 40 + "\nand more.\n"
    done = project.run("add", "41", "removal", "-m", text, "--format", "json")
    assert (done.code, done.rules, project.status()) == (1, ["fragment-hangs"], "")


def test_a_token_that_is_allowed_is_written(project: Project) -> None:
    project.write("tagready.toml", 'allow-secrets = ["changelog.d/*"]\n')
    assert project.run("add", "41", "feature", "-m", f"A {TOKEN}").code == 0


def test_a_warning_is_shown_and_refuses_nothing(project: Project) -> None:
    done = project.run("add", "41", "feature", "-m", "Such as\n\n```\ndim\n```")
    assert (done.code, "! fragment-malformed  changelog.d/41.feature.md:5" in done.err) == (0, True)
    assert project.read("changelog.d/41.feature.md") == "Such as\n\n```\ndim\n```\n"


#: Pieces that texts are made of: what people write, what breaks entries, and what only looks like it.
PIECES = st.sampled_from(
    ["Dim it", "a lamp.", "\n", "\n\n", " ", "  ", "    ", "- ", "1. ", "# ", "#### ", "## 1.2.0", "1.3.0 (2026-01-01)",
     "===", "---", "~~~", "```", "<!--", "-->", "<script>", "<pre>", "::", ".. note::", ":func:`x`", "| a | b |",
     "(#12)", "\\", "*", "`", "[x]: y", "é", "ラ", "\t", "\r", "\x0b", "\x1c", "\u2028", "\u00a0", "Features",
     "No significant changes."]
)  # fmt: skip


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(PIECES, max_size=12).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["markdown", "bullets", "rst"]),
)
@example("Dim it::\n\n    a lamp.\n\nAnd more.", "rst")
@example("Dim it\n\n~~~\n<!--\n~~~\n\n- a", "bullets")
def test_whatever_is_accepted_a_release_takes(drafts: dict[str, Project], text: str, kind: str) -> None:
    project = drafts[kind]
    project.git("clean", "--quiet", "--force", "-d")
    project.git("reset", "--quiet", "--hard", "start")
    done = project.run("add", "41", "feature", "-m", text)
    if done.code == 0:
        project.commit()
        prepared = project.prepare("1.4.0")
        assert (prepared.code, prepared.err) == (0, "")
    else:
        assert (done.code, project.status()) == (1, "")


@pytest.fixture
def drafts(tmp_path: Path) -> dict[str, Project]:
    """Projects to write into: Markdown, Markdown without bullets of towncrier's, reStructuredText."""
    projects = {
        "markdown": make_project(tmp_path / "markdown", fragments={}),
        "bullets": make_project(
            tmp_path / "bullets", pyproject=PYPROJECT + "all_bullets = false\nwrap = true\n", fragments={}
        ),
        "rst": rst_project(tmp_path / "rst"),
    }
    for project in projects.values():
        project.git("branch", "start")
    return projects


def test_two_that_write_at_once_both_have_a_file(project: Project) -> None:
    command = [sys.executable, "-m", "tagready", "add", "41", "feature", "-m"]
    running = [
        subprocess.Popen([*command, f"Dim lamp {number}."], cwd=project.path, stdout=subprocess.DEVNULL)
        for number in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    written = {file.read_text() for file in (project.path / "changelog.d").glob("41.feature*.md")}
    assert written == {f"Dim lamp {number}.\n" for number in range(3)}


# -- piped in, and edited ----------------------------------------------------------------------------------------------


def test_the_text_comes_from_standard_input(project: Project) -> None:
    done = started(project, "41", "feature", feed="\ufeffGrößer.\r\n".encode())
    assert (done.code, done.err) == (0, "")
    assert project.read("changelog.d/41.feature.md") == "Größer.\n"
    assert done.out.startswith("✓ changelog.d/41.feature.md\n\n  │ ### Features\n  │\n  │ - Größer. (#41)\n")
    piped = started(project, "42", "misc", feed=b"Kept, though it is not shown.")
    assert (piped.code, project.read("changelog.d/42.misc.md")) == (0, "Kept, though it is not shown.\n")
    empty = started(project, "43", "feature", "--format", "json", feed=b"\n")
    assert (empty.code, empty.rules) == (1, ["fragment-empty"])
    latin = started(project, "43", "feature", "--format", "json", feed="Größer.".encode("latin-1"))
    assert (latin.code, latin.rules) == (1, ["fragment-malformed"])


def test_a_text_that_is_piped_in_is_not_missing(project: Project) -> None:
    done = started(project, "52", feed=b"Dim it.\n")
    assert (done.code, done.out) == (2, "")
    assert "Error: the TYPE (feature, bugfix, doc, removal, misc) is missing, and" in done.err
    assert done.err.endswith("Such as, with the text piped in:\n\n    tagready add 52 feature\n")


@pytest.mark.skipif(os.name == "nt", reason="there, nobody can look into a pipe")
def test_a_pipe_that_is_only_left_open_is_no_text(project: Project) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer):
        command = [sys.executable, "-m", "tagready", "add", "52"]
        done = subprocess.run(command, cwd=project.path, stdin=reader, capture_output=True, check=False)
    assert (done.returncode, b"misc) and the text are missing" in b" ".join(done.stderr.split())) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "says", "command"),
    [
        pytest.param(
            (),
            "the TYPE (feature, bugfix, doc, removal, misc) and the text are missing",
            'tagready add 41 feature -m "What changed, for somebody who uses it."',
            id="all",
        ),
        pytest.param(
            ("7", "doc"),
            "the text is missing",
            'tagready add 7 doc -m "What changed, for somebody who uses it."',
            id="text",
        ),
        pytest.param(
            ("7", "-m", "Don't."),
            "the TYPE (feature, bugfix, doc, removal, misc) is missing",
            "tagready add 7 feature -m 'Don'\\''t.'",
            id="type",
        ),
        pytest.param(
            ("+a b", "-m", "x"),
            "'+a b' can begin no file's name",
            "give + alone, or words joined by hyphens",
            id="a wrong one",
        ),
    ],
)
def test_what_is_missing_is_named_with_a_command_to_copy(
    project: Project, arguments: tuple[str, ...], says: str, command: str
) -> None:
    project.git("switch", "--quiet", "--create", "fix-41")
    done = started(project, *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in " ".join(done.err.split())
    assert command in done.err
    assert max(map(len, done.err.splitlines())) <= 80
    assert project.status() == ""


def editor(folder: Path, text: str) -> str:
    """Return an editor that does what the script says with the file $1."""
    return script(folder / "editor.sh", text)


@pytest.mark.skipif(os.name == "nt", reason="the editor is a shell script")
def test_the_editor_shows_the_text_and_what_it_is_for(project: Project, tmp_path: Path) -> None:
    seen = tmp_path / "seen.txt"
    text = f"""cp "$1" '{seen}'; printf '# not a comment\\n\\n' | cat - '{seen}' | sed 's/# not/Not/' > "$1\""""
    opened = editor(tmp_path, text)
    done = started(project, "41", "feature", "-e", "-m", "Dim it.", GIT_EDITOR=opened)
    assert (done.code, done.err) == (0, "")
    assert seen.read_text() == (
        "Dim it.\n\n------------------------ >8 ------------------------\n"
        "Write above this line what changed, for somebody who uses demo.\n"
        "It goes under 'Features' of issue 41; towncrier adds the number by itself.\n"
    )
    assert project.read("changelog.d/41.feature.md") == "Not a comment\n\nDim it.\n"


@pytest.mark.skipif(os.name == "nt", reason="the editor is a shell script")
def test_an_editor_that_saves_nothing_or_fails(project: Project, tmp_path: Path) -> None:
    kept = started(project, "41", "feature", "-e", "-m", "Dim it.", GIT_EDITOR="true")
    assert (kept.code, project.read("changelog.d/41.feature.md")) == (0, "Dim it.\n")
    empty = started(project, "42", "feature", "-e", "--format", "json", GIT_EDITOR="true")
    assert (empty.code, empty.rules) == (1, ["fragment-empty"])
    failed = started(project, "42", "feature", "-e", GIT_EDITOR="false")
    assert (failed.code, "the editor failed, so nothing was changed" in failed.err) == (3, True)
    assert project.status() == "?? changelog.d/41.feature.md"


# -- asked at a terminal -----------------------------------------------------------------------------------------------

on_terminals = pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")


def talk(
    project: Project,
    *arguments: str,
    answers: list[tuple[str, str]],
    out: bool = True,
    columns: int = 80,
    **environment: str,
) -> tuple[int, str, str]:
    """Run `tagready add` at a terminal; answer each question; return its code, the screen, and the pipe.

    Without `out`, standard output is a pipe.
    """
    import fcntl
    import pty
    import select
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "tagready", "add", *arguments],
        cwd=project.path,
        stdin=theirs,
        stdout=theirs if out else subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # or Ctrl-C would interrupt nobody
        env=os.environ | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "COLUMNS": str(columns)} | environment,
    )
    os.close(theirs)
    screen, answered = "", 0
    waiting = list(answers)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.1)[0]:
            continue
        try:
            read = os.read(ours, 4096)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not read:
            break
        screen = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", screen + read.decode("utf-8", "replace")).replace("\r\n", "\n")
        if waiting and screen.find(waiting[0][0], answered) >= 0:
            answered = len(screen)
            if waiting[0][1] < " ":
                time.sleep(0.2)  # an interrupt before readline waits for one would be seen at the next key only
            os.write(ours, waiting.pop(0)[1].encode())
    os.close(ours)
    piped = process.stdout.read().decode() if process.stdout else ""
    if process.stdout:
        process.stdout.close()
    process.wait(10)
    assert not waiting, screen
    return process.returncode, screen, piped


@on_terminals
def test_what_is_missing_is_asked_for(project: Project) -> None:
    project.git("switch", "--quiet", "--create", "fix-41-dim")
    code, screen, _ = talk(
        project,
        answers=[
            ("[41, as the branch says]: ", "a.b\n"),
            ("[41, as the branch says]: ", "\n"),
            ("Number or name: ", "fix\n"),
            ("Number or name: ", "2\n"),
            ("\n> ", "A lamp that is off draws no power.\n"),
        ],
    )
    assert (code, screen) == (
        0,
        "Issue number, or + for none [41, as the branch says]: a.b\n"
        "Error: the issue 'a.b' can begin no file's name: give a number such as 123, or +\n"
        "for none\n"
        "Issue number, or + for none [41, as the branch says]: \n"
        "Type of the change:\n"
        "  1  feature  Features\n"
        "  2  bugfix   Bugfixes\n"
        "  3  doc      Improved Documentation\n"
        "  4  removal  Deprecations and Removals\n"
        "  5  misc     Misc (shows the issue only)\n"
        "Number or name: fix\n"
        "Error: there is no type 'fix' in this project: did you mean bugfix? The types\n"
        "are feature, bugfix, doc, removal, misc\n"
        "Number or name: 2\n"
        "What changed, for somebody who uses demo? (Enter alone opens your editor)\n"
        "> A lamp that is off draws no power.\n"
        "✓ changelog.d/41.bugfix.md\n"
        "\n"
        "  │ ### Bugfixes\n"
        "  │\n"
        "  │ - A lamp that is off draws no power. (#41)\n"
        "\n"
        "  next  git add changelog.d/41.bugfix.md\n",
    )
    assert project.read("changelog.d/41.bugfix.md") == "A lamp that is off draws no power.\n"


@on_terminals
def test_only_what_is_missing_is_asked_for_and_json_stays_alone_on_standard_output(project: Project) -> None:
    answers = [("[+]: ", "\n"), ("\n> ", "Dim it.\n")]
    code, screen, piped = talk(project, "feature", "--format", "json", answers=answers, out=False)
    assert (code, Result(code, piped, "").json["path"]) == (0, "changelog.d/+dim-it.feature.md")
    assert "Type of the change" not in screen
    assert talk(project, "5", "misc", answers=[])[0] == 0


@on_terminals
def test_sections_are_asked_for_with_the_main_one_first(make: Callable[..., Project]) -> None:
    project = make(pyproject=PYPROJECT + SECTIONS.format("", "") + SECTIONS.format("Web", "web"))
    asked = "Part of the changelog:\n  1  (the main one)\n  2  Web\nNumber or name [1]: "
    code, screen, _ = talk(project, "41", "feature", "-m", "Dim it.", answers=[(asked, "web\n")])
    assert (code, project.read("changelog.d/web/41.feature.md")) == (0, "Dim it.\n"), screen


@on_terminals
def test_an_issue_of_another_project_is_asked_about(project: Project) -> None:
    project.git("remote", "add", "origin", "https://github.com/acme/lamps.git")
    sure = "same? [y/N]: "
    answers = [(sure, "\n"), ("[+]: ", "other/thing#6\n"), (sure, "y\n")]
    code, screen, _ = talk(project, "other/thing#5", "feature", "-m", "Dim it.", answers=answers)
    assert (code, project.status(), "note" in screen) == (0, "?? changelog.d/6.feature.md", False), screen


@on_terminals
def test_questions_fit_forty_columns(make: Callable[..., Project]) -> None:
    section = "A part with a name that is rather long"
    project = make(pyproject=PYPROJECT + SECTIONS.format("", "") + SECTIONS.format(section, "part"))
    project.git("switch", "--quiet", "--create", "fix-41-dim")
    answers = [("says]: ", "\n"), ("name [1]: ", "x\n"), ("name [1]: ", "\n"), ("or name: ", "1\n"), ("\n> ", "Dim.\n")]
    code, screen, _ = talk(project, answers=answers, columns=40)
    *lines, _ = screen.splitlines()  # the last one is a command, which is never broken
    assert (code, max(map(len, lines)) <= 40) == (0, True), screen


@on_terminals
def test_a_refused_text_can_be_mended_at_once(project: Project, tmp_path: Path) -> None:
    mend = editor(tmp_path, 'sed s/^##// "$1" > "$1.new"; cat "$1.new" > "$1"; sleep 0.01; touch "$1"')
    answers = [("\n> ", "## Dim it.\n"), ("Mend it in the editor? [Y/n]: ", "\n")]
    code, screen, _ = talk(project, "41", "feature", answers=answers, GIT_EDITOR=mend)
    assert (code, "✗ fragment-malformed  changelog.d/41.feature.md:1\n" in screen) == (0, True), screen
    assert project.read("changelog.d/41.feature.md").strip() == "Dim it."
    answers[1] = (answers[1][0], "n\n")
    code, screen, _ = talk(project, "42", "feature", answers=answers)
    assert (code, screen.endswith("Nothing was written.\n")) == (1, True)
    assert project.status() == "?? changelog.d/41.feature.md"


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("Lamps.\n\n== ==\na\n==\n\nMore.", 1, [("fragment-malformed", "error", 5)]),
        ("Lamps and ``more", 0, [("fragment-malformed", "warning", 1)]),
        ("Lamps and ``more``", 0, []),
    ],
)
def test_what_pypi_could_not_show_is_said_at_once(
    tmp_path: Path, text: str, code: int, found: list[tuple[str, str, int]]
) -> None:
    project = rst_project(tmp_path / "demo")
    done = project.run("add", "41", "feature", "-m", text, "--format", "json")
    assert done.code == code
    assert [(each["rule"], each["level"], each["line"]) for each in done.json["findings"]] == found
    assert {each["fix"] for each in done.json["findings"]} <= {"mend the markup"}


@on_terminals
@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["interrupted", "the end of input"])
def test_who_stops_writes_nothing(project: Project, key: str) -> None:
    code, screen, _ = talk(project, answers=[("[+]: ", key)])
    assert (code, screen.endswith("\nInterrupted. Nothing was written.\n"), project.status()) == (130, True, "")


# -- completed by the shell --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "words", "offered"),
    [
        ("bash", ["add", ""], ["41", "feature", "bugfix", "doc", "removal", "misc"]),
        ("bash", ["add", "41", "f"], ["feature"]),
        ("bash", ["add", "41", "feature", "--section", ""], ["Web"]),
        ("bash", ["add", "-C", "/", ""], []),
        ("zsh", ["add", ""], ["41", "feature", "bugfix", "doc", "removal", "misc"]),
        ("fish", ["add", "41", "f"], ["feature"]),
    ],
)
def test_what_a_shell_may_offer(make: Callable[..., Project], shell: str, words: list[str], offered: list[str]) -> None:
    project = make(pyproject=PYPROJECT + SECTIONS.format("", "") + SECTIONS.format("Web", "web"))
    project.git("switch", "--quiet", "--create", "41-dim")
    line = " ".join(["tagready", *words])
    asked = {"_TAGREADY_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    if shell == "fish":
        asked |= {"COMP_WORDS": line.removesuffix(words[-1]).strip(), "COMP_CWORD": words[-1]}
    script = "import sys; sys.argv[0] = 'tagready'; from tagready.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.path,
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^plain[,\n]([^\t\n]*)", done.stdout, re.MULTILINE) == offered


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes_with_the_one_line_of_the_documentation(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tagready").write_text(f"#!{sys.executable}\nfrom tagready.cli import main\nmain()\n")
    (folder / "tagready").chmod(0o755)
    page = (Path(__file__).parent.parent / "docs/add.md").read_text(encoding="utf-8")
    line = next(word for word in page.split("`") if "bash_source" in word)
    typed = "COMP_WORDS=(tagready add 41 f); COMP_CWORD=3; _tagready_completion tagready"
    script = f'{line}\n{typed}; echo "${{COMPREPLY[@]}}"'
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=project.path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("feature\n", "")


def test_the_help_fits_eighty_columns(project: Project) -> None:
    done = project.run("add", "--help")
    assert (done.code, max(map(len, done.out.splitlines())) <= 80) == (0, True)
