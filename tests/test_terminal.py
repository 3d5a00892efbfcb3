"""What is printed, on a screen of forty columns."""

from __future__ import annotations

import sys
import threading
from io import StringIO
from pathlib import Path

import pytest

from tagready.commands.status import Next
from tagready.console.answers import show_status
from tagready.console.terminal import Waiting, show_entry, show_finding, show_trouble, show_where
from tagready.facts.findings import Report, WorldFailed, finding

COMMAND = "git mv changelog.d/41.bug.md changelog.d/41.bugfix.md, or name it otherwise"


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")


def test_an_entry_is_behind_a_bar_as_a_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show_entry("- A lamp that is off no longer draws any power.\n  At all. (#41)\n")
    assert capsys.readouterr().out == ("  │ - A lamp that is off no longer draws\n  │   any power. At all. (#41)\n")


def test_a_very_long_entry_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show_entry("- A lamp that is off no longer draws any power.\n" * 31)
    *shown, last = capsys.readouterr().out.splitlines()
    assert (len(shown), last.endswith(" … and 2 more lines")) == (60, True)


def test_sentences_are_broken_into_lines_and_commands_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    about = "A news fragment is a small file with a sentence:"
    message = f"no news fragment tells of it\n{about}\n  feature  Features, and things like them"
    show_finding(finding("fragment-missing", message, "write a sentence for somebody who uses it"))
    assert capsys.readouterr().err == (
        "✗ fragment-missing\n"
        "    no news fragment tells of it\n"
        "    A news fragment is a small file with\n"
        "      a sentence:\n"
        "      feature  Features, and things like\n"
        "        them\n"
        "    → write a sentence for somebody who\n"
        "      uses it\n"
    )
    show_finding(finding("fragment-ignored", "it is ignored", COMMAND))
    assert f" {COMMAND}\n" in capsys.readouterr().err
    show_trouble(WorldFailed("it failed", "try again when the network does better"))
    assert capsys.readouterr().err.endswith(" try again when the network does\n      better\n")


class Terminal(StringIO):
    """A standard error that somebody looks at."""

    told = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        self.told.set()
        return written


def test_what_takes_long_is_told_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Waiting("judging the release", seconds=0):
        assert screen.told.wait(20)
    assert "  · judging the release…" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_what_is_quick_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Waiting("judging the release", seconds=60):
        pass
    assert screen.getvalue() == ""


def test_what_nobody_sees_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    with Waiting("judging the release", seconds=0):
        pass
    assert capsys.readouterr().err == ""


def test_a_difference_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    line = "+- A lamp that is off no longer draws any power."
    show_finding(finding("entry-differs", f"it differs:\n@@ -1 +1 @@\n a\n{line}", "look at it"))
    assert f"\n     a\n    {line}\n" in capsys.readouterr().err


def test_where_paths_are_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through a symbolic link, the shell's `cd ..` leads to the folder of the link."""
    top, below, link = tmp_path / "top", tmp_path / "top" / "below", tmp_path / "link"
    below.mkdir(parents=True)
    link.symlink_to(below, target_is_directory=True)
    monkeypatch.chdir(below)
    for said, there in [(below, ".."), (link, str(top)), (tmp_path / "gone", ".."), ("", "..")]:
        monkeypatch.setenv("PWD", str(said))
        show_where(top, "")
        assert capsys.readouterr().err == f"Paths and commands are meant in the project's folder: cd {there}\n"
    monkeypatch.setenv("PWD", str(link))
    show_where(below, "")
    assert capsys.readouterr().err == ""


def test_what_the_fragments_ask_for_fits(capsys: pytest.CaptureFixture[str]) -> None:
    decided = "changelog.d/1.bugfix.md asks for a patch release"
    show_status(Next("demo", "", "main", "1.3.0", "v1.3.0", 1, (), "1.3.1", decided, Report(), ""), "text")
    assert capsys.readouterr().out.endswith(
        "  asks for  1.3.1, because\n            changelog.d/1.bugfix.md asks\n            for a patch release\n"
    )
