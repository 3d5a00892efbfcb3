"""tagready notes: a release's entry, byte for byte, or as Markdown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from projects import MARKER, PYPROJECT, RST_MARKER, Project, make_project

Arrange = Callable[[Project], object]

RST = PYPROJECT.replace("CHANGELOG.md", "NEWS.rst").replace('"## {version} ({project_date})"', '"{version}"')

BODY = """\
Some words, *before* all categories.

### Features

- Add colour. (#12)
  ```python
  ## 9.9.9 (2026-01-01)
  ```
-   Spaces,   tabs\tand trailing blanks  \n  and a <b>tag</b> &amp; a \\backslash.

### Bugfixes

- 日本 → ✓ (#13)
"""

LOG = f"""\
# Changelog

{MARKER}

## 1.4.0 (2026-02-03)


{BODY}

## 1.3.0 (2026-01-01)

- The first one. (#1)
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with 1.3.0, 1.4.0 and a commit after them, whose tree states 1.4.0."""
    project = make_project(tmp_path_factory.mktemp("template") / "demo", fragments={})
    project.write("CHANGELOG.md", LOG)
    project.write("pyproject.toml", PYPROJECT.replace("1.3.0", "1.4.0"))
    project.commit("Release 1.4.0")
    project.git("tag", "-a", "-m", "x", "v1.4.0")
    project.commit("Later", README="Later\n")
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    return template.copy(tmp_path / "demo")


def printed(folder: Path, *arguments: str, **environment: str) -> bytes:
    """What a process of its own writes to its standard output, which must be all that it writes."""
    done = subprocess.run(
        [sys.executable, "-m", "tagready", "notes", *arguments],
        cwd=folder,
        capture_output=True,
        env=os.environ | environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return done.stdout


def relog(log: str | bytes, name: str = "CHANGELOG.md") -> Arrange:
    """Have a changelog where the tag v1.4.0 is."""

    def arrange(project: Project) -> None:
        project.write(name, log)
        project.commit("Reword")
        project.git("tag", "-f", "v1.4.0")

    return arrange


# -- byte for byte -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [(), ("--format", "text"), ("--format", "md")])
def test_exact_bytes(project: Project, form: tuple[str, ...]) -> None:
    assert printed(project.path, "v1.4.0", *form) == BODY.encode()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"COLUMNS": "20", "FORCE_COLOR": "1"},
    ],
)
def test_whatever_the_terminal_is(project: Project, environment: dict[str, str]) -> None:
    assert printed(project.path, "v1.4.0", **environment) == BODY.encode()


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        pytest.param(
            LOG.encode().replace("日本".encode(), b"caf\xe9 \xff\xfe"),
            BODY.encode().replace("日本".encode(), b"caf\xe9 \xff\xfe"),
            id="bytes that are no UTF-8",
        ),
        pytest.param(LOG.replace("\n", "\r\n").encode(), BODY.encode(), id="CRLF becomes LF, as in every entry"),
        pytest.param(b"\xef\xbb\xbf" + LOG.encode(), BODY.encode(), id="a byte order mark"),
        pytest.param(LOG[: LOG.index("\n\n## 1.3.0")].encode(), BODY.encode(), id="the last entry of the file"),
        pytest.param(LOG[: LOG.index("\n\n\n## 1.3.0")].encode(), BODY.encode(), id="no newline at the end"),
        pytest.param(LOG.replace("\n\n\n", "\n").encode(), BODY.encode(), id="no blank line below the heading"),
        pytest.param(
            LOG.replace("## 1.4.0 (2026-02-03)", "1.4.0 (2026-02-03)\n------------------").encode(),
            BODY.encode(),
            id="a heading with an underline",
        ),
        pytest.param(
            LOG.replace("## 1.4.0 (2026-02-03)", '<a id="x"></a>\n## [v1.4.0](https://e.org) - 2026-02-03').encode(),
            BODY.encode(),
            id="a linked heading and an anchor",
        ),
        pytest.param(
            LOG.replace("## 1.3.0", "## 1.4.0.post1 (2026-02-04)\n\n- x\n\n## 1.4.0rc1\n\n- x\n\n## 1.3.0").encode(),
            BODY.encode(),
            id="versions that look alike",
        ),
    ],
)  # fmt: skip
def test_changelogs(project: Project, log: bytes, expected: bytes) -> None:
    relog(log)(project)
    assert printed(project.path, "v1.4.0") == expected


@pytest.mark.parametrize("body", ["  - One\n  - Two\n", "    code\n\n    code\n"])
def test_blanks_before_the_first_line(project: Project, body: str) -> None:
    relog(LOG.replace(BODY, body))(project)
    assert project.run("notes", "v1.4.0").out == body


def test_a_release_that_was_prepared(tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo")
    assert project.prepare("1.4.0", "--tag").code == 0
    assert printed(project.path) == b"### Features\n\n- Add colour. (#12)\n\n### Bugfixes\n\n- Mend it. (#13)\n"


# -- which release -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrange", "arguments", "text"),
    [
        pytest.param("HEAD", ["v1.4.0"], BODY, id="a tag"),
        pytest.param(
            "HEAD", ["v1.3.0"], "### Features\n\n- The first one. (#1)\n", id="an older tag, as it was tagged"
        ),
        pytest.param("v1.4.0", [], BODY, id="the tag on HEAD"),
        pytest.param("v1.3.0", [], "### Features\n\n- The first one. (#1)\n", id="the older tag on HEAD"),
        pytest.param("HEAD", [], BODY, id="what HEAD states"),
    ],
)
def test_which_release(project: Project, arrange: str, arguments: list[str], text: str) -> None:
    project.git("checkout", "-q", arrange)
    before = project.fingerprint()
    done = project.run("notes", *arguments)
    assert (done.code, done.out, project.fingerprint()) == (0, text, before)


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("tag", "v1.3.0", "### Features\n\n- The first one. (#1)\n"),
        ("branch", "v1.3.0", BODY),
        ("tag", "", BODY),
        ("", "v1.3.0", BODY),
    ],
)
def test_the_tag_of_the_workflows_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str, name: str, text: str
) -> None:
    monkeypatch.setenv("GITHUB_REF_TYPE", kind)
    monkeypatch.setenv("GITHUB_REF_NAME", name)
    assert project.run("notes").out == text
    assert project.run("notes", "v1.4.0").out == BODY  # what is asked for wins


def test_a_release_tag_wins_over_others_on_head(project: Project) -> None:
    project.git("checkout", "-q", "v1.4.0")
    for name in ("a-first", "nightly", "zzz", "other-9.0"):
        project.git("tag", name)
    assert project.run("notes", "--format", "json").json["tag"] == "v1.4.0"


def test_what_lies_in_the_working_tree_does_not_matter(project: Project) -> None:
    project.write("CHANGELOG.md", "Edited\n")
    project.write("pyproject.toml", "nonsense =")
    assert project.run("notes").out == BODY


def test_before_the_tag_where_the_changelog_alone_states_the_version(tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace('version = "1.3.0"   # bumped by tagready', 'dynamic = ["version"]')
    project = make_project(
        tmp_path / "demo", pyproject=pyproject + '\n[tool.tagready]\nversion-source = "tag"\n', changelog=LOG
    )
    answer = project.run("notes", "--format", "json").json
    assert (answer["version"], answer["tag"], answer["notes"]) == ("1.4.0", "v1.4.0", BODY)


def test_a_changelog_for_each_release(tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace('filename = "CHANGELOG.md"', 'filename = "news/{version}.md"\nsingle_file = false')
    project = make_project(tmp_path / "demo", pyproject=pyproject, changelog=None)
    assert project.prepare("1.4.0", "--tag").code == 0
    answer = project.run("notes", "--format", "json").json
    assert (answer["changelog"], answer["notes"].startswith("### Features\n\n- Add colour.")) == ("news/1.4.0.md", True)


def test_a_bare_clone(project: Project, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--bare", str(project.path), str(tmp_path / "bare.git")], check=True)
    assert printed(tmp_path / "bare.git", "v1.4.0") == BODY.encode()
    assert printed(tmp_path / "bare.git") == BODY.encode()


@pytest.mark.parametrize("branch", ["v1.4.0", "main"])
def test_a_shallow_clone(project: Project, tmp_path: Path, branch: str) -> None:
    address = project.path.as_uri()
    subprocess.run(["git", "clone", "-q", "--depth=1", "-b", branch, address, str(tmp_path / "clone")], check=True)
    assert printed(tmp_path / "clone") == BODY.encode()


def test_from_a_folder_below(project: Project) -> None:
    below = project.write("src/deep/x.py", "").parent
    assert printed(below, "v1.4.0") == BODY.encode()


# -- where it goes, and how --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--output", "-o"])
def test_to_a_file(project: Project, option: str) -> None:
    relog(LOG.encode().replace("日本".encode(), b"\xff"))(project)
    assert printed(project.path / "changelog.d", "v1.4.0", option, "notes.md") == b""
    written = project.path / "changelog.d/notes.md"
    assert written.read_bytes() == BODY.encode().replace("日本".encode(), b"\xff")
    written.unlink()
    absolute = project.path.with_name("notes.md")
    assert project.run("notes", "v1.4.0", option, str(absolute)).code == 0
    assert absolute.read_bytes() == BODY.encode().replace("日本".encode(), b"\xff")


def test_to_a_file_as_json(project: Project, tmp_path: Path) -> None:
    shown = project.run("notes", "v1.4.0", "--format", "json")
    done = project.run("notes", "v1.4.0", "--format", "json", "--output", str(tmp_path / "notes.json"))
    assert (done.out, (tmp_path / "notes.json").read_text("utf-8")) == ("", shown.out)


def test_to_a_file_that_cannot_be_written(project: Project) -> None:
    done = project.run("notes", "v1.4.0", "--output", "nowhere/notes.md", "--format", "json")
    what = "nowhere/notes.md cannot be written: No such file or directory"
    assert (done.code, done.json["error"]["what"]) == (2, what)


def test_a_refusal_writes_no_file(project: Project) -> None:
    project.write("notes.md", "kept\n")
    done = project.run("notes", "v9", "--output", "notes.md")
    assert (done.code, done.err.endswith("\nNo notes: 1 finding.\n")) == (1, True), done.err
    assert project.read("notes.md") == "kept\n"


def test_json_as_the_contract_has_it(project: Project) -> None:
    assert project.run("notes", "v1.4.0", "--format", "json").json == {
        "schema": 1,
        "command": "notes",
        "ok": True,
        "project": "demo",
        "version": "1.4.0",
        "tag": "v1.4.0",
        "commit": project.head("v1.4.0^{commit}"),
        "findings": [],
        "skipped": [],
        "changelog": "CHANGELOG.md",
        "notes": BODY,
    }


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8",
        pytest.param("ascii"),
    ],
)
def test_json_of_bytes_that_are_no_utf8(project: Project, encoding: str) -> None:
    relog(LOG.encode().replace("日本".encode(), b"\xff"))(project)
    written = printed(project.path, "v1.4.0", "--format", "json", PYTHONIOENCODING=encoding)
    text = json.loads(written)["notes"]
    surrogates = sum("\ud800" <= letter <= "\udfff" for letter in text)  # which nothing may print, not even pytest
    assert surrogates == 0
    assert re.sub("[?\ufffd]", "日本", text) == BODY


# -- as Markdown -------------------------------------------------------------------------------------------------------

RST_BODY = """\
Features
--------

- Add ``colour`` to `the docs <https://example.org/a_b>`__ and :func:`demo.paint`. (#12)

  .. code-block:: python

     paint(*args)

Bugfixes
--------

- Mend it,
  at last. (#13)
"""
RST_TITLE = "=========\nChangelog\n=========\n\n"
RST_LOG = f"{RST_TITLE}{RST_MARKER}\n\n1.4.0\n=====\n\n{RST_BODY}\n\n1.3.0\n=====\n\n- The first one.\n"


@pytest.fixture
def rst(tmp_path: Path) -> Project:
    project = make_project(tmp_path / "demo", pyproject=RST.replace("1.3.0", "1.4.0"), changelog=None, fragments={})
    relog(RST_LOG, "NEWS.rst")(project)
    return project


@pytest.mark.parametrize("form", [(), ("--format", "text")])
def test_restructuredtext_as_written(rst: Project, form: tuple[str, ...]) -> None:
    assert printed(rst.path, "v1.4.0", *form) == RST_BODY.encode()


def test_restructuredtext_as_markdown(rst: Project) -> None:
    text = printed(rst.path, "v1.4.0", "--format", "md").decode()
    lines = text.split("\n")
    assert [line for line in lines if line.startswith("#")] == ["## Features", "## Bugfixes"]
    assert [line[:9] for line in lines if line.startswith("- ")] == ["- Add `co", "- Mend it"]
    assert "`colour`" in text
    assert "[the docs](https://example.org/a_b)" in text
    assert "paint(*args)" in text
    assert (text.endswith("\n"), text.endswith("\n\n"), "::" in text, "``" in text.replace("```", "")) == (
        (True, False, False, False)
    )
    kinds = [token.type for token in MarkdownIt("commonmark").parse(text) if token.level == 0 and token.nesting == 1]
    assert kinds == ["heading_open", "bullet_list_open", "heading_open", "bullet_list_open"]


def test_restructuredtext_in_json_is_as_written(rst: Project) -> None:
    assert rst.run("notes", "v1.4.0", "--format", "json").json["notes"] == RST_BODY


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrange", "arguments", "findings"),
    [
        pytest.param(None, ["v1.5.0"], [("tag-missing", None, None)], id="no such tag"),
        pytest.param(None, ["1.4.0"], [("tag-missing", None, None)], id="a version is no tag"),
        pytest.param(
            relog(LOG.replace("1.4.0", "1.4.1")), ["v1.4.0"], [("entry-missing", "CHANGELOG.md", None)], id="no entry"
        ),
        pytest.param(
            relog(LOG.replace("## 1.4.0", "## 1.4.00 beta")), ["v1.4.0"], [("entry-missing", "CHANGELOG.md", None)],
            id="a heading that only looks like it",
        ),
        pytest.param(
            relog(LOG.replace("## 1.4.0", "```\n## 1.4.0").replace("## 1.3.0", "```\n\n## 1.3.0")),
            ["v1.4.0"],
            [("entry-missing", "CHANGELOG.md", None)],
            id="an entry in a code block",
        ),
        pytest.param(
            relog(LOG.replace(BODY, "")), ["v1.4.0"], [("entry-empty", "CHANGELOG.md", 5)], id="an empty entry"
        ),
        pytest.param(
            relog(LOG.replace("## 1.3.0", "## 1.4.0\n\n- Again.\n\n## 1.3.0")),
            ["v1.4.0"],
            [("entry-duplicated", "CHANGELOG.md", 24)],
            id="two entries",
        ),
        pytest.param(
            lambda project: (project.git("rm", "-q", "CHANGELOG.md"), project.commit(), project.git("tag", "v1.4")),
            ["v1.4"],
            [("entry-missing", "CHANGELOG.md", None)],
            id="no changelog",
        ),
    ],
)  # fmt: skip
def test_refusals(
    project: Project, arrange: Arrange | None, arguments: list[str], findings: list[tuple[str, str | None, int | None]]
) -> None:
    if arrange is not None:
        arrange(project)
    before = project.fingerprint()
    done = project.run("notes", *arguments, "--format", "json")
    assert (done.code, done.json["ok"], project.fingerprint()) == (1, False, before)
    assert [(found["rule"], found["path"], found["line"]) for found in done.json["findings"]] == findings
    for form in ("text", "md"):
        shown = project.run("notes", *arguments, "--format", form)
        assert (shown.code, shown.out) == (1, "")  # so that `notes > file` leaves nothing to publish
        assert findings[0][0] in shown.err


def test_a_version_that_was_never_released_as_head_states_it(project: Project) -> None:
    project.write("pyproject.toml", PYPROJECT.replace("1.3.0", "1.5.0.dev0"))
    project.commit("Begin 1.5")
    assert project.run("notes", "--format", "json").rules == ["entry-missing"]


def test_only_what_is_wrong_with_the_entry_is_told(project: Project) -> None:
    """A version that does not match is for `verify`; the notes can be read all the same."""
    project.write("pyproject.toml", PYPROJECT)
    project.commit("Forget the version")
    project.git("tag", "-f", "v1.4.0")
    assert project.run("notes", "v1.4.0").out == BODY


@pytest.mark.parametrize("arguments", [("a", "b"), ("--format", "xml"), ("--format", "github"), ("--nonsense",)])
def test_a_usage_error_prints_nothing_on_standard_output(project: Project, arguments: tuple[str, ...]) -> None:
    done = project.run("notes", *arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage:" in done.err


def test_no_repository(tmp_path: Path) -> None:
    done = Project(tmp_path).run("notes")
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize(
    ("command", "name", "fix"),
    [
        ("notes", "9.9", "git fetch origin tag v9.9"),
        ("notes", "v9.9", "git fetch origin tag v9.9"),
        ("build", "1.3.0", "name v1.3.0"),
        ("verify", "v1.3.1", "name v1.3.0, or git fetch origin tag v1.3.1"),
        ("verify", "foo", "see which there are: git fetch --tags origin && git tag"),
    ],
)
def test_a_tag_that_is_not_here_is_fetched_by_the_name_that_it_has(
    project: Project, command: str, name: str, fix: str
) -> None:
    project.git("remote", "add", "origin", "../nowhere.git")
    (found,) = project.run(command, name, "--format", "json").json["findings"]
    assert (found["rule"], found["fix"]) == ("tag-missing", fix)


def test_where_no_release_was_tagged_a_tag_is_fetched_as_it_was_named(project: Project) -> None:
    project.git("remote", "add", "origin", "../nowhere.git")
    project.git("tag", "-d", *project.git("tag").split())
    (found,) = project.run("notes", "9.9", "--format", "json").json["findings"]
    assert found["fix"] == "git fetch origin tag 9.9"
