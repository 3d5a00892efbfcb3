"""What people and machines read: findings, a prepared release, and failures, as text or as one JSON object."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from typing import Any

import click

from tagready.findings import Finding, Level, Report, Trouble
from tagready.git import NO_REMOTE

SCHEMA = 1
#: Lines of an entry that are shown before the commit; more would push everything else off the screen.
PREVIEW_LINES = 60


def say(text: str = "", *, err: bool = False, **style: Any) -> None:
    """Print a line, coloured only on a terminal and never against NO_COLOR."""
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(click.style(text, **style) if style else text, err=err, color=color)


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
    for skip in report.skipped:
        if skip.reason == NO_REMOTE:
            continue  # a project without a remote knows that it has none
        say(f"{glyph('–', '-')} {skip.rule} not judged: {skip.reason}", err=True, fg="bright_black")


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
    say(_wrapped(message, "    "), err=True)
    for line in rest:
        say("    " + line, err=True)
    # A fix is often a command: it is never broken into lines, so that it can be copied.
    say(f"    {glyph('→', '->')} {found.fix}", err=True)


def _wrapped(text: str, indent: str, hanging: str | None = None) -> str:
    return textwrap.fill(
        text, width(), initial_indent=indent, subsequent_indent=hanging or indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def show_refusal(report: Report) -> None:
    """Print why nothing was done."""
    show_report(report)
    errors = sum(found.level is Level.ERROR for found in report.findings)
    say(f"\nRefused: {errors} finding{'s' if errors != 1 else ''}. Nothing was changed.", err=True, bold=True)


def show_trouble(trouble: Trouble) -> None:
    """Print what failed, in whose words, and the way out."""
    say(click.style(f"{glyph('✗', 'x')} ", fg="red", bold=True) + _wrapped(trouble.what, "", "  "), err=True)
    if trouble.stderr:
        say(textwrap.indent(trouble.stderr, "    "), err=True)
    if trouble.command:
        say(f"    while running: {trouble.command}", err=True, fg="bright_black")
    say(f"    {glyph('→', '->')} {trouble.fix}", err=True)


def show_diff(patch: str) -> None:
    """Print a patch with its additions and removals coloured."""
    say("\n".join(map(_coloured, patch.rstrip("\n").split("\n"))))


def _coloured(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ", "new file", "deleted file")):
        return click.style(line, bold=True)
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def show_entry(entry: str) -> None:
    """Print an entry behind a bar; the rest of a very long one is left to `git show`."""
    bar = glyph("│", "|")
    lines = entry.rstrip().split("\n")
    shown = [f"  {bar} {line}".rstrip() for line in lines[:PREVIEW_LINES]]
    if len(lines) > PREVIEW_LINES:
        shown.append(f"  {bar} … and {len(lines) - PREVIEW_LINES} more lines")
    say("\n".join(shown))


def as_json(command: str, report: Report | None, **keys: Any) -> str:
    """Return the one JSON object that a command prints (schema 1)."""
    report = report or Report()
    document = {
        "schema": SCHEMA,
        "command": command,
        "ok": report.ok and "error" not in keys,
        "project": keys.pop("project", None),
        "version": keys.pop("version", None),
        "tag": keys.pop("tag", None),
        "commit": keys.pop("commit", None),
        "findings": [
            {
                "rule": found.rule,
                "level": str(found.level),
                "message": found.message,
                "fix": found.fix,
                "path": found.path,
                "line": found.line,
            }
            for found in report.findings
        ],
        "skipped": [{"rule": skip.rule, "reason": skip.reason} for skip in report.skipped],
        **keys,
    }
    # surrogateescape'd bytes have no place in JSON's UTF-8; they are shown as the replacement character.
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(document, ensure_ascii=not utf8, indent=2)
    return text.encode("utf-8", "replace").decode("utf-8")


def trouble_as_json(trouble: Trouble) -> dict[str, str]:
    """Return the `error` key of the JSON object."""
    return {"what": trouble.what, "command": trouble.command, "stderr": trouble.stderr, "fix": trouble.fix}
