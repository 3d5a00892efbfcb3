"""The door to towncrier: driven through its published command line, made a pure function of what is committed."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from tagready.facts.findings import WorldFailed

#: Seconds of towncrier's rendering after which it is taken to hang; 10,000 fragments take less than one.
RENDER_SECONDS = 60.0
#: Seconds for one suspicious fragment alone.
PROBE_SECONDS = 5.0


class Rendering(NamedTuple):
    """The entry's text as towncrier would insert it, and the towncrier that rendered it."""

    text: str
    towncrier: str


class Order(NamedTuple):
    """What to render: the folder with configuration and fragments, and the three values that towncrier would guess."""

    folder: Path
    name: str
    version: str
    date: str

    def arguments(self) -> list[str]:
        """Return towncrier's command line."""
        return [
            "build", "--draft", "--dir", str(self.folder), "--name", self.name, "--version", self.version,
            "--date", self.date,
        ]  # fmt: skip


class DidNotEnd(Exception):  # noqa: N818
    """towncrier did not come to an end in the time it was given."""


def render(order: Order, seconds: float = RENDER_SECONDS) -> Rendering:
    """Return what towncrier renders; raise WorldFailed with its words, or DidNotEnd.

    It runs in this process, which saves a second Python start (two fifths of a small release's time, measured).
    Where no timer can interrupt it (Windows, another thread), it runs in a child.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return _render_in_child(order, seconds)
    with _time_limit(seconds):
        return _render_here(order)


def _render_here(order: Order) -> Rendering:
    import click

    output, chatter = io.StringIO(), io.StringIO()
    entry_point, version = _towncrier()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(chatter), _sorted_listings():
            entry_point.main(args=order.arguments(), prog_name="towncrier", standalone_mode=False)
    except click.ClickException as error:
        raise _failed(order, error.format_message()) from None
    except SystemExit:
        raise _failed(order, chatter.getvalue().strip()) from None
    except DidNotEnd:
        raise
    except Exception as error:  # towncrier lets the errors of its parts through: KeyError, ValueError, jinja2's …
        raise _failed(order, f"{type(error).__name__}: {error}") from None
    return Rendering(output.getvalue().removesuffix("\n"), version)


def _failed(order: Order, words: str) -> WorldFailed:
    """Return the failure in towncrier's words, with paths as the project has them: the folder may be a copy."""
    command = "towncrier " + " ".join(order.arguments())
    said = words.replace(f"{order.folder}{os.sep}", "")
    return WorldFailed("towncrier could not render the entry", "mend what towncrier names, and commit", command, said)


def _towncrier() -> tuple[Any, str]:
    from importlib.metadata import distribution

    found = distribution("towncrier")
    script = next(
        point for point in found.entry_points if point.group == "console_scripts" and point.name == "towncrier"
    )
    # `found.version` would parse all of METADATA, the README in it included, as an e-mail.
    version = re.search(r"^Version: (.+)$", found.read_text("METADATA") or "", re.MULTILINE)
    return script.load(), version[1].strip() if version else found.version


@contextlib.contextmanager
def _sorted_listings() -> Iterator[None]:
    """Let towncrier see directories in sorted order.

    Fragments of one issue and type keep the directory's order in the entry, so that ext4 and tmpfs give different
    changelogs (towncrier 26.9.0, measured: six orders, six outputs). It has no option to sort.
    """
    listdir = os.listdir
    os.listdir = lambda *path: sorted(listdir(*path))  # type: ignore[assignment]
    try:
        yield
    finally:
        os.listdir = listdir


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise DidNotEnd after so many seconds; a regular expression that backtracks looks for signals, too."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise DidNotEnd

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _render_in_child(order: Order, seconds: float) -> Rendering:
    command = [
        sys.executable,
        "-P",
        "-m",
        "tagready.doors.news",
        str(order.folder),
        order.name,
        order.version,
        order.date,
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, check=False, encoding="utf-8",
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DidNotEnd from None
    if done.returncode:
        raise _failed(order, done.stderr.strip())
    version, _, text = done.stdout.partition("\n")
    return Rendering(text, version)


def _child(arguments: list[str]) -> int:
    folder, name, version, date = arguments
    try:
        rendering = _render_here(Order(Path(folder), name, version, date))
    except WorldFailed as failure:
        print(failure.stderr, file=sys.stderr)
        return 1
    sys.stdout.reconfigure(newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(f"{rendering.towncrier}\n{rendering.text}")
    return 0


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1:]))
