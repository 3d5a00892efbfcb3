"""What people and machines read: findings, a prepared release, and failures, as text or as one JSON object."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Timer
from typing import Any

import click

from tagready.doors.git import NO_REMOTE
from tagready.facts.findings import Finding, Level, Report, Trouble, WorldFailed, as_verdict, counted, way_out
from tagready.facts.wrapping import entry_in, has_command, wrapped

SCHEMA = 1
#: Lines of an entry that are shown before the commit; more would push everything else off the screen.
PREVIEW_LINES = 60


def say(text: str = "", *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Print a line, coloured only on a terminal and never against NO_COLOR."""
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(click.style(text, **style) if style else text, err=err, nl=nl, color=color)


def write_exactly(text: str) -> None:
    """Write a text to standard output byte for byte: no colour, no other line ending."""
    sys.stdout.flush()
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(text)
    else:
        binary.write(text.encode("utf-8", "surrogateescape"))
        binary.flush()


def width() -> int:
    """Return the columns to write in: the terminal's, at most 100."""
    return min(shutil.get_terminal_size((80, 24)).columns, 100)


def glyph(nice: str, plain: str) -> str:
    """Return a sign that the output's encoding has."""
    try:
        nice.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return plain
    return nice


def show_report(report: Report) -> None:
    """Print findings and skipped rules, on standard error."""
    for found in report.findings:
        show_finding(found)
    reasons: dict[str, list[str]] = {}
    for skip in report.skipped:
        if skip.reason != NO_REMOTE:  # a project without a remote knows that it has none
            reasons.setdefault(skip.reason, []).append(skip.rule)
    for reason, rules in reasons.items():
        say(
            in_lines(f"{glyph('–', '-')} {', '.join(rules)} not judged: {reason}", "", "  "),
            err=True,
            fg="bright_black",
        )


def show_finding(found: Finding) -> None:
    """Print one finding: rule and place, the sentence, and the way out."""
    error = found.level is Level.ERROR
    sign = glyph("✗", "x") if error else "!"
    place = found.path or ""
    if found.line is not None:
        place += f":{found.line}"
    head = click.style(f"{sign} {found.rule}", fg="red" if error else "yellow", bold=True)
    say(head + (f"  {place}" if place else ""), err=True)
    message, *rest = found.message.split("\n")
    say(in_lines(message, "    "), err=True)
    is_diff = any(line.startswith(("@@", "+", "-")) for line in rest)
    for line in rest[:PREVIEW_LINES]:
        edge = " " * (4 + len(line) - len(line.lstrip()))
        say("    " + _coloured(line) if is_diff else in_lines(line.lstrip(), edge, edge + "  "), err=True)
    if len(rest) > PREVIEW_LINES:
        say(f"    … and {len(rest) - PREVIEW_LINES} more lines (all of them: --format json)", err=True)
    _show_fix(found.fix)


def _show_fix(fix: str) -> None:
    """Print what to do. A command is never broken into lines, so that it can be copied."""
    arrow = f"    {glyph('→', '->')} "
    say(arrow + fix if has_command(fix) else in_lines(fix, arrow, " " * len(arrow)), err=True)


def in_lines(text: str, indent: str = "", hanging: str | None = None) -> str:
    """Return a text in lines that fit; the second line and those after it begin with `hanging`."""
    return wrapped(text, width(), indent, hanging)


def show_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print what is known, a word and a sentence to a line."""
    for what, sentence in facts:
        say(in_lines(f"{what:<9}  {sentence}", "  ", " " * 13))


def show_table(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print rows of two short cells and a text, which is cut where the line ends."""
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    for one, two, text in rows:
        line = f"  {one:<{first}}  {two:<{second}}  {text}"
        say(line if len(line) <= width() else line[: width() - 1].rstrip() + glyph("…", "+"))


#: How a place stands: its sign, the plain one, and the colour.
_STATES = {
    "as intended": ("✓", "*", "green"),
    "absent": ("–", "-", "bright_black"),
    "conflicting": ("✗", "x", "red"),
    "unverifiable": ("?", "?", "yellow"),
}


def show_places(places: Sequence[tuple[str, str, str]]) -> None:
    """Print each place of a release with its state and what is known of it."""
    for name, state, detail in places:
        nice, plain, colour = _STATES[state]
        said = click.style(f"{glyph(nice, plain)} {state:<12}", fg=colour)
        say(f"  {name:<10}  {said}  " + in_lines(detail, " " * 30).lstrip())


#: How each command says that it did not do what was asked.
_REFUSALS = {
    "verify": "Not judged",
    "notes": "No notes",
    "status": "No status",
    "build": "Not built",
    "check": "Not judged",
    "add": "Not written",
    "publish": "Not published",
    "github-release": "Not done",
}


def show_refusal(report: Report, command: str) -> None:
    """Print why a command did nothing."""
    show_report(report)
    errors = sum(found.level is Level.ERROR for found in report.findings)
    word, changed = _REFUSALS.get(command, "Refused"), "" if command in _REFUSALS else " Nothing was changed."
    say(f"\n{word}: {counted(errors, 'finding')}.{changed}", err=True, bold=True)


def show_trouble(trouble: Trouble) -> None:
    """Print what failed, in whose words, and the way out."""
    say(click.style(f"{glyph('✗', 'x')} ", fg="red", bold=True) + in_lines(trouble.what, "", "  "), err=True)
    if trouble.stderr:
        import textwrap

        say(textwrap.indent(trouble.stderr, "    "), err=True)
    if trouble.command:
        say(f"    while running: {trouble.command}", err=True, fg="bright_black")
    _show_fix(trouble.fix)


def show_where(folder: Path, project: str) -> None:
    """Say in which folder the paths and commands are meant that stand above.

    A project in a folder of its own below that one is what tagready's commands have to be given.
    """
    from shlex import quote

    here = Path.cwd()
    is_near = folder.anchor == here.anchor and not _is_through_link(here)
    shorter = os.path.relpath(folder, here) if is_near else str(folder)
    there = "" if folder.samefile(here) else f"cd {quote(min(str(folder), shorter, key=len))}"
    if there:
        whose = "repository's" if project else "project's"
        say(f"Paths and commands are meant in the {whose} folder: {there}", err=True)
    if project:
        say(f"Commands of tagready are meant with -C {quote(project)}", err=True)


def _is_through_link(here: Path) -> bool:
    """Return whether the shell came here through a symbolic link: its `cd ..` leads to the folder of the link."""
    said = Path(os.environ.get("PWD") or here)
    try:
        return said != here and said.samefile(here)
    except OSError:
        return False


#: How a file stands on an index or in a release: its sign, the plain one, and the colour.
_ACTIONS = {
    "uploaded": ("✓", "*", "green"),
    "taken": ("✓", "*", "green"),
    "present": ("✓", "*", "green"),
    "missing": ("–", "-", "yellow"),
    "conflicting": ("✗", "x", "red"),
    "unverifiable": ("?", "?", "yellow"),
}


def show_files(files: Sequence[Mapping[str, str]], resume: str = "", *, err: bool = True) -> None:
    """Print how each distribution stands on an index, and the command that goes on from there."""
    longest = max((len(file["name"]) for file in files), default=0)
    if err and files:
        say(err=True)
    for file in files:
        nice, plain, colour = _ACTIONS[file["action"]]
        said = click.style(f"{glyph(nice, plain)} {file['action']:<12}", fg=colour)
        say(f"  {said}  {file['name']:<{longest}}  sha256:{file['sha256'][:12]}", err=err)
    if resume:
        say(f"  go on  {resume}", err=err)


class Progress:
    """Shows what is being done: one line that changes on a terminal, a line each elsewhere."""

    def __init__(self) -> None:
        self.standings: Sequence[Any] = ()
        self._lines = not sys.stderr.isatty()
        self._shown = False

    def __enter__(self) -> Progress:
        """Begin; nothing is shown yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no half line behind."""
        self.close()

    def says(self, text: str) -> None:
        """Show what is done now, or waited for."""
        if self._lines:
            say(f"  {glyph('·', '-')} {text}", err=True)
            return
        self.close()
        line = f"  {glyph('·', '-')} {text}"
        shown = line if len(line) < width() else line[: width() - 2] + glyph("…", "+")
        say(shown, err=True, nl=False, fg="bright_black")
        self._shown = True

    def stands(self, standings: Sequence[Any]) -> None:
        """Remember how each file stands, for the case that somebody interrupts."""
        self.standings = standings

    def close(self) -> None:
        """Wipe the line that changes."""
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True, color=True)
            self._shown = False


class Waiting:
    """Tells on a terminal what is being done where that takes more than a second; what is quick needs no words."""

    def __init__(self, what: str, seconds: float = 1.0) -> None:
        self._progress = Progress()
        self._timer = Timer(seconds, self._progress.says, [f"{what}{glyph('…', '...')}"])
        self._timer.daemon = True

    def __enter__(self) -> Waiting:
        """Begin to wait."""
        if sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind of what was told."""
        self.close()

    def close(self) -> None:
        """Tell nothing any more: it is done, or somebody else is about to write."""
        if self._timer.is_alive():
            self._timer.cancel()
            self._timer.join()
        self._progress.close()


def show_github(title: str, facts: list[tuple[str, str]], report: Report) -> None:
    """Print annotations, and write the job's summary where GitHub says where."""
    from tagready.facts.actions import github

    for line in github.as_annotations(report):
        say(line)
    # The project's name is in it: a line of its own making must not become a workflow command.
    say(f"tagready: {' '.join(title.split())}")
    append_summary(github.summary(title, facts, report))


def show_github_trouble(title: str, trouble: Trouble) -> None:
    """Print what failed as an annotation, and write it into the job's summary."""
    from tagready.facts.actions import github

    say(github.as_error(trouble.what, trouble.fix))
    append_summary(github.failure(title, trouble.what, trouble.fix, trouble.stderr))


def append_summary(text: str) -> None:
    """Append to the job's summary; where there is no job, there is nothing to write to."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            file.write(text + "\n")
    except OSError as error:
        _say_unwritten(f"{error.strerror} ({path})")


@cache
def _say_unwritten(why: str) -> None:
    """Say that there is no summary; once, however much was to stand in it."""
    say(f"The job's summary could not be written: {why}", err=True)


def give_outputs(**values: str) -> None:
    """Hand values to later steps of the workflow; where there is no workflow, there is nobody to hand them to.

    https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-output-parameter
    """
    path = os.environ.get("GITHUB_OUTPUT")
    if not path:
        return
    lines = [f"{name}={' '.join(value.split())}\n" for name, value in values.items()]
    try:
        with open(path, "a", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            file.writelines(lines)
    except OSError as error:
        what = f"the workflow's outputs cannot be written: {error.strerror} ({path})"
        raise WorldFailed(what, f"{way_out(error)}, and re-run the job") from None


def show_diff(patch: str) -> None:
    """Print a patch with its additions and removals coloured."""
    say("\n".join(map(_coloured, patch.rstrip("\n").split("\n"))))


def _coloured(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ", "new file", "deleted file")):
        return click.style(line, bold=True)
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def show_entry(entry: str) -> None:
    """Print an entry behind a bar, in lines that fit; the rest of a very long one is left to `git show`."""
    bar = glyph("│", "|")
    lines = entry_in(width() - 4, entry.rstrip()).split("\n")
    shown = [f"  {bar} {line}".rstrip() for line in lines[:PREVIEW_LINES]]
    if len(lines) > PREVIEW_LINES:
        shown.append(f"  {bar} … and {len(lines) - PREVIEW_LINES} more lines")
    say("\n".join(shown))


def as_json(command: str, report: Report | None, **keys: Any) -> str:
    """Return the one JSON object that a command prints (schema 1)."""
    import json

    report = report or Report()
    judged = as_verdict(report)
    document = {
        "schema": SCHEMA,
        "command": command,
        "ok": report.ok and "error" not in keys,
        "project": keys.pop("project", None),
        "version": keys.pop("version", None),
        "tag": keys.pop("tag", None),
        "commit": keys.pop("commit", None),
        "findings": judged["findings"],
        "skipped": judged["skipped"],
        **keys,
    }
    # surrogateescape'd bytes have no place in JSON's UTF-8; they are shown as the replacement character.
    text = json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "replace").decode("utf-8")
    if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
        return text
    return json.dumps(json.loads(text), indent=2)


def trouble_as_json(trouble: Trouble) -> dict[str, str]:
    """Return the `error` key of the JSON object."""
    return {"what": trouble.what, "command": trouble.command, "stderr": trouble.stderr, "fix": trouble.fix}
