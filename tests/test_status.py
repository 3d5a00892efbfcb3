"""tagready status: what the next release would be, and where a release stands, place by place."""

from __future__ import annotations

import datetime
import re
import shlex
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import indexes
from indexes import HTML, JSON, faulty, html_page, json_page, page
from projects import PYPROJECT, Project, Result, copy_pair, make_pair, make_project
from steps import Step, amend, edit, git, put, run, write

TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()
DYNAMIC = PYPROJECT.replace('version = "1.3.0"   # bumped by tagready', 'dynamic = ["version"]')
BY_TAG = DYNAMIC + '\n[tool.tagready]\nversion-source = "tag"\n'
DRY = "prepare-release auto --dry-run"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has fragments to release, and its remote."""
    return make_pair(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def prepared_template(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same after prepare-release 1.4.0."""
    project = copy_pair(template, tmp_path_factory.mktemp("prepared"))
    assert project.prepare("1.4.0", "--date", TODAY).code == 0
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    return copy_pair(template, tmp_path)


@pytest.fixture
def prepared(prepared_template: Project, tmp_path: Path) -> Project:
    return copy_pair(prepared_template, tmp_path)


def status(project: Project, *arguments: str) -> Result:
    """Run `status`, which must change nothing whatever it finds."""
    before = project.fingerprint()
    done = project.run("status", *arguments, "--format", "json")
    assert project.fingerprint() == before
    assert done.code == (0 if done.json["ok"] else 1), done.out + done.err
    return done


# -- what the next release would be ------------------------------------------------------------------------------------

PENDING = [
    {"path": "changelog.d/12.feature.md", "type": "feature", "issue": "12", "text": "Add colour."},
    {"path": "changelog.d/13.bugfix.md", "type": "bugfix", "issue": "13", "text": "Mend it."},
]


def test_json_as_the_contract_has_it(project: Project) -> None:
    assert status(project).json == {
        "schema": 1,
        "command": "status",
        "ok": True,
        "project": "demo",
        "version": "1.4.0",
        "tag": None,
        "commit": project.head(),
        "findings": [],
        "skipped": [],
        "branch": "main",
        "stated": "1.3.0",
        "last": "v1.3.0",
        "distance": 1,
        "pending": PENDING,
        "decided": "changelog.d/12.feature.md asks for a minor release",
        "next": DRY,
    }


def test_text(project: Project) -> None:
    done = project.run("status")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "demo 1.3.0 on main, 1 commit after v1.3.0",
        "",
        "  feature  #12  Add colour.",
        "  bugfix   #13  Mend it.",
        "",
        "  asks for  1.4.0, because changelog.d/12.feature.md asks for a minor release",
        f"  next      {DRY}",
    ]


TYPES = """
[[tool.towncrier.type]]
directory = "zebra"
name = "Zebras"
showcontent = true

[[tool.towncrier.type]]
directory = "ant"
name = "Ants"
showcontent = false
"""


@pytest.mark.parametrize(
    ("pyproject", "fragments", "pending"),
    [
        pytest.param(
            PYPROJECT,
            {
                "9.misc.md": "",
                "10.bugfix.md": "\n\n  First line  \nsecond\n",
                "2.feature.2.md": "B\n",
                "2.feature.md": "A\n",
                "+x.removal.md": "日本\n",
                "3.doc.rst": "* a\n* b\n",
            },
            [
                ("feature", "2", "B"),
                ("feature", "2", "A"),
                ("bugfix", "10", "First line"),
                ("doc", "3", "* a"),
                ("removal", "", "日本"),
                ("misc", "9", ""),
            ],
            id="as towncrier orders types",
        ),
        pytest.param(
            PYPROJECT + TYPES,
            {"1.ant.md": "A\n", "2.zebra.md": "Z\r\nz\r\n"},
            [("zebra", "2", "Z"), ("ant", "1", "A")],
            id="as the project orders them",
        ),
    ],
)
def test_pending_fragments(
    tmp_path: Path, pyproject: str, fragments: dict[str, str | bytes], pending: list[tuple[str, str, str]]
) -> None:
    project = make_project(tmp_path / "demo", pyproject=pyproject, fragments=fragments)
    found = status(project).json["pending"]
    assert [(each["type"], each["issue"].strip("+"), each["text"]) for each in found] == pending
    assert {each["path"] for each in found} == {f"changelog.d/{name}" for name in fragments}


@pytest.mark.parametrize(
    ("tags", "fragments", "version", "decided"),
    [
        ("v1.3.0", {"1.bugfix.md": "A\n"}, "1.3.1", "changelog.d/1.bugfix.md asks for a patch release"),
        ("v1.3.0", {"1.bugfix.md": "A\n", "2.removal.md": "B\n"}, "2.0.0", "changelog.d/2.removal.md asks for a major"),
        ("v1.3.0 v1.4.0rc1", {"1.bugfix.md": "A\n"}, "1.4.0", "changelog.d/1.bugfix.md asks for a patch release"),
        ("v0.9.0", {"2.removal.md": "B\n"}, "0.10.0", "changelog.d/2.removal.md asks for a major"),
        ("1!1.3.0", {"1.bugfix.md": "A\n"}, "1!1.3.1", "changelog.d/1.bugfix.md asks for a patch release"),
        ("", {"1.feature.md": "A\n"}, "0.1.0", "changelog.d/1.feature.md asks for a minor release"),
    ],
)
def test_the_version_that_is_asked_for(
    tmp_path: Path, tags: str, fragments: dict[str, str | bytes], version: str, decided: str
) -> None:
    project = make_project(tmp_path / "demo", fragments=fragments, tag=None)
    for tag in tags.split():
        project.git("tag", tag, "HEAD^")
    answer = status(project).json
    assert (answer["version"], answer["decided"].startswith(decided)) == (version, True)
    shown = project.prepare("auto", "--dry-run", "--format", "json").json
    assert (shown["version"], shown["commit"] is not None) == (version, True)


@pytest.mark.parametrize(
    ("arrange", "last", "distance"),
    [
        pytest.param(git("tag", "-d", "v1.3.0"), None, 2, id="never released"),
        pytest.param(git("tag", "v1.3.1"), "v1.3.1", 0, id="on HEAD"),
        pytest.param(git("tag", "-a", "-m", "x", "v1.3.1"), "v1.3.1", 0, id="annotated"),
        pytest.param(run(*[put(f"x{n}", "") for n in range(3)]), "v1.3.0", 4, id="some commits later"),
        pytest.param(git("tag", "v1.4.0.dev0"), "v1.3.0", 1, id="a development marker is no release"),
        pytest.param(git("tag", "v1.4.0rc1"), "v1.4.0rc1", 0, id="a pre-release is one"),
        pytest.param(git("tag", "nightly"), "v1.3.0", 1, id="a foreign tag"),
        pytest.param(
            run(
                git("switch", "-q", "-c", "2.x"),
                put("x", ""),
                git("tag", "v2.0.0"),
                git("switch", "-q", "main"),
            ),
            "v1.3.0",
            1,
            id="a release on another branch",
        ),
    ],
)
def test_the_last_release_and_its_distance(project: Project, arrange: Step, last: str | None, distance: int) -> None:
    arrange(project)
    answer = status(project).json
    assert (answer["last"], answer["distance"]) == (last, distance)


def test_never_released_as_text(project: Project) -> None:
    project.git("tag", "-d", "v1.3.0")
    assert project.run("status").out.startswith("demo 1.3.0 on main, never released\n")


@pytest.mark.parametrize(
    ("fragments", "version", "following"),
    [({"1.feature.md": "A\n"}, "1.4.0", DRY), ({}, None, None)],
    ids=["pending", "nothing"],
)
def test_versions_that_come_from_the_tag(
    tmp_path: Path, fragments: dict[str, str | bytes], version: str | None, following: str | None
) -> None:
    project = make_project(tmp_path / "demo", pyproject=BY_TAG, fragments=fragments)
    answer = status(project).json
    assert (answer["ok"], answer["stated"], answer["version"], answer["last"], answer["next"]) == (
        (True, None, version, "v1.3.0", following)
    )
    assert project.run("status").out.startswith("demo on main, 1 commit after v1.3.0\n")


def test_nothing_is_pending(tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo", fragments={})
    answer = status(project).json
    assert (answer["ok"], answer["pending"], answer["version"], answer["decided"], answer["next"]) == (
        (True, [], None, None, None)
    )
    assert "nothing is pending" in project.run("status").out


def test_versions_that_the_project_names_itself(tmp_path: Path) -> None:
    pyproject = PYPROJECT + "\n[tool.tagready]\nversion-pattern = '\\d{4}\\.\\d+'\n"
    project = make_project(tmp_path / "demo", pyproject=pyproject, tag="2026.1")
    answer = status(project).json
    assert (answer["ok"], answer["version"], answer["decided"], answer["last"], answer["next"]) == (
        (True, None, None, "2026.1", "prepare-release VERSION --dry-run")
    )
    assert len(answer["pending"]) == 2


# -- what stands against it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrange", "rules"),
    [
        pytest.param(write("CHANGELOG.md", "Edited\n"), ["tree-dirty"], id="the changelog is edited"),
        pytest.param(write("changelog.d/14.feature.md", "A\n"), ["fragment-uncommitted"], id="a fragment, untracked"),
        pytest.param(put("changelog.d/14.feat.md", "A\n"), ["fragment-ignored"], id="a fragment of no type"),
        pytest.param(put("changelog.d/14.feature.md", " \n"), ["fragment-empty"], id="a fragment without text"),
        pytest.param(git("switch", "-q", "--detach"), ["head-detached"], id="detached"),
        pytest.param(
            run(git("switch", "-q", "-c", "topic", "HEAD^"), put("changelog.d/1.feature.md", "A\n")),
            ["branch-not-allowed"],
            id="on a branch that lacks main's tip",
        ),
        pytest.param(git("tag", "v1.4.0", "HEAD~1^0"), [], id="a tag that is the last release"),
        pytest.param(
            run(git("push", "-q", "origin", "HEAD:refs/tags/v1.4.0")), ["tag-exists"], id="the tag is on the remote"
        ),
        pytest.param(
            run(
                git("commit", "-q", "--allow-empty", "-m", "More"),
                git("push", "-q"),
                git("reset", "-q", "--hard", "HEAD^"),
            ),
            ["branch-behind"],
            id="the remote is ahead",
        ),
        pytest.param(
            run(write("CHANGELOG.md", "Edited\n"), write("changelog.d/14.feature.md", "A\n")),
            ["tree-dirty", "fragment-uncommitted"],
            id="all at once",
        ),
        pytest.param(write("README", "edited"), [], id="edits that a release does not touch"),
    ],
)  # fmt: skip
def test_what_would_block_a_release_now(project: Project, arrange: Step, rules: list[str]) -> None:
    arrange(project)
    done = status(project)
    assert (done.rules, done.code) == (rules, 1 if rules else 0)
    text = project.run("status")
    assert (text.code, [rule for rule in rules if rule not in text.err]) == (done.code, [])
    assert ("next" in text.out) is not bool(rules)


def test_what_blocks_is_what_prepare_release_says(project: Project) -> None:
    run(write("CHANGELOG.md", "Edited\n"), put("changelog.d/14.feat.md", "A\n"), git("switch", "-q", "--detach"))(
        project
    )
    assert status(project).rules == project.prepare("auto", "--dry-run", "--format", "json").rules


def test_a_dirty_tree_is_a_finding_where_nothing_is_pending_too(tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo", fragments={})
    project.write("CHANGELOG.md", "Edited\n")
    assert status(project).rules == ["tree-dirty"]


@pytest.mark.parametrize(
    ("arrange", "following"),
    [
        pytest.param(run(), "tagready tag 1.4.0", id="prepared"),
        pytest.param(put("README", "Later\n"), "tagready tag 1.4.0", id="and something else committed"),
        pytest.param(git("tag", "v1.4.0"), None, id="tagged"),
        pytest.param(
            put("changelog.d/20.bugfix.md", "Later\n"), "tagready tag 1.4.0 --commit {brought}", id="a later fragment"
        ),
        pytest.param(
            run(git("switch", "-q", "-c", "topic"), git("branch", "-q", "-f", "main", "HEAD^")),
            "merge topic, then tagready tag 1.4.0",
            id="on a topic branch",
        ),
        pytest.param(
            run(git("switch", "-q", "-c", "topic"), put("README", "Later\n")),
            "tagready tag 1.4.0 --commit {brought}",
            id="on a topic branch that began at the release",
        ),
        pytest.param(
            run(git("tag", "v1.4.0"), put("changelog.d/20.bugfix.md", "Later\n")),
            DRY,
            id="tagged, and a fragment",
        ),
    ],
)
def test_the_next_command_after_preparing(prepared: Project, arrange: Step, following: str | None) -> None:
    brought = prepared.head()
    arrange(prepared)
    assert status(prepared).json["next"] == (following and following.replace("{brought}", brought[:10]))


def test_the_next_command_is_run_as_it_is(project: Project) -> None:
    for expected in (DRY, "tagready tag 1.4.0", None):
        following = status(project).json["next"]
        assert following == expected
        if following == DRY:
            assert project.prepare("auto", "--dry-run").code == 0
            assert project.prepare("auto").code == 0
        elif following:
            assert project.run(*following.split()[1:]).code == 0


def test_the_next_command_after_preparing_where_the_tag_states_the_version(tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo", pyproject=BY_TAG)
    assert project.prepare("1.4.0").code == 0
    assert status(project).json["next"] == "tagready tag 1.4.0"


def test_the_pull_request_flow(project: Project) -> None:
    put("tagready.toml", 'flow = "pull-request"\n')(project)
    project.git("push", "-q")
    answer = status(project).json
    assert (answer["ok"], answer["version"], answer["next"]) == (True, "1.4.0", DRY)
    project.write("CHANGELOG.md", "Edited\n")  # which a branch of its own does not touch
    assert status(project).rules == []


def test_push_as_the_key_says_is_no_question_of_status(project: Project) -> None:
    put("tagready.toml", "push = true\n")(project)
    project.git("remote", "remove", "origin")
    assert status(project).json["ok"]


def test_a_remote_that_cannot_be_asked(project: Project) -> None:
    project.git("config", "remote.origin.url", "../nowhere")
    answer = status(project).json
    ((rule, reason),) = [(each["rule"], each["reason"]) for each in answer["skipped"]]
    assert (answer["ok"], answer["version"], rule) == (True, "1.4.0", "tag-exists")
    assert reason.startswith("on the remote: it could not be asked")


def test_from_a_folder_below(project: Project) -> None:
    below = Project(project.write("src/deep/x.py", "").parent)
    assert below.run("status", "--format", "json").json == status(project).json


def test_a_project_in_a_folder_of_the_repository(tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo")
    project.git("mv", "pyproject.toml", "CHANGELOG.md", "changelog.d", project.write("python/x", "").parent.name)
    project.commit("Move")
    answer = Project(project.path / "python").run("status", "--format", "json").json
    assert [each["path"] for each in answer["pending"]] == [
        "python/changelog.d/12.feature.md", "python/changelog.d/13.bugfix.md",
    ]  # fmt: skip
    assert (answer["ok"], answer["version"]) == (True, "1.4.0")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("1.4.0", "1.5.0"), 2), (("--format", "github"), 2), (("rel-1.4.0",), 2), (("auto",), 2), (("-C", "nowhere"), 2)],
)
def test_wrong_usage(project: Project, arguments: tuple[str, ...], code: int) -> None:
    before = project.fingerprint()
    done = project.run("status", *arguments)
    assert (done.code, done.out, project.fingerprint()) == (code, "", before)


def test_no_repository(tmp_path: Path) -> None:
    assert Project(tmp_path).run("status").code == 2


def test_a_bump_word_is_no_release(project: Project) -> None:
    done = project.run("status", "auto")
    assert (done.code, "'auto' is a word for prepare-release, not a version" in done.err) == (2, True)


# -- where a release stands --------------------------------------------------------------------------------------------

SDIST, WHEEL = "demo-1.4.0.tar.gz", "demo-1.4.0-py3-none-any.whl"
FILES = {SDIST: b"sdist", WHEEL: b"wheel"}


@pytest.fixture(scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("packages")
    with indexes.pypiserver(folder) as url:
        yield url, folder


@pytest.fixture
def index(_served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a real index, with nothing of our release on it."""
    url, folder = _served
    for file in folder.iterdir():
        file.unlink()
    (folder / "demo-1.3.0.tar.gz").write_bytes(b"the last one")
    monkeypatch.setenv("TAGREADY_INDEX_URL", url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


def upload(folder: Path, **contents: bytes) -> None:
    """Put files into a folder: on an index, or into dist/."""
    folder.mkdir(exist_ok=True)
    for name, content in (contents or FILES).items():
        (folder / name).write_bytes(content)


def states(answer: dict[str, Any]) -> dict[str, str]:
    """Each place with its state; several files of an index in one text."""
    found: dict[str, list[str]] = {}
    for place in answer["places"]:
        found.setdefault(place["place"], []).append(place["state"])
    return {place: ", ".join(each) for place, each in found.items()}


def details(answer: dict[str, Any], name: str) -> list[str]:
    return [place["detail"] for place in answer["places"] if place["place"] == name]


def stand(commit: str, entry: str, local: str, remote: str, index: str = "unverifiable") -> dict[str, str]:
    """Every place with its state, each by a letter: - absent, * as intended, x conflicting, ? unverifiable."""
    words = {"-": "absent", "*": "as intended", "x": "conflicting", "?": "unverifiable"}
    given = {"commit": commit, "entry": entry, "local tag": local, "remote tag": remote, "index": index}
    return {place: words.get(state, state) for place, state in given.items()}


BY_HAND = "tagready build v1.4.0, then tagready publish: the index has nothing of it yet"
RE_RUN = (
    "re-run the failed jobs of the workflow that the tag started (or tagready publish): the index has nothing of it yet"
)


UPLOADS = "jobs: {publish: {steps: [{run: tagready publish}]}}\n"


@pytest.mark.parametrize(
    "workflow",
    [
        "on: [pull_request]\njobs: {test: {steps: [{run: pytest}]}}\n",
        f"on: {{push: {{branches: [main]}}}}\n{UPLOADS}",
        "on: [push]\njobs: {test: {steps: [{run: pytest}]}}\n",
        "on: [",
    ],
)
def test_only_what_uploads_for_a_tag_is_the_workflow_that_it_started(
    project: Project, index: Path, workflow: str
) -> None:
    put(".github/workflows/ci.yml", workflow)(project)
    assert project.prepare("1.4.0", "--tag", "--push").code == 0
    assert status(project, "1.4.0").json["next"] == BY_HAND


def test_from_nothing_to_the_index(project: Project, index: Path) -> None:
    def seen() -> tuple[int, dict[str, str], str | None]:
        done = status(project, "1.4.0")
        return done.code, states(done.json), done.json["next"]

    def follow() -> None:
        """Run the very command that comes next."""
        command, *arguments = shlex.split(status(project, "1.4.0").json["next"])
        if command == "prepare-release":
            arguments = ["prepare", *arguments]
        done = project.run(*arguments)
        assert done.code == 0, done.err

    assert seen() == (0, stand("-", "-", "-", "-", "-"), "prepare-release 1.4.0")
    follow()
    assert seen() == (0, stand("*", "*", "-", "-", "-"), "tagready tag 1.4.0 --push")
    assert project.run("tag", "1.4.0").code == 0
    assert seen() == (0, stand("*", "*", "*", "-", "-"), "tagready tag 1.4.0 --push")
    follow()
    assert seen() == (0, stand("*", "*", "*", "*", "-"), BY_HAND)
    upload(index)
    upload(project.path / "dist")
    assert seen() == (0, stand("*", "*", "*", "*", "as intended, as intended"), None)
    assert "done: nothing is left to do" in project.run("status", "1.4.0").out


@pytest.mark.parametrize("way", ["merge", "squash", "rebase"])
def test_from_nothing_to_the_remote_by_a_pull_request(project: Project, index: Path, way: str) -> None:
    def seen() -> tuple[int, dict[str, str], str | None]:
        done = status(project, "1.4.0")
        return done.code, states(done.json), done.json["next"]

    put(".github/workflows/release.yml", f"on: {{push: {{tags: ['v*']}}}}\n{UPLOADS}")(project)
    put("tagready.toml", 'flow = "pull-request"\n')(project)
    project.git("push", "-q")
    assert seen() == (0, stand("-", "-", "-", "-", "-"), "prepare-release 1.4.0")
    assert project.prepare("1.4.0", "--push").code == 0
    waiting = "merge release/1.4.0, then tagready tag 1.4.0 --push"
    assert seen() == (0, stand("*", "*", "-", "-", "-"), waiting)
    assert details(status(project, "1.4.0").json, "commit") == [
        f'{project.head("release/1.4.0")[:10]} "Release 1.4.0", on release/1.4.0'
    ]
    put("README", "Meanwhile\n")(project)
    {
        "merge": git("merge", "-q", "--no-ff", "-m", "Merge #7", "release/1.4.0"),
        "squash": run(git("merge", "-q", "--squash", "release/1.4.0"), git("commit", "-q", "--no-edit")),
        "rebase": git("cherry-pick", "release/1.4.0"),
    }[way](project)
    project.git("push", "-q")
    project.git("branch", "-q", "-D", "release/1.4.0")
    assert seen() == (0, stand("*", "*", "-", "-", "-"), "tagready tag 1.4.0 --push")
    assert project.run("tag", "1.4.0", "--push").code == 0
    assert seen() == (0, stand("*", "*", "*", "*", "-"), RE_RUN)


def test_a_release_that_waits_on_a_branch_of_the_remote(project: Project, tmp_path: Path) -> None:
    """A colleague has prepared it; here, only `git fetch` was run."""
    assert project.prepare("1.4.0", "--branch", "--push").code == 0
    waiting = project.head("release/1.4.0")
    project.git("branch", "-q", "-D", "release/1.4.0")
    answer = status(project, "1.4.0").json
    assert (answer["commit"], answer["next"]) == (waiting, "merge release/1.4.0, then tagready tag 1.4.0 --push")
    assert states(answer) == stand("*", "*", "-", "-")


@pytest.mark.parametrize("follows", [True, False])
def test_a_release_that_arrived_on_the_remotes_branch(prepared: Project, follows: bool) -> None:
    """The pull request was merged elsewhere; here, only `git fetch` was run."""
    run(git("push", "-q"), git("reset", "-q", "--hard", "HEAD^"))(prepared)
    if not follows:
        prepared.git("branch", "--unset-upstream")
    pull = f"git pull --ff-only{'' if follows else ' origin main'}"
    answer = status(prepared, "1.4.0").json
    assert (states(answer), answer["commit"]) == (stand("*", "*", "-", "-"), prepared.head("origin/main"))
    assert answer["next"] == f"{pull}, then tagready tag 1.4.0 --push"
    prepared.git(*pull.split()[1:], "-q")
    assert status(prepared, "1.4.0").json["next"] == "tagready tag 1.4.0 --push"


def test_a_fragment_came_after_a_release_that_arrived_on_the_remotes_branch(prepared: Project) -> None:
    brought = prepared.head()
    run(put("changelog.d/20.bugfix.md", "Late.\n"), git("push", "-q"), git("reset", "-q", "--hard", "HEAD^^"))(prepared)
    answer = status(prepared, "1.4.0").json
    assert answer["next"] == f"git pull --ff-only, then tagready tag 1.4.0 --commit {brought[:10]} --push"
    prepared.git("pull", "-q", "--ff-only")
    assert prepared.run("tag", "1.4.0", "--commit", brought[:10], "--push").code == 0


def test_on_the_branch_that_a_release_waits_on(project: Project) -> None:
    assert project.prepare("1.4.0", "--branch", "--push").code == 0
    project.git("switch", "-q", "release/1.4.0")
    answer = status(project, "1.4.0").json
    assert (states(answer), answer["findings"]) == (stand("*", "*", "-", "-"), [])
    assert answer["next"] == "merge release/1.4.0, then tagready tag 1.4.0 --push"
    assert status(project).json["next"] == "merge release/1.4.0, then tagready tag 1.4.0"


def test_on_a_topic_branch_that_began_at_a_release(prepared: Project) -> None:
    brought = prepared.head()
    run(git("push", "-q"), git("switch", "-q", "-c", "topic"), put("README", "Later\n"))(prepared)
    answer = status(prepared, "1.4.0").json
    assert (answer["commit"], answer["next"]) == (brought, f"tagready tag 1.4.0 --commit {brought[:10]} --push")


def test_a_release_that_waits_on_a_branch_by_the_projects_own_name(project: Project) -> None:
    put("tagready.toml", 'branch = "next-{version}"\n')(project)
    assert project.prepare("1.4.0", "--branch").code == 0
    assert status(project, "1.4.0").json["next"] == "merge next-1.4.0, then tagready tag 1.4.0 --push"


def pushed(project: Project) -> None:
    project.git("tag", "v1.4.0")
    project.git("push", "-q", "origin", "main", "v1.4.0")


TWICE = "\n".join(f"## 1.4.0 ({TODAY})\n\n- {word}\n" for word in ("One", "Two"))


def twice(project: Project) -> None:
    """Write a second entry for the version into the release commit."""
    project.write("CHANGELOG.md", project.read("CHANGELOG.md").replace("## 1.3.0", TWICE + "\n## 1.3.0"))
    project.git("commit", "-q", "--amend", "--no-edit", "CHANGELOG.md")


@pytest.mark.parametrize(
    ("arrange", "expected", "rules"),
    [
        pytest.param(run(), stand("*", "*", "-", "-"), [], id="prepared"),
        pytest.param(git("tag", "v1.4.0"), stand("*", "*", "*", "-"), [], id="tagged"),
        pytest.param(git("tag", "-a", "-m", "x", "v1.4.0"), stand("*", "*", "*", "-"), [], id="tagged, annotated"),
        pytest.param(pushed, stand("*", "*", "*", "*"), [], id="pushed"),
        pytest.param(run(pushed, git("tag", "-d", "v1.4.0")), stand("*", "*", "-", "*"), [], id="pushed by another"),
        pytest.param(
            run(git("tag", "-a", "-m", "x", "v1.4.0"), git("push", "-q", "origin", "main", "v1.4.0")),
            stand("*", "*", "*", "*"),
            [],
            id="pushed, annotated",
        ),
        pytest.param(
            run(git("push", "-q", "origin", "HEAD^:refs/tags/v1.4.0")),
            stand("*", "*", "-", "x"),
            ["tag-exists"],
            id="the remote's tag elsewhere",
        ),
        pytest.param(
            run(git("push", "-q", "origin", "HEAD^:refs/tags/v1.4.0"), git("tag", "v1.4.0")),
            stand("*", "*", "*", "x"),
            ["tag-exists"],
            id="the remote's tag elsewhere, ours right",
        ),
        pytest.param(
            run(git("tag", "-a", "-m", "x", "v1.4.0", "HEAD^"), git("push", "-q", "origin", "v1.4.0"),
                git("tag", "-d", "v1.4.0")),
            stand("*", "*", "-", "x"),
            ["tag-exists"],
            id="the remote's tag elsewhere, annotated",
        ),
        pytest.param(
            git("tag", "v1.4.0", "HEAD^"),
            stand("x", "-", "*", "-"),
            ["version-mismatch", "fragments-left-over", "fragments-left-over", "entry-missing"],
            id="our tag before the release",
        ),
        pytest.param(git("config", "remote.origin.url", "../nowhere"), stand("*", "*", "-", "?"), [], id="offline"),
        pytest.param(git("remote", "remove", "origin"), stand("*", "*", "-", "-"), [], id="no remote"),
        pytest.param(
            amend(edit("CHANGELOG.md", "- Mend it. (#13)\n", "")),
            stand("x", "x", "-", "-"),
            ["fragment-lost"],
            id="an entry that lacks a fragment",
        ),
        pytest.param(
            twice,
            stand("x", "x", "-", "-"),
            ["entry-duplicated"],
            id="two entries",
        ),
        pytest.param(
            run(git("switch", "-q", "-c", "topic"), git("branch", "-q", "-f", "main", "HEAD^")),
            stand("*", "*", "-", "-"),
            [],
            id="on a topic branch",
        ),
    ],
)  # fmt: skip
def test_each_place_of_a_release(prepared: Project, arrange: Step, expected: dict[str, str], rules: list[str]) -> None:
    arrange(prepared)
    done = status(prepared, "1.4.0")
    assert (states(done.json), done.rules, done.code) == (expected, rules, 1 if rules else 0)


def test_json_of_a_release_as_the_contract_has_it(prepared: Project, index: Path) -> None:
    pushed(prepared)
    upload(index)
    upload(prepared.path / "dist", **{SDIST: FILES[SDIST]})
    release = prepared.head()
    digests = {name: sha256(content).hexdigest() for name, content in FILES.items()}
    assert status(prepared, "1.4.0").json == {
        "schema": 1,
        "command": "status",
        "ok": True,
        "project": "demo",
        "version": "1.4.0",
        "tag": "v1.4.0",
        "commit": release,
        "findings": [],
        "skipped": [],
        "places": [
            {"place": "commit", "state": "as intended", "detail": f'{release[:10]} "Release 1.4.0"'},
            {"place": "entry", "state": "as intended", "detail": "CHANGELOG.md:5"},
            {"place": "local tag", "state": "as intended", "detail": f"v1.4.0 on {release[:10]}"},
            {"place": "remote tag", "state": "as intended", "detail": f"v1.4.0 on origin: {release[:10]}"},
            {
                "place": "index",
                "state": "unverifiable",
                "detail": f"{WHEEL} sha256:{digests[WHEEL]}: not in dist/ here, so nothing to compare",
            },
            {"place": "index", "state": "as intended", "detail": f"{SDIST} sha256:{digests[SDIST]}"},
        ],
        "next": None,
    }


def test_text_of_a_release(prepared: Project) -> None:
    done = prepared.run("status", "1.4.0")
    assert (done.code, done.err) == (0, "")
    release = prepared.head()[:10]
    assert [line.rstrip() for line in done.out.splitlines()][:5] == [
        "demo 1.4.0",
        f'  commit      * as intended   {release} "Release 1.4.0"',
        "  entry       * as intended   CHANGELOG.md:5",
        "  local tag   - absent        v1.4.0",
        "  remote tag  - absent        v1.4.0 on origin",
    ]
    assert done.out.splitlines()[-1] == "  next  tagready tag 1.4.0 --push"


@pytest.mark.parametrize("version", ["1.3.0", "1.4.0rc1", "2026.1"])
def test_a_version_of_another_time(prepared: Project, version: str) -> None:
    answer = status(prepared, version).json
    released = version == "1.3.0"
    assert (states(answer), answer["commit"]) == (
        (stand("*", "*", "*", "*"), prepared.head("v1.3.0")) if released else (stand("-", "-", "-", "-"), None)
    )


def test_a_release_of_long_ago_is_judged_at_its_tag(prepared: Project) -> None:
    pushed(prepared)
    run(
        put("changelog.d/30.feature.md", "Later.\n"),
        put("pyproject.toml", PYPROJECT.replace("1.3.0", "1.9.0")),
    )(prepared)
    answer = status(prepared, "1.4.0").json
    assert (states(answer), answer["commit"]) == (stand("*", "*", "*", "*"), prepared.head("v1.4.0"))


# -- the next command --------------------------------------------------------------------------------------------------


def bump(project: Project) -> None:
    project.write("pyproject.toml", project.read("pyproject.toml").replace("1.4.0", "1.5.0.dev0"))
    project.commit("Begin 1.5")


@pytest.mark.parametrize(
    ("arrange", "pattern"),
    [
        pytest.param(run(), r"tagready tag 1\.4\.0 --push", id="prepared"),
        pytest.param(git("remote", "remove", "origin"), r"tagready tag 1\.4\.0", id="prepared, no remote"),
        pytest.param(
            run(git("remote", "remove", "origin"), git("tag", "v1.4.0")), r"", id="tagged, no remote"
        ),
        pytest.param(
            run(pushed, git("tag", "-d", "v1.4.0")), "git fetch origin --tags", id="pushed by somebody else"
        ),
        pytest.param(
            amend(edit("CHANGELOG.md", "- Mend it. (#13)\n", "")), r"tagready verify v1\.4\.0 --commit [0-9a-f]{10}",
            id="spoiled",
        ),
        pytest.param(
            bump,
            r"tagready tag 1\.4\.0 --commit [0-9a-f]{10} --push",
            id="the next version begun",
        ),
        pytest.param(
            put("changelog.d/30.feature.md", "Later.\n"),
            r"tagready tag 1\.4\.0 --commit [0-9a-f]{10} --push",
            id="a later fragment",
        ),
    ],
)  # fmt: skip
def test_the_next_command_of_a_release(prepared: Project, arrange: Step, pattern: str) -> None:
    arrange(prepared)
    following = status(prepared, "1.4.0").json["next"] or ""
    assert re.fullmatch(pattern, following), following
    if following.startswith("tagready tag"):
        assert prepared.run(*following.split()[1:]).code == 0


def test_a_remote_that_does_not_answer_is_asked_again(prepared: Project) -> None:
    """Whether the tag is there decides what to do, so nothing is said of re-running a workflow."""
    pushed(prepared)
    prepared.git("remote", "set-url", "origin", str(prepared.path.with_name("nowhere")))
    assert status(prepared, "1.4.0").json["next"] == "ask again when origin answers: tagready status 1.4.0"


def test_a_release_of_which_only_the_remote_knows(prepared: Project, tmp_path: Path) -> None:
    """Somebody else released it, and nothing was fetched since."""
    pushed(prepared)
    for arguments in (
        ["tag", "-d", "v1.4.0"],
        ["reset", "-q", "--hard", "HEAD^"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        prepared.git(*arguments)
    assert (status(prepared, "1.4.0").json["next"] or "").startswith("git fetch")


# -- the index ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "here", "expected", "rules"),
    [
        pytest.param({}, {}, "absent", [], id="nothing there"),
        pytest.param({}, FILES, "absent", [], id="nothing there, all here"),
        pytest.param(FILES, FILES, "as intended, as intended", [], id="all there, and equal"),
        pytest.param(FILES, {}, "unverifiable, unverifiable", [], id="all there, none here"),
        pytest.param(FILES, {SDIST: b"sdist"}, "unverifiable, as intended", [], id="all there, one here"),
        pytest.param(FILES, {**FILES, SDIST: b"x"}, "as intended, conflicting", ["dist-conflict"], id="other sdist"),
        pytest.param(FILES, {**FILES, WHEEL: b"x"}, "conflicting, as intended", ["dist-conflict"], id="other wheel"),
        pytest.param(
            FILES, {SDIST: b"x", WHEEL: b"y"}, "conflicting, conflicting", ["dist-conflict"] * 2, id="other bytes"
        ),
        pytest.param(
            FILES,
            {**FILES, "demo-1.3.0.tar.gz": b"x", "README": b"x", "demo-1.4.0.tar.gz.asc": b"x"},
            "as intended, as intended",
            [],
            id="other files here",
        ),
        pytest.param({"demo-1.4.0.post1.tar.gz": b"x", "demo-1.4.0rc1.tar.gz": b"x"}, {}, "absent", [], id="others"),
        pytest.param({SDIST: b"sdist"}, FILES, "absent, as intended", [], id="only the sdist there"),
        pytest.param({WHEEL: b"wheel"}, FILES, "as intended, absent", [], id="only the wheel there"),
    ],
)
def test_files_on_a_real_index(
    prepared: Project, index: Path, there: dict[str, bytes], here: dict[str, bytes], expected: str, rules: list[str]
) -> None:
    pushed(prepared)
    if there:
        upload(index, **there)
    if here:
        upload(prepared.path / "dist", **here)
    done = status(prepared, "1.4.0")
    assert (states(done.json), done.rules, done.code) == (stand("*", "*", "*", "*", expected), rules, 1 if rules else 0)
    assert not rules or done.json["next"] == "tagready add, and commit; then prepare-release 1.4.1"
    for detail in details(done.json, "index"):
        name = detail.split(" ")[0]
        if name in there:
            assert f"sha256:{sha256(there[name]).hexdigest()}" in detail


@pytest.mark.parametrize("other", [SDIST, pytest.param(WHEEL)])
def test_other_bytes_are_never_the_end(prepared: Project, index: Path, other: str) -> None:
    pushed(prepared)
    upload(index)
    upload(prepared.path / "dist", **{**FILES, other: b"other"})
    done = prepared.run("status", "1.4.0")
    assert (done.code, "dist-conflict" in done.err) == (1, True)
    assert "nothing is left to do" not in done.out


@pytest.mark.parametrize(
    ("answer", "state", "detail"),
    [
        pytest.param(
            page(html_page((f'href="{SDIST}"', SDIST))), "?", f"{SDIST}: the index gives no SHA-256", id="no hash"
        ),
        pytest.param(
            page(html_page((f'href="{SDIST}#md5=00"', SDIST))), "?", f"{SDIST}: the index gives no SHA-256", id="MD5"
        ),
        pytest.param(
            page(json_page({"filename": SDIST, "hashes": {"sha256": sha256(b"sdist").hexdigest()}}), JSON),
            "*",
            f"{SDIST} sha256:{sha256(b'sdist').hexdigest()}",
            id="JSON",
        ),
        pytest.param(
            page(json_page({"filename": SDIST, "hashes": {"sha256": sha256(b"x").hexdigest()}, "yanked": True}), JSON),
            "x",
            f"{SDIST} sha256:{sha256(b'x').hexdigest()}",
            id="JSON, other bytes, yanked",
        ),
        pytest.param(page("Not here.", status=404), "-", "no file of 1.4.0", id="unknown project"),
        pytest.param(page("Broken.", status=503), "?", "it answers 503 Service Unavailable", id="broken"),
        pytest.param(page("<html><body>Log in</body></html>", HTML), "?", "its answer cannot be read", id="login"),
        pytest.param(indexes.hang_up, "?", "could not be asked", id="hangs up"),
    ],
)
def test_an_index_of_another_kind(
    prepared: Project, monkeypatch: pytest.MonkeyPatch, answer: indexes.Answer, state: str, detail: str
) -> None:
    upload(prepared.path / "dist", **{SDIST: b"sdist"})
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with faulty(answer) as server:
        monkeypatch.setenv("TAGREADY_INDEX_URL", server.url)
        found = status(prepared, "1.4.0").json
    assert states(found) == stand("*", "*", "-", "-", state)
    assert detail in details(found, "index")[0]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:9/simple/", "could not be asked"),
        ("http://example.org/simple/", "plain http"),
        ("nonsense", "is not the address of an index"),
    ],
)
def test_an_index_that_is_not_there(
    prepared: Project, monkeypatch: pytest.MonkeyPatch, address: str, words: str
) -> None:
    monkeypatch.setenv("TAGREADY_INDEX_URL", address)
    answer = status(prepared, "1.4.0").json
    assert (states(answer), answer["next"]) == (stand("*", "*", "-", "-"), "tagready tag 1.4.0 --push")
    assert words in details(answer, "index")[0]


def test_what_could_not_be_asked_is_not_done(prepared: Project) -> None:
    pushed(prepared)
    done = prepared.run("status", "1.4.0")
    assert (done.code, "unverifiable" in done.out) == (0, True)
    assert "nothing is left to do" not in done.out


# -- shallow clones ----------------------------------------------------------------------------------------------------


def clone(project: Project, target: Path, *options: str) -> Project:
    remote = project.path.with_name("remote.git").as_uri()
    subprocess.run(["git", "clone", "-q", *options, remote, str(target)], check=True)
    return Project(target)


@pytest.mark.parametrize(
    ("options", "tag", "expected", "following"),
    [
        pytest.param(
            ["--depth=1"], False, stand("?", "?", "-", "-"), "git fetch --unshallow --tags", id="cut off, untagged"
        ),
        pytest.param(["--depth=1", "--branch=v1.4.0"], True, stand("*", "*", "*", "*"), None, id="cut off at the tag"),
        pytest.param(["--depth=2"], False, stand("*", "*", "-", "-"), "tagready tag 1.4.0 --push", id="deep enough"),
        pytest.param([], False, stand("*", "*", "-", "-"), "tagready tag 1.4.0 --push", id="whole"),
    ],
)
def test_shallow(
    prepared: Project, tmp_path: Path, options: list[str], tag: bool, expected: dict[str, str], following: str | None
) -> None:
    pushed(prepared) if tag else prepared.git("push", "-q", "origin", "main")
    shallow = clone(prepared, tmp_path / "clone", *options)
    answer = status(shallow, "1.4.0").json
    assert (states(answer), answer["next"], answer["ok"]) == (expected, following, True)


def test_the_next_release_in_a_shallow_clone(project: Project, tmp_path: Path) -> None:
    shallow = clone(project, tmp_path / "clone", "--depth=1")
    answer = status(shallow).json
    assert [each["text"] for each in answer["pending"]] == ["Add colour.", "Mend it."]


def test_a_shallow_clone_does_not_guess_the_version(project: Project, tmp_path: Path) -> None:
    answer = status(clone(project, tmp_path / "clone", "--depth=1")).json
    assert (answer["version"], bool(answer["skipped"])) == (None, True)
    assert answer["next"] == "git fetch --unshallow --tags"


def test_a_linked_worktree(prepared: Project, tmp_path: Path) -> None:
    prepared.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "topic", "HEAD")
    done = Project(tmp_path / "tree").run("status", "1.4.0", "--format", "json")
    assert (done.code, states(done.json)) == (0, stand("*", "*", "-", "-"))


def test_an_empty_changelog_and_no_tag_at_all(tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo", changelog=None, tag=None)
    answer = status(project, "1.4.0").json
    assert (states(answer), answer["next"]) == (stand("-", "-", "-", "-"), "prepare-release 1.4.0")
