"""The door to uploading: each file in one run of twine, in processes that can be ended, some side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, RLock, Thread, Timer
from typing import Any, NamedTuple

from tagready.doors.credentials import SECRET_VARIABLES, Credentials, Place
from tagready.doors.http import seconds_of
from tagready.facts.publishing.upload_answers import Answer

#: Side by side at most: more would be no kindness to the index.
AT_ONCE = 4
#: What it takes to start another process with twine in it, and how often is looked whether that would help.
START_SECONDS, LOOK_SECONDS = 0.5, 0.05

#: A file has this many seconds, and one more for each so many bytes: 50 kB/s, which is a bad mobile connection.
UPLOAD_SECONDS, BYTES_A_SECOND = 60.0, 50_000


class Upload(NamedTuple):
    """A file to upload: its path, what goes with it (attestations), and the seconds that it may take."""

    path: Path
    attestations: tuple[Path, ...] = ()
    seconds: float = UPLOAD_SECONDS


def seconds_for(size: int) -> float:
    """Return how long the upload of so many bytes may take, in seconds."""
    return UPLOAD_SECONDS + size / BYTES_A_SECOND


class Uploader:
    """Processes that upload, one file at a time each.

    The first one is started before anybody knows whether it is needed: that takes longer than many an upload. Others
    join it where what is left would keep one busy for longer than it takes to start another.
    """

    def __init__(self) -> None:
        self._processes = [_Process()]
        self._settings: dict[str, Any] = {}
        self._hide: Callable[[str], str] = str

    def open(self, place: Place, credentials: Credentials) -> None:
        """Say where to upload to, and with what."""
        self._settings = _settings(place, credentials)
        self._hide = credentials.hide

    def upload(self, files: Sequence[Upload]) -> dict[str, Answer]:
        """Return the answer to the upload of each file, by its name."""
        waiting = deque(files)
        answers: dict[str, Answer] = {}

        def work(process: _Process) -> None:
            while file := _next(waiting):
                answer = process.upload(file, self._settings)
                answers[file.path.name] = answer._replace(text=self._hide(answer.text))

        threads = [Thread(target=work, args=(self._processes[0],), daemon=True)]
        threads[0].start()
        start = time.monotonic()
        while alive := [thread for thread in threads if thread.is_alive()]:
            alive[0].join(LOOK_SECONDS)
            # One that is answered within a twentieth of a second says little, before others are.
            done, passed = len(answers), time.monotonic() - start
            left = passed / max(done, 1) * len(waiting)
            if left > START_SECONDS * len(threads) and passed > LOOK_SECONDS * 2 and len(threads) < AT_ONCE:
                if len(self._processes) == len(threads):
                    self._processes.append(_Process())
                threads.append(Thread(target=work, args=(self._processes[len(threads)],), daemon=True))
                threads[-1].start()
        return answers

    def close(self) -> None:
        """End all processes, whatever they are doing; none is started any more."""
        for process in self._processes:
            process.close()


def _next(waiting: deque[Upload]) -> Upload | None:
    """Return what is next, which another thread may have taken meanwhile."""
    with suppress(IndexError):
        return waiting.popleft()
    return None


class _Process:
    """A process that uploads; where it was ended, the next file starts another one."""

    def __init__(self) -> None:
        #: An interrupt closes it from another thread than the one that waits for an answer.
        self._lock = RLock()
        self._closed = False
        self._process: subprocess.Popen[str] | None = self._started()
        self._told = False

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            # -P: nothing that lies in the folder where this runs is imported.
            [sys.executable, "-P", "-m", "tagready.doors.uploader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            encoding="utf-8",
            # An interrupt is for us to tell, after the answer that may be on its way.
            start_new_session=True,
        )

    def upload(self, file: Upload, settings: dict[str, Any]) -> Answer:
        """Return the index's answer, or why there is none."""
        try:
            process = self._ready()
        except OSError as error:
            return Answer(None, f"no uploading process could be started: {error.strerror}")
        if process is None:
            return Answer(None, "interrupted")
        too_late = Event()

        def end() -> None:
            too_late.set()
            process.kill()

        late = Timer(file.seconds, end)
        late.daemon = True
        late.start()
        try:
            self._ask(process, file, settings)
            assert process.stdout is not None
            line = process.stdout.readline()
        except ValueError:  # somebody has closed the pipe
            line = ""
        finally:
            late.cancel()
        if line.endswith("\n"):
            return _answer(json.loads(line))
        self._end()
        slow = f"no answer within {file.seconds:g} seconds"
        return Answer(None, slow if too_late.is_set() else "the uploading process ended without an answer")

    def _ask(self, process: subprocess.Popen[str], file: Upload, settings: dict[str, Any]) -> None:
        lines = [] if self._told else [settings]
        self._told = True
        assert process.stdin is not None
        with suppress(OSError):  # it shows when the answer is read
            for line in (*lines, [str(file.path), *map(str, file.attestations)]):
                process.stdin.write(json.dumps(line) + "\n")
            process.stdin.flush()

    def _ready(self) -> subprocess.Popen[str] | None:
        """Return the process, or another one where it has ended; None once this is closed."""
        with self._lock:
            if self._closed:
                return None
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._process = self._started()
            return self._process

    def close(self) -> None:
        """End the process, and start none any more."""
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        """End the process, and close its pipes."""
        with self._lock:
            process, self._process, self._told = self._process, None, False
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()


def _settings(place: Place, credentials: Credentials) -> dict[str, Any]:
    from twine.utils import get_clientcert

    return {
        "repository_url": place.url,
        "username": credentials.user,
        "password": credentials.password,
        "cacert": place.certificates,
        "client_cert": get_clientcert(None, place.config),
    }


def _environment() -> dict[str, str]:
    """Return an environment without secrets, and without what would have twine do something else."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in SECRET_VARIABLES and not name.startswith("TWINE_")
    }


def _answer(document: dict[str, Any]) -> Answer:
    return Answer(document["status"], document["text"], seconds_of(document.get("retry_after")))
