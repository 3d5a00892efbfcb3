"""The forward port: the entry of a maintenance release on main, in order, word for word, and its fragments gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from crashing import Nursery
from projects import CHANGELOG, MARKER, PYPROJECT, RST_MARKER, Project, Result, add_remote, lose_answers, make_project
from steps import Step, amend, commit, edit, git, prepare, put, remove, run, write
from tagready.facts.changelog import BOM, Changelog, insert_in_order

pytestmark = pytest.mark.usefixtures("noon")

LOG = "CHANGELOG.md"
FIX = "changelog.d/13.bugfix.md"
ENTRY = "## 1.3.1 (2026-02-03)\n\n### Bugfixes\n\n- Mend it. (#13)\n"
PORTED = CHANGELOG.replace("## 1.3.0", f"{ENTRY}\n\n## 1.3.0")


def released(version: str = "1.3.1", *fragments: Step, series: str = "1.3.x", base: str = "v1.3.0") -> Step:
    """A release on a series, of fragments that main has as well (the fix, if none is given); ends on main."""

    def step(project: Project) -> None:
        known = project.git("branch", "--list", series)
        project.git("switch", "-q", *([series] if known else ["-c", series, base]))
        run(*(fragments or [write(FIX, "Mend it.\n")]))(project)
        project.commit("Backport")
        prepare(version, "--config", os.devnull)(project)
        project.git("tag", f"v{version}")
        project.git("switch", "-q", "main")

    return step


def forward(project: Project, tag: str = "v1.3.1", *arguments: str) -> Result:
    return project.run("forward-port", tag, *arguments, "--format", "json")


def findings(result: Result) -> list[tuple[str, str, str | None, int | None]]:
    return [(each["rule"], each["level"], each["path"], each["line"]) for each in result.json["findings"]]


@pytest.fixture
def maintained(project: Project) -> Project:
    released()(project)
    return project


# -- what it makes -----------------------------------------------------------------------------------------------------


def test_entry_and_fragments_in_one_commit(maintained: Project) -> None:
    parent = maintained.head()
    result = forward(maintained)
    assert result.code == 0
    assert result.json == {
        "schema": 1,
        "command": "forward-port",
        "ok": True,
        "project": "demo",
        "version": "1.3.1",
        "tag": "v1.3.1",
        "commit": maintained.head(),
        "findings": [],
        "skipped": [],
        "parent": parent,
        "branch": "main",
        "changelog": LOG,
        "line": 5,
        "entry": ENTRY,
        "consumed": [FIX],
        "already": False,
        "dry_run": False,
        "pushed_to": None,
        "pushed_branch": None,
    }
    assert maintained.read(LOG) == maintained.show(LOG) == PORTED
    assert maintained.git("diff", "--name-status", parent, "HEAD").split() == ["M", LOG, "D", FIX]
    assert maintained.status() == ""
    assert maintained.git("log", "-1", "--format=%B") == (
        "Forward-port 1.3.1\n\nThe entry is that of v1.3.1. The fragments that it was made from are removed.\n\n"
        "Forward-Port: v1.3.1\n"
    )


@pytest.mark.parametrize("spelled", ["v1.3.1", "1.3.1"])
def test_a_dry_run_shows_the_very_diff_and_changes_nothing(maintained: Project, spelled: str) -> None:
    before = maintained.fingerprint()
    result = forward(maintained, spelled, "--dry-run")
    assert (result.code, result.json["consumed"]) == (0, [FIX])
    assert maintained.fingerprint() == before
    forward(maintained)
    shown = maintained.git("diff-tree", "-p", "-r", "--binary", "--no-renames", "HEAD^", "HEAD")
    assert result.json["diff"] == shown + "\n"


def test_text_says_what_was_done_and_what_comes_next(maintained: Project) -> None:
    parent = maintained.head()[:10]
    done = maintained.run("forward-port", "1.3.1")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "demo 1.3.1, brought to main\n"
        "  changelog  CHANGELOG.md:5, as v1.3.1 has it\n"
        "  fragments  1 removed here, of 1 that the entry was made from\n\n"
        "  | ## 1.3.1 (2026-02-03)\n  |\n  | ### Bugfixes\n  |\n  | - Mend it. (#13)\n\n"
        f'* {maintained.head()[:10]} "Forward-port 1.3.1" on main\n'
        f"  look  git show\n  undo  git reset --keep {parent}\n"
    )
    again = maintained.run("forward-port", "1.3.1")
    assert again.out.startswith(f"* 1.3.1 is forward-ported already: {maintained.head()[:10]} on main\n")


def test_a_workflow_gets_annotations_and_a_summary(
    maintained: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    put(FIX, "Mend all.\n")(maintained)
    done = maintained.run("forward-port", "1.3.1", "--format", "github")
    assert (done.code, done.out.splitlines()[-1]) == (0, "tagready: demo 1.3.1, brought to main")
    assert done.out.startswith(f"::warning file={FIX},title=fragments-left-over::{FIX} says something else")
    assert "CHANGELOG.md:5, as v1.3.1 has it" in (tmp_path / "summary").read_text()


def test_it_is_signed_off(maintained: Project) -> None:
    assert forward(maintained, "v1.3.1", "--signoff").code == 0
    trailers = maintained.git("log", "-1", "--format=%(trailers)").split("\n")
    assert trailers[:2] == ["Forward-Port: v1.3.1", "Signed-off-by: Test <test@example.org>"]


def test_what_else_lies_about_stays(maintained: Project) -> None:
    maintained.write("changelog.d/12.feature.md", "Add colours.\n")
    maintained.write("staged", "x")
    maintained.git("add", "staged")
    maintained.write("untracked", "x")
    before = maintained.status()
    assert forward(maintained).code == 0
    assert maintained.status() == before


# -- where the entry goes ----------------------------------------------------------------------------------------------

RST = PYPROJECT.replace("CHANGELOG.md", "NEWS.rst").replace('"## {', '"{')
RST_FIRST = "1.3.0 (2026-01-01)\n==================\n\nFeatures\n--------\n\n- First. (#1)\n"
RST_LOG = f"Changes\n#######\n\n{RST_MARKER}\n\n{RST_FIRST}"
NEWER = "## 1.4.0 (2026-01-20)\n\n- Newer.\n\n\n"
OLDER = "\n\n## 1.2.0 (2025-01-01)\n\n- Older.\n"

# name: (the changelog at 1.3.0, what main makes of it, where the entry of 1.3.1 then goes: {} is the entry)
PLACES: dict[str, tuple[str, Callable[[str], str], str]] = {
    "newest": (CHANGELOG, str, f"# Changelog\n\n{MARKER}\n\n{{}}\n\n## 1.3.0 "),
    "below a newer one": (
        CHANGELOG, lambda text: text.replace("## 1.3.0", f"{NEWER}## 1.3.0"), "- Newer.\n\n\n{}\n\n## 1.3.0 ",
    ),
    "blank lines as they are here": (
        CHANGELOG + OLDER, lambda text: text.replace("\n\n\n## ", "\n\n## "), f"{MARKER}\n\n{{}}\n## 1.3.0 ",
    ),
    "below all": (
        CHANGELOG, lambda text: text[: text.index("## 1.3.0")] + NEWER.rstrip() + "\n", "- Newer.\n\n\n{}",
    ),
    "below all, above what is no entry": (
        CHANGELOG, lambda text: text[: text.index("## 1.3.0")] + NEWER + "## Before that\n\nSilence.\n",
        "- Newer.\n\n\n{}\n\n## Before that",
    ),
    "among old ones": (CHANGELOG + OLDER, str, "{}\n\n## 1.3.0 "),
    "in a changelog without entries": (CHANGELOG, lambda text: text[: text.index("## 1.3.0")], f"{MARKER}\n\n{{}}"),
    "above a word that is no entry": (
        CHANGELOG, lambda text: text.replace("## 1.3.0", "Soon more.\n\n## 1.3.0"), "Soon more.\n\n{}\n\n## 1.3.0 ",
    ),
    "without a marker": (CHANGELOG, lambda text: text.replace(f"{MARKER}\n\n", ""), "# Changelog\n\n{}\n\n## 1.3.0 "),
    "after a byte order mark": (CHANGELOG, lambda text: BOM + text, f"{MARKER}\n\n{{}}\n\n## 1.3.0 "),
    "above an anchor": (
        CHANGELOG, lambda text: text.replace("## 1.3.0", '<a id="1.3.0"></a>\n\n## 1.3.0'),
        f'{MARKER}\n\n{{}}\n\n<a id="1.3.0"></a>\n\n## 1.3.0 ',
    ),
}  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", PLACES)
def test_the_entry_goes_where_its_version_belongs(tmp_path: Path, name: str, newline: str) -> None:
    original, change, expected = PLACES[name]
    project = make_project(tmp_path / "demo", changelog=original)
    released()(project)
    old = change(original).replace("\n", newline)
    commit(write(LOG, old))(project)
    result = forward(project)
    assert result.code == 0, result.out
    entry = ENTRY.replace("\n", newline)
    new = project.read(LOG)
    where = expected.replace("\n", newline).replace("{}", entry)
    assert where.rstrip() in new
    without = new.replace(entry.rstrip(), "", 1)
    assert without.split() == old.split()
    assert new.split(newline)[result.json["line"] - 1] == "## 1.3.1 (2026-02-03)"


def test_restructured_text(tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo", pyproject=RST, changelog=None, fragments={}, tag=None)
    run(put("NEWS.rst", RST_LOG), git("tag", "v1.3.0"), put(FIX, "Mend it.\n"))(project)
    newer = "1.4.0 (2026-01-20)\n==================\n\n- Newer.\n\n\n"
    released()(project)
    commit(edit("NEWS.rst", "1.3.0 (", f"{newer}1.3.0 ("))(project)
    assert forward(project).code == 0
    entry = "1.3.1 (2026-02-03)\n==================\n\nBugfixes\n--------\n\n- Mend it. (#13)\n\n\n"
    assert project.read("NEWS.rst") == RST_LOG.replace("1.3.0 (", f"{newer}{entry}1.3.0 (")


def test_the_changelog_has_another_name_here(maintained: Project) -> None:
    run(git("mv", LOG, "NEWS.md"), edit("pyproject.toml", LOG, "NEWS.md"))(maintained)
    maintained.commit("Rename")
    assert forward(maintained).code == 0
    assert maintained.read("NEWS.md") == PORTED


def test_a_file_for_each_version(tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace('"CHANGELOG.md"', '"news/{version}.md"\nsingle_file = false').replace("## {", "# {")
    project = make_project(tmp_path / "demo", pyproject=pyproject, changelog=None)
    released()(project)
    result = forward(project)
    assert (result.code, result.json["changelog"], result.json["consumed"]) == (0, "news/1.3.1.md", [FIX])
    assert project.show("news/1.3.1.md") == project.show("news/1.3.1.md", "v1.3.1")
    assert forward(project).json["already"]
    commit(edit("news/1.3.1.md", "Mend", "Mind"))(project)
    assert findings(forward(project)) == [("entry-exists", "error", "news/1.3.1.md", 1)]


def test_the_prefix_and_the_style_stay_as_tagged(maintained: Project) -> None:
    git("switch", "-q", "1.3.x")(maintained)
    amend(edit(LOG, "## 1.3.1 (", "## v1.3.1 - ("))(maintained)
    run(git("tag", "-f", "v1.3.1"), git("switch", "-q", "main"))(maintained)
    assert forward(maintained).code == 0
    assert "## v1.3.1 - (2026-02-03)\n" in maintained.read(LOG)


# -- which fragments go ------------------------------------------------------------------------------------------------

LEFT = "fragments-left-over"
OTHER = "changelog.d/+other.bugfix.md"

# name: (what main does beforehand, the fragments that are removed, the warnings)
FRAGMENTS: dict[str, tuple[Step, list[str], list[tuple[str, str, str | None, int | None]]]] = {
    "the same": (run(), [FIX], []),
    "not here": (commit(remove(FIX)), [], []),
    "but for blanks": (put(FIX, "Mend it.  \n\n"), [FIX], []),
    "edited": (put(FIX, "Mend it, and more.\n"), [], [(LEFT, "warning", FIX, None)]),
    "renamed": (commit(git("mv", FIX, OTHER)), [], [(LEFT, "warning", OTHER, None)]),
    "copied": (put(OTHER, "Mend it.\n"), [FIX], []),
    "of another type": (
        put("pyproject.toml", PYPROJECT + '\n[tool.towncrier.fragment.feature]\nname = "F"\n'), [FIX], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAGMENTS)
def test_exactly_the_fragments_of_the_release_go(maintained: Project, name: str) -> None:
    arrange, removed, warnings = FRAGMENTS[name]
    arrange(maintained)
    result = forward(maintained)
    assert (result.code, result.json["consumed"], findings(result)) == (0, removed, warnings)
    gone = maintained.git("diff", "--name-only", "--diff-filter=D", "--no-renames", "HEAD^", "HEAD").split()
    assert gone == removed
    assert maintained.read("changelog.d/12.feature.md") == "Add colour.\n"


def test_the_fragments_of_a_candidate_that_became_the_release(project: Project) -> None:
    released("1.3.1rc1")(project)
    git("switch", "-q", "1.3.x")(project)
    commit(edit(LOG, "1.3.1rc1 (", "1.3.1 ("), edit("pyproject.toml", "1.3.1rc1", "1.3.1"))(project)
    run(git("tag", "v1.3.1"), git("switch", "-q", "-c", "port", "main"))(project)
    result = forward(project)
    assert (result.code, result.json["consumed"]) == (0, [FIX])
    assert checked(project) == (0, "forward-port", [])


def test_several_releases_in_turn(project: Project) -> None:
    released()(project)
    released("1.3.2", write("changelog.d/12.feature.md", "Add colour.\n"))(project)
    for tag, path in (("v1.3.2", "changelog.d/12.feature.md"), ("v1.3.1", FIX)):
        result = forward(project, tag)
        assert (result.code, result.json["consumed"]) == (0, [path])
    assert project.read(LOG) == project.show(LOG, "v1.3.2")
    assert [forward(project, tag).json["already"] for tag in ("v1.3.1", "v1.3.2")] == [True, True]
    assert project.git("rev-list", "--count", "HEAD") == "4"


# -- what is refused ---------------------------------------------------------------------------------------------------


def behind(project: Project) -> None:
    add_remote(project, project.path.with_name("remote"))
    run(git("commit", "-q", "--allow-empty", "-m", "More"), git("push", "-q"))(project)
    project.git("reset", "-q", "--hard", "HEAD^")


def retagged(*steps: Step) -> Step:
    return run(git("switch", "-q", "1.3.x"), amend(*steps), git("tag", "-f", "v1.3.1"), git("switch", "-q", "main"))


Found = tuple[str, str, str | None, int | None]
ONLY_ENTRY = edit(LOG, "## 1.3.0", f"{ENTRY}\n\n## 1.3.0")
REFUSED: dict[str, tuple[Step, list[Found]]] = {
    "no tag": (git("tag", "-d", "v1.3.1"), [("tag-missing", "error", None, None)]),
    "no tag, and detached": (
        run(git("tag", "-d", "v1.3.1"), git("switch", "-q", "--detach")),
        [("head-detached", "error", None, None), ("tag-missing", "error", None, None)],
    ),
    "no entry at the tag": (
        retagged(edit(LOG, "## 1.3.1 ", "## Some ")), [("entry-missing", "error", LOG, None)],
    ),
    "two entries at the tag": (
        retagged(edit(LOG, "## 1.3.0 (", "## 1.3.1 (")), [("entry-duplicated", "error", LOG, None)],
    ),
    "detached": (git("switch", "-q", "--detach"), [("head-detached", "error", None, None)]),
    "on the branch of an older series": (
        git("switch", "-q", "-c", "1.2.x"), [("branch-not-allowed", "error", None, None)],
    ),
    "behind": (behind, [("branch-behind", "error", None, None)]),
    "the changelog was edited": (write(LOG, "x"), [("tree-dirty", "error", LOG, None)]),
    "a fragment was edited": (write(FIX, "x"), [("tree-dirty", "error", FIX, None)]),
    "another entry is here": (
        commit(edit(LOG, "## 1.3.0", f"{ENTRY.replace('Mend', 'Mind')}\n\n## 1.3.0")),
        [("entry-exists", "error", LOG, 5)],
    ),
    "two entries are here": (
        commit(ONLY_ENTRY, ONLY_ENTRY), [("entry-exists", "error", LOG, 5)],
    ),
    "neither entry nor marker": (put(LOG, "# Changelog\n"), [("changelog-marker-missing", "error", LOG, 1)]),
    "an entry that is not closed": (
        retagged(edit(LOG, "- Mend it.", "```\n\n- Mend it.")), [("entry-swallows", "error", LOG, None)],
    ),
    "all at once": (
        run(put(FIX, "Mend all.\n"), put(LOG, "# Changelog\n"), write(LOG, "x"), git("switch", "-q", "--detach")),
        [
            ("head-detached", "error", None, None),
            ("tree-dirty", "error", LOG, None),
            ("changelog-marker-missing", "error", LOG, 1),
            (LEFT, "warning", FIX, None),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_every_finding_and_not_a_byte_changes(maintained: Project, name: str) -> None:
    arrange, expected = REFUSED[name]
    arrange(maintained)
    before = maintained.fingerprint()
    result = forward(maintained)
    assert (result.code, findings(result)) == (1, expected), result.err
    assert (result.json["version"], result.json["tag"]) == ("1.3.1", "v1.3.1")
    assert maintained.fingerprint() == before


def test_nobody_to_commit_as(maintained: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git("config", "user.useConfigOnly", "true")(maintained)
    assert findings(forward(maintained)) == [("identity-unknown", "error", None, None)]


def test_a_missing_tag_is_fetched_by_the_command_that_is_named(maintained: Project) -> None:
    add_remote(maintained, maintained.path.with_name("remote"))
    git("tag", "-d", "v1.3.1")(maintained)
    (found,) = forward(maintained, "1.3.1").json["findings"]
    assert found["fix"] == "name v1.3.0, or git fetch origin tag v1.3.1"
    git("fetch", "-q", "origin", "tag", "v1.3.1")(maintained)
    assert forward(maintained, "1.3.1").code == 0


def test_the_difference_to_another_entry_is_shown(maintained: Project) -> None:
    commit(ONLY_ENTRY, edit(LOG, "- Mend it.", "- Mind it."))(maintained)
    (found,) = forward(maintained).json["findings"]
    assert found["message"].split("\n")[1:3] == ["--- at v1.3.1", "+++ here"]
    assert found["message"].endswith("\n-- Mend it. (#13)\n+- Mind it. (#13)")


def test_what_is_no_tag_is_wrong_usage(project: Project) -> None:
    assert forward(project, "main").code == 2


def test_a_shallow_clone_names_the_command(maintained: Project, tmp_path: Path) -> None:
    clone = Project(tmp_path / "clone")
    run(git("switch", "-q", "1.3.x"), put("x"), git("tag", "-f", "v1.3.1"), git("switch", "-q", "main"))(maintained)
    maintained.git("clone", "-q", "--depth=1", "--no-single-branch", maintained.path.as_uri(), str(clone.path))
    result = forward(clone)
    assert (result.code, result.json["error"]["fix"]) == (3, "git fetch --unshallow --tags")


# -- already here ------------------------------------------------------------------------------------------------------


def test_what_is_here_already_is_left_alone(maintained: Project) -> None:
    commit(ONLY_ENTRY, remove(FIX))(maintained)
    before = maintained.fingerprint()
    done = maintained.run("forward-port", "1.3.1")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "* 1.3.1 is forward-ported already: nothing to do\n  changelog  CHANGELOG.md:5, as v1.3.1 has it\n"
    )
    assert maintained.fingerprint() == before


def test_an_entry_that_came_without_its_fragments(maintained: Project) -> None:
    commit(ONLY_ENTRY)(maintained)
    result = forward(maintained)
    assert (result.code, result.json["already"], result.json["commit"]) == (0, True, None)
    assert findings(result) == [(LEFT, "warning", FIX, None)]


# -- branches and remotes ----------------------------------------------------------------------------------------------


def on_remote(project: Project, name: str) -> str:
    return project.git("ls-remote", "origin", f"refs/heads/{name}").partition("\t")[0]


@pytest.mark.parametrize(
    ("arguments", "keys", "branch"),
    [
        (["--branch"], "", "forward-port/1.3.1"),
        (["--branch", "port"], "", "port"),
        ([], 'flow = "pull-request"', "forward-port/1.3.1"),
    ],
)
def test_on_a_branch_of_its_own(maintained: Project, arguments: list[str], keys: str, branch: str) -> None:
    put("pyproject.toml", f"{PYPROJECT}\n[tool.tagready]\n{keys}\n")(maintained)
    add_remote(maintained, maintained.path.with_name("remote"))
    maintained.write(LOG, "being edited")
    main = maintained.head()
    first = forward(maintained, "v1.3.1", *arguments)
    assert (first.code, first.json["branch"], first.json["parent"]) == (0, branch, main)
    assert (maintained.head(), maintained.read(LOG)) == (main, "being edited")
    assert maintained.show(LOG, branch) == PORTED
    commit_ = maintained.head(branch)
    pushed = forward(maintained, "v1.3.1", *arguments, "--push")
    assert (pushed.code, pushed.json["already"], pushed.json["pushed_to"]) == (0, True, "origin")
    assert (pushed.json["commit"], pushed.json["consumed"]) == (commit_, [FIX])
    assert on_remote(maintained, branch) == commit_
    git("branch", "-D", branch)(maintained)  # as in a fresh clone
    assert forward(maintained, "v1.3.1", *arguments, "--push").json["commit"] == commit_
    git("branch", branch, main)(maintained)
    before = maintained.fingerprint()
    assert findings(forward(maintained, "v1.3.1", *arguments)) == [("branch-exists", "error", None, None)]
    assert maintained.fingerprint() == before


def test_the_branch_of_that_name_is_the_current_one(maintained: Project) -> None:
    git("switch", "-q", "-c", "forward-port/1.3.1")(maintained)
    result = forward(maintained, "v1.3.1", "--branch")
    assert (result.code, result.json["commit"]) == (0, maintained.head())
    assert (maintained.status(), maintained.read(LOG)) == ("", PORTED)
    assert forward(maintained, "v1.3.1", "--branch").json["already"]


def test_once_it_is_merged_nothing_is_left_to_do(maintained: Project) -> None:
    add_remote(maintained, maintained.path.with_name("remote"))
    assert forward(maintained, "v1.3.1", "--branch").code == 0
    git("merge", "-q", "forward-port/1.3.1")(maintained)
    git("branch", "-d", "forward-port/1.3.1")(maintained)
    result = forward(maintained, "v1.3.1", "--branch", "--push")
    assert (result.code, result.json["already"], result.json["pushed_to"]) == (0, True, None)


def test_the_push_takes_the_branch_and_nothing_else(maintained: Project) -> None:
    add_remote(maintained, maintained.path.with_name("remote"))
    result = forward(maintained, "v1.3.1", "--push")
    assert (result.code, result.json["pushed_to"]) == (0, "origin")
    assert on_remote(maintained, "main") == maintained.head()
    assert on_remote(maintained, "1.3.x") == ""


def test_a_push_whose_answer_is_lost(maintained: Project, tmp_path: Path) -> None:
    remote = Project(add_remote(maintained, tmp_path / "remote.git"))
    lose_answers(maintained, tmp_path / "receive")
    result = forward(maintained, "v1.3.1", "--push")
    assert (result.code, result.json["pushed_to"], result.json["pushed_branch"]) == (0, "origin", "main"), result.out
    assert remote.head("main") == maintained.head()


def test_forward_port_beside_a_branch_that_leaves_it_no_room(maintained: Project) -> None:
    maintained.git("branch", "next")
    assert forward(maintained, "v1.3.1", "--branch", "next/port").rules == ["branch-exists"]


def test_a_push_that_is_refused_leaves_the_commit_here(maintained: Project, tmp_path: Path) -> None:
    add_remote(maintained, tmp_path / "remote.git")
    maintained.git("clone", "-q", str(tmp_path / "remote.git"), str(tmp_path / "other"))
    run(put("x"), git("push", "-q"))(Project(tmp_path / "other"))
    result = forward(maintained, "v1.3.1", "--push")
    assert (result.code, result.json["error"]["fix"]) == (3, "git pull --rebase, and run it again")
    git("pull", "-q", "--rebase")(maintained)
    result = forward(maintained, "v1.3.1", "--push")
    assert (result.code, on_remote(maintained, "main")) == (0, maintained.head())


@pytest.mark.parametrize("tag", ["v1.3.1", "v9.9.9"])
def test_a_series_that_began_at_the_main_branch_is_held_against_its_own(
    maintained: Project, tmp_path: Path, tag: str
) -> None:
    add_remote(maintained, tmp_path / "remote.git")
    run(git("switch", "-q", "-c", "2.x", "origin/main"), put("later"), git("push", "-q", "origin", "HEAD:main"))(
        maintained
    )
    run(git("reset", "-q", "--hard", "HEAD^"), git("push", "-q", "origin", "2.x"))(maintained)
    assert forward(maintained, tag, "--dry-run").rules == ([] if tag == "v1.3.1" else ["tag-missing"])


def test_without_a_remote_there_is_nothing_to_push_to(maintained: Project) -> None:
    before = maintained.fingerprint()
    assert forward(maintained, "v1.3.1", "--push").code == 2
    assert maintained.fingerprint() == before


# -- what the other commands make of it --------------------------------------------------------------------------------


def checked(project: Project) -> tuple[int, str, list[str]]:
    result = project.run("check", "--since", "main", "--format", "json")
    return result.code, result.json["kind"], [each["rule"] for each in result.json["findings"]]


def test_check_knows_it_and_the_next_release_goes_on(maintained: Project) -> None:
    git("switch", "-q", "-c", "port")(maintained)
    assert forward(maintained).code == 0
    assert checked(maintained) == (0, "forward-port", [])
    run(git("switch", "-q", "main"), git("merge", "-q", "port"), prepare("1.4.0"))(maintained)
    assert maintained.run("tag", "1.4.0").code == 0
    assert maintained.run("verify", "v1.4.0", "--strict").code == 0
    assert [line for line in maintained.read(LOG).split("\n") if line.startswith("## ")] == [
        "## 1.4.0 (2026-02-03)",
        "## 1.3.1 (2026-02-03)",
        "## 1.3.0 (2026-01-01)",
    ]
    assert "Mend it" not in maintained.read(LOG).partition("## 1.3.1")[0]


def next_of(project: Project) -> str | None:
    answer: str | None = project.run("status", "1.3.1", "--format", "json").json["next"]
    return answer


def test_status_and_tag_name_it_where_it_is_due(maintained: Project) -> None:
    git("switch", "-q", "1.3.x")(maintained)
    due = "git switch main && tagready forward-port v1.3.1"
    tagged = maintained.run("tag", "1.3.1")
    assert (tagged.code, tagged.out.splitlines()[-1]) == (0, f"  next  {due}")
    assert next_of(maintained) == due
    git("switch", "-q", "main")(maintained)
    assert next_of(maintained) == "tagready forward-port v1.3.1"
    assert forward(maintained, "v1.3.1", "--branch").code == 0
    assert next_of(maintained) == "merge forward-port/1.3.1"
    git("merge", "-q", "forward-port/1.3.1")(maintained)
    assert next_of(maintained) is None
    assert "next" not in maintained.run("status", "1.3.1").out


def test_a_release_of_main_needs_no_forward_port(project: Project) -> None:
    run(prepare("1.4.0"), git("tag", "v1.4.0"), git("branch", "1.4.x"))(project)
    assert project.run("status", "1.4.0", "--format", "json").json["next"] is None


# -- killed ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.mark.skipif(os.name == "nt", reason="fork and SIGKILL are POSIX")
def test_killed_before_any_write_it_is_finished_by_the_next_run(
    maintained: Project, nursery: Nursery, tmp_path: Path
) -> None:
    """The branch is at the old commit or at the finished one, and what is the user's stays as it is."""
    maintained.write("mine", "x")
    command, old = ("forward-port", "v1.3.1"), maintained.head()
    done = maintained.copy(tmp_path / "done")
    edges = nursery.run(done.path, command).edges
    moves = next(at for at, edge in enumerate(edges, 1) if edge.startswith("start git update-ref"))
    assert len(edges) - moves > 5
    for at in range(moves - 1, len(edges) + 1):
        project = maintained.copy(tmp_path / f"at{at}")
        ended = nursery.run(project.path, command, at=at)
        assert ended.code == -signal.SIGKILL, edges[at - 1]
        assert project.tree() in (maintained.tree(), done.tree()), edges[at - 1]
        again = forward(project)
        assert again.code == 0, (edges[at - 1], again.out)
        assert (project.tree(), project.head("HEAD^"), project.status()) == (done.tree(), old, "?? mine")
        assert (project.read(LOG), project.read("mine")) == (PORTED, "x")
        assert not (project.path / FIX).exists()


@pytest.mark.skipif(os.name == "nt", reason="fork and SIGKILL are POSIX")
def test_an_edit_after_a_kill_is_not_overwritten(maintained: Project, nursery: Nursery, tmp_path: Path) -> None:
    command = ("forward-port", "v1.3.1")
    edges = nursery.run(maintained.copy(tmp_path / "done").path, command).edges
    at = next(number for number, edge in enumerate(edges, 1) if edge.startswith("os.rename "))
    nursery.run(maintained.path, command, at=at)
    maintained.write(LOG, "mine")
    assert findings(forward(maintained)) == [("tree-dirty", "error", LOG, None)]
    assert maintained.read(LOG) == "mine"


# -- the order of versions ---------------------------------------------------------------------------------------------

VERSIONS = st.builds("{}.{}".format, st.integers(0, 3), st.integers(0, 3)).map(Version)


@given(
    versions=st.lists(VERSIONS, unique=True).map(lambda found: sorted(found, reverse=True)),
    version=VERSIONS,
    markdown=st.booleans(),
    crlf=st.booleans(),
    blanks=st.integers(1, 3),
    tail=st.sampled_from(["", "\n", "\n\n"]),
    head=st.sampled_from(["", "Changes\n=======\n\n"]),
    bom=st.booleans(),
)
def test_an_insertion_keeps_order_and_every_other_byte(
    versions: list[Version], version: Version, markdown: bool, crlf: bool, blanks: int, tail: str, head: str, bom: bool
) -> None:
    marker = (MARKER if markdown else RST_MARKER) + "\n"

    def entry(of: Version) -> str:
        title = f"{of} (2026-01-01)"
        heading = f"## {title}" if markdown else f"{title}\n{'-' * len(title)}"
        return f"{heading}\n\n- Text.\n\n- More of {of}\n"

    between = "\n" * blanks
    others = [each for each in versions if each != version]
    text = f"{head}{marker}\n" + between.join(map(entry, others))
    text = (BOM if bom else "") + (text.rstrip("\n") + tail if others else text)
    old = text.replace("\n", "\r\n") if crlf else text
    changelog = Changelog(text, markdown, marker=marker)
    assert [each.version for each in changelog.entries] == others
    new = insert_in_order(old, changelog, version, entry(version), "\n\n")
    parsed = Changelog(new.replace("\r\n", "\n"), markdown, marker=marker)
    assert [each.version for each in parsed.entries] == sorted([*others, version], reverse=True)
    assert parsed.whole(*parsed.of(version)) == entry(version)
    assert ("\n" in new.replace("\r\n", "")) is (not crlf)
    added = len(new) - len(old)
    assert any(new[:at] + new[at + added :] == old for at in range(len(old) + 1))
    if len(others) > 1 and tail:
        assert new.count((between + "\n").replace("\n", "\r\n" if crlf else "\n")) >= len(others)


def test_an_empty_changelog_gets_the_entry_alone() -> None:
    assert insert_in_order("", Changelog("", markdown=True), Version("1.0"), "## 1.0\n", "\n\n") == "## 1.0\n"
