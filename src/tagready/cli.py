"""The commands: parse, one call, print. The only place that prompts and exits."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tagready.git import Git
    from tagready.prepared import Prepared

F = TypeVar("F", bound=Callable[..., Any])

OUR_BUG = 70


def common(function: F) -> F:
    """Add the options that every command takes."""
    function = click.option(
        "-C",
        "directory",
        default=".",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Run as if started in DIR.",
    )(function)
    return click.option(
        "--config",
        "overlay",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Lay FILE's keys over the project's own configuration.",
    )(function)


def output_format(*choices: str) -> Callable[[F], F]:
    """Add the choice between text and what machines read."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(choices),
        default="text",
        show_default=True,
        help="How to print the result.",
    )


class _Commands(click.Group):
    """Lists commands in the order of a release."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tagready", message="tagready %(version)s")
def cli() -> None:
    """Make releases from news fragments: one proven, tag-ready commit.

    \b
    Contributors add fragments such as changelog.d/123.feature.md.
    You run `prepare-release 1.4.0`; the rest follows from the tag.
    """


@cli.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("version", required=False)
@click.option("--date", metavar="YYYY-MM-DD", help="The entry's date (default: today in UTC, or SOURCE_DATE_EPOCH).")
@click.option("-n", "--dry-run", is_flag=True, help="Show the very diff; change nothing.")
@click.option("-e", "--edit", is_flag=True, help="Open the entry in the editor before the commit.")
@click.option(
    "--branch",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    help="Put the commit on a branch (release/VERSION) instead of the current one.",
)
@click.option("--again", is_flag=True, help="Renew an entry whose version was never tagged nor published.")
@click.option("-s", "--signoff", is_flag=True, help="Add a Signed-off-by trailer.")
@click.option("--tag", is_flag=True, help="Tag the commit, as the project tags.")
@click.option("--push", is_flag=True, help="Push exactly what was made, in one atomic push.")
@click.option("--skip", metavar="RULE", multiple=True, help="Set a rule of policy aside; the commit records it.")
@output_format("text", "json")
@common
def prepare(version: str | None, directory: Path, overlay: Path | None, form: str, **options: Any) -> None:
    """Compile the fragments, bump the version, and make one tag-ready commit.

    VERSION is a version such as 1.4.0, or major, minor, patch, or auto: what the pending fragments ask for.

    \b
    Nothing moves until every check has passed; then the branch moves in one
    step. Run it again after anything that went wrong: it finishes what is
    missing, and does nothing twice.
    """
    if version is None:
        hint = f" (--branch took {options['branch']!r} as its name)" if options["branch"] else ""
        raise click.UsageError(f"Missing argument 'VERSION'{hint}. Try: prepare-release auto --dry-run")
    from tagready import git
    from tagready.prepare import prepare as make
    from tagready.prepared import Options

    with answering("prepare", form), closing(git.discover(directory)) as repository:
        options["skip"] = tuple(options["skip"])
        overlay = directory / overlay if overlay else None
        kept = (options["date"] or options["edit"]) and not options["again"]
        prepared = make(repository, Options(version, **options), overlay, _editor(repository))
        if form == "json":
            click.echo(_prepared_json(prepared))
        else:
            _show_prepared(prepared)
            if prepared.already and kept:
                click.echo("  --date and --edit changed nothing: it is made anew with --again")


@cli.command(context_settings={"help_option_names": ["-h", "--help"]})
def demo() -> None:
    """Release a sample project in a scratch folder, command by command."""
    from tagready.demo import demo as show

    show()


@contextmanager
def closing(repository: Any) -> Iterator[Any]:
    """Close the repository in the end."""
    try:
        yield repository
    finally:
        repository.close()


@contextmanager
def answering(command: str, form: str) -> Iterator[None]:
    """Turn a refusal and a failure into an answer and an exit code."""
    from tagready import terminal
    from tagready.findings import Refused, Trouble, WorldFailed, WrongUse

    try:
        yield
    except Refused as refused:
        if form == "json":
            click.echo(terminal.as_json(command, refused.report, **refused.about))
        else:
            terminal.show_refusal(refused.report)
        sys.exit(1)
    except Trouble as trouble:
        if form == "json":
            click.echo(terminal.as_json(command, None, error=terminal.trouble_as_json(trouble), **trouble.about))
        terminal.show_trouble(trouble)
        sys.exit(2 if isinstance(trouble, WrongUse) else 3)
    except BrokenPipeError:
        # Somebody read enough (`| head`): what was to be done is done, and there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        failure = WorldFailed(f"the system refused: {error.strerror or error}{place}", "make room, and run it again")
        if form == "json":
            click.echo(terminal.as_json(command, None, error=terminal.trouble_as_json(failure)))
        terminal.show_trouble(failure)
        sys.exit(3)


def _editor(repository: Git) -> Callable[[str, str], str | None]:
    """Return what opens a text in the editor that git would open."""
    from tagready.findings import WorldFailed

    def edit(text: str, extension: str) -> str | None:
        editor = repository.text("var", "GIT_EDITOR")
        try:
            return click.edit(text, editor=editor, extension=extension, require_save=True)
        except click.ClickException as error:
            raise WorldFailed(
                "the editor failed, so nothing was changed", "set GIT_EDITOR to one that works", editor, error.message
            ) from None

    return edit


def _prepared_json(prepared: Prepared) -> str:
    from tagready import terminal

    keys: dict[str, Any] = {
        "project": prepared.project,
        "version": prepared.version,
        "tag": prepared.tag,
        "commit": prepared.commit,
        "parent": prepared.parent,
        "branch": prepared.branch,
        "consumed": list(prepared.consumed),
        "changelog": prepared.changelog,
        "entry": prepared.entry,
        "already": prepared.already,
        "dry_run": prepared.dry_run,
        "tagged": prepared.tagged,
        "pushed_to": prepared.pushed_to,
    }
    if prepared.dry_run:
        keys["diff"] = prepared.diff
    return terminal.as_json("prepare", prepared.report, **keys)


def _show_prepared(prepared: Prepared) -> None:
    from tagready.terminal import glyph, say, show_diff, show_entry, show_report

    tick, arrow = glyph("✓", "*"), glyph("→", "->")
    short = prepared.commit[:10]
    if prepared.already:
        say(
            f"{tick} {prepared.version} is prepared already: {short} on {prepared.branch}",
            fg="green",
            bold=True,
        )
    else:
        old = prepared.previous if prepared.previous != prepared.version else None
        previous = f"{old} {arrow} " if old else ""
        say(f"{prepared.project} {previous}{prepared.version}", bold=True)
        _show_facts(prepared)
        if prepared.dry_run:
            say()
            show_diff(prepared.diff or "")
        else:
            say()
            show_entry(prepared.entry)
        say()
        show_report(prepared.report)
    if prepared.dry_run:
        say("Dry run: nothing was changed.", bold=True)
        return
    if not prepared.already:
        title = prepared.message.split("\n", 1)[0]
        say(f'{tick} {short} "{title}" on {prepared.branch}', fg="green", bold=True)
    if prepared.tagged:
        say(f"{tick} tag {prepared.tag} on {short}", fg="green")
    if prepared.pushed_to:
        say(f"{tick} pushed to {prepared.pushed_to}", fg="green")
    for what, command in prepared.next_commands():
        say(f"  {what:<5} {command}")


def _show_facts(prepared: Prepared) -> None:
    from tagready.terminal import say

    count = len(prepared.consumed)
    kinds = ", ".join(f"{number} {type_}" for type_, number in prepared.types.items())
    say(f"  fragments  {count} compiled" + (f": {kinds}" if kinds else ""))
    say(f"  changelog  {prepared.changelog}")
    stated = f"stated already in {', '.join(prepared.stated_in)}" if prepared.stated_in else "the tag states it"
    say(f"  version    {', '.join(prepared.rewritten) or stated}")
    if prepared.decided:
        say(f"  because    {prepared.decided}")


def run(command: click.Command, arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code; anything unforeseen becomes a report that can be pasted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a letter that the terminal lacks is no reason to fail
    try:
        command.main(arguments, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nInterrupted. Run the same command again: it finishes what is missing.", err=True)
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:
        return 0
    except Exception:
        _report_bug()
        return OUR_BUG
    return 0


def _report_bug() -> None:
    import platform
    import traceback
    from importlib.metadata import version

    click.echo(
        "This is a bug in tagready. Nothing was lost: run the same command again after a look at `git status`.\n"
        "Please report it with these lines:\n\n"
        f"    tagready {version('tagready')}, towncrier {version('towncrier')}, "
        f"Python {platform.python_version()} on {platform.system()}\n"
        + "".join("    " + line + "\n" for line in traceback.format_exc().splitlines()),
        err=True,
    )


def main() -> None:
    """Run the command `tagready`."""
    _start(cli)


def prepare_release() -> None:
    """Run the command `prepare-release`, the same as `tagready prepare`."""
    _start(prepare)


def _start(command: click.Command) -> None:
    import gc

    # A process of a quarter of a second leaves its garbage to the system: collecting it is a thirtieth of the time.
    gc.disable()
    sys.exit(run(command))
