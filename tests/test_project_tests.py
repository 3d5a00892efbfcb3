"""How a project's tests are run, and on which Pythons, as its files tell."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tagready.facts.scaffolding import project_tests
from tagready.facts.scaffolding.project_tests import OUR_PYTHONS, Recipe

# -- how they are run --------------------------------------------------------------------------------------------------

PIP = "python -m pip install --editable ."
BY_GROUP = f'{PIP} "dependency-groups[cli]"'
NO_TESTS = ("python -m pip install .", "python -m pip check")
SYNC = 'uv sync --locked --all-extras{} --python "$(command -v python)"'
UV_EXTRAS = """\
[project]
name = "lantern"
optional-dependencies = {test = ["pytest"], old = [], new = []}
[dependency-groups]
docs = []
[tool.uv]
conflicts = """
TOX = ("python -m pip install tox", "python -m tox run -e py")
NOX = "import nox\n\n\n@nox.session\ndef tests(s):\n    s.run('go')\n"
NOX_ALONE = ("python -m pip install nox", "python -m nox --session tests")
HATCH = "python -m pip install hatch"
THIS = "\"$(python -c 'import sysconfig; print(sysconfig.get_python_version())')\""
ON_312 = "[project]\nrequires-python = '==3.12.*'\n"
ON_311_312 = "[project]\nrequires-python = '>=3.11,<3.13'\n"
SCRIPT = "[tool.hatch.envs.test.scripts]\nrun = 'pytest'\n"
POETRY = ("python -m pip install poetry", "poetry install --all-extras")


@pytest.mark.parametrize(
    ("pyproject", "files", "expected"),
    [
        ("", {"tox.ini": "[testenv]\ncommands = pytest\n", "noxfile.py": NOX}, TOX),
        (
            "", {"tox.ini": "[testenv]\ncommands = tests: pytest\n[tox]\nenv_list = py3-tests\n"},
            (TOX[0], f"{TOX[1]}-tests"),
        ),
        ("", {"tox.toml": "[env_run_base]\r\ncommands = [['pytest']]\r\n"}, TOX),
        ("[tool.tox.env_run_base]\ncommands = [['pytest']]\n", {"uv.lock": ""}, TOX),
        (
            "", {"tox.ini": "[tox]\nrequires = tox-uv-bare\n[testenv]\ncommands = pytest\n"},
            ("python -m pip install tox uv", TOX[1]),
        ),
        (
            "", {"tox.ini": "[testenv:lint]\ncommands = ruff check\n", "tests": ""},
            (f"{PIP} pytest", "python -m pytest"),
        ),
        ("", {"tox.toml": "[[", "tox.ini": "[["}, NO_TESTS),
        ("[tool.tox.env.'a b']\ncommands = [['pytest']]\n", {}, (TOX[0], "python -m tox run -e 'a b'")),
        ("", {"tox.toml": "[env]\nx = 1\n"}, NO_TESTS),
        ("", {"noxfile.py": NOX}, ("python -m pip install nox", "python -m nox --session tests")),
        (
            "", {"noxfile.py": NOX.replace("session", 'session(\n    python=[*PYTHONS, "pypy3"], default=False)')},
            ("python -m pip install nox", f"python -m nox --session tests --force-python {THIS}"),
        ),
        ("", {"noxfile.py": NOX.replace("session", "session(py=False)")}, NOX_ALONE),
        (
            "", {"noxfile.py": "@nox_uv.session(name='unit-tests')\ndef unit_tests(s):\n    s.run('pytest')\n"},
            ("python -m pip install nox", "python -m nox --session unit-tests"),
        ),
        ("", {"noxfile.py": "@nox.session\ndef test_docs(s):\n    s.run('pytest')\n\n\n" + NOX}, NOX_ALONE),
        ("", {"noxfile.py": "@nox.session\ndef lint(s):\n    s.run('pytest')\n"}, NO_TESTS),
        ("", {"noxfile.py": "@nox.session\ndef test_types(s):\n    s.run('mypy')\n"}, NO_TESTS),
        ("", {"noxfile.py": "def tests(s):\n    pass\n"}, NO_TESTS),
        ("", {"noxfile.py": "print 'tests'\n"}, NO_TESTS),
        ("", {"noxfile.py": "@nox.session(name=f'test-{1}')\ndef tests(s):\n    s.run('pytest')\n"}, NO_TESTS),
        ("", {"noxfile.py": "@nox.session(name='unit-test' + 's')\ndef tests(s):\n    s.run('pytest')\n"}, NO_TESTS),
        ("", {"noxfile.py": "@nox.session(name={[]: 1})\ndef tests(s):\n    s.run('pytest')\n"}, NO_TESTS),
        (
            "", {"noxfile.py": "@nox.session(name='unit' '-tests; $(x)')\ndef t(s):\n    s.run('pytest')\n"},
            (NOX_ALONE[0], "python -m nox --session 'unit-tests; $(x)'"),
        ),
        ("", {"noxfile.py": NOX.replace("def", "async def")}, NOX_ALONE),
        (
            "[tool.hatch.envs.test.scripts]\ntest = 'python -m unittest'\n", {"uv.lock": ""},
            (HATCH, "python -m hatch run test:test"),
        ),
        (
            f"{ON_312}{SCRIPT}[[tool.hatch.envs.test.matrix]]\npython = ['3.11', '3.12']\n", {},
            (HATCH, f"python -m hatch run +py={THIS} test:run"),
        ),
        (
            f"{ON_311_312}{SCRIPT}[[tool.hatch.envs.test.matrix]]\npython = ['3.11']\n[[tool.hatch.envs.test.matrix]]\n"
            "py = ['3.12']\nfeature = ['a']\n", {},
            (HATCH, f"python -m hatch run +py={THIS} test:run"),
        ),
        (
            f"{ON_311_312}{SCRIPT}[[tool.hatch.envs.test.matrix]]\npython = ['3.11']\n", {},
            (HATCH, "python -m hatch run test:run"),
        ),
        # Nobody knows which Python is the newest when the job runs.
        (f"{SCRIPT}[[tool.hatch.envs.test.matrix]]\npython = ['3.12']\n", {}, (HATCH, "python -m hatch run test:run")),
        (
            "[tool.hatch.envs.test.scripts]\nrun = 'pytest'\n[[tool.hatch.envs.test.matrix]]\nfeature = ['a']\n", {},
            (HATCH, "python -m hatch run test:run"),
        ),
        ("[tool.hatch.envs.default.scripts]\ntest = 'pytest'\n", {}, (HATCH, "python -m hatch run test")),
        ("[tool.hatch.envs.default.scripts]\nrun = './lantern'\n", {}, NO_TESTS),
        ("", {"hatch.toml": "[envs.tests.scripts]\ntests = 'pytest'\n"}, (HATCH, "python -m hatch run tests:tests")),
        (
            f"{ON_311_312}[tool.hatch.envs.hatch-test]\nextra-dependencies = []\n", {},
            (HATCH, f"python -m hatch test --python {THIS}"),
        ),
        (
            "[project]\nclassifiers = ['Programming Language :: Python :: 3.9']\n[tool.hatch.envs.hatch-test]\n", {},
            (HATCH, "python -m hatch test"),
        ),
        (
            f"{ON_312}[[tool.hatch.envs.hatch-test.matrix]]\npython = ['3.12']\n", {},
            (HATCH, f"python -m hatch test --python {THIS}"),
        ),
        (
            f"{ON_311_312}[[tool.hatch.envs.hatch-test.matrix]]\npython = ['3.11']\n", {},
            (HATCH, "python -m hatch test"),
        ),
        (
            "[[tool.hatch.envs.hatch-test.matrix]]\nfeature = ['a']\n", {}, (HATCH, "python -m hatch test"),
        ),
        ("[tool.hatch.envs.docs.scripts]\ntest = 'sphinx-build'\n", {}, NO_TESTS),
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
        # uv refuses `--all-extras` where some of them exclude each other.
        *(
            (f"{UV_EXTRAS}{conflicts}\n", {"uv.lock": ""}, (
                "python -m pip install uv", SYNC.format(more), "uv run --no-sync python -m pytest",
            ))
            for conflicts, more in {
                "[[{extra='old'}, {extra='new'}]]": " --no-extra new",
                "[[{extra='Old_er'}, {extra='new'}, {extra='newest'}], [{extra='old.er'}, {extra='x; y'}]]":
                    " --no-extra new --no-extra newest --no-extra 'x; y'",
                "[[{extra='old'}, {extra='new'}], [{extra='new'}, {extra='newest'}]]": " --no-extra new",
                "[[{extra='old'}, {extra='test'}]]": " --no-extra old",
                "[[{extra='old'}, {group='dev'}]]": " --no-extra old",
                "[[{extra='test'}, {group='dev'}]]": " --no-group dev",
                "[[{extra='old'}, {group='docs'}]]": "",
                "[[{extra='old'}, {group='docs'}]]\ndefault-groups = 'all'": " --no-extra old",
                "[[{extra='old'}, {group='dev'}]]\ndefault-groups = ['docs']": "",
                "[[{extra='old', package='LANTERN'}, {extra='new'}]]": " --no-extra new",
                "[[{extra='old', package='shade'}, {extra='new'}]]": "",
                "[[{package='shade'}, {package='lantern'}], [3], 3]": "",
                "3": "",
            }.items()
        ),
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
        *(
            (
                f"[project]\nclassifiers = ['Programming Language :: Python :: {python}']\n{groups}", {"tests": ""},
                expected,
            )
            for python, groups, expected in [
                ("3.8", "[dependency-groups]\ntest = ['pytest']\n",
                 (BY_GROUP, "pip-install-dependency-groups test", "python -m pytest")),
                ("3.8", "[dependency-groups]\ndev = ['ruff']\n",
                 (f"{BY_GROUP} pytest", "pip-install-dependency-groups dev", "python -m pytest")),
                ("3.8", "", (f"{PIP} pytest", "python -m pytest")),
                ("3.9", "[dependency-groups]\ntest = ['pytest']\n", (f"{PIP} --group test", "python -m pytest")),
            ]
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
        ("[project]\nname = 'My-Lantern'\n", {"src/My_Lantern/tests": ""}, (f"{PIP} pytest", "python -m pytest")),
        ("[project]\nname = 'lantern'\n", {"lantern/tests": ""}, (f"{PIP} pytest", "python -m pytest")),
        ("", {}, NO_TESTS),
        ("dependency-groups = 3\n[project]\noptional-dependencies = []\n", {}, NO_TESTS),
    ],
)  # fmt: skip
def test_how_the_tests_are_run(pyproject: str, files: dict[str, str], expected: tuple[str, ...]) -> None:
    none = expected[-1].endswith("pip check")
    assert project_tests.read_tests(tomllib.loads(pyproject), files.get) == Recipe(expected, found=not none)


#: What these files may have where anything is expected.
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from(("pytest", "3.12")), st.lists(st.integers(), max_size=1),
    st.just([["pytest", 1]]), st.just([{"python": [["3.12"]], "py": 3}]), st.just({"x": 1}),
)  # fmt: skip
KEYS = st.sampled_from(
    (
        "tool", "project", "dependency-groups", "tox", "env", "env_list", "env_run_base", "commands", "legacy_tox_ini",
        "hatch", "envs", "hatch-test", "test", "matrix", "scripts", "python", "poetry", "group", "dependencies", "dev",
        "classifiers", "requires-python", "optional-dependencies", "pytest", "name", "dev-dependencies",
        "uv", "conflicts", "default-groups", "extra", "package",
    )
)  # fmt: skip
TABLES = st.recursive(ODD, lambda inner: st.dictionaries(KEYS, inner, max_size=4), max_leaves=12)
#: Each table in its place with something odd in it, and others anywhere.
PLACES = (
    "tool", "project", "tool.tox", "tool.tox.env", "tool.tox.env.x", "tool.tox.env.x.commands", "tool.tox.env_list",
    "tool.tox.env_run_base", "tool.hatch", "tool.hatch.envs", "tool.hatch.envs.test", "tool.hatch.envs.test.matrix",
    "tool.hatch.envs.hatch-test", "tool.hatch.envs.hatch-test.matrix", "tool.hatch.envs.test.scripts", "tool.poetry",
    "tool.poetry.group", "tool.poetry.group.test", "tool.poetry.classifiers", "tool.poetry.dependencies",
    "tool.poetry.dependencies.python", "project.classifiers", "project.requires-python", "project.name",
    "project.optional-dependencies", "dependency-groups", "dependency-groups.test", "tool.uv.conflicts",
    "tool.uv.default-groups",
)  # fmt: skip


def _at(place: str, value: object) -> dict[str, Any]:
    key, _, rest = place.partition(".")
    return {key: _at(rest, value) if rest else value}


@given(st.one_of(st.builds(_at, st.sampled_from(PLACES), TABLES), st.dictionaries(KEYS, TABLES)))
@example({"project": {"classifiers": 3}})
@example({"tool": {"poetry": {"classifiers": 3}}})
@example({"tool": {"tox": {"env": {"x": 1}}}})
@example({"tool": {"hatch": {"envs": {"hatch-test": {"matrix": [{"python": [["3.12"]]}]}}}}})
def test_odd_tables_are_read_without_a_word(pyproject: dict[str, Any]) -> None:
    for files in ({}, {"uv.lock": ""}, {"poetry.lock": ""}):
        described = project_tests.with_setup_cfg(pyproject, "[options]\npython_requires = >=3.12\n")
        assert project_tests.read_tests(described, files.get).commands
        assert project_tests.pythons(described)
        assert project_tests.building_python(described) in OUR_PYTHONS


# -- on which Pythons --------------------------------------------------------------------------------------------------

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
    assert project_tests.pythons(tomllib.loads(f"[project]\nclassifiers = [{listed}]\n{stated}")) == expected


@pytest.mark.parametrize(
    ("python", "expected"), [("^3.12", ("3.12", "3.13", "3.14")), (">=3.13,<4.0", ("3.13", "3.14")), ("*", ("3.x",))]
)
def test_which_pythons_poetry_states(python: str, expected: tuple[str, ...]) -> None:
    assert project_tests.pythons({"tool": {"poetry": {"dependencies": {"python": python}}}}) == expected


@pytest.mark.parametrize(
    ("classifiers", "requires", "expected"),
    [
        ([], None, "3.14"),
        ([], ">=3.9", "3.14"),
        ([], ">=3.14", "3.14"),
        ([], "<3.13", "3.12"),
        ([], "!=3.14.*", "3.13"),
        (["3.9", "3.12", "3.13", "3.15"], ">=3.9", "3.13"),
        (["3.9", "3.10"], ">=3.9,<3.14", "3.13"),  # nobody says that it runs there, and nobody forbids it
        (["3.9", "3.10"], "<3.11", "3.14"),  # none of ours is for it
    ],
)
def test_on_which_python_a_release_is_built(classifiers: list[str], requires: str | None, expected: str) -> None:
    project: dict[str, Any] = {"classifiers": [f"Programming Language :: Python :: {each}" for each in classifiers]}
    project |= {"requires-python": requires} if requires else {}
    assert project_tests.building_python({"project": project}) == expected


def test_our_pythons_are_those_that_the_pins_are_for() -> None:
    text = (Path(__file__).parent.parent / "tools/pins.py").read_text("utf-8")
    (stated,) = re.findall(r"^PYTHONS = \((.*)\)$", text, re.MULTILINE)
    assert tuple(re.findall(r'"(.*?)"', stated)) == OUR_PYTHONS


# -- setup.cfg ---------------------------------------------------------------------------------------------------------

#: As yarl's begins.
SETUP_CFG = """\
[metadata]
name = lantern
version = attr: lantern.__version__
classifiers =
  Development Status :: 5 - Production/Stable

  Programming Language :: Python :: 3.11
  Programming Language :: Python :: 3.12
[options]
python_requires = >=3.11,<3.13
[options.extras_require]
test =
  pytest
  pytest-xdist
[tool:pytest]
addopts = -ra
"""


def test_setup_cfg_says_what_pyproject_does_not() -> None:
    described = project_tests.with_setup_cfg({}, SETUP_CFG.replace("\n", "\r\n"))
    assert project_tests.pythons(described) == ("3.11", "3.12")
    assert project_tests.building_python(described) == "3.12"
    expected = ('python -m pip install --editable ".[test]"', "python -m pytest -n auto")
    assert project_tests.read_tests(described, lambda path: None) == Recipe(expected)


def test_pyproject_comes_first() -> None:
    pyproject = {"project": {"name": "lamp", "requires-python": ">=3.13", "classifiers": []}, "tool": {"x": 1}}
    described = project_tests.with_setup_cfg(pyproject, SETUP_CFG)
    assert described["project"] | {"optional-dependencies": None} == {
        "name": "lamp", "requires-python": ">=3.13", "classifiers": [], "optional-dependencies": None,
    }  # fmt: skip
    assert described["tool"] == {"pytest": {}, "x": 1}


@pytest.mark.parametrize(
    ("pyproject", "text"),
    [({}, ""), ({}, "[flake8]\nmax-line-length = 120\n"), ({}, "name\n"), ({"tool": {"poetry": {}}}, SETUP_CFG)],
)
def test_a_setup_cfg_that_says_nothing(pyproject: dict[str, Any], text: str) -> None:
    assert project_tests.with_setup_cfg(pyproject, text) == pyproject
