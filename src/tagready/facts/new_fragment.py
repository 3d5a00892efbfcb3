"""A new fragment: what its issue and type are, what its file is called, and how its text is laid out."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import count, pairwise
from typing import NamedTuple

from tagready.facts.changelog import newline_of
from tagready.facts.findings import WrongUse
from tagready.facts.fragments import Fragment, likely_name
from tagready.facts.project import FragmentType, News, Section, normalized

# -- issues ------------------------------------------------------------------------------------------------------------

#: What can be no part of an issue's name: dots end it in a file's name, and not every system takes the others there.
_NOT_IN_NAMES = r"[\s#.<>:\"/\\|?*\x00-\x1f\x7f\ud800-\udfff]"


def read_issue(news: News, said: str) -> str:
    """Return the issue as a file's name begins: from `123`, `#123`, an address, or `+` and `+name` without an issue.

    Raises WrongUse for what towncrier would not take, or could not find again in the name.
    """
    said = said.strip()
    if orphan := _orphan(news, said):
        return orphan
    issue = said if _fits(news, said) else _bare(said)
    issue = str(int(issue)) if issue.isdecimal() else issue
    what = f"the issue {said!r}"
    if issue == "0":
        raise WrongUse("there is no issue 0", f"give a number such as 123{_or_none(news)}")
    if re.fullmatch(r"[^,]+(?:,[^,]+)+,?", said) and not _fits(news, said):
        raise WrongUse(
            f"{said!r} are several issues, and a fragment is of one",
            "write the same text for each of them, in a run of its own: towncrier shows it once, with all of them",
        )
    if not issue or re.search(_NOT_IN_NAMES, issue) or issue.startswith("-"):
        raise WrongUse(f"{what} can begin no file's name", f"give a number such as 123{_or_none(news)}")
    if news.issue_pattern and not _fits(news, issue):
        raise WrongUse(
            f"{what} does not match this project's issue_pattern {news.issue_pattern!r}, so towncrier would refuse it",
            f"give one that matches{_or_none(news)}",
        )
    return issue


def _orphan(news: News, said: str) -> str:
    """Return the prefix and the name of what belongs to no issue; a plain + is understood in every project."""
    prefix = next((prefix for prefix in (news.orphan_prefix, "+") if prefix and said.startswith(prefix)), "")
    if not prefix or _fits(news, said):
        return ""
    name = said.removeprefix(prefix)
    if not news.orphan_prefix:
        raise WrongUse("this project has no fragments without an issue (orphan_prefix is empty)", "give an issue")
    if re.search(_NOT_IN_NAMES, name):
        raise WrongUse(
            f"{said!r} can begin no file's name", f"give {news.orphan_prefix} alone, or words joined by hyphens"
        )
    return news.orphan_prefix + name


def _or_none(news: News) -> str:
    return f", or {news.orphan_prefix} for none" if news.orphan_prefix else ""


def _fits(news: News, issue: str) -> bool:
    return bool(news.issue_pattern) and re.fullmatch(news.issue_pattern, issue) is not None


def _bare(said: str) -> str:
    """Return the issue without what surrounds it: `#123`, `GH-123`, `owner/project#123`, or an address."""
    if re.match(r"https?://", said):
        steps = re.split(r"[?#]", said.partition("://")[2])[0].split("/")[1:]
        named = [step for step in steps if re.fullmatch(r"\d+|[A-Z][A-Z0-9]+-\d+", step)]
        if not named:
            raise WrongUse(f"{said} names no issue", "give the address of an issue or a pull request, or its number")
        return named[-1]
    match = re.fullmatch(r"(?:[\w.-]+/[\w.-]+)?#(?P<issue>[^#]+)|(?i:gh)-?(?P<number>\d+)", said)
    return (match["issue"] or match["number"]) if match else said


def project_named(said: str) -> str:
    """Return the project that an issue is said to be of (`owner/project#5`, an address), or an empty text."""
    said = said.strip()
    kinds = r"(?:-/)?(?:issues|pull|pulls|pull-requests|merge_requests|work_items|tickets)"
    match = re.match(rf"https?://[^/]+/(?P<project>.+?)/{kinds}/\d", said)
    match = match or re.match(r"(?P<project>[\w.-]+/[\w.-]+)#", said)
    return match["project"] if match else ""


def project_at(address: str) -> str:
    """Return the project at an address as git and people write it (`owner/project`); an empty text where none is."""
    match = re.match(r"(?:\w+://[^/]+/|(?:[\w.-]+@)?[\w-][\w.-]+:(?!/))(?P<project>[^?#]+)", address)
    path = match["project"].strip("/").removesuffix(".git") if match else ""
    return path if "/" in path and not address.startswith("file:") else ""


def is_other_project(named: str, remotes: Iterable[str], name: str, pages: Iterable[str]) -> bool:
    """Return whether an issue's project is another one, by the addresses of remotes, and our name and pages.

    A fork has the name of what it was forked from. Where no remote tells of a project, none is called another.
    """
    known = [project for address in remotes if (project := project_at(address))]
    ours = {normalized(project.rpartition("/")[2]) for project in known} | {normalized(name)}
    has_page = any(f"/{named.lower()}/" in f"{page.lower()}/" for page in pages)
    return bool(known) and normalized(named.rpartition("/")[2]) not in ours and not has_page


_KEYWORDS = (
    "issues?|bugs?|bugfix|hotfix|fix(?:e[sd])?|close[sd]?|resolve[sd]?|gh|prs?|pull|tickets?|tasks?|feat|feature|docs?"
    "|chore|backport|refs?"
)
#: A number that begins a part of the branch's name, or follows a word for an issue; no version, and no date.
_IN_BRANCH = rf"(?i)(?:^|/|#|(?<![a-z])(?:{_KEYWORDS})[-_/#]?)(?P<issue>[1-9]\d{{0,5}})(?=$|[-_/])(?![-_]\d+[-_]\d+)"
#: Branches whose numbers are versions.
_OF_RELEASES = r"(?i)(?:releases?|stable|maint\w*|support|lts|v)[-_/]?\d"


def guess_issue(news: News, branch: str) -> str | None:
    """Return the issue that a branch's name tells (`fix-123-crash`, `123/crash`), or None."""
    if re.match(_OF_RELEASES, branch):
        return None
    if (match := re.search(_IN_BRANCH, branch)) and (not news.issue_pattern or _fits(news, match["issue"])):
        return match["issue"]
    for own in re.finditer(rf"(?<![\w.])(?:{news.issue_pattern})(?![\w.])", branch) if news.issue_pattern else ():
        # A pattern that takes any word would take the branch's own name.
        if re.search(r"\d", own[0]) and not re.search(_NOT_IN_NAMES, own[0]):
            return own[0]
    return None


# -- types and sections ------------------------------------------------------------------------------------------------


def find_type(news: News, said: str) -> FragmentType | None:
    """Return the type of that name, in any case."""
    return next((type_ for type_ in news.types if type_.name.lower() == said.strip().lower()), None)


def read_type(news: News, said: str) -> FragmentType:
    """Return the type of that name; raise WrongUse, with what was probably meant, where there is none."""
    if found := find_type(news, said):
        return found
    names = [type_.name for type_ in news.types]
    likely = likely_name(f"1.{said.strip()}.md", names, ".md")
    meant = f"did you mean {likely.split('.')[1]}? The" if likely else "the"
    raise WrongUse(f"there is no type {said!r} in this project", f"{meant} types are {', '.join(names)}")


def read_section(news: News, said: str) -> Section:
    """Return the section of that name; raise WrongUse where there is none."""
    for section in news.sections:
        if section.name.lower() == said.strip().lower():
            return section
    if not any(section.name for section in news.sections):
        raise WrongUse("this project's changelog has no sections", "leave --section out")
    raise WrongUse(f"there is no section {said!r} in this project", f"the sections are {listed(news.sections)}")


def listed(sections: Sequence[Section]) -> str:
    """Return the names of sections as they are given; the main one, which has none, comes first."""
    names = sorted((section.name for section in sections), key=bool)
    return ", ".join(name or '"" (the main one)' for name in names)


def default_section(news: News) -> Section | None:
    """Return the section that needs not be named: the only one, or the one whose folder holds the others' folders."""
    for section in news.sections:
        if all(section == other or other.directory.startswith(f"{section.directory}/") for other in news.sections):
            return section
    return None


# -- habits ------------------------------------------------------------------------------------------------------------


class Habits(NamedTuple):
    """How the project's fragments are written: extension, columns to wrap at (None: a line each), line ending."""

    extension: str
    columns: int | None
    newline: str


def habits(news: News, written: Sequence[tuple[Fragment, str]]) -> Habits:
    """Return how most of the fragments are written; where there are none, as the changelog's language has it."""
    newlines = Counter(newline_of(text) for _, text in written if "\n" in text)
    return Habits(
        usual_extension(news, [fragment for fragment, _ in written]),
        _columns([text.replace("\r\n", "\n").strip() for _, text in written]),
        "\r\n" if newlines["\r\n"] > newlines["\n"] else "\n",
    )


def usual_extension(news: News, written: Sequence[Fragment]) -> str:
    """Return the extension that most fragments have (towncrier needs none), else that of the changelog's language."""
    extensions = Counter(map(_extension, written))
    known = [(extensions[extension], extension) for extension in (".md", ".rst", ".txt", "") if extension in extensions]
    native = ".md" if news.markdown else ".rst"
    best = max(number for number, _ in known) if known else 0
    return native if not known or (best, native) in known else next(ext for number, ext in known if number == best)


def _extension(fragment: Fragment) -> str:
    last = fragment.path.rpartition("/")[2].split(".")[-1]
    return "" if last == fragment.type or last.isdecimal() else f".{last}"


#: Columns that people wrap at, the usual ones first; what lies between could only be an accident of the words.
_USUAL = (79, 80, 72, 88, 100, 120, 78, 76, 99, 90, 110, 119)


def _columns(texts: Iterable[str]) -> int | None:
    """Return the columns that most texts are wrapped at, or None where most have a line to a paragraph or a sentence.

    A text is wrapped at so many columns if no line is longer, and each line's end was needed: the next word would not
    have fitted.
    """
    prose = [[part.split("\n") for part in text.split("\n\n")] for text in texts if _is_prose(text)]
    votes = {columns: sum(_vote(parts, columns) for parts in prose) for columns in _USUAL}
    best = max(_USUAL, key=lambda columns: votes[columns])
    return best if votes[best] > 0 else None


def _vote(paragraphs: Sequence[Sequence[str]], columns: int) -> int:
    breaks = [pair for lines in paragraphs for pair in pairwise(lines)]
    if any(len(line) > columns and " " in line for lines in paragraphs for line in lines):
        return -1
    if any(len(line) + 1 + len(following.split(" ")[0]) <= columns for line, following in breaks):
        return -1
    return 1 if breaks else 0


# -- text --------------------------------------------------------------------------------------------------------------

#: How a line begins or ends that is more than prose to Markdown or reStructuredText, so that it stays as written.
_MARKUP = re.compile(
    r"""
    ^\s | ^[-+*•]\s | ^[-+*]$ | ^\(?(?:\d+|[a-zA-Z\#]|[ivxlcIVXLC]+)[.)](?:\s|$) # indented, or an item of a list
    | ^--?\w[\w-]*(?:[ ,=]|$) | ^:[ \t]                                           # option, definition
    | ^[>|\#=~<] | ^:[\w -]+:(?:\s|$) | ^\.\.(?:\s|$) | ^__\s | ^\[[^]]+\]:       # quote, table, heading, field, …
    | ^(?:```|~~~) | ^([^\w\s])\1{2,}\s*$ | ^[-:|\s]+$                            # fence, rule, underline
    | :: $ | \s\s$ | \\$                                                          # a block follows; a hard line break
    """,
    re.VERBOSE,
)


def _is_prose(text: str) -> bool:
    return not any(_MARKUP.search(line) for line in text.split("\n") if line)


def laid_out(text: str, columns: int | None) -> str:
    """Return the text as the project writes prose, with a final newline; anything but prose stays as it is written."""
    text = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff"))
    text = re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()
    if not text:
        return ""
    if _is_prose(text):
        joined = [re.sub(r"[ \t]*\n[ \t]*", " ", part.strip("\n")) for part in re.split(r"\n(?:[ \t]*\n)+", text)]
        text = "\n\n".join(_wrapped(part, columns) for part in joined)
    return text + "\n"


def _wrapped(paragraph: str, columns: int | None) -> str:
    """Return a paragraph in lines, or in one line where a word at a line's start would become markup (a dash …)."""
    if columns is None:
        return paragraph
    lines = _broken(paragraph, columns)
    # Several blanks at the end of a line are lost, so that the next word may fit: it is done when nothing changes.
    while (again := _broken(" ".join(lines), columns)) != lines:
        lines = again
    return "\n".join(lines) if not any(map(_MARKUP.search, lines)) else paragraph


def _broken(paragraph: str, columns: int) -> list[str]:
    return textwrap.wrap(
        paragraph, columns, break_long_words=False, break_on_hyphens=False, expand_tabs=False, replace_whitespace=False
    )


def squeezed(text: str) -> str:
    """Return a text without what laying it out may change."""
    return " ".join(text.split())


# -- names -------------------------------------------------------------------------------------------------------------


def stem(fragment: Fragment) -> str:
    """Return what a fragment's name begins with: its issue, or the prefix and the name of an orphan."""
    if not fragment.orphan:
        return fragment.issue
    parts = fragment.path.rpartition("/")[2].split(".")
    place = max(place for place, part in enumerate(parts) if part == fragment.type and place)
    return ".".join(parts[:place])


def slug(text: str) -> str:
    """Return the text's first words, as an orphan's name has them."""
    import unicodedata

    said = re.sub(r":[\w:.-]+:(?=`)|['’]", lambda match: " " * (len(match[0]) > 1), text).casefold()
    plain = unicodedata.normalize("NFKD", said).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain)
    chosen: list[str] = []
    for word in words[:4]:
        if len("-".join([*chosen, word])) > 32:
            break
        chosen.append(word)
    return "-".join(chosen) or "news"


def file_name(
    issue: str, type_: str, extension: str, siblings: Sequence[Fragment], taken: Collection[str], text: str, prefix: str
) -> str:  # fmt: skip
    """Return a name that no file has: with the next counter for an issue, with words of the text for an orphan.

    `siblings` are the section's fragments, `taken` all names there. The counter counts fragments of any extension,
    since towncrier stops at two with the same one.
    """
    names = {name.lower() for name in taken}
    if prefix and issue == prefix:
        issue = unused_stem(prefix + slug(text), siblings)
    used = [
        fragment.counter for fragment in siblings if fragment.type == type_ and stem(fragment).lower() == issue.lower()
    ]
    for counter in count(max(used) + 1 if used else 0):
        name = f"{issue}.{type_}{f'.{counter}' if counter else ''}{extension}"
        if name.lower() not in names:
            break
    return name


def unused_stem(wanted: str, siblings: Iterable[Fragment]) -> str:
    """Return what a new fragment's name may begin with, as no other does: as wanted, or with a number behind it."""
    stems = {stem(fragment).lower() for fragment in siblings}
    numbered = (f"{wanted}-{number}" if number > 1 else wanted for number in count(1))
    return next(name for name in numbered if name.lower() not in stems)
