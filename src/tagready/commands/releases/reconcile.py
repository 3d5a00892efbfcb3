"""Bringing an index to list exactly our distributions: upload what it lacks, and ask it again after every fault.

Only the listing says what is there; an answer to an upload never does. So a file that arrived although its answer
was lost is not sent twice, and one that was lost is sent again. Nothing is ever skipped by its name, deleted or
rolled back.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from packaging.version import Version

from tagready.doors import index
from tagready.doors.credentials import Credentials, Place
from tagready.doors.uploads import Upload, Uploader, seconds_for
from tagready.facts.findings import Finding, Refused, Report, WorldFailed, finding
from tagready.facts.publishing import index_rules, token_rules, upload_answers
from tagready.facts.publishing.index_rules import Action, OnIndex
from tagready.facts.publishing.release_file import ReleasedFile
from tagready.facts.publishing.upload_answers import Answer, Meaning


class Patience(NamedTuple):
    """How long to go on where something may pass, in seconds; pauses double from `first` to `longest`."""

    attempts: int = 7
    first: float = 1.0
    longest: float = 32.0
    #: An upload that was accepted may take this long to be listed: an index has caches.
    listed_within: float = 120.0
    #: A longer pause than this, asked for by Retry-After, is left to the user.
    longest_asked: float = 300.0
    #: What one upload may take; None: as long as its size asks for.
    upload: float | None = None
    #: What a listing may take.
    listing: float = index.ANSWER_SECONDS

    def pause(self, faults: int) -> float:
        """Return the pause after so many faults in a row (from 1)."""
        return float(min(self.first * 2.0 ** min(faults - 1, 60), self.longest))


#: What trying again does not change.
_FINAL = (Meaning.TOKEN_REFUSED, Meaning.CLOSED, Meaning.DELETED, Meaning.REJECTED)


class Watcher(Protocol):
    """Is told what goes on, and may show it."""

    def says(self, text: str) -> None:
        """Take a line on what is done now, or waited for."""

    def stands(self, standings: Sequence[OnIndex]) -> None:
        """Take how each file stands now."""


class Goods(NamedTuple):
    """What an index is to list: the files of a version, where they lie, and what is uploaded with each."""

    project: str
    version: Version
    files: tuple[ReleasedFile, ...]
    uploads: Mapping[str, Upload]


class Reconciliation:
    """One attempt to bring an index there, with what is known by now of how each file stands."""

    def __init__(
        self, goods: Goods, place: Place, address: str, watcher: Watcher, patience: Patience, skip: Collection[str] = ()
    ) -> None:
        self.goods = goods
        self.place = place
        self.standings: tuple[OnIndex, ...] = ()
        #: What the index has against the release, and was set aside.
        self.aside = Report()
        self._address = address
        self._watcher = watcher
        self._patience = patience
        self._skip = skip
        #: Files that the index said it took, or said it had; it has to list them before they count.
        self._taken: dict[str, Answer] = {}
        #: Files of which it said so by a status below 300, and those that were sent once more all the same.
        self._accepted: set[str] = set()
        self._doubted: set[str] = set()
        self._there_before: frozenset[str] | None = None
        #: Uploads in a row of which none came through.
        self._faults = 0

    @property
    def _host(self) -> str:
        return self.place.target.host

    def confirm(self) -> None:
        """Wait until the index lists every file with our bytes; raise Refused where it does not come to that."""
        looks, deadline = 0, time.monotonic() + self._patience.listed_within
        while missing := self._missing():
            if time.monotonic() >= deadline:
                raise Refused(*(self._incomplete(file) for file in missing))
            looks += 1
            self._sleep(self._patience.pause(looks), f"{self._host} does not list {missing[0].name}")

    def upload(self, uploader: Uploader, credentials: Credentials) -> None:
        """Upload what the index lacks, until it lists every file with our bytes.

        Raise Refused where it has, or says that it has, other bytes, where it does not take the token, or no more
        files; and WorldFailed where it does not do what it should.
        """
        uploader.open(self.place, credentials)
        looks, deadline = 0, 0.0
        while missing := self._missing():
            if time.monotonic() >= deadline - self._patience.listed_within / 2:
                self._doubt(missing)
            chosen = [file for file in missing if file.name not in self._taken]
            if chosen:
                self._send(uploader, chosen, credentials)
                looks, deadline = 0, time.monotonic() + self._patience.listed_within
            elif time.monotonic() < deadline:
                looks += 1
                why = f"{self._host} took {missing[0].name}, and does not list it yet"
                self._sleep(self._patience.pause(looks), why)
            else:
                raise self._never_listed(missing)

    def _doubt(self, missing: Sequence[ReleasedFile]) -> None:
        """Have files sent once more that were taken and are not listed: it may have been another one who answered."""
        names = {file.name for file in missing} & self._accepted - self._doubted
        self._doubted |= names
        for name in names & set(self._taken):
            del self._taken[name]

    # -- looking ---------------------------------------------------------------------------------------------------

    def _missing(self) -> list[ReleasedFile]:
        """Return the files that the index does not list; raise Refused where it lists what is not ours."""
        listing = self._listing()
        listed = {file.name: file.sha256 for file in listing.of(self.goods.version)}
        found = index_rules.compare(self.goods.files, listed)
        if self._there_before is None:
            self._there_before = frozenset(each.file.name for each in found if each.action is Action.PRESENT)
        self.standings = tuple(self._told_apart(each) for each in found)
        self._watcher.stands(self.standings)
        wrong = index_rules.conflicts(found, self.goods.version)
        strangers = index_rules.strangers(self.goods.version, self.goods.files, listed)
        wrong, self.aside = wrong.and_(strangers.dropping(self._skip)), strangers
        if not wrong.ok:
            raise Refused(report=wrong)
        unknown = [each.file.name for each in found if each.action is Action.UNVERIFIABLE]
        if not unknown and not any(file.sha256 for file in listing.files):
            unknown = [file.name for file in listing.files[:3]]  # then ours would be listed without one, too
        if unknown:
            raise self._unverifiable(unknown)
        return [each.file for each in found if each.action is Action.MISSING]

    def _told_apart(self, standing: OnIndex) -> OnIndex:
        """Return a standing that says whether a file was there before, or came by this run."""
        before = standing.file.name in (self._there_before or ())
        return (
            standing._replace(action=Action.UPLOADED) if standing.action is Action.PRESENT and not before else standing
        )

    def _listing(self) -> index.Listing:
        faults = 0
        while True:
            listing = index.list_project(
                self.goods.project, self._address, self._patience.listing, self.place.certificates
            )
            if isinstance(listing, index.Listing):
                return listing
            faults += 1
            if faults == self._patience.attempts:
                raise WorldFailed(listing.why, "run the same command again when it answers: it does what is missing")
            self._sleep(max(self._patience.pause(faults), self._asked(listing.retry_after)), listing.why)

    # -- sending ---------------------------------------------------------------------------------------------------

    def _send(self, uploader: Uploader, chosen: Sequence[ReleasedFile], credentials: Credentials) -> None:
        """Upload files side by side; the first file of a release goes alone, for it makes the release on the index."""
        is_new = not any(each.action in (Action.PRESENT, Action.UPLOADED) for each in self.standings)
        batch = _wheels_first(chosen)[: 1 if is_new else None]
        some = ", ".join(file.name for file in batch[:3]) + (" …" if len(batch) > 3 else "")
        self._watcher.says(f"upload {some}")
        uploads = [self._timed(self.goods.uploads[file.name], file.size) for file in batch]
        self._judge(uploader.upload(uploads), credentials)

    def _timed(self, upload: Upload, size: int) -> Upload:
        return upload._replace(seconds=self._patience.upload or seconds_for(size))

    def _judge(self, answers: Mapping[str, Answer], credentials: Credentials) -> None:
        """Take note of what was taken, pause where something may pass, and raise where it never will."""
        meanings = {name: upload_answers.meaning(answer) for name, answer in answers.items()}
        taken = [name for name, meaning in meanings.items() if meaning in (Meaning.ACCEPTED, Meaning.THERE_ALREADY)]
        self._taken |= {name: answers[name] for name in taken}
        self._accepted |= {name for name, meaning in meanings.items() if meaning is Meaning.ACCEPTED}
        for name, meaning in meanings.items():
            if meaning in _FINAL:
                self._missing()  # what is there is said, and other bytes of ours are worse than this
                raise self._refusal(name, answers[name], meaning, credentials)
        passing = {name: answers[name] for name, meaning in meanings.items() if meaning is Meaning.AGAIN}
        self._faults = self._faults + 1 if not taken else 1
        if not passing:
            self._faults = 0
            return
        name, answer = next(iter(passing.items()))
        said = upload_answers.words(answer.text)
        why = f"{name}: {self._host} answers {answer.status} {said}".rstrip() if answer.status else f"{name}: {said}"
        if self._faults >= self._patience.attempts and any(file.name == name for file in self._missing()):
            raise WorldFailed(
                f"{self._host} did not take {name} in {self._patience.attempts} attempts",
                "run the same command again when it does better: it does what is missing",
                stderr=why,
            )
        asked = max(self._asked(each.retry_after) for each in passing.values())
        self._sleep(max(self._patience.pause(self._faults), asked), why)

    def _asked(self, seconds: float | None) -> float:
        """Return the pause that an index asks for; raise WorldFailed where nobody would wait for that long."""
        if seconds is not None and seconds > self._patience.longest_asked:
            raise WorldFailed(
                f"{self._host} wants to be left alone for {seconds:g} seconds",
                "run the same command again after that: it does what is missing",
            )
        return seconds or 0.0

    def _sleep(self, seconds: float, why: str) -> None:
        self._watcher.says(f"{why}; again in {seconds:.3g} s")
        time.sleep(seconds)

    # -- what to say -----------------------------------------------------------------------------------------------

    def _refusal(self, name: str, answer: Answer, meaning: Meaning, found: Credentials) -> Refused | WorldFailed:
        words, version, project = upload_answers.words(answer.text), self.goods.version, self.goods.project
        burned = index_rules.burned(version, index_rules.INCOMPLETE)
        if meaning is Meaning.TOKEN_REFUSED:
            return Refused(token_rules.refused(self.place.target, project, found.source, words))
        if meaning is Meaning.CLOSED:
            what = f"{self._host} lacks {name}, and takes no more files for {version}: {words}"
            return Refused(finding("release-closed", what, burned, name))
        if meaning is Meaning.DELETED:
            what = f"the name {name} was used on {self._host} by a file that was deleted, and is never free again"
            return Refused(finding("dist-conflict", what, burned, name))
        fix = f"mend what it names; where another file was taken before, {burned}"
        if answer.status == 403:
            fix = f"if it is the token: {token_rules.new_one(self.place.target, project)}; else {fix}"
        return WorldFailed(f"{self._host} rejects {name} (status {answer.status})", fix, stderr=words)

    def _never_listed(self, missing: Sequence[ReleasedFile]) -> Refused | WorldFailed:
        """Return what to say of files that the index took, or said it had, and does not list."""
        denied = {name: answer for name, answer in self._taken.items() if name not in self._accepted}
        findings = [self._held_back(file, denied[file.name]) for file in missing if file.name in denied]
        if findings:
            return Refused(*findings)
        names = ", ".join(file.name for file in missing)
        return WorldFailed(
            f"{self._host} took {names}, and did not list it within {self._patience.listed_within:g} seconds",
            "look again later: tagready publish --confirm",
        )

    def _held_back(self, file: ReleasedFile, answer: Answer) -> Finding:
        what = (
            f"{self._host} says that it has {file.name}, and does not list it: the name was used and deleted, or the"
            f" same bytes are there under another name ({upload_answers.words(answer.text)})"
        )
        return finding("dist-conflict", what, index_rules.burned(self.goods.version, index_rules.INCOMPLETE), file.name)

    def _incomplete(self, file: ReleasedFile) -> Finding:
        what = f"{self._host} does not list {file.name} (sha256 {file.sha256})"
        fix = (
            "publish what is missing: tagready publish, or re-run the failed jobs of the workflow that the tag started"
        )
        return finding("release-incomplete", what, fix, file.name)

    def _unverifiable(self, names: Sequence[str]) -> WorldFailed:
        return WorldFailed(
            f"{self._host} lists {', '.join(names)} without a SHA-256, so nobody can tell whose bytes they are",
            "give the address of a listing with hashes (PEP 503, PEP 691) with --index-url"
            + ("" if self._taken else "; nothing was uploaded"),
        )


def _wheels_first(files: Sequence[ReleasedFile]) -> list[ReleasedFile]:
    """Return files in the order of upload: where only the wheel is there, people can install already."""
    return sorted(files, key=lambda file: (not file.name.endswith("none-any.whl"), not file.name.endswith(".whl")))
