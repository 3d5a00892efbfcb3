"""What a change set does to fragments, changelog and version, and what is wrong with that. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from packaging.version import Version

from tagready.facts.changelog import Changelog, differing_lines, insert, same_text
from tagready.facts.findings import Finding, as_warning, finding
from tagready.facts.fragments import Fragment, quoted
from tagready.facts.git_records import LoggedCommit
from tagready.facts.places import Stated
from tagready.facts.project import News
from tagready.facts.traces import shows, squeezed
from tagready.facts.versions import parse

#: How people say that they mean an edit: of what is committed, and where the commit has no message yet.
DECLARE = 'git commit --allow-empty -m "[changelog edit]"'
DECLARE_STAGED = 'git commit --no-verify -m "[changelog edit] …"'
#: More findings of one kind than these are counted, not listed: nobody reads two hundred.
MANY = 5
#: Letters of a text that are quoted.
SOME = 80
#: How much two texts have in common, letter by letter, of which one is the other in other words.
ALIKE = 0.4
#: The same of two files, of which one is the other under another name, and a word was touched.
RENAMED = 0.7
#: Letters of a text that are compared with another one's: it takes as many steps as the square of that.
ENOUGH = 1000


class PullRequestEvent(NamedTuple):
    """What a workflow's event says of the pull request it runs for; nothing of it is known elsewhere."""

    number: int | None = None
    head: str | None = None
    base: str | None = None
    labels: tuple[str, ...] = ()
    by_bot: bool = False


def read_event(event: Mapping[str, Any]) -> PullRequestEvent:
    """Return what an event says of its pull request; whatever is not shaped as GitHub's are is taken as not there."""
    pull = _table(event.get("pull_request"))
    user = _table(pull.get("user"))
    number, labels = pull.get("number"), pull.get("labels")
    names = [_table(label).get("name") for label in labels] if isinstance(labels, list) else []
    return PullRequestEvent(
        number=number if isinstance(number, int) else None,
        head=_text(_table(pull.get("head")).get("sha")),
        base=_text(_table(pull.get("base")).get("sha")),
        labels=tuple(name for name in names if isinstance(name, str)),
        by_bot=user.get("type") == "Bot" or str(user.get("login", "")).endswith("[bot]"),
    )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


# -- the ways through --------------------------------------------------------------------------------------------------

_NO_CHANGELOG = r"(?i)\[no[ -]changelog\]"
_CHANGELOG_EDIT = r"(?i)\[changelog[ -]edit\]"
_LABELS = frozenset({"no-changelog", "skip-changelog", "skip-news", "no-news"})
_REVERTS = r"(?mi)^[ \t]*This reverts commit ([0-9a-f]{7,64})\b"


def no_fragment_needed(commits: Sequence[LoggedCommit], event: PullRequestEvent) -> str | None:
    """Return why this change needs no fragment, or None where nobody said so."""
    said = next((commit for commit in commits if re.search(_NO_CHANGELOG, commit.message)), None)
    if said is not None:
        return f'{said.oid[:10]} "{said.subject}" says [no changelog]'
    labels = [label for label in event.labels if re.sub(r"[\s_]+", "-", label.strip().lower()) in _LABELS]
    if labels:
        return f"the pull request has the label {labels[0]!r}"
    if event.by_bot:
        return "a bot opened the pull request"
    own = [commit for commit in commits if len(commit.parents) < 2]
    if own and all(_by_bot(commit) for commit in own):
        return f"every commit is by {own[0].author}, a bot"
    return None


def _by_bot(commit: LoggedCommit) -> bool:
    return commit.author.endswith("[bot]") or commit.author_email.partition("@")[0].endswith("[bot]")


def edit_declared(commits: Iterable[LoggedCommit]) -> LoggedCommit | None:
    """Return the commit that says the changelog is edited on purpose, or None."""
    return next((commit for commit in commits if re.search(_CHANGELOG_EDIT, commit.message)), None)


def reverted(commits: Iterable[LoggedCommit]) -> list[tuple[LoggedCommit, str]]:
    """Return (commit, name of the commit that it says it reverts), for each that says so."""
    return [(commit, name) for commit in commits for name in re.findall(_REVERTS, commit.message)]


def reverted_by_name(commits: Iterable[LoggedCommit], target: LoggedCommit) -> LoggedCommit | None:
    """Return the commit whose first line says that it reverts a commit by that one's first line, or None.

    All that a squash of such a pull request says, on GitHub; the pull requests' numbers at the end are their own.
    """
    said = f'Revert "{re.sub(r" +[(]#[0-9]+[)]$", "", target.subject)}'
    return next((commit for commit in commits if commit.subject.startswith(said)), None)


def identities(name: str, email: str) -> set[str]:
    """Return what a person may be known by: name, address, and the login in an address that GitHub has made."""
    private = re.fullmatch(r"(?:\d+\+)?(?P<login>[^@+]+)@users\.noreply\.github\.com", email.casefold())
    known = {name.casefold(), email.casefold(), private["login"] if private else ""}
    return known - {""}


# -- the changelog -----------------------------------------------------------------------------------------------------


class WrittenEntry(NamedTuple):
    """A version's entry as some tree has it: its file, the line of its heading, and its text with the heading."""

    version: Version
    path: str
    line: int
    text: str


class Edits(NamedTuple):
    """What became of entries between two trees; `changed` are (as it was, as it is)."""

    changed: tuple[tuple[WrittenEntry, WrittenEntry], ...] = ()
    removed: tuple[WrittenEntry, ...] = ()
    added: tuple[WrittenEntry, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything was touched."""
        return bool(self.changed or self.removed or self.added)

    def without(self, entries: Collection[WrittenEntry]) -> Edits:
        """Return the edits without some of the added and removed entries."""
        added = tuple(entry for entry in self.added if entry not in entries)
        return self._replace(added=added, removed=tuple(entry for entry in self.removed if entry not in entries))


def entry_edits(old: Sequence[WrittenEntry], new: Sequence[WrittenEntry], tip: Sequence[WrittenEntry]) -> Edits:
    """Return what became of the entries; what is as at the base branch's tip came from there, and is nobody's edit."""
    changed: list[tuple[WrittenEntry, WrittenEntry]] = []
    removed: list[WrittenEntry] = []
    added: list[WrittenEntry] = []
    for version in dict.fromkeys(entry.version for entry in (*new, *old)):
        before = [entry for entry in old if entry.version == version]
        after = [entry for entry in new if entry.version == version]
        arrived = [entry for entry in tip if entry.version == version]
        gone = _unlike(before, after)
        come = _unlike(_unlike(after, before), arrived)
        pairs = list(zip(gone, come, strict=False))
        changed += pairs
        # What the tip has no more either was taken out there.
        removed += (
            [entry for entry in gone[len(pairs) :] if not _unlike([entry], arrived)] if tip else gone[len(pairs) :]
        )
        added += come[len(pairs) :]
    return Edits(tuple(changed), tuple(removed), tuple(added))


def _unlike(entries: Sequence[WrittenEntry], others: Sequence[WrittenEntry]) -> list[WrittenEntry]:
    """Return the entries that none of the others equals, each of which stands for one only."""
    left = list(others)
    found = []
    for entry in entries:
        twin = next((other for other in left if same_text(entry.text, other.text)), None)
        if twin is None:
            found.append(entry)
        else:
            left.remove(twin)
    return found


class WayBack(NamedTuple):
    """How a change is taken back: the commit that has the files as they were, and which changelogs it has.

    `moved` is the command that brings the changelog back where the change moved it, or only said that it is elsewhere.
    `declare` is the command that says that the change is meant.
    """

    commit: str
    changelogs: frozenset[str]
    moved: str = ""
    declare: str = DECLARE

    def changelog(self, path: str) -> str:
        """Return the command that brings a changelog back; one that was not there before goes."""
        known = f"git checkout {self.commit} -- {quoted(path)}" if path in self.changelogs else f"git rm {quoted(path)}"
        return self.moved or known


class Undeclared(NamedTuple):
    """An edit that a release does not declare: what it did to the entry, and the command that makes that anew."""

    version: Version
    difference: str
    again: str


def edited_by_hand(edits: Edits, back: WayBack, undeclared: Sequence[Undeclared]) -> list[Finding]:
    """Return a finding for each entry that was touched; some would be a release's, but for an undeclared edit."""
    known = {each.version: each for each in undeclared}
    found = [_changed(old, new, back) for old, new in edits.changed if new.version not in known]
    found += [_removed(entry, back) for entry in edits.removed]
    found += [_added(entry, back) for entry in edits.added if entry.version not in known]
    ours = [*(new for _, new in edits.changed), *edits.added]
    found += [_reworded(entry, known[entry.version]) for entry in ours if entry.version in known]
    if len(found) <= MANY:
        return found
    rest = len(found) - MANY
    more = finding(
        "entry-edited-by-hand",
        f"{rest} more entries were touched outside a release",
        f"{back.changelog(found[0].path or '')}; on purpose: {back.declare}",
        found[0].path,
    )
    return [*found[:MANY], more]


def _changed(old: WrittenEntry, new: WrittenEntry, back: WayBack) -> Finding:
    lines = differing_lines(old.text, new.text, "as it was", "as this change has it")
    return finding(
        "entry-edited-by-hand",
        f"the entry for {new.version} was changed, and people have read it as it was:\n" + "\n".join(lines),
        f"what is new goes into a fragment: {back.changelog(old.path)}, and write one; "
        f"to correct an old entry on purpose: {back.declare}",
        new.path,
        new.line,
    )


def _removed(entry: WrittenEntry, back: WayBack) -> Finding:
    return finding(
        "entry-edited-by-hand",
        f"the entry for {entry.version} is gone, and with it what people could read about that version",
        f"{back.changelog(entry.path)}; to take it out on purpose: {back.declare}",
        entry.path,
    )


def _added(entry: WrittenEntry, back: WayBack) -> Finding:
    return finding(
        "entry-edited-by-hand",
        f"an entry for {entry.version} was written by hand; only a release brings one",
        f"what is new goes into a fragment: {back.changelog(entry.path)}, and write one; on purpose: {back.declare}",
        entry.path,
        entry.line,
    )


def _reworded(entry: WrittenEntry, undeclared: Undeclared) -> Finding:
    """Return the finding; a commit that only says [changelog edit] is no way out, for the tag gate knows none."""
    return finding(
        "entry-edited-by-hand",
        f"the entry for {entry.version} looks like a release, but its fragments do not make it:\n"
        f"{undeclared.difference}",
        f"{undeclared.again}, and put the edit in again there, which declares it",
        entry.path,
        entry.line,
    )


def still_pending(path: str, version: Version) -> Finding:
    """Return the warning that a fragment is pending though the entry of its release is here."""
    what = f"{path} is in the entry for {version}, and still here too, so the next release would say it again"
    return as_warning(finding("fragments-left-over", what, f"git rm {quoted(path)}, and commit", path))


# -- fragments ---------------------------------------------------------------------------------------------------------


class FragmentText(NamedTuple):
    """A fragment, and what it says."""

    fragment: Fragment
    text: str

    @property
    def path(self) -> str:
        """Where it is."""
        return self.fragment.path


def really_gone(
    gone: Sequence[FragmentText], pending: Sequence[FragmentText], written: Collection[str], arrived: Collection[str]
) -> list[FragmentText]:
    """Return the removed fragments whose news is pending nowhere.

    A fragment lives on under another name: with the same content; with the same issue in a file that the same change
    wrote, or wrote on (`written`); with its text inside that of another one, into which it was joined; or with nearly
    the same text, or none as before, in a file that the same change brought (`arrived`), each of which is one only.
    """
    left = [each for each in pending if each.path in arrived]
    lost = []
    for each in gone:
        if any(_lives_on(each, other, other.path in written) for other in pending):
            continue
        renamed = max(left, key=lambda other: _likeness(each.text, other.text), default=None)
        if renamed is not None and _likeness(each.text, renamed.text) >= RENAMED:
            left.remove(renamed)
        else:
            lost.append(each)
    return lost


def _lives_on(gone: FragmentText, other: FragmentText, written: bool) -> bool:
    same_issue = bool(gone.fragment.issue) and gone.fragment.issue == other.fragment.issue
    return (same_issue and written) or _says(other, gone)


def _says(other: FragmentText, gone: FragmentText) -> bool:
    sign = squeezed(gone.text)
    return bool(sign) and shows(squeezed(other.text), sign)


def replaced(before: Sequence[FragmentText], pending: Sequence[FragmentText]) -> list[FragmentText]:
    """Return the fragments, as they were before, in whose files something else is said now, and theirs nowhere.

    To say it in other words is everybody's right: one word that both have, of more than three letters, is enough, and
    so are letters in the same order, for a misspelt word and for languages that are written without blanks.
    """
    now = {each.path: each for each in pending}
    return [
        each
        for each in before
        if (words := _words(each.text))
        and not words & _words(now[each.path].text)
        and _likeness(each.text, now[each.path].text) < ALIKE
        and not any(_says(other, each) for other in pending)
    ]


def _words(text: str) -> set[str]:
    """Return the beginnings of a text's longer words: `colours` and `coloured` are of one kind."""
    return {word[:4] for word in re.findall(r"\w{4,}", text.casefold())}


def _likeness(one: str, other: str) -> float:
    """Return how much two texts have in common, from nothing (0) to everything (1)."""
    from difflib import SequenceMatcher

    before, after = (squeezed(text).casefold()[:ENOUGH] for text in (one, other))
    return SequenceMatcher(None, before, after, autojunk=False).ratio()


def shown_by(entry: str, gone: FragmentText, news: News) -> bool:
    """Return whether an entry shows a fragment's text as a whole; of a type that hides it, its issue."""
    shown = squeezed(entry)
    if all(type_.shows_content for type_ in news.types if type_.name == gone.fragment.type):
        return bool(gone.text.strip()) and shows(shown, squeezed(gone.text))
    return bool(gone.fragment.issue) and shows(shown, f"#{gone.fragment.issue}")


def fragments_deleted(gone: Sequence[FragmentText], back: WayBack) -> list[Finding]:
    """Return a finding for each pending fragment that was removed outside a release."""
    found = [
        finding(
            "fragment-deleted",
            f"{each.path} waited for the next release and is gone, so nobody would be told of its change",
            f"git checkout {back.commit} -- {quoted(each.path)}, and commit; where its code goes, too, git revert what "
            f"brought both; on purpose: {back.declare}",
            each.path,
        )
        for each in gone
    ]
    if len(found) <= MANY:
        return found
    paths = " ".join(quoted(each.path) for each in gone[MANY:])
    what = f"{len(gone) - MANY} more fragments that waited for the next release are gone"
    fix = f"git checkout {back.commit} -- {paths}, and commit; on purpose: {back.declare}"
    return [*found[:MANY], finding("fragment-deleted", what, fix)]


def fragments_unseen(unseen: Sequence[tuple[str, str]], back: WayBack) -> list[Finding]:
    """Return a finding for each fragment that lies where the settings had it, and have it no more: (there, here)."""
    some = unseen if len(unseen) <= MANY else unseen[:MANY]
    found = [
        finding(
            "fragment-deleted",
            f"{was} lies where the settings no longer look for fragments, so nobody would be told of its change",
            f"{_seen_again([(was, here)])}; on purpose: {back.declare}",
            was,
        )
        for was, here in some
    ]
    if rest := unseen[len(some) :]:
        what = f"{len(rest)} more fragments lie where the settings no longer look for them"
        found.append(finding("fragment-deleted", what, f"{_seen_again(rest)}; on purpose: {back.declare}"))
    return found


def _seen_again(unseen: Sequence[tuple[str, str]]) -> str:
    """Return how fragments come to where the settings look; what lies there is ignored by them."""
    if any(was == here for was, here in unseen):
        return "let the settings of towncrier (`ignore`, `template`) take them for fragments again, and commit"
    moves: dict[str, list[str]] = {}
    for was, here in unseen:
        moves.setdefault(quoted(posixpath.dirname(here) or "."), []).append(quoted(was))
    commands = [f"mkdir -p {folder} && git mv {' '.join(paths)} {folder}" for folder, paths in moves.items()]
    return f"{' && '.join(commands)}, and commit"


def fragment_replaced(was: FragmentText, back: WayBack) -> Finding:
    """Return the warning that a pending fragment says something else now, and nothing of what it said.

    Whether the new words mean the same, only somebody who reads both can tell.
    """
    said = squeezed(was.text)
    return as_warning(
        finding(
            "fragment-deleted",
            f"{was.path} says something else now, so nobody would be told what it said: "
            f"{said if len(said) <= SOME else said[:SOME] + '…'}",
            f"if it is not the same in other words: git checkout {back.commit} -- {quoted(was.path)}, and write what "
            f"is new into a file of its own (tagready add); on purpose: {back.declare}",
            was.path,
        )
    )


#: Versions of entries that are only tried out: a next one, and one after that.
NEXT, LATER = "9998.0", "9999.0"


def spoiled_by(parse_: Callable[[str], Changelog], old: str, marker: str, entry: str) -> Finding | None:
    """Return what an entry for NEXT would do to a changelog, with a later one of the same text above it, or None."""
    once = insert(old, marker, entry)
    twice = insert(once, marker, entry.replace(NEXT, LATER, 1))
    before, after = ([str(one.version) for one in parse_(text).entries] for text in (old, twice))
    expected = [LATER, NEXT, *before] if LATER in after else before
    if [version for version in after if version in expected] != expected:
        what = "with this text, the changelog would show older entries no more: a comment or a code fence does not end"
        return finding("entry-swallows", what, "close what the text opens")
    extra = next((version for version in after if version not in expected), None)
    if extra is None:
        return None
    what = f"the text has a heading that reads as the entry of version {extra}"
    return finding("fragment-malformed", what, "use bold text, or other words")


# -- the version -------------------------------------------------------------------------------------------------------


def bumped_by_hand(old: Sequence[Stated], new: Sequence[Stated], tip: Sequence[Stated]) -> list[Finding]:
    """Return a finding for each place that states another version than before, and not one of development.

    What some place said before, or says at the base branch's tip, is no new number.
    """
    known = {_number(stated.version) for stated in (*old, *tip)}
    first = old[0].version if old else ""
    before = {stated.place: stated.version for stated in reversed(old)}
    return [
        finding(
            "version-bumped-by-hand",
            f"{stated.place.path} states {stated.version}, and it was {before.get(stated.place, first)} before; only "
            "a release changes the version, or the next one would have the wrong number",
            f"state {before.get(stated.place, first)} there again; prepare-release will change it",
            stated.place.path,
            stated.line,
        )
        for stated in new
        if old and _number(stated.version) not in known and not _is_development(stated.version)
    ]


def _number(text: str) -> Version | str:
    return parse(text) or text


def _is_development(text: str) -> bool:
    version = parse(text)
    return version is not None and (version.is_devrelease or version.local is not None)


# -- whose a finding is ------------------------------------------------------------------------------------------------


def as_owned(findings: Iterable[Finding], touched: Collection[str], known: Collection[Finding]) -> list[Finding]:
    """Return the findings, as warnings where they were there before in files that this change did not touch."""
    return [found if found.path in touched or found not in known else _older(found) for found in findings]


def _older(found: Finding) -> Finding:
    return as_warning(
        Finding(
            found.rule, f"{found.message} (not of this change: it was so before)", found.fix, found.path, found.line
        )
    )
