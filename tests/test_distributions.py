"""What is read out of distributions, good ones and damaged ones; nothing that lies in a file makes reading it fail."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import tracemalloc
import warnings
import zipfile
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagready.doors import distributions
from tagready.doors.distributions import find, read, sha256_of
from tagready.facts.publishing.distribution import Distribution, Kind, Member, MemberLeak, kind_of, shown
from tagready.facts.publishing.leaks import Leak
from test_tokens import TEST_PYPI, made

TOKEN, TEST_TOKEN = made([1, ["demo"]]), made(location=TEST_PYPI)

WHEEL_NAME, SDIST_NAME = "demo-1.4.0-py3-none-any.whl", "demo-1.4.0.tar.gz"
INFO = "demo-1.4.0.dist-info"
METADATA = b"""Metadata-Version: 2.4
Name: demo
Version: 1.4.0
License-Expression: MIT
License-File: LICENSE
Requires-Python: >=3.11

What it does.
"""
WHEEL = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
LICENSE = b"MIT\n"

WHEEL_FILES: Mapping[str, bytes] = {
    "demo/__init__.py": b"",
    f"{INFO}/METADATA": METADATA,
    f"{INFO}/WHEEL": WHEEL,
    f"{INFO}/licenses/LICENSE": LICENSE,
}
SDIST_FILES: Mapping[str, bytes] = {
    "PKG-INFO": METADATA,
    "LICENSE": LICENSE,
    "pyproject.toml": b"[project]\n",
    "src/demo/__init__.py": b"",
}


def record(files: Mapping[str, bytes], folder: str = INFO) -> bytes:
    """Return the RECORD of a wheel."""
    lines = (f"{path},sha256={_b64(content)},{len(content)}\n" for path, content in files.items())
    return f"{''.join(lines)}{folder}/RECORD,,\n".encode()


def _b64(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def write_wheel(path: Path, files: Mapping[str, bytes] = WHEEL_FILES) -> Path:
    """Write a wheel with a true RECORD."""
    return write_zip(path, {**files, f"{INFO}/RECORD": record(files)}.items())


def write_zip(path: Path, members: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    """Write a zip archive; members may have the same name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, content in members:
            archive.writestr(name, content)
    return path


def write_sdist(path: Path, files: Mapping[str, bytes] = SDIST_FILES, top: str = "demo-1.4.0/") -> Path:
    """Write an sdist."""
    return write_tar(path, [file(f"{top}{name}", content) for name, content in files.items()])


def write_tar(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """Write a compressed tar archive."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def file(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of a tar archive."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, target
    return info, content


def member(path: str, content: bytes = b"", lf: bytes | None = None) -> Member:
    """Return what is read of a file."""
    return Member(
        path, len(content), hashlib.sha256(content).hexdigest(), oid(content), None if lf is None else oid(lf)
    )


def oid(content: bytes, object_format: str = "sha1") -> str:
    """Return the name of a git blob."""
    return hashlib.new(object_format, b"blob %d\0" % len(content) + content).hexdigest()


# -- finding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("demo-1.4.0-py3-none-any.whl", Kind.WHEEL),
        ("demo-1.4.0-py3-none-any.WHL", Kind.WHEEL),
        ("demo-1.4.0.tar.gz", Kind.SDIST),
        ("Demo.Pkg-1.4.0.tar.gz", Kind.SDIST),
        ("demo-1.4.0.zip", Kind.SDIST),
        ("docs.zip", Kind.SDIST),
        ("demo-1.4.0.tar.bz2", Kind.OTHER),
        ("demo-1.4.0.tar.Z", Kind.OTHER),
        ("demo-1.4.0.tar", Kind.OTHER),
        ("demo-1.4.0.tgz", Kind.OTHER),
        ("demo-1.4.0-py3.11.egg", Kind.OTHER),
        ("demo-1.4.0.win-amd64-py3.8.exe", Kind.OTHER),
        ("demo-1.4.0-1.noarch.rpm", Kind.OTHER),
        ("demo.exe", None),
        ("demo", None),
        ("release.json", None),
        ("SHA256SUMS", None),
        ("demo-1.4.0.tar.gz.asc", None),
        ("demo-1.4.0.tar.gz.publish.attestation", None),
        ("demo-1.4.0-py3-none-any.whl.metadata", None),
        ("demo-1.4.0.tar.gz.sigstore.json", None),
        (".gitignore", None),
        ("._demo-1.4.0.tar.gz", None),
        (".tar.gz", None),
    ],
)
def test_which_files_are_distributions(tmp_path: Path, name: str, kind: Kind | None) -> None:
    (tmp_path / name).touch()
    assert find(tmp_path) == (() if kind is None else (tmp_path / name,))
    if kind is not None:
        assert kind_of(name) is kind


def test_the_distributions_of_a_folder_are_sorted(tmp_path: Path) -> None:
    names = ["b-1.0.tar.gz", "a-1.0-py3-none-any.whl", "a-1.0-py2-none-any.whl"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "c-1.0.zip").mkdir()
    assert [path.name for path in find(tmp_path)] == sorted(names)


def test_what_is_not_there_is_for_the_caller(tmp_path: Path) -> None:
    for look in (find, read, sha256_of):
        with pytest.raises(FileNotFoundError):
            look(tmp_path / SDIST_NAME)


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 1_000_000)
    assert sha256_of(path) == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


# -- good ones -------------------------------------------------------------------------------------------------------


def test_a_wheel(tmp_path: Path) -> None:
    path = write_wheel(tmp_path / WHEEL_NAME)
    found = read(path)
    members = {**WHEEL_FILES, f"{INFO}/RECORD": record(WHEEL_FILES)}
    assert found == Distribution(
        path,
        Kind.WHEEL,
        path.stat().st_size,
        sha256_of(path),
        tuple(member(name, content) for name, content in members.items()),
        {f"{INFO}/{name}": members[f"{INFO}/{name}"] for name in ("METADATA", "WHEEL", "RECORD")},
    )
    assert found.text("METADATA") == METADATA
    assert found.text("PKG-INFO") is None
    assert (found.info_folder, found.info_folders) == (INFO, (INFO,))


def test_an_sdist(tmp_path: Path) -> None:
    path = write_sdist(tmp_path / SDIST_NAME)
    assert read(path) == Distribution(
        path,
        Kind.SDIST,
        path.stat().st_size,
        sha256_of(path),
        tuple(member(name, content) for name, content in SDIST_FILES.items()),
        {"PKG-INFO": METADATA},
    )


def test_an_sdist_of_old_times(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "demo-1.4.0.zip", ((f"demo-1.4.0/{name}", each) for name, each in SDIST_FILES.items()))
    found = read(path)
    assert [each.path for each in found.members] == list(SDIST_FILES)
    assert (found.kind, found.text("PKG-INFO"), found.damage) == (Kind.SDIST, METADATA, ())


def test_what_no_index_takes_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.4.0-py3.11.egg"
    path.write_bytes(b"no")
    assert read(path) == Distribution(path, Kind.OTHER, 2, hashlib.sha256(b"no").hexdigest())


def test_folders_and_dots_are_left_out(tmp_path: Path) -> None:
    members = [file("./demo-1.4.0", kind=tarfile.DIRTYPE), file("./demo-1.4.0/a//b.py"), file("demo-1.4.0/./c.py")]
    found = read(write_tar(tmp_path / SDIST_NAME, members))
    assert (found.members, found.damage, found.unsafe) == ((member("a/b.py"), member("c.py")), (), ())
    found = read(write_zip(tmp_path / WHEEL_NAME, [("demo/", b""), ("./demo//a.py", b""), ("demo/", b"")]))
    assert (found.members, found.damage, found.unsafe, found.duplicates) == ((member("demo/a.py"),), (), (), ())


@pytest.mark.parametrize(
    ("object_format", "empty"),
    [
        ("sha1", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        ("sha256", "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"),
    ],
)
def test_members_have_the_names_that_git_gives_them(tmp_path: Path, object_format: str, empty: str) -> None:
    path = write_sdist(tmp_path / SDIST_NAME, {"a": b"", "b": b"text\n", "c": b"one\r\ntwo\n"})
    assert [(each.oid, each.lf_oid) for each in read(path, object_format).members] == [
        (empty, None),
        (oid(b"text\n", object_format), None),
        (oid(b"one\r\ntwo\n", object_format), oid(b"one\ntwo\n", object_format)),
    ]


def test_links_are_read_as_git_has_them(tmp_path: Path) -> None:
    members = [
        file("demo-1.4.0/src/a.py", b"a\n"),
        file("demo-1.4.0/b.py", kind=tarfile.SYMTYPE, target="src/a.py"),
        file("demo-1.4.0/src/c.py", kind=tarfile.SYMTYPE, target="../src/./a.py"),
        file("demo-1.4.0/d.py", kind=tarfile.LNKTYPE, target="demo-1.4.0/src/a.py"),
    ]
    found = read(write_tar(tmp_path / SDIST_NAME, members))
    assert found.members == (
        member("src/a.py", b"a\n"),
        member("b.py", b"src/a.py"),
        member("src/c.py", b"../src/./a.py"),
        member("d.py", b"a\n"),
    )
    assert found.unsafe == ()


def test_names_that_are_no_utf8_are_read(tmp_path: Path) -> None:
    (found,) = read(write_sdist(tmp_path / SDIST_NAME, {"b\udcff": b""})).members
    assert found.path == "b\udcff"
    assert shown(found.path) == r"'b\udcff'"


def test_a_wheel_with_a_misnamed_folder_is_read(tmp_path: Path) -> None:
    path = write_wheel(tmp_path / "demo-1.5.0-py3-none-any.whl")
    found = read(path)
    assert (found.info_folder, found.info_folders) == ("demo-1.5.0.dist-info", (INFO,))
    assert found.text("METADATA") == METADATA


def test_a_wheel_with_two_folders_is_read_by_its_name(tmp_path: Path) -> None:
    path = write_wheel(tmp_path / WHEEL_NAME, {**WHEEL_FILES, "other-1.0.dist-info/METADATA": b"Name: other\n"})
    found = read(path)
    assert found.info_folders == (INFO, "other-1.0.dist-info")
    assert found.text("METADATA") == METADATA


# -- damage ----------------------------------------------------------------------------------------------------------


def _stored(path: Path) -> bytearray:
    """Return an archive with a member that is not compressed, so its bytes can be found."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("demo/a.py", b"good bytes")
        archive.writestr("demo/b.py", b"b\n")
    return bytearray(path.read_bytes())


def _bad_crc(path: Path) -> None:
    content = _stored(path)
    path.write_bytes(content.replace(b"good bytes", b"evil bytes"))


def _encrypted(path: Path) -> None:
    content = _stored(path)
    # The flags of the first member, in its own header and in the list at the end (APPNOTE.TXT, 4.4.4).
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)


def _shorter_than_said(path: Path) -> None:
    content = _stored(path)
    at = content.index(b"PK\1\2")
    content[at + 20 : at + 28] = struct.pack("<LL", 10, 11)
    content[22:26] = struct.pack("<L", 11)
    path.write_bytes(content)


def _other_name_inside(path: Path) -> None:
    content = _stored(path)
    content[30:31] = b"x"
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "damage"),
    [
        pytest.param(lambda path: path.write_bytes(b""), ["File is not a zip file"], id="empty"),
        pytest.param(lambda path: path.write_bytes(b"no\n" * 99), ["File is not a zip file"], id="no archive"),
        pytest.param(
            lambda path: path.write_bytes(write_wheel(path).read_bytes()[:-30]), ["File is not a zip file"], id="cut"
        ),
        pytest.param(_bad_crc, ["demo/a.py: Bad CRC-32 for file 'demo/a.py'"], id="checksum"),
        pytest.param(
            _encrypted,
            ["demo/a.py: it is encrypted"],
            id="encrypted",
        ),
        pytest.param(_shorter_than_said, ["demo/a.py: 10 bytes, and 11 were announced"], id="shorter than said"),
        pytest.param(
            _other_name_inside,
            ["demo/a.py: File name in directory 'demo/a.py' and header b'xemo/a.py' differ."],
            id="two names",
        ),
    ],
)
def test_damaged_wheels(tmp_path: Path, spoil: Callable[[Path], object], damage: list[str]) -> None:
    path = tmp_path / WHEEL_NAME
    spoil(path)
    found = read(path)
    assert list(found.damage) == damage
    # What comes after a bad member is read all the same.
    assert [each.path for each in found.members] in ([], ["demo/b.py"])


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


TWO = _tar(file("demo-1.4.0/PKG-INFO", METADATA), file("demo-1.4.0/b", b"b" * 600))
SECOND = TWO.index(b"demo-1.4.0/b")


def _spoilt(content: bytes, at: int, by: bytes) -> bytes:
    return content[:at] + by + content[at + len(by) :]


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        pytest.param(b"", ["not a tar archive, or cut off: empty header"], id="empty"),
        pytest.param(b"no", ["Not a gzipped file (b'no')"], id="no archive"),
        pytest.param(gzip.compress(b"no"), ["not a tar archive, or cut off: truncated header"], id="no tar"),
        pytest.param(gzip.compress(b"no" * 512), ["not a tar archive, or cut off: invalid header"], id="no long tar"),
        pytest.param(gzip.compress(_tar()), ["it is empty"], id="no members"),
        pytest.param(
            gzip.compress(TWO)[:-20],
            ["Compressed file ended before the end-of-stream marker was reached"],
            id="cut",
        ),
        pytest.param(
            gzip.compress(TWO)[:-8] + struct.pack("<LL", 1, len(TWO)),
            [f"CRC check failed 0x1 != {zlib.crc32(TWO):#x}"],
            id="checksum",
        ),
        pytest.param(
            gzip.compress(TWO)[:-4] + struct.pack("<L", 1), ["Incorrect length of data produced"], id="length"
        ),
        pytest.param(gzip.compress(TWO) + b"more", ["Not a gzipped file (b'mo')"], id="more behind it"),
        pytest.param(gzip.compress(TWO[: SECOND + 700]), ["unexpected end of data"], id="cut inside a file"),
        pytest.param(
            gzip.compress(TWO[:SECOND]), ["not a tar archive, or cut off: empty header"], id="cut between two files"
        ),
        pytest.param(
            gzip.compress(_spoilt(TWO, SECOND, b"D")),
            ["not a tar archive, or cut off: bad checksum"],
            id="header that tarfile overlooks",
        ),
        pytest.param(
            gzip.compress(_tar(file("a"), file("b/c"))), ["there is no single top folder (a, b)"], id="two at the top"
        ),
        pytest.param(gzip.compress(_tar(file("a"))), ["there is no single top folder (a)"], id="a file at the top"),
        pytest.param(
            gzip.compress(_tar(*(file(f"{name}/a") for name in "abcd"))),
            ["there is no single top folder (a, b, c …)"],
            id="many at the top",
        ),
    ],
)
def test_damaged_sdists(tmp_path: Path, content: bytes, damage: list[str]) -> None:
    path = tmp_path / SDIST_NAME
    path.write_bytes(content)
    found = read(path)
    assert list(found.damage) == damage
    assert found.sha256 == hashlib.sha256(content).hexdigest()


def test_what_comes_before_the_damage_is_read(tmp_path: Path) -> None:
    path = tmp_path / SDIST_NAME
    path.write_bytes(gzip.compress(TWO[:SECOND]))
    assert read(path).members == (member("PKG-INFO", METADATA),)


def test_a_header_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 2**33
    path = tmp_path / SDIST_NAME
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024))
    assert read(path).damage == ("a header of 8,589,934,592 bytes",)


def test_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributions, "_ZIP_SIZE", 1000)
    monkeypatch.setattr(distributions, "_TAR_SIZE", 1000)
    wheel = read(write_zip(tmp_path / WHEEL_NAME, [("a", b"\0" * 3_000_000)]))
    assert wheel.damage == ("it unpacks to 3,000,000 bytes, more than 50 times its size",)
    sdist = write_sdist(tmp_path / SDIST_NAME, {"a": b"\0" * 3_000_000})
    assert read(sdist).damage == (f"it unpacks to more than {200 * sdist.stat().st_size:,} bytes",)
    assert wheel.members == read(sdist).members == ()


# -- what nobody should unpack ---------------------------------------------------------------------------------------


def _named(name: str, **attributes: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    # The constructor makes names safe.
    info.filename = name
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    ("info", "unsafe"),
    [
        pytest.param(_named("../a"), "../a lies outside of the archive", id="above"),
        pytest.param(_named("demo/../../a"), "demo/../../a lies outside of the archive", id="above, later"),
        pytest.param(_named("/etc/passwd"), "/etc/passwd lies outside of the archive", id="absolute"),
        pytest.param(_named("C:/a"), "C:/a lies outside of the archive", id="drive"),
        pytest.param(_named("..\\a"), "..\\a lies outside of the archive", id="above, on Windows"),
        pytest.param(
            _named("demo\\a"), r"'demo\\a' has characters that no path of an archive may have", id="backslash"
        ),
        pytest.param(
            _named("demo/a\nb"), r"'demo/a\nb' has characters that no path of an archive may have", id="newline"
        ),
        pytest.param(_named("demo/a", external_attr=0o120777 << 16), "demo/a is a symbolic link", id="link"),
        pytest.param(
            _named("demo/a", compress_type=zipfile.ZIP_BZIP2),
            "demo/a is compressed in another way than deflate",
            id="compression",
        ),
        pytest.param(_named("demo/a", comment=b"hi"), "demo/a has a comment, or a data descriptor", id="comment"),
    ],
)
def test_members_of_a_wheel_that_nobody_should_unpack(tmp_path: Path, info: zipfile.ZipInfo, unsafe: str) -> None:
    found = read(write_zip(tmp_path / WHEEL_NAME, [(info, b"text")]))
    assert (found.unsafe, found.damage) == ((unsafe,), ())


@pytest.mark.parametrize("name", ["demo/a..b", "demo/..a", "demo/a:b", "demo/übung.py", "demo/a b"])
def test_odd_names_that_are_fine(tmp_path: Path, name: str) -> None:
    assert read(write_zip(tmp_path / WHEEL_NAME, [(name, b"")])).unsafe == ()
    assert read(write_tar(tmp_path / SDIST_NAME, [file(name)])).unsafe == ()


def test_other_bytes_around_a_wheel(tmp_path: Path) -> None:
    path = write_wheel(tmp_path / WHEEL_NAME)
    content = path.read_bytes()
    path.write_bytes(b"#!/bin/sh\n" + content)
    assert read(path).unsafe == ("the archive begins only after 10 bytes of something else",)
    path.write_bytes(content[:-2] + b"\4\0more")
    assert read(path).unsafe == ("the archive has a comment",)


class _Pipe(io.RawIOBase):
    """What can only be written, so zipfile adds descriptors."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        return self._file.write(content)  # type: ignore[arg-type]

    def close(self) -> None:
        self._file.close()


def test_a_wheel_that_was_written_to_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / WHEEL_NAME
    with _Pipe(path) as pipe, zipfile.ZipFile(pipe, "w") as archive:
        archive.writestr("demo/a", b"text")
    assert read(path).unsafe == ("demo/a has a comment, or a data descriptor",)


@pytest.mark.parametrize(
    ("bad", "unsafe"),
    [
        pytest.param(file("d/../../a"), "d/../../a lies outside of the archive", id="above"),
        pytest.param(file("/d/a"), "/d/a lies outside of the archive", id="absolute"),
        pytest.param(
            file("d/a", kind=tarfile.SYMTYPE, target="../../etc"), "d/a is a link to ../../etc, outside of the archive",
            id="link above",
        ),
        pytest.param(
            file("d/a", kind=tarfile.SYMTYPE, target="../other"), "d/a is a link to ../other, outside of the archive",
            id="link beside the top folder",
        ),
        pytest.param(
            file("d/a", kind=tarfile.SYMTYPE, target="/etc"), "d/a is a link to /etc, outside of the archive",
            id="absolute link",
        ),
        pytest.param(
            file("d/a", kind=tarfile.LNKTYPE, target="d/b"), "d/a is a link to d/b, which is not in the archive",
            id="hard link to nothing",
        ),
        pytest.param(
            file("d/a", kind=tarfile.CHRTYPE), "d/a is no file, folder or link, but a device or the like", id="device"
        ),
        pytest.param(
            file("d/a", kind=tarfile.FIFOTYPE), "d/a is no file, folder or link, but a device or the like", id="pipe"
        ),
        pytest.param(file("d/a", kind=tarfile.GNUTYPE_SPARSE), "d/a is a sparse file", id="sparse"),
    ],
)  # fmt: skip
def test_members_of_an_sdist_that_nobody_should_unpack(
    tmp_path: Path, bad: tuple[tarfile.TarInfo, bytes], unsafe: str
) -> None:
    found = read(write_tar(tmp_path / SDIST_NAME, [file("d/PKG-INFO"), bad]))
    assert found.unsafe == (unsafe,)


def test_members_twice(tmp_path: Path) -> None:
    wheel = read(write_zip(tmp_path / WHEEL_NAME, [("b", b""), ("a", b"1"), ("b", b""), ("a", b"2"), ("A", b"")]))
    assert wheel.duplicates == ("a", "b")
    # In a tar archive the last one wins, so it matters only if they differ.
    same = file("d/b", b"b")
    sdist = read(write_tar(tmp_path / SDIST_NAME, [same, file("d/a", b"1"), file("d/a", b"2"), file("d/A"), same]))
    assert sdist.duplicates == ("a",)


# -- secrets ---------------------------------------------------------------------------------------------------------


def _pypi(line: int) -> Leak:
    return Leak(line, "a PyPI token", test_index=False)


CHUNK = distributions._CHUNK


@pytest.mark.parametrize(
    ("path", "content", "leaks"),
    [
        pytest.param("a.txt", f"a\n{TOKEN}\n".encode(), [_pypi(2)], id="token"),
        pytest.param(
            "a.txt", f"a\n{TEST_TOKEN}".encode(), [Leak(2, "a TestPyPI token", test_index=True)], id="TestPyPI"
        ),
        pytest.param("a.txt", f"{TOKEN}\n".encode("utf-16"), [_pypi(1)], id="UTF-16"),
        pytest.param("a.txt", b"pypi-AgEIcHlwaS5vcmc, shortened", [], id="shortened"),
        pytest.param(
            ".pypirc",
            b"[pypi]\npassword = hunter2\n",
            [Leak(2, "a password in a .pypirc", test_index=False)],
            id="password",
        ),
        pytest.param("a.txt", b"\n" * (3 * CHUNK) + TOKEN.encode(), [_pypi(3 * CHUNK + 1)], id="far behind"),
        pytest.param("a.txt", b"\n" * (CHUNK - 9) + TOKEN.encode() + b"\n" * CHUNK, [_pypi(CHUNK - 8)], id="between"),
        pytest.param(
            "a.txt",
            b"\n" * (CHUNK - 999) + f"{TOKEN} {TOKEN}\n".encode() + b"\n" * CHUNK,
            [_pypi(CHUNK - 998)],
            id="seen twice",
        ),
        pytest.param(
            "a.txt",
            ("\n" * (CHUNK // 2) + TOKEN).encode("utf-16"),
            [_pypi(CHUNK // 2 + 1)],
            id="far behind in UTF-16",
        ),
        pytest.param(
            "a.bin",
            b"\0" * (CHUNK - distributions._OVERLAP) + b"\xff\xfe" + b"\0" * CHUNK + TOKEN.encode(),
            [_pypi(1)],
            id="what looks like UTF-16 between",
        ),
    ],
)
def test_secrets(tmp_path: Path, path: str, content: bytes, leaks: list[Leak]) -> None:
    expected = tuple(MemberLeak(path, leak) for leak in leaks)
    assert read(write_zip(tmp_path / WHEEL_NAME, [(path, content)])).leaks == expected
    assert read(write_sdist(tmp_path / SDIST_NAME, {path: content})).leaks == expected


# -- any bytes at all ------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_members(tmp_path: Path) -> None:
    big = b"\0" * 20_000_000
    paths = [write_zip(tmp_path / WHEEL_NAME, [("a", big)]), write_sdist(tmp_path / SDIST_NAME, {"a": big})]
    del big
    tracemalloc.start()
    sizes = [each.size for path in paths for each in read(path).members]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == [20_000_000, 20_000_000]
    assert peak < 8_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dist")


NAMES = st.sampled_from([WHEEL_NAME, SDIST_NAME, "demo-1.4.0.zip"])


@given(NAMES, st.binary(), st.booleans())
def test_random_bytes_are_damaged(folder: Path, name: str, content: bytes, packed: bool) -> None:
    path = folder / name
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    assert read(path).damage


@given(NAMES, st.data())
def test_an_archive_that_was_cut_is_damaged(folder: Path, name: str, data: st.DataObject) -> None:
    path = folder / name
    content = (write_sdist if name == SDIST_NAME else write_wheel)(path).read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    assert read(path).damage


@given(NAMES, st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=4)), min_size=1))
def test_any_spoilt_archive_is_read(folder: Path, name: str, changes: list[tuple[int, bytes]]) -> None:
    path = folder / name
    content = bytearray((write_sdist if name == SDIST_NAME else write_wheel)(path).read_bytes())
    for at, by in changes:
        content[at % len(content) : at % len(content) + len(by)] = by
    path.write_bytes(content)
    assert read(path).sha256 == hashlib.sha256(content).hexdigest()


@given(st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=12)), min_size=1))
def test_any_spoilt_tar_archive_is_read(folder: Path, changes: list[tuple[int, bytes]]) -> None:
    content = bytearray(TWO)
    for at, by in changes:
        content[at % len(content) : at % len(content) + len(by)] = by
    path = folder / SDIST_NAME
    path.write_bytes(gzip.compress(bytes(content), 1, mtime=0))
    assert read(path).kind is Kind.SDIST
