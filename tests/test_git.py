"""The door to git: what it writes is what git itself would have written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from projects import Project, make_project
from tagready.doors.git import Git, discover, git_failed
from tagready.facts.findings import WorldFailed, WrongUse
from tagready.facts.git_records import Change, Commit, LoggedCommit, RemoteAnswer, TreeEntry

Edits = Mapping[str, str | None]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "repository")
    project.path.mkdir()
    project.git("init", "-q", "-b", "main")
    for name in ("a", "b/c", "b/d/e", "b.x", "ü/日 本", "z"):
        project.write(name, f"{name}\n")
    (project.path / "link").symlink_to("b/c")
    (project.path / "b/up").symlink_to("../a")
    (project.path / "loop").symlink_to("loop")
    (project.path / "z").chmod(0o755)
    project.commit("Start\n\nSecond line.")
    return project


@pytest.fixture
def git(project: Project) -> Iterator[Git]:
    opened = discover(project.path)
    yield opened
    opened.close()


def blob(project: Project, text: str) -> str:
    done = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], input=text.encode(), cwd=project.path, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


# -- reading ---------------------------------------------------------------------------------------------------------


def test_objects_are_read_through_one_process(project: Project, git: Git) -> None:
    assert git.object("HEAD:a") == (project.head("HEAD:a"), "blob", b"a\n")
    assert git.object(project.tree()) is not None
    assert [git.object(name) for name in ("nothing", "HEAD:nothing", "a\nb", "", "0" * 40)] == [None] * 5
    assert git.blob(project.head("HEAD:ü/日 本")) == "ü/日 本\n".encode()
    with pytest.raises(WorldFailed, match="is missing here"):
        git.blob("1" * 40)


def test_a_commit_is_read(project: Project, git: Git) -> None:
    first = project.head()
    project.git("commit", "-q", "--allow-empty", "-m", "Next", "--date", "@1000000000 +0200")
    project.git("tag", "-a", "-m", "x", "v1")
    expected = Commit(
        project.head(), project.tree(), (first,), 1000000000, int(project.git("log", "-1", "--format=%ct")), "Next\n"
    )
    assert git.commit("HEAD") == git.commit("v1") == expected
    start = git.commit(first)
    assert start is not None
    assert (start.parents, start.message) == ((), "Start\n\nSecond line.\n")
    assert git.commit("HEAD^{tree}") is None
    assert git.commit("nothing") is None


def test_a_commit_with_a_signature_and_an_encoding_is_read(project: Project, git: Git) -> None:
    project.git("-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-m", "Caf\udce9")
    commit = git.commit("HEAD")
    assert commit is not None
    assert (commit.tree, commit.message) == (project.tree(), "Caf�\n")


@pytest.mark.parametrize(
    ("path", "behind", "content"),
    [
        ("a", "a", b"a\n"),
        ("link", "b/c", b"b/c\n"),
        ("b/up", "a", b"a\n"),
        ("b/d/e", "b/d/e", b"b/d/e\n"),
        ("nothing", "nothing", None),
        ("a/b", "a/b", None),
        ("b", "b", None),
        ("loop", "loop", None),
    ],
)
def test_files_are_read_through_symbolic_links(git: Git, path: str, behind: str, content: bytes | None) -> None:
    head = git.commit("HEAD")
    assert head is not None
    assert (git.resolve(head.tree, path), git.read(head.tree, path)) == (behind, content)


def test_a_listing_and_modes(project: Project, git: Git) -> None:
    tree = project.tree()
    modes = {name: entry.mode for name, entry in git.listing(tree, "").items()}
    assert modes == {
        "a": "100644", "b": "40000", "b.x": "100644", "link": "120000", "loop": "120000", "z": "100755", "ü": "40000",
    }  # fmt: skip
    assert list(git.listing(tree, "b/d")) == ["e"]
    assert git.listing(tree, "a") == git.listing(tree, "nothing") == {}


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_names_of_objects_are_gits(tmp_path: Path, kind: str) -> None:
    project = Project(tmp_path)
    project.git("init", "-q", f"--object-format={kind}")
    for text in ("", "x\n", "ü\0\r\n"):
        name = blob(project, text)
        with_git = discover(tmp_path)
        assert with_git.hash("blob", text.encode(), name) == name


def test_refs_and_what_is_reachable(project: Project, git: Git) -> None:
    project.git("tag", "v1")
    project.git("tag", "-a", "-m", "x", "v2")
    project.git("switch", "-q", "-c", "side")
    project.commit("Side", side="x")
    project.git("tag", "v3")
    project.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    project.git("update-ref", "refs/remotes/origin/main", "main")
    refs = {ref.name: (ref.oid, ref.symref) for ref in git.refs()}
    assert refs == {
        "refs/heads/main": (project.head("main"), ""),
        "refs/heads/side": (project.head("side"), ""),
        "refs/remotes/origin/HEAD": (project.head("main"), "refs/remotes/origin/main"),
        "refs/remotes/origin/main": (project.head("main"), ""),
        "refs/tags/v1": (project.head("main"), ""),
        "refs/tags/v2": (project.head("v2"), ""),
        "refs/tags/v3": (project.head("side"), ""),
    }
    names = [f"refs/tags/v{number}" for number in (1, 2, 3, 4)]
    assert git.reachable(names, project.head("main")) == set(names[:2])
    many = names + [f"refs/tags/x{number}" for number in range(99)]
    assert git.reachable(many, project.head("side")) == set(names[:3])
    assert git.reachable([], project.head()) == set()
    assert git.is_ancestor(project.head("main"), project.head("side"))
    assert not git.is_ancestor(project.head("side"), project.head("main"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gpgsign = true", True), ("gpgsign = Yes", True), ("gpgsign = on", True), ("gpgsign = 1", True),
        ("gpgsign", True), ("gpgsign = 2", True), ("gpgsign = false", False), ("gpgsign = off", False),
        ("gpgsign =", False), ("gpgsign = 0", False), ("other = true", False),
        ("gpgsign = true\n\tgpgsign = false", False),
    ],
)  # fmt: skip
def test_flags_are_read_as_git_reads_them(project: Project, git: Git, text: str, value: bool) -> None:
    with (project.path / ".git/config").open("a") as config:
        config.write(f"[commit]\n\t{text}\n")
    assert (project.git("config", "--type=bool", "commit.gpgsign", check=False) == "true") is value
    assert git.flag("commit.gpgsign") is value


def test_configuration_and_remotes(project: Project, git: Git) -> None:
    for name in ("origin", "a.b", "With Space"):
        project.git("config", f"remote.{name}.url", "x")
    project.git("config", "remote.half.fetch", "x")
    project.git("config", "x.multi", "one\ntwo")
    assert sorted(git.remotes()) == ["With Space", "a.b", "origin"]
    assert (git.config("x.multi"), git.config("x.none")) == ("one\ntwo", None)


@pytest.mark.parametrize("start", [".", "b", "b/d"])
def test_a_repository_is_found_from_every_folder(project: Project, start: str) -> None:
    found = discover(project.path / start)
    assert (found.top, found.git_dir, found.common_dir) == (
        project.path,
        project.path / ".git",
        project.path / ".git",
    )
    assert found.prefix == ("" if start == "." else start)
    assert found.current_branch() == "main"


def test_a_linked_worktree_has_a_git_dir_of_its_own(project: Project, tmp_path: Path) -> None:
    project.git("worktree", "add", "-q", "-b", "x/y", str(tmp_path / "linked"))
    found = discover(tmp_path / "linked/b")
    assert (found.top, found.prefix, found.current_branch()) == (tmp_path / "linked", "b", "x/y")
    assert found.git_dir == project.path / ".git/worktrees/linked"
    assert found.common_dir == project.path / ".git"


def test_no_repository(tmp_path: Path, project: Project) -> None:
    project.git("init", "-q", "--bare", str(tmp_path / "bare"))
    (tmp_path / "file").write_text("")
    for start, words in (("", "not in a git"), ("bare", "bare"), ("no", "no folder"), ("file", "file")):
        with pytest.raises(WrongUse, match=words):
            discover(tmp_path / start)


@pytest.mark.parametrize(
    ("start", "way"), [(".git", "cd ..$"), (".git/hooks", "the project's folder"), ("a.git", "clone")]
)
def test_where_no_files_of_the_project_are(
    project: Project, monkeypatch: pytest.MonkeyPatch, start: str, way: str
) -> None:
    project.git("init", "-q", "--bare", "a.git")
    (project.path / ".git/hooks").mkdir(exist_ok=True)
    monkeypatch.chdir(project.path / start)
    with pytest.raises(WrongUse) as wrong:
        discover(Path())
    assert re.search(way, wrong.value.fix)
    assert ("is a bare repository" in wrong.value.what) == (start == "a.git")
    assert discover(Path(), bare=True).bare
    with pytest.raises(WrongUse, match=re.escape(wrong.value.what)):
        discover(Path(), bare=True).needs_working_tree()
    discover(project.path).needs_working_tree()


# -- writing objects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edits",
    [
        {"a": "new\n"},
        {"a": None},
        {"b/c": None, "b/up": None},
        {"b/d/e": None},
        {"b/c": None, "b/up": None, "b/d/e": None},
        {"new/deep/er": "x", "b/new": "y", "b/d/e": "z"},
        {"b/c": None, "b/up": None, "b/d/e": None, "b": "a file in a folder's place"},
        {"b-x": "1", "b0": "2", "b/zz": "3", "b.": "4"},
        {"ü/日 本": None, "ü/*": "x", 'ü/"q"': "y", "ü/back\\slash": "z", "-leading": "w"},
        {"nothing": None, "no/thing": None},
        {},
    ],
)
def test_a_tree_is_the_one_that_git_makes(project: Project, git: Git, edits: Edits) -> None:
    base = project.tree()
    changes = {path: None if text is None else TreeEntry("100644", blob(project, text)) for path, text in edits.items()}
    written = git.write_tree(base, changes)
    for path, text in edits.items():
        if text is None:
            project.git("rm", "-q", "--cached", "--ignore-unmatch", "--", f":(literal){path}")
    for path, text in edits.items():
        if text is not None:
            project.git("update-index", "--add", "--cacheinfo", f"100644,{blob(project, text)},{path}")
    assert written == project.git("write-tree")
    names = project.git("diff", "--name-only", "-z", "--no-renames", base, written).split("\0")
    assert sorted(change.path for change in git.changes(base, written)) == sorted(filter(None, names))


def test_changes_name_both_sides(project: Project, git: Git) -> None:
    old = project.tree()
    before = {name: git.entry(old, name) for name in ("a", "z", "b/c")}
    project.write("a", "new")
    (project.path / "z").chmod(0o644)
    (project.path / "b/c").unlink()
    project.write("b/c/d", "deeper")
    project.commit()
    new = project.tree()
    assert set(git.changes(old, new)) == {
        Change("a", before["a"], git.entry(new, "a")),
        Change("b/c", before["b/c"], None),
        Change("b/c/d", None, git.entry(new, "b/c/d")),
        Change("z", before["z"], git.entry(new, "z")),
    }
    assert git.changes(new, new) == ()


@pytest.mark.parametrize("attributes", ["", "b/*.md filter=up\n", "*.md filter=up\n", "*.rst filter=up\n"])
@pytest.mark.parametrize("where", [".gitattributes", ".git/info/attributes"])
def test_blobs_hold_what_gits_clean_filters_make(
    project: Project, git: Git, tmp_path: Path, attributes: str, where: str
) -> None:
    project.git("config", "filter.up.clean", "tr a-z A-Z")
    project.write(where, attributes)
    project.commit()
    paths = ("b/x.md", "new/ü x.md")
    written = git.write_blobs(dict.fromkeys(paths, b"text\n"), tmp_path / "scratch")
    for path in paths:
        project.write(path, "text\n")
    project.git("add", "--", *paths)
    assert written == {path: project.head(f":{path}") for path in paths}
    assert git.hash_files(paths) == written
    assert git.write_blobs({}, tmp_path / "scratch") == git.hash_files([]) == {}


def test_a_commit_is_written_by_whom_git_says(project: Project, git: Git) -> None:
    parent, tree = project.head(), project.tree()
    for message in ("Title\n", "Title\n\nBody: ünï\n\n# not a comment\n"):
        oid = git.write_commit(tree, parent, message)
        assert project.git("log", "-1", "--format=%an|%ce|%P|%T", oid) == f"Test|test@example.org|{parent}|{tree}"
        commit = git.commit(oid)
        assert commit is not None
        assert commit.message == message
    assert project.head() == parent


# -- moving things ---------------------------------------------------------------------------------------------------


def test_a_ref_is_moved_by_compare_and_swap(project: Project, git: Git) -> None:
    first = project.head()
    second = project.commit("Second", a="2\n")
    zeros = "0" * 40
    steps = [
        ("refs/heads/new", second, first, False, ""),  # must be somewhere, and is not
        ("refs/heads/new", first, zeros, True, first),
        ("refs/heads/new", second, zeros, False, first),  # must not exist
        ("refs/heads/new", second, second, False, first),  # is elsewhere
        ("refs/heads/new", second, first, True, second),
        ("refs/heads/new", second, first, False, second),  # the second of two at once
    ]
    for name, new, old, moved, after in steps:
        assert git.move_ref(name, new, old, "test") is moved
        assert project.git("rev-parse", "-q", "--verify", name, check=False) == after
    assert project.git("reflog", "-1", "--format=%gs", "new") == "test"
    assert project.status() == ""


def test_a_ref_that_cannot_be_moved_is_the_worlds_failure(project: Project, git: Git) -> None:
    lock = project.path / ".git/refs/heads/main.lock"
    lock.touch()
    new = git.write_commit(project.tree(), project.head(), "x\n")
    with pytest.raises(WorldFailed) as caught:
        git.move_ref("refs/heads/main", new, project.head(), "test")
    assert str(lock) in caught.value.what
    assert f"rm {shlex.quote(str(lock))}" in caught.value.fix
    with pytest.raises(WorldFailed, match="git update-ref failed") as caught:
        git.move_ref("refs/heads/main/below", new, "0" * 40, "test")
    assert "refs/heads/main" in caught.value.stderr


@pytest.mark.parametrize(
    ("words", "lock"),
    [
        ("fatal: Unable to create '/x/.git/index.lock': File exists.", "/x/.git/index.lock"),
        ("error: cannot lock ref 'refs/a': Unable to create '/a b/refs/a.lock': File exists", "/a b/refs/a.lock"),
        ("fatal: Unable to create '/x/.git/modules/y/config.lock': x", "/x/.git/modules/y/config.lock"),
        ("fatal: something else", None),
    ],
)
def test_a_lock_is_named_with_the_way_out(words: str, lock: str | None) -> None:
    failure = git_failed(["git", "frob", "x"], words.encode())
    assert (failure.command, failure.stderr) == ("git frob x", words)
    if lock:
        assert f"another git holds {lock}" in failure.what
        assert f"rm {lock}" in failure.fix.replace("'", "").replace("\\ ", " ")
    else:
        assert failure.what == "git frob failed"


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "refs/heads/main.lock"])
def test_a_lock_that_goes_away_is_waited_for(project: Project, git: Git, name: str) -> None:
    lock = project.path / ".git" / name
    lock.touch()
    waiter = subprocess.Popen(["sh", "-c", 'sleep 0.3; rm "$0"', str(lock)])
    git.check_locks("main")
    waiter.wait()
    assert not lock.exists()


def test_index_and_working_tree_are_brought_along(project: Project, git: Git) -> None:
    old = project.head()
    project.write("a", "new\n")
    project.write("new/deep", "new\n")
    project.git("rm", "-q", "b/d/e", "ü/日 本")
    project.write("z", "mode")
    (project.path / "z").chmod(0o644)
    new = project.commit()
    project.git("reset", "-q", "--hard", old)
    project.write("mine", "untracked")
    project.write("b.x", "edited")
    git.move_ref("refs/heads/main", new, old, "test")
    git.bring_along(git.changes(project.tree(old), project.tree(new)))
    assert project.status() == " M b.x\n?? mine"
    assert project.read("new/deep") == "new\n"
    assert not (project.path / "b/d").exists()
    assert not (project.path / "ü").exists()
    assert not (project.path / "z").stat().st_mode & 0o111
    assert not (project.path / ".git/tagready").exists()
    git.bring_along(git.changes(project.tree(old), project.tree(new)))  # a second time changes nothing
    assert project.status() == " M b.x\n?? mine"


def test_a_folder_with_something_else_in_it_stays(project: Project, git: Git) -> None:
    old = project.head()
    project.git("rm", "-q", "b/d/e")
    new = project.commit()
    project.git("reset", "-q", "--hard", old)
    project.write("b/d/mine", "untracked")
    git.move_ref("refs/heads/main", new, old, "test")
    git.bring_along(git.changes(project.tree(old), project.tree(new)))
    assert project.status() == "?? b/d/"
    assert project.read("b/d/mine") == "untracked"


FLAGS = {"--skip-worktree": "S", "--assume-unchanged": "h"}


@pytest.mark.parametrize("version", ["2", "4"])
@pytest.mark.parametrize("options", [("--skip-worktree",), ("--assume-unchanged",), tuple(FLAGS)], ids="".join)
def test_files_that_git_is_told_not_to_look_at(
    project: Project, git: Git, options: tuple[str, ...], version: str
) -> None:
    """The index gets what the commit has of them, and goes on not to look at them."""
    old = project.head()
    project.write("a", "new\n")
    project.git("rm", "-q", "b/d/e")
    new = project.commit()
    project.git("reset", "-q", "--hard", old)
    project.git("update-index", "--index-version", version)
    for option in options:
        project.git("update-index", option, "a", "b/d/e")
    letter = FLAGS[options[0]] if len(options) == 1 else "s"
    assert git.unwatched(["a", "b/d/e", "z"]) == {"a": letter, "b/d/e": letter}
    git.move_ref("refs/heads/main", new, old, "test")
    git.bring_along(git.changes(project.tree(old), project.tree(new)))
    assert (project.read("a"), project.git("write-tree"), project.status()) == ("new\n", project.tree(new), "")
    assert not (project.path / "b/d").exists()
    assert git.unwatched(["a"]) == {"a": letter}


def test_a_sparse_checkout(project: Project, git: Git) -> None:
    old = project.head()
    project.write("b/d/e", "new\n")
    project.git("rm", "-q", "ü/日 本")
    new = project.commit()
    project.git("reset", "-q", "--hard", old)
    project.git("sparse-checkout", "set", "nothing")
    assert not (project.path / "b/d/e").exists()
    git.move_ref("refs/heads/main", new, old, "test")
    git.bring_along(git.changes(project.tree(old), project.tree(new)))
    assert (project.git("write-tree"), project.status()) == (project.tree(new), "")


@pytest.mark.parametrize(
    ("sign", "under_way"),
    [
        ("MERGE_HEAD", "a merge"),
        ("rebase-apply/applying", "applying patches"),
        ("rebase-apply/rebasing", "a rebase"),
        ("rebase-merge/x", "a rebase"),
        ("x", ""),
    ],
)
def test_what_is_under_way(project: Project, git: Git, sign: str, under_way: str) -> None:
    project.write(f".git/{sign}", "")
    assert git.under_way() == under_way


def test_status_is_gits_verdict(project: Project, git: Git, tmp_path: Path) -> None:
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "remote"))
    project.git("remote", "add", "origin", str(tmp_path / "remote"))
    project.git("fetch", "-q", "origin")
    project.git("branch", "-q", "--set-upstream-to=origin/main")
    project.git("commit", "-q", "--allow-empty", "-m", "x")
    project.write("a", "staged")
    project.git("add", "a")
    project.write("a", "edited")
    project.write("b/new *", "untracked")
    project.git("mv", "z", "y")
    (project.path / "b/d/e").unlink()
    status = git.status(["a", "b", "y", "z", "nothing", "*"])
    assert (status.branch, status.upstream, status.ahead, status.behind) == ("main", "origin/main", 1, 0)
    assert {tuple(item)[:3] for item in status.paths} == {
        ("a", "M", "M"), ("b/d/e", ".", "D"), ("b/new *", "?", "?"), ("y", "A", "."), ("z", "D", "."),
    }  # fmt: skip
    assert [item.path for item in status.paths if item.untracked] == ["b/new *"]
    project.git("switch", "-q", "--detach")
    assert git.status(["link"]).branch == git.current_branch() == ""


def test_a_remote_answers_with_its_head_and_refs(project: Project, git: Git, tmp_path: Path) -> None:
    project.git("tag", "v1")
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "remote"))
    project.git("remote", "add", "origin", str(tmp_path / "remote"))
    answer = git.ask("origin", "refs/tags/v1", "refs/tags/v2").answer()
    assert isinstance(answer, RemoteAnswer)
    assert (answer.head, answer.refs["refs/tags/v1"], "refs/tags/v2" in answer.refs) == ("main", project.head(), False)
    assert git.ask(None).answer() == "there is no remote"
    project.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    assert "could not be asked" in str(git.ask("origin").answer())


def test_a_scratch_repository_leaves_nothing_in_ours_but_objects(project: Project, git: Git, tmp_path: Path) -> None:
    project.git("tag", "v1")
    before = project.fingerprint(), sorted(path.name for path in (project.path / ".git").iterdir())
    inner = git.scratch_repository(project.head(), tmp_path / "scratch")
    assert (inner.current_branch(), (inner.top / "b/c").read_text()) == ("", "b/c\n")
    assert inner.run("rev-parse", "v1", "main").stdout.decode().split() == [project.head()] * 2
    (inner.top / "left").write_text("left\n")
    inner.run("add", "left")
    tree = inner.text("write-tree")
    inner.close()
    assert (project.fingerprint(), sorted(path.name for path in (project.path / ".git").iterdir())) == before
    assert project.show("left", tree) == "left\n"


def test_variables_of_a_hook_or_a_tracer_do_not_bend_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "demo")
    parent = project.head()
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other-index"))
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("GIT_PREFIX", "src/")
    assert project.prepare("1.4.0").code == 0
    for name in ("GIT_INDEX_FILE", "GIT_TRACE", "GIT_PREFIX"):
        monkeypatch.delenv(name)
    assert (project.status(), project.head("HEAD^")) == ("", parent)
    assert not (tmp_path / "other-index").exists()


def test_a_git_that_fails_keeps_its_words(git: Git) -> None:
    with pytest.raises(WorldFailed) as caught:
        git.run("frobnicate", "--hard")
    failure = caught.value
    assert failure.command == "git frobnicate --hard"
    assert "is not a git command" in failure.stderr
    assert git.run("frobnicate", accept=(1,)).returncode == 1
    with pytest.raises(WorldFailed, match="did not come to an end"):
        git.run("-c", "alias.doze=!sleep 5", "doze", timeout=0.2)


def test_file_names_that_are_no_utf_8(project: Project, git: Git) -> None:
    name = os.fsdecode(b"caf\xe9")
    old = project.head()
    project.write(f"b/{name}", "x\n")
    new = project.commit()
    project.git("reset", "-q", "--hard", old)
    entry = git.entry(project.tree(new), f"b/{name}")
    assert entry is not None
    written = git.write_tree(project.tree(old), {f"b/{name}": entry})
    assert written == project.tree(new)
    git.move_ref("refs/heads/main", new, old, "test")
    git.bring_along(git.changes(project.tree(old), project.tree(new)))
    assert (project.status(), (project.path / "b" / name).read_text()) == ("", "x\n")


def test_the_log(project: Project, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    start = project.head()
    for name, value in {"AUTHOR_NAME": "Änn", "AUTHOR_EMAIL": "ann@example.org", "COMMITTER_NAME": "GitHub"}.items():
        monkeypatch.setenv(f"GIT_{name}", value)
    project.git("config", "i18n.logOutputEncoding", "latin-1")
    project.git("config", "log.showSignature", "true")
    one = project.commit("Mänd\n\n- a\n- b\n\nTrailer: x", a="1")
    two = project.commit("Two", z="2")
    listed = git.log(two, f"^{start}")
    assert listed == (
        LoggedCommit(two, (one,), "Änn", "ann@example.org", "GitHub", "test@example.org", "Two\n"),
        LoggedCommit(
            one, (start,), "Änn", "ann@example.org", "GitHub", "test@example.org", "Mänd\n\n- a\n- b\n\nTrailer: x\n"
        ),
    )
    assert [commit.subject for commit in listed] == ["Two", "Mänd"]
    assert [commit.oid for commit in git.log(two, path="a")] == [one, start]
    assert [commit.parents for commit in git.log(two)] == [(one,), (start,), ()]
    assert git.log(two, f"^{two}") == ()


def test_what_two_commits_have_in_common(project: Project, git: Git) -> None:
    start = project.head()
    one = project.commit("One")
    project.git("checkout", "-q", start)
    two = project.commit("Two")
    project.git("checkout", "-q", "--orphan", "other")
    other = project.commit("Other")
    assert git.merge_base(one, two) == git.commit(start)
    assert git.merge_base(one, other) is None


def test_where_a_clone_is_cut_off(project: Project, tmp_path: Path, git: Git) -> None:
    head = project.commit("One")
    project.git("clone", "-q", "--depth", "1", f"file://{project.path}", str(tmp_path / "clone"))
    assert git.cut_off() == frozenset()
    assert discover(tmp_path / "clone").cut_off() == {head}
