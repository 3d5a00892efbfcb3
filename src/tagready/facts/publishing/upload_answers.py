"""What an index's answer to an upload means, and what is to be done about it. Pure."""

from __future__ import annotations

import re
from enum import Enum
from html import unescape
from typing import NamedTuple


class Answer(NamedTuple):
    """What came back: a status and a text, or (status None) why nothing did; `retry_after` is in seconds."""

    status: int | None
    text: str = ""
    retry_after: float | None = None


class Meaning(Enum):
    """What an answer says of the upload; only the listing says whether the file is there."""

    ACCEPTED = "accepted"
    AGAIN = "try again"
    THERE_ALREADY = "a file of that name is there"
    DELETED = "the name was used by a file that was deleted"
    CLOSED = "the release takes no more files"
    TOKEN_REFUSED = "the token is refused"  # noqa: S105
    REJECTED = "the file is rejected"


#: Where nobody is told to come back later, and coming back helps (RFC 9110; 425 is RFC 8470's).
_PASSING = frozenset({408, 421, 425, 429})

# Warehouse's own texts (warehouse/forklift/legacy.py, warehouse/macaroons/security_policy.py); the others' are alike.
# GitLab, Nexus and Artifactory have words of their own for a file that is there (pypa/twine#697, #693, #1251).
_THERE = re.compile(
    r"already (exist|been taken)|does not allow updating assets|cannot be updated|permissions to delete/overwrite",
    re.IGNORECASE,
)
_DELETED = re.compile(r"previously used by a file that has since been deleted", re.IGNORECASE)
_CLOSED = re.compile(r"releases older than \d+ days", re.IGNORECASE)
# A limit of a day; who comes back earlier may have to wait longer (reports of 2026).
_NEW_PROJECTS = re.compile(r"too many new projects", re.IGNORECASE)
# Somebody else made the project while this upload was on its way.
_RACE = re.compile(r"conflicts with an existing project", re.IGNORECASE)
_DISABLED = re.compile(r"(uploads|registration) ((are|is) )?(temporarily )?disabled|read-?only", re.IGNORECASE)
_VERDICT = re.compile(
    r"""
    \b (invalid|missing|bad|wrong|no) \b [\w -]* (authentication|credential|token|password|username)
    | token .{0,30} (expired|invalid|revoked|not\ valid|not\ yet\ valid)
    | authentication\ (failed|required|is\ required|is\ no\ longer\ supported)
    | not\ valid\ for\ project
    | (isn't|is\ not|not)\ allowed\ to\ upload
    | unauthorized
    """,
    re.IGNORECASE | re.VERBOSE,
)


def meaning(answer: Answer) -> Meaning:
    """Return what an answer to an upload means."""
    status, said = answer.status, words(answer.text)
    if _NEW_PROJECTS.search(said):
        return Meaning.REJECTED
    if status is None or status >= 500 or status in _PASSING or (status == 409 and _RACE.search(said)):
        return Meaning.AGAIN
    if 200 <= status < 300:
        return Meaning.ACCEPTED
    if status == 403 and _DISABLED.search(said):
        return Meaning.AGAIN
    if refuses_token(answer):
        return Meaning.TOKEN_REFUSED
    if _CLOSED.search(said):
        return Meaning.CLOSED
    if _DELETED.search(said):
        return Meaning.DELETED
    if status == 409 or (status in (400, 403) and _THERE.search(said)):
        return Meaning.THERE_ALREADY
    return Meaning.REJECTED


def refuses_token(answer: Answer) -> bool:
    """Return whether an answer says that the token is not accepted: 401, or a 403 that says so in words."""
    said = words(answer.text)
    return answer.status == 401 or (answer.status == 403 and not _DISABLED.search(said) and bool(_VERDICT.search(said)))


def words(text: str) -> str:
    """Return what an error page says, without its markup and on one line, as far as people read it."""
    said, head = _plain(text), ""
    if "<" in text:
        title = re.search(r"(?is)<title\b[^>]*>(.*?)</title>", text)
        body = re.sub(r"(?is)<(script|style|title)\b.*?</\1>", " ", text)
        said, head = (_unnumbered(re.sub(r"<[^>]*>", " ", part)) for part in (body, title[1] if title else ""))
    # Warehouse says all there is to say in the title, and twice more; with others it is the name of the status.
    chosen = head if head and said.count(head) > 1 else said or head
    return chosen if len(chosen) <= _READ else chosen[:_READ].rstrip() + " …"


_READ = 400


def _plain(text: str) -> str:
    # What cannot be printed might be meant for a terminal.
    return " ".join("".join(each if each.isprintable() else " " for each in unescape(text)).split())


def _unnumbered(text: str) -> str:
    return re.sub(r"^\d{3}\s+", "", _plain(text))
