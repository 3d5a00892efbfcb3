"""init in real repositories: what is missing is written, nothing of anybody's is lost, and what drifts is found."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

import indexes
from projects import CHANGELOG, MARKER, PYPROJECT, Project, add_remote, make_project
from shapes import FLIT_CHANGELOG, PLAIN, SHAPES, init, shaped, steps
from tagready.commands import init as scaffolding
from tagready.doors import git
from tagready.facts.findings import WorldFailed
from tagready.facts.scaffolding.stamps import digest, read_stamp, stamped

WORKFLOWS = ".github/workflows"
GENERATED = [
    f"{WORKFLOWS}/release.yml", f"{WORKFLOWS}/prepare-release.yml", f"{WORKFLOWS}/release-readiness.yml",
    f"{WORKFLOWS}/protect-main.yml", ".github/tagready.txt",
]  # fmt: skip
README, CHECKLIST = "changelog.d/README.md", "docs/releases/readiness-checklist.md"
OWN = version("tagready")
WHEEL = f"tagready-{OWN}-py3-none-any.whl"
OFFLINE = "http://127.0.0.1:9/simple/"


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An index that lists this tagready."""
    folder = tmp_path_factory.mktemp("index")
    (folder / WHEEL).write_bytes(b"a wheel")
    (folder / WHEEL.replace("-py3-none-any.whl", ".tar.gz")).write_bytes(b"a source distribution")
    with indexes.pypiserver(folder) as url:
        yield url


@pytest.fixture(autouse=True)
def _index(listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGREADY_INDEX_URL", listed)


def adopted(project: Project) -> Project:
    """Return the project with what init writes, committed."""
    init(project)
    project.commit("Release with tagready")
    return project


def edit(project: Project, path: str, old: str, new: str) -> None:
    text = project.read(path)
    assert text.count(old) >= 1
    project.write(path, text.replace(old, new, 1))


# -- what is written ---------------------------------------------------------------------------------------------------


def test_an_empty_project_gets_everything(plain: Project) -> None:
    done = init(plain, "--format", "json")

    assert steps(done) == {
        "towncrier.toml": "create",
        "pyproject.toml": "change",
        "CHANGELOG.md": "create",
        README: "create",
        CHECKLIST: "create",
        **dict.fromkeys(GENERATED, "create"),
        "CONTRIBUTING.md": "create",
    }
    assert done.json["ok"] is True
    assert (done.json["written"], done.json["hints"], done.json["project"]) == (True, [], "demo")
    assert all((plain.path / path).is_file() for path in steps(done))
    assert plain.read("pyproject.toml") == f"{PLAIN}\n[tool.tagready]\nstrict-entry = true\n"
    assert plain.read("CHANGELOG.md") == f"# Changelog\n\n{MARKER}\n"
    assert plain.git("log", "--oneline").count("\n") == 2  # nothing was committed
    assert plain.git("diff", "--cached") == ""


def test_the_second_run_writes_nothing(plain: Project) -> None:
    init(plain)
    before = plain.fingerprint()

    again = init(plain, "--format", "json")

    assert plain.fingerprint() == before
    assert steps(again) == dict.fromkeys(GENERATED, "keep")
    assert again.json["written"] is False
    assert init(plain, "--check").out == "* demo: the generated files are as init writes them\n"
    assert init(plain).out.endswith("* Nothing to write.\n")
    assert steps(init(plain, "--upgrade", "--format", "json")) == dict.fromkeys(GENERATED, "keep")


def test_what_is_there_stays(tmp_path: Path) -> None:
    project = make_project(
        tmp_path / "demo", pyproject=f'{PYPROJECT}\n[tool.tagready]\nflow = "direct"\n', changelog=CHANGELOG
    )
    add_remote(project, tmp_path / "remote.git")
    mine = {
        f"{WORKFLOWS}/release.yml": "on: push\npermissions: {}\njobs: {}\n",
        f"{WORKFLOWS}/ci.yml": "on: push\npermissions: {}\njobs: {}\n",
        "changelog.d/README.rst": "Our words.\n",
        "CONTRIBUTING.md": "Write a news fragment.\n",
        CHECKLIST: "Ours.\n",
        ".github/tagready.txt": "",
    }
    for path, text in mine.items():
        project.write(path, text)
    project.commit("Everything")

    done = init(project, "--format", "json")

    assert {path: action for path, action in steps(done).items() if action == "keep"} == {
        f"{WORKFLOWS}/release.yml": "keep", ".github/tagready.txt": "keep",
    }  # fmt: skip
    assert project.git("diff") == ""
    assert sorted(project.git("ls-files", "--others").split("\n")) == sorted(GENERATED[1:4])
    assert f"  = leave   {WORKFLOWS}/release.yml            yours, so it stays\n" in init(project).out
    assert init(project, "--check").code == 0
    init(project, "--upgrade")
    assert project.git("diff") == ""


def test_a_remote_makes_the_pull_request_flow(plain: Project, tmp_path: Path) -> None:
    add_remote(plain, tmp_path / "remote.git")
    init(plain)
    assert tomllib.loads(plain.read("pyproject.toml"))["tool"]["tagready"] == {
        "flow": "pull-request", "strict-entry": True,
    }  # fmt: skip


def test_of_several_remotes_the_branchs_own_is_meant(plain: Project, tmp_path: Path) -> None:
    """As prepare, tag and status mean it."""
    add_remote(plain, tmp_path / "mine.git")
    add_remote(plain, tmp_path / "company.git", "company")
    plain.git("config", "remote.origin.url", "https://github.com/me/lantern")
    plain.git("config", "remote.company.url", "https://github.com/company/lantern")
    init(plain)
    assert "https://github.com/company/lantern/issues/" in plain.read("towncrier.toml")


def test_a_main_that_takes_pull_requests_is_not_committed_to(plain: Project, tmp_path: Path) -> None:
    """Else the first thing that a project sees of it is that `protect-main` fails."""
    add_remote(plain, tmp_path / "remote.git")

    following = init(plain).out.partition("\n  next  ")[2].partition("\n  then  ")[0]

    branch, add, *others = (line.strip() for line in following.split("\n"))
    assert (branch, add[:8]) == ("git switch --create tagready", "git add ")
    assert others == [
        'git commit -m "Release with tagready"',
        "git push --set-upstream origin tagready, and open a pull request",
    ]
    plain.git("switch", "--quiet", "--create", "tagready")
    plain.commit("Release with tagready")
    (plain.path / HEAD).unlink()
    assert "git switch" not in init(plain).out
    plain.git("switch", "--quiet", "main")
    plain.git("merge", "--quiet", "tagready")
    plain.write(HEAD, old(plain.read(HEAD)))
    assert "  next  git switch --create renew-tagready\n        git add " in init(plain, "--upgrade").out
    edit(plain, "pyproject.toml", '"pull-request"', '"direct"')
    plain.write(HEAD, old(plain.read(HEAD)))
    assert "git switch" not in init(plain, "--upgrade").out


def test_an_empty_remote_takes_no_pull_request(plain: Project, tmp_path: Path) -> None:
    plain.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    plain.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    shown = init(plain).out
    assert 'flow = "pull-request"' in shown
    assert "  next  git add " in shown


@pytest.mark.parametrize(
    ("path", "text", "heading"),
    [
        ("CONTRIBUTING.rst", "Hello\n=====\n\nHi.\n", "News fragments\n--------------\n"),
        (".github/CONTRIBUTING.md", "# Hello\n", "## News fragments\n"),
        (".github/CONTRIBUTING.rst", "Hello\n=====\n", "News fragments\n--------------\n"),
        ("docs/contributing.rst", "Hello\n=====\n", "News fragments\n--------------\n"),
        ("docs/Contributing.md", "# Hello", "## News fragments\n"),
        ("contributing.md", "# Hello\r\n", "## News fragments\r\n"),
        ("CONTRIBUTING", "Hello.\n", "News fragments\n--------------\n"),
    ],
)
def test_contributors_are_told_where_they_look(plain: Project, path: str, text: str, heading: str) -> None:
    plain.write(path, text)

    done = init(plain, "--format", "json")

    assert [each for each in steps(done) if "contributing" in each.lower()] == [path]
    after = plain.read(path)
    assert after.startswith(text)
    assert after[len(text) :].strip().startswith(heading)
    assert path not in steps(init(plain, "--format", "json"))


def test_contributors_are_told_once(plain: Project) -> None:
    plain.write(".github/CONTRIBUTING.md", "See docs.\n")
    plain.write("docs/contributing.rst", "Add a news fragment.\n")
    assert not [path for path in steps(init(plain, "--format", "json")) if "contributing" in path.lower()]


def test_a_changelog_kept_by_hand_gets_its_marker(plain: Project) -> None:
    plain.write("CHANGELOG.md", FLIT_CHANGELOG)

    done = init(plain, "--format", "json")

    assert plain.read("CHANGELOG.md") == FLIT_CHANGELOG.replace("## [1.3.0]", f"{MARKER}\n\n## [1.3.0]")
    settings = tomllib.loads(plain.read("towncrier.toml"))["tool"]["towncrier"]
    assert settings["title_format"] == "## [{version}] - {project_date}"
    assert [kind["name"] for kind in settings["type"]] == [
        "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security",
    ]  # fmt: skip
    assert done.json["hints"] == [
        "CHANGELOG.md:9 says what is not released yet, and no release would take it up: move each item into a fragment "
        "of its own (tagready add), and remove it there"
    ]


def test_the_file_with_the_entries_is_the_changelog(plain: Project) -> None:
    plain.write("HISTORY.rst", "History\n=======\n\nSee docs/changelog.rst.\n")
    plain.write("docs/changelog.rst", "Changelog\n=========\n\nv1.3.0 (2026-01-01)\n~~~~~~~~~~~~~~~~~~~\n\n- x\n")

    init(plain)

    settings = tomllib.loads(plain.read("towncrier.toml"))["tool"]["towncrier"]
    assert settings["filename"] == "docs/changelog.rst"
    assert (settings["title_format"], settings["underlines"]) == ("v{version} ({project_date})", ["~", "-", "^"])
    assert plain.git("diff", "--name-only") == "pyproject.toml"
    assert plain.read("HISTORY.rst") == "History\n=======\n\nSee docs/changelog.rst.\n"


def test_lines_above_headings_are_told(plain: Project) -> None:
    plain.write("NEWS.rst", "****\nNews\n****\n\n======\nv1.3.0\n======\n\n- x\n")
    hints = init(plain, "--format", "json").json["hints"]
    assert hints == [
        "NEWS.rst has headings with a line above them, and towncrier writes none: let a template of your own write "
        "them (title_format = false), or take the lines away"
    ]


def test_a_symlinked_changelog_stays_one(plain: Project) -> None:
    plain.write("docs/log.md", "# Log\n\n## 1.3.0\n\n- x\n")
    (plain.path / "CHANGELOG.md").symlink_to("docs/log.md")

    init(plain)

    assert (plain.path / "CHANGELOG.md").readlink() == Path("docs/log.md")
    assert plain.read("docs/log.md") == f"# Log\n\n{MARKER}\n\n## 1.3.0\n\n- x\n"


def test_line_endings_and_modes_stay(plain: Project) -> None:
    plain.write("pyproject.toml", PLAIN.replace("\n", "\r\n"))
    (plain.path / "pyproject.toml").chmod(0o640)

    init(plain)

    assert plain.read("pyproject.toml") == f"{PLAIN}\n[tool.tagready]\nstrict-entry = true\n".replace("\n", "\r\n")
    assert (plain.path / "pyproject.toml").stat().st_mode & 0o777 == 0o640
    umask = os.umask(0)
    os.umask(umask)
    assert (plain.path / "towncrier.toml").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("pyproject", [None, "tool = {black = {}}\nproject = {name = 'demo', version = '1.3.0'}\n"])
def test_settings_of_their_own_where_pyproject_takes_none(plain: Project, pyproject: str | None) -> None:
    plain.git("rm", "--quiet", "--cached", "pyproject.toml")
    (plain.path / "pyproject.toml").unlink()
    plain.write("setup.cfg", "[metadata]\nname = demo\n")
    if pyproject:
        plain.write("pyproject.toml", pyproject)

    init(plain)

    assert plain.read("tagready.toml") == "strict-entry = true\n"
    assert not pyproject or plain.read("pyproject.toml") == pyproject
    assert steps(init(plain, "--format", "json")) == dict.fromkeys(GENERATED, "keep")


def test_a_towncrier_toml_that_says_nothing_of_towncrier_only_grows(plain: Project) -> None:
    plain.write("towncrier.toml", "# soon\n")

    done = init(plain, "--format", "json")

    assert steps(done)["towncrier.toml"] == "change"
    assert plain.read("towncrier.toml").startswith("# soon\n\n# How news fragments")


def test_towncrier_settings_decide_where_things_are(tmp_path: Path) -> None:
    sections = (
        '[tool.towncrier]\ndirectory = "../news"\nfilename = "../NEWS.md"\nstart_string = "<!-- here -->\\n"\n'
        '[[tool.towncrier.section]]\npath = "core"\nname = ""\n'
        '[[tool.towncrier.section]]\npath = "web"\nname = "Web"\n'
    )
    project = make_project(tmp_path / "demo", pyproject="", changelog=None, fragments={})
    project.write("python/pyproject.toml", PLAIN + sections)
    project.write("README", "x")

    done = init(Project(project.path / "python"), "--format", "json")

    assert [path for path in steps(done) if not path.startswith(".github")] == [
        "python/pyproject.toml", "NEWS.md", "news/README.md", f"python/{CHECKLIST}",
    ]  # fmt: skip
    assert project.read("NEWS.md") == "<!-- here -->\n"


def test_a_changelog_per_version_has_no_marker(tmp_path: Path) -> None:
    pyproject = PYPROJECT.replace('"CHANGELOG.md"', '"news/{version}.md"\nsingle_file = false')
    project = make_project(tmp_path / "demo", pyproject=pyproject, changelog=None)
    assert not [path for path in steps(init(project, "--format", "json")) if "news" in path or "CHANGELOG" in path]


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet", "--initial-branch=trunk")
    project.write("pyproject.toml", PLAIN)

    init(project)

    assert 'branches: ["trunk"]' in project.read(f"{WORKFLOWS}/protect-main.yml")
    assert init(project, "--check").code == 0


def test_from_a_folder_inside_and_with_c(plain: Project) -> None:
    plain.write("src/deep/x.py", "")
    inside = f"{plain.path.name}/src/deep"
    done = init(Project(plain.path.parent), "-C", inside)
    add = next(line for line in done.out.splitlines() if line.startswith("  next  "))
    assert add.startswith(f"  next  git -C {inside} add ../../towncrier.toml ../../pyproject.toml")
    assert (plain.path / "towncrier.toml").is_file()
    assert not (plain.path / "src/towncrier.toml").exists()
    subprocess.run(add.removeprefix("  next  "), shell=True, check=True, cwd=plain.path.parent)
    assert plain.git("diff", "--cached", "--name-only").count("\n") == 10
    assert plain.git("ls-files", "--others") == "src/deep/x.py"


def test_keys_that_lie_over_the_projects_own(plain: Project) -> None:
    over = plain.write("over.toml", 'publish = { trusted = true }\ngenerated = ["protect-*.yml"]\n')
    done = init(plain, "--config", "over.toml", "--format", "json")
    assert over.is_file()
    assert f"{WORKFLOWS}/protect-main.yml" not in steps(done)
    assert "id-token: write" in plain.read(f"{WORKFLOWS}/release.yml")


# -- what stops it -----------------------------------------------------------------------------------------------------


def test_no_project(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet")
    done = init(project, code=2)
    assert "there is no pyproject.toml here or above" in " ".join(done.err.split())
    assert list(tmp_path.iterdir()) == [tmp_path / ".git"]


NO_TOML = "is not valid TOML"


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("pyproject.toml", "[project]\nname = \n", f"pyproject.toml {NO_TOML}: Invalid value (at line 2, column 8)"),
        ("towncrier.toml", "[tool\n", f"towncrier.toml {NO_TOML}: Expected ']' at the end of a table declaration"),
        ("pyproject.toml", "\ufeff[project]\n", f"pyproject.toml {NO_TOML}: Invalid statement (at line 1, column 1)"),
        ("pyproject.toml", "tool = 3\n", "pyproject.toml: tool must be a table, not 3"),
        ("tagready.toml", "flwo = 'direct'\n", "tagready.toml: there is no key 'flwo'"),
        ("pyproject.toml", "[tool.tagready]\ngenerated = 'x'\n", "pyproject.toml: generated must be a list of strings"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_read(plain: Project, path: str, text: str, said: str) -> None:
    plain.write(path, text)
    before = plain.fingerprint()
    for arguments in ((), ("--check",), ("--upgrade",)):
        assert said in " ".join(init(plain, *arguments, code=2).err.split())
    assert plain.fingerprint() == before
    assert init(plain, "--format", "json", code=2).json["error"]["what"].startswith(said)


def test_check_goes_alone(plain: Project) -> None:
    assert "--check writes nothing: give it alone" in init(plain, "--check", "--upgrade", code=2).err


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing be written into a folder. To root, its mode says nothing."""
    if os.geteuid():
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    done = subprocess.run(["chattr", "+i", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("nothing keeps root from writing here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(folder)], check=True)


def everything(project: Project) -> dict[str, bytes | None]:
    found = project.path.rglob("*")
    return {str(path): path.read_bytes() if path.is_file() else None for path in found if ".git/" not in f"{path}/"}


@pytest.mark.parametrize("blocked", ["docs", ".github", ".github/workflows"])
def test_a_folder_that_takes_no_file_in_the_middle(plain: Project, blocked: str) -> None:
    (plain.path / blocked).mkdir(parents=True)
    # A file where a folder is to be is in the way of everybody, root or not.
    inner = {"docs": "docs/releases", ".github": ".github/workflows", ".github/workflows": f"{WORKFLOWS}/release.yml"}
    obstacle = plain.path / inner[blocked]
    if blocked == ".github/workflows":
        obstacle.symlink_to("nowhere/at/all")
    else:
        obstacle.write_text("in the way")
    before = everything(plain)

    done = init(plain, code=3)

    assert "cannot be written" in done.err
    assert "nothing was changed" in " ".join(done.err.split())
    assert everything(plain) == before


def test_a_read_only_folder_in_the_middle(plain: Project) -> None:
    plain.write("docs/index.md", "")
    plain.commit("A folder")
    before = everything(plain)
    with read_only(plain.path / "docs"):
        done = init(plain, "--format", "json", code=3)
        assert everything(plain) == before
        assert plain.status() == ""
    assert done.json["error"]["what"].startswith(f"{CHECKLIST} cannot be written: ")
    assert done.json["error"]["what"].endswith("; nothing was changed")
    init(plain)


# -- drift -------------------------------------------------------------------------------------------------------------

Change = Callable[[Project], object]


def _by_hand(project: Project) -> None:
    edit(project, f"{WORKFLOWS}/protect-main.yml", "timeout-minutes: 10", "timeout-minutes: 11")


def _older(project: Project) -> None:
    path = f"{WORKFLOWS}/protect-main.yml"
    body = (read_stamp(project.read(path)) or pytest.fail("it bears no stamp")).body
    project.write(path, stamped(body.replace("minutes: 10", "minutes: 9"), "0.0.9"))


def _older_and_by_hand(project: Project) -> None:
    _older(project)
    edit(project, HEAD, "Look at what was pushed", "Look at it")


def _older_and_the_same(project: Project) -> None:
    path = f"{WORKFLOWS}/protect-main.yml"
    project.write(path, project.read(path).replace(f"tagready {OWN};", "tagready 0.0.9;", 1))


def _missing(project: Project) -> None:
    (project.path / f"{WORKFLOWS}/protect-main.yml").unlink()


def _no_checklist(project: Project) -> None:
    (project.path / CHECKLIST).unlink()


def _own_readme(project: Project) -> None:
    (project.path / README).rename(project.path / "changelog.d" / "readme.rst")


def _hand_made(project: Project) -> None:
    project.write(f"{WORKFLOWS}/protect-main.yml", "on: push\npermissions: {}\njobs: {}\n")


def _opted_out(name: str) -> Change:
    def change(project: Project) -> None:
        _by_hand(project)
        edit(project, "pyproject.toml", "[tool.tagready]\n", f'[tool.tagready]\ngenerated = ["{name}"]\n')

    return change


def _windows(project: Project) -> None:
    for path in GENERATED:
        project.write(path, project.read(path).replace("\n", "\r\n"))


def _other_branch(project: Project) -> None:
    project.git("branch", "-m", "main", "trunk")


def _other_tags(project: Project) -> None:
    project.git("tag", "demo-1.4.0")


def _other_tests(project: Project) -> None:
    project.write("tox.ini", "[testenv]\ncommands = pytest\n")


HEAD = f"{WORKFLOWS}/protect-main.yml"
KEEPS = f'rm {HEAD} && tagready init; if the file is yours now: generated = ["{HEAD}"]'

UPGRADES = f'tagready init --upgrade, which keeps your changes; if the file is yours now: generated = ["{HEAD}"]'


@pytest.mark.parametrize(
    ("change", "message", "line", "fix"),
    [
        (_by_hand, "was changed by hand", 25, KEEPS),
        (_older_and_by_hand, "was changed by hand", 25, UPGRADES),
        (_older, f"was written by tagready 0.0.9, and {OWN} writes it differently", 25, "tagready init --upgrade"),
    ],
)
def test_drift_shows_the_difference(plain: Project, change: Change, message: str, line: int, fix: str) -> None:
    init(plain)
    pristine = plain.read(HEAD)
    change(plain)
    mine = plain.read(HEAD)

    done = init(plain, "--check", "--format", "json", code=1)

    [found] = done.json["findings"]
    said, *difference = found.pop("message").split("\n")
    assert found == {"rule": "init-drift", "level": "error", "fix": fix, "path": HEAD, "line": line}
    assert said == f"{HEAD} {message}"
    assert difference[:2] == ["--- as it is", "+++ as init writes it"]
    changed = [row for row in difference[2:] if row[0] in "+-"]
    assert [row[1:] for row in changed if row[0] == "-"] == [
        a for a in mine.split("\n") if a not in pristine.split("\n")
    ]
    assert [row[1:] for row in changed if row[0] == "+"] == [
        a for a in pristine.split("\n") if a not in mine.split("\n")
    ]
    assert mine.split("\n")[line - 1] in [row[1:] for row in changed]


NEEDS = "is not what this project needs now: its branch, tags, tests or settings changed since"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_missing, {HEAD: f"{HEAD} is missing (names unreviewed commits)"}),
        (_no_checklist, {CHECKLIST: f"{CHECKLIST} is missing (what to set up once)"}),
        (_other_branch, {HEAD: f"{HEAD} {NEEDS}"}),
        (_other_tags, {f"{WORKFLOWS}/release.yml": f"{WORKFLOWS}/release.yml {NEEDS}"}),
        (
            _other_tests,
            {path: f"{path} {NEEDS}" for path in (f"{WORKFLOWS}/release.yml", f"{WORKFLOWS}/release-readiness.yml")},
        ),
        (_older_and_the_same, {}),
        (_own_readme, {}),
        (_hand_made, {}),
        (_opted_out("protect-main.yml"), {}),
        (_opted_out("protect-*"), {}),
        (_opted_out(HEAD), {}),
        (_opted_out("*.yml"), {}),
        (_opted_out("release.yml"), {HEAD: f"{HEAD} was changed by hand"}),
        (_windows, {}),
    ],
)
def test_what_is_drift(plain: Project, change: Change, expected: dict[str, str]) -> None:
    adopted(plain)
    change(plain)
    before = plain.fingerprint()

    done = plain.run("init", "--check", "--format", "json")

    assert plain.fingerprint() == before
    assert {found["path"]: found["message"].split("\n")[0] for found in done.json["findings"]} == expected
    assert {found["rule"] for found in done.json["findings"]} <= {"init-drift"}
    assert (done.code, done.json["ok"]) == (int(bool(expected)), not expected)


READINESS = f"{WORKFLOWS}/release-readiness.yml"
MAKE = '["pip install .", "make test # all"]'


def test_what_the_tests_run_is_the_projects_to_say(plain: Project) -> None:
    """By hand it is drift; the key that the finding names puts an end to that."""
    done = init(adopted(plain), "--upgrade")
    assert "test-commands" not in done.out  # no workflow is written
    edit(plain, READINESS, "      - run: python -m pytest\n", "      - run: make test\n")
    edit(plain, HEAD, "timeout-minutes: 10", "timeout-minutes: 11")

    [by_hand, other] = init(plain, "--check", "--format", "json", code=1).json["findings"]

    own = "if the file is yours now: generated = "
    assert (by_hand["path"], by_hand["fix"]) == (
        READINESS,
        f'rm {READINESS} && tagready init; what the tests run: test-commands in [tool.tagready]; {own}["{READINESS}"]',
    )
    assert (other["path"], other["fix"]) == (HEAD, KEEPS)
    plain.git("checkout", "--", ".github")
    edit(plain, "pyproject.toml", "[tool.tagready]\n", f"[tool.tagready]\ntest-commands = {MAKE}\n")
    shown = init(plain, "--upgrade")
    assert (
        "  tests     pip install .\n            make test # all\n            (from test-commands in [tool.tagready])\n"
    ) in shown.out
    assert init(plain, "--check").code == 0
    for path in (READINESS, f"{WORKFLOWS}/release.yml"):
        assert '      - run: pip install .\n      - run: "make test # all"\n' in plain.read(path)


def test_the_plan_shows_how_the_tests_will_run(plain: Project) -> None:
    commands = ["python -m pip install --editable . pytest", "python -m pytest"]
    shown = init(plain)
    assert (
        f"  tests     {commands[0]}\n            {commands[1]}\n            (another way: test-commands in "
        in shown.out
    )
    (plain.path / READINESS).unlink()
    assert init(plain, "--format", "json").json["tests"] == commands
    assert init(plain, "--format", "json").json["tests"] == []  # nothing is written, and nothing shown


def test_a_command_of_several_lines_is_set_in(plain: Project) -> None:
    keys = '[tool.tagready]\ntest-commands = ["if a; then\\n  b\\nfi\\n", "c"]\n'
    plain.write("pyproject.toml", f"{PLAIN}\n{keys}")
    shown = init(plain).out
    assert "\n  tests     if a; then\n                b\n              fi\n            c\n            (from " in shown


def test_a_project_without_tests_is_told(plain: Project) -> None:
    plain.git("rm", "--quiet", "-r", "tests")
    done = init(plain, "--format", "json")
    [hint] = done.json["hints"]
    assert hint.startswith("no tests were found, so the job `test` of the workflows installs the project and runs none")
    edit(plain, "pyproject.toml", "[tool.tagready]\n", '[tool.tagready]\ntest-commands = "make test"\n')
    assert init(plain, "--upgrade", "--format", "json").json["hints"] == []


def test_setup_cfg_is_read(plain: Project) -> None:
    plain.write("setup.cfg", "[metadata]\nclassifiers =\n  Programming Language :: Python :: 3.12\n")
    init(plain)
    assert '        python: ["3.12"]\n' in plain.read(READINESS)


# -- several projects --------------------------------------------------------------------------------------------------


@pytest.fixture
def shade(plain: Project) -> Project:
    """A second project, in a folder of its own, which has no tag; the first one has one."""
    plain.git("tag", "demo-1.3.0", "v1.3.0")
    plain.git("tag", "--delete", "v1.3.0")
    plain.write("Shade/pyproject.toml", PLAIN.replace("demo", "Shade"))
    plain.write("Shade/tests/test_shade.py", "")
    plain.commit("Add a project")
    return Project(plain.path / "Shade")


def test_a_project_of_several_gets_tags_of_its_own(shade: Project) -> None:
    init(shade)
    keys = tomllib.loads(shade.read("pyproject.toml"))["tool"]["tagready"]
    assert (keys["tag-format"], keys["branch"]) == ("shade-{version}", "release/shade-{version}")
    assert 'tags: ["shade-[0-9]*"]' in shade.read(f"../{WORKFLOWS}/release-shade.yml")
    assert init(shade, "--check").code == 0
    assert init(shade, "--upgrade", "--format", "json").json["hints"] == []


@pytest.mark.parametrize(
    ("keys", "tag", "hinted"),
    [('flow = "direct"', "demo-1.3.0", True), ('tag-format = "s{version}"', "demo-1.3.0", False),
     ('flow = "direct"', "shade-1.3.0", False)],
)  # fmt: skip
def test_a_project_of_several_with_keys_of_its_own_is_told(shade: Project, keys: str, tag: str, hinted: bool) -> None:
    shade.git("tag", "--force", tag)
    shade.write("pyproject.toml", f"{shade.read('pyproject.toml')}\n[tool.tagready]\n{keys}\n")
    hints = init(shade, "--format", "json").json["hints"]
    assert hints == [
        "v1.4.0 would start release-shade.yml and the release of each other project here that has such tags: "
        'tag-format = "shade-{version}" in [tool.tagready], then tagready init --upgrade'
    ] * hinted  # fmt: skip


def test_tags_that_are_there_stay_as_they_are(shade: Project) -> None:
    shade.git("tag", "v1.3.0", "demo-1.3.0")
    shade.git("tag", "--delete", "demo-1.3.0")
    [hint] = init(shade, "--format", "json").json["hints"] or [""]
    assert "tag-format" not in shade.read("pyproject.toml")
    assert 'tags: ["v[0-9]*"]' in shade.read(f"../{WORKFLOWS}/release-shade.yml")
    assert hint == ""
    [hint] = init(Project(shade.path.parent), "--format", "json").json["hints"]
    assert hint.startswith("v1.4.0 would start release.yml and the release of each other project here")


def test_a_missing_file_can_be_opted_out(plain: Project) -> None:
    adopted(plain)
    _missing(plain)
    [found] = init(plain, "--check", "--format", "json", code=1).json["findings"]
    assert found["fix"] == f'tagready init, or generated = ["{HEAD}"] if you want none'
    init(plain)
    init(plain, "--check")


def test_an_unsafe_workflow_of_the_projects_own_is_named(plain: Project) -> None:
    adopted(plain)
    plain.write(
        f"{WORKFLOWS}/old.yml",
        "on: push\npermissions: {}\njobs:\n  publish:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: twine upload --skip-existing dist/*\n"
        "        env:\n          TWINE_PASSWORD: ${{ secrets.PYPI_API_TOKEN }}\n",
    )
    done = init(plain, "--check", "--format", "json")
    found = {(each["rule"], each["level"], each["path"]) for each in done.json["findings"]}
    assert found == {("workflow-unsafe", "warning", f"{WORKFLOWS}/old.yml")}


def test_drift_as_annotations(plain: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adopted(plain)
    _by_hand(plain)
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    done = init(plain, "--check", "--format", "github", code=1)

    assert done.out.startswith(f"::error file={HEAD},line=25,title=init-drift::{HEAD} was changed by hand")
    assert done.out.endswith("tagready: demo: the generated files are not as init writes them\n")
    assert "was changed by hand" in summary.read_text("utf-8")


# -- upgrade -----------------------------------------------------------------------------------------------------------


def old(text: str) -> str:
    """Return a generated file as an older tagready might have written it."""
    body = (read_stamp(text) or pytest.fail("it bears no stamp")).body
    return stamped(body.replace("timeout-minutes: 10", "timeout-minutes: 9"), "0.0.9")


@pytest.fixture
def aged(plain: Project) -> Project:
    """A project with a workflow that an older tagready wrote."""
    init(plain)
    plain.write(HEAD, old(plain.read(HEAD)))
    plain.commit("Release with tagready")
    return plain


def test_what_nobody_touched_is_renewed(aged: Project) -> None:
    kept = init(aged, "--format", "json")
    assert steps(kept)[HEAD] == "keep"
    assert aged.status() == ""

    done = init(aged, "--upgrade", "--format", "json")

    assert steps(done) == {**dict.fromkeys(GENERATED, "keep"), HEAD: "renew"}
    assert aged.git("diff", "--name-only") == HEAD
    assert "timeout-minutes: 10" in aged.read(HEAD)
    init(aged, "--check")


def test_what_both_changed_is_merged(aged: Project) -> None:
    edit(aged, HEAD, "name: Every commit was reviewed", "name: Somebody looked at it")
    aged.commit("Words of our own")

    done = init(aged, "--upgrade", "--format", "json")

    assert steps(done)[HEAD] == "merge"
    text = aged.read(HEAD)
    assert "timeout-minutes: 10" in text
    assert "name: Somebody looked at it" in text
    stamp = read_stamp(text)
    assert stamp is not None
    assert stamp.version == OWN
    assert stamp.digest == digest(stamp.body.replace("Somebody looked at it", "Every commit was reviewed"))
    [found] = init(aged, "--check", "--format", "json", code=1).json["findings"]
    assert found["message"].startswith(f"{HEAD} was changed by hand")
    assert found["fix"] == KEEPS
    again = init(aged, "--upgrade", "--format", "json")
    assert steps(again)[HEAD] == "keep"
    assert aged.read(HEAD) == text


def test_merges_follow_one_another(aged: Project) -> None:
    edit(aged, HEAD, "name: Every commit was reviewed", "name: Somebody looked at it")
    aged.commit("Words of our own")
    for branch in ("trunk", "stem", "trunk"):  # each time, another text is to be written
        init(aged, "--upgrade")
        aged.commit("Renew")
        aged.git("branch", "-m", branch)
    done = init(aged, "--upgrade", "--format", "json")
    text = aged.read(HEAD)
    assert steps(done)[HEAD] == "merge"
    assert "name: Somebody looked at it" in text
    assert 'branches: ["trunk"]' in text
    stamp = read_stamp(text)
    assert stamp is not None
    assert stamp.digest == digest(stamp.body.replace("Somebody looked at it", "Every commit was reviewed"))


def test_a_merge_that_was_edited_before_it_was_committed_is_not_followed(aged: Project) -> None:
    edit(aged, HEAD, "name: Every commit was reviewed", "name: Somebody looked at it")
    aged.commit("Words of our own")
    init(aged, "--upgrade")
    edit(aged, HEAD, "timeout-minutes: 10", "timeout-minutes: 30")
    aged.commit("Renew, and more")
    aged.git("branch", "-m", "trunk")
    [found] = init(aged, "--upgrade", "--format", "json", code=1).json["findings"]
    assert "is not in the history of this repository" in found["message"]


def test_what_both_changed_in_the_same_place_is_left(aged: Project) -> None:
    edit(aged, HEAD, "timeout-minutes: 9", "timeout-minutes: 30")
    aged.commit("More time")
    (aged.path / CHECKLIST).unlink()
    mine = aged.read(HEAD)

    done = init(aged, "--upgrade", code=1)

    assert aged.read(HEAD) == mine
    assert "  next  git add " in done.out
    assert (aged.path / CHECKLIST).is_file()
    assert "both you and this version of tagready changed" in done.err
    assert re.search(r"^ +-    timeout-minutes: 30$", done.err, re.MULTILINE)
    assert re.search(r"^ +\+    timeout-minutes: 10$", done.err, re.MULTILINE)
    again = init(aged, "--upgrade", code=1)
    assert again.out.endswith("\n\nNothing was written.\n")
    report = init(aged, "--upgrade", "--format", "json", code=1).json
    assert [(found["rule"], found["path"]) for found in report["findings"]] == [("init-drift", HEAD)]
    assert report["findings"][0]["fix"].endswith(f'to keep yours: generated = ["{HEAD}"]')


def test_what_was_never_committed_as_written_cannot_be_merged(plain: Project) -> None:
    init(plain)
    plain.write(HEAD, old(plain.read(HEAD)).replace("Every commit was", "Each commit was"))
    plain.commit("All at once")

    done = init(plain, "--upgrade", "--format", "json", code=1)

    [found] = done.json["findings"]
    assert found["message"].startswith(
        f"{HEAD} was changed by hand, and cannot be renewed beside that: the file as it was written is not in the "
        "history of this repository\n--- as it is\n"
    )
    assert plain.status() == ""


def test_without_a_commit_there_is_no_history(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet")
    project.write("pyproject.toml", PLAIN)
    init(project)
    project.write(HEAD, old(project.read(HEAD)) + "# mine\n")
    assert init(project, "--upgrade", "--format", "json", code=1).json["findings"][0]["path"] == HEAD


def test_what_the_project_took_over_is_left(aged: Project) -> None:
    edit(aged, "pyproject.toml", "[tool.tagready]\n", '[tool.tagready]\ngenerated = ["protect-main.yml"]\n')
    done = init(aged, "--upgrade", "--format", "json")
    assert HEAD not in steps(done)
    assert "timeout-minutes: 9" in aged.read(HEAD)


# -- pins of actions, which bots raise ---------------------------------------------------------------------------------

#: What Dependabot and Renovate make of a pin.
RAISED = f"{'7' * 40} # v99.0.1"


def raise_pins(project: Project, pin: str = RAISED) -> None:
    for path in GENERATED:
        text = project.read(path)
        project.write(
            path, re.sub(r"(?<=uses: actions/checkout@)[0-9a-f]{40} # v[\d.]+$", pin, text, flags=re.MULTILINE)
        )


def test_a_pin_that_a_bot_raised_is_no_drift(plain: Project) -> None:
    adopted(plain)
    raise_pins(plain)
    assert RAISED in plain.read(HEAD)
    assert init(plain, "--check", "--format", "json").json["findings"] == []
    assert steps(init(plain, "--upgrade", "--format", "json")) == dict.fromkeys(GENERATED, "keep")


@pytest.mark.parametrize("pin", [f"{'7' * 40} # v1.0.0", f"{'7' * 40} # v7.0.1", f"{'7' * 40} # main"])
def test_a_pin_of_no_newer_version_is_drift(plain: Project, pin: str) -> None:
    """A commit that is not that of its version may be anybody's."""
    adopted(plain)
    raise_pins(plain, pin)
    found = {each["path"]: each for each in init(plain, "--check", "--format", "json", code=1).json["findings"]}
    assert found.keys() == {path for path in GENERATED if path.startswith(WORKFLOWS)}
    why = (
        "was changed by hand"
        if "main" in pin
        else "has an action at another commit than init writes, and of no newer version"
    )
    assert found[HEAD]["message"].startswith(f"{HEAD} {why}\n")


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_newer_pin_is_kept_where_the_rest_is_renewed(aged: Project, by_hand: bool) -> None:
    if by_hand:
        edit(aged, HEAD, "name: Every commit was reviewed", "name: Somebody looked at it")
        aged.commit("Words of our own")
    raise_pins(aged)
    aged.commit("Bump actions/checkout")

    for branch in ("trunk", "stem"):  # each time, another text is to be written
        done = init(aged, "--upgrade", "--format", "json")
        text = aged.read(HEAD)
        assert steps(done)[HEAD] == ("merge" if by_hand else "renew")
        assert "timeout-minutes: 10" in text
        assert f"actions/checkout@{RAISED}\n" in text
        assert ("name: Somebody looked at it" in text) is by_hand
        aged.commit("Renew")
        aged.git("branch", "-m", branch)


def test_an_older_pin_is_raised_beside_changes_by_hand(plain: Project) -> None:
    init(plain)
    now = plain.read(HEAD)
    raise_pins(plain, f"{'1' * 40} # v1.0.0")
    plain.commit("As an older tagready wrote it")
    edit(plain, HEAD, "name: Every commit was reviewed", "name: Somebody looked at it")
    plain.commit("Words of our own")

    done = init(plain, "--upgrade", "--format", "json")

    assert steps(done)[HEAD] == "merge"
    assert plain.read(HEAD) == now.replace("name: Every commit was reviewed", "name: Somebody looked at it")


# -- the hash of tagready ----------------------------------------------------------------------------------------------

HASH = digest("a wheel")
PINNED = f"tagready=={OWN} --hash=sha256:{HASH}\n"


def test_the_hash_comes_from_the_index(plain: Project) -> None:
    init(plain)
    assert PINNED in plain.read(".github/tagready.txt")
    assert f"    {PINNED}" in plain.read(f"{WORKFLOWS}/release.yml")


def test_the_hash_that_is_known_needs_no_index(plain: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    init(plain)
    monkeypatch.setenv("TAGREADY_INDEX_URL", OFFLINE)
    _missing(plain)
    (plain.path / f"{WORKFLOWS}/release.yml").unlink()

    done = init(plain, "--format", "json")

    assert done.json["hints"] == []
    assert f"    {PINNED}" in plain.read(f"{WORKFLOWS}/release.yml")
    init(plain, "--check")


@pytest.mark.parametrize("names", [["release.yml"], ["release.yml", "../tagready.txt"]])
def test_a_hash_that_somebody_put_in_is_not_believed(plain: Project, names: list[str]) -> None:
    adopted(plain)
    for name in names:
        edit(plain, f"{WORKFLOWS}/{name}", HASH, "ef" * 32)

    report = init(plain, "--check", "--format", "json", code=1).json

    paths = {f"{WORKFLOWS}/release.yml", *([".github/tagready.txt"] if len(names) == 2 else [])}
    assert {found["path"] for found in report["findings"]} == paths
    assert all("was changed by hand" in found["message"] for found in report["findings"])


def test_the_hash_of_another_version_is_not_taken_over(plain: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    init(plain)
    for path in (f"{WORKFLOWS}/release.yml", ".github/tagready.txt"):
        stamp = read_stamp(plain.read(path))
        assert stamp is not None
        plain.write(path, stamped(stamp.body.replace(PINNED, f"tagready==0.0.9 --hash=sha256:{'cd' * 32}\n"), "0.0.9"))
    with monkeypatch.context() as offline:
        offline.setenv("TAGREADY_INDEX_URL", OFFLINE)
        assert len(init(plain, "--format", "json").json["hints"]) == 1

    init(plain, "--upgrade")

    assert PINNED in plain.read(".github/tagready.txt")
    assert f"    {PINNED}" in plain.read(f"{WORKFLOWS}/release.yml")


def test_without_an_index_it_says_what_is_missing(plain: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGREADY_INDEX_URL", OFFLINE)
    done = init(plain, "--format", "json")
    assert done.json["hints"] == [
        f"the index does not list tagready {OWN}, or could not be asked, so its hash is missing and the workflows stop "
        "at their first step: run `tagready init --upgrade` once the index lists it"
    ]
    [found] = init(plain, "--check", "--format", "json", code=1).json["findings"]
    assert (found["rule"], found["path"]) == ("init-drift", f"{WORKFLOWS}/release.yml")
    assert f"install tagready {OWN} without its hash" in found["message"]

    plain.write(f"{WORKFLOWS}/release.yml", "on: push\npermissions: {}\njobs: {}\n")
    [found] = init(plain, "--check", "--format", "json", code=1).json["findings"]
    assert found["path"] == ".github/tagready.txt"
    edit(plain, "pyproject.toml", "[tool.tagready]\n", '[tool.tagready]\ngenerated = ["tagready.txt"]\n')
    init(plain, "--check")  # what installs it is all the project's own


def test_a_hash_that_was_missing_is_brought_in(plain: Project, monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    monkeypatch.setenv("TAGREADY_INDEX_URL", OFFLINE)
    init(plain)
    monkeypatch.setenv("TAGREADY_INDEX_URL", listed)
    init(plain, "--check", code=1)
    done = init(plain, "--upgrade", "--format", "json")
    assert [path for path, action in steps(done).items() if action == "renew"] == [GENERATED[0], GENERATED[4]]
    init(plain, "--check")


# -- on a terminal -----------------------------------------------------------------------------------------------------


def on_a_terminal(project: Project, typed: bytes, *arguments: str) -> tuple[int, str]:
    """Run init on a terminal of 80 columns, where somebody types; return the exit code and what the screen shows."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tagready", "init", *arguments],
        cwd=project.path, stdin=follower, stdout=follower, stderr=follower, close_fds=True,
        env=os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    while True:
        ready, _, _ = select.select([leader], [], [], 30)
        try:
            part = os.read(leader, 4096) if ready else b""
        except OSError:
            part = b""
        if not part:
            break
        shown += part
        if typed and b"Write this?" in shown:
            os.write(leader, typed)
            typed = b""
    os.close(leader)
    return process.wait(30), shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("typed", "arguments", "code", "written", "end"),
    [
        (b"n\n", (), 0, False, "Nothing was written.\n"),
        (b"\n", (), 0, True, "says what is to be set up on GitHub\n"),
        (b"y\n", (), 0, True, "says what is to be set up on GitHub\n"),
        (b"\x04", (), 130, False, "finishes what is missing.\n"),
        (b"", ("--yes",), 0, True, "says what is to be set up on GitHub\n"),
    ],
)
def test_it_asks_on_a_terminal(
    plain: Project, typed: bytes, arguments: tuple[str, ...], code: int, written: bool, end: str
) -> None:
    before = plain.fingerprint()

    ended, shown = on_a_terminal(plain, typed, *arguments)

    assert (ended, shown.endswith(end)) == (code, True), shown
    assert ("Write this? [Y/n]" in shown) is (not arguments)
    assert (plain.path / "towncrier.toml").exists() is written
    assert written or plain.fingerprint() == before
    assert [line for line in shown.splitlines() if len(line) > 80 and not line.startswith("  next  ")] == []


def test_what_somebody_wrote_meanwhile_is_kept(plain: Project) -> None:
    with closing(git.discover(plain.path)) as repository:
        plan = scaffolding.plan(repository, None, upgrade=False)
        plain.write(HEAD, "mine\n")
        before = everything(plain)
        with pytest.raises(WorldFailed) as failed:
            scaffolding.write(repository, plan.writes)
    assert failed.value.what == f"{HEAD} was changed meanwhile; nothing was changed by us"
    assert everything(plain) == before


# -- what comes after --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
def test_a_release_can_be_made_then(name: str, tmp_path: Path) -> None:
    project, shape = shaped(tmp_path, name), SHAPES[name]
    init(project)
    changes = project.git("diff", "--numstat", "--", ".").splitlines()
    assert [line for line in changes if line.split("\t")[1] != "0"] == []  # nothing is taken away
    init(project, "--check")
    draft = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "1.4.0", "--name", "lantern"],
        cwd=project.path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert draft.returncode == 0, draft.stderr
    project.commit("Release with tagready")
    project.write(shape.fragment, "Lamps can be dimmed.\n")
    project.commit("Dim")
    project.git("push", "--quiet", "origin", shape.branch)

    done = project.prepare("auto", "--branch", "--format", "json")

    assert done.code == 0, done.err
    branch = done.json["branch"]
    added = project.git("diff", f"{shape.branch}..{branch}", "--", "*CHANGE*", "*NEWS*")
    assert "+- Lamps can be dimmed." in added
    assert not [line for line in added.splitlines() if line.startswith("-") and not line.startswith("---")]
    judged = project.run("verify", "--commit", branch, "--format", "json")
    assert (judged.code, judged.json["findings"]) == (0, [])
