"""github-release: a draft that keeps what is to be published, the tag asked for once more, and the draft made public.

Only what the forge lists says what is there; an answer to a write never does. A public release may be immutable, so
making it public is the last step, and nothing is changed after it.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from packaging.version import Version

from tagready.doors import forge as github
from tagready.doors.forge import Asset, Forge, ForgeRelease, Unanswered
from tagready.doors.release_folder import described_by, look_into
from tagready.facts.findings import Finding, Refused, Report, Trouble, WorldFailed, WrongUse, finding
from tagready.facts.publishing import release_file
from tagready.facts.publishing.dist_names import version_of
from tagready.facts.publishing.release_file import ReleasedFile
from tagready.facts.tags import read_tags

Says = Callable[[str], None]

#: The account of workflows: what it uploaded, a run of this repository has made.
WORKFLOWS = "github-actions[bot]"
#: Characters that GitHub takes as the text of a release.
LONGEST_BODY = 125_000


class Act(StrEnum):
    """What is to be done."""

    DRAFT = "draft"
    CHECK = "check"
    PUBLISH = "publish"


class Options(NamedTuple):
    """What was asked for on the command line; by the format of tags, the project's other releases are known."""

    act: Act
    tag: str | None = None
    dist: Path = Path("dist")
    notes: Path | None = None
    tag_format: str | None = None


class OnForge(NamedTuple):
    """A file as the release has it now: uploaded by this run, present before, or taken from there into the folder."""

    name: str
    sha256: str
    action: str


class Done(NamedTuple):
    """How the release stands in the end; a check looks at the tag alone, so it has no `url` and no files.

    `says` are sentences about what was found there.
    """

    project: str
    version: str
    tag: str
    commit: str
    url: str | None
    draft: bool
    files: tuple[OnForge, ...]
    says: tuple[str, ...] = ()


class _Goods(NamedTuple):
    """What the folder holds: of which release, and its files in the order in which they are uploaded.

    release.json goes last: a draft that has it has everything.
    """

    folder: Path
    project: str
    version: Version
    tag: str
    commit: str
    files: tuple[ReleasedFile, ...]

    @property
    def sums(self) -> dict[str, str]:
        """The SHA-256 of each distribution."""
        return {file.name: file.sha256 for file in self.files if not _is_ours(file.name)}


def tag_format(overlay: Path | None) -> str | None:
    """Return the format of tags that a configuration file names."""
    from tagready.commands.releases.snapshot import read_overlay
    from tagready.facts.config import load

    return load({}, "", read_overlay(overlay), str(overlay)).tag_format if overlay else None


def open_forge() -> Forge:
    """Return the repository of this run; raise WrongUse where nothing says which, or nothing opens it."""
    found = github.here()
    if isinstance(found, str):
        fix = "in a workflow, give the step: env: GITHUB_TOKEN: ${{ github.token }}; elsewhere, GITHUB_REPOSITORY, too"
        raise WrongUse(f"GitHub cannot be asked: {found}", fix)
    return found


def github_release(options: Options, forge: Forge, says: Says) -> Done:
    """Return how the release stands; raise Refused where our rules say no, and WorldFailed where GitHub fails.

    Needs no repository. Run it again after anything that went wrong: it does what is missing, and nothing twice.
    """
    about: dict[str, Any] = {"url": None, "draft": None, "files": [], "resume": ""}
    try:
        goods = _look_into(options)
        about |= {"project": goods.project, "version": str(goods.version), "tag": goods.tag, "commit": goods.commit}
        about["resume"] = _resume(options, goods.tag)
        says(f"ask {forge.repository} where {goods.tag} is")
        _check_tag(forge, goods)
        if options.act is Act.CHECK:
            return _done(goods)
        with TemporaryDirectory(prefix=".tagready-", dir=goods.folder) as scratch:
            run = _Run(forge, goods, says, Path(scratch))
            return run.draft(options) if options.act is Act.DRAFT else run.publish(options)
    except (Refused, Trouble) as problem:
        problem.about = about | problem.about
        raise


def _resume(options: Options, tag: str) -> str:
    dist = [] if str(options.dist) == "dist" else ["--dist", str(options.dist)]
    notes = ["--notes", str(options.notes)] if options.notes else []
    command = shlex.join(["tagready", "github-release", tag, f"--{options.act}", *dist, *notes])
    return f"re-run the failed jobs of this run, or: {command}" if os.environ.get("GITHUB_ACTIONS") else command


def _done(goods: _Goods, release: ForgeRelease | None = None, files: Sequence[OnForge] = (), *says: str) -> Done:
    return Done(
        project=goods.project, version=str(goods.version), tag=goods.tag, commit=goods.commit,
        url=release.url if release else None, draft=release.draft if release else False, files=tuple(files), says=says,
    )  # fmt: skip


# -- the folder --------------------------------------------------------------------------------------------------------


def _look_into(options: Options) -> _Goods:
    """Return what the folder holds; raise Refused where it is not what was built and verified from the tag."""
    folder = look_into(options.dist)
    release, path = folder.release, options.dist / release_file.NAME
    if release is None:
        what = f"there is no {release_file.NAME} in {options.dist}, so nothing says which commit was built"
        raise Refused(finding("dist-missing", what, "tagready build, or give another folder with --dist", str(path)))
    asked = options.tag or (os.environ.get("GITHUB_REF_TYPE") == "tag" and os.environ.get("GITHUB_REF_NAME"))
    tag = asked or release.tag
    report = folder.report.and_(Report(tuple(_wrong_sums(options.dist, folder.files))))
    if tag is None or release.tag != tag:
        built = f"from {release.tag}" if release.tag else f"from {release.commit[:10]}, which had no release tag"
        what = f"the distributions in {options.dist} were built {built}" + (f", not from {tag}" if tag else "")
        fix = f"build them from the tag: tagready build {tag or 'TAG'}"
        report = report.and_(Report((finding("version-mismatch", what, fix, str(path)),)))
    if not report.ok:
        raise Refused(report=report)
    ours = [described_by(options.dist / name) for name in (release_file.SUMS, release_file.NAME)]
    return _Goods(
        options.dist, folder.project, folder.version, str(tag), release.commit, (*sorted(folder.files), *ours)
    )


def _wrong_sums(dist: Path, files: Sequence[ReleasedFile]) -> Iterator[Finding]:
    path = dist / release_file.SUMS
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
    if text is not None and _read_sums(text) == {file.name: file.sha256 for file in files}:
        return
    what = "is not there" if text is None else f"does not list exactly the distributions in {dist}, with their sums"
    rule = "dist-missing" if text is None else "dist-metadata"
    yield finding(rule, f"{release_file.SUMS} {what}", f"build with all of them in {dist}: tagready build", str(path))


def _read_sums(text: str) -> dict[str, str] | None:
    """Return what SHA256SUMS says of each file; None where it is none."""
    lines = [re.fullmatch(r"([0-9a-f]{64})  (\S+)", line) for line in text.splitlines()]
    sums = {match[2]: match[1] for match in lines if match}
    return sums if len(sums) == len(lines) else None


def _is_ours(name: str) -> bool:
    return name in (release_file.SUMS, release_file.NAME)


# -- the tag -----------------------------------------------------------------------------------------------------------


def _check_tag(forge: Forge, goods: _Goods) -> None:
    """Raise Refused where the tag is not on the commit that was built: without a tag, GitHub would make one."""
    there, tag, commit = forge.commit_of_tag(goods.tag), goods.tag, goods.commit
    if there == commit:
        return
    push = f"git push origin {commit[:10]}:refs/tags/{tag}"
    if there is None:
        what = f"{forge.repository} has no tag {tag}, from which this was built (or the token may not see it)"
        fix = f"if somebody deleted it by mistake: {push}; with a token: it takes `permissions: contents: read`"
        raise Refused(finding("tag-missing", what, fix))
    what = f"the tag {tag} of {forge.repository} is on {there[:10]} now; this was built from {commit[:10]}"
    fix = (
        "find out who moved it, and publish nothing from here; release the next version, or, only if nothing was"
        f" published and it was a mistake: git push origin :refs/tags/{tag} && {push}"
    )
    raise Refused(finding("tag-exists", what, fix))


# -- the release -------------------------------------------------------------------------------------------------------


class _Kept(NamedTuple):
    """A release on the forge, as it describes itself: its distributions by their sums, and what is wrong with it.

    It is complete where it has everything that it says that it has.
    """

    release: ForgeRelease
    complete: bool = False
    sums: dict[str, str] | None = None
    report: Report = Report()


class _Run:
    """One attempt, with what is known by now of the files on the forge."""

    def __init__(self, forge: Forge, goods: _Goods, says: Says, scratch: Path) -> None:
        self._forge = forge
        self._goods = goods
        self._says = says
        self._scratch = scratch
        #: The SHA-256 of each asset, by its number; it never changes, for an asset is only made and deleted.
        self._known: dict[int, str] = {}

    def draft(self, options: Options) -> Done:
        """Return the draft of the tag, complete; what it had kept already is taken."""
        notes = _notes(options.notes)
        found = self._found_or_made(notes)
        public = next((release for release in found if not release.draft), None)
        if public:
            kept = self._look(public)
            if kept.sums != self._goods.sums and kept.complete and kept.report.ok and not _strangers(public):
                self._refuse_foreign(kept)
                taken = f"{public.url} is public already: its files are taken, and replace those in {options.dist}"
                return _done(self._goods, public, self._take(kept), taken)
            return _done(self._goods, public, self._as_published(public))
        chosen, says = self._choose([self._look(release) for release in found])
        if not chosen.report.ok:
            raise Refused(report=chosen.report)
        if chosen.complete:
            self._refuse_foreign(chosen)
            files = self._take(chosen)
            if any(file.action == "taken" for file in files):
                says.append(f"the draft of an earlier run is taken, and replaces what is in {options.dist}")
            return _done(self._goods, chosen.release, files, *says)
        release, files = self._fill(chosen.release)
        if notes and not release.body.strip():
            release = self._forge.update(release, {"body": notes})
        return _done(self._goods, release, files, *says)

    def publish(self, options: Options) -> Done:
        """Return the release, public; the draft has to hold just these distributions."""
        releases = self._forge.releases()
        found = _oldest_first(release for release in releases if release.tag == self._goods.tag)
        public = next((release for release in found if not release.draft), None)
        if public:
            return _done(self._goods, public, self._as_published(public))
        make = f"tagready github-release {self._goods.tag} --draft --dist {shlex.quote(str(self._goods.folder))}"
        if not found:
            what = f"{self._forge.repository} has no draft for {self._goods.tag} (or the token may not see drafts)"
            raise Refused(finding("release-incomplete", what, f"{make}, with `permissions: contents: write`"))
        chosen, says = self._choose([self._look(release) for release in found])
        release = chosen.release
        if not chosen.report.ok:
            raise Refused(report=chosen.report)
        if not chosen.complete:
            what = f"the draft for {self._goods.tag} does not hold all of its files: {release.url}"
            raise Refused(finding("release-incomplete", what, make))
        if chosen.sums != self._goods.sums:
            what = f"the draft {release.url} holds other files than {self._goods.folder}{self._difference(chosen)}"
            raise Refused(finding("dist-conflict", what, f"take what the draft holds: {make}"))
        self._says(f"make {release.url} public")
        release = self._made_public(release, latest=_is_latest(self._goods, releases, options.tag_format))
        return _done(self._goods, release, self._present(release), *says)

    # -- looking ---------------------------------------------------------------------------------------------------

    def _found_or_made(self, notes: str) -> list[ForgeRelease]:
        """Return the releases of the tag, oldest first; if there is none, a new draft."""
        goods = self._goods
        title = f"{goods.project} {goods.version}"
        for pause in (*self._forge.pauses, None):
            found = [release for release in self._forge.releases() if release.tag == goods.tag]
            if found:
                return _oldest_first(found)
            self._says(f"make a draft for {goods.tag}")
            try:
                return [self._forge.create_draft(goods.tag, title, notes, prerelease=goods.version.is_prerelease)]
            except Unanswered as failed:
                self._wait(pause, failed)
        raise AssertionError("the last attempt returns or raises")

    def _look(self, release: ForgeRelease) -> _Kept:
        """Return what a release holds, judged by its own release.json and SHA256SUMS."""
        assets = {asset.name: asset for asset in release.assets if asset.complete}
        texts = {name: self._text(assets[name]) for name in (release_file.NAME, release_file.SUMS) if name in assets}
        report = Report()
        if release_file.NAME in texts:
            report = self._misdescribed(release, texts[release_file.NAME])
        if len(texts) < 2 or not report.ok:
            return _Kept(release, report=report)
        described = release_file.read(texts[release_file.NAME], release.url)
        sums = {file.name: file.sha256 for file in described.files}
        if _read_sums(texts[release_file.SUMS]) != sums:
            what = f"{release_file.SUMS} and {release_file.NAME} of {release.url} contradict each other"
            return _Kept(release, report=Report((_spoiled("dist-metadata", what, release),)))
        if not {_stored(name) for name in sums} <= assets.keys():
            return _Kept(release)
        wrong = [name for name, sha256 in sums.items() if self._sha256(assets[_stored(name)]) != sha256]
        found = [_spoiled("dist-metadata", f"{name} of {release.url} is not what its {release_file.SUMS} says", release)
                 for name in wrong]  # fmt: skip
        return _Kept(release, complete=True, sums=sums, report=Report((*found, *self._strangers(release, sums))))

    def _misdescribed(self, release: ForgeRelease, text: str) -> Report:
        """Return a finding where a release's own release.json is none, or is about something else."""
        goods = self._goods
        try:
            described = release_file.read(text, f"{release_file.NAME} of {release.url}")
        except WrongUse as wrong:
            return Report((_spoiled("dist-metadata", wrong.what, release),))
        if (described.tag, described.commit, described.project) == (goods.tag, goods.commit, goods.project):
            return Report()
        theirs = f"{described.project} {described.tag} on {described.commit[:10]}"
        what = f"{release.url} was made of {theirs}, and not of {goods.project} {goods.tag} on {goods.commit[:10]}"
        return Report((_spoiled("version-mismatch", what, release),))

    def _strangers(self, release: ForgeRelease, sums: dict[str, str]) -> Iterator[Finding]:
        """Yield a finding for each distribution of the project that the release's own SHA256SUMS does not know."""
        known = {_stored(name) for name in sums}
        for asset in release.assets:
            if asset.name not in known and version_of(asset.name, self._goods.project):
                what = f"{release.url} holds {asset.name}, which was not built and verified with the others"
                yield _spoiled("dist-metadata", what, release)

    def _choose(self, kept: Sequence[_Kept]) -> tuple[_Kept, list[str]]:
        """Return the draft that is whole, else the oldest one, and what there is to say of others."""
        whole = (each for each in kept if each.complete and each.report.ok)
        chosen = next(whole, kept[0])
        others = [each.release.url for each in kept if each is not chosen]
        return chosen, [f"{self._goods.tag} has further drafts, which nobody needs: {', '.join(others)}"] * bool(others)

    def _refuse_foreign(self, kept: _Kept) -> None:
        """Refuse other distributions than ours in the first run for a tag, before which nobody can have kept any.

        Every workflow with `contents: write` could have put them there, for the job that publishes to take.
        """
        if kept.sums == self._goods.sums or not _is_first_run():
            return
        what = (
            f"{kept.release.url} holds other files than were just built{self._difference(kept)}; and this is the first"
            " run for this tag, so no earlier one can have kept them"
        )
        fix = (
            "look who made it. If the tag was pushed before, and this is of that run: re-run the failed jobs, and it is"
            " taken. Otherwise delete it, and re-run all jobs"
        )
        raise Refused(finding("dist-conflict", what, fix))

    def _as_published(self, release: ForgeRelease) -> list[OnForge]:
        """Return the files of a public release; raise Refused where it does not hold just these distributions."""
        kept = self._look(release)
        ways = "release the next version; only if no index has a file of this one: delete the release (not the tag)"
        if kept.report.ok and kept.complete and kept.sums == self._goods.sums:
            return self._present(release)
        if kept.report.ok and not kept.complete:
            what = f"{release.url} is public, and does not hold all files of {self._goods.tag}"
            fix = f"make it a draft again (gh release edit {self._goods.tag} --draft), and re-run the failed jobs"
            raise Refused(finding("release-incomplete", what, f"{fix}; where it is immutable: {ways}"))
        why = "".join(f": {found.message}" for found in kept.report.findings[:1]) or self._difference(kept)
        what = f"{release.url} is public, and holds other files than {self._goods.folder}{why}"
        raise Refused(finding("dist-conflict", what, f"{ways}, and re-run all jobs"))

    def _difference(self, kept: _Kept) -> str:
        theirs, ours = kept.sums or {}, self._goods.sums
        names = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
        return f": {', '.join(names)}" if names else ""

    def _present(self, release: ForgeRelease) -> list[OnForge]:
        assets = {asset.name: asset for asset in release.assets}
        return [OnForge(file.name, self._sha256(assets[_stored(file.name)]), "present") for file in self._goods.files]

    def _sha256(self, asset: Asset) -> str:
        """Return an asset's SHA-256: as the forge says, else as its bytes are."""
        if asset.id not in self._known:
            self._known[asset.id] = asset.sha256 or described_by(self._fetched(asset)).sha256
        return self._known[asset.id]

    def _text(self, asset: Asset) -> str:
        return self._fetched(asset).read_text(encoding="utf-8", errors="replace")

    def _fetched(self, asset: Asset) -> Path:
        path = self._scratch / str(asset.id)
        if not path.exists():
            self._says(f"download {asset.name}")
            self._forge.download(asset, path)
        return path

    # -- acting ----------------------------------------------------------------------------------------------------

    def _take(self, kept: _Kept) -> list[OnForge]:
        """Return the files of a draft, which now are the folder's, too: all of them or none."""
        assets = {asset.name: asset for asset in kept.release.assets}
        ours = {file.name: file.sha256 for file in self._goods.files}
        wanted = {name: assets[_stored(name)] for name in (*(kept.sums or {}), release_file.SUMS, release_file.NAME)}
        if {name: self._sha256(asset) for name, asset in wanted.items()} == ours:
            return self._present(kept.release)
        strangers = _strangers(kept.release)
        if strangers:
            what = (
                f"{kept.release.url} holds other files than were just built{self._difference(kept)}; and "
                f"{', '.join(strangers)} uploaded them, no workflow"
            )
            raise Refused(_spoiled("dist-conflict", what, kept.release))
        files = {name: described_by(self._fetched(asset)) for name, asset in wanted.items()}
        for name, file in files.items():
            if file.sha256 != self._sha256(wanted[name]):
                raise WorldFailed(f"{name} did not arrive as {kept.release.url} has it", "run it again")
        # release.json goes first and comes last, so that it never lies.
        for name in (release_file.NAME, release_file.SUMS, *(ours.keys() - files.keys())):
            (self._goods.folder / name).unlink(missing_ok=True)
        for name, file in files.items():
            (self._scratch / file.name).replace(self._goods.folder / name)
        return [OnForge(name, file.sha256, "taken") for name, file in files.items()]

    def _fill(self, release: ForgeRelease) -> tuple[ForgeRelease, list[OnForge]]:
        """Return a draft that holds our files, and how each came there."""
        sent: set[str] = set()
        for pause in (*self._forge.pauses, None):
            lacking = self._lacking(release)
            # release.json goes first and comes last, so that it never lies.
            for stale in reversed([stale for _, stale in lacking if stale]):
                self._forge.delete(stale)
            try:
                for file, _ in lacking:
                    sent.add(file.name)
                    self._says(f"upload {file.name}")
                    self._forge.upload(release, self._goods.folder / file.name)
            except Unanswered as failed:
                self._wait(pause, failed)
            release = self._forge.release(release.id)
            if not self._lacking(release):
                return release, [
                    OnForge(file.name, file.sha256, "uploaded" if file.name in sent else "present")
                    for file in self._goods.files
                ]
        raise WorldFailed(
            f"{release.url} does not keep the files that were uploaded", "run it again; what is missing is uploaded"
        )

    def _lacking(self, release: ForgeRelease) -> list[tuple[ReleasedFile, Asset | None]]:
        """Return our files that a draft lacks, each with what is in its place: half a file, or other bytes."""
        assets = {asset.name: asset for asset in release.assets}
        there = [(file, assets.get(_stored(file.name))) for file in self._goods.files]
        return [
            (file, asset)
            for file, asset in there
            if asset is None or not asset.complete or self._sha256(asset) != file.sha256
        ]

    def _made_public(self, release: ForgeRelease, *, latest: bool) -> ForgeRelease:
        try:
            return self._forge.publish(release, latest=latest)
        except WorldFailed:
            # Where the first answer was lost, and the release is immutable by now, the second one is a refusal.
            with suppress(WorldFailed):
                now = self._forge.release(release.id)
                if not now.draft:
                    return now
            raise

    def _wait(self, pause: float | None, failed: Unanswered) -> None:
        if pause is None:
            raise failed
        self._says(f"{failed.what} ({failed.stderr}); look again in {pause:.3g} s")
        time.sleep(pause)


def _oldest_first(releases: Iterator[ForgeRelease] | Sequence[ForgeRelease]) -> list[ForgeRelease]:
    return sorted(releases, key=lambda release: release.id)


def _stored(name: str) -> str:
    """Return what GitHub calls a file: of all that a distribution's name may have, it replaces the epoch's sign."""
    return name.replace("!", ".")


def _is_first_run() -> bool:
    """Return whether the push of the tag has just started this run, and nobody has started it again.

    https://docs.github.com/actions/reference/workflows-and-actions/variables
    """
    return (os.environ.get("GITHUB_EVENT_NAME"), os.environ.get("GITHUB_RUN_ATTEMPT")) == ("push", "1")


def _strangers(release: ForgeRelease) -> list[str]:
    """Return the accounts that uploaded files of a release and are no workflow's."""
    return sorted({asset.uploader or "somebody" for asset in release.assets} - {WORKFLOWS})


def _spoiled(rule: str, what: str, release: ForgeRelease) -> Finding:
    return finding(rule, what, f"look who changed it, delete the draft ({release.url}), then re-run all jobs")


def _notes(path: Path | None) -> str:
    """Return the text of a release, cut at a line where it is longer than GitHub takes."""
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise WrongUse(f"{path} cannot be read: {why}", "tagready notes --format md --output FILE") from None
    if len(text) <= LONGEST_BODY:
        return text
    more = "\n\n… the rest is in the changelog.\n"
    return text[: LONGEST_BODY - len(more)].rpartition("\n")[0].rstrip() + more


def _is_latest(goods: _Goods, releases: Sequence[ForgeRelease], tag_format: str | None) -> bool:
    """Return whether the version is final, and newer than all public finals: a maintenance release is not "latest"."""
    names = [release.tag for release in releases if not release.draft and not release.prerelease]
    public = read_tags(names, goods.project, tag_format).releases
    newest = max((tag.version for tag in public if not tag.version.is_prerelease), default=None)
    return not goods.version.is_prerelease and (newest is None or newest < goods.version)
