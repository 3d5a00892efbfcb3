"""Asking zizmor: the real one, and ones that are missing, broken or slow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tagready.doors import zizmor
from tagready.facts.findings import Level, Report, Skipped

WORKFLOW = """\
on: pull_request
permissions: {}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ github.head_ref }}
"""
RELATIVE = Path(".github", "workflows", "ci.yml")
needs_scripts = pytest.mark.skipif(os.name == "nt", reason="a script is no program there")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "demo" / RELATIVE
    path.parent.mkdir(parents=True)
    path.write_text(WORKFLOW)
    return tmp_path / "demo"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is searched for programs, besides the system's."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.setenv("PATH", os.pathsep.join((str(programs), "/bin", "/usr/bin")))
    return programs


def script(folder: Path, text: str) -> None:
    path = folder / "zizmor"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_the_real_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found beside Python, though PATH has none; neither a .gitignore nor where we are matters."""
    monkeypatch.setenv("PATH", str(folder))
    (folder / ".gitignore").write_text("*\n")
    (folder / RELATIVE).with_name("broken.yaml").write_text("on: [push\n")
    (folder / RELATIVE).with_name("notes.md").write_text("no workflow\n")
    found = zizmor.run(folder)
    assert not isinstance(found, str)
    assert [(each.rule, each.path, each.line, each.level) for each in found] == [
        ("workflow-unsafe", RELATIVE.as_posix(), 7, Level.WARNING)
    ]
    assert found[0].message.startswith("zizmor: template-injection: ")


def test_nothing_to_ask(tmp_path: Path) -> None:
    assert zizmor.run(tmp_path) == ()


@pytest.mark.parametrize("variable", ["CI", "FORCE_COLOR", "CLICOLOR_FORCE", "NO_COLOR"])
def test_what_it_cannot_read(folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Its sentence is understood where it would like to be coloured, too."""
    monkeypatch.setenv(variable, "1")
    (folder / RELATIVE).write_text("on: [push\n")
    assert zizmor.run(folder) == "zizmor ended with 3 (no inputs collected)"


def test_what_is_only_mentioned(folder: Path) -> None:
    """With a token, zizmor always mentions that Trusted Publishing exists."""
    upload = f"uses: pypa/gh-action-pypi-publish@{'a' * 40}\n        with: {{password: '${{{{ secrets.X }}}}'}}"
    text = WORKFLOW.replace("run: echo ${{ github.head_ref }}", upload)
    (folder / RELATIVE).write_text(text)
    assert zizmor.run(folder) == ()


def test_not_installed(folder: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(elsewhere))
    assert zizmor.run(folder) == "zizmor is not installed"


@needs_scripts
def test_secrets_are_not_handed_on(folder: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYPI_API_TOKEN", "TWINE_PASSWORD", "GH_TOKEN", "GITHUB_TOKEN", "ZIZMOR_GITHUB_TOKEN"):
        monkeypatch.setenv(name, "hush-hush")
    script(elsewhere, 'env > ../seen; echo "$@" > ../asked; echo "[]"')
    assert zizmor.run(folder) == ()
    seen = (folder.parent / "seen").read_text()
    assert "PATH=" in seen
    assert "hush" not in seen
    assert (folder.parent / "asked").read_text() == (
        f"--offline --no-progress --format=json --min-severity=low --color=never -- {RELATIVE.as_posix()}\n"
    )


@needs_scripts
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo nonsense", "no findings of zizmor: JSONDecodeError('Expecting value: line 1 column 1 (char 0)')"),
        ("exit 0", "no findings of zizmor: JSONDecodeError('Expecting value: line 1 column 1 (char 0)')"),
        ("echo '[{}]'; exit 14", "no findings of zizmor: KeyError('locations')"),
        ("echo '[]'; echo 'error: unexpected argument' >&2; exit 2", "zizmor ended with 2 (unexpected argument)"),
        ("kill -9 $$", "zizmor ended with -9"),
    ],
)
def test_a_broken_one(folder: Path, elsewhere: Path, text: str, why: str) -> None:
    script(elsewhere, text)
    assert zizmor.run(folder) == why


@needs_scripts
def test_a_slow_one(folder: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zizmor, "PATIENCE", 0.1)
    script(elsewhere, "exec sleep 10")
    assert zizmor.run(folder) == "zizmor did not come to an end in 0.1 seconds"


@needs_scripts
def test_one_that_does_not_start(folder: Path, elsewhere: Path) -> None:
    script(elsewhere, "")
    (elsewhere / "zizmor").write_text("#!/no/such/shell\n")
    assert zizmor.run(folder) == "zizmor could not be started (No such file or directory)"


@needs_scripts
def test_that_it_failed_is_said(folder: Path, elsewhere: Path) -> None:
    assert zizmor.beside(Report(), folder) == Report()
    script(elsewhere, "kill -9 $$")
    assert zizmor.beside(Report(), folder) == Report(skipped=(Skipped("workflow-unsafe", "zizmor ended with -9"),))
