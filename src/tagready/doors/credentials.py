"""The door to what opens an index: the environment, .pypirc and the keyring as twine reads them; a run's identity."""

from __future__ import annotations

import logging
import os
import re
from base64 import b64encode
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from tagready.facts.findings import Finding, WorldFailed, WrongUse, finding
from tagready.facts.publishing import token_rules
from tagready.facts.publishing.token_rules import SECRET, USER, Target
from tagready.facts.publishing.upload_answers import Answer

if TYPE_CHECKING:
    from twine.auth import Resolver
    from twine.utils import RepositoryConfig

#: Variables that hold what must not reach any other program than the uploader.
SECRET_VARIABLES = (
    SECRET, "TWINE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    # Those of other uploaders.
    "UV_PUBLISH_TOKEN", "UV_PUBLISH_PASSWORD", "HATCH_INDEX_AUTH", "FLIT_PASSWORD", "POETRY_PYPI_TOKEN_PYPI",
    "PDM_PUBLISH_PASSWORD",
)  # fmt: skip


# What they would warn of, we say ourselves; it goes as far as the traceback of a keyring that is locked.
for _name in ("twine", "urllib3"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class Credentials(NamedTuple):
    """A user and a password, and where they were found; no text of them holds the password."""

    user: str
    password: str
    source: str

    def __repr__(self) -> str:
        """Return all but the password."""
        return f"Credentials({self.user!r}, …, {self.source!r})"

    def hide(self, text: str) -> str:
        """Return a text without the password, should somebody have repeated it in any of the ways it is written."""
        bare = self.password.strip()
        if not bare:
            return text
        sent = b64encode(f"{self.user}:{self.password}".encode()).decode().rstrip("=")
        for shown in (sent, b64encode(bare.encode()).decode().rstrip("="), quote(bare, safe=""), escape(bare), bare):
            text = text.replace(shown, "***")
        return text


class Place(NamedTuple):
    """An index that takes uploads, as twine's configuration describes it; its address holds no credentials."""

    url: str
    config: RepositoryConfig
    target: Target
    #: Where the user and the password in the configuration come from.
    source: str = ".pypirc"

    @property
    def certificates(self) -> str | None:
        """The file of the authorities that are relied on for this index; None: the usual ones."""
        from twine.utils import get_cacert

        return get_cacert(os.environ.get("TWINE_CERT") or None, self.config)


def find_place(name: str | None, url: str | None) -> Place:
    """Return where to upload to: the URL, else the section of .pypirc (default pypi), as `twine upload` finds it.

    TWINE_REPOSITORY_URL and TWINE_REPOSITORY are asked first. Raise WrongUse for an address that is none, and for
    plain http to any other machine.
    """
    from requests.utils import urldefragauth
    from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

    from tagready.doors.index import checked

    where = "with --repository-url or in TWINE_REPOSITORY_URL"
    if url and "@" in url:
        what = "--repository-url has a user or a password in it, and what is on a command line is for all to read"
        raise WrongUse(what, "give the user in TWINE_USERNAME and the password in TWINE_PASSWORD")
    url = url or (None if name else os.environ.get("TWINE_REPOSITORY_URL")) or None
    config = _configured(name or os.environ.get("TWINE_REPOSITORY") or "pypi", url and checked(url.strip(), where))
    address = urldefragauth(checked(str(config["repository"]), where))
    target = Target(address, (DEFAULT_REPOSITORY, TEST_REPOSITORY))
    return Place(address, config, target, "the address" if url else ".pypirc")


def _configured(name: str, url: str | None) -> RepositoryConfig:
    from twine.exceptions import TwineException
    from twine.utils import DEFAULT_CONFIG_FILE, TEST_REPOSITORY, get_repository_from_config

    try:
        return get_repository_from_config(DEFAULT_CONFIG_FILE, name, url)
    except TwineException as error:
        if name == "testpypi" and "Missing" in str(error):
            # twine knows the address, and forgets it where .pypirc lists other indexes only.
            return get_repository_from_config(DEFAULT_CONFIG_FILE, name, TEST_REPOSITORY)
        reason = str(error).partition("\n")[0]
        what = "the address to upload to cannot be used" if url else f"there is no repository {name!r}"
        raise WrongUse(f"{what}: {reason}", "give its address with --repository-url") from None
    except (KeyError, ValueError):
        # twine expects an address there, and one that can be read.
        what = f"the section {name!r} of .pypirc has no address to upload to"
        raise WrongUse(what, "add one (repository = https://…), or give it with --repository-url") from None


def find(place: Place, project: str | None) -> Credentials | Finding:
    """Return what to upload with, or the finding that says what is missing; the first that is there counts.

    PYPI_API_TOKEN, then TWINE_PASSWORD, then the address, .pypirc and the keyring, as twine asks them. A variable
    that is set and empty counts as there: it is what a secret that does not exist becomes.
    """
    token, password = os.environ.get(SECRET), os.environ.get("TWINE_PASSWORD")
    if token is not None and password is not None and token != password:
        return finding(
            "token-malformed",
            f"{SECRET} and TWINE_PASSWORD are both set, and differ",
            f"set one of them only, {token_rules.THEN}",
        )
    if token is not None:
        return Credentials(USER, token, SECRET)
    if password is not None:
        return Credentials(_user(place), password, "TWINE_PASSWORD")
    return _from_twine(place) or token_rules.missing(
        place.target, project, f"there is no token: neither {SECRET} nor TWINE_PASSWORD is set, {place.source} has no"
        f" password for {place.target.host}, and the keyring neither",
    )  # fmt: skip


def _from_twine(place: Place) -> Credentials | None:
    configured = place.config.get("password")
    if configured:
        return Credentials(_user(place), configured, place.source)
    user = _user(place)
    password = _resolver(place, user).get_password_from_keyring()
    return Credentials(user, password, "the keyring") if password else None


def _user(place: Place) -> str:
    from twine.exceptions import NonInteractive

    with suppress(NonInteractive):
        return _resolver(place, os.environ.get("TWINE_USERNAME") or None).username or USER
    return USER


def _resolver(place: Place, user: str | None) -> Resolver:
    from twine.auth import CredentialInput, Private

    return Private(place.config, CredentialInput(user, None))


#: Seconds until a token is there; the libraries' own limits, each of which begins anew, add up to more.
MINT_SECONDS = 60.0


def mint(place: Place, seconds: float = MINT_SECONDS) -> Credentials | Finding:
    """Return an upload token of a quarter of an hour for the identity of this run (Trusted Publishing).

    Raise WorldFailed where the index, or who vouches for the run, cannot be asked. The exchange is twine's
    (twine/auth.py), as PyPI's documentation of trusted publishers has it.
    """
    from twine.exceptions import TrustedPublishingFailure

    from tagready.doors.http import reason, within

    token = within(seconds, _resolver(place, USER).make_trusted_publishing_token)
    if isinstance(token, TrustedPublishingFailure):
        said = " ".join(str(token).split())
        if "the following reasons" in said:
            return token_rules.not_trusted(place.target, said)
        if "OIDC token" in said and not _UNANSWERED.search(said):
            return token_rules.no_identity(place.target)
        raise _no_token(place, said)
    if isinstance(token, Exception):
        # Where an answer is not what it should be, looking into it fails in some way.
        unanswered = isinstance(token, OSError) and not isinstance(token, ValueError)
        raise _no_token(place, reason(token, seconds) if unanswered else "its answer cannot be read")
    return Credentials(USER, token, "Trusted Publishing") if token else token_rules.no_identity(place.target)


#: Of who vouches for the run: it did not answer, or not with an identity (`id`, which twine asks).
_UNANSWERED = re.compile(r"timed out|request failed|encountered an error|JSON|missing from response")


def _no_token(place: Place, said: str) -> WorldFailed:
    return WorldFailed(
        f"no upload token could be had from {place.target.host} for this run",
        "run it again; where it lasts, look at the index's status page",
        stderr=said,
    )


#: Seconds for the question whether a token is taken; nothing is lost where it stays unanswered.
PROBE_SECONDS = 10.0


def probe(place: Place, credentials: Credentials, seconds: float = PROBE_SECONDS) -> Answer:
    """Return the index's answer to an upload form without a file, by which nothing can be made.

    Warehouse looks at the token before it looks at the form (warehouse/forklift/legacy.py), and so do pypiserver and
    devpi (measured).
    """
    from tagready.doors.http import within

    answer = within(seconds, lambda: _ask(place, credentials, seconds))
    return Answer(None, type(answer).__name__) if isinstance(answer, Exception) else answer


def _ask(place: Place, credentials: Credentials, seconds: float) -> Answer:
    from requests.auth import HTTPBasicAuth
    from twine.utils import get_clientcert, make_requests_session

    with make_requests_session() as session:
        session.verify = place.certificates or True
        session.cert = get_clientcert(None, place.config)
        # As bytes, for requests takes text to be Latin-1.
        session.auth = HTTPBasicAuth(credentials.user.encode(), credentials.password.encode())
        answer = session.post(
            place.url,
            files={":action": (None, "file_upload"), "protocol_version": (None, "1")},
            allow_redirects=False,
            timeout=seconds,
        )
        return Answer(answer.status_code, answer.text or answer.reason or "")
