"""A distribution: what it is by its name, what it holds, and what it says about itself. Pure; others read the files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tagready.facts.publishing.leaks import Leak


class Kind(StrEnum):
    """What a distribution is by its name; `other` is what indexes took once, such as eggs."""

    SDIST = "sdist"
    WHEEL = "wheel"
    OTHER = "other"


class Member(NamedTuple):
    """A file in a distribution: its path, size, SHA-256, and the name of the git blob that has the same bytes.

    In an sdist the path is relative to the top folder. The content of a symbolic link is its target, as it is in git.
    `lf_oid` is the blob with Unix line endings, where the file has others and is not large.
    """

    path: str
    size: int
    sha256: str
    oid: str
    lf_oid: str | None = None


class MemberLeak(NamedTuple):
    """A secret, and the path of the member that has it."""

    path: str
    leak: Leak


class Distribution(NamedTuple):
    """A distribution: its file, what it holds, and what is wrong with it as an archive.

    `texts` are the files that tell what it is (PKG-INFO, METADATA, WHEEL, RECORD), by their paths. `damage` is what
    cannot be read, `unsafe` what nobody should unpack or no index takes, each as a line to show; `duplicates` are
    paths with more than one content, in a wheel also with the same one twice.
    """

    path: Path
    kind: Kind
    size: int
    sha256: str
    members: tuple[Member, ...] = ()
    texts: Mapping[str, bytes] = MappingProxyType({})
    damage: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    leaks: tuple[MemberLeak, ...] = ()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def info_folders(self) -> tuple[str, ...]:
        """The .dist-info folders of a wheel; a good one has exactly one."""
        tops = {member.path.partition("/")[0] for member in self.members if "/" in member.path}
        return tuple(sorted(top for top in tops if top.endswith(".dist-info")))

    @property
    def info_folder(self) -> str:
        """The .dist-info folder that the file's name asks for (PEP 427), whether or not it is there."""
        return "-".join(self.name.split("-")[:2]) + ".dist-info"

    def text(self, name: str) -> bytes | None:
        """Return what an sdist's `PKG-INFO`, or a wheel's `METADATA`, `WHEEL` or `RECORD` says; None if there is none.

        A wheel whose one .dist-info folder is misnamed is read all the same.
        """
        if self.kind is Kind.SDIST:
            return self.texts.get(name)
        folders = self.info_folders
        folder = folders[0] if len(folders) == 1 else self.info_folder
        return self.texts.get(f"{folder}/{name}")


def kind_of(name: str) -> Kind:
    """Return what a distribution is by its file's name."""
    lower = name.lower()
    if lower.endswith(".whl"):
        return Kind.WHEEL
    return Kind.SDIST if lower.endswith((".tar.gz", ".zip")) else Kind.OTHER


def folder_option(dist: Path, directory: Path) -> list[str]:
    """Return how a command that is given the same -C is told the folder of distributions; nothing for the usual one."""
    named = str(dist.relative_to(directory) if dist.is_relative_to(directory) else dist)
    return [] if named == "dist" else ["--dist", named]


def shown(path: str) -> str:
    """Return a member's path as a terminal can show it, on one line."""
    return path if path.isprintable() else ascii(path)
