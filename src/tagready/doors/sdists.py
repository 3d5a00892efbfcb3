"""Sdists without a trace of the moment, the machine and the person that made them: whether one is so, and making it so.

hatchling, flit-core, poetry-core, uv_build and maturin write such sdists where SOURCE_DATE_EPOCH is set; setuptools and
pdm-backend don't. Only the archive is judged and rewritten: what the members hold is the backend's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tagready.doors.archives import ArchiveError, read_gzip_header, reading

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo

# RFC 1952: what a gzip header says where it names no system, and no time.
_UNKNOWN_SYSTEM, _NO_TIME = 255, 0
# Fixed, because the default is the library's to change.
_COMPRESSION = 9
_PLAIN, _EXECUTABLE = 0o644, 0o755
# PAX records that repeat what every archive says of a member; others are for times, owners and attributes.
_RECORDS = {"path", "linkpath", "size"}


def is_reproducible(path: Path, epoch: int) -> bool:
    """Return whether nothing but its contents could make an sdist differ that is built again, on any machine.

    `epoch` is what SOURCE_DATE_EPOCH was for the build, and lies before its beginning: a later one may be what a clock
    said. Times other than that and 0 are a clock's or a file's. Only headers are judged, so the answer is the same
    for every build with a backend, and two builds within one second don't look alike by luck. The order of members
    isn't judged: one archive doesn't show where its order comes from, and all of these backends sort.

    Raise ArchiveError for what `normalise` refuses.
    """
    import tarfile

    header = read_gzip_header(path)
    said_by_gzip = (
        header.mtime in (_NO_TIME, epoch)
        and header.name in (None, path.name.removesuffix(".gz"))
        and header.system == _UNKNOWN_SYSTEM
    )
    with reading(path), tarfile.open(path, "r:gz", encoding="utf-8") as archive:
        members = [*_checked(archive)]
        return said_by_gzip and all(_is_plain(member, epoch) for member in members)


def normalise(source: Path, target: Path, epoch: int) -> None:
    """Write an sdist again, with the same members and contents, and all else the same for everybody.

    Members are sorted by name and belong to nobody; modes are 0644 and 0755, by the owner's executable bit; every time
    is `epoch`. So the sdist depends on names, contents and executable bits only, and a wheel that is built from it
    without SOURCE_DATE_EPOCH has the same times, too. What comes out is normal: doing it again changes no byte.

    Nothing is held in memory but the headers, and nothing is written if the sdist is refused. Raise ArchiveError for
    what cannot be read whole, and for members that belong in no sdist: devices, names and links that lead out of it
    (https://packaging.python.org/en/latest/specifications/source-distribution-format/), the same name twice, and hard
    links, which say how files lay on somebody's disk.
    """
    import gzip
    import tarfile
    from tempfile import TemporaryFile

    with TemporaryFile() as unpacked:
        with reading(source):
            _unpack(source, unpacked)
            old = tarfile.open(fileobj=unpacked, mode="r:", encoding="utf-8")  # noqa: SIM115
            members = sorted(_checked(old), key=lambda member: member.name)
        with (
            old,
            target.open("wb") as file,
            gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=_NO_TIME) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as new,
        ):
            for member in members:
                new.addfile(_normal(member, epoch), old.extractfile(member) if member.isreg() else None)


def _is_plain(member: TarInfo, epoch: int) -> bool:
    return (
        (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        and member.mode == _mode(member)
        and member.mtime in (0, epoch)
        and member.pax_headers.keys() <= _RECORDS
    )


def _mode(member: TarInfo) -> int:
    # The owner's bit, as git has it. Links have modes in archives only.
    return _PLAIN if member.isreg() and not member.mode & 0o100 else _EXECUTABLE


def _unpack(source: Path, target: BinaryIO) -> None:
    # Sorted members are read in any order, and going back in a compressed file means to begin again.
    import gzip
    from shutil import copyfileobj

    with gzip.open(source) as content:
        copyfileobj(content, target)
    target.seek(0)


def _checked(archive: TarFile) -> Iterator[TarInfo]:
    seen = set()
    for member in archive:
        if not (member.isreg() or member.isdir() or member.issym()):
            raise ArchiveError(f"{member.name} is neither a file nor a folder nor a symbolic link")
        if _leads_out(member):
            raise ArchiveError(f"{member.name} leads out of the sdist")
        place = posixpath.normpath(member.name)
        if place in seen:
            raise ArchiveError(f"{member.name} is in the sdist twice")
        seen.add(place)
        yield member
    if _goes_on(archive):
        raise ArchiveError("the sdist is damaged after its last readable member")


def _goes_on(archive: TarFile) -> bool:
    # tarfile takes a damaged header for the end.
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    return any(chunk.strip(b"\0") for chunk in iter(lambda: archive.fileobj.read(1 << 18), b""))


def _leads_out(member: TarInfo) -> bool:
    if posixpath.isabs(member.name) or ".." in member.name.split("/"):
        return True
    # hatchling, flit-core and pdm-backend keep symbolic links; setuptools and poetry-core follow them.
    meant = posixpath.join(posixpath.dirname(member.name), member.linkname)
    return member.issym() and _top(meant) != _top(member.name)


def _top(name: str) -> str:
    return posixpath.normpath(name).split("/")[0]


def _normal(member: TarInfo, epoch: int) -> TarInfo:
    from tarfile import REGTYPE, TarInfo

    normal = TarInfo(member.name)
    normal.type = REGTYPE if member.isreg() else member.type
    normal.size = member.size if member.isreg() else 0
    normal.linkname = member.linkname if member.issym() else ""
    normal.mode, normal.mtime = _mode(member), epoch
    return normal
