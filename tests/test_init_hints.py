"""What init tells beside what it writes: what would stop a release, start a second one, or be in no commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from projects import Project, make_project
from shapes import PLAIN, init, steps
from tagready.facts.scaffolding import scaffold
from tagready.facts.scaffolding.compiled import compiled_by

WORKFLOWS = ".github/workflows"
CHECKLIST = "docs/releases/readiness-checklist.md"


@pytest.fixture(autouse=True)
def _no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGREADY_INDEX_URL", "http://127.0.0.1:9/simple/")


def hints(project: Project) -> list[str]:
    """Return what is told, without that the index (which cannot be asked here) has no hash."""
    told: list[str] = init(project, "--format", "json").json["hints"]
    first, *others = told
    assert first.startswith("the index does not list tagready ")
    return others


def settings(project: Project, text: str) -> None:
    project.write("pyproject.toml", f"{PLAIN}\n[tool.tagready]\n{text}\n")


def test_hints_come_before_the_question(plain: Project) -> None:
    """What speaks against writing it is of no use afterwards."""
    plain.write("CHANGELOG.md", "# Log\n\n## Unreleased\n\n- x\n")
    shown = init(plain).out
    assert 0 < shown.index("  ! CHANGELOG.md:5 says what is not released yet") < shown.index("written, and nothing")
    told = [line for line in shown.splitlines() if line.startswith(("  !", "    "))]
    assert [line for line in told if len(line) > 80] == []


# -- other workflows that upload ---------------------------------------------------------------------------------------

UPLOAD = """\
name: CD
on: {on}
permissions: {{}}
jobs:
  ship:
    {condition}
    runs-on: ubuntu-24.04
    steps:
      - uses: pypa/gh-action-pypi-publish@release/v1
        with: {{{given}}}
"""
TAGS, RELEASE = "{push: {tags: ['*']}}", "{release: {types: [published]}}"


def uploads(on: str, condition: str = "name: Ship", given: str = "") -> str:
    return UPLOAD.format(on=on, condition=condition, given=given)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        (uploads(TAGS), "when a tag is pushed"),
        (uploads("{push: {branches: [main], tags: [v*]}}"), "when a tag is pushed"),
        (uploads("{push: }", "if: startsWith(github.ref, 'refs/tags/')"), "when a tag is pushed"),
        (uploads("{push: {tags: ['*']}, release: }"), "when a tag is pushed"),
        (uploads("{push: , schedule: }", "if: github.event.number == 1"), "when a tag is pushed"),
        (uploads("workflow_dispatch"), "too"),
        (uploads("{push: }", "if: github.event_name == 'schedule'"), "too"),
        (uploads(TAGS, given="repository-url: https://test.pypi.example/legacy/"), None),
        (uploads(TAGS, given="repository-url: https://test-pypi.example/legacy/"), None),
        ("on: push\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: pytest\n", None),
        ("on: [", None),
        ("", None),
    ],
)
def test_another_workflow_that_uploads_is_named(plain: Project, text: str, when: str | None) -> None:
    plain.write(f"{WORKFLOWS}/cd.yaml", text)
    expected = [
        f"{WORKFLOWS}/cd.yaml:5 uploads {when}, and release.yml does so for each tag: of two uploads one fails, and "
        "the other may be what nobody has verified. Remove the job ship there, or keep it and leave ours out: "
        'generated = ["release.yml"] in [tool.tagready]'
    ]
    assert hints(plain) == (expected if when else [])
    assert hints(plain) == (expected if when else [])  # a second run tells it again, and not of what init has written
    if when:
        settings(plain, 'generated = ["release.yml"]')
        assert hints(plain) == []


BY_RELEASE = (
    "when a release is published, and no longer would: release.yml publishes it with the token of its run, which starts"
    " no other workflow"
)


@pytest.mark.parametrize(
    "text", [uploads(RELEASE), uploads("{push: , release: }", "if: github.event.action == 'published'")]
)
def test_an_upload_that_a_release_started_is_started_no_more(plain: Project, text: str) -> None:
    plain.write(f"{WORKFLOWS}/cd.yml", text)
    assert hints(plain) == [
        f"{WORKFLOWS}/cd.yml:5 uploads {BY_RELEASE}. Remove the job ship there, or keep it and leave ours out: "
        'generated = ["release.yml"] in [tool.tagready]'
    ]


@pytest.mark.parametrize(
    ("on", "named"),
    [
        ("release", True),
        ("[push, release]", True),
        ("{release: }", True),
        ("{release: {types: published}}", True),
        ("{release: {types: [edited, released]}}", True),
        ("{release: {types: [deleted]}}", False),
        ("{release: {types: [published]}, workflow_call: }", False),
        ("{push: {branches: [release]}}", False),
    ],
)
def test_a_workflow_that_a_release_starts_is_started_no_more(plain: Project, on: str, named: bool) -> None:
    """Such as one that deploys the documentation, or makes an image."""
    job = "docs:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: make deploy"
    plain.write(f"{WORKFLOWS}/docs.yml", f"name: Docs\non: {on}\njobs:\n  {job}\n")
    expected = (
        f"{WORKFLOWS}/docs.yml:2 runs {BY_RELEASE}. Let it be called instead (on: workflow_call), by a job of your own "
        "in release.yml with needs: announce"
    )
    assert hints(plain) == ([expected] if named else [])
    settings(plain, 'generated = ["release.yml"]')
    assert hints(plain) == []


def test_a_name_in_yaml_is_the_same_name(plain: Project) -> None:
    plain.write(f"{WORKFLOWS}/release.yaml", uploads(TAGS))
    plain.write(f"{WORKFLOWS}/prepare-release.yaml", "on: push\njobs: {}\n")

    done = init(plain, "--format", "json")

    assert {path: action for path, action in steps(done).items() if WORKFLOWS in path} == {
        f"{WORKFLOWS}/release.yaml": "keep",
        f"{WORKFLOWS}/prepare-release.yaml": "keep",
        f"{WORKFLOWS}/release-readiness.yml": "create",
        f"{WORKFLOWS}/protect-main.yml": "create",
    }
    settings(plain, 'generated = ["release.yml"]')
    assert f"{WORKFLOWS}/release.yaml" not in steps(init(plain, "--format", "json"))


def test_a_workflow_of_ours_may_be_renamed(plain: Project) -> None:
    init(plain)
    ours = plain.path / WORKFLOWS / "release.yml"
    ours.rename(ours.with_suffix(".yaml"))
    assert steps(init(plain, "--format", "json"))[f"{WORKFLOWS}/release.yaml"] == "keep"
    assert not ours.exists()
    assert steps(init(plain, "--upgrade", "--format", "json"))[f"{WORKFLOWS}/release.yaml"] == "renew"
    assert "gh workflow run release.yaml" in plain.read(f"{WORKFLOWS}/release.yaml")
    (found,) = plain.run("init", "--check", "--format", "json").json["findings"]
    assert "without its hash" in found["message"]


# -- a checklist that is of another day --------------------------------------------------------------------------------


def test_a_checklist_of_the_secret_is_of_no_use_to_trusted_publishing(plain: Project, tmp_path: Path) -> None:
    """It is written once, so that `--upgrade` leaves it."""
    init(plain)
    assert hints(plain) == []
    line = plain.read(CHECKLIST)[: plain.read(CHECKLIST).index("## Once, and every 90 days")].count("\n") + 1
    settings(plain, "publish = {trusted = true}")
    anew = "take the page away, let tagready init write it anew, and tick again what is done"
    expected = f"{CHECKLIST}:{line} asks for a secret, and publish.trusted does without: {anew}"
    told = init(plain, "--upgrade", "--format", "json").json["hints"]
    assert expected in told
    checked = plain.run("init", "--check", "--format", "json").json
    assert checked["hints"] == [expected]
    assert f"  ! {CHECKLIST}:{line} asks for" in plain.run("init", "--check").out
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
        plain.run("init", "--check", "--format", "github")
    assert f"| hint | {expected} |" in (tmp_path / "summary.md").read_text("utf-8")

    (plain.path / CHECKLIST).unlink()
    init(plain)
    assert plain.run("init", "--check", "--format", "json").json["hints"] == []
    settings(plain, "")
    [hint] = plain.run("init", "--check", "--format", "json").json["hints"]
    assert hint.endswith(f" asks for what only publish.trusted would take: {anew}")
    settings(plain, 'generated = ["release.yml"]')
    assert plain.run("init", "--check", "--format", "json").json["hints"] == []


# -- compiled code -----------------------------------------------------------------------------------------------------

BUILDS_WHEELS = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - {}\n"


@pytest.mark.parametrize(
    ("pyproject", "setup_py", "workflow", "expected"),
    [
        ({"build-system": {"build-backend": "maturin"}}, None, "", "pyproject.toml builds with maturin"),
        ({"build-system": {"build-backend": "mesonpy"}}, None, "", "pyproject.toml builds with mesonpy"),
        (
            {"build-system": {"build-backend": "scikit_build_core.build"}}, None, "",
            "pyproject.toml builds with scikit-build-core",
        ),
        ({"build-system": {"requires": ["setuptools", "Cython~=3.0"]}}, None, "", "pyproject.toml builds with cython"),
        ({"tool": {"setuptools": {"ext-modules": [{"name": "x"}]}}}, None, "", "pyproject.toml has ext-modules"),
        ({"tool": {"cibuildwheel": {}}}, None, "", "pyproject.toml has [tool.cibuildwheel]"),
        ({}, "setup(ext_modules=[Extension('x', ['x.c'])])", "", "setup.py has ext_modules"),
        ({}, "setup()  \n  # ext_modules=[]\n", "", None),
        ({}, None, BUILDS_WHEELS.format("uses: pypa/cibuildwheel@v3"), ".github/workflows/ci.yml uses cibuildwheel"),
        ({}, None, BUILDS_WHEELS.format("run: uvx cibuildwheel"), ".github/workflows/ci.yml uses cibuildwheel"),
        ({}, None, BUILDS_WHEELS.format("run: echo cibuildwheel"), None),
        ({}, None, "cibuildwheel: [", None),
        ({"build-system": {"build-backend": "hatchling.build", "requires": ["hatchling"]}}, "setup()", "", None),
        ({"build-system": {"requires": "cython"}, "tool": {"setuptools": 3}}, None, "", None),
    ],
)  # fmt: skip
def test_what_says_that_code_is_compiled(
    pyproject: dict[str, object], setup_py: str | None, workflow: str, expected: str | None
) -> None:
    assert compiled_by(pyproject, setup_py, {".github/workflows/ci.yml": workflow}) == expected


def test_a_project_that_compiles_code_is_told_what_its_release_needs(plain: Project) -> None:
    plain.write("setup.py", "setup(ext_modules=[])\n")
    assert hints(plain) == [
        "setup.py has ext_modules, and release.yml builds one wheel, on plain Linux: if that has compiled code, no "
        "index takes it, and the job `build` fails. Let a job of your own make the wheels before, and list the "
        'workflows that it is in: generated = ["release.yml", "release-readiness.yml"] in [tool.tagready]. The '
        'documentation shows both, under "Publish platform wheels"'
    ]
    settings(plain, 'generated = ["release.yml", "release-readiness.yml"]')
    assert hints(plain) == []


# -- the version -------------------------------------------------------------------------------------------------------

DYNAMIC = '[project]\nname = "demo"\ndynamic = ["version"]\n[tool.hatch.version]\nsource = "incremental"\n'
NOWHERE = "nothing in pyproject.toml says where the version is written, so status and prepare-release stop: "
KEYS = 'set version-files = ["path/to/file.py"] in [tool.tagready], or version-source = "tag"'


@pytest.mark.parametrize(
    ("files", "fix"),
    [
        ({}, KEYS),
        ({"src/demo/_version.py": '__version__ = "1.3.0"\n'},
         'src/demo/_version.py seems to: version-files = ["src/demo/_version.py"] in [tool.tagready]'),
        ({"demo/__init__.py": "", "demo/_version.py": '__version__ = Version("demo", 1, 3, 0)\n'},
         'demo/_version.py states it as a call, which is not rewritten: version-source = "tag" in [tool.tagready], and '
         'a hook that writes the file: hooks.before-commit = [{ run = "…", adds = ["demo/_version.py"] }]'),
        ({"demo/a.py": '__version__ = "1.3.0"\n', "demo/b.py": '__version__ = "1.3.0"\n'}, KEYS),
        ({"other/a.py": '__version__ = "1.3.0"\n', "tests/demo/a.py": '__version__ = "1.3.0"\n'}, KEYS),
    ],
)  # fmt: skip
def test_a_version_that_is_nowhere_to_be_found(plain: Project, files: dict[str, str], fix: str) -> None:
    for path, text in {"pyproject.toml": DYNAMIC, **files}.items():
        plain.write(path, text)
    assert hints(plain) == [NOWHERE + fix]
    plain.commit("Release with tagready")
    assert plain.run("status").code == 2


def test_what_is_guessed_is_what_works(plain: Project) -> None:
    plain.write("pyproject.toml", f'{DYNAMIC}[tool.tagready]\nversion-files = ["demo.py"]\n')
    plain.write("demo.py", '__version__ = "1.3.0"\n')
    assert hints(plain) == []
    plain.commit("Release with tagready")
    assert plain.run("status").code == 0


def test_a_version_that_cannot_be_bumped(plain: Project) -> None:
    plain.write("pyproject.toml", DYNAMIC.replace('source = "incremental"', 'path = "demo.py"'))
    (told,) = hints(plain)
    assert told.startswith("demo.py is not committed (pattern ")
    assert 'say where it stands: version-source = "files"' in told


# -- branches and forges -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("branches", "keys", "expected", "known"),
    [
        (["develop", "feature/foo"], "", "develop", True),
        (["core", "develop", "feature/foo"], "", "develop", True),
        (["main", "develop", "feature/foo"], "", "main", True),
        (["core", "feature/foo"], "", "core", True),
        (["feature/foo"], "", "feature/foo", True),
        (["core", "feature/foo"], 'release-branches = ["stable"]', "stable", True),
        (["core", "other", "feature/foo"], 'release-branches = ["core", "other"]', "feature/foo", False),
        (["core", "other", "feature/foo"], "", "feature/foo", False),
    ],
)
def test_the_default_branch_of_a_project_without_a_remote(
    plain: Project, branches: list[str], keys: str, expected: str, known: bool
) -> None:
    plain.git("switch", "--quiet", "-c", "feature/foo")
    plain.git("branch", "-D", "main")
    for branch in branches[:-1]:
        plain.git("branch", branch)
    if keys:
        settings(plain, keys)

    told = hints(plain)

    assert f'branches: ["{expected}"]' in plain.read(f"{WORKFLOWS}/protect-main.yml")
    assert (
        told == []
        if known
        else told
        == [
            "nothing says which branch is the main one, so the workflows have feature/foo. If that is wrong: "
            'release-branches = ["NAME"] in [tool.tagready]; then tagready init --upgrade'
        ]
    )


def test_a_remote_can_be_asked_for_its_default_branch(plain: Project) -> None:
    plain.git("remote", "add", "origin", "https://github.com/x/demo")
    for branch in ("core", "other"):
        plain.git("branch", branch)
    plain.git("switch", "--quiet", "core")
    plain.git("branch", "-D", "main")
    (told,) = hints(plain)
    assert "git remote set-head origin --auto, or release-branches" in told


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://gitlab.com/x/demo.git", "gitlab.com"),
        ("git@gitlab.example.org:x/demo.git", "gitlab.example.org"),
        ("ssh://git@codeberg.org:22/x/demo", "codeberg.org"),
        ("https://github.com/x/demo", None),
        ("git@github.com:gitlab/demo.git", None),
        ("../demo", None),
    ],
)
def test_workflows_that_nobody_runs(plain: Project, address: str, host: str | None) -> None:
    plain.git("remote", "add", "origin", address)
    expected = [
        f"origin is at {host}, and only GitHub runs what is in .github/workflows: let your own CI run the same "
        'commands, and do without these files: generated = [".github/*"] in [tool.tagready]'
    ]
    done = init(plain)
    assert ("is to be set up on GitHub" in " ".join(done.out.split())) is (host is None)
    text = plain.read(CHECKLIST)
    of_github = ["ruleset", "Environments", "CODEOWNERS", "GitHub Actions", "Actions →", "release.yml", "card"]
    assert [word for word in of_github if word in text] == ([] if host else of_github)
    neutral = ["protected (only jobs", "masked", "Tags `v*` are protected", "The branch `main` is protected"]
    assert [word for word in neutral if word in text] == (neutral if host else [])
    assert hints(plain) == (expected if host else [])
    settings(plain, 'generated = [".github/*"]')
    for arguments in ((), ("--upgrade",)):  # no workflow of ours, so none that lacks a hash
        assert init(plain, *arguments, "--format", "json").json["hints"] == []


def test_a_hash_is_missing_in_what_workflows_of_the_project_install(plain: Project) -> None:
    settings(plain, f"generated = {[f'{WORKFLOWS}/*']}")
    assert hints(plain) == []
    settings(plain, f"generated = {[f'{WORKFLOWS}/*', 'tagready.txt']}")
    assert init(plain, "--format", "json").json["hints"] == []


# -- links -------------------------------------------------------------------------------------------------------------


def test_what_is_printed_adds_what_was_changed(plain: Project) -> None:
    """git knows no file by the name that a link gives it."""
    plain.git("rm", "--quiet", "--cached", "pyproject.toml")
    plain.write("real/p.toml", PLAIN)
    plain.write("real/C.md", "# Log\n")
    plain.write("text/index.md", "Hello.\n")
    (plain.path / "pyproject.toml").unlink()
    for name, target in (("pyproject.toml", "real/p.toml"), ("CHANGELOG.md", "real/C.md"), ("docs", "text")):
        (plain.path / name).symlink_to(target)
    plain.commit("Links")

    shown = init(plain).out

    add = next(line for line in shown.splitlines() if line.startswith("  next  "))
    assert "real/p.toml real/C.md" in add
    subprocess.run(add.removeprefix("  next  "), shell=True, check=True, cwd=plain.path)
    plain.git("commit", "--quiet", "-m", "Release with tagready")
    assert plain.status() == ""
    assert (plain.path / "text/releases/readiness-checklist.md").is_file()


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs", "CHANGELOG.md"])
def test_nothing_is_written_through_a_link_that_leads_out(plain: Project, name: str) -> None:
    outside = plain.path.parent / "outside"
    outside.mkdir()
    target = outside if name == "docs" else outside / "file.md"
    if name != "docs":
        target.write_text("# Ours\n")
    (plain.path / name).symlink_to(target)
    before = plain.fingerprint()

    said = " ".join(init(plain, code=2).err.split())

    assert "which is outside of the repository, so no commit would have what is written" in said
    assert plain.fingerprint() == before
    assert [path.read_text() for path in outside.iterdir()] == ([] if name == "docs" else ["# Ours\n"])
    path = CHECKLIST if name == "docs" else name
    assert f'leave it out: generated = ["{path}"]' in said
    settings(plain, f'generated = ["{path}"]')
    init(plain)


# -- files of the project's own ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CHANGELOG.md", "towncrier.toml", "pyproject.toml"])
def test_what_the_project_took_over_is_never_written(plain: Project, name: str) -> None:
    settings(plain, f'generated = ["{name}"]')
    before = (plain.path / name).read_text() if (plain.path / name).exists() else None
    assert name not in steps(init(plain, "--format", "json"))
    assert before is None or plain.read(name) == before
    assert (plain.path / name).exists() is (before is not None)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("relase.yml", "did you mean 'release.yml'?"),
        (".github/workflow/release.yml", "did you mean '.github/workflows/release.yml'?"),
        ("CONTRIBUTNG.md", "did you mean 'CONTRIBUTING.md'?"),
        ("x", "it writes release.yml, prepare-release.yml, release-readiness.yml, protect-main.yml, tagready.txt, "),
    ],
)
def test_a_name_that_is_never_written(plain: Project, name: str, fix: str) -> None:
    settings(plain, f'generated = ["protect-*", "docs/*", "release.yaml", "{name}"]')
    before = plain.fingerprint()
    for arguments in ((), ("--check",), ("--upgrade",)):
        error = init(plain, *arguments, "--format", "json", code=2).json["error"]
        assert error["what"] == f"pyproject.toml: generated names {name!r}, and init writes no such file"
        assert error["fix"].startswith(fix)
    assert plain.fingerprint() == before
    assert plain.run("status").code != 2  # it is init's matter alone


def test_a_name_in_the_keys_that_lie_over_is_found_there(plain: Project) -> None:
    plain.write("over.toml", 'generated = ["x"]\n')
    error = init(plain, "--config", "over.toml", "--format", "json", code=2).json["error"]
    assert error["what"].startswith("over.toml: generated names 'x'")


def test_a_project_in_a_folder_has_other_names(tmp_path: Path) -> None:
    project = make_project(tmp_path / "all", pyproject="", changelog=None, fragments={})
    project.write("demo/pyproject.toml", f'{PLAIN}[tool.tagready]\ngenerated = ["release.yml"]\n')
    error = init(Project(project.path / "demo"), "--format", "json", code=2).json["error"]
    assert error["fix"] == "did you mean 'release-demo.yml'?"


# -- what is said of the project's files is true -----------------------------------------------------------------------


def test_the_readme_of_fragments_is_called_as_it_is(plain: Project) -> None:
    plain.write("changelog.d/README.rst", "Ours.\n")
    init(plain)
    assert "The types are in `changelog.d/README.rst`" in plain.read("CONTRIBUTING.md")
    assert "- [ ] Contributors know `changelog.d/README.rst`." in plain.read(CHECKLIST)


def test_a_readme_that_is_not_wanted_is_not_named(plain: Project) -> None:
    settings(plain, 'generated = ["README.md"]')
    init(plain)
    assert "README" not in plain.read("CONTRIBUTING.md") + plain.read(CHECKLIST)
    assert "`tagready add` names the types" in plain.read("CONTRIBUTING.md")


@pytest.mark.parametrize(("folders", "expected"), [(["doc"], "doc"), (["doc", "docs"], "docs"), ([], "docs")])
def test_the_checklist_goes_where_documentation_is(plain: Project, folders: list[str], expected: str) -> None:
    for folder in folders:
        plain.write(f"{folder}/conf.py", "")
    done = init(plain, "--format", "json")
    assert [path for path in steps(done) if path.startswith("doc")] == [f"{expected}/{scaffold.CHECKLIST}"]
    assert plain.read(f"{expected}/{scaffold.CHECKLIST}").startswith("---\norphan: true") is bool(folders)


def test_the_checklist_says_nothing_of_workflows_that_are_not_ours(plain: Project) -> None:
    plain.write(f"{WORKFLOWS}/release.yml", uploads(TAGS))
    settings(plain, 'generated = ["prepare-release.yml", "release-readiness.yml"]')
    init(plain)
    text = plain.read(CHECKLIST)
    assert [
        name for name in ("`pypi`", "PYPI_API_TOKEN", "release.yml", "Prepare a release", "card") if name in text
    ] == []
    assert "## Once: the upload\n\nA workflow of your own uploads." in text
    assert "release.yml" not in plain.read(".github/tagready.txt")
