"""The commands: parse, one call, print. Beside `exits` and `prompts`, the only place that prompts and exits."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast


def _end_at_once(*_: object) -> None:
    """End as an interrupted command does, from amid an import, where nothing has begun yet."""
    os.write(2, b"\nInterrupted. Nothing was begun.\n")
    os._exit(130)


def _handle_interrupts(before: Any, now: Any) -> None:
    """Put one handler in the place of another; one that somebody else has set stays (an ignored interrupt is one)."""
    if signal.getsignal(signal.SIGINT) is before:
        with suppress(ValueError):  # in a thread
            signal.signal(signal.SIGINT, now)


# Whoever interrupts us while we load would read where in some import that was; from then on, `run` answers.
_handle_interrupts(signal.default_int_handler, _end_at_once)

import click  # noqa: E402 - everything that takes time comes after the handler

from tagready.console.exits import answering, opened  # noqa: E402

if TYPE_CHECKING:
    from tagready.doors.git import Git

F = TypeVar("F", bound=Callable[..., Any])

OUR_BUG = 70

#: One for all options: each asks for translations of its own, which is felt at every start.
PATH = click.Path(path_type=Path)


def common(function: F) -> F:
    """Add the options that every command takes; a FILE is meant as seen from DIR."""

    @wraps(function)
    def located(*, directory: Path, overlay: Path | None, **given: Any) -> None:
        function(directory=directory, overlay=directory / overlay if overlay else None, **given)

    in_directory = click.option(
        "-C", "directory", default=".", metavar="DIR", type=PATH, help="Run as if started in DIR."
    )
    with_overlay = click.option(
        "--config", "overlay", metavar="FILE", type=PATH, help="Lay FILE's keys over the project's own configuration."
    )
    return cast(F, with_overlay(in_directory(located)))


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


@cli.command(
    short_help="Write what a project needs to release.",
)
@click.option("--check", is_flag=True, help="Write nothing; show in what the generated files have drifted.")
@click.option("--upgrade", is_flag=True, help="Renew what an older tagready wrote; what you changed in it is kept.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_format("text", "json", "github")
@common
def init(directory: Path, overlay: Path | None, form: str, *, check: bool, upgrade: bool, yes: bool) -> None:
    """Write what a project needs to release: settings, changelog, workflows, checklist.

    \b
    Writes what is missing, for the project as it is, and never over a file of
    yours. On a terminal it shows all of it and asks first.
    """
    from tagready.commands import init as scaffolding
    from tagready.console import init_answers

    if check and (upgrade or yes):
        raise click.UsageError("--check writes nothing: give it alone")
    with opened(directory, "init", form) as repository:
        if check:
            checked = scaffolding.check(repository, overlay)
            init_answers.show_checked(checked, form)
            sys.exit(0 if checked.report.ok else 1)
        plan = scaffolding.plan(repository, overlay, upgrade=upgrade)
        if form != "json":
            init_answers.show_plan(plan)
        asks = form == "text" and not yes and sys.stdin.isatty() and sys.stdout.isatty()
        agreed = not plan.writes or not asks or click.confirm("\nWrite this?", default=True)
        if agreed:
            scaffolding.write(repository, plan.writes)
        init_answers.show_written(plan, form, str(directory), written=agreed and bool(plan.writes))
        if not plan.report.ok:
            sys.exit(1)


def _offers(what: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    """Return what tells a shell the words that can stand for a parameter."""

    def offers(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Any]:
        from tagready.console import prompts

        return prompts.offers(ctx, what, incomplete)

    return offers


@cli.command()
@click.argument("issue", required=False, shell_complete=_offers("issue"))
@click.argument("type_", metavar="[TYPE]", required=False, shell_complete=_offers("type"))
@click.option("-m", "--message", "texts", metavar="TEXT", multiple=True, help="The text; a second -m is a paragraph.")
@click.option("-e", "--edit", is_flag=True, help="Write the text in the editor.")
@click.option("--section", metavar="NAME", shell_complete=_offers("section"), help="The part of the changelog.")
@output_format("text", "json")
@common
def add(directory: Path, overlay: Path | None, form: str, texts: tuple[str, ...], edit: bool, **given: Any) -> None:
    """Write a news fragment: one change, for the changelog.

    \b
    ISSUE is 123, #123, an address, or + for none; if it is not given, the
    branch's name tells it (fix-123-crash). TYPE is one of the project's types.
    The text comes from -m, the editor or standard input. What is missing is
    asked for. Nothing is overwritten.
    """
    from tagready.commands import add
    from tagready.console import answers, prompts

    with opened(directory, "add", form) as repository:
        desk = add.look(repository, overlay)
        issue, type_ = add.sort_out(desk.news, given["issue"], given["type_"])
        text = "\n\n".join(texts) if texts else None
        asked = prompts.Given(issue, type_, given["section"], text, edit, str(directory), form == "json")
        try:
            answer = prompts.write(desk, asked, _editor(repository))
        except (click.Abort, KeyboardInterrupt):
            click.echo("\nInterrupted. Nothing was written.", err=True)
            sys.exit(130)
        answers.show_added(answer.added, form, answer.guessed_from, asked.at)


@cli.command(
    short_help="Make the release commit from the fragments.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
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
@output_format("text", "json", "github")
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
    from tagready.commands.prepare import prepare as make
    from tagready.console import answers, terminal
    from tagready.facts.prepared import Options

    with opened(directory, "prepare", form) as repository:
        options["skip"] = tuple(options["skip"])
        kept = "" if options["again"] else " and ".join(f"--{name}" for name in ("date", "edit") if options[name])
        with terminal.Waiting("looking at the repository and its remote") as waiting:
            prepared = make(repository, Options(version, **options), overlay, _editor(repository), waiting.close)
        answers.show_prepared(prepared, form)
        if form != "json" and prepared.already and kept:
            click.echo(f"  {kept} changed nothing: it is made anew with --again")


@cli.command()
@click.argument("version", required=False)
@click.option("--commit", metavar="REV", help="Tag this commit instead of HEAD.")
@click.option("--push", is_flag=True, help="Push the tag (and in the direct flow the branch) in one atomic push.")
@output_format("text", "json", "github")
@common
def tag(directory: Path, overlay: Path | None, form: str, **options: Any) -> None:
    """Tag a tag-ready commit, as the project tags.

    VERSION is what the commit states, if it is not given.

    \b
    The tag gate judges the commit first. The tag is annotated, signed or
    light, and named, as the newest release tag is.
    """
    from tagready.commands.tag import Options
    from tagready.commands.tag import tag as make
    from tagready.console import answers

    with opened(directory, "tag", form, bare=True) as repository:
        tagged = make(repository, Options(**options), overlay)
        answers.show_tagged(tagged, form)


@cli.command(
    "forward-port",
    short_help="Bring a maintenance release's entry to this branch.",
)
@click.argument("tag")
@click.option("-n", "--dry-run", is_flag=True, help="Show the very diff; change nothing.")
@click.option(
    "--branch",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    help="Put the commit on a branch (forward-port/VERSION) instead of the current one.",
)
@click.option("-s", "--signoff", is_flag=True, help="Add a Signed-off-by trailer.")
@click.option("--push", is_flag=True, help="Push exactly what was made.")
@output_format("text", "json", "github")
@common
def forward_port(directory: Path, overlay: Path | None, form: str, **options: Any) -> None:
    """Bring the entry of a maintenance release to this branch.

    TAG is the tag of the release, or its version.

    \b
    The entry goes into the changelog just as the tag has it, in the order of
    versions. The fragments that it was made from are removed where they say
    the same here. The version stays. Run it again after anything that went
    wrong: it finishes what is missing, and does nothing twice.
    """
    from tagready.commands.forward_port import Options
    from tagready.commands.forward_port import forward_port as make
    from tagready.console import answers

    with opened(directory, "forward-port", form) as repository:
        ported = make(repository, Options(**options), overlay)
        answers.show_ported(ported, form)


@cli.command()
@click.argument("tag", required=False)
@click.option("--commit", metavar="REV", help="Judge this commit; the tag need not exist yet.")
@click.option("--dist", metavar="DIR", type=PATH, help="Judge the distributions in DIR, too.")
@click.option("--index", "ask_index", is_flag=True, help="Ask the index as well which versions it has.")
@click.option("--strict", is_flag=True, help="Take warnings, and what could not be judged, as errors.")
@click.option("--skip", metavar="RULE", multiple=True, help="Set a rule aside; it is listed as skipped.")
@output_format("text", "json", "github")
@common
def verify(directory: Path, overlay: Path | None, form: str, **options: Any) -> None:
    """Prove that a tag is what it says: the tag gate.

    TAG is the tag of the workflow's run, or the one on HEAD, if it is not given.

    \b
    Judges the tagged commit's tree and history, never the working tree; needs
    no network, and works in a bare clone. The entry is compiled again from the
    fragments that its commit removed.
    """
    from tagready.commands.verify import Options
    from tagready.commands.verify import verify as judge
    from tagready.console import answers, terminal

    with opened(directory, "verify", form, bare=True) as repository:
        options["skip"] = tuple(options["skip"])
        options["dist"] = directory / options["dist"] if options["dist"] else None
        with terminal.Waiting("judging the release"):
            verified = judge(repository, Options(**options), overlay)
        answers.show_verified(verified, form)
        if not verified.report.ok:
            sys.exit(1)


@cli.command(
    short_help="Judge what a pull request would bring.",
)
@click.option("--since", metavar="REF", help="Judge what HEAD has and REF has not.")
@click.option("--staged", is_flag=True, help="Judge what is staged, against HEAD: for a pre-commit hook.")
@click.option("--fix", is_flag=True, help="Mend the change's fragments first, where there is no doubt.")
@click.option("--main", is_flag=True, help="Judge how what was pushed came here: through a pull request?")
@output_format("text", "json", "github")
@common
def check(directory: Path, overlay: Path | None, form: str, **options: Any) -> None:
    """Judge what a pull request would bring: the pull-request gate.

    Without --since, HEAD is held against the branch that a pull request would go to.

    \b
    Judges what is committed: fragments, changelog, version, secrets,
    workflows. A release is recognised, and judged by the tag gate. With --fix,
    the working tree is mended and judged as if it were committed.
    """
    from tagready.commands.check import Options
    from tagready.commands.check import check as judge
    from tagready.console import answers, terminal

    if options["main"] and (options["staged"] or options["fix"]):
        raise click.UsageError("--main judges what was pushed: give it without --staged and --fix")
    if options["staged"] and options["since"]:
        raise click.UsageError("--staged is held against HEAD: give it without --since")
    with opened(directory, "check", form, bare=True, goes_on=options["fix"]) as repository:
        with terminal.Waiting("judging the change"):
            checked = judge(repository, Options(**options), overlay)
        answers.show_checked(checked, form)
        if not checked.report.ok:
            sys.exit(1)


@cli.command(
    short_help="Show the next release, or where one stands.",
)
@click.argument("version", required=False)
@click.option("--summary", is_flag=True, help="Write the recovery card: what is done, and what to do now.")
@output_format("text", "json")
@common
def status(version: str | None, directory: Path, overlay: Path | None, form: str, *, summary: bool) -> None:
    """Show what the next release would be, or where VERSION stands.

    VERSION may be a tag's name, too. With --summary, it is the tag of the workflow's run if it is not given.

    \b
    Without VERSION: the pending fragments, the version that they ask for, and
    what stands against a release now. With it: commit, entry, tags and index,
    place by place, and the one next command. Reads only; works offline.
    """
    from tagready.commands import status
    from tagready.console import answers, terminal

    if summary:
        run_for = os.environ.get("GITHUB_REF_NAME") if os.environ.get("GITHUB_REF_TYPE") == "tag" else None
        name = version or run_for
        if not name or form == "json":
            raise click.UsageError("--summary writes the card of one release as Markdown: name its VERSION")
        answers.show_card(status.recovery(directory, name, overlay))
        return
    with opened(directory, "status", form) as repository:
        with terminal.Waiting("looking at the places of a release"):
            found = (
                status.next_release(repository, overlay)
                if version is None
                else status.standing(repository, version, overlay)
            )
        answers.show_status(found, form)
        if not found.report.ok:
            sys.exit(1)


@cli.command()
@click.argument("tag", required=False)
@click.option("-o", "--output", metavar="FILE", type=PATH, help="Write to FILE instead.")
@output_format("text", "md", "json")
@common
def notes(tag: str | None, directory: Path, overlay: Path | None, form: str, output: Path | None) -> None:
    """Print a release's notes: its entry without the heading.

    TAG is the tag of the workflow's run, or the one on HEAD, or what HEAD states, if it is not given.

    \b
    --format text prints them as written; --format md as Markdown, converted
    from reStructuredText where the changelog is that.
    """
    from tagready.commands.notes import notes as read
    from tagready.console import terminal

    with opened(directory, "notes", form, bare=True) as repository:
        found = read(repository, tag, overlay, as_markdown=form == "md")
        text = found.text
        if form == "json":
            keys = {**found._asdict(), "notes": found.text}
            del keys["text"]
            text = terminal.as_json("notes", None, **keys) + "\n"
        if output is not None:
            _write(directory / output, text)
        else:
            terminal.write_exactly(text)


@cli.command()
@click.argument("tag", required=False)
@click.option("-o", "--out", metavar="DIR", default="dist", type=PATH, help="Default: dist.")
@click.option("--once", is_flag=True, help="Do not build a second time to compare.")
@click.option("--smoke", is_flag=True, help="Install the wheel into a fresh environment, and import it.")
@click.option(
    "--constraints",
    metavar="FILE",
    type=PATH,
    help="Build with these versions: an earlier release.json, or a pip constraints file.",
)
@output_format("text", "json", "github")
@common
def build(directory: Path, overlay: Path | None, form: str, **options: Any) -> None:
    """Build sdist and wheel of a tag or of HEAD, reproducibly.

    TAG is the tag of the workflow's run, or the release tag on HEAD, if it is not given; without a tag, HEAD is built.

    \b
    Builds what is committed, in a clean clone; twice, and compares. The files
    are judged, and lie in DIR with SHA256SUMS and release.json.
    """
    from tagready.commands.build import Options
    from tagready.commands.build import build as make
    from tagready.console import answers, terminal

    with opened(directory, "build", form, bare=True) as repository, terminal.Progress() as progress:
        options["out"] = directory / options["out"]
        options["constraints"] = directory / options["constraints"] if options["constraints"] else None
        options["complete"] = form == "github"
        built = make(repository, Options(**options), overlay, progress.says)
        progress.close()
        answers.show_built(built, form, directory)


@cli.command(short_help="Upload what the index lacks.")
@click.option("--dist", metavar="DIR", default="dist", type=PATH, help="Default: dist.")
@click.option("--preflight", is_flag=True, help="Look at the token only; no distribution is needed.")
@click.option("--confirm", is_flag=True, help="Look at the listing only; no token is needed.")
@click.option("--smoke", is_flag=True, help="With --confirm: install it from the index, and import it.")
@click.option("--project", metavar="NAME", help="With --preflight: the project that the token is for.")
@click.option("--repository", metavar="NAME", help="A repository that twine knows: pypi, testpypi, or one of .pypirc.")
@click.option("--repository-url", metavar="URL", help="Upload to this address.")
@click.option("--index-url", metavar="URL", help="Read the listing of the index at this address (its simple index).")
@click.option("--trusted", is_flag=True, help="Use Trusted Publishing: the run's own identity, and no token.")
@click.option("--no-attestations", is_flag=True, help="With --trusted: upload no attestations of origin.")
@click.option("--skip", metavar="RULE", multiple=True, help="Set a rule of policy aside; it is listed as skipped.")
@output_format("text", "json", "github")
@common
def publish(directory: Path, overlay: Path | None, form: str, **options: Any) -> None:
    """Upload what the index lacks, and confirm that it lists our bytes.

    \b
    The token comes from PYPI_API_TOKEN or TWINE_PASSWORD, .pypirc or the
    keyring. It is looked at first, before anything is sent. Run it again after
    anything that went wrong: it does what is missing, and nothing twice. Needs
    no repository, only the distributions.
    """
    from tagready.commands.publish import Options, configured
    from tagready.commands.publish import publish as upload
    from tagready.console import answers, terminal

    if options["preflight"] and options["confirm"]:
        raise click.UsageError("--preflight looks at the token, --confirm does without: give one of them")
    if options["smoke"] and not options["confirm"]:
        raise click.UsageError("--smoke installs what an index lists: give it with --confirm")
    with answering("publish", form), terminal.Progress() as progress:
        options["dist"] = directory / options["dist"]
        options["skip"] = tuple(options["skip"])
        options["attestations"] = not options.pop("no_attestations")
        asked = configured(Options(**options), directory, overlay)
        try:
            published = upload(asked, progress)
        except KeyboardInterrupt:
            progress.close()
            answers.show_interrupted(progress.standings, asked)
            raise
        progress.close()
        answers.show_published(published, asked, form)


@cli.command(
    "github-release",
    short_help="Keep a release as a draft on GitHub; publish it.",
)
@click.argument("tag", required=False)
@click.option("--draft", "act", flag_value="draft", help="Make the draft that keeps the files, or take what it keeps.")
@click.option("--check", "act", flag_value="check", help="Only see whether the tag is still where it was.")
@click.option("--publish", "act", flag_value="publish", help="Make the draft public.")
@click.option("--dist", metavar="DIR", default="dist", type=PATH, help="Default: dist.")
@click.option("--notes", metavar="FILE", type=PATH, help="With --draft: the text of the release.")
@output_format("text", "json", "github")
@common
def github_release(directory: Path, overlay: Path | None, form: str, act: str | None, **options: Any) -> None:
    """Keep a release's files as a draft on GitHub, and make it public.

    TAG is the tag of the workflow's run, or the one that release.json names, if it is not given.

    \b
    Needs GITHUB_REPOSITORY and GITHUB_TOKEN, and no repository: only the
    folder that `tagready build` filled. Run it again after anything that went
    wrong: it does what is missing, and nothing twice.
    """
    from tagready.commands.github_release import Act, Options, open_forge, tag_format
    from tagready.commands.github_release import github_release as make
    from tagready.console import answers, terminal

    if act is None:
        raise click.UsageError("give one of --draft, --check and --publish")
    if options["notes"] and act != "draft":
        raise click.UsageError("--notes is for --draft: nothing is changed in a draft that is made public")
    with answering("github-release", form), terminal.Progress() as progress:
        options["dist"] = directory / options["dist"]
        options["notes"] = directory / options["notes"] if options["notes"] else None
        options["tag_format"] = tag_format(overlay)
        done = make(Options(Act(act), **options), open_forge(), progress.says)
        progress.close()
        answers.show_github_release(done, form)


@cli.command(
    short_help="Release a sample project in a scratch folder.",
)
def demo() -> None:
    """Release a sample project in a scratch folder, command by command."""
    from tagready.demo import demo as show

    try:
        show()
    except KeyboardInterrupt:
        click.echo("\nInterrupted. The scratch folder is gone; tagready demo begins anew.", err=True)
        sys.exit(130)


def _editor(repository: Git) -> Callable[[str, str], str | None]:
    """Return what opens a text in the editor that git would open; it returns None where nothing was saved."""

    def edit(text: str, extension: str) -> str | None:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory(prefix="tagready-") as folder:
            file = Path(folder, f"text{extension}")
            file.write_text(text, encoding="utf-8", newline="\n")
            # In the past, for a clock may be too coarse to tell when it is saved.
            os.utime(file, (0, 0))
            repository.edit(file)
            return _saved(file) if file.exists() and file.stat().st_mtime != 0 else None

    return edit


def _saved(file: Path) -> str:
    from tagready.facts.findings import WrongUse

    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise WrongUse("what the editor saved is not UTF-8, so nothing was changed", "let it save UTF-8") from None


def _write(path: Path, text: str) -> None:
    from tagready.facts.findings import WrongUse

    try:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error.strerror}", "give a path in a folder that exists") from None


def run(command: click.Command, arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code; anything unforeseen becomes a report that can be pasted."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a letter that the terminal lacks is no reason to fail
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
    code = run(command)
    gc.freeze()  # the interpreter would look through everything once more at its end: another twentieth
    sys.exit(code)


_handle_interrupts(_end_at_once, signal.default_int_handler)
