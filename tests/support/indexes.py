"""Indexes on this machine: real ones, a pypiserver and a devpi, and a server that answers as a test tells it to."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, Request, build_opener

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html"

#: Seconds between two bytes of a server that trickles.
TRICKLE = 0.02


class Faulty(ThreadingHTTPServer):
    """A server with one answer for everything; keeps the requests that it got."""

    daemon_threads = False  # so that closing waits for every answer

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.closing = Event()
        self.root = f"http://127.0.0.1:{self.server_port}/"
        self.url = f"{self.root}simple/"


class Handler(BaseHTTPRequestHandler):
    """One request to a faulty server."""

    server: Faulty

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.answer(self)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


Answer = Callable[[Handler], None]


@contextmanager
def faulty(answer: Answer) -> Iterator[Faulty]:
    """Serve an answer on a free port; no thread or socket of it outlives the block."""
    with Faulty(answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


# -- answers -----------------------------------------------------------------------------------------------------------


def page(content: str | bytes, kind: str = HTML, status: int = 200, **headers: str) -> Answer:
    """Answer with a page; in the names of further headers, an underscore stands for a hyphen."""
    body = content.encode() if isinstance(content, str) else content

    def answer(request: Handler) -> None:
        request.send_response(status)
        for name, value in ({"Content_Type": kind, "Content_Length": str(len(body))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def html_page(*anchors: tuple[str, str], head: str = "") -> str:
    """Return a project's page (PEP 503) with the anchors of files: what stands inside `<a …>`, and the file's name."""
    links = "".join(f"<a {inside}>{name}</a><br>\n" for inside, name in anchors)
    return f"<!DOCTYPE html>\n<html><head>{head}<title>Links for demo</title></head><body>\n{links}</body></html>\n"


def json_page(*files: Mapping[str, object], version: str = "1.0") -> str:
    """Return a project's page (PEP 691) with files, each of which gets a URL."""
    listed = [{"url": f"/files/{file['filename']}", "hashes": {}} | dict(file) for file in files]
    return json.dumps({"meta": {"api-version": version}, "name": "demo", "files": listed})


def redirect(place: str) -> Answer:
    """Send on, once; what is asked for below /moved/ is a page without files."""
    moved, sent = page(json_page(), JSON), page("Moved.", status=302, Location=place)
    return lambda request: (moved if request.path.startswith("/moved/") else sent)(request)


def hang(request: Handler) -> None:
    """Never answer."""
    request.server.closing.wait()


def trickle(before: bytes) -> Answer:
    """Answer with the given bytes, and then with one after the other for as long as somebody listens."""

    def answer(request: Handler) -> None:
        request.wfile.write(before)
        with suppress(ConnectionError):
            while not request.server.closing.wait(TRICKLE):
                request.wfile.write(b"x")

    return answer


def cut_short(request: Handler) -> None:
    """Promise more than is sent."""
    page("<html>", Content_Length="1000")(request)


def hang_up(request: Handler) -> None:
    """Close the connection without a word."""


# -- a real index ------------------------------------------------------------------------------------------------------


@contextmanager
def pypiserver(folder: Path) -> Iterator[str]:
    """Run a pypiserver over a folder of distributions; gives the address of its index."""
    port = _free_port()
    command = [
        sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port), "--disable-fallback",
        "--hash-algo", "sha256", str(folder),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until_it_listens(process, port)
            yield f"http://127.0.0.1:{port}/simple/"
        finally:
            process.kill()


class Index(NamedTuple):
    """An index that takes uploads: where to, where it lists them, and as whom."""

    upload_url: str
    simple_url: str
    user: str
    password: str


# Initializes and serves in one process, which ends when we do, however we end: then nobody holds its standard input.
# It stretches its secrets for fourteen seconds, unless it is told not to.
DEVPI = """
import os, sys, threading
from devpi_server.init import init
from devpi_server.main import main
threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()
folder, port = sys.argv[1:]
init(argv=["devpi-init", "--serverdir", folder, "--no-root-pypi", "--root-passwd", "root"])
cheap = ["--argon2-memory-cost", "8", "--argon2-time-cost", "1", "--argon2-parallelism", "1"]
main(["devpi-server", "--serverdir", folder, "--host", "127.0.0.1", "--port", port, "--offline-mode", *cheap])
"""


@contextmanager
def devpi(folder: Path, password: str, user: str = "__token__") -> Iterator[Callable[[], Index]]:
    """Run a devpi whose only user has a password; gives what makes a fresh index on it."""
    port = _free_port()
    command = [sys.executable, "-c", DEVPI, str(folder / "devpi"), str(port)]
    log = (folder / "devpi.log").open("wb")
    with log, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as process:
        try:
            _wait_until_it_listens(process, port)
            root = f"http://127.0.0.1:{port}"
            _put(f"{root}/{user}", {"password": password}, _login(root, "root", "root"))
            key = _login(root, user, password)
            count = itertools.count(1)

            def fresh() -> Index:
                name = f"{root}/{user}/{next(count)}"
                _put(name, {"type": "stage", "bases": [], "volatile": False, "acl_upload": [user]}, key)
                return Index(f"{name}/", f"{name}/+simple/", user, password)

            yield fresh
        finally:
            process.kill()


def _login(root: str, user: str, password: str) -> str:
    answer = _put(f"{root}/+login", {"user": user, "password": password}, method="POST")
    return base64.b64encode(f"{user}:{answer['result']['password']}".encode()).decode()


def _put(url: str, content: object, key: str = "", method: str = "PUT") -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "X-Devpi-Auth": key}
    request = Request(url, json.dumps(content).encode(), headers, method=method)
    with build_opener(ProxyHandler({})).open(request) as answer:
        return json.load(answer)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert isinstance(port, int)
    return port


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise AssertionError(f"the index ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
