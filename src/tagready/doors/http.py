"""The door to HTTP: what an answer may cost, and what may be sent over which line. Others ask with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from requests import Response

T = TypeVar("T")


def is_exposed(url: str) -> bool:
    """Return whether others on the way can read what is sent to an address: plain http, but not to this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    with suppress(ValueError):
        return parts.scheme == "http" and not ip_address(host).is_loopback
    return parts.scheme == "http" and host != "localhost"


def stay_encrypted(may_be_asked: Callable[[str], bool]) -> Callable[..., None]:
    """Return a hook of requests that holds redirects to a rule for addresses; it raises InvalidSchema."""

    def check(response: Response, **_: object) -> None:
        from requests.exceptions import InvalidSchema

        if response.is_redirect:
            # Whatever its body says; where requests gives up on redirects, it leaves the last connection open.
            response.close()
            if not may_be_asked(urljoin(response.url, response.headers["location"])):
                raise InvalidSchema("it redirects to plain http")

    return check


def within(seconds: float, ask: Callable[[], T]) -> T | Exception:
    """Return what a call returns or raises, or a TimeoutError once the seconds are over.

    The timeout of requests begins anew with each byte that arrives, and does not count looking up a name. What has
    not come to an end by then is left to itself, in a thread that keeps no process alive.
    """
    outcome: list[T | Exception] = []

    def work() -> None:
        try:
            outcome.append(ask())
        except Exception as error:
            outcome.append(error)

    thread = Thread(target=work, name="tagready-index", daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else TimeoutError()


def reason(error: Exception, seconds: float) -> str:
    """Return in a few words why nothing came back within so many seconds."""
    # The libraries wrap what the system said into sentences of their own, with addresses of objects in them.
    root: BaseException = error
    while root.__context__:
        root = root.__context__
    if isinstance(root, TimeoutError):
        return f"no answer within {seconds:g} seconds"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror
    return first_line(root)


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return str(error).partition("\n")[0] or type(error).__name__


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds that a Retry-After asks for, given as seconds or as a date (RFC 9110, 10.2.3)."""
    import time
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    with suppress(ValueError, TypeError, OverflowError):
        moment = parsedate_to_datetime(retry_after)
        # A zone of -0000 says that it is UTC, of who knows where (RFC 5322, 3.3); Python returns it without a zone.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - time.time())
    return None
