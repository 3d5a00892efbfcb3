"""An index on this machine that answers as PyPI does: uploads, listings, files, and tokens for trusted publishers.

The texts, the statuses and the order of the checks are those of Warehouse, the software behind PyPI, of 2026-08-21.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shutil
import socket
import ssl
import sys
import tarfile
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader, StringIO
from pathlib import Path
from threading import RLock, Thread
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

if TYPE_CHECKING:
    import trustme

JSON = "application/vnd.pypi.simple.v1+json"
HTML_V1 = "application/vnd.pypi.simple.v1+html"
HTML = "text/html"
PLAIN = "text/plain"

#: For how many days a release takes files.
OPEN_DAYS = 14
MEBIBYTE = 1 << 20

_CHUNK = 1 << 16
_SPECIFICATIONS = "https://packaging.python.org"
_CORE_METADATA = f"{_SPECIFICATIONS}/specifications/core-metadata"
_LOCAL_VERSIONS = f"{_SPECIFICATIONS}/en/latest/specifications/version-specifiers/#local-version-identifiers"
_EXTENSIONS = {"sdist": (".zip", ".tar.gz"), "bdist_wheel": (".whl",)}
_CLASSIFIERS = (
    "Development Status", "Environment", "Framework", "Intended Audience", "License", "Natural Language",
    "Operating System", "Programming Language", "Topic", "Typing",
)  # fmt: skip
_MOST_IMPORTANT = ("metadata-version", "name", "version")
_STRINGS = ("metadata_version", "name", "version", "summary", "requires_python", "license", "license_expression")
#: Fields by their names in the form, which for one is not the standard's.
_LISTS = {"classifiers": "classifiers", "requires_dist": "requires_dist", "license_file": "license_files"}
_EXPLAINED = {
    400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    403: "Access was denied to this resource.",
    405: "The method POST is not allowed for this resource.",
    429: "The action could not be performed because there were too many requests by the client.",
}


# -- who asks ----------------------------------------------------------------------------------------------------------


def make_token(*caveats: list[object], location: str = "127.0.0.1", identifier: str = "a-token") -> str:
    """Return a token in the shape of PyPI's, a macaroon; [0, until, from] is a time, [1, [names]] a scope."""

    def packet(kind: int, content: bytes) -> bytes:
        size = len(content)
        return bytes([kind, size] if size < 128 else [kind, size & 127 | 128, size >> 7]) + content

    parts = [b"\x02", packet(1, location.encode()), packet(2, identifier.encode()), b"\x00"]
    for caveat in caveats:
        parts += [packet(2, json.dumps(caveat, separators=(",", ":")).encode()), b"\x00"]
    raw = b"".join([*parts, b"\x00"])
    return "pypi-" + base64.urlsafe_b64encode(raw + packet(6, hashlib.sha256(raw).digest())).decode().rstrip("=")


#: A token of an account; made, not written, so that no secret scanner finds one in this file.
TOKEN = make_token()


class Scope(NamedTuple):
    """What a token is good for: projects by their normalised names, or all of them where it names none."""

    projects: frozenset[str] | None = None
    expired: bool = False
    maintainer: bool = True
    verified: bool = True
    two_factor: bool = True
    #: A trusted publisher's token has no user behind it.
    publisher: bool = False

    @classmethod
    def of(cls, *names: str) -> Self:
        return cls(frozenset(map(canonicalize_name, names)))


ALL = Scope()
EXPIRED = Scope(expired=True)
NOT_ALLOWED = Scope(maintainer=False)
UNVERIFIED = Scope(verified=False)
ONE_FACTOR = Scope(two_factor=False)


# -- what is asked, and answered ---------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A request, without anything secret; it has no status where the client went away in the middle of it."""

    method: str
    path: str
    agent: str
    file: str | None
    status: int | None


class File(NamedTuple):
    """A file that the index has."""

    name: str
    project: str
    version: str
    kind: str
    size: int
    sha256: str
    blake2: str
    uploaded: datetime
    path: Path
    requires_python: str | None = None
    metadata: bytes | None = None
    attestations: tuple[object, ...] = ()
    yanked: bool | str = False

    @property
    def place(self) -> str:
        return f"/files/{self.blake2[:2]}/{self.blake2[2:4]}/{self.blake2[4:]}/{self.name}"


class Reply(NamedTuple):
    """An answer; a path stands for the content of the file there."""

    status: int
    body: bytes | Path = b""
    kind: str = HTML
    reason: str | None = None
    headers: Mapping[str, str] = {}


class Refused(Exception):  # noqa: N818
    """What a check has found."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, text)
        self.status, self.text, self.headers = status, text, headers or {}


class Unchanged(Exception):  # noqa: N818
    """The very file is there already."""


class Incomplete(Exception):  # noqa: N818
    """The client went away before it had sent everything."""


@dataclass
class Upload:
    """A form that was sent to /legacy/, and its file, which is on disk."""

    path: Path
    identity: Scope | None = None
    authorization: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    file: str | None = None
    content_type: str = ""
    size: int = 0
    digests: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        return self.fields.get(name, [""])[0]

    @property
    def scope(self) -> Scope:
        assert self.identity is not None
        return self.identity

    @property
    def name(self) -> str:
        assert self.file is not None
        return self.file

    @property
    def project(self) -> str:
        return canonicalize_name(self.get("name"))

    @property
    def version(self) -> Version:
        return Version(self.get("version"))

    @property
    def kind(self) -> str:
        return self.get("filetype")


class _Body:
    """The body of a request, of which no more is held than a piece."""

    def __init__(self, stream: BufferedReader, length: int) -> None:
        self._stream, self._left, self._held = stream, length, b""

    def until(self, mark: bytes) -> Iterator[bytes]:
        """Give all before a mark, in pieces, and leave what comes after it."""
        while True:
            before, found, after = self._held.partition(mark)
            if found:
                self._held = after
                yield before
                return
            sure = max(0, len(self._held) - len(mark) + 1)
            yield self._held[:sure]
            self._held = self._held[sure:] + self._more()

    def take(self, size: int) -> bytes:
        while len(self._held) < size:
            self._held += self._more()
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def rest(self) -> bytes:
        """Read to the end: a client that is still sending does not hear an answer."""
        size = len(self._held) + self._left
        return self.take(size) if size <= MEBIBYTE else self._skip()

    def _skip(self) -> bytes:
        self._held = b""
        while self._left:
            self._more()
        return b""

    def _more(self) -> bytes:
        chunk = b""
        with suppress(OSError):
            chunk = self._stream.read1(min(_CHUNK, self._left))
        if not chunk:
            raise Incomplete
        self._left -= len(chunk)
        return chunk


def _read_form(body: _Body, boundary: bytes, upload: Upload) -> None:
    mark = b"\r\n--" + boundary
    for _ in body.until(mark.lstrip()):
        pass
    while body.take(2) == b"\r\n":
        head = b"".join(body.until(b"\r\n\r\n")).decode()
        name, upload_name = _stated("name", head), _stated("filename", head)
        if upload_name is None:
            value = b"".join(body.until(mark)).decode("utf-8", "replace")
            upload.fields.setdefault(name or "", []).append(value)
        else:
            found = re.search(r"(?im)^content-type: *(\S+)", head)
            # A part that does not say what it is, as uv sends it, is text (RFC 7578, 4.4).
            upload.file, upload.content_type = upload_name, found[1] if found else "text/plain"
            _store(body.until(mark), upload)
    body.rest()


def _stated(name: str, head: str) -> str | None:
    found = re.search(rf'; {name}="([^"]*)"', head)
    return found[1] if found else None


def _store(chunks: Iterable[bytes], upload: Upload) -> None:
    hashes: dict[str, Any] = {
        "md5": hashlib.md5(usedforsecurity=False),
        "sha256": hashlib.sha256(),
        "blake2_256": hashlib.blake2b(digest_size=32),
    }
    with upload.path.open("wb") as target:
        for chunk in chunks:
            upload.size += target.write(chunk)
            for digest in hashes.values():
                digest.update(chunk)
    upload.digests = {name: digest.hexdigest() for name, digest in hashes.items()}


# -- the index ---------------------------------------------------------------------------------------------------------


class Warehouse:
    """The index: `with Warehouse() as index:`; everything about it that is not a method may be set at any time."""

    def __init__(self, *, tls: bool = False) -> None:
        self.tokens: dict[str, Scope] = {TOKEN: ALL}
        self.user = "releaser"
        # What is switched on and off.
        self.read_only = False
        self.uploads_disabled = False
        self.json = True
        self.hashes = True
        #: False is what a CDN makes of a status line: the usual phrase, and the text in the body alone.
        self.reasons = True
        self.api_version = "1.1"
        #: How many new projects may still be made.
        self.new_projects = 1000
        self.file_limit = 100 * MEBIBYTE
        self.inactive: set[str] = set()
        #: After each file taken, so many listings are still without it.
        self.lag = 0
        # Trusted publishing.
        self.audience = "pypi"
        self.publisher: Scope | None = None
        self.mint_error: tuple[str, str] | None = None
        self.oidc = True
        # What happened.
        self.requests: list[Seen] = []
        self.written: Counter[str] = Counter()
        self.files: dict[str, File] = {}
        self.projects: set[str] = set()
        self.deleted: set[str] = set()
        self.created: dict[tuple[str, Version], datetime] = {}
        self.failures: list[BaseException] = []

        self._request_token = uuid4().hex
        self._identities: set[str] = set()
        self._used: set[str] = set()
        self._old: dict[str, File] = {}
        self._stale_reads = 0
        self._tls = tls
        self._lock = RLock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="warehouse")))
        self.ca_file = certificate(self._folder) if self._tls else None
        server = _Server(self, server_context() if self._tls else None)
        self._stack.callback(server.stop)
        self.root = f"http{'s' * self._tls}://127.0.0.1:{server.server_port}/"
        self.upload_url, self.simple_url = f"{self.root}legacy/", f"{self.root}simple/"
        server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stack.close()
        if self.failures and error is None:
            raise self.failures[0]

    # What a test does to it.

    def put(self, path: Path, *, days: float = 0, yanked: bool | str = False) -> File:
        """Have a file, uploaded some days ago, without a request for it."""
        name = path.name
        read = parse_wheel_filename if name.endswith(".whl") else parse_sdist_filename
        project, version, *_ = cast(tuple[str, Version], read(name))
        upload = Upload(self._folder / uuid4().hex)
        upload.fields = {"name": [project], "version": [str(version)], "requires_python": [">=3.8"]}
        upload.fields["filetype"] = ["bdist_wheel" if name.endswith(".whl") else "sdist"]
        upload.file = name
        with path.open("rb") as file:
            _store(iter(lambda: file.read(_CHUNK), b""), upload)
        with self._lock:
            self._write(upload)
            self.backdate(project, str(version), days)
            self.files[name] = self.files[name]._replace(yanked=yanked)
        return self.files[name]

    def backdate(self, project: str, version: str, days: float) -> None:
        """Have a release, and its files, since so many days."""
        when = datetime.now(UTC) - timedelta(days=days)
        self.created[canonicalize_name(project), Version(version)] = when
        for file in list(self.files.values()):
            if (file.project, Version(file.version)) == (canonicalize_name(project), Version(version)):
                self.files[file.name] = file._replace(uploaded=when)

    def delete(self, name: str) -> None:
        """Delete a file; its name is never free again."""
        del self.files[name]
        self.deleted.add(name)

    @property
    def stale_reads(self) -> int:
        """How many of the next listings are as they were when this was set."""
        return self._stale_reads

    @stale_reads.setter
    def stale_reads(self, count: int) -> None:
        with self._lock:
            self._stale_reads, self._old = count, dict(self.files)

    def uploads(self) -> list[tuple[str | None, int | None]]:
        """Return the file and the status of each upload, in order."""
        return [(seen.file, seen.status) for seen in self.requests if seen.path.startswith("/legacy/")]

    def github(self) -> dict[str, str]:
        """Return the variables with which a job on GitHub asks for its identity."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self._request_token,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.root}github-oidc?api-version=2.0",
        }

    # Answers.

    def answer(self, request: _Handler) -> None:
        """Answer a request, and keep what may be known of it."""
        upload = Upload(self._folder / uuid4().hex)
        agent, path = request.headers.get("User-Agent", ""), urlsplit(request.path).path
        body = _Body(cast(BufferedReader, request.rfile), int(request.headers.get("Content-Length") or 0))
        try:
            reply = self._route(request, path, body, upload)
        except Incomplete:
            self.requests.append(Seen(request.command, path, agent, upload.file, None))
            return
        finally:
            upload.path.unlink(missing_ok=True)
        self.requests.append(Seen(request.command, path, agent, upload.file, reply.status))
        request.send(reply)

    def _route(self, request: _Handler, path: str, body: _Body, upload: Upload) -> Reply:
        method = "GET" if request.command == "HEAD" else request.command
        if (method, path) == ("POST", "/legacy/"):
            return self._legacy(request, body, upload)
        if (method, path) == ("POST", "/_/oidc/mint-token"):
            return self._mint(body.rest())
        body.rest()
        if (method, path) == ("POST", "/legacy"):
            text = "An upload was attempted to /legacy but the expected upload URL is /legacy/ (with a trailing slash)"
            return Reply(308, reason=text, headers={"Location": self.upload_url})
        if (method, path) == ("GET", "/_/oidc/audience"):
            return self._audience()
        if (method, path) == ("GET", "/github-oidc"):
            return self._identify(request)
        if method == "GET" and (found := re.fullmatch("/simple/([^/]+)(/?)", path)):
            return self._simple(found[1], found[2], request.headers.get("Accept", ""))
        if method == "GET" and path.startswith("/files/"):
            return self._serve(path)
        return Reply(404, b"404 Not Found", PLAIN)

    # Uploads.

    def _legacy(self, request: _Handler, body: _Body, upload: Upload) -> Reply:
        kind = request.headers.get("Content-Type", "")
        if found := re.match(r'multipart/form-data;.*boundary="?([^";]+)', kind):
            _read_form(body, found[1].encode(), upload)
        else:
            sent = parse_qs(body.rest().decode("latin-1"), keep_blank_values=True)
            upload.fields = sent if kind.startswith("application/x-www-form-urlencoded") else {}
        upload.authorization = request.headers.get("Authorization", "")
        try:
            with self._lock:
                for check in CHECKS:
                    check(self, upload)
                self._write(upload)
        except Unchanged:
            pass
        except Refused as refused:
            return self._error(refused)
        return Reply(200)

    def _error(self, refused: Refused) -> Reply:
        title = html.escape(f"{refused.status} {refused.text}")
        detail = f"{_EXPLAINED[refused.status]}<br/><br/>\n{html.escape(refused.text)}\n\n\n"
        head = f"<html>\n <head>\n  <title>{title}</title>\n </head>\n"
        page = f"{head} <body>\n  <h1>{title}</h1>\n  {detail} </body>\n</html>"
        reason = refused.text if self.reasons else None
        return Reply(refused.status, page.encode(), f"{HTML}; charset=UTF-8", reason, refused.headers)

    def _write(self, upload: Upload) -> None:
        if self.lag and not self._stale_reads:
            self.stale_reads = self.lag
        now = datetime.now(UTC)
        path = self._folder / upload.digests["blake2_256"]
        upload.path.rename(path)
        self.projects.add(upload.project)
        self.created.setdefault((upload.project, upload.version), now)
        self.written[upload.name] += 1
        self.files[upload.name] = File(
            upload.name, upload.project, str(upload.version), upload.kind, upload.size, upload.digests["sha256"],
            upload.digests["blake2_256"], now, path, upload.get("requires_python") or None,
            _metadata_in(path, upload.name), _attested(upload) or (),
        )  # fmt: skip

    def help(self, anchor: str) -> str:
        return f"See {self.root}help/#{anchor} for more information."

    # Listings and files.

    def _simple(self, name: str, slash: str, accept: str) -> Reply:
        project = canonicalize_name(name)
        if (name, slash) != (project, "/"):
            return Reply(301, headers={"Location": f"/simple/{project}/"})
        with self._lock:
            shown = self._old if self._stale_reads else self.files
            self._stale_reads = max(0, self._stale_reads - 1)
            files = sorted(
                (file for file in shown.values() if file.project == project),
                key=lambda file: (Version(file.version), file.name),
            )
            if not files and (shown is self._old or project not in self.projects):
                return Reply(404, b"404 Not Found", PLAIN)
        kind = _preferred(accept, self.json)
        page = self._json_page(project, files) if kind == JSON else self._html_page(project, files)
        headers = {"Vary": "Accept", "Cache-Control": "max-age=600, public", "X-PyPI-Last-Serial": str(len(self.files))}
        return Reply(200, page.encode(), kind, headers=headers)

    def _json_page(self, project: str, files: list[File]) -> str:
        versions = sorted({Version(file.version) for file in files})
        page = {
            "meta": {"api-version": self.api_version, "_last-serial": len(self.files)},
            "name": project,
            "versions": [str(version) for version in versions],
            "files": [self._json_file(file) for file in files],
        }
        return json.dumps(page) + "\n"

    def _json_file(self, file: File) -> dict[str, object]:
        metadata = {"sha256": hashlib.sha256(file.metadata).hexdigest()} if file.metadata else False
        return {
            "filename": file.name,
            "url": file.place,
            "hashes": {"sha256": file.sha256} if self.hashes else {},
            "requires-python": file.requires_python,
            "size": file.size,
            "upload-time": file.uploaded.replace(tzinfo=None).isoformat() + "Z",
            "yanked": file.yanked,
            "data-dist-info-metadata": metadata,
            "core-metadata": metadata,
            "provenance": None,
        }

    def _html_page(self, project: str, files: list[File]) -> str:
        links = "".join(f"    <a {self._inside(file)}>{file.name}</a><br />\n" for file in files)
        version = f'<meta name="pypi:repository-version" content="{self.api_version}">'
        head = f"{version}\n    <title>Links for {project}</title>"
        return (
            f'<!DOCTYPE html>\n<html lang="en">\n  <head>\n    {head}\n  </head>\n  <body>\n'
            f"    <h1>Links for {project}</h1>\n{links}  </body>\n</html>\n<!--SERIAL {len(self.files)}-->"
        )

    def _inside(self, file: File) -> str:
        said = {"href": file.place + (f"#sha256={file.sha256}" if self.hashes else "")}
        if file.requires_python:
            said["data-requires-python"] = file.requires_python
        if file.yanked:
            said["data-yanked"] = file.yanked if isinstance(file.yanked, str) else ""
        if file.metadata:
            said["data-core-metadata"] = f"sha256={hashlib.sha256(file.metadata).hexdigest()}"
        return " ".join(f'{name}="{html.escape(value)}"' for name, value in said.items())

    def _serve(self, path: str) -> Reply:
        for file in list(self.files.values()):
            if path == file.place:
                return Reply(200, file.path, "application/octet-stream")
            if path == f"{file.place}.metadata" and file.metadata is not None:
                return Reply(200, file.metadata, "application/octet-stream")
        return Reply(404, b"404 Not Found", PLAIN)

    # Trusted publishing.

    def _audience(self) -> Reply:
        if not self.oidc:
            return _json(403, {"message": "Trusted publishing functionality not enabled"})
        return _json(200, {"audience": self.audience})

    def _identify(self, request: _Handler) -> Reply:
        """Answer as GitHub does where a job asks for its identity."""
        if request.headers.get("Authorization", "").lower() != f"bearer {self._request_token}":
            return _json(401, {"message": "The token is not valid"})
        audience = parse_qs(urlsplit(request.path).query).get("audience", [""])[0]
        claims = {"iss": f"{self.root}github-oidc", "aud": audience, "jti": uuid4().hex}
        claims |= {"repository": "owner/demo", "ref": "refs/tags/v1.4.0", "environment": "pypi"}
        parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
        jwt = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, uuid4().bytes))
        self._identities.add(jwt)
        return _json(200, {"count": len(jwt), "value": jwt})

    def _mint(self, body: bytes) -> Reply:
        try:
            jwt = json.loads(body)["token"]
            assert isinstance(jwt, str)
        except (ValueError, KeyError, TypeError, AssertionError):
            return _not_minted("invalid-payload", "1 validation error for TokenPayload")
        with self._lock:
            if why := self._why_not(jwt):
                return _not_minted(*why)
            self._used.add(jwt)
        assert self.publisher is not None
        now = int(time())
        token = make_token([0, now + 900, now], identifier=uuid4().hex)
        self.tokens[token] = self.publisher._replace(publisher=True)
        return _json(200, {"success": True, "token": token, "expires": now + 900})

    def _why_not(self, jwt: str) -> tuple[str, str] | None:
        """Return the code and the description of what speaks against a token for an identity."""
        if self.mint_error:
            return self.mint_error
        if not self.oidc:
            return "not-enabled", "GitHub trusted publishing functionality not enabled"
        if jwt.count(".") != 2:
            return "invalid-payload", "malformed JWT"
        if jwt not in self._identities or _claims(jwt)["aud"] != self.audience:
            return "invalid-token", "malformed or invalid token"
        if self.publisher is None:
            why = "Publisher with matching claims was not found"
            return "invalid-publisher", f"valid token, but no corresponding publisher ({why})"
        if jwt in self._used:
            return "invalid-reuse-token", "invalid token: already used"
        return None


def _json(status: int, content: object) -> Reply:
    return Reply(status, json.dumps(content).encode(), "application/json")


def _not_minted(code: str, description: str) -> Reply:
    return _json(422, {"message": "Token request failed", "errors": [{"code": code, "description": description}]})


def _claims(jwt: str) -> dict[str, str]:
    part = jwt.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(claims, dict)
    return claims


def _preferred(accept: str, with_json: bool) -> str:
    """Return the kind of page that a client likes best; of those that it likes as much, the first."""
    offered = (HTML, HTML_V1, JSON) if with_json else (HTML,)
    liked = dict.fromkeys(offered, 0.0)
    for part in accept.split(","):
        pattern, _, parameters = (piece.strip() for piece in part.partition(";"))
        found = re.search(r"q=([0-9.]+)", parameters)
        for kind in offered:
            if pattern in (kind, "*/*", f"{kind.partition('/')[0]}/*"):
                liked[kind] = max(liked[kind], float(found[1]) if found else 1.0)
    return max(offered, key=lambda kind: liked[kind])


def _metadata_in(path: Path, name: str) -> bytes | None:
    if not name.endswith(".whl") or not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive, suppress(KeyError):
        return archive.read(f"{'-'.join(name.split('-')[:2])}.dist-info/METADATA")
    return None


# -- what is checked before a file is taken, in this order -------------------------------------------------------------

Check = Callable[[Warehouse, Upload], None]


def _action(_: Warehouse, upload: Upload) -> None:
    if upload.get(":action") != "file_upload":
        raise Refused(405, "Method Not Allowed", {"Allow": "GET, HEAD, OPTIONS"})


def _switches(index: Warehouse, _: Upload) -> None:
    if index.read_only:
        raise Refused(403, "Read-only mode: Uploads are temporarily disabled.")
    if index.uploads_disabled:
        raise Refused(403, f"New uploads are temporarily disabled. {index.help('admin-intervention')}")


def _identity(index: Warehouse, upload: Upload) -> None:
    scheme, _, given = upload.authorization.partition(" ")
    user, token = "__token__", given
    if scheme.lower() == "basic":
        with suppress(ValueError):
            user, _, token = base64.b64decode(given).decode().partition(":")
    if user != "__token__":
        raise Refused(
            403,
            "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted Publishers "
            f"instead. See {index.root}help/#apitoken and {index.root}help/#trusted-publishers",
        )
    upload.identity = index.tokens.get(token.strip())
    if upload.identity is None:
        raise Refused(403, f"Invalid or non-existent authentication information. {index.help('invalid-auth')}")


def _form(_: Warehouse, upload: Upload) -> None:
    if upload.fields.get("protocol_version", ["1"])[0] != "1":
        raise Refused(400, "Unknown protocol version.")
    name, kind = upload.get("name"), upload.kind
    if not re.fullmatch(r"(?ai)[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", name):
        wrong = "Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'."
        why = wrong if name else "This field is required."
        raise Refused(400, f"{name!r} is an invalid value for Name. Error: {why} {_see(_CORE_METADATA)}")
    if kind not in _EXTENSIONS:
        why = "Use a known file type." if kind else "This field is required."
        raise Refused(400, f"Invalid value for filetype. Error: {why}")
    for field_, label in (("sha256_digest", "SHA256"), ("blake2_256_digest", "BLAKE2")):
        if upload.get(field_) and not re.fullmatch("(?i)[A-F0-9]{64}", upload.get(field_)):
            why = f"Use a valid, hex-encoded, {label} message digest."
            raise Refused(400, f"Invalid value for {field_}. Error: {why}")
    if kind != "sdist" and not upload.get("pyversion"):
        why = "Python version is required for binary distribution uploads."
        raise Refused(400, f"Invalid value for pyversion. Error: {why}")


def _digest_given(_: Warehouse, upload: Upload) -> None:
    if not any(upload.get(f"{name}_digest") for name in ("md5", "sha256", "blake2_256")):
        raise Refused(400, "Error: Include at least one message digest.")


def _metadata(_: Warehouse, upload: Upload) -> None:
    raw: dict[str, object] = {name: upload.get(name) for name in _STRINGS if upload.get(name)}
    raw |= {_LISTS[name]: values for name, values in upload.fields.items() if name in _LISTS}
    found: list[InvalidMetadata] = []
    try:
        Metadata.from_raw(cast(RawMetadata, raw))
    except* InvalidMetadata as group:
        found += [error for error in group.exceptions if isinstance(error, InvalidMetadata)]
    if not found:
        found += _own_rules(upload)
    found.sort(key=lambda error: (error.field not in _MOST_IMPORTANT, error.field))
    for error in found:
        local = error.field == "version" and "local versions" in str(error)
        text = f"{str(error).removesuffix('.')}."
        raise Refused(400, f"{text} {_see(_LOCAL_VERSIONS if local else _CORE_METADATA)}")


def _own_rules(upload: Upload) -> Iterator[InvalidMetadata]:
    """Give what the index objects to, though the specification does not."""
    if upload.version.local:
        yield InvalidMetadata("version", f"The use of local versions in '{upload.version}' is not allowed.")
    for classifier in upload.fields.get("classifiers", []):
        if classifier.partition(" :: ")[0] not in _CLASSIFIERS:
            yield InvalidMetadata("classifier", f"{classifier!r} is not a valid classifier.")


def _content(_: Warehouse, upload: Upload) -> None:
    if upload.file is None:
        raise Refused(400, "Upload payload does not have a file.")


def _project(index: Warehouse, upload: Upload) -> None:
    if upload.project in index.projects:
        return
    if upload.scope.publisher:
        raise Refused(
            400,
            "Non-user identities cannot create new projects. This was probably caused by successfully using a pending "
            "publisher but specifying the project name incorrectly (either in the publisher or in your project's "
            "metadata). Please ensure that both match. "
            f"See: {index.root}trusted-publishers/troubleshooting/",
        )
    _account(index, upload)
    if index.new_projects < 1:
        policy = {
            "Ratelimit": '"project.create.user";r=0;t=55569',
            "Ratelimit-Policy": '"project.create.user";q=4;w=86400',
        }
        raise Refused(429, "Too many new projects created", policy)
    index.new_projects -= 1


def _permission(index: Warehouse, upload: Upload) -> None:
    scope, project = upload.scope, upload.get("name")
    if scope.expired:
        raise Refused(403, "Invalid API Token: token is expired")
    if scope.projects is not None and upload.project not in scope.projects:
        if scope.publisher:
            raise Refused(403, f"Invalid API Token: OIDC scoped token is not valid for project {project!r}")
        raise Refused(403, f"Invalid API Token: project-scoped token is not valid for project: {project!r}")
    if not scope.maintainer:
        who = "The given token" if scope.publisher else f"The user '{index.user}'"
        raise Refused(403, f"{who} isn't allowed to upload to project '{project}'. {index.help('project-name')}")


def _account(index: Warehouse, upload: Upload) -> None:
    who = f"User {index.user!r}, associated with the API token used, does not have"
    if not upload.scope.verified:
        raise Refused(
            403,
            f"{who} a verified primary email address. Please add a verified primary email before attempting to upload "
            f"to PyPI. {index.help('verified-email')}",
        )
    if not upload.scope.two_factor:
        raise Refused(
            403,
            f"{who} two-factor authentication enabled. Please enable two-factor authentication before attempting to "
            f"upload to PyPI. {index.help('two-factor-authentication')}",
        )


def _organization(index: Warehouse, upload: Upload) -> None:
    if upload.project in index.inactive:
        raise Refused(
            400,
            "Organization account owning this project is inactive. This may be due to inactive billing for Company "
            "Organizations, or administrator intervention for Community Organizations. Please contact support.",
        )


def _readme(index: Warehouse, upload: Upload) -> None:
    kind = upload.get("description_content_type").partition(";")[0]
    if not upload.get("description") or kind not in ("", "text/x-rst"):
        return
    from readme_renderer import rst

    if rst.render(upload.get("description"), stream=StringIO()) is None:
        where = f"for {kind!r}." if kind else "in the default format of reStructuredText."
        text = f"The description failed to render {where}"
        raise Refused(400, f"{text} {index.help('description-content-type')}")


def _filename(_: Warehouse, upload: Upload) -> None:
    name = upload.name
    if "/" in name or "\\" in name:
        raise Refused(400, "Cannot upload a file with '/' or '\\' in the name.")
    found = re.search(r"(?i)\.(tar\.gz|zip|whl)$", name)
    if not found:
        raise Refused(
            400,
            "Invalid file extension: Use .tar.gz, .whl or .zip extension. See https://www.python.org/dev/peps/pep-0527 "
            "and https://peps.python.org/pep-0715/ for more information",
        )
    if found[0] not in _EXTENSIONS[upload.kind]:
        raise Refused(
            400,
            f"Invalid file extension: Extension {found[0]} is invalid for filetype {upload.kind}. "
            f"{_see('https://www.python.org/dev/peps/pep-0527')}",
        )
    if not upload.content_type or upload.content_type.startswith("image/"):
        raise Refused(400, "Invalid distribution file.")


def _size(index: Warehouse, upload: Upload) -> None:
    if upload.size > index.file_limit:
        limit = f"Limit for project {upload.get('name')!r} is {index.file_limit // MEBIBYTE} MB."
        raise Refused(400, f"File too large. {limit} {index.help('requesting-a-file-size-limit-increase')}")


def _digests(_: Warehouse, upload: Upload) -> None:
    for name, digest in upload.digests.items():
        if upload.get(f"{name}_digest").lower() not in ("", digest):
            raise Refused(400, "The digest supplied does not match a digest calculated from the uploaded file.")


def _duplicate(index: Warehouse, upload: Upload) -> None:
    name, digest = upload.name, upload.digests["blake2_256"]
    for file in index.files.values():
        if (file.name, file.blake2) == (name, digest):
            raise Unchanged
        if file.name == name or file.blake2 == digest:
            what = f"({name!r}, with blake2_256 hash {digest!r})"
            raise Refused(400, f"File already exists {what}. {index.help('file-name-reuse')}")
    if name in index.deleted:
        raise Refused(
            400,
            "This filename was previously used by a file that has since been deleted. Use a different version. "
            f"{index.help('file-name-reuse')}",
        )


def _age(index: Warehouse, upload: Upload) -> None:
    since = index.created.get((upload.project, upload.version))
    if since and since < datetime.now(UTC) - timedelta(days=OPEN_DAYS):
        raise Refused(400, f"Uploading new files to releases older than {OPEN_DAYS} days is not allowed.")


def _one_sdist(index: Warehouse, upload: Upload) -> None:
    release = (upload.project, str(upload.version), "sdist")
    if upload.kind == "sdist" and release in {(file.project, file.version, file.kind) for file in index.files.values()}:
        raise Refused(400, "Only one sdist may be uploaded per release.")


def _sdist(_: Warehouse, upload: Upload) -> None:
    if upload.kind != "sdist":
        return
    if not tarfile.is_tarfile(upload.path):
        raise Refused(400, "Invalid distribution file. File is not a tarfile")
    with tarfile.open(upload.path) as archive:
        members = set(archive.getnames())
    top = os.path.commonpath(members)
    if f"{top}/PKG-INFO" not in members:
        raise Refused(400, f"Invalid distribution file. PKG-INFO not found at {top}/PKG-INFO")
    try:
        parse_sdist_filename(upload.name)
    except InvalidSdistFilename:
        raise Refused(400, f"Invalid source distribution filename: {upload.name}") from None
    expected = f"{upload.project.replace('-', '_')}-{upload.version}.tar.gz"
    if upload.name != expected:
        raise Refused(400, f"Filename {upload.name!r} is invalid, should be {expected!r}.")
    _licenses(upload, members, f"{top}/")


def _wheel(_: Warehouse, upload: Upload) -> None:
    if upload.kind == "sdist":
        return
    if not zipfile.is_zipfile(upload.path):
        raise Refused(400, "Invalid distribution file. File is not a zipfile")
    with zipfile.ZipFile(upload.path) as archive:
        members = set(archive.namelist())
    folder = f"{'-'.join(upload.name.split('-')[:2])}.dist-info"
    if f"{folder}/WHEEL" not in members:
        raise Refused(400, f"Invalid distribution file. WHEEL not found at {folder}/WHEEL")
    try:
        version = parse_wheel_filename(upload.name)[1]
    except InvalidWheelFilename as error:
        raise Refused(400, str(error)) from None
    given, expected = upload.name.partition("-")[0], upload.project.replace("-", "_")
    if canonicalize_name(given) != upload.project:
        raise Refused(400, f"Start filename for {upload.get('name')!r} with {expected!r}.")
    if given != expected:
        where = f"Filename {upload.name!r} should contain the normalized project name"
        raise Refused(400, f"{where} {expected!r}, not {given!r}.")
    if version != upload.version:
        raise Refused(400, f"Version in filename should be {str(upload.version)!r} not {str(version)!r}.")
    _licenses(upload, members, f"{folder}/licenses/")
    for required in ("RECORD", "METADATA"):
        if f"{folder}/{required}" not in members:
            what = f"does not contain the required {required} file: {folder}/{required}"
            raise Refused(400, f"Wheel '{upload.name}' {what}")


def _licenses(upload: Upload, members: set[str], folder: str) -> None:
    for name in upload.fields.get("license_file", []):
        if folder + name not in members:
            what = f"License-File {name} does not exist in distribution file {upload.name}"
            raise Refused(400, f"{what} at {folder}{name}")


def _attestations(_: Warehouse, upload: Upload) -> None:
    if "attestations" not in upload.fields:
        return
    why = None
    if not upload.scope.publisher:
        why = "Attestations are only supported when using Trusted Publishing"
    elif not (found := _attested(upload)):
        why = "Malformed attestations: an empty attestation set is not permitted"
        why = why if found == () else "Malformed attestations: 1 validation error for list[Attestation]"
    if why:
        raise Refused(400, f"Invalid attestations supplied during upload: {why}")


def _attested(upload: Upload) -> tuple[object, ...] | None:
    """Return the attestations in a form, none of which is verified; None where they are no list."""
    try:
        found = json.loads(upload.get("attestations") or "[]")
    except ValueError:
        return None
    return tuple(found) if isinstance(found, list) else None


def _see(url: str) -> str:
    return f"See {url} for more information."


CHECKS: tuple[Check, ...] = (
    _action, _switches, _identity, _form, _digest_given, _metadata, _content, _project, _permission, _account,
    _organization, _readme, _filename, _size, _digests, _duplicate, _age, _one_sdist, _sdist, _wheel, _attestations,
)  # fmt: skip


# -- the server --------------------------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    """A server that closes whatever is open when it ends; no thread or socket of it is left then."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, warehouse: Warehouse, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.warehouse, self._context = warehouse, context
        self._open: set[socket.socket] = set()
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._context:
            # The handshake is left to the connection's own thread.
            connection = secured(self._context, connection)
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        # Clients come and go as they like, and need not believe in the certificate.
        if error and not isinstance(error, OSError):
            self.warehouse.failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    """One request, for each has a connection of its own."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.warehouse.answer(self)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def send(self, reply: Reply) -> None:
        size = reply.body.stat().st_size if isinstance(reply.body, Path) else len(reply.body)
        reason = (reply.reason or HTTPStatus(reply.status).phrase).encode("latin-1", "replace").decode("latin-1")
        self.send_response(reply.status, reason)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(size))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(reply.body, bytes):
            self.wfile.write(reply.body)
        else:
            with reply.body.open("rb") as file:
                shutil.copyfileobj(file, self.wfile)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


# -- TLS ---------------------------------------------------------------------------------------------------------------


@cache
def _authority() -> trustme.CA:
    import trustme

    return trustme.CA()


def certificate(folder: Path) -> Path:
    """Write the certificate of the authority that all servers of this process rely on, and return its path."""
    path = folder / "ca.pem"
    _authority().cert_pem.write_to_path(path)
    return path


def secured(context: ssl.SSLContext, client: socket.socket) -> ssl.SSLSocket:
    """Return a connection for TLS, whose handshake is still to come; none is left open where the client is gone."""
    try:
        return context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
    except OSError as error:
        # Python forgets the socket of a client that has reset it (ssl.py, SSLSocket._create); only the frames have it.
        for frame, _ in traceback.walk_tb(error.__traceback__):
            half = frame.f_locals.get("self")
            if isinstance(half, ssl.SSLSocket):
                half.close()
        client.close()
        raise


def server_context() -> ssl.SSLContext:
    """Return what a TLS server on this machine needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


# -- clients -----------------------------------------------------------------------------------------------------------


def client_environment(ca_file: Path | None = None, **more: str) -> dict[str, str]:
    """Return an environment for twine and pip in which nothing but the test decides where they go, and as who."""
    ours = ("PIP_", "PYPI_", "TWINE_", "KEYRING_", "ACTIONS_", "GITHUB_")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    kept |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1"}
    kept |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "no_proxy": "127.0.0.1"}
    # Where nobody lives: neither a .pypirc nor a .netrc is found.
    kept |= {"HOME": str(Path(tempfile.gettempdir(), uuid4().hex))}
    if ca_file:
        kept |= dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT", "TWINE_CERT"), str(ca_file))
    return kept | more
