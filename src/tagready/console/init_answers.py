"""What init answers: what it will write, the changes to files that are there already, and what comes next."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from tagready.commands.init import Action
from tagready.console.terminal import as_json, glyph, say, show_diff, show_github, show_report, width
from tagready.facts.findings import counted
from tagready.facts.fragments import quoted

if TYPE_CHECKING:
    from tagready.commands.init import Plan, Step

#: How a step is shown: its sign, and what it is called.
_SIGNS = {
    Action.CREATE: "+ new",
    Action.CHANGE: "~ change",
    Action.RENEW: "~ renew",
    Action.MERGE: "~ merge",
    Action.KEEP: "= leave",
}


def show_plan(plan: Plan) -> None:
    """Print what is to be written, each change to a file that is there already, and what to know before agreeing."""
    say(f"{plan.project}: what a release needs", bold=True)
    longest = max((len(step.path) for step in plan.steps), default=0)
    fits = all(len(_row(step, longest)) <= width() for step in plan.steps)
    for step in plan.steps:
        say(_row(step, longest) if fits else f"{_row(step._replace(why=''))}\n{' ' * 12}{step.why}")
    for place, command in enumerate(plan.tests):
        say(f"{'' if place else '  tests':<12}{_indented(command)}")
    if plan.tests:
        say(f"{'':<12}({'from' if plan.tests_stated else 'another way:'} test-commands in [tool.tagready])")
    for step in plan.writes:
        if step.before is not None:
            say()
            show_diff("\n".join(step.diff()))
    if plan.report.findings:
        say()
        show_report(plan.report)
    _show_hints(plan)


def _show_hints(plan: Plan) -> None:
    for hint in plan.hints:
        say()
        say(_wrapped(f"  ! {hint}", "    "), fg="yellow")


def _indented(command: str) -> str:
    """Return a command with its further lines set in from where it begins."""
    return command.rstrip().replace("\n", f"\n{' ' * 14}")


def _row(step: Step, longest: int = 0) -> str:
    return f"  {_SIGNS[step.action]:<8}  {step.path:<{longest}}  {step.why}".rstrip()


def show_written(plan: Plan, form: str, at: str, *, written: bool) -> None:
    """Print what was done, and what comes next; `at` is the folder that we were told to start in."""
    if form == "json":
        click.echo(as_json("init", plan.report, **_keys(plan), written=written))
        return
    say()
    if not plan.writes and plan.report.ok:
        say(f"{glyph('✓', '*')} Nothing to write.", fg="green")
    elif not written:
        say("Nothing was written.", bold=True)
    else:
        say(f"{glyph('✓', '*')} {counted(len(plan.writes), 'file')} written, and nothing committed", fg="green")
    if not written:
        return
    where = "" if at == "." else f" -C {quoted(at)}"
    first = any(step.action in (Action.CREATE, Action.CHANGE) for step in plan.writes)
    branch = "tagready" if first else "renew-tagready"
    commands = [
        f"add {' '.join(map(quoted, plan.to_add))}",
        f'commit -m "{"Release with tagready" if first else "Renew what tagready wrote"}"',
    ]
    if plan.pull_request_to:
        push = f"push --set-upstream {quoted(plan.pull_request_to)} {branch}, and open a pull request"
        commands = [f"switch --create {branch}", *commands, push]
    for place, command in enumerate(commands):
        say(f"{'' if place else '  next':<8}git{where} {command}")
    checklist = next((step.path for step in plan.writes if step.path.endswith("readiness-checklist.md")), None)
    if checklist:
        on_github = " on GitHub" if plan.on_github else ""
        say(_wrapped(f"  then  {checklist} says what is to be set up{on_github}", " " * 8))


def show_checked(plan: Plan, form: str) -> None:
    """Print in what the generated files differ from what init would write."""
    report = plan.report
    if form == "json":
        click.echo(as_json("init", report, **_keys(plan), written=False))
        return
    title = (
        f"{plan.project}: the generated files are {'as init writes them' if report.ok else 'not as init writes them'}"
    )
    if form == "github":
        show_github(title, [("hint", hint) for hint in plan.hints], report)
        return
    show_report(report)
    say(f"{glyph('✓', '*') if report.ok else glyph('✗', 'x')} {title}", fg="green" if report.ok else "red")
    _show_hints(plan)


def _keys(plan: Plan) -> dict[str, Any]:
    files = [{"path": step.path, "action": str(step.action), "why": step.why} for step in plan.steps]
    return {"project": plan.project, "files": files, "hints": list(plan.hints), "tests": list(plan.tests)}


def _wrapped(text: str, hanging: str) -> str:
    return textwrap.fill(
        text, width(), subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )  # fmt: skip
