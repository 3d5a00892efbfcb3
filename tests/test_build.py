"""build on real repositories with real backends: what gets in, the same bytes everywhere, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from buildable import (
    BOTH,
    EPOCH,
    FILES,
    FLIT,
    OURS,
    SDIST,
    WHEEL,
    amend,
    contents,
    make_buildable,
    members,
    offline,
    outcome,
    repacked,
    sums,
    vendor,
    wheel_of,
    with_backend,
    with_build,
)
from dists import make_sdist, make_wheel
from projects import CHANGELOG, Project, Result
from tagready.commands import build as command
from tagready.doors import backend
from tagready.doors.release_folder import described_by, look_into, unlike_release
from tagready.facts.publishing.release_file import ReleaseFile, as_json, as_sums, read

JSON = ("--format", "json")
ONCE = ("--once", *JSON)

Step = Callable[[Project], object]
Found = tuple[str, str, str | None]

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_buildable(tmp_path_factory.mktemp("template") / "demo")


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A project with a tagged release of 1.4.0."""
    return template.copy(tmp_path / "demo")


class Reference(NamedTuple):
    """A build as anybody has to have it: the project, what was said, and the folder."""

    project: Project
    result: Result
    folder: Path


@pytest.fixture(scope="module")
def reference(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    project = template.copy(tmp_path_factory.mktemp("reference") / "demo")
    with offline(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "_APART", 0.0)
        return Reference(project, built(project, *JSON), dist(project))


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let pip ask nobody, and builds not wait: neither for other tests, nor (but where it matters) for the clock."""
    monkeypatch.setattr(backend, "ONE_PLACE", tmp_path / "one-place")
    monkeypatch.setattr(command, "_APART", 0.0)
    with offline():
        yield


def dist(project: Project) -> Path:
    return project.path / "dist"


def built(project: Project, *arguments: str) -> Result:
    """Build, which has to succeed, and return what it said."""
    result = project.run("build", *(arguments or ONCE))
    assert result.code == 0, result.out + result.err
    return result


# -- what a build is ---------------------------------------------------------------------------------------------------


def test_a_build(reference: Reference) -> None:
    project, result, folder = reference
    verdict = {"ok": True, "findings": [], "skipped": []}
    release = {
        "project": "demo", "version": "1.4.0", "tag": "v1.4.0", "commit": project.head(),
        "source_date_epoch": EPOCH, "python": sys.version.split()[0], "requirements": [],
        "verdict": verdict, "added": [],
        "files": [described_by(folder / name)._asdict() for name in BOTH],
    }  # fmt: skip
    said = {"schema": 1, "command": "build", **verdict, **release, "out": "dist", "twice": True}
    assert result.json == said | {"normalised": False}
    assert json.loads((folder / "release.json").read_text()) == {"schema": 1, **release}
    assert sums(folder) == {file["name"]: file["sha256"] for file in result.json["files"]}
    assert sorted(contents(folder)) == ["SHA256SUMS", *BOTH, "release.json"]
    assert [line.strip(" ·-") for line in result.err.splitlines()] == [
        "judge the commit", "check the commit out", "build the sdist", "build the wheel from it",
        "build it again, elsewhere", "judge the distributions",
    ]  # fmt: skip


def test_only_what_is_committed_gets_in(project: Project, reference: Reference) -> None:
    project.write("untracked.txt", "")
    project.write("ignored.txt", "")
    project.write("notes.txt", "edited\n")
    project.write("staged.txt", "")
    project.git("add", "staged.txt")
    project.write("vendor/flit_core/__init__.py", "raise ImportError\n")
    (project.path / "demo.py").unlink()
    before = project.fingerprint()
    built(project, *ONCE, "--out", "../out")
    assert sums(project.path.parent / "out") == sums(reference.folder)
    assert project.fingerprint() == before
    inside = members(project.path.parent / "out" / SDIST)
    texts = {name: text for name, text in FILES.items() if name.endswith(".txt")}
    assert {name: text for name, text in inside.items() if name.endswith(".txt")} == texts
    assert {name for name in inside if not name.startswith("vendor/")} == {
        *texts, "demo.py", "README.md", "LICENSE", "pyproject.toml", "PKG-INFO"
    }  # fmt: skip


# -- the same bytes ----------------------------------------------------------------------------------------------------


def in_another_world(project: Project, patch: pytest.MonkeyPatch) -> Path:
    """Another time zone, language, hash seed and working directory, and git as on Windows.

    It is a sub-folder of a linked worktree, whose HEAD is detached, on a commit after the tag that lacks a file of it.
    """
    project.git("rm", "-q", "demo.py")
    project.commit("Go on")
    project.git("worktree", "add", "-q", "--detach", "../linked")
    config = project.path.parent / "gitconfig"
    config.write_text("[user]\n\tname = Ann\n\temail = a@example.org\n[core]\n\tautocrlf = true\n\teol = crlf\n")
    bent = {
        "GIT_CONFIG_GLOBAL": str(config), "TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "de_DE.UTF-8",
        "PYTHONHASHSEED": "7", "SOURCE_DATE_EPOCH": "1",
    }  # fmt: skip
    for name, value in bent.items():
        patch.setenv(name, value)
    time.tzset()
    patch.chdir(project.path.parent / "linked/vendor/flit_core")
    return Path()


def in_a_bare_clone(project: Project, _: pytest.MonkeyPatch) -> Path:
    """It is shallow, as CI likes it."""
    project.git("clone", "-q", "--bare", "--depth=1", "--branch=v1.4.0", project.path.as_uri(), "../bare.git")
    return project.path.parent / "bare.git"


PLACES: dict[str, Callable[[Project, pytest.MonkeyPatch], Path]] = {
    "another world": in_another_world,
    "bare clone": in_a_bare_clone,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_same_bytes(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    reference: Reference,
    place: Callable[[Project, pytest.MonkeyPatch], Path],
) -> None:
    before = os.umask(0o077)
    try:
        folder = place(project, monkeypatch)
        built(Project(folder), "v1.4.0", *ONCE, "--out", str(tmp_path / "out"))
    finally:
        os.umask(before)
        monkeypatch.undo()
        time.tzset()
    assert sums(tmp_path / "out") == sums(reference.folder)


def test_a_project_in_a_sub_folder(tmp_path: Path) -> None:
    """-C says which of several projects is meant; its fellows stay out."""
    whole, part = Project(tmp_path), Project(tmp_path / "packages/demo")
    whole.git("init", "-q")
    texts = {"pyproject.toml": with_build(), "CHANGELOG.md": CHANGELOG, "changelog.d/1.feature.md": "New.\n"}
    for name, text in {**FILES, **texts}.items():
        part.write(name, text)
    vendor(part)
    whole.write("packages/other/other.txt", "")
    whole.commit("Begin")
    assert part.prepare("1.4.0", "--date", "2026-02-03").code == 0
    whole.git("tag", "v1.4.0")
    result = built(part)
    assert (result.json["tag"], result.json["verdict"]["ok"]) == ("v1.4.0", True)
    inside = members(dist(part) / SDIST)
    assert inside["notes.txt"] == "As committed.\n"
    assert "other.txt" not in {name.rpartition("/")[2] for name in inside}


def test_smoke_on_another_python_than_the_projects_is_no_finding(project: Project) -> None:
    amend(project, {"pyproject.toml": project.read("pyproject.toml").replace('">=3.11"', '">=3.99"')})
    result = project.run("build", *ONCE, "--smoke")
    assert outcome(result) == (0, [])
    (skip,) = result.json["skipped"]
    assert skip["rule"] == "dist-broken"
    assert skip["reason"].startswith(f"{WHEEL} is for Python >=3.99, and this is ")
    plain = project.run("build", "--once", "--smoke", "--format", "text")
    assert (plain.code, "smoke" in plain.out) == (0, False)
    assert "dist-broken not judged" in plain.err


def test_submodules(project: Project) -> None:
    library = Project(project.path.parent / "library")
    library.path.mkdir()
    library.git("init", "-q")
    library.write("library.txt", "Of the library.\n")
    library.commit("Begin")
    project.git("submodule", "--quiet", "add", "../library", "data")
    amend(project, {})
    shutil.rmtree(library.path)
    built(project)
    assert members(dist(project) / SDIST)["data/library.txt"] == "Of the library.\n"
    shutil.rmtree(dist(project))
    shutil.rmtree(project.path / ".git/modules")
    result = project.run("build", *ONCE)
    error = result.json["error"]
    assert (result.code, error["what"], error["fix"]) == (
        3,
        "a submodule could not be checked out, so the build would lack it",
        "git submodule update --init --recursive, here, then run it again",
    )
    assert not dist(project).exists()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of all backends, for pip."""
    folder = tmp_path_factory.mktemp("house")
    for name in ("setuptools", "pdm-backend", "hatchling", "pathspec", "packaging", "pluggy", "trove-classifiers",
                 "tomlkit"):  # fmt: skip
        repacked(name, folder)
    return folder


BACKENDS = {
    "setuptools": ("setuptools.build_meta", '[tool.setuptools]\npy-modules = ["demo"]\n', True),
    "hatchling": ("hatchling.build", '[tool.hatch.build]\ninclude = ["demo.py", "*.txt"]\n', False),
    "pdm-backend": ("pdm.backend", '[tool.pdm.build]\nsource-includes = ["*.txt"]\n', True),
}


@pytest.mark.parametrize(("requires", "name", "settings", "normalised"), [(k, *v) for k, v in BACKENDS.items()],
                         ids=BACKENDS)  # fmt: skip
def test_real_backends(
    project: Project, house: Path, requires: str, name: str, settings: str, normalised: bool
) -> None:
    system = f'\n[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{name}"\n\n{settings}'
    amend(project, {"pyproject.toml": with_build(system).replace('"1.3.0"', '"1.4.0"')})
    with offline(house):
        answer = built(project, *(JSON if requires == "setuptools" else ONCE)).json
    assert (answer["normalised"], answer["findings"]) == (normalised, [])
    assert requires in {requirement.partition("==")[0] for requirement in answer["requirements"]}
    assert members(dist(project) / WHEEL)["demo.py"] == FILES["demo.py"]


# -- which commit, and which version -----------------------------------------------------------------------------------

#: The version is what git says, and the sdist says it to the wheel.
VCS = """\
def build_sdist(folder, settings=None):
    said = os.popen("git describe --tags --long --dirty").read().strip()
    tag, distance, node = said.rsplit("-", 2)
    version = tag.removeprefix("v") + ("" if distance == "0" else f".post{distance}+{node}")
    Path("demo.py").write_text(f"'''A demo.'''\\n__version__ = '{version}'\\n")
    return flit.build_sdist(folder)
"""


@pytest.fixture(scope="module")
def vcs_template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose version is its tag's."""
    pyproject = with_build(FLIT.replace("flit_core.buildapi", "ours"), 'version-source = "tag"')
    lines = [line for line in pyproject.split("\n") if not line.startswith("version =")]
    dynamic = "\n".join(lines).replace("[project]", '[project]\ndynamic = ["version"]')
    return make_buildable(tmp_path_factory.mktemp("vcs") / "demo", dynamic, FILES | {"vendor/ours.py": OURS + VCS})


def test_a_version_from_the_tag(vcs_template: Project, tmp_path: Path) -> None:
    project = vcs_template.copy(tmp_path / "demo")
    assert built(project).json["version"] == "1.4.0"
    assert sorted(sums(dist(project))) == BOTH


def test_a_version_from_a_tag_that_is_still_to_come(vcs_template: Project, tmp_path: Path) -> None:
    project = vcs_template.copy(tmp_path / "demo")
    project.git("tag", "-d", "v1.4.0")
    before = project.fingerprint()
    result = built(project, "--once", "--out", "../out")
    assert "built as if v1.4.0 were there" in " ".join(result.out.split())
    told = read((tmp_path / "out/release.json").read_text(), "")
    assert (told.version, told.tag, told.verdict["ok"]) == ("1.4.0", None, True)
    assert sorted(sums(tmp_path / "out")) == BOTH
    assert project.fingerprint() == before


def test_a_version_of_a_commit_after_a_release(vcs_template: Project, tmp_path: Path) -> None:
    """Nobody releases it, so its version is a warning; and publish is told that the gate says no."""
    project = vcs_template.copy(tmp_path / "demo")
    project.commit("Go on")
    local = f"1.4.0.post1+g{project.head()[:7]}"
    result = project.run("build", *ONCE)
    names = [f"demo-{local}-py3-none-any.whl", f"demo-{local}.tar.gz"]
    assert outcome(result) == (0, [("dist-name", "warning", name) for name in reversed(names)])
    answer = result.json
    assert (answer["version"], answer["tag"], answer["verdict"]["ok"]) == (local, None, False)
    assert sorted(sums(dist(project))) == names


def test_a_version_that_only_the_backend_knows(vcs_template: Project, tmp_path: Path) -> None:
    project = amend(vcs_template.copy(tmp_path / "demo"), {"CHANGELOG.md": "# Changelog\n"}, tag=None)
    project.git("tag", "-d", "v1.4.0")
    answer = built(project).json
    told = [(found["rule"], found["message"]) for found in answer["verdict"]["findings"]]
    assert told == [("tag-missing", "nothing in the tree says which version it is")]
    assert answer["version"] == f"1.3.0.post3+g{project.head()[:7]}"


def test_a_commit_that_the_gate_refuses_is_built_and_told(project: Project) -> None:
    amend(project, {"CHANGELOG.md": CHANGELOG})
    result = built(project, "--once")
    assert "the tag gate says no to this commit" in result.out
    assert "tagready verify v1.4.0" in result.out.splitlines()[-1]
    verdict = look_into(dist(project)).report
    assert {found.rule for found in verdict.findings} >= {"entry-missing"}


class Asked(NamedTuple):
    """What is asked for, and the answer: exit code, and what it is about."""

    arguments: tuple[str, ...]
    code: int
    about: str
    environment: Mapping[str, str] = {}
    steps: Step = lambda _: None


NOT_ASKED = {
    "no such tag": Asked(("v9",), 1, "tag-missing"),
    "no such tag in the workflow": Asked(
        (), 1, "tag-missing", {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v9"}
    ),
    "no such constraints": Asked(("--constraints", "nowhere.txt"), 2, "nowhere.txt cannot be read: No such file"),
    "constraints in another encoding": Asked(
        ("--constraints", "latin.txt"), 2, "latin.txt cannot be read: it is not UTF-8",
        steps=lambda project: project.write("latin.txt", b"\xe9"),
    ),
    "a broken release.json": Asked(
        ("--constraints", "release.json"), 2, "release.json has schema 9",
        steps=lambda project: project.write("release.json", '{"schema": 9}'),
    ),
    "a file as the folder": Asked(("--out", "demo.py"), 2, "demo.py is no folder"),
    "a folder in a file": Asked(("--out", "demo.py/a/b"), 2, "demo.py is no folder"),
    "a folder that nobody can make": Asked(("--out", "long" * 100), 3, "the system refused: File name too long"),
    "a wrong key": Asked(
        (), 2, "must be true or false",
        steps=lambda project: amend(project, {"tagready.toml": 'rebuild = "no"\n'}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", NOT_ASKED.values(), ids=NOT_ASKED)
def test_what_cannot_be_asked_for(project: Project, monkeypatch: pytest.MonkeyPatch, asked: Asked) -> None:
    asked.steps(project)
    for name, value in asked.environment.items():
        monkeypatch.setenv(name, value)
    before = project.fingerprint()
    result = project.run("build", *asked.arguments, *ONCE)
    answer = result.json
    said = [found["rule"] for found in answer["findings"]] or [answer["error"]["what"]]
    assert (result.code, answer["command"], answer["ok"]) == (asked.code, "build", False)
    assert asked.about in said[0]
    assert project.fingerprint() == before


def test_no_repository(tmp_path: Path) -> None:
    result = Project(tmp_path).run("build", *JSON)
    assert (result.code, result.json["error"]["what"]) == (2, f"{tmp_path} is not in a git repository")


# -- constraints -------------------------------------------------------------------------------------------------------

ASKS = """\
def build_sdist(folder, settings=None):
    import helper
    Path("made.txt").write_text(helper.VERSION)
    return flit.build_sdist(folder)
"""


def test_years_later_under_the_constraints_of_the_release(project: Project, tmp_path: Path) -> None:
    with_backend(project, ASKS, requires=["helper"])
    house = tmp_path / "house"
    wheel_of(house, {"helper.py": "VERSION = '1.0'\n"}, "helper", "1.0")
    with offline(house):
        assert built(project).json["requirements"] == ["helper==1.0"]
        first = sums(dist(project))
        wheel_of(house, {"helper.py": "VERSION = '2.0'\n"}, "helper", "2.0")
        again = built(project, *ONCE, "--out", "again", "--constraints", "dist/release.json")
        assert (again.json["requirements"], sums(project.path / "again")) == (["helper==1.0"], first)
    assert sums(dist(project)) == first


# -- twice -------------------------------------------------------------------------------------------------------------

RANDOM = """\
def build_sdist(folder, settings=None):
    Path("made.txt").write_text(os.urandom(8).hex())
    return flit.build_sdist(folder)
"""

#: A time in whole seconds; the sources are the sdist's, so that only the wheel differs.
SECONDS = """\
def build_wheel(folder, settings=None, metadata=None):
    Path("demo.py").write_text(f"'''A demo.'''\\nMADE = {int(time.time())}\\n")
    return flit.build_wheel(folder)
"""

#: Makes a wheel for a platform, with something random in it.
PLATFORM = """\
import base64, hashlib, zipfile

def build_wheel(folder, settings=None, metadata=None):
    made = Path(folder, flit.build_wheel(folder))
    target = made.with_name(made.name.replace("py3-none-any", "PLATFORM"))
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(target, "w") as new:
        files = {name: old.read(name) for name in old.namelist()}
        info = "demo-1.4.0.dist-info/"
        files["fast.so"] = os.urandom(8) if RANDOM else b""
        files[info + "WHEEL"] = files[info + "WHEEL"].replace(b"py3-none-any", b"PLATFORM")
        del files[info + "RECORD"]
        lines = []
        for name, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            lines.append(f"{name},sha256={digest},{len(content)}")
            new.writestr(zipfile.ZipInfo(name), content)
        new.writestr(zipfile.ZipInfo(info + "RECORD"), "\\n".join([*lines, info + "RECORD,,"]) + "\\n")
    made.unlink()
    return target.name
"""
MANYLINUX, LINUX = "cp311-abi3-manylinux_2_28_x86_64", "cp311-abi3-linux_x86_64"


def platform(tags: str, *, random: bool = False) -> str:
    return PLATFORM.replace("PLATFORM", tags).replace("RANDOM", str(random))


DIFFER = "from the same commit differ:"
UNLIKE = {
    "random": (RANDOM, 1, "error", f"two builds of {SDIST} {DIFFER}\nmember demo-1.4.0/made.txt differs"),
    "platform": (
        platform(MANYLINUX, random=True), 0, "warning",
        f"two builds of demo-1.4.0-{MANYLINUX}.whl {DIFFER}\nmember fast.so differs\n"
        "member demo-1.4.0.dist-info/RECORD differs",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "ends", "level", "said"), UNLIKE.values(), ids=UNLIKE)
def test_two_builds_that_differ(project: Project, code: str, ends: int, level: str, said: str) -> None:
    result = with_backend(project, code).run("build", *JSON)
    (found,) = result.json["findings"]
    assert (result.code, found["rule"], found["level"], found["message"]) == (ends, "dist-unreproducible", level, said)
    assert found["path"] == said.split()[3]
    assert dist(project).exists() is (ends == 0)


def test_a_time_in_seconds_is_seen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two builds are so far apart that no clock says the same, not even that of zip archives."""
    monkeypatch.undo()
    with offline():
        result = with_backend(project, SECONDS).run("build", *JSON)
    assert outcome(result) == (1, [("dist-unreproducible", "error", WHEEL)])
    assert result.json["findings"][0]["message"].endswith(
        "\nmember demo.py differs\nmember demo-1.4.0.dist-info/RECORD differs"
    )


# -- what is refused, and what lies there already ----------------------------------------------------------------------

OLD = ["demo-1.3.0-py3-none-any.whl", "demo-1.3.0.tar.gz"]


@pytest.fixture
def earlier(project: Project) -> dict[str, str]:
    """What is in the folder where a build of 1.3.0 lies."""
    files = [described_by(make(dist(project), version="1.3.0")) for make in (make_wheel, make_sdist)]
    verdict = {"ok": True, "findings": [], "skipped": []}
    told = ReleaseFile("demo", "1.3.0", "v1.3.0", "c" * 40, EPOCH, "3.11.1", tuple(files), (), verdict)
    (dist(project) / "release.json").write_text(as_json(told))
    (dist(project) / "SHA256SUMS").write_text(as_sums(files))
    return contents(dist(project))


def changed(name: str, old: str, new: str) -> Step:
    return lambda project: amend(project, {name: project.read(name).replace(old, new)})


def another_version(project: Project) -> None:
    make_wheel(dist(project), version="1.2.0")
    changed("pyproject.toml", '"1.4.0"', '"1.5.0"')(project)


def bad_readme(project: Project) -> None:
    changed("pyproject.toml", "README.md", "README.rst")(project)
    amend(project, {"README.rst": "Title\n==\n\n.. nothing::\n"})


STRAY = "demo-1.2.0-py3-none-any.whl"
GARBAGE = f"def build_sdist(folder, settings=None):\n    Path(folder, '{SDIST}').touch()\n    return '{SDIST}'\n"
BROKEN = "import nowhere\n"
REFUSED: dict[str, tuple[Step, list[Found]]] = {
    "another version, and another in the folder": (
        another_version,
        [("dist-missing", "error", "dist"), ("dist-name", "error", SDIST.replace("4", "5")),
         ("dist-name", "error", WHEEL.replace("4", "5")), ("dist-name", "error", STRAY)],
    ),
    "a bad readme": (bad_readme, [("dist-metadata", "error", SDIST), ("dist-metadata", "error", WHEEL)]),
    "no sdist": (lambda project: with_backend(project, GARBAGE), [("dist-metadata", "error", SDIST)]),
    "cannot be imported": (changed("demo.py", "ANSWER = 42\n", BROKEN), [("dist-broken", "error", WHEEL)]),
}  # fmt: skip


@pytest.mark.parametrize(("step", "found"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_written_where_it_is_refused(
    project: Project, earlier: dict[str, str], step: Step, found: list[Found]
) -> None:
    step(project)
    before = contents(dist(project))
    assert before.items() >= earlier.items()
    result = project.run("build", *ONCE, "--smoke")
    assert outcome(result) == (1, found)
    assert (result.json["project"], result.json["version"], result.json["tag"]) == ("demo", "1.4.0", "v1.4.0")
    assert contents(dist(project)) == before


HOOK = "Backend subprocess exited when trying to invoke"


def test_a_backend_that_fails(project: Project, earlier: dict[str, str]) -> None:
    with_backend(project, "print('words')\nsys.exit(7)\n")
    result = project.run("build", *ONCE)
    assert result.code == 3
    assert result.json == {
        "schema": 1, "command": "build", "ok": False, "project": "demo", "version": "1.4.0", "tag": "v1.4.0",
        "commit": project.head(), "findings": [], "skipped": [],
        "error": {
            "what": f"the sdist could not be built: {HOOK} get_requires_for_build_sdist",
            "command": "build --sdist", "stderr": "words",
            "fix": "mend it (python -m build shows the same, from the working tree), commit, and run it again",
        },
    }  # fmt: skip
    assert contents(dist(project)) == earlier


def test_an_earlier_build_is_replaced_and_others_are_kept(
    project: Project, earlier: dict[str, str], reference: Reference
) -> None:
    from_elsewhere = dist(project) / "demo-1.4.0-1-py3-none-any.whl"
    shutil.copyfile(reference.folder / WHEEL, from_elsewhere)
    (dist(project) / f".{OLD[0]}.tagready").write_text("of a run that was killed")
    (dist(project) / "notes.txt").touch()
    result = built(project, "v1.4.0", "--once")
    first, second, *_, last = result.out.splitlines()
    assert first.endswith(" demo 1.4.0 is built, in dist")
    assert second.endswith(f" v1.4.0 on {project.head()[:10]}")
    assert "tagready publish" in last
    there = sums(dist(project))
    assert there == {from_elsewhere.name: described_by(from_elsewhere).sha256} | sums(reference.folder)
    assert sorted(contents(dist(project))) == sorted(["SHA256SUMS", "notes.txt", "release.json", *there])


def test_what_came_from_elsewhere_survives_two_builds(project: Project, reference: Reference) -> None:
    shutil.copytree(reference.folder, dist(project))
    from_elsewhere = dist(project) / "demo-1.4.0-1-py3-none-any.whl"
    shutil.copyfile(reference.folder / WHEEL, from_elsewhere)
    for _ in range(2):
        built(project, "--once")
        told = read((dist(project) / "release.json").read_text(), "")
        assert (told.added, from_elsewhere.exists()) == ((from_elsewhere.name,), True)


def test_a_wheel_for_plain_linux_is_still_to_be_repaired(project: Project, earlier: dict[str, str]) -> None:
    """It is there for whoever repairs it, and no part of the release: neither this one nor one of an earlier run.

    Each build makes another one here, and as the project says that one is enough, nobody asks.
    """
    with_backend(project, platform(LINUX, random=True), keys="rebuild = false")
    wheel, old = f"demo-1.4.0-{LINUX}.whl", f"demo-1.3.0-{LINUX}.whl"
    for name in (wheel, old):
        (dist(project) / name).write_bytes(b"of an earlier run")
    result = project.run("build", *JSON)
    assert outcome(result) == (0, [("dist-name", "warning", wheel)])
    assert result.json["twice"] is False
    assert list(sums(dist(project))) == [SDIST]
    assert sorted(contents(dist(project))) == sorted(["SHA256SUMS", wheel, old, SDIST, "release.json"])
    refused = look_into(dist(project)).report
    assert {found.path for found in refused.findings} == {str(dist(project) / name) for name in (wheel, old)}


def test_a_wheel_that_no_index_takes_stops_a_workflow(project: Project) -> None:
    """There, nobody repairs it; so the job that builds says so, and not one that comes after it."""
    with_backend(project, platform(LINUX), keys="rebuild = false")
    wheel = f"dist/demo-1.4.0-{LINUX}.whl"
    repair = f"  next  auditwheel repair {wheel} --wheel-dir dist && rm {wheel}, then tagready publish\n"
    assert built(project, "--once").out.endswith(repair)
    shutil.rmtree(dist(project))

    result = project.run("build", "--format", "github")

    assert result.code == 1
    assert result.out.startswith(f"::error file={wheel}")
    assert "platform that PyPI takes no wheels for" in result.out
    assert "let a job before this one build and repair the wheels (cibuildwheel), and put them into dist" in result.out
    assert not dist(project).exists()
    amend(project, {"changelog.d/9.feature.md": "More.\n"}, tag=None)
    assert project.run("build", "--format", "github").code == 0  # of what is no release


def test_a_wheel_for_plain_linux_is_left_out_where_a_repaired_one_is(project: Project) -> None:
    """As in a workflow: other jobs make the wheels, and the one that is built here only shows that it can be."""
    repaired = f"demo-1.4.0-{MANYLINUX}.whl"
    with_backend(project, platform(MANYLINUX), keys="rebuild = false")
    built(project, "--once", "--out", "wheels")
    with_backend(project, platform(LINUX), keys="rebuild = false")
    dist(project).mkdir()
    shutil.move(project.path / "wheels" / repaired, dist(project))

    said = built(project, "--format", "github").out

    assert "dist-name" not in said
    assert list(sums(dist(project))) == [repaired, SDIST]
    assert sorted(contents(dist(project))) == sorted(["SHA256SUMS", SDIST, repaired, "release.json"])
    assert look_into(dist(project)).report.ok
    said = built(project, "--once").out
    told = f"wheel demo-1.4.0-{LINUX}.whl is left out: dist has wheels for Linux that indexes take"
    assert told in " ".join(said.split())
    assert said.endswith("  next  tagready publish\n")


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("linux_x86_64", "manylinux_2_28_x86_64", True),
        ("linux_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("linux_x86_64", "manylinux_2_28_aarch64", False),
        ("linux_x86_64", "musllinux_1_2_x86_64", False),
        ("linux_x86_64", "win_amd64", False),
        ("linux_armv7l", "manylinux_2_31_armv7l", False),
        ("any", "manylinux_2_28_x86_64", False),
    ],
)
def test_which_wheel_stands_in_for_one_for_plain_linux(name: str, other: str, expected: bool) -> None:
    wheel, there = (f"demo-1.4.0-cp311-cp311-{tag}.whl" for tag in (name, other))
    assert command._has_repaired(wheel, [Path(SDIST), Path(there)]) is expected


# -- secrets, and people who interrupt ---------------------------------------------------------------------------------


PACKS = RANDOM.replace("os.urandom(8).hex()", "repr(os.environ)")
LOOKS = "import demo, os; assert 's3cret' not in repr(os.environ); assert 'PATH' in os.environ"


def test_secrets_are_out_of_reach(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a backend that packs its environment (which differs each time, so once is enough), and of the smoke test."""
    for name in ("PYPI_API_TOKEN", "TWINE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.setenv(name, "s3cret")
    with_backend(project, PACKS, keys=f'smoke = "python -c \\"{LOOKS}\\""')
    built(project, *ONCE, "--smoke")
    packed = members(dist(project) / SDIST)["made.txt"]
    assert "SOURCE_DATE_EPOCH" in packed
    assert "s3cret" not in packed
    assert os.environ["PYPI_API_TOKEN"] == "s3cret"


HANGS = """def build_wheel(folder, settings=None, metadata=None):
    Path(os.environ["STARTED"]).touch()
    time.sleep(60)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_ended_from_outside(
    project: Project, earlier: dict[str, str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with_backend(project, HANGS)
    scratch, started = tmp_path / "scratch", tmp_path / "started"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tagready", "build", *ONCE], cwd=project.path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"STARTED": str(started), "TMPDIR": str(scratch)},
    )  # fmt: skip
    while not started.exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "")
    assert contents(dist(project)) == earlier
    if number == signal.SIGINT:
        assert err.endswith("Interrupted. Run the same command again: it finishes what is missing.\n")
        assert list(scratch.iterdir()) == []


#: Forks a process for each write of putting a build into its folder, which is killed just before it.
KILLER = """import os, shutil, signal, sys
from pathlib import Path
from tagready.commands import build
from tagready.facts.publishing import release_file

new, old, root = map(Path, sys.argv[1:])
release = release_file.read((new / "release.json").read_text(), "")
made = build._Made(*sorted(new.glob("demo-*.tar.gz")), *sorted(new.glob("demo-*.whl")), False)
WRITES = {"os.rename", "os.remove", "shutil.copyfile"}

def put(folder, at):
    seen = 0
    def watch(event, arguments):
        nonlocal seen
        if event in WRITES or (event == "open" and arguments[1] and "w" in arguments[1]):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    build._put(release, made, folder)
    os._exit(0)

at, status = 0, 1
while status:
    at += 1
    folder = root / f"{at:02}"
    shutil.copytree(old, folder)
    child = os.fork()
    if not child:
        put(folder, at)
    status = os.waitpid(child, 0)[1]
"""


def told_in(folder: Path) -> str:
    """Return the version that a release.json tells of, all of whose files have to be as it says."""
    if not (folder / "release.json").exists():
        return "nothing"
    assert unlike_release(folder).ok
    return read((folder / "release.json").read_text(), "").version


def test_killed_while_it_writes(
    project: Project, earlier: dict[str, str], reference: Reference, tmp_path: Path
) -> None:
    """release.json is there only with all of its files; and the next build brings what is left in order."""
    root, new = tmp_path / "killed", reference.folder
    root.mkdir()
    subprocess.run([sys.executable, "-c", KILLER, new, dist(project), root], check=True)
    ends = sorted(root.iterdir())
    told = [told_in(end) for end in ends]
    assert sorted(told, key=["1.3.0", "nothing", "1.4.0"].index) == told
    assert told.count("nothing") > 10
    assert contents(ends[0]) == earlier
    assert contents(ends[-1]) == contents(new)
    halfway = ends[told.index("1.4.0") - 1]
    assert any(name.startswith(".") for name in contents(halfway))
    built(project, *ONCE, "--out", str(halfway))
    assert sums(halfway) == sums(new)
    assert sorted(contents(halfway)) == sorted(contents(new))
