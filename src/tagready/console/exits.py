"""How a command ends: what it answers where it cannot do what was asked, and with which exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tagready.doors.git import Git
    from tagready.facts.findings import Refused, Trouble


@contextmanager
def opened(directory: Path, command: str, form: str, *, bare: bool = False, goes_on: bool = False) -> Iterator[Git]:
    """Lend the repository around a folder, answer what goes wrong with it, and say where commands are meant.

    `goes_on` says that what was asked ends with a command to go on with, and leaves it to us to say where.
    """
    from tagready.doors import git

    meant = None
    try:
        with answering(command, form):
            repository = git.discover(directory, bare=bare)
            meant = repository if form == "text" else None
            try:
                yield repository
            finally:
                repository.close()
    except SystemExit as end:
        _say_where(meant, needed=end.code == 1)
        raise
    _say_where(meant, needed=directory != Path() and (goes_on or command in _GO_ON))


#: What always ends so.
_GO_ON = ("prepare", "tag", "forward-port", "status", "build")


def _say_where(meant: Git | None, *, needed: bool) -> None:
    """Say where the paths and commands are meant that were printed, if that is not where we are."""
    if meant is None or not needed:
        return
    project = _project_folder(meant)
    if project or not meant.top.samefile(Path.cwd()):
        from tagready.console import terminal

        terminal.show_where(meant.top, project)


def _project_folder(repository: Git) -> str:
    """Return the project's folder where it is not the repository's top: commands there have to be told of it."""
    if not repository.prefix:
        return ""
    from tagready.commands.releases.snapshot import take
    from tagready.doors.working_tree import working_tree
    from tagready.facts.findings import Trouble

    try:
        return take(working_tree(repository), "HEAD").root
    except Trouble:
        return repository.prefix


#: What a refused command says of itself to a workflow.
_NOT_DONE = {
    "prepare": "nothing was changed",
    "forward-port": "nothing was changed",
    "tag": "nothing was tagged",
    "build": "nothing was built",
    "publish": "the release is not published",
    "github-release": "the release on GitHub is not as it should be",
}


@contextmanager
def answering(command: str, form: str) -> Iterator[None]:
    """Turn a refusal and a failure into an answer and an exit code."""
    from tagready.facts.findings import Refused, Trouble, WorldFailed, WrongUse

    try:
        yield
    except Refused as refused:
        _answer_refused(refused, command, form)
        sys.exit(1)
    except Trouble as trouble:
        _answer_trouble(trouble, command, form)
        sys.exit(2 if isinstance(trouble, WrongUse) else 3)
    except BrokenPipeError:
        # Somebody read enough (`| head`): what was to be done is done, and there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        from tagready.facts.findings import way_out

        place = f" ({error.filename})" if error.filename else ""
        failure = WorldFailed(
            f"the system refused: {error.strerror or error}{place}", f"{way_out(error)}, and run it again"
        )
        _answer_trouble(failure, command, form)
        sys.exit(3)


def _answer_refused(refused: Refused, command: str, form: str) -> None:
    from tagready.console import terminal

    if form == "json":
        click.echo(terminal.as_json(command, refused.report, **refused.about))
        return
    if form == "github":
        terminal.show_github(f"{command}: {_NOT_DONE.get(command, 'nothing was judged')}", [], refused.report)
    else:
        terminal.show_refusal(refused.report, command)
    terminal.show_files(refused.about.get("files", ()), refused.about.get("resume", ""))


def _answer_trouble(trouble: Trouble, command: str, form: str) -> None:
    from tagready.console import terminal

    if form == "json":
        click.echo(terminal.as_json(command, None, error=terminal.trouble_as_json(trouble), **trouble.about))
    if form == "github":
        terminal.show_github_trouble(f"{command}: {_NOT_DONE.get(command, 'nothing was judged')}", trouble)
    terminal.show_trouble(trouble)
    if form != "json":
        terminal.show_files(trouble.about.get("files", ()), trouble.about.get("resume", ""))
