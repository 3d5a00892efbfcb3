"""The header of a generated file: who wrote it, and the digest by which anybody can tell whether it was changed."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NamedTuple

from tagready.facts.scaffolding.action_pins import without_pins


class Stamp(NamedTuple):
    """What a generated file says of itself: the tagready that wrote it, the digest of what that wrote, and its body."""

    version: str
    digest: str
    body: str

    @property
    def is_untouched(self) -> bool:
        """Whether the body is what was written."""
        return digest(self.body) == self.digest


_HEADER = re.compile(
    r"# Written by tagready (?P<version>\S+); `tagready init --upgrade` renews it, and keeps your changes\.\n"
    r"# sha256 of all below but for the pins of actions: (?P<digest>[0-9a-f]{64})\n"
)


def stamped(body: str, version: str) -> str:
    """Return a generated file: the header, and the body below it."""
    return (
        f"# Written by tagready {version}; `tagready init --upgrade` renews it, and keeps your changes.\n"
        f"# sha256 of all below but for the pins of actions: {digest(body)}\n{body}"
    )


def read_stamp(text: str) -> Stamp | None:
    """Return what a generated file says of itself; None for any other file. Line endings make no difference."""
    text = text.replace("\r\n", "\n")
    match = _HEADER.match(text)
    return Stamp(match["version"], match["digest"], text[match.end() :]) if match else None


def restamped(text: str, stamp: Stamp) -> str:
    """Return a file with a stamp's header in front of what is below its own."""
    found = read_stamp(text)
    header = stamped("", stamp.version).replace(digest(""), stamp.digest)
    return header + (found.body if found else text)


def digest(body: str) -> str:
    """Return the SHA-256 of a body, as the header has it: a bot that raises a pin has not touched what we wrote."""
    return sha256(without_pins(body).encode("utf-8", "surrogateescape")).hexdigest()
