"""The door to an index: what it lists for a project."""

from __future__ import annotations

import os
import re
import warnings
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

from packaging.version import Version

from tagready.doors.http import first_line, is_exposed, reason, seconds_of, stay_encrypted, within
from tagready.facts.findings import WrongUse
from tagready.facts.versions import parse

# Half a second of imports (pydantic and requests below them) that only a run which asks an index should pay for.
if TYPE_CHECKING:
    from pypi_simple import DistributionPackage
    from requests import Response

T = TypeVar("T")

#: Seconds that an index has for its whole answer.
ANSWER_SECONDS = 10.0


class Listed(NamedTuple):
    """A file that an index lists; without a version where its name states none, without a SHA-256 if none is given."""

    name: str
    version: str | None
    sha256: str | None
    yanked: bool


class NotListed(NamedTuple):
    """Why an index could not be asked, and after how many seconds it wants to be asked again (None: not said)."""

    why: str
    retry_after: float | None = None


class Listing(NamedTuple):
    """What the index at a URL lists for a project."""

    url: str
    files: tuple[Listed, ...]

    def of(self, version: Version) -> tuple[Listed, ...]:
        """Return the files of a version, however their names spell it."""
        return tuple(file for file in self.files if file.version and parse(file.version) == version)

    def finals(self) -> tuple[Version, ...]:
        """Return the final versions (post-releases are) with a file that is not yanked, newest first."""
        stated = {parse(file.version) for file in self.files if file.version and not file.yanked}
        return tuple(sorted((found for found in stated if found and not found.is_prerelease), reverse=True))


def endpoint(url: str | None, repository: str | None = None) -> str:
    """Return the simple endpoint to ask: the URL, else TAGREADY_INDEX_URL, else that of twine's repository.

    It ends with a slash, and keeps its credentials. Raise WrongUse where it is no such address, or would be asked over
    plain http anywhere but on this machine.
    """
    chosen = url or os.environ.get("TAGREADY_INDEX_URL") or _usual(repository)
    return checked(chosen.strip().rstrip("/") + "/", "here or in TAGREADY_INDEX_URL")


def checked(address: str, where: str) -> str:
    """Return the address of an index; raise WrongUse where it is none, or plain http to any other machine.

    `where` says where people give it.
    """
    # In an address that is not well-formed, all before the last @ may be a password, and a query a token.
    shown = address.rpartition("@")[2].partition("?")[0]
    if not _is_endpoint(address):
        raise WrongUse(
            f"{shown!r} is not the address of an index",
            f"give one that begins with https:// and has no query, {where}",
        )
    if is_exposed(address):
        raise WrongUse(
            f"the index {shown!r} would be asked over plain http, and anybody on the way could answer for it",
            f"give its https address, {where}; plain http is for this machine alone",
        )
    return address


def _usual(repository: str | None) -> str:
    if repository == "testpypi":
        from twine.utils import TEST_REPOSITORY

        return urljoin(TEST_REPOSITORY, "/simple/")
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return PYPI_SIMPLE_ENDPOINT


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and named and not parts.query and not parts.fragment


def list_project(
    project: str, url: str | None = None, seconds: float = ANSWER_SECONDS, certificates: str | None = None
) -> Listing | NotListed:
    """Return what the index lists for a project, or why it could not be asked; raise WrongUse as endpoint().

    The listing is empty where the index answers 404, which is what PEP 503 has it say of a project it does not know.
    The answer is there within the seconds, and the URL is told without its credentials. `certificates` is the file of
    the authorities to rely on, if not the usual ones.
    """
    from http.client import responses

    from pypi_simple import UnsupportedContentTypeError
    from requests.utils import get_auth_from_url, urldefragauth

    asked = endpoint(url)
    bare = urldefragauth(asked)
    # As bytes, for requests takes text to be Latin-1, and a failure to encode it would quote the password.
    auth = tuple(part.encode() for part in get_auth_from_url(asked))

    def not_asked(why: str, retry_after: str | None = None) -> NotListed:
        return NotListed(f"the index could not be asked ({bare}: {why})", seconds_of(retry_after))

    answer = within(seconds, lambda: _get(bare, auth, project, seconds, certificates))
    if isinstance(answer, Exception):
        return not_asked(reason(answer, seconds))
    if answer.status_code == 404:
        return Listing(bare, ())
    if not answer.ok:
        said = f"it answers {answer.status_code} {responses.get(answer.status_code, '')}".rstrip()
        return not_asked(said, answer.headers.get("Retry-After"))
    try:
        return Listing(bare, _read(answer, project))
    except UnsupportedContentTypeError as error:
        return not_asked(f"it answers with {error.content_type!r}")
    except Exception as error:
        # Three parsers read what a stranger has sent; whatever they make of it, it is no listing.
        return not_asked(f"its answer cannot be read, {first_line(error)}")


def _get(url: str, auth: tuple[bytes, ...], project: str, seconds: float, certificates: str | None) -> Response:
    """Return the index's answer about a project, redirects followed."""
    from pypi_simple import ACCEPT_JSON_PREFERRED, PyPISimple

    with PyPISimple(url, auth=auth if any(auth) else None) as client:
        client.s.hooks["response"].append(stay_encrypted(lambda address: not is_exposed(address)))
        client.s.verify = certificates or True
        return client.s.get(client.get_project_url(project), headers={"Accept": ACCEPT_JSON_PREFERRED}, timeout=seconds)


def _read(answer: Response, project: str) -> tuple[Listed, ...]:
    """Return the files that a page lists; raise whatever its parsers do, and ValueError for a page of another kind."""
    from pypi_simple import ProjectPage

    with warnings.catch_warnings():
        # A newer minor version of the protocol and XHTML are both fine to read, and nothing that a user could mend.
        warnings.simplefilter("ignore")
        page = ProjectPage.from_response(answer, project)
    # Any HTML can be read, also that of a login page: taken for a listing, it would say that nothing is published.
    if page.repository_version is None and not any(package.package_type for package in page.packages):
        raise ValueError("it neither lists a distribution nor says that it is an index's")
    return tuple(
        Listed(package.filename, _version_in(package, project), _sha256(package.digests), package.is_yanked)
        for package in page.packages
    )


def _sha256(digests: dict[str, str]) -> str | None:
    digest = digests.get("sha256", "").lower()
    return digest if re.fullmatch("[0-9a-f]{64}", digest) else None


def _version_in(package: DistributionPackage, project: str) -> str | None:
    """Return the version in a file's name, canonical where it is one; None where the name is not the project's."""
    from packaging.utils import canonicalize_name

    from tagready.facts.publishing.dist_names import version_of

    found = version_of(package.filename, project)
    if found is not None or package.version is None:
        return found
    if canonicalize_name(package.project or "") != canonicalize_name(project):
        return None
    odd = parse(package.version)
    return str(odd) if odd else package.version
