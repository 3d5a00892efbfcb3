"""The door to uploading: each answer is told, a process that hangs is ended, and none has anything secret about it."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import indexes
from dists import make_both, make_wheel
from faults import Fault, FaultProxy, Kind
from indexes import faulty, page
from publishing import SDIST, WHEEL, children, isolate, on_linux, wait_until
from tagready.doors.credentials import Credentials, find_place
from tagready.doors.uploader import _upload
from tagready.doors.uploads import BYTES_A_SECOND, UPLOAD_SECONDS, Upload, Uploader, seconds_for
from tagready.facts.publishing.upload_answers import Answer, words
from warehouse import TOKEN, Warehouse, make_token


@pytest.fixture(autouse=True)
def _only_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def others() -> set[int]:
    """The processes that other tests have started."""
    return set(children(os.getpid()))


@pytest.fixture
def uploader(others: set[int]) -> Iterator[Uploader]:
    """What uploads, with the right token, once it is told where to."""
    made = Uploader()
    yield made
    made.close()
    assert mine(others) == []
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(2)
            assert not thread.is_alive()


def mine(others: set[int]) -> list[int]:
    return sorted(set(children(os.getpid())) - others)


def upload(uploader: Uploader, url: str, *paths: Path, token: str = TOKEN, seconds: float = 10.0) -> dict[str, Answer]:
    uploader.open(find_place(None, url), Credentials("__token__", token, "a test"))
    return uploader.upload([Upload(path, seconds=seconds) for path in paths])


def test_answers(uploader: Uploader, warehouse: Warehouse, tmp_path: Path) -> None:
    files = make_both(tmp_path)
    assert upload(uploader, warehouse.upload_url, *files) == {WHEEL: Answer(200), SDIST: Answer(200)}
    assert upload(uploader, warehouse.upload_url, *files) == {WHEEL: Answer(200), SDIST: Answer(200)}
    assert warehouse.written == {WHEEL: 1, SDIST: 1}
    assert upload(uploader, warehouse.upload_url) == {}


def test_refusals(uploader: Uploader, warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.put(make_wheel(tmp_path / "there", seed=1))
    answer = upload(uploader, warehouse.upload_url, make_wheel(tmp_path))[WHEEL]
    assert (answer.status, answer.retry_after) == (400, None)
    assert words(answer.text).startswith(f"File already exists ('{WHEEL}', with blake2_256 hash ")


#: What becomes of an upload, and which status that is; whether a reset is seen while sending or receiving is chance.
FAULTS: dict[Kind, tuple[int | None, str, float | None]] = {
    "refused": (None, "Connection refused", None),
    "reset-before": (None, "…", None),
    "reset-in": (None, "…", None),
    "reset-after": (None, "Connection reset by peer", None),
    "429": (429, "Too Many Requests", 7.0),
    "502": (502, "Bad Gateway", None),
    "503": (503, "Service Unavailable", 7.0),
    "hang": (None, "no answer within 0.5 seconds", None),
    "truncated": (None, "IncompleteRead(0 bytes read, 1000 more expected)", None),
    "wrong-type": (200, "", None),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults(kind: Kind, warehouse: Warehouse, uploader: Uploader, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, size=1 << 20)
    status, said, after = FAULTS[kind]
    with FaultProxy(warehouse.root, Fault(kind, times=5, seconds=None, retry_after="7")) as proxy:
        url = proxy.through(warehouse.upload_url)
        (answer,) = upload(uploader, url, wheel, seconds=0.5 if kind == "hang" else 10).values()
        assert (answer.status, answer.retry_after) == (status, after)
        assert words(answer.text) == said or said == "…"
        proxy.heal()
        assert upload(uploader, url, wheel) == {WHEEL: Answer(200)}


@on_linux
def test_a_process_that_ended_is_replaced(
    uploader: Uploader, warehouse: Warehouse, tmp_path: Path, others: set[int]
) -> None:
    files = make_both(tmp_path)
    upload(uploader, warehouse.upload_url, files[0])
    (process,) = mine(others)
    os.kill(process, 9)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert upload(uploader, warehouse.upload_url, files[1]) == {SDIST: Answer(200)}
    assert process not in mine(others)


@on_linux
def test_a_process_that_ends_without_an_answer(
    uploader: Uploader, warehouse: Warehouse, tmp_path: Path, others: set[int]
) -> None:
    with FaultProxy(warehouse.root, Fault("hang")) as proxy:

        def end() -> None:
            wait_until(lambda: proxy.applied)
            os.kill(mine(others)[0], 9)

        ending = threading.Thread(target=end)
        ending.start()
        answer = upload(uploader, proxy.through(warehouse.upload_url), make_wheel(tmp_path))
        ending.join()
    assert answer == {WHEEL: Answer(None, "the uploading process ended without an answer")}


@on_linux
def test_closed_from_another_thread_while_it_uploads(warehouse: Warehouse, tmp_path: Path, others: set[int]) -> None:
    """As an interrupt does: whatever waits is not begun, and no process is started for it."""
    files = [make_wheel(tmp_path, filename=f"demo-1.4.0-{build}-py3-none-any.whl") for build in range(6)]
    made = Uploader()
    with FaultProxy(warehouse.root, Fault("hang", times=None)) as proxy:
        answers: dict[str, Answer] = {}
        url = proxy.through(warehouse.upload_url)
        uploading = threading.Thread(target=lambda: answers.update(upload(made, url, *files)))
        uploading.start()
        wait_until(lambda: proxy.applied)
        made.close()
        uploading.join(5)
        assert not uploading.is_alive()
        assert mine(others) == []
        assert len(proxy.requests) <= 4
    assert set(answers) == {file.name for file in files}
    assert {answer.text for answer in answers.values()} <= {
        "interrupted", "the uploading process ended without an answer",
    }  # fmt: skip
    assert "interrupted" in {answer.text for answer in answers.values()}


def test_what_is_no_distribution(uploader: Uploader, warehouse: Warehouse, tmp_path: Path) -> None:
    other = tmp_path / "demo.txt"
    other.write_text("text")
    gone = tmp_path / WHEEL
    answers = upload(uploader, warehouse.upload_url, other, gone)
    assert {name: answer.status for name, answer in answers.items()} == {"demo.txt": 400, WHEEL: 400}
    assert all(answer.text.startswith("twine says: ") for answer in answers.values())
    assert warehouse.requests == []


def test_a_password_that_cannot_be_sent(uploader: Uploader, warehouse: Warehouse, tmp_path: Path) -> None:
    answer = upload(uploader, warehouse.upload_url, make_wheel(tmp_path), token="пароль")
    assert answer == {WHEEL: Answer(400, "twine failed (UnicodeEncodeError)")}


def test_what_the_process_does(warehouse: Warehouse, tmp_path: Path) -> None:
    """Here, where it can be seen doing it."""
    wheel, other = make_wheel(tmp_path), make_wheel(tmp_path / "other", seed=1)
    given = {"repository_url": warehouse.upload_url, "username": "__token__", "password": TOKEN}
    assert _upload(given, [str(wheel)]) == {"status": 200, "text": ""}
    assert _upload(given, [str(other)])["status"] == 400
    assert _upload(given | {"repository_url": "http://127.0.0.1:9/"}, [str(wheel)]) == {
        "status": None, "text": "Connection refused",
    }  # fmt: skip
    assert _upload(given, [str(tmp_path / "none.whl")])["text"].startswith("twine says: Cannot find file")
    assert _upload(given | {"password": "пароль"}, [str(wheel)])["text"] == "twine failed (UnicodeEncodeError)"
    with FaultProxy(warehouse.root, Fault("429", retry_after="7")) as proxy:
        answer = _upload(given | {"repository_url": proxy.through(warehouse.upload_url)}, [str(wheel)])
    assert (answer["status"], answer["retry_after"]) == (429, "7")


# -- nothing secret ----------------------------------------------------------------------------------------------------


@on_linux
def test_a_process_has_nothing_secret_about_it(
    monkeypatch: pytest.MonkeyPatch, warehouse: Warehouse, tmp_path: Path, others: set[int]
) -> None:
    token = make_token(identifier="unique")
    for name in ("PYPI_API_TOKEN", "TWINE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "TWINE_USERNAME", "TWINE_CERT"):
        monkeypatch.setenv(name, token)
    monkeypatch.setenv("KEPT", "kept")
    uploader = Uploader()
    monkeypatch.delenv("TWINE_CERT")
    with FaultProxy(warehouse.root, Fault("hang")) as proxy:
        uploading = threading.Thread(
            target=upload, args=(uploader, proxy.through(warehouse.upload_url), make_wheel(tmp_path)),
            kwargs={"token": token},
        )  # fmt: skip
        uploading.start()
        wait_until(lambda: proxy.applied)
        (process,) = mine(others)
        seen = [Path(f"/proc/{process}/{name}").read_bytes() for name in ("environ", "cmdline")]
        uploader.close()
        uploading.join()
    assert b"KEPT=kept" in seen[0]
    assert b"TWINE" not in seen[0]
    assert token.encode() not in b"".join(seen)


def repeating(*parts: str) -> indexes.Answer:
    """Answer with what was sent, as careless servers do."""

    def answer(request: indexes.Handler) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        sent = request.headers["Authorization"]
        token = base64.b64decode(sent.partition(" ")[2]).decode().partition(":")[2]
        text = " ".join(part.format(sent=sent, token=token, quoted=quote(token, safe="")) for part in parts)
        page(text, status=403, Location=f"http://127.0.0.1:9/?t={token}")(request)

    return answer


@pytest.mark.parametrize("token", [make_token(identifier="unique"), "a<b>&'c/d+e=", "x" * 500])
def test_what_an_index_repeats_is_not_told(
    token: str, uploader: Uploader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes.Handler, "do_POST", lambda request: request.server.answer(request), raising=False)
    with faulty(repeating("no {token}", "{sent}", "{quoted}")) as server:
        answer = upload(uploader, server.root, make_wheel(tmp_path), token=token)[WHEEL]
    said = json.dumps(answer)
    assert answer.status == 403
    assert answer.text.startswith("no ***")
    sent = base64.b64encode(f"__token__:{token}".encode()).decode()
    assert not [each for each in (token, quote(token, safe=""), sent) if each in said]


# -- how long ----------------------------------------------------------------------------------------------------------


def test_how_long_an_upload_may_take() -> None:
    assert seconds_for(0) == UPLOAD_SECONDS
    assert seconds_for(100 * 10**6) == UPLOAD_SECONDS + 100 * 10**6 / BYTES_A_SECOND
    assert Upload(Path("a")).seconds == UPLOAD_SECONDS


def test_a_slow_answer_is_waited_for(uploader: Uploader, warehouse: Warehouse, tmp_path: Path) -> None:
    with FaultProxy(warehouse.root, Fault("slow", seconds=0.4)) as proxy:
        start = time.monotonic()
        assert upload(uploader, proxy.through(warehouse.upload_url), make_wheel(tmp_path)) == {WHEEL: Answer(200)}
        assert time.monotonic() - start > 0.4
