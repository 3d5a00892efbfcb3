"""add: writes one news fragment into the working tree, as the project writes them."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tagready.commands.changes.trial import body_of, spoiled, unshown
from tagready.commands.releases.snapshot import FragmentData, NoProject, Snapshot, take
from tagready.commands.releases.whereabouts import scratch_folder
from tagready.doors import news
from tagready.doors.git import Git
from tagready.doors.working_tree import working_tree
from tagready.facts import fragments
from tagready.facts.change_rules import NEXT
from tagready.facts.findings import Finding, Refused, Report, WorldFailed, WrongUse, finding
from tagready.facts.fragments import Fragment
from tagready.facts.new_fragment import (
    file_name,
    find_type,
    habits,
    is_other_project,
    laid_out,
    project_named,
    squeezed,
    stem,
)
from tagready.facts.project import FragmentType, News, Section
from tagready.facts.toml_tables import table_at


class Desk(NamedTuple):
    """What there is to write on: the project as it lies there, its branch, and the fragments with their texts.

    `names` are the files of each fragment folder. Those that only the index has count, and have no text.
    """

    snapshot: Snapshot
    branch: str
    names: dict[str, frozenset[str]]
    written: tuple[tuple[Fragment, str | None], ...]

    @property
    def news(self) -> News:
        """towncrier's settings."""
        return self.snapshot.news

    def shown(self, path: str) -> str:
        """Return a path as one writes it where we were started."""
        return posixpath.relpath(path, self.snapshot.git.prefix or ".")


class Wanted(NamedTuple):
    """What to write: `issue` is what the name begins with (the orphan prefix alone: words of the text follow it).

    `project` is another project that the issue was said to be of, where nobody was asked about it.
    """

    issue: str
    type: FragmentType
    section: Section
    text: str
    project: str = ""


class Added(NamedTuple):
    """A fragment that was written, or that was there with the same text (`made` is false then).

    `path` is from the repository's top, `shown` from where we were started; `beside` are the other fragments of the
    same issue and type. `rendered` is how the entry will show it; None, and the reason in `unseen`, where towncrier
    could not tell. `notes` are sentences on what may not be what was meant; `ignored` says that git ignores the file.
    """

    project: str
    path: str
    shown: str
    issue: str | None
    type: str
    section: str
    beside: tuple[str, ...]
    rendered: str | None
    unseen: str
    made: bool
    notes: tuple[str, ...]
    report: Report
    ignored: bool = False


def look(git: Git, overlay: Path | None) -> Desk:
    """Return what there is to write on; raise WrongUse where no project keeps fragments."""
    try:
        snapshot = take(working_tree(git), "HEAD", overlay)
    except NoProject:
        raise WrongUse(
            "there is no pyproject.toml or towncrier.toml here or above, so nothing says where fragments go",
            "go to your project's folder, or give it with -C",
        ) from None
    sources = snapshot.sources
    if sources.towncrier is None and not sources.has_news:
        raise WrongUse(
            f"{snapshot.news.config_path} has no table [tool.towncrier], so this project keeps no news fragments",
            "tagready init writes it; or go to the project that has one",
        )
    names = {section.directory: _names(snapshot, section) for section in snapshot.news.sections}
    listing = [(section, name) for section in snapshot.news.sections for name in sorted(names[section.directory])]
    known = fragments.survey(snapshot.news, listing, snapshot.config.extra_files).fragments
    texts = ((fragment, snapshot.read(fragment.path)) for fragment in known)
    written = tuple((fragment, None if text is None else text.decode("utf-8", "replace")) for fragment, text in texts)
    return Desk(snapshot, git.current_branch(), names, written)


def _names(snapshot: Snapshot, section: Section) -> frozenset[str]:
    git, folder = snapshot.git, section.directory
    staged = git.run("--literal-pathspecs", "ls-files", "-z", "--", folder).stdout.decode("utf-8", "surrogateescape")
    inside = "" if folder == "." else folder
    known = {posixpath.basename(path) for path in staged.split("\0") if path and posixpath.dirname(path) == inside}
    return frozenset(known | set(git.listing("", folder)))


def sort_out(news: News, first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """Return (issue, type) as they were meant: in either order, one of them alone, or a file's name with both.

    Raises WrongUse for two types.
    """
    if first is None:
        return None, None
    if second is not None:
        if find_type(news, first) and find_type(news, second):
            none = f", or {news.orphan_prefix} for none" if news.orphan_prefix else ""
            raise WrongUse(
                f"{first} and {second} are both types, and a fragment is of one", f"give one, and the issue{none}"
            )
        swapped = find_type(news, second) is None and _means_type(news, first)
        return (second, first) if swapped else (first, second)
    if _means_type(news, first):
        return None, first
    if "://" not in first and (named := fragments.read_name(news, news.sections[0], posixpath.basename(first))):
        return stem(named), named.type
    return first, None


def _means_type(news: News, said: str) -> bool:
    """Return whether a word is a type, or was probably meant as one."""
    names = [type_.name for type_ in news.types]
    likely = said.isalpha() and fragments.likely_name(f"1.{said}.md", names, ".md") is not None
    return likely or find_type(news, said) is not None


def other_project(desk: Desk, said: str | None) -> str:
    """Return the project that an issue is said to be of, where that is not this one; else an empty text."""
    named, git = project_named(said or ""), desk.snapshot.git
    if not named:
        return ""
    remotes = [git.config(f"remote.{remote}.url") or "" for remote in git.remotes()]
    pages = table_at(desk.snapshot.sources.pyproject, "project", "urls")
    own = [page for page in pages.values() if isinstance(page, str)]
    return named if is_other_project(named, remotes, desk.snapshot.name, own) else ""


def needs_text(news: News, issue: str, type_: FragmentType) -> bool:
    """Return whether the entry would show the text: it does so for a type's issues, and always without an issue."""
    return type_.shows_content or is_orphan(news, issue)


def is_orphan(news: News, issue: str) -> bool:
    """Return whether a name that begins so belongs to no issue."""
    return bool(news.orphan_prefix) and issue.startswith(news.orphan_prefix)


def write(desk: Desk, wanted: Wanted) -> Added:
    """Write the fragment, and return it; raise Refused, with nothing written, where no release would take it."""
    news, section, type_ = desk.news, wanted.section, wanted.type
    style = habits(news, [(fragment, text) for fragment, text in desk.written if text is not None])
    text = laid_out(wanted.text, style.columns)
    siblings = [fragment for fragment, _ in desk.written if fragment.section == section.name]
    if twin := _twin(desk, wanted, text):
        return _added(desk, twin, (), Report(), _try(desk, twin, text), _notes(desk, wanted, text), made=False)
    taken = set(desk.names[section.directory])
    while True:
        name = file_name(wanted.issue, type_.name, style.extension, siblings, taken, text, news.orphan_prefix)
        fragment = _as_towncrier_reads(desk, section, name, wanted)
        report = Report(tuple(_judge(desk, fragment, type_, text)))
        if not report.ok:
            raise _refused(desk, report)
        trial = _try(desk, fragment, text)
        report = report.and_(Report(tuple(trial.findings)))
        if not report.ok:
            raise _refused(desk, report)
        if _create(desk, fragment.path, text.replace("\n", style.newline)):
            break
        taken.add(name)
    beside = [one.path for one in siblings if one.type == type_.name and stem(one) == stem(fragment)]
    return _added(desk, fragment, tuple(beside), report, trial, _notes(desk, wanted, text), made=True)


def _notes(desk: Desk, wanted: Wanted, text: str) -> tuple[str, ...]:
    found = []
    if wanted.project:
        found.append(
            f"{wanted.issue} is an issue of {wanted.project}, and no remote here is that project: the entry will show "
            f"it as one of {desk.snapshot.name or 'this one'}"
        )
    if text and not needs_text(desk.news, wanted.issue, wanted.type):
        found.append(f"{wanted.type.name} shows the issue only; the text stays in the file")
    return tuple(found)


def _refused(desk: Desk, report: Report) -> Refused:
    refused = Refused(report=report)
    refused.about = {"project": desk.snapshot.name}
    return refused


def _twin(desk: Desk, wanted: Wanted, text: str) -> Fragment | None:
    """Return the fragment that says the same already: the same command, run once more, adds nothing."""
    alone = wanted.issue == desk.news.orphan_prefix
    for fragment, written in desk.written:
        same = stem(fragment) == wanted.issue or (alone and fragment.orphan)
        same = same and (fragment.type, fragment.section) == (wanted.type.name, wanted.section.name)
        if same and written is not None and squeezed(written) == squeezed(text):
            return fragment
    return None


def _added(
    desk: Desk, fragment: Fragment, beside: tuple[str, ...], report: Report, trial: _Trial, notes: tuple[str, ...], *,
    made: bool,
) -> Added:  # fmt: skip
    ignored = _is_ignored(desk.snapshot.git, fragment.path)
    if ignored:
        notes += (f"git ignores {fragment.path} (git check-ignore -v shows by which line), so only --force adds it",)
    return Added(
        project=desk.snapshot.name,
        path=fragment.path,
        shown=desk.shown(fragment.path),
        issue=fragment.issue or None,
        type=fragment.type,
        section=fragment.section,
        beside=beside,
        rendered=trial.rendered,
        unseen=trial.unseen,
        made=made,
        notes=notes,
        report=report,
        ignored=ignored,
    )


def _is_ignored(git: Git, path: str) -> bool:
    """Return whether git ignores a file; one that it knows is never ignored.

    Of a file behind a symbolic link it does not say (128).
    """
    return git.run("check-ignore", "--quiet", "--", path, accept=(0, 1, 128)).returncode == 0


def _as_towncrier_reads(desk: Desk, section: Section, name: str, wanted: Wanted) -> Fragment:
    """Return the fragment that towncrier reads from the name; raise WrongUse where it would read something else."""
    fragment = fragments.read_name(desk.news, section, name)
    if fragments.ignored_by_towncrier(desk.news, name):
        what = f"{desk.news.config_path} tells towncrier to ignore such a name (`ignore`)"
    elif (
        fragment is None
        or fragment.type != wanted.type.name
        or not name.startswith(f"{stem(fragment)}.{fragment.type}")
    ):
        what = "towncrier would read another issue or type in it"
    else:
        return fragment
    raise WrongUse(f"the fragment would be called {name}, and {what}", "give another issue, or + and a name")


def _create(desk: Desk, name: str, text: str) -> bool:
    """Write a new file; return False, and change nothing, where there is one."""
    path = desk.snapshot.git.top / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        folder = desk.shown(posixpath.dirname(name))
        what = f"{folder} is not a folder, so no fragment can be written there"
        raise WrongUse(what, f"move away what lies there, or change `directory` in {desk.news.config_path}") from None
    try:
        with path.open("xb") as file:
            file.write(text.encode("utf-8"))
    except FileExistsError:
        return False
    return True


def _judge(desk: Desk, fragment: Fragment, type_: FragmentType, text: str) -> list[Finding]:
    content = text.encode("utf-8", "surrogateescape")
    if not text and needs_text(desk.news, stem(fragment), type_):
        return [
            finding(
                "fragment-empty",
                "there is no text, so the entry would have nothing to say",
                'write a sentence for somebody who uses the project: -m "…"',
                fragment.path,
            )
        ]
    listing = [(section, name) for section in desk.news.sections for name in desk.names[section.directory]]
    section = next(section for section in desk.news.sections if section.name == fragment.section)
    listing.append((section, posixpath.basename(fragment.path)))
    named = fragments.survey(desk.news, listing, desk.snapshot.config.extra_files).findings
    found = [one for one in named if one.path == fragment.path]
    return [*found, *fragments.judge_text(desk.news, fragment, content), *_secrets(desk, fragment, content)]


def _secrets(desk: Desk, fragment: Fragment, content: bytes) -> list[Finding]:
    if b"pypi-" not in content:
        return []
    from fnmatch import fnmatch

    from tagready.facts.publishing.leaks import find_leaks

    if any(fnmatch(fragment.path, pattern) for pattern in desk.snapshot.config.allow_secrets):
        return []
    return [
        finding(
            "secret-in-tree",
            f"the text has {leak.what}, and whoever reads the repository could use it",
            "leave it out, and revoke it where it was made if anybody has seen it",
            fragment.path,
            leak.line,
        )
        for leak in find_leaks(fragment.path, content)
    ]


class _Trial(NamedTuple):
    """What towncrier makes of a fragment alone, and what the next release would say against that."""

    rendered: str | None
    unseen: str = ""
    findings: Sequence[Finding] = ()


def _try(desk: Desk, fragment: Fragment, text: str) -> _Trial:
    """Return what an entry with this fragment alone would be, without its title, and what the text would spoil."""
    try:
        entry = _rendered(desk, fragment, text)
        found = _spoiled(desk, fragment, entry)
        if found and _spoiled(desk, fragment, _rendered(desk, fragment, "Text.\n")):
            found = []  # the template spoils it with any text, which is not the contributor's to mend
        body = body_of(desk.snapshot, entry)
        if not desk.news.markdown and not found:
            found = unshown(desk.snapshot, {fragment.path: text.encode("utf-8")}, body)
    except news.DidNotEnd:
        return _Trial(None, findings=[_hangs(fragment)])
    except WorldFailed as failed:
        # The project's template may be broken; that is no reason to keep a contributor from writing.
        return _Trial(None, " ".join((failed.stderr or failed.what).split()))
    others = [section.name for section in desk.news.sections if section.name != fragment.section]
    return _Trial(_alone(body, others), findings=found)


def _rendered(desk: Desk, fragment: Fragment, text: str) -> str:
    data = FragmentData({fragment.path: text.encode("utf-8")}, proven=False)
    with scratch_folder() as scratch:
        order = desk.snapshot.order(desk.snapshot.export(data, scratch), NEXT, _today())
        return news.render(order, news.PROBE_SECONDS).text


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


def _alone(body: str, others: Sequence[str]) -> str:
    """Return an entry's body without what towncrier says of sections that nobody wrote for."""
    nothing = "No significant changes."
    if nothing not in body:
        return body
    kept: list[str] = []
    for block in re.split(r"\n\s*\n", body):
        if block.strip() != nothing:
            kept.append(block.strip("\n"))
        elif kept and any(name and name in kept[-1] for name in others):
            kept.pop()
    return "\n\n".join(kept)


def _hangs(fragment: Fragment) -> Finding:
    return finding(
        "fragment-hangs",
        "towncrier does not come to an end on this text: a code block that more text follows makes it try "
        "exponentially many ways to read the block",
        "write the block with `.. code-block::` (no `::` at the end of a sentence), or shorten it",
        fragment.path,
    )


def _spoiled(desk: Desk, fragment: Fragment, entry: str) -> list[Finding]:
    """Return what the text would do to a changelog that gets the entry, and then a later one with the same text."""
    found = spoiled(desk.snapshot, entry)
    return [replace(found, path=fragment.path)] if found else []
