"""News fragments: which file is one, what it says, and what would go wrong with it. Names as towncrier reads them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatch, translate
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from tagready.facts.changelog import BOM, MARKER
from tagready.facts.findings import Finding, as_warning, finding
from tagready.facts.project import ALWAYS_IGNORED, News, Section
from tagready.facts.versions import parse


class Fragment(NamedTuple):
    """One change: its file (path from the repository's top), section, issue (empty for an orphan), type, counter."""

    path: str
    section: str
    issue: str
    type: str
    counter: int
    orphan: bool


class Survey(NamedTuple):
    """What the files in the fragment directories are: the fragments, and what is wrong with names."""

    fragments: tuple[Fragment, ...]
    findings: tuple[Finding, ...]


#: What editors and merges leave behind; nano's is `.save`, and Emacs keeps what nobody saved under `#name#`.
_LEFTOVER = re.compile(r"(?:~|\.(?:bak|orig|rej|sw[a-p]|tmp|save(?:\.\d+)?))$|^\.?#.*#$", re.IGNORECASE)
_NEVER_NEWS = (".*", "readme*", "*template*", "*.j2", "*.jinja*", "*.py")


def survey(news: News, listing: Iterable[tuple[Section, str]], extra_files: Sequence[str]) -> Survey:
    """Return what towncrier would make of the files, given as (section, file name), and a finding for each stray."""
    fragments: list[Fragment] = []
    strays: list[tuple[Section, str]] = []
    findings: list[Finding] = []
    types = frozenset(type_.name for type_ in news.types)
    ignored = _ignored_names(news)
    listing = list(listing)
    names = {(section.directory, name) for section, name in listing}
    for section, name in listing:
        if ignored.match(name.lower()):
            continue
        if fragment := _read(news, section, name, types):
            fragments.append(fragment)
            if _LEFTOVER.search(name):
                original = _original(name)
                findings.append(_leftover(fragment, original, alone=(section.directory, original) not in names))
            findings += _name_findings(news, fragment, name)
        elif not _never_news(name, section.path(name), extra_files):
            strays.append((section, name))
    findings += _ignored(news, strays, fragments)
    return Survey(tuple(fragments), (*findings, *_duplicates(fragments)))


def survey_above(news: News, names: Iterable[str], extra_files: Sequence[str]) -> tuple[Finding, ...]:
    """Return a finding for each file that lies above the sections' folders, and is named as if for one of them.

    towncrier never looks there (26.9.0).
    """
    above = Section("", news.base)
    return tuple(
        _above(news, above.path(name), name)
        for name in names
        if looks_like_news(news, name)
        and not ignored_by_towncrier(news, name)
        and not _never_news(name, above.path(name), extra_files)
    )


def looks_like_news(news: News, name: str) -> bool:
    """Return whether a file's name has a type in it, or something near to one."""
    types = [type_.name for type_ in news.types]
    return read_name(news, news.sections[0], name) is not None or likely_name(name, types, ".md") is not None


def ignored_by_towncrier(news: News, name: str) -> bool:
    """Return whether towncrier is told to ignore the file: its own list, the template's name, and `ignore`."""
    return _ignored_names(news).match(name.lower()) is not None


def _ignored_names(news: News) -> re.Pattern[str]:
    patterns = [*ALWAYS_IGNORED, *(pattern.lower() for pattern in news.ignore or ())]
    if news.template is not None:
        patterns.append(posixpath.basename(news.template))
    return _any_of(tuple(patterns))


@lru_cache(maxsize=8)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns))


def read_name(news: News, section: Section, name: str) -> Fragment | None:
    """Return the fragment that towncrier reads from a file name, or None where it knows no type in it."""
    return _read(news, section, name, frozenset(type_.name for type_ in news.types))


def _read(news: News, section: Section, name: str, types: frozenset[str]) -> Fragment | None:
    parts = name.split(".")
    for place in range(len(parts) - 1, 0, -1):
        if parts[place] in types:
            break
    else:
        return None
    issue = ".".join(parts[:place]).strip()
    # towncrier asks `isdigit`, which is true of a `²`, too, and breaks on that: a finding of its own.
    issue = str(int(issue)) if issue.isdecimal() else issue
    follows = parts[place + 1] if place + 1 < len(parts) else ""
    orphan = bool(news.orphan_prefix) and issue.startswith(news.orphan_prefix)
    return Fragment(
        path=section.path(name),
        section=section.name,
        issue="" if orphan else issue,
        type=parts[place],
        counter=int(follows) if follows.isdecimal() else 0,
        orphan=orphan,
    )


def meant_as_news(path: str, extra_files: Sequence[str]) -> bool:
    """Return whether a file beside the fragments was probably meant as one: it is nothing else that lies there."""
    return not _never_news(posixpath.basename(path), path, extra_files)


def _never_news(name: str, path: str, extra_files: Sequence[str]) -> bool:
    stem = re.sub(r"\.(?:md|rst|txt)$", "", name, flags=re.IGNORECASE)
    return (
        any(fnmatch(name.lower(), pattern) for pattern in _NEVER_NEWS)
        or ("." in stem and parse(stem) is not None)
        or any(fnmatch(name, pattern) or fnmatch(path, pattern) for pattern in extra_files)
    )


def _ignored(news: News, strays: Sequence[tuple[Section, str]], fragments: Sequence[Fragment]) -> list[Finding]:
    """Return the finding for each file that towncrier passes over, with a name that is free."""
    taken = {_key(fragment) for fragment in fragments if not fragment.orphan}
    paths = {fragment.path.lower() for fragment in fragments}
    found = []
    for section, name in strays:
        likely = likely_name(name, [type_.name for type_ in news.types], _extension(news))
        meant = read_name(news, section, likely) if likely else None
        if meant is not None and (_key(meant) in taken or meant.path.lower() in paths):
            meant = _renumbered(meant, taken)
        if meant is not None:
            taken.add(_key(meant))
            paths.add(meant.path.lower())
        found.append(_passed_over(news, section.path(name), meant.path if meant else ""))
    return found


def _extension(news: News) -> str:
    return ".md" if news.markdown else ".rst"


def _passed_over(news: News, path: str, better: str) -> Finding:
    if better:
        fix = f"git mv {quoted(path)} {quoted(better)}"
    else:
        types = ", ".join(type_.name for type_ in news.types)
        fix = f"name it ISSUE.TYPE{_extension(news)} with one of the types {types}"
    return finding(
        "fragment-ignored",
        f"{path} is not named like a fragment, so towncrier passes over it and its text would be missing",
        f"{fix}, or list it under `ignore` in [tool.towncrier] of {news.config_path}",
        path,
    )


def _above(news: News, path: str, name: str) -> Finding:
    known = {section.path(name): section.name for section in news.sections}
    move = f"git mv {quoted(path)} {quoted(next(iter(known)))}"
    if len(known) > 1:
        others = ", ".join(f"{posixpath.dirname(there)} for {section}" for there, section in known.items())
        move = f"git mv {quoted(path)} into the folder of its section ({others})"
    return finding(
        "fragment-ignored",
        f"{path} is in no section's folder, so towncrier never sees it and its text would be missing",
        f"{move}, or list it under `ignore` in [tool.towncrier] of {news.config_path}",
        path,
    )


def quoted(path: str) -> str:
    """Return a path as one writes it in a shell."""
    return (
        path
        if re.fullmatch(r"[\w./+-]+", path) and not path.startswith("-")
        else "'" + path.replace("'", "'\\''") + "'"
    )


_SYNONYMS = {
    "bug": ("bugfix", "fix", "fixed"), "fix": ("bugfix", "fixed"), "fixed": ("bugfix", "fix"), "bugfix": ("fix", "bug"),
    "feat": ("feature", "added"), "feature": ("feat", "added"), "add": ("added", "feature"), "added": ("add",),
    "doc": ("docs", "documentation"), "docs": ("doc", "documentation"), "documentation": ("doc", "docs"),
    "break": ("breaking", "removal"), "remove": ("removal", "removed"), "removal": ("removed", "remove"),
    "removed": ("removal", "remove"), "deprecated": ("deprecation",), "deprecation": ("deprecated",),
    "chore": ("misc", "internal"), "misc": ("chore", "internal"), "change": ("changed", "misc"), "changed": ("change",),
}  # fmt: skip


def likely_name(name: str, types: Sequence[str], extension: str) -> str | None:
    """Return the fragment name that somebody who wrote this one probably meant, or None."""
    from difflib import get_close_matches

    parts = [part for part in name.split(".") if part]
    for place, part in enumerate(parts):
        word = part.lower()
        known = [type_ for type_ in (word, *_SYNONYMS.get(word, ())) if type_ in types]
        close = known or get_close_matches(word, types, n=1, cutoff=0.75)
        if not close:
            continue
        before, after = parts[:place], parts[place + 1 :]
        if not before and after and re.match(r"[#+\w-]", after[0]) and after[0] not in ("md", "rst", "txt"):
            before, after = after[:1], after[1:]
        if before:
            tail = after or [extension.lstrip(".")]
            return ".".join([*before, close[0], *tail])
    return None


def _original(name: str) -> str:
    """Return the name of the file that a leftover was made from."""
    unsaved = re.fullmatch(r"\.?#(.*)#", name)
    return unsaved[1] if unsaved else _LEFTOVER.sub("", name)


def _leftover(fragment: Fragment, original: str, *, alone: bool) -> Finding:
    """Return the finding on a leftover; where its original is not there, it may be the only copy of its text."""
    what = f"{fragment.path} looks like an editor's or a merge's leftover, and towncrier would compile it"
    fix = f"git rm {quoted(fragment.path)}, then commit"
    if alone:
        better = posixpath.join(posixpath.dirname(fragment.path), original)
        fix = f"git mv {quoted(fragment.path)} {quoted(better)}, then commit, if that is what it was; else {fix}"
    return finding("fragment-leftover-copy", what, fix, fragment.path)


def _name_findings(news: News, fragment: Fragment, name: str) -> list[Finding]:
    found = []
    numbers = (fragment.issue, name.rpartition(f".{fragment.type}.")[2].partition(".")[0])
    if strange := next((number for number in numbers if number.isdigit() and not number.isdecimal()), ""):
        found.append(
            finding(
                "fragment-malformed",
                f"{fragment.path}: {strange!r} is a digit, but no number, and towncrier breaks on it",
                "rename it, with plain digits",
                fragment.path,
            )
        )
    if news.issue_pattern and fragment.issue and not re.fullmatch(news.issue_pattern, fragment.issue):
        found.append(
            finding(
                "fragment-malformed",
                f"{fragment.path}: issue {fragment.issue!r} does not match issue_pattern {news.issue_pattern!r}, "
                "so towncrier refuses to build",
                f"rename it, or change issue_pattern in {news.config_path}",
                fragment.path,
            )
        )
    elif strange := _strange_issue(news, fragment):
        better = posixpath.join(posixpath.dirname(fragment.path), f"ISSUE.{name.partition('.')[2]}")
        none = f", or {news.orphan_prefix}WORDS where there is none" if news.orphan_prefix else ""
        fix = f"git mv {quoted(fragment.path)} {quoted(better)}, with the issue's number{none}"
        found.append(as_warning(finding("fragment-malformed", f"{fragment.path} {strange}", fix, fragment.path)))
    return found


def _strange_issue(news: News, fragment: Fragment) -> str:
    """Return what is wrong with an issue that no project has, or an empty text.

    Maintainers have released both: `0.bugfix` (aiohttp) and `feature.misc` (twisted). So it is no error.
    """
    if fragment.issue == "0":
        return "is for issue 0, which no project has, and the entry would name it"
    if not news.issue_pattern and fragment.issue in {type_.name for type_ in news.types}:
        return f"names two types, so the entry would name {fragment.issue!r} as the issue"
    return ""


def _duplicates(fragments: Sequence[Fragment]) -> list[Finding]:
    seen: dict[tuple[str, str, str, int], Fragment] = {}
    taken = {_key(fragment) for fragment in fragments}
    found = []
    for fragment in fragments:
        key = _key(fragment)
        if not fragment.orphan and key in seen:
            free = _renumbered(fragment, taken)
            taken.add(_key(free))
            found.append(
                finding(
                    "fragment-duplicated",
                    f"{fragment.path} and {seen[key].path} are the same issue, type and counter to towncrier, "
                    "which stops at them",
                    f"join them, or rename one to {posixpath.basename(free.path)}",
                    fragment.path,
                )
            )
        seen.setdefault(key, fragment)
    return found


def _key(fragment: Fragment) -> tuple[str, str, str, int]:
    """Return what no two fragments may share."""
    return fragment.section, fragment.issue, fragment.type, fragment.counter


def _renumbered(fragment: Fragment, taken: Collection[tuple[str, str, str, int]]) -> Fragment:
    """Return the fragment under the next counter that is free."""
    key = _key(fragment)
    free = next(number for number in count(fragment.counter + 1) if (*key[:3], number) not in taken)
    folder, name = posixpath.split(fragment.path)
    stem = fragment.issue or name.partition(f".{fragment.type}")[0]
    extension = posixpath.splitext(name)[1]
    extension = extension if extension in (".md", ".rst", ".txt") else ""
    better = posixpath.join(folder, f"{stem}.{fragment.type}.{free}{extension}")
    return fragment._replace(path=better, counter=free)


#: Signs that no text has: git takes a file with NUL for a binary one, and a terminal obeys what follows ESC.
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)


def judge_text(news: News, fragment: Fragment, data: bytes) -> list[Finding]:
    """Return what is wrong with a fragment's content; a line is the fragment's own, counted from 1."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [
            _malformed(fragment, line, "is not UTF-8", "towncrier would replace the bytes by �", "save it as UTF-8")
        ]
    if _shows_nothing(text, markdown=news.markdown):
        return _empty(news, fragment)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    found = []
    if text.startswith(BOM):
        text = text.removeprefix(BOM)
        found.append(_has_bom(fragment))
    return found + _judge_visible(news, fragment, text)


def _judge_visible(news: News, fragment: Fragment, text: str) -> list[Finding]:
    if control := _CONTROL.search(text):
        return [_has_control(fragment, text, control)]
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return [_malformed(fragment, line, "has conflict markers", "they would be released", "resolve them and commit")]
    # The first look is cheap: most fragments are a sentence with nothing in it that could break the entry.
    if not _SUSPECT.search(text):
        return []
    return _markdown_faults(news, fragment, text) if news.markdown else _rst_faults(news, fragment, text)


#: Signs that nobody sees.
_UNSEEN = " \t\r\n\v\f\xa0\u200b\u200c\u200d\u2060" + BOM


#: A comment of reStructuredText with what is indented below it: no footnote, target, substitution or directive.
_RST_COMMENT = (
    r"(?m)^\.\.(?:(?:[ \t]+(?!\[|_|\||[\w.:+-]+ ?::(?:\s|$))\S.*|[ \t]*\n[ \t]+\S.*)(?:\n(?:[ \t].*)?(?=\n|\Z))*"
    r"|[ \t]*$)"
)


def _shows_nothing(text: str, *, markdown: bool) -> bool:
    """Return whether readers would see nothing of a text: it is blank, or all of it is a comment."""
    if markdown and "<!--" in text:
        text = re.sub(r"(?s)<!--.*?-->", "", text)
    if not markdown and ".." in text:
        text = re.sub(_RST_COMMENT, "", text.removeprefix(BOM).replace("\r\n", "\n"))
    return not text.strip(_UNSEEN) or not text.strip()


def _empty(news: News, fragment: Fragment) -> list[Finding]:
    """Return what is wrong with a fragment without text: an error in a type that shows it, a warning without an issue.

    For what has no issue towncrier shows the text whatever the type; what a project's own template does, nobody knows.
    """
    instead = "nothing at all" if fragment.orphan else "a bare issue number"
    what = f"{fragment.path} has no text, so the entry would show {instead}"
    fix = "write one sentence for the users into it and commit, or git rm it"
    found = finding("fragment-empty", what, fix, fragment.path)
    if news.type(fragment.type).shows_content:
        return [found]
    return [as_warning(found)] if fragment.orphan and news.template is None else []


def _has_bom(fragment: Fragment) -> Finding:
    what = "begins with a byte order mark"
    why = "towncrier would carry it into the middle of the changelog"
    return as_warning(_malformed(fragment, 1, what, why, "save it without one (tagready check --fix does)"))


def _has_control(fragment: Fragment, text: str, control: re.Match[str]) -> Finding:
    line = text.count("\n", 0, control.start()) + 1
    return _malformed(
        fragment, line, f"has the control character U+{ord(control[0]):04X}", "the changelog would no longer be plain "
        "text to git and to terminals", "take it out and commit",
    )  # fmt: skip


_ITEMS = rf"(?:[ \t]*(?:{MARKER})+)?"
#: The same with quotations, in which more than four blanks begin code.
_INSIDE = rf"(?:[ \t]*(?:{MARKER}|>(?![ \t](?: {{4}}| *\t))[ \t]*)+)?"
_SUSPECT = re.compile(
    rf"^{_ITEMS} {{0,3}}(?:#|```|~~~)" r"|<[!?]" r"|^[ \t]*([!-/:-@\[-`{-~])\1{2,}[ \t]*$",
    re.MULTILINE,
)


def _malformed(fragment: Fragment, line: int, what: str, why: str, fix: str) -> Finding:
    return finding("fragment-malformed", f"{fragment.path} {what}: {why}", fix, fragment.path, line)


def category_level(news: News) -> int:
    """Return the Markdown heading level of a category in the entry, as towncrier's own template counts it."""
    title = news.title_format
    if isinstance(title, str) and title:
        match = re.search(r"^#+(?=\s)", title, re.MULTILINE)
        top = len(match[0]) if match else 0
    else:
        top = 1 if title == "" else 0
    sections = any(section.name for section in news.sections)
    return top + (2 if sections else 1)


def _markdown_faults(news: News, fragment: Fragment, text: str) -> list[Finding]:
    found = []
    level = category_level(news)
    fence, edge = "", 0  # of the code block that we are in: what closes it, and where the list item's text begins
    fence_line = 0
    lines = text.rstrip().split("\n")
    rest = 0  # the line that the HTML which we are in goes up to
    for number, line in enumerate(lines, start=1):
        if number <= rest:
            continue
        indent = len(line) - len(line.lstrip())
        if fence and line.strip() and indent < edge:
            fence = ""  # the item ends, and the code block in it
        if fence:
            closing = re.fullmatch(r"[ \t]*(`{3,}|~{3,})[ \t]*", line)
            if closing and closing[1].startswith(fence) and indent <= edge + 3:
                fence = ""
        elif raw := _raw_html(lines, number - 1):
            if not raw.closed:
                found.append(_unclosed(fragment, number, raw))
            rest = raw.end
        elif opening := _opening(line):
            fence, edge, fence_line = opening["fence"], opening.end("items"), number
        elif _heading_level(lines, number) <= level:
            found.append(_heading(fragment, number))
    if fence:
        found.append(
            _malformed(fragment, fence_line, "opens a code fence that never ends", "it would swallow the rest of the "
                       "changelog", f"close it with {fence} on a line of its own")
        )  # fmt: skip
        return found
    return found + _trailing_fence(news, fragment, lines)


def _trailing_fence(news: News, fragment: Fragment, lines: Sequence[str]) -> list[Finding]:
    if not re.fullmatch(r" {0,3}(?:`{3,}|~{3,})[ \t]*", lines[-1]) or not fragment.issue or news.template is not None:
        return []
    return [
        as_warning(
            _malformed(fragment, len(lines), "ends with a code fence", "towncrier appends the issue to that line, "
                       "which spoils the fence", "add a sentence after the fence")
        )
    ]  # fmt: skip


def _opening(line: str) -> re.Match[str] | None:
    """Return the code fence that a line opens, be it the first thing in a list item."""
    match = re.match(rf"(?P<items>{_ITEMS}) {{0,3}}(?P<fence>`{{3,}}|~{{3,}})(?P<info>.*)", line)
    return None if match is None or (match["fence"][0] == "`" and "`" in match["info"]) else match


class _RawHtml(NamedTuple):
    """HTML that goes into the page as it is: what opens it, what ends it, its last line, and whether it ends."""

    opens: str
    closes: str
    end: int
    closed: bool


def _raw_html(lines: Sequence[str], index: int) -> _RawHtml | None:
    """Return the block of HTML that begins in a line (CommonMark 0.31: kinds 2, 3 and 5); None where none does.

    It goes up to the line with its end, or as far as the list item or the quotation that it is in.
    """
    match = re.match(rf"(?P<inside>{_INSIDE}) {{0,3}}(?P<opens><!--|<\?|<!\[CDATA\[)", lines[index])
    if match is None:
        return None
    closes = {"<!--": "-->", "<?": "?>"}.get(match["opens"], "]]>")
    end, text = index, lines[index][match.start("opens") :]
    while closes not in text and end + 1 < len(lines) and _goes_on(match["inside"], lines[end + 1]):
        end, text = end + 1, f"{text}\n{lines[end + 1]}"
    # Behind the end of one, in the same line, another one may begin.
    return _RawHtml(match["opens"], closes, end + 1, text.rfind(match["opens"]) < text.rfind(closes))


def _goes_on(inside: str, line: str) -> bool:
    """Return whether a line belongs to the list item or the quotation that began with these signs."""
    if ">" in inside:
        return line.lstrip().startswith(">")
    return not line.strip() or len(line) - len(line.lstrip()) >= len(inside)


def _unclosed(fragment: Fragment, number: int, raw: _RawHtml) -> Finding:
    return _malformed(
        fragment, number, f"opens {raw.opens} and never closes it", "a page that shows the changelog would hide what "
        "follows", f"close it with {raw.closes}, or put it into backquotes, and commit",
    )  # fmt: skip


def _heading_level(lines: Sequence[str], number: int) -> int:
    """Return the level of the heading that a line is or underlines, or a level below all."""
    line = lines[number - 1]
    if heading := re.match(r" {0,3}(#{1,6})(?:[ \t]|$)", line):
        return len(heading[1])
    above = lines[number - 2] if number > 1 else ""
    if not re.fullmatch(r" {0,3}(?:=+|-+)[ \t]*", line) or len(line.strip()) < 3 or not above.strip():
        return 7
    if above.startswith("    ") or re.match(r"[#>|]|[-*+]\s|```|~~~", above.strip()):
        return 7
    return 1 if line.strip().startswith("=") else 2


def _heading(fragment: Fragment, number: int) -> Finding:
    return _malformed(
        fragment, number, "has a heading as high as a category of the entry", "readers and tools would take what "
        "follows for another section", "use a deeper heading, or bold text",
    )  # fmt: skip


def _rst_faults(news: News, fragment: Fragment, text: str) -> list[Finding]:
    sections = any(section.name for section in news.sections)
    above = {underline for underline in news.underlines[: 3 if sections else 2] if underline}
    lines = text.rstrip().split("\n")
    found = []
    for number, line in enumerate(lines, start=1):
        title = lines[number - 2] if number > 1 else ""
        underline = line.rstrip()
        if not title.strip() or title[0].isspace() or not underline or underline[0] not in above:
            continue
        if underline == underline[0] * len(underline) and len(underline) >= max(3, len(title.rstrip())):
            found.append(_heading(fragment, number - 1))
    return found


#: Steps of towncrier's search for a trailing code block that we let pass; 4 million took 2.4 s (26.9.0, measured).
PATIENCE = 20_000_000


def may_hang(news: News, text: str) -> bool:
    """Return whether towncrier's search for a code block at the fragment's end backtracks beyond reason.

    The pattern (towncrier 25.8 to 26.9.0, `append_newlines_if_trailing_code_block`) can split each indented line in
    as many ways as its indentation has blanks; it tries them all when text follows the block: pytest's
    `changelog/7777.breaking.rst` did not end in ten minutes.
    """
    if "::\n\n" not in text.replace("\r\n", "\n"):
        return False
    text = text.replace("\r\n", "\n")
    lines = (_indented(text.strip()) if news.all_bullets else text.rstrip()).split("\n")
    for number, line in enumerate(lines[:-1]):
        if line.endswith("::") and lines[number + 1] == "" and _steps(lines[number + 2 :]) > PATIENCE:
            return True
    return False


def _indented(text: str) -> str:
    return "\n".join("  " + line if line.strip() else line for line in text.split("\n"))[2:]


def _steps(lines: Sequence[str]) -> int:
    steps = 1
    for line in lines:
        match = re.match(r"  ([ \t]+)", line)
        if match:
            steps *= len(match[1])
        elif line:
            return steps
    return 1
