"""The door to distributions: which ones lie in a folder, what each says about itself, and what it holds."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tarfile
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator
from functools import partial
from gzip import GzipFile
from pathlib import Path
from posixpath import dirname, normpath
from typing import IO, TYPE_CHECKING, Self
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from tagready.facts.publishing.distribution import Distribution, Kind, Member, MemberLeak, kind_of, shown

if TYPE_CHECKING:
    from tagready.facts.publishing.leaks import Leak

# What an uploader that is given all of a folder would take, or stumble over. With a version only, for `demo.exe` may
# be a program that lies beside the distributions, and `demo-1.4.0.win32.exe` is an installer of distutils.
_LIKE_A_DISTRIBUTION = re.compile(
    r"[^.].* \. (?: whl | tar\.gz | zip | tgz | tar (?: \.(?:bz2|xz|lzma|zst|z) )? | egg )"
    r" | [^.].* -\d .* \. (?: exe | msi | rpm | deb | dmg )",
    re.IGNORECASE | re.VERBOSE,
)

_CHUNK = 2**20
#: What a .dist-info folder says of its wheel; RECORD has a line for each member, so it may be long.
_SPEAKING, _TEXT_SIZE = ("METADATA", "WHEEL", "RECORD"), 2**26
# What may be unpacked: PyPI's own limit for zip archives (warehouse/forklift/legacy.py), and one for tar archives,
# where PyPI has none, so that no run fills a disk's worth of reading.
_ZIP_SIZE, _ZIP_RATIO = 2**26, 50
_TAR_SIZE, _TAR_RATIO = 2**30, 200
#: No name or attribute of a member is longer, and tarfile reads them into memory.
_TAR_HEADER_SIZE = 2**20

#: A token is at most 8,007 characters, and each may take two bytes.
_OVERLAP = 2**15


def find(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder that are distributions by their names, sorted; raise OSError as listing it does.

    Signatures, attestations, release.json and the like are passed over; so are hidden files. What no index takes any
    more, such as an egg, is returned: it is for the rules to refuse.
    """
    return tuple(
        sorted(path for path in folder.iterdir() if _LIKE_A_DISTRIBUTION.fullmatch(path.name) and path.is_file())
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits; raise OSError as reading it does."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path, object_format: str = "sha1") -> Distribution:
    """Return what a distribution holds and says about itself; raise OSError where the file cannot be read.

    A file that is no archive, or a damaged one, is told as such, with as much of it as can be read. Members are read
    piece by piece. `object_format` is git's: sha1 or sha256.
    """
    kind = kind_of(path.name)
    contents = _Contents(kind, object_format)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        if kind is not Kind.OTHER:
            unpack = _unpack_tar if path.name.lower().endswith(".tar.gz") else _unpack_zip
            try:
                unpack(file, size, contents)
            except Exception as error:
                # zipfile, tarfile and gzip raise a dozen classes, OSError among them, at what is no archive of theirs.
                # That the file itself can be read has just been seen.
                contents.damage.append(_reason(error))
    if kind is Kind.SDIST:
        contents.leave_out_top_folder()
    return Distribution(
        path,
        kind,
        size,
        digest,
        tuple(contents.members),
        contents.texts,
        tuple(contents.damage),
        tuple(contents.unsafe),
        contents.duplicates(),
        tuple(contents.leaks),
    )


class _Contents:
    """What is gathered from an archive while it is unpacked."""

    def __init__(self, kind: Kind, object_format: str) -> None:
        self._kind = kind
        self._object_format = object_format
        self.members: list[Member] = []
        self.texts: dict[str, bytes] = {}
        self.damage: list[str] = []
        self.unsafe: list[str] = []
        self.paths: Counter[str] = Counter()
        self.leaks: list[MemberLeak] = []

    def add(self, path: str, size: int, chunks: Iterator[bytes]) -> None:
        """Take a member in; raise what reading it does, and EOFError where it has less than its size."""
        self.paths[path] += 1
        sha256, blob = hashlib.sha256(), self._blob(size)
        search = _Search(path)
        text: list[bytes] | None = [] if self._speaks(path) and size <= _TEXT_SIZE else None
        lf_oid, length = None, 0
        for chunk in chunks:
            sha256.update(chunk)
            blob.update(chunk)
            search.feed(chunk)
            length += len(chunk)
            if len(chunk) == size and b"\r\n" in chunk:
                lf_oid = self._oid(chunk.replace(b"\r\n", b"\n"))
            if text is not None:
                text.append(chunk)
        if length != size:
            raise EOFError(f"{length} bytes, and {size} were announced")
        self.members.append(Member(path, size, sha256.hexdigest(), blob.hexdigest(), lf_oid))
        self.leaks += (MemberLeak(path, leak) for leak in search.found)
        if text is not None:
            self.texts[path] = b"".join(text)

    def _speaks(self, path: str) -> bool:
        folder, _, name = path.partition("/")
        if self._kind is Kind.SDIST:
            return name == "PKG-INFO"
        return folder.endswith(".dist-info") and name in _SPEAKING

    def _blob(self, size: int) -> hashlib._Hash:
        return hashlib.new(self._object_format, b"blob %d\0" % size, usedforsecurity=False)

    def _oid(self, content: bytes) -> str:
        blob = self._blob(len(content))
        blob.update(content)
        return blob.hexdigest()

    def link(self, path: str, target: str) -> None:
        """Take a symbolic link in, as git does: its target is its content."""
        content = target.encode("utf-8", "surrogateescape")
        self.add(path, len(content), iter([content]))
        if not _leads_inside(path, target):
            self.unsafe.append(f"{shown(path)} is a link to {shown(target)}, outside of the archive")

    def copy(self, path: str, target: str) -> None:
        """Take a hard link in: the same bytes as an earlier member, under another path."""
        self.paths[path] += 1
        found = [member for member in self.members if member.path == target]
        if not found:
            self.unsafe.append(f"{shown(path)} is a link to {shown(target)}, which is not in the archive")
        self.members += (member._replace(path=path) for member in found[-1:])

    def duplicates(self) -> tuple[str, ...]:
        """Return the paths of more than one member; in an sdist, only if it matters which one is unpacked last."""
        twice = {path for path, count in self.paths.items() if count > 1}
        if self._kind is Kind.SDIST:
            versions = Counter(path for path, _ in {(member.path, member.oid) for member in self.members})
            twice &= {path for path, count in versions.items() if count > 1}
        return tuple(sorted(twice))

    def leave_out_top_folder(self) -> None:
        """Make all paths relative to the one top folder; where there is none, that is damage (PEP 625)."""
        tops = sorted({path.partition("/")[0] for path in self.paths})
        if len(tops) != 1 or not all("/" in path for path in self.paths):
            if not self.damage:
                some = ", ".join(map(shown, tops[:3])) + (" …" if len(tops) > 3 else "")
                self.damage.append(f"there is no single top folder ({some})" if tops else "it is empty")
            return
        past = len(tops[0]) + 1
        self.members = [member._replace(path=member.path[past:]) for member in self.members]
        self.texts = {path[past:]: text for path, text in self.texts.items()}
        self.leaks = [found._replace(path=found.path[past:]) for found in self.leaks]
        self.paths = Counter({path[past:]: count for path, count in self.paths.items()})


def _plain(path: str) -> str:
    """Return a member's path without what changes nothing: `./demo//a.py` → `demo/a.py`."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _leads_out(path: str) -> bool:
    return path.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", path) or bool(re.match("[A-Za-z]:", path))


def _leads_inside(path: str, target: str) -> bool:
    """Return whether a symbolic link stays in the folder that the archive unpacks to (PEP 721)."""
    if target.startswith("/"):
        return False
    return normpath(f"{dirname(path)}/{target}").partition("/")[0] == path.partition("/")[0]


def _reason(error: Exception) -> str:
    return shown(str(error).partition("\n")[0]) or type(error).__name__


# -- zip -------------------------------------------------------------------------------------------------------------


def _unpack_zip(file: IO[bytes], size: int, contents: _Contents) -> None:
    """Take in every file of a zip archive; raise whatever zipfile does at one that cannot be opened at all."""
    with ZipFile(file) as archive:
        entries = archive.infolist()
        whole = sum(entry.file_size for entry in entries)
        if whole > max(_ZIP_SIZE, _ZIP_RATIO * size):
            contents.damage.append(f"it unpacks to {whole:,} bytes, more than {_ZIP_RATIO} times its size")
            return
        contents.unsafe += _foreign_bytes(archive)
        for entry in entries:
            contents.unsafe += _faults(entry)
            if not entry.is_dir():
                _unpack_entry(archive, entry, contents)


def _unpack_entry(archive: ZipFile, entry: ZipInfo, contents: _Contents) -> None:
    if entry.flag_bits & 0x1:
        contents.damage.append(f"{shown(entry.filename)}: it is encrypted")
        return
    try:
        with archive.open(entry) as stream:
            contents.add(_plain(entry.filename), entry.file_size, iter(partial(stream.read, _CHUNK), b""))
    except Exception as error:  # as many classes as for the archive; one bad member says nothing of the next
        contents.damage.append(f"{shown(entry.filename)}: {_reason(error)}")


def _foreign_bytes(archive: ZipFile) -> Iterator[str]:
    """Yield what else is in the file: there, an archive that other programs see can be hidden.

    PyPI refuses such wheels (warehouse, docs/user/archives.md).
    """
    first = min((entry.header_offset for entry in archive.infolist()), default=0)
    if first:
        yield f"the archive begins only after {first:,} bytes of something else"
    if archive.comment:
        yield "the archive has a comment"


def _faults(entry: ZipInfo) -> Iterator[str]:
    """Yield why a member should not be unpacked, or would be refused by PyPI (warehouse/utils/zipfiles.py)."""
    # What follows a NUL is cut off from the other one.
    name = entry.orig_filename
    if _leads_out(name):
        yield f"{shown(name)} lies outside of the archive"
    elif "\\" in name or re.search(r"[\x00-\x1f\x7f]", name):
        yield f"{name!a} has characters that no path of an archive may have"
    if stat.S_ISLNK(entry.external_attr >> 16):
        yield f"{shown(name)} is a symbolic link"
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        yield f"{shown(name)} is compressed in another way than deflate"
    if entry.comment or entry.flag_bits & 0x8:
        yield f"{shown(name)} has a comment, or a data descriptor"


# -- tar -------------------------------------------------------------------------------------------------------------


def _unpack_tar(file: IO[bytes], size: int, contents: _Contents) -> None:
    """Take in every file of a compressed tar archive; raise whatever gzip and tarfile do where it cannot be read on."""
    with _Limited(fileobj=file) as unpacked:
        unpacked.limit = max(_TAR_SIZE, _TAR_RATIO * size)
        with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_Header, encoding="utf-8") as archive:
            for entry in archive:
                _unpack_member(archive, entry, contents)
            # gzip compares its checksum at the end of the file, and tarfile stops before that.
            while archive.fileobj.read(_CHUNK):
                pass


def _unpack_member(archive: tarfile.TarFile, entry: tarfile.TarInfo, contents: _Contents) -> None:
    path = _plain(entry.name)
    if _leads_out(entry.name):
        contents.unsafe.append(f"{shown(entry.name)} lies outside of the archive")
    if entry.issym():
        contents.link(path, entry.linkname)
    elif entry.islnk():
        contents.copy(path, _plain(entry.linkname))
    elif entry.issparse():
        contents.unsafe.append(f"{shown(entry.name)} is a sparse file")
    elif entry.isreg():
        stream = archive.extractfile(entry)
        assert stream is not None
        contents.add(path, entry.size, iter(partial(stream.read, _CHUNK), b""))
    elif not entry.isdir():
        contents.unsafe.append(f"{shown(entry.name)} is no file, folder or link, but a device or the like")


class _Header(tarfile.TarInfo):
    """A header of a tar archive that is not overlooked if it is damaged.

    tarfile takes a damaged one for the end of the archive, as if all members had been seen.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf and not any(buf):
                raise
            raise tarfile.ReadError(f"not a tar archive, or cut off: {error}") from None
        if not header.isreg() and header.size > _TAR_HEADER_SIZE:
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header


class _Limited(GzipFile):
    """A compressed file that ends with an error where it unpacks to more than it may."""

    limit = _TAR_SIZE

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if self.tell() > self.limit:
            raise tarfile.ReadError(f"it unpacks to more than {self.limit:,} bytes")
        return data


# -- secrets ---------------------------------------------------------------------------------------------------------


class _Search:
    """Looks for secrets in a file that comes in pieces; each is searched along with the end of the one before."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._may_hold_password = path.lower().endswith("pypirc")
        self._tail = b""
        self._lines = 0
        self._mark: bytes | None = None
        #: In order, each once: what ends one piece begins the next.
        self.found: dict[Leak, None] = {}

    def feed(self, chunk: bytes) -> None:
        """Search the next piece."""
        text = self._tail + chunk
        if self._may_hold_one(text):
            from tagready.facts.publishing.leaks import find_leaks

            for leak in find_leaks(self._path, (self._mark or b"") + text):
                self.found[leak._replace(line=leak.line + self._lines)] = None
        if self._mark is None:
            # A later piece begins with the file's own byte order mark, or with a byte that hides what looks like one.
            self._mark = text[:2] if text.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else b" "
        self._tail = text[-_OVERLAP:]
        self._lines += text.count(b"\n", 0, len(text) - len(self._tail))

    def _may_hold_one(self, text: bytes) -> bool:
        """Return whether it is worth to look closer, as secret_scan does."""
        return self._may_hold_password or b"pypi-" in text or b"y\0p\0i\0-" in text
