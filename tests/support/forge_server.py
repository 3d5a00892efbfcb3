"""A forge on this machine that answers as GitHub's REST API does: tags, pull requests, and releases with their files.

Three hosts, as with GitHub: the API, the one that takes uploads, and the one that downloads are redirected to. What a
request may do, and which texts it is refused with, is by the API's documentation (version 2022-11-28).
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock, Thread
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit

T = TypeVar("T")

REPOSITORY = "acme/demo"
WRITER, READER = "ghs_writes0000", "ghs_reads00000"
HOSTS = ("api", "uploads", "objects")


class Seen(NamedTuple):
    """A request: the host that was asked, and whether it got the token."""

    host: str
    method: str
    path: str
    authorization: str | None
    body: bytes


class Reply(NamedTuple):
    """An answer; its body is JSON unless it is bytes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


#: Says in place of the forge what a request is answered with; None leaves it to the forge.
Fault = Callable[[int, Seen], "Reply | str | None"]
#: A connection that is cut instead of an answer: before anything is done, or after all is done.
BEFORE, AFTER = "cut before", "cut after"


@dataclass
class File:
    """A file of a release."""

    id: int
    name: str
    content: bytes
    state: str = "uploaded"
    uploader: str = "github-actions[bot]"


@dataclass
class Kept:
    """A release."""

    id: int
    tag: str
    title: str = ""
    body: str = ""
    draft: bool = True
    prerelease: bool = False
    files: list[File] = field(default_factory=list)

    def contents(self) -> dict[str, bytes]:
        return {file.name: file.content for file in self.files}


class ForgeServer:
    """The forge: `with ForgeServer() as forge:`; everything about it that is not a method may be set at any time."""

    def __init__(self) -> None:
        self.tokens = {WRITER: True, READER: False}
        #: Tags by name: the commit, or the annotated tags on the way to it and the commit.
        self.tags: dict[str, list[str]] = {}
        self.pulls: dict[str, list[dict[str, Any]]] = {}
        self.releases: list[Kept] = []
        self.latest: str | None = None
        self.immutable = False
        self.digests = True
        self.page_size = 2
        self.fault: Fault = lambda number, seen: None
        self.requests: list[Seen] = []
        self._ids = iter(range(1, 1 << 30))
        self._lock = RLock()
        self._servers: dict[str, _Server] = {}

    def __enter__(self) -> Self:
        for host in HOSTS:
            server = self._servers[host] = _Server(self, host)
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def url(self, host: str = "api") -> str:
        return f"http://127.0.0.1:{self._servers[host].server_port}"

    def environment(self, token: str | None = WRITER) -> dict[str, str]:
        """Return what a workflow has of it."""
        known = {"GITHUB_API_URL": self.url(), "GITHUB_REPOSITORY": REPOSITORY}
        return known | ({"GITHUB_TOKEN": token} if token else {})

    def keep(self, tag: str, **more: Any) -> Kept:
        """Make a release, as if somebody had done so before."""
        kept = Kept(next(self._ids), tag, **more)
        self.releases.append(kept)
        return kept

    def put(self, kept: Kept, name: str, content: bytes, state: str = "uploaded") -> File:
        """Add a file to a release."""
        file = File(next(self._ids), name, content, state)
        kept.files.append(file)
        return file

    # -- answering -------------------------------------------------------------------------------------------------

    def answer(self, handler: _Handler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(size)
        seen = Seen(handler.server.host, handler.command, handler.path, handler.headers.get("Authorization"), body)
        with self._lock:
            self.requests.append(seen)
            spoiled = self.fault(len(self.requests), seen)
            if spoiled == BEFORE:
                return handler.cut()
            reply = spoiled if isinstance(spoiled, Reply) else self._reply(seen, handler.headers)
            if spoiled == AFTER:
                return handler.cut()
        return handler.send(reply)

    def _reply(self, seen: Seen, headers: Any) -> Reply:
        parts = urlsplit(seen.path)
        path = unquote(parts.path)
        if seen.host == "objects":
            # Storage of another kind: it knows signed addresses, and refuses what has a token besides.
            if seen.authorization:
                return Reply(400, b"Only one auth mechanism allowed")
            return Reply(200, self._file(int(path.rpartition("/")[2]))[1].content)
        token = (seen.authorization or "").removeprefix("Bearer ")
        if token not in self.tokens:
            return _refused(401, "Bad credentials")
        if not path.startswith(f"/repos/{REPOSITORY}/"):
            return _refused(404)
        writes = self.tokens[token]
        if seen.method != "GET" and not writes:
            return _refused(403, "Resource not accessible by integration")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        rest = path.removeprefix(f"/repos/{REPOSITORY}/")
        for pattern, method, host, answer in self._routes():
            match = re.fullmatch(pattern, rest)
            if match and method == seen.method and host == seen.host:
                try:
                    return answer(*match.groups(), seen=seen, query=query, writes=writes, accept=headers["Accept"])
                except LookupError:
                    return _refused(404)
        return _refused(404)

    def _routes(self) -> list[tuple[str, str, str, Callable[..., Reply]]]:
        return [
            (r"git/ref/tags/(.+)", "GET", "api", self._ref),
            (r"git/tags/(\w+)", "GET", "api", self._annotated),
            (r"commits/(\w+)/pulls", "GET", "api", self._pulls),
            (r"releases", "GET", "api", self._list),
            (r"releases", "POST", "api", self._create),
            (r"releases/(\d+)", "GET", "api", self._one),
            (r"releases/(\d+)", "PATCH", "api", self._update),
            (r"releases/assets/(\d+)", "GET", "api", self._asset),
            (r"releases/assets/(\d+)", "DELETE", "api", self._delete),
            (r"releases/(\d+)/assets", "POST", "uploads", self._upload),
        ]

    def _ref(self, name: str, **_: Any) -> Reply:
        return Reply(200, {"ref": f"refs/tags/{name}", "object": self._object(self.tags[name])})

    def _annotated(self, oid: str, **_: Any) -> Reply:
        chain = next(chain for chain in self.tags.values() if oid in chain[:-1]) if self.tags else []
        return Reply(200, {"sha": oid, "object": self._object(chain[chain.index(oid) + 1 :])})

    def _object(self, chain: list[str]) -> dict[str, str]:
        return {"type": "commit" if len(chain) == 1 else "tag", "sha": chain[0]}

    def _pulls(self, commit: str, query: Mapping[str, str], **_: Any) -> Reply:
        if commit not in self.pulls:
            return _refused(422, f"No commit found for SHA: {commit}")
        return self._page(f"commits/{commit}/pulls", self.pulls[commit], query)

    def _list(self, query: Mapping[str, str], writes: bool, **_: Any) -> Reply:
        shown = [self._shown(kept) for kept in reversed(self.releases) if writes or not kept.draft]
        return self._page("releases", shown, query)

    def _page(self, path: str, items: list[Any], query: Mapping[str, str]) -> Reply:
        """Return a page that is smaller than what was asked for, as the API reserves itself."""
        number, size = int(query.get("page", 1)), min(self.page_size, int(query.get("per_page", 30)))
        links = {}
        if number * size < len(items):
            address = f"{self.url()}/repos/{REPOSITORY}/{path}?per_page={size}&page="
            links = {"Link": f'<{address}{number + 1}>; rel="next", <{address}{-(-len(items) // size)}>; rel="last"'}
        return Reply(200, items[(number - 1) * size : number * size], links)

    def _one(self, number: str, writes: bool, **_: Any) -> Reply:
        kept = self._kept(int(number))
        return Reply(200, self._shown(kept)) if writes or not kept.draft else _refused(404)

    def _create(self, seen: Seen, **_: Any) -> Reply:
        asked = json.loads(seen.body)
        if any(kept.tag == asked["tag_name"] and not kept.draft for kept in self.releases):
            return _refused(422, "Validation Failed", resource="Release", code="already_exists", field="tag_name")
        kept = self.keep(
            asked["tag_name"], title=asked.get("name", ""), body=asked.get("body", ""), draft=asked["draft"],
            prerelease=asked.get("prerelease", False),
        )  # fmt: skip
        return Reply(201, self._shown(kept))

    def _update(self, number: str, seen: Seen, **_: Any) -> Reply:
        kept, asked = self._kept(int(number)), json.loads(seen.body)
        if self.immutable and not kept.draft:
            return _refused(422, "Validation Failed", resource="Release", code="custom", message="release is immutable")
        if asked.get("make_latest") == "true" and asked.get("prerelease", kept.prerelease):
            return _refused(422, "Validation Failed", resource="Release", code="invalid", field="make_latest")
        for key, name in ("draft", "draft"), ("body", "body"), ("prerelease", "prerelease"), ("name", "title"):
            if key in asked:
                setattr(kept, name, asked[key])
        if not kept.draft and kept.tag not in self.tags:
            self.tags[kept.tag] = ["made-by-the-forge"]
        if not kept.draft and asked.get("make_latest") == "true":
            self.latest = kept.tag
        return Reply(200, self._shown(kept))

    def _asset(self, number: str, accept: str, writes: bool, **_: Any) -> Reply:
        kept, file = self._file(int(number))
        if kept.draft and not writes:
            return _refused(404)
        if accept == "application/octet-stream":
            return Reply(302, b"", {"Location": f"{self.url('objects')}/signed/{file.id}?signature=secret"})
        return Reply(200, self._shown_file(file))

    def _delete(self, number: str, **_: Any) -> Reply:
        kept, file = self._file(int(number))
        if self.immutable and not kept.draft:
            return _refused(422, "Cannot delete asset from an immutable release")
        kept.files.remove(file)
        return Reply(204, b"")

    def _upload(self, number: str, seen: Seen, query: Mapping[str, str], **_: Any) -> Reply:
        kept = self._kept(int(number))
        name = query["name"].replace("!", ".")
        if self.immutable and not kept.draft:
            return _refused(422, "Cannot upload assets to an immutable release.")
        if any(file.name == name for file in kept.files):
            return _refused(422, "Validation Failed", resource="ReleaseAsset", code="already_exists", field="name")
        return Reply(201, self._shown_file(self.put(kept, name, seen.body)))

    # -- showing ---------------------------------------------------------------------------------------------------

    def _kept(self, number: int) -> Kept:
        return _first(kept for kept in self.releases if kept.id == number)

    def _file(self, number: int) -> tuple[Kept, File]:
        return _first((kept, file) for kept in self.releases for file in kept.files if file.id == number)

    def _shown(self, kept: Kept) -> dict[str, Any]:
        page = f"untagged-{kept.id:020x}" if kept.draft else kept.tag
        return {
            "id": kept.id, "tag_name": kept.tag, "target_commitish": "main", "name": kept.title or None,
            "body": kept.body or None, "draft": kept.draft, "prerelease": kept.prerelease,
            "immutable": self.immutable and not kept.draft,
            "html_url": f"https://github.com/{REPOSITORY}/releases/tag/{page}",
            "upload_url": f"{self.url('uploads')}/repos/{REPOSITORY}/releases/{kept.id}/assets{{?name,label}}",
            "assets": [self._shown_file(file) for file in kept.files],
        }  # fmt: skip

    def _shown_file(self, file: File) -> dict[str, Any]:
        whole = file.state == "uploaded"
        digest = f"sha256:{hashlib.sha256(file.content).hexdigest()}" if self.digests and whole else None
        return {
            "id": file.id, "name": file.name, "label": "", "size": len(file.content), "state": file.state,
            "digest": digest, "content_type": "application/octet-stream", "uploader": {"login": file.uploader},
        }  # fmt: skip


def _first(found: Iterable[T]) -> T:
    for each in found:
        return each
    raise LookupError


def _refused(status: int, said: str = "Not Found", **error: str) -> Reply:
    about = {"documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return Reply(status, {"message": said, **about} | ({"errors": [error]} if error else {}))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, forge: ForgeServer, host: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.forge = forge
        self.host = host

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    """One request, for each has a connection of its own."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.forge.answer(self)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status, HTTPStatus(reply.status).phrase)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204 and "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if reply.status != 204:
            self.wfile.write(body)
        self.close_connection = True

    def cut(self) -> None:
        """Reset the connection."""
        connection = cast(socket.socket, self.connection)
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
