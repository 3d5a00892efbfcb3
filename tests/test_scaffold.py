"""The files that init writes: what they are made of, five projects' as a whole, and that no release leaks from them."""

from __future__ import annotations

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
from tagready.commands import init
from tagready.commands.setup.surroundings import look
from tagready.doors import git, zizmor
from tagready.facts.actions import workflow_rules
from tagready.facts.findings import Report
from tagready.facts.scaffolding import scaffold
from tagready.facts.scaffolding.scaffold import FOLDER, WORKFLOWS, Facts, Tool
from tagready.facts.scaffolding.stamps import digest, read_stamp

GOLDENS = Path(__file__).parent / "goldens" / "init"
TOOL = Tool("1.2.3", "ab" * 32)
PINS = "  TAGREADY_REQUIREMENTS: |\n"


# -- what is read from a project ---------------------------------------------------------------------------------------

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


COMMANDS = [
    "python -m pytest", 'pip install ".[test]"', "make test # all: of it", "a: b", "- c", "true", "1.0", "@x", "'a' b",
    "first\nsecond \"x\"\n",
]  # fmt: skip


def test_a_command_is_run_as_it_is_written() -> None:
    files = scaffold.generated(Facts("lantern", test_commands=tuple(COMMANDS)), TOOL)
    for name in ("release.yml", "release-readiness.yml"):
        text = files[f"{FOLDER}/{name}"]
        steps = workflow_files.load(text)["jobs"]["test"]["steps"]
        assert [step["run"] for step in steps if "run" in step] == COMMANDS
        assert "      - run: python -m pytest\n" in text


@pytest.mark.parametrize(("has_tests", "name"), [(True, "Test"), (False, "Install")])
def test_a_job_that_tests_nothing_is_not_called_a_test(has_tests: bool, name: str) -> None:
    files = scaffold.generated(Facts("lantern", has_tests=has_tests), TOOL)
    jobs = [
        yaml.safe_load(files[f"{FOLDER}/{file}"])["jobs"]["test"] for file in ("release.yml", "release-readiness.yml")
    ]
    assert [job["name"] for job in jobs] == [f"{name} on Python ${{{{ matrix.python }}}}"] * 2


def test_tests_run_on_a_python_that_is_not_released_yet() -> None:
    """Its classifier may be there for months, and setup-python knows of no 3.15 without being told to take a beta."""
    files = scaffold.generated(Facts("lantern", pythons=("3.14", "3.15")), TOOL)
    for name in ("release.yml", "release-readiness.yml"):
        steps = workflow_files.load(files[f"{FOLDER}/{name}"])["jobs"]["test"]["steps"]
        [given] = [step["with"] for step in steps if "setup-python" in step.get("uses", "")]
        assert given == {"python-version": "${{ matrix.python }}", "allow-prereleases": True}


@pytest.mark.parametrize("has_submodules", [True, False])
def test_tests_have_the_submodules(has_submodules: bool) -> None:
    files = scaffold.generated(Facts("lantern", has_submodules=has_submodules), TOOL)
    found = {
        (job, step["with"].get("submodules"))
        for name in WORKFLOWS
        for job, step in _steps(workflow_files.load(files[f"{FOLDER}/{name}"]))
        if "checkout" in step.get("uses", "")
    }
    others = {(job, None) for job in ("check", "verify", "build", "release", "recovery", "prepare", "reviewed")}
    assert found == others | {("test", "recursive" if has_submodules else None)}


def _names(facts: Facts) -> set[str]:
    """Return all that GitHub tells apart by its name: workflows, jobs and environments."""
    loaded = [workflow_files.load(text) for path, text in scaffold.generated(facts, TOOL).items() if FOLDER in path]
    jobs = [job for workflow in loaded for job in workflow["jobs"].values()]
    environments = {job["environment"] for job in jobs if "environment" in job}
    return {workflow["name"] for workflow in loaded} | {job["name"] for job in jobs} | environments


def test_two_projects_of_a_repository_have_no_name_in_common() -> None:
    """A ruleset selects checks by name, and of two secrets in one environment the second replaces the first."""
    lantern, shade = (_names(Facts(name, root=f"python/{name}")) for name in ("Lantern", "shade"))
    assert lantern & shade == set()
    assert {"pypi-lantern", "News fragments (lantern)", "Test on Python ${{ matrix.python }} (lantern)"} < lantern
    assert {"pypi", "News fragments", "Release"} < _names(Facts("lantern"))


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
    from tagready.commands.setup.surroundings import _token_page

    text = text.replace(_token_page(), "https://index.example.org/tokens/")
    if PINS in text:
        text = text[: text.index(PINS) + len(PINS)]
    return re.sub(r"(?<=but for the pins of actions: )[0-9a-f]{64}", "(the digest)", text)


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
        own = "lantern-" if name.startswith("setuptools") else ""
        environment = "pypi-lantern" if own else "pypi"
        assert workflow["concurrency"] == {"group": f"release-{own}${{{{ github.ref }}}}", "cancel-in-progress": False}
        assert {"verify", "test", "build", "draft"} <= set(workflow_files.ancestors(workflow, "publish"))
        assert {"publish", "confirm"} <= set(workflow_files.ancestors(workflow, "announce"))
        assert [job for job in jobs if "announce" in workflow_files.ancestors(workflow, job)] == ["recovery"]
        assert {*jobs} - {"recovery", "tool"} == set(workflow_files.needs(jobs["recovery"]))
        trusted = name.startswith("uv")
        assert ("preflight" in jobs) is not trusted
        assert {job for job, content in jobs.items() if content.get("environment") == environment} == (
            {"publish"} if trusted else {"preflight", "publish"}
        )
        assert not [step for job, step in _steps(workflow) if job == "publish" and "checkout" in step.get("uses", "")]


def test_a_wheel_is_built_and_tried_on_a_python_of_the_project(workflows: dict[str, Path]) -> None:
    for name, _, workflow in _loaded(workflows):
        pythons = {
            (job, step["with"]["python-version"])
            for job, step in _steps(workflow)
            if "setup-python" in step.get("uses", "") and job != "test"
        }
        tried = [job for job, step in _steps(workflow) if re.search(r"tagready build|--smoke", step.get("run", ""))]
        assert pythons == {(job, "3.12" if name.startswith("setuptools") else "3.14") for job in tried}, name
        for job in tried:
            # Where tagready is installed, that Python comes first on PATH.
            uses = [step.get("name", step.get("uses", "")).partition("@")[0] for step in workflow["jobs"][job]["steps"]]
            assert uses.index("actions/setup-python") + 1 == uses.index("Install tagready, by hash")


def test_projects_of_one_repository_do_not_wait_for_each_other() -> None:
    """Groups are the repository's, not the workflow's."""
    groups: list[str] = []
    for facts in (Facts("lantern", root="a"), Facts("lantern-shade", root="b"), Facts("lantern")):
        files = scaffold.generated(facts, TOOL)
        groups += [yaml.safe_load(files[f"{FOLDER}/{facts.file(name)}"])["concurrency"]["group"] for name in WORKFLOWS]
    assert len(set(groups)) == 12


@pytest.mark.parametrize("root", ["@scope/b", "a: b", "- c", "it's # d"])
def test_a_folder_is_a_text_wherever_it_stands(root: str) -> None:
    facts = Facts("lantern", root=root, test_commands=("python -m pytest",))
    files = scaffold.generated(facts, TOOL)
    folders = [
        {step["working-directory"] for _, step in _steps(workflow_files.load(files[f"{FOLDER}/{facts.file(name)}"]))
         if "working-directory" in step}
        for name in WORKFLOWS
    ]  # fmt: skip
    assert folders == [{root}] * 4


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
    assert facts._replace(token_page="", types=()) == Facts(
        name="lantern",
        default_branch="master",
        tag_format="{version}",
        pythons=("3.12", "3.13", "3.14"),
        building_python="3.14",
        test_commands=(
            "python -m pip install poetry", "poetry install --all-extras --with test", "poetry run python -m pytest",
        ),
        other_forge="gitlab.com",
        issues=GITLAB,
        directory="news",
        changelog="NEWS.rst",
        types=(),
    )  # fmt: skip
    assert "secret" not in repr(facts)
