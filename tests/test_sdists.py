"""Which sdists are left alone, and that every other becomes the same for everybody."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagready.doors.archives import ArchiveError
from tagready.doors.sdists import is_reproducible, normalise

EPOCH = 1_700_000_000
NAME = "demo-1.0.0.tar.gz"


class Entry(NamedTuple):
    info: tarfile.TarInfo
    content: bytes = b""


def entry(name: str, content: bytes = b"", **attributes: Any) -> Entry:
    info = tarfile.TarInfo(name)
    info.mtime, info.size = EPOCH, len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return Entry(info, content)


def folder(name: str, **attributes: Any) -> Entry:
    return entry(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **attributes})


def link(name: str, target: str, **attributes: Any) -> Entry:
    return entry(name, type=tarfile.SYMTYPE, linkname=target, **{"mode": 0o755, **attributes})


def sdist(
    path: Path,
    entries: Iterable[Entry],
    *,
    tar_format: int = tarfile.PAX_FORMAT,
    name: str = "",
    mtime: int = 0,
    level: int = 9,
) -> Path:
    """Write an archive, with this name and time in the header of gzip."""
    with path.open("wb") as file, gzip.GzipFile(name, "wb", level, file, mtime) as packed:  # noqa: SIM117
        with tarfile.open(fileobj=packed, mode="w", format=tar_format) as archive:
            for info, content in entries:
                archive.addfile(info, io.BytesIO(content) if content else None)
    return path


def contents(path: Path) -> dict[str, tuple[bytes | str | None, bool]]:
    with tarfile.open(path) as archive:
        return {member.name: (_content(archive, member), bool(member.mode & 0o100)) for member in archive}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | str | None:
    if member.issym():
        return member.linkname
    content = archive.extractfile(member)
    return content.read() if content else None


PKG_INFO = entry("demo-1.0.0/PKG-INFO", b"Name: demo\n")
SCRIPT = entry("demo-1.0.0/run.sh", b"#!/bin/sh\n", mode=0o755)


@pytest.mark.parametrize(
    ("entries", "framing"),
    [
        pytest.param([SCRIPT, PKG_INFO], {"mtime": EPOCH}, id="hatchling"),
        pytest.param(
            [SCRIPT, entry("demo-1.0.0/PKG-INFO", b"Name: demo\n", mtime=0)],
            {"mtime": EPOCH, "name": NAME},
            id="flit-core",
        ),
        pytest.param([SCRIPT, PKG_INFO], {"mtime": EPOCH, "name": NAME}, id="poetry-core"),
        pytest.param(
            [
                entry("demo-1.0.0/PKG-INFO", b"a", mtime=0, pax_headers={"path": "demo-1.0.0/PKG-INFO", "size": "1"}),
                folder("demo-1.0.0", mtime=0),
            ],
            {},
            id="uv_build",
        ),
        pytest.param([PKG_INFO, SCRIPT], {}, id="maturin"),
        pytest.param([link("demo-1.0.0/a", "run.sh"), SCRIPT], {}, id="link"),
        pytest.param([entry("demo-1.0.0/" + "é" * 150, b"a")], {}, id="long name"),
        pytest.param([], {}, id="empty"),
    ],
)
def test_left_alone(tmp_path: Path, entries: list[Entry], framing: dict[str, Any]) -> None:
    assert is_reproducible(sdist(tmp_path / NAME, entries, **framing), EPOCH)


NOW = EPOCH + 1.5


@pytest.mark.parametrize(
    ("entries", "framing"),
    [
        pytest.param(
            [
                folder("demo-1.0.0", mtime=NOW, uname="root", gname="root"),
                entry("demo-1.0.0/PKG-INFO", b"Name: demo\n", mtime=NOW, uname="root", gname="root"),
            ],
            {"mtime": int(NOW), "name": NAME},
            id="setuptools",
        ),
        pytest.param([PKG_INFO], {"mtime": int(NOW), "name": NAME}, id="pdm-backend"),
        pytest.param([PKG_INFO], {"mtime": EPOCH - 1}, id="earlier gzip"),
        pytest.param([PKG_INFO], {"name": "elsewhere.tar.gz"}, id="gzip of another name"),
        pytest.param([entry("demo-1.0.0/a", mtime=EPOCH + 1)], {}, id="later"),
        pytest.param([entry("demo-1.0.0/a", mtime=EPOCH - 1)], {}, id="earlier"),
        pytest.param([entry("demo-1.0.0/a", mtime=float(EPOCH), pax_headers={"mtime": f"{EPOCH}.0"})], {}, id="float"),
        pytest.param([entry("demo-1.0.0/a", uid=1000)], {}, id="uid"),
        pytest.param([entry("demo-1.0.0/a", gid=1000)], {}, id="gid"),
        pytest.param([entry("demo-1.0.0/a", uname="me")], {}, id="user"),
        pytest.param([entry("demo-1.0.0/a", gname="staff")], {}, id="group"),
        pytest.param([entry("demo-1.0.0/a", mode=0o600)], {}, id="umask 077"),
        pytest.param([entry("demo-1.0.0/a", mode=0o664)], {}, id="umask 002"),
        pytest.param([folder("demo-1.0.0", mode=0o700)], {}, id="folder, umask 077"),
        pytest.param([link("demo-1.0.0/a", "b", mode=0o777)], {}, id="link, Linux"),
        pytest.param([entry("demo-1.0.0/a", pax_headers={"atime": "12.5"})], {}, id="time of access"),
        pytest.param([entry("demo-1.0.0/a", pax_headers={"SCHILY.xattr.user.a": "b"})], {}, id="attribute"),
        pytest.param([PKG_INFO, entry("demo-1.0.0/z", uid=1)], {}, id="not the first"),
    ],
)
def test_normalised(tmp_path: Path, entries: list[Entry], framing: dict[str, Any]) -> None:
    made, normal = sdist(tmp_path / NAME, entries, **framing), tmp_path / "normal.tar.gz"
    assert not is_reproducible(made, EPOCH)
    normalise(made, normal, EPOCH)
    assert is_reproducible(normal, EPOCH)
    assert contents(normal) == contents(made)


def test_a_system_is_named(tmp_path: Path) -> None:
    made = sdist(tmp_path / NAME, [PKG_INFO])
    content = bytearray(made.read_bytes())
    content[9] = 3
    made.write_bytes(content)
    assert not is_reproducible(made, EPOCH)


def test_the_order_and_the_form(tmp_path: Path) -> None:
    entries = [
        SCRIPT, link("demo-1.0.0/src/z.py", "../run.sh"), folder("demo-1.0.0/src"), entry("demo-1.0.0/src-a"),
        entry("demo-1.0.0/src/é.py", b"1"), folder("demo-1.0.0/src/empty"), PKG_INFO, folder("demo-1.0.0"),
    ]  # fmt: skip
    normalise(sdist(tmp_path / NAME, entries), tmp_path / "normal.tar.gz", EPOCH)
    packed = (tmp_path / "normal.tar.gz").read_bytes()
    assert packed[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    # The same in every Python; how it is packed depends on its zlib.
    assert sha256(gzip.decompress(packed)).hexdigest()[:16] == "f2d2eaec6edc2d31"
    with tarfile.open(tmp_path / "normal.tar.gz") as archive:
        members = [(member.name.removeprefix("demo-1.0.0"), f"{member.mode:o}", member.mtime) for member in archive]
    assert members == [
        ("", "755", EPOCH), ("/PKG-INFO", "644", EPOCH), ("/run.sh", "755", EPOCH), ("/src", "755", EPOCH),
        ("/src-a", "644", EPOCH), ("/src/empty", "755", EPOCH), ("/src/z.py", "755", EPOCH),
        ("/src/é.py", "644", EPOCH),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (entry("demo-1.0.0/a", type=tarfile.LNKTYPE, linkname="demo-1.0.0/PKG-INFO"), "is neither a file"),
        (entry("demo-1.0.0/a", type=tarfile.CHRTYPE), "is neither a file"),
        (entry("demo-1.0.0/a", type=tarfile.BLKTYPE), "is neither a file"),
        (entry("demo-1.0.0/a", type=tarfile.FIFOTYPE), "is neither a file"),
        (entry("/demo-1.0.0/a"), "leads out"),
        (entry("../demo-1.0.0/a"), "leads out"),
        (entry("demo-1.0.0/../a"), "leads out"),
        (entry("demo-1.0.0/b/.."), "leads out"),
        (link("demo-1.0.0/a", "/etc/passwd"), "leads out"),
        (link("demo-1.0.0/a", "../demo"), "leads out"),
        (link("demo-1.0.0/src/a", "../../demo"), "leads out"),
        (link("demo-1.0.0/a", ".."), "leads out"),
        (entry("demo-1.0.0/PKG-INFO"), "is in the sdist twice"),
        (entry("demo-1.0.0/./PKG-INFO"), "is in the sdist twice"),
        (folder("demo-1.0.0/PKG-INFO"), "is in the sdist twice"),
    ],
)
@pytest.mark.parametrize("act", [is_reproducible, lambda path, epoch: normalise(path, path.parent / "normal", epoch)])
def test_refused(tmp_path: Path, refused: Entry, why: str, act: Callable[[Path, int], object]) -> None:
    made = sdist(tmp_path / NAME, [PKG_INFO, refused])
    with pytest.raises(ArchiveError, match=f"^{refused.info.name} {why}"):
        act(made, EPOCH)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def damaged_header(packed: bytes) -> bytes:
    content = bytearray(gzip.decompress(packed))
    content[1024] ^= 1
    return gzip.compress(content)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda packed: b"", id="empty"),
        pytest.param(lambda packed: b"PK\3\4", id="zip"),
        pytest.param(lambda packed: packed[:5], id="header cut off"),
        pytest.param(lambda packed: packed[:-20], id="cut off"),
        pytest.param(lambda packed: packed[:-8] + b"12345678", id="checksum"),
        pytest.param(lambda packed: packed[:20] + b"1234" + packed[24:], id="overwritten"),
        pytest.param(lambda packed: gzip.compress(b""), id="nothing packed"),
        pytest.param(lambda packed: gzip.compress(b"a" * 600), id="no tar"),
        pytest.param(lambda packed: gzip.compress(gzip.decompress(packed)[:520]), id="tar cut off"),
        pytest.param(damaged_header, id="a later header"),
    ],
)
@pytest.mark.parametrize("act", [is_reproducible, lambda path, epoch: normalise(path, path.parent / "normal", epoch)])
def test_damaged(tmp_path: Path, damage: Callable[[bytes], bytes], act: Callable[[Path, int], object]) -> None:
    made = sdist(tmp_path / NAME, [PKG_INFO, SCRIPT])
    made.write_bytes(damage(made.read_bytes()))
    with pytest.raises(ArchiveError):
        act(made, EPOCH)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    made = sdist(tmp_path / NAME, [entry("demo-1.0.0/a", bytes(12_000_000), uid=1), PKG_INFO])
    tracemalloc.start()
    normalise(made, tmp_path / "normal.tar.gz", EPOCH)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    made = sdist(tmp_path / NAME, [entry("demo-1.0.0/\udce9", b"a", uid=1)], tar_format=tarfile.GNU_FORMAT)
    normalise(made, tmp_path / "normal.tar.gz", EPOCH)
    normalise(tmp_path / "normal.tar.gz", tmp_path / "again.tar.gz", EPOCH)
    assert contents(tmp_path / "normal.tar.gz") == {"demo-1.0.0/\udce9": (b"a", False)}
    assert (tmp_path / "again.tar.gz").read_bytes() == (tmp_path / "normal.tar.gz").read_bytes()


parts = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=70)
names = st.lists(parts.filter(lambda part: part not in (".", "..")), min_size=1, max_size=3).map("/".join)
plain = st.tuples(st.just(tarfile.REGTYPE), st.binary(max_size=600), st.booleans())
folders = st.tuples(st.just(tarfile.DIRTYPE), st.just(b""), st.just(True))
trees = st.dictionaries(names.map("demo-1.0.0/{}".format), plain | folders, max_size=5)


@st.composite
def dressed(draw: st.DrawFn, tree: dict[str, tuple[bytes, bytes, bool]]) -> dict[str, Any]:
    """Draw what may differ from build to build: the order, the headers, the format, and what gzip says."""
    numbers = st.integers(0, 0o7777777)
    entries = [
        entry(
            name, content, type=kind, mode=draw(st.integers(0, 0o777)) & ~0o100 | (0o100 if executable else 0),
            mtime=draw(numbers | st.floats(0, 1e9)), uid=draw(numbers), gid=draw(numbers),
            uname=draw(st.sampled_from(["", "root", "zoë"])), gname=draw(st.sampled_from(["", "staff"])),
        )
        for name, (kind, content, executable) in draw(st.permutations(list(tree.items())))
    ]  # fmt: skip
    return {
        "entries": entries,
        "tar_format": draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])),
        "name": draw(st.sampled_from(["", "demo.tar"])),
        "mtime": draw(numbers),
    }


@given(st.data(), trees)
def test_any_dress_of_a_tree_becomes_the_same(data: st.DataObject, tree: dict[str, tuple[bytes, bytes, bool]]) -> None:
    with TemporaryDirectory() as scratch:
        one, other, normal, same, again = (Path(scratch, f"{number}.tar.gz") for number in range(5))
        normalise(sdist(one, **data.draw(dressed(tree))), normal, EPOCH)
        normalise(sdist(other, **data.draw(dressed(tree))), same, EPOCH)
        normalise(normal, again, EPOCH)
        assert normal.read_bytes() == same.read_bytes() == again.read_bytes()
        assert contents(normal) == contents(one)
        assert is_reproducible(normal, EPOCH)
