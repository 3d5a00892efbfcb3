"""A proxy in front of an index that does to chosen requests what networks and servers do."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread
from types import TracebackType
from typing import IO, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from warehouse import certificate, secured, server_context

#: What becomes of a request. A bare status is an answer that the index knows nothing of.
Kind = Literal[
    "refused", "reset-before", "reset-in", "reset-after", "429", "500-before", "500-after", "502", "503", "slow",
    "hang", "hang-after", "truncated", "wrong-type", "login", "stale", "tls-garbage", "tls-closed",
]  # fmt: skip
Phase = Literal["before", "forwarded", "answered"]
#: Told of each phase of each request by its number; where it returns True, the request goes no further.
Hook = Callable[[int, Phase], bool | None]

LOGIN = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form><input name=user></form></body></html>\n"
)

_CHUNK = 1 << 16
_HELD = 1 << 20
_RST = struct.pack("ii", 1, 0)


class Seen(NamedTuple):
    """A request; one whose TLS handshake was spoilt has the method TLS and no path."""

    number: int
    method: str
    path: str


class Fault(NamedTuple):
    """What happens to the request `at`, and from then on to so many in a row (None: for ever).

    With a method, only requests with that method are counted. `refused` begins when the request before is answered,
    for nobody sees who is refused, and ends after the seconds (None: when the proxy is told to heal).
    """

    kind: Kind
    at: int = 1
    times: int | None = 1
    method: str | None = None
    seconds: float | None = 0.5
    #: Of 429 and 503: seconds, or "date" for one a second from now.
    retry_after: str | None = "1"

    def hits(self, count: int) -> bool:
        return self.at <= count and (self.times is None or count < self.at + self.times)


class FaultProxy:
    """The proxy: `with FaultProxy(index.root, Fault("reset-after", 2)) as proxy:`; each request has its connection."""

    def __init__(self, upstream: str, *faults: Fault, tls: bool = False, on_request: Hook | None = None) -> None:
        parts = urlsplit(upstream)
        assert parts.scheme == "http"
        assert parts.hostname
        self.faults = list(faults)
        self.on_request = on_request
        self.requests: list[Seen] = []
        #: The numbers of the requests to which something was done, and what.
        self.applied: list[tuple[int, Kind]] = []
        self.failures: list[BaseException] = []

        self._upstream = parts.hostname, parts.port or 80
        self._tls = tls
        self._counts = [0] * len(faults)
        self._refused: set[int] = set()
        self._answers: dict[tuple[str, bytes], bytes] = {}
        self._closing = Event()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._sockets: set[socket.socket] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="faults")))
        self.ca_file = certificate(folder) if self._tls else None
        self._context = server_context() if self._tls else None
        self._door = _Door(self._accept)
        self.root = f"http{'s' * self._tls}://127.0.0.1:{self._door.port}/"
        if fault := self._refusal():
            self._door.shut()
            self._door.open_in(fault.seconds)
        self._door.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._closing.set()
        self._door.stop()
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._stack.close()
        if self.failures and error is None:
            raise self.failures[0]

    def through(self, url: str) -> str:
        """Return the address by which a URL of the index is asked for through this proxy."""
        parts = urlsplit(url)
        return self.root.rstrip("/") + url.removeprefix(f"{parts.scheme}://{parts.netloc}")

    def heal(self) -> None:
        """Do nothing more to any request."""
        with self._lock:
            self.faults, self._counts = [], []
        self._door.open_in(0)

    # Which fault it is.

    def _refusal(self) -> Fault | None:
        """Return the fault for which the next connection is to be refused."""
        with self._lock:
            for index, fault in enumerate(self.faults):
                due = fault.kind == "refused" and self._counts[index] == fault.at - 1
                if due and index not in self._refused:
                    self._refused.add(index)
                    self.applied.append((len(self.requests) + 1, fault.kind))
                    return fault
        return None

    def _count(self, method: str, path: str) -> tuple[int, Fault | None]:
        """Give a request its number, and the fault that it meets."""
        with self._lock:
            number, met = len(self.requests) + 1, None
            self.requests.append(Seen(number, method, path))
            for index, fault in enumerate(self.faults):
                if fault.method in (None, method):
                    self._counts[index] += 1
                    if fault.hits(self._counts[index]) and fault.kind != "refused":
                        met = met or fault
            if met:
                self.applied.append((number, met.kind))
        return number, met

    def _spoils_handshake(self) -> bool:
        with self._lock:
            return any(
                fault.kind.startswith("tls-") and fault.hits(count + 1)
                for fault, count in zip(self.faults, self._counts, strict=True)
            )

    # A connection.

    def _accept(self, client: socket.socket) -> None:
        thread = Thread(target=self._serve, args=(client,))
        self._threads.append(thread)
        thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with self._kept(client):
                if self._context and self._spoils_handshake():
                    self._spoil(client)
                elif self._context:
                    secret = secured(self._context, client)
                    with self._kept(secret):
                        secret.do_handshake()
                        self._exchange(secret)
                else:
                    self._exchange(client)
        except OSError:
            pass  # whoever closed it, the client sees
        except BaseException as error:
            self.failures.append(error)

    @contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[socket.socket]:
        """Have a connection that ends with the proxy."""
        with connection:
            with self._lock:
                self._sockets.add(connection)
            try:
                if self._closing.is_set():
                    raise ConnectionAbortedError
                yield connection
            finally:
                with self._lock:
                    self._sockets.discard(connection)

    def _spoil(self, client: socket.socket) -> None:
        _, fault = self._count("TLS", "")
        assert fault is not None
        client.recv(_CHUNK)
        if fault.kind == "tls-garbage":
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    def _exchange(self, client: socket.socket) -> None:
        stream = client.makefile("rb")
        with stream, tempfile.SpooledTemporaryFile(_HELD) as body:
            head = _read_head(stream)
            found = re.match(r"([A-Z]+) (\S+) HTTP/", head.decode("latin-1"))
            if not found:
                return
            method, path = found.groups()
            number, fault = self._count(method, path)
            request = _Request(number, method, path, head, client, stream, body)
            refusal = self._refusal()
            if refusal:
                self._door.shut()
            try:
                self._apply(request, fault)
            finally:
                if refusal:
                    self._door.open_in(refusal.seconds)

    def _apply(self, request: _Request, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        if kind == "reset-before":
            self._tell(request, "before")
            return request.reset()
        if kind == "reset-in":
            return self._cut(request)
        request.receive()
        if self._tell(request, "before") or request.is_gone():
            return None
        if fault and (answer := self._own_answer(request, fault)) is not None:
            return self._send(request, answer)
        if kind == "hang":
            return self._wait(None)
        answer = self._forward(request)
        if self._tell(request, "forwarded"):
            return None
        return self._deliver(request, fault, answer)

    def _deliver(self, request: _Request, fault: Fault | None, answer: bytes) -> None:
        kind = fault.kind if fault else None
        if kind == "reset-after":
            return request.reset()
        if kind in ("slow", "hang-after"):
            self._wait(fault.seconds if fault and kind == "slow" else None)
        if kind == "500-after":
            answer = _answer(500)
        if kind == "truncated":
            answer = _promising_more(answer)
        return self._send(request, answer)

    def _own_answer(self, request: _Request, fault: Fault) -> bytes | None:
        """Return the answer of a fault that the index never hears of."""
        after = _in_a_second() if fault.retry_after == "date" else fault.retry_after
        headers = {"Retry-After": after} if after and fault.kind in ("429", "503") else {}
        if found := re.fullmatch(r"(\d{3})(-before)?", fault.kind):
            return _answer(int(found[1]), headers=headers)
        if fault.kind == "wrong-type":
            return _answer(200, b"It works!\n", "text/plain")
        if fault.kind == "login":
            return _answer(200, LOGIN)
        if fault.kind == "stale":
            return self._answers.get(request.asked)
        return None

    def _send(self, request: _Request, answer: bytes) -> None:
        request.client.sendall(answer)
        self._tell(request, "answered")

    def _tell(self, request: _Request, phase: Phase) -> bool:
        return bool(self.on_request and self.on_request(request.number, phase))

    def _wait(self, seconds: float | None) -> None:
        if self._closing.wait(seconds):
            raise ConnectionAbortedError

    # The index.

    def _forward(self, request: _Request) -> bytes:
        """Return the index's answer; the first to each address is kept, to be told again when it is stale."""
        with self._kept(socket.create_connection(self._upstream)) as upstream:
            # It may answer, and close, before it has read everything.
            with suppress(ConnectionError):
                request.pass_on(upstream)
            answer = b"".join(iter(lambda: upstream.recv(_CHUNK), b""))
        if request.method == "GET":
            self._answers.setdefault(request.asked, answer)
        return answer

    def _cut(self, request: _Request) -> None:
        """Pass on half of the body; once the index has seen that no more comes, reset the client's connection."""
        request.receive(request.size // 2)
        if not self._tell(request, "before"):
            with self._kept(socket.create_connection(self._upstream)) as upstream, suppress(OSError):
                upstream.settimeout(1)
                request.pass_on(upstream)
                upstream.shutdown(socket.SHUT_WR)
                while upstream.recv(_CHUNK):
                    pass
        request.reset()


class _Request(NamedTuple):
    number: int
    method: str
    path: str
    head: bytes
    client: socket.socket
    stream: IO[bytes]
    body: IO[bytes]

    @property
    def size(self) -> int:
        assert b"transfer-encoding" not in self.head.lower()
        found = re.search(rb"(?im)^content-length: *(\d+)", self.head)
        return int(found[1]) if found else 0

    @property
    def asked(self) -> tuple[str, bytes]:
        """What was asked for, and in which form."""
        found = re.search(rb"(?im)^accept: *(.*?)\r$", self.head)
        return self.path, found[1] if found else b""

    def receive(self, size: int | None = None) -> None:
        """Read the body, or so much of it."""
        left = self.size if size is None else size
        while left:
            chunk = self.stream.read(min(_CHUNK, left))
            if not chunk:
                raise ConnectionAbortedError
            left -= self.body.write(chunk)

    def pass_on(self, upstream: socket.socket) -> None:
        """Send what is there of it, on a connection that it has for itself."""
        first, *lines = self.head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        kept = [line for line in lines if not re.match(rb"(?i)(connection|keep-alive):", line)]
        upstream.sendall(b"\r\n".join([first, *kept, b"Connection: close", b"", b""]))
        self.body.seek(0)
        while chunk := self.body.read(_CHUNK):
            upstream.sendall(chunk)

    def is_gone(self) -> bool:
        """Return whether the client has ended; what it has sent until then is here all the same."""
        if not select.select([self.client], [], [], 0)[0]:
            return False
        try:
            # Below TLS: a client that is killed says no goodbye.
            return not socket.socket.recv(self.client, 1, socket.MSG_PEEK)
        except OSError:
            return True

    def reset(self) -> None:
        _reset(self.client)


class _Door:
    """A port that listens, or refuses, and is ours all the while."""

    def __init__(self, accept: Callable[[socket.socket], None]) -> None:
        self._accept = accept
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._alarm = socket.socketpair()
        self._orders: SimpleQueue[tuple[str, float | None, Event]] = SimpleQueue()
        self._is_open = True
        self._opens_at: float | None = None
        self._lock, self._stopped = Lock(), False
        self._thread = Thread(target=self._watch)

    def start(self) -> None:
        self._thread.start()

    def shut(self) -> None:
        """Refuse connections from now on."""
        self._order("shut")

    def open_in(self, seconds: float | None) -> None:
        """Take connections again after so many seconds, or sooner if that was said before; None says nothing."""
        self._order("open", seconds)

    def stop(self) -> None:
        self._order("stop")
        self._thread.join()
        for end in (self._listener, self._wake, self._alarm):
            end.close()

    def _order(self, what: str, seconds: float | None = None) -> None:
        done = Event()
        with self._lock:
            if self._stopped:
                return
            if self._thread.ident is None:
                self._obey(what, seconds)
                return
            self._stopped = what == "stop"
            self._orders.put((what, seconds, done))
            self._alarm.send(b"!")
        done.wait()

    def _obey(self, what: str, seconds: float | None) -> None:
        if what == "shut" and self._is_open:
            # Bound, and not listening: nobody else gets the port, and who connects is refused.
            self._listener.close()
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(("127.0.0.1", self.port))
            self._is_open, self._opens_at = False, None
        if what == "open" and seconds is not None:
            due = time.monotonic() + seconds
            self._opens_at = due if self._opens_at is None else min(due, self._opens_at)
            self._open_if_due()

    def _open_if_due(self) -> None:
        if not self._is_open and self._opens_at is not None and self._opens_at <= time.monotonic():
            self._listener.listen()
            self._is_open = True

    def _watch(self) -> None:
        while True:
            left = None if self._is_open or self._opens_at is None else max(0.0, self._opens_at - time.monotonic())
            ready, _, _ = select.select([self._wake, *([self._listener] if self._is_open else [])], [], [], left)
            if self._wake in ready:
                self._wake.recv(1)
                what, seconds, done = self._orders.get()
                self._obey(what, seconds)
                done.set()
                if what == "stop":
                    return
            elif self._listener in ready:
                self._accept(self._listener.accept()[0])
            else:
                self._open_if_due()


def _read_head(stream: IO[bytes]) -> bytes:
    head = b""
    while line := stream.readline(_CHUNK):
        head += line
        if line == b"\r\n":
            return head
    return b""


def _reset(connection: socket.socket) -> None:
    """Close a connection with a RST, whatever is still on its way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
    connection.close()


def _answer(
    status: int, body: bytes | None = None, kind: str = "text/html", headers: dict[str, str] | None = None
) -> bytes:
    title = f"{status} {HTTPStatus(status).phrase}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n".encode()
    content = page if body is None else body
    said = {"Content-Type": kind, "Content-Length": str(len(content)), "Connection": "close"} | (headers or {})
    lines = [f"HTTP/1.1 {title}", *(f"{name}: {value}" for name, value in said.items()), "", ""]
    return "\r\n".join(lines).encode() + content


def _in_a_second() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


def _promising_more(answer: bytes) -> bytes:
    head, end, body = answer.partition(b"\r\n\r\n")
    promised, found = re.subn(rb"(?im)^content-length: *\d+", b"Content-Length: %d" % (len(body) + 1000), head)
    assert found == 1
    return promised + end + body


# -- a client that dies ------------------------------------------------------------------------------------------------


class Kill:
    """A hook that kills a process at a phase of a request: `proxy.on_request = kill`, `kill.aim(process)`.

    The process leads a group of its own (start_new_session=True), all of which dies with it; alone, it dies itself, and
    whatever it has started goes on.
    """

    def __init__(self, number: int, phase: Phase, *, alone: bool = False) -> None:
        self.at = number, phase
        self.alone = alone
        self.done = Event()
        self._targets: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()

    def aim(self, process: subprocess.Popen[bytes]) -> None:
        self._targets.put(process)

    def __call__(self, number: int, phase: Phase) -> bool:
        if (number, phase) != self.at:
            return False
        process = self._targets.get(timeout=30)
        if self.alone:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.done.set()
        return not self.alone
