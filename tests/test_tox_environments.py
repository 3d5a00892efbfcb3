"""Which environment of tox runs the tests: never one that passes because it runs nothing."""

from __future__ import annotations

import pytest

from tagready.facts.scaffolding.tox_environments import Settings, environment, from_ini, from_toml

#: structlog's, as of 26.1.
STRUCTLOG = """\
[tox]
env_list =
    pre-commit,
    3.1{0-5}-{tests,mypy}
    3.1{0,3}-tests-{colorama,be,rich},
    docs-{build,doctests},
[testenv]
commands =
    tests: pytest {posargs}
    mypy: mypy tests/typing
[testenv:3.1{0,3}-tests{,-colorama,-be,-rich}]
commands = coverage run -m pytest {posargs}
[testenv:docs-{build,doctests}]
commands =
    doctests: sphinx-build -b doctest docs build
"""
#: Twisted's, in short: for any factors it shows versions only.
TWISTED = """\
[tox]
envlist=lint, mypy, alldeps-nocov
[testenv]
commands =
    python admin/dump_all_version_info.py
    nocov: python -m twisted.trial {posargs:twisted}
    lint: pre-commit run
"""

INI: dict[str, tuple[str, str | None]] = {
    "any environment": ("[testenv]\ncommands = pytest {posargs}\n", "py"),
    "by a variable": ("[testenv]\ncommands =\n  {env:TESTER:pytest} {posargs}\n  coverage: coverage report\n", "py"),
    "over two lines": ("[testenv]\r\ncommands =\r\n  python \\\r\n    -m pytest\r\n", "py"),
    "what nobody knows": ("[testenv]\ncommands = {[ours]check}\n", "py"),
    "by a factor": (STRUCTLOG, "py-tests"),
    "by a factor, and shows versions": (TWISTED, "alldeps-nocov"),
    "by a factor that says so": (
        "[tox]\nenvlist = py3{12,13}-{tests,mypy}\n[testenv]\ncommands = tests: ./go\n", "py-tests",
    ),
    "by one of two factors": ("[tox]\nenvlist = unit-py\n[testenv]\ncommands = unit,all: pytest\n", "unit-py"),
    "by the want of a factor": ("[tox]\nenvlist = docs\n[testenv]\ncommands = !docs: pytest\n", "py"),
    "with an environment of its own": ("[testenv:check]\ncommands = pytest\n", "check"),
    "that is not listed": ("[tox]\nenvlist = lint\n[testenv:lint]\ncommands = ruff check\n", None),
    "by a factor that none has": ("[tox]\nenvlist = py312\n[testenv]\ncommands = slow: pytest\n", None),
    "on one Python only": ("[tox]\nenvlist = py312\n[testenv]\ncommands = py312: pytest\n", None),
    "other things": ("[tox]\nenvlist = types\n[testenv]\ncommands =\n  python -V\n  types: mypy tests\n", None),
    "installs what would": ("[tox]\nenvlist = x\n[testenv]\ncommands = x: pip install pytest\n", None),
    "mentions its name": ("[tox]\nenvlist = x\n[testenv]\ncommands = x: mypy pytest_lantern pytest-lantern\n", None),
    "nothing": ("[tox]\nenvlist = py312\n[testenv]\ndeps = pytest\n", None),
    "no commands": ("", None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), INI.values(), ids=INI)
def test_the_environment_of_an_ini(text: str, expected: str | None) -> None:
    settings = from_ini(text)
    assert settings is not None
    assert environment(settings) == expected


def test_what_is_no_ini() -> None:
    assert from_ini("tox\n") is None


TOML: dict[str, tuple[dict[str, object], str | None]] = {
    "any environment": ({"env_run_base": {"commands": [["pytest", {"replace": "posargs"}]]}}, "py"),
    "an environment of its own": (
        {"env_list": ["lint", {"product": [["a"]]}], "env": {"3.14": {"commands": [["mypy"]]},
                                                         "go": {"commands": [["python", "-m", "unittest"]]}}},
        "go",
    ),
    "an ini within": ({"legacy_tox_ini": STRUCTLOG}, "py-tests"),
    "conditions only": ({"env_run_base": {"commands": [{"replace": "if", "then": [["pytest"]]}]}}, None),
    "what is no environment": (
        {"env": {"x": 1, "y": "commands", "z": ["commands"], "test": {"commands": [["go"]]}}}, "test",
    ),
    "nothing": ({"env_list": 3, "env": [], "env_run_base": {"commands": "pytest"}}, None),
}  # fmt: skip


@pytest.mark.parametrize(("table", "expected"), TOML.values(), ids=TOML)
def test_the_environment_of_a_toml(table: dict[str, object], expected: str | None) -> None:
    settings = from_toml(table)
    assert settings is not None
    assert environment(settings) == expected


def test_names_are_expanded_as_tox_does() -> None:
    settings = from_ini("[tox]\nenv_list = py3{8-10}-{a, b}, lint\n  docs{,-x}\n")
    assert settings == Settings(
        ("py38-a", "py38-b", "py39-a", "py39-b", "py310-a", "py310-b", "lint", "docs", "docs-x"), ()
    )
