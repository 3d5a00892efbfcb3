"""What a GitHub Actions run shows: annotations at the line, and a summary of the job. Pure."""

from __future__ import annotations

import re

from tagready.findings import Finding, Level, Report

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


def _paragraphs(found: Finding) -> list[str]:
    sign = "❌" if found.level is Level.ERROR else "⚠️"
    place = f" {_code(found.path + ('' if found.line is None else f':{found.line}'))}" if found.path else ""
    message, *rest = found.message.split("\n")
    fence = "`" * (1 + max(2, *(len(run) for run in re.findall("`+", "\n".join(rest)) or [""])))
    shown = [f"{fence}diff", *rest, fence, ""] if rest else []
    return [f"{sign} **{found.rule}**{place}: {_text(message)}", "", *shown, f"→ {_text(found.fix)}", ""]


def _text(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return re.sub(r"([\\`*_<>\[\]&~#|])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Return a code span that shows the text, whatever backquotes it has."""
    text = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    blank = " " if fence != "`" else ""
    return f"{fence}{blank}{text}{blank}{fence}"
