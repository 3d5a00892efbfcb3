"""In what two distributions differ, in words."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from re import fullmatch
from tarfile import GNU_FORMAT, USTAR_FORMAT
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagready.doors.archives import ArchiveError, GzipHeader, compare, read_gzip_header
from test_sdists import Entry, entry, folder, link, sdist

Content = tuple[str, bytes, dict[str, Any]]

SDIST, WHEEL = "demo-1.0.0.tar.gz", "demo-1.0.0-py3-none-any.whl"
A, B = entry("demo/a", b"1"), entry("demo/b", b"2")


def made(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param([A, B], [A, B], [], id="equal"),
        pytest.param([A], [entry("demo/a", b"2")], ["member demo/a differs"], id="content"),
        pytest.param(
            [A],
            [entry("demo/a", b"2", mtime=13)],
            ["header of member demo/a: mtime 1700000000 against 13", "member demo/a differs"],
            id="content and time",
        ),
        pytest.param(
            [entry("demo/a", uname="root", gname="root", uid=1, gid=2)],
            [entry("demo/a", mode=0o600)],
            [
                "header of member demo/a: mode 0644 against 0600, uid 1 against 0, gid 2 against 0, "
                "user root against none, group root against none"
            ],
            id="owner",
        ),
        pytest.param(
            [link("demo/a", "b")], [link("demo/a", "c")], ["header of member demo/a: target b against c"], id="link"
        ),
        pytest.param(
            [folder("demo/a")],
            [entry("demo/a", mode=0o755)],
            ["header of member demo/a: type 5 against 0", "member demo/a differs"],
            id="type",
        ),
        pytest.param(
            [entry("demo/a", pax_headers={"atime": "12.5"})],
            [entry("demo/a")],
            ["header of member demo/a: record atime 12.5 against none"],
            id="record",
        ),
        pytest.param([A, B], [B], ["only in the first: demo/a"], id="less"),
        pytest.param([A], [B, A], ["only in the second: demo/b"], id="more"),
        pytest.param([A, B], [B, A], ["order of the members"], id="order"),
        pytest.param(
            [A, entry("demo/é", pax_headers={"comment": "x"})],
            [entry("demo/é"), entry("demo/c")],
            [
                "only in the first: demo/a", "only in the second: demo/c",
                "header of member demo/é: record comment x against none",
            ],
            id="everything",
        ),
    ],
)  # fmt: skip
def test_sdists(tmp_path: Path, one: list[Entry], other: list[Entry], expected: list[str]) -> None:
    paths = made(tmp_path / "one" / SDIST), made(tmp_path / "other" / SDIST)
    assert compare(sdist(paths[0], one), sdist(paths[1], other)) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param({"mtime": 12}, {"mtime": 13}, ["gzip header: mtime 12 against 13"], id="time"),
        pytest.param({"name": "a"}, {}, ["gzip header: name a against none"], id="name"),
        pytest.param({"level": 9}, {"level": 1}, ["gzip header: level 2 against 4"], id="level"),
        pytest.param(
            {"tar_format": USTAR_FORMAT}, {"tar_format": GNU_FORMAT}, ["the archive's own framing"], id="format"
        ),
        pytest.param({"level": 0}, {"level": 5}, ["compression"], id="compression"),
        pytest.param({"level": 9}, {"level": 9}, [], id="equal"),
    ],
)
def test_how_sdists_are_packed(tmp_path: Path, one: dict[str, Any], other: dict[str, Any], expected: list[str]) -> None:
    paths = made(tmp_path / "one" / SDIST), made(tmp_path / "other" / SDIST)
    assert compare(sdist(paths[0], [A], **one), sdist(paths[1], [A], **other)) == expected


def wheel(path: Path, *members: Content, comment: bytes = b"") -> Path:
    with ZipFile(path, "w") as archive:
        for name, content, attributes in members:
            info = ZipInfo(name, (2026, 11, 20, 10, 0, 0))
            info.external_attr, info.compress_type = 0o100644 << 16, ZIP_DEFLATED
            level = attributes.pop("level", None)
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.writestr(info, content, compresslevel=level)
        archive.comment = comment
    return path


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, [], id="equal"),
        pytest.param(
            {"date_time": (2026, 11, 20, 10, 0, 2)},
            ["header of member demo/a.py: date 2026-11-20 10:00:00 against 2026-11-20 10:00:02"],
            id="date",
        ),
        pytest.param(
            {"external_attr": 0o100600 << 16}, ["header of member demo/a.py: mode 100644 against 100600"], id="mode"
        ),
        pytest.param(
            {"external_attr": 0o100644 << 16 | 1}, ["header of member demo/a.py: attributes 0 against 1"], id="flag"
        ),
        pytest.param({"create_system": 0}, ["header of member demo/a.py: system 3 against 0"], id="system"),
        pytest.param({"extra": b"ab\0\0"}, ["header of member demo/a.py: extra none against 61620000"], id="extra"),
        pytest.param({"comment": b"hi"}, ["header of member demo/a.py: comment none against b'hi'"], id="comment"),
    ],
)  # fmt: skip
def test_wheels(tmp_path: Path, changed: dict[str, Any], expected: list[str]) -> None:
    one = wheel(tmp_path / WHEEL, ("demo/a.py", b"1", {}))
    other = wheel(made(tmp_path / "other" / WHEEL), ("demo/a.py", b"1", changed))
    assert compare(one, other) == expected


def test_how_wheels_are_packed(tmp_path: Path) -> None:
    one = wheel(tmp_path / WHEEL, ("demo/a.py", bytes(1024), {}))
    other = made(tmp_path / "other" / WHEEL)
    # How many bytes it takes depends on zlib.
    (found,) = compare(one, wheel(other, ("demo/a.py", bytes(1024), {"level": 0})))
    assert fullmatch(r"compression of member demo/a\.py: \d\d bytes against \d{4}", found)
    header, size = compare(one, wheel(other, ("demo/a.py", bytes(1024), {"compress_type": ZIP_STORED})))
    assert header == "header of member demo/a.py: compression 8 against 0"
    assert size.endswith(" bytes against 1024")


def test_wheels_as_a_whole(tmp_path: Path) -> None:
    members: list[Content] = [("demo/a.py", b"1", {}), ("demo/b.py", b"2", {}), ("demo/b.py", b"3", {})]
    a, b, changed = members
    one = wheel(tmp_path / WHEEL, a, b)
    other = made(tmp_path / "other" / WHEEL)
    assert compare(one, wheel(other, b, a)) == ["order of the members"]
    assert compare(one, wheel(other, a)) == ["only in the first: demo/b.py"]
    assert compare(wheel(one, a), wheel(other, changed, a)) == ["only in the second: demo/b.py"]
    assert compare(wheel(one, a, b), wheel(other, a, changed)) == ["member demo/b.py differs"]
    assert compare(one, wheel(other, a, b, comment=b"hi")) == ["zip: comment none against b'hi'"]
    other.write_bytes(b"#!" + one.read_bytes())
    assert compare(one, other) == ["the archive's own framing"]


@pytest.mark.parametrize("name", [SDIST, WHEEL])
@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-4], lambda content: b"a" * 600])
def test_damaged(tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    one, other = tmp_path / name, made(tmp_path / "other" / name)
    content = (sdist(one, [A]) if name == SDIST else wheel(one, ("demo/a.py", b"1", {}))).read_bytes()
    other.write_bytes(damage(content))
    (found,) = compare(one, other)
    assert found.startswith(f"{name} ")
    assert compare(other, other) == []


def test_encrypted(tmp_path: Path) -> None:
    one, other = wheel(tmp_path / WHEEL, ("demo/a.py", b"1", {})), made(tmp_path / "other" / WHEEL)
    content = bytearray(one.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    other.write_bytes(content)
    (found,) = compare(one, other)
    assert "encrypted" in found


def test_large_files_are_not_held_in_memory(tmp_path: Path) -> None:
    content = bytes(12_000_000)
    one, other = made(tmp_path / "one" / SDIST), made(tmp_path / "other" / SDIST)
    sdist(one, [entry("demo/a", content)])
    sdist(other, [entry("demo/a", content + b"1")])
    tracemalloc.start()
    assert compare(one, other) == ["member demo/a differs"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", GzipHeader(0, None, 0, 3)),
        (b"\x1f\x8b\x08\x08\1\2\0\0\2\xffdemo.tar\0rest", GzipHeader(513, "demo.tar", 2, 255)),
        (b"\x1f\x8b\x08\x0c\0\0\0\0\0\xff\x03\0abcdemo\0rest", GzipHeader(0, "demo", 0, 255)),
        (b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x03\0abcdemo\0rest", GzipHeader(0, None, 0, 255)),
        (b"\x1f\x8b\x08\x08\0\0\0\0\0\xff\xe9", GzipHeader(0, "é", 0, 255)),
    ],
)
def test_gzip_header(tmp_path: Path, content: bytes, expected: GzipHeader) -> None:
    (tmp_path / SDIST).write_bytes(content)
    assert read_gzip_header(tmp_path / SDIST) == expected


@given(st.binary(max_size=24))
def test_any_header_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / SDIST
    for start in (b"", b"\x1f\x8b\x08"):
        path.write_bytes(start + content)
        with suppress(ArchiveError):
            read_gzip_header(path)
