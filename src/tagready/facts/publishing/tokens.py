"""What an index's upload token says about itself: where, until when and for what it is good. Nothing asks the index."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import ceil
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Token(NamedTuple):
    """What a token says, without anything of it that is secret; times are seconds since the epoch.

    `location` is the host it was made for. `projects` is None where it serves every project of its user, and empty
    where it names none (only their ids, which mean nothing outside the index). It serves from `not_before` on, and
    no more at `not_after`. `unknown_caveats` counts the conditions that nothing here understands.
    """

    location: str
    projects: tuple[str, ...] | None
    not_before: int | None
    not_after: int | None
    unknown_caveats: int


class FoundToken(NamedTuple):
    """A token inside other bytes: `content[start:end]` is its text."""

    start: int
    end: int
    token: Token


class _Packet(NamedTuple):
    kind: int
    value: bytes
    end: int


# The version byte, 2, comes first in a macaroon, and makes Ag in base64.
_BEGINNING = b"pypi-Ag"
# What is longer fits into no header that a web server would read, and would make a search among many slow.
_TEXT = re.compile(rb"pypi-(?P<macaroon>Ag[A-Za-z0-9_-]{0,8000})")

_EOS, _IDENTIFIER, _SIGNATURE = 0, 2, 6
_PACKET_HEAD = re.compile(rb"\x00|[\x01\x02\x04\x06](?P<size>[\x80-\xff]{0,2}[\x00-\x7f])")
# Location, identifier; the caveats, those of a third party with a location and a key id; the signature.
_MACAROON = re.compile(rb"\x01\x02\x00(?:\x02\x00|\x01?\x02\x04\x00)*\x00\x06")
_SIGNATURE_SIZE = 32
_HOST = re.compile(rb"[A-Za-z0-9.:-]+")


def read_token(text: str) -> Token | None:
    """Return what an upload token says, or None where the text is anything but one whole token.

    A token is `pypi-` and a macaroon of version 2 in unpadded base64url (libmacaroons, doc/format.txt); the caveats
    are those of Warehouse (warehouse/macaroons/caveats). Whether the index knows the token cannot be read from it.
    """
    content = text.encode("ascii", "replace")
    found = _token_at(content, 0)
    return found.token if found and found.end == len(content) else None


def find_tokens(content: bytes) -> Iterator[FoundToken]:
    """Yield each upload token in the bytes, as `read_token` reads it, whatever comes before and after it.

    A macaroon ends where it says so. In a compiled or pickled file the next byte is often another letter.
    """
    at = content.find(_BEGINNING)
    while at >= 0:
        found = _token_at(content, at)
        if found:
            yield found
        at = content.find(_BEGINNING, found.end if found else at + len(_BEGINNING))


def location_of(repository: str) -> str:
    """Return the location in the tokens of the index with this upload address, or "" where that has no host.

    Warehouse makes tokens on its web host, and PyPI takes uploads on another one: the same with `upload.` before it.
    Raise ValueError for an address that urlsplit refuses.
    """
    return (urlsplit(repository).hostname or "").removeprefix("upload.")


def _token_at(content: bytes, start: int) -> FoundToken | None:
    text = _TEXT.match(content, start)
    if not text:
        return None
    encoded = text["macaroon"]
    if len(encoded) % 4 == 1:
        # No base64 has one character more than a multiple of four: that one is not the token's.
        encoded = encoded[:-1]
    read = _read_macaroon(urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4)))
    if not read:
        return None
    token, size = read
    return FoundToken(start, text.start("macaroon") + ceil(size * 4 / 3), token)


def _read_macaroon(data: bytes) -> tuple[Token, int] | None:
    """Return the token that the bytes begin with, and how many of them it takes."""
    packets = list(_packets(data))
    kinds = bytes(packet.kind for packet in packets)
    if not _MACAROON.fullmatch(kinds) or len(packets[-1].value) != _SIGNATURE_SIZE:
        return None
    location = packets[0].value
    if not _HOST.fullmatch(location):
        return None
    # The first identifier is the macaroon's own; one that a key id follows is for a third party to judge.
    _, *own = (packet.value for packet, after in pairwise(packets) if (packet.kind, after.kind) == (_IDENTIFIER, _EOS))
    third_party = kinds.count(_IDENTIFIER) - 1 - len(own)
    return _token(location.decode(), map(_said, own), third_party), packets[-1].end


def _packets(data: bytes) -> Iterator[_Packet]:
    """Yield the packets after the version byte, until the signature or the first that is none."""
    at = 1
    while head := _PACKET_HEAD.match(data, at):
        at = head.end() + _varint(head["size"] or b"\0")
        if at > len(data):
            return
        packet = _Packet(head[0][0], data[head.end() : at], at)
        yield packet
        if packet.kind == _SIGNATURE:
            return


def _varint(data: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data))


def _said(caveat: bytes) -> Any:
    try:
        return json.loads(caveat.decode())
    except (ValueError, RecursionError):
        return None


def _token(location: str, caveats: Iterable[Any], unknown: int) -> Token:
    """Return the token on which all the caveats hold at once, as numbered today or spelled out as in older tokens."""
    starts, ends, named, by_id = [], [], [], False
    for caveat in caveats:
        match caveat:
            case [0, int(end), int(start)] | {"exp": int(end), "nbf": int(start)}:
                starts.append(start)
                ends.append(end)
            case [1, [*names]] | {"version": 1, "permissions": {"projects": [*names]}} if all(map(_is_text, names)):
                named.append(names)
            case [2, [*_]] | {"project_ids": [*_]}:
                by_id = True
            case [3, str()] | {"version": 1, "permissions": "user"}:
                pass
            case _:
                unknown += 1
    unnamed = () if by_id else None
    projects = _common(*named) if named else unnamed
    return Token(location, projects, max(starts, default=None), min(ends, default=None), unknown)


def _is_text(name: Any) -> bool:
    # What cannot be printed is no project's name, and may end up in a message.
    return isinstance(name, str) and name.isprintable()


def _common(first: list[str], *others: list[str]) -> tuple[str, ...]:
    return tuple(name for name in first if all(name in other for other in others))
