"""build: the distributions of a commit, the same bytes for everybody, judged before anyone sees them."""

from __future__ import annotations

import platform
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tagready.commands import verify
from tagready.commands.releases.asked import asked_commit, asked_tag
from tagready.commands.releases.snapshot import Snapshot, take
from tagready.commands.releases.whereabouts import remote_of, scratch_folder
from tagready.doors import sdists, smoke
from tagready.doors.archives import ArchiveError, compare
from tagready.doors.backend import Backend, backend
from tagready.doors.checkout import clone
from tagready.doors.git import Git
from tagready.doors.release_folder import described_by, judge_distributions
from tagready.facts.findings import Finding, Refused, Report, Trouble, WrongUse, as_verdict, as_warning, finding
from tagready.facts.git_records import Ref
from tagready.facts.publishing import release_file
from tagready.facts.publishing.dist_names import version_of
from tagready.facts.publishing.release_file import ReleasedFile, ReleaseFile
from tagready.facts.versions import parse

#: Seconds between two builds, so that a time of day in a file differs: a clock in a zip archive takes steps of two.
_APART = 2.0


class Options(NamedTuple):
    """What was asked for on the command line; `complete` says that nobody repairs a wheel before it is published."""

    tag: str | None = None
    out: Path = Path("dist")
    once: bool = False
    smoke: bool = False
    constraints: Path | None = None
    complete: bool = False


class Built(NamedTuple):
    """What was built, and where it lies; `twice` says that two builds gave the same bytes.

    `spare` is a wheel for plain Linux that was left out, for a repaired one is there already.
    """

    release: ReleaseFile
    out: Path
    report: Report
    twice: bool
    normalised: bool
    as_tag: str | None
    smoke: str
    spare: str = ""


class _Made(NamedTuple):
    """What one build gave, and whether the sdist was normalised; `spare` says that nobody needs the wheel."""

    sdist: Path
    wheel: Path
    normalised: bool
    spare: bool = False

    @property
    def for_the_index(self) -> tuple[Path, ...]:
        """The files that an index takes."""
        return (self.sdist,) if _is_unrepaired(self.wheel.name) else (self.sdist, self.wheel)

    @property
    def for_the_folder(self) -> tuple[Path, ...]:
        """The files that are put beside the others: a wheel for plain Linux only as long as somebody may repair it."""
        return (self.sdist,) if self.spare else (self.sdist, self.wheel)


def build(git: Git, options: Options, overlay: Path | None, say: Callable[[str], None]) -> Built:
    """Return the distributions of the tag, or of HEAD; raise Refused, and write nothing, where our rules say no."""
    refs = git.refs()
    name = options.tag or asked_tag(git, releases_only=True)
    commit = asked_commit(git, refs, name, None if name else "HEAD")
    snapshot = take(git, commit.oid, overlay)
    constraints = _constraints(options.constraints)
    others = _others(options.out)
    say("judge the commit")
    verdict = _verdict(snapshot, refs, name)
    about = {"project": snapshot.name, "version": verdict.version, "tag": name, "commit": commit.oid}
    once = options.once or not snapshot.config.rebuild
    try:
        with scratch_folder() as scratch, backend(commit.committer_time, constraints, scratch) as builder:
            began = time.monotonic()
            made = _make(snapshot, builder, scratch / "build", verdict.as_tag, say)
            others = [path for path in others if path.name not in (made.sdist.name, made.wheel.name)]
            made = made._replace(spare=_has_repaired(made.wheel.name, others))
            report = Report()
            if not once:
                say("build it again, elsewhere")
                time.sleep(max(0.0, began + _APART - time.monotonic()))
                again = _make(snapshot, builder, scratch / "and" / "once-more", verdict.as_tag, lambda _: None)
                report = Report(tuple(_differences(made, again)))
            say("judge the distributions")
            report = report.and_(_judged(snapshot, made, others, verdict, options))
            if options.smoke and report.ok:
                say("install the wheel and import it")
                report = report.and_(smoke.test(made.wheel, snapshot.config.smoke))
            if not report.ok:
                raise Refused(report=report)
            release = _release(snapshot, name, verdict, made, builder, others)
            _put(release, made, options.out)
    except (Refused, Trouble) as problem:
        problem.about = about
        raise
    untried = any(skip.rule == "dist-broken" for skip in report.skipped)
    smoked = (snapshot.config.smoke or "imported") if options.smoke and not untried else ""
    spare = made.wheel.name if made.spare else ""
    return Built(release, options.out, report, not once, made.normalised, verdict.as_tag, smoked, spare)


def _constraints(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        return release_file.constraints(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise WrongUse(
            f"{path} cannot be read: {reason}", "give a release.json, or a constraints file as pip has it"
        ) from None


class _Verdict(NamedTuple):
    """What the tag gate says of the commit, and which version the distributions have to be.

    `as_tag` is the tag to put on the checkout where a version comes from the tag, and the tag is still to come.
    """

    report: Report
    version: str | None
    as_tag: str | None


def _verdict(snapshot: Snapshot, refs: Sequence[Ref], name: str | None) -> _Verdict:
    try:
        verified = verify.judge_tag(snapshot, refs, name, verify.Options())
    except Refused as refused:
        return _Verdict(refused.report, None, None)
    except WrongUse as wrong:
        return _Verdict(Report((finding("tag-missing", wrong.what, wrong.fix),)), None, None)
    stated = bool(snapshot.stated())
    if name or stated:
        return _Verdict(verified.report, verified.version, None)
    if verified.report.ok:
        return _Verdict(verified.report, verified.version, verified.tag)
    # Some commit after a release: its version is whatever the backend makes of it.
    return _Verdict(verified.report, None, None)


def _make(snapshot: Snapshot, builder: Backend, folder: Path, as_tag: str | None, say: Callable[[str], None]) -> _Made:
    folder.mkdir(parents=True)
    # A time of "now" in what a backend writes has to be another than the commit's to be seen.
    time.sleep(min(max(0.0, builder.epoch + 1 - time.time()), 1.0))
    checkout, out = folder / "checkout", folder / "out"
    say("check the commit out")
    clone(snapshot.git, snapshot.commit, checkout, remote_of(snapshot), as_tag)
    say("build the sdist")
    raw = builder.sdist(checkout / snapshot.root, folder / "raw")
    out.mkdir()
    sdist = out / raw.name
    normalised = _normalised(raw, sdist, builder.epoch)
    say("build the wheel from it")
    wheel = builder.wheel(sdist, folder / "sdist", out)
    return _Made(sdist, wheel, normalised)


def _normalised(raw: Path, sdist: Path, epoch: int) -> bool:
    """Put an sdist into its place, and return whether that took to rewrite it, as setuptools' and pdm's have to be."""
    try:
        if raw.name.endswith(".tar.gz") and not sdists.is_reproducible(raw, epoch):
            sdists.normalise(raw, sdist, epoch)
            return True
    except ArchiveError as error:
        fix = "take it out of the sources, or keep it out of the sdist, commit, and build again"
        raise Refused(finding("dist-metadata", f"the sdist cannot be published: {error}", fix, raw.name)) from None
    raw.replace(sdist)
    return False


def _differences(one: _Made, other: _Made) -> list[Finding]:
    """Return a finding for each distribution that two builds made differently."""
    pairs = [(one.sdist, other.sdist), (one.wheel, other.wheel)]
    return [_unreproducible(first.name, lines) for first, second in pairs if (lines := compare(first, second))]


def _unreproducible(name: str, lines: Sequence[str]) -> Finding:
    found = finding(
        "dist-unreproducible",
        "\n".join((f"two builds of {name} from the same commit differ:", *lines)),
        "find what puts a time, a path or an order into it (a build hook?); once it is known and meant: --once",
        name,
    )
    pure = name.endswith(("-none-any.whl", ".tar.gz", ".zip"))
    return found if pure else as_warning(found)


def _others(out: Path) -> list[Path]:
    """Return the distributions that lie in a folder already, and that are to be published with what is built now."""
    from tagready.doors.distributions import find

    nearest = next(folder for folder in (out, *out.parents) if folder.exists())
    if not nearest.is_dir():
        raise WrongUse(f"{nearest} is no folder", "give another one with --out")
    if nearest != out:
        return []
    ours = {file.name for file in _earlier(out)}
    return [path for path in find(out) if path.name not in ours and not _is_unrepaired(path.name)]


def _is_unrepaired(name: str) -> bool:
    """Return whether a file is a wheel for plain Linux, which has to be repaired before an index takes it (PEP 600)."""
    return bool(re.fullmatch(r".*-linux_(?!armv[67]l)[^-]*\.whl", name))


def _has_repaired(name: str, others: Sequence[Path]) -> bool:
    """Return whether a wheel is for plain Linux, and one for that machine is there that indexes take."""
    machine = re.fullmatch(r".*-linux_([^-]*)\.whl", name)
    repaired = rf".*-manylinux[^-]*_{re.escape(machine[1])}\.whl" if machine and _is_unrepaired(name) else None
    return repaired is not None and any(re.fullmatch(repaired, path.name) for path in others)


def _earlier(out: Path) -> tuple[ReleasedFile, ...]:
    """Return the files that an earlier build has made, and that lie there."""
    try:
        release = release_file.read((out / release_file.NAME).read_text(encoding="utf-8"), release_file.NAME)
    except (OSError, UnicodeDecodeError, WrongUse):
        return ()
    return tuple(file for file in release.files if file.name not in release.added)


def _judged(snapshot: Snapshot, made: _Made, others: Sequence[Path], verdict: _Verdict, options: Options) -> Report:
    """Return what is wrong with what was built, and with what it would be published together with."""
    from tagready.facts.publishing.dist_rules import Expected

    stated = parse(verdict.version or version_of(made.wheel.name, snapshot.name) or "0")
    assert stated is not None
    # Whether git tracks what is in the sdist is no question here: nothing else was there to get in.
    expected = Expected(snapshot.name, stated, folder=str(options.out), allow_secrets=snapshot.config.allow_secrets)
    report = judge_distributions([made.sdist, made.wheel, *others], expected)
    # Some commit after a release: its version (1.4.1.dev3+g0123abc) is what no index takes, and nobody asks one to.
    # A wheel for plain Linux is one that is still to be repaired; publish refuses it.
    unrepaired = str(options.out / made.wheel.name) if len(made.for_the_index) == 1 else None
    findings = []
    for found in report.findings:
        if found.rule != "dist-name" or (verdict.version and found.path != unrepaired):
            findings.append(found)
        elif made.spare and found.path == unrepaired:
            continue
        elif found.path != unrepaired or not (options.complete and verdict.report.ok):
            findings.append(as_warning(found))
        else:
            findings.append(replace(found, fix=f"{_BEFORE} put them into {options.out} before this command; {_HOW}"))
    return Report(tuple(findings), report.skipped)


_BEFORE = "let a job before this one build and repair the wheels (cibuildwheel), and"
_HOW = 'the documentation shows how, under "Publish platform wheels"'


def _release(
    snapshot: Snapshot, name: str | None, verdict: _Verdict, made: _Made, builder: Backend, others: Sequence[Path]
) -> ReleaseFile:
    files = {path.name: described_by(path) for path in (*others, *made.for_the_index)}
    version = verdict.version or version_of(made.wheel.name, snapshot.name) or ""
    return ReleaseFile(
        project=snapshot.name,
        version=version,
        tag=name,
        commit=snapshot.commit.oid,
        source_date_epoch=builder.epoch,
        python=platform.python_version(),
        files=tuple(sorted(files.values())),
        added=tuple(sorted(path.name for path in others)),
        requirements=builder.requirements(),
        verdict=as_verdict(verdict.report),
    )


def _put(release: ReleaseFile, made: _Made, out: Path) -> None:
    """Put what was built into its folder; release.json goes first and comes last, so that it never lies."""
    earlier = {file.name for file in _earlier(out)}
    out.mkdir(parents=True, exist_ok=True)
    for name in (release_file.NAME, release_file.SUMS, *sorted(earlier - {file.name for file in release.files})):
        (out / name).unlink(missing_ok=True)
    for left in out.glob(_near("*")):
        left.unlink()
    for path in made.for_the_folder:
        shutil.copyfile(path, out / _near(path.name))
        (out / _near(path.name)).replace(out / path.name)
    texts = {release_file.SUMS: release_file.as_sums(release.files), release_file.NAME: release_file.as_json(release)}
    for name, text in texts.items():
        (out / _near(name)).write_text(text, encoding="utf-8", newline="\n")
        (out / _near(name)).replace(out / name)


def _near(name: str) -> str:
    """Return what a file is called until it is whole."""
    return f".{name}.tagready"
