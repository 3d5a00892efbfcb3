"""What `add` asks of a contributor, and how it goes on without asking where nobody sits at a terminal."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import click
from click.shell_completion import CompletionItem

from tagready.commands import add
from tagready.commands.add import Added, Desk, Wanted
from tagready.console.terminal import in_lines, say, show_report, width
from tagready.doors import git
from tagready.facts.findings import Refused, Trouble, WrongUse
from tagready.facts.fragments import quoted
from tagready.facts.new_fragment import default_section, guess_issue, listed, read_issue, read_section, read_type
from tagready.facts.project import FragmentType, Section
from tagready.facts.wrapping import wrapped

T = TypeVar("T")

#: Opens a text in the editor; returns the new one, or None where it was not saved.
Editor = Callable[[str, str], str | None]

_CUT = "------------------------ >8 ------------------------"
_EXAMPLE = "What changed, for somebody who uses it."


class Given(NamedTuple):
    """What the command line says; None is what it leaves open. `err` is where questions go, `at` the -C."""

    issue: str | None
    type: str | None
    section: str | None
    text: str | None
    edit: bool
    at: str
    err: bool


class Answer(NamedTuple):
    """A fragment, and the branch that its issue was guessed from, where nobody was asked."""

    added: Added
    guessed_from: str | None


def write(desk: Desk, given: Given, editor: Editor) -> Answer:
    """Ask for what is missing, and write the fragment; a text that is refused at a terminal can be mended at once."""
    asking = sys.stdin is not None and sys.stdin.isatty() and (sys.stderr if given.err else sys.stdout).isatty()
    wanted, guessed = _asked(desk, given, editor) if asking else _taken(desk, given, editor)
    while True:
        try:
            return Answer(add.write(desk, wanted), desk.branch if guessed else None)
        except Refused as refused:
            typed = asking and (given.text is None or given.edit)
            if not typed:
                raise
            show_report(refused.report)
            if not click.confirm("Mend it in the editor?", default=True, err=given.err):
                say("Nothing was written.", err=True)
                sys.exit(1)
            wanted = wanted._replace(text=_edited(desk, wanted, editor))


# -- at a terminal -----------------------------------------------------------------------------------------------------


def _asked(desk: Desk, given: Given, editor: Editor) -> tuple[Wanted, bool]:
    with suppress(ImportError):
        import readline  # noqa: F401 - with it, arrow keys move within what is typed
    issue, type_, section = _known(desk, given)
    if issue and not _is_ours(desk, given.issue, given.err):
        issue = None
    issue = issue or _ask_issue(desk, given.err)
    section = section or _ask_section(desk, given.err)
    type_ = type_ or _ask_type(desk, given.err)
    wanted = Wanted(issue, type_, section, given.text or "")
    if given.edit:
        return wanted._replace(text=_edited(desk, wanted, editor)), False
    if given.text is None and add.needs_text(desk.news, issue, type_):
        text = _ask_text(desk, given.err)
        wanted = wanted._replace(text=text or _edited(desk, wanted, editor))
    return wanted, False


def _known(desk: Desk, given: Given) -> tuple[str | None, FragmentType | None, Section | None]:
    """Return what was given, as the project reads it."""
    news = desk.news
    issue = None if given.issue is None else read_issue(news, given.issue)
    type_ = None if given.type is None else read_type(news, given.type)
    return issue, type_, None if given.section is None else read_section(news, given.section)


def _ask_issue(desk: Desk, err: bool) -> str:
    news = desk.news
    prefix = news.orphan_prefix
    guess = guess_issue(news, desk.branch)
    question = f"Issue number, or {prefix} for none" if prefix else "Issue number"
    shown = f"{guess}, as the branch says" if guess else prefix
    while True:
        issue, said = _ask(question, lambda said: (read_issue(news, said), said), err, guess or prefix or None, shown)
        if _is_ours(desk, said, err):
            return issue


def _is_ours(desk: Desk, said: str | None, err: bool) -> bool:
    """Return whether an issue is this project's, as far as that is known; else let the contributor say so."""
    other = add.other_project(desk, said)
    question = f"That is an issue of {other}, and no remote here is that project. Take its number all the same?"
    return not other or click.confirm(_question(question, " [y/N]: "), default=False, err=err)


def _ask_section(desk: Desk, err: bool) -> Section:
    sections, usual = desk.news.sections, default_section(desk.news)
    if len(sections) == 1:
        return sections[0]
    say("Part of the changelog:", err=err)
    for number, section in enumerate(sections, start=1):
        _say_choice(f"  {number:>{len(str(len(sections)))}}  ", section.name or "(the main one)", err)
    names = [section.name for section in sections]
    default = str(sections.index(usual) + 1) if usual else None
    return _ask("Number or name", lambda said: read_section(desk.news, _numbered(said, names)), err, default)


def _ask_type(desk: Desk, err: bool) -> FragmentType:
    types = desk.news.types
    longest = max(len(type_.name) for type_ in types)
    say("Type of the change:", err=err)
    for number, type_ in enumerate(types, start=1):
        _say_choice(f"  {number:>{len(str(len(types)))}}  {type_.name:<{longest}}  ", type_.listed, err)
    names = [type_.name for type_ in types]
    return _ask("Number or name", lambda said: read_type(desk.news, _numbered(said, names)), err)


def _say_choice(name: str, title: str, err: bool) -> None:
    say(in_lines(title, name, " " * len(name)), err=err)


def _numbered(said: str, names: list[str]) -> str:
    """Return the name behind a number of the list."""
    said = said.strip()
    return names[int(said) - 1] if said.isdecimal() and said not in names and 0 < int(said) <= len(names) else said


def _ask_text(desk: Desk, err: bool) -> str:
    question = f"What changed, for somebody who uses {desk.snapshot.name or 'it'}? (Enter alone opens your editor)"
    say(in_lines(question), err=err)
    said: str = click.prompt(">", prompt_suffix=" ", default="", show_default=False, err=err)
    return said.strip()


def _ask(question: str, read: Callable[[str], T], err: bool, default: str | None = None, shown: str = "") -> T:
    """Ask until the answer can be read; `shown` is the default in words."""
    question += f" [{shown or default}]" if default else ""

    def understood(said: str) -> T:
        try:
            return read(said)
        except WrongUse as wrong:
            raise click.UsageError(_error(f"{wrong.what}: {wrong.fix}")) from None

    answer: T = click.prompt(
        _question(question, ": "), default=default, value_proc=understood, show_default=False, err=err
    )
    return answer


def _question(question: str, answer: str) -> str:
    """Return a question in lines that fit, with what click puts behind it."""
    return wrapped(question, width() - len(answer))


def _edited(desk: Desk, wanted: Wanted, editor: Editor) -> str:
    orphan = add.is_orphan(desk.news, wanted.issue)
    about = "" if orphan else f" of issue {wanted.issue}; towncrier adds the number by itself"
    below = f"{_CUT}\nWrite above this line what changed, for somebody who uses {desk.snapshot.name or 'it'}.\n"
    below += f"It goes under {wanted.type.title!r}{about}.\n"
    saved = editor(f"{wanted.text.rstrip()}\n\n{below}", ".md" if desk.news.markdown else ".rst")
    return wanted.text if saved is None else saved.partition(_CUT)[0]


# -- without one -------------------------------------------------------------------------------------------------------


def _taken(desk: Desk, given: Given, editor: Editor) -> tuple[Wanted, bool]:
    issue, type_, section = _known(desk, given)
    section = section or default_section(desk.news)
    chosen = issue or guess_issue(desk.news, desk.branch) or desk.news.orphan_prefix or None
    if chosen is None or type_ is None or section is None:
        raise _missing(desk, given, chosen, type_, section)
    text = _piped() if given.text is None and not given.edit else given.text
    if text is None and not given.edit and add.needs_text(desk.news, chosen, type_):
        raise _missing(desk, given, chosen, type_, section)
    wanted = Wanted(chosen, type_, section, text or "", add.other_project(desk, given.issue))
    return wanted._replace(text=_edited(desk, wanted, editor)) if given.edit else wanted, issue is None


def _piped() -> str | None:
    """Return what was piped in, or redirected from a file; None where standard input is neither."""
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if _is_piped() else None


def _is_piped() -> bool:
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


#: Seconds that a text may take to come, where only the message about what is missing depends on it.
_SOON = 0.5


def _is_fed() -> bool:
    """Return whether a text comes from standard input; a pipe that is only left open, as in a workflow, has none."""
    if not _is_piped():
        return False
    import select

    try:
        ready = bool(select.select([sys.stdin], [], [], _SOON)[0])
    except (OSError, ValueError):  # Windows cannot look into a pipe
        return True
    return ready and bool(os.read(sys.stdin.fileno(), 1))


def _missing(
    desk: Desk, given: Given, issue: str | None, type_: FragmentType | None, section: Section | None
) -> click.UsageError:  # fmt: skip
    """Return what is missing, with a whole command to copy."""
    needed = (
        given.text is None and not given.edit and not (type_ and issue and not add.needs_text(desk.news, issue, type_))
    )
    fed = needed and _is_fed()
    lacks = [] if issue else ["the ISSUE"]
    lacks += [] if type_ else [f"the TYPE ({', '.join(one.name for one in desk.news.types)})"]
    lacks += [] if section else [f"the --section ({listed(desk.news.sections)})"]
    lacks += ["the text"] if needed and not fed else []
    command = ["tagready", "add", *(["-C", quoted(given.at)] if given.at != "." else [])]
    command += [quoted(given.issue or issue or "123"), (type_ or desk.news.types[0]).name]
    if given.section is not None or section is None:
        first = min((each.name for each in desk.news.sections), key=bool) if given.section is None else given.section
        command += ["--section", quoted(first) if first else '""']
    if needed and not fed:
        command += ["-m", f'"{_EXAMPLE}"']
    elif given.text:
        command += ["-m", quoted(given.text)]
    said = " and ".join([", ".join(lacks[:-1]), lacks[-1]] if len(lacks) > 1 else lacks)
    what = f"{said} {'is' if len(lacks) == 1 else 'are'} missing, and nobody is at a terminal to be asked. Such as"
    return click.UsageError(
        f"{_error(what + (', with the text piped in:' if fed else ':'))}\n\n    {' '.join(command)}"
    )


def _error(message: str) -> str:
    """Return an error's message in lines that fit; click puts "Error: " before the first one."""
    return in_lines(message, " " * len("Error: "), "").lstrip()


# -- completion --------------------------------------------------------------------------------------------------------


def offers(ctx: click.Context, what: str, incomplete: str) -> list[CompletionItem]:
    """Return what a shell may offer for an issue, a type or a section; nothing where there is no project."""
    try:
        with closing(git.discover(ctx.params.get("directory") or Path())) as repository:
            desk = add.look(repository, None)
    except (Trouble, OSError):
        return []
    types = [CompletionItem(type_.name, help=type_.title) for type_ in desk.news.types]
    guess = guess_issue(desk.news, desk.branch)
    issues = [CompletionItem(guess, help=f"as the branch {desk.branch} says")] if guess else []
    sections = [CompletionItem(section.name) for section in desk.news.sections if section.name]
    items = {"issue": [*issues, *types], "type": types, "section": sections}[what]
    return [item for item in items if item.value.startswith(incomplete)]
