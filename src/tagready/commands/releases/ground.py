"""Everything that prepare-release looks up before it decides."""

from __future__ import annotations

import datetime
import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from tagready.commands.releases.history import Released, is_typed, release_of
from tagready.commands.releases.refs import status_of
from tagready.commands.releases.snapshot import FragmentData, Snapshot
from tagready.commands.releases.whereabouts import remote_of
from tagready.doors.git import Git
from tagready.facts import branches, versions
from tagready.facts.changelog import Changelog, Entry, without
from tagready.facts.findings import WorldFailed, WrongUse
from tagready.facts.fragments import Fragment
from tagready.facts.git_records import Ref, RemoteAnswer, Status
from tagready.facts.prepared import branch_name
from tagready.facts.tags import Tags

if TYPE_CHECKING:
    from tagready.facts.prepared import Options


class Renewed(NamedTuple):
    """An untagged entry that `--again` makes anew, how it came about, and the changelog without it."""

    entry: Entry
    whole: str
    released: Released
    text: str


class Ground(NamedTuple):
    """Everything that was looked up before something is decided.

    `text` and `changelog` are what the new entry goes into: as committed, without an entry that is renewed. `touched`
    are the paths that the release touches; `answer` is a reason where the remote gave none.
    """

    snapshot: Snapshot
    refs: tuple[Ref, ...]
    tags: Tags
    version: Version
    decided: str | None
    date: str
    remote: str | None
    renewed: Renewed | None
    fragments: tuple[Fragment, ...]
    data: FragmentData
    changelog_path: str
    text: str | None
    changelog: Changelog
    touched: tuple[str, ...]
    status: Status
    answer: RemoteAnswer | str

    @property
    def git(self) -> Git:
        """The repository."""
        return self.snapshot.git

    @property
    def tag(self) -> str:
        """The name of the release's tag."""
        return self.tags.name(self.version)


def look(snapshot: Snapshot, refs: tuple[Ref, ...], tags: Tags, options: Options) -> Ground:
    """Return what is known before the decision; raise WrongUse for what cannot be asked for."""
    git = snapshot.git
    version, decided = resolve_version(snapshot, tags, options)
    date = date_of(options.date)
    remote = remote_of(snapshot)
    tag, branch = f"refs/tags/{tags.name(version)}", branch_name(options, version)
    asked = git.ask(remote, tag, f"{tag}^{{}}", *(f"refs/heads/{name}" for name in branches.up_to(branch)))
    renewed = _renewed(snapshot, version, date) if options.again else None
    pending = snapshot.survey.fragments
    data = snapshot.fragment_data(pending)
    if renewed is not None:
        old = renewed.released
        data = FragmentData({**old.contents, **data.contents}, proven=False)
        pending = (*old.fragments, *(new for new in pending if new.path not in old.contents))
    path = git.resolve(snapshot.commit.tree, snapshot.news.changelog_for(str(version), date))
    text = renewed.text if renewed else snapshot.text(path)
    touched = _touched(snapshot, path)
    status = status_of(snapshot, refs, touched, remote)
    git.check_locks(status.branch)
    if remote is None and options.push:
        raise WrongUse("there is no remote to push to", "git remote add origin ADDRESS, or leave --push out")
    return Ground(
        snapshot=snapshot,
        refs=refs,
        tags=tags,
        version=version,
        decided=decided,
        date=date,
        remote=remote,
        renewed=renewed,
        fragments=pending,
        data=data,
        changelog_path=path,
        text=text,
        changelog=snapshot.changelog(text or ""),
        touched=touched,
        status=status,
        answer=asked.answer(),
    )


def resolve_version(snapshot: Snapshot, tags: Tags, options: Options) -> tuple[Version, str | None]:
    """Return the version to release, and a sentence on how a bump word came to it."""
    pattern = snapshot.config.version_pattern
    if options.version in versions.WORDS:
        pending = [(fragment.type, fragment.path) for fragment in snapshot.survey.fragments]
        wanted = versions.asked(pending, snapshot.config.bump_rules)
        known = {f"refs/tags/{tag.name}": tag.version for tag in tags.releases}
        reachable = snapshot.git.reachable(known, snapshot.commit.oid)
        if not reachable and snapshot.git.is_shallow():
            raise WorldFailed(
                f"{options.version!r} counts from the last release, and this shallow clone does not reach back to it",
                "git fetch --unshallow --tags, or name the version",
            )
        version = versions.next_version(options.version, (known[name] for name in reachable), wanted)
        decided = None
        if options.version == "auto" and wanted:
            decided = f"{wanted.path} asks for a {wanted.bump.name.lower()} release"
    else:
        version, decided = versions.canonical(options.version, words=True), None
    if pattern and not re.fullmatch(pattern, str(version)):
        raise WrongUse(f"{version} does not match version-pattern {pattern!r}", "give a version that does")
    return version, decided


def date_of(given: str | None) -> str:
    """Return an entry's date: as given, else of SOURCE_DATE_EPOCH, else today, in UTC; raises WrongUse for none."""
    if given is not None:
        try:
            return datetime.date.fromisoformat(given).isoformat()
        except ValueError:
            raise WrongUse(f"{given!r} is not a date", "give --date as YYYY-MM-DD") from None
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = time.time() if epoch is None else int(epoch)
        return datetime.datetime.fromtimestamp(moment, datetime.UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        raise WrongUse(
            f"SOURCE_DATE_EPOCH is {epoch!r}, not a number of seconds",
            "unset it, or set it to seconds since 1970",
        ) from None


def _touched(snapshot: Snapshot, changelog: str) -> tuple[str, ...]:
    """Return the paths that the release touches: changelog, places of the version, fragment directories."""
    files = [changelog, *(place.path for place in snapshot.places.places)]
    return tuple(dict.fromkeys([*files, *(section.directory for section in snapshot.news.sections)]))


def _renewed(snapshot: Snapshot, version: Version, date: str) -> Renewed | None:
    """Return the entry that `--again` renews; None where the changelog has none for the version, or a typed one.

    An entry that no fragment was compiled to cannot be made anew: what somebody wrote there would be lost.
    """
    git = snapshot.git
    path = git.resolve(snapshot.commit.tree, snapshot.news.changelog_for(str(version), date))
    text = snapshot.text(path) or ""
    changelog = snapshot.changelog(text)
    entries = changelog.of(version)
    if len(entries) != 1:
        return None
    released = release_of(snapshot, path, version)
    if released is None or is_typed(released):
        return None
    return Renewed(entries[0], changelog.whole(entries[0]), released, without(text, entries[0]))
