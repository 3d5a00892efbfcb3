"""A clean checkout: what is committed, the same bytes wherever it is made and whatever the user has set."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from projects import Project
from tagready.doors import checkout, git
from tagready.doors.checkout import clone
from tagready.facts.findings import WorldFailed

FILES: dict[str, str | bytes] = {
    "unix.txt": "one\ntwo\n",
    "dos.txt": "one\r\ntwo\r\n",
    "batch.bat": "rem\n",
    "image": b"\0\1\r\n\2",
    "sub/dir/here.py": "X = 1\n",
    "left-out.txt": "export-ignore\n",
    "commit.txt": "$Format:%H$\n",
    ".gitattributes": "left-out.txt export-ignore\ncommit.txt export-subst\n*.bat text eol=crlf\n",
    ".gitignore": "*.log\n",
}
#: What a checkout has: the committed bytes, but where .gitattributes asks for others.
TREE = {name: text if isinstance(text, bytes) else text.encode() for name, text in FILES.items()} | {
    "batch.bat": b"rem\r\n", "run.sh": b"#!/bin/sh\n", "link": b"-> unix.txt"
}  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("template") / "demo")
    project.path.mkdir()
    project.git("init", "-q")
    for name, text in FILES.items():
        project.write(name, text)
    project.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    (project.path / "link").symlink_to("unix.txt")
    project.commit("Make it")
    project.git("tag", "-a", "-m", "One", "v1.0")
    shutil.rmtree(project.path / ".git/hooks", ignore_errors=True)
    return project


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    return template.copy(tmp_path / "demo")


def checked_out(
    place: Project | Path, revision: str = "HEAD", remote: str | None = None, as_tag: str | None = None
) -> Path:
    """Check a commit out beside the repository."""
    path = place.path if isinstance(place, Project) else place
    folder = path.parent / "checkout"
    repository = git.discover(path, bare=True)
    try:
        commit = repository.commit(revision)
        assert commit is not None
        clone(repository, commit, folder, remote, as_tag)
    finally:
        repository.close()
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if ".git" in name.parts or (path.is_dir() and not path.is_symlink()):
            continue
        found[str(name)] = b"-> " + os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found


# -- from where, and how git is set up ---------------------------------------------------------------------------------


def settings(text: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    """The user's own settings, beside who they are; {} is a folder."""

    def write(folder: Path, patch: pytest.MonkeyPatch) -> None:
        config = folder / "gitconfig"
        config.write_text("[user]\n\tname = Ann\n\temail = ann@example.org\n" + text.replace("{}", str(folder)))
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))

    return write


def attributes(folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "attributes").write_text("* text eol=crlf\n")
    settings("[core]\n\tattributesFile = {}/attributes\n")(folder, patch)


def templates(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A template for repositories, with a hook and attributes."""
    for name, text in {
        "hooks/post-checkout": "#!/bin/sh\necho hi >hooked\n",
        "info/attributes": "* eol=crlf\n",
    }.items():
        path = folder / "template" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    settings("[init]\n\ttemplateDir = {}/template\n")(folder, patch)


def hooks(folder: Path, patch: pytest.MonkeyPatch) -> None:
    templates(folder, patch)
    settings("[core]\n\thooksPath = {}/template/hooks\n")(folder, patch)


def in_a_hook(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The variables that git gives to a hook."""
    patch.setenv("GIT_DIR", str(folder / "demo/.git"))
    patch.setenv("GIT_WORK_TREE", str(folder / "demo"))
    patch.setenv("GIT_INDEX_FILE", str(folder / "demo/.git/index"))
    patch.setenv("GIT_PREFIX", "sub/")


def in_the_environment(_: Path, patch: pytest.MonkeyPatch) -> None:
    """Settings as CI gives them."""
    patch.setenv("GIT_CONFIG_COUNT", "1")
    patch.setenv("GIT_CONFIG_KEY_0", "core.autocrlf")
    patch.setenv("GIT_CONFIG_VALUE_0", "true")


WORLDS: dict[str, Callable[[Path, pytest.MonkeyPatch], None]] = {
    "plain": settings(""),
    "autocrlf": settings("[core]\n\tautocrlf = true\n\teol = crlf\n"),
    "autocrlf by a variable": in_the_environment,
    "attributes of the user": attributes,
    "templates": templates,
    "hooks": hooks,
    "another name for remotes": settings("[clone]\n\tdefaultRemoteName = upstream\n"),
    "signed tags": settings("[tag]\n\tgpgSign = true\n\tforceSignAnnotated = true\n"),
    "monitored": settings("[core]\n\tfsmonitor = {}/template/hooks/post-checkout\n"),
    "submodules along": settings("[submodule]\n\trecurse = true\n"),
    "in a hook": in_a_hook,
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_the_same_in_every_world(
    project: Project, monkeypatch: pytest.MonkeyPatch, world: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    world(project.path.parent, monkeypatch)
    assert files_in(checked_out(project, as_tag="v2.0")) == TREE


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077], ids=oct)
def test_the_same_under_every_umask(project: Project, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = checked_out(project)
    finally:
        os.umask(before)
    modes = {name: (folder / name).lstat().st_mode for name in TREE if name != "link"}
    assert modes == {name: stat.S_IFREG | (0o755 if name == "run.sh" else 0o644) for name in modes}


def sub_folder(project: Project) -> Path:
    return project.path / "sub/dir"


def worktree(project: Project) -> Path:
    project.git("worktree", "add", "-q", "--detach", "../linked")
    return project.path.parent / "linked"


def cloned(*options: str) -> Callable[[Project], Path]:
    def step(project: Project) -> Path:
        project.git("config", "uploadpack.allowFilter", "true")
        project.git("clone", "-q", *options, project.path.as_uri(), "../cloned")
        return project.path.parent / "cloned"

    return step


def elsewhere(project: Project) -> Path:
    """HEAD is on another commit, and the one to build on no branch."""
    project.git("checkout", "-q", "--detach")
    project.write("unix.txt", "other\n")
    project.commit("Another")
    return project.path


def sparse(project: Project) -> Path:
    project.git("sparse-checkout", "set", "sub")
    return project.path


def of_another_hash(project: Project) -> Path:
    """The same in a repository with SHA-256 names."""
    shutil.rmtree(project.path / ".git")
    project.git("init", "-q", "--object-format=sha256")
    project.commit("Make it")
    project.git("tag", "v1.0")
    return project.path


PLACES: dict[str, Callable[[Project], Path]] = {
    "sub-folder": sub_folder,
    "linked worktree": worktree,
    "bare": cloned("--bare"),
    "shallow": cloned("--depth=1"),
    "partial": cloned("--filter=blob:none", "--no-checkout"),
    "partial, without folders": cloned("--filter=tree:0", "--no-checkout"),
    "elsewhere": elsewhere,
    "sparse": sparse,
    "SHA-256": of_another_hash,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_same_from_every_place(project: Project, place: Callable[[Project], Path]) -> None:
    assert files_in(checked_out(place(project), "v1.0")) == TREE


def test_a_shallow_clone_where_the_user_wants_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shallow = cloned("--depth=1")(project)
    settings("[clone]\n\trejectShallow = true\n")(project.path.parent, monkeypatch)
    assert files_in(checked_out(shallow)) == TREE


def test_only_what_is_committed(project: Project) -> None:
    project.write("untracked.txt", "")
    project.write("ignored.log", "")
    project.write("unix.txt", "edited\n")
    project.write("staged.txt", "")
    project.git("add", "staged.txt")
    (project.path / "run.sh").chmod(0o644)
    (project.path / "dos.txt").unlink()
    before = project.fingerprint()
    assert files_in(checked_out(project)) == TREE
    assert project.fingerprint() == before


# -- remotes and tags --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://example.org/demo.git", "https://example.org/demo.git"),
        ("git@example.org:demo.git", "git@example.org:demo.git"),
        ("../origin.git", "{}/origin.git"),
        ("./sub/../origin.git", "{}/demo/origin.git"),
        (None, "{}/demo"),
    ],
)
def test_its_remote_is_the_users(project: Project, url: str | None, seen: str) -> None:
    if url:
        project.git("remote", "add", "hub", url)
    folder = checked_out(sub_folder(project), remote="hub" if url else None)
    expected = seen.replace("{}", str(project.path.parent))
    assert Project(project.path / "sub/checkout").git("remote", "-v").split("\n") == [
        f"origin\t{expected} ({kind})" for kind in ("fetch", "push")
    ]
    assert folder.is_dir()


def test_the_tag_that_is_to_come_is_in_the_checkout_only(project: Project) -> None:
    commit = project.commit("Release 1.1")
    before = project.fingerprint()
    copy = Project(checked_out(project, as_tag="v1.1"))
    assert copy.git("describe", "--dirty") == "v1.1"
    assert copy.git("cat-file", "tag", "v1.1").split("\n")[0] == f"object {commit}"
    when = copy.git("log", "-1", "--format=%ct")
    assert copy.git("for-each-ref", "--format=%(taggername) %(taggerdate:unix)", "refs/tags/v1.1") == f"tagready {when}"
    assert (project.git("tag"), project.fingerprint()) == ("v1.0", before)


def test_all_tags_are_there(project: Project) -> None:
    project.commit("Another")
    described = Project(checked_out(project)).git("describe")
    assert described == f"v1.0-1-g{project.head()[:7]}"


# -- what cannot be made -----------------------------------------------------------------------------------------------


def failure(place: Project | Path, revision: str = "HEAD", remote: str | None = None) -> tuple[str, str, str]:
    with pytest.raises(WorldFailed) as caught:
        checked_out(place, revision, remote)
    assert caught.value.stderr or caught.value.what
    return caught.value.what, caught.value.fix, caught.value.command


def test_contents_that_are_nowhere(project: Project) -> None:
    """git passes over them as if all were well."""
    for name in ("unix.txt", "dos.txt", "image", "commit.txt"):
        oid = project.head(f"HEAD:{name}")
        (project.path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    assert failure(project) == (
        "the repository lacks the contents of files that are committed (commit.txt, dos.txt, image …)",
        "git fetch --refetch, and where that does not help, make a new clone",
        "git checkout",
    )


def test_a_partial_clone_whose_remote_is_gone(project: Project) -> None:
    partial = cloned("--filter=blob:none", "--no-checkout")(project)
    project.path.rename(project.path.with_name("gone"))
    what, _, command = failure(partial)
    assert (what, command.partition(" --quiet")[0]) == ("git checkout failed", "git checkout")


def test_a_folder_that_is_not_empty(project: Project) -> None:
    (project.path.parent / "checkout").mkdir()
    (project.path.parent / "checkout/file").touch()
    what, fix, command = failure(project)
    assert (what, fix) == ("git clone failed", "read git's words above, mend it, and run the same command again")
    assert command == f"git clone --quiet --shared --no-checkout {project.path}/.git {project.path.parent}/checkout"


# -- submodules --------------------------------------------------------------------------------------------------------

LIB, INNER = {"lib/lib.py": b"LIB = 1\n"}, {"lib/in/inner.py": b"INNER = 1\n"}
FETCH = "git submodule update --init --recursive, here, then run it again"


class Host(NamedTuple):
    """A folder of repositories elsewhere: demo has lib as a submodule, and lib has inner; addresses are relative."""

    folder: Path

    def make(self, name: str, *submodules: tuple[str, str]) -> Project:
        project = Project(self.folder / name)
        project.path.mkdir(parents=True)
        project.git("init", "-q")
        project.write(f"{name}.py", f"{name.upper()} = 1\n")
        for url, path in submodules:
            project.git("submodule", "--quiet", "add", url, path)
        project.commit("Make it")
        return project

    def cloned(self, *options: str) -> Project:
        path = self.folder.parent / "user" / "demo"
        path.parent.mkdir()
        subprocess.run(["git", "clone", "-q", *options, str(self.folder / "demo"), str(path)], check=True)
        return Project(path)

    def vanish(self) -> None:
        self.folder.rename(self.folder.with_name("gone"))


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Host:
    host = Host(tmp_path_factory.mktemp("hosted") / "host")
    host.make("inner")
    host.make("lib", ("../inner", "in"))
    host.make("demo", ("../lib", "lib"))
    return host


@pytest.fixture
def host(hosted: Host, tmp_path: Path) -> Host:
    return Host(Path(shutil.copytree(hosted.folder, tmp_path / "host", symlinks=True)))


DEMO = {"demo.py": b"DEMO = 1\n"}
ALL = DEMO | LIB | INNER


def sources(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in files_in(folder).items() if name.endswith(".py")}


def own_clones(host: Host) -> Project:
    return host.cloned("--recurse-submodules")


def own_clones_of_a_worktree(host: Host) -> Project:
    host.cloned().git("worktree", "add", "-q", "--detach", "../linked")
    linked = Project(host.folder.parent / "user/linked")
    linked.git("submodule", "--quiet", "update", "--init", "--recursive")
    return linked


def own_clone_in_the_tree(host: Host) -> Project:
    """A repository that was there before it became a submodule, and never moved."""
    demo = host.make("other")
    subprocess.run(["git", "clone", "-q", "--recurse-submodules", host.folder / "lib", demo.path / "lib"], check=True)
    demo.git("submodule", "--quiet", "add", "../lib", "lib")
    (demo.path / "other.py").rename(demo.path / "demo.py")
    demo.write("demo.py", "DEMO = 1\n")
    demo.commit("Take it in")
    user = host.folder.parent / "user" / "demo"
    user.parent.mkdir()
    demo.path.rename(user)
    return Project(user)


def own_clones_of_an_older_commit(host: Host) -> Project:
    """What the submodule had at the tag is on a remote branch only, and protocol 0 asks for tips only."""
    user = own_clones(host)
    user.git("tag", "v1")
    lib = Project(host.folder / "lib")
    lib.git("branch", "-q", "old")
    lib.git("checkout", "-q", "--orphan", "new")
    lib.write("lib.py", "LIB = 2\n")
    lib.commit("Begin anew")
    mine = Project(user.path / "lib")
    mine.git("fetch", "-q", "origin")
    mine.git("checkout", "-q", "origin/new")
    mine.git("branch", "-q", "-D", "main", "master", check=False)
    user.commit("Take the new one")
    user.git("config", "protocol.version", "0")
    return user


class Sub(NamedTuple):
    """A user's repository with submodules, and what a checkout has although their host is gone."""

    make: Callable[[Host], Project]
    revision: str = "HEAD"


OWN = {
    "own clones": Sub(own_clones),
    "of a linked worktree": Sub(own_clones_of_a_worktree),
    "in the tree": Sub(own_clone_in_the_tree),
    "of an older commit": Sub(own_clones_of_an_older_commit, "v1"),
}


@pytest.mark.parametrize("case", OWN.values(), ids=OWN)
def test_submodules_from_the_users_own_clones(
    host: Host, case: Sub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = case.make(host)
    host.vanish()
    settings("[core]\n\tautocrlf = true\n[submodule]\n\trecurse = true\n")(tmp_path, monkeypatch)
    before = project.fingerprint()
    assert sources(checked_out(project, case.revision, "origin")) == ALL
    assert project.fingerprint() == before


def test_submodules_from_where_they_are(host: Host) -> None:
    """A relative address counts from the user's own remote, and so does one in a submodule."""
    project = host.cloned()
    assert sources(checked_out(project, remote="origin")) == ALL
    assert sources(project.path) == DEMO


def test_submodules_from_a_bare_clone(host: Host) -> None:
    assert sources(checked_out(host.cloned("--bare"), remote="origin")) == ALL


def test_submodules_without_a_remote(host: Host) -> None:
    """A relative address then counts from the repository itself."""
    host.cloned().path.rename(host.folder / "again")
    copy = Project(host.folder / "again")
    copy.git("remote", "remove", "origin")
    assert sources(checked_out(copy)) == ALL


@pytest.mark.parametrize("recursive", [False, True], ids=["none is here", "the inner is not here"])
def test_a_submodule_that_is_gone(host: Host, recursive: bool) -> None:
    project = host.cloned()
    if recursive:
        project.git("submodule", "--quiet", "update", "--init")
    host.vanish()
    what, fix, command = failure(project, remote="origin")
    assert (what, fix) == ("a submodule could not be checked out, so the build would lack it", FETCH)
    assert command == f"git submodule --quiet update -- {'in' if recursive else 'lib'}"


def test_a_submodule_whose_commit_is_not_here(host: Host) -> None:
    """Somebody pulled, and did not update submodules."""
    project = own_clones(host)
    lib = Project(host.folder / "demo/lib")
    lib.write("lib.py", "LIB = 2\n")
    lib.commit("Go on")
    Project(host.folder / "demo").commit("Take it")
    project.git("pull", "-q", "--no-recurse-submodules")
    host.vanish()
    assert failure(project, remote="origin")[:2] == (
        "a submodule could not be checked out, so the build would lack it", FETCH
    )  # fmt: skip


STALE = '[submodule "lib"]\n\tpath = lib\n\turl = ../nowhere.git\n'


@pytest.mark.parametrize("modules", ["", STALE, "[core]\n\tx = 1\n"], ids=["empty", "stale", "of something else"])
def test_submodules_that_were_taken_out(project: Project, modules: str) -> None:
    project.write(".gitmodules", modules)
    project.commit("Take the submodule out")
    assert files_in(checked_out(project)) == TREE | {".gitmodules": modules.encode()}


@pytest.mark.parametrize("modules", [None, STALE], ids=["no .gitmodules", "not in .gitmodules"])
def test_a_repository_in_the_tree_that_is_no_submodule(project: Project, modules: str | None) -> None:
    """Nobody's checkout has it."""
    if modules:
        project.write(".gitmodules", modules)
    project.git("update-index", "--add", "--cacheinfo", f"160000,{project.head()},other")
    project.git("add", "--all", "--", ":!other")
    project.git("commit", "-q", "-m", "Embed a repository")
    assert sources(checked_out(project)) == {"sub/dir/here.py": b"X = 1\n"}


# -- what git tracks ---------------------------------------------------------------------------------------------------


def test_tracked(host: Host, project: Project) -> None:
    repository = git.discover(project.path)
    commit = repository.commit("HEAD")
    assert commit is not None
    listed = project.git("ls-tree", "-r", "--format=%(path) %(objectname)", "HEAD").split("\n")
    assert checkout.tracked(repository, commit, "") == dict(line.split(" ") for line in listed)
    assert checkout.tracked(repository, commit, "sub") == {"dir/here.py": project.head("HEAD:sub/dir/here.py")}
    assert checkout.tracked(repository, commit, "nowhere") == checkout.tracked(repository, commit, "unix.txt") == {}
    repository.close()
    with_lib = git.discover(host.folder / "demo")
    commit = with_lib.commit("HEAD")
    assert commit is not None
    assert checkout.tracked(with_lib, commit, "")["lib"] == Project(host.folder / "lib").head()
    with_lib.close()
