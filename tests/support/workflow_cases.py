"""Workflows to judge: one in which nothing is wrong, what is changed in it, and what is to be found then."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent, indent
from typing import NamedTuple

from tagready.facts.actions.workflow_faults import Check
from tagready.facts.findings import Finding, Level, Report

PATH = ".github/workflows/release.yml"
SHA = "a" * 40
TAGS = "push: {tags: ['v[0-9]+.[0-9]+.[0-9]+']}"
UPLOAD = f"""\
- uses: pypa/gh-action-pypi-publish@{SHA} # v1.14.0
  with:
    password: ${{{{ secrets.PYPI_API_TOKEN }}}}
"""
TWINE = """\
- run: twine upload dist/*
  env:
    TWINE_PASSWORD: ${{ secrets.PYPI_API_TOKEN }}
"""
BUILD = f"""\
- uses: actions/checkout@{SHA}
- uses: actions/setup-python@{SHA}
- run: python -m build
- uses: actions/upload-artifact@{SHA}
"""
MAKE = "- run: make\n"


def release(
    steps: str = UPLOAD, *, before: str = "", on: str = TAGS, top: str = "", job: str = "", build: str = BUILD
) -> str:
    """Return a release workflow in which nothing is wrong, but for what is given."""
    if "permissions:" not in top + job:
        top += "permissions: {}\n"
    return (
        f"name: Release\non:\n{indent(dedent(on).strip(), '  ')}\n{dedent(top)}jobs:\n"
        f"  publish:\n    runs-on: ubuntu-latest\n    needs: build\n    environment: pypi\n"
        f"{indent(dedent(job), '    ')}"
        f"    steps:\n{indent(dedent(before) + dedent(steps), '      ')}"
        f"  build:\n    runs-on: ubuntu-latest\n    steps:\n{indent(dedent(build), '      ')}"
    )


def nothing(steps: str, *, on: str = "pull_request:", top: str = "", job: str = "") -> str:
    """Return a workflow that releases nothing."""
    return (
        f"on:\n{indent(dedent(on).strip(), '  ')}\n{dedent(top)}jobs:\n  test:\n    runs-on: ubuntu-latest\n"
        f"{indent(dedent(job), '    ')}    steps:\n{indent(dedent(steps), '      ')}"
    )


class Expected(NamedTuple):
    """A finding: what is said, of which check, and a text that stands in its line, for the first time."""

    marker: str
    check: Check
    what: str


def findings(text: str, expected: tuple[Expected, ...], level: Level = Level.WARNING) -> Report:
    found = []
    for marker, check, what in expected:
        assert marker in text
        line = text[: text.index(marker)].count("\n") + 1
        found.append(Finding("workflow-unsafe", f"{what}: {check.why}", check.fix, PATH, line, level))
    return Report(tuple(found))


class Case(NamedTuple):
    text: str
    expected: tuple[Expected, ...] = ()


def bad(text: str, *expected: tuple[str, Check, str]) -> Case:
    return Case(text, tuple(Expected(*each) for each in expected))


def rows(tables: Mapping[str, Mapping[str, Case]]) -> dict[str, Case]:
    """Return the cases of some tables in one, each by its table's name and its own."""
    return {f"{table}: {name}": case for table, cases in tables.items() for name, case in cases.items()}
