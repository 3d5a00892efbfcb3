"""What a GitHub Actions run shows: annotations at the line, and a summary of the job. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from tagready.facts.findings import Finding, Level, Report
from tagready.facts.wrapping import PROGRAMS

#: Characters of a message that GitHub shows; a longer annotation is cut there (4 KiB, by their documentation).
MESSAGE_LENGTH = 4000


def as_annotations(report: Report) -> list[str]:
    """Return a workflow command for each finding, and a notice for each rule that could not be judged.

    https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
    """
    found = [_annotation(finding) for finding in report.findings]
    return found + [
        f"::notice title={_property(skip.rule)} not judged::{_data(skip.reason)}" for skip in report.skipped
    ]


def as_error(what: str, fix: str) -> str:
    """Return the workflow command for a failure that is no finding."""
    return f"::error title=tagready::{_data(what)}%0A→ {_data(fix)}"


def _annotation(finding: Finding) -> str:
    kind = "error" if finding.level is Level.ERROR else "warning"
    properties = [f"file={_property(finding.path)}"] if finding.path else []
    if finding.line is not None:
        properties.append(f"line={finding.line}")
    properties.append(f"title={_property(finding.rule)}")
    message = finding.message[:MESSAGE_LENGTH] + f"\n→ {finding.fix}"
    return f"::{kind} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(title: str, facts: list[tuple[str, str]], report: Report) -> str:
    """Return the job's summary as Markdown: what was judged, every finding with its way out, and what was skipped."""
    lines = [f"### {_text(title)}", ""]
    if facts:
        lines += ["| | |", "|---|---|", *(f"| {_text(what)} | {_text(value)} |" for what, value in facts), ""]
    for found in report.findings:
        lines += _paragraphs(found)
    if report.skipped:
        lines += ["Not judged:", "", *(f"- `{skip.rule}`: {_text(skip.reason)}" for skip in report.skipped), ""]
    return "\n".join(lines).rstrip() + "\n"


def heading(title: str) -> str:
    """Return the line that a summary begins with."""
    return f"### {_text(title)}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines = [columns, ["---"] * len(columns), *([_text(cell) for cell in row] for row in rows)]
    return ["|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines]


def paragraphs(report: Report) -> list[str]:
    """Return the lines that show each finding with its way out."""
    return [line for found in report.findings for line in _paragraphs(found)]


def failure(title: str, what: str, fix: str, said: str = "") -> str:
    """Return the job's summary as Markdown where something failed that is no finding: what, in whose words, the fix."""
    fence = _fence_around(said)
    words = [f"{fence}text", said.rstrip(), fence, ""] if said.strip() else []
    return "\n".join([f"### {_text(title)}", "", f"❌ {_text(what)}", "", *words, f"→ {_way_out(fix)}", ""])


def checklist(
    title: str, facts: list[tuple[str, str]], steps: Sequence[tuple[str, Collection[str]]], report: Report
) -> str:
    """Return the job's summary as a task list: each step that was judged, ticked where nothing stands against it.

    A step is a sentence, and the rules that it holds for.
    """
    lines = [f"### {_text(title)}", ""]
    for sentence, rules in steps:
        found = [each for each in report.findings if each.rule in rules]
        errors = any(each.level is Level.ERROR for each in found)
        reasons = dict.fromkeys(skip.reason for skip in report.skipped if skip.rule in rules)
        said = [f"{_text(each.message.partition(chr(10))[0].rstrip(':'))} → {_way_out(each.fix)}" for each in found]
        said += [f"not judged: {_text(reason)}" for reason in reasons]
        ticked = not errors and not reasons
        only = f": {said[0]}" if len(said) == 1 else ""
        lines.append(f"- [{'x' if ticked else ' '}] {_text(sentence)}{only}")
        lines += [f"  - {each}" for each in said] if not only else []
    lines += ["", *(f"- {_text(what)}: {_text(value)}" for what, value in facts)]
    return "\n".join(lines).rstrip() + "\n"


#: The heading of the part that is for somebody who has never seen a news fragment.
HOW = "\n#### What to do\n\n"


def how_to_write(
    project: str, some: str, path: str, chosen: str, types: Sequence[tuple[str, str]], command: str
) -> str:  # fmt: skip
    """Return the part of a summary that says what a news fragment is, to somebody who has never written one."""
    return "\n".join(
        [
            f"The changelog of {_text(project)} is made of small files, one for each change: *news fragments*. "
            f"The change to {_text(some)} has none yet. Three steps add one:\n",
            f"1. Create the file {_code(path)} on your branch. {_code(chosen)} says what kind of change it is; "
            "choose the one that fits:\n",
            *(f"   {line}" for line in table(("in the name", "stands in the changelog under"), types)),
            "",
            "2. Write a sentence or two into it, for somebody who uses the project and does not know its code. "
            "Such as:\n",
            "   ```text",
            "   Opening an empty file no longer fails.",
            "   ```\n",
            "3. Commit it, and push. In a terminal, all of it at once:\n",
            "   ```sh",
            f"   {command} && git push",
            "   ```\n",
            "Is there nothing that users could notice? Then say so: put `[no changelog]` into a commit message, or ask "
            "for the label `no-changelog` on the pull request.",
            "",
        ]
    )


def how_to_mend(found: Sequence[Finding]) -> str:
    """Return the part of a summary that says how news fragments are mended, to somebody who has written their first."""
    lines = ["The changelog is made of news fragments, and with these it cannot be:\n"]
    for each in found:
        command, rest = _split(each.fix)
        place = f" (line {each.line})" if each.line is not None else ""
        lines += [f"- {_text(each.message.partition(chr(10))[0])}{place}\n"]
        lines += [f"  {line}" for line in _fenced(command, "sh").split("\n")] if command else []
        lines += [f"\n  {_way_out(rest)}\n" if command else f"  → {_way_out(rest)}\n"] if rest else [""]
    lines += ["Then commit, and push; this check runs again:\n"]
    return "\n".join([*lines, _fenced('git commit --all -m "Mend the news fragments"\ngit push', "sh"), ""])


#: A command within what a finding says to do: up to a comma, a semicolon, a colon or a parenthesis outside of quotes.
_COMMAND = rf"""(?x)
    (?<![\w'"`./-]) (?:{PROGRAMS}) (?=[ ]['"\w./~+-]) (?![ ](?:\w+[ ])?(?:it|what)\b)
    (?: '[^'\n]*' | "[^"\n]*" | (?![,;:.](?:\s|$) | [ ][(]) [^'"\n`()] )+
"""


def _split(fix: str) -> tuple[str, str]:
    """Return the command that a way out begins with, and what else it says."""
    match = re.match(_COMMAND, fix)
    return (match[0].strip(), fix[match.end() :].lstrip(" ,;:.")) if match else ("", fix)


def _way_out(fix: str) -> str:
    """Return what a finding says to do: its commands as code, so that nothing is escaped in what people copy."""
    shown, end = [], 0
    for match in re.finditer(rf"{_COMMAND} | (?<!`)`(?P<marked>[^`\n]+)`(?!`)", fix):
        shown += [_text(fix[end : match.start()], strip=False), _code(match["marked"] or match[0])]
        end = match.end() - len(match[0]) + len(match[0].rstrip())
    return "".join([*shown, _text(fix[end:], strip=False)]).strip()


def _paragraphs(found: Finding) -> list[str]:
    sign = "❌" if found.level is Level.ERROR else "⚠️"
    place = f" {_code(found.path + ('' if found.line is None else f':{found.line}'))}" if found.path else ""
    message, *rest = found.message.split("\n")
    fence = _fence_around("\n".join(rest))
    shown = [f"{fence}diff", *rest, fence, ""] if rest else []
    return [f"{sign} **{found.rule}**{place}: {_text(message)}", "", *shown, f"→ {_way_out(found.fix)}", ""]


def _fence_around(text: str) -> str:
    """Return a code fence that the text cannot close."""
    return "`" * (1 + max([2, *(len(run) for run in re.findall("`+", text))]))


def _fenced(text: str, language: str) -> str:
    """Return a code block that shows the text, whatever backquotes it has."""
    fence = "`" * (1 + max(2, *(len(run) for run in re.findall("`+", text) or [""])))
    return f"{fence}{language}\n{text}\n{fence}"


def quote(markdown: str) -> str:
    """Return Markdown as a quotation, which it cannot leave."""
    return "\n".join(f"> {line}".rstrip() for line in markdown.splitlines())


def _text(text: str, *, strip: bool = True) -> str:
    """Return a text that Markdown shows as it is."""
    words = " ".join(text.split()) if strip else re.sub(r"\s+", " ", text)
    return re.sub(r"([\\`*_<>\[\]&~#|])", r"\\\1", words)


def _code(text: str) -> str:
    """Return a code span that shows the text, whatever backquotes it has."""
    text = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    blank = " " if fence != "`" else ""
    return f"{fence}{blank}{text}{blank}{fence}"
