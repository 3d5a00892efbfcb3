"""The command line itself: help, versions, and what it costs in processes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from projects import Project, Result
from tagready.console.exits import answering


def started(*arguments: str, cwd: Path, **environment: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "tagready", *arguments],
        cwd=cwd,
        capture_output=True,
        env=os.environ | environment,
        encoding="utf-8",
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("prepare", "--help"), ("demo", "--help")])
def test_help_fits_eighty_columns(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = started(*arguments, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80


def test_version(tmp_path: Path) -> None:
    assert started("--version", cwd=tmp_path).out.startswith("tagready ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param((), "Missing argument 'VERSION'", id="no version"),
        pytest.param(("--branch", "1.4.0"), "--branch took '1.4.0' as its name", id="the branch took it"),
        pytest.param(("1.4.0", "--dry"), "--dry-run", id="a typo"),
    ],
)
def test_a_usage_error_prints_nothing_on_standard_output(
    project: Project, arguments: tuple[str, ...], says: str
) -> None:
    done = project.prepare(*arguments, "--format", "json")
    assert (done.code, done.out) == (2, "")
    assert says in done.err


@pytest.mark.skipif(os.name == "nt", reason="the wrapper is a shell script")
def test_the_number_of_git_processes_is_the_same_for_every_number_of_fragments(
    make: Callable[..., Project], tmp_path: Path
) -> None:
    log, folder = tmp_path / "log", tmp_path / "bin"
    folder.mkdir()
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "git").write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    counts = []
    for number in (1, 10, 300):
        project = make(fragments={f"{issue}.feature.md": f"Add {issue}.\n" for issue in range(1, number + 1)})
        log.write_text("")
        done = started("prepare", "1.4.0", cwd=project.path, PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
        assert done.code == 0, done.err
        counts.append(len(log.read_text().splitlines()))
    assert counts[0] == counts[1] == counts[2] <= 13


@pytest.mark.skipif(os.name == "nt", reason="pipes close otherwise there")
def test_a_reader_that_has_read_enough_is_no_failure(project: Project) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        command = [sys.executable, "-m", "tagready", "prepare", "1.4.0"]
        done = subprocess.run(command, cwd=project.path, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert project.git("log", "-1", "--format=%s") == "Release 1.4.0"


def test_a_typo_of_a_bump_word_is_named(project: Project) -> None:
    done = project.prepare("minro")
    assert (done.code, "did you mean minor?" in done.err) == (2, True)


WHERE = "Paths and commands are meant in the project's folder: cd "


@pytest.mark.parametrize(
    ("inside", "arguments", "code", "last"),
    [
        pytest.param("demo/src", ("prepare", "1.2.0"), 1, f"{WHERE}..", id="a sub-folder"),
        pytest.param(".", ("prepare", "-C", "demo", "1.2.0"), 1, f"{WHERE}demo", id="-C"),
        pytest.param(".", ("prepare", "-C", "demo/src", "1.4.0"), 0, f"{WHERE}demo", id="a next command, after -C"),
        pytest.param("demo/src", ("prepare", "1.4.0"), 0, "", id="a next command works in a sub-folder"),
        pytest.param("demo", ("prepare", "-C", "src", "1.4.0"), 0, "", id="-C, but where we are"),
        pytest.param(".", ("check", "-C", "demo"), 0, "", id="nothing to go on with"),
        pytest.param(".", ("check", "-C", "demo", "--fix"), 0, f"{WHERE}demo", id="what it mends is to be staged"),
        pytest.param("demo/src", ("check", "--fix"), 0, "", id="and that works in a sub-folder"),
        pytest.param(".", ("prepare", "-C", "demo", "1.4.0", "--format", "json"), 0, "", id="for machines"),
    ],
)
def test_where_commands_are_meant(
    project: Project, inside: str, arguments: tuple[str, ...], code: int, last: str
) -> None:
    (project.path / "src").mkdir(exist_ok=True)
    done = started(*arguments, cwd=project.path.parent / inside)
    assert (done.code, "\n".join(done.err.splitlines()[-1:])) == (code, last)


@pytest.mark.parametrize(
    ("inside", "arguments", "said"),
    [
        pytest.param("demo", ("check", "-C", "lamps"), "", id="-C"),
        pytest.param("demo/lamps", ("check",), f"{WHERE}..\n", id="in it"),
        pytest.param("demo/lamps/src", ("check",), f"{WHERE}../..\n", id="deep in it"),
        pytest.param(".", ("check", "-C", "demo/lamps"), f"{WHERE}demo\n", id="from outside"),
    ],
)
def test_commands_for_a_project_that_has_no_repository_of_its_own(
    project: Project, inside: str, arguments: tuple[str, ...], said: str
) -> None:
    project.write("lamps/src/lamp.py", "")
    project.git("mv", "pyproject.toml", "CHANGELOG.md", "changelog.d", "lamps")
    project.commit()
    project.git("switch", "--quiet", "--create", "topic")
    project.commit(**{"lamps/changelog.d/4.bug.md": "Dim it.\n"})
    done = started(*arguments, cwd=project.path.parent / inside)
    said = said.replace("project's", "repository's")
    assert done.err.endswith(f"ask again: tagready check\n{said}Commands of tagready are meant with -C lamps\n")
    mend = next(line for line in done.err.splitlines() if " git mv " in line)
    project.git(*mend.partition(",")[0].split()[2:])
    project.commit()
    assert started("check", "-C", "lamps", cwd=project.path).code == 0


@pytest.mark.parametrize(
    ("number", "way"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EACCES, "give yourself the right to write there"),
        (errno.EEXIST, "move away what lies there"),
        (errno.ENOENT, "make what is missing there"),
        (errno.EIO, "mend that"),
    ],
)
def test_the_way_out_is_out_of_what_happened(number: int, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end, answering("check", "text"):
        raise OSError(number, os.strerror(number), "a/b")
    assert end.value.code == 3
    said = capsys.readouterr().err
    assert f" the system refused: {os.strerror(number)} (a/b)\n" in said
    assert said.endswith(f" {way}, and run it again\n")


def test_outputs_and_a_summary_that_cannot_be_written(project: Project) -> None:
    nowhere = {"GITHUB_OUTPUT": "/no/y", "GITHUB_STEP_SUMMARY": "/no/z"}
    done = started("check", "--format", "github", cwd=project.path, **nowhere)
    assert (done.code, done.err.count("The job's summary could not be written: No such file")) == (3, 1)
    assert "-> make what is missing there, and re-run the job\n" in done.err.replace("→", "->")


LOADING = """
import sys, time

class Slow:
    def find_spec(self, name, *_):
        if name == "click":
            print("loading", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Slow())
import tagready.cli
"""


@pytest.mark.skipif(os.name == "nt", reason="no signal reaches one process alone there")
def test_an_interrupt_while_we_load() -> None:
    loading = subprocess.Popen(
        [sys.executable, "-c", LOADING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert loading.stdout is not None
    assert loading.stdout.readline() == "loading\n"
    loading.send_signal(signal.SIGINT)
    _, errors = loading.communicate()
    assert (loading.returncode, errors) == (130, "\nInterrupted. Nothing was begun.\n")


def test_once_loaded_an_interrupt_is_pythons_again() -> None:
    code = "import signal, tagready.cli; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "True\n"
