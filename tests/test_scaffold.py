"""The files that init writes: what they are made of, five projects' as a whole, and that no release leaks from them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

import workflow_files
from shapes import SHAPES, shaped
from tagready import git, init, scaffold, workflow_rules, zizmor
from tagready.findings import Report
from tagready.scaffold import FOLDER, Facts, Tool
from tagready.stamps import digest, read_stamp
from tagready.surroundings import look

GOLDENS = Path(__file__).parent / "goldens" / "init"
TOOL = Tool("1.2.3", "ab" * 32)
PINS = "  TAGREADY_REQUIREMENTS: |\n"


# -- what is read from a project ---------------------------------------------------------------------------------------

PIP = "python -m pip install --editable ."
NO_TESTS = ("python -m pip install .", "python -m pip check")
SYNC = 'uv sync --locked --all-extras{} --python "$(command -v python)"'
POETRY = ("python -m pip install poetry", "poetry install --all-extras")


@pytest.mark.parametrize(
    ("pyproject", "files", "expected"),
    [
        ("", {"tox.ini": "[tox]\n"}, ("python -m pip install tox", "python -m tox run -e py")),
        ("", {"tox.toml": "", "noxfile.py": ""}, ("python -m pip install tox", "python -m tox run -e py")),
        ("[tool.tox]\n", {"uv.lock": ""}, ("python -m pip install tox", "python -m tox run -e py")),
        ("", {"noxfile.py": "import nox\n"}, ("python -m pip install nox", "python -m nox")),
        (
            "", {"noxfile.py": "@nox.session\ndef tests(s):\n"},
            ("python -m pip install nox", "python -m nox --session tests"),
        ),
        ("", {"noxfile.py": "def test_it(s):\n"}, ("python -m pip install nox", "python -m nox")),
        (
            '[dependency-groups]\ndev = ["pytest"]\n', {"uv.lock": ""},
            ("python -m pip install uv", SYNC.format(""), "uv run --no-sync python -m pytest"),
        ),
        (
            '[dependency-groups]\ntest = ["pytest"]\n', {"uv.lock": 'name = "pytest"\n'},
            ("python -m pip install uv", SYNC.format(" --group test"), "uv run --no-sync python -m pytest"),
        ),
        (
            "", {"uv.lock": '[[package]]\r\nname = "pytest"\r\n'},
            ("python -m pip install uv", SYNC.format(""), "uv run --no-sync python -m pytest"),
        ),
        (
            "", {"uv.lock": "", "tests": ""},
            ("python -m pip install uv", SYNC.format(""), "uv run --no-sync --with pytest python -m pytest"),
        ),
        ("", {"uv.lock": 'name = "pytest-mock"\n'}, ("python -m pip install uv", SYNC.format(""), "uv pip check")),
        ("", {"poetry.lock": 'name = "pytest"\n'}, (*POETRY, "poetry run python -m pytest")),
        ("[tool.poetry.dev-dependencies]\npytest = '*'\n", {}, (*POETRY, "poetry run python -m pytest")),
        ("[tool.poetry.group.test.dependencies]\npytest = '*'\n", {}, (*POETRY, "poetry run python -m pytest")),
        (
            "[tool.poetry.group.test]\noptional = true\n[tool.poetry.group.test.dependencies]\npytest = '*'\n", {},
            (POETRY[0], f"{POETRY[1]} --with test", "poetry run python -m pytest"),
        ),
        ("[tool.poetry]\nname = 'x'\n", {}, (*POETRY, "poetry run python -m pip check")),
        (
            "[tool.poetry]\nname = 'x'\n", {"tests": ""},
            (*POETRY, "poetry run python -m pip install pytest", "poetry run python -m pytest"),
        ),
        ("[project]\nname = 'x'\n[tool.poetry]\n", {}, NO_TESTS),
        ("[dependency-groups]\ntests = ['pytest>=8']\n", {}, (f"{PIP} --group tests", "python -m pytest")),
        ("[dependency-groups]\ndev = ['pytest']\ntest = ['pytest']\n", {}, (f"{PIP} --group test", "python -m pytest")),
        (
            "[dependency-groups]\ntest = ['pytest', 'pytest-xdist']\n", {},
            (f"{PIP} --group test", "python -m pytest -n auto"),
        ),
        (
            "[project.optional-dependencies]\ntesting = ['pytest']\ndocs = ['sphinx']\n", {},
            ('python -m pip install --editable ".[testing]"', "python -m pytest"),
        ),
        ("[project.optional-dependencies]\ndocs = ['pytest']\n", {}, NO_TESTS),
        ("[tool.pytest.ini_options]\n", {}, (f"{PIP} pytest", "python -m pytest")),
        ("", {"pytest.ini": ""}, (f"{PIP} pytest", "python -m pytest")),
        ("", {"tests": ""}, (f"{PIP} pytest", "python -m pytest")),  # unittest's, as far as we know
        ("", {"test": ""}, (f"{PIP} pytest", "python -m pytest")),
        ("", {}, NO_TESTS),
        ("dependency-groups = 3\n[project]\noptional-dependencies = []\n", {}, NO_TESTS),
    ],
)  # fmt: skip
def test_how_the_tests_are_run(pyproject: str, files: dict[str, str], expected: tuple[str, ...]) -> None:
    assert scaffold.test_commands(tomllib.loads(pyproject), files.get) == expected


CLASSIFIER = '"Programming Language :: Python :: {}"'


@pytest.mark.parametrize(
    ("classifiers", "requires", "expected"),
    [
        (["3", "3.12", "3.9", "3.10", "3 :: Only"], ">=3.11", ("3.9", "3.10", "3.12")),
        (["2.7", "3.6", "3.7", "3.8"], None, ("3.8",)),
        (["2.7"], None, ("3.x",)),
        ([], ">=3.12", ("3.12", "3.13", "3.14")),
        ([], ">=3.8,<3.12", ("3.10", "3.11")),
        ([], "==3.12.*", ("3.12",)),
        ([], "!=3.12.*,>=3.11", ("3.11", "3.13", "3.14")),
        ([], ">=3.12.4", ("3.12", "3.13", "3.14")),
        ([], "<=3.11", ("3.10", "3.11")),
        ([], "~=3.13", ("3.13", "3.14")),
        ([], ">=4", ("3.x",)),
        ([], "as it comes", ("3.x",)),
        ([], None, ("3.x",)),
    ],
)
def test_which_pythons_are_tested_on(classifiers: list[str], requires: str | None, expected: tuple[str, ...]) -> None:
    listed = ", ".join(CLASSIFIER.format(item) for item in classifiers)
    stated = f'requires-python = "{requires}"\n' if requires else ""
    assert scaffold.pythons(tomllib.loads(f"[project]\nclassifiers = [{listed}]\n{stated}")) == expected


@pytest.mark.parametrize(
    ("python", "expected"), [("^3.12", ("3.12", "3.13", "3.14")), (">=3.13,<4.0", ("3.13", "3.14")), ("*", ("3.x",))]
)
def test_which_pythons_poetry_states(python: str, expected: tuple[str, ...]) -> None:
    assert scaffold.pythons({"tool": {"poetry": {"dependencies": {"python": python}}}}) == expected


GITHUB = "https://github.com/example/lantern/issues/{issue}"
GITLAB = "https://gitlab.com/example/lantern/-/issues/{issue}"


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/example/lantern.git", GITHUB),
        ("https://github.com/example/lantern", GITHUB),
        ("https://github.com/example/lantern/", GITHUB),
        ("https://github.com/example/lantern.git/", GITHUB),
        ("http://github.com/example/lantern.git", GITHUB),
        ("git://github.com/example/lantern.git", GITHUB),
        ("https://GitHub.com/example/lantern", GITHUB),
        ("git@github.com:example/lantern.git", GITHUB),
        ("github.com:example/lantern", GITHUB),
        ("org-1234@github.com:example/lantern.git", GITHUB),
        ("ssh://git@github.com/example/lantern.git", GITHUB),
        ("ssh://git@github.com:22/example/lantern.git", GITHUB),
        ("ssh://git@ssh.github.com:443/example/lantern.git", GITHUB),
        ("https://someone:hunter2@github.com/example/lantern.git", GITHUB),
        ("https://ghp_secret@github.com/example/lantern.git", GITHUB),
        ("https://someone:hunt@r2@github.com/example/lantern.git", GITHUB),
        ("https://github.com/example/lantern.py.git", GITHUB.replace("lantern", "lantern.py")),
        ("https://gitlab.com/example/lantern.git", GITLAB),
        ("git@gitlab.com:example/lantern.git", GITLAB),
        ("git@gitlab.com:/example/lantern.git", GITLAB),
        ("git@gitlab.com:example/deep/lantern.git", GITLAB.replace("example", "example/deep")),
        ("https://gitlab.example.org:8443/a/b.git", "https://gitlab.example.org:8443/a/b/-/issues/{issue}"),
        ("ssh://git@gitlab.example.org:2222/a/b.git", "https://gitlab.example.org/a/b/-/issues/{issue}"),
        ("https://codeberg.org/example/lantern.git", "https://codeberg.org/example/lantern/issues/{issue}"),
        ("ssh://git@codeberg.org/example/lantern.git", "https://codeberg.org/example/lantern/issues/{issue}"),
        ("https://git.example.org/example/lantern", ""),
        ("https://github.com/example", ""),
        ("/srv/git/github.com/lantern.git", ""),
        ("../github.com/example/lantern", ""),
        ("C:\\git\\lantern", ""),
        ("file:///srv/git/lantern.git", ""),
        ("", ""),
    ],
)
def test_where_issues_are(remote: str, expected: str) -> None:
    assert scaffold.issues_at(remote) == expected


@pytest.mark.parametrize(
    ("tag_format", "pattern", "tags", "others"),
    [
        ("v{version}", "v[0-9]*", ["v1.0", "v1.0rc1", "v2026.1"], ["1.0", "vnext", "xv1.0", "v", "lantern-v1.0"]),
        ("{version}", "[0-9]*", ["1.0", "2026.11"], ["v1.0", "latest", "nightly-1.0"]),
        ("lantern-{version}", "lantern-[0-9]*", ["lantern-1.0"], ["1.0", "lantern-next", "my-lantern-1.0"]),
        ("lantern/v{version}", "lantern/v[0-9]*", ["lantern/v1.0"], ["v1.0", "lantern/v1.0/x", "shade/v1.0"]),
        ("v{version}-final", "v[0-9]*-final", ["v1.0-final"], ["v1.0", "v1.0-finally", "v-final"]),
        ("c++{version}", "c\\+\\+[0-9]*", ["c++1.0"], ["c1.0", "cc1.0", "ccc1.0"]),
        ("go!{version}", "go\\![0-9]*", ["go!1.0"], ["go1.0"]),
        ("a]{version}+b", "a\\][0-9]*\\+b", ["a]1.0+b"], ["a]1.0b", "a]1.0"]),
    ],
)
def test_which_tags_start_a_release(tag_format: str, pattern: str, tags: list[str], others: list[str]) -> None:
    facts = Facts("lantern", tag_format=tag_format)
    text = scaffold.generated(facts, TOOL)[f"{FOLDER}/release.yml"]
    assert facts.tag_pattern == pattern
    assert [tag for tag in (*tags, *others) if workflow_files.would_start(text, "push", f"refs/tags/{tag}")] == tags
    assert not workflow_files.would_start(text, "push", "refs/heads/main")


@pytest.mark.parametrize("branch", ["main", "dev+1", "release/2.x", "it's", "on", "1e3"])
def test_which_branch_is_protected(branch: str) -> None:
    text = scaffold.generated(Facts("lantern", default_branch=branch), TOOL)[f"{FOLDER}/protect-main.yml"]
    assert workflow_files.would_start(text, "push", f"refs/heads/{branch}")
    assert not workflow_files.would_start(text, "push", f"refs/heads/{branch}x")
    assert yaml.safe_load(text)["name"] == f"Protect {branch}"


# -- what is installed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [True, False])
def test_the_hash_of_tagready_is_read_back(trusted: bool) -> None:
    facts = Facts("lantern", trusted=trusted)
    files = scaffold.generated(facts, TOOL)
    assert scaffold.pinned(files[f"{FOLDER}/release.yml"]) == TOOL
    assert scaffold.pinned(files[scaffold.REQUIREMENTS]) == TOOL
    assert scaffold.pinned(scaffold.requirements(facts, Tool("1.2.3", None))) is None
    assert scaffold.requirements(facts, Tool("1.2.3", None)).startswith("tagready==1.2.3\n")


def test_tagready_does_not_install_itself_from_an_index() -> None:
    files = scaffold.generated(Facts("tagready"), Tool("1.2.3", None))
    assert not [path for path, text in files.items() if "tagready==" in text]


@pytest.mark.parametrize("name", ["pins.txt", "pins-attestations.txt"])
def test_every_pin_has_a_version_and_hashes(name: str) -> None:
    lines = scaffold._template(name).splitlines()
    shape = re.compile(r"[a-z0-9-]+==[\w.!+]+( --hash=sha256:[0-9a-f]{64})+( ; .+)?")
    assert [line for line in lines if not shape.fullmatch(line)] == []
    assert lines == sorted(lines)


@pytest.mark.parametrize("name", ["lantern", "1e3", "on", "a: b # c", 'quo"te', "it's <b>"])
def test_a_name_is_a_text_wherever_it_stands(name: str) -> None:
    facts = Facts(name, issues="https://example.org/{issue}?a=1&b=<2>")
    release = yaml.safe_load(scaffold.generated(facts, TOOL)[f"{FOLDER}/release.yml"])
    assert release["jobs"]["preflight"]["steps"][-1]["env"]["PROJECT"] == name
    settings = scaffold.towncrier_settings(facts)
    assert tomllib.loads(settings)["tool"]["towncrier"]["name"] == name
    assert "\\u" not in settings


# -- five projects -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What init writes into each of the five projects, by path."""
    return {name: _written(tmp_path_factory.mktemp(name), name) for name in SHAPES}


def _written(folder: Path, name: str) -> dict[str, str]:
    project = shaped(folder, name)
    with closing(git.discover(project.path)) as repository:
        around = look(repository, None)
        held = scaffold.generated(around.facts, TOOL)
        steps = init.plan(repository, None, upgrade=False).steps
    return {step.path: held.get(step.path, step.after or "") for step in steps}


def _golden(text: str) -> str:
    """Return a file as it is kept: without digests, what is asked of others, and the hundred lines of pins."""
    from tagready.surroundings import _token_page

    text = text.replace(_token_page(), "https://index.example.org/tokens/")
    if PINS in text:
        text = text[: text.index(PINS) + len(PINS)]
    return re.sub(r"(?<=sha256 of all below: )[0-9a-f]{64}", "(the digest)", text)


@pytest.mark.parametrize("name", SHAPES)
def test_every_file_is_as_it_was_looked_at(name: str, written: dict[str, dict[str, str]]) -> None:
    """Set UPDATE_GOLDENS=1 to write them anew, and look at the difference before it is committed."""
    found = {
        path: _golden(text) for path, text in written[name].items() if not re.match(r"\.github/tagready.*\.txt", path)
    }  # fmt: skip
    folder = GOLDENS / name
    kept = {
        file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in folder.rglob("*") if file.is_file()
    }
    if os.environ.get("UPDATE_GOLDENS"):
        for path in kept.keys() - found.keys():
            (folder / path).unlink()
        for path, text in found.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8", newline="\n")
        pytest.fail("the goldens were written anew")
    assert found == kept


@pytest.mark.parametrize("name", SHAPES)
def test_the_pins_are_the_same_in_both_places(name: str, written: dict[str, dict[str, str]]) -> None:
    files = written[name]
    own = Facts("lantern", root="a" if name == "setuptools" else "").file
    release = files[f"{FOLDER}/{own('release.yml')}"]
    pins = scaffold._template("pins-attestations.txt" if name == "uv" else "pins.txt")
    wanted = f"tagready==1.2.3 --hash=sha256:{TOOL.sha256}\n{pins}"
    assert files[own(scaffold.REQUIREMENTS)].split("\n", 3)[3] == wanted
    assert yaml.safe_load(release)["env"] == {"TAGREADY_REQUIREMENTS": wanted}


@pytest.mark.parametrize("name", SHAPES)
def test_generated_files_say_who_wrote_them(name: str, written: dict[str, dict[str, str]]) -> None:
    stamped = {path: found for path, text in written[name].items() if (found := read_stamp(text))}
    own = Facts("lantern", root="a" if name == "setuptools" else "").file
    held = [*(f"{FOLDER}/{own(file)}" for file in scaffold.WORKFLOWS), own(scaffold.REQUIREMENTS)]
    assert sorted(stamped) == sorted(held)
    assert all(stamp.version == "1.2.3" and stamp.digest == digest(stamp.body) for stamp in stamped.values())


@pytest.mark.parametrize("name", SHAPES)
def test_no_line_ends_in_blanks_and_no_file_without_a_newline(name: str, written: dict[str, dict[str, str]]) -> None:
    ours = {path: text for path, text in written[name].items() if not path.endswith(("NEWS.rst", "pyproject.toml"))}
    assert [path for path, text in ours.items() if re.search(r"[ \t]$", text, re.MULTILINE)] == []
    assert [path for path, text in ours.items() if not text.endswith("\n") or text.endswith("\n\n")] == []
    assert [path for path, text in ours.items() if "<<" in text or "<%" in text] == []


# -- what the workflows must never do ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workflows(written: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The workflows of all five, and of tagready itself, in files."""
    folder = tmp_path_factory.mktemp("workflows")
    own = scaffold.generated(Facts("tagready", test_commands=("make test",)), TOOL)
    found = {}
    for name, files in {**written, "tagready": own}.items():
        for path, text in files.items():
            if path.startswith(FOLDER):
                file = folder / name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
                found[f"{name} {file.name.replace('-lantern.', '.')}"] = file
    return found


def _run(program: str, *arguments: str) -> tuple[int, str]:
    command = [str(Path(sys.executable).parent / program), *arguments]
    environment = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


def test_zizmor_has_nothing_to_say(workflows: dict[str, Path]) -> None:
    code, said = _run("zizmor", "--offline", "--no-progress", "--persona=pedantic", *map(str, workflows.values()))
    assert (code, said) == (0, said)


def test_they_are_workflows_by_their_schema(workflows: dict[str, Path]) -> None:
    code, said = _run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, workflows.values()))
    assert (code, said) == (0, said)


@pytest.mark.parametrize("name", [*SHAPES, "tagready"])
def test_our_own_rules_have_nothing_to_say(name: str, workflows: dict[str, Path]) -> None:
    texts = {key.split()[1]: file.read_text("utf-8") for key, file in workflows.items() if key.startswith(f"{name} ")}
    assert workflow_rules.judge(texts, strict=True) == Report()
    assert zizmor.run(workflows[f"{name} release.yml"].parents[2]) == ()


def _loaded(workflows: dict[str, Path]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, file in workflows.items():
        text = file.read_text("utf-8")
        yield name, text, workflow_files.load(text)


def _steps(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for job, content in workflow["jobs"].items():
        for step in content["steps"]:
            yield job, step


def test_every_workflow_is_as_narrow_as_it_can_be(workflows: dict[str, Path]) -> None:
    assert len(workflows) == 24
    for name, text, workflow in _loaded(workflows):
        workflow_files.check(workflow)
        assert workflow["permissions"] == {}, name
        for line in text.splitlines():
            uses = re.match(r"\s+- uses: (.*)", line)
            assert not uses or re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses[1]), line
        assert "cache" not in text.split(PINS)[0].lower(), name
        assert "skip-existing" not in text, name
        for job, content in workflow["jobs"].items():
            assert 1 <= content["timeout-minutes"] <= 60, (name, job)
            assert content["runs-on"] == "ubuntu-24.04", (name, job)
        for job, step in _steps(workflow):
            assert "${{" not in step.get("run", ""), (name, job)
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false" or step["with"]["persist-credentials"] is False


def test_a_release_is_never_cut_in_half_and_never_unverified(workflows: dict[str, Path]) -> None:
    for name, _, workflow in _loaded(workflows):
        if not name.endswith(" release.yml"):
            assert not [job for job, content in workflow["jobs"].items() if "environment" in content]
            continue
        jobs = workflow["jobs"]
        assert workflow["concurrency"] == {"group": "release-${{ github.ref }}", "cancel-in-progress": False}
        assert {"verify", "test", "build", "draft"} <= set(workflow_files.ancestors(workflow, "publish"))
        assert {"publish", "confirm"} <= set(workflow_files.ancestors(workflow, "announce"))
        assert [job for job in jobs if "announce" in workflow_files.ancestors(workflow, job)] == ["recovery"]
        assert {*jobs} - {"recovery", "tool"} == set(workflow_files.needs(jobs["recovery"]))
        trusted = name.startswith("uv")
        assert ("preflight" in jobs) is not trusted
        assert {job for job, content in jobs.items() if content.get("environment") == "pypi"} == (
            {"publish"} if trusted else {"preflight", "publish"}
        )
        assert not [step for job, step in _steps(workflow) if job == "publish" and "checkout" in step.get("uses", "")]


def test_who_sees_the_token(workflows: dict[str, Path]) -> None:
    secret = "${{ secrets.PYPI_API_TOKEN }}"
    for name, text, workflow in _loaded(workflows):
        seen = [
            (job, step["name"])
            for job, step in _steps(workflow)
            if any("secrets." in str(value) for value in step.get("env", {}).values())
        ]
        ids = [job for job, content in workflow["jobs"].items() if "id-token" in content.get("permissions", {})]
        if not name.endswith(" release.yml"):
            assert (seen, ids, "secrets." in text) == ([], [], False), name
        elif name.startswith("uv"):
            assert (seen, ids, "secrets." in text) == ([], ["publish"], False)
        else:
            assert seen == [("preflight", "Look at the token"), ("publish", "Upload what the index lacks")]
            assert (ids, text.count("secrets."), text.count(secret)) == ([], 2, 2)


def test_a_project_in_a_folder_is_worked_on_there(workflows: dict[str, Path]) -> None:
    release = workflow_files.load(workflows["setuptools release.yml"].read_text("utf-8"))
    where = {
        (job, step["run"].split(" --")[0]): step.get("working-directory")
        for job, step in _steps(release)
        if step.get("run", "").startswith(("tagready", "python "))
    }
    assert where == {
        ("preflight", "tagready publish"): None,
        ("verify", 'tagready verify "$GITHUB_REF_NAME"'): "python/lan tern",
        ("test", "python -m pip install"): "python/lan tern",
        ("test", "python -m pytest"): "python/lan tern",
        ("build", 'tagready build "$GITHUB_REF_NAME"'): "python/lan tern",
        ("build", 'tagready notes "$GITHUB_REF_NAME"'): "python/lan tern",
        ("draft", 'tagready github-release "$GITHUB_REF_NAME"'): None,
        ("publish", 'tagready github-release "$GITHUB_REF_NAME"'): None,
        ("publish", "tagready publish"): None,
        ("confirm", "tagready publish"): None,
        ("announce", 'tagready github-release "$GITHUB_REF_NAME"'): None,
        ("recovery", "tagready status"): "python/lan tern",
    }
    outs = [step["run"] for _, step in _steps(release) if "--out" in step.get("run", "")]
    assert [re.findall(r"--out(?:put)? (\S+)", run) for run in outs] == [["../../dist"], ["../../notes.md"]]


def test_the_facts_of_each_shape(tmp_path: Path) -> None:
    with closing(git.discover(shaped(tmp_path, "poetry").path)) as repository:
        facts = look(repository, None).facts
    assert facts._replace(token_page="", kinds=()) == Facts(
        name="lantern",
        default_branch="master",
        tag_format="{version}",
        pythons=("3.12", "3.13", "3.14"),
        test_commands=(POETRY[0], f"{POETRY[1]} --with test", "poetry run python -m pytest"),
        issues=GITLAB,
        directory="news",
        changelog="NEWS.rst",
        kinds=(),
    )
    assert "secret" not in json.dumps(facts._asdict())
