"""tagready tag: the gate, the tag as the project makes them, and one atomic push to a real remote."""

from __future__ import annotations

import datetime
import re
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version as installed
from pathlib import Path

import pytest

from projects import PYPROJECT, Project, Result, add_remote, copy_pair, make_pair, make_project, script
from steps import Step, amend, edit, git, put, run, write

TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()
ENTRY = f"## 1.4.0 ({TODAY})\n\n### Features\n\n- Add colour. (#12)\n\n### Bugfixes\n\n- Mend it. (#13)\n"
ZEROS = "0" * 40


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is prepared, and not pushed since, and its remote."""
    project = make_pair(tmp_path_factory.mktemp("template"))
    assert project.prepare("1.4.0", "--date", TODAY).code == 0
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    return copy_pair(template, tmp_path)


@pytest.fixture
def remote(project: Project) -> Project:
    """The remote of the project."""
    return Project(project.path.with_name("remote.git"))


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key to sign with, next to a file that allows it."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh-keygen")
    file = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)], check=True)
    public = file.with_suffix(".pub").read_text()
    file.with_name("allowed").write_text(f"test@example.org {public}")
    return file


def keys(text: str) -> Step:
    """Put keys of ours into the release commit."""
    return amend(write("tagready.toml", text + "\n"))


def signing(project: Project, key: Path) -> None:
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", str(key)),
        ("gpg.ssh.allowedSignersFile", str(key.with_name("allowed"))),
    ):
        project.git("config", name, value)


def retag(project: Project, name: str, kind: str, key: Path | None = None, commit: str = "HEAD~2") -> None:
    """Put a release tag of a kind in place of the ones that are there, or beside them."""
    if kind == "signed":
        assert key is not None
        signing(project, key)
    options = {"lightweight": [], "annotated": ["-a", "-m", "x"], "signed": ["-s", "-m", "x"]}[kind]
    project.git("tag", "-f", *options, name, commit)


def kind_of(project: Project, tag: str = "v1.4.0") -> str:
    if project.git("cat-file", "-t", f"refs/tags/{tag}") == "commit":
        return "lightweight"
    return "signed" if "SIGNATURE" in project.git("cat-file", "tag", f"refs/tags/{tag}") else "annotated"


def refs(project: Project) -> dict[str, str]:
    """Every ref by its full name, and the object that it names."""
    lines = project.git("for-each-ref", "--format=%(refname) %(objectname)").split("\n")
    return dict(line.split(" ") for line in lines if line)


def hook(remote: Project, name: str, text: str) -> None:
    file = remote.write(f"hooks/{name}", "#!/bin/sh\n" + text + "\n")
    file.chmod(0o755)


def recording(remote: Project) -> None:
    """Have the remote write down every push: a line for each ref that it was asked for, and then an empty one."""
    hook(remote, "pre-receive", "cat >> pushes; echo >> pushes")


def pushes(remote: Project) -> list[list[tuple[str, str, str]]]:
    """Return what was pushed, push by push, as (ref, old, new)."""
    file = remote.path / "pushes"
    if not file.exists():
        return []
    return [
        sorted((ref, old, new) for old, new, ref in (line.split(" ") for line in push.split("\n")))
        for push in file.read_text().split("\n\n")
        if push
    ]


def tagged(project: Project, *arguments: str) -> Result:
    done = project.run("tag", *arguments, "--format", "json")
    assert done.code == 0, done.out + done.err
    return done


def refused(project: Project, *arguments: str) -> Result:
    """Run `tag`, which must say no and change nothing, here or on the remote."""
    remote = Project(project.path.with_name("remote.git"))
    before, there = project.fingerprint(), refs(remote)
    done = project.run("tag", *arguments, "--format", "json")
    assert done.code == 1, done.out + done.err
    assert (project.fingerprint(), refs(remote)) == (before, there)
    return done


# -- as the project makes them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "text", "gpgsign", "kind"),
    [
        pytest.param("lightweight", "", False, "lightweight", id="light"),
        pytest.param("annotated", "", False, "annotated", id="annotated"),
        pytest.param("signed", "", False, "signed", id="signed"),
        pytest.param(None, "", False, "annotated", id="the first"),
        pytest.param(None, "", True, "signed", id="the first, where git is to sign"),
        pytest.param("lightweight", "", True, "lightweight", id="light, where git is to sign"),
        pytest.param("lightweight", 'tag-kind = "annotated"', False, "annotated", id="light, the key says annotated"),
        pytest.param("lightweight", 'tag-kind = "signed"', False, "signed", id="light, the key says signed"),
        pytest.param("annotated", 'tag-kind = "lightweight"', False, "lightweight", id="annotated, the key says light"),
        pytest.param("signed", 'tag-kind = "lightweight"', False, "lightweight", id="signed, the key says light"),
        pytest.param("signed", 'tag-kind = "annotated"', False, "annotated", id="signed, the key says annotated"),
        pytest.param("annotated", "", True, "annotated", id="annotated, where git is to sign"),
        pytest.param(
            "lightweight",
            'tag-kind = "annotated"',
            True,
            "annotated",
            id="the key says annotated, where git is to sign",
        ),
    ],
)
def test_kind(project: Project, key: Path, last: str | None, text: str, gpgsign: bool, kind: str) -> None:
    project.git("tag", "-d", "v1.3.0")
    if last:
        retag(project, "v1.3.0", last, key)
    signing(project, key)
    project.git("config", "tag.gpgSign", str(gpgsign).lower())
    if text:
        keys(text)(project)
    answer = tagged(project).json
    assert (answer["tag"], answer["made"], kind_of(project)) == ("v1.4.0", True, kind)
    assert project.head("v1.4.0^{commit}") == project.head()
    if kind == "signed":
        project.git("verify-tag", "v1.4.0")
    if kind != "lightweight":
        head = project.git("cat-file", "tag", "v1.4.0").split("\n")
        assert head[1:3] == ["type commit", "tag v1.4.0"]
        assert head[3].startswith("tagger Test <test@example.org> ")


def test_the_newest_release_tag_decides_not_the_last_one_made(project: Project) -> None:
    retag(project, "v1.2.9", "annotated", commit="HEAD~2")
    retag(project, "nightly", "annotated", commit="HEAD")
    retag(project, "other-9.0", "annotated", commit="HEAD~2")
    tagged(project)
    assert kind_of(project) == "lightweight"


@pytest.mark.parametrize(
    ("config", "value"),
    [
        pytest.param("gpg.ssh.program", "no-such-program", id="no program"),
        pytest.param(
            "user.signingKey",
            "/no/such/key",
            id="no key",
        ),
    ],
)
def test_a_signature_that_cannot_be_made_leaves_no_tag(project: Project, key: Path, config: str, value: str) -> None:
    retag(project, "v1.3.0", "signed", key)
    project.git("config", config, value)
    before = project.fingerprint()
    done = project.run("tag", "--format", "json")
    assert (done.code, project.fingerprint()) == (3, before)
    assert value in done.json["error"]["stderr"]


@pytest.mark.parametrize(
    ("tags", "text", "name"),
    [
        pytest.param(["1.3.0"], "", "1.4.0", id="bare"),
        pytest.param(["v1.3.0"], "", "v1.4.0", id="v"),
        pytest.param(["demo-1.3.0"], "", "demo-1.4.0", id="name"),
        pytest.param(["demo/v1.3.0"], "", "demo/v1.4.0", id="folder"),
        pytest.param(["release-1.3.0"], "", "release-1.4.0", id="release"),
        pytest.param(["1.3.0", "v1.2.0", "demo-1.1.0"], "", "1.4.0", id="the newest decides"),
        pytest.param([], "", "v1.4.0", id="none"),
        pytest.param(["nightly-2026.1", "other-9.0"], "", "v1.4.0", id="none of ours"),
        pytest.param(["v1.3.0"], 'tag-format = "rel_{version}"', "rel_1.4.0", id="tag-format"),
        pytest.param([], 'tag-format = "{version}"', "1.4.0", id="tag-format, the first"),
    ],
)
def test_form(project: Project, tags: list[str], text: str, name: str) -> None:
    project.git("tag", "-d", "v1.3.0")
    for tag in tags:
        project.git("tag", tag, "HEAD~2")
    if text:
        keys(text)(project)
    assert tagged(project).json["tag"] == name
    assert set(project.git("tag").split()) == {*tags, name}
    assert project.head(f"refs/tags/{name}^{{commit}}") == project.head()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "Release 1.4.0", id="as it comes"),
        pytest.param('tag-message = "title"', "Release 1.4.0", id="title"),
        pytest.param('tag-message = "entry"', ENTRY.rstrip(), id="entry"),
        pytest.param('tag-message = "Out: {version}\\n\\n# {version}!"', "Out: 1.4.0\n\n# 1.4.0!", id="a text"),
    ],
)
def test_message(project: Project, text: str, message: str) -> None:
    keys(f'tag-kind = "annotated"\n{text}')(project)
    tagged(project)
    assert project.git("cat-file", "tag", "v1.4.0").split("\n\n", 1)[1] == message


def test_keys_of_a_file_that_lies_over_the_projects_own(project: Project, tmp_path: Path) -> None:
    keys('tag-kind = "annotated"\ntag-format = "rel-{version}"')(project)
    (tmp_path / "over.toml").write_text('tag-format = "{version}"')
    assert tagged(project, "--config", str(tmp_path / "over.toml")).json["tag"] == "1.4.0"
    assert kind_of(project, "1.4.0") == "annotated"


# -- which version, which commit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("1.4.0",), ("--commit", "HEAD"), ("1.4.0", "--commit", "main")])
def test_the_version_may_be_left_to_the_tree(project: Project, arguments: tuple[str, ...]) -> None:
    answer = tagged(project, *arguments).json
    assert (answer["version"], answer["tag"], answer["commit"]) == ("1.4.0", "v1.4.0", project.head())


def test_a_version_that_only_the_changelog_states(tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace('version = "1.3.0"   # bumped by tagready', 'dynamic = ["version"]')
    keys_ = '\n[tool.tagready]\nversion-source = "tag"\n'
    project = make_project(tmp_path / "demo", pyproject=pyproject + keys_)
    assert project.prepare("1.4.0").code == 0
    assert tagged(project).json["tag"] == "v1.4.0"


@pytest.mark.parametrize(
    ("version", "instead"),
    [
        ("v1.4.0", "1.4.0"),
        ("1.4.0-rc1", "1.4.0rc1"),
        ("01.4.0", "1.4.0"),
        ("1.4.0+local", "1.4.0"),
        ("mayor", "1.4.0"),
        ("nonsense", "1.4.0"),
    ],
)
def test_other_spellings_are_wrong_usage(project: Project, version: str, instead: str) -> None:
    before = project.fingerprint()
    done = project.run("tag", version, "--format", "json")
    assert (done.code, project.fingerprint()) == (2, before)
    assert instead in done.json["error"]["fix"]


@pytest.mark.parametrize("word", ["auto", "major", "minor", "patch"])
def test_a_bump_word_is_no_way_out_for_tag(project: Project, word: str) -> None:
    """What is tagged states its version; no word asks for another one."""
    done = project.run("tag", word, "--format", "json")
    what = f"{word!r} is a word for prepare-release, not a version"
    assert (done.code, done.json["error"]["what"]) == (2, what)


def test_a_commit_that_is_not_here(project: Project) -> None:
    before = project.fingerprint()
    done = project.run("tag", "--commit", "nowhere", "--format", "json")
    assert (done.code, done.json["error"]["what"], project.fingerprint()) == (
        2,
        "there is no commit nowhere here",
        before,
    )


@pytest.mark.parametrize("revision", ["HEAD~1", "main~1", "sha", "short"])
def test_another_commit_than_head(project: Project, revision: str) -> None:
    release = project.head()
    put("README", "Later\n")(project)
    spelled = {"sha": release, "short": release[:10]}.get(revision, revision)
    assert tagged(project, "--commit", spelled).json["commit"] == release
    assert project.head("v1.4.0^{commit}") == release


def test_from_a_folder_below_and_with_unrelated_edits(project: Project) -> None:
    project.write("src/deep/x.py", "")
    project.write("README", "edited")
    before = project.status()
    done = Project(project.path / "src/deep").run("tag", "--format", "json")
    assert (done.code, done.json["tag"], project.status()) == (0, "v1.4.0", before)


# -- the tag is there already ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lightweight", "annotated", "signed"])
def test_the_same_tag_on_the_same_commit(project: Project, key: Path, kind: str) -> None:
    retag(project, "v1.4.0", kind, key, "HEAD")
    before = project.fingerprint()
    done = project.run("tag", "1.4.0")
    assert (done.code, "as before" in done.out, project.fingerprint()) == (0, True, before)
    answer = tagged(project).json
    assert (answer["ok"], answer["made"], answer["tag"], project.fingerprint()) == (True, False, "v1.4.0", before)


EXISTS_HERE = "the tag v1.4.0 is here already, on {0}, not on {1}"
EXISTS_THERE = "the tag v1.4.0 is on origin already, on {0}, not on {1}"


@pytest.mark.parametrize(
    ("arrange", "messages"),
    [
        pytest.param(git("tag", "v1.4.0", "HEAD^"), [EXISTS_HERE], id="here"),
        pytest.param(git("tag", "-a", "-m", "x", "v1.4.0", "HEAD^"), [EXISTS_HERE], id="here, annotated"),
        pytest.param(git("push", "-q", "origin", "HEAD^:refs/tags/v1.4.0"), [EXISTS_THERE], id="on the remote"),
        pytest.param(
            run(
                git("tag", "-a", "-m", "x", "v1.4.0", "HEAD^"),
                git("push", "-q", "origin", "v1.4.0"),
                git("tag", "-d", "v1.4.0"),
            ),
            [EXISTS_THERE],
            id="on the remote, annotated",
        ),
        pytest.param(
            run(git("tag", "v1.4.0", "HEAD^"), git("push", "-q", "origin", "v1.4.0")),
            [EXISTS_HERE, EXISTS_THERE],
            id="both",
        ),
        pytest.param(
            run(
                git("tag", "v1.4.0", "HEAD^"),
                git("push", "-q", "origin", "v1.4.0"),
                git("tag", "-f", "v1.4.0"),
            ),
            [EXISTS_THERE],
            id="right here, elsewhere on the remote",
        ),
    ],
)
@pytest.mark.parametrize("arguments", [("1.4.0",), ("1.4.0", "--push")])
def test_the_tag_on_another_commit(
    project: Project, arrange: Step, messages: list[str], arguments: tuple[str, ...]
) -> None:
    arrange(project)
    answer = refused(project, *arguments).json
    places = project.head("HEAD^")[:10], project.head()[:10]
    assert [(found["rule"], found["message"]) for found in answer["findings"]] == [
        ("tag-exists", message.format(*places)) for message in messages
    ]


@pytest.mark.parametrize("annotated", [False, True])
@pytest.mark.parametrize("arguments", [(), ("--push",)])
def test_a_version_that_is_released_already(project: Project, annotated: bool, arguments: tuple[str, ...]) -> None:
    """Nobody asked for that version, so the way on is the next one."""
    release = project.head()
    git("tag", *(["-a", "-m", "x"] if annotated else []), "v1.4.0")(project)
    put("changelog.d/20.feature.md", "Later.\n")(project)
    (found,) = refused(project, *arguments).json["findings"]
    assert (found["rule"], found["message"], found["fix"]) == (
        "tag-exists",
        f"{project.head()[:10]} states 1.4.0, which is released already: v1.4.0 is on {release[:10]}",
        "git pull, if the next release was merged; else prepare-release auto",
    )


@pytest.mark.parametrize("target", ["HEAD:pyproject.toml", "HEAD^{tree}"])
def test_the_tag_on_no_commit_at_all(project: Project, target: str) -> None:
    project.git("tag", "v1.4.0", target)
    assert refused(project).rules == ["tag-exists"]


def test_the_tag_of_a_remote_that_has_it_where_it_should_be(project: Project) -> None:
    project.git("push", "-q", "origin", "HEAD:refs/tags/v1.4.0", "HEAD:main")
    answer = tagged(project, "--push").json
    assert (answer["findings"], answer["skipped"], answer["pushed_branch"]) == ([], [], None)


# -- the remote --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("../nowhere", r"on the remote: it could not be asked \(.+\)"),
        ("https://127.0.0.1:9/demo.git", r"on the remote: it could not be asked \(.+\)"),
    ],
)
def test_a_remote_that_cannot_be_asked(project: Project, address: str, reason: str) -> None:
    project.git("config", "remote.origin.url", address)
    answer = tagged(project).json
    (skipped,) = answer["skipped"]
    assert (answer["ok"], answer["made"], skipped["rule"]) == (True, True, "tag-exists")
    assert re.fullmatch(reason, skipped["reason"])
    assert project.head("v1.4.0") == project.head()


def test_no_remote(project: Project) -> None:
    project.git("remote", "remove", "origin")
    assert tagged(project).json["skipped"] == []
    before = project.fingerprint()
    done = project.run("tag", "--push", "--format", "json")
    assert (done.code, done.json["error"]["what"], project.fingerprint()) == (
        2,
        "there is no remote to push to",
        before,
    )


@pytest.mark.parametrize("arguments", [(), pytest.param(("--push",))])
def test_a_remote_is_asked_once_and_again_only_after_a_push_that_failed(
    project: Project, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A question may last for five seconds, which is all that the contract grants."""
    project.git("config", "remote.origin.url", "ssh://localhost/demo")
    project.git("config", "core.sshCommand", script(tmp_path / "ssh", f"echo >> '{tmp_path}/asked'; exit 1"))
    project.run("tag", *arguments)
    asked = (tmp_path / "asked").read_text().count("\n") - len(arguments)  # the push itself is no question
    assert asked == 1 + len(arguments)


# -- the gate ----------------------------------------------------------------------------------------------------------

CHANGELOG = "CHANGELOG.md"


@pytest.mark.parametrize(
    ("arrange", "arguments", "rules"),
    [
        pytest.param(
            git("checkout", "-q", "HEAD^"),
            [],
            ["tag-exists"],
            id="the last release again",
        ),
        pytest.param(
            git("checkout", "-q", "HEAD^"),
            ["1.3.0"],
            ["tag-exists", "fragments-left-over", "fragments-left-over", "tag-exists"],
            id="the last release again, by its version",
        ),
        pytest.param(
            git("checkout", "-q", "HEAD^"),
            ["1.4.0"],
            ["version-mismatch", "fragments-left-over", "fragments-left-over", "entry-missing"],
            id="not prepared",
        ),
        pytest.param(run(), ["1.5.0"], ["version-mismatch", "entry-missing"], id="another version"),
        pytest.param(amend(edit(CHANGELOG, ENTRY, ENTRY + "\n" + ENTRY)), [], ["entry-duplicated"], id="two entries"),
        pytest.param(
            amend(edit(CHANGELOG, ENTRY[ENTRY.index("###") :], "")),
            [],
            ["entry-empty", "fragment-lost", "fragment-lost"],
            id="an empty entry",
        ),
        pytest.param(
            amend(edit(CHANGELOG, "- Mend it. (#13)\n", "")),
            [],
            ["fragment-lost"],
            id="a fragment that the entry does not show",
        ),
        pytest.param(git("tag", "v1.5.0", "HEAD^"), [], ["version-not-newer"], id="not newer"),
        pytest.param(
            run(git("switch", "-q", "-c", "topic"), git("branch", "-f", "main", "HEAD^")),
            [],
            ["tag-not-on-branch"],
            id="on a topic branch",
        ),
        pytest.param(
            put(".pypirc", "[pypi]\nusername = ann\npassword = " + "hunter" + "2\n"),
            [],
            ["secret-in-tree"],
            id="a password in the tree",
        ),
    ],
)
def test_what_the_gate_refuses(project: Project, arrange: Step, arguments: list[str], rules: list[str]) -> None:
    arrange(project)
    done = refused(project, *arguments)
    assert done.rules == rules


def test_every_finding_at_once(project: Project) -> None:
    run(
        git("tag", "v1.5.0", "HEAD^"),
        git("tag", "v1.4.0", "HEAD^"),
        git("push", "-q", "origin", "v1.4.0"),
        amend(edit(CHANGELOG, ENTRY, ENTRY + "\n" + ENTRY)),
        amend(edit("pyproject.toml", '"1.4.0"', '"1.4.1"')),
    )(project)
    assert refused(project, "1.4.0").rules == [
        "tag-exists", "version-not-newer", "version-mismatch", "entry-duplicated", "tag-exists",
    ]  # fmt: skip


def test_a_refusal_as_text(project: Project) -> None:
    before = project.fingerprint()
    done = project.run("tag", "1.5.0")
    assert (done.code, done.out, project.fingerprint()) == (1, "", before)
    assert done.err.endswith("Refused: 2 findings. Nothing was changed.\n")
    assert "version-mismatch" in done.err


# -- before the release has arrived ------------------------------------------------------------------------------------


@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize("arguments", [("1.4.0",), ("1.4.0", "--push")])
def test_before_the_merge_is_pulled(project: Project, arguments: tuple[str, ...], follows: bool) -> None:
    """The pull request was merged elsewhere; here, only `git fetch` was run."""
    run(git("push", "-q"), git("reset", "-q", "--hard", "HEAD^"))(project)
    if not follows:
        project.git("branch", "--unset-upstream")
    pull = f"git pull --ff-only{'' if follows else ' origin main'}"
    (found,) = refused(project, *arguments).json["findings"]
    assert (found["rule"], found["message"], found["fix"]) == (
        "entry-missing",
        f"{project.head()[:10]} has no entry for 1.4.0 yet, but origin/main has",
        f"{pull}, then tagready tag " + " ".join(arguments),
    )
    project.git(*pull.split()[1:], "-q")
    assert tagged(project, *arguments).json["commit"] == project.head("origin/main")


@pytest.mark.parametrize("branch", ["release/1.4.0", "origin/release/1.4.0"])
def test_before_the_pull_request_is_merged(project: Project, branch: str) -> None:
    run(git("branch", "release/1.4.0"), git("reset", "-q", "--hard", "HEAD^"))(project)
    if branch.startswith("origin/"):
        run(git("push", "-q", "origin", "release/1.4.0"), git("branch", "-D", "release/1.4.0"))(project)
    (found,) = refused(project, "1.4.0").json["findings"]
    assert (found["rule"], found["message"], found["fix"]) == (
        "entry-missing",
        f"{project.head()[:10]} has no entry for 1.4.0 yet, but {branch} has",
        "merge release/1.4.0, then tagready tag 1.4.0",
    )


# -- the commit that brought the entry ---------------------------------------------------------------------------------


def bump(project: Project) -> None:
    """State the next version, in a commit of its own."""
    project.write("pyproject.toml", project.read("pyproject.toml").replace("1.4.0", "1.5.0.dev0"))
    project.commit("Begin 1.5")


@pytest.mark.parametrize(
    ("arrange", "rules"),
    [
        pytest.param(bump, ["version-mismatch"], id="the next version begun"),
        pytest.param(put("changelog.d/20.feature.md", "Later.\n"), ["fragments-left-over"], id="a later fragment"),
        pytest.param(
            run(
                bump,
                put("changelog.d/20.feature.md", "Later.\n"),
                put("changelog.d/21.feature.md", "More.\n"),
            ),
            ["version-mismatch", "fragments-left-over", "fragments-left-over"],
            id="all of that",
        ),
    ],
)
@pytest.mark.parametrize("push", [(), ("--push",)])
def test_the_way_out_names_the_commit_that_brought_the_entry(
    project: Project, remote: Project, arrange: Step, rules: list[str], push: tuple[str, ...]
) -> None:
    release = project.head()
    arrange(project)
    done = refused(project, "1.4.0", *push)
    assert done.rules == rules
    commands = {re.split(r", ", found["fix"])[0] for found in done.json["findings"]}
    assert commands == {f"tagready tag 1.4.0 --commit {release[:10]}"}
    answer = tagged(project, *commands.pop().split()[2:], *push).json
    assert (answer["commit"], project.head("v1.4.0"), answer["findings"]) == (release, release, [])
    if push:
        assert (remote.head("v1.4.0"), remote.head("main")) == (release, release)


def test_no_way_out_where_that_commit_has_findings_too(project: Project) -> None:
    release = project.head()
    amend(edit(CHANGELOG, "- Mend it. (#13)\n", ""))(project)
    broken = project.head()
    bump(project)
    found = refused(project, "1.4.0").json["findings"]
    assert {each["rule"] for each in found} >= {"version-mismatch", "fragment-lost"}
    assert not any("--commit" in each["fix"] for each in found), (release, broken)


def test_a_warning_keeps_its_own_way_out(project: Project) -> None:
    amend(edit(CHANGELOG, "- Mend it. (#13)", "- Mended it all. (#13)"))(project)
    release = project.head()
    bump(project)
    found = {each["rule"]: each for each in refused(project, "1.4.0").json["findings"]}
    assert found.keys() == {"version-mismatch", "entry-differs"}
    assert found["version-mismatch"]["fix"].startswith(f"tagready tag 1.4.0 --commit {release[:10]}")
    assert "--again" in found["entry-differs"]["fix"]


# -- the push, in the direct flow --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lightweight", "annotated"])
def test_branch_and_tag_in_one_push_and_nothing_else(project: Project, remote: Project, kind: str) -> None:
    retag(project, "v1.3.0", kind)  # which no longer is the one on the remote
    run(
        git("tag", "private", "HEAD"),
        git("tag", "-a", "-m", "x", "annotated", "HEAD"),
        git("branch", "other", "HEAD"),
        git("config", "push.followTags", "true"),
    )(project)
    recording(remote)
    parent, release, before = project.head("HEAD^"), project.head(), refs(remote)
    answer = tagged(project, "1.4.0", "--push").json
    tag = project.git("rev-parse", "refs/tags/v1.4.0")
    assert (answer["made"], answer["pushed_to"], answer["pushed_branch"]) == (True, "origin", "main")
    assert pushes(remote) == [[("refs/heads/main", parent, release), ("refs/tags/v1.4.0", ZEROS, tag)]]
    assert refs(remote) == {**before, "refs/heads/main": release, "refs/tags/v1.4.0": tag}
    assert kind_of(remote) == kind
    assert project.head("origin/main") == release


def test_only_the_tag_where_the_remote_has_the_branch(project: Project, remote: Project) -> None:
    project.git("push", "-q")
    recording(remote)
    answer = tagged(project, "--push").json
    assert (answer["pushed_to"], answer["pushed_branch"]) == ("origin", None)
    assert pushes(remote) == [[("refs/tags/v1.4.0", ZEROS, project.head())]]


def test_no_commit_beyond_the_tagged_one_is_pushed(project: Project, remote: Project) -> None:
    release = project.head()
    put("README", "Later\n")(project)
    recording(remote)
    parent = remote.head("main")
    tagged(project, "--commit", release, "--push")
    assert pushes(remote) == [[("refs/heads/main", parent, release), ("refs/tags/v1.4.0", ZEROS, release)]]


@pytest.mark.parametrize("tagged_before", [False, True])
@pytest.mark.parametrize("kind", ["lightweight", "annotated"])
@pytest.mark.parametrize(
    ("name", "script"),
    [
        pytest.param("update", 'case "$1" in refs/tags/*) echo "no tags here" >&2; exit 1;; esac', id="the tag"),
        pytest.param("update", 'case "$1" in refs/heads/*) echo "no tags here" >&2; exit 1;; esac', id="the branch"),
        pytest.param("pre-receive", 'echo "no tags here" >&2; exit 1', id="all"),
    ],
)
def test_a_remote_that_refuses_one_takes_neither(
    project: Project, remote: Project, name: str, script: str, kind: str, tagged_before: bool
) -> None:
    retag(project, "v1.3.0", kind)
    if tagged_before:
        retag(project, "v1.4.0", kind, commit="HEAD")
    before, there = project.fingerprint(), refs(remote)
    hook(remote, name, script)
    done = project.run("tag", "--push", "--format", "json")
    assert (done.code, refs(remote), project.fingerprint()) == (3, there, before)
    error = done.json["error"]
    stays = "the tag v1.4.0 stays here as it was" if tagged_before else "the tag was taken back here as well"
    assert (error["what"], error["fix"]) == (
        f"origin took nothing of the push; {stays}",
        "do what is asked for above, and run it again",
    )
    assert "no tags here" in error["stderr"]
    assert "git push --atomic" in error["command"]
    (remote.path / "hooks" / name).unlink()
    assert tagged(project, "--push").json["made"] is not tagged_before
    assert refs(remote) == {
        **there, "refs/heads/main": project.head(), "refs/tags/v1.4.0": project.git("rev-parse", "refs/tags/v1.4.0"),
    }  # fmt: skip


def test_a_remote_that_has_commits_of_its_own(project: Project, remote: Project, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", str(remote.path), str(tmp_path / "other")], check=True)
    other = Project(tmp_path / "other")
    other.commit("Meanwhile", README="Meanwhile\n")
    other.git("push", "-q")
    before, there = project.fingerprint(), refs(remote)
    done = project.run("tag", "--push", "--format", "json")
    assert (done.code, refs(remote), project.fingerprint()) == (3, there, before)
    assert done.json["error"]["fix"] == "git pull --rebase && tagready tag 1.4.0 --push"
    project.git("pull", "-q", "--rebase")
    answer = tagged(project, "1.4.0", "--push").json
    assert (answer["commit"], remote.head("main"), remote.head("v1.4.0")) == (project.head(),) * 3


def test_a_remote_that_has_commits_of_its_own_and_a_tag_that_was_made(
    project: Project, remote: Project, tmp_path: Path
) -> None:
    """The commit that was tagged is another one after the pull, whatever --commit has named."""
    assert tagged(project).json["made"]
    subprocess.run(["git", "clone", "-q", str(remote.path), str(tmp_path / "other")], check=True)
    other = Project(tmp_path / "other")
    other.commit("Meanwhile", README="Meanwhile\n")
    other.git("push", "-q")
    done = project.run("tag", "1.4.0", "--commit", project.head(), "--push", "--format", "json")
    fix = done.json["error"]["fix"]
    assert fix == "git tag -d v1.4.0 && git pull --rebase && tagready tag 1.4.0 --push"
    untag, pull, again = (command.split()[1:] for command in fix.split(" && "))
    project.git(*untag)
    project.git(*pull)
    assert project.run(*again).code == 0
    assert remote.head("main") == remote.head("v1.4.0") == project.head()


def test_a_remote_that_is_not_there(project: Project) -> None:
    project.git("config", "remote.origin.url", "../nowhere")
    before = project.fingerprint()
    done = project.run("tag", "--push", "--format", "json")
    assert (done.code, project.fingerprint(), done.json["tag"]) == (3, before, "v1.4.0")
    error = done.json["error"]
    assert "nowhere" in error["stderr"]
    assert error["fix"] == "look whether origin can be reached: git ls-remote origin, and run it again"


@pytest.mark.parametrize("kind", ["lightweight", "annotated"])
def test_a_second_run_finishes_what_a_killed_one_left(project: Project, remote: Project, kind: str) -> None:
    """The tag is made here, and then the machine goes down before anything is pushed."""
    retag(project, "v1.3.0", kind)
    assert tagged(project).json["made"]
    tag = project.git("rev-parse", "refs/tags/v1.4.0")
    recording(remote)
    parent, release = project.head("HEAD^"), project.head()
    first = tagged(project, "--push").json
    assert (first["made"], first["pushed_branch"]) == (False, "main")
    assert pushes(remote) == [[("refs/heads/main", parent, release), ("refs/tags/v1.4.0", ZEROS, tag)]]
    before, there = project.fingerprint(), refs(remote)
    again = tagged(project, "--push").json
    assert (again["made"], again["pushed_to"], again["pushed_branch"]) == (False, "origin", None)
    assert (project.fingerprint(), refs(remote), len(pushes(remote))) == (before, there, 1)


@pytest.mark.parametrize("kind", ["lightweight", "annotated"])
def test_killed_between_the_tag_and_the_push(project: Project, remote: Project, tmp_path: Path, kind: str) -> None:
    retag(project, "v1.3.0", kind)
    before, there = refs(project), refs(remote)
    hook(Project(project.path / ".git"), "pre-push", f"kill -9 $(cat '{tmp_path}/pid'); exit 1")
    script = f"echo $$ > '{tmp_path}/pid'; exec '{sys.executable}' -m tagready tag --push"
    killed = subprocess.run(["sh", "-c", script], cwd=project.path, capture_output=True, check=False)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, b"")
    assert (set(refs(project)) - set(before), refs(remote)) == ({"refs/tags/v1.4.0"}, there)
    (project.path / ".git/hooks/pre-push").unlink()
    tag = project.git("rev-parse", "refs/tags/v1.4.0")
    answer = tagged(project, "--push").json
    assert (answer["made"], answer["pushed_branch"]) == (False, "main")
    assert refs(remote) == {**there, "refs/heads/main": project.head(), "refs/tags/v1.4.0": tag}


def test_a_hook_of_ones_own_that_refuses_the_push(project: Project, remote: Project) -> None:
    hook(Project(project.path / ".git"), "pre-push", "echo never on a Friday >&2; exit 1")
    before, there = project.fingerprint(), refs(remote)
    done = project.run("tag", "--push", "--format", "json")
    assert (done.code, refs(remote), project.fingerprint()) == (3, there, before)
    assert "never on a Friday" in done.json["error"]["stderr"]


KILLED_AFTER_TAKING = """\
if [ "$1" = committed ] && grep -q refs/tags/; then kill -9 $PPID; fi
exit 0"""


@pytest.mark.parametrize(
    "kind",
    [
        "lightweight",
        pytest.param(
            "annotated",
        ),
    ],
)
def test_a_connection_lost_after_the_remote_took_it(
    project: Project, remote: Project, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    retag(project, "v1.3.0", kind)
    hook(remote, "reference-transaction", KILLED_AFTER_TAKING)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "@1700000000 +0000")
    done = project.run("tag", "--push", "--format", "json")
    (remote.path / "hooks/reference-transaction").unlink()
    assert (done.code, done.json["pushed_to"], "refs/tags/v1.4.0" in refs(remote)) == (0, "origin", True)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "@1700000100 +0000")
    taken = refs(remote)
    tagged(project, "--push")
    assert refs(remote) == taken


def test_a_branch_that_is_refused_is_not_taken_for_pushed_because_the_tag_is_there(
    project: Project, remote: Project
) -> None:
    """Somebody pushed the tag alone, before; now the remote refuses the branch."""
    tagged(project)
    project.git("push", "-q", "origin", "v1.4.0")
    hook(remote, "update", "#!/bin/sh\ncase $1 in refs/heads/*) exit 1;; esac\n")
    before = refs(remote)
    done = project.run("tag", "--push", "--format", "json")
    assert (done.code, refs(remote)) == (3, before)
    assert project.head("v1.4.0^{}") == project.head()


def test_an_annotated_tag_that_the_remote_has_already_is_the_same_tag(project: Project, remote: Project) -> None:
    """A colleague tagged and pushed; who did not fetch since says the same, and the same tag is the answer."""
    retag(project, "v1.3.0", "annotated")
    project.git("-c", "user.name=Colleague", "tag", "-a", "-m", "Release 1.4.0", "v1.4.0")
    project.git("push", "-q", "origin", "main", "v1.4.0")
    project.git("tag", "-d", "v1.4.0")
    there = refs(remote)
    tagged(project, "--push")
    assert refs(remote) == there


def test_an_upstream_with_another_name(project: Project, remote: Project) -> None:
    remote.git("branch", "-m", "main", "trunk")
    remote.git("symbolic-ref", "HEAD", "refs/heads/main")
    project.git("fetch", "-q", "--prune")
    project.git("branch", "-q", "-u", "origin/trunk")
    recording(remote)
    parent, release = project.head("HEAD^"), project.head()
    assert tagged(project, "--push").json["pushed_branch"] == "trunk"
    assert pushes(remote) == [[("refs/heads/trunk", parent, release), ("refs/tags/v1.4.0", ZEROS, release)]]


def test_a_branch_without_an_upstream(project: Project, remote: Project) -> None:
    project.git("branch", "--unset-upstream")
    recording(remote)
    parent, release = project.head("HEAD^"), project.head()
    assert tagged(project, "--push").json["pushed_branch"] == "main"
    assert pushes(remote) == [[("refs/heads/main", parent, release), ("refs/tags/v1.4.0", ZEROS, release)]]


def test_a_maintenance_branch_that_the_remote_does_not_have(project: Project, remote: Project) -> None:
    project.git("switch", "-q", "-c", "1.4.x")
    project.git("branch", "-q", "-f", "main", "HEAD^")
    recording(remote)
    release = project.head()
    assert tagged(project, "--push").json["pushed_branch"] == "1.4.x"
    assert pushes(remote) == [[("refs/heads/1.4.x", ZEROS, release), ("refs/tags/v1.4.0", ZEROS, release)]]


def test_detached(project: Project, remote: Project) -> None:
    release = project.head()
    project.git("switch", "-q", "--detach")
    assert tagged(project, "--push").json["pushed_branch"] == "main"
    assert (remote.head("main"), remote.head("v1.4.0")) == (release, release)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        pytest.param(
            ("--push",),
        ),
    ],
)
def test_on_a_topic_branch(project: Project, arguments: tuple[str, ...]) -> None:
    project.git("switch", "-q", "-c", "topic")
    project.git("branch", "-q", "-f", "main", "HEAD^")
    assert refused(project, *arguments).rules == ["tag-not-on-branch"]


def test_on_a_topic_branch_whose_commit_main_has_too(project: Project, remote: Project) -> None:
    project.git("switch", "-q", "-c", "topic")
    assert tagged(project, "--push").json["pushed_branch"] == "main"
    assert remote.git("branch", "--format=%(refname:short)") == "main"


def test_release_branches(project: Project, remote: Project) -> None:
    keys('release-branches = ["rel/*"]')(project)
    project.git("branch", "rel/next", "HEAD^")
    assert refused(project).rules == ["tag-not-on-branch"]
    project.git("branch", "-f", "rel/next")
    assert tagged(project, "--push").json["pushed_branch"] == "rel/next"
    assert (remote.head("rel/next"), remote.head("main")) == (project.head(), project.head("HEAD^"))


def test_the_remote_of_the_branch_not_the_first_one(project: Project, tmp_path: Path) -> None:
    fork = add_remote(project, tmp_path / "fork", "fork")
    project.git("push", "-q", "-f", "fork", "HEAD^:main")
    assert project.git("config", "branch.main.remote") == "fork"
    answer = tagged(project, "--push").json
    assert (answer["pushed_to"], Project(fork).head("v1.4.0")) == ("fork", project.head())
    assert "refs/tags/v1.4.0" not in refs(Project(project.path.with_name("remote.git")))


def test_a_bare_repository(project: Project, remote: Project, tmp_path: Path) -> None:
    project.git("push", "-q")
    assert tagged(remote).json["tag"] == "v1.4.0"
    assert remote.head("v1.4.0") == project.head()
    subprocess.run(["git", "clone", "-q", "--bare", str(remote.path), str(tmp_path / "bare.git")], check=True)
    bare = Project(tmp_path / "bare.git")
    answer = tagged(bare).json
    assert (answer["made"], answer["commit"]) == (False, project.head())


# -- the push, in the pull-request flow --------------------------------------------------------------------------------

PULL = 'flow = "pull-request"'


def test_only_the_tag_is_pushed_in_the_pull_request_flow(project: Project, remote: Project) -> None:
    keys(PULL)(project)
    project.git("push", "-q")
    recording(remote)
    answer = tagged(project, "--push").json
    assert (answer["pushed_to"], answer["pushed_branch"]) == ("origin", None)
    assert pushes(remote) == [[("refs/tags/v1.4.0", ZEROS, project.head())]]


@pytest.mark.parametrize("arrange", [run(), git("switch", "-q", "--detach")], ids=["on main", "detached"])
def test_a_commit_that_was_not_merged_is_refused(project: Project, arrange: Step) -> None:
    keys(PULL)(project)
    arrange(project)
    (found,) = refused(project, "--push").json["findings"]
    assert (found["rule"], found["fix"]) == (
        "tag-not-on-branch",
        "merge the pull request first, git fetch origin, and tag what arrived",
    )
    assert tagged(project).json["made"]  # without --push, nothing is asked of the remote's branch


@pytest.mark.parametrize("way", ["merge", "squash", "rebase"])
def test_a_pull_request_merged_any_way(project: Project, remote: Project, tmp_path: Path, way: str) -> None:
    keys(PULL)(project)
    run(git("branch", "release/1.4.0"), git("reset", "-q", "--hard", "HEAD^"), put("README", "Meanwhile\n"))(project)
    {
        "merge": git("merge", "-q", "--no-ff", "-m", "Merge #7", "release/1.4.0"),
        "squash": run(git("merge", "-q", "--squash", "release/1.4.0"), git("commit", "-q", "--no-edit")),
        "rebase": git("cherry-pick", "release/1.4.0"),
    }[way](project)
    project.git("push", "-q")
    recording(remote)
    answer = tagged(project, "--push").json
    assert answer["findings"] == []
    assert pushes(remote) == [[("refs/tags/v1.4.0", ZEROS, project.head())]]


# -- what starts no workflow -------------------------------------------------------------------------------------------

HUB = "https://github.com/example/demo.git"


@pytest.mark.parametrize(
    ("actions", "url", "pushurl", "push", "warned"),
    [
        pytest.param("true", HUB, None, True, True, id="a run, over https"),
        pytest.param("true", "../remote", HUB, True, True, id="a run, the push over https"),
        pytest.param("true", HUB, "git@github.com:example/demo.git", True, False, id="a run, the push with a key"),
        pytest.param("true", "git@github.com:example/demo.git", None, True, False, id="a run, with a key"),
        pytest.param("true", HUB, None, False, False, id="a run that does not push"),
        pytest.param(None, HUB, None, True, False, id="a person"),
        pytest.param("false", HUB, None, True, False, id="not in a run"),
    ],
)
def test_a_tag_that_starts_no_workflow(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    actions: str | None,
    url: str,
    pushurl: str | None,
    push: bool,
    warned: bool,
) -> None:
    for address in (HUB, "git@github.com:example/demo.git"):
        project.git("config", "--add", "url.../remote.insteadOf", address)
    project.git("config", "remote.origin.url", url)
    if pushurl:
        project.git("config", "remote.origin.pushurl", pushurl)
    if actions:
        monkeypatch.setenv("GITHUB_ACTIONS", actions)
    answer = tagged(project, *(["--push"] if push else [])).json
    assert [(found["rule"], found["level"]) for found in answer["findings"]] == (
        [("workflow-not-started", "warning")] if warned else []
    )
    assert answer["pushed_to"] == ("origin" if push else None)
    assert all("gh workflow run release.yml --ref v1.4.0" in found["fix"] for found in answer["findings"])


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_json_as_the_contract_has_it(project: Project) -> None:
    assert tagged(project, "--push").json == {
        "schema": 1,
        "command": "tag",
        "ok": True,
        "project": "demo",
        "version": "1.4.0",
        "tag": "v1.4.0",
        "commit": project.head(),
        "findings": [],
        "skipped": [],
        "changelog": "CHANGELOG.md",
        "entry": ENTRY,
        "proof": f"2 fragments compile to just this entry (towncrier {installed('towncrier')})",
        "brought_by": project.head(),
        "consumed": ["changelog.d/12.feature.md", "changelog.d/13.bugfix.md"],
        "hidden": [],
        "branch": "main",
        "since": "v1.3.0",
        "made": True,
        "pushed_to": "origin",
        "pushed_branch": "main",
    }


def test_json_of_a_refusal(project: Project) -> None:
    project.git("tag", "v1.4.0", "HEAD^")
    old, new = project.head("HEAD^")[:10], project.head()[:10]
    assert refused(project, "1.4.0").json == {
        "schema": 1,
        "command": "tag",
        "ok": False,
        "project": "demo",
        "version": "1.4.0",
        "tag": "v1.4.0",
        "commit": project.head(),
        "findings": [
            {
                "rule": "tag-exists",
                "level": "error",
                "message": f"the tag v1.4.0 is here already, on {old}, not on {new}",
                "fix": "release another version; only if nothing was published from it: git tag -d v1.4.0",
                "path": None,
                "line": None,
            }
        ],
        "skipped": [],
    }


def test_json_of_a_failure(project: Project, remote: Project) -> None:
    hook(remote, "pre-receive", "exit 1")
    answer = project.run("tag", "--push", "--format", "json").json
    error = answer.pop("error")
    assert answer == {
        "schema": 1,
        "command": "tag",
        "ok": False,
        "project": "demo",
        "version": "1.4.0",
        "tag": "v1.4.0",
        "commit": project.head(),
        "findings": [],
        "skipped": [],
    }
    assert set(error) == {"what", "command", "stderr", "fix"}


def test_the_text_names_the_next_command_and_the_way_back(project: Project) -> None:
    done = project.run("tag")
    assert f"next  tagready tag 1.4.0 --commit {project.head()[:10]} --push\n" in done.out
    assert "undo  git tag -d v1.4.0" in done.out
    pushed = project.run("tag", "1.4.0", "--push")
    assert "pushed to origin with main" in pushed.out
    assert "undo" not in pushed.out


@pytest.mark.parametrize("here", [True, False])
def test_nothing_comes_next_where_the_remote_has_the_tag(project: Project, here: bool) -> None:
    project.git("push", "-q", "origin", "HEAD:refs/tags/v1.4.0", "HEAD:main")
    if here:
        project.git("tag", "v1.4.0")
    done = project.run("tag", "1.4.0")
    assert (done.code, "as before" in done.out) == (0, True), done.out
    assert "next" not in done.out


@pytest.mark.parametrize("arguments", [("1.4.0", "1.5.0"), ("--nonsense",), ("--format", "xml")])
def test_a_usage_error_prints_nothing_on_standard_output(project: Project, arguments: tuple[str, ...]) -> None:
    before = project.fingerprint()
    done = project.run("tag", *arguments)
    assert (done.code, done.out, project.fingerprint()) == (2, "", before)
    assert "Usage:" in done.err
