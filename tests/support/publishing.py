"""What the tests of publishing share: releases in a folder, who watches, and the command as a process of its own."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dists import MADE, make_both, make_wheel
from indexes import Index
from projects import Result
from tagready.commands.publish import Options, Published, publish
from tagready.commands.releases.reconcile import Patience
from tagready.doors.release_folder import described_by
from tagready.facts.publishing import release_file
from tagready.facts.publishing.index_rules import OnIndex
from tagready.facts.publishing.release_file import ReleaseFile
from warehouse import TOKEN, Warehouse, client_environment

#: What tells of processes.
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

WHEEL, SDIST = "demo-1.4.0-py3-none-any.whl", "demo-1.4.0.tar.gz"
COMMIT = "0123456789abcdef" * 2 + "01234567"

#: As patient as the real one, and a hundred times as fast.
QUICK = Patience(first=0.01, longest=0.05, upload=5, listed_within=1.5, listing=2)


class Told:
    """Keeps what a watcher is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.standings: Sequence[OnIndex] = ()

    def says(self, text: str) -> None:
        self.lines.append(text)

    def stands(self, standings: Sequence[OnIndex]) -> None:
        self.standings = standings


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Let nothing but the test decide where an upload goes, and as whom."""
    for name in list(os.environ):
        ours = name.startswith(("TWINE_", "PYPI_", "KEYRING_", "GITHUB_", "ACTIONS_"))
        if ours or name.endswith(("_CA_BUNDLE", "SSL_CERT_FILE")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("HOME", str(home))


def describe(
    folder: Path, *, verdict: Mapping[str, Any] | None = None, only: Sequence[Path] | None = None, **instead: Any
) -> Path:
    """Write a release.json beside the distributions in a folder, as a build does, and return the folder."""
    paths = sorted(path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz")))
    files = tuple(described_by(path) for path in (paths if only is None else only))
    judged = {"ok": True, "findings": [], "skipped": []} if verdict is None else verdict
    release = ReleaseFile("demo", "1.4.0", "v1.4.0", COMMIT, 1767323046, "3.11", files, (), judged)
    (folder / release_file.NAME).write_text(release_file.as_json(release._replace(**instead)), encoding="utf-8")
    return folder


def make_release(folder: Path, **more: Any) -> Path:
    """Make a wheel and an sdist with their release.json, and return the folder."""
    make_both(folder)
    return describe(folder, **more)


def asked(index: Warehouse, dist: Path, **more: Any) -> Options:
    """Return what is asked for where a release is to be published to an index."""
    return Options(dist, repository_url=index.upload_url, index_url=index.simple_url, **more)


def published(options: Options, told: Told | None = None, patience: Patience = QUICK) -> Published:
    return publish(options, told or Told(), patience)


def actions(standings: Sequence[OnIndex]) -> dict[str, str]:
    """Return how each file stands, by its name."""
    return {each.file.name: str(each.action) for each in standings}


# -- as a process of its own -------------------------------------------------------------------------------------------


def command(index: Warehouse | None, *arguments: str) -> list[str]:
    """Return the command line that publishes to an index."""
    addresses = ["--repository-url", index.upload_url, "--index-url", index.simple_url] if index else []
    return [sys.executable, "-m", "tagready", "publish", *addresses, *arguments]


def environment(token: str | None = TOKEN, **more: str) -> dict[str, str]:
    """Return an environment with a token (None: without), and with nothing else of the kind."""
    kept = {"PYPI_API_TOKEN": token} if token is not None else {}
    return client_environment(None, PYTHONIOENCODING="utf-8", COLUMNS="80", **kept, **more)


def run(index: Warehouse | None, where: Path, *arguments: str, token: str | None = TOKEN, **variables: str) -> Result:
    """Run the command in a folder."""
    done = subprocess.run(
        command(index, *arguments), cwd=where, env=environment(token, **variables), capture_output=True,
        stdin=subprocess.DEVNULL, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def spawn(
    index_url: str, upload_url: str, where: Path, *arguments: str, token: str | None = TOKEN, **variables: str
) -> subprocess.Popen[str]:
    """Start the command in a folder, as the leader of a group of processes."""
    addresses = ["--repository-url", upload_url, "--index-url", index_url]
    return subprocess.Popen(
        [*command(None, *addresses), *arguments], cwd=where, env=environment(token, **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
    )  # fmt: skip


def children(process: int) -> list[int]:
    """Return the processes that a process has started and not yet seen end, whichever thread has started them."""
    lists = Path(f"/proc/{process}/task").glob("*/children")
    return sorted(int(child) for each in lists for child in each.read_text().split())


def all_end(processes: Sequence[int], seconds: float = 5.0) -> bool:
    """Whether all of some processes end in time; who has ended and was not waited for counts as well."""
    deadline = time.monotonic() + seconds
    while any(map(_runs, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(happened: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# -- an index that takes a file once and for all, and answers 400 to the same bytes ------------------------------------

#: Says its port.
PYPISERVER = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
from pypiserver import app
WSGIRequestHandler.log_message = lambda *_: None
ours = lambda user, password: (user, password) == ("me", "secret")
served = app(roots=[sys.argv[1]], authenticate=["update"], auther=ours, disable_fallback=True, hash_algo="sha256")
server = make_server("127.0.0.1", 0, served)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def pypiserver(folder: Path) -> Iterator[Index]:
    """Run a pypiserver over a folder, which takes uploads from one user."""
    folder.mkdir()
    command = [sys.executable, "-c", PYPISERVER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            root = f"http://127.0.0.1:{int(process.stdout.readline())}/"
            yield Index(root, f"{root}simple/", "me", "secret")
        finally:
            process.kill()


# -- distributions -----------------------------------------------------------------------------------------------------


def make_platform_wheel(folder: Path, platform: str, seed: int = 0) -> Path:
    """Make a wheel for one platform, which says so inside, too."""
    path = make_wheel(folder, filename=f"demo-1.4.0-{platform}.whl", seed=seed)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    record, wheel = (f"demo-1.4.0.dist-info/{name}" for name in ("RECORD", "WHEEL"))
    before = digest(members[wheel])
    members[wheel] = members[wheel].replace(b"py3-none-any", platform.encode())
    members[record] = members[record].replace(before.encode(), digest(members[wheel]).encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, MADE), content)
    return path


def digest(content: bytes) -> str:
    """Return what a RECORD says of a member's content."""
    hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={hashed},{len(content)}"
