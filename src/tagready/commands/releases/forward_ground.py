"""What a forward port starts from: the release as its tag has it, the changelog that its entry goes to, judged.

And where one is due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from packaging.version import Version

from tagready.commands.releases import preconditions
from tagready.commands.releases.asked import missing
from tagready.commands.releases.history import changelog_path, committed_changelog, consumed
from tagready.commands.releases.refs import status_of
from tagready.commands.releases.snapshot import Snapshot
from tagready.commands.releases.whereabouts import branch_facts, remote_of
from tagready.doors.git import Git
from tagready.facts.branches import default_branch, in_the_way, is_series, named
from tagready.facts.change_rules import still_pending
from tagready.facts.changelog import Changelog, differing_lines, insert_in_order, same_text
from tagready.facts.findings import Finding, WrongUse, as_warning, finding
from tagready.facts.fragments import quoted
from tagready.facts.git_records import Ref, Status
from tagready.facts.publishing.index_rules import line_of

#: The usual name of the branch in the pull-request flow.
BRANCH = "forward-port/{version}"


class Source(NamedTuple):
    """A release as its tag has it: the entry, the blank lines behind it, the fragments that it was made from."""

    version: Version
    tag: str
    date: str
    entry: str
    blanks: str
    consumed: Mapping[str, bytes]


class Target(NamedTuple):
    """Where the entry goes: the changelog here, as committed, and what of the release's fragments is pending.

    `same` are those that say here what they said there; `others` are findings on those that say something else.
    """

    snapshot: Snapshot
    version: Version
    path: str
    text: str
    changelog: Changelog
    there: tuple[str, ...]
    same: tuple[str, ...]
    others: tuple[Finding, ...]
    status: Status

    @property
    def line(self) -> int:
        """The line of the release's entry, or 1."""
        entries = self.changelog.of(self.version)
        return self.changelog.line(entries[0].heading) if entries else 1

    def has(self, source: Source) -> bool:
        """Return whether the entry is there just as the tag has it."""
        return len(self.there) == 1 and same_text(self.there[0], source.entry)

    def kept(self) -> tuple[Finding, ...]:
        """Return a finding for each fragment of the release that is pending although its entry is there."""
        return (*(still_pending(path, self.version) for path in self.same), *self.others)


def source_of(snapshot: Snapshot, refs: Sequence[Ref], version: Version, tag: str) -> Source | Finding:
    """Return the release as its tag has it, or the finding that there is none, or not one entry of it."""
    git = snapshot.git
    commit = git.commit(f"refs/tags/{tag}")
    if commit is None:
        return missing(git, refs, tag)
    there = snapshot.at(commit)
    path, changelog = changelog_path(there, version), committed_changelog(there, version)
    entries = changelog.of(version)
    if len(entries) != 1:
        rule, what = ("entry-duplicated", f"{len(entries)} entries") if entries else ("entry-missing", "no entry")
        message = f"{path} has {what} for {version} at {tag}, so nobody can say what is to be brought here"
        return finding(rule, message, f"bring it by hand; what the tag lacks: tagready verify {tag}", path)
    # With `single_file = false`, all of the file is the entry.
    entry, blanks = entries[0], changelog.blanks_behind(entries[0])
    text = changelog.whole(entry) if there.news.single_file else changelog.text
    return Source(version, tag, entry.date or "", text, blanks, consumed(there, path, version))


def target_of(snapshot: Snapshot, refs: Sequence[Ref], source: Source) -> Target:
    """Return the changelog that the release's entry goes to, and what of its fragments is pending there."""
    git, news, version = snapshot.git, snapshot.news, source.version
    path = changelog_path(snapshot, version)
    if snapshot.read(path) is None:
        path = git.resolve(snapshot.commit.tree, news.changelog_for(str(version), source.date))
    text = snapshot.text(path) or ""
    changelog = snapshot.changelog(text)
    there = [changelog.whole(entry) for entry in changelog.of(version)] if news.single_file else [changelog.text]
    same, others = _pending(snapshot, source)
    status = status_of(snapshot, refs, [path, *same], remote_of(snapshot))
    git.check_locks(status.branch)
    entries = tuple(entry for entry in there if entry.strip())
    return Target(snapshot, version, path, text, changelog, entries, same, others, status)


def _pending(snapshot: Snapshot, source: Source) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Return the release's fragments that are pending here, and findings on those that were changed or renamed here."""
    released = {path: content.decode("utf-8", "replace") for path, content in source.consumed.items()}
    here = {path: content for path in released if (content := snapshot.read(path)) is not None}
    texts = {path: content.decode("utf-8", "replace") for path, content in here.items()}
    same = tuple(path for path, text in texts.items() if same_text(text, released[path]))
    others = [_changed(path, source) for path in texts if path not in same]
    pending = snapshot.fragment_data([each for each in snapshot.survey.fragments if each.path not in released])
    for path, text in pending.texts().items():
        twin = next((each for each, was in released.items() if text.strip() and same_text(text, was)), None)
        others += [_renamed(path, twin, source)] if twin and twin not in same else []
    return same, tuple(others)


def _changed(path: str, source: Source) -> Finding:
    what = f"{path} says something else here than it said in {source.tag}, so it stays for the next release"
    fix = f"if the entry for {source.version} says all of it: git rm {quoted(path)}, and commit"
    return as_warning(finding("fragments-left-over", what, fix, path))


def _renamed(path: str, twin: str, source: Source) -> Finding:
    what = f"{path} says what {twin} said in {source.tag}, and stays: the next release would say it again"
    fix = f"if it is the same change: git rm {quoted(path)}, and commit"
    return as_warning(finding("fragments-left-over", what, fix, path))


def judge(target: Target, source: Source, branch: str | None, refs: Sequence[Ref]) -> list[Finding]:
    """Return everything that stands against the commit; `branch` is the new one that it goes to, if to one."""
    snapshot, status = target.snapshot, target.status
    found = [*about_branch(snapshot.git, status), *_backwards(status.branch, source)]
    if branch is None:
        dirty = {item.path: item for item in reversed(status.paths)}
        found += [preconditions.uncommitted(dirty[path], "the forward port") for path in sorted(dirty)]
        files = [target.path, *target.same]
        found += preconditions.unwatched_edits(snapshot, files, status, "the forward port")
        found += preconditions.ignored_by_git(snapshot, target.path, status)
    elif any(ref.name == f"refs/heads/{branch}" for ref in refs):
        what = f"the branch {branch} is there already, with other content"
        fix = f"merge it, or drop it: git branch -D {branch}; or give --branch another name"
        found.append(finding("branch-exists", what, fix))
    elif other := in_the_way(branch, [name for name, _ in named(branch_facts(snapshot, refs, remote_of(snapshot)))]):
        what = f"there is a branch {other}, and beside it git can have no branch {branch}"
        found.append(finding("branch-exists", what, "give --branch another name"))
    if target.there:
        found.append(_entry_exists(target, source))
    elif not target.changelog.entries:
        start = snapshot.news.start_string
        found += preconditions.marker_findings(target.path, target.text, target.changelog, start)
    return found


def _backwards(current: str, source: Source) -> list[Finding]:
    """Return a finding where the branch is that of an older series, which has nothing of the release."""
    line = line_of(current) if is_series(current) else ()
    if not line or source.version.release[: len(line)] <= line:
        return []
    what = f"{current} is the branch of an older series than {source.version}, and would tell of what it has not"
    return [
        finding("branch-not-allowed", what, "bring it to the branch that goes on, and run it there: git switch BRANCH")
    ]


def about_branch(git: Git, status: Status) -> list[Finding]:
    """Return what stands against any commit on the current branch."""
    return [*preconditions.branch_findings(git, status, "the forward port"), *preconditions.identity_findings(git)]


def _entry_exists(target: Target, source: Source) -> Finding:
    version, path, there = source.version, target.path, target.there
    if len(there) > 1:
        what = f"{path} has {len(there)} entries for {version} already"
    else:
        lines = differing_lines(source.entry, there[0], f"at {source.tag}", "here")
        what = "\n".join([f"{path} has an entry for {version} already, and not the one of {source.tag}:", *lines])
    fix = f"leave it; or take it out, git commit -am '[changelog edit]', and tagready forward-port {source.tag}"
    return finding("entry-exists", what, fix, path, target.line)


def with_entry(target: Target, source: Source) -> str | Finding:
    """Return the changelog with the entry, or the finding that it would not be read there as it was at the tag."""
    text = insert_in_order(target.text, target.changelog, source.version, source.entry, source.blanks or "\n\n")
    new = target.snapshot.changelog(text)
    entries = new.of(source.version)
    older = [(entry.version, entry.level) for entry in target.changelog.entries]
    rest = [(entry.version, entry.level) for entry in new.entries if entry not in entries]
    read = [new.whole(entry) for entry in entries] if target.snapshot.news.single_file else [new.text]
    if target.there or (len(read) == 1 and same_text(read[0], source.entry) and rest == older):
        return text
    return finding(
        "entry-swallows",
        f"with the entry for {source.version} as {source.tag} has it, {target.path} would not show the same entries as "
        "before, and that one: its headings are of another style, or a code fence or a comment in it does not end",
        f"bring it by hand: tagready notes {source.tag}",
        target.path,
    )


def command_after(snapshot: Snapshot, refs: Sequence[Ref], version: Version, tag: str) -> str | None:
    """Return the command that brings the tagged release of a series to the default branch.

    None where that branch has its entry already, and where no series has the release.
    """
    git, remote = snapshot.git, remote_of(snapshot)
    facts = branch_facts(snapshot, refs, remote)
    commit, default = git.commit(f"refs/tags/{tag}"), default_branch(facts)
    known = named(facts)
    series = [ref.name for name, ref in known if is_series(name)]
    tips = [ref.oid for name, ref in known if name == default]
    if commit is None or not tips or not git.containing(commit.oid, series):
        return None
    if any(_has(snapshot, tip, commit.oid, version) for tip in tips):
        return None
    own = BRANCH.replace("{version}", str(version))
    if any(name == own for name, _ in known):
        return f"merge {own}"
    return f"{'' if git.current_branch() == default else f'git switch {default} && '}tagready forward-port {tag}"


def _has(snapshot: Snapshot, tip: str, commit: str, version: Version) -> bool:
    """Return whether a branch has a release merged, or its entry; where the branch cannot be read, say yes."""
    there = snapshot.git.commit(tip)
    if there is None or snapshot.git.is_ancestor(commit, tip):
        return True
    try:
        return bool(committed_changelog(snapshot.at(there), version).of(version))
    except WrongUse:
        return True
