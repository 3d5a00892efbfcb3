"""Sdists and wheels as archives: in what two of them differ, member by member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gzip import GzipFile
    from tarfile import TarFile, TarInfo
    from zipfile import ZipInfo


class ArchiveError(ValueError):
    """A distribution that cannot be read, or that holds what no distribution should; says why."""


class GzipHeader(NamedTuple):
    """What a gzip file says before its content; `name` and `mtime` are those of the file that was packed."""

    mtime: int
    name: str | None
    level: int
    system: int


class _Member(NamedTuple):
    """One member: what its header says, in words, the digest of its content, and its packed size where it has one."""

    header: Mapping[str, object]
    content: bytes
    packed: int | None = None


class _Archive(NamedTuple):
    framing: Mapping[str, Mapping[str, object]]
    members: Mapping[str, _Member]


# RFC 1952, section 2.3.1: flags for an extra field and for a file name, which follow the header in this order.
_EXTRA, _NAME = 0x04, 0x08
# PAX records for what a TarInfo has an attribute for.
_KNOWN_RECORDS = {"path", "linkpath", "size", "mtime", "uid", "gid", "uname", "gname"}


def compare(one: Path, other: Path) -> list[str]:
    """Return in what two distributions of the same name differ, a sentence each; none if they are equal byte for byte.

    Nothing is held in memory but the names and headers.
    """
    if _digest_of(one) == _digest_of(other):
        return []
    try:
        return list(_differences(_read(one), _read(other))) or [_what_is_left(one, other)]
    except ArchiveError as error:
        return [str(error)]


def read_gzip_header(path: Path) -> GzipHeader:
    """Return the header of a gzip file, as RFC 1952 lays it out. Raise ArchiveError where there is none."""
    import struct

    with reading(path), path.open("rb") as file:
        magic, flags, mtime, level, system = struct.unpack("<3sBIBB", file.read(10))
        if magic != b"\x1f\x8b\x08":
            raise ArchiveError(f"{path.name} is no gzip file")
        if flags & _EXTRA:
            file.read(*struct.unpack("<H", file.read(2)))
        name = b"".join(iter(lambda: file.read(1).rstrip(b"\0"), b"")).decode("latin-1") if flags & _NAME else None
        return GzipHeader(mtime, name, level, system)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise what the standard library raises for a damaged archive as ArchiveError."""
    import struct
    import tarfile
    import zipfile
    import zlib
    from gzip import BadGzipFile

    # zipfile says RuntimeError of what is encrypted, or compressed as it can't undo.
    damage = (tarfile.TarError, zipfile.BadZipFile, RuntimeError, BadGzipFile, zlib.error, struct.error, EOFError)
    try:
        yield
    except damage as error:
        raise ArchiveError(f"{path.name} cannot be read: {error}") from error


def _digest(content: IO[bytes] | GzipFile) -> bytes:
    digest = sha256()
    for chunk in iter(lambda: content.read(1 << 18), b""):
        digest.update(chunk)
    return digest.digest()


def _digest_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return _digest(file)


def _read(path: Path) -> _Archive:
    with reading(path):
        return _read_zip(path) if path.suffix in {".whl", ".zip"} else _read_tar(path)


def _read_tar(path: Path) -> _Archive:
    import tarfile

    header = read_gzip_header(path)
    with tarfile.open(path, "r:gz", encoding="utf-8") as archive:
        members = {member.name: _tar_member(archive, member) for member in archive}
    return _Archive({"gzip header": header._asdict()}, members)


def _tar_member(archive: TarFile, member: TarInfo) -> _Member:
    header = {
        "type": member.type.decode("latin-1"), "mode": f"{member.mode:04o}", "mtime": member.mtime,
        "uid": member.uid, "gid": member.gid, "user": member.uname, "group": member.gname, "target": member.linkname,
    }  # fmt: skip
    header |= {f"record {key}": value for key, value in member.pax_headers.items() if key not in _KNOWN_RECORDS}
    content = archive.extractfile(member) if member.isreg() else None
    return _Member(header, _digest(content) if content else b"")


def _read_zip(path: Path) -> _Archive:
    from zipfile import ZipFile

    with ZipFile(path) as archive:
        members = {}
        for member in archive.infolist():
            with archive.open(member) as content:
                members[member.filename] = _zip_member(member, content)
        return _Archive({"zip": {"comment": archive.comment}}, members)


def _zip_member(member: ZipInfo, content: IO[bytes]) -> _Member:
    year, month, day, hour, minute, second = member.date_time
    header = {
        "date": f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}",
        "mode": f"{member.external_attr >> 16:o}", "attributes": member.external_attr & 0xFFFF,
        "internal attributes": member.internal_attr, "compression": member.compress_type, "flags": member.flag_bits,
        "system": member.create_system, "version": member.create_version, "needed version": member.extract_version,
        "extra": member.extra.hex(), "comment": member.comment,
    }  # fmt: skip
    return _Member(header, _digest(content), member.compress_size)


def _differences(one: _Archive, other: _Archive) -> Iterator[str]:
    for part in one.framing:
        if said := _between(one.framing[part], other.framing.get(part, {})):
            yield f"{part}: {said}"
    yield from (f"only in the first: {name}" for name in one.members if name not in other.members)
    yield from (f"only in the second: {name}" for name in other.members if name not in one.members)
    common = [name for name in one.members if name in other.members]
    if common != [name for name in other.members if name in one.members]:
        yield "order of the members"
    for name in common:
        yield from _between_members(name, one.members[name], other.members[name])


def _between_members(name: str, one: _Member, other: _Member) -> Iterator[str]:
    if said := _between(one.header, other.header):
        yield f"header of member {name}: {said}"
    if one.content != other.content:
        yield f"member {name} differs"
    elif one.packed != other.packed:
        yield f"compression of member {name}: {one.packed} bytes against {other.packed}"


def _between(one: Mapping[str, object], other: Mapping[str, object]) -> str:
    keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
    return ", ".join(f"{key} {_shown(one.get(key))} against {_shown(other.get(key))}" for key in keys)


def _shown(value: object) -> object:
    return "none" if value is None or value in ("", b"") else value


def _what_is_left(one: Path, other: Path) -> str:
    """Return the difference between archives whose members are equal in all that is compared."""
    if one.name.endswith(".gz") and _unpacked_digest(one) == _unpacked_digest(other):
        return "compression"
    return "the archive's own framing"


def _unpacked_digest(path: Path) -> bytes:
    import gzip

    with reading(path), gzip.open(path) as content:
        return _digest(content)
