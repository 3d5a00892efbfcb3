"""What a release's distributions must be called, say and hold before an index gets them. Pure; others read them."""

from __future__ import annotations

import csv
import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from email import message_from_bytes
from fnmatch import fnmatchcase
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from tagready.facts.findings import Finding, Report, Skipped, as_warning, finding
from tagready.facts.publishing.dist_names import escaped, read_name
from tagready.facts.publishing.distribution import Distribution, Kind, Member, shown
from tagready.facts.versions import parse

if TYPE_CHECKING:
    from packaging.metadata import RawMetadata


class Expected(NamedTuple):
    """What the distributions should be of, and what is known of the commit that they were built from.

    `folder` is what their folder is called in messages. `tracked` are the paths that git tracks, relative to the
    project, each with the name of its blob (None: unknown; `no_tree` says why, where somebody asked). The others are
    paths in a distribution, or patterns of them: what the build generates, what is checked out with CRLF, and where
    secrets are none.
    """

    project: str
    version: Version
    folder: str = "dist"
    tracked: Mapping[str, str] | None = None
    no_tree: str = ""
    generated: Collection[str] = ()
    crlf: Collection[str] = ()
    allow_secrets: Collection[str] = ()

    @property
    def sdist_name(self) -> str:
        """What the one sdist is called (PEP 625)."""
        return f"{escaped(self.project)}-{self.version}.tar.gz"

    def place_of(self, name: str) -> str:
        """Return where findings say that a file is."""
        return f"{self.folder}/{name}"


class _Said(NamedTuple):
    """The fields of a PKG-INFO or METADATA, and what is wrong with them."""

    fields: RawMetadata
    faults: tuple[str, ...]

    def since(self, version: str) -> bool:
        """Return whether the metadata promises what this version of the standard does, or a later one."""
        stated = parse(self.fields.get("metadata_version", ""))
        return stated is not None and stated >= Version(version)


#: Lines that a message shows of what may be hundreds.
_LINES = 8

_SPEAKS = {Kind.SDIST: "PKG-INFO", Kind.WHEEL: "METADATA"}

# The families of platforms that PyPI takes wheels for (warehouse/forklift/legacy.py); which of their versions it
# takes changes every year.
_PLATFORM = re.compile(
    r"any|win32|win_.+|macosx_.+|manylinux.+|musllinux_.+|linux_armv[67]l|ios_.+|android_.+|pyemscripten_.+"
)

_BUILD = "build it again: tagready build"


def judge(distributions: Sequence[Distribution], expected: Expected) -> Report:
    """Return what stands against uploading these distributions: their names, what they say, and what they hold.

    The order is that of the distributions. What is missing altogether comes first, and last what holds for the
    release as a whole.
    """
    said = [_said(distribution) for distribution in distributions]
    findings: list[Finding] = [*_missing(distributions, expected), *_surplus(distributions, expected)]
    for distribution, metadata in zip(distributions, said, strict=True):
        findings += _name_findings(distribution, expected)
        findings += _archive_findings(distribution, expected)
        findings += _metadata_findings(distribution, metadata, expected)
        findings += _untracked_findings(distribution, expected)
        findings += _secret_findings(distribution, expected)
    findings += _differing(distributions, said, expected)
    findings += _gaps([metadata for metadata in said if metadata])
    skipped = [Skipped("dist-untracked", expected.no_tree)] if expected.tracked is None and expected.no_tree else []
    return Report(tuple(findings), (*skipped, *filter(None, map(_unchecked_hashes, distributions))))


def _listed(sentence: str, lines: Sequence[str]) -> str:
    """Return a message: a sentence, and below it the first of the lines."""
    more = [f"… and {len(lines) - _LINES} more"] if len(lines) > _LINES + 1 else []
    return "\n".join([sentence, *(lines[:_LINES] if more else lines), *more])


# -- names -----------------------------------------------------------------------------------------------------------


def _is_ours(distribution: Distribution, expected: Expected) -> bool:
    """Return whether nothing in the file's name says that it is of another release."""
    named = read_name(distribution.name)
    return named is None or (_same_project(named.project, expected) and named.version == expected.version)


def _same_project(name: str, expected: Expected) -> bool:
    return canonicalize_name(name) == canonicalize_name(expected.project)


def _missing(distributions: Sequence[Distribution], expected: Expected) -> Iterator[Finding]:
    there = {distribution.kind for distribution in distributions if _is_ours(distribution, expected)}
    lacking = [f"no {kind}" for kind in (Kind.WHEEL, Kind.SDIST) if kind not in there]
    if lacking:
        what = f"{expected.folder} has {' and '.join(lacking)} of {expected.project} {expected.version}"
        why = ", and a release has both: one to install, and one to build from"
        yield finding("dist-missing", what + why, "build both: tagready build", expected.folder)


def _surplus(distributions: Sequence[Distribution], expected: Expected) -> Iterator[Finding]:
    """Yield a finding where indexes would get a second sdist, which they refuse."""
    ours = [each.name for each in distributions if each.kind is Kind.SDIST and _is_ours(each, expected)]
    if len(ours) > 1:
        what = f"{expected.folder} has {len(ours)} sdists of {expected.version} ({', '.join(ours)})"
        fix = f"keep {expected.sdist_name}, and remove the other from {expected.folder}"
        yield finding("dist-name", f"{what}, and indexes take one of each release", fix, expected.folder)


def _name_findings(distribution: Distribution, expected: Expected) -> Iterator[Finding]:
    place = expected.place_of(distribution.name)
    for what, fix in _name_faults(distribution, expected):
        yield finding("dist-name", f"{shown(distribution.name)} {what}", fix, place)


def _name_faults(distribution: Distribution, expected: Expected) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the file's name, and the way out."""
    name, remove = distribution.name, f"remove it from {expected.folder}"
    if distribution.kind is Kind.OTHER:
        yield "is neither a wheel nor an sdist, and indexes take nothing else", remove
        return
    if distribution.kind is Kind.SDIST and not name.endswith(".tar.gz"):
        yield "is no .tar.gz, and indexes take no other sdist", f"build {expected.sdist_name} in its place"
        return
    named = read_name(name)
    if named is None:
        wheel = f"{escaped(expected.project)}-{expected.version}-PYTHON-ABI-PLATFORM.whl"
        wanted = expected.sdist_name if distribution.kind is Kind.SDIST else wheel
        yield "is no name for a distribution, and indexes refuse it", f"{_BUILD}; it should be {wanted}"
        return
    if not _same_project(named.project, expected):
        yield f"is of another project than {expected.project}", remove
    if named.version.local:
        yield (
            f"has a local version (+{named.version.local}), which no index takes",
            "build from the tagged commit, with nothing uncommitted: tagready build",
        )
    elif named.version != expected.version:
        yield f"is of version {named.version}, and {expected.version} is released", f"{remove}, and {_BUILD}"
    if name != named.normal:
        yield (
            f"is spelled in a way that indexes refuse; it should be {named.normal}",
            "build it with a current version of the backend",
        )
    for platform in sorted({tag.platform for tag in named.tags if not _PLATFORM.fullmatch(tag.platform)}):
        yield (
            f"is for {platform}, a platform that PyPI takes no wheels for",
            "repair it with auditwheel, or build it with cibuildwheel" if platform.startswith("linux_") else remove,
        )


# -- archives --------------------------------------------------------------------------------------------------------


def _archive_findings(distribution: Distribution, expected: Expected) -> Iterator[Finding]:
    """Yield what is wrong with the archive, whatever is in it."""
    name, place = distribution.name, expected.place_of(distribution.name)
    if distribution.damage:
        what = _listed(f"{name} cannot be read as a whole, so nobody could install it", distribution.damage)
        yield finding("dist-metadata", what, _BUILD, place)
    if distribution.unsafe:
        what = _listed(f"{name} has what installers and indexes refuse", distribution.unsafe)
        yield finding("dist-metadata", what, "keep it out of the archive, and build again", place)
    if distribution.duplicates:
        twice = [shown(path) for path in distribution.duplicates]
        what = _listed(f"{name} has the same path twice, and which one people get depends on the installer", twice)
        yield finding("dist-metadata", what, "see that the build includes each file once, and build again", place)


# -- metadata --------------------------------------------------------------------------------------------------------


def _said(distribution: Distribution) -> _Said | None:
    """Return what a distribution says about itself, or None where it says nothing."""
    if distribution.kind is Kind.OTHER:
        return None
    text = distribution.text(_SPEAKS[distribution.kind])
    return None if text is None else _read_metadata(text)


def _read_metadata(text: bytes) -> _Said:
    from packaging.metadata import parse_email

    try:
        fields, unparsed = parse_email(text)
    except Exception as error:
        # The parser of e-mails was not made for bytes at random.
        return _Said({}, (f"it cannot be read ({type(error).__name__})",))
    said = _Said(fields, ())
    if not said.since("2.4"):
        # setuptools wrote this field before there was a standard for it, and uploaders leave it out.
        fields.pop("license_files", None)
        unparsed.pop("license-file", None)
    unknown = (f"{shown(name)}: unknown, or not to be understood" for name in sorted(unparsed))
    return said._replace(faults=(*unknown, *_invalid(fields, unparsed), *_refused(fields)))


def _invalid(fields: RawMetadata, unparsed: Collection[str]) -> list[str]:
    from packaging.metadata import Metadata

    try:
        Metadata.from_raw(fields)
    except ExceptionGroup as group:
        return sorted(shown(str(error)) for error in group.exceptions if getattr(error, "field", None) not in unparsed)
    except ValueError as error:
        # Older ones raise what a field's own parser does.
        return [shown(str(error))]
    return []


def _refused(fields: RawMetadata) -> Iterator[str]:
    """Yield what is valid, but refused by PyPI (warehouse/forklift/metadata.py)."""
    from packaging.requirements import InvalidRequirement, Requirement

    for text in fields.get("requires_dist", []):
        try:
            if Requirement(text).url:
                yield f"requires-dist: indexes refuse requirements with an address ({shown(text)})"
        except InvalidRequirement:
            pass  # has been said
    if len(fields.get("summary", "")) > 512:
        yield "summary: indexes take 512 characters at most"
    if fields.get("license") and fields.get("license_expression"):
        yield "license: indexes refuse it beside license-expression"
    for label, url in fields.get("project_urls", {}).items():
        if not label or not url or len(label) > 32:
            yield f"project-url: indexes ask for a label of at most 32 characters, and an address ({label!r})"


def _metadata_findings(distribution: Distribution, said: _Said | None, expected: Expected) -> Iterator[Finding]:
    place = expected.place_of(distribution.name)
    for what, fix in _metadata_faults(distribution, said, expected):
        yield finding("dist-metadata", f"{distribution.name} {what}", fix, place)


def _metadata_faults(distribution: Distribution, said: _Said | None, expected: Expected) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with what a distribution says about itself, and the way out."""
    if distribution.kind is Kind.OTHER:
        return
    yield from _lacking_texts(distribution)
    if said:
        speaks = _SPEAKS[distribution.kind]
        yield from _identity_faults(distribution.name, said, speaks, expected)
        if said.faults:
            yield (
                _listed(f"has a {speaks} that indexes refuse", said.faults),
                "mend it in pyproject.toml, commit, and build again",
            )
        licences = _lacking_licences(distribution, said)
        if licences:
            what = _listed(f"lacks licence files that its {speaks} names, and indexes refuse it", licences)
            yield what, "include them: license-files in [project], of a current backend; and build again"
    if distribution.kind is Kind.WHEEL:
        tags = _wheel_faults(distribution)
        if tags:
            yield _listed("has a WHEEL that is not true", tags), _BUILD
        record = list(_record_faults(distribution))
        if record:
            yield (
                _listed("has a RECORD that is not true, as if somebody had changed it after the build", record),
                _BUILD,
            )


def _lacking_texts(distribution: Distribution) -> Iterator[tuple[str, str]]:
    if distribution.kind is Kind.WHEEL:
        folders, wanted = distribution.info_folders, distribution.info_folder
        if len(folders) > 1:
            yield (
                f"has {len(folders)} .dist-info folders ({', '.join(map(shown, folders))}), and installers refuse it",
                _BUILD,
            )
        elif folders and folders[0] != wanted:
            yield f"has {shown(folders[0])}, and indexes look for {wanted}", f"{_BUILD}; renaming a wheel breaks it"
    needed = ("METADATA", "WHEEL", "RECORD") if distribution.kind is Kind.WHEEL else ("PKG-INFO",)
    lacking = [name for name in needed if distribution.text(name) is None]
    # What cannot be read may well hold them.
    if lacking and not distribution.damage:
        yield f"has no {' and no '.join(lacking)}, and indexes refuse it", _BUILD


def _identity_faults(name: str, said: _Said, speaks: str, expected: Expected) -> Iterator[tuple[str, str]]:
    """Yield where the metadata are of another project or version than the file's name (if that is one)."""
    named = read_name(name)
    project, version = said.fields.get("name"), parse(said.fields.get("version", ""))
    if project is not None and canonicalize_name(project) != canonicalize_name(
        named.project if named else expected.project
    ):
        yield f"says in its {speaks} that it is {shown(project)}, and installers believe that", _BUILD
    if version is not None and str(version) != str(named.version if named else expected.version):
        yield f"says in its {speaks} that it is version {version}, and installers believe that", _BUILD


def _lacking_licences(distribution: Distribution, said: _Said) -> list[str]:
    """Return the licence files that are named and not there (PEP 639)."""
    if not said.since("2.4") or distribution.damage:
        return []
    folder = f"{distribution.info_folder}/licenses/" if distribution.kind is Kind.WHEEL else ""
    there = {member.path for member in distribution.members}
    return [shown(path) for path in said.fields.get("license_files", []) if folder + path not in there]


def _wheel_faults(distribution: Distribution) -> list[str]:
    """Return what is wrong with the WHEEL file (PEP 427)."""
    text = distribution.text("WHEEL")
    if text is None:
        return []
    said = message_from_bytes(text)
    faults = []
    version = str(said.get("Wheel-Version", ""))
    if not re.fullmatch(r"1\.\d+", version):
        faults.append(f"Wheel-Version is {version!r}, and installers know 1.0")
    if str(said.get("Root-Is-Purelib", "")).lower() not in ("true", "false"):
        faults.append("Root-Is-Purelib is neither true nor false")
    tags: set[Tag] = set()
    for line in map(str, said.get_all("Tag", [])):
        try:
            tags |= parse_tag(line.strip())
        except ValueError:
            faults.append(f"Tag is {line!a}")
    named = read_name(distribution.name)
    if named and tags != named.tags:
        faults.append(f"its tags are {_joined(tags)}, and those of the file's name {_joined(named.tags)}")
    return faults


def _joined(tags: Iterable[Tag]) -> str:
    return ", ".join(sorted(map(str, tags))) or "none"


class _Recorded(NamedTuple):
    hash: str
    size: str


def _record(distribution: Distribution) -> Mapping[str, _Recorded] | None:
    """Return what RECORD says of each path, or None where it cannot be read (or is not to be, with a damaged wheel)."""
    text = distribution.text("RECORD")
    if text is None or distribution.damage:
        return None
    recorded = {}
    try:
        for row in filter(None, csv.reader(StringIO(text.decode(), newline=""))):
            path, hash_, size, *_ = (*row, "", "")
            # PyPI reads backslashes as slashes, too.
            recorded[path.replace("\\", "/")] = _Recorded(hash_, size)
    except (UnicodeDecodeError, csv.Error):
        return None
    return recorded


def _record_faults(distribution: Distribution) -> Iterator[str]:
    """Yield what RECORD says wrongly.

    It has each file but itself and its signatures, with hash and size: the specification "Recording installed
    projects". Directories may be there.
    """
    recorded = _record(distribution)
    if recorded is None:
        if distribution.text("RECORD") is not None and not distribution.damage:
            yield "it is no CSV in UTF-8"
        return
    members = {member.path: member for member in distribution.members}
    exempt = {f"{folder}/RECORD{end}" for folder in distribution.info_folders for end in ("", ".jws", ".p7s")}
    for path in sorted((members.keys() | recorded.keys()) - exempt):
        if path not in recorded:
            yield f"not recorded: {shown(path)}"
        elif path in members:
            fault = _record_fault(members[path], recorded[path])
            if fault:
                yield f"{fault}: {shown(path)}"
        elif not path.endswith("/"):
            yield f"recorded, but not there: {shown(path)}"


# As PEP 376 and PEP 427 say: sha256 or better.
_BETTER = ("sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s")


def _record_fault(member: Member, recorded: _Recorded) -> str | None:
    algorithm, _, digest = recorded.hash.partition("=")
    if algorithm == "sha256":
        if digest.rstrip("=") != urlsafe_b64encode(bytes.fromhex(member.sha256)).decode().rstrip("="):
            return "recorded with another hash"
    elif algorithm not in _BETTER:
        return f"recorded with a weak hash ({shown(algorithm)})" if algorithm else "recorded without a hash"
    return "recorded with another size" if recorded.size not in ("", str(member.size)) else None


def _unchecked_hashes(distribution: Distribution) -> Skipped | None:
    """Return that a RECORD has hashes which are fine, and not compared here; no backend writes them."""
    lines = (_record(distribution) or {}).values() if distribution.kind is Kind.WHEEL else ()
    others = sorted({line.hash.partition("=")[0] for line in lines} & set(_BETTER))
    if not others:
        return None
    return Skipped("dist-metadata", f"{distribution.name} records {', '.join(others)}, and only sha256 is compared")


# -- the release as a whole ------------------------------------------------------------------------------------------


def _differing(
    distributions: Sequence[Distribution], said: Sequence[_Said | None], expected: Expected
) -> Iterator[Finding]:
    """Yield where a wheel says something else than the sdist that has promised it (PEP 643)."""
    pairs = [(each, metadata) for each, metadata in zip(distributions, said, strict=True) if metadata]
    sdists = [pair for pair in pairs if pair[0].kind is Kind.SDIST and _is_ours(pair[0], expected)]
    for sdist, promised in sdists[:1]:
        for wheel, metadata in pairs:
            if wheel.kind is Kind.WHEEL and _is_ours(wheel, expected):
                broken = _broken_promises(promised, metadata)
                if broken:
                    first = f"{wheel.name} says something else than {sdist.name}, so people get what installers chose"
                    fix = "build the wheel from this sdist: tagready build"
                    yield finding("dist-metadata", _listed(first, broken), fix, expected.place_of(wheel.name))


def _broken_promises(sdist: _Said, wheel: _Said) -> list[str]:
    if not sdist.since("2.2"):
        return []
    dynamic = {field.lower() for field in sdist.fields.get("dynamic", [])}
    lines = []
    if "requires-python" not in dynamic:
        ours, theirs = (_specifier(each.fields.get("requires_python", "")) for each in (sdist, wheel))
        if ours != theirs:
            lines.append(f"Requires-Python: {ours or 'none'} in the sdist, {theirs or 'none'} in the wheel")
    if "requires-dist" not in dynamic:
        needed, wanted = (
            {_requirement(text) for text in each.fields.get("requires_dist", [])} for each in (sdist, wheel)
        )
        lines += [f"Requires-Dist: {text} only in the sdist" for text in sorted(needed - wanted)]
        lines += [f"Requires-Dist: {text} only in the wheel" for text in sorted(wanted - needed)]
    return lines


def _specifier(text: str) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return shown(text)


def _requirement(text: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return shown(text)
    requirement.name = canonicalize_name(requirement.name)
    return str(requirement)


def _gaps(said: Sequence[_Said]) -> Iterator[Finding]:
    """Yield a warning for each thing that people look for, and that none of the distributions says."""
    if not said:
        return

    def stated(field: str) -> list[Any]:
        values = [each.fields.get(field) for each in said]
        return [value for value in values if value and str(value).strip() not in ("", "UNKNOWN")]

    licensed = [text for texts in stated("classifiers") for text in texts if text.startswith("License ::")]
    if not (licensed or stated("license") or stated("license_expression") or stated("license_files")):
        yield _gap("no licence, so nobody may use it", 'license = "…" and license-files in [project]')
    if not stated("description"):
        yield _gap("no readme, so its page on the index is empty", 'readme = "README.md" in [project]')
    if not stated("requires_python"):
        what = "no Requires-Python, so installers choose it where it cannot run"
        yield _gap(what, 'requires-python = ">=…" in [project]')


def _gap(what: str, fix: str) -> Finding:
    return as_warning(finding("dist-metadata", f"the metadata state {what}", fix))


# -- members ---------------------------------------------------------------------------------------------------------

#: What an sdist has whatever the backend: core metadata, what setuptools writes, and what `git archive` fills in.
_ALWAYS_GENERATED = ("PKG-INFO", "setup.cfg", "*.egg-info/*", ".git_archival.txt", "*/.git_archival.txt")

_LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"


def _untracked_findings(distribution: Distribution, expected: Expected) -> Iterator[Finding]:
    """Yield a finding where an sdist has files that are not the commit's, and that no build is known to make."""
    if expected.tracked is None or distribution.kind is not Kind.SDIST or not _is_ours(distribution, expected):
        return
    generated = (*_ALWAYS_GENERATED, *expected.generated)
    blobs = set(expected.tracked.values())
    strange = {
        member.path: difference
        for member in distribution.members
        if not _matches(member.path, generated) and (difference := _difference(member, expected, blobs))
    }
    if strange:
        lines = [f"{difference}: {shown(path)}" for path, difference in sorted(strange.items())]
        count = "a file that is" if len(lines) == 1 else f"{len(lines)} files that are"
        what = _listed(f"{distribution.name} has {count} not as committed, so people get what nobody can review", lines)
        fix = "build from what is committed: tagready build; if the build itself makes it: dist-generated = "
        named = f"[{min(strange)!r}{', …' if len(lines) > 1 else ''}]"
        yield finding("dist-untracked", what, fix + named, expected.place_of(distribution.name))


def _difference(member: Member, expected: Expected, blobs: Collection[str]) -> str | None:
    """Return how a member is not what git tracks, or None where it is.

    Bytes that git tracks under another path are tracked: backends follow links, and copy files. So are files below
    a path that git tracks itself, as a submodule or a link to a folder.
    """
    tracked = expected.tracked or {}
    if member.oid in blobs:
        return None
    oid = tracked.get(member.path)
    if oid is None:
        parts = member.path.split("/")
        below = any("/".join(parts[:count]) in tracked for count in range(1, len(parts)))
        return None if below else "not tracked"
    if member.lf_oid == oid:
        return None if _matches(member.path, expected.crlf) else "other line endings"
    return None if _pointer_oid(member, oid) == oid else "other bytes"


def _pointer_oid(member: Member, like: str) -> str:
    """Return the blob that git tracks in place of the member, if it is kept by git-lfs."""
    pointer = _LFS_POINTER.format(sha256=member.sha256, size=member.size).encode()
    blob = b"blob %d\0" % len(pointer) + pointer
    return hashlib.new("sha1" if len(like) == 40 else "sha256", blob, usedforsecurity=False).hexdigest()


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(path == pattern or fnmatchcase(path, pattern) for pattern in patterns)


def _secret_findings(distribution: Distribution, expected: Expected) -> Iterator[Finding]:
    place = expected.place_of(distribution.name)
    for path, leak in distribution.leaks:
        if not _matches(path, expected.allow_secrets):
            found = finding(
                "secret-in-tree",
                f"{distribution.name} has {leak.what.removesuffix(' in a .pypirc')} in {shown(path)}, line {leak.line},"
                " and whoever downloads it can use it",
                "revoke it where it was made, take it out, commit, and build again; "
                f"if it is no secret: allow-secrets = [{path!r}]",
                place,
            )
            yield as_warning(found) if leak.test_index else found
