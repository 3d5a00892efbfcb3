"""What can be said of an upload token before anything is sent to anybody. Pure: no environment, network or clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from tagready.facts.findings import Finding, as_warning, finding
from tagready.facts.project import normalized
from tagready.facts.publishing.tokens import Token, location_of, read_token

#: The secret's name, fixed by the workflow; and the user that goes with every token (PyPI's help, "API tokens").
SECRET, USER = "PYPI_API_TOKEN", "__token__"

THEN = "then re-run the failed jobs"


class Target(NamedTuple):
    """Where a release is uploaded to: the address, and the addresses of the indexes whose tokens can be told apart."""

    repository: str
    known: tuple[str, ...]

    @property
    def host(self) -> str:
        """The host that takes the upload, without what belongs to uploads."""
        return location_of(self.repository)

    @property
    def is_known(self) -> bool:
        """Whether this is an index whose tokens we can read."""
        return self.host in {location_of(url) for url in self.known}

    @property
    def token_page(self) -> str:
        """Where people make a token for this index; empty where nobody knows."""
        return f"{urlsplit(self.repository).scheme}://{self.host}/manage/account/token/" if self.is_known else ""


def missing(target: Target, project: str | None, why: str) -> Finding:
    """Return the finding for a token that is not there: `why` says where it was looked for."""
    return finding("token-missing", why, f"{new_one(target, project)}, {THEN}")


def no_identity(target: Target) -> Finding:
    """Return the finding for Trusted Publishing where the run has no identity to show."""
    return finding(
        "token-missing",
        f"Trusted Publishing is configured, and this run has no identity to show to {target.host}",
        f"give the publish job `permissions: id-token: write`, {THEN}; on your own machine: do without --trusted"
        " and publish.trusted",
    )


def not_trusted(target: Target, words: str) -> Finding:
    """Return the finding for an identity that the index trusts with no project; `words` are the index's own."""
    return finding(
        "token-refused",
        f"{target.host} gives no token to this run ({words})",
        "compare the trusted publisher on the project's page (owner, repository, workflow file, environment) with this"
        f" run, {THEN}",
    )


def judge(
    user: str, password: str, source: str, target: Target, project: str | None, now: float
) -> tuple[Finding, ...]:
    """Return what is wrong with a token, as far as its shape and what it says of itself show; never shows it.

    `now` is in seconds since the epoch; a project of None is not judged. A token of another user than `__token__` is
    a password, of which nothing can be said.
    """
    if not password.strip():
        return (missing(target, project, f"{source} is empty, which is what a secret that does not exist becomes"),)
    if user != USER:
        return ()
    token = read_token(password)
    if token is None:
        return _no_token(password, source, target, project)
    if token.location != target.host and (target.is_known or _is_of(token, target.known)):
        return (_elsewhere(token, source, target, project),)
    return (
        *_out_of_scope(token, source, target, project),
        *_out_of_time(token, source, target, project, now),
        *_unreadable(token, source),
    )


def _is_of(token: Token, known: tuple[str, ...]) -> bool:
    return token.location in {location_of(url) for url in known}


def _no_token(password: str, source: str, target: Target, project: str | None) -> tuple[Finding, ...]:
    """Return what is wrong with the text; of an index that nobody knows, tokens need not be readable (measured)."""
    if password != password.strip():
        what, way = (
            "begins or ends with a blank or a line break",
            f"set it again without that (printf %s TOKEN writes no line break), {THEN}",
        )
    elif any(letter.isspace() for letter in password):
        what, way = "has a blank or a line break in it", f"copy the token once more, all of it and nothing else, {THEN}"
    elif not password.startswith("pypi-"):
        what = "does not begin with pypi-, as every API token does"
        other = "" if target.is_known else f"; if {target.host} takes another password, give its user in TWINE_USERNAME"
        way = f"{new_one(target, project)}, {THEN}{other}"
    elif target.is_known:
        what = "begins as an API token does, but is cut short or damaged"
        way = f"copy it once more, all of it; if it is gone: {new_one(target, project)}, {THEN}"
    else:
        return ()
    return (finding("token-malformed", f"what {source} holds {what}", way),)


def _elsewhere(token: Token, source: str, target: Target, project: str | None) -> Finding:
    return finding(
        "token-malformed",
        f"the token in {source} is for {token.location}, and the upload goes to {target.host}; it was not sent",
        f"{new_one(target, project)}, {THEN}",
    )


def _out_of_scope(token: Token, source: str, target: Target, project: str | None) -> tuple[Finding, ...]:
    names = {normalized(name) for name in token.projects or ()}
    if project is None or not token.projects or normalized(project) in names:
        return ()
    what = f"the token in {source} is for {', '.join(token.projects)}, not for {project}"
    return (finding("token-malformed", what, f"{new_one(target, project)}, {THEN}"),)


def _out_of_time(token: Token, source: str, target: Target, project: str | None, now: float) -> tuple[Finding, ...]:
    if token.not_after is not None and token.not_after <= now:
        what = f"the token in {source} expired on {_date(token.not_after)}"
    elif token.not_before is not None and token.not_before > now:
        what = f"the token in {source} is not valid before {_date(token.not_before)}"
    else:
        return ()
    return (finding("token-malformed", what, f"{new_one(target, project)}, {THEN}"),)


def _unreadable(token: Token, source: str) -> tuple[Finding, ...]:
    if not token.unknown_caveats:
        return ()
    what = f"the token in {source} has a condition that this tagready cannot read, so it may be refused"
    return (as_warning(finding("token-malformed", what, "if it is refused: make one without further conditions")),)


def _date(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}"


def new_one(target: Target, project: str | None) -> str:
    """Return what to make, and where to put it."""
    scope = f" for the project {project} (for its first release: for the whole account)" if project else ""
    place = target.token_page or target.host
    return (
        f"make a token{scope} at {place}, put it into {SECRET} (on GitHub: a secret of that name in the environment"
        " that the job names, under Settings)"
    )


def refused(target: Target, project: str | None, source: str, words: str) -> Finding:
    """Return the finding for a token that the index does not take; `words` are the index's own."""
    said = f" ({words})" if words else ""
    return finding(
        "token-refused",
        f"{target.host} does not accept the token in {source}{said}",
        f"{new_one(target, project)}, {THEN}",
    )
