"""The door to GitHub: tags, pull requests and releases, through its REST API."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from tagready.doors.http import is_exposed, reason, seconds_of, stay_encrypted
from tagready.facts.findings import WorldFailed
from tagready.facts.reviews import PullRequest

# Imports that only a run which asks a forge should pay for.
if TYPE_CHECKING:
    from requests import PreparedRequest, Response

T = TypeVar("T")

PUBLIC_API = "https://api.github.com"
TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")
#: Seconds to connect, and seconds without a byte; who took a whole file may think for longer.
TIMEOUT, UPLOAD_TIMEOUT = (10.0, 30.0), (10.0, 120.0)
#: A longer pause than this, asked for by Retry-After, is left to the user.
LONGEST_ASKED = 60.0

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_AGAIN = "run it again; where it lasts, look at the forge's status page"


class Asset(NamedTuple):
    """A file of a release; half-uploaded where it is not `complete`, and of old ones no SHA-256 is known.

    `uploader` is the account that uploaded it; workflows have one of their own.
    """

    id: int
    name: str
    size: int
    complete: bool
    sha256: str | None
    uploader: str = ""


class ForgeRelease(NamedTuple):
    """A release as the forge has it; `url` is its page, and `upload_url` takes files."""

    id: int
    tag: str
    title: str
    body: str
    draft: bool
    prerelease: bool
    url: str
    upload_url: str
    assets: tuple[Asset, ...]


class Unanswered(WorldFailed):
    """Nobody knows whether a write was done: it is not repeated before somebody has looked."""


class Forge(NamedTuple):
    """A repository on GitHub, and the token that opens it; no text of it holds the token.

    Reads are repeated after each of the `pauses` (in seconds) where the answer is lost, 429 or 5xx, and so are the
    writes that can be repeated. Whatever else goes wrong raises WorldFailed.
    """

    api: str
    repository: str
    token: str
    pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)

    def __repr__(self) -> str:
        """Return all but the token."""
        return f"Forge({self.api!r}, {self.repository!r}, …)"

    # -- what is there ---------------------------------------------------------------------------------------------

    def commit_of_tag(self, tag: str) -> str | None:
        """Return the commit that a tag is on, through however many annotated tags; None where there is no such tag."""
        found = self._get(f"git/ref/tags/{quote(tag)}", missing=None)
        # Once, the address answered with all refs that begin so.
        if not isinstance(found, dict) or found.get("ref") != f"refs/tags/{tag}":
            return None
        kind, oid = _read(found, _pointed_to)
        while kind == "tag":
            kind, oid = _read(self._get(f"git/tags/{oid}"), _pointed_to)
        return oid if kind == "commit" else None

    def pull_requests_of(self, commit: str) -> tuple[PullRequest, ...]:
        """Return the pull requests that brought a commit, or that would."""
        return tuple(_read(item, _pull_request) for item in self._pages(f"commits/{commit}/pulls"))

    def releases(self) -> tuple[ForgeRelease, ...]:
        """Return all releases, newest first; drafts are among them where the token may write, and nowhere else."""
        return tuple(_read(item, _release) for item in self._pages("releases"))

    def release(self, number: int) -> ForgeRelease:
        """Return one release as it is now; the list of all may lag behind."""
        return _read(self._get(f"releases/{number}"), _release)

    def download(self, asset: Asset, path: Path) -> None:
        """Write a release's file to a path; whether it is the right one is for the caller to see."""
        url = self._url(f"releases/assets/{asset.id}")
        kind = {"Accept": "application/octet-stream", "Accept-Encoding": "identity"}
        self._again(partial(self._ask, "GET", url, into=path, headers=kind), f"GET {url}")

    # -- what is done ----------------------------------------------------------------------------------------------

    def create_draft(self, tag: str, title: str, body: str, *, prerelease: bool) -> ForgeRelease:
        """Return a new draft for a tag that is there; raise Unanswered where it may have been made.

        It is not repeated by itself, for a tag can have any number of drafts.
        """
        wanted = {"tag_name": tag, "name": title, "body": body, "draft": True, "prerelease": prerelease}
        return _read(self._once("POST", self._url("releases"), json=wanted), _release)

    def upload(self, release: ForgeRelease, path: Path) -> Asset:
        """Return a file as the release has it now; raise Unanswered where it may have arrived, or arrived in part."""
        url = f"{release.upload_url.partition('{')[0]}?name={quote(path.name, safe='')}"
        with path.open("rb") as file:
            # An empty file would be sent in chunks, which is not taken.
            content = file if path.stat().st_size else b""
            kind = {"Content-Type": "application/octet-stream"}
            return _read(self._once("POST", url, headers=kind, data=content, timeout=UPLOAD_TIMEOUT), _asset)

    def delete(self, asset: Asset) -> None:
        """Delete a release's file; one that is gone already is fine."""
        self._repeated("DELETE", self._url(f"releases/assets/{asset.id}"), missing=None)

    def publish(self, release: ForgeRelease, *, latest: bool) -> ForgeRelease:
        """Return a draft made public, which its own page shows as the newest one if it is `latest`."""
        wanted = {"draft": False, "prerelease": release.prerelease, "make_latest": "true" if latest else "false"}
        return self.update(release, wanted)

    def update(self, release: ForgeRelease, wanted: Mapping[str, object]) -> ForgeRelease:
        """Return a release with some of its fields changed; twice is the same as once."""
        return _read(self._repeated("PATCH", self._url(f"releases/{release.id}"), json=wanted), _release)

    # -- asking ----------------------------------------------------------------------------------------------------

    def _url(self, path: str) -> str:
        return f"{self.api}/repos/{self.repository}/{path}"

    def _get(self, path: str, **missing: Any) -> Any:
        return self._repeated("GET", self._url(path), **missing)

    def _pages(self, path: str) -> Iterator[Any]:
        """Yield what a list has, page by page (docs.github.com/rest/using-the-rest-api/using-pagination)."""
        url: str | None = f"{self._url(path)}?per_page=100"
        while url:
            answer = self._again(partial(self._ask, "GET", url), f"GET {_bare(url)}")
            page = _json(answer)
            if not isinstance(page, list):
                raise _unreadable(answer)
            yield from page
            url = answer.links.get("next", {}).get("url")
            if url and urlsplit(url)[:2] != urlsplit(self.api)[:2]:
                raise _unreadable(answer)  # it would get the token

    def _once(self, method: str, url: str, **more: Any) -> Any:
        """Return the answer to a write that must not be repeated unseen."""
        try:
            return _json(self._ask(method, url, **more))
        except _Passing as passing:
            failed = self._failed(passing, f"{method} {_bare(url)}")
            raise Unanswered(failed.what, failed.fix, failed.command, failed.stderr) from None

    def _repeated(self, method: str, url: str, **more: Any) -> Any:
        """Return the answer to what can be asked any number of times; `missing` is what 404 stands for."""
        nothing = "missing" in more
        more.pop("missing", None)

        def ask() -> Any:
            answer = self._ask(method, url, but=(404,) if nothing else (), **more)
            return None if answer.status_code in (204, 404) else _json(answer)

        return self._again(ask, f"{method} {_bare(url)}")

    def _again(self, ask: Callable[[], T], command: str) -> T:
        """Return what asking returns, asked again after a pause where no answer came that says anything."""
        pauses = list(self.pauses)
        while True:
            try:
                return ask()
            except _Passing as passing:
                if not pauses or (passing.retry_after or 0) > LONGEST_ASKED:
                    raise self._failed(passing, command) from None
                time.sleep(max(pauses.pop(0), passing.retry_after or 0))

    def _ask(self, method: str, url: str, but: tuple[int, ...] = (), into: Path | None = None, **more: Any) -> Response:
        """Return an answer below 300, or with a status that is fine as well; its body is read, or is in a file."""
        from requests import RequestException, Session
        from requests.exceptions import InvalidSchema

        if not _is_safe(url):
            raise WorldFailed(f"{_bare(url)} would be asked over plain http, with a token", "take its https address")
        headers = {
            "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "tagready",
        } | more.pop("headers", {})  # fmt: skip
        try:
            with Session() as session:
                session.hooks["response"].append(stay_encrypted(_is_safe))
                # As `auth`, for requests would replace a header by what .netrc says; it does not follow to another
                # host. A write that is sent on would become a read.
                answer = session.request(
                    method, url, headers=headers, auth=self._sign, allow_redirects=method == "GET", stream=True,
                    **{"timeout": TIMEOUT} | more,
                )  # fmt: skip
                # A body that breaks off leaves the connection open, unless somebody closes it.
                with answer:
                    fine = answer.status_code < 300 or answer.status_code in but
                    if into and fine:
                        _write(answer, into)
                    else:
                        _ = answer.content
        except InvalidSchema as error:
            raise WorldFailed(self._hide(f"{_bare(url)}: {error}"), _AGAIN, f"{method} {_bare(url)}") from None
        except RequestException as error:
            raise _Passing(reason(error, TIMEOUT[1])) from None
        if not fine:
            raise self._refused(answer, f"{method} {_bare(url)}")
        return answer

    def _sign(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def _refused(self, answer: Response, command: str) -> Exception:
        """Return what an answer means that is none of those that were hoped for."""
        status, words = answer.status_code, self._hide(_words(answer))
        said = f"{status} {words}".rstrip()
        asked = seconds_of(answer.headers.get("Retry-After"))
        limited = answer.headers.get("X-RateLimit-Remaining") == "0"
        if status >= 500 or status == 429 or (status == 403 and asked is not None and not limited):
            return _Passing(f"it answers {said}", asked)
        what = f"{_host(self.api)} answers {status} for {self.repository}"
        if limited and status == 403:
            when = time.strftime("%H:%M UTC", time.gmtime(_number(answer.headers.get("X-RateLimit-Reset"))))
            return WorldFailed(f"{what}: too many requests", f"run it again after {when}", command, words)
        if status == 422 and "already_exists" in words:
            # It arrived, and nobody has heard of it; or half of it did.
            return Unanswered(what, _AGAIN, command, words)
        if status == 401:
            fix = f"give the job a token that is valid, in {TOKENS[0]}"
        elif status in (403, 404):
            fix = "give the token what this takes: `permissions: contents: write` for releases, `contents: read` else"
        else:
            fix = _AGAIN
        return WorldFailed(what, fix, command, words)

    def _failed(self, passing: _Passing, command: str) -> WorldFailed:
        what = f"{_host(self.api)} could not be asked about {self.repository}"
        return WorldFailed(what, _AGAIN, command, self._hide(passing.why))

    def _hide(self, text: str) -> str:
        return text.replace(self.token, "***")


class _Passing(Exception):  # noqa: N818
    """What may be over in a moment."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after


def here() -> Forge | str:
    """Return the repository of this workflow run, or why it cannot be asked.

    GITHUB_REPOSITORY names it, GITHUB_TOKEN or GH_TOKEN opens it, and GITHUB_API_URL says where it is.
    """
    repository = os.environ.get("GITHUB_REPOSITORY", "").strip()
    token = next((value for name in TOKENS if (value := os.environ.get(name, "").strip())), "")
    api = (os.environ.get("GITHUB_API_URL", "").strip() or PUBLIC_API).rstrip("/")
    if not repository:
        return "GITHUB_REPOSITORY is not set, which names the repository (owner/name)"
    if not _REPOSITORY.fullmatch(repository) or repository.endswith(("/.", "/..")):
        return "GITHUB_REPOSITORY is not the name of a repository (owner/name)"
    if not token:
        return "there is no token: set GITHUB_TOKEN"
    # One with a line end in it would be quoted by the library that refuses it.
    if not re.fullmatch("[!-~]+", token):
        return "the token in GITHUB_TOKEN or GH_TOKEN has characters that no token has"
    if not _is_safe(api):
        return "GITHUB_API_URL is no https address, and a token is not sent to any other"
    return Forge(api, repository, token)


def _is_safe(url: str) -> bool:
    """Return whether nobody on the way can read what is sent: https, or this very machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    well_formed = bool(host) and port != 0 and "@" not in parts.netloc and parts.scheme in ("http", "https")
    return well_formed and not is_exposed(url)


def _write(answer: Response, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(answer.iter_content(1 << 16))


def _bare(url: str) -> str:
    """Return an address without its query: that of a redirected download opens what it names."""
    return url.partition("?")[0]


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _words(answer: Response) -> str:
    """Return what a refusal says of itself, in one line."""
    with suppress(Exception):
        said = answer.json()
        errors = [str(each.get("message") or each.get("code") or "") for each in said.get("errors", ())]
        return " ".join([str(said.get("message", "")), *errors]).strip()[:500]
    return ""


# -- reading answers ---------------------------------------------------------------------------------------------------


def _json(answer: Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise _unreadable(answer) from None


def _unreadable(answer: Response) -> WorldFailed:
    what = f"the answer of {_host(answer.url)} cannot be read"
    return WorldFailed(what, _AGAIN, f"{answer.request.method} {_bare(answer.url)}", f"status {answer.status_code}")


def _read(item: Any, read: Callable[[Any], T]) -> T:
    """Return what an item of an answer says, or raise WorldFailed where it is not what the API promises."""
    try:
        return read(item)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        keys = ", ".join(map(str, item)) if isinstance(item, dict) else type(item).__name__
        what = "an answer of the forge is not what its documentation says"
        raise WorldFailed(what, _AGAIN, stderr=f"{error!r} in an item of {keys}") from None


def _pointed_to(item: Any) -> tuple[str, str]:
    return str(item["object"]["type"]), str(item["object"]["sha"])


def _pull_request(item: Any) -> PullRequest:
    return PullRequest(int(item["number"]), item["merged_at"] is not None, str(item["base"]["ref"]))


def _release(item: Any) -> ForgeRelease:
    return ForgeRelease(
        id=int(item["id"]), tag=str(item["tag_name"]), title=item["name"] or "", body=item["body"] or "",
        draft=bool(item["draft"]), prerelease=bool(item["prerelease"]), url=str(item["html_url"]),
        upload_url=str(item["upload_url"]), assets=tuple(map(_asset, item["assets"])),
    )  # fmt: skip


def _asset(item: Any) -> Asset:
    return Asset(
        id=int(item["id"]), name=str(item["name"]), size=int(item["size"]), complete=item["state"] == "uploaded",
        sha256=_sha256(item.get("digest")), uploader=str((item.get("uploader") or {}).get("login", "")),
    )  # fmt: skip


def _sha256(digest: str | None) -> str | None:
    """Return the hash in `sha256:…`, which assets have since June 2025."""
    match = re.fullmatch("sha256:([0-9a-f]{64})", (digest or "").lower())
    return match[1] if match else None
