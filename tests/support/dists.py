"""Distributions made by hand: small, valid and always the same bytes; and such as an index refuses."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from random import Random

LICENSE = b"Permission is granted to do as you like.\n"
README = "What it does.\n"
#: The time of all members; zip knows no earlier day, and only even seconds.
MADE = (2026, 1, 2, 3, 4, 6)
SECONDS = 1767323046

_CHUNK = 1 << 20


def make_wheel(
    folder: Path,
    name: str = "demo",
    version: str = "1.4.0",
    *,
    size: int = 0,
    seed: int = 0,
    filename: str | None = None,
    headers: str = "",
    readme: str = README,
    leave_out: Collection[str] = (),
) -> Path:
    """Make a wheel, padded with so many bytes that do not compress.

    Another seed makes other content. What is to be wrong with it: its file's name, its headers (each ends in a
    newline), its readme, or members that are missing.
    """
    package = name.replace("-", "_").lower()
    filename = filename or f"{package}-{version}-py3-none-any.whl"
    info = f"{'-'.join(filename.split('-')[:2])}.dist-info"
    members = {
        f"{package}/__init__.py": _module(version, seed),
        f"{info}/METADATA": metadata(name, version, headers=headers, readme=readme),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/licenses/LICENSE": LICENSE,
    }
    target = _target(folder, filename)
    with zipfile.ZipFile(target, "w") as archive:
        records = [_add(archive, member, [content]) for member, content in members.items() if _kept(member, leave_out)]
        if size:
            records.append(_add(archive, f"{package}/padding", _noise(size, seed), stored=True))
        if _kept(f"{info}/RECORD", leave_out):
            _add(archive, f"{info}/RECORD", ["".join([*records, f"{info}/RECORD,,\n"]).encode()])
    return target


def make_sdist(
    folder: Path,
    name: str = "demo",
    version: str = "1.4.0",
    *,
    size: int = 0,
    seed: int = 0,
    filename: str | None = None,
    headers: str = "",
    readme: str = README,
    leave_out: Collection[str] = (),
) -> Path:
    """Make an sdist, as make_wheel() does a wheel."""
    package = name.replace("-", "_").lower()
    stem = f"{package}-{version}"
    project = (
        f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "{name}"\n'
    )
    members = {
        f"{stem}/PKG-INFO": metadata(name, version, headers=headers, readme=readme),
        f"{stem}/LICENSE": LICENSE,
        f"{stem}/pyproject.toml": f'{project}version = "{version}"\n'.encode(),
        f"{stem}/{package}/__init__.py": _module(version, seed),
    }
    target = _target(folder, filename or f"{stem}.tar.gz")
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=0 if size else 9, fileobj=raw, mtime=SECONDS) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for member, content in members.items():
            if _kept(member, leave_out):
                archive.addfile(_member(member, len(content)), io.BytesIO(content))
        if size:
            archive.addfile(_member(f"{stem}/{package}/padding", size), _Stream(_noise(size, seed)))
    return target


def make_both(folder: Path, name: str = "demo", version: str = "1.4.0", *, size: int = 0, seed: int = 0) -> list[Path]:
    """Make a release's wheel and sdist."""
    return [make(folder, name, version, size=size, seed=seed) for make in (make_wheel, make_sdist)]


def metadata(name: str, version: str, *, headers: str = "", readme: str = README) -> bytes:
    """Return a METADATA or PKG-INFO file, with further headers, each of which ends in a newline."""
    kind = "" if "Description-Content-Type:" in headers else "Description-Content-Type: text/plain\n"
    fixed = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nSummary: A demo\nLicense-Expression: MIT\n"
    return f"{fixed}License-File: LICENSE\nRequires-Python: >=3.8\n{kind}{headers}\n{readme}".encode()


def sha256(path: Path) -> str:
    """Return the hash that an index states for a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _module(version: str, seed: int) -> bytes:
    return f'__version__ = "{version}"\nSEED = {seed}\n'.encode()


def _target(folder: Path, filename: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / filename


def _kept(member: str, leave_out: Collection[str]) -> bool:
    return Path(member).name not in leave_out


def _add(
    archive: zipfile.ZipFile, member: str, chunks: Collection[bytes] | Iterator[bytes], stored: bool = False
) -> str:
    """Write a member, chunk by chunk, and return its line for the RECORD."""
    info = zipfile.ZipInfo(member, MADE)
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    info.external_attr = 0o100644 << 16
    digest, written = hashlib.sha256(), 0
    with archive.open(info, "w") as file:
        for chunk in chunks:
            digest.update(chunk)
            written += file.write(chunk)
    text = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    return f"{member},sha256={text},{written}\n"


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, SECONDS, 0o644
    return info


def _noise(size: int, seed: int) -> Iterator[bytes]:
    source = Random(seed)
    for start in range(0, size, _CHUNK):
        yield source.randbytes(min(_CHUNK, size - start))


class _Stream:
    """Chunks, as something to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = _CHUNK) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
