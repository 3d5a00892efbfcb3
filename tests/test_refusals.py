"""The refusal table: every precondition, alone and several together; not a byte changes."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from projects import CHANGELOG, MARKER, PYPROJECT, RST_MARKER, Project, add_remote, make_project
from steps import Step, git, put, remove, run, write
from tagready.doors import git as git_door

Make = Callable[..., Project]

RST = PYPROJECT.replace("CHANGELOG.md", "NEWS.rst").replace('"## {version} ({project_date})"', '"{version}"')
HANGS = "Text::\n\n" + "".join(f"            line {number}\n" for number in range(14)) + "\nAnd more.\n"


def fragment(name: str, text: str | bytes = "Something.\n") -> Step:
    return put(f"changelog.d/{name}", text)


def keys(text: str) -> Step:
    return put("pyproject.toml", f"{PYPROJECT}\n[tool.tagready]\n{text}\n")


def remote(project: Project) -> None:
    add_remote(project, project.path.with_name("remote"))


CONFLICT = run(
    put("conflict", "base"),
    git("switch", "-q", "-c", "side"),
    put("conflict", "side"),
    git("switch", "-q", "main"),
    put("conflict", "main"),
)
AHEAD = run(
    remote,
    git("commit", "-q", "--allow-empty", "-m", "More"),
    git("push", "-q"),
    git("reset", "-q", "--hard", "HEAD^"),
)
BRANCHED = run(
    git("branch", "-q", "release/1.4.0"),
    git("commit", "-q", "--allow-empty", "-m", "More"),
)
HOOK = '\n[[tool.tagready.hooks.before-commit]]\nadds = ["{adds}"]\nrun = "{run}"\n'


def hook(command: str, adds: str = "AUTHORS") -> Step:
    return put("pyproject.toml", PYPROJECT + HOOK.format(run=command, adds=adds))


# name: (what is done to a good project, the rules that refuse, further arguments)
TABLE: dict[str, tuple[Step, list[str]] | tuple[Step, list[str], list[str]]] = {
    "tag here, on this commit": (git("tag", "v1.4.0"), ["tag-exists"]),
    "tag here, on another branch": (
        run(
            git("switch", "-q", "-c", "side"), put("x", ""), git("tag", "v1.4.0"), git("switch", "-q", "main")
        ),
        ["tag-exists"],
    ),
    "annotated tag here": (git("tag", "-a", "-m", "x", "v1.4.0"), ["tag-exists"]),
    "tag on the remote only": (
        run(git("tag", "v1.4.0"), remote, git("tag", "-d", "v1.4.0")),
        ["tag-exists"],
    ),
    "annotated tag on the remote only": (
        run(git("tag", "-a", "-m", "x", "v1.4.0"), remote, git("tag", "-d", "v1.4.0")),
        ["tag-exists"],
    ),
    "topic branch that lacks main's tip": (
        run(git("switch", "-q", "-c", "topic"), git("branch", "-f", "main", "HEAD^"), git("switch", "-q", "main"),
            put("x", ""), git("switch", "-q", "topic")),
        ["branch-not-allowed"],
    ),
    "a branch that release-branches leaves out": (keys('release-branches = ["stable"]'), ["branch-not-allowed"]),
    "the branch of a release that main has left behind": (
        run(git("switch", "-q", "-c", "release/1.4.0"), git("switch", "-q", "main"), put("x", ""),
            git("switch", "-q", "release/1.4.0")),
        ["branch-not-allowed"],
    ),
    "behind the upstream": (AHEAD, ["branch-behind"]),
    "behind the upstream, on a branch": (AHEAD, ["branch-behind"], ["--branch"]),
    "diverged from the upstream": (run(AHEAD, put("x", "")), ["branch-behind"]),
    "branch with other content": (BRANCHED, ["branch-exists"], ["--branch"]),
    "branch with other content, by name": (
        run(git("branch", "-q", "mine"), put("x", "")), ["branch-exists"], ["--branch", "mine"],
    ),
    "detached": (git("switch", "-q", "--detach"), ["head-detached"]),
    "detached, on a branch": (git("switch", "-q", "--detach"), ["head-detached"], ["--branch"]),
    "in a merge": (run(CONFLICT, git("merge", "-q", "side", check=False)), ["head-detached"]),
    "in a cherry-pick": (run(CONFLICT, git("cherry-pick", "side", check=False)), ["head-detached"]),
    "in a revert": (run(CONFLICT, git("revert", "HEAD^", check=False)), ["head-detached"]),
    "in a bisection": (git("bisect", "start"), ["head-detached"]),
    "in a rebase": (run(CONFLICT, git("rebase", "side", check=False)), ["head-detached", "head-detached"]),
    "changelog edited": (write("CHANGELOG.md", "Edited\n" + CHANGELOG), ["tree-dirty"]),
    "changelog staged": (run(write("CHANGELOG.md", "Edited\n" + CHANGELOG), git("add", ".")), ["tree-dirty"]),
    "changelog staged, then put back": (
        run(write("CHANGELOG.md", "x"), git("add", "."), write("CHANGELOG.md", CHANGELOG)),
        ["tree-dirty"],
    ),
    "changelog deleted": (remove("CHANGELOG.md"), ["tree-dirty"]),
    "changelog renamed in the index": (git("mv", "CHANGELOG.md", "NEWS.md"), ["tree-dirty"]),
    "changelog made executable": (lambda project: (project.path / "CHANGELOG.md").chmod(0o755), ["tree-dirty"]),
    "changelog untracked": (git("rm", "-q", "--cached", "CHANGELOG.md"), ["tree-dirty"]),
    "changelog in conflict": (
        run(git("switch", "-q", "-c", "side"), put("CHANGELOG.md", f"side\n{MARKER}\n"),
            git("switch", "-q", "main"), put("CHANGELOG.md", f"main\n{MARKER}\n"),
            git("merge", "-q", "side", check=False)),
        ["head-detached", "tree-dirty"],
    ),
    "version edited": (write("pyproject.toml", PYPROJECT.replace("1.3.0", "1.4.0")), ["tree-dirty"]),
    "changelog there, never committed": (
        run(git("rm", "-q", "CHANGELOG.md"), git("commit", "-q", "-m", "x"), write("CHANGELOG.md", CHANGELOG)),
        ["tree-dirty"],
    ),
    "changelog there, and ignored": (
        run(git("rm", "-q", "CHANGELOG.md"), git("commit", "-q", "-m", "x"), put(".gitignore", "CHANGELOG.md\n"),
            write("CHANGELOG.md", CHANGELOG)),
        ["tree-dirty"],
    ),
    "version file missing": (keys('version-files = ["src/x.py"]'), ["version-unwritable"]),
    "version file without a match": (
        run(put("x.py", "version = 3\n"), keys('version-files = ["x.py"]')), ["version-unwritable"],
    ),
    "version file with two matches": (
        run(put("x", "v1.3.0 v1.3.0\n"), keys('version-files = [{path = "x", pattern = "v{version}"}]')),
        ["version-unwritable"],
    ),
    "two version files": (keys('version-files = ["x", "y"]'), ["version-unwritable", "version-unwritable"]),
    "not newer": (git("tag", "v1.5.0", "HEAD^"), ["version-not-newer"]),
    "older than a pre-release": (git("tag", "v1.4.1rc1", "HEAD^"), ["version-not-newer"]),
    "older than its own line": (git("tag", "v2.0.0"), ["version-not-newer"]),
    "the same as another spelling of the tag": (git("tag", "v1.4", "HEAD^"), ["version-not-newer"]),
    "nothing": (run(git("rm", "-q", "changelog.d/*.md"), git("commit", "-q", "-m", "x")), ["nothing-to-release"]),
    "nothing, and no folder": (
        run(git("rm", "-rq", "changelog.d"), git("commit", "-q", "-m", "x")), ["nothing-to-release"],
    ),
    "entry there": (
        put("CHANGELOG.md", CHANGELOG.replace("## 1.3.0", "## 1.4.0 (2026-01-02)\n\nX\n\n## 1.3.0")),
        ["entry-exists"],
    ),
    "entry there, linked": (
        put("CHANGELOG.md", CHANGELOG.replace("## 1.3.0", "## [v1.4.0](x) - 2026-01-02\n\nX\n\n## 1.3.0")),
        ["entry-exists"],
    ),
    "no marker": (put("CHANGELOG.md", "# Changelog\n\nAll the news.\n"), ["changelog-marker-missing"]),
    "no marker above the entries": (
        put("CHANGELOG.md", CHANGELOG.replace(MARKER, "")), ["changelog-marker-missing"],
    ),
    "marker without its newline": (put("CHANGELOG.md", f"# Changelog\n\n{MARKER}"), ["changelog-marker-missing"]),
    "unknown type": (fragment("14.feat.md"), ["fragment-ignored"]),
    "misspelled type": (fragment("14.bugfixl.md"), ["fragment-ignored"]),
    "no issue": (fragment("fix.5924.md"), ["fragment-ignored"]),
    "no type": (fragment("14.md.txt"), ["fragment-ignored"]),
    "no words": (fragment("news"), ["fragment-ignored"]),
    "a tilde": (fragment("14.feature.md~"), ["fragment-leftover-copy"]),
    "a backup": (fragment("14.feature.md.bak"), ["fragment-leftover-copy"]),
    "an original": (fragment("14.feature.md.orig"), ["fragment-leftover-copy"]),
    "a reject": (fragment("14.feature.md.rej"), ["fragment-leftover-copy"]),
    "a swap file": (fragment("14.feature.md.swp"), ["fragment-leftover-copy"]),
    "a copy beside its fragment": (
        fragment("12.feature.md.orig"), ["fragment-duplicated", "fragment-leftover-copy"],
    ),
    "empty": (fragment("14.feature.md", ""), ["fragment-empty"]),
    "blank": (fragment("14.feature.md", " \n\t\n"), ["fragment-empty"]),
    "empty orphan": (fragment("+x.bugfix.md", "\n"), ["fragment-empty"]),
    "Latin-1": (fragment("14.feature.md", "Caf\xe9.\n".encode("latin-1")), ["fragment-malformed"]),
    "UTF-16": (fragment("14.feature.md", "News.\n".encode("utf-16")), ["fragment-malformed"]),
    "conflict markers": (
        fragment("14.feature.md", "<<<<<<< ours\nA\n=======\nB\n>>>>>>> theirs\n"), ["fragment-malformed"],
    ),
    "conflict markers, CRLF": (
        fragment("14.feature.md", "<<<<<<< ours\r\nA\r\n=======\r\nB\r\n>>>>>>> theirs\r\n"), ["fragment-malformed"],
    ),
    "a heading": (fragment("14.feature.md", "Text.\n\n## Big\n"), ["fragment-malformed"]),
    "a heading as high as a category": (fragment("14.feature.md", "Text.\n\n### Big\n"), ["fragment-malformed"]),
    "an underlined heading": (fragment("14.feature.md", "Big\n===\n\nText.\n"), ["fragment-malformed"]),
    "an open fence": (fragment("14.feature.md", "Text:\n\n```python\nx\n"), ["fragment-malformed"]),
    "an open fence of tildes": (fragment("14.feature.md", "~~~~\nx\n~~~\n"), ["fragment-malformed"]),
    "an issue against the pattern": (
        run(put("pyproject.toml", PYPROJECT + 'issue_pattern = "[0-9]+"\n'), fragment("abc.feature.md")),
        ["fragment-malformed"],
    ),
    "1 and 01": (fragment("012.feature.md"), ["fragment-duplicated"]),
    ".md and .rst": (fragment("12.feature.rst"), ["fragment-duplicated"]),
    "the same counter": (
        run(fragment("12.feature.1.md"), fragment("12.feature.01.md")), ["fragment-duplicated"],
    ),
    "untracked": (write("changelog.d/14.feature.md", "New.\n"), ["fragment-uncommitted"]),
    "untracked, with an unknown type": (write("changelog.d/14.feat.md", "New.\n"), ["fragment-uncommitted"]),
    "staged": (
        run(write("changelog.d/14.feature.md", "New.\n"), git("add", "changelog.d")), ["fragment-uncommitted"],
    ),
    "edited": (write("changelog.d/12.feature.md", "Edited.\n"), ["fragment-uncommitted"]),
    "edited, on a branch": (
        write("changelog.d/12.feature.md", "Edited.\n"), ["fragment-uncommitted"], ["--branch"],
    ),
    "deleted": (remove("changelog.d/12.feature.md"), ["fragment-uncommitted"]),
    "renamed": (
        git("mv", "changelog.d/12.feature.md", "changelog.d/14.feature.md"),
        ["fragment-uncommitted", "fragment-uncommitted"],
    ),
    "untracked, with a space": (write("changelog.d/a b.feature.md", "New.\n"), ["fragment-uncommitted"]),
    "a hook that fails": (hook("sh -c 'echo no > AUTHORS; echo Because.; exit 3'"), ["hook-failed"]),
    "a hook that is not there": (hook("no-such-command --x"), ["hook-failed"]),
    "a hook that is no command": (hook("sh 'x"), ["hook-failed"]),
    "a hook that makes nothing": (hook("true"), ["hook-failed"]),
    "everything in the fragments": (
        run(
            fragment("14.feat.md"), fragment("15.feature.md", ""), fragment("012.feature.md"),
            fragment("16.bugfix.md.bak"), fragment("17.feature.md", b"\xff\n"), write("changelog.d/18.misc", ""),
        ),
        [
            "fragment-duplicated", "fragment-empty", "fragment-ignored", "fragment-leftover-copy",
            "fragment-malformed", "fragment-uncommitted",
        ],
    ),
    "everything about the branch": (
        run(
            AHEAD, git("switch", "-q", "-c", "topic", "--track", "origin/main"), git("reset", "-q", "--hard", "main"),
            git("tag", "v1.4.0"), git("tag", "v2.0.0"), write("CHANGELOG.md", "x"),
        ),
        ["branch-behind", "tag-exists", "tree-dirty", "version-not-newer"],
    ),
    "everything at once": (
        run(
            CONFLICT,
            put("CHANGELOG.md", "# Changelog\n\nNone.\n"),
            keys('release-branches = ["stable"]\nversion-files = ["x.py"]'),
            fragment("14.feat.md"), fragment("15.feature.md", ""),
            git("tag", "v1.4.0"), git("tag", "v1.5.0"),
            git("merge", "-q", "side", check=False),
            write("pyproject.toml", "x"), write("changelog.d/12.feature.md", "Edited.\n"),
        ),
        [
            "branch-not-allowed", "changelog-marker-missing", "fragment-empty", "fragment-ignored",
            "fragment-uncommitted", "head-detached", "tag-exists", "tree-dirty", "version-not-newer",
            "version-unwritable",
        ],
    ),
    "the entry, and nothing else to say": (
        run(
            git("rm", "-q", "changelog.d/*.md"), git("commit", "-q", "-m", "x"),
            put("CHANGELOG.md", CHANGELOG.replace("1.3.0", "1.4.0")),
        ),
        ["entry-exists"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_what_refuses_and_that_nothing_changes(project: Project, case: str) -> None:
    arrange, rules, *more = TABLE[case]
    arrange(project)
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--date", "2026-02-03", "--format", "json", *(more[0] if more else []))
    assert (done.code, sorted(done.rules)) == (1, rules), done.out + done.err
    assert project.fingerprint() == before
    assert project.git("worktree", "list").count("\n") == 0
    for found in done.json["findings"]:
        assert found["fix"]
        assert found["message"]
        assert found["path"] is None or found["path"] in found["message"]


@pytest.mark.parametrize("case", ["everything at once", "everything in the fragments", "a hook that fails"])
def test_the_dry_run_and_the_text_refuse_alike(project: Project, case: str) -> None:
    arrange, rules, *_ = TABLE[case]
    arrange(project)
    before = project.fingerprint()
    dry = project.prepare("1.4.0", "--dry-run", "--format", "json")
    text = project.prepare("1.4.0")
    assert (dry.code, sorted(dry.rules), text.code) == (1, rules, 1)
    assert (text.out, project.fingerprint()) == ("", before)
    for rule in rules:
        assert f"x {rule}" in text.err
    count = len(rules)
    assert f"Refused: {count} finding{'s' if count > 1 else ''}. Nothing was changed." in text.err


def test_a_good_project_passes_so_that_the_table_means_something(project: Project) -> None:
    remote(project)
    assert project.prepare("1.4.0", "--format", "json").json["findings"] == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unknown type", "git mv changelog.d/14.feat.md changelog.d/14.feature.md"),
        ("misspelled type", "git mv changelog.d/14.bugfixl.md changelog.d/14.bugfix.md"),
        ("no issue", "git mv changelog.d/fix.5924.md changelog.d/5924.bugfix.md"),
        ("untracked, with a space", "git add 'changelog.d/a b.feature.md'"),
        ("1 and 01", "12.feature.1.md"),
        ("detached", "git switch"),
        ("in a merge", "git merge --abort"),
        ("in a bisection", "git bisect reset"),
        ("behind the upstream", "git pull --ff-only"),
        ("diverged from the upstream", "git pull --rebase"),
        ("tag on the remote only", "git fetch --tags origin"),
        ("entry there", "take it out of CHANGELOG.md, and commit"),
        ("branch with other content", "prepare-release 1.4.0 --branch --again"),
        ("branch with other content, by name", "prepare-release 1.4.0 --branch mine --again"),
        ("changelog there, never committed", "git add CHANGELOG.md"),
        ("the branch of a release that main has left behind", "git switch main"),
    ],
)
def test_the_fix_is_the_next_command(project: Project, case: str, words: str) -> None:
    arrange, _, *more = TABLE[case]
    arrange(project)
    answer = project.prepare("1.4.0", "--format", "json", *(more[0] if more else []))
    assert words in "\n".join(found["fix"] for found in answer.json["findings"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Text.\n\n## Big\n", 3),
        ("Big\n===\n", 2),
        ("A\n\n```\nx\n", 3),
        ("A\n<<<<<<< x\n>>>>>>> y\n", 2),
        (b"A\n\nB\xff\n", 3),
    ],
)
def test_findings_name_the_line(project: Project, text: str | bytes, line: int) -> None:
    fragment("14.feature.md", text)(project)
    (found,) = project.prepare("1.4.0", "--format", "json").json["findings"]
    assert (found["path"], found["line"]) == ("changelog.d/14.feature.md", line)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("14.misc.md", ""),
        ("14.feature.md", "Text.\n\n#### Small\n"),
        ("14.feature.md", "Text.\n\n```\n# a comment\n<<<\n```\n\nMore.\n"),
        ("14.feature.md", "1. A\n2. B\n\n---\n\nMore.\n"),
        ("14.feature.md", "#12 is not a heading\n"),
        ("12.feature.1.md", "Another of the same issue.\n"),
        ("12.bugfix.md", "Another type of the same issue.\n"),
        ("README.md", "How to write news.\n"),
        ("readme.txt", "How to write news.\n"),
        (".hidden.md", "x"),
        ("_template.md", "x"),
        ("news.jinja2", "x"),
        ("news.j2", "x"),
        ("conf.py", "x"),
        ("1.2.3.md", "A released version's notes.\n"),
        ("1.3.0.rst", "A released version's notes.\n"),
        ("sub/14.feat.md", "x"),
    ],
)
def test_what_is_never_refused(project: Project, name: str, text: str) -> None:
    fragment(name, text)(project)
    done = project.prepare("1.4.0", "--dry-run", "--format", "json")
    assert (done.code, done.rules) == (0, []), done.out


@pytest.mark.parametrize("keys_", ['ignore = ["HOWTO.md"]\n', '[tool.tagready]\nextra-files = ["HOW*"]\n'])
def test_what_the_configuration_lets_lie_beside_the_fragments(make: Make, keys_: str) -> None:
    for text, rules in ((PYPROJECT, ["fragment-ignored"]), (PYPROJECT + keys_, [])):
        project = make(pyproject=text)
        fragment("HOWTO.md")(project)
        answer = project.prepare("1.4.0", "--format", "json")
        assert answer.rules == rules
    assert project.git("ls-files", "changelog.d").split() == ["changelog.d/.gitkeep", "changelog.d/HOWTO.md"]


def test_a_fence_that_the_issue_would_spoil_is_a_warning(project: Project) -> None:
    fragment("14.feature.md", "Text:\n\n```\nx\n```\n")(project)
    answer = project.prepare("1.4.0", "--dry-run", "--format", "json").json
    found = [(found["rule"], found["level"], found["line"]) for found in answer["findings"]]
    assert (answer["ok"], found) == (True, [("fragment-malformed", "warning", 5)])


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("Big\n---\n\nText.\n", ["fragment-malformed"]),
        ("Big\n====\n\nText.\n", ["fragment-malformed"]),
        ("Small\n~~~~~\n\nText.\n", []),
        ("====  ===\nA     B\n====  ===\n1     2\n====  ===\n", []),
        ("Text::\n\n  ---\n  x\n", []),
    ],
)
def test_restructuredtext_headings(make: Make, text: str, rules: list[str]) -> None:
    project = make(pyproject=RST, changelog=None, fragments={"12.feature.rst": text})
    put("NEWS.rst", f"Changelog\n#########\n\n{RST_MARKER}\n")(project)
    assert project.prepare("1.4.0", "--dry-run", "--format", "json").rules == rules


def test_a_fragment_on_which_towncrier_hangs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagready.doors.news.PROBE_SECONDS", 1.5)
    project = make(pyproject=RST, changelog=None, fragments={"12.feature.rst": "Fine.\n", "13.bugfix.rst": HANGS})
    before, start = project.fingerprint(), time.monotonic()
    done = project.prepare("1.4.0", "--format", "json")
    assert (done.code, done.rules) == (1, ["fragment-hangs"]), done.out
    assert time.monotonic() - start < 20
    assert project.fingerprint() == before
    (found,) = done.json["findings"]
    assert (found["path"], found["line"]) == ("changelog.d/13.bugfix.rst", 1)


def test_nobody_to_commit_as(project: Project) -> None:
    project.git("config", "user.useConfigOnly", "true")
    before = project.fingerprint()
    process = project.spawn("1.4.0", "--format", "json", GIT_CONFIG_GLOBAL="/dev/null", HOME=str(project.path.parent))
    out, err = process.communicate()
    assert (process.returncode, b'"rule": "identity-unknown"' in out, project.fingerprint()) == (1, True, before), err
    assert out.count(b'"rule":') == 2  # and the remote that is not there
    assert b"git config user.name" in out


@pytest.mark.parametrize("half", ["GIT_AUTHOR", "GIT_COMMITTER"])
def test_half_an_identity_is_none(project: Project, half: str) -> None:
    project.git("config", "user.useConfigOnly", "true")
    environment = {f"{half}_NAME": "Ann", f"{half}_EMAIL": "ann@example.org", "GIT_CONFIG_GLOBAL": "/dev/null"}
    process = project.spawn("1.4.0", "--format", "json", **environment)
    out, _ = process.communicate()
    assert (process.returncode, b'"rule": "identity-unknown"' in out) == (1, True)


def test_an_identity_of_the_environment_is_enough(project: Project) -> None:
    project.git("config", "user.useConfigOnly", "true")
    environment = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ann"), ("EMAIL", "ann@example.org"))
    }
    process = project.spawn("1.4.0", GIT_CONFIG_GLOBAL="/dev/null", **environment)
    process.communicate()
    assert (process.returncode, project.git("log", "-1", "--format=%an")) == (0, "Ann")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (None, "there is no remote"),
        ("/nowhere/at/all", "could not be asked"),
        ("https://localhost:1/x.git", "could not be asked"),
        ("ext::sleep 60", "could not be asked"),
    ],
)
def test_a_remote_that_does_not_answer_is_skipped_with_the_reason(
    project: Project, address: str | None, words: str
) -> None:
    if address:
        project.git("remote", "add", "origin", address)
    answer = project.prepare("1.4.0", "--format", "json").json
    assert answer["ok"], answer
    (skipped,) = answer["skipped"]
    assert (skipped["rule"], words in skipped["reason"]) == ("tag-exists", True), skipped


def test_a_remote_that_never_answers_costs_seconds(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git_door.ASK_SECONDS == 5  # which is what the contract grants
    monkeypatch.setattr(git_door, "ASK_SECONDS", 0.5)
    project.git("config", "protocol.ext.allow", "always")
    project.git("remote", "add", "origin", "ext::sleep 20")
    start = time.monotonic()
    answer = project.prepare("1.4.0", "--format", "json").json
    assert answer["ok"]
    assert "within 0.5 seconds" in answer["skipped"][0]["reason"]
    assert time.monotonic() - start < 18


def test_a_remote_that_wants_a_password_is_not_prompted_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = project.path.with_name("asked")
    prompt = project.path.with_name("prompt")
    prompt.write_text(f"#!/bin/sh\ntouch {asked}\n")
    prompt.chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(prompt))
    project.git("remote", "add", "origin", "ssh://nobody@localhost:1/x.git")
    assert project.prepare("1.4.0", "--format", "json").json["skipped"][0]["rule"] == "tag-exists"
    assert not asked.exists()


@pytest.mark.parametrize("branch", ["8.3.x", "v7.1", "stable/2", "release-1.142", "maint/1.3.x", "backport-2.x", "1.3"])
def test_a_branch_named_as_a_series_is_a_release_branch(project: Project, branch: str) -> None:
    project.git("switch", "-q", "-c", branch)
    project.git("branch", "-f", "main", "HEAD^")
    project.git("switch", "-q", "main")
    put("x", "")(project)
    project.git("switch", "-q", branch)
    assert project.prepare("1.4.0", "--dry-run", "--format", "json").rules == []


@pytest.mark.parametrize("branch", ["topic", "release/1.4.0", "feature/1.4.0"])
def test_a_branch_on_the_tip_of_a_release_branch_is_as_good(project: Project, branch: str) -> None:
    project.git("switch", "-q", "-c", branch)
    put("x", "")(project)
    assert project.prepare("1.4.0", "--dry-run", "--format", "json").rules == []


def test_the_remotes_default_branch_is_the_release_branch(project: Project, tmp_path: Path) -> None:
    project.git("branch", "-m", "trunk")
    project.git("init", "-q", "--bare", "--initial-branch=trunk", str(tmp_path / "hub"))
    project.git("remote", "add", "hub", str(tmp_path / "hub"))
    project.git("push", "-q", "-u", "hub", "trunk")
    project.git("branch", "main", "HEAD^")
    assert project.prepare("1.4.0", "--dry-run", "--format", "json").rules == []
    project.git("switch", "-q", "main")
    fragment("14.feature.md")(project)
    assert project.prepare("1.4.0", "--dry-run", "--format", "json").rules == ["branch-not-allowed"]


def test_a_default_branch_that_cannot_be_known_is_skipped(project: Project) -> None:
    project.git("branch", "-m", "one")
    project.git("branch", "two")
    answer = project.prepare("1.4.0", "--dry-run", "--format", "json").json
    assert (answer["ok"], {skip["rule"] for skip in answer["skipped"]}) == (True, {"tag-exists", "branch-not-allowed"})


# -- what is the world's failure -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lock", "options"),
    [
        ("index.lock", []),
        ("HEAD.lock", []),
        ("refs/heads/main.lock", []),
        ("refs/heads/release/1.4.0.lock", ["--branch"]),
        ("refs/tags/v1.4.0.lock", ["--tag"]),
    ],
)
def test_a_stale_lock_is_named_and_nothing_changes(
    project: Project, monkeypatch: pytest.MonkeyPatch, lock: str, options: list[str]
) -> None:
    monkeypatch.setattr(git_door, "LOCK_PATIENCE", 0.1)
    path = project.path / ".git" / lock
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--format", "json", *options)
    assert done.code == 3, done.out
    assert str(path) in done.json["error"]["what"]
    assert f"rm {shlex.quote(str(path))}" in done.json["error"]["fix"]
    if "--tag" not in options:
        assert project.fingerprint() == before
    path.unlink()
    assert project.prepare("1.4.0", *options).code == 0
    assert (project.status(), project.git("ls-files", "-o")) == ("", "")


def test_towncriers_own_failure_keeps_its_words(make: Make) -> None:
    project = make(pyproject=PYPROJECT + 'template = "changelog.d/t.jinja"\n')
    put("changelog.d/t.jinja", "{% for %}")(project)
    before = project.fingerprint()
    done = project.prepare("1.4.0", "--format", "json")
    assert (done.code, project.fingerprint()) == (3, before)
    assert "TemplateSyntaxError" in done.json["error"]["stderr"]
    assert done.json["error"]["command"].startswith("towncrier build --draft")


def test_git_that_is_not_there(project: Project, tmp_path: Path) -> None:
    process = project.spawn("1.4.0", "--format", "json", PATH=str(tmp_path))
    out, _ = process.communicate()
    assert (process.returncode, b"git is not installed" in out) == (3, True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_working_tree_that_cannot_be_written(project: Project) -> None:
    (project.path / "changelog.d").chmod(0o555)
    try:
        assert project.prepare("1.4.0").code == 3
    finally:
        (project.path / "changelog.d").chmod(0o755)
    assert (project.prepare("1.4.0").code, project.status()) == (0, "")


def test_a_repository_of_one_commit_and_a_project_without_fragments_folder(tmp_path: Path) -> None:
    project = make_project(tmp_path / "new", fragments={}, tag=None, changelog=None)
    assert project.prepare("0.1.0", "--format", "json").rules == ["nothing-to-release"]


def test_without_settings_of_towncrier_init_is_the_way(make: Callable[..., Project]) -> None:
    project = make(pyproject='[project]\nname = "demo"\nversion = "1.3.0"\n', changelog=None, fragments={}, tag=None)
    (found,) = [
        each
        for each in project.prepare("1.4.0", "--format", "json").json["findings"]
        if each["rule"] == "nothing-to-release"
    ]
    assert found["fix"] == "tagready init: no file configures towncrier yet, so it takes its defaults"
