"""Secrets that a file is about to publish: upload tokens anywhere, and the passwords of a .pypirc."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from pathlib import PureWindowsPath
from typing import NamedTuple

from tagready.facts.publishing.tokens import find_tokens, location_of


class Leak(NamedTuple):
    """A secret in a file, without anything of the secret: its line, and what it is in words for a message."""

    line: int
    what: str
    test_index: bool


_PYPIRC = (".pypirc", "pypirc")
# As configparser reads a value: after its key, or indented deeper on a later line, past blank lines and comments.
_PASSWORD = re.compile(
    rb"^([ \t]*)password[ \t]*[=:][ \t]*(?:(?:\s*\n[ \t]*[#;].*)*\s*\n\1[ \t]+(?![#;]))?(?P<value>\S.*)",
    re.IGNORECASE | re.MULTILINE,
)
_COMMENT = re.compile(r"(?:^|\s)[#;]\s.*")
# A value that is a place for a secret rather than one. Words count only where nothing but such words is left.
_PLACEHOLDER = re.compile(
    r"""
    pypi-Ag.*                                                      # a token, which is found as one if it is whole
    | (?:pypi-)? (?:
        <[^<>]*> | \[[^][]*\]                                      # <token>
        | \$\{.*\} | \$\(.*\) | \{\{.*\}\} | %\(\w+\)s | %\w+%     # ${TOKEN} and what other languages write for it
        | \$[A-Z_][A-Z0-9_]*                                       # capitals only: a password may begin with $
        | [xX*.…•?_-]*                                             # xxxx
        | (?i:
            [\s*_-]* (?: (?:
                your|my|the|this|api|pypi|test|upload|project|user|token|password|passwd|secret|key|value|goes|here
                |insert|put|paste|enter|replace|change|with|me|example|sample|dummy|fake|placeholder|redacted|removed
                |hidden|todo|none|null
            ) [\s*_-]* )+
        )
    )
    """,
    re.VERBOSE,
)


def find_leaks(path: str, content: bytes) -> list[Leak]:
    """Return the secrets in a file, in order: tokens, and in a .pypirc also each other password that is no placeholder.

    A token is what `read_token` reads, so the shortened ones of documentation are none. What a .pypirc is:
    https://packaging.python.org/en/latest/specifications/pypirc/.
    """
    text = _as_utf8(content)
    tokens = [(found.start, *_described(found.token.location)) for found in find_tokens(text)]
    passwords = []
    # Archives made on Windows may hold paths with backslashes.
    if PureWindowsPath(path).name in _PYPIRC:
        starts = [start for start, *_ in tokens]
        passwords = [
            (start, "a password in a .pypirc", False)
            for start, end in _passwords(text)
            if not any(start <= token < end for token in starts)
        ]
    return [Leak(text.count(b"\n", 0, start) + 1, what, test) for start, what, test in sorted(tokens + passwords)]


def _as_utf8(content: bytes) -> bytes:
    # What PowerShell's > has written is UTF-16, with a byte order mark.
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").encode()
    return content


def _described(location: str) -> tuple[str, bool]:
    # Importing twine takes longer than reading a whole project, and hardly any file has a token.
    from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

    if location == location_of(TEST_REPOSITORY):
        return "a TestPyPI token", True
    if location == location_of(DEFAULT_REPOSITORY):
        return "a PyPI token", False
    return "a token of another package index", False


def _passwords(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each password starts and ends that is not a placeholder.

    One expression does for files that configparser refuses, finds what a second `password` in a section overrides,
    and knows the line, which configparser does not.
    """
    for match in _PASSWORD.finditer(text):
        value = _COMMENT.sub("", match["value"].decode("utf-8", "replace"))
        if not _PLACEHOLDER.fullmatch(value.strip("\"' \r\t")):
            yield match.span("value")
