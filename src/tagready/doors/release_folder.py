"""The door to a folder of distributions: what is to be published, and whether it is what was built and verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

from tagready.facts import versions
from tagready.facts.findings import Finding, Level, Refused, Report, WrongUse, finding
from tagready.facts.publishing import release_file
from tagready.facts.publishing.release_file import ReleasedFile, ReleaseFile

if TYPE_CHECKING:
    from tagready.facts.publishing.dist_rules import Expected


class Folder(NamedTuple):
    """A folder of distributions: of which project and version, and its files; `release` is its release.json, if any."""

    path: Path
    project: str
    version: Version
    files: tuple[ReleasedFile, ...]
    release: ReleaseFile | None
    report: Report


def look_into(path: Path) -> Folder:
    """Return what a folder holds, judged; needs no repository.

    Files that release.json names were verified when they were built: they have to be those very bytes. All others
    are judged here. Raise WrongUse where there is no folder, and Refused where nothing says what is to be published.
    """
    from tagready.facts.publishing.dist_rules import Expected

    paths = distributions_in(path)
    release = _release(path)
    if not paths and release is None:
        what = f"there is no distribution in {path}"
        raise Refused(finding("dist-missing", what, "tagready build, or give another folder with --dist", str(path)))
    described = {file.name: file for file in release.files} if release else {}
    files = tuple(described[each.name] if each.name in described else described_by(each) for each in paths)
    others = [each for each in paths if each.name not in described]
    report = unlike_release(path).and_(Report(tuple(_verdict(release)))) if release else Report()
    if release:
        project, version = release.project, versions.canonical(release.version)
        if others:
            added = judge_distributions(others, Expected(project, version, str(path)))
            report = report.and_(added.dropping(["dist-missing"]))
        report = report.and_(Report(tuple(_lacking(path, [*described, *(each.name for each in others)]))))
    else:
        project, version = _stated(path, paths)
        report = judge_distributions(others, Expected(project, version, str(path)))
    return Folder(path, project, version, files, release, report)


def distributions_in(path: Path) -> tuple[Path, ...]:
    """Return the distributions in a folder; raise WrongUse where there is no folder."""
    from tagready.doors.distributions import find

    if not path.is_dir():
        raise WrongUse(f"there is no folder {path}", "build first (tagready build), or give the folder with --dist")
    return find(path)


def unlike_release(path: Path, commit: str | None = None) -> Report:
    """Return a finding for each file in a folder that is not the one its release.json describes (if it has one).

    With a commit, it has to be what they were built from.
    """
    release = _release(path)
    if release is None:
        return Report()
    report = Report(tuple(_unlike(path, release.files)))
    if commit is None or release.commit == commit:
        return report
    what = f"the distributions in {path} were built from {release.commit[:10]}, not from {commit[:10]}"
    fix = "build them from this commit: tagready build"
    return report.and_(Report((finding("version-mismatch", what, fix, str(path / release_file.NAME)),)))


def judge_distributions(paths: Sequence[Path], expected: Expected) -> Report:
    """Return what is wrong with distributions: as archives, by their names and metadata, and by what git tracks."""
    from tagready.doors.distributions import read
    from tagready.doors.twine_check import twine_check
    from tagready.facts.publishing.dist_rules import judge
    from tagready.facts.publishing.distribution import Kind, kind_of

    object_format = "sha256" if any(len(oid) == 64 for oid in (expected.tracked or {}).values()) else "sha1"
    report = judge([read(path, object_format) for path in paths], expected)
    # What is wrong with metadata, or is no distribution, is said already, and twine would only say it again.
    said = {found.path for found in report.findings if found.rule == "dist-metadata"}
    clean = [
        path for path in paths if kind_of(path.name) is not Kind.OTHER and expected.place_of(path.name) not in said
    ]
    return report.and_(Report(tuple(found for found in twine_check(clean) if found.level is Level.ERROR)))


def described_by(path: Path) -> ReleasedFile:
    """Return a distribution's name, size and SHA-256."""
    from tagready.doors.distributions import sha256_of

    return ReleasedFile(path.name, path.stat().st_size, sha256_of(path))


def _release(path: Path) -> ReleaseFile | None:
    file = path / release_file.NAME
    if not file.exists():
        return None
    return release_file.read(file.read_text(encoding="utf-8", errors="replace"), str(file))


def _unlike(path: Path, described: Iterable[ReleasedFile]) -> Iterator[Finding]:
    """Yield a finding for each file that is not the one that release.json describes."""
    for file in described:
        there = path / file.name
        if not there.is_file():
            what = f"{release_file.NAME} names {file.name}, which is not in {path}"
            yield finding("dist-missing", what, f"bring all files of the build together in {path}", str(there))
        elif described_by(there) != file:
            what = f"{file.name} is not the file that was built and verified: its SHA-256 is not {file.sha256}"
            yield finding("dist-metadata", what, "take the files of the build again, all of them", str(there))


def _lacking(path: Path, names: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding where a wheel, or the source distribution, is neither described nor there."""
    for suffixes, what in ((".whl",), "wheel"), ((".tar.gz", ".zip"), "source distribution"):
        if not any(name.endswith(suffixes) for name in names):
            fix = f"put it into {path}; one for plain Linux is repaired first (auditwheel repair)"
            yield finding("dist-missing", f"there is no {what} in {path}", fix, str(path))


def _verdict(release: ReleaseFile) -> Iterator[Finding]:
    """Yield what the tag gate found when these files were built: what it refused is not published."""
    for found in release.verdict["findings"]:
        if found["level"] == Level.ERROR:
            what = f"when this was built, the tag gate said of {release.commit[:10]}: {found['message']}"
            yield Finding(found["rule"], what, found["fix"], found["path"], found["line"])


def _stated(path: Path, paths: Sequence[Path]) -> tuple[str, Version]:
    """Return the project and version that the distributions in a folder state; raise Refused where they disagree."""
    known = {found for each in paths if (found := _named(each.name))}
    if len(known) == 1:
        return known.pop()
    listed = ", ".join(each.name for each in paths[:6])
    if not known:
        what, fix = f"no file in {path} is named as a distribution is ({listed})", "tagready build"
    else:
        what = f"the distributions in {path} are of more than one release ({listed})"
        fix = f"leave one release's files in {path}, or give another folder with --dist"
    raise Refused(finding("dist-name", what, fix, str(path)))


def project_of(path: Path) -> str | None:
    """Return the project whose distributions lie in a folder, as far as that is known without reading them."""
    from tagready.doors.distributions import find

    if not path.is_dir():
        return None
    release = _release(path)
    if release:
        return release.project
    names = (_named(each.name) for each in find(path))
    return next((found[0] for found in names if found), None)


def _named(filename: str) -> tuple[str, Version] | None:
    """Return the project and version in a distribution's file name, both normal; None for any other name."""
    from tagready.facts.publishing.dist_names import read_name

    name = read_name(filename)
    return (canonicalize_name(name.project), name.version) if name else None
