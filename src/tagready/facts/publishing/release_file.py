"""release.json and SHA256SUMS: what a build says about the distributions that lie beside them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tagready.facts.findings import Level, WrongUse

NAME, SUMS = "release.json", "SHA256SUMS"
SCHEMA = 1

#: A file name that stays in its folder on every system: what wheels and source distributions are called.
_FILE_NAME = r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.(whl|tar\.gz|zip)"
#: One version of one project, and no option: pip will read it.
_REQUIREMENT = r"[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+"


class ReleasedFile(NamedTuple):
    """One distribution of a release: its name, its size in bytes and its SHA-256 in hexadecimal digits."""

    name: str
    size: int
    sha256: str


class ReleaseFile(NamedTuple):
    """What was built, from what, with what, and what the tag gate said of the commit.

    `added` are those of the files that this build did not make: other jobs' platform wheels, which lay there before.
    `requirements` are what the build environment had installed (`name==version`), `verdict` is the gate's report as
    its JSON has it: ok, findings, skipped.
    """

    project: str
    version: str
    tag: str | None
    commit: str
    source_date_epoch: int
    python: str
    files: tuple[ReleasedFile, ...]
    requirements: tuple[str, ...]
    verdict: Mapping[str, Any]
    added: tuple[str, ...] = ()


def as_json(release: ReleaseFile) -> str:
    """Return the text of release.json; what a file's name has of bytes that are no UTF-8 is shown as `?`."""
    document = {"schema": SCHEMA, **release._asdict(), "files": [file._asdict() for file in release.files]}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def as_sums(files: Iterable[ReleasedFile]) -> str:
    """Return the text of SHA256SUMS, as `sha256sum --check` reads it."""
    return "".join(f"{file.sha256}  {file.name}\n" for file in sorted(files))


def read(text: str, path: str) -> ReleaseFile:
    """Return what a release.json says; raise WrongUse with the reason where it is none, or of a schema to come."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"is not JSON: {error}") from None
    if not isinstance(document, dict) or "schema" not in document:
        raise _unreadable(path, "is none that tagready has written")
    if document["schema"] != SCHEMA:
        raise _unreadable(path, f"has schema {document['schema']!r}, and this tagready knows {SCHEMA} only")
    try:
        return ReleaseFile(
            project=_text(document, "project"),
            version=_text(document, "version"),
            tag=_text(document, "tag") if document.get("tag") is not None else None,
            commit=_text(document, "commit"),
            source_date_epoch=_number(document, "source_date_epoch"),
            python=_text(document, "python"),
            files=_files(document["files"]),
            requirements=tuple(map(_requirement, document["requirements"])),
            verdict=_verdict(document["verdict"]),
            added=tuple(map(str, document["added"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, f"lacks what it should say ({type(error).__name__}: {error})") from None


def constraints(text: str, path: str) -> tuple[str, ...]:
    """Return the constraints that a release.json or a pip constraints file holds, a line each."""
    if text.lstrip().startswith("{"):
        return read(text, path).requirements
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"{key} is {value!r}")
    return value


def _number(document: Mapping[str, Any], key: str) -> int:
    value = document[key]
    if type(value) is not int or value < 0:
        raise ValueError(f"{key} is {value!r}")
    return value


def _files(items: Iterable[Mapping[str, Any]]) -> tuple[ReleasedFile, ...]:
    files = tuple(map(_file, items))
    if len({file.name for file in files}) != len(files) or not files:
        raise ValueError("it names a file twice" if files else "it names no file")
    return files


def _file(item: Mapping[str, Any]) -> ReleasedFile:
    name, digest = item["name"], item["sha256"]
    if not isinstance(name, str) or not re.fullmatch(_FILE_NAME, name):
        raise ValueError(f"a file is called {name!r}")
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"the SHA-256 of {name} is {digest!r}")
    return ReleasedFile(name, _number(item, "size"), digest)


def _requirement(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_REQUIREMENT, value):
        raise ValueError(f"a requirement is {value!r}")
    return value


def _verdict(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the verdict of the gate, if it is one: not ok because of an error that it names, or ok without any."""
    errors = [found for found in value["findings"] if _is_error(found)]
    if value["ok"] is not (not errors) or not isinstance(value["skipped"], list):
        raise ValueError("its verdict contradicts itself")
    return value


def _is_error(found: Mapping[str, Any]) -> bool:
    texts = [found["rule"], found["message"], found["fix"], found["path"] or ""]
    if not all(isinstance(text, str) for text in texts) or type(found["line"] or 0) is not int:
        raise ValueError(f"a finding is {found!r}")
    return Level(found["level"]) is Level.ERROR


def _unreadable(path: str, why: str) -> WrongUse:
    return WrongUse(f"{path} {why}", f"build again: tagready build; without {path}, the files speak for themselves")
